"""The glossary of the kit as data: its terms, their other names, and where in a sentence one of them stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

__all__ = ["Glossary", "anchor"]

_ENTRY = re.compile(r"^## +(.+?) *\n+(?:\*Also: (.+?)\.\* *\n+)?", flags=re.MULTILINE)


@dataclass(frozen=True)
class Glossary:
    """Terms explained in Markdown: each a heading `## term`, then perhaps `*Also: other, names.*`, then its text.

    Args:
        text: the whole glossary.

    Raises:
        ValueError: a name stands for two terms.

    >>> list(Glossary("## Clip\\n\\nFrames.").found_in("Two clips."))
    [(4, 9, 'clip')]
    """

    text: str

    def __post_init__(self) -> None:
        names = [name.lower() for names in self.terms for name in names]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"the glossary has '{twice[0]}' for two terms; a name should stand for one")

    @cached_property
    def terms(self) -> list[tuple[str, ...]]:
        """All names of each term, that of its heading first."""
        return [(found[1], *(found[2].split(", ") if found[2] else ())) for found in _ENTRY.finditer(self.text)]

    def found_in(self, sentence: str) -> Iterator[tuple[int, int, str]]:
        """Start, end and anchor of each term in a sentence, with a plural s or without; of two names the longer."""
        if self.terms:
            for found in self._pattern.finditer(sentence):
                yield found.start(), found.end(), self._anchors[" ".join(found[1].lower().split())]

    @cached_property
    def _anchors(self) -> dict[str, str]:
        return {name.lower(): anchor(names[0]) for names in self.terms for name in names}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        # A sentence may be broken into lines between the words of a term.
        names = (r"\s+".join(map(re.escape, name.split())) for name in sorted(self._anchors, key=len, reverse=True))
        return re.compile(rf"(?<![\w-])({'|'.join(names)})s?(?![\w-])", flags=re.IGNORECASE)


def anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading.

    >>> anchor("Endpoint error (EPE)")
    'endpoint-error-epe'
    """
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
