"""TV-L1 against OpenCV and scikit-image: error first, then time."""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from rev2net_lite.bench.measuring import Missing, Row, holds, interleaved, ratio_row, spread
from rev2net_lite.flow import endpoint_error, pixel_grid, read_flo, resize_flow
from rev2net_lite.tvl1 import ACCURATE, FAST, TVL1Config, clip_flow, tvl1_flow

__all__ = ["flow_rows"]

_SIZE = 112
_PAIRS = 64
_GREY = (0.299, 0.587, 0.114)  # ITU-R BT.601, as the solver and OpenCV have it
_SLOW_PAIRS = 4  # of a peer that takes tenths of a second for each
_CONFIGS = {"FAST": FAST, "default": TVL1Config()}  # the goals are those of the first, in all rows


# Grey frames (b h w) in [0, 1] twice -> flow (b 2 h w).
_Solver = Callable[[Tensor, Tensor], Tensor]


def flow_rows(device: torch.device) -> Iterator[Row]:
    """The rows on a CPU; the solver's own on a GPU."""
    first, second, truth = moving_textures(_PAIRS)
    if device.type == "cuda":
        yield from _gpu_rows(first, second, truth, device)
        return
    yield from _peers(first, second, truth)
    yield from _chairs_rows()
    yield _clip_row()


def moving_textures(pairs: int, *, size: int = _SIZE, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Pairs whose flow is known exactly: a texture that is a sum of waves, evaluated where each point came from.

    A third of the pairs is shifted by 0.5 to 6 px, a third turned and zoomed, a third has a disc that moves over a
    background which moves otherwise.

    Returns:
        Frames, (b h w) in [0, 1] twice, and the flow (b 2 h w) in px/frame.
    """
    generator = torch.Generator().manual_seed(seed)
    grid = pixel_grid(size, size).double()
    made = [_pair(grid, kind=index % 3, generator=generator) for index in range(pairs)]
    first, second, flow = (torch.stack(list(part)).float() for part in zip(*made, strict=True))
    return first, second, flow


def _pair(grid: Tensor, *, kind: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    texture = _texture(generator)
    turn, zoom = (
        (_between(-4, 4, generator) * math.pi / 180, _between(0.95, 1.05, generator)) if kind == 1 else (0.0, 1.0)
    )
    shift = _shift(generator) if kind != 1 else torch.zeros(2).double()
    centre = torch.tensor([grid.shape[-1] / 2, grid.shape[-2] / 2]).double()
    matrix = zoom * torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]).double()
    back = torch.linalg.inv(matrix)
    flow = _apply(matrix, grid, centre) + shift[:, None, None] - grid
    first = texture(grid)
    second = texture(_apply(back, grid - shift[:, None, None], centre))
    if kind == 2:
        disc, own = _texture(generator), _shift(generator)

        def inside(points: Tensor) -> Tensor:
            return ((points - centre[:, None, None]) ** 2).sum(0) < (grid.shape[-1] / 4) ** 2

        first = torch.where(inside(grid), disc(grid), first)
        before = grid - own[:, None, None]
        second = torch.where(inside(before), disc(before), second)
        flow = torch.where(inside(grid), own[:, None, None].expand_as(flow), flow)
    return first, second, flow


def _texture(generator: torch.Generator) -> Callable[[Tensor], Tensor]:
    waves = 40
    length = 4 * 2 ** (3.5 * torch.rand(waves, generator=generator).double())
    angle = 2 * math.pi * torch.rand(waves, generator=generator).double()
    phase = 2 * math.pi * torch.rand(waves, generator=generator).double()
    strength = length.sqrt() / length.sqrt().sum()

    def value(points: Tensor) -> Tensor:
        along = torch.einsum("n,hw->nhw", angle.cos() / length, points[0])
        along = along + torch.einsum("n,hw->nhw", angle.sin() / length, points[1])
        waved = (2 * math.pi * along + phase[:, None, None]).sin()
        return (0.5 + 1.2 * torch.einsum("n,nhw->hw", strength, waved)).clamp(0, 1)

    return value


def _between(low: float, high: float, generator: torch.Generator) -> float:
    return low + (high - low) * torch.rand((), generator=generator).item()


def _shift(generator: torch.Generator) -> Tensor:
    length, angle = _between(0.5, 6, generator), _between(0, 2 * math.pi, generator)
    return torch.tensor([length * math.cos(angle), length * math.sin(angle)]).double()


def _apply(matrix: Tensor, points: Tensor, centre: Tensor) -> Tensor:
    moved = points - centre[:, None, None]
    return torch.einsum("ij,jhw->ihw", matrix, moved) + centre[:, None, None]


def _error(flow: Tensor, truth: Tensor) -> float:
    return endpoint_error(flow, truth).mean().item()


def _opencv() -> Callable[..., _Solver]:
    """Makes an OpenCV solver with its own defaults, or with the work of one of our configurations."""
    try:
        import cv2
    except ImportError as error:
        raise Missing("opencv-contrib-python-headless is not installed") from error
    cv2.setNumThreads(1)
    optflow: Any = cv2.optflow  # its type stubs lack what the contributed modules bring

    def solver(config: TVL1Config | None = None, *, size: int = _SIZE) -> _Solver:
        made = optflow.DualTVL1OpticalFlow_create()
        if config is not None:
            made.setScaleStep(0.5)
            made.setScalesNumber(1 + max(0, math.floor(math.log2(size / config.coarsest_px))))
            made.setWarpingsNumber(config.warps)
            made.setOuterIterations(1)
            made.setInnerIterations(config.iterations)
            made.setEpsilon(0.0)
            made.setMedianFiltering(3)

        def solve(first: Tensor, second: Tensor) -> Tensor:
            pairs = zip(_bytes(first), _bytes(second), strict=True)
            return torch.stack([torch.from_numpy(made.calc(a, b, None)).permute(2, 0, 1) for a, b in pairs])

        return solve

    return solver


def _skimage() -> _Solver:
    try:
        from skimage.registration import optical_flow_tvl1
    except ImportError as error:
        raise Missing("scikit-image is not installed") from error

    def solve(first: Tensor, second: Tensor) -> Tensor:
        found = [optical_flow_tvl1(a, b) for a, b in zip(first.numpy(), second.numpy(), strict=True)]
        # scikit-image gives rows first.
        return torch.stack([torch.from_numpy(np.ascontiguousarray(flow[::-1])) for flow in found]).float()

    return solve


def _bytes(frames: Tensor) -> np.ndarray:
    return (frames * 255).round().to(torch.uint8).numpy()


def _peers(first: Tensor, second: Tensor, truth: Tensor) -> Iterator[Row]:
    what = f"TV-L1, {_SIZE} x {_SIZE}, batch {_PAIRS}, one thread"
    ours = {name: partial(tvl1_flow, first, second, config=config) for name, config in _CONFIGS.items()}
    few = slice(0, _SLOW_PAIRS)
    try:
        solver = _opencv()
    except Missing as missing:
        yield Row(f"{what}, against OpenCV", void=str(missing))
    else:
        default = solver()
        peer = _error(default(first, second), truth)
        errors = {name: _error(call(), truth) for name, call in ours.items()}
        for name, error in errors.items():
            goal = "<= 0.7" if name == "FAST" else ""
            title = f"{what}, {name}: error over OpenCV DualTVL1's, exact motion"
            yield Row(title, error, peer, error / peer, goal, holds(error / peer, goal), "px", len(first))
        peers = {"peer": default} | {f"equal {name}": solver(config) for name, config in _CONFIGS.items()}
        times = interleaved(ours | {name: partial(call, first[few], second[few]) for name, call in peers.items()})
        pair = {"per": _PAIRS, "per_over": _SLOW_PAIRS}
        for name, error in errors.items():
            void = "" if error <= peer else "its error is above the peer's"
            for other, against, goal in (
                ("peer", "DualTVL1", ">= 20"),
                (f"equal {name}", "DualTVL1 with our pyramid, warps and iterations", ">= 3"),
            ):
                title = f"{what}, {name}: speed against {against}"
                goal = goal if name == "FAST" else ""
                yield ratio_row(title, times[other], times[name], goal=goal, void=void, **pair)
    try:
        other_solver = _skimage()
    except Missing as missing:
        yield Row(f"{what}, against scikit-image", void=str(missing))
        return
    one = slice(0, 1)
    times = interleaved({"ours": ours["FAST"], "peer": lambda: other_solver(first[one], second[one])})
    title = f"{what}, FAST: speed against scikit-image"
    yield ratio_row(title, times["peer"], times["ours"], goal="", per=_PAIRS, per_over=1)


def _chairs_rows() -> Iterator[Row]:
    """FlyingChairs pairs, reduced to 128 x 96 as in the flow's own tests."""
    name = "FlyingChairs pairs at 128 x 96"
    try:
        first, second, truth = _chairs()
        solver = _opencv()
    except Missing as missing:
        yield Row(name, void=str(missing))
        return
    default = solver()
    peer = _error(default(first, second), truth)
    for config, label, goal, speed in (
        (FAST, "FAST", "<= 1.0", ""),
        (TVL1Config(), "default", "", ""),
        (ACCURATE, "ACCURATE", "<= 0.95", ">= 15"),
    ):
        error = _error(tvl1_flow(first, second, config=config), truth)
        what = f"{name}, {label}: error over DualTVL1's"
        yield Row(what, error, peer, error / peer, goal, holds(error / peer, goal), "px", len(first))
        if speed:
            yield _chairs_speed(first, second, default, config=config, title=f"{name}, {label}", goal=speed)


def _chairs_speed(first: Tensor, second: Tensor, peer: _Solver, *, config: TVL1Config, title: str, goal: str) -> Row:
    wide = first.repeat(8, 1, 1), second.repeat(8, 1, 1)
    times = interleaved({"ours": lambda: tvl1_flow(*wide, config=config), "peer": lambda: peer(first[:1], second[:1])})
    return ratio_row(
        f"{title}: speed against DualTVL1", times["peer"], times["ours"], goal=goal, per=len(wide[0]), per_over=1
    )


def _chairs() -> tuple[Tensor, Tensor, Tensor]:
    folder = os.environ.get("REV2NET_CLIPS")
    files = sorted(Path(folder, "flow_gt", "flyingchairs").glob("*_flow01.flo")) if folder else []
    if not files:
        raise Missing("set REV2NET_CLIPS to a folder of test videos that has flow_gt/flyingchairs")
    frames = [[_grey(file, which) for file in files] for which in (0, 1)]
    flow = torch.cat([resize_flow(read_flo(file)[None], (96, 128)) for file in files])
    return torch.stack(frames[0]), torch.stack(frames[1]), flow


def _grey(file: Path, which: int) -> Tensor:
    from PIL import Image  # comes with matplotlib

    with Image.open(file.with_name(file.name.replace("flow01.flo", f"img{which}.png"))) as image:
        colour = torch.from_numpy(np.array(image.convert("RGB"))).permute(2, 0, 1).float() / 255
    small = F.interpolate(colour[None], size=(96, 128), mode="bilinear", antialias=True)[0]
    return torch.einsum("c,chw->hw", torch.tensor(_GREY), small)


def _clip_row() -> Row:
    """Whether the pairs of a clip, which share frames, are quicker together."""
    generator = torch.Generator().manual_seed(1)
    grid = pixel_grid(_SIZE, _SIZE).double()
    clips = []
    for _ in range(4):
        texture, shift = _texture(generator), _shift(generator)
        clips.append(torch.stack([texture(grid - step * shift[:, None, None]) for step in range(17)]))
    grey = torch.stack(clips).float()
    clip = grey[:, None].expand(-1, 3, -1, -1, -1)
    # Rounded as a clip's grey is, or the last digits of the frames would make another flow where they are flat.
    grey = (clip * torch.tensor(_GREY).view(3, 1, 1, 1)).sum(1)
    first, second = grey[:, :-1].flatten(0, 1), grey[:, 1:].flatten(0, 1)
    together = clip_flow(clip).transpose(1, 2).flatten(0, 1)
    apart = tvl1_flow(first, second)
    difference = (together - apart).abs().max().item()
    void = "" if difference <= 1e-4 else f"the flows differ by {difference:.2g} px"
    times = interleaved({"clip": lambda: clip_flow(clip), "pairs": lambda: tvl1_flow(first, second)})
    return ratio_row(
        "TV-L1 over clips of 17 frames against separate pairs",
        times["pairs"],
        times["clip"],
        goal=">= 1.3",
        per=len(first),
        void=void,
    )


def _gpu_rows(first: Tensor, second: Tensor, truth: Tensor, device: torch.device) -> Iterator[Row]:
    """Pairs per second on the card, after an error that must be that of a CPU."""
    what = f"TV-L1 on {torch.cuda.get_device_name(device)}, {_SIZE} x {_SIZE}, FAST"
    on_cpu = tvl1_flow(first, second, config=FAST)
    there = tvl1_flow(first.to(device), second.to(device), config=FAST).cpu()
    difference = abs(_error(there, truth) - _error(on_cpu, truth))
    goal = "<= 0.001"
    name = f"{what}: error against that on a CPU"
    yield Row(
        name, _error(there, truth), _error(on_cpu, truth), difference, goal, holds(difference, goal), "px", _PAIRS
    )
    many = 16
    wide = first.repeat(many, 1, 1).to(device), second.repeat(many, 1, 1).to(device)
    rates = []
    for _ in range(6):
        torch.cuda.synchronize(device)
        started = time.perf_counter()
        tvl1_flow(*wide, config=FAST)
        torch.cuda.synchronize(device)
        rates.append(len(wide[0]) / (time.perf_counter() - started))
    rate = statistics.median(rates[1:])
    goal = ">= 30000"
    yield Row(
        f"{what}: pairs per second", rate, None, rate, goal, holds(rate, goal), "1/s", len(rates) - 1, spread(rates[1:])
    )
