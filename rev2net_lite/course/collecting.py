"""From a folder of what students handed in to one clean notebook for each student and assignment.

Nothing that a student can do to a file stops the others: whatever is odd about it becomes a line of the report.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from rev2net_lite.course.folder import Assignment, Course, grade_id_of, nbgrader_mark

__all__ = ["OWN", "Submission", "collect", "normalise", "student_id"]

# Marks the code cells of a clean notebook that are the student's own.
OWN = "rev2net_own"

_LARGEST = 20 * 2**20  # bytes of a notebook
_LONGEST = 100_000  # characters of one cell
_MOST_OWN = 200  # code cells of a student's own


@dataclass(frozen=True)
class Submission:
    """What one student handed in for one assignment.

    Attributes:
        student: name as the folder or file gives it.
        assignment: its name; empty for a file that belongs to none.
        notebook: the release with the student's answers and own code cells; None if there is nothing to grade.
        lines: what was odd, a sentence each.
    """

    student: str
    assignment: str
    notebook: NotebookNode | None
    lines: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The student's name as nbgrader and the file system can take it."""
        return student_id(self.student)


def student_id(name: str) -> str:
    """The name itself where it is plain, else its plain letters and a few that tell it from others.

    >>> student_id("ada.lovelace-1")
    'ada.lovelace-1'
    """
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,60}", name) and not name.endswith("."):
        return name
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_")[:40]
    return f"{plain or 'student'}-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:8]}"


@dataclass(frozen=True)
class _File:
    """One notebook file; `rank` puts the likeliest of several for one assignment first."""

    student: str
    place: str
    assignment: str
    notebook: NotebookNode | None
    rank: tuple[bool, int, str] = (False, 0, "")
    lines: tuple[str, ...] = field(default=())


def collect(folder: Path, course: Course) -> list[Submission]:
    """All submissions of a folder, by student and assignment.

    A folder for each student with notebooks anywhere inside, nbgrader's own `submitted/student/assignment/`, and plain
    files `student.ipynb` or `student_A1_....ipynb` are understood, also side by side.

    Raises:
        ValueError: there is no such folder, or no notebook in it.
    """
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder} of submissions; give one with a folder or a file per student")
    inner = folder / "submitted"
    top = inner if inner.is_dir() and not any(path.suffix == ".ipynb" for path in folder.iterdir()) else folder
    releases = {name: course.release(assignment) for name, assignment in course.assignments.items()}
    files = [_examine(path, top, course.assignments, releases) for path in _notebooks(top)]
    if not files:
        raise ValueError(f"there is no notebook in {folder}; expected a folder or a file per student")
    submissions = []
    for student in sorted({file.student for file in files}):
        own = [file for file in files if file.student == student]
        for assignment in sorted({file.assignment for file in own}):
            same = sorted((file for file in own if file.assignment == assignment), key=lambda file: file.rank)
            if assignment:
                submissions.append(_submission(same, course.assignments[assignment], releases[assignment]))
            else:
                lines = tuple(line for file in same for line in file.lines)
                submissions.append(Submission(student, "", None, lines))
    return submissions


def _submission(files: list[_File], assignment: Assignment, release: NotebookNode) -> Submission:
    """Of one student's files for one assignment."""
    first, *others = files
    lines = [f"{file.place} is for {assignment.name} as well; {first.place} counts" for file in others]
    assert first.notebook is not None
    notebook, odd = normalise(first.notebook, release)
    return Submission(first.student, assignment.name, notebook, (*first.lines, *lines, *odd))


def _notebooks(top: Path) -> Iterator[Path]:
    """Files that end in .ipynb, without links, hidden ones and what systems leave beside them."""
    for folder, below, names in os.walk(top):
        below[:] = sorted(name for name in below if not name.startswith(".") and name != "__MACOSX")
        for name in sorted(names):
            path = Path(folder, name)
            if name.endswith(".ipynb") and not name.startswith(".") and path.is_file() and not path.is_symlink():
                yield path


def _examine(
    path: Path, top: Path, assignments: Mapping[str, Assignment], releases: Mapping[str, NotebookNode]
) -> _File:
    """What a file is, as far as it can be read."""
    parts = path.relative_to(top).parts
    place = "/".join(parts)
    student = parts[0] if len(parts) > 1 else _student_of(path.stem, assignments)
    try:
        notebook = _read(path)
    except ValueError as error:
        return _File(student or path.stem, place, "", None, lines=(f"{place} {error}; it is not graded",))
    counts = {name: _known(notebook, release) for name, release in releases.items()}
    best = max(counts, key=lambda name: counts[name], default="")
    if not best or not counts[best]:
        line = f"{place} has no cell of any assignment; it is not graded"
        return _File(student or path.stem, place, "", None, lines=(line,))
    if not student:
        line = f"{place} does not say whose it is; name it after the student, or put it into a folder of that name"
        return _File(path.stem, place, "", None, lines=(line,))
    name = assignments[best].notebook
    lines = () if name in path.stem else (f"{place} was recognised as {name} by its cells",)
    rank = (path.stem != name, -_changed(notebook, releases[best]), place)
    return _File(student, place, best, notebook, rank, lines)


def _student_of(stem: str, assignments: Mapping[str, Assignment]) -> str:
    """The student's name in the name of a plain file: what stands before the assignment's."""
    for assignment in assignments.values():
        found = re.search(
            rf"[_\- ]?(?:{re.escape(assignment.notebook)}|(?<![A-Za-z0-9]){assignment.name}(?![0-9]))", stem
        )
        if found:
            return stem[: found.start()].strip(" _-")
    return stem


def _read(path: Path) -> NotebookNode:
    """The notebook in a file.

    Raises:
        ValueError: it is too large or cannot be read; the message goes on from the file's name.
    """
    try:
        size = path.stat().st_size
        if size > _LARGEST:
            raise ValueError(f"has {size / 2**20:.0f} MB, and at most {_LARGEST / 2**20:.0f} are read")
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError("cannot be read") from error
    try:
        notebook = nbformat.reads(text, as_version=4)
        cells = [cell for cell in notebook.cells if isinstance(cell.source, str) and isinstance(cell.metadata, dict)]
        if len(cells) != len(notebook.cells):
            raise ValueError
    except Exception as error:
        # What a broken file raises in the library is not listed anywhere.
        raise ValueError("is no notebook that can be read") from error
    return notebook


def _answers(release: NotebookNode) -> dict[str, NotebookNode]:
    """Cells of the release that students write in, by name."""
    return {grade_id_of(cell): cell for cell in release.cells if nbgrader_mark(cell).get("solution") is True}


def _names(notebook: NotebookNode, release: NotebookNode) -> list[str]:
    """Of each cell the grade id, or that of the released cell with its id if a program has dropped the metadata."""
    known = {cell.id: grade_id_of(cell) for cell in release.cells}
    return [grade_id_of(cell) or known.get(cell.get("id"), "") for cell in notebook.cells]


def _known(notebook: NotebookNode, release: NotebookNode) -> int:
    """How many cells are named as those that a release has for itself."""
    names = {grade_id_of(cell) for cell in release.cells} - {"", "setup"}
    return len(names & set(_names(notebook, release)))


def _changed(notebook: NotebookNode, release: NotebookNode) -> int:
    """How many answers differ from what was released."""
    answers = _answers(release)
    given = {name: cell.source for name, cell in zip(_names(notebook, release), notebook.cells, strict=True)}
    return sum(name in given and given[name].strip() != cell.source.strip() for name, cell in answers.items())


def normalise(submitted: NotebookNode, release: NotebookNode) -> tuple[NotebookNode, list[str]]:
    """The release with the answers and the own code cells of a submission, and what was odd about it.

    All else of the submission is left behind: outputs, metadata, edited or copied cells of the release. An own cell
    keeps its place after the cell of the release that it followed. Own text right before or after an answer that is
    graded by hand belongs to it: students write into a cell beside the one that is meant.
    """
    lines: list[str] = []
    answers = _answers(release)
    locked = {
        grade_id_of(cell): cell for cell in release.cells if grade_id_of(cell) and grade_id_of(cell) not in answers
    }
    plain = {cell.source.strip(): cell.id for cell in release.cells if not grade_id_of(cell)}
    places = {grade_id_of(cell) or cell.id: at for at, cell in enumerate(release.cells)}
    names = _names(submitted, release)
    last = {name: at for at, name in enumerate(names) if name in answers}
    given: dict[str, str] = {}
    own: dict[int, list[str]] = {}
    texts: dict[int, list[str]] = {}
    seen: dict[str, int] = {}
    after = places.get("setup", -1)
    for at, (name, cell) in enumerate(zip(names, submitted.cells, strict=True)):
        source = cell.source[:_LONGEST]
        if len(cell.source) > _LONGEST:
            lines.append(f"cell {at + 1} has {len(cell.source)} characters; the first {_LONGEST} are kept")
        known = name or plain.get(source.strip(), "") or (cell.get("id", "") if cell.get("id") in places else "")
        if known in places:
            after = max(places[known], places.get("setup", -1))
        seen[name] = seen.get(name, 0) + 1
        if name in answers:
            if at == last[name]:
                given[name] = source
                if cell.cell_type != answers[name].cell_type:
                    lines.append(f"{name} was made a {cell.cell_type} cell; it is read as {answers[name].cell_type}")
            elif answers[name].cell_type == "code":
                own.setdefault(after, []).append(source)
        elif name in locked:
            if source.strip() != locked[name].source.strip() and seen[name] == 1:
                lines.append(f"{name} was edited; the released cell counts")
        elif source.strip() and source.strip() not in plain:
            (own if cell.cell_type == "code" else texts).setdefault(after, []).append(source)
    lines += [f"{name} stands there {seen[name]} times; the last counts" for name in answers if seen.get(name, 0) > 1]
    lines += [f"{name} was copied; the released cell counts once" for name in locked if seen.get(name, 0) > 1]
    lines += [f"{name} was deleted; it is put back" for name in (*answers, *locked) if not seen.get(name)]
    for name, answer in answers.items():
        if nbgrader_mark(answer).get("grade") is True:
            written, place = given.get(name, answer.source), places[name]
            parts = [*texts.get(place - 1, ()), written, *texts.get(place, ())]
            if len(parts) > 1:
                given[name] = "\n\n".join(parts)[:_LONGEST]
                lines.append(f"{name}: text beside its cell is read as part of the answer")
            elif written.strip() == answer.source.strip():
                given[name] = answer.source
                lines.append(f"{name}, which is graded by hand, was left as it was released; it has 0 points")
    kept = sum(map(len, own.values()))
    if kept > _MOST_OWN:
        lines.append(f"there are {kept} own code cells; they are left out")
        own = {}
    return _assemble(release, given, own), lines


def _assemble(release: NotebookNode, given: Mapping[str, str], own: Mapping[int, list[str]]) -> NotebookNode:
    """The release with sources of answers exchanged, and own cells after the places given."""
    made = nbformat.from_dict(release)
    made.nbformat_minor = max(5, made.nbformat_minor)
    cells: list[NotebookNode] = []

    def add(after: int) -> None:
        for number, source in enumerate(own.get(after, ()), 1):
            identity = f"own-{after + 1}-{number}"
            cells.append(new_code_cell(_text(source), id=identity, metadata={OWN: True}))

    add(-1)
    for at, cell in enumerate(release.cells):
        copy = nbformat.from_dict(cell)
        copy.source = _text(given.get(grade_id_of(cell), copy.source))
        cells.append(copy)
        add(at)
    made.cells = cells
    return made


def _text(source: str) -> str:
    """The source without half characters, which no file can hold."""
    return source.encode("utf-8", "replace").decode("utf-8")
