from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.colors import same_color

from rev2net_lite.plots import Picture, curves_over, feature_pairs, penalty_over_training, penalty_price
from rev2net_lite.shapes import ShapeError


def run_curves(start: float = 2.0, stages: int = 2) -> dict[str, Any]:
    return {
        "discrepancy": [start, start / 2, start / 4],
        "cka": [[0.2, 0.6, 0.8 + 0.1 * stage] for stage in range(stages)],
        "flow_error_px": [0.5, 0.3, 0.25],
        "psnr_db": [12.0, 20.0, 25.0],
        "accuracy": [0.2, 0.6, 0.9],
    }


TESTS = [
    {"model": "this run", "split": "studio", "mean": 0.9, "low": 0.85, "high": 0.93, "n": 320},
    {"model": "no penalty", "split": "studio", "mean": 0.95, "low": None, "high": None, "n": 320},
]
PRICE = {
    "label": "raw L2",
    "weight": 0.1,
    "cka": 0.9,
    "flow_error_px": 0.2,
    "psnr_db": 26.0,
    "accuracy": 0.5,
    "low": 0.45,
    "high": 0.55,
    "n": 320,
}
FREE = PRICE | {"label": "no penalty", "weight": 0.0, "cka": 0.1, "accuracy": 0.54, "low": 0.5, "high": 0.6}


def draw_run(**changes: Any) -> Picture:
    given: dict[str, Any] = {
        "curves": run_curves(),
        "reference": run_curves(4.0),
        "epoch": 2,
        "zero_flow_error_px": 0.45,
        "tests": TESTS,
    } | changes
    return penalty_over_training(given.pop("curves"), **given)


def ends(picture: Picture) -> list[tuple[float, float]]:
    return [axes.get_ylim() for axes in picture.figure.axes]


# --- curves_over ---


def test_curves_stand_at_their_places_with_one_key_for_all() -> None:
    panels = {"loss": {"a": [2.0, 1.0], "b": [3.0, 0.1]}, "share (%)": {"b": [100.0, 0.0]}}
    picture = curves_over([8, 16], panels, x_label="clips", log_x=True, log_y=("loss",), title="Both")
    first, second = picture.figure.axes
    assert [line.get_xydata().tolist() for line in first.lines] == [[[8, 2], [16, 1]], [[8, 3], [16, 0.1]]]
    assert first.get_yscale() == "log" and second.get_yscale() == "linear" and second.get_ylim()[0] == 0
    assert [text.get_text() for text in first.get_xticklabels()] == ["8", "16"]
    assert [text.get_text() for text in picture.figure.legends[0].get_texts()] == ["a", "b"]
    assert same_color(second.lines[0].get_color(), first.lines[1].get_color())
    assert picture.alt == (
        "Both. loss over clips 8 to 16: a from 2 to 1, b from 3 to 0.1. share (%) over clips 8 to 16: b from 100 to 0."
    )


@pytest.mark.parametrize(
    ("panels", "options", "message"),
    [
        ({}, {}, "there is nothing to draw; pass at least one panel"),
        ({"loss": {}}, {}, "there is nothing to draw"),
        ({"loss": {"a": [1.0]}}, {}, "curve 'a' of 'loss' has 1 values for 2 places"),
        ({"loss": {"a": [1.0, 0.0]}}, {"log_y": ("loss",)}, "curve 'a' of 'loss' has the value 0; a logarithmic axis"),
        ({"loss": {"a": [1.0, 1.0]}}, {"log_x": True}, "x has the value 0; a logarithmic axis holds positive ones"),
        ({"loss": {"a": [1.0, float("nan")]}}, {}, "loss a has 1 of 2 values that are not finite"),
    ],
)
def test_curves_that_cannot_be_drawn_are_refused(panels: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        curves_over([0, 1], panels, x_label="step", **options)


# --- feature_pairs ---


def test_pairs_are_joined_and_the_scale_is_the_one_given() -> None:
    flow, frame = torch.tensor([[0.0, 0.0], [2.0, 0.0]]), torch.tensor([[0.0, 1.0], [2.0, 3.0]])
    picture = feature_pairs(flow, frame, limit=4.0, title="step 0")
    (axes,) = picture.figure.axes
    joined = [line.get_xydata().tolist() for line in axes.lines[:2]]
    assert joined == [[[0, 0], [0, 1]], [[2, 0], [2, 3]]]
    assert axes.get_xlim() == axes.get_ylim() == (-4, 4)
    assert picture.alt == (
        "step 0. Features of 2 clips. Spread of the flow map's 1.00, of the frame map's 1.41; mean distance within a "
        "pair 2.00."
    )


def test_pairs_that_cannot_be_drawn_are_refused() -> None:
    with pytest.raises(ShapeError, match="frame_features has shape"):
        feature_pairs(torch.zeros(3, 2), torch.zeros(4, 2), limit=1.0)
    with pytest.raises(ValueError, match="limit is 0; expected a positive number, the end of both axes"):
        feature_pairs(torch.zeros(3, 2), torch.zeros(3, 2), limit=0)


# --- penalty_over_training ---


def test_a_run_is_drawn_up_to_its_epoch_and_what_comes_after_is_pale() -> None:
    picture = draw_run()
    discrepancy = picture.figure.axes[0]
    reference, pale, now = discrepancy.lines
    assert reference.get_ydata().tolist() == [4.0, 2.0, 1.0]
    assert pale.get_ydata().tolist() == [2.0, 1.0, 0.5] and pale.get_alpha() < 0.5
    assert now.get_xydata().tolist() == [[1, 2.0], [2, 1.0]]
    # Two stages, three lines each.
    assert len(picture.figure.axes[1].lines) == 6
    assert [text.get_text() for text in picture.figure.axes[2].texts] == ["zero flow"]
    assert "discrepancy of the decoders in discrepancy: 1 (no penalty at the end 1)" in picture.alt
    assert "this run in studio 90.0 % (85.0 to 93.0, n = 320), no penalty in studio 95.0 % (n = 320)" in picture.alt


def test_before_training_nothing_has_been_measured() -> None:
    picture = draw_run(epoch=0)
    assert picture.alt.startswith("Epoch 0 of 3.") and picture.alt.count("not measured yet") == 6
    assert len(picture.figure.axes[0].lines[2].get_xdata()) == 0


def test_a_cka_of_constant_features_leaves_a_gap_and_names_are_the_callers() -> None:
    gone = run_curves() | {"cka": [[0.2, np.nan, 0.8], [np.nan] * 3]}
    picture = draw_run(curves=gone, names=("weight 50", "weight 0.1"))
    assert "nan, coarse stage (weight 0.1 at the end 0.8)" in picture.alt
    keys = [text.get_text() for text in picture.figure.legends[0].get_texts()]
    assert keys == ["weight 50", "weight 0.1", "coarse stage", "fine stage"]


def test_the_scales_hold_all_runs_that_are_looked_at_beside_this_one() -> None:
    other = run_curves(40.0) | {"flow_error_px": [2.0, 0.3, 0.2], "psnr_db": [5.0, 20.0, 30.0]}
    among = [run_curves(), run_curves(4.0), other]
    one = draw_run(among=among)
    another = draw_run(curves=other, among=among, epoch=0)
    assert ends(one) == ends(another) != ends(draw_run())
    assert ends(one)[0][1] > 40 and ends(one)[2][1] > 2 and ends(one)[3] == (4.0, 31.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epoch": 4}, "epoch is 4; expected 0, before training, to 3"),
        ({"epoch": -1}, "epoch is -1; expected 0, before training, to 3"),
        ({"reference": run_curves(stages=1)}, r"curves of \[3\] epochs and \[1, 2\] stages; expected the same"),
        ({"curves": run_curves() | {"psnr_db": [1.0, 2.0]}}, r"curves of \[2, 3\] epochs"),
        ({"curves": run_curves() | {"accuracy": [0.2, 0.6, 90.0]}}, "accuracy has values from 0.2 to 90; they should"),
        ({"curves": run_curves() | {"discrepancy": [1.0, 0.5, 0.0]}}, "a discrepancy is 0; the axis is logarithmic"),
        ({"curves": run_curves() | {"psnr_db": [1.0, 2.0, np.inf]}}, "psnr has 1 of 3 values that are not finite"),
        ({"tests": [TESTS[0] | {"low": 0.95}]}, "the interval of this run runs from 0.95 to 0.93"),
    ],
)
def test_runs_that_cannot_be_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw_run(**changes)


# --- penalty_price ---


def test_each_label_is_joined_over_its_weights_and_the_reference_lies_across() -> None:
    rows = [PRICE | {"weight": 10.0, "accuracy": 0.46}, PRICE, PRICE | {"label": "directions"}]
    picture = penalty_price(rows, reference=FREE, zero_flow_error_px=0.45)  # type: ignore[arg-type]
    cka, flow, _, accuracy = picture.figure.axes
    assert [text.get_text() for text in cka.get_xticklabels()] == ["0.1", "10"]
    assert accuracy.lines[0].get_ydata()[0] == 54.0
    assert accuracy.lines[1].get_ydata().tolist() == [50.0, 46.0]
    assert [text.get_text() for text in flow.texts] == ["zero flow"] and flow.get_ylim()[1] > 0.45
    assert [text.get_text() for text in picture.figure.legends[0].get_texts()] == ["no penalty", "raw L2", "directions"]
    assert "raw L2, weight 10: CKA 0.90, EPE 0.200 px, PSNR 26.0 dB, accuracy 46.0 % (45.0 to 55.0, n = 320)." in (
        picture.alt
    )
    assert picture.alt.endswith("Zero flow: EPE 0.450 px.")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": 0.0}, "a row has weight 0; expected a positive one: 0 is the reference"),
        ({"cka": 1.2}, "the row of raw L2 has values from 0.45 to 1.2; they should be fractions"),
        ({"low": 0.52}, "the interval of raw L2 runs from 0.52 to 0.55 and its accuracy is 0.5"),
        ({"n": 0}, "n of raw L2 is 0; it should be at least 1"),
    ],
)
def test_prices_that_cannot_be_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        penalty_price([PRICE | change], reference=FREE, zero_flow_error_px=0.45)  # type: ignore[arg-type,list-item]


def test_no_prices_and_rows_with_gaps_are_refused() -> None:
    with pytest.raises(ValueError, match="rows is empty; pass at least one row, at one weight of the penalty"):
        penalty_price([], reference=FREE, zero_flow_error_px=0.45)  # type: ignore[arg-type]
    gap = {key: value for key, value in PRICE.items() if key != "psnr_db"}
    with pytest.raises(ValueError, match=r"a row has label, weight, .*; label, weight, .* should be|psnr_db should be"):
        penalty_price([gap], reference=FREE, zero_flow_error_px=0.45)  # type: ignore[arg-type,list-item]
