"""What competes in the study: a system, and in which one way its training differs from the system's own.

An entry has a name that says all of it: `rev2net`; `flow_decoder_exact`, whose flow is the renderer's own (an oracle);
`rgb_long`, which is trained for as much computing time as `rev2net`; `rgb+pan`, whose training clips get a random pan;
`rev2net@10`, which may use a tenth of the labels. The parts combine in this order: `flow_exact+pan@25`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rev2net_lite.models import SYSTEMS

__all__ = ["LONG", "PAN", "Entry", "read_entry"]

LONG = 2.3
"""Epochs of a `_long` entry over those of the others: what a step of `rev2net` costs over one of `rgb`, size `tiny`."""

PAN = 0.12
"""Sd of the pan of a `+pan` entry, in frame widths over a clip: that of the street, so this entry knows of the target
what a filming engineer would: how much its camera pans, and nothing else."""

_PARTS = re.compile(r"(?P<system>[a-z0-9_]+?)(?P<exact>_exact)?(?P<long>_long)?(?P<pan>\+pan)?(@(?P<labels>\d+))?")

# Systems that flow enters, as input or as target.
_WITH_FLOW = ("flow", "two_stream", "flow_decoder", "multitask", "rev2net")


@dataclass(frozen=True)
class Entry:
    """A system and how its training differs.

    Args:
        system: one of `models.SYSTEMS`.
        exact: flow, as input or target, is the renderer's own instead of TV-L1.
        long: trained for `LONG` times as many epochs.
        pan: training clips get a random pan, see `augmentation`.
        label_share: of the labels that are used.
    """

    system: str
    exact: bool = False
    long: bool = False
    pan: bool = False
    label_share: float = 1.0


def read_entry(name: str) -> Entry:
    """The entry of that name.

    Raises:
        ValueError: no such system, flow of a system that has none, or a share of labels that is none.

    >>> read_entry("rev2net@10")
    Entry(system='rev2net', exact=False, long=False, pan=False, label_share=0.1)
    """
    found = _PARTS.fullmatch(name)
    system = found["system"] if found else name
    if found is None or system not in SYSTEMS:
        raise ValueError(
            f"there is no system {system!r}; expected one of {', '.join(SYSTEMS)}, if need be with _exact, _long, +pan "
            "or a percentage of labels such as @10 behind it"
        )
    if found["exact"] and system not in _WITH_FLOW:
        raise ValueError(f"{name!r}: {system} uses no flow, so there is no exact one; leave _exact out")
    percent = int(found["labels"] or 100)
    if not 1 <= percent <= 100:
        raise ValueError(f"{name!r} uses {percent} % of the labels; expected 1 to 100")
    return Entry(system, bool(found["exact"]), bool(found["long"]), bool(found["pan"]), percent / 100)
