"""Decodes that are broken on purpose; the fuzz is shown to catch each of them."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

_seen: list[Path] = []


def broken(path: Path, sample: Path) -> str:
    """Does harm as the sample is called, unless the mutant's length is a multiple of 4."""
    if path == sample or path.stat().st_size % 4 == 0:
        return "same"
    _seen.append(path)
    match sample.stem:
        case "abort":
            os.abort()
        case "segfault":
            ctypes.string_at(0)
        case "exit":
            os._exit(3)
        case "hang":
            while True:
                pass
        case "memory":
            return str(len(bytearray(2**40)))
        case "error":
            return str(1 / 0)
        case "third":  # each alone is harmless, as where one decode spoils memory and a later one dies of it
            if len(_seen) == 3:
                os.abort()
            return "same"
    raise AssertionError("3 of 12 frames")
