"""Records of notebook 09 with numbers of the tests' own."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from rev2net_lite.profiles import get_profile
from rev2net_lite.runs import Metric, Record


def record(seed: int, values: dict[str, float], *, profile: str = "smoke", systems: str = "rgb,rev2net") -> Record:
    """A record of notebook 09 with these metrics."""
    return Record(
        schema=1,
        notebook="09_cross_dataset",
        profile=profile,
        parameters={"profile": profile, "seed": seed, "output": "/home/me/run", "systems": systems},
        settings={key: value for key, value in asdict(get_profile(profile)).items() if key != "name"},
        seed=seed,
        device="cpu",
        threads=1,
        versions={"torch": "2.13.0"},
        source="a" * 64,
        revision=None,
        started="2026-11-24T10:00:00+00:00",
        seconds=60.0,
        metrics=tuple(Metric(name, value, "fraction", 320) for name, value in values.items()),
    )


def pairs(first: list[float], second: list[float], split: str = "street") -> list[Record]:
    """Records in which rev2net and rgb have these accuracies, seed by seed."""
    return [
        record(100 + seed, {f"accuracy/rev2net/{split}": a, f"accuracy/rgb/{split}": b})
        for seed, (a, b) in enumerate(zip(first, second, strict=True))
    ]


def write_record(path: Path, made: Record) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(made)), encoding="utf-8")
    return path
