"""Arguments of questions that are no plain data: small models, built from a name and numbers.

Nothing here knows an answer: an answer that is graded is run in a process that may import this module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

__all__ = ["MAKERS", "make"]

MAKERS: dict[str, Callable[..., object]] = {}


def make(maker: str, options: Mapping[str, int | float | str]) -> object:
    """What the maker of that name builds from the options."""
    return MAKERS[maker](**options)
