"""What a reader predicted before the answer was shown, and how well such predictions hold.

A range is asked for so that its reader is 80 % sure of it; a choice comes with the reader's own confidence. The answers
stand in one JSON file, so that the last notebook can look back at those of all the others.
"""

from __future__ import annotations

import contextlib
import html
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from filelock import FileLock, Timeout

from rev2net_lite.bundled import build_folder
from rev2net_lite.evaluation import Interval, accuracy
from rev2net_lite.files import write_text_atomically

if TYPE_CHECKING:
    from rev2net_lite.plots.calibration import CalibrationRow

__all__ = [
    "RANGE_CONFIDENCE",
    "Calibration",
    "ChoicePrediction",
    "ConfidenceGroup",
    "Prediction",
    "PredictionError",
    "Question",
    "RangePrediction",
    "Reveal",
    "calibration",
    "current_prediction",
    "keep_prediction",
    "note_question",
    "predictions_file",
    "read_predictions",
    "reveal",
    "was_revealed",
]

RANGE_CONFIDENCE = 0.8
_VARIABLE = "REV2NET_PREDICTIONS"
_SCHEMA = 1
_MAX_BYTES = 1_000_000
_MAX_TEXT = 500
_WAIT_S = 10.0
_KEY = re.compile(r"\d\d/[a-z0-9][a-z0-9-]*")
# Lower ends of the groups of stated confidence: too few predictions are made to look at each value.
_GROUPS = (0.0, 0.5, 0.7, 0.9)


class PredictionError(ValueError):
    """The file of predictions cannot be read or written."""


@dataclass(frozen=True)
class RangePrediction:
    """A range that its reader was 80 % sure of.

    Args:
        key: `"<notebook>/<short-name>"`, for example `"04/untied"`.
        question: what was asked.
        low: lower end.
        high: upper end.
        unit: unit of both, or "".
        outcome: what was found; None before it was shown.
        again: kept after an outcome had been shown, so it is not counted.

    Raises:
        ValueError: a field is out of its range.
    """

    key: str
    question: str
    low: float
    high: float
    unit: str
    outcome: float | None = None
    again: bool = False

    def __post_init__(self) -> None:
        _check_common(self.key, self.question, self.again)
        _check_text(f"the unit of prediction {self.key}", self.unit, least=0)
        _check_number(f"the low end of prediction {self.key}", self.low)
        _check_number(f"the high end of prediction {self.key}", self.high)
        if self.outcome is not None:
            _check_number(f"the outcome of prediction {self.key}", self.outcome)
        if not self.low < self.high:
            raise ValueError(f"prediction {self.key} runs from {self.low:g} to {self.high:g}; low should be below high")

    def came_true(self) -> bool | None:
        """Whether the range holds the outcome; None before there is one."""
        return None if self.outcome is None else self.low <= self.outcome <= self.high

    def words(self) -> str:
        """The prediction in a few words."""
        return f"{_digits(self.low)} to {_digits(self.high)} {self.unit}".rstrip()


@dataclass(frozen=True)
class ChoicePrediction:
    """One of several answers, and how sure its reader was of it.

    Args:
        key: `"<notebook>/<short-name>"`.
        question: what was asked.
        choices: the answers offered.
        choice: the answer given.
        confidence: how sure the reader was, from one over the number of choices up to, but not including, 1.
        outcome: the right answer; None before it was shown.
        again: kept after an outcome had been shown, so it is not counted.

    Raises:
        ValueError: a field is out of its range.
    """

    key: str
    question: str
    choices: tuple[str, ...]
    choice: str
    confidence: float
    outcome: str | None = None
    again: bool = False

    def __post_init__(self) -> None:
        _check_common(self.key, self.question, self.again)
        _check_choices(self.key, self.choices)
        for what, answer in (("choice", self.choice), ("outcome", self.outcome)):
            if answer not in self.choices and not (what == "outcome" and answer is None):
                raise ValueError(
                    f"the {what} of prediction {self.key} is {answer!r}; its choices are {', '.join(self.choices)}"
                )
        _check_number(f"the confidence of prediction {self.key}", self.confidence)
        if not 1 / len(self.choices) - 0.01 <= self.confidence < 1:
            raise ValueError(
                f"the confidence of prediction {self.key} is {self.confidence:g}; with {len(self.choices)} choices it "
                f"should be from {1 / len(self.choices):.2f} to below 1"
            )

    def came_true(self) -> bool | None:
        """Whether the choice is the outcome; None before there is one."""
        return None if self.outcome is None else self.choice == self.outcome

    def words(self) -> str:
        """The prediction in a few words."""
        return f"{self.choice} ({100 * self.confidence:.0f} % sure)"


Prediction = RangePrediction | ChoicePrediction


@dataclass(frozen=True)
class Question:
    """What a form asked.

    Args:
        key: `"<notebook>/<short-name>"`.
        text: the question.
        unit: unit of a range, or "".
        choices: the answers offered; empty for a range.

    Raises:
        ValueError: the key is of another form, the text is empty or too long, or there are too few choices.
    """

    key: str
    text: str
    unit: str = ""
    choices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_common(self.key, self.text, False)
        _check_text(f"the unit of prediction {self.key}", self.unit, least=0)
        if self.choices:
            _check_choices(self.key, self.choices)


@dataclass(frozen=True)
class Reveal:
    """An outcome beside what was predicted; a notebook shows it as a sentence.

    Args:
        key: of the question.
        outcome: what was found, in words.
        prediction: what had been kept, or None.
        question: what was asked, or "" if that is not known.
    """

    key: str
    outcome: str
    prediction: Prediction | None
    question: str

    def __str__(self) -> str:
        asked = f'"{self.question}"' if self.question else self.key
        if self.prediction is None:
            return f"No prediction was kept for {asked}: the outcome is {self.outcome}."
        right = self.prediction.came_true()
        if isinstance(self.prediction, RangePrediction):
            said = f"You were {100 * RANGE_CONFIDENCE:.0f} % sure of {self.prediction.words()}"
            verdict = "inside your range" if right else "outside your range"
        else:
            said = f"You said {self.prediction.words()}"
            verdict = "as you said" if right else "not what you said"
        again = " This was not your first try, so it is not counted." if self.prediction.again else ""
        return f"{asked} {said}. The outcome is {self.outcome}: {verdict}.{again}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        right = None if self.prediction is None else self.prediction.came_true()
        colour = {None: "#777777", True: "#0072B2", False: "#D55E00"}[right]
        return (
            f'<p class="rev2net-reveal" style="border-left:4px solid {colour};padding:0.3em 0.8em">'
            f"{html.escape(str(self), quote=False)}</p>"
        )


@dataclass(frozen=True)
class ConfidenceGroup:
    """Choices of similar stated confidence.

    Args:
        confidence: mean of what their readers stated.
        hits: share of them that came true, with its 95 % Wilson interval.
    """

    confidence: float
    hits: Interval


@dataclass(frozen=True)
class Calibration:
    """How well first tries whose outcome is known hold.

    Args:
        ranges: share of the 80 % ranges that held their outcome, with its 95 % Wilson interval; None without any.
        choices: groups of choices by stated confidence, from low to high.
        brier: mean squared difference between stated confidence and 1 (right) or 0 (wrong); None without any choice.
            Always saying 50 % scores 0.25; less is better.
    """

    ranges: Interval | None
    choices: tuple[ConfidenceGroup, ...]
    brier: float | None

    def rows(self) -> list[CalibrationRow]:
        """The groups as `plots.calibration` draws them; none without a counted prediction."""
        groups = [] if self.ranges is None else [("80 % sure ranges", RANGE_CONFIDENCE, self.ranges)]
        groups += [("choices", group.confidence, group.hits) for group in self.choices]
        return [
            {"label": label, "confidence": stated, "share": hits.value, "low": hits.low, "high": hits.high, "n": hits.n}
            for label, stated, hits in groups
        ]


def predictions_file() -> Path:
    """File that predictions are kept in: `REV2NET_PREDICTIONS` if that is set, else one among the build products."""
    named = os.environ.get(_VARIABLE)
    return Path(named).expanduser() if named else build_folder() / "predictions.json"


def read_predictions() -> tuple[Prediction, ...]:
    """Every kept prediction in the order kept, second tries included; none if there is no file.

    Raises:
        PredictionError: the file cannot be read, is too large, is not JSON, or an entry of it is wrong.
    """
    path = predictions_file()
    advice = "delete it to begin again, or mend it"
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise PredictionError(f"predictions in {path} cannot be read: {error.strerror}") from error
    if len(content) > _MAX_BYTES:
        raise PredictionError(f"{path} has more than {_MAX_BYTES} bytes, which predictions do not; {advice}")
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise PredictionError(f"{path} is not JSON, as a file of predictions should be; {advice}") from error
    if not isinstance(data, dict) or data.get("schema") != _SCHEMA or not isinstance(data.get("predictions"), list):
        raise PredictionError(f"{path} is no file of predictions of schema {_SCHEMA}; {advice}")
    found = []
    for place, entry in enumerate(data["predictions"], start=1):
        try:
            found.append(_prediction(entry))
        except ValueError as error:
            raise PredictionError(f"prediction {place} of {path} is wrong: {error}; {advice}") from error
    return tuple(found)


def current_prediction(question: Question) -> Prediction | None:
    """The newest prediction that answers a question, or None."""
    return next((each for each in reversed(read_predictions()) if _answers(each, question)), None)


def was_revealed(key: str) -> bool:
    """Whether the reader has seen the outcome: beside an earlier prediction, or in this session without one."""
    return key in _SHOWN or any(each.key == key and each.outcome is not None for each in read_predictions())


def keep_prediction(prediction: Prediction) -> Prediction:
    """The prediction as it was kept: as a second try if its outcome had been shown.

    It replaces an earlier one under the same key whose outcome has not been shown.

    Raises:
        PredictionError: the file cannot be read or written.
    """
    with _held():
        kept = replace(prediction, outcome=None, again=was_revealed(prediction.key))
        others = [each for each in read_predictions() if each.key != kept.key or each.outcome is not None]
        _write([*others, kept])
    return kept


def note_question(question: Question) -> None:
    """Nothing; `reveal` knows the words of the question even if no answer is kept."""
    _ASKED[question.key] = question


def reveal(key: str, outcome: float | str) -> Reveal:
    """An outcome beside the prediction that was kept for it, or words that none was.

    From now on a prediction under this key is a second try. The first outcome shown is the one that counts.

    Args:
        key: of the question.
        outcome: a number where a range was asked for, one of the choices where a choice was.

    Raises:
        ValueError: the outcome is of another kind than the question, or is not finite.
        PredictionError: the file cannot be read or written.
    """
    question = _ASKED.get(key)
    with _held():
        everything = list(read_predictions())
        kept = next((each for each in reversed(everything) if each.key == key), None)
        if kept is not None and question is not None and not _answers(kept, question):
            kept = None  # of an older form of the question
        if question is None and kept is not None:
            question = _question_of(kept)
        said = _outcome_words(key, outcome, question)
        shown = None if kept is None else _with_outcome(kept, outcome)
        _SHOWN.add(key)
        if kept is not None and shown is not None and kept.outcome is None:
            everything[everything.index(kept)] = shown
            _write(everything)
    return Reveal(key, said, shown, "" if question is None else question.text)


def calibration(predictions: Iterable[Prediction]) -> Calibration:
    """How well predictions hold; second tries and those without an outcome are left out.

    >>> made = [RangePrediction("04/a", "How many?", 0, 1, "", outcome=x) for x in (0.2, 0.9, 3.0, 0.5)]
    >>> str(calibration(made).ranges)
    '0.750 [0.301, 0.954] (n = 4)'
    """
    counted = [each for each in predictions if each.outcome is not None and not each.again]
    ranges = [bool(each.came_true()) for each in counted if isinstance(each, RangePrediction)]
    choices = [each for each in counted if isinstance(each, ChoicePrediction)]
    groups = []
    for low, high in zip(_GROUPS, (*_GROUPS[1:], 1.0), strict=True):
        group = [each for each in choices if low <= each.confidence < high]
        if group:
            mean = sum(each.confidence for each in group) / len(group)
            groups.append(ConfidenceGroup(mean, _share([bool(each.came_true()) for each in group])))
    squares = [(each.confidence - bool(each.came_true())) ** 2 for each in choices]
    return Calibration(
        _share(ranges) if ranges else None, tuple(groups), sum(squares) / len(squares) if squares else None
    )


# Questions that forms of this session asked, and keys whose outcome it showed.
_ASKED: dict[str, Question] = {}
_SHOWN: set[str] = set()


@contextlib.contextmanager
def _held() -> Iterator[None]:
    """The file of predictions, for this process alone."""
    path = predictions_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path.with_name(f".{path.name}.lock"))
        lock.acquire(timeout=_WAIT_S)
    except Timeout as error:
        raise PredictionError(f"predictions in {path} are held by another process; end it, then try again") from error
    except OSError as error:
        raise PredictionError(
            f"predictions cannot be kept in {path}: {error.strerror}; name another file in {_VARIABLE}"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _write(predictions: Iterable[Prediction]) -> None:
    entries = [{"kind": _kind(each)} | asdict(each) for each in predictions]
    text = json.dumps({"schema": _SCHEMA, "predictions": entries}, indent=1, allow_nan=False, ensure_ascii=False)
    path = predictions_file()
    try:
        write_text_atomically(path, text + "\n")
    except OSError as error:
        raise PredictionError(
            f"predictions cannot be kept in {path}: {error.strerror}; name another file in {_VARIABLE}"
        ) from error


def _kind(prediction: Prediction) -> str:
    return "range" if isinstance(prediction, RangePrediction) else "choice"


def _prediction(entry: Any) -> Prediction:
    """The prediction that an entry of the file stands for; its values are checked as they are taken."""
    if not isinstance(entry, dict) or entry.get("kind") not in ("range", "choice"):
        raise ValueError("it should be an object whose kind is range or choice")
    kind = RangePrediction if entry["kind"] == "range" else ChoicePrediction
    names = [each.name for each in fields(kind)]
    if set(entry) != {"kind", *names}:
        raise ValueError(f"it has {', '.join(sorted(entry))}; it should have kind, {', '.join(names)}")
    values = {name: entry[name] for name in names}
    if kind is ChoicePrediction:
        if not isinstance(values["choices"], list):
            raise ValueError(f"its choices are {values['choices']!r}; they should be a list")
        values["choices"] = tuple(values["choices"])
    return kind(**values)


def _answers(prediction: Prediction, question: Question) -> bool:
    """Whether the prediction is an answer to the question as it is asked now."""
    asked = _question_of(prediction)
    return (asked.key, asked.unit, asked.choices) == (question.key, question.unit, question.choices)


def _question_of(prediction: Prediction) -> Question:
    if isinstance(prediction, RangePrediction):
        return Question(prediction.key, prediction.question, unit=prediction.unit)
    return Question(prediction.key, prediction.question, choices=prediction.choices)


def _outcome_words(key: str, outcome: float | str, question: Question | None) -> str:
    if question is not None and question.choices and outcome not in question.choices:
        raise ValueError(f"the outcome of {key} is {outcome!r}; it should be one of {', '.join(question.choices)}")
    if isinstance(outcome, str):
        if question is not None and not question.choices:
            raise ValueError(f"the outcome of {key} is {outcome!r}; a range was asked for, so it should be a number")
        return outcome
    _check_number(f"the outcome of {key}", outcome)
    return f"{_digits(outcome)} {question.unit if question else ''}".rstrip()


def _digits(number: float) -> str:
    """Four digits, and 12,345 not as 1.234e+04."""
    return f"{float(f'{number:.4g}'):g}"


def _with_outcome(prediction: Prediction, outcome: float | str) -> Prediction:
    if isinstance(prediction, RangePrediction):
        return replace(prediction, outcome=float(outcome))
    return replace(prediction, outcome=str(outcome))


def _share(hits: list[bool]) -> Interval:
    answers, truths = torch.eye(2)[torch.ones(len(hits), dtype=torch.long)], torch.tensor(hits).long()
    return accuracy(answers, truths)


def _check_common(key: object, question: object, again: object) -> None:
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise ValueError(
            f"the key of a prediction is {key!r}; it should be the notebook's number and a short name, as '04/untied'"
        )
    _check_text(f"the question of prediction {key}", question, least=1)
    if not isinstance(again, bool):
        raise ValueError(f"again of prediction {key} is {again!r}; it should be true or false")


def _check_choices(key: str, choices: tuple[str, ...]) -> None:
    for choice in choices:
        _check_text(f"a choice of prediction {key}", choice, least=1)
    if len(choices) < 2 or len(set(choices)) < len(choices):
        raise ValueError(f"the choices of prediction {key} are {choices!r}; give at least two, and each of them once")


def _check_text(what: str, text: object, *, least: int) -> None:
    if not isinstance(text, str) or not least <= len(text) <= _MAX_TEXT:
        raise ValueError(f"{what} is {str(text)[:80]!r}; it should be a text of {least} to {_MAX_TEXT} characters")


def _check_number(what: str, number: object) -> None:
    if isinstance(number, bool) or not isinstance(number, int | float) or not -1e300 < number < 1e300:
        raise ValueError(f"{what} is {number!r}; it should be a finite number")
