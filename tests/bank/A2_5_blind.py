"""Wrong answers to A2.5, written from the question alone."""

WRONG = [
    # Adds the bias of the last convolution after the rectifier.
    (
        "bias behind the rectifier",
        """
def decoder_stage(coarse, fine, weights, stride):
    t2, h2, w2 = stride
    x = F.conv3d(coarse, weights["enlarge"][:, :, None, None, None], weights["enlarge_bias"])
    x = rearrange(x, "b (i j k d) t h w -> b d (t i) (h j) (w k)", i=t2, j=h2, k=w2)
    x = x + F.conv3d(fine, weights["lateral"][:, :, None, None, None], weights["lateral_bias"])
    x = F.relu(F.conv3d(x, weights["stage"], padding=(0, 1, 1)))
    return x + weights["stage_bias"].view(1, -1, 1, 1, 1)
""",
    ),
    # Input and output channels of the last kernel are exchanged, which no shape betrays because both are d.
    (
        "channels of the last kernel exchanged",
        """
def decoder_stage(coarse, fine, weights, stride):
    t2, h2, w2 = stride
    x = torch.einsum("ne,bethw->bnthw", weights["enlarge"], coarse) + weights["enlarge_bias"][:, None, None, None]
    x = rearrange(x, "b (i j k d) t h w -> b d (t i) (h j) (w k)", i=t2, j=h2, k=w2)
    x = x + torch.einsum("df,bfthw->bdthw", weights["lateral"], fine) + weights["lateral_bias"][:, None, None, None]
    x = F.conv3d(x, weights["stage"].transpose(0, 1), weights["stage_bias"], padding=(0, 1, 1))
    return x.clamp(min=0)
""",
    ),
    # A rectifier after the sum too, although it comes once and at the end.
    (
        "rectifier before the convolution",
        """
def decoder_stage(coarse, fine, weights, stride):
    t2, h2, w2 = stride
    x = F.conv3d(coarse, weights["enlarge"][..., None, None, None], weights["enlarge_bias"])
    x = rearrange(x, "b (i j k d) t h w -> b d (t i) (h j) (w k)", i=t2, j=h2, k=w2)
    lateral = F.conv3d(fine, weights["lateral"][..., None, None, None], weights["lateral_bias"])
    x = torch.relu(x + lateral)
    return torch.relu(F.conv3d(x, weights["stage"], weights["stage_bias"], padding=(0, 1, 1)))
""",
    ),
    # Pads the time as well and cuts the two extra steps off at the end, so that everything is one step late.
    (
        "moved in time",
        """
def decoder_stage(coarse, fine, weights, stride):
    t2, h2, w2 = stride
    x = F.conv3d(coarse, weights["enlarge"][..., None, None, None], weights["enlarge_bias"])
    x = rearrange(x, "b (i j k d) t h w -> b d (t i) (h j) (w k)", i=t2, j=h2, k=w2)
    x = x + F.conv3d(fine, weights["lateral"][..., None, None, None], weights["lateral_bias"])
    x = F.conv3d(x, weights["stage"], weights["stage_bias"], padding=1)
    return F.relu(x[:, :, : fine.shape[2]])
""",
    ),
    # Writes the reshaped weights back into the dictionary that was handed over.
    (
        "input edited in place",
        """
def decoder_stage(coarse, fine, weights, stride):
    t2, h2, w2 = stride
    for name in ("enlarge", "lateral"):
        weights[name] = weights[name].reshape(*weights[name].shape[:2], 1, 1, 1)
    x = F.conv3d(coarse, weights["enlarge"], weights["enlarge_bias"])
    x = rearrange(x, "b (i j k d) t h w -> b d (t i) (h j) (w k)", i=t2, j=h2, k=w2)
    x = x + F.conv3d(fine, weights["lateral"], weights["lateral_bias"])
    return F.relu(F.conv3d(x, weights["stage"], weights["stage_bias"], padding=(0, 1, 1)))
""",
    ),
]
