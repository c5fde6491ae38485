"""Figures of files, sampling and brightness: what they mark, where it stands, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex

from rev2net_lite import plots
from rev2net_lite.plots.drawing import COLOURS
from rev2net_lite.shapes import ShapeError

FRAME = torch.full((3, 12, 16), 0.5)
RIGHT = torch.stack([torch.ones(12, 16), torch.zeros(12, 16)])
CLIP = torch.rand(3, 4, 12, 16, generator=torch.Generator().manual_seed(0))
TIMES = np.arange(9) / 4


def test_a_pixel_is_equally_large_in_all_images_of_a_row() -> None:
    picture = plots.image_row({"wide\none": FRAME, "small": FRAME[:, :6, :4]}, down="frame", title="Sizes")
    wide, small = picture.figure.axes
    inches = picture.figure.get_size_inches()
    for axes, (height, width) in ((wide, (12, 16)), (small, (6, 4))):
        box = axes.get_position()
        np.testing.assert_allclose(box.width * inches[0] / width, box.height * inches[1] / height)
    assert wide.get_position().height == pytest.approx(2 * small.get_position().height)
    assert wide.get_position().y1 == pytest.approx(small.get_position().y1)
    assert (wide.get_ylabel(), small.get_ylabel()) == ("frame", "")
    assert picture.alt == (
        "Sizes. 2 images side by side: wide one, 16 x 12 px, mean brightness 0.50 of 1; "
        "small, 4 x 6 px, mean brightness 0.50 of 1."
    )
    assert plots.image_row({str(i): torch.zeros(3, 20, 200) for i in range(6)}).figure.get_size_inches()[0] < 10.2


def test_images_that_make_no_row_are_refused() -> None:
    with pytest.raises(ValueError, match="images is empty; pass at least one image"):
        plots.image_row({})
    with pytest.raises(ShapeError, match="second"):
        plots.image_row({"first": FRAME, "second": FRAME[0]})


def test_key_frames_are_marked_among_packets() -> None:
    picture = plots.packet_sizes([4000, 1000, 2000], [True, False, False], title="File")
    bars = picture.figure.axes[0].patches
    assert [bar.get_height() for bar in bars] == [4, 1, 2]
    assert [to_hex(bar.get_facecolor()).upper() for bar in bars] == [COLOURS[1], COLOURS[0], COLOURS[0]]
    assert [bar.get_x() + bar.get_width() / 2 for bar in bars] == pytest.approx([0, 1, 2])
    assert picture.alt.endswith("1 key frame of 4.0 kB on average, 2 others of 1.5 kB on average.")
    assert [text.get_text() for text in picture.figure.legends[0].get_texts()] == ["key frames", "others"]
    with pytest.raises(ValueError, match="keys has 1 values for 2 packets; give one for each"):
        plots.packet_sizes([1, 2], [True])


def test_backward_time_stamps_are_marked() -> None:
    picture = plots.time_stamps(torch.tensor([0.0, 0.3, 0.2, 0.1, 0.4, math.nan]))
    line, later, earlier = picture.figure.axes[0].lines
    assert line.get_xdata().tolist() == [0, 1, 2, 3, 4]
    assert later.get_xdata().tolist() == [0, 1, 4] and earlier.get_xdata().tolist() == [2, 3]
    assert earlier.get_label() == "earlier than the frame before"
    assert "from 0.00 to 0.40 s: 2 of 4 steps go backwards. 1 frames have no time stamp." in picture.alt
    in_order = plots.time_stamps([0.0, 0.1])
    assert len(in_order.figure.axes[0].lines) == 2
    assert in_order.alt.endswith("0 of 1 steps go backwards.")
    with pytest.raises(ValueError, match="none of 2 frames has a time stamp; there is nothing to draw"):
        plots.time_stamps([math.nan, math.nan])


def test_sampling_marks_the_frames_taken_and_the_middles_of_the_parts() -> None:
    picture = plots.sampling(TIMES, [2, 3, 3, 4], CLIP, start_s=0.5, duration_s=0.75)
    timeline, *thumbs = picture.figure.axes
    frames, parts = timeline.patches[:8], timeline.patches[8:]
    assert [i for i, bar in enumerate(frames) if to_hex(bar.get_facecolor()).upper() == COLOURS[0]] == [2, 3, 4]
    assert [part.get_x() for part in parts] == pytest.approx([0.5, 0.6875, 0.875, 1.0625])
    assert timeline.lines[0].get_xdata() == pytest.approx([0.59375, 0.78125, 0.96875, 1.15625])
    assert [axes.get_xlabel() for axes in thumbs] == ["2", "3", "3", "4"]
    assert timeline.get_xlim() == (0, 2) and timeline.get_xlabel() == "time (s)"
    assert "4 equal parts of 0.750 s from 0.500 s on; shown at their middles are the frames 2, 3, 3, 4" in picture.alt


def test_pictures_of_one_video_have_one_size_and_reach_to_its_end() -> None:
    few = plots.sampling(TIMES, [3], CLIP[:, :1], title="a")
    many = plots.sampling(TIMES, [i % 8 for i in range(24)], CLIP[:, [0] * 24], title="b")
    assert few.figure.get_size_inches().tolist() == many.figure.get_size_inches().tolist()
    assert few.figure.axes[0].patches[8].get_width() == 2
    assert many.figure.axes[1].get_position().width < few.figure.axes[1].get_position().width


def test_sampling_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="picked is 1, 8; the video has frames 0 to 7"):
        plots.sampling(TIMES, [1, 8], CLIP[:, :2])
    with pytest.raises(ShapeError, match="axis 't'"):
        plots.sampling(TIMES, [1, 2, 3], CLIP[:, :2])


def test_the_tangent_leads_from_the_change_in_time_to_the_motion() -> None:
    x = np.arange(12)
    first, second = 0.05 * x, 0.05 * (x - 1.5)
    picture = plots.brightness_row(first.tolist(), second.tolist(), at=6, slope=0.05, title="Row")
    here, there, tangent, change, _ = picture.figure.axes[0].lines
    np.testing.assert_allclose(here.get_ydata(), first)
    np.testing.assert_allclose(there.get_ydata(), second)
    np.testing.assert_allclose(tangent.get_ydata(), 0.05 * tangent.get_xdata())
    np.testing.assert_allclose(change.get_ydata(), [first[6], second[6]])
    arrow = picture.figure.axes[0].texts[0]
    np.testing.assert_allclose([*arrow.xy, arrow.xyann[0]], [6, second[6], 4.5])
    assert picture.alt.startswith("Row. Brightness of 12 pixels")
    assert picture.alt.endswith("from 0.30 to 0.23, with a slope of 0.050 per px: 1.50 px.")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"second": [0.0]}, "first has 3 pixels and second 1; pass the same row of both frames"),
        ({"at": 3}, "at is 3; the row has pixels 0 to 2"),
        ({"slope": 0.0}, "the slope is 0: brightness that does not change along the row says nothing about motion"),
    ],
)
def test_rows_that_say_nothing_are_refused(changes: dict[str, object], message: str) -> None:
    given = {"first": [0.0, 0.1, 0.2], "second": [0.0, 0.1, 0.2], "at": 1, "slope": 0.1} | changes
    with pytest.raises(ValueError, match=message):
        plots.brightness_row(given.pop("first"), given.pop("second"), **given)  # type: ignore[arg-type]


def test_each_pixel_allows_the_motions_on_its_line() -> None:
    slopes = torch.tensor([[0.1, 0.0, 0.2, 0.0], [0.0, 0.3, 0.1, 0.0]])
    motion = (1.5, -1.0)
    change = -(slopes[0] * motion[0] + slopes[1] * motion[1])
    picture = plots.constraint_lines({"corner": torch.cat([slopes, change[None]])}, motion=motion, limit_px=4)
    (axes,) = picture.figure.axes
    (lines,) = (each for each in axes.collections if isinstance(each, LineCollection))
    segments = np.stack(lines.get_segments())
    assert len(segments) == 3  # the flat pixel has none
    for (start, end), slope, dt in zip(segments, slopes.T[:3].numpy(), change[:3].numpy(), strict=True):
        np.testing.assert_allclose([slope @ start + dt, slope @ end + dt], 0, atol=1e-6)
        assert np.linalg.norm(end - start) > 8 * math.sqrt(2)  # across the whole square
    assert axes.get_title() == "corner: 3 of 4 pixels"
    assert axes.get_xlim() == (-4, 4) and axes.get_ylim() == (4, -4)  # down is down
    assert picture.alt.endswith("corner: lines of 3 of 4 pixels. The true motion is (1.5, -1) px.")
    with pytest.raises(ValueError, match="derivatives is empty; pass at least one window"):
        plots.constraint_lines({}, motion=motion, limit_px=4)


def test_cases_share_one_wheel_and_one_scale_of_errors() -> None:
    cases = {"good": (FRAME, FRAME, RIGHT, RIGHT), "half": (FRAME, FRAME, 2 * RIGHT, RIGHT)}
    picture = plots.flow_cases(cases, max_px=2, max_error_px=1, arrows=False, title="Two")
    images = [axes.images[0].get_array() for axes in picture.figure.axes[:10]]
    np.testing.assert_array_equal(images[2], images[3])
    np.testing.assert_array_equal(images[3], images[8])  # 1 px to the right in both rows
    assert (images[7] != images[8]).any()
    dark, bright = images[4][0, 0].astype(int).sum(), images[9][0, 0].astype(int).sum()
    assert dark < 20 and bright > 500
    labels = [text.get_text() for text in picture.figure.texts]
    assert "good\nEPE 0.00 px\nzero flow 1.00 px" in labels and "half\nEPE 1.00 px\nzero flow 2.00 px" in labels
    assert [axes.get_title() for axes in picture.figure.axes[:5]] == [
        "first frame",
        "second frame",
        "exact flow",
        "estimated flow",
        "endpoint error",
    ]
    assert "half: EPE 1.00 px, zero flow 2.00 px; exact: mean speed 2.00 px/frame" in picture.alt
    assert picture.alt.endswith("The colour wheel ends at 2 px, the error at 1 px.")
    assert "ends at 2 px, the error at 2 px" in plots.flow_cases(cases).alt


def test_cases_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(ValueError, match="cases is empty; pass at least one pair of frames with its flows"):
        plots.flow_cases({})
    with pytest.raises(ShapeError, match="exact flow of a"):
        plots.flow_cases({"a": (FRAME, FRAME, RIGHT[:, :6], RIGHT)})
    with pytest.raises(ShapeError, match="first frame of b"):
        plots.flow_cases({"a": (FRAME, FRAME, RIGHT, RIGHT), "b": (CLIP[:, 0, :6], FRAME, RIGHT, RIGHT)})
    with pytest.raises(ValueError, match="max_error_px is 0; it should be a positive number, or None for the wheel's"):
        plots.flow_cases({"a": (FRAME, FRAME, RIGHT, RIGHT)}, max_error_px=0)
