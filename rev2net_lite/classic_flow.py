"""Optical flow before TV-L1, from one linear equation: derivatives, Lucas and Kanade, Horn and Schunck.

They are here to be understood, for motions of about a pixel; `tvl1` is the solver to use. `moving_texture` makes
pairs of frames to try them on.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange, reduce
from torch import Tensor

from rev2net_lite.shapes import check_shape

__all__ = ["LocalFlow", "brightness_derivatives", "horn_schunck", "lucas_kanade", "moving_texture"]


@dataclass(frozen=True)
class LocalFlow:
    """A flow and how well each window determined it.

    Args:
        flow: (b 2 h w) px/frame.
        strengths: (b 2 h w) eigenvalues of the structure tensor, the smaller first, in squared brightness per squared
            px. Two large ones: a corner. One: an edge, of whose motion only the part across it is known. None: nothing.
    """

    flow: Tensor
    strengths: Tensor


def brightness_derivatives(first: Tensor, second: Tensor) -> Tensor:
    """How brightness changes to the right, down, and from the first frame to the second.

    Args:
        first, second: (b h w) grey, floating.

    Returns:
        (b 3 h w): the derivatives along x and y of the mean of both frames, per px, by central differences with the
        border repeated; and the difference of the frames.

    Raises:
        ShapeError, ValueError: frames of different shapes, or not floating.

    >>> ramp = torch.arange(5.0).expand(1, 3, 5)
    >>> brightness_derivatives(ramp, ramp - 2)[0, :, 1, 2].tolist()
    [1.0, 0.0, -2.0]
    """
    sizes = check_shape("first", first, "b h w")
    check_shape("second", second, "b h w", **sizes)
    for name, frames in (("first", first), ("second", second)):
        if not frames.is_floating_point():
            raise ValueError(f"{name} has dtype {frames.dtype}; it should be floating: use {name}.float() / 255")
    mean = F.pad(((first + second) / 2)[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    along_x = (mean[:, 1:-1, 2:] - mean[:, 1:-1, :-2]) / 2
    along_y = (mean[:, 2:, 1:-1] - mean[:, :-2, 1:-1]) / 2
    return torch.stack([along_x, along_y, second - first], dim=1)


def lucas_kanade(first: Tensor, second: Tensor, *, window: int = 7, least: float = 1e-4) -> LocalFlow:
    """The motion that explains the change of brightness in a window around each pixel best.

    Least squares over the linear equation of each pixel in the window. In directions along which brightness hardly
    changes there the motion is 0: of an edge, the part across it is left.

    Args:
        first, second: (b h w) grey, floating, in [0, 1].
        window: side of the square window in px, odd.
        least: eigenvalue of the structure tensor below which a direction counts as unknown.

    Raises:
        ShapeError, ValueError: as for `brightness_derivatives`, or a window that is not odd and positive.

    Source: Lucas, Kanade, "An Iterative Image Registration Technique with an Application to Stereo Vision", IJCAI
    1981; one step at one scale.

    >>> ramp = torch.arange(9.0).expand(1, 9, 9) / 10
    >>> round(lucas_kanade(ramp, ramp - 0.05).flow[0, 0, 4, 4].item(), 3)
    0.5
    """
    if window < 1 or window % 2 == 0:
        raise ValueError(f"window is {window}; it should be an odd number of px from 1 up")
    derivatives = brightness_derivatives(first, second)
    products = rearrange(derivatives[:, :2, None] * derivatives[:, None], "b i j h w -> b (i j) h w")
    means = F.avg_pool2d(products, window, stride=1, padding=window // 2, count_include_pad=False)
    table = rearrange(means, "b (i j) h w -> b h w i j", i=2)
    strengths, directions = torch.linalg.eigh(table[..., :2])
    share = torch.where(strengths > least, 1 / strengths.clamp(min=least), 0.0)
    across = reduce(directions * table[..., 2:], "b h w i k -> b h w k", "sum")
    flow = -reduce(directions * (share * across)[..., None, :], "b h w i k -> b i h w", "sum")
    return LocalFlow(flow, rearrange(strengths, "b h w k -> b k h w"))


def horn_schunck(first: Tensor, second: Tensor, *, smoothness: float = 0.05, iterations: int = 200) -> Tensor:
    """The flow that satisfies the linear equation and changes little from pixel to pixel, both in squares.

    Args:
        first, second: (b h w) grey, floating, in [0, 1].
        smoothness: brightness per px below which a pixel's own equation counts less than its neighbours.
        iterations: rounds, each of which carries motion on by one px.

    Returns:
        (b 2 h w) px/frame.

    Raises:
        ShapeError, ValueError: as for `brightness_derivatives`, or a knob that is not positive.

    Source: Horn, Schunck, "Determining Optical Flow", Artificial Intelligence 1981; one scale.

    >>> ramp = torch.arange(9.0).expand(1, 9, 9) / 10
    >>> round(horn_schunck(ramp, ramp - 0.05)[0, 0, 4, 4].item(), 3)
    0.5
    """
    if not smoothness > 0:
        raise ValueError(f"smoothness is {smoothness}; it should be a positive number")
    if iterations < 1:
        raise ValueError(f"iterations is {iterations}; it should be at least 1")
    derivatives = brightness_derivatives(first, second)
    slope, change = derivatives[:, :2], derivatives[:, 2:]
    weight = 1 / (smoothness**2 + reduce(slope**2, "b i h w -> b 1 h w", "sum"))
    # Horn and Schunck's mean of the eight neighbours.
    kernel = first.new_tensor([[1, 2, 1], [2, 0, 2], [1, 2, 1]]).div(12).expand(2, 1, 3, 3)
    flow = torch.zeros_like(slope)
    for _ in range(iterations):
        mean = F.conv2d(F.pad(flow, (1, 1, 1, 1), mode="replicate"), kernel, groups=2)
        residual = reduce(slope * mean, "b i h w -> b 1 h w", "sum") + change
        flow = mean - slope * residual * weight
    return flow


def moving_texture(
    motion: tuple[int, int], *, size: int = 64, square: int | None = None, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """Two frames of a random texture that moves by whole pixels, and its exact flow.

    Args:
        motion: px to the right and down, each at most `size` either way.
        size: height and width of the frames in px.
        square: side in px of a square of another texture in the middle that alone moves; None moves everything.
        seed: of the texture.

    Returns:
        First frame (h w), second frame (h w), both grey in [0, 1], and flow (2 h w) px/frame.

    Raises:
        ValueError: a motion that is not of whole pixels or larger than the frame, or a square that leaves the frame.

    >>> first, second, flow = moving_texture((2, -1))
    >>> torch.equal(second[:-1, 2:], first[1:, :-2]), flow[:, 0, 0].tolist()
    (True, [2.0, -1.0])
    """
    if any(step != int(step) or abs(step) > size for step in motion):
        raise ValueError(f"motion is {motion}; it should be whole numbers of px, each at most {size} either way")
    if square is not None and not 1 <= square <= size:
        raise ValueError(f"square is {square}; it should be from 1 to {size} px, or None to move everything")
    dx, dy = (int(step) for step in motion)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(2, 1, 3 * size + 8, 3 * size + 8, generator=generator)
    blurred = F.avg_pool2d(F.avg_pool2d(noise, 5, stride=1), 5, stride=1)[:, 0]
    # Six standard deviations fill the range.
    moving, still = (0.5 + (blurred - blurred.mean()) / (6 * blurred.std())).clamp(0, 1)
    here, there = slice(size, 2 * size), (slice(size - dy, 2 * size - dy), slice(size - dx, 2 * size - dx))
    flow = torch.tensor([float(dx), float(dy)])[:, None, None].expand(2, size, size)
    if square is None:
        return moving[here, here], moving[there], flow.contiguous()
    low = size + (size - square) // 2
    inside = torch.zeros_like(moving, dtype=torch.bool)
    inside[low : low + square, low : low + square] = True
    first, second = (torch.where(inside[place], moving[place], still[here, here]) for place in ((here, here), there))
    return first, second, flow * inside[here, here]
