"""Steps of nbgrader for one submission: `python -m rev2net_lite.course.worker STUDENT ASSIGNMENT STEP...`.

It is called in the folder of the course, with the steps `autograde` and `feedback`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from nbgrader.apps import NbGraderAPI
from traitlets.config import PyFileConfigLoader

__all__ = ["main"]


def main(student: str, assignment: str, *steps: str) -> int:
    """0 if all steps went through, else 1; what nbgrader says of a failure goes to standard output."""
    config = PyFileConfigLoader("nbgrader_config.py", path=str(Path.cwd())).load_config()
    api = NbGraderAPI(config=config)
    for step in steps:
        act = {"autograde": api.autograde, "feedback": api.generate_feedback}[step]
        result = act(assignment, student)
        if not result["success"]:
            print(result.get("log", ""), result.get("error", ""), sep="\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
