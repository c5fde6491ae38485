"""Runs an answer in a process of its own and judges here what it did: nothing that it touches takes part in that.

The other process gets the source of a notebook's cells and the probes as plain data, and sends back plain data. It has
no reference, no seed and no secret. It is bounded in time, memory and output, and ends with this one.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from rev2net_lite.bundled import checkout_folder
from rev2net_lite.exercises.judging import Verdict, judge, probes_of
from rev2net_lite.exercises.observing import Observation
from rev2net_lite.exercises.questions import Probe, Question
from rev2net_lite.exercises.wire import (
    Frame,
    FrameError,
    decode_observation,
    encode_probes,
    read_frame,
    write_frame,
)

__all__ = ["Cell", "IsolationError", "Judged", "Limits", "judge_apart"]

_PACKAGE = Path(__file__).parent.parent
_MOST_FRAMES = 10_000
_MOST_BYTES = 256 * 2**20  # of all frames of one process
# The folders of the interpreter and what it needs to find and name things; no variable of the grader's goes along.
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "SYSTEMROOT")


class IsolationError(RuntimeError):
    """The process for an answer did not come so far as to run it: the machine's fault, not the answer's."""


@dataclass(frozen=True)
class Limits:
    """What the process of one answer may use.

    Attributes:
        cpu_s: processor seconds for the cells and all calls, where the platform can bound them.
        wall_s: seconds on the clock for the same.
        start_s: seconds on the clock until it is ready for them.
        memory_bytes: beyond what its libraries take, where the platform can bound it.
        file_bytes: of one file that it writes into its own folder, which is removed afterwards.

    Raises:
        ValueError: one of them is not above 0.
    """

    cpu_s: int = 10
    wall_s: float = 60.0
    start_s: float = 120.0
    memory_bytes: int = 2 * 2**30
    file_bytes: int = 16 * 2**20

    def __post_init__(self) -> None:
        if min(self.cpu_s, self.wall_s, self.start_s, self.memory_bytes, self.file_bytes) <= 0:
            raise ValueError(f"the limits of an answer's process are {self}; each should be above 0")


@dataclass(frozen=True)
class Cell:
    """One cell of a notebook.

    Attributes:
        name: what a report calls it.
        source: its text.
        given: it is part of the release. Each of its statements is tried, since some may show what is closed.
    """

    name: str
    source: str
    given: bool = False


@dataclass(frozen=True)
class Judged:
    """How an answer was judged.

    Attributes:
        verdict: on the answer.
        raised: what a cell raised, by its place.
        ended_in: place of the cell in which the process ended, or None.
        attempts: what it tried that is closed: `"read '/.../video_and_flow.py'"`.
    """

    verdict: Verdict
    raised: dict[int, str] = field(default_factory=dict)
    ended_in: int | None = None
    attempts: tuple[str, ...] = ()


def judge_apart(
    question: Question,
    cells: Sequence[Cell],
    *,
    answer: int,
    seed: int,
    closed: Sequence[Path] = (),
    limits: Limits | None = None,
) -> Judged:
    """The verdict on the answer that the last definition of the question's name in the cells is.

    Args:
        question: with the reference, which stays here.
        cells: of a notebook, run in their order; one that raises does not stop the next.
        answer: place among them of the cell that was released for the answer.
        seed: of the probes; secret, or an answer could be made to fit them.
        closed: folders that the process may not read, beside the kit's own and the home folder.
        limits: of the process; None stands for the usual ones.

    Raises:
        IsolationError: the process did not start.
    """
    probes = probes_of(question, seed=seed)
    ended = _run(question, cells, probes, closed=closed, limits=limits or Limits())
    return Judged(_verdict(question, probes, ended, answer), ended.raised, ended.cell, tuple(ended.attempts))


@dataclass
class _Ended:
    """What is known of a process that has ended.

    `cell` is the place of the cell in which it ended, if it did not come as far as the calls; `fault` says why it
    ended early.
    """

    seen: list[Observation] = field(default_factory=list)
    raised: dict[int, str] = field(default_factory=dict)
    attempts: list[str] = field(default_factory=list)
    cell: int | None = None
    missing: bool = False
    fault: str = ""
    name: str = ""


def _verdict(question: Question, probes: Sequence[Probe], ended: _Ended, answer: int) -> Verdict:
    def wrong(mistake: str, says: str, label: str = "") -> Verdict:
        return Verdict(question.key, "wrong", mistake, says, label)

    raised = ended.raised.get(answer, "")
    if ended.cell is not None:
        whose = "The cell of the answer" if ended.cell == answer else "A cell before it"
        return wrong(ended.name, f"{whose} {ended.fault}.")
    if ended.seen and _out_of_memory(ended.seen[-1]):
        label = probes[len(ended.seen) - 1].label
        return wrong("too much memory", f"It asks for more memory than it may use for {label}.", label)
    if ended.fault:
        label = probes[len(ended.seen)].label if len(ended.seen) < len(probes) else ""
        return wrong(ended.name, f"It {ended.fault}{f' for {label}' if label else ''}.", label)
    if ended.missing and raised == "NotImplementedError":
        return Verdict(question.key, "not attempted")
    if ended.missing and raised:
        return wrong("raised an error", f"The cell of the answer raises {raised}.")
    if ended.missing:
        return wrong("no answer of that name", f"No cell defines {question.name}.")
    return judge(question, probes, ended.seen)


def _run(
    question: Question, cells: Sequence[Cell], probes: list[Probe], *, closed: Sequence[Path], limits: Limits
) -> _Ended:
    """What came out of a process that ran the cells and called the answer with the probes."""
    job = {
        "name": question.name,
        "allowed": list(question.allowed),
        "cells": [[cell.name, cell.source, cell.given] for cell in cells],
        "limits": {
            "cpu_s": limits.cpu_s,
            "memory_bytes": limits.memory_bytes,
            "file_bytes": limits.file_bytes,
        },
        "closed": [str(path) for path in (*_private_folders(), *closed)],
    }
    with tempfile.TemporaryDirectory(prefix="rev2net-answer-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        own = folder / "own"
        own.mkdir()
        with (folder / "errors").open("w+b") as errors, _started(own, errors) as process:
            frames: queue.Queue[Frame | str] = queue.Queue()
            threading.Thread(target=_pump, args=(process.stdout, frames), daemon=True).start()
            # A process that ended already says so below.
            with contextlib.suppress(BrokenPipeError):
                write_frame(process.stdin, Frame(job))  # type: ignore[arg-type]
                write_frame(process.stdin, encode_probes(probes))  # type: ignore[arg-type]
            ended = _follow(frames, limits, len(probes))
            if ended is None:
                _kill(process)
                errors.seek(0)
                words = errors.read(100_000).decode("utf-8", "replace").strip().splitlines()
                reason = words[-1] if words else f"it was not ready after {limits.start_s:g} s"
                raise IsolationError(f"the process for the answer to {question.key} did not start: {reason}")
            if ended.fault == _ENDED:
                _kill(process)
                ended.name, ended.fault = _why(process.returncode)
    return ended


def _private_folders() -> list[Path]:
    """The checkout, with its solutions, and the home of whoever grades, where it is not everything."""
    return [path for path in (checkout_folder(), Path.home()) if path is not None and path != Path(path.anchor)]


_ENDED = "ended"
_ENDLESS = ("does not end", "does not come to an end")


def _follow(frames: queue.Queue[Frame | str], limits: Limits, calls: int) -> _Ended | None:
    """What the process says until it is done, ends or is out of time; None if it was never ready."""
    ended = _Ended()
    deadline = time.monotonic() + limits.start_s
    ready = False
    while True:
        try:
            frame = frames.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            if not ready:
                return None
            ended.name, ended.fault = _ENDLESS
            return ended
        if isinstance(frame, str):
            if not ready:
                return None
            ended.name, ended.fault = ("forged output", frame) if frame else ("", _ENDED)
            return ended
        content = frame.content
        match content:
            case {"ready": True} if not ready:
                ready = True
                deadline = time.monotonic() + limits.wall_s
            case {"cell": int(index)}:
                ended.cell = index
            case {"raised": str(error), "at": int(index)}:
                ended.raised[index] = _one_line(error)
            case {"attempt": str(attempt)}:
                ended.attempts = [*ended.attempts, _one_line(attempt)][:20]
            case {"calls": True}:
                ended.cell = None
            case {"missing": True}:
                ended.cell, ended.missing = None, True
            case {"done": True}:
                ended.cell = None
                if not ended.missing and len(ended.seen) != calls:
                    ended.name, ended.fault = "forged output", "sent other results than it was asked for"
                return ended
            case {"seen": _}:
                try:
                    ended.seen.append(decode_observation(frame))
                except (FrameError, LookupError, TypeError, ValueError):
                    ended.name, ended.fault = "forged output", "sent what is no result"
                    return ended
                # There is no end to what a hungry answer tries at the next call.
                if _out_of_memory(ended.seen[-1]):
                    return ended
            case _:
                ended.name, ended.fault = "forged output", "sent what is no result"
                return ended


def _out_of_memory(seen: Observation) -> bool:
    return seen.error.startswith("MemoryError") or "allocate memory" in seen.error


def _why(code: int | None) -> tuple[str, str]:
    """Mistake and words for a process that ended by itself before it was done."""
    if os.name == "posix" and code is not None and code < 0:
        number = signal.Signals(-code)
        if number == signal.SIGXCPU:
            return _ENDLESS
        return "crashed", f"crashed its process ({number.name})"
    return "ended its process", "ended its process without a result"


def _pump(stream: BinaryIO, frames: queue.Queue[Frame | str]) -> None:
    """Reads frames until there are no more; the last entry is a text, empty if they ended between two."""
    left = _MOST_BYTES
    try:
        for _ in range(_MOST_FRAMES):
            frame = read_frame(stream)
            if frame is None:
                frames.put("")
                return
            left -= len(frame.data)
            if left < 0:
                break
            frames.put(frame)
        frames.put("sent more than it was asked for")
    except (FrameError, OSError, ValueError):
        frames.put("sent what is no result")


@contextlib.contextmanager
def _started(folder: Path, errors: BinaryIO) -> Iterator[subprocess.Popen[bytes]]:
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment |= dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP", "MPLCONFIGDIR", "XDG_CACHE_HOME"), str(folder))
    environment |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    environment["MPLBACKEND"] = "agg"
    process = subprocess.Popen(
        [sys.executable, "-I", "-B", str(Path(__file__).with_name("child.py")), str(_PACKAGE.parent)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        cwd=folder,
        env=environment,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Ends the process and what it may have started; a second call does nothing."""
    if process.returncode is None:
        # One that has just ended by itself keeps its own exit code.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.2)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def _one_line(text: str) -> str:
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return line.encode("utf-8", "replace").decode("utf-8")[:500]
