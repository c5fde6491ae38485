"""Answers to A2.3, what a convolution holds and costs."""

RIGHT = [
    """
def convolution_cost(shape, layer):
    places = 1
    for n, k, s, p in zip(shape[1:], layer["kernel"], layer["stride"], layer["padding"]):
        places *= (n + 2 * p - k) // s + 1
    products = shape[0] // layer["groups"] * math.prod(layer["kernel"])
    parameters = layer["channels"] * (products + 1 if layer["bias"] else products)
    return parameters, layer["channels"] * places * products
""",
    """
def convolution_cost(shape, layer):
    convolution = nn.Conv3d(
        shape[0], layer["channels"], layer["kernel"], layer["stride"], layer["padding"],
        groups=layer["groups"], bias=layer["bias"], device="meta",
    )
    output = convolution(torch.empty(1, *shape, device="meta"))
    parameters = sum(p.numel() for p in convolution.parameters())
    return [parameters, convolution.weight.numel() * output[0, 0].numel()]
""",
    """
def convolution_cost(shape, layer):
    # Group by group.
    g = layer["groups"]
    kt, kh, kw = layer["kernel"]
    parameters, products = 0, 0
    axes = zip(shape[1:], layer["kernel"], layer["stride"], layer["padding"])
    places = np.prod([len(range(0, n + 2 * p - k + 1, s)) for n, k, s, p in axes])
    for _ in range(g):
        weights = (layer["channels"] // g) * (shape[0] // g) * kt * kh * kw
        parameters += weights
        products += weights * int(places)
    if layer["bias"]:
        parameters += layer["channels"]
    return parameters, products
""",
]

_PLACES = """
    axes = zip(shape[1:], layer["kernel"], layer["stride"], layer["padding"])
    t, h, w = [(n + 2 * p - k) // s + 1 for n, k, s, p in axes]
    kt, kh, kw = layer["kernel"]
"""

WRONG = [
    (
        "groups ignored",
        f"""
def convolution_cost(shape, layer):{_PLACES}
    weights = layer["channels"] * shape[0] * kt * kh * kw
    return weights + (layer["channels"] if layer["bias"] else 0), weights * t * h * w
""",
    ),
    (
        "bias forgotten",
        f"""
def convolution_cost(shape, layer):{_PLACES}
    weights = layer["channels"] * (shape[0] // layer["groups"]) * kt * kh * kw
    return weights, weights * t * h * w
""",
    ),
    (
        "bias multiplied",
        f"""
def convolution_cost(shape, layer):{_PLACES}
    parameters = layer["channels"] * (shape[0] // layer["groups"]) * kt * kh * kw
    if layer["bias"]:
        parameters += layer["channels"]
    return parameters, parameters * t * h * w
""",
    ),
    (
        "places of the input",
        """
def convolution_cost(shape, layer):
    c, t, h, w = shape
    weights = layer["channels"] * (c // layer["groups"]) * math.prod(layer["kernel"])
    return weights + layer["channels"] * int(layer["bias"]), weights * t * h * w
""",
    ),
    (
        "FLOPs for multiply-adds",
        f"""
def convolution_cost(shape, layer):{_PLACES}
    weights = layer["channels"] * (shape[0] // layer["groups"]) * kt * kh * kw
    return weights + (layer["channels"] if layer["bias"] else 0), 2 * weights * t * h * w
""",
    ),
    (
        "time left out",
        f"""
def convolution_cost(shape, layer):{_PLACES}
    weights = layer["channels"] * (shape[0] // layer["groups"]) * kh * kw
    return weights + (layer["channels"] if layer["bias"] else 0), weights * t * h * w
""",
    ),
    (
        "groups divided twice",
        f"""
def convolution_cost(shape, layer):{_PLACES}
    g = layer["groups"]
    weights = (layer["channels"] // g) * (shape[0] // g) * kt * kh * kw
    return weights + (layer["channels"] if layer["bias"] else 0), weights * t * h * w
""",
    ),
    (
        "wrong type",
        f"""
def convolution_cost(shape, layer):{_PLACES}
    weights = layer["channels"] * (shape[0] // layer["groups"]) * kt * kh * kw
    return {{"parameters": weights + layer["channels"] * layer["bias"], "multiply_adds": weights * t * h * w}}
""",
    ),
    (
        "output channels counted twice",
        """
def convolution_cost(shape, layer):
    form = (layer["kernel"], layer["stride"], layer["padding"])
    module = nn.Conv3d(shape[0], layer["channels"], *form, groups=layer["groups"], bias=layer["bias"])
    output = module(torch.zeros(1, *shape))
    return sum(p.numel() for p in module.parameters()), output.numel() * module.weight.numel()
""",
    ),
]
