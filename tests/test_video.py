"""Frames are told apart by their number, drawn into the pixels as black and white blocks that survive compression."""

from __future__ import annotations

import csv
import itertools
import os
import socket
import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import pytest
import torch
from einops import rearrange, repeat
from torch import Tensor

from rev2net_lite import video
from rev2net_lite.shapes import ShapeError
from rev2net_lite.video import VideoError, frame_times, probe_video, read_clip, sampled_frames, write_video

COUNT = 40
BIT = torch.arange(8)


def numbered(count: int = COUNT, *, first: int = 0) -> Tensor:
    """`(3 t 48 64)` uint8: a moving texture below, the frame's number in eight 16x16 blocks above."""
    number = torch.arange(first, first + count)
    bits = (number[:, None] >> BIT) & 1
    blocks = repeat(bits * 255, "t (r k) -> c t (r h) (k w)", c=3, r=2, h=16, w=16)
    row, column = torch.meshgrid(torch.arange(16), torch.arange(64), indexing="ij")
    texture = 128 + 80 * torch.sin(0.4 * (column + 3 * number[:, None, None]) + row)
    return torch.cat([blocks, repeat(texture, "t h w -> c t h w", c=3)], dim=2).to(torch.uint8)


def numbers(clip: Tensor) -> list[int]:
    """The numbers drawn into a clip of `numbered` frames."""
    bits = clip[:, :, :32].float().mean(0).unflatten(1, (2, 16)).unflatten(3, (4, 16)).mean((2, 4)) > 128
    return (bits.flatten(1) * 2**BIT).sum(1).tolist()


def encode(
    path: Path,
    frames: Tensor,
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    options: dict[str, str] | None = None,
    stamps_ms: Sequence[int] | None = None,
    matrix: Sequence[int] | None = None,
) -> Path:
    """A file of frames (3 t h w), 25 per second unless `stamps_ms` says when each is shown."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options or {})
        stream.height, stream.width, stream.pix_fmt = frames.shape[2], frames.shape[3], pixels
        stream.codec_context.thread_count = 1
        if stamps_ms is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if matrix is not None:
            stream.set_display_matrix(list(matrix))
        for index, image in enumerate(rearrange(frames, "c t h w -> t h w c").contiguous().numpy()):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            if stamps_ms is not None:
                frame.pts, frame.time_base = stamps_ms[index], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def decoded(path: Path) -> tuple[Tensor, list[float]]:
    """The reference: every frame (3 t h w) of a plain decode in order, upright, and its time since the first."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    images = [torch.rot90(torch.from_numpy(f.to_ndarray(format="rgb24")), f.rotation // 90) for f in frames]
    times = [(f.time or 0.0) - (frames[0].time or 0.0) for f in frames]
    return rearrange(images, "t h w c -> c t h w"), times


def remuxed(source: Path, target: Path, change: object = None, *, skip: int = 0) -> Path:
    """The packets of a file from number `skip` on, each handed to `change(packet, position)`, in a new file."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for position, packet in enumerate(packet for packet in old.demux(video=0) if packet.size):
            if position >= skip:
                if callable(change):
                    change(packet, position)
                packet.stream = stream
                new.mux(packet)
    return target


UNEVEN_MS = list(itertools.accumulate([40, 20, 90, 33, 17] * (COUNT // 5), initial=0))[:COUNT]
LONG_MS = [3_600_000 + 40 * i for i in range(COUNT)]
FILES: dict[str, tuple[str, dict[str, object]]] = {
    "short groups": ("a.mp4", {"options": {"g": "4", "bf": "0"}}),
    "long groups, B-frames": ("a.mp4", {"options": {"g": "30", "bf": "3"}}),
    "variable rate": ("a.mp4", {"options": {"g": "12"}, "stamps_ms": UNEVEN_MS}),
    "open groups": ("a.mp4", {"options": {"x264-params": "open-gop=1:keyint=8:bframes=3:b-adapt=0:scenecut=0"}}),
    "start far from zero": ("a.mkv", {"options": {"g": "12", "bf": "2"}, "stamps_ms": LONG_MS}),
    "intra refresh": ("a.mp4", {"options": {"x264-params": "intra-refresh=1:keyint=10:bframes=0"}}),
    "no key frames flagged": ("a.avi", {"codec": "mpeg4", "options": {"g": "10", "bf": "2"}}),
    "MPEG-2 open groups": ("a.mpg", {"codec": "mpeg2video", "options": {"g": "8", "bf": "2"}}),
    "HEVC, 10 bit, open groups": (
        "a.mp4",
        {"codec": "libx265", "pixels": "yuv420p10le", "options": {"x265-params": "keyint=8:bframes=3:log-level=none"}},
    ),
    "VP8 with invisible frames": (
        "a.webm",
        {"codec": "libvpx", "options": {"auto-alt-ref": "1", "lag-in-frames": "16", "g": "12", "b": "400k"}},
    ),
    "VP9 with invisible frames": (
        "a.webm",
        {"codec": "libvpx-vp9", "options": {"auto-alt-ref": "1", "lag-in-frames": "16", "g": "12", "cpu-used": "8"}},
    ),
}


@pytest.mark.parametrize("kind", FILES)
def test_every_frame_and_several_clips_equal_a_plain_decode(kind: str, tmp_path: Path) -> None:
    name, recipe = FILES[kind]
    path = encode(tmp_path / name, numbered(), **recipe)  # type: ignore[arg-type]
    whole, times = decoded(path)
    assert numbers(whole) == list(range(COUNT))
    edges = frame_times(path)
    assert edges[:-1].tolist() == pytest.approx(times, abs=1e-9)
    for index in range(COUNT):
        start, end = edges[index : index + 2].tolist()
        frame = read_clip(path, frames=1, size=None, start_s=start, duration_s=end - start)
        assert torch.equal(frame, whole[:, index : index + 1]), index
    for frames, start in ((16, 0.0), (5, 0.3), (COUNT, 0.0)):
        clip = read_clip(path, frames=frames, size=None, start_s=start, allow_repeat=True)
        length = (float(edges[-1]) - start) / frames
        middles = [start + (part + 0.5) * length for part in range(frames)]
        assert torch.equal(clip, whole[:, [sum(t <= m + 1e-7 for t in times) - 1 for m in middles]])
