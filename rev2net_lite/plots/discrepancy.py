"""The decoding discrepancy: what moves it, what agreement costs, and how features collapse."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypedDict

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, NullFormatter, NullLocator

from rev2net_lite.plots.drawing import (
    COLOURS,
    LINES,
    MARKERS,
    TITLE_IN,
    UNKNOWN,
    Array,
    axes_at,
    check_fractions,
    check_row,
    checked_series,
    checked_tensor,
    headline,
    interval_ends,
    titled,
)
from rev2net_lite.plots.picture import STYLE, Picture
from rev2net_lite.plots.results import AccuracyRow

__all__ = [
    "PenaltyCurves",
    "PriceRow",
    "curves_over",
    "feature_pairs",
    "penalty_over_training",
    "penalty_price",
]


class PenaltyCurves(TypedDict):
    """One training run, a value per epoch: the discrepancy, linear CKA by stage, EPE in px, PSNR in dB, accuracy."""

    discrepancy: Sequence[float]
    cka: Sequence[Sequence[float]]
    flow_error_px: Sequence[float]
    psnr_db: Sequence[float]
    accuracy: Sequence[float]


class PriceRow(TypedDict):
    """A trained system at one weight of the penalty: CKA in [0, 1], EPE in px, PSNR in dB, accuracy with its ends."""

    label: str
    weight: float
    cka: float
    flow_error_px: float
    psnr_db: float
    accuracy: float
    low: float
    high: float
    n: int


@matplotlib.rc_context(STYLE)
def curves_over(
    x: Sequence[float],
    panels: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    x_label: str,
    log_x: bool = False,
    log_y: Collection[str] = (),
    title: str | None = None,
) -> Picture:
    """Panels of named curves over one axis, with one key for all.

    Args:
        x: place of each value, increasing.
        panels: curves by panel and name; the panel's name, with its unit, labels its axis.
        x_label: of the axis below, with its unit.
        log_x: a logarithmic axis below.
        log_y: panels with a logarithmic axis of their own.
        title: stands above the figure.

    Raises:
        ValueError: no panel, a curve of another length than `x`, values that are not finite, or values that a
            logarithmic axis cannot hold.

    >>> curves_over([0, 100], {"loss": {"a": [2.0, 1.0]}}, x_label="step").alt
    'loss over step 0 to 100: a from 2 to 1.'
    """
    places = checked_series("x", x)
    if not panels or not all(panels.values()):
        raise ValueError("there is nothing to draw; pass at least one panel with at least one curve")
    series = {
        heading: {name: checked_series(f"{heading} {name}", values) for name, values in curves.items()}
        for heading, curves in panels.items()
    }
    for heading, curves in series.items():
        for name, values in curves.items():
            if len(values) != len(places):
                raise ValueError(f"curve {name!r} of {heading!r} has {len(values)} values for {len(places)} places")
            if heading in log_y and values.min() <= 0:
                raise ValueError(
                    f"curve {name!r} of {heading!r} has the value {values.min():g}; a logarithmic axis holds positive "
                    "ones only: add a small number, or leave the panel out of log_y"
                )
    if log_x and places.min() <= 0:
        raise ValueError(f"x has the value {places.min():g}; a logarithmic axis holds positive ones only")
    names = list(dict.fromkeys(name for curves in series.values() for name in curves))
    figure, boxes = _panels(len(series), title, keyed=len(names) > 1)
    handles: dict[str, Any] = {}
    for axes, (heading, curves) in zip(boxes, series.items(), strict=True):
        for name, values in curves.items():
            at = names.index(name)
            (handles[name],) = axes.plot(places, values, label=name, markevery=max(1, len(places) // 10), **_look(at))
        if heading in log_y:
            axes.set_yscale("log")
            axes.yaxis.set_minor_formatter(NullFormatter())
        elif all(values.min() >= 0 for values in curves.values()):
            axes.set_ylim(0, 1.1 * max(values.max() for values in curves.values()) or 1.0)
        if log_x:
            axes.set_xscale("log", base=2)
            axes.set_xticks(places, [f"{place:g}" for place in places])
            axes.xaxis.set_minor_locator(NullLocator())
        axes.set(xlabel=x_label)
        axes.set_title(heading)
        axes.grid(axis="y")
    _key(figure, handles, title)
    words = [
        f"{heading} over {x_label} {places[0]:g} to {places[-1]:g}: "
        + ", ".join(f"{name} from {v[0]:.3g} to {v[-1]:.3g}" for name, v in curves.items())
        + "."
        for heading, curves in series.items()
    ]
    return Picture(figure, titled(title, " ".join(words)))


@matplotlib.rc_context(STYLE)
def feature_pairs(flow_features: Array, frame_features: Array, *, limit: float, title: str | None = None) -> Picture:
    """Features of two decoders with two channels: a point each for every clip, joined by a line.

    The lines are the disagreement; how far the points of one colour lie apart is what that decoder still says.

    Args:
        flow_features: `(n 2)`.
        frame_features: `(n 2)`.
        limit: both axes run from minus this to this; the same in all pictures that are compared.
        title: stands above the figure.

    Raises:
        ShapeError: other shapes.
        ValueError: values that are not finite, or a limit that is not positive.
    """
    x = checked_tensor("flow_features", flow_features, "n 2").double().numpy()
    y = checked_tensor("frame_features", frame_features, "n 2", {"n": len(x)}).double().numpy()
    if not 0 < limit < float("inf"):
        raise ValueError(f"limit is {limit}; expected a positive number, the end of both axes")
    size, left, bottom = 3.4, 0.75, 0.65
    top = 0.5 + (TITLE_IN if title else 0)
    figure = Figure(figsize=(left + size + 0.3, bottom + size + top))
    if title:
        headline(figure, title)
    axes = axes_at(figure, (left, bottom, size, size))
    axes.plot(np.stack([x[:, 0], y[:, 0]]), np.stack([x[:, 1], y[:, 1]]), color="#b0b0b0", linewidth=0.6, zorder=1)
    handles = {}
    for at, (name, points) in enumerate((("flow map", x), ("frame map", y))):
        (handles[name],) = axes.plot(*points.T, label=name, **(_look(at) | {"linestyle": "none", "markersize": 5}))
    axes.axhline(0, color="#dddddd", zorder=0)
    axes.axvline(0, color="#dddddd", zorder=0)
    axes.set(xlim=(-limit, limit), ylim=(-limit, limit), xlabel="channel 0", ylabel="channel 1")
    _key(figure, handles, title)
    spread = [np.sqrt(points.var(axis=0).sum()) for points in (x, y)]
    apart = np.hypot(*(x - y).T).mean()
    alt = (
        f"Features of {len(x)} clips. Spread of the flow map's {spread[0]:.2f}, of the frame map's {spread[1]:.2f}; "
        f"mean distance within a pair {apart:.2f}."
    )
    return Picture(figure, titled(title, alt))


@matplotlib.rc_context(STYLE)
def penalty_over_training(
    curves: PenaltyCurves,
    *,
    reference: PenaltyCurves,
    epoch: int,
    zero_flow_error_px: float,
    tests: Sequence[AccuracyRow],
    among: Sequence[PenaltyCurves] = (),
    names: tuple[str, str] = ("this run", "no penalty"),
    title: str | None = None,
) -> Picture:
    """A run up to an epoch, another one in black to compare it with, and what both reach in the tests.

    Args:
        curves: of the run; what comes after `epoch` is drawn pale. A CKA is nan where features are constant.
        reference: of the other run, as a rule the one without the penalty.
        epoch: from 0, before training, to the number of epochs.
        zero_flow_error_px: EPE of predicting no motion.
        tests: accuracy after the last epoch, one row per model and split.
        among: runs that are looked at beside this one: the scales hold them all.
        names: of the run and of the reference.
        title: stands above the figure.

    Raises:
        ValueError: curves of different lengths or stages, an epoch that is not there, values that are not finite, a
            CKA or accuracy outside [0, 1], or a row of `tests` that is not whole.
    """
    runs = [_checked_run(run) for run in (curves, reference, *among)]
    own, other = runs[:2]
    epochs, stages = len(own["discrepancy"]), len([key for key in own if key.startswith("cka")])
    if any({len(values) for values in run.values()} != {epochs} or run.keys() != own.keys() for run in runs):
        raise ValueError(
            f"the runs have curves of {sorted({len(v) for run in runs for v in run.values()})} epochs and "
            f"{sorted({len(run) - 4 for run in runs})} stages; expected the same numbers in all"
        )
    if not 0 <= epoch <= epochs:
        raise ValueError(f"epoch is {epoch}; expected 0, before training, to {epochs}")
    for row in tests:
        check_row(row, ("model", "split", "mean", "low", "high", "n"), "mean")
    panels = (
        ("discrepancy", "discrepancy of the decoders", ("discrepancy",)),
        ("linear CKA", "linear CKA of the decoders", tuple(f"cka {stage}" for stage in range(stages))),
        ("EPE (px)", "flow error", ("flow error",)),
        ("PSNR (dB)", "frame quality", ("psnr",)),
        ("accuracy (%)", "accuracy, validation", ("accuracy",)),
    )
    figure, boxes = _panels(6, title, keyed=True)
    when = np.arange(1, epochs + 1)
    words = []
    for axes, (unit, heading, keys) in zip(boxes, panels, strict=False):
        held = np.concatenate([run[key] for run in runs for key in keys])
        said = []
        for stage, key in enumerate(keys):
            style: dict[str, Any] = {"linestyle": _LINES[stage], "linewidth": 1.6}
            suffix = f", {_stage(stage, stages)}" if len(keys) > 1 else ""
            axes.plot(when, other[key], color="black", alpha=0.75, **(style | {"linewidth": 1.1}))
            axes.plot(when, own[key], color=COLOURS[0], alpha=0.25, **style)
            axes.plot(when[:epoch], own[key][:epoch], color=COLOURS[0], marker="o", markersize=4, **style)
            now = f"{own[key][epoch - 1]:.3g}" if epoch else "not measured yet"
            said.append(f"{now}{suffix} ({names[1]} at the end {other[key][-1]:.3g})")
        if unit == "discrepancy":
            axes.set_yscale("log")
            axes.yaxis.set_minor_formatter(NullFormatter())
            axes.set_ylim(0.6 * held.min(), 1.6 * held.max())
        elif unit == "PSNR (dB)":
            axes.set_ylim(held.min() - 1, held.max() + 1)
        else:
            top = {"linear CKA": 1.0, "accuracy (%)": 100.0}.get(unit, max(held.max(), zero_flow_error_px))
            axes.set_ylim(0, 1.06 * top)
        if unit == "EPE (px)":
            axes.axhline(zero_flow_error_px, color=COLOURS[1], linestyle=":", linewidth=1.4)
            axes.text(epochs, zero_flow_error_px, "zero flow", ha="right", va="bottom", fontsize=9.5)
            said.append(f"zero flow {zero_flow_error_px:.3g}")
        axes.set(xlim=(0.5, epochs + 0.5), xlabel="epoch", ylabel=unit)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_title(heading)
        axes.grid(axis="y")
        words.append(f"{heading} in {unit}: {', '.join(said)}.")
    words.append(_draw_tests(boxes[5], tests))
    handles: dict[str, Any] = {
        names[0]: Line2D([], [], color=COLOURS[0], marker="o", markersize=4),
        names[1]: Line2D([], [], color="black"),
    }
    if stages > 1:
        handles |= {
            _stage(stage, stages): Line2D([], [], color=UNKNOWN, linestyle=_LINES[stage]) for stage in range(stages)
        }
    _key(figure, handles, title)
    return Picture(figure, titled(title, f"Epoch {epoch} of {epochs}. {' '.join(words)}"))


@matplotlib.rc_context(STYLE)
def penalty_price(
    rows: Sequence[PriceRow], *, reference: PriceRow, zero_flow_error_px: float, title: str | None = None
) -> Picture:
    """Agreement of the decoders by the penalty's weight, and beside it what agreement costs.

    Args:
        rows: one per label and weight; rows of one label are joined.
        reference: the run without the penalty, drawn as a line across; the band is its interval of accuracy.
        zero_flow_error_px: EPE of predicting no motion.
        title: stands above the figure.

    Raises:
        ValueError: no row, a missing entry, an interval that does not hold its accuracy, a weight that is not positive,
            or a fraction outside [0, 1].
    """
    if not rows:
        raise ValueError("rows is empty; pass at least one row, at one weight of the penalty")
    for row in (reference, *rows):
        check_row(row, ("label", *list(PriceRow.__annotations__)[1:]), "accuracy")
        check_fractions(f"the row of {row['label']}", np.array([row["cka"], row["accuracy"], row["low"], row["high"]]))
    weights = sorted({row["weight"] for row in rows})
    if weights[0] <= 0:
        raise ValueError(f"a row has weight {weights[0]:g}; expected a positive one: 0 is the reference")
    labels = list(dict.fromkeys(row["label"] for row in rows))
    panels = (
        ("linear CKA", "agreement of the decoders", "cka", 1.0),
        ("EPE (px)", "flow error", "flow_error_px", 1.0),
        ("PSNR (dB)", "frame quality", "psnr_db", 1.0),
        ("accuracy (%)", "accuracy", "accuracy", 100.0),
    )
    figure, boxes = _panels(4, title, keyed=True)
    handles: dict[str, Any] = {}
    for axes, (unit, heading, entry, factor) in zip(boxes, panels, strict=True):
        base = factor * float(reference[entry])  # type: ignore[literal-required]
        handles[reference["label"]] = axes.axhline(base, color="black", linewidth=1.2)
        values = [base]
        for at, label in enumerate(labels):
            own = sorted((row for row in rows if row["label"] == label), key=lambda row: row["weight"])
            # Beside each other, so that intervals can be told apart.
            place = np.array([weights.index(row["weight"]) for row in own]) + 0.09 * (at - (len(labels) - 1) / 2)
            series = factor * np.array([float(row[entry]) for row in own])  # type: ignore[literal-required]
            values += series.tolist()
            (handles[label],) = axes.plot(place, series, label=label, **(_look(at) | {"markersize": 6}))
            if entry == "accuracy":
                low, high = (factor * np.array([row[end] for row in own]) for end in ("low", "high"))
                axes.errorbar(
                    place, series, yerr=[series - low, high - series], fmt="none", color=COLOURS[at], capsize=3
                )
        if entry == "accuracy":
            axes.axhspan(factor * reference["low"], factor * reference["high"], color="#e4e4e4", zorder=0)
        if entry == "flow_error_px":
            axes.axhline(zero_flow_error_px, color="black", linestyle=":", linewidth=1.2)
            axes.text(len(weights) - 0.5, zero_flow_error_px, "zero flow", ha="right", va="bottom", fontsize=9.5)
            values.append(zero_flow_error_px)
        if entry == "psnr_db":
            axes.set_ylim(min(values) - 1, max(values) + 1)
        else:
            axes.set_ylim(0, {"linear CKA": 1.05, "accuracy (%)": 105.0}.get(unit, 1.15 * max(values)))
        axes.set(xlim=(-0.5, len(weights) - 0.5), xlabel="weight of the penalty", ylabel=unit)
        axes.set_xticks(range(len(weights)), [f"{weight:g}" for weight in weights])
        axes.set_title(heading)
        axes.grid(axis="y")
    _key(figure, handles, title)
    words = [
        f"{row['label']}, weight {row['weight']:g}: CKA {row['cka']:.2f}, EPE "
        f"{row['flow_error_px']:.3f} px, PSNR {row['psnr_db']:.1f} dB, accuracy {100 * row['accuracy']:.1f} % "
        f"({100 * row['low']:.1f} to {100 * row['high']:.1f}, n = {row['n']})."
        for row in (reference, *rows)
    ]
    return Picture(figure, titled(title, f"{' '.join(words)} Zero flow: EPE {zero_flow_error_px:.3f} px."))


_LINES: tuple[Any, ...] = LINES


def _stage(stage: int, stages: int) -> str:
    return {0: "coarse stage", stages - 1: "fine stage"}.get(stage, f"stage {stage}")


def _look(at: int) -> dict[str, Any]:
    return {
        "color": COLOURS[at % len(COLOURS)],
        "linestyle": _LINES[at % len(_LINES)],
        "marker": MARKERS[at % len(MARKERS)],
        "markersize": 4,
        "linewidth": 1.6,
    }


def _panels(count: int, title: str | None, *, keyed: bool) -> tuple[Figure, list[Axes]]:
    """Axes of one size, at most three in a row."""
    columns = 2 if count in (2, 4) else min(count, 3)
    lines = -(-count // columns)
    wide, tall, left, between, below = (4.5, 3.3, 2.35)[columns - 1], 1.75, 0.75, 0.72, 1.0
    top = 0.42 + (TITLE_IN if title else 0) + (0.34 if keyed else 0)
    figure = Figure(
        figsize=(left + columns * wide + (columns - 1) * between + 0.25, lines * (tall + below) - below + 0.62 + top)
    )
    total = figure.get_size_inches()[1]
    if title:
        headline(figure, title)
    places = [divmod(index, columns) for index in range(count)]
    return figure, [
        axes_at(figure, (left + column * (wide + between), total - top - tall - line * (tall + below), wide, tall))
        for line, column in places
    ]


def _key(figure: Figure, handles: Mapping[str, Any], title: str | None) -> None:
    if len(handles) < 2:
        return
    y = 1 - (0.05 + (TITLE_IN if title else 0)) / figure.get_size_inches()[1]
    figure.legend(
        list(handles.values()),
        list(handles),
        loc="upper center",
        bbox_to_anchor=(0.5, y),
        ncols=len(handles),
        columnspacing=1.3,
        handlelength=2.2,
    )


def _checked_run(run: PenaltyCurves) -> dict[str, np.ndarray]:
    """The curves of a run by name, accuracy in %."""
    cka = {f"cka {stage}": values for stage, values in enumerate(run["cka"])}
    series = {"discrepancy": run["discrepancy"], "flow error": run["flow_error_px"], "psnr": run["psnr_db"]}
    series |= cka | {"accuracy": run["accuracy"]}
    checked = {name: checked_series(name, values, nan=name in cka) for name, values in series.items()}
    for name in (*cka, "accuracy"):
        if not np.isnan(checked[name]).all():
            check_fractions(name, checked[name])
    if checked["discrepancy"].min() <= 0:
        raise ValueError(
            f"a discrepancy is {checked['discrepancy'].min():g}; the axis is logarithmic: expected above 0"
        )
    return checked | {"accuracy": 100 * checked["accuracy"]}


def _draw_tests(axes: Axes, tests: Iterable[AccuracyRow]) -> str:
    """Accuracy with its interval by split, models beside each other; what they show in words."""
    rows = list(tests)
    splits, models = (list(dict.fromkeys(row[key] for row in rows)) for key in ("split", "model"))
    words = []
    for row in rows:
        at = models.index(row["model"])
        place = splits.index(row["split"]) + 0.22 * (at - (len(models) - 1) / 2)
        mean, ends, said = 100 * row["mean"], interval_ends(row, 100.0), f"n = {row['n']}"
        colour = (COLOURS[0], "#404040")[at % 2]
        if ends:
            axes.errorbar([place], [mean], yerr=[[mean - ends[0]], [ends[1] - mean]], color=colour, capsize=3)
            said = f"{ends[0]:.1f} to {ends[1]:.1f}, {said}"
        axes.plot([place], [mean], color=colour, marker=MARKERS[at % len(MARKERS)], markersize=6, clip_on=False)
        words.append(f"{row['model']} in {row['split']} {mean:.1f} % ({said})")
    axes.set(xlim=(-0.5, len(splits) - 0.5), ylim=(0, 106), ylabel="accuracy (%)", xlabel="test, after training")
    axes.set_xticks(range(len(splits)), splits)
    axes.set_title("accuracy, tests")
    axes.grid(axis="y")
    return f"Tests after training: {', '.join(words)}."
