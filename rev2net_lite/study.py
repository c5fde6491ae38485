"""The cross-dataset study: the paper's findings as hypotheses, and what the run records say of them.

One run of notebook 09 measures every system for one seed; seeds vary training data and initialisation, the test clips
stay. A finding pairs two systems seed by seed. Only records are read, so anyone can analyse again without computing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from rev2net_lite.bundled import asset
from rev2net_lite.evaluation import Evaluation, mean_interval, paired_interval
from rev2net_lite.files import with_section, write_text_atomically
from rev2net_lite.models import SYSTEMS
from rev2net_lite.profiles import Profile
from rev2net_lite.runs import Record, RecordError, Run, read_record
from rev2net_lite.untrusted import read_json

__all__ = [
    "DIAL_PANS",
    "HYPOTHESES",
    "NOTEBOOK",
    "PRICES",
    "README_MARKS",
    "STUDY_SYSTEMS",
    "Finding",
    "Hypothesis",
    "Price",
    "card_rows",
    "chosen_systems",
    "collate_study",
    "dial_rows",
    "difference_rows",
    "findings",
    "pairable",
    "prices",
    "readme_section",
    "record_evaluation",
    "results_table",
    "seed_of_tests",
    "study_folder",
    "study_records",
    "systems_of",
    "write_readme",
]

NOTEBOOK = "09_cross_dataset"
"""The notebook whose records make up the study."""

STUDY_SYSTEMS = (*SYSTEMS, "flow_exact")
"""Every system, and the oracle: the flow stream with the renderer's own flow instead of TV-L1."""

DIAL_PANS = (0.0, 0.06, 0.12, 0.18)
"""Camera pan of the street, sd over a clip in frame widths; 0.12 is the street itself."""

# What a laptop has time for within three minutes.
_LAPTOP_SYSTEMS = ("rgb", "flow", "rev2net")

# Quantiles of the normal distribution: a 95 % interval, and a power of 80 %.
_INTERVAL_Z, _POWER_Z = 1.96, 0.84

Verdict = Literal["reproduced", "contradicted", "undecided", "not tested"]


def systems_of(profile: Profile) -> tuple[str, ...]:
    """Systems that notebook 09 trains at a profile when the reader names none.

    >>> from rev2net_lite.profiles import get_profile
    >>> len(systems_of(get_profile("study"))), len(systems_of(get_profile("laptop")))
    (8, 3)
    """
    return _LAPTOP_SYSTEMS if profile.name == "laptop" else STUDY_SYSTEMS


def chosen_systems(names: str, *, profile: Profile) -> tuple[str, ...]:
    """Systems that a reader named with commas between, or those of the profile for an empty text.

    Raises:
        ValueError: a name is unknown or stands twice.
    """
    chosen = tuple(name.strip() for name in names.split(",") if name.strip())
    for name in chosen:
        if name not in STUDY_SYSTEMS or chosen.count(name) > 1:
            raise ValueError(
                f"systems names {name!r} {'twice' if name in STUDY_SYSTEMS else 'and there is none'}; expected some of "
                f"{', '.join(STUDY_SYSTEMS)}, each once"
            )
    return chosen or systems_of(profile)


@dataclass(frozen=True)
class Hypothesis:
    """A finding of the paper, as a difference between two numbers of one run.

    Args:
        id: letter of the finding, and a number where it has parts.
        statement: the finding in words.
        first: name of the metric of the system that it speaks of.
        second: name of the metric that it is compared with.
        sign: +1 when the finding says that `first` is larger, -1 when smaller.
        margin: what still counts as no loss, in the metric's unit.
        flips: what would turn the verdict.
    """

    id: str
    statement: str
    first: str
    second: str
    sign: Literal[1, -1]
    flips: str
    margin: float = 0.0


@dataclass(frozen=True)
class Finding:
    """What the records say of a hypothesis; numbers are None where fewer than two seeds measured both metrics.

    Args:
        id, statement: of the hypothesis.
        verdict: reproduced or contradicted when the interval lies on one side of zero (or of the margin).
        difference: mean of `first - second` over seeds; `low` and `high` end its 95 % interval.
        n: seeds.
        unit: of the difference.
        seeds_to_decide: seeds that would decide with a power of 80 % if mean and spread stayed; None if decided.
    """

    id: str
    statement: str
    verdict: Verdict
    difference: float | None
    low: float | None
    high: float | None
    n: int
    unit: str
    seeds_to_decide: int | None


@dataclass(frozen=True)
class Price:
    """A paired difference that no finding of the paper speaks of: what the agreement of finding C costs."""

    label: str
    first: str
    second: str


def _accuracy(id: str, statement: str, pair: tuple[str, str], split: str, **more: object) -> Hypothesis:
    first, second = (f"accuracy/{system}/{split}" for system in pair)
    return replace(Hypothesis(id, statement, first, second, 1, ""), **more)  # type: ignore[arg-type]


HYPOTHESES: tuple[Hypothesis, ...] = (
    _accuracy(
        "A1",
        "Flow as input (TV-L1) harms accuracy on another source, against RGB",
        ("flow", "rgb"),
        "street",
        sign=-1,
        flips="A source or target in which estimated flow carries the camera's motion more than the object's.",
    ),
    _accuracy(
        "A2",
        "Flow as input (exact, an oracle) harms accuracy on another source, against RGB",
        ("flow_exact", "rgb"),
        "street",
        sign=-1,
        flips="A camera that stands still in both domains, or one that moves in both.",
    ),
    _accuracy(
        "B0",
        "Rev2Net loses no more than one point at home, against RGB",
        ("rev2net", "rgb"),
        "studio",
        margin=0.01,
        flips="Auxiliary tasks so heavy that they crowd out the label: notebook 06 turns their weights.",
    ),
    _accuracy(
        "B1",
        "Rev2Net beats RGB on another source",
        ("rev2net", "rgb"),
        "street",
        flips="Other strengths of the shifts, another flow target, or labels without bias.",
    ),
    _accuracy(
        "B1u",
        "Rev2Net beats RGB at home once the ties are cut",
        ("rev2net", "rgb"),
        "untied",
        flips="A source without label bias: there is nothing left to repair.",
    ),
    _accuracy(
        "B2",
        "Rev2Net beats a two-stream network on another source",
        ("rev2net", "two_stream"),
        "street",
        flips="Flow that is hard to estimate, or a camera that moves only in the target.",
    ),
    _accuracy(
        "B3f",
        "Rev2Net beats the flow decoder alone on another source",
        ("rev2net", "flow_decoder"),
        "street",
        flips="A frame task that asks for more than copying: next frames, masked input.",
    ),
    _accuracy(
        "B3r",
        "Rev2Net beats the frame decoder alone on another source",
        ("rev2net", "frame_decoder"),
        "street",
        flips="A world whose classes are told apart by looks.",
    ),
    Hypothesis(
        "C",
        "The penalty makes the decoders' features agree on another source (linear CKA, mean over stages)",
        "cka/rev2net/street",
        "cka/multitask/street",
        1,
        "A weight so small that the penalty is noise: notebook 07 turns it.",
    ),
    _accuracy(
        "D",
        "The penalty adds accuracy on another source, against multi-task training without it",
        ("rev2net", "multitask"),
        "street",
        flips="A frame weight at which the frame decoder harms, so that there is something to repair.",
    ),
    Hypothesis(
        "E",
        "Rev2Net is more robust to shuffled frames than RGB, where looks do not give the class away",
        "shuffled/rev2net/untied",
        "shuffled/rgb/untied",
        1,
        "Classes that need no order of frames: position and size in single frames give some of these away.",
    ),
)
"""Finding F (the fewer labels, the more the auxiliary tasks help) needs runs with fewer labels, which are not made."""

UNTESTED = Finding(
    "F", "The fewer labels, the more the auxiliary tasks help", "not tested", None, None, None, 0, "fraction", None
)

PRICES: tuple[Price, ...] = (
    Price(
        "flow error on street, Rev2Net - multi-task (px)",
        "flow_error/rev2net/street",
        "flow_error/multitask/street",
    ),
    Price("PSNR on street, Rev2Net - multi-task (dB)", "psnr/rev2net/street", "psnr/multitask/street"),
)


def record_evaluation(run: Run, system: str, split: str, result: Evaluation) -> None:
    """Nothing; the run gets the metrics of a system on a split under the names that `HYPOTHESES` and the table read."""
    a, n = result.accuracy, result.accuracy.n
    run.record(f"accuracy/{system}/{split}", a.value, unit="fraction", n=n, low=a.low, high=a.high)
    for name, value, unit in (
        ("flow_error", result.flow_error_px, "px"),
        ("zero_flow_error", result.zero_flow_error_px, "px"),
        ("object_error", result.object_error_px, "px"),
        ("zero_object_error", result.zero_object_error_px, "px"),
        ("psnr", result.psnr_db, "dB"),
    ):
        if value is not None:
            run.record(f"{name}/{system}/{split}", value, unit=unit, n=n)
    known = [cka for cka in result.decoder_cka if cka is not None]
    if known:
        run.record(f"cka/{system}/{split}", sum(known) / len(known), unit="CKA", n=n)


def study_records(folders: Iterable[Path]) -> list[Record]:
    """Records of notebook 09 below the folders, one per profile, seeds and list of systems, in the order of seeds.

    Where two records are of one seed, that of the first folder counts.

    Raises:
        RecordError: a record is not valid.
    """
    found: dict[tuple[str, int, int, str], Record] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*.json")) if folder.is_dir() else []:
            if path.name != "results.json" and not re.fullmatch(r"\w+-seed_\d+\.json", path.name):
                continue
            if _is_summary(path):
                continue
            record = read_record(path)
            if record.notebook == NOTEBOOK:
                systems = str(record.parameters.get("systems", ""))
                found.setdefault((record.profile, seed_of_tests(record), record.seed, systems), record)
    return [found[key] for key in sorted(found)]


def seed_of_tests(record: Record) -> int:
    """The seed of a run's test clips; records from before it could be chosen do not name it, and are of 0.

    Raises:
        RecordError: the record names something else than a whole number.
    """
    found = record.parameters.get("test_seed", 0)
    if isinstance(found, bool) or not isinstance(found, int):
        raise RecordError(f"test_seed of the record of seed {record.seed} is {found!r}; expected a whole number")
    return found


def pairable(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Records in groups that can be paired, by profile and test clips; of one seed, the record that measured most."""
    groups: dict[tuple[str, int], dict[int, Record]] = {}
    for record in records:
        group = groups.setdefault((record.profile, seed_of_tests(record)), {})
        known = group.get(record.seed)
        if known is None or len(record.metrics) > len(known.metrics):
            group[record.seed] = record
    return {
        profile + (f", test seed {tests}" if tests else ""): [group[seed] for seed in sorted(group)]
        for (profile, tests), group in sorted(groups.items())
    }


def findings(records: Sequence[Record]) -> list[Finding]:
    """A verdict on every hypothesis, paired by seed over the records that hold both metrics.

    Raises:
        ValueError: records of different profiles, or two of one seed.
    """
    _check_alike(records)
    return [_judge(hypothesis, records) for hypothesis in HYPOTHESES] + [UNTESTED]


def card_rows(judged: Sequence[Finding]) -> list[dict[str, object]]:
    """Findings with what would flip each, as `plots.finding_cards` takes them."""
    flips = {hypothesis.id: hypothesis.flips for hypothesis in HYPOTHESES}
    return [asdict(finding) | {"flips": flips.get(finding.id, "")} for finding in judged]


def difference_rows(judged: Sequence[Finding]) -> list[dict[str, object]]:
    """Differences of accuracy among the findings, as `plots.paired_differences` takes them."""
    labels = {}
    for hypothesis in HYPOTHESES:
        (kind, first, split), (_, second, _) = hypothesis.first.split("/"), hypothesis.second.split("/")
        where = split if kind == "accuracy" else f"{split}, {kind}"
        labels[hypothesis.id] = f"{hypothesis.id}: {first} - {second} ({where})"
    return [
        {"label": labels[f.id], "difference": f.difference, "low": f.low, "high": f.high, "n": f.n}
        for f in judged
        if f.difference is not None and f.unit == "fraction"
    ]


def dial_rows(records: Sequence[Record]) -> list[dict[str, object]]:
    """Mean accuracy over seeds of each system at each pan, as `plots.dial_curves` takes them."""
    street = [row | {"strength": 0.12} for row in results_table(records) if row["split"] == "street"]
    turned = [row | {"strength": float(str(row["split"]))} for row in results_table(records, kind="dial")]
    on_dial = {row["model"] for row in turned}
    return turned + [row for row in street if row["model"] in on_dial]


def prices(records: Sequence[Record]) -> list[dict[str, object]]:
    """The paired differences of `PRICES`: label, difference, low, high, n, as `plots.paired_differences` takes them."""
    _check_alike(records)
    rows: list[dict[str, object]] = []
    for price in PRICES:
        first, second = _pairs(records, price.first, price.second)
        if len(first) > 1:
            interval = paired_interval(first, second)
            rows.append(
                {
                    "label": price.label,
                    "difference": interval.value,
                    "low": interval.low,
                    "high": interval.high,
                    "n": interval.n,
                }
            )
    return rows


def results_table(records: Sequence[Record], *, kind: str = "accuracy") -> list[dict[str, object]]:
    """One row per system and test set: mean over seeds with its 95 % interval.

    Args:
        records: of one profile.
        kind: first part of the metrics' names: `accuracy`, `shuffled`, `reversed`, `frozen`, `adapted` (BatchNorm
            re-estimated on the target), `cka`, `flow_error`, ...
    """
    _check_alike(records)
    values: dict[tuple[str, str], list[float]] = {}
    for record in records:
        for metric in record.metrics:
            parts = metric.name.split("/")
            if len(parts) == 3 and parts[0] == kind:
                values.setdefault((parts[1], parts[2]), []).append(metric.value)
    rows: list[dict[str, object]] = []
    for (system, split), seen in sorted(values.items(), key=lambda item: (_order(item[0][0]), item[0][1])):
        interval = mean_interval(seen)
        rows.append(
            {
                "model": system,
                "split": split,
                "mean": interval.value,
                "low": interval.low,
                "high": interval.high,
                "n": interval.n,
            }
        )
    return rows


def collate_study(records: Sequence[Record]) -> dict[str, object]:
    """Findings, table and runs of the records, as `build/reproduce/results.json` holds them."""
    return {
        "findings": [asdict(finding) for finding in findings(records)],
        "prices": prices(records),
        "table": results_table(records),
        "runs": [
            {key: getattr(record, key) for key in ("profile", "seed", "device", "revision", "started", "seconds")}
            for record in records
        ],
    }


def readme_section(records: Sequence[Record]) -> str:
    """The README's results in Markdown: findings, accuracies, and where they come from."""
    if not records:
        return "No study records yet; `make reproduce` makes them.\n"
    seeds = [record.seed for record in records]
    lines = [
        f"Profile `{records[0].profile}`, seeds {min(seeds)} to {max(seeds)} ({len(seeds)}), differences in points of "
        "accuracy unless said otherwise, 95 % intervals over seeds:",
        "",
        "| | finding of the paper | here | difference | 95 % interval |",
        "|---|---|---|---|---|",
    ]
    for finding in findings(records):
        verdict: str = finding.verdict
        if finding.seeds_to_decide is not None:
            verdict += f" (about {finding.seeds_to_decide} seeds would decide)"
        lines.append(f"| {finding.id} | {finding.statement} | {verdict} | {_number(finding)} | {_ends(finding)} |")
    lines += ["", "| accuracy, % | studio | untied | street |", "|---|---|---|---|"]
    table = {(row["model"], row["split"]): row for row in results_table(records)}
    for system in STUDY_SYSTEMS:
        cells = [_cell(table.get((system, split))) for split in ("studio", "untied", "street")]
        if any(cell != "-" for cell in cells):
            lines.append(f"| {system} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


README_MARKS = ("<!-- results: made by `rev2net reproduce --publish` -->", "<!-- end of results -->")


def write_readme(path: Path, records: Sequence[Record]) -> None:
    """Nothing; the part of the README between `README_MARKS` is that of the records.

    Raises:
        ValueError: the marks are not there.
    """
    write_text_atomically(path, with_section(path, readme_section(records), marks=README_MARKS))


def _cell(row: dict[str, object] | None) -> str:
    if row is None:
        return "-"
    mean, low = row["mean"], row["low"]
    assert isinstance(mean, float)
    return f"{100 * mean:.1f}" + (f" ± {100 * (mean - low):.1f}" if isinstance(low, float) else "")


def _number(finding: Finding) -> str:
    if finding.difference is None:
        return "-"
    return f"{finding.difference:+.2f}" if finding.unit != "fraction" else f"{100 * finding.difference:+.1f}"


def _ends(finding: Finding) -> str:
    if finding.low is None or finding.high is None:
        return "-"
    if finding.unit != "fraction":
        return f"{finding.low:+.2f} to {finding.high:+.2f}"
    return f"{100 * finding.low:+.1f} to {100 * finding.high:+.1f}"


def _judge(hypothesis: Hypothesis, records: Sequence[Record]) -> Finding:
    first, second = _pairs(records, hypothesis.first, hypothesis.second)
    unit = "CKA" if hypothesis.first.startswith("cka/") else "fraction"
    if len(first) < 2:
        return Finding(hypothesis.id, hypothesis.statement, "not tested", None, None, None, len(first), unit, None)
    interval = paired_interval(first, second)
    low, high = interval.low, interval.high
    assert low is not None and high is not None
    # Seen in the stated direction, shifted by what counts as no loss.
    worst, best = sorted((hypothesis.sign * low, hypothesis.sign * high))
    verdict: Verdict = "undecided"
    if worst > -hypothesis.margin:
        verdict = "reproduced"
    elif best < -hypothesis.margin:
        verdict = "contradicted"
    return Finding(
        hypothesis.id,
        hypothesis.statement,
        verdict,
        interval.value,
        low,
        high,
        interval.n,
        unit,
        _seeds_to_decide(first, second, hypothesis) if verdict == "undecided" else None,
    )


def _seeds_to_decide(first: Sequence[float], second: Sequence[float], hypothesis: Hypothesis) -> int | None:
    """Seeds at which the interval would exclude the margin four times in five; None if no number would."""
    differences = [a - b for a, b in zip(first, second, strict=True)]
    mean = sum(differences) / len(differences)
    distance = abs(hypothesis.sign * mean + hypothesis.margin)
    variance = sum((d - mean) ** 2 for d in differences) / (len(differences) - 1)
    if distance == 0:
        return None
    return max(len(differences) + 1, math.ceil((_INTERVAL_Z + _POWER_Z) ** 2 * variance / distance**2))


def _pairs(records: Sequence[Record], first: str, second: str) -> tuple[list[float], list[float]]:
    both = []
    for record in records:
        values = {metric.name: metric.value for metric in record.metrics}
        if first in values and second in values:
            both.append((values[first], values[second]))
    return [a for a, _ in both], [b for _, b in both]


def _check_alike(records: Sequence[Record]) -> None:
    profiles = sorted({record.profile for record in records})
    if len(profiles) > 1:
        raise ValueError(f"records of the profiles {', '.join(profiles)} cannot be paired; choose one profile")
    tests = sorted({seed_of_tests(record) for record in records})
    if len(tests) > 1:
        raise ValueError(
            f"records of the test seeds {', '.join(map(str, tests))} cannot be paired: their test clips differ; choose "
            "one test seed"
        )
    seeds = [record.seed for record in records]
    if twice := sorted({seed for seed in seeds if seeds.count(seed) > 1}):
        raise ValueError(f"seed {twice[0]} has more than one record; one run per seed is paired")


def _is_summary(path: Path) -> bool:
    """Whether the file is a study's summary, which has the same name as a record."""
    try:
        return "findings" in read_json(path)
    except (OSError, ValueError):
        return False  # whoever reads it as a record says what is wrong


def _order(system: str) -> int:
    return STUDY_SYSTEMS.index(system) if system in STUDY_SYSTEMS else len(STUDY_SYSTEMS)


def study_folder() -> Path | None:
    """Folder of the records that the kit carries, or None while there are none."""
    try:
        return asset("study")
    except ValueError:
        return None
