"""Answers to A1.5, a flow at another size."""

RIGHT = [
    """
def resize_flow(flow, size):
    b, _, t, h, w = flow.shape
    small = F.interpolate(rearrange(flow, "b c t h w -> (b t) c h w"), size=size, mode="bilinear")
    small = rearrange(small, "(b t) c h w -> b c t h w", b=b)
    scale = torch.tensor([size[1] / w, size[0] / h], device=flow.device)
    return small * scale.view(1, 2, 1, 1, 1)
""",
    """
def resize_flow(flow, size):
    t, h, w = flow.shape[2:]
    new = F.interpolate(flow, size=(t, *size), mode="trilinear", align_corners=False)
    return torch.stack([new[:, 0] * size[1] / w, new[:, 1] * size[0] / h], dim=1)
""",
    """
def resize_flow(flow, size):
    height, width = size
    steps = []
    for step in flow.unbind(dim=2):
        u = step[:, 0:1] / step.shape[3] * width
        v = step[:, 1:2] / step.shape[2] * height
        steps.append(F.interpolate(torch.cat([u, v], dim=1), size=size, mode="bilinear", align_corners=False))
    return torch.stack(steps, dim=2)
""",
]

_INTERPOLATED = """
def resize_flow(flow, size):
    b, _, t, h, w = flow.shape
    new = F.interpolate(rearrange(flow, "b c t h w -> (b t) c h w"), size=size, mode="bilinear")
    new = rearrange(new, "(b t) c h w -> b c t h w", b=b)
"""

WRONG = [
    (
        "flow resized without rescaling",
        _INTERPOLATED
        + """
    return new
""",
    ),
    (
        "one factor for both directions",
        _INTERPOLATED
        + """
    return new * (size[1] / w)
""",
    ),
    (
        "factors of height and width exchanged",
        _INTERPOLATED
        + """
    return torch.stack([new[:, 0] * size[0] / h, new[:, 1] * size[1] / w], dim=1)
""",
    ),
    (
        "divided for multiplied",
        _INTERPOLATED
        + """
    return torch.stack([new[:, 0] * w / size[1], new[:, 1] * h / size[0]], dim=1)
""",
    ),
    (
        "integer division",
        _INTERPOLATED
        + """
    return torch.stack([new[:, 0] * (size[1] // w), new[:, 1] * (size[0] // h)], dim=1)
""",
    ),
    (
        "axes permuted",
        """
def resize_flow(flow, size):
    b, _, t, h, w = flow.shape
    width, height = size
    new = F.interpolate(rearrange(flow, "b c t h w -> (b t) c h w"), size=(height, width), mode="bilinear")
    new = rearrange(new, "(b t) c h w -> b c t h w", b=b)
    return torch.stack([new[:, 0] * width / w, new[:, 1] * height / h], dim=1)
""",
    ),
    (
        "reshape for rearrange",
        """
def resize_flow(flow, size):
    b, _, t, h, w = flow.shape
    new = F.interpolate(flow.reshape(b * t, 2, h, w), size=size, mode="bilinear")
    new[:, 0] *= size[1] / w
    new[:, 1] *= size[0] / h
    return new.reshape(b, 2, t, *size)
""",
    ),
    (
        "align_corners=True",
        """
def resize_flow(flow, size):
    t, h, w = flow.shape[2:]
    new = F.interpolate(flow, size=(t, *size), mode="trilinear", align_corners=True)
    return torch.stack([new[:, 0] * size[1] / w, new[:, 1] * size[0] / h], dim=1)
""",
    ),
    (
        "input edited in place",
        """
def resize_flow(flow, size):
    b, _, t, h, w = flow.shape
    flow[:, 0] *= size[1] / w
    flow[:, 1] *= size[0] / h
    new = F.interpolate(rearrange(flow, "b c t h w -> (b t) c h w"), size=size, mode="bilinear")
    return rearrange(new, "(b t) c h w -> b c t h w", b=b)
""",
    ),
    (
        "hard-coded shape",
        """
def resize_flow(flow, size):
    new = F.interpolate(rearrange(flow, "b c t h w -> (b t) c h w"), size=size, mode="bilinear")
    new = rearrange(new, "(b t) c h w -> b c t h w", b=1, t=3)
    return torch.stack([new[:, 0] * size[1] / 8, new[:, 1] * size[0] / 4], dim=1)
""",
    ),
    (
        "wrong device",
        """
def resize_flow(flow, size):
    t, h, w = flow.shape[2:]
    new = F.interpolate(flow, size=(t, *size), mode="trilinear", align_corners=False)
    return new * torch.tensor([size[1] / w, size[0] / h]).view(1, 2, 1, 1, 1)
""",
    ),
]
