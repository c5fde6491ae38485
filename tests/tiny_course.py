"""A course of one small assignment: its questions, its notebook, and submissions to it.

The questions are given to the grading by the path of this file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import nbformat
import torch
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from torch import Tensor

from rev2net_lite.exercises.questions import Mistake, Probe, Question

HINTS = ("one", "two", "three")


def twice(flow: Tensor) -> Tensor:
    return 2 * flow


def length(flow: Tensor) -> Tensor:
    return flow.square().sum(1).sqrt().mean()


def calls(generator: torch.Generator) -> list[Probe]:
    return [
        Probe("the sizes of the example", {"flow": torch.rand(1, 2, 3, 4, generator=generator)}),
        Probe("a wide field", {"flow": torch.rand(5, 2, 3, 7, generator=generator)}),
    ]


def question(number: int, name: str, returns: str, **more: object) -> Question:
    return Question(
        key=f"A9.{number}",
        title=name.capitalize(),
        name=name,
        answer={"twice": twice, "length": length}[name],
        probes=calls,
        hints=HINTS,
        difficulty="easy",
        minutes=5,
        points=number + 1,
        returns=returns,
        **more,  # type: ignore[arg-type]
    )


QUESTIONS = (
    question(1, "twice", "b 2 h w"),
    question(2, "length", "", mistakes=(Mistake("no root", "A root is missing.", lambda x: x.square().sum(1).mean()),)),
)

STUB = "# YOUR CODE HERE\n    raise NotImplementedError()"
SETUP = "import torch\nfrom torch import Tensor\nfrom rev2net_lite.exercises import check, grade, hint\n"
RIGHT = {
    "A9-1-answer": "def twice(flow):\n    return flow + flow\n",
    "A9-2-answer": "def length(flow):\n    return (flow[:, 0] ** 2 + flow[:, 1] ** 2).sqrt().mean()\n",
    "A9-3": "It holds because lengths add up.",
}
SOLUTION = {
    "A9-1": ("twice", "    doubled_in_a_line_of_its_own = 2 * flow\n    return doubled_in_a_line_of_its_own"),
    "A9-2": ("length", "    return flow.square().sum(1).sqrt().mean()"),
}


def marks(grade_id: str, **more: object) -> dict[str, object]:
    """nbgrader's metadata of a cell."""
    kind = {"grade": False, "locked": False, "solution": False, "task": False} | more
    return {"nbgrader": {"grade_id": grade_id, "schema_version": 3} | kind}


def source_notebook() -> NotebookNode:
    """The assignment as its author wrote it."""
    cells = [
        new_markdown_cell("# A9 A small assignment", id="title"),
        new_code_cell(SETUP, id="setup", metadata=marks("setup", locked=True)),
    ]
    for name, (function, body) in SOLUTION.items():
        points = {"A9-1": 2, "A9-2": 3}[name]
        key = name.replace("-", ".")
        answer = f"def {function}(flow):\n    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION\n"
        test = f'# Test of {key}.\n### BEGIN HIDDEN TESTS\ngrade("{key}", {function})\n### END HIDDEN TESTS'
        cells += [
            new_markdown_cell(f"## {key} {function.capitalize()}\n\nReturn it.", id=f"{name}-text"),
            new_code_cell(answer, id=f"{name}-answer", metadata=marks(f"{name}-answer", solution=True)),
            new_code_cell(f'print("{key}: not attempted.")', id=f"{name}-check"),
            new_code_cell(test, id=name, metadata=marks(name, grade=True, locked=True, points=points)),
        ]
    written = marks("A9-3", grade=True, solution=True, points=4)
    cells.append(new_markdown_cell("Because.", id="A9-3", metadata=written))
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return new_notebook(cells=cells, metadata=kernel)


def release_notebook() -> NotebookNode:
    """What nbgrader should make of it for students."""
    made = source_notebook()
    for cell in made.cells:
        cell.source = re.sub(r"( *)### BEGIN SOLUTION.*### END SOLUTION", r"\1" + STUB, cell.source, flags=re.DOTALL)
        cell.source = re.sub(r"\n### BEGIN HIDDEN TESTS.*", "", cell.source, flags=re.DOTALL)
    made.cells[-1].source = "YOUR ANSWER HERE"
    return made


def submission(
    release: NotebookNode, answers: Mapping[str, str], *, extra: Mapping[str, Sequence[str]] | None = None
) -> NotebookNode:
    """The release with answers in their cells, and code cells of the student's own after those named."""
    made = nbformat.from_dict(release)
    cells = []
    for cell in made.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id", cell.id)
        cell = nbformat.from_dict(cell | {"source": answers.get(name, cell.source)})
        cells += [cell, *(new_code_cell(source) for source in (extra or {}).get(name, ()))]
    made.cells = cells
    return made
