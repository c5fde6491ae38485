"""Keeps what a test of robustness tried and what came of it, for the table in the documentation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from rev2net_lite.bundled import build_folder
from rev2net_lite.files import write_text_atomically


def keep(name: str, what: str, *, tried: int, outcome: Mapping[str, int], seconds: float) -> None:
    """Nothing; `build/robustness/<name>.json` says it."""
    folder = build_folder() / "robustness"
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "what": what,
        "tried": tried,
        "outcome": dict(sorted(outcome.items())),
        "seconds": round(seconds, 1),
        "date": datetime.now(UTC).date().isoformat(),
    }
    write_text_atomically(folder / f"{name}.json", json.dumps(content, indent=1) + "\n")
