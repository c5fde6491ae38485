"""What every plot returns: a figure, or a video, with the text that says what it shows."""

from __future__ import annotations

import base64
import html
import io
import os
from dataclasses import dataclass, field
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from matplotlib.text import Text

from rev2net_lite.files import write_atomically

__all__ = ["MovingPicture", "Picture"]

DPI = 110
# Pictures look the same whatever a user's matplotlibrc or style sheet says: white, so that they can be read on a dark
# page, in the font that comes with matplotlib.
_OWN = "axes. errorbar. figure. font. grid. hatch. image. legend. lines. markers. mathtext. patch. path. savefig. text."
_OWN += " xaxis. xtick. yaxis. ytick."
STYLE = {key: value for key, value in matplotlib.rcParamsDefault.items() if key.startswith(tuple(_OWN.split()))} | {
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

    def __post_init__(self) -> None:
        for text in self.figure.findobj(Text):
            # A dollar sign in a name of the user's is a dollar sign; only the ticks of a logarithmic axis are formulas.
            if "$" in text.get_text() and r"\mathdefault" not in text.get_text():
                text.set_parse_math(False)

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
        write_atomically(path, self._encode(kind))
        return path

    def _encode(self, kind: str) -> bytes:
        # No versions or dates in the file: the same figure gives the same bytes.
        metadata: dict[str, dict[str, str | None]] = {
            "png": {"Software": None, "Description": self.alt},
            "svg": {"Date": None, "Creator": None, "Description": self.alt},
            "pdf": {"CreationDate": None, "Creator": None, "Producer": None, "Subject": self.alt},
        }
        buffer = io.BytesIO()
        with matplotlib.rc_context(STYLE | {"svg.hashsalt": "rev2net_lite"}):
            self.figure.savefig(buffer, format=kind, dpi=DPI, facecolor="white", metadata=metadata[kind])
        return buffer.getvalue()

    def _repr_html_(self) -> str:
        source = base64.b64encode(self.png()).decode("ascii")
        # On a phone the picture scrolls sideways rather than shrink until its words cannot be read.
        least = round(0.6 * DPI * self.figure.get_size_inches()[0])
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
