"""What every page of the site must keep, whatever its notebook shows."""

from __future__ import annotations

from bs4 import BeautifulSoup

MAX_BYTES = 3_000_000
# nbconvert's words where a picture has none: it came as a plain image output, which carries no text.
_NO_TEXT = "No description has been provided for this image"


def faults(page: str) -> list[str]:
    """What is wrong with a page, one sentence each."""
    found = []
    if len(page.encode()) > MAX_BYTES:
        found.append(f"the page has {len(page.encode()):,} bytes; at most {MAX_BYTES:,} are allowed")
    soup = BeautifulSoup(page, features="html.parser")
    for image in soup.select("img"):
        if not str(image.get("alt", "")).strip() or image["alt"] == _NO_TEXT:
            found.append(f"an image has no alt text: {str(image)[:80]}; show it as a Picture")
    for video in soup.select("video, audio"):
        if not str(video.get("aria-label", "")).strip():
            found.append(f"a video has no label: {str(video)[:80]}; show it as a MovingPicture")
    for element in soup.select("[src]"):
        if not str(element["src"]).startswith("data:"):
            found.append(f"{element['src']} would be fetched; put it into the page")
    return found
