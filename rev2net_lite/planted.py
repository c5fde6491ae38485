"""The planted-bug lab of assignment A4: short real trainings of Rev2Net, each with at most one bug switched in.

A run has four classes, 16x16 clips drawn in memory with their exact flow, and an own loop, since `training.fit` rightly
has no switch for a bug. What is measured after each epoch are its *curves* (`CURVES` says what each is). The answers to
question A4.6 are probed with recorded runs of other seeds, which

    python -c "from rev2net_lite.planted import record_runs; record_runs()"

makes in about six minutes on one core and keeps as `assets/planted/runs.json`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from einops import rearrange
from torch import Tensor, nn

from rev2net_lite.bundled import asset
from rev2net_lite.evaluation import linear_cka
from rev2net_lite.files import write_text_atomically
from rev2net_lite.flow import endpoint_error
from rev2net_lite.gradients import gradient_norms, loss_gradients
from rev2net_lite.losses import LossConfig, LossWeights, loss_terms
from rev2net_lite.models import Rev2Net, build_model
from rev2net_lite.synthetic import CLASSES, SyntheticConfig, render, sample_specs, street, studio
from rev2net_lite.untrusted import read_json

__all__ = [
    "BUGS",
    "CASES",
    "CURVES",
    "HEALTHY",
    "PlantedRun",
    "RecordedRun",
    "case_answer",
    "record_runs",
    "recorded_runs",
    "run_case",
    "train_planted",
]

HEALTHY = "healthy"

BUGS: dict[str, str] = {
    "labels shuffled": "the labels of the training clips were dealt out anew, each clip another's",
    "flow channels swapped": "u and v of the target flow changed places while training",
    "flow sign flipped": "the target flow pointed backwards while training",
    "frame decoder detached": "the frame decoder read the encoder's features behind a .detach()",
    "learning rate too high": "the peak of the learning rate was 300 times too high",
    "penalty too heavy": "the discrepancy weighed 1,000 times too much, and neither decoder was its teacher",
    "training mode at test": "the model was tested without model.eval()",
    "test clips in training": "the clips of the street test, with their labels, lay among the training clips",
}
"""What `train_planted` can switch in, and what each bug is."""

CURVES: dict[str, str] = {
    "loss_classification": "cross-entropy in nats, mean over the epoch's training batches",
    "loss_flow": "squared error of the flow, in units of the training flow's mean square; 1 is what zero flow costs",
    "loss_frame": "absolute error of the frames, of 1",
    "loss_discrepancy": "decoding discrepancy, relative squared difference of the decoders' features",
    "gradient_classification": "length of the classification loss's gradient at the encoder, first batch of the epoch",
    "gradient_flow": "the same of the flow loss",
    "gradient_frame": "the same of the frame loss",
    "accuracy_training": "share of the training clips named as their training label says",
    "accuracy_validation": "share of other studio clips named right",
    "accuracy_street": "share of the street test's clips named right",
    "accuracy_street_new": "the same of as many new street clips, drawn after the test set was fixed",
    "same_alone": "share of validation clips that get the same class alone as in one batch with the others",
    "flow_error_px": "endpoint error of the predicted flow on validation clips, px/frame",
    "zero_flow_error_px": "endpoint error of predicting no motion on them, px/frame",
    "flow_uu": "correlation over all pixels of the predicted u (right) with the true u, on validation clips",
    "flow_uv": "of the predicted u with the true v (down)",
    "flow_vu": "of the predicted v with the true u",
    "flow_vv": "of the predicted v with the true v",
    "cka": "linear CKA of the two decoders' fine features on validation clips; 0 where one of them is constant",
}
"""Name and meaning of each curve; the losses and gradients are taken while training, the others after each epoch."""

# The letter of a practice case does not give its bug away; A is told to the reader.
_CASE_BUGS = {
    "A": HEALTHY,
    "B": "flow sign flipped",
    "C": "penalty too heavy",
    "D": "test clips in training",
    "E": "labels shuffled",
    "F": "training mode at test",
    "G": "frame decoder detached",
    "H": "learning rate too high",
    "I": "flow channels swapped",
}
CASES = tuple(_CASE_BUGS)
"""Letters of the practice cases: the first is healthy, and each bug occurs once in the others."""

_CLASSES = CLASSES[:4]
_BATCH = 8
_TEST_PER_CLASS = 10
_FIRST_CASE_SEED = 500  # recorded runs have smaller ones


@dataclass(frozen=True)
class PlantedRun:
    """What a practice run shows.

    Attributes:
        curves: by the names of `CURVES`, one value per epoch.
        clip: `(3 t h w)` float in [0, 1], the validation clip that moves most.
        flow: `(2 t-1 h w)` px/frame, its true flow.
        predicted: the same shape, what the model says after the last epoch.
    """

    curves: dict[str, list[float]]
    clip: Tensor
    flow: Tensor
    predicted: Tensor


@dataclass(frozen=True)
class RecordedRun:
    """The curves of a run that was made before, and what was planted in it."""

    bug: str
    seed: int
    curves: dict[str, list[float]]


@dataclass(frozen=True)
class _Clips:
    """`clips` (b 3 t h w) float in [0, 1], `flow` (b 2 t-1 h w) px/frame, `labels` (b)."""

    clips: Tensor
    flow: Tensor
    labels: Tensor

    def joined(self, other: _Clips) -> _Clips:
        pairs = ((self.clips, other.clips), (self.flow, other.flow), (self.labels, other.labels))
        return _Clips(*(torch.cat(pair) for pair in pairs))


def run_case(letter: str, *, epochs: int = 10, clips_per_class: int = 16) -> PlantedRun:
    """The run of a practice case, trained now; about four seconds on one core.

    Args:
        letter: one of `CASES`.
        epochs: passes over the training clips.
        clips_per_class: training clips of each of the four classes.

    Raises:
        ValueError: there is no such case.
    """
    bug = case_answer(letter)
    return train_planted(
        bug, seed=_FIRST_CASE_SEED + CASES.index(letter), epochs=epochs, clips_per_class=clips_per_class
    )


def case_answer(letter: str) -> str:
    """The bug of a practice case, or `"healthy"`.

    Raises:
        ValueError: there is no such case.

    >>> case_answer("A")
    'healthy'
    """
    if letter not in _CASE_BUGS:
        raise ValueError(f"there is no practice case {letter!r}; choose one of {', '.join(CASES)}")
    return _CASE_BUGS[letter]


def train_planted(bug: str, *, seed: int, epochs: int = 12, clips_per_class: int = 16) -> PlantedRun:
    """A model trained with the bug, and what an observer who does not know of it measures.

    Args:
        bug: one of `BUGS`, or `HEALTHY`.
        seed: of clips, initialisation and order.
        epochs: passes over the training clips.
        clips_per_class: training clips of each of the four classes; 2 or more, so that there is a batch.

    Raises:
        ValueError: an unknown bug, no epoch or fewer than two clips of each class.
    """
    if bug != HEALTHY and bug not in BUGS:
        raise ValueError(f"there is no bug {bug!r}; choose one of {', '.join((HEALTHY, *BUGS))}")
    if epochs < 1 or clips_per_class < 2:
        raise ValueError(
            f"epochs is {epochs} and clips_per_class {clips_per_class}; expected at least 1 epoch and 2 clips"
        )
    generator = torch.Generator().manual_seed(seed)
    # Four seeds per run: no clip is in two sets unless the bug puts it there.
    training = _draw(studio(), clips_per_class, 4 * seed)
    validation = _draw(studio(), _TEST_PER_CLASS, 4 * seed + 1)
    tests = [_draw(street(), _TEST_PER_CLASS, 4 * seed + 2 + new) for new in (0, 1)]
    if bug == "test clips in training":
        training = training.joined(tests[0])
    if bug == "labels shuffled":
        training = replace(training, labels=training.labels[torch.randperm(len(training.labels), generator=generator)])
    if bug == "flow channels swapped":
        training = replace(training, flow=training.flow.flip(1))
    if bug == "flow sign flipped":
        training = replace(training, flow=-training.flow)

    model = build_model("rev2net", classes=_CLASSES, seed=seed)
    assert isinstance(model, Rev2Net) and model.frame_decoder is not None
    model.flow_scale.copy_(training.flow.square().mean().sqrt())
    if bug == "frame decoder detached":
        model.frame_decoder.register_forward_pre_hook(_detach_input)
    heavy = replace(LossConfig(), discrepancy_weight=100.0, discrepancy_detach="none")
    losses = heavy if bug == "penalty too heavy" else LossConfig()
    steps = len(training.labels) // _BATCH
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=1.0 if bug == "learning rate too high" else 3e-3, total_steps=steps * epochs + 1
    )

    rows = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for _ in range(epochs):
            order = torch.randperm(len(training.labels), generator=generator)[: steps * _BATCH].split(_BATCH)
            row = _train_epoch(model.train(), training, order, losses, optimiser, schedule)
            model.train(bug == "training mode at test")
            rows.append(row | _measure(model, training, validation, tests))
        with torch.no_grad():
            predicted = model(validation.clips).flow
    curves = {name: [row[name] for row in rows] for name in CURVES}
    most = int(validation.flow.square().flatten(1).sum(1).argmax())
    return PlantedRun(curves, validation.clips[most], validation.flow[most], predicted[most])


def record_runs(
    path: Path | None = None,
    *,
    seeds: Sequence[int] = tuple(range(8)),
    epochs: Sequence[int] = (12, 10, 14),
    clips_per_class: int = 16,
) -> Path:
    """The file with the curves of a healthy run and of one run per bug for each seed.

    Args:
        path: of the file; None is the kit's own.
        seeds: of the runs.
        epochs: passes over the training clips; seeds take turns, so that nobody can count on one number.
        clips_per_class: training clips of each class.
    """
    runs = []
    for at, seed in enumerate(seeds):
        for bug in (HEALTHY, *BUGS):
            run = train_planted(bug, seed=seed, epochs=epochs[at % len(epochs)], clips_per_class=clips_per_class)
            # Four digits: more would be noise, and the file travels with the kit.
            curves = {name: [float(f"{value:.4g}") for value in values] for name, values in run.curves.items()}
            runs.append(asdict(RecordedRun(bug, seed, curves)))
    path = path or asset("") / "planted" / "runs.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"made_by": "rev2net_lite.planted.record_runs", "torch": torch.__version__, "runs": runs}
    write_text_atomically(path, json.dumps(content, separators=(",", ":"), allow_nan=False) + "\n")
    return path


def recorded_runs(path: Path | None = None) -> list[RecordedRun]:
    """The runs of a file that `record_runs` wrote; None is the kit's own.

    Raises:
        ValueError: the file cannot be read or holds no runs.
    """
    path = path or asset("planted/runs.json")
    try:
        entries = read_json(path)["runs"]
        return [RecordedRun(entry["bug"], entry["seed"], entry["curves"]) for entry in entries]
    except OSError as error:
        raise ValueError(f"recorded runs {path} cannot be read: {error.strerror}; make them again") from error
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"file {path} holds no runs as record_runs writes them: {error}; make it again") from error


def _draw(config: SyntheticConfig, clips_per_class: int, seed: int) -> _Clips:
    """Clips of the first four classes, as they are drawn: no video file between, and the renderer's own flow."""
    specs = sample_specs(replace(config, size=16, frames=8), clips_per_class=clips_per_class, seed=seed)
    specs = [spec for spec in specs if spec.label in _CLASSES]
    drawn = [render(spec) for spec in specs]
    return _Clips(
        torch.stack([one.frames for one in drawn]).float() / 255,
        torch.stack([one.flow for one in drawn]),
        torch.tensor([_CLASSES.index(spec.label) for spec in specs]),
    )


def _detach_input(_: nn.Module, arguments: tuple[tuple[Tensor, ...]]) -> tuple[tuple[Tensor, ...]]:
    return (tuple(level.detach() for level in arguments[0]),)


def _train_epoch(
    model: Rev2Net,
    data: _Clips,
    order: Sequence[Tensor],
    losses: LossConfig,
    optimiser: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
) -> dict[str, float]:
    weights = LossWeights(losses)
    seen: list[Mapping[str, Tensor]] = []
    norms: dict[str, float] = {}
    for chosen in order:
        clip, flow = data.clips[chosen], data.flow[chosen]
        terms = loss_terms(
            model(clip), data.labels[chosen], clip=clip, flow=flow, flow_scale=model.flow_scale, config=losses
        )
        norms = norms or gradient_norms(loss_gradients(terms, model.encoder.parameters()))
        optimiser.zero_grad(set_to_none=True)
        weights(terms).backward()
        optimiser.step()
        schedule.step()
        seen.append({name: term.detach() for name, term in terms.items()})
    means = {f"loss_{name}": float(torch.stack([terms[name] for terms in seen]).mean()) for name in seen[0]}
    return means | {f"gradient_{name}": norm for name, norm in norms.items()}


@torch.no_grad()
def _measure(model: Rev2Net, training: _Clips, validation: _Clips, tests: Sequence[_Clips]) -> dict[str, float]:
    output = model(validation.clips)
    named = output.logits.argmax(-1)
    some = range(0, len(named), 2)
    alone = torch.cat([model.classify(validation.clips[i : i + 1]).argmax(-1) for i in some])
    row = {
        "accuracy_validation": _share(named == validation.labels),
        "same_alone": _share(alone == named[::2]),
        "flow_error_px": float(endpoint_error(output.flow, validation.flow).mean()),
        "zero_flow_error_px": float(endpoint_error(torch.zeros_like(validation.flow), validation.flow).mean()),
        "cka": _agreement(output.flow_features[-1], output.frame_features[-1]),
    }
    for name, data in (("training", training), ("street", tests[0]), ("street_new", tests[1])):
        row[f"accuracy_{name}"] = _share(model.classify(data.clips).argmax(-1) == data.labels)
    channels = [rearrange(flow, "b c t h w -> c (b t h w)") for flow in (output.flow, validation.flow)]
    # Rows u and v as predicted, columns as they are; a channel that is constant goes with nothing.
    table = torch.corrcoef(torch.cat(channels))[:2, 2:].nan_to_num(0.0)
    return row | {
        f"flow_{name}": float(value) for name, value in zip(("uu", "uv", "vu", "vv"), table.flatten(), strict=True)
    }


def _share(right: Tensor) -> float:
    return float(right.float().mean())


def _agreement(flow_features: Tensor, frame_features: Tensor) -> float:
    x, y = (rearrange(features, "b d t h w -> (b t h w) d")[::5] for features in (flow_features, frame_features))
    if any(bool((features == features[:1]).all()) for features in (x, y)):
        return 0.0
    return linear_cka(x, y)
