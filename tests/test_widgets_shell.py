from __future__ import annotations

import base64
import re
import threading
from dataclasses import dataclass
from pathlib import Path

import ipywidgets
import pytest
from matplotlib.figure import Figure
from tiny_notebooks import write_notebook

from rev2net_lite.execution import NotebookError, execute_notebook
from rev2net_lite.plots import Picture
from rev2net_lite.widgets import Choice, Explorer, Slider, Steps, Switch, Words


@dataclass(frozen=True)
class State:
    count: int = 2
    rate: float = 0.3
    step: int = 0
    kind: str = "dots"
    shown: bool = True
    title: str = ""

    def __post_init__(self) -> None:
        if self.title == "bad":
            raise ValueError("title is bad; it should be good")


def render(state: State) -> Picture:
    if state.count == 5:
        raise ValueError("count is 5; it should be <another>")
    if state.count == 6:
        raise KeyError("six")
    figure = Figure(figsize=(1, 1))
    figure.text(0, 0.5, str(state.count))
    return Picture(figure, f"a picture of {state}")


CONTROLS = (
    Slider("count", "How many", 0, 9, 1),
    Slider("rate", "Rate (1/s)", 0.1, 0.9, 0.1),
    Steps("step", "Step", 4),
    Choice("kind", "Kind of mark", ("dots", "lines")),
    Switch("shown", "Shown"),
    Words("title", "Title"),
)


def explorer(**changes: object) -> Explorer[State]:
    return Explorer(render, State(**changes), CONTROLS, name="small")  # type: ignore[arg-type]


def shown(made: Explorer[State]) -> bytes:
    """The PNG file that the reader sees."""
    (source,) = re.findall(r'src="data:image/png;base64,([^"]+)"', made.children[-1].value)
    return base64.b64decode(source)


def test_each_field_has_a_labelled_control_and_the_picture_its_alt_text() -> None:
    made = explorer()
    kinds = {field: type(widget).__name__ for field, widget in made.inputs.items()}
    assert kinds == {
        "count": "IntSlider",
        "rate": "FloatSlider",
        "step": "IntSlider",
        "kind": "Dropdown",
        "shown": "Checkbox",
        "title": "Text",
    }
    for control, row in zip(CONTROLS, made.children[1:], strict=False):
        assert made.inputs[control.field].description == control.label
        assert made.inputs[control.field].tooltip.startswith(control.label)
        assert f"rev2net-{control.field}" in row._dom_classes
    # The widest label is read in full, and all of them have its width.
    assert {widget.style.description_width for widget in made.inputs.values()} == {"14ch"}
    assert made.inputs["rate"].readout_format == ".1f" and made.inputs["rate"].min == 0.1
    assert set(made._dom_classes) == {"rev2net-explorer", "rev2net-small", "rev2net-keys"}
    assert made.children[-1]._dom_classes == ("rev2net-picture",)
    assert made.children[-2]._dom_classes == ("rev2net-error",)
    assert 'alt="a picture of State(count=2, rate=0.3, ' in made.children[-1].value
    assert shown(made) == render(State()).png() and made.error == "" and made.children[-2].value == ""


@pytest.mark.parametrize(
    ("field", "value"),
    [("count", 7), ("rate", 0.5), ("step", 3), ("kind", "lines"), ("shown", False), ("title", "Marks")],
)
def test_a_moved_control_changes_its_field_and_the_picture(field: str, value: object) -> None:
    made = explorer()
    made.inputs[field].value = value
    assert made.state == State(**{field: value})  # type: ignore[arg-type]
    assert made.picture is not None and made.picture.alt == f"a picture of {made.state}"
    assert shown(made) == render(made.state).png()


def test_a_sliders_rounding_noise_is_taken_away() -> None:
    made = explorer()
    made.inputs["rate"].value = 0.1 + 0.1 + 0.1 + 0.1 + 0.1 + 0.1 + 0.1
    assert made.state.rate == 0.7


def test_steps_can_be_played() -> None:
    slider, play = explorer(step=2).children[3].children
    assert isinstance(play, ipywidgets.Play)
    assert (play.value, play.min, play.max, slider.value, slider.max) == (2, 0, 4, 2, 4)


def test_an_error_is_said_in_words_and_goes_when_the_state_can_be_drawn() -> None:
    made = explorer()
    before = shown(made)
    made.inputs["count"].value = 5
    assert made.error == "count is 5; it should be <another>"
    assert 'role="alert"' in made.children[-2].value and "it should be &lt;another&gt;" in made.children[-2].value
    assert "still the one before" in made.children[-2].value
    assert shown(made) == before and made.state.count == 5
    made.inputs["count"].value = 6
    assert made.error == "KeyError: 'six'"
    made.inputs["count"].value = 2
    assert made.error == "" and made.children[-2].value == "" and shown(made) == before
    # What went wrong on the way stays for whoever executes the notebook.
    assert [(each["ename"], each["evalue"]) for each in made._errors.outputs] == [
        ("ValueError", "count is 5; it should be <another>"),
        ("KeyError", "'six'"),
    ]
    assert "in render" in "".join(made._errors.outputs[0]["traceback"])


def test_an_error_of_the_state_leaves_it_as_it_was() -> None:
    made = explorer()
    made.inputs["title"].value = "bad"
    assert made.error == "title is bad; it should be good" and made.state.title == ""
    made.inputs["title"].value = ""
    assert made.error == ""


def test_a_first_state_that_cannot_be_drawn_is_said_too() -> None:
    made = explorer(count=5)
    assert made.picture is None and made.error.startswith("count is 5") and made.children[-1].value == ""
    assert "picture" not in made.children[-2].value
    made.inputs["count"].value = 1
    assert made.error == "" and shown(made) == render(State(count=1)).png()


def test_a_further_widget_can_have_its_errors_said() -> None:
    made = explorer()
    with made.saying_errors():
        raise OSError("no space")
    assert made.error == "OSError: no space" and len(made._errors.outputs) == 1
    with made.saying_errors():
        made.inputs["count"].value = 3
    assert made.error == ""


def test_of_changes_that_wait_only_the_newest_is_drawn() -> None:
    drawn: list[int] = []
    inside, go_on = threading.Event(), threading.Event()

    def slow(state: State) -> Picture:
        drawn.append(state.count)
        if state.count == 1:
            inside.set()
            assert go_on.wait(20)
        return render(state)

    made = Explorer(slow, State(), CONTROLS, name="small")

    def move(count: int) -> threading.Thread:
        thread = threading.Thread(target=made._change, args=("count", count))
        thread.start()
        return thread

    threads = [move(1)]
    assert inside.wait(20)
    for count in (3, 4, 7):
        threads.append(move(count))
        while made.state.count != count:
            pass
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert drawn == [2, 1, 7] and shown(made) == render(State(count=7)).png()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Slider("a", "A", 1, 1, 1), "slider 'a' runs from 1 to 1; low should be finite and below high"),
        (lambda: Slider("a", "A", 0, float("inf"), 1), "slider 'a' runs from 0 to inf"),
        (lambda: Slider("a", "A", 0, 1, 0), "slider 'a' has step 0; it should be above 0 and at most 1, its whole"),
        (lambda: Slider("a", "A", 0, 1, 2), "slider 'a' has step 2"),
        (lambda: Steps("a", "A", 0), "steps 'a' end at 0; they should end at 1 or more"),
        (lambda: Choice("a", "A", ()), r"choice 'a' has the options \(\); give at least one"),
        (lambda: Choice("a", "A", ("x", "x")), "choice 'a' has the options .*and each of them once"),
    ],
)
def test_a_control_that_cannot_be_is_refused(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("control", "message"),
    [
        (Slider("size", "Size", 0, 1, 1), "a control of explorer small is for 'size'; the fields of its state are cou"),
        (Slider("shown", "Shown", 0, 1, 1), "field 'shown' of explorer small is True; for Slider it should be"),
        (Steps("rate", "Rate", 3), "field 'rate' of explorer small is 0.3; for Steps it should be int"),
        (Switch("count", "Count"), "field 'count' .* is 2; for Switch it should be bool"),
        (Words("count", "Count"), "field 'count' .* is 2; for Words it should be str"),
        (Choice("kind", "Kind", ("bars",)), "field 'kind' of explorer small is 'dots'; its options are bars"),
        (Slider("count", "Count", 3, 5, 1), "field 'count' of explorer small is 2; its control runs from 3 to 5"),
        (Steps("count", "Count", 1), "field 'count' of explorer small is 2; its control runs from 0 to 1"),
        (Slider("count", "Count", 0, 5, 0.5), "'count' .* is a whole number; .* are 0, 5, 0.5, which should be whole"),
    ],
)
def test_a_control_that_does_not_fit_the_state_is_refused(control: Slider, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Explorer(render, State(), [control], name="small")


def test_an_explorer_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="explorer small has two controls for 'count'; leave one out"):
        Explorer(render, State(), [CONTROLS[0], CONTROLS[0]], name="small")
    with pytest.raises(ValueError, match="the explorer's name is 'So so'; use lower-case letters"):
        Explorer(render, State(), CONTROLS, name="So so")
    for state in (3, State, Loose()):
        with pytest.raises(ValueError, match=r"the state of explorer small is .*should be an instance of a frozen"):
            Explorer(render, state, [], name="small")  # type: ignore[arg-type]


@dataclass
class Loose:
    count: int = 2


@pytest.mark.notebook
def test_an_error_in_an_explorer_fails_the_run_of_its_notebook(tmp_path: Path) -> None:
    code = """
from dataclasses import dataclass
from matplotlib.figure import Figure
from rev2net_lite.plots import Picture
from rev2net_lite.widgets import Explorer, Slider

@dataclass(frozen=True)
class State:
    count: int = 2

def render(state):
    if state.count > 3:
        raise ValueError("count is too high")
    return Picture(Figure(figsize=(1, 1)), "nothing")

explorer = Explorer(render, State(), [Slider("count", "Count", 0, 9, 1)], name="small")
display(explorer)
explorer.inputs["count"].value = {count}
explorer.inputs["count"].value = 1
assert explorer.error == "" and explorer.state == State(1)
"""
    limits = {"parameters": {}, "cell_timeout_s": 60.0, "total_timeout_s": 60.0}
    good = write_notebook(tmp_path, "01_x", code.replace("{count}", "3"))
    execute_notebook(good, tmp_path / "out.ipynb", **limits)  # type: ignore[arg-type]
    bad = write_notebook(tmp_path, "02_x", code.replace("{count}", "5"))
    with pytest.raises(NotebookError, match="02_x failed: explorer small raised ValueError: count is too high; its ex"):
        execute_notebook(bad, tmp_path / "out.ipynb", **limits)  # type: ignore[arg-type]
