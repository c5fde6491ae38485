"""Articulated figures: textured limbs on a skeleton, eight actions, and the exact motion of every visible point.

A pose is eight phases, one for each action: `walk` opens and crosses the legs, `wave` swings a forearm, and so on. The
phase of a figure's own action runs; the other seven stand still wherever chance has put them. So at every moment of a
clip the poses of all classes are distributed alike: one frame says nothing about the action, by construction, and what
tells a walk from a wave is which limbs move.

The skeleton is flat and turns about its upright axis. Lengths are in body heights, `x` towards where the figure faces,
`y` up from the ground.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BUILDS",
    "CYCLES",
    "FIGURE_CLASSES",
    "MIDDLE",
    "PARTS",
    "Build",
    "FigureMotion",
    "Limbs",
    "limbs",
    "skeleton",
]

FIGURE_CLASSES = ("walk", "run", "jump", "wave", "clap", "squat", "bend", "turn")
"""Actions of the articulated figures, all on the spot."""

CYCLES = (0.9, 1.1, 1.1, 1.3, 0.9, 0.9, 0.9, 0.9)
"""How often each action is done over a whole clip at the middle pace."""

MIDDLE = 0.66
"""Body heights from the ground to what `FigureMotion.centre` places, amid what a jump and raised arms reach."""

Array = NDArray[np.floating[Any]]

_LEG = 0.242  # thigh and shin
_UPPER_ARM, _FOREARM = 0.20, 0.21


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
    "even": Build(head=0.105, trunk=0.115, arm=0.046, hand=0.052, leg=0.054, foot=0.046),
    "slim": Build(head=0.092, trunk=0.080, arm=0.038, hand=0.040, leg=0.042, foot=0.040),
    "stout": Build(head=0.100, trunk=0.175, arm=0.050, hand=0.054, leg=0.060, foot=0.050),
    "big_head": Build(head=0.150, trunk=0.105, arm=0.042, hand=0.046, leg=0.050, foot=0.044),
    "big_hands": Build(head=0.098, trunk=0.110, arm=0.042, hand=0.088, leg=0.050, foot=0.044),
    "big_feet": Build(head=0.098, trunk=0.105, arm=0.042, hand=0.046, leg=0.050, foot=0.082),
    "strong_arms": Build(head=0.090, trunk=0.130, arm=0.070, hand=0.068, leg=0.048, foot=0.044),
    "strong_legs": Build(head=0.090, trunk=0.105, arm=0.042, hand=0.044, leg=0.080, foot=0.054),
}
"""Builds of the figures; look i has build i."""

PARTS = (
    *("far upper arm", "far forearm", "far hand", "far thigh", "far shin", "far foot"),
    *("near thigh", "near shin", "near foot", "trunk", "head", "near upper arm", "near forearm", "near hand"),
)
"""What a figure is drawn from, back to front."""

_SHADE = np.array([0.68 if part.startswith("far") else 1.0 for part in PARTS])


@dataclass(frozen=True)
class FigureMotion:
    """Where a figure is and what it does.

    `centre` px from the frame's middle to `MIDDLE` of the body, `height` px of the standing body, `facing` 1 (right) or
    -1 (left), `phases` radians of the eight actions at mid-clip, `rates` radians/frame, all 0 but the class's own,
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
        """Brightness `(p)`: the far arm and leg are darker, so that crossing limbs can be told apart."""
        return _SHADE[self.part]


def limbs(motion: FigureMotion, build: str, *, size: int, camera: Array) -> Limbs:
    """Every part of a figure on the pixels of a clip.

    A part is a bone between two joints with flesh of some half-width and round ends. Trunk and head are elliptic
    cylinders: their surface turns with the figure. Arms and legs are ribbons that always face the camera. A part's
    surface is stretched along its bone when that is foreshortened, so the way of each of its points is known exactly.

    Args:
        motion: of the figure.
        build: one of `BUILDS`.
        size: height and width of the frames in px.
        camera: `(t 2)` px that each frame is moved by.
    """
    frames = len(camera)
    time = np.arange(frames) - (frames - 1) / 2  # frames from mid-clip
    start, end, turn = skeleton(np.array(motion.phases) + time[:, None] * np.array(motion.rates))
    to_px = np.array([motion.facing, -1.0]) * motion.height
    ground = np.array(motion.centre) + camera + [0.0, MIDDLE * motion.height]  # (t 2)
    start, end = (ground[:, None] + joints * to_px for joints in (start, end))  # (t parts 2)
    length = np.maximum(np.linalg.norm(end - start, axis=-1), 1e-6)  # (t parts)
    bone = (end - start) / length[..., None]
    side = np.stack([-bone[..., 1], bone[..., 0]], axis=-1)  # to the right of what points up
    flesh, depth = _flesh(build)
    cap = motion.height * flesh  # (parts)
    width = cap * np.hypot(np.cos(turn)[:, None], depth * np.sin(turn)[:, None])  # (t parts)
    width = np.where(depth > 0, width, cap)
    roll = np.where(depth > 0, np.arctan2(depth * np.sin(turn)[:, None], np.cos(turn)[:, None]), 0.0)

    axis = np.arange(size) - (size - 1) / 2  # px from the frame's middle
    middle, reach = (start + end) / 2, length / 2 + np.maximum(cap, width) + 1
    x, y = ((axis - middle[..., i, None]) ** 2 for i in range(2))  # (t parts size)
    near = y[..., :, None] + x[..., None, :] < reach[..., None, None] ** 2
    part, frame, row, column = np.nonzero(near.transpose(1, 0, 2, 3))
    point = np.stack([axis[column], axis[row]], axis=-1) - start[frame, part]  # (p 2)
    along = np.sum(point * bone[frame, part], axis=-1)
    across = np.sum(point * side[frame, part], axis=-1)
    share = np.clip(along / length[frame, part], 0, 1)  # of the way along the bone
    beyond = along - share * length[frame, part]  # px past either joint
    # Distance to an ellipse's edge, to first order; exact for the circles and straight sides of a limb.
    u, v = across / width[frame, part], beyond / cap[part]
    level, slope = np.hypot(u, v), np.hypot(u / width[frame, part], v / cap[part])
    coverage = np.where(level > 0.3, np.clip(0.5 + (1 - level) * level / np.maximum(slope, 1e-9), 0, 1), 1.0)

    seen = coverage > 0
    part, frame, row, column = (index[seen] for index in (part, frame, row, column))
    share, beyond, u, coverage = (values[seen] for values in (share, beyond, u, coverage))
    angle = np.arcsin(np.clip(u, -1, 1)) - roll[frame, part]  # of the point on its cylinder
    then = (np.minimum(frame + 1, frames - 1), part)
    shift = start[then] + (share * length[then] + beyond)[:, None] * bone[then]
    shift += (width[then] * np.sin(angle + roll[then]))[:, None] * side[then]
    still = length[frames // 2]
    return Limbs(
        part=part,
        frame=frame,
        row=row,
        column=column,
        coverage=coverage,
        across=cap[part] * angle,
        along=share * still[part] + beyond,
        step=shift.T - [axis[column], axis[row]],
    )


@lru_cache(maxsize=len(BUILDS))
def _flesh(build: str) -> tuple[Array, Array]:
    """Half-width of each part in body heights, and depth over width of those that turn (0: the others)."""
    own = BUILDS[build]
    arm, leg = (own.arm, own.arm * 0.92, own.hand), (own.leg, own.leg * 0.9, own.foot)
    flesh = np.array([*arm, *leg, *leg, own.trunk, own.head, *arm])
    return flesh, np.array([{"trunk": 0.6, "head": 1.0}.get(part, 0.0) for part in PARTS])


def skeleton(phases: Array) -> tuple[Array, Array, Array]:
    """Joints of a figure that faces right and stands at 0.

    Args:
        phases: `(t 8)` radians, in the order of `FIGURE_CLASSES`.

    Returns:
        `(t parts 2)` body heights where each part starts, the same where it ends, and `(t)` radians of turn.
    """
    walk, run, jump, wave, clap, squat, bend, turn = np.asarray(phases).T

    def vector(x: Array | float, y: Array | float) -> Array:
        return np.stack(np.broadcast_arrays(x, y), axis=-1)

    # Hips sink with the squat; what flies lifts everything.
    hips = 0.45 - 0.21 * _swell(squat) ** 2
    leap = jump / (2 * np.pi) % 1
    air = vector(0.0, 0.25 * 4 * leap * (1 - leap) + 0.05 * np.abs(np.sin(run)))
    legs = {}
    for name, sign in (("near", 1), ("far", -1)):
        hip = vector(sign * 0.035, hips)
        lift = 0.7 * (hips - 0.04) * np.maximum(sign * np.sin(run), 0) ** 2
        ankle = vector(sign * (0.035 + 0.235 * np.sin(walk)), 0.04 + lift)
        # Two bones of one length: the knee stands forward from the middle.
        way = ankle - hip
        distance = np.linalg.norm(way, axis=-1, keepdims=True)
        forward = np.stack([-way[..., 1], way[..., 0]], axis=-1) / distance
        knee = hip + way / 2 + forward * np.sqrt(_LEG**2 - distance**2 / 4)
        legs[name] = [(hip, knee), (knee, ankle), (ankle, ankle + np.array([0.075, -0.01]))]

    # The upper body leans as a whole about the hips.
    lean = 0.65 * np.sin(bend)
    up, out = vector(np.sin(lean), np.cos(lean)), vector(np.cos(lean), -np.sin(lean))
    waist = vector(0.0, hips)
    shut = _swell(clap)[:, None]
    arms = {}
    for name, sign in (("near", 1), ("far", -1)):
        # Elevation of upper arm and forearm over the horizontal; past a right angle the hand comes in again.
        raised = -0.1 + 1.45 * shut - sign * 0.6 * np.sin(run)[:, None]
        bent = 1.0 + 1.35 * shut + (0.8 * np.sin(wave)[:, None] if name == "near" else 0.0)
        shoulder = waist + 0.26 * up + sign * 0.12 * out
        elbow = shoulder + _UPPER_ARM * (np.sin(raised) * up + sign * np.cos(raised) * out)
        hand = elbow + _FOREARM * (np.sin(bent) * up + sign * np.cos(bent) * out)
        arms[name] = [(shoulder, elbow), (elbow, hand), (hand, hand + 0.02 * (hand - elbow) / _FOREARM)]
    trunk = (waist + 0.05 * up, waist + 0.24 * up)
    head = (waist + 0.41 * up, waist + 0.43 * up)

    angle = 1.15 * np.sin(turn) ** 3  # quick past the sides, so that most figures are seen from ahead
    bones = [*arms["far"], *legs["far"], *legs["near"], trunk, head, *arms["near"]]
    start, end = (
        (np.stack([bone[i] for bone in bones], axis=1) + air[:, None]) * vector(np.cos(angle), 1.0)[:, None]
        for i in range(2)
    )
    return start, end, angle


def _swell(phase: Array) -> Array:
    """0 to 1 and back."""
    return (1 - np.cos(phase)) / 2
