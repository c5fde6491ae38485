from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from rev2net_lite.anatomy import (
    ReceptiveField,
    anatomy,
    inflate,
    level_fields,
    list_layers,
    measured_window,
    receptive_field,
)
from rev2net_lite.models import Rev2Net, build_model
from rev2net_lite.networks import SIZES, Encoder, NetworkConfig
from rev2net_lite.shapes import ShapeError

PLAIN = NetworkConfig(widths=(4, 6), strides=((1, 2, 2), (2, 1, 2)), blocks=0, decoder_widths=(4,))
RESIDUAL = NetworkConfig(widths=(4, 6), strides=((1, 2, 2), (2, 2, 2)), blocks=2, decoder_widths=(4,), norm="group")


def narrow(config: NetworkConfig, *, levels: int = 4) -> NetworkConfig:
    return replace(config, widths=(2,) * levels, strides=config.strides[:levels], decoder_widths=(2,))


def without_values(system: str, size: str) -> Rev2Net:
    with torch.device("meta"):
        model = build_model(system, classes=8, size=size)
    assert isinstance(model, Rev2Net)
    return model


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("system", ["rgb", "flow_decoder", "frame_decoder", "rev2net"])
def test_parameters_flops_and_shapes_are_those_of_torch(system: str, size: str) -> None:
    model = without_values(system, size)
    found = anatomy(model, frames=8, height=32, width=48)
    clip = torch.zeros(1, 3, 8, 32, 48, device="meta")
    with FlopCounterMode(display=False) as counter:
        output = model.eval()(clip)
    assert found.parameters == sum(p.numel() for p in model.parameters())
    assert found.flops == counter.get_total_flops()
    assert found.clip == (3, 8, 32, 48)
    assert [level.shape for level in found.levels] == [tuple(each.shape[1:]) for each in model.encode(clip)]
    assert [level.parameters for level in found.levels] == [
        sum(p.numel() for p in level.parameters()) for level in model.encoder.levels
    ]
    assert tuple(level.field for level in found.levels) == level_fields(model.encoder)
    assert found.classifier.shape == (8,) and found.classifier.field is None
    made = {"flow decoder": output.flow, "frame decoder": output.frames}
    made = {name: tensor for name, tensor in made.items() if tensor is not None}
    assert [part.name for part in found.decoders] == list(made)
    for part in found.decoders:
        assert part.shape == tuple(made[part.name].shape[1:])
        features = output.flow_features if part.name == "flow decoder" else output.frame_features
        assert part.stages == tuple(tuple(stage.shape[1:]) for stage in features)
    assert found.parts == (*found.levels, found.classifier, *found.decoders)


def test_a_model_with_values_gives_the_same_and_stays_as_it_is() -> None:
    model = build_model("rev2net", classes=8, seed=0)
    assert isinstance(model, Rev2Net)
    model.flow_decoder.eval()  # type: ignore[union-attr]
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [layer.training for layer in model.modules()]
    assert anatomy(model, frames=8, height=16, width=16) == anatomy(
        without_values("rev2net", "tiny"), frames=8, height=16, width=16
    )
    assert [layer.training for layer in model.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(layer._forward_hooks for layer in model.modules())


def test_a_clip_or_a_model_that_has_no_anatomy_is_refused() -> None:
    with pytest.raises(ShapeError, match="its axis 'w' must be a multiple of 8, not 20"):
        anatomy(without_values("rev2net", "tiny"), frames=8, height=16, width=20)
    with pytest.raises(ValueError, match="the model is a TwoStream; pass one that takes frames only"):
        anatomy(build_model("two_stream", classes=8), frames=8, height=16, width=16)  # type: ignore[arg-type]


def test_layers_come_in_the_order_in_which_they_run() -> None:
    net = nn.Sequential(nn.Conv2d(3, 5, 3, groups=1), nn.BatchNorm2d(5), nn.ReLU(), nn.Flatten(), nn.Linear(5 * 4, 7))
    layers, output = list_layers(net, torch.zeros(1, 3, 4, 4))
    assert [layer.kind for layer in layers] == ["Conv2d", "BatchNorm2d", "ReLU", "Flatten", "Linear"]
    assert [layer.name for layer in layers] == list("01234")
    assert [layer.shape for layer in layers] == [(5, 2, 2)] * 3 + [(20,), (7,)]
    assert [layer.parameters for layer in layers] == [5 * 27 + 5, 10, 0, 0, 7 * 20 + 7]
    assert [layer.flops for layer in layers] == [2 * 20 * 27, 0, 0, 0, 2 * 20 * 7]
    assert output.shape == (1, 7) and output.device.type == "meta"


def test_groups_have_fewer_flops_and_a_shared_layer_counts_its_parameters_once() -> None:
    layers, _ = list_layers(nn.Conv3d(4, 8, 3, groups=4), torch.zeros(1, 4, 3, 3, 3))
    assert layers[0].flops == 2 * 8 * 27
    shared = nn.Linear(5, 5)
    layers, _ = list_layers(nn.Sequential(shared, nn.ReLU(), shared), torch.zeros(1, 5))
    assert sum(layer.flops for layer in layers) == 2 * 2 * 25
    assert sum(layer.parameters for layer in layers) == 30


def test_one_value_per_channel_has_a_shape_too() -> None:
    assert anatomy(without_values("rgb", "base"), frames=4, height=16, width=16).levels[-1].shape == (512, 1, 1, 1)


def test_a_layer_whose_flops_are_not_known_is_refused_and_leaves_no_hooks() -> None:
    net = nn.Sequential(nn.ConvTranspose3d(3, 3, 2))
    with pytest.raises(
        ValueError, match="layer '0' is a ConvTranspose3d; FLOPs are counted for convolutions and linear"
    ):
        list_layers(net, torch.zeros(1, 3, 2, 2, 2))
    assert not net[0]._forward_hooks and net.training


def test_a_field_moves_through_a_convolution() -> None:
    field = ReceptiveField((3, 5, 7), (1, 2, 4), (-1, -2, -3))
    found = field.through(kernel=(3, 3, 1), stride=(2, 1, 2), padding=(1, 0, 0))
    assert found == ReceptiveField((5, 9, 7), (2, 2, 8), (-2, -2, -3))
    assert found.window((1, 0, 3), (4, 6, 40)) == ((0, 4), (0, 6), (21, 28))
    assert ReceptiveField().window((1, 2, 3), (8, 8, 8)) == ((1, 2), (2, 3), (3, 4))


@pytest.mark.parametrize(
    "config",
    # Fields do not depend on widths; those of the base size are larger than a clip that is quick to measure.
    [narrow(SIZES["tiny"]), narrow(SIZES["small"]), narrow(SIZES["base"], levels=2), PLAIN, RESIDUAL],
    ids=["tiny", "small", "base", "plain", "residual"],
)
def test_the_field_is_where_the_gradient_arrives(config: NetworkConfig) -> None:
    encoder = Encoder(2, config=config)
    before = [p.clone() for p in encoder.parameters()]
    for level, field in enumerate(level_fields(encoder)):
        sizes = [math.ceil(size / jump) for size, jump in zip((26, 60, 64), field.jump, strict=True)]
        for position in ([0, 0, 0], [size // 2 for size in sizes], [size - 1 for size in sizes]):
            measured = measured_window(encoder, level, position, frames=26, height=60, width=64)
            assert measured == field.window(position, (26, 60, 64)), (level, position)
    assert all(torch.equal(a, b) for a, b in zip(before, encoder.parameters(), strict=True))


def test_fields_do_not_depend_on_widths() -> None:
    for config in SIZES.values():
        assert level_fields(Encoder(3, config=config)) == level_fields(Encoder(3, config=narrow(config)))


def test_fields_of_other_layers() -> None:
    assert receptive_field(nn.Conv3d(1, 1, 3, dilation=2)).size == (5, 5, 5)
    net = nn.Sequential(nn.Conv3d(1, 1, (1, 2, 3), stride=2), nn.Dropout(), nn.GroupNorm(1, 1), nn.Linear(1, 1))
    assert receptive_field(net) == ReceptiveField((1, 2, 3), (2, 2, 2), (0, 0, 0))
    for module, kind in ((nn.MaxPool3d(2), "MaxPool3d"), (nn.Conv3d(1, 1, 3, padding="same"), "Conv3d")):
        with pytest.raises(ValueError, match=f"the receptive field of {kind} is not known; pass 3D convolutions"):
            receptive_field(module)


def test_a_level_or_position_that_is_not_there_is_refused() -> None:
    encoder = Encoder(3, config=PLAIN)
    with pytest.raises(ValueError, match="level is 2; this encoder has the levels 0 to 1"):
        measured_window(encoder, 2, (0, 0, 0), frames=4, height=8, width=8)
    for position in ((0, 0, 4), (-1, 0, 0), (0, 0)):
        message = re.escape(f"position is {position}; level 0 has (4, 4, 4) positions (t, h, w), from 0")
        with pytest.raises(ValueError, match=message):
            measured_window(encoder, 0, position, frames=4, height=8, width=8)


def test_an_inflated_kernel_answers_a_frozen_clip_as_the_flat_one_its_frame() -> None:
    torch.manual_seed(0)
    flat = torch.randn(5, 3, 3, 3, dtype=torch.float64)
    frame = torch.randn(2, 3, 9, 11, dtype=torch.float64)
    frozen = frame[:, :, None].expand(-1, -1, 7, -1, -1)
    for time in (1, 3, 4):
        answer = functional.conv3d(frozen, inflate(flat, time=time), padding=(0, 1, 1))
        assert answer.shape[2] == 8 - time
        expected = functional.conv2d(frame, flat, padding=1)[:, :, None].expand_as(answer)
        torch.testing.assert_close(answer, expected)
    moving = functional.conv3d(torch.randn_like(frozen), inflate(flat, time=3))
    assert moving.std(dim=2).min() > 0


def test_a_kernel_that_cannot_be_inflated_is_refused() -> None:
    with pytest.raises(ValueError, match="time is 0; a kernel covers at least 1 frame"):
        inflate(torch.zeros(1, 1, 3, 3), time=0)
    with pytest.raises(ShapeError, match="kernel has shape"):
        inflate(torch.zeros(1, 1, 3, 3, 3), time=3)
