"""The figure of a run in the planted-bug lab."""

from __future__ import annotations

import pytest

from rev2net_lite.planted import CURVES
from rev2net_lite.plots import run_curves

RUN = {name: [0.5, 0.25, 0.125] for name in CURVES}


def test_every_curve_is_drawn_and_told():
    picture = run_curves(RUN, title="Case A")
    lines = [line for axes in picture.figure.axes for line in axes.get_lines()]
    assert len(lines) == len(CURVES)
    assert all(list(line.get_ydata()) == [0.5, 0.25, 0.125] for line in lines)
    assert picture.alt.startswith("Case A. A training run over 3 epochs. losses: classification from 0.5 to 0.125")
    assert "same class alone from 0.5 to 0.125" in picture.alt


def test_a_gradient_of_zero_is_seen_on_a_scale_of_powers_of_ten():
    picture = run_curves(RUN | {"gradient_frame": [0.0, 0.0, 0.0]})
    axes = picture.figure.axes[1]
    assert axes.get_yscale() == "symlog" and axes.get_ylim()[0] == 0


def test_scales_that_every_run_has_do_not_move():
    small = run_curves({name: [0.01, 0.01] for name in CURVES})
    assert [axes.get_ylim() for axes in small.figure.axes[2:5:2]] == [(0, 1.04), (-1.04, 1.04)]
    assert run_curves({name: [0.0] for name in CURVES}).figure.axes[3].get_ylim() == (0, 1)


@pytest.mark.parametrize(
    ("curves", "message"),
    [
        ({}, "the run has no loss_classification, loss_flow, .*; pass the curves of planted.run_case"),
        (RUN | {"cka": [1.0]}, "the curves have different lengths .*'cka': 1.*; each should have one value per epoch"),
        (RUN | {"cka": [1.0, float("nan"), 1.0]}, "cka has 1 of 3 values that are not finite"),
    ],
)
def test_curves_that_are_no_run_are_refused(curves: dict[str, list[float]], message: str):
    with pytest.raises(ValueError, match=message):
        run_curves(curves)
