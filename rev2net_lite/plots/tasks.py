"""What the auxiliary tasks ask of a network: forms of a loss, a decoder's progress, gradients and weights of tasks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from einops import rearrange
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from rev2net_lite.plots.drawing import (
    COLOURS,
    LINES,
    MARKERS,
    TITLE_IN,
    UNKNOWN,
    Array,
    Panel,
    arrow_length_in,
    axes_at,
    checked_series,
    checked_tensor,
    clip_frames,
    curve_panels,
    draw_arrows,
    draw_wheel,
    flow_colours,
    flow_steps,
    headline,
    listed,
    motion_words,
    panel_words,
    pixel_axes,
    pixel_words,
    scale_px,
    text_in,
    titled,
)
from rev2net_lite.plots.picture import STYLE, Picture

__all__ = ["cosine_matrix", "error_curves", "flow_progress", "loss_shapes", "weight_maps"]


@matplotlib.rc_context(STYLE)
def loss_shapes(
    error: Sequence[float],
    losses: Mapping[str, Sequence[float]],
    *,
    unit: str,
    name: str = "error",
    title: str | None = None,
) -> Picture:
    """Losses as functions of the error, and beside them their slopes: how hard each pulls at an error of that size.

    Args:
        error: increasing, in `unit`.
        losses: form to its value at each error.
        unit: of the error.
        name: what runs along the axis, if it is not the error itself.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ValueError: no form, fewer than three errors, errors that do not increase, or series of different lengths.

    >>> loss_shapes([-1, 0, 1], {"l1": [1, 0, 1]}, unit="px").alt
    'Loss and slope over error from -1 to 1 px. l1: from 1 over 0 (least) to 1; slope from -1 to 1.'
    """
    x = checked_series(name, error)
    if len(x) < 3 or (np.diff(x) <= 0).any():
        raise ValueError(f"{name} has {len(x)} values; expected three or more that increase")
    if not losses:
        raise ValueError("losses is empty; pass at least one form")
    tall, wide, left = 2.5, 3.6, 0.75
    top = 0.45 + (TITLE_IN if title else 0) + 0.34
    figure = Figure(figsize=(2 * (wide + left) + 0.25, tall + 0.65 + top))
    if title:
        headline(figure, title)
    panels = [axes_at(figure, (left + column * (wide + left), 0.65, wide, tall)) for column in range(2)]
    words = []
    for at, (form, given) in enumerate(losses.items()):
        values = checked_series(f"loss {form}", given)
        if len(values) != len(x):
            raise ValueError(f"loss {form} has {len(values)} values for {len(x)} of {name}; give one for each")
        slope = np.gradient(values, x)
        for axes, series in zip(panels, (values, slope), strict=True):
            axes.plot(
                x,
                series,
                color=COLOURS[at % len(COLOURS)],
                linestyle=LINES[at % len(LINES)],
                linewidth=1.8,
                label=form,
            )
        words.append(
            f"{form}: from {values[0]:.3g} over {values.min():.3g} (least) to {values[-1]:.3g}; "
            f"slope from {slope[0]:.3g} to {slope[-1]:.3g}."
        )
    for axes, heading, label in zip(panels, ("loss", "slope"), ("loss", f"slope (1/{unit})"), strict=True):
        axes.set_title(heading)
        axes.set(xlabel=f"{name} ({unit})", ylabel=label)
        axes.grid(axis="both")
    _key(figure, panels[0], title)
    alt = f"Loss and slope over {name} from {x[0]:g} to {x[-1]:g} {unit}. " + " ".join(words)
    return Picture(figure, titled(title, alt))


@matplotlib.rc_context(STYLE)
def flow_progress(
    frame: Array,
    target: Array,
    exact: Array,
    flow: Array,
    *,
    error_px: Sequence[float],
    zero_error_px: float,
    epoch: int,
    max_px: float | None = None,
    title: str | None = None,
) -> Picture:
    """One state of a flow decoder that learns: a frame, three flows on one wheel, and the EPE over epochs.

    Figures of different epochs have one size, so that they can be the states of a scrubber.

    Args:
        frame: (3 h w) uint8, or float in [0, 1].
        target: (2 h w) px/frame, the flow that is learned.
        exact: (2 h w) px/frame.
        flow: (2 h w) px/frame, as predicted after `epoch`.
        error_px: EPE before training and after each epoch.
        zero_error_px: EPE of predicting no motion, drawn as a line.
        epoch: which of `error_px` the prediction belongs to; 0 is before training.
        max_px: speed at the wheel's rim; None takes the largest in target and exact flow, rounded up.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: shapes that do not fit together, values that are not finite, or no such epoch.
    """
    height, width = checked_tensor("frame", frame, "3 h w").shape[1:]
    sizes = {"h": height, "w": width}
    seen = clip_frames("frame", rearrange(checked_tensor("frame", frame, "3 h w"), "c h w -> c 1 h w"))[0]
    wanted, true, found = (
        flow_steps(name, rearrange(checked_tensor(name, array, "2 h w", sizes), "c h w -> c 1 h w"))
        for name, array in (("target", target), ("exact", exact), ("flow", flow))
    )
    errors = checked_series("error_px", error_px)
    if not 0 <= epoch < len(errors):
        raise ValueError(f"epoch is {epoch}; error_px has the epochs 0 to {len(errors) - 1}")
    scale = scale_px(max_px, wanted, true)
    panel, gap, left = 1.7, 0.25, 0.75
    tall, curve = panel * height / width, 1.5
    top = 0.32 + (TITLE_IN if title else 0)
    lowest = 0.62 + curve + 0.75
    figure = Figure(figsize=(left + 4 * (panel + gap) + 1.85, lowest + tall + top))
    if title:
        headline(figure, title)
    names = ("frame", "target: TV-L1", "exact (oracle)", "predicted")
    for column, name in enumerate(names):
        axes = axes_at(figure, (left + column * (panel + gap), lowest, panel, tall))
        if column == 0:
            axes.imshow(seen)
        else:
            field = (wanted, true, found)[column - 1]
            axes.imshow(flow_colours(field, scale)[0])
            draw_arrows(axes, field[0], scale, panel_in=panel)
        axes.spines[:].set(visible=True, color="#b0b0b0", linewidth=0.6)
        axes.set_title(name)
        pixel_axes(axes, x=True, y=column == 0)
    place = left + 4 * (panel + gap) + 0.35
    draw_wheel(figure, (place, lowest + tall - 1.35, 1.1, 1.1), scale, arrow_in=arrow_length_in(panel))
    axes = axes_at(figure, (left, 0.62, 4 * (panel + gap) - gap, curve))
    steps = np.arange(len(errors))
    axes.plot(steps, errors, color=COLOURS[0], marker=MARKERS[0], markersize=4, linewidth=1.6)
    axes.plot([epoch], [errors[epoch]], color=COLOURS[1], marker=MARKERS[3], markersize=10, zorder=3, clip_on=False)
    axes.axhline(zero_error_px, color="black", linestyle=":", linewidth=1.2)
    axes.text(
        0.99, zero_error_px, "zero flow", transform=axes.get_yaxis_transform(), ha="right", va="bottom", fontsize=9.5
    )
    axes.set(xlabel="epoch (0: before training)", ylabel="EPE (px)")
    axes.set_xlim(-0.03 * len(errors), len(errors) - 1 + 0.03 * len(errors))
    axes.set_ylim(0, 1.15 * max(errors.max(), zero_error_px))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y")
    alt = (
        f"Epoch {epoch} of {len(errors) - 1}: a frame of {pixel_words((height, width))}, TV-L1 flow "
        f"({motion_words(wanted)}), exact flow ({motion_words(true)}) and predicted flow ({motion_words(found)}) on "
        f"one colour wheel that ends at {scale:g} px/frame; EPE {errors[epoch]:.2f} px, zero flow "
        f"{zero_error_px:.2f} px."
    )
    return Picture(figure, titled(title, alt))


@matplotlib.rc_context(STYLE)
def error_curves(
    errors_px: Mapping[str, Mapping[str, Sequence[float]]], *, zero_px: Mapping[str, float], title: str | None = None
) -> Picture:
    """Flow errors over training, one panel per set of pixels, each with the error of predicting no motion as a line.

    Args:
        errors_px: heading of a panel to model to its EPE after each epoch, in px.
        zero_px: heading to the EPE of zero flow over the same pixels.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ValueError: a panel without its zero-flow EPE, no epoch, or series of different lengths.
    """
    missing = [heading for heading in errors_px if heading not in zero_px]
    if missing:
        raise ValueError(f"zero_px has no value for {listed(missing)}; an EPE says little without that of zero flow")
    panels = [
        Panel(
            heading,
            "EPE (px)",
            {name: checked_series(f"{heading} {name}", values) for name, values in models.items()},
            line=(zero_px[heading], "zero flow"),
        )
        for heading, models in errors_px.items()
    ]
    figure, epochs = curve_panels("errors_px", panels, title)
    alt = f"Flow error over {epochs} epochs. " + " ".join(f"{panel_words(panel)}." for panel in panels)
    return Picture(figure, titled(title, alt))


@matplotlib.rc_context(STYLE)
def cosine_matrix(
    cosines: Array,
    names: Sequence[str],
    *,
    low: Array | None = None,
    high: Array | None = None,
    title: str | None = None,
) -> Picture:
    """Cosines between gradients of tasks as a matrix of colours and numbers, with their intervals if they have any.

    Args:
        cosines: (n n) in [-1, 1]; nan, drawn grey, where a gradient is zero.
        names: of the n tasks.
        low, high: (n n), ends of the intervals; nan where there is none.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: not as many names as rows, values outside [-1, 1], or one end of intervals without the
            other.

    >>> cosine_matrix([[1, -0.5], [-0.5, 1]], ["flow", "frame"]).alt
    'Cosine between gradients of tasks. flow and frame: -0.50.'
    """
    n = len(names)
    values = checked_tensor("cosines", cosines, "rows columns", {"rows": n, "columns": n}, nan=True).double().numpy()
    # Rounding may carry a cosine a little past its ends.
    if (np.abs(values) > 1 + 1e-6).any():
        raise ValueError(
            f"cosines has values from {np.nanmin(values):g} to {np.nanmax(values):g}; they should be in [-1, 1]"
        )
    if (low is None) != (high is None):
        raise ValueError("one end of the intervals came without the other; pass low and high, or neither")
    ends = [
        np.full((n, n), math.nan)
        if array is None
        else checked_tensor(name, array, "rows columns", {"rows": n, "columns": n}, nan=True).double().numpy()
        for name, array in (("low", low), ("high", high))
    ]
    cell, left, top = 1.25, text_in(names, 11) + 0.2, 0.2 + (TITLE_IN if title else 0)
    figure = Figure(figsize=(left + n * cell + 1.3, 0.45 + 0.72 * n * cell + top))
    if title:
        headline(figure, title)
    tall = 0.72 * n * cell
    axes = axes_at(figure, (left, 0.45, n * cell, tall))
    colours = matplotlib.colormaps["RdBu"].with_extremes(bad=UNKNOWN)
    image = axes.imshow(np.ma.masked_invalid(values), cmap=colours, vmin=-1, vmax=1, aspect="auto")
    axes.set_xticks(range(n), names)
    axes.set_yticks(range(n), names)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    words = []
    for row in range(n):
        for column in range(n):
            text = "none" if math.isnan(values[row, column]) else f"{values[row, column]:.2f}"
            interval = ""
            if row != column and not math.isnan(ends[0][row, column]):
                interval = f"[{ends[0][row, column]:.2f}, {ends[1][row, column]:.2f}]"
            dark = abs(np.nan_to_num(values[row, column])) > 0.6
            shown = f"{text}\n{interval}" if interval else text
            axes.text(column, row, shown, ha="center", va="center", fontsize=10, color="white" if dark else "black")
            if row < column:
                words.append(f"{names[row]} and {names[column]}: {text} {interval}".strip() + ".")
    bar = figure.colorbar(image, cax=axes_at(figure, (left + n * cell + 0.15, 0.45, 0.16, tall)))
    bar.set_label("cosine")
    bar.outline.set_visible(False)
    return Picture(figure, titled(title, "Cosine between gradients of tasks. " + " ".join(words)))


@matplotlib.rc_context(STYLE)
def weight_maps(
    maps: Mapping[str, Array],
    *,
    flow_weights: Sequence[float],
    frame_weights: Sequence[float],
    chosen: tuple[int, int],
    curves: Mapping[str, Mapping[str, Sequence[float]]],
    limits: Mapping[str, tuple[float, float]] | None = None,
    title: str | None = None,
) -> Picture:
    """What each pair of loss weights gave, one map per measure, above the curves of a chosen pair and its neighbours.

    Args:
        maps: measure with its unit to (rows columns): one row per flow weight, one column per frame weight.
        flow_weights: of the rows.
        frame_weights: of the columns.
        chosen: row and column of the pair that is outlined.
        curves: measure with its unit to trial to one value per epoch; the first trial is the chosen one.
        limits: measure to the ends of its scale, for figures that are compared; else they are those of the values.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: no map, maps of another shape than there are weights, a pair that is not there, or a
            measure without curves.
    """
    if not maps:
        raise ValueError("maps is empty; pass at least one measure")
    sizes = {"rows": len(flow_weights), "columns": len(frame_weights)}
    if not (0 <= chosen[0] < len(flow_weights) and 0 <= chosen[1] < len(frame_weights)):
        raise ValueError(
            f"chosen is row {chosen[0]}, column {chosen[1]}; there are {len(flow_weights)} flow weights and "
            f"{len(frame_weights)} frame weights"
        )
    without = [name for name, trials in curves.items() if not trials]
    if without:
        raise ValueError(f"{listed(without)} has no curve; pass at least that of the chosen trial")
    limits = limits or {}
    unknown = [name for name in limits if name not in maps and name not in curves]
    if unknown:
        raise ValueError(f"limits has {listed(unknown)}; the measures are {listed([*maps, *curves])}")
    count = max(len(maps), len(curves))
    wide, left, between = 2.35, 0.75, 0.72
    tall, curve, middle, bottom = 1.75, 1.6, 1.3, 0.62
    top = 0.4 + (TITLE_IN if title else 0)
    figure = Figure(figsize=(left + count * wide + (count - 1) * between + 0.25, bottom + curve + middle + tall + top))
    total = figure.get_size_inches()[1]
    if title:
        headline(figure, title)
    pair = f"flow weight {flow_weights[chosen[0]]:g}, frame weight {frame_weights[chosen[1]]:g}"
    words = []
    for index, (name, given) in enumerate(maps.items()):
        values = checked_tensor(f"map {name}", given, "rows columns", sizes).double().numpy()
        axes = axes_at(figure, (left + index * (wide + between), bottom + curve + middle, wide, tall))
        _draw_map(axes, values, flow_weights, frame_weights, chosen, limits.get(name, (values.min(), values.max())))
        axes.set_title(name)
        words.append(
            f"{name}: {values[chosen]:.3g} at the chosen pair, {values.min():.3g} to {values.max():.3g} over all pairs."
        )
    handles = {}
    for index, (name, trials) in enumerate(curves.items()):
        axes = axes_at(figure, (left + index * (wide + between), bottom, wide, curve))
        for at, (trial, given) in enumerate(trials.items()):
            values = checked_series(f"curve {name} {trial}", given)
            (handles[trial],) = axes.plot(
                np.arange(1, len(values) + 1),
                values,
                color=COLOURS[at % len(COLOURS)],
                linestyle=LINES[at % len(LINES)],
                linewidth=2.6 if at == 0 else 1.3,
                label=trial,
                # The chosen trial above its neighbours.
                zorder=3 if at == 0 else 2,
            )
        axes.set(xlabel="epoch", ylabel=name)
        if name in limits:
            axes.set_ylim(limits[name])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
        first = checked_series(f"curve {name}", next(iter(trials.values())))
        words.append(f"{name} of the chosen trial over epochs: from {first[0]:.3g} to {first[-1]:.3g}.")
    if handles:
        figure.legend(
            handles.values(),
            list(handles),
            loc="center",
            bbox_to_anchor=(0.5, (bottom + curve + 0.4) / total),
            ncols=3,
            fontsize=9.5,
        )
    alt = f"Trials by their loss weights; chosen is {pair}. " + " ".join(words)
    return Picture(figure, titled(title, alt))


def _draw_map(
    axes: Axes,
    values: np.ndarray,
    rows: Sequence[float],
    columns: Sequence[float],
    chosen: tuple[int, int],
    limits: tuple[float, float],
) -> None:
    """A grid of values with the chosen cell outlined; the first row stands lowest, as on an axis."""
    axes.imshow(values, cmap="cividis", aspect="auto", origin="lower", vmin=limits[0], vmax=limits[1])
    middle = sum(limits) / 2
    digits = 1 if np.abs(values).max() >= 10 else 2
    for row in range(len(rows)):
        for column in range(len(columns)):
            value = values[row, column]
            axes.text(
                column,
                row,
                f"{value:.{digits}f}",
                ha="center",
                va="center",
                fontsize=10,
                color="white" if value < middle else "black",
            )
    axes.add_patch(
        Rectangle(
            (chosen[1] - 0.5, chosen[0] - 0.5), 1, 1, fill=False, edgecolor=COLOURS[1], linewidth=3, clip_on=False
        )
    )
    axes.set_xticks(range(len(columns)), [f"{weight:g}" for weight in columns])
    axes.set_yticks(range(len(rows)), [f"{weight:g}" for weight in rows])
    axes.tick_params(length=0)
    axes.set(xlabel="frame weight", ylabel="flow weight")
    axes.spines[:].set_visible(False)


def _key(figure: Figure, axes: Axes, title: str | None) -> None:
    handles, names = axes.get_legend_handles_labels()
    y = 1 - (0.05 + (TITLE_IN if title else 0)) / figure.get_size_inches()[1]
    figure.legend(handles, names, loc="upper center", bbox_to_anchor=(0.5, y), ncols=min(len(names), 4))
