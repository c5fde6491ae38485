"""What strangers hand over is data: it is neither run nor sent anywhere, reads nothing outside its folder, and a name
of any kind stays text on every page."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import matplotlib
import nbformat
import pytest
import torch
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from rev2net_lite.bundled import checkout_folder, notebooks_folder
from rev2net_lite.datasets import DatasetError, Sampling, manifest_dataset
from rev2net_lite.glossary import Glossary
from rev2net_lite.pages import Page, Site, glossary_page, index_page, notebook_page
from rev2net_lite.plots import Picture, scrubber
from rev2net_lite.plots.picture import MovingPicture
from rev2net_lite.plots.study import finding_cards
from rev2net_lite.predictions import Reveal
from rev2net_lite.runs import Metric, Record, _html_table
from rev2net_lite.synthetic import SyntheticConfig, dataset_specs, load_exact, write_synthetic_dataset

PACKAGE = (checkout_folder() or Path()) / "rev2net_lite"
NAME = """'"><img src=x onerror=alert(1)></td><script>alert(2)</script><a href="javascript:alert(3)">&amp;"""


# Names on pages


class _Tags(HTMLParser):
    """Every tag of a page, with its attributes, and the text between."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def assert_harmless(page: str, *, shown: bool = True) -> None:
    """Nothing of `NAME` is a tag or an attribute of its own; where `shown`, all of it can be read."""
    found = _Tags(page)
    for tag, attributes in found.tags:
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
        assert not any((value or "").strip().lower().startswith("javascript:") for value in attributes.values())
        assert (tag, attributes.get("src")) != ("img", "x"), page
    assert "alert(2)</script>" not in page
    if shown:
        everything = [found.text, *(value or "" for _, attributes in found.tags for value in attributes.values())]
        assert any("<img src=x onerror=alert(1)>" in text for text in everything), page


def _pictures() -> list[Picture]:
    with matplotlib.rc_context():
        return [Picture(Figure(figsize=(1, 1)), NAME) for _ in range(4)]


def _record() -> Record:
    return Record(
        schema=1,
        notebook=NAME,
        profile=NAME,
        parameters={NAME: NAME},
        settings={},
        seed=0,
        device=NAME,
        threads=1,
        versions={NAME: NAME},
        source="0" * 64,
        revision=None,
        started="2026-01-01T00:00:00+00:00",
        seconds=1.0,
        metrics=(Metric(name=NAME, value=1.0, unit=NAME, n=1),),
    )


def _scrubber() -> str:
    page = scrubber(_pictures(), [f"{NAME} {state}" for state in range(4)], alt=NAME)._repr_html_()
    return re.sub(r"<script>.*?</script>\n</figure>", "</figure>", page, flags=re.DOTALL)  # its own


def _findings() -> str:
    finding = {"id": NAME, "statement": NAME, "verdict": "undecided", "difference": 0.1, "low": 0.0, "high": 0.2}
    finding |= {"n": 3, "unit": NAME, "seeds_to_decide": NAME, "flips": NAME}
    return finding_cards([finding], command=NAME)._repr_html_()


def _failed() -> str:
    site = Site("x", {NAME: NAME, "b": NAME}, Glossary(""))
    return notebook_page(new_notebook(), name="b", site=site, folder=Path(), error=NAME)


PAGES: dict[str, Callable[[], str]] = {
    "picture": lambda: _pictures()[0]._repr_html_(),
    "moving picture": lambda: MovingPicture(b"", NAME)._repr_html_(),
    "scrubber": _scrubber,
    "findings": _findings,
    "record": lambda: _html_table(_record()),
    "reveal": lambda: Reveal(NAME, NAME, None, NAME)._repr_html_(),
    "index": lambda: index_page([Page(NAME, NAME, NAME, 1.0, 1.0, NAME, None)], profile=NAME, seed=0),
    "notebook that failed": _failed,
}


@pytest.mark.parametrize("kind", PAGES)
def test_a_name_of_any_kind_stays_text(kind: str) -> None:
    assert_harmless(PAGES[kind]())


def test_what_a_notebook_holds_runs_nothing_on_its_page() -> None:
    """Text and outputs may be HTML, as figures are; what would run there is taken out."""
    output = new_output("display_data", data={"text/html": f"<p title='x' OnClick='alert(4)'>{NAME}</p>"})
    stream = new_output("stream", name="stdout", text=NAME)
    error = new_output("error", ename=NAME, evalue=NAME, traceback=[NAME])
    cells = [
        new_markdown_cell(f"# {NAME}\n\n**Question.** {NAME}\n\n[a]( javascript:alert(5)) <svg onload=alert(6)></svg>"),
        new_code_cell(NAME, outputs=[output, stream, error]),
    ]
    site = Site("x", {"a": "a"}, Glossary(""))
    page = notebook_page(new_notebook(cells=cells), name="a", site=site, folder=Path(), error=None)
    found = _Tags(page)
    for tag, attributes in found.tags:
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
        assert not any("javascript:" in (value or "") for value in attributes.values()), (tag, attributes)
    assert not any(tag == "script" for tag, _ in found.tags) and "script-src 'sha256-" in page
    assert page.count("&lt;img src=x onerror=alert(1)&gt;") >= 3  # code, stream and error are shown as they are
    assert "alert(2)" not in _Tags(glossary_page(Site("x", {}, Glossary(NAME)))).text


# Data from others


def _manifest(folder: Path, *files: str) -> Path:
    lines = "".join(f'"{file}",a\n' for file in files)
    (folder / "labels.csv").write_text(f"file,label\n{lines}", encoding="utf-8")
    return folder / "labels.csv"


def test_a_manifest_reads_nothing_outside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.mp4").touch()
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "in.mp4").touch()
    (folder / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    sampling, cache = Sampling(frames=2, size=8), tmp_path / "cache"
    assert len(manifest_dataset(_manifest(folder, "in.mp4"), sampling=sampling, cache=cache, flow=None)) == 1
    for stray in ("../secret.mp4", str(tmp_path / "secret.mp4"), "link.mp4", "x/../../secret.mp4"):
        with pytest.raises(DatasetError, match=r"labels.csv names 1 of 2 files outside its folder: '.*lie inside it"):
            manifest_dataset(_manifest(folder, "in.mp4", stray), sampling=sampling, cache=cache, flow=None)
    for row in ("in.mp4\n", ",a\n", "in.mp4,\n"):
        (folder / "labels.csv").write_text(f"file,label\nin.mp4,a\n{row}")
        with pytest.raises(DatasetError, match="lacks the file or the label in 1 rows, first in line 3"):
            manifest_dataset(folder / "labels.csv", sampling=sampling, cache=cache, flow=None)


def test_the_numbers_of_a_strangers_dataset_make_no_room(tmp_path: Path) -> None:
    write_synthetic_dataset(tmp_path / "d", config=SyntheticConfig(frames=4, size=32), clips_per_class=1, seed=0)
    file = tmp_path / "d" / "dataset.json"
    record = json.loads(file.read_text())
    for change, message in (
        ({"clips_per_class": 10**9}, r"dataset.json has a clips_per_class of 1000000000; up to 10,000 are read"),
        ({"config": record["config"] | {"frames": 10**9}}, "has a frames of 1000000000; up to 10,000 are read"),
        ({"config": record["config"] | {"size": 1e300}}, "has a size of 1e"),
        ({"config": record["config"] | {"frames": "many"}}, "describes no world: .*; write the dataset again"),
    ):
        file.write_text(json.dumps(record | change))
        with pytest.raises(ValueError, match=message):
            dataset_specs(tmp_path / "d")
    file.write_text("[" * 100_000)
    with pytest.raises(ValueError, match=r"has no readable dataset\.json"):
        dataset_specs(tmp_path / "d")


def test_exact_flow_of_another_kind_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    (tmp_path / "exact").mkdir()
    save_file({"x": torch.zeros(1)}, tmp_path / "exact" / "a.safetensors")
    with pytest.raises(ValueError, match=r"a.safetensors holds \['x'\]; expected 'flow' and 'mask'"):
        load_exact(tmp_path, "videos/a.mp4")


# Code

# What runs bytes of a file, or talks to the network.
_RUNS = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "code", "codeop", "runpy", "yaml"}
_TALKS = {"urllib", "http", "requests", "socket", "httpx", "aiohttp", "ftplib", "smtplib", "xmlrpc", "webbrowser"}
_CALLS = {"eval", "exec", "compile", "__import__", "torch.load", "torch.hub.load", "np.load", "os.system", "os.popen"}
# These run a student's code on purpose, in a child process.
_ON_PURPOSE = ("exercises/", "course/")


def faults_of(source: str) -> list[str]:
    """What code does that the kit does not do."""
    found = []
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        found += [f"imports {name}" for name in names if name.split(".")[0] in _RUNS | _TALKS]
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func) if isinstance(node.func, ast.Name | ast.Attribute) else ""
            if called in _CALLS or called.startswith(("pickle.", "subprocess.getoutput", "os.exec", "os.spawn")):
                found.append(f"calls {called}")
            for keyword in node.keywords:
                if keyword.arg in ("shell", "allow_pickle") and ast.unparse(keyword.value) != "False":
                    found.append(f"{called} with {keyword.arg}")
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.match(r"/tmp\b", node.value):
            found.append("names /tmp")
    return found


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ("import pickle", "imports pickle"),
        ("from urllib.request import urlopen", "imports urllib.request"),
        ("x = eval('1')", "calls eval"),
        ("torch.load(p)", "calls torch.load"),
        ("subprocess.run(c, shell=True)", "subprocess.run with shell"),
        ("np.load(p, allow_pickle=flag)", "np.load with allow_pickle"),
        ("open('/tmp/x')", "names /tmp"),
    ],
)
def test_the_search_finds_what_it_looks_for(source: str, fault: str) -> None:
    assert fault in faults_of(source)
    assert faults_of("model.eval(); re.compile('a'); subprocess.run(c, shell=False); safetensors.torch.load(b)") == []


def test_the_library_runs_no_data_and_asks_no_network() -> None:
    sources = {path.relative_to(PACKAGE).as_posix(): path.read_text("utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
    assert len(sources) > 40
    found = {name: faults_of(source) for name, source in sources.items()}
    bad = {name: faults for name, faults in found.items() if faults and not name.startswith(_ON_PURPOSE)}
    assert not bad
    talks = {fault for faults in found.values() for fault in faults if fault.split()[-1].split(".")[0] in _TALKS}
    assert not talks


def test_the_notebooks_run_no_data_no_shell_and_ask_no_network() -> None:
    files = sorted(notebooks_folder().rglob("*.ipynb"))
    assert len(files) > 10
    for file in files:
        for cell in nbformat.read(file, as_version=4).cells:
            if cell.cell_type == "code":
                assert not re.search(r"^\s*[!%]", cell.source, flags=re.MULTILINE), (file.name, cell.source)
                assert faults_of(cell.source) == [], (file.name, cell.source)
