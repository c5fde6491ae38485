from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from rev2net_lite import bench
from rev2net_lite.bench import README_MARKS, Row, readme_section, run_bench, table
from rev2net_lite.bench.decode import _number, _numbered
from rev2net_lite.bench.decoders import PlainDecoder
from rev2net_lite.bench.flow import moving_textures
from rev2net_lite.bench.measuring import Timing, holds, interleaved, ratio_row, spread
from rev2net_lite.bench.notebooks import notebook_rows
from rev2net_lite.bundled import checkout_folder
from rev2net_lite.cli import main
from rev2net_lite.files import with_section
from rev2net_lite.flow import endpoint_error, inside_frame, warp
from rev2net_lite.networks import SIZES, Encoder
from rev2net_lite.tvl1 import tvl1_flow


def test_functions_are_called_in_turns_after_one_call_each() -> None:
    calls: list[str] = []
    times = interleaved({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, repeats=3)
    assert calls == ["a", "b"] * 4
    assert all(len(times[name].seconds) == 3 and times[name].median >= 0 for name in "ab")


def test_a_ratio_is_taken_repetition_by_repetition_and_per_thing_treated() -> None:
    ours, peer = Timing((1.0, 2.0, 4.0)), Timing((3.0, 8.0, 12.0))
    row = ratio_row("quicker", peer, ours, goal=">= 3", per=10, per_over=5)
    assert row.ratio == pytest.approx(6)
    assert (row.met, row.n, row.unit) == (True, 3, "ms")
    assert (row.ours, row.peer) == (200.0, 1600.0)
    row = ratio_row("not much slower", ours, peer, goal="<= 0.3")
    assert row.ratio == pytest.approx(1 / 3) and row.met is False
    assert (row.ours, row.peer) == (2000.0, 8000.0)
    void = ratio_row("wrong", peer, ours, goal=">= 3", void="its frames are others")
    assert void.met is None and void.void == "its frames are others"


def test_a_goal_is_reached_or_not() -> None:
    assert holds(0.7, "<= 0.7") and not holds(0.71, "<= 0.7")
    assert holds(20, ">= 20") and not holds(19.9, ">= 20")
    assert holds(1, "") is None
    assert spread([1.0]) == 0 and spread([1.0, 2.0, 3.0]) == 0.25


def test_the_textures_move_as_their_flow_says() -> None:
    first, second, flow = moving_textures(6, size=64)
    error = (warp(second[:, None], flow)[:, 0] - first).abs()
    inside = inside_frame(flow)
    # Bilinear sampling blurs the finest waves, and a moving disc uncovers what was not seen.
    assert error[:, 8:-8, 8:-8][inside[:, 8:-8, 8:-8]].quantile(0.9) < 0.03
    still = (second - first).abs()
    assert error.mean() < 0.4 * still.mean()
    assert endpoint_error(tvl1_flow(first, second), flow).mean() < 0.1 * endpoint_error(0 * flow, flow).mean()


def test_a_frames_number_is_read_back_from_its_pixels() -> None:
    frame = torch.randint(0, 256, (3, 240, 320), dtype=torch.uint8)
    assert [_number(_numbered(frame, number)) for number in (0, 5, 249, 511)] == [0, 5, 249, 511]


def test_rows_are_reported_and_kept_with_versions_and_date(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def rows(_: torch.device) -> Iterator[Row]:
        yield Row("one", 1.0, 2.0, 2.0, ">= 1", True, "ms", 5, 0.1)
        yield Row("two", void="decord is not installed")

    monkeypatch.setitem(bench.GROUPS, "made", rows)
    seen: list[Row] = []
    threads = torch.get_num_threads()
    try:
        made = run_bench(
            ["made"], device=torch.device("cpu"), file=tmp_path / "new" / "results.json", report=seen.append
        )
    finally:
        torch.set_num_threads(threads)
    assert made == seen and len(made) == 2
    kept = json.loads((tmp_path / "new" / "results.json").read_text("utf-8"))
    assert kept["rows"][0]["ratio"] == 2.0 and kept["versions"]["torch"] == torch.__version__
    assert set(kept["rows"][0]) >= {"what", "ours", "peer", "ratio", "goal", "met", "unit", "n", "spread"}
    lines = table(made).splitlines()
    assert lines[2] == "| one | 1 ms | 2 ms | 2 ± 0.2 | >= 1 | yes |"
    assert lines[3] == "| two | - | - | - | - | not measured: decord is not installed |"


def test_an_unknown_group_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"there is no group 'flaw' of measurements; the groups are flow, decode"):
        run_bench(["flaw"], device=torch.device("cpu"), file=tmp_path / "x.json", report=print)


@pytest.mark.parametrize("size", ["tiny", "small", "base"])
def test_the_plain_decoder_gives_back_the_size_of_the_clip(size: str) -> None:
    config = SIZES[size]
    t, h, w = (2 * stride for stride in config.total_stride)
    pyramid = Encoder(3, config=config)(torch.rand(1, 3, t, h, w))
    output, features = PlainDecoder(2, config=config)(pyramid)
    assert output.shape == (1, 2, t, h, w) and features == ()


def test_the_series_is_timed_or_its_failure_named(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        said = "01_x: completed in 0.1 min\n" + "02_y: failed after 0.1 min: NameError\n" * (len(calls) == 2)
        return subprocess.CompletedProcess(command, int(len(calls) > 1), said, "rev2net: no template\n  in /a\n")

    monkeypatch.setattr(subprocess, "run", run)
    wall, processor = notebook_rows()
    assert calls[0][1:6] == ["-m", "rev2net_lite", "run", "--profile", "smoke"]
    assert wall.met is True and wall.unit == processor.unit == "min" and processor.met is None
    (failed,) = notebook_rows()
    assert failed.void == "it failed: 02_y: failed after 0.1 min: NameError" and failed.met is None
    (failed,) = notebook_rows()
    assert failed.void == "it failed: rev2net: no template"


def test_the_training_path_imports_nothing_that_draws() -> None:
    (row,) = bench.GROUPS["imports"](torch.device("cpu"))
    assert row.met is True, row


def test_the_command_prints_a_table_and_refuses_what_is_not_here(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = torch.get_num_threads()
    try:
        assert main(["bench", "imports", "--build", str(tmp_path)]) == 0
    finally:
        torch.set_num_threads(threads)
    shown = capsys.readouterr().out
    assert "| <= 0 | yes |" in shown and str(tmp_path / "bench" / "results.json") in shown
    assert main(["bench", "--device", "tpu"]) == 2
    assert "--device is tpu; it should be cpu or cuda" in capsys.readouterr().err
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["bench", "--device", "cuda"]) == 2
    assert "torch finds no such device here" in capsys.readouterr().err


def test_the_readme_shows_the_records_and_how_many_goals_were_reached(tmp_path: Path) -> None:
    assert readme_section(tmp_path) == "Nothing was measured yet; `make bench` does it.\n"
    rows = [
        asdict(Row("one", 1.0, 2.0, 2.0, ">= 1", True, "ms", 5)),
        asdict(Row("two", 1, 1, 1, ">= 2", False, "ms", 5)),
    ]
    record = {"device": "cpu", "machine": "Linux", "date": "2026-01-01", "versions": {"torch": "2.13"}, "rows": rows}
    (tmp_path / "cpu.json").write_text(json.dumps(record), encoding="utf-8")
    section = readme_section(tmp_path)
    assert section.startswith("On cpu (Linux), 2026-01-01: 1 of 2 goals reached.\n")
    assert "| one | 1 ms | 2 ms | 2 | >= 1 | yes |" in section and section.endswith("Versions: torch 2.13.\n")


def test_what_is_published_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "imports", "--publish"]) == 2
    assert "--publish writes a measurement of all groups into a checkout" in capsys.readouterr().err


def test_the_readme_is_that_of_the_committed_records() -> None:
    top = checkout_folder()
    assert top is not None
    readme = top / "README.md"
    assert with_section(readme, readme_section(top / "assets" / "benchmarks"), marks=README_MARKS) == readme.read_text(
        "utf-8"
    )
