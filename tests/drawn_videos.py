"""Videos whose frames are told apart by their number, drawn as black and white blocks that survive compression."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import torch
from einops import rearrange, repeat
from torch import Tensor

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
    container: dict[str, str] | None = None,
) -> Path:
    """A file of frames (3 t h w), 25 per second unless `stamps_ms` says when each is shown.

    `options` go to the encoder, `container` to the container.
    """
    with av.open(str(path), "w", options=container or {}) as file:
        fixed = (
            {"sc_threshold": "0"} if codec == "libx264" else {}
        )  # key frames where `g` says, not where scenes change
        stream = file.add_stream(codec, rate=25, options={**fixed, **(options or {})})
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
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path


def decoded(path: Path) -> tuple[Tensor, list[float]]:
    """The reference: every frame (3 t h w) of a plain decode in order, upright, and its time since the first."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    images = [torch.rot90(torch.from_numpy(f.to_ndarray(format="rgb24", threads=1)), f.rotation // 90) for f in frames]
    times = [(f.time or 0.0) - (frames[0].time or 0.0) for f in frames]
    return rearrange(images, "t h w c -> c t h w"), times


def remuxed(
    source: Path,
    target: Path,
    change: Callable[[av.Packet, int], av.Packet] = lambda packet, _: packet,
    *,
    skip: int = 0,
    options: dict[str, str] | None = None,
) -> Path:
    """The packets of a file from number `skip` on, each handed to `change(packet, position)`, in a new file."""
    with av.open(str(source)) as old, av.open(str(target), "w", options=options or {}) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        for position, packet in enumerate(packet for packet in old.demux(video=0) if packet.size):
            if position >= skip:
                changed = change(packet, position)
                changed.stream = stream
                new.mux(changed)
    return target
