from __future__ import annotations

import pytest

from rev2net_lite.plots import Picture, calibration

ROWS = [
    {"label": "80 % sure ranges", "confidence": 0.8, "share": 0.5, "low": 0.29, "high": 0.71, "n": 18},
    {"label": "choices", "confidence": 0.8, "share": 0.75, "low": 0.4, "high": 0.9, "n": 9},
    {"label": "choices", "confidence": 0.97, "share": 1.0, "low": None, "high": None, "n": 1},
]


def test_groups_stand_at_their_confidence_and_share() -> None:
    picture = calibration(ROWS, title="Yours")  # type: ignore[arg-type]
    assert isinstance(picture, Picture)
    axes = picture.figure.axes[0]
    places = {line.get_label(): line.get_xydata().tolist() for line in axes.lines if line.get_label()[0] != "_"}
    assert places["as sure as right"] == [[0, 0], [100, 100]]
    assert places["80 % sure ranges"] == [[80, 50]]
    # Beside the other label's, so that equal confidences can be told apart.
    assert places["choices"] == [[pytest.approx(81.2), 75], [pytest.approx(98.2), 100]]
    assert [text.get_text() for text in axes.texts] == ["n = 18", "n = 9", "n = 1", "too sure", "not sure enough"]
    assert axes.get_xlabel() == "stated confidence (%)" and axes.get_ylabel() == "came true (%)"
    assert picture.alt == (
        "Yours. Stated confidence against the share that came true. "
        "80 % sure ranges: 80 % stated, 50 % came true (29 to 71 %, n = 18). "
        "choices: 80 % stated, 75 % came true (40 to 90 %, n = 9). "
        "choices: 97 % stated, 100 % came true (n = 1)."
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"confidence": 80}, "the row of choices has values from 0.75 to 80; they should be fractions"),
        ({"low": 0.8}, "the interval of choices runs from 0.8 to 0.9 and its share is 0.75"),
        ({"n": 0}, "n of choices is 0; it should be at least 1"),
    ],
)
def test_rows_that_cannot_be_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        calibration([ROWS[1] | change])  # type: ignore[list-item]


def test_no_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="rows is empty; pass at least one row with label, confidence, share, low"):
        calibration([])
    with pytest.raises(ValueError, match="a row has label; confidence, share, low, high, n should be there too"):
        calibration([{"label": "choices"}])  # type: ignore[typeddict-item]
