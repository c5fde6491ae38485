"""What test_cluster.py calls on workers: light to import, since each worker process does."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

# Files that say that a call is running in this process.
_RUNNING: set[Path] = set()


def process_of(_: Path) -> int:
    return os.getpid()


def die_once(mark: Path) -> str:
    """Kills its worker, unless the mark is there already."""
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "lived"


def die(_: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(mark: Path) -> None:
    """Refuses the first plan once the second is waiting for its end."""
    if mark.name == "waits":
        wait_for_end(mark)
    while not mark.with_name("waits").exists():
        time.sleep(0.02)
    raise ValueError(f"{mark.name} is refused")


def wait_for_end(mark: Path) -> None:
    """Waits until `end_all` was called in this process."""
    _RUNNING.add(mark)
    mark.touch()
    while mark.exists():
        time.sleep(0.02)
    _RUNNING.remove(mark)


def end_all() -> int:
    for mark in list(_RUNNING):
        mark.unlink(missing_ok=True)
    return len(_RUNNING)
