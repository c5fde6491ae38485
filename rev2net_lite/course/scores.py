"""Scores in nbgrader's gradebook, and the table in which points given by hand are entered."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rev2net_lite.course.folder import Assignment, Course
from rev2net_lite.files import write_text_atomically

__all__ = ["MANUAL_TABLE", "ByHand", "Score", "enter_by_hand", "plain_cell", "read_by_hand", "scores", "write_by_hand"]

MANUAL_TABLE = "manual.csv"
_COLUMNS = ("student", "assignment", "question", "max", "points", "comment")


@dataclass(frozen=True)
class Score:
    """Points of one graded cell.

    Attributes:
        cell: its grade id.
        points: what it scored; None while nobody has graded it by hand.
        most: what it can score.
        by_hand: it is graded by hand.
    """

    cell: str
    points: float | None
    most: float
    by_hand: bool


@dataclass(frozen=True)
class ByHand:
    """One row of the table of points given by hand; `points` is empty until somebody has graded."""

    student: str
    assignment: str
    question: str
    most: float
    points: str = ""
    comment: str = ""

    @property
    def place(self) -> tuple[str, str, str]:
        """What the row is about."""
        return self.student, self.assignment, self.question


@contextmanager
def _gradebook(course: Course) -> Iterator[Any]:
    # Imported here: the kit works without nbgrader, but for its course.
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course.folder / 'gradebook.db'}") as book:
        yield book


def scores(course: Course, assignment: Assignment, student: str) -> tuple[list[Score], str]:
    """Scores of a submission's cells in the notebook's order, and a text that changes when any of them does."""
    with _gradebook(course) as book:
        notebook = book.find_submission_notebook(assignment.notebook, assignment.name, student)
        found = {grade.name: grade for grade in notebook.grades}
        comments = sorted((comment.name, comment.comment or "") for comment in notebook.comments)
        order = [cell.name for cell in book.find_notebook(assignment.notebook, assignment.name).source_cells]
        result = []
        for name in sorted(found, key=order.index):
            grade = found[name]
            open_ = grade.needs_manual_grade or (grade.auto_score is None and grade.manual_score is None)
            by_hand = grade.auto_score is None or grade.manual_score is not None
            result.append(Score(name, None if open_ else grade.score, grade.max_score, by_hand))
        state = json.dumps([[(score.cell, score.points) for score in result], comments])
    return result, state


def enter_by_hand(course: Course, assignment: Assignment, student: str, rows: Sequence[ByHand]) -> list[str]:
    """Sentences on rows that could not be entered into the gradebook; all others are there."""
    lines = []
    with _gradebook(course) as book:
        for row in rows:
            grade = book.find_grade(row.question, assignment.notebook, assignment.name, student)
            try:
                points = float(row.points)
            except ValueError:
                points = math.nan
            if not 0 <= points <= grade.max_score:
                lines.append(
                    f"{MANUAL_TABLE} gives '{row.points}' points for {row.question}; expected a number from 0 to "
                    f"{grade.max_score:g}"
                )
                continue
            grade.manual_score, grade.needs_manual_grade = points, False
            comment = book.find_comment(row.question, assignment.notebook, assignment.name, student)
            comment.manual_comment = row.comment or comment.manual_comment
        book.db.commit()
    return lines


def read_by_hand(course: Course) -> dict[tuple[str, str, str], ByHand]:
    """Rows of the course's table by what they are about; none where there is no table.

    Raises:
        ValueError: the file is no such table.
    """
    path = course.folder / MANUAL_TABLE
    if not path.exists():
        return {}
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"))))
        made = [
            ByHand(
                row["student"].removeprefix("'"),
                row["assignment"],
                row["question"],
                float(row["max"]),
                (row["points"] or "").strip().replace(",", "."),
                (row["comment"] or "").removeprefix("'"),
            )
            for row in rows
        ]
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, ValueError, AttributeError) as error:
        raise ValueError(
            f"the table {path} cannot be read; expected the columns {', '.join(_COLUMNS)}, separated by commas"
        ) from error
    return {row.place: row for row in made}


def write_by_hand(course: Course, rows: Sequence[ByHand]) -> Path:
    """The file of the table, with a row for each cell to be graded by hand."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for row in sorted(rows, key=lambda row: row.place):
        name, comment = plain_cell(row.student), plain_cell(row.comment)
        writer.writerow([name, row.assignment, row.question, f"{row.most:g}", row.points, comment])
    path = course.folder / MANUAL_TABLE
    write_text_atomically(path, text.getvalue())
    return path


def plain_cell(text: str) -> str:
    """The text as a table program shows it, where it would take it for a formula otherwise.

    >>> plain_cell("=1+1")
    "'=1+1"
    """
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
