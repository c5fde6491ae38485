from __future__ import annotations

import re
from pathlib import Path

import pytest

from rev2net_lite import predictions
from rev2net_lite.bundled import notebooks_folder
from rev2net_lite.execution import read_notebook
from rev2net_lite.predictions import ChoicePrediction, RangePrediction, read_predictions
from rev2net_lite.widgets import predict_choice, predict_range, reveal


@pytest.fixture(autouse=True)
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("REV2NET_PREDICTIONS", str(tmp_path / "kept.json"))
    monkeypatch.setattr(predictions, "_ASKED", {})
    monkeypatch.setattr(predictions, "_SHOWN", set())
    return tmp_path / "kept.json"


def range_form():
    return predict_range("04/untied", "How accurate is it on <untied> clips?", low=0, high=100, unit="%")


def choice_form():
    return predict_choice("04/which", "Which way?", ["up", "down", "left"])


def test_a_range_is_asked_for_and_kept() -> None:
    form = range_form()
    assert "Predict first." in form.children[1].value and "&lt;untied&gt; clips?" in form.children[1].value
    assert form.answer.description == "80 % sure range (%)"
    assert (form.answer.min, form.answer.max, form.answer.step, form.answer.readout_format) == (0, 100, 1, ".0f")
    assert set(form._dom_classes) == {"rev2net-predict", "rev2net-predict-04-untied", "rev2net-keys"}
    classes = [child._dom_classes for child in form.children[2:]]
    assert classes == [("rev2net-answer",), ("rev2net-keep",), ("rev2net-status",)]
    assert form.status.value == "" and read_predictions() == ()
    form.answer.value = (30, 50)
    form.keep.click()
    assert read_predictions() == (RangePrediction("04/untied", "How accurate is it on <untied> clips?", 30, 50, "%"),)
    assert 'role="status"' in form.status.value and "Kept: 30 to 50 %." in form.status.value


def test_a_choice_is_asked_for_and_kept() -> None:
    form = choice_form()
    assert form.answer.options == ("up", "down", "left") and form.answer.value is None
    assert form.confidence.options[0] == ("33 % (a guess)", 1 / 3) and form.confidence.options[1] == ("40 %", 0.4)
    assert form.confidence.options[-1] == ("99 %", 0.99) and form.confidence.value == 1 / 3
    form.answer.value, form.confidence.value = "left", 0.9
    form.keep.click()
    assert read_predictions() == (ChoicePrediction("04/which", "Which way?", ("up", "down", "left"), "left", 0.9),)
    assert "Kept: left (90 % sure)." in form.status.value


def test_a_page_without_a_kernel_still_says_what_is_asked() -> None:
    asked = range_form()._repr_mimebundle_()["text/html"]
    assert asked == '<p class="note"><strong>Predict first.</strong> How accurate is it on &lt;untied&gt; clips?</p>'
    assert "Which way?: up; down; left</p>" in choice_form()._repr_mimebundle_()["text/html"]


def test_an_answer_that_says_nothing_is_not_kept() -> None:
    for form, words in (
        (range_form(), "This range holds everything: move its ends first"),
        (choice_form(), "No answer is chosen: choose one first"),
    ):
        form.keep.click()
        assert 'role="alert"' in form.status.value and words in form.status.value
    assert read_predictions() == ()


def test_a_form_shows_again_what_was_kept() -> None:
    form = range_form()
    form.answer.value = (30, 50)
    form.keep.click()
    form = choice_form()
    form.answer.value, form.confidence.value = "down", 0.7
    form.keep.click()
    again = range_form()
    assert again.answer.value == (30, 50) and "Kept: 30 to 50 %." in again.status.value
    again = choice_form()
    assert (again.answer.value, again.confidence.value) == ("down", 0.7)


def test_a_change_after_keeping_is_said() -> None:
    form = choice_form()
    form.answer.value = "up"
    assert form.status.value == ""
    form.keep.click()
    form.confidence.value = 0.7
    assert "Changed since it was kept: press the button again" in form.status.value
    assert read_predictions()[0].confidence == 1 / 3  # type: ignore[union-attr]
    form.keep.click()
    assert "Kept: up (70 % sure)." in form.status.value
    # What a form shows again was kept, too.
    again = choice_form()
    again.answer.value = "down"
    assert "Changed since it was kept" in again.status.value


def test_after_the_outcome_the_form_says_second_try() -> None:
    form = range_form()
    form.answer.value = (30, 50)
    form.keep.click()
    assert "inside your range" in str(reveal("04/untied", 44.0))
    again = range_form()
    assert "Kept: 30 to 50 %. The outcome has been shown: what you keep now is a second try" in again.status.value
    again.answer.value = (43, 45)
    again.keep.click()
    assert "this second try is not counted" in again.status.value
    assert [each.again for each in read_predictions()] == [False, True]


def test_an_outcome_is_shown_with_the_words_of_the_question_when_nothing_was_kept() -> None:
    choice_form()
    assert str(reveal("04/which", "up")) == 'No prediction was kept for "Which way?": the outcome is up.'


def test_a_bad_file_is_said_by_the_form(file: Path) -> None:
    file.write_text("{")
    form = range_form()
    assert 'role="alert"' in form.status.value and "is not JSON" in form.status.value
    form.answer.value = (30, 50)
    form.keep.click()
    assert 'role="alert"' in form.status.value and "is not JSON" in form.status.value and file.read_text() == "{"


@pytest.mark.parametrize(
    ("low", "high", "step", "readout"),
    [(0, 100, 1, ".0f"), (0.0, 1.0, 0.01, ".2f"), (0, 3.0, 0.01, ".2f"), (100, 5100, 100, ".0f")],
)
def test_the_range_has_about_a_hundred_steps(low: float, high: float, step: float, readout: str) -> None:
    form = predict_range("04/a", "How much?", low=low, high=high, unit="")
    assert form.answer.step == pytest.approx(step) and form.answer.readout_format == readout
    assert form.answer.description == "80 % sure range"


def test_a_form_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="question 04/a offers 1 to 1; low should be finite and below high"):
        predict_range("04/a", "How many?", low=1, high=1, unit="")
    with pytest.raises(ValueError, match="the key of a prediction is 'untied'; it should be the notebook's number"):
        predict_range("untied", "How many?", low=0, high=1, unit="")
    with pytest.raises(ValueError, match="the choices of question 04/a are the text 'up'; pass a list"):
        predict_choice("04/a", "Which?", "up")
    with pytest.raises(ValueError, match="question 04/a has no choices; give at least two"):
        predict_choice("04/a", "Which?", [])
    with pytest.raises(ValueError, match=r"the choices of prediction 04/a are .*; give at least two"):
        predict_choice("04/a", "Which?", ["up"])


@pytest.mark.parametrize("path", sorted(notebooks_folder().glob("[0-9][0-9]_*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_reveals_what_it_asks_and_nothing_else(path: Path) -> None:
    code = "\n".join(cell.source for cell in read_notebook(path).cells if cell.cell_type == "code")
    asked = re.findall(r'predict_(?:range|choice)\(\s*"([^"]*)"', code)
    assert sorted(asked) == sorted(set(re.findall(r'reveal\(\s*"([^"]*)"', code)))
    assert all(key.startswith(path.stem[:3].replace("_", "/")) for key in asked)
