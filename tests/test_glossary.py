from __future__ import annotations

import re

import pytest

from rev2net_lite.bundled import glossary_file, notebooks_folder
from rev2net_lite.glossary import Glossary, anchor

TEXT = """# Glossary

Words.

## Optical flow

*Also: flow, motion field.*

How pixels move.

## Endpoint error (EPE)

*Also: EPE.*

See [flow](#optical-flow).

## TV-L1

A solver.
"""


def test_terms_are_headings_with_their_other_names() -> None:
    assert Glossary(TEXT).terms == [
        ("Optical flow", "flow", "motion field"),
        ("Endpoint error (EPE)", "EPE"),
        ("TV-L1",),
    ]
    assert Glossary("# Glossary").terms == []


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("Optical flow and flow", ["Optical flow", "flow"]),
        ("optical\nflow, EPEs", ["optical\nflow", "EPEs"]),
        ("flowing overflow two-flow flow_px", []),
        ("TV-L1's TV-L1-like tv-l1", ["TV-L1", "tv-l1"]),
        ("", []),
    ],
)
def test_whole_words_of_any_case_are_found(sentence: str, found: list[str]) -> None:
    assert [sentence[start:end] for start, end, _ in Glossary(TEXT).found_in(sentence)] == found


def test_of_two_names_the_longer_is_found() -> None:
    glossary = Glossary("## Warp\n\nBend.\n\n## Warp error\n\nA number.")
    assert [term for *_, term in glossary.found_in("warp error of a warp")] == ["warp-error", "warp"]


def test_each_name_leads_to_the_anchor_of_its_term() -> None:
    places = [term for *_, term in Glossary(TEXT).found_in("the motion\nfields, an EPE, TV-L1")]
    assert places == ["optical-flow", "endpoint-error-epe", "tv-l1"]
    assert anchor("TV-L1 & co") == "tv-l1--co"
    assert list(Glossary("").found_in("flow")) == []


@pytest.mark.parametrize("more", ["## Optical flow\n\nAgain.", "## Warp\n\n*Also: Epe.*\n\nBend."])
def test_a_name_for_two_terms_is_refused(more: str) -> None:
    with pytest.raises(
        ValueError, match=r"the glossary has '(optical flow|epe)' for two terms; a name should stand for"
    ):
        Glossary(f"{TEXT}\n{more}")


def test_the_kits_own_glossary_explains_each_term_and_says_which_notebook_shows_it() -> None:
    text = glossary_file().read_text("utf-8")
    terms = Glossary(text).terms
    assert 45 <= len(terms) <= 80
    assert [names[0].lower() for names in terms] == sorted(names[0].lower() for names in terms)
    series = {path.stem[:2]: path.stem for path in notebooks_folder().glob("[0-9][0-9]_*.ipynb")}
    for entry in text.split("\n## ")[1:]:
        said, _, shown = " ".join(entry.split()).partition(" Shown in ")
        assert len(re.findall(r"[.!?](?:\s|$)", said)) >= 2, entry
        links = re.findall(r"\[(\d\d)\]\(../notebooks/(\d\d_\w+)\.ipynb\)", shown)
        assert links, entry
        assert all(series.get(number, stem) == stem for number, stem in links), entry


def test_the_instructor_guide_says_of_each_notebook_what_it_teaches_and_exposes() -> None:
    guide = glossary_file().with_name("instructor-guide.md").read_text("utf-8")
    sections = dict(re.findall(r"^### (\d\d), .*?\n(.*?)(?=^##)", guide, flags=re.DOTALL | re.MULTILINE))
    assert list(sections) == [f"{number:02d}" for number in range(11)]
    for section in sections.values():
        assert all(f"*{what}" in section for what in ("Teaches:*", "Misconception", "Exposed by:*"))
