"""Odd, damaged and hostile videos: every frame as it was drawn, or one `VideoError` that says what is wrong."""

from __future__ import annotations

import itertools
import json
import random
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import av
import pytest
import torch
from drawn_videos import decoded, encode, numbered, numbers, remuxed
from einops import rearrange, repeat
from fuzz import SAMPLES, make_samples

from rev2net_lite import video
from rev2net_lite.video import VideoError, frame_times, probe_video, read_clip, stamped_times, stored_packets

COUNT = 12
PLACES = 40
HDR = "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:log-level=none"
# Containers that do not say how long they are, so that a part of one is a whole one.
UNCOUNTED = {"fragments.mp4", "mpeg2.mpg", "a.ts", "a.h264", "wmv.wmv"}


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {path.name: path for path in make_samples(tmp_path_factory.mktemp("samples"))}


# Forms of pixels

FORMS: dict[str, tuple[str, dict[str, object]]] = {
    "4:4:4": ("a.mp4", {"pixels": "yuv444p"}),
    "4:2:2, 10 bit": ("a.mp4", {"pixels": "yuv422p10le"}),
    "4:2:0, 12 bit": ("a.mp4", {"codec": "libx265", "pixels": "yuv420p12le", "options": {"x265-params": HDR[-14:]}}),
    "4:4:4, 12 bit": ("a.mkv", {"codec": "libx265", "pixels": "yuv444p12le", "options": {"x265-params": HDR[-14:]}}),
    "HDR": ("a.mp4", {"codec": "libx265", "pixels": "yuv420p10le", "options": {"x265-params": HDR}}),
    "16 bit": ("a.mkv", {"codec": "ffv1", "pixels": "yuv444p16le"}),
    "grey": ("a.mkv", {"codec": "ffv1", "pixels": "gray"}),
    "alpha, VP9": ("a.webm", {"codec": "libvpx-vp9", "pixels": "yuva420p", "options": {"cpu-used": "8"}}),
    "alpha, ProRes": ("a.mov", {"codec": "prores_ks", "pixels": "yuva444p10le"}),
    "alpha, PNG": ("a.mov", {"codec": "png", "pixels": "rgba"}),
    "alpha, QuickTime": ("a.mov", {"codec": "qtrle", "pixels": "argb"}),
    "interlaced, H.264": ("a.mp4", {"options": {"flags": "+ildct+ilme", "x264-params": "tff=1"}}),
    "interlaced, MPEG-2": ("a.mpg", {"codec": "mpeg2video", "options": {"flags": "+ildct+ilme"}}),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_pixels_gives_every_frame(form: str, tmp_path: Path) -> None:
    name, recipe = FORMS[form]
    path = encode(tmp_path / name, numbered(COUNT), **recipe)  # type: ignore[arg-type]
    clip = read_clip(path, frames=COUNT, size=None)
    assert numbers(clip) == list(range(COUNT))
    assert torch.equal(clip, decoded(path)[0])
    if "alpha, P" in form or "QuickTime" in form:
        assert (clip.float() - numbered(COUNT).float()).abs().mean() < 1
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    assert frame.interlaced_frame == form.startswith("interlaced")
    assert (frame.color_trc == 16) == (form == "HDR")
    # VP9 keeps its alpha apart, and ProRes is always decoded to twelve bits.
    assert form in ("alpha, VP9", "alpha, ProRes") or frame.format.name == recipe.get("pixels", "yuv420p")


@pytest.mark.parametrize(("height", "width"), [(1, 1), (16, 7680), (7680, 16), (2, 2), (1, 33)])
def test_the_smallest_and_the_longest_pictures(height: int, width: int, tmp_path: Path) -> None:
    frames = repeat(20 * torch.arange(COUNT, dtype=torch.uint8), "t -> 3 t h w", h=height, w=width)
    path = encode(tmp_path / "a.mp4", frames, pixels="yuv444p")
    info = probe_video(path)
    assert (info.height, info.width, info.frames) == (height, width, COUNT)
    clip = read_clip(path, frames=COUNT, size=None)
    assert clip.shape == frames.shape and (clip.float() - frames.float()).abs().max() < 4
    assert read_clip(path, frames=COUNT, size=(20, 20)).shape == (3, COUNT, 20, 20)


# Containers


@pytest.mark.parametrize("name", SAMPLES)
def test_every_container_gives_every_frame_under_any_name(name: str, samples: dict[str, Path], tmp_path: Path) -> None:
    clip = read_clip(samples[name], frames=COUNT, size=None)
    if name == "edited.mov":  # turned by its display matrix
        clip = clip.rot90(1, (2, 3))
    assert numbers(clip) == list(range(COUNT))
    for other in ("wrong.avi", "wrong.mp4", "wrong.txt", "none"):
        if name == "a.h264":
            continue  # raw streams have no mark of their own
        (tmp_path / other).write_bytes(samples[name].read_bytes())
        assert torch.equal(
            read_clip(tmp_path / other, frames=COUNT, size=None), read_clip(samples[name], frames=COUNT, size=None)
        )


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_of_several_video_streams_the_first_is_read(name: str, tmp_path: Path) -> None:
    with av.open(str(tmp_path / name), "w") as container:
        streams = []
        for height, count in ((48, COUNT), (48, 30), (24, 5)):
            stream = container.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, height, "yuv420p"
            streams.append((stream, numbered(count, first=100 * (count != COUNT))[:, :, :height]))
        sound = container.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(torch.zeros(1, 1024).numpy(), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(sound.encode(frame))
        for stream, frames in streams:
            for image in rearrange(frames, "c t h w -> t h w c").contiguous().numpy():
                container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        for stream in (sound, *(stream for stream, _ in streams)):
            container.mux(stream.encode(None))
    assert probe_video(tmp_path / name).frames == COUNT
    assert numbers(read_clip(tmp_path / name, frames=COUNT, size=None)) == list(range(COUNT))


def test_files_without_their_index_give_every_frame(samples: dict[str, Path], tmp_path: Path) -> None:
    live = encode(tmp_path / "live.mkv", numbered(COUNT), container={"live": "1"})
    assert b"\x1c\x53\xbb\x6b" in samples["a.mkv"].read_bytes() and b"\x1c\x53\xbb\x6b" not in live.read_bytes()
    content = samples["h264.avi"].read_bytes()
    (tmp_path / "none.avi").write_bytes(content[: content.rindex(b"idx1")])
    for path in (live, tmp_path / "none.avi"):
        assert numbers(read_clip(path, frames=COUNT, size=None)) == list(range(COUNT))
    whole = samples["a.mp4"].read_bytes()
    (tmp_path / "none.mp4").write_bytes(whole[: whole.index(b"moov") - 4])
    with pytest.raises(VideoError, match=r"none.mp4 \(\d+ bytes\) cannot be read: Invalid data .*; check that it is"):
        read_clip(tmp_path / "none.mp4")


# Damage


def _outcome(path: Path) -> torch.Tensor | str:
    """Every frame, each asked for by its time, or what was wrong."""
    try:
        edges = frame_times(path).tolist()
        parts = [
            read_clip(path, frames=1, size=None, start_s=start, duration_s=end - start)
            for start, end in itertools.pairwise(edges)
        ]
        return torch.cat(parts, dim=1)
    except VideoError as error:
        assert path.name in str(error)
        return str(error)


@pytest.mark.parametrize("name", SAMPLES)
def test_cut_at_forty_places_a_file_is_refused_or_whole(name: str, samples: dict[str, Path], tmp_path: Path) -> None:
    whole, content = read_clip(samples[name], frames=COUNT, size=None), samples[name].read_bytes()
    path, found = tmp_path / name, []
    for place in range(PLACES):
        path.write_bytes(content[: place * len(content) // PLACES])
        outcome = _outcome(path)
        found.append("refused" if isinstance(outcome, str) else outcome.shape[1])
        if isinstance(outcome, str):
            continue
        shown = numbers(outcome.rot90(1, (2, 3)) if name == "edited.mov" else outcome)
        assert torch.equal(outcome, whole[:, shown]) and shown == sorted(set(shown)), place
        if outcome.shape[1] < COUNT:
            assert name in UNCOUNTED, found
            with pytest.raises(VideoError, match=rf"{COUNT} frames were asked for and \d+ shown"):
                read_clip(path, frames=COUNT)
    assert found.count("refused") >= 4


@pytest.mark.parametrize("name", SAMPLES)
def test_a_flipped_byte_loses_no_frame_of_a_counted_file(name: str, samples: dict[str, Path], tmp_path: Path) -> None:
    with av.open(str(samples[name])) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    content, draw = samples[name].read_bytes(), random.Random(name)
    spans = [content.find(bytes(packet)[:16]) for packet in packets]
    path, refused = tmp_path / name, 0
    for _ in range(PLACES):
        changed, chosen = bytearray(content), draw.randrange(COUNT)
        changed[spans[chosen] + draw.randrange(min(packets[chosen].size, 100))] ^= 0xFF
        path.write_bytes(changed)
        outcome = _outcome(path)
        refused += isinstance(outcome, str)
        # Where nothing counts them, frames can be lost between others; a bit of VP8's frames says that they are shown.
        if isinstance(outcome, torch.Tensor) and name not in {*UNCOUNTED, "a.gif", "a.flv", "vp8.webm"}:
            assert outcome.shape[1] == COUNT
    assert refused or name in {"vp8.webm", "vp9.webm", "av1.mkv"}  # their codes can hardly be wrong


def test_where_a_codec_has_checksums_every_flipped_byte_is_found(tmp_path: Path) -> None:
    whole = encode(tmp_path / "whole.mov", numbered(COUNT), codec="png", pixels="rgb24")
    with av.open(str(whole)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    content, path = whole.read_bytes(), tmp_path / "flipped.mov"
    for chosen in range(COUNT):
        assert packets[chosen].size > 600
        at = content.index(bytes(packets[chosen])) + 50 + 97 * chosen % 500
        path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(VideoError, match=rf"flipped.mov is damaged at frame {chosen + 1} of 12 in the file"):
            read_clip(path, frames=COUNT)
        other = read_clip(path, frames=1, size=None, start_s=0.04 * ((chosen + 6) % COUNT), duration_s=0.04)
        assert numbers(other) == [(chosen + 6) % COUNT]  # another interval can still be read


def test_frames_that_a_decoder_paints_over_are_refused(samples: dict[str, Path], tmp_path: Path) -> None:
    path, content = tmp_path / "a.mpg", samples["mpeg2.mpg"].read_bytes()
    at = content.index(b"\0\0\1\2", content.index(b"\0\0\1\0"))
    path.write_bytes(content[: at + 8] + b"\xff" * 3 + content[at + 11 :])
    with av.open(str(path)) as container:
        assert any(frame.is_corrupt for frame in container.decode(video=0))
    with pytest.raises(VideoError, match=r"a.mpg is damaged at frame \d of 12 in the file \(.*\); fetch it again, or"):
        read_clip(path, frames=COUNT)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "h264.avi"])
def test_a_damaged_first_key_frame_does_not_cost_the_frames_behind_it_in_silence(
    name: str, samples: dict[str, Path], tmp_path: Path
) -> None:
    with av.open(str(samples[name])) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    path, content = tmp_path / name, samples[name].read_bytes()
    # Before the mark of the picture itself stands its length, or that it begins.
    at = content.index(packets[0]) + packets[0].rindex(b"\x65\x88") - 4
    path.write_bytes(content[:at] + b"\xff" * 4 + content[at + 4 :])
    with pytest.raises(VideoError, match=rf"{name} is damaged at frame 1 of 12 in the file \(.*\); fetch it again, or"):
        probe_video(path)


def test_data_missing_in_a_transport_stream_is_refused(samples: dict[str, Path], tmp_path: Path) -> None:
    content = samples["a.ts"].read_bytes()
    pieces = [content[start : start + 188] for start in range(0, len(content), 188)]
    video_pieces = [place for place, piece in enumerate(pieces) if piece[1:3] in (b"\x41\x00", b"\x01\x00")]
    del pieces[video_pieces[-3]]
    (tmp_path / "a.ts").write_bytes(b"".join(pieces))
    with pytest.raises(
        VideoError, match=r"a.ts is damaged at frame \d+ of \d+ in the file \(the file lacks data there"
    ):
        read_clip(tmp_path / "a.ts", frames=4)


def test_a_gif_that_ends_early_is_refused(samples: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "cut.gif").write_bytes(samples["a.gif"].read_bytes()[:-1])
    with pytest.raises(
        VideoError, match=r"cut.gif ends after 12 frames without the mark that ends a GIF; it was cut off"
    ):
        probe_video(tmp_path / "cut.gif")


def test_frames_that_a_decoder_leaves_out_without_a_word_are_missed(tmp_path: Path) -> None:
    options = {"x264-params": "intra-refresh=1:keyint=10:bframes=0"}
    whole = encode(tmp_path / "whole.mp4", numbered(40), options=options)
    cut = remuxed(whole, tmp_path / "cut.mkv", skip=10)  # its first pictures are whole only after the refresh
    with pytest.raises(
        VideoError, match=r"cut.mkv has \d+ frames that do not decode \(at 0.000.* s\); it is damaged, so"
    ):
        read_clip(cut, frames=30, allow_repeat=True)


def test_a_stream_that_begins_between_key_frames_is_read_from_the_first(
    samples: dict[str, Path], tmp_path: Path
) -> None:
    content = samples["a.ts"].read_bytes()
    pieces = [content[start : start + 188] for start in range(0, len(content), 188)]
    starts = [place for place, piece in enumerate(pieces) if piece[1:3] == b"\x41\x00"]
    assert len(starts) == COUNT
    (tmp_path / "later.ts").write_bytes(b"".join(pieces[: starts[0]] + pieces[starts[1] :]))
    with av.open(str(samples["a.h264"])) as container:
        first, second = [packet.size for packet in container.demux(video=0) if packet.size][:2]
    later = bytearray(samples["a.h264"].read_bytes()[first:])
    later[5:second] = b"\xff" * (second - 5)  # what is not shown may be damaged
    (tmp_path / "later.h264").write_bytes(later)
    for name in ("later.ts", "later.h264"):
        found = probe_video(tmp_path / name).frames
        shown = numbers(read_clip(tmp_path / name, frames=found, size=None))
        assert 0 < found < COUNT and shown == list(range(COUNT - found, COUNT)), name


def test_frames_that_lean_on_the_group_before_cost_no_second_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"x264-params": "open-gop=1:keyint=8:bframes=3:b-adapt=0:scenecut=0"}
    path = encode(tmp_path / "open.mp4", numbered(40), options=options)
    passes = []
    decode = video._Video._decoded
    monkeypatch.setattr(video._Video, "_decoded", lambda self, *what: passes.append(what) or decode(self, *what))
    for index in range(40):
        passes.clear()
        clip = read_clip(path, frames=1, size=None, start_s=0.04 * index, duration_s=0.04)
        assert numbers(clip) == [index] and len(passes) == 1


# Declared sizes


def _vp8(content: bytes, width: int, height: int) -> bytes:
    at = content.index(b"\x9d\x01\x2a") + 3
    return content[:at] + struct.pack("<HH", width, height) + content[at + 4 :]


def _gif(content: bytes, width: int, height: int) -> bytes:
    return content[:6] + struct.pack("<HH", width, height) + content[10:]


def _png(content: bytes, width: int, height: int) -> bytes:
    changed, at = bytearray(content), -1
    while (at := changed.find(b"IHDR", at + 1)) >= 0:
        changed[at + 4 : at + 12] = struct.pack(">II", width, height)
        changed[at + 17 : at + 21] = struct.pack(">I", zlib.crc32(changed[at : at + 17]))
    return bytes(changed)


def _table(content: bytes, count: int, each: int = 1) -> bytes:
    """An mp4 index of `count` frames that all have one size."""
    changed = bytearray(content)
    struct.pack_into(">II", changed, changed.index(b"stsz") + 8, each, count)
    struct.pack_into(">I", changed, changed.index(b"stsc") + 16, count)
    struct.pack_into(">I", changed, changed.index(b"stts") + 12, count)
    return bytes(changed)


def _run(content: bytes, count: int) -> bytes:
    """A fragment of `count` frames about which nothing is said."""
    changed = bytearray(content)
    struct.pack_into(">II", changed, changed.index(b"trun") + 4, 0x1, count)
    return bytes(changed)


def _packed(content: bytes, length: int | None = None) -> bytes:
    """The same with a compressed header, as old QuickTime files have it; `length` is what it says of itself."""
    at = content.index(b"moov") - 4
    (size,) = struct.unpack_from(">I", content, at)
    packed = zlib.compress(content[at : at + size])
    boxes = b"\0\0\0\x0cdcomzlib" + struct.pack(">I4sI", len(packed) + 12, b"cmvd", length or size) + packed
    for kind in (b"cmov", b"moov"):
        boxes = struct.pack(">I4s", len(boxes) + 8, kind) + boxes
    return content[:at] + boxes + content[at + size :]


def _avi_length(content: bytes, count: int) -> bytes:
    changed = bytearray(content)
    struct.pack_into("<I", changed, changed.index(b"strh") + 40, count)
    return bytes(changed)


def _mkv_duration(content: bytes, seconds: float) -> bytes:
    changed = bytearray(content)
    struct.pack_into(">d", changed, changed.index(b"\x44\x89\x88") + 3, 1000 * seconds)
    return bytes(changed)


HUGE: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "VP8 12000x12000": ("vp8.webm", lambda b: _vp8(b, 12000, 12000), "max_pixels=33554432"),
    "VP8 16383x16383": ("vp8.webm", lambda b: _vp8(b, 16383, 16383), "max_pixels=33554432"),
    "VP8 7000x6000": ("vp8.webm", lambda b: _vp8(b, 7000, 6000), "frames of 7000x6000 px, more than max_pixels=3"),
    "GIF 65535x65535": ("a.gif", lambda b: _gif(b, 65535, 65535), "max_pixels=33554432"),
    "PNG 15000x15000": ("png.mov", lambda b: _png(b, 15000, 15000), "max_pixels=33554432"),
    "mp4, 100,000 frames": ("a.mp4", lambda b: _table(b, 100_000), "declares 100000 bytes of frames"),
    "mp4, a billion frames": ("a.mp4", lambda b: _table(b, 10**9), "declares 1000000000 bytes of frames"),
    "mp4, a fragment of a billion": ("fragments.mp4", lambda b: _run(b, 10**9), "declares 10000000\\d\\d bytes of"),
    "mp4, 100,000 frames and no bytes": ("a.mp4", lambda b: _table(b, 100_000, 0), "without a single frame"),
    "mp4, 30 million frames, packed": ("a.mp4", lambda b: _packed(_table(b, 3 * 10**7)), "declares 30000000 bytes of"),
    "mp4, a header of 200 MB, packed": ("a.mp4", lambda b: _packed(b, 2 * 10**8), "compressed hea"),
    "mp4, packed twice": ("a.mp4", lambda b: _packed(_packed(_table(b, 10**9))), "a compressed header that cannot be"),
    "AVI, 100,000 frames": ("h264.avi", lambda b: _avi_length(b, 100_000), "declares 100000 frames in 4000.000 s and"),
    "Matroska, eleven days": ("a.mkv", lambda b: _mkv_duration(b, 1e6), "declares 1000000.000 s and ends after 12"),
}  # fmt: skip

_MEASURE = """
import json, resource, sys, time
from rev2net_lite.video import VideoError, probe_video, read_clip
read_clip(sys.argv[1], frames=12, allow_repeat=True)
for path in sys.argv[2:]:
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    messages = []
    for reader in (probe_video, read_clip):
        try:
            probe_video(path) if reader is probe_video else read_clip(path, allow_repeat=True)
        except VideoError as error:
            messages.append(str(error))
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(json.dumps({"messages": messages, "grown_mb": grown, "cpu_s": time.process_time() - started}))
"""


def test_huge_declared_sizes_cost_neither_memory_nor_time(samples: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("resource")
    paths = []
    for kind, (name, change, _) in HUGE.items():
        paths.append(tmp_path / f"{len(paths)}_{name}")
        paths[-1].write_bytes(change(samples[name].read_bytes()))
        assert paths[-1].stat().st_size < 20_000, kind
    command = [sys.executable, "-c", _MEASURE, str(samples["a.mp4"]), *map(str, paths)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    for (kind, (_, _, message)), path, line in zip(HUGE.items(), paths, lines, strict=True):
        found = json.loads(line)
        assert len(found["messages"]) == 2 and all(path.name in said for said in found["messages"]), (kind, found)
        assert all(re.search(message, said) for said in found["messages"]), (kind, found)
        assert found["grown_mb"] < 120 and found["cpu_s"] < 5, (kind, found)


def test_a_compressed_header_is_read(samples: dict[str, Path], tmp_path: Path) -> None:
    content = samples["a.mp4"].read_bytes()
    (tmp_path / "packed.mov").write_bytes(_packed(content))
    assert torch.equal(read_clip(tmp_path / "packed.mov", frames=12), read_clip(samples["a.mp4"], frames=12))
    at = content.index(b"moov") - 4
    packed = _packed(content)
    one = packed[at + 8 :]
    several = {
        "broken.mov": packed.replace(zlib.compress(content[at:])[:4], b"none"),
        "two.mov": packed[:at] + struct.pack(">I4s", 2 * len(one) + 8, b"moov") + one + one,
    }
    for name, changed in several.items():
        (tmp_path / name).write_bytes(changed)
        message = (
            rf"{name} has a compressed header that cannot be read, or holds more than 67108864 bytes; it is damaged, "
        )
        with pytest.raises(VideoError, match=message + "so fetch it again"):
            probe_video(tmp_path / name)


def test_a_rate_that_no_camera_has_is_refused(samples: dict[str, Path], tmp_path: Path) -> None:
    changed = bytearray(samples["mpeg4.avi"].read_bytes())
    struct.pack_into("<II", changed, changed.index(b"strh") + 28, 1, 2**31 - 1)
    (tmp_path / "fast.avi").write_bytes(changed)
    with pytest.raises(
        VideoError, match=r"fast.avi declares 2.14748e\+09 frames per second; it is damaged, so fetch it"
    ):
        read_clip(tmp_path / "fast.avi", frames=2)


def test_a_video_whose_frames_are_all_invisible_shows_none(samples: dict[str, Path], tmp_path: Path) -> None:
    with av.open(str(samples["vp8.webm"])) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    content = samples["vp8.webm"].read_bytes()
    for packet in packets:
        content = content.replace(packet, bytes([packet[0] & ~0x10]) + packet[1:])
    (tmp_path / "dark.webm").write_bytes(content)
    with pytest.raises(VideoError, match=r"dark.webm has no frame that can be decoded and shown; check that it is"):
        read_clip(tmp_path / "dark.webm")


def test_the_limit_of_pixels_can_be_raised(samples: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "large.gif"
    path.write_bytes(_gif(samples["a.gif"].read_bytes(), 1200, 900))
    for reader in (probe_video, frame_times, stamped_times, lambda path, **limit: read_clip(path, frames=4, **limit)):
        with pytest.raises(VideoError, match=r"large.gif .* frames of (1200x900 px, )?more than max_pixels=1000"):
            reader(path, max_pixels=100_000)
        reader(path, max_pixels=1_080_000)
    assert len(stored_packets(path, max_pixels=1_080_000)) == COUNT
    with pytest.raises(VideoError, match="max_pixels is 0; use at least 1"):
        read_clip(path, max_pixels=0)
    assert probe_video(samples["a.mp4"], max_pixels=64 * 48).width == 64


def test_scaling_a_long_picture_is_bounded_too(tmp_path: Path) -> None:
    path = encode(tmp_path / "long.mkv", torch.zeros(3, 1, 2, 16000, dtype=torch.uint8), pixels="yuv444p")
    with pytest.raises(
        VideoError,
        match=r"long.mkv has frames of 16000x2 px, which become 1600000x200 px before they are cropped, more than "
        r"max_pixels=33554432; ask for a smaller size, or pass crop=None",
    ):
        read_clip(path, frames=1, size=(200, 200))
    assert read_clip(path, frames=1, size=(200, 200), crop=None).shape == (3, 1, 200, 200)
    assert read_clip(path, frames=1, size=(8, 8)).shape == (3, 1, 8, 8)


def test_an_index_that_leads_to_the_same_bytes_over_and_over_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = encode(tmp_path / "same.mov", numbered(200)[:, :, :16, :16], codec="png", pixels="rgb24")
    content = bytearray(path.read_bytes())
    at = content.index(b"stco")  # where the one chunk of frames lies: now there are 200 of one frame each, all there
    content[at + 4 : at + 16] = struct.pack(">II", 0, 200) + 200 * content[at + 12 : at + 16]
    for box in (b"stco", b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        (size,) = struct.unpack_from(">I", content, content.index(box) - 4)
        struct.pack_into(">I", content, content.index(box) - 4, size + 199 * 4)
    struct.pack_into(">I", content, content.index(b"stsc") + 16, 1)
    struct.pack_into(">200I", content, content.index(b"stsz") + 16, *itertools.repeat(10_000, 200))
    path.write_bytes(content)
    monkeypatch.setattr(video, "_KEPT_BYTES", len(content))  # more is not held in memory, but read again
    with video._opened(path) as opened:
        assert opened.kept is None
    monkeypatch.setattr(video, "_REPEATED_BYTES", 10)
    with pytest.raises(
        VideoError, match=r"same.mov \(\d+ bytes\) hands out more than \d+ bytes of frames; its index is damaged"
    ):
        probe_video(path)
