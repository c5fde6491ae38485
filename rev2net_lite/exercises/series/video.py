"""Exercises of notebook 01: which frames an interval shows, a square out of the middle, time stamps at fault."""

from __future__ import annotations

import math
from fractions import Fraction

import torch
from torch import Generator, Tensor

from rev2net_lite.exercises.questions import Mistake, Probe, Question

__all__ = ["QUESTIONS"]


def _frames_shown(start_s: float, duration_s: float, fps: int) -> tuple[int, int]:
    begin, end = Fraction(start_s) * fps, (Fraction(start_s) + Fraction(duration_s)) * fps
    return math.floor(begin), math.ceil(end) - 1


def _intervals(generator: Generator) -> list[Probe]:
    def probe(label: str, begin: float, end: float, fps: int) -> Probe:
        return Probe(label, {"start_s": begin / fps, "duration_s": (end - begin) / fps, "fps": fps})

    early, late, some = torch.randint(3, 9, (3,), generator=generator).tolist()
    # Far enough from the edges of frames that no rounding reaches them.
    little, much = (0.25 + 0.15 * torch.rand(2, generator=generator)).tolist()
    return [
        Probe("the half second of the notebook", {"start_s": 0.5, "duration_s": 0.5, "fps": 12}),
        probe("an interval that cuts its first and its last frame", early + 1 - little, early + some + much, 25),
        probe("an interval that begins early in a frame and ends late in one", late + much, late + some - little, 30),
        probe("an interval that lies within one frame", late + little, late + 1 - little, 10),
        probe("an interval that ends on an edge between two frames", early + 0.5, early + some, 16),
        probe("an interval from the start of the video", 0, some + 1 - little, 15),
    ]


def _centre_square(clip: Tensor) -> Tensor:
    height, width = clip.shape[-2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return clip[:, :, top : top + side, left : left + side]


def _one_too_far(clip: Tensor) -> Tensor:
    height, width = clip.shape[-2:]
    side = min(height, width)
    top, left = (height - side + 1) // 2, (width - side + 1) // 2
    return clip[:, :, top : top + side, left : left + side]


def _only_wide(clip: Tensor) -> Tensor:
    height, width = clip.shape[-2:]
    left = (width - height) // 2
    return clip[:, :, :, left : left + height]


def _decoded(generator: Generator) -> list[Probe]:
    def clip(*shape: int) -> Tensor:
        return torch.randint(256, shape, generator=generator, dtype=torch.uint8)

    return [
        Probe("a wide clip of the notebook's size", {"clip": clip(3, 6, 48, 96)}),
        Probe("a clip that is higher than wide", {"clip": clip(3, 4, 14, 8)}),
        Probe("an odd number of columns to cut", {"clip": clip(3, 5, 8, 13)}),
        Probe("an odd number of rows to cut", {"clip": clip(3, 5, 12, 9)}),
        Probe("another device", {"clip": clip(3, 4, 14, 8)}, meta=True),
    ]


def _faulty_steps(stamps: Tensor) -> Tensor:
    return torch.tensor([not later > now for now, later in zip(stamps.tolist(), stamps.tolist()[1:], strict=False)])


def _stamps(generator: Generator) -> list[Probe]:
    def ordered(count: int) -> Tensor:
        return (0.02 + 0.05 * torch.rand(count, generator=generator, dtype=torch.float64)).cumsum(0)

    swapped, repeated, missing, all_faults = ordered(24), ordered(9), ordered(11), ordered(13)
    swapped[[4, 5, 12, 13]] = swapped[[5, 4, 13, 12]]
    repeated[6] = repeated[5]
    missing[[0, 7]] = torch.nan
    all_faults[[2, 3]] = all_faults[[3, 2]]
    all_faults[8] = all_faults[7]
    all_faults[10] = torch.nan
    return [
        Probe("frames whose stamps have changed places", {"stamps": swapped}),
        Probe("a stamp that is repeated", {"stamps": repeated}),
        Probe("stamps that are missing", {"stamps": missing}),
        Probe("a file with all of these faults", {"stamps": all_faults}),
        Probe("a file without a fault", {"stamps": ordered(7)}),
        Probe("a video of two frames", {"stamps": ordered(2)}),
    ]


QUESTIONS = (
    Question(
        key="01.1",
        title="Which frames does an interval show?",
        name="frames_shown",
        answer=_frames_shown,
        probes=_intervals,
        hints=(
            "Count time in frames instead of seconds: where does the interval begin, and where does it end?",
            "The first frame is the one on screen at the start. The end does not belong to the interval: a frame that "
            "only begins there is not shown any more.",
            "Multiply start and end by fps. The first frame is the start rounded down, the last is one below the end "
            "rounded up (math.floor, math.ceil).",
        ),
        difficulty="easy",
        minutes=8,
        mistakes=(
            Mistake(
                "rounded to the nearest frame",
                "It rounds to the nearest frame. Half a frame at either end is on screen too.",
                lambda start, length, fps: (round(start * fps), round((start + length) * fps) - 1),
            ),
            Mistake(
                "one frame too far at an edge",
                "Where the interval ends on the edge between two frames, it counts the frame that only begins there.",
                lambda start, length, fps: (math.floor(start * fps), math.floor((start + length) * fps)),
            ),
            Mistake(
                "counted from the duration alone",
                "It counts on from the first frame by the duration. How many frames an interval shows depends on where "
                "in a frame it starts as well.",
                lambda start, length, fps: (
                    math.floor(start * fps),
                    math.floor(start * fps) + math.ceil(round(length * fps, 9)) - 1,
                ),
            ),
        ),
    ),
    Question(
        key="01.2",
        title="A square out of the middle",
        name="centre_square",
        answer=_centre_square,
        probes=_decoded,
        returns="c t s s",
        hints=(
            "No number is calculated: the answer is a slice of the clip. How long are its sides?",
            "The side is the smaller of height and width. Half of what is left over, rounded down, stands before it.",
            "top = (height - side) // 2, left likewise; then slice axes 2 and 3 from there over `side` pixels.",
        ),
        difficulty="easy",
        minutes=5,
        mistakes=(
            Mistake(
                "cut from the corner",
                "It keeps the top left corner; the square should be in the middle.",
                lambda clip: clip[:, :, : min(clip.shape[2:]), : min(clip.shape[2:])],
            ),
            Mistake(
                "one pixel too far",
                "It is one pixel too far down or right where an odd number of rows or columns is cut; round down.",
                _one_too_far,
            ),
            Mistake("only for wide clips", "It works only where the clip is wider than high.", _only_wide),
        ),
    ),
    Question(
        key="01.3",
        title="Steps that cannot be trusted",
        name="faulty_steps",
        answer=_faulty_steps,
        probes=_stamps,
        returns="n-1",
        hints=(
            "What must hold for two neighbouring stamps in a file without a fault? Everything else is a fault.",
            "stamps.diff() has the n - 1 steps. A repeated stamp gives a step of 0, a missing one a step that is nan.",
            "Every comparison with nan is False. So ask which steps are above 0, and turn the answer round with ~.",
        ),
        difficulty="medium",
        minutes=7,
        mistakes=(
            Mistake(
                "repeats accepted",
                "A step of 0 is a fault too: two frames cannot be shown at one time.",
                lambda stamps: ~(stamps.diff() >= 0),
            ),
            Mistake(
                "missing stamps accepted",
                "A step from or to a missing stamp is a fault too. Comparisons with nan are always False.",
                lambda stamps: stamps.diff() <= 0,
            ),
            Mistake(
                "only backward steps",
                "It finds the steps that go backwards. Repeated and missing stamps are faults too.",
                lambda stamps: stamps.diff() < 0,
            ),
            Mistake(
                "good steps marked", "It marks the steps that are in order, not the others.", lambda s: s.diff() > 0
            ),
        ),
    ),
)
