"""Timing functions against each other in one process, and the rows that a benchmark ends in."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["Missing", "Row", "Timing", "interleaved", "ratio_row", "spread"]


class Missing(Exception):
    """A peer, a file or a device that a row needs is not here; the message says which."""


@dataclass(frozen=True)
class Row:
    """One measured comparison.

    Attributes:
        what: is measured.
        ours: our number.
        peer: theirs; None where the goal is a plain number.
        ratio: what is held against the goal.
        goal: as the comparison and number, `">= 20"`; empty where nothing is promised.
        met: whether the ratio reaches the goal; None where there is none or the row is void.
        unit: of ours and the peer's.
        n: repetitions, or cases.
        spread: of the ratio, the half range of its middle half over its median; 0 where nothing was repeated.
        void: why the row does not count: what came out was not correct, or a peer or file was missing.
    """

    what: str
    ours: float | None = None
    peer: float | None = None
    ratio: float | None = None
    goal: str = ""
    met: bool | None = None
    unit: str = ""
    n: int = 0
    spread: float = 0.0
    void: str = ""


@dataclass(frozen=True)
class Timing:
    """Processor seconds of one call, all threads together, one number for each repetition."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle of the repetitions."""
        return statistics.median(self.seconds)


def interleaved(functions: Mapping[str, Callable[[], object]], *, repeats: int = 5) -> dict[str, Timing]:
    """Processor time of each function, called in turns so that a busy machine troubles all alike.

    Each is called once before, unmeasured. Threads count in full: a method that is quick because it takes two cores
    is not quick here.
    """
    for call in functions.values():
        call()
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, call in functions.items():
            started = time.process_time()
            call()
            seconds[name].append(time.process_time() - started)
    return {name: Timing(tuple(values)) for name, values in seconds.items()}


def spread(values: list[float]) -> float:
    """Half the range of the middle half of the values, over their median."""
    if len(values) < 2:
        return 0.0
    quarters = statistics.quantiles(values, n=4, method="inclusive")
    return (quarters[2] - quarters[0]) / 2 / abs(quarters[1]) if quarters[1] else 0.0


def ratio_row(
    what: str, over: Timing, under: Timing, *, goal: str, per: int = 1, per_over: int | None = None, void: str = ""
) -> Row:
    """The row of `over` against `under`: how many times as long the first takes, repetition by repetition.

    Args:
        what: is measured.
        over: the peer where the goal is to be quicker, ours where it is to be not much slower.
        under: the other one, which stands under the fraction.
        goal: such as `">= 20"`.
        per: things that one call of `under` treats; times are given for each.
        per_over: the same for `over`, where it treats another number.
        void: why the row does not count.
    """
    many = per if per_over is None else per_over
    ratios = [a / many / (b / per) for a, b in zip(over.seconds, under.seconds, strict=True)]
    ratio = statistics.median(ratios)
    ours, peer = under.median / per, over.median / many
    if goal.startswith("<"):
        ours, peer = peer, ours
    return Row(
        what,
        1000 * ours,
        1000 * peer,
        ratio,
        goal,
        None if void else holds(ratio, goal),
        "ms",
        len(ratios),
        spread(ratios),
        void,
    )


def holds(value: float, goal: str) -> bool | None:
    """Whether a number reaches a goal such as `"<= 0.7"`; None for no goal."""
    if not goal:
        return None
    sign, number = goal.split()
    return value >= float(number) if sign == ">=" else value <= float(number)
