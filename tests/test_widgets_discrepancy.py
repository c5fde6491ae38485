from __future__ import annotations

import dataclasses
from itertools import product

import pytest

from rev2net_lite.trials import SETS, read_trials
from rev2net_lite.widgets import DiscrepancyState, discrepancy_explorer, render_discrepancy
from rev2net_lite.widgets.discrepancy import _FORMS, _LAST, _LEVELS, _TEACHERS, _WEIGHTS, _key, _trials

FORMS, LEVELS, TEACHERS = tuple(_FORMS), tuple(_LEVELS), tuple(_TEACHERS)


def test_the_controls_cover_the_trials_that_the_kit_carries() -> None:
    results, made = read_trials("discrepancy")
    assert tuple(result.trial for result in results) == SETS["discrepancy"]
    assert made["profile"]["epochs"] == _LAST == len(results[0].curves["discrepancy"])
    states = [DiscrepancyState(*choice) for choice in product(FORMS, _WEIGHTS, LEVELS, TEACHERS)]
    reached = {_key(state) for state in states} & set(_trials())
    assert reached | {None} == set(_trials()) and len(reached) + 1 == len(results)


def test_the_picture_shows_the_trial_of_its_setting_and_epoch() -> None:
    state = DiscrepancyState(form="directions", weight="10", teacher="no teacher", epoch=5)
    picture = render_discrepancy(state)
    (found,) = (
        result
        for result in read_trials("discrepancy")[0]
        if (result.trial.losses.discrepancy_normalise, result.trial.losses.discrepancy_weight) == ("channel", 10)
        and result.trial.losses.discrepancy_detach == "none"
    )
    flow_error, accuracy = found.curves["validation_flow_error_px"][4], found.tests["street"]["accuracy"]
    assert f"flow error in EPE (px): {flow_error:.3g} (" in picture.alt
    assert f"this run in street {100 * accuracy:.1f} %" in picture.alt
    assert picture.alt.startswith("directions, weight 10, both stages, no teacher: epoch 5, one seed. Epoch 5 of 12.")


@pytest.mark.parametrize(
    "change",
    [{"form": "raw L2"}, {"weight": "10"}, {"levels": "coarse stage only"}, {"teacher": "no teacher"}, {"epoch": 3}],
)
def test_every_field_changes_the_picture(change: dict[str, str | int]) -> None:
    before = render_discrepancy(DiscrepancyState())
    after = render_discrepancy(dataclasses.replace(DiscrepancyState(), **change))  # type: ignore[arg-type]
    assert before.png() != after.png()
    # The scales stay, so that what moves is the run.
    assert [axes.get_ylim() for axes in before.figure.axes] == [axes.get_ylim() for axes in after.figure.axes]


def test_a_setting_that_was_not_tried_is_said_and_can_be_left_again() -> None:
    explorer = discrepancy_explorer()
    explorer.inputs["levels"].value = "coarse stage only"
    assert explorer.error == ""
    explorer.inputs["teacher"].value = "no teacher"
    assert explorer.error == (
        "no trial was run with relative L2, coarse stage only, no teacher; the coarse stage alone was tried with "
        "relative L2 and the flow decoder as teacher: choose these, or both stages"
    )
    explorer.inputs["levels"].value = "both stages"
    assert explorer.error == "" and explorer.picture is not None
    assert explorer.state == DiscrepancyState(teacher="no teacher")
    assert explorer.picture.png() == render_discrepancy(explorer.state).png()


def test_the_epoch_moves_the_curves() -> None:
    explorer = discrepancy_explorer(DiscrepancyState(weight="10"))
    explorer.inputs["epoch"].value = 2
    assert explorer.error == "" and explorer.state.epoch == 2
    assert explorer.picture is not None and "Epoch 2 of 12" in explorer.picture.alt


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"form": "cosine"}, "form is 'cosine'; expected one of relative L2, directions, raw L2, relative L1"),
        ({"weight": "50"}, "weight is '50'; expected one of 0.1, 1, 10"),
        ({"levels": "none"}, "levels is 'none'; expected one of both stages, coarse stage only"),
        ({"teacher": "frame decoder"}, "teacher is 'frame decoder'; expected one of flow decoder, no teacher"),
        ({"epoch": 13}, "epoch is 13; expected 0, before training, to 12"),
        ({"epoch": -1}, "epoch is -1; expected 0, before training, to 12"),
    ],
)
def test_values_that_are_not_offered_are_refused(change: dict[str, str | int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DiscrepancyState(**change)  # type: ignore[arg-type]
