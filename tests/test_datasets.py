import errno
import itertools
import json
import multiprocessing
import os
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch

from rev2net_lite.datasets import (
    ClipDataset,
    DatasetError,
    Example,
    Sampling,
    batches,
    evenly_spaced,
    folder_dataset,
    manifest_dataset,
    synthetic_dataset,
    synthetic_world,
)
from rev2net_lite.files import WriteError
from rev2net_lite.flow import endpoint_error
from rev2net_lite.synthetic import studio
from rev2net_lite.tvl1 import TVL1Config
from rev2net_lite.video import VideoError, read_clip, write_video

SAMPLING = Sampling(frames=4, size=(16, 16))


def video(path: Path, *, shade: int = 100, frames: int = 4) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = torch.full((3, frames, 16, 16), shade, dtype=torch.uint8)
    pixels[:, :, :, 8:] += torch.arange(frames, dtype=torch.uint8)[None, :, None, None] * 20
    write_video(path, pixels, fps=8)
    return path


@pytest.fixture
def folder(tmp_path):
    for name, shade in (("up/b.mp4", 60), ("up/a.mp4", 80), ("down/c.MP4", 100)):
        video(tmp_path / "data" / name, shade=shade)
    return tmp_path / "data"


def load(folder, tmp_path, **options):
    return folder_dataset(folder, sampling=SAMPLING, cache=tmp_path / "cache", **options)


def files(cache):
    return sorted(p.relative_to(cache) for p in cache.rglob("*") if p.is_file())


def test_sampling_is_what_read_clip_is_asked(folder):
    sampling = Sampling(frames=2, size=(8, 12), start_s=0.125, duration_s=0.25, crop=None)
    path = folder / "up" / "a.mp4"
    expected = read_clip(path, frames=2, size=(8, 12), start_s=0.125, duration_s=0.25, crop=None)
    assert torch.equal(sampling.read(path), expected)
    with pytest.raises(VideoError):
        Sampling(frames=9, size=(8, 8)).read(path)
    assert Sampling(frames=9, size=(8, 8), allow_repeat=True).read(path).shape == (3, 9, 8, 8)


def test_a_folder_per_class_in_alphabetical_order(folder, tmp_path):
    data = load(folder, tmp_path)
    assert data.classes == ("down", "up")
    assert [(e.path.name, e.label) for e in data.examples] == [("c.MP4", 0), ("a.mp4", 1), ("b.mp4", 1)]
    assert data.name == "data" and not data.held_out
    assert load(folder, tmp_path, name="target", held_out=True).held_out


def test_folders_that_are_no_dataset_are_refused(folder, tmp_path):
    with pytest.raises(DatasetError, match="gone is not a folder; expected one folder of videos per class in it"):
        load(tmp_path / "gone", tmp_path)
    with pytest.raises(DatasetError, match="up has no folders in it"):
        load(folder / "up", tmp_path)
    (folder / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"empty has no videos; expected files ending in \.mp4"):
        load(folder, tmp_path)


def manifest(folder, rows, header="file,label"):
    path = folder / "labels.csv"
    path.write_text("\n".join([header, *rows]))
    return path


def test_a_manifest_names_files_and_labels(folder, tmp_path):
    path = manifest(folder, ["up/a.mp4,up,x", "down/c.MP4,down,y"], header="file,label,more")
    data = manifest_dataset(path, sampling=SAMPLING, cache=tmp_path / "cache")
    assert data.classes == ("down", "up") and data.labels.tolist() == [1, 0]
    ordered = manifest_dataset(path, sampling=SAMPLING, cache=tmp_path / "cache", classes=["up", "down"])
    assert ordered.labels.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        (["up/a.mp4"], "file", r"has the columns \['file'\]; expected 'file' and 'label' among them"),
        (["up/a.mp4,left"], "file,label", r"has the labels \['left'\]; expected only \['up', 'down'\]"),
        (
            ["up/x.mp4,up", "up/a.mp4,up", "y.mp4,down"],
            "file,label",
            r"names 2 of 3 files that are not there: .*x.mp4, ",
        ),
        (["up/a.mp4,up", "up/b.mp4", ",up"], "file,label", "lacks the file or the label in 2 rows, first in line 3"),
        (
            ["up/a.mp4,up", "../x.mp4,up", "/etc/passwd,up", "up/link.mp4,up"],
            "file,label",
            r"names 3 of 4 files outside its folder: '\.\./x.mp4' ",
        ),
    ],
)
def test_manifests_that_are_wrong_are_refused(rows, header, message, folder, tmp_path):
    (folder / "up" / "link.mp4").symlink_to(video(tmp_path / "x.mp4"))
    with pytest.raises(DatasetError, match=message):
        manifest_dataset(
            manifest(folder, rows, header), sampling=SAMPLING, cache=tmp_path / "cache", classes=["up", "down"]
        )


def test_a_manifest_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(DatasetError, match=r"gone.csv cannot be read as a CSV file"):
        manifest_dataset(tmp_path / "gone.csv", sampling=SAMPLING, cache=tmp_path)


def test_datasets_that_make_no_sense_are_refused(folder, tmp_path):
    path = folder / "up" / "a.mp4"
    with pytest.raises(DatasetError, match="dataset 'none' has no clips"):
        ClipDataset("none", ("a",), [], SAMPLING, tmp_path)
    with pytest.raises(DatasetError, match=r"a.mp4 has label 2; there are 1 classes"):
        ClipDataset("data", ("a",), [Example(path, 2)], SAMPLING, tmp_path)
    with pytest.raises(DatasetError, match="flow is 'raft'; expected 'tvl1', 'exact' or None"):
        ClipDataset("data", ("a",), [Example(path, 0)], SAMPLING, tmp_path, flow="raft")
    data = ClipDataset("data", ("a",), [Example(tmp_path / "gone.mp4", 0)], SAMPLING, tmp_path)
    with pytest.raises(DatasetError, match=r"gone.mp4 of dataset 'data' cannot be read: No such file"):
        data.prepare()


def test_clips_and_flow_are_cached_and_come_back_equal(folder, tmp_path):
    data = load(folder, tmp_path).prepare()
    assert len(files(tmp_path / "cache")) == 6
    again = replace(data)
    for i in range(3):
        assert torch.equal(again.clip(i), read_clip(data.examples[i].path, frames=4, size=(16, 16)))
        assert torch.equal(again.flow_of(i), data.flow_of(i))
    kept = load(folder, tmp_path)
    for path in (tmp_path / "cache" / "clips").rglob("*.safetensors"):
        assert path.stat().st_mode & 0o044 == 0o044, "a cache is shared with others"
    assert torch.equal(kept.clip(0), data.clip(0))


def test_one_by_one_equals_prepared(folder, tmp_path):
    prepared = load(folder, tmp_path).prepare()
    alone = folder_dataset(folder, sampling=SAMPLING, cache=tmp_path / "other")
    for i in range(3):
        error = endpoint_error(alone.flow_of(i)[None].float(), prepared.flow_of(i)[None].float())
        assert error.max() < 1e-2


@pytest.mark.parametrize(
    ("changes", "new_files"),
    [
        ({"sampling": replace(SAMPLING, size=(8, 8))}, 2),
        ({"sampling": replace(SAMPLING, start_s=0.125, frames=2)}, 2),
        ({"tvl1": TVL1Config(warps=1)}, 1),
        ({"flow": None}, 0),
    ],
)
def test_another_setting_is_another_key(changes, new_files, folder, tmp_path):
    data = load(folder, tmp_path).prepare().subset([0])
    before = len(files(tmp_path / "cache"))
    replace(data, **changes).prepare()
    assert len(files(tmp_path / "cache")) == before + new_files


def test_a_changed_video_is_another_key(folder, tmp_path):
    data = load(folder, tmp_path)
    old = data.clip(0)
    path = video(data.examples[0].path, shade=180)
    os.utime(path, ns=(1, 1))
    assert not torch.equal(load(folder, tmp_path).clip(0), old)


def test_a_video_written_anew_is_another_key_even_at_the_same_size(folder, tmp_path):
    data = load(folder, tmp_path)
    data.clip(0)
    os.utime(data.examples[0].path, ns=(1, 1))
    data.clip(0)
    assert len(files(tmp_path / "cache")) == 2


def test_half_a_cache_file_is_made_again(folder, tmp_path):
    expected = load(folder, tmp_path).prepare()
    for path in (tmp_path / "cache").rglob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:40])
    again = load(folder, tmp_path)
    assert torch.equal(again.clip(1), expected.clip(1))
    assert torch.equal(again.flow_of(1), again.flow_of(1))


def test_a_write_that_fails_leaves_no_file(folder, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("rev2net_lite.files.Path.replace", full)
    with pytest.raises(WriteError, match=r"safetensors cannot be written: No space left on device"):
        load(folder, tmp_path).clip(0)
    assert files(tmp_path / "cache") == []


def prepare_elsewhere(folder, cache):
    torch.set_num_threads(1)
    folder_dataset(folder, sampling=SAMPLING, cache=cache).prepare()


def test_two_processes_may_fill_one_cache(folder, tmp_path):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=prepare_elsewhere, args=(folder, tmp_path / "cache")) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert len(files(tmp_path / "cache")) == 6


def test_an_unreadable_video_is_named_and_what_was_done_is_kept(folder, tmp_path):
    (folder / "up" / "z.mp4").write_bytes(b"")
    with pytest.raises(VideoError, match=r"z.mp4"):
        load(folder, tmp_path).prepare()
    assert len(files(tmp_path / "cache" / "clips")) == 3


def test_exact_flow_is_resized_with_its_values(world):
    flow, mask = world.street.exact(0)
    assert flow.shape == (2, 7, 32, 32) and mask.shape == (8, 32, 32) and mask.dtype == torch.bool
    half, small = replace(world.street, sampling=replace(world.street.sampling, size=(16, 16))).exact(0)
    assert half.shape == (2, 7, 16, 16) and small.shape == (8, 16, 16)
    assert half.mean().item() == pytest.approx(flow.mean().item() / 2, abs=0.02)


def test_exact_flow_is_an_oracle_that_datasets_name(world):
    oracle = replace(world.street, flow="exact")
    assert torch.equal(oracle.flow_of(0), world.street.exact(0)[0].half())
    assert not torch.equal(oracle.flow_of(0), world.street.flow_of(0))


def test_exact_flow_is_refused_where_there_is_none(folder, world, tmp_path):
    with pytest.raises(DatasetError, match=r"has no exact flow; only the kit's own synthetic videos have it"):
        load(folder, tmp_path).exact(0)
    with pytest.raises(DatasetError, match=r"between all its 8 frames of 32x32 pixels; sample every frame"):
        replace(world.street, sampling=replace(world.street.sampling, frames=4)).exact(0)


def test_batches_are_float_and_complete_in_order(world):
    seen = list(batches(world.studio, batch_size=6))
    assert [len(b.labels) for b in seen] == [6, 6, 4]
    assert torch.cat([b.indices for b in seen]).tolist() == list(range(16))
    assert seen[0].clip.dtype == torch.float32 and 0 <= seen[0].clip.min() < seen[0].clip.max() <= 1
    assert torch.equal(seen[0].clip[3], world.studio.clip(3).float() / 255)
    assert torch.equal(seen[0].flow[3], world.studio.flow_of(3).float())


def order(data, **options):
    return torch.cat([b.indices for b in batches(data, batch_size=8, shuffle=True, **options)]).tolist()


def test_seed_and_epoch_decide_the_order(world):
    assert order(world.train, seed=1, epoch=2) == order(world.train, seed=1, epoch=2)
    assert order(world.train, seed=1, epoch=2) != order(world.train, seed=1, epoch=3)
    assert order(world.train, seed=1, epoch=2) != order(world.train, seed=2, epoch=2)
    assert sorted(order(world.train)) == list(range(32))


def test_a_shuffled_pass_drops_the_odd_rest_but_never_everything(world):
    assert len(order(world.train.subset(range(19)))) == 16
    assert len(order(world.train.subset(range(5)))) == 5


def test_workers_change_nothing(world):
    from_disk = replace(world.studio, in_memory=False)
    here, there = (list(batches(from_disk, batch_size=8, workers=workers)) for workers in (0, 1))
    assert all(torch.equal(a.clip, b.clip) and torch.equal(a.flow, b.flow) for a, b in zip(here, there, strict=True))


def test_a_subset_keeps_what_it_is(world):
    part = world.street.subset([3, 1], name="two")
    assert part.name == "two" and part.held_out and len(part) == 2
    assert torch.equal(part.clip(0), world.street.clip(3))


def test_parts_of_one_video_are_clips_of_their_own(folder, tmp_path):
    path = folder / "up" / "a.mp4"
    whole = Example(path, 0)
    parts = [replace(whole, start_s=start, duration_s=0.25) for start in (0.0, 0.25)]
    sampling = replace(SAMPLING, frames=2)
    data = ClipDataset("parts", ("a", "b"), [whole, *parts], sampling, tmp_path / "cache").prepare()
    for index, interval in enumerate(({}, {"duration_s": 0.25}, {"start_s": 0.25, "duration_s": 0.25})):
        assert torch.equal(data.clip(index), read_clip(path, frames=2, size=(16, 16), **interval))
    assert len(files(tmp_path / "cache")) == 6
    only = [replace(data, examples=[example]) for example in data.examples]
    assert len({each.fingerprint() for each in only}) == 3
    # The whole interval said outright is another key, and the same clip.
    assert torch.equal(replace(data, examples=[replace(whole, duration_s=0.5)]).clip(0), data.clip(0))


def test_exact_flow_is_that_of_whole_clips(world):
    part = replace(world.street, examples=[replace(world.street.examples[0], start_s=0.25, duration_s=0.5)])
    with pytest.raises(DatasetError, match=r"sample every frame at the same shape, not Sampling\(.*start_s=0.25"):
        part.exact(0)


@pytest.mark.parametrize("video_s", [0.3, 1.0, 1.05, 1.7, 3.0, 3.21, 60.0])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_parts_are_evenly_spaced_and_inside_the_video(video_s, count):
    parts = evenly_spaced(video_s, seconds=1.0, count=count)
    assert 1 <= len(parts) <= count
    assert all(length == min(1.0, video_s) and 0 <= start <= video_s - length for start, length in parts)
    starts = [start for start, _ in parts]
    steps = {round(b - a, 9) for a, b in itertools.pairwise(starts)}
    assert len(steps) <= 1 and starts[0] + starts[-1] == pytest.approx(video_s - min(1.0, video_s))
    if len(parts) > 1:
        assert starts[0] == 0
    if len(parts) < count:
        assert sum(length for _, length in parts) >= 0.9 * video_s, "nothing to see is left out"


def test_the_fingerprint_follows_files_and_labels(folder, tmp_path):
    data = load(folder, tmp_path)
    assert data.fingerprint() == load(folder, tmp_path).fingerprint()
    assert data.fingerprint() != data.subset([0, 1]).fingerprint()
    moved = shutil.copytree(folder, tmp_path / "elsewhere")
    assert data.fingerprint() == load(moved, tmp_path).fingerprint(), "wherever it lies"
    path = data.examples[0].path
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"x")
    assert data.fingerprint() != load(moved, tmp_path).fingerprint(), "another video of the same name and size"
    path.write_bytes(content)
    relabelled = replace(data, examples=[replace(e, label=0) for e in data.examples])
    assert data.fingerprint() != relabelled.fingerprint()


def test_a_fingerprint_sees_start_and_end_of_large_files(folder, tmp_path):
    data = load(folder, tmp_path)
    path = data.examples[0].path
    content = bytearray(300_000)
    seen = set()
    for place in (0, 8191, 150_000, 299_999):
        changed = bytearray(content)
        changed[place] = 1
        path.write_bytes(changed)
        seen.add(data.fingerprint())
    path.write_bytes(content + b"x")
    seen.add(data.fingerprint())
    assert len(seen) == 5
    path.unlink()
    with pytest.raises(DatasetError, match=r"c.MP4 of dataset 'data' cannot be read: No such file"):
        data.fingerprint()


def test_a_synthetic_split_is_written_once(tmp_path):
    def split():
        return synthetic_dataset(
            tmp_path / "split",
            config=replace(studio(), size=32),
            clips_per_class=1,
            seed=0,
            sampling=Sampling(8, (32, 32)),
            cache=tmp_path / "cache",
            name="studio",
            held_out=False,
        )

    data = split()
    assert len(data) == 8 and data.labels.tolist() == list(range(8))
    stamp = data.examples[0].path.stat().st_mtime_ns
    assert split().examples[0].path.stat().st_mtime_ns == stamp


def test_a_world_has_its_splits_apart(world):
    assert {name: split.held_out for name, split in world.tests.items()} == dict.fromkeys(world.tests, True)
    assert not world.train.held_out and not world.validation.held_out
    assert [len(s) for s in (world.train, world.validation, world.studio, world.untied, world.street)] == [
        32,
        8,
        16,
        16,
        16,
    ]
    assert not torch.equal(world.train.clip(0), world.studio.clip(0))
    assert asdict(world.train.sampling) == asdict(world.street.sampling)


def test_another_test_seed_changes_the_tests_and_nothing_else(tmp_path):
    def world(test_seed):
        return synthetic_world(
            tmp_path,
            seed=0,
            train_per_class=1,
            validation_per_class=1,
            test_per_class=1,
            frames=8,
            size=32,
            rendered_size=32,
            flow=None,
            test_seed=test_seed,
        )

    worlds = [world(test_seed) for test_seed in (0, 1, 31)]
    first, other, _ = worlds
    assert torch.equal(first.train.clip(0), other.train.clip(0))
    assert torch.equal(first.validation.clip(0), other.validation.clip(0))
    for name in first.tests:
        assert not torch.equal(first.tests[name].clip(0), other.tests[name].clip(0))
    folders = [split.examples[0].path.parent.parent for each in worlds for split in each.tests.values()]
    seeds = [json.loads((folder / "dataset.json").read_text())["seed"] for folder in folders]
    # Apart from each other, and below the seed of the example videos and those of training.
    assert len(set(seeds)) == 9 and max(seeds) < 99
    for wrong in (-1, 32, 1.5, True):
        with pytest.raises(DatasetError, match=r"test_seed is .*; expected a whole number from 0 to 31"):
            world(wrong)


def test_real_clips_make_a_dataset(clips_folder, tmp_path):
    data = folder_dataset(
        clips_folder / "actions" / "gmdcsa24_seg", sampling=Sampling(8, (32, 32)), cache=tmp_path, flow=None
    ).prepare()
    assert data.classes == ("falling", "sitting", "standing", "walking") and len(data) == 21
