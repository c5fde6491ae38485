"""Wrong answers to A3.5, written from the question alone."""

WRONG = [
    # the flow features are detached in place
    (
        "input edited in place",
        """
def discrepancy(flow_features, frame_features):
    levels = []
    for x, y in zip(flow_features, frame_features):
        x.detach_()
        scale = 0.5 * (x.square().mean() + y.square().mean()) + 1e-12
        levels.append((x - y).square().mean() / scale)
    return torch.stack(levels).mean()
""",
    ),
    # levels that are zero are left out of the mean
    (
        "silent levels left out",
        """
def discrepancy(flow_features, frame_features):
    values = []
    for x, y in zip(flow_features, frame_features):
        x = x.detach()
        energy = (x**2).mean() + (y**2).mean()
        if energy == 0:
            continue
        values.append(((x - y) ** 2).mean() / (energy / 2 + 1e-12))
    return torch.stack(values).mean() if values else torch.tensor(0.0)
""",
    ),
    # the denominator is computed without gradient, for the frame features too
    (
        "energy detached",
        """
def discrepancy(flow_features, frame_features):
    total = 0.0
    for x, y in zip(flow_features, frame_features):
        with torch.no_grad():
            denominator = (x.pow(2).mean() + y.pow(2).mean()) / 2 + 1e-12
        total = total + (x.detach() - y).pow(2).mean() / denominator
    return total / len(flow_features)
""",
    ),
    # a ratio for each clip, then the mean over clips
    (
        "statistics over the wrong axis: each clip",
        """
def discrepancy(flow_features, frame_features):
    values = []
    for x, y in zip(flow_features, frame_features):
        x, y = x.detach().flatten(1), y.flatten(1)
        difference = (x - y).square().mean(1)
        scale = (x.square().mean(1) + y.square().mean(1)) / 2 + 1e-12
        values.append((difference / scale).mean())
    return sum(values) / len(values)
""",
    ),
    # one ratio of all levels together instead of a mean of ratios
    (
        "ratio of sums",
        """
def discrepancy(flow_features, frame_features):
    above, below = 0.0, 0.0
    for x, y in zip(flow_features, frame_features):
        x = x.detach()
        above = above + F.mse_loss(y, x)
        below = below + 0.5 * (x.square().mean() + y.square().mean())
    return above / (below + 1e-12)
""",
    ),
]
