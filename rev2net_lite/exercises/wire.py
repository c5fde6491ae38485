"""Plain data between the process that judges and the one that runs an answer: frames of JSON with raw arrays behind.

Nothing is unpickled, and whatever comes from an answer's process is checked before it is used: it may be forged.
"""

from __future__ import annotations

import json
import math
import re
import struct
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from rev2net_lite.exercises.observing import Array, Observation, Other, Value
from rev2net_lite.exercises.questions import Made, Probe

__all__ = [
    "Frame",
    "FrameError",
    "decode_observation",
    "decode_probes",
    "encode_observation",
    "encode_probes",
    "read_frame",
    "write_frame",
]

_SIZES = struct.Struct(">IQ")
_MOST_TEXT = 16 * 2**20  # bytes of a frame's JSON
_MOST_DATA = 128 * 2**20  # bytes of its arrays
_LONGEST = 4000  # characters of one text that comes back
_LARGEST = 2_000_000  # numbers in one array that comes back
_DEEPEST = 8
_DTYPES = {np.dtype(name).name for name in ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")}
_TORCH_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        *(torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
        *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
    )
}


class FrameError(ValueError):
    """What came is no frame of this protocol, or holds more than one may."""


@dataclass(frozen=True)
class Frame:
    """One message: a JSON object, and the bytes of the arrays that it speaks of."""

    content: dict[str, object]
    data: bytes = b""


def write_frame(stream: BinaryIO, frame: Frame) -> None:
    """Nothing; the frame has gone into the stream."""
    text = json.dumps(frame.content).encode("ascii")
    stream.write(_SIZES.pack(len(text), len(frame.data)) + text + frame.data)
    stream.flush()


def read_frame(stream: BinaryIO) -> Frame | None:
    """The next frame of a stream; None where it ends between two.

    Raises:
        FrameError: it ends within one, or what came is none.
    """
    first = stream.read(1)
    if not first:
        return None
    length, size = _SIZES.unpack(first + _exactly(stream, _SIZES.size - 1))
    if length > _MOST_TEXT or size > _MOST_DATA:
        raise FrameError(f"a frame of {length} and {size} bytes came; at most {_MOST_TEXT} and {_MOST_DATA} are read")
    text, data = _exactly(stream, length), _exactly(stream, size)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FrameError("a frame came that is no JSON") from error
    if not isinstance(content, dict):
        raise FrameError("a frame came that is no JSON object")
    return Frame(content, data)


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise FrameError("the stream ends within a frame")
    return data


def encode_probes(probes: list[Probe]) -> Frame:
    """The calls as one frame, without their labels, which speak of what is tested.

    Raises:
        ValueError: an argument is neither plain data nor `Made`.
    """
    parts: list[bytes] = []
    calls = [
        {
            "arguments": [[name, _encode(value, parts)] for name, value in probe.arguments.items()],
            "gradients": list(probe.gradients),
            "meta": probe.meta,
        }
        for probe in probes
    ]
    return Frame({"probes": calls}, b"".join(parts))


def decode_probes(frame: Frame) -> list[Probe]:
    """The calls of a frame that the judging process made."""
    return [
        Probe(
            label="",
            arguments={name: _decode(node, frame.data) for name, node in call["arguments"]},
            gradients=tuple(call["gradients"]),
            meta=call["meta"],
        )
        for call in frame.content["probes"]  # type: ignore[attr-defined]
    ]


def encode_observation(seen: Observation) -> Frame:
    """What an answer did at one call, as a frame; of arrays that are too large the form only."""
    parts: list[bytes] = []
    content: dict[str, object] = {
        "value": _encode(seen.value, parts),
        "gradients": [[name, _encode(array, parts)] for name, array in seen.gradients.items()],
        "changed": list(seen.changed),
        "error": seen.error,
        "attempted": seen.attempted,
        "library": list(seen.library),
        "said": seen.said,
    }
    return Frame({"seen": content}, b"".join(parts))


def decode_observation(frame: Frame) -> Observation:
    """The observation in a frame that an answer's process sent.

    Raises:
        FrameError: it is no observation, or its arrays are not what it says.
    """
    content = frame.content.get("seen")
    if not isinstance(content, dict):
        raise FrameError("a frame came that is no observation")
    gradients: dict[str, Array | None] = {}
    for pair in _listed(content.get("gradients")):
        name, node = _pair(pair)
        gradient = _decode(node, frame.data)
        if gradient is not None and not isinstance(gradient, Array):
            raise FrameError("a gradient came that is no array")
        gradients[_text(name)] = gradient
    return Observation(
        value=_value(_decode(content.get("value"), frame.data)),
        gradients=gradients,
        changed=tuple(map(_text, _listed(content.get("changed")))),
        error=_text(content.get("error")),
        attempted=content.get("attempted") is True,
        library=tuple(map(_text, _listed(content.get("library")))),
        said=_text(content.get("said")),
    )


def _encode(value: object, parts: list[bytes]) -> object:
    """JSON of a value: plain ones as they are, all others as an object of one key, which is their kind."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple | list):
        return {type(value).__name__: [_encode(item, parts) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[key, _encode(item, parts)] for key, item in value.items()]}
    if isinstance(value, Array):
        if value.data.size > _LARGEST or value.data.dtype.name not in _DTYPES:
            return {"other": f"{value.dtype} tensor of shape {value.shape}"}
        where = _place(value.data, parts)
        return {"array": [*where, list(value.shape), value.dtype, value.device, value.library]}
    if isinstance(value, Other):
        return {"other": value.kind}
    if isinstance(value, Made):
        return {"made": [value.maker, dict(value.options)]}
    if isinstance(value, Tensor):
        wide = value.detach().float() if value.dtype is torch.bfloat16 else value.detach()
        return {"tensor": [*_place(wide.numpy(), parts), list(value.shape), str(value.dtype).removeprefix("torch.")]}
    if isinstance(value, np.ndarray):
        return {"ndarray": [*_place(value, parts), list(value.shape)]}
    raise ValueError(
        f"an argument of a probe is a {type(value).__name__}; tensors, arrays, numbers, strings, lists and "
        "dictionaries of them, or Made can be sent to another process"
    )


def _place(array: np.ndarray, parts: list[bytes]) -> list[object]:
    """Data type, offset and count of an array whose bytes are appended."""
    offset = sum(map(len, parts))
    parts.append(np.ascontiguousarray(array).tobytes())
    return [array.dtype.name, offset, array.size]


def _decode(node: object, data: bytes, *, depth: int = 0) -> object:
    if depth > _DEEPEST:
        raise FrameError("a value came that is nested too deeply")
    if isinstance(node, int) and not isinstance(node, bool) and abs(node) >= 2**63:
        return Other("int")
    if isinstance(node, str):
        return _text(node)
    if node is None or isinstance(node, bool | int | float):
        return node
    ((kind, content),) = node.items() if isinstance(node, dict) and len(node) == 1 else [("", [])]
    if kind in ("tuple", "list"):
        items = (_decode(item, data, depth=depth + 1) for item in _listed(content))
        return tuple(items) if kind == "tuple" else list(items)
    if kind == "dict":
        pairs = map(_pair, _listed(content))
        return {
            key if isinstance(key, int) else _text(key): _decode(item, data, depth=depth + 1) for key, item in pairs
        }
    if kind == "other":
        return Other(_text(content))
    parts = _listed(content)
    if kind == "array" and len(parts) == 7:
        return _array(parts, data)
    if kind == "tensor" and len(parts) == 5:
        return torch.from_numpy(_numbers(parts, data).copy()).to(_TORCH_DTYPES[_text(parts[4])])
    if kind == "ndarray" and len(parts) == 4:
        return _numbers(parts, data).copy()
    if kind == "made" and len(parts) == 2 and isinstance(parts[1], dict):
        return Made(_text(parts[0]), parts[1])
    raise FrameError("a value came that is of no known kind")


def _array(parts: list[object], data: bytes) -> Array:
    dtype, device, library = (_text(part) for part in parts[4:])
    if not re.fullmatch(r"[a-z0-9_]{1,20}", dtype) or not re.fullmatch(r"[a-z:0-9]{1,20}", device):
        raise FrameError("an array came with a data type or device that there is none of")
    if library not in ("torch", "numpy"):
        raise FrameError("an array came of a library that is neither torch nor numpy")
    if device == "meta":
        return Array(np.empty(0, np.float32), _shape(parts[3]), dtype, device, library)
    numbers = _numbers(parts, data)
    return Array(numbers, numbers.shape, dtype, device, library)


def _numbers(parts: list[object], data: bytes) -> np.ndarray:
    name, offset, count, shape = parts[0], parts[1], parts[2], _shape(parts[3])
    if name not in _DTYPES or type(offset) is not int or type(count) is not int:
        raise FrameError("an array came without a data type, an offset and a count")
    dtype = np.dtype(str(name))
    if min(offset, count) < 0 or offset + count * dtype.itemsize > len(data) or math.prod(shape) != count:
        raise FrameError("an array came whose shape does not fit its numbers")
    return np.frombuffer(data, dtype, count, offset).reshape(shape)


def _shape(value: object) -> tuple[int, ...]:
    sizes = tuple(size for size in _listed(value) if type(size) is int and 0 <= size < 2**40)
    if len(sizes) != len(_listed(value)) or len(sizes) > 16:
        raise FrameError("an array came whose shape is none")
    return sizes


def _value(value: object) -> Value:
    """The value, if it is one that an observation can hold."""
    if isinstance(value, list | Tensor | np.ndarray | Made):
        raise FrameError("an observation came with a value of a kind that is for probes")
    if isinstance(value, tuple):
        return tuple(map(_value, value))
    if isinstance(value, dict):
        return {key: _value(item) for key, item in value.items()}
    return value  # type: ignore[return-value]


def _listed(value: object) -> list[object]:
    if not isinstance(value, list) or len(value) > 10_000:
        raise FrameError("something else came where a list belongs")
    return value


def _pair(value: object) -> tuple[object, object]:
    first, second = (*_listed(value), None, None)[:2]
    return first, second


def _text(value: object) -> str:
    """The text, without what cannot be written into a file or would steer a terminal."""
    if not isinstance(value, str):
        raise FrameError("something else came where a text belongs")
    whole = value[:_LONGEST].encode("utf-8", "replace").decode("utf-8")
    return "".join(letter if letter.isprintable() or letter in "\n\t" else "?" for letter in whole)
