"""Rev2Net and what it is compared with.

Rev2Net (Yao et al., ICME 2020) reverses a two-stream network: instead of taking optical flow and frames as inputs, it
takes frames only and *predicts* both. One encoder, one classifier, and two decoders that supervise the encoder while it
learns and are thrown away afterwards. All systems below share the form of the encoder, so a difference between two of
them is a difference of supervision or of input.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn

from rev2net_lite.networks import SIZES, Classifier, Decoder, Encoder, NetworkConfig, check_divisible
from rev2net_lite.shapes import check_shape

__all__ = ["SYSTEMS", "FlowStream", "Model", "ModelConfig", "ModelOutput", "Rev2Net", "TwoStream", "build_model"]

# Decoders of each system that takes frames: (flow decoder, frame decoder). Whether the penalty is used is a matter of
# the loss, so `multitask` and `rev2net` are one network.
_DECODERS = {
    "rgb": (False, False),
    "flow_decoder": (True, False),
    "frame_decoder": (False, True),
    "multitask": (True, True),
    "rev2net": (True, True),
}
SYSTEMS = (*_DECODERS, "flow", "two_stream")


@dataclass(frozen=True)
class ModelConfig:
    """All that `build_model` needs to make a model again: plain data, stored beside its weights.

    Args:
        name: one of `SYSTEMS`.
        classes: names of the classes, in the order of the logits.
        size: one of `SIZES`: `"tiny"`, `"small"`, `"base"`.
        norm: `"batch"` or `"group"`.
        dropout: probability before the classifier; None keeps the size's own.
    """

    name: str
    classes: tuple[str, ...]
    size: str = "tiny"
    norm: Literal["batch", "group"] = "batch"
    dropout: float | None = None

    def __post_init__(self) -> None:
        if self.name not in SYSTEMS:
            raise ValueError(f"there is no model {self.name!r}; expected one of {', '.join(SYSTEMS)}")
        if self.size not in SIZES:
            raise ValueError(f"there is no model size {self.size!r}; expected one of {', '.join(SIZES)}")
        if len(self.classes) < 2 or len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes are {list(self.classes)}; expected two or more different names")

    @property
    def network(self) -> NetworkConfig:
        """Form of the encoder and decoders."""
        network = replace(SIZES[self.size], norm=self.norm)
        return network if self.dropout is None else replace(network, dropout=self.dropout)


@dataclass(frozen=True)
class ModelOutput:
    """What a model says of a batch of clips; None where it has no such decoder.

    Args:
        stream_logits: one `(b k)` per input stream.
        flow: `(b 2 t-1 h w)` px/frame at the clip's resolution, from frame i to i+1.
        frames: `(b 3 t h w)`, the clip given back; near [0, 1] but not clamped.
        flow_features: `(b d t h w)` per stage of the flow decoder, coarse to fine, the last time step still there.
        frame_features: the same of the frame decoder.
    """

    stream_logits: tuple[Tensor, ...]
    flow: Tensor | None = None
    frames: Tensor | None = None
    flow_features: tuple[Tensor, ...] = ()
    frame_features: tuple[Tensor, ...] = ()

    @property
    def logits(self) -> Tensor:
        """`(b k)`: the one stream's logits, or the logarithm of the streams' mean class probabilities (late fusion)."""
        if len(self.stream_logits) == 1:
            return self.stream_logits[0]
        return torch.stack([logits.softmax(-1) for logits in self.stream_logits]).mean(0).log()


class Rev2Net(nn.Module):
    """Encoder and classifier over frames, with a flow decoder, a frame decoder, both or neither.

    Args:
        config: names the system; `rev2net` and `multitask` have both decoders, `flow_decoder` and `frame_decoder` one,
            `rgb` none.

    Attributes:
        flow_scale: px/frame; the flow decoder learns flow divided by it. Raw flow is mostly zeros and small numbers,
            and a decoder that learns it raw learns zero. `fit` sets it to the training set's root mean square.
    """

    inputs = ("clip",)

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if config.name not in _DECODERS:
            raise ValueError(f"Rev2Net takes frames; {config.name!r} takes flow: use build_model({config.name!r}, ...)")
        self.config = config
        network = config.network
        has_flow, has_frame = _DECODERS[config.name]
        self.encoder = Encoder(3, config=network)
        self.classifier = Classifier(network.widths[-1], len(config.classes), dropout=network.dropout)
        self.flow_decoder = Decoder(2, config=network) if has_flow else None
        self.frame_decoder = Decoder(3, config=network) if has_frame else None
        self.register_buffer("flow_scale", torch.ones(()))
        self.flow_scale: Tensor

    def forward(self, clip: Tensor) -> ModelOutput:
        """Logits, and what the decoders make of the encoder's pyramid.

        Args:
            clip: `(b 3 t h w)` float in [0, 1]; with decoders, t, h and w are multiples of the encoder's strides.

        Raises:
            ShapeError: another number of axes or channels, or a size that the decoders cannot give back.
        """
        if self.flow_decoder or self.frame_decoder:
            check_shape("clip", clip, "b 3 t h w")
            check_divisible(clip, self.config.network.total_stride)
        pyramid = self.encode(clip)
        flow, flow_features, frames, frame_features = None, (), None, ()
        if self.flow_decoder is not None:
            scaled, flow_features = self.flow_decoder(pyramid)
            # Step i of the flow leads to frame i+1, so the last frame has none; its features are kept, since they are
            # compared with the frame decoder's on one time grid.
            flow = scaled[:, :, :-1] * self.flow_scale
        if self.frame_decoder is not None:
            centred, frame_features = self.frame_decoder(pyramid)
            frames = centred * _SPREAD + _MIDDLE
        return ModelOutput((self.classifier(pyramid[-1]),), flow, frames, flow_features, frame_features)

    def encode(self, clip: Tensor) -> tuple[Tensor, ...]:
        """Pyramid of features `(b d t h w)` of a clip `(b 3 t h w)` float in [0, 1]."""
        return self.encoder((clip - _MIDDLE) / _SPREAD)

    def classify(self, clip: Tensor) -> Tensor:
        """Logits `(b k)` from encoder and classifier only, bit-equal to `forward`'s."""
        return self.classifier(self.encode(clip)[-1])

    def without_decoders(self) -> Rev2Net:
        """A copy that only classifies: the model a user deploys, with the number of parameters of `rgb`."""
        bare = copy.deepcopy(self)
        bare.config = replace(self.config, name="rgb")
        bare.flow_decoder = bare.frame_decoder = None
        return bare


# Frames enter the encoder, and leave the frame decoder, as (value - middle) / spread: about zero mean, unit variance.
_MIDDLE, _SPREAD = 0.5, 0.25


class FlowStream(nn.Module):
    """The temporal stream of a two-stream network (Simonyan, Zisserman 2014): flow in, logits out."""

    inputs = ("flow",)

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        network = config.network
        self.encoder = Encoder(2, config=network)
        self.classifier = Classifier(network.widths[-1], len(config.classes), dropout=network.dropout)
        self.register_buffer("flow_scale", torch.ones(()))
        self.flow_scale: Tensor

    def forward(self, flow: Tensor) -> ModelOutput:
        """Logits of flow `(b 2 t-1 h w)` px/frame."""
        return ModelOutput((self.classifier(self.encoder(flow / self.flow_scale)[-1]),))


class TwoStream(nn.Module):
    """A spatial and a temporal stream with averaged class probabilities (late fusion; Simonyan, Zisserman 2014)."""

    inputs = ("clip", "flow")

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.spatial = Rev2Net(replace(config, name="rgb"))
        self.temporal = FlowStream(config)

    @property
    def flow_scale(self) -> Tensor:
        """px/frame; see `Rev2Net`."""
        return self.temporal.flow_scale

    def forward(self, clip: Tensor, flow: Tensor) -> ModelOutput:
        """Logits of a clip `(b 3 t h w)` float in [0, 1] and its flow `(b 2 t-1 h w)` px/frame."""
        return ModelOutput((self.spatial.classify(clip), *self.temporal(flow).stream_logits))


Model: TypeAlias = Rev2Net | FlowStream | TwoStream


def build_model(
    name: str,
    *,
    classes: int | Sequence[str],
    size: str = "tiny",
    norm: Literal["batch", "group"] = "batch",
    dropout: float | None = None,
    seed: int | None = None,
) -> Model:
    """A fresh model.

    Args:
        name: `rev2net`; `multitask` (both decoders, trained without the penalty); `flow_decoder`, `frame_decoder` (one
            decoder); `rgb` (none); `flow` (flow as input); `two_stream` (frames and flow as inputs).
        classes: their names, or how many there are.
        size: `tiny`, `small` or `base`.
        norm: `batch` or `group`.
        dropout: probability before the classifier; None keeps the size's own.
        seed: of its parameters; None draws them from torch's global generator.

    Raises:
        ValueError: an unknown name or size, or fewer than two classes.

    >>> build_model("rev2net", classes=8)(torch.zeros(1, 3, 8, 32, 32)).flow.shape
    torch.Size([1, 2, 7, 32, 32])
    """
    if isinstance(classes, str):
        raise ValueError(f"classes is the text {classes!r}; expected a list of names, or how many classes there are")
    names = tuple(f"class_{k}" for k in range(classes)) if isinstance(classes, int) else tuple(classes)
    config = ModelConfig(name, names, size, norm, dropout)
    with torch.random.fork_rng(devices=[], enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        model: Model
        if name == "flow":
            model = FlowStream(config)
        else:
            model = TwoStream(config) if name == "two_stream" else Rev2Net(config)
    # About a quarter faster convolutions in three dimensions. Set here, for a trained and a loaded model alike: in
    # another memory format the same weights give logits that differ in the last bits.
    for parameter in model.parameters():
        if parameter.ndim == 5:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last_3d)
    return model
