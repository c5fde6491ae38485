"""Wrong answers to A3.6, written from the question alone."""

WRONG = [
    # one mean for all channels
    (
        "centred by one number",
        """
def collapse(features):
    c = features - features.mean()
    total = (features**2).mean()
    if total == 0 or (c**2).mean() == 0:
        return 0.0, 0.0
    C = c.T @ c / len(c)
    return ((c**2).mean() / total).item(), (C.trace() ** 2 / (C**2).sum()).item()
""",
    ),
    # a constant in both denominators: features that are small come out smaller
    (
        "constant in the denominator",
        """
def collapse(features):
    c = features - features.mean(0)
    share = (c**2).mean() / ((features**2).mean() + 1e-8)
    C = c.T @ c / c.shape[0]
    values = torch.linalg.eigvalsh(C)
    return share, values.sum() ** 2 / ((values**2).sum() + 1e-8)
""",
    ),
    # directions from the singular values of the features, not from their squares
    (
        "deviations for variances",
        """
def collapse(features):
    c = features.double() - features.double().mean(0, keepdim=True)
    energy = features.double().square().sum()
    varying = c.square().sum()
    if varying <= 1e-12 * energy:
        return 0.0, 0.0
    s = torch.linalg.svdvals(c)
    return float(varying / energy), float(s.sum() ** 2 / s.square().sum())
""",
    ),
    # directions from the channels' variances, without what they have in common
    (
        "variances of channels for eigenvalues",
        """
def collapse(features):
    c = features - features.mean(0)
    variances = c.square().mean(0)
    if variances.sum() <= 1e-10 * features.square().mean():
        return 0.0, 0.0
    share = variances.mean() / features.square().mean()
    return float(share), float(variances.sum() ** 2 / variances.square().sum())
""",
    ),
    # nothing varies is tested by the sum of the centred features, which is always 0
    (
        "always zero",
        """
def collapse(features):
    c = features - features.mean(dim=0)
    if c.sum().abs() < 1e-5:
        return 0.0, 0.0
    C = c.T @ c / len(features)
    eigenvalues = torch.linalg.eigvalsh(C)
    share = c.square().mean() / features.square().mean()
    return share.item(), (eigenvalues.sum() ** 2 / eigenvalues.square().sum()).item()
""",
    ),
]
