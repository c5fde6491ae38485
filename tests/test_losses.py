import math
from dataclasses import replace

import pytest
import torch

from rev2net_lite.losses import (
    NO_LABEL,
    LossConfig,
    LossWeights,
    classification_loss,
    decoding_discrepancy,
    flow_loss,
    frame_loss,
    loss_terms,
)
from rev2net_lite.models import build_model
from rev2net_lite.shapes import ShapeError

LABELS = torch.tensor([0, 3])


def features(seed, levels=2):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(2, 5 + i, 3, 4, 6, generator=generator) for i in range(levels)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"flow_weight": -1.0}, "flow_weight is -1.0; expected a finite number, 0 or more"),
        ({"frame_weight": math.nan}, "frame_weight is nan"),
        ({"discrepancy_weight": math.inf}, "discrepancy_weight is inf"),
        ({"flow_form": "huber"}, "flow_form is 'huber'; expected one of mse, l1, charbonnier"),
        ({"frame_form": "huber"}, "frame_form is 'huber'"),
        ({"discrepancy_form": "cosine"}, "discrepancy_form is 'cosine'; expected one of l2, l1"),
        ({"discrepancy_normalise": "max"}, "discrepancy_normalise is 'max'; expected one of energy, channel, none"),
        ({"discrepancy_detach": "both"}, "discrepancy_detach is 'both'; expected one of none, flow, frame"),
        ({"weighting": "auto"}, "weighting is 'auto'; expected one of fixed, learned"),
    ],
)
def test_config_refuses(changes, message):
    with pytest.raises(ValueError, match=message):
        LossConfig(**changes)


def test_classification_is_cross_entropy_summed_over_streams():
    logits = torch.randn(2, 4)
    expected = -logits.log_softmax(-1)[torch.arange(2), LABELS].mean()
    assert torch.allclose(classification_loss(logits, LABELS), expected)
    assert torch.allclose(classification_loss([logits, logits], LABELS), 2 * expected)


def test_clips_without_a_label_are_left_out():
    logits = torch.randn(5, 8, requires_grad=True)
    labels = torch.tensor([3, NO_LABEL, 0, NO_LABEL, 7])
    kept = labels != NO_LABEL
    assert torch.allclose(classification_loss(logits, labels), classification_loss(logits[kept], labels[kept]))
    nothing = classification_loss(logits, torch.full((5,), NO_LABEL))
    assert nothing.item() == 0
    (gradient,) = torch.autograd.grad(nothing, logits)
    assert torch.equal(gradient, torch.zeros_like(logits))


@pytest.mark.parametrize(("form", "expected"), [("mse", 4.0), ("l1", 2.0), ("charbonnier", math.sqrt(4 + 1e-6))])
def test_pixel_losses_have_their_closed_form(form, expected):
    value = torch.full((1, 2, 3, 4, 5), 6.0)
    assert flow_loss(value, value - 4, scale=2.0, form=form).item() == pytest.approx(expected, abs=1e-6)
    frames = torch.full((1, 3, 3, 4, 5), 6.0)
    assert frame_loss(frames, frames - 2, form=form).item() == pytest.approx(expected, abs=1e-6)


def test_pixel_losses_refuse():
    with pytest.raises(ShapeError, match=r"flow has shape \(1, 2, 7, 4, 4\) and its target \(1, 2, 6, 4, 4\)"):
        flow_loss(torch.zeros(1, 2, 7, 4, 4), torch.zeros(1, 2, 6, 4, 4))
    with pytest.raises(ShapeError, match=r"flow has shape .* should be 2, not 3"):
        flow_loss(torch.zeros(1, 3, 7, 4, 4), torch.zeros(1, 3, 7, 4, 4))
    with pytest.raises(ShapeError, match=r"frames has shape .* should be 3, not 2"):
        frame_loss(torch.zeros(1, 2, 7, 4, 4), torch.zeros(1, 2, 7, 4, 4))
    with pytest.raises(ValueError, match="form is 'huber'"):
        frame_loss(torch.zeros(1, 3, 7, 4, 4), torch.zeros(1, 3, 7, 4, 4), form="huber")


ALL_FORMS = [(form, normalise) for form in ("l2", "l1") for normalise in ("energy", "channel", "none")]


@pytest.mark.parametrize(("form", "normalise"), ALL_FORMS)
def test_discrepancy_is_zero_for_equal_features_and_positive_otherwise(form, normalise):
    x, y = features(0), features(1)
    assert decoding_discrepancy(x, x, form=form, normalise=normalise).item() == 0
    assert decoding_discrepancy(x, y, form=form, normalise=normalise).item() > 0
    zeros = [torch.zeros_like(f) for f in x]
    assert decoding_discrepancy(zeros, zeros, form=form, normalise=normalise).item() == 0


@pytest.mark.parametrize(("form", "normalise"), ALL_FORMS)
def test_shrinking_both_features_lowers_the_raw_form_only(form, normalise):
    x, y = features(0), features(1)
    whole = decoding_discrepancy(x, y, form=form, normalise=normalise).item()
    shrunk = decoding_discrepancy([f / 10 for f in x], [f / 10 for f in y], form=form, normalise=normalise).item()
    if normalise == "none":
        assert shrunk < whole / 5
    else:
        assert shrunk == pytest.approx(whole, rel=1e-4)


def test_discrepancy_closed_forms():
    x, y = [torch.full((1, 2, 1, 1, 1), 3.0)], [torch.full((1, 2, 1, 1, 1), 1.0)]
    assert decoding_discrepancy(x, y, normalise="none").item() == pytest.approx(4)
    assert decoding_discrepancy(x, y, normalise="none", form="l1").item() == pytest.approx(2)
    assert decoding_discrepancy(x, y).item() == pytest.approx(4 / 5)
    assert decoding_discrepancy(x, y, form="l1").item() == pytest.approx(2 / 2)
    assert decoding_discrepancy(x, y, normalise="channel").item() == pytest.approx(0, abs=1e-12)


def test_discrepancy_sums_the_chosen_levels():
    x, y = features(0), features(1)
    first, second = (decoding_discrepancy(x, y, levels=[level]).item() for level in (0, 1))
    assert decoding_discrepancy(x, y).item() == pytest.approx(first + second)
    assert first != second


@pytest.mark.parametrize(("detach", "flow_moves", "frame_moves"), [("none", 1, 1), ("flow", 0, 1), ("frame", 1, 0)])
def test_detached_teacher_gets_no_gradient(detach, flow_moves, frame_moves):
    x, y = ([f.requires_grad_() for f in features(seed)] for seed in (0, 1))
    decoding_discrepancy(x, y, detach=detach).backward()
    assert (x[0].grad is not None) == bool(flow_moves)
    assert (y[0].grad is not None) == bool(frame_moves)


def test_discrepancy_refuses():
    x = features(0)
    with pytest.raises(ValueError, match="has features at 2 levels and the frame decoder at 1"):
        decoding_discrepancy(x, x[:1])
    with pytest.raises(ValueError, match=r"levels are \[2\]; expected one or more of 0 to 1"):
        decoding_discrepancy(x, x, levels=[2])
    with pytest.raises(ValueError, match=r"levels are \[\]; expected one or more of 0 to 1"):
        decoding_discrepancy(x, x, levels=[])
    with pytest.raises(ShapeError, match=r"level 1: flow features have shape .* expected equal shapes"):
        decoding_discrepancy(x, [x[0], x[1][:, :3]])
    with pytest.raises(ValueError, match="form is 'cosine'"):
        decoding_discrepancy(x, x, form="cosine")
    with pytest.raises(ValueError, match="normalise is 'max'"):
        decoding_discrepancy(x, x, normalise="max")
    with pytest.raises(ValueError, match="detach is 'both'"):
        decoding_discrepancy(x, x, detach="both")


DEFAULT = LossConfig()


def terms_of(name, config=DEFAULT, **targets):
    model = build_model(name, classes=4, seed=0).eval()
    clip = torch.rand(2, 3, 8, 16, 16, generator=torch.Generator().manual_seed(0))
    targets = {"clip": clip, "flow": torch.ones(2, 2, 7, 16, 16), **targets}
    return model, loss_terms(model(clip), LABELS, config=config, **targets)


def test_terms_follow_the_decoders():
    assert list(terms_of("rgb")[1]) == ["classification"]
    assert list(terms_of("flow_decoder")[1]) == ["classification", "flow"]
    assert list(terms_of("frame_decoder")[1]) == ["classification", "frame"]
    assert list(terms_of("rev2net")[1]) == ["classification", "flow", "frame", "discrepancy"]


@pytest.mark.parametrize("term", ["classification", "flow", "frame", "discrepancy"])
def test_the_gradient_of_every_term_reaches_the_first_layer_of_the_encoder(term):
    model, terms = terms_of("rev2net")
    terms[term].backward()
    gradient = model.encoder.levels[0][0].weight.grad
    assert gradient is not None and gradient.abs().max() > 0


@pytest.mark.parametrize(
    "changes",
    [
        {"flow_form": "l1"},
        {"frame_form": "mse"},
        {"discrepancy_form": "l1"},
        {"discrepancy_normalise": "channel"},
        {"discrepancy_levels": (0,)},
    ],
)
def test_every_form_changes_its_term(changes):
    base = terms_of("rev2net")[1]
    changed = terms_of("rev2net", config=replace(LossConfig(), **changes))[1]
    different = {name for name in base if not torch.equal(base[name], changed[name])}
    assert different == {next(iter(changes)).split("_")[0]}


def test_terms_refuse_a_missing_target():
    with pytest.raises(
        ValueError, match="the model predicts flow, but the batch has none; load the clips with flow='tvl1'"
    ):
        terms_of("rev2net", flow=None)
    with pytest.raises(ValueError, match="the model reconstructs frames, but the batch has no clip"):
        terms_of("rev2net", clip=None)


def test_fixed_weights_are_a_weighted_sum():
    terms = {
        name: torch.tensor(value)
        for name, value in [("classification", 1.0), ("flow", 10.0), ("frame", 100.0), ("discrepancy", 1000.0)]
    }
    config = LossConfig(flow_weight=2.0, frame_weight=3.0, discrepancy_weight=4.0)
    assert LossWeights(config)(terms).item() == 1 + 20 + 300 + 4000
    assert LossWeights(config).effective() == {"classification": 1, "flow": 2, "frame": 3, "discrepancy": 4}


def test_a_term_of_weight_zero_is_left_out_even_when_it_is_not_finite():
    terms = {"classification": torch.tensor(1.0), "discrepancy": torch.tensor(math.nan)}
    assert LossWeights(LossConfig(discrepancy_weight=0.0))(terms).item() == 1


def test_learned_weights_settle_where_the_theory_says():
    """The minimum of w exp(-s) L + s / 2 over s is at exp(-s) = 1 / (2 w L)."""
    weights = LossWeights(LossConfig(weighting="learned"))
    terms = {"classification": torch.tensor(0.2), "flow": torch.tensor(3.0), "frame": torch.tensor(0.05)}
    optimiser = torch.optim.LBFGS(weights.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def closure():
        optimiser.zero_grad()
        loss = weights(terms)
        loss.backward()
        return loss

    optimiser.step(closure)
    effective = weights.effective()
    for name, term in terms.items():
        assert effective[name] == pytest.approx(1 / (2 * term.item()), rel=1e-3)
    assert effective["discrepancy"] == LossConfig().discrepancy_weight
