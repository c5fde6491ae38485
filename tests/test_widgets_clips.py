from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from rev2net_lite.bundled import asset
from rev2net_lite.video import write_video
from rev2net_lite.widgets import ClipsState, bundled_videos, clip_explorer, render_clip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two videos, one of them in a folder below, and a file that is none."""
    (tmp_path / "deep").mkdir()
    frames = (torch.arange(4)[:, None, None, None] * 60).expand(4, 3, 48, 64).to(torch.uint8)
    write_video(tmp_path / "deep" / "grey.mp4", frames.movedim(1, 0), fps=2)
    shutil.copy(bundled_videos()["studio/grow"], tmp_path / "grow.MP4")
    (tmp_path / "notes.txt").write_text("no video")
    return tmp_path


def test_the_bundled_videos_have_names() -> None:
    videos = bundled_videos()
    assert len(videos) == 16 and set(videos.values()) == set(asset("videos").rglob("*.mp4"))
    assert all(path.stem == f"{name.split('/')[1]}_0000" for name, path in videos.items())


def test_a_frame_of_a_bundled_video_is_shown_with_its_time() -> None:
    picture = render_clip(ClipsState("street/fall", 3))
    assert picture.alt.startswith("street/fall. Frame 3 of the 8 from 0 to 7, of 64 x 64 px, at 0.38 s: ")


def test_a_folder_is_looked_through(folder: Path) -> None:
    state = ClipsState(folder=str(folder))
    assert state.video == "deep/grey.mp4"
    made = clip_explorer(ClipsState(folder=str(folder), frames=4))
    assert made.inputs["video"].options == ("deep/grey.mp4", "grow.MP4") and made.inputs["frame"].max == 3
    levels = []
    for frame in range(4):
        made.inputs["frame"].value = frame
        assert made.picture is not None and f"at {0.5 * frame:.2f} s" in made.picture.alt
        levels.append(float(made.picture.alt.split("brightness ")[1].split(" ")[0]))
    assert levels == pytest.approx([0, 60 / 255, 120 / 255, 180 / 255], abs=0.02)
    made.inputs["video"].value = "grow.MP4"
    assert made.error == "" and "64 x 64 px" in made.picture.alt  # type: ignore[union-attr]


def test_a_video_with_fewer_frames_than_asked_repeats_them(folder: Path) -> None:
    assert "at 1.50 s" in render_clip(ClipsState("deep/grey.mp4", 11, 12, str(folder))).alt


def test_a_file_that_changed_is_read_again(folder: Path) -> None:
    state = ClipsState("deep/grey.mp4", folder=str(folder))
    assert "64 x 48 px" in render_clip(state).alt
    shutil.copy(folder / "grow.MP4", folder / "deep" / "grey.mp4")
    assert "64 x 64 px" in render_clip(state).alt


def test_a_broken_video_is_said(folder: Path) -> None:
    (folder / "broken.mp4").write_bytes(b"no video")
    made = clip_explorer(ClipsState(folder=str(folder)))
    made.inputs["video"].value = "broken.mp4"
    assert "broken.mp4" in made.error and made.state.video == "broken.mp4"


def test_a_state_that_cannot_be_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        ValueError, match=r"there is no video 'x' in the bundled videos; it has studio/fall, .*, \.\.\."
    ):
        ClipsState("x")
    with pytest.raises(ValueError, match=r"there is no video 'x' in .*; it has deep/grey.mp4, grow.MP4"):
        ClipsState("x", folder=str(folder))
    with pytest.raises(ValueError, match="frames is 33; it should be from 2 to 32"):
        ClipsState(frames=33)
    with pytest.raises(ValueError, match="frame is 8; of 8 frames the last is 7"):
        ClipsState(frame=8)
    with pytest.raises(ValueError, match="nowhere is not a folder; name a folder of videos"):
        ClipsState(folder=str(folder / "nowhere"))
    monkeypatch.setattr("rev2net_lite.widgets.clips._MOST_VIDEOS", 1)
    with pytest.raises(ValueError, match="has 2 videos, too many to choose from; name a folder below it"):
        ClipsState(folder=str(folder))
    shutil.rmtree(folder / "deep")
    (folder / "grow.MP4").unlink()
    with pytest.raises(ValueError, match=r"has no videos; expected files ending in .mp4, "):
        ClipsState(folder=str(folder))
