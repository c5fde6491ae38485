"""Wrong answers to A1.2, written from the question alone."""

WRONG = [
    # Makes the sheet narrower where there are fewer frames than columns.
    (
        "sheet too narrow",
        """
def contact_sheet(frames, columns):
    t, h, w, c = frames.shape
    columns = min(columns, t)
    rows = math.ceil(t / columns)
    sheet = torch.zeros(c, rows * h, columns * w)
    for i in range(t):
        y, x = i // columns * h, i % columns * w
        sheet[:, y : y + h, x : x + w] = frames[i].permute(2, 0, 1) / 255
    return sheet
""",
    ),
    # One row too many where the last row is full: rows is t // columns + 1.
    (
        "an empty row too many",
        """
def contact_sheet(frames, columns):
    t, h, w, c = frames.shape
    rows = t // columns + 1
    empty = torch.zeros(rows * columns - t, h, w, c)
    cells = torch.cat([frames.float() / 255, empty])
    return rearrange(cells, "(r k) h w c -> c (r h) (k w)", k=columns)
""",
    ),
    # Divides by the largest value of the clip instead of 255.
    (
        "divided by the largest value",
        """
def contact_sheet(frames, columns):
    t = frames.shape[0]
    rows = -(-t // columns)
    frames = frames.float()
    frames = frames / frames.max().clamp(min=1)
    cells = F.pad(frames, (0, 0, 0, 0, 0, 0, 0, rows * columns - t))
    return rearrange(cells, "(r k) h w c -> c (r h) (k w)", k=columns)
""",
    ),
    # The empty cells come first, because F.pad was given the amounts of the first axis the wrong way round.
    (
        "empty cells first",
        """
def contact_sheet(frames, columns):
    t = frames.shape[0]
    rows = -(-t // columns)
    cells = F.pad(frames.float() / 255, (0, 0, 0, 0, 0, 0, rows * columns - t, 0))
    return rearrange(cells, "(r k) h w c -> c (r h) (k w)", r=rows)
""",
    ),
    # Reshapes where the axes have to be moved: the shape is right, the pixels are scrambled.
    (
        "reshape for rearrange",
        """
def contact_sheet(frames, columns):
    t, h, w, c = frames.shape
    rows = math.ceil(t / columns)
    cells = torch.zeros(rows * columns, h, w, c)
    cells[:t] = frames / 255
    return cells.permute(3, 0, 1, 2).reshape(c, rows * h, columns * w)
""",
    ),
]
