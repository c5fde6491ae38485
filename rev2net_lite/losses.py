"""What is minimised: classification, flow, frames, and the disagreement between the two decoders.

L = L_cls + w_flow L_flow + w_frame L_frame + w_disc L_disc. The paper (Yao et al., ICME 2020) names the terms. Their
form and weights are this kit's own reading, chosen on a development seed (docs/development.md lists what was tried): a
larger frame weight and a smaller penalty together gave sharper frames, and features that agree nearly as well. The
paper calls the last term the Decoding Discrepancy Penalty (DDP); the code says `discrepancy`, since DDP means something
else in PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from rev2net_lite.models import ModelOutput
from rev2net_lite.shapes import ShapeError, check_shape

__all__ = [
    "NO_LABEL",
    "LossConfig",
    "LossWeights",
    "classification_loss",
    "decoding_discrepancy",
    "flow_loss",
    "frame_loss",
    "loss_terms",
]

NO_LABEL = -1
"""Stands for the label of a clip whose label is not to be used."""

PixelForm = Literal["mse", "l1", "charbonnier"]
DiscrepancyForm = Literal["l2", "l1"]
Normalisation = Literal["energy", "channel", "none"]
Detach = Literal["none", "flow", "frame"]
Average = Callable[[Tensor, Tensor | int], Tensor]


def _own(value: Tensor, _: Tensor | int) -> Tensor:
    """The mean over this process's clips, where it is the only one."""
    return value


@dataclass(frozen=True)
class LossConfig:
    """Weights and forms of the loss terms.

    Args:
        flow_weight: of the flow loss.
        frame_weight: of the frame loss.
        discrepancy_weight: of the decoding discrepancy; 0 gives plain multi-task training.
        flow_form: per-pixel loss on flow divided by the model's `flow_scale`.
        frame_form: per-pixel loss on frames.
        discrepancy_form: `"l2"` mean squared or `"l1"` mean absolute difference of features.
        discrepancy_normalise: `"energy"` divides by the mean energy of both decoders' features (with `l2` the relative
            squared difference), `"channel"` compares directions of feature vectors, `"none"` is the raw difference,
            which shrinking both features lowers.
        discrepancy_levels: stages compared, coarse to fine; None means all.
        discrepancy_detach: the decoder whose features serve as a teacher that is not moved: `"flow"`, `"frame"` or
            `"none"`.
        weighting: `"fixed"`, or `"learned"`: homoscedastic uncertainty (Kendall, Gal, Cipolla, CVPR 2018).
    """

    flow_weight: float = 2.0
    frame_weight: float = 4.0
    discrepancy_weight: float = 0.1
    flow_form: PixelForm = "mse"
    frame_form: PixelForm = "l1"
    discrepancy_form: DiscrepancyForm = "l2"
    discrepancy_normalise: Normalisation = "energy"
    discrepancy_levels: tuple[int, ...] | None = None
    discrepancy_detach: Detach = "flow"
    weighting: Literal["fixed", "learned"] = "fixed"

    def __post_init__(self) -> None:
        for name in ("flow_weight", "frame_weight", "discrepancy_weight"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise ValueError(f"{name} is {value}; expected a finite number, 0 or more")
        _check_choice("flow_form", self.flow_form, _PIXEL_FORMS)
        _check_choice("frame_form", self.frame_form, _PIXEL_FORMS)
        _check_choice("discrepancy_form", self.discrepancy_form, ("l2", "l1"))
        _check_choice("discrepancy_normalise", self.discrepancy_normalise, ("energy", "channel", "none"))
        _check_choice("discrepancy_detach", self.discrepancy_detach, ("none", "flow", "frame"))
        _check_choice("weighting", self.weighting, ("fixed", "learned"))


def classification_loss(logits: Tensor | Sequence[Tensor], labels: Tensor) -> Tensor:
    """Cross-entropy in nats, mean over clips; of several streams the sum, so that each learns as if it were alone.

    Args:
        logits: `(b k)`, or one per stream.
        labels: `(b)` long; clips with `NO_LABEL` are left out, and 0 is what remains where no other is there.
    """
    streams = [logits] if isinstance(logits, Tensor) else logits
    # The mean by hand: PyTorch's is not a number where every clip is left out.
    count = (labels != NO_LABEL).sum().clamp(min=1)
    sums = [functional.cross_entropy(stream, labels, ignore_index=NO_LABEL, reduction="sum") for stream in streams]
    return torch.stack(sums).sum() / count


def flow_loss(flow: Tensor, target: Tensor, *, scale: Tensor | float = 1.0, form: PixelForm = "mse") -> Tensor:
    """Mean per-pixel loss of a predicted flow, in units of `scale`.

    Args:
        flow: `(b 2 t-1 h w)` px/frame.
        target: the same shape.
        scale: px/frame that count as one; the model's `flow_scale`.
        form: `"mse"`, `"l1"` or `"charbonnier"` (the square root of the square plus a small constant).

    Raises:
        ShapeError: the two shapes differ.

    >>> flow_loss(torch.full((1, 2, 7, 4, 4), 3.0), torch.zeros(1, 2, 7, 4, 4), scale=2.0).item()
    2.25
    """
    check_shape("flow", flow, "b 2 t h w")
    return _pixel_loss("flow", flow / scale, target / scale, form)


def frame_loss(frames: Tensor, clip: Tensor, *, form: PixelForm = "l1") -> Tensor:
    """Mean per-pixel loss of reconstructed frames.

    Args:
        frames: `(b 3 t h w)`.
        clip: the same shape, float in [0, 1].
        form: as in `flow_loss`.

    Raises:
        ShapeError: the two shapes differ.
    """
    check_shape("frames", frames, "b 3 t h w")
    return _pixel_loss("frames", frames, clip, form)


def decoding_discrepancy(
    flow_features: Sequence[Tensor],
    frame_features: Sequence[Tensor],
    *,
    form: DiscrepancyForm = "l2",
    normalise: Normalisation = "energy",
    levels: Sequence[int] | None = None,
    detach: Detach = "none",
    average: Average = _own,
) -> Tensor:
    """Disagreement of the two decoders' features, summed over levels: a scalar >= 0, 0 for equal features.

    No scale-free form prevents a collapse of what the features carry: two decoders that both say little agree well.
    Read it beside flow error, frame error and accuracy.

    Args:
        flow_features: `(b d t h w)` per level, as `ModelOutput.flow_features`.
        frame_features: the same shapes.
        form: `"l2"` or `"l1"`.
        normalise: `"energy"`, `"channel"` or `"none"`; see `LossConfig`.
        levels: which levels; None means all.
        detach: whose features get no gradient.
        average: of a mean over these clips and their number, the mean over those of all processes.

    Raises:
        ShapeError: the features of a level differ in shape.
        ValueError: no level, a level that is not there, or an unknown form.

    >>> same = [torch.ones(1, 4, 2, 3, 3)]
    >>> decoding_discrepancy(same, same).item(), decoding_discrepancy(same, [-f for f in same]).item()
    (0.0, 4.0)
    """
    _check_choice("form", form, ("l2", "l1"))
    _check_choice("normalise", normalise, ("energy", "channel", "none"))
    _check_choice("detach", detach, ("none", "flow", "frame"))
    if len(flow_features) != len(frame_features) or not flow_features:
        raise ValueError(
            f"the flow decoder has features at {len(flow_features)} levels and the frame decoder at "
            f"{len(frame_features)}; the discrepancy compares two decoders level by level"
        )
    chosen = range(len(flow_features)) if levels is None else levels
    if not chosen or any(not 0 <= level < len(flow_features) for level in chosen):
        raise ValueError(f"levels are {list(chosen)}; expected one or more of 0 to {len(flow_features) - 1}")
    terms = []
    for level in chosen:
        x, y = flow_features[level], frame_features[level]
        if x.shape != y.shape:
            raise ShapeError(
                f"level {level}: flow features have shape {tuple(x.shape)} and frame features {tuple(y.shape)}; "
                "expected equal shapes"
            )
        x = x.detach() if detach == "flow" else x
        y = y.detach() if detach == "frame" else y
        if normalise == "channel":
            x, y = functional.normalize(x, dim=1), functional.normalize(y, dim=1)
        clips = len(x)
        difference = average(_energy(x - y, form), clips)
        if normalise == "energy":
            # The smallest number added keeps features that are all zero at discrepancy 0.
            difference = difference / (average((_energy(x, form) + _energy(y, form)) / 2, clips) + 1e-12)
        terms.append(difference)
    return torch.stack(terms).sum()


def loss_terms(
    output: ModelOutput,
    labels: Tensor,
    *,
    clip: Tensor | None = None,
    flow: Tensor | None = None,
    flow_scale: Tensor | float = 1.0,
    config: LossConfig,
    average: Average = _own,
) -> dict[str, Tensor]:
    """Unweighted terms that apply to a model's output: `classification`, `flow`, `frame`, `discrepancy`.

    Args:
        output: of a model.
        labels: `(b)` long.
        clip: `(b 3 t h w)` float in [0, 1]; needed with a frame decoder.
        flow: `(b 2 t-1 h w)` px/frame, the target; needed with a flow decoder.
        flow_scale: the model's.
        config: forms; the discrepancy is computed, and so recorded, even where its weight is 0.
        average: of a mean over these clips and their number, the mean over those of all processes;
            `distributed.Processes` has it.

    Raises:
        ValueError: the target of a decoder is missing.
    """
    labelled = (labels != NO_LABEL).sum()
    terms = {"classification": average(classification_loss(output.stream_logits, labels), labelled)}
    if output.flow is not None:
        if flow is None:
            raise ValueError("the model predicts flow, but the batch has none; load the clips with flow='tvl1'")
        terms["flow"] = average(flow_loss(output.flow, flow, scale=flow_scale, form=config.flow_form), len(labels))
    if output.frames is not None:
        if clip is None:
            raise ValueError("the model reconstructs frames, but the batch has no clip to compare them with")
        terms["frame"] = average(frame_loss(output.frames, clip, form=config.frame_form), len(labels))
    if output.flow_features and output.frame_features:
        terms["discrepancy"] = decoding_discrepancy(
            output.flow_features,
            output.frame_features,
            form=config.discrepancy_form,
            normalise=config.discrepancy_normalise,
            levels=config.discrepancy_levels,
            detach=config.discrepancy_detach,
            average=average,
        )
    return terms


class LossWeights(nn.Module):
    """Total of the terms: fixed weights, or weights that are learned with the model.

    Learned weighting multiplies each fixed weight by exp(-s) and adds s / 2, with one parameter s per task that starts
    at 0 (Kendall, Gal, Cipolla, CVPR 2018). It covers the three tasks. The discrepancy has no noise to estimate:
    learned, its weight would fall to nothing or grow without bound, so it keeps its fixed one.
    """

    def __init__(self, config: LossConfig) -> None:
        super().__init__()
        self.config = config
        self.log_variance = nn.ParameterDict()
        if config.weighting == "learned":
            self.log_variance.update(
                {task: nn.Parameter(torch.zeros(())) for task in ("classification", "flow", "frame")}
            )

    def forward(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Scalar to be minimised; terms with weight 0 are left out, so that nothing flows back from them."""
        total = torch.zeros((), device=terms["classification"].device)
        for name, term in terms.items():
            weight = self.weight(name)
            if weight == 0:
                continue
            if name in self.log_variance:
                s = self.log_variance[name]
                total = total + weight * torch.exp(-s) * term + s / 2
            else:
                total = total + weight * term
        return total

    def weight(self, name: str) -> float:
        """The fixed weight of a term."""
        return {
            "classification": 1.0,
            "flow": self.config.flow_weight,
            "frame": self.config.frame_weight,
            "discrepancy": self.config.discrepancy_weight,
        }[name]

    def effective(self) -> dict[str, float]:
        """Weights as they act now: the fixed ones, times exp(-s) where they are learned."""
        names = ("classification", "flow", "frame", "discrepancy")
        learned = {name: float(torch.exp(-s.detach())) for name, s in self.log_variance.items()}
        return {name: self.weight(name) * learned.get(name, 1.0) for name in names}


_PIXEL_FORMS = ("mse", "l1", "charbonnier")
# A thousandth of the unit: far below any error that matters, far above what float32 rounds away.
_CHARBONNIER_EPSILON = 1e-3


def _pixel_loss(name: str, value: Tensor, target: Tensor, form: PixelForm) -> Tensor:
    if value.shape != target.shape:
        raise ShapeError(f"{name} has shape {tuple(value.shape)} and its target {tuple(target.shape)}; expected equal")
    _check_choice("form", form, _PIXEL_FORMS)
    difference = value - target
    if form == "mse":
        return difference.square().mean()
    if form == "l1":
        return difference.abs().mean()
    return (difference.square() + _CHARBONNIER_EPSILON**2).sqrt().mean()


def _energy(features: Tensor, form: DiscrepancyForm) -> Tensor:
    return features.square().mean() if form == "l2" else features.abs().mean()


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; expected one of {', '.join(choices)}")
