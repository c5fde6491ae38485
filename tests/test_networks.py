from dataclasses import replace

import pytest
import torch

from rev2net_lite.networks import SIZES, Classifier, Decoder, Encoder, NetworkConfig, depth_to_space
from rev2net_lite.shapes import ShapeError

TINY = SIZES["tiny"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"widths": (16,)}, "widths .* and strides .* must have one entry per encoder level"),
        ({"decoder_widths": ()}, r"decoder_widths \(\) has 0 stages; expected 1 to 2"),
        ({"blocks": -1}, "blocks is -1; expected 0"),
        ({"norm": "layer"}, "norm is 'layer'; expected 'batch' or 'group'"),
        ({"dropout": 1.0}, r"dropout is 1.0; expected a probability in \[0, 1\)"),
    ],
)
def test_config_refuses(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(TINY, **changes)


def test_depth_to_space_agrees_with_pixel_shuffle():
    features = torch.randn(2, 4 * 3, 5, 6, 7)
    # torch's pixel shuffle has the channels before the places in its groups.
    grouped = features.unflatten(1, (4, 3)).transpose(1, 2).flatten(1, 2)
    expected = torch.stack([torch.nn.functional.pixel_shuffle(frame, 2) for frame in grouped.unbind(2)], dim=2)
    assert torch.equal(depth_to_space(features, (1, 2, 2)), expected)
    assert depth_to_space(features, (1, 2, 2)).is_contiguous(memory_format=torch.channels_last_3d)


def test_depth_to_space_fills_time_from_channels():
    features = torch.arange(2.0).reshape(1, 2, 1, 1, 1)
    assert depth_to_space(features, (2, 1, 1)).flatten().tolist() == [0.0, 1.0]


@pytest.mark.parametrize("size", SIZES)
def test_encoder_levels_have_the_sizes_of_their_strides(size):
    config = SIZES[size]
    t, h, w = (2 * s for s in config.total_stride)
    pyramid = Encoder(3, config=config)(torch.randn(2, 3, t, h, w))
    assert [level.shape[1] for level in pyramid] == list(config.widths)
    assert pyramid[-1].shape == (2, config.widths[-1], 2, 2, 2)


def test_encoder_refuses_other_channels():
    with pytest.raises(ShapeError, match=r"encoder input has shape .* axis '2' of 'b 2 t h w' should be 2, not 3"):
        Encoder(2, config=TINY)(torch.zeros(1, 3, 8, 16, 16))


def test_blocks_add_depth_and_residual_paths():
    plain, one, two = (
        sum(p.numel() for p in Encoder(3, config=replace(TINY, blocks=n)).parameters()) for n in (0, 1, 2)
    )
    assert plain < one < two


def test_norm_changes_the_layer():
    batch, group = (
        {type(m).__name__ for m in Encoder(3, config=replace(TINY, norm=norm)).modules()} for norm in ("batch", "group")
    )
    assert "BatchNorm3d" in batch and "GroupNorm" not in batch
    assert "GroupNorm" in group and "BatchNorm3d" not in group


@pytest.mark.parametrize("size", SIZES)
def test_decoders_of_one_config_have_features_of_equal_shape_and_full_size_output(size):
    config = SIZES[size]
    t, h, w = (2 * s for s in config.total_stride)
    pyramid = Encoder(3, config=config)(torch.randn(2, 3, t, h, w))
    flow, flow_features = Decoder(2, config=config)(pyramid)
    frames, frame_features = Decoder(3, config=config)(pyramid)
    assert flow.shape == (2, 2, t, h, w)
    assert frames.shape == (2, 3, t, h, w)
    assert [f.shape for f in flow_features] == [f.shape for f in frame_features]
    assert [f.shape[1] for f in flow_features] == list(config.decoder_widths)


def test_decoder_widths_set_the_number_of_levels():
    pyramid = Encoder(3, config=TINY)(torch.randn(1, 3, 4, 16, 16))
    _, features = Decoder(3, config=replace(TINY, decoder_widths=(16, 12)))(pyramid)
    assert [tuple(f.shape[1:]) for f in features] == [(16, 2, 2, 2), (12, 4, 4, 4)]


def test_every_stage_after_the_first_uses_the_encoder_level_of_its_grid():
    decoder = Decoder(3, config=replace(TINY, decoder_widths=(16, 12))).eval()
    pyramid = Encoder(3, config=TINY)(torch.randn(2, 3, 4, 16, 16))
    output, _ = decoder(pyramid)
    for level, used in enumerate((True, True, False, True)):
        changed, _ = decoder(tuple(x + (i == level) for i, x in enumerate(pyramid)))
        assert torch.equal(output, changed) != used


def test_classifier_averages_over_time_and_space():
    classifier = Classifier(4, 3, dropout=0.0)
    features = torch.randn(2, 4, 3, 5, 6)
    flat = features.mean((2, 3, 4), keepdim=True).expand_as(features)
    assert torch.allclose(classifier(features), classifier(flat), atol=1e-6)


def test_classifier_drops_only_in_training():
    classifier = Classifier(64, 3, dropout=0.5)
    features = torch.ones(1, 64, 1, 1, 1)
    assert not torch.equal(classifier(features), classifier(features))
    classifier.eval()
    assert torch.equal(classifier(features), classifier(features))


def test_total_stride():
    config = NetworkConfig(widths=(4, 8), strides=((1, 2, 2), (2, 2, 3)), blocks=0, decoder_widths=(4,))
    assert config.total_stride == (2, 4, 6)
