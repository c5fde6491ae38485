from __future__ import annotations

import asyncio
import errno
import json
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from queue import Empty

import nbformat
import papermill
import pytest
from jupyter_client.channels import AsyncZMQSocketChannel
from nbformat import NotebookNode
from tiny_notebooks import OPEN, PIXEL, write_notebook

from rev2net_lite import execution
from rev2net_lite.execution import (
    NotebookError,
    Outcome,
    _ShellChannel,
    budget_minutes,
    execute_notebook,
    notebook_parameters,
    read_notebook,
    run_series,
)
from rev2net_lite.files import WriteError, hold_folder
from rev2net_lite.minutes import SERIES_NAME, Timing, read_series
from rev2net_lite.predictions import predictions_file
from rev2net_lite.profiles import get_profile
from rev2net_lite.runs import RECORD_MIME, read_record

SMOKE = get_profile("smoke")
LONG_S = 60.0


def is_running(pid: int) -> bool:
    """Whether a process is there and not only waiting to be reaped by its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def all_end(pids: list[int]) -> bool:
    for _ in range(100):
        if not any(is_running(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


# read_notebook, notebook_parameters, budget_minutes


def test_parameters_and_budget_of_a_notebook(tmp_path: Path) -> None:
    notebook = read_notebook(write_notebook(tmp_path, "01_x", "profile = 3", minutes=2))
    assert notebook_parameters(notebook) == {"profile": "smoke", "seed": 0, "output": "", "rate": 0.5, "note": None}
    assert budget_minutes(notebook, profile="smoke", name="01_x") == 2.0
    with pytest.raises(ValueError, match=r"notebook 01_x has no budget for profile gpu; put the minutes .*\"gpu\": 2"):
        budget_minutes(notebook, profile="gpu", name="01_x")
    assert notebook_parameters(nbformat.v4.new_notebook()) == {}


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"nbformat": 4, "nbformat_minor": 5}', "\xff"])
def test_a_file_that_is_no_notebook_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.ipynb").write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=r"file .*a.ipynb is not a notebook; expected one that Jupyter saved"):
        read_notebook(tmp_path / "a.ipynb")
    with pytest.raises(ValueError, match=r"notebook .*b.ipynb cannot be read: No such file"):
        read_notebook(tmp_path / "b.ipynb")


# execute_notebook


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"seeed": 3}, "notebook 01_x has no parameter 'seeed'; its parameters are profile, seed, output, rate, note"),
        ({"seed": "3"}, "parameter 'seed' of notebook 01_x is '3' of type str; it should be of type int"),
    ],
)
def test_wrong_parameters_are_refused_before_anything_starts(
    tmp_path: Path, parameters: dict[str, object], message: str
) -> None:
    path = write_notebook(tmp_path, "01_x")
    with pytest.raises(ValueError, match=message):
        execute_notebook(path, tmp_path / "a" / "out.ipynb", parameters=parameters, cell_timeout_s=9, total_timeout_s=9)
    assert not (tmp_path / "a").exists()


@pytest.mark.notebook
def test_an_error_in_the_callback_of_a_widget_is_a_failure(tmp_path: Path) -> None:
    code = """
import ipywidgets
def show(x):
    if x > 3:
        raise KeyError("too far")
box = ipywidgets.interactive(show, x=3)
display(box)
box.children[0].value = 5
"""
    path = write_notebook(tmp_path, "01_x", code)
    with pytest.raises(NotebookError, match=r"01_x failed: the callback of a widget raised KeyError: 'too far'; its"):
        execute_notebook(path, tmp_path / "out.ipynb", parameters={}, cell_timeout_s=LONG_S, total_timeout_s=LONG_S)


def test_a_kernel_that_does_not_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("Kernel didn't respond in 120 seconds")

    monkeypatch.setattr(papermill, "execute_notebook", fail)
    path = write_notebook(tmp_path, "01_x", "1")
    with pytest.raises(NotebookError, match="01_x failed: its kernel did not start: Kernel didn't respond in 120 sec"):
        execute_notebook(path, tmp_path / "out.ipynb", parameters={}, cell_timeout_s=LONG_S, total_timeout_s=LONG_S)


def test_a_copy_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(papermill, "execute_notebook", fail)
    path = write_notebook(tmp_path, "01_x", "1")
    message = "01_x failed: its executed copy cannot be written: No space left on device; make room, or choose another"
    with pytest.raises(NotebookError, match=message):
        execute_notebook(path, tmp_path / "out.ipynb", parameters={}, cell_timeout_s=LONG_S, total_timeout_s=LONG_S)


def test_a_copy_appears_whole_when_the_run_ends_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, output = write_notebook(tmp_path, "01_x", "1"), tmp_path / "out.ipynb"

    def execute(to: Path = output) -> None:
        execute_notebook(path, to, parameters={}, cell_timeout_s=LONG_S, total_timeout_s=LONG_S)

    def write(end: str) -> Callable[..., NotebookNode]:
        def act(_: str, draft: str, **__: object) -> NotebookNode:
            assert not output.exists()
            notebook = read_notebook(path)
            notebook.metadata.papermill = {"output_path": draft}
            Path(draft).write_text(nbformat.writes(notebook)[: -40 if end == "half" else None])
            if end:
                raise KeyboardInterrupt
            return notebook

        return act

    for end, copied in (("", True), ("stopped", True), ("half", False)):
        output.write_text("of an earlier run")
        monkeypatch.setattr(papermill, "execute_notebook", write(end))
        with pytest.raises(KeyboardInterrupt) if end else nullcontext():
            execute()
        assert output.exists() == copied
        assert not copied or read_notebook(output).metadata.papermill.output_path == str(output)
    # A notebook may be executed in its own place.
    monkeypatch.setattr(papermill, "execute_notebook", write(""))
    execute(path)
    assert read_notebook(path).metadata.papermill.output_path == str(path)

    def fail(*_: object) -> None:
        raise WriteError(errno.ENOSPC, "No space left on device", str(output))

    monkeypatch.setattr(execution, "write_text_atomically", fail)
    with pytest.raises(NotebookError, match="01_x failed: its executed copy cannot be written: No space left on devi"):
        execute()


@pytest.mark.notebook
def test_a_dead_kernel_is_reported_with_its_last_words_and_its_notebook_kept(tmp_path: Path) -> None:
    code = "import os, sys\nprint('before')\nprint('bad sector', file=sys.__stderr__, flush=True)\nos._exit(9)"
    path = write_notebook(tmp_path, "01_x", "print('earlier')", code)
    with pytest.raises(
        NotebookError, match="its kernel died, as it does when memory runs out; its last words: bad sec"
    ):
        execute_notebook(path, tmp_path / "out.ipynb", parameters={}, cell_timeout_s=LONG_S, total_timeout_s=LONG_S)
    assert "earlier" in str(read_notebook(tmp_path / "out.ipynb").cells[2].outputs)


@pytest.mark.notebook
def test_the_limit_of_a_cell_ends_the_kernel_and_what_it_started(tmp_path: Path) -> None:
    code = f"""
import os, subprocess, time
child = subprocess.Popen(["sleep", "300"])
open({str(tmp_path / "pids")!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
time.sleep(300)
"""
    path = write_notebook(tmp_path, "01_x", code.replace("{", "{{").replace("}", "}}"))
    with pytest.raises(NotebookError, match=r"01_x failed: a cell took longer than 2 s; its executed copy is .*out"):
        execute_notebook(path, tmp_path / "out.ipynb", parameters={}, cell_timeout_s=2, total_timeout_s=LONG_S)
    assert (tmp_path / "out.ipynb").exists()
    assert all_end([int(pid) for pid in (tmp_path / "pids").read_text().split()])


@pytest.mark.notebook
def test_the_limit_of_the_notebook_counts_all_cells(tmp_path: Path) -> None:
    path = write_notebook(tmp_path, "01_x", *["import time; time.sleep(1)"] * 60)
    with pytest.raises(NotebookError, match="01_x failed: it took longer than 4 s"):
        execute_notebook(path, tmp_path / "out.ipynb", parameters={}, cell_timeout_s=3, total_timeout_s=4)


def test_a_reply_whose_wake_up_was_lost_is_found_within_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def poll(_: AsyncZMQSocketChannel, timeout: float) -> dict[str, object]:
        waits.append(timeout)
        if len(waits) < 3:
            raise Empty
        return {"reply": 1}

    monkeypatch.setattr(AsyncZMQSocketChannel, "get_msg", poll)
    channel = object.__new__(_ShellChannel)
    assert asyncio.run(channel.get_msg(timeout=300)) == {"reply": 1}
    assert waits == [1.0, 1.0, 1.0]
    waits.clear()
    assert asyncio.run(channel.get_msg()) == {"reply": 1}
    waits.clear()
    with pytest.raises(Empty):
        asyncio.run(channel.get_msg(timeout=0.5))
    assert len(waits) == 1


# run_series


PICTURE = f"""
from IPython.display import HTML, display
display(HTML('<img alt="a dot" src="data:image/png;base64,{PIXEL}">'))
"""
MACHINE = """
import json, os, sys
(run.output / "machine.json").write_text(json.dumps([sys.executable, os.environ["OMP_NUM_THREADS"]]))
(run.output / "predictions.txt").write_text(os.environ["REV2NET_PREDICTIONS"])
"""


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Outcome], list[str]]:
    """A series of three, of which the second fails and the third leaves no record; with what was reported."""
    folder = tmp_path_factory.mktemp("series")
    finish = 'run.record("x", 1.0, unit="%", n=3)\nrun.finish()'
    notebooks = [
        write_notebook(folder, "01_good", OPEN, PICTURE, MACHINE, finish),
        write_notebook(folder, "02_bad", "print('before')", "raise ValueError('<script>')"),
        write_notebook(folder, "03_silent", "1"),
    ]
    (folder / "build" / "smoke").mkdir(parents=True)
    (folder / "build" / "smoke" / "02_bad.ipynb").write_text("what an earlier series left")
    reported: list[str] = []
    outcomes = run_series(
        notebooks,
        profile=SMOKE,
        seed=7,
        build=folder / "build",
        jobs=2,
        report=lambda outcome: reported.append(outcome.notebook),
    )
    return folder / "build", outcomes, reported


@pytest.mark.notebook
def test_a_failed_notebook_does_not_stop_the_others(series: tuple[Path, list[Outcome], list[str]]) -> None:
    build, outcomes, reported = series
    assert [outcome.notebook for outcome in outcomes] == ["01_good", "02_bad", "03_silent"]
    assert sorted(reported) == ["01_good", "02_bad", "03_silent"]
    good, bad, silent = outcomes
    assert good.error is None and good.output == build / "smoke" / "01_good.ipynb" and good.seconds > 0
    assert bad.error == "ValueError in cell [4]: <script>"
    assert "before" in str(read_notebook(bad.output).cells)
    assert silent.error is not None and "results.json cannot be read: No such file" in silent.error


@pytest.mark.notebook
def test_a_notebook_leaves_its_record_as_file_and_as_output(series: tuple[Path, list[Outcome], list[str]]) -> None:
    build, outcomes, _ = series
    path = build / "smoke" / "01_good" / "results.json"
    record = read_record(path)
    assert (record.notebook, record.profile, record.seed, record.threads) == ("01_good", "smoke", 7, SMOKE.threads)
    assert record.parameters["rate"] == 0.5
    shown = [
        output.data[RECORD_MIME]
        for cell in read_notebook(outcomes[0].output).cells
        for output in cell.get("outputs", [])
        if RECORD_MIME in output.get("data", {})
    ]
    assert shown == [json.loads(path.read_text())]


@pytest.mark.notebook
def test_the_kernel_is_this_python_with_the_threads_of_the_profile(
    series: tuple[Path, list[Outcome], list[str]],
) -> None:
    machine = json.loads((series[0] / "smoke" / "01_good" / "machine.json").read_text())
    assert machine == [sys.executable, str(SMOKE.threads)]


@pytest.mark.notebook
def test_what_a_reader_predicted_is_left_alone(series: tuple[Path, list[Outcome], list[str]]) -> None:
    used = Path((series[0] / "smoke" / "01_good" / "predictions.txt").read_text())
    assert used != predictions_file() and not used.parent.exists()


@pytest.mark.notebook
def test_the_site_leads_to_every_page(series: tuple[Path, list[Outcome], list[str]]) -> None:
    build, outcomes, _ = series
    index = (build / "index.html").read_text()
    for outcome in outcomes:
        href = f"smoke/{outcome.notebook}.html"
        assert f'href="{href}"' in index and (build / href).is_file()
    assert 'alt="a dot"' in index and "2 of 3 failed" in index
    assert index.count("<p>Is x &lt; y &amp; z?</p>") == 3
    page = (build / "smoke" / "02_bad.html").read_text()
    assert "This notebook failed: ValueError in cell [4]: &lt;script&gt;" in page and "<script" not in page


def test_half_a_copy_of_a_failed_notebook_does_not_break_the_site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill_the_disk(_: str, output: str, **__: object) -> None:
        Path(output).write_text('{"cells": [')
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(papermill, "execute_notebook", fill_the_disk)
    path = write_notebook(tmp_path, "01_x", "1")
    [outcome] = run_series([path], profile=SMOKE, seed=0, build=tmp_path / "build", jobs=1)
    assert outcome.error is not None and "cannot be written: No space left on device" in outcome.error
    assert "No space left on device" in (tmp_path / "build" / "smoke" / "01_x.html").read_text()
    assert not outcome.output.exists()


@pytest.mark.notebook
def test_a_completed_series_leaves_its_times_and_a_failed_one_none(tmp_path: Path) -> None:
    folder = tmp_path / "build" / "smoke"
    folder.mkdir(parents=True)
    (folder / SERIES_NAME).write_text("of an earlier series")
    record = OPEN + "run.record('a', 1.0, unit='', n=1)\nrun.finish()"
    good, bad = write_notebook(tmp_path, "01_good", record, minutes=2), write_notebook(tmp_path, "02_bad", "1 / 0")
    outcomes = run_series([good, bad], profile=SMOKE, seed=7, build=tmp_path / "build", jobs=2)
    assert not (folder / SERIES_NAME).exists()
    outcomes = run_series([good], profile=SMOKE, seed=7, build=tmp_path / "build", jobs=1)
    series = read_series(folder / SERIES_NAME)
    assert series.timings == (Timing("01_good", round(outcomes[0].seconds, 1), 2.0),)
    run = read_record(folder / "01_good" / "results.json")
    assert (series.profile, series.seed, series.device, series.versions) == ("smoke", 7, run.device, run.versions)
    assert series.jobs == 1 and series.cores >= 1 and run.started.startswith(series.date)


@pytest.mark.notebook
def test_a_stop_ends_the_kernels_of_a_series(tmp_path: Path) -> None:
    wait = f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(300)"
    slow = write_notebook(tmp_path, "01_slow", wait, minutes=10)
    quick = write_notebook(
        tmp_path, "02_quick", f"import os, time\nwhile not os.path.exists({str(tmp_path / 'pid')!r}): time.sleep(0.1)"
    )

    def stop(_: Outcome) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_series([slow, quick], profile=SMOKE, seed=0, build=tmp_path / "build", jobs=2, report=stop)
    assert all_end([int((tmp_path / "pid").read_text())])
    hold_folder(tmp_path / "build" / "smoke").release()


def test_a_series_is_refused_before_anything_starts(tmp_path: Path) -> None:
    build = tmp_path / "build"
    path = write_notebook(tmp_path, "01_x")
    with pytest.raises(ValueError, match="notebook 01_x has no budget for profile laptop"):
        run_series([path], profile=get_profile("laptop"), seed=0, build=build)
    with pytest.raises(ValueError, match="parameter 'seed' of notebook 01_x"):
        run_series([path], profile=SMOKE, seed="0", build=build)  # type: ignore[arg-type]
    assert not build.exists()
    (build / "smoke").mkdir(parents=True)
    lock = hold_folder(build / "smoke")
    with pytest.raises(ValueError, match="another run is writing to"):
        run_series([path], profile=SMOKE, seed=0, build=build)
    lock.release()
    assert [entry.name for entry in build.iterdir()] == ["smoke"]
