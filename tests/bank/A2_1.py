"""Answers to A2.1, the shape behind a stack of convolutions."""

RIGHT = [
    """
def output_shape(shape, layers):
    channels, *sizes = shape
    for layer in layers:
        padded = [n + 2 * p for n, p in zip(sizes, layer["padding"])]
        if any(k > n for k, n in zip(layer["kernel"], padded)):
            raise ValueError("the kernel does not fit")
        sizes = [math.floor((n - k) / s) + 1 for n, k, s in zip(padded, layer["kernel"], layer["stride"])]
        channels = layer["channels"]
    return [channels] + sizes
""",
    """
def output_shape(shape, layers):
    # Let the kernel walk and count its places.
    for layer in layers:
        sizes = []
        for axis in range(3):
            n = shape[1 + axis] + 2 * layer["padding"][axis]
            places = len(range(0, n - layer["kernel"][axis] + 1, layer["stride"][axis]))
            if places == 0:
                raise ValueError(f"no place along axis {axis}")
            sizes.append(places)
        shape = (layer["channels"], *sizes)
    return shape
""",
    """
def output_shape(shape, layers):
    clip = torch.empty(1, *shape, device="meta")
    for layer in layers:
        form = (layer["kernel"], layer["stride"], layer["padding"])
        convolution = nn.Conv3d(clip.shape[1], layer["channels"], *form, device="meta")
        try:
            clip = convolution(clip)
        except RuntimeError as error:
            raise ValueError(str(error))
    return clip.shape[1:]
""",
    """
def output_shape(shape, layers):
    if not layers:
        return tuple(shape)
    first, *rest = layers
    sizes = np.array(shape[1:]) + 2 * np.array(first["padding"]) - np.array(first["kernel"])
    if (sizes < 0).any():
        raise ValueError("too small")
    sizes = sizes // np.array(first["stride"]) + 1
    return output_shape((first["channels"], *sizes.tolist()), rest)
""",
]

WRONG = [
    (
        "integer division",
        """
def output_shape(shape, layers):
    channels, *sizes = shape
    for layer in layers:
        new = []
        for i in range(3):
            room = sizes[i] + 2 * layer["padding"][i] - layer["kernel"][i]
            if room < 0:
                raise ValueError("does not fit")
            new.append(room / layer["stride"][i] + 1)
        channels, sizes = layer["channels"], new
    return (channels, *sizes)
""",
    ),
    (
        "rounds up",
        """
def output_shape(shape, layers):
    for layer in layers:
        k, s, p = layer["kernel"], layer["stride"], layer["padding"]
        if any(shape[i + 1] + 2 * p[i] < k[i] for i in range(3)):
            raise ValueError
        shape = (layer["channels"],) + tuple(
            math.ceil((shape[i + 1] + 2 * p[i] - k[i]) / s[i]) + 1 for i in range(3)
        )
    return shape
""",
    ),
    (
        "one added before the division",
        """
def output_shape(shape, layers):
    c, t, h, w = shape
    for layer in layers:
        sizes = []
        for n, k, s, p in zip((t, h, w), layer["kernel"], layer["stride"], layer["padding"]):
            if n + 2 * p < k:
                raise ValueError("kernel too large")
            sizes.append((n + 2 * p - k + 1) // s)
        c = layer["channels"]
        t, h, w = sizes
    return c, t, h, w
""",
    ),
    (
        "accepts a kernel that does not fit",
        """
def output_shape(shape, layers):
    for layer in layers:
        shape = [layer["channels"]] + [
            (n + 2 * p - k) // s + 1
            for n, k, s, p in zip(shape[1:], layer["kernel"], layer["stride"], layer["padding"])
        ]
    return tuple(shape)
""",
    ),
    (
        "axes in reverse",
        """
def output_shape(shape, layers):
    c, t, h, w = shape
    for layer in layers:
        def places(n, axis):
            room = n + 2 * layer["padding"][axis] - layer["kernel"][axis]
            if room < 0:
                raise ValueError("too large a kernel")
            return room // layer["stride"][axis] + 1
        if t + 2 * layer["padding"][0] < layer["kernel"][0]:
            raise ValueError("too large a kernel")
        c, t, h, w = layer["channels"], places(t, 2), places(h, 1), places(w, 0)
    return c, t, h, w
""",
    ),
    (
        "input edited in place",
        """
def output_shape(shape, layers):
    while layers:
        layer = layers.pop(0)
        sizes = []
        for n, k, s, p in zip(shape[1:], layer["kernel"], layer["stride"], layer["padding"]):
            if n + 2 * p < k:
                raise ValueError("kernel too large")
            sizes.append((n + 2 * p - k) // s + 1)
        shape = (layer["channels"], *sizes)
    return shape
""",
    ),
    (
        "wrong length",
        """
def output_shape(shape, layers):
    sizes = shape[1:]
    for layer in layers:
        if any(n + 2 * p < k for n, k, p in zip(sizes, layer["kernel"], layer["padding"])):
            raise ValueError("kernel too large")
        axes = zip(sizes, layer["kernel"], layer["stride"], layer["padding"])
        sizes = [(n + 2 * p - k) // s + 1 for n, k, s, p in axes]
    return tuple(sizes)
""",
    ),
    (
        "wrong value",
        """
def output_shape(shape, layers):
    # A kernel that does not fit gives no place at all.
    channels, *sizes = shape
    for layer in layers:
        if any(n < k for n, k in zip(sizes, layer["kernel"])):
            raise ValueError("kernel too large")
        sizes = [(n - k) // s + 1 + p for n, k, s, p in zip(sizes, layer["kernel"], layer["stride"], layer["padding"])]
        channels = layer["channels"]
    return (channels, *sizes)
""",
    ),
    (
        "raised an error",
        """
def output_shape(shape, layers):
    c, t, h, w = shape
    for layer in layers:
        sizes = []
        for n, k, s, p in zip((t, h, w), layer["kernel"], layer["stride"], layer["padding"]):
            if k > n + p:
                raise ValueError("kernel too large")
            sizes.append((n + 2 * p - k) // s + 1)
        c, (t, h, w) = layer["channels"], sizes
    return c, t, h, w
""",
    ),
    (
        "accepts bad input",
        """
def output_shape(shape, layers):
    first = layers[0]
    if any(k > n + 2 * p for n, k, p in zip(shape[1:], first["kernel"], first["padding"])):
        raise ValueError("kernel too large")
    for layer in layers:
        axes = zip(shape[1:], layer["kernel"], layer["stride"], layer["padding"])
        shape = (layer["channels"], *((n + 2 * p - k) // s + 1 for n, k, s, p in axes))
    return shape
""",
    ),
]
