"""Answers to A4.6, right and wrong, as source text."""

RIGHT = [
    """
def diagnose(run):
    late = {name: sum(values[-3:]) / 3 for name, values in run.items()}
    if max(run["gradient_frame"]) == 0:
        return "frame decoder detached"
    if max(run["flow_error_px"]) > 8 * run["zero_flow_error_px"][0]:
        return "learning rate too high"
    if late["same_alone"] < 0.8:
        return "training mode at test"
    if late["flow_uu"] < -0.3:
        return "flow sign flipped"
    if late["flow_uv"] > 0.3:
        return "flow channels swapped"
    if late["accuracy_street"] - late["accuracy_street_new"] > 0.3:
        return "test clips in training"
    if late["loss_discrepancy"] < 0.05:
        return "penalty too heavy"
    if late["accuracy_validation"] < 0.5:
        return "labels shuffled"
    return "healthy"
""",
    # The last epoch only, other curves, the other way round.
    """
def diagnose(run):
    run = {name: np.array(values) for name, values in run.items()}
    last = {name: values[-1] for name, values in run.items()}
    flow = np.array([[last["flow_uu"], last["flow_uv"]], [last["flow_vu"], last["flow_vv"]]])
    if (run["flow_error_px"] / run["zero_flow_error_px"]).max() > 5:
        return "learning rate too high"
    if last["cka"] > 0.95 and last["loss_discrepancy"] < 0.1:
        return "penalty too heavy"
    if np.trace(flow) < -0.5:
        return "flow sign flipped"
    if flow[0, 1] + flow[1, 0] > 0.5:
        return "flow channels swapped"
    if run["gradient_frame"].sum() < 1e-9:
        return "frame decoder detached"
    if run["same_alone"].min() < 0.75:
        return "training mode at test"
    if last["accuracy_training"] - last["accuracy_validation"] > 0.35:
        return "labels shuffled"
    gap = (run["accuracy_street"] - run["accuracy_street_new"])[-4:].mean()
    return "test clips in training" if gap > 0.25 else "healthy"
""",
    # A score for each bug; the largest wins.
    """
def diagnose(run):
    def late(name):
        return torch.tensor(run[name][-3:]).mean().item()

    scores = {
        "healthy": 1.0,
        "frame decoder detached": 10.0 * (max(run["gradient_frame"]) < 1e-9),
        "learning rate too high": max(run["flow_error_px"]) / run["zero_flow_error_px"][0] / 3,
        "training mode at test": 10 * (1 - late("same_alone")),
        "flow sign flipped": -3 * (late("flow_uu") + late("flow_vv")),
        "flow channels swapped": 2 * (late("flow_uv") + late("flow_vu")),
        "test clips in training": (late("accuracy_street") - late("accuracy_street_new")) / 0.3,
        "penalty too heavy": 0.1 / late("loss_discrepancy"),
        "labels shuffled": 0.5 / late("accuracy_validation") if late("loss_discrepancy") > 0.1 else 0.0,
    }
    return max(scores, key=scores.get)
""",
]


def _rules(*, without: str = "", **changed: str) -> str:
    """Plain rules in order; one may be left out, or its word or condition changed."""
    rules = {
        "detached": ('max(run["gradient_frame"]) == 0', "frame decoder detached"),
        "rate": ('max(run["flow_error_px"]) > 6 * run["zero_flow_error_px"][0]', "learning rate too high"),
        "mode": ('late("same_alone") < 0.8', "training mode at test"),
        "sign": ('late("flow_uu") < -0.3', "flow sign flipped"),
        "swap": ('late("flow_uv") > 0.3', "flow channels swapped"),
        "leak": ('late("accuracy_street") - late("accuracy_street_new") > 0.3', "test clips in training"),
        "penalty": ('late("loss_discrepancy") < 0.1', "penalty too heavy"),
        "labels": ('late("accuracy_validation") < 0.5', "labels shuffled"),
    }
    lines = ["def diagnose(run):", "    late = lambda name: sum(run[name][-3:]) / 3"]
    for name, (condition, word) in rules.items():
        if name != without:
            lines += [f"    if {condition}:", f'        return "{changed.get(name, word)}"']
    return "\n".join([*lines, '    return "healthy"', ""])


WRONG = [
    ("penalty taken for shuffled labels", _rules(without="penalty")),
    ("learning rate taken for shuffled labels", _rules(rate="labels shuffled")),
    ("learning rate taken for the penalty", _rules(rate="penalty too heavy")),
    (
        "everything that fails is shuffled labels",
        _rules(rate="labels shuffled", penalty="labels shuffled"),
    ),
    ("swap taken for a flipped sign", _rules(swap="flow sign flipped")),
    ("flipped sign taken for a swap", _rules(sign="flow channels swapped")),
    ("label leakage overlooked", _rules(without="leak")),
    ("training mode overlooked", _rules(without="mode")),
    ("detached decoder overlooked", _rules(without="detached")),
    ("everything healthy", 'def diagnose(run):\n    return "healthy"\n'),
    ("wrong value", _rules(leak="test clips in the training")),
    (
        "raised an error",
        'def diagnose(run):\n    return "healthy" if run["accuracy"][-1] > 0.5 else "labels shuffled"\n',
    ),
]
