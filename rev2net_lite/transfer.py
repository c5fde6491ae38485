"""Two data sets of real videos with classes in common: every system trained on one and tested on both, both ways round.

    pair = pair_folders(DataFolder.parse("ucf101:UCF-101"), DataFolder.parse("hmdb51:hmdb51_org"), accept=["absent"])
    outcome = run_transfer(pair, config=TransferConfig(seeds=(0, 1, 2)), profile=get_profile("gpu"), output=folder)

UCF101 and HMDB51 meet in their twelve shared classes (UCF-HMDB_full: Chen et al., "Temporal Attentive Alignment for
Large-Scale Video Domain Adaptation", ICCV 2019); any other two data sets in the classes whose names they share. A model
is trained on the training side of its source and never sees a clip of the target: `home` is the source's own test side,
`away` that of the target. Clips for validation come from the source's training side, group by group.

Real videos are longer than the actions' details, so a clip is a part of a video of about a second. Each video gives a
few such parts, evenly spaced: to train on as clips of their own, and to test with their class probabilities averaged,
as the field does (Simonyan, Zisserman, "Two-Stream Convolutional Networks", NeurIPS 2014, tests with 25 frames).
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import torch
from tqdm import tqdm

from rev2net_lite.checkpoints import save_checkpoint
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
from rev2net_lite.datasets import ClipDataset, DatasetError, Sampling
from rev2net_lite.evaluation import (
    Evaluation,
    accuracy,
    confusion_counts,
    cross_dataset,
    mean_interval,
    paired_interval,
)
from rev2net_lite.experiment import train_config
from rev2net_lite.files import WriteError, write_text_atomically
from rev2net_lite.models import SYSTEMS, build_model
from rev2net_lite.profiles import Profile
from rev2net_lite.runs import Record, RecordError, open_run, read_record
from rev2net_lite.study import record_evaluation
from rev2net_lite.training import find_device, fit
from rev2net_lite.untrusted import read_json
from rev2net_lite.video import VideoError

__all__ = [
    "DEFAULT_SYSTEMS",
    "DataFolder",
    "Outcome",
    "Pair",
    "Splits",
    "TransferConfig",
    "decode_clips",
    "pair_folders",
    "per_video",
    "prepare_pair",
    "run_transfer",
    "table_text",
    "transfer_records",
    "transfer_table",
]

DEFAULT_SYSTEMS = ("rgb", "flow_decoder", "multitask", "rev2net")

LAYOUTS = ("folder", "ucf101", "hmdb51")

# Systems that neither take flow nor predict it.
_WITHOUT_FLOW = {"rgb", "frame_decoder"}
# Of a data set without a split so many groups of each class are tested on: as in HMDB51's splits. Validation, which
# draws curves and chooses nothing, gets fewer.
_TEST_SHARE, _VALIDATION_SHARE = 0.3, 0.1
# What pairing itself sees to: classes that cannot be used are left out by name.
_NO_MATTER = {"empty class", "one class"}
_SETTINGS, _TABLE = "transfer.json", "table"
_RUN = "transfer"
# Names that a line shows.
_SHOWN = 8
# Where the system does not say how much memory it has.
_USUAL_MEMORY = 8 * 2**30


@dataclass(frozen=True)
class DataFolder:
    """A data set on disk.

    Args:
        layout: "ucf101", "hmdb51", or "folder" for one folder of videos per class or a list `labels.csv`.
        path: its folder.
    """

    layout: str
    path: Path

    @classmethod
    def parse(cls, text: str) -> DataFolder:
        """The data set that a user names: a path, with the layout and a colon in front where it is a special one.

        >>> DataFolder.parse("ucf101:data/UCF-101").layout, DataFolder.parse("own/clips").layout
        ('ucf101', 'folder')
        """
        layout, colon, path = text.partition(":")
        # A colon may belong to the path: C:\\videos.
        if not colon or layout not in LAYOUTS:
            layout, path = "folder", text
        return cls(layout, Path(path).expanduser())


@dataclass(frozen=True)
class TransferConfig:
    """What is trained, and how clips are taken from videos.

    Args:
        systems: some of `models.SYSTEMS`.
        seeds: of initialisation and order of clips; each is a run of every system in both directions.
        seconds: of a video that one clip shows; a shorter video is shown whole.
        parts: clips of one video at most, evenly spaced.

    Raises:
        ValueError: an unknown system, one named twice, or a number out of its range.
    """

    systems: tuple[str, ...] = DEFAULT_SYSTEMS
    seeds: tuple[int, ...] = (0, 1, 2)
    seconds: float = 1.0
    parts: int = 3

    def __post_init__(self) -> None:
        for name in self.systems or [""]:
            if name not in SYSTEMS or self.systems.count(name) > 1:
                fault = "twice" if name in SYSTEMS else "and there is none of that name"
                raise ValueError(f"systems names {name!r} {fault}; expected some of {', '.join(SYSTEMS)}, each once")
        if not self.seeds or min(self.seeds) < 0 or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds are {list(self.seeds)}; expected different whole numbers, 0 or more")
        if not self.seconds > 0 or self.parts < 1:
            raise ValueError(
                f"seconds is {self.seconds} and parts {self.parts}; expected more than 0 seconds and at least 1 part"
            )


@dataclass(frozen=True)
class Pair:
    """Two data sets in the classes that both can train and test.

    Args:
        first: its clips on the sides "train", "validation" and "test".
        second: the same.
        left_out: why classes are not used, by class; or which are not, by "only in" a data set.
        own_split: names of the data sets that were split here.
        accept: kinds of problems that the user goes on with.
    """

    first: DatasetReport
    second: DatasetReport
    left_out: Mapping[str, str]
    own_split: tuple[str, ...]
    accept: tuple[str, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes in label order, the same on both sides."""
        return self.first.classes

    def __str__(self) -> str:
        """Classes, clips on each side, and what is left out."""
        lines = [f"{len(self.classes)} classes in both: {', '.join(self.classes)}"]
        for report in (self.first, self.second):
            sides = Counter(clip.side for clip in report.clips)
            lines.append(
                f"  {report.name}: {sides['train']} videos to train with, {sides['validation']} to validate with, "
                f"{sides['test']} to test with"
            )
            if report.name in self.own_split:
                lines.append("    It came without a split: three groups in ten of each class are to test with.")
        lines += [f"  left out: {what}: {reason}" for what, reason in self.left_out.items()]
        return "\n".join(lines)


@dataclass(frozen=True)
class Splits:
    """One data set ready to train and to test with; no validation where no class has groups to spare."""

    train: ClipDataset
    validation: ClipDataset | None
    test: ClipDataset


@dataclass(frozen=True)
class Outcome:
    """What came of a transfer.

    Args:
        rows: the table; see `transfer_table`.
        failed: why runs failed, by run.
        table: file of the table as text; `table.json` beside it has the same numbers.
    """

    rows: list[dict[str, object]]
    failed: dict[str, str]
    table: Path


def pair_folders(
    first: DataFolder,
    second: DataFolder,
    *,
    split: Literal[1, 2, 3] | None = 1,
    splits: Sequence[Path] = (),
    accept: Collection[str] = (),
    report: Callable[[str], None] = print,
) -> Pair:
    """The two data sets, looked at and brought together.

    Args:
        first: a data set.
        second: another one.
        split: number of the official split of UCF101 and HMDB51; None splits these here as well, group by group.
        splits: folders to look for official split files in, where they lie neither in the data set nor beside it.
        accept: kinds of problems to go on with; `dataset_report.KINDS` says what becomes of such clips.
        report: called with the report of each data set, and with that of both.

    Raises:
        DatasetError: a folder or split files are not there; fewer than two classes can be trained and tested on both
            sides; or there are problems that were not accepted, or an unknown kind was.
    """
    if unknown := sorted(set(accept) - set(KINDS)):
        raise DatasetError(f"{', '.join(unknown)} is no kind of problem to accept; expected some of {', '.join(KINDS)}")
    if first.path.resolve() == second.path.resolve():
        raise DatasetError(f"both data sets are {first.path}; name two different folders")
    names = _class_names(first, second), _class_names(second, first)
    common = set(names[0]) & set(names[1])
    seen = [
        _report(one, other, only=common, split=split, splits=splits)
        for one, other in ((first, second), (second, first))
    ]
    if seen[0].name == seen[1].name:
        seen[1] = replace(seen[1], name=f"{seen[1].name} 2")
    seen[1] = common_files(seen[0], seen[1])
    for each in seen:
        report(str(each))
    only = {f"only in {each.name}": sorted(set(own) - common) for each, own in zip(seen, names, strict=True)}
    left_out = {what: _shortened(labels) for what, labels in only.items() if labels}
    pair = _paired(seen[0], seen[1], left_out=left_out, accept=accept)
    report(str(pair))
    return pair


def prepare_pair(
    pair: Pair,
    *,
    config: TransferConfig,
    profile: Profile,
    cache: Path,
    report: Callable[[str], None] = print,
    progress: bool = True,
) -> tuple[Pair, dict[str, Splits]]:
    """Every clip decoded and its flow computed, by name of the data set; and the pair as it is then.

    What is done lies in the cache: an interrupted call goes on where it was.

    Args:
        pair: from `pair_folders`.
        config: how clips are taken; flow is computed where a system needs it.
        profile: frames and size of the clips.
        cache: folder for clips and flow.
        report: called with one line for each step.
        progress: show bars, where standard error is a terminal.

    Raises:
        DatasetError: videos cannot be decoded to their end and that was not accepted; all are named.
    """
    flow: Literal["tvl1"] | None = None if set(config.systems) <= _WITHOUT_FLOW else "tvl1"

    def splits_of(source: DatasetReport) -> Splits:
        def side(name: Literal["train", "validation", "test"]) -> ClipDataset:
            return source.dataset(
                name,
                sampling=Sampling(profile.frames, (profile.size, profile.size), allow_repeat=True),
                cache=cache,
                accept=list(KINDS),
                flow=flow,
                seconds=config.seconds,
                parts=config.parts,
            )

        validates = any(clip.side == "validation" for clip in source.clips)
        return Splits(side("train"), side("validation") if validates else None, side("test"))

    reports, broken = [], False
    for source in (pair.first, pair.second):
        parts = _parts(splits_of(source))
        report(
            f"{source.name}: {sum(map(len, parts))} clips of {len(source.clips)} videos; those decoded before are kept"
        )
        unreadable = decode_clips(parts, name=source.name, progress=progress)
        broken |= bool(unreadable)
        reports.append(source.without(unreadable))
    if broken:
        pair = _paired(reports[0], reports[1], left_out=pair.left_out, accept=pair.accept, own_split=pair.own_split)
        report(str(pair))
    made = {source.name: splits_of(source) for source in (pair.first, pair.second)}
    everything = [part for splits in made.values() for part in _parts(splits)]
    if flow is not None:
        report("Optical flow of all clips (TV-L1); what was computed before is kept")
    in_memory = sum(_bytes(part) for part in everything) < _memory() / 2
    for part in everything:
        part.in_memory = in_memory
        part.prepare(device=find_device(), progress=progress)
    return pair, made


def run_transfer(
    pair: Pair,
    *,
    config: TransferConfig,
    profile: Profile,
    output: Path,
    device: torch.device | None = None,
    report: Callable[[str], None] = print,
    progress: bool = True,
) -> Outcome:
    """Every system and seed trained on each data set and tested on both; what is finished is not run again.

    A run that fails is named and does not stop the others. An interrupted one goes on after its last finished epoch.

    Args:
        pair: from `pair_folders`.
        config: systems, seeds, clips.
        profile: sizes, epochs, precision.
        output: receives `<source>-to-<target>/<system>/seed_<n>/` with record and model, the table, and the cache.
        device: None takes a GPU if there is one.
        report: called with one line for each step.
        progress: show bars, where standard error is a terminal.

    Raises:
        DatasetError: see `prepare_pair`; or the folder holds a transfer of other data or settings.
        WriteError: the folder cannot be written.
    """
    _make_folder(output)
    # What can be told before hours of decoding is told before them.
    settings = {"profile": asdict(profile), "seconds": config.seconds, "parts": config.parts}
    _check_settings(output / _SETTINGS, settings)
    pair, data = prepare_pair(
        pair, config=config, profile=profile, cache=output / "cache", report=report, progress=progress
    )
    clips = {part.name: part.fingerprint() for splits in data.values() for part in _parts(splits)}
    identity = {**settings, "classes": list(pair.classes), "clips": clips}
    if not _check_settings(output / _SETTINGS, identity):
        write_text_atomically(output / _SETTINGS, json.dumps(identity, indent=1) + "\n")
    device = device or find_device()
    failed: dict[str, str] = {}
    names = list(data)
    for seed in config.seeds:
        for source, target in (names, names[::-1]):
            for system in config.systems:
                what = f"{system}, seed {seed}, {source} to {target}"
                own = output / f"{_slug(source)}-to-{_slug(target)}" / system / f"seed_{seed}"
                parameters = _parameters(system, seed, source, target, profile=profile, identity=identity, own=own)
                if _finished(own / "results.json", parameters):
                    report(f"{what}: finished before")
                    continue
                try:
                    report(
                        f"{what}: {_run(parameters, data, profile=profile, own=own, device=device, progress=progress)}"
                    )
                except Exception as error:  # whatever it is, the other runs are worth as much as before
                    kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
                    failed[what] = f"{kind}{error}"
                    report(f"{what}: failed: {failed[what]}")
    rows = transfer_table(transfer_records(output))
    text = table_text(rows)
    write_text_atomically(output / f"{_TABLE}.txt", text)
    payload = {"settings": identity, "rows": rows, "failed": failed}
    write_text_atomically(output / f"{_TABLE}.json", json.dumps(payload, indent=1, allow_nan=False) + "\n")
    return Outcome(rows, failed, output / f"{_TABLE}.txt")


def per_video(result: Evaluation, dataset: ClipDataset) -> Evaluation:
    """The evaluation with the parts of each video counted once: logits are the logarithm of mean class probabilities.

    Args:
        result: of all examples of the dataset, in their order.
        dataset: examples of one file follow each other.

    Returns:
        Accuracy and confusion over videos; errors of flow and frames stay means over parts.
    """
    starts = [i for i, e in enumerate(dataset.examples) if i == 0 or e.path != dataset.examples[i - 1].path]
    lengths = [end - start for start, end in zip(starts, [*starts[1:], len(dataset)], strict=True)]
    logits = torch.stack([part.softmax(-1).mean(0).log() for part in result.logits.double().split(lengths)]).float()
    labels = result.labels[starts]
    return replace(
        result,
        logits=logits,
        labels=labels,
        accuracy=accuracy(logits, labels),
        confusion=confusion_counts(logits, labels),
    )


def transfer_records(folder: Path) -> list[Record]:
    """Records of finished runs below a folder.

    Raises:
        RecordError: one is not valid.
    """
    records = [read_record(path) for path in sorted(folder.rglob("results.json"))]
    return [record for record in records if record.notebook == _RUN]


def transfer_table(records: Iterable[Record]) -> list[dict[str, object]]:
    """One row per direction, system and test set: accuracy over seeds, and its difference from `rgb`'s.

    Args:
        records: of one transfer.

    Returns:
        Rows with `source`, `target`, `system`, `split` ("home" or "away"), `mean`, `low`, `high` (95 % interval over
        seeds, None for one seed), `n` (seeds), `videos` (in the test set), `most_frequent` (accuracy of always saying
        the test set's most frequent class), and `difference`, `difference_low`, `difference_high`, `difference_n` over
        the seeds that rgb was trained with too; None for rgb itself and where there are none.
    """
    values: dict[tuple[str, str, str, str], dict[int, float]] = defaultdict(dict)
    tests: dict[tuple[str, str, str], tuple[int, float]] = {}
    for record in records:
        source, target, system = (str(record.parameters[name]) for name in ("source", "target", "system"))
        metrics = {metric.name: metric for metric in record.metrics}
        for split in ("home", "away"):
            measured = metrics[f"accuracy/{system}/{split}"]
            values[source, target, system, split][record.seed] = measured.value
            tests[source, target, split] = (measured.n, metrics[f"most_frequent/{split}"].value)
    rows: list[dict[str, object]] = []
    for (source, target, system, split), seen in sorted(values.items(), key=_order):
        base = values.get((source, target, "rgb", split), {}) if system != "rgb" else {}
        seeds = sorted(set(seen) & set(base))
        difference = paired_interval([seen[s] for s in seeds], [base[s] for s in seeds]) if seeds else None
        mean = mean_interval([seen[seed] for seed in sorted(seen)])
        videos, most_frequent = tests[source, target, split]
        rows.append(
            {"source": source, "target": target, "system": system, "split": split}
            | {"mean": mean.value, "low": mean.low, "high": mean.high, "n": mean.n}
            | {"videos": videos, "most_frequent": most_frequent}
            | {
                "difference": difference and difference.value,
                "difference_low": difference and difference.low,
                "difference_high": difference and difference.high,
                "difference_n": 0 if difference is None else difference.n,
            }
        )
    return rows


def table_text(rows: Sequence[Mapping[str, object]]) -> str:
    """The rows of `transfer_table` as text, a block per direction."""
    if not rows:
        return "No run is finished.\n"
    head = ("trained with", "home", "- rgb, paired", "away", "- rgb, paired")
    blocks = []
    for source, target in dict.fromkeys((row["source"], row["target"]) for row in rows):
        here = [row for row in rows if (row["source"], row["target"]) == (source, target)]
        cells: list[tuple[str, ...]] = [head]
        for system in dict.fromkeys(str(row["system"]) for row in here):
            found = {row["split"]: row for row in here if row["system"] == system}
            seeds = f"{system} ({found['home']['n']})"
            cells.append((seeds, *(text for split in ("home", "away") for text in _cells(found[split]))))
        guess = {row["split"]: f"{100 * _number(row['most_frequent']):.1f}" for row in here}
        cells.append(("most frequent class", guess["home"], "", guess["away"], ""))
        videos = {row["split"]: row["videos"] for row in here}
        widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
        blocks.append(
            f"Source {source}: home is {source} ({videos['home']} videos), away is {target} ({videos['away']} videos)\n"
            + "\n".join(line.rstrip() for line in lines)
        )
    note = "Accuracy in %, mean over seeds (their number stands behind the system) with its 95 % interval."
    if any(row["n"] == 1 for row in rows):
        note += " One seed has no interval."
    return "\n\n".join([*blocks, note]) + "\n"


def _cells(row: Mapping[str, object]) -> tuple[str, str]:
    """Accuracy and difference in points, each with its interval where there is one."""

    def text(value: object, low: object, high: object, form: str) -> str:
        if value is None:
            return "-"
        shown = [format(100 * _number(number), form) for number in (value, low, high) if number is not None]
        return shown[0] + (f" [{shown[1]}, {shown[2]}]" if len(shown) == 3 else "")

    return (
        text(row["mean"], row["low"], row["high"], ".1f"),
        text(row["difference"], row["difference_low"], row["difference_high"], "+.1f"),
    )


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return value


def _order(item: tuple[tuple[str, str, str, str], object]) -> tuple[str, str, int, int]:
    source, target, system, split = item[0]
    return source, target, SYSTEMS.index(system), ("home", "away").index(split)


def _run(
    parameters: Mapping[str, object],
    data: Mapping[str, Splits],
    *,
    profile: Profile,
    own: Path,
    device: torch.device,
    progress: bool,
) -> str:
    """One system and seed in one direction: trained, tested, recorded; what came of it in a few words."""
    system, source, target = (str(parameters[name]) for name in ("system", "source", "target"))
    seed = parameters["seed"]
    assert isinstance(seed, int)
    home, away = data[source], data[target]
    run = open_run(_RUN, parameters)
    try:
        config = train_config(system, profile, seed=seed)
        # Clips in memory need nobody to read ahead.
        workers = 0 if home.train.in_memory else min(4, os.cpu_count() or 1)
        model = build_model(system, classes=home.train.classes, size=profile.model_size, seed=seed)
        history = fit(
            model,
            home.train,
            config=replace(config, workers=workers),
            validation=home.validation,
            folder=own / "training",
            device=device,
            progress=progress,
        )
        tests = {"home": home.test, "away": away.test}
        results = {
            split: per_video(result, tests[split])
            for split, result in cross_dataset(model, tests, device=device).items()
        }
        for split, result in results.items():
            record_evaluation(run, system, split, result)
            counts = result.labels.bincount()
            n = len(result.labels)
            run.record(f"most_frequent/{split}", float(counts.max()) / n, unit="fraction", n=n)
        save_checkpoint(
            own / "model",
            model,
            record={
                "made_by": f"rev2net transfer: {source} to {target}",
                "profile": asdict(profile),
                "seed": seed,
                "tests": {split: {"accuracy": asdict(result.accuracy)} for split, result in results.items()},
                "history": history.rows,
            },
        )
        run.finish()
    finally:
        run.close()
    # The state of the optimiser is three times the model, and nobody goes on from here.
    shutil.rmtree(own / "training", ignore_errors=True)
    return ", ".join(f"{split} {100 * result.accuracy.value:.1f} %" for split, result in results.items())


def _parameters(
    system: str, seed: int, source: str, target: str, *, profile: Profile, identity: Mapping[str, object], own: Path
) -> dict[str, object]:
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
    return {
        "profile": profile.name,
        "seed": seed,
        "output": str(own),
        "system": system,
        "source": source,
        "target": target,
        "settings": digest,
    }


def _finished(path: Path, parameters: Mapping[str, object]) -> bool:
    """Whether the record of this very run is there; a broken one is not it."""
    try:
        record = read_record(path)
    except RecordError:
        return False
    return record.notebook == _RUN and record.parameters | {"output": ""} == {**parameters, "output": ""}


def _check_settings(path: Path, wanted: Mapping[str, object]) -> bool:
    """Whether the folder is that of these settings; False where it has none yet.

    Raises:
        DatasetError: it is that of others.
    """
    if not path.exists():
        return False
    try:
        before = read_json(path)
        changed = [name for name in wanted if before[name] != wanted[name]]
    except (ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{path} is damaged; delete it, or choose another output folder") from error
    if changed:
        raise DatasetError(
            f"{path.parent} holds a transfer with other {', '.join(changed)}, which cannot stand in one table with "
            "this one; choose another output folder"
        )
    return True


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(error.errno, error.strerror, str(folder)) from error


def _paired(
    first: DatasetReport,
    second: DatasetReport,
    *,
    left_out: Mapping[str, str],
    accept: Collection[str],
    own_split: tuple[str, ...] | None = None,
) -> Pair:
    """The reports with their sides settled, in the classes that both can use.

    Raises:
        DatasetError: as in `pair_folders`.
    """
    reports = [first, second]
    if own_split is None:
        own_split = tuple(each.name for each in reports if all(clip.side == "all" for clip in each.clips))
        reports = [_with_test_side(each) if each.name in own_split else each for each in reports]
    refused = {
        each.name: {kind: count for kind, count in each.counts.items() if kind not in {*accept, *_NO_MATTER}}
        for each in reports
    }
    if any(refused.values()):
        listed = "; ".join(
            f"{name}: " + ", ".join(f"{count} {kind}" for kind, count in counts.items())
            for name, counts in refused.items()
            if counts
        )
        kinds = [kind for kind in KINDS if any(kind in counts for counts in refused.values())]
        raise DatasetError(
            f"there are problems that were not accepted ({listed}); mend them, or accept "
            f"{','.join([*sorted(accept), *kinds])}"
        )
    left_out = dict(left_out)
    usable = []
    for label in first.classes:
        if label not in second.classes:
            continue
        lacking = [
            f"{each.name} has none to {side} with"
            for each in reports
            for side in ("train", "test")
            if not any(clip.label == label and clip.side in _counted_as(side) for clip in each.clips)
        ]
        if lacking:
            left_out[label] = " and ".join(lacking)
        else:
            usable.append(label)
    if len(usable) < 2:
        reasons = "".join(f"; {label}: {reason}" for label, reason in left_out.items())
        raise DatasetError(
            f"{first.name} and {second.name} have {len(usable)} classes in common with videos to train and to test "
            f"with on both sides; expected two or more, named alike{reasons}"
        )
    reports = [_with_validation_side(_in_classes(each, usable)) for each in reports]
    return Pair(reports[0], reports[1], left_out, own_split, tuple(accept))


def _counted_as(side: str) -> tuple[str, ...]:
    return ("train", "validation") if side == "train" else (side,)


def _in_classes(report: DatasetReport, classes: Sequence[str]) -> DatasetReport:
    clips = sorted((clip for clip in report.clips if clip.label in classes), key=lambda clip: classes.index(clip.label))
    return replace(report, classes=tuple(classes), clips=tuple(clips))


def _with_test_side(report: DatasetReport) -> DatasetReport:
    apart = _apart(report.clips, share=_TEST_SHARE, least=2)
    sides: tuple[Literal["train", "test"], ...] = tuple(
        "test" if i in apart else "train" for i in range(len(report.clips))
    )
    return replace(report, clips=tuple(replace(c, side=s) for c, s in zip(report.clips, sides, strict=True)))


def _with_validation_side(report: DatasetReport) -> DatasetReport:
    training = [clip for clip in report.clips if clip.side == "train"]
    if any(clip.side == "validation" for clip in report.clips):
        return report
    apart = {training[i] for i in _apart(training, share=_VALIDATION_SHARE, least=3)}
    return replace(report, clips=tuple(replace(c, side="validation") if c in apart else c for c in report.clips))


def _apart(clips: Sequence[Clip], *, share: float, least: int) -> set[int]:
    """Indices of about a share of each class, in whole groups, one at least where a class has `least` of them.

    A group may have clips of several classes (a film, in HMDB51), and some clips of a class always stay. Which groups
    are chosen goes by their names alone, so that it is the same on every machine and for every seed.
    """
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, clip in enumerate(clips):
        groups[("group", clip.group) if clip.group is not None else (clip.label, clip.path.name)].append(index)
    of_class: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for key, members in groups.items():
        for index in members:
            of_class[clips[index].label].add(key)
    order = sorted(groups, key=lambda key: hashlib.sha256("/".join(key).encode("utf-8", "surrogatepass")).digest())
    apart: set[tuple[str, str]] = set()
    for label in sorted(of_class, key=lambda label: (len(of_class[label]), label)):
        own = of_class[label]
        wanted = max(1, round(share * len(own))) if len(own) >= least else 0
        for key in (key for key in order if key in own):
            if len(apart & own) >= wanted:
                break
            if not any(of_class[clips[index].label] <= apart | {key} for index in groups[key]):
                apart.add(key)
    return {index for key in apart for index in groups[key]}


def _report(
    one: DataFolder,
    other: DataFolder,
    *,
    only: Collection[str],
    split: Literal[1, 2, 3] | None,
    splits: Sequence[Path],
) -> DatasetReport:
    if one.layout == "folder":
        return folder_report(one.path, only=only)
    if one.layout == "ucf101":
        return ucf101_report(
            one.path,
            splits=_with_files(splits, "classInd.txt"),
            split=split,
            shared=_shares(one, other),
            only=only,
        )
    return hmdb51_report(one.path, splits=_with_files(splits, f"*_test_split{split}.txt"), split=split, only=only)


def _with_files(folders: Sequence[Path], pattern: str) -> Path | None:
    """The folder with such files; the first of them if none has, so that it is named."""
    return next((folder for folder in folders if any(folder.glob(pattern))), folders[0] if folders else None)


def _class_names(one: DataFolder, other: DataFolder) -> list[str]:
    """Classes that a data set could bring, before its videos are opened."""
    if one.layout == "folder":
        return list(folder_report(one.path, read=False).classes)
    names = _folders(one.path)
    if one.layout == "ucf101" and _shares(one, other):
        return [name for name, (_, folders) in SHARED_CLASSES.items() if set(folders) & set(names)]
    return names


def _shares(ucf101: DataFolder, other: DataFolder) -> bool:
    """Whether UCF101 goes by its shared names: with HMDB51, and with a folder that has more of them than of its own."""
    if other.layout != "folder":
        return other.layout == "hmdb51"
    names = set(folder_report(other.path, read=False).classes)
    return len(names & set(SHARED_CLASSES)) > len(names & set(_folders(ucf101.path)))


def _folders(folder: Path) -> list[str]:
    # Of one that is not there its report tells.
    there = folder.iterdir() if folder.is_dir() else ()
    return sorted(path.name for path in there if path.is_dir() and not path.name.startswith("."))


def _parts(splits: Splits) -> list[ClipDataset]:
    return [part for part in (splits.train, splits.validation, splits.test) if part is not None]


def decode_clips(parts: Sequence[ClipDataset], *, name: str, progress: bool) -> dict[Path, str]:
    """Why videos cannot be decoded, by path; every clip of the others is in its dataset's cache then.

    Args:
        parts: datasets.
        name: stands before the bar.
        progress: show a bar, where standard error is a terminal.
    """
    unreadable: dict[Path, str] = {}
    clips = [(part, index) for part in parts for index in range(len(part))]
    for part, index in tqdm(clips, desc=f"{name}: clips", disable=None if progress else True, file=sys.stderr):
        path = part.examples[index].path
        if path not in unreadable:
            try:
                part.clip(index)
            except VideoError as error:
                unreadable[path] = str(error).replace(f"{path} ", "", 1)
    return unreadable


def _bytes(part: ClipDataset) -> int:
    """Memory that clips, and flow in half precision, of a dataset take."""
    height, width = part.sampling.size
    frames = part.sampling.frames
    return len(part) * height * width * (3 * frames + (4 * (frames - 1) if part.flow else 0))


def _memory() -> int:
    """Bytes of memory of this machine."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return _USUAL_MEMORY


def _shortened(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _slug(name: str) -> str:
    """A name that can be a folder's."""
    return re.sub(r"[^\w.-]+", "_", name)
