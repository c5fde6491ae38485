"""The results of a grading as files: a table, the students' pages, and one page on the class."""

from __future__ import annotations

import csv
import html
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rev2net_lite.course.folder import Course
from rev2net_lite.course.scores import MANUAL_TABLE, plain_cell

if TYPE_CHECKING:
    from rev2net_lite.course.grading import Result

__all__ = ["summary_page", "write_results"]

_COMMONEST = 5  # mistakes of a question that are listed
_BANDS = 10  # of the distribution

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Grades</title>
<style>
:root {{ color-scheme: light dark; --text: #1b1b1b; --page: #ffffff; --line: #c9c9c4; --link: #0b57a4; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --text: #e6e6e3; --page: #17181a; --line: #4b4e54; --link: #8fc1ff; }} }}
body {{ margin: 0 auto; padding: 1rem; max-width: 64rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }}
a {{ color: var(--link); }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; margin: .6rem 0; }}
th, td {{ border: 1px solid var(--line); padding: .25rem .6rem; text-align: left; vertical-align: top; }}
td.number {{ text-align: right; white-space: nowrap; }}
.bar {{ display: inline-block; height: .8rem; background: var(--link); vertical-align: baseline; }}
li {{ margin: .2rem 0; }}
</style>
</head>
<body>
<h1>Grades</h1>
{body}
</body>
</html>
"""


def write_results(results: Sequence[Result], course: Course, output: Path) -> None:
    """Nothing; the folder holds the results of this grading and nothing else, and at no time a part of them."""
    output.parent.mkdir(parents=True, exist_ok=True)
    new = output.with_name(f".{output.name}.new-{os.getpid()}")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    _write_table(results, course, new / "grades.csv")
    for result in results:
        if result.feedback:
            target = new / result.feedback
            target.parent.mkdir(parents=True, exist_ok=True)
            student, assignment = target.parent.name, course.assignments[result.assignment]
            made = course.folder / "feedback" / student / assignment.name / f"{assignment.notebook}.html"
            shutil.copyfile(made, target)
    (new / "summary.html").write_text(summary_page(results, course), "utf-8")
    _replace_folder(new, output)


def _replace_folder(new: Path, place: Path) -> None:
    old = place.with_name(f".{place.name}.old-{os.getpid()}")
    if place.exists():
        place.rename(old)
    new.rename(place)
    shutil.rmtree(old, ignore_errors=True)


def _write_table(results: Sequence[Result], course: Course, path: Path) -> None:
    """One row for each submission; a question of another assignment is an empty cell, as are points to come."""
    asked = {(name, cell): cell for name in course.assignments for cell in _cells(results, name)}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["student", "assignment", "graded", "total", "max", "pending by hand", *asked.values()])
        for result in results:
            points = {(result.assignment, score.cell): score.points for score in result.scores}
            row = [f"{value:g}" for value in (result.total, result.most, result.pending)] if result.scores else [""] * 3
            given = [points.get(place) for place in asked]
            cells = ["" if value is None else f"{value:g}" for value in given]
            graded = "yes" if result.scores else "no"
            writer.writerow([plain_cell(result.student), result.assignment, graded, *row, *cells])


def _cells(results: Sequence[Result], assignment: str) -> list[str]:
    """Graded cells of an assignment, as any of its submissions lists them."""
    return next(([s.cell for s in r.scores] for r in results if r.assignment == assignment and r.scores), [])


def summary_page(results: Sequence[Result], course: Course) -> str:
    """One page on the class: totals, the commonest mistakes of each question, and what was odd."""
    pending = sum(bool(result.pending) for result in results)
    parts = [
        f"<p>{len({result.student for result in results})} students, "
        f"{sum(bool(result.scores) for result in results)} submissions graded, "
        f"{sum(not result.scores for result in results)} not graded.</p>"
    ]
    if pending:
        parts.append(
            f"<p>{pending} submissions have answers to be graded by hand: read them on the students' pages, put points "
            f"and a comment into <code>{_text(course.folder / MANUAL_TABLE)}</code>, and grade again.</p>"
        )
    for name in course.assignments:
        own = [result for result in results if result.assignment == name and result.scores]
        if own:
            parts += [f"<h2>{_text(name)}</h2>", _distribution(own), _mistakes(own)]
    parts += ["<h2>Submissions</h2>", _totals(results), "<h2>What was odd</h2>", _odd(results)]
    return _PAGE.format(body="\n".join(parts))


def _text(value: object) -> str:
    return html.escape(str(value).encode("utf-8", "replace").decode("utf-8"))


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table of cells that are HTML already; one that starts with a digit is set as a number."""
    lines = ["<tr>" + "".join(f"<th>{cell}</th>" for cell in head) + "</tr>"]
    for row in rows:
        cells = (f'<td class="number">{cell}</td>' if cell[:1].isdigit() else f"<td>{cell}</td>" for cell in row)
        lines.append("<tr>" + "".join(cells) + "</tr>")
    return '<div class="wide"><table>\n' + "\n".join(lines) + "\n</table></div>"


def _distribution(results: Sequence[Result]) -> str:
    """Numbers of submissions by share of the points that are given so far."""
    shares = [result.total / most if (most := result.most - result.pending) else 0.0 for result in results]
    counts = Counter(min(_BANDS - 1, int(share * _BANDS)) for share in shares)
    step = 100 // _BANDS
    rows = []
    for band in range(_BANDS):
        width = counts[band] * 12 / max(counts.values())
        bar = f'<span class="bar" style="width: {width:.1f}rem"></span> {counts[band]}'
        rows.append((f"{band * step} to {(band + 1) * step} %", bar))
    middle = sorted(shares)[len(shares) // 2]
    many = f"{len(results)} submission{'s' * (len(results) != 1)}"
    said = f"<p>{many}; the one in the middle has {100 * middle:.0f} % of the points given so far.</p>"
    return said + _table(("share of points", "submissions"), rows)


def _mistakes(results: Sequence[Result]) -> str:
    judged = [result.questions for result in results if result.questions]
    rows = []
    for key in dict.fromkeys(key for questions in judged for key in questions):
        verdicts = [questions[key] for questions in judged if key in questions]
        states = Counter(verdict["state"] for verdict in verdicts)
        mistakes = Counter(verdict["mistake"] for verdict in verdicts if verdict["state"] == "wrong")
        named = "<br>".join(f"{_text(name)}: {count}" for name, count in mistakes.most_common(_COMMONEST))
        counts = [str(states[state]) for state in ("right", "wrong", "not attempted")]
        rows.append((_text(key), *counts, named or "none"))
    return _table(("question", "right", "wrong", "not attempted", "commonest mistakes"), rows)


def _totals(results: Sequence[Result]) -> str:
    rows = []
    for result in results:
        name = _text(result.student)
        if result.feedback:
            name = f'<a href="{_text(result.feedback)}">{name}</a>'
        points = f"{result.total:g} of {result.most:g}" if result.scores else "not graded"
        rows.append((name, _text(result.assignment or "none"), points, f"{result.pending:g}" if result.scores else ""))
    return _table(("student", "assignment", "points", "pending by hand"), rows)


def _odd(results: Sequence[Result]) -> str:
    lines = [
        f"<li>{_text(result.student)}{', ' + _text(result.assignment) if result.assignment else ''}: {_text(line)}</li>"
        for result in results
        for line in result.lines
    ]
    return "<ul>\n" + "\n".join(lines) + "\n</ul>" if lines else "<p>Nothing.</p>"
