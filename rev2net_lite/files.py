"""Files that appear whole or not at all, and folders that one process at a time writes to.

Whatever ends a process, `kill -9` and a full disk included, a reader finds the old file or the new one, never a part.
What a killed process leaves, a draft under a hidden name of its own, is never read, and a later writer removes it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path

from filelock import FileLock, Timeout

__all__ = [
    "DRAFT",
    "WriteError",
    "hold_folder",
    "sweep_drafts",
    "with_section",
    "write_atomically",
    "write_text_atomically",
]

DRAFT = ".rev2net-draft"
"""How the hidden name of a draft ends, so that it is told from whatever else lies in a folder."""

# A draft that nobody has touched for so long belongs to a process that was killed: writing one takes seconds.
_ABANDONED_S = 3600


class WriteError(OSError, ValueError):
    """A file or folder that cannot be written; an `OSError` with its number, and a sentence for the user."""

    def __str__(self) -> str:
        return (
            f"{self.filename} cannot be written: {self.strerror}; what was there before is kept. Make room, check the "
            "rights, or choose another folder"
        )


def write_atomically(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Nothing; a reader of `path` finds the old content or the new one, never a part.

    Args:
        path: its folder must exist.
        content: the whole file.
        durable: wait until the content is on the disk, so that a power cut cannot take it; a cache needs no such thing.

    Raises:
        WriteError: the disk is full, the folder is read-only, ...; what was there before is kept.
    """
    sweep_drafts(path.parent)
    part: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=DRAFT)
        part = Path(name)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        # mkstemp makes private files; what a run leaves is for everybody who may read its folder.
        part.chmod(0o644)
        part.replace(path)
    except BaseException as error:
        if part is not None:
            part.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _write_error(error, path) from error
        raise


def write_text_atomically(path: Path, text: str) -> None:
    """Nothing; as `write_atomically`, of text in UTF-8."""
    write_atomically(path, text.encode())


def with_section(path: Path, section: str, *, marks: tuple[str, str]) -> str:
    """The text of a file with what stands between the lines `marks` replaced; the file stays as it is.

    Raises:
        ValueError: the marks are not there.
    """
    text = path.read_text("utf-8")
    start, end = (text.find(mark) for mark in marks)
    if not 0 <= start < end:
        raise ValueError(f"{path} lacks the line {marks[0]!r} or {marks[1]!r}; what a command makes goes between them")
    return f"{text[: start + len(marks[0])]}\n{section}{text[end:]}"


def hold_folder(folder: Path, *, lock: str = ".run.lock", wait_s: float = 0.0) -> FileLock:
    """The lock on a folder, taken; the system frees it when this process ends, however it ends.

    Args:
        folder: made if need be.
        lock: name of the lock's file, which stays; locks of different names do not exclude each other.
        wait_s: how long to wait for another process before giving up.

    Raises:
        ValueError: another process holds it.
        WriteError: the folder cannot be made or written.
    """
    held = FileLock(folder / lock)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held.acquire(timeout=wait_s)
    except Timeout as error:
        raise ValueError(
            f"another run is writing to {folder}; wait for it, stop it, or give this one another output folder"
        ) from error
    except OSError as error:
        raise _write_error(error, folder) from error
    return held


def sweep_drafts(folder: Path) -> None:
    """Nothing; drafts in `folder`, files or folders, that nobody has touched for an hour are gone."""
    for entry in folder.glob(f".*{DRAFT}"):
        # Another process may sweep at the same time.
        with contextlib.suppress(OSError):
            touched = [each.stat().st_mtime for each in (entry, *(each for each in entry.rglob("*") if each.is_dir()))]
            if time.time() - max(touched) > _ABANDONED_S:
                if entry.is_dir():
                    shutil.rmtree(entry)
                else:
                    entry.unlink()


def _write_error(error: OSError, path: Path) -> WriteError:
    return WriteError(error.errno, error.strerror or str(error), str(path))
