"""How long the series takes: measured by a run, kept among the assets, written into headers and README."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from rev2net_lite.files import with_section
from rev2net_lite.pages import header_field, numbered_title
from rev2net_lite.runs import Record
from rev2net_lite.untrusted import read_json

__all__ = ["SERIES_NAME", "SeriesRecord", "Timing", "read_series", "series_record", "with_minutes"]

SERIES_NAME = "series.json"
_SCHEMA = 1

_SENTENCE = re.compile(
    r"\*\*Measured\s+minutes\.\*\*\s+Run:(?:(?!\n\n).)*?\s+Reading\s+and\s+doing:\s+about\s+(\d+)\.", flags=re.DOTALL
)
_FORM = "**Measured minutes.** Run: not measured yet. Reading and doing: about 25."
_MARKS = ("<!-- series: begin -->", "<!-- series: end -->")


@dataclass(frozen=True)
class Timing:
    """How long one notebook took, and may take.

    Args:
        notebook: its name without the ending.
        seconds: from the start of its kernel to its end.
        budget_minutes: what its metadata allow at the profile.
    """

    notebook: str
    seconds: float
    budget_minutes: float


@dataclass(frozen=True)
class SeriesRecord:
    """How long each notebook of a completed series took, and on what machine.

    Args:
        profile: name of the profile.
        seed: seed of every notebook.
        date: day of the run, UTC, ISO 8601.
        device: what the notebooks computed on.
        cores: processor cores that the run could use.
        jobs: notebooks at once.
        versions: of Python and of the packages that matter.
        timings: one per notebook, in the order of the series.
    """

    profile: str
    seed: int
    date: str
    device: str
    cores: int
    jobs: int
    versions: dict[str, str]
    timings: tuple[Timing, ...]

    def json(self) -> str:
        """The record as the text of its file."""
        return json.dumps({"schema": _SCHEMA} | asdict(self), indent=2) + "\n"


def series_record(records: list[Record], timings: list[Timing], *, date: str, cores: int, jobs: int) -> SeriesRecord:
    """The record of a series from the records of its runs, which share machine, profile and seed."""
    first = records[0]
    return SeriesRecord(first.profile, first.seed, date, first.device, cores, jobs, first.versions, tuple(timings))


def read_series(path: str | os.PathLike[str]) -> SeriesRecord:
    """The record of a series in a file.

    Raises:
        ValueError: there is no such file, or it holds something else.
    """
    try:
        content = read_json(Path(path))
        if content.pop("schema") != _SCHEMA:
            raise ValueError("another schema")
        timings = tuple(Timing(**timing) for timing in content.pop("timings"))
        for timing in timings:
            if not timing.notebook or not timing.seconds > 0 or not timing.budget_minutes > 0:
                raise ValueError("a timing without its time")
        if not isinstance(content["versions"]["torch"], str) or not timings:
            raise ValueError("no version, or nothing measured")
        return SeriesRecord(**content, timings=timings)
    except FileNotFoundError as error:
        raise ValueError(f"there is no {path}; `rev2net run` writes it when every notebook has completed") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"file {path} is not the record of a series; expected one that `rev2net run` wrote") from error


def with_minutes(record: SeriesRecord, *, top: Path) -> dict[Path, str]:
    """What the files of a checkout hold once a series' minutes stand in them: notebooks, README and the record itself.

    Args:
        record: of the whole series at the profile `laptop`, on processor cores.
        top: folder of the checkout.

    Raises:
        ValueError: the record is of another profile, device or set of notebooks, a header lacks its sentence on
            minutes, or the README has no place for the table.
    """
    if record.profile != "laptop" or record.device != "cpu":
        raise ValueError(
            f"the series was measured at the profile {record.profile} on {record.device}; headers and README say what "
            "`laptop` takes on processor cores: give a run of that"
        )
    paths = {path.stem: path for path in sorted((top / "notebooks").glob("[0-9][0-9]_*.ipynb"))}
    measured = [timing.notebook for timing in record.timings]
    if sorted(measured) != list(paths):
        raise ValueError(
            f"the series measured is {', '.join(measured)}, but the notebooks are {', '.join(paths)}; run the whole "
            "series"
        )
    written: dict[Path, str] = {}
    rows = []
    for timing in sorted(record.timings, key=lambda timing: timing.notebook):
        path = paths[timing.notebook]
        notebook = nbformat.read(path, as_version=4)
        reading = _stamp(notebook, timing, cores=record.cores)
        written[path] = nbformat.writes(notebook) + "\n"
        title = numbered_title(notebook, name=path.stem)
        question = header_field(notebook, "Question").replace("|", "\\|")
        rows.append((f"[{title}](notebooks/{path.name})", question, timing.seconds / 60, reading))
    readme = top / "README.md"
    written[readme] = with_section(readme, _table(rows, record), marks=_MARKS)
    written[top / "assets" / SERIES_NAME] = record.json()
    return written


def _stamp(notebook: NotebookNode, timing: Timing, *, cores: int) -> int:
    """Minutes of reading that the notebook's header states, after those of the run have been put beside them."""
    header = notebook.cells[0]
    found = _SENTENCE.search(header.source)
    if found is None:
        raise ValueError(
            f"the first cell of notebook {timing.notebook} has no sentence on minutes; write there, for example: "
            + _FORM
        )
    run = f"{timing.seconds / 60:.1f} minutes at `laptop` on {_count(cores, 'processor core')}"
    sentence = f"**Measured minutes.** Run: {run}. Reading and doing: about {found[1]}."
    header.source = header.source[: found.start()] + sentence + header.source[found.end() :]
    return int(found[1])


def _table(rows: list[tuple[str, str, float, int]], record: SeriesRecord) -> str:
    lines = ["| notebook | question | run | reading and doing |", "|---|---|---|---|"]
    lines += [f"| {link} | {question} | {run:.1f} | {reading} |" for link, question, run, reading in rows]
    run, reading = sum(row[2] for row in rows), sum(row[3] for row in rows)
    return "\n".join(lines) + (
        f"\n\nMinutes. Run: measured at `laptop` on {_count(record.cores, 'processor core')}, "
        f"{_count(record.jobs, 'notebook')} at once, on {record.date} with torch {record.versions['torch']}; "
        f"{run:.1f} for all one after the other. Reading and doing: estimated, {reading} for all.\n"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
