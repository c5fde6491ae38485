"""Video files to clips and back: probing, exact sampling, writing. The only module that touches PyAV.

A file is demuxed once. Its time stamps, sorted, say which frame is shown when; the clip's frames are chosen from them;
then only the groups of pictures that hold a chosen frame are decoded, each from its key frame. Files whose time stamps
cannot be trusted (AVI; stamps that are missing, repeated or out of order) are decoded in order and counted instead.
"""

from __future__ import annotations

import math
import os
import secrets
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import torch
from av.sidedata.sidedata import Type as SideData
from av.video.reformatter import ColorRange, Colorspace
from einops import rearrange
from torch import Tensor
from torch.nn import functional as F

from rev2net_lite.shapes import check_shape

__all__ = ["VideoError", "VideoInfo", "frame_times", "probe_video", "read_clip", "sampled_frames", "write_video"]

_SAME_TIME_S = 1e-7  # below any container's tick, above float64 rounding
_KEPT_BYTES = 2**28  # larger files are demuxed a second time instead of being held in memory
_EMPTY_VOP_BYTES = 8  # an MPEG-4 packet this small only says "show the last frame again"
_MAX_PIXELS = 2**26  # twice an 8K frame


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


def probe_video(path: str | os.PathLike[str]) -> VideoInfo:
    """Size, rate, length and trustworthiness of a video file.

    Args:
        path: any file that FFmpeg reads.

    Returns:
        What the file holds; frames are counted, never taken from the header.

    Raises:
        VideoError: there is no such file, it holds no video, or it ends before its declared length.
    """
    with _Video(path) as video:
        first = video.settle()
        height, width, _ = _upright(first).shape
        return VideoInfo(
            width=width,
            height=height,
            fps=video.count / float(video.edges[-1]),
            frames=video.count,
            duration_s=float(video.edges[-1]),
            codec=video.stream.codec_context.name,
            rotation=first.rotation,
            reliable_timestamps=video.reliable,
        )


def frame_times(path: str | os.PathLike[str]) -> Tensor:
    """Times between which each frame of a video is shown.

    Args:
        path: any file that FFmpeg reads.

    Returns:
        `(n+1)` float64 seconds since the first frame, for `n` frames in display order: frame i is shown from entry i
        up to entry i+1.

    Raises:
        VideoError: as for `probe_video`.
    """
    with _Video(path) as video:
        video.settle()
        return video.edges


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
            f"{shown} frame{'s are' if shown > 1 else ' is'} shown from {start_s:g} s for {duration_s:.3f} s, {frames} were "
            "asked for; ask for fewer, for a longer interval, or pass allow_repeat=True"
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
        max_pixels: largest stored frame (width times height) that is decoded.

    Returns:
        `(3 t h w)` uint8 RGB.

    Raises:
        VideoError: the file cannot be read as asked.
    """
    if crop not in ("center", None):
        raise VideoError(f"crop is {crop!r}; use 'center' or None")
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise VideoError(f"size is {size}; use (height, width) of at least 1 px, or None to keep the video's size")
    with _Video(path, max_pixels=max_pixels) as video:
        while True:
            try:
                indices = sampled_frames(
                    video.edges, frames=frames, start_s=start_s, duration_s=duration_s, allow_repeat=allow_repeat
                ).tolist()
            except VideoError as error:
                raise VideoError(f"{path}: {error}") from None
            wanted = set(indices)
            kept = {index: _fitted(frame, size, crop) for index, frame in video.decode(wanted) if index in wanted}
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
        path: file to write; its folder must exist.
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
    if not (math.isfinite(fps) and fps > 0):
        raise VideoError(f"fps is {fps}; use a number above 0")
    if not 0 <= crf <= 51:
        raise VideoError(f"crf is {crf}; use 0 (best) to 51 (smallest)")
    rate = Fraction(fps).limit_denominator(1001)
    partial = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.partial")
    try:
        with av.open(str(partial), "w", format="mp4") as container:
            stream = container.add_stream("libx264", rate=rate, options={"crf": str(crf), "preset": "veryfast"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            encoder = stream.codec_context
            encoder.thread_count = 1
            encoder.time_base = 1 / rate
            # Tagged, so that no reader has to guess by the size.
            encoder.colorspace, encoder.color_range = Colorspace.SMPTE170M, ColorRange.MPEG
            for index, pixels in enumerate(rearrange(frames, "c t h w -> t h w c").contiguous().numpy()):
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
                    format="yuv420p", dst_colorspace=Colorspace.SMPTE170M, dst_color_range=ColorRange.MPEG
                )
                frame.pts, frame.time_base = index, 1 / rate
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        partial.replace(path)
    except (av.FFmpegError, OSError) as error:
        raise VideoError(f"{path} cannot be written: {error.strerror}; check folder, space and rights") from error
    finally:
        partial.unlink(missing_ok=True)


class _Video:
    """An open file: its packets in decode order, and when each of its frames is shown."""

    def __init__(self, path: str | os.PathLike[str], *, max_pixels: int = _MAX_PIXELS) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise VideoError(
                f"{path} is {'a folder' if self.path.is_dir() else 'missing'}; give the path of a video file"
            )
        self.keep = self.path.stat().st_size <= _KEPT_BYTES
        with self._errors():
            self.container = av.open(str(path), metadata_errors="replace")
        try:
            with self._errors():
                self._index(max_pixels)
        except BaseException:
            self.container.close()
            raise

    def __enter__(self) -> _Video:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.container.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except av.FFmpegError as error:
            raise VideoError(
                f"{self.path} ({self.path.stat().st_size} bytes) is no readable video: {error.strerror}; "
                "check that it is complete, or convert it with ffmpeg"
            ) from error

    def _open_stream(self) -> None:
        streams = [
            stream
            for stream in self.container.streams.video
            if not stream.disposition & av.stream.Disposition.attached_pic
        ]
        if not streams:
            kinds = ", ".join(sorted({stream.type for stream in self.container.streams})) or "none"
            raise VideoError(f"{self.path} holds no video (streams: {kinds}); give a video file")
        self.stream = streams[0]
        self.decoder = self.stream.codec_context
        self.decoder.thread_count = 1  # data loaders bring processes; threads would only compete with them

    def _packets(self) -> Iterator[av.Packet]:
        """All packets of the file that hold anything, in file order."""
        return (packet for packet in self.container.demux() if packet.size)

    def _index(self, max_pixels: int) -> None:
        self._open_stream()
        decoder, stream = self.decoder, self.stream
        if decoder.width * decoder.height > max_pixels:
            raise VideoError(
                f"{self.path} has frames of {decoder.width}x{decoder.height}, more than max_pixels={max_pixels}; "
                "raise max_pixels if memory allows"
            )
        reached_s = 0.0
        self.packets: list[av.Packet] = []
        self.stamps: list[int | None] = []  # one per packet; of hidden ones too, so that groups can be told apart
        self.keys: list[bool] = []
        self.shown: list[bool] = []
        self.tick = stream.time_base or Fraction(1, 1000)
        rate = stream.average_rate or stream.guessed_rate or Fraction(25)
        end = None
        for packet in self._packets():
            duration = packet.duration or 0
            if packet.pts is not None:
                reached_s = max(reached_s, float((packet.pts + duration) * packet.time_base))
            if packet.stream_index != stream.index:
                continue
            if self.keep:
                self.packets.append(packet)
            self.stamps.append(packet.pts)
            self.keys.append(packet.is_keyframe)
            self.shown.append(not packet.is_discard and not _hidden(packet, decoder.name))
            if packet.pts is not None and self.shown[-1]:
                end = max(end or packet.pts, packet.pts + (duration or round(1 / rate / self.tick)))
        stamps = [stamp for stamp, shown in zip(self.stamps, self.shown, strict=True) if shown]
        if not stamps:
            raise VideoError(f"{self.path} holds a video stream without frames; check that it is complete")
        self.rate = rate
        self.reliable = (
            self.container.format.name != "avi"
            and None not in stamps
            and len(set(stamps)) == len(stamps)
            and (decoder.has_b_frames or stamps == sorted(stamps))
        )
        if self.reliable:
            self.order = sorted(stamps)
            ticks = torch.tensor([*self.order, end], dtype=torch.float64) - self.order[0]
            self.edges = ticks * float(self.tick)
            self.settled = True
        else:
            self._count(len(stamps), settled=False)
        self._check_length(reached_s)
        self.count = len(self.edges) - 1

    def _count(self, frames: int, *, settled: bool) -> None:
        self.reliable, self.settled, self.count = False, settled, frames
        self.edges = torch.arange(frames + 1, dtype=torch.float64) / float(self.rate)

    def _check_length(self, reached_s: float) -> None:
        pass

    def settle(self) -> av.VideoFrame:
        """The first frame; afterwards `edges` is final, at the price of decoding a file that has to be counted."""
        first = None
        for index, frame in self.decode({0}):
            if index == 0:
                first = frame
        assert first is not None
        return first

    def decode(self, wanted: set[int]) -> Iterator[tuple[int, av.VideoFrame]]:
        with self._errors():
            if self.reliable:
                yield from self._decode_groups(wanted)
            else:
                yield from self._decode_counting()

    def _decode_groups(self, wanted: set[int]) -> Iterator[tuple[int, av.VideoFrame]]:
        index_of = {stamp: index for index, stamp in enumerate(self.order)}
        stamps = {self.order[index] for index in wanted}
        for start, stop in self._groups(stamps):
            for position in range(start, stop):
                packet = self.packets[position]
                needed = packet.is_keyframe or packet.pts in stamps
                self.decoder.skip_frame = "DEFAULT" if needed else "NONREF"
                for frame in self.decoder.decode(packet):
                    if frame.pts in stamps:
                        yield index_of[frame.pts], frame
            for frame in self.decoder.decode(None):
                if frame.pts in stamps:
                    yield index_of[frame.pts], frame
            self.decoder.flush_buffers()

    def _groups(self, stamps: set[int]) -> list[tuple[int, int]]:
        """Ranges of packets to decode. A frame that is shown before its group's key frame needs the group before."""
        groups: list[tuple[int, int]] = []
        starts: list[int] = []
        for position, stamp in enumerate(self.stamps):
            if self.keys[position]:
                starts.append(position)
            if stamp in stamps:
                start = next((s for s in reversed(starts) if (self.stamps[s] or 0) <= stamp), 0)
                if groups and start < groups[-1][1]:
                    start = min(start, groups.pop()[0]) if start < groups[-1][0] else groups.pop()[0]
                groups.append((start, position + 1))
        return groups

    def _decode_counting(self) -> Iterator[tuple[int, av.VideoFrame]]:
        count = 0
        for packet in [*self.packets, None]:
            for frame in self.decoder.decode(packet):
                yield count, frame
                count += 1
        self.decoder.flush_buffers()
        self._count(count, settled=self.settled or count == self.count)


def _hidden(packet: av.Packet, codec: str) -> bool:
    """Whether a packet decodes to no frame: VP8's invisible references, MPEG-4's "not coded" pictures."""
    if codec in ("vp8", "libvpx"):
        return not memoryview(packet)[0] & 0x10
    return codec == "mpeg4" and packet.size <= _EMPTY_VOP_BYTES


def _upright(frame: av.VideoFrame) -> Tensor:
    """`(h w 3)` uint8 RGB, turned and mirrored as the file's display matrix says."""
    pixels = torch.from_numpy(frame.to_ndarray(format="rgb24"))
    matrix = frame.side_data.get(SideData.DISPLAYMATRIX)
    if matrix is None:
        return pixels
    # x' = a x + c y, y' = b x + d y in 16.16 fixed point; the nearest of the eight upright positions is taken.
    a, b, _, c, d = struct.unpack_from("<5i", bytes(matrix))
    if abs(b) > abs(a):
        pixels, a, d = rearrange(pixels, "h w c -> w h c"), c, b
    return pixels.flip([axis for axis, sign in ((1, a), (0, d)) if sign < 0])


def _fitted(frame: av.VideoFrame, size: tuple[int, int] | None, crop: str | None) -> Tensor:
    """`(h w 3)` uint8 RGB, upright, of the size asked for."""
    pixels = _upright(frame)
    if size is None or size == pixels.shape[:2]:
        return pixels
    height, width, _ = pixels.shape
    scaled = size
    if crop is not None:
        scale = max(size[0] / height, size[1] / width)
        scaled = max(size[0], round(height * scale)), max(size[1], round(width * scale))
    image = rearrange(pixels, "h w c -> 1 c h w")
    image = F.interpolate(image, scaled, mode="bilinear", align_corners=False, antialias=True)
    top, left = (scaled[0] - size[0]) // 2, (scaled[1] - size[1]) // 2
    return rearrange(image, "1 c h w -> h w c")[top : top + size[0], left : left + size[1]]
