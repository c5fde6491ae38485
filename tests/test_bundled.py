from __future__ import annotations

from pathlib import Path

import pytest

from rev2net_lite import bundled


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package as a wheel leaves it: its own assets and notebooks, no checkout around it."""
    package = tmp_path / "site-packages" / "rev2net_lite"
    for name in ("assets", "notebooks"):
        (package / name).mkdir(parents=True)
    monkeypatch.setattr(bundled, "_PACKAGE", package)
    return package


def test_checkout_folder_holds_the_project() -> None:
    top = bundled.checkout_folder()
    assert top is not None
    assert (top / "rev2net_lite" / "bundled.py").samefile(bundled.__file__)


def test_an_installed_package_is_no_checkout_even_beside_a_project_file(installed: Path) -> None:
    (installed.parent / "pyproject.toml").touch()
    assert bundled.checkout_folder() is None


def test_build_folder_of_a_checkout() -> None:
    assert bundled.build_folder().parent == bundled.checkout_folder()


@pytest.mark.usefixtures("installed")
def test_build_folder_of_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert bundled.build_folder() == tmp_path / "build"


def test_asset_is_found_in_the_package(installed: Path) -> None:
    (installed / "assets" / "clips").mkdir()
    (installed / "assets" / "clips" / "spin.mp4").touch()
    assert bundled.asset("clips/spin.mp4") == installed / "assets" / "clips" / "spin.mp4"
    assert bundled.asset("clips").is_dir()


def test_a_missing_asset_names_what_is_there(installed: Path) -> None:
    (installed / "assets" / "clips").mkdir()
    for name in ("spin.mp4", "rise.mp4", ".hidden"):
        (installed / "assets" / "clips" / name).touch()
    with pytest.raises(ValueError, match=r"no asset 'clips/span.mp4'; .*clips holds rise.mp4, spin.mp4$"):
        bundled.asset("clips/span.mp4")
    with pytest.raises(ValueError, match=r"no asset 'nowhere/x'; .*assets holds clips$"):
        bundled.asset("nowhere/x")


@pytest.mark.parametrize("name", ["../notebooks", "/etc", "clips/../../x"])
@pytest.mark.usefixtures("installed")
def test_an_asset_outside_the_folder_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"asset '{name}' points outside .*assets; give a path below it"):
        bundled.asset(name)


def test_the_glossary_is_found_in_a_checkout() -> None:
    top = bundled.checkout_folder()
    assert top is not None and bundled.glossary_file() == top / "docs" / "glossary.md"
    assert bundled.glossary_file().is_file()


def test_the_glossary_is_found_in_the_package(installed: Path) -> None:
    (installed / "docs").mkdir()
    assert bundled.glossary_file() == installed / "docs" / "glossary.md"


def test_notebooks_folder_says_when_it_is_missing(installed: Path) -> None:
    assert bundled.notebooks_folder() == installed / "notebooks"
    (installed / "assets").rmdir()
    with pytest.raises(ValueError, match=r"'assets' is missing at .*; install rev2net-lite again"):
        bundled.asset("x")
