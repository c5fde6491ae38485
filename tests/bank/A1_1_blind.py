"""Wrong answers to A1.1, written from the question alone."""

WRONG = [
    # Takes the frame whose own middle is nearest to the middle of the part, not the one that is on the screen
    # then.
    (
        "nearest middle of a frame",
        """
def pick_frames(times, frames, start_s, duration_s):
    middles = start_s + (torch.arange(frames, dtype=torch.float64) + 0.5) * (duration_s / frames)
    centres = (times[:-1] + times[1:]) / 2
    return (middles[:, None] - centres).abs().argmin(dim=1)
""",
    ),
    # Takes the frame whose beginning is nearest to the middle, not the one that is on the screen then.
    (
        "nearest edge",
        """
def pick_frames(times, frames, start_s, duration_s):
    middles = start_s + (torch.arange(frames).double() + 0.5) * duration_s / frames
    distance = (times[None, :-1] - middles[:, None]).abs()
    return distance.argmin(dim=1)
""",
    ),
    # Forgets the minus one: gives the number of the edge behind the middle, which is the next frame.
    (
        "off by one frame",
        """
def pick_frames(times, frames, start_s, duration_s):
    middles = start_s + (torch.arange(frames, dtype=torch.float64) + 0.5) * (duration_s / frames)
    return torch.searchsorted(times, middles, right=True)
""",
    ),
    # Numbers the frames from the first frame of the interval on, not in the whole video.
    (
        "numbers counted from the interval",
        """
def pick_frames(times, frames, start_s, duration_s):
    middles = start_s + (torch.arange(frames, dtype=torch.float64) + 0.5) * (duration_s / frames)
    numbers = torch.searchsorted(times, middles, right=True) - 1
    first = int((times <= start_s).sum()) - 1
    return numbers - first
""",
    ),
    # Gives each frame once only, although a long frame is on the screen at several middles.
    (
        "each frame once only",
        """
def pick_frames(times, frames, start_s, duration_s):
    picked = []
    for i in range(frames):
        middle = start_s + (i + 0.5) * duration_s / frames
        for number in range(len(times) - 1):
            if times[number] <= middle < times[number + 1] and number not in picked:
                picked.append(number)
    return torch.tensor(picked, dtype=torch.int64)
""",
    ),
]
