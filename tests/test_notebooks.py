"""Every notebook of the series: how it is committed, and that it runs at the profile `smoke`."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest
from page_checks import faults

from rev2net_lite.bundled import glossary_file, notebooks_folder
from rev2net_lite.execution import budget_minutes, execute_notebook, notebook_parameters, read_notebook
from rev2net_lite.glossary import Glossary
from rev2net_lite.pages import Site, header_field, notebook_page, notebook_title
from rev2net_lite.parameters import assigned_names
from rev2net_lite.profiles import get_profile
from rev2net_lite.runs import read_record

SERIES = sorted(notebooks_folder().glob("[0-9][0-9]_*.ipynb"))
each = pytest.mark.parametrize("path", SERIES, ids=lambda path: path.stem)


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def open_run_calls(notebook: nbformat.NotebookNode) -> list[ast.Call]:
    calls = []
    for cell in code_cells(notebook):
        source = "\n".join(line for line in cell.source.splitlines() if not line.lstrip().startswith(("%", "!")))
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open_run":
                calls.append(node)
    return calls


@each
def test_committed_without_outputs_and_with_a_kernelspec_and_cell_ids(path: Path) -> None:
    notebook = read_notebook(path)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) >= (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    assert {"papermill", "widgets"}.isdisjoint(notebook.metadata)
    for cell in code_cells(notebook):
        assert cell.outputs == [] and cell.execution_count is None
        assert "papermill" not in cell.metadata
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)


@each
def test_the_first_cell_says_what_the_notebook_is_about(path: Path) -> None:
    notebook = read_notebook(path)
    assert notebook.cells[0].cell_type == "markdown"
    assert notebook.cells[0].source.startswith("# ")
    assert notebook_title(notebook)
    for name in ("Question", "Goals", "Prerequisites", "Measured minutes"):
        assert header_field(notebook, name), f"the first cell has no paragraph that begins with **{name}.**"


@each
def test_one_parameters_cell_of_literals_is_passed_to_open_run_whole(path: Path) -> None:
    notebook = read_notebook(path)
    tagged = [cell for cell in code_cells(notebook) if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    declared = notebook_parameters(notebook)
    assert {"profile", "seed", "output"} <= set(declared)
    assert all(isinstance(node, ast.Assign) for node in ast.parse(tagged[0].source).body)
    assert assigned_names(tagged[0].source) == list(declared)
    calls = open_run_calls(notebook)
    assert len(calls) == 1
    name, parameters = calls[0].args
    assert isinstance(name, ast.Constant) and name.value == path.stem
    assert isinstance(parameters, ast.Dict)
    assert {key.value: value.id for key, value in zip(parameters.keys, parameters.values, strict=True)} == {
        name: name for name in declared
    }


@each
def test_a_budget_stands_for_the_profiles_that_run_the_series(path: Path) -> None:
    notebook = read_notebook(path)
    for profile in ("smoke", "laptop", "gpu"):
        assert budget_minutes(notebook, profile=profile, name=path.stem) > 0


@each
@pytest.mark.notebook
def test_it_runs_at_the_profile_smoke_and_leaves_its_record(path: Path, tmp_path: Path) -> None:
    limit_s = 3 * 60 * budget_minutes(read_notebook(path), profile="smoke", name=path.stem)
    execute_notebook(
        path,
        tmp_path / path.name,
        parameters={"profile": "smoke", "seed": 1, "output": str(tmp_path / "run")},
        cell_timeout_s=limit_s,
        total_timeout_s=limit_s,
        threads=get_profile("smoke").threads,
    )
    record = read_record(tmp_path / "run" / "results.json")
    assert (record.notebook, record.profile, record.seed) == (path.stem, "smoke", 1)
    assert record.metrics
    site = Site("smoke", {each.stem: each.stem for each in SERIES}, Glossary(glossary_file().read_text("utf-8")))
    executed = read_notebook(tmp_path / path.name)
    assert faults(notebook_page(executed, name=path.stem, site=site, folder=path.parent, error=None)) == []
