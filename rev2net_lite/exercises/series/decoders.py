"""Exercises of notebooks 05 and 06: errors beside their bars, units, slopes, pictures, and gradients that agree."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Generator, Tensor

from rev2net_lite.exercises.questions import Mistake, Probe, Question

__all__ = ["QUESTIONS"]


def _share_of_zero_flow(flow: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    error, zero = torch.hypot(*(flow - target).unbind(1)), torch.hypot(*target.unbind(1))
    return error[mask].mean() / zero[mask].mean()


def _shares_clip_by_clip(flow: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    shares = [_share_of_zero_flow(f[None], t[None], m[None]) for f, t, m in zip(flow, target, mask, strict=True)]
    return torch.stack(shares).mean()


def _estimates(generator: Generator) -> list[Probe]:
    def probe(label: str, *shape: int, still: bool = False) -> Probe:
        speed = 1 + 3 * torch.rand(shape[0], 1, 1, 1, 1, generator=generator)
        target = speed * (torch.rand(shape, generator=generator) + 0.3)
        flow = target + 0.5 * torch.randn(shape, generator=generator)
        mask = torch.rand(shape[0], *shape[2:], generator=generator) < 0.3
        if still:
            target = target * mask[:, None]
        return Probe(label, {"flow": flow, "target": target, "mask": mask})

    return [
        probe("a few clips", 4, 2, 7, 16, 12),
        probe("an object before a background that stands still", 3, 2, 5, 6, 8, still=True),
        probe("clips of unequal speed and size of the object", 5, 2, 4, 6, 3),
    ]


def _rms_of(batches: Sequence[Tensor]) -> Tensor:
    return torch.cat(list(batches)).square().mean().sqrt()


def _batches(generator: Generator) -> list[Probe]:
    def batch(count: int, speed: float) -> Tensor:
        return speed * (0.2 + torch.randn(count, 2, 7, 4, 5, generator=generator))

    return [
        Probe("three batches, the last one smaller", {"batches": [batch(6, 1), batch(6, 1.5), batch(1, 4)]}),
        Probe("a single batch", {"batches": [batch(3, 2)]}),
        Probe("a small fast batch and a large slow one", {"batches": [batch(1, 5), batch(9, 0.5)]}),
    ]


def _l1_slope(values: Tensor, guess: float) -> Tensor:
    return (guess - values).sign().mean()


def _guesses(generator: Generator) -> list[Probe]:
    def probe(label: str, count: int, moving: float, guess: float) -> Probe:
        values = (1 + torch.rand(count, generator=generator)) * (torch.rand(count, generator=generator) < moving)
        return Probe(label, {"values": values, "guess": guess})

    return [
        probe("a little motion where few pixels move", 200, 0.2, 0.1),
        probe("a guess below all values", 30, 0.5, -0.5),
        probe("a guess among the moving pixels", 90, 0.6, 1.5),
        probe("a guess that some values equal", 40, 0.4, 0.0),
    ]


def _decibels(made: Tensor, clips: Tensor) -> Tensor:
    return -10 * (made - clips).square().mean(dim=(-4, -3, -2, -1)).log10()


def _pictures(generator: Generator, *shape: int) -> tuple[Tensor, Tensor]:
    """Clips in [0, 1], and others in [0, 1] that differ from them more from frame to frame."""
    clips = torch.rand(shape, generator=generator)
    mixed = torch.linspace(0.05, 0.6, shape[2])[:, None, None] * torch.rand(shape[0], 1, 1, 1, 1, generator=generator)
    return clips + mixed * (torch.rand(shape, generator=generator) - clips), clips


def _reconstructions(generator: Generator) -> list[Probe]:
    def probe(label: str, *shape: int, gradients: tuple[str, ...] = ()) -> Probe:
        made, clips = _pictures(generator, *shape)
        return Probe(label, {"made": made, "clips": clips}, gradients)

    return [
        probe("a few clips", 4, 3, 8, 16, 12),
        probe("one clip", 1, 3, 5, 6, 4),
        probe("grey clips that are wider than high", 5, 1, 3, 4, 9, gradients=("made",)),
    ]


def _steps(clips: Tensor) -> tuple[Tensor, Tensor]:
    corner = clips[..., :-1, :-1]
    return clips[..., :-1, 1:] - corner, clips[..., 1:, :-1] - corner


def _sharpness(made: Tensor, clips: Tensor) -> Tensor:
    return torch.hypot(*_steps(made)).mean() / torch.hypot(*_steps(clips)).mean()


def _sum_of_sizes(clips: Tensor) -> Tensor:
    right, down = _steps(clips)
    return (right.abs() + down.abs()).mean()


def _mean_square(clips: Tensor) -> Tensor:
    right, down = _steps(clips)
    return (right**2 + down**2).mean()


def _drawn(generator: Generator) -> list[Probe]:
    def probe(label: str, *shape: int) -> Probe:
        made, clips = _pictures(generator, *shape)
        # Unequal contrast, so that a mean of ratios is another number.
        contrast = torch.linspace(0.2, 1, shape[0])[:, None, None, None, None]
        return Probe(label, {"made": made, "clips": contrast * clips})

    return [
        probe("a few clips", 4, 3, 8, 16, 12),
        probe("small clips that are wider than high", 5, 3, 2, 4, 7),
        probe("one clip that is higher than wide", 1, 3, 4, 9, 5),
    ]


def _dot(first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
    return torch.stack([(one * other).sum() for one, other in zip(first, second, strict=True)]).sum()


def _cosine_of(first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
    return _dot(first, second) / (_dot(first, first) * _dot(second, second)).sqrt()


def _cosine_by_parameter(first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
    return torch.stack([_cosine_of([one], [other]) for one, other in zip(first, second, strict=True)]).mean()


def _gradients(generator: Generator) -> list[Probe]:
    def probe(label: str, shapes: Sequence[tuple[int, ...]], agreement: float) -> Probe:
        first = [10.0**-i * torch.randn(shape, generator=generator) for i, shape in enumerate(shapes)]
        second = [agreement * part + 0.3 * torch.randn(part.shape, generator=generator) for part in first]
        return Probe(label, {"first": first, "second": second})

    return [
        probe("tasks that agree", [(6, 3, 2), (6,), (4, 6)], 1.0),
        probe("tasks that pull against each other", [(5, 2), (3,)], -0.7),
        probe("a single parameter", [(4, 7)], 0.4),
    ]


QUESTIONS = (
    Question(
        key="05.1",
        title="A share of zero flow's error",
        name="share_of_zero_flow",
        answer=_share_of_zero_flow,
        probes=_estimates,
        hints=(
            "Two endpoint errors are needed, one of the estimate and one of a flow that is 0 everywhere.",
            "The endpoint error at a pixel is the length of the difference; for zero flow that is the target's length.",
            "Take (flow - target).norm(dim=1) and target.norm(dim=1), both `(b t h w)`; pick the pixels with [mask]; "
            "divide mean by mean.",
        ),
        difficulty="medium",
        minutes=8,
        mistakes=(
            Mistake(
                "all pixels",
                "It takes all pixels. Only those on the object, where the mask is True, should count.",
                lambda flow, target, mask: _share_of_zero_flow(flow, target, torch.ones_like(mask)),
            ),
            Mistake(
                "mean of ratios",
                "It divides pixel by pixel and averages then; pixels that hardly move rule such a mean.",
                lambda flow, target, mask: ((flow - target).norm(dim=1) / target.norm(dim=1))[mask].mean(),
            ),
            Mistake(
                "clip by clip",
                "It divides clip by clip and averages then. All object pixels of all clips should weigh the same.",
                _shares_clip_by_clip,
            ),
            Mistake(
                "squared errors",
                "It compares squared errors; an endpoint error is a length.",
                lambda flow, target, mask: (
                    (flow - target).square().sum(1)[mask].mean() / target.square().sum(1)[mask].mean()
                ),
            ),
            Mistake(
                "components by themselves",
                "It adds the sizes of the two components; the length of the vector is asked for.",
                lambda flow, target, mask: (flow - target).abs().sum(1)[mask].mean() / target.abs().sum(1)[mask].mean(),
            ),
            Mistake(
                "upside down",
                "It divides zero flow's error by that of the estimate.",
                lambda flow, target, mask: 1 / _share_of_zero_flow(flow, target, mask),
            ),
        ),
    ),
    Question(
        key="05.2",
        title="The unit, batch by batch",
        name="rms_of",
        answer=_rms_of,
        probes=_batches,
        hints=(
            "What would you calculate if all batches lay in one large tensor?",
            "The mean of all squares is their sum over their number. Both can be gathered batch by batch.",
            "Add up batch.square().sum() and batch.numel() over the batches; the answer is the root of the ratio.",
        ),
        difficulty="easy",
        minutes=6,
        mistakes=(
            Mistake(
                "batches weigh alike",
                "It averages the batches' mean squares; a small batch then weighs as much as a large one.",
                lambda batches: torch.stack([batch.square().mean() for batch in batches]).mean().sqrt(),
            ),
            Mistake(
                "mean of roots",
                "It averages the RMS of the batches. The root comes last, when all squares are together.",
                lambda batches: torch.stack([batch.square().mean().sqrt() for batch in batches]).mean(),
            ),
            Mistake(
                "mean of absolute values",
                "It averages sizes without squaring them.",
                lambda batches: torch.cat(list(batches)).abs().mean(),
            ),
            Mistake(
                "mean subtracted",
                "It is the standard deviation: a mean is subtracted first, and none should be.",
                lambda batches: torch.cat(list(batches)).std(correction=0),
            ),
            Mistake(
                "lengths for components",
                "It takes the lengths of the vectors; every component is a number of its own here, as in the loss.",
                lambda batches: torch.cat(list(batches)).square().sum(1).mean().sqrt(),
            ),
        ),
    ),
    Question(
        key="05.3",
        title="Which way does L1 push?",
        name="l1_slope",
        answer=_l1_slope,
        probes=_guesses,
        returns="",
        hints=(
            "Look at one value first: how fast does |value - guess| grow when the guess does, if it lies above the "
            "value? And below?",
            "Each value pulls by 1 or -1, whatever its distance. The loss is a mean, so its slope is one too.",
            "torch.sign gives 1, -1 or 0; take it of guess - values and average.",
        ),
        difficulty="medium",
        minutes=7,
        mistakes=(
            Mistake(
                "slope of the squared error",
                "This is the slope of the squared error, which grows with the distance.",
                lambda values, guess: 2 * (guess - values).mean(),
            ),
            Mistake(
                "share of smaller values",
                "It counts the values below the guess. Those above it pull too, the other way.",
                lambda values, guess: (values < guess).float().mean(),
            ),
            Mistake(
                "the loss itself",
                "It is the loss; its slope is asked for.",
                lambda values, guess: (values - guess).abs().mean(),
            ),
        ),
    ),
    Question(
        key="06.1",
        title="PSNR, clip by clip",
        name="psnr_of",
        answer=_decibels,
        probes=_reconstructions,
        returns="b",
        hints=(
            "One number per clip: over which axes is the squared error averaged, and which one stays?",
            "Average first, over colour, time, height and width together; take the logarithm after that, of base 10.",
            "Square made - clips, .mean(dim=(1, 2, 3, 4)) leaves the axis of the clips, then -10 times its log10.",
        ),
        difficulty="easy",
        minutes=6,
        mistakes=(
            Mistake(
                "decibels averaged over frames",
                "It averages the decibels of the frames. The mean comes first, over all errors of a clip, and the "
                "logarithm after it.",
                lambda made, clips: (-10 * (made - clips).square().mean(dim=(1, 3, 4)).log10()).mean(1),
            ),
            Mistake(
                "natural logarithm",
                "It takes the natural logarithm; decibels have base 10.",
                lambda made, clips: _decibels(made, clips) * math.log(10),
            ),
            Mistake(
                "root of the error",
                "It takes the root of the squared error first; so every value is half of what it should be.",
                lambda made, clips: _decibels(made, clips) / 2,
            ),
            Mistake(
                "absolute errors",
                "It averages absolute errors; PSNR is about squared ones.",
                lambda made, clips: -10 * (made - clips).abs().mean(dim=(1, 2, 3, 4)).log10(),
            ),
        ),
    ),
    Question(
        key="06.2",
        title="Sharpness",
        name="sharpness_of",
        answer=_sharpness,
        probes=_drawn,
        hints=(
            "Write the mean gradient of one batch of clips first, and call it twice.",
            "Both steps start at the same pixel; the last row and the last column have no neighbour to step to.",
            "With x[..., :-1, :-1] as the pixels, x[..., :-1, 1:] are their neighbours to the right, x[..., 1:, :-1] "
            "those below. torch.hypot gives the length of the two differences.",
        ),
        difficulty="medium",
        minutes=10,
        mistakes=(
            Mistake(
                "sizes of the steps added",
                "It adds the sizes of the two steps; the gradient's length is the root of the sum of their squares.",
                lambda made, clips: _sum_of_sizes(made) / _sum_of_sizes(clips),
            ),
            Mistake(
                "missing square root",
                "It averages the squares of the gradient; a root is missing before the mean.",
                lambda made, clips: _mean_square(made) / _mean_square(clips),
            ),
            Mistake(
                "root after the mean",
                "It takes the root of the mean; each place has a length, and the lengths are averaged.",
                lambda made, clips: (_mean_square(made) / _mean_square(clips)).sqrt(),
            ),
            Mistake(
                "clip by clip",
                "It divides clip by clip and averages then; clips with little contrast rule such a mean.",
                lambda made, clips: torch.stack(
                    [_sharpness(one[None], other[None]) for one, other in zip(made, clips, strict=True)]
                ).mean(),
            ),
            Mistake(
                "upside down",
                "It divides the gradient of the clips by that of the reconstruction.",
                lambda made, clips: 1 / _sharpness(made, clips),
            ),
        ),
    ),
    Question(
        key="06.3",
        title="Do two gradients agree?",
        name="cosine_of",
        answer=_cosine_of,
        probes=_gradients,
        hints=(
            "All parameters together are one long vector. How does its length follow from the parts?",
            "Products and squares can be added up over the parameters; divide once, at the end.",
            "Flatten every part, torch.cat each list into one vector, and divide their product by both norms.",
        ),
        difficulty="medium",
        minutes=8,
        mistakes=(
            Mistake(
                "mean over parameters",
                "It averages a cosine per parameter; a small parameter then counts as much as a large one.",
                _cosine_by_parameter,
            ),
            Mistake(
                "lengths left out",
                "It is the product of the gradients; a cosine does not grow when a loss gets a larger weight.",
                _dot,
            ),
            Mistake(
                "one length only",
                "It divides by the length of one of the two.",
                lambda first, second: _dot(first, second) / _dot(first, first).sqrt(),
            ),
        ),
    ),
)
