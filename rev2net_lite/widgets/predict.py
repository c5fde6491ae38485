"""Forms that ask for a prediction before a cell shows the answer."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

import ipywidgets

from rev2net_lite.predictions import (
    RANGE_CONFIDENCE,
    ChoicePrediction,
    Prediction,
    Question,
    RangePrediction,
    current_prediction,
    keep_prediction,
    note_question,
    reveal,
    was_revealed,
)
from rev2net_lite.widgets.shell import keep_keys

__all__ = ["PredictionForm", "predict_choice", "predict_range", "reveal"]

_WIDE = {"width": "100%", "max_width": "44em"}
_KEEP = "Keep this prediction"


class PredictionForm(ipywidgets.VBox):
    """A question, inputs for its answer, and a button that keeps it; made by `predict_range` and `predict_choice`.

    The whole has the CSS classes `rev2net-predict` and `rev2net-predict-<notebook>-<short-name>`, its parts
    `rev2net-answer`, `rev2net-confidence` (choices only), `rev2net-keep` and `rev2net-status`.

    Attributes:
        question: what is asked.
        answer: the widget of the answer.
        confidence: the widget of the confidence; None for a range.
        keep: the button.
        status: what the form says about the answer, as HTML.
    """

    def __init__(
        self,
        question: Question,
        advice: str,
        answer: ipywidgets.ValueWidget,
        confidence: ipywidgets.ValueWidget | None,
    ) -> None:
        self.question = question
        self.answer = answer.add_class("rev2net-answer")
        self.confidence = None if confidence is None else confidence.add_class("rev2net-confidence")
        self.keep = ipywidgets.Button(
            description=_KEEP, tooltip=_KEEP, icon="check", layout={"width": "auto", "align_self": "flex-start"}
        ).add_class("rev2net-keep")
        self.status = ipywidgets.HTML().add_class("rev2net-status")
        text = ipywidgets.HTML(
            f'<div style="line-height:1.5"><strong>Predict first.</strong> {html.escape(question.text)}<br>'
            f"<small>{html.escape(advice)}</small></div>"
        )
        inputs = [self.answer] if self.confidence is None else [self.answer, self.confidence]
        super().__init__([text, *inputs, self.keep, self.status], layout={"padding": "0.4em 0"})
        self.add_class("rev2net-predict").add_class(f"rev2net-predict-{question.key.replace('/', '-')}")
        keep_keys(self)
        self.keep.on_click(lambda _: self._keep())
        note_question(question)
        self._kept = False
        self._show_kept()
        for widget in inputs:
            widget.observe(lambda _: self._changed(), names="value")

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str] | None:
        """The form, and its question for a page where no form works."""
        bundle = super()._repr_mimebundle_(include=include, exclude=exclude)
        if bundle is not None:
            choices = "; ".join(self.question.choices)
            words = f"{self.question.text}{': ' + choices if choices else ''}"
            bundle["text/html"] = f'<p class="note"><strong>Predict first.</strong> {html.escape(words)}</p>'
        return bundle

    def _show_kept(self) -> None:
        """The prediction kept earlier, as the form's answer and in words."""
        try:
            kept, seen = current_prediction(self.question), was_revealed(self.question.key)
        except ValueError as error:
            self._say(str(error), alert=True)
            return
        words = ""
        if isinstance(kept, RangePrediction):
            self.answer.value = (max(kept.low, self.answer.min), min(kept.high, self.answer.max))
        elif isinstance(kept, ChoicePrediction) and self.confidence is not None:
            self.answer.value = kept.choice
            self.confidence.value = min(self.confidence.options, key=lambda option: abs(option[1] - kept.confidence))[1]
        if kept is not None:
            self._kept = True
            words = f"Kept: {kept.words()}."
        if seen:
            words += " The outcome has been shown: what you keep now is a second try and is not counted."
        self._say(words.strip())

    def _keep(self) -> None:
        try:
            prediction = self._prediction()
            kept = keep_prediction(prediction)
        except ValueError as error:
            self._say(str(error), alert=True)
            return
        self._kept = True
        again = " The outcome had been shown, so this second try is not counted." if kept.again else ""
        self._say(f"Kept: {kept.words()}.{again}")

    def _changed(self) -> None:
        # A change made just before the button was pressed may arrive after it.
        if self._kept:
            self._kept = False
            self._say("Changed since it was kept: press the button again to keep it as it is now.")

    def _prediction(self) -> Prediction:
        asked, value = self.question, self.answer.value
        if self.confidence is None:
            low, high = value
            if (low, high) == (self.answer.min, self.answer.max):
                raise ValueError("This range holds everything: move its ends first, then keep it.")
            return RangePrediction(asked.key, asked.text, low, high, asked.unit)
        if value is None:
            raise ValueError("No answer is chosen: choose one first, then keep it.")
        return ChoicePrediction(asked.key, asked.text, asked.choices, value, self.confidence.value)

    def _say(self, words: str, *, alert: bool = False) -> None:
        role, colour = ("alert", "#D55E00") if alert else ("status", "#0072B2")
        style = f"border-left:4px solid {colour};padding:0 0.8em;line-height:1.5;overflow-wrap:anywhere"
        self.status.value = f'<div role="{role}" style="{style}">{html.escape(words)}</div>' if words else ""


def predict_range(key: str, question: str, *, low: float, high: float, unit: str) -> PredictionForm:
    """A form for a range that its reader is 80 % sure of.

    Args:
        key: `"<notebook>/<short-name>"`, for example `"04/untied"`; `reveal` takes the same.
        question: what is asked.
        low: smallest number that can be given.
        high: largest.
        unit: unit of both, or "".

    Raises:
        ValueError: the key is of another form, the question is empty, or the range is.
    """
    asked = Question(key, question, unit=unit)
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"question {key} offers {low} to {high}; low should be finite and below high")
    step = 10.0 ** math.floor(math.log10((high - low) / 50))
    digits = max(0, -round(math.log10(step)))
    unit_words = f" ({unit})" if unit else ""
    answer = ipywidgets.FloatRangeSlider(
        value=(low, high),
        min=low,
        max=high,
        step=step,
        readout_format=f".{digits}f",
        description=f"{100 * RANGE_CONFIDENCE:.0f} % sure range{unit_words}",
        tooltip="Tab goes to either end; arrow keys move it",
        style={"description_width": "initial"},
        layout=_WIDE,
    )
    advice = "Move both ends until you would bet four to one that the answer lies between them."
    return PredictionForm(asked, advice, answer, None)


def predict_choice(key: str, question: str, choices: Sequence[str]) -> PredictionForm:
    """A form for one of several answers, with the reader's confidence in it.

    Args:
        key: `"<notebook>/<short-name>"`; `reveal` takes the same.
        question: what is asked.
        choices: the answers offered.

    Raises:
        ValueError: the key is of another form, the question is empty, or there are fewer than two different choices.
    """
    if isinstance(choices, str):
        raise ValueError(f"the choices of question {key} are the text {choices!r}; pass a list of answers")
    if not choices:
        raise ValueError(f"question {key} has no choices; give at least two")
    asked = Question(key, question, choices=tuple(choices))
    answer = ipywidgets.RadioButtons(
        options=asked.choices, value=None, layout={"width": "auto"}, tooltip="arrow keys choose"
    )
    chance = 1 / len(choices)
    steps = [chance] + [level for level in (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99) if level > chance + 0.01]
    words = [f"{100 * chance:.0f} % (a guess)", *(f"{100 * level:.0f} %" for level in steps[1:])]
    confidence = ipywidgets.SelectionSlider(
        options=list(zip(words, steps, strict=True)),
        value=chance,
        description="How sure are you?",
        tooltip="arrow keys move it",
        style={"description_width": "initial"},
        layout=_WIDE,
    )
    return PredictionForm(asked, "Choose, and say how sure you are.", answer, confidence)
