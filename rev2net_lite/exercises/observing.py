"""What an answer does when it is called: plain data, so that another process can judge it.

The answer's author is not trusted further than this module: what leaves it are arrays, numbers and text.
"""

from __future__ import annotations

import contextlib
import functools
import math
import os
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import numpy as np
import torch
from torch import Tensor, nn

from rev2net_lite.exercises.objects import make
from rev2net_lite.exercises.questions import Made, Probe

__all__ = ["Array", "Observation", "Other", "Value", "observe", "observe_all", "plain"]

_LIBRARY = Path(__file__).parent.parent
_LONGEST = 4000  # characters of what an answer prints, or of one text that it returns
_MOST = 10_000_000  # numbers that one answer may return


@dataclass(frozen=True)
class Array:
    """A tensor or an array that an answer returned.

    Attributes:
        data: its values (float32 for bfloat16, which numpy lacks; empty for one on the device `meta`).
        shape: its own shape.
        dtype: as torch or numpy names it, without the library: `"float32"`.
        device: `"cpu"`, `"cuda"`, `"meta"`.
        library: `"torch"` or `"numpy"`.
    """

    data: np.ndarray
    shape: tuple[int, ...]
    dtype: str
    device: str = "cpu"
    library: str = "torch"


@dataclass(frozen=True)
class Other:
    """A value of a type that no question asks for, known by the type's name."""

    kind: str


Value = Array | Other | float | int | bool | str | None | tuple["Value", ...] | dict[str, "Value"]


@dataclass(frozen=True)
class Observation:
    """One call of an answer.

    Attributes:
        value: what it returned.
        gradients: of the answer, weighted by fixed numbers and summed, by each argument asked for; None where the
            answer does not depend on it as far as autograd knows.
        changed: arguments that it edited in place.
        error: type, message and line of what it raised; empty otherwise.
        attempted: False for a body that is still the released stub.
        library: modules of the kit that it called.
        said: what it wrote to standard error, shortened.
    """

    value: Value = None
    gradients: dict[str, Array | None] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    error: str = ""
    attempted: bool = True
    library: tuple[str, ...] = ()
    said: str = ""


def observe(answer: Callable[..., object], probe: Probe) -> Observation:
    """What the answer does when it is called with the probe's arguments.

    Whatever it raises becomes part of the observation, except for an interrupt by the reader. What it writes to
    standard error, by Python or beneath it, is kept from the cell, where a grader would take it for a failure.
    """
    arguments = {name: _fresh(value, meta=probe.meta) for name, value in probe.arguments.items()}
    tracked = [name for name in probe.gradients if not probe.meta]
    for name in tracked:
        for tensor in _tensors(arguments[name]):
            tensor.requires_grad_()
    before = {name: _content(value) for name, value in arguments.items()}
    called: set[str] = set()
    if probe.meta:
        _ready_meta()
    with _standard_error() as said:
        try:
            # An answer may turn gradients off or set a default type for itself only.
            with torch.random.fork_rng(devices=[]), torch.enable_grad(), _watch(called):
                torch.manual_seed(0)
                returned = answer(*arguments.values())
            # To turn gradients off in an argument, as detach_() does, is to change it.
            cut = {name for name in tracked if not all(x.requires_grad for x in _tensors(arguments[name]))}
            changed = tuple(
                name for name in arguments if name in cut or not _equal(before[name], _content(arguments[name]))
            )
            asked = {name: _tensors(arguments[name]) for name in tracked if name not in cut}
            gradients = dict.fromkeys(tracked) | _gradients(returned, asked)
            value = plain(returned)
        except NotImplementedError as error:
            if str(error) or probe.meta:
                return Observation(error=_describe(error), library=tuple(sorted(called)), said=said())
            return Observation(attempted=False, said=said())
        except (Exception, SystemExit) as error:
            return Observation(error=_describe(error), library=tuple(sorted(called)), said=said())
        return Observation(value, gradients, changed, library=tuple(sorted(called)), said=said())


def observe_value(value: object) -> Observation:
    """The observation of an answer that is no function but a value, such as a word or a number."""
    return Observation(plain(value), attempted=value is not None and value is not ...)


def plain(value: object, *, depth: int = 0) -> Value:
    """A value as plain data; what has no such form is kept by the name of its type."""
    if isinstance(value, Tensor):
        return _array(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return Array(value.copy(), value.shape, value.dtype.name, library="numpy")
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return plain(value.item())
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value[:_LONGEST]
    if depth < 4 and isinstance(value, list | tuple) and len(value) <= 10_000:
        return tuple(plain(item, depth=depth + 1) for item in value)
    if depth < 4 and isinstance(value, dict) and len(value) <= 10_000:
        return {str(key): plain(item, depth=depth + 1) for key, item in value.items()}
    return Other(type(value).__name__)


def _content(value: object) -> Value:
    """All of an argument that an answer could change; of a module its parameters, their gradients and its mode."""
    if not isinstance(value, nn.Module):
        return plain(value)
    parameters = {
        name: (plain(parameter), plain(parameter.grad), parameter.requires_grad)
        for name, parameter in value.named_parameters()
    }
    return {**parameters, "mode": value.training}


def _array(tensor: Tensor) -> Value:
    kept = tensor.detach()
    name = str(kept.dtype).removeprefix("torch.")
    if kept.numel() > _MOST or kept.dtype.is_complex or kept.is_sparse or kept.is_quantized:
        return Other(f"{name} tensor of shape {tuple(kept.shape)}")
    if kept.device.type == "meta":
        return Array(np.empty(0, np.float32), tuple(kept.shape), name, "meta")
    data = kept.float() if kept.dtype in (torch.bfloat16, torch.float16) else kept
    return Array(data.cpu().numpy().copy(), tuple(kept.shape), name, kept.device.type)


def _fresh(value: object, *, meta: bool) -> object:
    """An argument of its own for one call: nothing that an answer does to it reaches the next."""
    if isinstance(value, Made):
        return make(value.maker, value.options)
    if isinstance(value, Tensor):
        return torch.empty_like(value, device="meta") if meta else value.detach().clone()
    if isinstance(value, list):
        return [_fresh(item, meta=meta) for item in value]
    if isinstance(value, tuple):
        return tuple(_fresh(item, meta=meta) for item in value)
    if isinstance(value, dict):
        return {key: _fresh(item, meta=meta) for key, item in value.items()}
    return value


def _tensors(value: object) -> list[Tensor]:
    """The tensor, or those in a list or dictionary of them."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else [value]
    found = [item for item in items if isinstance(item, Tensor)]
    if not found:
        raise TypeError(f"gradients are asked for by a {type(value).__name__}; they exist for tensors only")
    return found


def _gradients(returned: object, arguments: dict[str, list[Tensor]]) -> dict[str, Array | None]:
    """By each argument; one of several tensors has one gradient, in a row, with zeros where none arrives."""
    if not arguments:
        return {}
    nothing: dict[str, Array | None] = dict.fromkeys(arguments)
    if not isinstance(returned, Tensor) or not returned.requires_grad:
        return nothing
    # Unequal weights: the gradient of a plain sum would not see two outputs exchanged.
    weights = torch.linspace(1, 2, returned.numel(), dtype=returned.dtype).reshape(returned.shape)
    everything = [tensor for tensors in arguments.values() for tensor in tensors]
    found = iter(torch.autograd.grad((returned * weights).sum(), everything, allow_unused=True))
    for name, tensors in arguments.items():
        parts = [next(found) for _ in tensors]
        if any(part is not None for part in parts):
            whole = [torch.zeros_like(t) if part is None else part for part, t in zip(parts, tensors, strict=True)]
            array = _array(whole[0] if len(whole) == 1 else torch.cat([part.flatten() for part in whole]))
            nothing[name] = array if isinstance(array, Array) else None
    return nothing


def _equal(first: Value, second: Value) -> bool:
    if isinstance(first, Array) and isinstance(second, Array):
        return first.shape == second.shape and np.array_equal(first.data, second.data, equal_nan=True)
    if isinstance(first, tuple) and isinstance(second, tuple):
        return len(first) == len(second) and all(map(_equal, first, second))
    if isinstance(first, dict) and isinstance(second, dict):
        return first.keys() == second.keys() and all(_equal(first[key], second[key]) for key in first)
    if isinstance(first, float) and isinstance(second, float) and math.isnan(first):
        return math.isnan(second)
    return type(first) is type(second) and first == second


@functools.cache
def _ready_meta() -> None:
    """Lets torch load what it needs for tensors without values: more than a second, and three while it is watched."""
    torch.empty(1, device="meta").relu() + 1


def _describe(error: BaseException) -> str:
    """`ValueError: what it says (line 3 of correct)`, with the last line that is not inside a library."""
    text = str(error).strip().splitlines()
    first = f": {text[0][:300]}" if text else ""
    place = ""
    for frame in traceback.extract_tb(error.__traceback__):
        inside = Path(frame.filename)
        if "site-packages" not in inside.parts and _LIBRARY not in inside.parents:
            place = f" (line {frame.lineno} of {frame.name})"
    return f"{type(error).__name__}{first}{place}"


@contextlib.contextmanager
def _watch(called: set[str]) -> Iterator[None]:
    """Notes the kit's own modules that are entered, other than the exercises themselves."""
    here = str(_LIBRARY) + os.sep
    mine = str(Path(__file__).parent) + os.sep

    def look(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            name = frame.f_code.co_filename
            if name.startswith(here) and not name.startswith(mine):
                called.add("rev2net_lite." + name.removeprefix(here).removesuffix(".py").replace(os.sep, "."))

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(before)


@contextlib.contextmanager
def _standard_error() -> Iterator[Callable[[], str]]:
    """Keeps what is written to standard error, by Python and by C libraries; the yielded function returns it."""
    with tempfile.TemporaryFile() as kept:

        def read() -> str:
            sys.stderr.flush()
            kept.seek(0)
            return kept.read(_LONGEST).decode("utf-8", "replace")

        sys.stderr.flush()
        saved = os.dup(2)
        os.dup2(kept.fileno(), 2)
        # A kernel's sys.stderr is no file but sends messages; a writer upon the descriptor takes its place.
        writer = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace", buffering=1)
        try:
            with contextlib.redirect_stderr(writer):
                yield read
        finally:
            writer.close()
            os.dup2(saved, 2)
            os.close(saved)


def observe_all(answer: object, probes: Sequence[Probe]) -> list[Observation]:
    """The observation of each probe, until one is not attempted; of an answer that is no function, its value."""
    if not callable(answer):
        return [observe_value(answer)] * len(probes)
    seen: list[Observation] = []
    for probe in probes:
        seen.append(observe(answer, probe))
        if not seen[-1].attempted:
            break
    return seen
