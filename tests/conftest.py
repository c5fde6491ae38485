"""What several test modules share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def clips_folder() -> Path:
    """The folder of real test videos; a machine that promised it must have it."""
    folder = os.environ.get("REV2NET_CLIPS", "")
    if folder and Path(folder, "MANIFEST.csv").is_file():
        return Path(folder)
    if folder or os.environ.get("CI") == "true":
        pytest.fail(f"REV2NET_CLIPS is {folder!r}; it must name the folder that holds MANIFEST.csv and the test videos")
    pytest.skip("REV2NET_CLIPS is not set: real test videos are not read")
