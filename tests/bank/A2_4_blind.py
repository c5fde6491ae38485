"""Wrong answers to A2.4, written from the question alone."""

WRONG = [
    # Puts the offset before the coarse position: (t2 t) in place of (t t2), whole pictures side by side
    # instead of blocks.
    (
        "grids side by side",
        """
def depth_to_space(features, stride):
    t2, h2, w2 = stride
    if features.shape[1] % (t2 * h2 * w2):
        raise ValueError("n is no multiple of the stride's product")
    return rearrange(
        features, "b (t2 h2 w2 c) t h w -> b c (t2 t) (h2 h) (w2 w)", t2=t2, h2=h2, w2=w2
    )
""",
    ),
    # Leaves the refusal to einops, whose error is no ValueError.
    (
        "wrong error",
        """
def depth_to_space(features, stride):
    t2, h2, w2 = stride
    return rearrange(
        features, "b (t2 h2 w2 c) t h w -> b c (t t2) (h h2) (w w2)", t2=t2, h2=h2, w2=w2
    )
""",
    ),
    # The result is made by torch.zeros with the default dtype, whatever the dtype of the features.
    (
        "wrong dtype",
        """
def depth_to_space(features, stride):
    t2, h2, w2 = stride
    b, n, t, h, w = features.shape
    if n % (t2 * h2 * w2) != 0:
        raise ValueError("channels do not fit the stride")
    c = n // (t2 * h2 * w2)
    out = torch.zeros(b, c, t * t2, h * h2, w * w2, device=features.device)
    for i in range(t2):
        for j in range(h2):
            for k in range(w2):
                first = ((i * h2 + j) * w2 + k) * c
                out[:, :, i::t2, j::h2, k::w2] = features[:, first : first + c]
    return out
""",
    ),
    # Tests n against each number of the stride alone, not against their product.
    (
        "accepts bad input",
        """
def depth_to_space(features, stride):
    t2, h2, w2 = stride
    n = features.shape[1]
    if n % t2 or n % h2 or n % w2:
        raise ValueError("n is not a multiple")
    c = n // (t2 * h2 * w2)
    features = features[:, : c * t2 * h2 * w2]
    b, _, t, h, w = features.shape
    blocks = features.reshape(b, t2, h2, w2, c, t, h, w)
    return blocks.permute(0, 4, 5, 1, 6, 2, 7, 3).reshape(b, c, t * t2, h * h2, w * w2)
""",
    ),
    # Splits the channels with the row slowest and the time behind it.
    (
        "offset in time not slowest",
        """
def depth_to_space(features, stride):
    t2, h2, w2 = stride
    if features.size(1) % (t2 * h2 * w2) > 0:
        raise ValueError("wrong number of channels")
    return rearrange(
        features, "b (h2 w2 t2 c) t h w -> b c (t t2) (h h2) (w w2)", t2=t2, h2=h2, w2=w2
    )
""",
    ),
]
