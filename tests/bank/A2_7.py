"""Answers to A2.7, inflate a 2D kernel."""

RIGHT = [
    """
def inflate(kernel, time):
    if time < 1:
        raise ValueError("no frame")
    return repeat(kernel, "o i h w -> o i t h w", t=time) / time
""",
    """
def inflate(kernel, time):
    if time <= 0:
        raise ValueError(f"time is {time}")
    return torch.stack([kernel / time] * time, dim=2)
""",
    """
def inflate(kernel, time):
    if time < 1:
        raise ValueError("no frame")
    o, i, h, w = kernel.shape
    solid = kernel.unsqueeze(2).expand(o, i, time, h, w)
    return solid * (1 / time)
""",
    """
def inflate(kernel, time):
    if not time >= 1:
        raise ValueError("no frame")
    o, i, h, w = kernel.shape
    solid = torch.zeros(o, i, time, h, w, dtype=kernel.dtype, device=kernel.device)
    for t in range(time):
        solid[:, :, t] = kernel / time
    return solid
""",
]

_GUARD = """
    if time < 1:
        raise ValueError("no frame")
"""

WRONG = [
    (
        "not divided",
        f"""
def inflate(kernel, time):{_GUARD}
    return repeat(kernel, "o i h w -> o i t h w", t=time)
""",
    ),
    (
        "axes permuted",
        f"""
def inflate(kernel, time):{_GUARD}
    return repeat(kernel / time, "o i h w -> o i h w t", t=time)
""",
    ),
    (
        "one frame only",
        f"""
def inflate(kernel, time):{_GUARD}
    o, i, h, w = kernel.shape
    solid = kernel.new_zeros(o, i, time, h, w)
    solid[:, :, time // 2] = kernel
    return solid
""",
    ),
    (
        "input edited in place",
        f"""
def inflate(kernel, time):{_GUARD}
    with torch.no_grad():
        kernel /= time
    return repeat(kernel, "o i h w -> o i t h w", t=time)
""",
    ),
    (
        "wrong dtype",
        f"""
def inflate(kernel, time):{_GUARD}
    o, i, h, w = kernel.shape
    solid = torch.zeros(o, i, time, h, w, device=kernel.device)
    for t in range(time):
        solid[:, :, t] = kernel / time
    return solid
""",
    ),
    (
        "no gradient",
        f"""
def inflate(kernel, time):{_GUARD}
    return repeat(kernel.data / time, "o i h w -> o i t h w", t=time)
""",
    ),
    (
        "divided by the whole kernel",
        f"""
def inflate(kernel, time):{_GUARD}
    solid = repeat(kernel, "o i h w -> o i t h w", t=time)
    return solid / solid[0, 0].numel()
""",
    ),
    (
        "accepts bad input",
        """
def inflate(kernel, time):
    return repeat(kernel / time, "o i h w -> o i t h w", t=time)
""",
    ),
    (
        "hard-coded shape",
        """
def inflate(kernel, time):
    if time < 1:
        raise ValueError("no frame")
    return repeat(kernel / 3, "o i h w -> o i t h w", t=3)
""",
    ),
]
