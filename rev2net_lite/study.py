"""The cross-dataset study: the paper's findings as hypotheses, and what the run records say of them.

One run of notebook 09 measures every system for one seed; seeds vary training data and initialisation, the test clips
stay. A finding pairs two systems seed by seed. Only records are read, so anyone can analyse again without computing.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from rev2net_lite.bundled import asset
from rev2net_lite.entries import read_entry
from rev2net_lite.evaluation import Evaluation, mean_interval, paired_interval
from rev2net_lite.files import with_section, write_text_atomically
from rev2net_lite.models import SYSTEMS
from rev2net_lite.profiles import Profile
from rev2net_lite.runs import Record, RecordError, Run, read_record
from rev2net_lite.synthetic import street
from rev2net_lite.untrusted import read_json

__all__ = [
    "CONTROLS",
    "DIAL_PANS",
    "HYPOTHESES",
    "NOTEBOOK",
    "PRICES",
    "README_MARKS",
    "STREET_PAN",
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
    "headline",
    "kind_of_world",
    "label_rows",
    "pairable",
    "prices",
    "readme_section",
    "record_evaluation",
    "results_table",
    "seed_of_tests",
    "study_folder",
    "study_records",
    "study_systems",
    "systems_of",
    "write_readme",
]

NOTEBOOK = "09_cross_dataset"
"""The notebook whose records make up the study."""

_SHARES = (5, 10, 25)
_PANNED = ("rgb", "flow", "flow_exact", "flow_decoder", "multitask", "rev2net")
_FEW_LABELS = ("rgb", "flow_decoder", "multitask", "rev2net")

STUDY_SYSTEMS = (
    *SYSTEMS,
    "flow_exact",
    "two_stream_exact",
    "flow_decoder_exact",
    "rgb_long",
    *(f"{system}+pan" for system in _PANNED),
    *(f"{system}@{share}" for share in _SHARES for system in _FEW_LABELS),
)
"""All entries of the full study, in the order of tables: every system, oracles with exact flow, RGB with as much
computing time as Rev2Net, clips with a random pan, and shares of the labels in percent; see `entries`."""

_QUICK = (*SYSTEMS, "flow_exact", "rgb@10", "rev2net@10")

STREET_PAN = street().pan
"""Camera pan of the street itself, sd over a clip in frame widths."""

DIAL_PANS = (0.0, 0.06, STREET_PAN, 0.18)
"""What the street's pan is turned to."""

# What a laptop has time for within three minutes.
_LAPTOP_SYSTEMS = ("rgb", "flow", "rev2net")

# Quantiles of the normal distribution: a 95 % interval, and a power of 80 %.
_INTERVAL_Z, _POWER_Z = 1.96, 0.84

Verdict = Literal["reproduced", "contradicted", "undecided", "not tested"]


def systems_of(profile: Profile) -> tuple[str, ...]:
    """Systems that notebook 09 trains at a profile when the reader names none.

    >>> from rev2net_lite.profiles import get_profile
    >>> systems_of(get_profile("laptop"))
    ('rgb', 'flow', 'rev2net')
    """
    return _LAPTOP_SYSTEMS if profile.name == "laptop" else (*SYSTEMS, "flow_exact")


def study_systems(profile: Profile) -> tuple[str, ...]:
    """Entries that a run of the study trains at a profile: all of them at `study`, those that decide the paper's
    findings elsewhere.

    >>> from rev2net_lite.profiles import get_profile
    >>> len(study_systems(get_profile("study"))), len(study_systems(get_profile("laptop")))
    (29, 10)
    """
    return STUDY_SYSTEMS if profile.name == "study" else _QUICK


def chosen_systems(names: str, *, profile: Profile) -> tuple[str, ...]:
    """Entries that a reader named with commas between, or those of the profile for an empty text.

    Raises:
        ValueError: a name is no entry or stands twice.
    """
    chosen = tuple(name.strip() for name in names.split(",") if name.strip())
    for name in chosen:
        read_entry(name)
        if chosen.count(name) > 1:
            raise ValueError(f"systems names {name!r} twice; expected each once")
    return chosen or systems_of(profile)


@dataclass(frozen=True)
class Hypothesis:
    """A finding of the paper, as a difference between two numbers of one run.

    Args:
        id: letter of the finding, and a number where it has parts.
        statement: the finding in words.
        first: name of the metric of the system that it speaks of, or two with a minus between: their difference.
        second: what it is compared with, in the same form.
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
    """A paired difference that no finding of the paper speaks of: what agreement costs, or a control of a sceptic."""

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
    Hypothesis(
        "Cc",
        "The penalty turns the decoders' features in the same directions on another source (cosine, mean over stages)",
        "cosine/rev2net/street",
        "cosine/multitask/street",
        1,
        "A form of the penalty that ignores directions.",
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
    *(
        Hypothesis(
            id,
            f"The auxiliary tasks help more with a tenth of the labels than with all of them, {where}",
            f"accuracy/rev2net@10/{split} - accuracy/rgb@10/{split}",
            f"accuracy/rev2net/{split} - accuracy/rgb/{split}",
            1,
            "Labels so few that none of them contradicts the source's bias: then there are fewer of those, too.",
        )
        for id, where, split in (("F", "at home", "studio"), ("Fs", "on another source", "street"))
    ),
)
"""The paper's findings A to E and its premise F, as what a run of notebook 09 can measure."""

CONTROLS: tuple[Price, ...] = (
    Price("Rev2Net - RGB of the same computing time", "accuracy/rev2net/street", "accuracy/rgb_long/street"),
    Price("RGB trained longer - RGB", "accuracy/rgb_long/street", "accuracy/rgb/street"),
    Price("exact - estimated flow as target", "accuracy/flow_decoder_exact/street", "accuracy/flow_decoder/street"),
    Price("exact - estimated flow as input", "accuracy/flow_exact/street", "accuracy/flow/street"),
    Price("panned clips: RGB - without", "accuracy/rgb+pan/street", "accuracy/rgb/street"),
    Price(
        "panned clips: exact flow as input - without", "accuracy/flow_exact+pan/street", "accuracy/flow_exact/street"
    ),
    Price("panned clips: exact flow as input - RGB", "accuracy/flow_exact+pan/street", "accuracy/rgb+pan/street"),
    Price("panned clips: Rev2Net - RGB", "accuracy/rev2net+pan/street", "accuracy/rgb+pan/street"),
    Price("BatchNorm of the target: Rev2Net - RGB", "adapted/rev2net/street", "adapted/rgb/street"),
)
"""Paired differences of accuracy in the street that a sceptic asks for."""

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
    for name, unit, levels in (("cka", "CKA", result.decoder_cka), ("cosine", "cosine", result.decoder_cosine)):
        known = [value for value in levels if value is not None]
        if known:
            run.record(f"{name}/{system}/{split}", sum(known) / len(known), unit=unit, n=n)


def study_records(folders: Iterable[Path]) -> list[Record]:
    """Records of notebook 09 below the folders, one per profile, seeds and list of systems, in the order of seeds.

    Where two records are of one seed, that of the first folder counts.

    Raises:
        RecordError: a record is not valid.
    """
    found: dict[tuple[str, int, str, int, str], Record] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*.json")) if folder.is_dir() else []:
            if path.name != "results.json" and not re.fullmatch(r"[\w-]+-seed_\d+\.json", path.name):
                continue
            if _is_summary(path):
                continue
            record = read_record(path)
            if record.notebook == NOTEBOOK:
                systems = str(record.parameters.get("systems", ""))
                key = (record.profile, seed_of_tests(record), kind_of_world(record), record.seed, systems)
                found.setdefault(key, record)
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
    """Records in groups that can be paired, by profile, test clips and kind of world; of one seed, the record that
    measured most."""
    groups: dict[tuple[str, int, str], dict[int, Record]] = {}
    for record in records:
        group = groups.setdefault((record.profile, seed_of_tests(record), kind_of_world(record)), {})
        known = group.get(record.seed)
        if known is None or len(record.metrics) > len(known.metrics):
            group[record.seed] = record
    return {_group_name(*key): [group[seed] for seed in sorted(group)] for key, group in sorted(groups.items())}


def _group_name(profile: str, tests: int, kind: str) -> str:
    return profile + (f", test seed {tests}" if tests else "") + ("" if kind == "sprites" else f", {kind}")


def headline(groups: Mapping[str, Sequence[Record]]) -> list[Record]:
    """Of the groups of `pairable`, the one that verdicts are read from: test clips that no choice has seen before
    those of test seed 0, sprites before figures, more seeds before fewer; one with two seeds or more if there is any.
    """

    def rank(name: str) -> tuple[bool, bool, bool, int]:
        first, n = groups[name][0], len(groups[name])
        return n > 1, seed_of_tests(first) > 0, kind_of_world(first) == "sprites", n

    return list(groups[max(groups, key=rank)]) if groups else []


def findings(records: Sequence[Record]) -> list[Finding]:
    """A verdict on every hypothesis, paired by seed over the records that hold both metrics.

    Raises:
        ValueError: records of different profiles, or two of one seed.
    """
    _check_alike(records)
    return [_judge(hypothesis, records) for hypothesis in HYPOTHESES]


def card_rows(judged: Sequence[Finding]) -> list[dict[str, object]]:
    """Findings with what would flip each, as `plots.finding_cards` takes them."""
    flips = {hypothesis.id: hypothesis.flips for hypothesis in HYPOTHESES}
    return [asdict(finding) | {"flips": flips.get(finding.id, "")} for finding in judged]


def difference_rows(judged: Sequence[Finding]) -> list[dict[str, object]]:
    """Differences of accuracy among the findings, as `plots.paired_differences` takes them."""
    labels = {}
    for hypothesis in HYPOTHESES:
        (kind, first, split), *rest = (name.split("/") for name in hypothesis.first.split(" - "))
        second = hypothesis.second.split("/")[1]
        where = split if kind == "accuracy" else f"{split}, {kind}"
        what = f"{first} - {second}" if not rest else f"{first} - {rest[0][1]}, less with all labels"
        labels[hypothesis.id] = f"{hypothesis.id}: {what} ({where})"
    return [
        {"label": labels[f.id], "difference": f.difference, "low": f.low, "high": f.high, "n": f.n}
        for f in judged
        if f.difference is not None and f.unit == "fraction"
    ]


def dial_rows(records: Sequence[Record]) -> list[dict[str, object]]:
    """Mean accuracy over seeds of each system at each pan, as `plots.dial_curves` takes them."""
    street = [row | {"strength": STREET_PAN} for row in results_table(records) if row["split"] == "street"]
    turned = [row | {"strength": float(str(row["split"]))} for row in results_table(records, kind="dial")]
    on_dial = {row["model"] for row in turned}
    return turned + [row for row in street if row["model"] in on_dial]


def label_rows(records: Sequence[Record], *, split: str) -> list[dict[str, object]]:
    """Mean accuracy over seeds against the percentage of labels used, for systems that were trained with fewer, as
    `plots.dial_curves` takes them."""
    rows = [row for row in results_table(records) if row["split"] == split]
    shared = {name.split("@")[0] for name in (str(row["model"]) for row in rows) if "@" in name}
    shown = []
    for row in rows:
        system, _, percent = str(row["model"]).partition("@")
        if system in shared:
            shown.append(row | {"model": system, "strength": float(percent or 100)})
    return shown


def prices(records: Sequence[Record], *, of: Sequence[Price] = PRICES) -> list[dict[str, object]]:
    """Paired differences over the records that hold both metrics: label, difference, low, high, n, as
    `plots.paired_differences` takes them; those that fewer than two seeds measured are left out."""
    _check_alike(records)
    rows: list[dict[str, object]] = []
    for price in of:
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
            re-estimated on the target), `shift` (single shifts), `dial`, `cka`, `cosine`, `flow_error`, ...
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
        "controls": prices(records, of=CONTROLS),
        "table": results_table(records),
        "runs": [
            {key: getattr(record, key) for key in ("profile", "seed", "device", "revision", "started", "seconds")}
            for record in records
        ],
    }


def readme_section(records: Sequence[Record]) -> str:
    """The README's results in Markdown: findings of every group of records beside each other, accuracies and controls
    of the one that verdicts are read from."""
    if not records:
        return "No study records yet; `make reproduce` makes them.\n"
    groups = pairable(records)
    main = headline(groups)
    ordered = sorted(groups.items(), key=lambda item: item[1] != main)
    judged = {name: {finding.id: finding for finding in findings(group)} for name, group in ordered}
    heads = [f"{name}: {len(group)} seed{'s' * (len(group) > 1)}" for name, group in ordered]
    lines = [
        "Each column is one set of runs: its profile, its test clips (without a test seed those that the kit was made "
        "with, else clips that were never looked at), its world (sprites unless said). Differences in points of "
        "accuracy unless said otherwise, with 95 % intervals over seeds.",
        "",
        f"| | finding of the paper | {' | '.join(heads)} |",
        "|---|---|" + "---|" * len(heads),
    ]
    for hypothesis in HYPOTHESES:
        cells = [_verdict(found[hypothesis.id]) for found in judged.values()]
        lines.append(f"| {hypothesis.id} | {hypothesis.statement} | {' | '.join(cells)} |")
    lines += ["", f"Accuracy in % ({heads[0]}), mean and 95 % interval over seeds:", ""]
    lines += ["| | studio | untied | street |", "|---|---|---|---|"]
    table = {(row["model"], row["split"]): row for row in results_table(main)}
    for system in dict.fromkeys(str(row["model"]) for row in results_table(main)):
        cells = [_cell(table.get((system, split))) for split in ("studio", "untied", "street")]
        lines.append(f"| {system} | {' | '.join(cells)} |")
    controls = prices(main, of=CONTROLS)
    if controls:
        lines += ["", "| controls, street | difference | 95 % interval |", "|---|---|---|"]
        for row in controls:
            value, low, high = (100 * float(str(row[key])) for key in ("difference", "low", "high"))
            lines.append(f"| {row['label']} | {value:+.1f} | {low:+.1f} to {high:+.1f} |")
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


def _verdict(finding: Finding) -> str:
    """Verdict, difference, interval, and how many seeds would decide what is open."""
    if finding.difference is None or finding.low is None or finding.high is None:
        return finding.verdict
    scale, digits = (100, 1) if finding.unit == "fraction" else (1, 2)
    value, low, high = (f"{scale * x:+.{digits}f}" for x in (finding.difference, finding.low, finding.high))
    more = f"; about {finding.seeds_to_decide} seeds would decide" if finding.seeds_to_decide is not None else ""
    return f"**{finding.verdict}** {value} ({low} to {high}{more})"


def _judge(hypothesis: Hypothesis, records: Sequence[Record]) -> Finding:
    first, second = _pairs(records, hypothesis.first, hypothesis.second)
    unit = {"cka": "CKA", "cosine": "cosine"}.get(hypothesis.first.split("/")[0], "fraction")
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
        pair = (_value(values, first), _value(values, second))
        if pair[0] is not None and pair[1] is not None:
            both.append((pair[0], pair[1]))
    return [a for a, _ in both], [b for _, b in both]


def _value(values: Mapping[str, float], name: str) -> float | None:
    """A metric, or the difference of two whose names have a minus between; None if one was not measured."""
    parts = [values.get(part) for part in name.split(" - ")]
    known = [part for part in parts if part is not None]
    return known[0] - sum(known[1:]) if len(known) == len(parts) else None


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
    kinds = sorted({kind_of_world(record) for record in records})
    if len(kinds) > 1:
        raise ValueError(f"records of the worlds {' and '.join(kinds)} cannot be paired; choose one kind")
    seeds = [record.seed for record in records]
    if twice := sorted({seed for seed in seeds if seeds.count(seed) > 1}):
        raise ValueError(f"seed {twice[0]} has more than one record; one run per seed is paired")


def _is_summary(path: Path) -> bool:
    """Whether the file is a study's summary, which has the same name as a record."""
    try:
        return "findings" in read_json(path)
    except (OSError, ValueError):
        return False  # whoever reads it as a record says what is wrong


def kind_of_world(record: Record) -> str:
    """The kind of a run's world, see `experiment.read_kind`; records from before there were others are of sprites."""
    found = record.parameters.get("kind", "sprites")
    if not isinstance(found, str) or not found:
        raise RecordError(f"kind of the record of seed {record.seed} is {found!r}; expected a text")
    return found


def _order(system: str) -> int:
    return STUDY_SYSTEMS.index(system) if system in STUDY_SYSTEMS else len(STUDY_SYSTEMS)


def study_folder() -> Path | None:
    """Folder of the records that the kit carries, or None while there are none."""
    try:
        return asset("study")
    except ValueError:
        return None
