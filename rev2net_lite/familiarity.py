"""How far a clip lies from what a trained model has seen, as one number with a measured threshold.

The number is the Mahalanobis distance of the clip's mean features, those of the encoder's first level, from those of
clips of the training domain (as of Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution Samples",
NeurIPS 2018, with one class). The first level answers to colours, edges and grain, so the number says that a clip
*looks* unlike the training clips. It does not notice that nothing moves.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from einops import reduce
from torch import Tensor

from rev2net_lite.bundled import asset
from rev2net_lite.checkpoints import load_checkpoint, load_state
from rev2net_lite.files import write_text_atomically
from rev2net_lite.models import Model, Rev2Net
from rev2net_lite.synthetic import SyntheticConfig, street, studio, untied_studio, write_synthetic_dataset
from rev2net_lite.untrusted import read_json
from rev2net_lite.video import read_clip

__all__ = ["Familiarity", "Measured", "load_familiarity", "mean_features", "measure_familiarity"]

FILE = "familiarity.json"
_SCHEMA = 1
_SHRINKAGE = 0.1
# At most this share of the training domain's own clips may be called unlike it; a little less on the clips that set
# the threshold, because it is set on them.
_FALSE_ALARMS, _AT_THRESHOLD = 0.05, 0.035
_CLIPS_PER_CLASS, _SEEDS = 50, (701, 702, 703, 704, 705)


@dataclass(frozen=True)
class Measured:
    """How often clips of one kind lay above the threshold.

    Args:
        kind: what they were.
        n: how many.
        unlike: how many of them lay above it.
    """

    kind: str
    n: int
    unlike: int


@dataclass(frozen=True)
class Familiarity:
    """The place of the training domain among a model's features.

    Args:
        model: sha256 of the weights that it was measured with.
        frames: frames of a clip.
        size: height and width of a clip in px.
        mean: mean features of the domain.
        covariance: their covariance, shrunk towards its diagonal.
        threshold: distance above which a clip is called unlike the domain.
        measured: how often clips of several kinds lay above it, none of them used to set it.
    """

    model: str
    frames: int
    size: int
    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    threshold: float
    measured: tuple[Measured, ...]

    def distance(self, features: Tensor) -> Tensor:
        """(b) Mahalanobis distances of mean features (b d)."""
        away = features.double() - torch.tensor(self.mean, dtype=torch.float64)
        root = torch.linalg.cholesky(torch.tensor(self.covariance, dtype=torch.float64))
        return torch.linalg.solve_triangular(root, away.T, upper=False).norm(dim=0)


@torch.no_grad()
def mean_features(model: Model, clip: Tensor) -> Tensor:
    """(b d) means over time and place of the encoder's first level.

    Args:
        model: one that takes frames only.
        clip: (b 3 t h w) float in [0, 1].

    Raises:
        ValueError: the model takes flow.
    """
    if not isinstance(model, Rev2Net):
        raise ValueError(
            f"the model is {model.config.name}, which takes flow; familiarity is for models of frames only"
        )
    return torch.cat([reduce(model.encode(part)[0], "b d t h w -> b d", "mean") for part in clip.split(16)])


def load_familiarity(folder: Path | None = None) -> Familiarity:
    """What was measured for the model of a folder of assets, by default the bundled one.

    Raises:
        ValueError: nothing was measured, the file is damaged, or it belongs to another model.
    """
    folder = folder or asset("")
    file = folder / FILE
    advice = "make it again with rev2net_lite.familiarity.measure_familiarity"
    try:
        data = read_json(file)
        if data["schema"] != _SCHEMA:
            raise ValueError(f"schema {data['schema']!r}")
        found = Familiarity(
            model=data["model"],
            frames=data["frames"],
            size=data["size"],
            mean=tuple(data["mean"]),
            covariance=tuple(tuple(row) for row in data["covariance"]),
            threshold=data["threshold"],
            measured=tuple(Measured(**row) for row in data["measured"]),
        )
    except FileNotFoundError as error:
        raise ValueError(f"there is no {file}; {advice}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{file} is damaged or of another version of the kit; {advice}") from error
    weights = load_state(folder / "model", "model")[1]["sha256"]
    if found.model != weights:
        raise ValueError(f"{file} was measured with another model than the one beside it; {advice}")
    return found


def measure_familiarity(folder: Path | None = None, *, videos: Sequence[Path] = ()) -> Path:
    """The file `familiarity.json`, written beside a trained `model/`: half a minute on one core.

    The features are placed on fresh studio clips; the threshold leaves 3.5 % of other fresh studio clips above it. How
    often it is passed is counted on still others, on untied and street clips, on noise, on flat grey from black to
    white, and on `videos`.

    Args:
        folder: folder of assets; None takes the kit's own.
        videos: real videos, whole.

    Raises:
        ValueError: no model there, one that takes flow, or too many false alarms on fresh studio clips.
        VideoError: a video cannot be read.
    """
    folder = folder or asset("")
    model, record = load_checkpoint(folder / "model")
    profile = record["profile"]
    frames, size = profile["frames"], profile["size"]

    def features(config: SyntheticConfig, seed: int) -> Tensor:
        sized = replace(config, frames=frames, size=profile["rendered_size"])
        with tempfile.TemporaryDirectory() as name:
            write_synthetic_dataset(name, config=sized, clips_per_class=_CLIPS_PER_CLASS, seed=seed)
            with Path(name, "labels.csv").open(newline="", encoding="utf-8") as stream:
                files = [Path(name, row["file"]) for row in csv.DictReader(stream)]
            return mean_features(model, _read(files, frames=frames, size=size))

    place, limit, held_out = (features(studio(), seed) for seed in _SEEDS[:3])
    centre = place.double().mean(0)
    covariance = torch.cov(place.double().T)
    covariance = (1 - _SHRINKAGE) * covariance + _SHRINKAGE * covariance.diag().diag()
    made = Familiarity(
        model=load_state(folder / "model", "model")[1]["sha256"],
        frames=frames,
        size=size,
        mean=tuple(_short(value) for value in centre.tolist()),
        covariance=tuple(tuple(_short(value) for value in row) for row in covariance.tolist()),
        threshold=0.0,
        measured=(),
    )
    threshold = _short(torch.quantile(made.distance(limit), 1 - _AT_THRESHOLD).item())
    generator = torch.Generator().manual_seed(_SEEDS[0])
    greys = torch.linspace(0, 1, 11).reshape(11, 1, 1, 1, 1).expand(11, 3, frames, size, size)
    kinds = {
        "studio": held_out,
        "untied": features(untied_studio(), _SEEDS[3]),
        "street": features(street(), _SEEDS[4]),
        "noise": mean_features(model, torch.rand(50, 3, frames, size, size, generator=generator)),
        "flat grey, black to white": mean_features(model, greys),
    }
    if videos:
        kinds["real videos"] = mean_features(model, _read(videos, frames=frames, size=size))
    measured = tuple(
        Measured(kind, len(found), int((made.distance(found) > threshold).sum())) for kind, found in kinds.items()
    )
    if measured[0].unlike > _FALSE_ALARMS * measured[0].n:
        raise ValueError(
            f"{measured[0].unlike} of {measured[0].n} fresh studio clips lie above the threshold, more than "
            f"{100 * _FALSE_ALARMS:g} %; the features of this model do not carry over to new clips: train it longer"
        )
    made = replace(made, threshold=threshold, measured=measured)
    path = folder / FILE
    write_text_atomically(path, json.dumps({"schema": _SCHEMA} | asdict(made), allow_nan=False) + "\n")
    return path


def _read(files: Sequence[Path], *, frames: int, size: int) -> Tensor:
    clips = [read_clip(file, frames=frames, size=(size, size), allow_repeat=True) for file in files]
    return torch.stack(clips).float() / 255


def _short(number: float) -> float:
    """Six digits: the file stays small, and no distance changes in a digit that is read."""
    return float(f"{number:.6g}")
