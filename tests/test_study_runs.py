"""How a study's runs go on after a failure, and the records that are published."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from study_samples import pairs, record, write_record

from rev2net_lite import study_runs
from rev2net_lite.execution import NotebookError
from rev2net_lite.files import hold_folder
from rev2net_lite.profiles import get_profile
from rev2net_lite.runs import RecordError, read_record
from rev2net_lite.study import STUDY_SYSTEMS, findings, study_records, study_systems
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


# Running on workers


TRAINING = (
    """
from pathlib import Path
from rev2net_lite.datasets import synthetic_world
from rev2net_lite.evaluation import evaluate
from rev2net_lite.models import build_model
from rev2net_lite.runs import open_run
from rev2net_lite.training import TrainConfig, fit
given = {"profile": profile, "seed": seed, "output": output, "systems": systems, "test_seed": test_seed}
given |= {"kind": kind, "shifts": shifts}
run = open_run("09_cross_dataset", given)
""",
    """
assert seed != 2, "seed 2 fails"
world = synthetic_world(
    Path(output).parents[1] / "data", seed=seed, train_per_class=4, validation_per_class=1, test_per_class=2, frames=8,
    size=32, rendered_size=32, flow="exact",
)
model = build_model("rgb", classes=world.train.classes, seed=seed)
fit(model, world.train, config=TrainConfig(epochs=12, batch_size=8, seed=seed), folder=run.output / "rgb_training")
found = evaluate(model, world.street)
run.record("accuracy/rgb/street", found.accuracy.value, unit="fraction", n=found.accuracy.n)
run.record("logits", found.logits.double().abs().sum().item(), unit="", n=found.accuracy.n)
run.finish()
""",
)


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of notebook 09, one that trains one system for some seconds; seed 2 fails."""
    parameters: dict[str, object] = {"profile": "smoke", "seed": 0, "output": "", "systems": "", "test_seed": 0}
    parameters |= {"kind": "sprites", "shifts": ""}
    cells = [
        new_code_cell(
            "\n".join(f"{name} = {value!r}" for name, value in parameters.items()), metadata={"tags": ["parameters"]}
        )
    ]
    made = new_notebook(
        cells=cells + [new_code_cell(cell) for cell in TRAINING],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "rev2net": {"budget_minutes": {"smoke": 2}},
        },
    )
    nbformat.write(made, tmp_path / "09_cross_dataset.ipynb")
    monkeypatch.setattr(study_runs, "notebooks_folder", lambda: tmp_path)


def process_of(folder: Path) -> psutil.Process | None:
    """The worker whose kernel holds the folder of a run."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if any(each.path == str(folder / ".run.lock") for each in process.open_files()):
                return process.parent()
    return None


def kill_a_worker_that_trains(study: Path, killed: list[Path]) -> None:
    """Waits until a run has kept its first epochs, then kills its worker; `killed` gets the folder of that run."""
    while not killed:
        for state in study.glob("seed_*/*_training/training.json"):
            own = state.parent.parent
            worker = None if (own / "results.json").exists() else process_of(own)
            if worker is not None:
                worker.kill()
                killed.append(own)
                return
        time.sleep(0.1)


def measured(study: Path) -> dict[int, dict[str, float]]:
    """What the records of a study say, without times; each seed has one."""
    found = [read_record(path) for path in study.glob("seed_*/**/results.json")]
    assert len({record.seed for record in found}) == len(found)
    return {
        record.seed: {metric.name: metric.value for metric in record.metrics if metric.unit != "s"} for record in found
    }


@pytest.mark.notebook
@pytest.mark.parametrize("form", ["short", pytest.param("long", marks=pytest.mark.long)])
def test_a_worker_killed_midway_loses_nothing_and_doubles_nothing(
    form: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if form == "short":
        request.getfixturevalue("trained")
    seeds = [1, 2, 3]
    options: dict[str, Any] = {"systems": "rgb,flow", "report": lambda _: None}
    undisturbed = run_study(SMOKE, seeds=seeds, folder=tmp_path / "undisturbed", jobs=2, **options)
    killed: list[Path] = []
    killer = threading.Thread(target=kill_a_worker_that_trains, args=(tmp_path / "disturbed", killed))
    killer.start()
    failed = run_study(SMOKE, seeds=seeds, folder=tmp_path / "disturbed", jobs=2, scheduler="local", **options)
    killer.join()
    assert len(killed) == 1 and (killed[0] / "results.json").is_file()
    assert list(failed) == list(undisturbed) == ([2] if form == "short" else [])
    if failed:
        assert "AssertionError in cell [4]: seed 2 fails; its executed copy is" in failed[2]
    found = measured(tmp_path / "disturbed")
    assert found == measured(tmp_path / "undisturbed") and sorted(found) == [
        seed for seed in seeds if seed not in failed
    ]
    runs = json.loads((tmp_path / "disturbed" / "results.json").read_text(encoding="utf-8"))["runs"]
    assert [run["seed"] for run in runs] == sorted(found)
    assert not list((tmp_path / "disturbed").glob(".source-*"))


@pytest.mark.notebook
@pytest.mark.usefixtures("trained")
def test_a_stop_ends_the_runs_on_the_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study_runs, "_PATIENCE_S", 0.0)

    class Stop(threading.Thread):
        def run(self) -> None:
            while (worker := process_of(tmp_path / "study" / "seed_1")) is None:
                time.sleep(0.02)
            self.kernels = worker.children(recursive=True)
            signal.raise_signal(signal.SIGINT)

    stop = Stop()
    # A shell that started the tests in the background lets them ignore Ctrl-C.
    interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        stop.start()
        with pytest.raises(KeyboardInterrupt):
            run_study(SMOKE, seeds=[1], folder=tmp_path / "study", jobs=1, scheduler="local", report=lambda _: None)
        stop.join()
    finally:
        signal.signal(signal.SIGINT, interrupt)
    assert stop.kernels and not any(kernel.is_running() for kernel in stop.kernels)
    assert not list((tmp_path / "study").rglob("results.json"))
    hold_folder(tmp_path / "study" / "seed_1", lock=".seed.lock").release()


def test_a_worker_that_does_not_see_the_folder_is_named(calls: list[int], tmp_path: Path) -> None:
    plan = study_runs._Plan(tmp_path / "gone" / "a.ipynb", tmp_path / "seed_1", 1, {}, SMOKE, 1.0)
    with pytest.raises(ValueError, match=r"is not the same folder on the worker at .*file system that all workers"):
        study_runs._run_on_worker(plan)
    assert not calls


def test_a_seed_that_another_worker_still_runs_is_waited_for_or_left(
    calls: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, leave = threading.Event(), threading.Event()

    def other() -> None:
        lock = hold_folder(tmp_path / "seed_1", lock=".seed.lock")
        held.set()
        leave.wait()
        lock.release()

    thread = threading.Thread(target=other)
    thread.start()
    held.wait()
    monkeypatch.setattr(study_runs, "_PATIENCE_S", 0.1)
    failed = run_study(SMOKE, seeds=[1], folder=tmp_path, jobs=1, report=lambda _: None)
    assert "another run is writing to" in failed[1]
    write_record(tmp_path / "seed_1" / "results.json", record(1, {}))
    monkeypatch.setattr(study_runs, "_PATIENCE_S", 20.0)
    threading.Timer(0.2, leave.set).start()
    lines: list[str] = []
    run_study(SMOKE, seeds=[1], folder=tmp_path, jobs=1, systems="rgb,rev2net", report=lines.append)
    thread.join()
    assert lines == ["seed 1: finished before"] and not calls, "what the other left is not made again"


def test_notebooks_of_a_study_that_was_killed_are_removed(calls: list[int], tmp_path: Path) -> None:
    (tmp_path / ".source-0123").mkdir()
    run_study(SMOKE, seeds=[1], folder=tmp_path, jobs=1, report=lambda _: None)
    assert calls == [1] and not list(tmp_path.glob(".source-*"))


# Publishing


def test_published_records_say_the_same_and_no_path(tmp_path: Path) -> None:
    for each in pairs([0.5, 0.6], [0.4, 0.4]):
        write_record(tmp_path / "runs" / f"seed_{each.seed}" / "results.json", each)
    written = publish(tmp_path / "runs", into=tmp_path / "study")
    assert [path.name for path in written] == ["smoke-seed_100.json", "smoke-seed_101.json"]
    assert all("/home/me" not in path.read_text(encoding="utf-8") for path in written)
    assert findings(study_records([tmp_path / "study"])) == findings(study_records([tmp_path / "runs"]))
    # Records of other test clips and worlds lie beside them under other names.
    other = replace(pairs([0.5], [0.4])[0], parameters={"test_seed": 1, "kind": "figures pan=0.12"})
    write_record(tmp_path / "other" / "seed_100" / "results.json", other)
    [path] = publish(tmp_path / "other", into=tmp_path / "study")
    assert path.name == "smoke-tests_1-figures_pan_0_12-seed_100.json"
    assert len(study_records([tmp_path / "study"])) == 3


def test_a_run_trains_what_its_profile_has_time_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[dict[str, object]] = []

    def execute(*_: object, parameters: dict[str, object], **__: object) -> float:
        asked.append(parameters)
        return 1.0

    monkeypatch.setattr(study_runs, "execute_notebook", execute)
    for name in ("smoke", "study"):
        run_study(get_profile(name), seeds=[3], folder=tmp_path / name, jobs=1, kind="figures", report=lambda _: None)
    smoke, full = asked
    assert smoke["systems"] == ",".join(study_systems(get_profile("smoke"))) and smoke["shifts"] == ""
    assert full["systems"] == ",".join(STUDY_SYSTEMS) and full["shifts"] == "all"
    assert smoke["kind"] == full["kind"] == "figures"
