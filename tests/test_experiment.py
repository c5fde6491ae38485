import math
import shutil
from dataclasses import replace

import pytest
import torch
from torch.nn import functional

from rev2net_lite.bundled import asset
from rev2net_lite.checkpoints import load_checkpoint
from rev2net_lite.cli import _draw_overview, main
from rev2net_lite.datasets import Sampling, synthetic_dataset
from rev2net_lite.evaluation import cross_dataset, evaluate, gradient_magnitude, psnr
from rev2net_lite.experiment import (
    KINDS,
    SHIFTS,
    loss_config,
    make_examples,
    prepare_world,
    read_kind,
    single_shifts,
    street_dial,
    train_config,
    train_system,
)
from rev2net_lite.profiles import get_profile
from rev2net_lite.synthetic import CLASSES, dataset_specs, street, studio, untied_studio
from rev2net_lite.video import read_clip

SMALL = replace(get_profile("smoke"), train_per_class=2, validation_per_class=1, test_per_class=1, epochs=1)


def blurred(clip, sigma_px):
    radius = math.ceil(3 * sigma_px)
    kernel = torch.exp(-torch.arange(-radius, radius + 1.0).square() / (2 * sigma_px**2))
    kernel = kernel / kernel.sum()
    rows = functional.pad(clip.flatten(0, 2)[:, None], (radius,) * 4, mode="reflect")
    rows = functional.conv2d(rows, kernel[None, None, :, None])
    return functional.conv2d(rows, kernel[None, None, None, :]).reshape(clip.shape)


def test_a_blur_of_one_colour_is_that_colour():
    clip = torch.full((1, 3, 2, 16, 16), 0.3)
    assert torch.allclose(blurred(clip, 2.0), clip)


@pytest.fixture(scope="module")
def held_out(tmp_path_factory):
    """Studio clips of the home test's seed, which no training uses."""
    folder = tmp_path_factory.mktemp("studio")
    return synthetic_dataset(
        folder / "split",
        config=studio(),
        clips_per_class=8,
        seed=1,
        sampling=Sampling(8, (32, 32)),
        cache=folder / "cache",
        name="studio",
        held_out=True,
    ).prepare()


@pytest.fixture(scope="module")
def bundled():
    return load_checkpoint(asset("model"))


def test_the_bundled_model_knows_the_studio_and_its_motion(bundled, held_out):
    model, record = bundled
    assert model.config.name == "rev2net" and model.config.classes == CLASSES
    result = evaluate(model, held_out, exact=True)
    assert result.accuracy.value >= 0.85
    assert result.flow_error_px < 0.75 * result.zero_flow_error_px
    assert result.object_error_px < 0.75 * result.zero_object_error_px
    assert record["tests"]["studio"]["accuracy"]["value"] >= 0.9


def test_the_bundled_models_reconstructions_are_sharp(bundled, held_out):
    """Above the mean frame, which has no motion, and a blurred copy, which has no detail."""
    model, _ = bundled
    clip = torch.stack([held_out.clip(i) for i in range(len(held_out))]).float() / 255
    with torch.no_grad():
        frames = model(clip).frames
    reached = psnr(frames, clip).mean()
    assert reached > psnr(clip.mean(2, keepdim=True).expand_as(clip), clip).mean()
    assert reached > psnr(blurred(clip, 2.0), clip).mean()
    assert gradient_magnitude(frames.clamp(0, 1)).mean() >= 0.6 * gradient_magnitude(clip).mean()


def test_the_bundled_videos_are_one_of_each_class_in_both_domains():
    size = 0
    for domain in ("studio", "street"):
        folder = asset(f"videos/{domain}")
        assert [spec.label for spec in dataset_specs(folder)] == list(CLASSES)
        for label in CLASSES:
            path = folder / "videos" / f"{label}_0000.mp4"
            assert read_clip(path, frames=8, size=None).shape == (3, 8, 64, 64)
            size += path.stat().st_size
    assert size < 2e6
    assert sum(path.stat().st_size for path in asset("model").iterdir()) < 2e6
    assert sum(path.stat().st_size for path in asset("").rglob("*") if path.is_file()) < 10e6


def test_multitask_is_rev2net_without_the_penalty():
    assert loss_config("multitask") == replace(loss_config("rev2net"), discrepancy_weight=0.0)
    profile = get_profile("laptop")
    config = train_config("rev2net", profile, seed=3)
    assert (config.epochs, config.batch_size, config.seed) == (profile.epochs, profile.batch_size, 3)


def test_seeds_vary_training_and_not_the_tests(tmp_path):
    first, second = (prepare_world(SMALL, seed=seed, root=tmp_path, progress=False) for seed in (0, 1))
    assert not torch.equal(first.train.clip(0), second.train.clip(0))
    assert not torch.equal(first.train.clip(0), first.validation.clip(0))
    for name in first.tests:
        assert torch.equal(first.tests[name].clip(0), second.tests[name].clip(0))


def test_the_dial_is_the_street_with_another_pan(tmp_path):
    world = prepare_world(SMALL, seed=0, root=tmp_path, test_seed=1, progress=False)
    dial = street_dial(SMALL, (0.0, street().pan), root=tmp_path, test_seed=1, progress=False)
    assert torch.equal(dial[street().pan].clip(0), world.street.clip(0))
    assert not torch.equal(dial[0.0].clip(0), world.street.clip(0))
    still, panned = (dataset_specs(dial[pan].examples[0].path.parent.parent)[0] for pan in (0.0, street().pan))
    assert still.camera.pan == (0.0, 0.0) and replace(still, camera=panned.camera) == panned
    assert all(split.held_out for split in dial.values())
    other = street_dial(SMALL, (0.0,), root=tmp_path, progress=False)
    assert not torch.equal(other[0.0].clip(0), dial[0.0].clip(0))


def test_the_same_seed_gives_the_same_numbers_twice(tmp_path):
    numbers = []
    for root in (tmp_path / "a", tmp_path / "b"):
        world = prepare_world(SMALL, seed=2, root=root, progress=False)
        model, history = train_system(
            "rev2net", world, profile=SMALL, seed=2, device=torch.device("cpu"), folder=root / "run", progress=False
        )
        street = cross_dataset(model, world.tests)["street"]
        numbers.append((history.curve("total"), street.flow_error_px, street.logits.tolist()))
    assert numbers[0] == numbers[1]
    assert (tmp_path / "a" / "run" / "training.json").exists()


def test_examples_can_be_made_again(tmp_path, monkeypatch):
    monkeypatch.setattr("rev2net_lite.experiment.build_folder", lambda: tmp_path / "build")
    folder = make_examples(tmp_path / "assets", profile=SMALL, seed=0, device=torch.device("cpu"))
    model, record = load_checkpoint(folder)
    assert model.config.name == "rev2net"
    assert record["made_by"] == "rev2net train-example --profile smoke --seed 0"
    assert record["tests"]["street"]["accuracy"]["n"] == 8 and len(record["history"]) == 1
    made = (tmp_path / "assets/videos/street/videos/fall_0000.mp4").read_bytes()
    shipped = asset("videos/street") / "videos" / "fall_0000.mp4"
    assert torch.equal(
        read_clip(tmp_path / "assets/videos/street/videos/fall_0000.mp4", frames=8),
        read_clip(shipped, frames=8),
    )
    assert made


def test_the_picture_is_drawn_from_the_model_and_a_video(tmp_path):
    for name in ("model", "videos"):
        shutil.copytree(asset(name), tmp_path / name)
    assert _draw_overview(tmp_path).read_bytes().startswith(b"\x89PNG")


def test_the_command_makes_them(tmp_path, monkeypatch, capsys):
    seen = {}
    monkeypatch.setattr("rev2net_lite.cli._draw_overview", lambda folder: folder / "overview.png")
    monkeypatch.setattr(
        "rev2net_lite.experiment.make_examples", lambda folder, **options: seen.update(options, folder=folder) or folder
    )
    monkeypatch.setattr(
        "rev2net_lite.familiarity.measure_familiarity", lambda folder, *, videos: folder / f"{len(videos)} videos.json"
    )
    command = ["train-example", "--profile", "smoke", "--seed", "4", "--folder", str(tmp_path)]
    assert main(command) == 0
    assert (seen["folder"], seen["seed"], seen["profile"].name) == (tmp_path, 4, "smoke")
    said = capsys.readouterr().out
    assert "Training a rev2net at the profile smoke" in said and f"{tmp_path / '0 videos.json'}\n" in said
    assert main([*command, "--videos", "a.mp4", "b.mp4"]) == 0
    assert f"{tmp_path / '2 videos.json'}\n" in capsys.readouterr().out


def test_a_kind_of_world_is_named_by_actors_and_changes_of_the_source():
    assert read_kind("sprites") == (studio(), street())
    source, target = read_kind("sprites appearance_bias=0 motion_bias=0.5 pan=0.12")
    assert source == replace(studio(), appearance_bias=0.0, motion_bias=0.5, pan=0.12)
    assert target == street()


@pytest.mark.parametrize("actors", [kind for kind in KINDS if kind != "sprites"])
def test_other_actors_act_in_both_domains(actors):
    for made, domain in zip(read_kind(actors), (studio(), street()), strict=True):
        assert made == replace(domain, actors=actors)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("", "the kind of world is ''; expected sprites or figures as its first word"),
        ("robots", "the kind of world is 'robots'"),
        ("sprites noise=1", "'sprites noise=1' has the change 'noise=1'; expected appearance_bias, motion_bias or pan"),
        ("sprites pan", "has the change 'pan'"),
        ("sprites pan=nan", "has the change 'pan=nan'"),
        ("sprites pan=7", "pan is 7.0; expected a number from 0 to 0.5"),
    ],
)
def test_other_kinds_of_world_are_refused(kind, message):
    with pytest.raises(ValueError, match=message):
        read_kind(kind)


def test_each_shift_stands_alone(tmp_path):
    splits = single_shifts(SMALL, ["noise", "pan"], root=tmp_path)
    assert list(splits) == ["none", "noise", "pan"]
    specs = {name: dataset_specs(split.examples[0].path.parent.parent) for name, split in splits.items()}
    for plain, noisy, panned in zip(*specs.values(), strict=True):
        assert noisy == replace(plain, noise_sd=noisy.noise_sd) and noisy.noise_sd > plain.noise_sd
        assert panned == replace(plain, camera=panned.camera) and panned.camera != plain.camera
    with pytest.raises(ValueError, match="there is no shift 'rain'; expected some of palette, texture,"):
        single_shifts(SMALL, ["rain"], root=tmp_path)


def test_shifts_are_all_that_tells_the_street_from_the_untied_studio():
    changed = {name: getattr(street(), name) for name in SHIFTS}
    assert replace(untied_studio(), domain="street", **changed) == street()


def test_an_entry_is_trained_as_its_name_says(tmp_path):
    world = prepare_world(SMALL, seed=0, root=tmp_path)
    config = train_config("rgb_long+pan@50", SMALL, seed=4)
    assert (config.epochs, config.pan, config.label_share) == (2, street().pan, 0.5)
    with pytest.raises(
        ValueError, match="'flow_exact' is trained with exact flow and the world has TV-L1 flow; prepare"
    ):
        train_system("flow_exact", world, profile=SMALL, seed=0, device=torch.device("cpu"))
    exact = prepare_world(SMALL, seed=0, root=tmp_path, flow="exact")
    model, history = train_system(
        "flow_exact+pan", exact, profile=SMALL, seed=0, device=torch.device("cpu"), progress=False
    )
    assert model.config.name == "flow" and len(history.rows) == SMALL.epochs
    with pytest.raises(ValueError, match="'rgb' is trained with TV-L1 flow and the world has exact flow"):
        train_system("rgb", exact, profile=SMALL, seed=0, device=torch.device("cpu"))
