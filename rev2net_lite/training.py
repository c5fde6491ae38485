"""One training loop for every system, on CPU or GPU.

Each epoch starts from a state that seed and epoch alone decide (order of clips, dropout), so a run that was stopped and
resumed at an epoch's end goes on bit-equal to one that never stopped, on CPU at the same number of threads.

Another number of threads, or a GPU, adds numbers up in another order, and so rounds otherwise. tests/test_numbers.py
bounds what that makes of a short training: the losses of its epochs differ by less than a hundredth.
"""

from __future__ import annotations

import functools
import math
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from rev2net_lite.augmentation import pan_clips, random_pans
from rev2net_lite.checkpoints import CheckpointError, load_state, save_state
from rev2net_lite.datasets import Batch, ClipDataset, batches
from rev2net_lite.distributed import ALONE, Processes
from rev2net_lite.evaluation import evaluate, model_output
from rev2net_lite.files import hold_folder
from rev2net_lite.losses import NO_LABEL, LossConfig, LossWeights, loss_terms
from rev2net_lite.models import FlowStream, Model, Rev2Net, TwoStream

__all__ = ["History", "TrainConfig", "TrainingError", "find_device", "fit"]


# Processes that read ahead for a killed run end some seconds after it, and hold its folder until then.
_PATIENCE_S = 10.0


class TrainingError(ValueError):
    """Training that cannot start or must not go on."""


@dataclass(frozen=True)
class TrainConfig:
    """How a model is trained.

    Args:
        epochs: passes over the data.
        batch_size: clips per step.
        learning_rate: peak of the one-cycle schedule (Smith, Topin 2018) of AdamW.
        weight_decay: of AdamW.
        seed: order of clips and dropout; the initialisation is the caller's, who builds the model.
        precision: `"fp32"`, or `"bf16"` autocast.
        workers: processes that read ahead; 0 where the clips are in memory.
        losses: terms and weights.
        pan: sd of a camera pan that each training clip is given anew at every step, over the clip in frame widths; see
            `augmentation`. 0 leaves the clips as they are.
        label_share: share of each class's clips whose label is used, at least one. The decoders learn from all clips;
            a model without decoders sees the labelled ones as many times more, so that the number of steps stays.
    """

    epochs: int = 12
    batch_size: int = 16
    learning_rate: float = 3e-3
    weight_decay: float = 1e-3
    seed: int = 0
    precision: Literal["fp32", "bf16"] = "fp32"
    workers: int = 0
    losses: LossConfig = field(default_factory=LossConfig)
    pan: float = 0.0
    label_share: float = 1.0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1 or self.workers < 0:
            raise TrainingError(
                f"epochs {self.epochs}, batch_size {self.batch_size}, workers {self.workers}; expected whole numbers, "
                "1 or more for the first two and 0 or more for the last"
            )
        if self.seed < 0:
            raise TrainingError(f"seed is {self.seed}; expected 0 or more")
        if not 0 < self.learning_rate < math.inf or not 0 <= self.weight_decay < math.inf:
            raise TrainingError(
                f"learning_rate {self.learning_rate}, weight_decay {self.weight_decay}; expected finite numbers, the "
                "first above 0"
            )
        if self.precision not in ("fp32", "bf16"):
            raise TrainingError(f"precision is {self.precision!r}; expected 'fp32' or 'bf16'")
        if not 0 <= self.pan <= 0.5 or not 0 < self.label_share <= 1:
            raise TrainingError(
                f"pan {self.pan}, label_share {self.label_share}; expected 0 to 0.5 frame widths, and a share above 0 "
                "and up to 1"
            )


@dataclass
class History:
    """One row per finished epoch, plain numbers.

    Each row has `epoch` (from 1), `seconds`, `learning_rate`, the mean of `total` and of each loss term over the
    epoch's steps, `weight_<term>` where weights are learned, and `validation_<name>` where there is a validation set.
    """

    rows: list[dict[str, float]] = field(default_factory=list)

    def curve(self, name: str) -> list[float]:
        """The values of one column, epoch by epoch.

        Raises:
            KeyError: there is no such column; the message lists those there are.
        """
        if not all(name in row for row in self.rows) or not self.rows:
            raise KeyError(f"no column {name!r} in the history; there are {', '.join(self.columns)}")
        return [row[name] for row in self.rows]

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self.rows[0]) if self.rows else []


def find_device() -> torch.device:
    """A CUDA device if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fit(
    model: Model,
    data: ClipDataset,
    *,
    config: TrainConfig,
    validation: ClipDataset | None = None,
    folder: Path | str | None = None,
    device: torch.device | str | None = None,
    progress: bool = True,
    processes: Processes = ALONE,
) -> History:
    """Train `model` in place on source data and return what happened, epoch by epoch.

    Args:
        model: moved to `device`; afterwards in evaluation mode.
        data: the training split.
        config: optimiser, schedule, losses.
        validation: a source split that is evaluated after each epoch, for curves; nothing is chosen by it here.
        folder: keeps a training state after each epoch; if it holds one of the same configuration, training goes on
            from there. One run at a time writes to it. None keeps nothing.
        device: None takes a GPU if there is one.
        progress: show a bar where there is a terminal or a reader at a notebook.
        processes: of which this one is, where several train the model together; each calls this with the same
            arguments, gets its part of each batch, and returns the same history. The first one's folder counts, and it
            alone validates.

    Raises:
        TrainingError: fewer clips in a batch than processes; held-out data; other classes than the model's; a folder
            with a state of another configuration or model; flow, a loss or a gradient that is not finite, with the
            term, epoch, step and clips named. The last good state is kept.
        WriteError: the folder cannot be written: the disk is full, say. The last good state is kept.
        ValueError: another run is writing to the folder.
    """
    for split in (data, validation):
        if split is not None and split.held_out:
            raise TrainingError(
                f"split {split.name!r} is held out for tests and must not be trained or validated on; "
                "use a source split"
            )
        if split is not None and tuple(split.classes) != tuple(model.config.classes):
            raise TrainingError(
                f"split {split.name!r} has the classes {list(split.classes)} and the model "
                f"{list(model.config.classes)}; expected the same names in the same order"
            )
    if min(config.batch_size, len(data)) < processes.world:
        raise TrainingError(
            f"{processes.world} processes share batches of {min(config.batch_size, len(data))} clip(s); expected a "
            "clip or more for each: start fewer, or take larger batches"
        )
    device = find_device() if device is None else torch.device(device)
    lock = None
    if folder is not None and processes.first:
        folder = Path(folder)
        lock = hold_folder(folder, lock=".fit.lock", wait_s=_PATIENCE_S)
    try:
        return _fit(
            model,
            data,
            config=config,
            validation=validation,
            folder=None if lock is None else Path(folder or "."),
            device=device,
            progress=progress and processes.first,
            processes=processes,
        )
    finally:
        if lock is not None:
            lock.release()


def _fit(
    model: Model,
    data: ClipDataset,
    *,
    config: TrainConfig,
    validation: ClipDataset | None,
    folder: Path | None,
    device: torch.device,
    progress: bool,
    processes: Processes,
) -> History:
    """`fit` after its checks, with the folder held."""
    steps = max(1, len(data) // config.batch_size)
    state = _State.start(model, config=config, steps=steps, device=device, processes=processes)
    if folder is not None:
        state.identity = _identity(model, data, config)
        if (folder / "training.json").exists():
            state.load(folder)
    found = processes.shared(state.packed() if processes.world > 1 and state.history.rows else None)
    if found is not None and not processes.first:
        state.unpack(*found)
    history = state.history
    if not history.rows:
        _set_flow_scale(model, data)

    bar = _Progress(total=steps * config.epochs, done=steps * len(history.rows), watched=progress)
    with processes.parallel(model) as state.parallel:
        for epoch in range(len(history.rows), config.epochs):
            started = time.perf_counter()
            with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
                # Each process drops other features of its own clips.
                torch.manual_seed((config.seed * 1_000_003 + epoch + processes.rank * 2**40) % 2**63)
                row = _train_epoch(state, data, config=config, epoch=epoch, device=device, bar=bar)
            _check_parameters(model, epoch=epoch)
            if validation is not None and processes.first:
                row |= _validate(model, validation, config=config, device=device, epoch=epoch)
            row = {"epoch": epoch + 1, "seconds": time.perf_counter() - started, **row}
            history.rows.append(processes.shared(row))
            if folder is not None:
                state.save(folder)
    bar.close()
    model.eval()
    return history


def _train_epoch(
    state: _State, data: ClipDataset, *, config: TrainConfig, epoch: int, device: torch.device, bar: _Progress
) -> dict[str, float]:
    """Mean of each term over one pass."""
    model, optimiser, processes = state.model.train(), state.optimiser, state.processes
    labelled = _labelled(data, config)
    pans = torch.Generator().manual_seed((config.seed * 1_000_003 + epoch) % 2**63)
    steps_with_labels = 0
    names: list[str] = []
    seen: list[Tensor] = []
    clips: list[Tensor] = []
    # Looking at a loss makes the CPU wait for a GPU, so there it is looked at only now and then.
    every = 1 if device.type == "cpu" else 25
    learning_rate = state.schedule.get_last_lr()[0]
    for batch in batches(
        data,
        batch_size=config.batch_size,
        device=device,
        shuffle=True,
        seed=config.seed,
        epoch=epoch,
        workers=config.workers,
        positions=None if _learns_without_labels(model) else np.resize(labelled, len(data)),
        part=processes.part,
    ):
        whole = range(min(config.batch_size, len(data)))
        batch, count = _as_trained_on(
            batch, labelled, config=config, generator=pans, whole=whole, part=processes.part(whole)
        )
        steps_with_labels += (processes.total(count) if config.label_share < 1 else count) > 0
        terms = _terms(state, batch, config=config)
        total = state.weights(terms)
        optimiser.zero_grad(set_to_none=True)
        total.backward()
        names = ["total", *terms]
        seen.append(torch.stack([total, *terms.values(), _largest_gradient(model)]).detach())
        clips.append(batch.indices)
        if len(seen) % every == 0:
            # The weights are still those of this step only where each is looked at, so that its terms can be told.
            blame = functools.partial(_broken_gradients, state, batch, config=config) if every == 1 else None
            done = slice(len(seen) - every, None)
            _check_finite(names, seen[done], clips[done], data, epoch=epoch, first_step=done.start, blame=blame)
        optimiser.step()
        state.schedule.step()
        bar.step()
    rest = len(seen) % every
    if rest:
        _check_finite(names, seen[-rest:], clips[-rest:], data, epoch=epoch, first_step=len(seen) - rest)
    means = torch.stack(seen).double().mean(0).tolist()
    row = {"learning_rate": learning_rate, **dict(zip(names, means[:-1], strict=True))}
    # Of the steps that had a label; with none of them, nothing was measured and 0 is what was minimised.
    row["classification"] *= len(seen) / max(1, steps_with_labels)
    if config.losses.weighting == "learned":
        row |= {f"weight_{name}": value for name, value in state.weights.effective().items() if name in names}
    return row


def _labelled(data: ClipDataset, config: TrainConfig) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Positions of the clips whose label is used, in order: the same share of every class, drawn by the seed."""
    if config.label_share == 1:
        return np.arange(len(data))
    labels = data.labels.numpy()
    generator = np.random.default_rng([config.seed, len(data)])
    chosen = []
    for k in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == k))
        # A smaller share is part of a larger one, so that a sweep over shares only ever adds labels.
        chosen.append(members[: max(1, round(config.label_share * len(members)))])
    return np.sort(np.concatenate(chosen))


def _learns_without_labels(model: Model) -> bool:
    return isinstance(model, Rev2Net) and not (model.flow_decoder is None and model.frame_decoder is None)


def _as_trained_on(
    batch: Batch,
    labelled: np.ndarray[Any, np.dtype[np.int64]],
    *,
    config: TrainConfig,
    generator: torch.Generator,
    whole: Sequence[int],
    part: Sequence[int],
) -> tuple[Batch, int]:
    """The batch, a part of a whole one, with its pans, and without the labels that are not used; and how many are."""
    if config.pan:
        frames, *size = batch.clip.shape[2:]
        pans = random_pans(len(whole), sd=config.pan, frames=frames, size=(size[0], size[1]), generator=generator)
        pans = pans[list(part)]
        clip, flow = pan_clips(batch.clip, batch.flow, pans=pans.to(batch.clip.device))
        batch = replace(batch, clip=clip, flow=flow)
    if config.label_share == 1:
        return batch, len(batch.labels)
    used = torch.as_tensor(np.isin(batch.indices.numpy(), labelled))
    return replace(batch, labels=batch.labels.where(used.to(batch.labels.device), NO_LABEL)), int(used.sum())


def _terms(state: _State, batch: Batch, *, config: TrainConfig) -> dict[str, Tensor]:
    """The loss terms of a batch, of which each process has its part."""
    model = state.parallel
    with torch.autocast(batch.clip.device.type, dtype=torch.bfloat16, enabled=config.precision == "bf16"):
        output = model_output(model, batch)
    # Losses in float32: a mean of squares over a batch of frames outruns bfloat16's eight bits.
    return loss_terms(
        _as_float32(output),
        batch.labels,
        clip=batch.clip,
        flow=batch.flow,
        flow_scale=model.flow_scale,
        config=config.losses,
        average=state.processes.average,
    )


def _largest_gradient(model: Model) -> Tensor:
    """Largest absolute value in the gradients; not finite as soon as one number of them is not."""
    gradients = [parameter.grad for parameter in model.parameters() if parameter.grad is not None]
    return torch.nn.utils.get_total_norm(gradients, norm_type=math.inf)


def _broken_gradients(state: _State, batch: Batch, *, config: TrainConfig) -> list[str]:
    """Names of the terms whose own gradient is not finite."""
    parameters = list(state.model.parameters())
    broken = []
    for name, term in _terms(state, batch, config=config).items():
        if state.weights.weight(name) and term.requires_grad:
            gradients = torch.autograd.grad(term, parameters, retain_graph=True, allow_unused=True)
            if not all(bool(gradient.isfinite().all()) for gradient in gradients if gradient is not None):
                broken.append(name)
    return broken


def _check_finite(
    names: list[str],
    seen: list[Tensor],
    clips: list[Tensor],
    data: ClipDataset,
    *,
    epoch: int,
    first_step: int,
    blame: Callable[[], list[str]] | None = None,
) -> None:
    """Refuses steps whose losses, or the largest gradient behind them, are not finite; `blame` names its terms."""
    finite = torch.stack(seen).cpu().isfinite()
    if bool(finite.all()):
        return
    step = int((~finite).any(1).nonzero()[0])
    # `total` comes first and is bad whenever a term is; the reader needs the term.
    bad = [name for name, fine in zip(names, finite[step], strict=False) if not fine]
    kind, terms = ("loss", bad[1:] or bad) if bad else ("gradient", (blame() if blame else []) or ["total"])
    # Numbers that were broken before the model saw them are worth more than a list of the batch.
    broken = [int(i) for i in clips[step] if data.flow is not None and not data.flow_of(int(i)).isfinite().all()]
    files = [data.examples[i].path.name for i in broken or clips[step].tolist()]
    shown = ", ".join(files[:8]) + (f" and {len(files) - 8} more" if len(files) > 8 else "")
    raise TrainingError(
        f"the {kind} is not finite: {', '.join(terms)} at epoch {epoch + 1}, step {first_step + step + 1}, "
        + (
            f"since the flow of {shown} holds values that are nan or infinite; leave that out, or compute it again"
            if broken
            else f"in the batch with {shown}; lower the learning rate, or look at those clips"
        )
    )


def _check_parameters(model: Model, *, epoch: int) -> None:
    """A gradient can be broken where the loss was not; then the last good state must not be written over."""
    broken = [name for name, value in model.state_dict().items() if not bool(value.isfinite().all())]
    if broken:
        raise TrainingError(
            f"{len(broken)} of the model's tensors are not finite after epoch {epoch + 1}, {broken[0]} first; "
            "a gradient overflowed: lower the learning rate"
        )


def _validate(
    model: Model, validation: ClipDataset, *, config: TrainConfig, device: torch.device, epoch: int
) -> dict[str, float]:
    result = evaluate(model, validation, device=device, batch_size=max(64, config.batch_size))
    row = {"validation_accuracy": result.accuracy.value}
    for name, value in (
        ("flow_error_px", result.flow_error_px),
        ("zero_flow_error_px", result.zero_flow_error_px),
        ("psnr_db", result.psnr_db),
    ):
        if value is not None:
            row[f"validation_{name}"] = value
    row |= {f"validation_cka_{level}": value for level, value in enumerate(result.decoder_cka) if value is not None}
    if broken := [name for name, value in row.items() if not math.isfinite(value)]:
        raise TrainingError(
            f"{', '.join(broken)} on split {validation.name!r} is not finite after epoch {epoch + 1}; look for clips "
            "whose flow holds values that are nan or infinite"
        )
    return row


def _set_flow_scale(model: Model, data: ClipDataset) -> None:
    """Root mean square of the training flow, from at most 256 clips spread over the set."""
    predicts = isinstance(model, Rev2Net) and model.flow_decoder is not None
    if not (predicts or isinstance(model, FlowStream | TwoStream)):
        return
    if data.flow is None:
        raise TrainingError(
            f"{model.config.name} learns from flow, but split {data.name!r} was loaded without; "
            "load it with flow='tvl1'"
        )
    step = max(1, len(data) // 256)
    squares = torch.stack([data.flow_of(i).double().square().mean() for i in range(0, len(data), step)])
    if not bool(squares.isfinite().all()):
        first = data.examples[step * int((~squares.isfinite()).nonzero()[0])].path
        raise TrainingError(
            f"the flow of {first} holds values that are nan or infinite; leave the clip out, or compute its flow again"
        )
    scale = squares.mean().sqrt()
    # Clips without any motion leave the scale at one pixel per frame.
    model.flow_scale.copy_(scale if scale > 0 else torch.ones(()))


def _as_float32(output: Any) -> Any:
    return type(output)(
        tuple(x.float() for x in output.stream_logits),
        None if output.flow is None else output.flow.float(),
        None if output.frames is None else output.frames.float(),
        tuple(x.float() for x in output.flow_features),
        tuple(x.float() for x in output.frame_features),
    )


class _Progress:
    """A bar at a terminal, one line that is renewed in a notebook, nothing elsewhere.

    A bar in a notebook would leave a line per update in every executed copy; the renewed line leaves its last state.
    """

    def __init__(self, *, total: int, done: int, watched: bool) -> None:
        self.total, self.done, self.before = total, done, done
        self.started, self.shown = time.perf_counter(), 0.0
        in_notebook = _in_notebook()
        at_terminal = sys.stderr.isatty() and not in_notebook
        self.bar = tqdm(
            total=total, initial=done, desc="training", unit="step", leave=False, disable=not (watched and at_terminal)
        )
        self.line: Any = None
        if watched and in_notebook:
            from IPython.display import display

            self.line = display({"text/plain": "training"}, raw=True, display_id=True)

    def step(self) -> None:
        self.done += 1
        self.bar.update()
        if self.line is not None and time.perf_counter() - self.shown > 1:
            self.shown = time.perf_counter()
            left = (self.shown - self.started) / (self.done - self.before) * (self.total - self.done)
            self._show(f"training: step {self.done} of {self.total}, about {left:.0f} s left")

    def close(self) -> None:
        self.bar.close()
        self._show(f"training: {self.done} of {self.total} steps in {time.perf_counter() - self.started:.0f} s")

    def _show(self, text: str) -> None:
        if self.line is not None:
            self.line.update({"text/plain": text}, raw=True)


def _in_notebook() -> bool:
    """Whether this is the kernel of a notebook; IPython is asked only where something has imported it already."""
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and "IPKernelApp" in shell.config


@dataclass
class _State:
    """All that a run needs to go on: what changes while training, and what must agree for it to be the same run."""

    model: Model
    weights: LossWeights
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.OneCycleLR
    history: History
    # The model as it is trained, and as the others train it.
    parallel: Model
    processes: Processes
    identity: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def start(
        cls, model: Model, *, config: TrainConfig, steps: int, device: torch.device, processes: Processes
    ) -> _State:
        model.to(device)
        weights = LossWeights(config.losses).to(device)
        # Learned weights are pulled by their own gradient only; decay would pull them towards the fixed ones.
        optimiser = torch.optim.AdamW(
            [
                {"params": list(model.parameters()), "weight_decay": config.weight_decay},
                {"params": list(weights.parameters()), "weight_decay": 0.0},
            ],
            lr=config.learning_rate,
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, max_lr=config.learning_rate, total_steps=steps * config.epochs
        )
        return cls(model, weights, optimiser, schedule, History(), model, processes)

    def save(self, folder: Path) -> None:
        tensors, data = self.packed()
        save_state(folder, "training", tensors, {**self.identity, **data})

    def packed(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All that changes while training, as tensors and as what JSON can hold."""
        tensors = {f"model/{name}": value.cpu() for name, value in self.model.state_dict().items()}
        tensors |= {f"weights/{name}": value.cpu() for name, value in self.weights.state_dict().items()}
        optimiser = self.optimiser.state_dict()
        for index, values in optimiser["state"].items():
            tensors |= {f"optimiser/{index}/{name}": torch.as_tensor(value).cpu() for name, value in values.items()}
        return tensors, {
            "history": self.history.rows,
            "schedule": _plain(self.schedule.state_dict()),
            "groups": [_plain(group) for group in optimiser["param_groups"]],
        }

    def load(self, folder: Path) -> None:
        tensors, data = load_state(folder, "training")
        for what, wanted in self.identity.items():
            # JSON knows lists only, so both sides are compared as lists.
            if _listed(data.get(what)) != _listed(wanted):
                raise TrainingError(
                    f"{folder} holds a training state of another {what}: {_difference(data.get(what), wanted)}; "
                    "choose another folder, or delete it to start anew"
                )
        try:
            self.unpack(tensors, data)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise CheckpointError(f"the training state in {folder} is not whole: {error}") from error

    def unpack(self, tensors: Mapping[str, Tensor], data: Mapping[str, Any]) -> None:
        """Nothing; what `packed` returned is the state."""

        def part(name: str) -> dict[str, Tensor]:
            return {key.removeprefix(f"{name}/"): t for key, t in tensors.items() if key.startswith(f"{name}/")}

        self.model.load_state_dict(part("model"))
        self.weights.load_state_dict(part("weights"))
        parameters = [p for group in self.optimiser.param_groups for p in group["params"]]
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in part("optimiser").items():
            index, name = key.split("/")
            like = parameters[int(index)]
            # In the parameter's own memory format, as an optimiser that was never stopped has it.
            state.setdefault(int(index), {})[name] = torch.empty_like(like).copy_(value) if value.ndim else value
        groups = self.optimiser.state_dict()["param_groups"]
        groups = [group | _with_tuples(saved) for group, saved in zip(groups, data["groups"], strict=True)]
        self.optimiser.load_state_dict({"state": state, "param_groups": groups})
        self.schedule.load_state_dict(self.schedule.state_dict() | data["schedule"])
        self.history.rows[:] = data["history"]


def _identity(model: Model, data: ClipDataset, config: TrainConfig) -> dict[str, Any]:
    """What must agree for a run to go on from a saved state."""
    return {
        "model": asdict(model.config),
        "config": asdict(config),
        "data": {
            "name": data.name,
            "clips": len(data),
            "files": data.fingerprint(),
            "flow": data.flow,
            "tvl1": asdict(data.tvl1),
            "sampling": asdict(data.sampling),
        },
    }


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """What JSON can hold; the rest are functions and parameters, which the resumed run has of its own."""
    return {
        key: v
        for key, v in values.items()
        if isinstance(v, int | float | list | tuple | bool | type(None)) and key != "params"
    }


def _with_tuples(group: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if key == "betas" else value for key, value in group.items()}


def _listed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _listed(item) for key, item in value.items()}
    return [_listed(item) for item in value] if isinstance(value, list | tuple) else value


def _difference(found: Any, wanted: Any) -> str:
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        for key in wanted:
            if _listed(found.get(key)) != _listed(wanted[key]):
                return f"{key} was {found.get(key)!r} and is {wanted[key]!r}"
    return f"it was {found!r} and is {wanted!r}"
