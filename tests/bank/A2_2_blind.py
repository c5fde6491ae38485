"""Wrong answers to A2.2, written from the question alone."""

WRONG = [
    # Treats the end behind the last place like a place: end * stride - padding + kernel makes the block too
    # long where the stride is above 1.
    (
        "end taken for a place",
        """
def seen_window(layers, place):
    result = []
    for axis in range(3):
        low, high = place[axis], place[axis] + 1
        for layer in reversed(layers):
            k, s, p = layer["kernel"][axis], layer["stride"][axis], layer["padding"][axis]
            low, high = low * s - p, high * s - p + k - 1
        result.append((low, high))
    return tuple(result)
""",
    ),
    # Reverses the list of layers in place.
    (
        "input edited in place",
        """
def seen_window(layers, place):
    layers.reverse()
    windows = []
    for axis in range(3):
        first = last = place[axis]
        for layer in layers:
            k, s, p = layer["kernel"][axis], layer["stride"][axis], layer["padding"][axis]
            first = first * s - p
            last = last * s - p + k - 1
        windows.append((first, last + 1))
    return tuple(windows)
""",
    ),
    # Puts a block of the right length around place times total stride, as if every padding were half of its
    # kernel.
    (
        "centred on the place",
        """
def seen_window(layers, place):
    result = []
    for axis in range(3):
        size, jump = 1, 1
        for layer in layers:
            size += (layer["kernel"][axis] - 1) * jump
            jump *= layer["stride"][axis]
        middle = place[axis] * jump
        low = middle - size // 2
        result.append((low, low + size))
    return tuple(result)
""",
    ),
    # Subtracts the paddings of all layers as they are; that of a later layer counts in its own places, which
    # are several of the clip.
    (
        "padding in input places",
        """
def seen_window(layers, place):
    result = []
    for axis in range(3):
        size, jump, padding = 1, 1, 0
        for layer in layers:
            size = size + (layer["kernel"][axis] - 1) * jump
            jump = jump * layer["stride"][axis]
            padding = padding + layer["padding"][axis]
        low = place[axis] * jump - padding
        result.append((low, low + size))
    return result
""",
    ),
    # Goes through the layers from the first to the last, although the way from an output back to the clip
    # begins at the last.
    (
        "layers in the wrong order",
        """
def seen_window(layers, place):
    low = list(place)
    high = list(place)
    for layer in layers:
        for axis in range(3):
            low[axis] = low[axis] * layer["stride"][axis] - layer["padding"][axis]
            high[axis] = high[axis] * layer["stride"][axis] - layer["padding"][axis] + layer["kernel"][axis] - 1
    return tuple((a, b + 1) for a, b in zip(low, high))
""",
    ),
]
