"""Grades a folder of submissions: each by nbgrader in a process of its own, then tables and pages of the results."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import nbformat

from rev2net_lite.course.collecting import Submission, collect
from rev2net_lite.course.folder import Assignment, Course
from rev2net_lite.course.nbgrader_calls import CallError, call, check_installed
from rev2net_lite.course.scores import ByHand, Score, enter_by_hand, read_by_hand, scores, write_by_hand
from rev2net_lite.files import hold_folder, write_text_atomically

__all__ = ["Result", "grade_submissions"]

_PACKAGE = Path(__file__).parent.parent


@dataclass(frozen=True)
class Result:
    """How one submission was graded.

    Attributes:
        student: name as it was handed in.
        assignment: its name; empty for a file that belongs to none.
        scores: of each graded cell in the notebook's order; none if it could not be graded.
        questions: of each question that is judged, by its key: `state`, `mistake` and `says` of its verdict.
        lines: what was odd, a sentence each.
        feedback: the student's page, relative to the folder of the results; empty if there is none.
    """

    student: str
    assignment: str
    scores: tuple[Score, ...] = ()
    questions: Mapping[str, Mapping[str, str]] | None = None
    lines: tuple[str, ...] = ()
    feedback: str = ""

    @property
    def total(self) -> float:
        """Points so far."""
        return sum(score.points or 0.0 for score in self.scores)

    @property
    def most(self) -> float:
        """Points that there are."""
        return sum(score.most for score in self.scores)

    @property
    def pending(self) -> float:
        """Points that somebody has yet to give by hand."""
        return sum(score.most for score in self.scores if score.points is None)


def grade_submissions(
    submissions: Path,
    *,
    course: Path,
    output: Path,
    limit_s: float = 1800.0,
    report: Callable[[Result], None] | None = None,
) -> list[Result]:
    """How each submission of a folder was graded; one that cannot be does not stop the others.

    A submission that was graded before is graded again only if it, the course or the kit has changed. `output` is
    replaced as a whole: `grades.csv`, `summary.html` and `feedback/student/assignment.html`.

    Args:
        submissions: folder with a folder or a file per student.
        course: folder that `build_course` made; nbgrader's gradebook and copies are kept there.
        output: folder for the results.
        limit_s: seconds for one submission, after which what runs is stopped.
        report: called with each result as soon as it is known.

    Raises:
        ValueError: there is no course or no submission, nbgrader is not installed, the table of points given by hand
            cannot be read, or the course is being graded already.
    """
    check_installed()
    # Imported here: a page that nobody asked for yet.
    from rev2net_lite.course.summary import write_results

    made = Course.read(course.expanduser().absolute())
    made.secret()
    output = output.expanduser().absolute()
    lock = hold_folder(made.folder)
    try:
        found = collect(submissions.expanduser().absolute(), made)
        by_hand = read_by_hand(made)
        results, rows = [], dict(by_hand)
        for one in found:
            if one.notebook is None:
                result = Result(one.student, one.assignment, lines=one.lines)
            else:
                result = _grade(one, made, by_hand, limit_s)
                for score in result.scores:
                    place = (one.student, one.assignment, score.cell)
                    if score.by_hand and place not in rows:
                        rows[place] = ByHand(*place, score.most)
            results.append(result)
            if report is not None:
                report(result)
        write_by_hand(made, list(rows.values()))
        write_results(results, made, output)
    finally:
        lock.release()
    return results


def _grade(
    submission: Submission, course: Course, by_hand: Mapping[tuple[str, str, str], ByHand], limit_s: float
) -> Result:
    """Of one submission that has a notebook."""
    assignment = course.assignments[submission.assignment]
    outcome_file = course.outcome_file(submission.id, assignment.name)
    text = nbformat.writes(submission.notebook) + "\n"
    made_from = _fingerprint(course, assignment, text)
    stamp = outcome_file.with_suffix(".made")
    known = stamp.read_text("utf-8").split("\n") if stamp.exists() and outcome_file.exists() else ["", ""]
    rows = [row for row in by_hand.values() if row.place[:2] == (submission.student, assignment.name) and row.points]
    page = course.folder / "feedback" / submission.id / assignment.name / f"{assignment.notebook}.html"

    def steps(*names: str) -> None:
        call(f"{__package__}.worker", [submission.id, assignment.name, *names], course=course.folder, limit_s=limit_s)

    lines = list(submission.lines)
    try:
        fresh = known[0] != made_from
        if fresh:
            for old in (stamp, outcome_file):
                old.unlink(missing_ok=True)
            _put(course, submission.id, assignment, text)
            steps("autograde", *(() if rows else ("feedback",)))
        lines += enter_by_hand(course, assignment, submission.id, rows)
        found, state = scores(course, assignment, submission.id)
        if (fresh and rows) or (not fresh and known[1] != state) or not page.exists():
            steps("feedback")
        outcome = json.loads(outcome_file.read_text("utf-8"))
        write_text_atomically(stamp, f"{made_from}\n{state}")
    except (CallError, OSError) as error:
        line = (
            f"it is not graded, since nbgrader {error}"
            if isinstance(error, CallError)
            else f"it is not graded: {error}"
        )
        return Result(submission.student, assignment.name, lines=(*lines, line))
    lines += outcome["lines"]
    feedback = f"feedback/{submission.id}/{assignment.name}.html"
    return Result(submission.student, assignment.name, tuple(found), outcome["questions"], tuple(lines), feedback)


def _put(course: Course, student: str, assignment: Assignment, text: str) -> None:
    """Nothing; nbgrader finds the clean notebook where it looks for what was handed in."""
    folder = course.folder / "submitted" / student / assignment.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / f"{assignment.notebook}.ipynb").write_text(text, "utf-8")


def _fingerprint(course: Course, assignment: Assignment, text: str) -> str:
    """Changes with everything that the outcome depends on."""
    digest = hashlib.sha256(course.secret())
    kit = sorted([*(_PACKAGE / "exercises").rglob("*.py"), *(_PACKAGE / "course").rglob("*.py")])
    given = [Path(assignment.questions)] if assignment.questions else []
    for path in (*kit, *given, course.release_file(assignment)):
        digest.update(path.read_bytes())
    digest.update(text.encode("utf-8"))
    return digest.hexdigest()
