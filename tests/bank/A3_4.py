"""Answers to A3.4, standardised features."""

RIGHT = [
    """
def standardise(features, epsilon):
    mean = features.mean(dim=(0, 2, 3, 4), keepdim=True)
    variance = features.var(dim=(0, 2, 3, 4), keepdim=True, unbiased=False)
    return (features - mean) / torch.sqrt(variance + epsilon)
""",
    """
def standardise(features, epsilon):
    return F.batch_norm(features, None, None, training=True, eps=epsilon)
""",
    """
def standardise(features, epsilon):
    rows = rearrange(features, "b d t h w -> d (b t h w)")
    out = []
    for row in rows:
        n = row.numel()
        mean = row.sum() / n
        variance = (row**2).sum() / n - mean**2
        out.append((row - mean) * (variance + epsilon) ** -0.5)
    b, d, t, h, w = features.shape
    return rearrange(torch.stack(out), "d (b t h w) -> b d t h w", b=b, t=t, h=h)
""",
    """
def standardise(features, epsilon):
    x = features.transpose(0, 1).flatten(1)
    x = x - x.mean(1, keepdim=True)
    x = x * torch.rsqrt(x.square().mean(1, keepdim=True) + epsilon)
    return x.unflatten(1, (features.shape[0], *features.shape[2:])).transpose(0, 1)
""",
]

WRONG = [
    (
        "statistics over the wrong axis: each clip",
        """
def standardise(features, epsilon):
    return F.instance_norm(features, eps=epsilon)
""",
    ),
    (
        "statistics over the wrong axis: the channels",
        """
def standardise(features, epsilon):
    mean = features.mean(1, keepdim=True)
    variance = features.var(1, keepdim=True, unbiased=False)
    return (features - mean) / torch.sqrt(variance + epsilon)
""",
    ),
    (
        "statistics over the wrong axis: everything",
        """
def standardise(features, epsilon):
    return (features - features.mean()) / torch.sqrt(features.var(unbiased=False) + epsilon)
""",
    ),
    (
        "statistics over the wrong axis: the batch only",
        """
def standardise(features, epsilon):
    variance = features.var(0, unbiased=False)
    return (features - features.mean(0)) / torch.sqrt(variance + epsilon)
""",
    ),
    (
        "divided by n - 1",
        """
def standardise(features, epsilon):
    axes = (0, 2, 3, 4)
    mean, variance = features.mean(axes, keepdim=True), features.var(axes, keepdim=True)
    return (features - mean) / torch.sqrt(variance + epsilon)
""",
    ),
    (
        "missing square root",
        """
def standardise(features, epsilon):
    axes = (0, 2, 3, 4)
    mean, variance = features.mean(axes, keepdim=True), features.var(axes, keepdim=True, unbiased=False)
    return (features - mean) / (variance + epsilon)
""",
    ),
    (
        "epsilon outside the root",
        """
def standardise(features, epsilon):
    axes = (0, 2, 3, 4)
    mean, deviation = features.mean(axes, keepdim=True), features.std(axes, keepdim=True, unbiased=False)
    return (features - mean) / (deviation + epsilon)
""",
    ),
    (
        "epsilon missing",
        """
def standardise(features, epsilon):
    axes = (0, 2, 3, 4)
    mean, deviation = features.mean(axes, keepdim=True), features.std(axes, keepdim=True, unbiased=False)
    return (features - mean) / deviation
""",
    ),
    (
        "raised an error",
        """
def standardise(features, epsilon):
    axes = (0, 2, 3, 4)
    return (features - features.mean(axes)) / torch.sqrt(features.var(axes, unbiased=False) + epsilon)
""",
    ),
    (
        "input edited in place",
        """
def standardise(features, epsilon):
    axes = (0, 2, 3, 4)
    features -= features.mean(axes, keepdim=True)
    return features / torch.sqrt(features.var(axes, keepdim=True, unbiased=False) + epsilon)
""",
    ),
    (
        "statistics detached",
        """
def standardise(features, epsilon):
    axes = (0, 2, 3, 4)
    with torch.no_grad():
        mean, variance = features.mean(axes, keepdim=True), features.var(axes, keepdim=True, unbiased=False)
    return (features - mean) / torch.sqrt(variance + epsilon)
""",
    ),
    (
        "axes permuted",
        """
def standardise(features, epsilon):
    x = features.transpose(0, 1)
    axes = (1, 2, 3, 4)
    mean, variance = x.mean(axes, keepdim=True), x.var(axes, keepdim=True, unbiased=False)
    return (x - mean) / torch.sqrt(variance + epsilon)
""",
    ),
    (
        "wrong dtype",
        """
def standardise(features, epsilon):
    x = features.float()
    axes = (0, 2, 3, 4)
    mean, variance = x.mean(axes, keepdim=True), x.var(axes, keepdim=True, unbiased=False)
    return (x - mean) / torch.sqrt(variance + epsilon)
""",
    ),
    (
        "wrong device",
        """
def standardise(features, epsilon):
    out = torch.empty(features.shape, dtype=features.dtype)
    for d in range(features.shape[1]):
        x = features[:, d]
        out[:, d] = (x - x.mean()) / torch.sqrt(x.var(unbiased=False) + epsilon)
    return out
""",
    ),
    (
        "hard-coded shape",
        """
def standardise(features, epsilon):
    x = features.permute(1, 0, 2, 3, 4).reshape(4, 3 * 2 * 5 * 6)
    x = (x - x.mean(1, keepdim=True)) / torch.sqrt(x.var(1, keepdim=True, unbiased=False) + epsilon)
    return x.reshape(4, 3, 2, 5, 6).permute(1, 0, 2, 3, 4)
""",
    ),
]
