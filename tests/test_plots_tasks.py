from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.patches import Rectangle

from rev2net_lite import plots
from rev2net_lite.shapes import ShapeError

FRAME = torch.full((3, 12, 16), 0.5)
RIGHT = torch.stack([torch.ones(12, 16), torch.zeros(12, 16)])


def progress(*, epoch: int = 1, flow: torch.Tensor = 0.5 * RIGHT) -> plots.Picture:
    return plots.flow_progress(
        FRAME, 2 * RIGHT, RIGHT, flow, error_px=[0.8, 0.6, 0.2], zero_error_px=0.7, epoch=epoch, title="Slide"
    )


def maps(**changes: object) -> plots.Picture:
    given = {
        "maps": {"accuracy (%)": [[10.0, 20.0, 30.0], [40.0, 50.0, 60.0]], "EPE (px)": torch.ones(2, 3)},
        "flow_weights": [0, 2],
        "frame_weights": [0, 1, 4],
        "chosen": (1, 2),
        "curves": {"accuracy (%)": {"this": [30, 60], "other": [20, 50]}, "EPE (px)": {"this": [2, 1]}},
    } | changes
    return plots.weight_maps(given.pop("maps"), **given)  # type: ignore[arg-type]


def test_losses_and_their_slopes() -> None:
    x = np.linspace(-2, 2, 401)
    picture = plots.loss_shapes(x.tolist(), {"mse": (x**2).tolist(), "l1": abs(x).tolist()}, unit="px", name="guess")
    loss, slope = picture.figure.axes
    assert [line.get_label() for line in loss.lines] == ["mse", "l1"]
    np.testing.assert_allclose(slope.lines[0].get_ydata()[1:-1], 2 * x[1:-1], atol=1e-9)
    assert set(np.round(slope.lines[1].get_ydata(), 6)) == {-1, 0, 1}
    assert slope.get_xlabel() == "guess (px)" and slope.get_ylabel() == "slope (1/px)"
    assert "mse: from 4 over 0 (least) to 4; slope from -3.99 to 3.99." in picture.alt
    assert "over guess from -2 to 2 px" in picture.alt


def test_losses_that_cannot_be_drawn_are_refused() -> None:
    with pytest.raises(ValueError, match="error has 2 values; expected three or more that increase"):
        plots.loss_shapes([0, 1], {"l1": [0, 1]}, unit="px")
    with pytest.raises(ValueError, match="guess has 3 values; expected three or more that increase"):
        plots.loss_shapes([0, 1, 1], {"l1": [0, 1, 1]}, unit="px", name="guess")
    with pytest.raises(ValueError, match="losses is empty; pass at least one form"):
        plots.loss_shapes([0, 1, 2], {}, unit="px")
    with pytest.raises(ValueError, match="loss l1 has 2 values for 3 of error; give one for each"):
        plots.loss_shapes([0, 1, 2], {"l1": [0, 1]}, unit="px")


def test_progress_shows_three_flows_on_one_wheel_and_marks_the_epoch() -> None:
    picture = progress()
    figure = picture.figure
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:4] == ["frame", "target: TV-L1", "exact (oracle)", "predicted"]
    colours = [axes.images[0].get_array()[0, 0].astype(int) for axes in figure.axes[1:4]]
    # The rim is the largest of target and exact flow: full red, half as red, a quarter.
    assert colours[0][1] < colours[1][1] < colours[2][1]
    curve = figure.axes[-1]
    assert curve.lines[0].get_ydata().tolist() == [0.8, 0.6, 0.2]
    assert curve.lines[1].get_xydata().tolist() == [[1, 0.6]]
    assert curve.lines[2].get_ydata() == [0.7, 0.7]
    assert picture.alt.startswith("Slide. Epoch 1 of 2: a frame of 16 x 12 px, TV-L1 flow (mean speed 2.00 px/frame")
    assert picture.alt.endswith("ends at 2 px/frame; EPE 0.60 px, zero flow 0.70 px.")


def test_progress_has_one_size_and_scale_whatever_is_predicted() -> None:
    pictures = [progress(epoch=0, flow=9 * RIGHT), progress(epoch=1), progress(epoch=2)]
    assert len({tuple(picture.figure.get_size_inches()) for picture in pictures}) == 1
    assert all("ends at 2 px/frame" in picture.alt for picture in pictures)
    plots.scrubber([*pictures, progress()], ["a", "b", "c", "d"], alt="epochs")


def test_progress_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="epoch is 3; error_px has the epochs 0 to 2"):
        progress(epoch=3)
    with pytest.raises(ShapeError, match="flow has shape"):
        progress(flow=RIGHT[:, :8])


def test_flow_errors_stand_beside_those_of_zero_flow() -> None:
    errors = {"all pixels": {"mse": [0.5, 0.2], "l1": [0.6, 0.3]}, "object": {"mse": [1.5, 0.9]}}
    picture = plots.error_curves(errors, zero_px={"all pixels": 0.4, "object": 1.4}, title="Flow")
    first, second = picture.figure.axes
    assert [line.get_ydata() for line in (first.lines[-1], second.lines[-1])] == [[0.4, 0.4], [1.4, 1.4]]
    assert first.get_title() == "all pixels" and first.get_ylabel() == "EPE (px)"
    assert picture.alt == (
        "Flow. Flow error over 2 epochs. all pixels in px: mse from 0.5 to 0.2, l1 from 0.6 to 0.3; zero flow 0.4. "
        "object in px: mse from 1.5 to 0.9; zero flow 1.4."
    )
    with pytest.raises(ValueError, match="zero_px has no value for object; an EPE says little without that of zero"):
        plots.error_curves(errors, zero_px={"all pixels": 0.4})


def test_cosines_with_intervals_and_without_direction() -> None:
    nan = float("nan")
    values = [[1, -0.5, nan], [-0.5, 1, nan], [nan, nan, nan]]
    low, high = [[nan, -0.6, nan]] * 3, [[nan, -0.4, nan]] * 3
    picture = plots.cosine_matrix(values, ["a", "b", "c"], low=low, high=high, title="Pull")
    texts = [text.get_text() for text in picture.figure.axes[0].texts]
    assert texts[:3] == ["1.00", "-0.50\n[-0.60, -0.40]", "none"]
    # A task against itself needs no interval.
    assert texts[4] == "1.00"
    assert picture.alt == (
        "Pull. Cosine between gradients of tasks. a and b: -0.50 [-0.60, -0.40]. a and c: none. b and c: none."
    )
    image = picture.figure.axes[0].images[0]
    assert image.get_clim() == (-1, 1)


def test_cosines_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match=r"cosines has values from 1 to 2; they should be in \[-1, 1\]"):
        plots.cosine_matrix([[1, 2], [2, 1]], ["a", "b"])
    with pytest.raises(ValueError, match="one end of the intervals came without the other; pass low and high"):
        plots.cosine_matrix(torch.eye(2), ["a", "b"], low=torch.eye(2))
    with pytest.raises(ShapeError, match="cosines has shape"):
        plots.cosine_matrix(torch.eye(3), ["a", "b"])


def test_maps_outline_the_chosen_pair_and_draw_its_curves_boldest() -> None:
    picture = maps()
    first, second, *curves = picture.figure.axes
    assert [axes.get_title() for axes in (first, second)] == ["accuracy (%)", "EPE (px)"]
    assert [text.get_text() for text in first.texts] == ["10.0", "20.0", "30.0", "40.0", "50.0", "60.0"]
    (frame,) = (patch for patch in first.patches if isinstance(patch, Rectangle))
    assert frame.get_xy() == (1.5, 0.5)
    assert [label.get_text() for label in first.get_yticklabels()] == ["0", "2"]
    assert [line.get_linewidth() for line in curves[0].lines] == [2.6, 1.3]
    assert picture.alt.startswith("Trials by their loss weights; chosen is flow weight 2, frame weight 4.")
    assert "accuracy (%): 60 at the chosen pair, 10 to 60 over all pairs." in picture.alt
    assert "EPE (px) of the chosen trial over epochs: from 2 to 1." in picture.alt


def test_limits_fix_the_scales_of_maps_and_curves() -> None:
    first, second, *curves = maps(limits={"accuracy (%)": (0, 100)}).figure.axes
    assert first.images[0].get_clim() == (0, 100) and second.images[0].get_clim() == (1, 1)
    assert curves[0].get_ylim() == (0, 100) and curves[1].get_ylim() != (0, 100)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"limits": {"loss": (0, 1)}}, r"limits has loss; the measures are accuracy \(%\), EPE \(px\), accuracy"),
        ({"maps": {}}, "maps is empty; pass at least one measure"),
        ({"chosen": (2, 0)}, "chosen is row 2, column 0; there are 2 flow weights and 3 frame weights"),
        ({"curves": {"EPE (px)": {}}}, r"EPE \(px\) has no curve; pass at least that of the chosen trial"),
        ({"flow_weights": [0, 2, 8]}, "map accuracy .* has shape"),
    ],
)
def test_maps_that_do_not_fit_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        maps(**changes)
