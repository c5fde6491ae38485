"""Answers to A3.3, learned weights."""

RIGHT = [
    """
def weighted_total(terms, weights, log_variances):
    total = 0.0
    for name, term in terms.items():
        if weights[name] == 0:
            continue
        if name in log_variances:
            s = log_variances[name]
            total = total + weights[name] * torch.exp(-s) * term + s / 2
        else:
            total = total + weights[name] * term
    return total
""",
    """
def weighted_total(terms, weights, log_variances):
    on = [name for name in terms if weights[name] > 0]
    learned = [name for name in on if name in log_variances]
    fixed = [name for name in on if name not in log_variances]
    parts = [weights[name] * terms[name] for name in fixed]
    parts += [weights[name] * terms[name] / log_variances[name].exp() for name in learned]
    parts += [0.5 * log_variances[name] for name in learned]
    return torch.stack(parts).sum()
""",
    """
def weighted_total(terms, weights, log_variances):
    first = next(iter(terms.values()))
    none = torch.zeros_like(first)
    total = none.clone()
    for name in sorted(terms):
        if not weights[name]:
            continue
        s = log_variances.get(name, none)
        deviation = torch.exp(s / 2)
        total = total + weights[name] * terms[name] / deviation**2 + torch.log(deviation)
    return total
""",
]

WRONG = [
    (
        "terms of weight 0 not left out",
        """
def weighted_total(terms, weights, log_variances):
    total = 0.0
    for name, term in terms.items():
        if name in log_variances:
            s = log_variances[name]
            total = total + weights[name] * torch.exp(-s) * term + s / 2
        else:
            total = total + weights[name] * term
    return total
""",
    ),
    (
        "log-variances of weight 0 not left out",
        """
def weighted_total(terms, weights, log_variances):
    # A term that is off still pays for its s.
    total = 0.0
    for name, term in terms.items():
        if weights[name] > 0:
            s = log_variances.get(name)
            total = total + weights[name] * (term if s is None else torch.exp(-s) * term)
        if name in log_variances:
            total = total + log_variances[name] / 2
    return total
""",
    ),
    (
        "nan left out, not weight 0",
        """
def weighted_total(terms, weights, log_variances):
    # Leaves out what is nan, not what is off.
    total = 0.0
    for name, term in terms.items():
        if torch.isnan(term):
            continue
        if name in log_variances:
            s = log_variances[name]
            total = total + weights[name] * torch.exp(-s) * term + s / 2
        else:
            total = total + weights[name] * term
    return total
""",
    ),
    (
        "regulariser missing",
        """
def weighted_total(terms, weights, log_variances):
    total = 0.0
    for name, term in terms.items():
        if weights[name]:
            factor = torch.exp(-log_variances[name]) if name in log_variances else 1.0
            total = total + weights[name] * factor * term
    return total
""",
    ),
    (
        "regulariser not halved",
        """
def weighted_total(terms, weights, log_variances):
    total = 0.0
    for name, term in terms.items():
        if not weights[name]:
            continue
        if name in log_variances:
            total = total + weights[name] * term / log_variances[name].exp() + log_variances[name]
        else:
            total = total + weights[name] * term
    return total
""",
    ),
    (
        "term halved too",
        """
def weighted_total(terms, weights, log_variances):
    total = 0.0
    for name, term in terms.items():
        if not weights[name]:
            continue
        if name in log_variances:
            s = log_variances[name]
            total = total + 0.5 * (weights[name] * torch.exp(-s) * term + s)
        else:
            total = total + weights[name] * term
    return total
""",
    ),
    (
        "regulariser weighted",
        """
def weighted_total(terms, weights, log_variances):
    parts = []
    for name, term in terms.items():
        if not weights[name]:
            continue
        if name in log_variances:
            s = log_variances[name]
            term = torch.exp(-s) * term + s / 2
        parts.append(weights[name] * term)
    return sum(parts)
""",
    ),
    (
        "log of the deviation",
        """
def weighted_total(terms, weights, log_variances):
    parts = []
    for name, term in terms.items():
        if not weights[name]:
            continue
        if name in log_variances:
            s = log_variances[name]
            parts.append(weights[name] * term / torch.exp(s) ** 2 + s / 2)
        else:
            parts.append(weights[name] * term)
    return sum(parts)
""",
    ),
    (
        "sign of the log-variance",
        """
def weighted_total(terms, weights, log_variances):
    parts = []
    for name, term in terms.items():
        if not weights[name]:
            continue
        if name in log_variances:
            s = log_variances[name]
            parts.append(weights[name] * term * torch.exp(s) + s / 2)
        else:
            parts.append(weights[name] * term)
    return sum(parts)
""",
    ),
    (
        "no gradient",
        """
def weighted_total(terms, weights, log_variances):
    parts = []
    for name, term in terms.items():
        if not weights[name]:
            continue
        if name in log_variances:
            s = log_variances[name].item()
            parts.append(weights[name] * term * math.exp(-s) + s / 2)
        else:
            parts.append(weights[name] * term)
    return sum(parts)
""",
    ),
    (
        "input edited in place",
        """
def weighted_total(terms, weights, log_variances):
    total = terms["classification"]
    total *= weights["classification"] * torch.exp(-log_variances["classification"])
    total += log_variances["classification"] / 2
    for name in ("flow", "frame", "discrepancy"):
        if weights[name]:
            s = log_variances.get(name, torch.zeros(()))
            total += weights[name] * torch.exp(-s) * terms[name] + s / 2
    return total
""",
    ),
    (
        "raised an error",
        """
def weighted_total(terms, weights, log_variances):
    total = 0.0
    for name, term in terms.items():
        s = log_variances[name]
        total = total + weights[name] * torch.exp(-s) * term + s / 2
    return total
""",
    ),
    (
        "an axis too many",
        """
def weighted_total(terms, weights, log_variances):
    total = torch.zeros(1)
    for name, term in terms.items():
        if weights[name]:
            s = log_variances.get(name, torch.zeros(1))
            total = total + weights[name] * torch.exp(-s) * term + s / 2
    return total
""",
    ),
    (
        "mean for sum",
        """
def weighted_total(terms, weights, log_variances):
    total = 0.0
    for name, term in terms.items():
        if not weights[name]:
            continue
        if name in log_variances:
            s = log_variances[name]
            total = total + weights[name] * torch.exp(-s) * term + s / 2
        else:
            total = total + weights[name] * term
    return total / len(terms)
""",
    ),
    (
        "hard-coded names",
        """
def weighted_total(terms, weights, log_variances):
    total = 0.0
    for name in ("classification", "flow", "frame", "discrepancy"):
        if not weights[name]:
            continue
        if name in log_variances:
            s = log_variances[name]
            total = total + weights[name] * torch.exp(-s) * terms[name] + s / 2
        else:
            total = total + weights[name] * terms[name]
    return total
""",
    ),
]
