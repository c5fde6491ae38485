"""Answers to A1.2, a contact sheet."""

RIGHT = [
    """
def contact_sheet(frames, columns):
    missing = -len(frames) % columns
    filled = torch.cat([frames, torch.zeros_like(frames[:1]).expand(missing, -1, -1, -1)])
    return rearrange(filled, "(r k) h w c -> c (r h) (k w)", k=columns).float() / 255
""",
    """
def contact_sheet(frames, columns):
    t, h, w, c = frames.shape
    rows = (t + columns - 1) // columns
    sheet = torch.zeros(c, rows * h, columns * w, device=frames.device)
    for n in range(t):
        top, left = n // columns * h, n % columns * w
        sheet[:, top : top + h, left : left + w] = frames[n].permute(2, 0, 1) / 255.0
    return sheet
""",
    """
def contact_sheet(frames, columns):
    t, h, w, c = frames.shape
    filled = F.pad(frames, (0, 0, 0, 0, 0, 0, 0, -t % columns))
    sheet = filled.reshape(-1, columns, h, w, c).permute(4, 0, 2, 1, 3)
    return sheet.reshape(c, sheet.shape[1] * h, columns * w).to(torch.float32).mul(1 / 255)
""",
]

WRONG = [
    (
        "integer division",
        """
def contact_sheet(frames, columns):
    missing = -len(frames) % columns
    filled = torch.cat([frames, frames.new_zeros(missing, *frames.shape[1:])])
    return (rearrange(filled, "(r k) h w c -> c (r h) (k w)", k=columns) // 255).float()
""",
    ),
    (
        "columns before rows",
        """
def contact_sheet(frames, columns):
    missing = -len(frames) % columns
    filled = torch.cat([frames, frames.new_zeros(missing, *frames.shape[1:])])
    return rearrange(filled, "(k r) h w c -> c (r h) (k w)", k=columns) / 255
""",
    ),
    (
        "pixels interleaved",
        """
def contact_sheet(frames, columns):
    missing = -len(frames) % columns
    filled = torch.cat([frames, frames.new_zeros(missing, *frames.shape[1:])])
    return rearrange(filled, "(r k) h w c -> c (h r) (w k)", k=columns) / 255
""",
    ),
    (
        "frames left out",
        """
def contact_sheet(frames, columns):
    rows = len(frames) // columns
    return rearrange(frames[: rows * columns], "(r k) h w c -> c (r h) (k w)", k=columns) / 255
""",
    ),
    (
        "a full last row assumed",
        """
def contact_sheet(frames, columns):
    return rearrange(frames, "(r k) h w c -> c (r h) (k w)", k=columns) / 255
""",
    ),
    (
        "an empty row too many",
        """
def contact_sheet(frames, columns):
    rows = len(frames) // columns + 1
    filled = torch.cat([frames, frames.new_zeros(rows * columns - len(frames), *frames.shape[1:])])
    return rearrange(filled, "(r k) h w c -> c (r h) (k w)", k=columns) / 255
""",
    ),
    (
        "range 0 to 255",
        """
def contact_sheet(frames, columns):
    missing = -len(frames) % columns
    filled = torch.cat([frames, frames.new_zeros(missing, *frames.shape[1:])])
    return rearrange(filled, "(r k) h w c -> c (r h) (k w)", k=columns).float()
""",
    ),
    (
        "reshape for rearrange",
        """
def contact_sheet(frames, columns):
    t, h, w, c = frames.shape
    rows = -(-t // columns)
    filled = torch.cat([frames, frames.new_zeros(rows * columns - t, h, w, c)])
    return filled.reshape(c, rows * h, columns * w) / 255
""",
    ),
    (
        "axes permuted",
        """
def contact_sheet(frames, columns):
    missing = -len(frames) % columns
    filled = torch.cat([frames, frames.new_zeros(missing, *frames.shape[1:])])
    return rearrange(filled, "(r k) h w c -> (r h) (k w) c", k=columns) / 255
""",
    ),
    (
        "wrong device",
        """
def contact_sheet(frames, columns):
    missing = -len(frames) % columns
    black = torch.zeros(missing, *frames.shape[1:], dtype=torch.uint8)
    return rearrange(torch.cat([frames, black]), "(r k) h w c -> c (r h) (k w)", k=columns) / 255
""",
    ),
]
