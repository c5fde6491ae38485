"""Wrong answers to A4.2, written from the question alone."""

WRONG = [
    # the test's videos are an iterator that is used up at the first step
    (
        "first step only",
        """
def leaking_steps(steps, test):
    def video(name):
        return "_".join(name.split("/")[-1].split("_")[1:3])

    held_out = map(video, test)
    found = {}
    for step, names in steps.items():
        seen = {video(name) for name in names}
        both = sorted({v for v in held_out if v in seen})
        if both:
            found[step] = both
    return found
""",
    ),
    # a video's name is looked for inside the file names: SkyDiving counts as Diving
    (
        "names searched in file names",
        """
def leaking_steps(steps, test):
    videos = sorted({name.split("/")[-1][2:].rsplit("_", 1)[0] for name in test})
    result = {}
    for step, files in steps.items():
        hit = [v for v in videos if any(v in f for f in files)]
        if hit:
            result[step] = hit
    return result
""",
    ),
    # steps without a leak are taken out of the argument, and the lists replaced in it
    (
        "input edited in place",
        """
def leaking_steps(steps, test):
    def video(name):
        return "_".join(name.split("/")[-1].split("_")[1:3])

    held_out = {video(name) for name in test}
    for step in list(steps):
        both = sorted({video(name) for name in steps[step]} & held_out)
        if both:
            steps[step] = both
        else:
            del steps[step]
    return steps
""",
    ),
    # videos are sorted by group number before class
    (
        "ordered by group",
        """
def leaking_steps(steps, test):
    def video(name):
        _, action, group, _ = name.split("/")[-1].split("_")
        return group, action

    held_out = {video(name) for name in test}
    leaks = {}
    for step, names in steps.items():
        both = held_out & {video(name) for name in names}
        if both:
            leaks[step] = [f"{action}_{group}" for group, action in sorted(both)]
    return leaks
""",
    ),
    # the folder is taken off the test's names only
    (
        "folder not removed",
        """
def leaking_steps(steps, test):
    held_out = {"_".join(name.split("/")[-1].split("_")[1:3]) for name in test}
    leaks = {}
    for step, names in steps.items():
        seen = {name[2:-8] for name in names}
        if held_out & seen:
            leaks[step] = sorted(held_out & seen)
    return leaks
""",
    ),
]
