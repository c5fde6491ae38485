from __future__ import annotations

import pytest
import torch

from rev2net_lite.flow import inside_frame, photometric_error
from rev2net_lite.tvl1 import TVL1Config
from rev2net_lite.widgets import FLOW_EXAMPLES, FlowState, flow_explorer, render_flow
from rev2net_lite.widgets.flow import _example


def numbers(state: FlowState) -> tuple[float, float]:
    """The errors in px of TV-L1 and of no motion, as the title of the picture says."""
    words = render_flow(state).alt.split(". ")[0] + render_flow(state).alt.split(":")[1]
    found = [float(word) for word in words.split() if word.replace(".", "").isdigit() and "." in word]
    return found[0], found[1]


@pytest.mark.parametrize("name", FLOW_EXAMPLES)
def test_the_exact_flow_of_an_example_explains_its_frames(name: str) -> None:
    clip, flow = _example(name)
    assert clip.shape == (3, 8, 64, 64) and flow.shape == (2, 7, 64, 64)
    assert clip.min() >= 0 and clip.max() <= 1
    for step in (0, 6):
        first, second, one = clip[None, :, step], clip[None, :, step + 1], flow[None, :, step]
        right = photometric_error(first, second, one)
        wrong = photometric_error(first, second, torch.zeros_like(one))
        # Where something moves; the noise of the street and the codec are errors that no flow explains.
        seen = inside_frame(one) & (one.norm(dim=1) > 0.5)
        share = 0.2 if name.startswith("texture") else 0.9
        assert right[seen].mean() < share * wrong[seen].mean()


def test_the_textures_move_as_their_names_say() -> None:
    _, shifted = _example("texture, shifted")
    assert (shifted[0] == 1.5).all() and (shifted[1] == -1).all()
    _, turning = _example("texture, turning")
    # Clockwise on the screen: right of the centre things go down, above it to the right.
    assert turning[1, 0, 32, 60] > 1 and turning[0, 0, 4, 32] > 1
    assert turning[:, 0].norm(dim=0)[32, 32] < 0.1


def test_the_settings_reach_the_solver() -> None:
    state = FlowState(lambda_=0.2, sigma=1.0, warps=4, iterations=20, coarsest_px=20, median=False)
    assert state.config() == TVL1Config(lambda_=0.2, sigma=1.0, warps=4, iterations=20, coarsest_px=20, median=False)
    base = FlowState("street/spin_clockwise")
    pictures = {base: render_flow(base).alt}
    for change in (
        {"lambda_": 0.5},
        {"sigma": 2.0},
        {"warps": 1},
        {"iterations": 1},
        {"coarsest_px": 64},
        {"median": False},
        {"pair": 0},
        {"example": "street/grow"},
    ):
        state = FlowState(**{"example": base.example} | change)  # type: ignore[arg-type]
        pictures[state] = render_flow(state).alt
    assert len(set(pictures.values())) == len(pictures)
    assert render_flow(FlowState(arrows=False)).png() != render_flow(FlowState()).png()


def test_the_errors_are_those_of_tv_l1_and_of_no_motion() -> None:
    error, nothing = numbers(FlowState("texture, shifted"))
    assert nothing == pytest.approx((1.5**2 + 1) ** 0.5, abs=0.005) and error < 0.2
    assert "on one colour wheel that ends at 2 px/frame" in render_flow(FlowState("texture, shifted")).alt


def test_the_explorer_moves_every_setting() -> None:
    made = flow_explorer()
    assert made.error == "" and set(made.inputs) == {
        "example",
        "pair",
        "lambda_",
        "sigma",
        "warps",
        "iterations",
        "coarsest_px",
        "median",
        "arrows",
    }
    made.inputs["example"].value = "street/grow"
    made.inputs["lambda_"].value = 0.2
    made.inputs["median"].value = False
    assert made.state == FlowState("street/grow", lambda_=0.2, median=False) and made.error == ""
    assert made.picture is not None and made.picture.alt == render_flow(made.state).alt


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"example": "x"}, "example is 'x'; the examples are texture, shifted; texture, turning; studio/slide_right;"),
        ({"pair": 7}, "pair is 7; it should be from 0 to 6"),
        ({"lambda_": 0.0}, "lambda_ is 0.0; it should be a positive number"),
        ({"warps": 0}, "warps is 0; it should be a whole number from 1 up"),
    ],
)
def test_a_state_that_cannot_be_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FlowState(**change)  # type: ignore[arg-type]
