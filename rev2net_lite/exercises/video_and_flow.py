"""Questions of assignment A1: from frames to flow, how good a flow is, and what it is good for.

Each mistake is a variant of code that could be right, so its functions share signatures and leave arguments unused.
"""
# ruff: noqa: ARG005

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Generator, Tensor

from rev2net_lite.exercises.questions import Mistake, Probe, Question

__all__ = ["QUESTIONS"]

_Edit = Callable[[Tensor], Tensor]


def _same(tensor: Tensor) -> Tensor:
    return tensor


def _mistakes(name: str, says: str, *answers: Callable[..., object]) -> tuple[Mistake, ...]:
    """One mistake in each way in which it is usually made."""
    return tuple(Mistake(name, says, _quick(answer)) for answer in answers)


def _quick(answer: Callable[..., object]) -> Callable[..., object]:
    """The answer, but for tensors without values, where only the device is looked at and torch is slow."""

    def quick(*given: object) -> object:
        if any(isinstance(one, Tensor) and one.is_meta for one in given):
            return torch.empty(0, device="meta")
        return answer(*given)

    return quick


def _uniform(generator: Generator, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator)


# A1.1


def _shown(times: Tensor, when_s: float) -> int:
    """The last frame that begins at the time or before it."""
    return int((times[:-1] <= when_s).sum()) - 1


def _pick(times: Tensor, frames: int, start_s: float, duration_s: float, *, place: float = 0.5) -> Tensor:
    return torch.tensor([_shown(times, start_s + (i + place) * duration_s / frames) for i in range(frames)])


def _pick_frames(times: Tensor, frames: int, start_s: float, duration_s: float) -> Tensor:
    return _pick(times, frames, start_s, duration_s)


def _pick_by(choose: Callable[[Tensor, float], int]) -> Callable[..., Tensor]:
    """The right times with another choice of the frame for each."""

    def pick(times: Tensor, frames: int, start_s: float, duration_s: float) -> Tensor:
        middles = [start_s + (i + 0.5) * duration_s / frames for i in range(frames)]
        return torch.tensor([choose(times, middle) for middle in middles])

    return pick


def _pick_with_both_ends(times: Tensor, frames: int, start_s: float, duration_s: float) -> Tensor:
    gaps = max(frames - 1, 1)
    last = len(times) - 2
    return torch.tensor([min(_shown(times, start_s + i * duration_s / gaps), last) for i in range(frames)])


def _video(generator: Generator, lengths: int) -> Tensor:
    """Times of `lengths` frames of unequal length, whole 64ths of a second, so that sums are exact."""
    steps = torch.randint(1, 24, (lengths,), generator=generator)
    return F.pad(steps.double().cumsum(0), (1, 0)) / 64


def _clear(times: Tensor, frames: int, start_s: float, duration_s: float) -> bool:
    """Whether no middle, start or end of a part is so near an edge that rounding could decide."""
    places = torch.arange(2 * frames + 1, dtype=torch.float64) * (duration_s / frames / 2) + start_s
    return bool((places[1:-1, None] - times).abs().min() > 1e-3)


def _pick_probes(generator: Generator) -> Iterator[Probe]:
    def irregular(label: str, count: int, frames: int, *, first: int = 0, last: int = 0) -> Probe:
        while True:
            times = _video(generator, count)
            # The interval begins within frame `first` and ends within the one that is the `last` from the end.
            start_s = float(times[first] + times[first + 1]) / 2 if first else 0.0
            end_s = float(times[-last - 1] + times[-last]) / 2 if last else float(times[-1])
            if _clear(times, frames, start_s, end_s - start_s):
                arguments = {"times": times, "frames": frames, "start_s": start_s, "duration_s": end_s - start_s}
                return Probe(label, arguments)

    yield irregular("frames of unequal length", 7, 3)
    even = torch.arange(17, dtype=torch.float64) / 8
    yield Probe(
        "a middle that falls on the edge between two frames",
        {"times": even, "frames": 4, "start_s": 0.0, "duration_s": 2.0},
    )
    yield irregular("an interval within the video", 23, 5, first=4, last=3)
    yield irregular("a single frame", 11, 1, first=2)
    yield irregular("an interval that shows fewer frames than are asked for", 9, 7, first=3, last=4)
    yield irregular("a long video of unequal frames", 41, 11)


_PICK = Question(
    key="A1.1",
    title="Frames by their times",
    name="pick_frames",
    answer=_pick_frames,
    probes=lambda generator: list(_pick_probes(generator)),
    returns="t",
    difficulty="easy",
    minutes=15,
    points=3,
    hints=(
        "Two steps: first the times of the middles, as one tensor of seconds; then, for each time, the frame that is "
        "on the screen then. Solve the second step on paper for the example.",
        "Part i reaches from start_s + i * p to start_s + (i + 1) * p, where p is the length of a part. A frame is on "
        "the screen at a time if it has begun by then and the next one has not.",
        "Count, for each middle, the frames that have begun at that time or before; the frame shown is the last of "
        "them, and numbers begin at 0. torch.searchsorted with right=True counts; so does a comparison with "
        "times[:-1] and a sum.",
    ),
    mistakes=(
        *_mistakes(
            "start of the part for its middle",
            "It takes what is shown at the start of each part, which favours the beginning of the video. The middle "
            "of each part is asked for.",
            lambda *given: _pick(*given, place=0.0),
        ),
        *_mistakes(
            "end of the part for its middle",
            "It takes what is shown at the end of each part; the middle of each part is asked for.",
            lambda *given: _pick(*given, place=1.0),
            lambda times, *given: _pick(times, *given, place=1.0).clamp(max=len(times) - 2),
        ),
        *_mistakes(
            "both ends for middles",
            "It spreads the times from the very start to the very end of the interval. Divide the interval into equal "
            "parts and take the middle of each.",
            _pick_with_both_ends,
            lambda times, frames, start, duration: (
                torch.searchsorted(
                    times, torch.linspace(start, start + duration, frames, dtype=times.dtype), right=True
                )
                - 1
            ),
        ),
        *_mistakes(
            "off by one frame",
            "Each frame is the one after the frame that is shown at that time. How many frames have begun when frame "
            "0 is on the screen, and what is its number?",
            _pick_by(lambda times, when: _shown(times, when) + 1),
            _pick_by(lambda times, when: int((times < when).sum())),
            _pick_by(lambda times, when: min(_shown(times, when) + 1, len(times) - 2)),
            _pick_by(lambda times, when: min(int((times < when).sum()), len(times) - 2)),
        ),
        *_mistakes(
            "off by one frame, too early",
            "Each frame is the one before the frame that is shown at that time.",
            _pick_by(lambda times, when: _shown(times, when) - 1),
            _pick_by(lambda times, when: max(_shown(times, when) - 1, 0)),
        ),
        *_mistakes(
            "the frame that ends for the one that begins",
            "Where a middle falls exactly on the edge between two frames, it takes the one that ends there. A frame "
            "is shown from its own edge on.",
            _pick_by(lambda times, when: int((times < when).sum()) - 1),
        ),
        *_mistakes(
            "nearest edge",
            "It takes the frame whose edge is nearest to the time. A frame stands on the screen until the next one "
            "begins, however long that takes.",
            _pick_by(lambda times, when: int((times[:-1] - when).abs().argmin())),
            _pick_by(lambda times, when: int((times - when).abs().argmin())),
            _pick_by(lambda times, when: min(int((times - when).abs().argmin()), len(times) - 2)),
        ),
        *_mistakes(
            "nearest middle of a frame",
            "It takes the frame whose own middle is nearest to the time. A long frame is still on the screen when the "
            "middle of a short neighbour is nearer.",
            _pick_by(lambda times, when: int(((times[:-1] + times[1:]) / 2 - when).abs().argmin())),
        ),
        *_mistakes(
            "each frame once only",
            "It gives no frame twice. Each part has its own frame; where a frame lasts longer than a part, the same "
            "number is due again.",
            lambda *given: _pick_frames(*given).unique(),
        ),
        *_mistakes(
            "a constant frame rate assumed",
            "It calculates with a mean frame rate. These frames last differently long; look the times up in `times`.",
            _pick_by(lambda times, when: int(when / float(times[-1]) * (len(times) - 1))),
            _pick_by(lambda times, when: int(when / float(times[1] - times[0]))),
            _pick_by(lambda times, when: round(when / float(times[-1]) * (len(times) - 1))),
            lambda times, frames, start, duration: _pick(
                torch.arange(len(times), dtype=times.dtype),
                frames,
                float(_shown(times, start)),
                float(_shown(times, start + duration) - _shown(times, start)),
            ),
            lambda times, frames, *_: _pick(torch.arange(float(len(times))), frames, 0.0, float(len(times) - 1)),
        ),
        *_mistakes(
            "start of the interval left out",
            "It counts the interval from the beginning of the video instead of from start_s.",
            lambda times, frames, start, duration: _pick(times, frames, 0.0, duration),
        ),
        *_mistakes(
            "duration taken for the end",
            "It takes duration_s for the time at which the interval ends; it is how long the interval lasts.",
            lambda times, frames, start, duration: _pick(times, frames, start, duration - start),
        ),
        *_mistakes(
            "numbers counted from the interval",
            "It numbers the frames from the first one of the interval; a frame keeps its number in the whole video.",
            lambda times, frames, start, duration: _pick(times, frames, start, duration) - _shown(times, start),
        ),
        *_mistakes(
            "integer division",
            "The length of a part is rounded down to whole seconds: // divides and drops the rest.",
            lambda times, frames, start, duration: _pick(times, frames, start, duration // frames * frames),
        ),
    ),
)


# A1.2


_CELLS = "r k h w c -> c (r h) (k w)"


def _sheet(frames: Tensor, columns: int, *, order: str = "(r k) h w c -> c (r h) (k w)", first: int = 0) -> Tensor:
    """Frames (t h w c) in rows; `first` black cells come before them, the others after them."""
    count = len(frames)
    rows = math.ceil(count / columns)
    empty = frames.new_zeros(rows * columns - count, *frames.shape[1:])
    cells = torch.cat([empty[:first], frames, empty[first:]])
    return rearrange(cells, order, r=rows, k=columns) / 255


def _contact_sheet(frames: Tensor, columns: int) -> Tensor:
    return _sheet(frames, columns)


def _sheet_filled(fill: Callable[[Tensor, int], Tensor]) -> Callable[..., Tensor]:
    """The sheet with something else than black in its empty cells: made from the frames and the number of cells."""

    def sheet(frames: Tensor, columns: int) -> Tensor:
        return _sheet(torch.cat([frames, fill(frames, -len(frames) % columns)]), columns)

    return sheet


def _sheet_reshaped(frames: Tensor, columns: int) -> Tensor:
    count, height, width, colours = frames.shape
    rows = math.ceil(count / columns)
    cells = torch.cat([frames, frames.new_zeros(rows * columns - count, height, width, colours)])
    return cells.reshape(colours, rows * height, columns * width) / 255


def _sheet_half_moved(frames: Tensor, columns: int) -> Tensor:
    """The colours moved to the front, and a reshape for the rest."""
    rows = math.ceil(len(frames) / columns)
    cells = torch.cat([frames, frames.new_zeros(rows * columns - len(frames), *frames.shape[1:])])
    return rearrange(cells, "n h w c -> c n h w").reshape(-1, rows * frames.shape[1], columns * frames.shape[2]) / 255


def _sheet_probes(generator: Generator) -> Iterator[Probe]:
    def probe(
        label: str, shape: tuple[int, int, int, int], columns: int, *, values: int = 256, meta: bool = False
    ) -> Probe:
        frames = torch.randint(0, values, shape, generator=generator, dtype=torch.uint8)
        return Probe(label, {"frames": frames, "columns": columns}, meta=meta)

    yield probe("the sizes of the example", (6, 4, 5, 3), 3)
    yield probe("other sizes, with one colour", (8, 5, 7, 1), 2)
    yield probe("a last row that is not full", (11, 5, 2, 3), 4)
    yield probe("fewer frames than columns", (2, 6, 4, 3), 5)
    # Without white pixels, so that nobody's largest value is 255.
    yield probe("dark frames in a single column", (7, 2, 5, 3), 1, values=180)
    yield probe("frames on another device", (7, 4, 5, 3), 3, meta=True)


_SHEET = Question(
    key="A1.2",
    title="A contact sheet",
    name="contact_sheet",
    answer=_contact_sheet,
    probes=lambda generator: list(_sheet_probes(generator)),
    returns="c H W",
    difficulty="easy",
    minutes=15,
    points=3,
    hints=(
        "Three steps: fill up with black frames until the last row is full, move the axes, bring the values into [0, "
        "1]. Start with a number of frames that fills the rows.",
        "In einops, one axis can be split and two can be joined: in '(r k) h w c -> ...' frame 0 .. k - 1 make up the "
        "first row. On the right, rows of pixels are numbered first by the row of the sheet and then by the row in "
        "the frame.",
        "rows = -(-t // columns). Concatenate rows * columns - t black frames like `frames` (same dtype and device), "
        "rearrange to c, then (r h), then (k w), and divide the uint8 tensor by 255 with /.",
    ),
    mistakes=(
        *_mistakes(
            "columns before rows",
            "The frames run down the columns; they should run along the rows, as one reads.",
            lambda frames, columns: _sheet(frames, columns, order="(k r) h w c -> c (r h) (k w)"),
        ),
        *_mistakes(
            "pixels interleaved",
            "Neighbouring pixels come from different frames. In a joined axis such as (r h) the axis that varies "
            "slowly comes first.",
            lambda frames, columns: _sheet(frames, columns, order="(r k) h w c -> c (h r) (w k)"),
        ),
        *_mistakes(
            "rows for columns",
            "It takes `columns` for the number of rows.",
            lambda frames, columns: _sheet(frames, math.ceil(len(frames) / columns)),
        ),
        *_mistakes(
            "reshape for rearrange",
            "The shape is right and the picture is not: reshape keeps the order in memory and moves no axis.",
            _sheet_reshaped,
            _sheet_half_moved,
        ),
        *_mistakes(
            "integer division",
            "Nearly everything is 0: // drops what is behind the point, and in uint8 there is nothing between 0 and 1.",
            lambda frames, columns: (_sheet(frames, columns) == 1).to(torch.uint8),
            lambda frames, columns: (_sheet(frames, columns) == 1).float(),
        ),
        *_mistakes(
            "divided by 256",
            "White is not 1: uint8 ends at 255, and 256 was taken.",
            lambda frames, columns: _sheet(frames, columns) * (255 / 256),
        ),
        *_mistakes(
            "divided by the largest value",
            "It divides by the largest value of these frames, so that dark frames become bright. It is 255 that "
            "becomes 1, whatever the frames show.",
            lambda frames, columns: _sheet(frames, columns) * (255 / frames.max()),
        ),
        *_mistakes(
            "range 0 to 255",
            "The values still run from 0 to 255; [0, 1] is asked for.",
            lambda frames, columns: _sheet(frames, columns) * 255,
            lambda frames, columns: (_sheet(frames, columns) * 255).round().to(torch.uint8),
        ),
        *_mistakes(
            "empty cells not black",
            "The empty cells at the end should be black, that is 0.",
            _sheet_filled(lambda frames, cells: frames.new_full((cells, *frames.shape[1:]), 255)),
            _sheet_filled(lambda frames, cells: frames.new_ones(cells, *frames.shape[1:])),
            _sheet_filled(lambda frames, cells: frames[-1:].expand(cells, -1, -1, -1)),
            _sheet_filled(lambda frames, cells: frames.repeat(cells, 1, 1, 1)[:cells]),
        ),
        *_mistakes(
            "empty cells first",
            "The empty cells stand before the first frame; they belong after the last one.",
            lambda frames, columns: _sheet(frames, columns, first=-len(frames) % columns),
        ),
        *_mistakes(
            "sheet too narrow",
            "Where there are fewer frames than columns, the sheet is as wide as the frames; its only row should still "
            "be `columns` frames wide, with empty cells at its end.",
            lambda frames, columns: _sheet(frames, min(columns, len(frames))),
        ),
        *_mistakes(
            "frames left out",
            "Frames that do not fill the last row are left out. Each frame is to be on the sheet.",
            lambda frames, columns: _sheet(frames[: len(frames) // columns * columns], columns),
        ),
        *_mistakes(
            "a full last row assumed",
            "It fails where the frames do not fill the last row. Fill up with black frames first.",
            lambda frames, columns: rearrange(frames, "(r k) h w c -> c (r h) (k w)", k=columns) / 255,
            lambda frames, columns: rearrange(frames.reshape(-1, columns, *frames.shape[1:]), _CELLS) / 255,
            lambda frames, columns: rearrange(frames.unflatten(0, (len(frames) // columns, columns)), _CELLS) / 255,
        ),
        *_mistakes(
            "an empty row too many",
            "Where the last row is full already, it adds an empty one.",
            lambda frames, columns: _sheet(
                torch.cat([frames, frames.new_zeros(columns - len(frames) % columns, *frames.shape[1:])]), columns
            ),
        ),
        *_mistakes(
            "height and width exchanged",
            "Each frame lies on its side: its height and width are exchanged.",
            lambda frames, columns: _sheet(frames, columns, order="(r k) h w c -> c (r w) (k h)"),
        ),
        *_mistakes(
            "colours in reverse order",
            "Its colours come in the order blue, green, red.",
            lambda frames, columns: _sheet(frames, columns).flip(0),
        ),
    ),
)


# A1.3


def _known(target: Tensor) -> Tensor:
    return ~target.isnan().any(dim=1)


def _mean_endpoint_error(flow: Tensor, target: Tensor) -> Tensor:
    known = _known(target)
    u, v = (flow - torch.where(known[:, None], target, flow)).unbind(dim=1)
    return torch.hypot(u, v)[known].mean()


def _error(length: Callable[[Tensor], Tensor], mean: Callable[[Tensor], Tensor] = torch.mean) -> Callable[..., Tensor]:
    """The mean over known pixels of another length than Euclid's; `length` gets differences (n 2)."""

    def error(flow: Tensor, target: Tensor) -> Tensor:
        difference = rearrange(flow - target, "b c h w -> b h w c")[_known(target)]
        return mean(length(difference))

    return error


def _euclid(difference: Tensor) -> Tensor:
    return difference.square().sum(dim=-1).sqrt()


def _error_over_all(flow: Tensor, target: Tensor) -> Tensor:
    return torch.linalg.vector_norm((flow - target).nan_to_num(0.0), dim=1).mean()


def _error_of_images(flow: Tensor, target: Tensor) -> Tensor:
    return torch.linalg.vector_norm(flow - target, dim=1).flatten(1).nanmean(dim=1).nanmean()


def _error_along(axis: int) -> Callable[..., Tensor]:
    def error(flow: Tensor, target: Tensor) -> Tensor:
        return torch.linalg.vector_norm(flow - target, dim=axis).nanmean()

    return error


def _error_of_pairs(flow: Tensor, target: Tensor) -> Tensor:
    """Lengths of neighbours in a list of all known numbers, where no u stands beside its v."""
    return _euclid((flow - target)[~target.isnan()].view(-1, 2)).mean()


def _error_probes(generator: Generator) -> Iterator[Probe]:
    def probe(label: str, *shape: int, unknown: float = 0.0, gradients: tuple[str, ...] = ()) -> Probe:
        target = _uniform(generator, *shape, low=-6, high=6)
        flow = target + _uniform(generator, *shape, low=-3, high=4)
        lost = _uniform(generator, shape[0], 1, *shape[2:]) < unknown * torch.arange(1, shape[0] + 1).view(-1, 1, 1, 1)
        # At least one pixel is known and one is not, whatever is drawn.
        lost[0, 0, 0, 0], lost[-1, 0, -1, -1] = unknown > 0, False
        target = target.masked_fill(lost, math.nan)
        return Probe(label, {"flow": flow, "target": target}, gradients=gradients)

    yield probe("the sizes of the example", 1, 2, 3, 4)
    yield probe("a batch of several fields", 4, 2, 5, 7)
    yield probe("a target that is unknown at some pixels", 3, 2, 8, 5, unknown=0.25)
    yield probe("the gradient", 3, 2, 4, 6, gradients=("flow",))


_ERROR = Question(
    key="A1.3",
    title="Endpoint error",
    name="mean_endpoint_error",
    answer=_mean_endpoint_error,
    probes=lambda generator: list(_error_probes(generator)),
    difficulty="easy",
    minutes=15,
    points=3,
    hints=(
        "Which axis holds u and v? It goes first, by a length; the other axes go afterwards, by a mean.",
        "Any calculation with nan gives nan. Find out beforehand which pixels are known, and let only those into the "
        "mean.",
        "The difference, squared, summed over axis 1, its root: one error per pixel, (b h w). Index it with a bool "
        "tensor of that shape that says where the target is not nan, and take the mean of what remains.",
    ),
    mistakes=(
        *_mistakes(
            "sum for mean",
            "It adds the errors of all pixels up; their mean is asked for.",
            _error(_euclid, torch.sum),
            lambda flow, target: _error(_euclid, torch.sum)(flow, target) / len(flow),
        ),
        *_mistakes(
            "missing square root",
            "It averages squared lengths, in px squared: the root of each pixel's length is missing.",
            _error(lambda difference: difference.square().sum(dim=-1)),
        ),
        *_mistakes(
            "mean square of u and v",
            "It is the mean of the squared differences of all numbers. Each pixel has one error, the length of a "
            "vector.",
            _error(lambda difference: difference.square()),
        ),
        *_mistakes(
            "root of the mean",
            "It takes the root once, of the mean of the squares. Each pixel's error is a length, so the root comes "
            "before the mean over pixels.",
            _error(lambda difference: difference.square().sum(dim=-1), lambda squares: squares.mean().sqrt()),
            _error(torch.square, lambda squares: squares.mean().sqrt()),
        ),
        *_mistakes(
            "|u| + |v| for the length",
            "It adds the absolute differences of u and v; the endpoint error is the straight distance between the "
            "ends.",
            _error(lambda difference: difference.abs().sum(dim=-1)),
            _error(lambda difference: difference.abs()),
        ),
        *_mistakes(
            "mean of u and v for their sum",
            "Below the root, the squares of u and v are averaged; a length needs their sum.",
            _error(lambda difference: difference.square().mean(dim=-1).sqrt()),
        ),
        *_mistakes(
            "u and v mixed",
            "It adds u and v before squaring, so that errors of opposite sign cancel.",
            _error(lambda difference: difference.sum(dim=-1).square().sqrt()),
        ),
        *_mistakes(
            "lengths compared",
            "It compares the lengths of both flows: a flow of the right speed in a wrong direction would have no "
            "error.",
            lambda flow, target: (flow.norm(dim=1) - target.norm(dim=1))[_known(target)].abs().mean(),
            lambda flow, target: (flow.norm(dim=1) - target.norm(dim=1))[_known(target)].mean(),
        ),
        *_mistakes(
            "u and v swapped",
            "The channels of one of the flows are exchanged: u is compared with v.",
            lambda flow, target: _mean_endpoint_error(flow.flip(1), target),
        ),
        *_mistakes(
            "unknown pixels counted",
            "A pixel whose target is unknown enters the mean, as if its error were known. It should be left out of "
            "the sum and of the number that the sum is divided by.",
            _error_over_all,
            lambda flow, target: _mean_endpoint_error(flow, target.nan_to_num(0.0)),
        ),
        *_mistakes(
            "unknown pixels not left out",
            "It returns nan as soon as one pixel of the target is unknown. Those pixels are to be left out.",
            lambda flow, target: torch.linalg.vector_norm(flow - target, dim=1).mean(),
        ),
        *_mistakes(
            "mean of means",
            "It averages within each field first and then over the fields, so that pixels of a field with few known "
            "ones weigh more. Each known pixel of the batch should count the same.",
            _error_of_images,
        ),
        *_mistakes(
            "length over the wrong axis",
            "The length runs over another axis than that of u and v.",
            *(_error_along(axis) for axis in (0, 2, 3)),
        ),
        *_mistakes(
            "pairs of the wrong numbers",
            "Its pairs are not the u and v of one pixel: in a flat list of all numbers, those of channel 1 come "
            "behind all those of channel 0. Take the length over the channels while they are still an axis.",
            _error_of_pairs,
            lambda flow, target: _euclid((flow - target).reshape(-1, 2)).nanmean(),
        ),
    ),
)


# A1.4


def _centres(flow: Tensor) -> tuple[Tensor, Tensor]:
    """x (1 1 w) and y (1 h 1) of the pixel centres."""
    height, width = flow.shape[-2:]
    x = torch.arange(width, device=flow.device, dtype=flow.dtype)
    y = torch.arange(height, device=flow.device, dtype=flow.dtype)
    return x.view(1, 1, width), y.view(1, height, 1)


def _fetch(image: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The image (b c h w) at whole places (b h w), with the nearest border pixel for those outside."""
    height, width = image.shape[-2:]
    batch = torch.arange(len(image), device=image.device).view(-1, 1, 1)
    x, y = x.detach().long().clamp(0, width - 1), y.detach().long().clamp(0, height - 1)
    return rearrange(image[batch, :, y, x], "b h w c -> b c h w")


def _sample(image: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The image at places (b h w) between the pixels."""
    height, width = image.shape[-2:]
    x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
    left, top = x.detach().floor(), y.detach().floor()
    right_share, low_share = (x - left)[:, None], (y - top)[:, None]
    upper = (1 - right_share) * _fetch(image, left, top) + right_share * _fetch(image, left + 1, top)
    lower = (1 - right_share) * _fetch(image, left, top + 1) + right_share * _fetch(image, left + 1, top + 1)
    return (1 - low_share) * upper + low_share * lower


def _backward_warp(second: Tensor, flow: Tensor) -> Tensor:
    x, y = _centres(flow)
    return _sample(second, x + flow[:, 0], y + flow[:, 1])


def _warp_edited(edit: _Edit) -> Callable[..., Tensor]:
    return lambda second, flow: _backward_warp(second, edit(flow))


def _push(second: Tensor, flow: Tensor, *, clamp: bool, shares: bool = False, mean: bool = False) -> Tensor:
    """Forward warp: each pixel's value is put where its own flow points to."""
    count, _, height, width = second.shape
    x, y = _centres(flow)
    x, y = (x + flow[:, 0]).detach(), (y + flow[:, 1]).detach()
    if clamp:
        x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
    result, weights = torch.zeros_like(second), torch.zeros_like(second)
    for b in range(count):
        for i in range(height):
            for j in range(width):
                at_x, at_y = float(x[b, i, j]), float(y[b, i, j])
                corners = [(round(at_x), round(at_y), 1.0)]
                if shares:
                    left, top = math.floor(at_x), math.floor(at_y)
                    corners = [
                        (left + k, top + m, (1 - abs(at_x - left - k)) * (1 - abs(at_y - top - m)))
                        for k in (0, 1)
                        for m in (0, 1)
                    ]
                for column, row, share in corners:
                    if 0 <= column < width and 0 <= row < height:
                        if shares:
                            result[b, :, row, column] += share * second[b, :, i, j]
                            weights[b, :, row, column] += share
                        else:
                            result[b, :, row, column] = second[b, :, i, j]
    return result / weights.clamp(min=1e-6) if mean else result


def _pushed(**how: bool) -> Callable[..., Tensor]:
    return lambda second, flow: _push(second, flow, **how)


def _grid_sampled(
    second: Tensor,
    flow: Tensor,
    *,
    padding: str = "border",
    mode: str = "bilinear",
    corners: bool = True,
    spans: Callable[[int, int], tuple[float, float]] = lambda height, width: (width - 1, height - 1),
    swapped: bool = False,
) -> Tensor:
    """`grid_sample` with coordinates normalised by `spans`, the width and the height that count as 2."""
    x, y = _centres(flow)
    across, down = spans(*flow.shape[-2:])
    places = [2 * (x + flow[:, 0]) / across - 1, 2 * (y + flow[:, 1]) / down - 1]
    grid = torch.stack(places[::-1] if swapped else places, dim=-1)
    return F.grid_sample(second, grid, mode=mode, padding_mode=padding, align_corners=corners)


def _sampled(**how: object) -> Callable[..., Tensor]:
    return lambda second, flow: _grid_sampled(second, flow, **how)  # type: ignore[arg-type]


def _warp_nearest(second: Tensor, flow: Tensor) -> Tensor:
    x, y = _centres(flow)
    return _fetch(second, (x + flow[:, 0]).round(), (y + flow[:, 1]).round())


def _warp_floored(second: Tensor, flow: Tensor) -> Tensor:
    x, y = _centres(flow)
    return _fetch(second, (x + flow[:, 0]).floor(), (y + flow[:, 1]).floor())


def _warp_round_the_border(second: Tensor, flow: Tensor) -> Tensor:
    height, width = second.shape[-2:]
    x, y = _centres(flow)
    # One ring of pixels from the other side, so that the last pixel mixes with the first.
    ringed = F.pad(second, (0, 1, 0, 1), mode="circular")
    places = (x + flow[:, 0]) % width, (y + flow[:, 1]) % height
    padded = [F.pad(place, (0, 1, 0, 1)) for place in places]
    return _sample(ringed, *padded)[..., :height, :width]


def _warp_exchanged_shares(second: Tensor, flow: Tensor) -> Tensor:
    x, y = _centres(flow)
    x, y = x + flow[:, 0], y + flow[:, 1]
    height, width = second.shape[-2:]
    x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
    return _sample(second, x.floor() + (1 - x % 1), y.floor() + (1 - y % 1))


def _warp_continued(last: int) -> Callable[..., Tensor]:
    """The neighbours stay in the picture and the place does not; the left one goes up to `last` before the end."""

    def warp(second: Tensor, flow: Tensor) -> Tensor:
        height, width = second.shape[-2:]
        x, y = _centres(flow)
        x, y = x + flow[:, 0], y + flow[:, 1]
        left, top = x.detach().floor().clamp(0, width - last), y.detach().floor().clamp(0, height - last)
        right_share, low_share = (x - left)[:, None], (y - top)[:, None]
        upper = (1 - right_share) * _fetch(second, left, top) + right_share * _fetch(second, left + 1, top)
        lower = (1 - right_share) * _fetch(second, left, top + 1) + right_share * _fetch(second, left + 1, top + 1)
        return (1 - low_share) * upper + low_share * lower

    return warp


def _warp_first_flow(second: Tensor, flow: Tensor) -> Tensor:
    return _backward_warp(second, flow[:1].expand_as(flow))


def _warp_probes(generator: Generator) -> Iterator[Probe]:
    def probe(
        label: str,
        batch: int,
        channels: int,
        height: int,
        width: int,
        *,
        whole: bool = False,
        largest: float = 1.0,
        gradients: tuple[str, ...] = (),
        meta: bool = False,
    ) -> Probe:
        second = _uniform(generator, batch, channels, height, width)
        flow = _uniform(generator, batch, 2, height, width, low=-largest, high=largest)
        if whole:
            flow = flow.round()
        return Probe(label, {"second": second, "flow": flow}, gradients=gradients, meta=meta)

    yield probe("the sizes of the example", 1, 3, 4, 5, largest=1.7)
    yield probe("a flow of whole pixels", 3, 1, 5, 8, whole=True, largest=1.5)
    yield probe("a flow of fractions of a pixel", 3, 4, 5, 7, largest=0.9)
    yield probe("a flow that leaves the picture", 4, 3, 7, 5, largest=9.0)
    # A kink at a whole pixel has no one gradient: these places keep away from it, and from the border.
    height, width = 5, 7
    inner = _uniform(generator, 1, 2, height, width, low=0.1, high=0.9)
    x, y = torch.arange(float(width)), torch.arange(float(height))
    inner[:, 0] += torch.where(x == width - 1, -1, 0) - torch.where(x > 2, 1, 0) * (x < width - 1)
    inner[:, 1] += torch.where(y == height - 1, -1, 0)[:, None]
    arguments = {"second": _uniform(generator, 1, 3, height, width), "flow": inner}
    yield Probe("the gradient", arguments, gradients=("second", "flow"))
    yield probe("images on another device", 3, 1, 4, 6, meta=True)


_WARP = Question(
    key="A1.4",
    title="Backward warp",
    name="backward_warp",
    answer=_backward_warp,
    probes=lambda generator: list(_warp_probes(generator)),
    returns="b c h w",
    difficulty="hard",
    minutes=25,
    points=5,
    hints=(
        "Ask for each pixel of the result where it comes from: at (x, y) the value of `second` at (x + u, y + v). "
        "First make the two coordinates (b h w) for all pixels, then fetch.",
        "Clamp the coordinates to the picture first. Between pixels, the value is a mean of four neighbours: left and "
        "right weighed by how near they are, and so above and below. Or let F.grid_sample do that; it wants "
        "coordinates from -1 to 1, x before y, on the last axis.",
        "With F.grid_sample: x' = 2 * (x + u) / (w - 1) - 1, y' = 2 * (y + v) / (h - 1) - 1, stacked on the last axis "
        "as (x', y'), with mode='bilinear', padding_mode='border', align_corners=True. Coordinates from torch.arange "
        "need the flow's device.",
    ),
    mistakes=(
        *_mistakes(
            "flow sign flipped",
            "It samples at x - flow. The flow leads from the first frame to the second, and the value is fetched at "
            "its end.",
            _warp_edited(torch.neg),
            _warp_edited(lambda flow: flow * flow.new_tensor([-1.0, 1.0]).view(2, 1, 1)),
            _warp_edited(lambda flow: flow * flow.new_tensor([1.0, -1.0]).view(2, 1, 1)),
        ),
        *_mistakes(
            "u and v swapped",
            "It adds channel 1 of the flow to x and channel 0 to y; channel 0 is u, to the right, and channel 1 is v, "
            "down.",
            _warp_edited(lambda flow: flow.flip(1)),
            _warp_edited(lambda flow: -flow.flip(1)),
        ),
        *_mistakes(
            "x and y exchanged",
            "The coordinates reach the image in the order (y, x): rows and columns are exchanged. Take care which "
            "comes first: grid_sample wants (x, y), an index wants [row, column].",
            _sampled(swapped=True),
            _sampled(swapped=True, spans=lambda height, width: (height - 1, width - 1)),
        ),
        *_mistakes(
            "forward for backward warp",
            "It pushes each pixel to where its flow points, which leaves holes and collisions. A backward warp "
            "fetches: each pixel of the result asks where its value lies in the second frame.",
            _pushed(clamp=False),
            _pushed(clamp=True),
            _pushed(clamp=False, shares=True),
            _pushed(clamp=True, shares=True),
            _pushed(clamp=False, shares=True, mean=True),
            _pushed(clamp=True, shares=True, mean=True),
        ),
        *_mistakes(
            "nearest pixel for bilinear",
            "It takes one pixel where the flow ends between pixels; there, the four neighbours are to be mixed.",
            _warp_nearest,
            _warp_floored,
            _sampled(mode="nearest"),
        ),
        *_mistakes(
            "black outside",
            "Where the flow leaves the picture it gives 0; the nearest pixel of the border is asked for.",
            _sampled(padding="zeros"),
        ),
        *_mistakes(
            "mirror or other side at the border",
            "Where the flow leaves the picture it does not take the nearest pixel of the border.",
            _sampled(padding="reflection"),
            _warp_round_the_border,
        ),
        *_mistakes(
            "continued beyond the border",
            "Outside the picture it goes on as steeply as between the last two pixels. The neighbours are kept inside "
            "and the place itself is not, so that a share is larger than 1 or below 0.",
            _warp_continued(2),
            _warp_continued(1),
        ),
        *_mistakes(
            "coordinates scaled wrongly",
            "Even a flow of 0 does not give the image back: the coordinates in pixels and those of grid_sample do not "
            "fit each other. Work out by hand where the last pixel must land with the align_corners that you chose.",
            _sampled(corners=False),
            _sampled(spans=lambda height, width: (width, height)),
            _sampled(spans=lambda height, width: (width, height), corners=False),
            _sampled(spans=lambda height, width: (height - 1, width - 1)),
            _sampled(spans=lambda height, width: (width - 1, height - 1), corners=False, padding="zeros"),
            _sampled(spans=lambda height, width: (width, height), corners=False, padding="zeros"),
            _sampled(spans=lambda height, width: (width, height), padding="zeros"),
        ),
        *_mistakes(
            "shares of the neighbours exchanged",
            "The nearer neighbour gets the smaller share.",
            _warp_exchanged_shares,
        ),
        *_mistakes(
            "flow of the first image for all",
            "All images of the batch are warped with the flow of the first one.",
            _warp_first_flow,
        ),
        *_mistakes(
            "flow ignored",
            "It returns the image as it was.",
            lambda second, flow: second + 0 * flow.sum(),
        ),
    ),
)


# A1.5


def _resized(
    flow: Tensor,
    size: tuple[int, int],
    *,
    scale: Callable[[float, float], tuple[float, float]] = lambda down, across: (across, down),
    **how: object,
) -> Tensor:
    """The flow (b 2 t h w) resized; `scale` makes the factors of u and v from those of height and width."""
    frames = flow.shape[2]
    options = {"mode": "bilinear", "align_corners": False} | how
    small = F.interpolate(rearrange(flow, "b c t h w -> (b t) c h w"), size=tuple(size), **options)  # type: ignore[arg-type]
    factors = scale(size[0] / flow.shape[3], size[1] / flow.shape[4])
    u, v = (small[:, i] * factors[i] for i in (0, 1))
    return rearrange([u, v], "c (b t) h w -> b c t h w", t=frames)


def _resize_flow(flow: Tensor, size: tuple[int, int]) -> Tensor:
    return _resized(flow, size)


def _resize(**how: object) -> Callable[..., Tensor]:
    return lambda flow, size: _resized(flow, size, **how)  # type: ignore[arg-type]


def _resize_scaled(scale: Callable[[float, float], tuple[float, float]]) -> Callable[..., Tensor]:
    return lambda flow, size: _resized(flow, size, scale=scale)


def _resize_reshaped(flow: Tensor, size: tuple[int, int]) -> Tensor:
    count, _, frames, height, width = flow.shape
    small = F.interpolate(flow.reshape(count * frames, 2, height, width), tuple(size), mode="bilinear")
    factors = flow.new_tensor([size[1] / width, size[0] / height]).view(2, 1, 1)
    return (small * factors).reshape(count, 2, frames, *size)


def _resize_whole_factors(flow: Tensor, size: tuple[int, int]) -> Tensor:
    down, across = size[0] // flow.shape[3], size[1] // flow.shape[4]
    return _resized(flow, size, scale=lambda *_: (across, down))


def _resize_mixed(joined: str, split: str) -> Callable[..., Tensor]:
    """Clips and steps joined to one axis in one order and taken apart in another."""

    def resize(flow: Tensor, size: tuple[int, int]) -> Tensor:
        fields = rearrange(_resize_flow(flow, size), f"b c t h w -> {joined} c h w")
        return rearrange(fields, f"{split} c h w -> b c t h w", t=flow.shape[2])

    return resize


def _resize_probes(generator: Generator) -> Iterator[Probe]:
    def probe(label: str, shape: tuple[int, ...], size: tuple[int, int], *, meta: bool = False) -> Probe:
        return Probe(label, {"flow": _uniform(generator, *shape, low=-5, high=5), "size": size}, meta=meta)

    yield probe("the sizes of the example", (1, 2, 3, 4, 8), (8, 12))
    yield probe("a field that grows", (4, 2, 3, 5, 7), (9, 16))
    yield probe("a field that shrinks", (1, 2, 4, 9, 14), (6, 5))
    yield probe("a field that grows in one direction only", (3, 2, 1, 6, 5), (13, 5))
    yield probe("a flow on another device", (3, 2, 1, 6, 5), (4, 8), meta=True)


_RESIZE = Question(
    key="A1.5",
    title="A flow at another size",
    name="resize_flow",
    answer=_resize_flow,
    probes=lambda generator: list(_resize_probes(generator)),
    returns="b 2 t h w",
    difficulty="medium",
    minutes=15,
    points=3,
    hints=(
        "Two things change: how many pixels there are, and how long a pixel is. A motion of 4 px in a field that "
        "becomes half as wide is a motion of how many px?",
        "F.interpolate resizes pictures (n c h w), so one axis of the flow has to go elsewhere for that time. "
        "Afterwards u is multiplied with what the width was multiplied with, v with that of the height.",
        "Rearrange to (b t) 2 h w, interpolate with mode='bilinear', align_corners=False, multiply channel 0 with new "
        "width / old width and channel 1 with new height / old height, rearrange back with t=t.",
    ),
    mistakes=(
        *_mistakes(
            "flow resized without rescaling",
            "The field has its new size and the old numbers. A flow is in pixels, and the pixels are others now.",
            _resize_scaled(lambda down, across: (1.0, 1.0)),
        ),
        *_mistakes(
            "one factor for both directions",
            "u and v are multiplied with the same factor. Height and width may change differently.",
            _resize_scaled(lambda down, across: (across, across)),
            _resize_scaled(lambda down, across: (down, down)),
            _resize_scaled(lambda down, across: ((down + across) / 2, (down + across) / 2)),
            _resize_scaled(lambda down, across: (math.sqrt(down * across), math.sqrt(down * across))),
            _resize_scaled(lambda down, across: (down * across, down * across)),
        ),
        *_mistakes(
            "factors of height and width exchanged",
            "u is multiplied with the factor of the height and v with that of the width; u is the motion across.",
            _resize_scaled(lambda down, across: (down, across)),
        ),
        *_mistakes(
            "divided for multiplied",
            "In a field of twice the size a motion takes twice as many pixels, not half as many.",
            _resize_scaled(lambda down, across: (1 / across, 1 / down)),
            _resize_scaled(lambda down, across: (1 / down, 1 / across)),
        ),
        *_mistakes(
            "only u or only v rescaled",
            "One of the two channels keeps its old numbers.",
            _resize_scaled(lambda down, across: (across, 1.0)),
            _resize_scaled(lambda down, across: (1.0, down)),
        ),
        *_mistakes(
            "integer division",
            "The factor is rounded down to a whole number, so that a field that shrinks does not move at all.",
            _resize_whole_factors,
        ),
        *_mistakes(
            "reshape for rearrange",
            "The shape is right and the values are mixed up: reshape does not move the time axis past the channels.",
            _resize_reshaped,
        ),
        *_mistakes(
            "clips and steps mixed up",
            "With several clips, steps of one end up in another: the axis of clips and steps is taken apart in another "
            "order than it was joined in.",
            _resize_mixed("(b t)", "(t b)"),
            _resize_mixed("(t b)", "(b t)"),
        ),
        *_mistakes(
            "align_corners=True",
            "It lays the centres of the corner pixels upon each other; align_corners=False is asked for.",
            _resize(align_corners=True),
        ),
        *_mistakes(
            "nearest pixel for bilinear",
            "It takes one pixel for each new one; bilinear interpolation is asked for.",
            _resize(mode="nearest", align_corners=None),
            _resize(mode="nearest-exact", align_corners=None),
            _resize(mode="area", align_corners=None),
        ),
        *_mistakes(
            "another interpolation",
            "It does not interpolate as asked: bilinear, with align_corners=False and without antialias.",
            _resize(antialias=True),
            _resize(mode="bicubic"),
        ),
    ),
)


# A1.6


def _data_step(
    flow: Tensor, start: Tensor, gradient: Tensor, difference: Tensor, lambda_: float, theta: float
) -> Tensor:
    residual = difference + ((flow - start) * gradient).sum(dim=1)
    square = gradient.square().sum(dim=1)
    most = lambda_ * theta
    # How far along the gradient, in units of it; a pixel without one has nowhere to go.
    far = torch.where(square > 0, residual / square.clamp(min=1e-12), 0.0)
    return flow - gradient * far.clamp(-most, most)[:, None]


def _step(
    *,
    residual: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor] = lambda u, u0, g, d: (
        d + ((u - u0) * g).sum(1, keepdim=True)
    ),
    square: _Edit = lambda g: g.square().sum(1, keepdim=True),
    limit: Callable[[float, float, Tensor], Tensor | float] = lambda lambda_, theta, square: lambda_ * theta * square,
    inner: Callable[[Tensor, Tensor, Tensor], Tensor] = lambda rho, g, square: rho * g / square,
    outer: Callable[[float, float, Tensor], Tensor] = lambda lambda_, theta, g: lambda_ * theta * g,
    along: _Edit = _same,
    sign: float = -1.0,
    outer_sign: float = 1.0,
    base: Callable[[Tensor, Tensor], Tensor] = lambda u, u0: u,
) -> Callable[..., Tensor]:
    """The three cases as they stand in the paper, each piece of which can be another one; all have axes (b . h w)."""

    def step(flow: Tensor, start: Tensor, gradient: Tensor, difference: Tensor, lambda_: float, theta: float) -> Tensor:
        rho = residual(flow, start, gradient, difference[:, None])
        length = square(gradient)
        bound = limit(lambda_, theta, length)
        along_ = along(gradient)
        far = outer(lambda_, theta, along_) * outer_sign
        middle = torch.where(length > 0, inner(rho, along_, length.clamp(min=1e-12)), torch.zeros_like(along_))
        moved = torch.where(rho > bound, far, torch.where(rho < -bound, -far, middle))
        return base(flow, start) + sign * moved

    return step


def _step_with_nan(
    flow: Tensor, start: Tensor, gradient: Tensor, difference: Tensor, lambda_: float, theta: float
) -> Tensor:
    residual = difference + ((flow - start) * gradient).sum(dim=1)
    far = (residual / gradient.square().sum(dim=1)).clamp(-lambda_ * theta, lambda_ * theta)
    return flow - gradient * far[:, None]


def _step_held(*, more: float = 0.0, by_component: bool = False) -> Callable[..., Tensor]:
    """The step as a clamp, with `more` added to the divisor, or with u and v held by themselves."""

    def step(flow: Tensor, start: Tensor, gradient: Tensor, difference: Tensor, lambda_: float, theta: float) -> Tensor:
        square = gradient.square().sum(dim=1) + more
        residual = difference + ((flow - start) * gradient).sum(dim=1)
        far = torch.where(square > 0, residual / square.clamp(min=1e-12), 0.0)[:, None]
        most = lambda_ * theta
        held = (gradient * far).clamp(-most, most) if by_component else gradient * far.clamp(-most, most)
        return flow - held

    return step


def _step_probes(generator: Generator) -> Iterator[Probe]:
    def probe(
        label: str,
        batch: int,
        height: int,
        width: int,
        *,
        lambda_: float,
        theta: float,
        moved: float = 0.5,
        flat: bool = False,
        brightness: float = 1.0,
        slopes: tuple[float, float] = (0.15, 1.2),
        meta: bool = False,
    ) -> Probe:
        shape = (batch, 2, height, width)
        start = _uniform(generator, *shape, low=-4, high=4)
        flow = start + _uniform(generator, *shape, low=-moved, high=moved)
        sign = torch.randint(0, 2, shape, generator=generator) * 2.0 - 1
        gradient = sign * _uniform(generator, *shape, low=slopes[0], high=slopes[1])
        difference = _uniform(generator, batch, height, width, low=-brightness, high=brightness)
        if flat:
            gradient[:, :, 1], difference[:, 1, ::2] = 0.0, 0.0
        arguments = {"flow": flow, "start": start, "gradient": gradient, "difference": difference}
        return Probe(label, arguments | {"lambda_": lambda_, "theta": theta}, meta=meta)

    yield probe("the sizes of the example", 1, 4, 5, lambda_=2.5, theta=0.3)
    yield probe("a batch of several pairs", 3, 7, 6, lambda_=1.6, theta=0.4)
    # So weak that a number added to their square shows, if it is more than rounding.
    weak = {"slopes": (0.05, 0.12), "brightness": 0.06, "moved": 0.2}
    label = "weak gradients and a large lambda, where no pixel reaches the limit"
    yield probe(label, 1, 5, 9, lambda_=200.0, theta=0.3, **weak)  # type: ignore[arg-type]
    yield probe("a small lambda, where all pixels reach the limit", 3, 4, 8, lambda_=0.05, theta=0.2, brightness=30.0)
    yield probe("pixels without a gradient", 4, 3, 7, lambda_=2.0, theta=0.35, flat=True)
    yield probe("a flow on another device", 3, 4, 5, lambda_=2.0, theta=0.3, meta=True)


_STEP = Question(
    key="A1.6",
    title="One step of TV-L1",
    name="data_step",
    answer=_data_step,
    probes=lambda generator: list(_step_probes(generator)),
    returns="b 2 h w",
    difficulty="hard",
    minutes=25,
    points=5,
    hints=(
        "Everything happens at each pixel alone. Make two maps (b 1 h w) first: the residual rho and the squared "
        "length of the gradient. Then write down the three cases.",
        "The products in rho and in the squared length run over the two channels: multiply, then sum over axis 1. "
        "torch.where chooses between cases, and chooses after both have been calculated, also where one divides by 0.",
        "All three cases say: flow minus the gradient times a number, and the number is rho / |g|^2, held between "
        "-lambda * theta and lambda * theta (clamp). Where |g|^2 is 0, let the number be 0; torch.where with a "
        "divisor that was clamped away from 0 does it.",
    ),
    mistakes=(
        *_mistakes(
            "sign of the step flipped",
            "It steps up: the brightness difference grows. A positive residual asks for a step against the gradient.",
            _step(sign=1.0),
        ),
        *_mistakes(
            "limited cases exchanged",
            "Where the limit is reached, the step goes the wrong way.",
            _step(outer_sign=-1.0),
        ),
        *_mistakes(
            "no limit",
            "It always steps all the way to where the residual is 0. The step is limited: lambda theta times the "
            "gradient is the longest.",
            _step(limit=lambda *_: math.inf),
        ),
        *_mistakes(
            "always the longest step",
            "It takes the longest step everywhere, also where the residual is smaller than the limit.",
            _step(limit=lambda *_: 0.0),
        ),
        *_mistakes(
            "limit without the squared gradient",
            "It compares the residual with lambda theta alone; the limit is lambda theta times the squared length of "
            "the gradient.",
            _step(limit=lambda lambda_, theta, _: lambda_ * theta),
        ),
        *_mistakes(
            "missing square",
            "The gradient's length stands where its square is asked for.",
            _step(square=lambda g: g.square().sum(1, keepdim=True).sqrt()),
            _step(inner=lambda rho, g, square: rho * g / square.sqrt()),
            _step(limit=lambda lambda_, theta, square: lambda_ * theta * square.sqrt()),
        ),
        *_mistakes(
            "limit for each component",
            "It limits u and v of the step by themselves, to lambda theta. The longest step is lambda theta times the "
            "gradient, so it is short where the gradient is weak and keeps its direction.",
            _step_held(by_component=True),
        ),
        *_mistakes(
            "a number added to the divisor",
            "It adds a number to the squared length of the gradient before it divides. That makes the step too short "
            "wherever the gradient is weak; only where it is 0 does the division need care.",
            *(_step_held(more=more) for more in (1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0)),
            *(
                _step(inner=lambda rho, g, square, more=more: rho * g / (square + more))  # type: ignore[misc]
                for more in (1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0)
            ),
        ),
        *_mistakes(
            "step not divided",
            "In the middle case the step is the residual times the gradient; it should be divided by the gradient's "
            "squared length, which makes it a number of pixels.",
            _step(inner=lambda rho, g, _: rho * g),
        ),
        *_mistakes(
            "direction forgotten",
            "The step has no direction: it is the residual divided by the squared length, and the gradient itself is "
            "missing.",
            _step(inner=lambda rho, g, square: (rho / square).expand_as(g)),
        ),
        *_mistakes(
            "residual without the linear term",
            "Its residual is the brightness difference at `start` and does not know that the flow has moved on since "
            "then.",
            _step(residual=lambda u, u0, g, d: d),
        ),
        *_mistakes(
            "start left out",
            "Its residual multiplies the gradient with the whole flow. The difference was measured at `start`, so "
            "only what the flow has moved since then counts.",
            _step(residual=lambda u, u0, g, d: d + (u * g).sum(1, keepdim=True)),
            _step(residual=lambda u, u0, g, d: d + (u0 * g).sum(1, keepdim=True)),
        ),
        *_mistakes(
            "sign in the residual flipped",
            "One term of its residual has the wrong sign.",
            _step(residual=lambda u, u0, g, d: d + ((u0 - u) * g).sum(1, keepdim=True)),
            _step(residual=lambda u, u0, g, d: ((u - u0) * g).sum(1, keepdim=True) - d),
        ),
        *_mistakes(
            "each channel by itself",
            "u and v are treated one by one. The residual and the squared length are sums over both channels.",
            _step(residual=lambda u, u0, g, d: d + (u - u0) * g, square=torch.square),
            _step(square=torch.square),
            _step(residual=lambda u, u0, g, d: d + (u - u0) * g),
        ),
        *_mistakes(
            "u and v swapped",
            "The step goes along the gradient with its channels exchanged.",
            _step(along=lambda g: g.flip(1)),
        ),
        *_mistakes(
            "lambda or theta forgotten",
            "The limit is the product of lambda and theta times something; one of them is missing or divides.",
            *(
                _step(
                    limit=lambda lambda_, theta, square, much=much: much(lambda_, theta) * square,  # type: ignore[misc]
                    outer=lambda lambda_, theta, g, much=much: much(lambda_, theta) * g,  # type: ignore[misc]
                )
                for much in (lambda a, _: a, lambda _, b: b, lambda a, b: a / b, lambda a, b: b / a)
            ),
            _step(limit=lambda lambda_, theta, square: lambda_ * square),
            _step(limit=lambda lambda_, theta, square: theta * square),
            _step(outer=lambda lambda_, theta, g: lambda_ * g),
            _step(outer=lambda lambda_, theta, g: theta * g),
        ),
        *_mistakes(
            "the step for the flow",
            "It returns the step alone; the flow after the step is asked for.",
            _step(base=lambda u, u0: torch.zeros_like(u)),
        ),
        *_mistakes(
            "step from the start",
            "It steps from `start` instead of from `flow`.",
            _step(base=lambda u, u0: u0),
        ),
        *_mistakes(
            "flow lost without a gradient",
            "Where the gradient is 0, it returns a flow of 0. There, the flow should stay as it is: it is the step "
            "that is 0.",
            lambda *given: _step_with_nan(*given).nan_to_num(0.0),
            lambda *given: torch.where(given[2].abs().sum(dim=1, keepdim=True) > 0, _data_step(*given), 0.0),
        ),
        *_mistakes(
            "nan without a gradient",
            "It returns nan where the gradient is 0 and nothing changed: 0 / 0. There, the flow should stay as it is.",
            _step_with_nan,
        ),
    ),
)


# A1.7


def _path(
    flow: Tensor,
    points: Tensor,
    *,
    turned: bool = False,
    limits_turned: bool = False,
    signs: tuple[float, float] = (1.0, 1.0),
    exchanged: bool = False,
    aliased: bool = False,
    on_copy: bool = False,
    copies: bool = False,
    first: int = 0,
    last: int | None = None,
    restart: bool = False,
    rounded: bool = False,
    kept: bool = False,
    looked_up_once: bool = False,
) -> Tensor:
    """Paths (n t 2) of points (n 2); each option but none is a bug, in the given code or in a repair of it."""
    height, width = flow.shape[2:]
    position = points.clone() if on_copy else points
    path = [position]
    for step in flow.unbind(dim=1):
        place = points if looked_up_once else position
        x, y = place[:, 0].round().long(), place[:, 1].round().long()
        if turned:
            x, y = x.clamp(0, height - 1), y.clamp(0, width - 1)
            moved = step[:, x, y]
        elif limits_turned:
            moved = step[:, y.clamp(0, width - 1), x.clamp(0, height - 1)]
        else:
            moved = step[:, y.clamp(0, height - 1), x.clamp(0, width - 1)]
        if exchanged:
            moved = moved.flip(0)
        if aliased:
            position[:, 0] += signs[0] * moved[0]
            position[:, 1] += signs[1] * moved[1]
        else:
            begin = points if restart else position.round() if rounded else position
            x, y = begin[:, 0] + signs[0] * moved[0], begin[:, 1] + signs[1] * moved[1]
            if kept:
                x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
            position = torch.stack([x, y], dim=1)
        path.append(position.clone() if copies else position)
    return torch.stack(path[first:last], dim=1)


def _follow(flow: Tensor, points: Tensor) -> Tensor:
    return _path(flow, points)


def _paths(**how: object) -> Callable[..., Tensor]:
    return lambda flow, points: _path(flow, points, **how)  # type: ignore[arg-type]


def _follow_probes(generator: Generator) -> Iterator[Probe]:
    def probe(
        label: str, steps: int, height: int, width: int, count: int, *, far: float = 0.0, meta: bool = False
    ) -> Probe:
        # Eighths and sixteenths: sums are exact, and no position lies half-way between two pixels.
        flow = torch.randint(-12, 13, (2, steps, height, width), generator=generator) / 8
        limits = torch.tensor([width + 2 * far, height + 2 * far])
        points = (_uniform(generator, count, 2) * limits - far).mul(8).floor() / 8 + 1 / 16
        return Probe(label, {"flow": flow, "points": points}, meta=meta)

    yield probe("the sizes of the example", 3, 5, 6, 4)
    yield probe("a wide picture", 4, 6, 13, 5)
    yield probe("a high picture", 3, 14, 5, 7)
    yield probe("a single point and a single step", 1, 7, 8, 1)
    yield probe("points outside the picture", 6, 8, 5, 9, far=4.0)
    yield probe("a flow on another device", 3, 5, 7, 4, meta=True)


_AXES = "The look-up in the flow takes x for the row. The flow has axes (2 t h w): the row is y and comes first."
_SIGN = "The points go up where the flow goes down. v counts downwards, and so does y."
_COPY = (
    "All places of a path are one and the same tensor, edited in place, and so is the `points` of whoever called. "
    "Make a new tensor for each new place."
)

_FIND = Question(
    key="A1.7",
    title="Find the bugs",
    name="follow",
    answer=_follow,
    probes=lambda generator: list(_follow_probes(generator)),
    returns="n t 2",
    difficulty="medium",
    minutes=20,
    points=3,
    hints=(
        "Give it a flow whose answer you know: the same (1, 0) everywhere, then (0, 1), and then a flow that is 0 but "
        "for one row. Print the paths, and `points` afterwards.",
        "One bug is about which axis of the flow is which, one about a sign, one about what += does to a tensor that "
        "somebody else holds too.",
        "The flow is (2 t h w), so the row, from y with height - 1 as its limit, is indexed before the column; v is "
        "added like u; and `position = position + ...` makes a new tensor where `position += ...` edits the one that "
        "is in the path already.",
    ),
    mistakes=(
        *_mistakes(
            "no bug repaired",
            "All three bugs are still there: rows and columns, a sign, and an edit in place.",
            _paths(turned=True, signs=(1.0, -1.0), aliased=True),
            _paths(turned=True, signs=(1.0, -1.0), aliased=True, on_copy=True),
        ),
        *_mistakes(
            "rows and columns still exchanged",
            _AXES,
            _paths(turned=True),
            _paths(turned=True, signs=(1.0, -1.0)),
            _paths(turned=True, aliased=True),
            _paths(turned=True, aliased=True, on_copy=True),
            _paths(turned=True, exchanged=True),
        ),
        *_mistakes(
            "sign of v still flipped",
            _SIGN,
            _paths(signs=(1.0, -1.0)),
            _paths(signs=(1.0, -1.0), aliased=True),
            _paths(signs=(1.0, -1.0), aliased=True, on_copy=True),
        ),
        *_mistakes(
            "still edited in place",
            _COPY,
            _paths(aliased=True),
        ),
        *_mistakes(
            "one tensor in all places",
            "`points` is safe now, but all places of a path are still one tensor, edited in place, so that each path "
            "shows its end only.",
            _paths(aliased=True, on_copy=True),
        ),
        *_mistakes(
            "first place edited in place",
            "Each path begins where it ends: its first place is still the tensor that is edited in place afterwards.",
            _paths(aliased=True, on_copy=True, copies=True),
            _paths(aliased=True, copies=True),
        ),
        *_mistakes(
            "limits still exchanged",
            "The look-up takes row and column in the right order now, but their limits are still exchanged: a row "
            "must stay below the height, a column below the width.",
            _paths(limits_turned=True),
            _paths(limits_turned=True, signs=(1.0, -1.0)),
        ),
        *_mistakes(
            "u and v swapped",
            "u is added to y and v to x. These were right in the code that was given; what was wrong is where in the "
            "picture the flow is looked up.",
            _paths(exchanged=True),
        ),
        *_mistakes(
            "flow sign flipped",
            "The points run against the flow.",
            _paths(signs=(-1.0, -1.0)),
            _paths(signs=(-1.0, 1.0)),
        ),
        *_mistakes(
            "off by one frame",
            "A path should hold the place at each of the t frames: the point itself, and one place after each step.",
            _paths(first=1),
            _paths(last=-1),
        ),
        *_mistakes(
            "each step from the beginning",
            "Each step starts at the first place again instead of at the last one.",
            _paths(restart=True),
        ),
        *_mistakes(
            "looked up at the first place",
            "Each step takes the flow at the place where the point was in frame 0. By then it is somewhere else, and "
            "that is where its flow stands.",
            _paths(looked_up_once=True),
        ),
        *_mistakes(
            "places rounded",
            "A point loses its fraction of a pixel at each step. Only the look-up takes the nearest pixel; the point "
            "goes on from where it is.",
            _paths(rounded=True),
        ),
        *_mistakes(
            "points kept inside the picture",
            "It holds the points at the border. Only the look-up is limited to the picture; the point itself may "
            "leave.",
            _paths(kept=True),
        ),
    ),
)

QUESTIONS: tuple[Question, ...] = (_PICK, _SHEET, _ERROR, _WARP, _RESIZE, _STEP, _FIND)
