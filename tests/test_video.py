"""Every frame that comes out of a video file is checked by the number drawn into it; see `drawn_videos`."""

from __future__ import annotations

import csv
import itertools
import os
import socket
from fractions import Fraction
from pathlib import Path

import av
import pytest
import torch
from drawn_videos import COUNT, decoded, encode, numbered, numbers, remuxed
from einops import rearrange, repeat

from rev2net_lite import video
from rev2net_lite.shapes import ShapeError
from rev2net_lite.video import (
    VideoError,
    frame_times,
    probe_video,
    read_clip,
    sampled_frames,
    stamped_times,
    stored_packets,
    write_video,
)

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


def test_the_files_are_of_the_kinds_that_they_are_called(tmp_path: Path) -> None:
    for kind in ("open groups", "MPEG-2 open groups", "HEVC, 10 bit, open groups"):
        name, recipe = FILES[kind]
        path = encode(tmp_path / name, numbered(), **recipe)  # type: ignore[arg-type]
        with av.open(str(path)) as container:
            packets = [packet for packet in container.demux(video=0) if packet.size]
        keys = [position for position, packet in enumerate(packets) if packet.is_keyframe]
        assert len(keys) > 3, kind
        assert all(packets[key + 1].pts < packets[key].pts for key in keys[1:-1]), (
            f"{kind}: no frame leads its key frame"
        )


def test_invisible_vp8_frames_are_no_frames(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.webm", numbered(), codec="libvpx", options={"g": "12"})
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    content = path.read_bytes()
    for packet in packets[5::6]:
        content = content.replace(packet, bytes([packet[0] & ~0x10]) + packet[1:])
    path.write_bytes(content)
    whole, _ = decoded(path)
    left = [number for number in range(COUNT) if number % 6 != 5]
    assert numbers(whole) == left
    assert probe_video(path).frames == len(left)
    assert torch.equal(
        read_clip(path, frames=len(left), size=None, duration_s=1.0, allow_repeat=True)[:, 3], whole[:, 2]
    )


def test_a_frame_shown_before_its_key_frame_is_decoded_from_the_key_frame_before(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", numbered(), **FILES["open groups"][1])  # type: ignore[arg-type]
    with video._opened(path) as opened:
        second, third = [position for position, key in enumerate(opened.keys) if key][1:3]
        assert opened._groups({opened.stamps[third + 1]}) == [(second, third + 2)]
        assert opened._groups({opened.stamps[third]}) == [(third, third + 1)]


def test_a_file_too_large_to_hold_is_demuxed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = encode(tmp_path / "a.mp4", numbered(), options={"g": "8", "bf": "2"})
    avi = encode(tmp_path / "a.avi", numbered(), codec="mpeg4")
    expected = read_clip(path, frames=5), read_clip(avi, frames=5)
    opened: list[str] = []
    original = av.open
    monkeypatch.setattr(av, "open", lambda *args, **options: (opened.append(args[0]), original(*args, **options))[1])
    monkeypatch.setattr(video, "_KEPT_BYTES", 0)
    assert torch.equal(read_clip(path, frames=5), expected[0])
    assert torch.equal(read_clip(avi, frames=5), expected[1])
    assert len(opened) == 4


# probe_video and frame_times


def test_probe_tells_what_the_file_holds(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", numbered(), options={"bf": "2"})
    info = probe_video(path)
    assert (info.width, info.height, info.frames, info.codec) == (64, 48, COUNT, "h264")
    assert (info.fps, info.duration_s) == (pytest.approx(25), pytest.approx(COUNT / 25))
    assert (info.rotation, info.reliable_timestamps) == (0, True)


@pytest.mark.parametrize("name", ["a.mkv", "a.avi", "a.h264"])
def test_probe_counts_frames_where_the_header_has_no_or_no_usable_number(name: str, tmp_path: Path) -> None:
    path = encode(tmp_path / name, numbered(), codec="mpeg4" if name == "a.avi" else "libx264")
    info = probe_video(str(path))
    assert info.frames == COUNT
    assert info.fps == pytest.approx(25)
    assert info.reliable_timestamps == (name == "a.mkv")


def test_frame_times_are_those_of_the_file_and_start_at_zero(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mkv", numbered(), stamps_ms=[3_600_000 + ms for ms in UNEVEN_MS])
    times = frame_times(path)
    assert times.dtype == torch.float64
    assert times[:-1].tolist() == pytest.approx([ms / 1000 for ms in UNEVEN_MS], abs=1e-9)
    assert times[-1] > times[-2]


def test_stored_packets_are_those_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = encode(tmp_path / "a.mp4", numbered(), options={"g": "10"})
    with av.open(str(path)) as container:
        expected = [(packet.size, packet.is_keyframe) for packet in container.demux(video=0) if packet.size]
    assert [(packet.size_bytes, packet.key) for packet in stored_packets(path)] == expected
    assert [packet.key for packet in stored_packets(path)].count(True) == COUNT // 10
    monkeypatch.setattr("rev2net_lite.video._KEPT_BYTES", 0)
    assert len(stored_packets(path)) == COUNT


def test_stamped_times_are_those_of_the_file_true_or_not(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", numbered(), options={"g": "10", "bf": "2"})
    assert stamped_times(path).tolist() == pytest.approx(frame_times(path)[:-1].tolist())

    def change(packet: av.Packet, position: int) -> av.Packet:
        packet.pts, packet.dts = 40 * (position ^ 1), 40 * position - 80
        return packet

    plain = encode(tmp_path / "a.mkv", numbered(), options={"bf": "0"})
    wrong = remuxed(plain, tmp_path / "wrong.mkv", change)
    assert stamped_times(wrong)[:4].tolist() == pytest.approx([0.04, 0.0, 0.12, 0.08])
    raw = encode(tmp_path / "a.h264", numbered(), options={"bf": "0"})
    assert stamped_times(raw).isnan().all() and len(stamped_times(raw)) == COUNT


def test_what_cannot_be_decoded_at_the_head_of_a_cut_file_is_not_counted(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mkv", numbered(), **FILES["open groups"][1])  # type: ignore[arg-type]
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    second = [position for position, packet in enumerate(packets) if packet.is_keyframe][1]
    for skip in (second, second - 2):
        cut = remuxed(path, tmp_path / f"cut{skip}.mkv", skip=skip)
        found = numbers(read_clip(cut, frames=COUNT, size=None, allow_repeat=True))
        assert found[0] == packets[second].pts // 40
        assert found[-1] == COUNT - 1
        assert probe_video(cut).frames == COUNT - found[0]


@pytest.mark.parametrize("lie", ["backwards", "backwards once", "repeated", "decode order"])
def test_frames_are_counted_in_decode_order_where_time_stamps_lie(lie: str, tmp_path: Path) -> None:
    b_frames = "2" if lie == "decode order" else "0"
    options = {"g": "10", "bf": b_frames, "x264-params": "b-adapt=0"}
    path = encode(tmp_path / "a.mkv", numbered(), options=options)

    def change(packet: av.Packet, position: int) -> av.Packet:
        packet.pts = packet.dts = 40 * position
        if lie == "backwards" or (lie == "backwards once" and position < 2):
            packet.pts = 40 * (position ^ 1)
        if lie.startswith("backwards"):
            packet.dts = 40 * position - 80
        if lie == "repeated":
            packet.pts = packet.dts = 80 * (position // 2)
        return packet

    wrong = remuxed(path, tmp_path / "wrong.mkv", change)
    clip = read_clip(wrong, frames=COUNT // 2, size=None)
    assert numbers(clip) == list(range(1, COUNT, 2))
    assert not probe_video(wrong).reliable_timestamps
    assert frame_times(wrong).diff().tolist() == pytest.approx([1 / 25] * COUNT, rel=0.05)


def test_frames_that_an_avi_file_leaves_out_keep_their_time(tmp_path: Path) -> None:
    stamps = [*range(10), *range(20, 30)]
    path = tmp_path / "a.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for stamp, image in zip(
            stamps, rearrange(numbered(20), "c t h w -> t h w c").contiguous().numpy(), strict=True
        ):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = stamp, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert frame_times(path)[:-1].tolist() == pytest.approx([stamp / 25 for stamp in stamps])
    assert numbers(read_clip(path, frames=6, size=None)) == [2, 7, 9, 9, 12, 17]


@pytest.mark.parametrize("padding", [0, 20])
def test_mpeg4_pictures_that_are_not_coded_are_no_frames(padding: int, tmp_path: Path) -> None:
    path = encode(tmp_path / "a.avi", numbered(), codec="mpeg4", options={"g": "4"})
    left = [*range(21), *range(24, COUNT)]

    def empty(packet: av.Packet, position: int) -> av.Packet:
        if position in left:
            return packet
        picture = av.Packet(b"\0\0\1\xb6\x50\x4f" + bytes(padding))
        picture.pts, picture.dts, picture.time_base = packet.pts, packet.dts, packet.time_base
        return picture

    changed = remuxed(path, tmp_path / "changed.avi", empty)
    assert numbers(decoded(changed)[0]) == left
    if padding:  # too long for an empty picture: damage
        with pytest.raises(VideoError, match=r"changed.avi holds 40 frames and only 37 decode; it is damaged"):
            probe_video(changed)
    else:
        assert probe_video(changed).frames == len(left)
        assert numbers(read_clip(changed, frames=len(left), size=None)) == left


# sampled_frames


def test_sampled_frames_are_those_at_the_middles_of_equal_parts() -> None:
    times = torch.tensor([0.0, 1.0, 1.5, 4.0, 8.0], dtype=torch.float64)
    assert sampled_frames(times, frames=1).tolist() == [3]  # on the edge the new frame is shown
    assert sampled_frames(times, frames=4).tolist() == [1, 2, 3, 3]
    assert sampled_frames(times, frames=2, start_s=0.5, duration_s=2.0).tolist() == [1, 2]
    assert sampled_frames(times, frames=2, start_s=4.0, allow_repeat=True).tolist() == [3, 3]


@pytest.mark.parametrize("fps", [24, 25, 29.97, 30000 / 1001, 60])
def test_middles_that_fall_on_an_edge_do_not_depend_on_rounding(fps: float) -> None:
    times = torch.arange(1201, dtype=torch.float64) / fps
    assert sampled_frames(times, frames=600).tolist() == list(range(1, 1200, 2))
    assert sampled_frames(times, frames=1200).tolist() == list(range(1200))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frames": 0}, "frames is 0; ask for at least 1"),
        ({"start_s": -0.1}, "start_s is -0.1; the video lasts 8.000 s"),
        ({"start_s": 8.0}, "start_s is 8.0; the video lasts 8.000 s, so ask for 0 <= start_s < 8.000"),
        ({"start_s": float("nan")}, "start_s is nan"),
        ({"duration_s": 0.0}, "duration_s is 0.0 from 0.0 s"),
        ({"start_s": 6.0, "duration_s": 3.0}, "duration_s is 3.0 from 6.0 s; .* at most 2.000 s"),
        ({"frames": 9}, "9 frames were asked for and 8 shown from 0 s for 8.000 s; .* allow_repeat=True"),
        ({"start_s": 3.5, "duration_s": 1.0, "frames": 3}, "3 frames were asked for and 2 shown from 3.5 s"),
    ],
)
def test_an_interval_that_the_video_cannot_fill_is_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(VideoError, match=message):
        sampled_frames(torch.arange(9.0), **{"frames": 2, **options})  # type: ignore[arg-type]


# read_clip


@pytest.fixture(scope="module")
def stripes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two frames of 64x128: a red quarter, a green half, a blue quarter."""
    frames = torch.zeros(3, 2, 64, 128, dtype=torch.uint8)
    frames[0, ..., :32], frames[1, ..., 32:96], frames[2, ..., 96:] = 255, 255, 255
    path = tmp_path_factory.mktemp("stripes") / "stripes.mp4"
    write_video(path, frames, fps=10)
    return path


@pytest.mark.parametrize(
    ("size", "crop", "red"),
    [((64, 128), "center", 32), ((32, 64), "center", 16), ((128, 256), "center", 64), ((32, 48), "center", 8),
     ((32, 32), None, 8), ((96, 40), None, 10)],
)  # fmt: skip
def test_the_shorter_side_fits_and_the_middle_is_cut_out_or_all_is_squashed(
    stripes: Path, size: tuple[int, int], crop: str | None, red: int
) -> None:
    clip = read_clip(stripes, frames=2, size=size, crop=crop).float()
    assert clip.shape == (3, 2, *size)
    colour = clip.mean((1, 2)).argmax(0)
    width = size[1]
    assert colour.tolist() == [0] * red + [1] * (width - 2 * red) + [2] * red


def test_a_square_cut_out_of_a_wide_video_shows_its_middle(stripes: Path) -> None:
    clip = read_clip(stripes, frames=2).float()
    assert clip.shape == (3, 2, 112, 112)
    assert (clip[1, :, :, 2:-2].mean() > 250) and (clip[[0, 2]][..., 2:-2].mean() < 5)


def test_reduction_averages_instead_of_dropping_pixels(tmp_path: Path) -> None:
    board = torch.zeros(64, 64, dtype=torch.uint8)
    board[::2], board[1::2] = 255, 0
    write_video(tmp_path / "a.mp4", repeat(board, "h w -> 3 2 h w"), fps=5, crf=1)
    small = read_clip(tmp_path / "a.mp4", frames=2, size=(9, 9)).float()
    assert small[..., 1:-1, 1:-1].sub(127.5).abs().max() < 20


@pytest.mark.parametrize("matrix", list(itertools.product((1, -1), (1, -1), (False, True))))
def test_frames_stand_upright_under_each_of_the_eight_display_matrices(
    matrix: tuple[int, int, bool], tmp_path: Path
) -> None:
    right, down, swap = matrix
    a, b, c, d = (0, down, right, 0) if swap else (right, 0, 0, down)
    rows = [a << 16, b << 16, 0, c << 16, d << 16, 0, 0, 0, 1 << 30]
    frames = numbered(3, first=141)
    path = encode(tmp_path / "a.mp4", frames, matrix=rows)
    stored, _ = encode(tmp_path / "b.mp4", frames), None
    plain = read_clip(stored, frames=3, size=None)
    # By definition x' = a x + c y and y' = b x + d y: a source pixel goes where the matrix sends it.
    expected = plain.mT if swap else plain
    expected = expected.flip([axis for axis, sign in ((3, right), (2, down)) if sign < 0])
    clip = read_clip(path, frames=3, size=None)
    assert torch.equal(clip, expected)
    info = probe_video(path)
    assert (info.height, info.width) == tuple(clip.shape[2:])
    if right * down * (-1 if swap else 1) > 0:
        assert torch.equal(clip, torch.rot90(plain, info.rotation // 90, (2, 3)))


def test_a_short_video_repeats_frames_only_when_allowed(tmp_path: Path) -> None:
    path = encode(tmp_path / "one.mp4", numbered(1, first=77))
    with pytest.raises(VideoError, match=r"one.mp4: 4 frames were asked for and 1 shown .* pass allow_repeat=True"):
        read_clip(path, frames=4)
    assert numbers(read_clip(path, frames=4, size=None, allow_repeat=True)) == [77] * 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"crop": "left"}, "crop is 'left'; use 'center' or None"),
        ({"size": (0, 8)}, r"size is \(0, 8\); use \(height, width\)"),
        ({"size": (8,)}, r"size is \(8,\); use \(height, width\)"),
        ({"max_pixels": 8000}, r"stripes.mp4 has frames of 128x64 px, more than max_pixels=8000; pass a larger"),
    ],
)
def test_options_that_make_no_clip_are_refused(stripes: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(VideoError, match=message):
        read_clip(stripes, frames=3, **options)  # type: ignore[arg-type]


def test_a_video_that_changes_its_size_needs_one_to_be_given(tmp_path: Path) -> None:
    first = encode(tmp_path / "a.h264", numbered(4))
    second = encode(tmp_path / "b.h264", repeat(numbered(4, first=4), "c t h w -> c t (h 2) (w 2)"))
    both = tmp_path / "both.h264"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    assert read_clip(both, frames=8, size=(48, 64)).shape == (3, 8, 48, 64)
    with pytest.raises(VideoError, match=r"both.h264 changes its frame size .*; pass size=\(height, width\)"):
        read_clip(both, frames=8, size=None)
    with pytest.raises(VideoError, match="has frames of 128x96 px, more than max_pixels=4000"):
        read_clip(both, frames=8, size=(16, 16), max_pixels=4000)


# Files that cannot be read


def test_what_is_no_video_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("not a video at all")
    (tmp_path / "empty.mp4").touch()
    with av.open(str(tmp_path / "sound.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame(format="s16", layout="mono", samples=800)
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    known = encode(tmp_path / "known.mp4", numbered(4)).read_bytes()
    (tmp_path / "unknown.mp4").write_bytes(known.replace(b"avc1", b"zzzz"))
    for name, message in {
        "none.mp4": "none.mp4 is missing; give the path of a video file",
        "": "is a folder; give the path of a video file",
        "text.mp4": r"text.mp4 \(18 bytes\) cannot be read: Invalid data .* convert it with ffmpeg",
        "empty.mp4": r"empty.mp4 \(0 bytes\) cannot be read",
        "sound.wav": r"sound.wav holds no moving picture \(its streams: audio\)",
        "unknown.mp4": "unknown.mp4 is coded in a way that FFmpeg does not know; convert it",
    }.items():
        for reader in (read_clip, probe_video, frame_times):
            with pytest.raises(VideoError, match=message):
                reader(tmp_path / name)


def test_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    for name, moving in (("cover.mp4", False), ("both.mp4", True)):
        with av.open(str(tmp_path / name), "w") as container:
            cover = container.add_stream("mjpeg", rate=25)
            cover.width, cover.height, cover.pix_fmt = 32, 32, "yuvj420p"
            cover.disposition = av.stream.Disposition.attached_pic
            streams = [(cover, torch.zeros(3, 1, 32, 32, dtype=torch.uint8))]
            if moving:
                film = container.add_stream("libx264", rate=25)
                film.width, film.height, film.pix_fmt = 64, 48, "yuv420p"
                streams.append((film, numbered(8)))
            for stream, frames in streams:
                for image in rearrange(frames, "c t h w -> t h w c").contiguous().numpy():
                    container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
                container.mux(stream.encode(None))
    assert numbers(read_clip(tmp_path / "both.mp4", frames=8, size=None)) == list(range(8))
    with pytest.raises(VideoError, match=r"cover.mp4 holds no moving picture \(its streams: video\)"):
        read_clip(tmp_path / "cover.mp4", frames=1)


def test_a_playlist_under_a_video_name_cannot_reach_the_network(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/a.ts"
        (tmp_path / "list.m3u8").write_text(
            f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{address}\n#EXT-X-ENDLIST\n"
        )
        with pytest.raises(VideoError, match=r"list.m3u8"):
            read_clip(tmp_path / "list.m3u8")
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.avi"])
@pytest.mark.parametrize("share", [0.5, 0.93])
def test_a_file_that_was_cut_off_is_refused(name: str, share: float, tmp_path: Path) -> None:
    options = {"movflags": "faststart"} if name == "a.mp4" else {}
    path = tmp_path / name
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("mpeg4" if name == "a.avi" else "libx264", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for image in rearrange(numbered(), "c t h w -> t h w c").contiguous().numpy():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    assert probe_video(path).frames == COUNT
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    path.write_bytes(path.read_bytes()[: packets[int(share * COUNT)].pos + 4])
    for reader in (read_clip, probe_video):
        with pytest.raises(VideoError, match=rf"{name} declares .*1.600 s and ends after \d+ frames in .* cut off"):
            reader(path)


def test_frames_left_out_by_an_edit_list_are_neither_shown_nor_missed(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.mp4", numbered(), options={"g": "5", "bf": "0"})

    def earlier(packet: av.Packet, _: int) -> av.Packet:
        packet.pts -= 13 * 512
        packet.dts -= 13 * 512
        return packet

    edited = remuxed(path, tmp_path / "edited.mp4", earlier, options={"avoid_negative_ts": "disabled"})
    with av.open(str(edited)) as container:
        found = [packet.is_discard for packet in container.demux(video=0) if packet.size]
        assert container.streams.video[0].frames == COUNT > len(found) > found.count(False) == COUNT - 13
    assert probe_video(edited).frames == COUNT - 13
    assert numbers(read_clip(edited, frames=COUNT - 13, size=None)) == list(range(13, COUNT))


@pytest.mark.parametrize("name", ["a.mp4", "a.avi"])
def test_frames_that_do_not_decode_are_named(name: str, tmp_path: Path) -> None:
    path = encode(tmp_path / name, numbered(), codec="mpeg4" if name == "a.avi" else "libx264", options={"g": "10"})
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    content = bytearray(path.read_bytes())
    for packet in packets[20:24]:
        content[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    path.write_bytes(content)
    with pytest.raises(VideoError, match=rf"{name}.* is damaged at frame 21 of 40 in the file"):
        read_clip(path, frames=COUNT)


# write_video


def test_written_frames_come_back_in_number_rate_and_colour(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    frames = numbered(12)
    before = frames.clone()
    write_video(path, frames, fps=30000 / 1001)
    info = probe_video(path)
    assert (info.frames, info.width, info.height, info.codec) == (12, 64, 48, "h264")
    assert info.fps == pytest.approx(30000 / 1001)
    clip = read_clip(path, frames=12, size=None)
    assert numbers(clip) == list(range(12))
    assert (clip.float() - frames.float()).abs().mean() < 3
    assert torch.equal(frames, before)


def test_saturated_colours_survive(tmp_path: Path) -> None:
    colours = 255 * torch.tensor(list(itertools.product((0, 1), repeat=3)), dtype=torch.uint8)
    frames = repeat(colours, "t c -> c t h w", h=32, w=32)
    write_video(tmp_path / "a.mp4", frames, fps=8)
    assert (read_clip(tmp_path / "a.mp4", frames=8, size=None).float() - frames.float()).abs().max() <= 4
    with av.open(str(tmp_path / "a.mp4")) as container:
        frame = next(container.decode(video=0))
    assert (frame.colorspace, frame.color_range) == (5, 1)  # BT.601, limited: tagged, not left to be guessed


def test_an_avi_file_gives_the_same_frames_and_stamps_that_go_backwards(tmp_path: Path) -> None:
    frames = numbered()
    for name in ("a.mp4", "a.AVI"):
        write_video(tmp_path / name, frames, fps=25)
    assert av.open(str(tmp_path / "a.AVI")).format.name == "avi"
    clips = [read_clip(tmp_path / name, frames=COUNT, size=None) for name in ("a.mp4", "a.AVI")]
    assert torch.equal(*clips) and numbers(clips[1]) == list(range(COUNT))
    assert (stamped_times(tmp_path / "a.AVI").diff() < 0).sum() > 5
    assert not probe_video(tmp_path / "a.AVI").reliable_timestamps


def test_equal_input_gives_equal_bytes_whatever_its_strides(tmp_path: Path) -> None:
    frames = numbered(8)
    write_video(tmp_path / "a.mp4", frames, fps=8)
    write_video(
        tmp_path / "b.mp4", rearrange(rearrange(frames, "c t h w -> w h t c").contiguous(), "w h t c -> c t h w"), fps=8
    )
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_a_smaller_crf_is_closer_and_larger(tmp_path: Path) -> None:
    frames = torch.randint(0, 256, (3, 4, 64, 64), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    found = []
    for crf in (10, 40):
        write_video(tmp_path / "a.mp4", frames, fps=8, crf=crf)
        clip = read_clip(tmp_path / "a.mp4", frames=4, size=None)
        found.append(((clip.float() - frames.float()).abs().mean().item(), -(tmp_path / "a.mp4").stat().st_size))
    assert found[0] < found[1] and found[0][1] < found[1][1]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")  # a limit on the size of files stands in for a full disk
    path = tmp_path / "a.mp4"
    write_video(path, numbered(4), fps=8)
    old = path.read_bytes()
    noise = torch.randint(0, 256, (3, 8, 128, 128), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(
            VideoError, match=r"a.mp4 cannot be written: File too large; check folder, space and rights"
        ):
            write_video(path, noise, fps=8)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == old


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"a.mp4 cannot be written: No such file or directory"):
        write_video(tmp_path / "none" / "a.mp4", numbered(2), fps=8)
    (tmp_path / "taken.mp4").mkdir()
    with pytest.raises(VideoError, match=r"taken.mp4 cannot be written: Is a directory"):
        write_video(tmp_path / "taken.mp4", numbered(2), fps=8)
    assert list(tmp_path.iterdir()) == [tmp_path / "taken.mp4"]


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        (
            (3, 2, 15, 16),
            {},
            r"shape \(3, 2, 15, 16\); H.264 in yuv420p takes .* even height and width, so crop or pad",
        ),
        ((3, 2, 16, 15), {}, "even height and width"),
        ((3, 0, 16, 16), {}, "at least one frame"),
        ((3, 2, 16, 16), {"fps": 0.0001}, r"fps is 0.0001; use a finite number of at least 0.001"),
        ((3, 2, 16, 16), {"fps": float("inf")}, "fps is inf"),
        ((3, 2, 16, 16), {"crf": 52}, r"crf is 52; use 0 \(best\) to 51 \(smallest\)"),
    ],
)
def test_frames_that_make_no_file_are_refused(
    shape: tuple[int, ...], options: dict[str, float], message: str, tmp_path: Path
) -> None:
    with pytest.raises(VideoError, match=message):
        write_video(tmp_path / "a.mp4", torch.zeros(shape, dtype=torch.uint8), **{"fps": 8, **options})  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_frames_of_another_type_or_order_are_refused(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"frames are torch.float32; write_video takes uint8 in 0..255"):
        write_video(tmp_path / "a.mp4", torch.zeros(3, 2, 16, 16), fps=8)
    with pytest.raises(ShapeError, match="axis '3' of '3 t h w' should be 3, not 2"):
        write_video(tmp_path / "a.mp4", torch.zeros(2, 3, 16, 16, dtype=torch.uint8), fps=8)


# Real files


def _real_files() -> list[dict[str, str]]:
    manifest = Path(os.environ.get("REV2NET_CLIPS", ""), "MANIFEST.csv")
    if not manifest.is_file():
        return [{"file": "MANIFEST.csv"}]  # the fixture then skips or fails by name
    with manifest.open(newline="") as lines:
        return [row for row in csv.DictReader(lines) if row["kind"] != "flow-gt"]


@pytest.mark.parametrize("row", _real_files(), ids=lambda row: row["file"])
def test_real_files_equal_a_plain_decode_or_are_refused(row: dict[str, str], clips_folder: Path) -> None:
    path = clips_folder / row["file"]
    if row["pyav"] != "OK":
        with pytest.raises(VideoError, match=path.name):
            read_clip(path, frames=4, allow_repeat=True)
        return
    info = probe_video(path)
    sizes = sorted((info.width, info.height)) if info.rotation % 180 else [info.width, info.height]
    expected = [int(row["width"]), int(row["height"])]
    assert (sizes, info.frames) == (sorted(expected) if info.rotation % 180 else expected, int(row["frames"]))
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    times = [frame.time - frames[0].time for frame in frames]
    if path.suffix == ".avi":
        times = [index / float(Fraction(row["fps"])) for index in range(len(frames))]
    for count, start_s, duration_s in ((4, 0.0, info.duration_s), (3, 0.4 * info.duration_s, 0.3 * info.duration_s)):
        clip = read_clip(path, frames=count, size=None, start_s=start_s, duration_s=duration_s, allow_repeat=True)
        for part in range(count):
            middle = start_s + (part + 0.5) * duration_s / count
            frame = frames[sum(time <= middle + 1e-7 for time in times) - 1]
            image = torch.rot90(torch.from_numpy(frame.to_ndarray(format="rgb24", threads=1)), frame.rotation // 90)
            assert torch.equal(clip[:, part], rearrange(image, "h w c -> c h w"))


@pytest.mark.parametrize("crop", ["center", None])
def test_frames_scaled_together_are_those_scaled_one_by_one(tmp_path, monkeypatch, crop):
    generator = torch.Generator().manual_seed(0)
    path = tmp_path / "v.mp4"
    write_video(path, torch.randint(0, 256, (3, 12, 48, 80), generator=generator, dtype=torch.uint8), fps=12)
    together = read_clip(path, frames=12, size=(30, 30), crop=crop)
    monkeypatch.setattr(video, "_TOGETHER_PIXELS", 3 * 48 * 80)
    in_threes = read_clip(path, frames=12, size=(30, 30), crop=crop)
    monkeypatch.setattr(video, "_TOGETHER_PIXELS", 1)
    assert torch.equal(together, read_clip(path, frames=12, size=(30, 30), crop=crop))
    assert torch.equal(together, in_threes)
