"""What a question is: a reference answer, probes to call an answer with, and the mistakes that it knows by name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch

__all__ = ["Made", "Mistake", "Probe", "Question"]


@dataclass(frozen=True)
class Made:
    """An argument that is no plain data, built anew for each call by a maker of `exercises.objects`.

    Attributes:
        maker: its name in `objects.MAKERS`.
        options: plain numbers and strings for it.
    """

    maker: str
    options: Mapping[str, int | float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Probe:
    """One call of an answer.

    Attributes:
        label: the property that this call tests, as a reader finishes the sentence "wrong for ...":
            `"a clip that is wider than high"`. It is all that a grade says of the call.
        arguments: value of each parameter by name, in the order in which they are passed: tensors, numbers, strings,
            lists and dictionaries of them, or `Made`. No two axes of a tensor have one size, so that a permutation
            shows.
        gradients: arguments, tensors or lists or dictionaries of them, by whose gradient the answer is compared too.
        meta: the tensors come without values on torch's device `meta`; the answer is looked at only for tensors made
            on another device than its arguments'.
    """

    label: str
    arguments: Mapping[str, object] = field(default_factory=dict)
    gradients: tuple[str, ...] = ()
    meta: bool = False


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that is recognised because it returns what `answer` returns.

    Attributes:
        name: what it is called in a list of a class's commonest mistakes: `"u and v swapped"`.
        says: what its author reads: what is wrong, in one or two sentences that do not give the code away.
        answer: a function of the question's signature that makes the mistake.
    """

    name: str
    says: str
    answer: Callable[..., object]


@dataclass(frozen=True)
class Question:
    """One exercise with everything that judges an answer to it.

    Attributes:
        key: `"A1.3"` for the third question of the first assignment, `"02.1"` for the first exercise of notebook 02.
        title: a few words.
        name: of the function that the reader writes (or of the variable, where `answer` takes no argument).
        answer: the reference.
        probes: makes the calls from a generator; the first has the sizes that the notebook shows, so that an answer
            with those sizes written into it is right there and nowhere else.
        returns: einops axes of the tensor that the answer returns, `"b 2 t h w"`; empty where it is no tensor.
        mistakes: the wrong answers known by name. Usual ones need no entry: `judging` recognises permuted axes, a
            flipped sign, swapped channels, a sum for a mean, a missing square root and others on every question.
        hints: three steps from a nudge to all but the code.
        difficulty: of the three levels.
        minutes: that a student should plan.
        points: that a right answer scores; exercises of the series have none.
        tolerance: largest error that counts as rounding, relative to the largest value of the reference.
        allowed: modules of the kit that an answer may call, such as `"rev2net_lite.shapes"`. To call another one is
            to hand in the kit's answer for one's own.

    Raises:
        ValueError: the key is of no form above, there are not three hints, or points or minutes do not fit.
    """

    key: str
    title: str
    name: str
    answer: Callable[..., object]
    probes: Callable[[torch.Generator], Sequence[Probe]]
    hints: tuple[str, str, str]
    difficulty: Literal["easy", "medium", "hard"]
    minutes: int
    points: int = 0
    returns: str = ""
    mistakes: tuple[Mistake, ...] = ()
    tolerance: float = 1e-4
    allowed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"(A[1-9]|[0-9]{2})\.[1-9][0-9]?", self.key):
            raise ValueError(f"the key of a question is '{self.key}'; it should look like A1.3 or 02.1")
        if len(self.hints) != 3 or not all(self.hints):
            raise ValueError(
                f"question {self.key} has {len(self.hints)} hints; it should have three that say something"
            )
        if self.minutes < 1:
            raise ValueError(f"question {self.key} is planned for {self.minutes} minutes; it should be at least 1")
        if (self.points > 0) != self.key.startswith("A"):
            raise ValueError(f"question {self.key} has {self.points} points; those of assignments score, others do not")
