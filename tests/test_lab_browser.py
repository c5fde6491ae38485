"""Every explorer and every form in a JupyterLab of its own, moved by keyboard in a real browser.

From each notebook of the series a copy is opened that holds, at the profile smoke, its explorers and forms and what
these need: the notebooks as a whole are executed by tests/test_notebooks.py. The picture that the browser shows is
compared byte for byte with what this process draws for the same state.
"""

from __future__ import annotations

import ast
import base64
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import nbformat
import pytest
import torch
from browser import Lab, asked_addresses, open_browser, open_lab, wait_for
from nbformat.v4 import new_code_cell, new_notebook
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from rev2net_lite import widgets
from rev2net_lite.bundled import notebooks_folder
from rev2net_lite.execution import read_notebook
from rev2net_lite.predictions import RangePrediction
from rev2net_lite.video import write_video
from rev2net_lite.widgets import Explorer, PredictionForm

pytestmark = pytest.mark.browser

# One explorer with a control of each kind, of which one value cannot be drawn; and a slow one that counts.
SMALL = """
import time
from dataclasses import dataclass
from pathlib import Path
from matplotlib.figure import Figure
from rev2net_lite import widgets
from rev2net_lite.plots import Picture

@dataclass(frozen=True)
class State:
    count: int = 2
    rate: float = 0.3
    step: int = 0
    kind: str = "dots"
    shown: bool = True
    title: str = ""

def render(state):
    if state.count == 3:
        raise ValueError("count is 3; it should be <another>")
    figure = Figure(figsize=(4, 0.5))
    figure.text(0, 0.3, str(state))
    return Picture(figure, f"a picture of {state}")

drawn = []
def slow(state):
    time.sleep(0.4)
    drawn.append(state.count)
    return Picture(Figure(figsize=(1, 1)), f"{state.count} after {len(drawn)} drawings")

CONTROLS = [
    widgets.Slider("count", "How many", 0, 9, 1),
    widgets.Slider("rate", "Rate (1/s)", 0.1, 0.9, 0.1),
    widgets.Steps("step", "Step", 4),
    widgets.Choice("kind", "Kind of mark", ("dots", "lines")),
    widgets.Switch("shown", "Shown"),
    widgets.Words("title", "Title"),
]
"""
SMALL_EXPLORERS = [
    'widgets.Explorer(render, State(), CONTROLS, name="small")',
    'widgets.Explorer(slow, State(), [widgets.Slider("count", "Count", 0, 40, 1)], name="slow")',
    "widgets.own_video_explorer()",
]
_SHOWS = re.compile(r"\w+_explorer\(|predict_(?:range|choice)\(")


def widget_cells(path: Path, output: Path) -> list[str]:
    """A cell for each explorer and form of a notebook, before which stands what it needs.

    Statements are kept that bind a name which a kept statement reads.
    """
    codes = [cell.source for cell in read_notebook(path).cells if cell.cell_type == "code"]
    statements = [node for code in codes for node in ast.parse(code).body]
    needed: set[str] = set()
    kept: list[str] = []
    for node in reversed(statements):
        is_widget = isinstance(node, ast.Expr) and _SHOWS.search(ast.unparse(node))
        names = [name for name in ast.walk(node) if isinstance(name, ast.Name)]
        bound = {name.id for name in names if isinstance(name.ctx, ast.Store)}
        if isinstance(node, ast.Import | ast.ImportFrom):
            bound = {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        if is_widget or bound & needed:
            needed |= {name.id for name in names if isinstance(name.ctx, ast.Load)}
            kept.append(ast.unparse(node))
    cells: list[str] = []
    lines: list[str] = []
    for line in reversed(kept):
        line = re.sub("^profile = .*", "profile = 'smoke'", line)
        lines.append(re.sub("^output = .*", f"output = {str(output)!r}", line))
        if _SHOWS.search(line):
            cells.append("\n".join(lines))
            lines = []
    return cells


SERIES = {path.stem: path for path in sorted(notebooks_folder().glob("[0-9][0-9]_*.ipynb"))}
_TEXTS = {name: path.read_text(encoding="utf-8") for name, path in SERIES.items()}
SERIES = {name: path for name, path in SERIES.items() if _SHOWS.search(_TEXTS[name])}
_EXPLORERS = [name for name in sorted(widgets.__all__) if name.endswith("_explorer")]
OTHERS = [name for name in _EXPLORERS if not any(f"widgets.{name}(" in text for text in _TEXTS.values())]
NAMES = [*SERIES, *(["others"] if OTHERS else [])]


def cells_of(name: str, output: Path) -> list[str]:
    if name == "small":
        return [SMALL, *SMALL_EXPLORERS]
    if name == "others":
        return ["from rev2net_lite import widgets", *(f"widgets.{other}()" for other in OTHERS)]
    return widget_cells(SERIES[name], output / name)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="module")
def lab(folder: Path) -> Iterator[Lab]:
    environment = {"REV2NET_PREDICTIONS": str(folder / "kept.json"), "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with open_lab(folder, environment=environment) as lab:
        yield lab


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    with open_browser() as driver:
        # A script that ends a kernel waits for it.
        driver.set_script_timeout(60)
        yield driver


@pytest.fixture(scope="module")
def page(lab: Lab, browser: Chrome, folder: Path, request: pytest.FixtureRequest) -> Iterator[Chrome]:
    """The notebook that the tests are parametrised with, opened and run."""
    name = request.param
    notebook = new_notebook(cells=[new_code_cell(code) for code in cells_of(name, folder / "runs")])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, lab.root / f"{name}.ipynb")
    browser.get(lab.page(f"{name}.ipynb"))

    def is_idle() -> bool:
        script = """const session = window.jupyterapp?.shell.currentWidget?.sessionContext;
        return Boolean(session?.isReady) && session.session?.kernel?.status === 'idle'"""
        return browser.execute_script(script)

    def have_run() -> bool:
        script = "return Array.from(document.querySelectorAll('.jp-InputPrompt'), e => e.textContent.trim())"
        done = [text for text in browser.execute_script(script) if re.fullmatch(r"\[\d+\]:", text)]
        stopped = browser.find_elements(By.CSS_SELECTOR, ".jp-RenderedText[data-mime-type$=error]")
        assert [error.text for error in stopped] == []
        return len(done) == len(notebook.cells)

    wait_for(is_idle, "the kernel to be idle", seconds=120)
    browser.execute_script("window.jupyterapp.commands.execute('notebook:run-all-cells')")
    try:
        wait_for(have_run, "all cells to run", seconds=180)
        yield browser
    finally:
        browser.execute_async_script(
            "const done = arguments[0]; window.jupyterapp.serviceManager.sessions.shutdownAll().then(done, done)"
        )


def parts_here(cells: list[str]) -> list[Explorer[Any] | PredictionForm]:
    """The explorers and forms of the cells, made in this process."""
    parts: list[Any] = []
    names: dict[str, Any] = {"display": parts.append}
    for code in cells:
        tree = ast.parse(code)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "<cell>", "exec"), names)
        if last is not None:
            parts.append(eval(compile(ast.Expression(last.value), "<cell>", "eval"), names))
    return [part for part in parts if isinstance(part, Explorer | PredictionForm)]


def shown(element: WebElement) -> tuple[bytes, str]:
    """The PNG file of the picture in an explorer, and its alt text; in one step, since the picture may change."""
    script = """const image = arguments[0].querySelector('.rev2net-picture img');
    return image ? [image.src, image.alt] : ['', '']"""
    source, alt = element.parent.execute_script(script, element)
    return base64.b64decode(source.removeprefix("data:image/png;base64,")), alt


def focus(browser: Chrome, element: WebElement) -> None:
    """The keyboard's focus on an element, as Tab would put it there."""
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'}); arguments[0].focus()", element)
    assert browser.switch_to.active_element == element, "the keyboard does not reach it"


def press(browser: Chrome, element: WebElement, *keys: str) -> None:
    focus(browser, element)
    for key in keys:
        ActionChains(browser).send_keys(key).perform()


def move(browser: Chrome, box: WebElement, here: ipywidgets.ValueWidget) -> None:
    """One step of a control by keyboard, and the same step of its like in this process."""
    if isinstance(here, ipywidgets.IntSlider | ipywidgets.FloatSlider):
        up = here.value + here.step <= here.max
        press(browser, box.find_element(By.CSS_SELECTOR, ".noUi-handle"), Keys.ARROW_RIGHT if up else Keys.ARROW_LEFT)
        here.value += here.step if up else -here.step
    elif isinstance(here, ipywidgets.Dropdown):
        down = here.index + 1 < len(here.options)
        press(browser, box.find_element(By.TAG_NAME, "select"), Keys.ARROW_DOWN if down else Keys.ARROW_UP)
        here.index += 1 if down else -1
    elif isinstance(here, ipywidgets.Checkbox):
        press(browser, box.find_element(By.CSS_SELECTOR, "input[type=checkbox]"), Keys.SPACE)
        here.value = not here.value
    elif isinstance(here, ipywidgets.Text):
        written = "street/spin_clockwise"
        field = box.find_element(By.CSS_SELECTOR, "input[type=text]")
        focus(browser, field)
        ActionChains(browser).key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL).perform()
        ActionChains(browser).send_keys(written, Keys.ENTER).perform()
        here.value = written
    else:
        pytest.fail(f"no test moves a {type(here).__name__}")


def same_picture(element: WebElement, here: Explorer[Any], what: str) -> None:
    """The browser shows what the explorer of this process shows: its picture, and the words of its error if any."""
    assert here.picture is not None
    expected = here.picture.png(), here.picture.alt, here.error

    def is_shown() -> bool:
        error = element.find_element(By.CSS_SELECTOR, ".rev2net-error").text.split("\n")[0]
        return (*shown(element), error) == expected

    wait_for(is_shown, f"the picture of {here.state} after {what}{here.error and ', with words on its error'}")


def check_explorer(browser: Chrome, element: WebElement, here: Explorer[Any]) -> None:
    same_picture(element, here, "the start")
    for field, widget in here.inputs.items():
        box = element.find_element(By.CSS_SELECTOR, f".rev2net-{field}")
        labels = box.find_elements(By.CSS_SELECTOR, ".widget-label, .widget-label-basic")
        (label,) = [label for label in labels if label.text == widget.description]
        # The whole label can be read.
        assert browser.execute_script("return arguments[0].scrollWidth <= arguments[0].clientWidth", label)
        move(browser, box, widget)
        same_picture(element, here, f"a step of {field}")
        for play in box.find_elements(By.CSS_SELECTOR, ".widget-play button")[:1]:
            press(browser, play, Keys.ENTER)
            widget.value = widget.max
            same_picture(element, here, f"playing {field}")


def check_form(browser: Chrome, element: WebElement, here: PredictionForm, kept: Path) -> None:
    status = element.find_element(By.CSS_SELECTOR, ".rev2net-status")
    keep = element.find_element(By.CSS_SELECTOR, ".rev2net-keep")
    answer = element.find_element(By.CSS_SELECTOR, ".rev2net-answer")
    assert here.question.text in element.text
    press(browser, keep, Keys.ENTER)
    wait_for(lambda: "first, then keep it." in status.text, "the form to ask for an answer")
    if here.confidence is None:
        low, high = answer.find_elements(By.CSS_SELECTOR, ".noUi-handle")
        press(browser, low, *[Keys.ARROW_RIGHT] * 3)
        press(browser, high, *[Keys.ARROW_LEFT] * 2)
        low_value, high_value = here.answer.min + 3 * here.answer.step, here.answer.max - 2 * here.answer.step
        expected = {"kind": "range", "low": pytest.approx(low_value), "high": pytest.approx(high_value)}
        words = RangePrediction(here.question.key, "x", low_value, high_value, here.question.unit).words()
    else:
        press(browser, answer.find_elements(By.CSS_SELECTOR, "input[type=radio]")[1], Keys.SPACE)
        confidence = element.find_element(By.CSS_SELECTOR, ".rev2net-confidence .noUi-handle")
        press(browser, confidence, *[Keys.ARROW_RIGHT] * 2)
        sure = here.confidence.options[2][1]
        expected = {"kind": "choice", "choice": here.question.choices[1], "confidence": pytest.approx(sure)}
        words = f"{here.question.choices[1]} ({100 * sure:.0f} % sure)"

    def keeps() -> bool:
        # A change may arrive after the press that follows it; the form says so, and a reader presses again.
        press(browser, keep, Keys.ENTER)
        time.sleep(0.3)
        return status.text.startswith(f"Kept: {words}.")

    wait_for(keeps, f"the form to say that it kept {words}")
    entries = [entry for entry in json.loads(kept.read_text())["predictions"] if entry["key"] == here.question.key]
    assert len(entries) == 1 and {name: entries[0][name] for name in expected} == expected
    assert entries[0]["question"] == here.question.text


@pytest.mark.parametrize(("page", "name"), [pytest.param(name, name, id=name) for name in NAMES], indirect=["page"])
def test_every_control_changes_the_picture_to_that_of_its_state(
    page: Chrome, name: str, lab: Lab, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REV2NET_PREDICTIONS", str(folder / "kept-here.json"))
    elements = page.find_elements(By.CSS_SELECTOR, ".rev2net-explorer, .rev2net-predict")
    parts = parts_here(cells_of(name, folder / "runs-here"))
    assert len(elements) == len(parts) > 0
    for element, part in zip(elements, parts, strict=True):
        if isinstance(part, Explorer):
            check_explorer(page, element, part)
        else:
            check_form(page, element, part, folder / "kept.json")
    assert [
        address for address in asked_addresses(page) if not address.startswith((lab.address, "data:", "blob:"))
    ] == []


@pytest.mark.parametrize("page", ["small"], indirect=True)
def test_an_error_is_said_and_changes_that_wait_are_drawn_once(page: Chrome) -> None:
    small, slow, _ = page.find_elements(By.CSS_SELECTOR, ".rev2net-explorer")
    here = parts_here(cells_of("small", Path()))[0]
    assert isinstance(here, Explorer)
    before = shown(small)
    count = small.find_element(By.CSS_SELECTOR, ".rev2net-count .noUi-handle")
    press(page, count, Keys.ARROW_RIGHT)
    wait_for(lambda: small.find_elements(By.CSS_SELECTOR, ".rev2net-error [role=alert]"), "the error")
    error = small.find_element(By.CSS_SELECTOR, ".rev2net-error").text
    assert error.startswith("count is 3; it should be <another>") and shown(small) == before
    press(page, count, Keys.ARROW_RIGHT)
    here.inputs["count"].value = 4
    check_explorer(page, small, here)
    # Faster than the slow one draws.
    press(page, slow.find_element(By.CSS_SELECTOR, ".noUi-handle"), *[Keys.ARROW_RIGHT] * 25)
    wait_for(lambda: shown(slow)[1].startswith("27 after "), "the newest state to be drawn")
    assert int(shown(slow)[1].split()[2]) < 20


@pytest.mark.parametrize("page", ["small"], indirect=True)
def test_a_video_of_ones_own_is_dropped_in(page: Chrome, tmp_path: Path) -> None:
    frames = torch.randint(0, 256, (3, 12, 40, 60), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    write_video(tmp_path / "noise-of-a-test.mp4", frames, fps=4)
    element = page.find_element(By.CSS_SELECTOR, ".rev2net-own-video")
    # The dialogue of the system, which no test can fill in, is what a click on this input would open.
    page.execute_script("HTMLInputElement.prototype.click = function () { document.body.append(this) }")
    press(page, element.find_element(By.CSS_SELECTOR, ".rev2net-upload"), Keys.ENTER)
    page.find_element(By.CSS_SELECTOR, "body > input[type=file]").send_keys(str(tmp_path / "noise-of-a-test.mp4"))
    path = element.find_element(By.CSS_SELECTOR, ".rev2net-video input")
    wait_for(lambda: path.get_attribute("value").endswith("noise-of-a-test.mp4"), "the video to be stored")
    stored = Path(path.get_attribute("value"))
    try:
        wait_for(lambda: "looks unlike anything" in shown(element)[1], "the warning")
        assert stored.read_bytes() == (tmp_path / "noise-of-a-test.mp4").read_bytes()
    finally:
        stored.unlink()
