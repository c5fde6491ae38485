from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import papermill
import pytest
import torch
from papermill.exceptions import PapermillExecutionError
from tiny_notebooks import OPEN, PARAMETERS, write_notebook

from rev2net_lite import runs
from rev2net_lite.runs import (
    RECORD_MIME,
    Metric,
    RecordError,
    collate,
    hold_folder,
    open_run,
    read_record,
)

TOP = Path(__file__).resolve().parent.parent


def settings(output: Path | str, **others: object) -> dict[str, object]:
    return {"profile": "smoke", "seed": 3, "output": str(output)} | others


@pytest.fixture(autouse=True)
def runs_end_with_the_test():
    yield
    for run in list(runs._RUNS.values()):
        run.close()


@pytest.fixture
def record_file(tmp_path: Path) -> Path:
    run = open_run("01_x", settings(tmp_path / "run", world="street"))
    run.record("accuracy", 47.5, unit="%", n=320, low=41.0, high=54.0)
    run.record("EPE", np.float32(0.25), unit="px", n=8)
    run.finish()
    return tmp_path / "run" / "results.json"


# Metric


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": ""}, "the name of a metric is 0 characters long; it should be text of 1 to 2000"),
        ({"name": 3}, "the name of a metric is a int"),
        ({"unit": None}, "the unit of metric 'a' is a NoneType"),
        ({"value": float("nan")}, "value of metric 'a' is nan; it should be finite"),
        ({"value": float("inf")}, "value of metric 'a' is inf; it should be finite"),
        ({"value": "1"}, "value of metric 'a' is '1'; it should be a number$"),
        ({"value": True}, "value of metric 'a' is True; it should be a number$"),
        ({"low": 0.0}, "high of metric 'a' is None; it should be a number; give both ends of an interval or neither"),
        ({"low": 2.0, "high": 3.0}, "metric 'a' is 1, outside its own interval 2 to 3"),
        ({"n": 0}, "n of metric 'a' is 0; it should be a whole number of at least 1"),
        ({"n": 1.5}, "n of metric 'a' is 1.5"),
        ({"n": True}, "n of metric 'a' is True"),
    ],
)
def test_a_wrong_metric_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Metric(**({"name": "a", "value": 1.0, "unit": "%", "n": 1} | changes))


# open_run


def test_open_run_resolves_profile_device_folder_threads_and_seed(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    run = open_run("01_x", settings(tmp_path / "a" / "b"))
    try:
        assert run.profile.name == "smoke"
        assert run.seed == 3
        assert run.device.type == ("cuda" if torch.cuda.is_available() else "cpu")
        assert run.output == tmp_path / "a" / "b" and run.output.is_dir()
        assert torch.get_num_threads() == run.profile.threads
        drawn = torch.rand(3)
        assert torch.equal(drawn, torch.rand(3, generator=torch.Generator().manual_seed(3)))
    finally:
        torch.set_num_threads(before)


def test_an_empty_output_is_a_fresh_folder_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "build_folder", lambda: tmp_path / "build")
    first, second = (open_run("01_x", settings("")) for _ in range(2))
    assert first.output != second.output
    assert first.output.parent == second.output.parent == tmp_path / "build" / "runs"
    assert first.output.name.startswith("01_x-")
    assert first.parameters["output"] == str(first.output)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"profile": "lap"}, "there is no profile 'lap'; choose one of smoke"),
        ({"profile": 3}, "parameter 'profile' of notebook 01_x is 3 of type int"),
        ({"seed": "3"}, "parameter 'seed' of notebook 01_x is '3' of type str; it should be of type int"),
        ({"seed": True}, "parameter 'seed' of notebook 01_x is True of type bool"),
        ({"seed": -1}, r"parameter 'seed' of notebook 01_x is -1; it should be from 0 to 2\*\*32 - 1"),
        ({"seed": 2**32}, "it should be from 0"),
        ({"output": 5}, "passed as -r output 5"),
        ({"rate": float("inf")}, "parameter 'rate' of notebook 01_x is inf; it should be finite"),
        ({"rate": {"a": 1}}, "parameter 'rate' of notebook 01_x holds a dict; it should be text, a number"),
    ],
)
def test_wrong_parameters_are_refused(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        open_run("01_x", settings(tmp_path) | changes)


def test_a_notebook_that_forgets_a_parameter_is_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="open_run of notebook 01_x got no seed, output; pass every declared"):
        open_run("01_x", {"profile": "smoke"})
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"output folder .*file cannot be made: File exists; choose another output"):
        open_run("01_x", settings(tmp_path / "file"))


@pytest.mark.parametrize(
    ("injected", "message"),
    [
        ("# Parameters\nseeed = 3\n", "notebook 01_x has no parameter 'seeed'; its parameters are profile, seed, outp"),
        ("# Parameters\nrate = 'x'\n", "parameter 'rate' of notebook 01_x is 'x' of type str; .* like its default 0.5"),
        ("# Parameters\nrate = float('nan')\n", "parameter 'rate' of notebook 01_x is nan of type float"),
        ("# Parameters\nseed = 1\nrate = 1\nPAPERMILL_INPUT_PATH = 'a'\n", None),
        ("# Parameters of the optimiser\nmomentum = compute()\n", None),
        ("seeed = 3", None),
    ],
)
def test_what_papermill_injected_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, injected: str, message: str | None
) -> None:
    shell = SimpleNamespace(user_ns={"In": ["", "import torch", PARAMETERS, injected]})
    monkeypatch.setattr(runs, "get_ipython", lambda: shell)
    rate = float("nan") if "nan" in injected else 0.5
    given = settings(tmp_path, rate=rate, note=None)
    if message is None:
        open_run("01_x", given)
    else:
        with pytest.raises(ValueError, match=message):
            open_run("01_x", given)


@pytest.mark.notebook
def test_plain_papermill_cannot_pass_an_unknown_name(tmp_path: Path) -> None:
    path = write_notebook(tmp_path, "01_x", OPEN)
    with pytest.raises(PapermillExecutionError, match="notebook 01_x has no parameter 'seeed'"):
        papermill.execute_notebook(
            str(path),
            str(tmp_path / "out.ipynb"),
            parameters={"seeed": 3, "output": str(tmp_path / "run")},
            kernel_name="python3",
            progress_bar=False,
        )
    assert not (tmp_path / "run").exists()


def test_two_processes_cannot_write_to_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "_PATIENCE_S", 0.05)
    code = """
import sys, filelock
lock = filelock.FileLock(sys.argv[1])
lock.acquire()
print("held", flush=True)
sys.stdin.read()
"""
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / ".run.lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == b"held\n"
        message = r"another run is writing to .*; wait for it, stop it, or give this one another output folder"
        with pytest.raises(ValueError, match=message):
            open_run("01_x", settings(tmp_path))
        other.kill()
        other.wait()
    # However the other process ended, the folder is free again.
    open_run("01_x", settings(tmp_path))


def test_the_cell_run_again_replaces_the_run_of_this_kernel(tmp_path: Path) -> None:
    first = open_run("01_x", settings(tmp_path))
    second = open_run("01_x", settings(tmp_path))
    with pytest.raises(ValueError, match=r"the run in .* is closed; call open_run again"):
        first.record("a", 1, unit="", n=1)
    second.record("a", 1, unit="", n=1)
    second.finish()
    hold_folder(tmp_path).release()


def test_an_earlier_record_does_not_pass_for_that_of_a_failed_run(record_file: Path) -> None:
    earlier = record_file.read_text()
    open_run("01_x", settings(record_file.parent)).close()
    assert not record_file.exists()
    assert record_file.with_name("results.previous.json").read_text() == earlier


# Run


def test_a_metric_stands_once_and_a_finished_run_is_closed(tmp_path: Path) -> None:
    run = open_run("01_x", settings(tmp_path))
    run.record("a", 1, unit="%", n=1)
    with pytest.raises(ValueError, match="metric 'a' was recorded already as 1; use another name"):
        run.record("a", 2, unit="%", n=1)
    with pytest.raises(ValueError, match="value of metric 'b' is nan"):
        run.record("b", np.float64("nan"), unit="%", n=1)
    run.finish()
    with pytest.raises(ValueError, match="is closed"):
        run.finish()


def test_a_run_tells_its_reader_what_it_uses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = str(open_run("01_x", settings(tmp_path)))
    assert text.startswith("01_x: profile smoke, seed 3, ")
    assert text.endswith(f"1 processor thread(s), files in {tmp_path}")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    assert "none was found: expect hours" in str(open_run("01_x", settings(tmp_path, profile="gpu")))


def test_finish_displays_what_it_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[dict[str, object]] = []
    monkeypatch.setattr(runs, "get_ipython", lambda: SimpleNamespace(user_ns={}))
    monkeypatch.setattr(runs, "display", lambda data, *, raw: shown.append(data) if raw else None)
    run = open_run("01_x", settings(tmp_path))
    run.record("<accuracy>", 47.5, unit="%", n=320, low=41.0, high=54.0)
    run.finish()
    assert shown[0][RECORD_MIME] == json.loads((tmp_path / "results.json").read_text())
    assert "<accuracy>  47.5 %  41 to 54       320" in str(shown[0]["text/plain"])
    assert "<td>&lt;accuracy&gt;</td><td>47.5 %</td><td>41 to 54</td><td>320</td>" in str(shown[0]["text/html"])


# read_record


def test_a_record_comes_back_as_it_was_written(record_file: Path) -> None:
    record = read_record(record_file)
    assert record.schema == 1
    assert (record.notebook, record.profile, record.seed) == ("01_x", "smoke", 3)
    assert record.parameters == settings(record_file.parent, world="street")
    assert record.settings["epochs"] == 2 and "name" not in record.settings
    assert record.metrics == (
        Metric("accuracy", 47.5, "%", 320, 41.0, 54.0),
        Metric("EPE", 0.25, "px", 8),
    )
    assert record.threads == 1
    assert record.versions["torch"] == torch.__version__
    assert record.source == runs._source_hash(runs._kit_hash(), []) and len(record.source) == 71
    assert 0 <= record.seconds < 60
    assert record.started.endswith("+00:00")


def test_the_revision_is_that_of_the_checkout_or_none(
    record_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=TOP, capture_output=True, text=True, check=False)
    assert read_record(record_file).revision == (head.stdout.strip() or None)
    monkeypatch.setattr(runs, "checkout_folder", lambda: None)
    assert runs._git_revision() is None
    monkeypatch.setattr(runs, "checkout_folder", lambda: tmp_path)
    assert runs._git_revision() is None
    (tmp_path / ".git").touch()
    assert runs._git_revision() is None


@pytest.mark.parametrize(
    "name", ["kit/a.py", "kit/plots/b.py", "assets/model/model.json"], ids=["module", "subpackage", "asset"]
)
def test_the_source_hash_follows_the_kit(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in ("kit/a.py", "kit/plots/b.py", "assets/model/model.json", "kit/plots/__pycache__/b.cpython-311.pyc"):
        (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / each).write_text("1")
    monkeypatch.setattr(runs, "__file__", str(tmp_path / "kit" / "runs.py"))
    monkeypatch.setattr(runs, "asset", lambda _: tmp_path / "assets")
    run = open_run("01_x", settings(tmp_path / "run"))
    first = runs._kit_hash()
    (tmp_path / "kit/plots/__pycache__/b.cpython-311.pyc").write_text("2")
    assert runs._kit_hash() == first
    path = tmp_path / name
    path.write_text("2")
    changed = runs._kit_hash()
    path.rename(path.with_name(f"other{path.suffix}"))
    assert len({first, changed, runs._kit_hash()}) == 3
    # The run began before.
    run.finish()
    assert read_record(tmp_path / "run" / "results.json").source == runs._source_hash(first, [])


def test_an_installed_wheel_has_the_source_hash_of_its_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = []
    for assets in ("assets", "kit/assets"):
        top = tmp_path / assets.replace("/", "-")
        for each in ("kit/runs.py", f"{assets}/model/model.json"):
            (top / each).parent.mkdir(parents=True, exist_ok=True)
            (top / each).write_text("1")
        monkeypatch.setattr(runs, "__file__", str(top / "kit" / "runs.py"))
        monkeypatch.setattr(runs, "asset", lambda _, folder=top / assets: folder)
        hashes.append(runs._kit_hash())
    assert hashes[0] == hashes[1]


def test_the_source_hash_follows_the_notebooks_cells_and_not_its_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    def of(*cells: str) -> str:
        monkeypatch.setattr(runs, "get_ipython", lambda: SimpleNamespace(user_ns={"In": ["", *cells]}))
        return runs._source_hash("kit", runs._cells_that_ran(settings("out")))

    parameters = 'profile = "smoke"\nseed = 0\noutput = ""'
    first = of("import torch", parameters, "x = 1")
    assert first == of("import torch", parameters.replace("0", "7"), "# Parameters\nseed = 8", "x = 1")
    assert len({first, of("import torch", parameters, "x = 2"), of("x = 1", parameters, "import torch")}) == 3
    monkeypatch.setattr(runs, "get_ipython", lambda: None)
    assert runs._cells_that_ran(settings("out")) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": 2}, "the record has schema 2; this version reads schema 1"),
        ({"notebook": ""}, "notebook is 0 characters long; it should be text of 1 to 2000"),
        ({"device": "x" * 3000}, "device is 3000 characters long"),
        ({"revision": 3}, "revision is a int"),
        ({"seed": -1}, "seed is -1; it should be a whole number of at least 0"),
        ({"threads": 0}, "threads is 0; it should be a whole number of at least 1"),
        ({"seconds": "3"}, "seconds is '3'; it should be a number from 0"),
        ({"seconds": float("inf")}, "it holds Infinity, which is not a finite number"),
        ({"parameters": [1]}, "parameters should be an object of at most 200 entries"),
        ({"versions": {"a": {"b": 1}}}, "versions.a holds a dict"),
        ({"settings": {str(i): i for i in range(201)}}, "settings should be an object of at most 200 entries"),
        ({"parameters": {"": 1}}, "a name in parameters is 0 characters long"),
        ({"metrics": {}}, "metrics is a dict; expected a list"),
        ({"metrics": [3]}, "metrics holds a int; expected objects"),
        ({"metrics": [{}]}, "a metric has no high, low, n, name, unit, value"),
        ({"extra": 1}, "the record has unknown extra"),
    ],
)
def test_a_wrong_field_is_named(record_file: Path, change: dict[str, object], message: str) -> None:
    content = json.loads(record_file.read_text())
    record_file.write_text(json.dumps(content | change))
    with pytest.raises(RecordError, match=f"^record .*results.json is not valid: .*{message}"):
        read_record(record_file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value"),
        ("[1]", "it holds a list; expected an object"),
        ("{}", "the record has no device, metrics"),
        ("[" * 100_000, "it is nested too deeply"),
        ("\xff", "codec can't decode"),
    ],
)
def test_a_file_that_is_no_record_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(RecordError, match=f"is not valid: .*{message}"):
        read_record(path)


def test_numbers_too_large_and_metrics_twice_are_refused(record_file: Path) -> None:
    text = record_file.read_text()
    for number in ("1e999", "1" + "0" * 400):
        record_file.write_text(text.replace("47.5", number))
        with pytest.raises(RecordError, match=r"is not valid: .*(finite|too large)"):
            read_record(record_file)
    record_file.write_text(text.replace('"EPE"', '"accuracy"'))
    with pytest.raises(RecordError, match="metric 'accuracy' stands twice"):
        read_record(record_file)
    metrics = [{"name": str(i), "value": 1, "unit": "", "n": 1, "low": None, "high": None} for i in range(1001)]
    record_file.write_text(json.dumps(json.loads(text) | {"metrics": metrics}))
    with pytest.raises(RecordError, match="the record has 1001 metrics; at most 1000 are read"):
        read_record(record_file)


def test_a_missing_or_huge_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="cannot be read: No such file"):
        read_record(tmp_path / "results.json")
    with pytest.raises(RecordError, match="cannot be read: Is a directory"):
        read_record(tmp_path)
    (tmp_path / "results.json").write_text(" " * 1_000_001)
    with pytest.raises(RecordError, match="is larger than 1,000,000 bytes"):
        read_record(tmp_path / "results.json")


# collate


@pytest.mark.usefixtures("record_file")
def test_collate_gives_one_row_per_metric(tmp_path: Path) -> None:
    rows = collate(tmp_path)
    assert [row["name"] for row in rows] == ["accuracy", "EPE"]
    assert rows[0] | {"source": "", "device": ""} == {
        "notebook": "01_x",
        "profile": "smoke",
        "seed": 3,
        "parameters": {"world": "street"},
        "device": "",
        "source": "",
        "path": "run/results.json",
        "name": "accuracy",
        "value": 47.5,
        "unit": "%",
        "n": 320,
        "low": 41.0,
        "high": 54.0,
    }


def test_collate_stops_at_a_record_that_is_not_valid(record_file: Path, tmp_path: Path) -> None:
    record_file.write_text("{}")
    with pytest.raises(RecordError, match=r"run/results.json is not valid"):
        collate(tmp_path)
    with pytest.raises(ValueError, match=r"there is no folder .*nowhere"):
        collate(tmp_path / "nowhere")
