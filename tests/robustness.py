"""Writes docs/robustness.md, the table of what was tried to break the kit and of what happened.

    python tests/robustness.py

The tests leave one record each in build/robustness (see `tried`); `make test-long` runs the long ones and this.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rev2net_lite.bundled import build_folder
from rev2net_lite.files import write_text_atomically

INTRODUCTION = """\
# What was tried to break the kit

Each row is a test that ran, and this page is written from its record by `python tests/robustness.py`. `make test` runs
short forms of all of them, `make test-long` the long ones.

A mutant is a small video with one to four random changes of its bytes, most of them where the container keeps its names
and numbers. It is decoded in a child process under limits of memory and time. *same*: every frame came back as it
was drawn. *refused*: one `VideoError` named the file. *other*: frames came back that fit the file as it now is;
a changed byte can say another picture as well as the old one, for most videos carry no checksums. Harm would be called
*error* (another exception), *contradiction* (what came back does not agree with itself), *memory*, *hang* or *crash*.
The row without protection is there to show that the mutants do harm.

A job is killed one to three times (a study and a series up to ten times) before it is let go to its end, so fewer jobs
*went on to the end* than kills were made; a job that did not fails its test and leaves no row. *Through before the
kill*: the job was quicker than the moment chosen for it, which counts as no kill.
"""


def table(records: Iterable[dict[str, Any]]) -> str:
    """The page for the records, in the order of what they tried."""
    lines = ["| tried | how often | what happened | minutes | date |", "|---|---|---|---|---|"]
    for record in sorted(records, key=lambda record: (record["what"], record["tried"])):
        outcome = ", ".join(f"{_cell(name)} {count:,}" for name, count in record["outcome"].items())
        lines.append(
            f"| {_cell(record['what'])} | {record['tried']:,} | {outcome} | {record['seconds'] / 60:.1f} "
            f"| {_cell(record['date'])} |"
        )
    return f"{INTRODUCTION}\n" + "\n".join(lines) + "\n"


def read(folder: Path) -> list[dict[str, Any]]:
    """The records of a folder.

    Raises:
        ValueError: there is none, or one is not a record; the message names it.
    """
    files = sorted(folder.glob("*.json"))
    if not files:
        raise ValueError(f"{folder} holds no records; run the tests first: make test")
    records = []
    for file in files:
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
            fits = isinstance(record["what"], str) and all(isinstance(n, int) for n in record["outcome"].values())
            fits = fits and isinstance(record["tried"], int) and isinstance(record["seconds"], int | float)
            fits = fits and isinstance(record["date"], str)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{file} is no record of a test: {error}; remove it") from error
        if not fits:
            raise ValueError(f"{file} is no record of a test; remove it")
        records.append(record)
    return records


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def main(folder: Path, page: Path) -> int:
    try:
        records = read(folder)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    write_text_atomically(page, table(records))
    print(page)
    return 0


if __name__ == "__main__":
    sys.exit(main(build_folder() / "robustness", Path(__file__).resolve().parent.parent / "docs" / "robustness.md"))
