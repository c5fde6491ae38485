from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from rev2net_lite import cli, cluster, execution, experiment, minutes, study, study_runs
from rev2net_lite.cli import main, select_notebooks
from rev2net_lite.execution import Outcome


@pytest.fixture(autouse=True)
def series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A series of two notebooks, and a file beside it that is no part of it."""
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for name in ("00_start_here", "08_train", "scratch"):
        (folder / f"{name}.ipynb").touch()
    monkeypatch.setattr(cli, "notebooks_folder", lambda: folder)
    return folder


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """What `rev2net run` asks for, with the second notebook failing."""
    seen: list[dict[str, object]] = []

    def run_series(notebooks: Sequence[Path], **options: object) -> list[Outcome]:
        seen.append(options | {"notebooks": [path.stem for path in notebooks]})
        outcomes = [Outcome("00_start_here", Path("a.ipynb"), 66.0, None)]
        if len(notebooks) > 1:
            outcomes.append(Outcome("08_train", Path("b.ipynb"), 30.0, "ValueError in cell [3]: x"))
        for outcome in outcomes:
            options["report"](outcome)  # type: ignore[operator]
        return outcomes

    monkeypatch.setattr(execution, "run_series", run_series)
    return seen


def test_select_notebooks_by_number_and_by_name() -> None:
    def names(*chosen: str) -> list[str]:
        return [path.stem for path in select_notebooks(chosen)]

    assert names() == ["00_start_here", "08_train"]
    assert names("08") == names("08_train") == names("08_train.ipynb", "08") == ["08_train"]
    assert names("08", "00") == ["00_start_here", "08_train"]
    with pytest.raises(ValueError, match="no notebook '09' in the series; its notebooks are 00_start_here, 08_train"):
        names("09")


def test_run_passes_what_was_asked_for_and_says_where_the_site_is(
    calls: list[dict[str, object]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["run", "00", "--profile", "smoke", "--seed", "3", "--build", str(tmp_path / "b"), "--jobs", "2"]
    assert main(arguments) == 0
    call = calls[0]
    assert call["notebooks"] == ["00_start_here"]
    assert (call["profile"].name, call["seed"], call["jobs"]) == ("smoke", 3, 2)  # type: ignore[attr-defined]
    assert call["build"] == tmp_path / "b"
    out = capsys.readouterr().out
    assert "00_start_here: completed in 1.1 min" in out
    assert out.endswith(f"Index page: {tmp_path / 'b' / 'index.html'}\n")


def test_run_without_options_is_the_whole_series_at_the_laptop_profile(calls: list[dict[str, object]]) -> None:
    main(["run"])
    call = calls[0]
    assert call["notebooks"] == ["00_start_here", "08_train"]
    assert (call["profile"].name, call["seed"], call["jobs"]) == ("laptop", 0, None)  # type: ignore[attr-defined]
    assert call["build"] == cli.build_folder()


@pytest.mark.usefixtures("calls")
def test_a_failed_notebook_is_named_and_the_exit_code_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run"]) == 1
    out = capsys.readouterr().out
    assert "08_train: failed after 0.5 min: ValueError in cell [3]: x\n  its executed copy: b.ipynb\n" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--profile", "lap"], "rev2net: there is no profile 'lap'; choose one of smoke, laptop, gpu, study\n"),
        (
            ["run", "77"],
            "rev2net: there is no notebook '77' in the series; its notebooks are 00_start_here, 08_train\n",
        ),
        (["run", "--jobs", "0"], "rev2net: --jobs is 0; it should be at least 1\n"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_two(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert capsys.readouterr().err == message


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["run", "--seed", "x"]])
def test_what_the_parser_refuses_is_exit_code_two(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_with_a_word_and_the_usual_code(
    number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # A shell starts what runs in the background with Ctrl-C ignored.
    interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(cli, "select_notebooks", lambda _: os.kill(os.getpid(), number))
    try:
        assert main(["run"]) == 130
    finally:
        signal.signal(signal.SIGINT, interrupt)
    assert capsys.readouterr().err == "rev2net: stopped\n"
    assert signal.signal(signal.SIGTERM, before) == signal.SIG_DFL


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, object]]]:
    """Commands that were started; ruff fails."""
    started: list[tuple[list[str], dict[str, object]]] = []

    def run(command: list[str], **options: object) -> SimpleNamespace:
        started.append((command, options))
        return SimpleNamespace(returncode=int("ruff" in command))

    monkeypatch.setattr(subprocess, "run", run)
    return started


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose files would get other contents by `record-minutes`."""
    top = tmp_path / "checkout"
    top.mkdir()
    (top / "README.md").write_text("old")
    (top / "same.md").write_text("same")

    def with_minutes(record: str, *, top: Path) -> dict[Path, str]:
        return {top / "README.md": f"new: {record}", top / "same.md": "same", top / "series.json": "{}"}

    monkeypatch.setattr(cli, "checkout_folder", lambda: top)
    monkeypatch.setattr(cli, "build_folder", lambda: tmp_path / "build")
    monkeypatch.setattr(minutes, "read_series", lambda path: path.relative_to(tmp_path).as_posix())
    monkeypatch.setattr(minutes, "with_minutes", with_minutes)
    return top


def test_record_minutes_writes_what_changes_and_names_it(
    checkout: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["record-minutes"]) == 0
    assert (checkout / "README.md").read_text() == "new: build/laptop/series.json"
    assert capsys.readouterr().out == "Written: README.md\nWritten: series.json\n"
    assert main(["record-minutes", str(tmp_path / "build" / "laptop")]) == 0
    assert capsys.readouterr().out == ""


def test_record_minutes_needs_a_checkout(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(cli, "checkout_folder", lambda: None)
    assert main(["record-minutes"]) == 2
    assert "headers and README are part of a checkout" in capsys.readouterr().err


def test_test_runs_every_check_and_names_what_failed(
    commands: list[tuple[list[str], dict[str, object]]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["test"]) == 1
    assert [command[2] for command, _ in commands] == ["ruff", "ruff", "mypy", "pytest"]
    assert all(command[0] == sys.executable for command, _ in commands)
    assert {str(options["cwd"]) for _, options in commands} == {str(cli.checkout_folder())}
    pytest_command = commands[-1][0]
    assert int(pytest_command[pytest_command.index("--numprocesses") + 1]) in (1, 2)
    assert capsys.readouterr().err == "rev2net test: ruff check failed\nrev2net test: ruff format failed\n"


def test_the_long_tests_are_run_alone(commands: list[tuple[list[str], dict[str, object]]]) -> None:
    assert main(["test", "--long"]) == 0
    assert [command[2:] for command, _ in commands] == [["pytest", "--numprocesses", commands[0][0][4], "-m", "long"]]


def test_test_needs_a_checkout(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(cli, "checkout_folder", lambda: None)
    assert main(["test"]) == 2
    assert "the tests are part of a checkout" in capsys.readouterr().err


def test_lab_opens_the_first_notebook_with_the_kernel_of_this_environment(
    commands: list[tuple[list[str], dict[str, object]]], series: Path
) -> None:
    assert main(["lab"]) == 0
    command, options = commands[0]
    assert command[:3] == [sys.executable, "-m", "jupyterlab"]
    assert command[-1] == str(series / "00_start_here.ipynb")
    assert options["env"]["JUPYTER_PREFER_ENV_PATH"] == "1"  # type: ignore[index]


@pytest.fixture
def reproduced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, series: Path) -> dict[str, object]:
    """What `rev2net reproduce` asked for, in a checkout without records; seed 102 fails."""
    (series / "10_report.ipynb").touch()
    seen: dict[str, object] = {}

    def run_study(profile: object, **options: object) -> dict[int, str]:
        seen.update(options | {"profile": profile})
        seeds = options["seeds"]
        assert isinstance(seeds, range)
        return {102: "notebook failed"} if 102 in seeds else {}

    def run_series(notebooks: Sequence[Path], **options: object) -> list[Outcome]:
        seen["report"] = ([path.stem for path in notebooks], options["build"])
        return [Outcome("10_report", Path("a.ipynb"), 1.0, None)]

    monkeypatch.setattr(study_runs, "run_study", run_study)
    monkeypatch.setattr(execution, "run_series", run_series)
    monkeypatch.setattr(cli, "build_folder", lambda: tmp_path / "build")
    return seen


def test_reproduce_runs_seeds_never_looked_at_and_says_where_findings_and_report_are(
    reproduced: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build = tmp_path / "build" / "reproduce"
    assert main(["reproduce", "--profile", "smoke", "--seeds", "2"]) == 0
    assert (reproduced["seeds"], reproduced["folder"], reproduced["results"], reproduced["jobs"]) == (
        range(100, 102),
        build / "smoke",
        build / "results.json",
        2,
    )
    assert reproduced["report"] == (["10_report"], build / "report")
    said = capsys.readouterr().out
    assert f"Findings: {build / 'results.json'}" in said and f"Report: {build / 'report' / 'index.html'}" in said
    assert reproduced["test_seed"] == 0
    assert main(["reproduce", "--seeds", "2", "--test-seed", "1"]) == 0
    assert (reproduced["test_seed"], reproduced["folder"]) == (1, build / "laptop-tests_1")
    assert (reproduced["kind"], reproduced["systems"]) == ("sprites", "")
    assert main(["reproduce", "--seeds", "2", "--kind", "figures pan=0.12", "--systems", "rgb,rev2net"]) == 0
    assert (reproduced["kind"], reproduced["folder"]) == ("figures pan=0.12", build / "laptop-figures_pan_0_12")
    assert reproduced["systems"] == "rgb,rev2net"
    assert main(["reproduce", "--kind", "robots"]) == 2 and main(["reproduce", "--systems", "rbg"]) == 2
    said = capsys.readouterr().err
    assert "the kind of world is 'robots'" in said and "there is no system 'rbg'" in said
    # A failed seed is an exit code of one, and the report is made all the same.
    del reproduced["report"]
    assert main(["reproduce", "--seeds", "3"]) == 1 and "report" in reproduced


def test_reproduce_runs_on_dask_where_it_is_and_where_it_is_told(
    reproduced: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for installed, arguments, scheduler in (
        (True, [], "local"),
        (False, [], None),
        (True, ["--scheduler", "tcp://host:8786"], "tcp://host:8786"),
        (False, ["--scheduler", "local"], "local"),
    ):
        monkeypatch.setattr(cluster, "dask_is_there", lambda installed=installed: installed)
        assert main(["reproduce", "--seeds", "1", *arguments]) == 0
        assert reproduced["scheduler"] == scheduler


def test_train_trains_what_was_asked_for_and_the_first_process_says_where(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: dict[str, object] = {}

    def train_and_keep(name: str, **options: object) -> Path | None:
        seen.update(options | {"name": name})
        return tmp_path / "model" if options["norm"] == "batch" else None

    monkeypatch.setattr(experiment, "train_and_keep", train_and_keep)
    monkeypatch.setattr(cli, "build_folder", lambda: tmp_path)
    assert main(["train", "rgb", "--profile", "smoke", "--seed", "3"]) == 0
    assert (seen["name"], seen["seed"], seen["kind"]) == ("rgb", 3, "sprites")
    assert seen["folder"] == tmp_path / "train" / "rgb-smoke-seed_3"
    assert capsys.readouterr().out == f"Checkpoint: {tmp_path / 'model'}\n"
    assert main(["train", "rgb", "--norm", "group", "--folder", str(tmp_path / "own")]) == 0
    assert seen["folder"] == tmp_path / "own" and not capsys.readouterr().out
    assert main(["train", "rgb", "--seed", "-1"]) == 2
    assert "--seed is -1; it should be 0 or more" in capsys.readouterr().err
    assert main(["train", "vgg"]) == 2 and "there is no system 'vgg'" in capsys.readouterr().err


def test_reproduce_publishes_records_and_readme_of_a_checkout_only(
    reproduced: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    top = tmp_path / "checkout"
    top.mkdir()
    (top / "README.md").write_text("\n".join(study.README_MARKS))
    monkeypatch.setattr(cli, "checkout_folder", lambda: top)
    assert main(["reproduce", "--profile", "smoke", "--publish"]) == 1
    assert study.readme_section([]) in (top / "README.md").read_text()
    reproduced.clear()
    monkeypatch.setattr(cli, "checkout_folder", lambda: None)
    assert main(["reproduce", "--publish"]) == 2
    assert "--publish writes into a checkout" in capsys.readouterr().err
    assert not reproduced, "said before anything is run"


def test_reproduce_refuses_numbers_that_make_no_sense(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reproduce", "--seeds", "0"]) == 2
    assert "--seeds is 0, --jobs 2 and --first 100; expected 1 or more for the first two" in capsys.readouterr().err
    assert main(["reproduce", "--test-seed", "32"]) == 2
    assert "--test-seed is 32; it should be from 0 to 31" in capsys.readouterr().err


def test_the_package_is_a_command_too() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "rev2net_lite", "run", "--profile", "lap"], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 2
    assert answer.stderr.startswith("rev2net: there is no profile 'lap'")
