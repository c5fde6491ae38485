from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell, new_notebook

from rev2net_lite.bundled import checkout_folder
from rev2net_lite.minutes import SERIES_NAME, SeriesRecord, Timing, read_series, with_minutes

RECORD = SeriesRecord(
    profile="laptop",
    seed=0,
    date="2026-01-31",
    device="cpu",
    cores=2,
    jobs=1,
    versions={"torch": "2.13.0"},
    timings=(Timing("00_a", 33.0, 1.5), Timing("01_b", 90.0, 3.0)),
)
HEADER = "# {title}\n\n**Question.** Why | *how*?\n\n**Measured minutes.** {sentence}\n\n**More.** About 3."


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A checkout of two notebooks, one never measured and one measured elsewhere, with lines broken by hand."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "assets").mkdir()
    for name, sentence in (
        ("00_a", "Run: not measured yet. Reading and doing: about 20."),
        ("01_b", "Run: 0.6 minutes at `laptop` on 16\nprocessor cores. Reading and\ndoing: about 35."),
    ):
        header = new_markdown_cell(HEADER.format(title=name.upper()[3:], sentence=sentence))
        nbformat.write(
            new_notebook(cells=[header, new_markdown_cell("Rest")]), tmp_path / "notebooks" / f"{name}.ipynb"
        )
    (tmp_path / "README.md").write_text("Before\n<!-- series: begin -->\nold\n<!-- series: end -->\nAfter\n")
    return tmp_path


def write(files: dict[Path, str]) -> None:
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")


def test_the_sentence_of_each_header_gets_the_runs_minutes_and_keeps_those_of_reading(top: Path) -> None:
    before = {path: nbformat.read(path, as_version=4) for path in (top / "notebooks").iterdir()}
    write(with_minutes(RECORD, top=top))
    for name, run, reading in (("00_a", "0.6", 20), ("01_b", "1.5", 35)):
        path = top / "notebooks" / f"{name}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        sentence = f"Run: {run} minutes at `laptop` on 2 processor cores. Reading and doing: about {reading}."
        assert notebook.cells[0].source == HEADER.format(title=name.upper()[3:], sentence=sentence)
        notebook.cells[0].source = before[path].cells[0].source
        assert notebook == before[path]


def test_the_readme_gets_the_table_between_its_marks(top: Path) -> None:
    write(with_minutes(RECORD, top=top))
    assert (top / "README.md").read_text() == (
        "Before\n<!-- series: begin -->\n"
        "| notebook | question | run | reading and doing |\n|---|---|---|---|\n"
        "| [00 · A](notebooks/00_a.ipynb) | Why \\| *how*? | 0.6 | 20 |\n"
        "| [01 · B](notebooks/01_b.ipynb) | Why \\| *how*? | 1.5 | 35 |\n\n"
        "Minutes. Run: measured at `laptop` on 2 processor cores, 1 notebook at once, on 2026-01-31 with torch 2.13.0; "
        "2.0 for all one after the other. Reading and doing: estimated, 55 for all.\n"
        "<!-- series: end -->\nAfter\n"
    )


def test_writing_it_again_changes_nothing(top: Path) -> None:
    write(with_minutes(RECORD, top=top))
    again = with_minutes(read_series(top / "assets" / SERIES_NAME), top=top)
    assert len(again) == 4
    assert all(path.read_text("utf-8") == text for path, text in again.items())


def test_a_record_comes_back_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(RECORD.json())
    assert read_series(tmp_path / "a.json") == RECORD


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"schema": 2}, "another schema"),
        ({"timings": [{"notebook": "00_a"}]}, "missing 2 required positional arguments"),
        ({"timings": [{"notebook": "00_a", "seconds": 0, "budget_minutes": 1}]}, "a timing without its time"),
        ({"timings": []}, "no version, or nothing measured"),
        ({"versions": {}}, "torch"),
        ({"unknown": 1}, "unexpected keyword argument 'unknown'"),
    ],
)
def test_what_is_no_record_is_refused(tmp_path: Path, change: dict[str, object], why: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(json.loads(RECORD.json()) | change))
    with pytest.raises(
        ValueError, match=rf"file {path} is not the record of a series; expected one that `rev2net run`"
    ) as caught:
        read_series(path)
    assert why in str(caught.value.__cause__)
    path.write_text("[]")
    with pytest.raises(ValueError, match="is not the record of a series"):
        read_series(path)


def test_a_missing_record_says_who_writes_it(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"there is no .*a.json; `rev2net run` writes it when every notebook has compl"
    ):
        read_series(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (
            replace(RECORD, profile="smoke"),
            "the series was measured at the profile smoke on cpu; headers and README say",
        ),
        (replace(RECORD, device="cuda: H100"), "the series was measured at the profile laptop on cuda: H100; headers"),
        (
            replace(RECORD, timings=RECORD.timings[:1]),
            "the series measured is 00_a, but the notebooks are 00_a, 01_b; run the whole series",
        ),
    ],
)
def test_a_record_of_another_run_is_refused(top: Path, record: SeriesRecord, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        with_minutes(record, top=top)


def test_a_checkout_without_a_place_for_them_is_refused(top: Path) -> None:
    (top / "README.md").write_text("no marks")
    with pytest.raises(ValueError, match=r"README.md lacks the line .<!-- series: begin -->"):
        with_minutes(RECORD, top=top)
    path = top / "notebooks" / "00_a.ipynb"
    path.write_text(path.read_text().replace("Reading and doing", "Reading"))
    with pytest.raises(
        ValueError,
        match=re.escape("first cell of notebook 00_a has no sentence on minutes; write there, for example: **Me"),
    ):
        with_minutes(RECORD, top=top)


def test_headers_and_readme_say_what_the_committed_record_says() -> None:
    top = checkout_folder()
    assert top is not None
    record = top / "assets" / SERIES_NAME
    if not record.exists():
        pytest.skip("the series has not been measured: there is no assets/series.json")
    stale = [
        path.name
        for path, text in with_minutes(read_series(record), top=top).items()
        if path.read_text("utf-8") != text
    ]
    assert stale == [], "run `rev2net run` and `rev2net record-minutes`"
