"""Wrong answers to A3.4, written from the question alone."""

WRONG = [
    # reshaped to one row per channel without moving the channels to the front
    (
        "axes mixed by a reshape",
        """
def standardise(features, epsilon):
    d = features.shape[1]
    rows = features.reshape(d, -1)
    mean = rows.mean(1, keepdim=True)
    variance = ((rows - mean) ** 2).mean(1, keepdim=True)
    return ((rows - mean) / torch.sqrt(variance + epsilon)).reshape(features.shape)
""",
    ),
    # the variance is the mean of the clips' variances, without what differs between clips
    (
        "variance within clips",
        """
def standardise(features, epsilon):
    mean = features.mean(dim=(0, 2, 3, 4), keepdim=True)
    variance = features.var(dim=(2, 3, 4), correction=0, keepdim=True).mean(dim=0, keepdim=True)
    return (features - mean) / (variance + epsilon).sqrt()
""",
    ),
    # epsilon is added to the deviation, outside the root
    (
        "epsilon outside the root",
        """
def standardise(features, epsilon):
    dims = (0, 2, 3, 4)
    mean = features.mean(dims, keepdim=True)
    std = (features - mean).square().mean(dims, keepdim=True).sqrt()
    return (features - mean) / (std + epsilon)
""",
    ),
    # the deviation is cut off from the gradient
    (
        "variance detached",
        """
def standardise(features, epsilon):
    centred = features - features.mean(dim=(0, 2, 3, 4), keepdim=True)
    with torch.no_grad():
        variance = centred.square().mean(dim=(0, 2, 3, 4), keepdim=True)
    return centred / torch.sqrt(variance + epsilon)
""",
    ),
    # the variance is about zero: it is taken before the mean is subtracted
    (
        "energy for variance",
        """
def standardise(features, epsilon):
    mean = reduce(features, "b d t h w -> 1 d 1 1 1", "mean")
    variance = reduce(features**2, "b d t h w -> 1 d 1 1 1", "mean")
    return (features - mean) / torch.sqrt(variance + epsilon)
""",
    ),
]
