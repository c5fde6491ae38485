"""How a study's runs go on after a failure, and the records that are published."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from study_samples import pairs, record, write_record

from rev2net_lite import study_runs
from rev2net_lite.execution import NotebookError
from rev2net_lite.files import hold_folder
from rev2net_lite.profiles import get_profile
from rev2net_lite.runs import RecordError
from rev2net_lite.study import findings, study_records
from rev2net_lite.study_runs import publish, run_study

SMOKE = get_profile("smoke")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Seeds that were run; seed 2 fails, each other one leaves its record."""
    ran: list[int] = []

    def execute(notebook: Path, output: Path, *, parameters: dict[str, object], **_: object) -> float:
        seed = parameters["seed"]
        assert isinstance(seed, int)
        ran.append(seed)
        if seed == 2:
            raise NotebookError(notebook.stem, "ValueError in cell [3]: no", output)
        made = record(seed, {"accuracy/rgb/street": 0.25, "accuracy/rev2net/street": 0.5})
        made = replace(made, parameters=dict(parameters))
        write_record(Path(str(parameters["output"])) / "results.json", made)
        return 60.0

    monkeypatch.setattr(study_runs, "execute_notebook", execute)
    return ran


def test_a_failed_seed_is_reported_with_its_notebook_and_stops_no_other(calls: list[int], tmp_path: Path) -> None:
    lines: list[str] = []
    failed = run_study(SMOKE, seeds=[1, 2, 3], folder=tmp_path, jobs=1, report=lines.append)
    assert sorted(calls) == [1, 2, 3]
    assert list(failed) == [2] and str(tmp_path / "seed_2" / "09_cross_dataset.ipynb") in failed[2]
    assert any("seed 2" in line and "ValueError in cell [3]: no" in line for line in lines)
    content = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert [run["seed"] for run in content["runs"]] == [1, 3]
    assert {each["id"]: each["n"] for each in content["findings"]}["B1"] == 2


def test_two_studies_do_not_write_to_one_folder(calls: list[int], tmp_path: Path) -> None:
    lock = hold_folder(tmp_path)
    with pytest.raises(ValueError, match=r"another run is writing to .*; wait for it"):
        run_study(SMOKE, seeds=[1], folder=tmp_path, jobs=1)
    assert not calls
    lock.release()
    run_study(SMOKE, seeds=[1], folder=tmp_path, jobs=1)
    hold_folder(tmp_path).release()


@pytest.mark.usefixtures("calls")
def test_the_findings_go_where_they_are_asked_for(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    run_study(SMOKE, seeds=[1], folder=tmp_path / "smoke", jobs=1, results=results, report=lambda _: None)
    assert [run["seed"] for run in json.loads(results.read_text(encoding="utf-8"))["runs"]] == [1]
    assert not (tmp_path / "smoke" / "results.json").exists()


def test_a_stop_ends_the_running_kernel_and_starts_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[int] = []

    def execute(notebook: Path, output: Path, *, parameters: dict[str, int], groups: set[int], **_: object) -> float:
        ran.append(parameters["seed"])
        if parameters["seed"] == 1:
            return 1.0
        # Stands for a kernel: a process in a group of its own.
        kernel = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
        groups.add(kernel.pid)
        kernel.wait()
        groups.discard(kernel.pid)
        raise NotebookError(notebook.stem, "its kernel died", output)

    def stop(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(study_runs, "execute_notebook", execute)
    with pytest.raises(KeyboardInterrupt):
        run_study(SMOKE, seeds=[1, 2, 3, 4], folder=tmp_path, jobs=1, report=stop)
    assert ran in ([1], [1, 2])
    assert not (tmp_path / "results.json").exists()


def test_finished_seeds_are_not_run_again_and_others_are(calls: list[int], tmp_path: Path) -> None:
    run_study(SMOKE, seeds=[1, 3], folder=tmp_path, jobs=1, report=lambda _: None)
    del calls[:]
    run_study(SMOKE, seeds=[1, 3, 4], folder=tmp_path, jobs=1, report=lambda _: None)
    assert calls == [4]
    del calls[:]
    # Of other settings, of other systems, or broken: it is not the run that was asked for.
    run_study(replace(SMOKE, epochs=3), seeds=[1], folder=tmp_path, jobs=1, report=lambda _: None)
    run_study(SMOKE, seeds=[3], folder=tmp_path, jobs=1, systems="rgb", report=lambda _: None)
    (tmp_path / "seed_4" / "results.json").write_text("{", encoding="utf-8")
    run_study(SMOKE, seeds=[4], folder=tmp_path, jobs=1, report=lambda _: None)
    run_study(SMOKE, seeds=[4], folder=tmp_path, jobs=1, test_seed=1, report=lambda _: None)
    assert calls == [1, 3, 4, 4]


def test_a_record_from_before_test_seeds_is_of_the_first(calls: list[int], tmp_path: Path) -> None:
    path = write_record(tmp_path / "seed_1" / "results.json", record(1, {}))
    run_study(SMOKE, seeds=[1], folder=tmp_path, jobs=1, systems="rgb,rev2net", report=lambda _: None)
    assert calls == []
    write_record(path, replace(record(1, {}), parameters={"test_seed": "a"}))
    with pytest.raises(RecordError, match="test_seed of the record of seed 1 is 'a'; expected a whole number"):
        study_records([tmp_path])


# Publishing


def test_published_records_say_the_same_and_no_path(tmp_path: Path) -> None:
    for each in pairs([0.5, 0.6], [0.4, 0.4]):
        write_record(tmp_path / "runs" / f"seed_{each.seed}" / "results.json", each)
    written = publish(tmp_path / "runs", into=tmp_path / "study")
    assert [path.name for path in written] == ["smoke-seed_100.json", "smoke-seed_101.json"]
    assert all("/home/me" not in path.read_text(encoding="utf-8") for path in written)
    assert findings(study_records([tmp_path / "study"])) == findings(study_records([tmp_path / "runs"]))
