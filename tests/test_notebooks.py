"""Every notebook of the series: how it is committed, and that it runs at the profile `smoke`."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from exercise_cells import exercises_of, solved, verdicts
from offline import offline
from page_checks import faults
from series_claims import assert_results

from rev2net_lite.bundled import glossary_file, notebooks_folder
from rev2net_lite.execution import budget_minutes, execute_notebook, notebook_parameters, read_notebook
from rev2net_lite.glossary import Glossary
from rev2net_lite.pages import Site, header_field, notebook_page, notebook_title
from rev2net_lite.parameters import assigned_names
from rev2net_lite.profiles import get_profile
from rev2net_lite.runs import read_record

SERIES = sorted(notebooks_folder().glob("[0-9][0-9]_*.ipynb"))
each = pytest.mark.parametrize("path", SERIES, ids=lambda path: path.stem)


def exercise_keys(path: Path) -> list[str]:
    return [exercise.key for exercise in exercises_of(read_notebook(path))]


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


def quiz(notebook: nbformat.NotebookNode) -> dict[str, list[tuple[str, str]]]:
    """Questions of the part `## Quiz`, each with its choices and what is said to them."""
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    questions = re.split(r"^\*\*(\d\. .+?)\*\*$", text.split("\n## Quiz\n")[-1], flags=re.MULTILINE | re.DOTALL)
    form = re.compile(r"<details><summary>(.+?)</summary>\n\n(.+?)\n\n</details>", flags=re.DOTALL)
    return {question: form.findall(rest) for question, rest in zip(questions[1::2], questions[2::2], strict=True)}


@each
def test_every_choice_of_its_three_to_five_quiz_questions_has_an_explanation_of_its_own(path: Path) -> None:
    questions = quiz(read_notebook(path))
    assert 3 <= len(questions) <= 5
    for question, choices in questions.items():
        assert 3 <= len(choices) <= 4, question
        said = [explanation for _, explanation in choices]
        assert sum(text.startswith("Right: ") for text in said) == 1, question
        assert sum(text.startswith("Not so: ") for text in said) == len(said) - 1, question
        assert len(set(said)) == len({choice for choice, _ in choices}) == len(choices), question


@each
def test_predictions_are_asked_before_their_outcome_is_shown(path: Path) -> None:
    source = "\n".join(cell.source for cell in code_cells(read_notebook(path)))
    found = re.findall(r"widgets\.(predict_range|predict_choice|reveal)\(\s*\"([^\"]+)\"", source)
    asked = [key for what, key in found if what != "reveal"]
    assert 2 <= len(asked) <= 4 and len(set(asked)) == len(asked)
    for key in asked:
        assert key.startswith(f"{path.stem[:2]}/")
        places = [what == "reveal" for what, name in found if name == key]
        assert places == [False, True], f"{key} should be asked once and then revealed once"


@each
def test_one_control_works_without_a_kernel_and_explorers_follow_their_figure(path: Path) -> None:
    cells = [cell.source for cell in code_cells(read_notebook(path))]
    assert sum(source.count("plots.scrubber(") for source in cells) == 1
    for at, source in enumerate(cells):
        if re.search(r"widgets\.\w+_explorer\(", source):
            assert any("widgets.render_" in before for before in cells[:at])


def test_the_series_is_whole() -> None:
    assert [path.stem[:2] for path in SERIES] == [f"{number:02d}" for number in range(11)]


def run_at_smoke(path: Path, folder: Path) -> nbformat.NotebookNode:
    """The executed copy of a notebook that ran without a network and left the record of its run."""
    limit_s = 3 * 60 * budget_minutes(read_notebook(path), profile="smoke", name=path.stem)
    (folder / "offline").mkdir()
    with offline(folder / "offline"):
        execute_notebook(
            path,
            folder / path.name,
            parameters={"profile": "smoke", "seed": 1, "output": str(folder / "run")},
            cell_timeout_s=limit_s,
            total_timeout_s=limit_s,
            threads=get_profile("smoke").threads,
        )
    record = read_record(folder / "run" / "results.json")
    assert (record.notebook, record.profile, record.seed) == (path.stem, "smoke", 1)
    assert record.metrics
    assert_results(record)
    return read_notebook(folder / path.name)


@each
@pytest.mark.notebook
def test_it_runs_at_the_profile_smoke_and_leaves_its_record(path: Path, tmp_path: Path) -> None:
    executed = run_at_smoke(path, tmp_path)
    assert verdicts(executed) == {key: f"{key}: not attempted.\n" for key in exercise_keys(path)}
    site = Site("smoke", {each.stem: each.stem for each in SERIES}, Glossary(glossary_file().read_text("utf-8")))
    assert faults(notebook_page(executed, name=path.stem, site=site, folder=path.parent, error=None)) == []


@pytest.mark.parametrize("path", [path for path in SERIES if exercise_keys(path)], ids=lambda path: path.stem)
@pytest.mark.notebook
def test_it_runs_with_all_exercises_solved_and_every_solution_is_right(path: Path, tmp_path: Path) -> None:
    filled = tmp_path / "solved" / path.name
    filled.parent.mkdir()
    nbformat.write(solved(read_notebook(path)), filled)
    executed = run_at_smoke(filled, tmp_path)
    assert verdicts(executed) == {key: f"{key}: right.\n" for key in exercise_keys(path)}


def test_without_a_network_an_attempt_is_refused_and_seen(tmp_path: Path) -> None:
    far = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"
    near = "import socket; s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname())"
    with (
        pytest.raises(AssertionError, match=r"something asked for the network: socket.\w+ 192.0.2.1"),
        offline(tmp_path),
    ):
        done = subprocess.run([sys.executable, "-c", far], capture_output=True, text=True, check=False)
        assert "OSError: there is no network here" in done.stderr
    (tmp_path / "attempts.txt").unlink()
    with offline(tmp_path):
        subprocess.run([sys.executable, "-c", near], check=True)
