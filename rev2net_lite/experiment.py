"""One system trained and tested in one world: what notebooks, the bundled model and every sweep share.

A profile and a seed decide everything: the clips, the initialisation, the order of the clips. So two systems of one
seed can be compared pair by pair.
"""

from __future__ import annotations

import math
import platform
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

import torch

from rev2net_lite.bundled import build_folder
from rev2net_lite.checkpoints import save_checkpoint
from rev2net_lite.datasets import ClipDataset, SyntheticWorld, synthetic_world
from rev2net_lite.distributed import ALONE, Processes, joined_processes
from rev2net_lite.entries import LONG, PAN, read_entry
from rev2net_lite.evaluation import cross_dataset
from rev2net_lite.files import hold_folder
from rev2net_lite.losses import LossConfig
from rev2net_lite.models import Model, build_model
from rev2net_lite.profiles import Profile
from rev2net_lite.synthetic import SyntheticConfig, street, studio, write_synthetic_dataset
from rev2net_lite.training import History, TrainConfig, find_device, fit

__all__ = [
    "KINDS",
    "SHIFTS",
    "loss_config",
    "make_examples",
    "prepare_world",
    "read_kind",
    "single_shifts",
    "street_dial",
    "train_and_keep",
    "train_config",
    "train_system",
]


def prepare_world(
    profile: Profile,
    *,
    seed: int,
    root: Path | None = None,
    flow: Literal["tvl1", "exact"] = "tvl1",
    test_seed: int = 0,
    kind: str = "sprites",
    progress: bool = True,
) -> SyntheticWorld:
    """The synthetic world of a profile and seed, every clip decoded and its flow computed.

    Args:
        profile: numbers and sizes of the clips.
        seed: of the training and validation clips; the test splits are the same for every seed.
        root: where worlds and caches lie; None is `build/data`, which all runs share.
        flow: estimated, as real videos have it; or the renderer's own, for a row that is called an oracle.
        test_seed: of the test splits; see `synthetic_world`.
        kind: of the world; see `read_kind`.
        progress: show a bar per split, at a terminal.
    """
    source, target = read_kind(kind)
    world = synthetic_world(
        root or build_folder() / "data",
        seed=seed,
        train_per_class=profile.train_per_class,
        validation_per_class=profile.validation_per_class,
        test_per_class=profile.test_per_class,
        frames=profile.frames,
        size=profile.size,
        rendered_size=profile.rendered_size,
        flow=flow,
        source=source,
        target=target,
        test_seed=test_seed,
    )
    for split in (world.train, world.validation, *world.tests.values()):
        split.prepare(device=find_device(), progress=progress)
    return world


def street_dial(
    profile: Profile,
    pans: Sequence[float],
    *,
    root: Path | None = None,
    flow: Literal["tvl1", "exact"] = "tvl1",
    test_seed: int = 0,
    kind: str = "sprites",
    progress: bool = True,
) -> dict[float, ClipDataset]:
    """The street with its camera's pan turned, everything else as it is: one held-out split per strength.

    Args:
        profile: numbers and sizes of the clips.
        pans: sd of the pan over a clip in frame widths; 0 is a camera that only shakes.
        root: where worlds and caches lie; None is `build/data`.
        flow: as in `prepare_world`.
        test_seed: of the clips; that of the world makes them the street's own with another pan.
        kind: of the world.
        progress: show a bar per split, at a terminal.
    """
    _, target = read_kind(kind)
    return {
        pan: _held_out(profile, replace(target, pan=pan), root=root, flow=flow, test_seed=test_seed, progress=progress)
        for pan in pans
    }


def single_shifts(
    profile: Profile,
    names: Sequence[str],
    *,
    root: Path | None = None,
    test_seed: int = 0,
    kind: str = "sprites",
    progress: bool = True,
) -> dict[str, ClipDataset]:
    """The untied source with one shift of the street each, and as `none` without any: one held-out split per name.

    Args:
        profile: numbers and sizes of the clips.
        names: some of `SHIFTS`.
        root, test_seed, kind, progress: as in `street_dial`. All these splits show the same actions in the same places
            as far as the shift leaves them.

    Raises:
        ValueError: a name is not one of `SHIFTS`.
    """
    for name in names:
        if name not in SHIFTS:
            raise ValueError(f"there is no shift {name!r}; expected some of {', '.join(SHIFTS)}")
    source, target = read_kind(kind)
    still = replace(source, appearance_bias=0.0, motion_bias=0.0)
    configs = {"none": still, **{name: replace(still, **{name: getattr(target, name)}) for name in names}}
    return {
        name: _held_out(
            profile,
            replace(config, domain=f"untied {source.domain}, shift: {name}"),
            root=root,
            flow="tvl1",
            test_seed=test_seed,
            progress=progress,
        )
        for name, config in configs.items()
    }


def _held_out(
    profile: Profile,
    target: SyntheticConfig,
    *,
    root: Path | None,
    flow: Literal["tvl1", "exact"],
    test_seed: int,
    progress: bool,
) -> ClipDataset:
    """The test split of another target; the street's own clips of that test seed but for what differs."""
    split = synthetic_world(
        root or build_folder() / "data",
        seed=0,
        train_per_class=1,
        validation_per_class=1,
        test_per_class=profile.test_per_class,
        frames=profile.frames,
        size=profile.size,
        rendered_size=profile.rendered_size,
        flow=flow,
        target=target,
        test_seed=test_seed,
    ).street
    return split.prepare(device=find_device(), progress=progress)


def read_kind(kind: str) -> tuple[SyntheticConfig, SyntheticConfig]:
    """Source and target of a kind of world: whose actors move, and how strongly the source ties looks and motion.

    Args:
        kind: `sprites` or `figures`, and behind it changes of the source, separated by blanks: `appearance_bias`,
            `motion_bias` or `pan` with an equals sign and a number.

    Raises:
        ValueError: other actors, another change, or a number that is none.

    >>> read_kind("sprites appearance_bias=0.5")[0].appearance_bias
    0.5
    """
    actors, *changes = kind.split() or [""]
    if actors not in KINDS:
        raise ValueError(f"the kind of world is {kind!r}; expected {' or '.join(KINDS)} as its first word")
    source, target = KINDS[actors]()
    for change in changes:
        name, _, text = change.partition("=")
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if name not in ("appearance_bias", "motion_bias", "pan") or math.isnan(number):
            raise ValueError(
                f"the kind of world {kind!r} has the change {change!r}; expected appearance_bias, motion_bias or pan "
                "with a number, as in appearance_bias=0.5"
            )
        source = replace(source, **{name: number})  # type: ignore[arg-type]
    return source, target


KINDS = {
    "sprites": lambda: (studio(), street()),
    "figures": lambda: (replace(studio(), actors="figures"), replace(street(), actors="figures")),
}
"""Makers of source and target, by who acts: rigid sprites, the development world, or articulated figures."""

SHIFTS = tuple(
    name
    for name, value in asdict(street()).items()
    if name not in ("domain", "appearance_bias") and value != getattr(studio(), name)
)
"""What makes the street another source than the studio, each of which can be turned alone."""


def loss_config(system: str) -> LossConfig:
    """The losses a system is trained with: the defaults, and no penalty for `multitask`.

    >>> loss_config("multitask").discrepancy_weight, loss_config("rev2net").discrepancy_weight > 0
    (0.0, True)
    """
    return replace(LossConfig(), discrepancy_weight=0.0) if system == "multitask" else LossConfig()


def train_config(name: str, profile: Profile, *, seed: int) -> TrainConfig:
    """How a system, or another entry of the study, is trained at a profile.

    >>> from rev2net_lite.profiles import get_profile
    >>> train_config("rgb_long@10", get_profile("laptop"), seed=0).epochs
    28
    """
    entry = read_entry(name)
    return TrainConfig(
        epochs=round((LONG if entry.long else 1) * profile.epochs),
        batch_size=profile.batch_size,
        seed=seed,
        precision=profile.precision,
        losses=loss_config(entry.system),
        pan=PAN if entry.pan else 0.0,
        label_share=entry.label_share,
    )


def train_system(
    name: str,
    world: SyntheticWorld,
    *,
    profile: Profile,
    seed: int,
    device: torch.device,
    losses: LossConfig | None = None,
    norm: Literal["batch", "group"] = "batch",
    folder: Path | None = None,
    progress: bool = True,
    processes: Processes = ALONE,
) -> tuple[Model, History]:
    """A system trained on the world's source clips, and what happened meanwhile.

    Args:
        name: one of `models.SYSTEMS`, or another entry of the study; see `entries`.
        world: of the same profile, with exact flow if the entry has it.
        profile: size of the model, epochs, precision.
        seed: of the initialisation and of the order of clips.
        device: where to train.
        losses: None takes the system's own, `loss_config`.
        norm: of the model's layers; see `build_model`.
        folder: keeps the training state, so that an interrupted run goes on; see `fit`.
        progress: show a bar to someone who watches.
        processes: that train it together; see `fit`.

    Raises:
        ValueError: the entry's flow is exact and the world's is not, or the other way round.
    """
    entry = read_entry(name)
    exact = world.train.flow == "exact"
    if exact != entry.exact:
        raise ValueError(
            f"{name!r} is trained with {'exact' if entry.exact else 'TV-L1'} flow and the world has "
            f"{'exact' if exact else 'TV-L1'} flow; prepare the world with flow='{'exact' if entry.exact else 'tvl1'}'"
        )
    model = build_model(entry.system, classes=world.train.classes, size=profile.model_size, norm=norm, seed=seed)
    config = train_config(name, profile, seed=seed)
    history = fit(
        model,
        world.train,
        config=config if losses is None else replace(config, losses=losses),
        validation=world.validation,
        folder=folder,
        device=device,
        progress=progress,
        processes=processes,
    )
    return model, history


def train_and_keep(
    name: str,
    *,
    folder: Path,
    profile: Profile,
    seed: int,
    kind: str = "sprites",
    norm: Literal["batch", "group"] = "batch",
    root: Path | None = None,
    progress: bool = True,
) -> Path | None:
    """Folder of the checkpoint of a system trained on a synthetic world, with a record of how, and of what it reached.

    Where `torchrun` started several processes, they train it together; the first one returns the folder, the others
    None. Stopped and called again, it goes on from the last finished epoch.

    Args:
        name: of the system, or another entry of the study.
        folder: receives `model/`, and the training state in `training/`.
        profile: of world, model and training.
        seed: of the training.
        kind: of the world; see `read_kind`.
        norm: of the model's layers; see `Processes.parallel` for what is best with several processes.
        root: where worlds and caches lie; None is `build/data`.
        progress: show bars to someone who watches.
    """
    root = root or build_folder() / "data"
    # The processes of a host prepare one after the other, so that only the first one has work to do.
    prepared = hold_folder(root, lock=".prepare.lock", wait_s=_PREPARE_S)
    try:
        flow: Literal["tvl1", "exact"] = "exact" if read_entry(name).exact else "tvl1"
        world = prepare_world(profile, seed=seed, root=root, flow=flow, kind=kind, progress=progress)
    finally:
        prepared.release()
    started = time.perf_counter()
    with joined_processes() as (processes, device):
        model, history = train_system(
            name,
            world,
            profile=profile,
            seed=seed,
            device=device,
            norm=norm,
            folder=folder / "training",
            progress=progress,
            processes=processes,
        )
    seconds = time.perf_counter() - started
    if not processes.first:
        return None
    record = _record(model, history, world, name=name, profile=profile, seed=seed, device=device)
    made = {
        "made_by": f"rev2net train {name} --profile {profile.name} --seed {seed} --kind '{kind}' --norm {norm}",
        "processes": processes.world,
        "seconds": round(seconds, 1),
    }
    return save_checkpoint(folder / "model", model, record=record | made)


def _record(
    model: Model,
    history: History,
    world: SyntheticWorld,
    *,
    name: str,
    profile: Profile,
    seed: int,
    device: torch.device,
) -> dict[str, object]:
    """How a model was trained and what it reached on the world's tests, as its checkpoint holds it."""
    tests = {}
    for split, result in cross_dataset(model, world.tests, device=device, exact=True).items():
        kept = asdict(result)
        for large in ("logits", "labels", "confusion"):
            del kept[large]
        tests[split] = kept
    return {
        "profile": asdict(profile),
        "losses": asdict(train_config(name, profile, seed=seed).losses),
        "seed": seed,
        "device": str(device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "processor": platform.machine(),
        "tests": tests,
        "history": history.rows,
    }


def make_examples(folder: Path, *, profile: Profile, seed: int, device: torch.device) -> Path:
    """Make what a newcomer sees before training anything: `videos/` of both domains and a trained `model/`.

    Each domain has one clip per class, of a seed that no training and no test uses; `synthetic.dataset_specs` renders
    their exact flow. The model is a `rev2net`; the record beside it says how it was trained and what it reached.

    Args:
        folder: the kit's `assets/`, or any other; `videos/` and `model/` in it are replaced.
        profile: of the training.
        seed: of the training.
        device: where to train.
    """
    for name, config in (("studio", studio()), ("street", street())):
        target = folder / "videos" / name
        shutil.rmtree(target, ignore_errors=True)
        sized = replace(config, frames=profile.frames, size=profile.rendered_size)
        write_synthetic_dataset(target, config=sized, clips_per_class=1, seed=_EXAMPLE_SEED)
        # A video of 2 kB does not need 150 kB of flow beside it that can be rendered again.
        shutil.rmtree(target / "exact")
    world = prepare_world(profile, seed=seed)
    started = time.perf_counter()
    model, history = train_system("rev2net", world, profile=profile, seed=seed, device=device)
    seconds = time.perf_counter() - started
    record = _record(model, history, world, name="rev2net", profile=profile, seed=seed, device=device)
    made_by = f"rev2net train-example --profile {profile.name} --seed {seed}"
    record |= {"made_by": made_by, "seconds": round(seconds, 1)}
    return save_checkpoint(folder / "model", model, record=record)


_EXAMPLE_SEED = 99

# Rendering and flow of a large world take hours.
_PREPARE_S = 24 * 3600.0
