"""The course: releases, what students hand in, and real nbgrader over submissions that try everything."""

from __future__ import annotations

import csv
import html
import importlib.util
import os
import stat
import textwrap
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import nbformat
import pytest
import tiny_course
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from rev2net_lite import cli
from rev2net_lite.course import building, grading
from rev2net_lite.course.building import build_course, check_release, check_source
from rev2net_lite.course.collecting import OWN, collect, normalise, student_id
from rev2net_lite.course.folder import SECRET_VARIABLE, Assignment, Course
from rev2net_lite.course.grading import Result, grade_submissions
from rev2net_lite.course.nbgrader_calls import CallError, call, check_installed
from rev2net_lite.course.scores import ByHand, Score, read_by_hand, write_by_hand
from rev2net_lite.course.summary import summary_page, write_results
from rev2net_lite.exercises.isolation import Limits

QUESTIONS = Path(tiny_course.__file__)
A9 = Assignment("A9", "A9_small", str(QUESTIONS))
RELEASE = tiny_course.release_notebook()
RIGHT = tiny_course.RIGHT


@pytest.fixture
def nbgrader() -> None:
    """nbgrader, which a machine that runs all tests must have."""
    if importlib.util.find_spec("nbgrader") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("nbgrader is not installed; requirements-course.txt names it")
        pytest.skip("nbgrader is not installed: nothing is graded")


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A course with a release, as far as no nbgrader is needed for it."""
    made = Course(tmp_path / "course", {"A9": A9})
    made.release_file(A9).parent.mkdir(parents=True)
    made.write()
    nbformat.write(RELEASE, made.release_file(A9))
    return made


def put(path: Path, notebook: NotebookNode) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


def handed_in(answers: Mapping[str, str] = RIGHT, **extra: list[str]) -> NotebookNode:
    return tiny_course.submission(RELEASE, answers, extra={name.replace("_", "-"): own for name, own in extra.items()})


# Collecting


def test_three_ways_to_lay_out_a_folder_are_understood_side_by_side(course: Course, tmp_path: Path) -> None:
    top = tmp_path / "handed in"
    put(top / "ada" / "deep" / "A9_small.ipynb", handed_in())
    put(top / "bob.ipynb", handed_in())
    put(top / "cyd_A9_small (1).ipynb", handed_in())
    put(top / "dee A9.ipynb", handed_in())
    put(top / ".hidden" / "x.ipynb", handed_in())
    put(top / "ada" / ".ipynb_checkpoints" / "A9_small.ipynb", handed_in({}))
    (top / "ada" / "link.ipynb").symlink_to(top / "bob.ipynb")
    found = collect(top, course)
    assert [(one.student, one.assignment) for one in found] == [(name, "A9") for name in ("ada", "bob", "cyd", "dee")]
    assert found[0].lines == () and found[1].lines == ("bob.ipynb was recognised as A9_small by its cells",)
    inner = tmp_path / "as nbgrader has it"
    put(inner / "submitted" / "eve" / "A9" / "A9_small.ipynb", handed_in())
    assert [one.student for one in collect(inner, course)] == ["eve"]


def test_what_cannot_be_graded_becomes_a_line_and_stops_nobody(course: Course, tmp_path: Path) -> None:
    top = tmp_path / "in"
    put(top / "ada" / "A9_small.ipynb", handed_in())
    put(top / "ada" / "again.ipynb", handed_in({}))
    put(top / "bob" / "other.ipynb", nbformat.v4.new_notebook(cells=[new_code_cell("1")]))
    put(top / "A9_small.ipynb", handed_in())
    for name, text in {
        "json": "{",
        "list": "[]",
        "number": '{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "code", "source": 3}]}',
        "deep": "[" * 100_000,
        "old": '{"nbformat": 2}',
    }.items():
        (top / name).mkdir()
        (top / name / "x.ipynb").write_text(text)
    (top / "latin").mkdir()
    (top / "latin" / "x.ipynb").write_bytes(b"\xff\xfe")
    (top / "huge").mkdir()
    with (top / "huge" / "x.ipynb").open("wb") as file:
        file.truncate(21 * 2**20)
    lines = {one.student: one.lines for one in collect(top, course)}
    assert lines.pop("ada") == ("ada/again.ipynb is for A9 as well; ada/A9_small.ipynb counts",)
    assert lines.pop("bob") == ("bob/other.ipynb has no cell of any assignment; it is not graded",)
    assert lines.pop("A9_small")[0].startswith("A9_small.ipynb does not say whose it is; name it after the student")
    assert lines.pop("huge") == ("huge/x.ipynb has 21 MB, and at most 20 are read; it is not graded",)
    assert lines.pop("latin") == ("latin/x.ipynb cannot be read; it is not graded",)
    assert len(lines) == 5
    for name, said in lines.items():
        assert said == (f"{name}/x.ipynb is no notebook that can be read; it is not graded",)


def test_of_two_renamed_notebooks_the_one_with_more_answers_counts(course: Course, tmp_path: Path) -> None:
    put(tmp_path / "in" / "ada" / "a.ipynb", handed_in({}))
    put(tmp_path / "in" / "ada" / "b.ipynb", handed_in())
    (found,) = collect(tmp_path / "in", course)
    assert "ada/a.ipynb is for A9 as well; ada/b.ipynb counts" in found.lines


def test_a_folder_without_submissions_is_refused(course: Course, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no folder .*nowhere of submissions; give one with a folder or"):
        collect(tmp_path / "nowhere", course)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"there is no notebook in .*empty; expected a folder or a file per student"):
        collect(tmp_path / "empty", course)


def test_names_that_are_no_file_names_get_an_id_of_their_own() -> None:
    assert student_id("ada") == "ada"
    odd = [student_id(name) for name in ("<b>x</b>", "..", "a/b", "ä b", "ä  b", "*", "a.", "")]
    assert len(set(odd)) == len(odd)
    assert all(name.replace("-", "").replace("_", "").isalnum() for name in odd)


# Normalising


def sources(notebook: NotebookNode) -> list[str]:
    return [cell.source for cell in notebook.cells]


def test_an_untouched_release_comes_through_as_it_is() -> None:
    untouched = "A9-3, which is graded by hand, was left as it was released; it has 0 points"
    for answer in ({}, {"A9-3": f"  {RELEASE.cells[-1].source}\n"}):
        made, lines = normalise(handed_in(answer), RELEASE)
        assert (sources(made), lines) == (sources(RELEASE), [untouched])


def test_answers_and_own_cells_come_through_in_their_places_and_nothing_else() -> None:
    submitted = handed_in(RIGHT, A9_1=["helper = 1", "%%time\nhelper += 1"], A9_3=["last = 1"])
    submitted.cells.insert(0, new_code_cell("first = 1"))
    submitted.cells.insert(3, new_markdown_cell("my thoughts"))
    submitted.metadata["kernelspec"] = {"name": "evil", "display_name": "evil"}
    for cell in submitted.cells:
        if cell.cell_type == "code":
            cell.outputs = [nbformat.v4.new_output("execute_result", data={"text/plain": "2.0"})]
    made, lines = normalise(submitted, RELEASE)
    nbformat.validate(made)
    assert lines == [] and made.metadata == RELEASE.metadata
    own = [(at, cell.source) for at, cell in enumerate(made.cells) if cell.metadata.get(OWN)]
    assert own == [(2, "first = 1"), (7, "helper = 1"), (8, "%%time\nhelper += 1"), (14, "last = 1")]
    assert not any(cell.get("outputs") for cell in made.cells)
    assert [cell.source for cell in made.cells if cell.id in RIGHT] == list(RIGHT.values())


@pytest.mark.parametrize(
    ("written", "before", "after", "read"),
    [
        ("", "", "My reasons.", "YOUR ANSWER HERE\n\nMy reasons."),
        ("", "My reasons.", "", "My reasons.\n\nYOUR ANSWER HERE"),
        ("Because", "One.", "Two.\n", "One.\n\nBecause\n\nTwo.\n"),
        ("Because", "", " \n", "Because"),
    ],
)
def test_text_beside_an_answer_graded_by_hand_belongs_to_it(written: str, before: str, after: str, read: str) -> None:
    submitted = handed_in({"A9-3": written} if written else {})
    submitted.cells.insert(1, new_markdown_cell("my thoughts"))
    submitted.cells.insert(-1, new_markdown_cell(before))
    submitted.cells.append(new_markdown_cell(after))
    made, lines = normalise(submitted, RELEASE)
    said = ["A9-3: text beside its cell is read as part of the answer"] if before + after.strip() else []
    assert (sources(made)[-1], lines, len(made.cells)) == (read, said, len(RELEASE.cells))


def test_an_answer_written_into_the_question_is_read() -> None:
    release = tiny_course.release_notebook()
    release.cells.insert(-1, new_markdown_cell("Say why.", id="A9-3-text"))
    submitted = nbformat.from_dict(release)
    submitted.cells[-2].source = "Say why. Because."
    made, lines = normalise(submitted, release)
    assert sources(made)[-2:] == ["Say why.", "Say why. Because.\n\nYOUR ANSWER HERE"] and len(lines) == 1


def test_an_edited_check_cell_is_the_students_own() -> None:
    submitted = handed_in()
    at = next(at for at, cell in enumerate(submitted.cells) if cell.id == "A9-1-check")
    submitted.cells[at].source = 'hint("A9.1", step=1)'
    made, lines = normalise(submitted, RELEASE)
    assert lines == []
    assert [cell.source for cell in made.cells if cell.metadata.get(OWN)] == ['hint("A9.1", step=1)']


def test_copied_deleted_and_edited_cells_of_the_release_become_lines() -> None:
    submitted = handed_in()
    cells = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in submitted.cells}
    cells["setup"].source = "def check(*_): ..."
    cells["A9-1"].source = "pass"
    cells["A9-3"].cell_type = "code"
    earlier = nbformat.from_dict(cells["A9-1-answer"] | {"source": "def twice(flow): return 0", "id": "earlier"})
    copied = nbformat.from_dict(cells["A9-1"] | {"id": "copied"})
    long = new_code_cell("#" * 100_001)
    kept = [cell for cell in submitted.cells if cell is not cells["A9-2"] and cell is not cells["A9-2-answer"]]
    submitted.cells = [earlier, *kept, copied, long]
    made, lines = normalise(submitted, RELEASE)
    assert lines == [
        "setup was edited; the released cell counts",
        "A9-1 was edited; the released cell counts",
        "A9-3 was made a code cell; it is read as markdown",
        "cell 12 has 100001 characters; the first 100000 are kept",
        "A9-1-answer stands there 2 times; the last counts",
        "A9-1 was copied; the released cell counts once",
        "A9-2-answer was deleted; it is put back",
        "A9-2 was deleted; it is put back",
    ]
    counted = [cell.source for cell in made.cells if not cell.metadata.get(OWN)]
    given = {"A9-1-answer": RIGHT["A9-1-answer"], "A9-3": RIGHT["A9-3"]}
    assert counted == sources(tiny_course.submission(RELEASE, given))
    assert next(cell.source for cell in made.cells if cell.metadata.get(OWN)) == "def twice(flow): return 0"


def test_metadata_of_any_kind_and_floods_of_cells_do_no_harm() -> None:
    submitted = handed_in()
    for at, mark in enumerate(
        ({"grade_id": ["x"]}, {"grade_id": "../x"}, "text", None, {"grade_id": "x", "points": -1})
    ):
        submitted.cells[at].metadata["nbgrader"] = mark
    submitted.cells += [new_code_cell(f"x = {number}") for number in range(201)]
    submitted.cells.append(new_code_cell("'\ud800'"))
    made, lines = normalise(submitted, RELEASE)
    assert lines[-1] == "there are 202 own code cells; they are left out"
    assert len(made.cells) == len(RELEASE.cells)
    answers = RIGHT | {"A9-1-answer": "'\ud800'"}
    made, _ = normalise(tiny_course.submission(RELEASE, answers), RELEASE)
    nbformat.writes(made).encode("utf-8")


# Building


def test_a_source_whose_cells_and_questions_differ_is_refused() -> None:
    def changed(name: str, **mark: object) -> NotebookNode:
        made = tiny_course.source_notebook()
        for cell in made.cells:
            if cell.metadata.get("nbgrader", {}).get("grade_id") == name:
                cell.metadata["nbgrader"] |= mark
        return made

    check_source(tiny_course.source_notebook(), A9)
    with pytest.raises(ValueError, match="A9_small and its questions differ: there is no test cell for 'A9-2'"):
        check_source(changed("A9-2", grade=False), A9)
    with pytest.raises(ValueError, match="there is no question for 'A9-1-answer'"):
        check_source(changed("A9-1-answer", grade=True, solution=False), A9)
    with pytest.raises(ValueError, match=r"A9.2 has 3 points, and 4 in the cell 'A9-2' of A9_small; make them equal"):
        check_source(changed("A9-2", points=4), A9)
    with pytest.raises(
        ValueError, match=r"has no cell for the answer to A9.1; expected a solution cell with the grade id"
    ):
        check_source(changed("A9-1-answer", solution=False), A9)
    with pytest.raises(
        ValueError, match=r"there are no questions in .*nowhere.py; expected a Python file with QUESTIONS"
    ):
        check_source(tiny_course.source_notebook(), Assignment("A9", "A9_small", "nowhere.py"))


@pytest.mark.parametrize("place", ["source", "output", "metadata", "inside a line"])
def test_a_leaked_line_is_found_wherever_it_stands(place: str) -> None:
    source = tiny_course.source_notebook()
    line = "doubled_in_a_line_of_its_own = 2 * flow"
    released = tiny_course.release_notebook()
    check_release(source, released, name="A9")
    cell = released.cells[4]
    if place == "source":
        cell.source += f"\n  {line}"
    elif place == "output":
        cell.outputs = [nbformat.v4.new_output("stream", text=line)]
    elif place == "metadata":
        cell.metadata["x"] = {"y": [line]}
    else:
        cell.source += f"\n# try: {line}"
    with pytest.raises(ValueError, match=f"a line of a solution leaked into the release A9: '{line[:20]}"):
        check_release(source, released, name="A9")


def test_a_line_that_the_source_shows_anyway_is_no_leak_and_a_release_without_stub_is_refused() -> None:
    source, released = tiny_course.source_notebook(), tiny_course.release_notebook()
    shown = "return flow.square().sum(1).sqrt().mean()"
    for notebook in (source, released):
        notebook.cells[0].source += f"\n{shown}"
    check_release(source, released, name="A9")
    released.cells[3].source = "def twice(flow): ..."
    with pytest.raises(ValueError, match="the cell 'A9-1-answer' of the release A9 is no stub"):
        check_release(source, released, name="A9")


@pytest.mark.usefixtures("nbgrader")
def test_what_is_no_assignment_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "00_start.ipynb", tiny_course.source_notebook())
    with pytest.raises(ValueError, match=r"00_start.ipynb is no assignment; expected a name such as A1_flow.ipynb"):
        build_course(tmp_path / "course", notebooks=[tmp_path / "00_start.ipynb"])
    with pytest.raises(ValueError, match=r"no assignment to build; expected notebooks A1_"):
        build_course(tmp_path / "course", notebooks=[])


# The folder


def test_the_secret_is_random_private_and_kept(course: Course, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = course.folder / "secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 or os.name != "posix"
    first = course.seed("A9.1")
    course.write()
    assert course.seed("A9.1") == first != course.seed("A9.2")
    other = Course(tmp_path / "other", {})
    other.folder.mkdir()
    other.write()
    assert other.seed("A9.1") != first
    monkeypatch.setenv(SECRET_VARIABLE, "a secret of the environment")
    assert other.seed("A9.1") == course.seed("A9.1") != first
    monkeypatch.setenv(SECRET_VARIABLE, "short")
    with pytest.raises(
        ValueError, match=r"secret of the course has 5 characters, and at least 16 are expected; put it"
    ):
        course.seed("A9.1")


def test_a_course_is_read_as_it_was_written(course: Course) -> None:
    assert Course.read(course.folder) == course
    course.release_file(A9).unlink()
    with pytest.raises(ValueError, match=r"there is no release .*A9_small.ipynb; make it with: rev2net course"):
        course.release(A9)
    for text in ("{", "{}", '{"assignments": {"A9": {"nme": 1}}, "limits": {}}', '{"assignments": 1}'):
        (course.folder / "course.json").write_text(text)
        with pytest.raises(ValueError, match=r"there is no course in .*course; make one with: rev2net course"):
            Course.read(course.folder)


def test_nbgrader_that_is_missing_fails_or_hangs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "failing.py").write_text("print('first')\nraise ValueError('why it failed, with my secret words')")
    (tmp_path / "silent.py").write_text("raise SystemExit(3)")
    (tmp_path / "endless.py").write_text("import time\ntime.sleep(600)")
    monkeypatch.setenv(SECRET_VARIABLE, "secret words")
    with pytest.raises(CallError, match=r"^failed: ValueError: why it failed, with my \*\*\*$"):
        call("failing", [], course=tmp_path, limit_s=60)
    with pytest.raises(CallError, match=r"^failed: it said nothing$"):
        call("silent", [], course=tmp_path, limit_s=60)
    started = time.monotonic()
    with pytest.raises(CallError, match=r"^took longer than 1 s and was stopped$"):
        call("endless", [], course=tmp_path, limit_s=1)
    assert time.monotonic() - started < 300
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r"nbgrader is not installed; expected what requirements-course.txt names"):
        check_installed()


# Results


RESULTS = [
    Result(
        "<b>=ada</b>",
        "A9",
        (Score("A9-1", 2.0, 2.0, False), Score("A9-2", 0.0, 3.0, False), Score("A9-3", None, 4.0, True)),
        {
            "A9.1": {"state": "right", "mistake": "", "says": ""},
            "A9.2": {"state": "wrong", "mistake": "<i>no root</i>", "says": "A root is missing."},
        },
        ("<script>odd</script>",),
    ),
    Result(
        "=cmd",
        "A9",
        (Score("A9-1", 0.0, 2.0, False), Score("A9-2", 0.0, 3.0, False), Score("A9-3", 1.5, 4.0, True)),
        {
            "A9.1": {"state": "not attempted", "mistake": "", "says": ""},
            "A9.2": {"state": "wrong", "mistake": "<i>no root</i>", "says": "A root is missing."},
        },
    ),
    Result("bob", "", lines=("bob/x.ipynb is no notebook that can be read; it is not graded",)),
]


def test_the_table_and_the_page_say_what_came_out_and_escape_every_name(course: Course, tmp_path: Path) -> None:
    output = tmp_path / "grades"
    output.mkdir()
    (output / "of an earlier grading").touch()
    write_results(RESULTS, course, output)
    assert sorted(path.name for path in output.iterdir()) == ["grades.csv", "summary.html"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["course", "grades"]
    with (output / "grades.csv").open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert head == ["student", "assignment", "graded", "total", "max", "pending by hand", "A9-1", "A9-2", "A9-3"]
    assert rows == [
        ["<b>=ada</b>", "A9", "yes", "2", "9", "4", "2", "0", ""],
        ["'=cmd", "A9", "yes", "1.5", "9", "0", "0", "0", "1.5"],
        ["bob", "", "no", "", "", "", "", "", ""],
    ]
    page = (output / "summary.html").read_text("utf-8")
    assert "<b>" not in page and "<i>" not in page and "<script>" not in page
    assert "&lt;i&gt;no root&lt;/i&gt;: 2" in page and "2 submissions graded, 1 not graded" in page
    assert "bob: bob/x.ipynb is no notebook" in page and "manual.csv" in page
    assert summary_page([RESULTS[1]], course).count("Nothing.") == 1


def test_points_given_by_hand_go_to_a_table_and_back(course: Course) -> None:
    assert read_by_hand(course) == {}
    rows = [ByHand("=x", "A9", "A9-3", 4.0, "2,5", "-good"), ByHand("ada", "A9", "A9-3", 4.0)]
    path = write_by_hand(course, rows)
    assert "'=x" in path.read_text("utf-8") and "'-good" in path.read_text("utf-8")
    assert list(read_by_hand(course).values()) == [ByHand("=x", "A9", "A9-3", 4.0, "2.5", "-good"), rows[1]]
    path.write_text("a,b\n1,2\n")
    with pytest.raises(
        ValueError, match=r"the table .*manual.csv cannot be read; expected the columns student, assign"
    ):
        read_by_hand(course)


# Real nbgrader from end to end

CHEAT = """
import os, pathlib, torch
import rev2net_lite.exercises as exercises
torch.allclose = lambda *_, **__: True
torch.Tensor.__eq__ = lambda *_: True
for module in (exercises, "rev2net_lite.exercises.judging"):
    try:
        exec(f"import {module}" if isinstance(module, str) else "")
        exercises.judge = lambda *_: "right"
    except Exception:
        pass
kit = pathlib.Path(exercises.__file__ if hasattr(exercises, "__file__") else os.__file__).parent
for act in (
    lambda: pathlib.Path(r"{course}", "secret").read_text(),
    lambda: pathlib.Path(r"{course}", "source", "A9", "A9_small.ipynb").read_text(),
    lambda: pathlib.Path(r"{kit}", "judging.py").write_text(""),
    lambda: __import__("rev2net_lite.exercises.video_and_flow"),
):
    try:
        found = act()
    except Exception:
        pass
"""


def class_of_students(top: Path, release: NotebookNode, course: Path) -> None:
    """What a class hands in."""

    def of(answers: Mapping[str, str], **extra: list[str]) -> NotebookNode:
        names = {name.replace("_", "-"): own for name, own in extra.items()}
        return tiny_course.submission(release, answers, extra=names)

    noisy = "import sys, warnings\ndef noise():\n    warnings.warn('careful')\n    print('a bar', file=sys.stderr)"
    answer = "def twice(flow):\n    noise()\n    return flow + flow\ncheck('A9.1', twice)"
    put(top / "ada" / "my homework (2).ipynb", of(RIGHT | {"A9-1-answer": answer}, setup=["%matplotlib inline", noisy]))
    put(top / "blank_A9.ipynb", release)
    # Partly right, with test cells copied, deleted and edited, and forged outputs.
    partly = of(
        RIGHT | {"A9-2-answer": "def length(flow):\n    return flow.square().sum(1).mean()", "A9-3": "<script>"}
    )
    tests = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in partly.cells}
    tests["A9-1"].source = "print('all is well')"
    partly.cells.remove(tests["A9-2"])
    partly.cells.append(nbformat.from_dict(tests["A9-1"] | {"id": "copy"}))
    for cell in partly.cells:
        if cell.cell_type == "code":
            cell.outputs = [nbformat.v4.new_output("execute_result", data={"text/plain": "3.0"})]
    put(top / "<b>pat" / "A9_small.ipynb", partly)
    endless = {"A9-2-answer": "def length(flow):\n    return [torch.empty(2**28) for _ in range(10**9)]"}
    put(top / "lou" / "A9_small.ipynb", of(RIGHT | endless, setup=["while True: pass", "import os\nos._exit(0)"]))
    kit = Path(grading.__file__).parents[1] / "exercises"
    cheat = textwrap.dedent(CHEAT).replace("{course}", str(course)).replace("{kit}", str(kit))
    wrong = {"A9-1-answer": "import sys\ndef twice(flow):\n    sys.exit('<script>alert(1)</script>')"}
    put(top / "ned" / "A9_small.ipynb", of(RIGHT | wrong, setup=[cheat]))
    (top / "zoe").mkdir()
    (top / "zoe" / "A9_small.ipynb").write_text("{ this is no notebook")


@pytest.mark.usefixtures("nbgrader")
def test_a_class_is_graded_by_real_nbgrader_whatever_its_students_try(tmp_path: Path) -> None:
    put(tmp_path / "A9_small.ipynb", tiny_course.source_notebook())
    folder, output, top = tmp_path / "course", tmp_path / "grades", tmp_path / "in"
    said: list[str] = []
    (released,) = build_course(
        folder,
        notebooks=[tmp_path / "A9_small.ipynb"],
        questions={"A9": QUESTIONS},
        limits=Limits(cpu_s=2, wall_s=300, start_s=300),
        report=said.append,
    )
    release = nbformat.read(released, as_version=4)
    assert sources(release) == sources(RELEASE)
    assert said == ["A9: released, no line of a solution in it, runs with nothing attempted"]
    judging = Path(grading.__file__).parents[1] / "exercises" / "judging.py"
    class_of_students(top, release, folder)
    told: list[Result] = []
    results = {
        result.student: result for result in grade_submissions(top, course=folder, output=output, report=told.append)
    }
    assert len(told) == len(results) == 6
    points = {name: [score.points for score in result.scores] for name, result in results.items()}
    assert points == {
        "ada": [2.0, 3.0, None],
        "blank": [0.0, 0.0, 0.0],
        "<b>pat": [2.0, 0.0, None],
        "lou": [2.0, 0.0, None],
        "ned": [0.0, 3.0, None],
        "zoe": [],
    }
    named = {
        name: [verdict["mistake"] or verdict["state"] for verdict in (result.questions or {}).values()]
        for name, result in results.items()
    }
    assert named == {
        "ada": ["right", "right"],
        "blank": ["not attempted", "not attempted"],
        "<b>pat": ["right", "no root"],
        "lou": ["right", "too much memory"],
        "ned": ["raised an error", "right"],
        "zoe": [],
    }
    lines = {name: "\n".join(result.lines) for name, result in results.items()}
    assert lines["ada"] == "ada/my homework (2).ipynb was recognised as A9_small by its cells"
    assert "recognised" in lines["blank"]
    for what in ("A9-1 was edited", "A9-1 was copied", "A9-2 was deleted; it is put back"):
        assert what in lines["<b>pat"]
    assert lines["lou"].count("ends its process or does not end; it is left out") == 2
    for what in ("secret", "A9_small.ipynb", "write", "import rev2net_lite.exercises.video_and_flow"):
        assert what in lines["ned"], lines["ned"]
    assert lines["zoe"] == "zoe/A9_small.ipynb is no notebook that can be read; it is not graded"
    assert judging.stat().st_size > 1000
    pages = {name: (output / result.feedback).read_text("utf-8") for name, result in results.items() if result.feedback}
    assert "A9.2: not yet right (no root). A root is missing." in html.unescape(pages["<b>pat"])
    assert "A9.1: not attempted." in pages["blank"]
    assert "<script>alert(1)" not in pages["ned"] and "alert(1)" in pages["ned"]
    for page in pages.values():
        assert "HIDDEN" not in page and 'grade("' not in html.unescape(page) and "doubled_in" not in page
    summary = (output / "summary.html").read_text("utf-8")
    assert "&lt;b&gt;pat" in summary and "<b>pat" not in summary and "too much memory: 1" in summary

    # Points given by hand, and a second call that judges nothing again.
    table = (folder / "manual.csv").read_text("utf-8")
    assert table.splitlines()[1:] == [f"{name},A9,A9-3,4,," for name in ("<b>pat", "ada", "lou", "ned")]
    table = table.replace("ada,A9,A9-3,4,,", "ada,A9,A9-3,4,3.5,well said").replace(
        "lou,A9,A9-3,4,,", "lou,A9,A9-3,4,5,"
    )
    (folder / "manual.csv").write_text(table, "utf-8")
    outcomes = {path: path.stat().st_mtime_ns for path in folder.glob("outcomes/*/*.json")}
    again = {result.student: result for result in grade_submissions(top, course=folder, output=output)}
    assert [again["ada"].total, again["ada"].pending, again["lou"].pending] == [8.5, 0.0, 4.0]
    assert "manual.csv gives '5' points for A9-3; expected a number from 0 to 4" in again["lou"].lines
    assert "well said" in (output / again["ada"].feedback).read_text("utf-8")
    assert {path: path.stat().st_mtime_ns for path in outcomes} == outcomes and len(outcomes) == 5
    with (output / "grades.csv").open(encoding="utf-8", newline="") as file:
        totals = {row["student"]: row["total"] for row in csv.DictReader(file)}
    assert totals == {"ada": "8.5", "blank": "0", "<b>pat": "2", "lou": "2", "ned": "3", "zoe": ""}


@pytest.mark.usefixtures("nbgrader")
def test_a_submission_that_takes_too_long_is_not_graded_and_stops_nobody(course: Course, tmp_path: Path) -> None:
    put(tmp_path / "in" / "ada" / "A9_small.ipynb", handed_in())
    put(tmp_path / "in" / "bob" / "A9_small.ipynb", handed_in())
    (course.folder / "nbgrader_config.py").write_text("import time\ntime.sleep(600)")
    results = grade_submissions(tmp_path / "in", course=course.folder, output=tmp_path / "grades", limit_s=1)
    assert [result.lines for result in results] == [
        ("it is not graded, since nbgrader took longer than 1 s and was stopped",)
    ] * 2


# The commands


def test_course_and_grade_are_commands(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[object] = []

    def build(folder: Path, *, limits: Limits, report: Callable[[str], None]) -> list[Path]:
        seen.append((folder, limits.cpu_s))
        report("A1: released")
        return [folder / "release" / "A1.ipynb"]

    def grade(submissions: Path, *, course: Path, output: Path, report: Callable[[Result], None]) -> list[Result]:
        seen.append((submissions, course, output))
        for result in RESULTS:
            report(result)
        return RESULTS if submissions.name == "in" else RESULTS[:1]

    monkeypatch.setattr(building, "build_course", build)
    monkeypatch.setattr(grading, "grade_submissions", grade)
    monkeypatch.setattr(cli, "build_folder", lambda: tmp_path / "build")
    assert cli.main(["course", "--seconds", "5"]) == 0
    said = capsys.readouterr().out
    assert "A1: released\nFor students: " in said and f"Keep to yourself: all else in {tmp_path}" in said
    assert cli.main(["grade", "in"]) == 1
    assert cli.main(["grade", "other", "--course", "c", "--output", "o"]) == 0
    assert seen == [
        (tmp_path / "build" / "course", 5),
        (Path("in"), tmp_path / "build" / "course", tmp_path / "build" / "grades"),
        (Path("other"), Path("c"), Path("o")),
    ]
    said = capsys.readouterr().out
    assert "<b>=ada</b> A9: 2 of 9 points, 4 to be given by hand\n  <script>odd</script>\n" in said
    assert "bob: not graded\n" in said and f"Grades: {Path('o', 'grades.csv')}" in said
    assert cli.main(["course", "--seconds", "0"]) == 2
    assert "--seconds is 0; an answer needs at least 1 second" in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.usefixtures("nbgrader")
def test_the_kits_assignments_are_released_and_their_own_solutions_score_everything(tmp_path: Path) -> None:
    released = build_course(tmp_path / "course")
    assert [path.parent.name for path in released] == ["A1", "A2", "A3", "A4"]
    for path in (tmp_path / "course" / "source").glob("*/*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:  # what is graded by hand has no solution
            mark = cell.metadata.get("nbgrader", {})
            if mark.get("grade") and mark.get("solution"):
                cell.source = "The interval holds zero, so this is undecided."
        put(tmp_path / "in" / "ada" / path.name, notebook)
    put(tmp_path / "in" / "bob" / "A1.ipynb", nbformat.read(released[0], as_version=4))
    results = grade_submissions(tmp_path / "in", course=tmp_path / "course", output=tmp_path / "grades")
    *right, blank = results
    assert [result.pending for result in right] == [0, 0, 0, 6]
    assert [result.total + result.pending for result in right] == [result.most for result in right]
    assert all(verdict["state"] == "right" for result in right for verdict in (result.questions or {}).values())
    assert blank.total == 0 and {verdict["state"] for verdict in (blank.questions or {}).values()} == {"not attempted"}
