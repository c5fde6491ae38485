"""Wrong answers to A3.3, written from the question alone."""

WRONG = [
    # a log-variance of 0 counts as none, so that it gets no gradient
    (
        "log-variance of 0 taken for none",
        """
def weighted_total(terms, weights, log_variances):
    total = 0.0
    for name, term in terms.items():
        w = weights[name]
        if w == 0:
            continue
        s = log_variances.get(name)
        if s:
            total = total + w * torch.exp(-s) * term + s / 2
        else:
            total = total + w * term
    return total
""",
    ),
    # the log-variances of terms that are switched off are added too
    (
        "log-variances of weight 0 not left out",
        """
def weighted_total(terms, weights, log_variances):
    total = sum(log_variances.values()) / 2
    for name in terms:
        if weights[name] > 0:
            factor = torch.exp(-log_variances[name]) if name in log_variances else 1.0
            total = total + weights[name] * factor * terms[name]
    return total
""",
    ),
    # terms are left out when they are nan, not when their weight is 0
    (
        "nan left out, not weight 0",
        """
def weighted_total(terms, weights, log_variances):
    parts = []
    for name, term in terms.items():
        if torch.isnan(term):
            continue
        if name in log_variances:
            s = log_variances[name]
            parts.append(weights[name] * torch.exp(-s) * term + s / 2)
        else:
            parts.append(weights[name] * term)
    return torch.stack(parts).sum()
""",
    ),
    # learned terms lose their fixed weight
    (
        "fixed weight lost",
        """
def weighted_total(terms, weights, log_variances):
    losses = []
    for name, loss in terms.items():
        if weights[name] == 0:
            continue
        if name in log_variances:
            s = log_variances[name]
            losses.append(loss * torch.exp(-s) + s / 2)
        else:
            losses.append(loss * weights[name])
    return sum(losses)
""",
    ),
    # the terms are weighted in place in the caller's dictionary
    (
        "input edited in place",
        """
def weighted_total(terms, weights, log_variances):
    total = 0
    for name in list(terms):
        if weights[name] == 0:
            continue
        terms[name] = terms[name] * weights[name]
        if name in log_variances:
            total = total + terms[name] * (-log_variances[name]).exp() + log_variances[name] / 2
        else:
            total = total + terms[name]
    return total
""",
    ),
]
