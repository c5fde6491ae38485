"""Wrong answers to A4.5, written from the question alone."""

WRONG = [
    # indexed addition counts each pair once, however often it occurs
    (
        "pairs counted once",
        """
def confusion_shares(logits, labels):
    k = logits.shape[1]
    counts = torch.zeros(k, k)
    counts[labels, logits.argmax(1)] += 1
    return counts / counts.sum(1, keepdim=True).clamp(min=1)
""",
    ),
    # averages probabilities instead of counting the named classes
    (
        "probabilities instead of decisions",
        """
def confusion_shares(logits, labels):
    k = logits.shape[1]
    shares = torch.zeros(k, k)
    for i in range(k):
        if (labels == i).any():
            shares[i] = F.softmax(logits[labels == i].float(), dim=1).mean(0)
    return shares
""",
    ),
    # the row sums lose their axis and divide the columns
    (
        "row sums along the columns",
        """
def confusion_shares(logits, labels):
    k = logits.shape[1]
    predicted = logits.argmax(dim=1)
    counts = torch.zeros(k, k)
    for true, said in zip(labels, predicted):
        counts[true, said] += 1
    return counts / counts.sum(dim=1).clamp(min=1)
""",
    ),
    # as many classes as the labels show
    (
        "classes counted from the labels",
        """
def confusion_shares(logits, labels):
    k = int(labels.max()) + 1
    predicted = logits.argmax(1)
    shares = torch.zeros(k, k)
    for i in range(k):
        of_class = predicted[labels == i]
        for j in range(k):
            if len(of_class):
                shares[i, j] = (of_class == j).float().mean()
    return shares
""",
    ),
    # float64 is returned
    (
        "wrong dtype",
        """
def confusion_shares(logits, labels):
    k = logits.shape[1]
    predicted = logits.argmax(1).numpy()
    counts = np.zeros((k, k))
    np.add.at(counts, (labels.numpy(), predicted), 1)
    return torch.from_numpy(counts / np.maximum(counts.sum(1, keepdims=True), 1))
""",
    ),
]
