"""Flow predicted by the kit's decoder, and by a plain decoder of transposed convolutions after as many steps."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import process_time

import torch
from torch import Tensor, nn

from rev2net_lite.bench.measuring import Row, holds, spread
from rev2net_lite.datasets import synthetic_world
from rev2net_lite.evaluation import evaluate
from rev2net_lite.experiment import loss_config
from rev2net_lite.models import Rev2Net, build_model
from rev2net_lite.networks import NetworkConfig
from rev2net_lite.training import TrainConfig, fit

__all__ = ["PlainDecoder", "decoder_rows"]

_SEEDS = 3
_EPOCHS = 8
_CLIPS = 24  # for training, of each class


class PlainDecoder(nn.Module):
    """The encoder's strides undone by transposed convolutions from its last level alone, as in many an autoencoder.

    Each is followed by normalisation and a rectifier, but for the last; their kernels are twice the stride, so that
    neighbours overlap evenly.

    Args:
        channels: output channels.
        config: the encoder's.
    """

    def __init__(self, channels: int, *, config: NetworkConfig) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        widths = (channels, *config.widths)
        for level in reversed(range(len(config.widths))):
            stride = config.strides[level]
            # An even kernel where the grid grows, an odd one where it does not: both give back the size exactly.
            t, h, w = (2 * step if step > 1 else 3 for step in stride)
            padding = ((t - stride[0]) // 2, (h - stride[1]) // 2, (w - stride[2]) // 2)
            size = widths[level + 1], widths[level]
            layers.append(nn.ConvTranspose3d(*size, kernel_size=(t, h, w), stride=stride, padding=padding))
            if level:
                layers += [nn.BatchNorm3d(widths[level]), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers)

    def forward(self, pyramid: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Output `(b c t h w)` at the clip's size, and no features, as there is nothing to compare them with."""
        output: Tensor = self.layers(pyramid[-1])
        return output, ()


def decoder_rows() -> Iterator[Row]:
    """End-point error of clips that were not trained on, and the time of training, for a few seeds."""
    errors: dict[str, list[float]] = {"ours": [], "plain": []}
    seconds: dict[str, list[float]] = {"ours": [], "plain": []}
    object_errors, still = [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(_SEEDS):
            world = synthetic_world(
                Path(folder),
                seed=seed,
                train_per_class=_CLIPS,
                validation_per_class=10,
                test_per_class=1,
                frames=8,
                size=32,
                rendered_size=64,
                flow="exact",
            )
            for name in errors:
                model = build_model("flow_decoder", classes=world.train.classes, seed=seed)
                assert isinstance(model, Rev2Net)
                if name == "plain":
                    torch.manual_seed(seed)
                    plain = PlainDecoder(2, config=model.config.network)
                    model.flow_decoder = plain.to(memory_format=torch.channels_last_3d)  # type: ignore
                config = TrainConfig(epochs=_EPOCHS, batch_size=8, seed=seed, losses=loss_config("flow_decoder"))
                started = process_time()
                fit(model, world.train.prepare(progress=False), config=config, device="cpu", progress=False)
                seconds[name].append(process_time() - started)
                found = evaluate(model, world.validation, exact=True)
                errors[name].append(found.flow_error_px or math.nan)
                object_errors.append(found.object_error_px or math.nan)
                still.append(found.zero_object_error_px or math.nan)
    steps = _EPOCHS * len(world.train) // 8
    what = f"after {steps} steps at 32 x 32, tiny, {_SEEDS} seeds"
    ours, plain_error = (sum(errors[name]) / _SEEDS for name in ("ours", "plain"))
    ratios = [a / b for a, b in zip(errors["ours"], errors["plain"], strict=True)]
    goal = "<= 1.0"
    # Over all pixels, most of which stand still, no motion is a good guess; what moves shows whether flow was learned.
    learned = all(error < none for error, none in zip(object_errors, still, strict=True))
    void = "" if learned else "where clips move, a decoder is no better than no motion"
    ratio = ours / plain_error
    title = f"error of predicted flow over a plain transposed-convolution decoder's {what}"
    met = None if void else holds(ratio, goal)
    yield Row(title, ours, plain_error, ratio, goal, met, "px", _SEEDS, spread(ratios), void)
    took, plain_took = (sum(seconds[name]) / _SEEDS for name in ("ours", "plain"))
    title = f"training with that decoder over training with the plain one, {what}"
    yield Row(title, took, plain_took, took / plain_took, unit="s", n=_SEEDS)
