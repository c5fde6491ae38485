from __future__ import annotations

import json
from pathlib import Path

import pytest
import robustness
import tried


def test_what_a_test_keeps_becomes_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tried, "build_folder", lambda: tmp_path)
    tried.keep("b", "kill -9 | <b>", tried=1200, outcome={"went on": 1199, "lost": 1}, seconds=90)
    tried.keep("a", "cuts", tried=3, outcome={"refused": 3}, seconds=5.04)
    page = tmp_path / "robustness.md"
    assert robustness.main(tmp_path / "robustness", page) == 0
    head, rule, first, second = page.read_text().splitlines()[-4:]
    assert head.count("|") == rule.count("|") == 6
    assert first.startswith("| cuts | 3 | refused 3 | 0.1 | 20")
    assert second.startswith("| kill -9 \\| &lt;b> | 1,200 | lost 1, went on 1,199 | 1.5 | 20")


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", '{"what": 1, "tried": 1, "outcome": {}, "seconds": 1, "date": ""}']
)
def test_what_is_no_record_is_named(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.json").write_text(content)
    assert robustness.main(tmp_path, tmp_path / "page.md") == 2
    assert "x.json is no record of a test" in capsys.readouterr().err
    assert not (tmp_path / "page.md").exists()


def test_no_records_are_told(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no records; run the tests first: make test"):
        robustness.read(tmp_path)


def test_the_page_in_the_documentation_is_one_that_the_command_wrote() -> None:
    page = Path(__file__).resolve().parent.parent / "docs" / "robustness.md"
    text = page.read_text(encoding="utf-8")
    assert text.startswith(robustness.INTRODUCTION)
    rows = text.removeprefix(robustness.INTRODUCTION).strip().splitlines()[2:]
    assert rows and all(row.count(" | ") == 4 for row in rows)
    harm = ("error", "contradiction", "memory", "hang", "crash", "lost")
    for row in rows:
        if "without protection" not in row:
            assert not any(f"{word} " in row.split(" | ")[2] for word in harm), row
    assert json.dumps(rows)
