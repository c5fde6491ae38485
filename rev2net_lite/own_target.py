"""Clips of one's own, filmed with a phone, as a third target domain: what a trained model makes of them.

    result = try_target("my_clips")
    print(result)

A folder has one folder of clips per class, named as the model's classes; docs/film_your_own.md says what to film. A
clip is shown to the model whole, as the clips were that it learned from; one that is much longer than its action, or
repeats it, can be cut into parts of some seconds whose class probabilities are averaged. On synthetic actions of two
seconds the whole was right more often than such parts, also within six seconds of video: parts without motion vote too.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from einops import rearrange

from rev2net_lite.bundled import asset
from rev2net_lite.checkpoints import CheckpointError, load_checkpoint, load_state
from rev2net_lite.dataset_report import KINDS, DatasetReport, folder_report
from rev2net_lite.datasets import ClipDataset, DatasetError, Sampling
from rev2net_lite.evaluation import Evaluation, Interval, accuracy, evaluate
from rev2net_lite.familiarity import Familiarity, load_familiarity, mean_features
from rev2net_lite.files import write_text_atomically
from rev2net_lite.models import Model, Rev2Net
from rev2net_lite.profiles import get_profile
from rev2net_lite.runs import open_run
from rev2net_lite.training import find_device
from rev2net_lite.transfer import decode_clips, per_video

__all__ = ["OwnClip", "TargetFolder", "TargetResult", "look_at_target", "try_target", "write_target"]

# Frames and pixels beyond which a checkpoint's record is not believed.
_MOST = 4096
# A clip longer than this shows its action in few of its frames, or several times.
_LONG_S = 6.0


@dataclass(frozen=True)
class TargetFolder:
    """What of a folder of clips a model can be tested with.

    Args:
        report: the clips, under the model's names of the classes.
        counted_as: class of the model by name of the folder, where it is spelt otherwise.
        unknown: folders that are no class of the model, with the classes that they may be meant for.
        missing: classes of the model without a clip.
    """

    report: DatasetReport
    counted_as: Mapping[str, str]
    unknown: Mapping[str, tuple[str, ...]]
    missing: tuple[str, ...]

    def __str__(self) -> str:
        """Clips, problems, and how the folders fit the model."""
        filmed = tuple(label for label in self.report.classes if label not in self.missing)
        lines = [str(replace(self.report, classes=filmed))]
        lines += [f"  {folder} counts as {label}" for folder, label in self.counted_as.items()]
        for folder, meant in self.unknown.items():
            question = f"; is it {' or '.join(meant)}?" if meant else ""
            lines.append(f"  {folder} is no class of the model and is left out{question}")
        if self.missing:
            lines.append(f"  not filmed, and so not tested: {', '.join(self.missing)}")
        return "\n".join(lines)

    def dataset(
        self, *, frames: int, size: int, cache: Path, flow: bool = False, seconds: float | None = None, parts: int = 5
    ) -> ClipDataset:
        """The clips as a held-out dataset with the model's classes.

        Args:
            frames: of a clip.
            size: height and width of a clip in px.
            cache: folder for decoded clips and flow.
            flow: whether optical flow is computed.
            seconds: length of the parts that are shown; None shows each clip whole.
            parts: so many of a clip at most.
        """
        return self.report.dataset(
            "all",
            sampling=Sampling(frames, (size, size), allow_repeat=True),
            cache=cache,
            accept=list(KINDS),
            held_out=True,
            flow="tvl1" if flow else None,
            seconds=seconds,
            parts=parts,
        )


@dataclass(frozen=True)
class OwnClip:
    """What the model says of one clip.

    Args:
        path: of the file.
        label: its class.
        said: the class that the model takes it for.
        probability: that the model gives to that class.
        distance: from the clips that the model was trained on; None where that was not measured for the model.
    """

    path: Path
    label: str
    said: str
    probability: float
    distance: float | None


@dataclass(frozen=True)
class TargetResult:
    """A model tested on a folder of clips.

    Args:
        folder: what of it was tested.
        model: name of the system, `"rev2net"` for example.
        weights: sha256 of its weights.
        profile: name of the profile that says how large its clips are.
        classes: of the model.
        evaluation: over clips.
        clips: one by one.
        threshold: distance above which a clip looks unlike the training clips; None where it was not measured.
        home: accuracy that the model's record has for other test sets, in their order.
        seconds: length of the parts of a clip that were shown; None where each was shown whole.
    """

    folder: TargetFolder
    model: str
    weights: str
    profile: str
    classes: tuple[str, ...]
    evaluation: Evaluation
    clips: tuple[OwnClip, ...]
    threshold: float | None
    home: Mapping[str, float]
    seconds: float | None

    @property
    def per_class(self) -> dict[str, Interval]:
        """Share of right clips of each class that was filmed."""
        logits, labels = self.evaluation.logits, self.evaluation.labels
        return {
            label: accuracy(logits[labels == k], labels[labels == k])
            for k, label in enumerate(self.classes)
            if bool((labels == k).any())
        }

    def __str__(self) -> str:
        """Accuracy beside what guessing gives, each class, the confusion, and how far to trust it."""
        found = self.evaluation.accuracy
        n, right = found.n, round(found.value * found.n)
        common = int(self.evaluation.labels.bincount().max())
        lines = [
            f"Accuracy {_percent(found)}: {right} of {n} clips; the interval is of 95 %.",
            f"Guessing among {len(self.classes)} classes: {100 / len(self.classes):.1f} %; always saying the class "
            f"that was filmed most: {100 * common / n:.1f} %.",
        ]
        if self.home:
            home = ", ".join(f"{100 * value:.1f} % on {split}" for split, value in self.home.items())
            lines.append(f"The same model reached {home}.")
        lines += ["", *self._class_table(), "", *self._confusion_table(), "", *self._warnings()]
        return "\n".join(lines)

    def _class_table(self) -> list[str]:
        rows = [("class", "clips", "right, %", "taken for")]
        for label, share in self.per_class.items():
            said = Counter(clip.said for clip in self.clips if clip.label == label)
            taken = ", ".join(f"{other} {count}" for other, count in said.most_common() if other != label)
            rows.append((label, str(share.n), _percent(share).replace(" %", ""), taken or "-"))
        return _columns(rows)

    def _confusion_table(self) -> list[str]:
        numbers = [str(k) for k in range(1, len(self.classes) + 1)]
        rows = [("filmed (row), said (column)", *numbers)]
        for number, label, counts in zip(numbers, self.classes, self.evaluation.confusion.tolist(), strict=True):
            # Every class has a column; those that were filmed have a row too.
            mark = "" if sum(counts) else " (not filmed)"
            rows.append((f"{number} {label}{mark}", *(str(count or ".") for count in counts)))
        return _columns(rows)

    def _warnings(self) -> list[str]:
        found = self.evaluation.accuracy
        assert found.low is not None and found.high is not None
        lines = []
        long = sum((clip.seconds or 0.0) > _LONG_S for clip in self.folder.report.clips)
        if long and self.seconds is None:
            lines.append(
                f"{long} of {found.n} clips are longer than {_LONG_S:g} s, of which the model saw a few frames: cut "
                "them to the action, or test parts of them (--seconds 2)."
            )
        if self.threshold is None:
            lines.append("How far these clips look from the training clips was not measured for this model.")
        else:
            unlike = sum((clip.distance or 0.0) > self.threshold for clip in self.clips)
            lines.append(
                f"{unlike} of {len(self.clips)} clips look unlike anything the model was trained on"
                + (": do not believe its probabilities there." if unlike else ".")
            )
        lines.append(
            f"{found.n} clips are few: the interval is {100 * (found.high - found.low):.0f} points wide, and clips of "
            "one room and one person are so alike that it should be wider still."
        )
        return lines


def look_at_target(folder: Path | str, *, classes: Sequence[str]) -> TargetFolder:
    """What of a folder a model with these classes can be tested with; every clip is opened.

    Names of folders may differ from those of the classes in case, blanks, hyphens and underscores.

    Raises:
        DatasetError: no such folder, no folder in it, or none with a clip that is a class of the model.
    """
    names = folder_report(folder, read=False).classes
    by_letters = {_letters(label): label for label in classes}
    counted = {name: by_letters[_letters(name)] for name in names if _letters(name) in by_letters}
    unknown = {name: _meant(name, classes) for name in names if name not in counted}
    report = folder_report(folder, only=counted)
    if not report.clips:
        raise DatasetError(
            f"{folder} has no clip of a class that the model knows; name its folders {', '.join(classes)}, not "
            f"{', '.join(names)}"
        )
    clips = tuple(replace(clip, label=counted[clip.label]) for clip in report.clips)
    # That a folder was not filmed is said of the model's classes, once.
    problems = tuple(problem for problem in report.problems if problem.kind not in ("empty class", "one class"))
    there = {clip.label for clip in clips}
    return TargetFolder(
        replace(report, classes=tuple(classes), clips=clips, problems=problems),
        {name: label for name, label in counted.items() if name != label},
        unknown,
        tuple(label for label in classes if label not in there),
    )


def try_target(
    folder: Path | str,
    *,
    cache: Path,
    model: Path | str | None = None,
    profile: str | None = None,
    seconds: float | None = None,
    parts: int = 5,
    device: torch.device | str | None = None,
    progress: bool = False,
) -> TargetResult:
    """A trained model tested on a folder of clips of one's own.

    Args:
        folder: one folder of clips per class.
        cache: folder for decoded clips and flow.
        model: folder of a checkpoint; None takes the bundled model.
        profile: name of the profile that the model was trained at, where its checkpoint does not say.
        seconds: length of the parts of a clip that are shown; None shows it whole.
        parts: so many of a clip at most, evenly spaced, their class probabilities averaged.
        device: None takes a GPU if there is one.
        progress: show bars, where standard error is a terminal.

    Raises:
        DatasetError: see `look_at_target`; or no clip can be decoded.
        CheckpointError: no checkpoint there, or one that says nothing of the size of its clips while no profile is
            given.
        ValueError: an unknown profile, or numbers out of their range.
    """
    if (seconds is not None and not seconds > 0) or parts < 1:
        raise ValueError(f"seconds is {seconds} and parts {parts}; expected more than 0 seconds and at least 1 part")
    place = asset("model") if model is None else Path(model)
    network, record = load_checkpoint(place)
    name, frames, size = _sizes(record, profile=profile, place=place)
    device = find_device() if device is None else device
    network.to(device)
    target = look_at_target(folder, classes=network.config.classes)

    def clips(target: TargetFolder) -> ClipDataset:
        flow = "flow" in network.inputs
        return target.dataset(frames=frames, size=size, cache=cache, flow=flow, seconds=seconds, parts=parts)

    data = clips(target)
    unreadable = decode_clips([data], name=data.name, progress=progress)
    if unreadable:
        target = replace(target, report=target.report.without(unreadable))
        left = {clip.label for clip in target.report.clips}
        target = replace(target, missing=tuple(label for label in target.report.classes if label not in left))
        data = clips(target)
    data.prepare(device=device, progress=progress)
    evaluation = per_video(evaluate(network, data, device=device), data)
    familiar = _familiarity(model, place)
    distances = _distances(network, data, familiar, device=device)
    probabilities, said = evaluation.logits.softmax(-1).max(-1)
    files = dict.fromkeys(example.path for example in data.examples)
    judged = [
        OwnClip(path, network.config.classes[label], network.config.classes[k], probability, distances.get(path))
        for path, label, k, probability in zip(
            files, evaluation.labels.tolist(), said.tolist(), probabilities.tolist(), strict=True
        )
    ]
    return TargetResult(
        folder=target,
        model=network.config.name,
        weights=load_state(place, "model")[1]["sha256"],
        profile=name,
        classes=network.config.classes,
        evaluation=evaluation,
        clips=tuple(judged),
        threshold=None if familiar is None else familiar.threshold,
        home=_home(record),
        seconds=seconds,
    )


def write_target(result: TargetResult, output: Path) -> None:
    """Nothing; the folder has the run's record, `target.txt` with all that was printed, and `clips.csv`, clip by clip.

    Raises:
        WriteError: the folder cannot be written.
        ValueError: another run is writing to the folder.
    """
    name = result.folder.report.name
    parameters = {
        "profile": result.profile,
        "seed": 0,
        "output": str(output),
        "target": name,
        "weights": result.weights,
    }
    run = open_run("target", parameters)
    try:
        shares = {name: result.evaluation.accuracy}
        shares |= {f"{name}/{label}": share for label, share in result.per_class.items()}
        for split, found in shares.items():
            metric = f"accuracy/{result.model}/{split}"
            run.record(metric, found.value, unit="fraction", n=found.n, low=found.low, high=found.high)
        stream = io.StringIO(newline="")
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["file", "class", "said", "probability", "distance"])
        for clip in result.clips:
            file = clip.path.relative_to(result.folder.report.folder).as_posix()
            distance = "" if clip.distance is None else f"{clip.distance:.3f}"
            writer.writerow([file, clip.label, clip.said, f"{clip.probability:.3f}", distance])
        write_text_atomically(output / "clips.csv", stream.getvalue())
        write_text_atomically(output / "target.txt", f"{result.folder}\n\n{result}\n")
        run.finish()
    finally:
        run.close()


def _sizes(record: Mapping[str, Any], *, profile: str | None, place: Path) -> tuple[str, int, int]:
    """Name of the profile, frames and size of the clips that a model was trained on."""
    if profile is not None:
        chosen = get_profile(profile)
        return chosen.name, chosen.frames, chosen.size
    said = record.get("profile")
    if not isinstance(said, dict):
        raise CheckpointError(
            f"the checkpoint in {place} does not say how large the clips were that it was trained on; name its profile"
        )
    frames, size = said.get("frames"), said.get("size")
    if not (isinstance(frames, int) and isinstance(size, int) and 0 < frames <= _MOST and 0 < size <= _MOST):
        raise CheckpointError(
            f"the checkpoint in {place} names {frames!r} frames of {size!r} px; expected whole numbers up to {_MOST}"
        )
    return get_profile(str(said.get("name"))).name, frames, size


def _home(record: Mapping[str, Any]) -> dict[str, float]:
    """Accuracies that a checkpoint's record has; a record may hold anything."""
    tests = record.get("tests")
    found = {}
    for split, values in tests.items() if isinstance(tests, dict) else ():
        reached = values.get("accuracy") if isinstance(values, dict) else None
        value = reached.get("value") if isinstance(reached, dict) else None
        if isinstance(value, float) and 0 <= value <= 1:
            found[str(split)] = value
    return found


def _familiarity(model: Path | str | None, place: Path) -> Familiarity | None:
    """What was measured for a model: for the bundled one, or beside the folder of another."""
    if model is None:
        return load_familiarity()
    try:
        return load_familiarity(place.parent) if place.name == "model" else None
    except ValueError:
        return None


@torch.no_grad()
def _distances(
    network: Model, data: ClipDataset, familiar: Familiarity | None, *, device: torch.device | str
) -> dict[Path, float]:
    """Mean distance of the parts of each video."""
    if familiar is None or not isinstance(network, Rev2Net):
        return {}
    found: dict[Path, list[float]] = {}
    for index, example in enumerate(data.examples):
        clip = rearrange(data.clip(index), "c t h w -> 1 c t h w").to(device).float() / 255
        found.setdefault(example.path, []).append(familiar.distance(mean_features(network, clip).cpu()).item())
    return {path: sum(values) / len(values) for path, values in found.items()}


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def _meant(name: str, classes: Sequence[str]) -> tuple[str, ...]:
    """Classes whose name has this one in it or is in it, or else one that is spelt nearly so."""
    letters = {label: _letters(label) for label in classes}
    own = _letters(name)
    within = tuple(label for label, known in letters.items() if own and (own in known or known in own))
    near = difflib.get_close_matches(own, letters.values(), n=1, cutoff=0.75)
    return within or tuple(label for label, known in letters.items() if known in near)


def _percent(share: Interval) -> str:
    assert share.low is not None and share.high is not None
    return f"{100 * share.value:.1f} % [{100 * share.low:.1f}, {100 * share.high:.1f}]"


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as aligned text."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
