from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from rev2net_lite import familiarity
from rev2net_lite.bundled import asset
from rev2net_lite.checkpoints import load_checkpoint, save_checkpoint
from rev2net_lite.familiarity import Familiarity, load_familiarity, mean_features, measure_familiarity
from rev2net_lite.models import build_model
from rev2net_lite.video import read_clip

SMALL = Familiarity("", 8, 32, (1.0, 2.0), ((4.0, 0.0), (0.0, 0.25)), 3.0, ())


def test_the_distance_counts_in_standard_deviations() -> None:
    found = SMALL.distance(torch.tensor([[1.0, 2.0], [3.0, 2.0], [1.0, 1.0], [5.0, 3.5]]))
    assert found.tolist() == pytest.approx([0, 1, 2, (2**2 + 3**2) ** 0.5])
    # Two features that vary together: off their line counts for more than along it.
    tied = replace(SMALL, mean=(0.0, 0.0), covariance=((1.0, 0.8), (0.8, 1.0)))
    along, across = tied.distance(torch.tensor([[1.0, 1.0], [1.0, -1.0]])).tolist()
    assert along == pytest.approx((2 / 1.8) ** 0.5) and across == pytest.approx((2 / 0.2) ** 0.5)


def test_the_features_are_means_of_the_first_level() -> None:
    model = build_model("rgb", classes=2).eval()
    clip = torch.rand(17, 3, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = model.encode(clip)[0].mean((2, 3, 4))
    torch.testing.assert_close(mean_features(model, clip), expected)
    with pytest.raises(ValueError, match="the model is flow, which takes flow; familiarity is for models of frames"):
        mean_features(build_model("flow", classes=2), clip)


def test_the_bundled_file_belongs_to_the_bundled_model_and_says_how_it_was_measured() -> None:
    found = load_familiarity()
    share = {each.kind: each.unlike / each.n for each in found.measured}
    assert all(each.n >= 50 or each.kind.startswith("flat") for each in found.measured)
    assert share["studio"] <= 0.05 and share["untied"] < 0.3 < 0.8 < share["street"]
    assert share["noise"] == share["flat grey, black to white"] == share["real videos"] == 1.0


def test_the_bundled_threshold_parts_studio_from_the_rest() -> None:
    found, (model, _) = load_familiarity(), load_checkpoint(asset("model"))
    studio = [
        read_clip(path, frames=found.frames, size=(found.size, found.size))
        for path in sorted(asset("videos/studio/videos").glob("*.mp4"))
    ]
    distances = found.distance(mean_features(model, torch.stack(studio).float() / 255))
    # Eight clips, 2 to 5 % of which may be above: two are not to be expected.
    assert (distances > found.threshold).sum() <= 1
    shape = (1, 3, found.frames, found.size, found.size)
    strange = torch.cat((torch.zeros(shape), torch.rand(shape, generator=torch.Generator().manual_seed(1))))
    assert (found.distance(mean_features(model, strange)) > 2 * found.threshold).all()


def test_real_videos_are_unlike_the_studio(clips_folder: Path) -> None:
    found, (model, _) = load_familiarity(), load_checkpoint(asset("model"))
    paths = sorted((clips_folder / "actions" / "ucf101").rglob("*.avi"))
    clips = [read_clip(path, frames=found.frames, size=(found.size, found.size)) for path in paths]
    assert (found.distance(mean_features(model, torch.stack(clips).float() / 255)) > found.threshold).all()


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    shutil.copytree(asset("model"), tmp_path / "model")
    return tmp_path


def test_measuring_again_is_the_same_but_for_its_size(assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(familiarity, "_CLIPS_PER_CLASS", 2)
    monkeypatch.setattr(familiarity, "_FALSE_ALARMS", 1.0)
    video = asset("videos/street/videos") / "fall_0000.mp4"
    first = measure_familiarity(assets, videos=[video]).read_bytes()
    made = load_familiarity(assets)
    assert {each.kind: each.n for each in made.measured} == {
        "studio": 16,
        "untied": 16,
        "street": 16,
        "noise": 50,
        "flat grey, black to white": 11,
        "real videos": 1,
    }
    assert len(made.mean) == len(made.covariance) == len(made.covariance[0]) == 16
    again = measure_familiarity(assets).read_bytes()
    assert b"real videos" not in again and json.loads(again)["covariance"] == json.loads(first)["covariance"]
    assert {path.name for path in assets.iterdir()} == {"model", "familiarity.json"}


def test_a_model_whose_features_do_not_carry_over_is_refused(assets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(familiarity, "_CLIPS_PER_CLASS", 2)
    monkeypatch.setattr(familiarity, "_AT_THRESHOLD", 1.0)
    with pytest.raises(
        ValueError, match=r"1\d of 16 fresh studio clips lie above the threshold, more than 5 %; the fe"
    ):
        measure_familiarity(assets)
    assert not (assets / "familiarity.json").exists()


def test_a_file_that_does_not_fit_is_refused(assets: Path) -> None:
    file = assets / "familiarity.json"
    with pytest.raises(
        ValueError, match=r"there is no .*familiarity.json; make it again with rev2net_lite.familiarity"
    ):
        load_familiarity(assets)
    data = json.loads(asset("familiarity.json").read_text())
    for wrong in ("{", "[]", json.dumps(data | {"schema": 2}), json.dumps(data | {"measured": [{"kind": "x"}]})):
        file.write_text(wrong)
        with pytest.raises(
            ValueError, match=r"familiarity.json is damaged or of another version of the kit; make it a"
        ):
            load_familiarity(assets)
    file.write_text(json.dumps(data))
    load_familiarity(assets)
    save_checkpoint(assets / "model", build_model("rgb", classes=2))
    with pytest.raises(ValueError, match=r"was measured with another model than the one beside it; make it again"):
        load_familiarity(assets)
