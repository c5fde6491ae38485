"""One system trained under many settings of its losses: the curves that notebooks 06 and 07 and their explorers show.

A trial is one training run in the development world, at one profile and seed. Finished trials are kept one by one, so
an interrupted set goes on where it was; the whole set is written as one small file, which the kit carries as
`assets/trials/<name>.json`.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import torch

from rev2net_lite.bundled import asset
from rev2net_lite.evaluation import cross_dataset
from rev2net_lite.experiment import prepare_world, train_system
from rev2net_lite.files import write_text_atomically
from rev2net_lite.losses import LossConfig
from rev2net_lite.models import SYSTEMS
from rev2net_lite.profiles import Profile
from rev2net_lite.untrusted import read_json

__all__ = ["SETS", "Trial", "TrialResult", "read_trials", "run_trials"]

# What a test split's entry keeps of an `Evaluation`.
_KEPT = ("flow_error_px", "zero_flow_error_px", "psnr_db", "sharpness", "decoder_cka")


@dataclass(frozen=True)
class Trial:
    """A system and the losses it is trained with."""

    system: str
    losses: LossConfig

    def __post_init__(self) -> None:
        if self.system not in SYSTEMS:
            raise ValueError(f"there is no system {self.system!r}; expected one of {', '.join(SYSTEMS)}")


@dataclass(frozen=True)
class TrialResult:
    """What one trial gave.

    Args:
        trial: its setting.
        curves: by column of `History`, one value per epoch.
        tests: by split: `accuracy` with `low`, `high` and `n`, and flow error, PSNR, sharpness and CKA where the system
            has the decoders for them.
    """

    trial: Trial
    curves: dict[str, list[float]]
    tests: dict[str, dict[str, Any]]


def _weights() -> tuple[Trial, ...]:
    base = LossConfig()
    return tuple(
        Trial("rev2net", replace(base, flow_weight=flow, frame_weight=frame))
        for flow, frame in product((0.0, 0.5, 2.0, 8.0), (0.0, 1.0, 4.0, 16.0))
    )


def _discrepancy() -> tuple[Trial, ...]:
    base = LossConfig()
    forms = (("l2", "energy"), ("l2", "channel"), ("l2", "none"), ("l1", "energy"))
    found = [replace(base, discrepancy_weight=0.0)]
    for (form, normalise), weight, detach in product(forms, (0.1, 1.0, 10.0), ("flow", "none")):
        found.append(
            replace(
                base,
                discrepancy_form=form,  # type: ignore[arg-type]
                discrepancy_normalise=normalise,  # type: ignore[arg-type]
                discrepancy_weight=weight,
                discrepancy_detach=detach,  # type: ignore[arg-type]
            )
        )
    found += [replace(base, discrepancy_weight=weight, discrepancy_levels=(0,)) for weight in (0.1, 1.0, 10.0)]
    return tuple(Trial("rev2net", losses) for losses in found)


def _search() -> tuple[Trial, ...]:
    base = LossConfig()
    found = [Trial("rev2net", base)]
    found += [Trial("flow_decoder", replace(base, flow_weight=flow)) for flow in (2.0, 8.0, 32.0)]
    for flow, frame in product((8.0, 32.0), (1.0, 4.0)):
        losses = replace(base, flow_weight=flow, frame_weight=frame)
        found.append(Trial("multitask", replace(losses, discrepancy_weight=0.0)))
        found += [Trial("rev2net", replace(losses, discrepancy_weight=weight)) for weight in (0.03, 0.1, 0.3)]
    # Learned weights start from the defaults.
    found += [
        Trial("flow_decoder", replace(base, weighting="learned")),
        Trial("rev2net", replace(base, weighting="learned")),
    ]
    return tuple(found)


SETS: dict[str, tuple[Trial, ...]] = {"weights": _weights(), "discrepancy": _discrepancy(), "search": _search()}
"""Flow weight against frame weight; the penalty's form, normalisation, weight, teacher and levels; and the search for a
setting in which the whole of Rev2Net beats the flow decoder alone, whose weight is turned as well."""


def run_trials(
    name: str,
    *,
    profile: Profile,
    seed: int,
    folder: Path,
    into: Path,
    processes: int = 1,
    trials: Sequence[Trial] = (),
    root: Path | None = None,
) -> Path:
    """The file with the results of a set, every trial of which has been trained and tested now or before.

    Args:
        name: of the set, and of the file.
        profile: numbers, sizes and epochs.
        seed: of clips, initialisation and order; the same for all trials.
        folder: where finished trials are kept one by one.
        into: folder of the file.
        processes: trials trained at the same time, one thread each.
        trials: other trials than those of `SETS[name]`.
        root: where worlds and caches lie; see `prepare_world`.

    Raises:
        ValueError: no such set.
    """
    trials = trials or _set(name)
    prepare_world(profile, seed=seed, root=root)
    folder.mkdir(parents=True, exist_ok=True)
    kept = {trial: folder / f"{_key(trial, profile, seed)}.json" for trial in trials}
    left = [trial for trial, path in kept.items() if not path.is_file()]
    # Spawned, not forked: torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, max(1, len(left))), mp_context=context) as pool:
        running = {pool.submit(_run, trial, profile, seed, kept[trial], root): trial for trial in left}
        for count, future in enumerate(as_completed(running), 1):
            future.result()
            print(f"{name}: {count} of {len(left)} trials done", flush=True)
    results = [read_json(path) for path in kept.values()]
    content = {
        "made_by": f"rev2net trials {name} --profile {profile.name} --seed {seed}",
        "profile": asdict(profile),
        "seed": seed,
        "torch": torch.__version__,
        "trials": results,
    }
    into.mkdir(parents=True, exist_ok=True)
    path = into / f"{name}.json"
    write_text_atomically(path, json.dumps(content, separators=(",", ":")) + "\n")
    return path


def read_trials(source: str | os.PathLike[str]) -> tuple[list[TrialResult], Mapping[str, Any]]:
    """The results of a set, and how it was made (`made_by`, `profile`, `seed`, `torch`).

    Args:
        source: name of a set that the kit carries, or the path of a file that `run_trials` wrote.

    Raises:
        ValueError: the file cannot be read or is no such file.
    """
    path = asset(f"trials/{source}.json") if str(source) in SETS else Path(source)
    try:
        content = read_json(path)
        results = [
            TrialResult(
                Trial(entry["system"], LossConfig(**_with_levels(entry["losses"]))), entry["curves"], entry["tests"]
            )
            for entry in content.pop("trials")
        ]
    except OSError as error:
        raise ValueError(f"trials {path} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"file {path} holds no trials as `rev2net trials` writes them: {error}") from error
    return results, content


def _set(name: str) -> tuple[Trial, ...]:
    if name not in SETS:
        raise ValueError(f"there is no set of trials {name!r}; expected one of {', '.join(SETS)}")
    return SETS[name]


def _key(trial: Trial, profile: Profile, seed: int) -> str:
    whole = {"trial": asdict(trial), "seed": seed, "profile": asdict(profile)}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:16]


def _run(trial: Trial, profile: Profile, seed: int, path: Path, root: Path | None) -> None:
    """Train and test one trial and write its result; in a process of its own."""
    torch.set_num_threads(1)
    device = torch.device("cpu")
    world = prepare_world(profile, seed=seed, root=root, progress=False)
    model, history = train_system(
        trial.system, world, profile=profile, seed=seed, device=device, losses=trial.losses, progress=False
    )
    tests = {}
    for split, result in cross_dataset(model, world.tests, device=device).items():
        entry = asdict(result.accuracy)
        tests[split] = {
            "accuracy": entry["value"],
            **{key: entry[key] for key in ("low", "high", "n")},
            **{key: getattr(result, key) for key in _KEPT if getattr(result, key) is not None},
        }
    content = {
        "system": trial.system,
        "losses": asdict(trial.losses),
        "curves": {name: history.curve(name) for name in history.columns if name not in ("epoch", "learning_rate")},
        "tests": tests,
    }
    write_text_atomically(path, json.dumps(_rounded(content)) + "\n")


def _rounded(value: Any) -> Any:
    """Numbers with five digits: more would be noise, and the file travels with the kit."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, Mapping):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list | tuple) else value


def _with_levels(losses: Mapping[str, Any]) -> dict[str, Any]:
    """JSON knows lists only."""
    levels = losses["discrepancy_levels"]
    return {**losses, "discrepancy_levels": None if levels is None else tuple(levels)}
