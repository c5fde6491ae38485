"""Small notebooks for the tests of everything that executes or shows notebooks."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

HEADER = "# 01 · Small <em>things</em>\n\n**Question.** Is `x` < y & z?\n\nGiven $x^2$ and\n\n$$\\sum_i x_i$$"
PARAMETERS = 'profile = "smoke"\nseed = 0\noutput = ""\nrate = 0.5\nnote = None'
OPEN = """
from rev2net_lite.runs import open_run
run = open_run("{name}", {{"profile": profile, "seed": seed, "output": output, "rate": rate, "note": note}})
"""
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def write_notebook(folder: Path, name: str, *cells: str, minutes: float = 1.0) -> Path:
    """A notebook with the header, the parameters cell and the code cells given."""
    parameters = new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
    notebook = new_notebook(
        cells=[new_markdown_cell(HEADER), parameters, *(new_code_cell(cell.format(name=name)) for cell in cells)],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
            "rev2net": {"budget_minutes": {"smoke": minutes}},
        },
    )
    path = folder / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return path
