"""The dial has one curve per system and more than one strength; cards say claim, verdict and numbers."""

from __future__ import annotations

import pytest

from rev2net_lite import plots

ROWS = [
    {"model": model, "strength": pan, "mean": mean, "low": mean - 0.02, "high": mean + 0.03, "n": 5}
    for model, pan, mean in (("rgb", 0.0, 0.4), ("rgb", 0.12, 0.3), ("flow", 0.12, 0.5), ("flow", 0.0, 0.9))
]
CARD = {
    "id": "B1",
    "statement": "Rev2Net beats <RGB>",
    "verdict": "undecided",
    "difference": 0.021,
    "low": -0.01,
    "high": 0.052,
    "n": 5,
    "unit": "fraction",
    "seeds_to_decide": 12,
    "flips": "Another street",
}


def test_dial_curves_say_every_value_in_the_order_of_strengths():
    picture = plots.dial_curves(ROWS, chance=1 / 8, axis="pan", title="Dial")
    assert picture.alt == "Dial. Accuracy in % at pan 0, 0.12: rgb 40.0, 30.0; flow 90.0, 50.0."
    axes = picture.figure.axes[0]
    assert axes.get_xlabel() == "pan" and axes.get_ylabel() == "accuracy (%)"
    lines = [line for line in axes.lines if len(line.get_xdata()) == 2 and line.get_marker() != "None"]
    assert [list(line.get_ydata()) for line in lines[:1]] == [[40.0, 30.0]]


def test_dial_curves_draw_rows_without_an_interval():
    rows = [row | {"low": None, "high": None} for row in ROWS]
    assert plots.dial_curves(rows, chance=1 / 8, axis="pan").png()


def test_a_single_strength_is_refused():
    with pytest.raises(ValueError, match=r"the rows hold 1 strength\(s\); a dial needs two or more"):
        plots.dial_curves(ROWS[:1], chance=1 / 8, axis="pan")


def test_cards_say_claim_verdict_numbers_and_command():
    cards = plots.finding_cards([CARD], command="make reproduce")
    page = cards._repr_html_()
    assert "Rev2Net beats &lt;RGB&gt;" in page and "<code>make reproduce</code>" in page and "Another street" in page
    assert "Difference +2.10 points, 95 % interval -1.00 to +5.20, 5 seeds. About 12 seeds would decide." in str(cards)
    untested = CARD | {"verdict": "not tested", "difference": None, "seeds_to_decide": None, "flips": ""}
    assert "No pair of runs measured it." in str(plots.finding_cards([untested], command="x"))
