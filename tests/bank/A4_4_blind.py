"""Wrong answers to A4.4, written from the question alone."""

WRONG = [
    # an accuracy of 0 counts as missing
    (
        "accuracy of 0 taken for none",
        """
def read_claim(records, claim, t975):
    a, b = {}, {}
    for r in records:
        if r["split"] == claim["split"]:
            if r["system"] == claim["first"]:
                a[r["seed"]] = r["accuracy"]
            if r["system"] == claim["second"]:
                b[r["seed"]] = r["accuracy"]
    d = [a[seed] - b[seed] for seed in a if a[seed] and b.get(seed)]
    n = len(d)
    if n < 2:
        return {"n": n, "difference": None, "low": None, "high": None, "verdict": "not tested"}
    mean = sum(d) / n
    half = t975[n - 1] * math.sqrt(sum((x - mean) ** 2 for x in d) / (n - 1) / n)
    low, high = mean - half, mean + half
    lower, upper = (low, high) if claim["sign"] == 1 else (-high, -low)
    verdict = "undecided"
    if lower > -claim["margin"]:
        verdict = "reproduced"
    elif upper < -claim["margin"]:
        verdict = "contradicted"
    return {"n": n, "difference": mean, "low": low, "high": high, "verdict": verdict}
""",
    ),
    # the interval is turned without its ends changing places
    (
        "ends not exchanged",
        """
def read_claim(records, claim, t975):
    def of(system):
        return {r["seed"]: r["accuracy"] for r in records if r["system"] == system and r["split"] == claim["split"]}

    first, second = of(claim["first"]), of(claim["second"])
    seeds = sorted(set(first) & set(second))
    n = len(seeds)
    if n < 2:
        return {"n": n, "difference": None, "low": None, "high": None, "verdict": "not tested"}
    d = np.array([first[s] - second[s] for s in seeds])
    mean, half = float(d.mean()), float(t975[n - 1] * d.std(ddof=1) / math.sqrt(n))
    low, high = mean - half, mean + half
    if claim["sign"] * low > -claim["margin"]:
        verdict = "reproduced"
    elif claim["sign"] * high < -claim["margin"]:
        verdict = "contradicted"
    else:
        verdict = "undecided"
    return {"n": n, "difference": mean, "low": low, "high": high, "verdict": verdict}
""",
    ),
    # contradicted is judged at zero, without the margin
    (
        "contradicted without the margin",
        """
def read_claim(records, claim, t975):
    def of(system):
        return {r["seed"]: r["accuracy"] for r in records if r["system"] == system and r["split"] == claim["split"]}

    first, second = of(claim["first"]), of(claim["second"])
    seeds = sorted(set(first) & set(second))
    n = len(seeds)
    if n < 2:
        return {"n": n, "difference": None, "low": None, "high": None, "verdict": "not tested"}
    d = np.array([first[s] - second[s] for s in seeds])
    mean, half = float(d.mean()), float(t975[n - 1] * d.std(ddof=1) / math.sqrt(n))
    low, high = mean - half, mean + half
    lower, upper = sorted((claim["sign"] * low, claim["sign"] * high))
    if lower > -claim["margin"]:
        verdict = "reproduced"
    elif upper < 0:
        verdict = "contradicted"
    else:
        verdict = "undecided"
    return {"n": n, "difference": mean, "low": low, "high": high, "verdict": verdict}
""",
    ),
    # the margin is turned by the sign as well
    (
        "margin turned by the sign",
        """
def read_claim(records, claim, t975):
    def of(system):
        return {r["seed"]: r["accuracy"] for r in records if r["system"] == system and r["split"] == claim["split"]}

    first, second = of(claim["first"]), of(claim["second"])
    seeds = sorted(set(first) & set(second))
    n = len(seeds)
    if n < 2:
        return {"n": n, "difference": None, "low": None, "high": None, "verdict": "not tested"}
    d = np.array([first[s] - second[s] for s in seeds])
    mean, half = float(d.mean()), float(t975[n - 1] * d.std(ddof=1) / math.sqrt(n))
    low, high = mean - half, mean + half
    limit = -claim["margin"] * claim["sign"]
    lower, upper = (low, high) if claim["sign"] == 1 else (-high, -low)
    verdict = "reproduced" if lower > limit else "contradicted" if upper < limit else "undecided"
    return {"n": n, "difference": mean, "low": low, "high": high, "verdict": verdict}
""",
    ),
    # with one seed the difference is given, and only the ends are None
    (
        "wrong type",
        """
def read_claim(records, claim, t975):
    def of(system):
        return {r["seed"]: r["accuracy"] for r in records if r["system"] == system and r["split"] == claim["split"]}

    first, second = of(claim["first"]), of(claim["second"])
    d = [first[seed] - second[seed] for seed in first if seed in second]
    n = len(d)
    if n == 0:
        return {"n": 0, "difference": None, "low": None, "high": None, "verdict": "not tested"}
    mean = sum(d) / n
    if n == 1:
        return {"n": 1, "difference": mean, "low": None, "high": None, "verdict": "not tested"}
    half = t975[n - 1] * float(np.std(d, ddof=1)) / math.sqrt(n)
    low, high = mean - half, mean + half
    lower, upper = (low, high) if claim["sign"] == 1 else (-high, -low)
    margin = claim["margin"]
    verdict = "reproduced" if lower > -margin else "contradicted" if upper < -margin else "undecided"
    return {"n": n, "difference": mean, "low": low, "high": high, "verdict": verdict}
""",
    ),
]
