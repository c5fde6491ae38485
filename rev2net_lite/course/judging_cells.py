"""The step of nbgrader that scores: in place of executing a notebook, it has every answer judged apart."""

from __future__ import annotations

import json
from pathlib import Path

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Unicode

from rev2net_lite.course.collecting import OWN
from rev2net_lite.course.folder import Course, grade_id_of, nbgrader_mark
from rev2net_lite.exercises import Question, Verdict, describe
from rev2net_lite.exercises.isolation import Cell, IsolationError, Judged, judge_apart
from rev2net_lite.files import write_text_atomically

__all__ = ["JudgeAnswers"]

_MOST_LEFT_OUT = 3  # own cells that may end the process before all of them are left out
_HIDDEN = "### BEGIN HIDDEN TESTS"


class JudgeAnswers(NbGraderPreprocessor):
    """Outcome of every question as the output of its test cell, and in a file for the report.

    nbgrader scores by outputs: an error is no point. Nothing of the notebook runs in this process.
    """

    course = Unicode("", help="Folder of the course, which names questions and secret.").tag(config=True)

    def preprocess(self, notebook: NotebookNode, resources: dict[str, dict[str, str]]) -> tuple[NotebookNode, object]:
        """The notebook with outcomes; called by nbgrader."""
        names = resources["nbgrader"]
        course = Course.read(Path(self.course))
        questions = course.assignments[names["assignment"]].question_set()
        judged = _Judging(course, notebook)
        verdicts = {}
        for at, cell in enumerate(notebook.cells):
            if cell.cell_type != "code":
                continue
            cell.outputs = []
            question = questions.get(grade_id_of(cell))
            if question is None or nbgrader_mark(cell).get("grade") is not True:
                continue
            verdict = verdicts[question.key] = judged.verdict(question, at)
            # The page of the feedback shows the cell, and the test is nobody's business.
            cell.source = cell.source.partition(_HIDDEN)[0].rstrip()
            cell.outputs = [_output(verdict)]
        outcome = {
            "questions": {
                key: {"state": verdict.state, "mistake": verdict.mistake, "says": verdict.says}
                for key, verdict in verdicts.items()
            },
            "lines": judged.lines,
        }
        path = course.outcome_file(names["student"], names["assignment"])
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text_atomically(path, json.dumps(outcome, indent=1) + "\n")
        return notebook, resources


def _output(verdict: Verdict) -> NotebookNode:
    text = describe(verdict)
    if verdict.state == "right":
        return new_output("stream", name="stdout", text=text + "\n")
    name = "Wrong" if verdict.state == "wrong" else "NotAttempted"
    return new_output("error", ename=name, evalue=text, traceback=[text])


class _Judging:
    """The questions of one notebook, one after the other; cells that end their process run once."""

    def __init__(self, course: Course, notebook: NotebookNode) -> None:
        self.course = course
        self.cells = {at: cell for at, code in enumerate(notebook.cells) if (cell := _runnable(code, at)) is not None}
        self.own = {at for at, code in enumerate(notebook.cells) if code.metadata.get(OWN)}
        self.left_out: set[int] = set()
        self.lines: list[str] = []

    def verdict(self, question: Question, test: int) -> Verdict:
        """On the answer that stands when the notebook has run down to its test cell."""
        answer_name = f"{question.key.replace('.', '-')}-answer"
        while True:
            places = [at for at in self.cells if at < test and at not in self.left_out]
            cells = [self.cells[at] for at in places]
            answer = next((number for number, cell in enumerate(cells) if cell.name == answer_name), -1)
            judged = self._judged(question, cells, answer)
            if isinstance(judged, Verdict):
                return judged
            for attempt in judged.attempts:
                self._note(f"{question.key}: it tried what is closed: {attempt}")
            for number, error in judged.raised.items():
                if number != answer:
                    self._note(f"the cell {cells[number].name} raises {error}")
            if judged.ended_in is None or not 0 <= judged.ended_in < len(cells):
                return judged.verdict
            at = places[judged.ended_in]
            self.left_out.add(at)
            self._note(f"the cell {self.cells[at].name} ends its process or does not end; it is left out from there on")
            if judged.ended_in == answer:
                return judged.verdict
            if len(self.left_out & self.own) >= _MOST_LEFT_OUT and not self.own <= self.left_out:
                self.left_out |= self.own
                self._note("all own cells are left out, since several of them end the process or do not end")

    def _judged(self, question: Question, cells: list[Cell], answer: int) -> Judged | Verdict:
        seed, limits = self.course.seed(question.key), self.course.limits
        try:
            return judge_apart(question, cells, answer=answer, seed=seed, closed=[self.course.folder], limits=limits)
        except IsolationError:
            raise
        except Exception as error:
            # Whatever an answer sent, it must not stop the other questions; it does not score and is looked at.
            self._note(f"{question.key} could not be judged ({type(error).__name__}: {error}); look at it by hand")
            return Verdict(question.key, "wrong", "could not be judged", "It returned what cannot be judged.")

    def _note(self, line: str) -> None:
        if line not in self.lines:
            self.lines.append(line)


def _runnable(cell: NotebookNode, at: int) -> Cell | None:
    """The cell as it is run before a test: of the release only what is locked, of the student all."""
    if cell.cell_type != "code":
        return None
    mark = nbgrader_mark(cell)
    if mark.get("grade") is True:
        return None
    if mark.get("solution") is True:
        return Cell(grade_id_of(cell), _python(cell.source))
    if mark.get("locked") is True:
        return Cell(grade_id_of(cell), _python(cell.source), given=True)
    return Cell(f"number {at + 1}", _python(cell.source)) if cell.metadata.get(OWN) else None


def _python(source: str) -> str:
    """The source with Jupyter's own commands made calls, which do nothing where answers run."""
    lines = source.split("\n")
    if lines[0].startswith("%%"):
        lines[0] = ""
    try:
        return str(TransformerManager().transform_cell("\n".join(lines)))
    except Exception:
        # It cannot be taken apart, so Python will not read it either, and says why.
        return source
