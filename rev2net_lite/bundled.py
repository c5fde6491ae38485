"""Where the kit's own files lie: at the top of a checkout, inside the package once it is installed from a wheel."""

from __future__ import annotations

from pathlib import Path

__all__ = ["asset", "build_folder", "checkout_folder", "glossary_file", "notebooks_folder"]

_PACKAGE = Path(__file__).resolve().parent


def checkout_folder() -> Path | None:
    """Top folder of the checkout that this package is imported from, or None for an installed wheel."""
    top = _PACKAGE.parent
    # A wheel carries its own copies; the folders beside an installed package belong to somebody else.
    if (_PACKAGE / "notebooks").is_dir() or not (top / "pyproject.toml").is_file():
        return None
    return top


def build_folder() -> Path:
    """Folder that build products go to: `build/` of the checkout, or of the current folder for an installed wheel."""
    return (checkout_folder() or Path.cwd()) / "build"


def asset(name: str) -> Path:
    """Path of a file or folder that travels with the kit.

    Args:
        name: path below `assets/`, with forward slashes, for example `"clips/spin.mp4"`.

    Raises:
        ValueError: there is no such asset; the message lists those of the same folder.

    >>> asset("").name
    'assets'
    """
    folder = _bundled("assets")
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        raise ValueError(f"asset '{name}' points outside {folder}; give a path below it")
    if not path.exists():
        beside = path.parent if path.parent.is_dir() else folder
        there = (
            ", ".join(sorted(entry.name for entry in beside.iterdir() if not entry.name.startswith("."))) or "nothing"
        )
        raise ValueError(f"there is no asset '{name}'; {beside} holds {there}")
    return path


def notebooks_folder() -> Path:
    """Folder of the notebook series.

    >>> notebooks_folder().name
    'notebooks'
    """
    return _bundled("notebooks")


def glossary_file() -> Path:
    """File of the glossary, in Markdown.

    >>> glossary_file().name
    'glossary.md'
    """
    return _bundled("docs") / "glossary.md"


def _bundled(name: str) -> Path:
    folder = (checkout_folder() or _PACKAGE) / name
    if not folder.is_dir():
        raise ValueError(f"the kit's folder '{name}' is missing at {folder}; install rev2net-lite again")
    return folder
