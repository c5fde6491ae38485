"""Answers to A3.6, collapse."""

RIGHT = [
    """
def collapse(features):
    n = len(features)
    centred = features - features.mean(0)
    energy = (features**2).mean()
    varying = (centred**2).mean()
    covariance = centred.T @ centred / n
    spread = (covariance**2).sum()
    share = varying / energy if energy > 0 else 0.0
    directions = torch.trace(covariance) ** 2 / spread if spread > 0 else 0.0
    return float(share), float(directions)
""",
    """
def collapse(features):
    # From the singular values; the n cancels.
    x = features.double()
    squares = torch.linalg.svdvals(x - x.mean(dim=0, keepdim=True)) ** 2
    if squares.sum() == 0:
        return 0.0, 0.0
    return (squares.sum() / (x * x).sum()).item(), (squares.sum() ** 2 / (squares**2).sum()).item()
""",
    """
def collapse(features):
    x = features.numpy().astype(np.float64)
    variance = x.var(axis=0).mean()
    if variance < 1e-12:
        return 0, 0
    values = np.linalg.eigvalsh(np.atleast_2d(np.cov(x.T, bias=True)))
    return variance / np.mean(x**2), values.sum() ** 2 / np.sum(values**2)
""",
    """
def collapse(features):
    centred = features - reduce(features, "n d -> 1 d", "mean")
    if not centred.any():
        return torch.tensor(0.0), torch.tensor(0.0)
    share = centred.var(0, unbiased=False).sum() / features.square().mean(0).sum()
    gram = centred @ centred.T
    return share, gram.trace().square() / gram.norm().square()
""",
]

WRONG = [
    (
        "not centred",
        """
def collapse(features):
    energy = (features**2).mean()
    if energy == 0:
        return 0.0, 0.0
    second = features.T @ features / len(features)
    share = torch.trace(second) / features.shape[1] / energy
    return float(share), float(torch.trace(second) ** 2 / (second**2).sum())
""",
    ),
    (
        "directions not centred",
        """
def collapse(features):
    energy = (features**2).mean()
    if energy == 0:
        return 0.0, 0.0
    second = features.T @ features / len(features)
    share = features.var(0, unbiased=False).mean() / energy
    return float(share), float(torch.trace(second) ** 2 / (second**2).sum())
""",
    ),
    (
        "statistics over the wrong axis: the channels",
        """
def collapse(features):
    centred = features - features.mean(1, keepdim=True)
    if not features.any():
        return 0.0, 0.0
    covariance = centred.T @ centred / len(features)
    share = (centred**2).mean() / (features**2).mean()
    return float(share), float(torch.trace(covariance) ** 2 / (covariance**2).sum())
""",
    ),
    (
        "divided by n - 1",
        """
def collapse(features):
    share = features.var(0).mean() / (features**2).mean() if features.any() else 0.0
    covariance = torch.cov(features.T)
    spread = (covariance**2).sum()
    return float(share), float(torch.trace(covariance) ** 2 / spread) if spread > 0 else 0.0
""",
    ),
    (
        "not finite",
        """
def collapse(features):
    share = features.var(0, unbiased=False).mean() / (features**2).mean()
    covariance = torch.cov(features.T)
    return float(share), float(torch.trace(covariance) ** 2 / (covariance**2).sum())
""",
    ),
    (
        "constant in the denominator",
        """
def collapse(features):
    # A small number against division by zero, large beside small features.
    centred = features - features.mean(0)
    covariance = centred.T @ centred / len(features)
    share = (centred**2).mean() / ((features**2).mean() + 1e-6)
    return float(share), float(torch.trace(covariance) ** 2 / ((covariance**2).sum() + 1e-6))
""",
    ),
    (
        "counted directions",
        """
def collapse(features):
    centred = features - features.mean(0)
    share = (centred**2).mean() / (features**2).mean() if features.any() else 0.0
    return float(share), float(torch.linalg.matrix_rank(centred))
""",
    ),
    (
        "entropy for squares",
        """
def collapse(features):
    centred = (features - features.mean(0)).double()
    if not centred.any():
        return 0.0, 0.0
    p = torch.linalg.svdvals(centred) ** 2
    p = p / p.sum()
    p = p[p > 1e-15]
    return float((centred**2).mean() / (features**2).mean()), float(torch.exp(-(p * p.log()).sum()))
""",
    ),
    (
        "deviations for variances",
        """
def collapse(features):
    centred = features - features.mean(0)
    if not centred.any():
        return 0.0, 0.0
    s = torch.linalg.svdvals(centred)
    return float((centred**2).mean() / (features**2).mean()), float(s.sum() ** 2 / (s**2).sum())
""",
    ),
    (
        "variances of channels for eigenvalues",
        """
def collapse(features):
    v = features.var(0, unbiased=False)
    if v.sum() == 0:
        return 0.0, 0.0
    return float(v.mean() / (features**2).mean()), float(v.sum() ** 2 / (v**2).sum())
""",
    ),
    (
        "missing square",
        """
def collapse(features):
    centred = features - features.mean(0)
    if not centred.any():
        return 0.0, 0.0
    covariance = centred.T @ centred / len(features)
    share = centred.norm() / features.norm()
    return float(share), float(torch.trace(covariance) ** 2 / (covariance**2).sum())
""",
    ),
    (
        "values swapped",
        """
def collapse(features):
    centred = features - features.mean(0)
    if not centred.any():
        return 0.0, 0.0
    covariance = centred.T @ centred / len(features)
    share = (centred**2).mean() / (features**2).mean()
    return float(torch.trace(covariance) ** 2 / (covariance**2).sum()), float(share)
""",
    ),
    (
        "wrong type",
        """
def collapse(features):
    centred = features - features.mean(0)
    if not centred.any():
        return 0.0
    covariance = centred.T @ centred / len(features)
    return float(torch.trace(covariance) ** 2 / (covariance**2).sum())
""",
    ),
    (
        "input edited in place",
        """
def collapse(features):
    energy = (features**2).mean()
    features -= features.mean(0)
    if not features.any():
        return 0.0, 0.0
    covariance = features.T @ features / len(features)
    return float((features**2).mean() / energy), float(torch.trace(covariance) ** 2 / (covariance**2).sum())
""",
    ),
]
