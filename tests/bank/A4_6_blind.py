"""Wrong answers to A4.6, written from the question alone."""

WRONG = [
    # the flow's error above that of zero flow is taken for a flipped sign
    (
        "flow error taken for a flipped sign",
        """
def diagnose(run):
    last = {name: sum(values[-3:]) / 3 for name, values in run.items()}
    if max(run["gradient_frame"]) == 0:
        return "frame decoder detached"
    if last["same_alone"] < 0.9:
        return "training mode at test"
    if last["accuracy_street"] > 0.6:
        return "test clips in training"
    if max(run["flow_error_px"]) > 1:
        return "learning rate too high"
    if last["loss_discrepancy"] < 0.4:
        return "penalty too heavy"
    if last["flow_uv"] > 0.3:
        return "flow channels swapped"
    if last["flow_error_px"] > last["zero_flow_error_px"]:
        return "flow sign flipped"
    if last["accuracy_validation"] < 0.6:
        return "labels shuffled"
    return "healthy"
""",
    ),
    # low accuracy on validation clips comes first, and is always put down to the labels
    (
        "everything that fails is shuffled labels",
        """
def diagnose(run):
    if run["accuracy_validation"][-1] < 0.6:
        return "labels shuffled"
    if run["gradient_frame"][-1] == 0:
        return "frame decoder detached"
    if run["same_alone"][-1] < 1:
        return "training mode at test"
    if run["accuracy_street"][-1] > 0.7:
        return "test clips in training"
    if run["flow_uu"][-1] < -0.3:
        return "flow sign flipped"
    if run["flow_uv"][-1] > 0.3:
        return "flow channels swapped"
    if run["loss_discrepancy"][-1] < 0.3:
        return "penalty too heavy"
    if run["cka"][-1] < 0.1:
        return "learning rate too high"
    return "healthy"
""",
    ),
    # street above chance is taken for a leak
    (
        "street above chance taken for a leak",
        """
def diagnose(run):
    end = {name: np.mean(values[-3:]) for name, values in run.items()}
    if end["same_alone"] < 0.9:
        return "training mode at test"
    if end["gradient_frame"] == 0:
        return "frame decoder detached"
    if max(run["flow_error_px"]) > 1:
        return "learning rate too high"
    if end["loss_discrepancy"] < 0.3:
        return "penalty too heavy"
    if end["flow_uu"] < -0.2 and end["flow_vv"] < -0.2:
        return "flow sign flipped"
    if end["flow_uv"] > 0.3 and end["flow_vu"] > 0.3:
        return "flow channels swapped"
    if end["accuracy_validation"] < 0.6:
        return "labels shuffled"
    if end["accuracy_street"] > 0.25:
        return "test clips in training"
    return "healthy"
""",
    ),
    # correlations lose their sign
    (
        "flipped sign overlooked",
        """
def diagnose(run):
    end = {name: float(np.mean(np.abs(values[-3:]))) for name, values in run.items()}
    if end["gradient_frame"] == 0:
        return "frame decoder detached"
    if end["same_alone"] < 0.9:
        return "training mode at test"
    if max(run["flow_error_px"]) > 1:
        return "learning rate too high"
    if end["loss_discrepancy"] < 0.4:
        return "penalty too heavy"
    if end["accuracy_street"] > 0.65:
        return "test clips in training"
    if end["flow_uv"] > 0.3 and end["flow_vu"] > 0.3:
        return "flow channels swapped"
    if end["flow_uu"] < -0.1:
        return "flow sign flipped"
    if end["accuracy_validation"] < 0.6:
        return "labels shuffled"
    return "healthy"
""",
    ),
    # a name that is not of the table
    (
        "wrong value",
        """
def diagnose(run):
    end = {name: sum(values[-3:]) / 3 for name, values in run.items()}
    if end["gradient_frame"] == 0:
        return "frame decoder detached"
    if end["same_alone"] < 0.8:
        return "training mode at test"
    if max(run["flow_error_px"]) > 1:
        return "learning rate is too high"
    if end["loss_discrepancy"] < 0.4:
        return "penalty too heavy"
    if end["accuracy_street"] > 0.65:
        return "test clips in training"
    if end["flow_uv"] > 0.3:
        return "flow channels swapped"
    if end["flow_uu"] < -0.1:
        return "flow sign flipped"
    if end["accuracy_validation"] < 0.6:
        return "labels shuffled"
    return "healthy"
""",
    ),
]
