"""Wrong answers to A2.1, written from the question alone."""

WRONG = [
    # int() cuts towards 0: a kernel that is a little too long with a stride above 1 gives one place instead
    # of a ValueError.
    (
        "accepts bad input",
        """
def output_shape(shape, layers):
    c, *sizes = shape
    for layer in layers:
        new = []
        for n, k, s, p in zip(sizes, layer["kernel"], layer["stride"], layer["padding"]):
            out = int((n + 2 * p - k) / s) + 1
            if out < 1:
                raise ValueError("the kernel does not fit")
            new.append(out)
        sizes = new
        c = layer["channels"]
    return (c, *sizes)
""",
    ),
    # Compares the kernel with the input without its padding.
    (
        "raised an error",
        """
def output_shape(shape, layers):
    for layer in layers:
        sizes = []
        for i in range(3):
            n = shape[i + 1]
            if layer["kernel"][i] > n:
                raise ValueError("kernel longer than the input")
            sizes.append((n + 2 * layer["padding"][i] - layer["kernel"][i]) // layer["stride"][i] + 1)
        shape = (layer["channels"], *sizes)
    return shape
""",
    ),
    # Looks for an impossible size only behind the last layer, where padding may have hidden it.
    (
        "refuses behind the last layer only",
        """
def output_shape(shape, layers):
    _, t, h, w = shape
    sizes = [t, h, w]
    for layer in layers:
        sizes = [
            (n + 2 * p - k) // s + 1
            for n, k, s, p in zip(sizes, layer["kernel"], layer["stride"], layer["padding"])
        ]
    if min(sizes) <= 0:
        raise ValueError("a kernel is too long")
    return (layers[-1]["channels"], *sizes)
""",
    ),
    # Raises ValueError also where the kernel is exactly as long as the padded input and stands once.
    (
        "raised an error",
        """
def output_shape(shape, layers):
    out = list(shape)
    for layer in layers:
        out[0] = layer["channels"]
        for axis, (k, s, p) in enumerate(zip(layer["kernel"], layer["stride"], layer["padding"]), start=1):
            padded = out[axis] + 2 * p
            if k >= padded:
                raise ValueError("too long")
            out[axis] = (padded - k) // s + 1
    return tuple(out)
""",
    ),
    # Each layer is calculated from the shape of the clip, not from the output of the layer before.
    (
        "layers side by side",
        """
def output_shape(shape, layers):
    result = None
    for layer in layers:
        result = [layer["channels"]]
        for n, k, s, p in zip(shape[1:], layer["kernel"], layer["stride"], layer["padding"]):
            if k > n + 2 * p:
                raise ValueError("kernel longer than padded input")
            result.append((n + 2 * p - k) // s + 1)
    return tuple(result)
""",
    ),
]
