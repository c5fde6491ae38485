"""Answers to A1.3, the endpoint error."""

RIGHT = [
    """
def mean_endpoint_error(flow, target):
    return torch.linalg.vector_norm(flow - target, dim=1).nanmean()
""",
    """
def mean_endpoint_error(flow, target):
    known = ~torch.isnan(target[:, 0])
    du = (flow[:, 0] - target[:, 0])[known]
    dv = (flow[:, 1] - target[:, 1])[known]
    return torch.sqrt(du**2 + dv**2).sum() / known.sum()
""",
    """
def mean_endpoint_error(flow, target):
    known = torch.isfinite(target).all(dim=1)
    lengths = reduce((flow - target) ** 2, "b c h w -> b h w", "sum").sqrt()
    return lengths.masked_select(known).mean()
""",
    """
def mean_endpoint_error(flow, target):
    total, count = 0.0, 0
    for b in range(flow.shape[0]):
        for y in range(flow.shape[2]):
            for x in range(flow.shape[3]):
                if not torch.isnan(target[b, 0, y, x]):
                    total = total + (flow[b, :, y, x] - target[b, :, y, x]).norm()
                    count += 1
    return total / count
""",
]

WRONG = [
    (
        "missing square root",
        """
def mean_endpoint_error(flow, target):
    squares = ((flow - target) ** 2).sum(dim=1)
    return squares[~squares.isnan()].mean()
""",
    ),
    (
        "sum for mean",
        """
def mean_endpoint_error(flow, target):
    return (flow - target).pow(2).sum(dim=1).sqrt().nansum()
""",
    ),
    (
        "root of the mean",
        """
def mean_endpoint_error(flow, target):
    return (flow - target).pow(2).sum(dim=1).nanmean().sqrt()
""",
    ),
    (
        "mean square of u and v",
        """
def mean_endpoint_error(flow, target):
    known = ~target.isnan()
    return F.mse_loss(flow[known], target[known])
""",
    ),
    (
        "unknown pixels counted",
        """
def mean_endpoint_error(flow, target):
    difference = torch.nan_to_num(flow - target)
    return torch.linalg.vector_norm(difference, dim=1).mean()
""",
    ),
    (
        "unknown pixels not left out",
        """
def mean_endpoint_error(flow, target):
    return (flow - target).norm(dim=1).mean()
""",
    ),
    (
        "|u| + |v| for the length",
        """
def mean_endpoint_error(flow, target):
    return (flow - target).abs().sum(dim=1).nanmean()
""",
    ),
    (
        "mean of means",
        """
def mean_endpoint_error(flow, target):
    errors = [(f - t).norm(dim=0).nanmean() for f, t in zip(flow, target)]
    return torch.stack(errors).mean()
""",
    ),
    (
        "length over the wrong axis",
        """
def mean_endpoint_error(flow, target):
    return (flow - target).norm(dim=-1).nanmean()
""",
    ),
    (
        "not a tensor",
        """
def mean_endpoint_error(flow, target):
    return (flow - target).norm(dim=1).nanmean().item()
""",
    ),
    (
        "no gradient",
        """
def mean_endpoint_error(flow, target):
    return (flow.detach() - target).norm(dim=1).nanmean()
""",
    ),
    (
        "input edited in place",
        """
def mean_endpoint_error(flow, target):
    known = ~target[:, 0].isnan()
    target[target.isnan()] = 0
    return (flow - target).norm(dim=1)[known].mean()
""",
    ),
]
