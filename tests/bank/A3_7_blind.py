"""Wrong answers to A3.7, written from the question alone."""

WRONG = [
    # every clip is centred by its own mean
    (
        "each clip centred",
        """
def linear_cka(flow_features, frame_features):
    x = flow_features - flow_features.mean(dim=(2, 3, 4), keepdim=True)
    y = frame_features - frame_features.mean(dim=(2, 3, 4), keepdim=True)
    x = rearrange(x, "b d t h w -> (b t h w) d")
    y = rearrange(y, "b d t h w -> (b t h w) d")
    return (x.T @ y).square().sum() / ((x.T @ x).norm() * (y.T @ y).norm())
""",
    ),
    # the spectral norm instead of the Frobenius norm
    (
        "spectral norm",
        """
def linear_cka(flow_features, frame_features):
    x = rearrange(flow_features, "b d t h w -> (b t h w) d")
    y = rearrange(frame_features, "b d t h w -> (b t h w) d")
    x, y = x - x.mean(0), y - y.mean(0)
    norm = torch.linalg.norm
    return norm(x.T @ y, 2) ** 2 / (norm(x.T @ x, 2) * norm(y.T @ y, 2))
""",
    ),
    # every channel is brought to deviation 1 first
    (
        "standardised",
        """
def linear_cka(flow_features, frame_features):
    x = rearrange(flow_features, "b d t h w -> (b t h w) d")
    y = rearrange(frame_features, "b d t h w -> (b t h w) d")
    x = (x - x.mean(0)) / (x.std(0) + 1e-8)
    y = (y - y.mean(0)) / (y.std(0) + 1e-8)
    return (x.T @ y).square().sum() / ((x.T @ x).norm() * (y.T @ y).norm())
""",
    ),
    # reshaped to rows of channels without moving the channels to the end
    (
        "axes mixed by a reshape",
        """
def linear_cka(flow_features, frame_features):
    x = flow_features.reshape(-1, flow_features.shape[1])
    y = frame_features.reshape(-1, frame_features.shape[1])
    n = min(len(x), len(y))
    x, y = x[:n] - x[:n].mean(0), y[:n] - y[:n].mean(0)
    return ((x.T @ y).norm() ** 2 / ((x.T @ x).norm() * (y.T @ y).norm())).item()
""",
    ),
    # the numerator's norm is not squared, the denominator is the root
    (
        "root of the value",
        """
def linear_cka(flow_features, frame_features):
    x = flow_features.transpose(0, 1).flatten(1)
    y = frame_features.transpose(0, 1).flatten(1)
    x = x - x.mean(1, keepdim=True)
    y = y - y.mean(1, keepdim=True)
    return float((x @ y.T).norm() / torch.sqrt((x @ x.T).norm() * (y @ y.T).norm()))
""",
    ),
]
