"""Predictions, accuracies and their differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from rev2net_lite.plots.drawing import (
    COLOURS,
    HATCHES,
    UNKNOWN,
    Array,
    axes_at,
    chart,
    check_classes,
    check_fractions,
    check_row,
    checked_tensor,
    draw_dot,
    draw_legend,
    headline,
    interval_ends,
    listed,
    text_in,
    titled,
)
from rev2net_lite.plots.picture import STYLE, Picture

__all__ = [
    "AccuracyRow",
    "DifferenceRow",
    "accuracy_intervals",
    "confusion_matrix",
    "paired_differences",
    "prediction_bars",
]


class AccuracyRow(TypedDict):
    """One row of the results table: an accuracy as a fraction in [0, 1] and the ends of its 95 % interval.

    `low` and `high` are None where `n` is too small for an interval.
    """

    model: str
    split: str
    mean: float
    low: float | None
    high: float | None
    n: int


class DifferenceRow(TypedDict):
    """One paired difference, the ends of its 95 % interval (None where `n` is too small) and the number of pairs."""

    label: str
    difference: float
    low: float | None
    high: float | None
    n: int


@matplotlib.rc_context(STYLE)
def prediction_bars(
    probabilities: Array | Mapping[str, Array],
    classes: Sequence[str],
    *,
    truth: str | None = None,
    top: int = 8,
    title: str | None = None,
) -> Picture:
    """The most probable classes of one clip as bars, for one model or several.

    Args:
        probabilities: (k) in [0, 1] with sum 1, or such arrays by model.
        classes: the k names.
        truth: name of the true class; it is marked, and shown even if it is not among the most probable.
        top: this many classes are shown, most probable first (by the first model).
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: no model, not probabilities, another number of them than classes, an unknown `truth`, or
            `top` below 1.

    >>> prediction_bars([0.25, 0.75], ["rise", "fall"], truth="fall").alt
    'Class probabilities of one clip. Prediction: fall 75.0 %, rise 25.0 %; the true class is fall.'
    """
    given = probabilities if isinstance(probabilities, Mapping) else {"": probabilities}
    if not given:
        raise ValueError("probabilities is empty; pass those of at least one model")
    check_classes(classes)
    if truth is not None and truth not in classes:
        raise ValueError(f"truth is {truth!r}; the classes are {listed(classes)}")
    if top < 1:
        raise ValueError(f"top is {top}; it should be at least 1")
    models = {}
    for name, values in given.items():
        tensor = checked_tensor(f"probabilities {name}".strip(), values, "k", {"k": len(classes)}).double()
        if tensor.min() < 0 or abs(tensor.sum().item() - 1) > 0.01:
            raise ValueError(
                f"probabilities {name}".strip() + f" run from {tensor.min():.3g} to {tensor.max():.3g} with sum "
                f"{tensor.sum():.3g}; they should be 0 or more with sum 1: apply softmax to logits"
            )
        models[name] = tensor.numpy()
    order = np.argsort(-next(iter(models.values())), kind="stable")[:top].tolist()
    if truth is not None and classes.index(truth) not in order:
        order = [*order[: top - 1], classes.index(truth)]
    thick = 0.8 / len(models)
    tall = max(1.0, len(order) * max(0.34, 0.23 * len(models)))
    figure, axes = chart(7.0, tall, left=text_in(classes, 11) + 0.7, legend=len(models) > 1, title=title)
    for index, (name, values) in enumerate(models.items()):
        rows = [place + (index - (len(models) - 1) / 2) * thick for place in range(len(order))]
        axes.barh(
            rows,
            [100 * values[k] for k in order],
            height=thick * 0.9,
            color=COLOURS[index % len(COLOURS)],
            hatch=HATCHES[index % len(HATCHES)],
            edgecolor="white",
            label=name,
        )
        for row, k in zip(rows, order, strict=True):
            axes.text(100 * values[k] + 1, row, f"{100 * values[k]:.1f}", va="center", fontsize=10)
    axes.set_yticks(range(len(order)), [f"{classes[k]} (true)" if classes[k] == truth else classes[k] for k in order])
    for label, k in zip(axes.get_yticklabels(), order, strict=True):
        label.set_fontweight("bold" if classes[k] == truth else "normal")
    axes.set(
        ylim=(len(order) - 0.4, -0.6), xlim=(0, 112), xticks=range(0, 101, 20), xlabel="probability (%)", ylabel="class"
    )
    if len(models) > 1:
        draw_legend(figure, axes, title)
    alt = "Class probabilities of one clip."
    for name, values in models.items():
        best = np.argsort(-values, kind="stable")[:3]
        alt += f" {name or 'Prediction'}: " + ", ".join(f"{classes[k]} {100 * values[k]:.1f} %" for k in best) + "."
    return Picture(figure, titled(title, alt if truth is None else f"{alt[:-1]}; the true class is {truth}."))


@matplotlib.rc_context(STYLE)
def confusion_matrix(counts: Array, classes: Sequence[str], *, title: str | None = None) -> Picture:
    """Which class was taken for which: counts written, rows coloured by their share.

    Args:
        counts: (k k) numbers of clips, rows = true class, columns = predicted class.
        classes: the k names.
        title: stands above the figure.

    Returns:
        The picture; a class without clips has a grey row.

    Raises:
        ShapeError, ValueError: not square, another size than the classes, or values that are no counts.

    >>> confusion_matrix([[3, 1], [0, 4]], ["rise", "fall"]).alt[:56]
    'Confusion matrix of 2 classes, 8 clips, 87.5 % of them r'
    """
    check_classes(classes)
    table = checked_tensor("counts", counts, "k k", {"k": len(classes)}).double().numpy()
    if (table < 0).any() or (table != table.round()).any() or not table.sum():
        raise ValueError(
            "counts are not numbers of clips; pass whole numbers of 0 or more, not all 0, before normalising"
        )
    totals = table.sum(axis=1, keepdims=True)
    share = np.divide(100 * table, totals, out=np.full_like(table, np.nan), where=totals > 0)
    k = len(classes)
    cell = max(0.16, min(0.62, 6.0 / k))
    size, names = k * cell, text_in(classes, 10)
    top = 0.5 if title else 0.2
    figure = Figure(figsize=(names + 0.5 + size + 1.15, names * 0.66 + 0.5 + size + top))
    axes = axes_at(figure, (names + 0.5, names * 0.66 + 0.5, size, size))
    colours = matplotlib.colormaps["Blues"].with_extremes(bad=UNKNOWN)
    image = axes.imshow(np.ma.masked_invalid(share), cmap=colours, vmin=0, vmax=100)
    bar = figure.colorbar(image, cax=axes_at(figure, (names + 0.5 + size + 0.15, names * 0.66 + 0.5, 0.18, size)))
    bar.set_label("share of the true class (%)")
    bar.outline.set_visible(False)
    for row in range(k):
        if not totals[row]:
            axes.text((k - 1) / 2, row, "no clips", ha="center", va="center", fontsize=min(10, cell * 45))
    for row, column in np.ndindex(k, k) if cell >= 0.3 else ():
        if totals[row]:
            colour = "white" if share[row, column] > 55 else "#333333" if table[row, column] else "#8a8a8a"
            number, points = f"{table[row, column]:.0f}", min(11, cell * 22)
            axes.text(column, row, number, ha="center", va="center", fontsize=points, color=colour)
    font = max(5.0, min(10.0, cell * 45))
    axes.set_xticks(range(k), classes, rotation=45, ha="right", rotation_mode="anchor", fontsize=font)
    axes.set_yticks(range(k), classes, fontsize=font)
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if title:
        headline(figure, title)
    right = np.diag(table).sum()
    alt = f"Confusion matrix of {k} classes, {table.sum():.0f} clips, {100 * right / table.sum():.1f} % of them right."
    recall = [(share[i, i], classes[i]) for i in range(k) if totals[i] > 0]
    best, worst = max(recall, key=lambda pair: pair[0]), min(recall, key=lambda pair: pair[0])
    alt += f" Best class: {best[1]} ({best[0]:.0f} %); worst: {worst[1]} ({worst[0]:.0f} %)."
    wrong = table - np.diag(np.diag(table))
    if wrong.any():
        i, j = divmod(int(wrong.argmax()), k)
        alt += (
            f" Most often confused: {classes[i]} taken for {classes[j]}, {wrong[i, j]:.0f} of {totals[i, 0]:.0f} clips."
        )
    return Picture(figure, titled(title, alt))


@matplotlib.rc_context(STYLE)
def accuracy_intervals(
    rows: Sequence[AccuracyRow], *, chance: float | None = None, n_of: str = "clips", title: str | None = None
) -> Picture:
    """Accuracies with their 95 % intervals: one panel per split, one line per model, all on one scale.

    Args:
        rows: the results table; models and splits are drawn in the order in which they first appear.
        chance: accuracy of guessing, drawn as a dashed line.
        n_of: what `n` counts: "clips" or "seeds".
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ValueError: no row, the same model and split twice, a missing entry, an accuracy outside [0, 1], an
            interval that does not hold its mean, or `n` below 1.
    """
    if not rows:
        raise ValueError("rows is empty; pass at least one row with model, split, mean, low, high, n")
    table: dict[tuple[str, str], AccuracyRow] = {}
    for row in rows:
        check_row(row, ("model", "split", "mean", "low", "high", "n"), "mean")
        check_fractions(f"the row of {row['model']}, {row['split']}", np.array([row["mean"]]))
        if (row["model"], row["split"]) in table:
            raise ValueError(f"{row['model']} on {row['split']} stands in rows twice; pass one row for each")
        table[row["model"], row["split"]] = row
    if chance is not None:
        check_fractions("chance", np.array([chance]))
    models, splits = list(dict.fromkeys(m for m, _ in table)), list(dict.fromkeys(s for _, s in table))
    names, gap, bottom = text_in(models, 11) + 0.45, 0.3, 0.7
    wide = min(3.6, max(1.9, (9.5 - names) / len(splits) - gap))
    tall, top = 0.42 * len(models) + 0.25, 0.9 if title else 0.55
    figure = Figure(figsize=(names + len(splits) * (wide + gap), bottom + tall + top))
    for column, split in enumerate(splits):
        axes = axes_at(figure, (names + column * (wide + gap), bottom, wide, tall))
        for place, model in enumerate(models):
            if (model, split) not in table:
                axes.text(50, place, "not measured", ha="center", va="center", fontsize=10, color="#666666")
                continue
            row = table[model, split]
            value = 100 * row["mean"]
            draw_dot(axes, value, interval_ends(row, 100), place, place)
            # Above the dot: beside it the figure would stand on a neighbour's interval or leave the panel.
            axes.text(min(max(value, 6), 94), place - 0.2, f"{value:.1f}", ha="center", va="bottom", fontsize=10)
        if chance is not None:
            axes.axvline(100 * chance, color="black", linestyle="--", linewidth=1)
            if column == 0:
                axes.text(100 * chance + 1.5, len(models) - 0.52, "chance", fontsize=9.5, va="bottom")
        sizes = list(dict.fromkeys(row["n"] for (_, s), row in table.items() if s == split))
        counted = f"{sizes[0]:,}" if len(sizes) == 1 else f"{min(sizes):,} to {max(sizes):,}"
        axes.set_title(f"{split}\nn = {counted} {n_of}", fontsize=11)
        axes.set(xlim=(0, 100), ylim=(len(models) - 0.5, -0.75), xlabel="accuracy (%)", xticks=range(0, 101, 25))
        axes.set_yticks(range(len(models)), models if column == 0 else [""] * len(models))
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        axes.set_axisbelow(True)
        axes.spines["left"].set_visible(False)
    if title:
        headline(figure, title)
    alt = "Accuracy with 95 % interval."
    for split in splits:
        found = []
        for model in models:
            if (model, split) in table:
                row = table[model, split]
                ends = interval_ends(row, 100)
                between = f"{ends[0]:.1f} to {ends[1]:.1f}" if ends else "no interval"
                found.append(f"{model} {100 * row['mean']:.1f} % ({between}, n = {row['n']} {n_of})")
        alt += f" {split}: {'; '.join(found)}."
    return Picture(figure, titled(title, alt if chance is None else f"{alt} Chance is {100 * chance:.1f} %."))


@matplotlib.rc_context(STYLE)
def paired_differences(
    rows: Sequence[DifferenceRow], *, unit: str | None = None, n_of: str = "seeds", title: str | None = None
) -> Picture:
    """Paired differences with their 95 % intervals and a line at 0: an interval that crosses it decides nothing.

    Args:
        rows: differences, drawn from top to bottom.
        unit: their unit; None says they are differences of accuracies (fractions) and shows percentage points.
        n_of: what `n` counts.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ValueError: no row, a missing entry, values that are not finite, an interval that does not hold its difference,
            `n` below 1, or a difference of accuracies outside [-1, 1].
    """
    if not rows:
        raise ValueError("rows is empty; pass at least one row with label, difference, low, high, n")
    factor, shown = (100.0, "percentage points") if unit is None else (1.0, unit)
    values = []
    for row in rows:
        check_row(row, ("label", "difference", "low", "high", "n"), "difference")
        if unit is None and abs(row["difference"]) > 1:
            raise ValueError(
                f"the difference of {row['label']} is {row['difference']:g}; without a unit it is one of accuracies, "
                "fractions in [-1, 1]: divide by 100, or name the unit"
            )
        values.append((factor * row["difference"], interval_ends(row, factor)))
    labels = [f"{row['label']}\nn = {row['n']} {n_of}" for row in rows]
    tall = 0.55 * len(rows) + 0.25
    figure, axes = chart(
        7.5,
        tall,
        left=text_in([part for label in labels for part in label.split("\n")], 10.5) + 0.2,
        bottom=0.85,
        title=title,
    )
    reach = 1.15 * max(max(abs(v) for v in (value, *(ends or ()))) for value, ends in values) or 1.0
    axes.axvline(0, color="black", linewidth=1)
    for place, (value, ends) in enumerate(values):
        draw_dot(axes, value, ends, place, 0, hollow=ends is None or ends[0] <= 0 <= ends[1])
        number = axes.text(
            value, place - 0.17, f"{value:+.3g}".replace("-", "−"), ha="center", va="bottom", fontsize=10
        )
        number.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.5})
    axes.set_yticks(range(len(rows)), labels, fontsize=10.5)
    axes.set(
        xlim=(-reach, reach),
        ylim=(len(rows) - 0.5, -0.75),
        xlabel=f"difference ({shown})\nhollow: 0 is not excluded",
    )
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    alt = f"Paired differences in {shown} with 95 % interval."
    for row, (value, ends) in zip(rows, values, strict=True):
        verdict = "no interval"
        if ends:
            verdict = "the interval holds 0" if ends[0] <= 0 <= ends[1] else ("above 0" if value > 0 else "below 0")
        between = f"{ends[0]:+.3g} to {ends[1]:+.3g}, " if ends else ""
        alt += f" {row['label']}: {value:+.3g} ({between}n = {row['n']} {n_of}), {verdict}."
    return Picture(figure, titled(title, alt))
