"""The built wheel and its notebooks are enough: a hosted Jupyter has no checkout."""

from __future__ import annotations

import json
import os
import shutil
import site
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from rev2net_lite.bundled import checkout_folder

NOTEBOOKS = ("00_start_here", "02_optical_flow")


def run(*command: str | Path, cwd: Path) -> str:
    """What a command prints; its error output where it fails."""
    # Nothing of the environment of these tests reaches the other one, and no kernel of the user's own is taken.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "REV2NET", "VIRTUAL"))}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=kept | {"JUPYTER_PREFER_ENV_PATH": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, (
        f"{command} ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    )
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    top = checkout_folder()
    assert top is not None
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", folder, top, cwd=folder)
    (found,) = folder.glob("rev2net_lite-*.whl")
    assert found.stat().st_size < 10_000_000
    return found


def executes_notebooks(python: Path, folder: Path) -> None:
    """Copies the notebooks out of the installed package to a folder of their own and executes two there."""
    where = Path(run(python, "-c", "import rev2net_lite; print(rev2net_lite.__file__)", cwd=folder).strip()).parent
    assert folder in where.parents
    shutil.copytree(where / "notebooks", folder / "course")
    for name in NOTEBOOKS:
        out = folder / f"{name}.ipynb"
        parameters = ("-p", "profile", "smoke", "-p", "output", folder / name)
        run(python, "-m", "papermill", f"course/{name}.ipynb", out, "-k", "python3", *parameters, cwd=folder)
        record = json.loads((folder / name / "results.json").read_text("utf-8"))
        assert record["notebook"] == name and record["metrics"]


@pytest.mark.notebook
def test_two_notebooks_run_from_the_wheel_beside_the_dependencies_of_this_environment(
    wheel: Path, tmp_path: Path
) -> None:
    venv.create(tmp_path / "empty", with_pip=False)
    python = tmp_path / "empty" / ("Scripts" if os.name == "nt" else "bin") / "python"
    purelib = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=tmp_path).strip())
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", purelib, wheel, cwd=tmp_path)
    # The kit comes from the wheel, which stands first on the path; only what it depends on is borrowed.
    (purelib / "borrowed.pth").write_text("\n".join(site.getsitepackages()) + "\n", encoding="utf-8")
    executes_notebooks(python, tmp_path)


@pytest.mark.notebook
@pytest.mark.long
def test_two_notebooks_run_in_an_empty_environment_that_pip_filled(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "empty", with_pip=True)
    python = tmp_path / "empty" / ("Scripts" if os.name == "nt" else "bin") / "python"
    top = checkout_folder()
    assert top is not None
    run(python, "-m", "pip", "install", "--quiet", "--requirement", top / "requirements.txt", wheel, cwd=tmp_path)
    executes_notebooks(python, tmp_path)
