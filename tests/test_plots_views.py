from __future__ import annotations

import numpy as np
import pytest
import torch

from rev2net_lite.plots import frame_view, model_view
from rev2net_lite.shapes import ShapeError

CLIP = (torch.arange(6)[None, :, None, None] * 40).expand(3, 6, 8, 12).to(torch.uint8)
TIMES = [0.5 * i for i in range(6)]
FLOW = torch.stack((torch.full((5, 8, 12), 1.5), torch.zeros(5, 8, 12)))
CLASSES = ["rise", "fall", "spin", "grow", "shrink", "slide"]
CHANCES = [0.1, 0.5, 0.2, 0.1, 0.06, 0.04]


def images(figure) -> list[np.ndarray]:
    return [axes.images[0].get_array() for axes in figure.axes if axes.images]


def test_the_frame_is_large_and_marked_among_the_others() -> None:
    picture = frame_view(CLIP, 2, times_s=TIMES, title="Mine")
    large, *small = images(picture.figure)
    assert (large == 80).all() and [int(image[0, 0, 0]) for image in small] == [0, 40, 80, 120, 160, 200]
    widths = [axes.spines["left"].get_linewidth() for axes in picture.figure.axes[1:]]
    assert [width > 1 for width in widths] == [False, False, True, False, False, False]
    assert picture.figure.axes[0].get_title() == "frame 2 at 1.00 s"
    assert [axes.get_xlabel() for axes in picture.figure.axes[1:]] == [f"{time:.2f} s" for time in TIMES]
    assert picture.alt == ("Mine. Frame 2 of the 6 from 0 to 5, of 12 x 8 px, at 1.00 s: mean brightness 0.31 of 1.")


@pytest.mark.parametrize(("height", "width", "count"), [(64, 64, 8), (240, 320, 16), (90, 30, 9), (30, 300, 2)])
def test_nothing_overlaps_whatever_the_shape_of_the_video(height: int, width: int, count: int) -> None:
    figure = frame_view(torch.zeros(3, count, height, width), 0, times_s=range(count), title="x").figure
    boxes = [axes.get_position() for axes in figure.axes]
    for i, first in enumerate(boxes):
        assert first.x0 >= 0 and first.y0 >= 0 and first.x1 <= 1 and first.y1 <= 1
        for second in boxes[i + 1 :]:
            apart = first.x1 <= second.x0 or second.x1 <= first.x0 or first.y1 <= second.y0 or second.y1 <= first.y0
            assert apart


def test_a_frame_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="frame is 6; it should be from 0 to 5"):
        frame_view(CLIP, 6, times_s=TIMES)
    with pytest.raises(ValueError, match="times_s has 5 values for 6 frames; pass one time per frame"):
        frame_view(CLIP, 0, times_s=TIMES[:5])


def view(**changes: object):
    given = {"clip": CLIP, "frames": CLIP.float() / 255, "flow": FLOW, "probabilities": CHANCES, "classes": CLASSES}
    given |= changes
    options = {name: given.pop(name) for name in list(given) if name not in list(given)[:5]}
    return model_view(*given.values(), psnr_db=27.36, **options)


def test_a_clip_and_what_the_model_makes_of_it() -> None:
    picture = view(times_s=TIMES, title="Mine", count=3)
    texts = [text.get_text() for text in picture.figure.texts]
    assert {"frame", "given back\nPSNR 27.4 dB", "predicted flow\nto the next"} <= set(texts)
    bars = picture.figure.axes[-1]
    assert [patch.get_width() for patch in bars.patches] == pytest.approx([50, 20, 10, 10, 6])
    assert [label.get_text() for label in bars.get_yticklabels()] == ["fall", "spin", "rise", "grow", "shrink"]
    assert [axes.get_title() for axes in picture.figure.axes[:3]] == ["0.00 s", "1.00 s", "2.00 s"]
    assert picture.alt == (
        "Mine. Input frames, frames given back (PSNR 27.4 dB) and predicted flow at 3 of 5 steps of 12 x 8 px. "
        "Predicted flow: mean speed 1.50 px/frame, largest 1.50, mostly right; the colour wheel ends at 1.5 px/frame. "
        "Prediction: fall 50.0 %, spin 20.0 %, rise 10.0 %."
    )


def test_a_warning_stands_beside_the_bars_and_first_in_the_alt_text() -> None:
    words = "This clip looks unlike anything the model was trained on. Do not believe the probabilities."
    plain, warned = view(), view(warning=words)
    assert warned.alt.startswith(words)
    (box,) = [text for text in warned.figure.texts if text.get_text().replace("\n", " ") == words]
    assert all(len(line) <= 36 for line in box.get_text().split("\n"))
    assert warned.figure.axes[-1].get_position().width < plain.figure.axes[-1].get_position().width
    warned.png()
    place = box.get_window_extent().transformed(warned.figure.transFigure.inverted())
    assert place.x0 > warned.figure.axes[-1].get_position().x1 and place.x1 <= 1 and place.y0 >= 0


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"probabilities": [0.5] * 6}, ValueError, "probabilities run from 0.5 to 0.5 with sum 3; they should be 0 or"),
        ({"probabilities": [0.5, 0.5]}, ShapeError, "probabilities has shape"),
        ({"classes": "rise"}, ValueError, "classes is 'rise'; it should be a list of names"),
        ({"flow": FLOW[:, :4]}, ShapeError, "flow has shape"),
        ({"frames": CLIP[:, :5]}, ShapeError, "frames has shape"),
    ],
)
def test_what_does_not_fit_together_is_refused(change: dict[str, object], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        view(**change)
