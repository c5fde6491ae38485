from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from rev2net_lite import plots
from rev2net_lite.bundled import asset
from rev2net_lite.plots import Picture, Scrubber, scrubber

LABELS = [f"epoch {index}: <{index} px & 'more'" for index in range(4)]


def state(value: float, *, size: tuple[float, float] = (2, 1)) -> Picture:
    figure = Figure(figsize=size)
    figure.add_axes((0.2, 0.3, 0.7, 0.6)).plot([0, value])
    return Picture(figure, f'a "line" to {value}')


def noise(seed: int) -> Picture:
    figure = Figure(figsize=(5, 4))
    figure.figimage(np.random.default_rng(seed).random((440, 550, 3)))
    return Picture(figure, "noise")


def made(**options: str) -> Scrubber:
    return scrubber([state(value) for value in range(4)], LABELS, alt=options.get("alt", "four < lines"))


def test_states_hold_the_very_pixels_of_the_pictures_in_fewer_bytes() -> None:
    pictures = [state(value) for value in range(4)]
    images = scrubber(pictures, LABELS, alt="x").images
    for picture, image in zip(pictures, images, strict=True):
        true = Image.open(io.BytesIO(picture.png())).convert("RGB")
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(image)).convert("RGB")), np.asarray(true))
        assert len(image) < len(picture.png())
    assert len(set(images)) == 4


def test_each_state_has_label_alt_text_and_image_and_all_but_the_first_are_folded() -> None:
    page = made()._repr_html_()
    found = re.findall(
        r'<div data-state="([^"]*)".*?<p>(.*?)</p><img alt="(.*?)" src="data:image/webp;base64,(.*?)"', page
    )
    escaped = [f"epoch {index}: &lt;{index} px &amp; &#x27;more&#x27;" for index in range(4)]
    assert [row[0] for row in found] == [row[1] for row in found] == escaped
    assert [row[2] for row in found] == [f"a &quot;line&quot; to {value}" for value in range(4)]
    assert tuple(base64.b64decode(row[3]) for row in found) == made().images
    before, folded = page.split("<details>")
    assert before.count("<img") == 1 and folded.count("<img") == 3 and "<summary>The other 3 states" in folded
    assert 'aria-label="four &lt; lines"' in before
    assert "min-width:132px" in before


def test_its_script_is_the_one_that_the_pages_allow() -> None:
    text = asset("scrubber.js").read_text("utf-8")
    assert re.findall(r"<script>(.*?)</script>", made()._repr_html_(), flags=re.DOTALL) == [text]
    # What makes a page of it must find nothing to escape.
    assert not re.search(r"[<&]", text) and text.isascii()


def test_images_stay_out_of_its_text() -> None:
    assert len(repr(made())) < 300


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: scrubber([state(1)] * 3, LABELS[:3], alt="x"), "a scrubber has 4 to 12 states, not 3; choose that"),
        (lambda: scrubber([state(1)] * 13, LABELS, alt="x"), "a scrubber has 4 to 12 states, not 13; choose that"),
        (lambda: scrubber([state(1)] * 5, LABELS, alt="x"), "there are 4 labels for 5 pictures; give one label for"),
        (lambda: scrubber([state(1)] * 4, ["a", " ", "b", "c"], alt="x"), "label ' ' is empty or stands twice; give"),
        (lambda: scrubber([state(1)] * 4, ["a", "b", "c", "b"], alt="x"), "label 'b' is empty or stands twice; give"),
        (lambda: scrubber([state(1)] * 4, LABELS, alt=" "), "the alt text is empty; say in a sentence what"),
        (
            lambda: scrubber([*[state(1)] * 3, state(1, size=(3, 1))], LABELS, alt="x"),
            "picture 3 is 330x110 px and picture 0 is 220x110 px; draw all at one size",
        ),
        (
            lambda: scrubber([noise(seed) for seed in range(4)], LABELS, alt="x"),
            r"the images of the scrubber have \d{4} kB together; the limit is 700 kB: draw fewer or smaller",
        ),
    ],
)
def test_what_cannot_be_shown_is_refused(make: Callable[[], Scrubber], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_it_is_a_plot_like_the_others() -> None:
    assert {"Scrubber", "scrubber"} <= set(plots.__all__)
