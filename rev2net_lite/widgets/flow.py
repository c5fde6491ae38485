"""The settings of the TV-L1 solver, live, against exact flow."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from rev2net_lite import plots
from rev2net_lite.bundled import asset
from rev2net_lite.flow import endpoint_error, pixel_grid
from rev2net_lite.plots import Picture
from rev2net_lite.synthetic import dataset_specs, render
from rev2net_lite.tvl1 import TVL1Config, clip_flow
from rev2net_lite.video import read_clip
from rev2net_lite.widgets.clips import bundled_videos
from rev2net_lite.widgets.shell import Choice, Control, Explorer, Slider, Steps, Switch

__all__ = ["FLOW_EXAMPLES", "FlowState", "flow_explorer", "render_flow"]

_SHIFTED, _TURNING = "texture, shifted", "texture, turning"
_FRAMES, _SIZE = 8, 64
_SHIFT_PX, _TURN_DEGREES = (1.5, -1.0), 4.0

FLOW_EXAMPLES = (
    _SHIFTED,
    _TURNING,
    *(f"{domain}/{label}" for domain in ("studio", "street") for label in ("slide_right", "spin_clockwise", "grow")),
)
"""Examples with exact flow: a texture that moves as a whole, and clips of the synthetic world."""


@dataclass(frozen=True)
class FlowState:
    """An example, a pair of its frames, and the solver's settings; see `TVL1Config` for these.

    Args:
        example: one of `FLOW_EXAMPLES`.
        pair: the flow is from this frame to the next.
        lambda_, sigma, warps, iterations, coarsest_px, median: settings of the solver.
        arrows: draws the flow as arrows too.

    Raises:
        ValueError: an unknown example, a pair that is not in it, or a setting that the solver refuses.
    """

    example: str = "studio/slide_right"
    pair: int = 3
    lambda_: float = 0.07
    sigma: float = 0.5
    warps: int = 3
    iterations: int = 10
    coarsest_px: int = 14
    median: bool = True
    arrows: bool = True

    def __post_init__(self) -> None:
        if self.example not in FLOW_EXAMPLES:
            raise ValueError(f"example is {self.example!r}; the examples are {'; '.join(FLOW_EXAMPLES)}")
        if not 0 <= self.pair < _FRAMES - 1:
            raise ValueError(f"pair is {self.pair}; it should be from 0 to {_FRAMES - 2}")
        self.config()

    def config(self) -> TVL1Config:
        """The solver's settings."""
        return TVL1Config(
            lambda_=self.lambda_,
            sigma=self.sigma,
            warps=self.warps,
            iterations=self.iterations,
            coarsest_px=self.coarsest_px,
            median=self.median,
        )


def render_flow(state: FlowState) -> Picture:
    """Both frames, exact and estimated flow on one scale, and the error between them.

    The scale is that of the exact flow of the whole example, so that pictures of two settings can be compared.
    """
    clip, exact = _example(state.example)
    pair = clip[:, state.pair : state.pair + 2]
    found, target = clip_flow(pair[None], config=state.config())[0, :, 0], exact[:, state.pair]
    error = endpoint_error(found[None], target[None]).mean().item()
    nothing = endpoint_error(torch.zeros_like(target)[None], target[None]).mean().item()
    rim = math.ceil(exact.norm(dim=0).max().item() * 2) / 2
    return plots.flow_comparison(
        pair[:, 0],
        pair[:, 1],
        target,
        found,
        flow_name="TV-L1 flow",
        max_px=rim,
        max_error_px=rim,
        arrows=state.arrows,
        title=f"{state.example}: TV-L1 is {error:.2f} px off on average, no motion at all {nothing:.2f} px",
    )


def flow_explorer(state: FlowState = FlowState()) -> Explorer[FlowState]:
    """An explorer of the TV-L1 solver."""
    controls: list[Control] = [
        Choice("example", "Example", FLOW_EXAMPLES),
        Steps("pair", "From frame", _FRAMES - 2),
        Slider("lambda_", "Weight of the images (lambda)", 0.01, 0.5, 0.01),
        Slider("sigma", "Blur of the frames (px)", 0.0, 3.0, 0.1),
        Slider("warps", "Warps per level", 1, 10, 1),
        Slider("iterations", "Iterations per warp", 1, 50, 1),
        Slider("coarsest_px", "Coarsest level (px)", 4, _SIZE, 1),
        Switch("median", "Median filter after each warp"),
        Switch("arrows", "Arrows"),
    ]
    return Explorer(render_flow, state, controls, name="flow")


@lru_cache(maxsize=len(FLOW_EXAMPLES))
def _example(name: str) -> tuple[Tensor, Tensor]:
    """A clip (3 t h w) float in [0, 1] and its exact flow (2 t-1 h w) px/frame."""
    if name in (_SHIFTED, _TURNING):
        return _texture(turning=name == _TURNING)
    domain, label = name.split("/")
    spec = next(spec for spec in dataset_specs(asset(f"videos/{domain}")) if spec.label == label)
    clip = read_clip(bundled_videos()[name], frames=_FRAMES, size=None)
    return clip.float() / 255, render(spec).flow


def _texture(*, turning: bool) -> tuple[Tensor, Tensor]:
    """A texture of waves that moves as a whole, so that the flow of each pixel follows from where it is."""
    generator = torch.Generator().manual_seed(0)
    waves = 2 * math.pi * torch.randn(24, 2, generator=generator) / 14
    phases = 2 * math.pi * torch.rand(3, 24, generator=generator)
    grid = pixel_grid(_SIZE, _SIZE).float()
    centre = (_SIZE - 1) / 2
    frames = []
    for step in range(_FRAMES):
        # Where in the texture each pixel of this frame looks.
        if turning:
            angle = -math.radians(_TURN_DEGREES) * step
            place = _turned(grid - centre, angle) + centre
        else:
            place = grid - torch.tensor(_SHIFT_PX)[:, None, None] * step
        angles = torch.einsum("nc,chw->nhw", waves, place)
        levels = torch.cos(angles[None] + phases[:, :, None, None]).mean(1)
        frames.append((0.5 + 1.4 * levels).clamp(0, 1))
    if turning:
        one = _turned(grid - centre, math.radians(_TURN_DEGREES)) + centre - grid
    else:
        one = torch.tensor(_SHIFT_PX)[:, None, None].expand(2, _SIZE, _SIZE)
    return torch.stack(frames, 1), one[:, None].expand(2, _FRAMES - 1, _SIZE, _SIZE).contiguous()


def _turned(place: Tensor, angle: float) -> Tensor:
    """Positions (2 h w), x and y, turned about the origin; y points down, so a positive angle is clockwise."""
    x, y = place
    return torch.stack((math.cos(angle) * x - math.sin(angle) * y, math.sin(angle) * x + math.cos(angle) * y))
