"""Answers to A2.4, depth to space."""

RIGHT = [
    """
def depth_to_space(features, stride):
    t2, h2, w2 = stride
    if features.shape[1] % (t2 * h2 * w2) != 0:
        raise ValueError("channels do not fit")
    return rearrange(features, "n (a d e k) f i j -> n k (f a) (i d) (j e)", a=t2, d=h2, e=w2)
""",
    """
def depth_to_space(features, stride):
    b, channels, t, h, w = features.shape
    t2, h2, w2 = stride
    c, left = divmod(channels, t2 * h2 * w2)
    if left:
        raise ValueError(f"{left} channels are left over")
    blocks = features.reshape(b, t2, h2, w2, c, t, h, w).permute(0, 4, 5, 1, 6, 2, 7, 3)
    return blocks.reshape(b, c, t * t2, h * h2, w * w2)
""",
    """
def depth_to_space(features, stride):
    b, channels, t, h, w = features.shape
    t2, h2, w2 = stride
    block = t2 * h2 * w2
    if channels % block:
        raise ValueError("channels do not fit")
    c = channels // block
    out = features.new_empty(b, c, t * t2, h * h2, w * w2)
    for i in range(t2):
        for j in range(h2):
            for k in range(w2):
                first = ((i * h2 + j) * w2 + k) * c
                out[:, :, i::t2, j::h2, k::w2] = features[:, first : first + c]
    return out
""",
    """
def depth_to_space(features, stride):
    t2, h2, w2 = stride
    try:
        parts = rearrange(features, "b (t2 h2 w2 c) t h w -> t2 h2 w2 b c t h w", t2=t2, h2=h2, w2=w2)
    except Exception:
        raise ValueError("channels do not fit")
    rows = [torch.stack([torch.stack(list(p), -1).flatten(-2) for p in q], -2).flatten(-3, -2) for q in parts]
    return torch.stack(rows, 3).flatten(2, 3)
""",
]

_GUARD = """
    t2, h2, w2 = stride
    if features.shape[1] % (t2 * h2 * w2):
        raise ValueError("channels do not fit")
"""

WRONG = [
    (
        "pixel_shuffle's order",
        f"""
def depth_to_space(features, stride):{_GUARD}
    return rearrange(features, "b (c t2 h2 w2) t h w -> b c (t t2) (h h2) (w w2)", t2=t2, h2=h2, w2=w2)
""",
    ),
    (
        "grids side by side",
        f"""
def depth_to_space(features, stride):{_GUARD}
    return rearrange(features, "b (t2 h2 w2 c) t h w -> b c (t2 t) (h2 h) (w2 w)", t2=t2, h2=h2, w2=w2)
""",
    ),
    (
        "block order reversed",
        f"""
def depth_to_space(features, stride):{_GUARD}
    return rearrange(features, "b (w2 h2 t2 c) t h w -> b c (t t2) (h h2) (w w2)", t2=t2, h2=h2, w2=w2)
""",
    ),
    (
        "only a reshape",
        f"""
def depth_to_space(features, stride):{_GUARD}
    b, c, t, h, w = features.shape
    return features.reshape(b, c // (t2 * h2 * w2), t * t2, h * h2, w * w2)
""",
    ),
    (
        "wrong error",
        """
def depth_to_space(features, stride):
    t2, h2, w2 = stride
    return rearrange(features, "b (t2 h2 w2 c) t h w -> b c (t t2) (h h2) (w w2)", t2=t2, h2=h2, w2=w2)
""",
    ),
    (
        "accepts bad input",
        """
def depth_to_space(features, stride):
    t2, h2, w2 = stride
    block = t2 * h2 * w2
    kept = features[:, : features.shape[1] // block * block]
    return rearrange(kept, "b (t2 h2 w2 c) t h w -> b c (t t2) (h h2) (w w2)", t2=t2, h2=h2, w2=w2)
""",
    ),
    (
        "hard-coded shape",
        """
def depth_to_space(features, stride):
    t2, h2, w2 = stride
    if features.shape[1] % (t2 * h2 * w2):
        raise ValueError("channels do not fit")
    return rearrange(features, "b (t2 h2 w2 c) t h w -> b c (t t2) (h h2) (w w2)", t2=2, h2=2, w2=2)
""",
    ),
    (
        "axes permuted",
        f"""
def depth_to_space(features, stride):{_GUARD}
    return rearrange(features, "b (t2 h2 w2 c) t h w -> b (t t2) c (h h2) (w w2)", t2=t2, h2=h2, w2=w2)
""",
    ),
    (
        "wrong dtype",
        """
def depth_to_space(features, stride):
    b, channels, t, h, w = features.shape
    t2, h2, w2 = stride
    if channels % (t2 * h2 * w2):
        raise ValueError("channels do not fit")
    c = channels // (t2 * h2 * w2)
    out = torch.zeros(b, c, t * t2, h * h2, w * w2, device=features.device)
    for i in range(t2):
        for j in range(h2):
            for k in range(w2):
                first = ((i * h2 + j) * w2 + k) * c
                out[:, :, i::t2, j::h2, k::w2] = features[:, first : first + c]
    return out
""",
    ),
    (
        "wrong device",
        """
def depth_to_space(features, stride):
    b, channels, t, h, w = features.shape
    t2, h2, w2 = stride
    if channels % (t2 * h2 * w2):
        raise ValueError("channels do not fit")
    c = channels // (t2 * h2 * w2)
    out = torch.zeros((b, c, t * t2, h * h2, w * w2), dtype=features.dtype)
    for i in range(t2):
        for j in range(h2):
            for k in range(w2):
                first = ((i * h2 + j) * w2 + k) * c
                out[:, :, i::t2, j::h2, k::w2] = features[:, first : first + c]
    return out
""",
    ),
]
