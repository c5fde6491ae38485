"""What lies in a folder of labelled videos, before anything is trained on it: clips, and all problems at once.

`folder_report` reads one folder of videos per class, or a list of files and labels; `ucf101_report` and `hmdb51_report`
read these two as they are laid out on disk, with their official splits. Nothing is skipped silently: a report counts
every problem, and its `dataset` refuses while there are any of a kind that the user has not named.

    report = ucf101_report("UCF-101", split=1, shared=True)
    print(report)
    train = report.dataset("train", sampling=Sampling(8, (32, 32)), cache=Path("cache"), accept=["absent"])

File conventions: Soomro, Zamir, Shah, "UCF101", CRCV-TR-12-01, 2012; Kuehne et al., "HMDB: A Large Video Database for
Human Motion Recognition", ICCV 2011. Shared classes: Chen et al., "Temporal Attentive Alignment for Large-Scale Video
Domain Adaptation", ICCV 2019 (UCF-HMDB_full).
"""

from __future__ import annotations

import csv
import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from rev2net_lite.datasets import VIDEO_SUFFIXES, ClipDataset, DatasetError, Example, Sampling, evenly_spaced
from rev2net_lite.untrusted import confined
from rev2net_lite.video import VideoError, probe_video

__all__ = [
    "KINDS",
    "SHARED_CLASSES",
    "Clip",
    "DatasetReport",
    "Problem",
    "Side",
    "common_files",
    "folder_report",
    "hmdb51_report",
    "ucf101_report",
]

KINDS: dict[str, str] = {
    "absent": "named by a split file and not in the folder; left out",
    "unreadable": "no video that can be decoded, or no right to read it; left out",
    "misnamed": "not named as the clips of this dataset are; left out",
    "malformed": "a line of a split file that says nothing or leads out of the folder; left out",
    "mislabelled": "name, folder, label or an equal file say another class; stays, as its folder says",
    "duplicate": "the same content, or the same line, twice; stays",
    "leak": "a group, a clip or equal content on both sides of the split; stays",
    "unlisted": "in the folder and in no split file; left out",
    "ungrouped": "its name does not say which video it comes from, so that leaks cannot be seen; stays",
    "respelled": "upper case or Unicode form differ from the split file's; stays",
    "clash": "names that are one on a disk which does not tell cases or Unicode forms apart; stays",
    "long path": "more characters than Windows opens; stays",
    "link": "a link that leads out of the folder; stays",
    "empty class": "a class without a clip",
    "one class": "fewer than two classes with clips: nothing to tell apart",
}
"""What a report counts, and what happens to such clips when the user accepts them."""

SHARED_CLASSES: dict[str, tuple[str, tuple[str, ...]]] = {
    "climb": ("climb", ("RockClimbingIndoor", "RopeClimbing")),
    "fencing": ("fencing", ("Fencing",)),
    "golf": ("golf", ("GolfSwing",)),
    "kick_ball": ("kick_ball", ("SoccerPenalty",)),
    "pullup": ("pullup", ("PullUps",)),
    "punch": ("punch", ("Punch", "BoxingPunchingBag", "BoxingSpeedBag")),
    "pushup": ("pushup", ("PushUps",)),
    "ride_bike": ("ride_bike", ("Biking",)),
    "ride_horse": ("ride_horse", ("HorseRiding",)),
    "shoot_ball": ("shoot_ball", ("Basketball",)),
    "shoot_bow": ("shoot_bow", ("Archery",)),
    "walk": ("walk", ("WalkingWithDog",)),
}
"""The twelve classes that both datasets have: folder in HMDB51, folders in UCF101."""

Side = Literal["train", "validation", "test", "all"]

_LIST = "labels.csv"
# What Windows opens without being asked to open more.
_LONGEST_PATH = 259
# Split files may come from a stranger; the longest official one has half a megabyte.
_MOST_BYTES = 10_000_000
# Problems of one kind that a report shows; all are in `problems`.
_SHOWN = 5
_UCF_NAME = re.compile(r"v_(?P<label>[A-Za-z]+)_g(?P<group>\d+)_c\d+\.avi")
# Visible body parts, camera motion, people, view, quality, number.
_HMDB_NAME = re.compile(r"(?P<rest>.+)_[hulf]_(cm|nm)_np\d_(ba|fr|le|ri)_(bad|med|goo)_\d+\.avi")


@dataclass(frozen=True)
class Clip:
    """A video of a dataset.

    Args:
        path: of the file.
        label: its class.
        side: of the split; "all" where there is none. No dataset comes with a side "validation".
        group: the video or scene that it was cut from, or None where that is not known.
        seconds: its length, where the video was opened.
    """

    path: Path
    label: str
    side: Side = "all"
    group: str | None = None
    seconds: float | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Problem:
    """Something wrong with a dataset.

    Args:
        kind: one of `KINDS`.
        place: path below the dataset's folder, or split file and line.
        detail: what was found.
    """

    kind: str
    place: str
    detail: str


@dataclass(frozen=True)
class DatasetReport:
    """Clips of a dataset that can be used, and its problems.

    Args:
        name: of the dataset.
        folder: where it lies.
        classes: in label order, those without a clip too.
        clips: in the order of classes and names.
        problems: all of them, kind by kind.
    """

    name: str
    folder: Path
    classes: tuple[str, ...]
    clips: tuple[Clip, ...]
    problems: tuple[Problem, ...]

    @property
    def counts(self) -> dict[str, int]:
        """Number of problems by kind, those that there are, in the order of `KINDS`."""
        found = Counter(problem.kind for problem in self.problems)
        return {kind: found[kind] for kind in KINDS if found[kind]}

    def __str__(self) -> str:
        """What there is, and each kind of problem with its count and first places."""
        sides = Counter(clip.side for clip in self.clips)
        split = ", ".join(f"{sides[side]} {side}" for side in ("train", "test") if sides[side])
        lines = [
            f"{self.name} in {self.folder}: {len(self.classes)} classes, {len(self.clips)} clips"
            + (f" ({split})" if split else "")
        ]
        for kind, count in self.counts.items():
            lines.append(f"  {count} {kind}: {KINDS[kind]}")
            places = [problem for problem in self.problems if problem.kind == kind]
            lines += [f"    {problem.place}: {problem.detail}" for problem in places[:_SHOWN]]
            lines += [f"    and {count - _SHOWN} more"] * (count > _SHOWN)
        return "\n".join(lines if self.problems else [*lines, "  no problems"])

    def without(self, unreadable: Mapping[Path, str]) -> DatasetReport:
        """The report without these videos, each a problem with its reason: what shows only when all is decoded."""
        found = [
            Problem("unreadable", _place(self.folder, path), _printable(reason)) for path, reason in unreadable.items()
        ]
        clips = tuple(clip for clip in self.clips if clip.path not in unreadable)
        return replace(self, clips=clips, problems=_sorted([*self.problems, *found]))

    def dataset(
        self,
        side: Side,
        *,
        sampling: Sampling,
        cache: Path,
        accept: Collection[str] = (),
        held_out: bool | None = None,
        flow: Literal["tvl1"] | None = "tvl1",
        seconds: float | None = None,
        parts: int = 1,
    ) -> ClipDataset:
        """The clips of one side of the split, with the labels of `classes`.

        Args:
            side: "train", "test", or "all" where there is no split.
            sampling: how clips are taken.
            cache: folder for decoded clips and flow.
            accept: kinds of problems to go on with; `KINDS` says what becomes of such clips.
            held_out: see `ClipDataset`; None holds out the side "test". A target is held out as a whole.
            flow: see `ClipDataset`.
            seconds: length of what is taken of a video; None leaves that to `sampling`.
            parts: so many such parts of each video at most, `evenly_spaced`, each an example of its own.

        Raises:
            DatasetError: there are problems of other kinds, all listed; an unknown kind; no clip on that side; or parts
                of videos that the report did not open.
        """
        if unknown := sorted(set(accept) - set(KINDS)):
            raise DatasetError(f"accept names {', '.join(unknown)}; the kinds of problems are {', '.join(KINDS)}")
        refused = {kind: count for kind, count in self.counts.items() if kind not in accept}
        if refused:
            listed = ", ".join(f"{count} {kind}" for kind, count in refused.items())
            raise DatasetError(
                f"{self.name} has problems that were not accepted: {listed}; mend them, or go on with accept="
                f"{list(self.counts)}. The whole report:\n{self}"
            )
        examples: list[Example] = []
        for clip in (clip for clip in self.clips if clip.side == side):
            label = self.classes.index(clip.label)
            if seconds is None:
                examples.append(Example(clip.path, label))
                continue
            if clip.seconds is None:
                raise DatasetError(f"the length of {clip.path} is not known; make the report with read=True")
            places = evenly_spaced(clip.seconds, seconds=seconds, count=parts)
            examples += [Example(clip.path, label, start, length) for start, length in places]
        if not examples:
            there = ", ".join(sorted({clip.side for clip in self.clips})) or "none"
            raise DatasetError(f"{self.name} has no clips on the side {side!r}; its sides are {there}")
        name = self.name if side == "all" else f"{self.name} {side}"
        held = side == "test" if held_out is None else held_out
        return ClipDataset(name, self.classes, examples, sampling, cache, flow=flow, held_out=held)


def folder_report(folder: Path | str, *, only: Collection[str] | None = None, read: bool = True) -> DatasetReport:
    """Clips and problems of a folder that has one folder of videos per class.

    A folder with a file `labels.csv` is read by that list instead, as the synthetic world writes it: the columns `file`
    (relative to the folder) and `label`.

    Args:
        folder: its name becomes the dataset's; classes are in alphabetical order.
        only: classes that are looked at; None is all of them.
        read: open every video; without, unreadable ones are found when they are decoded.

    Raises:
        DatasetError: no such folder, no folder in it, or a list that cannot be read.
    """
    found = _Findings(_existing(folder))
    if (found.folder / _LIST).is_file():
        classes = found.listed(only)
        return found.report(found.folder.name, classes, read=read)
    classes = found.folders()
    if not classes:
        raise DatasetError(f"{folder} has no folders in it; expected one folder of videos per class")
    classes = [label for label in classes if only is None or label in only]
    for label in classes:
        for path in found.files(label):
            if path.suffix.lower() in VIDEO_SUFFIXES:
                found.clips.append(Clip(path, label))
            else:
                found.add("misnamed", path, f"expected a file ending in {', '.join(VIDEO_SUFFIXES)}")
    return found.report(found.folder.name, classes, read=read)


def ucf101_report(
    folder: Path | str,
    *,
    splits: Path | str | None = None,
    split: Literal[1, 2, 3] | None = 1,
    shared: bool = False,
    only: Collection[str] | None = None,
    read: bool = True,
) -> DatasetReport:
    """Clips and problems of UCF101 as it is laid out: `<Class>/v_<Class>_g<group>_c<clip>.avi`, and its split files.

    Args:
        folder: that of the class folders, `UCF-101`.
        splits: folder of `classInd.txt`, `trainlist01.txt`, ...; None looks into `folder`, and for `ucfTrainTestlist`
            in it and beside it.
        split: number of the official split; None takes all clips that are there, on one side.
        shared: only the classes of `SHARED_CLASSES`, under their shared names.
        only: as in `folder_report`.
        read: as in `folder_report`.

    Raises:
        DatasetError: no such folder, or no split files.
    """
    found = _Findings(_existing(folder))
    named = {ucf: name for name, (_, folders) in SHARED_CLASSES.items() for ucf in folders}
    numbers: dict[str, str] = {}
    lists: list[tuple[Path, Side]] = []
    if split is None:
        own = found.folders()
    else:
        lists_folder = _splits(found.folder, splits, "ucfTrainTestlist", "classInd.txt")
        for place, line in found.lines(lists_folder / "classInd.txt"):
            number, _, label = line.partition(" ")
            if number.isdecimal() and label:
                numbers[label] = number
            else:
                found.add("malformed", place, f"{line[:80]!r} is no number and class")
        own = list(numbers)
        lists = [(lists_folder / f"{side}list{split:02}.txt", side) for side in ("train", "test")]
    wanted = {label: named[label] if shared else label for label in own if not shared or label in named}
    wanted = {label: name for label, name in wanted.items() if only is None or name in only}
    there = {label: found.named_files(label) for label in wanted}
    listed: dict[Path, Clip] = {}
    for path, side in lists:
        for place, line in found.lines(path):
            name, _, number = line.partition(" ") if side == "train" else (line, "", "")
            label, slash, file = name.partition("/")
            if not slash or not file or "/" in file or "\\" in file or label not in numbers:
                found.add("malformed", place, f"{line[:80]!r} is no class and file of this dataset")
            elif label in wanted:
                if side == "train" and number.strip() != numbers[label]:
                    found.add("mislabelled", place, f"{label} has the number {number or 'none'}, not {numbers[label]}")
                found.put(place, there[label], file, Clip(Path(), wanted[label], side), into=listed)
    for label, files in there.items():
        for path in files.values():
            match = _UCF_NAME.fullmatch(path.name)
            if match is None:
                found.add("misnamed", path, "expected v_<Class>_g<group>_c<clip>.avi")
                listed.pop(path, None)
            elif lists and path not in listed:
                found.add("unlisted", path, f"it is in no list of split {split}")
            else:
                # Handstand push-ups: the folder has one capital letter less than its files.
                if match["label"].lower() != label.lower():
                    found.add("mislabelled", path, f"its name says {match['label']}")
                clip = listed.get(path, Clip(path, wanted[label]))
                found.clips.append(Clip(path, clip.label, clip.side, f"{match['label']} g{match['group']}"))
    classes = [name for name in SHARED_CLASSES if only is None or name in only] if shared else sorted(wanted)
    return found.report("UCF101", classes, read=read)


def hmdb51_report(
    folder: Path | str,
    *,
    splits: Path | str | None = None,
    split: Literal[1, 2, 3] | None = 1,
    shared: bool = False,
    only: Collection[str] | None = None,
    read: bool = True,
) -> DatasetReport:
    """Clips and problems of HMDB51 as it is laid out: `<class>/<name>.avi`, and its split files.

    Args:
        folder: that of the class folders.
        splits: folder of `<class>_test_split1.txt`, ...; None looks into `folder`, and for
            `testTrainMulti_7030_splits` in it and beside it.
        split: number of the official split, whose files give 1 to a clip to train on, 2 to one to test on and 0 to one
            that is not used; None takes all clips that are there, on one side.
        shared: only the classes of `SHARED_CLASSES`.
        only: as in `folder_report`.
        read: as in `folder_report`.

    Raises:
        DatasetError: no such folder, or no split files.
    """
    found = _Findings(_existing(folder))
    ending = f"_test_split{split}.txt"
    lists_folder = found.folder
    own = found.folders()
    if split is not None:
        lists_folder = _splits(found.folder, splits, "testTrainMulti_7030_splits", f"*{ending}")
        own = sorted(path.name.removesuffix(ending) for path in lists_folder.glob(f"*{ending}"))
    wanted = [label for label in own if not shared or label in SHARED_CLASSES]
    wanted = [label for label in wanted if only is None or label in only]
    there = {label: found.named_files(label) for label in wanted}
    listed: dict[Path, Clip] = {}
    unused: dict[Path, Clip] = {}
    sides: dict[str, Side] = {"1": "train", "2": "test"}
    for label in wanted if split is not None else []:
        for place, line in found.lines(lists_folder / f"{label}{ending}"):
            file, _, flag = line.rpartition(" ")
            file = file.strip()
            if not file or "/" in file or "\\" in file or flag not in ("0", "1", "2"):
                found.add("malformed", place, f"{line[:80]!r} is no file with 0, 1 or 2")
                continue
            into = unused if flag == "0" else listed
            found.put(place, there[label], file, Clip(Path(), label, sides.get(flag, "all")), into=into)
    for label, files in there.items():
        for path in files.values():
            match = _HMDB_NAME.fullmatch(path.name)
            if path.suffix.lower() != ".avi":
                found.add("misnamed", path, "expected a file ending in .avi")
                listed.pop(path, None)
            elif split is not None and path not in listed:
                if path not in unused:
                    found.add("unlisted", path, f"it is not in {label}{ending}")
            else:
                rest, group = match["rest"] if match else "", None
                if rest.endswith(f"_{label}"):
                    group = rest.removesuffix(f"_{label}")
                elif other := next((each for each in own if rest.endswith(f"_{each}")), None):
                    found.add("mislabelled", path, f"its name says {other}")
                    group = rest.removesuffix(f"_{other}")
                else:
                    found.add("ungrouped", path, "expected <video>_<class>_<parts>_<camera>_np<n>_<view>_<quality>_<i>")
                found.clips.append(Clip(path, label, listed[path].side if path in listed else "all", group))
    classes = [name for name in SHARED_CLASSES if only is None or name in only] if shared else wanted
    return found.report("HMDB51", classes, read=read)


def common_files(first: DatasetReport, second: DatasetReport) -> DatasetReport:
    """The second report with a leak for each clip whose content the first has too: what is trained on is tested on."""
    sizes = defaultdict(list)
    for clip in first.clips:
        sizes[clip.path.stat().st_size].append(clip)
    digests: dict[Path, str] = {}
    leaks = []
    for clip in second.clips:
        for other in sizes[clip.path.stat().st_size]:
            for path in (clip.path, other.path):
                digests.setdefault(path, _digest(path))
            if digests[clip.path] == digests[other.path]:
                detail = _printable(f"{first.name} has the same content in {other.path}")
                leaks.append(Problem("leak", _place(second.folder, clip.path), detail))
                break
    return replace(second, problems=_sorted([*second.problems, *leaks]))


def _existing(folder: Path | str) -> Path:
    folder = Path(folder)
    if not folder.is_dir():
        raise DatasetError(f"{folder} is not a folder; expected one folder of videos per class in it")
    return folder


def _splits(folder: Path, splits: Path | str | None, usual: str, pattern: str) -> Path:
    """The folder that has a file of such a name."""
    places = [folder, folder / usual, folder.parent / usual] if splits is None else [Path(splits)]
    for place in places:
        if any(place.glob(pattern)):
            return place
    raise DatasetError(
        f"there is no {pattern} in {' or '.join(map(str, places))}; name the folder of the official splits, or take "
        "all clips with split=None"
    )


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # no right to look; opening it as a file will say so
        return False


def _place(folder: Path, path: Path) -> str:
    return _printable(path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path))


def _sorted(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    order = {kind: index for index, kind in enumerate(KINDS)}
    return tuple(sorted(problems, key=lambda problem: order[problem.kind]))


def _printable(text: str) -> str:
    """Text that can be printed and written, in one line: names of files may hold anything."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _key(name: str) -> str:
    """What a disk that tells neither cases nor Unicode forms apart makes of a name."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


@dataclass
class _Findings:
    """Clips and problems as they are found."""

    folder: Path
    clips: list[Clip] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def add(self, kind: str, place: Path | str, detail: str) -> None:
        if isinstance(place, Path):
            place = _place(self.folder, place)
        self.problems.append(Problem(kind, _printable(place), _printable(detail)))

    def folders(self) -> list[str]:
        """Names of the class folders."""
        return [path.name for path in self._entries(self.folder) if _is_folder(path)]

    def files(self, label: str) -> Iterator[Path]:
        """Files of a class; folders in it are no clips."""
        for path in self._entries(self.folder / label):
            if _is_folder(path):
                self.add("misnamed", path, "a folder; expected videos only")
            else:
                yield path

    def named_files(self, label: str) -> dict[str, Path]:
        """Files of a class by name; none where the folder is not there, which the split files then say."""
        return {path.name: path for path in self.files(label)} if _is_folder(self.folder / label) else {}

    def _entries(self, folder: Path) -> list[Path]:
        """What lies in a folder and is not hidden, in alphabetical order; names that clash are told."""
        try:
            entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
        except OSError as error:
            self.add("unreadable", folder, f"the folder cannot be read: {error.strerror}")
            return []
        alike = defaultdict(list)
        for path in entries:
            alike[_key(path.name)].append(path)
        for paths in alike.values():
            if len(paths) > 1:
                self.add("clash", paths[0], f"the same as {', '.join(path.name for path in paths[1:])}")
        return entries

    def lines(self, path: Path) -> Iterator[tuple[str, str]]:
        """Place and text of the lines of a split file that say something."""
        try:
            if (size := path.stat().st_size) > _MOST_BYTES:
                raise DatasetError(f"split file {path} has {size} bytes; the official lists have far fewer")
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
            raise DatasetError(f"split file {path} cannot be read: {reason}; expected an official one") from error
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                yield f"{path.name}:{number}", line.strip()

    def listed(self, only: Collection[str] | None) -> list[str]:
        """Classes of the list of files and labels; its clips are put down."""
        rows = [(place, next(csv.reader([line]))) for place, line in self.lines(self.folder / _LIST)]
        columns = rows[0][1] if rows else []
        if not {"file", "label"} <= set(columns):
            raise DatasetError(
                f"{self.folder / _LIST} has the columns {columns}; expected 'file' and 'label' among them"
            )
        file, label = columns.index("file"), columns.index("label")
        seen: set[Path] = set()
        classes = set()
        for place, row in rows[1:]:
            if len(row) <= max(file, label) or not row[file] or not row[label]:
                self.add("malformed", place, "it lacks the file or the label")
                continue
            if only is not None and row[label] not in only:
                continue
            classes.add(row[label])
            try:
                path = confined(self.folder, row[file])
            except ValueError as error:
                self.add("malformed", place, str(error))
                continue
            if not path.exists():
                self.add("absent", place, f"there is no {row[file]}")
            elif path in seen:
                self.add("duplicate", place, f"{row[file]} was listed before")
            else:
                seen.add(path)
                self.clips.append(Clip(path, row[label]))
        return sorted(classes)

    def put(self, place: str, there: dict[str, Path], file: str, clip: Clip, *, into: dict[Path, Clip]) -> None:
        """The file that a split file names goes on its side."""
        path = there.get(file)
        if path is None:
            path = next((each for name, each in there.items() if _key(name) == _key(file)), None)
            if path is None:
                self.add("absent", place, f"there is no {file} in the folder of {clip.label}")
                return
            self.add("respelled", place, f"{file} lies there as {path.name}")
        if path in into:
            kind = "duplicate" if into[path].side == clip.side else "leak"
            self.add(kind, place, f"{file} was listed before, to {into[path].side} with")
            return
        into[path] = clip

    def report(self, name: str, classes: Iterable[str], *, read: bool) -> DatasetReport:
        """The report, after what is looked for in every dataset."""
        classes = tuple(classes)
        self._look_at_files(read=read)
        self._look_for_equal_files()
        self._look_for_groups()
        present = Counter(clip.label for clip in self.clips)
        for label in classes:
            if not present[label]:
                self.add("empty class", label, "no clip that can be used")
        for side in sorted({clip.side for clip in self.clips}) if classes else []:
            labels = {clip.label for clip in self.clips if clip.side == side}
            if len(labels) < 2:
                self.add("one class", side, f"all clips are of {', '.join(labels)}")
        clips = sorted(self.clips, key=lambda clip: (classes.index(clip.label), str(clip.path)))
        return DatasetReport(name, self.folder, classes, tuple(clips), _sorted(self.problems))

    def _look_at_files(self, *, read: bool) -> None:
        top = self.folder.resolve()
        usable = []
        for clip in self.clips:
            try:
                inside = clip.path.resolve(strict=True).is_relative_to(top)
                with clip.path.open("rb"):
                    pass
                if read:
                    clip = replace(clip, seconds=probe_video(clip.path).duration_s)
            except VideoError as error:
                self.add("unreadable", clip.path, str(error).replace(f"{clip.path} ", "", 1))
                continue
            except (OSError, RuntimeError) as error:  # before Python 3.13 a loop of links is a RuntimeError
                reason = error.strerror if isinstance(error, OSError) else "it is a loop of links"
                self.add("unreadable", clip.path, f"it cannot be opened: {reason}")
                continue
            usable.append(clip)
            if not inside:
                self.add("link", clip.path, f"leads to {clip.path.resolve()}")
            if len(str(clip.path.absolute())) > _LONGEST_PATH:
                self.add("long path", clip.path, f"{len(str(clip.path.absolute()))} characters")
        self.clips = usable

    def _look_for_equal_files(self) -> None:
        by_size = defaultdict(list)
        for clip in self.clips:
            by_size[clip.path.stat().st_size].append(clip)
        by_content = defaultdict(list)
        for clips in by_size.values():
            if len(clips) > 1:
                for clip in clips:
                    by_content[_digest(clip.path)].append(clip)
        for first, *others in by_content.values():
            for clip in others:
                same = f"the same content as {first.path.relative_to(self.folder).as_posix()}"
                self.add("mislabelled" if clip.label != first.label else "duplicate", clip.path, same)
                if clip.side != first.side:
                    self.add("leak", clip.path, f"{same}, which is to {first.side} with")

    def _look_for_groups(self) -> None:
        groups = defaultdict(list)
        for clip in self.clips:
            if clip.group is not None:
                groups[clip.label, clip.group].append(clip)
        for (label, group), clips in groups.items():
            sides = Counter(clip.side for clip in clips)
            if len(sides) > 1:
                counted = " and ".join(f"{count} to {side} with" for side, count in sorted(sides.items()))
                self.add("leak", label, f"group {group} has {counted}")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
