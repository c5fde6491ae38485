"""Wrong answers to A2.7, written from the question alone."""

WRONG = [
    # Repeats the input channels and reshapes: with more than one input channel the time steps get other
    # channels' kernels.
    (
        "reshape for rearrange",
        """
def inflate(kernel, time):
    if time < 1:
        raise ValueError("time must be at least 1")
    o, i, h, w = kernel.shape
    return kernel.repeat(1, time, 1, 1).reshape(o, i, time, h, w) / time
""",
    ),
    # Divides the argument in place.
    (
        "input edited in place",
        """
def inflate(kernel, time):
    if time < 1:
        raise ValueError("time must be at least 1")
    with torch.no_grad():
        kernel /= time
    return repeat(kernel, "o i h w -> o i t h w", t=time)
""",
    ),
    # Refuses time 1 too.
    (
        "raised an error",
        """
def inflate(kernel, time):
    if time <= 1:
        raise ValueError("time must be larger than 1")
    return torch.stack([kernel / time] * time, dim=2)
""",
    ),
    # The new axis stands before the input channels.
    (
        "axes permuted",
        """
def inflate(kernel, time):
    if time < 1:
        raise ValueError("time must be 1 or more")
    return torch.stack([kernel / time for _ in range(time)], dim=1)
""",
    ),
    # An assert refuses a time below 1, which is an AssertionError and no ValueError.
    (
        "wrong error",
        """
def inflate(kernel, time):
    assert time >= 1, "time must be 1 or more"
    return kernel.unsqueeze(2).repeat(1, 1, time, 1, 1) / time
""",
    ),
]
