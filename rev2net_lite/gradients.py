"""Which way each loss term pulls: its gradient with respect to shared parameters, how large it is, and what agrees.

Two tasks that share an encoder may ask the same of it or the opposite. The cosine of their gradients says which (Yu et
al., "Gradient Surgery for Multi-Task Learning", NeurIPS 2020); a gradient of zero says that a term does not reach it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

__all__ = ["gradient_cosines", "gradient_norms", "loss_gradients"]


def loss_gradients(terms: Mapping[str, Tensor], parameters: Iterable[Tensor]) -> dict[str, Tensor]:
    """Gradient of each term with respect to all parameters as one vector `(d)`, unweighted; zeros where none arrives.

    The graph is kept and no `.grad` is touched, so a training step can go on afterwards.

    Args:
        terms: scalars by name, as `losses.loss_terms` gives them.
        parameters: those asked about, for example `model.encoder.parameters()`.

    Raises:
        ValueError: no parameter, a parameter that takes no gradient, or a term that is no scalar.

    >>> x = torch.ones(2, requires_grad=True)
    >>> loss_gradients({"square": (3 * x).square().sum(), "detached": x.detach().sum()}, [x])
    {'square': tensor([18., 18.]), 'detached': tensor([0., 0.])}
    """
    asked = list(parameters)
    if not asked:
        raise ValueError("there are no parameters; pass at least one, for example model.encoder.parameters()")
    frozen = sum(not parameter.requires_grad for parameter in asked)
    if frozen:
        raise ValueError(f"{frozen} of {len(asked)} parameters take no gradient; pass those with requires_grad=True")
    gradients = {}
    for name, term in terms.items():
        if term.ndim:
            raise ValueError(f"term {name!r} has shape {tuple(term.shape)}; expected a scalar: take its mean")
        if term.requires_grad:
            parts = torch.autograd.grad(term, asked, retain_graph=True, materialize_grads=True)
        else:
            parts = tuple(torch.zeros_like(parameter) for parameter in asked)
        gradients[name] = torch.cat([part.detach().flatten() for part in parts])
    return gradients


def gradient_norms(gradients: Mapping[str, Tensor]) -> dict[str, float]:
    """Euclidean length of each gradient `(d)`.

    >>> gradient_norms({"a": torch.tensor([3.0, 4.0])})
    {'a': 5.0}
    """
    return {name: float(gradient.norm()) for name, gradient in gradients.items()}


def gradient_cosines(gradients: Mapping[str, Tensor]) -> Tensor:
    """Cosine of each pair of gradients `(d)`: `(n n)` in [-1, 1], in the order of the mapping.

    1 is the same direction, 0 is at right angles, below 0 a small step for one task is a step back for the other. A
    gradient of zeros has no direction; its cosines are nan.

    Raises:
        ValueError: no gradient, or gradients of different lengths.

    >>> gradient_cosines({"a": torch.tensor([1.0, 0.0]), "b": torch.tensor([-2.0, 0.0])}).tolist()
    [[1.0, -1.0], [-1.0, 1.0]]
    """
    lengths = {name: gradient.numel() for name, gradient in gradients.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(
            f"the gradients have the lengths {lengths}; expected at least one gradient, all of the same parameters"
        )
    rows = torch.stack([gradient.double() for gradient in gradients.values()])
    units = rows / rows.norm(dim=1, keepdim=True)
    # Rounding must not carry a cosine past its ends; clamp leaves nan as it is.
    return (units @ units.T).clamp(-1, 1)
