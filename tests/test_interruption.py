"""Nothing finished is lost, whatever ends a process: kill -9, a full disk, a read-only folder, a second run."""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
import torch
from safetensors.torch import load_file

if sys.platform == "win32":
    pytest.skip("kill -9 and limits of a process are of Unix", allow_module_level=True)

import interrupted
import tried
from interrupted import EPOCHS, NOTEBOOKS, SAVES, SEEDS, Child

from rev2net_lite.checkpoints import CheckpointError, load_checkpoint, load_state
from rev2net_lite.datasets import Sampling, folder_dataset
from rev2net_lite.runs import collate, read_record
from rev2net_lite.study import study_records
from rev2net_lite.video import write_video

# Kills in `make test` and in `make test-long`.
SHORT_LONG = [pytest.param("short", id="short"), pytest.param("long", id="long", marks=pytest.mark.long)]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What jobs read: a dataset with its cache, videos without one, notebooks."""
    folder = tmp_path_factory.mktemp("source")
    interrupted.training_data(folder)
    for index in range(6):
        (folder / "videos" / f"class_{index % 2}").mkdir(parents=True, exist_ok=True)
        frames = torch.randint(256, (3, 4, 16, 16), generator=torch.Generator().manual_seed(index), dtype=torch.uint8)
        write_video(folder / "videos" / f"class_{index % 2}" / f"{index}.mp4", frames, fps=8)
    interrupted.write_notebooks(folder)
    assert Child(interrupted.nothing, folder, folder / "nothing").end() is not None
    return folder


class Whole:
    """What a job leaves that nobody interrupts, how many steps on the disk it takes, and how many seconds."""

    def __init__(self, job: Callable[[Path, Path], None], source: Path, folder: Path) -> None:
        started = time.monotonic()
        steps = Child(job, source, folder).end()
        assert isinstance(steps, int), steps
        self.folder, self.steps, self.seconds = folder, steps, time.monotonic() - started


def kill_and_go_on(
    job: Callable[[Path, Path], None],
    source: Path,
    tmp_path: Path,
    *,
    kills: int,
    seed: int,
    after_kill: Callable[[Path, Path], None],
    at_end: Callable[[Path, Path], None],
    by_clock: float = 0.25,
) -> tuple[Counter[str], float]:
    """What came of the kills, and the seconds: a job is killed again and again until it is through, then begun anew.

    Args:
        after_kill: looks at the folder of a killed job; also gets that of the whole one.
        at_end: looks at it when the job is through.
        by_clock: share of kills at a moment of the clock; the others are at a step on the disk.
    """
    draw, outcome, started = random.Random(seed), Counter[str](), time.monotonic()
    whole = Whole(job, source, tmp_path / "whole")
    at_end(whole.folder, whole.folder)
    attempt = 0
    while outcome["killed"] < kills:
        attempt += 1
        assert attempt <= 20 * kills + 20, f"hardly a kill hits: {outcome}"
        folder = tmp_path / f"attempt_{attempt}"
        folder.mkdir()
        # One to three kills before the job may end.
        for _ in range(draw.randint(1, min(3, kills - outcome["killed"]))):
            if draw.random() < by_clock:
                ended = Child(job, source, folder).end(after_s=draw.uniform(0, whole.seconds))
            else:
                ended = Child(job, source, folder, at=draw.randint(1, whole.steps)).end()
            if ended is not None:
                assert isinstance(ended, int), ended
                outcome["through before the kill"] += 1
                break
            outcome["killed"] += 1
            after_kill(folder, whole.folder)
        ended = Child(job, source, folder).end()
        assert isinstance(ended, int), ended
        at_end(folder, whole.folder)
        outcome["went on to the same end"] += 1
        shutil.rmtree(folder)
    return outcome, time.monotonic() - started


def files(folder: Path) -> dict[str, bytes]:
    """Content of every file below the folder by path, without locks and without drafts, which nobody reads."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }


# kill -9


def same_training(folder: Path, whole: Path) -> None:
    (found, found_data), (wanted, wanted_data) = (load_state(each, "training") for each in (folder, whole))
    assert found.keys() == wanted.keys() and all(torch.equal(found[key], wanted[key]) for key in wanted)
    for data in (found_data, wanted_data):
        for row in data["history"]:
            del row["seconds"]
    assert found_data["history"] == wanted_data["history"] and len(found_data["history"]) == EPOCHS
    models = [load_checkpoint(each / "model")[0].state_dict() for each in (folder, whole)]
    assert all(torch.equal(models[0][key], models[1][key]) for key in models[1])


def last_good_state(folder: Path, _whole: Path) -> None:
    if (folder / "training.json").exists():
        tensors, data = load_state(folder, "training")
        assert 1 <= len(data["history"]) <= EPOCHS and all(value.isfinite().all() for value in tensors.values())


@pytest.mark.parametrize("form", SHORT_LONG)
def test_a_killed_training_goes_on_bit_equal(form: str, source: Path, tmp_path: Path) -> None:
    kills = {"short": 3, "long": 30}[form]
    outcome, seconds = kill_and_go_on(
        interrupted.train,
        source,
        tmp_path,
        kills=kills,
        seed=1,
        after_kill=last_good_state,
        at_end=same_training,
        by_clock=0.5,
    )
    tried.keep(f"kill-training-{form}", "kill -9 while training", tried=kills, outcome=outcome, seconds=seconds)


def noted(folder: Path) -> int:
    """The last epoch whose save came back; -1 for none."""
    lines = (folder / "noted").read_text().split() if (folder / "noted").exists() else []
    return int(lines[-1]) if lines else -1


def saved(folder: Path, _whole: Path) -> None:
    """What was saved last is there, whole; or, killed within a save, what that one saves."""
    last = noted(folder)
    try:
        tensors, data = load_state(folder / "state", "training")
    except CheckpointError as error:
        assert last == -1 and "there is no checkpoint" in str(error)
        return
    assert data["epoch"] in (last, (last + 1) % SAVES)
    assert tensors["x"].tolist() == [data["epoch"]] * 2000


def saved_all(folder: Path, whole: Path) -> None:
    saved(folder, whole)
    assert noted(folder) == SAVES - 1
    assert [name.split("-")[0].split(".")[0] for name in files(folder / "state")] == ["training"] * 2


@pytest.mark.parametrize("form", SHORT_LONG)
def test_a_killed_save_leaves_the_last_checkpoint_or_the_next(form: str, source: Path, tmp_path: Path) -> None:
    kills = {"short": 6, "long": 60}[form]
    outcome, seconds = kill_and_go_on(
        interrupted.save, source, tmp_path, kills=kills, seed=2, after_kill=saved, at_end=saved_all
    )
    tried.keep(f"kill-saving-{form}", "kill -9 while saving checkpoints", tried=kills, outcome=outcome, seconds=seconds)


def whole_files_only(folder: Path, whole: Path) -> None:
    wanted = files(whole)
    for name, content in files(folder).items():
        assert content == wanted[name], f"{name} is not whole"


def all_files(folder: Path, whole: Path) -> None:
    assert files(folder) == files(whole)
    for path in folder.rglob("*.safetensors"):
        load_file(path)


@pytest.mark.parametrize("form", SHORT_LONG)
def test_a_killed_cache_holds_whole_files_only(form: str, source: Path, tmp_path: Path) -> None:
    kills = {"short": 4, "long": 40}[form]
    outcome, seconds = kill_and_go_on(
        interrupted.cache, source, tmp_path, kills=kills, seed=3, after_kill=whole_files_only, at_end=all_files
    )
    what = "kill -9 while caching clips and flow"
    tried.keep(f"kill-caching-{form}", what, tried=kills, outcome=outcome, seconds=seconds)


def all_or_nothing(folder: Path, whole: Path) -> None:
    assert not (folder / "set").exists() or files(folder) == files(whole)


@pytest.mark.parametrize("form", SHORT_LONG)
def test_a_killed_writer_of_a_dataset_leaves_all_or_nothing(form: str, source: Path, tmp_path: Path) -> None:
    kills = {"short": 3, "long": 30}[form]
    outcome, seconds = kill_and_go_on(
        interrupted.write_dataset, source, tmp_path, kills=kills, seed=4, after_kill=all_or_nothing, at_end=all_files
    )
    what = "kill -9 while writing a synthetic dataset"
    tried.keep(f"kill-dataset-{form}", what, tried=kills, outcome=outcome, seconds=seconds)


def record_or_none(folder: Path, _whole: Path) -> None:
    for path in folder.rglob("results*.json"):
        assert read_record(path).notebook == "01_x"


def one_record(folder: Path, whole: Path) -> None:
    record_or_none(folder, whole)
    assert len(collate(folder)) == 1


@pytest.mark.parametrize("form", SHORT_LONG)
def test_a_killed_run_leaves_its_record_whole_or_not_at_all(form: str, source: Path, tmp_path: Path) -> None:
    kills = {"short": 4, "long": 40}[form]
    outcome, seconds = kill_and_go_on(
        interrupted.record, source, tmp_path, kills=kills, seed=5, after_kill=record_or_none, at_end=one_record
    )
    tried.keep(f"kill-record-{form}", "kill -9 while recording a run", tried=kills, outcome=outcome, seconds=seconds)


def killed_often(
    job: Callable[[Path, Path], None],
    source: Path,
    folder: Path,
    *,
    kills: int,
    seed: int,
    look: Callable[[Path], dict[str, int]],
) -> tuple[Counter[str], float]:
    """Kills one job by the clock until the kills are used up, then lets it end; finished records stay as they are."""
    draw, outcome, started = random.Random(seed), Counter[str](), time.monotonic()
    finished: dict[str, int] = {}
    while outcome["killed"] < kills:
        ended = Child(job, source, folder, patience_s=20.0).end(after_s=draw.uniform(0.5, 6.0))
        found = look(folder)
        assert {name: found.get(name) for name in finished} == finished, "a finished record was lost or made again"
        finished = found
        if ended is not None:
            assert isinstance(ended, int), ended
            outcome["through before the kill"] += 1
            shutil.rmtree(folder)
            finished = {}
            continue
        outcome["killed"] += 1
    assert isinstance(Child(job, source, folder).end(), int)
    assert look(folder).items() >= finished.items()
    outcome["went on to the end"] += 1
    return outcome, time.monotonic() - started


def seeds_done(folder: Path) -> dict[str, int]:
    """When the record of each seed was written, each whole."""
    found = {}
    for path in folder.glob("seed_*/results.json"):
        assert read_record(path).seed == int(path.parent.name.removeprefix("seed_"))
        found[path.parent.name] = path.stat().st_mtime_ns
    return found


@pytest.mark.notebook
@pytest.mark.parametrize("form", SHORT_LONG)
def test_a_killed_study_keeps_its_finished_seeds_and_runs_the_others(form: str, source: Path, tmp_path: Path) -> None:
    kills = {"short": 1, "long": 10}[form]
    outcome, seconds = killed_often(interrupted.sweep, source, tmp_path / "study", kills=kills, seed=6, look=seeds_done)
    assert [record.seed for record in study_records([tmp_path / "study"])] == list(SEEDS)
    assert sorted(seeds_done(tmp_path / "study")) == [f"seed_{seed}" for seed in SEEDS]
    assert len(collate(tmp_path / "study" / f"seed_{SEEDS[0]}")) == 1
    tried.keep(f"kill-study-{form}", "kill -9 of a study over seeds", tried=kills, outcome=outcome, seconds=seconds)


@pytest.mark.notebook
@pytest.mark.parametrize("form", SHORT_LONG)
def test_a_killed_series_is_run_again_with_one_record_each(form: str, source: Path, tmp_path: Path) -> None:
    kills = {"short": 1, "long": 10}[form]

    def look(folder: Path) -> dict[str, int]:
        """Whatever is there is whole; a series begins anew, so its records may be made again."""
        for path in folder.rglob("results*.json"):
            read_record(path)
        return {}

    outcome, seconds = killed_often(interrupted.series, source, tmp_path, kills=kills, seed=7, look=look)
    assert sorted(row["notebook"] for row in collate(tmp_path / "build")) == list(NOTEBOOKS)
    for name in NOTEBOOKS:
        executed = nbformat.read(tmp_path / "build" / "smoke" / f"{name}.ipynb", as_version=4)
        assert all(cell.execution_count for cell in executed.cells if cell.cell_type == "code")
        assert (tmp_path / "build" / "smoke" / f"{name}.html").is_file()
    tried.keep(f"kill-notebooks-{form}", "kill -9 of executed notebooks", tried=kills, outcome=outcome, seconds=seconds)


# A full disk, a read-only folder


@pytest.fixture
def faults() -> Iterator[Counter[str]]:
    """What came of the faults of a test, kept at its end."""
    outcome, started = Counter[str](), time.monotonic()
    yield outcome
    name = os.environ["PYTEST_CURRENT_TEST"].split("::")[-1].split(" ")[0].removeprefix("test_")
    what = name.replace("_", " ")
    tried.keep(f"fault-{name}", what, tried=outcome.total(), outcome=outcome, seconds=time.monotonic() - started)


def told(said: int | str | None, *words: str) -> str:
    """The sentence that a job ended with, which has these words."""
    assert isinstance(said, str) and all(word in said for word in words), said
    return "told in a sentence, last good state kept"


def test_a_full_disk_is_told_and_leaves_the_last_good_state(source: Path, tmp_path: Path, faults: Counter[str]) -> None:
    interrupted_folder, whole = tmp_path / "full", tmp_path / "whole"
    Child(interrupted.train, source, whole).end()
    for saves in (1, 2):
        said = Child(interrupted.train, source, interrupted_folder, limit_bytes=5000, limit_after=saves).end()
        faults[told(said, "WriteError", "training-", "cannot be written: File too large; what was there before")] += 1
        assert len(load_state(interrupted_folder, "training")[1]["history"]) == (1, 3)[saves - 1]
    assert isinstance(Child(interrupted.train, source, interrupted_folder).end(), int)
    same_training(interrupted_folder, whole)

    said = Child(interrupted.cache, source, tmp_path / "videos", limit_bytes=1000).end()
    faults[told(said, "WriteError", ".safetensors cannot be written: File too large")] += 1
    assert files(tmp_path / "videos") == {}
    said = Child(interrupted.write_dataset, source, tmp_path / "data", limit_bytes=1000).end()
    faults[told(said, "cannot be written: File too large")] += 1
    assert list((tmp_path / "data").iterdir()) == []
    Child(interrupted.record, source, tmp_path / "record").end()
    said = Child(interrupted.record, source, tmp_path / "record", limit_bytes=300).end()
    faults[told(said, "WriteError", "results.json cannot be written: File too large")] += 1
    assert [path.name for path in (tmp_path / "record" / "run").glob("results*")] == ["results.previous.json"]


@pytest.mark.notebook
def test_a_series_on_a_full_disk_says_so_and_ends(source: Path, tmp_path: Path, faults: Counter[str]) -> None:
    said = Child(interrupted.series, source, tmp_path, limit_bytes=3000).end()
    faults[told(said, "cannot be written: File too large")] += 1
    assert isinstance(Child(interrupted.series, source, tmp_path).end(), int)
    assert sorted(row["notebook"] for row in collate(tmp_path / "build")) == list(NOTEBOOKS)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter, unlike those of `tmp_path`."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    for path in (folder, *folder.rglob("*")):
        if path.is_dir():
            path.chmod(0o755)
    shutil.rmtree(folder)


def test_a_read_only_folder_is_told_and_leaves_the_last_good_state(
    source: Path, open_folder: Path, faults: Counter[str]
) -> None:
    own = shutil.copytree(source, open_folder / "source")
    interrupted.training_data(own)  # with the keys of its own path
    for path in (own, *own.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)

    def read_only(name: str) -> Path:
        folder = open_folder / name
        folder.mkdir(exist_ok=True)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        return folder

    for job, words in (
        (interrupted.train, "cannot be written: Permission denied"),
        (interrupted.cache, "cannot be written: Permission denied"),
        (interrupted.write_dataset, "set cannot be written: Permission denied"),
        (interrupted.record, "cannot be made: Permission denied; choose another output"),
        (interrupted.series, "smoke cannot be written: Permission denied"),
        (interrupted.sweep, "sweep cannot be written: Permission denied"),
    ):
        said = Child(job, own, read_only(job.__name__), nobody=True).end()
        faults[told(said, words)] += 1
        assert files(open_folder / job.__name__) == {}

    Child(interrupted.train, own, open_folder / "trained").end()
    before = files(open_folder / "trained")
    said = Child(interrupted.train, own, read_only("trained"), nobody=True).end()
    faults[told(said, "trained cannot be written: Permission denied")] += 1
    assert files(open_folder / "trained") == before
    same_training(open_folder / "trained", open_folder / "trained")


# Two at once


def test_of_two_trainings_in_one_folder_one_is_refused(source: Path, tmp_path: Path, faults: Counter[str]) -> None:
    Child(interrupted.train, source, tmp_path / "whole").end()
    both = [Child(interrupted.train, source, tmp_path / "one", patience_s=0.0) for _ in range(2)]
    said = sorted((child.end() for child in both), key=str)
    assert sum(isinstance(each, int) for each in said) == 1
    [refused] = [each for each in said if isinstance(each, str)]
    faults[told(refused, "ValueError: another run is writing to", "give this one another output folder")] += 1
    same_training(tmp_path / "one", tmp_path / "whole")
    both = [Child(interrupted.train, source, tmp_path / "two", patience_s=60.0) for _ in range(2)]
    assert all(isinstance(child.end(), int) for child in both), "with patience the second finds the work done"
    faults["waited for the other and found the work done"] += 1
    same_training(tmp_path / "two", tmp_path / "whole")


def test_two_that_save_into_one_folder_and_one_that_reads(source: Path, tmp_path: Path, faults: Counter[str]) -> None:
    both = [Child(interrupted.save, source, tmp_path) for _ in range(2)]
    while any(child.process.is_alive() for child in both):
        if (tmp_path / "state" / "training.json").exists():
            tensors, data = load_state(tmp_path / "state", "training")
            assert tensors["x"].tolist() == [data["epoch"]] * 2000
            faults["read whole while two were saving"] += 1
    assert all(isinstance(child.end(), int) for child in both)
    assert faults.total() > 0
    saved_all(tmp_path, tmp_path)


def test_a_cache_that_is_read_only_is_read(source: Path, open_folder: Path) -> None:
    own = shutil.copytree(source / "videos", open_folder / "videos")
    sampling = Sampling(frames=4, size=(16, 16))
    data = folder_dataset(own, sampling=sampling, cache=open_folder / "cache").prepare()
    for path in (open_folder / "cache").rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    again = folder_dataset(own, sampling=sampling, cache=open_folder / "cache").prepare()
    assert torch.equal(again.clip(0), data.clip(0)) and torch.equal(again.flow_of(0), data.flow_of(0))
