"""Answers to A4.3, right and wrong, as source text."""

RIGHT = [
    """
def paired_interval(first, second, t975):
    differences = [a - b for a, b in zip(first, second)]
    n = len(differences)
    mean = sum(differences) / n
    variance = sum((d - mean) ** 2 for d in differences) / (n - 1)
    half = t975[n - 1] * math.sqrt(variance / n)
    return mean, mean - half, mean + half
""",
    """
def paired_interval(first, second, t975):
    d = np.array(first) - np.array(second)
    half = t975[len(d) - 1] * d.std(ddof=1) / np.sqrt(len(d))
    return d.mean(), d.mean() - half, d.mean() + half
""",
    """
def paired_interval(first, second, t975):
    d = torch.tensor(first) - torch.tensor(second)
    half = t975[len(d) - 1] * d.std() / len(d) ** 0.5
    return [d.mean().item(), (d.mean() - half).item(), (d.mean() + half).item()]
""",
    """
import statistics

def paired_interval(first, second, t975):
    d = list(map(lambda a, b: a - b, first, second))
    error = statistics.stdev(d) / len(d) ** 0.5
    m = statistics.mean(first) - statistics.mean(second)
    return (m, m - t975[len(d) - 1] * error, m + t975[len(d) - 1] * error)
""",
]


def _answer(half: str) -> str:
    return f"""
def paired_interval(first, second, t975):
    a, b = np.array(first), np.array(second)
    d, n = a - b, len(a)
    half = {half}
    return float(d.mean()), float(d.mean() - half), float(d.mean() + half)
"""


WRONG = [
    ("not paired", _answer("t975[n - 1] * np.sqrt(a.var(ddof=1) / n + b.var(ddof=1) / n)")),
    ("two unrelated samples", _answer("t975.get(2 * n - 2, 0) * np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / n)")),
    ("normal quantile for Student's t", _answer("1.96 * d.std(ddof=1) / np.sqrt(n)")),
    ("population standard deviation", _answer("t975[n - 1] * d.std() / np.sqrt(n)")),
    ("missing root of n", _answer("t975[n - 1] * d.std(ddof=1)")),
    ("n for root of n", _answer("t975[n - 1] * d.std(ddof=1) / n")),
    ("degrees of freedom off by one", _answer("t975[n] * d.std(ddof=1) / np.sqrt(n)")),
    ("variance for standard deviation", _answer("t975[n - 1] * d.var(ddof=1) / np.sqrt(n)")),
    (
        "difference turned round",
        """
def paired_interval(first, second, t975):
    d = np.array(second) - np.array(first)
    half = t975[len(d) - 1] * d.std(ddof=1) / len(d) ** 0.5
    return float(d.mean()), float(d.mean() - half), float(d.mean() + half)
""",
    ),
    (
        "wrong length",
        """
def paired_interval(first, second, t975):
    d = np.array(first) - np.array(second)
    half = t975[len(d) - 1] * d.std(ddof=1) / len(d) ** 0.5
    return float(d.mean()), float(half)
""",
    ),
    (
        "library called",
        """
from rev2net_lite.evaluation import paired_interval as ready

def paired_interval(first, second, t975):
    found = ready(first, second)
    return found.value, found.low, found.high
""",
    ),
]
