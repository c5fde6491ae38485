"""Video files to clips and back: probing, exact sampling, writing. The only module that touches PyAV.

A file is demuxed once. Its time stamps, sorted, say which frame is shown when; the clip's frames are chosen from them;
then only the groups of pictures that hold a chosen frame are decoded, each from its key frame. Files whose time stamps
cannot be trusted (AVI; stamps that are missing, repeated or out of order) are decoded in order and counted instead.
"""

from __future__ import annotations

import itertools
import math
import mmap
import os
import secrets
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import torch
from av.sidedata.sidedata import SideData, Type
from av.video.reformatter import ColorRange, Colorspace
from einops import rearrange
from torch import Tensor
from torch.nn import functional as F

from rev2net_lite.shapes import check_shape

__all__ = [
    "StoredPacket",
    "VideoError",
    "VideoInfo",
    "frame_times",
    "probe_video",
    "read_clip",
    "sampled_frames",
    "stamped_times",
    "stored_packets",
    "write_video",
]

_SAME_TIME_S = 1e-7  # below any container's tick, above float64 rounding
_KEPT_BYTES = 2**28  # what holds more is demuxed a second time instead of being held in memory
_REPEATED_BYTES = 2**30  # a file whose index leads to the same bytes over and over may hand out this much
_MOST_FPS = 1_000_000
_EMPTY_VOP_BYTES = 8  # an MPEG-4 packet this small only says "show the last frame again"
_REORDER_PROBE = 32  # packets, twice what H.264 may hold back
_TOGETHER_PIXELS = 1_000_000  # frames scaled in one call: of 170 x 128 px, in half the time of a call for each
_MAX_PIXELS = 2**25  # an 8K frame has 7680 * 4320, a little less
_DECODER_PIXELS = 2**31 - 1  # what FFmpeg can count to
_PACKED = b"dcomzlib"  # before the compressed header of an old QuickTime file
_UNPACKED_BYTES = 2**26  # of such a header; that of a day of video has a tenth


class VideoError(ValueError):
    """A video file cannot be read, or written, as asked."""


@dataclass(frozen=True)
class VideoInfo:
    """What a video file holds.

    Args:
        width, height: px, upright, that is after `rotation`.
        fps: mean frame rate.
        frames: number of frames shown, counted.
        duration_s: from the first frame's start to the last frame's end.
        codec: the decoder's name.
        rotation: degrees counterclockwise by which stored frames are turned to stand upright.
        reliable_timestamps: False where frames are timed by counting them, because the file's time stamps are wrong.
    """

    width: int
    height: int
    fps: float
    frames: int
    duration_s: float
    codec: str
    rotation: int
    reliable_timestamps: bool


@dataclass(frozen=True)
class StoredPacket:
    """What a file holds for one frame, as the decoder is fed with it.

    Args:
        size_bytes: length.
        key: whether its frame can be decoded without any other.
    """

    size_bytes: int
    key: bool


def probe_video(path: str | os.PathLike[str], *, max_pixels: int = _MAX_PIXELS) -> VideoInfo:
    """Size, rate, length and trustworthiness of a video file.

    Args:
        path: any file that FFmpeg reads.
        max_pixels: largest stored frame (width times height) that is decoded.

    Returns:
        What the file holds; frames are counted, never taken from the header.

    Raises:
        VideoError: there is no such file, it holds no video, it is damaged, or it ends before its declared length.
    """
    with _opened(path, max_pixels=max_pixels) as video:
        first = video.first_frame()
        height, width, _ = _upright(first).shape
        frames, duration_s = len(video.edges) - 1, float(video.edges[-1])
        return VideoInfo(
            width=width,
            height=height,
            fps=frames / duration_s,
            frames=frames,
            duration_s=duration_s,
            codec=video.codec,
            rotation=first.rotation,
            reliable_timestamps=video.reliable,
        )


def frame_times(path: str | os.PathLike[str], *, max_pixels: int = _MAX_PIXELS) -> Tensor:
    """Times between which each frame of a video is shown.

    Args:
        path: any file that FFmpeg reads.
        max_pixels: as for `probe_video`.

    Returns:
        `(n+1)` float64 seconds since the first frame, for `n` frames in display order: frame i is shown from entry i
        up to entry i+1.

    Raises:
        VideoError: as for `probe_video`.
    """
    with _opened(path, max_pixels=max_pixels) as video:
        video.first_frame()
        return video.edges


def stored_packets(path: str | os.PathLike[str], *, max_pixels: int = _MAX_PIXELS) -> tuple[StoredPacket, ...]:
    """The video packets of a file in the order in which it holds them: that of decoding, not of showing.

    Args:
        path: any file that FFmpeg reads.
        max_pixels: as for `probe_video`.

    Raises:
        VideoError: as for `probe_video`.
    """
    with _opened(path, max_pixels=max_pixels) as video:
        _, packets = video._packets()
        return tuple(StoredPacket(packet.size, packet.is_keyframe) for packet in packets)


def stamped_times(path: str | os.PathLike[str], *, max_pixels: int = _MAX_PIXELS) -> Tensor:
    """What the file's own time stamps say, true or not; `frame_times` are the times to rely on.

    Args:
        path: any file that FFmpeg reads.
        max_pixels: as for `probe_video`.

    Returns:
        `(n)` float64 seconds, one for each frame in the order in which the decoder gives them; nan without a stamp.

    Raises:
        VideoError: as for `probe_video`.
    """
    with _opened(path, max_pixels=max_pixels) as video:
        stamps = [frame.pts for frame in video._decoded([(0, len(video.stamps))], None)]
        ticks = [math.nan if stamp is None else stamp for stamp in stamps]
        return torch.tensor(ticks, dtype=torch.float64) * _tick(video._video_stream())


def sampled_frames(
    times: Tensor, *, frames: int, start_s: float = 0.0, duration_s: float | None = None, allow_repeat: bool = False
) -> Tensor:
    """Indices of the frames that are shown at the middles of equal parts of an interval.

    Args:
        times: `(n+1)` seconds as `frame_times` gives them.
        frames: number of equal parts.
        start_s: start of the interval, seconds since the first frame.
        duration_s: length of the interval; None reaches to the end of the video.
        allow_repeat: take frames more than once where the interval shows fewer than `frames`.

    Returns:
        `(frames)` int64, never decreasing.

    Raises:
        VideoError: the interval leaves the video, or shows fewer frames than asked.

    >>> sampled_frames(torch.arange(9.0), frames=4).tolist()
    [1, 3, 5, 7]
    """
    end_s = float(times[-1])
    if frames < 1:
        raise VideoError(f"frames is {frames}; ask for at least 1")
    if not 0 <= start_s < end_s:
        raise VideoError(f"start_s is {start_s}; the video lasts {end_s:.3f} s, so ask for 0 <= start_s < {end_s:.3f}")
    if duration_s is None:
        duration_s = end_s - start_s
    if not 0 < duration_s <= end_s - start_s + 1e-6:
        raise VideoError(
            f"duration_s is {duration_s} from {start_s} s; the video lasts {end_s:.3f} s, "
            f"so ask for more than 0 s and at most {end_s - start_s:.3f} s"
        )
    middles = start_s + (torch.arange(frames, dtype=torch.float64) + 0.5) * (duration_s / frames)
    inside = torch.tensor([start_s + _SAME_TIME_S, start_s + duration_s - _SAME_TIME_S], dtype=torch.float64)
    starts = times[:-1].to(torch.float64)
    first, last = (torch.searchsorted(starts, inside, right=True) - 1).tolist()
    shown = last - first + 1
    if shown < frames and not allow_repeat:
        raise VideoError(
            f"{frames} frames were asked for and {shown} shown from {start_s:g} s for {duration_s:.3f} s; ask for "
            "fewer, for a longer interval, or pass allow_repeat=True"
        )
    return torch.searchsorted(starts, middles + _SAME_TIME_S, right=True) - 1


def read_clip(
    path: str | os.PathLike[str],
    *,
    frames: int = 16,
    size: tuple[int, int] | None = (112, 112),
    start_s: float = 0.0,
    duration_s: float | None = None,
    crop: str | None = "center",
    allow_repeat: bool = False,
    max_pixels: int = _MAX_PIXELS,
) -> Tensor:
    """A clip of evenly spaced, upright frames of a video file.

    Frame i is the one shown at the middle of the i-th of `frames` equal parts of the interval.

    Args:
        path: any file that FFmpeg reads.
        frames: number of frames, `t`.
        size: `(h, w)` px of the clip; None keeps the video's.
        start_s: start of the interval, seconds since the first frame.
        duration_s: length of the interval; None reaches to the end of the video.
        crop: "center" scales until the frame covers `size` and cuts its middle out; None squashes.
        allow_repeat: take frames more than once where the interval shows fewer than `frames`.
        max_pixels: largest frame (width times height) that is decoded, or made by scaling.

    Returns:
        `(3 t h w)` uint8 RGB; transparency is left out, more than 8 bits are rounded, HDR is not mapped to SDR.

    Raises:
        VideoError: the file cannot be read as asked.
    """
    if crop not in ("center", None):
        raise VideoError(f"crop is {crop!r}; use 'center' or None")
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise VideoError(f"size is {size}; use (height, width) of at least 1 px, or None to keep the video's size")
    with _opened(path, max_pixels=max_pixels) as video:
        while True:
            try:
                indices = sampled_frames(
                    video.edges, frames=frames, start_s=start_s, duration_s=duration_s, allow_repeat=allow_repeat
                ).tolist()
            except VideoError as error:
                if video.settled:
                    raise VideoError(f"{path}: {error}") from None
                video.first_frame()
                continue
            kept = dict(video.fitted(video.decode(set(indices)), size, crop))
            if video.settled:
                break
    shapes = {tuple(frame.shape) for frame in kept.values()}
    if len(shapes) > 1:
        raise VideoError(f"{path} changes its frame size ({sorted(shapes)}); pass size=(height, width)")
    return rearrange([kept[index] for index in indices], "t h w c -> c t h w").contiguous()


def write_video(path: str | os.PathLike[str], frames: Tensor, *, fps: float, crf: int = 18) -> None:
    """Writes a clip as an H.264 mp4 file; the file appears complete or not at all.

    Equal input gives equal bytes on one machine: one encoder thread, no dates.

    Args:
        path: file to write; its folder must exist. One that ends in .avi becomes an AVI file, which cannot say when a
            frame is shown: for showing how such files go wrong.
        frames: `(3 t h w)` uint8 RGB, h and w even.
        fps: frames per second.
        crf: x264's quality, 0 (best) to 51.

    Raises:
        VideoError: the frames do not fit H.264, or the file cannot be written.
    """
    path = Path(path)
    sizes = check_shape("frames", frames, "3 t h w")
    height, width = sizes["h"], sizes["w"]
    if frames.dtype != torch.uint8:
        raise VideoError(f"frames are {frames.dtype}; write_video takes uint8 in 0..255")
    if sizes["t"] < 1 or min(height, width) < 2 or height % 2 or width % 2:
        raise VideoError(
            f"frames have shape {tuple(frames.shape)}; H.264 in yuv420p takes at least one frame of even height and "
            "width, so crop or pad by one pixel"
        )
    if not (math.isfinite(fps) and fps >= 0.001):
        raise VideoError(f"fps is {fps}; use a finite number of at least 0.001")
    if not 0 <= crf <= 51:
        raise VideoError(f"crf is {crf}; use 0 (best) to 51 (smallest)")
    rate = Fraction(fps).limit_denominator(1001)
    kind = "avi" if path.suffix.lower() == ".avi" else "mp4"
    partial = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.partial")
    try:
        with av.open(str(partial.absolute()), "w", format=kind) as container:
            # Without mbtree=0 x264 does not write the same bytes twice.
            options = {"crf": str(crf), "preset": "veryfast", "x264-params": "mbtree=0"}
            stream = container.add_stream("libx264", rate=rate, options=options)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            encoder = stream.codec_context
            encoder.thread_count = 1
            encoder.time_base = 1 / rate
            # Tagged, so that no reader has to guess by the size.
            encoder.colorspace, encoder.color_range = Colorspace.SMPTE170M, ColorRange.MPEG
            for index, pixels in enumerate(rearrange(frames, "c t h w -> t h w c").contiguous().numpy()):
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
                    format="yuv420p", threads=1, dst_colorspace=Colorspace.SMPTE170M, dst_color_range=ColorRange.MPEG
                )
                frame.pts, frame.time_base = index, 1 / rate
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        partial.replace(path)
    except (av.FFmpegError, OSError) as error:
        raise VideoError(f"{path} cannot be written: {error.strerror}; check folder, space and rights") from error
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _opened(path: str | os.PathLike[str], *, max_pixels: int = _MAX_PIXELS) -> Iterator[_Video]:
    """The indexed file; whatever FFmpeg complains about inside becomes a `VideoError` that names the file."""
    path = Path(path)
    if max_pixels < 1:
        raise VideoError(f"max_pixels is {max_pixels}; use at least 1")
    if not path.is_file():
        raise VideoError(f"{path} is {'a folder' if path.is_dir() else 'missing'}; give the path of a video file")
    try:
        video = _Video(path, max_pixels=max_pixels)
        try:
            yield video
        finally:
            video.container.close()
    except av.FFmpegError as error:
        raise VideoError(
            f"{path} ({path.stat().st_size} bytes) cannot be read: {error.strerror}; "
            "check that it is a complete video, or convert it with ffmpeg"
        ) from error


class _Video:
    """An open file: its packets in decode order, and when each of its frames is shown.

    `edges` are the frames' times as in `frame_times`. While `settled` is False they are a guess that the next `decode`
    replaces, because only decoding tells how many frames a file without usable time stamps shows.
    """

    def __init__(self, path: Path, *, max_pixels: int) -> None:
        self.path, self.max_pixels = path, max_pixels
        _check_tables(path)
        self._open()
        self._index()

    def _open(self) -> None:
        # FFmpeg decodes while it opens a file, and pads frames. What is only a little too large is left to
        # `_check_pixels`, which says so in words.
        pixels = {"max_pixels": str(min(_DECODER_PIXELS, 2 * self.max_pixels + 2**16))}
        # An absolute path is never taken for a protocol.
        self.container = av.open(str(self.path.absolute()), metadata_errors="replace", options=pixels)
        # Without "explode" a decoder paints over what it cannot read.
        self.decoding = pixels | {"err_detect": "crccheck+bitstream+buffer+explode"}

    def _video_stream(self) -> av.VideoStream:
        cover = av.stream.Disposition.attached_pic
        streams = [stream for stream in self.container.streams.video if not stream.disposition & cover]
        if not streams:
            kinds = ", ".join(sorted({stream.type for stream in self.container.streams})) or "none"
            raise VideoError(f"{self.path} holds no moving picture (its streams: {kinds}); give a video file")
        if streams[0].codec_context is None:
            raise VideoError(f"{self.path} is coded in a way that FFmpeg does not know; convert it to H.264")
        return streams[0]

    def _index(self) -> None:
        stream = self._video_stream()
        self.codec, self.rate = stream.codec_context.name, stream.average_rate or stream.guessed_rate or Fraction(25)
        if not 0 < self.rate < _MOST_FPS:
            raise VideoError(
                f"{self.path} declares {float(self.rate):g} frames per second; it is damaged, so fetch it again or "
                "convert it with ffmpeg"
            )
        self._check_pixels(stream.codec_context.width, stream.codec_context.height)
        tick = _tick(stream)
        file_bytes, read_bytes = self.path.stat().st_size, 0
        self.kept: list[av.Packet] | None = [] if file_bytes <= _KEPT_BYTES else None
        self.stamps: list[int | None] = []  # of every packet in decode order, ticks
        self.turns: list[int | None] = []  # when each packet is to be decoded; of AVI files, its place in the file
        self.keys: list[bool] = []
        shown: list[bool] = []
        ends: list[int] = []
        places: list[int | None] = []
        broken: list[int] = []
        reached: dict[int, int] = {}  # where each stream ends, ticks
        last = b""  # byte of the last packet
        lasting = True  # whether every packet says how long it is shown
        for packet in self.container.demux():
            if not packet.size:
                continue
            if packet.is_corrupt and packet.stream_index == stream.index:
                broken.append(len(self.stamps))
            read_bytes += packet.size
            last = bytes(memoryview(packet)[-1:])
            if read_bytes > max(_REPEATED_BYTES, 16 * file_bytes):
                raise VideoError(
                    f"{self.path} ({file_bytes} bytes) hands out more than {read_bytes} bytes of frames; its index is "
                    "damaged, so fetch it again or convert it with ffmpeg"
                )
            if read_bytes > _KEPT_BYTES:
                self.kept = None
            end = (packet.pts or 0) + (packet.duration or 0)
            lasting = lasting and bool(packet.duration)
            reached[packet.stream_index] = max(end, reached.get(packet.stream_index, end))
            if packet.stream_index != stream.index:
                continue
            if self.kept is not None:
                self.kept.append(packet)
            self.stamps.append(packet.pts)
            self.turns.append(packet.dts)
            self.keys.append(packet.is_keyframe)
            places.append(packet.pos)
            shown.append(not packet.is_discard and not _hidden(packet, self.codec))
            ends.append((packet.pts or 0) + (packet.duration or round(1 / float(self.rate) / tick)))
        if not self.stamps:
            raise VideoError(f"{self.path} has a video stream without a single frame; check that it is complete")
        self._check_length(stream, reached, last=last, lasting=lasting)
        if broken:
            raise self._damage(broken[0], "the file lacks data there")
        self.leading = set(_undecodable(self.stamps, self.keys, reorders=stream.codec_context.has_b_frames))
        if self.leading:
            self._check_head(stream, places)
        for position in self.leading:
            shown[position] = False
        stamps = [stamp for stamp, use in zip(self.stamps, shown, strict=True) if use]
        if not stamps:
            raise VideoError(f"{self.path} has no frame that can be decoded and shown; check that it is complete")
        self.pictures = len(stamps)
        known = [stamp for stamp in stamps if stamp is not None]
        self.order = sorted(known)
        self.reliable = (
            "avi" not in self._formats()
            and len(known) == len(stamps)
            and all(later - stamp > 2 * _SAME_TIME_S / tick for stamp, later in itertools.pairwise(self.order))
            and self._in_display_order(known, reorders=stream.codec_context.has_b_frames)
        )
        if self.reliable:
            self.settled = True
            end = max(end for end, use in zip(ends, shown, strict=True) if use)
            self.edges = (torch.tensor([*self.order, end], dtype=torch.float64) - self.order[0]) * tick
        else:
            self._count(len(self.stamps), settled=False)

    def _formats(self) -> set[str]:
        return set(self.container.format.name.split(","))

    def _in_display_order(self, stamps: list[int], *, reorders: bool) -> bool:
        """Whether time stamps, here in decode order, can say when frames are shown."""
        if stamps != self.order:
            return reorders
        if not reorders:
            return True
        # Sorted stamps on a stream whose frames may be reordered can be those of decoding: the decoder shows it.
        out = [frame.pts or 0 for frame in self._decoded([(0, min(len(self.stamps), _REORDER_PROBE))], None)]
        return out == sorted(out)

    def _count(self, frames: int, *, settled: bool) -> None:
        """Times frames by counting them. An AVI file counts frames that it leaves out; then the one before stays."""
        self.reliable, self.settled = False, settled
        places = [turn for turn in self.turns if turn is not None]
        if "avi" not in self._formats() or len(places) != frames or places != sorted(set(places)):
            places = list(range(frames))
        ticks = torch.tensor([*places, places[-1] + 1], dtype=torch.float64) - places[0]
        self.edges = ticks / float(self.rate)

    def _check_head(self, stream: av.VideoStream, places: list[int | None]) -> None:
        """Frames before the first key frame are left out, unless the file calls one of them a key frame."""
        declared = [entry for entry in stream.index_entries if entry.is_keyframe]
        if "matroska" in self._formats():  # its index leads to clusters of frames
            keys, found = {entry.timestamp for entry in declared}, self.stamps
        else:  # that of AVI leads to the eight bytes before a frame
            keys, found = {entry.pos + more for entry in declared for more in (0, 8)}, places
        damaged = [position for position in self.leading if not self.keys[position] and found[position] in keys]
        if damaged:
            raise self._damage(min(damaged), "it is no key frame, as the file's index says")

    def _check_length(self, stream: av.VideoStream, reached: dict[int, int], *, last: bytes, lasting: bool) -> None:
        """A file that ends before its header says was cut off, and decoding it may raise nothing."""
        formats, rate, tick = self._formats(), float(self.rate), _tick(stream)
        found, declared = len(self.stamps), stream.frames
        reached_s = reached[stream.index] * tick
        if "avi" in formats:
            declared_s, reached_s = declared / rate, ((self.turns[-1] or 0) + 1) / rate
            cut = reached_s < declared_s - 0.5 / rate
        elif "mov" in formats and stream.duration is not None:
            declared_s = ((stream.start_time or 0) + stream.duration) * tick
            # An edit list leaves frames out on purpose. It shortens the duration and not the count.
            edited = stream.duration * tick < (declared - 0.5) / rate
            cut = found < declared and (not edited or reached_s < declared_s - 0.5 / rate)
        elif formats & {"matroska", "flv", "asf"} and self.container.duration is not None:
            declared_s = self.container.duration / av.time_base  # of the longest stream
            reached_s = max(end * _tick(self.container.streams[index]) for index, end in reached.items())
            # The length of the last frame is not always written.
            cut = reached_s < declared_s - (0.75 if lasting else 1.75) / rate
        elif "gif" in formats and last != b";":
            raise VideoError(
                f"{self.path} ends after {found} frames without the mark that ends a GIF; it was cut off or is "
                "damaged, so fetch it again"
            )
        else:
            return
        if cut:
            count = f"{declared} frames in " if declared else ""
            raise VideoError(
                f"{self.path} declares {count}{declared_s:.3f} s and ends after {found} frames in {reached_s:.3f} s; "
                "it was cut off, so fetch it again or repair it with ffmpeg"
            )

    def _check_pixels(self, width: int, height: int) -> None:
        if width * height > self.max_pixels:
            raise VideoError(
                f"{self.path} has frames of {width}x{height} px, more than max_pixels={self.max_pixels}; "
                "pass a larger max_pixels if memory allows"
            )

    def first_frame(self) -> av.VideoFrame:
        """The first frame shown; `edges` is final afterwards."""
        while True:
            frames = [frame for index, frame in self.decode({0}) if index == 0]
            if self.settled:
                return frames[0]

    def decode(self, wanted: set[int]) -> Iterator[tuple[int, av.VideoFrame]]:
        """Frames whose index is in `wanted`, as they come out of the decoder, each with its index."""
        for index, frame in self._by_stamp(wanted) if self.reliable else self._by_count(wanted):
            self._check_pixels(frame.width, frame.height)
            yield index, frame

    def fitted(
        self, frames: Iterable[tuple[int, av.VideoFrame]], size: tuple[int, int] | None, crop: str | None
    ) -> Iterator[tuple[int, Tensor]]:
        """Index and `(h w 3)` uint8 RGB, upright and of the size asked for, of each frame."""
        waiting: list[tuple[int, Tensor]] = []
        for index, frame in frames:
            pixels = _upright(frame)
            if waiting and (pixels.shape != waiting[0][1].shape or len(waiting) == self._together(pixels, size, crop)):
                yield from self._scaled(waiting, size, crop)
                waiting = []
            waiting.append((index, pixels))
        if waiting:
            yield from self._scaled(waiting, size, crop)

    def _together(self, pixels: Tensor, size: tuple[int, int] | None, crop: str | None) -> int:
        """How many frames like this one are scaled in one call."""
        height, width, _ = pixels.shape
        large = max(height * width, math.prod(self._covering(height, width, size, crop)))
        return max(1, _TOGETHER_PIXELS // large)

    def _covering(self, height: int, width: int, size: tuple[int, int] | None, crop: str | None) -> tuple[int, int]:
        """Height and width that a frame is scaled to before its middle is cut out."""
        if size is None or size == (height, width):
            return height, width
        if crop is None:
            return size
        scale = max(size[0] / height, size[1] / width)
        return max(size[0], round(height * scale)), max(size[1], round(width * scale))

    def _scaled(
        self, frames: list[tuple[int, Tensor]], size: tuple[int, int] | None, crop: str | None
    ) -> Iterable[tuple[int, Tensor]]:
        """The same for frames of one shape."""
        height, width, _ = frames[0][1].shape
        if size is None or size == (height, width):
            return frames
        scaled = self._covering(height, width, size, crop)
        if scaled[0] * scaled[1] > self.max_pixels:
            raise VideoError(
                f"{self.path} has frames of {width}x{height} px, which become {scaled[1]}x{scaled[0]} px before they "
                f"are cropped, more than max_pixels={self.max_pixels}; ask for a smaller size, or pass crop=None"
            )
        images = rearrange([pixels for _, pixels in frames], "t h w c -> t c h w")
        images = F.interpolate(images, scaled, mode="bilinear", align_corners=False, antialias=True)
        top, left = (scaled[0] - size[0]) // 2, (scaled[1] - size[1]) // 2
        cut = rearrange(images, "t c h w -> t h w c")[:, top : top + size[0], left : left + size[1]]
        return zip([index for index, _ in frames], cut, strict=True)

    def _packets(self) -> tuple[av.VideoCodecContext, Iterator[av.Packet]]:
        """The video's packets once more, with a decoder that has seen none of them."""
        if self.kept is None:
            self.container.close()
            self._open()
        stream = self._video_stream()
        decoder = stream.codec_context
        if not decoder.is_open:
            decoder.options = self.decoding
            decoder.thread_count = 1  # loaders bring their own processes; threads would only compete with them
        return decoder, (packet for packet in self.kept or self.container.demux(stream) if packet.size)

    def _by_stamp(self, wanted: set[int]) -> Iterator[tuple[int, av.VideoFrame]]:
        index_of = {self.order[index]: index for index in wanted}
        everything = [(0, len(self.stamps))]
        for groups in (self._groups(set(index_of)), everything):
            try:
                for frame in self._decoded(groups, set(index_of) if groups is not everything else None):
                    if frame.pts in index_of:
                        yield index_of.pop(frame.pts), frame
            except VideoError:
                # Not every packet that is called a key frame can be decoded by itself.
                if groups is everything:
                    raise
            if not index_of:
                return
        times = ", ".join(f"{float(self.edges[index]):.3f}" for index in sorted(index_of.values())[:3])
        raise VideoError(
            f"{self.path} has {len(index_of)} frames that do not decode (at {times} s); it is damaged, so fetch it "
            "again or ask for another interval"
        )

    def _groups(self, wanted: set[int]) -> list[tuple[int, int]]:
        """Ranges of packets to decode, each from a key frame.

        A frame that is shown before its own key frame leans on the group before (an open group).
        """
        groups: list[tuple[int, int]] = []
        keys: list[tuple[int, int]] = []
        for position, stamp in enumerate(self.stamps):
            if stamp is None:
                continue
            if self.keys[position]:
                keys.append((position, stamp))
            if stamp in wanted:
                start = next((at for at, key in reversed(keys) if key <= stamp), 0)
                while groups and start <= groups[-1][1]:
                    start = min(start, groups.pop()[0])
                groups.append((start, position + 1))
        return groups

    def _decoded(self, groups: list[tuple[int, int]], wanted: set[int] | None) -> Iterator[av.VideoFrame]:
        """Frames out of ranges of packets; those that no other frame needs are left out if they are not `wanted`."""
        decoder, packets = self._packets()
        if decoder.is_open:
            decoder.flush_buffers()  # of what an earlier pass left when it met an error
        head: int | None = None  # when the key frame of the range is shown

        def leans(stamp: int | None) -> bool:
            """Whether a frame leans on frames before the range, so that it may come out damaged."""
            return stamp is not None and head is not None and stamp < head

        ranges = iter(groups)
        start, stop = next(ranges)
        for position, packet in enumerate(packets):
            if position < start:
                continue
            if position == start and wanted is not None:
                head = packet.pts
            needed = wanted is None or packet.is_keyframe or packet.pts in wanted
            decoder.skip_frame = "DEFAULT" if needed else "NONREF"
            frames: list[av.VideoFrame] = []
            try:
                frames += decoder.decode(packet)
                if position + 1 == stop:
                    frames += decoder.decode(None)
                    decoder.flush_buffers()
            except av.FFmpegError as error:
                if isinstance(error, av.ArgumentError):
                    raise VideoError(
                        f"{self.path} does not decode at frame {position + 1} of {len(self.stamps)} in the file: it "
                        f"is damaged, or has frames of more than max_pixels={self.max_pixels}, which may be raised if "
                        "memory allows"
                    ) from error
                if position not in self.leading and not leans(packet.pts):
                    raise self._damage(position, f"it does not decode: {error.strerror}") from error
            for frame in frames:
                if frame.is_corrupt and not leans(frame.pts):
                    raise self._damage(position, "a frame comes out with errors")
                yield frame
            if position + 1 == stop:
                start, stop = next(ranges, (len(self.stamps), 0))

    def _damage(self, position: int, what: str) -> VideoError:
        return VideoError(
            f"{self.path} is damaged at frame {position + 1} of {len(self.stamps)} in the file ({what}); fetch it "
            "again, or ask for another interval"
        )

    def _by_count(self, wanted: set[int]) -> Iterator[tuple[int, av.VideoFrame]]:
        count = 0
        for frame in self._decoded([(0, len(self.stamps))], None):
            if count in wanted:
                yield count, frame
            count += 1
        if count < self.pictures:
            raise VideoError(
                f"{self.path} holds {self.pictures} frames and only {count} decode; it is damaged, so fetch it again "
                "or repair it with ffmpeg"
            )
        self._count(count, settled=count == len(self.edges) - 1)


def _tick(stream: av.stream.Stream) -> float:
    """Seconds per unit of a stream's time stamps."""
    return float(stream.time_base or 1 / av.time_base)


def _undecodable(stamps: list[int | None], keys: list[bool], *, reorders: bool) -> Iterator[int]:
    """Positions at the head of a file cut out of a longer one: pictures that lean on what was cut away."""
    if True not in keys:
        return
    first = keys.index(True)
    yield from range(first)
    for position in range(first + 1, len(stamps)):
        stamp, key = stamps[position], stamps[first]
        if not reorders or stamp is None or key is None or stamp > key:
            return
        yield position


def _hidden(packet: av.Packet, codec: str) -> bool:
    """Whether a packet decodes to no frame: VP8's invisible references, MPEG-4's "not coded" pictures."""
    if codec in ("vp8", "libvpx"):
        return not memoryview(packet)[0] & 0x10
    return codec == "mpeg4" and packet.size <= _EMPTY_VOP_BYTES


def _upright(frame: av.VideoFrame) -> Tensor:
    """`(h w 3)` uint8 RGB, turned and mirrored as the file's display matrix says."""
    pixels = torch.from_numpy(frame.to_ndarray(format="rgb24", threads=1))
    side_data = cast(Iterable[SideData], frame.side_data)  # PyAV's type stub calls it a dict
    matrix = next((bytes(data) for data in side_data if data.type is Type.DISPLAYMATRIX), None)
    if matrix is None:
        return pixels
    # x' = a x + c y, y' = b x + d y in 16.16 fixed point; the nearest of the eight upright positions is taken.
    a, b, _, c, d = struct.unpack_from("<5i", matrix)
    if abs(b) > abs(a):
        pixels, a, d = rearrange(pixels, "h w c -> w h c"), c, b
    return pixels.flip([axis for axis, sign in ((1, a), (0, d)) if sign < 0])


def _check_tables(path: Path) -> None:
    """The index of an mp4 file may declare millions of frames in a few bytes, and FFmpeg makes room for all of them."""
    size = path.stat().st_size
    if not size:
        return
    declared, room = 0, _UNPACKED_BYTES
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        start = 0
        while start + 16 <= size:
            length, kind, long = struct.unpack_from(">I4sQ", content, start)
            if start == 0 and not kind.isalnum():
                return
            length = {0: size, 1: long}.get(length, length)
            end = min(size, start + length)
            if kind != b"mdat":
                header = _unpacked_header(path, content, start, end, most=room)
                room -= len(header)
                tables = (_repeated_sizes(content, start, end), _repeated_sizes(header, 0, len(header)))
                declared += sum(each * count for each, count in itertools.chain(*tables))
                if declared > size:
                    raise VideoError(
                        f"{path} ({size} bytes) declares {declared} bytes of frames; it is damaged, so fetch it again "
                        "or convert it with ffmpeg"
                    )
            if length < 8:
                return
            start = end


def _unpacked_header(path: Path, content: mmap.mmap, start: int, end: int, *, most: int) -> bytes:
    """What an old QuickTime file holds compressed between two places; empty where there is no such thing."""
    at = content.find(_PACKED, start, end - 20)
    if at < 0:
        return b""
    (length,) = struct.unpack_from(">I", content, at + 16)
    header = b""
    if 0 < length <= most:
        with suppress(zlib.error):
            header = zlib.decompressobj().decompress(content[at + 20 : min(end, at + 20 + most)], length)
    if not header or _PACKED in header or content.find(_PACKED, at + 1, end) >= 0:
        raise VideoError(
            f"{path} has a compressed header that cannot be read, or holds more than {_UNPACKED_BYTES} bytes; it is "
            "damaged, so fetch it again or convert it with ffmpeg"
        )
    return header


def _repeated_sizes(content: mmap.mmap | bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """What mp4 tables that have one size for all frames declare: at least how many bytes each, and how many frames."""
    at = start
    while (at := content.find(b"stsz", at + 1, end - 16)) >= 0:
        yield struct.unpack_from(">II", content, at + 8)
    at = start
    while (at := content.find(b"trun", at + 1, end - 12)) >= 0:
        yield 1, struct.unpack_from(">I", content, at + 8)[0]
