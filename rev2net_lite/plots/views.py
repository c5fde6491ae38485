"""What explorers of videos show: one frame among the others, and what a model makes of a clip."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from rev2net_lite.plots.drawing import (
    COLOURS,
    TITLE_IN,
    Array,
    StripRow,
    axes_at,
    check_classes,
    checked_tensor,
    clip_frames,
    draw_strip,
    flow_colours,
    flow_steps,
    frame_labels,
    headline,
    mean_level,
    motion_words,
    pixel_axes,
    pixel_words,
    scale_px,
    spread_steps,
    text_in,
    titled,
)
from rev2net_lite.plots.picture import STYLE, Picture

__all__ = ["frame_view", "model_view"]


@matplotlib.rc_context(STYLE)
def frame_view(clip: Array, frame: int, *, times_s: Sequence[float], title: str | None = None) -> Picture:
    """One frame of a clip large, and below it all frames small with that one marked.

    Args:
        clip: (3 t h w) uint8, or float in [0, 1].
        frame: index of the large one.
        times_s: time of each frame in seconds.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: no clip, another number of times than frames, or a frame that is not in it.

    >>> frame_view(np.zeros((3, 2, 8, 8)), 1, times_s=[0, 0.5]).alt
    'Frame 1 of the 2 from 0 to 1, of 8 x 8 px, at 0.50 s: mean brightness 0.00 of 1.'
    """
    frames = clip_frames("clip", clip)
    count, (high, wide) = len(frames), frames.shape[1:3]
    if len(times_s) != count:
        raise ValueError(f"times_s has {len(times_s)} values for {count} frames; pass one time per frame")
    if not 0 <= frame < count:
        raise ValueError(f"frame is {frame}; it should be from 0 to {count - 1}")
    total, left, gap = 7.4, 0.75, 0.06
    columns = min(count, 8)
    rows = -(-count // columns)
    small = (total - 0.1 - gap * (columns - 1)) / columns
    # Square or upright, small frames would make the strip higher than the large one.
    small = min(small, 0.85 * wide / high, 1.2)
    small_tall = small * high / wide
    strip = rows * (small_tall + 0.3)
    large = min(total - left - 0.2, 3.2 * wide / high)
    large_tall = large * high / wide
    top = 0.35 + (TITLE_IN if title else 0)
    figure = Figure(figsize=(total, strip + 0.65 + large_tall + top))
    if title:
        headline(figure, title)
    axes = axes_at(figure, ((total - large + left) / 2, strip + 0.65, large, large_tall))
    axes.imshow(frames[frame], vmin=0, vmax=255)
    axes.set_title(f"frame {frame} at {times_s[frame]:.2f} s")
    pixel_axes(axes, x=True, y=True)
    begin = (total - columns * (small + gap) + gap) / 2
    for index, picture in enumerate(frames):
        row, column = divmod(index, columns)
        place = (begin + column * (small + gap), (rows - 1 - row) * (small_tall + 0.3) + 0.24, small, small_tall)
        axes = axes_at(figure, place)
        axes.imshow(picture, vmin=0, vmax=255)
        axes.set(xticks=[], yticks=[])
        marked = index == frame
        axes.spines[:].set(visible=True, color=COLOURS[1] if marked else "#b0b0b0", linewidth=3 if marked else 0.6)
        weight = "bold" if marked else "normal"
        axes.set_xlabel(f"{times_s[index]:.2f} s", fontsize=9, labelpad=2, fontweight=weight)
    alt = (
        f"Frame {frame} of the {count} from 0 to {count - 1}, of {pixel_words(frames.shape)}, at "
        f"{times_s[frame]:.2f} s: mean brightness {mean_level(frames[frame][None]):.2f} of 1."
    )
    return Picture(figure, titled(title, alt))


@matplotlib.rc_context(STYLE)
def model_view(
    clip: Array,
    frames: Array,
    flow: Array,
    probabilities: Array,
    classes: Sequence[str],
    *,
    psnr_db: float,
    warning: str = "",
    times_s: Sequence[float] | None = None,
    max_px: float | None = None,
    arrows: bool = True,
    count: int = 4,
    title: str | None = None,
) -> Picture:
    """What a model makes of a clip: its frames, those given back, the predicted flow, and the class probabilities.

    Args:
        clip: (3 t h w) uint8, or float in [0, 1].
        frames: (3 t h w) float, the frame decoder's output.
        flow: (2 t-1 h w) px/frame, the flow decoder's output.
        probabilities: (k) in [0, 1] with sum 1.
        classes: the k names.
        psnr_db: PSNR of the frames given back, in dB.
        warning: why the probabilities should not be believed; "" shows none.
        times_s: time of each frame in seconds.
        max_px: speed at the wheel's rim; None takes the largest in the flow, rounded up.
        arrows: draws the flow as arrows too.
        count: at most this many steps are shown.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: shapes that do not fit together, values that are not finite, or no probabilities.
    """
    seen = clip_frames("clip", clip)
    sizes = {"h": seen.shape[1], "w": seen.shape[2]}
    made = clip_frames("frames", frames, sizes | {"t": len(seen)}, clamp=True)
    found = flow_steps("flow", flow, sizes | {"t": len(seen) - 1})
    check_classes(classes)
    chances = checked_tensor("probabilities", probabilities, "k", {"k": len(classes)}).double().numpy()
    if chances.min() < 0 or abs(chances.sum() - 1) > 0.01:
        raise ValueError(
            f"probabilities run from {chances.min():.3g} to {chances.max():.3g} with sum {chances.sum():.3g}; they "
            "should be 0 or more with sum 1: apply softmax to logits"
        )
    scale = scale_px(max_px, found)
    steps = spread_steps(len(found), count)
    rows = [
        StripRow("frame", seen[steps]),
        StripRow(f"given back\nPSNR {psnr_db:.1f} dB", made[steps]),
        StripRow("predicted flow\nto the next", flow_colours(found[steps], scale), found[steps]),
    ]
    order = np.argsort(-chances, kind="stable")[:5]
    tall = 0.3 * len(order)
    labels = frame_labels(steps, len(seen), times_s, frames=True)
    figure, _ = draw_strip(rows, labels, title=title, max_px=scale, arrows=arrows, below=tall + 0.95)
    names = [classes[k] for k in order]
    left = text_in(names, 10.5) + 0.2
    wide = figure.get_size_inches()[0] - left - 0.2 - (3.1 if warning else 0)
    axes = axes_at(figure, (left, 0.55, wide, tall))
    axes.barh(range(len(order)), [100 * chances[k] for k in order], height=0.7, color=COLOURS[0])
    for place, k in enumerate(order):
        axes.text(100 * chances[k] + 1, place, f"{100 * chances[k]:.1f}", va="center", fontsize=10)
    axes.set_yticks(range(len(order)), names)
    axes.set(xlim=(0, 114), ylim=(len(order) - 0.4, -0.6), xticks=range(0, 101, 20), xlabel="probability (%)")
    if warning:
        total = figure.get_size_inches()
        figure.text(
            1 - 0.2 / total[0],
            (0.55 + tall) / total[1],
            "\n".join(textwrap.wrap(warning, 36)),
            ha="right",
            va="top",
            fontsize=10.5,
            multialignment="left",
            bbox={"boxstyle": "round,pad=0.5", "facecolor": "#fdece0", "edgecolor": COLOURS[1], "linewidth": 2},
        )
    best = ", ".join(f"{classes[k]} {100 * chances[k]:.1f} %" for k in order[:3])
    alt = f"{warning} " if warning else ""
    alt += (
        f"Input frames, frames given back (PSNR {psnr_db:.1f} dB) and predicted flow at {len(steps)} of {len(found)} "
        f"steps of {pixel_words(seen.shape)}. Predicted flow: {motion_words(found)}; the colour wheel ends at "
        f"{scale:g} px/frame. Prediction: {best}."
    )
    return Picture(figure, titled(title, alt))
