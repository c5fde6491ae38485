"""Wrong answers to A2.3, written from the question alone."""

WRONG = [
    # Divides by the groups twice: as if only one group of output channels had weights.
    (
        "groups divided twice",
        """
def convolution_cost(shape, layer):
    c, *sizes = shape
    o, g = layer["channels"], layer["groups"]
    weights = (c // g) * (o // g) * math.prod(layer["kernel"])
    places = 1
    for n, k, s, p in zip(sizes, layer["kernel"], layer["stride"], layer["padding"]):
        places *= (n + 2 * p - k) // s + 1
    return weights + (o if layer["bias"] else 0), weights * places
""",
    ),
    # Counts the bias as one number for the whole layer.
    (
        "one bias for the layer",
        """
def convolution_cost(shape, layer):
    c, *sizes = shape
    weights = c // layer["groups"] * layer["channels"] * math.prod(layer["kernel"])
    places = 1
    for n, k, s, p in zip(sizes, layer["kernel"], layer["stride"], layer["padding"]):
        places *= (n + 2 * p - k) // s + 1
    return weights + int(layer["bias"]), weights * places
""",
    ),
    # Multiplies all parameters by the places, so that the bias counts as multiplications.
    (
        "bias multiplied",
        """
def convolution_cost(shape, layer):
    conv = nn.Conv3d(
        shape[0],
        layer["channels"],
        layer["kernel"],
        stride=layer["stride"],
        padding=layer["padding"],
        groups=layer["groups"],
        bias=layer["bias"],
    )
    parameters = sum(p.numel() for p in conv.parameters())
    out = conv(torch.zeros(1, *shape))
    return parameters, parameters * out[0, 0].numel()
""",
    ),
    # Counts the places of the input instead of those of the output.
    (
        "places of the input",
        """
def convolution_cost(shape, layer):
    c, t, h, w = shape
    kt, kh, kw = layer["kernel"]
    per_channel = (c // layer["groups"]) * kt * kh * kw
    weights = layer["channels"] * per_channel
    bias = layer["channels"] if layer["bias"] else 0
    return weights + bias, weights * t * h * w
""",
    ),
    # Counts a multiply-add for every input channel: the groups are forgotten in the arithmetic.
    (
        "groups ignored in the multiply-adds",
        """
def convolution_cost(shape, layer):
    c, *sizes = shape
    kernel = layer["kernel"][0] * layer["kernel"][1] * layer["kernel"][2]
    weights = layer["channels"] * c // layer["groups"] * kernel
    out = [(n + 2 * p - k) // s + 1 for n, k, s, p in zip(sizes, layer["kernel"], layer["stride"], layer["padding"])]
    multiply_adds = out[0] * out[1] * out[2] * layer["channels"] * c * kernel
    return weights + layer["channels"] * layer["bias"], multiply_adds
""",
    ),
]
