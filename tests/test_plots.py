"""Pictures say in words what they show, keep one scale for what is compared, and refuse what they cannot draw."""

from __future__ import annotations

import gc
import io
import stat
import subprocess
import sys
import weakref
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.quiver import Quiver
from matplotlib.text import Text
from torch import Tensor

from rev2net_lite import plots
from rev2net_lite.anatomy import anatomy
from rev2net_lite.bias import tie, twin_effect
from rev2net_lite.flow import flow_to_rgb
from rev2net_lite.models import ModelConfig, Rev2Net
from rev2net_lite.planted import CURVES
from rev2net_lite.plots import AccuracyRow, CalibrationRow, DifferenceRow, PenaltyCurves, Picture, PriceRow
from rev2net_lite.shapes import ShapeError
from rev2net_lite.synthetic import sample_specs, studio

CLASSES = ["rise", "fall", "spin"]


def moving_square(dx: int, dy: int) -> tuple[Tensor, Tensor]:
    """A bright square on grey that moves by (dx, dy) px per frame, and its exact flow."""
    clip, flow = torch.full((3, 5, 24, 32), 0.25), torch.zeros(2, 4, 24, 32)
    for i in range(5):
        y, x = 8 + dy * i, 12 + dx * i
        clip[:, i, y : y + 6, x : x + 6] = torch.tensor([1.0, 0.5, 0.0])[:, None, None]
        if i < 4:
            flow[0, i, y : y + 6, x : x + 6], flow[1, i, y : y + 6, x : x + 6] = dx, dy
    return clip, flow


def accuracy_rows() -> list[AccuracyRow]:
    return [
        AccuracyRow(model=model, split=split, mean=mean, low=mean - 0.05, high=mean + 0.02, n=1280)
        for model, split, mean in (
            ("rgb", "source", 0.964),
            ("rgb", "target", 0.378),
            ("rev2net", "source", 0.977),
            ("rev2net", "target", 0.474),
        )
    ]


def difference_rows() -> list[DifferenceRow]:
    return [
        DifferenceRow(label="Rev2Net - RGB", difference=0.097, low=0.048, high=0.146, n=5),
        DifferenceRow(label="Rev2Net - multi-task", difference=0.009, low=-0.015, high=0.033, n=5),
    ]


CLIP, FLOW = moving_square(1, 2)
TIE = tie(sample_specs(studio(), clips_per_class=1, seed=0), "surface")
EFFECT = twin_effect(
    torch.eye(3), torch.eye(3).roll(1, 0), labels=torch.arange(3), donor_labels=torch.tensor([1, 0, 0])
)
PENALTY = PenaltyCurves(
    discrepancy=[2.0, 1.0],
    cka=[[0.5, 0.6], [0.1, 0.2]],
    flow_error_px=[0.4, 0.3],
    psnr_db=[20.0, 25.0],
    accuracy=[0.5, 1.0],
)
PRICE = PriceRow(
    label="raw", weight=1.0, cka=0.9, flow_error_px=0.2, psnr_db=26.0, accuracy=0.5, low=0.4, high=0.6, n=320
)

EVERY: dict[str, tuple[Callable[[], Picture], list[str]]] = {
    "clip_strip": (lambda: plots.clip_strip(CLIP), ["x (px)", "y (px)"]),
    "clip_rows": (lambda: plots.clip_rows({"studio": CLIP, "street": CLIP}), ["x (px)", "y (px)"]),
    "image_row": (lambda: plots.image_row({"one": CLIP[:, 0], "two": CLIP[:, 1]}), ["x (px)", "y (px)"]),
    "packet_sizes": (
        lambda: plots.packet_sizes([4000, 900], [True, False]),
        ["packet, in the order of the file", "size (kB)", "key frames", "others"],
    ),
    "run_curves": (
        lambda: plots.run_curves({name: [0.5, 0.25] for name in CURVES}),
        ["gradients at the encoder", "EPE (px)", "epoch", "street, new"],
    ),
    "sampling": (lambda: plots.sampling(range(6), [0, 1, 2, 3, 4], CLIP), ["time (s)", "5 equal parts"]),
    "time_stamps": (lambda: plots.time_stamps([0.0, 0.2, 0.1]), ["frame, in the order of decoding", "time stamp (s)"]),
    "brightness_row": (
        lambda: plots.brightness_row([0.0, 0.1, 0.2], [-0.1, 0.0, 0.1], at=1, slope=0.1),
        ["x (px)", "brightness (of 1)", "first frame", "second frame", "tangent"],
    ),
    "constraint_lines": (
        lambda: plots.constraint_lines({"edge": torch.ones(3, 4)}, motion=(1, -2), limit_px=3),
        ["dx (px)", "dy (px), down", "pixels", "true motion"],
    ),
    "flow_cases": (
        lambda: plots.flow_cases({"one": (CLIP[:, 0], CLIP[:, 1], FLOW[:, 0], 0.5 * FLOW[:, 0])}),
        ["x (px)", "y (px)", "right", "down", "error (px)"],
    ),
    "flow_strip": (lambda: plots.flow_strip(FLOW, clip=CLIP), ["x (px)", "y (px)", "right", "down"]),
    "colour_wheel": (lambda: plots.colour_wheel(max_px=3), ["right", "down"]),
    "reconstruction": (lambda: plots.reconstruction(CLIP, CLIP, FLOW, FLOW), ["x (px)", "y (px)", "right", "down"]),
    "flow_comparison": (
        lambda: plots.flow_comparison(CLIP[:, 0], CLIP[:, 1], FLOW[:, 0], 0.5 * FLOW[:, 0]),
        ["x (px)", "y (px)", "right", "down", "endpoint error (px)"],
    ),
    "calibration": (
        lambda: plots.calibration([CalibrationRow(label="a", confidence=0.8, share=0.5, low=0.2, high=0.8, n=8)]),
        ["stated confidence (%)", "came true (%)"],
    ),
    "frame_view": (lambda: plots.frame_view(CLIP, 0, times_s=range(CLIP.shape[1])), ["x (px)", "y (px)"]),
    "model_view": (
        lambda: plots.model_view(CLIP, CLIP, FLOW, [0.2, 0.5, 0.3], CLASSES, psnr_db=20.0),
        ["x (px)", "y (px)", "right", "down", "probability (%)"],
    ),
    "error_map": (lambda: plots.error_map(FLOW[1, 0]), ["x (px)", "y (px)", "endpoint error (px)"]),
    "loss_curves": (lambda: plots.loss_curves({"flow": [2.0, 1.0]}), ["epoch", "loss"]),
    "discrepancy_curves": (lambda: plots.discrepancy_curves([1.0, 0.5]), ["epoch", "discrepancy"]),
    "cosine_matrix": (lambda: plots.cosine_matrix(torch.eye(2), ["flow", "frame"]), ["flow", "frame", "cosine"]),
    "flow_progress": (
        lambda: plots.flow_progress(
            CLIP[:, 0], FLOW[:, 0], FLOW[:, 0], FLOW[:, 0], error_px=[1, 0.5], zero_error_px=0.7, epoch=1
        ),
        ["x (px)", "y (px)", "EPE (px)", "right", "zero flow"],
    ),
    "error_curves": (
        lambda: plots.error_curves({"all pixels": {"mse": [2, 1]}}, zero_px={"all pixels": 1.5}),
        ["all pixels", "EPE (px)", "epoch", "zero flow"],
    ),
    "loss_shapes": (
        lambda: plots.loss_shapes([-1, 0, 1], {"l1": [1, 0, 1]}, unit="px"),
        ["error (px)", "loss", "slope (1/px)"],
    ),
    "dial_curves": (
        lambda: plots.dial_curves(
            [row | {"strength": pan} for row in accuracy_rows()[::2] for pan in (0.0, 0.12)],
            chance=0.125,
            axis="camera pan (frame widths)",
        ),
        ["camera pan (frame widths)", "accuracy (%)", "rgb", "rev2net", "chance"],
    ),
    "weight_maps": (
        lambda: plots.weight_maps(
            {"accuracy (%)": [[1.0, 2.0]]},
            flow_weights=[1],
            frame_weights=[0, 1],
            chosen=(0, 1),
            curves={"EPE (px)": {"chosen": [2, 1]}},
        ),
        ["flow weight", "frame weight", "accuracy (%)", "EPE (px)", "epoch"],
    ),
    "curves_over": (lambda: plots.curves_over([0, 1], {"loss": {"a": [2.0, 1.0]}}, x_label="training step"), ["step"]),
    "feature_pairs": (lambda: plots.feature_pairs(torch.eye(2), -torch.eye(2), limit=2), ["channel 0", "flow map"]),
    "penalty_over_training": (
        lambda: plots.penalty_over_training(
            PENALTY, reference=PENALTY, epoch=1, zero_flow_error_px=0.4, tests=accuracy_rows()
        ),
        ["epoch", "EPE (px)", "zero flow", "PSNR (dB)", "linear CKA", "accuracy (%)"],
    ),
    "penalty_price": (
        lambda: plots.penalty_price([PRICE], reference=PRICE, zero_flow_error_px=0.4),
        ["weight of the penalty", "EPE (px)", "PSNR (dB)", "linear CKA", "accuracy (%)"],
    ),
    "architecture": (
        lambda: plots.architecture(anatomy(Rev2Net(ModelConfig("rev2net", ("a", "b"))), frames=8, height=32, width=48)),
        ["level 3", "stage 1", "64 x 4 x 4 x 6", "parameters", "FLOPs of one clip", "sees t x h x w"],
    ),
    "kernel_slices": (lambda: plots.kernel_slices(torch.eye(3)[None]), ["Frame 0", "x (px)", "y (px)", "weight"]),
    "seen_part": (lambda: plots.seen_part(CLIP, [(0, 1), (2, 5), (0, 4)]), ["x (px)", "y (px)", "frame 0"]),
    "prediction_bars": (lambda: plots.prediction_bars([0.2, 0.5, 0.3], CLASSES), ["probability (%)", "class"]),
    "bias_lab": (
        lambda: plots.bias_lab({"studio": CLIP[:, :3].swapaxes(0, 1)}, {"studio": [TIE]}, chance=1 / 8),
        ["studio", "surface", "tie (0 to 1)", "class named from factor (%)"],
    ),
    "level_matrices": (
        lambda: plots.level_matrices({"": torch.eye(3)}, ["a", "b", "c"], CLASSES, level_label="look"),
        ["look", "class", "share of the row (%)"],
    ),
    "probe_bars": (
        lambda: plots.probe_bars({"studio": {"frozen": [0.8, 0.2]}}, ["right", "wrong"], n=5),
        ["studio", "frozen", "right", "wrong", "share of clips (%)"],
    ),
    "resampled_accuracy": (
        lambda: plots.resampled_accuracy({9: [0.3, 0.4]}, {9: (0.2, 0.6)}, value=0.4),
        ["9 clips", "accuracy (%)", "share of draws (%)", "Wilson"],
    ),
    "twin_effects": (
        lambda: plots.twin_effects({"shape": EFFECT}),
        ["shape", "share of clips (%)", "true class (points)", "prediction flips"],
    ),
    "twin_rows": (
        lambda: plots.twin_rows({"clip": CLIP}, {"clip": [0.2, 0.5, 0.3]}, CLASSES, truth={"clip": CLASSES[0]}),
        ["clip", "frame 0", "probability (%)", f"{CLASSES[0]} (true)"],
    ),
    "confusion_matrix": (
        lambda: plots.confusion_matrix(torch.eye(3), CLASSES),
        ["predicted class", "true class", "share of the true class (%)"],
    ),
    "accuracy_intervals": (lambda: plots.accuracy_intervals(accuracy_rows()), ["accuracy (%)"]),
    "paired_differences": (lambda: plots.paired_differences(difference_rows()), ["difference (percentage points)"]),
}


def words(figure: Figure) -> str:
    """Everything that is written in a figure."""
    texts = [text.get_text() for text in figure.findobj(matplotlib.text.Text)]
    return "\n".join(text for text in texts if text)


def pixels(png: bytes) -> np.ndarray:
    """As seen on a black page."""
    image = matplotlib.image.imread(io.BytesIO(png))
    return (image[..., :3] * image[..., 3:] * 255).round().astype(int)


def images(figure: Figure) -> list[np.ndarray]:
    return [np.asarray(image.get_array()) for axes in figure.axes for image in axes.images]


class Tags(HTMLParser):
    """The attributes of every img and video on a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("img", "video"):
            self.found.append(dict(attrs))


# --- Picture ---


def test_the_alt_text_is_escaped_and_comes_back_from_the_html():
    title = 'a "quoted" <b>title</b> & more'
    picture = plots.loss_curves({"flow": [2.0, 1.0]}, title=title)
    (tag,) = Tags(picture._repr_html_()).found
    assert tag["alt"] == picture.alt and title in picture.alt
    assert "<b>" not in picture._repr_html_()
    assert tag["src"].startswith("data:image/png;base64,iVBOR")
    assert "max-width:100%" in tag["style"] and "background:white" in tag["style"]


def test_alt_text_reaches_the_page_that_nbconvert_makes():
    nbformat = pytest.importorskip("nbformat")
    from IPython.core.formatters import DisplayFormatter
    from nbconvert import HTMLExporter

    picture = plots.paired_differences(difference_rows(), title="Gain <paired> & 'quoted'")
    data, _ = DisplayFormatter().format(picture)
    output = nbformat.v4.new_output("execute_result", data=data, execution_count=1)
    cell = nbformat.v4.new_code_cell("picture", outputs=[output], execution_count=1)
    page, _ = HTMLExporter().from_notebook_node(nbformat.v4.new_notebook(cells=[cell]))
    alts = [tag.get("alt") for tag in Tags(page).found]
    assert alts == [picture.alt]
    # A reader of plain text (a terminal, a diff) gets the words as well.
    assert picture.alt in eval(data["text/plain"].removeprefix("Picture(alt=").removesuffix(")"))


@pytest.mark.parametrize("name", EVERY)
def test_every_picture_is_white_small_and_labelled(name: str):
    make, labels = EVERY[name]
    picture = make()
    content = picture.png()
    image = pixels(content)
    for edge in (image[0], image[-1], image[:, 0], image[:, -1]):
        assert (edge == 255).all(), "something is cut at an edge"
    assert image.shape[1] <= 1200 and len(content) < 200_000
    assert len(picture.alt) > 40
    written = words(picture.figure)
    assert all(label in written for label in labels)


def test_every_function_is_among_them():
    others = {
        "AccuracyRow",
        "CalibrationRow",
        "Cards",
        "DifferenceRow",
        "PenaltyCurves",
        "PriceRow",
        "Picture",
        "MovingPicture",
        "finding_cards",
        "moving_picture",
        "Scrubber",
        "scrubber",
    }
    assert set(EVERY) == set(plots.__all__) - others


def test_nothing_is_left_behind_in_pyplot_or_in_memory():
    picture = plots.clip_strip(torch.zeros(3, 2, 8, 8))
    picture.png()
    left = weakref.ref(picture.figure)
    del picture
    gc.collect()
    assert left() is None
    code = "import rev2net_lite, sys; assert 'matplotlib' not in sys.modules; import rev2net_lite.plots as p; "
    code += "p.colour_wheel(max_px=1).png(); assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_users_matplotlib_settings_neither_change_a_picture_nor_are_changed():
    before = plots.loss_curves({"flow": [2.0, 1.0]}).png()
    with matplotlib.rc_context({"text.color": "white", "axes.facecolor": "black", "font.size": 30, "axes.grid": True}):
        assert plots.loss_curves({"flow": [2.0, 1.0]}).png() == before
        assert matplotlib.rcParams["font.size"] == 30


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_save_writes_the_kind_that_the_suffix_names(tmp_path: Path, suffix: str, start: bytes):
    picture = plots.loss_curves({"flow": [2.0, 1.0]})
    path = picture.save(tmp_path / f"loss{suffix}")
    assert path.read_bytes().startswith(start)
    assert stat.S_IMODE(path.stat().st_mode) & 0o044
    again = plots.loss_curves({"flow": [2.0, 1.0]}).save(tmp_path / f"again{suffix}")
    assert again.read_bytes() == path.read_bytes()


def test_a_png_file_carries_its_description(tmp_path: Path):
    image = pytest.importorskip("PIL.Image")
    picture = plots.colour_wheel(max_px=2)
    assert image.open(picture.save(tmp_path / "wheel.png")).text["Description"] == picture.alt


def test_a_failed_save_leaves_the_old_file_and_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "wheel.png"
    path.write_bytes(b"old")

    def fail(_self: Path, _target: Path) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        plots.colour_wheel(max_px=2).save(path)
    assert path.read_bytes() == b"old" and [p.name for p in tmp_path.iterdir()] == ["wheel.png"]


def test_save_refuses_an_unknown_kind(tmp_path: Path):
    with pytest.raises(ValueError, match=r"wheel.gif; a picture is saved as .png, .svg or .pdf: change its ending"):
        plots.colour_wheel(max_px=2).save(tmp_path / "wheel.gif")


def test_arguments_are_not_edited():
    clip, flow = moving_square(1, 2)
    kept = clip.clone(), flow.clone()
    plots.reconstruction(clip, clip, flow, flow)
    plots.flow_comparison(clip[:, 0], clip[:, 1], flow[:, 0], flow[:, 1])
    plots.error_map(flow[1, 0])
    assert torch.equal(clip, kept[0]) and torch.equal(flow, kept[1])


def test_numpy_bfloat16_gradients_and_read_only_arrays_are_drawn_alike():
    clip, flow = moving_square(1, 2)
    frozen = flow.numpy().copy()
    frozen.flags.writeable = False
    expected = images(plots.flow_strip(flow, arrows=False).figure)
    flipped = flow.numpy()[:, :, ::-1].copy()[:, :, ::-1]
    for same in (frozen, flipped, flow.bfloat16(), flow.clone().requires_grad_(), flow.tolist()):
        shown = images(plots.flow_strip(same, arrows=False).figure)
        assert all(np.array_equal(a, b) for a, b in zip(shown, expected, strict=True))
    as_bytes = images(plots.clip_strip((clip * 255).round().to(torch.uint8)).figure)
    assert all(np.array_equal(a, b) for a, b in zip(images(plots.clip_strip(clip).figure), as_bytes, strict=True))


# --- clips ---


def test_clip_strip_shows_first_and_last_frame_in_order():
    clip = torch.linspace(0, 1, 10)[None, :, None, None].expand(3, 10, 4, 4)
    picture = plots.clip_strip(clip, count=4)
    levels = [int(image[0, 0, 0]) for image in images(picture.figure)]
    assert levels == [0, 85, 170, 255]
    assert "4 of 10 frames (0, 3, 6, 9) of a clip of 4 x 4 px" in picture.alt
    assert "mean brightness 0.50 of 1, mean change from frame to frame 0.111" in picture.alt
    assert "frame 9" in words(picture.figure)


def test_clip_strip_with_times_says_seconds():
    picture = plots.clip_strip(torch.zeros(3, 3, 4, 4), times_s=[0.0, 0.04, 0.5], title="Still")
    assert "0.04 s" in words(picture.figure) and "frame 1" not in words(picture.figure)
    assert picture.alt.startswith("Still. ") and picture.alt.endswith("from 0.00 to 0.50 s.")
    assert "Still" in words(picture.figure)


def test_pixels_of_a_small_clip_are_not_blurred():
    clip = torch.zeros(3, 1, 2, 2, dtype=torch.uint8)
    clip[:, :, :, 1] = 250
    levels = set(np.unique(pixels(plots.clip_strip(clip).png())[60:-90, 90:-30]).tolist())
    assert {0, 250} <= levels and not [level for level in levels if 20 < level < 150]


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        (torch.zeros(1, 3, 4, 8, 8), r"clip has shape \(1, 3, 4, 8, 8\) with 5 axes; '3 t h w' has 4"),
        (torch.full((3, 1, 2, 2), 255.0), r"clip has values from 255 to 255; floats should be in \[0, 1\]"),
        (torch.full((3, 1, 2, 2), -0.5), r"clip has values from -0.5 to -0.5"),
        (torch.zeros(3, 1, 2, 2, dtype=torch.int64), r"clip has dtype torch.int64; it should be uint8, or float"),
        (torch.full((3, 1, 2, 2), torch.nan), r"clip has 12 of 12 values that are not finite"),
        (torch.zeros(3, 0, 2, 2), r"clip has shape \(3, 0, 2, 2\), which holds no value"),
    ],
)
def test_clip_strip_refuses(clip: Tensor, message: str):
    with pytest.raises(ValueError, match=message):
        plots.clip_strip(clip)


def test_clip_strip_refuses_a_count_below_one_and_missing_times():
    with pytest.raises(ValueError, match="count is 0; it should be at least 1"):
        plots.clip_strip(torch.zeros(3, 2, 4, 4), count=0)
    with pytest.raises(ValueError, match="times_s has 1 values for 2 frames; pass one time per frame"):
        plots.clip_strip(torch.zeros(3, 2, 4, 4), times_s=[0.0])


def test_clip_rows_shows_each_clip_at_the_same_steps():
    picture = plots.clip_rows({"studio": torch.zeros(3, 6, 4, 4), "street": torch.ones(3, 6, 4, 4)}, count=3)
    assert [int(image.max()) for image in images(picture.figure)] == [0, 0, 0, 255, 255, 255]
    assert "3 of 6 frames (0, 2, 5) of 2 clips, one row each (studio, street), of 4 x 4 px." in picture.alt


def test_clip_rows_refuses():
    with pytest.raises(ValueError, match="clips is empty; pass at least one clip"):
        plots.clip_rows({})
    message = "clip b has 2 frames of 4 x 8 px, the first has 3 frames of 4 x 8 px; resize them to one size"
    with pytest.raises(ValueError, match=message):
        plots.clip_rows({"a": torch.zeros(3, 3, 8, 4), "b": torch.zeros(3, 2, 8, 4)})


# --- flow ---


@pytest.mark.parametrize(
    ("dx", "dy", "direction"), [(3, 0, "right"), (0, 3, "down"), (-3, 0, "left"), (3, -3, "right and up")]
)
def test_flow_strip_names_the_direction_and_points_there(dx: int, dy: int, direction: str):
    flow = torch.zeros(2, 1, 64, 64)
    flow[:, 0, 22:29, 22:29] = torch.tensor([float(dx), float(dy)])[:, None, None]
    picture = plots.flow_strip(flow)
    assert f"mostly {direction}. The colour wheel ends at" in picture.alt
    # The one arrow (the square fills one cell) as it is drawn: its head is wider than its shaft, so its pixels lie
    # towards its tip.
    axes, image = picture.figure.axes[0], pixels(picture.png())
    left, bottom, wide, tall = axes.get_position().bounds
    height, width = image.shape[:2]
    panel = image[round((1 - bottom - tall) * height) + 3 : round((1 - bottom) * height) - 3]
    rows, columns = np.nonzero((panel[:, round(left * width) + 3 : round((left + wide) * width) - 3] < 60).all(axis=2))
    assert len(rows) > 20
    lean = (columns.mean() - (columns.min() + columns.max()) / 2, rows.mean() - (rows.min() + rows.max()) / 2)
    assert [int(np.sign(x)) if abs(x) > 0.7 else 0 for x in lean] == [np.sign(dx), np.sign(dy)]


def test_flow_strip_colours_are_those_of_the_wheel():
    _, flow = moving_square(1, 2)
    picture = plots.flow_strip(flow, max_px=4.0)
    expected = flow_to_rgb(flow.transpose(0, 1), max_px=4.0).permute(0, 2, 3, 1).numpy()
    assert all((image == step).all() for image, step in zip(images(picture.figure)[:4], expected, strict=True))
    assert "4 px/frame" in words(picture.figure)
    assert "mean speed 0.10 px/frame, largest 2.24, mostly right and down" in picture.alt


def test_flow_strip_scale_covers_the_fastest_pixel_and_is_stated():
    flow = torch.zeros(2, 1, 8, 8)
    flow[0, 0, 0, 0] = 2.6
    assert plots.flow_strip(flow).alt.endswith("The colour wheel ends at 3 px/frame.")
    assert "no motion. The colour wheel ends at 1 px/frame." in plots.flow_strip(torch.zeros(2, 1, 8, 8)).alt


def test_flow_strip_says_that_a_spin_has_no_common_direction():
    y, x = torch.meshgrid(torch.arange(9.0) - 4, torch.arange(9.0) - 4, indexing="ij")
    assert "no common direction" in plots.flow_strip(torch.stack([-y, x])[:, None]).alt


def test_arrows_stand_on_a_small_object_that_no_grid_point_hits_and_can_be_left_out():
    flow = torch.zeros(2, 1, 64, 64)
    flow[1, 0, 20:26, 33:38] = 2.0

    def arrows(picture: Picture) -> list[Quiver]:
        return [item for item in picture.figure.axes[0].collections if isinstance(item, Quiver)]

    (drawn,) = arrows(plots.flow_strip(flow))
    assert all(33 <= x <= 37 and 20 <= y <= 25 for x, y in drawn.get_offsets())
    assert arrows(plots.flow_strip(flow, arrows=False)) == []
    assert arrows(plots.flow_strip(torch.zeros(2, 1, 64, 64))) == []


def test_flow_strip_stands_under_its_clip():
    clip, flow = moving_square(1, 2)
    picture = plots.flow_strip(flow, clip=clip, count=2, times_s=[0, 0.1, 0.2, 0.3, 0.4])
    shown = images(picture.figure)
    assert (shown[1][16, 18] == [255, 128, 0]).all()  # the square in frame 3
    assert "0.30 s" in words(picture.figure)
    with pytest.raises(ShapeError, match="axis 't' of '3 t h w' should be 5, not 4"):
        plots.flow_strip(flow, clip=clip[:, :4])


def test_flow_strip_refuses():
    with pytest.raises(ShapeError, match=r"flow has shape \(3, 1, 4, 4\); axis '2' of '2 t h w' should be 2, not 3"):
        plots.flow_strip(torch.zeros(3, 1, 4, 4))
    with pytest.raises(ValueError, match="flow has 32 of 32 values that are not finite"):
        plots.flow_strip(torch.full((2, 1, 4, 4), torch.inf))
    with pytest.raises(ValueError, match="max_px is 0; it should be a positive speed in px/frame, or None"):
        plots.flow_strip(torch.zeros(2, 1, 4, 4), max_px=0)


def test_the_wheel_has_the_colours_of_flow_to_rgb():
    picture = plots.colour_wheel(max_px=4.0)
    (wheel,) = images(picture.figure)
    middle, last = wheel.shape[0] // 2, wheel.shape[0] - 1
    for dx, dy, row, column in ((1, 0, middle, last), (0, 1, last, middle), (-1, 0, middle, 0), (0, -1, 0, middle)):
        expected = flow_to_rgb(torch.tensor([4.0 * dx, 4.0 * dy]).view(2, 1, 1), max_px=4.0).flatten()
        assert wheel[row, column].tolist() == expected.tolist()
    assert wheel[middle, middle].tolist() == [255, 255, 255] and wheel[0, 0].tolist() == [255, 255, 255]
    assert "4 px/frame at the rim" in picture.alt and "right is red, down is yellow" in picture.alt
    # Where they are drawn: yellow lies in the lower half of the wheel, blue in the upper.
    image = pixels(picture.png())
    yellow, blue = (
        (abs(image - colour) < 40).all(axis=2).nonzero()[0].mean() for colour in ([255, 230, 0], [40, 0, 255])
    )
    assert blue < yellow
    written = {text.get_text(): text.get_position() for text in picture.figure.axes[0].texts}
    assert written["right"][0] > 0 > written["left"][0] and written["down"][1] > 0 > written["up"][1]
    assert picture.figure.axes[0].get_ylim() == (1, -1), "down is below"


def test_the_wheel_refuses_a_rim_without_a_speed():
    with pytest.raises(ValueError, match="max_px is nan; it should be a positive speed"):
        plots.colour_wheel(max_px=float("nan"))


def test_reconstruction_has_one_scale_for_both_flows_and_the_callers_numbers():
    clip, flow = moving_square(2, 0)
    picture = plots.reconstruction(
        clip,
        clip - 0.5,
        flow,
        2 * flow,
        target_name="TV-L1 flow",
        psnr_db=24.13,
        flow_error_px=0.314,
        zero_flow_error_px=0.52,
        count=2,
    )
    shown = images(picture.figure)
    scaled = flow_to_rgb(torch.stack([flow[:, 0], 2 * flow[:, 0]]), max_px=4.0).permute(0, 2, 3, 1).numpy()
    assert (shown[4] == scaled[0]).all() and (shown[6] == scaled[1]).all()
    assert shown[2].min() == 0, "negative outputs are shown as black"
    written = words(picture.figure)
    for number in ("PSNR 24.1 dB", "EPE 0.31 px", "zero flow 0.52 px", "TV-L1 flow"):
        assert number in written
    for number in ("24.1 dB", "0.31 px", "0.52 px", "wheel that ends at 4 px/frame", "largest 2.00", "largest 4.00"):
        assert number in picture.alt
    plain = plots.reconstruction(clip, clip, flow, flow)
    assert "PSNR" not in words(plain.figure) and "EPE" not in plain.alt


def test_reconstruction_refuses_shapes_that_do_not_fit():
    clip, flow = moving_square(2, 0)
    with pytest.raises(
        ShapeError, match=r"frames has shape \(3, 4, 24, 32\); axis 't' of '3 t h w' should be 5, not 4"
    ):
        plots.reconstruction(clip, clip[:, :4], flow, flow)
    with pytest.raises(
        ShapeError, match=r"flow has shape \(2, 4, 12, 32\); axis 'h' of '2 t h w' should be 24, not 12"
    ):
        plots.reconstruction(clip, clip, flow, flow[:, :, :12])
    with pytest.raises(ShapeError, match=r"flow_target has shape .* axis 't' of '2 t h w' should be 4, not 3"):
        plots.reconstruction(clip, clip, flow[:, :3], flow)


def test_flow_comparison_shares_the_scale_and_says_the_epe():
    clip, flow = moving_square(2, 0)
    target, estimate = flow[:, 0], flow[:, 0].clone()
    estimate[1] += 1.0
    picture = plots.flow_comparison(clip[:, 0], clip[:, 1], target, estimate, flow_name="TV-L1 flow", max_px=5.0)
    assert "EPE 1.00 px, largest 1.00 px" in picture.alt and "exact flow and TV-L1 flow" in picture.alt
    shown = images(picture.figure)
    scaled = flow_to_rgb(torch.stack([target, estimate]), max_px=5.0).permute(0, 2, 3, 1).numpy()
    assert (shown[3] == scaled[0]).all() and (shown[4] == scaled[1]).all()
    assert {"endpoint error (px)", "5 px/frame", "TV-L1 flow"} <= set(words(picture.figure).split("\n"))
    assert "mostly right" in picture.alt.split("Exact flow: ")[1]


def test_flow_comparison_refuses():
    clip, flow = moving_square(2, 0)
    with pytest.raises(ShapeError, match=r"second has shape .* axis 'w' of '3 h w' should be 32, not 16"):
        plots.flow_comparison(clip[:, 0], clip[:, 1, :, :16], flow[:, 0], flow[:, 0])
    with pytest.raises(ShapeError, match=r"target has shape .* axis 'h' of '2 h w' should be 24, not 12"):
        plots.flow_comparison(clip[:, 0], clip[:, 1], flow[:, 0, :12], flow[:, 0])
    with pytest.raises(ValueError, match="the largest error shown is -1; it should be a positive number, or None"):
        plots.flow_comparison(clip[:, 0], clip[:, 1], flow[:, 0], flow[:, 0], max_error_px=-1)


def test_error_map_leaves_unknown_pixels_grey_and_out_of_the_mean():
    error = torch.full((4, 5), 2.0)
    error[:, 0] = torch.nan
    picture = plots.error_map(error, name="photometric error", unit="grey levels", max_error=4.0)
    assert "mean 2 grey levels, largest 2 grey levels; 20 % of the pixels have no value and are grey" in picture.alt
    assert "photometric error (grey levels)" in words(picture.figure)
    (image,) = picture.figure.axes[0].images
    assert image.get_clim() == (0.0, 4.0)
    first, other = (image.cmap(image.norm(image.get_array()))[0, column, :3] for column in (0, 1))
    assert np.ptp(first) == 0 and 0.5 < first[0] < 0.7 and np.ptp(other) > 0.2
    assert "no pixel has a value" in plots.error_map(torch.full((2, 2), torch.nan)).alt


def test_error_map_refuses():
    with pytest.raises(ValueError, match="error has values down to -1; errors are 0 or more"):
        plots.error_map(torch.tensor([[-1.0, 2.0]]))
    with pytest.raises(ValueError, match="error has 1 of 2 values that are not finite"):
        plots.error_map(torch.tensor([[torch.inf, 2.0]]))
    with pytest.raises(ValueError, match="the largest error shown is 0; it should be a positive number"):
        plots.error_map(torch.ones(2, 2), max_error=0)


# --- moving pictures ---


def test_moving_picture_is_a_player_with_its_words(tmp_path: Path):
    content = b"\0\0\0\x18ftypmp42" + b"\0" * 20
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    for video in (content, path, str(path)):
        moving = plots.moving_picture(video, alt='A square "falls" & <stops>', width_px=200)
        (tag,) = Tags(moving._repr_html_()).found
        assert tag["aria-label"] == 'A square "falls" & <stops>'
        assert {"controls", "loop", "muted", "playsinline"} <= set(tag) and "autoplay" not in tag
        assert tag["src"].startswith("data:video/mp4;base64,AAAAGGZ0eXBtcDQy")
        assert "width:200px;max-width:100%" in tag["style"]


def test_moving_picture_refuses(tmp_path: Path):
    path = tmp_path / "clip.gif"
    path.write_bytes(b"GIF89a....")
    with pytest.raises(
        ValueError, match=r"clip.gif starts with b'GIF89a..', which is no mp4 file; write it with write_"
    ):
        plots.moving_picture(path, alt="x")
    good = b"\0\0\0\x18ftypmp42"
    with pytest.raises(ValueError, match="alt is empty; say in a sentence what the video shows"):
        plots.moving_picture(good, alt=" ")
    with pytest.raises(ValueError, match="width_px is 0; it should be at least 1"):
        plots.moving_picture(good, alt="x", width_px=0)


# --- curves ---


def test_loss_curves_have_a_panel_per_term_with_weight_and_numbers():
    picture = plots.loss_curves(
        {"classification": [2.1, 1.0, 0.125], "flow": [1.0, 0.8, 0.5]},
        validation={"flow": [1.1, float("nan"), 0.75]},
        weights={"flow": 2.0},
    )
    assert "3 epochs" in picture.alt and "classification: training from 2.1 to 0.125." in picture.alt
    assert "flow (weight 2): training from 1 to 0.5, validation from 1.1 to 0.75." in picture.alt
    assert [axes.get_title() for axes in picture.figure.axes] == ["classification", "flow (weight 2)"]
    for axes in picture.figure.axes:
        assert axes.get_xlabel() == "epoch" and axes.get_ylabel() == "loss" and axes.get_ylim()[0] == 0
    training, validation = picture.figure.axes[1].lines
    assert validation.get_xdata().tolist() == [1, 3]
    assert training.get_color() != validation.get_color() and training.get_marker() != validation.get_marker()
    assert training.get_linestyle() != validation.get_linestyle()
    assert [text.get_text() for text in picture.figure.legends[0].get_texts()] == ["training", "validation"]


def test_loss_curves_show_negative_losses_and_a_single_epoch():
    assert plots.loss_curves({"total": [0.5, -1.0]}).figure.axes[0].get_ylim()[0] < -1
    assert "over 1 epochs" in plots.loss_curves({"total": [0.0]}).alt


def test_loss_curves_refuse():
    with pytest.raises(ValueError, match="training is empty; pass at least one series"):
        plots.loss_curves({})
    with pytest.raises(ValueError, match="validation has fow; the terms of training are flow"):
        plots.loss_curves({"flow": [1.0]}, validation={"fow": [1.0]})
    with pytest.raises(ValueError, match="weights has frame; the terms of training are flow"):
        plots.loss_curves({"flow": [1.0]}, weights={"frame": 1.0})
    with pytest.raises(ValueError, match=r"different lengths \(flow training: 1, frame training: 2\)"):
        plots.loss_curves({"flow": [1.0], "frame": [1.0, 2.0]})
    with pytest.raises(ValueError, match="training flow has 1 of 2 values that are not finite"):
        plots.loss_curves({"flow": [1.0, float("nan")]})
    with pytest.raises(ValueError, match=r"training flow has shape \(0,\), which holds no value"):
        plots.loss_curves({"flow": []})


def test_discrepancy_curves_stand_beside_what_tells_agreement_from_collapse():
    curves = {"a": [1.0, 0.5], "b": [1.0, 1.5]}
    picture = plots.discrepancy_curves(
        curves,
        cka={"a": [0.1, 0.94], "b": [0.1, 0.2]},
        flow_error_px=curves,
        zero_flow_error_px=0.52,
        psnr_db={"a": [12.0, 23.0], "b": [12.0, 24.0]},
        accuracy={"a": [0.125, 0.94], "b": [0.125, 0.93]},
    )
    assert [axes.get_ylabel() for axes in picture.figure.axes] == [
        "discrepancy",
        "linear CKA",
        "EPE (px)",
        "PSNR (dB)",
        "accuracy (%)",
    ]
    assert picture.figure.axes[1].get_ylim() == (0, 1.04) and picture.figure.axes[4].get_ylim() == (0, 104)
    assert picture.figure.axes[4].lines[0].get_ydata().tolist() == [12.5, 94.0]
    assert "linear CKA of the decoders: a from 0.1 to 0.94, b from 0.1 to 0.2." in picture.alt
    assert "flow error in px: a from 1 to 0.5, b from 1 to 1.5; zero flow 0.52." in picture.alt
    assert "accuracy in %: a from 12.5 to 94, b from 12.5 to 93." in picture.alt
    assert "zero flow" in words(picture.figure)


def test_discrepancy_curves_refuse():
    with pytest.raises(ValueError, match="cka came without all of flow_error_px, psnr_db and accuracy"):
        plots.discrepancy_curves([1.0], cka=[0.5], flow_error_px=[1.0], psnr_db=[20.0])
    with pytest.raises(ValueError, match="zero_flow_error_px came without flow_error_px"):
        plots.discrepancy_curves([1.0], zero_flow_error_px=0.5)
    with pytest.raises(ValueError, match=r"accuracy has values from 12.5 to 94; they should be fractions in \[0, 1\]"):
        plots.discrepancy_curves([1.0, 1.0], accuracy=[12.5, 94.0])
    with pytest.raises(ValueError, match="discrepancy is empty"):
        plots.discrepancy_curves({})


# --- predictions and accuracies ---


def test_prediction_bars_are_sorted_and_mark_the_truth():
    picture = plots.prediction_bars(
        {"with decoders": [0.2, 0.5, 0.3], "without": np.array([0.1, 0.6, 0.3])}, CLASSES, truth="rise", top=2
    )
    axes = picture.figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["fall", "rise (true)"]
    widths = [round(bar.get_width(), 6) for bar in axes.patches]
    assert widths == [50.0, 20.0, 60.0, 10.0]
    assert axes.patches[0].get_hatch() != axes.patches[2].get_hatch()
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "the most probable class stands on top"
    assert "with decoders: fall 50.0 %, spin 30.0 %, rise 20.0 %." in picture.alt
    assert picture.alt.endswith("; the true class is rise.")


def test_prediction_bars_refuse():
    with pytest.raises(ShapeError, match=r"probabilities has shape \(2,\); axis 'k' of 'k' should be 3, not 2"):
        plots.prediction_bars([0.5, 0.5], CLASSES)
    with pytest.raises(ValueError, match=r"probabilities a run from -1 to 2 with sum 2; .* apply softmax to logits"):
        plots.prediction_bars({"a": [-1.0, 1.0, 2.0]}, CLASSES)
    with pytest.raises(ValueError, match="truth is 'grow'; the classes are rise, fall, spin"):
        plots.prediction_bars([0.2, 0.5, 0.3], CLASSES, truth="grow")
    with pytest.raises(ValueError, match="top is 0; it should be at least 1"):
        plots.prediction_bars([0.2, 0.5, 0.3], CLASSES, top=0)
    with pytest.raises(ValueError, match="probabilities is empty; pass those of at least one model"):
        plots.prediction_bars({}, CLASSES)
    with pytest.raises(ValueError, match="classes is 'abc'; it should be a list of names"):
        plots.prediction_bars([0.2, 0.5, 0.3], "abc")


def test_confusion_matrix_colours_rows_and_writes_counts():
    counts = np.array([[8, 2, 0], [1, 3, 0], [0, 0, 0]])
    picture = plots.confusion_matrix(counts, CLASSES)
    share = images(picture.figure)[0]
    assert share[:2].tolist() == [[80.0, 20.0, 0.0], [25.0, 75.0, 0.0]]
    assert np.ma.getmaskarray(picture.figure.axes[0].images[0].get_array())[2].all()
    assert "14 clips, 78.6 % of them right. Best class: rise (80 %); worst: fall (75 %)." in picture.alt
    assert "Most often confused: rise taken for fall, 2 of 10 clips." in picture.alt
    axes = picture.figure.axes[0]
    written = {(text.get_position()): text.get_text() for text in axes.texts}
    # x is the predicted class, y the true one
    assert written[0, 0] == "8" and written[1, 0] == "2" and written[0, 1] == "1" and written[1, 2] == "no clips"
    assert axes.get_xlabel() == "predicted class" and axes.get_ylabel() == "true class"
    assert "confused" not in plots.confusion_matrix(np.eye(3), CLASSES).alt


def test_confusion_matrix_of_many_classes_leaves_the_counts_out():
    picture = plots.confusion_matrix(np.eye(51), [f"c{i}" for i in range(51)])
    assert not picture.figure.axes[0].texts and picture.figure.get_size_inches()[0] < 11


def test_confusion_matrix_refuses():
    with pytest.raises(ShapeError, match=r"counts has shape \(2, 3\); axis 'k' of 'k k' should be 3, not 2"):
        plots.confusion_matrix(np.zeros((2, 3)), CLASSES)
    for bad in (np.eye(3) * 0.5, -np.eye(3), np.zeros((3, 3))):
        with pytest.raises(ValueError, match="counts are not numbers of clips; pass whole numbers of 0 or more"):
            plots.confusion_matrix(bad, CLASSES)
    with pytest.raises(ValueError, match=r"classes is \[0, 1, 2\]; it should be a list of names"):
        plots.confusion_matrix(np.eye(3), [0, 1, 2])  # type: ignore[list-item]


def test_accuracy_intervals_share_one_scale_and_keep_a_models_mark():
    picture = plots.accuracy_intervals(accuracy_rows()[:3], chance=0.125, n_of="test clips")
    source, target = picture.figure.axes
    assert source.get_xlim() == target.get_xlim() == (0, 100)
    assert source.get_title() == "source\nn = 1,280 test clips"
    marks = [[line for line in axes.lines if line.get_marker() not in ("None", "|")] for axes in (source, target)]
    assert marks[0][0].get_xdata()[0] == pytest.approx(96.4) and marks[0][0].get_marker() != marks[0][1].get_marker()
    assert marks[0][0].get_marker() == marks[1][0].get_marker() and marks[0][0].get_color() == marks[1][0].get_color()
    (low, high) = source.containers[0].lines[1]
    assert (low.get_xdata()[0], high.get_xdata()[0]) == pytest.approx((91.4, 98.4))
    assert any(line.get_xdata()[0] == 12.5 for line in source.lines)
    assert "source: rgb 96.4 % (91.4 to 98.4, n = 1280 test clips); rev2net 97.7 %" in picture.alt
    assert picture.alt.endswith("Chance is 12.5 %.")
    assert "not measured" in [text.get_text() for text in target.texts]
    assert "Chance" not in plots.accuracy_intervals(accuracy_rows()).alt


def test_a_single_seed_has_a_dot_without_an_interval():
    row = AccuracyRow(model="rgb", split="source", mean=1.0, low=None, high=None, n=1)
    picture = plots.accuracy_intervals([row], n_of="seed")
    assert "rgb 100.0 % (no interval, n = 1 seed)" in picture.alt and not picture.figure.axes[0].containers
    difference = DifferenceRow(label="a - b", difference=0.0, low=None, high=None, n=1)
    picture = plots.paired_differences([difference])
    assert "a - b: +0 (n = 1 seeds), no interval." in picture.alt and not picture.figure.axes[0].containers


def test_accuracy_intervals_refuse():
    row = accuracy_rows()[0]
    for rows, message in (
        ([], "rows is empty; pass at least one row with model, split, mean, low, high, n"),
        ([row, row], "rgb on source stands in rows twice; pass one row for each"),
        ([{"model": "rgb"}], "a row has model; split, mean, low, high, n should be there too"),
        (
            [{**row, "mean": 96.4, "high": 99}],
            "the row of rgb, source has values from 96.4 to 96.4; they should be fractions",
        ),
        ([{**row, "low": None}], "the interval of rgb runs from None to 0.984; give both ends, or None for both"),
        (
            [{**row, "low": 0.97}],
            "the interval of rgb runs from 0.97 to 0.984 and its mean is 0.964; the interval should",
        ),
        ([{**row, "high": float("inf")}], "the interval of rgb runs from 0.914 to inf"),
        ([{**row, "n": 0}], "n of rgb is 0; it should be at least 1"),
    ):
        with pytest.raises(ValueError, match=message):
            plots.accuracy_intervals(rows)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"chance has values from 12.5 to 12.5; they should be fractions"):
        plots.accuracy_intervals([row], chance=12.5)


def test_paired_differences_show_zero_and_which_intervals_hold_it():
    picture = plots.paired_differences(difference_rows())
    assert "Rev2Net - RGB: +9.7 (+4.8 to +14.6, n = 5 seeds), above 0." in picture.alt
    assert "Rev2Net - multi-task: +0.9 (-1.5 to +3.3, n = 5 seeds), the interval holds 0." in picture.alt
    (axes,) = picture.figure.axes
    assert sum(axes.get_xlim()) == pytest.approx(0), "zero stands in the middle"
    assert any(list(line.get_xdata()) == [0, 0] for line in axes.lines)
    clear, open_ = (line.get_markerfacecolor() for line in axes.lines if line.get_marker() == "o")
    assert clear != "white" and open_ == "white"


def test_paired_differences_in_another_unit_are_not_scaled():
    rows = [DifferenceRow(label="a", difference=-3.0, low=-4.0, high=-2.0, n=7)]
    picture = plots.paired_differences(rows, unit="px", n_of="clips")
    assert "in px" in picture.alt and "a: -3 (-4 to -2, n = 7 clips), below 0." in picture.alt
    assert "difference (px)" in words(picture.figure)


def test_paired_differences_refuse():
    row = difference_rows()[0]
    for rows, message in (
        ([], "rows is empty; pass at least one row with label, difference, low, high, n"),
        (
            [{**row, "difference": 9.7, "high": 14.6}],
            "the difference of Rev2Net - RGB is 9.7; without a unit it is one of",
        ),
        ([{**row, "low": 0.2}], "the interval of Rev2Net - RGB runs from 0.2 to 0.146 and its difference is 0.097"),
        ([{**row, "n": 0}], "n of Rev2Net - RGB is 0"),
    ):
        with pytest.raises(ValueError, match=message):
            plots.paired_differences(rows)  # type: ignore[arg-type]


def test_a_curve_without_a_name_is_not_in_the_key():
    picture = plots.discrepancy_curves(
        [3.0, 1.0],
        cka={"stage 0": [0.5, 0.9], "stage 1": [0.4, 0.8]},
        flow_error_px=[0.5, 0.2],
        psnr_db=[20.0, 25.0],
        accuracy=[0.5, 0.9],
    )
    (key,) = picture.figure.legends
    assert [text.get_text() for text in key.get_texts()] == ["stage 0", "stage 1"]


def test_a_dollar_sign_in_a_name_is_a_dollar_sign():
    names = ["$$", "a$b$c", "x_^{", "<b>"]
    picture = plots.confusion_matrix(torch.eye(4, dtype=torch.long), names, title="$$ of $x")
    assert picture.png().startswith(b"\x89PNG")
    plots.clip_rows(dict.fromkeys(names, CLIP), title="$a").png()
    shown = [text.get_text() for text in picture.figure.findobj(Text)]
    assert set(names) <= set(shown)
