"""What networks are made of: kernels, what a position sees of a clip, and an architecture with its sizes."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from rev2net_lite.anatomy import Anatomy, DecoderPart
from rev2net_lite.plots.drawing import (
    COLOURS,
    TITLE_IN,
    UNKNOWN,
    Array,
    StripRow,
    axes_at,
    checked_tensor,
    clip_frames,
    draw_strip,
    frame_labels,
    headline,
    round_up,
    size_words,
    spread_steps,
    titled,
)
from rev2net_lite.plots.picture import STYLE, Picture

__all__ = ["architecture", "kernel_slices", "seen_part"]

_GREY = "#444444"


@matplotlib.rc_context(STYLE)
def kernel_slices(kernel: Array, *, title: str | None = None) -> Picture:
    """A 3D kernel, one image of its weights for each frame that it covers.

    Args:
        kernel: (t h w), one input and one output channel.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: not such a kernel.

    >>> kernel_slices(np.ones((1, 1, 2))).alt
    'A kernel over 1 frame of 2 x 1 px. Frame 0: 1, 1. Rows are separated by semicolons.'
    """
    weights = checked_tensor("kernel", kernel, "t h w").double().numpy()
    frames, height, width = weights.shape
    side = min(2.0, 8.2 / frames - 0.3)
    scale = side / max(height, width)
    left, gap, bottom = 0.6, 0.3, 0.6
    top = 0.32 + (TITLE_IN if title else 0)
    wide = left + frames * (scale * width + gap)
    figure = Figure(figsize=(max(wide + 0.95, 3.4), bottom + scale * height + top))
    if title:
        headline(figure, title)
    end = round_up(float(abs(weights).max()))
    words = []
    for t, plane in enumerate(weights):
        box = (left + t * (scale * width + gap), bottom, scale * width, scale * height)
        axes = axes_at(figure, box)
        image = axes.imshow(plane, cmap="PuOr", norm=Normalize(-end, end))
        name = _frame_name(t - frames // 2)
        axes.set_title(name, fontsize=10.5)
        axes.set(xticks=range(width), yticks=range(height))
        axes.set(xlabel="x (px)", ylabel="" if t else "y (px)")
        if width * height <= 30:
            for (y, x), value in np.ndenumerate(plane):
                axes.text(
                    x,
                    y,
                    f"{value:.3g}",
                    ha="center",
                    va="center",
                    fontsize=10.5,
                    color="white" if abs(value) > 0.6 * end else "black",
                )
            rows = "; ".join(", ".join(f"{value:.3g}" for value in row) for row in plane)
        else:
            rows = f"from {plane.min():.3g} to {plane.max():.3g}"
        words.append(f"{name}: {rows}.")
    bar = figure.colorbar(image, cax=axes_at(figure, (wide, bottom, 0.14, scale * height)))
    bar.set_label("weight")
    bar.outline.set_visible(False)
    alt = f"A kernel over {frames} frame{'s' if frames > 1 else ''} of {width} x {height} px. {' '.join(words)}"
    return Picture(figure, titled(title, f"{alt} Rows are separated by semicolons."))


@matplotlib.rc_context(STYLE)
def seen_part(clip: Array, window: Sequence[tuple[int, int]], *, count: int = 8, title: str | None = None) -> Picture:
    """What one position of a feature map sees of a clip: a box in the frames that it sees, the rest faded.

    Pictures of one clip have one size, so that they can be the states of a scrubber.

    Args:
        clip: (3 t h w) uint8, or float in [0, 1].
        window: from and to (exclusive) along t, h and w, as `ReceptiveField.window` gives them.
        count: at most this many frames are shown, spread evenly.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: not a clip, `count` below 1, or a window that is empty or not inside the clip.

    >>> seen_part(np.zeros((3, 4, 8, 8)), [(0, 2), (0, 4), (2, 6)]).alt
    'A clip, 4 frames of 8 x 8 px. Seen are frames 0 to 1, y 0 to 3 px, x 2 to 5 px: 12 % of the clip.'
    """
    frames = clip_frames("clip", clip)
    sizes = frames.shape[:3]
    if len(window) != 3 or not all(0 <= low < high <= size for (low, high), size in zip(window, sizes, strict=True)):
        raise ValueError(
            f"window is {tuple(window)}; it should be three pairs (from, to), each at least 1 long and inside the "
            f"clip's {sizes} (t, h, w)"
        )
    t, y, x = window
    seen = np.zeros(sizes, dtype=bool)
    seen[slice(*t), slice(*y), slice(*x)] = True
    faded = (255 - 0.3 * (255 - frames.astype(np.float32))).astype(np.uint8)
    steps = spread_steps(len(frames), count)
    row = StripRow("", np.where(seen[..., None], frames, faded)[steps])
    figure, drawn = draw_strip([row], frame_labels(steps, len(frames), None, frames=True), title=title)
    for step, axes in zip(steps, drawn, strict=True):
        if t[0] <= step < t[1]:
            box = Rectangle((x[0] - 0.5, y[0] - 0.5), x[1] - x[0], y[1] - y[0], fill=False, clip_on=False)
            box.set(edgecolor=COLOURS[1], linewidth=2)
            axes.add_patch(box)
    share = seen.mean(dtype=np.float64)
    alt = (
        f"A clip, {size_words(frames)}. Seen are frames {t[0]} to {t[1] - 1}, y {y[0]} to {y[1] - 1} px, "
        f"x {x[0]} to {x[1] - 1} px: {100 * share:.0f} % of the clip."
    )
    return Picture(figure, titled(title, alt))


@matplotlib.rc_context(STYLE)
def architecture(anatomy: Anatomy, *, title: str | None = None) -> Picture:
    """A model as a diagram of feature maps with their shapes, and below it a table of its parts.

    A map is drawn as a pile of frames, one for each of its time steps (at most eight), whose sides grow with the square
    root of height and width. Shares of parameters and FLOPs are bars as well as numbers.

    Args:
        anatomy: from `rev2net_lite.anatomy.anatomy`.
        title: stands above the figure.

    Returns:
        The picture.
    """
    columns = len(anatomy.levels) + 2
    wide, margin, line = 10.0, 0.15, 0.27
    cell, tall = (wide - 2 * margin) / columns, 1.62
    rows = 1 + len(anatomy.decoders)
    table = line * (len(anatomy.parts) + 2) + 0.25
    figure = Figure(figsize=(wide, rows * tall + table + 0.1 + (TITLE_IN if title else 0)))
    if title:
        headline(figure, title)
    total = float(figure.get_size_inches()[1])
    axes = axes_at(figure, (0, 0, wide, total))
    axes.set(xlim=(0, wide), ylim=(0, total))
    axes.set_axis_off()
    base = table + rows * tall
    centres = [margin + (column + 0.5) * cell for column in range(columns)]
    largest = max(anatomy.clip[2:])

    maps = [("clip", anatomy.clip, UNKNOWN), *((part.name, part.shape, COLOURS[0]) for part in anatomy.levels)]
    for column, (name, shape, colour) in enumerate(maps):
        _pile(axes, (centres[column], base - tall / 2), shape, largest, colour, cell=cell, name=name)
    _pile(
        axes,
        (centres[-1], base - tall / 2),
        (*anatomy.classifier.shape, 1, 1, 1),
        largest,
        COLOURS[4],
        cell=cell,
        name="classifier",
        shape_words=f"{anatomy.classifier.shape[0]} logits",
    )
    for column in range(columns - 1):
        middle = centres[column] + cell / 2
        _arrow(axes, (middle - 0.12, base - tall / 2), (middle + 0.12, base - tall / 2))
    for row, decoder in enumerate(anatomy.decoders, start=1):
        y = base - (row + 0.5) * tall
        colour = COLOURS[2 if decoder.name.startswith("flow") else 3]
        places = _stage_columns(anatomy, decoder)
        for index, (stage, column) in enumerate(zip(decoder.stages, places, strict=True)):
            _pile(axes, (centres[column], y), stage, largest, colour, cell=cell, name=f"stage {index}")
        _pile(axes, (centres[0], y), decoder.shape, largest, colour, cell=cell, name=decoder.name)
        for right, left in zip(places, [*places[1:], 0], strict=True):
            _arrow(axes, (centres[right] - 0.4 * cell, y), (centres[left] + 0.4 * cell, y))
        # From the last level, past its shape and what stands between.
        beside = centres[-2] + 0.28 * cell
        _arrow(axes, (beside, base - tall / 2 - 0.12), (beside, y + 0.1), bow=-0.55 + 0.15 * row)
    if anatomy.decoders:
        axes.text(
            centres[-1] + 0.1,
            base - 1.5 * tall,
            "decoders also read\nthe finer levels;\nthey are deleted\nafter training",
            ha="center",
            va="center",
            fontsize=10,
            color=_GREY,
        )
    words = _table(axes, anatomy, top=table - 0.12, line=line, wide=wide)
    clip = _times(anatomy.clip)
    alt = f"A clip {clip} goes through {len(anatomy.levels)} encoder levels and a classifier"
    alt += f", and from the levels back through {' and '.join(d.name for d in anatomy.decoders)}" * bool(
        anatomy.decoders
    )
    return Picture(figure, titled(title, f"{alt}. {words}"))


def _frame_name(offset: int) -> str:
    return f"Frame {offset:+d}".replace("-", "−") if offset else "Frame 0"


def _times(sizes: Sequence[int]) -> str:
    return " x ".join(str(size) for size in sizes)


def _short(number: int) -> str:
    """Three digits and a unit."""
    for factor, unit in ((10**12, " T"), (10**9, " G"), (10**6, " M"), (10**3, " k")):
        if number >= factor:
            value = number / factor
            return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}{unit}"
    return str(number)


def _stage_columns(anatomy: Anatomy, decoder: DecoderPart) -> list[int]:
    """The column of the level with the grid of each stage; a stage whose grid no level has stands one further left."""
    places: list[int] = []
    for stage in decoder.stages:
        before = places[-1] if places else len(anatomy.levels) + 1
        same = [at for at in range(1, before) if anatomy.levels[at - 1].shape[1:] == stage[1:]]
        places.append(same[-1] if same else before - 1)
    return places


def _pile(
    axes: Axes,
    centre: tuple[float, float],
    shape: Sequence[int],
    largest: int,
    colour: str,
    *,
    cell: float,
    name: str,
    shape_words: str | None = None,
) -> None:
    """A feature map (c t h w) as a pile of frames with its name above and its shape below."""
    _, t, h, w = shape
    sheets = min(t, 8)
    step = 0.035
    room = min(0.72 * cell, 1.0) - 8 * step
    tall, wide = (max(0.07, room * (side / largest) ** 0.5) for side in (h, w))
    spread = step * (sheets - 1)
    x, y = centre[0] - (wide + spread) / 2, centre[1] - (tall + spread) / 2
    for sheet in reversed(range(sheets)):
        axes.add_patch(
            Rectangle(
                (x + sheet * step, y + sheet * step),
                wide,
                tall,
                facecolor=colour,
                edgecolor="white",
                linewidth=0.7,
            )
        )
    axes.text(centre[0], centre[1] + 0.56, name, ha="center", va="bottom", fontsize=10.5)
    words = shape_words or _times(shape)
    axes.text(centre[0], centre[1] - 0.56, words, ha="center", va="top", fontsize=10)


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float], *, bow: float = 0.0) -> None:
    style = {"arrowstyle": "-|>", "color": _GREY, "linewidth": 1.2, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, start, arrowprops=style | {"connectionstyle": f"arc3,rad={bow}"})


def _table(axes: Axes, anatomy: Anatomy, *, top: float, line: float, wide: float) -> str:
    """The parts as rows of a table whose upper edge is at `top`; what it says, in words."""
    places = {"part": 0.2, "output": 1.55, "sees": 3.35, "parameters": 5.75, "FLOPs": 8.15}
    totals = {"parameters": anatomy.parameters, "FLOPs": anatomy.flops}
    bar = 1.0
    heads = {
        "part": "part",
        "output": "output c x t x h x w",
        "sees": "sees t x h x w",
        "parameters": "parameters",
        "FLOPs": "FLOPs of one clip",
    }
    for column, x in places.items():
        x += 0.1 * (column in totals)
        axes.text(x, top - line / 2, heads[column], ha="left", va="center", fontsize=10.5, fontweight="bold")
    axes.plot([0.2, wide - 0.2], [top - line] * 2, color="#b0b0b0", linewidth=0.8)
    words = []
    for index, part in enumerate(anatomy.parts, start=1):
        y = top - (index + 0.5) * line
        output = _times(part.shape)
        if isinstance(part, DecoderPart):
            sees = ""
        else:
            sees = _times(part.field.size) if part.field else "the whole clip"
        for column, text in (("part", part.name), ("output", output), ("sees", sees)):
            axes.text(places[column], y, text, ha="left", va="center", fontsize=10.5)
        shares = []
        for column, value in (("parameters", part.parameters), ("FLOPs", part.flops)):
            x, share = places[column], value / totals[column]
            axes.text(x, y, _short(value), ha="right", va="center", fontsize=10.5)
            axes.add_patch(Rectangle((x + 0.1, y - 0.075), bar * share, 0.15, facecolor=COLOURS[5], edgecolor="none"))
            axes.text(x + 0.16 + bar * share, y, f"{100 * share:.0f} %", ha="left", va="center", fontsize=10)
            shares.append(f"{_short(value)} {column} ({100 * share:.0f} %)")
        seen = f", sees {sees}" if sees else ""
        words.append(f"{part.name}: output {output}{seen}, {', '.join(shares)}.")
    y = top - (len(anatomy.parts) + 1.5) * line
    axes.plot([0.2, wide - 0.2], [y + line / 2] * 2, color="#b0b0b0", linewidth=0.8)
    axes.text(places["part"], y, "together", ha="left", va="center", fontsize=10.5)
    for column, value in totals.items():
        axes.text(places[column], y, _short(value), ha="right", va="center", fontsize=10.5)
    words.append(f"Together: {_short(totals['parameters'])} parameters, {_short(totals['FLOPs'])} FLOPs.")
    return " ".join(words)
