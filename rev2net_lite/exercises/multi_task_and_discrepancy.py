"""Questions of assignment A3: losses and their weights, the decoding discrepancy, its collapse, and linear CKA."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from einops import rearrange, reduce, repeat
from torch import Generator, Tensor

from rev2net_lite.exercises.questions import Mistake, Probe, Question

__all__ = ["QUESTIONS"]


def _normal(generator: Generator, *shape: int) -> Tensor:
    return torch.randn(shape, generator=generator)


# A3.1 --------------------------------------------------------------------------------------------------------------


def _charbonnier(value: Tensor, target: Tensor, epsilon: float) -> Tensor:
    return ((value - target).square() + epsilon**2).sqrt().mean()


def _charbonnier_probes(generator: Generator) -> list[Probe]:
    value, target = _normal(generator, 2, 3, 4, 5), _normal(generator, 2, 3, 4, 5)
    wide, wide_target = _normal(generator, 3, 2, 7, 6), _normal(generator, 3, 2, 7, 6)
    alike = _normal(generator, 3, 2, 6, 5)
    return [
        Probe("the sizes of the example", {"value": value, "target": target, "epsilon": 0.1}),
        Probe("tensors of another shape", {"value": wide, "target": wide_target, "epsilon": 0.5}, ("value",)),
        Probe("values that equal their target", {"value": alike, "target": alike, "epsilon": 0.25}),
        Probe("float64", {"value": value.double(), "target": target.double(), "epsilon": 0.1}),
        Probe("another device", {"value": value, "target": target, "epsilon": 0.1}, meta=True),
    ]


_CHARBONNIER = Question(
    key="A3.1",
    title="A robust loss",
    name="charbonnier",
    answer=_charbonnier,
    probes=_charbonnier_probes,
    hints=(
        "Work number by number first, and average at the very end.",
        "What stands under the root has the unit of a square: both the difference and epsilon enter it squared.",
        "Take the difference, square it, add the square of epsilon, take the root of that tensor, then its mean.",
    ),
    difficulty="easy",
    minutes=10,
    points=2,
    mistakes=(
        Mistake(
            "epsilon not squared",
            "Under the root epsilon itself is added to a square. It is a length like the difference, so its unit does "
            "not fit there as it is.",
            lambda value, target, epsilon: ((value - target).square() + epsilon).sqrt().mean(),
        ),
        Mistake(
            "epsilon outside the root",
            "Epsilon is added to the absolute difference. That shifts the loss and leaves its corner at zero as sharp "
            "as before.",
            lambda value, target, epsilon: ((value - target).abs() + epsilon).mean(),
        ),
        Mistake(
            "epsilon missing",
            "This is the mean absolute difference: epsilon has no effect.",
            lambda value, target, _: (value - target).abs().mean(),
        ),
        Mistake(
            "epsilon hard-coded",
            "Epsilon is a thousandth whatever is passed. Use the argument.",
            lambda value, target, _: _charbonnier(value, target, 1e-3),
        ),
        Mistake(
            "epsilon subtracted again",
            "Epsilon is taken off at the end, so that equal tensors have loss 0. The task's formula does not do that.",
            lambda value, target, epsilon: _charbonnier(value, target, epsilon) - epsilon,
        ),
        Mistake(
            "missing square root",
            "The mean is of squares: the root is missing, and large errors count as much as in the squared loss.",
            lambda value, target, epsilon: ((value - target).square() + epsilon**2).mean(),
        ),
        Mistake(
            "root of the mean",
            "The root is taken once, of the mean. Large errors then rule it as they rule the squared loss: the order "
            "of root and mean matters.",
            lambda value, target, epsilon: ((value - target).square().mean() + epsilon**2).sqrt(),
        ),
    ),
)


# A3.2 --------------------------------------------------------------------------------------------------------------


def _flow_loss(flow: Tensor, target: Tensor, valid: Tensor, scale: float) -> Tensor:
    error, kept = _error(flow, target, valid)
    return (error / scale).square().sum() / kept.sum().clamp_min(1)


def _error(flow: Tensor, target: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
    """Difference with zeros where nothing is known, and for each of its numbers whether it counts."""
    kept = repeat(valid, "b t h w -> b 2 t h w")
    return torch.where(kept, flow - target, torch.zeros_like(flow)), kept


def _flow_loss_probes(generator: Generator) -> list[Probe]:
    def sample(*shape: int) -> dict[str, object]:
        b, t, h, w = shape
        valid = torch.rand(shape, generator=generator) < 0.6
        valid[0] &= torch.rand(shape[1:], generator=generator) < 0.3  # clips differ in how much of them is known
        valid[:, 0, 0, 0] = True
        flow, target = 3 * _normal(generator, b, 2, t, h, w), 3 * _normal(generator, b, 2, t, h, w)
        return {"flow": flow, "target": target, "valid": valid, "scale": 1.7}

    example, wide, holes, empty = sample(3, 4, 5, 6), sample(4, 3, 5, 8), sample(3, 1, 7, 4), sample(1, 3, 5, 4)
    wide["scale"], holes["scale"], empty["scale"] = 0.6, 2.5, 0.5
    valid, target = holes["valid"], holes["target"]
    assert isinstance(valid, Tensor) and isinstance(target, Tensor)
    holes["target"] = target.masked_fill(~rearrange(valid, "b t h w -> b 1 t h w"), float("nan"))
    empty["valid"] = torch.zeros(1, 3, 5, 4, dtype=torch.bool)
    # A pixel at which the prediction is exactly right is valid all the same.
    assert isinstance(wide["flow"], Tensor) and isinstance(wide["target"], Tensor)
    wide["flow"][:, :, 0] = wide["target"][:, :, 0]
    return [
        Probe("the sizes of the example", example),
        Probe("a flow that is exactly right at some pixels", wide),
        Probe("a target that is nan where it is not valid", holes, ("flow",)),
        Probe("a batch without a valid pixel", empty),
        Probe("another device", example, meta=True),
    ]


def _per_clip_first(flow: Tensor, target: Tensor, valid: Tensor, scale: float) -> Tensor:
    error, kept = _error(flow, target, valid)
    per_clip = (error / scale).square().flatten(1).sum(1) / kept.flatten(1).sum(1).clamp_min(1)
    return per_clip.mean()


def _all_pixels_multiplied(flow: Tensor, target: Tensor, valid: Tensor, scale: float) -> Tensor:
    return (((flow - target) / scale).square() * rearrange(valid, "b t h w -> b 1 t h w")).mean()


def _root_of_square(flow: Tensor, target: Tensor, valid: Tensor, scale: float) -> Tensor:
    error, kept = _error(flow, target, valid)
    # The mean endpoint error over valid pixels; a length of zero has no slope, so nothing is asked of the invalid ones.
    length = torch.where(kept[:, 0], (error / scale).square().sum(1), torch.ones(())).sqrt()
    return (length * valid).sum() / valid.sum().clamp_min(1)


def _masked_after(flow: Tensor, target: Tensor, valid: Tensor, scale: float) -> Tensor:
    _, kept = _error(flow, target, valid)
    squares = ((flow - target) / scale).square()
    return torch.where(kept, squares, torch.zeros_like(squares)).sum() / kept.sum().clamp_min(1)


def _scaled(power: float, *, target_too: bool = True) -> Callable[..., Tensor]:
    """The loss with squares divided by that power of the scale, or with the prediction scaled and the target not."""

    def loss(flow: Tensor, target: Tensor, valid: Tensor, scale: float) -> Tensor:
        if not target_too:
            return _flow_loss(flow / scale, target, valid, 1.0)
        return _flow_loss(flow, target, valid, 1.0) / scale**power

    return loss


def _masked_by(spread: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    """The loss with the mask spread over the channels in another way."""

    def loss(flow: Tensor, target: Tensor, valid: Tensor, scale: float) -> Tensor:
        kept = spread(valid).reshape(flow.shape)
        error = torch.where(kept, flow - target, torch.zeros_like(flow))
        return (error / scale).square().sum() / kept.sum().clamp_min(1)

    return loss


_FLOW_LOSS = Question(
    key="A3.2",
    title="A flow loss that looks only where the flow is known",
    name="masked_flow_loss",
    answer=_flow_loss,
    probes=_flow_loss_probes,
    hints=(
        "Two things decide about a mean: what is added up, and by how many it is divided. Count the numbers, not the "
        "pixels: a flow has two at each.",
        "nan times zero is nan, and the derivative of a square of nan is nan even if the square is thrown away later. "
        "So the unknown has to go before anything is computed from it.",
        "Spread the mask over the two channels. Put zero where it is False in the place of the difference itself "
        "(torch.where), then divide by scale, square, add up, and divide by the number of True values, at least 1.",
    ),
    difficulty="medium",
    minutes=20,
    points=4,
    mistakes=(
        Mistake(
            "mean over all pixels",
            "The squares are added up over valid pixels but divided by the number of all: the less of a flow is "
            "known, the smaller its loss.",
            lambda flow, target, valid, scale: (_error(flow, target, valid)[0] / scale).square().mean(),
        ),
        Mistake(
            "mean over all pixels, nan let through",
            "The mean is over all pixels, with zeros at the invalid ones; it should be over the valid ones. And a "
            "target that is nan passes a multiplication by the mask: nan times zero is nan.",
            _all_pixels_multiplied,
        ),
        Mistake(
            "mask ignored",
            "Invalid pixels count as much as valid ones: the mask has no effect.",
            lambda flow, target, _, scale: ((flow - target) / scale).square().mean(),
        ),
        Mistake(
            "nan taken for the mask",
            "What is known is read off the target, by its nan. A target may have numbers where it means nothing: the "
            "mask says where it is known.",
            lambda flow, target, _, scale: _flow_loss(flow, target, ~target[:, 0].isnan(), scale),
        ),
        *(
            Mistake(
                "axes mixed by a reshape",
                "The mask has the shape of the flow, but its numbers lie in another order: a reshape does not move "
                "axes, so that frames or clips get the mask of others.",
                _masked_by(spread),
            )
            for spread in (
                lambda valid: valid.repeat_interleave(2, dim=1),
                lambda valid: valid.repeat(2, 1, 1, 1),
                lambda valid: valid[..., None].expand(*valid.shape, 2),
            )
        ),
        Mistake(
            "mask inverted",
            "The mean is over the pixels at which nothing is known. True in the mask means valid.",
            lambda flow, target, valid, scale: _flow_loss(flow, target, ~valid, scale),
        ),
        Mistake(
            "sum for mean",
            "The squares are added up and not divided by their number.",
            lambda flow, target, valid, scale: (_error(flow, target, valid)[0] / scale).square().sum(),
        ),
        Mistake(
            "channels added up",
            "Both channels are added up and divided by the number of pixels. The mean is over numbers, and there are "
            "two at each pixel.",
            lambda flow, target, valid, scale: 2 * _flow_loss(flow, target, valid, scale),
        ),
        Mistake(
            "statistics over the wrong axis: each clip first",
            "Each clip is averaged by itself and the clips afterwards, so a valid pixel of a clip with few of them "
            "weighs more than others. Take one mean over all valid pixels of the batch.",
            _per_clip_first,
        ),
        Mistake(
            "nan in the gradient",
            "The value is right, but where the target is nan so is the gradient: the squares are computed first and "
            "masked afterwards, and their derivative is nan times zero. Mask before you square.",
            _masked_after,
        ),
        Mistake(
            "endpoint error for squared error",
            "The mean is of lengths: this is the endpoint error in units of scale. The task asks for squares.",
            _root_of_square,
        ),
        Mistake(
            "scale ignored",
            "The loss is in px squared: the scale has no effect.",
            _scaled(0),
        ),
        Mistake(
            "scale not squared",
            "The squares are divided by the scale. Flow is divided by it before it is squared.",
            _scaled(1),
        ),
        Mistake(
            "multiplied by the scale",
            "Flow is multiplied by the scale. A scale of 2 px/frame means that 2 px/frame count as one.",
            _scaled(-2),
        ),
        Mistake(
            "target not scaled",
            "Only the prediction is divided by the scale; the target is still in px/frame, so a perfect prediction "
            "would have a loss.",
            _scaled(0, target_too=False),
        ),
    ),
)


# A3.3 --------------------------------------------------------------------------------------------------------------

_Terms = Mapping[str, Tensor]


def _weighted_total(terms: _Terms, weights: Mapping[str, float], log_variances: _Terms) -> Tensor:
    return _total(terms, weights, log_variances, lambda weight, term, s: weight * (-s).exp() * term + s / 2)


def _total(
    terms: _Terms,
    weights: Mapping[str, float],
    log_variances: _Terms,
    learned: Callable[[float, Tensor, Tensor], Tensor],
    fixed: Callable[[float, Tensor], Tensor] = lambda weight, term: weight * term,
) -> Tensor:
    """Sum of the terms that are switched on, each by the rule for its kind."""
    parts = [
        learned(weights[name], term, log_variances[name]) if name in log_variances else fixed(weights[name], term)
        for name, term in terms.items()
        if weights[name] != 0
    ]
    return torch.stack(parts).sum()


def _weighted_total_probes(generator: Generator) -> list[Probe]:
    def scalars(*names: str, low: float, high: float) -> dict[str, Tensor]:
        return {name: low + (high - low) * torch.rand((), generator=generator) for name in names}

    tasks = ("classification", "flow", "frame")
    fixed = {"classification": 1.0, "flow": 2.0, "frame": 4.0, "discrepancy": 0.1}
    terms = scalars(*tasks, "discrepancy", low=0.3, high=2.0)
    logs = scalars(*tasks, low=-1.5, high=1.5)
    other = scalars("depth", "pose", low=1.0, high=3.0)
    broken = terms | {"flow": torch.tensor(float("nan"))}
    return [
        Probe("the four terms of the example", {"terms": terms, "weights": fixed, "log_variances": logs}),
        Probe(
            "terms of other names, one with a learned weight",
            {
                "terms": other,
                "weights": {"depth": 0.7, "pose": 3.0},
                "log_variances": scalars("pose", low=0.4, high=1.5),
            },
            ("terms", "log_variances"),
        ),
        Probe("no learned weights", {"terms": terms, "weights": fixed, "log_variances": {}}, ("terms",)),
        Probe(
            "terms of weight 0, of which one is nan",
            {"terms": broken, "weights": fixed | {"flow": 0.0, "frame": 0.0}, "log_variances": logs},
        ),
        Probe(
            "a log-variance that is 0",
            {
                "terms": other,
                "weights": {"depth": 1.5, "pose": 0.5},
                "log_variances": scalars("pose", low=-1.5, high=-0.4) | {"depth": torch.zeros(())},
            },
            ("terms", "log_variances"),
        ),
        Probe("another device", {"terms": terms, "weights": fixed, "log_variances": logs}, meta=True),
    ]


def _of_all(terms: _Terms, weights: Mapping[str, float], log_variances: _Terms) -> Tensor:
    """The total with no term switched off."""
    parts = [
        weights[name] * (-log_variances[name]).exp() * term + log_variances[name] / 2
        if name in log_variances
        else weights[name] * term
        for name, term in terms.items()
    ]
    return torch.stack(parts).sum()


def _all_regularised(terms: _Terms, weights: Mapping[str, float], log_variances: _Terms) -> Tensor:
    off = [s / 2 for name, s in log_variances.items() if weights[name] == 0]
    return torch.stack([_weighted_total(terms, weights, log_variances), *off]).sum()


_WEIGHTED_TOTAL = Question(
    key="A3.3",
    title="Weights that are learned",
    name="weighted_total",
    answer=_weighted_total,
    probes=_weighted_total_probes,
    hints=(
        "Walk over the names of the terms. Each is of one of three kinds: switched off, learned, fixed.",
        "The parameter s is the logarithm of a variance. The term is divided by the variance, and s / 2 stands beside "
        "it, outside the weight, as the price of calling a task noisy.",
        "Skip a weight of 0. With a log-variance s, add weight * exp(-s) * term and s / 2; without one, add weight * "
        "term. Let new sums be new tensors: += on the first term would change the caller's.",
    ),
    difficulty="medium",
    minutes=20,
    points=4,
    mistakes=(
        Mistake(
            "terms of weight 0 not left out",
            "A term of weight 0 still takes part. Zero times nan is nan, and its log-variance would be added as well: "
            "leave such a term out altogether.",
            _of_all,
        ),
        Mistake(
            "log-variances of weight 0 not left out",
            "A term of weight 0 is left out, but s / 2 of its log-variance is still added.",
            _all_regularised,
        ),
        Mistake(
            "nan left out, not weight 0",
            "Terms are left out when their value is nan. The weight says whether a term is on: with weight 0 it is "
            "off whatever its value, and with another weight a nan should show.",
            lambda terms, weights, logs: _of_all(
                {name: term for name, term in terms.items() if not term.isnan()}, weights, logs
            ),
        ),
        Mistake(
            "log-variance of 0 taken for none",
            "The value is right, but a log-variance that is 0 gets no gradient. A tensor of value 0 counts as False, "
            "and learned log-variances mostly start at 0: ask whether the name is there.",
            lambda terms, weights, logs: _weighted_total(
                terms, weights, {name: s for name, s in logs.items() if s.is_meta or s != 0}
            ),
        ),
        Mistake(
            "regulariser missing",
            "Nothing is added for s itself. Then a larger s always lowers the total, and learning switches every task "
            "off.",
            lambda terms, weights, logs: _total(terms, weights, logs, lambda w, x, s: w * (-s).exp() * x),
        ),
        Mistake(
            "regulariser not halved",
            "All of s is added instead of half of it, so every weight would settle at another place.",
            lambda terms, weights, logs: _total(terms, weights, logs, lambda w, x, s: w * (-s).exp() * x + s),
        ),
        Mistake(
            "regulariser weighted",
            "The fixed weight multiplies s / 2 as well. It belongs to the term alone.",
            lambda terms, weights, logs: _total(terms, weights, logs, lambda w, x, s: w * ((-s).exp() * x + s / 2)),
        ),
        Mistake(
            "term halved too",
            "The term is multiplied by exp(-s) / 2, the form for a squared error with Gaussian noise. The task's "
            "formula has no half there.",
            lambda terms, weights, logs: _total(terms, weights, logs, lambda w, x, s: w * (-s).exp() * x / 2 + s / 2),
        ),
        Mistake(
            "sign of the log-variance",
            "The term is multiplied by the variance. A task that is noisy should weigh less: divide by it.",
            lambda terms, weights, logs: _total(terms, weights, logs, lambda w, x, s: w * s.exp() * x + s / 2),
        ),
        Mistake(
            "log of the deviation",
            "It divides by exp(2 s), as if s were the logarithm of the standard deviation. It is that of the variance.",
            lambda terms, weights, logs: _total(terms, weights, logs, lambda w, x, s: w * (-2 * s).exp() * x + s / 2),
        ),
        Mistake(
            "variance for log-variance",
            "It divides by s, as if s were the variance itself. It is its logarithm, which may be negative.",
            lambda terms, weights, logs: _total(terms, weights, logs, lambda w, x, s: w * x / s + s / 2),
        ),
        Mistake(
            "fixed weight lost",
            "A term with a learned weight loses its fixed one. Both multiply it.",
            lambda terms, weights, logs: _total(terms, weights, logs, lambda _, x, s: (-s).exp() * x + s / 2),
        ),
        Mistake(
            "log-variances ignored",
            "All weights are the fixed ones: the log-variances have no effect.",
            lambda terms, weights, _: _weighted_total(terms, weights, {}),
        ),
        Mistake(
            "weights ignored",
            "Terms without a learned weight are added as they are: the fixed weights have no effect on them.",
            lambda terms, weights, logs: _total(
                terms, weights, logs, lambda w, x, s: w * (-s).exp() * x + s / 2, lambda _, x: x
            ),
        ),
        Mistake(
            "mean for sum",
            "The terms are averaged. The total is their sum.",
            lambda terms, weights, logs: _weighted_total(terms, weights, logs) / len(terms),
        ),
        Mistake(
            "hard-coded names",
            "The names of the terms are written into it, so it fails at others. Take them from the dictionary.",
            lambda terms, weights, logs: _weighted_total(
                {name: terms[name] for name in ("classification", "flow", "frame", "discrepancy")}, weights, logs
            ),
        ),
        Mistake(
            "mean of the terms that are on",
            "The terms that are on are averaged. The total is their sum.",
            lambda terms, weights, logs: (
                _weighted_total(terms, weights, logs) / sum(weights[name] != 0 for name in terms)
            ),
        ),
    ),
)


# A3.4 --------------------------------------------------------------------------------------------------------------


def _standardise(features: Tensor, epsilon: float) -> Tensor:
    return _standardised(features, epsilon, "b d t h w -> 1 d 1 1 1")


def _standardised(features: Tensor, epsilon: float, axes: str) -> Tensor:
    """With mean and variance over the axes that the pattern reduces."""
    centred = features - reduce(features, axes, "mean")
    return centred / (reduce(centred.square(), axes, "mean") + epsilon).sqrt()


def _standardise_probes(generator: Generator) -> list[Probe]:
    def features(*shape: int) -> Tensor:
        d = shape[1]
        spread = 0.5 + 2 * torch.rand(1, d, 1, 1, 1, generator=generator)
        # Clips differ in their level, so that statistics of one clip are not those of the batch.
        level = _normal(generator, shape[0], d, 1, 1, 1) + 2 * _normal(generator, 1, d, 1, 1, 1)
        return spread * _normal(generator, *shape) + level

    example, flat = features(3, 4, 2, 5, 6), features(4, 3, 2, 5, 8)
    flat[:, 1] = 0.5
    return [
        Probe("the sizes of the example", {"features": example, "epsilon": 0.01}),
        Probe("other sizes", {"features": features(2, 5, 3, 6, 4), "epsilon": 0.2}, ("features",)),
        Probe("a channel that is constant", {"features": flat, "epsilon": 0.05}),
        Probe("a batch of one", {"features": features(1, 6, 3, 2, 4), "epsilon": 0.1}, ("features",)),
        Probe("float64", {"features": example.double(), "epsilon": 0.01}),
        Probe("another device", {"features": example, "epsilon": 0.01}, meta=True),
    ]


def _detached_statistics(features: Tensor, epsilon: float) -> Tensor:
    fixed = features.detach()
    mean = reduce(fixed, "b d t h w -> 1 d 1 1 1", "mean")
    variance = reduce((fixed - mean).square(), "b d t h w -> 1 d 1 1 1", "mean")
    return (features - mean) / (variance + epsilon).sqrt()


def _variance(features: Tensor, correction: int = 0) -> Tensor:
    return features.var((0, 2, 3, 4), correction=correction, keepdim=True)


def _centre(features: Tensor) -> Tensor:
    return features - features.mean((0, 2, 3, 4), keepdim=True)


def _over(axes: str) -> Callable[[Tensor, float], Tensor]:
    return lambda features, epsilon: _standardised(features, epsilon, axes)


def _grouped(first: int, second: int) -> Callable[[Tensor, float], Tensor]:
    """An answer that makes rows (1, 0) or columns (0, 1) of the channels by a reshape."""

    def wrong(features: Tensor, epsilon: float) -> Tensor:
        d = features.shape[1]
        mixed = features.reshape(first or -1, d, 1, 1, second or -1)
        return _standardise(mixed, epsilon).reshape(features.shape)

    return wrong


_WRONG_AXIS = "statistics over the wrong axis: "

_STANDARDISE = Question(
    key="A3.4",
    title="Features of one scale",
    name="standardise",
    answer=_standardise,
    probes=_standardise_probes,
    returns="b d t h w",
    hints=(
        "How many means are there? One for each channel, so four of the five axes are averaged away.",
        "Keep the averaged axes with size 1, and subtraction and division broadcast by themselves. Look up what "
        "Tensor.var divides by unless it is told.",
        "Mean and variance over the axes b, t, h, w with keepdim=True, the variance with correction=0. Subtract the "
        "mean into a new tensor and divide by the root of variance plus epsilon.",
    ),
    difficulty="easy",
    minutes=15,
    points=3,
    mistakes=(
        Mistake(
            _WRONG_AXIS + "each clip",
            "Each clip has statistics of its own. A clip that is bright in a channel would look like any other: what "
            "tells clips apart is taken out. They are over the batch as well.",
            _over("b d t h w -> b d 1 1 1"),
        ),
        Mistake(
            _WRONG_AXIS + "the channels",
            "Mean and variance are over the channels of each position. They are over all the other axes.",
            _over("b d t h w -> b 1 t h w"),
        ),
        Mistake(
            _WRONG_AXIS + "channels, frames and pixels",
            "Mean and variance are those of each clip over all its channels. Each channel has its own.",
            _over("b d t h w -> b 1 1 1 1"),
        ),
        Mistake(
            _WRONG_AXIS + "everything",
            "There is one mean and one variance for all numbers, so a loud channel stays loud. Each channel has its "
            "own.",
            _over("b d t h w -> 1 1 1 1 1"),
        ),
        Mistake(
            _WRONG_AXIS + "the batch only",
            "Each position has statistics of its own, over the clips. They are over frames and pixels as well.",
            _over("b d t h w -> 1 d t h w"),
        ),
        Mistake(
            _WRONG_AXIS + "each frame",
            "Each frame number has statistics of its own. They are over frames as well.",
            _over("b d t h w -> 1 d t 1 1"),
        ),
        *(
            Mistake(
                "axes mixed by a reshape",
                "It groups the numbers by a reshape, which does not move the channel axis: the groups are no channels.",
                _grouped(*shape),
            )
            for shape in ((1, 0), (0, 1))
        ),
        Mistake(
            "variance within clips",
            "Its variance is the mean of the clips' own variances, so that what clips differ by in their mean does not "
            "count. There is one variance for each channel, about the mean of the batch.",
            lambda features, epsilon: (
                _centre(features)
                / (features.var((2, 3, 4), correction=0, keepdim=True).mean(0, keepdim=True) + epsilon).sqrt()
            ),
        ),
        Mistake(
            "divided by n - 1",
            "The variance is the unbiased one, which divides by n - 1. The task divides by n.",
            lambda features, epsilon: _centre(features) / (_variance(features, 1) + epsilon).sqrt(),
        ),
        Mistake(
            "missing square root",
            "It divides by the variance, which has the unit of a square. The standard deviation is its root.",
            lambda features, epsilon: _centre(features) / (_variance(features) + epsilon),
        ),
        Mistake(
            "epsilon outside the root",
            "Epsilon is added to the standard deviation. It belongs to the variance, under the root.",
            lambda features, epsilon: _centre(features) / (_variance(features).sqrt() + epsilon),
        ),
        Mistake(
            "epsilon missing",
            "Epsilon has no effect, and a channel that is constant becomes nan: zero divided by zero.",
            lambda features, _: _centre(features) / _variance(features).sqrt(),
        ),
        Mistake(
            "not centred",
            "The spread is divided out, but the mean is still there.",
            lambda features, epsilon: features / (_variance(features) + epsilon).sqrt(),
        ),
        Mistake(
            "not scaled",
            "The mean is gone, but the spread of each channel is still its own.",
            lambda features, _: _centre(features),
        ),
        Mistake(
            "energy for variance",
            "It divides by the root of the mean square before the mean is subtracted. The variance is the mean square "
            "of what is left afterwards.",
            lambda features, epsilon: (
                _centre(features) / (reduce(features.square(), "b d t h w -> 1 d 1 1 1", "mean") + epsilon).sqrt()
            ),
        ),
        Mistake(
            "statistics detached",
            "The value is right and the gradient is not: mean and variance depend on the features too, and here they "
            "are cut off.",
            _detached_statistics,
        ),
        Mistake(
            "variance detached",
            "The value is right and the gradient is not: the mean takes part in it, but the variance is cut off.",
            lambda features, epsilon: _centre(features) / (_variance(features).detach() + epsilon).sqrt(),
        ),
    ),
)


# A3.5 --------------------------------------------------------------------------------------------------------------

_Levels = Sequence[Tensor]


def _discrepancy(flow_features: _Levels, frame_features: _Levels) -> Tensor:
    return _by_level([x.detach() for x in flow_features], frame_features, _relative).mean()


def _by_level(xs: _Levels, ys: _Levels, distance: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    return torch.stack([distance(x, y) for x, y in zip(xs, ys, strict=True)])


def _energy(features: Tensor) -> Tensor:
    return features.square().mean()


def _relative(x: Tensor, y: Tensor) -> Tensor:
    return _energy(x - y) / ((_energy(x) + _energy(y)) / 2 + 1e-12)


def _levels_of(generator: Generator, *shapes: tuple[int, ...]) -> dict[str, object]:
    flow, frame = [], []
    for at, shape in enumerate(shapes):
        loud = 1.5 ** (at + 1) * (1 + torch.arange(shape[0])).reshape(-1, 1, 1, 1, 1)
        common = torch.rand(shape, generator=generator)
        flow.append(loud * (common + 0.5 * torch.rand(shape, generator=generator)))
        frame.append(0.6 * loud * (common + torch.rand(shape, generator=generator)))
    return {"flow_features": flow, "frame_features": frame}


def _discrepancy_probes(generator: Generator) -> list[Probe]:
    both = ("flow_features", "frame_features")
    example = _levels_of(generator, (2, 6, 3, 4, 5), (2, 4, 3, 8, 10))
    three = _levels_of(generator, (3, 5, 4, 1, 2), (3, 7, 4, 2, 6), (3, 2, 4, 5, 7))
    silent = _levels_of(generator, (2, 6, 3, 4, 5), (2, 4, 3, 5, 6))
    for features in silent.values():
        assert isinstance(features, list)
        features[0] = torch.zeros_like(features[0])
    return [
        Probe("the two levels of the example", example),
        Probe("three levels", three, both),
        Probe("one level, one clip", _levels_of(generator, (1, 6, 2, 4, 5)), both),
        Probe("a level at which both decoders are silent", silent),
        Probe("another device", example, meta=True),
    ]


def _teacher(*, flow: bool = False, frame: bool = False, energy: bool = False) -> Callable[[_Levels, _Levels], Tensor]:
    """The discrepancy with the gradient stopped elsewhere."""

    def wrong(flow_features: _Levels, frame_features: _Levels) -> Tensor:
        xs = [x.detach() if flow else x for x in flow_features]
        ys = [y.detach() if frame else y for y in frame_features]
        if energy:
            return _by_level(
                xs,
                ys,
                lambda x, y: _energy(x - y) / ((_energy(x) + _energy(y)) / 2 + 1e-12).detach(),
            ).mean()
        return _by_level(xs, ys, _relative).mean()

    return wrong


def _distances(
    distance: Callable[[Tensor, Tensor], Tensor], gather: Callable[[Tensor], Tensor] = torch.mean
) -> Callable[[_Levels, _Levels], Tensor]:
    """The discrepancy with another distance of a level, or with the levels gathered in another way."""
    return lambda xs, ys: gather(_by_level([x.detach() for x in xs], ys, distance))


def _relative_over(*axes: int) -> Callable[[Tensor, Tensor], Tensor]:
    """Mean of ratios, one for each index of the axes that are not reduced."""

    def distance(x: Tensor, y: Tensor) -> Tensor:
        apart, energies = (x - y).square().mean(axes), (x.square().mean(axes) + y.square().mean(axes)) / 2
        return (apart / (energies + 1e-12)).mean()

    return distance


def _pooled(flow_features: _Levels, frame_features: _Levels) -> Tensor:
    x = torch.cat([x.detach().flatten() for x in flow_features])
    return _relative(x, torch.cat([y.flatten() for y in frame_features]))


def _ratio_of_sums(flow_features: _Levels, frame_features: _Levels) -> Tensor:
    xs = [x.detach() for x in flow_features]
    apart = _by_level(xs, frame_features, lambda x, y: _energy(x - y)).sum()
    return apart / (_by_level(xs, frame_features, lambda x, y: (_energy(x) + _energy(y)) / 2).sum() + 1e-12)


def _heard(flow_features: _Levels, frame_features: _Levels) -> Tensor:
    """The discrepancy with levels left out at which both are silent."""
    heard = [
        at for at, (x, y) in enumerate(zip(flow_features, frame_features, strict=True)) if _energy(x) + _energy(y) > 0
    ]
    return _discrepancy([flow_features[at] for at in heard], [frame_features[at] for at in heard])


_DISCREPANCY = Question(
    key="A3.5",
    title="The decoding discrepancy",
    name="discrepancy",
    answer=_discrepancy,
    probes=_discrepancy_probes,
    hints=(
        "Write it for one level first. Which of the two sides must not be moved, and how does torch cut a gradient?",
        "A ratio per level, of three means over all numbers of a tensor. The teacher stands in numerator and "
        "denominator, and its gradient is cut in both; the pupil's is cut in neither.",
        "For each pair: detach the flow decoder's features; mean square of the difference, divided by the mean of the "
        "two mean squares plus 1e-12. Stack the ratios and take their mean.",
    ),
    difficulty="medium",
    minutes=20,
    points=4,
    mistakes=(
        Mistake(
            "missing detach",
            "The value is right, but both decoders are moved. The flow decoder is the teacher: no gradient may reach "
            "its features.",
            _teacher(),
        ),
        Mistake(
            "detached in the numerator only",
            "The value is right, but the teacher is still moved: its energy in the denominator carries a gradient.",
            lambda xs, ys: _by_level(
                xs, ys, lambda x, y: _energy(x.detach() - y) / ((_energy(x) + _energy(y)) / 2 + 1e-12)
            ).mean(),
        ),
        Mistake(
            "wrong side detached",
            "The value is right, but the frame decoder is the teacher here: its features get no gradient, and those "
            "of the flow decoder do. It should be the other way round.",
            _teacher(frame=True),
        ),
        Mistake(
            "both sides detached",
            "The value is right, but no gradient is left at all: both sides are cut, so the penalty teaches nobody.",
            _teacher(flow=True, frame=True),
        ),
        Mistake(
            "energy detached",
            "The value is right, but the pupil's gradient is not: its energy in the denominator is cut off. Only the "
            "teacher is detached.",
            _teacher(flow=True, energy=True),
        ),
        Mistake(
            "sum for mean",
            "The levels are added up. Here they are averaged, so that more levels do not make a larger penalty.",
            _distances(_relative, torch.sum),
        ),
        Mistake(
            "last level only",
            "Only the last level counts. Does the loop return too early, or write over its value?",
            _distances(_relative, lambda levels: levels[-1]),
        ),
        Mistake(
            "first level only",
            "Only the first level counts. Does the loop return too early?",
            _distances(_relative, lambda levels: levels[0]),
        ),
        Mistake(
            "hard-coded number of levels",
            "The sum is divided by two however many levels there are.",
            _distances(_relative, lambda levels: levels.sum() / 2),
        ),
        Mistake(
            "levels pooled",
            "All levels are thrown together before the ratio is taken, so the level with most numbers and the loudest "
            "features rules. One ratio per level, then their mean.",
            _pooled,
        ),
        Mistake(
            "ratio of sums",
            "Numerators and denominators are gathered over the levels before the division, so the loudest level "
            "rules. One ratio per level, then their mean.",
            _ratio_of_sums,
        ),
        Mistake(
            "silent levels left out",
            "A level at which both are zero is left out of the mean, so that the others count for more. It counts as "
            "a level with the value 0.",
            _heard,
        ),
        Mistake(
            _WRONG_AXIS + "each clip",
            "There is a ratio for every clip, and their mean. At a level, energies are over all clips.",
            _distances(_relative_over(1, 2, 3, 4)),
        ),
        Mistake(
            _WRONG_AXIS + "each channel",
            "There is a ratio for every channel, and their mean. At a level, energies are over all channels.",
            _distances(_relative_over(0, 2, 3, 4)),
        ),
        Mistake(
            _WRONG_AXIS + "each position",
            "There is a ratio for every position, and their mean. At a level, energies are over all positions.",
            _distances(_relative_over(1)),
        ),
        Mistake(
            "energies added up",
            "The denominator is the sum of the two energies. It is their mean, so the value is half of what it "
            "should be.",
            _distances(lambda x, y: _energy(x - y) / (_energy(x) + _energy(y) + 1e-12)),
        ),
        Mistake(
            "one energy only: flow",
            "It is divided by the energy of the flow decoder's features alone. Both decoders count.",
            _distances(lambda x, y: _energy(x - y) / (_energy(x) + 1e-12)),
        ),
        Mistake(
            "one energy only: frame",
            "It is divided by the energy of the frame decoder's features alone. Both decoders count.",
            _distances(lambda x, y: _energy(x - y) / (_energy(y) + 1e-12)),
        ),
        Mistake(
            "not normalised",
            "This is the raw squared difference: features that shrink would lower it and say the same as before.",
            _distances(lambda x, y: _energy(x - y)),
        ),
        Mistake(
            "absolute for squared",
            "Absolute values are averaged in place of squares.",
            _distances(lambda x, y: (x - y).abs().mean() / ((x.abs().mean() + y.abs().mean()) / 2 + 1e-12)),
        ),
        Mistake(
            "energy of the mean",
            "The energy is the square of a mean. It is the mean of squares.",
            _distances(lambda x, y: _energy(x - y) / ((x.mean() ** 2 + y.mean() ** 2) / 2 + 1e-12)),
        ),
        Mistake(
            "root of the energy",
            "It is divided by the root of the mean energy. The difference is squared, so its measure must be too.",
            _distances(lambda x, y: _energy(x - y) / ((_energy(x) + _energy(y)) / 2 + 1e-12).sqrt()),
        ),
    ),
)


# A3.6 --------------------------------------------------------------------------------------------------------------


def _collapse(features: Tensor) -> tuple[float, float]:
    centred = _over_clips(features)
    return _fraction(_energy(centred), _energy(features.double())), _participation(_eigenvalues(centred))


def _over_clips(features: Tensor) -> Tensor:
    return features.double() - features.double().mean(0)


def _eigenvalues(centred: Tensor) -> Tensor:
    return torch.linalg.eigvalsh(centred.T @ centred / len(centred)).clamp_min(0)


def _participation(eigenvalues: Tensor) -> float:
    return _fraction(eigenvalues.sum().square(), eigenvalues.square().sum())


def _fraction(part: Tensor, whole: Tensor) -> float:
    """Their ratio; 0 where there is nothing to divide by."""
    return (part / whole).item() if whole > 0 else 0.0


def _collapse_probes(generator: Generator) -> list[Probe]:
    def features(n: int, d: int, *, common: float, kept: int) -> Tensor:
        """Varying in `kept` directions of unequal strength, around a constant."""
        strength = torch.linspace(1, 0.4, kept)
        inside = (strength * _normal(generator, n, kept)) @ torch.linalg.qr(_normal(generator, d, kept)).Q.T
        return inside + common * (0.5 + torch.rand(d, generator=generator))

    constant = repeat(torch.tensor([0.5, 2.0, 1.0, 0.25, 4.0]), "d -> n d", n=8).clone()
    return [
        Probe("the sizes of the example", {"features": features(12, 4, common=1.0, kept=4)}),
        Probe("features that vary in few directions", {"features": features(20, 7, common=0.5, kept=2)}),
        Probe("features whose common part is large", {"features": features(15, 6, common=2.0, kept=5)}),
        Probe("more channels than clips", {"features": features(5, 9, common=0.3, kept=6)}),
        Probe("features that are small", {"features": 0.01 * features(9, 5, common=1.0, kept=4)}),
        Probe("features that are the same for every clip", {"features": constant}),
        Probe("features that are all zero", {"features": torch.zeros(6, 3)}),
    ]


def _told(
    share: Callable[[Tensor], float] = lambda features: _collapse(features)[0],
    directions: Callable[[Tensor], float] = lambda features: _collapse(features)[1],
) -> Callable[[Tensor], tuple[float, float]]:
    return lambda features: (share(features), directions(features))


def _across_channels(features: Tensor) -> tuple[float, float]:
    centred = features.double() - features.double().mean(1, keepdim=True)
    return _fraction(_energy(centred), _energy(features.double())), _participation(_eigenvalues(centred))


def _unbiased(features: Tensor) -> float:
    return _fraction(features.double().var(0).mean(), _energy(features.double()))


def _mean_of_shares(features: Tensor) -> float:
    energy = features.double().square().mean(0)
    shares = _over_clips(features).square().mean(0) / energy
    return shares.nan_to_num(0).mean().item()


def _entropy_rank(features: Tensor) -> float:
    eigenvalues = _eigenvalues(_over_clips(features))
    if eigenvalues.sum() == 0:
        return 0.0
    shares = eigenvalues / eigenvalues.sum()
    return torch.special.entr(shares).sum().exp().item()


def _counted(features: Tensor) -> float:
    return float(torch.linalg.matrix_rank(_over_clips(features).float()))


def _of_channel_variances(features: Tensor) -> float:
    return _participation(_over_clips(features).square().mean(0))


def _by_one_number(features: Tensor) -> tuple[float, float]:
    centred = features.double() - features.double().mean()
    return _fraction(_energy(centred), _energy(features.double())), _participation(_eigenvalues(centred))


def _with_floor(floor: float) -> Callable[[Tensor], tuple[float, float]]:
    """An answer that adds a constant to what it divides by."""

    def wrong(features: Tensor) -> tuple[float, float]:
        centred = _over_clips(features)
        eigenvalues = _eigenvalues(centred)
        directions = eigenvalues.sum().square() / (eigenvalues.square().sum() + floor)
        return (_energy(centred) / (_energy(features.double()) + floor)).item(), directions.item()

    return wrong


_COLLAPSE = Question(
    key="A3.6",
    title="Agreement, or nothing left to say",
    name="collapse",
    answer=_collapse,
    probes=_collapse_probes,
    hints=(
        "What is the same for every clip says nothing about any clip. Take it away first; then compare what is left "
        "with what was there.",
        "The covariance of the channels is (d d), centred over clips. The sum of its eigenvalues is its trace, the "
        "sum of their squares is the sum of the squares of all its entries.",
        "Subtract the mean over clips. share: mean square of that over the mean square of the features. directions: "
        "the squared trace of the covariance over the sum of its squared entries. Return 0.0 where a denominator is 0.",
    ),
    difficulty="hard",
    minutes=25,
    points=4,
    tolerance=1e-3,
    mistakes=(
        Mistake(
            _WRONG_AXIS + "the channels",
            "The mean is over the channels of each clip. What matters is how clips differ: the mean is over clips.",
            _across_channels,
        ),
        Mistake(
            "not centred",
            "The mean over clips is not subtracted, neither for the share nor for the directions, so a constant looks "
            "like something that is said.",
            lambda features: (
                _fraction(_energy(features.double()), _energy(features.double())),
                _participation(_eigenvalues(features.double())),
            ),
        ),
        Mistake(
            "centred by one number",
            "One mean of all numbers is subtracted. Each channel has its own.",
            _by_one_number,
        ),
        *(
            Mistake(
                "constant in the denominator",
                "A small constant is added to what it divides by. Squares of small features are as small as the "
                "constant, and then the numbers change with the scale. Ask whether there is anything to divide by.",
                _with_floor(floor),
            )
            for floor in (1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5)
        ),
        Mistake(
            "always zero",
            "Both numbers are 0 for any features. Features that are centred always add up to 0, up to rounding: their "
            "sum does not tell whether they vary.",
            lambda _: (0.0, 0.0),
        ),
        Mistake(
            "directions not centred",
            "The share is right, but the directions come from features that still hold their mean over clips: the "
            "constant is counted as a direction.",
            _told(directions=lambda features: _participation(_eigenvalues(features.double()))),
        ),
        Mistake(
            "divided by n - 1",
            "The directions are right, but the variance of the share divides by n - 1 while the energy divides by n. "
            "Both divide by n here.",
            _told(share=_unbiased),
        ),
        Mistake(
            "share of the constant",
            "The share is that of the constant part. It is to be that of what varies.",
            _told(
                share=lambda features: _fraction(features.double().mean(0).square().mean(), _energy(features.double()))
            ),
        ),
        Mistake(
            "missing square",
            "The share is a ratio of lengths: its root is taken. It is one of squares.",
            _told(share=lambda features: _collapse(features)[0] ** 0.5),
        ),
        Mistake(
            "mean of ratios",
            "The share is computed for each channel and averaged, so a silent channel counts as much as a loud one. "
            "Average first, then divide.",
            _told(share=_mean_of_shares),
        ),
        Mistake(
            "share not divided",
            "The first number is the variance itself. Divided by the energy it becomes a share.",
            _told(share=lambda features: _energy(_over_clips(features)).item()),
        ),
        Mistake(
            "entropy for squares",
            "The directions are the exponential of the entropy of the eigenvalues. That is another effective rank; "
            "the task asks for the one by squares.",
            _told(directions=_entropy_rank),
        ),
        Mistake(
            "counted directions",
            "The directions are counted, as a matrix rank does: the faintest counts as much as the loudest. Weigh "
            "them by their eigenvalues.",
            _told(directions=_counted),
        ),
        Mistake(
            "deviations for variances",
            "The directions are computed from singular values of the features. Eigenvalues of the covariance are "
            "their squares.",
            _told(directions=lambda features: _participation(_eigenvalues(_over_clips(features)).sqrt())),
        ),
        Mistake(
            "variances of channels for eigenvalues",
            "The directions are computed from the variance of each channel alone. Channels that go together are one "
            "direction: the covariance between them matters.",
            _told(directions=_of_channel_variances),
        ),
        Mistake(
            "trace not squared",
            "The sum of the eigenvalues is not squared before it is divided, so directions change when all features "
            "are doubled.",
            _told(
                directions=lambda features: _fraction(
                    _eigenvalues(_over_clips(features)).sum(), _eigenvalues(_over_clips(features)).square().sum()
                )
            ),
        ),
        Mistake(
            "upside down",
            "The directions are divided the wrong way round: they lie between 1 / d and 1.",
            _told(
                directions=lambda features: _fraction(
                    _eigenvalues(_over_clips(features)).square().sum(),
                    _eigenvalues(_over_clips(features)).sum().square(),
                )
            ),
        ),
        Mistake(
            "values swapped",
            "The two numbers are in the wrong order: the share comes first.",
            lambda features: _collapse(features)[::-1],
        ),
    ),
)


# A3.7 --------------------------------------------------------------------------------------------------------------


def _cka(flow_features: Tensor, frame_features: Tensor) -> float:
    return _aligned(_things(flow_features), _things(frame_features))


def _things(features: Tensor) -> Tensor:
    return _centred(rearrange(features, "b d t h w -> (b t h w) d"))


def _centred(x: Tensor) -> Tensor:
    return x.double() - x.double().mean(0)


def _aligned(x: Tensor, y: Tensor) -> float:
    return ((x.T @ y).square().sum() / ((x.T @ x).norm() * (y.T @ y).norm())).item()


def _cka_probes(generator: Generator) -> list[Probe]:
    def pair(b: int, d: int, other: int, *rest: int) -> dict[str, object]:
        first = torch.rand(b, d, *rest, generator=generator) + _normal(generator, 1, d, 1, 1, 1).abs()
        mixing, shift = _normal(generator, other, d), 2 * torch.rand(1, other, 1, 1, 1, generator=generator)
        second = torch.einsum("k d, b d t h w -> b k t h w", mixing, first) + _normal(generator, b, other, *rest)
        return {"flow_features": first, "frame_features": second + shift}

    turned = pair(3, 6, 6, 2, 4, 5)
    first = turned["flow_features"]
    assert isinstance(first, Tensor)
    turn = torch.linalg.qr(_normal(generator, 6, 6)).Q
    turned["frame_features"] = 3 * torch.einsum("k d, b d t h w -> b k t h w", turn, first) + 1
    return [
        Probe("the sizes of the example", pair(2, 6, 7, 3, 4, 5)),
        Probe("other sizes", pair(3, 4, 8, 2, 5, 7)),
        Probe("one clip", pair(1, 5, 4, 3, 2, 7)),
        Probe("features that are turned, scaled and shifted", turned),
    ]


def _scored(
    prepare: Callable[[Tensor], Tensor] = _things, score: Callable[[Tensor, Tensor], float] = _aligned
) -> Callable[[Tensor, Tensor], float]:
    """Linear CKA of features prepared or scored in another way."""
    return lambda flow_features, frame_features: score(prepare(flow_features), prepare(frame_features))


def _rows(features: Tensor) -> Tensor:
    return rearrange(features, "b d t h w -> (b t h w) d").double()


_LINEAR_CKA = Question(
    key="A3.7",
    title="Linear CKA",
    name="linear_cka",
    answer=_cka,
    probes=_cka_probes,
    hints=(
        "First make two matrices with one row per thing. What is a thing here, and which axes does its number run "
        "over? Then think of what must not change the answer: a shift of a channel, for example.",
        "einops.rearrange moves the channel axis to the end before it joins the others; reshape alone would mix "
        "channels and positions. Each column then loses its mean over all rows.",
        "x and y: rearrange 'b d t h w -> (b t h w) d', minus the mean over axis 0. Sum of the squared entries of "
        "x.T @ y, over the Frobenius norm of x.T @ x times that of y.T @ y.",
    ),
    difficulty="medium",
    minutes=15,
    points=4,
    tolerance=1e-3,
    mistakes=(
        Mistake(
            "biased CKA",
            "The features are not centred. What both decoders have in common at all positions counts as agreement, so "
            "the value is biased upwards.",
            _scored(_rows),
        ),
        Mistake(
            "centred by one number",
            "One mean of all numbers is subtracted. Each channel has its own.",
            _scored(lambda features: _rows(features) - _rows(features).mean()),
        ),
        Mistake(
            _WRONG_AXIS + "the channels",
            "Each position loses the mean of its channels. Centring is the other way: each channel loses its mean "
            "over positions.",
            _scored(lambda features: _rows(features) - _rows(features).mean(1, keepdim=True)),
        ),
        Mistake(
            "each clip centred",
            "Each clip loses a mean of its own, so that what clips differ by does not count. A channel has one mean "
            "over all positions of all clips.",
            _scored(lambda features: _rows(features - features.mean((2, 3, 4), keepdim=True))),
        ),
        Mistake(
            "spectral norm",
            "The norms are the largest singular values. The Frobenius norm is the root of the sum of the squares of "
            "all entries; look up which norm a function takes for a matrix.",
            _scored(
                score=lambda x, y: (
                    torch.linalg.matrix_norm(x.T @ y, 2).square()
                    / (torch.linalg.matrix_norm(x.T @ x, 2) * torch.linalg.matrix_norm(y.T @ y, 2))
                ).item()
            ),
        ),
        Mistake(
            "axes mixed by a reshape",
            "The matrix has the right shape, but its rows are no positions: a reshape does not move the channel axis, "
            "so channels and positions are mixed.",
            _scored(lambda features: _centred(features.reshape(-1, features.shape[1]))),
        ),
        Mistake(
            "axes mixed by a reshape, biased CKA",
            "Two things: a reshape does not move the channel axis, so the rows are no positions; and the features are "
            "not centred.",
            _scored(lambda features: features.reshape(-1, features.shape[1]).double()),
        ),
        Mistake(
            "standardised",
            "Each channel is also divided by its deviation. Linear CKA only centres: loud channels count for more.",
            _scored(lambda features: _things(features) / _things(features).std(0, correction=0)),
        ),
        Mistake(
            "pixels averaged away",
            "The features are averaged over frames and pixels, so only one thing per clip is compared. Every position "
            "is a thing.",
            _scored(lambda features: _centred(reduce(features, "b d t h w -> b d", "mean"))),
        ),
        Mistake(
            "clips for positions",
            "A whole clip is one thing here, with all its numbers as channels. Every position is a thing.",
            _scored(lambda features: _centred(features.flatten(1))),
        ),
        Mistake(
            "numerator not squared",
            "The numerator is the norm of the cross product. It is the norm squared.",
            _scored(score=lambda x, y: ((x.T @ y).norm() / ((x.T @ x).norm() * (y.T @ y).norm())).item()),
        ),
        Mistake(
            "root of the value",
            "It is the root of the value. The numerator is a norm squared, and the denominator a product of two norms.",
            _scored(score=lambda x, y: _aligned(x, y) ** 0.5),
        ),
        Mistake(
            "denominator squared",
            "The norms of the denominator are squared: their root is missing. The value changes with the scale of "
            "the features, and it must not.",
            _scored(
                score=lambda x, y: (
                    (x.T @ y).square().sum() / ((x.T @ x).square().sum() * (y.T @ y).square().sum())
                ).item()
            ),
        ),
        Mistake(
            "trace for norm",
            "The denominator has the traces of the two products, the total variances. It has their Frobenius norms.",
            _scored(
                score=lambda x, y: ((x.T @ y).square().sum() / ((x.T @ x).trace() * (y.T @ y).trace())).item(),
            ),
        ),
    ),
)


QUESTIONS: tuple[Question, ...] = (
    _CHARBONNIER,
    _FLOW_LOSS,
    _WEIGHTED_TOTAL,
    _STANDARDISE,
    _DISCREPANCY,
    _COLLAPSE,
    _LINEAR_CKA,
)
