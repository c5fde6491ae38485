"""Wrong answers to A4.3, written from the question alone."""

WRONG = [
    # both lists are sorted before they are paired
    (
        "sorted before pairing",
        """
def paired_interval(first, second, t975):
    d = np.array(sorted(first)) - np.array(sorted(second))
    n = len(d)
    half = t975[n - 1] * d.std(ddof=1) / math.sqrt(n)
    return float(d.mean()), float(d.mean() - half), float(d.mean() + half)
""",
    ),
    # the ends are kept inside -1 to 1
    (
        "ends cut off",
        """
def paired_interval(first, second, t975):
    d = [a - b for a, b in zip(first, second)]
    n = len(d)
    mean = sum(d) / n
    s = math.sqrt(sum((x - mean) ** 2 for x in d) / (n - 1))
    half = t975[n - 1] * s / math.sqrt(n)
    return mean, max(mean - half, -1.0), min(mean + half, 1.0)
""",
    ),
    # the quantile of the example, whatever the number of seeds
    (
        "quantile of the example",
        """
def paired_interval(first, second, t975):
    d = torch.tensor(first, dtype=torch.float64) - torch.tensor(second, dtype=torch.float64)
    mean, half = d.mean().item(), t975[2] * d.std().item() / len(d) ** 0.5
    return mean, mean - half, mean + half
""",
    ),
    # the ends are around zero instead of around the mean
    (
        "ends around zero",
        """
def paired_interval(first, second, t975):
    d = np.subtract(first, second)
    half = t975[len(d) - 1] * np.std(d, ddof=1) / np.sqrt(len(d))
    return float(np.mean(d)), -float(half), float(half)
""",
    ),
    # the spread is the difference of the two lists' deviations
    (
        "difference of deviations",
        """
def paired_interval(first, second, t975):
    n = len(first)
    difference = float(np.mean(first) - np.mean(second))
    s = float(abs(np.std(first, ddof=1) - np.std(second, ddof=1)))
    half = t975[n - 1] * s / math.sqrt(n)
    return difference, difference - half, difference + half
""",
    ),
]
