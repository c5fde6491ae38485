"""Training on each of two data sets and testing on both: miniatures in the exact layouts, small and quick."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from miniatures import write_folder, write_hmdb51, write_ucf101

from rev2net_lite import cli, datasets, profiles, training, transfer
from rev2net_lite.checkpoints import load_checkpoint
from rev2net_lite.cli import main
from rev2net_lite.dataset_report import Clip, folder_report
from rev2net_lite.datasets import DatasetError, Sampling
from rev2net_lite.evaluation import evaluate, mean_interval, paired_interval
from rev2net_lite.models import build_model
from rev2net_lite.profiles import Profile, get_profile
from rev2net_lite.runs import RecordError, read_record
from rev2net_lite.training import TrainingError, fit
from rev2net_lite.transfer import (
    DataFolder,
    Pair,
    TransferConfig,
    pair_folders,
    per_video,
    prepare_pair,
    run_transfer,
    table_text,
    transfer_records,
    transfer_table,
)
from rev2net_lite.video import VideoError

SHARED = ("climb", "fencing", "ride_bike")
SMALL = replace(get_profile("smoke"), frames=4, size=16, batch_size=8)
RGB = TransferConfig(systems=("rgb",), seeds=(0,), parts=1)


@pytest.fixture(scope="module")
def miniatures(tmp_path_factory: pytest.TempPathFactory) -> tuple[DataFolder, DataFolder]:
    """Both data sets; nobody changes them."""
    folder = tmp_path_factory.mktemp("data")
    return DataFolder("ucf101", write_ucf101(folder)), DataFolder("hmdb51", write_hmdb51(folder))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder per class, named as UCF101's shared classes and two others."""
    return write_folder(tmp_path_factory.mktemp("plain") / "own", {"climb": 4, "ride_bike": 3, "jump": 2})


def quiet(_: str) -> None:
    pass


def paired(first: DataFolder, second: DataFolder) -> Pair:
    return pair_folders(first, second, report=quiet)


def run(pair: Pair, output: Path, *, config: TransferConfig = RGB, profile: Profile = SMALL) -> list[str]:
    """What a run says, line by line."""
    said: list[str] = []
    run_transfer(pair, config=config, profile=profile, output=output, device=torch.device("cpu"), report=said.append)
    return said


# The command


def test_the_command_trains_and_tests_in_both_directions(
    miniatures: tuple[DataFolder, DataFolder],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(profiles.PROFILES, "smoke", SMALL)
    ucf, hmdb = miniatures
    output = tmp_path / "out"
    arguments = ["transfer", f"ucf101:{ucf.path}", f"hmdb51:{hmdb.path}", "--profile", "smoke", "--seeds", "1"]
    arguments += ["--first-seed", "1", "--systems", "rgb,rev2net", "--parts", "2", "--output", str(output)]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "UCF101 in" in said and "3 classes, 32 clips (24 train, 8 test)\n  no problems" in said
    assert "3 classes in both: climb, fencing, ride_bike\n" in said
    # Two of three groups each for UCF101, whose class climb is made of two.
    assert "  UCF101: 18 videos to train with, 6 to validate with, 8 to test with\n" in said
    assert "  left out: only in UCF101: shoot_bow\n  left out: only in HMDB51: golf, wave\n" in said
    assert "rev2net, seed 1, HMDB51 to UCF101: home " in said and f"Table: {output / 'table.txt'}\n" in said

    records = transfer_records(output)
    assert len(records) == 4
    for record in records:
        system = record.parameters["system"]
        metrics = {metric.name: metric for metric in record.metrics}
        assert {f"accuracy/{system}/home", f"accuracy/{system}/away", "most_frequent/home"} <= set(metrics)
        assert (f"flow_error/{system}/away" in metrics) == (system == "rev2net")
        sizes = {"UCF101": 8, "HMDB51": 6}
        source, target = str(record.parameters["source"]), str(record.parameters["target"])
        assert metrics[f"accuracy/{system}/home"].n == sizes[source], "videos, not their parts"
        assert metrics[f"accuracy/{system}/away"].n == sizes[target]
    assert metrics["most_frequent/home"].value == {"UCF101": 0.5, "HMDB51": pytest.approx(1 / 3)}[source]

    content = json.loads((output / "table.json").read_text("utf-8"))
    assert content["rows"] == transfer_table(records) and content["failed"] == {}
    assert content["settings"]["classes"] == list(SHARED)
    assert (output / "table.txt").read_text("utf-8") in said
    own = output / "UCF101-to-HMDB51" / "rev2net" / "seed_1"
    assert sorted(path.name for path in own.iterdir() if not path.name.startswith(".")) == ["model", "results.json"]
    model, about = load_checkpoint(own / "model")
    assert model.config.classes == SHARED and about["profile"]["frames"] == 4 and len(about["history"]) == 2

    before = {path: path.stat().st_mtime_ns for path in output.rglob("results.json")}
    assert main(arguments) == 0
    assert capsys.readouterr().out.count("finished before") == 4
    assert before == {path: path.stat().st_mtime_ns for path in output.rglob("results.json")}


def test_the_command_says_what_is_wrong(
    miniatures: tuple[DataFolder, DataFolder], plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ucf, hmdb = miniatures

    def error(*arguments: str) -> str:
        assert main(["transfer", *arguments]) == 2
        return capsys.readouterr().err

    both = (f"ucf101:{ucf.path}", f"hmdb51:{hmdb.path}")
    assert "--seeds is 0 and --first-seed 0; expected at least 1 and at least 0" in error(*both, "--seeds", "0")
    assert "systems names 'rgbb' and there is none of that name; expected some of rgb" in error(
        *both, "--systems", "rgbb"
    )
    assert "there is no profile 'lap'" in error(*both, "--profile", "lap")
    assert f"{tmp_path / 'gone'} is not a folder" in error(str(tmp_path / "gone"), str(plain))
    assert "leaks is no kind of problem to accept; expected some of absent, " in error(*both, "--accept", "leaks")
    assert "split file" in error(*both, "--split", "2")
    assert f"there is no classInd.txt in {tmp_path};" in error(*both, "--splits", str(tmp_path))
    (tmp_path / "file").touch()
    assert "file cannot be written" in error(*both, "--output", str(tmp_path / "file"))


def test_what_is_not_said_has_a_default(
    miniatures: tuple[DataFolder, DataFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, object] = {}

    def run_transfer(_: Pair, **options: object) -> transfer.Outcome:
        asked.update(options)
        (tmp_path / "table.txt").touch()
        return transfer.Outcome([], {}, tmp_path / "table.txt")

    monkeypatch.setattr(transfer, "run_transfer", run_transfer)
    monkeypatch.setattr(cli, "build_folder", lambda: tmp_path / "build")
    ucf, hmdb = miniatures
    assert main(["transfer", f"hmdb51:{hmdb.path}", f"ucf101:{ucf.path}"]) == 0
    assert asked["config"] == TransferConfig(transfer.DEFAULT_SYSTEMS, (0, 1, 2), 1.0, 3)
    assert asked["output"] == tmp_path / "build" / "transfer" / "HMDB51-UCF101-laptop"
    assert asked["profile"] == get_profile("laptop")
    more = ["--systems", "rgb, flow", "--seconds", "2", "--parts", "1", "--seeds", "2", "--first-seed", "7"]
    main(["transfer", f"hmdb51:{hmdb.path}", f"ucf101:{ucf.path}", *more])
    assert asked["config"] == TransferConfig(("rgb", "flow"), (7, 8), 2.0, 1)


def test_split_files_may_lie_elsewhere_and_a_failed_run_is_an_exit_code_of_one(
    miniatures: tuple[DataFolder, DataFolder],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for each, splits in zip(miniatures, ("ucfTrainTestlist", "testTrainMulti_7030_splits"), strict=True):
        shutil.copytree(each.path, tmp_path / "data" / each.path.name)
        shutil.copytree(each.path.parent / splits, tmp_path / "lists" / splits)
    names = [f"{each.layout}:{tmp_path / 'data' / each.path.name}" for each in miniatures]
    lists = [str(tmp_path / "lists" / name) for name in ("testTrainMulti_7030_splits", "ucfTrainTestlist")]
    monkeypatch.setattr(transfer, "fit", lambda *_, **__: 1 / 0)
    output = tmp_path / "out"
    more = ["--profile", "smoke", "--seeds", "1", "--systems", "rgb", "--accept", "all", "--output", str(output)]
    assert main(["transfer", *names, "--splits", *lists, *more]) == 1
    said = capsys.readouterr()
    assert "No run is finished." in said.out
    assert "rev2net: rgb, seed 0, UCF101 to HMDB51 failed: ZeroDivisionError: division by zero\n" in said.err
    assert len(json.loads((output / "table.json").read_text("utf-8"))["failed"]) == 2


# Bringing two data sets together


def test_groups_never_cross_and_targets_are_never_trained_on(
    miniatures: tuple[DataFolder, DataFolder], tmp_path: Path
) -> None:
    pair = paired(*miniatures)
    for each in (pair.first, pair.second):
        sides = defaultdict(set)
        for clip in each.clips:
            sides[clip.group].add(clip.side)
        assert all(len(found) == 1 for found in sides.values()), each.name
        assert {clip.side for clip in each.clips if clip.label == "climb"} == {"train", "validation", "test"}
    alien = [clip.side for clip in pair.second.clips if clip.group == "Alien"]
    assert len(alien) == 6 and len(set(alien)) == 1, "a film has clips of all three classes"
    assert {clip.path.parent.name for clip in pair.first.clips if clip.label == "climb"} == {
        "RockClimbingIndoor",
        "RopeClimbing",
    }
    halves = replace(RGB, seconds=0.5, parts=2)
    _, data = prepare_pair(pair, config=halves, profile=SMALL, cache=tmp_path, report=quiet)
    assert [(e.start_s, e.duration_s) for e in data["UCF101"].train.examples[:2]] == [(0.0, 0.5), (1.5, 0.5)]
    for splits in data.values():
        assert splits.test.held_out and not splits.train.held_out and splits.validation is not None
        assert not splits.validation.held_out and splits.train.flow is None
        with pytest.raises(TrainingError, match="is held out for tests"):
            model = build_model("rgb", classes=pair.classes)
            fit(model, splits.test, config=training.TrainConfig(epochs=1), progress=False)
    trained = {example.path for splits in data.values() for example in splits.train.examples}
    assert not trained & {example.path for splits in data.values() for example in splits.test.examples}


def clips(*groups: tuple[str, str | None]) -> list[Clip]:
    return [Clip(Path(f"{index}.avi"), label, "all", group) for index, (label, group) in enumerate(groups)]


def test_what_is_set_apart_is_whole_groups_and_never_all_of_a_class() -> None:
    several = clips(*(("a", f"g{index // 3}") for index in range(30)))
    apart = transfer._apart(several, share=0.3, least=2)
    assert len(apart) == 9 and len({several[index].group for index in apart}) == 3
    assert transfer._apart(list(reversed(several)), share=0.3, least=2) == {29 - index for index in apart}
    assert len(transfer._apart(several, share=0.01, least=2)) == 3, "one group at least"
    assert transfer._apart(clips(("a", "g"), ("a", "g")), share=0.5, least=1) == set(), "one group stays"
    assert transfer._apart(clips(("a", "g"), ("a", "h")), share=0.5, least=3) == set(), "too few groups"
    assert len(transfer._apart(clips(("a", None), ("a", None)), share=0.5, least=2)) == 1
    # A group that two classes share goes as a whole, and not where one of them would be left with nothing.
    crossed = clips(("a", "film"), ("b", "film"), ("b", "other"), ("b", "third"))
    assert 0 not in transfer._apart(crossed, share=0.9, least=2)


def test_a_folder_meets_ucf101_by_its_shared_or_its_own_names(
    miniatures: tuple[DataFolder, DataFolder], plain: Path, tmp_path: Path
) -> None:
    ucf, hmdb = miniatures
    said: list[str] = []
    pair = pair_folders(DataFolder.parse(str(plain)), ucf, report=said.append)
    assert pair.classes == ("climb", "ride_bike") and pair.own_split == ("own",)
    assert "left out: only in own: jump\n" in said[-1] and "only in UCF101: fencing, shoot_bow" in said[-1]
    assert "It came without a split: three groups in ten of each class are to test with." in said[-1]
    # Of four and three clips one each is tested on; only the class with three left has one to validate with.
    assert "  own: 4 videos to train with, 1 to validate with, 2 to test with\n" in said[-1]
    own = write_folder(tmp_path / "own", {"Biking": 2, "Fencing": 2})
    assert paired(ucf, DataFolder.parse(str(own))).classes == ("Biking", "Fencing")
    assert paired(hmdb, DataFolder.parse(str(plain))).classes == ("climb", "ride_bike")


def test_without_official_splits_groups_are_split_here(miniatures: tuple[DataFolder, DataFolder]) -> None:
    pair = pair_folders(*miniatures, split=None, report=quiet)
    assert pair.own_split == ("UCF101", "HMDB51")
    tested = {clip.group for clip in pair.first.clips if clip.side == "test"}
    assert not tested & {clip.group for clip in pair.first.clips if clip.side != "test"}


def test_a_synthetic_world_is_a_side_too(tmp_path: Path) -> None:
    world = datasets.synthetic_dataset(
        tmp_path / "street",
        config=replace(datasets.street(), size=32),
        clips_per_class=2,
        seed=0,
        sampling=Sampling(8, (32, 32)),
        cache=tmp_path,
        name="x",
        held_out=True,
    )
    own = write_folder(tmp_path / "phone", {"rise": 2, "fall": 2, "wave": 2})
    pair = paired(DataFolder.parse(str(tmp_path / "street")), DataFolder.parse(str(own)))
    assert pair.classes == ("fall", "rise") and len(world) == 16
    assert [len(each.clips) for each in (pair.first, pair.second)] == [4, 4]


def test_classes_that_one_side_cannot_use_are_named(tmp_path: Path) -> None:
    first = write_folder(tmp_path / "a", {"rise": 2, "fall": 2, "spin": 1, "grow": 2})
    second = write_folder(tmp_path / "b", {"rise": 2, "fall": 2, "spin": 2, "grow": 1}, domain="studio")
    folders = DataFolder("folder", first), DataFolder("folder", second)
    pair = paired(*folders)
    assert pair.classes == ("fall", "rise")
    assert pair.left_out == {"grow": "b has none to test with", "spin": "a has none to test with"}
    assert not any(clip.side == "validation" for clip in pair.first.clips), "no class has three"
    shutil.rmtree(first / "rise")
    message = (
        "a and b have 1 classes in common with videos to train and to test with on both sides; expected two or more, "
        "named alike; only in b: rise; grow: b has none to test with; spin: a has none to test with"
    )
    with pytest.raises(DatasetError, match=message):
        paired(*folders)
    shutil.rmtree(second / "fall")
    with pytest.raises(DatasetError, match="a and b have 0 classes in common"):
        paired(*folders)
    with pytest.raises(DatasetError, match=r"both data sets are .*a; name two different folders"):
        paired(folders[0], DataFolder("folder", first / ".." / "a"))


def test_problems_are_shown_and_refused_until_they_are_accepted(tmp_path: Path) -> None:
    first = write_folder(tmp_path / "x" / "clips", {"rise": 3, "fall": 2})
    second = write_folder(tmp_path / "y" / "clips", {"rise": 2, "fall": 2}, domain="studio")
    (first / "rise" / "notes.txt").touch()
    shutil.copy(first / "rise" / "rise_0.mp4", second / "rise" / "other.mp4")
    (second / "fall" / "broken.mp4").write_bytes(b"no video")
    folders = DataFolder("folder", first), DataFolder("folder", second)
    said: list[str] = []
    message = (
        r"there are problems that were not accepted \(clips: 1 misnamed; clips 2: 1 unreadable, 1 leak\); mend them, "
        "or accept unreadable,misnamed,leak"
    )
    with pytest.raises(DatasetError, match=message):
        pair_folders(*folders, report=said.append)
    assert "rise/other.mp4: clips has the same content in" in said[1]
    with pytest.raises(DatasetError, match="or accept leak,misnamed,unreadable"):
        pair_folders(*folders, accept=["leak", "misnamed"], report=quiet)
    pair = pair_folders(*folders, accept=["leak", "misnamed", "unreadable"], report=quiet)
    assert (pair.first.name, pair.second.name) == ("clips", "clips 2")
    assert [len(each.clips) for each in (pair.first, pair.second)] == [5, 5]


def test_what_shows_only_when_all_is_decoded_is_a_problem_like_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = write_folder(tmp_path / "a", {"rise": 3, "fall": 2, "grow": 2})
    second = write_folder(tmp_path / "b", {"rise": 2, "fall": 2, "grow": 2}, domain="studio")
    folders = DataFolder("folder", first), DataFolder("folder", second)
    sides = {(clip.label, clip.side): clip.path for clip in paired(*folders).first.clips}
    broken = (sides["rise", "train"], sides["grow", "test"])
    real = datasets.read_clip

    def read_clip(path: Path, **how: object) -> torch.Tensor:
        if path in broken:
            raise VideoError(f"{path} is damaged in the middle")
        return real(path, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(datasets, "read_clip", read_clip)
    with pytest.raises(DatasetError, match=r"not accepted \(a: 2 unreadable\); mend them, or accept unreadable"):
        prepare_pair(paired(*folders), config=RGB, profile=SMALL, cache=tmp_path / "cache", report=quiet)
    pair = pair_folders(*folders, accept=["unreadable"], report=quiet)
    said: list[str] = []
    pair, data = prepare_pair(pair, config=RGB, profile=SMALL, cache=tmp_path / "cache", report=said.append)
    assert pair.classes == ("fall", "rise"), "of grow one clip is left, which cannot be tested too"
    assert "left out: grow: a has none to test with" in "\n".join(said)
    used = {example.path for part in (data["a"].train, data["a"].test) for example in part.examples}
    assert not used & set(broken) and len(used) == 4


# Parts of videos


def test_parts_of_a_video_count_as_one_with_their_probabilities_averaged(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "a", {"rise": 2, "fall": 1})
    data = folder_report(folder).dataset(
        "all", sampling=Sampling(4, (16, 16)), cache=tmp_path / "cache", flow=None, seconds=0.5, parts=3
    )
    assert [(example.start_s, example.duration_s) for example in data.examples[:3]] == [
        (0, 0.5),
        (0.75, 0.5),
        (1.5, 0.5),
    ]
    assert data.labels.tolist() == [0] * 3 + [1] * 6
    result = evaluate(build_model("rgb", classes=data.classes, seed=0), data)
    # Two parts a little for the first class, one very sure of the second: the mean of probabilities is for the second.
    sure = torch.tensor([[0.1, 0.0], [0.1, 0.0], [0.0, 9.0]])
    result = replace(result, logits=torch.cat([sure, -sure, sure]))
    videos = per_video(result, data)
    expected = torch.stack([sure.softmax(-1).mean(0), (-sure).softmax(-1).mean(0), sure.softmax(-1).mean(0)])
    torch.testing.assert_close(videos.logits.exp(), expected)
    assert videos.labels.tolist() == [0, 1, 1]
    assert (videos.accuracy.value, videos.accuracy.n) == (pytest.approx(1 / 3), 3)
    assert videos.confusion.tolist() == [[0, 1], [1, 1]]


def test_memory_that_is_too_small_changes_no_number(
    miniatures: tuple[DataFolder, DataFolder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = paired(*miniatures)
    run(pair, tmp_path / "a")
    monkeypatch.setattr(transfer, "_memory", lambda: 0)
    _, data = prepare_pair(pair, config=RGB, profile=SMALL, cache=tmp_path / "a" / "cache", report=quiet)
    assert not data["UCF101"].train.in_memory
    monkeypatch.setattr(transfer.os, "cpu_count", lambda: 1)
    run(pair, tmp_path / "b")
    assert numbers(tmp_path / "a") == numbers(tmp_path / "b")


def test_memory_is_asked_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    assert transfer._memory() > 2**28
    monkeypatch.delattr(transfer.os, "sysconf", raising=False)
    assert transfer._memory() == transfer._USUAL_MEMORY


# Interruption and failure


def numbers(folder: Path) -> dict[str, list[tuple[str, float]]]:
    return {
        path.parent.relative_to(folder).as_posix(): [(m.name, m.value) for m in read_record(path).metrics]
        for path in folder.rglob("results.json")
    }


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Epochs that are trained, as they begin."""
    epochs: list[int] = []
    real = training._train_epoch

    def train_epoch(*arguments: object, epoch: int, **more: object) -> dict[str, float]:
        epochs.append(epoch)
        return real(*arguments, epoch=epoch, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "_train_epoch", train_epoch)
    return epochs


def test_an_interrupted_transfer_goes_on_where_it_was(
    miniatures: tuple[DataFolder, DataFolder], tmp_path: Path, trained: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = paired(*miniatures)
    config = replace(RGB, systems=("rgb", "frame_decoder"))
    run(pair, tmp_path / "whole", config=config)
    assert trained == [0, 1] * 4
    trained.clear()
    going_on = training._train_epoch

    def stop(*arguments: object, epoch: int, **more: object) -> dict[str, float]:
        if len(trained) == 3:
            raise KeyboardInterrupt
        return going_on(*arguments, epoch=epoch, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(training, "_train_epoch", stop)
        run(pair, tmp_path / "stopped", config=config)
    assert trained == [0, 1, 0], "the second run has one epoch behind it"
    trained.clear()
    with monkeypatch.context() as patch:
        # Nothing is decoded a second time.
        patch.setattr(datasets, "read_clip", lambda *_, **__: pytest.fail("decoded again"))
        said = run(pair, tmp_path / "stopped", config=config)
    assert trained == [1, 0, 1, 0, 1]
    assert [line for line in said if "finished before" in line] == ["rgb, seed 0, UCF101 to HMDB51: finished before"]
    assert numbers(tmp_path / "stopped") == numbers(tmp_path / "whole")


def test_a_run_that_fails_is_named_and_the_others_go_on(
    miniatures: tuple[DataFolder, DataFolder], tmp_path: Path, trained: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = paired(*miniatures)
    config = replace(RGB, systems=("rgb", "frame_decoder"))
    real = transfer.build_model

    def build_model(system: str, **how: object) -> object:
        if system == "rgb":
            raise RuntimeError("CUDA out of memory")
        return real(system, **how)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(transfer, "build_model", build_model)
        outcome = run_transfer(pair, config=config, profile=SMALL, output=tmp_path, report=quiet)
    assert outcome.failed == {
        f"rgb, seed 0, {direction}": "RuntimeError: CUDA out of memory"
        for direction in ("UCF101 to HMDB51", "HMDB51 to UCF101")
    }
    assert {row["system"] for row in outcome.rows} == {"frame_decoder"} and trained == [0, 1] * 2
    assert all(row["difference"] is None and row["difference_n"] == 0 for row in outcome.rows)
    trained.clear()
    broken = next(tmp_path.rglob("frame_decoder/seed_0/results.json"))
    broken.write_text(broken.read_text("utf-8")[:-40], "utf-8")
    outcome = run_transfer(pair, config=config, profile=SMALL, output=tmp_path, report=quiet)
    assert outcome.failed == {} and trained == [0, 1] * 3, "the failed ones, and the one whose record is no more"
    assert len(outcome.rows) == 8


def test_a_folder_is_that_of_one_transfer(miniatures: tuple[DataFolder, DataFolder], tmp_path: Path) -> None:
    pair = paired(*miniatures)
    run(pair, tmp_path)
    with refusal("holds a transfer with other seconds, which cannot stand in one table with this one"):
        run(pair, tmp_path, config=replace(RGB, seconds=2.0))
    with refusal("other profile, "):
        run(pair, tmp_path, profile=replace(SMALL, epochs=3))
    fewer = replace(pair, first=replace(pair.first, clips=pair.first.clips[1:]))
    with refusal("other clips, "):
        run(fewer, tmp_path)
    assert "rgb, seed 1, UCF101 to HMDB51: home" in "\n".join(run(pair, tmp_path, config=replace(RGB, seeds=(0, 1))))
    (tmp_path / "transfer.json").write_text("{}", "utf-8")
    with refusal("transfer.json is damaged; delete it, or choose another output folder"):
        run(pair, tmp_path)


def refusal(message: str) -> AbstractContextManager[object]:
    return pytest.raises(DatasetError, match=message)


# The table


def test_the_table_pairs_seed_by_seed(miniatures: tuple[DataFolder, DataFolder], tmp_path: Path) -> None:
    run(paired(*miniatures), tmp_path)
    records = [record for record in transfer_records(tmp_path) if record.parameters["source"] == "UCF101"]
    template = records[0]

    def record(system: str, seed: int, home: float, away: float) -> object:
        metrics = {metric.name: metric for metric in template.metrics}
        made = [
            replace(metrics["accuracy/rgb/home"], name=f"accuracy/{system}/home", value=home, low=0.0, high=1.0),
            replace(metrics["accuracy/rgb/away"], name=f"accuracy/{system}/away", value=away, low=0.0, high=1.0),
            metrics["most_frequent/home"],
            metrics["most_frequent/away"],
        ]
        parameters = template.parameters | {"system": system}
        return replace(template, seed=seed, parameters=parameters, metrics=tuple(made))

    rows = transfer_table(
        [
            record("rev2net", 0, 0.5, 0.4),
            record("rev2net", 1, 0.7, 0.5),
            record("rev2net", 2, 0.9, 0.9),
            record("rgb", 1, 0.6, 0.2),
            record("rgb", 0, 0.6, 0.3),
            record("flow", 4, 0.6, 0.3),
        ]  # type: ignore[list-item]
    )
    assert [(row["system"], row["split"]) for row in rows] == [
        (system, split) for system in ("rgb", "rev2net", "flow") for split in ("home", "away")
    ]
    away = rows[3]
    mean, difference = mean_interval([0.4, 0.5, 0.9]), paired_interval([0.4, 0.5], [0.3, 0.2])
    assert (away["mean"], away["low"], away["high"], away["n"]) == (mean.value, mean.low, mean.high, 3)
    assert (away["difference"], away["difference_low"], away["difference_high"], away["difference_n"]) == (
        difference.value,
        difference.low,
        difference.high,
        2,
    )
    assert rows[4]["low"] is None and rows[4]["difference"] is None
    text = table_text(rows)
    assert text.startswith("Source UCF101: home is UCF101 (8 videos), away is HMDB51 (6 videos)\ntrained with  ")
    lines = text.splitlines()
    assert lines[2].split()[:2] == ["rgb", "(2)"] and lines[2].split()[-1] == "-"
    assert f"{100 * mean.value:.1f} [{100 * mean.low:.1f}, {100 * mean.high:.1f}]" in lines[3]  # type: ignore[operator]
    assert "+20.0 [" in lines[3] and lines[4].split() == ["flow", "(1)", "60.0", "-", "30.0", "-"]
    assert lines[5].split() == ["most", "frequent", "class", "50.0", "33.3"]
    assert text.endswith("95 % interval. One seed has no interval.\n") and table_text([]) == "No run is finished.\n"


def test_a_broken_record_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("{}", "utf-8")
    with pytest.raises(RecordError, match="is not valid"):
        transfer_records(tmp_path)


# What is asked for


@pytest.mark.parametrize(
    ("text", "layout", "path"),
    [
        ("ucf101:a/b", "ucf101", "a/b"),
        ("hmdb51:a:b", "hmdb51", "a:b"),
        ("folder:x", "folder", "x"),
        ("plain", "folder", "plain"),
        (r"C:\videos", "folder", r"C:\videos"),
    ],
)
def test_a_data_set_is_a_path_with_a_layout_in_front(text: str, layout: str, path: str) -> None:
    assert DataFolder.parse(text) == DataFolder(layout, Path(path))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"systems": ()}, "systems names '' and there is none of that name"),
        ({"systems": ("rgb", "rgb")}, "systems names 'rgb' twice; expected some of rgb, "),
        ({"seeds": ()}, r"seeds are \[\]; expected different whole numbers, 0 or more"),
        ({"seeds": (1, 1)}, r"seeds are \[1, 1\]"),
        ({"seeds": (-1,)}, r"seeds are \[-1\]"),
        ({"seconds": 0.0}, "seconds is 0.0 and parts 3; expected more than 0 seconds and at least 1 part"),
        ({"seconds": float("nan")}, "seconds is nan"),
        ({"parts": 0}, "and parts 0"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TransferConfig(**changes)  # type: ignore[arg-type]


# Real clips


def test_real_clips_are_read_as_both_sides(clips_folder: Path, tmp_path: Path) -> None:
    for video in sorted((clips_folder / "actions" / "gmdcsa24_seg").rglob("*.mp4")):
        target = tmp_path / video.name[:2] / video.parent.name
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(video, target / video.name)
    folders = [DataFolder.parse(str(tmp_path / person)) for person in ("s2", "s3")]
    pair = pair_folders(*folders, accept=["duplicate", "mislabelled", "leak"], report=quiet)
    assert len(pair.classes) >= 2
    _, data = prepare_pair(pair, config=RGB, profile=SMALL, cache=tmp_path / "cache", report=quiet)
    assert data["s2"].train.clip(0).shape == (3, 4, 16, 16)
    ucf = DataFolder("ucf101", clips_folder / "actions" / "ucf101")
    with pytest.raises(DatasetError, match="UCF101 and s2 have 0 classes in common"):
        pair_folders(ucf, folders[0], split=None, report=quiet)


def test_every_pair_is_told_in_words(plain: Path, tmp_path: Path) -> None:
    said: list[str] = []
    many = write_folder(tmp_path / "many", {"climb": 2, "ride_bike": 2}, domain="studio")
    for label in "abcdefghi":
        (many / label).mkdir()
    pair_folders(DataFolder("folder", plain), DataFolder("folder", many), report=said.append)
    assert "only in many: a, b, c, d, e, f, g, h and 1 more" in said[-1]
