"""Executed notebooks as web pages that open without a network, and the index page that leads to them."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

from bs4 import BeautifulSoup, Tag
from jinja2 import pass_context
from jinja2.runtime import Context
from latex2mathml.converter import convert as mathml
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook
from pygments.formatters import HtmlFormatter

from rev2net_lite.bundled import asset
from rev2net_lite.glossary import Glossary, anchor

__all__ = [
    "Figure",
    "Page",
    "Site",
    "glossary_page",
    "header_field",
    "index_page",
    "notebook_page",
    "notebook_title",
    "numbered_title",
]

_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_WIDGET_NOTE = (
    '<p class="note">Here the notebook has a control, which works in Jupyter: open the notebook there to use it.</p>'
)

# Nothing is fetched and no script runs, whatever an output holds, but the one that moves through states of a figure.
_POLICY = (
    "default-src 'none'; img-src data:; media-src data:; font-src data:; style-src 'unsafe-inline'; script-src '{}'"
)

# Where a link to the glossary would be in the way, or no prose stands.
_NO_TERMS = ("a", "code", "pre", "math", "summary", "script", "style", "h1", "h2", "h3", "h4", "h5", "h6")

_CSS = """
:root { color-scheme: light dark; --text: #1b1b1b; --page: #ffffff; --soft: #f3f3f1; --line: #c9c9c4; --link: #0b57a4;
  --bad: #a11212; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e6e3; --page: #17181a; --soft: #232528; --line: #4b4e54;
  --link: #8fc1ff; --bad: #ff9d95; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 60rem; background: var(--page); color: var(--text);
  font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: break-word; }
a { color: var(--link); }
a.term { text-decoration: underline dotted; text-underline-offset: .2em; }
:focus-visible { outline: .2rem solid var(--link); outline-offset: .15rem; }
img, video, svg { max-width: 100%; height: auto; }
.output img, .card img { background: #ffffff; }
pre { overflow-x: auto; margin: 0; font: .86rem/1.45 ui-monospace, monospace; }
code { font-family: ui-monospace, monospace; font-size: .9em; }
.input_area, .output pre, .error, .note { background: var(--soft); border: 1px solid var(--line); border-radius: .3rem;
  padding: .6rem .8rem; margin: .6rem 0; }
.input_area .highlight { background: none; }
.input_area pre { background: none; border: 0; padding: 0; margin: 0; }
.prompt { display: none; }
.error { color: var(--bad); white-space: pre-wrap; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .6rem 0; }
caption { text-align: left; }
th, td { border: 1px solid var(--line); padding: .25rem .6rem; text-align: left; }
math[display="block"] { margin: .8rem 0; overflow: auto hidden; }
input[type="range"] { accent-color: var(--link); }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .5rem 0; padding: 0 .9rem; }
summary { cursor: pointer; margin: 0 -.9rem; padding: .7rem .9rem; min-height: 2.75rem; border-radius: .4rem; }
details > .highlight { padding: .6rem .8rem; margin: .6rem 0 .9rem; border-radius: .3rem; }
summary:hover, details[open] > summary { background: var(--soft); }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; border: solid var(--line); border-width: 1px 0;
  margin: 0 0 1rem; }
nav a { display: inline-block; padding: .6rem 0; }
main + nav { margin: 1.5rem 0 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 17rem), 1fr)); gap: 1rem; padding: 0;
  list-style: none; }
.card { border: 1px solid var(--line); border-radius: .4rem; padding: .9rem; min-width: 0; }
.card h2 { font-size: 1.1rem; margin: 0 0 .4rem; }
.card p { margin: .4rem 0; }
.bad { color: var(--bad); font-weight: 600; }
"""


# Addresses that run something, or are a page of their own.
_RUNS = re.compile(r"\s*(javascript|vbscript|data:text)", flags=re.IGNORECASE)


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

    def block_html(self, html: str) -> str:
        # Jupyter draws formulas there too, where Markdown is not read.
        summary = re.compile(r"<summary>.*?</summary>", flags=re.DOTALL)
        return str(super().block_html(summary.sub(lambda found: _with_formulas(found[0]), html)))

    def _html_embed_images(self, html: str) -> str:
        # The library's own parses all of a piece, and closes a <details> whose text is still to come.
        embed = super()._html_embed_images
        return re.sub(r"<img\b[^>]*>", lambda found: str(embed(found[0])), html)

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
        budget_minutes: how long it may take.
        error: why it failed, or None.
        figure: its first figure, or None.
    """

    title: str
    question: str
    href: str
    minutes: float
    budget_minutes: float
    error: str | None
    figure: Figure | None

    @classmethod
    def of(cls, notebook: NotebookNode, *, href: str, minutes: float, budget_minutes: float, error: str | None) -> Page:
        """The entry of an executed notebook."""
        return cls(
            title=numbered_title(notebook, name=Path(href).stem),
            question=header_field(notebook, "Question"),
            href=href,
            minutes=minutes,
            budget_minutes=budget_minutes,
            error=error,
            figure=_first_figure(notebook),
        )


@dataclass(frozen=True)
class Site:
    """What the pages of a site know of each other.

    The index page and the glossary lie at the top, the notebooks' pages in one folder below.

    Args:
        folder: name of that folder.
        titles: title of each notebook in the order of the series, by the notebook's name.
        glossary: terms that the pages link to.
    """

    folder: str
    titles: Mapping[str, str]
    glossary: Glossary = field(repr=False)


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


def numbered_title(notebook: NotebookNode, *, name: str) -> str:
    """The heading of a notebook behind the number in its name; the name for a notebook without a heading."""
    title, number = notebook_title(notebook), name.split("_")[0]
    return title if title.startswith(number) or not number.isdigit() else f"{number} · {title}" if title else name


def notebook_page(notebook: NotebookNode, *, name: str, site: Site, folder: Path, error: str | None) -> str:
    """The page of an executed notebook.

    Args:
        notebook: the notebook with its outputs; widgets become a note, and of scripts only that of a scrubber is kept.
        name: its name without the ending.
        site: the pages that it leads to.
        folder: where the notebook lies; pictures that its text names relative to it are put into the page.
        error: why the notebook failed, or None.
    """
    notebook = deepcopy(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [_still(output) for output in cell.outputs]
    soup = _soup(notebook, folder=folder)
    _point_into_site(soup, site=site, top="../", pages="")
    _link_terms(soup, site.glossary, page="../glossary.html")
    notice = "" if error is None else f'<p class="error" role="alert">This notebook failed: {html.escape(error)}</p>\n'
    before, after = (_nav(name, site=site, where=where) for where in ("above", "below"))
    return _page(notebook_title(notebook) or "Notebook", f"{before}{notice}<main>\n{soup}\n</main>\n{after}")


def glossary_page(site: Site) -> str:
    """The page of the glossary, with an anchor for each term."""
    soup = _soup(new_notebook(cells=[new_markdown_cell(site.glossary.text)]), folder=Path())
    for heading in soup.select("h2"):
        heading["id"] = anchor(heading.get_text())
    _point_into_site(soup, site=site, top="", pages=f"{site.folder}/")
    nav = '<nav aria-label="Site"><a href="index.html">All notebooks</a></nav>\n'
    return _page("Glossary", f"{nav}<main>\n{soup}\n</main>\n")


def index_page(pages: Sequence[Page], *, profile: str, seed: int) -> str:
    """The page that leads to the pages of a series."""
    failed = sum(page.error is not None for page in pages)
    status = f'<span class="bad">{failed} of {len(pages)} failed</span>' if failed else f"all {len(pages)} completed"
    return _page(
        "rev2net_lite: executed notebooks",
        "<h1>rev2net_lite: executed notebooks</h1>\n"
        f"<p>Profile {html.escape(profile)}, seed {seed}: {status}.</p>\n"
        '<nav aria-label="Site"><a href="glossary.html">Glossary</a></nav>\n'
        f'<main><ul class="cards">\n{"".join(_card(page) for page in pages)}</ul></main>\n',
    )


def _soup(notebook: NotebookNode, *, folder: Path) -> BeautifulSoup:
    """The body of a notebook's page, with tables that scroll by themselves and without strangers' scripts."""
    body, _ = _Exporter(template_name="basic").from_notebook_node(
        notebook, resources={"metadata": {"path": str(folder)}}
    )
    soup = BeautifulSoup(body, features="html.parser")
    for script in soup.select("script"):
        if script.string != _script():
            script.decompose()
    for tag in soup.find_all(True):
        for name in [name for name, value in tag.attrs.items() if name.startswith("on") or _RUNS.match(str(value))]:
            del tag[name]
    for table in soup.select("table"):
        table.wrap(soup.new_tag("div", attrs={"class": "wide"}))
    return soup


def _point_into_site(soup: BeautifulSoup, *, site: Site, top: str, pages: str) -> None:
    """Links to files of the repository lead to their pages, and become plain text where the site has no such page.

    `top` leads from this page to the index page's folder, `pages` to the notebooks' pages.
    """
    for link in soup.select("a[href]"):
        address, mark, place = str(link["href"]).partition("#")
        stem, _, kind = address.rpartition("/")[2].partition(".")
        if not address or re.match(r"[a-z]+:|//", address):
            continue
        if kind == "ipynb" and stem in site.titles:
            link["href"] = f"{pages}{stem}.html{mark}{place}"
        elif stem == "glossary":
            link["href"] = f"{top}glossary.html{mark}{place}"
        else:
            link.unwrap()


def _link_terms(soup: BeautifulSoup, glossary: Glossary, *, page: str) -> None:
    """Where a term of the glossary first stands in the prose, it becomes a link to its entry."""
    linked: set[str] = set()
    for text in [text for cell in soup.select(".text_cell_render") for text in cell.find_all(string=True)]:
        if text.find_parent(_NO_TERMS):
            continue
        parts: list[str | Tag] = []
        done = 0
        for start, end, term in glossary.found_in(text):
            if term not in linked:
                linked.add(term)
                link = soup.new_tag("a", attrs={"class": "term", "href": f"{page}#{term}"}, string=text[start:end])
                parts += [text[done:start], link]
                done = end
        if parts:
            text.replace_with(*parts, text[done:])


def _nav(name: str, *, site: Site, where: str) -> str:
    names = list(site.titles)
    place = names.index(name)
    links = [("../index.html", "All notebooks"), ("../glossary.html", "Glossary")]
    if place > 0:
        links.insert(0, (f"{names[place - 1]}.html", f"← {site.titles[names[place - 1]]}"))
    if place + 1 < len(names):
        links.append((f"{names[place + 1]}.html", f"{site.titles[names[place + 1]]} →"))
    anchors = "".join(f'<a href="{html.escape(href)}">{html.escape(_plain(text))}</a>' for href, text in links)
    return f'<nav aria-label="Notebooks, {where}">{anchors}</nav>\n'


def _card(page: Page) -> str:
    lines = [f'<h2><a href="{html.escape(page.href)}">{html.escape(_plain(page.title))}</a></h2>']
    if page.question:
        lines.append(f"<p>{html.escape(_plain(page.question))}</p>")
    if page.figure is not None:
        lines.append(
            f'<img src="{html.escape(page.figure.source)}" alt="{html.escape(page.figure.alt)}" loading="lazy">'
        )
    if page.error is None:
        lines.append(f"<p>Completed in {page.minutes:.1f} min (budget {page.budget_minutes:g} min)</p>")
    else:
        lines.append(f'<p class="bad">Failed after {page.minutes:.1f} min</p>')
        lines.append(f'<pre class="error">{html.escape(page.error)}</pre>')
    return '<li class="card">\n' + "\n".join(lines) + "\n</li>\n"


def _page(title: str, body: str) -> str:
    dark = HtmlFormatter(style="github-dark").get_style_defs(".highlight")
    light = HtmlFormatter(style="friendly").get_style_defs(".highlight")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY.format(_script_hash())}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(_plain(title))}</title>\n"
        f"<style>\n{light}\n@media (prefers-color-scheme: dark) {{\n{dark}\n}}\n{_CSS}</style>\n"
        f"</head>\n<body>\n{body}</body>\n</html>\n"
    )


def _script() -> str:
    return asset("scrubber.js").read_text("utf-8")


def _script_hash() -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(_script().encode()).digest()).decode("ascii")


def _with_formulas(text: str) -> str:
    return re.sub(r"\$([^$]+)\$", lambda found: _formula(html.unescape(found[1]), display="inline"), text)


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
        output.data = NotebookNode({"text/html": data.get("text/html", "") + _WIDGET_NOTE})
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
