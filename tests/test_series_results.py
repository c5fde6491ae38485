"""The numbers of the series: the same seed gives them twice, and a network trained at laptop has learned something."""

from __future__ import annotations

from pathlib import Path

import pytest
from series_claims import assert_results, numbers, repeatable

from rev2net_lite.bundled import notebooks_folder
from rev2net_lite.execution import execute_notebook
from rev2net_lite.profiles import get_profile
from rev2net_lite.runs import Record, read_record

pytestmark = pytest.mark.notebook


def executed(name: str, folder: Path, *, profile: str, seed: int) -> Record:
    """Record of one run of a notebook."""
    execute_notebook(
        notebooks_folder() / f"{name}.ipynb",
        folder / f"{name}.ipynb",
        parameters={"profile": profile, "seed": seed, "output": str(folder / "run")},
        cell_timeout_s=900,
        total_timeout_s=900,
        threads=get_profile(profile).threads,
    )
    return read_record(folder / "run" / "results.json")


def test_the_same_seed_gives_the_same_numbers_twice_and_another_seed_others(tmp_path: Path) -> None:
    first, second, other = (
        executed("05_flow_decoder", tmp_path / str(run), profile="smoke", seed=seed)
        for run, seed in enumerate((3, 3, 4))
    )
    assert repeatable(first) == repeatable(second)
    assert repeatable(first) != repeatable(other)


def test_a_network_trained_at_laptop_knows_its_source_and_more_than_chance_elsewhere(tmp_path: Path) -> None:
    record = executed("08_train_end_to_end", tmp_path, profile="laptop", seed=1)
    assert_results(record)
    found = numbers(record)
    low = {metric.name: metric.low for metric in record.metrics}
    chance = 1 / 8
    for system in ("rgb", "rev2net"):
        assert found[f"accuracy/{system}/studio"] > 0.85
        for elsewhere in ("untied", "street"):
            least = low[f"accuracy/{system}/{elsewhere}"]
            assert least is not None and least > chance
    assert found["flow_error/studio"] < 0.6 * found["zero_flow_error/studio"]
    assert found["object_error/studio"] < 0.7 * found["zero_object_error/studio"]
    assert found["psnr/studio"] > 25
    assert 0.8 < found["sharpness/studio"] < 1.5
    assert found["loss/rev2net/last"] < 0.3 * found["loss/rev2net/first"]
