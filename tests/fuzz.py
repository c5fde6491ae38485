"""Damages videos and decodes them in child processes, so that whatever breaks a decode is caught and can be repeated.

    python tests/fuzz.py --seconds 3600 --seed 7

A mutant is a sample whose bytes were changed by a random generator seeded with (seed, number), so the same mutant can
be made again. A child decodes one mutant after another under a limit of memory and says before each which one it
begins; when it dies, or says nothing for too long, the mutant is known and the next child goes on behind it.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import queue
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

try:
    import resource
except ImportError:  # Windows: no limit of memory there; crashes and hangs are still caught
    resource = None  # type: ignore[assignment]

SAMPLES: dict[str, dict[str, object]] = {
    "a.mp4": {"options": {"g": "5", "bf": "2"}},
    "fragments.mp4": {"options": {"g": "5"}, "container": {"movflags": "frag_keyframe+empty_moov"}},
    "edited.mov": {"options": {"g": "6", "bf": "0"}, "matrix": [0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30]},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "keyint=6:bframes=2:log-level=none"}},
    "a.mkv": {"options": {"g": "5", "bf": "2"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"g": "6", "cpu-used": "8"}},
    "vp8.webm": {"codec": "libvpx", "options": {"g": "6"}},
    "av1.mkv": {"codec": "libsvtav1", "options": {"g": "6", "preset": "12", "svtav1-params": "lp=1"}},
    "mpeg4.avi": {"codec": "mpeg4", "options": {"g": "5", "bf": "1"}},
    "h264.avi": {"options": {"g": "5", "bf": "2"}},
    "mjpeg.avi": {"codec": "mjpeg", "pixels": "yuvj420p"},
    "mpeg2.mpg": {"codec": "mpeg2video", "options": {"g": "5", "bf": "2"}},
    "a.ts": {"options": {"g": "5"}},
    "a.flv": {"codec": "flv"},
    "a.h264": {"options": {"g": "5"}},
    "a.gif": {"codec": "gif", "pixels": "rgb8"},
    "png.mov": {"codec": "png", "pixels": "rgba"},
    "wmv.wmv": {"codec": "wmv2"},
}
_PATIENCE = 20
FAILURES = ("error", "contradiction", "memory", "hang", "crash")
_EDGES = (0, 1, 2, 3, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


def mutant(content: bytes, *, seed: int, number: int) -> bytes:
    """A damaged copy of a file: one to four changes, most of them where a container keeps its names and numbers."""
    draw = random.Random(f"{seed}/{number}")
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        at, change = _place(changed, draw), draw.randrange(9)
        length = min(draw.choice((1, 2, 4, 8, 32, 256, 2048)), len(changed) - at)
        if change <= 1:
            changed[at : at + 4] = draw.choice(_EDGES).to_bytes(4, draw.choice(("big", "little")))
        elif change == 2:
            changed[at : at + 1] = bytes([changed[at] ^ 1 << draw.randrange(8)]) if at < len(changed) else b"\0"
        elif change == 3:
            changed[at : at + length] = draw.randbytes(length)
        elif change == 4:
            changed[at : at + length] = bytes(length)
        elif change == 5:
            del changed[at : at + length]
        elif change == 6:
            changed[at:at] = changed[at : at + length] * draw.choice((1, 2, 50))
        elif change == 7:
            source = _place(changed, draw)
            changed[at : at + length] = changed[source : source + length]
        elif draw.random() < 0.3:
            del changed[at:]
        else:
            changed[at:at] = draw.randbytes(1)
    return bytes(changed)


def _place(content: bytearray, draw: random.Random) -> int:
    """A position; two times in three one close behind a name of four letters, as mp4, AVI and others have them."""
    names = [found.start() for found in re.finditer(rb"[A-Za-z][A-Za-z0-9 _]{3}|\x1a\x45|\x1f\x43|\x16\x54", content)]
    if names and draw.random() < 0.67:
        return min(len(content) - 1, max(0, draw.choice(names) + draw.randrange(-8, 40)))
    return draw.randrange(max(1, len(content)))


@dataclass(frozen=True)
class Failure:
    """A mutant that a decode did not survive as it should.

    Args:
        sample, number: which mutant.
        outcome: one of `FAILURES`.
        detail: what was raised, or which signal ended the child.
        after: numbers of the mutants that the same child decoded before, where the mutant alone does no harm.
    """

    sample: str
    number: int
    outcome: str
    detail: str
    after: tuple[int, ...] = ()


@dataclass
class Tally:
    """What became of the mutants."""

    tried: int = 0
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)
    largest_growth_mb: float = 0.0
    longest_cpu_s: float = 0.0


@dataclass(frozen=True)
class Limits:
    """What one decode may use.

    Args:
        memory_mb: growth of the child's address space.
        silence_s: seconds of processor time for one mutant; `_PATIENCE` times as long by the clock, since a child of a
            busy machine waits for its turn.
        batch: mutants for each child.
    """

    memory_mb: int = 600
    silence_s: float = 30.0
    batch: int = 500


def hammer(
    target: str,
    samples: Sequence[Path],
    *,
    seed: int,
    seconds: float = float("inf"),
    count: int | None = None,
    limits: Limits = Limits(),
    keep: Path | None = None,
) -> Tally:
    """Decodes mutants of the samples in turn until the time or the count is reached.

    Args:
        target: "module:function", a function of (path of the mutant, path of its sample) that returns the outcome.
        keep: folder that each mutant which does harm is written to as soon as it is found; made if need be.
    """
    tally, started, number = Tally(), time.monotonic(), 0
    while (count is None or number < count) and time.monotonic() - started < seconds:
        first, known = number, len(tally.failures)
        until = number + limits.batch if count is None else min(count, number + limits.batch)
        number, failure = _batch(target, samples, range(number, until), seed, limits, tally, started + seconds)
        if failure is not None:
            tally.failures.append(_alone(target, samples, failure, first, seed, limits))
        for failure in tally.failures[known:]:
            if keep is not None:
                _keep(failure, samples, seed, keep)
    tally.seconds = time.monotonic() - started
    return tally


def _keep(failure: Failure, samples: Sequence[Path], seed: int, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    sample = samples[failure.number % len(samples)]
    damaged = mutant(sample.read_bytes(), seed=seed, number=failure.number)
    (folder / f"{sample.stem}_{seed}_{failure.number}{sample.suffix}").write_bytes(damaged)


def _alone(target: str, samples: Sequence[Path], failure: Failure, first: int, seed: int, limits: Limits) -> Failure:
    """The failure with the shortest run of mutants before it that brings it about once more."""
    before = 0
    while True:
        start = max(first, failure.number - before)
        _, again = _batch(target, samples, range(start, failure.number + 1), seed, limits, Tally())
        if again is not None and again.number == failure.number:
            return Failure(
                failure.sample, failure.number, again.outcome, again.detail, tuple(range(start, again.number))
            )
        if start == first:
            return Failure(failure.sample, failure.number, failure.outcome, f"{failure.detail} (once, not again)")
        before = 2 * before or 1


def _batch(
    target: str,
    samples: Sequence[Path],
    numbers: range,
    seed: int,
    limits: Limits,
    tally: Tally,
    deadline: float = float("inf"),
) -> tuple[int, Failure | None]:
    """Decodes the mutants in one child; returns the next number and the failure that ended the child, if one did."""
    task = {"target": target, "samples": [str(path) for path in samples], "seed": seed, "memory_mb": limits.memory_mb}
    task |= {"first": numbers.start, "stop": numbers.stop}
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), "--child", json.dumps(task | {"folder": folder})],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=_forward, args=(process, lines), daemon=True).start()
        current, outcome, began, used_s = None, None, time.monotonic(), 0.0
        try:
            while outcome is None:
                try:
                    line = lines.get(timeout=limits.silence_s + (60 if current is None else 0))
                except queue.Empty:
                    waited_s, busy_s = time.monotonic() - began, _cpu_s(process) - used_s
                    if busy_s < limits.silence_s and waited_s < _PATIENCE * limits.silence_s:
                        continue
                    outcome = ("hang", f"no answer within {limits.silence_s:g} s")
                    break
                if line is None:
                    break
                said = json.loads(line)
                if "begin" in said:
                    current, began, used_s = said["begin"], time.monotonic(), _cpu_s(process)
                    continue
                tally.tried += 1
                tally.outcomes[said["outcome"]] += 1
                tally.largest_growth_mb = max(tally.largest_growth_mb, said["growth_mb"])
                tally.longest_cpu_s = max(tally.longest_cpu_s, said["cpu_s"])
                if said["outcome"] in FAILURES:  # the child lives on
                    tally.failures.append(Failure(said["sample"], current or 0, said["outcome"], said["detail"]))
                current = None
                if time.monotonic() > deadline:
                    return said["number"] + 1, None
        finally:
            process.kill()
            code = process.wait()
            process.stdout.close()  # type: ignore[union-attr]
    if current is None and outcome is None:
        if code != 0:
            raise RuntimeError(f"the child that decodes {target} ended with {code} outside of a decode")
        return numbers.stop, None
    outcome = outcome or ("crash", signal.Signals(-code).name if code < 0 else f"exit code {code}")
    tally.tried += 1
    tally.outcomes[outcome[0]] += 1
    assert current is not None
    return current + 1, Failure(samples[current % len(samples)].name, current, *outcome)


def _cpu_s(process: subprocess.Popen[str]) -> float:
    try:
        times = psutil.Process(process.pid).cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _forward(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    with contextlib.suppress(ValueError):  # closed while reading
        for line in process.stdout or ():
            lines.put(line)
    lines.put(None)


def _child(task: dict[str, Any]) -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parent))
    module, _, name = task["target"].partition(":")
    target: Callable[[Path, Path], str] = getattr(importlib.import_module(module), name)
    samples = [Path(path) for path in task["samples"]]
    for sample in samples:  # imports, caches and the first use of everything are no growth
        with contextlib.suppress(Exception):  # told of a mutant
            target(sample, sample)
    _limit(task["memory_mb"])
    for number in range(task["first"], task["stop"]):
        sample = samples[number % len(samples)]
        path = Path(task["folder"], f"mutant{sample.suffix}")
        path.write_bytes(mutant(sample.read_bytes(), seed=task["seed"], number=number))
        print(json.dumps({"begin": number}), flush=True)
        memory, cpu, detail = _peak_mb(), time.process_time(), ""
        try:
            outcome = target(path, sample)
        except AssertionError:
            outcome, detail = "contradiction", traceback.format_exc(limit=-2)
        except MemoryError:
            outcome, detail = "memory", traceback.format_exc(limit=-3)
        except Exception:
            outcome, detail = "error", traceback.format_exc(limit=-3)
        said = {"number": number, "sample": sample.name, "outcome": outcome, "detail": detail}
        said |= {"growth_mb": _peak_mb() - memory, "cpu_s": time.process_time() - cpu}
        print(json.dumps(said), flush=True)
    os._exit(0)


def _limit(memory_mb: int) -> None:
    if resource is None:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if Path("/proc/self/statm").exists():
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + memory_mb * 2**20
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _peak_mb() -> float:
    return 0.0 if resource is None else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(arguments: Sequence[str] | None = None) -> int:
    """Decodes mutants for a while and keeps those that do harm; the exit code is 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--child", type=json.loads, help=argparse.SUPPRESS)
    parser.add_argument("--target", default="fuzz_targets:kit")
    parser.add_argument("--samples", type=Path, nargs="*", help="videos to damage (default: small ones, made now)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--keep", type=Path, help="folder for the mutants that do harm")
    options = parser.parse_args(arguments)
    if options.child is not None:
        _child(options.child)
    with tempfile.TemporaryDirectory() as folder:
        samples = options.samples or make_samples(Path(folder))
        tally = hammer(options.target, samples, seed=options.seed, seconds=options.seconds, keep=options.keep)
        for failure in tally.failures:
            print(f"{failure.sample} {failure.number} {failure.outcome} after {failure.after}\n{failure.detail}")
    print(f"{tally.tried} mutants in {tally.seconds:.0f} s: {dict(tally.outcomes)}")
    print(f"largest growth {tally.largest_growth_mb:.0f} MB, longest decode {tally.longest_cpu_s:.2f} s of CPU time")
    return 1 if tally.failures else 0


def make_samples(folder: Path) -> list[Path]:
    """Small videos of twelve drawn frames, one of each kind of container and codec that a course meets."""
    from drawn_videos import encode, numbered  # children that need no video do not wait for it

    frames = numbered(12)
    return [encode(folder / name, frames, **recipe) for name, recipe in SAMPLES.items()]  # type: ignore[arg-type]


if __name__ == "__main__":
    sys.exit(main())
