"""Wrong answers to A1.3, written from the question alone."""

WRONG = [
    # Picks the known numbers first and then views them as pairs, but the two channels of a pixel do not lie
    # side by side.
    (
        "pairs of the wrong numbers",
        """
def mean_endpoint_error(flow, target):
    known = ~torch.isnan(target)
    difference = (flow - target)[known].view(-1, 2)
    return difference.norm(dim=1).mean()
""",
    ),
    # Averages within each field first and then over the batch, so that pixels of fields with few known ones
    # count more.
    (
        "mean of means",
        """
def mean_endpoint_error(flow, target):
    distance = (flow - target).norm(dim=1)
    each = distance.flatten(1).nanmean(dim=1)
    return each.nanmean()
""",
    ),
    # The root of the mean of the squares, not the mean of the distances.
    (
        "root of the mean",
        """
def mean_endpoint_error(flow, target):
    squares = ((flow - target) ** 2).sum(dim=1)
    return torch.sqrt(torch.nanmean(squares))
""",
    ),
    # Counts unknown pixels as an error of 0: they are left out of the sum but not out of the number divided
    # by.
    (
        "unknown pixels counted",
        """
def mean_endpoint_error(flow, target):
    difference = torch.nan_to_num(flow - target, nan=0.0)
    return torch.linalg.vector_norm(difference, dim=1).mean()
""",
    ),
    # Overwrites the nan of the argument target with zeros.
    (
        "input edited in place",
        """
def mean_endpoint_error(flow, target):
    known = ~target.isnan().any(dim=1)
    target[target.isnan()] = 0
    distance = (flow - target).norm(dim=1)
    return (distance * known).sum() / known.sum()
""",
    ),
]
