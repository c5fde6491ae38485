"""Sets of trials: trained once each, kept one by one, read back as they were."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from rev2net_lite.losses import LossConfig
from rev2net_lite.profiles import get_profile
from rev2net_lite.trials import SETS, Trial, read_trials, run_trials

PROFILE = replace(
    get_profile("smoke"), train_per_class=2, validation_per_class=1, test_per_class=1, epochs=1, batch_size=8
)
TWO = (Trial("rev2net", replace(LossConfig(), discrepancy_levels=(0,))), Trial("rgb", LossConfig()))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trials")
    run_trials(
        "two", profile=PROFILE, seed=3, folder=folder / "kept", into=folder / "sets", trials=TWO, root=folder / "data"
    )
    return folder


@pytest.mark.training
def test_a_set_is_read_back_with_its_settings_curves_and_tests(made):
    results, how = read_trials(made / "sets" / "two.json")
    assert [result.trial for result in results] == list(TWO)
    rev, rgb = results
    assert len(rev.curves["discrepancy"]) == 1 and "discrepancy" not in rgb.curves
    assert set(rev.tests) == {"studio", "untied", "street"}
    assert rev.tests["street"]["n"] == 8 and rev.tests["street"]["low"] <= rev.tests["street"]["accuracy"]
    assert rev.tests["street"]["zero_flow_error_px"] > 0 and "psnr_db" not in rgb.tests["street"]
    assert how["seed"] == 3 and how["profile"]["epochs"] == 1
    assert how["made_by"] == "rev2net trials two --profile smoke --seed 3"


@pytest.mark.training
def test_finished_trials_are_not_trained_again(made):
    kept = sorted((made / "kept").iterdir())
    assert len(kept) == 2
    content = json.loads(kept[0].read_text())
    kept[0].write_text(json.dumps(content | {"tests": {}}))
    path = run_trials(
        "two", profile=PROFILE, seed=3, folder=made / "kept", into=made / "again", trials=TWO, root=made / "data"
    )
    assert sum(not result.tests for result in read_trials(path)[0]) == 1


def test_sets_have_different_trials_with_the_default_among_them():
    for trials in SETS.values():
        assert len(set(trials)) == len(trials)
        assert Trial("rev2net", LossConfig()) in trials


def test_what_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(ValueError, match="cannot be read"):
        read_trials(tmp_path / "none.json")
    bad = tmp_path / "bad.json"
    for text in ("no json", "[]", "{}", '{"trials": [{"system": "rgb", "losses": {}, "curves": {}}]}'):
        bad.write_text(text)
        with pytest.raises(ValueError, match="holds no trials as `rev2net trials` writes them"):
            read_trials(bad)


def test_unknown_sets_and_systems_are_refused(tmp_path):
    with pytest.raises(ValueError, match="there is no set of trials 'none'; expected one of weights, discrepancy"):
        run_trials("none", profile=PROFILE, seed=0, folder=tmp_path, into=tmp_path)
    with pytest.raises(ValueError, match="there is no system 'resnet'; expected one of rgb"):
        Trial("resnet", LossConfig())
