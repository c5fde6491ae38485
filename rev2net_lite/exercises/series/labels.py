"""Exercises of notebook 04: clips that an interval needs, frames in another order, what twins show."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from rev2net_lite.exercises.questions import Mistake, Probe, Question

__all__ = ["QUESTIONS"]


def _clips(accuracy: float, half_width: float, *, z: float = 1.96, power: int = 2) -> float:
    return accuracy * (1 - accuracy) * (z / half_width) ** power


def _clips_needed(accuracy: float, half_width: float) -> int:
    return math.ceil(_clips(accuracy, half_width))


def _intervals(generator: Generator) -> list[Probe]:
    def probe(label: str, accuracy: float, width: float) -> Probe:
        # Away from whole numbers, where rounding decides.
        while not 0.1 < _clips(accuracy, width) % 1 < 0.4:
            width *= 1.001
        return Probe(label, {"accuracy": round(accuracy, 3), "half_width": width})

    some = torch.rand(2, generator=generator, dtype=torch.float64).tolist()
    return [
        probe("four clips in five right, give or take 5 points", 0.8, 0.05),
        probe("a narrow interval", round(0.6 + 0.2 * some[0], 3), 0.011),
        probe("a wide interval", round(0.2 + 0.2 * some[1], 3), 0.09),
        probe("nearly all clips right", 0.985, 0.02),
    ]


def _reorder_frames(clips: Tensor, orders: Tensor) -> Tensor:
    return torch.stack([clip.index_select(1, order) for clip, order in zip(clips, orders, strict=True)])


def _orders(generator: Generator) -> list[Probe]:
    def probe(label: str, *shape: int) -> Probe:
        clips = torch.rand(shape, generator=generator)
        orders = torch.stack([torch.randperm(shape[2], generator=generator) for _ in range(shape[0])])
        return Probe(label, {"clips": clips, "orders": orders})

    clips = torch.rand(4, 3, 7, 5, 6, generator=generator)
    frozen = torch.tensor([[3], [1], [0], [6]]).repeat(1, 7)
    frozen[:, 4:] = torch.randint(7, (4, 3), generator=generator)
    return [
        probe("a batch of the usual length", 4, 3, 8, 5, 6),
        probe("a batch of one", 1, 3, 6, 4, 5),
        Probe("an order that shows frames more than once", {"clips": clips, "orders": frozen}),
    ]


def _own(probabilities: Tensor, labels: Tensor) -> Tensor:
    return torch.stack([row[label] for row, label in zip(probabilities, labels.tolist(), strict=True)])


def _twin_change(before: Tensor, after: Tensor, labels: Tensor) -> Tensor:
    return (_own(after, labels) - _own(before, labels)).mean()


def _twins(generator: Generator) -> list[Probe]:
    def probe(label: str, count: int, classes: int) -> Probe:
        before, after = (2 * torch.randn(2, count, classes, generator=generator)).softmax(-1)
        labels = torch.randint(classes, (count,), generator=generator)
        return Probe(label, {"before": before, "after": after, "labels": labels})

    return [
        probe("the eight classes of the notebook", 40, 8),
        probe("few clips of three classes", 5, 3),
        probe("more classes than clips", 7, 11),
        probe("a single clip", 1, 4),
    ]


QUESTIONS = (
    Question(
        key="04.1",
        title="How many clips does it take?",
        name="clips_needed",
        answer=_clips_needed,
        probes=_intervals,
        # One clip more or less is wrong, however many there are.
        tolerance=1e-7,
        hints=(
            "The formula gives the half width for n clips. Here the half width is given and n is asked.",
            "Square both sides, solve for n, and remember that clips come in whole numbers.",
            "n is a (1 - a) (1.96 / half_width)^2, rounded up: int(np.ceil(...)).",
        ),
        difficulty="easy",
        minutes=6,
        mistakes=(
            Mistake(
                "rounded down",
                "With that many clips the interval is a little too wide: round up, not down.",
                lambda accuracy, half_width: math.floor(_clips(accuracy, half_width)),
            ),
            Mistake(
                "a part of a clip",
                "The number is right but for its fraction: how many whole clips does it take?",
                _clips,
            ),
            Mistake(
                "missing square",
                "It takes the half width once. An interval half as wide needs four times the clips.",
                lambda accuracy, half_width: math.ceil(_clips(accuracy, half_width, power=1)),
            ),
            Mistake(
                "width for half width",
                "It makes the whole interval as wide as each of its halves should be.",
                lambda accuracy, half_width: math.ceil(_clips(accuracy, half_width / 2)),
            ),
            Mistake(
                "one standard error",
                "The 1.96 is left out; such an interval holds about two in three, not 95 of 100.",
                lambda accuracy, half_width: math.ceil(_clips(accuracy, half_width, z=1)),
            ),
        ),
    ),
    Question(
        key="04.2",
        title="An order for each clip",
        name="reorder_frames",
        answer=_reorder_frames,
        probes=_orders,
        returns="b c t h w",
        hints=(
            "For one clip it is an index on the axis of time. How does each clip get its own?",
            "A loop over the clips is fine: put each into its order, then torch.stack them again.",
            "Within the loop, clip[:, order] takes the frames of one clip (c t h w) in that order.",
        ),
        difficulty="easy",
        minutes=6,
        mistakes=(
            Mistake(
                "one order for all clips",
                "All clips get the order of the first.",
                lambda clips, orders: clips[:, :, orders[0]],
            ),
            Mistake(
                "the way back",
                "It puts frame i to place orders[i]. Place i of the answer should show frame orders[i].",
                lambda clips, orders: torch.stack(
                    [torch.zeros_like(c).index_copy(1, o, c) for c, o in zip(clips, orders, strict=True)]
                ),
            ),
        ),
    ),
    Question(
        key="04.3",
        title="What a twin costs its clip",
        name="twin_change",
        answer=_twin_change,
        probes=_twins,
        hints=(
            "For each clip, two numbers are compared: the probability of the same class, before and after.",
            "Which column of a row counts is said by the label of that clip. The others do not matter.",
            "before[torch.arange(len(labels)), labels] picks one number per clip (gather does too); subtract from the "
            "same of `after`, and average.",
        ),
        difficulty="medium",
        minutes=8,
        mistakes=(
            Mistake(
                "probability of the prediction",
                "It compares the largest probabilities. They may belong to two classes, neither of them the clip's.",
                lambda before, after, _: (after.amax(-1) - before.amax(-1)).mean(),
            ),
            Mistake(
                "class of the prediction",
                "It follows the class that was predicted for the clip; the clip's own class is asked for.",
                lambda before, after, _: _twin_change(before, after, before.argmax(-1)),
            ),
            Mistake(
                "size without sign",
                "It averages the sizes of the changes. What goes up for one clip should weigh against what goes down.",
                lambda before, after, labels: (_own(after, labels) - _own(before, labels)).abs().mean(),
            ),
        ),
    ),
)
