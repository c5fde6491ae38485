"""What several test modules share."""

from __future__ import annotations

import multiprocessing
import os
from pathlib import Path

import pytest
import torch

from rev2net_lite.datasets import SyntheticWorld, synthetic_world

torch.set_num_threads(1)
if method := os.environ.get("REV2NET_START_METHOD"):
    multiprocessing.set_start_method(method)


@pytest.fixture(scope="session")
def clips_folder() -> Path:
    """The folder of real test videos; a machine that promised it must have it."""
    folder = os.environ.get("REV2NET_CLIPS", "")
    if folder and Path(folder, "MANIFEST.csv").is_file():
        return Path(folder)
    if folder or os.environ.get("CI") == "true":
        pytest.fail(f"REV2NET_CLIPS is {folder!r}; it must name the folder that holds MANIFEST.csv and the test videos")
    pytest.skip("REV2NET_CLIPS is not set: real test videos are not read")


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> SyntheticWorld:
    """A synthetic world of a few small clips, everything decoded and its flow known."""
    made = synthetic_world(
        tmp_path_factory.mktemp("world"),
        seed=0,
        train_per_class=4,
        validation_per_class=1,
        test_per_class=2,
        frames=8,
        size=32,
        rendered_size=32,
    )
    for split in (made.train, made.validation, *made.tests.values()):
        split.prepare()
    return made
