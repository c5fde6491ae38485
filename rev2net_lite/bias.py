"""Label bias in numbers: how strongly a factor of the clips goes with the label, and what it does to a prediction.

A tie is counted: it says what a model *could* use instead of the action. Whether a given model uses it is another
question, and only an experiment on that model answers it: the same motion is drawn again with one factor changed (a
twin), and the two predictions are compared, clip by clip.
"""

from __future__ import annotations

import math
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from rev2net_lite.datasets import Batch, ClipDataset, Sampling
from rev2net_lite.evaluation import Interval, accuracy, model_output, paired_interval
from rev2net_lite.figures import BUILDS
from rev2net_lite.models import Model
from rev2net_lite.shapes import check_shape
from rev2net_lite.synthetic import ACTORS, SHAPES, Actors, ClipSpec, dataset_specs, render, twin
from rev2net_lite.video import write_video

__all__ = [
    "TIED_FACTORS",
    "Conflict",
    "Tie",
    "TwinEffect",
    "clip_specs",
    "conflict",
    "factor_level",
    "factor_levels",
    "frame_giveaway",
    "hit_rate",
    "pick_donors",
    "probabilities",
    "recorded_clips",
    "tie",
    "twin_effect",
    "twin_specs",
]

TIED_FACTORS = ("surface", "shape", "background", "pace", "pan")
"""What the world's two biases can tie to the class: the first three by appearance, the last two by motion."""

# Paces run from 1/2 to 2 in studio and street: sixteenths of that range keep the eight paces of a tied world apart.
_PACES = tuple(f"2^{step / 8 - 1:+.3f}" for step in range(16))
_PANS = ("still", *(f"{45 * octant} to {45 * (octant + 1)} degrees" for octant in range(8)))


@dataclass(frozen=True)
class Tie:
    """How strongly one factor goes with the label.

    Args:
        factor: one of `TIED_FACTORS`.
        levels: what the factor can be.
        classes: class names in label order.
        counts: `(levels k)` numbers of clips.
        information: mutual information of factor and label over the entropy of the label; 0: the factor says nothing,
            1: it gives the label away.
        by_chance: the information that this many clips show on average when there is no tie at all; counts of few
            clips are never quite even.
        guess: accuracy of naming the class from the factor alone, with a Wilson interval over clips.
    """

    factor: str
    levels: tuple[str, ...]
    classes: tuple[str, ...]
    counts: Tensor = field(repr=False)
    information: float
    by_chance: float
    guess: Interval


@dataclass(frozen=True)
class TwinEffect:
    """What a change of one factor does to the predictions of one model.

    Args:
        flips: share of clips whose twin is predicted as another class, with a Wilson interval over clips.
        change: mean of the twin's minus the clip's probability of the clip's class, with the interval of the pairs.
        follows: share of twins that are predicted as the class which the factor was taken from.
        follows_before: the same share among the clips, before anything was changed.
        changes: `(n)`, the change of each clip.
    """

    flips: Interval
    change: Interval
    follows: Interval
    follows_before: Interval
    changes: Tensor = field(repr=False)


@dataclass(frozen=True)
class Conflict:
    """Predictions on the clips whose look belongs to another class than their motion; shares with Wilson intervals.

    Args:
        label: share predicted as the class of the motion.
        look: share predicted as the class of the look.
        each_other: share per class that neither speaks for: what the look would get if it had no say.
    """

    label: Interval
    look: Interval
    each_other: float


def frame_giveaway(
    train: ClipDataset, test: ClipDataset, *, frames: Sequence[int] | None = None, neighbours: int = 25
) -> dict[int, Interval]:
    """How often the class can be told from where the moving object is in one frame, and how large: no look, no motion.

    The class that most of the nearest training clips have (k nearest neighbours), by the position and the size of the
    object's mask, each divided by its spread over the training clips. It bounds what single frames give away once the
    look is cut from the class; accuracy above it needs motion or looks.

    Args:
        train: clips of known class; synthetic, so that their masks are known.
        test: clips that are asked about, with the same classes, frames and size.
        frames: numbers of the frames, each asked alone; None takes the first, the middle and the last.
        neighbours: training clips that vote; of equally many votes the first class counts.

    Returns:
        Accuracy on `test` with its interval over clips, by frame.
    """
    places, asked = _object_places(train), _object_places(test)
    chosen = (0, places.shape[1] // 2, places.shape[1] - 1) if frames is None else frames
    found = {}
    for frame in chosen:
        known, new = places[:, frame], asked[:, frame]
        # What is the same for every clip tells nothing; distances by products would lose the small ones.
        scale = 1 / known.std(0).clamp_min(1e-3)
        distance = torch.cdist(new * scale, known * scale, compute_mode="donot_use_mm_for_euclid_dist")
        near = distance.topk(min(neighbours, len(known)), largest=False).indices
        votes = torch.nn.functional.one_hot(train.labels[near], len(train.classes)).sum(1)
        found[frame] = accuracy(votes.float(), test.labels)
    return found


def _object_places(dataset: ClipDataset) -> Tensor:
    """`(n t 3)`: the middle of the object's mask (right, down) and the square root of its area, in frame sizes; of a
    frame without the object the middle and 0."""
    rows = []
    for index in range(len(dataset)):
        mask = dataset.exact(index)[1].float()
        height, width = mask.shape[-2:]
        area = mask.sum((1, 2))
        right = (mask.sum(1) * torch.linspace(0, 1, width)).sum(1) / area.clamp_min(1)
        down = (mask.sum(2) * torch.linspace(0, 1, height)).sum(1) / area.clamp_min(1)
        middle = torch.full_like(right, 0.5)
        rows.append(
            torch.stack(
                [right.where(area > 0, middle), down.where(area > 0, middle), (area / (height * width)).sqrt()], dim=1
            )
        )
    return torch.stack(rows)


def clip_specs(dataset: ClipDataset) -> list[ClipSpec]:
    """The spec of every clip of a synthetic split, in the split's order.

    Raises:
        ValueError: the split is not a synthetic one.
    """
    of_folder: dict[Path, dict[str, ClipSpec]] = {}
    found = []
    for example in dataset.examples:
        folder = example.path.parent.parent
        if folder not in of_folder:
            number: dict[str, int] = defaultdict(int)
            of_folder[folder] = {}
            for spec in dataset_specs(folder):
                of_folder[folder][f"{spec.label}_{number[spec.label]:04d}.mp4"] = spec
                number[spec.label] += 1
        found.append(of_folder[folder][example.path.name])
    return found


def factor_levels(factor: str, *, actors: Actors = "sprites") -> tuple[str, ...]:
    """Everything that a factor of `TIED_FACTORS` can be in clips of such actors.

    Looks are named by the class that they are tied to; paces are sixteenths of a scale from half to twice the middle
    pace; pans are directions on the screen, clockwise from the right.

    Raises:
        ValueError: the factor is unknown.

    >>> factor_levels("shape")[:3]
    ('disc', 'triangle', 'square')
    """
    looks, shapes = ACTORS[actors], SHAPES if actors == "sprites" else tuple(BUILDS)
    levels = {"surface": looks, "shape": shapes, "background": looks, "pace": _PACES, "pan": _PANS}
    if factor not in levels:
        raise ValueError(f"factor is {factor!r}; expected one of {', '.join(TIED_FACTORS)}")
    return levels[factor]


def factor_level(spec: ClipSpec, factor: str) -> str:
    """Which of `factor_levels(factor, actors=spec.actors)` a clip has."""
    levels = factor_levels(factor, actors=spec.actors)
    if factor == "surface":
        return levels[spec.surface.look]
    if factor == "shape":
        return spec.shape
    if factor == "background":
        return levels[spec.background.look]
    if factor == "pace":
        return levels[min(max(math.floor(8 * (math.log2(spec.motion.pace) + 1)), 0), 15)]
    right, down = spec.camera.pan
    if right == down == 0:
        return levels[0]
    # A direction just below a whole turn can round up to it.
    return levels[1 + int(math.atan2(down, right) / (2 * math.pi) % 1 * 8) % 8]


def hit_rate(hits: Tensor) -> Interval:
    """Share of hits among clips, with the 95 % Wilson score interval that `evaluation.accuracy` gives.

    Args:
        hits: `(n)` bool.

    Raises:
        ShapeError: more than one axis.
        ValueError: the entries are not bool.

    >>> str(hit_rate(torch.tensor([True, True, False, True])))
    '0.750 [0.301, 0.954] (n = 4)'
    """
    n = check_shape("hits", hits, "n")["n"]
    if hits.dtype != torch.bool:
        raise ValueError(f"hits have dtype {hits.dtype}; expected bool: compare predictions with what they should be")
    return accuracy(torch.stack([~hits, hits], dim=-1).double(), torch.ones(n, dtype=torch.long))


def tie(specs: Sequence[ClipSpec], factor: str, *, learned_from: Sequence[ClipSpec] | None = None) -> Tie:
    """How strongly `factor` and the label go together in some clips.

    Args:
        specs: the clips.
        factor: one of `TIED_FACTORS`.
        learned_from: clips from which the guesser learns the most frequent class of each level, as a network would
            from its training clips; None takes `specs` themselves, which flatters it a little.

    Raises:
        ValueError: the factor is unknown, or the clips are of fewer than two classes or of two kinds of actors.

    >>> from rev2net_lite.synthetic import SyntheticConfig, sample_specs
    >>> clips = sample_specs(SyntheticConfig(appearance_bias=1.0), clips_per_class=2, seed=0)
    >>> tie(clips, "background").guess.value, tie(clips, "pan").guess.value
    (1.0, 0.125)
    """
    actors = _actors([*specs, *(learned_from or ())])
    levels, classes = factor_levels(factor, actors=actors), ACTORS[actors]
    counts = _count(specs, factor, levels=levels, classes=classes)
    n = int(counts.sum())
    entropy = _entropy(counts.sum(0))
    if entropy == 0:
        raise ValueError(
            f"the {n} clips are of one class or none; a tie needs clips of two classes or more to speak of"
        )
    information = entropy + _entropy(counts.sum(1)) - _entropy(counts.flatten())
    seen, present = (int((counts.sum(axis) > 0).sum()) for axis in (1, 0))
    learned = counts if learned_from is None else _count(learned_from, factor, levels=levels, classes=classes)
    rule = learned.argmax(1)
    hits = torch.tensor([int(rule[levels.index(factor_level(s, factor))]) == classes.index(s.label) for s in specs])
    return Tie(
        factor=factor,
        levels=levels,
        classes=classes,
        counts=counts,
        information=max(0.0, information) / entropy,
        # The plug-in estimate's bias (Miller 1955), in nats like the rest.
        by_chance=(seen - 1) * (present - 1) / (2 * n) / entropy,
        guess=hit_rate(hits),
    )


def pick_donors(specs: Sequence[ClipSpec], pool: Sequence[ClipSpec]) -> list[ClipSpec]:
    """For each clip one of the pool that is of another class; the other classes take turns.

    Args:
        specs: clips to be changed.
        pool: clips that factors are taken from.

    Raises:
        ValueError: the pool has no clip of another class.
    """
    of_class: dict[str, list[ClipSpec]] = defaultdict(list)
    for donor in pool:
        of_class[donor.label].append(donor)
    taken: dict[str, int] = defaultdict(int)
    donors = []
    for spec in specs:
        classes = spec.classes
        start = classes.index(spec.label)
        turn = [classes[(start + step) % len(classes)] for step in range(1, len(classes))]
        others = [of_class[label] for label in turn if label in of_class]
        if not others:
            raise ValueError(
                f"the pool of {len(pool)} clips has none of another class than {spec.label}; "
                "a twin takes its factor from a clip of another class"
            )
        number = taken[spec.label]
        taken[spec.label] += 1
        chosen = others[number % len(others)]
        donors.append(chosen[number % len(chosen)])
    return donors


def twin_specs(
    specs: Sequence[ClipSpec], factors: str | Sequence[str], *, donors: Sequence[ClipSpec]
) -> list[ClipSpec]:
    """Each clip with one factor, or several at once, taken from its donor.

    Args:
        specs: the clips.
        factors: of `synthetic.FACTORS`.
        donors: one for each clip; see `pick_donors`.

    Raises:
        ValueError: another number of donors than clips, no factor, or as `synthetic.twin`.
    """
    if len(specs) != len(donors):
        raise ValueError(f"there are {len(donors)} donors for {len(specs)} clips; give each clip one")
    names = (factors,) if isinstance(factors, str) else tuple(factors)
    if not names:
        raise ValueError("factors is empty; name at least one factor to change")
    changed = list(specs)
    for name in names:
        changed = [twin(spec, name, other=donor) for spec, donor in zip(changed, donors, strict=True)]
    return changed


def recorded_clips(specs: Sequence[ClipSpec], *, sampling: Sampling) -> Tensor:
    """Clips uint8 `(n 3 t h w)`, drawn, written as H.264 files and read back, like those of a dataset.

    Args:
        specs: the clips; each is encoded at its own rate factor.
        sampling: that of the dataset which they are compared with.

    Raises:
        ValueError: there are no clips.
    """
    if not specs:
        raise ValueError("specs is empty; pass at least one clip to record")
    clips = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        for spec in specs:
            # The sampling takes frames, not seconds, so any frame rate gives the same clip.
            write_video(path, render(spec).frames, fps=8, crf=spec.crf)
            clips.append(sampling.read(path))
    return torch.stack(clips)


@torch.no_grad()
def probabilities(model: Model, clips: Tensor, *, device: torch.device | str = "cpu", batch_size: int = 64) -> Tensor:
    """Class probabilities float `(n k)`, on the CPU, of a model that takes frames; it is left in the mode it was in.

    Args:
        model: on `device`.
        clips: `(n 3 t h w)` uint8.
        device: where the model is.
        batch_size: clips at once.

    Raises:
        ShapeError: another shape.
        ValueError: the clips are not uint8, or the model takes flow.
    """
    check_shape("clips", clips, "n 3 t h w")
    if clips.dtype != torch.uint8:
        raise ValueError(f"clips have dtype {clips.dtype}; expected uint8, as read_clip and ClipDataset.clip give them")
    was_training = model.training
    model.eval()
    parts = []
    for part in clips.split(batch_size):
        empty = torch.zeros(len(part), dtype=torch.long)
        batch = Batch(part.to(device).float() / 255, empty, None, empty)
        parts.append(model_output(model, batch).logits.float().softmax(-1).cpu())
    model.train(was_training)
    return torch.cat(parts)


def twin_effect(before: Tensor, after: Tensor, *, labels: Tensor, donor_labels: Tensor) -> TwinEffect:
    """What the change from clips to their twins does to the predictions.

    Args:
        before: `(n k)` probabilities of the clips.
        after: `(n k)` of their twins, in the same order.
        labels: `(n)` of the clips.
        donor_labels: `(n)` of the clips that the factor was taken from.

    Raises:
        ShapeError: shapes that do not go together.

    >>> clips, twins = torch.tensor([[0.9, 0.1], [0.6, 0.4]]), torch.tensor([[0.8, 0.2], [0.3, 0.7]])
    >>> found = twin_effect(clips, twins, labels=torch.tensor([0, 0]), donor_labels=torch.tensor([1, 1]))
    >>> found.flips.value, round(found.change.value, 6)
    (0.5, -0.2)
    """
    sizes = check_shape("before", before, "n k")
    check_shape("after", after, "n k", **sizes)
    check_shape("labels", labels, "n", n=sizes["n"])
    check_shape("donor_labels", donor_labels, "n", n=sizes["n"])
    first, second = before.argmax(-1), after.argmax(-1)
    old, new = (p.double().gather(1, labels[:, None]).squeeze(1) for p in (before, after))
    return TwinEffect(
        flips=hit_rate(first != second),
        change=paired_interval(new.tolist(), old.tolist()),
        follows=hit_rate(second == donor_labels),
        follows_before=hit_rate(first == donor_labels),
        changes=new - old,
    )


def conflict(specs: Sequence[ClipSpec], logits: Tensor, factor: str) -> Conflict:
    """What a model says where a look speaks for one class and the motion for another.

    Args:
        specs: the clips.
        logits: `(n k)`, or anything else whose largest entry is the prediction.
        factor: "surface" or "background".

    Raises:
        ShapeError: another number of logits than clips.
        ValueError: the factor is another one, look and motion agree in every clip, or there are two kinds of actors.
    """
    if factor not in ("surface", "background"):
        raise ValueError(f"factor is {factor!r}; expected surface or background, whose looks are named by a class")
    classes = ACTORS[_actors(specs)]
    check_shape("logits", logits, "n k", n=len(specs), k=len(classes))
    labels = torch.tensor([classes.index(spec.label) for spec in specs])
    looks = torch.tensor([classes.index(factor_level(spec, factor)) for spec in specs])
    apart = labels != looks
    if not apart.any():
        raise ValueError(f"motion and {factor} agree in all {len(specs)} clips; take clips of a split with loose ties")
    predicted, labels, looks = logits.argmax(-1)[apart], labels[apart], looks[apart]
    label, look = hit_rate(predicted == labels), hit_rate(predicted == looks)
    return Conflict(label, look, (1 - label.value - look.value) / (len(classes) - 2))


def _actors(specs: Sequence[ClipSpec]) -> Actors:
    kinds = sorted({spec.actors for spec in specs})
    if len(kinds) > 1:
        raise ValueError(f"the clips are of {' and of '.join(kinds)}; their classes differ, so count each kind alone")
    return kinds[0] if kinds else "sprites"


def _count(specs: Sequence[ClipSpec], factor: str, *, levels: tuple[str, ...], classes: tuple[str, ...]) -> Tensor:
    places = [levels.index(factor_level(s, factor)) * len(classes) + classes.index(s.label) for s in specs]
    counts = torch.bincount(torch.tensor(places, dtype=torch.long), minlength=len(levels) * len(classes))
    return counts.reshape(len(levels), len(classes))


def _entropy(counts: Tensor) -> float:
    """In nats."""
    share = counts.double() / counts.sum().clamp_min(1)
    return float(-torch.special.xlogy(share, share).sum())
