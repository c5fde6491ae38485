"""nbgrader in processes of its own, each with a limit: it changes folders and keeps global state."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rev2net_lite.course.folder import SECRET_VARIABLE

__all__ = ["CallError", "call", "check_installed"]

_PACKAGE = Path(__file__).parent.parent


class CallError(RuntimeError):
    """A call failed or took too long; the message says which, in words that follow 'nbgrader'."""


def check_installed() -> None:
    """Nothing, if nbgrader can be called.

    Raises:
        ValueError: it is not installed.
    """
    if importlib.util.find_spec("nbgrader") is None:
        raise ValueError(
            "nbgrader is not installed; expected what requirements-course.txt names: pip install -r "
            "requirements-course.txt, or call make course"
        )


def call(module: str, arguments: Sequence[str], *, course: Path, limit_s: float) -> None:
    """Nothing; `python -m module arguments` went through in the course's folder.

    Raises:
        CallError: it failed or took longer than the limit; then nothing that it started is left.
    """
    with tempfile.TemporaryDirectory(prefix="rev2net-course-", ignore_cleanup_errors=True) as own:
        # Settings of whoever calls do not belong to the course.
        folders = dict.fromkeys(("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR"), own)
        paths = [str(_PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = os.environ | folders | {"PYTHONPATH": os.pathsep.join(paths)}
        # To make its gradebook, nbgrader calls a program that was installed beside this Python.
        environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        environment |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
        log = Path(own, "log.txt")
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=course,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                code = process.wait(limit_s)
            except subprocess.TimeoutExpired as error:
                raise CallError(f"took longer than {limit_s:g} s and was stopped") from error
            finally:
                _kill(process)
        if code:
            raise CallError(f"failed: {_last_line(log.read_text('utf-8', 'replace'))}")


def _kill(process: subprocess.Popen[bytes]) -> None:
    # The processes of answers end when the one that started them does.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _last_line(log: str) -> str:
    """The line that says most, without the secret."""
    secret = os.environ.get(SECRET_VARIABLE, "")
    # nbgrader's own last word points to the lines before it.
    lines = [line.strip() for line in log.splitlines() if line.strip() and "Please see the" not in line]
    errors = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    line = (errors or lines or ["it said nothing"])[-1][:500]
    return line.replace(secret, "***") if secret else line
