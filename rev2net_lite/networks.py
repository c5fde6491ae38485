"""Encoder and decoders: one 3D convolutional encoder, and the decoder that both reversed streams are made of.

The paper says "an encoder" and "two decoders"; their form below is this kit's own reading. Decoders convolve on the
encoder's grids and reach full size by depth-to-space (Shi et al., CVPR 2016); no convolution runs at full size.
No decoder sees the clip: what it gives back, the encoder has kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from einops import rearrange, reduce
from torch import Tensor, nn

from rev2net_lite.shapes import ShapeError, check_shape

__all__ = ["SIZES", "Classifier", "Decoder", "Encoder", "NetworkConfig", "depth_to_space"]

Stride = tuple[int, int, int]


@dataclass(frozen=True)
class NetworkConfig:
    """The form of an encoder and of the decoders that mirror it.

    Args:
        widths: channels of each encoder level, first to last.
        strides: `(t, h, w)` stride of each encoder level.
        blocks: residual blocks per level; 0 makes each level one plain convolution.
        decoder_widths: channels of the decoder stages; the features of these stages are what the discrepancy compares.
        norm: `"batch"`, or `"group"` where batches are small or spread over processes.
        dropout: probability before the classifier.
    """

    widths: tuple[int, ...]
    strides: tuple[Stride, ...]
    blocks: int
    decoder_widths: tuple[int, ...]
    norm: Literal["batch", "group"] = "batch"
    dropout: float = 0.3

    def __post_init__(self) -> None:
        if not self.widths or len(self.widths) != len(self.strides):
            raise ValueError(f"widths {self.widths} and strides {self.strides} must have one entry per encoder level")
        # One stage per grid; the first level's is left to the output.
        most = sum(stride != (1, 1, 1) for stride in self.strides[2:]) + 1
        if not 1 <= len(self.decoder_widths) <= most:
            raise ValueError(
                f"decoder_widths {self.decoder_widths} has {len(self.decoder_widths)} stages; expected 1 to {most}, "
                "one more than there are strides to undo behind the second level"
            )
        if self.blocks < 0:
            raise ValueError(f"blocks is {self.blocks}; expected 0 (plain convolutions) or more")
        if self.norm not in ("batch", "group"):
            raise ValueError(f"norm is {self.norm!r}; expected 'batch' or 'group'")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}; expected a probability in [0, 1)")

    @property
    def total_stride(self) -> Stride:
        """Input steps per step of the last level, along t, h and w."""
        t, h, w = (math.prod(axis) for axis in zip(*self.strides, strict=True))
        return t, h, w


SIZES: dict[str, NetworkConfig] = {
    # The plain form with which the prototypes found their results; about 0.2 M parameters with both decoders.
    "tiny": NetworkConfig(
        widths=(16, 32, 64, 64),
        strides=((1, 2, 2), (1, 2, 2), (2, 2, 2), (1, 1, 1)),
        blocks=0,
        decoder_widths=(32, 16),
    ),
    "small": NetworkConfig(
        widths=(24, 48, 96, 128),
        strides=((1, 2, 2), (1, 2, 2), (2, 2, 2), (1, 1, 1)),
        blocks=1,
        decoder_widths=(96, 48),
    ),
    # The size class of an 18-layer R3D (Tran et al., CVPR 2018): 33 M parameters in the encoder.
    "base": NetworkConfig(
        widths=(64, 128, 256, 512),
        strides=((1, 2, 2), (2, 2, 2), (2, 2, 2), (1, 2, 2)),
        blocks=2,
        decoder_widths=(256, 128, 64),
    ),
}


def depth_to_space(features: Tensor, stride: Stride) -> Tensor:
    """Features on a finer grid, made from groups of channels: `(b (t2 h2 w2 c) t h w) -> (b c (t t2) (h h2) (w w2))`.

    Channels stay innermost in memory (channels_last_3d), the order that the convolutions before and behind work in, and
    move in runs of c: in another order, or back and forth between two, the copies cost as much as the convolutions.

    >>> import torch
    >>> tuple(depth_to_space(torch.zeros(1, 24, 4, 5, 6), (2, 2, 2)).shape)
    (1, 3, 8, 10, 12)
    """
    t2, h2, w2 = stride
    finer = rearrange(features, "b (t2 h2 w2 c) t h w -> b (t t2) (h h2) (w w2) c", t2=t2, h2=h2, w2=w2)
    return rearrange(finer, "b t h w c -> b c t h w")


def _normalisation(norm: str, width: int) -> nn.Module:
    return nn.BatchNorm3d(width) if norm == "batch" else nn.GroupNorm(math.gcd(width, 8), width)


def _convolution(width_in: int, width: int, stride: Stride, norm: str, *, time: int = 3) -> nn.Sequential:
    """Convolution of `time` x 3 x 3, normalisation, rectifier; the bias is the normalisation's."""
    kernel, padding = (time, 3, 3), (time // 2, 1, 1)
    return nn.Sequential(
        nn.Conv3d(width_in, width, kernel_size=kernel, stride=stride, padding=padding, bias=False),
        _normalisation(norm, width),
        nn.ReLU(inplace=True),
    )


class _Pointwise(nn.Linear):
    """1x1x1 convolution `(b c t h w) -> (b d t h w)` as a matrix product: a sixth less time per step on a CPU."""

    def forward(self, features: Tensor) -> Tensor:
        return rearrange(super().forward(rearrange(features, "b c t h w -> b t h w c")), "b t h w d -> b d t h w")


class _Residual(nn.Module):
    """Basic residual block in three dimensions (He et al., CVPR 2016; R3D of Tran et al., CVPR 2018)."""

    def __init__(self, width_in: int, width: int, stride: Stride, norm: str) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *_convolution(width_in, width, stride, norm),
            nn.Conv3d(width, width, kernel_size=3, padding=1, bias=False),
            _normalisation(norm, width),
        )
        self.shortcut: nn.Module = nn.Identity()
        if width_in != width or stride != (1, 1, 1):
            self.shortcut = nn.Sequential(
                nn.Conv3d(width_in, width, kernel_size=1, stride=stride, bias=False), _normalisation(norm, width)
            )

    def forward(self, features: Tensor) -> Tensor:
        return (self.body(features) + self.shortcut(features)).relu()


class Encoder(nn.Module):
    """Pyramid of features of a clip: one tensor `(b d t h w)` per level, first to last.

    Args:
        channels: 3 for frames, 2 for flow.
        config: widths, strides and blocks.
    """

    def __init__(self, channels: int, *, config: NetworkConfig) -> None:
        super().__init__()
        self.channels = channels
        self.levels = nn.ModuleList()
        for width_in, width, stride in zip((channels, *config.widths[:-1]), config.widths, config.strides, strict=True):
            if config.blocks == 0:
                self.levels.append(_convolution(width_in, width, stride, config.norm))
            else:
                blocks = [_Residual(width_in, width, stride, config.norm)]
                blocks += [_Residual(width, width, (1, 1, 1), config.norm) for _ in range(config.blocks - 1)]
                self.levels.append(nn.Sequential(*blocks))

    def forward(self, inputs: Tensor) -> tuple[Tensor, ...]:
        check_shape("encoder input", inputs, f"b {self.channels} t h w")
        pyramid: list[Tensor] = []
        for level in self.levels:
            pyramid.append(level(pyramid[-1] if pyramid else inputs))
        return tuple(pyramid)


class Decoder(nn.Module):
    """Full-size output of an encoder's pyramid, and the features of each stage on the way.

    The strides of the encoder are undone last to first by depth-to-space steps. The first stage works on the last
    level; each later one also takes the encoder level that has its grid, through a 1x1x1 convolution (the lateral
    connections of Lin et al., "Feature Pyramid Networks", CVPR 2017): from the last level alone, reconstructions stay
    blurred. The first level's grid is the largest, and half of a training step would be spent on it; so it enters the
    output straight, without a stage of its own. Convolutions of the later stages are 1x3x3: motion has been seen by
    then. Two decoders with the same `config` have features of equal shape at each stage, whatever their outputs.

    Args:
        channels: output channels: 2 for flow, 3 for frames.
        config: the encoder's, with the widths of the decoder's stages.
    """

    def __init__(self, channels: int, *, config: NetworkConfig) -> None:
        super().__init__()
        widths = config.decoder_widths
        # Encoder levels that make the grid coarser, last to first; a stride of 1 needs no undoing.
        coarser = [
            level for level, stride in reversed(list(enumerate(config.strides))) if level and stride != (1, 1, 1)
        ]
        undone, rest = coarser[: len(widths) - 1], coarser[len(widths) - 1 :]
        self.strides = [config.strides[level] for level in undone]
        # The grid before level k's stride is that of level k-1.
        self.lateral_levels = [level - 1 for level in undone]
        t, h, w = (math.prod(config.strides[level][axis] for level in rest) for axis in range(3))
        self.rest_stride: Stride = (t, h, w)
        self.output_stride = config.strides[0]
        self.stages = nn.ModuleList(
            [
                nn.Sequential(
                    _Pointwise(config.widths[-1], widths[0], bias=False),
                    _normalisation(config.norm, widths[0]),
                    nn.ReLU(inplace=True),
                )
            ]
        )
        self.enlarge = nn.ModuleList()
        self.laterals = nn.ModuleList()
        for stride, level, (width_in, width) in zip(self.strides, self.lateral_levels, pairwise(widths), strict=True):
            self.enlarge.append(_Pointwise(width_in, width * math.prod(stride)))
            self.laterals.append(_Pointwise(config.widths[level], width))
            self.stages.append(_convolution(width, width, (1, 1, 1), config.norm, time=1))
        outputs = channels * math.prod(self.output_stride)
        self.output = _Pointwise(widths[-1], outputs * math.prod(self.rest_stride))
        self.straight = _Pointwise(config.widths[0], outputs)

    def forward(self, pyramid: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Output `(b c t h w)` at the clip's size, and one `(b d t h w)` per stage, coarse to fine."""
        first, *finer = self.stages
        stages = [first(pyramid[-1])]
        for stride, level, enlarge, lateral, stage in zip(
            self.strides, self.lateral_levels, self.enlarge, self.laterals, finer, strict=True
        ):
            stages.append(stage(depth_to_space(enlarge(stages[-1]), stride) + lateral(pyramid[level])))
        output = depth_to_space(self.output(stages[-1]), self.rest_stride) + self.straight(pyramid[0])
        return depth_to_space(output, self.output_stride), tuple(stages)


class Classifier(nn.Module):
    """Logits `(b k)` of features `(b d t h w)`: average over time and space, dropout, one linear layer."""

    def __init__(self, width: int, classes: int, *, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(width, classes)

    def forward(self, features: Tensor) -> Tensor:
        return self.linear(self.dropout(reduce(features, "b d t h w -> b d", "mean")))


def check_divisible(clip: Tensor, stride: Stride) -> None:
    """A clip that the decoders can give back at its own size, or a `ShapeError` that names a size that fits."""
    for axis, size, step in zip("thw", clip.shape[-3:], stride, strict=True):
        if size % step:
            nearest = max(step, round(size / step) * step)
            raise ShapeError(
                f"clip has shape {tuple(clip.shape)}; its axis '{axis}' must be a multiple of {step}, "
                f"not {size}: read it with {nearest}"
            )
