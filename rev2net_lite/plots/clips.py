"""Frames, flows and what a model makes of them."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import torch
from einops import rearrange
from matplotlib.figure import Figure

from rev2net_lite.flow import endpoint_error
from rev2net_lite.plots.drawing import (
    Array,
    StripRow,
    arrow_length_in,
    axes_at,
    checked_tensor,
    clip_frames,
    draw_arrows,
    draw_error,
    draw_strip,
    draw_wheel,
    flow_colours,
    flow_steps,
    frame_labels,
    headline,
    listed,
    mean_change,
    mean_level,
    motion_words,
    pixel_axes,
    pixel_words,
    scale_px,
    size_words,
    spread_steps,
    titled,
)
from rev2net_lite.plots.picture import STYLE, MovingPicture, Picture

__all__ = [
    "clip_rows",
    "clip_strip",
    "colour_wheel",
    "error_map",
    "flow_comparison",
    "flow_strip",
    "moving_picture",
    "reconstruction",
]


def clip_strip(
    clip: Array, *, count: int = 8, times_s: Sequence[float] | None = None, title: str | None = None
) -> Picture:
    """Frames of a clip side by side, first to last.

    Args:
        clip: (3 t h w) uint8, or float in [0, 1].
        count: at most this many frames are shown, spread evenly; the first and the last are always among them.
        times_s: time of each frame in seconds; frames are numbered without it.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: not a clip, values out of range, `count` below 1, or not one time per frame.

    >>> clip_strip(torch.zeros(3, 16, 32, 32), count=4).alt[:50]
    '4 of 16 frames (0, 5, 10, 15) of a clip of 32 x 32'
    """
    return _clip_rows({"": clip}, count=count, times_s=times_s, title=title)


def clip_rows(
    clips: Mapping[str, Array], *, count: int = 8, times_s: Sequence[float] | None = None, title: str | None = None
) -> Picture:
    """Frames of several clips, one row each, at the same steps: classes, domains, or twins compared.

    Args:
        clips: name to (3 t h w) uint8, or float in [0, 1]; all of one shape.
        count, times_s, title: as for `clip_strip`.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: no clip, clips of different shapes, or as for `clip_strip`.
    """
    return _clip_rows(clips, count=count, times_s=times_s, title=title)


@matplotlib.rc_context(STYLE)
def _clip_rows(
    clips: Mapping[str, Array], *, count: int, times_s: Sequence[float] | None, title: str | None
) -> Picture:
    if not clips:
        raise ValueError("clips is empty; pass at least one clip")
    rows = {name: clip_frames(f"clip {name}".strip(), clip) for name, clip in clips.items()}
    shape = next(iter(rows.values())).shape
    for name, frames in rows.items():
        if frames.shape != shape:
            raise ValueError(
                f"clip {name} has {size_words(frames)}, the first has {size_words(next(iter(rows.values())))}; "
                "resize them to one size before comparing them"
            )
    steps = spread_steps(shape[0], count)
    strips = [StripRow(name, frames[steps]) for name, frames in rows.items()]
    figure, _ = draw_strip(strips, frame_labels(steps, shape[0], times_s, frames=True), title=title)
    alt = f"{len(steps)} of {shape[0]} frames ({listed(steps)}) of "
    if len(rows) > 1:
        alt += f"{len(rows)} clips, one row each ({listed(rows)}), of {pixel_words(shape)}"
    else:
        frames = next(iter(rows.values()))
        alt += f"a clip{' ' + next(iter(rows)) if next(iter(rows)) else ''} of {pixel_words(shape)}"
        alt += f", mean brightness {mean_level(frames):.2f} of 1"
        if len(frames) > 1:
            alt += f", mean change from frame to frame {mean_change(frames):.3f}"
    if times_s is not None:
        alt += f", from {times_s[steps[0]]:.2f} to {times_s[steps[-1]]:.2f} s"
    return Picture(figure, titled(title, alt + "."))


@matplotlib.rc_context(STYLE)
def flow_strip(
    flow: Array,
    *,
    clip: Array | None = None,
    max_px: float | None = None,
    arrows: bool = True,
    count: int = 6,
    times_s: Sequence[float] | None = None,
    title: str | None = None,
) -> Picture:
    """The flow of a clip as colours and arrows, step by step, beside the wheel that explains them.

    Args:
        flow: (2 t-1 h w) px/frame, channel 0 = dx right, channel 1 = dy down.
        clip: (3 t h w) uint8, or float in [0, 1]; shown above the flow, frame i over the flow from i to i + 1.
        max_px: speed at the wheel's rim; None takes the largest in the flow, rounded up. Faster pixels are darkened.
        arrows: draws the flow at some pixels as arrows too, for a reader who cannot tell the colours apart. The longest
            fits its cell of the arrow grid.
        count: at most this many steps are shown.
        times_s: time of each of the t frames in seconds.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: not a flow, not finite, or a clip that does not have one frame more than the flow steps.

    >>> flow_strip(torch.ones(2, 3, 8, 8)).alt[:42]
    'Optical flow at 3 of 3 steps of 8 x 8 px: '
    """
    field_ = flow_steps("flow", flow)
    scale = scale_px(max_px, field_)
    steps = spread_steps(len(field_), count)
    rows = []
    if clip is not None:
        frames = clip_frames("clip", clip, {"t": len(field_) + 1, "h": field_.shape[2], "w": field_.shape[3]})
        rows.append(StripRow("frame", frames[steps]))
    rows.append(
        StripRow(
            "flow to the\nnext frame" if clip is not None else "", flow_colours(field_[steps], scale), field_[steps]
        )
    )
    labels = frame_labels(steps, len(field_) + 1, times_s, frames=clip is not None)
    figure, _ = draw_strip(rows, labels, title=title, max_px=scale, arrows=arrows)
    alt = f"Optical flow at {len(steps)} of {len(field_)} steps of {pixel_words(field_.shape[2:])}: "
    alt += f"{motion_words(field_)}. The colour wheel ends at {scale:g} px/frame."
    return Picture(figure, titled(title, alt))


@matplotlib.rc_context(STYLE)
def colour_wheel(*, max_px: float) -> Picture:
    """The key to every flow picture: direction as hue, speed as saturation.

    Args:
        max_px: speed at the rim in px/frame.

    Returns:
        The picture.

    Raises:
        ValueError: `max_px` is not a positive number.
    """
    figure = Figure(figsize=(3.0, 3.1))
    draw_wheel(figure, (0.5, 0.75, 2.0, 2.0), scale_px(max_px), arrow_in=0.2)
    return Picture(
        figure,
        f"Colour wheel of optical flow, {max_px:g} px/frame at the rim and white for no motion: right is red, down is "
        "yellow, left is cyan, up is violet.",
    )


@matplotlib.rc_context(STYLE)
def reconstruction(
    clip: Array,
    frames: Array,
    flow_target: Array,
    flow: Array,
    *,
    target_name: str = "target flow",
    psnr_db: float | None = None,
    flow_error_px: float | None = None,
    zero_flow_error_px: float | None = None,
    max_px: float | None = None,
    arrows: bool = True,
    count: int = 5,
    title: str | None = None,
) -> Picture:
    """What both decoders make of a clip: input, reconstructed frames, target flow and predicted flow, one row each.

    Both flows have one scale and one wheel.

    Args:
        clip: (3 t h w) uint8, or float in [0, 1].
        frames: (3 t h w) float, the frame decoder's output; values outside [0, 1] are shown as the nearest.
        flow_target: (2 t-1 h w) px/frame.
        flow: (2 t-1 h w) px/frame, the flow decoder's output.
        target_name: says where the target comes from: "TV-L1 flow" or "exact flow".
        psnr_db: PSNR of the reconstructed frames in dB, shown beside their row.
        flow_error_px: EPE of the predicted flow in px, shown beside its row.
        zero_flow_error_px: EPE of predicting no motion at all, shown below it.
        max_px, arrows, count, title: as for `flow_strip`.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: shapes that do not fit together, or values that are not finite.
    """
    seen = clip_frames("clip", clip)
    steps_in_all, sizes = len(seen) - 1, {"h": seen.shape[1], "w": seen.shape[2]}
    made = clip_frames("frames", frames, sizes | {"t": len(seen)}, clamp=True)
    wanted = flow_steps("flow_target", flow_target, sizes | {"t": steps_in_all})
    found = flow_steps("flow", flow, sizes | {"t": steps_in_all})
    scale = scale_px(max_px, wanted, found)
    steps = spread_steps(steps_in_all, count)
    frame_label, flow_label = "reconstructed\nframe", "predicted\nflow"
    numbers = []
    if psnr_db is not None:
        frame_label += f"\nPSNR {psnr_db:.1f} dB"
        numbers.append(f"PSNR of the reconstructed frames {psnr_db:.1f} dB")
    if flow_error_px is not None:
        flow_label += f"\nEPE {flow_error_px:.2f} px"
        numbers.append(f"EPE of the predicted flow {flow_error_px:.2f} px")
    if zero_flow_error_px is not None:
        flow_label += f"\nzero flow {zero_flow_error_px:.2f} px"
        numbers.append(f"EPE of zero flow {zero_flow_error_px:.2f} px")
    rows = [
        StripRow("input\nframe", seen[steps]),
        StripRow(frame_label, made[steps]),
        StripRow(textwrap.fill(target_name, 16), flow_colours(wanted[steps], scale), wanted[steps]),
        StripRow(flow_label, flow_colours(found[steps], scale), found[steps]),
    ]
    labels = frame_labels(steps, len(seen), None, frames=True)
    figure, _ = draw_strip(rows, labels, title=title, max_px=scale, arrows=arrows)
    alt = (
        f"Input frames, reconstructed frames, {target_name} and predicted flow at {len(steps)} of {steps_in_all} steps "
        f"of {pixel_words(seen.shape)}. "
    )
    alt += "".join(f"{number}. " for number in numbers)
    alt += (
        f"{target_name[:1].upper()}{target_name[1:]}: {motion_words(wanted)}. Predicted flow: {motion_words(found)}. "
    )
    return Picture(figure, titled(title, alt + f"Both flows have one colour wheel that ends at {scale:g} px/frame."))


@matplotlib.rc_context(STYLE)
def flow_comparison(
    first: Array,
    second: Array,
    target: Array,
    flow: Array,
    *,
    target_name: str = "exact flow",
    flow_name: str = "estimated flow",
    max_px: float | None = None,
    max_error_px: float | None = None,
    arrows: bool = True,
    title: str | None = None,
) -> Picture:
    """One pair of frames, two flows on one scale, and the map of the endpoint error between them.

    Args:
        first, second: (3 h w) uint8, or float in [0, 1].
        target, flow: (2 h w) px/frame from `first` to `second`.
        target_name, flow_name: what the two flows are.
        max_px: speed at the wheel's rim; None takes the largest in both, rounded up.
        max_error_px: end of the error's colour bar; None takes the largest error, rounded up.
        arrows: as for `flow_strip`.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: shapes that do not fit together, or values that are not finite.
    """
    height, width = checked_tensor("first", first, "3 h w").shape[1:]
    sizes = {"h": height, "w": width}
    pair = [
        clip_frames(name, rearrange(checked_tensor(name, image, "3 h w", sizes), "c h w -> c 1 h w"))[0]
        for name, image in (("first", first), ("second", second))
    ]
    flows = [
        flow_steps(name, rearrange(checked_tensor(name, array, "2 h w", sizes), "c h w -> c 1 h w"))[0]
        for name, array in (("target", target), ("flow", flow))
    ]
    scale = scale_px(max_px, *flows)
    error = endpoint_error(torch.from_numpy(flows[1])[None], torch.from_numpy(flows[0])[None])[0].numpy()
    panel = 2.35
    tall = panel * height / width
    left, bottom, gap, row_gap = 0.75, 0.65, 0.35, 0.75
    top = 0.75 if title else 0.4
    figure = Figure(figsize=(left + 3 * panel + 2 * gap + 0.95, bottom + 2 * tall + row_gap + top))
    if title:
        headline(figure, title)
    places = {
        (row, column): (left + column * (panel + gap), bottom + (1 - row) * (tall + row_gap))
        for row in (0, 1)
        for column in range(3)
    }
    contents = [("first frame", pair[0]), ("second frame", pair[1]), None]
    contents += [
        (name, np.asarray(flow_colours(f[None], scale)[0]))
        for name, f in zip((target_name, flow_name), flows, strict=True)
    ]
    for index, content in enumerate(contents):
        x, y = places[divmod(index, 3)]
        if content is None:
            size = min(tall, 1.6)
            place = (x + (panel - size) / 2, y + tall - size - 0.1, size, size)
            draw_wheel(figure, place, scale, arrow_in=arrow_length_in(panel) if arrows else None)
            continue
        axes = axes_at(figure, (x, y, panel, tall))
        axes.imshow(content[1])
        axes.set_title(content[0])
        pixel_axes(axes, x=index >= 3, y=index % 3 == 0)
        if arrows and index >= 3:
            draw_arrows(axes, flows[index - 3], scale, panel_in=panel)
    x, y = places[1, 2]
    axes = axes_at(figure, (x, y, panel, tall))
    axes.set_title("endpoint error")
    draw_error(figure, axes, (x + panel + 0.1, y, 0.14, tall), error, max_error_px, "endpoint error (px)")
    pixel_axes(axes, x=True, y=False)
    alt = (
        f"Two frames of {pixel_words(pair[0].shape)}, {target_name} and {flow_name} on one colour wheel that ends at "
        f"{scale:g} px/frame, and the endpoint error: EPE {error.mean():.2f} px, largest {error.max():.2f} px. "
        f"{target_name[:1].upper()}{target_name[1:]}: {motion_words(flows[0][None])}. "
        f"{flow_name[:1].upper()}{flow_name[1:]}: {motion_words(flows[1][None])}."
    )
    return Picture(figure, titled(title, alt))


@matplotlib.rc_context(STYLE)
def error_map(
    error: Array,
    *,
    name: str = "endpoint error",
    unit: str = "px",
    max_error: float | None = None,
    title: str | None = None,
) -> Picture:
    """A map of errors with its colour bar; pixels without a value (nan) are grey and left out of the mean.

    Args:
        error: (h w), 0 or more, nan where nothing is known (outside the frame, for example).
        name: what is measured.
        unit: its unit.
        max_error: end of the colour bar, so that two maps can be compared; None takes the largest error, rounded up.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: not a map, infinite or negative errors, or `max_error` that is not a positive number.
    """
    values = checked_tensor("error", error, "h w", nan=True).float().numpy()
    if (values < 0).any():
        raise ValueError(
            f"error has values down to {np.nanmin(values):g}; errors are 0 or more: pass their absolute value"
        )
    height, width = values.shape
    wide = min(4.5, 4.5 * width / height)
    tall = wide * height / width
    top = 0.55 if title else 0.25
    figure = Figure(figsize=(0.8 + wide + 1.2, 0.7 + tall + top))
    axes = axes_at(figure, (0.8, 0.7, wide, tall))
    draw_error(figure, axes, (0.8 + wide + 0.15, 0.7, 0.18, tall), values, max_error, f"{name} ({unit})")
    pixel_axes(axes, x=True, y=True)
    if title:
        headline(figure, title)
    known = values[np.isfinite(values)]
    alt = f"Map of the {name} over {pixel_words((height, width))}: "
    alt += f"mean {known.mean():.3g} {unit}, largest {known.max():.3g} {unit}" if known.size else "no pixel has a value"
    if known.size < values.size:
        alt += f"; {100 * (1 - known.size / values.size):.0f} % of the pixels have no value and are grey"
    return Picture(figure, titled(title, alt + "."))


def moving_picture(video: bytes | str | os.PathLike[str], *, alt: str, width_px: int = 320) -> MovingPicture:
    """A video in the page itself, with controls, playing in a loop once started.

    Args:
        video: an mp4 file, or its bytes; `write_video` makes one that browsers play.
        alt: what the video shows, for a reader who cannot see it.
        width_px: width on the page; never more than the page has.

    Returns:
        The player.

    Raises:
        ValueError: not an mp4 file, an empty alt text, or a width below 1.
        OSError: the file cannot be read.
    """
    name = "video" if isinstance(video, bytes) else str(video)
    content = video if isinstance(video, bytes) else Path(video).read_bytes()
    if content[4:8] != b"ftyp":
        raise ValueError(f"{name} starts with {content[:8]!r}, which is no mp4 file; write it with write_video first")
    if not alt.strip():
        raise ValueError("alt is empty; say in a sentence what the video shows")
    if width_px < 1:
        raise ValueError(f"width_px is {width_px}; it should be at least 1")
    return MovingPicture(content, alt, width_px)
