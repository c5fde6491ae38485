"""Answers to A1.1, frames by their times."""

RIGHT = [
    """
def pick_frames(times, frames, start_s, duration_s):
    middles = start_s + (torch.arange(frames, dtype=torch.float64) + 0.5) * (duration_s / frames)
    return torch.searchsorted(times, middles, right=True) - 1
""",
    """
def pick_frames(times, frames, start_s, duration_s):
    picked = []
    for i in range(frames):
        middle = start_s + duration_s * (2 * i + 1) / (2 * frames)
        for n in range(len(times) - 1):
            if times[n] <= middle < times[n + 1]:
                picked.append(n)
    return torch.tensor(picked)
""",
    """
def pick_frames(times, frames, start_s, duration_s):
    half = duration_s / frames / 2
    middles = torch.linspace(start_s + half, start_s + duration_s - half, frames)
    return (times[None, :-1] <= middles[:, None]).sum(dim=1) - 1
""",
    """
def pick_frames(times, frames, start_s, duration_s):
    edges = np.asarray(times)
    middles = start_s + (np.arange(frames) + 0.5) / frames * duration_s
    return torch.from_numpy(np.searchsorted(edges, middles, side="right") - 1)
""",
]

WRONG = [
    (
        "off by one frame",
        """
def pick_frames(times, frames, start_s, duration_s):
    middles = start_s + (torch.arange(frames, dtype=torch.float64) + 0.5) * duration_s / frames
    return torch.searchsorted(times, middles, right=True)
""",
    ),
    (
        "the frame that ends for the one that begins",
        """
def pick_frames(times, frames, start_s, duration_s):
    middles = start_s + (torch.arange(frames, dtype=torch.float64) + 0.5) * duration_s / frames
    return torch.searchsorted(times, middles) - 1
""",
    ),
    (
        "start of the part for its middle",
        """
def pick_frames(times, frames, start_s, duration_s):
    starts = start_s + torch.arange(frames, dtype=torch.float64) * duration_s / frames
    return torch.searchsorted(times, starts, right=True) - 1
""",
    ),
    (
        "both ends for middles",
        """
def pick_frames(times, frames, start_s, duration_s):
    when = torch.linspace(start_s, start_s + duration_s, frames, dtype=torch.float64)
    return (torch.searchsorted(times, when, right=True) - 1).clamp(max=len(times) - 2)
""",
    ),
    (
        "a constant frame rate assumed",
        """
def pick_frames(times, frames, start_s, duration_s):
    fps = (len(times) - 1) / times[-1].item()
    return torch.tensor([int((start_s + (i + 0.5) * duration_s / frames) * fps) for i in range(frames)])
""",
    ),
    (
        "start of the interval left out",
        """
def pick_frames(times, frames, start_s, duration_s):
    middles = (torch.arange(frames, dtype=torch.float64) + 0.5) * duration_s / frames
    return torch.searchsorted(times, middles, right=True) - 1
""",
    ),
    (
        "duration taken for the end",
        """
def pick_frames(times, frames, start_s, duration_s):
    part = (duration_s - start_s) / frames
    middles = start_s + (torch.arange(frames, dtype=torch.float64) + 0.5) * part
    return torch.searchsorted(times, middles, right=True) - 1
""",
    ),
    (
        "nearest edge",
        """
def pick_frames(times, frames, start_s, duration_s):
    middles = start_s + (torch.arange(frames, dtype=torch.float64) + 0.5) * duration_s / frames
    return (times[:-1] - middles[:, None]).abs().argmin(dim=1)
""",
    ),
    (
        "not a tensor",
        """
def pick_frames(times, frames, start_s, duration_s):
    middles = start_s + (torch.arange(frames, dtype=torch.float64) + 0.5) * duration_s / frames
    return (torch.searchsorted(times, middles, right=True) - 1).tolist()
""",
    ),
    (
        "wrong dtype",
        """
def pick_frames(times, frames, start_s, duration_s):
    middles = start_s + (torch.arange(frames) + 0.5) * duration_s / frames
    picked = torch.zeros(frames)
    for i, middle in enumerate(middles):
        picked[i] = (times[:-1] <= middle).sum() - 1
    return picked
""",
    ),
]
