"""What the bundled model makes of a video, one's own or a bundled one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import ipywidgets
import torch
from torch import Tensor

from rev2net_lite import plots
from rev2net_lite.bundled import asset, build_folder
from rev2net_lite.checkpoints import load_checkpoint
from rev2net_lite.datasets import VIDEO_SUFFIXES
from rev2net_lite.evaluation import psnr
from rev2net_lite.familiarity import Familiarity, load_familiarity, mean_features
from rev2net_lite.models import Model
from rev2net_lite.plots import Picture
from rev2net_lite.video import probe_video, read_clip
from rev2net_lite.widgets.clips import bundled_videos, short_name
from rev2net_lite.widgets.shell import Choice, Control, Explorer, Slider, Switch, Words

__all__ = ["OwnVideoState", "own_video_explorer", "prediction_explorer", "render_own_video"]

# Jupyter drops the connection over a longer message.
_MOST_BYTES = 10_000_000


@dataclass(frozen=True)
class OwnVideoState:
    """Which part of which video the model gets.

    Args:
        video: path of a video, or the name of a bundled one, for example `"street/spin_clockwise"`.
        start_percent: where the clip begins, in per cent of the video's length.
        length_s: how long the clip is in seconds; it ends with the video at the latest.
        arrows: draws the predicted flow as arrows too.

    Raises:
        ValueError: no such video, or a number out of its range.
    """

    video: str = "studio/slide_right"
    start_percent: int = 0
    length_s: float = 2.0
    arrows: bool = True

    def __post_init__(self) -> None:
        if not self.path().is_file():
            raise ValueError(
                f"there is no video '{self.video}'; give the path of a file, or the name of a bundled video: "
                f"{', '.join(list(bundled_videos())[:3])}, ..."
            )
        if not 0 <= self.start_percent <= 95:
            raise ValueError(f"start_percent is {self.start_percent}; it should be from 0 to 95")
        if not 0.1 <= self.length_s <= 30:
            raise ValueError(f"length_s is {self.length_s}; it should be from 0.1 to 30 seconds")

    def path(self) -> Path:
        """The video's file."""
        return bundled_videos().get(self.video) or Path(self.video).expanduser()


def render_own_video(state: OwnVideoState) -> Picture:
    """Frames, frames given back, predicted flow and class probabilities, with a warning where the clip is unfamiliar.

    Raises:
        VideoError: the video cannot be read.
    """
    path = state.path()
    clip, times_s, logits, flow, frames, psnr_db, distance = _seen(
        path, path.stat().st_mtime_ns, state.start_percent, state.length_s
    )
    model, familiar = _model()
    warning = ""
    if distance > familiar.threshold:
        studio = familiar.measured[0]
        warning = (
            f"This clip looks unlike anything the model was trained on: its features lie {distance:.1f} from those of "
            f"the studio; {100 * (1 - studio.unlike / studio.n):.0f} % of new studio clips lie within "
            f"{familiar.threshold:.1f}. Do not believe the probabilities."
        )
    return plots.model_view(
        clip,
        frames,
        flow,
        logits.softmax(-1),
        model.config.classes,
        psnr_db=psnr_db,
        warning=warning,
        times_s=times_s,
        arrows=state.arrows,
        title=short_name(state.video),
    )


def own_video_explorer(state: OwnVideoState | None = None) -> Explorer[OwnVideoState]:
    """An explorer of a video by its path, or dropped in: the file is copied below the folder of build products."""
    state = state or OwnVideoState()
    explorer = Explorer(render_own_video, state, [Words("video", "Path of a video"), *_controls()], name="own-video")
    upload = ipywidgets.FileUpload(
        accept=",".join(VIDEO_SUFFIXES),
        description=f"Choose a video (up to {_MOST_BYTES / 1e6:.0f} MB)",
        tooltip="copies a video of yours into the build folder and shows what the model makes of it",
        layout={"width": "auto", "align_self": "flex-start"},
    ).add_class("rev2net-upload")

    def take(change: dict[str, tuple[dict[str, object], ...]]) -> None:
        if change["new"]:
            with explorer.saying_errors():
                explorer.inputs["video"].value = str(_stored(change["new"][0]))

    upload.observe(take, names="value")
    explorer.children = (upload, *explorer.children)
    return explorer


def prediction_explorer(state: OwnVideoState | None = None) -> Explorer[OwnVideoState]:
    """An explorer of the bundled videos: what the model makes of each."""
    videos = Choice("video", "Bundled video", tuple(bundled_videos()))
    return Explorer(render_own_video, state or OwnVideoState(), [videos, *_controls()], name="prediction")


def _controls() -> list[Control]:
    return [
        Slider("start_percent", "Begin at (% of the video)", 0, 95, 1),
        Slider("length_s", "Length of the clip (s)", 0.1, 30.0, 0.1),
        Switch("arrows", "Arrows"),
    ]


def _stored(upload: dict[str, object]) -> Path:
    """The file that an uploaded video was copied to."""
    name, content = Path(str(upload["name"]).replace("\\", "/")).name, bytes(upload["content"])  # type: ignore[call-overload]
    if not name.lower().endswith(VIDEO_SUFFIXES):
        raise ValueError(f"{name} is no video by its name; expected a file ending in {', '.join(VIDEO_SUFFIXES)}")
    if len(content) > _MOST_BYTES:
        raise ValueError(
            f"{name} has {len(content) / 1e6:.0f} MB; up to {_MOST_BYTES / 1e6:.0f} MB are taken this way: write its "
            "path instead"
        )
    folder = build_folder() / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    return path


@lru_cache(maxsize=1)
def _model() -> tuple[Model, Familiarity]:
    return load_checkpoint(asset("model"))[0], load_familiarity()


@lru_cache(maxsize=64)
@torch.no_grad()
def _seen(
    path: Path, _changed: int, start_percent: int, length_s: float
) -> tuple[Tensor, list[float], Tensor, Tensor, Tensor, float, float]:
    """Clip, times of its frames, logits, flow, frames given back, their PSNR in dB, distance of its features."""
    model, familiar = _model()
    seconds = probe_video(path).duration_s
    start_s = seconds * start_percent / 100
    length_s = min(length_s, seconds - start_s)
    frames, size = familiar.frames, (familiar.size, familiar.size)
    clip = read_clip(path, frames=frames, size=size, start_s=start_s, duration_s=length_s, allow_repeat=True)
    times_s = [start_s + length_s * (index + 0.5) / frames for index in range(frames)]
    batch = clip[None].float() / 255
    output = model(batch)
    if output.flow is None or output.frames is None:
        raise ValueError(f"the bundled model is {model.config.name}; this explorer shows one with both decoders")
    distance = familiar.distance(mean_features(model, batch)).item()
    psnr_db = psnr(output.frames, batch).item()
    return clip, times_s, output.logits[0], output.flow[0], output.frames[0], psnr_db, distance
