"""`rev2net bench`: the kit beside its peers, in one process and in turns, correctness before speed."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import torch

from rev2net_lite.bench.measuring import Row
from rev2net_lite.files import write_text_atomically

__all__ = ["GROUPS", "README_MARKS", "Row", "readme_section", "run_bench", "table"]

README_MARKS = ("<!-- benchmarks: made by `rev2net bench --publish` -->", "<!-- end of benchmarks -->")

_PEERS = ("opencv-contrib-python-headless", "scikit-image", "torchcodec", "decord")
_HEAVY = ("matplotlib", "pandas", "ipywidgets")


def _flow(device: torch.device) -> Iterator[Row]:
    from rev2net_lite.bench.flow import flow_rows

    return flow_rows(device)


def _decode(_: torch.device) -> Iterator[Row]:
    from rev2net_lite.bench.decode import decode_rows

    return decode_rows()


def _training(device: torch.device) -> Iterator[Row]:
    from rev2net_lite.bench.training import training_rows

    return training_rows(device)


def _decoders(_: torch.device) -> Iterator[Row]:
    from rev2net_lite.bench.decoders import decoder_rows

    return decoder_rows()


def _growth(_: torch.device) -> Iterator[Row]:
    from rev2net_lite.bench.growth import growth_rows

    return growth_rows()


def _notebooks(_: torch.device) -> Iterator[Row]:
    from rev2net_lite.bench.notebooks import notebook_rows

    return notebook_rows()


def _imports(_: torch.device) -> Iterator[Row]:
    """What the training path imports without need."""
    program = (
        "import sys, rev2net_lite, rev2net_lite.training, rev2net_lite.experiment; "
        f"print(*[name for name in {_HEAVY!r} if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    goal = "<= 0"
    yield Row(
        f"of {', '.join(_HEAVY)}: imported on the training path", len(found), None, len(found), goal, not found, "1", 1
    )


GROUPS: dict[str, Callable[[torch.device], Iterator[Row]]] = {
    "flow": _flow,
    "decode": _decode,
    "training": _training,
    "decoders": _decoders,
    "growth": _growth,
    "imports": _imports,
    "notebooks": _notebooks,
}


def run_bench(groups: Sequence[str], *, device: torch.device, file: Path, report: Callable[[Row], None]) -> list[Row]:
    """The rows of the groups, each reported as soon as it is measured, and all of them in a JSON file.

    Args:
        groups: names of `GROUPS`; none for all.
        device: a CPU measures everything with one thread; a GPU the rows that it has.
        file: where versions, machine, date and rows go, written anew after each group.
        report: called with each row.

    Raises:
        ValueError: there is no such group.
    """
    unknown = [name for name in groups if name not in GROUPS]
    if unknown:
        raise ValueError(f"there is no group '{unknown[0]}' of measurements; the groups are {', '.join(GROUPS)}")
    file.parent.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    rows: list[Row] = []
    for name in groups or GROUPS:
        for row in GROUPS[name](device):
            rows.append(row)
            report(row)
        made = {"schema": 1, **_machine(device), "rows": [asdict(row) for row in rows]}
        write_text_atomically(file, json.dumps(made, indent=1, allow_nan=False) + "\n")
    return rows


def table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table."""
    lines = ["| what | ours | peer | ratio | goal | met |", "|---|---|---|---|---|---|"]
    for row in rows:
        if row.ratio is None:
            met = f"not measured: {row.void}" if row.void else "-"
        else:
            met = {True: "yes", False: "no", None: f"void: {row.void}" if row.void else "-"}[row.met]
        ratio = _number(row.ratio) + (f" ± {_number((row.ratio or 0) * row.spread)}" if row.spread else "")
        numbers = f"{_number(row.ours, row.unit)} | {_number(row.peer, row.unit)} | {ratio}"
        lines.append(f"| {row.what} | {numbers} | {row.goal or '-'} | {met} |")
    return "\n".join(lines) + "\n"


def readme_section(folder: Path) -> str:
    """The README's benchmarks in Markdown, from the records (JSON, one for each device) of a folder."""
    parts = []
    for path in sorted(folder.glob("*.json")):
        record = json.loads(path.read_text("utf-8"))
        rows = [Row(**row) for row in record["rows"]]
        promised = [row for row in rows if row.goal and row.ratio is not None]
        reached = sum(row.met is True for row in promised)
        versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
        parts.append(
            f"On {record['device']} ({record['machine']}), {record['date']}: "
            f"{reached} of {len(promised)} goals reached.\n\n{table(rows)}\nVersions: {versions}.\n"
        )
    return "\n".join(parts) or "Nothing was measured yet; `make bench` does it.\n"


def _number(value: float | None, unit: str = "") -> str:
    return "-" if value is None else f"{value:.3g} {unit}".strip()


def _machine(device: torch.device) -> dict[str, object]:
    versions = {"python": platform.python_version(), "torch": torch.__version__}
    for name in ("av", "numpy", *_PEERS):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "versions": versions,
    }
