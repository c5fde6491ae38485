"""Runs the unit tests against the oldest versions that the kit allows and against the newest that can be installed.

    python tests/versions.py [oldest] [newest]

Each gets an environment of its own in build/versions, which a second call uses again: `oldest` with this Python and the
lower bounds of pyproject.toml, `newest` with the newest Python that is found on this machine and no bounds but those of
the kit and of pip's own configuration. Packages come from where pip takes them; TORCH_INDEX adds an index for torch.
The tests that start processes run once more with every other way in which that Python can start them (fork, spawn,
forkserver). What ran, and how it ended, becomes a record for docs/robustness.md.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path

from tried import keep

TOP = Path(__file__).parent.parent
TOOLS = ("pytest", "pytest-xdist", "psutil", "hatchling", "selenium==4.51.0")
# Notebooks, browsers and long runs need the pinned set; the library is what has to bear other versions.
CHOSEN = "not notebook and not browser and not long"
# An old package warns of what a newer one will drop, which is no fault of the kit; every other warning is an error.
BORNE = ("DeprecationWarning", "PendingDeprecationWarning", "FutureWarning")
STARTING = tuple(f"tests/test_{name}.py" for name in ("datasets", "interruption", "isolation", "training", "trials"))
NEWEST_PYTHONS = range(30, 10, -1)


def requirements(kind: str) -> list[str]:
    """What pip is asked for: the lower bounds themselves, or what is newest within the bounds."""
    with (TOP / "pyproject.toml").open("rb") as file:
        needs: list[str] = tomllib.load(file)["project"]["dependencies"]
    return [need.replace(">=", "==") for need in needs] if kind == "oldest" else needs


def pythons() -> list[str]:
    """Programs of Python 3.11 and newer on this machine, the newest first."""
    # What pyenv keeps is looked at first: its shims on the path refuse versions that are not switched on.
    folders = [*map(str, Path.home().glob(".pyenv/versions/*/bin")), *os.environ.get("PATH", "").split(os.pathsep)]
    path = os.pathsep.join(folders)
    return [found for minor in NEWEST_PYTHONS if (found := shutil.which(f"python3.{minor}", path=path))]


def environment(kind: str) -> Path:
    """The Python of the environment, made first if it is not there."""
    folder = TOP / "build" / "versions" / kind
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    ready = folder / "ready"
    if not ready.exists():
        shutil.rmtree(folder, ignore_errors=True)
        maker = sys.executable if kind == "oldest" else next(iter(pythons()), sys.executable)
        print(f"Making {folder} with {maker}", flush=True)
        subprocess.run([maker, "-m", "venv", str(folder)], check=True)
        index = os.environ.get("TORCH_INDEX")
        more = ["--extra-index-url", index] if index else []
        install = [str(python), "-m", "pip", "install", "--quiet", *more]
        subprocess.run([*install, *requirements(kind), *TOOLS], check=True)
        subprocess.run([*install, "--no-deps", "--editable", str(TOP)], check=True)
        ready.touch()
    return python


def versions_of(python: Path) -> str:
    """Python and the packages of the kit in that environment, in one line."""
    names = [re.split("[><=]", need)[0] for need in requirements("oldest")]
    code = "import platform, sys; from importlib.metadata import version; print('Python', platform.python_version())\n"
    code += "for name in sys.argv[1:]: print(name, version(name))"
    shown = subprocess.run([str(python), "-c", code, *names], check=True, capture_output=True, text=True).stdout
    return ", ".join(shown.split("\n")[:-1])


def start_methods(python: Path) -> list[str]:
    """Ways in which that Python can start processes, its own choice first."""
    code = "import multiprocessing; print(*multiprocessing.get_all_start_methods())"
    return subprocess.run([str(python), "-c", code], check=True, capture_output=True, text=True).stdout.split()


def run(kind: str) -> int:
    """Exit code of the unit tests in that environment; their counts are kept."""
    python = environment(kind)
    versions = versions_of(python)
    usual, *others = start_methods(python)
    print(f"{kind}: {versions}; processes are started by {usual}", flush=True)
    codes = [_tests(python, f"versions-{kind}", f"unit tests with the {kind} versions: {versions}", method=usual)]
    for method in others:
        what = f"unit tests that start processes, by {method}, with the {kind} versions"
        codes.append(_tests(python, f"versions-{kind}-{method}", what, *STARTING, method=method))
    return max(codes)


def _tests(python: Path, name: str, what: str, *files: str, method: str) -> int:
    started = time.monotonic()
    command = [str(python), "-m", "pytest", "-q", "--numprocesses", "2", "-m", CHOSEN]
    command += [f"-Wdefault::{category}" for category in BORNE]
    command += ["--deselect", "tests/test_messages.py", *files]
    variables = os.environ | {"REV2NET_START_METHOD": method}
    log = TOP / "build" / "versions" / f"{name.removeprefix('versions-')}.log"
    print(f"{what}; what pytest says goes to {log}", flush=True)
    with log.open("w", encoding="utf-8") as output:
        done = subprocess.run(command, cwd=TOP, env=variables, stdout=output, stderr=output, check=False)
    last = log.read_text("utf-8").splitlines()[-1]
    print(last, flush=True)
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|skipped|errors?)", last)}
    keep(name, what, tried=sum(counts.values()), outcome=counts, seconds=time.monotonic() - started)
    return done.returncode


def main(kinds: Sequence[str]) -> int:
    unknown = [kind for kind in kinds if kind not in ("oldest", "newest")]
    if unknown:
        print(f"there is no set of versions '{unknown[0]}'; there are oldest and newest", file=sys.stderr)
        return 2
    return max([run(kind) for kind in kinds or ("oldest", "newest")])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
