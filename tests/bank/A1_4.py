"""Answers to A1.4, the backward warp."""

RIGHT = [
    """
def backward_warp(second, flow):
    b, c, h, w = second.shape
    x = torch.arange(w, device=flow.device) + flow[:, 0]
    y = torch.arange(h, device=flow.device)[:, None] + flow[:, 1]
    grid = torch.stack([2 * x / (w - 1) - 1, 2 * y / (h - 1) - 1], dim=-1)
    return F.grid_sample(second, grid, mode="bilinear", padding_mode="border", align_corners=True)
""",
    """
def backward_warp(second, flow):
    b, c, h, w = second.shape
    y, x = torch.meshgrid(
        torch.arange(h, device=flow.device), torch.arange(w, device=flow.device), indexing="ij"
    )
    x = (x + flow[:, 0]).clamp(0, w - 1)
    y = (y + flow[:, 1]).clamp(0, h - 1)
    x0, y0 = x.floor().long(), y.floor().long()
    x1, y1 = (x0 + 1).clamp(max=w - 1), (y0 + 1).clamp(max=h - 1)
    dx, dy = (x - x0)[:, None], (y - y0)[:, None]

    def at(row, column):
        index = (row * w + column).view(b, 1, h * w).expand(-1, c, -1)
        return second.reshape(b, c, h * w).gather(2, index).view(b, c, h, w)

    top = at(y0, x0) * (1 - dx) + at(y0, x1) * dx
    bottom = at(y1, x0) * (1 - dx) + at(y1, x1) * dx
    return top * (1 - dy) + bottom * dy
""",
    """
def backward_warp(second, flow):
    b, c, h, w = second.shape
    images = []
    for n in range(b):
        rows = []
        for i in range(h):
            for j in range(w):
                x = (j + flow[n, 0, i, j]).clamp(0, w - 1)
                y = (i + flow[n, 1, i, j]).clamp(0, h - 1)
                left, top = min(int(x), w - 2), min(int(y), h - 2)
                p, q = x - left, y - top
                near = second[n, :, top : top + 2, left : left + 2]
                rows.append(
                    near[:, 0, 0] * (1 - p) * (1 - q)
                    + near[:, 0, 1] * p * (1 - q)
                    + near[:, 1, 0] * (1 - p) * q
                    + near[:, 1, 1] * p * q
                )
        images.append(rearrange(torch.stack(rows), "(h w) c -> c h w", h=h))
    return torch.stack(images)
""",
    """
def backward_warp(second, flow):
    b, c, h, w = second.shape
    y, x = torch.meshgrid(
        torch.arange(h, device=second.device), torch.arange(w, device=second.device), indexing="ij"
    )
    places = torch.stack([x, y]) + flow
    size = torch.tensor([w, h], device=second.device).view(1, 2, 1, 1)
    places = (2 * places + 1) / size - 1
    return F.grid_sample(second, places.permute(0, 2, 3, 1), padding_mode="border", align_corners=False)
""",
]

_COORDINATES = """
def backward_warp(second, flow):
    b, c, h, w = second.shape
    x = torch.arange(w, device=flow.device).view(1, 1, w) + flow[:, 0]
    y = torch.arange(h, device=flow.device).view(1, h, 1) + flow[:, 1]
"""

WRONG = [
    (
        "flow sign flipped",
        """
def backward_warp(second, flow):
    b, c, h, w = second.shape
    x = torch.arange(w, device=flow.device).view(1, 1, w) - flow[:, 0]
    y = torch.arange(h, device=flow.device).view(1, h, 1) - flow[:, 1]
    grid = torch.stack([2 * x / (w - 1) - 1, 2 * y / (h - 1) - 1], dim=-1)
    return F.grid_sample(second, grid, padding_mode="border", align_corners=True)
""",
    ),
    (
        "u and v swapped",
        """
def backward_warp(second, flow):
    b, c, h, w = second.shape
    x = torch.arange(w, device=flow.device).view(1, 1, w) + flow[:, 1]
    y = torch.arange(h, device=flow.device).view(1, h, 1) + flow[:, 0]
    grid = torch.stack([2 * x / (w - 1) - 1, 2 * y / (h - 1) - 1], dim=-1)
    return F.grid_sample(second, grid, padding_mode="border", align_corners=True)
""",
    ),
    (
        "forward for backward warp",
        """
def backward_warp(second, flow):
    b, c, h, w = second.shape
    result = torch.zeros_like(second)
    for n in range(b):
        for i in range(h):
            for j in range(w):
                x = round(j + flow[n, 0, i, j].item())
                y = round(i + flow[n, 1, i, j].item())
                if 0 <= x < w and 0 <= y < h:
                    result[n, :, y, x] = second[n, :, i, j]
    return result
""",
    ),
    (
        "forward for backward warp",
        """
def backward_warp(second, flow):
    b, c, h, w = second.shape
    result = torch.zeros_like(second)
    for n in range(b):
        for i in range(h):
            for j in range(w):
                x = int((j + flow[n, 0, i, j]).round().clamp(0, w - 1))
                y = int((i + flow[n, 1, i, j]).round().clamp(0, h - 1))
                result[n, :, y, x] = second[n, :, i, j]
    return result
""",
    ),
    (
        "x and y exchanged",
        _COORDINATES
        + """
    grid = torch.stack([2 * y / (h - 1) - 1, 2 * x / (w - 1) - 1], dim=-1)
    return F.grid_sample(second, grid, padding_mode="border", align_corners=True)
""",
    ),
    (
        "black outside",
        _COORDINATES
        + """
    grid = torch.stack([2 * x / (w - 1) - 1, 2 * y / (h - 1) - 1], dim=-1)
    return F.grid_sample(second, grid, align_corners=True)
""",
    ),
    (
        "coordinates scaled wrongly",
        _COORDINATES
        + """
    grid = torch.stack([2 * x / w - 1, 2 * y / h - 1], dim=-1)
    return F.grid_sample(second, grid, padding_mode="border", align_corners=True)
""",
    ),
    (
        "coordinates scaled wrongly",
        _COORDINATES
        + """
    grid = torch.stack([2 * x / (w - 1) - 1, 2 * y / (h - 1) - 1], dim=-1)
    return F.grid_sample(second, grid, padding_mode="border", align_corners=False)
""",
    ),
    (
        "nearest pixel for bilinear",
        _COORDINATES
        + """
    x = x.round().long().clamp(0, w - 1)
    y = y.round().long().clamp(0, h - 1)
    return torch.stack([image[:, row, column] for image, row, column in zip(second, y, x)])
""",
    ),
    (
        "flow of the first image for all",
        """
def backward_warp(second, flow):
    b, c, h, w = second.shape
    x = torch.arange(w, device=flow.device) + flow[0, 0]
    y = torch.arange(h, device=flow.device)[:, None] + flow[0, 1]
    grid = torch.stack([2 * x / (w - 1) - 1, 2 * y / (h - 1) - 1], dim=-1)
    return F.grid_sample(second, grid.expand(b, -1, -1, -1), padding_mode="border", align_corners=True)
""",
    ),
    (
        "input edited in place",
        """
def backward_warp(second, flow):
    b, c, h, w = second.shape
    places = flow if not flow.requires_grad else flow.clone()
    places[:, 0] += torch.arange(w, device=flow.device)
    places[:, 1] += torch.arange(h, device=flow.device)[:, None]
    grid = torch.stack([2 * places[:, 0] / (w - 1) - 1, 2 * places[:, 1] / (h - 1) - 1], dim=-1)
    return F.grid_sample(second, grid, padding_mode="border", align_corners=True)
""",
    ),
    (
        "wrong device",
        """
def backward_warp(second, flow):
    b, c, h, w = second.shape
    x = torch.arange(w) + flow[:, 0]
    y = torch.arange(h)[:, None] + flow[:, 1]
    grid = torch.stack([2 * x / (w - 1) - 1, 2 * y / (h - 1) - 1], dim=-1)
    return F.grid_sample(second, grid, padding_mode="border", align_corners=True)
""",
    ),
    (
        "u and v swapped",
        """
def backward_warp(second, flow):
    b, c, h, w = second.shape
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    x, y = x + flow[:, 1], y + flow[:, 0]
    grid = torch.stack([2 * x / (w - 1) - 1, 2 * y / (h - 1) - 1], dim=-1)
    return F.grid_sample(second, grid, padding_mode="border", align_corners=True)
""",
    ),
]
