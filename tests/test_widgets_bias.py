from __future__ import annotations

from dataclasses import fields, replace

import pytest

from rev2net_lite.plots import Picture
from rev2net_lite.synthetic import CLASSES, studio
from rev2net_lite.widgets import BiasState, bias_explorer, render_bias
from rev2net_lite.widgets.bias import TWIN_FACTORS


def test_the_state_is_the_studio_with_its_biases() -> None:
    state = BiasState(appearance_bias=0.5, motion_bias=0.3, pan=0.1)
    assert state.studio() == replace(studio(), appearance_bias=0.5, motion_bias=0.3, pan=0.1)
    assert BiasState().studio() == studio()


def test_the_ties_follow_the_sliders() -> None:
    loose = render_bias(BiasState(appearance_bias=0.0))
    tied = render_bias(BiasState(appearance_bias=1.0, motion_bias=1.0, pan=0.12))
    for factor in ("surface", "shape", "background", "pace", "pan"):
        assert f"{factor} in studio 100 %, tie 1.00" in tied.alt
        assert f"{factor} in studio 100 %" not in loose.alt
    still = render_bias(BiasState(motion_bias=1.0))
    assert "pace in studio 100 %, tie 1.00" in still.alt and "pan in studio 12 %, tie 0.00" in still.alt
    street = [picture.alt.partition("surface in street")[2].partition(";")[0] for picture in (loose, tied)]
    assert street[0] == street[1] != ""


def test_every_field_changes_the_picture() -> None:
    base = BiasState(motion_bias=0.5)
    changes: list[dict[str, float | str]] = [
        {"appearance_bias": 0.4},
        {"motion_bias": 1.0},
        {"pan": 0.1},
        {"action": "grow"},
        {"factor": "motion"},
        {"donor": "spin_clockwise"},
    ]
    assert [name for change in changes for name in change] == [field.name for field in fields(base)]
    pictures = [render_bias(base).png()] + [render_bias(replace(base, **change)).png() for change in changes]  # type: ignore[arg-type]
    assert len(set(pictures)) == len(pictures)


@pytest.mark.parametrize("factor", TWIN_FACTORS)
def test_the_twin_is_named_by_what_it_takes(factor: str) -> None:
    picture = render_bias(BiasState(factor=factor, donor="rise"))
    assert isinstance(picture, Picture)
    assert f"{factor} of rise " in picture.alt.split(". Accuracy of naming")[0]


def test_the_explorer_draws_what_its_state_says() -> None:
    explorer = bias_explorer(BiasState(action="fall"))
    assert explorer.state == BiasState(action="fall") and explorer.error == ""
    explorer.inputs["appearance_bias"].value = 0.35
    explorer.inputs["donor"].value = "grow"
    assert explorer.state == BiasState(action="fall", appearance_bias=0.35, donor="grow")
    assert explorer.picture is not None and explorer.picture.alt == render_bias(explorer.state).alt
    assert set(explorer.inputs) == {field.name for field in fields(BiasState)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"appearance_bias": 1.1}, r"appearance_bias is 1\.1; it should be from 0 to 1"),
        ({"motion_bias": -0.1}, r"motion_bias is -0\.1; it should be from 0 to 1"),
        ({"pan": 0.3}, r"pan is 0\.3; it should be from 0 to 0\.2"),
        ({"action": "jump"}, f"action is 'jump'; expected one of {', '.join(CLASSES)}"),
        ({"factor": "colour"}, "factor is 'colour'; expected one of background, surface, shape, whole look, motion"),
        ({"donor": "jump"}, f"donor is 'jump'; expected one of {', '.join(CLASSES)}"),
    ],
)
def test_states_that_cannot_be_are_refused(change: dict[str, float | str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BiasState(**change)  # type: ignore[arg-type]
