"""TV-L1 optical flow, batched: one pair per row of a batch, or all consecutive pairs of clips.

The flow u from I0 to I1 minimises the total variation of u plus lambda times the absolute brightness difference
|I1(x + u) - I0(x)|, from coarse to fine. At each level the brightness difference is made linear around the flow found
so far (a warp), and the convex problem is solved by alternating a pointwise step for the data term and a dual step for
the total variation.

Source: Zach, Pock, Bischof, "A Duality Based Approach for Realtime TV-L1 Optical Flow", DAGM 2007; Sanchez,
Meinhardt-Llopis, Facciolo, "TV-L1 Optical Flow Estimation", IPOL 2013, doi:10.5201/ipol.2013.26. This solver departs
from them in six ways that were measured: no data term where x + u leaves the frame, the gradient of the mean of both
frames instead of that of the second, bilinear warps, few fixed iterations, the dual variable carried from level to
level, and a median filter after each warp (Wedel et al., "An Improved Algorithm for TV-L1 Optical Flow", 2009).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor

from rev2net_lite.flow import pixel_grid
from rev2net_lite.shapes import check_shape

__all__ = ["ACCURATE", "FAST", "CoupledTVL1Config", "TVL1Config", "clip_flow", "tvl1_flow"]


@dataclass(frozen=True, kw_only=True)
class TVL1Config:
    """Settings of the solver, with the symbols of the IPOL paper. Brightness counts from 0 to 255, as there.

    Args:
        lambda_: weight of the data term; more follows the images, less is smoother.
        theta: coupling between the data step and the smoothing step, in px^2 per unit of energy.
        tau: step of the dual ascent; at most 0.25 converges.
        sigma: standard deviation in px of the Gaussian that smooths the frames first; 0 leaves them as they are.
        warps: linearisations per level.
        iterations: data and dual steps per warp.
        coarsest_px: the pyramid halves the frames while the shorter side stays at or above this many px.
        median: 3x3 median filter of the flow after each warp.

    Raises:
        ValueError: a setting out of its range.
    """

    lambda_: float = 0.07
    theta: float = 0.3
    tau: float = 0.25
    sigma: float = 0.5
    warps: int = 3
    iterations: int = 10
    coarsest_px: int = 14
    median: bool = True

    def __post_init__(self) -> None:
        for name, value in (("lambda_", self.lambda_), ("theta", self.theta), ("tau", self.tau)):
            if not 0 < value < math.inf:
                raise ValueError(f"{name} is {value}; it should be a positive number")
        if self.tau > 0.25:
            raise ValueError(f"tau is {self.tau}; the dual steps diverge above 0.25: choose at most that")
        if not 0 <= self.sigma <= 10:
            raise ValueError(f"sigma is {self.sigma}; it should be 0 (no smoothing) to 10 px")
        for name, count in (("warps", self.warps), ("iterations", self.iterations), ("coarsest_px", self.coarsest_px)):
            if count != int(count) or count < 1:
                raise ValueError(f"{name} is {count}; it should be a whole number from 1 up")


@dataclass(frozen=True, kw_only=True)
class CoupledTVL1Config(TVL1Config):
    """Settings of the solver with one total variation for both components of the flow, which then jump together.

    A class of its own, so that what was stored under the fields of a `TVL1Config` is still found.

    Args:
        coupled: the total variation is the sum over pixels of |(grad u, grad v)|; False has |grad u| + |grad v|, as
            `TVL1Config` does.

    Source: Bresson, Chan, "Fast Dual Minimization of the Vectorial Total Variation Norm and Applications to Color
    Image Processing", Inverse Problems and Imaging 2008.
    """

    coupled: bool = True


ACCURATE = TVL1Config(warps=5, iterations=30, lambda_=0.15)
"""Slower and closer to the truth at motion boundaries than the default."""

FAST = CoupledTVL1Config(sigma=0.0, lambda_=0.1, warps=2, iterations=15)
"""Quicker than the default and closer to the truth; it does not smooth noisy frames, which `sigma` does."""

# Red, green and blue in the luma of ITU-R BT.601, as OpenCV has it.
_GREY_WEIGHTS = (0.299, 0.587, 0.114)

# On a CPU a level is solved in groups of whole frames of about this many pixels, so that what the solver keeps for each
# pixel stays near the cache: 25 to 50 thousand were equally fast at 112 x 112, 13 thousand took a seventh longer.
_CPU_GROUP_PX = 50_000

# Grey levels squared: below this squared gradient a pixel says nothing about motion. Keeps the division finite.
_FLAT = 1e-6


def tvl1_flow(first: Tensor, second: Tensor, *, config: TVL1Config = TVL1Config()) -> Tensor:
    """The flow from each first frame to its second frame.

    Runs on the device of the frames, in their dtype (float16 and bfloat16 are solved in float32). No gradient flows
    back to the frames; the result can be used where gradients are needed, also if it was made in inference mode.

    Args:
        first, second: (b h w) grey, floating, in [0, 1].
        config: settings of the solver.

    Returns:
        (b 2 h w) px/frame, channel 0 = dx right, channel 1 = dy down; exactly 0 where equal frames are given.

    Raises:
        ShapeError: not two batches of frames of one size.
        ValueError: an empty batch, frames that are not floating, hold nan, or are not in [0, 1].

    Source: see the module.

    >>> tvl1_flow(torch.rand(2, 16, 20), torch.rand(2, 16, 20)).shape
    torch.Size([2, 2, 16, 20])
    """
    sizes = check_shape("first", first, "b h w")
    check_shape("second", second, "b h w", **sizes)
    for name, frames in (("first", first), ("second", second)):
        _check_frames(name, frames)
    if first.dtype != second.dtype or first.device != second.device:
        raise ValueError(
            f"first is {first.dtype} on {first.device}, second {second.dtype} on {second.device}; "
            "both should be of one dtype on one device: convert one with .to(other)"
        )
    with torch.inference_mode():
        flow = _solve(first, second, config)
    return _normal(flow, first.dtype)


def clip_flow(clip: Tensor, *, config: TVL1Config = TVL1Config()) -> Tensor:
    """The flow from each frame of a clip to the next one.

    Args:
        clip: (b 3 t h w) floating, in [0, 1], at least 2 frames.
        config: settings of the solver.

    Returns:
        (b 2 t-1 h w) px/frame; step i is the flow from frame i to frame i + 1, as `tvl1_flow` gives it for their grey
        values (0.299 red + 0.587 green + 0.114 blue).

    Raises:
        ShapeError: not a batch of clips in colour.
        ValueError: an empty batch, a single frame, frames that are not floating, hold nan, or are not in [0, 1].

    Source: see the module.

    >>> clip_flow(torch.rand(2, 3, 4, 16, 20)).shape
    torch.Size([2, 2, 3, 16, 20])
    """
    sizes = check_shape("clip", clip, "b 3 t h w")
    _check_frames("clip", clip)
    if sizes["t"] < 2:
        raise ValueError(
            f"clip has shape {tuple(clip.shape)}: {sizes['t']} frame; flow needs at least 2 frames (axis 2)"
        )
    with torch.inference_mode():
        weights = torch.tensor(_GREY_WEIGHTS, device=clip.device, dtype=_working_dtype(clip)).view(3, 1, 1, 1)
        grey = (clip.to(weights.dtype) * weights).sum(dim=1)
        # Frames that two pairs share are smoothed twice: that is 2 % of the work.
        flow = _solve(grey[:, :-1].flatten(0, 1), grey[:, 1:].flatten(0, 1), config)
        flow = rearrange(flow, "(b t) c h w -> b c t h w", b=len(clip))
    return _normal(flow, clip.dtype)


def _normal(flow: Tensor, dtype: torch.dtype) -> Tensor:
    """A copy that autograd can use: it refuses what inference mode made, which has less work per operation."""
    with torch.inference_mode(False), torch.no_grad():
        return flow.to(dtype, copy=True, memory_format=torch.contiguous_format)


def _check_frames(name: str, frames: Tensor) -> None:
    if not frames.is_floating_point():
        raise ValueError(f"{name} has dtype {frames.dtype}; it should be floating in [0, 1]: use {name}.float() / 255")
    if frames.numel() == 0:
        raise ValueError(f"{name} has shape {tuple(frames.shape)}, nothing to compute a flow from; no axis may be 0")
    low, high = (bound.item() for bound in torch.aminmax(frames.detach()))
    if not (math.isfinite(low) and math.isfinite(high)):
        raise ValueError(f"{name} holds values that are nan or infinite; every pixel should be a number in [0, 1]")
    # Some slack, as resizing and augmentation overshoot; a range of 0 to 255 would change the meaning of lambda.
    if low < -1 or high > 2:
        raise ValueError(f"{name} has values from {low:g} to {high:g}; they should be in [0, 1]: divide by 255")


def _working_dtype(frames: Tensor) -> torch.dtype:
    return torch.promote_types(frames.dtype, torch.float32)


def _solve(first: Tensor, second: Tensor, config: TVL1Config) -> Tensor:
    """Flow (m 2 h w) of pairs of frames (m h w) in [0, 1], from coarse to fine."""
    pyramids = [_pyramid(frames.to(_working_dtype(frames)) * 255, config) for frames in (first, second)]
    pairs, coarsest = len(first), pyramids[0][-1]
    flow = coarsest.new_zeros(2, pairs, *coarsest.shape[1:])
    dual = coarsest.new_zeros(4, pairs, *coarsest.shape[1:])
    for here, there in zip(*map(reversed, pyramids), strict=True):
        height, width = here.shape[1:]
        if here is not coarsest:
            scale = here.new_tensor([width / flow.shape[-1], height / flow.shape[-2]]).view(2, 1, 1, 1)
            flow = F.interpolate(flow, size=(height, width), mode="bilinear", align_corners=False) * scale
            dual = F.interpolate(dual, size=(height, width), mode="bilinear", align_corners=False)
        group = max(1, _CPU_GROUP_PX // (height * width)) if here.device.type == "cpu" else pairs
        for start in range(0, pairs, group):
            part = slice(start, start + group)
            flow[:, part], dual[:, part] = _solve_level(here[part], there[part], flow[:, part], dual[:, part], config)
    return rearrange(flow, "c m h w -> m c h w")


def _pyramid(frames: Tensor, config: TVL1Config) -> list[Tensor]:
    """Frames (n h w), smoothed, and their halves down to the coarsest level."""
    levels = [_smooth(frames, config.sigma)]
    while (shorter := min(levels[-1].shape[1:])) > 1 and (shorter + 1) // 2 >= config.coarsest_px:
        height, width = ((side + 1) // 2 for side in levels[-1].shape[1:])
        levels.append(_resize(levels[-1], height, width))
    return levels


def _resize(frames: Tensor, height: int, width: int) -> Tensor:
    resized = F.interpolate(frames[None], size=(height, width), mode="bilinear", align_corners=False, antialias=True)
    return resized[0]


def _smooth(frames: Tensor, sigma: float) -> Tensor:
    """Frames (n h w) filtered with a Gaussian of `sigma` px, the border repeated."""
    if sigma == 0:
        return frames
    radius = math.ceil(3 * sigma)
    taps = [math.exp(-0.5 * (offset / sigma) ** 2) for offset in range(-radius, radius + 1)]
    taps = [tap / sum(taps) for tap in taps]
    for dim, pad in ((1, (0, 0, radius, radius)), (2, (radius, radius, 0, 0))):
        size = frames.shape[dim]
        padded = F.pad(frames[None], pad, mode="replicate")[0]
        frames = torch.zeros_like(frames)
        for offset, tap in enumerate(taps):
            frames.add_(padded.narrow(dim, offset, size), alpha=tap)
    return frames


def _gradient(frames: Tensor) -> Tensor:
    """Derivatives (2 m h w) of frames (m h w) along x and y by the five-point stencil, the border repeated."""
    padded = F.pad(frames[None], (2, 2, 2, 2), mode="replicate")[0]
    along_x = padded[:, 2:-2]
    along_y = padded[:, :, 2:-2]
    gradient = frames.new_empty(2, *frames.shape)
    torch.sub(along_x[:, :, 3:-1], along_x[:, :, 1:-3], out=gradient[0])
    torch.sub(along_y[:, 3:-1], along_y[:, 1:-3], out=gradient[1])
    gradient.mul_(8)
    gradient[0].sub_(along_x[:, :, 4:]).add_(along_x[:, :, :-4])
    gradient[1].sub_(along_y[:, 4:]).add_(along_y[:, :-4])
    return gradient.div_(12)


def _solve_level(here: Tensor, there: Tensor, flow: Tensor, dual: Tensor, config: TVL1Config) -> tuple[Tensor, Tensor]:
    """Flow (2 m h w) and dual variable (4 m h w) between frames (m h w), starting from those given.

    Pixels lie in one row, so that a neighbour is a shifted view and each operation runs over contiguous memory: the
    right neighbour of a row's last pixel is the next row's first, which is harmless because the difference there is set
    to 0. `u` is the flow times tau / theta, which saves the scaling in each dual step.
    """
    shape, pixels = here.shape, here.numel()
    height, width = shape[1:]
    scale = config.tau / config.theta
    step = config.lambda_ * config.theta
    # Room for the neighbours of the last and the first pixels: u is read ahead, p is read behind.
    u_store = flow.new_zeros(2, pixels + width)
    u = u_store[:, :pixels]
    u_frames, (u_x, u_y) = u.view(2, *shape), u
    torch.mul(flow, scale, out=u_frames)
    p_store = flow.new_zeros(2, 2, width + pixels)
    p = p_store[..., width:]
    p.unflatten(2, shape).copy_(dual.view(2, 2, *shape))
    px, py, px_left, py_above = p[0], p[1], p_store[0, :, width - 1 : -1], p_store[1, :, :pixels]
    u_right, u_below = u_store[:, 1 : pixels + 1], u_store[:, width : pixels + width]
    difference = flow.new_empty(2, 2, pixels)
    dx, dy = difference
    last_column, last_row = dx.view(2, *shape)[..., -1], dy.view(2, *shape)[..., -1, :]
    # Room that is used twice, for the sake of the cache: the residual is not needed any more when dy is made, and dx
    # becomes the norm.
    residual = dy[0]
    coupled = isinstance(config, CoupledTVL1Config) and config.coupled
    norm = dx[0] if coupled else dx
    grid = pixel_grid(height, width, device=flow.device, dtype=flow.dtype)[:, None]
    for _ in range(config.warps):
        warped, inside = _sample(there, u_frames.div(scale).add_(grid))
        # The derivative of the mean of both images, which is unbiased to second order, unlike that of either.
        gradient = _gradient((warped + here).div_(2)).mul_(inside).view(2, pixels)
        weight = (gradient[0] ** 2).addcmul_(gradient[1], gradient[1]).add_(_FLAT).reciprocal_()
        constant = (warped - here).mul_(inside).view(-1).mul_(weight)
        slope_x, slope_y = gradient * weight.div_(scale)
        constant.addcmul_(slope_x, u_x, value=-1).addcmul_(slope_y, u_y, value=-1)
        gradient.mul_(scale)
        for _ in range(config.iterations):
            # Data step: along the gradient to where the linear brightness difference is 0, at most lambda theta of it.
            torch.addcmul(constant, slope_x, u_x, out=residual)
            residual.addcmul_(slope_y, u_y).clamp_(-step, step)
            u.addcmul_(gradient, residual, value=-1)
            # Smoothing step: the divergence of the dual variable.
            u.add_(px, alpha=config.tau).sub_(px_left, alpha=config.tau)
            u.add_(py, alpha=config.tau).sub_(py_above, alpha=config.tau)
            # Dual step: semi-implicit ascent along the gradient of u.
            torch.sub(u_right, u, out=dx)
            torch.sub(u_below, u, out=dy)
            last_column.zero_()
            last_row.zero_()
            p.add_(difference)
            dx.mul_(dx).addcmul_(dy, dy)
            if coupled:
                norm.add_(dx[1])
            p.div_(norm.sqrt_().add_(1))
        if config.median:
            for component in u_frames:
                component.copy_(_median(component))
    return u_frames.div(scale), p.reshape(4, *shape)


def _sample(frames: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
    """Frames (m h w) at positions (2 m h w), bilinear, and where these lie inside (1.0) or outside (0.0)."""
    pairs, height, width = frames.shape
    x, y = position[0].clamp(0, width - 1), position[1].clamp(0, height - 1)
    # Written as numbers at once, which takes a seventh of the time of a comparison that is made a number afterwards.
    inside = torch.eq(x, position[0], out=torch.empty_like(x))
    inside.mul_(torch.eq(y, position[1], out=torch.empty_like(y)))
    left, top = x.floor().clamp_(max=max(width - 2, 0)), y.floor().clamp_(max=max(height - 2, 0))
    x.sub_(left)
    y.sub_(top)
    start = torch.arange(pairs, device=frames.device).mul_(height * width)[:, None, None]
    index = top.mul_(width).add_(left).long().add_(start).view(-1)
    pixels = frames.reshape(-1)
    # As in flow.warp, which see: exact where the position is a pixel, so that equal frames give exactly no motion.
    right, below = min(width - 1, 1), width * min(height - 1, 1)
    corners = [pixels[offset:].index_select(0, index).view_as(x) for offset in (0, right, below, right + below)]
    return corners[0].lerp_(corners[1], x).lerp_(corners[2].lerp_(corners[3], x), y), inside


def _median(flow: Tensor) -> Tensor:
    """3x3 median of (m h w), the border repeated, by minima and maxima: columns first, which neighbours share."""
    height, width = flow.shape[1:]
    # In one row of all pixels: what crosses from one image row, or one image, to the next lands in the padding.
    padded = F.pad(flow[None], (1, 1, 1, 1), mode="replicate").view(-1)
    above, here, below = padded[: -2 * (width + 2)], padded[width + 2 : -width - 2], padded[2 * (width + 2) :]
    small, large = torch.minimum(above, here), torch.maximum(above, here)
    low, middle, high = torch.minimum(small, below), below.clamp(small, large), torch.maximum(large, below)
    low = torch.maximum(torch.maximum(low[:-2], low[1:-1]), low[2:])
    high = torch.minimum(torch.minimum(high[:-2], high[1:-1]), high[2:])
    middle = _middle3(middle[:-2], middle[1:-1], middle[2:])
    padded[: len(low)] = _middle3(low, middle, high)
    return padded.view(len(flow), height + 2, width + 2)[..., :height, :width]


def _middle3(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return c.clamp(torch.minimum(a, b), torch.maximum(a, b))
