"""Articulated figures: textured limbs on a skeleton, eight actions, and the exact motion of every visible point.

A pose is eight phases, one for each action: `walk` opens and crosses the legs, `wave` swings an arm, and so on. The
phase of a figure's own action runs (a run takes the walk's along); the others stand still wherever chance has put them.
So at every moment of a clip the poses of all classes are distributed alike: one frame says nothing about the action, by
construction, and what tells a wave from a walk is which limbs move.

Lengths of the skeleton are in body heights, `x` towards where the figure faces, `y` up from the ground.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BUILDS",
    "FIGURE_CLASSES",
    "MIDDLE",
    "PARTS",
    "Build",
    "FigureMotion",
    "Limbs",
    "limbs",
    "phase_rates",
    "skeleton",
]

FIGURE_CLASSES = ("walk", "run", "jump", "wave", "clap", "squat", "bend", "sidestep")
"""What a figure does: opens and crosses the legs; the same with swinging arms and a bounce; up and down; one arm; both
arms to overhead and back; hips down and up; the upper body to either side; to and fro."""

_CYCLES = (0.55, 0.65, 0.75, 0.65, 0.6, 0.75, 0.55, 0.65)  # of each over a whole clip at the middle pace

MIDDLE = 0.64
"""Body heights from the ground to what `FigureMotion.centre` places, amid what a jump and raised arms reach."""

Array = NDArray[np.floating[Any]]

_LEG = 0.242  # thigh and shin
_UPPER_ARM, _FOREARM = 0.21, 0.22


@dataclass(frozen=True)
class Build:
    """Half-widths of a figure in body heights: its look, while its joints are everyone's."""

    head: float
    trunk: float
    arm: float
    hand: float
    leg: float
    foot: float


BUILDS: dict[str, Build] = {
    "even": Build(head=0.110, trunk=0.120, arm=0.058, hand=0.064, leg=0.066, foot=0.056),
    "slim": Build(head=0.095, trunk=0.085, arm=0.046, hand=0.050, leg=0.050, foot=0.046),
    "stout": Build(head=0.105, trunk=0.180, arm=0.060, hand=0.064, leg=0.070, foot=0.060),
    "big_head": Build(head=0.155, trunk=0.110, arm=0.052, hand=0.056, leg=0.060, foot=0.052),
    "big_hands": Build(head=0.100, trunk=0.115, arm=0.052, hand=0.095, leg=0.060, foot=0.052),
    "big_feet": Build(head=0.100, trunk=0.110, arm=0.052, hand=0.056, leg=0.060, foot=0.090),
    "strong_arms": Build(head=0.095, trunk=0.130, arm=0.084, hand=0.080, leg=0.056, foot=0.052),
    "strong_legs": Build(head=0.095, trunk=0.110, arm=0.050, hand=0.054, leg=0.092, foot=0.062),
}
"""Builds of the figures; look i has build i."""

PARTS = (
    *("far upper arm", "far forearm", "far hand", "far thigh", "far shin", "far foot"),
    *("near thigh", "near shin", "near foot", "trunk", "head", "near upper arm", "near forearm", "near hand"),
)
"""What a figure is drawn from, back to front."""

# Trousers, and a far side in the shade: a small part of the picture already shows which limb it is.
_SHADE = np.repeat([0.66, 0.3, 0.5, 0.85, 1.0, 1.0], [3, 3, 3, 1, 1, 3])


@dataclass(frozen=True)
class FigureMotion:
    """Where a figure is and what it does.

    `centre` px from the frame's middle to `MIDDLE` of the body, `height` px of the standing body, `facing` 1 (right) or
    -1 (left), `phases` radians of the eight actions at mid-clip, `rates` radians/frame as `phase_rates` gives them,
    `pace` of the middle pace.

    Raises:
        ValueError: there are not eight phases and rates, or the figure faces neither right nor left.
    """

    centre: tuple[float, float]
    height: float
    facing: int
    phases: tuple[float, ...]
    rates: tuple[float, ...]
    pace: float

    def __post_init__(self) -> None:
        for name, values in (("phases", self.phases), ("rates", self.rates)):
            if len(values) != len(FIGURE_CLASSES):
                raise ValueError(
                    f"{name} has {len(values)} numbers; a figure needs one for each of {', '.join(FIGURE_CLASSES)}"
                )
        if self.facing not in (-1, 1):
            raise ValueError(f"facing is {self.facing!r}; expected 1 for a figure that faces right, -1 for left")


@dataclass(frozen=True)
class Limbs:
    """The pixels that the parts of a figure reach, `(p)` points, part after part from back to front.

    Args:
        part: index into `PARTS`; sorted.
        frame: of the clip.
        row: of the frame.
        column: of the frame.
        coverage: share of the pixel that the part covers.
        across: px on the part's surface, across the limb, where the pixel looks.
        along: px along the limb.
        step: `(2 p)` px right and down that this point of the surface moves up to the next frame, 0 in the last.
    """

    part: NDArray[np.intp]
    frame: NDArray[np.intp]
    row: NDArray[np.intp]
    column: NDArray[np.intp]
    coverage: Array
    across: Array
    along: Array
    step: Array

    @property
    def shade(self) -> Array:
        """Brightness `(p)`: legs are darker than the rest, the far arm and leg darker than the near ones."""
        return _SHADE[self.part]


def phase_rates(action: str, *, pace: float, frames: int) -> tuple[float, ...]:
    """Radians/frame of the eight phases of a figure that does one of `FIGURE_CLASSES`.

    Args:
        action: what it does.
        pace: of the middle pace.
        frames: of the clip; the whole action is shown at any number.

    >>> [rate > 0 for rate in phase_rates("run", pace=1.0, frames=8)][:3]
    [True, True, False]
    """
    running = ("walk", "run") if action == "run" else (action,)
    rate = 2 * math.pi * _CYCLES[FIGURE_CLASSES.index(action)] * pace / (frames - 1)
    return tuple(rate if name in running else 0.0 for name in FIGURE_CLASSES)


def limbs(motion: FigureMotion, build: str, *, size: int, camera: Array) -> Limbs:
    """Every part of a figure on the pixels of a clip.

    A part is a bone between two joints, with flesh of one half-width about it and round ends. It moves as a rigid body,
    so that the way of each of its points is known exactly.

    Args:
        motion: of the figure.
        build: one of `BUILDS`.
        size: height and width of the frames in px.
        camera: `(t 2)` px that each frame is moved by.
    """
    frames = len(camera)
    time = np.arange(frames) - (frames - 1) / 2  # frames from mid-clip
    joints = skeleton(np.array(motion.phases) + time[:, None] * np.array(motion.rates))
    ground = np.array(motion.centre) + camera + [0.0, MIDDLE * motion.height]  # (t 2)
    start, end = ground[:, None] + joints * motion.height * [motion.facing, -1]  # (t parts 2)
    length = np.linalg.norm(end - start, axis=-1)[0]  # (parts)
    bone = (end - start) / length[:, None]
    side = np.stack([-bone[..., 1], bone[..., 0]], axis=-1)
    flesh = motion.height * _flesh(build)  # (parts)

    axis = np.arange(size) - (size - 1) / 2  # px from the frame's middle
    middle, reach = (start + end) / 2, length / 2 + flesh + 1
    x, y = ((axis - middle[..., i, None]) ** 2 for i in range(2))  # (t parts size)
    near = y[..., :, None] + x[..., None, :] < reach[:, None, None] ** 2
    part, frame, row, column = np.nonzero(near.transpose(1, 0, 2, 3))
    point = np.stack([axis[column], axis[row]], axis=-1) - start[frame, part]  # (p 2)
    along = np.sum(point * bone[frame, part], axis=-1)
    across = np.sum(point * side[frame, part], axis=-1)
    beyond = along - np.clip(along, 0, length[part])  # px past either joint
    coverage = np.clip(0.5 + flesh[part] - np.hypot(across, beyond), 0, 1)

    seen = coverage > 0
    part, frame, row, column = (index[seen] for index in (part, frame, row, column))
    along, across, coverage = along[seen], across[seen], coverage[seen]
    then = (np.minimum(frame + 1, frames - 1), part)
    moved = start[then] + along[:, None] * bone[then] + across[:, None] * side[then]
    step = moved.T - [axis[column], axis[row]]
    return Limbs(part, frame, row, column, coverage, across, along, step)


@lru_cache(maxsize=len(BUILDS))
def _flesh(build: str) -> Array:
    """Half-width of each part in body heights."""
    own = BUILDS[build]
    arm, leg = (own.arm, own.arm * 0.92, own.hand), (own.leg, own.leg * 0.9, own.foot)
    return np.array([*arm, *leg, *leg, own.trunk, own.head, *arm])


def skeleton(phases: Array) -> Array:
    """Where each part of a figure that faces right begins and ends: `(2 t parts 2)` body heights from where it stands.

    Args:
        phases: `(t 8)` radians, in the order of `FIGURE_CLASSES`.
    """
    walk, run, jump, wave, clap, squat, bend, sidestep = np.asarray(phases).T

    def vector(x: Array | float, y: Array | float) -> Array:
        return np.stack(np.broadcast_arrays(x, y), axis=-1)

    hips = 0.45 - 0.21 * _swell(squat)
    legs = {}
    for name, sign in (("near", 1), ("far", -1)):
        hip = vector(sign * 0.035, hips)
        ankle = vector(sign * (0.035 + 0.235 * np.sin(walk)), 0.04)
        # Two bones of one length: the knee stands forward from the middle.
        way = ankle - hip
        distance = np.linalg.norm(way, axis=-1, keepdims=True)
        forward = np.stack([-way[..., 1], way[..., 0]], axis=-1) / distance
        knee = hip + way / 2 + forward * np.sqrt(_LEG**2 - distance**2 / 4)
        legs[name] = [(hip, knee), (knee, ankle), (ankle, ankle + np.array([0.075, -0.01]))]

    # The upper body leans as a whole about the hips.
    lean = 0.5 * np.sin(bend)
    up, out = vector(np.sin(lean), np.cos(lean)), vector(np.cos(lean), -np.sin(lean))
    waist = vector(0.0, hips)
    shut = _swell(clap)[:, None]
    arms = {}
    for name, sign in (("near", 1), ("far", -1)):
        swing = np.sin(wave)[:, None] if name == "near" else 0.0
        # Elevation of upper arm and forearm over the horizontal; past a right angle the hand comes in again.
        raised = -0.1 + 1.45 * shut - sign * 0.5 * np.sin(run)[:, None] + 0.3 * swing
        bent = 1.0 + 1.35 * shut + 0.8 * swing
        shoulder = waist + 0.26 * up + sign * 0.12 * out
        elbow = shoulder + _UPPER_ARM * (np.sin(raised) * up + sign * np.cos(raised) * out)
        hand = elbow + _FOREARM * (np.sin(bent) * up + sign * np.cos(bent) * out)
        arms[name] = [(shoulder, elbow), (elbow, hand), (hand, hand + 0.02 * (hand - elbow) / _FOREARM)]
    trunk = (waist + 0.05 * up, waist + 0.24 * up)
    head = (waist + 0.41 * up, waist + 0.43 * up)

    bones = [*arms["far"], *legs["far"], *legs["near"], trunk, head, *arms["near"]]
    place = vector(0.16 * np.sin(sidestep), 0.32 * _swell(jump) + 0.03 * np.sin(run) ** 2)
    return np.stack([np.stack(joints, axis=1) for joints in zip(*bones, strict=True)]) + place[:, None]


def _swell(phase: Array) -> Array:
    """0 to 1 and back."""
    return (1 - np.cos(phase)) / 2
