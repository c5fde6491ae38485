"""A course folder with the students' release, made by nbgrader and checked before anybody gets it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from nbformat import NotebookNode

from rev2net_lite.bundled import notebooks_folder
from rev2net_lite.course.folder import Assignment, Course, grade_id_of, nbgrader_mark
from rev2net_lite.course.nbgrader_calls import CallError, call, check_installed
from rev2net_lite.execution import NotebookError, execute_notebook, read_notebook
from rev2net_lite.exercises.isolation import Limits
from rev2net_lite.files import hold_folder

__all__ = ["build_course", "check_release", "check_source"]

_CONFIG = '''"""Settings of nbgrader for this course; made by `rev2net course`, which writes it anew each time."""

from pathlib import Path

from nbgrader.preprocessors import AssignLatePenalties, CheckCellMetadata, LimitOutput, SaveAutoGrades

from rev2net_lite.course.judging_cells import JudgeAnswers

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = "rev2net"
c.CourseDirectory.root = str(Path(__file__).resolve().parent)
# No student's code runs inside nbgrader: in place of executing the notebook, answers are judged apart.
c.Autograde.autograde_preprocessors = [
    JudgeAnswers, LimitOutput, SaveAutoGrades, AssignLatePenalties, CheckCellMetadata
]
c.JudgeAnswers.course = str(Path(__file__).resolve().parent)
# What students write is shown, not run, when their feedback is opened.
c.HTMLExporter.sanitize_html = True
'''

_REGION = re.compile(r"###? BEGIN (SOLUTION|HIDDEN TESTS)\n(.*?)###? END \1", re.DOTALL)
_TELLING = 20  # characters from which a line is looked for inside others too
_NOT_ATTEMPTED = "{}: not attempted."


def build_course(
    folder: Path,
    *,
    notebooks: Sequence[Path] | None = None,
    questions: Mapping[str, Path] | None = None,
    limits: Limits | None = None,
    report: Callable[[str], None] | None = None,
) -> list[Path]:
    """The released notebooks of a course folder, one of each assignment, checked.

    Gradebook, submissions and secret of a course that is there already are kept.

    Args:
        folder: of the course.
        notebooks: sources, `A1_....ipynb`; None stands for the kit's own assignments.
        questions: by assignment, the file with its `QUESTIONS`, where they are not the kit's own.
        limits: of the process of one answer; None stands for the usual ones.
        report: called with a sentence after each step.

    Raises:
        ValueError: nbgrader is not installed or fails, a source does not fit its questions, a line of a solution
            leaked into a release, or a release does not run.
    """
    check_installed()
    say = report or (lambda _: None)
    sources = sorted(notebooks_folder().glob("assignments/A[1-9]_*.ipynb")) if notebooks is None else list(notebooks)
    if not sources:
        raise ValueError("there is no assignment to build; expected notebooks A1_....ipynb")
    assignments = {}
    for source in sources:
        name = source.stem.partition("_")[0]
        if not re.fullmatch(r"A[1-9]", name):
            raise ValueError(f"the notebook {source.name} is no assignment; expected a name such as A1_flow.ipynb")
        location = (questions or {}).get(name)
        assignments[name] = Assignment(name, source.stem, str(location.resolve()) if location else "")
        check_source(read_notebook(source), assignments[name])
    folder = folder.expanduser().absolute()
    folder.mkdir(parents=True, exist_ok=True)
    lock = hold_folder(folder)
    try:
        course = Course(folder, assignments, limits or Limits())
        course.write()
        (folder / "nbgrader_config.py").write_text(_CONFIG, "utf-8")
        for assignment, source in zip(assignments.values(), sources, strict=True):
            _release(course, assignment, source)
            say(f"{assignment.name}: released, no line of a solution in it, runs with nothing attempted")
    finally:
        lock.release()
    return [course.release_file(assignment) for assignment in assignments.values()]


def _release(course: Course, assignment: Assignment, source: Path) -> None:
    released = course.release_file(assignment)
    shutil.rmtree(released.parent, ignore_errors=True)
    written = course.source(assignment)
    written.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, written)
    try:
        arguments = ["generate_assignment", assignment.name, "--create", "--force"]
        call("nbgrader", arguments, course=course.folder, limit_s=300)
        check_release(read_notebook(written), read_notebook(released), name=released.name)
        _run(released, course.folder / "executed" / released.name)
    except (CallError, NotebookError, ValueError) as error:
        # A release that is not known to be sound is not left lying about.
        shutil.rmtree(released.parent, ignore_errors=True)
        words = f"the release of {assignment.name} failed: nbgrader {error}" if isinstance(error, CallError) else error
        raise ValueError(str(words)) from error


def check_source(notebook: NotebookNode, assignment: Assignment) -> None:
    """Nothing, if an assignment's test cells and its questions are the same, in points too.

    Raises:
        ValueError: one has no counterpart, or they differ.
    """
    questions = assignment.question_set()
    cells = {grade_id_of(cell): cell for cell in notebook.cells if grade_id_of(cell)}
    tests = {
        name: nbgrader_mark(cell)
        for name, cell in cells.items()
        if nbgrader_mark(cell).get("grade") is True and nbgrader_mark(cell).get("solution") is not True
    }
    if set(tests) != set(questions):
        odd = sorted(set(tests) ^ set(questions))[0]
        where = "no question" if odd in tests else "no test cell"
        raise ValueError(f"{assignment.notebook} and its questions differ: there is {where} for '{odd}'")
    for name, question in questions.items():
        if tests[name].get("points") != question.points:
            raise ValueError(
                f"{question.key} has {question.points} points, and {tests[name].get('points')} in the cell '{name}' of "
                f"{assignment.notebook}; make them equal"
            )
        answer = cells.get(f"{name}-answer")
        if answer is None or nbgrader_mark(answer).get("solution") is not True:
            raise ValueError(
                f"{assignment.notebook} has no cell for the answer to {question.key}; expected a solution cell with "
                f"the grade id '{name}-answer'"
            )


def check_release(source: NotebookNode, released: NotebookNode, *, name: str) -> None:
    """Nothing, if no line of a solution or of a hidden test stands in what students get.

    A line that stands outside those regions in the source as well gives nothing away.

    Raises:
        ValueError: one does; the message quotes it.
    """
    shown = "\n".join(_REGION.sub("", cell.source) for cell in source.cells)
    shown_lines = {line.strip() for line in shown.splitlines()}
    given = "\n".join(str(text) for text in _texts(released))
    given_lines = {line.strip() for line in given.splitlines()}
    for cell in source.cells:
        for region in _REGION.finditer(cell.source):
            for line in filter(None, map(str.strip, region[2].splitlines())):
                whole = line in given_lines and line not in shown_lines
                within = len(line) >= _TELLING and line in given and line not in shown
                if whole or within:
                    raise ValueError(f"a line of a solution leaked into the release {name}: '{line}'")
    for cell in released.cells:
        answer = nbgrader_mark(cell).get("solution") is True and cell.cell_type == "code"
        if answer and "raise NotImplementedError()" not in cell.source:
            raise ValueError(f"the cell '{grade_id_of(cell)}' of the release {name} is no stub")


def _texts(value: object) -> Iterator[str]:
    """Every text in a notebook, be it source, output or metadata."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _run(released: Path, executed: Path) -> None:
    """Nothing; the release runs from top to bottom, and each check says that nothing was attempted."""
    execute_notebook(released, executed, parameters={}, cell_timeout_s=300, total_timeout_s=900)
    notebook = read_notebook(executed)
    for cell in notebook.cells:
        for key in re.findall(r"^check\(\"(A[0-9]\.[0-9]+)\"", cell.source, re.MULTILINE):
            if _NOT_ATTEMPTED.format(key) not in "\n".join(_texts(cell.get("outputs", []))):
                raise ValueError(f"the release {released.name} does not say of {key} that it was not attempted")
