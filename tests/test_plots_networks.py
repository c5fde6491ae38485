from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.patches import Rectangle

from rev2net_lite import plots
from rev2net_lite.anatomy import Anatomy, DecoderPart, Part, ReceptiveField
from rev2net_lite.shapes import ShapeError

PARTS = Anatomy(
    clip=(3, 8, 32, 16),
    levels=(
        Part("level 0", (16, 8, 16, 8), 1_000, 3_000_000, ReceptiveField((3, 5, 7))),
        Part("level 1", (32, 4, 8, 4), 3_000, 4_000_000_000, ReceptiveField((9, 11, 13))),
        Part("level 2", (32, 2, 4, 2), 12_000_000, 996_000_000, ReceptiveField((9, 11, 13))),
    ),
    classifier=Part("classifier", (5,), 165, 320, None),
    decoders=(DecoderPart("flow decoder", (2, 7, 32, 16), ((8, 2, 4, 2), (6, 4, 8, 4)), 2_000_000, 1_000),),
)


def words(picture: plots.Picture) -> list[str]:
    return [text.get_text() for axes in picture.figure.axes for text in axes.texts]


def test_a_kernel_is_drawn_frame_by_frame_on_one_scale() -> None:
    kernel = torch.zeros(3, 2, 3)
    kernel[0, 0, 1], kernel[2, 1, 2] = -1.5, 0.5
    picture = plots.kernel_slices(kernel, title="K")
    planes = picture.figure.axes[:3]
    assert [axes.get_title() for axes in planes] == ["Frame −1", "Frame 0", "Frame +1"]
    for t, axes in enumerate(planes):
        np.testing.assert_array_equal(axes.images[0].get_array(), kernel[t])
        assert axes.images[0].get_clim() == (-1.5, 1.5)
    assert [text.get_text() for text in planes[0].texts] == ["0", "-1.5", "0", "0", "0", "0"]
    assert planes[0].texts[1].get_color() == "white" and planes[2].texts[5].get_color() == "black"
    assert picture.alt.startswith("K. A kernel over 3 frames of 3 x 2 px. Frame −1: 0, -1.5, 0; 0, 0, 0. Frame 0:")
    large = plots.kernel_slices(torch.arange(49.0).reshape(1, 7, 7))
    assert "Frame 0: from 0 to 48." in large.alt and not large.figure.axes[0].texts


def test_what_is_no_kernel_is_refused() -> None:
    with pytest.raises(ShapeError, match="kernel has shape"):
        plots.kernel_slices(torch.zeros(1, 1, 3, 3, 3))


def test_what_is_seen_keeps_its_colours_and_has_a_box_in_its_frames() -> None:
    clip = torch.zeros(3, 4, 8, 10)
    picture = plots.seen_part(clip, [(1, 3), (2, 4), (5, 10)], title="S")
    axes = picture.figure.axes
    boxes = [[patch for patch in each.patches if isinstance(patch, Rectangle)] for each in axes]
    assert [len(each) for each in boxes] == [0, 1, 1, 0]
    assert boxes[1][0].get_bbox().extents.tolist() == [4.5, 1.5, 9.5, 3.5]
    shown = axes[1].images[0].get_array()
    assert (shown[2:4, 5:10] == 0).all() and (shown == 0).sum() == 2 * 5 * 3
    assert (axes[0].images[0].get_array() > 150).all()
    assert picture.alt == (
        "S. A clip, 4 frames of 10 x 8 px. Seen are frames 1 to 2, y 2 to 3 px, x 5 to 9 px: 6 % of the clip."
    )
    assert len(plots.seen_part(clip, [(0, 4), (0, 8), (0, 10)], count=2).figure.axes) == 2


def test_pictures_of_one_clip_are_states_of_a_scrubber() -> None:
    windows = [[(0, end), (0, 2 * end), (0, 8)] for end in range(1, 5)]
    pictures = [plots.seen_part(torch.zeros(3, 4, 8, 8), window, title=f"{window}") for window in windows]
    # It refuses states of different sizes.
    assert "growing" in plots.scrubber(pictures, ["a", "b", "c", "d"], alt="growing")._repr_html_()


@pytest.mark.parametrize(
    "window", [[(0, 1), (0, 1)], [(0, 0), (0, 1), (0, 1)], [(0, 1), (-1, 1), (0, 1)], [(0, 1), (0, 1), (0, 11)]]
)
def test_a_window_outside_the_clip_is_refused(window: list[tuple[int, int]]) -> None:
    with pytest.raises(ValueError, match=r"it should be three pairs \(from, to\), each at least 1 long and inside the"):
        plots.seen_part(torch.zeros(3, 4, 8, 10), window)


def test_an_architecture_says_every_shape_and_number() -> None:
    picture = plots.architecture(PARTS, title="A")
    written = words(picture)
    for text in ("3 x 8 x 32 x 16", "16 x 8 x 16 x 8", "3 x 5 x 7", "9 x 11 x 13", "5 logits", "the whole clip"):
        assert text in written
    for text in ("stage 0", "8 x 2 x 4 x 2", "stage 1", "6 x 4 x 8 x 4", "2 x 7 x 32 x 16"):
        assert text in written
    for text in ("1.00 k", "3.00 M", "4.00 G", "12.0 M", "996 M", "165", "320", "2.00 M", "14.0 M", "5.00 G"):
        assert text in written
    # Part by part, of parameters and of FLOPs.
    shares = [text.removesuffix(" %") for text in written if text.endswith(" %")]
    assert " ".join(shares) == "0 0 0 80 86 20 0 0 14 0"
    assert picture.alt.startswith(
        "A. A clip 3 x 8 x 32 x 16 goes through 3 encoder levels and a classifier, and from the levels back through "
        "flow decoder. level 0: output 16 x 8 x 16 x 8, sees 3 x 5 x 7, 1.00 k parameters (0 %), 3.00 M FLOPs (0 %)."
    )
    assert picture.alt.endswith("Together: 14.0 M parameters, 5.00 G FLOPs.")


def test_stages_stand_under_the_level_of_their_grid() -> None:
    axes = plots.architecture(PARTS).figure.axes[0]
    at = {text.get_text(): text.get_position()[0] for text in axes.texts if text.get_position()[1] > 2.5}
    assert at["stage 0"] == at["level 2"] and at["stage 1"] == at["level 1"] and at["flow decoder"] == at["clip"]
    odd = replace(PARTS, decoders=(replace(PARTS.decoders[0], stages=((8, 2, 4, 2), (6, 4, 5, 4))),))
    axes = plots.architecture(odd).figure.axes[0]
    at = {text.get_text(): text.get_position()[0] for text in axes.texts if text.get_position()[1] > 2.5}
    assert at["stage 1"] == at["level 1"]


def test_of_two_levels_with_one_grid_the_last_has_the_stage() -> None:
    twice = replace(PARTS, levels=(*PARTS.levels, replace(PARTS.levels[-1], name="level 3")))
    axes = plots.architecture(twice).figure.axes[0]
    at = {text.get_text(): text.get_position()[0] for text in axes.texts if text.get_position()[1] > 2.8}
    assert at["stage 0"] == at["level 3"] and at["stage 1"] == at["level 1"]


def test_without_decoders_none_are_drawn() -> None:
    picture = plots.architecture(replace(PARTS, decoders=()))
    assert not any("stage" in text or "decoder" in text for text in words(picture))
    assert "decoder" not in picture.alt
    assert picture.figure.get_size_inches()[1] < plots.architecture(PARTS).figure.get_size_inches()[1] - 1


def test_a_pile_has_a_frame_for_each_step_and_sides_that_grow_with_the_map() -> None:
    axes = plots.architecture(PARTS).figure.axes[0]
    first = [patch for patch in axes.patches if patch.get_edgecolor()[:3] == (1, 1, 1)]
    assert len(first) == 8 + 8 + 4 + 2 + 1 + 2 + 4 + 7
    assert first[0].get_height() / first[0].get_width() == pytest.approx(2**0.5)
    assert first[0].get_height() / first[8].get_height() == pytest.approx(2**0.5)
