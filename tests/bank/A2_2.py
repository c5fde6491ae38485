"""Answers to A2.2, what one feature sees of the clip."""

RIGHT = [
    """
def seen_window(layers, place):
    windows = []
    for axis in range(3):
        size, jump, start = 1, 1, 0
        for layer in layers:
            start -= layer["padding"][axis] * jump
            size += (layer["kernel"][axis] - 1) * jump
            jump *= layer["stride"][axis]
        first = start + place[axis] * jump
        windows.append((first, first + size))
    return windows
""",
    """
def seen_window(layers, place):
    # All places that are seen, layer by layer, as sets.
    result = []
    for axis, at in enumerate(place):
        seen = {at}
        for layer in layers[::-1]:
            k, s, p = layer["kernel"][axis], layer["stride"][axis], layer["padding"][axis]
            seen = {here * s - p + i for here in seen for i in range(k)}
        result.append((min(seen), max(seen) + 1))
    return tuple(result)
""",
    """
def seen_window(layers, place):
    first = torch.tensor(place)
    end = first + 1
    for layer in reversed(layers):
        k, s, p = (torch.tensor(layer[name]) for name in ("kernel", "stride", "padding"))
        first, end = first * s - p, (end - 1) * s - p + k
    return [(a, b) for a, b in zip(first.tolist(), end.tolist())]
""",
    """
def seen_window(layers, place):
    def back(window, k, s, p):
        return window[0] * s - p, (window[1] - 1) * s + k - p

    def along(axis, rest, window):
        if not rest:
            return window
        layer = rest[-1]
        numbers = [layer[name][axis] for name in ("kernel", "stride", "padding")]
        return along(axis, rest[:-1], back(window, *numbers))

    return [along(axis, list(layers), (at, at + 1)) for axis, at in enumerate(place)]
""",
]

WRONG = [
    (
        "stride counted too early",
        """
def seen_window(layers, place):
    windows = []
    for axis in range(3):
        size, jump, start = 1, 1, 0
        for layer in layers:
            start -= layer["padding"][axis] * jump
            jump *= layer["stride"][axis]
            size += (layer["kernel"][axis] - 1) * jump
        first = start + place[axis] * jump
        windows.append((first, first + size))
    return windows
""",
    ),
    (
        "strides ignored",
        """
def seen_window(layers, place):
    windows = []
    for axis in range(3):
        size = 1 + sum(layer["kernel"][axis] - 1 for layer in layers)
        first = place[axis] - sum(layer["padding"][axis] for layer in layers)
        windows.append((first, first + size))
    return windows
""",
    ),
    (
        "padding forgotten",
        """
def seen_window(layers, place):
    result = []
    for axis, at in enumerate(place):
        first, last = at, at
        for layer in reversed(layers):
            first = first * layer["stride"][axis]
            last = last * layer["stride"][axis] + layer["kernel"][axis] - 1
        result.append((first, last + 1))
    return result
""",
    ),
    (
        "end included",
        """
def seen_window(layers, place):
    result = []
    for axis, at in enumerate(place):
        first, last = at, at
        for layer in reversed(layers):
            k, s, p = layer["kernel"][axis], layer["stride"][axis], layer["padding"][axis]
            first, last = first * s - p, last * s - p + k - 1
        result.append((first, last))
    return result
""",
    ),
    (
        "layers in the wrong order",
        """
def seen_window(layers, place):
    result = []
    for axis, at in enumerate(place):
        first, last = at, at
        for layer in layers:
            k, s, p = layer["kernel"][axis], layer["stride"][axis], layer["padding"][axis]
            first, last = first * s - p, last * s - p + k - 1
        result.append((first, last + 1))
    return result
""",
    ),
    (
        "cut off at the clip",
        """
def seen_window(layers, place):
    result = []
    for axis, at in enumerate(place):
        first, last = at, at
        for layer in reversed(layers):
            k, s, p = layer["kernel"][axis], layer["stride"][axis], layer["padding"][axis]
            first, last = first * s - p, last * s - p + k - 1
        result.append((max(first, 0), last + 1))
    return result
""",
    ),
    (
        "wrong length",
        """
def seen_window(layers, place):
    result = []
    for axis, at in enumerate(place):
        first, last = at, at
        for layer in reversed(layers):
            k, s, p = layer["kernel"][axis], layer["stride"][axis], layer["padding"][axis]
            first, last = first * s - p, last * s - p + k - 1
        result += [first, last + 1]
    return result
""",
    ),
    (
        "kernel counted whole",
        """
def seen_window(layers, place):
    windows = []
    for axis in range(3):
        size, jump, start = 1, 1, 0
        for layer in layers:
            start -= layer["padding"][axis] * jump
            size += layer["kernel"][axis] * jump
            jump *= layer["stride"][axis]
        windows.append((start + place[axis] * jump, start + place[axis] * jump + size))
    return windows
""",
    ),
    (
        "one added at every layer",
        """
def seen_window(layers, place):
    result = []
    for axis in range(3):
        a, b = place[axis], place[axis]
        for layer in layers[::-1]:
            k, s, p = layer["kernel"][axis], layer["stride"][axis], layer["padding"][axis]
            a, b = a * s - p, b * s - p + k
        result.append((a, b))
    return result
""",
    ),
]
