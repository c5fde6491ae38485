"""Models and training states on disk: tensors as safetensors, everything else as JSON, nothing pickled.

A checkpoint is a folder. `NAME.json` is written last and by a rename, and it names the tensor file that belongs to it,
so a process killed at any moment leaves either the old checkpoint or the new one, never a mixture. Two processes that
save into one folder take turns.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from rev2net_lite.files import hold_folder, write_atomically
from rev2net_lite.models import Model, build_model
from rev2net_lite.untrusted import confined, read_json

__all__ = ["CheckpointError", "load_checkpoint", "load_state", "save_checkpoint", "save_state"]

SCHEMA = 1
# The largest model of the kit has a tenth of this, with its optimiser's state.
_MOST_TENSOR_BYTES = 2**32
_MOST_CLASSES = 100_000
# A save takes seconds, so whoever waits longer for the other process waits for a broken one.
_PATIENCE_S = 60.0


class CheckpointError(ValueError):
    """A checkpoint that is not there, not whole, or not what was asked for."""


def save_checkpoint(folder: Path | str, model: Model, *, record: Mapping[str, Any] | None = None) -> Path:
    """Write `model` into `folder` (`model.json` and a safetensors file) and return the folder.

    Args:
        folder: made if need be; a model that is already there is replaced, whole.
        model: on any device.
        record: plain data about how it came to be, kept as it is.
    """
    save_state(folder, "model", model.state_dict(), {"config": asdict(model.config), "record": dict(record or {})})
    return Path(folder)


def load_checkpoint(folder: Path | str) -> tuple[Model, dict[str, Any]]:
    """The model of a checkpoint, on the CPU and in evaluation mode, and the record saved with it.

    Raises:
        CheckpointError: no checkpoint there, another schema, damaged files, or weights that do not fit the model.
    """
    tensors, data = load_state(folder, "model")
    try:
        config = data["config"]
        classes = config["classes"]
        # A number of classes would be room for as many as a stranger likes.
        if not isinstance(classes, list) or len(classes) > _MOST_CLASSES or not all(map(_is_text, classes)):
            raise ValueError(f"its classes are no list of up to {_MOST_CLASSES:,} names")
        model = build_model(
            config["name"],
            classes=classes,
            size=config["size"],
            norm=config["norm"],
            dropout=config["dropout"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{folder} describes no model of this kit: {error}") from error
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise CheckpointError(
            f"the weights in {folder} do not fit the model it describes ({config['name']}, {config['size']}): {error}"
        ) from error
    record = data.get("record", {})
    if not isinstance(record, dict):
        raise CheckpointError(f"the record in {folder} is a {type(record).__name__}; expected an object")
    return model.eval(), record


def save_state(folder: Path | str, name: str, tensors: Mapping[str, Tensor], data: Mapping[str, Any]) -> None:
    """Write tensors and plain data as checkpoint `name` of `folder`, whole or not at all.

    Raises:
        WriteError: the disk is full, the folder is read-only, ...; the checkpoint that was there is kept.
        ValueError: another process has been saving into the folder for a minute, or `data` is not plain.
    """
    folder = Path(folder)
    # safetensors refuses other memory formats, such as channels_last_3d, and tensors that share memory.
    payload = save({key: tensor.detach().cpu().contiguous().clone() for key, tensor in tensors.items()})
    digest = hashlib.sha256(payload).hexdigest()
    tensor_file = folder / f"{name}-{digest[:12]}.safetensors"
    description = json.dumps(
        {"schema": SCHEMA, "tensors": tensor_file.name, "sha256": digest, **data}, indent=1, allow_nan=False
    )
    lock = hold_folder(folder, lock=f".{name}.lock", wait_s=_PATIENCE_S)
    try:
        write_atomically(tensor_file, payload)
        write_atomically(folder / f"{name}.json", description.encode())
        for old in folder.glob(f"{name}-*.safetensors"):
            if old != tensor_file:
                old.unlink(missing_ok=True)
    finally:
        lock.release()


def load_state(folder: Path | str, name: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and plain data of checkpoint `name` of `folder`.

    Raises:
        CheckpointError: not there, too large, not JSON, another schema, a tensor file outside the folder, or damaged.
    """
    folder = Path(folder)
    data = _description(folder, name)
    while True:
        try:
            return _tensors(folder, name, data), data
        except FileNotFoundError as error:
            # Whoever saves removes the old tensors when the new description is there: then that one counts.
            newer = _description(folder, name)
            if newer == data:
                raise CheckpointError(f"{folder / name}.json names {data['tensors']}, which is not there") from error
            data = newer


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _description(folder: Path, name: str) -> dict[str, Any]:
    """The plain data of a checkpoint, with the name of its tensor file checked."""
    file = folder / f"{name}.json"
    try:
        data = read_json(confined(folder, file.name))
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no checkpoint in {folder}: it has no {name}.json") from error
    except ValueError as error:
        raise CheckpointError(str(error)) from error
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        found = data.get("schema") if isinstance(data, dict) else type(data).__name__
        raise CheckpointError(f"{file} has schema {found!r}; this version of the kit reads schema {SCHEMA}")
    tensors = data.get("tensors")
    try:
        path = confined(folder, tensors)
        inside = path.parent == folder and path.suffix == ".safetensors" and (path.is_file() or not path.exists())
    except ValueError:
        inside = False
    if not inside:
        raise CheckpointError(f"{file} names the tensor file {tensors!r}; expected a .safetensors file in its folder")
    return data


def _tensors(folder: Path, name: str, data: Mapping[str, Any]) -> dict[str, Tensor]:
    file = folder / data["tensors"]
    size = file.stat().st_size
    if size > _MOST_TENSOR_BYTES:
        raise CheckpointError(
            f"{file} has {size:,} bytes; the kit's models have up to a tenth of {_MOST_TENSOR_BYTES:,}, so it is none"
        )
    payload = file.read_bytes()
    if hashlib.sha256(payload).hexdigest() != data.get("sha256"):
        raise CheckpointError(f"{file} is damaged: its checksum is not the one in {name}.json")
    try:
        return load(payload)
    except SafetensorError as error:
        raise CheckpointError(f"{file} is not a safetensors file: {error}") from error
