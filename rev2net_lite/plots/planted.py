"""What is seen of a training run in the planted-bug lab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rev2net_lite.plots.drawing import (
    COLOURS,
    LINES,
    MARKERS,
    TITLE_IN,
    Panel,
    axes_at,
    checked_series,
    headline,
    listed,
    panel_words,
    titled,
)
from rev2net_lite.plots.picture import STYLE, Picture

__all__ = ["run_curves"]

# Heading and unit of each panel, and the curves of a run that it shows under a shorter name.
_PANELS: tuple[tuple[str, str, dict[str, str]], ...] = (
    (
        "losses",
        "loss",
        {
            "classification": "loss_classification",
            "flow": "loss_flow",
            "frame": "loss_frame",
            "discrepancy": "loss_discrepancy",
        },
    ),
    (
        "gradients at the encoder",
        "length",
        {"classification": "gradient_classification", "flow": "gradient_flow", "frame": "gradient_frame"},
    ),
    (
        "accuracy",
        "share right",
        {
            "training": "accuracy_training",
            "validation": "accuracy_validation",
            "street": "accuracy_street",
            "street, new": "accuracy_street_new",
        },
    ),
    ("flow error", "EPE (px)", {"predicted": "flow_error_px", "zero flow": "zero_flow_error_px"}),
    (
        "correlation, predicted with true",
        "correlation",
        {"u with u": "flow_uu", "u with v": "flow_uv", "v with u": "flow_vu", "v with v": "flow_vv"},
    ),
    ("agreement", "0 to 1", {"same class alone": "same_alone", "CKA of decoders": "cka"}),
)
# Scales that every run has, so that runs can be compared.
_RANGES = {"accuracy": (0, 1.04), "correlation, predicted with true": (-1.04, 1.04), "agreement": (0, 1.04)}


@matplotlib.rc_context(STYLE)
def run_curves(curves: Mapping[str, Sequence[float]], *, title: str | None = None) -> Picture:
    """All curves of a run of the planted-bug lab, six panels over epochs.

    Args:
        curves: by the names of `planted.CURVES`, one value per epoch.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ValueError: a curve is missing, curves of different lengths, or values that are not finite.
    """
    needed = [name for _, _, names in _PANELS for name in names.values()]
    missing = [name for name in needed if name not in curves]
    if missing:
        raise ValueError(
            f"the run has no {listed(missing)}; pass the curves of planted.run_case or planted.RecordedRun"
        )
    lengths = {name: len(curves[name]) for name in needed}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"the curves have different lengths ({lengths}); each should have one value per epoch")
    panels = [
        Panel(heading, unit, {short: checked_series(name, curves[name]) for short, name in names.items()})
        for heading, unit, names in _PANELS
    ]
    wide, tall, left, across, below = 2.75, 1.9, 0.75, 0.8, 1.25
    top = 0.4 + (TITLE_IN if title else 0)
    figure = Figure(figsize=(left + 3 * wide + 2 * across + 0.15, top + 2 * (tall + below)))
    if title:
        headline(figure, title)
    epochs = np.arange(1, len(curves[needed[0]]) + 1)
    for index, panel in enumerate(panels):
        line, column = divmod(index, 3)
        bottom = below + (1 - line) * (tall + below)
        axes = axes_at(figure, (left + column * (wide + across), bottom, wide, tall))
        for at, (name, values) in enumerate(panel.curves.items()):
            axes.plot(
                epochs,
                values,
                label=name,
                color=COLOURS[at],
                linestyle=LINES[at],
                marker=MARKERS[at],
                markersize=4,
                linewidth=1.5,
                clip_on=False,
            )
        if panel.unit == "length":
            # Lengths differ by powers of ten, and a length of 0 is to be seen.
            axes.set_yscale("symlog", linthresh=1e-3)
        axes.set_ylim(*_RANGES.get(panel.heading, (0, 1.12 * max(float(v.max()) for v in panel.curves.values()) or 1)))
        axes.set_title(panel.heading)
        axes.set(xlabel="epoch", ylabel=panel.unit)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
        axes.legend(
            loc="upper center", bbox_to_anchor=(0.45, -0.24), ncols=2, fontsize=9.5, columnspacing=1, handlelength=2.4
        )
    alt = f"A training run over {len(epochs)} epochs. " + " ".join(f"{panel_words(panel)}." for panel in panels)
    return Picture(figure, titled(title, alt))
