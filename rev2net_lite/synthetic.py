"""The two-domain action world: short videos whose classes are defined by what moves how, with exact flow.

One textured actor moves over a textured background, filmed by a camera: a rigid sprite, or an articulated figure of
`figures`. The class is the actor's motion and nothing else; how it looks, where it is, how fast it goes and how it is
filmed are nuisance factors. Two knobs tie some of them to the class (`appearance_bias`, `motion_bias`), and one dial
for each factor carries the tidy "studio" over to the untidy "street". Everything that makes a clip is plain data in a
`ClipSpec`; `render` turns it into pixels, flow and mask.

Every factor draws from a random stream of its own, keyed by seed, class and clip, and a dial scales what its stream
gives. Turning one dial therefore changes one factor of each clip and leaves the others as they were.
"""

from __future__ import annotations

import colorsys
import csv
import json
import math
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from rev2net_lite.figures import BUILDS, FIGURE_CLASSES, PARTS, FigureMotion, limbs, phase_rates
from rev2net_lite.files import DRAFT, WriteError, sweep_drafts
from rev2net_lite.untrusted import read_json
from rev2net_lite.video import write_video

__all__ = [
    "ACTORS",
    "CLASSES",
    "FACTORS",
    "PATTERNS",
    "SHAPES",
    "Actors",
    "Camera",
    "ClipSpec",
    "ExactMotion",
    "Light",
    "Motion",
    "RenderedClip",
    "Surface",
    "SyntheticConfig",
    "dataset_specs",
    "load_exact",
    "render",
    "sample_specs",
    "street",
    "studio",
    "twin",
    "untied_studio",
    "write_synthetic_dataset",
]

CLASSES = ("slide_left", "slide_right", "rise", "fall", "spin_clockwise", "spin_counterclockwise", "grow", "shrink")
"""What a sprite does, as a viewer sees it; "clockwise" is clockwise on the screen."""

Actors = Literal["sprites", "figures"]

ACTORS: dict[Actors, tuple[str, ...]] = {"sprites": CLASSES, "figures": FIGURE_CLASSES}
"""Who moves, and the classes that go with it."""

SHAPES = ("disc", "triangle", "square", "star", "flower", "drop", "heart", "bar")
"""Outlines of the sprite, all of the same area at the same radius; look i has shape i."""

PATTERNS = ("stripes", "checks", "dots")

FACTORS = ("motion", "surface", "shape", "background", "camera", "light", "noise", "compression")
"""What `twin` can replace; the label goes with the motion."""

SCHEMA = 1  # of dataset.json

# Motion over a whole clip, for the middle pace: so an action looks the same at any number of frames.
SLIDE_WIDTHS = 0.40  # frame widths: 3.7 px/frame at 8 frames of 64 px
SPIN_RADIANS = 2.6  # 21 degrees per frame at 8 frames
ZOOM_LOG = 0.9  # the radius grows 2.5-fold: a factor of 1.14 per frame at 8 frames


@dataclass(frozen=True)
class _Looks:
    """The eight looks of the sprite or of the background, and the range that the palette dial opens.

    `recipes`: hue, saturation, value of the first colour, pattern, its period (sprite radii or frame widths) and angle.
    `second`: saturation and value of the second colour over the first's. `saturation`, `value`: range at palette 1.
    """

    recipes: tuple[tuple[float, float, float, str, float, float], ...]
    second: tuple[float, float]
    saturation: tuple[float, float]
    value: tuple[float, float]


_OBJECTS = _Looks(
    recipes=(
        (0.99, 0.85, 0.86, "stripes", 0.90, 0.0),
        (0.07, 0.90, 0.96, "checks", 1.30, 0.0),
        (0.15, 0.85, 0.98, "stripes", 0.70, 0.8),
        (0.34, 0.75, 0.62, "dots", 0.95, 0.0),
        (0.49, 0.80, 0.72, "stripes", 0.80, 1.6),
        (0.60, 0.80, 0.86, "checks", 1.10, 0.8),
        (0.76, 0.65, 0.72, "dots", 0.80, 0.8),
        (0.90, 0.60, 0.95, "checks", 0.90, 0.4),
    ),
    second=(0.45, 1.1),
    saturation=(0.3, 0.95),
    value=(0.35, 1.0),
)
# Hues stand across the circle from the sprite's look of the same number: the pair of a biased clip is easy to see.
_BACKGROUNDS = _Looks(
    recipes=(
        (0.50, 0.20, 0.94, "stripes", 0.25, 0.00),
        (0.58, 0.24, 0.92, "stripes", 0.25, 1.57),
        (0.70, 0.20, 0.92, "stripes", 0.25, 0.79),
        (0.88, 0.20, 0.95, "stripes", 0.25, 2.36),
        (0.03, 0.22, 0.96, "checks", 0.34, 0.00),
        (0.12, 0.28, 0.96, "checks", 0.34, 0.79),
        (0.22, 0.24, 0.92, "dots", 0.25, 0.00),
        (0.38, 0.22, 0.90, "dots", 0.25, 0.79),
    ),
    second=(1.6, 0.84),
    saturation=(0.1, 0.6),
    value=(0.2, 0.85),
)


@dataclass(frozen=True)
class SyntheticConfig:
    """One domain of the world; the defaults are the studio with its ties.

    Args:
        domain: name of the domain, for the record.
        frames: frames of a clip, at least 4. The whole action is shown at any number.
        size: height and width in px, even, at least 16.
        fps: frames per second of the files.
        appearance_bias: probability that the object's look (colour, pattern, shape) goes with the class and,
            drawn independently, that the background's look does; otherwise a look is drawn uniformly.
        motion_bias: probability that the camera's pan and the object's pace go with the class. Without `pan` the camera
            stays still and only the pace is tied.
        palette: 0: eight colours, 1: colours from all over the circle.
        texture: 0: stripes, checks and dots, 1: rough natural textures on object and background.
        light: 0: even light, 1: brightness, contrast, gradient and flicker vary from clip to clip.
        noise: sensor noise; 0: sd 0.008, 1: sd 0.04 of the range.
        pan: sd of the camera's pan over the whole clip, per axis, in frame widths; 0: static camera, 0.12: street.
        shake: camera jitter; 1: sd of 0.006 frame widths per frame and axis.
        speed: width of the distribution of paces; 0: 0.7 to 1.4 of the middle pace, 1: 0.5 to 2.
        scale: width of the distribution of sizes; 0: 0.9 to 1.1 of the middle radius, 1: 0.65 to 1.5.
        compression: H.264 constant rate factor; 0: crf 12, 1: crf 30.
        actors: "sprites", rigid ones, or "figures", articulated ones; the classes go with them, see `ACTORS`.

    Raises:
        ValueError: a field is outside its range.
    """

    domain: str = "studio"
    frames: int = 8
    size: int = 64
    fps: int = 8
    appearance_bias: float = 0.8
    motion_bias: float = 0.0
    palette: float = 0.0
    texture: float = 0.0
    light: float = 0.0
    noise: float = 0.0
    pan: float = 0.0
    shake: float = 0.0
    speed: float = 0.0
    scale: float = 0.0
    compression: float = 0.0
    actors: Actors = "sprites"

    def __post_init__(self) -> None:
        if not isinstance(self.actors, str) or self.actors not in ACTORS:
            raise ValueError(f"actors is {self.actors!r}; expected one of {', '.join(ACTORS)}")
        if not isinstance(self.domain, str) or not self.domain:
            raise ValueError(f"domain is {self.domain!r}; expected a name such as 'studio' or 'street'")
        for name, integer, low in (("frames", self.frames, 4), ("size", self.size, 16), ("fps", self.fps, 1)):
            if not isinstance(integer, int) or integer < low:
                raise ValueError(f"{name} is {integer!r}; expected a whole number of at least {low}")
        if self.size % 2:
            raise ValueError(f"size is {self.size}; H.264 needs an even number, take {self.size + 1}")
        for name, value, high in (
            ("appearance_bias", self.appearance_bias, 1.0),
            ("motion_bias", self.motion_bias, 1.0),
            ("palette", self.palette, 1.0),
            ("texture", self.texture, 1.0),
            ("light", self.light, 2.0),
            ("noise", self.noise, 5.0),
            ("pan", self.pan, 0.5),
            ("shake", self.shake, 5.0),
            ("speed", self.speed, 2.0),
            ("scale", self.scale, 2.0),
            ("compression", self.compression, 2.0),
        ):
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= high:
                raise ValueError(f"{name} is {value!r}; expected a number from 0 to {high:g}")

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in label order."""
        return ACTORS[self.actors]

    def record(self) -> dict[str, object]:
        """All fields for a file or a folder's name; without `actors` for sprites, which were the first and only ones:
        so what was written before there were others keeps its name and is found again."""
        fields = asdict(self)
        if self.actors == "sprites":
            del fields["actors"]
        return fields


def studio(*, actors: Actors = "sprites") -> SyntheticConfig:
    """The source domain: plain patterns, static camera, looks tied to the class with probability 0.8."""
    return SyntheticConfig(actors=actors)


def untied_studio(*, actors: Actors = "sprites") -> SyntheticConfig:
    """The studio's look with every tie cut: what is left of a source accuracy when the bias is gone."""
    return SyntheticConfig(domain="untied studio", appearance_bias=0.0, actors=actors)


def street(*, actors: Actors = "sprites") -> SyntheticConfig:
    """The target domain: no ties, every shift at full width.

    >>> street().pan, street().appearance_bias
    (0.12, 0.0)
    """
    return SyntheticConfig(
        domain="street",
        appearance_bias=0.0,
        palette=0.3,
        texture=0.7,
        light=0.4,
        noise=0.7,
        pan=0.12,
        shake=0.5,
        speed=0.7,
        scale=0.7,
        compression=1.0,
        actors=actors,
    )


@dataclass(frozen=True)
class Motion:
    """The sprite's path in the world; position, radius and angle are those of mid-clip.

    `centre` px from the frame's middle, `radius` px, `angle` and `spin` radians (clockwise) and radians/frame,
    `velocity` px/frame (right, down), `zoom` factor of the radius per frame, `pace` of the middle pace.
    """

    centre: tuple[float, float]
    radius: float
    angle: float
    velocity: tuple[float, float]
    spin: float
    zoom: float
    pace: float


@dataclass(frozen=True)
class Surface:
    """A two-coloured pattern: `look` is the number of the look it came from, `period` is in sprite radii (in frame
    widths for a background), `roughness` mixes the pattern with noise of `seed`."""

    look: int
    colours: tuple[tuple[float, float, float], tuple[float, float, float]]
    pattern: str
    period: float
    angle: float
    roughness: float
    seed: int

    def __post_init__(self) -> None:
        if self.pattern not in PATTERNS:
            raise ValueError(f"pattern is {self.pattern!r}; expected one of {', '.join(PATTERNS)}")


@dataclass(frozen=True)
class Camera:
    """`pan`: how far the scene moves over the clip, px; `shake`: where each frame is besides, px."""

    pan: tuple[float, float]
    shake: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Light:
    """`gradient`: change of gain from the middle to an edge (right, down); `flicker`: gain of each frame."""

    brightness: float
    contrast: float
    gradient: tuple[float, float]
    flicker: tuple[float, ...]


@dataclass(frozen=True)
class ClipSpec:
    """Every factor of one clip as plain data; `dataclasses.replace` changes one.

    A sprite has a `Motion` and one of `SHAPES`, a figure a `FigureMotion` and for a shape one of `figures.BUILDS`.

    Raises:
        ValueError: label or shape is not one of such an actor, or camera or light has another number of frames than the
            clip.
    """

    label: str
    frames: int
    size: int
    motion: Motion | FigureMotion
    surface: Surface
    shape: str
    background: Surface
    camera: Camera
    light: Light
    noise_sd: float
    noise_seed: int
    crf: int

    def __post_init__(self) -> None:
        for name, value, known in (("label", self.label, self.classes), ("shape", self.shape, _SHAPES[self.actors])):
            if value not in known:
                raise ValueError(f"{name} is {value!r}; expected one of {', '.join(known)}")
        shake, flicker = len(self.camera.shake), len(self.light.flicker)
        if not self.frames == shake == flicker:
            raise ValueError(
                f"frames is {self.frames}, but the camera's shake has {shake} and the light's flicker {flicker}; "
                "give all three the same number, or sample the clip with SyntheticConfig(frames=...)"
            )

    @property
    def actors(self) -> Actors:
        """Who moves in this clip."""
        return "figures" if isinstance(self.motion, FigureMotion) else "sprites"

    @property
    def classes(self) -> tuple[str, ...]:
        """What the label is one of, in label order."""
        return ACTORS[self.actors]


_SHAPES: dict[Actors, tuple[str, ...]] = {"sprites": SHAPES, "figures": tuple(BUILDS)}


@dataclass(frozen=True)
class RenderedClip:
    """`frames` uint8 (3 t h w); `flow` float32 (2 t-1 h w), exact, px/frame; `mask` bool (t h w) of the actor."""

    frames: Tensor
    flow: Tensor
    mask: Tensor


@dataclass(frozen=True)
class ExactMotion:
    """`flow` float32 (2 t-1 h w) px/frame and `mask` bool (t h w) of the actor, as written beside the videos."""

    flow: Tensor
    mask: Tensor


def sample_specs(config: SyntheticConfig, *, clips_per_class: int, seed: int) -> list[ClipSpec]:
    """`clips_per_class` clips of every class, class after class.

    A clip depends on the config, the seed, its class and its number only: asking for more clips keeps the earlier ones.
    Two domains sampled with one seed hold the same clips but for the dials, so test splits want a seed of their own.

    Args:
        config: the domain.
        clips_per_class: clips of each of the eight classes.
        seed: of everything random, 0 or more.

    Raises:
        ValueError: `clips_per_class` is below 1 or `seed` below 0.

    >>> [spec.label for spec in sample_specs(studio(), clips_per_class=1, seed=0)][:2]
    ['slide_left', 'slide_right']
    """
    for name, value, low in (("clips_per_class", clips_per_class, 1), ("seed", seed, 0)):
        if not isinstance(value, int) or value < low:
            raise ValueError(f"{name} is {value!r}; expected a whole number of at least {low}")
    return [
        _sample(config, k, (seed, k, index)) for k in range(len(config.classes)) for index in range(clips_per_class)
    ]


def _sample(config: SyntheticConfig, k: int, key: tuple[int, int, int]) -> ClipSpec:
    streams = [np.random.Generator(np.random.PCG64([*key, stream])) for stream in range(7)]
    motion, objects, background, camera, light, noise, ties = streams
    look, behind = (_tied(stream, k, config.appearance_bias) for stream in (objects, background))
    motion_tied = bool(ties.random() < config.motion_bias)
    sample_motion = _sample_figure if config.actors == "figures" else _sample_motion
    return ClipSpec(
        label=config.classes[k],
        frames=config.frames,
        size=config.size,
        motion=sample_motion(motion, config, k, motion_tied),
        surface=_sample_surface(objects, config, _OBJECTS, look),
        shape=_SHAPES[config.actors][look],
        background=_sample_surface(background, config, _BACKGROUNDS, behind),
        camera=_sample_camera(camera, config, k, motion_tied),
        light=_sample_light(light, config),
        noise_sd=0.008 + 0.032 * config.noise,
        noise_seed=int(noise.integers(2**31)),
        crf=round(12 + 18 * config.compression),
    )


def _tied(rng: np.random.Generator, k: int, bias: float) -> int:
    """Class k itself with probability `bias`, else any class: so k has probability bias + (1 - bias) / 8."""
    tie, other = rng.random(2)
    return k if tie < bias else int(other * len(CLASSES))


def _sample_motion(rng: np.random.Generator, config: SyntheticConfig, k: int, tied: bool) -> Motion:
    x, y, size, angle, pace = rng.random(5).tolist()
    pace = _pace(config, k, pace, tied)
    step = pace / (config.frames - 1)
    slide = SLIDE_WIDTHS * config.size * step
    label = CLASSES[k]
    directions = {"slide_left": (-1, 0), "slide_right": (1, 0), "rise": (0, -1), "fall": (0, 1)}
    dx, dy = directions.get(label, (0, 0))
    turn = {"spin_clockwise": 1, "spin_counterclockwise": -1}.get(label, 0)
    swell = {"grow": 1, "shrink": -1}.get(label, 0)
    return Motion(
        centre=(0.26 * config.size * (x - 0.5), 0.26 * config.size * (y - 0.5)),
        radius=0.21 * config.size * _relative_size(config, size),
        angle=2 * math.pi * angle,
        velocity=(slide * dx, slide * dy),
        spin=SPIN_RADIANS * step * turn,
        zoom=math.exp(ZOOM_LOG * step * swell),
        pace=pace,
    )


def _sample_figure(rng: np.random.Generator, config: SyntheticConfig, k: int, tied: bool) -> FigureMotion:
    x, y, size, facing, pace = rng.random(5).tolist()
    phases = 2 * math.pi * rng.random(len(FIGURE_CLASSES))
    pace = _pace(config, k, pace, tied)
    return FigureMotion(
        centre=(0.1 * config.size * (x - 0.5), 0.03 * config.size * (y - 0.5)),
        height=0.74 * config.size * _relative_size(config, size),
        facing=1 if facing < 0.5 else -1,
        phases=tuple(phases.tolist()),
        rates=phase_rates(config.classes[k], pace=pace, frames=config.frames),
        pace=pace,
    )


def _pace(config: SyntheticConfig, k: int, drawn: float, tied: bool) -> float:
    """Of the middle pace; `drawn` in [0, 1], which a tie replaces by the class's own."""
    return 2.0 ** ((0.5 + 0.5 * config.speed) * (2 * ((k + 0.5) / len(config.classes) if tied else drawn) - 1))


def _relative_size(config: SyntheticConfig, drawn: float) -> float:
    """Of the middle size; `drawn` in [0, 1]."""
    return math.exp((0.1 + 0.3 * config.scale) * (2 * drawn - 1))


def _sample_surface(rng: np.random.Generator, config: SyntheticConfig, looks: _Looks, look: int) -> Surface:
    hue, saturation, value, pattern, period, angle = looks.recipes[look]
    second = (saturation * looks.second[0], min(1.0, value * looks.second[1]))
    any_hsv = rng.random((2, 3)).tolist()
    return Surface(
        look=look,
        colours=(
            _colour((hue, saturation, value), any_hsv[0], looks, config.palette),
            _colour((hue, *second), any_hsv[1], looks, config.palette),
        ),
        pattern=pattern,
        period=period,
        angle=angle,
        roughness=0.3 + 0.7 * config.texture,
        seed=int(rng.integers(2**31)),
    )


def _colour(
    own: tuple[float, float, float], other: Sequence[float], looks: _Looks, palette: float
) -> tuple[float, float, float]:
    """RGB on the way from the look's own hue, saturation, value (palette 0) to any (palette 1; `other` in [0, 1])."""
    low, high = zip(looks.saturation, looks.value, strict=True)
    saturation, value = (
        (1 - palette) * own[i + 1] + palette * (low[i] + (high[i] - low[i]) * other[i + 1]) for i in range(2)
    )
    return colorsys.hsv_to_rgb((own[0] + palette * (other[0] - 0.5)) % 1, saturation, value)


def _sample_camera(rng: np.random.Generator, config: SyntheticConfig, k: int, tied: bool) -> Camera:
    right, down = rng.standard_normal(2).tolist()
    if tied:  # the class's own direction, with the root mean square length of an untied pan
        turn = 2 * math.pi * (k + 0.5) / len(CLASSES)
        right, down = math.sqrt(2) * math.cos(turn), math.sqrt(2) * math.sin(turn)
    shake = 0.006 * config.shake * config.size * rng.standard_normal((config.frames, 2))
    return Camera(
        pan=(config.pan * config.size * right, config.pan * config.size * down),
        shake=tuple((x, y) for x, y in shake.tolist()),
    )


def _sample_light(rng: np.random.Generator, config: SyntheticConfig) -> Light:
    brightness, contrast, x, y = (config.light * (2 * rng.random(4) - 1)).tolist()
    flicker = 1 + 0.015 * config.light * rng.standard_normal(config.frames)
    return Light(
        brightness=0.1 * brightness,
        contrast=math.exp(0.3 * contrast),
        gradient=(0.35 * x, 0.35 * y),
        flicker=tuple(flicker.tolist()),
    )


def twin(spec: ClipSpec, factor: str, *, other: ClipSpec) -> ClipSpec:
    """The same clip with one factor of `FACTORS` taken from another clip: what that factor alone does to a prediction.

    "motion" takes the label along. Every other twin keeps the label, and all but "shape" and "camera" the exact flow.

    Args:
        spec: the clip.
        factor: one of `FACTORS`.
        other: where the factor comes from, for example a clip of another class or of another domain.

    Raises:
        ValueError: the factor is unknown, or the two clips differ in actors, frames or size.

    >>> first, second = sample_specs(untied_studio(), clips_per_class=1, seed=0)[:2]
    >>> twin(first, "background", other=second).label
    'slide_left'
    """
    if spec.actors != other.actors:
        raise ValueError(
            f"the clips are of {spec.actors} and of {other.actors}; twins need two clips of one kind of actor"
        )
    if (spec.frames, spec.size) != (other.frames, other.size):
        raise ValueError(
            f"the clips have {spec.frames} frames of {spec.size} px and {other.frames} frames of {other.size} px; "
            "twins need two clips of one frames and size"
        )
    twins = {
        "motion": replace(spec, motion=other.motion, label=other.label),
        "surface": replace(spec, surface=other.surface),
        "shape": replace(spec, shape=other.shape),
        "background": replace(spec, background=other.background),
        "camera": replace(spec, camera=other.camera),
        "light": replace(spec, light=other.light),
        "noise": replace(spec, noise_sd=other.noise_sd, noise_seed=other.noise_seed),
        "compression": replace(spec, crf=other.crf),
    }
    if factor not in twins:
        raise ValueError(f"factor is {factor!r}; expected one of {', '.join(FACTORS)}")
    return twins[factor]


Array = NDArray[np.floating[Any]]
Waves = Sequence[tuple[float, float, float, float]]
"""(kx, ky) rad/px, phase and amplitude of each of some plane waves amplitude * sin(kx * x + ky * y + phase)."""


def render(spec: ClipSpec) -> RenderedClip:
    """Pixels, exact flow and mask of one clip.

    Patterns are plane waves with an edge of about one pixel, and the outline's coverage is computed from its distance:
    no supersampling is needed. Exact flow at a pixel of frame i is the motion, up to frame i + 1, of the surface that
    covers at least half of it.

    >>> clip = render(sample_specs(studio(), clips_per_class=1, seed=0)[0])
    >>> clip.frames.shape, clip.flow.shape
    (torch.Size([3, 8, 64, 64]), torch.Size([2, 7, 64, 64]))
    """
    n = spec.size
    time: Array = np.arange(spec.frames) - (spec.frames - 1) / 2  # frames from mid-clip
    axis: Array = np.arange(n) - (n - 1) / 2  # px from the frame's middle
    camera = time[:, None] / (spec.frames - 1) * np.array(spec.camera.pan) + np.array(spec.camera.shake)  # (t 2)

    def background_field(waves: Waves) -> Array:
        return _field(waves, axis, camera, np.zeros_like(time), np.ones_like(time))

    image = _paint(spec.background, float(n), background_field)  # (3 t h w)
    mask = np.zeros((spec.frames, n, n), dtype=bool)
    flow = np.empty((2, spec.frames, n, n), dtype=np.float32)
    flow[:] = np.diff(camera, axis=0, append=0).T[:, :, None, None]  # of t steps the last, meaningless one is cut off

    draw = _draw_figure if isinstance(spec.motion, FigureMotion) else _draw_sprite
    for layer in draw(spec, camera):
        frame, row, column = layer.frame, layer.row, layer.column
        under = image[:, frame, row, column]
        image[:, frame, row, column] = under + layer.coverage * (layer.colour - under)
        inside = layer.coverage >= 0.5
        frame, row, column = frame[inside], row[inside], column[inside]
        mask[frame, row, column] = True
        flow[:, frame, row, column] = layer.step[:, inside]

    light = spec.light
    slope = (light.gradient[0] * axis + light.gradient[1] * axis[:, None]) * (2 / n)  # (h w)
    gain = np.array(light.flicker)[:, None, None] * (1 + slope)  # (t h w)
    noise = np.random.Generator(np.random.PCG64(spec.noise_seed)).standard_normal(gain.shape)
    # Contrast turns about mid-grey; the noise is that of the luminance, as most colour noise would not survive 4:2:0.
    offset = (0.5 - 0.5 * light.contrast + light.brightness) * gain + spec.noise_sd * noise
    image = image * (light.contrast * gain) + offset
    frames = (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
    return RenderedClip(torch.from_numpy(frames), torch.from_numpy(flow[:, :-1].copy()), torch.from_numpy(mask))


@dataclass(frozen=True)
class _Layer:
    """Something drawn over what is there: `(p)` points with their place, share of the pixel that is covered, colour
    `(3 p)` and way to the next frame `(2 p)` px."""

    frame: NDArray[np.intp]
    row: NDArray[np.intp]
    column: NDArray[np.intp]
    coverage: Array
    colour: Array
    step: Array


def _draw_sprite(spec: ClipSpec, camera: Array) -> list[_Layer]:
    """The sprite, at the pixels that it can reach."""
    motion = spec.motion
    assert isinstance(motion, Motion)
    time: Array = np.arange(spec.frames) - (spec.frames - 1) / 2
    axis: Array = np.arange(spec.size) - (spec.size - 1) / 2
    centre = np.array(motion.centre) + time[:, None] * np.array(motion.velocity) + camera  # (t 2)
    radius = motion.radius * motion.zoom**time  # (t)
    angle = motion.angle + motion.spin * time  # (t)

    outline, slant = _outline(spec.shape)
    x, y = axis - centre[:, :1], axis - centre[:, 1:]  # (t w), (t h)
    reach = (radius * outline.max() + 1) ** 2
    frame, row, column = np.nonzero((y**2)[:, :, None] + (x**2)[:, None, :] < reach[:, None, None])
    x, y = x[frame, column], y[frame, row]
    place = (np.arctan2(y, x) - angle[frame]) * ((len(outline) - 1) / (2 * np.pi)) % (len(outline) - 1)
    below = np.minimum(place.astype(np.int64), len(outline) - 2)  # rounding can reach the full turn
    part = place - below
    edge = outline[below] + part * (outline[below + 1] - outline[below])
    across = slant[below] + part * (slant[below + 1] - slant[below])
    coverage = np.clip(0.5 + (edge * radius[frame] - np.sqrt(x**2 + y**2)) * across, 0, 1)

    def field(waves: Waves) -> Array:
        return _field(waves, axis, centre, angle, radius / motion.radius)[frame, row, column]

    step = np.diff(centre, axis=0, append=0)[frame]
    along, aside = motion.zoom * np.cos(motion.spin), motion.zoom * np.sin(motion.spin)
    right, down = along * x - aside * y - x + step[:, 0], aside * x + along * y - y + step[:, 1]
    colour = _paint(spec.surface, motion.radius, field)  # (3 p)
    return [_Layer(frame, row, column, coverage, colour, np.stack([right, down]))]


def _draw_figure(spec: ClipSpec, camera: Array) -> list[_Layer]:
    """The figure's parts, back to front."""
    motion = spec.motion
    assert isinstance(motion, FigureMotion)
    drawn = limbs(motion, spec.shape, size=spec.size, camera=camera)

    def field(waves: Waves) -> Array:
        value = np.zeros_like(drawn.across)
        for kx, ky, phase, amplitude in waves:
            value += amplitude * np.sin(kx * drawn.across + ky * drawn.along + phase)
        return value

    colour = drawn.shade * _paint(spec.surface, 0.4 * motion.height, field)
    ends = np.searchsorted(drawn.part, np.arange(len(PARTS) + 1))
    return [
        _Layer(
            drawn.frame[a:b], drawn.row[a:b], drawn.column[a:b], drawn.coverage[a:b], colour[:, a:b], drawn.step[:, a:b]
        )
        for a, b in pairwise(ends)
    ]


def _field(waves: Waves, axis: Array, origin: Array, angle: Array, scale: Array) -> Array:
    """Sum of plane waves (t h w) on a surface that frame i shows moved to origin[i], turned and scaled.

    Turned and scaled, a plane wave is a plane wave still, and sin(a + b) = sin a cos b + cos a sin b parts it into rows
    and columns: any number of waves is one matrix product.
    """
    kx, ky, phase, amplitude = np.array(waves).T
    cos, sin = (np.cos(angle) / scale)[:, None], (np.sin(angle) / scale)[:, None]
    across = (axis - origin[:, :1])[..., None] * (kx * cos - ky * sin)[:, None] + phase  # (t w waves)
    down = (axis - origin[:, 1:])[..., None] * (kx * sin + ky * cos)[:, None]  # (t h waves)
    rows = np.concatenate([amplitude * np.cos(down), amplitude * np.sin(down)], axis=-1)
    columns = np.concatenate([np.sin(across), np.cos(across)], axis=-1)
    return rows @ columns.transpose(0, 2, 1)


def _paint(surface: Surface, unit: float, field: Callable[[Waves], Array]) -> Array:
    """RGB (3 ...) of a surface at the places where `field` evaluates waves; `unit` is the px of period 1."""
    rng = np.random.Generator(np.random.PCG64(surface.seed))
    period = surface.period * unit  # px
    k = 2 * np.pi / period
    kx, ky = k * np.cos(surface.angle), k * np.sin(surface.angle)
    shift = 2 * np.pi * rng.random(2)
    first, second = (kx, ky, shift[0], 1.0), (-ky, kx, shift[1], 1.0)
    if surface.pattern == "stripes":
        value = field([first])
    elif surface.pattern == "checks":
        value = field([first]) * field([second])
    else:  # dots
        value = field([first, second]) - 0.6
    # A wave's slope is at most 2 pi / period: edges become one pixel wide.
    mix = np.clip(0.5 + value * (period / (2 * np.pi)), 0, 1)
    if surface.roughness > 0:
        mix = (1 - surface.roughness) * mix + surface.roughness * np.clip(0.5 + 0.45 * field(_rough(rng, unit)), 0, 1)
    low, high = np.array(surface.colours).reshape(2, 3, *(1,) * mix.ndim)
    return low + (high - low) * mix


def _rough(rng: np.random.Generator, unit: float, count: int = 14) -> Waves:
    """Waves in all directions, the longer the stronger: natural noise of sd 1.

    They go from a unit down to a tenth, but not below 4 px, where a shrinking sprite would alias.
    """
    length = np.geomspace(1.2 * unit, max(0.1 * unit, 4.0), count)
    turn, phase = 2 * np.pi * rng.random((2, count))
    amplitude = length**0.6
    amplitude *= np.sqrt(2 / np.sum(amplitude**2))
    k = 2 * np.pi / length
    return list(zip(k * np.cos(turn), k * np.sin(turn), phase, amplitude, strict=True))


@lru_cache(maxsize=len(SHAPES))
def _outline(shape: str) -> tuple[Array, Array]:
    """Distance from centre to edge over one turn (first and last are the same angle), and what turns a distance along
    the ray into one across the edge. Mean square 1: every shape has the area of the disc."""
    turn = np.linspace(0, 2 * np.pi, 721)[:-1]
    cos, sin = np.cos(turn), np.sin(turn)
    if shape == "triangle":
        edge = 1 / np.cos(turn % (2 * np.pi / 3) - np.pi / 3)
    elif shape == "square":
        edge = (cos**10 + sin**10) ** (-1 / 10)
    elif shape == "star":
        edge = 1 / (1.35 - np.cos(5 * turn)) ** 0.4
    elif shape == "flower":
        edge = 1 + 0.28 * np.cos(4 * turn)
    elif shape == "drop":
        away = np.minimum(turn, 2 * np.pi - turn)
        edge = 1 / np.cos(np.maximum(np.pi / 3 - away, 0))  # a disc and its two tangents from a point at distance 2
    elif shape == "heart":
        edge = 2 - 2 * sin + sin * np.sqrt(np.abs(cos)) / (sin + 1.4)
    elif shape == "bar":
        edge = ((cos / 1.6) ** 6 + (sin / 0.6) ** 6) ** (-1 / 6)
    else:  # disc
        edge = np.ones_like(turn)
    waves = np.fft.rfft(edge)
    edge = np.fft.irfft(waves * np.exp(-((np.arange(len(waves)) / 14.0) ** 2)), n=len(turn))  # rounds the corners
    edge = edge / np.sqrt(np.mean(edge**2))
    slope = (np.roll(edge, -1) - np.roll(edge, 1)) / (2 * (turn[1] - turn[0]))
    slant = 1 / np.sqrt(1 + (slope / edge) ** 2)
    return np.append(edge, edge[0]), np.append(slant, slant[0])


def write_synthetic_dataset(
    folder: str | os.PathLike[str],
    *,
    config: SyntheticConfig = SyntheticConfig(),
    clips_per_class: int,
    seed: int,
) -> Path:
    """The folder, filled with H.264 videos, their labels and their exact flow.

    `dataset.json` records what was asked for; `labels.csv` has file, label and the factors of each clip;
    `videos/<label>_<i>.mp4` are read like any other video; `exact/<label>_<i>.safetensors` are read by `load_exact`.
    The folder appears complete or not at all, also when several processes write it at once.

    Args:
        folder: where to write. If it already holds this very dataset, nothing is done.
        config: the domain.
        clips_per_class: clips of each of the eight classes.
        seed: of everything random.

    Raises:
        ValueError: the folder holds something else, `clips_per_class` is below 1 or `seed` below 0.
        WriteError, VideoError: the disk is full, the folder is read-only, ...; nothing is left behind.
    """
    folder = Path(folder)
    record = _record(config, clips_per_class, seed)
    specs = sample_specs(config, clips_per_class=clips_per_class, seed=seed)
    try:
        if _holds(folder, record):
            return folder
        # What a killed writer left.
        sweep_drafts(folder.parent)
        folder.parent.mkdir(parents=True, exist_ok=True)
        workshop = Path(tempfile.mkdtemp(prefix=f".{folder.name[:40]}.", suffix=DRAFT, dir=folder.parent))
    except OSError as error:
        raise WriteError(error.errno, error.strerror, str(folder)) from error
    try:
        _fill(workshop / "new", record, specs, fps=config.fps)
        with suppress(OSError):  # removes an empty folder only: some systems do not replace even that
            folder.rmdir()
        try:
            (workshop / "new").replace(folder)
        except OSError:  # another process put its folder there first
            if not _holds(folder, record):
                raise
    except OSError as error:
        raise WriteError(error.errno, error.strerror or str(error), str(folder)) from error
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    return folder


def _record(config: SyntheticConfig, clips_per_class: int, seed: int) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "config": config.record(),
        "clips_per_class": clips_per_class,
        "seed": seed,
        "classes": list(config.classes),
    }


def _holds(folder: Path, record: dict[str, object]) -> bool:
    """Whether the folder holds the dataset of that record; False if there is nothing."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    found = _read_record(folder)
    differs = [name for name in record if found.get(name) != record[name]]
    if differs:
        raise ValueError(
            f"{folder} holds another synthetic dataset, with other {' and '.join(differs)}; "
            "take another folder or delete this one"
        )
    return True


def _read_record(folder: Path) -> dict[str, object]:
    try:
        found = read_json(folder / "dataset.json")
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict) or "schema" not in found:
        raise ValueError(
            f"{folder} has no readable dataset.json; it should be a folder made by write_synthetic_dataset, "
            "or new or empty to write one"
        )
    return found


def _fill(folder: Path, record: dict[str, object], specs: Sequence[ClipSpec], *, fps: int) -> None:
    (folder / "videos").mkdir(parents=True)
    (folder / "exact").mkdir()
    rows = []
    count = dict.fromkeys([spec.label for spec in specs], 0)
    for spec in specs:
        name = f"{spec.label}_{count[spec.label]:04d}"
        count[spec.label] += 1
        clip = render(spec)
        write_video(folder / "videos" / f"{name}.mp4", clip.frames, fps=fps, crf=spec.crf)
        exact = {"flow": clip.flow.to(torch.float16), "mask": clip.mask.to(torch.uint8)}
        (folder / "exact" / f"{name}.safetensors").write_bytes(save(exact))
        rows.append(_row(f"videos/{name}.mp4", spec))
    with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    (folder / "dataset.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _row(file: str, spec: ClipSpec) -> dict[str, object]:
    """One line of labels.csv. Lengths in px, angles in radians."""
    motion = spec.motion
    size = {"height_px": motion.height} if isinstance(motion, FigureMotion) else {"radius_px": motion.radius}
    return {
        "file": file,
        "label": spec.label,
        "object_look": spec.classes[spec.surface.look],
        "background_look": spec.classes[spec.background.look],
        "shape": spec.shape,
        "pace": round(motion.pace, 4),
        **{name: round(px, 3) for name, px in size.items()},
        "x_px": round(motion.centre[0], 3),
        "y_px": round(motion.centre[1], 3),
        "pan_x_px": round(spec.camera.pan[0], 3),
        "pan_y_px": round(spec.camera.pan[1], 3),
        "crf": spec.crf,
    }


# The specs of a stranger's dataset are made again from its numbers: clips, frames, pixels.
_MOST = 10_000


def dataset_specs(folder: str | os.PathLike[str]) -> list[ClipSpec]:
    """The specs of a written dataset, in the order of `labels.csv`: for twins of the clips on disk.

    Raises:
        ValueError: the folder has no readable `dataset.json`, or one of another version.
    """
    folder = Path(folder)
    found = _read_record(folder)
    fields, clips_per_class, seed = found.get("config"), found.get("clips_per_class"), found.get("seed")
    if (
        found["schema"] != SCHEMA
        or not isinstance(fields, dict)
        or fields.keys() | {"actors"} != asdict(SyntheticConfig()).keys()
        or not isinstance(clips_per_class, int)
        or not isinstance(seed, int)
    ):
        raise ValueError(f"{folder}/dataset.json was written by another version of the kit; write the dataset again")
    numbers = {"clips_per_class": clips_per_class} | fields
    large = [name for name, value in numbers.items() if isinstance(value, int | float) and value > _MOST]
    if large:
        raise ValueError(f"{folder}/dataset.json has a {large[0]} of {numbers[large[0]]}; up to {_MOST:,} are read")
    try:
        return sample_specs(SyntheticConfig(**fields), clips_per_class=clips_per_class, seed=seed)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{folder}/dataset.json describes no world: {error}; write the dataset again") from error


def load_exact(folder: str | os.PathLike[str], file: str) -> ExactMotion:
    """Exact flow and mask of a clip of a written dataset.

    Args:
        folder: the dataset.
        file: as in the `file` column of `labels.csv`.

    Raises:
        ValueError: there is no exact flow for that file, or it is damaged.
    """
    path = Path(folder) / "exact" / f"{Path(file).stem}.safetensors"
    if not path.is_file():
        raise ValueError(f"{path} does not exist; only the files in a synthetic dataset's labels.csv have exact flow")
    try:
        stored = load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is damaged ({error}); delete the dataset and write it again") from error
    if not {"flow", "mask"} <= stored.keys():
        raise ValueError(f"{path} holds {sorted(stored)}; expected 'flow' and 'mask', so write the dataset again")
    return ExactMotion(flow=stored["flow"].to(torch.float32), mask=stored["mask"].to(torch.bool))
