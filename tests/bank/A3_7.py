"""Answers to A3.7, linear CKA."""

RIGHT = [
    """
def linear_cka(flow_features, frame_features):
    x = rearrange(flow_features, "b d t h w -> (b t h w) d")
    y = rearrange(frame_features, "b d t h w -> (b t h w) d")
    x, y = x - x.mean(0), y - y.mean(0)
    below = torch.linalg.norm(x.T @ x) * torch.linalg.norm(y.T @ y)
    return torch.linalg.norm(x.T @ y) ** 2 / below
""",
    """
def linear_cka(flow_features, frame_features):
    # The form with (n n) matrices: centre them on both sides.
    def gram(features):
        x = features.movedim(1, -1).reshape(-1, features.shape[1]).double()
        k = x @ x.T
        return k - k.mean(0, keepdim=True) - k.mean(1, keepdim=True) + k.mean()

    k, m = gram(flow_features), gram(frame_features)
    return ((k * m).sum() / torch.sqrt((k * k).sum() * (m * m).sum())).item()
""",
    """
def linear_cka(flow_features, frame_features):
    def columns(features):
        values = features.numpy().astype("float64")
        matrix = np.stack([values[:, channel].ravel() for channel in range(values.shape[1])], axis=1)
        return matrix - matrix.mean(axis=0)

    x, y = columns(flow_features), columns(frame_features)
    return float(np.sum((x.T @ y) ** 2) / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)))
""",
    """
def linear_cka(flow_features, frame_features):
    # Only one of the two Gram matrices needs to be centred in the numerator.
    x, y = (f.permute(0, 2, 3, 4, 1).flatten(0, 3) for f in (flow_features, frame_features))
    n = x.shape[0]
    h = torch.eye(n) - torch.ones(n, n) / n

    def hsic(k, m):
        return torch.trace(k @ h @ m @ h)

    k, m = x @ x.T, y @ y.T
    return hsic(k, m) / (hsic(k, k) * hsic(m, m)).sqrt()
""",
]

WRONG = [
    (
        "biased CKA",
        """
def linear_cka(flow_features, frame_features):
    x = rearrange(flow_features, "b d t h w -> (b t h w) d")
    y = rearrange(frame_features, "b d t h w -> (b t h w) d")
    return torch.linalg.norm(x.T @ y) ** 2 / (torch.linalg.norm(x.T @ x) * torch.linalg.norm(y.T @ y))
""",
    ),
    (
        "centred by one number",
        """
def linear_cka(flow_features, frame_features):
    x = rearrange(flow_features, "b d t h w -> (b t h w) d")
    y = rearrange(frame_features, "b d t h w -> (b t h w) d")
    x, y = x - x.mean(), y - y.mean()
    below = torch.linalg.norm(x.T @ x) * torch.linalg.norm(y.T @ y)
    return torch.linalg.norm(x.T @ y) ** 2 / below
""",
    ),
    (
        "statistics over the wrong axis: the channels",
        """
def linear_cka(flow_features, frame_features):
    x = rearrange(flow_features, "b d t h w -> (b t h w) d")
    y = rearrange(frame_features, "b d t h w -> (b t h w) d")
    x, y = x - x.mean(1, keepdim=True), y - y.mean(1, keepdim=True)
    below = torch.linalg.norm(x.T @ x) * torch.linalg.norm(y.T @ y)
    return torch.linalg.norm(x.T @ y) ** 2 / below
""",
    ),
    (
        "axes mixed by a reshape",
        """
def linear_cka(flow_features, frame_features):
    x = flow_features.reshape(-1, flow_features.shape[1])
    y = frame_features.reshape(-1, frame_features.shape[1])
    x, y = x - x.mean(0), y - y.mean(0)
    below = torch.linalg.norm(x.T @ x) * torch.linalg.norm(y.T @ y)
    return torch.linalg.norm(x.T @ y) ** 2 / below
""",
    ),
    (
        "standardised",
        """
def linear_cka(flow_features, frame_features):
    x = rearrange(flow_features, "b d t h w -> (b t h w) d")
    y = rearrange(frame_features, "b d t h w -> (b t h w) d")
    x, y = (x - x.mean(0)) / x.std(0), (y - y.mean(0)) / y.std(0)
    return torch.linalg.norm(x.T @ y) ** 2 / (torch.linalg.norm(x.T @ x) * torch.linalg.norm(y.T @ y))
""",
    ),
    (
        "numerator not squared",
        """
def linear_cka(flow_features, frame_features):
    x = rearrange(flow_features, "b d t h w -> (b t h w) d")
    y = rearrange(frame_features, "b d t h w -> (b t h w) d")
    x, y = x - x.mean(0), y - y.mean(0)
    below = torch.linalg.norm(x.T @ x) * torch.linalg.norm(y.T @ y)
    return torch.linalg.norm(x.T @ y) / below
""",
    ),
    (
        "denominator squared",
        """
def linear_cka(flow_features, frame_features):
    x = rearrange(flow_features, "b d t h w -> (b t h w) d")
    y = rearrange(frame_features, "b d t h w -> (b t h w) d")
    x, y = x - x.mean(0), y - y.mean(0)
    below = ((x.T @ x) ** 2).sum() * ((y.T @ y) ** 2).sum()
    return ((x.T @ y) ** 2).sum() / below
""",
    ),
    (
        "trace for norm",
        """
def linear_cka(flow_features, frame_features):
    x = rearrange(flow_features, "b d t h w -> (b t h w) d")
    y = rearrange(frame_features, "b d t h w -> (b t h w) d")
    x, y = x - x.mean(0), y - y.mean(0)
    below = (x**2).sum() * (y**2).sum()
    return ((x.T @ y) ** 2).sum() / below
""",
    ),
    (
        "clips for positions",
        """
def linear_cka(flow_features, frame_features):
    x, y = flow_features.flatten(1), frame_features.flatten(1)
    x, y = x - x.mean(0), y - y.mean(0)
    return torch.linalg.norm(x.T @ y) ** 2 / (torch.linalg.norm(x.T @ x) * torch.linalg.norm(y.T @ y))
""",
    ),
    (
        "raised an error",
        """
def linear_cka(flow_features, frame_features):
    # The cosine of the two sets of numbers, which need equal shapes.
    x = rearrange(flow_features, "b d t h w -> (b t h w) d")
    y = rearrange(frame_features, "b d t h w -> (b t h w) d")
    x, y = x - x.mean(0), y - y.mean(0)
    return F.cosine_similarity(x.flatten(), y.flatten(), dim=0)
""",
    ),
    (
        "raised an error",
        """
def linear_cka(flow_features, frame_features):
    x = flow_features.permute(0, 2, 3, 4, 1).reshape(120, 6)
    y = frame_features.permute(0, 2, 3, 4, 1).reshape(120, 7)
    x, y = x - x.mean(0), y - y.mean(0)
    return torch.linalg.norm(x.T @ y) ** 2 / (torch.linalg.norm(x.T @ x) * torch.linalg.norm(y.T @ y))
""",
    ),
    (
        "root of the value",
        """
def linear_cka(flow_features, frame_features):
    x = rearrange(flow_features, "b d t h w -> (b t h w) d")
    y = rearrange(frame_features, "b d t h w -> (b t h w) d")
    x, y = x - x.mean(0), y - y.mean(0)
    return torch.linalg.norm(x.T @ y) / torch.sqrt(torch.linalg.norm(x.T @ x) * torch.linalg.norm(y.T @ y))
""",
    ),
    (
        "pixels averaged away",
        """
def linear_cka(flow_features, frame_features):
    x, y = flow_features.mean((2, 3, 4)), frame_features.mean((2, 3, 4))
    x, y = x - x.mean(0), y - y.mean(0)
    return torch.linalg.norm(x.T @ y) ** 2 / (torch.linalg.norm(x.T @ x) * torch.linalg.norm(y.T @ y))
""",
    ),
    (
        "wrong value",
        """
def linear_cka(flow_features, frame_features):
    # Frames averaged first.
    x = rearrange(flow_features.mean(2), "b d h w -> (b h w) d")
    y = rearrange(frame_features.mean(2), "b d h w -> (b h w) d")
    x, y = x - x.mean(0), y - y.mean(0)
    return torch.linalg.norm(x.T @ y) ** 2 / (torch.linalg.norm(x.T @ x) * torch.linalg.norm(y.T @ y))
""",
    ),
    (
        "wrong value",
        """
def linear_cka(flow_features, frame_features):
    # Only one of them centred, in the denominator too.
    x = rearrange(flow_features, "b d t h w -> (b t h w) d")
    y = rearrange(frame_features, "b d t h w -> (b t h w) d")
    x = x - x.mean(0)
    return torch.linalg.norm(x.T @ y) ** 2 / (torch.linalg.norm(x.T @ x) * torch.linalg.norm(y.T @ y))
""",
    ),
    (
        "wrong type",
        """
def linear_cka(flow_features, frame_features):
    x = rearrange(flow_features, "b d t h w -> (b t h w) d")
    y = rearrange(frame_features, "b d t h w -> (b t h w) d")
    x, y = x - x.mean(0), y - y.mean(0)
    return (x.T @ y) ** 2 / (torch.linalg.norm(x.T @ x) * torch.linalg.norm(y.T @ y))
""",
    ),
]
