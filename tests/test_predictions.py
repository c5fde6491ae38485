from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rev2net_lite import predictions
from rev2net_lite.evaluation import Interval
from rev2net_lite.predictions import (
    ChoicePrediction,
    Prediction,
    PredictionError,
    Question,
    RangePrediction,
    calibration,
    current_prediction,
    keep_prediction,
    note_question,
    predictions_file,
    read_predictions,
    reveal,
    was_revealed,
)

ASKED = "How accurate is it?"
RANGE = RangePrediction("04/untied", ASKED, 30.0, 50.0, "%")
CHOICE = ChoicePrediction("04/which", "Which <one>?", ("up", "down"), "up", 0.7)


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An own file, and a session that has asked and shown nothing."""
    path = tmp_path / "deep" / "kept.json"
    monkeypatch.setenv("REV2NET_PREDICTIONS", str(path))
    monkeypatch.setattr(predictions, "_ASKED", {})
    monkeypatch.setattr(predictions, "_SHOWN", set())
    return path


def new_session() -> None:
    predictions._ASKED.clear()
    predictions._SHOWN.clear()


# the file


def test_predictions_are_kept_in_order_and_read_back(file: Path) -> None:
    assert read_predictions() == () and not file.parent.exists()
    assert keep_prediction(RANGE) == RANGE and keep_prediction(CHOICE) == CHOICE
    assert read_predictions() == (RANGE, CHOICE)
    assert [entry["kind"] for entry in json.loads(file.read_text())["predictions"]] == ["range", "choice"]
    assert current_prediction(Question("04/untied", "Other words?", unit="%")) == RANGE
    # The same key for another question, since the notebook was changed.
    assert current_prediction(Question("04/untied", ASKED, unit="px")) is None
    assert current_prediction(Question("04/which", ASKED, choices=("up", "left"))) is None


def test_the_file_lies_among_the_build_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REV2NET_PREDICTIONS")
    assert predictions_file().parts[-2:] == ("build", "predictions.json")


def test_a_new_answer_replaces_the_old_one_before_the_outcome_is_shown() -> None:
    keep_prediction(RANGE)
    keep_prediction(CHOICE)
    other = RangePrediction("04/untied", ASKED, 1.0, 2.0, "%")
    assert not keep_prediction(other).again
    assert read_predictions() == (CHOICE, other)


def test_an_answer_after_the_outcome_is_a_second_try() -> None:
    keep_prediction(RANGE)
    assert not was_revealed("04/untied")
    reveal("04/untied", 60.0)
    new_session()
    assert was_revealed("04/untied")
    second = keep_prediction(RangePrediction("04/untied", ASKED, 59.0, 61.0, "%"))
    third = keep_prediction(RangePrediction("04/untied", ASKED, 58.0, 62.0, "%"))
    assert second.again and third.again
    first, kept = read_predictions()
    assert first.outcome == 60.0 and not first.again and kept == third
    shown = reveal("04/untied", 60.0)
    assert shown.prediction is not None and shown.prediction.low == 58.0  # type: ignore[union-attr]
    assert str(shown).endswith("inside your range. This was not your first try, so it is not counted.")
    found = calibration(read_predictions()).ranges
    assert found is not None and (found.value, found.n) == (0.0, 1)


def test_an_outcome_seen_in_this_session_is_seen_even_without_a_prediction() -> None:
    reveal("04/untied", 60.0)
    assert keep_prediction(RANGE).again
    new_session()
    # Another session, as one that executed the notebook without a reader, is another matter.
    assert not keep_prediction(CHOICE).again


def test_the_first_outcome_shown_is_the_one_that_counts() -> None:
    keep_prediction(RANGE)
    reveal("04/untied", 60.0)
    assert "The outcome is 40 %: inside your range." in str(reveal("04/untied", 40.0))
    assert read_predictions()[0].outcome == 60.0


def test_processes_do_not_lose_each_others_predictions(file: Path) -> None:
    code = """
import sys
from rev2net_lite.predictions import RangePrediction, keep_prediction
for i in range(10):
    keep_prediction(RangePrediction(f"04/{sys.argv[1]}-{i}", "How many?", 0, 1, ""))
"""
    running = [subprocess.Popen([sys.executable, "-c", code, name]) for name in ("a", "b")]
    assert [process.wait(60) for process in running] == [0, 0]
    assert len(read_predictions()) == 20
    assert {entry.name for entry in file.parent.iterdir()} <= {"kept.json", ".kept.json.lock"}


ENTRY = {"kind": "range", "key": "04/a", "question": "q", "low": 0, "high": 1, "unit": "", "outcome": None}
PICK = {"kind": "choice", "key": "04/a", "question": "q", "choices": ["x", "y"], "choice": "x", "confidence": 0.6}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "kept.json is not JSON, as a file of predictions should be; delete it to begin again, or mend it"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "kept.json is no file of predictions of schema 1; delete it"),
        ('{"schema": 2, "predictions": []}', "of schema 1"),
        (" " * 1_000_001, "has more than 1000000 bytes, which predictions do not"),
        ([3], "prediction 1 of .*kept.json is wrong: it should be an object whose kind is range or choice; delete"),
        ([ENTRY], "wrong: it has high, key, kind, low, .*; it should have kind, key, question, low, high, unit, outc"),
        ([ENTRY | {"again": 1}], "again of prediction 04/a is 1; it should be true or false"),
        ([ENTRY | {"again": False, "low": 1}], "prediction 04/a runs from 1 to 1; low should be below high"),
        ([ENTRY | {"again": False, "low": "0"}], "the low end of prediction 04/a is '0'; it should be a finite"),
        ([ENTRY | {"again": False, "high": 10**400}], "the high end of prediction 04/a is 1000.*; it should be a fin"),
        ([ENTRY | {"again": False, "outcome": True}], "the outcome of prediction 04/a is True"),
        ([ENTRY | {"again": False, "unit": None}], "the unit of prediction 04/a is 'None'; it should be a text of 0 "),
        ([ENTRY | {"again": False, "key": "4/A"}], "the key of a prediction is '4/A'; it should be the notebook's"),
        ([ENTRY | {"again": False, "question": ""}], "the question of prediction 04/a is ''; it should be a text of 1"),
        ([PICK | {"again": False, "outcome": None, "choices": "xy"}], "its choices are 'xy'; they should be a list"),
        ([PICK | {"again": False, "outcome": None, "choices": [["x"], "y"]}], "a choice of prediction 04/a is .*'x'"),
        ([PICK | {"again": False, "outcome": None, "choices": ["x"]}], "choices of prediction 04/a are .*at least two"),
        ([PICK | {"again": False, "outcome": "z"}], "the outcome of prediction 04/a is 'z'; its choices are x, y"),
        ([PICK | {"again": False, "outcome": None, "choice": None}], "the choice of prediction 04/a is None"),
        ([PICK | {"again": False, "outcome": None, "confidence": 0.4}], "confidence of .* is 0.4; .* from 0.50 to be"),
        ([PICK | {"again": False, "outcome": None, "confidence": "1"}], "the confidence of prediction 04/a is '1'"),
    ],
)
def test_a_bad_file_is_refused_in_one_sentence(file: Path, content: object, message: str) -> None:
    file.parent.mkdir()
    text = content if isinstance(content, str) else json.dumps({"schema": 1, "predictions": content})
    file.write_text(text)
    with pytest.raises(PredictionError, match=message):
        read_predictions()
    with pytest.raises(PredictionError, match=message):
        keep_prediction(RANGE)
    assert file.read_text() == text


def test_a_file_that_cannot_be_used_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.mkdir(parents=True)
    with pytest.raises(PredictionError, match=r"predictions in .*kept.json cannot be read: Is a directory"):
        read_predictions()
    monkeypatch.setenv("REV2NET_PREDICTIONS", "/dev/null/kept.json")
    with pytest.raises(PredictionError, match=r"cannot be kept in /dev/null/kept.json: .*; name another file in REV2N"):
        keep_prediction(RANGE)


def test_a_write_that_fails_leaves_the_old_file(monkeypatch: pytest.MonkeyPatch) -> None:
    keep_prediction(RANGE)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(predictions, "write_text_atomically", full)
    with pytest.raises(PredictionError, match=r"cannot be kept in .*kept.json: No space left on device; name another"):
        keep_prediction(CHOICE)
    assert read_predictions() == (RANGE,)


def test_a_file_held_by_another_process_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "_WAIT_S", 0.05)
    with (
        predictions._held(),
        pytest.raises(PredictionError, match=r"kept.json are held by another process; end it, then try again"),
    ):
        keep_prediction(RANGE)


# reveal


@pytest.mark.parametrize(
    ("prediction", "outcome", "words"),
    [
        (RANGE, 44.236, '"How accurate is it?" You were 80 % sure of 30 to 50 %. The outcome is 44.24 %: inside your '),
        (RANGE, 30, "The outcome is 30 %: inside your range."),
        (RANGE, 12345.6, "The outcome is 12350 %: outside your range."),
        (CHOICE, "up", '"Which <one>?" You said up (70 % sure). The outcome is up: as you said.'),
        (CHOICE, "down", "You said up (70 % sure). The outcome is down: not what you said."),
    ],
)
def test_an_outcome_is_shown_beside_the_prediction(prediction: Prediction, outcome: float | str, words: str) -> None:
    keep_prediction(prediction)
    shown = reveal(prediction.key, outcome)
    assert words in str(shown) and repr(shown) == str(shown)
    assert read_predictions()[0].outcome == outcome
    page = shown._repr_html_()
    assert "<one>" not in page and 'class="rev2net-reveal"' in page
    colour = "#0072B2" if ("inside" in words or "as you" in words) else "#D55E00"
    assert colour in page


def test_without_a_prediction_that_is_said() -> None:
    assert str(reveal("04/untied", 0.5)) == "No prediction was kept for 04/untied: the outcome is 0.5."
    note_question(Question("04/untied", ASKED, unit="%"))
    assert str(reveal("04/untied", 44)) == 'No prediction was kept for "How accurate is it?": the outcome is 44 %.'
    assert str(reveal("04/which", "up")) == "No prediction was kept for 04/which: the outcome is up."
    assert "#777777" in reveal("04/which", "up")._repr_html_() and read_predictions() == ()


def test_an_answer_to_an_older_form_of_the_question_is_left_aside() -> None:
    keep_prediction(RANGE)
    note_question(Question("04/untied", ASKED, choices=("low", "high")))
    assert str(reveal("04/untied", "low")).startswith("No prediction was kept")
    assert read_predictions() == (RANGE,)


def test_an_outcome_of_another_kind_is_refused() -> None:
    keep_prediction(RANGE)
    note_question(Question("04/which", "Which?", choices=("up", "down")))
    with pytest.raises(
        ValueError, match="the outcome of 04/untied is 'up'; a range was asked for, so it should be a n"
    ):
        reveal("04/untied", "up")
    for outcome in ("left", 3.0):
        with pytest.raises(ValueError, match=f"the outcome of 04/which is {outcome!r}; it should be one of up, down"):
            reveal("04/which", outcome)
    with pytest.raises(ValueError, match="the outcome of 04/untied is nan; it should be a finite number"):
        reveal("04/untied", float("nan"))
    assert not was_revealed("04/untied") and read_predictions() == (RANGE,)


# calibration


def choice(confidence: float, right: bool | None, *, again: bool = False) -> ChoicePrediction:
    outcome = None if right is None else "up" if right else "down"
    return ChoicePrediction("04/x", "Which?", ("up", "down", "left", "right"), "up", confidence, outcome, again)


def test_calibration_counts_first_tries_with_an_outcome() -> None:
    ranges = [RangePrediction("04/a", "q", 0, 1, "", outcome) for outcome in (0.0, 1.0, 2.0, 0.5, None)]
    ranges.append(RangePrediction("04/a", "q", 0, 1, "", 0.5, again=True))
    choices = [choice(0.25, False), choice(0.4, True), choice(0.7, True), choice(0.8, False), choice(0.99, True)]
    found = calibration([*ranges, *choices, choice(0.99, None), choice(0.99, False, again=True)])
    # Wilson's interval of 3 of 4, from its formula.
    assert found.ranges == Interval(0.75, pytest.approx(0.3006, abs=1e-4), pytest.approx(0.9544, abs=1e-4), 4)
    assert [(group.confidence, group.hits.value, group.hits.n) for group in found.choices] == [
        (pytest.approx(0.325), 0.5, 2),
        (pytest.approx(0.75), 0.5, 2),
        (pytest.approx(0.99), 1.0, 1),
    ]
    assert found.brier == pytest.approx((0.25**2 + 0.6**2 + 0.3**2 + 0.8**2 + 0.01**2) / 5)
    assert [(row["label"], row["confidence"], row["n"]) for row in found.rows()] == [
        ("80 % sure ranges", 0.8, 4),
        ("choices", pytest.approx(0.325), 2),
        ("choices", pytest.approx(0.75), 2),
        ("choices", pytest.approx(0.99), 1),
    ]


def test_nothing_counted_is_no_calibration() -> None:
    found = calibration([RANGE, CHOICE])
    assert found.ranges is None and found.choices == () and found.brier is None and found.rows() == []
