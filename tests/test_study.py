"""The study's verdicts, its tables and its files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from study_samples import pairs, record, write_record

from rev2net_lite import study
from rev2net_lite.bundled import checkout_folder
from rev2net_lite.entries import read_entry
from rev2net_lite.evaluation import Evaluation, Interval, paired_interval
from rev2net_lite.models import SYSTEMS
from rev2net_lite.plots import paired_differences
from rev2net_lite.profiles import get_profile
from rev2net_lite.runs import Record, RecordError, open_run
from rev2net_lite.study import (
    CONTROLS,
    HYPOTHESES,
    PRICES,
    README_MARKS,
    STUDY_SYSTEMS,
    chosen_systems,
    collate_study,
    difference_rows,
    findings,
    headline,
    label_rows,
    pairable,
    prices,
    readme_section,
    record_evaluation,
    results_table,
    study_folder,
    study_records,
    study_systems,
    systems_of,
    write_readme,
)

SMOKE = get_profile("smoke")


def finding(records: list[Record], name: str) -> study.Finding:
    return next(each for each in findings(records) if each.id == name)


# Systems


def test_the_study_knows_every_system_and_the_oracle() -> None:
    assert len(set(STUDY_SYSTEMS)) == len(STUDY_SYSTEMS)
    assert {read_entry(name).system for name in STUDY_SYSTEMS} == set(SYSTEMS) < set(STUDY_SYSTEMS)
    for profile in map(get_profile, ("smoke", "laptop", "study")):
        assert set(systems_of(profile)) <= set(study_systems(profile)) <= set(STUDY_SYSTEMS)
    # Every difference that the study looks at is between entries that its full form trains.
    for pair in (*HYPOTHESES, *PRICES, *CONTROLS):
        for metric in f"{pair.first} - {pair.second}".split(" - "):
            assert metric.split("/")[1] in STUDY_SYSTEMS


def test_systems_are_those_named_or_the_profiles_own() -> None:
    assert chosen_systems(" rgb, flow_exact ", profile=SMOKE) == ("rgb", "flow_exact")
    assert chosen_systems("", profile=SMOKE) == systems_of(SMOKE)
    assert chosen_systems("rgb_long+pan@50", profile=SMOKE) == ("rgb_long+pan@50",)
    with pytest.raises(ValueError, match="there is no system 'rbg'; expected one of rgb, "):
        chosen_systems("rgb,rbg", profile=SMOKE)
    with pytest.raises(ValueError, match="systems names 'rgb' twice; expected each once"):
        chosen_systems("rgb,rgb", profile=SMOKE)


# Hypotheses


def test_hypotheses_are_apart_and_speak_of_what_a_run_records() -> None:
    names = [each.id for each in HYPOTHESES]
    assert len(set(names)) == len(names)
    assert {name[0] for name in names} == set("ABCDEF")
    for each in HYPOTHESES:
        metrics = [metric.split("/") for metric in f"{each.first} - {each.second}".split(" - ")]
        for kind, _, split in metrics:
            assert kind in ("accuracy", "cka", "cosine", "shuffled") and split in ("studio", "untied", "street")
        assert len({split for _, _, split in metrics}) == 1, "one split, two systems"
        assert each.flips.endswith(".") and each.statement


def test_only_the_loss_at_home_has_a_margin_and_only_flow_as_input_is_said_to_harm() -> None:
    assert {each.id: each.margin for each in HYPOTHESES if each.margin} == {"B0": 0.01}
    assert {each.id for each in HYPOTHESES if each.sign < 0} == {"A1", "A2"}


# Verdicts


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ([0.50, 0.52, 0.51], [0.40, 0.43, 0.40], "reproduced"),
        ([0.40, 0.43, 0.40], [0.50, 0.52, 0.51], "contradicted"),
        ([0.50, 0.40, 0.45], [0.40, 0.50, 0.44], "undecided"),
    ],
)
def test_a_verdict_needs_the_whole_interval_on_one_side(first: list[float], second: list[float], verdict: str) -> None:
    found = finding(pairs(first, second), "B1")
    interval = paired_interval(first, second)
    assert (found.difference, found.low, found.high, found.n) == (interval.value, interval.low, interval.high, 3)
    assert (found.verdict, found.unit) == (verdict, "fraction")
    assert (found.seeds_to_decide is None) == (verdict != "undecided")


def test_a_claim_of_harm_is_reproduced_by_a_negative_difference() -> None:
    low, high = [0.30, 0.31, 0.32], [0.50, 0.52, 0.51]
    for flow, rgb, verdict in ((low, high, "reproduced"), (high, low, "contradicted")):
        records = [
            record(seed, {"accuracy/flow/street": a, "accuracy/rgb/street": b})
            for seed, (a, b) in enumerate(zip(flow, rgb, strict=True))
        ]
        assert finding(records, "A1").verdict == verdict
        assert finding(records, "A2").verdict == "not tested"


@pytest.mark.parametrize(
    ("loss", "verdict"),
    [
        ([0.004, 0.005, 0.006], "reproduced"),  # a loss that is certain, and within the point
        ([0.000, 0.020, 0.010], "undecided"),
        ([0.018, 0.020, 0.022], "contradicted"),
    ],
)
def test_at_home_a_loss_within_a_point_is_no_loss(loss: list[float], verdict: str) -> None:
    records = pairs([0.9 - each for each in loss], [0.9] * 3, split="studio")
    assert finding(records, "B0").verdict == verdict


def test_pairs_are_of_one_seed_and_seeds_without_both_are_left_out() -> None:
    records = [*pairs([0.9, 0.1], [0.8, 0.0]), record(7, {"accuracy/rev2net/street": 0.5})]
    found = finding(records, "B1")
    assert found.n == 2 and found.difference == pytest.approx(0.1)
    # The same numbers in other pairs spread: pairing is what narrows the interval.
    crossed = finding(pairs([0.9, 0.1], [0.0, 0.8]), "B1")
    assert found.verdict == "reproduced" and crossed.verdict == "undecided"


def test_fewer_than_two_seeds_are_no_test() -> None:
    for records, n in ((pairs([0.9], [0.8]), 1), ([], 0)):
        found = finding(records, "B1")
        assert (found.verdict, found.difference, found.low, found.seeds_to_decide, found.n) == (
            "not tested",
            None,
            None,
            None,
            n,
        )
    assert {each.verdict for each in findings([])} == {"not tested"}


def test_few_labels_are_judged_by_a_difference_of_differences() -> None:
    def runs(few: tuple[float, float], many: tuple[float, float]) -> list[Record]:
        names = ("rev2net@10", "rgb@10", "rev2net", "rgb")
        return [
            record(
                seed, {f"accuracy/{name}/studio": v + 0.01 * seed for name, v in zip(names, few + many, strict=True)}
            )
            for seed in range(3)
        ]

    found = finding(runs((0.8, 0.5), (0.9, 0.85)), "F")
    assert (found.verdict, found.difference) == ("reproduced", pytest.approx(0.25))
    assert finding(runs((0.5, 0.5), (0.9, 0.85)), "F").verdict == "contradicted"
    [row] = difference_rows([found])
    assert row["label"] == "F: rev2net@10 - rgb@10, less with all labels (studio)"
    without = [record(seed, {"accuracy/rev2net@10/studio": 0.8, "accuracy/rev2net/studio": 0.9}) for seed in range(3)]
    assert finding(without, "F").verdict == "not tested"


def test_accuracy_by_share_of_labels_has_the_full_share_where_there_are_others() -> None:
    values = {"rgb@10": 0.2, "rgb": 0.4, "flow": 0.9, "rgb+pan": 0.5}
    rows = label_rows([record(1, {f"accuracy/{name}/untied": v for name, v in values.items()})], split="untied")
    assert sorted((row["model"], row["strength"], row["mean"]) for row in rows) == [("rgb", 10, 0.2), ("rgb", 100, 0.4)]
    assert label_rows([record(1, {"accuracy/rgb@10/untied": 0.2})], split="street") == []


def test_controls_are_paired_like_findings() -> None:
    records = [record(seed, {"accuracy/rev2net/street": 0.4, "accuracy/rgb_long/street": 0.5}) for seed in (1, 2)]
    [row] = prices(records, of=CONTROLS)
    assert (row["label"], row["difference"]) == (
        "Rev2Net - RGB of the same computing time",
        pytest.approx(-0.1),
    )


def test_the_seeds_that_would_decide_do_so_four_times_in_five() -> None:
    """The oracle: many studies of that many seeds, drawn with the observed mean and spread."""
    generator = torch.Generator().manual_seed(0)
    differences = [0.05, -0.03, 0.06, -0.02, 0.04]
    n = finding(pairs([0.5 + d for d in differences], [0.5] * 5), "B1").seeds_to_decide
    assert n is not None and n > 5
    observed = torch.tensor(differences, dtype=torch.float64)
    drawn = observed.mean() + observed.std() * torch.randn(4000, n, generator=generator, dtype=torch.float64)
    half = (paired_interval(range(n), [0.0] * n).value - (paired_interval(range(n), [0.0] * n).low or 0)) / (
        torch.arange(n, dtype=torch.float64).std()
    )
    decided = ((drawn.mean(1) - half * drawn.std(1)) > 0).double().mean()
    assert 0.74 < decided < 0.86


def test_a_difference_of_nothing_is_decided_by_no_number_of_seeds() -> None:
    assert finding(pairs([0.5, 0.25], [0.25, 0.5]), "B1").seeds_to_decide is None


def test_records_that_cannot_be_paired_are_refused() -> None:
    two = [record(1, {}), record(1, {})]
    with pytest.raises(ValueError, match="seed 1 has more than one record; one run per seed is paired"):
        findings(two)
    mixed = [record(1, {}), record(2, {}, profile="laptop")]
    with pytest.raises(ValueError, match="records of the profiles laptop, smoke cannot be paired; choose one profile"):
        results_table(mixed)
    with pytest.raises(ValueError, match="cannot be paired"):
        prices(mixed)
    first = record(1, {})
    other = replace(record(2, {}), parameters=first.parameters | {"test_seed": 2})
    with pytest.raises(ValueError, match="records of the test seeds 0, 2 cannot be paired: their test clips differ"):
        findings([first, other])


# Tables


def test_prices_stand_beside_agreement() -> None:
    values = [{PRICES[0].first: 0.5 + seed, PRICES[0].second: 0.25 + seed} for seed in range(3)]
    rows = prices([record(seed, each) for seed, each in enumerate(values)])
    assert [row["label"] for row in rows] == [PRICES[0].label]
    assert rows[0]["difference"] == pytest.approx(0.25) and rows[0]["n"] == 3


def test_the_table_has_a_row_per_system_and_split_in_the_studys_order() -> None:
    records = [
        record(
            seed,
            {
                "accuracy/rev2net/street": 0.4 + 0.1 * seed,
                "accuracy/rgb/street": 0.3,
                "accuracy/rgb/studio": 0.9,
                "frozen/rgb/untied": 0.2,
                "training_time/rgb": 3.0,
            },
        )
        for seed in range(2)
    ]
    table = results_table(records)
    assert [(row["model"], row["split"], row["n"]) for row in table] == [
        ("rgb", "street", 2),
        ("rgb", "studio", 2),
        ("rev2net", "street", 2),
    ]
    assert table[2]["mean"] == pytest.approx(0.45) and set(table[0]) == {"model", "split", "mean", "low", "high", "n"}
    assert [row["split"] for row in results_table(records, kind="frozen")] == ["untied"]


def test_the_collation_has_the_form_that_outsiders_read() -> None:
    content = json.loads(json.dumps(collate_study(pairs([0.5, 0.6], [0.4, 0.4])), allow_nan=False))
    wanted = {"id", "statement", "verdict", "difference", "low", "high", "n", "unit"}
    assert all(wanted <= set(each) for each in content["findings"])
    assert all(set(row) == {"model", "split", "mean", "low", "high", "n"} for row in content["table"])
    assert [run["seed"] for run in content["runs"]] == [100, 101]


# Records


def test_an_evaluation_becomes_metrics_that_hypotheses_name(tmp_path: Path) -> None:
    result = Evaluation(
        logits=torch.zeros(4, 2),
        labels=torch.zeros(4, dtype=torch.long),
        accuracy=Interval(0.5, 0.2, 0.8, 4),
        confusion=torch.zeros(2, 2),
        flow_error_px=0.3,
        zero_flow_error_px=0.6,
        psnr_db=25.0,
        decoder_cka=(0.4, None, 0.8),
    )
    run = open_run("09_cross_dataset", {"profile": "smoke", "seed": 1, "output": str(tmp_path), "systems": ""})
    record_evaluation(run, "rev2net", "street", result)
    run.finish()
    [made] = study_records([tmp_path])
    values = {metric.name: (metric.value, metric.unit) for metric in made.metrics}
    assert values["accuracy/rev2net/street"] == (0.5, "fraction")
    assert values["flow_error/rev2net/street"] == (0.3, "px")
    assert values["zero_flow_error/rev2net/street"] == (0.6, "px")
    assert values["psnr/rev2net/street"] == (25.0, "dB")
    assert values["cka/rev2net/street"] == (pytest.approx(0.6), "CKA")
    assert not any(name.startswith("object_error") for name in values)


def test_records_come_from_runs_and_from_what_the_kit_carries(tmp_path: Path) -> None:
    write_record(tmp_path / "own" / "seed_101" / "results.json", record(101, {"accuracy/rgb/street": 0.1}))
    write_record(tmp_path / "own" / "seed_100" / "results.json", record(100, {}))
    write_record(tmp_path / "own" / "08" / "results.json", replace(record(5, {}), notebook="08_train_end_to_end"))
    (tmp_path / "own" / "results.json").write_text(json.dumps(collate_study([])), encoding="utf-8")
    (tmp_path / "own" / "notes.json").write_text("not a record", encoding="utf-8")
    write_record(tmp_path / "kit" / "smoke-seed_101.json", record(101, {"accuracy/rgb/street": 0.9}))
    found = study_records([tmp_path / "own", tmp_path / "kit", tmp_path / "nowhere"])
    assert [each.seed for each in found] == [100, 101]
    assert found[1].metrics[0].value == 0.1, "the first folder counts"


def test_records_that_can_be_paired_stand_together() -> None:
    few, more = record(100, {"accuracy/rgb/street": 0.1}), record(100, {"accuracy/rgb/street": 0.2, "a/b/c": 1.0})
    other = replace(record(100, {}), parameters={"test_seed": 2})
    large, figures = record(3, {}, profile="laptop"), replace(record(3, {}), parameters={"kind": "figures"})
    groups = pairable([record(101, {}), few, more, few, other, large, figures])
    assert list(groups) == ["laptop", "smoke, figures", "smoke", "smoke, test seed 2"]
    assert groups["smoke"][0] is more and [each.seed for each in groups["smoke"]] == [100, 101]
    for group in groups.values():
        findings(group)
    with pytest.raises(ValueError, match="records of the worlds figures and sprites cannot be paired; choose one kind"):
        findings([record(101, {}), figures])
    with pytest.raises(RecordError, match="kind of the record of seed 3 is 5; expected a text"):
        pairable([replace(figures, parameters={"kind": 5})])


def test_verdicts_are_read_from_clips_that_no_choice_has_seen() -> None:
    def runs(count: int, **parameters: object) -> list[Record]:
        return [replace(record(seed, {}), parameters=parameters) for seed in range(count)]

    seen, fresh, drawn, one = runs(9), runs(2, test_seed=1), runs(5, test_seed=1, kind="figures"), runs(1, test_seed=2)
    assert headline(pairable(seen + fresh + drawn + one)) == fresh
    assert headline(pairable(seen + drawn)) == drawn
    assert headline(pairable(seen + one)) == seen
    assert headline({}) == []


def test_a_broken_record_is_named(tmp_path: Path) -> None:
    path = tmp_path / "seed_1" / "results.json"
    path.parent.mkdir()
    for content in ("{", "[]", '{"schema": 1}'):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(RecordError, match=f"record {path} is not valid"):
            study_records([tmp_path])


# README


def test_the_readme_gets_what_the_records_say(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text(f"# Title\n\n{README_MARKS[0]}\nold\n{README_MARKS[1]}\n\nEnd\n", encoding="utf-8")
    records = pairs([0.50, 0.52, 0.51], [0.40, 0.43, 0.40])
    write_readme(path, records)
    text = path.read_text(encoding="utf-8")
    assert text.startswith("# Title\n\n") and text.endswith(f"{README_MARKS[1]}\n\nEnd\n") and "old" not in text
    assert "| | finding of the paper | smoke: 3 seeds |" in text
    assert "| B1 | Rev2Net beats RGB on another source | **reproduced** +10.0 (+7.5 to +12.5) |" in text
    assert "| A1 | Flow as input (TV-L1) harms accuracy on another source, against RGB | not tested |" in text
    assert "Accuracy in % (smoke: 3 seeds)" in text
    assert "| rgb | - | - | 41.0 ± 4.3 |" in text
    assert "controls" not in text
    write_readme(path, records)
    assert path.read_text(encoding="utf-8") == text, "a second call changes nothing"
    path.write_text(README_MARKS[1] + README_MARKS[0], encoding="utf-8")
    with pytest.raises(ValueError, match=r"README\.md lacks the line"):
        write_readme(path, records)


def test_the_readme_sets_groups_of_records_beside_each_other() -> None:
    seen = pairs([0.50, 0.52, 0.51], [0.40, 0.43, 0.40])
    fresh = [replace(each, parameters=each.parameters | {"test_seed": 1}) for each in pairs([0.4, 0.5], [0.5, 0.4])]
    text = readme_section(seen + fresh)
    assert "| | finding of the paper | smoke, test seed 1: 2 seeds | smoke: 3 seeds |" in text
    assert "| **undecided** +0.0 (-127.1 to +127.1) | **reproduced** +10.0 (+7.5 to +12.5) |" in text
    assert "Accuracy in % (smoke, test seed 1: 2 seeds)" in text
    values = {"accuracy/rev2net/street": 0.4, "accuracy/rgb_long/street": 0.5}
    text = readme_section([record(seed, values) for seed in (1, 2)])
    assert "| Rev2Net - RGB of the same computing time | -10.0 | -10.0 to -10.0 |" in text


def test_without_records_the_readme_names_the_command() -> None:
    assert readme_section([]) == "No study records yet; `make reproduce` makes them.\n"


def test_the_kits_readme_says_what_the_kits_records_say() -> None:
    top = checkout_folder()
    if top is None:
        pytest.skip("the README is part of a checkout")
    folder = study_folder()
    records = study_records([] if folder is None else [folder])
    text = (top / "README.md").read_text(encoding="utf-8")
    start, end = (text.index(mark) for mark in README_MARKS)
    assert text[start + len(README_MARKS[0]) + 1 : end] == readme_section(records)


def test_differences_are_named_by_their_systems_and_drawn() -> None:
    values = {"accuracy/rev2net/street": 0.4, "accuracy/rgb/street": 0.3, "cka/rev2net/street": 0.9}
    rows = difference_rows(findings([record(seed, values) for seed in (1, 2)]))
    assert [row["label"] for row in rows] == ["B1: rev2net - rgb (street)"]
    full = {name: 0.25 for h in HYPOTHESES for name in (h.first, h.second)}
    labels = [row["label"] for row in difference_rows(findings([record(seed, full) for seed in (1, 2)]))]
    assert "E: rev2net - rgb (untied, shuffled)" in labels
    rows = difference_rows(findings([record(seed, full) for seed in (1, 2)]))
    assert paired_differences(rows).png()
