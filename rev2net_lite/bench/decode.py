"""Sixteen frames of a file as 112 x 112 pixels: `read_clip` against torchcodec and decord."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from rev2net_lite.bench.measuring import Missing, Row, interleaved, ratio_row
from rev2net_lite.video import frame_times, probe_video, read_clip, sampled_frames, write_video

__all__ = ["decode_rows"]

_FRAMES, _SIZE = 16, 112
_CODE_BITS = 9

# One reader: the file and the places of the wanted frames in the order of showing -> (t c h w) uint8.
_Reader = Callable[[Path, list[int]], Tensor]


def decode_rows() -> Iterator[Row]:
    """Files of 320 x 240 and more (those made here have B-frames), then the small real clips of `REV2NET_CLIPS`."""
    peers = {"torchcodec": _torchcodec, "decord": _decord}
    readers: dict[str, _Reader] = {}
    for name, load in peers.items():
        try:
            readers[name] = load()
        except Missing as missing:
            yield Row(f"decoding, against {name}", void=str(missing))
    goals = {"torchcodec": ">= 1.3", "decord": ">= 1.45"}
    with tempfile.TemporaryDirectory() as folder:
        coded = _coded_videos(Path(folder))
        yield from _exact_rows(coded, readers)
        large = [*coded, *_real(_is_large)]
        yield from _timed("files of 320 x 240 and more", large, readers, goals)
    try:
        small = _small_clips()
    except Missing as missing:
        yield Row("decoding small real clips", void=str(missing))
        return
    yield from _timed("small real clips", small, readers, {"torchcodec": ">= 0.95", "decord": ">= 1.3"})


def _timed(what: str, files: Sequence[Path], readers: dict[str, _Reader], goals: dict[str, str]) -> Iterator[Row]:
    wanted = {
        path: [int(place) for place in sampled_frames(frame_times(path), frames=_FRAMES, allow_repeat=True)]
        for path in files
    }

    def ours() -> None:
        for path in files:
            read_clip(path, frames=_FRAMES, size=(_SIZE, _SIZE), allow_repeat=True)

    def theirs(reader: _Reader) -> Callable[[], None]:
        def call() -> None:
            for path in files:
                _fitted(reader(path, wanted[path]))

        return call

    calls = {"ours": ours} | {name: theirs(reader) for name, reader in readers.items()}
    times = interleaved(calls)
    for name in readers:
        title = f"{_FRAMES} frames at {_SIZE} x {_SIZE}, {len(files)} {what}, against {name}"
        yield ratio_row(title, times[name], times["ours"], goal=goals[name], per=len(files), per_over=len(files))


def _exact_rows(files: Sequence[Path], readers: dict[str, _Reader]) -> Iterator[Row]:
    """How many frames show the number that was asked for, on files that have it drawn into the pixels."""

    def ours(path: Path, places: list[int]) -> Tensor:
        del places
        return read_clip(path, frames=_FRAMES, size=None).transpose(0, 1)

    for name, reader in ({"ours": ours} | readers).items():
        right = asked = 0
        for path in files:
            places = [int(place) for place in sampled_frames(frame_times(path), frames=_FRAMES)]
            shown = [_number(frame) for frame in reader(path, places)]
            right += sum(one == other for one, other in zip(shown, places, strict=True))
            asked += len(places)
        goal = ">= 1" if name == "ours" else ""
        met = right == asked if name == "ours" else None
        yield Row(
            f"share of exact frames, {len(files)} encodings, {name}",
            right / asked,
            None,
            right / asked,
            goal,
            met,
            "1",
            asked,
        )


def _coded_videos(folder: Path) -> list[Path]:
    """Videos whose frames carry their number as bright and dark blocks, of several sizes and lengths."""
    made = []
    for number, (height, width, frames, fps) in enumerate(
        ((240, 320, 250, 25), (480, 640, 150, 30), (720, 1280, 90, 24))
    ):
        generator = torch.Generator().manual_seed(number)
        still = F.interpolate(torch.rand(1, 3, 12, 16, generator=generator), size=(height, width), mode="bicubic")[0]
        still = (still.clamp(0, 1) * 160 + 40).to(torch.uint8)
        clip = torch.stack([_numbered(still.roll((2 * i, 3 * i), (1, 2)), i) for i in range(frames)])
        path = folder / f"coded_{height}.mp4"
        write_video(path, clip.transpose(0, 1), fps=fps, crf=23)
        made.append(path)
    return made


def _numbered(frame: Tensor, number: int) -> Tensor:
    kept = frame.clone()
    for bit in range(_CODE_BITS):
        kept[:, :16, 16 * bit : 16 * bit + 16] = 235 if number >> bit & 1 else 16
    return kept


def _number(frame: Tensor) -> int:
    blocks = frame[:, 4:12, : 16 * _CODE_BITS].float().mean((0, 1)).unflatten(0, (_CODE_BITS, 16))[:, 4:12].mean(1)
    return sum(1 << bit for bit, value in enumerate(blocks.tolist()) if value > 128)


def _real(chosen: Callable[[Path], bool]) -> list[Path]:
    folder = os.environ.get("REV2NET_CLIPS")
    found = sorted(Path(folder, "actions").rglob("*")) if folder else []
    return [path for path in found if path.suffix in (".mp4", ".avi", ".mkv", ".webm") and chosen(path)]


def _is_large(path: Path) -> bool:
    info = probe_video(path)
    return min(info.width, info.height) >= 240


def _small_clips() -> list[Path]:
    found = _real(lambda path: not _is_large(path))
    if not found:
        raise Missing("set REV2NET_CLIPS to a folder of test videos that has actions/")
    return found


def _fitted(frames: Tensor) -> Tensor:
    """The work that every reader's frames still need: shorter side to the size, then the middle."""
    height, width = frames.shape[-2:]
    scale = _SIZE / min(height, width)
    size = (max(_SIZE, round(height * scale)), max(_SIZE, round(width * scale)))
    # Channels last, as frames come from a decoder: the resampling of bytes is quickest so.
    small = F.interpolate(
        frames.contiguous(memory_format=torch.channels_last), size=size, mode="bilinear", antialias=True
    )
    top, left = (size[0] - _SIZE) // 2, (size[1] - _SIZE) // 2
    return small[..., top : top + _SIZE, left : left + _SIZE].transpose(0, 1).contiguous()


def _torchcodec() -> _Reader:
    try:
        from torchcodec.decoders import VideoDecoder
    except (ImportError, RuntimeError, OSError) as error:
        raise Missing(f"torchcodec cannot be used: {str(error).strip().splitlines()[0][:120]}") from error

    def read(path: Path, places: list[int]) -> Tensor:
        decoder = VideoDecoder(str(path), num_ffmpeg_threads=1, seek_mode="exact")
        return decoder.get_frames_at(places).data

    return read


def _decord() -> _Reader:
    try:
        import decord
    except (ImportError, OSError) as error:
        raise Missing(f"decord cannot be used: {error}") from error

    def read(path: Path, places: list[int]) -> Tensor:
        reader = decord.VideoReader(str(path), num_threads=1)
        return torch.from_numpy(reader.get_batch(places).asnumpy()).permute(0, 3, 1, 2)

    return read
