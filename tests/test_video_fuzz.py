"""Mutants of videos, decoded in children: first that the fuzz finds what is broken, then that the kit is not.

A mutant that does harm is kept in `build/robustness/harmful`; once the defect is mended it belongs into `data/videos`,
where those are that the kit once read with frames left out or painted over.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from pathlib import Path

import fuzz_targets
import pytest
from fuzz import FAILURES, SAMPLES, Failure, Limits, Tally, hammer, main, make_samples, mutant
from tried import keep

from rev2net_lite.bundled import build_folder
from rev2net_lite.video import VideoError, probe_video, read_clip

BROKEN = Path(__file__).parent / "data" / "videos"
KIT = "fuzz_targets:kit"


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_samples(tmp_path_factory.mktemp("samples"))


def named(failures: list[Failure]) -> Counter[tuple[str, str]]:
    return Counter((failure.sample, failure.outcome) for failure in failures)


# The fuzz itself


def test_a_mutant_is_made_again_from_seed_and_number_and_no_two_are_alike(samples: list[Path]) -> None:
    for sample in samples[:4]:
        content = sample.read_bytes()
        made = [mutant(content, seed=3, number=number) for number in range(200)]
        assert made == [mutant(content, seed=3, number=number) for number in range(200)]
        assert len(set(made)) > 185 and made.count(content) < 10
        assert mutant(content, seed=4, number=0) != made[0]
        assert any(len(one) < len(content) for one in made) and any(len(one) > len(content) for one in made)
    assert mutant(b"", seed=0, number=0) is not None and mutant(b"abc", seed=0, number=1) is not None


def test_every_way_to_break_a_decode_is_caught_and_the_next_mutants_are_still_tried(tmp_path: Path) -> None:
    pytest.importorskip("resource")
    ways = {"abort": "crash", "segfault": "crash", "exit": "crash", "memory": "memory", "error": "error"}
    ways |= {"few": "contradiction"}
    paths = []
    for way in ways:
        paths.append(tmp_path / f"{way}.mp4")
        paths[-1].write_bytes(random.Random(way).randbytes(401))
    tally = hammer("broken_decoders:broken", paths, seed=0, count=30, limits=Limits(batch=20))
    assert tally.tried == 30 == tally.outcomes.total()
    lengths = [len(mutant(paths[n % len(paths)].read_bytes(), seed=0, number=n)) for n in range(30)]
    harmful = [n for n in range(30) if lengths[n] % 4]
    assert sorted(failure.number for failure in tally.failures) == harmful and 12 < len(harmful) < 30
    for failure in tally.failures:
        assert ways[failure.sample.removesuffix(".mp4")] == failure.outcome and failure.after == ()
    told = {failure.sample: failure.detail for failure in tally.failures}
    assert "SIGABRT" in told["abort.mp4"] and "SIGSEGV" in told["segfault.mp4"] and "exit code 3" in told["exit.mp4"]
    assert "division" in told["error.mp4"] and "3 of 12 frames" in told["few.mp4"]


def test_a_decode_that_never_ends_is_a_hang(tmp_path: Path) -> None:
    path = tmp_path / "hang.mp4"
    path.write_bytes(bytes(401))
    tally = hammer("broken_decoders:broken", [path], seed=0, count=4, limits=Limits(silence_s=1.0))
    harmful = [n for n in range(4) if len(mutant(bytes(401), seed=0, number=n)) % 4]
    assert harmful and tally.failures == [
        Failure("hang.mp4", n, "hang", "no answer within 1 s", after=()) for n in harmful
    ]


def test_what_an_earlier_mutant_broke_is_found_with_it(tmp_path: Path) -> None:
    path = tmp_path / "third.mp4"
    path.write_bytes(bytes(401))
    tally = hammer("broken_decoders:broken", [path], seed=0, count=12)
    harmful = [n for n in range(12) if len(mutant(bytes(401), seed=0, number=n)) % 4]
    assert tally.failures and tally.failures[0].number == harmful[2]
    assert tally.failures[0].outcome == "crash" and {harmful[0], harmful[1]} <= set(tally.failures[0].after)


def test_an_unprotected_decode_is_broken(samples: list[Path]) -> None:
    tally = hammer("fuzz_targets:plain", samples, seed=1, count=400)
    assert tally.outcomes["error"] > 50 and tally.outcomes["contradiction"] > 3
    keep(
        "fuzz-unprotected",
        "mutants of videos, decoded without protection",
        tried=tally.tried,
        outcome=tally.outcomes,
        seconds=tally.seconds,
    )


def test_a_kit_that_counts_wrongly_contradicts_itself(samples: list[Path]) -> None:
    tally = hammer("fuzz_targets:miscounting", samples, seed=1, count=80)
    assert tally.outcomes["contradiction"] > 20 and not tally.outcomes["same"] + tally.outcomes["other"]


def test_the_command_keeps_the_mutants_that_do_harm(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "error.mp4"
    path.write_bytes(bytes(401))
    options = ["--target", "broken_decoders:broken", "--samples", str(path), "--seed", "2", "--seconds", "1"]
    assert main([*options, "--keep", str(tmp_path / "kept")]) == 1
    kept = sorted((tmp_path / "kept").iterdir())
    said = capsys.readouterr().out
    assert kept and all(f"error.mp4 {one.stem.rsplit('_')[-1]} error" in said for one in kept)
    assert all(len(one.read_bytes()) % 4 for one in kept)


# The kit


@pytest.mark.parametrize("path", sorted(BROKEN.glob("[!c]*")), ids=lambda path: path.name)
def test_what_once_came_back_wrong_is_refused(path: Path) -> None:
    with pytest.raises(VideoError, match=path.name):
        read_clip(path, frames=probe_video(path).frames)


@pytest.mark.parametrize("path", sorted(BROKEN.glob("contradicts_*")), ids=lambda path: path.name)
def test_what_once_contradicted_itself_does_so_no_more(path: Path, samples: list[Path]) -> None:
    sample = next(one for one in samples if one.suffix == path.suffix)
    assert fuzz_targets.kit(path, sample) == ("refused" if "rate" in path.name else "other")


@pytest.mark.parametrize(
    ("form", "seconds", "seed"),
    [
        pytest.param("short", 50.0, 0, id="short"),
        pytest.param(
            "long",
            3600 * float(os.environ.get("REV2NET_FUZZ_HOURS", "2")),
            random.SystemRandom().randrange(1, 2**31),
            id="long",
            marks=pytest.mark.long,
        ),
    ],
)
def test_no_mutant_breaks_the_kit(form: str, seconds: float, seed: int, samples: list[Path]) -> None:
    tally = hammer(KIT, samples, seed=seed, seconds=seconds, keep=build_folder() / "robustness" / "harmful")
    keep(
        f"fuzz-kit-{form}",
        f"mutants of videos in {len(SAMPLES)} containers and codecs, decoded by the kit",
        tried=tally.tried,
        outcome=tally.outcomes,
        seconds=tally.seconds,
    )
    assert not tally.failures, (seed, tally.failures)
    _found_something(tally)


def _found_something(tally: Tally) -> None:
    """Mutants that are all refused, or all harmless, would test nothing."""
    assert tally.tried >= 200 and not tally.outcomes.keys() & set(FAILURES)
    for outcome in ("same", "refused", "other"):
        assert tally.outcomes[outcome] > 0.03 * tally.tried, tally
    assert tally.largest_growth_mb < 500, tally
