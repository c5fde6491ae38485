"""The bias lab: both biases of the world on sliders, clips of both domains, a twin, and the ties in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional

from rev2net_lite import plots
from rev2net_lite.bias import TIED_FACTORS, Tie, probabilities, tie, twin_specs
from rev2net_lite.bundled import asset
from rev2net_lite.checkpoints import load_checkpoint
from rev2net_lite.models import Model
from rev2net_lite.plots import Picture
from rev2net_lite.synthetic import CLASSES, ClipSpec, SyntheticConfig, render, sample_specs, street, studio
from rev2net_lite.widgets.shell import Choice, Control, Explorer, Slider

__all__ = ["TWIN_FACTORS", "BiasState", "bias_explorer", "render_bias"]

TWIN_FACTORS = {
    "background": ("background",),
    "surface": ("surface",),
    "shape": ("shape",),
    "whole look": ("background", "surface", "shape"),
    "motion": ("motion",),
}
"""What the lab's twin can take from its donor, in words, and the factors of `synthetic.FACTORS` that this means."""

_SHOWN = 6
# Clips per class that the guesser learns from, and that it is tested on.
_LEARNED, _TESTED = 12, 20
# Neither training nor test clips of any world.
_SEED = 90


@dataclass(frozen=True)
class BiasState:
    """A studio with its biases, and a twin.

    Args:
        appearance_bias: of the studio, 0 to 1; see `SyntheticConfig`.
        motion_bias: of the studio, 0 to 1.
        pan: how far the studio's camera moves, sd in frame widths, 0 to 0.2; without it the motion bias has only the
            pace to tie.
        action: class of the clips shown.
        factor: what the twin takes from its donor, one of `TWIN_FACTORS`.
        donor: class of the donor, a clip whose look is tied.

    Raises:
        ValueError: a number out of range, or an unknown class or factor.
    """

    appearance_bias: float = 0.8
    motion_bias: float = 0.0
    pan: float = 0.0
    action: str = "slide_left"
    factor: str = "background"
    donor: str = "fall"

    def __post_init__(self) -> None:
        for name, value, high in (
            ("appearance_bias", self.appearance_bias, 1),
            ("motion_bias", self.motion_bias, 1),
            ("pan", self.pan, 0.2),
        ):
            if not 0 <= value <= high:
                raise ValueError(f"{name} is {value}; it should be from 0 to {high}")
        for name, word, known in (
            ("action", self.action, CLASSES),
            ("factor", self.factor, tuple(TWIN_FACTORS)),
            ("donor", self.donor, CLASSES),
        ):
            if word not in known:
                raise ValueError(f"{name} is {word!r}; expected one of {', '.join(known)}")

    def studio(self) -> SyntheticConfig:
        """The studio with these biases."""
        return replace(studio(), appearance_bias=self.appearance_bias, motion_bias=self.motion_bias, pan=self.pan)


def render_bias(state: BiasState) -> Picture:
    """Clips of one class in studio and street, the ties of both domains, and a studio clip above its twin.

    Arrows say how the camera moves the scene over the clip. Beside clip and twin stands what the bundled Rev2Net
    takes them for; it was trained once, in the studio as it comes, and does not follow the sliders.
    """
    clips = {"studio": _specs(state.studio()), "street": _specs(street())}
    shown = {f"{domain}\n{state.action}": _of_class(specs, state.action)[:_SHOWN] for domain, specs in clips.items()}
    first = _of_class(clips["studio"], state.action)[0]
    donor = _of_class(_specs(replace(state.studio(), appearance_bias=1.0), _SEED, 1), state.donor)[0]
    (changed,) = twin_specs([first], TWIN_FACTORS[state.factor], donors=[donor])
    return plots.bias_lab(
        {name: torch.stack([_frames(spec)[:, spec.frames // 2] for spec in specs]) for name, specs in shown.items()},
        {"studio": _ties(state.studio()), "street": _ties(street())},
        pans={name: np.array([spec.camera.pan for spec in specs]) for name, specs in shown.items()},
        captions={name: [f"pace {spec.motion.pace:.2f}" for spec in specs] for name, specs in shown.items()},
        strips={
            f"first studio clip\n{_opinion(first)}": _frames(first),
            f"{state.factor} of {state.donor}\n{_opinion(changed)}": _frames(changed),
        },
        chance=1 / len(CLASSES),
        title=f"Appearance bias {state.appearance_bias:g}, motion bias {state.motion_bias:g}, camera pan {state.pan:g}",
    )


def bias_explorer(state: BiasState = BiasState()) -> Explorer[BiasState]:
    """An explorer of label bias."""
    controls: list[Control] = [
        Slider("appearance_bias", "Appearance bias", 0.0, 1.0, 0.05),
        Slider("motion_bias", "Motion bias", 0.0, 1.0, 0.05),
        Slider("pan", "Camera pan (sd, frame widths)", 0.0, 0.2, 0.02),
        Choice("action", "Class shown", CLASSES),
        Choice("factor", "The twin takes its", tuple(TWIN_FACTORS)),
        Choice("donor", "from a clip of the class", CLASSES),
    ]
    return Explorer(render_bias, state, controls, name="bias")


def _of_class(specs: Sequence[ClipSpec], label: str) -> list[ClipSpec]:
    return [spec for spec in specs if spec.label == label]


@lru_cache(maxsize=64)
def _specs(config: SyntheticConfig, seed: int = _SEED, count: int = _TESTED) -> tuple[ClipSpec, ...]:
    return tuple(sample_specs(config, clips_per_class=count, seed=seed))


@lru_cache(maxsize=64)
def _ties(config: SyntheticConfig) -> tuple[Tie, ...]:
    tested, learned_from = _specs(config), _specs(config, _SEED + 1, _LEARNED)
    return tuple(tie(tested, factor, learned_from=learned_from) for factor in TIED_FACTORS)


@lru_cache(maxsize=256)
def _frames(spec: ClipSpec) -> Tensor:
    """uint8 (3 t h w), drawn but not encoded: a slider that is moved cannot wait for a codec."""
    return render(spec).frames


@lru_cache(maxsize=256)
def _opinion(spec: ClipSpec) -> str:
    """What the bundled model takes the clip for."""
    model, size = _model()
    frames = functional.interpolate(
        rearrange(_frames(spec), "c t h w -> t c h w").float(), size=(size, size), mode="bilinear", antialias=True
    )
    clip = rearrange(frames.round().clamp(0, 255).byte(), "t c h w -> 1 c t h w")
    found = probabilities(model, clip)[0]
    return f"{model.config.classes[int(found.argmax())]} {100 * float(found.max()):.0f} %"


@lru_cache(maxsize=1)
def _model() -> tuple[Model, int]:
    model, record = load_checkpoint(asset("model"))
    return model, int(record["profile"]["size"])
