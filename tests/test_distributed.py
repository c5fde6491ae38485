"""Two processes that train one model together, beside one process with the whole batch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import distributed_calls
import psutil
import pytest
import torch
from distributed_calls import CASES, train_split, trained

from rev2net_lite import distributed
from rev2net_lite.checkpoints import load_checkpoint
from rev2net_lite.distributed import ALONE, Processes, joined_processes


def torchrun(job: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Two processes at a job of distributed_calls.py."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    command += [distributed_calls.__file__, job, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as launcher:
        try:
            out, err = launcher.communicate(timeout=500)
        except subprocess.TimeoutExpired:
            # Those that it started outlive it.
            for process in psutil.Process(launcher.pid).children(recursive=True):
                process.kill()
            launcher.kill()
            raise
    return subprocess.CompletedProcess(command, launcher.returncode, out, err)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the world that all processes read."""
    made = tmp_path_factory.mktemp("distributed")
    train_split(made / "world")
    return made


@pytest.fixture(scope="module")
def together(folder: Path) -> list[dict[str, Any]]:
    """What each of two processes saw of all cases."""
    ran = torchrun("all_cases", folder)
    assert ran.returncode == 0, ran.stderr
    return [json.loads((folder / f"all_cases-{rank}.json").read_text()) for rank in range(2)]


@pytest.mark.training
@pytest.mark.parametrize("case", [case for case in CASES if case != "batch norm"])
def test_two_processes_lose_what_one_loses(case: str, together: list[dict[str, Any]], folder: Path) -> None:
    alone = trained(train_split(folder / "world"), case)
    assert len(alone["rows"]) == CASES[case][2].epochs
    for row, first in zip(alone["rows"], together[0][case]["rows"], strict=True):
        assert first == pytest.approx(row, rel=0, abs=1e-5)
    if case == "penalty":
        assert alone["rows"][0]["discrepancy"] > 0.1 and len(alone["rows"]) == 10


@pytest.mark.training
def test_all_processes_end_with_one_history_and_one_model(together: list[dict[str, Any]]) -> None:
    assert all(together[0][case] == together[1][case] for case in CASES)
    # With BatchNorm too, though each process normalises by its own clips on a CPU.
    assert [row["epoch"] for row in together[0]["batch norm"]["rows"]] == [1, 2, 3]


@pytest.mark.training
def test_stopped_and_taken_up_again_they_end_the_same(together: list[dict[str, Any]]) -> None:
    assert together[0]["resumed"] == together[0]["penalty"]


@pytest.mark.training
def test_the_first_keeps_a_checkpoint_and_how_it_was_made(folder: Path) -> None:
    ran = torchrun("keep", folder)
    assert ran.returncode == 0, ran.stderr
    said = [(folder / f"keep-{rank}").read_text() for rank in range(2)]
    assert said == [str(folder / "kept" / "model"), "None"]
    model, record = load_checkpoint(folder / "kept" / "model")
    assert (model.config.name, model.config.norm) == ("rgb", "group") and not model.training
    assert record["processes"] == 2 and record["tests"]["street"]["accuracy"]["n"] == 8
    assert record["made_by"] == "rev2net train rgb --profile smoke --seed 1 --kind 'sprites' --norm group"
    assert [row["epoch"] for row in record["history"]] == [1] and "validation_accuracy" in record["history"][0]


@pytest.mark.training
def test_a_batch_without_a_clip_for_each_process_is_refused(together: list[dict[str, Any]]) -> None:
    assert together[1]["refused"] == (
        "2 processes share batches of 1 clip(s); expected a clip or more for each: start fewer, or take larger batches"
    )


@pytest.mark.training
def test_an_error_of_one_process_ends_all(folder: Path) -> None:
    ran = torchrun("one_fails", folder)
    assert ran.returncode != 0 and "the second process fails" in ran.stderr
    assert not list(folder.glob("one_fails-*.json"))


def test_parts_cover_all_clips_in_order() -> None:
    for world in (1, 2, 3, 7):
        parts = [Processes(rank, world).part(range(31)) for rank in range(world)]
        assert [i for part in parts for i in part] == list(range(31))
        assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_one_process_needs_no_other() -> None:
    value = torch.tensor(0.3)
    assert ALONE.average(value, 2) is value and ALONE.total(3) == 3 and ALONE.shared("a") == "a" and ALONE.first
    with joined_processes() as (processes, device):
        assert processes == ALONE and device.type in ("cpu", "cuda")


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TORCHELASTIC_RUN_ID": "a", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ValueError, match=r"2 processes on a host with 1 GPU\(s\); give --nproc_per_node as many"):
        joined_processes().__enter__()


def test_synchronised_batchnorm_shares_its_numbers_with_the_layer_it_stands_for() -> None:
    model = torch.nn.Sequential(torch.nn.Conv3d(3, 4, 1), torch.nn.BatchNorm3d(4))
    layer = model[1]
    [(parent, name, replaced)] = distributed._synchronise_batchnorm(model)
    assert parent is model and name == "1" and replaced is layer
    assert isinstance(model[1], torch.nn.SyncBatchNorm)
    assert model[1].weight is layer.weight and model[1].running_mean is layer.running_mean
