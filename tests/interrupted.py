"""Jobs that test_interruption.py kills: each writes into a folder, and called again goes on with what is there.

A job runs in a process that was forked from a server which has imported torch already, so a kill costs little. It is
killed by the clock from outside, or by itself at its k-th step on the disk, half-way through a file's content included:
so a seed picks the same moment again.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import multiprocessing
import multiprocessing.forkserver
import os
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
import torch._dynamo  # AdamW imports it: here, before processes are forked
from tiny_notebooks import write_notebook

import rev2net_lite.execution
from rev2net_lite import files, runs, study_runs, training
from rev2net_lite.checkpoints import save_checkpoint, save_state
from rev2net_lite.datasets import ClipDataset, Sampling, folder_dataset, manifest_dataset
from rev2net_lite.models import build_model
from rev2net_lite.profiles import get_profile
from rev2net_lite.runs import open_run
from rev2net_lite.study_runs import run_study
from rev2net_lite.synthetic import CLASSES, studio, write_synthetic_dataset
from rev2net_lite.training import TrainConfig, fit

CONFIG = replace(studio(), frames=4, size=32)
SAVES = 12
EPOCHS = 4

STUDY_CELLS = (
    """
from rev2net_lite.runs import open_run
run = open_run("09_cross_dataset", {"profile": profile, "seed": seed, "output": output, "systems": systems,
    "test_seed": test_seed, "kind": kind, "shifts": shifts})
""",
    'run.record("accuracy/rgb/street", 0.25 + seed / 1000, unit="fraction", n=8)\nrun.finish()',
)
SERIES_CELLS = (
    """
from rev2net_lite.runs import open_run
run = open_run("{name}", {{"profile": profile, "seed": seed, "output": output, "rate": rate, "note": note}})
""",
    'run.record("accuracy", 0.25, unit="fraction", n=8)\nrun.finish()',
)
NOTEBOOKS = ("01_first", "02_second")
SEEDS = (100, 101)


# Jobs


def nothing(_source: Path, _folder: Path) -> None:
    """Ends as soon as the server has imported what the others need."""


def training_data(folder: Path) -> ClipDataset:
    """The clips of `train`, written, decoded and with their flow."""
    write_synthetic_dataset(folder / "set", config=CONFIG, clips_per_class=1, seed=0)
    sampling = Sampling(frames=4, size=(16, 16))
    data = manifest_dataset(folder / "set" / "labels.csv", classes=CLASSES, sampling=sampling, cache=folder / "cache")
    return data.prepare()


def train(source: Path, folder: Path) -> None:
    """Trains with a state after each epoch, then saves the model."""
    model = build_model("rev2net", classes=CLASSES, dropout=0.2, seed=0)
    config = TrainConfig(epochs=EPOCHS, batch_size=4)
    fit(model, training_data(source), config=config, folder=folder, device="cpu", progress=False)
    save_checkpoint(folder / "model", model)


def save(_source: Path, folder: Path) -> None:
    """Saves one state after the other, and notes each that was saved."""
    noted = os.open(folder / "noted", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for epoch in range(SAVES):
        save_state(folder / "state", "training", {"x": torch.full((2000,), epoch)}, {"epoch": epoch})
        os.write(noted, f"{epoch}\n".encode())


def cache(source: Path, folder: Path) -> None:
    """Decodes clips and computes their flow into a cache."""
    sampling = Sampling(frames=4, size=(16, 16))
    folder_dataset(source / "videos", sampling=sampling, cache=folder / "cache").prepare()


def write_dataset(_source: Path, folder: Path) -> None:
    """Renders a synthetic dataset."""
    write_synthetic_dataset(folder / "set", config=CONFIG, clips_per_class=1, seed=0)


def record(_source: Path, folder: Path) -> None:
    """One run, with its record; an earlier one may be there."""
    run = open_run("01_x", {"profile": "smoke", "seed": 1, "output": str(folder / "run")})
    run.record("accuracy", 0.25, unit="fraction", n=8)
    run.finish()


def sweep(source: Path, folder: Path) -> None:
    """A study of two seeds."""
    study_runs.notebooks_folder = lambda: source  # type: ignore[attr-defined]
    run_study(get_profile("smoke"), seeds=SEEDS, folder=folder, jobs=1, report=lambda _: None)


def series(source: Path, folder: Path) -> None:
    """Notebooks with their site."""
    notebooks = [source / f"{name}.ipynb" for name in NOTEBOOKS]
    outcomes = rev2net_lite.execution.run_series(
        notebooks, profile=get_profile("smoke"), seed=0, build=folder / "build", jobs=1
    )
    if errors := [outcome.error for outcome in outcomes if outcome.error]:
        raise ValueError(errors[0])


def write_notebooks(folder: Path) -> None:
    """The notebooks of `sweep` and `series`."""
    parameters = {"profile": "smoke", "seed": 0, "output": "", "systems": "", "test_seed": 0}
    parameters |= {"kind": "sprites", "shifts": ""}
    text = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    write_notebook(folder, "09_cross_dataset", *(cell.replace("{", "{{").replace("}", "}}") for cell in STUDY_CELLS))
    path = folder / "09_cross_dataset.ipynb"
    content = json.loads(path.read_text())
    content["cells"][1]["source"] = text
    path.write_text(json.dumps(content))
    for name in NOTEBOOKS:
        write_notebook(folder, name, *SERIES_CELLS)


# Processes


class Steps:
    """Counts what a process does on the disk, and kills it at a step."""

    def __init__(self, at: int | None) -> None:
        self.count, self.at = 0, at
        sys.addaudithook(self._hook)
        files.os = _Halving(self)  # type: ignore[assignment]

    def step(self) -> None:
        self.count += 1
        if self.count == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if writes or event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "fcntl.flock"):
            self.step()


class _Halving:
    """The module `os` as files.py uses it, with a step between the halves of what is written."""

    def __init__(self, steps: Steps) -> None:
        self.steps, self.fsync = steps, os.fsync

    def fdopen(self, handle: int, mode: str) -> io.FileIO:
        steps = self.steps

        class File(io.FileIO):
            def write(self, content: Any) -> int:
                half = len(content) // 2
                written = super().write(content[:half])
                steps.step()
                return written + super().write(content[half:])

        return File(handle, mode)


def enter(
    job: Callable[[Path, Path], None],
    source: Path,
    folder: Path,
    say: Connection,
    *,
    at: int | None = None,
    limit_bytes: int | None = None,
    limit_after: int = 0,
    nobody: bool = False,
    patience_s: float | None = None,
) -> None:
    """In a process of its own: `job`, then its steps on the disk or its error into `say`.

    Args:
        at: the step at which the process is killed.
        limit_bytes: larger files cannot be written, as on a full disk.
        limit_after: training states that are saved before that limit holds.
        nobody: as a user who is not root, for whom read-only folders are read-only.
        patience_s: how long a training waits for a folder that another one holds.
    """
    torch.set_num_threads(1)
    folder.mkdir(parents=True, exist_ok=True)
    steps = Steps(at)
    if limit_bytes is not None:
        _limit(limit_bytes, after=limit_after)
    if nobody and os.geteuid() == 0:
        # What is imported on first use may lie where only root may look.
        for path in source.glob("*.ipynb"):
            rev2net_lite.execution.read_notebook(path)
        os.seteuid(65534)
    if patience_s is not None:
        training._PATIENCE_S = patience_s
        runs._PATIENCE_S = patience_s
    try:
        job(source, folder)
    except ValueError as error:
        say.send(f"{type(error).__name__}: {error}")
    else:
        say.send(steps.count)


def _limit(size: int, *, after: int) -> None:
    saves = []
    real = training._State.save

    def save_and_limit(state: Any, folder: Path) -> None:
        real(state, folder)
        saves.append(folder)
        if len(saves) == after:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    if after:
        training._State.save = save_and_limit  # type: ignore[method-assign]
    else:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


class Child:
    """A process at a job."""

    def __init__(self, job: Callable[[Path, Path], None], source: Path, folder: Path, **options: Any) -> None:
        self.answer, say = multiprocessing.Pipe(duplex=False)
        self.process = _context().Process(target=enter, args=(job, source, folder, say), kwargs=options)
        self.process.start()
        say.close()

    def end(self, *, after_s: float | None = None) -> int | str | None:
        """Its steps on the disk, its error, or None if it was killed; with a time, it is killed then."""
        if after_s is not None:
            self.process.join(after_s)
            self.process.kill()
        said = None
        with contextlib.suppress(EOFError):
            said = self.answer.recv()
        self.process.join()
        self.answer.close()
        code = self.process.exitcode
        assert code == 0 or (code == -signal.SIGKILL and (after_s is not None or said is None)), f"exit code {code}"
        return None if code else said


@functools.cache
def _context() -> Any:
    """Processes from a server that has imported this module, which it finds beside the tests."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["interrupted"])
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(Path(__file__).parent), before]))
    multiprocessing.forkserver.ensure_running()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before
    return context
