"""From what an answer did to what is wrong with it, in the terms of who wrote it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, permutations
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from rev2net_lite.exercises.observing import Array, Observation, Other, Value, observe, observe_all
from rev2net_lite.exercises.questions import Made, Probe, Question

__all__ = ["Verdict", "judge", "probes_of"]

# What a slip makes of the right values; its first argument is the place of the probe among those that failed.
_Turn = Callable[[int, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Verdict:
    """What is said about one answer.

    Attributes:
        key: of the question.
        state: an answer that is still the released stub is not wrong but not attempted.
        mistake: the short name of what is wrong, as a class's commonest mistakes are counted; empty otherwise.
        says: what the author of the answer reads. It speaks of the answer, never of the test.
        label: the property that failed, as `Probe.label`; empty where none did or all do.
    """

    key: str
    state: Literal["right", "wrong", "not attempted"]
    mistake: str = ""
    says: str = ""
    label: str = ""


def probes_of(question: Question, *, seed: int) -> list[Probe]:
    """The probes that the seed makes; the same ones each time."""
    return list(question.probes(torch.Generator().manual_seed(seed)))


def judge(question: Question, probes: Sequence[Probe], seen: Sequence[Observation]) -> Verdict:
    """What is right or wrong about the answer that was seen.

    Args:
        question: holds the reference and the mistakes known by name, which are run here.
        probes: the calls.
        seen: what the answer did at each; shorter only if it was not attempted.
    """
    if not seen or not all(one.attempted for one in seen):
        return Verdict(question.key, "not attempted")
    expected = observe_all(question.answer, probes)
    foreign = sorted({name for one in seen for name in one.library} - set(question.allowed))
    if foreign:
        says = f"It calls {foreign[0]} of the kit, and this question asks for your own code."
        return _wrong(question, "library called", says)
    failed = [at for at, probe in enumerate(probes) if not _fits(probe, expected[at], seen[at], question)]
    if not failed:
        return Verdict(question.key, "right")
    # Most known mistakes part from the answer at the first call that failed; the others need not be made then.
    # What a tensor is made on is not looked at beside wrong values.
    order = sorted(range(len(probes)), key=lambda at: at not in failed)
    if any(not probes[at].meta for at in failed):
        failed = [at for at in failed if not probes[at].meta]
        order = [at for at in order if not probes[at].meta]
    for mistake in question.mistakes:
        if all(_fits(probes[at], observe(mistake.answer, probes[at]), seen[at], question) for at in order):
            return _wrong(question, mistake.name, mistake.says, probes[failed[0]].label)
    at = failed[0]
    name, says = _diagnose(question, probes, expected, seen, failed)
    return _wrong(question, name, says, probes[at].label)


def _wrong(question: Question, mistake: str, says: str, label: str = "") -> Verdict:
    return Verdict(question.key, "wrong", mistake, says, label)


def _fits(probe: Probe, expected: Observation, seen: Observation, question: Question) -> bool:
    """Whether the two observations agree within rounding."""
    if probe.meta:
        return not _wrong_device(expected, seen)
    if bool(expected.error) != bool(seen.error):
        return False
    if expected.error:
        # An answer that should refuse must refuse in the same way, whatever words it chooses.
        return expected.error.split(":")[0].split(" ")[0] == seen.error.split(":")[0].split(" ")[0]
    if set(seen.changed) != set(expected.changed):
        return False
    if not _close(expected.value, seen.value, question.tolerance):
        return False
    # Gradients gather more rounding than values.
    return all(
        _close(expected.gradients[name], seen.gradients.get(name), 10 * question.tolerance) for name in probe.gradients
    )


def _wrong_device(expected: Observation, seen: Observation) -> bool:
    if expected.error or not isinstance(expected.value, Array):
        return False
    if seen.error:
        told = ("same device", "device meta is not the same", "on device", "copy out of meta")
        return any(words in seen.error for words in told)
    return isinstance(seen.value, Array) and seen.value.device != "meta"


def _close(expected: Value, seen: Value, tolerance: float) -> bool:
    if isinstance(expected, Array):
        return isinstance(seen, Array) and _form(expected) == _form(seen) and _near(expected.data, seen.data, tolerance)
    if isinstance(expected, bool) or isinstance(seen, bool):
        return expected is seen
    if isinstance(expected, int | float):
        if isinstance(seen, Array) and seen.shape == ():
            seen = seen.data.item()
        return isinstance(seen, int | float) and _near(np.asarray(expected), np.asarray(seen), tolerance)
    if isinstance(expected, str):
        return isinstance(seen, str) and expected.strip().lower() == seen.strip().lower()
    if isinstance(expected, tuple):
        return (
            isinstance(seen, tuple)
            and len(seen) == len(expected)
            and all(_close(one, other, tolerance) for one, other in zip(expected, seen, strict=True))
        )
    if isinstance(expected, dict):
        return (
            isinstance(seen, dict)
            and seen.keys() == expected.keys()
            and all(_close(value, seen[key], tolerance) for key, value in expected.items())
        )
    return expected == seen


def _form(array: Array) -> tuple[tuple[int, ...], str, str]:
    return array.shape, array.dtype, array.library


def _near(expected: np.ndarray, seen: np.ndarray, tolerance: float) -> bool:
    if expected.shape != seen.shape:
        return False
    if expected.size == 0:
        return True
    first, second = expected.astype(np.float64), seen.astype(np.float64)
    if not np.array_equal(np.isfinite(first), np.isfinite(second)):
        return False
    kept = np.isfinite(first)
    if not np.array_equal(first[~kept], second[~kept], equal_nan=True):
        return False
    largest = float(np.abs(first[kept]).max(initial=0.0))
    return float(np.abs(first[kept] - second[kept]).max(initial=0.0)) <= tolerance * max(largest, 1e-6)


def _diagnose(
    question: Question,
    probes: Sequence[Probe],
    expected: Sequence[Observation],
    seen: Sequence[Observation],
    failed: Sequence[int],
) -> tuple[str, str]:
    """Name and explanation of a mistake that the question does not list."""
    at = failed[0]
    probe, wanted, got = probes[at], expected[at], seen[at]
    where = f" for {probe.label}" if probe.label else ""
    if probe.meta:
        says = (
            "It makes a tensor on the CPU although its arguments are on another device. Make new "
            "tensors like an argument, or with device=argument.device."
        )
        return "wrong device", says
    # Right at the sizes that the notebook shows and hardly anywhere else; an answer that is wrong in one special case
    # has another mistake.
    others = [i for i in range(1, len(probes)) if not probes[i].meta and not expected[i].error]
    written = (
        0 not in failed
        and 2 * len(set(failed) & set(others)) >= len(others)
        and (got.error or (isinstance(got.value, Array) and got.value.shape != _shape(wanted.value)))
    )
    if written and isinstance(wanted.value, Array) and any(map(_holds_tensor, probe.arguments.values())):
        what = got.error or f"the answer has shape {_shape(got.value)}"
        says = (
            f"It works at the sizes of the example only; at others, {what}. Read sizes off the "
            "arguments instead of writing them down."
        )
        return "hard-coded shape", says
    if got.error:
        if wanted.error:
            return "wrong error", f"It should refuse with {wanted.error.split(':')[0]}{where}; it raises {got.error}."
        return "raised an error", f"It raises {got.error}{where}."
    if wanted.error:
        return (
            "accepts bad input",
            f"It should refuse with {wanted.error.split(':')[0]}{where}, and it returns a value.",
        )
    if got.value is None and wanted.value is not None:
        return "returned nothing", "It returns None. Does every path end in a return?"
    extra = sorted(set(got.changed) - set(wanted.changed))
    if extra and isinstance(probe.arguments[extra[0]], Made):
        says = (
            f"It leaves its argument {extra[0]} changed{where}: parameters, .grad, requires_grad or "
            "training mode are not what they were."
        )
        return "input edited in place", says
    if extra:
        says = (
            f"It changes its argument {extra[0]} in place; whoever called it still needs the "
            "values. Work on a copy, or without operators such as += and methods ending in _."
        )
        return "input edited in place", says
    form = _diagnose_form(question, wanted.value, got.value, where)
    if form:
        return form
    if _close(wanted.value, got.value, question.tolerance):
        return _diagnose_gradient(probe, wanted, got, where)
    return _diagnose_values(question, probes, expected, seen, failed)


def _shape(value: Value) -> tuple[int, ...] | None:
    return value.shape if isinstance(value, Array) else None


def _diagnose_form(question: Question, wanted: Value, got: Value, where: str) -> tuple[str, str] | None:
    """What is wrong with type, number of axes, their order, sizes or dtype."""
    if not isinstance(wanted, Array):
        return _diagnose_plain(wanted, got, where)
    if not isinstance(got, Array):
        if wanted.shape == () and isinstance(got, int | float) and not isinstance(got, bool):
            return (
                "not a tensor",
                "It returns a Python number; .item() and float() cut the gradient. Return the tensor.",
            )
        return "not a tensor", f"It returns {_kind(got)}; a tensor of shape {wanted.shape} is expected{where}."
    if got.library != wanted.library:
        return "not a tensor", f"It returns an array of {got.library}; one of {wanted.library} is expected."
    axes = question.returns.split()
    if got.shape != wanted.shape:
        names = f" ({question.returns})" if axes else ""
        order = _order(wanted, got)
        if order and len(axes) == len(order):
            came = [axes[axis] for axis in order]
            moved = [axis for axis, source in enumerate(order) if axis != source]
            swap = f": axes {moved[0]} and {moved[1]} are swapped" if len(moved) == 2 else ""
            return "axes permuted", f"got {' '.join(came)}, expected {' '.join(axes)}{swap}."
        if tuple(size for size in got.shape if size != 1) == tuple(size for size in wanted.shape if size != 1):
            many = len(got.shape) > len(wanted.shape)
            name = "an axis too many" if many else "an axis too few"
            return name, f"It returns shape {got.shape}{where}; {wanted.shape}{names} is expected."
        if len(got.shape) == len(wanted.shape):
            differ = [axis for axis in range(len(got.shape)) if got.shape[axis] != wanted.shape[axis]]
            axis = differ[0]
            named = f"axis {axis} ('{axes[axis]}')" if len(axes) == len(got.shape) else f"axis {axis}"
            says = (
                f"It returns shape {got.shape}{where}; {named} should be {wanted.shape[axis]}, not {got.shape[axis]}."
            )
            if abs(got.shape[axis] - wanted.shape[axis]) == 1:
                return "one too many or too few", says
            return "wrong shape", says
        return "wrong shape", f"It returns shape {got.shape}{where}; {wanted.shape}{names} is expected."
    if got.dtype != wanted.dtype:
        return "wrong dtype", f"It returns {got.dtype}{where}; {wanted.dtype} is expected."
    return None


def _diagnose_plain(wanted: Value, got: Value, where: str) -> tuple[str, str] | None:
    """The same for answers that are no tensors."""
    if isinstance(wanted, tuple | dict) and isinstance(got, tuple | dict) and type(wanted) is type(got):
        if len(wanted) != len(got):
            return "wrong length", f"It returns {len(got)} values{where}; {len(wanted)} are expected."
        if isinstance(wanted, dict) and isinstance(got, dict) and wanted.keys() != got.keys():
            missing = sorted(wanted.keys() - got.keys()) or sorted(got.keys() - wanted.keys())
            return (
                "wrong names",
                f"The names in its dictionary differ from those asked for, for example '{missing[0]}'.",
            )
        if isinstance(wanted, dict) and isinstance(got, dict):
            deeper = ((name, _diagnose_form_of_entry(wanted[name], got[name], where)) for name in wanted)
            return next(((found[0], f"Its entry '{name}': {found[1]}") for name, found in deeper if found), None)
        return None
    scalar = int | float
    if isinstance(wanted, scalar) and (isinstance(got, scalar) or (isinstance(got, Array) and got.shape == ())):
        if isinstance(wanted, bool) != isinstance(got, bool):
            return "wrong type", f"It returns {_kind(got)}{where}; {_kind(wanted)} is expected."
        return None
    if type(wanted) is not type(got):
        return "wrong type", f"It returns {_kind(got)}{where}; {_kind(wanted)} is expected."
    return None


def _diagnose_form_of_entry(wanted: Value, got: Value, where: str) -> tuple[str, str] | None:
    return None if isinstance(wanted, Array) or isinstance(got, Array) else _diagnose_plain(wanted, got, where)


def _kind(value: Value) -> str:
    if isinstance(value, Array):
        return f"a tensor of shape {value.shape}"
    if isinstance(value, Other):
        return f"a value of type {value.kind}"
    names = {
        bool: "True or False",
        int: "a number",
        float: "a number",
        str: "a text",
        tuple: "a sequence",
        dict: "a dictionary",
    }
    return names.get(type(value), "None")


def _order(wanted: Array, got: Array) -> tuple[int, ...] | None:
    """The axes of `wanted` in the order in which they stand in `got`; None where no order explains the shape."""
    if sorted(wanted.shape) != sorted(got.shape) or len(wanted.shape) > 6:
        return None
    fitting = [
        order
        for order in permutations(range(len(wanted.shape)))
        if tuple(wanted.shape[axis] for axis in order) == got.shape
    ]
    # A reshape gives the shape of a permutation with other values; it is one all the same to who reads the message.
    same = [order for order in fitting if _near(wanted.data.transpose(order), got.data, 1e-3)]
    best = same or fitting
    return best[0] if best else None


def _diagnose_gradient(probe: Probe, wanted: Observation, got: Observation, where: str) -> tuple[str, str]:
    for name in probe.gradients:
        expected, found = wanted.gradients[name], got.gradients.get(name)
        if expected is not None and found is None:
            says = (
                f"The value is right, and no gradient reaches {name}: somewhere it is cut, by "
                ".detach(), .item(), .data or torch.no_grad()."
            )
            return "no gradient", says
        if expected is None and found is not None:
            return "missing detach", f"The value is right, but a gradient reaches {name}, and none should."
        if expected is not None and found is not None and not np.isfinite(found.data).all():
            says = (
                f"The value is right{where}, but its gradient is nan or infinity there: what is thrown away afterwards "
                "still takes part in the derivative, and so does a root of zero."
            )
            return "gradient not finite", says
    return "wrong gradient", f"The value is right{where}, but its gradient is another one."


def _diagnose_values(
    question: Question,
    probes: Sequence[Probe],
    expected: Sequence[Observation],
    seen: Sequence[Observation],
    failed: Sequence[int],
) -> tuple[str, str]:
    """What turns the right values into those that came, if one usual slip explains every failed probe."""
    at = failed[0]
    wanted, got = expected[at].value, seen[at].value
    where = f" for {probes[at].label}" if probes[at].label else ""
    if isinstance(wanted, str) and isinstance(got, str):
        return "wrong value", f"'{got[:80]}' is not the answer{where}."
    pairs = [(_numbers(expected[i].value), _numbers(seen[i].value)) for i in failed]
    known = [(one, other) for one, other in pairs if one is not None and other is not None and one.shape == other.shape]
    if not known or len(known) != len(failed):
        if isinstance(wanted, dict) and isinstance(got, dict):
            names = [name for name in wanted if not _close(wanted[name], got[name], question.tolerance)]
            return "wrong value", f"Its entry '{names[0]}' is another than expected{where}."
        return "wrong value", f"It returns another value than expected{where}."
    for i, (one, other) in zip(failed, known, strict=True):
        if np.isfinite(one).all() and not np.isfinite(other).all():
            there = f" for {probes[i].label}" if probes[i].label else ""
            return "not finite", f"It returns nan or infinity{there}. Which division or root has no result there?"
    axes = question.returns.split()
    for name, says, turned in _slips(probes, failed, axes):
        if all(_near(turned(index, one), other, 1e-3) for index, (one, other) in enumerate(known)):
            return name, says
    one, other = known[0]
    ratio = _ratio(one, other)
    if ratio is not None:
        says = f"Every value is {ratio:.4g} times what it should be{where}: a factor is missing or stands there twice."
        return "wrong by a factor", says
    if one.size == 1:
        return "wrong value", f"It returns {float(other.reshape(-1)[0]):.6g}{where}; that is not the value."
    difference = np.abs(one - other)
    index = np.unravel_index(int(np.nanargmax(difference)), one.shape)
    share = float((difference > question.tolerance * max(float(np.abs(one).max()), 1e-6)).mean())
    place = ", ".join(str(int(i)) for i in index)
    says = (
        f"{100 * share:.0f} % of its values are wrong{where}; the largest difference, "
        f"{float(difference[index]):.4g}, is at [{place}]."
    )
    return "wrong value", says


def _slips(probes: Sequence[Probe], failed: Sequence[int], axes: list[str]) -> Iterator[tuple[str, str, _Turn]]:
    """Name, explanation and effect of the usual slips, the commonest first."""
    yield "sign flipped", "Every value has the wrong sign.", lambda _, x: -x
    if "2" in axes:
        axis = axes.index("2")
        yield (
            "u and v swapped",
            "Its two channels are exchanged: channel 0 is the displacement to the right (u), channel 1 downwards (v).",
            lambda _, x: np.flip(x, axis) if x.ndim > axis else x * np.nan,
        )
    yield "missing square root", "Each value is the square of what it should be: a root is missing.", lambda _, x: x**2
    yield (
        "missing square",
        "Each value is the root of what it should be: a square is missing.",
        lambda _, x: np.sqrt(np.abs(x)),
    )
    sizes = [_first_shape(probes[i]) for i in failed]
    for some in chain.from_iterable(combinations(range(5), count) for count in range(1, 6)):
        if all(some[-1] < len(shape) for shape in sizes):
            counts = [math.prod(shape[axis] for axis in some) for shape in sizes]
            if min(counts) > 1:
                yield "sum for mean", "It adds up where it should average.", _times(counts)
                yield "mean for sum", "It averages where it should add up.", _times([1 / count for count in counts])
    yield "off by one", "Every number is one too large.", lambda _, x: x + 1
    yield "off by one", "Every number is one too small.", lambda _, x: x - 1


def _times(factors: Sequence[float]) -> _Turn:
    return lambda index, values: values * factors[index]


def _holds_tensor(value: object) -> bool:
    """Whether an argument has sizes at all."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return isinstance(value, Tensor | Made) or any(map(_holds_tensor, items))


def _first_shape(probe: Probe) -> tuple[int, ...]:
    for value in probe.arguments.values():
        if isinstance(value, Tensor) and value.ndim:
            return tuple(value.shape)
    return ()


def _numbers(value: Value) -> np.ndarray | None:
    """The value as float64, if it is an array, a number, or a table of numbers in sequences or by name."""
    if isinstance(value, Array):
        return value.data.astype(np.float64)
    if isinstance(value, int | float):
        return np.asarray(value, np.float64)
    if isinstance(value, dict):
        value = tuple(value[name] for name in sorted(value))
    if isinstance(value, tuple) and value:
        parts = [part for part in map(_numbers, value) if part is not None]
        if len(parts) == len(value) and len({part.shape for part in parts}) == 1:
            return np.stack(parts)
    return None


def _ratio(expected: np.ndarray, seen: np.ndarray) -> float | None:
    large = np.abs(expected) > 1e-3 * max(float(np.abs(expected).max()), 1e-12)
    if large.sum() < 2:
        return None
    ratios = seen[large] / expected[large]
    middle = float(np.median(ratios))
    if abs(middle) > 1e-6 and abs(middle - 1) > 1e-3 and np.abs(ratios - middle).max() < 1e-3 * abs(middle):
        return middle
    return None
