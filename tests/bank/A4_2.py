"""Answers to A4.2, right and wrong, as source text."""

RIGHT = [
    """
def leaking_steps(steps, test):
    def video(name):
        _, kind, group, _ = name.split("/")[-1].split("_")
        return kind + "_" + group
    tested = {video(name) for name in test}
    answer = {}
    for step, names in steps.items():
        seen = sorted(tested & {video(name) for name in names})
        if seen:
            answer[step] = seen
    return answer
""",
    """
import re

def leaking_steps(steps, test):
    videos = lambda names: set(re.findall(r"v_(\\w+_g\\d+)_c\\d+", " ".join(names)))
    return {step: sorted(videos(names) & videos(test)) for step, names in steps.items() if videos(names) & videos(test)}
""",
    """
def leaking_steps(steps, test):
    answer = {}
    for step in steps:
        for train_name in steps[step]:
            for test_name in test:
                a = train_name.rsplit("/", 1)[-1][2:].rsplit("_", 1)[0]
                b = test_name.rsplit("/", 1)[-1][2:].rsplit("_", 1)[0]
                if a == b and a not in answer.setdefault(step, []):
                    answer[step].append(a)
    return {step: sorted(videos) for step, videos in answer.items() if videos}
""",
]

VIDEO = """
def video(name):
    return name.split("/")[-1][2:].rsplit("_", 1)[0]
"""

WRONG = [
    (
        "label leakage overlooked",
        VIDEO
        + """
def leaking_steps(steps, test):
    found = {step: sorted({video(name) for name in set(names) & set(test)}) for step, names in steps.items()}
    return {step: videos for step, videos in found.items() if videos}
""",
    ),
    (
        "label leakage overlooked",
        VIDEO
        + """
def leaking_steps(steps, test):
    files = {name.split("/")[-1] for name in test}
    answer = {}
    for step, names in steps.items():
        both = {name.split("/")[-1] for name in names} & files
        if both:
            answer[step] = sorted({video(name) for name in both})
    return answer
""",
    ),
    (
        "group without its class",
        VIDEO
        + """
def leaking_steps(steps, test):
    groups = {video(name).split("_")[1] for name in test}
    answer = {}
    for step, names in steps.items():
        seen = sorted({video(name) for name in names if video(name).split("_")[1] in groups})
        if seen:
            answer[step] = seen
    return answer
""",
    ),
    (
        "training only",
        VIDEO
        + """
def leaking_steps(steps, test):
    both = {video(name) for name in steps["train"]} & {video(name) for name in test}
    return {"train": sorted(both)} if both else {}
""",
    ),
    (
        "clean steps listed",
        VIDEO
        + """
def leaking_steps(steps, test):
    tested = {video(name) for name in test}
    return {step: sorted({video(name) for name in names} & tested) for step, names in steps.items()}
""",
    ),
    (
        "video listed per clip",
        VIDEO
        + """
def leaking_steps(steps, test):
    tested = {video(name) for name in test}
    answer = {}
    for step, names in steps.items():
        for name in sorted(names, key=video):
            if video(name) in tested:
                answer.setdefault(step, []).append(video(name))
    return answer
""",
    ),
    (
        "clips instead of videos",
        VIDEO
        + """
def leaking_steps(steps, test):
    tested = {video(name) for name in test}
    found = {step: sorted(name for name in names if video(name) in tested) for step, names in steps.items()}
    return {step: names for step, names in found.items() if names}
""",
    ),
    (
        "wrong type",
        VIDEO
        + """
def leaking_steps(steps, test):
    tested = {video(name) for name in test}
    return [step for step, names in steps.items() if tested & {video(name) for name in names}]
""",
    ),
    (
        "wrong type",
        VIDEO
        + """
def leaking_steps(steps, test):
    tested = {video(name) for name in test}
    found = {step: {video(name) for name in names} & tested for step, names in steps.items()}
    return {step: videos for step, videos in found.items() if videos}
""",
    ),
]
