"""Numbers that are no numbers stop with their place; the same seed gives the same bits; extremes stay finite."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from rev2net_lite import training
from rev2net_lite.checkpoints import load_state
from rev2net_lite.datasets import ClipDataset, Example, SyntheticWorld
from rev2net_lite.evaluation import accuracy, evaluate, linear_cka, psnr
from rev2net_lite.flow import (
    endpoint_error,
    flow_to_rgb,
    inside_frame,
    photometric_error,
    read_flo,
    resize_flow,
    warp,
    write_flo,
)
from rev2net_lite.losses import LossConfig, LossWeights, decoding_discrepancy, flow_loss, loss_terms
from rev2net_lite.models import SYSTEMS, Model, ModelOutput, build_model
from rev2net_lite.training import History, TrainConfig, TrainingError, fit
from rev2net_lite.tvl1 import clip_flow, tvl1_flow

QUICK = TrainConfig(epochs=2, batch_size=8)


def trained(
    data: ClipDataset,
    name: str = "rev2net",
    *,
    config: TrainConfig = QUICK,
    validation: ClipDataset | None = None,
    folder: Path | None = None,
    device: str = "cpu",
) -> tuple[Model, History]:
    model = build_model(name, classes=data.classes, dropout=0.2, seed=0)
    history = fit(model, data, config=config, validation=validation, folder=folder, device=device, progress=False)
    return model, history


def with_flow(data: ClipDataset, index: int, value: float) -> ClipDataset:
    """The split with one number of one clip's flow replaced, as a damaged file or solver would have it."""
    made = replace(data).prepare()
    assert made._flows is not None
    made._flows = made._flows.clone()
    made._flows[index, 1, 2, 3, 4] = value
    return made


def few(world: SyntheticWorld) -> ClipDataset:
    """Two clips of each class: two steps."""
    return world.train.subset(range(0, 32, 2)).prepare()


# nan and infinity


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("name", ["rev2net", "flow", "two_stream"])
def test_flow_that_is_no_number_is_refused_with_its_clip(name: str, value: float, world: SyntheticWorld) -> None:
    broken = with_flow(world.train, 5, value)
    path = world.train.examples[5].path
    with pytest.raises(TrainingError, match=rf"the flow of {path} holds values that are nan or infinite; leave the"):
        trained(broken, name)
    trained(broken, "rgb")  # looks at no flow


def test_a_clip_beyond_those_that_the_scale_is_taken_from_is_named_too(
    world: SyntheticWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = with_flow(world.train, 5, math.inf)
    monkeypatch.setattr(training, "_set_flow_scale", lambda *_: None)
    file = world.train.examples[5].path.name
    message = rf"the loss is not finite: flow at epoch 1, step \d, since the flow of {file} holds values that are nan"
    with pytest.raises(TrainingError, match=message):
        trained(broken, folder=tmp_path)
    assert not (tmp_path / "training.json").exists()


def test_validation_that_is_no_number_is_told_and_not_kept(world: SyntheticWorld, tmp_path: Path) -> None:
    broken = with_flow(world.validation, 2, math.nan)
    message = (
        "validation_flow_error_px, .* on split 'validation' is not finite after epoch 1; look for clips whose flow"
    )
    with pytest.raises(TrainingError, match=message):
        trained(few(world), validation=broken, folder=tmp_path)
    assert not (tmp_path / "training.json").exists()


class Poison(torch.autograd.Function):
    """The identity, whose gradient is not a number."""

    @staticmethod
    def forward(_: object, value: Tensor) -> Tensor:
        return value.clone()

    @staticmethod
    def backward(_: object, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return gradient * math.nan


@pytest.mark.parametrize("term", ["classification", "flow", "frame", "discrepancy"])
def test_a_gradient_that_is_no_number_stops_with_its_term_step_and_clips(
    term: str, world: SyntheticWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = training.loss_terms, []

    def poisoned(*arguments: object, **options: object) -> dict[str, Tensor]:
        terms = real(*arguments, **options)  # type: ignore[arg-type]
        calls.append(1)
        if len(calls) > 2:
            terms[term] = Poison.apply(terms[term])
        return terms

    monkeypatch.setattr(training, "loss_terms", poisoned)
    message = rf"gradient is not finite: {term} at epoch 2, step 1, in the batch with (\w+\.mp4, ){{7}}\w+\.mp4; lower"
    with pytest.raises(TrainingError, match=message):
        trained(few(world), folder=tmp_path)
    assert len(load_state(tmp_path, "training")[1]["history"]) == 1
    if term == "flow":
        monkeypatch.undo()
        again, whole = trained(few(world), folder=tmp_path)[0], trained(few(world))[0]
        assert equal(again, whole), "the last good state went on"


def test_a_gradient_stops_before_it_reaches_the_weights(world: SyntheticWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    real = training.loss_terms
    monkeypatch.setattr(training, "loss_terms", lambda *a, **o: {k: Poison.apply(v) for k, v in real(*a, **o).items()})
    model = build_model("rgb", classes=world.train.classes, seed=0)
    with pytest.raises(TrainingError, match="the gradient is not finite: classification at epoch 1, step 1"):
        fit(model, world.train, config=QUICK, device="cpu", progress=False)
    fresh = dict(build_model("rgb", classes=world.train.classes, seed=0).named_parameters())
    assert all(torch.equal(parameter, fresh[name]) for name, parameter in model.named_parameters())


def test_where_steps_are_looked_at_together_the_first_bad_one_is_named(world: SyntheticWorld) -> None:
    """As on a GPU: the last column is the largest gradient."""
    clips = [torch.tensor([i]) for i in range(3)]
    fine, bad_loss, bad_gradient = (
        torch.tensor(row) for row in ([1.0, 1.0, 1.0], [math.inf, math.inf, 1.0], [1.0, 1.0, math.nan])
    )

    def look(*rows: Tensor) -> None:
        training._check_finite(["total", "flow"], list(rows), clips, world.train, epoch=0, first_step=25)

    look(fine, fine, fine)
    files = [example.path.name for example in world.train.examples]
    with pytest.raises(TrainingError, match=f"the loss is not finite: flow at epoch 1, step 27, in .* {files[1]};"):
        look(fine, bad_loss, bad_gradient)
    with pytest.raises(TrainingError, match=f"the gradient is not finite: total at epoch 1, step 28, .* {files[2]};"):
        look(fine, fine, bad_gradient)


def test_weights_that_are_no_numbers_are_not_trained_or_evaluated(world: SyntheticWorld) -> None:
    model = build_model("rgb", classes=world.train.classes, seed=0)
    model.encoder.levels[0][0].weight.data[0] = math.nan
    with pytest.raises(TrainingError, match="the loss is not finite: classification at epoch 1, step 1, in the batch"):
        fit(model, world.train, config=QUICK, device="cpu", progress=False)
    with pytest.raises(ValueError, match="logits of 16 of 16 clips are not numbers; the model's weights or the clips"):
        evaluate(model, world.studio)


def test_a_long_batch_is_named_by_its_first_clips(world: SyntheticWorld) -> None:
    model = build_model("rgb", classes=world.train.classes, seed=0)
    model.classifier.linear.weight.data[0] = math.inf
    with pytest.raises(TrainingError, match=r"in the batch with (\w+\.mp4, ){7}\w+\.mp4 and 24 more; lower"):
        fit(model, world.train, config=replace(QUICK, batch_size=32), device="cpu", progress=False)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_frames_that_are_no_numbers_have_no_flow(value: float) -> None:
    clip = torch.rand(1, 3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    clip[0, 1, 2, 3, 4] = value
    with pytest.raises(ValueError, match="clip holds values that are nan or infinite; every pixel should be a number"):
        clip_flow(clip)
    with pytest.raises(ValueError, match="second holds values that are nan or infinite"):
        tvl1_flow(clip[:, 1, 0], clip[:, 1, 2])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_flow_that_is_no_number_is_never_taken_for_one(value: float) -> None:
    """It stays visible as nan or infinity, or is marked as unknown: never a plausible number."""
    flow = torch.zeros(1, 2, 6, 8)
    flow[0, 0, 2, 3] = value
    image = torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(0))
    assert not inside_frame(flow)[0, 2, 3] and inside_frame(flow).sum() == 47
    assert photometric_error(image, image, flow)[0, 2, 3].isnan()
    assert not endpoint_error(flow, torch.zeros_like(flow))[0, 2, 3].isfinite()
    assert flow_to_rgb(flow)[0, :, 2, 3].tolist() == [0, 0, 0]
    assert not flow_loss(flow[:, :, None], torch.zeros(1, 2, 1, 6, 8)).isfinite()
    if math.isnan(value):
        assert warp(image, flow)[0, :, 2, 3].isnan().all()
    else:  # the border pixel that lies there
        assert torch.equal(warp(image, flow)[0, :, 2, 3], image[0, :, 2, -1 if value > 0 else 0])


# The same bits


def equal(first: Model, second: Model) -> bool:
    first_state, second_state = first.state_dict(), second.state_dict()
    return all(torch.equal(first_state[key], second_state[key]) for key in first_state)


@pytest.mark.parametrize("name", SYSTEMS)
def test_same_seed_same_bits_of_every_system(name: str, world: SyntheticWorld) -> None:
    first, second = (trained(few(world), name, config=replace(QUICK, epochs=1)) for _ in range(2))
    assert equal(first[0], second[0])
    assert first[1].curve("total") == second[1].curve("total")


def largest_difference(first: History, second: History) -> float:
    """Largest relative difference of a loss, over epochs and terms."""
    terms = ("total", "classification", "flow", "frame", "discrepancy")
    return max(
        abs(a - b) / max(abs(a), 1e-12)
        for term in terms
        for a, b in zip(first.curve(term), second.curve(term), strict=True)
    )


def test_another_number_of_threads_changes_a_short_training_by_less_than_a_hundredth(world: SyntheticWorld) -> None:
    before, histories = torch.get_num_threads(), {}
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            histories[threads] = trained(world.train)[1]
    finally:
        torch.set_num_threads(before)
    assert largest_difference(histories[1], histories[2]) < 1e-2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_changes_a_short_training_by_less_than_a_hundredth(world: SyntheticWorld) -> None:
    # TF32 convolutions keep ten bits of what is multiplied: off, so that both multiply the same numbers.
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        # Dropout draws from each device's own generator, so none here.
        histories = []
        for device in ("cpu", "cuda"):
            model = build_model("rev2net", classes=world.train.classes, dropout=0.0, seed=0)
            histories.append(fit(model, world.train, config=QUICK, device=device, progress=False))
    finally:
        torch.backends.cudnn.allow_tf32 = before
    assert largest_difference(*histories) < 1e-2


# Extremes


@pytest.mark.parametrize("speed", [1e3, 1e6, 1e12])
def test_extreme_flow_stays_finite_and_points_out_of_the_frame(speed: float, tmp_path: Path) -> None:
    flow = torch.full((1, 2, 6, 8), speed)
    image = torch.rand(1, 3, 6, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(warp(image, flow), image[..., -1:, -1:].expand_as(image))
    assert not inside_frame(flow).any() and photometric_error(image, image, flow).isnan().all()
    assert endpoint_error(flow, torch.zeros_like(flow)).allclose(torch.tensor(speed * math.sqrt(2)))
    assert resize_flow(flow, (3, 16))[0, :, 0, 0].allclose(torch.tensor([2 * speed, speed / 2]))
    assert flow_to_rgb(flow, max_px=1.0).float().std((2, 3)).max() == 0
    assert flow_loss(flow[:, :, None], torch.zeros(1, 2, 1, 6, 8), form="l1").item() == pytest.approx(speed)
    if speed < 1e9:  # beyond it the format says "unknown"
        write_flo(tmp_path / "a.flo", flow[0])
        assert torch.equal(read_flo(tmp_path / "a.flo"), flow[0])


def test_half_precision_flow_of_hundreds_of_pixels_has_a_finite_error() -> None:
    """300 squared is more than float16 holds."""
    flow = torch.full((1, 2, 2, 2), 300.0, dtype=torch.float16)
    assert endpoint_error(flow, torch.zeros_like(flow)).float().allclose(torch.tensor(300 * math.sqrt(2)), rtol=1e-3)


@pytest.mark.parametrize("shade", [0.0, 0.5, 1.0])
def test_constant_frames_do_not_move(shade: float) -> None:
    assert torch.equal(clip_flow(torch.full((1, 3, 4, 20, 16), shade)), torch.zeros(1, 2, 3, 20, 16))


def test_a_cut_to_black_has_a_finite_flow() -> None:
    bright = torch.rand(1, 24, 24, generator=torch.Generator().manual_seed(0))
    flow = tvl1_flow(bright, torch.zeros_like(bright))
    assert flow.isfinite().all() and flow.abs().max() < 24


@pytest.fixture
def still(world: SyntheticWorld) -> ClipDataset:
    """A split of black clips."""
    made = few(world)
    assert made._clips is not None and made._flows is not None
    made._clips, made._flows = torch.zeros_like(made._clips), torch.zeros_like(made._flows)
    return made


@pytest.mark.parametrize("name", SYSTEMS)
def test_black_frames_train_and_evaluate(name: str, still: ClipDataset) -> None:
    model, history = trained(still, name, config=replace(QUICK, epochs=1))
    assert all(math.isfinite(value) for row in history.rows for value in row.values())
    assert model.flow_scale == 1, "no motion leaves one pixel per frame"
    result = evaluate(model, still)
    assert result.accuracy.n == 16 and result.sharpness is None
    assert result.psnr_db is None or math.isfinite(result.psnr_db)
    assert result.zero_flow_error_px in (None, 0.0)


def test_a_perfect_reconstruction_has_a_finite_psnr_and_constant_features_no_cka() -> None:
    black = torch.zeros(1, 3, 2, 4, 4)
    assert psnr(black, black).item() == pytest.approx(100.0)
    with pytest.raises(ValueError, match="linear CKA of features that are the same for every clip is undefined"):
        linear_cka(torch.ones(4, 2), torch.rand(4, 2))


def test_features_that_are_nothing_agree_and_have_a_finite_gradient() -> None:
    for scale in (0.0, 1e-25, 1e15):
        x, y = (torch.full((1, 4, 2, 3, 3), scale, requires_grad=True) for _ in range(2))
        for normalise in ("energy", "channel", "none"):
            value = decoding_discrepancy([x], [y], normalise=normalise)  # type: ignore[arg-type]
            assert value.item() == 0
            assert all(grad.isfinite().all() for grad in torch.autograd.grad(value, (x, y)))


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("norm", ["batch", "group"])
def test_a_batch_of_one_trains(name: str, norm: str, world: SyntheticWorld) -> None:
    data = world.train.subset([0, 9, 17])
    model = build_model(name, classes=data.classes, norm=norm, seed=0)  # type: ignore[arg-type]
    history = fit(model, data, config=TrainConfig(epochs=1, batch_size=1), device="cpu", progress=False)
    assert all(math.isfinite(value) for row in history.rows for value in row.values())
    one = world.studio.subset([3])
    assert evaluate(model, one).logits.shape == (1, 8)
    assert math.isfinite(fit(model, data.subset([0]), config=QUICK, device="cpu", progress=False).curve("total")[-1])


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_split_of_one_class_trains(name: str, world: SyntheticWorld) -> None:
    first = [i for i, label in enumerate(world.train.labels) if label == 0]
    data = world.train.subset(first)
    model, history = trained(data, name, config=TrainConfig(epochs=3, batch_size=2))
    assert history.curve("classification")[-1] < history.curve("classification")[0]
    assert evaluate(model, data).confusion.sum(1).tolist() == [4, *[0] * 7]


def test_a_batch_gives_a_clip_what_it_gets_alone(world: SyntheticWorld) -> None:
    """In evaluation no clip sees its neighbours, a black one included."""
    model = build_model("rev2net", classes=8, seed=0).eval()
    clip = torch.stack([world.studio.clip(i) for i in range(3)]).float() / 255
    clip[1] = 0
    with torch.no_grad():
        together, alone = model(clip).logits, torch.cat([model(each[None]).logits for each in clip])
    assert together.allclose(alone, atol=1e-5)


def test_logits_of_certainty_stay_usable() -> None:
    logits = torch.tensor([[1e4, -1e4], [-1e4, 1e4]])
    terms = loss_terms(ModelOutput((logits,)), torch.tensor([1, 1]), config=LossConfig())
    assert terms["classification"].item() == pytest.approx(1e4)
    assert accuracy(logits, torch.tensor([0, 1])).value == 1
    assert LossWeights(LossConfig())(terms).isfinite()


def test_two_streams_that_are_certain_of_different_classes_are_averaged() -> None:
    model = build_model("two_stream", classes=2, seed=0).eval()
    for stream, favoured in ((model.spatial, 0), (model.temporal, 1)):
        stream.classifier.linear.weight.data.zero_()
        stream.classifier.linear.bias.data = torch.tensor([-1e4, -1e4])
        stream.classifier.linear.bias.data[favoured] = 1e4
    output = model(torch.zeros(1, 3, 8, 32, 32), torch.zeros(1, 2, 7, 32, 32))
    assert output.logits.exp().tolist() == [[0.5, 0.5]]


def test_a_dataset_label_out_of_its_classes_is_refused_before_it_counts(tmp_path: Path, world: SyntheticWorld) -> None:
    with pytest.raises(ValueError, match="has label -1; there are 8 classes"):
        replace(world.train, examples=[Example(tmp_path / "a.mp4", -1)])
