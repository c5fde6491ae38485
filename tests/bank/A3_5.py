"""Answers to A3.5, decoding discrepancy."""

RIGHT = [
    """
def discrepancy(flow_features, frame_features):
    values = []
    for x, y in zip(flow_features, frame_features):
        x = x.detach()
        energy = 0.5 * ((x**2).mean() + (y**2).mean())
        values.append(((x - y) ** 2).mean() / (energy + 1e-12))
    return sum(values) / len(values)
""",
    """
def discrepancy(flow_features, frame_features):
    with torch.no_grad():
        teachers = [features.clone() for features in flow_features]
    total = 0.0
    for level in range(len(teachers)):
        x, y = teachers[level].flatten(), frame_features[level].flatten()
        # The numbers of elements cancel.
        total = total + 2 * F.mse_loss(y, x, reduction="sum") / (x @ x + y @ y + 1e-12)
    return total / len(teachers)
""",
    """
def discrepancy(flow_features, frame_features):
    def energy(features):
        return reduce(features * features, "b d t h w -> ", "mean")

    pairs = list(zip([x.data for x in flow_features], frame_features, strict=True))
    means = [(energy(x) + energy(y)) / 2 for x, y in pairs]
    apart = [energy(y - x) for x, y in pairs]
    return torch.stack([a / m.clamp(min=1e-12) for a, m in zip(apart, means, strict=True)]).mean()
""",
]

WRONG = [
    (
        "missing detach",
        """
def discrepancy(flow_features, frame_features):
    values = []
    for x, y in zip(flow_features, frame_features):
        energy = 0.5 * ((x**2).mean() + (y**2).mean())
        values.append(((x - y) ** 2).mean() / (energy + 1e-12))
    return sum(values) / len(values)
""",
    ),
    (
        "detached in the numerator only",
        """
def discrepancy(flow_features, frame_features):
    # detached above the line only
    values = []
    for x, y in zip(flow_features, frame_features):
        energy = 0.5 * ((x**2).mean() + (y**2).mean())
        values.append(((x.detach() - y) ** 2).mean() / (energy + 1e-12))
    return sum(values) / len(values)
""",
    ),
    (
        "input edited in place",
        """
def discrepancy(flow_features, frame_features):
    values = []
    for x, y in zip(flow_features, frame_features):
        x.detach_()
        energy = 0.5 * ((x**2).mean() + (y**2).mean())
        values.append(((x - y) ** 2).mean() / (energy + 1e-12))
    return sum(values) / len(values)
""",
    ),
    (
        "wrong side detached",
        """
def discrepancy(flow_features, frame_features):
    values = []
    for x, y in zip(flow_features, frame_features):
        y = y.detach()
        energy = 0.5 * ((x**2).mean() + (y**2).mean())
        values.append(((x - y) ** 2).mean() / (energy + 1e-12))
    return sum(values) / len(values)
""",
    ),
    (
        "both sides detached",
        """
def discrepancy(flow_features, frame_features):
    values = []
    with torch.no_grad():
        for x, y in zip(flow_features, frame_features):
            energy = 0.5 * ((x**2).mean() + (y**2).mean())
            values.append(((x - y) ** 2).mean() / (energy + 1e-12))
    return sum(values) / len(values)
""",
    ),
    (
        "energy detached",
        """
def discrepancy(flow_features, frame_features):
    values = []
    for x, y in zip(flow_features, frame_features):
        x = x.detach()
        with torch.no_grad():
            energy = 0.5 * ((x**2).mean() + (y**2).mean())
        values.append(((x - y) ** 2).mean() / (energy + 1e-12))
    return sum(values) / len(values)
""",
    ),
    (
        "sum for mean",
        """
def discrepancy(flow_features, frame_features):
    total = 0.0
    for x, y in zip(flow_features, frame_features):
        x = x.detach()
        energy = 0.5 * ((x**2).mean() + (y**2).mean())
        total = total + ((x - y) ** 2).mean() / (energy + 1e-12)
    return total
""",
    ),
    (
        "hard-coded number of levels",
        """
def discrepancy(flow_features, frame_features):
    total = 0.0
    for x, y in zip(flow_features, frame_features):
        x = x.detach()
        energy = 0.5 * ((x**2).mean() + (y**2).mean())
        total = total + ((x - y) ** 2).mean() / (energy + 1e-12)
    return total / 2
""",
    ),
    (
        "first level only",
        """
def discrepancy(flow_features, frame_features):
    for x, y in zip(flow_features, frame_features):
        x = x.detach()
        energy = 0.5 * ((x**2).mean() + (y**2).mean())
        return ((x - y) ** 2).mean() / (energy + 1e-12)
""",
    ),
    (
        "not finite",
        """
def discrepancy(flow_features, frame_features):
    values = []
    for x, y in zip(flow_features, frame_features):
        x = x.detach()
        energy = 0.5 * ((x**2).mean() + (y**2).mean())
        values.append(((x - y) ** 2).mean() / energy)
    return sum(values) / len(values)
""",
    ),
    (
        "not normalised",
        """
def discrepancy(flow_features, frame_features):
    return sum(F.mse_loss(y, x.detach()) for x, y in zip(flow_features, frame_features)) / len(flow_features)
""",
    ),
    (
        "energies added up",
        """
def discrepancy(flow_features, frame_features):
    values = []
    for x, y in zip(flow_features, frame_features):
        x = x.detach()
        values.append(((x - y) ** 2).mean() / ((x**2).mean() + (y**2).mean() + 1e-12))
    return sum(values) / len(values)
""",
    ),
    (
        "statistics over the wrong axis: each clip",
        """
def discrepancy(flow_features, frame_features):
    values = []
    for x, y in zip(flow_features, frame_features):
        x = x.detach()
        axes = (1, 2, 3, 4)
        energy = 0.5 * ((x**2).mean(axes) + (y**2).mean(axes))
        values.append((((x - y) ** 2).mean(axes) / (energy + 1e-12)).mean())
    return sum(values) / len(values)
""",
    ),
    (
        "levels pooled",
        """
def discrepancy(flow_features, frame_features):
    x = torch.cat([f.flatten() for f in flow_features]).detach()
    y = torch.cat([f.flatten() for f in frame_features])
    energy = 0.5 * ((x**2).mean() + (y**2).mean())
    return ((x - y) ** 2).mean() / (energy + 1e-12)
""",
    ),
    (
        "one energy only: flow",
        """
def discrepancy(flow_features, frame_features):
    values = []
    for x, y in zip(flow_features, frame_features):
        x = x.detach()
        values.append(((x - y) ** 2).mean() / ((x**2).mean() + 1e-12))
    return sum(values) / len(values)
""",
    ),
    (
        "wrong value",
        """
def discrepancy(flow_features, frame_features):
    values = []
    for x, y in zip(flow_features, frame_features):
        x = F.normalize(x.detach(), dim=1)
        y = F.normalize(y, dim=1)
        values.append(((x - y) ** 2).sum(1).mean())
    return sum(values) / len(values)
""",
    ),
    (
        "wrong shape",
        """
def discrepancy(flow_features, frame_features):
    values = []
    for x, y in zip(flow_features, frame_features):
        x = x.detach()
        energy = 0.5 * ((x**2).mean() + (y**2).mean())
        values.append(((x - y) ** 2).mean() / (energy + 1e-12))
    return torch.stack(values)
""",
    ),
]
