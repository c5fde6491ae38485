import copy

import pytest
import torch

from rev2net_lite.models import SYSTEMS, ModelConfig, ModelOutput, Rev2Net, build_model
from rev2net_lite.shapes import ShapeError

CLIP = torch.rand(2, 3, 8, 32, 24, generator=torch.Generator().manual_seed(0))
FLOW = torch.randn(2, 2, 7, 32, 24, generator=torch.Generator().manual_seed(1))


def parameters(model):
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "rev2"}, "there is no model 'rev2'; expected one of rgb, "),
        ({"size": "huge"}, "there is no model size 'huge'; expected one of tiny, small, base"),
        ({"classes": ["a"]}, r"classes are \['a'\]; expected two or more different names"),
        ({"classes": "walk"}, "classes is the text 'walk'; expected a list of names"),
        ({"classes": ["a", "a"]}, "expected two or more different names"),
    ],
)
def test_build_model_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        build_model(**{"name": "rev2net", "classes": 4, **arguments})


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_system_gives_logits_of_the_classes(name):
    model = build_model(name, classes=["a", "b", "c"]).eval()
    given = {"clip": CLIP, "flow": FLOW}
    output = model(*(given[i] for i in model.inputs))
    assert output.logits.shape == (2, 3)
    assert (output.flow is not None) == (name in ("rev2net", "multitask", "flow_decoder"))
    assert (output.frames is not None) == (name in ("rev2net", "multitask", "frame_decoder"))
    assert model.config.classes == ("a", "b", "c")


def test_output_shapes_are_the_contracts():
    output = build_model("rev2net", classes=8)(CLIP)
    assert output.flow.shape == (2, 2, 7, 32, 24)
    assert output.frames.shape == CLIP.shape
    assert [f.shape for f in output.flow_features] == [f.shape for f in output.frame_features]
    assert all(f.shape[0] == 2 for f in output.flow_features)


def test_size_and_norm_and_dropout_change_the_model():
    sizes = [parameters(build_model("rev2net", classes=8, size=s)) for s in ("tiny", "small", "base")]
    assert sizes == sorted(sizes) and sizes[0] < 0.5e6 and sizes[2] > 30e6
    assert any(isinstance(m, torch.nn.GroupNorm) for m in build_model("rgb", classes=2, norm="group").modules())
    assert build_model("rgb", classes=2, dropout=0.0).classifier.dropout.p == 0.0


def test_seed_decides_the_parameters_and_leaves_the_global_generator():
    state = torch.get_rng_state()
    first, second = (build_model("rgb", classes=4, seed=3).state_dict() for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(first[k], second[k]) for k in first)
    other = build_model("rgb", classes=4, seed=4).state_dict()
    assert not torch.equal(first["classifier.linear.weight"], other["classifier.linear.weight"])


@pytest.mark.parametrize("name", ["rev2net", "multitask", "flow_decoder", "frame_decoder", "rgb"])
def test_logits_are_bit_equal_without_decoders(name):
    model = build_model(name, classes=8, seed=0).eval()
    bare = model.without_decoders()
    expected = model(CLIP).logits
    assert torch.equal(model.classify(CLIP), expected)
    assert torch.equal(bare(CLIP).logits, expected)
    assert parameters(bare) == parameters(build_model("rgb", classes=8))
    assert bare.config.name == "rgb"
    assert model.config.name == name, "the model itself keeps its decoders"


def test_decoders_can_be_deleted():
    model = build_model("rev2net", classes=8, seed=0).eval()
    expected = model(CLIP).logits
    del model.flow_decoder, model.frame_decoder
    assert torch.equal(model.classify(CLIP), expected)


def test_flow_is_px_per_frame_whatever_the_scale():
    model = build_model("rev2net", classes=8, seed=0).eval()
    scaled = copy.deepcopy(model)
    scaled.flow_scale.fill_(3.0)
    assert torch.allclose(scaled(CLIP).flow, 3 * model(CLIP).flow)


def test_last_time_step_of_the_flow_decoder_is_dropped_after_its_features():
    output = build_model("rev2net", classes=8)(CLIP)
    assert output.flow_features[-1].shape[2] == output.frame_features[-1].shape[2] == 8


def test_a_clip_without_motion_in_its_axes_is_refused_with_a_size_that_fits():
    model = build_model("rev2net", classes=8)
    with pytest.raises(ShapeError, match=r"its axis 'h' must be a multiple of 8, not 30: read it with 32"):
        model(torch.zeros(1, 3, 8, 30, 32))
    with pytest.raises(ShapeError, match=r"its axis 't' must be a multiple of 2, not 7: read it with 8"):
        model(torch.zeros(1, 3, 7, 32, 32))
    with pytest.raises(ShapeError, match=r"clip has shape \(3, 8, 32, 32\) with 4 axes"):
        model(torch.zeros(3, 8, 32, 32))


def test_a_classifier_takes_any_size():
    assert build_model("rgb", classes=8)(torch.zeros(1, 3, 7, 30, 33)).logits.shape == (1, 8)


def test_two_stream_averages_class_probabilities():
    model = build_model("two_stream", classes=4, seed=0).eval()
    output = model(CLIP, FLOW)
    streams = [model.spatial(CLIP).logits, model.temporal(FLOW).logits]
    expected = torch.stack([s.softmax(-1) for s in streams]).mean(0)
    assert torch.allclose(output.logits.softmax(-1), expected, atol=1e-6)


def test_late_fusion_of_very_sure_streams_stays_finite():
    output = ModelOutput((torch.tensor([[200.0, -200.0]]), torch.tensor([[200.0, -200.0]])))
    assert output.logits.argmax(-1).item() == 0
    assert not output.logits.isnan().any()


def test_rev2net_takes_no_flow_system():
    with pytest.raises(ValueError, match="'flow' takes flow: use build_model"):
        Rev2Net(ModelConfig("flow", ("a", "b")))


def test_flow_stream_is_blind_to_the_unit_once_scaled():
    model = build_model("flow", classes=4, seed=0).eval()
    expected = model(FLOW).logits
    model.flow_scale.fill_(4.0)
    assert torch.allclose(model(4 * FLOW).logits, expected, atol=1e-5)
