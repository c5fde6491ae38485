"""Answers to A4.5, right and wrong, as source text."""

RIGHT = [
    """
def confusion_shares(logits, labels):
    k = logits.shape[1]
    named = logits.argmax(1)
    table = torch.zeros(k, k, device=logits.device)
    for i in range(k):
        for j in range(k):
            table[i, j] = ((labels == i) & (named == j)).sum()
    return table / table.sum(1, keepdim=True).clamp(min=1)
""",
    """
def confusion_shares(logits, labels):
    k = logits.shape[-1]
    counts = torch.bincount(labels * k + logits.argmax(-1), minlength=k * k).reshape(k, k).float()
    return torch.nan_to_num(counts / counts.sum(1, keepdim=True))
""",
    """
def confusion_shares(logits, labels):
    k = logits.shape[1]
    true, named = F.one_hot(labels, k).float(), F.one_hot(logits.argmax(1), k).float()
    counts = torch.einsum("n i, n j -> i j", true, named)
    return counts / reduce(counts, "i j -> i 1", "sum").clamp_min(1)
""",
    """
def confusion_shares(logits, labels):
    rows = []
    for i in range(logits.shape[1]):
        own = logits[labels == i].argmax(1)
        counts = torch.stack([(own == j).sum() for j in range(logits.shape[1])])
        rows.append(counts / max(len(own), 1))
    return torch.stack(rows)
""",
]

WRONG = [
    (
        "rows and columns exchanged",
        """
def confusion_shares(logits, labels):
    k = logits.shape[1]
    table = torch.zeros(k, k)
    for true, named in zip(labels.tolist(), logits.argmax(1).tolist()):
        table[named, true] += 1
    return table / table.sum(0).clamp(min=1)
""",
    ),
    (
        "shares of the predicted class",
        """
def confusion_shares(logits, labels):
    k = logits.shape[1]
    table = torch.zeros(k, k)
    for true, named in zip(labels.tolist(), logits.argmax(1).tolist()):
        table[true, named] += 1
    return table / table.sum(0).clamp(min=1)
""",
    ),
    (
        "counts instead of shares",
        """
def confusion_shares(logits, labels):
    k = logits.shape[1]
    return torch.bincount(labels * k + logits.argmax(1), minlength=k * k).reshape(k, k).float()
""",
    ),
    (
        "shares of all clips",
        """
def confusion_shares(logits, labels):
    k = logits.shape[1]
    return torch.bincount(labels * k + logits.argmax(1), minlength=k * k).reshape(k, k) / len(labels)
""",
    ),
    (
        "not finite",
        """
def confusion_shares(logits, labels):
    k = logits.shape[1]
    counts = torch.bincount(labels * k + logits.argmax(1), minlength=k * k).reshape(k, k).float()
    return counts / counts.sum(1, keepdim=True)
""",
    ),
    (
        "hard-coded shape",
        """
def confusion_shares(logits, labels):
    table = torch.zeros(4, 4)
    for true, named in zip(labels.tolist(), logits.argmax(1).tolist()):
        table[true, named] += 1
    return table / table.sum(1, keepdim=True).clamp(min=1)
""",
    ),
    (
        "classes counted from the labels",
        """
def confusion_shares(logits, labels):
    k = int(labels.max()) + 1
    table = torch.zeros(k, k)
    for true, named in zip(labels.tolist(), logits.argmax(1).tolist()):
        table[true, named] += 1
    return table / table.sum(1, keepdim=True).clamp(min=1)
""",
    ),
    (
        "integer division",
        """
def confusion_shares(logits, labels):
    k = logits.shape[1]
    counts = torch.bincount(labels * k + logits.argmax(1), minlength=k * k).reshape(k, k)
    return counts // counts.sum(1, keepdim=True).clamp(min=1)
""",
    ),
    (
        "probabilities instead of decisions",
        """
def confusion_shares(logits, labels):
    k = logits.shape[1]
    rows = [logits.softmax(1)[labels == i].sum(0) / max(int((labels == i).sum()), 1) for i in range(k)]
    return torch.stack(rows)
""",
    ),
]
