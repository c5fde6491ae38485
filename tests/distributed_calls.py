"""What test_distributed.py starts with torchrun: each process trains, and writes what it saw beside the others'.

`python -m torch.distributed.run --nproc_per_node=2 distributed_calls.py JOB FOLDER`
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from rev2net_lite import training
from rev2net_lite.datasets import ClipDataset, synthetic_world
from rev2net_lite.distributed import ALONE, Processes, joined_processes
from rev2net_lite.experiment import train_and_keep
from rev2net_lite.losses import LossConfig
from rev2net_lite.models import build_model
from rev2net_lite.profiles import get_profile
from rev2net_lite.training import TrainConfig, fit

# Ten epochs of one step of 31 of the 32 clips: shards of 15 and 16.
TEN_STEPS = TrainConfig(
    epochs=10, batch_size=31, seed=3, losses=LossConfig(discrepancy_weight=1.0, discrepancy_detach="none")
)
# Three steps: from the fourth on, rounding alone makes one process differ from itself by 1e-4.
FEW_LABELS = replace(
    TEN_STEPS,
    epochs=3,
    pan=0.1,
    label_share=0.3,
    losses=LossConfig(weighting="learned", discrepancy_normalise="channel"),
)
STEPS_OF_SIX = replace(TEN_STEPS, epochs=3, batch_size=6)

CASES: dict[str, tuple[str, str, TrainConfig]] = {
    "penalty": ("rev2net", "group", TEN_STEPS),
    "few labels": ("rev2net", "group", FEW_LABELS),
    "two streams": ("two_stream", "group", STEPS_OF_SIX),
    "batch norm": ("frame_decoder", "batch", STEPS_OF_SIX),
}


def train_split(folder: Path) -> ClipDataset:
    """Thirty-two small clips with exact flow."""
    return synthetic_world(
        folder,
        seed=0,
        train_per_class=4,
        validation_per_class=1,
        test_per_class=1,
        frames=8,
        size=32,
        rendered_size=32,
        flow="exact",
    ).train.prepare()


def trained(data: ClipDataset, case: str, processes: Processes = ALONE, **options: Any) -> dict[str, Any]:
    """The history of a case without its times, and a digest of the model that it made."""
    system, norm, config = CASES[case]
    model = build_model(system, classes=data.classes, norm=norm, dropout=0.0, seed=1)  # type: ignore[arg-type]
    history = fit(model, data, config=config, device="cpu", progress=False, processes=processes, **options)
    digest = hashlib.sha256()
    for value in model.state_dict().values():
        digest.update(value.contiguous().numpy().tobytes())
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in history.rows]
    return {"rows": rows, "model": digest.hexdigest()}


def all_cases(data: ClipDataset, processes: Processes, folder: Path) -> dict[str, Any]:
    seen = {case: trained(data, case, processes) for case in CASES}
    seen["resumed"] = resumed(data, processes, folder)
    try:
        fit(
            build_model("rgb", classes=data.classes),
            data,
            config=replace(TEN_STEPS, batch_size=1),
            device="cpu",
            processes=processes,
        )
    except training.TrainingError as error:
        seen["refused"] = str(error)
    return seen


def resumed(data: ClipDataset, processes: Processes, folder: Path) -> dict[str, Any]:
    """The case `penalty`, stopped after its fourth epoch and taken up again."""
    real: Callable[..., Any] = training._train_epoch

    def stop(*arguments: Any, epoch: int, **options: Any) -> Any:
        if epoch == 4:
            raise KeyboardInterrupt
        return real(*arguments, epoch=epoch, **options)

    training._train_epoch = stop
    try:
        trained(data, "penalty", processes, folder=folder / "state")
    except KeyboardInterrupt:
        training._train_epoch = real
    return trained(data, "penalty", processes, folder=folder / "state")


def one_fails(data: ClipDataset, processes: Processes, _: Path) -> dict[str, Any]:
    if processes.rank == 1:
        raise ValueError("the second process fails")
    return trained(data, "penalty", processes)


def keep(folder: Path) -> str:
    """The checkpoint of a training as the command `rev2net train` does it."""
    small = replace(get_profile("smoke"), train_per_class=2, validation_per_class=1, test_per_class=1, epochs=1)
    kept = train_and_keep("rgb", folder=folder / "kept", profile=small, seed=1, norm="group", root=folder / "data")
    return str(kept)


if __name__ == "__main__":
    job, where = sys.argv[1], Path(sys.argv[2])
    torch.set_num_threads(1)
    if job == "keep":
        (where / f"keep-{os.environ['RANK']}").write_text(keep(where))
    else:
        with joined_processes() as (own, _):
            result = {"all_cases": all_cases, "one_fails": one_fails}[job](train_split(where / "world"), own, where)
            (where / f"{job}-{own.rank}.json").write_text(json.dumps(result))
