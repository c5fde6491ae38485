"""What the plots share: reading arrays, words for alt texts, and the parts that figures are drawn from."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import matplotlib
import numpy as np
import torch
from einops import rearrange
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from rev2net_lite.flow import flow_to_rgb, pixel_grid
from rev2net_lite.shapes import check_shape

__all__ = [
    "COLOURS",
    "HATCHES",
    "LINES",
    "MARKERS",
    "TITLE_IN",
    "UNKNOWN",
    "Array",
    "Panel",
    "StripRow",
    "arrow_cells",
    "arrow_length_in",
    "axes_at",
    "chart",
    "check_classes",
    "check_fractions",
    "check_row",
    "checked_series",
    "checked_tensor",
    "clip_frames",
    "curve_panels",
    "draw_arrows",
    "draw_dot",
    "draw_error",
    "draw_legend",
    "draw_strip",
    "draw_wheel",
    "flow_colours",
    "flow_steps",
    "frame_labels",
    "headline",
    "interval_ends",
    "listed",
    "mean_change",
    "mean_level",
    "motion_words",
    "panel_words",
    "pixel_axes",
    "pixel_words",
    "quiver",
    "round_up",
    "scale_px",
    "size_words",
    "spread_steps",
    "text_in",
    "titled",
]

Array: TypeAlias = Tensor | np.ndarray | Sequence[Any]
"""Whatever numpy or torch make an array of; tensors may live on any device and carry gradients."""

# Okabe and Ito, "Color Universal Design", 2008; yellow is left out because it is too light for a line on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (2, 2)))
HATCHES = ("", "///", "...", "xxx", "\\\\\\", "+++", "ooo")
UNKNOWN = "#9a9a9a"
TITLE_IN = 0.32  # height that a title takes


def checked_tensor(
    name: str, array: Array, pattern: str, sizes: Mapping[str, int] | None = None, *, nan: bool = False
) -> Tensor:
    """A copy on the CPU that fits the pattern and holds finite numbers (nan only if asked)."""
    # A numpy array is copied: torch warns of one that cannot be written.
    tensor = array.detach().cpu() if isinstance(array, Tensor) else torch.from_numpy(np.array(array))
    check_shape(name, tensor, pattern, **(sizes or {}))
    if tensor.numel() == 0:
        raise ValueError(
            f"{name} has shape {tuple(tensor.shape)}, which holds no value; every axis should be at least 1"
        )
    bad = (tensor.isinf() if nan else ~tensor.isfinite()).sum().item()
    if bad:
        raise ValueError(
            f"{name} has {bad} of {tensor.numel()} values that are not finite; look for the step that made them"
        )
    return tensor


def clip_frames(name: str, clip: Array, sizes: Mapping[str, int] | None = None, *, clamp: bool = False) -> np.ndarray:
    """(t h w 3) uint8 of a clip (3 t h w)."""
    tensor = checked_tensor(name, clip, "3 t h w", sizes)
    if tensor.is_floating_point():
        low, high = tensor.min().item(), tensor.max().item()
        # A resize may overshoot a little; more than that is another range.
        if not clamp and (low < -0.01 or high > 1.01):
            raise ValueError(
                f"{name} has values from {low:g} to {high:g}; floats should be in [0, 1]: divide by 255, say"
            )
        tensor = (tensor.float().clamp(0, 1) * 255).round().to(torch.uint8)
    elif tensor.dtype != torch.uint8:
        raise ValueError(f"{name} has dtype {tensor.dtype}; it should be uint8, or float in [0, 1]: convert it")
    return rearrange(tensor, "c t h w -> t h w c").numpy()


def flow_steps(name: str, flow: Array, sizes: Mapping[str, int] | None = None) -> np.ndarray:
    """(t 2 h w) float32 of a flow (2 t h w)."""
    return rearrange(checked_tensor(name, flow, "2 t h w", sizes).float(), "c t h w -> t c h w").numpy()


def checked_series(name: str, values: Sequence[float], *, nan: bool = False) -> np.ndarray:
    return checked_tensor(name, values, "epochs", nan=nan).double().numpy()


def check_fractions(name: str, values: np.ndarray) -> None:
    if np.nanmin(values) < 0 or np.nanmax(values) > 1 or np.isnan(values).all():
        raise ValueError(
            f"{name} has values from {np.nanmin(values):g} to {np.nanmax(values):g}; they should be fractions in "
            "[0, 1]: divide per cent by 100"
        )


def check_classes(classes: Sequence[str]) -> None:
    if isinstance(classes, str) or not all(isinstance(name, str) for name in classes):
        raise ValueError(f"classes is {classes!r}; it should be a list of names")


def check_row(row: Mapping[str, Any], entries: Sequence[str], value: str) -> None:
    missing = [entry for entry in entries if entry not in row]
    if missing:
        raise ValueError(f"a row has {listed(row)}; {listed(missing)} should be there too")
    name, low, high = row[entries[0]], row["low"], row["high"]
    if (low is None) != (high is None):
        raise ValueError(f"the interval of {name} runs from {low} to {high}; give both ends, or None for both")
    if low is None:
        low = high = row[value]
    if not low <= row[value] <= high or not math.isfinite(high - low):
        raise ValueError(
            f"the interval of {name} runs from {low:g} to {high:g} and its {value} is {row[value]:g}; the interval "
            "should be finite and hold it"
        )
    if row["n"] < 1:
        raise ValueError(f"n of {name} is {row['n']}; it should be at least 1")


def spread_steps(length: int, count: int) -> list[int]:
    """At most `count` indices spread evenly from the first to the last."""
    if count < 1:
        raise ValueError(f"count is {count}; it should be at least 1")
    return np.linspace(0, length - 1, min(count, length)).round().astype(int).tolist()


def scale_px(max_px: float | None, *flows: np.ndarray) -> float:
    """Speed at the rim of the wheel that all of `flows` share."""
    if max_px is None:
        return round_up(max(float(np.hypot(f[..., 0, :, :], f[..., 1, :, :]).max()) for f in flows))
    if not (math.isfinite(max_px) and max_px > 0):
        raise ValueError(f"max_px is {max_px}; it should be a positive speed in px/frame, or None")
    return float(max_px)


def round_up(value: float) -> float:
    """The next round number at or above; 1 for 0, so that a still clip has a scale too."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(
        step * power
        for step in (1, 1.2, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9, 10)
        if step * power >= value * (1 - 1e-6)
    )


def titled(title: str | None, alt: str) -> str:
    return f"{title}. {alt}" if title else alt


def listed(names: Sequence[object] | Mapping[str, Any]) -> str:
    return ", ".join(str(name) for name in names)


def pixel_words(shape: Sequence[int]) -> str:
    """Width x height of (h w), (t h w 3) or (h w 3)."""
    height, width = shape[-3:-1] if shape[-1] == 3 and len(shape) > 2 else shape[-2:]
    return f"{width} x {height} px"


def size_words(frames: np.ndarray) -> str:
    return f"{len(frames)} frames of {pixel_words(frames.shape)}"


def mean_level(frames: np.ndarray) -> float:
    return float(frames.mean(dtype=np.float64)) / 255


def mean_change(frames: np.ndarray) -> float:
    return float(np.abs(np.diff(frames.astype(np.float32), axis=0)).mean()) / 255


def motion_words(flow: np.ndarray) -> str:
    """Speed and direction of a flow (t 2 h w) in words."""
    speed = np.hypot(flow[:, 0], flow[:, 1])
    if not speed.any():
        return "no motion"
    dx, dy = flow.mean(axis=(0, 2, 3), dtype=np.float64)
    words = f"mean speed {speed.mean():.2f} px/frame, largest {speed.max():.2f}"
    # A sum of vectors much shorter than the sum of their lengths has no direction worth a word: a spin, a zoom.
    if math.hypot(dx, dy) < 0.3 * speed.mean():
        return f"{words}, no common direction"
    names = ("right", "right and down", "down", "left and down", "left", "left and up", "up", "right and up")
    return f"{words}, mostly {names[round(math.atan2(dy, dx) / (math.pi / 4)) % 8]}"


def panel_words(panel: Panel) -> str:
    """What a panel of curves shows, in words."""
    parts = []
    for name, values in panel.curves.items():
        known = values[np.isfinite(values)]
        parts.append(
            f"{name} from {known[0]:.3g} to {known[-1]:.3g}".strip() if known.size else f"{name} without values"
        )
    line = f"; {panel.line[1]} {panel.line[0]:.3g}" if panel.line else ""
    unit = panel.unit.partition(" (")[2].rstrip(")")
    return f"{panel.heading}{f' in {unit}' if unit else ''}: {', '.join(parts)}{line}"


def text_in(lines: Sequence[str], points: float) -> float:
    """Width in inches that the longest of the lines needs at that font size, on the safe side."""
    return max((len(line) for line in lines), default=0) * points * 0.58 / 72


@dataclass(frozen=True)
class StripRow:
    """One row of a strip: its label, pictures (n h w 3), and the flow (n 2 h w) to draw as arrows."""

    label: str
    images: np.ndarray
    flow: np.ndarray | None = None


@dataclass(frozen=True)
class Panel:
    """One panel of curves over epochs; `top` fixes its scale to 0..top, `line` is a labelled reference value."""

    heading: str
    unit: str
    curves: Mapping[str, np.ndarray]
    top: float | None = None
    line: tuple[float, str] | None = None


def axes_at(figure: Figure, box: tuple[float, float, float, float]) -> Axes:
    """Axes at left, bottom, width, height in inches, so that nothing depends on what a layout engine makes of it."""
    wide, tall = figure.get_size_inches()
    return figure.add_axes((box[0] / wide, box[1] / tall, box[2] / wide, box[3] / tall))


def headline(figure: Figure, title: str) -> None:
    figure.text(
        0.5, 1 - 0.08 / figure.get_size_inches()[1], title, ha="center", va="top", fontsize=12.5, fontweight="bold"
    )


def pixel_axes(axes: Axes, *, x: bool, y: bool) -> None:
    """Labels an image's axes in px; every image has ticks at its first, middle and last pixel."""
    height, width = axes.images[0].get_size()
    for axis, size, shown, name in ((axes.xaxis, width, x, "x (px)"), (axes.yaxis, height, y, "y (px)")):
        ticks = sorted({0, size // 2, size - 1})
        axis.set_ticks(ticks, [str(tick) for tick in ticks] if shown else [""] * len(ticks))
        if shown:
            axis.set_label_text(name)
    axes.tick_params(length=3)


def frame_labels(steps: Sequence[int], length: int, times_s: Sequence[float] | None, *, frames: bool) -> list[str]:
    """What stands over the columns of a strip: the frame or the step, by number or by time."""
    if times_s is None:
        return [f"frame {i}" if frames else f"{i} → {i + 1}" for i in steps]
    if len(times_s) != length:
        raise ValueError(f"times_s has {len(times_s)} values for {length} frames; pass one time per frame")
    return [f"{times_s[i]:.2f} s" for i in steps]


def draw_strip(
    rows: Sequence[StripRow],
    labels: Sequence[str],
    *,
    title: str | None,
    max_px: float | None = None,
    arrows: bool = False,
    below: float = 0.0,
) -> tuple[Figure, list[Axes]]:
    """Rows of pictures with labels on the left and above, and the wheel on the right if there is a `max_px`.

    The lowest `below` inches of the figure stay free.
    """
    height, width = rows[0].images.shape[1:3]
    columns = len(labels)
    named = text_in([line for row in rows for line in row.label.split("\n")], 10.5)
    left, gap, bottom = named + 0.68, 0.07, 0.55 + below
    right = 0.1 if max_px is None else 2.05
    top = 0.3 + (TITLE_IN if title else 0)
    panel = min(2.2, (10.0 - left - right) / columns - gap)
    tall = panel * height / width
    stack = len(rows) * (tall + gap) - gap
    total = max(bottom + stack + top, 0.0 if max_px is None else 2.1 + below + (TITLE_IN if title else 0))
    bottom = total - stack - top
    figure = Figure(figsize=(max(left + columns * (panel + gap) - gap + right, 3.2), total))
    if title:
        headline(figure, title)
    drawn = []
    for i, row in enumerate(rows):
        y = bottom + (len(rows) - 1 - i) * (tall + gap)
        for j in range(columns):
            axes = axes_at(figure, (left + j * (panel + gap), y, panel, tall))
            axes.imshow(row.images[j], vmin=0, vmax=255)
            axes.spines[:].set(visible=True, color="#b0b0b0", linewidth=0.6)
            if i == len(rows) - 1 and j == 0:
                pixel_axes(axes, x=True, y=True)
            else:
                axes.set(xticks=[], yticks=[])
            if i == 0:
                axes.set_title(labels[j], fontsize=10.5, pad=4)
            if arrows and row.flow is not None and max_px is not None:
                draw_arrows(axes, row.flow[j], max_px, panel_in=panel)
            drawn.append(axes)
        if row.label:
            figure.text(
                (named + 0.08) / figure.get_size_inches()[0],
                (y + tall / 2) / total,
                row.label,
                ha="right",
                va="center",
                fontsize=10.5,
            )
    if max_px is not None:
        x = left + columns * (panel + gap) - gap + 0.5
        # Beside the middle of the rows that it explains.
        flows = [i for i, row in enumerate(rows) if row.flow is not None]
        middle = bottom + (len(rows) - 1 - (flows[0] + flows[-1]) / 2) * (tall + gap) + tall / 2
        y = min(max(middle - 0.55, 0.7 + below), total - 1.1 - 0.25)
        draw_wheel(figure, (x, y, 1.1, 1.1), max_px, arrow_in=arrow_length_in(panel) if arrows else None)
    return figure, drawn


def flow_colours(flow: np.ndarray, max_px: float) -> np.ndarray:
    """(n h w 3) uint8 of a flow (n 2 h w)."""
    return rearrange(flow_to_rgb(torch.from_numpy(flow), max_px=max_px), "n c h w -> n h w c").numpy()


def arrow_cells(panel_in: float) -> int:
    """Arrows across a panel: enough to see a spin in a small object, few enough to tell where each one points."""
    return min(9, max(6, round(panel_in / 0.2)))


def arrow_length_in(panel_in: float) -> float:
    """Length of an arrow of the wheel's full speed."""
    return 0.9 * panel_in / arrow_cells(panel_in)


def draw_arrows(axes: Axes, flow: np.ndarray, max_px: float, *, panel_in: float) -> None:
    """An arrow for each cell of a grid on a flow (2 h w): the mean of the cell's moving pixels, drawn amid them.

    At the middle of its cell an arrow would often miss a small object or stand beside it. One of `max_px` is nearly
    as long as a cell.
    """
    height, width = flow.shape[1:]
    columns = min(arrow_cells(panel_in), width)
    lines = min(max(1, round(columns * height / width)), height)
    moving = np.hypot(*flow) > 0.12 * max_px
    arrows = []
    for y in np.array_split(np.arange(height), lines):
        for x in np.array_split(np.arange(width), columns):
            rows, places = np.nonzero(moving[np.ix_(y, x)])
            # A few pixels of a cell are noise, or the edge of what has its arrow next door.
            if len(rows) > 0.12 * len(y) * len(x):
                arrows.append((x[places].mean(), y[rows].mean(), *flow[:, y[rows], x[places]].mean(axis=1) / max_px))
    if arrows:
        quiver(axes, *np.transpose(arrows), full_in=arrow_length_in(panel_in))


def quiver(axes: Axes, x: Array, y: Array, dx: Array, dy: Array, *, full_in: float) -> None:
    """Arrows with their middle at (x, y); one of length 1 is `full_in` inches long whatever the size of the axes."""
    axes.quiver(
        x,
        y,
        dx,
        dy,
        # In the axes' own directions, where y runs down in an image: the default would turn dy upside down.
        angles="xy",
        scale_units="inches",
        scale=1 / full_in,
        units="inches",
        width=0.02,
        headwidth=4,
        headlength=4,
        headaxislength=3.5,
        minlength=0,
        facecolor="black",
        edgecolor="white",
        linewidth=0.3,
        pivot="mid",
        clip_on=False,
    )


def draw_wheel(
    figure: Figure, box: tuple[float, float, float, float], max_px: float, *, arrow_in: float | None
) -> None:
    """The colour wheel with its directions written around it, and below it how fast its rim and an arrow are.

    The words take 0.7 inches below the box, 0.2 above and 0.45 beside it.
    """
    size = 201
    axes = axes_at(figure, box)
    offset = (pixel_grid(size, size, dtype=torch.float64) - (size - 1) / 2) / ((size - 1) / 2)
    inside = torch.linalg.vector_norm(offset, dim=0).numpy()[..., None] <= 1
    colours = flow_colours((offset * max_px).numpy()[None], max_px)[0]
    axes.imshow(np.where(inside, colours, 255).astype(np.uint8), extent=(-1, 1, 1, -1), interpolation="antialiased")
    axes.set(xlim=(-1, 1), ylim=(1, -1))
    axes.set_axis_off()
    inch = 2 / box[2]
    if arrow_in:
        turn = np.arange(8) * np.pi / 4
        dx, dy = np.cos(turn), np.sin(turn)
        quiver(axes, 0.58 * dx, 0.58 * dy, dx, dy, full_in=0.65 / inch)
    for x, y, word, across, along in (
        (1 + 0.04 * inch, 0, "right", "left", "center"),
        (-1 - 0.04 * inch, 0, "left", "right", "center"),
        (0, -1 - 0.04 * inch, "up", "center", "bottom"),
        (0, 1 + 0.04 * inch, "down", "center", "top"),
    ):
        axes.text(x, y, word, ha=across, va=along, fontsize=10)
    # Two columns: what is drawn, and its speed.
    for line, what in enumerate(("rim", "") if arrow_in else ("rim",)):
        y = 1 + (0.36 + 0.19 * line) * inch
        axes.text(-0.22 * inch, y, what, ha="right", va="center", fontsize=10)
        axes.text(-0.14 * inch, y, f"{max_px:g} px/frame", ha="left", va="center", fontsize=10)
    if arrow_in:
        quiver(axes, [-0.34 * inch], [y], [1.0], [0.0], full_in=arrow_in)


def draw_error(
    figure: Figure,
    axes: Axes,
    bar_box: tuple[float, float, float, float],
    error: np.ndarray,
    max_error: float | None,
    label: str,
) -> None:
    """An error map with its colour bar; the colours run from 0, so that a small error looks small."""
    if max_error is not None and not (math.isfinite(max_error) and max_error > 0):
        raise ValueError(f"the largest error shown is {max_error}; it should be a positive number, or None")
    largest = float(np.nanmax(error)) if np.isfinite(error).any() else 0.0
    end = round_up(largest) if max_error is None else max_error
    colours = matplotlib.colormaps["magma"].with_extremes(bad=UNKNOWN)
    image = axes.imshow(np.ma.masked_invalid(error), cmap=colours, norm=Normalize(0, end))
    bar = figure.colorbar(image, cax=axes_at(figure, bar_box), extend="max" if largest > end else "neither")
    bar.set_label(label)
    bar.outline.set_visible(False)


def curve_panels(name: str, panels: Sequence[Panel], title: str | None) -> tuple[Figure, int]:
    """Panels of curves over epochs, at most three in a row, with one key for all; returns the number of epochs too."""
    lengths = {f"{p.heading} {curve}".strip(): len(v) for p in panels for curve, v in p.curves.items()}
    if not lengths:
        raise ValueError(f"{name} is empty; pass at least one series of values per epoch")
    if len(set(lengths.values())) > 1:
        raise ValueError(
            f"the series have different lengths ({listed([f'{k}: {n}' for k, n in lengths.items()])}); each should "
            "have one value per epoch, nan where there is none"
        )
    epochs = next(iter(lengths.values()))
    names = list(dict.fromkeys(curve for panel in panels for curve in panel.curves))
    columns = 2 if len(panels) in (2, 4) else min(len(panels), 3)
    lines = -(-len(panels) // columns)
    wide, tall, left, between, below = (4.5, 3.2, 2.35)[columns - 1], 1.75, 0.75, 0.72, 1.0
    keyed = len(names) > 1
    top = 0.42 + (TITLE_IN if title else 0) + (0.34 if keyed else 0)
    figure = Figure(
        figsize=(left + columns * wide + (columns - 1) * between + 0.25, lines * (tall + below) - below + 0.62 + top)
    )
    total = figure.get_size_inches()[1]
    if title:
        headline(figure, title)
    handles: dict[str, Any] = {}
    for index, panel in enumerate(panels):
        line, column = divmod(index, columns)
        axes = axes_at(
            figure, (left + column * (wide + between), total - top - tall - line * (tall + below), wide, tall)
        )
        for curve, values in panel.curves.items():
            at = names.index(curve) % len(COLOURS)
            seen = np.isfinite(values)
            # Joined across epochs without a value; the markers show which epochs have one.
            (handles[curve],) = axes.plot(
                np.arange(1, epochs + 1)[seen],
                values[seen],
                color=COLOURS[at],
                linestyle=LINES[at],
                marker=MARKERS[at],
                markersize=4,
                markevery=max(1, int(seen.sum()) // 12),
                linewidth=1.6,
                label=curve,
            )
        if panel.line:
            axes.axhline(panel.line[0], color="black", linestyle=":", linewidth=1.2)
            axes.text(
                0.98,
                panel.line[0],
                panel.line[1],
                transform=axes.get_yaxis_transform(),
                ha="right",
                va="bottom",
                fontsize=9.5,
            )
        axes.set_title(panel.heading)
        axes.set(xlabel="epoch", ylabel=panel.unit)
        axes.set_xlim(1 - 0.04 * epochs, epochs + 0.04 * epochs)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        known = np.concatenate(
            [v[np.isfinite(v)] for v in panel.curves.values()] + [np.array([panel.line[0] if panel.line else 0.0])]
        )
        if panel.top is not None:
            axes.set_ylim(0, panel.top * 1.04)
        elif known.min() >= 0:
            axes.set_ylim(0, (known.max() or 1.0) * 1.12)
        axes.grid(axis="y")
    if keyed:
        y = 1 - (0.05 + (TITLE_IN if title else 0)) / total
        # A curve without a name is the only one of its panel, and the panel's heading says what it is.
        named = [n for n in names if n]
        figure.legend([handles[n] for n in named], named, loc="upper center", bbox_to_anchor=(0.5, y), ncols=len(named))
    return figure, epochs


def chart(
    wide: float, tall: float, *, left: float, bottom: float = 0.65, legend: bool = False, title: str | None = None
) -> tuple[Figure, Axes]:
    """One axes of `tall` inches above and beside the inches for its labels."""
    top = 0.15 + (TITLE_IN if title else 0) + (0.34 if legend else 0)
    figure = Figure(figsize=(wide, bottom + tall + top))
    if title:
        headline(figure, title)
    return figure, axes_at(figure, (left, bottom, wide - left - 0.15, tall))


def draw_legend(figure: Figure, axes: Axes, title: str | None) -> None:
    handles, names = axes.get_legend_handles_labels()
    y = 1 - (0.05 + (TITLE_IN if title else 0)) / figure.get_size_inches()[1]
    figure.legend(handles, names, loc="upper center", bbox_to_anchor=(0.5, y), ncols=min(len(names), 4))


def interval_ends(row: Mapping[str, Any], factor: float) -> tuple[float, float] | None:
    return None if row["low"] is None else (factor * row["low"], factor * row["high"])


def draw_dot(
    axes: Axes, value: float, ends: tuple[float, float] | None, place: float, style: int, *, hollow: bool = False
) -> None:
    """A value with its interval on a horizontal line."""
    colour = COLOURS[style % len(COLOURS)]
    if ends:
        axes.errorbar(
            [value], [place], xerr=[[value - ends[0]], [ends[1] - value]], color=colour, capsize=4, linewidth=2
        )
    # Not cut at the end of the scale, as the interval is: a mark at 100 % is seen whole.
    axes.plot(
        [value],
        [place],
        color=colour,
        marker=MARKERS[style % len(MARKERS)],
        markersize=7,
        markerfacecolor="white" if hollow else colour,
        linestyle="none",
        clip_on=False,
        zorder=3,
    )
