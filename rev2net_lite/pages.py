"""Executed notebooks as web pages that open without a network, and the index page that leads to them."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

from jinja2 import pass_context
from jinja2.runtime import Context
from latex2mathml.converter import convert as mathml
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter

__all__ = ["Figure", "Page", "header_field", "index_page", "notebook_page", "notebook_title"]

_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_WIDGET_NOTE = "<p><em>An interactive part stands here; open this notebook in Jupyter to use it.</em></p>"

# No script runs and nothing is fetched, whatever an output holds.
_POLICY = "default-src 'none'; img-src data:; media-src data:; font-src data:; style-src 'unsafe-inline'"

_CSS = """
:root { color-scheme: light dark; --text: #1b1b1b; --page: #ffffff; --soft: #f3f3f1; --line: #d4d4cf; --link: #0b57a4;
  --bad: #a11212; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e6e3; --page: #17181a; --soft: #232528; --line: #45484d;
  --link: #8fc1ff; --bad: #ff9d95; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 60rem; background: var(--page); color: var(--text);
  font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: break-word; }
a { color: var(--link); }
img, video, svg { max-width: 100%; height: auto; }
.output img, .card img { background: #ffffff; }
pre { overflow-x: auto; margin: 0; font: .86rem/1.45 ui-monospace, monospace; }
code { font-family: ui-monospace, monospace; font-size: .9em; }
.input_area, .output pre, .error { background: var(--soft); border: 1px solid var(--line); border-radius: .3rem;
  padding: .6rem .8rem; margin: .6rem 0; }
.input_area .highlight { background: none; }
.prompt { display: none; }
.output_area, .rendered_html { overflow-x: auto; }
.error { color: var(--bad); white-space: pre-wrap; }
table { border-collapse: collapse; margin: .6rem 0; }
caption { text-align: left; }
th, td { border: 1px solid var(--line); padding: .25rem .6rem; text-align: left; }
math[display="block"] { margin: .8rem 0; overflow: auto hidden; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); gap: 1rem; padding: 0;
  list-style: none; }
.card { border: 1px solid var(--line); border-radius: .4rem; padding: .9rem; min-width: 0; }
.card h2 { font-size: 1.1rem; margin: 0 0 .4rem; }
.card p { margin: .4rem 0; }
.bad { color: var(--bad); font-weight: 600; }
"""


class _Exporter(HTMLExporter):
    """nbconvert's page body with formulas as MathML, which browsers draw without a script."""

    @pass_context
    def markdown2html(self, context: Context, source: str) -> str:
        renderer = _Renderer(
            escape=False,
            attachments=context.get("cell", {}).get("attachments", {}),
            embed_images=True,
            path=context.get("resources", {}).get("metadata", {}).get("path", ""),
            exclude_anchor_links=True,
        )
        return str(MarkdownWithMath(renderer=renderer).render(source))


class _Renderer(IPythonRenderer):
    def inline_math(self, body: str) -> str:
        return _formula(body, display="inline")

    def block_math(self, body: str) -> str:
        return _formula(body, display="block")

    def latex_environment(self, name: str, body: str) -> str:
        return _formula(f"\\begin{{{name}}}{body}\\end{{{name}}}", display="block")


@dataclass(frozen=True)
class Figure:
    """A picture that stands in a notebook.

    Args:
        source: the picture itself, as a `data:` address.
        alt: what it shows, in words.
    """

    source: str
    alt: str


@dataclass(frozen=True)
class Page:
    """What the index page says of one notebook.

    Args:
        title: heading of the notebook.
        question: the question that it answers.
        href: address of its page, relative to the index page.
        minutes: how long it took.
        error: why it failed, or None.
        figure: its first figure, or None.
    """

    title: str
    question: str
    href: str
    minutes: float
    error: str | None
    figure: Figure | None

    @classmethod
    def of(cls, notebook: NotebookNode, *, href: str, minutes: float, error: str | None) -> Page:
        """The entry of an executed notebook."""
        return cls(
            title=notebook_title(notebook) or Path(href).stem,
            question=header_field(notebook, "Question"),
            href=href,
            minutes=minutes,
            error=error,
            figure=_first_figure(notebook),
        )


def notebook_title(notebook: NotebookNode) -> str:
    """The first heading of a notebook, or nothing."""
    found = re.search(r"^# +(.+?)\s*$", _markdown(notebook), flags=re.MULTILINE)
    return found[1] if found else ""


def header_field(notebook: NotebookNode, name: str) -> str:
    """What stands after `**Name.**` in the cell with the title, up to the end of its paragraph; or nothing."""
    # In a failed copy papermill puts a cell of its own before that cell.
    titled = (cell.source for cell in notebook.cells if cell.cell_type == "markdown" and cell.source.startswith("# "))
    pattern = rf"^\*\*{re.escape(name)}\.?\*\*[.:]?\s*(.+?)(?:\n\s*\n|\Z)"
    found = re.search(pattern, next(titled, ""), flags=re.MULTILINE | re.DOTALL)
    return " ".join(found[1].split()) if found else ""


def notebook_page(notebook: NotebookNode, *, folder: Path, home: str, error: str | None) -> str:
    """The page of an executed notebook.

    Args:
        notebook: the notebook with its outputs; widgets become a note, scripts are left out.
        folder: where the notebook lies; pictures that its text names relative to it are put into the page.
        home: address of the index page.
        error: why the notebook failed, or None.
    """
    notebook = deepcopy(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [_still(output) for output in cell.outputs]
    body, _ = _Exporter(template_name="basic").from_notebook_node(
        notebook, resources={"metadata": {"path": str(folder)}}
    )
    notice = "" if error is None else f'<p class="error" role="alert">This notebook failed: {html.escape(error)}</p>\n'
    back = f'<p><a href="{html.escape(home)}">All notebooks</a></p>\n'
    return _page(notebook_title(notebook) or "Notebook", f"{back}{notice}<main>\n{body}\n</main>\n{back}")


def index_page(pages: Sequence[Page], *, profile: str, seed: int) -> str:
    """The page that leads to the pages of a series."""
    failed = sum(page.error is not None for page in pages)
    status = f'<span class="bad">{failed} of {len(pages)} failed</span>' if failed else f"all {len(pages)} completed"
    return _page(
        "rev2net_lite: executed notebooks",
        "<h1>rev2net_lite: executed notebooks</h1>\n"
        f"<p>Profile {html.escape(profile)}, seed {seed}: {status}.</p>\n"
        f'<ul class="cards">\n{"".join(_card(page) for page in pages)}</ul>\n',
    )


def _card(page: Page) -> str:
    lines = [f'<h2><a href="{html.escape(page.href)}">{html.escape(_plain(page.title))}</a></h2>']
    if page.question:
        lines.append(f"<p>{html.escape(_plain(page.question))}</p>")
    if page.figure is not None:
        lines.append(
            f'<img src="{html.escape(page.figure.source)}" alt="{html.escape(page.figure.alt)}" loading="lazy">'
        )
    if page.error is None:
        lines.append(f"<p>Completed in {page.minutes:.1f} min</p>")
    else:
        lines.append(f'<p class="bad">Failed after {page.minutes:.1f} min</p>')
        lines.append(f'<pre class="error">{html.escape(page.error)}</pre>')
    return '<li class="card">\n' + "\n".join(lines) + "\n</li>\n"


def _page(title: str, body: str) -> str:
    dark = HtmlFormatter(style="github-dark").get_style_defs(".highlight")
    light = HtmlFormatter(style="friendly").get_style_defs(".highlight")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(_plain(title))}</title>\n"
        f"<style>\n{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n{_CSS}</style>\n"
        f"</head>\n<body>\n{body}</body>\n</html>\n"
    )


def _formula(tex: str, *, display: str) -> str:
    try:
        return str(mathml(tex, display=display))
    except Exception:
        # The converter has no common error class; a formula that it cannot read is shown as it was typed.
        return f"<code>{html.escape(tex)}</code>"


def _still(output: NotebookNode) -> NotebookNode:
    """An output without what only a script could show."""
    data = output.get("data")
    if data is None:
        return output
    if _WIDGET_VIEW in data:
        output.data = NotebookNode({"text/html": _WIDGET_NOTE})
    else:
        output.data = NotebookNode({kind: value for kind, value in data.items() if "javascript" not in kind})
    return output


class _Images(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Figure] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        source = values.get("src") or ""
        if tag == "img" and source.startswith("data:image/"):
            self.found.append(Figure(source, values.get("alt") or ""))


def _first_figure(notebook: NotebookNode) -> Figure | None:
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            parser = _Images()
            parser.feed(data.get("text/html", ""))
            if parser.found:
                return parser.found[0]
            if "image/png" in data:
                return Figure(f"data:image/png;base64,{data['image/png'].strip()}", "")
    return None


def _markdown(notebook: NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def _plain(text: str) -> str:
    """Markdown's marks for emphasis and code left out."""
    return re.sub(r"[*`]", "", text)
