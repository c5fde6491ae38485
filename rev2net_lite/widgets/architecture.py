"""Sizes in, shapes out: what a model is made of, for any clip."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch

from rev2net_lite import plots
from rev2net_lite.anatomy import anatomy
from rev2net_lite.models import ModelConfig, Rev2Net
from rev2net_lite.networks import SIZES, check_divisible
from rev2net_lite.plots import Picture
from rev2net_lite.synthetic import CLASSES
from rev2net_lite.widgets.shell import Choice, Control, Explorer, Slider

__all__ = ["ArchitectureState", "architecture_explorer", "render_architecture"]

_SYSTEMS = {"both": "rev2net", "flow": "flow_decoder", "frame": "frame_decoder", "none": "rgb"}


@dataclass(frozen=True)
class ArchitectureState:
    """A model and the clip that goes in.

    Args:
        size: one of `SIZES`.
        decoders: "both", "flow", "frame" or "none".
        frames, height, width: of the clip; multiples of the encoder's strides, whatever the decoders.

    Raises:
        ValueError: an unknown size or choice of decoders, or a clip that does not fit the strides.
    """

    size: str = "tiny"
    decoders: str = "both"
    frames: int = 8
    height: int = 32
    width: int = 32

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise ValueError(f"size is {self.size!r}; the sizes are {', '.join(SIZES)}")
        if self.decoders not in _SYSTEMS:
            raise ValueError(f"decoders is {self.decoders!r}; choose {', '.join(_SYSTEMS)}")
        for field, value in (("frames", self.frames), ("height", self.height), ("width", self.width)):
            if value < 1:
                raise ValueError(f"{field} is {value}; it should be at least 1")
        clip = torch.empty(1, 3, self.frames, self.height, self.width, device="meta")
        check_divisible(clip, SIZES[self.size].total_stride)


def render_architecture(state: ArchitectureState) -> Picture:
    """The model as a diagram with shapes, and a table of what its parts see, hold and cost."""
    parts = anatomy(_model(state.size, state.decoders), frames=state.frames, height=state.height, width=state.width)
    decoders = {"both": "both decoders", "none": "no decoders"}.get(state.decoders, f"{state.decoders} decoder")
    clip = f"{state.frames} frame{'s' * (state.frames > 1)} of {state.width} x {state.height} px"
    return plots.architecture(parts, title=f"{state.size}, {decoders}, clips of {clip}")


def architecture_explorer(state: ArchitectureState = ArchitectureState()) -> Explorer[ArchitectureState]:
    """An explorer of sizes and shapes."""
    # Steps that every size's strides divide.
    t, h, w = (max(strides) for strides in zip(*(config.total_stride for config in SIZES.values()), strict=True))
    controls: list[Control] = [
        Choice("size", "Size", tuple(SIZES)),
        Choice("decoders", "Decoders", tuple(_SYSTEMS)),
        Slider("frames", "Frames", t, 8 * t, t),
        Slider("height", "Height (px)", h, 14 * h, h),
        Slider("width", "Width (px)", w, 14 * w, w),
    ]
    return Explorer(render_architecture, state, controls, name="architecture")


@lru_cache(maxsize=len(SIZES) * len(_SYSTEMS))
def _model(size: str, decoders: str) -> Rev2Net:
    # Without values: only shapes are asked for, and those of the largest would take memory and time.
    with torch.device("meta"):
        return Rev2Net(ModelConfig(_SYSTEMS[decoders], CLASSES, size))
