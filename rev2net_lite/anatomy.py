"""What a network is made of, computed from its modules: shapes, receptive fields, parameters, FLOPs; and inflation.

Nothing is calculated on real numbers: the network runs once on tensors of torch's `meta` device, which have shapes and
no values, so that the largest size takes as long as the smallest.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from einops import repeat
from torch import Tensor, nn
from torch.func import functional_call

from rev2net_lite.models import Rev2Net
from rev2net_lite.networks import Encoder, _Residual
from rev2net_lite.shapes import check_shape

__all__ = [
    "Anatomy",
    "DecoderPart",
    "Layer",
    "Part",
    "ReceptiveField",
    "anatomy",
    "inflate",
    "level_fields",
    "list_layers",
    "measured_window",
    "receptive_field",
]

Triple = tuple[int, int, int]
Window = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.GroupNorm, nn.LayerNorm)


@dataclass(frozen=True)
class ReceptiveField:
    """What of the input one position of a feature map can see, along t, h and w.

    The default is the input itself: each position sees itself.

    Args:
        size: how many input positions it sees.
        jump: input positions from one feature position to the next.
        start: the first input position that feature position 0 sees; below 0 where that is padding.
    """

    size: Triple = (1, 1, 1)
    jump: Triple = (1, 1, 1)
    start: Triple = (0, 0, 0)

    def through(self, *, kernel: Triple, stride: Triple = (1, 1, 1), padding: Triple = (0, 0, 0)) -> ReceptiveField:
        """The field behind one more convolution (recurrence of Araujo et al., Distill 2019).

        >>> ReceptiveField().through(kernel=(3, 3, 3), stride=(1, 2, 2), padding=(1, 1, 1))
        ReceptiveField(size=(3, 3, 3), jump=(1, 2, 2), start=(-1, -1, -1))
        """
        axes = list(zip(self.size, self.jump, self.start, kernel, stride, padding, strict=True))
        return ReceptiveField(
            size=_triple([size + (k - 1) * jump for size, jump, _, k, _, _ in axes]),
            jump=_triple([jump * s for _, jump, _, _, s, _ in axes]),
            start=_triple([start - p * jump for _, jump, start, _, _, p in axes]),
        )

    def window(self, position: Sequence[int], sizes: Sequence[int]) -> Window:
        """Input positions that feature position `(t, h, w)` sees of an input of those `sizes`: from, to (exclusive).

        >>> ReceptiveField((3, 3, 3), (1, 2, 2), (-1, -1, -1)).window((0, 1, 2), (8, 32, 32))
        ((0, 2), (1, 4), (3, 6))
        """
        t, h, w = (
            (max(0, start + at * jump), min(limit, start + at * jump + size))
            for at, size, jump, start, limit in zip(position, self.size, self.jump, self.start, sizes, strict=True)
        )
        return t, h, w


@dataclass(frozen=True)
class Layer:
    """One layer of a network as it ran.

    Args:
        name: its path in the module, for example `"encoder.levels.0.0"`.
        kind: its class, for example `"Conv3d"`.
        shape: of its output, without the batch axis.
        parameters: its own; 0 where it runs a second time.
        flops: two for each multiplication with its addition, of convolutions and linear layers only, for one clip.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    flops: int


@dataclass(frozen=True)
class Part:
    """An encoder level, or the classifier.

    Args:
        name: what it is called.
        shape: of its output: `(d t h w)`, or `(k)`.
        parameters: how many.
        flops: of one clip, forward.
        field: what one position of its output sees; None where that is the whole clip.
    """

    name: str
    shape: tuple[int, ...]
    parameters: int
    flops: int
    field: ReceptiveField | None


@dataclass(frozen=True)
class DecoderPart:
    """A decoder.

    Args:
        name: what it is called.
        shape: of its output `(c t h w)`.
        stages: `(d t h w)` of each stage's features, coarse to fine.
        parameters: how many.
        flops: of one clip, forward.
    """

    name: str
    shape: tuple[int, ...]
    stages: tuple[tuple[int, ...], ...]
    parameters: int
    flops: int


@dataclass(frozen=True)
class Anatomy:
    """A model in parts.

    Args:
        clip: `(c t h w)` of what goes in.
        levels: of the encoder, first to last.
        classifier: behind the last level.
        decoders: none, one or both.
    """

    clip: tuple[int, ...]
    levels: tuple[Part, ...]
    classifier: Part
    decoders: tuple[DecoderPart, ...]

    @property
    def parts(self) -> tuple[Part | DecoderPart, ...]:
        """All parts in the order of the signal."""
        return (*self.levels, self.classifier, *self.decoders)

    @property
    def parameters(self) -> int:
        """Of all parts."""
        return sum(part.parameters for part in self.parts)

    @property
    def flops(self) -> int:
        """Of one clip through all parts, forward."""
        return sum(part.flops for part in self.parts)


def list_layers(module: nn.Module, *inputs: Tensor) -> tuple[tuple[Layer, ...], Any]:
    """The layers of a module in the order in which they run, and its output as tensors without values.

    The module itself stays as it is.

    Args:
        module: made of convolutions, linear layers and normalisations; other layers may have no parameters.
        inputs: of its forward; only shapes and types are used. The batch axis comes first.

    Raises:
        ValueError: a layer with parameters that is none of these, so that its FLOPs are not known.

    >>> list_layers(nn.Conv3d(3, 16, 3), torch.zeros(1, 3, 8, 32, 32))[0][0].flops
    13996800
    """
    found: list[Layer] = []
    seen: set[nn.Module] = set()

    def note(name: str, layer: nn.Module, _: Any, output: Tensor) -> None:
        parameters = 0 if layer in seen else sum(p.numel() for p in layer.parameters())
        seen.add(layer)
        shape = tuple(output.shape[1:])
        found.append(Layer(name, type(layer).__name__, shape, parameters, _flops(name, layer, shape)))

    leaves = [(name, layer) for name, layer in module.named_modules() if not any(layer.children())]
    hooks = [layer.register_forward_hook(partial(note, name)) for name, layer in leaves]
    # In training, batch normalisation refuses a batch with one value per channel, which has a shape all the same.
    was_training = [layer for layer in module.modules() if layer.training]
    try:
        for layer in was_training:
            layer.training = False
        state = {name: value.to("meta") for name, value in (*module.named_parameters(), *module.named_buffers())}
        with torch.no_grad():
            output = functional_call(module, state, tuple(each.to("meta") for each in inputs))
    finally:
        for layer in was_training:
            layer.training = True
        for hook in hooks:
            hook.remove()
    return tuple(found), output


def anatomy(model: Rev2Net, *, frames: int, height: int, width: int) -> Anatomy:
    """The parts of a model that takes frames, for clips of a size.

    Args:
        model: from `build_model`, any system that takes frames only.
        frames, height, width: of the clip.

    Raises:
        ShapeError, ValueError: a size that the decoders cannot give back, or a model that takes flow.

    >>> from rev2net_lite.models import build_model
    >>> anatomy(build_model("rev2net", classes=8), frames=8, height=32, width=32).levels[-1].shape
    (64, 4, 4, 4)
    """
    if not isinstance(model, Rev2Net):
        raise ValueError(f"the model is a {type(model).__name__}; pass one that takes frames only, such as 'rev2net'")
    clip = torch.zeros(1, 3, frames, height, width, device="meta")
    layers, output = list_layers(model, clip)
    levels = []
    for index, field in enumerate(level_fields(model.encoder)):
        inside = _of(layers, f"encoder.levels.{index}.")
        levels.append(Part(f"level {index}", inside[-1].shape, _parameters(inside), _all_flops(inside), field))
    last = _of(layers, "classifier.")
    decoders = []
    for name, made, features in (
        ("flow decoder", output.flow, output.flow_features),
        ("frame decoder", output.frames, output.frame_features),
    ):
        if made is not None:
            inside = _of(layers, f"{name.replace(' ', '_')}.")
            stages = tuple(tuple(stage.shape[1:]) for stage in features)
            decoders.append(DecoderPart(name, tuple(made.shape[1:]), stages, _parameters(inside), _all_flops(inside)))
    classifier = Part("classifier", last[-1].shape, _parameters(last), _all_flops(last), None)
    return Anatomy(tuple(clip.shape[1:]), tuple(levels), classifier, tuple(decoders))


def level_fields(encoder: Encoder) -> tuple[ReceptiveField, ...]:
    """The receptive field of each encoder level in the clip, first to last."""
    fields: list[ReceptiveField] = []
    for level in encoder.levels:
        fields.append(receptive_field(level, fields[-1] if fields else ReceptiveField()))
    return tuple(fields)


def receptive_field(module: nn.Module, field: ReceptiveField = ReceptiveField()) -> ReceptiveField:
    """The field behind a module whose input has the given one.

    Statistics are left out: while it trains, batch normalisation lets every position see the batch, and group
    normalisation always lets it see the clip.

    Args:
        module: a 3D convolution, a chain of them, a residual block of the kit's, or a layer that works point by point.
        field: of the module's input; by default that is the clip.

    Raises:
        ValueError: another module.

    >>> receptive_field(nn.Sequential(nn.Conv3d(3, 8, 3), nn.ReLU(), nn.Conv3d(8, 8, (1, 3, 3)))).size
    (3, 5, 5)
    """
    if isinstance(module, nn.Sequential):
        for layer in module:
            field = receptive_field(layer, field)
        return field
    if isinstance(module, _Residual):
        body, shortcut = receptive_field(module.body, field), receptive_field(module.shortcut, field)
        start = [min(pair) for pair in zip(body.start, shortcut.start, strict=True)]
        ends = [
            max(a + m, b + n) for a, m, b, n in zip(body.start, body.size, shortcut.start, shortcut.size, strict=True)
        ]
        size = [end - first for end, first in zip(ends, start, strict=True)]
        return ReceptiveField(_triple(size), body.jump, _triple(start))
    if isinstance(module, nn.Conv3d) and not isinstance(module.padding, str):
        kernel = [d * (k - 1) + 1 for k, d in zip(module.kernel_size, module.dilation, strict=True)]
        return field.through(kernel=_triple(kernel), stride=_triple(module.stride), padding=_triple(module.padding))
    if isinstance(module, nn.ReLU | nn.Identity | nn.Dropout | nn.Linear | nn.BatchNorm3d | nn.GroupNorm):
        return field
    raise ValueError(
        f"the receptive field of {type(module).__name__} is not known; pass 3D convolutions with numbers as padding, "
        "chains of them, or layers that work point by point"
    )


def measured_window(
    encoder: Encoder, level: int, position: Sequence[int], *, frames: int, height: int, width: int
) -> Window:
    """Where the gradient of one position of a level arrives in the clip: from, to (exclusive), along t, h and w.

    A copy is measured whose weights are all alike and whose normalisations are left out: no path cancels another
    and no rectifier is closed. It tells what can be seen, not what trained weights look at.

    Args:
        encoder: stays as it is.
        level: from 0.
        position: `(t, h, w)` in the level's output.
        frames, height, width: of the clip.

    Raises:
        ValueError: there is no such level or position.
    """
    if not 0 <= level < len(encoder.levels):
        raise ValueError(f"level is {level}; this encoder has the levels 0 to {len(encoder.levels) - 1}")
    bare = copy.deepcopy(encoder).double()
    for parent in list(bare.modules()):
        for name, child in parent.named_children():
            if isinstance(child, _NORMS):
                setattr(parent, name, nn.Identity())
    for parameter in bare.parameters():
        # Weights of 1 would let the numbers grow beyond what floats hold.
        parameter.data.fill_(1 / math.prod(parameter.shape[1:]))
    clip = torch.ones(1, encoder.channels, frames, height, width, dtype=torch.float64, requires_grad=True)
    features = bare(clip)[level]
    sizes = tuple(features.shape[2:])
    if len(position) != 3 or not all(0 <= at < size for at, size in zip(position, sizes, strict=True)):
        raise ValueError(f"position is {tuple(position)}; level {level} has {sizes} positions (t, h, w), from 0")
    t, h, w = position
    (gradient,) = torch.autograd.grad(features[0, :, t, h, w].sum(), clip)
    reached = gradient[0].abs().sum(0).nonzero()
    first, last = reached.amin(0).tolist(), reached.amax(0).tolist()
    return (first[0], last[0] + 1), (first[1], last[1] + 1), (first[2], last[2] + 1)


def inflate(kernel: Tensor, *, time: int) -> Tensor:
    """A 3D kernel that answers a frozen clip as the 2D kernel answers its frame (Carreira, Zisserman, CVPR 2017).

    The kernel is repeated along time and divided by the number of repetitions. At the ends of a clip with zero padding
    in time the answer is weaker, because part of the kernel sees nothing there.

    Args:
        kernel: `(o i h w)`, a 2D convolution's weight.
        time: frames that the new kernel covers.

    Returns:
        `(o i time h w)`.

    Raises:
        ShapeError, ValueError: another number of axes, or `time` below 1.

    >>> inflate(torch.ones(8, 3, 5, 5), time=3).shape
    torch.Size([8, 3, 3, 5, 5])
    """
    check_shape("kernel", kernel, "o i h w")
    if time < 1:
        raise ValueError(f"time is {time}; a kernel covers at least 1 frame")
    return repeat(kernel / time, "o i h w -> o i t h w", t=time)


def _flops(name: str, layer: nn.Module, shape: tuple[int, ...]) -> int:
    if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d):
        return 2 * math.prod(shape) * math.prod(layer.weight.shape[1:])
    if isinstance(layer, nn.Linear):
        return 2 * math.prod(shape) * layer.in_features
    if isinstance(layer, _NORMS) or not any(True for _ in layer.parameters()):
        return 0
    raise ValueError(
        f"layer '{name}' is a {type(layer).__name__}; FLOPs are counted for convolutions and linear layers: write it "
        "as one of these"
    )


def _of(layers: Sequence[Layer], prefix: str) -> list[Layer]:
    return [layer for layer in layers if layer.name.startswith(prefix)]


def _parameters(layers: Sequence[Layer]) -> int:
    return sum(layer.parameters for layer in layers)


def _all_flops(layers: Sequence[Layer]) -> int:
    return sum(layer.flops for layer in layers)


def _triple(values: Sequence[int]) -> Triple:
    t, h, w = values
    return t, h, w
