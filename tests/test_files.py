"""Files that appear whole or not at all, and folders that are held."""

from __future__ import annotations

import errno
import os
import pickle
from pathlib import Path

import pytest

from rev2net_lite import files
from rev2net_lite.files import (
    DRAFT,
    WriteError,
    hold_folder,
    sweep_drafts,
    with_section,
    write_atomically,
    write_text_atomically,
)


def test_a_file_is_replaced_whole_and_readable_by_others(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for text in ("old", "grün"):
        write_text_atomically(path, text)
        assert path.read_bytes() == text.encode()
    assert path.stat().st_mode & 0o044 == 0o044
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_a_draft_of_a_long_name_is_no_longer_than_names_may_be(tmp_path: Path) -> None:
    write_text_atomically(tmp_path / ("走" * 80), "")
    assert len(list(tmp_path.iterdir())) == 1


def test_only_a_durable_write_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[int] = []
    monkeypatch.setattr(files.os, "fsync", waited.append)
    write_atomically(tmp_path / "a", b"1", durable=False)
    assert not waited
    write_atomically(tmp_path / "a", b"1")
    assert len(waited) == 1


@pytest.mark.parametrize("name", ["mkstemp", "fsync", "replace"])
def test_a_broken_write_leaves_the_old_text_and_no_part(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    write_text_atomically(path, "old")

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr({"mkstemp": files.tempfile, "fsync": files.os, "replace": Path}[name], name, fail)
    message = r"a.json cannot be written: No space left on device; what was there before is kept. Make room, check"
    with pytest.raises(WriteError, match=message) as caught:
        write_text_atomically(path, "new")
    assert isinstance(caught.value, ValueError) and caught.value.errno == errno.ENOSPC
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_ctrl_c_leaves_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        write_text_atomically(tmp_path / "a", "new")
    assert not list(tmp_path.iterdir())


def test_the_error_says_the_same_when_another_process_raised_it() -> None:
    for error in (WriteError(errno.EROFS, "Read-only file system", "/a/b"), WriteError(None, "full", "/a/b")):
        assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_what_nobody_touched_for_an_hour_is_swept_and_nothing_else(tmp_path: Path) -> None:
    old, new, other = (tmp_path / name for name in (f".a.json.x1{DRAFT}", f".a.json.x2{DRAFT}", ".other.part"))
    workshop, busy = tmp_path / f".d.x1{DRAFT}", tmp_path / f".d.x2{DRAFT}"
    for folder in (workshop, busy):
        (folder / "new" / "videos").mkdir(parents=True)
        (folder / "new" / "videos" / "a.mp4").touch()
    for path in (old, new, other):
        path.touch()
    long_ago = files.time.time() - 2 * files._ABANDONED_S
    for path in (old, other, workshop / "new" / "videos", workshop / "new", workshop, busy / "new", busy):
        os.utime(path, (long_ago, long_ago))
    (tmp_path / f".gone{DRAFT}").symlink_to("nowhere")
    sweep_drafts(tmp_path)
    assert not old.exists() and not workshop.exists()
    assert new.exists() and other.exists() and (busy / "new" / "videos" / "a.mp4").exists()


def test_a_write_sweeps_what_killed_writers_left(tmp_path: Path) -> None:
    left = tmp_path / f".a.json.x1{DRAFT}"
    left.touch()
    os.utime(left, (0, 0))
    write_text_atomically(tmp_path / "b.json", "")
    assert not left.exists()


def test_a_folder_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    lock = hold_folder(folder)
    hold_folder(folder, lock=".other.lock").release()
    for wait_s in (0.0, 0.05):
        with pytest.raises(ValueError, match=r"another run is writing to .*b; wait for it, stop it, or give this one"):
            hold_folder(folder, wait_s=wait_s)
    lock.release()
    hold_folder(folder).release()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match=r"file cannot be written: File exists; what was there before is kept"):
        hold_folder(tmp_path / "file")


def test_a_section_between_marks_is_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("before\n<!-- a -->\nold\n<!-- b -->\nafter\n", encoding="utf-8")
    text = with_section(path, "new\n", marks=("<!-- a -->", "<!-- b -->"))
    assert text == "before\n<!-- a -->\nnew\n<!-- b -->\nafter\n"
    assert "old" in path.read_text("utf-8")
    with pytest.raises(
        ValueError, match=r"README\.md lacks the line '<!-- b -->' or '<!-- a -->'; what a command makes"
    ):
        with_section(path, "new\n", marks=("<!-- b -->", "<!-- a -->"))
