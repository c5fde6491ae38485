"""The exercises in a notebook: four cells each, and the notebook with all of them solved."""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass

from nbformat import NotebookNode

_HEADING = re.compile(r"### Exercise (\d\d\.\d) (.+)\n")
_FOLDED = re.compile(
    r"<details><summary>Solution</summary>\n\n```python\n(.+?)\n```\n\n(?:.+?\n\n)?</details>", re.DOTALL
)


@dataclass(frozen=True)
class Exercise:
    """One exercise as it stands in a notebook; `at` is the place of its first cell."""

    key: str
    title: str
    at: int
    task: NotebookNode
    stub: NotebookNode
    check: NotebookNode
    folded: NotebookNode

    @property
    def solution(self) -> str:
        """The code of the folded solution."""
        found = _FOLDED.fullmatch(self.folded.source)
        assert found, f"the solution of {self.key} has not the form of the others"
        return found[1]


def exercises_of(notebook: NotebookNode) -> list[Exercise]:
    found = []
    for at, cell in enumerate(notebook.cells):
        heading = _HEADING.match(cell.source) if cell.cell_type == "markdown" else None
        if heading:
            found.append(Exercise(heading[1], heading[2], at, *notebook.cells[at : at + 4]))
    return found


def solved(notebook: NotebookNode) -> NotebookNode:
    """A copy in which the solution of each exercise stands in place of its stub."""
    copy = deepcopy(notebook)
    for exercise in exercises_of(copy):
        exercise.stub.source = exercise.solution
    return copy


def verdicts(executed: NotebookNode) -> dict[str, str]:
    """What the check of each exercise printed, by key."""
    return {
        exercise.key: "".join(output.get("text", "") for output in exercise.check.outputs)
        for exercise in exercises_of(executed)
    }
