from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from tiny_notebooks import HEADER, PIXEL

from rev2net_lite.pages import Figure, Page, header_field, index_page, notebook_page, notebook_title

FETCHES = re.compile(r"<script|<link|<iframe|@import|url\(|src=(?!['\"]?data:)", flags=re.IGNORECASE)
WIDGET = "application/vnd.jupyter.widget-view+json"


def data(**kinds: object) -> nbformat.NotebookNode:
    return new_output("display_data", data={kind.replace("__", "/"): value for kind, value in kinds.items()})


@pytest.fixture
def notebook() -> nbformat.NotebookNode:
    widget = new_output("display_data", data={WIDGET: {"model_id": "a"}, "text/plain": "IntSlider()"})
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


def test_title_and_header_fields(notebook: nbformat.NotebookNode) -> None:
    assert notebook_title(notebook) == "01 · Small <em>things</em>"
    assert header_field(notebook, "Question") == "Is `x` < y & z?"
    assert header_field(notebook, "Goals") == ""
    assert notebook_title(new_notebook()) == header_field(new_notebook(), "Question") == ""


def test_a_page_fetches_nothing_and_runs_nothing(notebook: nbformat.NotebookNode, tmp_path: Path) -> None:
    notebook.cells[1].outputs = [o for o in notebook.cells[1].outputs if "x.org" not in str(o)]
    page = notebook_page(notebook, folder=tmp_path, home="../index.html", error=None)
    assert not FETCHES.search(page)
    assert "Content-Security-Policy\" content=\"default-src 'none';" in page
    assert "prefers-color-scheme: dark" in page and 'name="viewport"' in page


def test_a_page_shows_outputs_formulas_and_code(notebook: nbformat.NotebookNode, tmp_path: Path) -> None:
    page = notebook_page(notebook, folder=tmp_path, home="../index.html", error=None)
    assert 'alt="a &quot;dot&quot;"' in page or "alt='a \"dot\"'" in page
    assert "words" in page and "scripted" in page and "alert(1)" not in page
    assert "An interactive part stands here" in page and "IntSlider" not in page
    assert page.count("<math") == 2 and "<msup>" in page and 'display="block"' in page
    assert "&lt;b&gt;" in page
    assert '<a href="../index.html">' in page
    assert "This notebook failed" not in page


def test_a_page_leaves_the_notebook_as_it_is(notebook: nbformat.NotebookNode, tmp_path: Path) -> None:
    before = nbformat.writes(notebook)
    notebook_page(notebook, folder=tmp_path, home="", error=None)
    assert nbformat.writes(notebook) == before


def test_a_failed_page_says_why_in_escaped_words(notebook: nbformat.NotebookNode, tmp_path: Path) -> None:
    page = notebook_page(notebook, folder=tmp_path, home="", error="ValueError: <script>")
    assert "This notebook failed: ValueError: &lt;script&gt;" in page


def test_a_formula_that_cannot_be_read_is_shown_as_typed(tmp_path: Path) -> None:
    cells = [new_markdown_cell(r"See $\left( <b>$ and" + "\n\n\\begin{matrix}a & b\\end{matrix}")]
    page = notebook_page(new_notebook(cells=cells), folder=tmp_path, home="", error=None)
    assert r"<code>\left( &lt;b&gt;</code>" in page
    assert "<mtable>" in page


def test_pictures_of_the_text_go_into_the_page(tmp_path: Path) -> None:
    (tmp_path / "dot.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    page = notebook_page(
        new_notebook(cells=[new_markdown_cell("![a dot](dot.svg)")]), folder=tmp_path, home="", error=None
    )
    assert 'src="data:image/svg+xml;base64,' in page


def test_the_entry_of_a_notebook_has_its_first_embedded_figure(notebook: nbformat.NotebookNode) -> None:
    page = Page.of(notebook, href="smoke/01_x.html", minutes=1.5, error=None)
    assert page == Page(
        title="01 · Small <em>things</em>",
        question="Is `x` < y & z?",
        href="smoke/01_x.html",
        minutes=1.5,
        error=None,
        figure=Figure("data:image/png;base64,AA", 'a "dot"'),
    )
    notebook.cells[1].outputs = [data(image__png=PIXEL)]
    assert Page.of(notebook, href="", minutes=0, error=None).figure == Figure(f"data:image/png;base64,{PIXEL}", "")
    assert Page.of(new_notebook(), href="smoke/01_x.html", minutes=0, error=None).title == "01_x"


def test_the_index_escapes_every_name() -> None:
    bad = '"><script>alert(1)</script>'
    page = Page(title=bad, question=bad, href=bad, minutes=1.5, error=bad, figure=Figure(f"data:image/png,{bad}", bad))
    text = index_page([page], profile=bad, seed=3)
    assert not FETCHES.search(text)
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 7


def test_the_index_says_what_completed_and_what_failed() -> None:
    pages = [
        Page(title="A *b*", question="Why `c`?", href="a.html", minutes=1.26, error=None, figure=None),
        Page(title="D", question="", href="d.html", minutes=0.5, error="ValueError: x", figure=None),
    ]
    text = index_page(pages, profile="smoke", seed=3)
    assert '<a href="a.html">A b</a>' in text and "Why c?" in text and "Completed in 1.3 min" in text
    assert "Failed after 0.5 min" in text and "ValueError: x" in text
    assert "Profile smoke, seed 3: " in text and "1 of 2 failed" in text
    assert "all 1 completed" in index_page(pages[:1], profile="smoke", seed=3)
