"""A browser of videos: one frame large among all frames of a clip."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from torch import Tensor

from rev2net_lite import plots
from rev2net_lite.bundled import asset
from rev2net_lite.datasets import VIDEO_SUFFIXES
from rev2net_lite.plots import Picture
from rev2net_lite.video import frame_times, probe_video, read_clip, sampled_frames
from rev2net_lite.widgets.shell import Choice, Control, Explorer, Steps

__all__ = ["ClipsState", "bundled_videos", "clip_explorer", "render_clip", "short_name"]

_MOST_FRAMES, _MOST_VIDEOS = 32, 500
# The shorter side of a large video as it is shown.
_SHORTER_PX = 240


def bundled_videos() -> dict[str, Path]:
    """The example videos that travel with the kit, by name.

    >>> list(bundled_videos())[0], len(bundled_videos())
    ('studio/fall', 16)
    """
    return {
        f"{domain}/{path.stem.removesuffix('_0000')}": path
        for domain in ("studio", "street")
        for path in sorted(asset(f"videos/{domain}/videos").glob("*.mp4"))
    }


@dataclass(frozen=True)
class ClipsState:
    """Which frame of which video is shown.

    Args:
        video: its name: `"studio/slide_right"` for a bundled one, else its path below the folder; "" takes the first.
        frame: which of the frames is shown large, from 0.
        frames: how many frames are taken from the video, at equal distances.
        folder: a folder of videos, looked through with all folders in it; "" stands for the bundled videos.

    Raises:
        ValueError: no such folder, no such video in it, or a number out of its range.
    """

    video: str = ""
    frame: int = 0
    frames: int = 8
    folder: str = ""

    def __post_init__(self) -> None:
        videos = _videos(self.folder)
        if not self.video:
            object.__setattr__(self, "video", next(iter(videos)))
        if self.video not in videos:
            some = ", ".join(list(videos)[:8]) + (", ..." if len(videos) > 8 else "")
            raise ValueError(
                f"there is no video '{self.video}' in {self.folder or 'the bundled videos'}; it has {some}"
            )
        if not 2 <= self.frames <= _MOST_FRAMES:
            raise ValueError(f"frames is {self.frames}; it should be from 2 to {_MOST_FRAMES}")
        if not 0 <= self.frame < self.frames:
            raise ValueError(f"frame is {self.frame}; of {self.frames} frames the last is {self.frames - 1}")


def render_clip(state: ClipsState) -> Picture:
    """The frame of the state large with its time in the video, and the other frames below it.

    Raises:
        VideoError: the video cannot be read.
    """
    path = _videos(state.folder)[state.video]
    clip, times_s = _clip(path, path.stat().st_mtime_ns, state.frames)
    return plots.frame_view(clip, state.frame, times_s=times_s, title=short_name(state.video))


def clip_explorer(state: ClipsState | None = None) -> Explorer[ClipsState]:
    """An explorer of the frames of videos; the folder and the number of frames are those of the first state."""
    state = state or ClipsState()
    controls: list[Control] = [
        Choice("video", "Video", tuple(_videos(state.folder))),
        Steps("frame", "Frame of the clip", state.frames - 1),
    ]
    return Explorer(render_clip, state, controls, name="clips")


def short_name(video: str) -> str:
    """The end of a video's name, where it is too long for the title of a figure.

    >>> short_name("a/" * 30 + "video.mp4")
    '…a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/video.mp4'
    """
    return video if len(video) <= 40 else f"…{video[-39:]}"


def _videos(folder: str) -> dict[str, Path]:
    if not folder:
        return bundled_videos()
    top = Path(folder).expanduser()
    if not top.is_dir():
        raise ValueError(f"{top} is not a folder; name a folder of videos, or none for the bundled videos")
    paths = sorted(path for path in top.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file())
    if not paths:
        raise ValueError(f"{top} has no videos; expected files ending in {', '.join(VIDEO_SUFFIXES)}")
    if len(paths) > _MOST_VIDEOS:
        raise ValueError(f"{top} has {len(paths)} videos, too many to choose from; name a folder below it")
    return {path.relative_to(top).as_posix(): path for path in paths}


@lru_cache(maxsize=16)
def _clip(path: Path, _changed: int, frames: int) -> tuple[Tensor, list[float]]:
    """The clip, and when each of its frames is first shown in the video, in seconds."""
    info = probe_video(path)
    shrink = max(1.0, min(info.width, info.height) / _SHORTER_PX)
    size = max(1, round(info.height / shrink)), max(1, round(info.width / shrink))
    clip = read_clip(path, frames=frames, size=size, crop=None, allow_repeat=True)
    times = frame_times(path)
    numbers = sampled_frames(times, frames=frames, allow_repeat=True)
    return clip, times[numbers].tolist()
