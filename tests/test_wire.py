"""Plain data between two processes: it arrives as it was, and what is forged is refused."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch

from rev2net_lite.exercises.observing import Array, Observation, Other
from rev2net_lite.exercises.questions import Made, Probe
from rev2net_lite.exercises.wire import (
    Frame,
    FrameError,
    decode_observation,
    decode_probes,
    encode_observation,
    encode_probes,
    read_frame,
    write_frame,
)

PROBES = [
    Probe(
        "secret label",
        {
            "clip": torch.rand(2, 3),
            "half": torch.ones(2, dtype=torch.bfloat16),
            "whole": torch.arange(3),
            "flags": torch.tensor([True, False]),
            "array": np.arange(6.0).reshape(2, 3).T,
            "names": ["a", ("b", 1.5, None, True)],
            "table": {"x": 1, 2: [torch.zeros(())]},
            "model": Made("pyramid_encoder", {"seed": 1}),
        },
        gradients=("clip",),
    ),
    Probe("", {"clip": torch.rand(0, 3)}, meta=True),
]


def through(frame: Frame) -> Frame:
    stream = io.BytesIO()
    write_frame(stream, frame)
    stream.seek(0)
    back = read_frame(stream)
    assert back == frame and read_frame(stream) is None
    return back


def test_probes_arrive_as_they_were_without_their_labels() -> None:
    frame = through(encode_probes(PROBES))
    assert "secret label" not in json.dumps(frame.content)
    first, second = decode_probes(frame)
    assert (first.gradients, first.meta, second.meta) == (("clip",), False, True)
    for name, value in PROBES[0].arguments.items():
        came = first.arguments[name]
        assert type(came) is type(value), name
        if isinstance(value, torch.Tensor):
            assert came.dtype == value.dtype and torch.equal(came, value), name
        elif isinstance(value, np.ndarray):
            assert np.array_equal(came, value) and came.flags.writeable
        elif name != "table":
            assert came == value
    assert first.arguments["table"] == {"x": 1, 2: [torch.zeros(())]}
    assert second.arguments["clip"].shape == (0, 3)


def test_an_argument_that_is_no_plain_data_is_refused() -> None:
    with pytest.raises(ValueError, match=r"an argument of a probe is a object; tensors, arrays, .* or Made can be"):
        encode_probes([Probe("", {"x": object()})])


def test_observations_arrive_as_they_were() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    array = Array(values, (2, 3), "float32")
    seen = Observation(
        value={"a": (array, 1, 2.5, None, True, "text"), "b": Other("object")},
        gradients={"x": array, "y": None},
        changed=("x",),
        error="ValueError: no",
        library=("rev2net_lite.flow",),
        said="a warning",
    )
    back = decode_observation(through(encode_observation(seen)))
    assert np.array_equal(back.value["a"][0].data, values)  # type: ignore[index,call-overload,union-attr]
    assert repr(back) == repr(seen)
    meta = Observation(Array(np.empty(0, np.float32), (5, 6), "int64", "meta"))
    assert repr(decode_observation(through(encode_observation(meta)))) == repr(meta)
    large = Array(np.zeros(2_000_001, np.float32), (2_000_001,), "float32")
    sent = decode_observation(through(encode_observation(Observation(large))))
    assert sent.value == Other("float32 tensor of shape (2000001,)")


def forged(**changes: object) -> Frame:
    whole = encode_observation(Observation(1.0)).content["seen"]
    assert isinstance(whole, dict)
    return Frame({"seen": whole | changes}, bytes(16))


NESTED: object = 1
for _ in range(20):
    NESTED = {"tuple": [NESTED]}


@pytest.mark.parametrize(
    "frame, message",
    [
        (Frame({"seen": 1}), "a frame came that is no observation"),
        (forged(value={"array": ["float32", 0, 5, [5], "float32", "cpu", "torch"]}), "does not fit its numbers"),
        (forged(value={"array": ["float32", 0, 4, [5], "float32", "cpu", "torch"]}), "does not fit its numbers"),
        (forged(value={"array": ["float32", -8, 4, [4], "float32", "cpu", "torch"]}), "does not fit its numbers"),
        (forged(value={"array": ["object", 0, 1, [1], "float32", "cpu", "torch"]}), "without a data type"),
        (forged(value={"array": ["float32", 0, 1, [-1], "float32", "cpu", "torch"]}), "whose shape is none"),
        (forged(value={"array": ["float32", 0, 1, [1] * 20, "float32", "cpu", "torch"]}), "whose shape is none"),
        (forged(value={"array": ["float32", 0, 1, [1], "<b>", "cpu", "torch"]}), "data type or device"),
        (forged(value={"array": ["float32", 0, 1, [1], "float32", "cpu", "jax"]}), "neither torch nor numpy"),
        (forged(value={"array": [1]}), "a value came that is of no known kind"),
        (forged(value=[1]), "a value came that is of no known kind"),
        (forged(value={"tensor": ["float32", 0, 1, [1], "float32"]}), "for probes"),
        (forged(value=NESTED), "a value came that is nested too deeply"),
        (forged(gradients=[["x", 1.0]]), "gradient came that is no array"),
        (forged(gradients=1), "where a list belongs"),
        (forged(error=None), "where a text belongs"),
    ],
)
def test_a_forged_observation_is_refused(frame: Frame, message: str) -> None:
    with pytest.raises(FrameError, match=message):
        decode_observation(frame)


def test_forged_numbers_and_texts_are_made_harmless() -> None:
    seen = decode_observation(forged(value=10**400, error="\ud800 \x1b[31m" + "x" * 9000))
    assert seen.value == Other("int")
    assert seen.error.startswith("? ?[31m") and len(seen.error) == 4000


@pytest.mark.parametrize(
    "sent, message",
    [
        (b"\0\0", "the stream ends within a frame"),
        (b"\0\0\0\2" + bytes(8) + b"{", "the stream ends within a frame"),
        (b"\0\0\0\2" + bytes(8) + b"{{", "a frame came that is no JSON$"),
        (b"\0\0\0\2" + bytes(8) + b"[]", "a frame came that is no JSON object"),
        (b"\xff" * 12, "a frame of 4294967295 and .* bytes came; at most"),
    ],
)
def test_a_stream_that_holds_no_frame_is_refused(sent: bytes, message: str) -> None:
    with pytest.raises(FrameError, match=message):
        read_frame(io.BytesIO(sent))
