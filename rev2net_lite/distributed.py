"""Several processes that train one model together, on one host or many, started by `torchrun`.

Each gets its part of every batch, and every mean over clips is taken over all processes' clips before it is minimised:
the losses are those of one process with the whole batch, also where they are ratios of means, as the relative penalty
is. PyTorch's DistributedDataParallel then averages the gradients.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
import torch.distributed
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.parallel import DistributedDataParallel

from rev2net_lite.models import Model

__all__ = ["ALONE", "Processes", "joined_processes"]

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """The processes of a training as one of them sees them.

    Args:
        rank: number of this process, from 0; the first one keeps files and speaks.
        world: how many there are.
    """

    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the one that keeps files and speaks."""
        return self.rank == 0

    def part(self, items: Sequence[T]) -> Sequence[T]:
        """This process's part of the items: consecutive ones, of lengths that differ by one at most.

        >>> [list(Processes(rank, 3).part(range(7))) for rank in range(3)]
        [[0, 1], [2, 3], [4, 5, 6]]
        """
        return items[len(items) * self.rank // self.world : len(items) * (self.rank + 1) // self.world]

    def average(self, value: Tensor, count: Tensor | int) -> Tensor:
        """Mean over all processes' clips of a mean over this one's, the same number in each; gradients flow through.

        Args:
            value: scalar; a mean over `count` clips, or 0 of none.
            count: clips of this process.
        """
        if self.world == 1:
            return value
        # In float64, so that where a batch is cut does not show in the last digits of its loss.
        weight = torch.as_tensor(count, dtype=torch.float64, device=value.device)
        weighted, total = _Sum.apply(torch.stack([value.double() * weight, weight])).unbind()
        return (weighted / total.clamp(min=1)).to(value.dtype)

    def total(self, count: int) -> int:
        """The sum of all processes' counts."""
        counts: list[int | None] = [None] * self.world
        if self.world == 1:
            return count
        torch.distributed.all_gather_object(counts, count)
        return sum(cast(list[int], counts))

    def shared(self, thing: T) -> T:
        """What the first process has; the others' own is ignored."""
        things = [thing]
        if self.world > 1:
            torch.distributed.broadcast_object_list(things, src=0)
        return things[0]

    @contextlib.contextmanager
    def parallel(self, model: Model) -> Iterator[Model]:
        """The model as one whose gradients are averaged over the processes; it begins, and ends, as the first's.

        On GPUs its BatchNorm layers take their statistics over all processes meanwhile. On CPUs, where PyTorch has no
        such layer, each process normalises by its own part of the batch, and the first one's running statistics stay:
        there `norm="group"` gives what one process would.
        """
        if self.world == 1:
            yield model
            return
        replaced = _synchronise_batchnorm(model) if next(model.parameters()).is_cuda else []
        try:
            yield cast(Model, _Parallel(model))
        finally:
            for parent, name, layer in replaced:
                setattr(parent, name, layer)
        for buffer in model.buffers():
            torch.distributed.broadcast(buffer, src=0)


ALONE = Processes()
"""One process."""


@contextlib.contextmanager
def joined_processes() -> Iterator[tuple[Processes, torch.device]]:
    """The processes that `torchrun` started, joined, and the device of this one; `ALONE` where it started none.

    Raises:
        ValueError: more processes on this host than GPUs.
    """
    cuda = torch.cuda.is_available()
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        yield ALONE, torch.device("cuda" if cuda else "cpu")
        return
    local, here = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
    device = torch.device("cuda", local) if cuda else torch.device("cpu")
    if cuda:
        if here > torch.cuda.device_count():
            raise ValueError(
                f"torchrun started {here} processes on a host with {torch.cuda.device_count()} GPU(s); give "
                "--nproc_per_node as many as there are"
            )
        torch.cuda.set_device(device)
    torch.distributed.init_process_group("nccl" if cuda else "gloo", device_id=device if cuda else None)
    try:
        yield Processes(torch.distributed.get_rank(), torch.distributed.get_world_size()), device
    finally:
        torch.distributed.destroy_process_group()


class _Sum(torch.autograd.Function):
    """Sum over all processes. Each has the sum in its own loss, so the gradient of a summand is a sum as well."""

    @staticmethod
    def forward(_: Any, values: Tensor) -> Tensor:
        summed = values.clone()
        torch.distributed.all_reduce(summed)
        return summed

    @staticmethod
    @once_differentiable
    def backward(_: Any, gradient: Tensor) -> Tensor:
        summed = gradient.contiguous().clone()
        torch.distributed.all_reduce(summed)
        return summed


class _Parallel(DistributedDataParallel):
    """With the attributes that the training reads of a model."""

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.module.inputs

    @property
    def config(self) -> Any:
        return self.module.config

    @property
    def flow_scale(self) -> Tensor:
        return self.module.flow_scale


def _synchronise_batchnorm(model: nn.Module) -> list[tuple[nn.Module, str, nn.Module]]:
    """The layers that were replaced, each with its place; the new ones share their parameters and buffers."""
    found: list[tuple[nn.Module, str, nn.Module]] = [
        (parent, name, layer)
        for parent in model.modules()
        for name, layer in parent.named_children()
        if isinstance(layer, nn.BatchNorm3d)
    ]
    for parent, name, layer in found:
        setattr(parent, name, nn.SyncBatchNorm.convert_sync_batchnorm(layer))
    return found
