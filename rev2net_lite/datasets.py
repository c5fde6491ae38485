"""Labelled clips, from folders, manifests and the synthetic worlds to batches; decoded clips and flow stay on disk.

A `ClipDataset` is a list of `Example`s and the way their clips are sampled. What is slow, decoding and optical flow, is
done once and cached, one small file per clip, keyed by the video file, the sampling and the flow settings; a changed
video or setting is another key. Files enter the cache by a rename, so two processes may fill one cache.
"""

from __future__ import annotations

import csv
import hashlib
import json
import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from einops import rearrange
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from rev2net_lite.files import WriteError, write_atomically
from rev2net_lite.flow import resize_flow
from rev2net_lite.synthetic import Actors, SyntheticConfig, load_exact, street, studio, write_synthetic_dataset
from rev2net_lite.tvl1 import TVL1Config, clip_flow
from rev2net_lite.untrusted import confined
from rev2net_lite.video import read_clip

__all__ = [
    "Batch",
    "ClipDataset",
    "DatasetError",
    "Example",
    "Sampling",
    "SyntheticWorld",
    "batches",
    "evenly_spaced",
    "folder_dataset",
    "manifest_dataset",
    "synthetic_dataset",
    "synthetic_world",
]

VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".mpg", ".mpeg", ".gif")


class DatasetError(ValueError):
    """A folder or manifest that cannot be used as a labelled dataset."""


@dataclass(frozen=True)
class Sampling:
    """How a clip is taken from a video: the arguments of `read_clip`.

    Args:
        frames: frames per clip.
        size: `(h, w)` pixels.
        start_s: start of the interval.
        duration_s: its length; None takes the rest of the video.
        crop: `"center"`, or None to squash.
        allow_repeat: whether a video with fewer frames repeats some.
    """

    frames: int = 16
    size: tuple[int, int] = (112, 112)
    start_s: float = 0.0
    duration_s: float | None = None
    crop: Literal["center"] | None = "center"
    allow_repeat: bool = False

    def read(self, path: Path) -> Tensor:
        """uint8 `(3 t h w)`; raises `VideoError` as `read_clip` does."""
        return read_clip(
            path,
            frames=self.frames,
            size=self.size,
            start_s=self.start_s,
            duration_s=self.duration_s,
            crop=self.crop,
            allow_repeat=self.allow_repeat,
        )


@dataclass(frozen=True)
class Example:
    """One video, or a part of it, and its class.

    Args:
        path: of the file.
        label: number of its class.
        start_s: start of the part; None leaves the interval to the sampling.
        duration_s: its length.
    """

    path: Path
    label: int
    start_s: float | None = None
    duration_s: float | None = None


@dataclass(frozen=True)
class Batch:
    """Clips with what is known of them; None where the dataset was not asked for it.

    Args:
        clip: `(b 3 t h w)` float in [0, 1].
        labels: `(b)` long.
        flow: `(b 2 t-1 h w)` px/frame, the dataset's flow (`"tvl1"` or `"exact"`).
        indices: `(b)` long, positions in the dataset.
    """

    clip: Tensor
    labels: Tensor
    flow: Tensor | None
    indices: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same batch on `device`; copies from pinned memory do not wait."""
        return replace(
            self,
            clip=self.clip.to(device, non_blocking=True),
            labels=self.labels.to(device, non_blocking=True),
            flow=None if self.flow is None else self.flow.to(device, non_blocking=True),
        )

    def pin_memory(self) -> Batch:
        """The same batch in page-locked memory; the loader calls this when the batch goes to a GPU."""
        return replace(
            self,
            clip=self.clip.pin_memory(),
            labels=self.labels.pin_memory(),
            flow=None if self.flow is None else self.flow.pin_memory(),
        )


@dataclass
class ClipDataset(Dataset[Batch]):
    """Labelled clips of one split.

    Args:
        name: of the split, in messages and tables.
        classes: class names in label order.
        examples: videos and labels.
        sampling: how clips are taken.
        flow: `"tvl1"` estimated flow, as on real data; `"exact"` the synthetic renderer's, an oracle that no real video
            has; None none.
        tvl1: settings of the estimated flow.
        cache: folder for decoded clips and flow.
        held_out: True for anything that must not be trained on: targets and test splits. `fit` refuses such a dataset.
        in_memory: keep what was read; for sets that fit.

    Raises:
        DatasetError: no example, or a label without a class.
    """

    name: str
    classes: tuple[str, ...]
    examples: Sequence[Example]
    sampling: Sampling
    cache: Path
    flow: Literal["tvl1", "exact"] | None = "tvl1"
    tvl1: TVL1Config = field(default_factory=TVL1Config)
    held_out: bool = False
    in_memory: bool = True

    def __post_init__(self) -> None:
        if not self.examples:
            raise DatasetError(f"dataset {self.name!r} has no clips")
        if self.flow not in ("tvl1", "exact", None):
            raise DatasetError(f"flow is {self.flow!r}; expected 'tvl1', 'exact' or None")
        wrong = [e for e in self.examples if not 0 <= e.label < len(self.classes)]
        if wrong:
            raise DatasetError(f"{wrong[0].path} has label {wrong[0].label}; there are {len(self.classes)} classes")
        self._clips: Tensor | None = None
        self._flows: Tensor | None = None
        self.labels = torch.tensor([e.label for e in self.examples])

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> Batch:
        return self.__getitems__([index])

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """The batch of these examples: the loader asks for whole batches."""
        chosen = torch.as_tensor(indices, dtype=torch.long)
        if self._clips is not None:
            clips = self._clips[chosen]
            flows = None if self._flows is None else self._flows[chosen]
        else:
            clips = torch.stack([self.clip(int(i)) for i in chosen])
            flows = None if self.flow is None else torch.stack([self.flow_of(int(i)) for i in chosen])
        return Batch(clips.float() / 255, self.labels[chosen], None if flows is None else flows.float(), chosen)

    def subset(self, indices: Sequence[int], *, name: str | None = None) -> ClipDataset:
        """The examples at `indices` as a dataset of their own."""
        return replace(self, examples=[self.examples[i] for i in indices], name=name or self.name)

    def fingerprint(self) -> str:
        """A short name of which videos with which content have which label, wherever the dataset lies.

        Of a video above 64 KiB eight places count, its start and its end among them: reading all of a large dataset
        would take minutes.

        Raises:
            DatasetError: a video cannot be read.
        """
        contents = {path: self._content(path) for path in dict.fromkeys(e.path for e in self.examples)}
        listing = [
            [e.path.parent.name, e.path.name, contents[e.path], e.label, *([e.start_s, e.duration_s] * _is_part(e))]
            for e in self.examples
        ]
        return hashlib.sha256(json.dumps(listing).encode()).hexdigest()[:16]

    def prepare(self, *, device: torch.device | str = "cpu", progress: bool = False) -> ClipDataset:
        """Decode every clip and compute every flow that the cache lacks; returns the dataset itself.

        Args:
            device: where flow is computed; a GPU's differs from a CPU's by rounding.
            progress: show a bar, where standard error is a terminal.

        Raises:
            VideoError: a video cannot be read; it names the file. What was done so far stays in the cache.
        """
        missing = [i for i in range(len(self)) if not self._is_cached(i)]
        # Eight clips at once: the flow solver is three times faster per pair in batches than one by one.
        groups = [missing[i : i + 8] for i in range(0, len(missing), 8)]
        for group in tqdm(
            groups, desc=f"{self.name}: clips and flow", disable=None if progress else True, file=sys.stderr
        ):
            clips = torch.stack([self.clip(i) for i in group])
            if self.flow == "tvl1":
                flows = clip_flow(clips.to(device).float() / 255, config=self.tvl1).cpu()
                for i, flow in zip(group, flows, strict=True):
                    _publish({"flow": flow.half()}, self._flow_file(i))
        if self.in_memory and self._clips is None:
            self._clips = torch.stack([self.clip(i) for i in range(len(self))])
            if self.flow is not None:
                self._flows = torch.stack([self.flow_of(i) for i in range(len(self))])
        return self

    def clip(self, index: int) -> Tensor:
        """uint8 `(3 t h w)` of one example."""
        if self._clips is not None:
            return self._clips[index]
        file = self._clip_file(index)
        stored = _load(file, "clip")
        if stored is None:
            stored = self._sampling(index).read(self.examples[index].path)
            _publish({"clip": stored}, file)
        return stored

    def flow_of(self, index: int) -> Tensor:
        """float16 `(2 t-1 h w)` px/frame of one example, estimated or exact as the dataset says."""
        if self._flows is not None:
            return self._flows[index]
        if self.flow == "exact":
            return self.exact(index)[0].half()
        file = self._flow_file(index)
        stored = _load(file, "flow")
        if stored is None:
            stored = clip_flow(self.clip(index)[None].float() / 255, config=self.tvl1)[0].half()
            _publish({"flow": stored}, file)
        return stored

    def exact(self, index: int) -> tuple[Tensor, Tensor]:
        """Exact flow float32 `(2 t-1 h w)` px/frame at the clip's size, and bool `(t h w)` where the moving object is.

        Raises:
            DatasetError: the video is not one of the kit's synthetic ones, or its clip is not every frame of it.
        """
        path = self.examples[index].path
        try:
            exact = load_exact(path.parent.parent, path.name)
        except ValueError as error:
            raise DatasetError(
                f"{path} has no exact flow; only the kit's own synthetic videos have it: {error}"
            ) from error
        frames, height, width = exact.mask.shape
        sampling = self._sampling(index)
        every_frame = frames == sampling.frames and not sampling.start_s and sampling.duration_s is None
        if not every_frame or height * sampling.size[1] != width * sampling.size[0]:
            raise DatasetError(
                f"{path} has exact flow between all its {frames} frames of {height}x{width} pixels; sample every frame "
                f"at the same shape, not {sampling}"
            )
        flow = rearrange(
            resize_flow(rearrange(exact.flow, "c t h w -> t c h w"), self.sampling.size), "t c h w -> c t h w"
        )
        mask = functional.interpolate(exact.mask[None].float(), size=self.sampling.size, mode="area")[0] > 0.5
        return flow, mask

    def _sampling(self, index: int) -> Sampling:
        example = self.examples[index]
        if not _is_part(example):
            return self.sampling
        return replace(self.sampling, start_s=example.start_s or 0.0, duration_s=example.duration_s)

    def _content(self, path: Path) -> str:
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                digest = hashlib.sha256(str(size).encode())
                last = max(0, size - _SAMPLE_BYTES)
                for start in sorted({last * place // 7 for place in range(8)}):
                    file.seek(start)
                    digest.update(file.read(_SAMPLE_BYTES))
        except OSError as error:
            raise self._unreadable(path, error) from error
        return digest.hexdigest()

    def _unreadable(self, path: Path, error: OSError) -> DatasetError:
        return DatasetError(f"{path} of dataset {self.name!r} cannot be read: {error.strerror}")

    def _is_cached(self, index: int) -> bool:
        if self._clips is not None:
            return True
        return self._clip_file(index).exists() and (self.flow != "tvl1" or self._flow_file(index).exists())

    def _clip_file(self, index: int) -> Path:
        return self.cache / "clips" / _cache_name(self._clip_key(index))

    def _flow_file(self, index: int) -> Path:
        return self.cache / "flow" / _cache_name({**self._clip_key(index), "tvl1": asdict(self.tvl1)})

    def _clip_key(self, index: int) -> dict[str, object]:
        path = self.examples[index].path
        try:
            facts = path.stat()
        except OSError as error:
            raise self._unreadable(path, error) from error
        return {
            "format": _CACHE_FORMAT,
            "path": str(path.resolve()),
            "bytes": facts.st_size,
            "modified_ns": facts.st_mtime_ns,
            "sampling": asdict(self._sampling(index)),
        }


def evenly_spaced(video_s: float, *, seconds: float, count: int) -> list[tuple[float, float]]:
    """Start and length in seconds of up to `count` parts of a video, its first and its last among them.

    There are no more parts than it takes to see the whole video; one alone is the middle.

    Args:
        video_s: length of the video.
        seconds: length of a part; a shorter video is one part.
        count: at most so many.

    >>> evenly_spaced(5.0, seconds=1.0, count=3)
    [(0.0, 1.0), (2.0, 1.0), (4.0, 1.0)]
    >>> evenly_spaced(5.0, seconds=1.0, count=1), evenly_spaced(0.8, seconds=1.0, count=3)
    ([(2.0, 1.0)], [(0.0, 0.8)])
    """
    if video_s <= seconds:
        return [(0.0, video_s)]
    # A part that shows a tenth of itself as its only news is not worth its time.
    count = min(count, math.ceil(video_s / seconds - 0.1))
    rest = video_s - seconds
    return [(rest * (i / (count - 1) if count > 1 else 0.5), seconds) for i in range(count)]


def batches(
    dataset: ClipDataset,
    *,
    batch_size: int,
    device: torch.device | str = "cpu",
    shuffle: bool = False,
    seed: int = 0,
    epoch: int = 0,
    workers: int = 0,
    positions: Sequence[int] | np.ndarray[Any, np.dtype[np.int64]] | None = None,
    part: Callable[[Sequence[int]], Sequence[int]] | None = None,
) -> Iterator[Batch]:
    """Batches of a dataset on a device, in an order that seed and epoch alone decide.

    On a GPU the next batch is read, and its copy from pinned memory queued, before the caller gets the last one.

    Args:
        dataset: clips.
        batch_size: clips per batch; a shuffled pass drops the odd clips at its end, so that all batches weigh the same,
            unless the whole dataset is smaller than one batch.
        device: where the batches go.
        shuffle: shuffle, as training does; otherwise the dataset's own order and every clip.
        seed: of the order.
        epoch: of the order.
        workers: processes that read ahead; 0 reads in this one, best where the clips are in memory.
        positions: of the clips of one pass, some of them more than once; None is every clip once.
        part: of a batch's positions, those that are wanted here, as `distributed.Processes` has it; None is all.
    """
    device = torch.device(device)
    chosen = np.arange(len(dataset)) if positions is None else np.asarray(positions)
    order = chosen[np.random.default_rng([seed, epoch]).permutation(len(chosen))] if shuffle else chosen
    groups = [order[i : i + batch_size].tolist() for i in range(0, len(order), batch_size)]
    if shuffle and len(groups) > 1 and len(groups[-1]) < batch_size:
        groups.pop()
    if part is not None:
        groups = [list(part(group)) for group in groups]
    loader = DataLoader(
        dataset,
        batch_sampler=groups,
        collate_fn=_as_it_is,
        num_workers=workers,
        pin_memory=device.type == "cuda",
        persistent_workers=False,
    )
    ahead: Batch | None = None
    for batch in loader:
        moved = batch.to(device)
        if ahead is not None:
            yield ahead
        ahead = moved
    if ahead is not None:
        yield ahead


def _is_part(example: Example) -> bool:
    return example.start_s is not None or example.duration_s is not None


def _as_it_is(batch: Any) -> Any:
    """`__getitems__` has made a batch of them already."""
    return batch


def folder_dataset(
    folder: Path | str,
    *,
    sampling: Sampling,
    cache: Path,
    name: str | None = None,
    held_out: bool = False,
    flow: Literal["tvl1"] | None = "tvl1",
) -> ClipDataset:
    """A dataset of a folder that has one folder of videos per class, classes and videos in alphabetical order.

    Files of other kinds are passed over, and videos are opened when they are decoded: `dataset_report.folder_report`
    looks at all of them first, for duplicates too.

    Raises:
        DatasetError: no such folder, no class folder, or a class folder without a video.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder; expected one folder of videos per class in it")
    classes = sorted(p.name for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not classes:
        raise DatasetError(f"{folder} has no folders in it; expected one folder of videos per class")
    examples = []
    for label, class_name in enumerate(classes):
        videos = sorted(p for p in (folder / class_name).iterdir() if p.suffix.lower() in VIDEO_SUFFIXES)
        if not videos:
            raise DatasetError(
                f"{folder / class_name} has no videos; expected files ending in {', '.join(VIDEO_SUFFIXES)}"
            )
        examples += [Example(path, label) for path in videos]
    return ClipDataset(name or folder.name, tuple(classes), examples, sampling, cache, flow=flow, held_out=held_out)


def manifest_dataset(
    manifest: Path | str,
    *,
    sampling: Sampling,
    cache: Path,
    classes: Sequence[str] | None = None,
    name: str | None = None,
    held_out: bool = False,
    flow: Literal["tvl1", "exact"] | None = "tvl1",
) -> ClipDataset:
    """A dataset of a CSV file with the columns `file` (relative to it) and `label` (a class name).

    Args:
        manifest: the CSV file; further columns are ignored.
        sampling: how clips are taken.
        cache: folder for decoded clips and flow.
        classes: class names in label order; None takes those of the file, sorted.
        name: of the split; None takes the manifest's folder's.
        held_out: see `ClipDataset`.
        flow: see `ClipDataset`.

    Raises:
        DatasetError: no such file, a missing column or entry, an unknown class, files outside the manifest's folder, or
            files that are not there, all at once.
    """
    manifest = Path(manifest)
    try:
        with manifest.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            rows, columns = list(reader), reader.fieldnames or []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{manifest} cannot be read as a CSV file: {error}") from error
    if not {"file", "label"} <= set(columns):
        raise DatasetError(f"{manifest} has the columns {columns}; expected 'file' and 'label' among them")
    # A row may be too short, and then the reader gives None.
    short = [line for line, row in enumerate(rows, 2) if not row["file"] or not row["label"]]
    if short:
        raise DatasetError(f"{manifest} lacks the file or the label in {len(short)} rows, first in line {short[0]}")
    names = tuple(classes) if classes is not None else tuple(sorted({row["label"] for row in rows}))
    unknown = sorted({row["label"] for row in rows} - set(names))
    if unknown:
        raise DatasetError(f"{manifest} has the labels {unknown}; expected only {list(names)}")
    # A stranger's list may not make the kit read what lies elsewhere.
    strays = []
    for row in rows:
        try:
            confined(manifest.parent, row["file"])
        except ValueError as error:
            strays.append(str(error))
    if strays:
        raise DatasetError(f"{manifest} names {len(strays)} of {len(rows)} files outside its folder: {strays[0]}")
    paths = [manifest.parent / row["file"] for row in rows]
    absent = [str(path) for path in paths if not path.is_file()]
    if absent:
        shown = ", ".join(absent[:5]) + (", ..." if len(absent) > 5 else "")
        raise DatasetError(f"{manifest} names {len(absent)} of {len(paths)} files that are not there: {shown}")
    examples = [Example(path, names.index(row["label"])) for path, row in zip(paths, rows, strict=True)]
    return ClipDataset(name or manifest.parent.name, names, examples, sampling, cache, flow=flow, held_out=held_out)


def synthetic_dataset(
    folder: Path | str,
    *,
    config: SyntheticConfig,
    clips_per_class: int,
    seed: int,
    sampling: Sampling,
    cache: Path,
    name: str,
    held_out: bool,
    flow: Literal["tvl1", "exact"] | None = "tvl1",
) -> ClipDataset:
    """A split of the synthetic world, written first if `folder` does not hold it yet."""
    write_synthetic_dataset(folder, config=config, clips_per_class=clips_per_class, seed=seed)
    return manifest_dataset(
        Path(folder) / "labels.csv",
        sampling=sampling,
        cache=cache,
        classes=config.classes,
        name=name,
        held_out=held_out,
        flow=flow,
    )


@dataclass(frozen=True)
class SyntheticWorld:
    """The splits of one seed: what may be trained on, what is looked at while training, and three tests.

    Args:
        train: tied studio clips; the seed decides them.
        validation: more of the same, for curves and choices.
        studio: home test, tied like the training clips.
        untied: the studio's look with the ties between class and appearance cut.
        street: the target domain.
    """

    train: ClipDataset
    validation: ClipDataset
    studio: ClipDataset
    untied: ClipDataset
    street: ClipDataset

    @property
    def tests(self) -> dict[str, ClipDataset]:
        """The three test splits by name."""
        return {"studio": self.studio, "untied": self.untied, "street": self.street}


def synthetic_world(
    root: Path | str,
    *,
    seed: int,
    train_per_class: int,
    validation_per_class: int,
    test_per_class: int,
    frames: int,
    size: int,
    rendered_size: int,
    flow: Literal["tvl1", "exact"] | None = "tvl1",
    source: SyntheticConfig | None = None,
    target: SyntheticConfig | None = None,
    test_seed: int = 0,
    actors: Actors | None = None,
) -> SyntheticWorld:
    """The world of one seed under `root`, written where it is not there yet.

    Test splits are the same for every seed, so that seeds vary what is learned and not what is asked.

    Args:
        root: folder for videos and caches; worlds of other settings lie beside each other in it.
        seed: of the training and validation clips.
        train_per_class: clips per class, and so on.
        frames: per clip.
        size: pixels of the clips, which are square.
        rendered_size: pixels of the videos on disk.
        flow: of all splits; see `ClipDataset`.
        source: None is `studio()`.
        target: None is `street()`.
        test_seed: of the test splits, 0 to 31. Those of 0 were looked at when the kit's defaults were chosen.
        actors: "sprites" or "figures" in all splits; None takes those of `source` and `target`.

    Raises:
        DatasetError: `test_seed` is out of its range, or source and target have different actors.
    """
    if isinstance(test_seed, bool) or not isinstance(test_seed, int) or not 0 <= test_seed <= 31:
        raise DatasetError(
            f"test_seed is {test_seed!r}; expected a whole number from 0 to 31, so that tests and training never meet"
        )
    root = Path(root)
    source = source or studio()
    target = target or street()
    if actors is not None:
        source, target = replace(source, actors=actors), replace(target, actors=actors)
    if source.actors != target.actors:
        raise DatasetError(
            f"the source has {source.actors} and the target {target.actors}; a class must mean the same in both, "
            "so give both the same actors"
        )
    sampling = Sampling(frames=frames, size=(size, size))

    def split(name: str, config: SyntheticConfig, clips: int, number: int, *, held_out: bool) -> ClipDataset:
        sized = replace(config, frames=frames, size=rendered_size)
        identity = json.dumps({"config": sized.record(), "clips": clips, "seed": number}, sort_keys=True)
        folder = root / f"{name}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"
        return synthetic_dataset(
            folder,
            config=sized,
            clips_per_class=clips,
            seed=number,
            sampling=sampling,
            cache=root / "cache",
            name=name,
            held_out=held_out,
            flow=flow,
        )

    # Seeds of the splits never meet: tests below 100, training and validation from 1000 on.
    untied = replace(source, appearance_bias=0.0, motion_bias=0.0, domain=f"untied {source.domain}")
    return SyntheticWorld(
        train=split("train", source, train_per_class, 1000 + 2 * seed, held_out=False),
        validation=split("validation", source, validation_per_class, 1001 + 2 * seed, held_out=False),
        studio=split("studio", source, test_per_class, 3 * test_seed + 1, held_out=True),
        untied=split("untied", untied, test_per_class, 3 * test_seed + 2, held_out=True),
        street=split("street", target, test_per_class, 3 * test_seed + 3, held_out=True),
    )


# A fingerprint reads eight pieces of this size.
_SAMPLE_BYTES = 8192

# Part of every key: a change of what is stored makes all keys new.
_CACHE_FORMAT = 1


def _cache_name(key: dict[str, object]) -> Path:
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    return Path(digest[:2]) / f"{digest[2:34]}.safetensors"


def _load(file: Path, name: str) -> Tensor | None:
    """A cached tensor, or None if it is not there or not whole (a disk that filled up, say): then it is made again."""
    try:
        return load_file(file)[name]
    except (FileNotFoundError, SafetensorError, KeyError):
        return None


def _publish(tensors: dict[str, Tensor], file: Path) -> None:
    """Write a cache file whole or not at all."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(error.errno, error.strerror, str(file.parent)) from error
    write_atomically(file, save({name: tensor.contiguous() for name, tensor in tensors.items()}), durable=False)
