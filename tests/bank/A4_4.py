"""Answers to A4.4, right and wrong, as source text."""

RIGHT = [
    """
def read_claim(records, claim, t975):
    scores = {}
    for record in records:
        if record["split"] == claim["split"]:
            scores[record["system"], record["seed"]] = record["accuracy"]
    differences = [
        scores[claim["first"], seed] - scores[claim["second"], seed]
        for system, seed in scores
        if system == claim["first"] and (claim["second"], seed) in scores
    ]
    n = len(differences)
    if n < 2:
        return {"n": n, "difference": None, "low": None, "high": None, "verdict": "not tested"}
    d = np.array(differences)
    half = t975[n - 1] * d.std(ddof=1) / math.sqrt(n)
    low, high = d.mean() - half, d.mean() + half
    ends = sorted([claim["sign"] * low, claim["sign"] * high])
    if ends[0] > -claim["margin"]:
        verdict = "reproduced"
    elif ends[1] < -claim["margin"]:
        verdict = "contradicted"
    else:
        verdict = "undecided"
    return {"n": n, "difference": d.mean(), "low": low, "high": high, "verdict": verdict}
""",
    """
import statistics

def by_seed(records, system, split):
    return {r["seed"]: r["accuracy"] for r in records if r["system"] == system and r["split"] == split}

def read_claim(records, claim, t975):
    a = by_seed(records, claim["first"], claim["split"])
    b = by_seed(records, claim["second"], claim["split"])
    seeds = sorted(set(a) & set(b))
    answer = {"n": len(seeds), "difference": None, "low": None, "high": None, "verdict": "not tested"}
    if len(seeds) >= 2:
        d = [a[s] - b[s] for s in seeds]
        mean = statistics.mean(d)
        half = t975[len(d) - 1] * statistics.stdev(d) / len(d) ** 0.5
        answer.update(difference=mean, low=mean - half, high=mean + half, verdict="undecided")
        if claim["sign"] == 1:
            worst, best = mean - half, mean + half
        else:
            worst, best = -(mean + half), -(mean - half)
        if worst > -claim["margin"]:
            answer["verdict"] = "reproduced"
        if best < -claim["margin"]:
            answer["verdict"] = "contradicted"
    return answer
""",
    """
def read_claim(records, claim, t975):
    chosen = sorted((r for r in records if r["split"] == claim["split"]), key=lambda r: r["seed"])
    d = []
    for x in chosen:
        for y in chosen:
            if x["seed"] == y["seed"] and x["system"] == claim["first"] and y["system"] == claim["second"]:
                d.append(x["accuracy"] - y["accuracy"])
    if len(d) < 2:
        return dict(n=len(d), difference=None, low=None, high=None, verdict="not tested")
    d = torch.tensor(d, dtype=torch.float64)
    mean, half = d.mean().item(), t975[len(d) - 1] * d.std().item() / len(d) ** 0.5
    sign, margin = claim["sign"], claim["margin"]
    middle = sign * mean + margin
    verdict = "reproduced" if middle - half > 0 else "contradicted" if middle + half < 0 else "undecided"
    return dict(n=len(d), difference=mean, low=mean - half, high=mean + half, verdict=verdict)
""",
]


def _answer(*, collect: str = "", pair: str = "", judge: str = "", few: str = "", back: str = "") -> str:
    """The plain right answer with some of its parts exchanged."""
    collect = collect or 'r["system"] == system and r["split"] == claim["split"]'
    pair = pair or "[a[s] - b[s] for s in a if s in b]"
    few = few or 'return {"n": n, "difference": None, "low": None, "high": None, "verdict": "not tested"}'
    judge = judge or (
        'sign, margin = claim["sign"], claim["margin"]\n'
        "    worst, best = sorted([sign * low, sign * high])\n"
        '    verdict = "reproduced" if worst > -margin else "contradicted" if best < -margin else "undecided"'
    )
    back = back or '{"n": n, "difference": mean, "low": low, "high": high, "verdict": verdict}'
    return f"""
def read_claim(records, claim, t975):
    def collect(system):
        return {{r["seed"]: r["accuracy"] for r in records if {collect}}}
    a, b = collect(claim["first"]), collect(claim["second"])
    d = {pair}
    n = len(d)
    if n < 2:
        {few}
    mean = sum(d) / n
    half = t975[n - 1] * (sum((x - mean) ** 2 for x in d) / (n - 1) / n) ** 0.5
    low, high = mean - half, mean + half
    {judge}
    return {back}
"""


WRONG = [
    ("paired by position", _answer(pair="[x - y for x, y in zip(a.values(), b.values())]")),
    ("splits mixed", _answer(collect='r["system"] == system')),
    (
        "sign of the claim ignored",
        _answer(
            judge='margin = claim["margin"]\n    verdict = "reproduced" if low > -margin else "contradicted" '
            'if high < -margin else "undecided"'
        ),
    ),
    (
        "interval ignored",
        _answer(
            judge='verdict = "reproduced" if claim["sign"] * mean > -claim["margin"] else "contradicted"',
        ),
    ),
    (
        "no evidence taken for evidence against",
        _answer(
            judge='worst = min(claim["sign"] * low, claim["sign"] * high)\n'
            '    verdict = "reproduced" if worst > -claim["margin"] else "contradicted"'
        ),
    ),
    (
        "margin ignored",
        _answer(
            judge='worst, best = sorted([claim["sign"] * low, claim["sign"] * high])\n'
            '    verdict = "reproduced" if worst > 0 else "contradicted" if best < 0 else "undecided"'
        ),
    ),
    (
        "margin on the wrong side",
        _answer(
            judge='worst, best = sorted([claim["sign"] * low, claim["sign"] * high])\n    m = claim["margin"]\n'
            '    verdict = "reproduced" if worst > m else "contradicted" if best < m else "undecided"'
        ),
    ),
    ("raised an error", _answer(pair="[a[s] - b[s] for s in a]")),
    ("raised an error", _answer(few="pass")),
    (
        "wrong names",
        _answer(back='{"seeds": n, "difference": mean, "low": low, "high": high, "verdict": verdict}'),
    ),
]
