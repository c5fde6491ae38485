"""The shell that every explorer stands in: controls above a picture, drawn again at each change.

An explorer is a state (a frozen dataclass of plain values), a function that draws it, and one control per field that
the reader may change. An error of that function is said in words above the picture. It is also kept where
`rev2net_lite.execution` looks for it, because papermill does not notice that the callback of a widget raised.
"""

from __future__ import annotations

import contextlib
import dataclasses
import html
import math
import re
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, TypeVar

import ipywidgets

from rev2net_lite.plots import Picture

__all__ = ["Choice", "Control", "Explorer", "Slider", "Steps", "Switch", "Words", "keep_keys"]

S = TypeVar("S")

# JupyterLab lets widgets speak while a cell runs, in a thread of their own, and matplotlib draws in one at a time.
_DRAWING = threading.RLock()

_ERRORS_KEPT = 20

# JupyterLab takes the arrow keys and every letter for its own shortcuts (two presses of d delete a cell), unless the
# element that has the focus carries this mark. A widget cannot be given attributes, so a picture that cannot be loaded
# brings the listener that sets it, once per page.
_KEYS = (
    '<img hidden alt="" src="data:," onerror="if (!window.rev2netKeys) { window.rev2netKeys = true; '
    "document.addEventListener('focusin', event => { if (event.target.closest('.rev2net-keys')) "
    "event.target.setAttribute('data-lm-suppress-shortcuts', 'true') }) }\">"
)


def keep_keys(box: ipywidgets.Box) -> None:
    """Nothing; the controls in the box get their keys in JupyterLab too."""
    box.add_class("rev2net-keys")
    box.children = (ipywidgets.HTML(_KEYS, layout={"display": "none"}), *box.children)


@dataclass(frozen=True)
class Slider:
    """A number on a slider; a whole number where the field is one.

    Args:
        field: name of the state's field.
        label: what it is, with its unit.
        low: smallest value.
        high: largest value.
        step: from one value to the next.

    Raises:
        ValueError: the range is empty, or the step is not positive and inside it.
    """

    field: str
    label: str
    low: float
    high: float
    step: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(
                f"slider '{self.field}' runs from {self.low} to {self.high}; low should be finite and below high"
            )
        if not 0 < self.step <= self.high - self.low:
            raise ValueError(
                f"slider '{self.field}' has step {self.step}; it should be above 0 and at most "
                f"{self.high - self.low:g}, its whole range"
            )


@dataclass(frozen=True)
class Steps:
    """A whole number from 0 to `last`, with a button that plays through them.

    Args:
        field: name of the state's field.
        label: what is counted.
        last: largest value.

    Raises:
        ValueError: `last` is below 1.
    """

    field: str
    label: str
    last: int

    def __post_init__(self) -> None:
        if self.last < 1:
            raise ValueError(f"steps '{self.field}' end at {self.last}; they should end at 1 or more")


@dataclass(frozen=True)
class Choice:
    """One of several words.

    Args:
        field: name of the state's field.
        label: what is chosen.
        options: the words, in the order shown.

    Raises:
        ValueError: no options, or one of them twice.
    """

    field: str
    label: str
    options: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.options or len(set(self.options)) < len(self.options):
            raise ValueError(
                f"choice '{self.field}' has the options {self.options}; give at least one, and each of them once"
            )


@dataclass(frozen=True)
class Switch:
    """Yes or no.

    Args:
        field: name of the state's field.
        label: what is so if it is on.
    """

    field: str
    label: str


@dataclass(frozen=True)
class Words:
    """A line of text, taken over when the reader presses Enter or leaves it.

    Args:
        field: name of the state's field.
        label: what to write.
    """

    field: str
    label: str


# What a reader moves.
Control = Slider | Steps | Choice | Switch | Words
_TYPES: dict[type[Any], tuple[type, ...]] = {
    Slider: (int, float),
    Steps: (int,),
    Choice: (str,),
    Switch: (bool,),
    Words: (str,),
}


class Explorer(ipywidgets.VBox, Generic[S]):
    """Controls above the picture of a state, which is drawn again whenever one of them is moved.

    The whole has the CSS class `rev2net-<name>`, the picture `rev2net-picture`, each control `rev2net-<field>` and the
    words of an error `rev2net-error`.

    Args:
        render: draws a state.
        state: what is shown first.
        controls: one for each field that the reader may change.
        name: lower-case word for the CSS class and for messages.

    Raises:
        ValueError: the state is no frozen dataclass, or a control does not fit it.

    Attributes:
        state: what the controls stand at.
        picture: what was drawn last; None if the first drawing failed.
        error: why the state could not be drawn, in words; empty if it could.
        inputs: the input widget of each field, whose `value` code may set.
    """

    def __init__(self, render: Callable[[S], Picture], state: S, controls: Sequence[Control], *, name: str) -> None:
        _check(state, controls, name)
        self.state = state
        self.picture: Picture | None = None
        self.error = ""
        self._explorer = name
        self._render = render
        self._drawn: S | None = None
        self._digits: dict[str, int] = {}
        self.inputs: dict[str, ipywidgets.ValueWidget] = {}
        # One width for all, so that the controls stand in line; 2 more for the space on both sides.
        longest = max((len(control.label) for control in controls), default=0)
        rows = [self._row(control, f"{min(longest, 34) + 2}ch") for control in controls]
        self._alert = ipywidgets.HTML().add_class("rev2net-error")
        self._image = ipywidgets.HTML().add_class("rev2net-picture")
        # Never shown: a list of errors that stays in the saved state of an executed notebook.
        self._errors = ipywidgets.Output().add_class(f"rev2net-{name}")
        super().__init__([*rows, self._alert, self._image])
        self.add_class("rev2net-explorer").add_class(f"rev2net-{name}")
        keep_keys(self)
        self._draw()
        for field, widget in self.inputs.items():
            widget.observe(lambda change, field=field: self._change(field, change.new), names="value")

    @contextlib.contextmanager
    def saying_errors(self) -> Iterator[None]:
        """Whatever the block raises is said as an error of the explorer: for the callback of a further widget."""
        try:
            yield
        except Exception as error:
            self._fail(error)

    def _row(self, control: Control, label_width: str) -> ipywidgets.Widget:
        """The widget of a control, labelled, with its input among `inputs`."""
        value = getattr(self.state, control.field)
        look: dict[str, Any] = {
            "description": control.label,
            "style": {"description_width": label_width},
            "layout": {"width": "100%", "max_width": "44em"},
        }
        row: ipywidgets.Widget
        if isinstance(control, Slider):
            whole = isinstance(value, int)
            digits = 0 if whole else max(_digits(control.low), _digits(control.step))
            self._digits[control.field] = digits
            kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
            row = kind(
                value=value,
                min=control.low,
                max=control.high,
                step=control.step,
                readout_format="d" if whole else f".{digits}f",
                tooltip=f"{control.label}: {control.low:g} to {control.high:g}; arrow keys move it by {control.step:g}",
                **look,
            )
        elif isinstance(control, Steps):
            slider = ipywidgets.IntSlider(
                value=value,
                max=control.last,
                tooltip=f"{control.label}: 0 to {control.last}; arrow keys move it by 1",
                **look,
            )
            play = ipywidgets.Play(
                value=value,
                max=control.last,
                interval=500,
                description=control.label,
                tooltip=f"play {control.label}",
                layout={"width": "auto", "flex": "0 0 auto"},
            )
            # In the browser, so that playing does not wait for the kernel.
            ipywidgets.jslink((play, "value"), (slider, "value"))
            self.inputs[control.field] = slider
            box = ipywidgets.HBox([slider, play], layout={"flex_flow": "row wrap", "align_items": "center"})
            return box.add_class(f"rev2net-{control.field}")
        elif isinstance(control, Choice):
            row = ipywidgets.Dropdown(value=value, options=control.options, tooltip=control.label, **look)
        elif isinstance(control, Switch):
            row = ipywidgets.Checkbox(value=value, indent=False, tooltip=control.label, **look)
        else:
            row = ipywidgets.Text(value=value, continuous_update=False, tooltip=control.label, **look)
        self.inputs[control.field] = row
        return row.add_class(f"rev2net-{control.field}")

    def _change(self, field: str, value: object) -> None:
        if field in self._digits:
            # A slider's 0.1 + 0.2 is no other setting than 0.3.
            value = round(value, self._digits[field])  # type: ignore[call-overload]
        try:
            self.state = dataclasses.replace(self.state, **{field: value})  # type: ignore[type-var]
        except Exception as error:
            self._fail(error)
            return
        with _DRAWING:
            # Of changes that waited for each other only the newest is drawn.
            if self.state != self._drawn or self.error:
                self._draw()

    def _draw(self) -> None:
        with _DRAWING:
            state = self.state
            try:
                picture = self._render(state)
                shown = picture._repr_html_()
            except Exception as error:
                self._fail(error)
                return
            self.picture, self._drawn, self.error = picture, state, ""
            self._alert.value, self._image.value = "", shown

    def _fail(self, error: Exception) -> None:
        self.error = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        still = "" if self.picture is None else "<br>The picture below is still the one before."
        self._alert.value = (
            '<div role="alert" style="border-left:4px solid #D55E00;padding:0.3em 0.8em;line-height:1.5;'
            f'overflow-wrap:anywhere">{html.escape(self.error)}{still}</div>'
        )
        kept = {
            "output_type": "error",
            "ename": type(error).__name__,
            "evalue": str(error),
            "traceback": traceback.format_exception(error),
        }
        self._errors.outputs = (*self._errors.outputs, kept)[:_ERRORS_KEPT]


def _digits(number: float) -> int:
    """Digits after the point that the number is written with."""
    return max(0, -int(Decimal(str(number)).normalize().as_tuple().exponent))


def _check(state: Any, controls: Sequence[Control], name: str) -> None:
    if not re.fullmatch("[a-z][a-z0-9-]*", name):
        raise ValueError(f"the explorer's name is {name!r}; use lower-case letters, digits and hyphens")
    # A class, too, would pass for a dataclass.
    parameters = getattr(type(state), "__dataclass_params__", None)
    if parameters is None or not parameters.frozen:
        raise ValueError(f"the state of explorer {name} is {state!r}; it should be an instance of a frozen dataclass")
    fields = [each.name for each in dataclasses.fields(state)]
    for place, control in enumerate(controls):
        field = control.field
        if field not in fields:
            raise ValueError(
                f"a control of explorer {name} is for '{field}'; the fields of its state are {', '.join(fields)}"
            )
        if field in [other.field for other in controls[:place]]:
            raise ValueError(f"explorer {name} has two controls for '{field}'; leave one out")
        value: Any = getattr(state, field)
        types = _TYPES[type(control)]
        kind = type(control).__name__
        if type(value) not in types:
            expected = " or ".join(each.__name__ for each in types)
            raise ValueError(f"field '{field}' of explorer {name} is {value!r}; for {kind} it should be {expected}")
        if isinstance(control, Choice):
            if value not in control.options:
                raise ValueError(
                    f"field '{field}' of explorer {name} is {value!r}; its options are {', '.join(control.options)}"
                )
        elif isinstance(control, Slider | Steps):
            low, high = (control.low, control.high) if isinstance(control, Slider) else (0, control.last)
            if not low <= value <= high:
                raise ValueError(
                    f"field '{field}' of explorer {name} is {value}; its control runs from {low} to {high}"
                )
            numbers = (control.low, control.high, control.step) if isinstance(control, Slider) else ()
            if isinstance(value, int) and any(number != int(number) for number in numbers):
                raise ValueError(
                    f"field '{field}' of explorer {name} is a whole number; its slider's low, high and step are "
                    f"{', '.join(f'{number:g}' for number in numbers)}, which should be whole too"
                )
