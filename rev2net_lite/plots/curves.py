"""What happens over training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import matplotlib

from rev2net_lite.plots.drawing import Panel, check_fractions, checked_series, curve_panels, listed, panel_words, titled
from rev2net_lite.plots.picture import STYLE, Picture

__all__ = ["discrepancy_curves", "loss_curves"]

Curve: TypeAlias = Sequence[float] | Mapping[str, Sequence[float]]
"""One value per epoch, or several such curves by name."""


@matplotlib.rc_context(STYLE)
def loss_curves(
    training: Mapping[str, Sequence[float]],
    *,
    validation: Mapping[str, Sequence[float]] | None = None,
    weights: Mapping[str, float] | None = None,
    title: str | None = None,
) -> Picture:
    """Every loss term over training, one panel each, because their scales differ.

    Args:
        training: term to its mean in each epoch.
        validation: the same for the validation set, for some or all of the terms; nan where an epoch was not validated.
        weights: the factor of a term in the sum that is minimised, shown in its panel's heading.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ValueError: no term, no epoch, values that are not finite, series of different lengths, or a term that
            `training` does not have.

    >>> loss_curves({"classification": [2.0, 1.0]}).alt
    'Loss per epoch over 2 epochs. classification: training from 2 to 1.'
    """
    validation, weights = validation or {}, weights or {}
    for name, given in (("validation", validation), ("weights", weights)):
        unknown = [term for term in given if term not in training]
        if unknown:
            raise ValueError(f"{name} has {listed(unknown)}; the terms of training are {listed(training)}")
    panels = []
    for term, values in training.items():
        curves = {"training": checked_series(f"training {term}", values)}
        if term in validation:
            curves["validation"] = checked_series(f"validation {term}", validation[term], nan=True)
        heading = f"{term} (weight {weights[term]:g})" if term in weights else term
        panels.append(Panel(heading, "loss", curves))
    figure, epochs = curve_panels("training", panels, title)
    alt = f"Loss per epoch over {epochs} epochs. " + " ".join(f"{panel_words(panel)}." for panel in panels)
    return Picture(figure, titled(title, alt))


@matplotlib.rc_context(STYLE)
def discrepancy_curves(
    discrepancy: Curve,
    *,
    cka: Curve | None = None,
    flow_error_px: Curve | None = None,
    zero_flow_error_px: float | None = None,
    psnr_db: Curve | None = None,
    accuracy: Curve | None = None,
    title: str | None = None,
) -> Picture:
    """The discrepancy of the two decoders over training, beside what tells agreement from collapse.

    A linear CKA near 1 is also what features without any information give, so it is drawn only together with flow
    error, frame error and accuracy.

    Args:
        discrepancy: one value per epoch, or such curves by model.
        cka: linear CKA of the two decoders' features, 0 to 1.
        flow_error_px: EPE of the predicted flow in px.
        zero_flow_error_px: EPE of predicting no motion, drawn as a line in that panel.
        psnr_db: PSNR of the reconstructed frames in dB.
        accuracy: fraction in [0, 1], shown in %.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ValueError: `cka` without the three others, a zero-flow EPE without an EPE, no epoch, infinite values, series of
            different lengths, or an accuracy or CKA outside [0, 1].
    """
    if cka is not None and (flow_error_px is None or psnr_db is None or accuracy is None):
        raise ValueError(
            "cka came without all of flow_error_px, psnr_db and accuracy; features without information agree too, "
            "so pass those three beside it"
        )
    if zero_flow_error_px is not None and flow_error_px is None:
        raise ValueError(
            "zero_flow_error_px came without flow_error_px, which it is a reference for; pass flow_error_px too"
        )
    asked = (
        ("discrepancy of the decoders", "discrepancy", discrepancy, None, 1.0),
        ("linear CKA of the decoders", "linear CKA", cka, 1.0, 1.0),
        ("flow error", "EPE (px)", flow_error_px, None, 1.0),
        ("frame quality (higher is better)", "PSNR (dB)", psnr_db, None, 1.0),
        ("accuracy", "accuracy (%)", accuracy, 100.0, 100.0),
    )
    panels = []
    for heading, unit, given, top, factor in asked:
        if given is None:
            continue
        curves = given if isinstance(given, Mapping) else {"": given}
        series = {
            name: factor * checked_series(f"{unit.split(' (')[0]} {name}".strip(), v, nan=True)
            for name, v in curves.items()
        }
        if top is not None:
            for values in series.values():
                check_fractions(unit.split(" (")[0], values / factor)
        line = (zero_flow_error_px, "zero flow") if unit == "EPE (px)" and zero_flow_error_px is not None else None
        panels.append(Panel(heading, unit, series, top, line))
    figure, epochs = curve_panels("discrepancy", panels, title)
    alt = f"Training over {epochs} epochs. " + " ".join(f"{panel_words(panel)}." for panel in panels)
    return Picture(figure, titled(title, alt))
