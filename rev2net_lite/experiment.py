"""One system trained and tested in one world: what notebooks, the bundled model and every sweep share.

A profile and a seed decide everything: the clips, the initialisation, the order of the clips. So two systems of one
seed can be compared pair by pair.
"""

from __future__ import annotations

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
from rev2net_lite.evaluation import cross_dataset
from rev2net_lite.losses import LossConfig
from rev2net_lite.models import Model, build_model
from rev2net_lite.profiles import Profile
from rev2net_lite.synthetic import street, studio, write_synthetic_dataset
from rev2net_lite.training import History, TrainConfig, find_device, fit

__all__ = ["loss_config", "make_examples", "prepare_world", "street_dial", "train_config", "train_system"]


def prepare_world(
    profile: Profile,
    *,
    seed: int,
    root: Path | None = None,
    flow: Literal["tvl1", "exact"] = "tvl1",
    test_seed: int = 0,
    progress: bool = True,
) -> SyntheticWorld:
    """The synthetic world of a profile and seed, every clip decoded and its flow computed.

    Args:
        profile: numbers and sizes of the clips.
        seed: of the training and validation clips; the test splits are the same for every seed.
        root: where worlds and caches lie; None is `build/data`, which all runs share.
        flow: estimated, as real videos have it; or the renderer's own, for a row that is called an oracle.
        test_seed: of the test splits; see `synthetic_world`.
        progress: show a bar per split, at a terminal.
    """
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
    test_seed: int = 0,
    progress: bool = True,
) -> dict[float, ClipDataset]:
    """The street with its camera's pan turned, everything else as it is: one held-out split per strength.

    Args:
        profile: numbers and sizes of the clips.
        pans: sd of the pan over a clip in frame widths; 0 is a camera that only shakes.
        root: where worlds and caches lie; None is `build/data`.
        test_seed: of the clips; that of the world makes them the street's own with another pan.
        progress: show a bar per split, at a terminal.
    """
    splits = {}
    for pan in pans:
        splits[pan] = synthetic_world(
            root or build_folder() / "data",
            seed=0,
            train_per_class=1,
            validation_per_class=1,
            test_per_class=profile.test_per_class,
            frames=profile.frames,
            size=profile.size,
            rendered_size=profile.rendered_size,
            target=replace(street(), pan=pan),
            test_seed=test_seed,
        ).street
        splits[pan].prepare(device=find_device(), progress=progress)
    return splits


def loss_config(system: str) -> LossConfig:
    """The losses a system is trained with: the defaults, and no penalty for `multitask`.

    >>> loss_config("multitask").discrepancy_weight, loss_config("rev2net").discrepancy_weight > 0
    (0.0, True)
    """
    return replace(LossConfig(), discrepancy_weight=0.0) if system == "multitask" else LossConfig()


def train_config(system: str, profile: Profile, *, seed: int) -> TrainConfig:
    """How a system is trained at a profile."""
    return TrainConfig(
        epochs=profile.epochs,
        batch_size=profile.batch_size,
        seed=seed,
        precision=profile.precision,
        losses=loss_config(system),
    )


def train_system(
    system: str,
    world: SyntheticWorld,
    *,
    profile: Profile,
    seed: int,
    device: torch.device,
    losses: LossConfig | None = None,
    folder: Path | None = None,
    progress: bool = True,
) -> tuple[Model, History]:
    """A system trained on the world's source clips, and what happened meanwhile.

    Args:
        system: one of `models.SYSTEMS`.
        world: of the same profile.
        profile: size of the model, epochs, precision.
        seed: of the initialisation and of the order of clips.
        device: where to train.
        losses: None takes the system's own, `loss_config`.
        folder: keeps the training state, so that an interrupted run goes on; see `fit`.
        progress: show a bar to someone who watches.
    """
    model = build_model(system, classes=world.train.classes, size=profile.model_size, seed=seed)
    config = train_config(system, profile, seed=seed)
    history = fit(
        model,
        world.train,
        config=config if losses is None else replace(config, losses=losses),
        validation=world.validation,
        folder=folder,
        device=device,
        progress=progress,
    )
    return model, history


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
    tests = {}
    for name, result in cross_dataset(model, world.tests, device=device, exact=True).items():
        kept = asdict(result)
        for large in ("logits", "labels", "confusion"):
            del kept[large]
        tests[name] = kept
    record = {
        "made_by": f"rev2net train-example --profile {profile.name} --seed {seed}",
        "profile": asdict(profile),
        "losses": asdict(loss_config("rev2net")),
        "seed": seed,
        "device": str(device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "processor": platform.machine(),
        "seconds": round(seconds, 1),
        "tests": tests,
        "history": history.rows,
    }
    return save_checkpoint(folder / "model", model, record=record)


_EXAMPLE_SEED = 99
