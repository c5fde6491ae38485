"""Arguments of questions that are no plain data: small models, built from a name and numbers.

Nothing here knows an answer: an answer that is graded is run in a process that may import this module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from einops import rearrange
from torch import Tensor, nn

__all__ = ["MAKERS", "make"]

MAKERS: dict[str, Callable[..., object]] = {}


def make(maker: str, options: Mapping[str, int | float | str]) -> object:
    """What the maker of that name builds from the options."""
    return MAKERS[maker](**options)


class _TwoLevels(nn.Module):
    """An encoder as the kit's: a clip `(b 3 t h w)` becomes a pyramid of two levels, the second on half the grid."""

    def __init__(self) -> None:
        super().__init__()
        self.levels = nn.ModuleList([nn.Conv3d(3, 4, 3, padding=1), nn.Conv3d(4, 6, 3, stride=(1, 2, 2), padding=1)])

    def forward(self, clip: Tensor) -> tuple[Tensor, ...]:
        pyramid: list[Tensor] = []
        for level in self.levels:
            pyramid.append(level(pyramid[-1] if pyramid else clip).tanh())
        return tuple(pyramid)


class _TwoStages(nn.Module):
    """A flow decoder over that pyramid, called as the kit's: flow `(b 2 t h w)` and the features of its stages."""

    def __init__(self, reads: str) -> None:
        super().__init__()
        self.reads = reads
        self.coarse = nn.Conv3d(6, 8, 1)
        self.fine = nn.Conv3d(4, 2, 1)

    def forward(self, pyramid: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        first, last = (level.detach() for level in pyramid) if self.reads == "detached" else pyramid
        stage = self.fine(first)
        if self.reads == "first":
            return stage, (stage,)
        finer = rearrange(self.coarse(last), "b (h2 w2 c) t h w -> b c t (h h2) (w w2)", h2=2, w2=2)
        return stage + finer, (finer, stage)


def pyramid_encoder(*, seed: int, earlier: int = 0) -> nn.Module:
    """Encoder of two levels, for clips of even height and width; `earlier=1` leaves gradients in it."""
    return _seeded(_TwoLevels, seed, earlier)


def pyramid_decoder(*, seed: int, reads: str, earlier: int = 0) -> nn.Module:
    """Flow decoder over its pyramid; it reads `"both"` levels, the `"first"` only, or a `"detached"` pyramid."""
    return _seeded(lambda: _TwoStages(reads), seed, earlier)


def _seeded(build: Callable[[], nn.Module], seed: int, earlier: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module = build()
        for parameter in module.parameters():
            parameter.grad = torch.randn_like(parameter) if earlier else None
    return module


MAKERS["pyramid_encoder"] = pyramid_encoder
MAKERS["pyramid_decoder"] = pyramid_decoder
