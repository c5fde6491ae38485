"""Every question against a bank of answers: right ones pass, however written; wrong ones are rejected by name.

A file `tests/bank/A1_3.py` holds the answers to A1.3 as source text: `RIGHT`, at least three, and `WRONG`, pairs of
the mistake's name and the source. `tests/bank/A1_3_blind.py` holds wrong answers whose author saw the question and not
the checks.
"""

from __future__ import annotations

import importlib.util
import linecache
import math
from pathlib import Path

import pytest
import torch

from rev2net_lite.exercises import find_question, public_seed, question_keys
from rev2net_lite.exercises.judging import Verdict, judge, probes_of
from rev2net_lite.exercises.observing import Array, observe_all

# A warning costs an answer nothing where it is graded, so it is no error here either.
pytestmark = pytest.mark.filterwarnings("default")

BANK = Path(__file__).parent / "bank"
ASSIGNMENTS = ("A1", "A2", "A3", "A4")
KEYS = [key for part in ASSIGNMENTS for key in question_keys(part)]
SETUP = """
import math
import numpy as np
import torch
import torch.nn.functional as F
from einops import rearrange, reduce, repeat
from torch import Tensor, nn
"""


def answers(key: str, *, blind: bool = False) -> tuple[list[str], list[tuple[str, str]]]:
    """The right and the wrong answers of a question's file; none where there is no such file."""
    path = BANK / f"{key.replace('.', '_')}{'_blind' if blind else ''}.py"
    if not path.exists():
        return [], []
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return list(getattr(module, "RIGHT", [])), list(module.WRONG)


def verdict(key: str, source: str, *, seed: int) -> Verdict:
    """What is said about the answer of that source, on the probes of the seed."""
    question = find_question(key)
    space: dict[str, object] = {"__name__": "answer"}
    name = f"<answer to {key}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    exec(compile(SETUP + source, name, "exec"), space)
    probes = probes_of(question, seed=seed)
    return judge(question, probes, observe_all(space[question.name], probes))


RIGHT = {f"{key}-{at}": (key, source) for key in KEYS for at, source in enumerate(answers(key)[0])}
WRONG = {
    f"{key}-{'blind' if blind else 'seen'}-{at}": (key, name, source)
    for key in KEYS
    for blind in (False, True)
    for at, (name, source) in enumerate(answers(key, blind=blind)[1])
}


@pytest.mark.parametrize("key", KEYS)
def test_the_bank_holds_enough_answers(key: str) -> None:
    right, wrong = answers(key)
    _, unseen = answers(key, blind=True)
    assert len(right) >= 3, f"{len(right)} right answers to {key}"
    assert len(wrong) + len(unseen) >= 8 and len(unseen) >= 4, f"{len(wrong)} and {len(unseen)} wrong answers to {key}"
    assert len({source.strip() for _, source in wrong + unseen}) == len(wrong) + len(unseen)


@pytest.mark.parametrize("key, source", RIGHT.values(), ids=RIGHT)
def test_a_right_answer_passes_however_it_is_written(key: str, source: str) -> None:
    for seed in (public_seed(key), 1, 2):
        seen = verdict(key, source, seed=seed)
        assert seen.state == "right", seen


@pytest.mark.parametrize("key, name, source", WRONG.values(), ids=WRONG)
def test_a_wrong_answer_is_rejected_by_its_name(key: str, name: str, source: str) -> None:
    for seed in (public_seed(key), 1, 2):
        seen = verdict(key, source, seed=seed)
        assert seen.state == "wrong", f"this answer to {key} scores and should not"
        assert seen.mistake == name, f"named '{seen.mistake}', and it is '{name}': {seen.says}"


@pytest.mark.parametrize("key", KEYS + [key for part in range(1, 8) for key in question_keys(f"{part:02d}")])
def test_a_question_is_sound(key: str) -> None:
    question = find_question(key)
    for seed in (public_seed(key), 1, 2):
        probes = probes_of(question, seed=seed)
        assert judge(question, probes, observe_all(question.answer, probes)).state == "right"
        for mistake in question.mistakes:
            seen = judge(question, probes, observe_all(mistake.answer, probes))
            assert (seen.state, seen.mistake) == ("wrong", mistake.name)
        # A permutation is only seen where no two axes have one size.
        returned = observe_all(question.answer, probes)[0].value
        if isinstance(returned, Array) and question.returns:
            assert len(question.returns.split()) == len(returned.shape)
            for one in probes:
                shapes = [value.shape for value in one.arguments.values() if isinstance(value, torch.Tensor)]
                assert all(len(set(shape)) == len(shape) or math.prod(shape) < 10 for shape in shapes), one.label
    # A mistake may be made in several ways; it is explained in one.
    names = {mistake.name for mistake in question.mistakes}
    assert len({(mistake.name, mistake.says) for mistake in question.mistakes}) == len(names)


def test_each_assignment_has_enough_work() -> None:
    minutes = [sum(find_question(key).minutes for key in question_keys(part)) for part in ASSIGNMENTS]
    assert all(len(question_keys(part)) >= 5 for part in ASSIGNMENTS)
    assert 6 <= sum(minutes) / 60 <= 10
