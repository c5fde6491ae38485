"""Answers to A2.5, a stage of a decoder."""

_ORDER = '"b (t2 h2 w2 c) t h w -> b c (t t2) (h h2) (w w2)"'

RIGHT = [
    f"""
def decoder_stage(coarse, fine, weights, stride):
    def point(x, name):
        return F.conv3d(x, weights[name][:, :, None, None, None], weights[name + "_bias"])

    t2, h2, w2 = stride
    finer = rearrange(point(coarse, "enlarge"), {_ORDER}, t2=t2, h2=h2, w2=w2)
    return F.relu(F.conv3d(finer + point(fine, "lateral"), weights["stage"], weights["stage_bias"], padding=(0, 1, 1)))
""",
    f"""
def decoder_stage(coarse, fine, weights, stride):
    # Channels last and linear layers, as the kit does it; the stage frame by frame.
    t2, h2, w2 = stride
    large = F.linear(coarse.movedim(1, -1), weights["enlarge"], weights["enlarge_bias"]).movedim(-1, 1)
    finer = rearrange(large, {_ORDER}, t2=t2, h2=h2, w2=w2)
    lateral = F.linear(fine.movedim(1, -1), weights["lateral"], weights["lateral_bias"]).movedim(-1, 1)
    both = rearrange(finer + lateral, "b d t h w -> (b t) d h w")
    out = F.conv2d(both, weights["stage"].squeeze(2), weights["stage_bias"], padding=1)
    return rearrange(out, "(b t) d h w -> b d t h w", b=coarse.shape[0]).clamp(min=0)
""",
    """
def decoder_stage(coarse, fine, weights, stride):
    t2, h2, w2 = stride
    d = weights["lateral"].shape[0]
    both = torch.einsum("dc,bcthw->bdthw", weights["lateral"], fine) + weights["lateral_bias"].view(1, d, 1, 1, 1)
    kernels = weights["enlarge"].view(t2, h2, w2, d, -1)
    offsets = weights["enlarge_bias"].view(t2, h2, w2, d)
    # A transposed convolution of its own size and stride is a product followed by depth to space.
    both = both + F.conv_transpose3d(coarse, kernels.permute(4, 3, 0, 1, 2).contiguous(), stride=stride)
    both = both + offsets.permute(3, 0, 1, 2).repeat(1, coarse.shape[2], coarse.shape[3], coarse.shape[4])
    padded = F.pad(both, (1, 1, 1, 1))
    out = 0
    h, w = both.shape[-2:]
    for i in range(3):
        for j in range(3):
            moved = padded[..., i : i + h, j : j + w]
            out = out + torch.einsum("dc,bcthw->bdthw", weights["stage"][:, :, 0, i, j], moved)
    return torch.relu(out + weights["stage_bias"].view(1, d, 1, 1, 1))
""",
]

_START = f"""
    t2, h2, w2 = stride
    large = F.conv3d(coarse, weights["enlarge"][:, :, None, None, None], weights["enlarge_bias"])
    finer = rearrange(large, {_ORDER}, t2=t2, h2=h2, w2=w2)
    lateral = F.conv3d(fine, weights["lateral"][:, :, None, None, None], weights["lateral_bias"])
"""
_END = 'F.conv3d(both, weights["stage"], weights["stage_bias"], padding=(0, 1, 1))'

WRONG = [
    (
        "pixel_shuffle's order",
        f"""
def decoder_stage(coarse, fine, weights, stride):{_START}
    finer = rearrange(large, "b (c t2 h2 w2) t h w -> b c (t t2) (h h2) (w w2)", t2=t2, h2=h2, w2=w2)
    both = finer + lateral
    return {_END}.relu()
""",
    ),
    (
        "rectifier missing",
        f"""
def decoder_stage(coarse, fine, weights, stride):{_START}
    both = finer + lateral
    return {_END}
""",
    ),
    (
        "rectifier too early",
        f"""
def decoder_stage(coarse, fine, weights, stride):{_START}
    both = (finer + lateral).relu()
    return {_END}
""",
    ),
    (
        "lateral left out",
        f"""
def decoder_stage(coarse, fine, weights, stride):{_START}
    both = finer
    return {_END}.relu()
""",
    ),
    (
        "lateral too late",
        f"""
def decoder_stage(coarse, fine, weights, stride):{_START}
    both = finer
    return ({_END} + lateral).relu()
""",
    ),
    (
        "biases left out",
        f"""
def decoder_stage(coarse, fine, weights, stride):
    t2, h2, w2 = stride
    large = torch.einsum("dc,bcthw->bdthw", weights["enlarge"], coarse)
    finer = rearrange(large, {_ORDER}, t2=t2, h2=h2, w2=w2)
    both = finer + torch.einsum("dc,bcthw->bdthw", weights["lateral"], fine)
    return F.conv3d(both, weights["stage"], padding=(0, 1, 1)).relu()
""",
    ),
    (
        "no gradient",
        f"""
def decoder_stage(coarse, fine, weights, stride):{_START}
    both = finer + lateral.detach()
    return {_END}.relu()
""",
    ),
    (
        "wrong shape",
        f"""
def decoder_stage(coarse, fine, weights, stride):{_START}
    both = finer + lateral
    return F.conv3d(both, weights["stage"], weights["stage_bias"], padding=1).relu()
""",
    ),
    (
        "input edited in place",
        f"""
def decoder_stage(coarse, fine, weights, stride):{_START}
    both = finer + lateral
    weights["stage"] = weights["stage"].contiguous()
    out = {_END}.relu()
    weights.pop("stage_bias")
    return out
""",
    ),
]
