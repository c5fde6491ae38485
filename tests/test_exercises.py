"""The machinery of `exercises`, on one question made up for it; the real ones are tested with their bank of answers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from rev2net_lite.exercises import Made, Mistake, Probe, Question, check, find_question, hint, objects
from rev2net_lite.exercises.cross_dataset import _indexed_by_labels
from rev2net_lite.exercises.judging import judge, probes_of
from rev2net_lite.exercises.observing import Array, Other, observe, observe_all, plain


def blur(flow: Tensor, weight: Tensor) -> Tensor:
    return (flow * weight) ** 2


def calls(generator: torch.Generator) -> list[Probe]:
    def flow(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator) + 0.5

    return [
        Probe("the sizes of the example", {"flow": flow(3, 2, 4, 5), "weight": flow(1)}),
        Probe("a wide field", {"flow": flow(4, 2, 3, 7), "weight": flow(1)}, gradients=("flow",)),
        Probe("another device", {"flow": flow(4, 2, 3, 7), "weight": flow(1)}, meta=True),
    ]


QUESTION = Question(
    key="A1.1",
    title="Blur",
    name="blur",
    answer=blur,
    probes=calls,
    returns="b 2 h w",
    hints=("one", "two", "three"),
    difficulty="easy",
    minutes=5,
    points=2,
    mistakes=(Mistake("weight squared twice", "The weight is squared twice.", lambda x, w: (x * w * w) ** 2),),
)


def in_place(flow: Tensor, weight: Tensor) -> Tensor:
    if not flow.requires_grad:
        flow += 1
        return ((flow - 1) * weight) ** 2
    return (flow * weight) ** 2


def leave() -> Tensor:
    sys.exit(3)


ANSWERS = {
    "": lambda x, w: x.pow(2) * w.pow(2),
    "weight squared twice": lambda x, w: x**2 * w**4,
    "sign flipped": lambda x, w: -((x * w) ** 2),
    "u and v swapped": lambda x, w: ((x * w) ** 2).flip(1),
    "missing square": lambda x, w: x * w,
    "missing square root": lambda x, w: (x * w) ** 4,
    "axes permuted": lambda x, w: ((x * w) ** 2).transpose(0, 1),
    "an axis too many": lambda x, w: ((x * w) ** 2)[None],
    "one too many or too few": lambda x, w: ((x * w) ** 2)[..., 1:],
    "wrong shape": lambda x, w: (x * w).flatten()[:3],
    "wrong dtype": lambda x, w: ((x * w) ** 2).double(),
    "not a tensor": lambda x, w: ((x * w) ** 2).tolist(),
    "not finite": lambda x, w: (x * w) ** 2 / 0,
    "wrong by a factor": lambda x, w: (x * w) ** 2 * 1.7,
    "off by one": lambda x, w: (x * w) ** 2 + 1,
    "wrong value": lambda x, w: x.sin() * w,
    "returned nothing": lambda *_: None,
    "raised an error": lambda *_: leave(),
    "hard-coded shape": lambda x, w: ((x * w) ** 2).reshape(3, 2, 4, 5),
    "input edited in place": in_place,
    "no gradient": lambda x, w: (x.detach() * w) ** 2,
    "wrong gradient": lambda x, w: (x * w) ** 2 + x - x.detach(),
    "wrong device": lambda x, w: (x * w) ** 2 if x.device.type != "meta" else torch.zeros(4, 2, 3, 7),
}


@pytest.mark.parametrize("mistake", ANSWERS)
def test_each_usual_slip_is_recognised_by_name(mistake: str) -> None:
    probes = probes_of(QUESTION, seed=1)
    verdict = judge(QUESTION, probes, observe_all(ANSWERS[mistake], probes))
    assert verdict.mistake == mistake, verdict
    assert verdict.state == ("wrong" if mistake else "right")
    assert bool(verdict.says) == bool(mistake)


def test_a_permutation_is_told_in_the_letters_of_the_axes() -> None:
    probes = probes_of(QUESTION, seed=1)
    verdict = judge(QUESTION, probes, observe_all(ANSWERS["axes permuted"], probes))
    assert verdict.says == "got 2 b h w, expected b 2 h w: axes 0 and 1 are swapped."


def test_a_stub_is_not_attempted_and_an_error_with_words_is_wrong() -> None:
    def stub(flow: Tensor, weight: Tensor) -> Tensor:
        raise NotImplementedError()

    def refuses(flow: Tensor, weight: Tensor) -> Tensor:
        raise NotImplementedError("no flow for me")

    probes = probes_of(QUESTION, seed=1)
    assert judge(QUESTION, probes, observe_all(stub, probes)).state == "not attempted"
    verdict = judge(QUESTION, probes, observe_all(refuses, probes))
    assert verdict.state == "wrong" and "no flow for me" in verdict.says and "of refuses" in verdict.says


def test_what_goes_to_standard_error_is_kept_from_the_cell_and_costs_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    def noisy(flow: Tensor, weight: Tensor) -> Tensor:
        print("from Python", file=sys.stderr)
        os.write(2, b"from below\n")
        return (flow * weight) ** 2

    probes = probes_of(QUESTION, seed=1)
    seen = observe_all(noisy, probes)
    assert judge(QUESTION, probes, seen).state == "right"
    assert all(word in seen[0].said for word in ("from Python", "from below"))
    assert capfd.readouterr().err == ""


def test_an_answer_that_calls_the_kits_own_is_not_ones_own() -> None:
    from rev2net_lite.shapes import check_shape

    def borrowed(flow: Tensor, weight: Tensor) -> Tensor:
        check_shape("flow", flow, "b 2 h w")
        return (flow * weight) ** 2

    probes = probes_of(QUESTION, seed=1)
    verdict = judge(QUESTION, probes, observe_all(borrowed, probes))
    assert (verdict.mistake, verdict.says) == (
        "library called",
        "It calls rev2net_lite.shapes of the kit, and this question asks for your own code.",
    )


def test_the_same_seed_makes_the_same_probes() -> None:
    one, same, other = (probes_of(QUESTION, seed=seed)[0].arguments["flow"] for seed in (5, 5, 6))
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_what_an_answer_returns_becomes_plain_data() -> None:
    value = plain({"a": [1, 2.5, torch.ones(2, dtype=torch.bfloat16)], "b": object()})
    assert isinstance(value, dict)
    assert value["b"] == Other("object")
    (one, two, array) = value["a"]
    assert (one, two, array.dtype, array.data.dtype) == (1, 2.5, "bfloat16", "float32")
    assert isinstance(array, Array)


def test_an_interrupt_by_the_reader_is_passed_on() -> None:
    def endless(*_: Tensor) -> Tensor:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        observe(endless, probes_of(QUESTION, seed=1)[0])


def test_an_answer_must_leave_a_module_as_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(objects.MAKERS, "line", lambda: nn.Linear(1, 1))

    def freezes(line: nn.Module) -> None:
        line.requires_grad_(False)

    def learns(line: nn.Module) -> None:
        line(torch.ones(1, 1)).sum().backward()

    def looks(line: nn.Module) -> None:
        torch.autograd.grad(line(torch.ones(1, 1)).sum(), list(line.parameters()))

    probe = Probe("a line", {"line": Made("line")})
    found = {answer.__name__: observe(answer, probe).changed for answer in (freezes, learns, looks, nn.Module.eval)}
    assert found == {"freezes": ("line",), "learns": ("line",), "looks": (), "eval": ("line",)}
    question = replace(QUESTION, answer=looks, probes=lambda _: [probe], mistakes=())
    verdict = judge(question, [probe], observe_all(learns, [probe]))
    assert verdict.mistake == "input edited in place"
    assert verdict.says.startswith("It leaves its argument line changed for a line: parameters, .grad,")


@pytest.mark.parametrize("table", [lambda x: ((x, x + 1), (x + 2, x + 3)), lambda x: {"a": x, "b": x + 1}])
def test_usual_slips_are_recognised_in_tables_of_numbers(table: Callable[[float], object]) -> None:
    question = replace(QUESTION, answer=table, probes=lambda _: [Probe("a number", {"x": 2.5})], mistakes=())
    probes = probes_of(question, seed=1)
    verdict = judge(question, probes, observe_all(lambda x: table(x + 1), probes))
    assert verdict.mistake == "off by one", verdict


def test_gradients_are_compared_through_lists_and_dictionaries_of_tensors() -> None:
    def total(parts: list[Tensor], by_name: dict[str, Tensor]) -> Tensor:
        return parts[0].detach().sum() + 2 * parts[1].sum() + by_name["a"].square().sum()

    probe = Probe("", {"parts": [torch.ones(2), torch.ones(3)], "by_name": {"a": torch.ones(())}})
    seen = observe(total, replace(probe, gradients=("parts", "by_name")))
    found = {name: array.data.tolist() for name, array in seen.gradients.items() if array is not None}
    assert found == {"parts": [0, 0, 2, 2, 2], "by_name": 2}
    cut = observe(lambda parts, _: parts[0].detach().sum(), replace(probe, gradients=("parts",)))
    assert cut.gradients == {"parts": None}
    with pytest.raises(TypeError, match="gradients are asked for by a list; they exist for tensors only"):
        observe(total, Probe("", {"parts": [1.0], "by_name": {}}, gradients=("parts",)))


def test_nan_is_told_of_the_call_that_has_it_and_a_gradient_may_have_it_alone() -> None:
    def root(flow: Tensor) -> Tensor:
        return flow.abs().clamp_min(0.04).sqrt()

    def calls(generator: torch.Generator) -> list[Probe]:
        flow = torch.rand(2, 3, generator=generator) + 0.5
        return [Probe("large flow", {"flow": flow}, ("flow",)), Probe("no flow", {"flow": 0 * flow}, ("flow",))]

    question = replace(QUESTION, answer=root, probes=calls, mistakes=(), returns="b w")
    probes = probes_of(question, seed=1)
    late = judge(question, probes, observe_all(lambda x: torch.where(x == 0, 0.2, x.sqrt()), probes))
    assert late.mistake == "gradient not finite" and "right for no flow" in late.says
    twice = judge(question, probes, observe_all(lambda x: 3 * x.sqrt() * x / x, probes))
    assert twice.mistake == "not finite" and "infinity for no flow" in twice.says


def test_filling_a_tensor_on_the_cpu_is_a_wrong_device() -> None:
    def filled(flow: Tensor, weight: Tensor) -> Tensor:
        out = torch.empty(flow.shape)
        out[:] = (flow * weight) ** 2
        return out

    probes = probes_of(QUESTION, seed=1)
    assert judge(QUESTION, probes, observe_all(filled, probes)).mistake == "wrong device"


def test_what_is_wrong_in_a_dictionary_is_told_by_its_entry() -> None:
    def count(names: list[str]) -> dict[str, object]:
        return {"n": len(names), "names": names, "last": names[-1] if len(names) > 1 else None}

    def calls(_: torch.Generator) -> list[Probe]:
        return [Probe("two names", {"names": ["a", "b"]}), Probe("one name", {"names": ["a"]})]

    question = replace(QUESTION, name="count", answer=count, probes=calls, returns="", mistakes=())
    probes = probes_of(question, seed=1)
    for answer, mistake, says in (
        (lambda names: count(names) | {"names": set(names)}, "wrong type", "Its entry 'names': It returns a value of"),
        (
            lambda names: count(names) | {"last": names[-1]},
            "wrong type",
            "Its entry 'last': It returns a text for one name",
        ),
        (lambda names: count(names) | {"names": ["c"] * len(names)}, "wrong value", "Its entry 'names' is another"),
        # No argument has sizes that could have been written down.
        (lambda names: count(names) if names[1] else {}, "raised an error", "It raises IndexError"),
    ):
        verdict = judge(question, probes, observe_all(answer, probes))
        assert verdict.mistake == mistake and verdict.says.startswith(says), verdict


def test_an_argument_whose_gradients_are_turned_off_was_changed() -> None:
    probe = Probe("", {"parts": [torch.ones(2)], "one": torch.ones(2)}, gradients=("parts", "one"))
    seen = observe(lambda parts, one: (parts[0].detach_() * one).sum(), probe)
    assert (seen.error, seen.changed, seen.gradients["parts"]) == ("", ("parts",), None)
    assert seen.gradients["one"] is not None


def test_an_error_beyond_the_example_is_no_matter_of_sizes_where_no_tensor_is_returned() -> None:
    def mean(flow: Tensor, weight: Tensor) -> dict[str, float]:
        return {"mean": float((flow * weight).mean())}

    def fails(flow: Tensor, weight: Tensor) -> dict[str, float]:
        return mean(flow, weight) if len(flow) == 3 else {}["mean"]

    question = replace(QUESTION, answer=mean, probes=lambda generator: calls(generator)[:2], returns="", mistakes=())
    probes = probes_of(question, seed=1)
    probes[1] = replace(probes[1], gradients=())
    assert judge(question, probes, observe_all(fails, probes)).mistake == "raised an error"


def test_a_wrong_value_on_the_wrong_device_is_named_by_its_value() -> None:
    def filled(flow: Tensor, weight: Tensor) -> Tensor:
        return torch.zeros(flow.shape) if flow.is_meta else -((flow * weight) ** 2)

    probes = probes_of(QUESTION, seed=1)
    assert judge(QUESTION, probes, observe_all(filled, probes)).mistake == "sign flipped"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"key": "A1"}, r"the key of a question is 'A1'; it should look like A1\.3 or 02\.1"),
        ({"hints": ("one", "two")}, r"question A1\.1 has 2 hints; it should have three that say something"),
        ({"minutes": 0}, r"question A1\.1 is planned for 0 minutes; it should be at least 1"),
        ({"points": 0}, r"question A1\.1 has 0 points; those of assignments score, others do not"),
    ],
)
def test_a_question_that_does_not_fit_together_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(QUESTION, **change)


def test_hints_come_in_three_steps(capsys: pytest.CaptureFixture[str]) -> None:
    hint("A1.3")
    hint("A1.3", step=3)
    first, third = capsys.readouterr().out.splitlines()
    assert first.startswith("A1.3, hint 1 of 3: ") and third.startswith("A1.3, hint 3 of 3: ")
    with pytest.raises(ValueError, match=r"step is 4; the hints of A1\.3 are 1, 2 and 3"):
        hint("A1.3", step=4)


def test_questions_that_are_not_there_are_refused_with_those_that_are() -> None:
    with pytest.raises(ValueError, match=r"there is no part 'B7' with questions; the parts are A1, A2"):
        check("B7.1", None)
    with pytest.raises(ValueError, match=r"there is no question 'A1\.99'; A1 has A1\.1, A1\.2"):
        check("A1.99", None)


def test_references_refuse_what_their_question_says_they_refuse() -> None:
    layer = {"channels": 4, "kernel": (5, 1, 1), "stride": (1, 1, 1), "padding": (0, 0, 0)}
    with pytest.raises(ValueError, match="a kernel of 5 does not fit into 4; make the clip larger"):
        find_question("A2.1").answer((3, 4, 8, 8), [layer])
    with pytest.raises(ValueError, match="time is 0; a kernel covers at least 1 frame"):
        find_question("A2.7").answer(torch.zeros(1, 1, 3, 3), 0)
    with pytest.raises(IndexError, match="index is out of bounds for size 2"):
        _indexed_by_labels(torch.eye(3), torch.tensor([0, 1, 1]))
