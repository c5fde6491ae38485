"""What the fuzz decodes with: the kit, a plain decode without protection, and decodes that are broken on purpose."""

from __future__ import annotations

import ctypes
import errno
import os
from functools import cache
from pathlib import Path

import av
import torch
from einops import rearrange
from torch import Tensor

from rev2net_lite import video
from rev2net_lite.video import VideoError, probe_video, read_clip

torch.set_num_threads(1)
MAX_PIXELS = 2**18  # so that a few hundred MB are enough for whatever may still be decoded


@cache
def _true_frames(sample: Path) -> Tensor:
    return read_clip(sample, frames=probe_video(sample).frames, size=None)


def kit(path: Path, sample: Path) -> str:
    """Probes a mutant, reads all its frames and a few; what comes back must agree with itself.

    "same": every frame as in the sample. "other": other frames, in the number that the file now says it holds.
    "refused": a `VideoError` that names the file.
    """
    video._MAX_PIXELS = MAX_PIXELS
    true = _true_frames(sample)
    try:
        info = probe_video(path)
        few = read_clip(path, frames=3, size=(24, 24), allow_repeat=True, max_pixels=MAX_PIXELS)
        clip = read_clip(path, frames=min(info.frames, 200), allow_repeat=True, size=None, max_pixels=MAX_PIXELS)
    except VideoError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno == errno.ENOMEM:
            raise MemoryError(str(error)) from error
        assert path.name in str(error) and "\n" not in str(error), error
        return "refused"
    assert few.shape == (3, 3, 24, 24)
    assert info.frames > 200 or clip.shape == (3, info.frames, info.height, info.width), (info, clip.shape)
    assert info.duration_s > 0 and info.fps > 0, info
    return "same" if clip.shape == true.shape and torch.equal(clip, true) else "other"


def plain(path: Path, sample: Path) -> str:
    """What a reader writes who trusts the file: the declared size is allocated and the frames are stacked."""
    true = _true_frames(sample)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24", threads=1) for frame in container.decode(stream)]
        declared = stream.frames
    clip = rearrange(torch.from_numpy(torch.stack([torch.from_numpy(f) for f in frames]).numpy()), "t h w c -> c t h w")
    assert declared in (0, clip.shape[1]), f"{clip.shape[1]} of {declared} frames came back, and nothing was said"
    return "same" if torch.equal(clip, true) else "other"


def broken(path: Path, sample: Path) -> str:
    """Dies in one way or another, as the sample is called; a mutant is unharmed where its length is a multiple of 4."""
    if path == sample or path.stat().st_size % 4 == 0:
        return "same"
    match sample.stem:
        case "abort":
            os.abort()
        case "segfault":
            ctypes.string_at(0)
        case "hang":
            while True:
                pass
        case "memory":
            return str(len(bytearray(2**40)))
        case "error":
            raise ZeroDivisionError("float division by zero")
    raise AssertionError("3 of 12 frames")
