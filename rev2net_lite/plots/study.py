"""What the study found: accuracy against the strength of a shift, and findings as cards."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib

from rev2net_lite.plots.drawing import COLOURS, LINES, MARKERS, chart, check_row, draw_legend, listed, titled
from rev2net_lite.plots.picture import STYLE, Picture

__all__ = ["Cards", "dial_curves", "finding_cards"]


def dial_curves(rows: Sequence[Mapping[str, Any]], *, chance: float, axis: str, title: str | None = None) -> Picture:
    """Accuracy of every system against the strength of one shift, with intervals.

    Args:
        rows: `model`, `strength`, `mean`, `low`, `high`, `n`; accuracies as fractions, the interval's ends None where
            there is none.
        chance: accuracy of guessing, drawn as a line.
        axis: what is turned, with its unit.
        title: above the figure.

    Raises:
        ValueError: no row, one strength only, or a row that is not whole.
    """
    for row in rows:
        check_row(row, ("model", "strength", "mean", "low", "high", "n"), "mean")
    strengths = sorted({row["strength"] for row in rows})
    if len(strengths) < 2:
        raise ValueError(
            f"the rows hold {len(strengths)} strength(s); a dial needs two or more, because a single point misleads"
        )
    models = list(dict.fromkeys(row["model"] for row in rows))
    words = []
    with matplotlib.rc_context(STYLE):
        figure, axes = chart(7.4, 3.4, left=0.85, legend=True, title=title)
        spread = 0.012 * (strengths[-1] - strengths[0])
        for at, model in enumerate(models):
            own = sorted((row for row in rows if row["model"] == model), key=lambda row: row["strength"])
            # Side by side, so that intervals of one strength do not hide each other.
            x = [row["strength"] + (at - (len(models) - 1) / 2) * spread for row in own]
            y = [100 * row["mean"] for row in own]
            ends = [
                (row["mean"] if row["low"] is None else row["low"], row["mean"] if row["high"] is None else row["high"])
                for row in own
            ]
            axes.errorbar(
                x,
                y,
                yerr=[
                    [100 * (row["mean"] - low) for row, (low, _) in zip(own, ends, strict=True)],
                    [100 * (high - row["mean"]) for row, (_, high) in zip(own, ends, strict=True)],
                ],
                label=model,
                color=COLOURS[at % len(COLOURS)],
                linestyle=LINES[at % len(LINES)],
                marker=MARKERS[at % len(MARKERS)],
                markersize=5,
                capsize=2,
                linewidth=1.5,
            )
            words.append(f"{model} " + ", ".join(f"{v:.1f}" for v in y))
        axes.axhline(100 * chance, color="black", linestyle=":", linewidth=1)
        axes.text(strengths[-1], 100 * chance, "chance", ha="right", va="bottom", fontsize=9.5)
        axes.set(xlabel=axis, ylabel="accuracy (%)", ylim=(0, 104))
        axes.set_xticks(strengths)
        axes.grid(axis="y")
        draw_legend(figure, axes, title)
    alt = f"Accuracy in % at {axis} {listed([f'{s:g}' for s in strengths])}: {'; '.join(words)}."
    return Picture(figure, titled(title, alt))


_SIGNS = {"reproduced": "\u2713", "contradicted": "\u2717", "undecided": "?", "not tested": "\u2013"}


@dataclass(frozen=True)
class Cards:
    """Findings as a notebook and its page show them; `text` is the same in plain words."""

    page: str
    text: str

    def _repr_html_(self) -> str:
        return self.page

    def __str__(self) -> str:
        return self.text


def finding_cards(findings: Sequence[Mapping[str, Any]], *, command: str) -> Cards:
    """One card per finding: the claim, what was found, what would flip it, and the command that tests it.

    Args:
        findings: `id`, `statement`, `verdict`, `difference`, `low`, `high`, `n`, `unit`, `seeds_to_decide`, `flips`.
        command: what runs the test again.
    """
    cards, lines = [], []
    for finding in findings:
        found = "No pair of runs measured it."
        if finding["difference"] is not None:
            scale, unit = (100, "points") if finding["unit"] == "fraction" else (1, finding["unit"])
            numbers = [scale * finding[key] for key in ("difference", "low", "high")]
            found = "Difference {:+.2f} {}, 95 % interval {:+.2f} to {:+.2f}, {} seeds.".format(
                numbers[0], unit, *numbers[1:], finding["n"]
            )
        if finding["seeds_to_decide"] is not None:
            found += f" About {finding['seeds_to_decide']} seeds would decide."
        verdict = f"{_SIGNS[finding['verdict']]} {finding['verdict']}"
        lines.append(f"{finding['id']:4s} {verdict:16s} {finding['statement']}. {found}")
        flips = f"<p>What would flip it: {html.escape(finding['flips'])}</p>" if finding["flips"] else ""
        cards.append(
            '<div style="border:1px solid #888;border-radius:.4rem;padding:.6rem .8rem;margin:.5rem 0">'
            f"<p><strong>{html.escape(finding['id'])}. {html.escape(finding['statement'])}</strong></p>"
            f"<p><strong>{verdict}</strong>. {html.escape(found)}</p>{flips}"
            f"<p>Test it: <code>{html.escape(command)}</code></p></div>"
        )
    return Cards("\n".join(cards), "\n".join(lines))
