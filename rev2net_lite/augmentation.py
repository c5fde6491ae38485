"""Training clips as a panning camera would have filmed them: frames and flow changed together."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor

from rev2net_lite.flow import warp
from rev2net_lite.shapes import check_shape

__all__ = ["pan_clips", "random_pans"]


def random_pans(count: int, *, sd: float, frames: int, size: tuple[int, int], generator: torch.Generator) -> Tensor:
    """One steady camera pan per clip, as `(b 2)` px/frame of the picture: normal along each axis, 0 on average.

    Args:
        count: clips.
        sd: of the way over the whole clip, in frame widths; `SyntheticConfig.pan` has the same unit.
        frames: of a clip, 2 or more.
        size: (height, width) in px; the width counts on both axes.
        generator: of random numbers, on the CPU.
    """
    return torch.randn(count, 2, generator=generator) * (sd * size[1] / (frames - 1))


def pan_clips(clip: Tensor, flow: Tensor | None, *, pans: Tensor) -> tuple[Tensor, Tensor | None]:
    """The clips with all they show moving by `pans` more per frame, and the flow that goes with them.

    The middle of the clip stays in place, so that both ends lose equally at the border, where the nearest pixel is
    repeated. Frames are sampled bilinearly, which blurs them by up to half a pixel.

    Args:
        clip: `(b 3 t h w)` float in [0, 1].
        flow: `(b 2 t-1 h w)` px/frame at the clip's size, or None.
        pans: `(b 2)` px/frame, x before y.

    Returns:
        Clip and flow of the same shapes; the flow is moved with the picture and has the pan added.

    Raises:
        ShapeError: shapes that do not fit.

    >>> clip = torch.arange(5.0).expand(1, 3, 3, 4, 5)
    >>> panned, flow = pan_clips(clip, torch.zeros(1, 2, 2, 4, 5), pans=torch.tensor([[1.0, 0.0]]))
    >>> panned[0, 0, :, 0].tolist()
    [[1.0, 2.0, 3.0, 4.0, 4.0], [0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 1.0, 2.0, 3.0]]
    >>> flow[0, :, 0, 0, 0].tolist()
    [1.0, 0.0]
    """
    sizes = check_shape("clip", clip, "b c t h w", c=3)
    check_shape("pans", pans, "b c", b=sizes["b"], c=2)
    times = torch.arange(sizes["t"], device=clip.device) - (sizes["t"] - 1) / 2
    way = rearrange(pans.to(clip), "b c -> b c 1 1 1") * rearrange(times.to(clip), "t -> 1 1 t 1 1")
    # What is shown at x was at x - way before.
    back = -way.expand(-1, -1, -1, sizes["h"], sizes["w"])
    panned = warp(clip, back)
    if flow is None:
        return panned, None
    check_shape("flow", flow, "b c t h w", b=sizes["b"], c=2, t=sizes["t"] - 1, h=sizes["h"], w=sizes["w"])
    return panned, warp(flow, back[:, :, :-1].to(flow)) + rearrange(pans.to(flow), "b c -> b c 1 1 1")
