"""Questions of assignment A4: what a cross-dataset number is worth, and what may be wrong behind it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, pstdev, stdev

import torch
from torch import Tensor

from rev2net_lite.exercises.questions import Mistake, Probe, Question
from rev2net_lite.planted import BUGS, HEALTHY, recorded_runs

__all__ = ["QUESTIONS"]

Curves = Mapping[str, Sequence[float]]
Records = Sequence[Mapping[str, str | int | float]]

# Chen et al., ICCV 2019: UCF-HMDB_full.
_SHARED = {
    "RockClimbingIndoor": "climb",
    "RopeClimbing": "climb",
    "Fencing": "fencing",
    "GolfSwing": "golf",
    "SoccerPenalty": "kick_ball",
    "PullUps": "pullup",
    "Punch": "punch",
    "BoxingPunchingBag": "punch",
    "BoxingSpeedBag": "punch",
    "PushUps": "pushup",
    "Biking": "ride_bike",
    "HorseRiding": "ride_horse",
    "Basketball": "shoot_ball",
    "Archery": "shoot_bow",
    "WalkingWithDog": "walk",
}
# UCF101 classes whose names hold or begin like a name of the table, and one that does not.
_UNSHARED = ("BasketballDunk", "HandstandPushups", "HorseRace", "SoccerJuggling", "TableTennisShot")

_T975 = {
    1: 12.7062,
    2: 4.3027,
    3: 3.1824,
    4: 2.7764,
    5: 2.5706,
    6: 2.4469,
    7: 2.3646,
    8: 2.3060,
    9: 2.2622,
    10: 2.2281,
    11: 2.2010,
    12: 2.1788,
    13: 2.1604,
    14: 2.1448,
    15: 2.1314,
    16: 2.1199,
    17: 2.1098,
    18: 2.1009,
    19: 2.0930,
    20: 2.0860,
}


def _whole(low: int, high: int, generator: torch.Generator) -> int:
    return int(torch.randint(low, high, (1,), generator=generator))


def _order(n: int, generator: torch.Generator) -> list[int]:
    return torch.randperm(n, generator=generator).tolist()


# A4.1


def _class_of(name: str) -> str:
    return name.rsplit("/", 1)[-1].split("_")[1]


def _shared_class(name: str) -> str | None:
    return _SHARED.get(_class_of(name))


def _by_substring(name: str) -> str | None:
    return next((shared for ucf, shared in _SHARED.items() if ucf in name), None)


def _by_lower_substring(name: str) -> str | None:
    return next((shared for ucf, shared in _SHARED.items() if ucf.lower() in name.lower()), None)


def _one_per_class(name: str) -> str | None:
    first = {shared: ucf for ucf, shared in reversed(_SHARED.items())}
    return next((shared for shared, ucf in first.items() if ucf == _class_of(name)), None)


def _without_folder(name: str) -> str | None:
    return _SHARED.get(name.split("_")[1]) if "/" not in name else None


def _by_folder(name: str) -> str | None:
    return _SHARED.get(name.split("/")[0])


# A word of each name of the table, as one may pick them to have less to write.
_WORDS = {
    "Climb": "climb",
    "Fencing": "fencing",
    "Golf": "golf",
    "Soccer": "kick_ball",
    "Pull": "pullup",
    "Punch": "punch",
    "Boxing": "punch",
    "Push": "pushup",
    "Biking": "ride_bike",
    "Horse": "ride_horse",
    "Basketball": "shoot_ball",
    "Archery": "shoot_bow",
    "Walking": "walk",
}


def _by_word(name: str) -> str | None:
    return next((shared for word, shared in _WORDS.items() if word in name), None)


def _names(generator: torch.Generator) -> list[Probe]:
    known = [("RopeClimbing", False), *((ucf, at % 3 == 1) for at, ucf in enumerate(_SHARED))]
    probes = []
    for ucf, folder in known + [(ucf, at == 0) for at, ucf in enumerate(_UNSHARED)]:
        name = f"v_{ucf}_g{_whole(1, 26, generator):02d}_c{_whole(1, 8, generator):02d}.avi"
        where = "in a folder's path" if folder else "by its file name"
        label = f"{ucf} {where}" + ("" if ucf in _SHARED else ", which is no shared class")
        probes.append(Probe(label, {"name": f"{ucf}/{name}" if folder else name}))
    return probes


# A4.2


def _video(name: str) -> str:
    found = re.search(r"v_([A-Za-z]+_g\d+)_c\d+\.avi$", name)
    assert found is not None
    return found[1]


def _leaking(steps: Mapping[str, Sequence[str]], test: Sequence[str]) -> dict[str, list[str]]:
    tested = {_video(name) for name in test}
    found = {step: sorted({_video(name) for name in names} & tested) for step, names in steps.items()}
    return {step: videos for step, videos in found.items() if videos}


def _leaking_by(key: Callable[[str], str]) -> Callable[..., object]:
    """An answer that takes clips for related by another key than their video."""

    def answer(steps: Mapping[str, Sequence[str]], test: Sequence[str]) -> dict[str, list[str]]:
        tested = {key(name) for name in test}
        found = {step: sorted({_video(name) for name in names if key(name) in tested}) for step, names in steps.items()}
        return {step: videos for step, videos in found.items() if videos}

    return answer


def _training_only(steps: Mapping[str, Sequence[str]], test: Sequence[str]) -> dict[str, list[str]]:
    return {step: videos for step, videos in _leaking(steps, test).items() if step == "train"}


def _with_clean_steps(steps: Mapping[str, Sequence[str]], test: Sequence[str]) -> dict[str, list[str]]:
    found = _leaking(steps, test)
    return {step: found.get(step, []) for step in steps}


def _every_clip(steps: Mapping[str, Sequence[str]], test: Sequence[str]) -> dict[str, list[str]]:
    tested = {_video(name) for name in test}
    found = {step: sorted(_video(name) for name in names if _video(name) in tested) for step, names in steps.items()}
    return {step: videos for step, videos in found.items() if videos}


def _clip_names(steps: Mapping[str, Sequence[str]], test: Sequence[str]) -> dict[str, list[str]]:
    tested = {_video(name) for name in test}
    found = {step: sorted({name for name in names if _video(name) in tested}) for step, names in steps.items()}
    return {step: videos for step, videos in found.items() if videos}


def _searched(steps: Mapping[str, Sequence[str]], test: Sequence[str]) -> dict[str, list[str]]:
    videos = sorted({_video(name) for name in test})
    found = {step: [video for video in videos if any(video in name for name in names)] for step, names in steps.items()}
    return {step: videos for step, videos in found.items() if videos}


def _first_step(steps: Mapping[str, Sequence[str]], test: Sequence[str]) -> dict[str, list[str]]:
    return _leaking({step: steps[step] for step in list(steps)[:1]}, test)


def _by_group_order(steps: Mapping[str, Sequence[str]], test: Sequence[str]) -> dict[str, list[str]]:
    return {
        step: sorted(videos, key=lambda video: video.split("_")[::-1]) for step, videos in _leaking(steps, test).items()
    }


def _folders_kept(*, in_steps: bool, in_test: bool) -> Callable[..., object]:
    """An answer that finds no video in a name with a folder, on the sides given."""

    def answer(steps: Mapping[str, Sequence[str]], test: Sequence[str]) -> dict[str, list[str]]:
        def read(names: Sequence[str], kept: bool) -> list[str]:
            return [name for name in names if not kept or "/" not in name]

        return _leaking({step: read(names, in_steps) for step, names in steps.items()}, read(test, in_test))

    return answer


def _number(name: str) -> str:
    return _video(name).split("_")[1]


def _protocols(generator: torch.Generator) -> list[Probe]:
    classes = ("Archery", "Biking", "Fencing", "Punch")

    def clips(videos: Sequence[tuple[str, int]], *, first: int = 1, folder: bool = False) -> list[str]:
        names = [f"v_{c}_g{g:02d}_c{i:02d}.avi" for c, g in videos for i in range(first, first + 2)]
        names = [f"{name.split('_')[1]}/{name}" for name in names] if folder else names
        return [names[at] for at in _order(len(names), generator)]

    def groups() -> tuple[list[tuple[str, int]], list[tuple[str, int]], list[tuple[str, int]]]:
        """Videos for training, validation and test: no group number is shared within a class."""
        numbers = [_order(25, generator) for _ in classes]
        parts = [
            [(c, numbers[k][3 * part + j] + 1) for k, c in enumerate(classes) for j in range(3)] for part in (0, 1, 2)
        ]
        return parts[0], parts[1], parts[2]

    probes = []
    train, validation, test = groups()
    # Group g of one class and group g of another are different videos.
    shared_number = [("Archery", 26), *test[3:]]
    train = [("Biking", 26), *train]
    leaky = [*train, *shared_number[1:3]]
    probes.append(
        Probe(
            "clips of one video in training and test",
            {
                "steps": {"train": clips(leaky), "choose the epoch": clips(validation)},
                "test": clips(shared_number, first=3),
            },
        )
    )
    probes.append(
        Probe(
            "a protocol without a leak",
            {
                "steps": {"train": clips(train), "choose the epoch": clips(validation), "mean and sd": clips(train)},
                "test": clips(shared_number),
            },
        )
    )
    train, validation, test = groups()
    probes.append(
        Probe(
            "an epoch chosen and pixels normalised on test videos",
            {
                "steps": {
                    "mean and sd": clips([*train, test[5], test[2]], first=4),
                    "train": clips(train),
                    "choose the epoch": clips([test[0], *validation, test[9]]),
                },
                "test": clips(test),
            },
        )
    )
    train, validation, test = groups()
    probes.append(
        Probe(
            "file names with folders on one side",
            {
                "steps": {"train": clips([*train, test[7]], folder=True), "choose the weight": clips(validation)},
                "test": clips(test, first=5),
            },
        )
    )
    train, validation, test = groups()
    probes.append(
        Probe(
            "file names with folders in the test only",
            {
                "steps": {"train": clips([*train, test[4]]), "choose the epoch": clips([*validation, test[8]])},
                "test": clips(test, first=3, folder=True),
            },
        )
    )
    # UCF101 has three classes of diving, and the name of one ends those of the others.
    group, low, high = _whole(1, 26, generator), _whole(1, 9, generator), _whole(10, 26, generator)
    test = [("Diving", group), ("Archery", high), ("Punch", low), ("Biking", _whole(1, 26, generator))]
    probes.append(
        Probe(
            "a class whose name ends with another's",
            {
                "steps": {
                    "choose the epoch": clips([("Punch", low), ("Fencing", low), ("Archery", high)]),
                    "train": clips([("CliffDiving", group), ("Fencing", high), ("SkyDiving", group)]),
                },
                "test": clips(test, first=3),
            },
        )
    )
    return probes


# A4.3


def _interval(differences: Sequence[float], t975: Mapping[int, float]) -> tuple[float, float, float]:
    mean, n = fmean(differences), len(differences)
    half = t975[n - 1] * stdev(differences) / math.sqrt(n)
    return mean, mean - half, mean + half


def _paired(first: Sequence[float], second: Sequence[float], t975: Mapping[int, float]) -> tuple[float, float, float]:
    return _interval([a - b for a, b in zip(first, second, strict=True)], t975)


def _unlike(half: Callable[[list[float], list[float], Mapping[int, float]], float]) -> Callable[..., object]:
    """An answer with another half width."""

    def answer(first: list[float], second: list[float], t975: Mapping[int, float]) -> tuple[float, float, float]:
        mean = fmean(first) - fmean(second)
        return mean, mean - half(first, second, t975), mean + half(first, second, t975)

    return answer


def _differences(first: Sequence[float], second: Sequence[float]) -> list[float]:
    return [a - b for a, b in zip(first, second, strict=True)]


def _spread_apart(a: list[float], b: list[float]) -> float:
    return math.sqrt(stdev(a) ** 2 + stdev(b) ** 2)


def _turned_round(
    first: Sequence[float], second: Sequence[float], t975: Mapping[int, float]
) -> tuple[float, float, float]:
    return _paired(second, first, t975)


def _ends(
    change: Callable[[float, float, float], tuple[float, float, float]],
) -> Callable[..., object]:
    """An answer that does something to the three numbers."""
    return lambda first, second, t975: change(*_paired(first, second, t975))


def _ends_between(least: float, most: float) -> Callable[..., object]:
    return _ends(lambda mean, low, high: (mean, max(low, least), min(high, most)))


def _scores(n: int, generator: torch.Generator, *, gap: float) -> tuple[list[float], list[float]]:
    """Accuracies of two systems over seeds that share most of their spread."""
    seeds = 0.4 + 0.06 * torch.randn(n, generator=generator)
    first = seeds + gap + 0.02 * torch.randn(n, generator=generator)
    second = seeds + 0.02 * torch.randn(n, generator=generator)
    return [round(x, 4) for x in first.tolist()], [round(x, 4) for x in second.tolist()]


def _pairs(generator: torch.Generator) -> list[Probe]:
    probes = []
    for label, n, gap in (
        ("six seeds", 6, 0.05),
        ("two seeds", 2, 0.01),
        ("eleven seeds and a loss", 11, -0.03),
    ):
        first, second = _scores(n, generator, gap=gap)
        probes.append(Probe(label, {"first": first, "second": second, "t975": dict(_T975)}))
    _, second = _scores(4, generator, gap=0.0)
    first = [x + 0.125 for x in second]
    probes.append(Probe("the same gain for every seed", {"first": first, "second": second, "t975": dict(_T975)}))
    # Half width above 3: an interval of a mean may reach beyond what a difference of accuracies can be.
    change = round(0.1 * float(torch.rand(1, generator=generator)), 4)
    against = {"first": [0.8 + change, 0.25], "second": [0.4, 0.5 + change], "t975": dict(_T975)}
    probes.append(Probe("two seeds that contradict each other", against))
    return probes


# A4.4


def _judged(interval: tuple[float, float, float], sign: float, margin: float) -> str:
    worst, best = sorted((sign * interval[1], sign * interval[2]))
    if worst > -margin:
        return "reproduced"
    return "contradicted" if best < -margin else "undecided"


def _read(
    records: Records,
    claim: Mapping[str, str | float],
    t975: Mapping[int, float],
    *,
    pair: Callable[[Mapping[int, float], Mapping[int, float]], list[float]] | None = None,
    split: bool = True,
    judge: Callable[[tuple[float, float, float], float, float], str] = _judged,
) -> dict[str, object]:
    """The answer, and with its switches the mistakes."""
    values: dict[str, dict[int, float]] = {str(claim["first"]): {}, str(claim["second"]): {}}
    for record in records:
        if record["system"] in values and (not split or record["split"] == claim["split"]):
            values[str(record["system"])][int(record["seed"])] = float(record["accuracy"])
    first, second = values[str(claim["first"])], values[str(claim["second"])]
    both = [seed for seed in first if seed in second]
    found = [first[seed] - second[seed] for seed in both] if pair is None else pair(first, second)
    if len(found) < 2:
        return {"n": len(found), "difference": None, "low": None, "high": None, "verdict": "not tested"}
    interval = _interval(found, t975)
    return {
        "n": len(found),
        **dict(zip(("difference", "low", "high"), interval, strict=True)),
        "verdict": judge(interval, float(claim["sign"]), float(claim["margin"])),
    }


def _read_claim(records: Records, claim: Mapping[str, str | float], t975: Mapping[int, float]) -> dict[str, object]:
    return _read(records, claim, t975)


def _by_position(first: Mapping[int, float], second: Mapping[int, float]) -> list[float]:
    return [a - b for a, b in zip(first.values(), second.values(), strict=False)]


def _by_sign_of_mean(interval: tuple[float, float, float], sign: float, margin: float) -> str:
    return "reproduced" if sign * interval[0] > -margin else "contradicted"


def _with_judge(judge: Callable[[tuple[float, float, float], float, float], str]) -> Callable[..., object]:
    return lambda records, claim, t975: _read(records, claim, t975, judge=judge)


def _zero_is_contradiction(interval: tuple[float, float, float], sign: float, margin: float) -> str:
    return "reproduced" if _judged(interval, sign, margin) == "reproduced" else "contradicted"


def _without_zeros(first: Mapping[int, float], second: Mapping[int, float]) -> list[float]:
    return [first[seed] - second[seed] for seed in first if first[seed] and second.get(seed)]


def _ends_kept(interval: tuple[float, float, float], sign: float, margin: float) -> str:
    low, high = sign * interval[1], sign * interval[2]
    return "reproduced" if low > -margin else "contradicted" if high < -margin else "undecided"


def _refused_at_zero(interval: tuple[float, float, float], sign: float, margin: float) -> str:
    verdict = _judged(interval, sign, margin)
    return verdict if verdict == "reproduced" else _judged(interval, sign, 0.0)


def _tables(generator: torch.Generator) -> list[Probe]:
    def table(
        n: int, gap: float, pair: tuple[str, str], *, absent: Sequence[tuple[str, int]] = (), noise: float = 0.02
    ) -> list[dict[str, object]]:
        base = 0.45 + 0.05 * torch.randn(n, generator=generator)
        rows: list[dict[str, object]] = []
        for system, gain in ((pair[0], gap), (pair[1], 0.0), ("multitask", 0.02)):
            for split, level, turned in (("studio", 0.25, -1), ("street", 0.0, 1)):
                scores = base + turned * gain + level + noise * torch.randn(n, generator=generator)
                rows += [
                    {"seed": 100 + seed, "system": system, "split": split, "accuracy": round(float(score), 4)}
                    for seed, score in enumerate(scores)
                    if (system, seed) not in absent
                ]
        return [rows[at] for at in _order(len(rows), generator)]

    def probe(
        label: str, rows: Sequence[object], pair: tuple[str, str], *, sign: int = 1, margin: float = 0.0
    ) -> Probe:
        claim = {"first": pair[0], "second": pair[1], "split": "street", "sign": sign, "margin": margin}
        return Probe(label, {"records": list(rows), "claim": claim, "t975": dict(_T975)})

    ours, flow = ("rev2net", "rgb"), ("flow", "rgb")
    equal = [
        {"seed": seed, "system": system, "split": "street", "accuracy": score}
        for seed, score in enumerate((0.25, 0.5, 0.375))
        for system in ours
    ]
    even = [row for seed in range(4) for row in _even_rows(seed, generator)]
    near = [round(0.4 + 0.05 * float(x), 4) for x in torch.rand(4, generator=generator)]

    def changed(*changes: float, first: str = "rev2net") -> list[dict[str, object]]:
        """Records of seeds 0 to 3 in which the first system is above rgb by these numbers."""
        return [
            {"seed": seed, "system": system, "split": "street", "accuracy": round(score, 4)}
            for seed, change in enumerate(changes)
            for system, score in (("rgb", near[seed]), (first, near[seed] + change))
        ]

    # A network that names no clip right has an accuracy all the same.
    failing = changed(-near[0], -0.1, 0.05, -0.02)
    failing[4]["accuracy"] = 0.0
    lacking = table(7, 0.14, ours, absent=[("rgb", 2), ("rev2net", 5)])
    return [
        probe("a gain in every seed", table(6, 0.15, ours), ours),
        probe("records that lack seeds of one system", lacking, ours),
        probe("a claim that something harms", table(5, -0.15, flow), flow, sign=-1),
        probe("a claim that something harms where it helps", table(5, 0.15, flow), flow, sign=-1),
        probe("a claim against which the table speaks", table(8, -0.14, ours), ours),
        probe("an interval that holds zero", even, ours),
        probe("a claim that something harms and an interval that holds zero", even, ours, sign=-1),
        probe("an accuracy of 0", failing, ours),
        probe("a loss within the margin", table(6, -0.01, ours, noise=0.002), ours, margin=0.05),
        probe("a loss beyond the margin", table(6, -0.2, ours), ours, margin=0.01),
        probe("an interval that holds the margin and not zero", changed(-0.03, -0.07, -0.04, -0.06), ours, margin=0.05),
        probe(
            "a claim that something harms, with a margin",
            changed(0.018, 0.022, 0.02, 0.023, first="flow"),
            flow,
            sign=-1,
            margin=0.05,
        ),
        probe("a gain smaller than the margin", table(5, 0.02, ours, noise=0.002), ours, margin=0.05),
        probe("two systems that are equal in every seed", equal, ours),
        probe("one seed only", table(1, 0.1, ours), ours),
        probe("a system without records", table(3, 0.1, ours), ("two_stream", "rgb")),
    ]


def _even_rows(seed: int, generator: torch.Generator) -> list[dict[str, object]]:
    """Two records whose difference has the other sign for every second seed, a little larger when it is a gain."""
    base = round(0.4 + 0.1 * float(torch.rand(1, generator=generator)), 4)
    change = 0.06 if seed % 2 else -0.04
    rows: list[dict[str, object]] = [
        {"seed": seed, "system": "rgb", "split": "street", "accuracy": base},
        {"seed": seed, "system": "rev2net", "split": "street", "accuracy": round(base + change, 4)},
    ]
    return rows


# A4.5


def _confusion(logits: Tensor, labels: Tensor) -> Tensor:
    classes = torch.arange(logits.shape[1], device=logits.device)
    true = (labels[:, None] == classes).float()
    named = (logits.argmax(1)[:, None] == classes).float()
    return true.T @ named / true.sum(0).clamp_min(1)[:, None]


def _confusion_counts(logits: Tensor, labels: Tensor) -> Tensor:
    return _confusion(logits, labels) * torch.bincount(labels, minlength=logits.shape[1])[:, None]


def _shares_of_columns(logits: Tensor, labels: Tensor) -> Tensor:
    counts = _confusion_counts(logits, labels)
    return counts / counts.sum(0).clamp_min(1)


def _soft_confusion(logits: Tensor, labels: Tensor) -> Tensor:
    true = (labels[:, None] == torch.arange(logits.shape[1])).float()
    return true.T @ logits.softmax(1) / true.sum(0).clamp_min(1)[:, None]


def _marked(logits: Tensor, labels: Tensor) -> Tensor:
    """Pairs that occur, each counted once."""
    return (_confusion(logits, labels) > 0).float()


def _of_labels(logits: Tensor, labels: Tensor) -> Tensor:
    k = int(labels.max()) + 1
    return _confusion(logits, labels)[:k, :k]


def _indexed_by_labels(logits: Tensor, labels: Tensor) -> Tensor:
    """The same, where a clip that is named beyond the last label has no place."""
    k = int(labels.max()) + 1
    if int(logits.argmax(1).max()) >= k:
        raise IndexError(f"index is out of bounds for size {k}")
    return _of_labels(logits, labels)


def _tests_of_classes(generator: torch.Generator) -> list[Probe]:
    def probe(label: str, n: int, k: int, *, absent: int | None = None, favourite: int | None = None) -> Probe:
        labels = torch.cat([torch.arange(k), torch.randint(0, k, (n - k,), generator=generator)])
        # Classes of unequal size, each there.
        labels = torch.where(torch.rand(n, generator=generator) < 0.3, torch.zeros_like(labels), labels)
        labels[:k] = torch.arange(k)
        if absent is not None:
            labels = torch.where(labels == absent, torch.full_like(labels, (absent + 1) % k), labels)
        logits = torch.randn(n, k, generator=generator)
        logits[torch.arange(n), labels] += 1.2
        if favourite is not None:
            logits[:, favourite] += 1.5
        order = torch.randperm(n, generator=generator)
        return Probe(label, {"logits": logits[order], "labels": labels[order]})

    return [
        probe("the sizes of the example", 40, 4),
        probe("three classes", 50, 3, favourite=1),
        probe("a class that has no clip", 37, 5, absent=2),
        probe("a last class that has no clip", 29, 6, absent=5),
    ]


# A4.6


def _tail(values: Sequence[float]) -> float:
    """Mean over the last three epochs: steadier than the last."""
    return fmean(values[-3:])


def _diagnose(run: Curves) -> str:
    if max(run["gradient_frame"]) < 1e-8:
        return "frame decoder detached"
    if max(run["flow_error_px"]) > 6 * run["zero_flow_error_px"][0]:
        return "learning rate too high"
    if _tail(run["same_alone"]) < 0.9:
        return "training mode at test"
    straight, crossed = (_tail(run["flow_uu"]) + _tail(run["flow_vv"]), _tail(run["flow_uv"]) + _tail(run["flow_vu"]))
    if straight < -0.5:
        return "flow sign flipped"
    if crossed > 0.5:
        return "flow channels swapped"
    if _tail(run["accuracy_street"]) - _tail(run["accuracy_street_new"]) > 0.3:
        return "test clips in training"
    if _tail(run["loss_discrepancy"]) < 0.1:
        return "penalty too heavy"
    return "labels shuffled" if _tail(run["accuracy_validation"]) < 0.5 else HEALTHY


def _mistaken(changes: Mapping[str, str]) -> Callable[[Curves], str]:
    """An answer that takes some diagnoses for others."""
    return lambda run: changes.get(_diagnose(run), _diagnose(run))


def _by_flow_error(*taken: str) -> Callable[[Curves], str]:
    """An answer that takes such runs for a flipped sign when their flow is worse than none."""

    def answer(run: Curves) -> str:
        said = _diagnose(run)
        worse = _tail(run["flow_error_px"]) > _tail(run["zero_flow_error_px"])
        return "flow sign flipped" if worse and said in taken else said

    return answer


def _above_chance(run: Curves) -> str:
    said = _diagnose(run)
    return "test clips in training" if said == HEALTHY and _tail(run["accuracy_street"]) > 0.25 else said


def _runs(generator: torch.Generator) -> list[Probe]:
    runs = recorded_runs()
    probes = []
    for bug in (HEALTHY, *BUGS):
        own = [run for run in runs if run.bug == bug]
        # Two of each: an answer that is right by chance on one seed is not on another. One of them is better on street
        # than most, so that a limit close to chance is seen to be one.
        own.sort(key=lambda run: _tail(run.curves["accuracy_street"]))
        half = len(own) // 2
        for at in (half + _whole(0, len(own) - half, generator), _whole(0, half, generator)):
            label = "a healthy run" if bug == HEALTHY else f"a run with this bug: {bug}"
            probes.append(Probe(label, {"run": own[at].curves}))
    return probes


QUESTIONS: tuple[Question, ...] = (
    Question(
        key="A4.1",
        title="From UCF101 to the shared classes",
        name="shared_class",
        answer=_shared_class,
        probes=_names,
        hints=(
            "Which part of the file name is the class, and which of several UCF101 classes share one name with HMDB51?",
            "Take the text after the last '/', then the part between the first and the second '_', and look up "
            "exactly that part.",
            "A dictionary with the fifteen UCF101 names as keys, and its method get, which returns None for a key "
            "that is not there. Do not search for a name inside the file name: 'Basketball' is in 'BasketballDunk'.",
        ),
        difficulty="easy",
        minutes=10,
        points=3,
        mistakes=(
            Mistake(
                "guessed from a word",
                "It goes by a word of the name, such as Horse or Soccer. Other classes of UCF101 have these words in "
                "their names too. Compare the whole class name.",
                _by_word,
            ),
            Mistake(
                "folder needed",
                "It reads the class from the folder and finds nothing in a name that comes alone.",
                _by_folder,
            ),
            Mistake(
                "the text None",
                "For a class that is not in the table it returns the text 'None'. None is a value of its own, without "
                "quotation marks.",
                lambda name: str(_shared_class(name)),
            ),
            Mistake(
                "names searched in file names",
                "It finds a class wherever its name occurs in the file name, so that another class whose longer name "
                "holds it is taken for it. Compare the whole class name.",
                _by_substring,
            ),
            Mistake(
                "capitals ignored",
                "It looks for class names inside the file name and ignores capitals, so that other classes are taken "
                "for shared ones. Compare the whole class name.",
                _by_lower_substring,
            ),
            Mistake(
                "one source class per shared class",
                "It knows one UCF101 class for each shared class. Two rows of the table have more than one.",
                _one_per_class,
            ),
            Mistake(
                "folder not removed",
                "It does not find the class in a path such as Archery/v_Archery_g01_c02.avi: the folder before the "
                "file name is in the way.",
                _without_folder,
            ),
        ),
    ),
    Question(
        key="A4.2",
        title="Find the leak",
        name="leaking_steps",
        answer=_leaking,
        probes=_protocols,
        hints=(
            "Two clips with different file names can show the same ten seconds of the same player. What in their "
            "names tells you?",
            "Reduce every file name to its video, class and group, and compare sets of videos: each step's with the "
            "test's.",
            "For a name, drop the folder and the last part (_c02.avi) and the leading v_. Make a set for the test, a "
            "set for each step, intersect them, sort, and keep a step only if something is left.",
        ),
        difficulty="medium",
        minutes=20,
        points=4,
        mistakes=(
            Mistake(
                "label leakage overlooked",
                "It compares whole clips. A training clip of the same video shows the same person in the same place "
                "and brings its label along, although the file has another name.",
                _leaking_by(lambda name: name.rsplit("/", 1)[-1]),
            ),
            Mistake(
                "group without its class",
                "It compares group numbers only. Group 26 of one class and group 26 of another are different videos.",
                _leaking_by(_number),
            ),
            Mistake(
                "names searched in file names",
                "It looks for a video's name inside the file names. SkyDiving_g03 holds Diving_g03 and is another "
                "video. Compare whole names.",
                _searched,
            ),
            Mistake(
                "first step only",
                "It finds the leaks of the first step only. Does the loop return too early? Or is the test read from "
                "something that can be gone through once, such as a map or a generator?",
                _first_step,
            ),
            Mistake(
                "ordered by group",
                "It puts the videos in order of their group numbers. Alphabetical order begins with the class.",
                _by_group_order,
            ),
            *(
                Mistake(
                    "folder not removed",
                    "It does not find the video in a name with a folder before it. Steps as well as the test may have "
                    "such names.",
                    _folders_kept(in_steps=in_steps, in_test=in_test),
                )
                for in_steps, in_test in ((True, False), (False, True), (True, True))
            ),
            Mistake(
                "training only",
                "It looks at the training clips only. What is chosen or measured on test videos leaks as well.",
                _training_only,
            ),
            Mistake(
                "clean steps listed",
                "It lists steps that saw no video of the test, with nothing in their list. They should be left out.",
                _with_clean_steps,
            ),
            Mistake(
                "video listed per clip",
                "It lists a video once for each of its clips. Each should stand there once.",
                _every_clip,
            ),
            Mistake(
                "clips instead of videos",
                "It lists the clips that leak, and the question asks for their videos, such as Archery_g07.",
                _clip_names,
            ),
        ),
    ),
    Question(
        key="A4.3",
        title="A paired interval over seeds",
        name="paired_interval",
        answer=_paired,
        probes=_pairs,
        hints=(
            "The two lists are paired by seed. Of how many independent numbers, then, is this the mean?",
            "Make one list of differences. Its mean is the first value; the half width is a quantile times a standard "
            "error, and a standard error is not a standard deviation.",
            "With n differences: standard deviation with n - 1 below the sum of squares, divided by the root of n, "
            "times t975 at n - 1 degrees of freedom. Return mean, mean minus half, mean plus half.",
        ),
        difficulty="medium",
        minutes=20,
        points=4,
        tolerance=1e-3,
        mistakes=(
            Mistake(
                "not paired",
                "Its interval treats the two lists as unrelated, so that the seeds' common ups and downs count as "
                "doubt. Take the difference seed by seed first.",
                _unlike(lambda a, b, t: t[len(a) - 1] * _spread_apart(a, b) / math.sqrt(len(a))),
            ),
            Mistake(
                "two unrelated samples",
                "Its interval is that of two unrelated samples with their degrees of freedom added. Take the "
                "difference seed by seed first.",
                _unlike(lambda a, b, t: t.get(2 * len(a) - 2, 0.0) * _spread_apart(a, b) / math.sqrt(len(a))),
            ),
            Mistake(
                "sorted before pairing",
                "It sorts the lists before it pairs them. Then numbers of different seeds meet: the n-th of both lists "
                "belong together as they stand.",
                lambda first, second, t975: _paired(sorted(first), sorted(second), t975),
            ),
            Mistake(
                "difference of deviations",
                "Its spread is the difference of the two lists' deviations. What counts is how the differences spread "
                "from seed to seed.",
                _unlike(lambda a, b, t: t[len(a) - 1] * abs(stdev(a) - stdev(b)) / math.sqrt(len(a))),
            ),
            Mistake(
                "quantile of the example",
                "Its quantile is that of 2 degrees of freedom, as in the example, however many seeds there are.",
                _unlike(lambda a, b, t: t[2] * stdev(_differences(a, b)) / math.sqrt(len(a))),
            ),
            Mistake(
                "ends around zero",
                "Its ends are the half width to both sides of zero. They lie to both sides of the mean difference.",
                _ends(lambda mean, low, high: (mean, low - mean, high - mean)),
            ),
            *(
                Mistake(
                    "ends cut off",
                    "It cuts the ends off where no difference of accuracies can be. The formula does not; with few "
                    "seeds it says honestly that nearly nothing is known.",
                    _ends_between(least, most),
                )
                for least, most in ((-1.0, 1.0), (0.0, 1.0))
            ),
            Mistake(
                "normal quantile for Student's t",
                "Its half width has the quantile of the normal distribution. With few seeds the spread is itself a "
                "guess, and Student's t is wider.",
                _unlike(lambda a, b, _: 1.96 * stdev(_differences(a, b)) / math.sqrt(len(a))),
            ),
            Mistake(
                "population standard deviation",
                "Its standard deviation divides by n. Over a sample of seeds, whose mean is estimated too, it is n - "
                "1.",
                _unlike(lambda a, b, t: t[len(a) - 1] * pstdev(_differences(a, b)) / math.sqrt(len(a))),
            ),
            Mistake(
                "missing root of n",
                "Its interval is as wide for a hundred seeds as for a few: it says where single seeds lie, not where "
                "their mean does.",
                _unlike(lambda a, b, t: t[len(a) - 1] * stdev(_differences(a, b))),
            ),
            Mistake(
                "n for root of n",
                "Its standard error shrinks with n, and it should shrink with the root of n.",
                _unlike(lambda a, b, t: t[len(a) - 1] * stdev(_differences(a, b)) / len(a)),
            ),
            Mistake(
                "degrees of freedom off by one",
                "Its quantile is that of n degrees of freedom. One is used up by the mean.",
                _unlike(lambda a, b, t: t[len(a)] * stdev(_differences(a, b)) / math.sqrt(len(a))),
            ),
            Mistake(
                "variance for standard deviation",
                "Its half width has the variance of the differences where the standard deviation belongs.",
                _unlike(lambda a, b, t: t[len(a) - 1] * stdev(_differences(a, b)) ** 2 / math.sqrt(len(a))),
            ),
            Mistake(
                "difference turned round",
                "It subtracts the first system from the second, so that a gain becomes a loss.",
                _turned_round,
            ),
        ),
    ),
    Question(
        key="A4.4",
        title="Read a result table",
        name="read_claim",
        answer=_read_claim,
        probes=_tables,
        hints=(
            "Before any statistics: which records belong to the claim, and which of them can be paired?",
            "Collect accuracy by seed for each of the two systems on that split; go over the seeds that both have. "
            "Then turn the interval by the claim's sign before you look at it.",
            "With sign -1 the interval from low to high becomes one from -high to -low. Its lower end above -margin: "
            "reproduced. Its upper end below -margin: contradicted. Else undecided. Fewer than two pairs: not tested.",
        ),
        difficulty="hard",
        minutes=25,
        points=5,
        tolerance=1e-3,
        mistakes=(
            Mistake(
                "paired by position",
                "It pairs records in the order in which they stand. They are in no order; the seed says what belongs "
                "together.",
                lambda records, claim, t975: _read(records, claim, t975, pair=_by_position),
            ),
            Mistake(
                "splits mixed",
                "It reads records of other splits too. The claim is about one split.",
                lambda records, claim, t975: _read(records, claim, t975, split=False),
            ),
            Mistake(
                "sign of the claim ignored",
                "It judges every claim as if it said that the first system is better. With sign -1 the claim says "
                "that it is worse.",
                _with_judge(lambda interval, _, margin: _judged(interval, 1.0, margin)),
            ),
            Mistake(
                "interval ignored",
                "It judges by the mean difference alone. A mean is hardly ever exactly zero; the interval says "
                "whether it can be told from zero.",
                _with_judge(_by_sign_of_mean),
            ),
            Mistake(
                "no evidence taken for evidence against",
                "It calls a claim contradicted when the interval reaches to both sides. Then nothing is decided.",
                _with_judge(_zero_is_contradiction),
            ),
            Mistake(
                "margin ignored",
                "It judges against zero whatever margin the claim allows.",
                _with_judge(lambda interval, sign, _: _judged(interval, sign, 0.0)),
            ),
            Mistake(
                "ends not exchanged",
                "With sign -1 it turns both ends and leaves them in their places, so that the lower end is the larger "
                "one.",
                _with_judge(_ends_kept),
            ),
            Mistake(
                "contradicted without the margin",
                "It calls a claim contradicted when the whole interval is below zero. The claim allows a loss of the "
                "margin: the interval has to lie below that.",
                _with_judge(_refused_at_zero),
            ),
            Mistake(
                "margin turned by the sign",
                "It turns the margin as well as the interval. Once the interval is turned, the margin is a loss for "
                "either sign.",
                _with_judge(lambda interval, sign, margin: _judged(interval, sign, sign * margin)),
            ),
            Mistake(
                "accuracy of 0 taken for none",
                "It leaves out seeds at which an accuracy is 0. The number 0 counts as False, and it is a result like "
                "another: ask whether a seed is there.",
                lambda records, claim, t975: _read(records, claim, t975, pair=_without_zeros),
            ),
            Mistake(
                "margin on the wrong side",
                "It demands a gain of the margin. The margin is a loss that the claim still allows.",
                _with_judge(lambda interval, sign, margin: _judged(interval, sign, -margin)),
            ),
        ),
    ),
    Question(
        key="A4.5",
        title="A confusion matrix in shares",
        name="confusion_shares",
        answer=_confusion,
        probes=_tests_of_classes,
        returns="k k",
        hints=(
            "Take one clip of class 2 that was named class 0. In which row and which column does it count?",
            "Count first, k rows by k columns; then divide each row by the number of clips of that class. A class "
            "without clips has nothing to divide by.",
            "k is logits.shape[1]. For each pair (i, j) the count is ((labels == i) & (named == j)).sum(); divide by "
            "(labels == i).sum(), at least 1.",
        ),
        difficulty="easy",
        minutes=15,
        points=3,
        mistakes=(
            Mistake(
                "rows and columns exchanged",
                "Its rows are predicted classes and its columns true ones. Rows should be true classes.",
                lambda logits, labels: _confusion(logits, labels).T,
            ),
            Mistake(
                "shares of the predicted class",
                "Its columns add up to one: each entry is a share of the clips that were named so. The question asks "
                "for shares of the clips that are so.",
                _shares_of_columns,
            ),
            Mistake(
                "counts instead of shares",
                "Its entries are numbers of clips, and shares of the row's class are asked for.",
                _confusion_counts,
            ),
            Mistake(
                "integer division",
                "Its shares are whole numbers: the division cuts off what is behind the point. Divide floats.",
                lambda logits, labels: _confusion(logits, labels).floor().long(),
            ),
            Mistake(
                "shares of all clips",
                "All its entries together add up to one; each row should.",
                lambda logits, labels: _confusion_counts(logits, labels) / len(labels),
            ),
            *(
                Mistake(
                    "pairs counted once",
                    "It counts each pair of classes once, however many clips have it: += at places given by two lists "
                    "of indices adds once where a place is given twice.",
                    wrong,
                )
                for wrong in (
                    lambda logits, labels: (
                        _marked(logits, labels) / _marked(logits, labels).sum(1, keepdim=True).clamp_min(1)
                    ),
                    lambda logits, labels: (
                        _marked(logits, labels) / labels.bincount(minlength=logits.shape[1]).clamp_min(1)[:, None]
                    ),
                )
            ),
            Mistake(
                "row sums along the columns",
                "It divides column j by the number of clips of class j. The sums of the rows have lost their second "
                "axis, and one axis is matched with the last.",
                lambda logits, labels: (
                    _confusion_counts(logits, labels) / labels.bincount(minlength=logits.shape[1]).clamp_min(1)
                ),
            ),
            *(
                Mistake(
                    "classes counted from the labels",
                    "It has as many classes as the labels show. A class without clips has a row and a column too; the "
                    "logits say how many there are.",
                    wrong,
                )
                for wrong in (_of_labels, _indexed_by_labels)
            ),
            Mistake(
                "probabilities instead of decisions",
                "It averages class probabilities. A clip counts for the one class with the largest logit.",
                _soft_confusion,
            ),
        ),
    ),
    Question(
        key="A4.6",
        title="The planted-bug lab",
        name="diagnose",
        answer=_diagnose,
        probes=_runs,
        hints=(
            "For each bug, ask which curve it cannot help changing, and which it leaves as it was.",
            "Look at what is impossible in a healthy run: a gradient of exactly zero, a clip that is named "
            "differently when it is alone, a correlation of u with v, two street tests that differ. Test those first, "
            "with the mean of the last three epochs. Leave what only looks bad, such as low accuracy, for the end.",
            "An order that works: gradient_frame is 0 in every epoch; flow_error_px in any epoch many times "
            "zero_flow_error_px; same_alone below 0.8; flow_uu and flow_vv both below -0.3; flow_uv and flow_vu both "
            "above 0.3; accuracy_street at least 0.3 above accuracy_street_new; cka above 0.9; accuracy_validation "
            "below 0.5, where chance is 0.25; else healthy.",
        ),
        difficulty="hard",
        minutes=30,
        points=6,
        mistakes=(
            Mistake(
                "penalty taken for shuffled labels",
                "It says that labels were shuffled whenever few validation clips are named right. A penalty that is "
                "too heavy does that as well; what else does it change?",
                _mistaken({"penalty too heavy": "labels shuffled"}),
            ),
            Mistake(
                "everything that fails is shuffled labels",
                "It says that labels were shuffled whenever few validation clips are named right. Two other bugs do "
                "that as well, and each has a curve of its own.",
                _mistaken({"penalty too heavy": "labels shuffled", "learning rate too high": "labels shuffled"}),
            ),
            Mistake(
                "learning rate taken for shuffled labels",
                "It says that labels were shuffled where the learning rate was too high. Look at the first epochs.",
                _mistaken({"learning rate too high": "labels shuffled"}),
            ),
            Mistake(
                "learning rate taken for the penalty",
                "It takes a learning rate that is too high for a heavy penalty: both leave a network that says "
                "little. Look at the first epochs.",
                _mistaken({"learning rate too high": "penalty too heavy"}),
            ),
            Mistake(
                "swap taken for a flipped sign",
                "It takes swapped channels for a flipped sign. Which correlation is negative, and which is only small?",
                _mistaken({"flow channels swapped": "flow sign flipped"}),
            ),
            Mistake(
                "flipped sign taken for a swap",
                "It takes a flipped sign for swapped channels. Where u and v are swapped, u goes with v.",
                _mistaken({"flow sign flipped": "flow channels swapped"}),
            ),
            Mistake(
                "label leakage overlooked",
                "It calls a run healthy that has learned its test clips. Compare the test with new clips from the "
                "same street.",
                _mistaken({"test clips in training": HEALTHY}),
            ),
            Mistake(
                "street above chance taken for a leak",
                "It takes a run that is a little better than chance on street for one that has learned its test clips. "
                "Compare the test with new clips from the same street.",
                _above_chance,
            ),
            *(
                Mistake(
                    "flow error taken for a flipped sign",
                    "It takes an error above that of zero flow for a flipped sign. In so short a training a healthy "
                    "run has one too; the correlations say what the error does not.",
                    _by_flow_error(*taken),
                )
                for taken in ((HEALTHY,), (HEALTHY, "labels shuffled"))
            ),
            Mistake(
                "flipped sign overlooked",
                "It calls a run healthy whose target flow pointed backwards. Size alone does not show it: a "
                "correlation has a sign.",
                _mistaken({"flow sign flipped": HEALTHY}),
            ),
            Mistake(
                "swap overlooked",
                "It calls a run healthy whose target flow had its channels exchanged. With which component does the "
                "predicted u go?",
                _mistaken({"flow channels swapped": HEALTHY}),
            ),
            Mistake(
                "training mode overlooked",
                "It calls a run healthy in which a clip's class depends on the clips around it. Which curve would "
                "show that?",
                _mistaken({"training mode at test": HEALTHY}),
            ),
            Mistake(
                "detached decoder overlooked",
                "It calls a run healthy whose frame decoder teaches the encoder nothing. Losses and accuracy look as "
                "always; what arrives at the encoder does not.",
                _mistaken({"frame decoder detached": HEALTHY}),
            ),
            Mistake(
                "flow bugs overlooked",
                "It calls runs healthy whose flow is wrong in sign or channels. Their losses fall as they should, "
                "because the target was wrong in the same way.",
                _mistaken({"flow channels swapped": HEALTHY, "flow sign flipped": HEALTHY}),
            ),
            Mistake(
                "everything healthy",
                "It calls every run healthy.",
                lambda _: HEALTHY,
            ),
        ),
    ),
)
