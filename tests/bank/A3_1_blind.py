"""Wrong answers to A3.1, written from the question alone."""

WRONG = [
    # the mean is taken inside the root
    (
        "root of the mean",
        """
def charbonnier(value, target, epsilon):
    error = value - target
    return torch.sqrt(torch.mean(error**2) + epsilon**2)
""",
    ),
    # epsilon is not squared
    (
        "epsilon not squared",
        """
def charbonnier(value, target, epsilon):
    return torch.sqrt((value - target).pow(2) + epsilon).mean()
""",
    ),
    # epsilon is subtracted, so that no error costs nothing
    (
        "epsilon subtracted again",
        """
def charbonnier(value, target, epsilon):
    loss = torch.sqrt((value - target) ** 2 + epsilon**2) - epsilon
    return loss.mean()
""",
    ),
    # the sum is divided by the length of the first axis alone
    (
        "sum for mean",
        """
def charbonnier(value, target, epsilon):
    total = torch.sqrt((value - target) ** 2 + epsilon**2).sum()
    return total / len(value)
""",
    ),
    # the loss goes through a Python number: no gradient
    (
        "no gradient",
        """
def charbonnier(value, target, epsilon):
    total = 0.0
    for v, g in zip(value.flatten().tolist(), target.flatten().tolist()):
        total += math.sqrt((v - g) ** 2 + epsilon**2)
    return torch.tensor(total / value.numel(), dtype=value.dtype, requires_grad=True)
""",
    ),
]
