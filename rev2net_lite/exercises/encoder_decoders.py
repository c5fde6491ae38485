"""Questions of assignment A2: shape, field and cost of 3D convolutions, a decoder, and what it asks of the encoder."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from einops import rearrange, repeat
from torch import Tensor, nn
from torch.nn import functional

from rev2net_lite.exercises.questions import Made, Mistake, Probe, Question

__all__ = ["QUESTIONS"]

Layer = Mapping[str, Any]
Shape = tuple[int, int, int, int]
Triple = tuple[int, int, int]
Weights = Mapping[str, Tensor]

# The four convolutions of the kit's encoder of size `tiny`: the example of A2.1 and A2.2.
_TINY: tuple[Layer, ...] = tuple(
    {"channels": channels, "kernel": (3, 3, 3), "stride": stride, "padding": (1, 1, 1)}
    for channels, stride in ((16, (1, 2, 2)), (32, (1, 2, 2)), (64, (2, 2, 2)), (64, (1, 1, 1)))
)


def _draw(generator: torch.Generator, low: int, high: int) -> int:
    """A whole number from low to high, both included."""
    return int(torch.randint(low, high + 1, (), generator=generator))


def _shuffled(generator: torch.Generator, *values: int) -> Triple:
    first, second, third = (values[i] for i in torch.randperm(3, generator=generator).tolist())
    return first, second, third


# ---------------------------------------------------------------------------------------------------------------------
# A2.1


def _output_shape(shape: Shape, layers: Sequence[Layer]) -> Shape:
    channels, *sizes = shape
    for layer in layers:
        places = []
        for n, k, s, p in zip(sizes, layer["kernel"], layer["stride"], layer["padding"], strict=True):
            if k > n + 2 * p:
                raise ValueError(f"a kernel of {k} does not fit into {n + 2 * p}; make the clip larger")
            places.append((n + 2 * p - k) // s + 1)
        channels, sizes = layer["channels"], places
    t, h, w = sizes
    return channels, t, h, w


def _with_places(rule: Callable[[int, int, int, int], float]) -> Callable[..., object]:
    """The same with another rule for the places along one axis; it refuses as the question asks."""

    def answer(shape: Shape, layers: Sequence[Layer]) -> tuple[float, ...]:
        _output_shape(shape, layers)
        channels, *sizes = shape
        for layer in layers:
            axes = zip(sizes, layer["kernel"], layer["stride"], layer["padding"], strict=True)
            channels, sizes = layer["channels"], [rule(*axis) for axis in axes]  # type: ignore[misc]
        return channels, *sizes

    return answer


def _output_shape_any(shape: Shape, layers: Sequence[Layer]) -> tuple[int, ...]:
    channels, *sizes = shape
    for layer in layers:
        axes = zip(sizes, layer["kernel"], layer["stride"], layer["padding"], strict=True)
        channels, sizes = layer["channels"], [(n + 2 * p - k) // s + 1 for n, k, s, p in axes]
    return channels, *sizes


def _output_shape_last_checked(shape: Shape, layers: Sequence[Layer]) -> tuple[int, ...]:
    found = _output_shape_any(shape, layers)
    if min(found) < 1:
        raise ValueError("a kernel does not fit; make the clip larger")
    return found


def _side_by_side(shape: Shape, layers: Sequence[Layer]) -> Shape:
    return [_output_shape(shape, [layer]) for layer in layers][-1]


def _with_layers(turn: Callable[[Sequence[Layer]], Sequence[Layer]]) -> Callable[..., object]:
    def answer(shape: Shape, layers: Sequence[Layer]) -> tuple[int, ...]:
        _output_shape(shape, layers)
        return _output_shape_any(shape, turn(layers))

    return answer


def _rewritten(layer: Layer, turn: Callable[[Triple], Triple]) -> Layer:
    return {**layer, **{name: turn(layer[name]) for name in ("kernel", "stride", "padding")}}


def _output_shape_calls(generator: torch.Generator) -> list[Probe]:
    def layer(kernel: Triple, stride: Triple, padding: Triple) -> Layer:
        return {"channels": _draw(generator, 5, 40), "kernel": kernel, "stride": stride, "padding": padding}

    def shape(t: int, h: int, w: int) -> Shape:
        return 3, t, h, w

    many = _draw(generator, 4, 7)
    several = [
        layer(_shuffled(generator, 3, 5, 7), _shuffled(generator, 1, 2, 3), _shuffled(generator, 0, 1, 2)),
        layer(_shuffled(generator, 1, 2, 3), _shuffled(generator, 1, 2, 3), _shuffled(generator, 0, 1, 2)),
    ]
    kernel = _draw(generator, 3, 5)
    return [
        Probe("the encoder of the example", {"shape": (3, 8, 32, 32), "layers": [dict(one) for one in _TINY]}),
        Probe(
            "sizes that the strides do not divide",
            {
                # Strides of 3 with one and with two places left over: to round up is not to round to the nearest.
                "shape": shape(3 * many + 1, 2 * many + 1, 3 * many + 3),
                "layers": [layer((2, 2, 2), (3, 2, 3), (0, 0, 0)), layer((2, 3, 3), (1, 2, 2), (0, 1, 0))],
            },
        ),
        Probe(
            "layers with other numbers for time, height and width",
            {
                "shape": shape(_draw(generator, 23, 29), _draw(generator, 31, 41), _draw(generator, 43, 59)),
                "layers": several,
            },
        ),
        Probe(
            "a kernel that just fits into the clip with its padding",
            {"shape": shape(kernel, 7, 9), "layers": [layer((kernel + 2, 3, 2), (2, 1, 1), (1, 1, 0))]},
        ),
        Probe(
            "a kernel longer than the clip with its padding",
            {"shape": shape(kernel - 2, 8, 11), "layers": [layer((kernel + 1, 3, 3), (2, 1, 1), (1, 1, 1))]},
        ),
        Probe(
            "a later layer with a kernel that is too wide",
            {
                "shape": shape(kernel, 8, 9),
                "layers": [layer((3, 3, 3), (1, 1, 3), (1, 1, 0)), layer((3, 3, 6), (2, 1, 1), (1, 1, 1))],
            },
        ),
        Probe(
            "a kernel that is too high, with a padded layer behind it",
            {
                "shape": shape(kernel, 7, 11),
                "layers": [layer((3, 10, 3), (1, 1, 2), (1, 1, 1)), layer((1, 2, 1), (1, 1, 1), (1, 2, 0))],
            },
        ),
    ]


_OUTPUT_SHAPE = Question(
    key="A2.1",
    title="The shape behind a stack of convolutions",
    name="output_shape",
    answer=_output_shape,
    probes=_output_shape_calls,
    hints=(
        "Do one axis first: draw 9 places in a row, a kernel of 3 over them, and count where it can stand with stride"
        " 1, then with stride 2.",
        "Padding makes the axis longer at both ends. The kernel's first place is free; each further place costs one "
        "stride, and a last step that does not fit whole does not count.",
        "Per axis: (n + 2p - k) // s + 1, but first raise ValueError if k is larger than n + 2p. Loop over the "
        "layers, and carry the three sizes and the channels from one to the next.",
    ),
    difficulty="easy",
    minutes=15,
    points=3,
    tolerance=1e-9,
    mistakes=(
        Mistake(
            "integer division",
            "It keeps fractions of places where a stride does not divide evenly. A kernel stands at a place or it "
            "does not: what is left over at the end is dropped.",
            _with_places(lambda n, k, s, p: (n + 2 * p - k) / s + 1),
        ),
        Mistake(
            "rounds up",
            "Where a stride does not divide evenly it counts a last place at which the kernel would stick out of the "
            "padded clip.",
            _with_places(lambda n, k, s, p: math.ceil((n + 2 * p - k) / s) + 1),
        ),
        Mistake(
            "rounds to nearest",
            "Where a stride does not divide evenly it sometimes counts a place too many: a half or more of a step is "
            "no step.",
            _with_places(lambda n, k, s, p: round((n + 2 * p - k) / s) + 1),
        ),
        Mistake(
            "one added before the division",
            "The first place is counted as a part of a stride. It is there before the first step: add it after the "
            "division.",
            _with_places(lambda n, k, s, p: (n + 2 * p - k + 1) // s),
        ),
        Mistake(
            "first place not counted",
            "Each axis comes out one too short: the kernel stands at a first place before it makes a step.",
            _with_places(lambda n, k, s, p: (n + 2 * p - k) // s),
        ),
        Mistake(
            "padding on one side",
            "It counts the padding once per axis; zeros are added at both ends.",
            _with_places(lambda n, k, s, p: (n + p - k) // s + 1),
        ),
        Mistake(
            "size over stride",
            "It only divides by the stride. Kernel and padding count too, unless they happen to cancel.",
            _with_places(lambda n, _k, s, _p: -(-n // s)),
        ),
        Mistake(
            "size over stride, rounded down",
            "It only divides by the stride. Kernel and padding count too, unless they happen to cancel.",
            _with_places(lambda n, _k, s, _p: n // s),
        ),
        Mistake(
            "one number for all axes",
            "It uses a layer's first kernel size, stride and padding for all three axes; each axis has its own.",
            _with_layers(lambda layers: [_rewritten(layer, lambda each: (each[0],) * 3) for layer in layers]),
        ),
        Mistake(
            "axes in reverse",
            "It reads a layer's numbers as width, height, time; they stand in the order t, h, w.",
            _with_layers(lambda layers: [_rewritten(layer, lambda each: each[::-1]) for layer in layers]),
        ),
        Mistake(
            "one layer only",
            "It gives the shape behind the first layer; the layers stand one behind the other, and the last one's is "
            "asked for.",
            _with_layers(lambda layers: layers[:1]),
        ),
        Mistake(
            "layers side by side",
            "It lays every layer over the clip itself; each one works on the output of the one before.",
            _with_layers(lambda layers: layers[-1:]),
        ),
        Mistake(
            "layers side by side",
            "It lays every layer over the clip itself; each one works on the output of the one before.",
            _side_by_side,
        ),
        Mistake(
            "refuses behind the last layer only",
            "It looks behind the last layer whether a size is impossible. An earlier kernel that does not fit may be "
            "hidden there by the padding that comes after it.",
            _output_shape_last_checked,
        ),
        Mistake(
            "channels of the clip",
            "The sizes are right, but the number of channels is still the clip's; it is the last layer's.",
            lambda shape, layers: (shape[0], *_output_shape(shape, layers)[1:]),
        ),
        Mistake(
            "accepts a kernel that does not fit",
            "It returns a shape although a kernel is larger than what it is laid over; the question asks for a "
            "ValueError.",
            _output_shape_any,
        ),
    ),
)


# ---------------------------------------------------------------------------------------------------------------------
# A2.2

Pairs = tuple[tuple[int, int], ...]


def _seen_window(layers: Sequence[Layer], place: Triple) -> Pairs:
    pairs = []
    for axis, at in enumerate(place):
        first = last = at
        for layer in reversed(layers):
            k, s, p = (layer[name][axis] for name in ("kernel", "stride", "padding"))
            first, last = first * s - p, last * s - p + k - 1
        pairs.append((first, last + 1))
    return tuple(pairs)


def _with_step(
    step: Callable[[int, int, int, int, int, int], tuple[int, int, int]],
) -> Callable[..., object]:
    """The recurrence with another step from `(size, jump, start)` and a layer's `(k, s, p)` to the next."""

    def answer(layers: Sequence[Layer], place: Triple) -> Pairs:
        pairs = []
        for axis, at in enumerate(place):
            size, jump, start = 1, 1, 0
            for layer in layers:
                one = (layer["kernel"][axis], layer["stride"][axis], layer["padding"][axis])
                size, jump, start = step(size, jump, start, *one)
            pairs.append((start + at * jump, start + at * jump + size))
        return tuple(pairs)

    return answer


def _with_ends(step: Callable[[int, int, int, int], int], more: int) -> Callable[..., object]:
    """The right beginnings, with ends by another step backwards from `place + more`."""

    def answer(layers: Sequence[Layer], place: Triple) -> Pairs:
        pairs = []
        for axis, (at, (first, _)) in enumerate(zip(place, _seen_window(layers, place), strict=True)):
            end = at + more
            for layer in reversed(layers):
                end = step(end, *(layer[name][axis] for name in ("kernel", "stride", "padding")))
            pairs.append((first, end))
        return tuple(pairs)

    return answer


def _centred(layers: Sequence[Layer], place: Triple) -> Pairs:
    pairs = []
    for axis, (at, (first, end)) in enumerate(zip(place, _seen_window(layers, place), strict=True)):
        start = at * math.prod(layer["stride"][axis] for layer in layers) - (end - first) // 2
        pairs.append((start, start + end - first))
    return tuple(pairs)


def _turned(turn: Callable[[Pairs], Pairs]) -> Callable[..., object]:
    return lambda layers, place: turn(_seen_window(layers, place))


def _seen_window_calls(generator: torch.Generator) -> list[Probe]:
    def layer(kernel: Triple, stride: Triple, padding: Triple) -> Layer:
        return {"kernel": kernel, "stride": stride, "padding": padding}

    def place() -> Triple:
        return _draw(generator, 5, 6), _draw(generator, 7, 8), _draw(generator, 9, 10)

    def mixed() -> Layer:
        return layer(_shuffled(generator, 2, 3, 5), _shuffled(generator, 1, 2, 3), _shuffled(generator, 0, 1, 2))

    plain = [{name: one[name] for name in ("kernel", "stride", "padding")} for one in _TINY]
    return [
        Probe("a place in the middle of the example", {"layers": plain, "place": (2, 1, 3)}),
        Probe("one layer", {"layers": [mixed()], "place": place()}),
        Probe(
            "layers without stride",
            {
                "layers": [layer((3, 5, 2), (1, 1, 1), (1, 2, 0)), layer((1, 3, 4), (1, 1, 1), (0, 1, 2))],
                "place": place(),
            },
        ),
        Probe(
            "layers with other numbers for time, height and width",
            {"layers": [mixed(), layer((2, 3, 4), (3, 2, 1), (1, 2, 0)), mixed()], "place": place()},
        ),
        Probe(
            "the first place, which sees padding",
            {
                "layers": [layer((3, 5, 7), (2, 1, 3), (1, 2, 3)), layer((5, 3, 3), (1, 2, 2), (2, 1, 1))],
                "place": (0, 0, 0),
            },
        ),
    ]


_SEEN_WINDOW = Question(
    key="A2.2",
    title="What one feature sees of the clip",
    name="seen_window",
    answer=_seen_window,
    probes=_seen_window_calls,
    hints=(
        "Take one axis and one layer. At which places of its input does output place 0 look, with padding 1? And "
        "output place 1, with stride 2?",
        "One layer turns a run of output places, first to last, into a run of input places. Ask the last layer first,"
        " then the one before it, until you reach the clip.",
        "Start with first = last = the place. For each layer from the last back to the first: first becomes first * s"
        " - p, last becomes last * s - p + k - 1. The pair is (first, last + 1). Forwards, with size, jump and start,"
        " works too.",
    ),
    difficulty="hard",
    minutes=25,
    points=5,
    tolerance=1e-9,
    mistakes=(
        Mistake(
            "stride counted too early",
            "The field grows too fast: a layer's own stride spreads the kernels of the layers behind it, not its own.",
            _with_step(lambda size, jump, start, k, s, p: (size + (k - 1) * jump * s, jump * s, start - p * jump)),
        ),
        Mistake(
            "strides ignored",
            "It treats all layers as if their stride were 1. Behind a stride, neighbours lie further apart in the "
            "clip.",
            _with_step(lambda size, _jump, start, k, _s, p: (size + k - 1, 1, start - p)),
        ),
        Mistake(
            "stride of the last layer only",
            "It spreads a kernel by the stride of the layer just before. The strides of all earlier layers multiply.",
            _with_step(lambda size, jump, start, k, s, p: (size + (k - 1) * jump, s, start - p * jump)),
        ),
        Mistake(
            "strides added",
            "It adds up strides where they multiply: two layers of stride 2 put neighbours 4 apart.",
            _with_step(lambda size, jump, start, k, s, p: (size + (k - 1) * jump, jump + s - 1, start - p * jump)),
        ),
        Mistake(
            "kernel counted whole",
            "The window is too long: a kernel of size k adds k - 1 steps, since a place sees itself already.",
            _with_step(lambda size, jump, start, k, s, p: (size + k * jump, jump * s, start - p * jump)),
        ),
        Mistake(
            "padding forgotten",
            "The length is right and the place is not: with padding, output place 0 begins before the clip.",
            _with_step(lambda size, jump, _start, k, s, _p: (size + (k - 1) * jump, jump * s, 0)),
        ),
        Mistake(
            "padding in input places",
            "It counts padding in pixels and frames of the clip. A layer pads its own input, whose places lie further"
            " apart.",
            _with_step(lambda size, jump, start, k, s, p: (size + (k - 1) * jump, jump * s, start - p)),
        ),
        Mistake(
            "padding on the wrong side",
            "Padding moves the window towards larger numbers here; zeros in front of the clip let it begin earlier.",
            _with_step(lambda size, jump, start, k, s, p: (size + (k - 1) * jump, jump * s, start + p * jump)),
        ),
        Mistake(
            "place not scaled",
            "It adds the place itself to the start. One step along the output is several steps along the clip.",
            lambda layers, place: tuple(
                (first + at, end + at) for (first, end), at in zip(_seen_window(layers, (0, 0, 0)), place, strict=True)
            ),
        ),
        Mistake(
            "centred on the place",
            "It puts the window around a middle. Where it begins follows from padding and stride, and it need not be "
            "centred.",
            _centred,
        ),
        Mistake(
            "layers in the wrong order",
            "It goes through the layers in the wrong direction. If you go backwards from the place, the last layer is"
            " the first to be asked.",
            lambda layers, place: _seen_window(layers[::-1], place),
        ),
        Mistake(
            "one added at every layer",
            "The end moves one place too far at every layer: a kernel of size k that begins at a place ends k - 1 "
            "places on.",
            _with_ends(lambda last, k, s, p: last * s - p + k, 0),
        ),
        Mistake(
            "end taken for a place",
            "Going backwards, it treats the end like a place that is seen. It is the place behind the last one.",
            _with_ends(lambda end, k, s, p: end * s - p + k - 1, 1),
        ),
        Mistake(
            "end included",
            "The second number of each pair is the last place that is seen; the first one that is not seen any more "
            "is asked for.",
            _turned(lambda pairs: tuple((first, end - 1) for first, end in pairs)),
        ),
        Mistake(
            "length for end",
            "The second number of each pair is the length of the window; its end is asked for.",
            _turned(lambda pairs: tuple((first, end - first) for first, end in pairs)),
        ),
        Mistake(
            "cut off at the clip",
            "It starts at 0 where the window reaches into the padding; the question asks for the negative number.",
            _turned(lambda pairs: tuple((max(0, first), end) for first, end in pairs)),
        ),
        Mistake(
            "axes in reverse",
            "The pairs come in the order w, h, t; t, h, w is asked for.",
            _turned(lambda pairs: pairs[::-1]),
        ),
        Mistake(
            "space for time",
            "It uses the numbers of one axis for all three; time, height and width each have their own.",
            lambda layers, place: _seen_window(
                [_rewritten(layer, lambda each: (each[1],) * 3) for layer in layers], place
            ),
        ),
        Mistake(
            "time for space",
            "It uses the numbers of time for all three axes; time, height and width each have their own.",
            lambda layers, place: _seen_window(
                [_rewritten(layer, lambda each: (each[0],) * 3) for layer in layers], place
            ),
        ),
    ),
)


# ---------------------------------------------------------------------------------------------------------------------
# A2.3


def _convolution_cost(shape: Shape, layer: Layer) -> tuple[int, int]:
    channels, t, h, w = _output_shape(shape, [layer])
    weights = channels * (shape[0] // layer["groups"]) * math.prod(layer["kernel"])
    return weights + channels * layer["bias"], weights * t * h * w


def _cost_slip(
    weights: Callable[[Shape, Layer], int] | None = None,
    places: Callable[[Shape, Layer], int] | None = None,
    *,
    bias: Callable[[Shape, Layer], int] | None = None,
    count: int = 1,
    biased: bool = False,
) -> Callable[..., object]:
    """The cost with another number of weights, places or offsets, or with each multiplication counted otherwise."""

    def answer(shape: Shape, layer: Layer) -> tuple[int, int]:
        kept = (weights or _weights)(shape, layer)
        at = (places or (lambda *call: math.prod(_output_shape(call[0], [call[1]])[1:])))(shape, layer)
        offsets = (bias or (lambda *call: call[1]["channels"] if call[1]["bias"] else 0))(shape, layer)
        return kept + offsets, count * kept * at + (offsets * at if biased else 0)

    return answer


def _weights(shape: Shape, layer: Layer) -> int:
    return int(layer["channels"] * shape[0] * math.prod(layer["kernel"]) // layer["groups"])


def _convolution_cost_calls(generator: torch.Generator) -> list[Probe]:
    def layer(channels: int, kernel: Triple, *, groups: int = 1, bias: bool = False) -> Layer:
        stride, padding = _shuffled(generator, 1, 2, 3), _shuffled(generator, 0, 1, 2)
        form = {"channels": channels, "kernel": kernel, "stride": stride, "padding": padding}
        return {**form, "groups": groups, "bias": bias}

    def shape(channels: int) -> Shape:
        return channels, _draw(generator, 9, 12), _draw(generator, 14, 17), _draw(generator, 19, 23)

    width = _draw(generator, 3, 7)
    return [
        Probe(
            "the first layer of the example",
            {"shape": (3, 8, 32, 32), "layer": {**_TINY[0], "groups": 1, "bias": False}},
        ),
        Probe("a layer with bias", {"shape": shape(5), "layer": layer(2 * width, (3, 4, 5), bias=True)}),
        Probe("a layer with groups", {"shape": shape(2 * 9), "layer": layer(2 * width, (2, 3, 5), groups=2)}),
        Probe(
            "one group per channel, with bias",
            {"shape": shape(width), "layer": layer(3 * width, (5, 3, 2), groups=width, bias=True)},
        ),
    ]


_CONVOLUTION_COST = Question(
    key="A2.3",
    title="What a convolution holds and costs",
    name="convolution_cost",
    answer=_convolution_cost,
    probes=_convolution_cost_calls,
    hints=(
        "How many numbers are needed for one place of one output channel? Then: how many output channels, how many "
        "places?",
        "With g groups, an output channel looks at one g-th of the input channels only. A bias is one number per "
        "output channel, and it is added, not multiplied.",
        "weights = out channels * (in channels // groups) * kt * kh * kw. Parameters = weights, plus out channels if "
        "there is a bias. Multiply-adds = weights * t' * h' * w', with the sizes of the output as in A2.1.",
    ),
    difficulty="medium",
    minutes=15,
    points=4,
    tolerance=1e-9,
    mistakes=(
        Mistake(
            "groups ignored",
            "It counts as if there were one group. With groups, an output channel does not look at all input channels.",
            _cost_slip(lambda shape, layer: _weights(shape, layer) * layer["groups"]),
        ),
        Mistake(
            "groups ignored in the multiply-adds",
            "The parameters are right, but it multiplies as if there were one group. A weight that does not exist is "
            "multiplied with nothing.",
            lambda shape, layer: (
                _convolution_cost(shape, layer)[0],
                _convolution_cost(shape, layer)[1] * layer["groups"],
            ),
        ),
        Mistake(
            "groups divided twice",
            "It divides by the groups in the input channels and again in the output channels; the number of output "
            "channels stays whole.",
            _cost_slip(lambda shape, layer: _weights(shape, layer) // layer["groups"]),
        ),
        Mistake(
            "bias forgotten",
            "A layer with bias has one more parameter for each output channel.",
            _cost_slip(bias=lambda _shape, _layer: 0),
        ),
        Mistake(
            "bias always counted",
            "It counts a bias where the layer has none.",
            _cost_slip(bias=lambda _shape, layer: layer["channels"]),
        ),
        Mistake(
            "one bias for the layer",
            "It counts a single number as bias; each output channel has its own.",
            _cost_slip(bias=lambda _shape, layer: int(layer["bias"])),
        ),
        Mistake(
            "bias per input channel",
            "It counts a bias for each input channel; it is added to the outputs.",
            _cost_slip(bias=lambda shape, layer: shape[0] if layer["bias"] else 0),
        ),
        Mistake(
            "bias multiplied",
            "It counts the bias among the multiply-adds; it is added once to each output and multiplied with nothing.",
            _cost_slip(biased=True),
        ),
        Mistake(
            "places of the input",
            "The parameters are right, but it counts the places of the input; the kernel stands where an output is "
            "made.",
            _cost_slip(places=lambda shape, _layer: math.prod(shape[1:])),
        ),
        Mistake(
            "one place",
            "The parameters are right, but it counts the products at a single place; the weights are used again at "
            "each.",
            _cost_slip(places=lambda _shape, _layer: 1),
        ),
        Mistake(
            "output channels counted twice",
            "The parameters are right, but the weights hold all output channels: count the output's places, not "
            "its numbers.",
            _cost_slip(places=lambda shape, layer: math.prod(_output_shape(shape, [layer]))),
        ),
        Mistake(
            "time left out",
            "It counts a flat kernel of height and width; this one covers frames too.",
            _cost_slip(lambda shape, layer: _weights(shape, layer) // layer["kernel"][0]),
        ),
        Mistake(
            "time steps left out",
            "The parameters are right, but it counts the places of one time step of the output only.",
            _cost_slip(places=lambda shape, layer: math.prod(_output_shape(shape, [layer])[2:])),
        ),
        Mistake(
            "FLOPs for multiply-adds",
            "The second number is twice what is asked for: a multiplication with its addition counts as one here.",
            _cost_slip(count=2),
        ),
        Mistake(
            "order of the two numbers",
            "The two numbers come in the other order: parameters first.",
            lambda shape, layer: _convolution_cost(shape, layer)[::-1],
        ),
    ),
)


# ---------------------------------------------------------------------------------------------------------------------
# A2.4


_ORDER = "b (t2 h2 w2 c) t h w -> b c (t t2) (h h2) (w w2)"
_TORCH_ORDER = "b (c t2 h2 w2) t h w -> b c (t t2) (h h2) (w w2)"


def _depth_to_space(features: Tensor, stride: Triple, pattern: str = _ORDER) -> Tensor:
    t2, h2, w2 = stride
    if features.shape[1] % (t2 * h2 * w2):
        raise ValueError(f"{features.shape[1]} channels are no multiple of {t2 * h2 * w2}; give another number")
    return rearrange(features, pattern, t2=t2, h2=h2, w2=w2)


def _depth_to_space_flat(features: Tensor, stride: Triple) -> Tensor:
    finer = _depth_to_space(features, stride)
    return features.reshape(finer.shape)


def _depth_to_space_repeated(features: Tensor, stride: Triple) -> Tensor:
    t2, h2, w2 = stride
    channels = _depth_to_space(features, stride).shape[1]
    return repeat(features[:, :channels], "b c t h w -> b c (t t2) (h h2) (w w2)", t2=t2, h2=h2, w2=w2)


def _depth_to_space_calls(generator: torch.Generator) -> list[Probe]:
    def features(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    t, h, w = _draw(generator, 2, 3), 4, _draw(generator, 5, 7)
    return [
        Probe("the sizes of the example", {"features": features(1, 24, 4, 5, 6), "stride": (2, 2, 2)}, ("features",)),
        Probe("blocks with other sizes along each axis", {"features": features(1, 120, t, h, w), "stride": (2, 3, 4)}),
        Probe("space only", {"features": features(9, 24, t, h, w), "stride": (1, 3, 2)}, ("features",)),
        Probe("time only", {"features": features(1, 20, t, h, w), "stride": (4, 1, 1)}),
        Probe("float64", {"features": features(1, 48, t, h, w).double(), "stride": (3, 1, 2)}),
        Probe("channels that do not fill blocks", {"features": features(1, 26, t, h, w), "stride": (2, 2, 3)}),
        Probe(
            "channels that do not fill blocks although each number of the stride divides them",
            {"features": features(1, 12, t, h, w), "stride": (2, 4, 3)},
        ),
        Probe("another device", {"features": features(1, 24, t, h, w), "stride": (1, 2, 3)}, meta=True),
    ]


_DEPTH_TO_SPACE = Question(
    key="A2.4",
    title="Depth to space",
    name="depth_to_space",
    answer=_depth_to_space,
    probes=_depth_to_space_calls,
    returns="b c t h w",
    hints=(
        "Write down where channel 5 of one position goes for stride (1, 2, 2) and two output channels.",
        "One einops pattern does it. On the left, the channel axis is a group in brackets with four letters; on the "
        "right each of the three block letters joins its own axis.",
        "In einops the letter written last in a bracket runs fastest. Left: (t2 h2 w2 c). Right: each axis is (coarse"
        " block), such as (t t2). Compare the channels with t2 * h2 * w2 before, and raise ValueError.",
    ),
    difficulty="easy",
    minutes=15,
    points=3,
    mistakes=(
        Mistake(
            "pixel_shuffle's order",
            "It reads the channels in the order of torch's pixel_shuffle: output channel slowest. Here the output "
            "channel runs fastest.",
            partial(_depth_to_space, pattern=_TORCH_ORDER),
        ),
        Mistake(
            "block order reversed",
            "Inside a block, the offsets along t, h and w are read in reverse: t2 runs slowest.",
            partial(_depth_to_space, pattern="b (w2 h2 t2 c) t h w -> b c (t t2) (h h2) (w w2)"),
        ),
        Mistake(
            "height and width of a block exchanged",
            "Inside a block, rows and columns are exchanged: w2 runs faster than h2.",
            partial(_depth_to_space, pattern="b (t2 w2 h2 c) t h w -> b c (t t2) (h h2) (w w2)"),
        ),
        *(
            Mistake(
                "offset in time not slowest",
                "Inside a block, the offsets are read in another order: the one in time runs slowest, then the row, "
                "then the column.",
                partial(_depth_to_space, pattern=f"b ({order} c) t h w -> b c (t t2) (h h2) (w w2)"),
            )
            for order in ("h2 w2 t2", "h2 t2 w2", "w2 t2 h2")
        ),
        Mistake(
            "order of everything reversed",
            "The channels are read in reverse order: output channel slowest, then w2, h2, t2.",
            partial(_depth_to_space, pattern="b (c w2 h2 t2) t h w -> b c (t t2) (h h2) (w w2)"),
        ),
        Mistake(
            "grids side by side",
            "It lays whole copies of the coarse grid side by side. The numbers of one position belong together in one"
            " block.",
            partial(_depth_to_space, pattern="b (t2 h2 w2 c) t h w -> b c (t2 t) (h2 h) (w2 w)"),
        ),
        Mistake(
            "only a reshape",
            "The shape is right, but the numbers were never moved: they still lie in memory in the order of the input.",
            _depth_to_space_flat,
        ),
        Mistake(
            "positions repeated",
            "It repeats the first channels over each block; the other channels are lost.",
            _depth_to_space_repeated,
        ),
    ),
)


# ---------------------------------------------------------------------------------------------------------------------
# A2.5


def _pointwise(features: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return torch.einsum("dc,bcthw->bdthw", weight, features) + rearrange(bias, "d -> d 1 1 1")


def _decoder_stage(coarse: Tensor, fine: Tensor, weights: Weights, stride: Triple) -> Tensor:
    finer = _depth_to_space(_pointwise(coarse, weights["enlarge"], weights["enlarge_bias"]), stride)
    both = finer + _pointwise(fine, weights["lateral"], weights["lateral_bias"])
    return functional.conv3d(both, weights["stage"], weights["stage_bias"], padding=(0, 1, 1)).relu()


def _stage_slip(
    join: Callable[[Tensor, Tensor], Tensor] = torch.add,
    *,
    pattern: str = _ORDER,
    end: Callable[[Tensor], Tensor] = torch.relu,
    pad: str = "constant",
    biased: bool = True,
    turned: bool = False,
    late: bool = False,
    bias_late: bool = False,
    exchanged: bool = False,
    moved: int = 0,
) -> Callable[..., object]:
    """The stage with another way to join the two, to finish, to pad or to read the weights, or moved in time."""

    def answer(coarse: Tensor, fine: Tensor, weights: Weights, stride: Triple) -> Tensor:
        kept = {name: value if biased or value.ndim > 1 else torch.zeros_like(value) for name, value in weights.items()}
        kernel = kept["stage"].flip(2, 3, 4) if turned else kept["stage"]
        kernel = kernel.transpose(0, 1) if exchanged else kernel
        bias = torch.zeros_like(kept["stage_bias"]) if bias_late else kept["stage_bias"]
        after = rearrange(kept["stage_bias"] - bias, "d -> d 1 1 1")
        finer = _depth_to_space(_pointwise(coarse, kept["enlarge"], kept["enlarge_bias"]), stride, pattern)
        lateral = _pointwise(fine, kept["lateral"], kept["lateral_bias"])
        both = functional.pad(finer if late else join(finer, lateral), (1, 1, 1, 1, 0, 0), mode=pad)
        if moved:
            # Zeros come in at one end of the time, and as many steps are lost at the other.
            both = functional.pad(both, (0, 0, 0, 0, moved, -moved))
        out = functional.conv3d(both, kernel, bias)
        return end(out + lateral if late else out) + after

    return answer


def _decoder_stage_calls(generator: torch.Generator) -> list[Probe]:
    def call(
        b: int, d: int, wide: int, narrow: int, grid: Triple, stride: Triple, dtype: torch.dtype = torch.float32
    ) -> dict[str, object]:
        def draw(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator, dtype=dtype)

        block = math.prod(stride)
        weights = {
            "enlarge": draw(d * block, wide) / wide**0.5,
            "enlarge_bias": draw(d * block),
            "lateral": draw(d, narrow) / narrow**0.5,
            "lateral_bias": draw(d),
            "stage": draw(d, d, 1, 3, 3) / (9 * d) ** 0.5,
            "stage_bias": draw(d),
        }
        t, h, w = (size * step for size, step in zip(grid, stride, strict=True))
        return {"coarse": draw(b, wide, *grid), "fine": draw(b, narrow, t, h, w), "weights": weights, "stride": stride}

    both = ("coarse", "fine")
    w = _draw(generator, 5, 6)
    return [
        Probe("the sizes of the example", call(1, 4, 7, 5, (2, 3, 4), (2, 2, 2)), both),
        Probe("blocks with other sizes along each axis", call(1, 2, 7, 11, (2, 3, w), (2, 1, 3)), both),
        Probe("a batch of several clips, and space enlarged only", call(2, 5, 9, 11, (3, 4, w), (1, 2, 4))),
        Probe("a grid that stays", call(1, 5, 8, 2, (3, 4, w), (1, 1, 1))),
        Probe("float64", call(1, 3, 8, 2, (3, 4, w), (3, 2, 1), torch.float64)),
    ]


_DECODER_STAGE = Question(
    key="A2.5",
    title="A stage of a decoder",
    name="decoder_stage",
    answer=_decoder_stage,
    probes=_decoder_stage_calls,
    returns="b d t h w",
    hints=(
        "Follow the shapes: write behind each of the four steps of the text what comes out, and print it.",
        "A convolution of size 1 is a matrix product over the channels, the same at each position: einsum does it, or"
        " F.conv3d once the weight has three more axes of size 1.",
        "enlarge coarse and add its bias; depth to space as in A2.4; add (lateral of fine, with its bias); F.conv3d "
        "with the stage's weight and bias and padding=(0, 1, 1); relu of that.",
    ),
    difficulty="medium",
    minutes=20,
    points=4,
    mistakes=(
        Mistake(
            "pixel_shuffle's order",
            "Its depth-to-space reads the channels in another order than A2.4 asks for: the output channel runs "
            "fastest.",
            _stage_slip(pattern=_TORCH_ORDER),
        ),
        Mistake(
            "lateral left out",
            "The finer encoder level does not enter: without it the stage cannot know where in a block an edge runs.",
            _stage_slip(lambda finer, _lateral: finer),
        ),
        Mistake(
            "lateral too late",
            "The finer level is added behind the last convolution; it enters before it.",
            _stage_slip(late=True),
        ),
        Mistake(
            "lateral multiplied",
            "It multiplies the two; a lateral connection is added.",
            _stage_slip(torch.mul),
        ),
        Mistake(
            "lateral averaged",
            "It takes the mean of the two; a lateral connection is added.",
            _stage_slip(lambda finer, lateral: (finer + lateral) / 2),
        ),
        Mistake(
            "rectifier missing",
            "It lets negative numbers out: the rectifier at the end is missing.",
            _stage_slip(end=lambda out: out),
        ),
        Mistake(
            "rectifier before the sum",
            "It cuts off negative numbers of the enlarged features before the two are added; there is one rectifier, "
            "at the end.",
            _stage_slip(lambda finer, lateral: finer.relu() + lateral),
        ),
        Mistake(
            "rectifier on both before the sum",
            "It cuts off negative numbers of both parts before they are added; there is one rectifier, at the end.",
            _stage_slip(lambda finer, lateral: finer.relu() + lateral.relu()),
        ),
        Mistake(
            "rectifier before the convolution",
            "It cuts off negative numbers of the sum before the last convolution as well; there is one rectifier, at "
            "the end.",
            _stage_slip(lambda finer, lateral: (finer + lateral).relu()),
        ),
        Mistake(
            "rectifier too early",
            "The rectifier stands before the last convolution; it should stand behind it.",
            _stage_slip(lambda finer, lateral: (finer + lateral).relu(), end=lambda out: out),
        ),
        Mistake(
            "biases left out",
            "It uses the weights and none of the three biases.",
            _stage_slip(biased=False),
        ),
        Mistake(
            "bias behind the rectifier",
            "The bias of the last convolution is added behind the rectifier, which then lets negative numbers out. It "
            "belongs to the convolution.",
            _stage_slip(bias_late=True),
        ),
        Mistake(
            "channels of the last kernel exchanged",
            "It takes the input channels of the last kernel for its output channels. Both are d, so no shape tells; "
            "weights have the output channels first.",
            _stage_slip(exchanged=True),
        ),
        *(
            Mistake(
                "moved in time",
                "Everything comes one time step too late or too early: zeros are added in time as well, and too many "
                "steps are cut off at one end afterwards. The kernel covers one step and needs no padding there.",
                _stage_slip(moved=step),
            )
            for step in (1, -1)
        ),
        Mistake(
            "border repeated",
            "At the border of the frames it repeats the last pixels; the question asks for zeros.",
            _stage_slip(pad="replicate"),
        ),
        Mistake(
            "kernel turned round",
            "It turns the kernel round before it is laid over the features; networks do not.",
            _stage_slip(turned=True),
        ),
    ),
)


# ---------------------------------------------------------------------------------------------------------------------
# A2.6


def _flow_error(encoder: nn.Module, decoder: nn.Module, clip: Tensor, target: Tensor) -> Tensor:
    flow, _ = decoder(encoder(clip))
    return (flow[:, :, :-1] - target).square().mean()


def _gradients_of(loss: Tensor, module: nn.Module) -> dict[str, Tensor]:
    named = dict(module.named_parameters())
    found = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    pairs = zip(named.items(), found, strict=True)
    return {name: torch.zeros_like(one) if gradient is None else gradient for (name, one), gradient in pairs}


def _encoder_gradient_norms(encoder: nn.Module, decoder: nn.Module, clip: Tensor, target: Tensor) -> dict[str, float]:
    loss = _flow_error(encoder, decoder, clip, target)
    return {name: float(gradient.norm()) for name, gradient in _gradients_of(loss, encoder).items()}


def _norms_of(
    loss: Callable[[Tensor, Tensor], Tensor] = functional.mse_loss,
    length: Callable[[Tensor], Tensor] = torch.linalg.vector_norm,
    *,
    steps: slice = slice(None, -1),
) -> Callable[..., object]:
    """The norms with another loss, another measure of length or other time steps."""

    def answer(encoder: nn.Module, decoder: nn.Module, clip: Tensor, target: Tensor) -> dict[str, float]:
        value = loss(decoder(encoder(clip))[0][:, :, steps], target)
        return {name: float(length(gradient)) for name, gradient in _gradients_of(value, encoder).items()}

    return answer


def _by_backward(*, before: bool, after: bool) -> Callable[..., object]:
    """The norms read from `.grad`, which is cleared before, after, both or never."""

    def answer(encoder: nn.Module, decoder: nn.Module, clip: Tensor, target: Tensor) -> dict[str, float]:
        if before:
            encoder.zero_grad()
            decoder.zero_grad()
        _flow_error(encoder, decoder, clip, target).backward()
        norms = {name: 0.0 if one.grad is None else float(one.grad.norm()) for name, one in encoder.named_parameters()}
        if after:
            encoder.zero_grad()
            decoder.zero_grad()
        return norms

    return answer


def _only_reached(encoder: nn.Module, decoder: nn.Module, clip: Tensor, target: Tensor) -> dict[str, float]:
    norms = _encoder_gradient_norms(encoder, decoder, clip, target)
    return {name: norm for name, norm in norms.items() if norm > 0}


def _all_reached(encoder: nn.Module, decoder: nn.Module, clip: Tensor, target: Tensor) -> dict[str, float]:
    loss = _flow_error(encoder, decoder, clip, target)
    named = dict(encoder.named_parameters())
    found = torch.autograd.grad(loss, list(named.values()))
    return {name: float(gradient.norm()) for name, gradient in zip(named, found, strict=True)}


def _of_the_decoder(encoder: nn.Module, decoder: nn.Module, clip: Tensor, target: Tensor) -> dict[str, float]:
    loss = _flow_error(encoder, decoder, clip, target)
    return {name: float(gradient.norm()) for name, gradient in _gradients_of(loss, decoder).items()}


def _of_the_parameters(encoder: nn.Module, *_: object) -> dict[str, float]:
    return {name: float(one.detach().norm()) for name, one in encoder.named_parameters()}


def _encoder_gradient_norms_calls(generator: torch.Generator) -> list[Probe]:
    def call(b: int, t: int, h: int, w: int, *, reads: str = "both", earlier: int = 0) -> dict[str, object]:
        seeds = [_draw(generator, 0, 10**6) for _ in range(2)]
        return {
            "encoder": Made("pyramid_encoder", {"seed": seeds[0], "earlier": earlier}),
            "decoder": Made("pyramid_decoder", {"seed": seeds[1], "reads": reads, "earlier": earlier}),
            "clip": torch.rand(b, 3, t, h, w, generator=generator),
            "target": 2 * torch.randn(b, 2, t - 1, h, w, generator=generator),
        }

    w = 2 * _draw(generator, 5, 7)
    return [
        Probe("fresh modules", call(1, 5, 6, 8)),
        Probe("a batch of several clips", call(3, 4, 6, w)),
        Probe("modules that hold gradients of an earlier step", call(1, 4, 8, w, earlier=1)),
        Probe("a decoder that does not read the last level", call(1, 5, 4, w, reads="first")),
        Probe("a decoder that detaches the pyramid", call(1, 4, 6, w, reads="detached")),
    ]


_ENCODER_GRADIENT_NORMS = Question(
    key="A2.6",
    title="Proof that a decoder teaches the encoder",
    name="encoder_gradient_norms",
    answer=_encoder_gradient_norms,
    probes=_encoder_gradient_norms_calls,
    hints=(
        "Compute the loss first and print it; it is one number that requires a gradient. Then look up what "
        "torch.autograd.grad does and backward() does not.",
        "torch.autograd.grad(loss, parameters) returns gradients and fills no .grad. Parameters that the loss does "
        "not reach need an option; they then come back as None.",
        "flow, _ = decoder(encoder(clip)); the loss is the mean of (flow without its last time step - target) "
        "squared. Ask grad(loss, list of the encoder's parameters, allow_unused=True), and put the root of the sum of"
        " squares of each, 0.0 for None, under the names of encoder.named_parameters().",
    ),
    difficulty="hard",
    minutes=25,
    points=5,
    tolerance=1e-3,
    mistakes=(
        Mistake(
            "missing square root",
            "It returns squared lengths: the root of the sum of squares is asked for.",
            _norms_of(length=lambda gradient: gradient.square().sum()),
        ),
        Mistake(
            "sum of absolute values",
            "It adds up absolute values; the Euclidean length is the root of the sum of squares.",
            _norms_of(length=lambda gradient: gradient.abs().sum()),
        ),
        Mistake(
            "mean for length",
            "It averages over the entries of a gradient; a length is taken over their sum.",
            _norms_of(length=lambda gradient: gradient.square().mean().sqrt()),
        ),
        Mistake(
            "mean of absolute values",
            "It takes the mean of absolute values; the Euclidean length is the root of the sum of squares.",
            _norms_of(length=lambda gradient: gradient.abs().mean()),
        ),
        Mistake(
            "largest entry",
            "It takes the largest entry of a gradient; the Euclidean length is the root of the sum of squares.",
            _norms_of(length=lambda gradient: gradient.abs().max()),
        ),
        Mistake(
            "cut by detach",
            "All lengths are zero, even for a decoder that reads the pyramid as it is: on the way from the encoder to"
            " the loss something cuts the gradient.",
            lambda encoder, *_: dict.fromkeys(dict(encoder.named_parameters()), 0.0),
        ),
        Mistake(
            "earlier gradients added",
            "It is wrong where the modules hold gradients of an earlier step: backward() adds to what is in .grad "
            "already. And it leaves its own there.",
            _by_backward(before=False, after=False),
        ),
        Mistake(
            "gradients left behind",
            "The lengths are right, but .grad of the modules is not what it was: the next optimiser step would use "
            "what was left there.",
            _by_backward(before=True, after=False),
        ),
        Mistake(
            "earlier gradients wiped out",
            "The lengths are right, but gradients that the modules held before are gone; both must come back as they "
            "were.",
            _by_backward(before=True, after=True),
        ),
        Mistake(
            "earlier gradients added and not restored",
            "It is wrong where the modules hold gradients of an earlier step: backward() adds to these very tensors, "
            "and afterwards they are not what they were.",
            _by_backward(before=False, after=True),
        ),
        Mistake(
            "decoder's parameters",
            "It names and measures the parameters of the decoder; the question is what its loss does to the encoder.",
            _of_the_decoder,
        ),
        Mistake(
            "weights for gradients",
            "It measures the parameters themselves; their gradients are asked for.",
            _of_the_parameters,
        ),
        Mistake(
            "fails on unreached parameters",
            "It raises an error where the loss does not reach a parameter of the encoder. That can be, and is what the "
            "question is about: such a parameter has length 0.0.",
            _all_reached,
        ),
        Mistake(
            "unreached parameters left out",
            "Parameters that the loss does not reach are missing; they belong into the answer, with 0.0.",
            _only_reached,
        ),
        Mistake(
            "off by one frame",
            "It leaves out the first time step of the prediction; it is the last one that has no target.",
            _norms_of(steps=slice(1, None)),
        ),
        Mistake(
            "sum for mean",
            "The loss adds up squared differences; their mean is asked for.",
            _norms_of(lambda flow, target: (flow - target).square().sum()),
        ),
        Mistake(
            "sum over the channels",
            "The loss adds up over the two channels and averages over the rest; it is the mean over all numbers.",
            _norms_of(lambda flow, target: (flow - target).square().sum(1).mean()),
        ),
        Mistake(
            "absolute error",
            "The loss is the mean absolute difference; the mean squared one is asked for.",
            _norms_of(functional.l1_loss),
        ),
        Mistake(
            "root of the loss",
            "The gradient is that of the root of the mean squared difference; the loss has no root.",
            _norms_of(lambda flow, target: functional.mse_loss(flow, target).sqrt()),
        ),
    ),
)


# ---------------------------------------------------------------------------------------------------------------------
# A2.7


def _inflate(kernel: Tensor, time: int) -> Tensor:
    if time < 1:
        raise ValueError(f"time is {time}; a kernel covers at least 1 frame")
    return repeat(kernel / time, "o i h w -> o i t h w", t=time)


def _inflate_calls(generator: torch.Generator) -> list[Probe]:
    def kernel(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    o = _draw(generator, 6, 9)
    return [
        Probe("the sizes of the example", {"kernel": kernel(4, 2, 3, 5), "time": 3}),
        Probe("a kernel that is wider than high", {"kernel": kernel(o, 2, 1, 5), "time": 4}, ("kernel",)),
        Probe("a kernel over one frame", {"kernel": kernel(o, 4, 5, 2), "time": 1}),
        Probe("float64", {"kernel": kernel(o, 3, 5, 4).double(), "time": 2}),
        Probe("no frame at all", {"kernel": kernel(o, 3, 5, 4), "time": 0}),
        Probe("another device", {"kernel": kernel(o, 3, 5, 4), "time": 2}, meta=True),
    ]


def _inflate_mixed(kernel: Tensor, time: int) -> Tensor:
    return _inflate(kernel, time).transpose(1, 2).reshape(*kernel.shape[:2], time, *kernel.shape[2:])


def _placed(where: Callable[[int], int]) -> Callable[..., object]:
    """The kernel in a single frame, with zeros in the others."""

    def answer(kernel: Tensor, time: int) -> Tensor:
        solid = torch.zeros_like(_inflate(kernel, time))
        return torch.cat([solid[:, :, : where(time)], kernel[:, :, None], solid[:, :, where(time) + 1 :]], 2)

    return answer


_INFLATE = Question(
    key="A2.7",
    title="Inflate a 2D kernel",
    name="inflate",
    answer=_inflate,
    probes=_inflate_calls,
    returns="o i t h w",
    hints=(
        "On a frozen clip all frames are alike. How often does a repeated kernel add up the same answer?",
        "Repeat the kernel along a new axis, then make its sum over that axis what the 2D kernel was.",
        "einops.repeat with 'o i h w -> o i t h w', of the kernel divided by the number of frames; before that, "
        "ValueError for time < 1.",
    ),
    difficulty="easy",
    minutes=10,
    points=2,
    mistakes=(
        Mistake(
            "not divided",
            "On a frozen clip its answer is as many times too large as it covers frames.",
            lambda kernel, time: _inflate(kernel, time) * time,
        ),
        Mistake(
            "divided twice",
            "On a frozen clip its answer is too small: the number of frames is divided out twice.",
            lambda kernel, time: _inflate(kernel, time) / time,
        ),
        Mistake(
            "divided by the whole kernel",
            "It divides by all positions of the kernel; only the repetition along time has to be made up for.",
            lambda kernel, time: _inflate(kernel, time) / math.prod(kernel.shape[2:]),
        ),
        Mistake(
            "divided by the root",
            "It divides by the root of the number of frames. Answers to equal frames add up whole, not as a root.",
            lambda kernel, time: _inflate(kernel, time) * time**0.5,
        ),
        Mistake(
            "reshape for rearrange",
            "The shape is right, and frames and input channels are mixed up: reshape moves no axis. All frames of a "
            "channel should hold that channel's kernel.",
            _inflate_mixed,
        ),
        Mistake(
            "one frame only",
            "The kernel stands in the middle frame, with zeros around it; it should be spread evenly over all frames.",
            _placed(lambda time: time // 2),
        ),
        Mistake(
            "first frame only",
            "The kernel stands in the first frame, with zeros behind it; it should be spread evenly over all frames.",
            _placed(lambda _time: 0),
        ),
    ),
)

QUESTIONS: tuple[Question, ...] = (
    _OUTPUT_SHAPE,
    _SEEN_WINDOW,
    _CONVOLUTION_COST,
    _DEPTH_TO_SPACE,
    _DECODER_STAGE,
    _ENCODER_GRADIENT_NORMS,
    _INFLATE,
)
