"""How well stated confidence holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from rev2net_lite.plots.drawing import COLOURS, axes_at, check_fractions, check_row, headline, titled
from rev2net_lite.plots.picture import STYLE, Picture

__all__ = ["CalibrationRow", "calibration"]


class CalibrationRow(TypedDict):
    """Predictions of one stated confidence: the share that came true and the ends of its 95 % interval, in [0, 1]."""

    label: str
    confidence: float
    share: float
    low: float | None
    high: float | None
    n: int


@matplotlib.rc_context(STYLE)
def calibration(rows: Sequence[CalibrationRow], *, title: str | None = None) -> Picture:
    """Stated confidence against the share of predictions that came true; on the diagonal they agree.

    Args:
        rows: one per group of predictions. Rows of one label have one colour and mark.
        title: stands above the figure.

    Returns:
        The picture: below the diagonal the reader was too sure, above it not sure enough.

    Raises:
        ValueError: no row, a missing entry, a confidence or share outside [0, 1], an interval that does not hold its
            share, or `n` below 1.

    >>> calibration([{"label": "ranges", "confidence": 0.8, "share": 0.5, "low": 0.2, "high": 0.8, "n": 8}]).alt[:57]
    'Stated confidence against the share that came true. range'
    """
    if not rows:
        raise ValueError("rows is empty; pass at least one row with label, confidence, share, low, high, n")
    for row in rows:
        check_row(row, ("label", "confidence", "share", "low", "high", "n"), "share")
        check_fractions(f"the row of {row['label']}", np.array([row["confidence"], row["share"]]))
    size, left, bottom, top = 3.6, 0.75, 0.7, 0.5 if title else 0.2
    figure = Figure(figsize=(left + size + 2.35, bottom + size + top))
    if title:
        headline(figure, title)
    axes = axes_at(figure, (left, bottom, size, size))
    axes.plot([0, 100], [0, 100], color="black", linestyle="--", linewidth=1, label="as sure as right")
    labels = list(dict.fromkeys(row["label"] for row in rows))
    for index, label in enumerate(labels):
        own = [row for row in rows if row["label"] == label]
        colour, mark = COLOURS[index % len(COLOURS)], "os^DvPX"[index % 7]
        for row in own:
            # Groups of two labels may have the same confidence: they stand side by side.
            x, y = 100 * row["confidence"] + 1.2 * index, 100 * row["share"]
            if row["low"] is not None and row["high"] is not None:
                ends = [[y - 100 * row["low"]], [100 * row["high"] - y]]
                axes.errorbar([x], [y], yerr=ends, color=colour, capsize=4, linewidth=2)
            right = index % 2 == 1 and x < 88
            axes.annotate(
                f"n = {row['n']}",
                (x, y),
                (7 if right else -7, 0),
                textcoords="offset points",
                ha="left" if right else "right",
                va="center",
                fontsize=9.5,
                bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
            )
        axes.plot(
            [100 * row["confidence"] + 1.2 * index for row in own],
            [100 * row["share"] for row in own],
            color=colour,
            marker=mark,
            markersize=8,
            linestyle="none",
            clip_on=False,
            zorder=3,
            label=label,
        )
    axes.text(97, 4, "too sure", ha="right", va="bottom", fontsize=10, color="#555555")
    axes.text(3, 97, "not sure enough", ha="left", va="top", fontsize=10, color="#555555")
    axes.set(
        xlim=(0, 100),
        ylim=(0, 100),
        xticks=range(0, 101, 20),
        yticks=range(0, 101, 20),
        xlabel="stated confidence (%)",
        ylabel="came true (%)",
    )
    axes.grid(True)
    axes.set_axisbelow(True)
    axes.legend(loc="upper left", bbox_to_anchor=(1.04, 1.0), borderaxespad=0)
    alt = "Stated confidence against the share that came true."
    for row in rows:
        ends_words = ""
        if row["low"] is not None and row["high"] is not None:
            ends_words = f"{100 * row['low']:.0f} to {100 * row['high']:.0f} %, "
        alt += (
            f" {row['label']}: {100 * row['confidence']:.0f} % stated, {100 * row['share']:.0f} % came true "
            f"({ends_words}n = {row['n']})."
        )
    return Picture(figure, titled(title, alt))
