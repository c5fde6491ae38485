import math

import numpy as np
import pytest
import torch

from rev2net_lite.datasets import Batch
from rev2net_lite.evaluation import (
    Interval,
    _cka_or_none,
    _sample_positions,
    accuracy,
    confusion_counts,
    cross_dataset,
    evaluate,
    freeze_frames,
    gradient_magnitude,
    linear_cka,
    mean_interval,
    model_output,
    paired_interval,
    psnr,
    reestimate_batchnorm,
    reverse_frames,
    shuffle_frames,
)
from rev2net_lite.models import ModelOutput, build_model
from rev2net_lite.shapes import ShapeError


def batch_of(clip, flow=None):
    return Batch(clip, torch.zeros(len(clip), dtype=torch.long), flow, torch.arange(len(clip)))


def test_an_interval_reads_as_text():
    assert str(Interval(0.5, 0.25, 0.75, 8)) == "0.500 [0.250, 0.750] (n = 8)"
    assert str(Interval(0.5, None, None, 1)) == "0.500 (n = 1)"


def test_model_output_gives_each_system_its_inputs():
    batch = batch_of(torch.rand(2, 3, 4, 16, 16), torch.rand(2, 2, 3, 16, 16))
    for name in ("rgb", "flow", "two_stream"):
        assert model_output(build_model(name, classes=4), batch).logits.shape == (2, 4)
    with pytest.raises(
        ValueError, match="flow takes flow, but the clips were loaded without; load them with flow='tvl1'"
    ):
        model_output(build_model("flow", classes=4), batch_of(batch.clip))


def test_evaluate_counts_every_clip_and_leaves_the_mode(world):
    model = build_model("rev2net", classes=world.train.classes, seed=0).train()
    result = evaluate(model, world.studio, batch_size=5, exact=True)
    assert model.training
    assert result.accuracy.n == len(world.studio) == int(result.confusion.sum())
    assert result.accuracy.value == pytest.approx(result.confusion.diag().sum().item() / len(world.studio))
    whole = evaluate(model, world.studio, batch_size=64, exact=True)
    assert torch.allclose(result.logits, whole.logits, atol=1e-5)
    assert result.flow_error_px == pytest.approx(whole.flow_error_px, rel=1e-4)
    assert result.object_error_px == pytest.approx(whole.object_error_px, rel=1e-4)
    assert len(result.decoder_cka) == 2 and all(0 <= value <= 1 for value in result.decoder_cka)
    with torch.no_grad():
        output = model.eval()(torch.stack([world.studio.clip(i) for i in range(len(world.studio))]).float() / 255)
    for level, cosine in enumerate(result.decoder_cosine):
        pair = (_sample_positions(output.flow_features[level]), _sample_positions(output.frame_features[level]))
        assert cosine == pytest.approx(torch.nn.functional.cosine_similarity(*pair).mean().item(), abs=1e-5)


def test_evaluate_against_a_model_that_is_right(world):
    class Oracle(torch.nn.Module):
        """Frames as they are, no motion, always class 0."""

        inputs = ("clip",)

        def forward(self, clip):
            b, _, t, h, w = clip.shape
            logits = torch.nn.functional.one_hot(torch.zeros(b, dtype=torch.long), 8).float()
            return ModelOutput((logits,), torch.zeros(b, 2, t - 1, h, w), clip)

    result = evaluate(Oracle(), world.street, exact=True)
    assert result.accuracy.value == pytest.approx(1 / 8)
    assert result.sharpness == pytest.approx(1)
    assert result.psnr_db == pytest.approx(100)
    assert result.flow_error_px == pytest.approx(result.zero_flow_error_px)
    exact = torch.stack([world.street.exact(i)[0] for i in range(len(world.street))])
    assert result.exact_error_px == pytest.approx(exact.square().sum(1).sqrt().mean().item(), rel=1e-4)
    assert result.object_error_px == pytest.approx(result.zero_object_error_px)
    moving = torch.stack([world.street.exact(i)[1] for i in range(len(world.street))])[:, :-1]
    assert result.object_error_px == pytest.approx(exact.square().sum(1).sqrt()[moving].mean().item(), rel=1e-4)
    assert result.object_error_px > result.exact_error_px, "the object moves more than the frame as a whole"


def test_sharpness_is_that_of_frames_as_they_can_be_shown(world):
    class TooBright(torch.nn.Module):
        inputs = ("clip",)

        def forward(self, clip):
            return ModelOutput((torch.zeros(len(clip), 8),), None, 5 + clip)

    assert evaluate(TooBright(), world.studio).sharpness == 0


def test_evaluate_reports_only_what_the_model_has(world):
    result = evaluate(build_model("rgb", classes=8, seed=0), world.studio)
    assert result.flow_error_px is None and result.psnr_db is None and result.decoder_cka == ()
    assert evaluate(build_model("rev2net", classes=8, seed=0), world.studio).exact_error_px is None


def test_evaluate_with_a_probe(world):
    model = build_model("rgb", classes=8, seed=0)
    plain, backwards = evaluate(model, world.studio), evaluate(model, world.studio, transform=reverse_frames)
    assert not torch.equal(plain.logits, backwards.logits)


def test_cross_dataset_gives_one_evaluation_per_split(world):
    model = build_model("rgb", classes=world.train.classes, seed=0)
    assert set(cross_dataset(model, world.tests)) == {"studio", "untied", "street"}
    other = build_model("rgb", classes=["a", "b"], seed=0)
    with pytest.raises(ValueError, match=r"split 'studio' has the classes .* and the model \['a', 'b'\]"):
        cross_dataset(other, world.tests)


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    # Wilson score intervals as published calculators give them.
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (90, 100, 0.8256, 0.9448)],
)
def test_accuracy_has_the_wilson_interval(right, n, low, high):
    logits = torch.eye(2)[torch.tensor([0] * right + [1] * (n - right))]
    result = accuracy(logits, torch.zeros(n, dtype=torch.long))
    assert result.value == right / n
    assert (result.low, result.high) == pytest.approx((low, high), abs=1e-4)


def test_accuracy_refuses_other_labels():
    with pytest.raises(ShapeError, match=r"labels has shape .* should be 3, not 2"):
        accuracy(torch.zeros(3, 2), torch.zeros(2, dtype=torch.long))


def test_confusion_rows_are_true_classes():
    logits = torch.eye(3)[torch.tensor([1, 1, 2, 0])]
    counts = confusion_counts(logits, torch.tensor([0, 1, 2, 2]))
    assert counts.tolist() == [[0, 1, 0], [0, 1, 0], [1, 0, 1]]


def test_psnr_of_a_known_error():
    clip = torch.full((2, 3, 4, 8, 8), 0.5)
    assert psnr(clip + 0.1, clip).tolist() == pytest.approx([20.0, 20.0], abs=1e-4)
    assert psnr(torch.full_like(clip, 7.0), torch.ones_like(clip)).tolist() == pytest.approx([100.0, 100.0])
    with pytest.raises(ShapeError, match=r"frames have shape .* expected equal"):
        psnr(clip, clip[:, :, :2])


def test_gradient_magnitude_of_a_plane():
    x = torch.arange(8.0)
    plane = (0.3 * x[None, :] + 0.4 * x[:, None])[None, None, None]
    assert torch.allclose(gradient_magnitude(plane), torch.tensor(0.5))
    assert gradient_magnitude(plane).shape == (1, 1, 1, 7, 7)


def test_reestimated_statistics_are_those_of_the_clips_and_the_model_keeps_its_own(world):
    model = build_model("rgb", classes=world.train.classes, seed=0).train()
    model(torch.rand(4, 3, 8, 32, 32))  # statistics of its own, which must not be mixed in
    before = {name: value.clone() for name, value in model.state_dict().items()}
    adapted = reestimate_batchnorm(model, world.street, batch_size=len(world.street))
    assert model.training and not adapted.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    clips = torch.stack([world.street.clip(i) for i in range(len(world.street))]).float() / 255
    convolution, norm = adapted.encoder.levels[0][:2]
    kept = []
    convolution.register_forward_hook(lambda _module, _inputs, output: kept.append(output))
    with torch.no_grad():
        adapted(clips)
    seen = kept[0]
    assert torch.allclose(norm.running_mean, seen.mean((0, 2, 3, 4)), atol=1e-5)
    assert torch.allclose(norm.running_var, seen.var((0, 2, 3, 4)), rtol=1e-4)
    # What is learned stays, and another order of batches of one size gives the same mean.
    assert torch.equal(norm.weight, before["encoder.levels.0.1.weight"])
    halves = reestimate_batchnorm(model, world.street, batch_size=len(world.street) // 2)
    assert torch.allclose(halves.encoder.levels[0][1].running_mean, norm.running_mean, atol=1e-5)


def test_linear_cka_is_one_for_the_same_features_moved_turned_and_scaled():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(50, 6, generator=generator)
    turn, _ = torch.linalg.qr(torch.randn(6, 6, generator=generator))
    assert linear_cka(x, 3 * x @ turn + 2) == pytest.approx(1)
    assert linear_cka(x, torch.randn(50, 4, generator=generator)) < 0.3


def test_linear_cka_agrees_with_the_gram_matrix_form():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(20, 5, generator=generator).double(), torch.randn(20, 7, generator=generator).double()
    y[:, :5] += x
    h = torch.eye(20).double() - 1 / 20
    k, m = h @ (x @ x.T) @ h, h @ (y @ y.T) @ h
    expected = (k * m).sum() / (k.norm() * m.norm())
    assert linear_cka(x, y) == pytest.approx(expected.item())


def test_linear_cka_refuses():
    with pytest.raises(ShapeError, match=r"y has shape .* should be 3, not 4"):
        linear_cka(torch.randn(3, 2), torch.randn(4, 2))
    with pytest.raises(ValueError, match="the same for every clip is undefined"):
        linear_cka(torch.ones(3, 2), torch.randn(3, 2))


def test_intervals_over_seeds_use_students_t():
    values = [0.36, 0.41, 0.33, 0.46, 0.39]
    half = 2.776445 * np.std(values, ddof=1) / math.sqrt(5)
    result = mean_interval(values)
    assert (result.value, result.low, result.high, result.n) == pytest.approx((0.39, 0.39 - half, 0.39 + half, 5))
    assert mean_interval([0.5]) == Interval(0.5, None, None, 1)
    with pytest.raises(ValueError, match=r"values are \[\]; expected one or more finite numbers"):
        mean_interval([])
    with pytest.raises(ValueError, match="expected one or more finite numbers"):
        mean_interval([0.5, math.nan])


@pytest.mark.parametrize(("n", "t"), [(2, 12.706205), (3, 4.302653), (10, 2.262157), (31, 2.042272), (201, 1.971896)])
def test_students_t_against_tables(n, t):
    values = [0.0] * (n - 1) + [1.0]
    result = mean_interval(values)
    assert (result.high - result.value) / (np.std(values, ddof=1) / math.sqrt(n)) == pytest.approx(t, abs=1e-5)


def test_pairing_takes_out_what_seeds_share():
    seeds = np.array([0.1, 0.9, 0.4, 0.6])
    result = paired_interval(seeds + np.array([0.051, 0.049, 0.05, 0.05]), seeds)
    assert result.value == pytest.approx(0.05)
    assert 0.045 < result.low < result.high < 0.055
    with pytest.raises(ValueError, match="4 and 3 values cannot be paired; expected the same seeds in both"):
        paired_interval(seeds, seeds[:3])


def test_probes_of_the_order_of_frames():
    clip = torch.arange(6.0).reshape(1, 1, 6, 1, 1).expand(2, 3, 6, 4, 5)
    batch = batch_of(clip, torch.zeros(2, 2, 5, 4, 5))
    shuffled = shuffle_frames(batch, seed=0)
    assert torch.equal(shuffled.clip.sort(2).values, clip)
    assert not torch.equal(shuffled.clip, clip)
    assert torch.equal(shuffled.clip, shuffle_frames(batch, seed=0).clip)
    assert not torch.equal(shuffled.clip, shuffle_frames(batch, seed=1).clip)
    assert not torch.equal(shuffled.clip[0], shuffled.clip[1]), "each clip has an order of its own"
    assert reverse_frames(batch).clip[0, 0, :, 0, 0].tolist() == [5, 4, 3, 2, 1, 0]
    assert freeze_frames(batch).clip.unique().tolist() == [3]
    assert shuffled.flow is None, "the flow of other frames would be a lie"


def test_a_model_that_broke_has_no_accuracy():
    with pytest.raises(ValueError, match="logits of 1 of 2 clips are not numbers"):
        accuracy(torch.tensor([[0.0, 1.0], [math.nan, 0.0]]), torch.tensor([0, 0]))


def test_cka_is_measured_all_over_the_frame():
    t, h, w = torch.meshgrid(torch.arange(8), torch.arange(16), torch.arange(16), indexing="ij")
    seen = _sample_positions(torch.stack([t, h, w])[None].float())
    assert seen.shape == (32, 3)
    assert all(len(column.unique()) > 5 for column in seen.T)


def test_collapsed_features_have_no_cka_and_lose_nothing_else():
    assert _cka_or_none(torch.ones(4, 2), torch.randn(4, 2)) is None
    assert _cka_or_none(torch.eye(4), torch.eye(4)) == pytest.approx(1)


def test_exact_flow_is_not_compared_with_a_probe(world):
    model = build_model("rev2net", classes=8, seed=0)
    assert evaluate(model, world.studio, exact=True, transform=reverse_frames).exact_error_px is None
