"""What student answers are checked with: `check("A1.3", answer)` says what is wrong in the student's terms.

A question holds a reference, probes and mistakes known by name (`questions`); an answer is called with the probes and
becomes plain data (`observing`); another process can judge that (`judging`).
"""

from __future__ import annotations

import hashlib
from importlib import import_module

from rev2net_lite.exercises.judging import Verdict, judge, probes_of
from rev2net_lite.exercises.observing import observe_all
from rev2net_lite.exercises.questions import Made, Mistake, Probe, Question

__all__ = [
    "Made",
    "Mistake",
    "Probe",
    "Question",
    "Verdict",
    "check",
    "find_question",
    "grade",
    "hint",
    "question_keys",
]

# The module of each assignment; the exercises of the series share one.
_MODULES = {
    "A1": "video_and_flow",
    "A2": "encoder_decoders",
    "A3": "multi_task_and_discrepancy",
    "A4": "cross_dataset",
    **{f"{number:02d}": "series" for number in range(1, 8)},
}


def question_keys(part: str) -> list[str]:
    """Keys of the questions of an assignment such as `"A1"` or of a notebook such as `"02"`, in their order.

    Raises:
        ValueError: there is no such part.
    """
    return [question.key for question in _questions(part)]


def find_question(key: str) -> Question:
    """The question of that key.

    Raises:
        ValueError: there is none; the message lists those of the same part.
    """
    part = key.split(".")[0] if isinstance(key, str) else ""
    for question in _questions(part):
        if question.key == key:
            return question
    raise ValueError(f"there is no question '{key}'; {part} has {', '.join(question_keys(part))}")


def check(key: str, answer: object) -> None:
    """Prints what is right or wrong about an answer.

    Args:
        key: of the question, `"A1.3"`.
        answer: the function that was written, or the value where the question asks for one.

    Raises:
        ValueError: there is no question of that key.
    """
    question = find_question(key)
    probes = probes_of(question, seed=public_seed(key))
    seen = observe_all(answer, probes)
    print(describe(judge(question, probes, seen)))
    said = next((one.said.strip() for one in seen if one.said.strip()), "")
    if said:
        print(f"It also wrote (this costs no points): {said.splitlines()[-1][:200]}")


def grade(key: str, answer: object) -> None:
    """Nothing if the answer is right: the hidden line of an assignment's grade cell, for plain nbgrader or by hand.

    It judges in the process in which the answer runs, where an answer can reach it. Only `make grade`, which runs
    answers in processes of their own and judges them elsewhere, is safe from being talked round.

    Args:
        key: of the question, `"A1.3"`.
        answer: the function that was written, or the value where the question asks for one.

    Raises:
        AssertionError: the answer is not right, or not attempted; the message says what `check` would.
        ValueError: there is no question of that key.
    """
    question = find_question(key)
    # Other probes than those of `check`, so that an answer made to fit these does not score.
    probes = probes_of(question, seed=public_seed(f"grade {key}"))
    verdict = judge(question, probes, observe_all(answer, probes))
    if verdict.state != "right":
        raise AssertionError(describe(verdict))


def hint(key: str, step: int = 1) -> None:
    """Prints one of a question's three hints; the third says all but the code.

    Raises:
        ValueError: there is no such question or step.
    """
    question = find_question(key)
    if step not in (1, 2, 3):
        raise ValueError(f"step is {step}; the hints of {key} are 1, 2 and 3")
    print(f"{key}, hint {step} of 3: {question.hints[step - 1]}")


def describe(verdict: Verdict) -> str:
    """The verdict as it stands in a cell or on a feedback page."""
    if verdict.state == "right":
        return f"{verdict.key}: right."
    if verdict.state == "not attempted":
        return f"{verdict.key}: not attempted."
    return f"{verdict.key}: not yet right ({verdict.mistake}). {verdict.says}"


def public_seed(key: str) -> int:
    """Seed of the probes that anyone may know."""
    return int.from_bytes(hashlib.sha256(f"public {key}".encode()).digest()[:6], "big")


def _questions(part: str) -> tuple[Question, ...]:
    if part not in _MODULES:
        raise ValueError(f"there is no part '{part}' with questions; the parts are {', '.join(_MODULES)}")
    module = import_module(f"rev2net_lite.exercises.{_MODULES[part]}")
    questions: tuple[Question, ...] = module.QUESTIONS
    return tuple(question for question in questions if question.key.startswith(f"{part}."))
