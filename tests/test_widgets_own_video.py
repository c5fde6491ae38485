from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import torch

from rev2net_lite.bundled import asset
from rev2net_lite.checkpoints import load_checkpoint
from rev2net_lite.evaluation import psnr
from rev2net_lite.familiarity import load_familiarity
from rev2net_lite.models import build_model
from rev2net_lite.video import read_clip, write_video
from rev2net_lite.widgets import (
    OwnVideoState,
    bundled_videos,
    own_video,
    own_video_explorer,
    prediction_explorer,
    render_own_video,
)

UNLIKE = "This clip looks unlike anything the model was trained on"


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    frames = torch.randint(0, 256, (3, 12, 40, 60), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    write_video(tmp_path / "noise.mp4", frames, fps=4)
    return tmp_path / "noise.mp4"


def test_a_whole_bundled_video_is_seen_as_the_model_sees_it() -> None:
    model, record = load_checkpoint(asset("model"))
    size = record["profile"]["size"]
    clip = read_clip(bundled_videos()["studio/rise"], frames=record["profile"]["frames"], size=(size, size))
    batch = clip[None].float() / 255
    with torch.no_grad():
        output = model(batch)
    chance, best = output.logits.softmax(-1)[0].max(0)
    alt = render_own_video(OwnVideoState("studio/rise")).alt
    assert f"Prediction: {model.config.classes[best]} {100 * chance:.1f} %" in alt
    assert f"(PSNR {psnr(output.frames, batch).item():.1f} dB)" in alt
    assert alt.startswith("studio/rise. Input frames") and UNLIKE not in alt


def test_an_unfamiliar_video_is_warned_of_with_what_was_measured(noise: Path) -> None:
    alt = render_own_video(OwnVideoState(str(noise))).alt
    found = load_familiarity()
    studio = found.measured[0]
    assert alt.startswith("…") and f". {UNLIKE}: its features lie " in alt
    within = f"{100 * (1 - studio.unlike / studio.n):.0f} % of new studio clips lie within {found.threshold:.1f}."
    assert f"{within} Do not believe the probabilities." in alt


def test_the_interval_is_a_part_of_the_video(noise: Path) -> None:
    def times(state: OwnVideoState) -> list[str]:
        return [axes.get_title() for axes in render_own_video(state).figure.axes[:4]]

    # 12 frames in 3 s; 8 frames of the clip, the first, third, fifth and seventh of which are shown.
    assert times(OwnVideoState(str(noise), length_s=2.0)) == ["0.12 s", "0.62 s", "1.12 s", "1.62 s"]
    assert times(OwnVideoState(str(noise), start_percent=50, length_s=1.0))[0] == "1.56 s"
    assert times(OwnVideoState(str(noise), start_percent=50, length_s=30.0))[-1] == "2.72 s"
    late = render_own_video(OwnVideoState(str(noise), start_percent=95, length_s=30.0))
    assert late.alt != render_own_video(OwnVideoState(str(noise))).alt


def test_arrows_can_be_left_out() -> None:
    assert render_own_video(OwnVideoState(arrows=False)).png() != render_own_video(OwnVideoState()).png()


def test_a_path_is_written_into_the_explorer(noise: Path) -> None:
    made = own_video_explorer()
    assert made.error == "" and made.state == OwnVideoState()
    made.inputs["video"].value = str(noise)
    assert made.error == "" and made.picture is not None and UNLIKE in made.picture.alt
    made.inputs["video"].value = str(noise.parent)
    assert made.error.startswith(f"there is no video '{noise.parent}'; give the path of a file, or the name of a bu")
    noise.with_name("broken.mp4").write_bytes(b"no video")
    made.inputs["video"].value = str(noise.with_name("broken.mp4"))
    assert "broken.mp4" in made.error
    made.inputs["video"].value = "street/fall"
    assert made.error == "" and made.picture.alt.startswith("street/fall.")


def uploaded(name: str, content: bytes) -> tuple[dict[str, object], ...]:
    at = datetime(2020, 1, 1, tzinfo=UTC)
    entry = {"name": name, "type": "video/mp4", "size": len(content), "content": memoryview(content)}
    return (entry | {"last_modified": at},)


def test_a_video_can_be_dropped_in(noise: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_video, "build_folder", lambda: tmp_path / "build")
    made = own_video_explorer()
    upload = made.children[0]
    assert upload._dom_classes == ("rev2net-upload",) and ".mp4" in upload.accept
    upload.value = uploaded("../..\\mine.mp4", noise.read_bytes())
    stored = tmp_path / "build" / "uploads" / "mine.mp4"
    assert made.error == "" and made.state.video == str(stored) and stored.read_bytes() == noise.read_bytes()
    assert made.picture is not None and UNLIKE in made.picture.alt
    upload.value = uploaded("notes.txt", b"words")
    assert made.error.startswith("notes.txt is no video by its name; expected a file ending in .mp4")
    monkeypatch.setattr(own_video, "_MOST_BYTES", 100)
    upload.value = uploaded("large.mp4", bytes(101))
    assert made.error.startswith("large.mp4 has 0 MB; up to 0 MB are taken this way: write its path instead")


def test_the_bundled_videos_are_chosen_by_name() -> None:
    made = prediction_explorer(OwnVideoState("studio/grow"))
    assert made.inputs["video"].options == tuple(bundled_videos())
    made.inputs["video"].value = "street/spin_clockwise"
    assert made.error == "" and made.picture is not None and made.picture.alt.startswith("street/spin_clockwise.")


def test_a_model_without_decoders_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build_model("rgb", classes=3).eval()
    monkeypatch.setattr(own_video, "_model", lambda: (model, load_familiarity()))
    made = prediction_explorer(OwnVideoState("studio/shrink", length_s=0.7))
    assert made.error == "the bundled model is rgb; this explorer shows one with both decoders"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"video": "x.mp4"}, "there is no video 'x.mp4'; give the path of a file, or the name of a bundled video: stu"),
        ({"start_percent": 96}, "start_percent is 96; it should be from 0 to 95"),
        ({"length_s": 0.0}, "length_s is 0.0; it should be from 0.1 to 30 seconds"),
    ],
)
def test_a_state_that_cannot_be_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OwnVideoState(**change)  # type: ignore[arg-type]
