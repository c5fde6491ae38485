from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from page_checks import MAX_BYTES, faults
from tiny_notebooks import HEADER, PIXEL

from rev2net_lite.bundled import asset
from rev2net_lite.glossary import Glossary
from rev2net_lite.pages import (
    Figure,
    Page,
    Site,
    glossary_page,
    header_field,
    index_page,
    notebook_page,
    notebook_title,
    numbered_title,
)

FETCHES = re.compile(r"<script|<link|<iframe|@import|url\(|src=(?!['\"]?data:)", flags=re.IGNORECASE)
SITE = Site("smoke", {"00_a": "00 · A", "01_x": "01 · X *y*", "02_b": "02 · B > C"}, Glossary(""))
WIDGET = "application/vnd.jupyter.widget-view+json"


def data(**kinds: object) -> nbformat.NotebookNode:
    return new_output("display_data", data={kind.replace("__", "/"): value for kind, value in kinds.items()})


@pytest.fixture
def notebook() -> nbformat.NotebookNode:
    widget = new_output(
        "display_data", data={WIDGET: {"model_id": "a"}, "text/html": "<p>Asked</p>", "text/plain": "Form()"}
    )
    outputs = [
        data(text__plain="words"),
        data(application__javascript="alert(1)", text__plain="scripted"),
        widget,
        data(text__html='<img src="https://x.org/a.png"><img alt="a &quot;dot&quot;" src="data:image/png;base64,AA">'),
        data(image__png=PIXEL),
        new_output("error", ename="ValueError", evalue="<script>", traceback=["\x1b[31mValueError\x1b[0m: <script>"]),
    ]
    cells = [new_markdown_cell(HEADER), new_code_cell("x = '<b>'", outputs=outputs, execution_count=1)]
    return new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})


def test_what_a_control_says_without_a_kernel_stands_before_the_note(notebook: nbformat.NotebookNode) -> None:
    page = notebook_page(notebook, name="01_x", site=SITE, folder=Path(), error=None)
    assert '<p>Asked</p><p class="note">Here the notebook has a control' in page


def test_title_and_header_fields(notebook: nbformat.NotebookNode) -> None:
    assert notebook_title(notebook) == "01 · Small <em>things</em>"
    assert header_field(notebook, "Question") == "Is `x` < y & z?"
    assert header_field(notebook, "Goals") == ""
    assert notebook_title(new_notebook()) == header_field(new_notebook(), "Question") == ""


def test_a_page_fetches_nothing_and_runs_nothing(notebook: nbformat.NotebookNode, tmp_path: Path) -> None:
    notebook.cells[1].outputs = [o for o in notebook.cells[1].outputs if "x.org" not in str(o)]
    page = notebook_page(notebook, name="01_x", site=SITE, folder=tmp_path, error=None)
    assert not FETCHES.search(page)
    assert "Content-Security-Policy\" content=\"default-src 'none';" in page and "script-src 'sha256-" in page
    assert "prefers-color-scheme: dark" in page and 'name="viewport"' in page


def test_a_page_shows_outputs_formulas_and_code(notebook: nbformat.NotebookNode, tmp_path: Path) -> None:
    page = notebook_page(notebook, name="01_x", site=SITE, folder=tmp_path, error=None)
    assert 'alt="a &quot;dot&quot;"' in page or "alt='a \"dot\"'" in page
    assert "words" in page and "scripted" in page and "alert(1)" not in page
    assert "a control, which works in Jupyter" in page and "IntSlider" not in page
    assert page.count("<math") == 2 and "<msup>" in page and 'display="block"' in page
    assert "&lt;b&gt;" in page
    assert '<a href="../index.html">' in page
    assert "This notebook failed" not in page


def of_text(text: str, *, site: Site = SITE) -> str:
    """The part of a page between its navigations, for a notebook of one cell of Markdown."""
    notebook = new_notebook(cells=[new_markdown_cell(text)])
    page = notebook_page(notebook, name="01_x", site=site, folder=Path(), error=None)
    return page.partition("<main>")[2].partition("</main>")[0]


def test_a_page_runs_the_script_of_a_scrubber_and_no_other(tmp_path: Path) -> None:
    script = asset("scrubber.js").read_text("utf-8")
    texts = (f"<figure><script>{script}</script></figure>", "<p>kept</p><script>alert(1)</script>")
    cell = new_code_cell("", outputs=[data(text__html=text) for text in texts])
    page = notebook_page(new_notebook(cells=[cell]), name="01_x", site=SITE, folder=tmp_path, error=None)
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    assert scripts == [script] and "<p>kept</p>" in page
    allowed = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{allowed}'\"" in page


def test_a_page_leads_to_its_neighbours_the_index_and_the_glossary() -> None:
    def links(name: str) -> list[str]:
        page = notebook_page(new_notebook(), name=name, site=SITE, folder=Path(), error=None)
        above, below = re.findall(r'<nav aria-label="Notebooks, (?:above|below)">(.*?)</nav>', page)
        assert above == below
        return re.findall(r'href="([^"]+)"', above)

    top = ["../index.html", "../glossary.html"]
    assert links("00_a") == [*top, "01_x.html"]
    assert links("01_x") == ["00_a.html", *top, "02_b.html"]
    assert links("02_b") == ["01_x.html", *top]
    page = notebook_page(new_notebook(), name="01_x", site=SITE, folder=Path(), error=None)
    assert ">← 00 · A</a>" in page and ">02 · B &gt; C →</a>" in page


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("02_b.ipynb", "02_b.html"),
        ("./02_b.ipynb#The-end", "02_b.html#The-end"),
        ("../notebooks/00_a.ipynb", "00_a.html"),
        ("../docs/glossary.md#tv-l1", "../glossary.html#tv-l1"),
        ("#The-end", "#The-end"),
        ("https://x.org/02_b.ipynb", "https://x.org/02_b.ipynb"),
    ],
)
def test_links_lead_to_pages_of_the_site(address: str, expected: str) -> None:
    assert f'<a href="{expected}">there</a>' in of_text(f"[there]({address})")


@pytest.mark.parametrize("address", ["09_other.ipynb", "../README.md", "data.csv"])
def test_a_link_to_what_the_site_has_not_becomes_text(address: str) -> None:
    assert "<p>See there.</p>" in of_text(f"See [there]({address}).")


def test_the_first_of_each_term_in_the_prose_leads_to_the_glossary() -> None:
    site = Site("smoke", SITE.titles, Glossary("## Clip\n\nFrames.\n\n## TV-L1\n\n*Also: solver.*\n\nFlow."))
    text = (
        "# A clip\n\n`clip` $clip$ [clip](02_b.ipynb)\n\n<details><summary>clip</summary>\n\nTwo *clips* & a clip.\n\n"
    )
    page = of_text(f"{text}</details>\n\nThe solver TV-L1.", site=site)
    assert re.findall(r'<a class="term".*?</a>', page) == [
        '<a class="term" href="../glossary.html#clip">clips</a>',
        '<a class="term" href="../glossary.html#tv-l1">solver</a>',
    ]
    assert "</em> &amp; a clip.</p>" in page and "solver</a> TV-L1.</p>" in page


def test_code_and_outputs_lead_nowhere(tmp_path: Path) -> None:
    site = Site("smoke", SITE.titles, Glossary("## Clip\n\nFrames."))
    cell = new_code_cell("clip", outputs=[data(text__html="<p>clip</p>"), data(text__plain="clip")])
    page = notebook_page(new_notebook(cells=[cell]), name="01_x", site=site, folder=tmp_path, error=None)
    assert 'class="term"' not in page


def test_the_glossary_has_an_anchor_for_each_term_and_links_to_pages() -> None:
    text = "# Glossary\n\n## TV-L1 & co\n\n[See 02](../notebooks/02_b.ipynb), [03](../notebooks/03_c.ipynb), [b](#b)."
    page = glossary_page(Site("smoke", SITE.titles, Glossary(text)))
    assert '<h2 id="tv-l1--co">' in page
    assert '<a href="smoke/02_b.html">See 02</a>, 03, <a href="#b">b</a>.' in page
    assert '<a href="index.html">All notebooks</a>' in page and "<title>Glossary</title>" in page


def test_tables_scroll_by_themselves() -> None:
    assert '<div class="wide"><table>' in of_text("| a |\n|---|\n| b |")


@pytest.mark.parametrize(
    ("text", "name", "title"),
    [
        ("# Flow", "02_b", "02 · Flow"),
        ("# 02 · Flow", "02_b", "02 · Flow"),
        ("x", "02_b", "02_b"),
        ("# Own", "own", "Own"),
    ],
)
def test_a_title_has_the_number_of_its_notebook(text: str, name: str, title: str) -> None:
    assert numbered_title(new_notebook(cells=[new_markdown_cell(text)]), name=name) == title


def test_a_page_leaves_the_notebook_as_it_is(notebook: nbformat.NotebookNode, tmp_path: Path) -> None:
    before = nbformat.writes(notebook)
    notebook_page(notebook, name="01_x", site=SITE, folder=tmp_path, error=None)
    assert nbformat.writes(notebook) == before


def test_a_failed_page_says_why_in_escaped_words(notebook: nbformat.NotebookNode, tmp_path: Path) -> None:
    page = notebook_page(notebook, name="01_x", site=SITE, folder=tmp_path, error="ValueError: <script>")
    assert "This notebook failed: ValueError: &lt;script&gt;" in page


def test_a_formula_that_cannot_be_read_is_shown_as_typed(tmp_path: Path) -> None:
    cells = [new_markdown_cell(r"See $\left( <b>$ and" + "\n\n\\begin{matrix}a & b\\end{matrix}")]
    page = notebook_page(new_notebook(cells=cells), name="01_x", site=SITE, folder=tmp_path, error=None)
    assert r"<code>\left( &lt;b&gt;</code>" in page
    assert "<mtable>" in page


def test_what_stands_inside_of_html_stays_inside() -> None:
    text = "<details><summary>Is $a &lt; b$? For $5</summary>\n\nNot <em>so</em>: *why*.\n\n</details>\n"
    page = of_text(f"{text}<details><summary>B</summary>\n\nRight.\n\n</details>")
    first, second = re.findall(r"<details>(.*?)</details>", page, flags=re.DOTALL)
    assert "<p>Not <em>so</em>: <em>why</em>.</p>" in first and "<p>Right.</p>" in second
    assert '<summary>Is <math display="inline"' in first and "<mo>&lt;</mo>" in first and "? For $5</summary>" in first


def test_pictures_of_the_text_go_into_the_page(tmp_path: Path) -> None:
    (tmp_path / "dot.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    page = notebook_page(
        new_notebook(cells=[new_markdown_cell("![a dot](dot.svg)")]),
        name="01_x",
        site=SITE,
        folder=tmp_path,
        error=None,
    )
    assert 'src="data:image/svg+xml;base64,' in page
    html = new_markdown_cell('<details><img src="dot.svg" alt="a dot">\n\nOne.\n\n</details>')
    page = notebook_page(new_notebook(cells=[html]), name="01_x", site=SITE, folder=tmp_path, error=None)
    assert re.search(
        r'<details><img alt="a dot" src="data:image/svg\+xml;base64,\w+=*"/>\s*<p>One.</p>\s*</details>', page
    )


def test_the_entry_of_a_notebook_has_its_first_embedded_figure(notebook: nbformat.NotebookNode) -> None:
    page = Page.of(notebook, href="smoke/01_x.html", minutes=1.5, budget_minutes=2, error=None)
    assert page == Page(
        title="01 · Small <em>things</em>",
        question="Is `x` < y & z?",
        href="smoke/01_x.html",
        minutes=1.5,
        budget_minutes=2,
        error=None,
        figure=Figure("data:image/png;base64,AA", 'a "dot"'),
    )
    notebook.cells[1].outputs = [data(image__png=PIXEL)]
    assert Page.of(notebook, href="", minutes=0, budget_minutes=1, error=None).figure == Figure(
        f"data:image/png;base64,{PIXEL}", ""
    )
    assert Page.of(new_notebook(), href="smoke/01_x.html", minutes=0, budget_minutes=1, error=None).title == "01_x"


def test_the_index_escapes_every_name() -> None:
    bad = '"><script>alert(1)</script>'
    page = Page(
        title=bad,
        question=bad,
        href=bad,
        minutes=1.5,
        budget_minutes=2,
        error=bad,
        figure=Figure(f"data:image/png,{bad}", bad),
    )
    text = index_page([page], profile=bad, seed=3)
    assert not FETCHES.search(text)
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 7


def test_the_index_says_what_completed_and_what_failed() -> None:
    pages = [
        Page(
            title="A *b*", question="Why `c`?", href="a.html", minutes=1.26, budget_minutes=1.5, error=None, figure=None
        ),
        Page(
            title="D", question="", href="d.html", minutes=0.5, budget_minutes=1.5, error="ValueError: x", figure=None
        ),
    ]
    text = index_page(pages, profile="smoke", seed=3)
    assert '<a href="a.html">A b</a>' in text and "Why c?" in text and "Completed in 1.3 min (budget 1.5 min)" in text
    assert "Failed after 0.5 min" in text and "ValueError: x" in text
    assert "Profile smoke, seed 3: " in text and "1 of 2 failed" in text
    assert "all 1 completed" in index_page(pages[:1], profile="smoke", seed=3)


@pytest.mark.parametrize(
    ("output", "fault"),
    [
        (data(image__png=PIXEL), "an image has no alt text"),
        (data(text__html='<img alt=" " src="data:image/png;base64,AA">'), "an image has no alt text"),
        (data(text__html='<video src="data:video/mp4;base64,AA"></video>'), "a video has no label"),
        (data(text__html='<img alt="a" src="https://x.org/a.png">'), "https://x.org/a.png would be fetched"),
        (data(text__plain="x" * MAX_BYTES), "the page has 3,0"),
    ],
)
def test_the_checks_of_real_pages_find_what_is_wrong(output: nbformat.NotebookNode, fault: str) -> None:
    notebook = new_notebook(cells=[new_code_cell("", outputs=[output])])
    found = faults(notebook_page(notebook, name="01_x", site=SITE, folder=Path(), error=None))
    assert len(found) == 1 and found[0].startswith(fault)
