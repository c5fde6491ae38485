"""Answers to A1.7, a function with three bugs."""

RIGHT = [
    """
def follow(flow, points):
    height, width = flow.shape[2:]
    position = points.clone()
    path = [position]
    for step in flow.unbind(dim=1):
        column = position[:, 0].round().long().clamp(0, width - 1)
        row = position[:, 1].round().long().clamp(0, height - 1)
        moved = step[:, row, column]
        position = position + moved.T
        path.append(position)
    return torch.stack(path, dim=1)
""",
    """
def follow(flow, points):
    height, width = flow.shape[2:]
    position = points.clone()
    path = [position.clone()]
    for step in flow.unbind(dim=1):
        x = position[:, 0].round().long().clamp(0, width - 1)
        y = position[:, 1].round().long().clamp(0, height - 1)
        moved = step[:, y, x]
        position[:, 0] += moved[0]
        position[:, 1] += moved[1]
        path.append(position.clone())
    return torch.stack(path, dim=1)
""",
    """
def follow(flow, points):
    limit = torch.tensor([flow.shape[3] - 1, flow.shape[2] - 1], device=flow.device)
    path = points.new_empty(len(points), flow.shape[1] + 1, 2)
    path[:, 0] = points
    for i in range(flow.shape[1]):
        at = path[:, i].round().long()
        at = torch.minimum(at.clamp(min=0), limit)
        path[:, i + 1] = path[:, i] + rearrange(flow[:, i, at[:, 1], at[:, 0]], "c n -> n c")
    return path
""",
]

_TEMPLATE = """
def follow(flow, points):
    height, width = flow.shape[2:]
    position = {start}
    path = [position]
    for step in flow.unbind(dim=1):
        column = position[:, 0].round().long().clamp(0, {across} - 1)
        row = position[:, 1].round().long().clamp(0, {down} - 1)
        moved = step[:, {index}]
{move}
        path.append(position)
    return torch.stack({path}, dim=1)
"""
_GOOD = {
    "start": "points",
    "across": "width",
    "down": "height",
    "index": "row, column",
    "move": "        position = position + moved.T",
    "path": "path",
}
_UP = "        position = torch.stack([position[:, 0] + moved[0], position[:, 1] - moved[1]], dim=1)"
_IN_PLACE = "        position[:, 0] += moved[0]\n        position[:, 1] += moved[1]"
_BOTH = _IN_PLACE.replace("+= moved[1]", "-= moved[1]")
_TURNED = {"across": "height", "down": "width", "index": "column, row"}


def _made(**parts: str) -> str:
    return _TEMPLATE.format(**_GOOD | parts)


WRONG = [
    ("no bug repaired", _made(move=_BOTH, **_TURNED)),
    ("rows and columns still exchanged", _made(**_TURNED)),
    ("rows and columns still exchanged", _made(move=_IN_PLACE, start="points.clone()", **_TURNED)),
    ("sign of v still flipped", _made(move=_UP)),
    ("sign of v still flipped", _made(move=_BOTH)),
    ("still edited in place", _made(move=_IN_PLACE)),
    ("one tensor in all places", _made(move=_IN_PLACE, start="points.clone()")),
    ("u and v swapped", _made(move="        position = position + moved.T.flip(1)")),
    ("off by one frame", _made(path="path[1:]")),
    ("flow sign flipped", _made(move="        position = position - moved.T")),
    ("rows and columns still exchanged", _made(across="height", down="width", index="column, row", move=_UP)),
    (
        "first place edited in place",
        _made(move=_IN_PLACE, start="points.clone()").replace("path.append(position)", "path.append(position.clone())"),
    ),
]
