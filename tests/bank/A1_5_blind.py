"""Wrong answers to A1.5, written from the question alone."""

WRONG = [
    # Makes (b t) images of two channels by a reshape without moving the axes, so that the factors of u and v
    # go to wrong steps.
    (
        "reshape for rearrange",
        """
def resize_flow(flow, size):
    b, _, t, h, w = flow.shape
    fields = F.interpolate(flow.reshape(b * t, 2, h, w), size=tuple(size), mode="bilinear", align_corners=False)
    factors = torch.tensor([size[1] / w, size[0] / h], dtype=flow.dtype, device=flow.device)
    fields = fields * factors.view(1, 2, 1, 1)
    return fields.reshape(b, 2, t, *size)
""",
    ),
    # Joins the axes as (b t) and takes them apart as (t b): with more than one clip the steps are mixed up.
    (
        "clips and steps mixed up",
        """
def resize_flow(flow, size):
    b, _, t, h, w = flow.shape
    fields = rearrange(flow, "b c t h w -> (b t) c h w")
    fields = F.interpolate(fields, size=tuple(size), mode="bilinear", align_corners=False)
    u, v = fields[:, 0] * size[1] / w, fields[:, 1] * size[0] / h
    return rearrange(torch.stack([u, v], dim=1), "(t b) c h w -> b c t h w", t=t)
""",
    ),
    # Scales the argument in place before it is interpolated.
    (
        "input edited in place",
        """
def resize_flow(flow, size):
    height, width = flow.shape[-2:]
    flow = flow.detach()
    flow[:, 0] *= size[1] / width
    flow[:, 1] *= size[0] / height
    steps = [F.interpolate(step, size=tuple(size), mode="bilinear") for step in flow.unbind(dim=2)]
    return torch.stack(steps, dim=2)
""",
    ),
    # Interpolates with antialias, which the text excludes.
    (
        "another interpolation",
        """
def resize_flow(flow, size):
    height, width = flow.shape[-2:]
    steps = []
    for i in range(flow.shape[2]):
        step = F.interpolate(flow[:, :, i], size=tuple(size), mode="bilinear", align_corners=False, antialias=True)
        step = torch.stack([step[:, 0] * size[1] / width, step[:, 1] * size[0] / height], dim=1)
        steps.append(step)
    return torch.stack(steps, dim=2)
""",
    ),
    # One factor, that of the height, for both components.
    (
        "one factor for both directions",
        """
def resize_flow(flow, size):
    b, c, t, h, w = flow.shape
    resized = F.interpolate(rearrange(flow, "b c t h w -> b (c t) h w"), size=tuple(size), mode="bilinear")
    return rearrange(resized, "b (c t) h w -> b c t h w", t=t) * (size[0] / h)
""",
    ),
]
