"""Geometry of a flow field: grid, warp, resize, endpoint error, photometric error, colour values, `.flo` files.

Flow is in px/frame at its own resolution, channel 0 = dx right, channel 1 = dy down, and points from a frame to the
next one: `second(x + flow(x)) = first(x)`. The centre of the top-left pixel is (0, 0). Fields with a time axis have it
after the channels, as clips do: (b 2 t h w).
"""

from __future__ import annotations

import math
import os
import struct
from pathlib import Path

import torch
import torch.nn.functional as F
from einops import rearrange, reduce
from torch import Tensor

from rev2net_lite.shapes import check_shape

__all__ = [
    "endpoint_error",
    "flow_to_rgb",
    "inside_frame",
    "photometric_error",
    "pixel_grid",
    "read_flo",
    "resize_flow",
    "warp",
    "write_flo",
]


def pixel_grid(
    height: int, width: int, *, device: torch.device | str | None = None, dtype: torch.dtype = torch.float32
) -> Tensor:
    """Coordinates of the pixel centres of a frame.

    Args:
        height, width: size of the frame in px.
        device, dtype: of the result.

    Returns:
        (2 h w) in px, channel 0 = x from 0 to width - 1, channel 1 = y from 0 to height - 1.

    Raises:
        ValueError: a size below 1.

    >>> pixel_grid(2, 3)[0].tolist()
    [[0.0, 1.0, 2.0], [0.0, 1.0, 2.0]]
    """
    _check_size((height, width))
    rows = torch.arange(height, device=device, dtype=dtype)
    columns = torch.arange(width, device=device, dtype=dtype)
    return torch.stack([columns.expand(height, width), rows[:, None].expand(height, width)])


def warp(image: Tensor, flow: Tensor) -> Tensor:
    """The image sampled where the flow points to: `warp(second, flow)` looks like `first` where the flow is right.

    Bilinear. Outside the frame the nearest border pixel counts; `inside_frame` says where that happened. A flow of
    whole pixels, zero included, copies pixels exactly. Gradients reach both arguments.

    Args:
        image: (b c h w) or (b c t h w), floating, any range.
        flow: (b 2 h w) or (b 2 t h w) px.

    Returns:
        The warped image, shape and dtype of `image`. Coordinates are computed in float32 at least.

    Raises:
        ShapeError, ValueError: shapes that do not fit, or a dtype that is not floating.

    >>> row = torch.tensor([1.0, 2.0, 3.0]).view(1, 1, 1, 3)
    >>> warp(row, torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 1, 3)).flatten().tolist()
    [2.0, 3.0, 3.0]
    """
    _check_floating("image", image)
    sizes = _check_flow("flow", flow)
    _check_axes("image", image, "c", sizes)
    if image.ndim == 5:
        warped = warp(rearrange(image, "b c t h w -> (b t) c h w"), rearrange(flow, "b c t h w -> (b t) c h w"))
        return rearrange(warped, "(b t) c h w -> b c t h w", t=image.shape[2])
    dtype = torch.promote_types(torch.promote_types(image.dtype, flow.dtype), torch.float32)
    height, width = image.shape[-2:]
    target = pixel_grid(height, width, device=flow.device, dtype=dtype) + flow
    # Gathered by hand: grid_sample rounds its normalised coordinates, and zero flow would change the image a little.
    x, y = target[:, 0].clamp(0, width - 1), target[:, 1].clamp(0, height - 1)
    left, top = x.detach().floor().clamp_(max=max(width - 2, 0)), y.detach().floor().clamp_(max=max(height - 2, 0))
    right_weight, low_weight = (x - left)[:, None], (y - top)[:, None]
    index = rearrange((top * width + left).nan_to_num_(0.0).long(), "b h w -> b 1 (h w)").expand(-1, image.shape[1], -1)
    pixels = rearrange(image.to(dtype), "b c h w -> b c (h w)")
    step_x, step_y = min(width - 1, 1), width * min(height - 1, 1)
    corners = [pixels.gather(2, index + step).view(image.shape) for step in (0, step_x, step_y, step_x + step_y)]
    upper = corners[0] * (1 - right_weight) + corners[1] * right_weight
    lower = corners[2] * (1 - right_weight) + corners[3] * right_weight
    return (upper * (1 - low_weight) + lower * low_weight).to(image.dtype)


def inside_frame(flow: Tensor) -> Tensor:
    """Whether each pixel's target x + flow(x) lies in the frame, borders included.

    Args:
        flow: (b 2 h w) or (b 2 t h w) px.

    Returns:
        bool (b h w) or (b t h w); False where the flow is nan.

    Raises:
        ShapeError, ValueError: not a flow.

    >>> inside_frame(torch.full((1, 2, 2, 2), 1.0)).tolist()
    [[[True, False], [False, False]]]
    """
    sizes = _check_flow("flow", flow)
    height, width = sizes["h"], sizes["w"]
    dtype = torch.promote_types(flow.dtype, torch.float32)
    grid = pixel_grid(height, width, device=flow.device, dtype=dtype)
    x, y = flow[:, 0] + grid[0], flow[:, 1] + grid[1]
    return (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)


def resize_flow(flow: Tensor, size: tuple[int, int]) -> Tensor:
    """The flow at another resolution, values rescaled so that they stay in px of that resolution.

    Bilinear with `align_corners=False`, averaging over the pixels that fall together when it shrinks.

    Args:
        flow: (b 2 h w) or (b 2 t h w) px/frame.
        size: new (height, width) in px.

    Returns:
        (b 2 height width) or (b 2 t height width), dtype of `flow`.

    Raises:
        ShapeError, ValueError: not a flow, or a size below 1.

    >>> resize_flow(torch.ones(1, 2, 4, 4), (8, 2))[0, :, 0, 0].tolist()
    [0.5, 2.0]
    """
    sizes = _check_flow("flow", flow)
    _check_size(size)
    if flow.ndim == 5:
        small = resize_flow(rearrange(flow, "b c t h w -> (b t) c h w"), size)
        return rearrange(small, "(b t) c h w -> b c t h w", t=flow.shape[2])
    scale = flow.new_tensor([size[1] / sizes["w"], size[0] / sizes["h"]]).view(2, 1, 1)
    return F.interpolate(flow, size=size, mode="bilinear", align_corners=False, antialias=True) * scale


def endpoint_error(flow: Tensor, target: Tensor) -> Tensor:
    """Length of the difference between two flows at each pixel; its mean is the EPE.

    Args:
        flow, target: (b 2 h w) or (b 2 t h w) px.

    Returns:
        (b h w) or (b t h w) px.

    Raises:
        ShapeError, ValueError: not flows of one shape.

    Source: Baker et al., "A Database and Evaluation Methodology for Optical Flow", IJCV 2011, section 4.

    >>> endpoint_error(torch.zeros(1, 2, 1, 1), torch.tensor([3.0, 4.0]).view(1, 2, 1, 1)).item()
    5.0
    """
    sizes = _check_flow("target", target)
    _check_floating("flow", flow)
    _check_axes("flow", flow, "2", sizes)
    return torch.linalg.vector_norm(flow - target, dim=1)


def photometric_error(first: Tensor, second: Tensor, flow: Tensor) -> Tensor:
    """How much the second image, warped back along the flow, differs from the first at each pixel.

    Args:
        first, second: (b c h w) or (b c t h w), floating, usually in [0, 1].
        flow: (b 2 h w) or (b 2 t h w) px from `first` to `second`.

    Returns:
        (b h w) or (b t h w), absolute difference averaged over channels in the images' unit; nan where the flow leaves
        the frame, so take `.nanmean()`.

    Raises:
        ShapeError, ValueError: shapes that do not fit, or a dtype that is not floating.

    >>> photometric_error(torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2), torch.zeros(1, 2, 2, 2)).mean().item()
    1.0
    """
    _check_floating("first", first)
    sizes = _check_flow("flow", flow)
    channels = _check_axes("first", first, "c", sizes)["c"]
    _check_axes("second", second, "c", sizes | {"c": channels})
    difference = reduce((warp(second, flow) - first).abs(), "b c ... -> b ...", "mean")
    return difference.masked_fill(~inside_frame(flow), math.nan)


# Steps between the six corners red, yellow, green, cyan, blue, magenta of the colour circle: more hues where the eye
# tells more apart (55 in all).
_WHEEL_STEPS = (15, 6, 4, 11, 13, 6)
_WHEEL_CORNERS = ((1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1), (1, 0, 1))


def _colour_wheel() -> Tensor:
    """(55 3) in [0, 1]: the hues of the Middlebury colour code, red first."""
    corners = torch.tensor([*_WHEEL_CORNERS, _WHEEL_CORNERS[0]], dtype=torch.float64)
    arcs = [
        torch.lerp(start, end, torch.arange(steps, dtype=torch.float64)[:, None] / steps)
        for start, end, steps in zip(corners[:-1], corners[1:], _WHEEL_STEPS, strict=True)
    ]
    return torch.cat(arcs)


def flow_to_rgb(flow: Tensor, *, max_px: float | None = None) -> Tensor:
    """The flow as colours: direction as hue, speed as saturation, no motion white, unknown (nan) black.

    Args:
        flow: (... 2 h w) px. A flow with a time axis, (b 2 t h w), is first rearranged to (b t 2 h w).
        max_px: speed of full saturation; faster pixels are darkened. None takes the largest speed in `flow`, one for
            all of its frames, so that they can be compared.

    Returns:
        uint8 (... 3 h w) on the device of `flow`.

    Raises:
        ShapeError, ValueError: not a flow, or `max_px` that is not a positive number.

    Source: the colour code of Baker et al., IJCV 2011.

    >>> flow_to_rgb(torch.tensor([1.0, 0.0]).view(2, 1, 1)).flatten().tolist()
    [255, 0, 0]
    """
    check_shape("flow", flow, "... 2 h w")
    _check_floating("flow", flow)
    if max_px is not None and not (math.isfinite(max_px) and max_px > 0):
        raise ValueError(
            f"max_px is {max_px}; it should be a positive speed in px, or None for the largest in the flow"
        )
    known = flow.detach().isfinite().all(dim=-3)
    dx, dy = flow.detach().double().nan_to_num(0.0, 0.0, 0.0).unbind(dim=-3)
    speed = torch.hypot(dx, dy).masked_fill(~known, 0.0)
    largest = max_px if max_px is not None else (speed.max().item() if speed.numel() else 0.0)
    saturation = (speed / (largest or 1.0))[..., None]
    wheel = _colour_wheel().to(flow.device)
    # The angle runs over 54 of the 55 hues: the last one is that of the first within the code's resolution.
    position = (torch.atan2(-dy, -dx) / math.pi + 1) / 2 * (len(wheel) - 1)
    # Rightward motion without rounding noise is hue 0 whether its dy is 0.0 or -0.0.
    position = torch.where((dy == 0) & (dx >= 0), 0.0, position)
    lower = position.floor().long()
    hue = torch.lerp(wheel[lower], wheel[(lower + 1) % len(wheel)], (position - lower)[..., None])
    colour = torch.where(saturation <= 1, 1 - saturation * (1 - hue), hue * 0.75)
    colour = colour * known[..., None]
    return rearrange((colour * 255).clamp(0, 255).to(torch.uint8), "... h w c -> ... c h w")


_FLO_MAGIC = 202021.25  # as float32 its bytes spell "PIEH"
_FLO_HEADER = struct.Struct("<fii")
_FLO_LARGEST_SIDE = 99_999  # the limit of the Middlebury reader


def read_flo(path: str | os.PathLike[str]) -> Tensor:
    """The flow of a Middlebury `.flo` file.

    Args:
        path: the file.

    Returns:
        float32 (2 h w) px.

    Raises:
        ValueError: not a `.flo` file, an impossible size, or a length that does not go with the size.
        OSError: the file cannot be opened.

    Source: Baker et al., IJCV 2011, file format of the Middlebury benchmark.

    >>> folder = getfixture("tmp_path"); write_flo(folder / "a.flo", torch.ones(2, 4, 5))
    >>> read_flo(folder / "a.flo").shape
    torch.Size([2, 4, 5])
    """
    path = Path(path)
    with path.open("rb") as file:
        length = os.fstat(file.fileno()).st_size
        header = file.read(_FLO_HEADER.size)
        if len(header) < _FLO_HEADER.size:
            raise ValueError(f"{path} has {length} bytes; a .flo file starts with a header of 12: copy the file again")
        magic, width, height = _FLO_HEADER.unpack(header)
        if magic != _FLO_MAGIC:
            raise ValueError(f"{path} starts with {header[:4]!r}; a .flo file starts with b'PIEH': pass a .flo file")
        if not (0 < width <= _FLO_LARGEST_SIDE and 0 < height <= _FLO_LARGEST_SIDE):
            raise ValueError(
                f"{path} claims {width} x {height} px; sides are 1 to {_FLO_LARGEST_SIDE} px: the header is damaged, "
                "copy the file again"
            )
        expected = _FLO_HEADER.size + 8 * width * height
        if length != expected:
            raise ValueError(
                f"{path} has {length} bytes; {width} x {height} px of flow take {expected}: copy the file again"
            )
        values = torch.frombuffer(bytearray(file.read()), dtype=torch.float32)
    return rearrange(values, "(h w c) -> c h w", h=height, w=width, c=2).contiguous()


def write_flo(path: str | os.PathLike[str], flow: Tensor) -> None:
    """Writes a flow as a Middlebury `.flo` file; an existing file is replaced in one step.

    Args:
        path: the file to write.
        flow: (2 h w) px, stored as float32.

    Raises:
        ShapeError, ValueError: not a single flow, or one with sides that the format does not allow.
        OSError: the file cannot be written.

    >>> folder = getfixture("tmp_path"); write_flo(folder / "a.flo", torch.zeros(2, 4, 5))
    >>> (folder / "a.flo").stat().st_size
    172
    """
    sizes = check_shape("flow", flow, "2 h w")
    _check_floating("flow", flow)
    if not all(0 < sizes[axis] <= _FLO_LARGEST_SIDE for axis in "hw"):
        raise ValueError(
            f"flow has {sizes['w']} x {sizes['h']} px; a .flo file holds sides of 1 to {_FLO_LARGEST_SIDE} px: "
            "crop or resize it"
        )
    path = Path(path)
    values = rearrange(flow.detach().float().cpu(), "c h w -> h w c").contiguous().numpy()
    draft = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        draft.write_bytes(
            _FLO_HEADER.pack(_FLO_MAGIC, sizes["w"], sizes["h"]) + values.astype("<f4", copy=False).tobytes()
        )
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _check_floating(name: str, tensor: Tensor) -> None:
    if not tensor.is_floating_point():
        raise ValueError(f"{name} has dtype {tensor.dtype}; it should be floating point: convert it with .float()")


def _check_size(size: tuple[int, int]) -> None:
    if not (isinstance(size, tuple | list) and len(size) == 2 and all(isinstance(n, int) and n >= 1 for n in size)):
        raise ValueError(f"size is {size!r}; it should be (height, width), two whole numbers of px from 1 up")


def _check_flow(name: str, flow: Tensor) -> dict[str, int]:
    """Sizes of a flow of one pair or of a clip, told apart by the number of axes."""
    sizes = check_shape(name, flow, "b 2 t h w" if flow.ndim == 5 else "b 2 h w")
    _check_floating(name, flow)
    return sizes


def _check_axes(name: str, tensor: Tensor, channels: str, sizes: dict[str, int]) -> dict[str, int]:
    """Checks a tensor against the sizes of a flow it goes with."""
    pattern = f"b {channels} t h w" if "t" in sizes else f"b {channels} h w"
    return check_shape(name, tensor, pattern, **sizes)
