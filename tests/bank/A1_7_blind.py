"""Wrong answers to A1.7, written from the question alone."""

WRONG = [
    # The flow is looked up at the place in frame 0 at every step, not where the point is by then.
    (
        "looked up at the first place",
        """
def follow(flow, points):
    height, width = flow.shape[2:]
    column = points[:, 0].round().long().clamp(0, width - 1)
    row = points[:, 1].round().long().clamp(0, height - 1)
    moved = flow[:, :, row, column]
    ends = points.T[:, None] + moved.cumsum(dim=1)
    path = torch.cat([points.T[:, None], ends], dim=1)
    return rearrange(path, "c t n -> n t c")
""",
    ),
    # The path is copied, but the points handed over are still moved in place.
    (
        "input edited in place",
        """
def follow(flow, points):
    height, width = flow.shape[2:]
    position = points
    path = [position.clone()]
    for step in flow.unbind(dim=1):
        column = position[:, 0].round().long().clamp(0, width - 1)
        row = position[:, 1].round().long().clamp(0, height - 1)
        moved = step[:, row, column]
        position[:, 0] += moved[0]
        position[:, 1] += moved[1]
        path.append(position.clone())
    return torch.stack(path, dim=1)
""",
    ),
    # Row and column are in the right order, but the limits of the clamps are still exchanged.
    (
        "limits still exchanged",
        """
def follow(flow, points):
    height, width = flow.shape[2:]
    position = points.clone()
    path = [position]
    for step in flow.unbind(dim=1):
        column = position[:, 0].round().long().clamp(0, height - 1)
        row = position[:, 1].round().long().clamp(0, width - 1)
        position = position + step[:, row, column].T
        path.append(position)
    return torch.stack(path, dim=1)
""",
    ),
    # Keeps the points themselves inside the picture.
    (
        "points kept inside the picture",
        """
def follow(flow, points):
    height, width = flow.shape[2:]
    position = points
    path = [position]
    for step in flow.unbind(dim=1):
        column = position[:, 0].round().long().clamp(0, width - 1)
        row = position[:, 1].round().long().clamp(0, height - 1)
        moved = step[:, row, column]
        x = (position[:, 0] + moved[0]).clamp(0, width - 1)
        y = (position[:, 1] + moved[1]).clamp(0, height - 1)
        position = torch.stack([x, y], dim=1)
        path.append(position)
    return torch.stack(path, dim=1)
""",
    ),
    # Each step starts from the rounded place, so that the fractions are lost.
    (
        "places rounded",
        """
def follow(flow, points):
    height, width = flow.shape[2:]
    path = [points]
    for step in flow.unbind(dim=1):
        position = path[-1].round()
        column = position[:, 0].long().clamp(0, width - 1)
        row = position[:, 1].long().clamp(0, height - 1)
        path.append(position + step[:, row, column].T)
    return torch.stack(path, dim=1)
""",
    ),
]
