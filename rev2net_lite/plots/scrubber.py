"""Several states of one figure, computed beforehand, that a reader moves through in Jupyter or on a page alone."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL import Image

from rev2net_lite.bundled import asset
from rev2net_lite.plots.picture import DPI, Picture

__all__ = ["Scrubber", "scrubber"]

_LEAST, _MOST = 4, 12
# An executed page is to stay below 3 MB, and this is one of its figures.
_LIMIT_KB = 700


@dataclass(frozen=True)
class Scrubber:
    """States of one figure; a notebook shows one at a time and a range input that moves through them.

    Where no script runs, the first state is shown and the others can be unfolded below it.

    Args:
        images: WebP file of each state, all of one size.
        labels: name of each state.
        alts: what each state shows.
        alt: what the states are together.
        width_px: width of the images.
    """

    images: tuple[bytes, ...] = field(repr=False)
    labels: tuple[str, ...]
    alts: tuple[str, ...] = field(repr=False)
    alt: str
    width_px: int = field(repr=False)

    def _repr_html_(self) -> str:
        first, *others = (self._state(index) for index in range(len(self.images)))
        return (
            f'<figure data-scrubber role="group" style="margin:0" '
            f'aria-label="{html.escape(self.alt)}">\n{first}\n'
            f"<details><summary>The other {len(others)} states</summary>\n{''.join(others)}\n</details>\n"
            f"<script>{asset('scrubber.js').read_text('utf-8')}</script>\n</figure>"
        )

    def _state(self, index: int) -> str:
        source = base64.b64encode(self.images[index]).decode("ascii")
        label = html.escape(self.labels[index])
        # As with every picture: on a phone it scrolls sideways rather than shrink until its words cannot be read.
        return (
            f'<div data-state="{label}" style="overflow-x:auto"><p>{label}</p>'
            f'<img alt="{html.escape(self.alts[index])}" src="data:image/webp;base64,{source}" '
            f'style="max-width:100%;min-width:{round(0.6 * self.width_px)}px;height:auto;background:white"></div>'
        )


def scrubber(pictures: Sequence[Picture], labels: Sequence[str], *, alt: str) -> Scrubber:
    """A control that moves through states of one figure without a kernel.

    Args:
        pictures: 4 to 12 figures of one size, in the order of the states; scales are better the same in all.
        labels: name of each state, with its number and unit, for example `"epoch 3: EPE 0.41 px"`.
        alt: what the states are together; each picture brings its own alt text for what it shows.

    Raises:
        ValueError: another number of pictures, sizes that differ, labels that are missing, empty or twice the same, no
            alt text, or images of more than 700 kB together.
    """
    if not _LEAST <= len(pictures) <= _MOST:
        raise ValueError(f"a scrubber has {_LEAST} to {_MOST} states, not {len(pictures)}; choose that many pictures")
    if len(labels) != len(pictures):
        raise ValueError(
            f"there are {len(labels)} labels for {len(pictures)} pictures; give one label for each picture"
        )
    names = tuple(labels)
    for name in names:
        if not name.strip() or names.count(name) > 1:
            raise ValueError(f"label {name!r} is empty or stands twice; give each state a name of its own")
    if not alt.strip():
        raise ValueError("the alt text is empty; say in a sentence what the states show")
    first, *others = (
        tuple(round(DPI * float(side)) for side in picture.figure.get_size_inches()) for picture in pictures
    )
    for index, size in enumerate(others, start=1):
        if size != first:
            raise ValueError(
                f"picture {index} is {size[0]}x{size[1]} px and picture 0 is {first[0]}x{first[1]} px; draw all at one "
                "size, or the figure would jump"
            )
    images = tuple(_without_loss(picture.png()) for picture in pictures)
    total_kb = sum(len(image) for image in images) / 1000
    if total_kb > _LIMIT_KB:
        raise ValueError(
            f"the images of the scrubber have {total_kb:.0f} kB together; the limit is {_LIMIT_KB} kB: draw fewer or "
            "smaller pictures"
        )
    return Scrubber(images, names, tuple(picture.alt for picture in pictures), alt, first[0])


def _without_loss(png: bytes) -> bytes:
    """The same pixels in half to nine tenths of the bytes."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").save(buffer, format="WEBP", lossless=True)
    return buffer.getvalue()
