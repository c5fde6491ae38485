"""Answers to A3.1, robust loss."""

RIGHT = [
    """
def charbonnier(value, target, epsilon):
    return torch.sqrt((value - target) ** 2 + epsilon ** 2).mean()
""",
    """
def charbonnier(value, target, epsilon):
    difference = (value - target).flatten()
    return torch.hypot(difference, torch.full_like(difference, epsilon)).sum() / len(difference)
""",
    """
def charbonnier(value, target, epsilon):
    # Pull epsilon out of the root.
    ratio = (value - target) / epsilon
    total = 0
    for row in ratio:
        total = total + (1 + row * row).pow(0.5).sum()
    return epsilon * total / value.numel()
""",
    """
def charbonnier(value, target, epsilon):
    return reduce((F.mse_loss(value, target, reduction="none") + epsilon**2).sqrt(), "... -> ", "mean")
""",
]

WRONG = [
    (
        "sum for mean",
        """
def charbonnier(value, target, epsilon):
    return torch.sqrt((value - target) ** 2 + epsilon**2).sum()
""",
    ),
    (
        "sum for mean",
        """
def charbonnier(value, target, epsilon):
    # mean over the batch
    return torch.sqrt((value - target) ** 2 + epsilon**2).sum() / len(value)
""",
    ),
    (
        "root of the mean",
        """
def charbonnier(value, target, epsilon):
    return torch.sqrt(F.mse_loss(value, target) + epsilon**2)
""",
    ),
    (
        "epsilon not squared",
        """
def charbonnier(value, target, epsilon):
    return torch.sqrt((value - target) ** 2 + epsilon).mean()
""",
    ),
    (
        "epsilon outside the root",
        """
def charbonnier(value, target, epsilon):
    return (torch.sqrt((value - target) ** 2) + epsilon).mean()
""",
    ),
    (
        "missing square root",
        """
def charbonnier(value, target, epsilon):
    return ((value - target) ** 2 + epsilon**2).mean()
""",
    ),
    (
        "wrong shape",
        """
def charbonnier(value, target, epsilon):
    return torch.sqrt((value - target) ** 2 + epsilon**2)
""",
    ),
    (
        "not a tensor",
        """
def charbonnier(value, target, epsilon):
    return torch.sqrt((value - target) ** 2 + epsilon**2).mean().item()
""",
    ),
    (
        "wrong dtype",
        """
def charbonnier(value, target, epsilon):
    return torch.sqrt((value.float() - target.float()) ** 2 + epsilon**2).mean()
""",
    ),
    (
        "input edited in place",
        """
def charbonnier(value, target, epsilon):
    value -= target
    return torch.sqrt(value**2 + epsilon**2).mean()
""",
    ),
    (
        "no gradient",
        """
def charbonnier(value, target, epsilon):
    with torch.no_grad():
        return torch.sqrt((value - target) ** 2 + epsilon**2).mean()
""",
    ),
    (
        "wrong device",
        """
def charbonnier(value, target, epsilon):
    squared = (value - target) ** 2 + torch.full(value.shape, epsilon**2)
    return squared.sqrt().mean()
""",
    ),
    (
        "epsilon missing",
        """
def charbonnier(value, target, epsilon):
    return F.l1_loss(value, target)
""",
    ),
    (
        "hard-coded shape",
        """
def charbonnier(value, target, epsilon):
    difference = (value - target).reshape(2, 3, 20)
    return torch.sqrt(difference**2 + epsilon**2).mean()
""",
    ),
]
