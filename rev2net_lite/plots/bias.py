"""Label bias: ties between looks and classes, twins, and what probes leave of an accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from einops import rearrange
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from rev2net_lite.bias import Tie, TwinEffect
from rev2net_lite.evaluation import Interval
from rev2net_lite.plots.drawing import (
    COLOURS,
    HATCHES,
    MARKERS,
    TITLE_IN,
    UNKNOWN,
    Array,
    axes_at,
    check_classes,
    check_fractions,
    checked_series,
    checked_tensor,
    clip_frames,
    draw_dot,
    frame_labels,
    headline,
    listed,
    pixel_words,
    quiver,
    spread_steps,
    text_in,
    titled,
)
from rev2net_lite.plots.picture import STYLE, Picture

__all__ = [
    "bias_lab",
    "level_matrices",
    "probe_bars",
    "resampled_accuracy",
    "twin_effects",
    "twin_rows",
]


@matplotlib.rc_context(STYLE)
def level_matrices(
    tables: Mapping[str, Array],
    levels: Sequence[str],
    classes: Sequence[str],
    *,
    level_label: str,
    class_label: str = "class",
    title: str | None = None,
) -> Picture:
    """How often each level of a factor comes with each class: counts written, rows coloured by their share.

    Args:
        tables: name to (levels k) numbers of clips; side by side on one scale.
        levels: of the factor, in words.
        classes: the k names.
        level_label: what the rows are, for example "look of the background".
        class_label: what the columns are, for example "predicted class".
        title: stands above the figure.

    Returns:
        The picture; a level without clips has a grey row.

    Raises:
        ShapeError, ValueError: no table, other sizes than the names have, or values that are no counts.

    >>> level_matrices({"": [[3, 1], [0, 4]]}, ["red", "blue"], ["rise", "fall"], level_label="colour").alt
    'Numbers of clips by colour and class. 8 clips; most frequent class of red: rise (75 %), of blue: fall (100 %).'
    """
    check_classes(classes)
    if not tables:
        raise ValueError("tables is empty; pass at least one table of counts")
    cell, gap = 0.4, 0.35
    names, below = text_in(levels, 9.5) + 0.45, 0.66 * text_in(classes, 9.5) + 0.5
    wide, tall = cell * len(classes), cell * len(levels)
    top = 0.32 + (TITLE_IN if title else 0)
    figure = Figure(figsize=(names + len(tables) * (wide + gap) + 0.75, below + tall + top))
    if title:
        headline(figure, title)
    alt = f"Numbers of clips by {level_label} and {class_label}."
    colours = matplotlib.colormaps["Blues"].with_extremes(bad=UNKNOWN)
    for index, (name, given) in enumerate(tables.items()):
        counts = checked_tensor(f"table {name}".strip(), given, "l k", {"l": len(levels), "k": len(classes)})
        table = counts.double().numpy()
        if (table < 0).any() or (table != table.round()).any() or not table.sum():
            raise ValueError(f"table {name} holds no counts; pass whole numbers of 0 or more, not all 0")
        totals = table.sum(axis=1, keepdims=True)
        share = np.divide(100 * table, totals, out=np.full_like(table, np.nan), where=totals > 0)
        axes = axes_at(figure, (names + index * (wide + gap), below, wide, tall))
        image = axes.imshow(np.ma.masked_invalid(share), cmap=colours, vmin=0, vmax=100)
        for row, column in zip(*np.nonzero(table), strict=True):
            colour = "white" if share[row, column] > 55 else "#333333"
            number = f"{table[row, column]:.0f}"
            axes.text(column, row, number, ha="center", va="center", fontsize=9, color=colour)
        axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right", rotation_mode="anchor", fontsize=9.5)
        axes.set_yticks(range(len(levels)), levels if index == 0 else [""] * len(levels), fontsize=9.5)
        axes.set(xlabel=class_label, ylabel=level_label if index == 0 else "")
        axes.set_title(name)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        most = ", of ".join(
            f"{levels[row]}: {classes[int(table[row].argmax())]} ({share[row].max():.0f} %)"
            for row in range(len(levels))
            if totals[row]
        )
        alt += f" {name}:".replace(" :", "") + f" {table.sum():.0f} clips; most frequent {class_label} of {most}."
    bar = figure.colorbar(image, cax=axes_at(figure, (names + len(tables) * (wide + gap) - 0.15, below, 0.16, tall)))
    bar.set_label("share of the row (%)")
    bar.outline.set_visible(False)
    return Picture(figure, titled(title, alt))


@matplotlib.rc_context(STYLE)
def twin_rows(
    clips: Mapping[str, Array],
    probabilities: Mapping[str, Array],
    classes: Sequence[str],
    *,
    truth: Mapping[str, str],
    count: int = 4,
    top: int = 3,
    title: str | None = None,
) -> Picture:
    """A clip and its twins, one row each: some frames, and beside them the classes that a model finds most probable.

    Args:
        clips: name to (3 t h w) uint8, or float in [0, 1]; all of one shape.
        probabilities: name to (k) in [0, 1] with sum 1.
        classes: the k names.
        truth: name to the class of the row's motion; its bar is marked.
        count: at most this many frames, spread evenly.
        top: this many classes, most probable first.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: no clip, clips of different shapes, names that differ, an unknown class, or `count` or
            `top` below 1.
    """
    if not clips:
        raise ValueError("clips is empty; pass at least one clip")
    check_classes(classes)
    if top < 1:
        raise ValueError(f"top is {top}; it should be at least 1")
    for what, given in (("probabilities", probabilities), ("truth", truth)):
        if set(given) != set(clips):
            raise ValueError(f"clips has the rows {listed(clips)} and {what} has {listed(given)}; give both the same")
    unknown = [name for name in truth.values() if name not in classes]
    if unknown:
        raise ValueError(f"truth is {unknown[0]!r}; the classes are {listed(classes)}")
    rows = {name: clip_frames(f"clip {name}", clip) for name, clip in clips.items()}
    shape = next(iter(rows.values())).shape
    steps = spread_steps(shape[0], count)
    panel, gap = 0.95, 0.05
    tall = panel * shape[1] / shape[2]
    left = text_in([line for name in rows for line in name.split("\n")], 10.5) + 0.2
    words, bars = 0.85 * text_in([f"{name} (true)" for name in classes], 9.5), 1.9
    strip = left + len(steps) * (panel + gap)
    height, bottom, above = tall + 0.12, 0.6, 0.3 + (TITLE_IN if title else 0)
    figure = Figure(figsize=(strip + words + bars + 0.45, bottom + len(rows) * height + above))
    total = figure.get_size_inches()[1]
    if title:
        headline(figure, title)
    alt = f"A clip of {pixel_words(shape)} and twins, one row each, with class probabilities."
    labels = frame_labels(steps, shape[0], None, frames=True)
    for index, (name, frames) in enumerate(rows.items()):
        if frames.shape != shape:
            raise ValueError(
                f"clip {name} has shape {frames.shape}, the first {shape}; expected (t h w c) of one shape"
            )
        values = checked_tensor(f"probabilities {name}", probabilities[name], "k", {"k": len(classes)}).double().numpy()
        check_fractions(f"probabilities {name}", values)
        y = total - above - (index + 1) * height + 0.12
        for column, step in enumerate(steps):
            axes = _still(figure, (left + column * (panel + gap), y, panel, tall), frames[step])
            if index == 0:
                axes.set_title(labels[column], fontsize=10, pad=4)
        figure.text(
            (left - 0.1) / figure.get_size_inches()[0], (y + tall / 2) / total, name, ha="right", va="center", size=10.5
        )
        order = np.argsort(-values, kind="stable")[:top]
        axes = axes_at(figure, (strip + words, y, bars, tall))
        right = [classes[k] == truth[name] for k in order]
        axes.barh(
            range(len(order)),
            100 * values[order],
            height=0.72,
            color=[COLOURS[0] if own else COLOURS[1] for own in right],
            hatch=["" if own else "///" for own in right],
            edgecolor="white",
        )
        for place, k in enumerate(order):
            axes.text(100 * values[k] + 2, place, f"{100 * values[k]:.0f}", va="center", fontsize=9.5)
        shown = [f"{classes[k]} (true)" if own else classes[k] for k, own in zip(order, right, strict=True)]
        axes.set_yticks(range(len(order)), shown, fontsize=9.5)
        axes.set(xlim=(0, 118), ylim=(len(order) - 0.4, -0.6), xticks=(0, 50, 100))
        axes.tick_params(axis="y", length=0)
        if index < len(rows) - 1:
            axes.set_xticklabels([])
        else:
            axes.set_xlabel("probability (%)")
        flat = name.replace("\n", " ")
        found = ", ".join(f"{classes[k]} {100 * values[k]:.0f} %" for k in order)
        alt += f" {flat} (motion of {truth[name]}): {found}."
    return Picture(figure, titled(title, alt))


@matplotlib.rc_context(STYLE)
def twin_effects(effects: Mapping[str, TwinEffect], *, title: str | None = None) -> Picture:
    """What a change of each factor does: how many predictions flip and where to, and what the clip's class loses.

    Args:
        effects: factor, in words, to what its twins did; drawn from top to bottom.
        title: stands above the figure.

    Returns:
        The picture; intervals of 95 % over clips.

    Raises:
        ValueError: there are no effects.
    """
    if not effects:
        raise ValueError("effects is empty; pass the effect of at least one factor")
    sizes = sorted({effect.flips.n for effect in effects.values()})
    left = 0.9 * text_in([part for name in effects for part in name.split("\n")], 10.5) + 0.35
    wide, between, bottom = 3.1, 0.6, 0.65
    tall = 0.5 * len(effects) + 0.15
    top = 0.4 + (TITLE_IN if title else 0)
    figure = Figure(figsize=(left + 2 * wide + between + 0.2, bottom + tall + top))
    if title:
        headline(figure, title)
    shares, changes = (axes_at(figure, (left + at * (wide + between), bottom, wide, tall)) for at in range(2))
    alt = "Twins: share of predictions that flip, share that goes to the donor's class, and change of the probability "
    alt += "of the clip's own class in points, with 95 % intervals over clips."
    for place, (name, effect) in enumerate(effects.items()):
        for axes, interval, style, shift in (
            (shares, effect.flips, 0, -0.14),
            (shares, effect.follows, 1, 0.14),
            (changes, effect.change, 2, 0.0),
        ):
            _dot(axes, interval, place + shift, style)
        alt += (
            f" {' '.join(name.split())}: {_percent(effect.flips)} flip, "
            f"{_percent(effect.follows)} are predicted as the donor's class, "
            f"probability {_percent(effect.change, sign=True)} (n = {effect.flips.n})."
        )
    for axes, limits in ((shares, (0, 100)), (changes, (-100, 25))):
        axes.set(xlim=limits, ylim=(len(effects) - 0.5, -0.6))
        axes.set_yticks(range(len(effects)), list(effects) if axes is shares else [""] * len(effects), fontsize=10.5)
        # A mark at 0 does not stand on the words.
        axes.tick_params(axis="y", length=0, pad=9)
        axes.grid(axis="x")
        axes.set_axisbelow(True)
        axes.spines["left"].set_visible(False)
    shares.set(xlabel=f"share of clips (%), n = {' to '.join(map(str, sizes[:1] + sizes[1:][-1:]))}")
    changes.axvline(0, color="black", linewidth=1)
    changes.set(xlabel="change for the true class (points)")
    marks = [
        matplotlib.lines.Line2D([], [], color=COLOURS[at], marker=MARKERS[at], linestyle="none", label=word)
        for at, word in enumerate(("prediction flips", "predicted as the donor's class"))
    ]
    y = 1 - (0.05 + (TITLE_IN if title else 0)) / figure.get_size_inches()[1]
    centre = (left + wide / 2 - 0.2) / figure.get_size_inches()[0]
    figure.legend(handles=marks, loc="upper center", bbox_to_anchor=(centre, y), ncols=2, columnspacing=1.2)
    return Picture(figure, titled(title, alt))


@matplotlib.rc_context(STYLE)
def probe_bars(
    shares: Mapping[str, Mapping[str, Sequence[float]]],
    parts: Sequence[str],
    *,
    n: int,
    chance: float | None = None,
    title: str | None = None,
) -> Picture:
    """What each probe leaves of the predictions, as stacked bars: one panel per split, one bar per probe.

    Args:
        shares: split to probe to the share of each part, in [0, 1] with sum 1.
        parts: what the predictions are sorted into, for example right, opposite, other.
        n: clips per split.
        chance: share of the first part when guessing, drawn as a dashed line.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: no split or probe, another number of shares than parts, or a sum other than 1.

    >>> probe_bars({"studio": {"frozen": [0.75, 0.25]}}, ["right", "wrong"], n=8).alt
    'Predictions under probes, n = 8 clips per split. studio, frozen: right 75 %, wrong 25 %.'
    """
    check_classes(parts)
    if not shares or not all(shares.values()):
        raise ValueError("shares is empty; pass at least one split with at least one probe")
    probes = list(dict.fromkeys(probe for split in shares.values() for probe in split))
    left, gap, bottom, top = text_in(probes, 11) + 0.2, 0.3, 0.65, 0.75 + (TITLE_IN if title else 0)
    wide, tall = min(3.4, (9.6 - left) / len(shares) - gap), 0.42 * len(probes)
    figure = Figure(figsize=(max(left + len(shares) * (wide + gap), 5.0), bottom + tall + top))
    if title:
        headline(figure, title)
    alt = f"Predictions under probes, n = {n} clips per split."
    for index, (split, own) in enumerate(shares.items()):
        axes = axes_at(figure, (left + index * (wide + gap), bottom, wide, tall))
        for probe, given in own.items():
            values = checked_tensor(f"shares of {split}, {probe}", given, "p", {"p": len(parts)}).double().numpy()
            check_fractions(f"the row of {split}, {probe}", values)
            if abs(values.sum() - 1) > 0.01:
                raise ValueError(f"the shares of {split}, {probe} have sum {values.sum():.3g}; it should be 1")
            place, start = probes.index(probe), 0.0
            for at, value in enumerate(100 * values):
                axes.barh(
                    [place],
                    [value],
                    left=[start],
                    height=0.74,
                    label=parts[at],
                    color=COLOURS[at % len(COLOURS)],
                    hatch=HATCHES[at % len(HATCHES)],
                    edgecolor="white",
                )
                if value >= 9:
                    box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
                    axes.text(
                        start + value / 2, place, f"{value:.0f}", ha="center", va="center", fontsize=9.5, bbox=box
                    )
                start += value
            words = ", ".join(f"{part} {100 * value:.0f} %" for part, value in zip(parts, values, strict=True))
            alt += f" {split}, {probe}: {words}."
        if chance is not None:
            axes.axvline(100 * chance, color="black", linestyle="--", linewidth=1.2)
        axes.set_title(split, pad=4)
        axes.set(xlim=(0, 100), ylim=(len(probes) - 0.5, -0.5), xticks=range(0, 101, 25), xlabel="share of clips (%)")
        axes.set_yticks(range(len(probes)), probes if index == 0 else [""] * len(probes))
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        if index == 0:
            handles, names = axes.get_legend_handles_labels()
            key = dict(zip(names, handles, strict=True))
            if chance is not None:
                key["chance of being right"] = matplotlib.lines.Line2D([], [], color="black", linestyle="--")
            y = 1 - (0.05 + (TITLE_IN if title else 0)) / figure.get_size_inches()[1]
            figure.legend(key.values(), key.keys(), loc="upper center", bbox_to_anchor=(0.5, y), ncols=len(key))
    if chance is not None:
        alt += f" Chance of being right is {100 * chance:.1f} %."
    return Picture(figure, titled(title, alt))


@matplotlib.rc_context(STYLE)
def resampled_accuracy(
    draws: Mapping[int, Sequence[float]],
    intervals: Mapping[int, tuple[float, float]],
    *,
    value: float,
    title: str | None = None,
) -> Picture:
    """Accuracies of test sets drawn again, one panel per number of clips, with the interval of a formula beside them.

    Args:
        draws: number of clips to (draws) accuracies in [0, 1].
        intervals: number of clips to the ends of its interval.
        value: the accuracy that was measured.
        title: stands above the figure.

    Returns:
        The picture; all panels have one scale of accuracy.

    Raises:
        ShapeError, ValueError: no draws, values outside [0, 1], or other numbers of clips than in `intervals`.
    """
    if not draws or set(draws) != set(intervals):
        raise ValueError(
            f"draws has the numbers of clips {listed(list(draws))} and intervals {listed(list(intervals))}; give both "
            "the same, at least one"
        )
    wide, gap, left, bottom, tall = 2.6, 0.3, 0.75, 0.65, 1.7
    top = 0.72 + (TITLE_IN if title else 0)
    figure = Figure(figsize=(max(left + len(draws) * (wide + gap), 5.2), bottom + tall + top))
    if title:
        headline(figure, title)
    alt = f"Test sets drawn again from one of accuracy {100 * value:.1f} %."
    edges = [2.5 * step for step in range(41)]
    for index, (n, given) in enumerate(draws.items()):
        values = 100 * checked_series(f"draws of {n} clips", given)
        check_fractions(f"draws of {n} clips", values / 100)
        low, high = (100 * end for end in intervals[n])
        axes = axes_at(figure, (left + index * (wide + gap), bottom, wide, tall))
        weights = np.full(len(values), 100 / len(values))
        axes.hist(values, bins=edges, weights=weights, color=COLOURS[5], edgecolor="white", linewidth=0.4)
        axes.axvspan(low, high, color=COLOURS[1], alpha=0.18, linewidth=0, label="95 % interval by Wilson's formula")
        axes.axvline(100 * value, color="black", linewidth=1.4, label="measured")
        axes.set_title(f"{n:,} clips")
        axes.set(xlim=(0, 100), xlabel="accuracy (%)", xticks=range(0, 101, 25))
        if index == 0:
            axes.set_ylabel("share of draws (%)")
            handles, names = axes.get_legend_handles_labels()
            y = 1 - (0.05 + (TITLE_IN if title else 0)) / figure.get_size_inches()[1]
            figure.legend(handles, names, loc="upper center", bbox_to_anchor=(0.5, y), ncols=2)
        first, last = np.percentile(values, (2.5, 97.5))
        alt += (
            f" {n} clips: 95 % of {len(values)} draws lie between {first:.1f} and {last:.1f} %; "
            f"Wilson's interval is {low:.1f} to {high:.1f} %."
        )
    return Picture(figure, titled(title, alt))


@matplotlib.rc_context(STYLE)
def bias_lab(
    stills: Mapping[str, Array],
    ties: Mapping[str, Sequence[Tie]],
    *,
    pans: Mapping[str, Array] | None = None,
    captions: Mapping[str, Sequence[str]] | None = None,
    strips: Mapping[str, Array] | None = None,
    chance: float,
    title: str | None = None,
) -> Picture:
    """Clips of a biased world, how strongly each factor goes with the label there, and a clip beside its twin.

    Args:
        stills: name of a row to (n 3 h w) uint8, one frame of each of n clips.
        ties: domain to the ties of its factors, at least one.
        pans: name of a row to (n 2) px, how far the scene moves over each clip; drawn as an arrow.
        captions: name of a row to n words, written below its clips.
        strips: name to (3 t h w) uint8, drawn below: a clip and its twin.
        chance: accuracy of guessing, drawn as a dashed line.
        title: stands above the figure.

    Returns:
        The picture.

    Raises:
        ShapeError, ValueError: no row, sizes that do not go together, or a chance outside [0, 1].
    """
    if not stills or not any(ties.values()):
        raise ValueError("stills or ties is empty; pass at least one row of clips and one tie")
    check_fractions("chance", np.array([chance]))
    first = clip_frames(next(iter(stills)), rearrange(_tensor(next(iter(stills.values()))), "n c h w -> c n h w"))
    count = len(first)
    lines = {name: rearrange(_tensor(given), "n c h w -> c n h w") for name, given in stills.items()}
    frames = {name: clip_frames(f"row {name}", line, {"t": count}) for name, line in lines.items()}
    films = {name: clip_frames(f"strip {name}", clip) for name, clip in (strips or {}).items()}
    still, gap = 0.82, 0.06
    row_height = still + (0.3 if captions else 0.12)
    left = 0.9 * text_in([line for name in (*frames, *films) for line in name.split("\n")], 10.5) + 0.15
    clips_wide = left + count * (still + gap)
    factors, domains = list(dict.fromkeys(each.factor for own in ties.values() for each in own)), list(ties)
    beside, chart_wide = text_in(factors, 10.5) + 0.15, 1.75
    films_from = len(frames) * row_height + 0.15
    clips_tall = films_from + len(films) * (still + gap) if films else films_from - 0.15
    chart_tall = 0.36 * len(factors) + 1.2
    top = 0.12 + (TITLE_IN if title else 0)
    figure = Figure(
        figsize=(
            clips_wide + beside + chart_wide + 0.25 + max(0.84, 0.42 * len(domains)),
            top + max(clips_tall, chart_tall) + 0.1,
        )
    )
    wide, total = figure.get_size_inches()
    if title:
        headline(figure, title)
    steps = {name: spread_steps(len(film), count) for name, film in films.items()}
    rows = {**frames, **{name: film[steps[name]] for name, film in films.items()}}
    for index, (name, images) in enumerate(rows.items()):
        y = total - top - still - index * row_height
        if index >= len(frames):
            y = total - top - still - films_from - (index - len(frames)) * (still + gap)
        figure.text((left - 0.1) / wide, (y + still / 2) / total, name, ha="right", va="center", fontsize=10.5)
        axes = _still_row(figure, (left, y, still, still), images, gap=gap)
        if captions and name in frames:
            for column, words in enumerate(captions[name]):
                axes.text(column * (1 + gap / still) + 0.5, 1.05, words, ha="center", va="top", fontsize=9)
        if pans and name in frames:
            path = checked_tensor(f"pans {name}", pans[name], "n c", {"n": count, "c": 2}).double().numpy()
            moved = [column for column in range(count) if path[column].any()]
            if moved:
                x = [column * (1 + gap / still) + 0.5 for column in moved]
                dx, dy = path[moved].T
                quiver(axes, x, [0.5] * len(moved), dx, dy, full_in=still / images.shape[1])
    tall = 0.36 * len(factors)
    axes = axes_at(figure, (clips_wide + beside, total - top - tall - 0.3, chart_wide, tall))
    alt = f"{len(frames)} rows of {count} clips ({listed([name.replace(chr(10), ' ') for name in frames])})"
    alt += f", and {listed([name.replace(chr(10), ' ') for name in films])}." if films else "."
    alt += " Accuracy of naming the class from one factor alone, and tie (0 none, 1 full):"
    for at, (domain, own) in enumerate(ties.items()):
        for each in own:
            place = factors.index(each.factor)
            _dot(axes, each.guess, place + 0.26 * (at - (len(domains) - 1) / 2), at)
            number = f"{each.information:.2f}"
            axes.text(108 + 24 * at, place, number, va="center", fontsize=9.5, color=COLOURS[at])
            alt += f" {each.factor} in {domain} {100 * each.guess.value:.0f} %, tie {number};"
    axes.axvline(100 * chance, color="black", linestyle="--", linewidth=1)
    axes.set(xlim=(0, 100), ylim=(len(factors) - 0.5, -0.5), xticks=range(0, 101, 25))
    axes.set_xlabel("class named from factor (%)")
    axes.set_yticks(range(len(factors)), factors, fontsize=10.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.text(108, -0.55, "tie (0 to 1)", fontsize=9.5, va="bottom")
    marks = [
        matplotlib.lines.Line2D([], [], color=COLOURS[at], marker=MARKERS[at], linestyle="none", label=domain)
        for at, domain in enumerate(domains)
    ]
    marks.append(matplotlib.lines.Line2D([], [], color="black", linestyle="--", label="chance"))
    corner = ((clips_wide + beside + chart_wide / 2) / wide, (total - top - tall - 0.75) / total)
    figure.legend(handles=marks, loc="upper center", bbox_to_anchor=corner, ncols=len(marks), columnspacing=1.0)
    return Picture(figure, titled(title, f"{alt[:-1]}. Chance is {100 * chance:.1f} %."))


def _tensor(given: Array) -> Tensor:
    return checked_tensor("stills", given, "n 3 h w")


def _still(figure: Figure, box: tuple[float, float, float, float], image: np.ndarray) -> Axes:
    axes = axes_at(figure, box)
    axes.imshow(image, vmin=0, vmax=255)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color="#b0b0b0", linewidth=0.6)
    return axes


def _still_row(figure: Figure, box: tuple[float, float, float, float], images: np.ndarray, *, gap: float) -> Axes:
    """Images (n h w 3) side by side, the first in the box; each is 1 wide and 1 tall. One axes for all draws faster."""
    left, bottom, wide, tall = box
    step = 1 + gap / wide
    axes = axes_at(figure, (left, bottom, wide * (1 + step * (len(images) - 1)), tall))
    for column, image in enumerate(images):
        axes.imshow(image, vmin=0, vmax=255, extent=(column * step, column * step + 1, 1, 0))
    axes.set(xlim=(0, 1 + step * (len(images) - 1)), ylim=(1, 0), aspect="auto")
    axes.set_axis_off()
    return axes


def _dot(axes: Axes, interval: Interval, place: float, style: int) -> None:
    ends = None
    if interval.low is not None and interval.high is not None:
        ends = (100 * interval.low, 100 * interval.high)
    draw_dot(axes, 100 * interval.value, ends, place, style)


def _percent(interval: Interval, *, sign: bool = False) -> str:
    form = "+.1f" if sign else ".1f"
    unit = "points" if sign else "%"
    if interval.low is None or interval.high is None:
        return f"{100 * interval.value:{form}} {unit}"
    return f"{100 * interval.value:{form}} {unit} ({100 * interval.low:{form}} to {100 * interval.high:{form}})"
