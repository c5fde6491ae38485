from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.quiver import Quiver

from rev2net_lite.bias import Tie, TwinEffect, twin_effect
from rev2net_lite.evaluation import Interval
from rev2net_lite.plots.bias import (
    bias_lab,
    level_matrices,
    probe_bars,
    resampled_accuracy,
    twin_effects,
    twin_rows,
)
from rev2net_lite.shapes import ShapeError

CLASSES = ["rise", "fall", "spin"]
CLIP = torch.zeros(3, 5, 8, 8, dtype=torch.uint8)


# --- level_matrices ---


def test_cells_hold_counts_and_colours_are_shares_of_the_row() -> None:
    tables = {"tied": [[3, 1, 0], [0, 0, 0]], "untied": [[1, 1, 2], [2, 1, 1]]}
    picture = level_matrices(tables, ["red", "blue"], CLASSES, level_label="colour", title="Ties")
    tied, untied, _ = picture.figure.axes
    assert tied.images[0].get_array().tolist() == [[75, 25, 0], [None, None, None]]
    assert untied.images[0].get_clim() == tied.images[0].get_clim() == (0, 100)
    assert [text.get_text() for text in tied.texts] == ["3", "1"]
    assert (tied.get_ylabel(), untied.get_ylabel(), tied.get_xlabel()) == ("colour", "", "class")
    assert picture.alt == (
        "Ties. Numbers of clips by colour and class. tied: 4 clips; most frequent class of red: rise (75 %). "
        "untied: 8 clips; most frequent class of red: spin (50 %), of blue: rise (50 %)."
    )


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({}, "tables is empty; pass at least one table of counts"),
        ({"a": [[0.5, 0, 1]]}, "table a holds no counts; pass whole numbers of 0 or more, not all 0"),
        ({"a": [[0, 0, 0]]}, "table a holds no counts"),
        ({"a": [[0, -1, 3]]}, "table a holds no counts"),
    ],
)
def test_tables_without_counts_are_refused(tables: dict[str, list[list[float]]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        level_matrices(tables, ["red"], CLASSES, level_label="colour")


def test_tables_of_another_size_are_refused() -> None:
    with pytest.raises(ShapeError, match="table a has"):
        level_matrices({"a": [[1, 2]]}, ["red"], CLASSES, level_label="colour")
    with pytest.raises(ValueError, match="classes is 'abc'; it should be a list of names"):
        level_matrices({"a": [[1, 2, 3]]}, ["red"], "abc", level_label="colour")


# --- twin_rows ---


def test_rows_hold_frames_and_the_most_probable_classes() -> None:
    clips = {"clip": CLIP, "shape\nof fall": CLIP + 9}
    probabilities = {"clip": [0.7, 0.1, 0.2], "shape\nof fall": [0.25, 0.7, 0.05]}
    picture = twin_rows(clips, probabilities, CLASSES, truth=dict.fromkeys(clips, "rise"), count=2, top=2)
    axes = picture.figure.axes
    assert [len(a.images) for a in axes] == [1, 1, 0, 1, 1, 0]
    assert axes[3].images[0].get_array().max() == 9
    assert [a.get_title() for a in axes[:2]] == ["frame 0", "frame 4"]
    assert [bar.get_width() for bar in axes[5].patches] == pytest.approx([70, 25])
    assert [label.get_text() for label in axes[5].get_yticklabels()] == ["fall", "rise (true)"]
    # The true class is told by its colour and by the lack of a hatch.
    assert [bar.get_hatch() for bar in axes[5].patches] == ["///", ""]
    assert axes[2].get_xlim() == axes[5].get_xlim()
    assert picture.alt == (
        "A clip of 8 x 8 px and twins, one row each, with class probabilities. "
        "clip (motion of rise): rise 70 %, spin 20 %. shape of fall (motion of rise): fall 70 %, rise 25 %."
    )


def test_rows_that_do_not_go_together_are_refused() -> None:
    clips, chosen, truth = {"clip": CLIP}, {"clip": [0.7, 0.1, 0.2]}, {"clip": "rise"}
    with pytest.raises(ValueError, match="clips is empty; pass at least one clip"):
        twin_rows({}, {}, CLASSES, truth={})
    with pytest.raises(ValueError, match="top is 0; it should be at least 1"):
        twin_rows(clips, chosen, CLASSES, truth=truth, top=0)
    with pytest.raises(ValueError, match="count is 0; it should be at least 1"):
        twin_rows(clips, chosen, CLASSES, truth=truth, count=0)
    with pytest.raises(ValueError, match="clips has the rows clip and probabilities has twin; give both the same"):
        twin_rows(clips, {"twin": [1, 0, 0]}, CLASSES, truth=truth)
    with pytest.raises(ValueError, match="clips has the rows clip and truth has twin; give both the same"):
        twin_rows(clips, chosen, CLASSES, truth={"twin": "rise"})
    with pytest.raises(ValueError, match="truth is 'jump'; the classes are rise, fall, spin"):
        twin_rows(clips, chosen, CLASSES, truth={"clip": "jump"})
    with pytest.raises(ValueError, match="probabilities clip has values from -1 to 2; they should be fractions"):
        twin_rows(clips, {"clip": [2.0, -1.0, 0.0]}, CLASSES, truth=truth)
    with pytest.raises(ShapeError, match="probabilities clip has"):
        twin_rows(clips, {"clip": [1.0, 0.0]}, CLASSES, truth=truth)
    other = {"clip": CLIP, "twin": CLIP[:, :2]}
    with pytest.raises(ValueError, match=r"clip twin has shape \(2, 8, 8, 3\), the first \(5, 8, 8, 3\); expected"):
        twin_rows(other, {name: [1, 0, 0] for name in other}, CLASSES, truth=dict.fromkeys(other, "rise"))


# --- twin_effects ---


def effect(flipped: int) -> TwinEffect:
    before, after = torch.eye(2)[[0] * 10], torch.eye(2)[[1] * flipped + [0] * (10 - flipped)]
    zeros = torch.zeros(10, dtype=torch.long)
    return twin_effect(before, 0.9 * after + 0.05, labels=zeros, donor_labels=zeros + 1)


def test_effects_are_drawn_with_their_intervals() -> None:
    picture = twin_effects({"shape": effect(1), "background": effect(5)})
    shares, changes = picture.figure.axes
    marks = [line for line in shares.lines if line.get_linestyle() == "None" and line.get_marker() in "os"]
    assert [line.get_xdata()[0] for line in marks] == pytest.approx([10, 10, 50, 50])
    assert [label.get_text() for label in shares.get_yticklabels()] == ["shape", "background"]
    assert shares.get_xlabel() == "share of clips (%), n = 10"
    assert changes.get_ylim() == shares.get_ylim() and shares.get_xlim() == (0, 100)
    assert "shape: 10.0 % (1.8 to 40.4) flip, 10.0 % (1.8 to 40.4) are predicted as the donor's class" in picture.alt
    assert "background: 50.0 % (23.7 to 76.3) flip" in picture.alt
    assert "probability -14.0 points (-34.4 to +6.4) (n = 10)" in picture.alt


def test_a_single_clip_has_a_change_without_interval() -> None:
    p = torch.tensor([[0.75, 0.25]])
    alone = twin_effect(p, p, labels=torch.tensor([0]), donor_labels=torch.tensor([1]))
    assert "probability +0.0 points (n = 1)" in twin_effects({"shape": alone}).alt


def test_no_effects_are_refused() -> None:
    with pytest.raises(ValueError, match="effects is empty; pass the effect of at least one factor"):
        twin_effects({})


# --- probe_bars ---


def test_bars_stack_to_the_whole() -> None:
    shares = {"studio": {"frozen": [0.5, 0.3, 0.2], "reversed": [0.1, 0.85, 0.05]}, "untied": {"frozen": [0.1, 0, 0.9]}}
    picture = probe_bars(shares, ["right", "opposite", "other"], n=40, chance=0.125)
    studio, untied = picture.figure.axes
    assert [(bar.get_x(), bar.get_width()) for bar in studio.patches[:3]] == [
        pytest.approx(pair) for pair in ((0, 50), (50, 30), (80, 20))
    ]
    # A share too small for its number has none.
    assert [text.get_text() for text in studio.texts] == ["50", "30", "20", "10", "85"]
    assert studio.get_xlim() == untied.get_xlim() == (0, 100)
    assert [line.get_xdata()[0] for line in untied.lines] == [12.5]
    assert picture.alt.startswith("Predictions under probes, n = 40 clips per split. studio, frozen: right 50 %,")
    assert picture.alt.endswith(
        "untied, frozen: right 10 %, opposite 0 %, other 90 %. Chance of being right is 12.5 %."
    )


def test_shares_that_are_none_are_refused() -> None:
    for empty in ({}, {"studio": {}}):
        with pytest.raises(ValueError, match="shares is empty; pass at least one split with at least one probe"):
            probe_bars(empty, ["right"], n=1)
    with pytest.raises(ValueError, match=r"the shares of studio, frozen have sum 0\.7; it should be 1"):
        probe_bars({"studio": {"frozen": [0.5, 0.2]}}, ["right", "wrong"], n=1)
    with pytest.raises(ValueError, match="the row of studio, frozen has values from -1 to 2; they should be fractions"):
        probe_bars({"studio": {"frozen": [2, -1]}}, ["right", "wrong"], n=1)
    with pytest.raises(ShapeError, match="shares of studio, frozen has"):
        probe_bars({"studio": {"frozen": [1.0]}}, ["right", "wrong"], n=1)


# --- resampled_accuracy ---


def test_draws_stand_on_one_scale_with_their_interval() -> None:
    draws = {10: [0.4, 0.5, 0.5, 0.6], 1000: [0.5, 0.5, 0.5, 0.51]}
    picture = resampled_accuracy(draws, {10: (0.25, 0.75), 1000: (0.47, 0.53)}, value=0.5)
    few, many = picture.figure.axes
    assert few.get_xlim() == many.get_xlim() == (0, 100)
    assert sum(bar.get_height() for bar in few.patches[:40]) == pytest.approx(100)
    assert (few.patches[40].get_x(), few.patches[40].get_width()) == (25, 50)
    assert many.get_title() == "1,000 clips"
    assert "10 clips: 95 % of 4 draws lie between 40.8 and 59.2 %; Wilson's interval is 25.0 to 75.0 %" in picture.alt


def test_draws_and_intervals_of_other_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="draws has the numbers of clips 10 and intervals 20; give both the same"):
        resampled_accuracy({10: [0.5]}, {20: (0.4, 0.6)}, value=0.5)
    with pytest.raises(ValueError, match="draws of 10 clips has values from 50 to 50; they should be fractions"):
        resampled_accuracy({10: [50.0]}, {10: (0.4, 0.6)}, value=0.5)


# --- bias_lab ---


def tied(factor: str, value: float) -> Tie:
    guess = Interval(value, value - 0.05, value + 0.05, 320)
    return Tie(factor, ("a",), ("b",), torch.ones(1, 1), information=value / 2, by_chance=0.0, guess=guess)


STILLS = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
TIES = {"studio": [tied("shape", 0.8), tied("pan", 0.2)], "street": [tied("shape", 0.125)]}


def test_the_lab_shows_clips_pans_twins_and_ties() -> None:
    picture = bias_lab(
        {"studio\nrise": STILLS, "street\nrise": STILLS + 7},
        TIES,
        pans={"studio\nrise": np.zeros((2, 2)), "street\nrise": np.array([[2.0, 0.0], [0.0, 0.0]])},
        captions={"studio\nrise": ["a", "b"], "street\nrise": ["c", "d"]},
        strips={"clip": CLIP},
        chance=1 / 8,
    )
    *rows, chart = picture.figure.axes
    assert [[int(image.get_array().max()) for image in axes.images] for axes in rows] == [[0, 0], [7, 7], [0, 0]]
    assert [[text.get_text() for text in axes.texts] for axes in rows] == [["a", "b"], ["c", "d"], []]
    # Pictures are square and side by side; an arrow stands only where the camera moves.
    assert rows[0].images[1].get_extent()[0] > 1 and rows[0].get_xlim()[1] == rows[0].images[1].get_extent()[1]
    arrows = [[c.N for c in axes.collections if isinstance(c, Quiver)] for axes in rows]
    assert arrows == [[], [1], []]
    assert [label.get_text() for label in chart.get_yticklabels()] == ["shape", "pan"]
    assert {text.get_text() for text in chart.texts} == {"0.40", "0.06", "0.10", "tie (0 to 1)"}
    assert picture.alt == (
        "2 rows of 2 clips (studio rise, street rise), and clip. Accuracy of naming the class from one factor alone, "
        "and tie (0 none, 1 full): shape in studio 80 %, tie 0.40; pan in studio 20 %, tie 0.10; "
        "shape in street 12 %, tie 0.06. Chance is 12.5 %."
    )


def test_labs_of_one_layout_are_of_one_size() -> None:
    figures = [bias_lab({"a": STILLS}, {"b": [tied("pan", value)]}, chance=0.125).figure for value in (0.2, 0.9)]
    assert len({tuple(figure.get_size_inches()) for figure in figures}) == 1


def test_a_lab_that_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="stills or ties is empty; pass at least one row of clips and one tie"):
        bias_lab({}, TIES, chance=0.125)
    with pytest.raises(ValueError, match="stills or ties is empty; pass at least one row of clips and one tie"):
        bias_lab({"a": STILLS}, {"studio": []}, chance=0.125)
    with pytest.raises(ValueError, match=r"chance has values from 12\.5 to 12\.5; they should be fractions"):
        bias_lab({"a": STILLS}, TIES, chance=12.5)
    with pytest.raises(ShapeError, match="row b has"):
        bias_lab({"a": STILLS, "b": STILLS[:1]}, TIES, chance=0.125)
    with pytest.raises(ShapeError, match="stills has"):
        bias_lab({"a": CLIP}, TIES, chance=0.125)
    with pytest.raises(ShapeError, match="pans a has"):
        bias_lab({"a": STILLS}, TIES, pans={"a": np.zeros((1, 2))}, chance=0.125)
