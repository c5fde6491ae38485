"""Exercises of notebook 03: one answer of a 3D convolution, one that knows no future, another way to inflate."""

from __future__ import annotations

from itertools import product

import torch
from einops import repeat
from torch import Generator, Tensor
from torch.nn import functional

from rev2net_lite.exercises.questions import Mistake, Probe, Question

__all__ = ["QUESTIONS"]


def _answer_at(clip: Tensor, kernel: Tensor, place: tuple[int, int, int]) -> Tensor:
    total = clip.new_zeros(())
    for offsets in product(range(3), repeat=3):
        at = [where + offset - 1 for where, offset in zip(place, offsets, strict=True)]
        if all(0 <= index < size for index, size in zip(at, clip.shape[1:], strict=True)):
            total = total + (clip[:, at[0], at[1], at[2]] * kernel[:, offsets[0], offsets[1], offsets[2]]).sum()
    return total


def _from_the_place_on(clip: Tensor, kernel: Tensor, place: tuple[int, int, int]) -> Tensor:
    t, y, x = place
    return (functional.pad(clip, (0, 2) * 3)[:, t : t + 3, y : y + 3, x : x + 3] * kernel).sum()


def _places(generator: Generator) -> list[Probe]:
    def probe(label: str, shape: tuple[int, ...], place: tuple[int, int, int]) -> Probe:
        clip = torch.randn(shape, generator=generator)
        kernel = torch.randn(shape[0], 3, 3, 3, generator=generator)
        return Probe(label, {"clip": clip, "kernel": kernel, "place": place})

    return [
        probe("a place in the middle", (2, 8, 16, 12), (4, 7, 5)),
        probe("the first pixel of the first frame", (5, 7, 6, 4), (0, 0, 0)),
        probe("the last pixel of the last frame", (2, 5, 6, 9), (4, 5, 8)),
        probe("a place at the upper edge", (4, 6, 5, 7), (3, 0, 4)),
    ]


def _causal_answers(clip: Tensor, weights: Tensor) -> Tensor:
    frames = list(clip.unbind(1))
    count = len(weights)
    answers = []
    for now in range(len(frames)):
        answer = torch.zeros_like(frames[0])
        for j in range(count):
            then = now - (count - 1) + j
            if then >= 0:
                answer = answer + weights[j] * frames[then]
        answers.append(answer)
    return torch.stack(answers, dim=1)


def _filtered(clip: Tensor, weights: Tensor, *, before: int, mode: str = "constant") -> Tensor:
    """Answers of the filter to a clip that is padded in time by `before` frames in front and the rest behind."""
    series = clip.movedim(1, -1).flatten(1, 2)
    padded = functional.pad(series, (before, len(weights) - 1 - before), mode=mode)
    answers = (padded.unfold(-1, len(weights), 1) * weights).sum(-1)
    return answers.reshape(clip.shape[0], *clip.shape[2:], -1).movedim(-1, 1)


def _filters(generator: Generator) -> list[Probe]:
    def probe(label: str, shape: tuple[int, ...], count: int, *, gradients: tuple[str, ...] = ()) -> Probe:
        clip, weights = torch.randn(shape, generator=generator), torch.randn(count, generator=generator)
        return Probe(label, {"clip": clip, "weights": weights}, gradients)

    return [
        probe("three weights", (3, 8, 16, 12), 3),
        probe("five weights", (2, 7, 5, 4), 5, gradients=("clip",)),
        probe("more weights than frames", (3, 4, 5, 6), 5),
        probe("a single weight", (3, 4, 5, 2), 1),
    ]


def _inflate_middle(kernel: Tensor, time: int) -> Tensor:
    silence = torch.zeros_like(kernel)
    return torch.stack([kernel if t == time // 2 else silence for t in range(time)], dim=2)


def _in_the_first_frame(kernel: Tensor, time: int) -> Tensor:
    return _inflate_middle(kernel, time).roll(-(time // 2), dims=2)


def _kernels(generator: Generator) -> list[Probe]:
    def kernel(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    return [
        Probe("three frames", {"kernel": kernel(16, 4, 5, 7), "time": 3}),
        Probe("five frames", {"kernel": kernel(4, 3, 2, 6), "time": 5}),
        Probe("a single frame", {"kernel": kernel(2, 5, 3, 4), "time": 1}),
        Probe("a kernel of float64", {"kernel": kernel(4, 2, 5, 6).double(), "time": 3}),
    ]


QUESTIONS = (
    Question(
        key="03.1",
        title="One answer, at the edge too",
        name="answer_at",
        answer=_answer_at,
        probes=_places,
        hints=(
            "In the middle of the clip it is the sum of the cell above, with one colour more. What is new at the edge?",
            "Put zeros around the clip first; then every place has neighbours, and no case is special.",
            "functional.pad(clip, (1,) * 6) moves every place by one, so the block that belongs to (t, y, x) starts "
            "exactly at t, y, x of the padded clip. Multiply it with the kernel and sum over everything.",
        ),
        difficulty="medium",
        minutes=10,
        mistakes=(
            Mistake(
                "kernel not centred",
                "The kernel begins at the place; its middle should lie there.",
                _from_the_place_on,
            ),
            Mistake(
                "kernel turned round",
                "It lays the kernel on the clip turned round. In networks, a convolution does not turn it.",
                lambda clip, kernel, place: _answer_at(clip, kernel.flip(1, 2, 3), place),
            ),
            Mistake(
                "mean for sum",
                "It averages over the kernel where it should add up.",
                lambda clip, kernel, place: _answer_at(clip, kernel, place) / kernel.numel(),
            ),
        ),
    ),
    Question(
        key="03.2",
        title="No look into the future",
        name="causal_answers",
        answer=_causal_answers,
        probes=_filters,
        returns="c t h w",
        hints=(
            "Which frames may the answer at frame i use, and which of them do not exist at i = 0?",
            "Put len(weights) - 1 frames of zeros in front of the clip and none behind; all answers are then sums of "
            "as many neighbours.",
            "functional.pad(clip, (0, 0, 0, 0, k - 1, 0)) pads time in front. Add up weights[j] times the padded clip "
            "from frame j on, over as many frames as the clip has.",
        ),
        difficulty="medium",
        minutes=10,
        mistakes=(
            Mistake(
                "sees the future",
                "Its answers look at later frames as well, as padding on both sides makes them.",
                lambda clip, weights: _filtered(clip, weights, before=(len(weights) - 1) // 2),
            ),
            Mistake(
                "sees nothing but the future",
                "The zeros stand behind the clip; so each answer looks at its own frame and later ones.",
                lambda clip, weights: _filtered(clip, weights, before=0),
            ),
            Mistake(
                "weights in reverse order",
                "The weights are laid on in reverse: the last one should meet the frame of the answer itself.",
                lambda clip, weights: _causal_answers(clip, weights.flip(0)),
            ),
            Mistake(
                "first frame repeated",
                "Before the first frame it sees the first frame again; there should be zeros.",
                lambda clip, weights: _filtered(clip, weights, before=len(weights) - 1, mode="replicate"),
            ),
        ),
    ),
    Question(
        key="03.3",
        title="Inflate without a blur",
        name="inflate_middle",
        answer=_inflate_middle,
        probes=_kernels,
        returns="o c t h w",
        hints=(
            "All frames of the new kernel but one hold the same number.",
            "Make a tensor of zeros of the right shape, type and device, and write the kernel into one frame of it.",
            "kernel.new_zeros(o, c, time, h, w) takes type and device from the kernel; the middle frame is time // 2, "
            "on axis 2.",
        ),
        difficulty="easy",
        minutes=6,
        mistakes=(
            Mistake(
                "repeated along time",
                "This is the inflation of the text: repeated along time and divided. Here only one frame is not zero.",
                lambda kernel, time: repeat(kernel, "o c h w -> o c t h w", t=time) / time,
            ),
            Mistake(
                "divided by the frames",
                "It divides by the number of frames; the kernel stands in one frame only, so nothing has to be shared.",
                lambda kernel, time: _inflate_middle(kernel, time) / time,
            ),
            Mistake(
                "in the first frame",
                "The kernel stands in the first frame: its answers would look one frame or more back.",
                _in_the_first_frame,
            ),
        ),
    ),
)
