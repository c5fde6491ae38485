"""The site in a real browser: offline, by keyboard, on a phone, in the dark."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell
from tiny_notebooks import OPEN, write_notebook

from rev2net_lite.bundled import notebooks_folder
from rev2net_lite.execution import read_notebook, run_series
from rev2net_lite.profiles import get_profile

if os.environ.get("CI") != "true":
    pytest.importorskip("selenium", reason="selenium is not installed: the site is not opened in a browser")
from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

pytestmark = pytest.mark.browser
STATES = """
from matplotlib.figure import Figure
from rev2net_lite.plots import Picture, scrubber
def state(value, *, width=9):
    figure = Figure(figsize=(width, 3))
    figure.add_axes((0.1, 0.2, 0.8, 0.7)).plot([0, value])
    return Picture(figure, f"a line to {value}")
display(scrubber([state(value) for value in range(5)], [f"line to {value}" for value in range(5)], alt="five lines"))
display(scrubber([state(-value) for value in range(4)], [f"line to -{value}" for value in range(4)], alt="four lines"))
"""
# Longer than a phone is wide, with a script of a stranger and a widget.
WIDE = """
import ipywidgets
from IPython.display import HTML
print("wide " * 60)
display(HTML("<table><tr>" + "<td>a cell</td>" * 30 + "</tr></table><script>document.title = 'taken over'</script>"))
display(ipywidgets.IntSlider(description="speed"))
state(3, width=14)
"""
QUIZ = """## Quiz

**1. What is a clip?**

<details><summary>A file</summary>

Not so: a file holds a video.

</details>
<details><summary>Frames $(c, t, h, w)$</summary>

Right: see [the first notebook](00_start_here.ipynb) and `a_long_name = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]`.

</details>

$$\\sum_{i=1}^{n} x_i + y_i + z_i + a_i + b_i + c_i + d_i + e_i + f_i + g_i + h_i + j_i + k_i + l_i + m_i = 0$$"""
RECORD = OPEN + 'run.record("a", 1.0, unit="", n=1)\nrun.finish()'


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of the first notebook of the series and of one that has everything a page can hold."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(notebooks_folder() / "00_start_here.ipynb", folder)
    codes = (code.replace("{", "{{").replace("}", "}}") for code in (STATES, WIDE))
    path = write_notebook(folder, "01_x", *codes, RECORD)
    notebook = read_notebook(path)
    notebook.cells.append(new_markdown_cell(QUIZ))
    nbformat.write(notebook, path)
    notebooks = sorted(folder.glob("*.ipynb"))
    outcomes = run_series(notebooks, profile=get_profile("smoke"), seed=0, build=folder / "build")
    assert [outcome.error for outcome in outcomes] == [None, None]
    return folder / "build"


PAGES = ("index.html", "glossary.html", "smoke/00_start_here.html", "smoke/01_x.html")
every_page = pytest.mark.parametrize("name", PAGES)


@pytest.fixture(scope="module")
def started() -> Iterator[Chrome]:
    driver_path = shutil.which("chromedriver")
    if driver_path is None and os.environ.get("CI") != "true":
        pytest.skip("chromedriver is not installed: the site is not opened in a browser")
    assert driver_path, "chromedriver is not installed, and CI may not go without; see .ci/run"
    options = ChromeOptions()
    for switch in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage", "window-size=1200,900"):
        options.add_argument(f"--{switch}")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = Chrome(options=options, service=ChromeService(driver_path))
    yield driver
    driver.quit()


@pytest.fixture
def browser(started: Chrome) -> Iterator[Chrome]:
    """The browser with an empty page, and afterwards as it was."""
    started.get("about:blank")
    for log in ("performance", "browser"):
        started.get_log(log)
    yield started
    for reset, options in (
        ("clearDeviceMetricsOverride", {}),
        ("setEmulatedMedia", {"features": []}),
        ("setScriptExecutionDisabled", {"value": False}),
    ):
        started.execute_cdp_cmd(f"Emulation.{reset}", options)


def phone(browser: Chrome) -> None:
    size = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)


@every_page
def test_a_page_asks_no_network_and_logs_no_error(browser: Chrome, site: Path, name: str) -> None:
    address = (site / name).as_uri()
    browser.get(address)
    browser.execute_script("scrollTo(0, document.body.scrollHeight)")
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert address in asked
    assert [url for url in asked if url != address and not url.startswith("data:")] == []
    assert browser.get_log("browser") == []
    assert browser.title != "taken over"


@every_page
def test_every_link_of_the_site_leads_somewhere(browser: Chrome, site: Path, name: str) -> None:
    browser.get((site / name).as_uri())
    hrefs = browser.execute_script("return Array.from(document.links, link => link.href)")
    assert hrefs
    for href in hrefs:
        address, _, place = href.partition("#")
        if address.startswith("file:"):
            path = Path(address.removeprefix("file://"))
            assert path.is_file() and (not place or f'id="{place}"' in path.read_text("utf-8")), href


@every_page
def test_every_image_has_an_alt_text_of_its_own(browser: Chrome, site: Path, name: str) -> None:
    browser.get((site / name).as_uri())
    alts = browser.execute_script("return Array.from(document.images, image => image.alt)")
    assert all(alt.strip() and "No description" not in alt for alt in alts)
    assert alts or name == "glossary.html"


@every_page
def test_on_a_phone_only_code_tables_formulas_and_pictures_scroll_sideways(
    browser: Chrome, site: Path, name: str
) -> None:
    phone(browser)
    browser.get((site / name).as_uri())
    width, wider = browser.execute_script(
        """
        const scrolls = element => ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
        const inside = element => element && (element.closest("pre, .wide, math") ? element.closest("pre, .wide, math")
          : scrolls(element) && element.querySelector(":scope > img") ? element : inside(element.parentElement));
        const out = Array.from(document.body.querySelectorAll("*")).filter(element =>
          element.getBoundingClientRect().right > 360.5 && !inside(element));
        return [document.documentElement.scrollWidth, out.map(element => element.outerHTML.slice(0, 200))];
        """
    )
    assert (width, wider) == (360, [])


@every_page
def test_in_the_dark_text_is_light_on_dark_and_pictures_keep_their_white(
    browser: Chrome, site: Path, name: str
) -> None:
    def colours() -> list[float]:
        # How light text and page are, from 0 to 255.
        return browser.execute_script(
            """
            const style = getComputedStyle(document.body);
            return [style.color, style.backgroundColor].map(
              colour => colour.match(/\\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part) / 3, 0));
            """
        )

    browser.get((site / name).as_uri())
    text, page = colours()
    assert text < 60 and page > 240
    browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    )
    text, page = colours()
    assert text > 200 and page < 50
    backgrounds = browser.execute_script(
        "return Array.from(document.images, image => getComputedStyle(image).backgroundColor)"
    )
    assert set(backgrounds) <= {"rgb(255, 255, 255)"}


def shown(browser: Chrome) -> list[str]:
    """Alt text of the image that each scrubber shows."""
    images = browser.find_elements(By.CSS_SELECTOR, "figure[data-scrubber] img")
    return [image.get_attribute("alt") or "" for image in images if image.is_displayed()]


def test_a_scrubber_moves_by_keyboard_and_alone(browser: Chrome, site: Path) -> None:
    browser.get((site / "smoke/01_x.html").as_uri())
    assert shown(browser) == ["a line to 0", "a line to 0"]
    first, second = browser.find_elements(By.CSS_SELECTOR, "figure[data-scrubber]")
    control, label = first.find_element(By.TAG_NAME, "input"), first.find_element(By.TAG_NAME, "output")
    assert control.accessible_name == "State" and label.get_attribute("aria-live") == "polite"
    for key, state in (
        (Keys.ARROW_RIGHT, 1),
        (Keys.ARROW_RIGHT, 2),
        (Keys.END, 4),
        (Keys.ARROW_LEFT, 3),
        (Keys.HOME, 0),
    ):
        control.send_keys(key)
        assert shown(browser) == [f"a line to {state}", "a line to 0"]
        assert label.text == f"{state + 1} of 5: line to {state}"
    second.find_element(By.TAG_NAME, "input").send_keys(Keys.END)
    assert shown(browser) == ["a line to 0", "a line to -3"]
    assert browser.find_elements(By.CSS_SELECTOR, "figure details") == []


def test_without_scripts_a_scrubber_shows_the_first_state_and_unfolds_the_others(browser: Chrome, site: Path) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.get((site / "smoke/01_x.html").as_uri())
    assert browser.find_elements(By.CSS_SELECTOR, "figure input") == []
    assert shown(browser) == ["a line to 0", "a line to 0"]
    browser.find_element(By.CSS_SELECTOR, "figure summary").send_keys(Keys.ENTER)
    assert shown(browser) == [f"a line to {value}" for value in range(5)] + ["a line to 0"]


def test_formulas_are_drawn(browser: Chrome, site: Path) -> None:
    browser.get((site / "smoke/01_x.html").as_uri())
    formulas = browser.find_elements(By.TAG_NAME, "math")
    assert len(formulas) == 4
    # A browser that does not know them would show them as running text.
    assert {formula.value_of_css_property("display") for formula in formulas} == {"math", "block math"}
    base, power = browser.find_elements(By.CSS_SELECTOR, "msup > *")
    assert power.rect["y"] + power.rect["height"] < base.rect["y"] + base.rect["height"]
    sizes = [float(part.value_of_css_property("font-size").removesuffix("px")) for part in (power, base)]
    assert sizes[0] < sizes[1]


def test_answers_of_a_quiz_are_large_enough_to_touch_and_show_their_focus(browser: Chrome, site: Path) -> None:
    phone(browser)
    browser.get((site / "smoke/01_x.html").as_uri())
    wrong, right = browser.find_elements(By.CSS_SELECTOR, ".text_cell_render summary")
    assert wrong.rect["height"] >= 44
    answer = right.find_element(By.XPATH, "..")
    assert "Right" not in answer.text
    wrong.send_keys(Keys.TAB)
    assert browser.switch_to.active_element == right
    assert float(right.value_of_css_property("outline-width").removesuffix("px")) >= 2
    right.send_keys(Keys.ENTER)
    assert "Right: see the first notebook" in answer.text
