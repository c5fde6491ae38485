"""Each planted bug leaves its mark, and nothing else does; the recorded runs are what the code makes."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean

import pytest
import torch

from rev2net_lite.bundled import asset, notebooks_folder
from rev2net_lite.planted import (
    BUGS,
    CASES,
    CURVES,
    HEALTHY,
    RecordedRun,
    case_answer,
    record_runs,
    recorded_runs,
    run_case,
    train_planted,
)

RUNS = recorded_runs()


def marks(run: RecordedRun) -> set[str]:
    """Every bug whose mark the curves bear, each by a rule of its own that looks at no other."""
    last = {name: fmean(values[-3:]) for name, values in run.curves.items()}
    largest = {name: max(values) for name, values in run.curves.items()}
    found = {
        "frame decoder detached": largest["gradient_frame"] == 0,
        "learning rate too high": largest["flow_error_px"] > 10 * last["zero_flow_error_px"],
        "training mode at test": last["same_alone"] < 0.7,
        "flow sign flipped": last["flow_uu"] < -0.4 and last["flow_vv"] < -0.4,
        "flow channels swapped": last["flow_uv"] > 0.4 and last["flow_vu"] > 0.4,
        "test clips in training": last["accuracy_street"] - last["accuracy_street_new"] > 0.3,
        "penalty too heavy": last["cka"] > 0.9,
    }
    return {bug for bug, bears in found.items() if bears}


def test_recorded_runs_bear_the_mark_of_their_bug_and_of_no_other() -> None:
    seeds = {run.seed for run in RUNS}
    assert len(seeds) >= 6
    assert {(run.bug, run.seed) for run in RUNS} == {(bug, seed) for bug in (HEALTHY, *BUGS) for seed in seeds}
    for run in RUNS:
        expected = set() if run.bug in (HEALTHY, "labels shuffled") else {run.bug}
        assert marks(run) == expected, (run.bug, run.seed)
        if not marks(run):
            # Shuffled labels have no mark but this one, which heavy penalties and steps have too.
            assert (fmean(run.curves["accuracy_validation"][-3:]) < 0.5) == (run.bug == "labels shuffled"), run.seed


def test_recorded_curves_are_whole_and_small() -> None:
    for run in RUNS:
        assert run.curves.keys() == CURVES.keys()
        lengths = {len(values) for values in run.curves.values()}
        assert len(lengths) == 1 and lengths <= {10, 12, 14}
        assert max(run.curves["accuracy_training"]) <= 1 and min(run.curves["loss_flow"]) > 0
    assert asset("planted/runs.json").stat().st_size < 300_000


def test_a_bug_changes_what_it_should_and_leaves_the_rest() -> None:
    healthy, swapped, detached, shuffled = (
        train_planted(bug, seed=3, epochs=1, clips_per_class=2).curves
        for bug in (HEALTHY, "flow channels swapped", "frame decoder detached", "labels shuffled")
    )
    again = train_planted(HEALTHY, seed=3, epochs=1, clips_per_class=2)
    assert again.curves == healthy and again.curves.keys() == CURVES.keys()
    assert again.clip.shape == (3, 8, 16, 16) and again.flow.shape == again.predicted.shape == (2, 7, 16, 16)
    assert again.clip.min() >= 0 and again.clip.max() <= 1 and not torch.equal(again.flow, again.predicted)
    # One step, so everything that is measured in it is that of the same network.
    assert swapped["loss_flow"] != healthy["loss_flow"]
    assert swapped["loss_classification"] == healthy["loss_classification"]
    assert detached["loss_frame"] == healthy["loss_frame"]
    assert detached["gradient_frame"] == [0.0] < healthy["gradient_frame"]
    assert shuffled["gradient_flow"] == pytest.approx(healthy["gradient_flow"], rel=1e-4)


@pytest.mark.parametrize("bug", ["flow sign flipped", "learning rate too high", "penalty too heavy"])
def test_a_bug_in_loss_or_step_changes_the_run(bug: str) -> None:
    healthy, other = (train_planted(name, seed=4, epochs=2, clips_per_class=2).curves for name in (HEALTHY, bug))
    assert other["loss_classification"][1] != healthy["loss_classification"][1]
    assert other["zero_flow_error_px"] == healthy["zero_flow_error_px"]


def test_the_test_clips_join_the_training_only_where_they_should() -> None:
    leaked = train_planted("test clips in training", seed=4, epochs=1, clips_per_class=2).curves
    healthy = train_planted(HEALTHY, seed=4, epochs=1, clips_per_class=2).curves
    # Shares of 48 and of 8 clips.
    assert round(48 * leaked["accuracy_training"][0], 4).is_integer()
    assert round(8 * healthy["accuracy_training"][0], 4).is_integer()


def test_in_training_mode_a_clip_is_named_otherwise_when_it_is_alone() -> None:
    tested = train_planted("training mode at test", seed=4, epochs=3, clips_per_class=6).curves
    assert min(tested["same_alone"]) < 0.9
    assert train_planted(HEALTHY, seed=4, epochs=1, clips_per_class=2).curves["same_alone"] == [1.0]


def test_the_assignment_tells_every_bug_as_it_is() -> None:
    notebook = json.loads((notebooks_folder() / "assignments" / "A4_cross_dataset.ipynb").read_text(encoding="utf-8"))
    text = "".join(line for cell in notebook["cells"] if cell["id"] == "a4-6-task" for line in cell["source"])
    assert all(f'| `"{name}"` | {what} |' in text for name, what in BUGS.items())
    assert text.count('| `"') == len(BUGS) + 1 and f'`"{HEALTHY}"`' in text


def test_practice_cases_hold_every_bug_once_and_can_be_looked_up() -> None:
    assert case_answer(CASES[0]) == HEALTHY
    assert sorted(map(case_answer, CASES[1:])) == sorted(BUGS)
    run = run_case("G", epochs=1, clips_per_class=2)
    assert run.curves["gradient_frame"] == [0.0]


def test_recorded_runs_can_be_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rev2net_lite.planted.BUGS", {"flow sign flipped": ""})
    path = record_runs(tmp_path / "new" / "runs.json", seeds=(1, 2), epochs=(1, 2), clips_per_class=2)
    runs = recorded_runs(path)
    assert [(run.bug, run.seed, len(run.curves["cka"])) for run in runs] == [
        (HEALTHY, 1, 1),
        ("flow sign flipped", 1, 1),
        (HEALTHY, 2, 2),
        ("flow sign flipped", 2, 2),
    ]
    made = train_planted(HEALTHY, seed=1, epochs=1, clips_per_class=2).curves
    assert all(runs[0].curves[name] == pytest.approx(made[name], rel=1e-3) for name in CURVES)
    assert json.loads(path.read_text())["torch"] == torch.__version__


def test_constant_features_agree_about_nothing() -> None:
    from rev2net_lite.planted import _agreement

    x = torch.rand(2, 3, 2, 4, 4)
    assert _agreement(x, torch.ones_like(x)) == 0.0 and _agreement(x, x) == pytest.approx(1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: run_case("Z"), "there is no practice case 'Z'; choose one of A, B, C"),
        (lambda: case_answer("a"), "there is no practice case 'a'"),
        (lambda: train_planted("gremlins", seed=0), "there is no bug 'gremlins'; choose one of healthy, labels shuf"),
        (lambda: train_planted(HEALTHY, seed=0, epochs=0), "epochs is 0 and clips_per_class 16; expected at least 1"),
        (lambda: train_planted(HEALTHY, seed=0, clips_per_class=1), "clips_per_class 1; expected .* 2 clips"),
        (lambda: recorded_runs(Path("none.json")), "none.json cannot be read: No such file .*; make them again"),
    ],
)
def test_what_cannot_be_done_is_said(call: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()  # type: ignore[operator]


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    for content in ("{}", "[1]", '{"runs": [{"bug": "healthy"}]}', "no JSON"):
        path = tmp_path / "runs.json"
        path.write_text(content)
        with pytest.raises(ValueError, match=r"runs\.json holds no runs as record_runs writes them"):
            recorded_runs(path)
