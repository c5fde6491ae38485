"""Answers to A3.2, masked flow loss."""

RIGHT = [
    """
def masked_flow_loss(flow, target, valid, scale):
    keep = valid.unsqueeze(1).expand_as(flow)
    difference = torch.where(keep, (flow - target) / scale, torch.zeros_like(flow))
    return (difference**2).sum() / keep.sum().clamp(min=1)
""",
    """
def masked_flow_loss(flow, target, valid, scale):
    # Only the numbers that count, in a row.
    mine = rearrange(flow, "b c t h w -> b t h w c")[valid]
    theirs = rearrange(target, "b c t h w -> b t h w c")[valid]
    if mine.numel() == 0:
        return flow.new_zeros(())
    return F.mse_loss(mine / scale, theirs / scale)
""",
    """
def masked_flow_loss(flow, target, valid, scale):
    known = torch.nan_to_num(target)
    u, v = (flow - known).unbind(1)
    squares = (u**2 + v**2) / scale**2 * valid
    return squares.sum() / max(2 * valid.sum().item(), 1) if flow.device.type != "meta" else squares.sum()
""",
    """
def masked_flow_loss(flow, target, valid, scale):
    mask = repeat(valid, "b t h w -> b c t h w", c=2)
    inside = target.masked_fill(~mask, 0.0)
    total, count = flow.sum() * 0, 0
    for one, other, keep in zip(flow, inside, mask):
        total = total + (((one - other) * keep / scale) ** 2).sum()
        count = count + keep.sum()
    return total / torch.clamp(count, min=1)
""",
]

WRONG = [
    (
        "mean over all pixels, nan let through",
        """
def masked_flow_loss(flow, target, valid, scale):
    return (((flow - target) / scale) ** 2 * valid[:, None]).mean()
""",
    ),
    (
        "mean over all pixels",
        """
def masked_flow_loss(flow, target, valid, scale):
    mask = valid[:, None].expand_as(flow)
    difference = torch.where(mask, flow - target, torch.zeros_like(flow)) / scale
    return (difference**2).mean()
""",
    ),
    (
        "not finite",
        """
def masked_flow_loss(flow, target, valid, scale):
    squares = ((flow - target) / scale) ** 2 * valid[:, None]
    return squares.sum() / (2 * valid.sum()).clamp(min=1)
""",
    ),
    (
        "not finite",
        """
def masked_flow_loss(flow, target, valid, scale):
    mask = valid[:, None].expand_as(flow)
    return ((flow[mask] - target[mask]) / scale).square().mean()
""",
    ),
    (
        "nan in the gradient",
        """
def masked_flow_loss(flow, target, valid, scale):
    mask = valid[:, None].expand_as(flow)
    squares = ((flow - target) / scale) ** 2
    return squares[mask].sum() / mask.sum().clamp(min=1)
""",
    ),
    (
        "gradient not finite",
        """
def masked_flow_loss(flow, target, valid, scale):
    mask = valid[:, None].expand_as(flow)
    squares = ((flow - target) / scale) ** 2
    return squares[mask].mean()
""",
    ),
    (
        "channels added up",
        """
def masked_flow_loss(flow, target, valid, scale):
    mask = valid[:, None].expand_as(flow)
    difference = torch.where(mask, flow - target, torch.zeros_like(flow)) / scale
    return (difference**2).sum() / valid.sum().clamp(min=1)
""",
    ),
    (
        "statistics over the wrong axis: each clip first",
        """
def masked_flow_loss(flow, target, valid, scale):
    losses = []
    for one, other, keep in zip(flow, target, valid):
        mask = keep[None].expand_as(one)
        difference = torch.where(mask, one - other, torch.zeros_like(one)) / scale
        losses.append((difference**2).sum() / mask.sum().clamp(min=1))
    return torch.stack(losses).mean()
""",
    ),
    (
        "scale not squared",
        """
def masked_flow_loss(flow, target, valid, scale):
    mask = valid[:, None].expand_as(flow)
    difference = torch.where(mask, flow - target, torch.zeros_like(flow))
    return (difference**2).sum() / mask.sum().clamp(min=1) / scale
""",
    ),
    (
        "multiplied by the scale",
        """
def masked_flow_loss(flow, target, valid, scale):
    mask = valid[:, None].expand_as(flow)
    difference = torch.where(mask, flow - target, torch.zeros_like(flow)) * scale
    return (difference**2).sum() / mask.sum().clamp(min=1)
""",
    ),
    (
        "mask inverted",
        """
def masked_flow_loss(flow, target, valid, scale):
    mask = valid[:, None].expand_as(flow)
    difference = (flow - target).masked_fill(mask, 0) / scale
    return (difference**2).sum() / (~mask).sum().clamp(min=1)
""",
    ),
    (
        "mask ignored",
        """
def masked_flow_loss(flow, target, valid, scale):
    return F.mse_loss(flow / scale, target / scale)
""",
    ),
    (
        "input edited in place",
        """
def masked_flow_loss(flow, target, valid, scale):
    mask = valid[:, None].expand_as(flow)
    target[~mask] = 0
    difference = torch.where(mask, flow - target, 0.0) / scale
    return (difference**2).sum() / mask.sum().clamp(min=1)
""",
    ),
    (
        "endpoint error for squared error",
        """
def masked_flow_loss(flow, target, valid, scale):
    inside = target.masked_fill(~valid[:, None], 0.0)
    length = ((flow - inside) / scale).norm(dim=1)
    return (length * valid).sum() / valid.sum().clamp(min=1)
""",
    ),
    (
        "wrong value",
        """
def masked_flow_loss(flow, target, valid, scale):
    # Counts the errors that are not zero.
    mask = valid[:, None].expand_as(flow)
    difference = torch.where(mask, flow - target, torch.zeros_like(flow)) / scale
    return (difference**2).sum() / (difference != 0).sum().clamp(min=1)
""",
    ),
    (
        "sum for mean",
        """
def masked_flow_loss(flow, target, valid, scale):
    mask = valid[:, None].expand_as(flow)
    difference = torch.where(mask, flow - target, torch.zeros_like(flow)) / scale
    return (difference**2).sum()
""",
    ),
    (
        "wrong device",
        """
def masked_flow_loss(flow, target, valid, scale):
    mask = valid[:, None].expand_as(flow)
    difference = torch.where(mask, flow - target, torch.zeros(flow.shape)) / scale
    return (difference**2).sum() / mask.sum().clamp(min=1)
""",
    ),
]
