"""Exercises of notebook 07: agreement stage by stage, what unrelated features score, a teacher that follows."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from einops import rearrange
from torch import Generator, Tensor
from torch.nn import functional

from rev2net_lite.exercises.questions import Mistake, Probe, Question

__all__ = ["QUESTIONS"]


def _stage_cosines(flow_features: Sequence[Tensor], frame_features: Sequence[Tensor]) -> Tensor:
    pairs = zip(flow_features, frame_features, strict=True)
    return torch.stack([functional.cosine_similarity(x, y, dim=1).mean() for x, y in pairs])


def _all_at_once(flow_features: Sequence[Tensor], frame_features: Sequence[Tensor]) -> Tensor:
    pairs = zip(flow_features, frame_features, strict=True)
    return torch.stack([functional.cosine_similarity(x.flatten(), y.flatten(), dim=0) for x, y in pairs])


def _clip_by_clip(flow_features: Sequence[Tensor], frame_features: Sequence[Tensor]) -> Tensor:
    pairs = zip(flow_features, frame_features, strict=True)
    return torch.stack([functional.cosine_similarity(x.flatten(1), y.flatten(1)).mean() for x, y in pairs])


def _along(axis: int, flow_features: Sequence[Tensor], frame_features: Sequence[Tensor]) -> Tensor:
    pairs = zip(flow_features, frame_features, strict=True)
    return torch.stack([functional.cosine_similarity(x, y, dim=axis).mean() for x, y in pairs])


def _stages(generator: Generator) -> list[Probe]:
    def pair(*shape: int) -> tuple[Tensor, Tensor]:
        x, own = torch.randn(2, *shape, generator=generator)
        # Rectified, and louder in some places than in others.
        loud = 4 * torch.rand(shape[0], 1, *shape[2:], generator=generator)
        return (loud * x).relu() + 0.01, (loud * (x + own)).relu() + 0.01

    coarse, fine, third = pair(4, 16, 3, 5, 2), pair(4, 8, 7, 5, 6), pair(3, 9, 2, 4, 5)
    silent = pair(3, 6, 4, 2, 5)
    silent[0][:, :, 1] = 0
    return [
        Probe("two stages", {"flow_features": [coarse[0], fine[0]], "frame_features": [coarse[1], fine[1]]}),
        Probe("one stage", {"flow_features": [third[0]], "frame_features": [third[1]]}),
        Probe("positions where a decoder is silent", {"flow_features": [silent[0]], "frame_features": [silent[1]]}),
    ]


def _unrelated_score(x: Tensor) -> Tensor:
    mean, energy = x.mean(), x.square().mean()
    return 2 * (x - mean).square().mean() / energy


def _features(generator: Generator) -> list[Probe]:
    def features(*shape: int, mean: float) -> Tensor:
        # Channels of their own mean.
        means = mean + torch.randn(shape[1], 1, 1, 1, generator=generator)
        return means + torch.randn(shape, generator=generator)

    return [
        Probe("features of a usual size", {"x": features(2, 8, 4, 3, 5, mean=0.5)}),
        Probe("features with a large constant", {"x": features(3, 4, 2, 6, 5, mean=5.0)}, ("x",)),
        Probe("features whose mean is 0", {"x": torch.randn(2, 5, 4, 3, 6, generator=generator)}),
    ]


def _follow(teacher: Tensor, student: Tensor, keep: float) -> Tensor:
    return torch.lerp(student.detach(), teacher.detach(), keep)


def _weights(generator: Generator) -> list[Probe]:
    def probe(label: str, count: int, keep: float) -> Probe:
        teacher, student = torch.randn(2, count, generator=generator)
        return Probe(label, {"teacher": teacher, "student": student, "keep": keep}, ("student",))

    return [
        probe("a slow teacher", 50, 0.9),
        probe("a quick teacher", 7, 0.25),
        probe("a teacher that never moves", 9, 1.0),
    ]


QUESTIONS = (
    Question(
        key="07.1",
        title="Cosines, stage by stage",
        name="stage_cosines",
        answer=_stage_cosines,
        probes=_stages,
        returns="stages",
        hints=(
            "Each position (clip, time, row, column) has one vector per decoder. Along which axis does it lie?",
            "Scale each vector to length one, as the directions do; the sum of the products is then the cosine.",
            "functional.normalize(x, dim=1) scales (and leaves a vector of zeros alone). Multiply, sum over axis 1, "
            "average over the rest; torch.stack the stages.",
        ),
        difficulty="medium",
        minutes=8,
        mistakes=(
            Mistake(
                "all numbers at once",
                "It takes a stage as one long vector; loud positions then rule the cosine. Each position has its own.",
                _all_at_once,
            ),
            Mistake(
                "a vector per clip",
                "It takes each clip as one long vector. Each position has a cosine of its own.",
                _clip_by_clip,
            ),
            Mistake(
                "along time",
                "Its vectors run along time; they should run along the channels, which are axis 1.",
                lambda x, y: _along(2, x, y),
            ),
            Mistake(
                "along the batch",
                "Its vectors run along the batch; they should run along the channels, which are axis 1.",
                lambda x, y: _along(0, x, y),
            ),
            Mistake(
                "silent positions give nan",
                "A vector of zeros is divided by its length, 0. Such a position should count with the cosine 0.",
                lambda flow, frame: torch.stack(
                    [
                        ((x / x.norm(dim=1, keepdim=True)) * (y / y.norm(dim=1, keepdim=True))).sum(1).mean()
                        for x, y in zip(flow, frame, strict=True)
                    ]
                ),
            ),
        ),
    ),
    Question(
        key="07.2",
        title="What unrelated features score",
        name="unrelated_score",
        answer=_unrelated_score,
        probes=_features,
        hints=(
            "Write x as m plus a deviation, and y likewise. Which products of the deviations are 0 on average?",
            "The mean squared difference is twice the mean squared deviation; the constant drops out of it. It does "
            "not drop out of the energy.",
            "v = ((x - x.mean()) ** 2).mean(); the score is 2 v over the energy of x, the mean of x squared.",
        ),
        difficulty="hard",
        minutes=10,
        mistakes=(
            Mistake(
                "constant left out of the energy",
                "It always gives 2: the energy holds the common constant too, not only what varies.",
                lambda x: 2 * (x - x.mean()).square().mean() / (x - x.mean()).square().mean(),
            ),
            Mistake(
                "one spread for two",
                "It is half of what it should be. Both sets vary, so the difference varies twice as much.",
                lambda x: _unrelated_score(x) / 2,
            ),
            Mistake(
                "divided by n - 1",
                "It is very near: its variance is divided by n - 1, as var() does unless told correction=0.",
                lambda x: 2 * x.var() / x.square().mean(),
            ),
            Mistake(
                "a mean for each channel",
                "It takes a mean for each channel; here one constant is common to all numbers.",
                lambda x: 2 * rearrange(x, "b d t h w -> d (b t h w)").var(1, correction=0).mean() / x.square().mean(),
            ),
            Mistake(
                "deviation not squared",
                "It takes the standard deviation where its square belongs.",
                lambda x: 2 * x.std(correction=0) / x.square().mean(),
            ),
        ),
    ),
    Question(
        key="07.3",
        title="A teacher that follows slowly",
        name="follow",
        answer=_follow,
        probes=_weights,
        returns="d",
        hints=(
            "A weighted mean of two vectors: which of them should weigh most when keep is near 1?",
            "The teacher gets the share keep, the student the rest. Neither may be edited in place.",
            "keep * teacher + (1 - keep) * student.detach(): without the detach, a loss that looks at the teacher "
            "would pull the student.",
        ),
        difficulty="easy",
        minutes=5,
        mistakes=(
            Mistake(
                "shares exchanged",
                "The shares are exchanged: with keep near 1 the teacher should hardly move.",
                lambda teacher, student, keep: _follow(student, teacher, keep),
            ),
            Mistake(
                "a sum of both",
                "The student is added whole; the two shares should add up to 1.",
                lambda teacher, student, keep: keep * teacher.detach() + student.detach(),
            ),
        ),
    ),
)
