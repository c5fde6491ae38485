"""Wrong answers to A1.4, written from the question alone."""

WRONG = [
    # The left neighbour is clamped but the position is not, so outside the picture the line is continued
    # instead of the border repeated.
    (
        "continued beyond the border",
        """
def backward_warp(second, flow):
    b, c, h, w = second.shape
    y, x = torch.meshgrid(
        torch.arange(h, device=flow.device), torch.arange(w, device=flow.device), indexing="ij"
    )
    x, y = x + flow[:, 0], y + flow[:, 1]
    x0, y0 = x.detach().floor().long().clamp(0, w - 2), y.detach().floor().long().clamp(0, h - 2)
    wx, wy = (x - x0)[:, None], (y - y0)[:, None]
    n = torch.arange(b, device=flow.device)[:, None, None]

    def at(rows, columns):
        return second[n, :, rows, columns].permute(0, 3, 1, 2)

    top = (1 - wx) * at(y0, x0) + wx * at(y0, x0 + 1)
    bottom = (1 - wx) * at(y0 + 1, x0) + wx * at(y0 + 1, x0 + 1)
    return (1 - wy) * top + wy * bottom
""",
    ),
    # Uses the flow of the first image for all images of the batch.
    (
        "flow of the first image for all",
        """
def backward_warp(second, flow):
    b, c, h, w = second.shape
    y, x = torch.meshgrid(
        torch.arange(h, device=flow.device), torch.arange(w, device=flow.device), indexing="ij"
    )
    x = 2 * (x + flow[0, 0]) / (w - 1) - 1
    y = 2 * (y + flow[0, 1]) / (h - 1) - 1
    grid = torch.stack([x, y], dim=-1).expand(b, h, w, 2)
    return F.grid_sample(second, grid, padding_mode="border", align_corners=True)
""",
    ),
    # Scales the positions with w and h while align_corners=True asks for w - 1 and h - 1.
    (
        "coordinates scaled wrongly",
        """
def backward_warp(second, flow):
    b, c, h, w = second.shape
    y, x = torch.meshgrid(
        torch.arange(h, device=flow.device), torch.arange(w, device=flow.device), indexing="ij"
    )
    grid = torch.stack([2 * (x + flow[:, 0]) / w - 1, 2 * (y + flow[:, 1]) / h - 1], dim=-1)
    return F.grid_sample(second, grid, mode="bilinear", padding_mode="border", align_corners=True)
""",
    ),
    # No gradient reaches the flow: the grid is made without gradients.
    (
        "no gradient",
        """
def backward_warp(second, flow):
    b, c, h, w = second.shape
    with torch.no_grad():
        y, x = torch.meshgrid(
            torch.arange(h, device=flow.device), torch.arange(w, device=flow.device), indexing="ij"
        )
        x = 2 * (x + flow[:, 0]).clamp(0, w - 1) / (w - 1) - 1
        y = 2 * (y + flow[:, 1]).clamp(0, h - 1) / (h - 1) - 1
        grid = torch.stack([x, y], dim=-1)
    return F.grid_sample(second, grid, padding_mode="border", align_corners=True)
""",
    ),
    # The weights are exchanged: the farther neighbour counts more.
    (
        "shares of the neighbours exchanged",
        """
def backward_warp(second, flow):
    b, c, h, w = second.shape
    out = []
    for image, (u, v) in zip(second, flow):
        rows, columns = torch.meshgrid(
            torch.arange(h, device=flow.device), torch.arange(w, device=flow.device), indexing="ij"
        )
        x, y = (columns + u).clamp(0, w - 1), (rows + v).clamp(0, h - 1)
        x0, y0 = x.floor().long(), y.floor().long()
        x1, y1 = (x0 + 1).clamp(max=w - 1), (y0 + 1).clamp(max=h - 1)
        a, e = x - x0, y - y0
        out.append(
            a * e * image[:, y0, x0]
            + (1 - a) * e * image[:, y0, x1]
            + a * (1 - e) * image[:, y1, x0]
            + (1 - a) * (1 - e) * image[:, y1, x1]
        )
    return torch.stack(out)
""",
    ),
]
