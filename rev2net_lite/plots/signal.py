"""What a video file holds, which frames a clip takes of it, and how brightness tells motion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
import torch
from einops import rearrange
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rev2net_lite.flow import endpoint_error
from rev2net_lite.plots.drawing import (
    COLOURS,
    TITLE_IN,
    Array,
    StripRow,
    axes_at,
    chart,
    checked_series,
    checked_tensor,
    clip_frames,
    draw_legend,
    draw_strip,
    flow_colours,
    flow_steps,
    headline,
    listed,
    mean_level,
    motion_words,
    pixel_axes,
    pixel_words,
    scale_px,
    titled,
)
from rev2net_lite.plots.picture import STYLE, Picture

__all__ = [
    "brightness_row",
    "constraint_lines",
    "flow_cases",
    "image_row",
    "packet_sizes",
    "sampling",
    "time_stamps",
]


@matplotlib.rc_context(STYLE)
def image_row(images: Mapping[str, Array], *, down: str = "y (px)", title: str | None = None) -> Picture:
    """Images side by side, of any sizes; a pixel is equally large in all of them.

    Args:
        images: name to (3 h w) uint8, or float in [0, 1].
        down: what runs down in them, with its unit, where that is not y.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: no image, or one that is none.

    >>> image_row({"black": np.zeros((3, 8, 9))}).alt
    '1 image side by side: black, 9 x 8 px, mean brightness 0.00 of 1.'
    """
    if not images:
        raise ValueError("images is empty; pass at least one image")
    pictures = {
        name: clip_frames(name, rearrange(checked_tensor(name, image, "3 h w"), "c h w -> c 1 h w"))[0]
        for name, image in images.items()
    }
    heights, widths = zip(*(picture.shape[:2] for picture in pictures.values()), strict=True)
    left, gap, bottom = 0.7, 0.4, 0.6
    lines = max(name.count("\n") for name in pictures) + 1
    top = 0.12 + 0.19 * lines + (TITLE_IN if title else 0)
    # Inches per pixel.
    scale = min(2.4 / max(heights), (9.8 - left - gap * (len(pictures) - 1)) / sum(widths))
    # Titles are centred over their images and need some room beside a narrow one.
    wide = left + scale * sum(widths) + gap * (len(pictures) - 1) + 0.3
    figure = Figure(figsize=(max(wide, 3.2), bottom + scale * max(heights) + top))
    if title:
        headline(figure, title)
    x = left
    for index, (name, picture) in enumerate(pictures.items()):
        height, width = scale * picture.shape[0], scale * picture.shape[1]
        axes = axes_at(figure, (x, bottom + scale * max(heights) - height, width, height))
        axes.imshow(picture, vmin=0, vmax=255)
        axes.set_title(name, fontsize=10.5)
        pixel_axes(axes, x=True, y=True)
        axes.set_ylabel("" if index else down)
        x += width + gap
    words = [
        f"{' '.join(name.split())}, {pixel_words(picture.shape)}, mean brightness {mean_level(picture):.2f} of 1"
        for name, picture in pictures.items()
    ]
    number = f"{len(words)} image{'s' if len(words) > 1 else ''}"
    return Picture(figure, titled(title, f"{number} side by side: {'; '.join(words)}."))


@matplotlib.rc_context(STYLE)
def packet_sizes(sizes_bytes: Sequence[int], keys: Sequence[bool], *, title: str | None = None) -> Picture:
    """How many bytes a file spends on each frame, key frames marked.

    Args:
        sizes_bytes: of each packet, in the order of the file.
        keys: whether its frame can be decoded alone.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ValueError: no packet, or another number of `keys`.

    >>> packet_sizes([4000, 1000], [True, False]).alt
    '2 packets of 5.0 kB in all: 1 key frame of 4.0 kB on average, 1 other of 1.0 kB on average.'
    """
    sizes = checked_series("sizes_bytes", sizes_bytes) / 1000
    marked = np.array(keys, dtype=bool)
    if len(marked) != len(sizes):
        raise ValueError(f"keys has {len(marked)} values for {len(sizes)} packets; give one for each")
    figure, axes = chart(7.6, 2.0, left=0.8, legend=True, title=title)
    parts = []
    for name, plural, part, colour in (("key frame", "s", marked, COLOURS[1]), ("other", "s", ~marked, COLOURS[0])):
        if part.any():
            axes.bar(np.arange(len(sizes))[part], sizes[part], color=colour, width=0.85, label=name + plural)
            count = int(part.sum())
            parts.append(f"{count} {name}{plural if count > 1 else ''} of {sizes[part].mean():.1f} kB on average")
    axes.set(xlabel="packet, in the order of the file", ylabel="size (kB)", xlim=(-0.8, len(sizes) - 0.2))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y")
    axes.set_axisbelow(True)
    draw_legend(figure, axes, title)
    return Picture(figure, titled(title, f"{len(sizes)} packets of {sizes.sum():.1f} kB in all: {', '.join(parts)}."))


@matplotlib.rc_context(STYLE)
def time_stamps(stamps_s: Array, *, title: str | None = None) -> Picture:
    """The time stamp of each frame in the order of decoding; those that go backwards are marked.

    Args:
        stamps_s: (n) seconds, nan where a frame has none.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: not a row of numbers.

    >>> time_stamps([0.0, 0.2, 0.1]).alt
    'Time stamps of 3 frames in the order of decoding, from 0.00 to 0.20 s: 1 of 2 steps goes backwards.'
    """
    stamps = checked_tensor("stamps_s", stamps_s, "n", nan=True).double().numpy()
    places, known = np.arange(len(stamps)), np.isfinite(stamps)
    if not known.any():
        raise ValueError(f"none of {len(stamps)} frames has a time stamp; there is nothing to draw")
    steps = np.diff(stamps)
    back = np.append(False, steps < 0)
    figure, axes = chart(7.6, 2.5, left=0.8, legend=True, title=title)
    axes.plot(places[known], stamps[known], color="#b0b0b0", linewidth=1, zorder=1)
    for name, part, colour, marker in (
        ("later than the frame before", known & ~back, COLOURS[0], "o"),
        ("earlier than the frame before", back, COLOURS[1], "v"),
    ):
        if part.any():
            axes.plot(places[part], stamps[part], marker, color=colour, markersize=5, label=name)
    axes.set(xlabel="frame, in the order of decoding", ylabel="time stamp (s)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="both")
    draw_legend(figure, axes, title)
    count, asked = int(back.sum()), int(np.isfinite(steps).sum())
    missing = f" {int((~known).sum())} frames have no time stamp." if not known.all() else ""
    alt = (
        f"Time stamps of {len(stamps)} frames in the order of decoding, from {np.nanmin(stamps):.2f} to "
        f"{np.nanmax(stamps):.2f} s: {count} of {asked} steps {'goes' if count == 1 else 'go'} backwards.{missing}"
    )
    return Picture(figure, titled(title, alt))


@matplotlib.rc_context(STYLE)
def sampling(
    times_s: Array,
    picked: Sequence[int],
    clip: Array,
    *,
    start_s: float = 0.0,
    duration_s: float | None = None,
    title: str | None = None,
) -> Picture:
    """Which frames of a video a clip takes: the frames over time, the equal parts of the interval, the clip.

    Pictures of one video have one size, so that they can be the states of a scrubber.

    Args:
        times_s: (n+1) seconds as `video.frame_times` gives them.
        picked: index of each frame of the clip, as `video.sampled_frames` gives them.
        clip: (3 t h w) uint8, or float in [0, 1]; one frame for each of `picked`.
        start_s, duration_s: the interval; None reaches to the end of the video.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: shapes that do not fit together, or a frame that the video does not have.

    >>> sampling([0, 1, 2, 3, 4], [1, 3], np.zeros((3, 2, 8, 8))).alt
    '2 equal parts of 4.000 s from 0.000 s on; shown at their middles are the frames 1, 3 of a video of 4 frames.'
    """
    edges = checked_tensor("times_s", times_s, "edges").double().numpy()
    frames = clip_frames("clip", clip, {"t": len(picked)})
    if len(edges) < 2 or not all(0 <= index < len(edges) - 1 for index in picked):
        raise ValueError(f"picked is {listed(picked)}; the video has frames 0 to {len(edges) - 2}")
    if duration_s is None:
        duration_s = edges[-1] - start_s
    part_s, high, wide = duration_s / len(picked), *frames.shape[1:3]
    total, left, small, bar = 9.6, 1.25, 1.0, 1.35
    figure = Figure(figsize=(total, small + 0.35 + bar + 0.75 + (TITLE_IN if title else 0)))
    if title:
        headline(figure, title)
    room = total - left - 0.15
    axes = axes_at(figure, (left, small + 0.85, room, bar))
    chosen = np.isin(np.arange(len(edges) - 1), picked)
    axes.bar(
        edges[:-1],
        0.8,
        np.diff(edges),
        bottom=1.2,
        align="edge",
        color=[COLOURS[0] if use else "#e6e6e6" for use in chosen],
        edgecolor="white",
        linewidth=1.2,
    )
    starts = start_s + part_s * np.arange(len(picked))
    axes.bar(starts, 0.6, part_s, bottom=0, align="edge", color="#fbe3d0", edgecolor=COLOURS[1], linewidth=1.2)
    axes.plot(starts + part_s / 2, np.full(len(picked), 0.3), "o", color=COLOURS[1], markersize=4.5)
    axes.vlines(starts + part_s / 2, 0.3, 1.2, color=COLOURS[1], linewidth=1)
    every = max(1, round((len(edges) - 1) / 24))
    for index in range(0, len(edges) - 1, every):
        colour = "white" if chosen[index] else "#555555"
        axes.text(edges[index : index + 2].mean(), 1.6, str(index), ha="center", va="center", color=colour, fontsize=9)
    axes.set(xlim=(0, edges[-1]), ylim=(0, 2.05), xlabel="time (s)")
    axes.set_yticks([0.3, 1.6], [f"{len(picked)} equal parts", "frames of\nthe video"])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    # Each frame stands below the middle of an equal share of the room, not of its time: the interval may be short.
    side = min(small / high, 0.95 * room / len(picked) / wide)
    for index, frame in enumerate(frames):
        x = left + room * (index + 0.5) / len(picked) - side * wide / 2
        thumb = axes_at(figure, (x, 0.25 + (small - side * high) / 2, side * wide, side * high))
        thumb.imshow(frame, vmin=0, vmax=255)
        thumb.set(xticks=[], yticks=[])
        thumb.spines[:].set(visible=True, color="#b0b0b0", linewidth=0.6)
        thumb.set_xlabel(str(picked[index]), fontsize=9, labelpad=1)
    figure.text(
        (left - 0.1) / total,
        (0.25 + small / 2) / figure.get_size_inches()[1],
        "the clip",
        ha="right",
        va="center",
        fontsize=10,
    )
    alt = (
        f"{len(picked)} equal parts of {duration_s:.3f} s from {start_s:.3f} s on; shown at their middles are the "
        f"frames {listed(picked)} of a video of {len(edges) - 1} frames."
    )
    return Picture(figure, titled(title, alt))


@matplotlib.rc_context(STYLE)
def brightness_row(
    first: Sequence[float], second: Sequence[float], *, at: int, slope: float, title: str | None = None
) -> Picture:
    """One row of pixels in two frames, and what a tangent says about how far it moved.

    The tangent of the first frame at pixel `at` takes the brightness that the second frame has there at another place;
    from there to `at` is the motion that the linear equation finds.

    Args:
        first, second: brightness of the row's pixels.
        at: index of a pixel.
        slope: derivative of the brightness along the row at that pixel, per px.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ValueError: rows of different lengths, a pixel that is not in them, or a slope of 0.

    >>> brightness_row([0.0, 0.1, 0.2], [-0.1, 0.0, 0.1], at=1, slope=0.1).alt
    'Brightness of 3 pixels in two frames. At pixel 1 it goes from 0.10 to 0.00, with a slope of 0.100 per px: 1.00 px.'
    """
    here, there = checked_series("first", first), checked_series("second", second)
    if len(here) != len(there):
        raise ValueError(f"first has {len(here)} pixels and second {len(there)}; pass the same row of both frames")
    if not 0 <= at < len(here):
        raise ValueError(f"at is {at}; the row has pixels 0 to {len(here) - 1}")
    if slope == 0:
        raise ValueError("the slope is 0: brightness that does not change along the row says nothing about motion")
    change = there[at] - here[at]
    motion = -change / slope
    figure, axes = chart(9.2, 2.9, left=0.85, legend=True, title=title)
    places = np.arange(len(here))
    axes.plot(places, here, "-o", color=COLOURS[0], markersize=3.5, label="first frame")
    axes.plot(places, there, "--s", color=COLOURS[1], markersize=3.5, label="second frame")
    reach = np.array([min(at, at - motion) - 2, max(at, at - motion) + 2])
    axes.plot(reach, here[at] + slope * (reach - at), ":", color="black", linewidth=1.8, label="tangent")
    axes.plot([at, at], [here[at], there[at]], color=COLOURS[2], linewidth=3, label=f"change in time {change:+.3f}")
    axes.annotate(
        "",
        (at, there[at]),
        (at - motion, there[at]),
        arrowprops={"arrowstyle": "-|>", "color": COLOURS[3], "linewidth": 2.5, "shrinkA": 0, "shrinkB": 0},
    )
    axes.plot([], [], color=COLOURS[3], linewidth=3, label=f"motion {motion:+.2f} px")
    low, high = min(here.min(), there.min()), max(here.max(), there.max())
    margin = 0.12 * (high - low or 1)
    axes.set(
        xlabel="x (px)",
        ylabel="brightness (of 1)",
        xlim=(-0.5, len(here) - 0.5),
        ylim=(low - margin, high + margin),
    )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="both")
    handles, names = axes.get_legend_handles_labels()
    y = 1 - (0.05 + (TITLE_IN if title else 0)) / figure.get_size_inches()[1]
    figure.legend(
        handles, names, loc="upper center", bbox_to_anchor=(0.5, y), ncols=5, columnspacing=1.0, handlelength=1.5
    )
    alt = (
        f"Brightness of {len(here)} pixels in two frames. At pixel {at} it goes from {here[at]:.2f} to "
        f"{there[at]:.2f}, with a slope of {slope:.3f} per px: {motion:.2f} px."
    )
    return Picture(figure, titled(title, alt))


@matplotlib.rc_context(STYLE)
def constraint_lines(
    derivatives: Mapping[str, Array], *, motion: tuple[float, float], limit_px: float, title: str | None = None
) -> Picture:
    """What each pixel of a window says about the motion: a line of motions that would all explain its change.

    Args:
        derivatives: window to (3 n): derivatives of the brightness along x, y and time at its n pixels.
        motion: the true motion in px, right and down.
        limit_px: end of both axes.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: no window, or derivatives that are not finite.
    """
    if not derivatives:
        raise ValueError("derivatives is empty; pass at least one window")
    side, left, gap, bottom = 2.5, 0.85, 0.5, 0.65
    top = 0.4 + 0.3 + (TITLE_IN if title else 0)
    count = len(derivatives)
    figure = Figure(figsize=(left + count * (side + gap) - gap + 0.25, bottom + side + top))
    if title:
        headline(figure, title)
    words = []
    for index, (name, given) in enumerate(derivatives.items()):
        along = checked_tensor(name, given, "3 n").double().numpy()
        length = np.hypot(along[0], along[1])
        # A pixel without a slope allows every motion, which cannot be drawn.
        kept = length > 1e-3
        dx, dy, dt = along[:, kept] / length[kept]
        near = np.stack([-dt * dx, -dt * dy], 1)
        reach = 3 * limit_px * np.stack([-dy, dx], 1)
        axes = axes_at(figure, (left + index * (side + gap), bottom, side, side))
        axes.add_collection(
            LineCollection(
                list(np.stack([near - reach, near + reach], 1)),
                colors=COLOURS[0],
                linewidths=0.8,
                alpha=0.35,
                label="pixels",
            )
        )
        axes.plot(*motion, "X", color=COLOURS[1], markersize=10, label="true motion", linestyle="none", zorder=3)
        axes.set(xlim=(-limit_px, limit_px), ylim=(limit_px, -limit_px), xlabel="dx (px)", aspect="equal")
        axes.set_title(f"{name}: {int(kept.sum())} of {len(kept)} pixels")
        axes.grid(axis="both")
        if index == 0:
            axes.set_ylabel("dy (px), down")
            y = 1 - (0.03 + (TITLE_IN if title else 0)) / figure.get_size_inches()[1]
            figure.legend(*axes.get_legend_handles_labels(), loc="upper center", bbox_to_anchor=(0.5, y), ncols=2)
        words.append(f"{name}: lines of {int(kept.sum())} of {len(kept)} pixels")
    alt = f"Motions that each pixel allows, as lines over dx and dy. {'; '.join(words)}. "
    return Picture(figure, titled(title, f"{alt}The true motion is ({motion[0]:g}, {motion[1]:g}) px."))


@matplotlib.rc_context(STYLE)
def flow_cases(
    cases: Mapping[str, tuple[Array, Array, Array, Array]],
    *,
    max_px: float | None = None,
    max_error_px: float | None = None,
    arrows: bool = True,
    title: str | None = None,
) -> Picture:
    """Pairs of frames, one row each: both frames, exact flow, estimated flow, and the map of the error between them.

    All flows have one wheel and all errors one scale; beside each row stands its EPE above that of zero flow.

    Args:
        cases: name to first frame (3 h w), second frame (3 h w), exact flow (2 h w), estimated flow (2 h w), both in
            px/frame.
        max_px: speed at the wheel's rim; None takes the largest exact one, rounded up.
        max_error_px: end of the error's scale; None takes the wheel's.
        arrows: as for `flow_strip`.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: no case, shapes that do not fit together, or values that are not finite.
    """
    if not cases:
        raise ValueError("cases is empty; pass at least one pair of frames with its flows")
    sizes: dict[str, int] = {}
    checked = {}
    for name, (first, second, target, flow) in cases.items():
        pair = [
            checked_tensor(f"{what} of {name}", image, "3 h w", sizes)
            for what, image in (("first frame", first), ("second frame", second))
        ]
        sizes = {"h": pair[0].shape[1], "w": pair[0].shape[2]}
        fields = [
            checked_tensor(f"{what} of {name}", field, "2 h w", sizes)
            for what, field in (("exact flow", target), ("estimated flow", flow))
        ]
        checked[name] = (
            clip_frames(name, torch.stack(pair, dim=1)),
            flow_steps(name, torch.stack([field.float() for field in fields], dim=1)),
        )
    scale = scale_px(max_px, *(flows[:1] for _, flows in checked.values()))
    end = scale if max_error_px is None else max_error_px
    if not 0 < end < float("inf"):
        raise ValueError(f"max_error_px is {end}; it should be a positive number, or None for the wheel's")
    shown = matplotlib.colormaps["magma"]
    rows, words = [], []
    for name, (frames, flows) in checked.items():
        exact, found = (torch.from_numpy(field)[None] for field in flows)
        error = endpoint_error(found, exact)[0].numpy()
        zero = endpoint_error(torch.zeros_like(exact), exact).mean().item()
        painted = (shown(np.clip(error / end, 0, 1))[..., :3] * 255).round().astype(np.uint8)
        still = np.zeros_like(flows[:1])
        rows.append(
            StripRow(
                f"{name}\nEPE {error.mean():.2f} px\nzero flow {zero:.2f} px",
                np.concatenate([frames, flow_colours(flows, scale), painted[None]]),
                np.concatenate([still, still, flows, still]),
            )
        )
        words.append(
            f"{' '.join(name.split())}: EPE {error.mean():.2f} px, zero flow {zero:.2f} px; exact: "
            f"{motion_words(flows[:1])}; estimated: {motion_words(flows[1:])}"
        )
    labels = ["first frame", "second frame", "exact flow", "estimated flow", "endpoint error"]
    figure, drawn = draw_strip(rows, labels, title=title, max_px=scale, arrows=arrows, below=0.1)
    # The error's key lies below its column.
    wide, tall = figure.get_size_inches()
    box = drawn[-1].get_position()
    bar = figure.colorbar(
        matplotlib.cm.ScalarMappable(Normalize(0, end), shown),
        cax=axes_at(figure, (box.x0 * wide, box.y0 * tall - 0.2, box.width * wide, 0.1)),
        orientation="horizontal",
        extend="max",
    )
    bar.set_label("error (px)", labelpad=1)
    bar.set_ticks([0, end])
    bar.outline.set_visible(False)
    alt = f"{len(rows)} pairs of frames of {sizes['w']} x {sizes['h']} px with exact flow, estimated flow and error. "
    return Picture(
        figure,
        titled(title, f"{alt}{'. '.join(words)}. The colour wheel ends at {scale:g} px, the error at {end:g} px."),
    )
