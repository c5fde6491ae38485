from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rev2net_lite.untrusted import confined, read_json


def test_plain_data_comes_back(tmp_path: Path) -> None:
    data = {"a": [1, -2.5, None, True], "ü": {"x": "y"}}
    (tmp_path / "a.json").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    assert read_json(tmp_path / "a.json") == data


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", r"a.json is not JSON: Expecting property name"),
        (b"\xff\xfe{}", "a.json is not JSON: 'utf-8' codec can't decode"),
        (b"[NaN]", "a.json is not JSON: NaN is no number that JSON knows"),
        (b"[-Infinity]", "a.json is not JSON: -Infinity is no number"),
        (b"[1e999]", "a.json is not JSON: 1e999 is too large for a number"),
        (b"[" + b"1" * 6000 + b"]", "a.json is not JSON: Exceeds the limit"),
        (b"[" * 100_000, "a.json is not JSON as the kit writes it: it is nested too deeply"),
        (b'{"a":' * 100_000, "it is nested too deeply"),
    ],
)
def test_what_is_no_plain_data_is_told(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_json(tmp_path / "a.json")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.json").open("wb") as file:
        file.truncate(2**40)  # a hole: no space is used
    with pytest.raises(ValueError, match=r"a.json has more than 50,000,000 bytes; files of the kit are far smaller"):
        read_json(tmp_path / "a.json")
    (tmp_path / "b.json").write_text("[1, 2]")
    assert read_json(tmp_path / "b.json", most_bytes=6) == [1, 2]
    with pytest.raises(ValueError, match=r"b.json has more than 5 bytes"):
        read_json(tmp_path / "b.json", most_bytes=5)


def test_a_file_that_is_not_there_stays_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "a.json")


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    os.mkfifo(tmp_path / "pipe.json")
    for name in ("folder.json", "pipe.json"):
        with pytest.raises(ValueError, match=f"{name} is no file; expected one of JSON"):
            read_json(tmp_path / name)


def test_paths_inside_are_let_through(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "inside").symlink_to(tmp_path / "x")
    for name in ("a", "b/c.mp4", "b/inside", "..hidden", "ü ß.mp4", "not/there"):
        assert confined(tmp_path, name) == tmp_path / name
    (tmp_path.parent / f"{tmp_path.name}-link").symlink_to(tmp_path)
    assert confined(tmp_path.parent / f"{tmp_path.name}-link", "b/c.mp4").name == "c.mp4"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (None, r"None is no name of a file \(.*\); files are named relative to it and lie inside it"),
        (7, "7 is no name of a file"),
        ("", "'' is no name of a file"),
        ("a\0b", "is no name of a file"),
        ("/etc/passwd", "'/etc/passwd' is no path relative to the folder"),
        ("C:\\x", "is no path relative to the folder"),
        ("\\\\server\\x", "is no path relative to the folder"),
        ("../x", "'../x' leads out of the folder"),
        ("a/../../x", "leads out of the folder"),
        ("a\\..\\..\\x", "leads out of the folder"),
        ("out", "'out' leads out of the folder through a link"),
        ("out/x", "leads out of the folder through a link"),
    ],
)
def test_paths_that_lead_elsewhere_are_refused(name: object, message: str, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "out").symlink_to(tmp_path)
    with pytest.raises(ValueError, match=message):
        confined(folder, name)
