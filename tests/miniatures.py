"""UCF101 and HMDB51 in miniature, as they are laid out on disk, and folders of a class each, from synthetic clips."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from torch import Tensor

from rev2net_lite.synthetic import render, sample_specs, street, studio
from rev2net_lite.video import write_video

UCF_CLASSES = ("Archery", "Biking", "Fencing", "RockClimbingIndoor", "RopeClimbing")
HMDB_CLASSES = ("climb", "fencing", "golf", "ride_bike", "wave")


@cache
def frames(domain: str) -> Mapping[str, list[Tensor]]:
    """Eight clips of two seconds and 32 px of each synthetic class."""
    config = replace({"studio": studio(), "street": street()}[domain], size=32, frames=16)
    made = defaultdict(list)
    for spec in sample_specs(config, clips_per_class=8, seed=5):
        made[spec.label].append(render(spec).frames)
    return made


def sources(domain: str) -> Iterator[list[Tensor]]:
    yield from frames(domain).values()


def write_ucf101(folder: Path) -> Path:
    """Five classes, four groups of two clips; group 1 is to test with in split 1."""
    top, splits = folder / "UCF-101", folder / "ucfTrainTestlist"
    splits.mkdir(parents=True)
    train, test = [], []
    for number, (label, clips) in enumerate(zip(UCF_CLASSES, sources("studio"), strict=False), 1):
        (top / label).mkdir(parents=True)
        for index, clip in enumerate(clips):
            group = index // 2 + 1
            name = f"v_{label}_g{group:02}_c{index % 2 + 1:02}.avi"
            write_video(top / label / name, clip, fps=8)
            if group == 1:
                test.append(f"{label}/{name}")
            else:
                train.append(f"{label}/{name} {number}")
    (splits / "classInd.txt").write_text("".join(f"{i} {label}\r\n" for i, label in enumerate(UCF_CLASSES, 1)))
    (splits / "trainlist01.txt").write_text("\r\n".join(train) + "\r\n")
    (splits / "testlist01.txt").write_text("\r\n".join(test) + "\r\n")
    return top


def write_hmdb51(folder: Path) -> Path:
    """Five classes of eight clips: five to train with, from films that other classes have clips of too, two to test."""
    top, splits = folder / "hmdb51_org", folder / "testTrainMulti_7030_splits"
    splits.mkdir(parents=True)
    films = ("Alien", "Alien", "Brazil", "Casablanca", "Diva", "Elf", "Fargo", "Gandhi")
    for label, clips in zip(HMDB_CLASSES, sources("street"), strict=False):
        (top / label).mkdir(parents=True)
        lines = []
        for index, (film, clip) in enumerate(zip(films, clips, strict=True)):
            name = f"{film}_{label}_f_cm_np1_ba_med_{index}.avi"
            write_video(top / label / name, clip, fps=8)
            lines.append(f"{name} {1 if index < 5 else 2 if index < 7 else 0} ")
        (splits / f"{label}_test_split1.txt").write_text("\n".join(lines) + "\n")
    return top


def write_folder(folder: Path, classes: Mapping[str, int], *, domain: str = "street", fps: int = 8) -> Path:
    """A folder of so many clips per class; they move as the synthetic class of that name, or as one not named."""
    known = frames(domain)
    others = iter([clips for label, clips in known.items() if label not in classes])
    for label, count in classes.items():
        (folder / label).mkdir(parents=True)
        for index, clip in enumerate((known.get(label) or next(others))[:count]):
            write_video(folder / label / f"{label}_{index}.mp4", clip, fps=fps)
    return folder
