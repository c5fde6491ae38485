"""A course folder: what nbgrader finds there, where the questions come from, and the secret of its probes."""

from __future__ import annotations

import hashlib
import hmac
import importlib.util
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from rev2net_lite.exercises import Question, find_question, question_keys
from rev2net_lite.exercises.isolation import Limits
from rev2net_lite.files import write_text_atomically

__all__ = ["SECRET_VARIABLE", "Assignment", "Course", "grade_id_of", "nbgrader_mark"]

SECRET_VARIABLE = "REV2NET_COURSE_SECRET"
_RECORD = "course.json"
_SECRET = "secret"


@dataclass(frozen=True)
class Assignment:
    """One assignment of a course.

    Attributes:
        name: `"A1"`, also the first part of its questions' keys.
        notebook: name of its notebook without the ending.
        questions: file with its `QUESTIONS`; empty for those of the kit.
    """

    name: str
    notebook: str
    questions: str = ""

    def question_set(self) -> dict[str, Question]:
        """Questions by the grade id of their cell, `"A1-3"` for A1.3.

        Raises:
            ValueError: the file of the questions cannot be read as one.
        """
        if not self.questions:
            found = [find_question(key) for key in question_keys(self.name)]
        else:
            spec = importlib.util.spec_from_file_location(f"questions_of_{self.name}", self.questions)
            if spec is None or spec.loader is None or not Path(self.questions).is_file():
                raise ValueError(f"there are no questions in {self.questions}; expected a Python file with QUESTIONS")
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            found = list(module.QUESTIONS)
        return {question.key.replace(".", "-"): question for question in found}


@dataclass(frozen=True)
class Course:
    """A folder that `build_course` made.

    Attributes:
        folder: where it is.
        assignments: by their names.
        limits: of the process of one answer.
    """

    folder: Path
    assignments: Mapping[str, Assignment]
    limits: Limits = field(default_factory=Limits)

    @classmethod
    def read(cls, folder: Path) -> Course:
        """The course of a folder.

        Raises:
            ValueError: there is none.
        """
        try:
            content = json.loads((folder / _RECORD).read_text("utf-8"))
            assignments = {name: Assignment(**entry) for name, entry in content["assignments"].items()}
            limits = Limits(**content["limits"])
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise ValueError(f"there is no course in {folder}; make one with: rev2net course") from error
        return cls(folder, assignments, limits)

    def write(self) -> None:
        """Nothing; the folder says what its course is, and has a secret that it keeps."""
        entries = {name: asdict(assignment) for name, assignment in self.assignments.items()}
        record = {"assignments": entries, "limits": asdict(self.limits)}
        write_text_atomically(self.folder / _RECORD, json.dumps(record, indent=1) + "\n")
        path = self.folder / _SECRET
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(32) + "\n")

    def secret(self) -> bytes:
        """What seeds are made from: of the environment variable REV2NET_COURSE_SECRET, else of the folder.

        Raises:
            ValueError: there is neither, or it is too short to be one.
        """
        text = os.environ.get(SECRET_VARIABLE, "")
        if not text and (self.folder / _SECRET).is_file():
            text = (self.folder / _SECRET).read_text("utf-8").strip()
        if len(text) < 16:
            raise ValueError(
                f"the secret of the course has {len(text)} characters, and at least 16 are expected; put it into "
                f"{self.folder / _SECRET} or {SECRET_VARIABLE}, or make the course again"
            )
        return text.encode("utf-8")

    def seed(self, key: str) -> int:
        """Seed of the probes of a question, which nobody knows without the secret."""
        return int.from_bytes(hmac.digest(self.secret(), key.encode("utf-8"), hashlib.sha256)[:6], "big")

    def source(self, assignment: Assignment) -> Path:
        """The assignment as its author wrote it, with solutions."""
        return self.folder / "source" / assignment.name / f"{assignment.notebook}.ipynb"

    def release_file(self, assignment: Assignment) -> Path:
        """The assignment as students get it."""
        return self.folder / "release" / assignment.name / f"{assignment.notebook}.ipynb"

    def release(self, assignment: Assignment) -> NotebookNode:
        """The same, read.

        Raises:
            ValueError: it is not there.
        """
        path = self.release_file(assignment)
        if not path.is_file():
            raise ValueError(f"there is no release {path}; make it with: rev2net course")
        return nbformat.read(path, as_version=4)

    def outcome_file(self, student: str, assignment: str) -> Path:
        """Where the judging of one submission leaves what it found."""
        return self.folder / "outcomes" / student / f"{assignment}.json"


def nbgrader_mark(cell: NotebookNode) -> Mapping[str, object]:
    """nbgrader's metadata of a cell; empty if it has none that can be read."""
    mark = cell.get("metadata", {}).get("nbgrader", {})
    return mark if isinstance(mark, Mapping) else {}


def grade_id_of(cell: NotebookNode) -> str:
    """The name by which nbgrader knows a cell; empty if it does not."""
    name = nbgrader_mark(cell).get("grade_id", "")
    return name if isinstance(name, str) and re.fullmatch(r"[\w-]{1,80}", name) else ""
