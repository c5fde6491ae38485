"""Eight times the work takes eight times the time and no more memory."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch

from rev2net_lite.bench.measuring import Row, holds, interleaved
from rev2net_lite.synthetic import studio, write_synthetic_dataset
from rev2net_lite.tvl1 import tvl1_flow
from rev2net_lite.video import read_clip, write_video

__all__ = ["growth_rows"]

_TIMES = 8

# Peak memory is a matter of a whole process, so each size has one of its own. What Linux calls the high-water mark
# starts anew with a program; the peak that `resource` knows is inherited from the process that started it.
_PEAK = """
def print_peak():
    from pathlib import Path
    status = Path("/proc/self/status")
    if status.exists():
        print(next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM")))
    else:
        import resource
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
_PASS = (
    _PEAK
    + """
import sys
from pathlib import Path
from rev2net_lite.datasets import Sampling, batches, manifest_dataset
folder, repeats = Path(sys.argv[1]), int(sys.argv[2])
sampling = Sampling(frames=8, size=(64, 64))
data = manifest_dataset(folder / "labels.csv", sampling=sampling, cache=folder / "cache", flow=None)
data.in_memory = False
for _ in range(repeats):
    for batch in batches(data, batch_size=8):
        batch.clip.mean().item()
print_peak()
"""
)
_READ = (
    _PEAK
    + """
import sys
from rev2net_lite.video import read_clip
read_clip(sys.argv[1])
print_peak()
"""
)


def growth_rows() -> Iterator[Row]:
    """Time over eight times the time of an eighth, and memory over memory."""
    generator = torch.Generator().manual_seed(0)
    frames = torch.rand(2, 64, 64, 64, generator=generator)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        short, long = (_video(folder / f"{seconds}.mp4", seconds=seconds) for seconds in (3, 3 * _TIMES))
        times = interleaved(
            {
                "flow": lambda: tvl1_flow(frames[0, :_TIMES], frames[1, :_TIMES]),
                "flow, more": lambda: tvl1_flow(frames[0], frames[1]),
                "video": lambda: [read_clip(short) for _ in range(4)],
                "video, more": lambda: [read_clip(long) for _ in range(4)],
            }
        )
        for what, title in (("flow", "TV-L1, pairs"), ("video", "read_clip, length of the video")):
            ratio = times[f"{what}, more"].median / times[what].median / _TIMES
            goal = "<= 1.15"
            yield Row(
                f"time for {_TIMES} times as much, per unit: {title}",
                ratio,
                None,
                ratio,
                goal,
                holds(ratio, goal),
                "1",
                5,
            )
        yield _memory("read_clip, length of the video", _READ, [str(short)], [str(long)])
        clips = folder / "clips"
        write_synthetic_dataset(clips, config=replace(studio(), frames=8), clips_per_class=4, seed=0)
        yield _memory("a loader, batches", _PASS, [str(clips), "1"], [str(clips), str(_TIMES)])
        write_synthetic_dataset(folder / "more", config=replace(studio(), frames=8), clips_per_class=4 * _TIMES, seed=0)
        yield _memory("a loader, clips", _PASS, [str(clips), "1"], [str(folder / "more"), "1"])


def _memory(what: str, program: str, little: list[str], much: list[str]) -> Row:
    peaks = []
    for arguments in (little, much):
        done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout) / 1024)
    ratio, goal = peaks[1] / peaks[0], "<= 1.15"
    return Row(
        f"peak memory for {_TIMES} times as much: {what}", peaks[1], peaks[0], ratio, goal, holds(ratio, goal), "MiB", 1
    )


def _video(path: Path, *, seconds: int) -> Path:
    still = torch.nn.functional.interpolate(torch.rand(1, 3, 12, 16), size=(240, 320), mode="bilinear")[0]
    frames = torch.stack([(still * 255).to(torch.uint8).roll(2 * i, 2) for i in range(25 * seconds)], 1)
    write_video(path, frames, fps=25)
    return path
