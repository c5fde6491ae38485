"""What a trained model can do, in numbers with their sizes and intervals.

Nothing here trains. A number is never alone: accuracy has its n, flow error stands beside the error of predicting no
motion at all, agreement of the decoders beside what it costs.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from rev2net_lite.datasets import Batch, ClipDataset, batches
from rev2net_lite.flow import endpoint_error
from rev2net_lite.models import Model, ModelOutput
from rev2net_lite.shapes import ShapeError, check_shape

__all__ = [
    "Evaluation",
    "Interval",
    "accuracy",
    "confusion_counts",
    "cross_dataset",
    "evaluate",
    "freeze_frames",
    "gradient_magnitude",
    "linear_cka",
    "mean_interval",
    "model_output",
    "paired_interval",
    "psnr",
    "reestimate_batchnorm",
    "reverse_frames",
    "shuffle_frames",
]


@dataclass(frozen=True)
class Interval:
    """A value, its 95 % interval and the number of clips or seeds behind it; low and high are None when n is 1."""

    value: float
    low: float | None
    high: float | None
    n: int

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.value:.3f} (n = {self.n})"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}] (n = {self.n})"


@dataclass(frozen=True)
class Evaluation:
    """What a model makes of one dataset; None where it has no such output.

    Args:
        logits: `(n k)`.
        labels: `(n)`.
        accuracy: share of clips whose largest logit is the label's, with a Wilson interval over clips.
        confusion: `(k k)` counts, row = true class, column = predicted.
        flow_error_px: mean endpoint error (EPE) against the dataset's flow.
        zero_flow_error_px: EPE of predicting no motion, the bar for the line above.
        exact_error_px: EPE against exact flow, where the dataset has it and it was asked for; over all pixels and over
            the moving object.
        object_error_px: that over the moving object only.
        zero_object_error_px: EPE of no motion over the moving object.
        psnr_db: of the reconstructed frames, mean over clips.
        sharpness: mean gradient magnitude of the reconstruction over that of the clip; 1 is as sharp, 0 is flat.
        decoder_cka: linear CKA between the decoders' features, per level, over positions of clips; None for a level
            whose features are constant.
        decoder_cosine: cosine between the two feature vectors at a position, per level, mean over the same positions:
            unlike CKA it asks for equal directions, which is what the penalty asks for.
    """

    logits: Tensor
    labels: Tensor
    accuracy: Interval
    confusion: Tensor
    flow_error_px: float | None = None
    zero_flow_error_px: float | None = None
    exact_error_px: float | None = None
    object_error_px: float | None = None
    zero_object_error_px: float | None = None
    psnr_db: float | None = None
    sharpness: float | None = None
    decoder_cka: tuple[float | None, ...] = ()
    decoder_cosine: tuple[float, ...] = ()


def model_output(model: Model, batch: Batch) -> ModelOutput:
    """The model's output for a batch, given the inputs that this model takes.

    Raises:
        ValueError: the model takes flow and the batch has none.
    """
    if "flow" in model.inputs and batch.flow is None:
        raise ValueError(
            f"{model.config.name} takes flow, but the clips were loaded without; load them with flow='tvl1'"
        )
    given = {"clip": batch.clip, "flow": batch.flow}
    output: ModelOutput = model(*(given[name] for name in model.inputs))
    return output


@torch.no_grad()
def evaluate(
    model: Model,
    dataset: ClipDataset,
    *,
    device: torch.device | str = "cpu",
    batch_size: int = 64,
    exact: bool = False,
    transform: Callable[[Batch], Batch] | None = None,
) -> Evaluation:
    """What `model` makes of `dataset`; the model is left in the mode it was in.

    Args:
        model: on `device`.
        dataset: any split.
        device: where the model is.
        batch_size: clips per batch; it does not change the result beyond rounding.
        exact: also compare with exact flow, which only synthetic clips have; not with a `transform`.
        transform: changes each batch's clips before the model sees them (a probe such as `reverse_frames`).
    """
    was_training = model.training
    model.eval()
    totals: dict[str, list[Tensor]] = {}

    def add(name: str, values: Tensor) -> None:
        totals.setdefault(name, []).append(values.float().cpu())

    for batch in batches(dataset, batch_size=batch_size, device=device):
        if transform is not None:
            batch = transform(batch)
        output = model_output(model, batch)
        add("logits", output.logits)
        if output.flow is not None and batch.flow is not None:
            add("flow_error", _per_clip(endpoint_error(output.flow, batch.flow)))
            add("zero_flow_error", _per_clip(endpoint_error(torch.zeros_like(batch.flow), batch.flow)))
        # A probe's frames do not move as the clip's did.
        if output.flow is not None and exact and transform is None:
            pairs = [dataset.exact(int(i)) for i in batch.indices]
            target = torch.stack([flow for flow, _ in pairs]).to(output.flow.device)
            mask = torch.stack([mask for _, mask in pairs]).to(output.flow.device)[:, :-1]
            error = endpoint_error(output.flow, target)
            add("exact_error", _per_clip(error))
            add("object_error", error[mask])
            add("zero_object_error", endpoint_error(torch.zeros_like(target), target)[mask])
        if output.frames is not None:
            add("psnr", psnr(output.frames, batch.clip))
            add("gradient", _per_clip(gradient_magnitude(output.frames.clamp(0, 1))))
            add("target_gradient", _per_clip(gradient_magnitude(batch.clip)))
        for level, (x, y) in enumerate(zip(output.flow_features, output.frame_features, strict=False)):
            add(f"flow_features_{level}", _sample_positions(x))
            add(f"frame_features_{level}", _sample_positions(y))
    model.train(was_training)

    whole = {name: torch.cat(parts) for name, parts in totals.items()}

    def mean(name: str) -> float | None:
        return float(whole[name].mean()) if name in whole else None

    gradient, target_gradient = mean("gradient"), mean("target_gradient")
    # Features of both decoders, level by level; a single decoder has none to be compared with.
    features = [
        (whole[f"flow_features_{level}"], whole[f"frame_features_{level}"])
        for level in range(len(whole))
        if f"flow_features_{level}" in whole and f"frame_features_{level}" in whole
    ]
    return Evaluation(
        logits=whole["logits"],
        labels=dataset.labels,
        accuracy=accuracy(whole["logits"], dataset.labels),
        confusion=confusion_counts(whole["logits"], dataset.labels),
        flow_error_px=mean("flow_error"),
        zero_flow_error_px=mean("zero_flow_error"),
        exact_error_px=mean("exact_error"),
        object_error_px=mean("object_error"),
        zero_object_error_px=mean("zero_object_error"),
        psnr_db=mean("psnr"),
        sharpness=None if gradient is None or not target_gradient else gradient / target_gradient,
        decoder_cka=tuple(_cka_or_none(x, y) for x, y in features),
        decoder_cosine=tuple(float(functional.cosine_similarity(x, y).mean()) for x, y in features),
    )


def cross_dataset(
    model: Model, splits: Mapping[str, ClipDataset], *, device: torch.device | str = "cpu", exact: bool = False
) -> dict[str, Evaluation]:
    """An `Evaluation` per split: home and other sources side by side, the model unchanged between them.

    Raises:
        ValueError: a split's classes are not the model's, in the model's order.
    """
    for name, split in splits.items():
        if tuple(split.classes) != tuple(model.config.classes):
            raise ValueError(
                f"split {name!r} has the classes {list(split.classes)} and the model {list(model.config.classes)}; "
                "expected the same names in the same order"
            )
    return {name: evaluate(model, split, device=device, exact=exact) for name, split in splits.items()}


@torch.no_grad()
def reestimate_batchnorm(
    model: Model, dataset: ClipDataset, *, device: torch.device | str = "cpu", batch_size: int = 64
) -> Model:
    """A copy of the model whose BatchNorm statistics are those of `dataset`'s clips, whose labels are not looked at.

    It sees the test clips before it is tested (a transductive test), so its accuracy belongs in a column of its own.
    Idea: Li et al., "Revisiting Batch Normalization For Practical Domain Adaptation", 2016.
    """
    adapted = copy.deepcopy(model).eval()
    for module in adapted.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.reset_running_stats()
            module.momentum = None  # the plain mean over batches
            module.train()
    for batch in batches(dataset, batch_size=batch_size, device=device):
        model_output(adapted, batch)
    return adapted.eval()


def accuracy(logits: Tensor, labels: Tensor) -> Interval:
    """Share of right predictions, with the 95 % Wilson score interval over clips (Wilson 1927).

    Args:
        logits: `(n k)`.
        labels: `(n)`.

    >>> str(accuracy(torch.eye(4), torch.tensor([0, 1, 2, 0])))
    '0.750 [0.301, 0.954] (n = 4)'
    """
    n = check_shape("logits", logits, "n k")["n"]
    _check_no_nan(logits)
    check_shape("labels", labels, "n", n=n)
    share = float((logits.argmax(-1) == labels).double().mean())
    z = 1.959964
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # Rounding must not push the ends of a share of 0 or 1 past it.
    return Interval(share, max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half)), n)


def confusion_counts(logits: Tensor, labels: Tensor) -> Tensor:
    """`(k k)` counts: row = true class, column = predicted class, of logits `(n k)` and labels `(n)`.

    >>> confusion_counts(torch.eye(2), torch.tensor([0, 0])).tolist()
    [[1, 1], [0, 0]]
    """
    k = check_shape("logits", logits, "n k")["k"]
    check_shape("labels", labels, "n", n=len(logits))
    return torch.bincount(labels * k + logits.argmax(-1), minlength=k * k).reshape(k, k)


def psnr(frames: Tensor, clip: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB per clip `(b)`, of reconstructions clamped to [0, 1].

    Args:
        frames: `(b c t h w)`.
        clip: the same shape, float in [0, 1].

    Raises:
        ShapeError: the shapes differ.
    """
    if frames.shape != clip.shape:
        raise ShapeError(f"frames have shape {tuple(frames.shape)} and the clip {tuple(clip.shape)}; expected equal")
    error = _per_clip((frames.clamp(0, 1) - clip).square())
    return -10 * error.clamp_min(1e-10).log10()


def gradient_magnitude(frames: Tensor) -> Tensor:
    """Length of the spatial gradient by forward differences: `(b c t h-1 w-1)` of frames `(b c t h w)`."""
    along_x = frames[..., :-1, 1:] - frames[..., :-1, :-1]
    along_y = frames[..., 1:, :-1] - frames[..., :-1, :-1]
    return (along_x.square() + along_y.square()).sqrt()


def linear_cka(x: Tensor, y: Tensor) -> float:
    """Linear centred kernel alignment of two sets of features of the same n things: 0 to 1.

    It does not change when either is rotated, scaled as a whole or shifted (Kornblith et al., ICML 2019, eq. 5).

    Args:
        x: `(n d)`.
        y: `(n d)`, its d may differ.

    Raises:
        ShapeError: not two axes each, or different n.
        ValueError: one of them is constant, so that there is nothing to compare.

    >>> x = torch.tensor([[0.0, 1.0], [2.0, 0.0], [1.0, 5.0]])
    >>> round(linear_cka(x, 3 * x.flip(1) + 1), 6)
    1.0
    """
    n = check_shape("x", x, "n d")["n"]
    check_shape("y", y, "n d", n=n)
    x, y = x.double() - x.double().mean(0), y.double() - y.double().mean(0)
    scale = (x.T @ x).norm() * (y.T @ y).norm()
    if scale == 0:
        raise ValueError("linear CKA of features that are the same for every clip is undefined")
    return float((x.T @ y).square().sum() / scale)


def mean_interval(values: Sequence[float]) -> Interval:
    """Mean with the 95 % interval of Student's t over independent values, one per seed.

    >>> str(mean_interval([1.0, 2.0, 3.0]))
    '2.000 [-0.484, 4.484] (n = 3)'
    """
    if not len(values) or not all(math.isfinite(v) for v in values):
        raise ValueError(f"values are {list(values)}; expected one or more finite numbers, one per seed")
    n, mean = len(values), float(np.mean(values))
    if n == 1:
        return Interval(mean, None, None, 1)
    half = _student_t_quantile(0.975, n - 1) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return Interval(mean, mean - half, mean + half, n)


def paired_interval(first: Sequence[float], second: Sequence[float]) -> Interval:
    """Mean of `first - second`, paired seed by seed, with its 95 % interval: seeds spread more than systems differ.

    Raises:
        ValueError: different numbers of seeds.
    """
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} values cannot be paired; expected the same seeds in both")
    return mean_interval([a - b for a, b in zip(first, second, strict=True)])


def shuffle_frames(batch: Batch, *, seed: int = 0) -> Batch:
    """The batch with each clip's frames in a random order; what still works after that needs no motion."""
    generator = np.random.default_rng(seed)
    order = np.stack([generator.permutation(batch.clip.shape[2]) for _ in range(len(batch.clip))])
    index = torch.as_tensor(order, device=batch.clip.device)
    return _with_clip(batch, batch.clip.gather(2, rearrange(index, "b t -> b 1 t 1 1").expand_as(batch.clip)))


def reverse_frames(batch: Batch) -> Batch:
    """The batch played backwards: a class that is a direction of motion becomes its opposite."""
    return _with_clip(batch, batch.clip.flip(2))


def freeze_frames(batch: Batch) -> Batch:
    """The batch with each clip's middle frame standing still: all appearance, no motion."""
    middle = batch.clip.shape[2] // 2
    return _with_clip(batch, batch.clip[:, :, middle : middle + 1].expand_as(batch.clip))


def _with_clip(batch: Batch, clip: Tensor) -> Batch:
    """Flow belongs to the frames it was computed from, so a probe of the frames has none."""
    return Batch(clip, batch.labels, None, batch.indices)


def _per_clip(values: Tensor) -> Tensor:
    return values.flatten(1).mean(1)


def _sample_positions(features: Tensor) -> Tensor:
    """Features `(n d)` at 32 positions of each clip, the same of every clip: enough for CKA, and all over the frame."""
    flat = rearrange(features, "b d t h w -> b (t h w) d")
    chosen = np.random.default_rng(0).permutation(flat.shape[1])[:32]
    return rearrange(flat[:, torch.as_tensor(chosen, device=flat.device)], "b p d -> (b p) d")


def _cka_or_none(x: Tensor, y: Tensor) -> float | None:
    """None where features have collapsed to a constant: that is a finding, and no reason to lose the rest."""
    if any(bool((f == f[:1]).all()) for f in (x, y)):
        return None
    return linear_cka(x, y)


def _check_no_nan(logits: Tensor) -> None:
    if bool(logits.isnan().any()):
        raise ValueError(
            f"logits of {int(logits.isnan().any(-1).sum())} of {len(logits)} clips are not numbers; the model's "
            "weights or the clips are damaged"
        )


def _student_t_quantile(probability: float, degrees: int) -> float:
    """Quantile of Student's t above the median, by bisection on the integral of its density.

    SciPy has it, and is larger than everything else this kit installs beside torch.
    """
    norm = math.exp(math.lgamma((degrees + 1) / 2) - math.lgamma(degrees / 2)) / math.sqrt(degrees * math.pi)

    def above_median(t: float) -> float:
        # With x = sqrt(degrees) tan(a) the tail becomes a smooth integral over a finite interval, at any t.
        angles = np.linspace(0.0, math.atan(t / math.sqrt(degrees)), 2001)
        return norm * math.sqrt(degrees) * float(np.trapezoid(np.cos(angles) ** (degrees - 1), angles))

    low, high = 0.0, 1e3
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if above_median(middle) < probability - 0.5 else (low, middle)
    return (low + high) / 2
