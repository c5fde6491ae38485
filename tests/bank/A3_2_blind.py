"""Wrong answers to A3.2, written from the question alone."""

WRONG = [
    # where comes after the square: the gradient is nan at unknown pixels
    (
        "nan in the gradient",
        """
def masked_flow_loss(flow, target, valid, scale):
    mask = valid.unsqueeze(1).expand_as(flow)
    squared = ((flow - target) / scale) ** 2
    squared = torch.where(mask, squared, torch.zeros_like(squared))
    return squared.sum() / mask.sum().clamp(min=1)
""",
    ),
    # unknown is taken to be where the target is nan; valid is not looked at
    (
        "nan taken for the mask",
        """
def masked_flow_loss(flow, target, valid, scale):
    known = ~torch.isnan(target)
    if known.sum() == 0:
        return torch.zeros((), dtype=flow.dtype)
    return (((flow[known] - target[known]) / scale) ** 2).mean()
""",
    ),
    # valid is stretched over the channels in the wrong order of numbers
    (
        "axes mixed by a reshape",
        """
def masked_flow_loss(flow, target, valid, scale):
    mask = valid.repeat_interleave(2, dim=1).reshape(flow.shape)
    if not mask.any():
        return flow.new_zeros(())
    error = (flow[mask] - target[mask]) / scale
    return (error**2).mean()
""",
    ),
    # without a valid pixel the mean of nothing is nan
    (
        "not finite",
        """
def masked_flow_loss(flow, target, valid, scale):
    mask = repeat(valid, "b t h w -> b 2 t h w")
    return F.mse_loss(flow[mask] / scale, target[mask] / scale)
""",
    ),
    # the target's unknown numbers are set to 0 in place
    (
        "input edited in place",
        """
def masked_flow_loss(flow, target, valid, scale):
    mask = valid[:, None]
    target.masked_fill_(~mask, 0.0)
    error = (flow - target) / scale * mask
    count = 2 * valid.sum()
    if count == 0:
        return torch.zeros((), dtype=flow.dtype, device=flow.device)
    return (error**2).sum() / count
""",
    ),
]
