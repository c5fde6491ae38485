"""The price of the decoders for a training step, and how long training waits for its input."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor

from rev2net_lite.bench.measuring import Row, holds, interleaved, ratio_row
from rev2net_lite.datasets import Batch, ClipDataset, Sampling, batches, manifest_dataset
from rev2net_lite.experiment import loss_config
from rev2net_lite.losses import LossWeights, loss_terms
from rev2net_lite.models import build_model
from rev2net_lite.synthetic import studio, write_synthetic_dataset

__all__ = ["training_rows"]

_CLASSES = 8
_FRAMES = 8


def training_rows(device: torch.device) -> Iterator[Row]:
    """Steps of Rev2Net over steps of RGB-only, and the share of time that a training loop waits."""
    if device.type == "cuda":
        yield from _gpu_rows(device)
        return
    for size, pixels in (("tiny", 64), ("tiny", 112), ("small", 64), ("small", 112), ("base", 64)):
        batch = _batch(4, pixels=pixels, device=device)
        times = interleaved({name: _step(name, batch, size=size) for name in ("rgb", "rev2net")})
        title = f"step of Rev2Net over RGB-only's: {size}, {pixels} x {pixels}, channels_last_3d, one thread"
        yield ratio_row(title, times["rev2net"], times["rgb"], goal="<= 1.35")
    yield from _waiting_rows(device)


def _batch(clips: int, *, pixels: int, device: torch.device) -> Batch:
    generator = torch.Generator().manual_seed(0)
    clip = torch.rand(clips, 3, _FRAMES, pixels, pixels, generator=generator)
    clip = clip.contiguous(memory_format=torch.channels_last_3d)
    labels = torch.arange(clips) % _CLASSES
    flow = torch.randn(clips, 2, _FRAMES - 1, pixels, pixels, generator=generator)
    return Batch(clip, labels, flow, torch.arange(clips)).to(device)


def _step(name: str, batch: Batch, *, size: str, precision: torch.dtype | None = None) -> Callable[[], Tensor]:
    """One forward and backward pass with the losses that the system is trained with; returns its loss."""
    device = batch.clip.device
    torch.manual_seed(0)
    model = build_model(name, classes=_CLASSES, size=size).to(device).train()
    # The overloads of `Module.to` know no memory format; for weights of five axes it is this one.
    model = model.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    config = loss_config(name)
    weights = LossWeights(config).to(device)

    def call() -> Tensor:
        model.zero_grad(set_to_none=True)
        with torch.autocast(device.type, dtype=precision, enabled=precision is not None):
            output = model(batch.clip)
        terms = loss_terms(output, batch.labels, clip=batch.clip, flow=batch.flow, config=config)
        total: Tensor = weights(terms)
        total.backward()
        return total.detach()

    return call


def _waiting_rows(device: torch.device) -> Iterator[Row]:
    """Clips in memory, and clips decoded from their files by two workers while the model is trained."""
    with tempfile.TemporaryDirectory() as folder:
        videos = write_synthetic_dataset(Path(folder, "videos"), config=studio(), clips_per_class=8, seed=0)
        for title, workers, goal, cached in (
            ("clips in memory", 0, "<= 5", True),
            ("decoding from files, two workers", 2, "<= 15", False),
        ):
            data = manifest_dataset(
                videos / "labels.csv",
                sampling=Sampling(frames=_FRAMES, size=(64, 64)),
                cache=Path(folder, "cache"),
                flow=None,
            )
            share = _waiting(data.prepare() if cached else data, workers=workers, device=device)
            what = f"share of a training loop that waits for its input: {title}, tiny, 64 x 64"
            yield Row(what, share, None, share, goal, holds(share, goal), "%", len(data))


def _waiting(data: ClipDataset, *, workers: int, device: torch.device) -> float:
    """Per cent of the time between the first batch and the last in which the loop has none."""
    waited, started = 0.0, 0.0
    step: Callable[[], Tensor] | None = None
    supply = batches(data, batch_size=8, device=device, shuffle=True, workers=workers)
    for number in count():
        asked = perf_counter()
        batch = next(supply, None)
        came = perf_counter()
        if batch is None:
            break
        # Workers start once for an epoch of any length: the first batch is not what an epoch is made of.
        if number == 0:
            started = came
        else:
            waited += came - asked
        step = _step("rgb", batch, size="tiny") if step is None else step
        step()
    return 100 * waited / (perf_counter() - started)


def _gpu_rows(device: torch.device) -> Iterator[Row]:
    """Share of the card's own matrix rate that training reaches in bf16, clips per second and peak memory."""
    rate = _matmul_rate(device)
    for size, clips in (("tiny", 64), ("small", 32), ("base", 16)):
        torch.cuda.reset_peak_memory_stats(device)
        batch = _batch(clips, pixels=112, device=device)
        step = _step("rev2net", batch, size=size, precision=torch.bfloat16)
        flops = _flops(step)
        seconds = _gpu_seconds(step, device)
        title = f"training Rev2Net, {size}, {clips} clips of {_FRAMES} x 112 x 112, bf16"
        goal = ">= 35" if size == "base" else ""
        share = 100 * flops / seconds / rate
        yield Row(f"{title}: share of the card's matmul rate", share, None, share, goal, holds(share, goal), "%", 20)
        yield Row(f"{title}: clips per second", clips / seconds, unit="1/s", n=20)
        yield Row(f"{title}: peak memory", torch.cuda.max_memory_allocated(device) / 2**30, unit="GiB", n=1)


def _flops(step: Callable[[], Tensor]) -> int:
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        step()
    return int(counter.get_total_flops())


def _gpu_seconds(call: Callable[[], Tensor], device: torch.device, *, calls: int = 20) -> float:
    for _ in range(3):
        call()
    torch.cuda.synchronize(device)
    started = perf_counter()
    for _ in range(calls):
        call()
    torch.cuda.synchronize(device)
    return (perf_counter() - started) / calls


def _matmul_rate(device: torch.device) -> float:
    """Floating-point operations per second of one large bf16 product on this card, now."""
    side = 8192
    left = torch.randn(side, side, device=device, dtype=torch.bfloat16)
    return 2 * side**3 / _gpu_seconds(lambda: left @ left, device)
