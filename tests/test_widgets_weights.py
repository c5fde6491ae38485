from __future__ import annotations

import dataclasses
from itertools import product

import pytest

from rev2net_lite.trials import SETS, read_trials
from rev2net_lite.widgets import WeightsState, render_weights, weights_explorer
from rev2net_lite.widgets.weights import _FLOW, _FRAME, _SPLITS, _trials


def test_the_controls_cover_the_trials_that_the_kit_carries() -> None:
    results, _ = read_trials("weights")
    assert tuple(result.trial for result in results) == SETS["weights"]
    assert set(_trials()) == set(product(_FLOW, _FRAME)) and len(results) == len(_FLOW) * len(_FRAME)
    assert all(set(result.tests) == set(_SPLITS) for result in results)


def test_the_picture_shows_the_trial_of_its_weights_and_the_test_of_its_split() -> None:
    picture = render_weights(WeightsState(flow_weight="8", frame_weight="1", split="untied"))
    (found,) = (
        result
        for result in read_trials("weights")[0]
        if (result.trial.losses.flow_weight, result.trial.losses.frame_weight) == (8, 1)
    )
    test = found.tests["untied"]
    assert f"accuracy (%) in untied: {100 * test['accuracy']:.3g} at the chosen pair" in picture.alt
    assert f"EPE (px) in untied: {test['flow_error_px']:.3g} at the chosen pair" in picture.alt
    assert f"zero flow in untied has an EPE of {test['zero_flow_error_px']:.2f} px" in picture.alt
    curve = found.curves["validation_psnr_db"]
    assert (
        f"validation PSNR (dB) of the chosen trial over epochs: from {curve[0]:.3g} to {curve[-1]:.3g}" in picture.alt
    )
    # Rows are flow weights, columns frame weights.
    assert picture.figure.axes[0].texts[3 * 4 + 1].get_text() == f"{100 * test['accuracy']:.1f}"


@pytest.mark.parametrize(
    ("flow", "frame", "neighbours"),
    [
        ("2", "4", ["flow 0.5, frame 4", "flow 8, frame 4", "flow 2, frame 1", "flow 2, frame 16"]),
        ("0", "0", ["flow 0.5, frame 0", "flow 0, frame 1"]),
        ("8", "16", ["flow 2, frame 16", "flow 8, frame 4"]),
    ],
)
def test_curves_stand_beside_those_of_the_neighbours(flow: str, frame: str, neighbours: list[str]) -> None:
    axes = render_weights(WeightsState(flow_weight=flow, frame_weight=frame)).figure.axes[3]
    assert [line.get_label() for line in axes.lines] == [f"flow {flow}, frame {frame}", *neighbours]


@pytest.mark.parametrize("change", [{"flow_weight": "8"}, {"frame_weight": "0"}, {"split": "street"}])
def test_every_field_changes_the_picture_and_leaves_the_scales(change: dict[str, str]) -> None:
    before = render_weights(WeightsState())
    after = render_weights(dataclasses.replace(WeightsState(), **change))
    assert before.png() != after.png()
    for first, second in zip(before.figure.axes, after.figure.axes, strict=True):
        assert first.get_ylim() == second.get_ylim()
        assert [image.get_clim() for image in first.images] == [image.get_clim() for image in second.images]


def test_the_explorer_draws_what_its_controls_say() -> None:
    explorer = weights_explorer()
    explorer.inputs["flow_weight"].value = "0.5"
    explorer.inputs["split"].value = "street"
    assert explorer.error == "" and explorer.state == WeightsState(flow_weight="0.5", split="street")
    assert explorer.picture is not None and explorer.picture.png() == render_weights(explorer.state).png()


@pytest.mark.parametrize("field", ["flow_weight", "frame_weight", "split"])
def test_a_value_that_was_not_tried_is_refused(field: str) -> None:
    with pytest.raises(ValueError, match=f"{field} is '3'; expected one of "):
        WeightsState(**{field: "3"})
