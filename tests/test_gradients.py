from __future__ import annotations

import pytest
import torch

from rev2net_lite.gradients import gradient_cosines, gradient_norms, loss_gradients
from rev2net_lite.losses import LossConfig, loss_terms
from rev2net_lite.models import Rev2Net, build_model


def batch_terms(model: Rev2Net) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    clip = torch.rand(2, 3, 4, 16, 16, generator=generator)
    flow = torch.randn(2, 2, 3, 16, 16, generator=generator)
    return loss_terms(model(clip), torch.tensor([0, 2]), clip=clip, flow=flow, config=LossConfig())


@pytest.fixture
def model() -> Rev2Net:
    model = build_model("rev2net", classes=4, dropout=0.0, seed=0)
    assert isinstance(model, Rev2Net)
    return model


def test_gradients_are_those_that_backward_leaves_in_grad(model: Rev2Net) -> None:
    terms = batch_terms(model)
    gradients = loss_gradients(terms, model.encoder.parameters())
    assert list(gradients) == ["classification", "flow", "frame", "discrepancy"]
    assert all(parameter.grad is None for parameter in model.parameters())
    (2 * terms["flow"] + 3 * terms["frame"]).backward()
    whole = torch.cat([parameter.grad.flatten() for parameter in model.encoder.parameters()])
    torch.testing.assert_close(2 * gradients["flow"] + 3 * gradients["frame"], whole, rtol=1e-4, atol=1e-6)


def test_a_term_that_does_not_reach_the_parameters_has_zeros(model: Rev2Net) -> None:
    gradients = loss_gradients(batch_terms(model), model.frame_decoder.parameters())
    norms = gradient_norms(gradients)
    assert norms["classification"] == norms["flow"] == 0
    assert norms["frame"] > 0 and norms["discrepancy"] > 0
    cosines = gradient_cosines(gradients)
    assert cosines[0].isnan().all() and not cosines[2, 3].isnan()


def test_a_detached_pyramid_keeps_the_encoder_from_the_decoders_gradient(model: Rev2Net) -> None:
    pyramid = model.encode(torch.rand(1, 3, 4, 16, 16))
    whole, _ = model.flow_decoder(pyramid)
    cut, _ = model.flow_decoder(tuple(features.detach() for features in pyramid))
    terms = {"whole": whole.square().mean(), "cut": cut.square().mean()}
    assert gradient_norms(loss_gradients(terms, model.encoder.parameters()))["cut"] == 0
    decoder = gradient_norms(loss_gradients(terms, model.flow_decoder.parameters()))
    assert decoder["cut"] == pytest.approx(decoder["whole"]) and decoder["whole"] > 0


def test_cosines_of_known_vectors() -> None:
    gradients = {"a": torch.tensor([2.0, 0.0]), "b": torch.tensor([0.0, 0.1]), "c": torch.tensor([-3.0, 3.0])}
    assert gradient_norms(gradients) == pytest.approx({"a": 2, "b": 0.1, "c": 18**0.5})
    half = 0.5**0.5
    expected = torch.tensor([[1, 0, -half], [0, 1, half], [-half, half, 1]], dtype=torch.float64)
    torch.testing.assert_close(gradient_cosines(gradients), expected)


def test_a_cosine_never_leaves_its_range() -> None:
    vector = torch.rand(1000, generator=torch.Generator().manual_seed(0))
    assert gradient_cosines({"a": vector, "b": 7 * vector}).abs().max() <= 1


def test_what_has_no_gradient_is_refused() -> None:
    x = torch.ones(2, requires_grad=True)
    with pytest.raises(ValueError, match=r"there are no parameters; pass at least one, for example model\.encoder"):
        loss_gradients({"a": x.sum()}, [])
    with pytest.raises(ValueError, match="1 of 2 parameters take no gradient; pass those with requires_grad=True"):
        loss_gradients({"a": x.sum()}, [x, torch.ones(1)])
    with pytest.raises(ValueError, match=r"term 'a' has shape \(2,\); expected a scalar: take its mean"):
        loss_gradients({"a": x}, [x])


@pytest.mark.parametrize("gradients", [{}, {"a": torch.ones(2), "b": torch.ones(3)}])
def test_gradients_that_cannot_be_compared_are_refused(gradients: dict[str, torch.Tensor]) -> None:
    with pytest.raises(ValueError, match=r"the gradients have the lengths .*; expected at least one gradient, all of"):
        gradient_cosines(gradients)
