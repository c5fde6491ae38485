"""The notebook series at the profile `smoke`, as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from time import perf_counter

from rev2net_lite.bench.measuring import Row, holds

__all__ = ["notebook_rows"]


def notebook_rows() -> Iterator[Row]:
    """Minutes of the clock, and of the processor, which other programs on the machine do not lengthen."""
    command = [sys.executable, "-m", "rev2net_lite", "run", "--profile", "smoke", "--build"]
    started, used = perf_counter(), _children_s()
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([*command, folder], capture_output=True, text=True)
    minutes, of_processor = (perf_counter() - started) / 60, (_children_s() - used) / 60
    what = f"notebook series at smoke, {os.cpu_count()} cores"
    if done.returncode:
        failed = [line for line in done.stdout.splitlines() if ": failed after" in line]
        own = [line for line in done.stderr.splitlines() if line.startswith("rev2net: ")]
        said = (failed or own or done.stderr.splitlines() or ["no word"])[-1]
        yield Row(what, void=f"it failed: {said[:150]}")
        return
    goal = "<= 6"
    yield Row(what, minutes, None, minutes, goal, holds(minutes, goal), "min", 1)
    yield Row(f"{what}: processor time", of_processor, unit="min", n=1)


def _children_s() -> float:
    times = os.times()
    return times.children_user + times.children_system
