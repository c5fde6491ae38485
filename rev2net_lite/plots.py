"""Every figure of the kit, as a `Picture`: a matplotlib figure together with the text that says what it shows.

Plots take arrays (torch tensors, numpy arrays, nested lists) and numbers, never loaders or models. No figure touches
pyplot's global state, follows a user's matplotlib settings, or outlives its `Picture`. Models and lines are told apart
by marker and line style as well as by colour (Okabe and Ito's set), flow by arrows as well as by the colour wheel.
"""

from __future__ import annotations

import base64
import html
import io
import math
import os
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, TypedDict

import matplotlib
import numpy as np
import torch
from einops import rearrange
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

from rev2net_lite.flow import endpoint_error, flow_to_rgb, pixel_grid
from rev2net_lite.shapes import check_shape

__all__ = [
    "AccuracyRow",
    "DifferenceRow",
    "MovingPicture",
    "Picture",
    "accuracy_intervals",
    "clip_rows",
    "clip_strip",
    "colour_wheel",
    "confusion_matrix",
    "discrepancy_curves",
    "error_map",
    "flow_comparison",
    "flow_strip",
    "loss_curves",
    "moving_picture",
    "paired_differences",
    "prediction_bars",
    "reconstruction",
]

Array: TypeAlias = Tensor | np.ndarray | Sequence[Any]
"""Whatever numpy or torch make an array of; tensors may live on any device and carry gradients."""

Curve: TypeAlias = Sequence[float] | Mapping[str, Sequence[float]]
"""One value per epoch, or several such curves by name."""


class AccuracyRow(TypedDict):
    """One row of the results table: an accuracy as a fraction in [0, 1] and the ends of its 95 % interval.

    `low` and `high` are None where `n` is too small for an interval.
    """

    model: str
    split: str
    mean: float
    low: float | None
    high: float | None
    n: int


class DifferenceRow(TypedDict):
    """One paired difference, the ends of its 95 % interval (None where `n` is too small) and the number of pairs."""

    label: str
    difference: float
    low: float | None
    high: float | None
    n: int


# Okabe and Ito, "Color Universal Design", 2008; yellow is left out because it is too light for a line on white.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (2, 2)))
_HATCHES = ("", "///", "...", "xxx", "\\\\\\", "+++", "ooo")
_UNKNOWN = "#9a9a9a"
_DPI = 110
_TITLE_IN = 0.32  # height that a title takes

# Pictures look the same whatever a user's matplotlibrc or style sheet says: white, so that they can be read on a dark
# page, in the font that comes with matplotlib.
_OWN = "axes. errorbar. figure. font. grid. hatch. image. legend. lines. markers. mathtext. patch. path. savefig. text."
_OWN += " xaxis. xtick. yaxis. ytick."
_STYLE = {key: value for key, value in matplotlib.rcParamsDefault.items() if key.startswith(tuple(_OWN.split()))} | {
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "axes.labelsize": 11,
    "axes.grid.axis": "both",
    "font.size": 11,
    "grid.color": "#dddddd",
    "hatch.linewidth": 0.8,
    "image.interpolation": "nearest",
    "legend.frameon": False,
    "legend.fontsize": 10.5,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
}


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure and the text that stands for it where it cannot be seen.

    The last expression of a notebook cell shows it as an HTML image, because the alt text of a plain PNG output is lost
    when nbconvert makes a page of the notebook.

    Args:
        figure: not registered with pyplot, so nothing is shown twice or kept alive.
        alt: what the figure shows, with its numbers.
    """

    figure: Figure = field(repr=False)
    alt: str

    def png(self) -> bytes:
        """The figure as a PNG file with a white background; the alt text is stored in it as its description."""
        return self._encode("png")

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Writes the figure to a file in one step, so that a reader never meets half a picture.

        Args:
            path: its suffix picks the format: .png, .svg or .pdf. The folder must exist.

        Returns:
            The path.

        Raises:
            ValueError: another suffix.
            OSError: the file cannot be written.
        """
        path = Path(path)
        kind = path.suffix.lower().removeprefix(".")
        if kind not in ("png", "svg", "pdf"):
            raise ValueError(f"the path is {path}; a picture is saved as .png, .svg or .pdf: change its ending")
        content = self._encode(kind)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
        try:
            with open(handle, "wb") as file:  # noqa: PTH123 - a file descriptor, not a path
                file.write(content)
            Path(draft).chmod(0o644)  # mkstemp keeps its file from everyone else
            Path(draft).replace(path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
        return path

    def _encode(self, kind: str) -> bytes:
        # No versions or dates in the file: the same figure gives the same bytes.
        metadata: dict[str, dict[str, str | None]] = {
            "png": {"Software": None, "Description": self.alt},
            "svg": {"Date": None, "Creator": None, "Description": self.alt},
            "pdf": {"CreationDate": None, "Creator": None, "Producer": None, "Subject": self.alt},
        }
        buffer = io.BytesIO()
        with matplotlib.rc_context(_STYLE | {"svg.hashsalt": "rev2net_lite"}):
            self.figure.savefig(buffer, format=kind, dpi=_DPI, facecolor="white", metadata=metadata[kind])
        return buffer.getvalue()

    def _repr_html_(self) -> str:
        source = base64.b64encode(self.png()).decode("ascii")
        # On a phone the picture scrolls sideways rather than shrink until its words cannot be read.
        least = round(0.6 * _DPI * self.figure.get_size_inches()[0])
        return (
            f'<div style="overflow-x:auto"><img alt="{html.escape(self.alt)}" src="data:image/png;base64,{source}" '
            f'style="max-width:100%;min-width:{least}px;height:auto;background:white"></div>'
        )


@dataclass(frozen=True, eq=False)
class MovingPicture:
    """A video and the text that stands for it where it cannot be seen; a notebook shows it as a player.

    Args:
        video: the bytes of an mp4 file.
        alt: what the video shows.
        width_px: width on the page, never more than the page has.
    """

    video: bytes = field(repr=False)
    alt: str
    width_px: int = 320

    def _repr_html_(self) -> str:
        alt = html.escape(self.alt)
        source = base64.b64encode(self.video).decode("ascii")
        return (
            f'<video aria-label="{alt}" src="data:video/mp4;base64,{source}" controls loop muted playsinline '
            f'style="width:{self.width_px}px;max-width:100%;height:auto">{alt}</video>'
        )


# --- clips and flows ------------------------------------------------------------------------------------------------


def clip_strip(
    clip: Array, *, count: int = 8, times_s: Sequence[float] | None = None, title: str | None = None
) -> Picture:
    """Frames of a clip side by side, first to last.

    Args:
        clip: (3 t h w) uint8, or float in [0, 1].
        count: at most this many frames are shown, spread evenly; the first and the last are always among them.
        times_s: time of each frame in seconds; frames are numbered without it.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: not a clip, values out of range, `count` below 1, or not one time per frame.

    >>> clip_strip(torch.zeros(3, 16, 32, 32), count=4).alt[:50]
    '4 of 16 frames (0, 5, 10, 15) of a clip of 32 x 32'
    """
    return _clip_rows({"": clip}, count=count, times_s=times_s, title=title)


def clip_rows(
    clips: Mapping[str, Array], *, count: int = 8, times_s: Sequence[float] | None = None, title: str | None = None
) -> Picture:
    """Frames of several clips, one row each, at the same steps: classes, domains, or twins compared.

    Args:
        clips: name to (3 t h w) uint8, or float in [0, 1]; all of one shape.
        count, times_s, title: as for `clip_strip`.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: no clip, clips of different shapes, or as for `clip_strip`.
    """
    return _clip_rows(clips, count=count, times_s=times_s, title=title)


@matplotlib.rc_context(_STYLE)
def _clip_rows(
    clips: Mapping[str, Array], *, count: int, times_s: Sequence[float] | None, title: str | None
) -> Picture:
    if not clips:
        raise ValueError("clips is empty; pass at least one clip")
    rows = {name: _frames(f"clip {name}".strip(), clip) for name, clip in clips.items()}
    shape = next(iter(rows.values())).shape
    for name, frames in rows.items():
        if frames.shape != shape:
            raise ValueError(
                f"clip {name} has {_size(frames)}, the first has {_size(next(iter(rows.values())))}; "
                "resize them to one size before comparing them"
            )
    steps = _steps(shape[0], count)
    strip = [_Row(name, frames[steps]) for name, frames in rows.items()]
    figure, _ = _strip(strip, _frame_labels(steps, shape[0], times_s, frames=True), title=title)
    alt = f"{len(steps)} of {shape[0]} frames ({_listed(steps)}) of "
    if len(rows) > 1:
        alt += f"{len(rows)} clips, one row each ({_listed(rows)}), of {_pixels(shape)}"
    else:
        frames = next(iter(rows.values()))
        alt += f"a clip{' ' + next(iter(rows)) if next(iter(rows)) else ''} of {_pixels(shape)}"
        alt += f", mean brightness {_level(frames):.2f} of 1"
        if len(frames) > 1:
            alt += f", mean change from frame to frame {_change(frames):.3f}"
    if times_s is not None:
        alt += f", from {times_s[steps[0]]:.2f} to {times_s[steps[-1]]:.2f} s"
    return Picture(figure, _titled(title, alt + "."))


@matplotlib.rc_context(_STYLE)
def flow_strip(
    flow: Array,
    *,
    clip: Array | None = None,
    max_px: float | None = None,
    arrows: bool = True,
    count: int = 6,
    times_s: Sequence[float] | None = None,
    title: str | None = None,
) -> Picture:
    """The flow of a clip as colours and arrows, step by step, beside the wheel that explains them.

    Args:
        flow: (2 t-1 h w) px/frame, channel 0 = dx right, channel 1 = dy down.
        clip: (3 t h w) uint8, or float in [0, 1]; shown above the flow, frame i over the flow from i to i + 1.
        max_px: speed at the wheel's rim; None takes the largest in the flow, rounded up. Faster pixels are darkened.
        arrows: draws the flow at some pixels as arrows too, for a reader who cannot tell the colours apart. The longest
            fits its cell of the arrow grid.
        count: at most this many steps are shown.
        times_s: time of each of the t frames in seconds.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: not a flow, not finite, or a clip that does not have one frame more than the flow steps.

    >>> flow_strip(torch.ones(2, 3, 8, 8)).alt[:42]
    'Optical flow at 3 of 3 steps of 8 x 8 px: '
    """
    field_ = _flow("flow", flow)
    scale = _scale_px(max_px, field_)
    steps = _steps(len(field_), count)
    rows = []
    if clip is not None:
        frames = _frames("clip", clip, {"t": len(field_) + 1, "h": field_.shape[2], "w": field_.shape[3]})
        rows.append(_Row("frame", frames[steps]))
    rows.append(
        _Row("flow to the\nnext frame" if clip is not None else "", _flow_rgb(field_[steps], scale), field_[steps])
    )
    labels = _frame_labels(steps, len(field_) + 1, times_s, frames=clip is not None)
    figure, _ = _strip(rows, labels, title=title, max_px=scale, arrows=arrows)
    alt = f"Optical flow at {len(steps)} of {len(field_)} steps of {_pixels(field_.shape[2:])}: {_motion(field_)}"
    alt += f". The colour wheel ends at {scale:g} px/frame."
    return Picture(figure, _titled(title, alt))


@matplotlib.rc_context(_STYLE)
def colour_wheel(*, max_px: float) -> Picture:
    """The key to every flow picture: direction as hue, speed as saturation.

    Args:
        max_px: speed at the rim in px/frame.

    Returns:
        The picture.

    Raises:
        ValueError: `max_px` is not a positive number.
    """
    figure = Figure(figsize=(3.0, 3.1))
    _draw_wheel(figure, (0.5, 0.75, 2.0, 2.0), _scale_px(max_px), arrow_in=0.2)
    return Picture(
        figure,
        f"Colour wheel of optical flow, {max_px:g} px/frame at the rim and white for no motion: right is red, down is "
        "yellow, left is cyan, up is violet.",
    )


@matplotlib.rc_context(_STYLE)
def reconstruction(
    clip: Array,
    frames: Array,
    flow_target: Array,
    flow: Array,
    *,
    target_name: str = "target flow",
    psnr_db: float | None = None,
    flow_error_px: float | None = None,
    zero_flow_error_px: float | None = None,
    max_px: float | None = None,
    arrows: bool = True,
    count: int = 5,
    title: str | None = None,
) -> Picture:
    """What both decoders make of a clip: input, reconstructed frames, target flow and predicted flow, one row each.

    Both flows have one scale and one wheel.

    Args:
        clip: (3 t h w) uint8, or float in [0, 1].
        frames: (3 t h w) float, the frame decoder's output; values outside [0, 1] are shown as the nearest.
        flow_target: (2 t-1 h w) px/frame.
        flow: (2 t-1 h w) px/frame, the flow decoder's output.
        target_name: says where the target comes from: "TV-L1 flow" or "exact flow".
        psnr_db: PSNR of the reconstructed frames in dB, shown beside their row.
        flow_error_px: EPE of the predicted flow in px, shown beside its row.
        zero_flow_error_px: EPE of predicting no motion at all, shown below it.
        max_px, arrows, count, title: as for `flow_strip`.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: shapes that do not fit together, or values that are not finite.
    """
    seen = _frames("clip", clip)
    steps_in_all, sizes = len(seen) - 1, {"h": seen.shape[1], "w": seen.shape[2]}
    made = _frames("frames", frames, sizes | {"t": len(seen)}, clamp=True)
    wanted = _flow("flow_target", flow_target, sizes | {"t": steps_in_all})
    found = _flow("flow", flow, sizes | {"t": steps_in_all})
    scale = _scale_px(max_px, wanted, found)
    steps = _steps(steps_in_all, count)
    frame_label, flow_label = "reconstructed\nframe", "predicted\nflow"
    numbers = []
    if psnr_db is not None:
        frame_label += f"\nPSNR {psnr_db:.1f} dB"
        numbers.append(f"PSNR of the reconstructed frames {psnr_db:.1f} dB")
    if flow_error_px is not None:
        flow_label += f"\nEPE {flow_error_px:.2f} px"
        numbers.append(f"EPE of the predicted flow {flow_error_px:.2f} px")
    if zero_flow_error_px is not None:
        flow_label += f"\nzero flow {zero_flow_error_px:.2f} px"
        numbers.append(f"EPE of zero flow {zero_flow_error_px:.2f} px")
    rows = [
        _Row("input\nframe", seen[steps]),
        _Row(frame_label, made[steps]),
        _Row(textwrap.fill(target_name, 16), _flow_rgb(wanted[steps], scale), wanted[steps]),
        _Row(flow_label, _flow_rgb(found[steps], scale), found[steps]),
    ]
    labels = _frame_labels(steps, len(seen), None, frames=True)
    figure, _ = _strip(rows, labels, title=title, max_px=scale, arrows=arrows)
    alt = (
        f"Input frames, reconstructed frames, {target_name} and predicted flow at {len(steps)} of {steps_in_all} steps "
        f"of {_pixels(seen.shape)}. "
    )
    alt += "".join(f"{number}. " for number in numbers)
    alt += f"{target_name[:1].upper()}{target_name[1:]}: {_motion(wanted)}. Predicted flow: {_motion(found)}. "
    return Picture(figure, _titled(title, alt + f"Both flows have one colour wheel that ends at {scale:g} px/frame."))


@matplotlib.rc_context(_STYLE)
def flow_comparison(
    first: Array,
    second: Array,
    target: Array,
    flow: Array,
    *,
    target_name: str = "exact flow",
    flow_name: str = "estimated flow",
    max_px: float | None = None,
    max_error_px: float | None = None,
    arrows: bool = True,
    title: str | None = None,
) -> Picture:
    """One pair of frames, two flows on one scale, and the map of the endpoint error between them.

    Args:
        first, second: (3 h w) uint8, or float in [0, 1].
        target, flow: (2 h w) px/frame from `first` to `second`.
        target_name, flow_name: what the two flows are.
        max_px: speed at the wheel's rim; None takes the largest in both, rounded up.
        max_error_px: end of the error's colour bar; None takes the largest error, rounded up.
        arrows: as for `flow_strip`.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: shapes that do not fit together, or values that are not finite.
    """
    height, width = _tensor("first", first, "3 h w").shape[1:]
    sizes = {"h": height, "w": width}
    pair = [
        _frames(name, rearrange(_tensor(name, image, "3 h w", sizes), "c h w -> c 1 h w"))[0]
        for name, image in (("first", first), ("second", second))
    ]
    flows = [
        _flow(name, rearrange(_tensor(name, array, "2 h w", sizes), "c h w -> c 1 h w"))[0]
        for name, array in (("target", target), ("flow", flow))
    ]
    scale = _scale_px(max_px, *flows)
    error = endpoint_error(torch.from_numpy(flows[1])[None], torch.from_numpy(flows[0])[None])[0].numpy()
    panel = 2.35
    tall = panel * height / width
    left, bottom, gap, row_gap = 0.75, 0.65, 0.35, 0.75
    top = 0.75 if title else 0.4
    figure = Figure(figsize=(left + 3 * panel + 2 * gap + 0.95, bottom + 2 * tall + row_gap + top))
    if title:
        _headline(figure, title)
    places = {
        (row, column): (left + column * (panel + gap), bottom + (1 - row) * (tall + row_gap))
        for row in (0, 1)
        for column in range(3)
    }
    contents = [("first frame", pair[0]), ("second frame", pair[1]), None]
    contents += [
        (name, np.asarray(_flow_rgb(f[None], scale)[0]))
        for name, f in zip((target_name, flow_name), flows, strict=True)
    ]
    for index, content in enumerate(contents):
        x, y = places[divmod(index, 3)]
        if content is None:
            size = min(tall, 1.6)
            place = (x + (panel - size) / 2, y + tall - size - 0.1, size, size)
            _draw_wheel(figure, place, scale, arrow_in=_arrow_in(panel) if arrows else None)
            continue
        axes = _axes_at(figure, (x, y, panel, tall))
        axes.imshow(content[1])
        axes.set_title(content[0])
        _pixel_axes(axes, x=index >= 3, y=index % 3 == 0)
        if arrows and index >= 3:
            _draw_arrows(axes, flows[index - 3], scale, panel_in=panel)
    x, y = places[1, 2]
    axes = _axes_at(figure, (x, y, panel, tall))
    axes.set_title("endpoint error")
    _draw_error(figure, axes, (x + panel + 0.1, y, 0.14, tall), error, max_error_px, "endpoint error (px)")
    _pixel_axes(axes, x=True, y=False)
    alt = (
        f"Two frames of {_pixels(pair[0].shape)}, {target_name} and {flow_name} on one colour wheel that ends at "
        f"{scale:g} px/frame, and the endpoint error: EPE {error.mean():.2f} px, largest {error.max():.2f} px. "
        f"{target_name[:1].upper()}{target_name[1:]}: {_motion(flows[0][None])}. "
        f"{flow_name[:1].upper()}{flow_name[1:]}: {_motion(flows[1][None])}."
    )
    return Picture(figure, _titled(title, alt))


@matplotlib.rc_context(_STYLE)
def error_map(
    error: Array,
    *,
    name: str = "endpoint error",
    unit: str = "px",
    max_error: float | None = None,
    title: str | None = None,
) -> Picture:
    """A map of errors with its colour bar; pixels without a value (nan) are grey and left out of the mean.

    Args:
        error: (h w), 0 or more, nan where nothing is known (outside the frame, for example).
        name: what is measured.
        unit: its unit.
        max_error: end of the colour bar, so that two maps can be compared; None takes the largest error, rounded up.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: not a map, infinite or negative errors, or `max_error` that is not a positive number.
    """
    values = _tensor("error", error, "h w", nan=True).float().numpy()
    if (values < 0).any():
        raise ValueError(
            f"error has values down to {np.nanmin(values):g}; errors are 0 or more: pass their absolute value"
        )
    height, width = values.shape
    wide = min(4.5, 4.5 * width / height)
    tall = wide * height / width
    top = 0.55 if title else 0.25
    figure = Figure(figsize=(0.8 + wide + 1.2, 0.7 + tall + top))
    axes = _axes_at(figure, (0.8, 0.7, wide, tall))
    _draw_error(figure, axes, (0.8 + wide + 0.15, 0.7, 0.18, tall), values, max_error, f"{name} ({unit})")
    _pixel_axes(axes, x=True, y=True)
    if title:
        _headline(figure, title)
    known = values[np.isfinite(values)]
    alt = f"Map of the {name} over {_pixels((height, width))}: "
    alt += f"mean {known.mean():.3g} {unit}, largest {known.max():.3g} {unit}" if known.size else "no pixel has a value"
    if known.size < values.size:
        alt += f"; {100 * (1 - known.size / values.size):.0f} % of the pixels have no value and are grey"
    return Picture(figure, _titled(title, alt + "."))


def moving_picture(video: bytes | str | os.PathLike[str], *, alt: str, width_px: int = 320) -> MovingPicture:
    """A video in the page itself, with controls, playing in a loop once started.

    Args:
        video: an mp4 file, or its bytes; `write_video` makes one that browsers play.
        alt: what the video shows, for a reader who cannot see it.
        width_px: width on the page; never more than the page has.

    Returns:
        The player.

    Raises:
        ValueError: not an mp4 file, an empty alt text, or a width below 1.
        OSError: the file cannot be read.
    """
    name = "video" if isinstance(video, bytes) else str(video)
    content = video if isinstance(video, bytes) else Path(video).read_bytes()
    if content[4:8] != b"ftyp":
        raise ValueError(f"{name} starts with {content[:8]!r}, which is no mp4 file; write it with write_video first")
    if not alt.strip():
        raise ValueError("alt is empty; say in a sentence what the video shows")
    if width_px < 1:
        raise ValueError(f"width_px is {width_px}; it should be at least 1")
    return MovingPicture(content, alt, width_px)


# --- training -------------------------------------------------------------------------------------------------------


@matplotlib.rc_context(_STYLE)
def loss_curves(
    training: Mapping[str, Sequence[float]],
    *,
    validation: Mapping[str, Sequence[float]] | None = None,
    weights: Mapping[str, float] | None = None,
    title: str | None = None,
) -> Picture:
    """Every loss term over training, one panel each, because their scales differ.

    Args:
        training: term to its mean in each epoch.
        validation: the same for the validation set, for some or all of the terms; nan where an epoch was not validated.
        weights: the factor of a term in the sum that is minimised, shown in its panel's heading.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ValueError: no term, no epoch, values that are not finite, series of different lengths, or a term that
            `training` does not have.

    >>> loss_curves({"classification": [2.0, 1.0]}).alt
    'Loss per epoch over 2 epochs. classification: training from 2 to 1.'
    """
    validation, weights = validation or {}, weights or {}
    for name, given in (("validation", validation), ("weights", weights)):
        unknown = [term for term in given if term not in training]
        if unknown:
            raise ValueError(f"{name} has {_listed(unknown)}; the terms of training are {_listed(training)}")
    panels = []
    for term, values in training.items():
        curves = {"training": _series(f"training {term}", values)}
        if term in validation:
            curves["validation"] = _series(f"validation {term}", validation[term], nan=True)
        heading = f"{term} (weight {weights[term]:g})" if term in weights else term
        panels.append(_Panel(heading, "loss", curves))
    figure, epochs = _curve_panels("training", panels, title)
    alt = f"Loss per epoch over {epochs} epochs. " + " ".join(f"{_story(panel)}." for panel in panels)
    return Picture(figure, _titled(title, alt))


@matplotlib.rc_context(_STYLE)
def discrepancy_curves(
    discrepancy: Curve,
    *,
    cka: Curve | None = None,
    flow_error_px: Curve | None = None,
    zero_flow_error_px: float | None = None,
    psnr_db: Curve | None = None,
    accuracy: Curve | None = None,
    title: str | None = None,
) -> Picture:
    """The discrepancy of the two decoders over training, beside what tells agreement from collapse.

    A linear CKA near 1 is also what features without any information give, so it is drawn only together with flow
    error, frame error and accuracy.

    Args:
        discrepancy: one value per epoch, or such curves by model.
        cka: linear CKA of the two decoders' features, 0 to 1.
        flow_error_px: EPE of the predicted flow in px.
        zero_flow_error_px: EPE of predicting no motion, drawn as a line in that panel.
        psnr_db: PSNR of the reconstructed frames in dB.
        accuracy: fraction in [0, 1], shown in %.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ValueError: `cka` without the three others, a zero-flow EPE without an EPE, no epoch, infinite values, series of
            different lengths, or an accuracy or CKA outside [0, 1].
    """
    if cka is not None and (flow_error_px is None or psnr_db is None or accuracy is None):
        raise ValueError(
            "cka came without all of flow_error_px, psnr_db and accuracy; features without information agree too, "
            "so pass those three beside it"
        )
    if zero_flow_error_px is not None and flow_error_px is None:
        raise ValueError(
            "zero_flow_error_px came without flow_error_px, which it is a reference for; pass flow_error_px too"
        )
    asked = (
        ("discrepancy of the decoders", "discrepancy", discrepancy, None, 1.0),
        ("linear CKA of the decoders", "linear CKA", cka, 1.0, 1.0),
        ("flow error", "EPE (px)", flow_error_px, None, 1.0),
        ("frame quality (higher is better)", "PSNR (dB)", psnr_db, None, 1.0),
        ("accuracy", "accuracy (%)", accuracy, 100.0, 100.0),
    )
    panels = []
    for heading, unit, given, top, factor in asked:
        if given is None:
            continue
        curves = given if isinstance(given, Mapping) else {"": given}
        series = {
            name: factor * _series(f"{unit.split(' (')[0]} {name}".strip(), v, nan=True) for name, v in curves.items()
        }
        if top is not None:
            for values in series.values():
                _check_fractions(unit.split(" (")[0], values / factor)
        line = (zero_flow_error_px, "zero flow") if unit == "EPE (px)" and zero_flow_error_px is not None else None
        panels.append(_Panel(heading, unit, series, top, line))
    figure, epochs = _curve_panels("discrepancy", panels, title)
    alt = f"Training over {epochs} epochs. " + " ".join(f"{_story(panel)}." for panel in panels)
    return Picture(figure, _titled(title, alt))


# --- predictions and accuracies -------------------------------------------------------------------------------------


@matplotlib.rc_context(_STYLE)
def prediction_bars(
    probabilities: Array | Mapping[str, Array],
    classes: Sequence[str],
    *,
    truth: str | None = None,
    top: int = 8,
    title: str | None = None,
) -> Picture:
    """The most probable classes of one clip as bars, for one model or several.

    Args:
        probabilities: (k) in [0, 1] with sum 1, or such arrays by model.
        classes: the k names.
        truth: name of the true class; it is marked, and shown even if it is not among the most probable.
        top: this many classes are shown, most probable first (by the first model).
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: no model, not probabilities, another number of them than classes, an unknown `truth`, or
            `top` below 1.

    >>> prediction_bars([0.25, 0.75], ["rise", "fall"], truth="fall").alt
    'Class probabilities of one clip. Prediction: fall 75.0 %, rise 25.0 %; the true class is fall.'
    """
    given = probabilities if isinstance(probabilities, Mapping) else {"": probabilities}
    if not given:
        raise ValueError("probabilities is empty; pass those of at least one model")
    _check_classes(classes)
    if truth is not None and truth not in classes:
        raise ValueError(f"truth is {truth!r}; the classes are {_listed(classes)}")
    if top < 1:
        raise ValueError(f"top is {top}; it should be at least 1")
    models = {}
    for name, values in given.items():
        tensor = _tensor(f"probabilities {name}".strip(), values, "k", {"k": len(classes)}).double()
        if tensor.min() < 0 or abs(tensor.sum().item() - 1) > 0.01:
            raise ValueError(
                f"probabilities {name}".strip() + f" run from {tensor.min():.3g} to {tensor.max():.3g} with sum "
                f"{tensor.sum():.3g}; they should be 0 or more with sum 1: apply softmax to logits"
            )
        models[name] = tensor.numpy()
    order = np.argsort(-next(iter(models.values())), kind="stable")[:top].tolist()
    if truth is not None and classes.index(truth) not in order:
        order = [*order[: top - 1], classes.index(truth)]
    thick = 0.8 / len(models)
    tall = max(1.0, len(order) * max(0.34, 0.23 * len(models)))
    figure, axes = _chart(7.0, tall, left=_text_in(classes, 11) + 0.7, legend=len(models) > 1, title=title)
    for index, (name, values) in enumerate(models.items()):
        rows = [place + (index - (len(models) - 1) / 2) * thick for place in range(len(order))]
        axes.barh(
            rows,
            [100 * values[k] for k in order],
            height=thick * 0.9,
            color=_COLOURS[index % len(_COLOURS)],
            hatch=_HATCHES[index % len(_HATCHES)],
            edgecolor="white",
            label=name,
        )
        for row, k in zip(rows, order, strict=True):
            axes.text(100 * values[k] + 1, row, f"{100 * values[k]:.1f}", va="center", fontsize=10)
    axes.set_yticks(range(len(order)), [f"{classes[k]} (true)" if classes[k] == truth else classes[k] for k in order])
    for label, k in zip(axes.get_yticklabels(), order, strict=True):
        label.set_fontweight("bold" if classes[k] == truth else "normal")
    axes.set(
        ylim=(len(order) - 0.4, -0.6), xlim=(0, 112), xticks=range(0, 101, 20), xlabel="probability (%)", ylabel="class"
    )
    if len(models) > 1:
        _legend(figure, axes, title)
    alt = "Class probabilities of one clip."
    for name, values in models.items():
        best = np.argsort(-values, kind="stable")[:3]
        alt += f" {name or 'Prediction'}: " + ", ".join(f"{classes[k]} {100 * values[k]:.1f} %" for k in best) + "."
    return Picture(figure, _titled(title, alt if truth is None else f"{alt[:-1]}; the true class is {truth}."))


@matplotlib.rc_context(_STYLE)
def confusion_matrix(counts: Array, classes: Sequence[str], *, title: str | None = None) -> Picture:
    """Which class was taken for which: counts written, rows coloured by their share.

    Args:
        counts: (k k) numbers of clips, rows = true class, columns = predicted class.
        classes: the k names.
        title: stands above the figure.

    Returns:
        The picture; a class without clips has a grey row.

    Raises:
        ShapeError, ValueError: not square, another size than the classes, or values that are no counts.

    >>> confusion_matrix([[3, 1], [0, 4]], ["rise", "fall"]).alt[:56]
    'Confusion matrix of 2 classes, 8 clips, 87.5 % of them r'
    """
    _check_classes(classes)
    table = _tensor("counts", counts, "k k", {"k": len(classes)}).double().numpy()
    if (table < 0).any() or (table != table.round()).any() or not table.sum():
        raise ValueError(
            "counts are not numbers of clips; pass whole numbers of 0 or more, not all 0, before normalising"
        )
    totals = table.sum(axis=1, keepdims=True)
    share = np.divide(100 * table, totals, out=np.full_like(table, np.nan), where=totals > 0)
    k = len(classes)
    cell = max(0.16, min(0.62, 6.0 / k))
    size, names = k * cell, _text_in(classes, 10)
    top = 0.5 if title else 0.2
    figure = Figure(figsize=(names + 0.5 + size + 1.15, names * 0.66 + 0.5 + size + top))
    axes = _axes_at(figure, (names + 0.5, names * 0.66 + 0.5, size, size))
    colours = matplotlib.colormaps["Blues"].with_extremes(bad=_UNKNOWN)
    image = axes.imshow(np.ma.masked_invalid(share), cmap=colours, vmin=0, vmax=100)
    bar = figure.colorbar(image, cax=_axes_at(figure, (names + 0.5 + size + 0.15, names * 0.66 + 0.5, 0.18, size)))
    bar.set_label("share of the true class (%)")
    bar.outline.set_visible(False)
    for row in range(k):
        if not totals[row]:
            axes.text((k - 1) / 2, row, "no clips", ha="center", va="center", fontsize=min(10, cell * 45))
    for row, column in np.ndindex(k, k) if cell >= 0.3 else ():
        if totals[row]:
            colour = "white" if share[row, column] > 55 else "#333333" if table[row, column] else "#8a8a8a"
            number, points = f"{table[row, column]:.0f}", min(11, cell * 22)
            axes.text(column, row, number, ha="center", va="center", fontsize=points, color=colour)
    font = max(5.0, min(10.0, cell * 45))
    axes.set_xticks(range(k), classes, rotation=45, ha="right", rotation_mode="anchor", fontsize=font)
    axes.set_yticks(range(k), classes, fontsize=font)
    axes.set(xlabel="predicted class", ylabel="true class")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if title:
        _headline(figure, title)
    right = np.diag(table).sum()
    alt = f"Confusion matrix of {k} classes, {table.sum():.0f} clips, {100 * right / table.sum():.1f} % of them right."
    recall = [(share[i, i], classes[i]) for i in range(k) if totals[i] > 0]
    best, worst = max(recall, key=lambda pair: pair[0]), min(recall, key=lambda pair: pair[0])
    alt += f" Best class: {best[1]} ({best[0]:.0f} %); worst: {worst[1]} ({worst[0]:.0f} %)."
    wrong = table - np.diag(np.diag(table))
    if wrong.any():
        i, j = divmod(int(wrong.argmax()), k)
        alt += (
            f" Most often confused: {classes[i]} taken for {classes[j]}, {wrong[i, j]:.0f} of {totals[i, 0]:.0f} clips."
        )
    return Picture(figure, _titled(title, alt))


@matplotlib.rc_context(_STYLE)
def accuracy_intervals(
    rows: Sequence[AccuracyRow], *, chance: float | None = None, n_of: str = "clips", title: str | None = None
) -> Picture:
    """Accuracies with their 95 % intervals: one panel per split, one line per model, all on one scale.

    Args:
        rows: the results table; models and splits are drawn in the order in which they first appear.
        chance: accuracy of guessing, drawn as a dashed line.
        n_of: what `n` counts: "clips" or "seeds".
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ValueError: no row, the same model and split twice, a missing entry, an accuracy outside [0, 1], an
            interval that does not hold its mean, or `n` below 1.
    """
    if not rows:
        raise ValueError("rows is empty; pass at least one row with model, split, mean, low, high, n")
    table: dict[tuple[str, str], AccuracyRow] = {}
    for row in rows:
        _check_row(row, ("model", "split", "mean", "low", "high", "n"), "mean")
        _check_fractions(f"the row of {row['model']}, {row['split']}", np.array([row["mean"]]))
        if (row["model"], row["split"]) in table:
            raise ValueError(f"{row['model']} on {row['split']} stands in rows twice; pass one row for each")
        table[row["model"], row["split"]] = row
    if chance is not None:
        _check_fractions("chance", np.array([chance]))
    models, splits = list(dict.fromkeys(m for m, _ in table)), list(dict.fromkeys(s for _, s in table))
    names, gap, bottom = _text_in(models, 11) + 0.45, 0.3, 0.7
    wide = min(3.6, max(1.9, (9.5 - names) / len(splits) - gap))
    tall, top = 0.42 * len(models) + 0.25, 0.9 if title else 0.55
    figure = Figure(figsize=(names + len(splits) * (wide + gap), bottom + tall + top))
    for column, split in enumerate(splits):
        axes = _axes_at(figure, (names + column * (wide + gap), bottom, wide, tall))
        for place, model in enumerate(models):
            if (model, split) not in table:
                axes.text(50, place, "not measured", ha="center", va="center", fontsize=10, color="#666666")
                continue
            row = table[model, split]
            value = 100 * row["mean"]
            _dot(axes, value, _interval(row, 100), place, place)
            # Above the dot: beside it the figure would stand on a neighbour's interval or leave the panel.
            axes.text(min(max(value, 6), 94), place - 0.2, f"{value:.1f}", ha="center", va="bottom", fontsize=10)
        if chance is not None:
            axes.axvline(100 * chance, color="black", linestyle="--", linewidth=1)
            if column == 0:
                axes.text(100 * chance + 1.5, len(models) - 0.52, "chance", fontsize=9.5, va="bottom")
        sizes = list(dict.fromkeys(row["n"] for (_, s), row in table.items() if s == split))
        counted = f"{sizes[0]:,}" if len(sizes) == 1 else f"{min(sizes):,} to {max(sizes):,}"
        axes.set_title(f"{split}\nn = {counted} {n_of}", fontsize=11)
        axes.set(xlim=(0, 100), ylim=(len(models) - 0.5, -0.75), xlabel="accuracy (%)", xticks=range(0, 101, 25))
        axes.set_yticks(range(len(models)), models if column == 0 else [""] * len(models))
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        axes.set_axisbelow(True)
        axes.spines["left"].set_visible(False)
    if title:
        _headline(figure, title)
    alt = "Accuracy with 95 % interval."
    for split in splits:
        found = []
        for model in models:
            if (model, split) in table:
                row = table[model, split]
                ends = _interval(row, 100)
                between = f"{ends[0]:.1f} to {ends[1]:.1f}" if ends else "no interval"
                found.append(f"{model} {100 * row['mean']:.1f} % ({between}, n = {row['n']} {n_of})")
        alt += f" {split}: {'; '.join(found)}."
    return Picture(figure, _titled(title, alt if chance is None else f"{alt} Chance is {100 * chance:.1f} %."))


@matplotlib.rc_context(_STYLE)
def paired_differences(
    rows: Sequence[DifferenceRow], *, unit: str | None = None, n_of: str = "seeds", title: str | None = None
) -> Picture:
    """Paired differences with their 95 % intervals and a line at 0: an interval that crosses it decides nothing.

    Args:
        rows: differences, drawn from top to bottom.
        unit: their unit; None says they are differences of accuracies (fractions) and shows percentage points.
        n_of: what `n` counts.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ValueError: no row, a missing entry, values that are not finite, an interval that does not hold its difference,
            `n` below 1, or a difference of accuracies outside [-1, 1].
    """
    if not rows:
        raise ValueError("rows is empty; pass at least one row with label, difference, low, high, n")
    factor, shown = (100.0, "percentage points") if unit is None else (1.0, unit)
    values = []
    for row in rows:
        _check_row(row, ("label", "difference", "low", "high", "n"), "difference")
        if unit is None and abs(row["difference"]) > 1:
            raise ValueError(
                f"the difference of {row['label']} is {row['difference']:g}; without a unit it is one of accuracies, "
                "fractions in [-1, 1]: divide by 100, or name the unit"
            )
        values.append((factor * row["difference"], _interval(row, factor)))
    labels = [f"{row['label']}\nn = {row['n']} {n_of}" for row in rows]
    tall = 0.55 * len(rows) + 0.25
    figure, axes = _chart(
        7.5,
        tall,
        left=_text_in([part for label in labels for part in label.split("\n")], 10.5) + 0.2,
        bottom=0.85,
        title=title,
    )
    reach = 1.15 * max(max(abs(v) for v in (value, *(ends or ()))) for value, ends in values) or 1.0
    axes.axvline(0, color="black", linewidth=1)
    for place, (value, ends) in enumerate(values):
        _dot(axes, value, ends, place, 0, hollow=ends is None or ends[0] <= 0 <= ends[1])
        number = axes.text(
            value, place - 0.17, f"{value:+.3g}".replace("-", "−"), ha="center", va="bottom", fontsize=10
        )
        number.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.5})
    axes.set_yticks(range(len(rows)), labels, fontsize=10.5)
    axes.set(
        xlim=(-reach, reach),
        ylim=(len(rows) - 0.5, -0.75),
        xlabel=f"difference ({shown})\nhollow: 0 is not excluded",
    )
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    alt = f"Paired differences in {shown} with 95 % interval."
    for row, (value, ends) in zip(rows, values, strict=True):
        verdict = "no interval"
        if ends:
            verdict = "the interval holds 0" if ends[0] <= 0 <= ends[1] else ("above 0" if value > 0 else "below 0")
        between = f"{ends[0]:+.3g} to {ends[1]:+.3g}, " if ends else ""
        alt += f" {row['label']}: {value:+.3g} ({between}n = {row['n']} {n_of}), {verdict}."
    return Picture(figure, _titled(title, alt))


# --- reading what comes in ------------------------------------------------------------------------------------------


def _tensor(
    name: str, array: Array, pattern: str, sizes: Mapping[str, int] | None = None, *, nan: bool = False
) -> Tensor:
    """A copy on the CPU that fits the pattern and holds finite numbers (nan only if asked)."""
    # A numpy array is copied: torch warns of one that cannot be written.
    tensor = array.detach().cpu() if isinstance(array, Tensor) else torch.from_numpy(np.array(array))
    check_shape(name, tensor, pattern, **(sizes or {}))
    if tensor.numel() == 0:
        raise ValueError(
            f"{name} has shape {tuple(tensor.shape)}, which holds no value; every axis should be at least 1"
        )
    bad = (tensor.isinf() if nan else ~tensor.isfinite()).sum().item()
    if bad:
        raise ValueError(
            f"{name} has {bad} of {tensor.numel()} values that are not finite; look for the step that made them"
        )
    return tensor


def _frames(name: str, clip: Array, sizes: Mapping[str, int] | None = None, *, clamp: bool = False) -> np.ndarray:
    """(t h w 3) uint8 of a clip (3 t h w)."""
    tensor = _tensor(name, clip, "3 t h w", sizes)
    if tensor.is_floating_point():
        low, high = tensor.min().item(), tensor.max().item()
        # A resize may overshoot a little; more than that is another range.
        if not clamp and (low < -0.01 or high > 1.01):
            raise ValueError(
                f"{name} has values from {low:g} to {high:g}; floats should be in [0, 1]: divide by 255, say"
            )
        tensor = (tensor.float().clamp(0, 1) * 255).round().to(torch.uint8)
    elif tensor.dtype != torch.uint8:
        raise ValueError(f"{name} has dtype {tensor.dtype}; it should be uint8, or float in [0, 1]: convert it")
    return rearrange(tensor, "c t h w -> t h w c").numpy()


def _flow(name: str, flow: Array, sizes: Mapping[str, int] | None = None) -> np.ndarray:
    """(t 2 h w) float32 of a flow (2 t h w)."""
    return rearrange(_tensor(name, flow, "2 t h w", sizes).float(), "c t h w -> t c h w").numpy()


def _series(name: str, values: Sequence[float], *, nan: bool = False) -> np.ndarray:
    return _tensor(name, values, "epochs", nan=nan).double().numpy()


def _check_fractions(name: str, values: np.ndarray) -> None:
    if np.nanmin(values) < 0 or np.nanmax(values) > 1 or np.isnan(values).all():
        raise ValueError(
            f"{name} has values from {np.nanmin(values):g} to {np.nanmax(values):g}; they should be fractions in "
            "[0, 1]: divide per cent by 100"
        )


def _check_classes(classes: Sequence[str]) -> None:
    if isinstance(classes, str) or not all(isinstance(name, str) for name in classes):
        raise ValueError(f"classes is {classes!r}; it should be a list of names")


def _check_row(row: Mapping[str, Any], entries: Sequence[str], value: str) -> None:
    missing = [entry for entry in entries if entry not in row]
    if missing:
        raise ValueError(f"a row has {_listed(row)}; {_listed(missing)} should be there too")
    name, low, high = row[entries[0]], row["low"], row["high"]
    if (low is None) != (high is None):
        raise ValueError(f"the interval of {name} runs from {low} to {high}; give both ends, or None for both")
    if low is None:
        low = high = row[value]
    if not low <= row[value] <= high or not math.isfinite(high - low):
        raise ValueError(
            f"the interval of {name} runs from {low:g} to {high:g} and its {value} is {row[value]:g}; the interval "
            "should be finite and hold it"
        )
    if row["n"] < 1:
        raise ValueError(f"n of {name} is {row['n']}; it should be at least 1")


def _steps(length: int, count: int) -> list[int]:
    """At most `count` indices spread evenly from the first to the last."""
    if count < 1:
        raise ValueError(f"count is {count}; it should be at least 1")
    return np.linspace(0, length - 1, min(count, length)).round().astype(int).tolist()


def _scale_px(max_px: float | None, *flows: np.ndarray) -> float:
    """Speed at the rim of the wheel that all of `flows` share."""
    if max_px is None:
        return _ceiling(max(float(np.hypot(f[..., 0, :, :], f[..., 1, :, :]).max()) for f in flows))
    if not (math.isfinite(max_px) and max_px > 0):
        raise ValueError(f"max_px is {max_px}; it should be a positive speed in px/frame, or None")
    return float(max_px)


def _ceiling(value: float) -> float:
    """The next round number at or above; 1 for 0, so that a still clip has a scale too."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(
        step * power
        for step in (1, 1.2, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9, 10)
        if step * power >= value * (1 - 1e-6)
    )


# --- words ----------------------------------------------------------------------------------------------------------


def _titled(title: str | None, alt: str) -> str:
    return f"{title}. {alt}" if title else alt


def _listed(names: Sequence[object] | Mapping[str, Any]) -> str:
    return ", ".join(str(name) for name in names)


def _pixels(shape: Sequence[int]) -> str:
    """Width x height of (h w), (t h w 3) or (h w 3)."""
    height, width = shape[-3:-1] if shape[-1] == 3 and len(shape) > 2 else shape[-2:]
    return f"{width} x {height} px"


def _size(frames: np.ndarray) -> str:
    return f"{len(frames)} frames of {_pixels(frames.shape)}"


def _level(frames: np.ndarray) -> float:
    return float(frames.mean(dtype=np.float64)) / 255


def _change(frames: np.ndarray) -> float:
    return float(np.abs(np.diff(frames.astype(np.float32), axis=0)).mean()) / 255


def _motion(flow: np.ndarray) -> str:
    """Speed and direction of a flow (t 2 h w) in words."""
    speed = np.hypot(flow[:, 0], flow[:, 1])
    if not speed.any():
        return "no motion"
    dx, dy = flow.mean(axis=(0, 2, 3), dtype=np.float64)
    words = f"mean speed {speed.mean():.2f} px/frame, largest {speed.max():.2f}"
    # A sum of vectors much shorter than the sum of their lengths has no direction worth a word: a spin, a zoom.
    if math.hypot(dx, dy) < 0.3 * speed.mean():
        return f"{words}, no common direction"
    names = ("right", "right and down", "down", "left and down", "left", "left and up", "up", "right and up")
    return f"{words}, mostly {names[round(math.atan2(dy, dx) / (math.pi / 4)) % 8]}"


def _story(panel: _Panel) -> str:
    """What a panel of curves shows, in words."""
    parts = []
    for name, values in panel.curves.items():
        known = values[np.isfinite(values)]
        parts.append(
            f"{name} from {known[0]:.3g} to {known[-1]:.3g}".strip() if known.size else f"{name} without values"
        )
    line = f"; {panel.line[1]} {panel.line[0]:.3g}" if panel.line else ""
    unit = panel.unit.partition(" (")[2].rstrip(")")
    return f"{panel.heading}{f' in {unit}' if unit else ''}: {', '.join(parts)}{line}"


def _text_in(lines: Sequence[str], points: float) -> float:
    """Width in inches that the longest of the lines needs at that font size, on the safe side."""
    return max((len(line) for line in lines), default=0) * points * 0.58 / 72


# --- drawing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Row:
    """One row of a strip: its label, pictures (n h w 3), and the flow (n 2 h w) to draw as arrows."""

    label: str
    images: np.ndarray
    flow: np.ndarray | None = None


@dataclass(frozen=True)
class _Panel:
    """One panel of curves over epochs; `top` fixes its scale to 0..top, `line` is a labelled reference value."""

    heading: str
    unit: str
    curves: Mapping[str, np.ndarray]
    top: float | None = None
    line: tuple[float, str] | None = None


def _axes_at(figure: Figure, box: tuple[float, float, float, float]) -> Axes:
    """Axes at left, bottom, width, height in inches, so that nothing depends on what a layout engine makes of it."""
    wide, tall = figure.get_size_inches()
    return figure.add_axes((box[0] / wide, box[1] / tall, box[2] / wide, box[3] / tall))


def _headline(figure: Figure, title: str) -> None:
    figure.text(
        0.5, 1 - 0.08 / figure.get_size_inches()[1], title, ha="center", va="top", fontsize=12.5, fontweight="bold"
    )


def _pixel_axes(axes: Axes, *, x: bool, y: bool) -> None:
    """Labels an image's axes in px; every image has ticks at its first, middle and last pixel."""
    height, width = axes.images[0].get_size()
    for axis, size, shown, name in ((axes.xaxis, width, x, "x (px)"), (axes.yaxis, height, y, "y (px)")):
        ticks = sorted({0, size // 2, size - 1})
        axis.set_ticks(ticks, [str(tick) for tick in ticks] if shown else [""] * len(ticks))
        if shown:
            axis.set_label_text(name)
    axes.tick_params(length=3)


def _frame_labels(steps: Sequence[int], length: int, times_s: Sequence[float] | None, *, frames: bool) -> list[str]:
    """What stands over the columns of a strip: the frame or the step, by number or by time."""
    if times_s is None:
        return [f"frame {i}" if frames else f"{i} → {i + 1}" for i in steps]
    if len(times_s) != length:
        raise ValueError(f"times_s has {len(times_s)} values for {length} frames; pass one time per frame")
    return [f"{times_s[i]:.2f} s" for i in steps]


def _strip(
    rows: Sequence[_Row],
    labels: Sequence[str],
    *,
    title: str | None,
    max_px: float | None = None,
    arrows: bool = False,
) -> tuple[Figure, list[Axes]]:
    """Rows of pictures with labels on the left and above, and the wheel on the right if there is a `max_px`."""
    height, width = rows[0].images.shape[1:3]
    columns = len(labels)
    named = _text_in([line for row in rows for line in row.label.split("\n")], 10.5)
    left, gap, bottom = named + 0.68, 0.07, 0.55
    right = 0.1 if max_px is None else 2.05
    top = 0.3 + (_TITLE_IN if title else 0)
    panel = min(2.2, (10.0 - left - right) / columns - gap)
    tall = panel * height / width
    stack = len(rows) * (tall + gap) - gap
    total = max(bottom + stack + top, 0.0 if max_px is None else 2.1 + (_TITLE_IN if title else 0))
    bottom = total - stack - top
    figure = Figure(figsize=(max(left + columns * (panel + gap) - gap + right, 3.2), total))
    if title:
        _headline(figure, title)
    drawn = []
    for i, row in enumerate(rows):
        y = bottom + (len(rows) - 1 - i) * (tall + gap)
        for j in range(columns):
            axes = _axes_at(figure, (left + j * (panel + gap), y, panel, tall))
            axes.imshow(row.images[j], vmin=0, vmax=255)
            axes.spines[:].set(visible=True, color="#b0b0b0", linewidth=0.6)
            if i == len(rows) - 1 and j == 0:
                _pixel_axes(axes, x=True, y=True)
            else:
                axes.set(xticks=[], yticks=[])
            if i == 0:
                axes.set_title(labels[j], fontsize=10.5, pad=4)
            if arrows and row.flow is not None and max_px is not None:
                _draw_arrows(axes, row.flow[j], max_px, panel_in=panel)
            drawn.append(axes)
        if row.label:
            figure.text(
                (named + 0.08) / figure.get_size_inches()[0],
                (y + tall / 2) / total,
                row.label,
                ha="right",
                va="center",
                fontsize=10.5,
            )
    if max_px is not None:
        x = left + columns * (panel + gap) - gap + 0.5
        # Beside the middle of the rows that it explains.
        flows = [i for i, row in enumerate(rows) if row.flow is not None]
        middle = bottom + (len(rows) - 1 - (flows[0] + flows[-1]) / 2) * (tall + gap) + tall / 2
        y = min(max(middle - 0.55, 0.7), total - 1.1 - 0.25)
        _draw_wheel(figure, (x, y, 1.1, 1.1), max_px, arrow_in=_arrow_in(panel) if arrows else None)
    return figure, drawn


def _flow_rgb(flow: np.ndarray, max_px: float) -> np.ndarray:
    """(n h w 3) uint8 of a flow (n 2 h w)."""
    return rearrange(flow_to_rgb(torch.from_numpy(flow), max_px=max_px), "n c h w -> n h w c").numpy()


def _cells(panel_in: float) -> int:
    """Arrows across a panel: enough to see a spin in a small object, few enough to tell where each one points."""
    return min(9, max(6, round(panel_in / 0.2)))


def _arrow_in(panel_in: float) -> float:
    """Length of an arrow of the wheel's full speed."""
    return 0.9 * panel_in / _cells(panel_in)


def _draw_arrows(axes: Axes, flow: np.ndarray, max_px: float, *, panel_in: float) -> None:
    """An arrow for each cell of a grid on a flow (2 h w): the mean of the cell's moving pixels, drawn amid them.

    At the middle of its cell an arrow would often miss a small object or stand beside it. One of `max_px` is nearly
    as long as a cell.
    """
    height, width = flow.shape[1:]
    columns = min(_cells(panel_in), width)
    lines = min(max(1, round(columns * height / width)), height)
    moving = np.hypot(*flow) > 0.12 * max_px
    arrows = []
    for y in np.array_split(np.arange(height), lines):
        for x in np.array_split(np.arange(width), columns):
            rows, places = np.nonzero(moving[np.ix_(y, x)])
            # A few pixels of a cell are noise, or the edge of what has its arrow next door.
            if len(rows) > 0.12 * len(y) * len(x):
                arrows.append((x[places].mean(), y[rows].mean(), *flow[:, y[rows], x[places]].mean(axis=1) / max_px))
    if arrows:
        _quiver(axes, *np.transpose(arrows), full_in=_arrow_in(panel_in))


def _quiver(axes: Axes, x: Array, y: Array, dx: Array, dy: Array, *, full_in: float) -> None:
    """Arrows with their middle at (x, y); one of length 1 is `full_in` inches long whatever the size of the axes."""
    axes.quiver(
        x,
        y,
        dx,
        dy,
        # In the axes' own directions, where y runs down in an image: the default would turn dy upside down.
        angles="xy",
        scale_units="inches",
        scale=1 / full_in,
        units="inches",
        width=0.02,
        headwidth=4,
        headlength=4,
        headaxislength=3.5,
        minlength=0,
        facecolor="black",
        edgecolor="white",
        linewidth=0.3,
        pivot="mid",
        clip_on=False,
    )


def _draw_wheel(
    figure: Figure, box: tuple[float, float, float, float], max_px: float, *, arrow_in: float | None
) -> None:
    """The colour wheel with its directions written around it, and below it how fast its rim and an arrow are.

    The words take 0.7 inches below the box, 0.2 above and 0.45 beside it.
    """
    size = 201
    axes = _axes_at(figure, box)
    offset = (pixel_grid(size, size, dtype=torch.float64) - (size - 1) / 2) / ((size - 1) / 2)
    inside = torch.linalg.vector_norm(offset, dim=0).numpy()[..., None] <= 1
    colours = _flow_rgb((offset * max_px).numpy()[None], max_px)[0]
    axes.imshow(np.where(inside, colours, 255).astype(np.uint8), extent=(-1, 1, 1, -1), interpolation="antialiased")
    axes.set(xlim=(-1, 1), ylim=(1, -1))
    axes.set_axis_off()
    inch = 2 / box[2]
    if arrow_in:
        turn = np.arange(8) * np.pi / 4
        dx, dy = np.cos(turn), np.sin(turn)
        _quiver(axes, 0.58 * dx, 0.58 * dy, dx, dy, full_in=0.65 / inch)
    for x, y, word, across, along in (
        (1 + 0.04 * inch, 0, "right", "left", "center"),
        (-1 - 0.04 * inch, 0, "left", "right", "center"),
        (0, -1 - 0.04 * inch, "up", "center", "bottom"),
        (0, 1 + 0.04 * inch, "down", "center", "top"),
    ):
        axes.text(x, y, word, ha=across, va=along, fontsize=10)
    # Two columns: what is drawn, and its speed.
    for line, what in enumerate(("rim", "") if arrow_in else ("rim",)):
        y = 1 + (0.36 + 0.19 * line) * inch
        axes.text(-0.22 * inch, y, what, ha="right", va="center", fontsize=10)
        axes.text(-0.14 * inch, y, f"{max_px:g} px/frame", ha="left", va="center", fontsize=10)
    if arrow_in:
        _quiver(axes, [-0.34 * inch], [y], [1.0], [0.0], full_in=arrow_in)


def _draw_error(
    figure: Figure,
    axes: Axes,
    bar_box: tuple[float, float, float, float],
    error: np.ndarray,
    max_error: float | None,
    label: str,
) -> None:
    """An error map with its colour bar; the colours run from 0, so that a small error looks small."""
    if max_error is not None and not (math.isfinite(max_error) and max_error > 0):
        raise ValueError(f"the largest error shown is {max_error}; it should be a positive number, or None")
    largest = float(np.nanmax(error)) if np.isfinite(error).any() else 0.0
    end = _ceiling(largest) if max_error is None else max_error
    colours = matplotlib.colormaps["magma"].with_extremes(bad=_UNKNOWN)
    image = axes.imshow(np.ma.masked_invalid(error), cmap=colours, norm=Normalize(0, end))
    bar = figure.colorbar(image, cax=_axes_at(figure, bar_box), extend="max" if largest > end else "neither")
    bar.set_label(label)
    bar.outline.set_visible(False)


def _curve_panels(name: str, panels: Sequence[_Panel], title: str | None) -> tuple[Figure, int]:
    """Panels of curves over epochs, at most three in a row, with one key for all; returns the number of epochs too."""
    lengths = {f"{p.heading} {curve}".strip(): len(v) for p in panels for curve, v in p.curves.items()}
    if not lengths:
        raise ValueError(f"{name} is empty; pass at least one series of values per epoch")
    if len(set(lengths.values())) > 1:
        raise ValueError(
            f"the series have different lengths ({_listed([f'{k}: {n}' for k, n in lengths.items()])}); each should "
            "have one value per epoch, nan where there is none"
        )
    epochs = next(iter(lengths.values()))
    names = list(dict.fromkeys(curve for panel in panels for curve in panel.curves))
    columns = 2 if len(panels) in (2, 4) else min(len(panels), 3)
    lines = -(-len(panels) // columns)
    wide, tall, left, between, below = (4.5, 3.2, 2.35)[columns - 1], 1.75, 0.75, 0.72, 1.0
    keyed = len(names) > 1
    top = 0.42 + (_TITLE_IN if title else 0) + (0.34 if keyed else 0)
    figure = Figure(
        figsize=(left + columns * wide + (columns - 1) * between + 0.25, lines * (tall + below) - below + 0.62 + top)
    )
    total = figure.get_size_inches()[1]
    if title:
        _headline(figure, title)
    handles: dict[str, Any] = {}
    for index, panel in enumerate(panels):
        line, column = divmod(index, columns)
        axes = _axes_at(
            figure, (left + column * (wide + between), total - top - tall - line * (tall + below), wide, tall)
        )
        for curve, values in panel.curves.items():
            at = names.index(curve) % len(_COLOURS)
            seen = np.isfinite(values)
            # Joined across epochs without a value; the markers show which epochs have one.
            (handles[curve],) = axes.plot(
                np.arange(1, epochs + 1)[seen],
                values[seen],
                color=_COLOURS[at],
                linestyle=_LINES[at],
                marker=_MARKERS[at],
                markersize=4,
                markevery=max(1, int(seen.sum()) // 12),
                linewidth=1.6,
                label=curve,
            )
        if panel.line:
            axes.axhline(panel.line[0], color="black", linestyle=":", linewidth=1.2)
            axes.text(
                0.98,
                panel.line[0],
                panel.line[1],
                transform=axes.get_yaxis_transform(),
                ha="right",
                va="bottom",
                fontsize=9.5,
            )
        axes.set_title(panel.heading)
        axes.set(xlabel="epoch", ylabel=panel.unit)
        axes.set_xlim(1 - 0.04 * epochs, epochs + 0.04 * epochs)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        known = np.concatenate(
            [v[np.isfinite(v)] for v in panel.curves.values()] + [np.array([panel.line[0] if panel.line else 0.0])]
        )
        if panel.top is not None:
            axes.set_ylim(0, panel.top * 1.04)
        elif known.min() >= 0:
            axes.set_ylim(0, (known.max() or 1.0) * 1.12)
        axes.grid(axis="y")
    if keyed:
        y = 1 - (0.05 + (_TITLE_IN if title else 0)) / total
        # A curve without a name is the only one of its panel, and the panel's heading says what it is.
        named = [n for n in names if n]
        figure.legend([handles[n] for n in named], named, loc="upper center", bbox_to_anchor=(0.5, y), ncols=len(named))
    return figure, epochs


def _chart(
    wide: float, tall: float, *, left: float, bottom: float = 0.65, legend: bool = False, title: str | None = None
) -> tuple[Figure, Axes]:
    """One axes of `tall` inches above and beside the inches for its labels."""
    top = 0.15 + (_TITLE_IN if title else 0) + (0.34 if legend else 0)
    figure = Figure(figsize=(wide, bottom + tall + top))
    if title:
        _headline(figure, title)
    return figure, _axes_at(figure, (left, bottom, wide - left - 0.15, tall))


def _legend(figure: Figure, axes: Axes, title: str | None) -> None:
    handles, names = axes.get_legend_handles_labels()
    y = 1 - (0.05 + (_TITLE_IN if title else 0)) / figure.get_size_inches()[1]
    figure.legend(handles, names, loc="upper center", bbox_to_anchor=(0.5, y), ncols=min(len(names), 4))


def _interval(row: Mapping[str, Any], factor: float) -> tuple[float, float] | None:
    return None if row["low"] is None else (factor * row["low"], factor * row["high"])


def _dot(
    axes: Axes, value: float, ends: tuple[float, float] | None, place: int, style: int, *, hollow: bool = False
) -> None:
    """A value with its interval on a horizontal line."""
    colour = _COLOURS[style % len(_COLOURS)]
    if ends:
        axes.errorbar(
            [value], [place], xerr=[[value - ends[0]], [ends[1] - value]], color=colour, capsize=4, linewidth=2
        )
    # Not cut at the end of the scale, as the interval is: a mark at 100 % is seen whole.
    axes.plot(
        [value],
        [place],
        color=colour,
        marker=_MARKERS[style % len(_MARKERS)],
        markersize=7,
        markerfacecolor="white" if hollow else colour,
        linestyle="none",
        clip_on=False,
        zorder=3,
    )
