"""Clips of one's own as a third target: what is said of a folder of them, and of a model that is tested on it."""

from __future__ import annotations

import csv
import re
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from miniatures import write_folder

from rev2net_lite import datasets, own_target
from rev2net_lite.bundled import asset, checkout_folder
from rev2net_lite.checkpoints import CheckpointError, load_checkpoint, save_checkpoint
from rev2net_lite.cli import main
from rev2net_lite.datasets import DatasetError
from rev2net_lite.evaluation import accuracy
from rev2net_lite.familiarity import load_familiarity, mean_features
from rev2net_lite.models import build_model
from rev2net_lite.own_target import TargetResult, look_at_target, try_target, write_target
from rev2net_lite.profiles import get_profile
from rev2net_lite.runs import read_record
from rev2net_lite.synthetic import CLASSES
from rev2net_lite.training import TrainConfig, TrainingError, fit
from rev2net_lite.video import VideoError, read_clip

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of two seconds of four classes; two folders are no classes of the model, one is spelt in its own way."""
    folder = write_folder(
        tmp_path_factory.mktemp("phone") / "phone",
        {"slide_left": 3, "rise": 2, "fall": 2, "spin_clockwise": 1, "jump": 1, "spin": 1},
        domain="studio",
    )
    (folder / "slide_left").rename(folder / "Slide Left")
    return folder


@pytest.fixture(scope="module")
def result(filmed: Path, tmp_path_factory: pytest.TempPathFactory) -> TargetResult:
    return try_target(filmed, cache=tmp_path_factory.mktemp("cache"), device=CPU)


def checkpoint(folder: Path, *, name: str = "rgb", record: dict[str, object] | None = None) -> Path:
    model = build_model(name, classes=CLASSES, seed=0)
    return save_checkpoint(folder / "model", model, record=record)


# The folder


def test_folders_are_matched_to_classes_by_their_letters(filmed: Path) -> None:
    found = look_at_target(filmed, classes=CLASSES)
    assert found.counted_as == {"Slide Left": "slide_left"}
    assert found.unknown == {"jump": (), "spin": ("spin_clockwise", "spin_counterclockwise")}
    assert found.missing == ("slide_right", "spin_counterclockwise", "grow", "shrink")
    assert found.report.classes == CLASSES and len(found.report.clips) == 8
    assert str(found) == (
        f"phone in {filmed}: 4 classes, 8 clips\n"
        "  no problems\n"
        "  Slide Left counts as slide_left\n"
        "  jump is no class of the model and is left out\n"
        "  spin is no class of the model and is left out; is it spin_clockwise or spin_counterclockwise?\n"
        "  not filmed, and so not tested: slide_right, spin_counterclockwise, grow, shrink"
    )


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("shrnk", ("shrink",)),
        ("left", ("slide_left",)),
        ("rises", ("rise",)),
        ("my fall at home", ("fall",)),
        ("hop", ()),
        ("走る", ()),
        ("_", ()),
    ],
)
def test_a_name_that_is_nearly_a_class_is_asked_about(name: str, meant: tuple[str, ...]) -> None:
    assert own_target._meant(name, CLASSES) == meant


def test_problems_are_told_and_the_rest_is_tested(filmed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "phone"
    shutil.copytree(filmed, folder)
    (folder / "rise" / "notes.txt").touch()
    (folder / "fall" / "broken.mov").write_bytes(b"no video")
    shutil.copy(folder / "fall" / "fall_0.mp4", folder / "fall" / "again.mp4")
    (folder / "grow").mkdir()
    found = look_at_target(folder, classes=CLASSES)
    assert found.report.counts == {"unreadable": 1, "misnamed": 1, "duplicate": 1}
    assert "fall/broken.mov: " in str(found) and "grow, shrink" in str(found)
    assert len(found.dataset(frames=4, size=16, cache=tmp_path / "cache")) == 9


def test_a_folder_without_a_known_class_is_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a", {"jump": 1, "wave": 1})
    message = f"{folder} has no clip of a class that the model knows; name its folders slide_left, .*, not jump, wave"
    with pytest.raises(DatasetError, match=message):
        look_at_target(folder, classes=CLASSES)
    (folder / "rise").mkdir()
    with pytest.raises(DatasetError, match="has no clip of a class that the model knows"):
        look_at_target(folder, classes=CLASSES)
    with pytest.raises(DatasetError, match="gone is not a folder"):
        look_at_target(tmp_path / "gone", classes=CLASSES)


def test_own_clips_are_held_out(filmed: Path, tmp_path: Path) -> None:
    data = look_at_target(filmed, classes=CLASSES).dataset(frames=4, size=16, cache=tmp_path, flow=True)
    assert data.held_out and data.flow == "tvl1"
    with pytest.raises(TrainingError, match="split 'phone' is held out for tests"):
        fit(build_model("rgb", classes=CLASSES), data, config=TrainConfig(epochs=1), progress=False)


# The test


def test_the_bundled_model_sees_each_clip_whole(filmed: Path, result: TargetResult) -> None:
    model, _ = load_checkpoint(asset("model"))
    familiar = load_familiarity()
    paths = [clip.path for clip in result.clips]
    batch = torch.stack([read_clip(path, frames=8, size=(32, 32)) for path in paths]).float() / 255
    with torch.no_grad():
        probabilities = model.classify(batch).softmax(-1)
    assert [clip.said for clip in result.clips] == [CLASSES[k] for k in probabilities.argmax(-1)]
    assert [clip.probability for clip in result.clips] == pytest.approx(probabilities.max(-1).values.tolist(), abs=1e-5)
    expected = familiar.distance(mean_features(model, batch)).tolist()
    assert [clip.distance for clip in result.clips] == pytest.approx(expected, rel=1e-4)
    right = sum(clip.said == clip.label for clip in result.clips)
    assert result.evaluation.accuracy.value == right / 8 and result.evaluation.accuracy.n == 8
    assert paths[0].parent.parent == filmed and {clip.label for clip in result.clips} == set(result.per_class)
    assert {label: share.n for label, share in result.per_class.items()} == {
        "slide_left": 3,
        "rise": 2,
        "fall": 2,
        "spin_clockwise": 1,
    }


def test_the_result_is_said_in_words(result: TargetResult) -> None:
    logits = torch.eye(8)[[0, 0, 6, 2, 2, 3, 0, 4]] * 3
    labels = torch.tensor([0, 0, 0, 2, 2, 3, 3, 4])
    evaluation = replace(
        result.evaluation,
        logits=logits,
        labels=labels,
        accuracy=accuracy(logits, labels),
        confusion=torch.tensor(
            [[int(((labels == i) & (logits.argmax(-1) == j)).sum()) for j in range(8)] for i in range(8)]
        ),
    )
    clips = tuple(
        replace(clip, label=CLASSES[label], said=CLASSES[said], distance=9.0 if said else 1.0)
        for clip, label, said in zip(result.clips, labels.tolist(), logits.argmax(-1).tolist(), strict=True)
    )
    known = replace(result, evaluation=evaluation, clips=clips, home={"studio": 0.95, "street": 0.3})
    text = str(known)
    share = accuracy(logits, labels)
    assert text.startswith(
        f"Accuracy 75.0 % [{100 * (share.low or 0):.1f}, {100 * (share.high or 0):.1f}]: 6 of 8 clips; "
    )
    assert "Guessing among 8 classes: 12.5 %; always saying the class that was filmed most: 37.5 %.\n" in text
    assert "The same model reached 95.0 % on studio, 30.0 % on street.\n" in text
    assert re.search(r"\nslide_left +3 +66\.7 \[20\.8, 93\.9\] +grow 1\n", text)
    assert re.search(r"\nspin_clockwise +1 +100\.0 \[20\.7, 100\.0\] +-\n", text)
    assert re.search(r"\n1 slide_left +2  \.  \.  \.  \.  \.  1  \.\n", text)
    assert re.search(r"\n7 grow \(not filmed\) +\.  \.  \.", text)
    assert (
        "5 of 8 clips look unlike anything the model was trained on: do not believe its probabilities there.\n" in text
    )
    assert "8 clips are few: the interval is " in text and "longer than" not in text
    none = str(replace(known, clips=tuple(replace(clip, distance=0.0) for clip in clips)))
    assert "0 of 8 clips look unlike anything the model was trained on.\n" in none
    assert "was not measured for this model." in str(replace(known, threshold=None, home={}))
    report = known.folder.report
    long = replace(report, clips=tuple(replace(clip, seconds=7.0) for clip in report.clips))
    longer = replace(known, folder=replace(known.folder, report=long))
    assert "8 of 8 clips are longer than 6 s, of which the model saw a few frames: cut them to the action, or" in str(
        longer
    )
    assert "longer than" not in str(replace(longer, seconds=2.0))


def test_parts_of_a_clip_are_averaged(filmed: Path, tmp_path: Path) -> None:
    found = try_target(filmed, cache=tmp_path, seconds=0.5, parts=2, device=CPU)
    model, _ = load_checkpoint(asset("model"))
    path = found.clips[0].path
    parts = [
        read_clip(path, frames=8, size=(32, 32), start_s=start, duration_s=0.5, allow_repeat=True)
        for start in (0.0, 1.5)
    ]
    with torch.no_grad():
        mean = model.classify(torch.stack(parts).float() / 255).softmax(-1).mean(0)
    assert found.clips[0].probability == pytest.approx(mean.max().item(), abs=1e-5)
    assert found.evaluation.accuracy.n == 8


def test_another_checkpoint_says_how_large_its_clips_are(filmed: Path, tmp_path: Path) -> None:
    profile = replace(get_profile("smoke"), frames=4, size=16)
    record = {
        "profile": asdict(profile),
        "tests": {"home": {"accuracy": {"value": 0.5}}, "odd": 3, "odder": {"accuracy": 1}},
    }
    place = checkpoint(tmp_path, record=record)
    found = try_target(filmed, cache=tmp_path / "cache", model=place, device=CPU)
    assert (found.model, found.profile, found.threshold, found.home) == ("rgb", "smoke", None, {"home": 0.5})
    assert all(clip.distance is None for clip in found.clips)
    # What was measured beside the bundled model goes with a copy of it, and with no other model.
    shutil.copytree(asset("model"), tmp_path / "copy" / "model")
    shutil.copy(asset("familiarity.json"), tmp_path / "copy")
    copied = try_target(filmed, cache=tmp_path / "cache", model=tmp_path / "copy" / "model", device=CPU)
    assert copied.threshold == load_familiarity().threshold
    shutil.copy(asset("familiarity.json"), tmp_path / "familiarity.json")
    assert try_target(filmed, cache=tmp_path / "cache", model=place, device=CPU).threshold is None


def test_a_model_that_takes_flow_gets_it(filmed: Path, tmp_path: Path) -> None:
    place = checkpoint(
        tmp_path, name="flow", record={"profile": asdict(replace(get_profile("smoke"), frames=4, size=16))}
    )
    found = try_target(filmed, cache=tmp_path / "cache", model=place, device=CPU)
    assert found.model == "flow" and found.evaluation.accuracy.n == 8 and found.clips[0].distance is None


def test_a_checkpoint_without_sizes_needs_a_profile(filmed: Path, tmp_path: Path) -> None:
    place = checkpoint(tmp_path, record={"studio": 0.9})
    with pytest.raises(
        CheckpointError, match=r"model does not say how large the clips were .* trained on; name its prof"
    ):
        try_target(filmed, cache=tmp_path, model=place, device=CPU)
    assert try_target(filmed, cache=tmp_path, model=place, profile="laptop", device=CPU).profile == "laptop"
    with pytest.raises(ValueError, match="there is no profile 'lap'"):
        try_target(filmed, cache=tmp_path, model=place, profile="lap", device=CPU)
    for frames in (10**9, "many", 0):
        place = checkpoint(tmp_path, record={"profile": {"name": "laptop", "frames": frames, "size": 32}})
        with pytest.raises(CheckpointError, match=r"names .* frames of 32 px; expected whole numbers up to 4096"):
            try_target(filmed, cache=tmp_path, model=place, device=CPU)
    with pytest.raises(CheckpointError, match="there is no checkpoint in"):
        try_target(filmed, cache=tmp_path, model=tmp_path / "gone")
    for wrong in ({"seconds": 0.0}, {"seconds": -1.0}, {"parts": 0}):
        with pytest.raises(
            ValueError, match=r"seconds is .* and parts \d; expected more than 0 seconds and at least 1 part"
        ):
            try_target(filmed, cache=tmp_path, **wrong)  # type: ignore[arg-type]


def test_a_clip_that_breaks_off_is_left_out_and_told(
    filmed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = datasets.read_clip

    def read(path: Path, **how: object) -> torch.Tensor:
        if path.parent.name == "spin_clockwise":
            raise VideoError(f"{path} is damaged in the middle")
        return real(path, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(datasets, "read_clip", read)
    found = try_target(filmed, cache=tmp_path, device=CPU)
    assert found.evaluation.accuracy.n == 7 and "spin_clockwise" in found.folder.missing
    assert "spin_clockwise/spin_clockwise_0.mp4: is damaged in the middle" in str(found.folder)


def test_what_is_written_says_the_same(result: TargetResult, tmp_path: Path) -> None:
    write_target(result, tmp_path)
    record = read_record(tmp_path / "results.json")
    metrics = {metric.name: metric for metric in record.metrics}
    assert record.notebook == "target" and record.profile == "laptop" and record.parameters["target"] == "phone"
    assert metrics["accuracy/rev2net/phone"].n == 8 and metrics["accuracy/rev2net/phone/rise"].n == 2
    with (tmp_path / "clips.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["said"] for row in rows] == [clip.said for clip in result.clips]
    assert rows[-1]["file"] == "Slide Left/slide_left_2.mp4" or rows[0]["file"].startswith("Slide Left/")
    assert (tmp_path / "target.txt").read_text("utf-8") == f"{result.folder}\n\n{result}\n"


def test_the_command_tests_and_draws(filmed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["target", str(filmed), "--output", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "4 classes, 8 clips" in said and "Accuracy " in said and said.endswith(f"picture: {tmp_path}\n")
    there = {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")}
    assert there == {"cache", "clips.csv", "confusion.png", "results.json", "target.txt"}
    assert (tmp_path / "target.txt").read_text("utf-8") in said
    assert main(["target", str(tmp_path / "gone")]) == 2
    assert "is not a folder; expected one folder of videos per class in it" in capsys.readouterr().err


def test_real_clips_can_be_a_target(clips_folder: Path, tmp_path: Path) -> None:
    """They fall in their way, and are read; the model's answer means nothing."""
    found = try_target(clips_folder / "actions" / "gmdcsa24_full", cache=tmp_path, seconds=2.0, parts=2, device=CPU)
    assert set(found.per_class) == {"fall"} and found.evaluation.accuracy.n >= 5
    assert found.threshold is not None and all((clip.distance or 0) > found.threshold for clip in found.clips)


# The page


def test_the_guide_names_the_models_classes_and_its_intervals_are_right() -> None:
    top = checkout_folder()
    assert top is not None
    text = (top / "docs" / "film_your_own.md").read_text("utf-8")
    assert {f"`{label}`" for label in CLASSES} <= set(re.findall(r"`[a-z_]+`", text))
    rows = re.findall(r"^\| (\d+) \| (\d+) % \| (\d+) to (\d+) % \|$", text, re.MULTILINE)
    assert len(rows) >= 3
    for n, percent, low, high in rows:
        clips, right = int(n), round(int(n) * int(percent) / 100)
        labels = torch.zeros(clips, dtype=torch.long)
        logits = torch.stack(
            [torch.tensor([1.0, 0.0]) if i < right else torch.tensor([0.0, 1.0]) for i in range(clips)]
        )
        share = accuracy(logits, labels)
        assert (round(100 * (share.low or 0)), round(100 * (share.high or 0))) == (int(low), int(high))
