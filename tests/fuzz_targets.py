"""What the fuzz decodes with: the kit, the kit with a defect, and a plain decode without protection."""

from __future__ import annotations

import errno
import math
from dataclasses import replace
from functools import cache
from pathlib import Path

import av
import torch
from einops import rearrange
from torch import Tensor

from rev2net_lite.video import VideoError, VideoInfo, frame_times, probe_video, read_clip

torch.set_num_threads(1)


@cache
def _true_frames(sample: Path) -> Tensor:
    return read_clip(sample, frames=probe_video(sample).frames, size=None)


def kit(path: Path, sample: Path) -> str:
    """Probes a mutant, reads all its frames and a few; what comes back must agree with itself.

    "same": every frame as in the sample. "other": other frames, in the number that the file now says it holds.
    "refused": a `VideoError` that names the file.
    """
    true = _true_frames(sample)
    try:
        info, edges = probe_video(path), frame_times(path)
        few = read_clip(path, frames=3, size=(24, 24), allow_repeat=True)
        clip = read_clip(path, frames=min(info.frames, 200), size=None)
    except VideoError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.ENOMEM:
            raise MemoryError(str(error)) from error
        assert path.name in str(error) and "\n" not in str(error), error
        assert "frames were asked for" not in str(error), f"{info} but {error}"
        return "refused"
    assert few.shape == (3, 3, 24, 24)
    assert clip.shape == (3, min(info.frames, 200), info.height, info.width), (info, clip.shape)
    assert len(edges) == info.frames + 1 and bool((edges.diff() > 0).all()), (info, edges)
    assert info.duration_s == edges[-1] and 0 < info.fps < math.inf, info
    return "same" if clip.shape == true.shape and torch.equal(clip, true) else "other"


def plain(path: Path, sample: Path) -> str:
    """What somebody writes who trusts the file: open, decode, stack."""
    true = _true_frames(sample)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [torch.from_numpy(frame.to_ndarray(format="rgb24", threads=1)) for frame in container.decode(stream)]
        declared = stream.frames
    clip = rearrange(frames, "t h w c -> c t h w")
    assert declared in (0, clip.shape[1]), f"{clip.shape[1]} of {declared} frames came back, and nothing was said"
    return "same" if torch.equal(clip, true) else "other"


def miscounting(path: Path, sample: Path) -> str:
    """The kit, had it one frame too many in its count."""
    _true_frames(sample)
    right = globals()["probe_video"]

    def wrong(path: Path) -> VideoInfo:
        info = right(path)
        return replace(info, frames=info.frames + 1)

    globals()["probe_video"] = wrong
    try:
        return kit(path, sample)
    finally:
        globals()["probe_video"] = right
