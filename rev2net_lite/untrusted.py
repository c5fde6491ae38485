"""Files from strangers are data: JSON of bounded size and depth, and paths that stay inside their folder."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, NoReturn

__all__ = ["confined", "read_json"]

# The kit's own files have up to a few megabytes; a history of thousands of epochs stays far below this.
_MOST_BYTES = 50_000_000


def read_json(path: Path, *, most_bytes: int = _MOST_BYTES) -> Any:
    """What a JSON file holds: only objects, lists, texts, finite numbers, true, false and null.

    Args:
        path: the file.
        most_bytes: larger files are not read.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no file, is too large, is not JSON in UTF-8, or is nested too deeply.
    """
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise ValueError(f"{path} is no file; expected one of JSON")
    with path.open("rb") as file:
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise ValueError(f"{path} has more than {most_bytes:,} bytes; files of the kit are far smaller")
    try:
        return json.loads(content.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError as error:
        raise ValueError(f"{path} is not JSON as the kit writes it: it is nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error


def confined(folder: Path, name: object) -> Path:
    """The path of a file that another file of the same folder names.

    Args:
        folder: where the path must stay, links resolved.
        name: relative to it, with forward slashes.

    Raises:
        ValueError: it is no text, is empty, absolute or has `..` in it, or leads out of the folder through a link.

    >>> confined(Path("videos"), "a/b.mp4").as_posix()
    'videos/a/b.mp4'
    """
    fault = None
    if not isinstance(name, str) or not name or "\0" in name:
        fault = "is no name of a file"
    elif PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor:
        fault = "is no path relative to the folder"
    elif ".." in PureWindowsPath(name).parts:
        fault = "leads out of the folder"
    elif not (folder / name).resolve().is_relative_to(folder.resolve()):
        fault = "leads out of the folder through a link"
    if fault is not None:
        raise ValueError(f"{name!r} {fault} ({folder}); files are named relative to it and lie inside it")
    return folder / str(name)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number that JSON knows")


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"{text} is too large for a number")
    return value
