"""Reports of datasets: UCF101 and HMDB51 in miniature, as they are laid out, and everything that can be wrong."""

from __future__ import annotations

import os
import re
import shutil
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest

from rev2net_lite import dataset_report
from rev2net_lite.cli import main
from rev2net_lite.dataset_report import (
    KINDS,
    SHARED_CLASSES,
    Clip,
    DatasetReport,
    common_files,
    folder_report,
    hmdb51_report,
    ucf101_report,
)
from rev2net_lite.datasets import DatasetError, Sampling
from rev2net_lite.evaluation import cross_dataset
from rev2net_lite.models import build_model
from rev2net_lite.synthetic import render, sample_specs, studio
from rev2net_lite.training import TrainConfig, TrainingError, fit
from rev2net_lite.video import write_video

SAMPLING = Sampling(frames=8, size=(32, 32))
UCF_CLASSES = ("Biking", "Fencing", "HandstandPushups", "RockClimbingIndoor", "RopeClimbing")
HMDB_CLASSES = ("climb", "fencing", "ride_bike", "wave")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """Different AVI files, from the synthetic world."""
    path = tmp_path_factory.mktemp("videos") / "a.avi"
    made = []
    for spec in sample_specs(replace(studio(), size=32), clips_per_class=5, seed=0):
        write_video(path, render(spec).frames, fps=8)
        made.append(path.read_bytes())
    assert len(set(made)) == 40
    return made


@pytest.fixture
def ucf(videos: list[bytes], tmp_path: Path) -> Path:
    """UCF101 in miniature: five classes, three groups of two clips; group 1 is to test with in split 1."""
    folder, splits = tmp_path / "UCF-101", tmp_path / "ucfTrainTestlist"
    splits.mkdir()
    content = iter(videos)
    train, test = [], []
    for number, label in enumerate(UCF_CLASSES, 1):
        (folder / label).mkdir(parents=True)
        for group in (1, 2, 3):
            for clip in (1, 2):
                # The real dataset spells the files of this class otherwise than its folder.
                name = f"v_{label.replace('Handstand', 'HandStand')}_g{group:02}_c{clip:02}.avi"
                (folder / label / name).write_bytes(next(content))
                if group == 1:
                    test.append(f"{label}/{name}")
                else:
                    train.append(f"{label}/{name} {number}")
    (splits / "classInd.txt").write_text("".join(f"{i} {label}\r\n" for i, label in enumerate(UCF_CLASSES, 1)))
    (splits / "trainlist01.txt").write_text("\r\n".join(train) + "\r\n")
    (splits / "testlist01.txt").write_text("\r\n".join(test) + "\r\n")
    return folder


@pytest.fixture
def hmdb(videos: list[bytes], tmp_path: Path) -> Path:
    """HMDB51 in miniature: four classes of five clips, the last of which is not used in split 1."""
    folder, splits = tmp_path / "hmdb51_org", tmp_path / "testTrainMulti_7030_splits"
    splits.mkdir()
    content = iter(reversed(videos))
    for label in HMDB_CLASSES:
        (folder / label).mkdir(parents=True)
        lines = []
        for i, (video, flag) in enumerate((("Fun#1_(a)", 1), ("Fun#1_(a)", 1), ("b_climb", 2), ("c", 2), ("d", 0))):
            name = f"{video}_{label}_f_cm_np1_ba_med_{i}.avi"
            (folder / label / name).write_bytes(next(content))
            lines.append(f"{name} {flag} ")
        (splits / f"{label}_test_split1.txt").write_text("\n".join(lines) + "\n")
    return folder


def sides(report: DatasetReport) -> dict[str, int]:
    return {side: sum(clip.side == side for clip in report.clips) for side in ("train", "test", "all")}


def places(report: DatasetReport, kind: str) -> list[str]:
    return [problem.place for problem in report.problems if problem.kind == kind]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


# UCF101


def test_ucf101_as_it_is_laid_out(ucf: Path) -> None:
    report = ucf101_report(ucf)
    assert report.counts == {} and str(report).endswith("5 classes, 30 clips (20 train, 10 test)\n  no problems")
    assert report.classes == UCF_CLASSES and sides(report) == {"train": 20, "test": 10, "all": 0}
    first = report.clips[0]
    path = ucf / "Biking" / "v_Biking_g01_c01.avi"
    assert first == Clip(path, "Biking", "test", "Biking g01")
    assert ucf101_report(ucf, splits=ucf.parent / "ucfTrainTestlist").clips == report.clips


def test_ucf101_in_shared_classes(ucf: Path) -> None:
    report = ucf101_report(ucf, shared=True)
    assert report.classes == tuple(SHARED_CLASSES) and len(report.classes) == 12
    labels = [clip.label for clip in report.clips]
    assert {label: labels.count(label) for label in labels} == {"climb": 12, "fencing": 6, "ride_bike": 6}
    assert {clip.path.parent.name for clip in report.clips if clip.label == "climb"} == {
        "RockClimbingIndoor",
        "RopeClimbing",
    }
    assert report.counts == {"empty class": 9}


def test_ucf101_without_a_split_takes_all(ucf: Path) -> None:
    shutil.rmtree(ucf.parent / "ucfTrainTestlist")
    report = ucf101_report(ucf, split=None)
    assert report.counts == {} and sides(report) == {"train": 0, "test": 0, "all": 30}
    message = (
        r"there is no classInd.txt in .*UCF-101 or .*UCF-101/ucfTrainTestlist or .*; name the folder of the official "
        "splits, or take all clips with split=None"
    )
    with pytest.raises(DatasetError, match=message):
        ucf101_report(ucf)


def test_split_files_that_cannot_be_read_are_named(ucf: Path) -> None:
    with pytest.raises(DatasetError, match=r"split file .*trainlist02.txt cannot be read: No such file or directory; "):
        ucf101_report(ucf, split=2)
    (ucf.parent / "ucfTrainTestlist" / "testlist01.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(
        DatasetError, match=r"testlist01.txt cannot be read: it is not text in UTF-8; expected an offic"
    ):
        ucf101_report(ucf)


def test_a_split_file_that_is_far_too_large_is_not_read(ucf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset_report, "_MOST_BYTES", 100)
    with pytest.raises(DatasetError, match=r"trainlist01.txt has \d+ bytes; the official lists have far fewer"):
        ucf101_report(ucf)


def test_all_problems_of_ucf101_are_told_at_once(ucf: Path) -> None:
    splits = ucf.parent / "ucfTrainTestlist"
    (ucf / "Biking" / "v_Biking_g02_c01.avi").unlink()  # absent
    (ucf / "Biking" / "v_Biking_g02_c02.avi").write_bytes(b"")  # unreadable
    (ucf / "Fencing" / "v_Fencing_g01_c01.avi").rename(ucf / "Fencing" / "fencing 1.avi")  # misnamed, and absent
    (ucf / "Fencing" / "Thumbs.db").touch()  # misnamed
    (ucf / "Fencing" / ".DS_Store").touch()  # nobody's business
    shutil.copy(ucf / "Fencing" / "v_Fencing_g02_c01.avi", ucf / "Fencing" / "v_Fencing_g02_c03.avi")  # unlisted
    # Equal content of another class, and of the other side.
    shutil.copy(
        ucf / "RopeClimbing" / "v_RopeClimbing_g01_c01.avi", ucf / "RopeClimbing" / "v_RopeClimbing_g03_c01.avi"
    )
    shutil.copy(
        ucf / "HandstandPushups" / "v_HandStandPushups_g01_c01.avi",
        ucf / "RockClimbingIndoor" / "v_RockClimbingIndoor_g01_c01.avi",
    )
    (ucf / "RopeClimbing" / "v_RopeClimbing_g02_c02.avi").rename(ucf / "RopeClimbing" / "v_Biking_g02_c02.avi")
    train, test = splits / "trainlist01.txt", splits / "testlist01.txt"
    edit(train, "v_RopeClimbing_g02_c02.avi 5", "v_Biking_g02_c02.avi 5")  # mislabelled by its name
    edit(train, "v_Biking_g03_c01.avi 1", "v_Biking_g03_c01.avi 2")  # mislabelled by its number
    edit(train, "v_Biking_g03_c02.avi 1", "v_Biking_g03_c02.avi")  # the same, without a number
    test.write_text(test.read_text() + "\n".join(["../secret.avi", "/etc/passwd", "Biking", "Juggling/v_x.avi"]) + "\n")
    test.write_text(test.read_text() + "Fencing/v_Fencing_g03_c02.avi\n")  # on both sides: leak, and its group too
    edit(test, "Fencing/v_Fencing_g01_c02.avi", "Fencing/v_fencing_g01_c02.avi")  # respelled
    test.write_text(test.read_text() + "Biking/v_Biking_g01_c02.avi\n")  # duplicate line
    edit(train, "HandstandPushups/v_HandStandPushups_g03_c02.avi 3", "")
    test.write_text(test.read_text() + "HandstandPushups/v_HandStandPushups_g03_c02.avi\n")  # a group is torn
    edit(splits / "classInd.txt", "5 RopeClimbing", "5 RopeClimbing\r\nnonsense")  # malformed

    report = ucf101_report(ucf)
    assert report.counts == {
        "absent": 2,
        "unreadable": 1,
        "misnamed": 2,
        "malformed": 5,
        "mislabelled": 4,
        "duplicate": 2,
        "leak": 3,
        "unlisted": 1,
        "respelled": 1,
    }
    assert places(report, "absent") == ["trainlist01.txt:1", "testlist01.txt:3"]
    assert places(report, "unreadable") == ["Biking/v_Biking_g02_c02.avi"]
    assert places(report, "misnamed") == ["Fencing/Thumbs.db", "Fencing/fencing 1.avi"]
    assert places(report, "malformed") == ["classInd.txt:6", *(f"testlist01.txt:{line}" for line in (11, 12, 13, 14))]
    assert places(report, "mislabelled") == [
        "trainlist01.txt:3",
        "trainlist01.txt:4",
        "RopeClimbing/v_Biking_g02_c02.avi",
        "RockClimbingIndoor/v_RockClimbingIndoor_g01_c01.avi",
    ]
    assert places(report, "duplicate") == ["testlist01.txt:16", "RopeClimbing/v_RopeClimbing_g03_c01.avi"]
    assert places(report, "leak") == [
        "testlist01.txt:15",
        "RopeClimbing/v_RopeClimbing_g03_c01.avi",
        "HandstandPushups",
    ]
    assert places(report, "unlisted") == ["Fencing/v_Fencing_g02_c03.avi"]
    text = str(report)
    assert "  5 malformed: a line of a split file that says nothing or leads out of the folder; left out\n" in text
    assert "classInd.txt:6: 'nonsense' is no number and class" in text
    assert "group HandStandPushups g03 has 1 to test with and 1 to train with" in text
    assert "Biking has the number none, not 1" in text
    assert "lies there as v_Fencing_g01_c02.avi" in text
    assert "fencing 1.avi: expected v_<Class>_g<group>_c<clip>.avi" in text
    assert "its name says Biking" in text and "which is to test with" in text
    # 30 clips without the absent two, the unreadable one and the misnamed one; the absent one is the misnamed one.
    assert len(report.clips) == 27

    with pytest.raises(
        DatasetError, match=r"(?s)problems that were not accepted: 2 absent, 1 unreadable, .* report:\n"
    ):
        report.dataset("train", sampling=SAMPLING, cache=ucf.parent / "cache")
    with pytest.raises(DatasetError, match=r"UCF101 has problems that were not accepted: 3 leak; mend them, or go on"):
        report.dataset("train", sampling=SAMPLING, cache=ucf, accept=[kind for kind in KINDS if kind != "leak"])
    data = report.dataset("train", sampling=SAMPLING, cache=ucf.parent / "cache", accept=list(report.counts))
    assert len(data) == sides(report)["train"] and not data.held_out


def test_a_long_list_is_cut_and_counted(ucf: Path) -> None:
    shutil.rmtree(ucf / "Biking")
    report = ucf101_report(ucf)
    assert report.counts == {"absent": 6, "empty class": 1}
    assert "there is no v_Biking_g02_c01.avi in the folder of Biking" in str(report)
    assert str(report).count("in the folder of Biking") == 5 and "    and 1 more\n" in str(report)


# HMDB51


def test_hmdb51_as_it_is_laid_out(hmdb: Path) -> None:
    report = hmdb51_report(hmdb)
    assert report.counts == {} and report.classes == HMDB_CLASSES
    assert sides(report) == {"train": 8, "test": 8, "all": 0}
    groups = {clip.path.name: clip.group for clip in report.clips if clip.label == "climb"}
    assert groups["b_climb_climb_f_cm_np1_ba_med_2.avi"] == "b_climb"
    assert groups["Fun#1_(a)_climb_f_cm_np1_ba_med_0.avi"] == "Fun#1_(a)"
    shared = hmdb51_report(hmdb, shared=True)
    assert {clip.label for clip in shared.clips} == {"climb", "fencing", "ride_bike"}
    assert shared.classes == tuple(SHARED_CLASSES)
    assert len(hmdb51_report(hmdb, split=None).clips) == 20


def test_all_problems_of_hmdb51_are_told_at_once(hmdb: Path) -> None:
    splits = hmdb.parent / "testTrainMulti_7030_splits"
    edit(
        splits / "climb_test_split1.txt",
        "Fun#1_(a)_climb_f_cm_np1_ba_med_1.avi 1",
        "Fun#1_(a)_climb_f_cm_np1_ba_med_1.avi 2",
    )
    edit(
        splits / "wave_test_split1.txt",
        "c_wave_f_cm_np1_ba_med_3.avi 2",
        "c_wave_f_cm_np1_ba_med_3.avi 7\n../x.avi 1\ngone.avi 2",
    )
    (hmdb / "fencing" / "c_fencing_f_cm_np1_ba_med_3.avi").rename(hmdb / "fencing" / "c_climb_f_cm_np1_ba_med_3.avi")
    edit(splits / "fencing_test_split1.txt", "c_fencing", "c_climb")
    (hmdb / "fencing" / "d_fencing_f_cm_np1_ba_med_4.avi").rename(hmdb / "fencing" / "holiday.avi")
    edit(splits / "fencing_test_split1.txt", "d_fencing_f_cm_np1_ba_med_4.avi 0", "holiday.avi 1")
    (hmdb / "ride_bike" / "notes.txt").touch()
    report = hmdb51_report(hmdb)
    assert report.counts == {
        "absent": 1,
        "misnamed": 1,
        "malformed": 2,
        "mislabelled": 1,
        "leak": 1,
        "unlisted": 1,
        "ungrouped": 1,
    }
    assert places(report, "leak") == ["climb"] and places(report, "unlisted") == ["wave/c_wave_f_cm_np1_ba_med_3.avi"]
    text = str(report)
    assert "is no file with 0, 1 or 2" in text and "group Fun#1_(a) has 1 to test with and 1 to train with" in text
    assert "its name says climb" in text and "expected a file ending in .avi" in text
    assert "it is not in wave_test_split1.txt" in text
    assert "holiday.avi: expected <video>_<class>_<parts>_<camera>_np<n>_<view>_<quality>_<i>" in text


def test_a_name_in_another_unicode_form_is_found(hmdb: Path) -> None:
    """As a disk of a Mac gives back what was copied to it."""
    name = unicodedata.normalize("NFC", "Café_wave_f_cm_np1_ba_med_9.avi")
    old = hmdb / "wave" / "c_wave_f_cm_np1_ba_med_3.avi"
    old.rename(old.with_name(unicodedata.normalize("NFD", name)))
    edit(hmdb.parent / "testTrainMulti_7030_splits" / "wave_test_split1.txt", old.name, name)
    report = hmdb51_report(hmdb)
    assert report.counts == {"respelled": 1} and sides(report)["test"] == 8


def test_the_two_datasets_train_and_test_each_other(ucf: Path, hmdb: Path, tmp_path: Path) -> None:
    accept = ["empty class"]
    home, away = ucf101_report(ucf, shared=True), hmdb51_report(hmdb, shared=True)
    train = home.dataset("train", sampling=SAMPLING, cache=tmp_path / "cache", accept=accept).prepare()
    test = home.dataset("test", sampling=SAMPLING, cache=tmp_path / "cache", accept=accept).prepare()
    target = away.dataset("train", sampling=SAMPLING, cache=tmp_path / "cache", accept=accept, held_out=True).prepare()
    assert (train.held_out, test.held_out, target.held_out) == (False, True, True)
    assert train.name == "UCF101 train" and train.classes == target.classes
    model = build_model("rev2net", classes=train.classes, seed=0)
    with pytest.raises(TrainingError, match="'HMDB51 train' is held out for tests"):
        fit(model, target, config=TrainConfig(epochs=1), device="cpu", progress=False)
    fit(model, train, config=TrainConfig(epochs=1, batch_size=8), device="cpu", progress=False)
    results = cross_dataset(model, {"UCF101": test, "HMDB51": target})
    assert results["UCF101"].accuracy.n == 8 and results["HMDB51"].accuracy.n == 6


# A folder per class


@pytest.fixture
def own(videos: list[bytes], tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    for index, name in enumerate(("walk/a.avi", "walk/b.avi", "grün laufen/ü.avi", "grün laufen/走る 🏃.avi")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(videos[index])
    return folder


def test_a_folder_with_any_unicode_is_read_even_if_read_only(own: Path, tmp_path: Path) -> None:
    for path in (*own.rglob("*"), own):
        path.chmod(0o555 if path.is_dir() else 0o444)
    report = folder_report(own)
    assert report.counts == {} and report.name == "own" and report.classes == ("grün laufen", "walk")
    data = report.dataset("all", sampling=SAMPLING, cache=tmp_path / "cache").prepare()
    assert len(data) == 4 and data.name == "own" and data.labels.tolist() == [0, 0, 1, 1]
    for path in (own, *own.rglob("*")):
        path.chmod(0o755)


def test_all_problems_of_a_folder_are_told_at_once(own: Path, tmp_path: Path, videos: list[bytes]) -> None:
    walk = own / "walk"
    (walk / "c.mp4").write_text("a text that was renamed")
    (walk / "d.avi").write_bytes(videos[9][:300])
    (walk / "notes.txt").touch()
    (walk / "more").mkdir()
    (own / "empty").mkdir()
    shutil.copy(walk / "a.avi", walk / "z.avi")
    shutil.copy(walk / "b.avi", own / "grün laufen" / "b.avi")
    (walk / "B.avi").write_bytes(videos[10])
    (walk / "gone.avi").symlink_to("nowhere")
    (walk / "loop.avi").symlink_to("loop.avi")
    elsewhere = tmp_path / "elsewhere.avi"
    elsewhere.write_bytes(videos[11])
    (walk / "link.avi").symlink_to(elsewhere)
    long = own / "walk" / ("w" * 120 + ".avi")
    long.write_bytes(videos[12])
    report = folder_report(own)
    expected = {
        "unreadable": 4,
        "misnamed": 2,
        "mislabelled": 1,
        "duplicate": 1,
        "clash": 1,
        "link": 1,
        "empty class": 1,
    }
    if len(str(long)) > 259:
        expected["long path"] = 1
    assert report.counts == {kind: expected[kind] for kind in KINDS if kind in expected}
    assert places(report, "unreadable") == [f"walk/{name}" for name in ("c.mp4", "d.avi", "gone.avi", "loop.avi")]
    text = str(report)
    assert "misnamed: not named as the clips of this dataset are; left out" in text
    assert "walk/more: a folder; expected videos only" in text and "expected a file ending in .mp4, .avi" in text
    assert "walk/z.avi: the same content as walk/a.avi" in text and f"leads to {elsewhere}" in text
    assert "walk/gone.avi: it cannot be opened: No such file or directory" in text
    assert re.search(r"walk/loop.avi: it cannot be opened: (it is a loop|Too many levels)", text)
    assert "walk/B.avi: the same as b.avi" in text and "empty: no clip that can be used" in text
    assert folder_report(own, read=False).counts["unreadable"] == 2, "those that cannot even be opened"
    with pytest.raises(DatasetError, match="4 unreadable, 2 misnamed"):
        report.dataset("all", sampling=SAMPLING, cache=tmp_path / "cache")
    data = report.dataset("all", sampling=SAMPLING, cache=tmp_path / "cache", accept=list(KINDS))
    assert len(data.prepare()) == 9


def test_very_long_paths_are_read_and_told(own: Path, tmp_path: Path) -> None:
    deep = tmp_path
    while len(str(deep)) < 280:
        deep = deep / ("d" * 60)
    shutil.copytree(own, deep)
    report = folder_report(deep)
    assert report.counts == {"long path": 4}
    report.dataset("all", sampling=SAMPLING, cache=tmp_path / "cache", accept=["long path"]).prepare()


def test_one_class_is_told(own: Path) -> None:
    shutil.rmtree(own / "walk")
    report = folder_report(own)
    assert report.counts == {"one class": 1} and "all: all clips are of grün laufen" in str(report)


def test_a_name_may_hold_anything_and_stays_one_line(own: Path) -> None:
    for name in (b"a\nb.txt", b"\xff\xfe.txt", b"\x1b[31mred.txt"):
        Path(os.fsdecode(os.fsencode(own) + b"/walk/" + name)).touch()
    report = folder_report(own)
    assert report.counts == {"misnamed": 3}
    assert all(text.isprintable() for problem in report.problems for text in (problem.place, problem.detail))
    str(report).encode()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="every folder is open to this user")
def test_a_class_that_cannot_be_read_is_told(own: Path) -> None:
    (own / "walk").chmod(0)
    report = folder_report(own)
    (own / "walk").chmod(0o755)
    assert report.counts == {"unreadable": 1, "empty class": 1, "one class": 1}


def test_a_class_that_cannot_be_listed_is_told(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.iterdir

    def iterdir(path: Path) -> object:
        if path.name == "walk":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    report = folder_report(own)
    assert report.counts == {"unreadable": 1, "empty class": 1, "one class": 1}
    assert "walk: the folder cannot be read: Permission denied" in str(report)


def test_what_cannot_be_a_dataset_is_refused(own: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"gone is not a folder; expected one folder of videos per class in it"):
        folder_report(tmp_path / "gone")
    with pytest.raises(DatasetError, match=r"walk has no folders in it; expected one folder of videos per class"):
        folder_report(own / "walk")
    report = folder_report(own)
    with pytest.raises(DatasetError, match="accept names leaks; the kinds of problems are absent, unreadable, "):
        report.dataset("all", sampling=SAMPLING, cache=tmp_path, accept=["leaks"])
    with pytest.raises(DatasetError, match="own has no clips on the side 'train'; its sides are all"):
        report.dataset("train", sampling=SAMPLING, cache=tmp_path)


# Parts of a dataset


def test_only_the_classes_that_are_asked_for_are_looked_at(ucf: Path, hmdb: Path, own: Path) -> None:
    (ucf / "Biking" / "notes.txt").touch()
    (hmdb / "climb" / "notes.txt").touch()
    (own / "walk" / "notes.txt").touch()
    reports = (
        ucf101_report(ucf, shared=True, only={"climb", "fencing"}),
        hmdb51_report(hmdb, only={"wave", "fencing"}),
        folder_report(own, only={"grün laufen"}),
    )
    assert [report.classes for report in reports] == [("climb", "fencing"), ("fencing", "wave"), ("grün laufen",)]
    assert [len(report.clips) for report in reports] == [18, 8, 2]
    assert [report.counts for report in reports] == [{}, {}, {"one class": 1}]


def test_a_list_of_files_and_labels_is_read_like_folders(own: Path) -> None:
    lines = [
        "label,colour,file",
        "run,red,walk/a.avi",
        '"a, b",red,"walk/b.avi"',
        "run,red,walk/a.avi",
        "run,red,gone.avi",
        "run,red,../secret.avi",
        "run,red",
        "hop,red,walk/b.avi",
    ]
    (own / "labels.csv").write_text("\n".join(lines), "utf-8")
    report = folder_report(own)
    assert report.classes == ("a, b", "hop", "run") and [clip.label for clip in report.clips] == ["a, b", "run"]
    assert report.counts == {"absent": 1, "malformed": 2, "duplicate": 2, "empty class": 1}
    assert places(report, "duplicate") == ["labels.csv:4", "labels.csv:8"]
    assert places(report, "malformed") == ["labels.csv:6", "labels.csv:7"] and "leads out of the folder" in str(report)
    assert "it lacks the file or the label" in str(report) and "there is no gone.avi" in str(report)
    assert folder_report(own, only={"a, b"}).classes == ("a, b",)
    (own / "labels.csv").write_text("file\n", "utf-8")
    with pytest.raises(DatasetError, match=r"labels.csv has the columns \['file'\]; expected 'file' and 'label' among"):
        folder_report(own)
    (own / "labels.csv").write_text("", "utf-8")
    with pytest.raises(DatasetError, match=r"labels.csv has the columns \[\]; expected"):
        folder_report(own)


def test_a_video_can_be_taken_in_parts(own: Path, tmp_path: Path) -> None:
    """The clips last one second."""
    report = folder_report(own)
    assert {clip.seconds for clip in report.clips} == {1.0}
    data = report.dataset("all", sampling=SAMPLING, cache=tmp_path / "cache", flow=None, seconds=0.5, parts=3)
    assert len(data) == 8, "two parts show all of it"
    assert [(e.start_s, e.duration_s) for e in data.examples[:2]] == [(0.0, 0.5), (0.5, 0.5)]
    with pytest.raises(DatasetError, match=r"the length of .*avi is not known; make the report with read=True"):
        folder_report(own, read=False).dataset("all", sampling=SAMPLING, cache=tmp_path, seconds=0.5)


def test_what_two_datasets_have_in_common_is_a_leak(own: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    for label in ("x", "y"):
        (other / label).mkdir(parents=True)
    shutil.copy(own / "walk" / "a.avi", other / "x" / "one.avi")
    (other / "y" / "two.avi").write_bytes((own / "walk" / "b.avi").read_bytes()[:-1] + b"?")
    first, second = folder_report(own), folder_report(other)
    found = common_files(first, second)
    assert found.counts == {"leak": 1} and places(found, "leak") == ["x/one.avi"]
    assert f"own has the same content in {own / 'walk' / 'a.avi'}" in str(found)
    assert found.clips == second.clips and common_files(second, replace(first, clips=())).counts == {}


def test_videos_that_turn_out_unreadable_leave_the_report(own: Path) -> None:
    report = folder_report(own)
    path = own / "walk" / "a.avi"
    found = report.without({path: "it is damaged\nin the middle"})
    assert found.counts == {"unreadable": 1} and path not in {clip.path for clip in found.clips}
    assert "walk/a.avi: it is damaged\N{REPLACEMENT CHARACTER}in the middle" in str(found)


def test_every_kind_says_what_becomes_of_its_clips() -> None:
    assert all(re.search(r"left out$|stays|class", meaning) for meaning in KINDS.values())


# Real clips


def test_real_clips_of_ucf101_are_read(clips_folder: Path, tmp_path: Path) -> None:
    report = ucf101_report(clips_folder / "actions" / "ucf101", split=None)
    assert report.counts == {} and report.classes == ("ApplyEyeMakeup", "BaseballPitch")
    assert [clip.group for clip in report.clips] == ["ApplyEyeMakeup g01", "BaseballPitch g01"]
    data = report.dataset("all", sampling=SAMPLING, cache=tmp_path, flow=None).prepare()
    assert data.clip(1).shape == (3, 8, 32, 32)


def test_a_real_clip_that_lies_in_no_class_is_told_of(clips_folder: Path, tmp_path: Path) -> None:
    [odd] = (clips_folder / "odd" / "ucf101").glob("*.avi")
    with pytest.raises(DatasetError, match="has no folders in it"):
        folder_report(odd.parent)
    (tmp_path / "BaseballPitch").mkdir()
    shutil.copy(odd, tmp_path / "BaseballPitch" / odd.name)
    report = ucf101_report(tmp_path, split=None)
    assert report.counts == {"mislabelled": 1, "one class": 1} and "its name says ApplyEyeMakeup" in str(report)


def test_real_actions_have_a_report(clips_folder: Path) -> None:
    for name, classes in (("gmdcsa24_seg", 4), ("gmdcsa24_full", 2), ("intel_asl", 20)):
        report = folder_report(clips_folder / "actions" / name)
        assert len(report.classes) == classes and set(report.counts) <= {"duplicate", "mislabelled"}, str(report)


def test_the_command_shows_the_report(
    ucf: Path, hmdb: Path, videos: list[bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["dataset", str(ucf), "--layout", "ucf101", "--shared"]) in (0, 1)
    assert capsys.readouterr().out == f"{ucf101_report(ucf, shared=True)}\n"
    main(["dataset", str(hmdb), "--layout", "hmdb51", "--split", "none", "--quick"])
    assert capsys.readouterr().out == f"{hmdb51_report(hmdb, split=None, read=False)}\n"
    for label in ("a", "b"):
        (tmp_path / "plain" / label).mkdir(parents=True)
    (tmp_path / "plain" / "a" / "one.mp4").write_bytes(videos[0])
    assert main(["dataset", str(tmp_path / "plain")]) == 1
    assert "1 empty class" in capsys.readouterr().out
    (tmp_path / "plain" / "b" / "two.mp4").write_bytes(videos[1])
    assert main(["dataset", str(tmp_path / "plain")]) == 0
    assert "2 classes, 2 clips" in capsys.readouterr().out


def test_the_command_refuses_what_does_not_go_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dataset", str(tmp_path), "--shared"]) == 2
    assert "--splits and --shared go with --layout ucf101 or hmdb51" in capsys.readouterr().err
    assert main(["dataset", str(tmp_path), "--layout", "kinetics"]) == 2
    assert "--layout is kinetics; it should be folder, ucf101 or hmdb51" in capsys.readouterr().err
