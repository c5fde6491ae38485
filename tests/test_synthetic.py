import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from rev2net_lite import synthetic
from rev2net_lite.datasets import synthetic_world
from rev2net_lite.files import DRAFT
from rev2net_lite.flow import endpoint_error, photometric_error, resize_flow, warp
from rev2net_lite.synthetic import (
    CLASSES,
    FACTORS,
    SHAPES,
    SyntheticConfig,
    dataset_specs,
    load_exact,
    render,
    sample_specs,
    street,
    studio,
    twin,
    untied_studio,
    write_synthetic_dataset,
)
from rev2net_lite.video import probe_video, read_clip

STREET_DIALS = {
    name: value
    for name, value in asdict(street()).items()
    if value != asdict(untied_studio())[name] and name != "domain"
}


def changed(first, second, prefix=""):
    """Names of the plain-data fields in which two nested dicts differ."""
    names = set()
    for name in first:
        if isinstance(first[name], dict):
            names |= changed(first[name], second[name], f"{prefix}{name}.")
        elif first[name] != second[name]:
            names.add(prefix + name)
    return names


# SyntheticConfig


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("domain", "", r"domain is ''; expected a name such as 'studio' or 'street'"),
        ("frames", 3, "frames is 3; expected a whole number of at least 4"),
        ("frames", 8.0, r"frames is 8\.0; expected a whole number"),
        ("size", 8, "size is 8; expected a whole number of at least 16"),
        ("size", 65, "size is 65; H.264 needs an even number, take 66"),
        ("fps", 0, "fps is 0; expected a whole number of at least 1"),
        ("appearance_bias", 1.1, r"appearance_bias is 1\.1; expected a number from 0 to 1"),
        ("motion_bias", -0.1, r"motion_bias is -0\.1; expected a number from 0 to 1"),
        ("palette", float("nan"), "palette is nan; expected a number from 0 to 1"),
        ("texture", "rough", "texture is 'rough'; expected a number from 0 to 1"),
        ("light", 3, "light is 3; expected a number from 0 to 2"),
        ("noise", True, "noise is True; expected a number from 0 to 5"),
        ("pan", 12, r"pan is 12; expected a number from 0 to 0\.5"),
        ("shake", -1, "shake is -1; expected a number from 0 to 5"),
        ("speed", 3, "speed is 3; expected a number from 0 to 2"),
        ("scale", 3, "scale is 3; expected a number from 0 to 2"),
        ("compression", 3, "compression is 3; expected a number from 0 to 2"),
        ("actors", "puppets", "actors is 'puppets'; expected one of sprites, figures"),
    ],
)
def test_config_refuses_a_field_outside_its_range(field, value, message):
    with pytest.raises(ValueError, match=message):
        SyntheticConfig(**{field: value})


def test_presets_are_the_source_the_source_without_ties_and_every_shift():
    assert studio() == SyntheticConfig()
    assert changed(asdict(studio()), asdict(untied_studio())) == {"domain", "appearance_bias"}
    assert set(STREET_DIALS) == {
        "palette", "texture", "light", "noise", "pan", "shake", "speed", "scale", "compression"
    }  # fmt: skip
    assert street().appearance_bias == 0


# sample_specs


def test_classes_are_balanced_and_more_clips_keep_the_earlier_ones():
    few = sample_specs(studio(), clips_per_class=2, seed=5)
    many = sample_specs(studio(), clips_per_class=3, seed=5)
    assert [spec.label for spec in many] == [label for label in CLASSES for _ in range(3)]
    assert few == [spec for i, spec in enumerate(many) if i % 3 < 2]
    assert len(set(map(str, many))) == len(many)
    assert few != sample_specs(studio(), clips_per_class=2, seed=6)


def test_sampling_refuses_counts_and_seeds_that_cannot_be():
    with pytest.raises(ValueError, match="clips_per_class is 0; expected a whole number of at least 1"):
        sample_specs(studio(), clips_per_class=0, seed=0)
    with pytest.raises(ValueError, match="seed is -1; expected a whole number of at least 0"):
        sample_specs(studio(), clips_per_class=1, seed=-1)


@pytest.mark.parametrize("bias", [0.0, 0.5, 0.9, 1.0])
def test_looks_go_with_the_class_as_often_as_the_bias_says(bias):
    specs = sample_specs(replace(studio(), appearance_bias=bias), clips_per_class=90, seed=1)
    objects = np.array([CLASSES[spec.surface.look] == spec.label for spec in specs])
    backgrounds = np.array([CLASSES[spec.background.look] == spec.label for spec in specs])
    expected = bias + (1 - bias) / 8
    margin = 3.5 * np.sqrt(expected * (1 - expected) / len(specs))
    assert abs(objects.mean() - expected) <= margin
    assert abs(backgrounds.mean() - expected) <= margin
    assert abs((objects & backgrounds).mean() - expected**2) <= 1.5 * margin  # the two are drawn independently
    assert all(spec.shape == SHAPES[spec.surface.look] for spec in specs)
    if bias < 1:  # without a tie every look is as likely as any other
        looks = [spec.surface.look for spec, own in zip(specs, objects, strict=True) if not own]
        counts = np.bincount(looks, minlength=8)
        assert abs(counts - len(looks) / 8).max() < 4 * np.sqrt(len(looks) / 8)


@pytest.mark.parametrize("bias", [0.0, 0.6, 1.0])
def test_camera_and_pace_go_with_the_class_as_often_as_the_motion_bias_says(bias):
    config = replace(untied_studio(), motion_bias=bias, pan=0.1)
    specs = sample_specs(config, clips_per_class=80, seed=2)
    turn = 2 * np.pi * (np.array([CLASSES.index(spec.label) for spec in specs]) + 0.5) / 8
    own = 0.1 * 64 * np.sqrt(2) * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    tied = np.isclose([spec.camera.pan for spec in specs], own).all(axis=1)
    assert abs(tied.mean() - bias) <= 3.5 * np.sqrt(bias * (1 - bias) / len(specs))
    paces = {label: {round(s.motion.pace, 9) for s in specs if s.label == label} for label in CLASSES}
    for label, values in paces.items():  # all tied clips of a class share one pace
        assert len(values) == 80 - sum(t for t, s in zip(tied, specs, strict=True) if s.label == label) + (bias > 0)


def test_pan_has_the_sd_that_the_dial_says():
    pans = np.array([s.camera.pan for s in sample_specs(street(), clips_per_class=150, seed=3)]) / street().size
    np.testing.assert_allclose(pans.std(axis=0), 0.12, rtol=0.1)


@pytest.mark.parametrize(
    ("dial", "fields"),
    [
        ("palette", {"surface.colours", "background.colours"}),
        ("texture", {"surface.roughness", "background.roughness"}),
        ("light", {"light.brightness", "light.contrast", "light.gradient", "light.flicker"}),
        ("noise", {"noise_sd"}),
        ("pan", {"camera.pan"}),
        ("shake", {"camera.shake"}),
        ("speed", {"motion.velocity", "motion.spin", "motion.zoom", "motion.pace"}),
        ("scale", {"motion.radius"}),
        ("compression", {"crf"}),
        ("appearance_bias", {"surface", "shape", "background"}),
        ("motion_bias", {"motion.velocity", "motion.spin", "motion.zoom", "motion.pace"}),
    ],
)
def test_each_dial_changes_its_own_factor_and_nothing_else(dial, fields):
    plain = sample_specs(untied_studio(), clips_per_class=1, seed=4)
    dialled = sample_specs(replace(untied_studio(), **{dial: STREET_DIALS.get(dial, 1.0)}), clips_per_class=1, seed=4)
    found = set().union(*(changed(asdict(a), asdict(b)) for a, b in zip(plain, dialled, strict=True)))
    if dial == "appearance_bias":
        found = {name.split(".")[0] for name in found}
    assert found == fields
    if dial != "compression":  # that one is seen in the file, below
        assert all(not torch.equal(render(a).frames, render(b).frames) for a, b in zip(plain, dialled, strict=True))


@pytest.mark.parametrize("config", [studio(), street()], ids=["studio", "street"])
def test_place_and_size_at_mid_clip_are_distributed_alike_for_all_classes(config):
    specs = sample_specs(config, clips_per_class=100, seed=6)
    drawn = np.array([[*s.motion.centre, np.log(s.motion.radius), s.motion.angle] for s in specs]).reshape(8, 100, 4)
    spread = drawn.std(axis=(0, 1))
    assert (np.abs(drawn.mean(axis=1) - drawn.mean(axis=(0, 1))) < 4 * spread / 10).all()
    assert (np.abs(drawn.std(axis=1) / spread - 1) < 0.25).all()


def test_frames_size_and_pace_of_the_action():
    short, long = (sample_specs(replace(studio(), frames=t), clips_per_class=1, seed=0)[0] for t in (8, 15))
    assert long.motion.velocity[0] == pytest.approx(short.motion.velocity[0] / 2)  # the whole action, more finely cut
    large = sample_specs(replace(studio(), size=128), clips_per_class=1, seed=0)[0]
    assert large.motion.velocity[0] == pytest.approx(short.motion.velocity[0] * 2)
    assert render(replace(long, size=32)).frames.shape == (3, 15, 32, 32)


def test_specs_are_plain_data_and_refuse_what_cannot_be_rendered():
    spec = sample_specs(street(), clips_per_class=1, seed=0)[0]
    assert "np." not in repr(spec)
    for field, value, message in (
        ("label", "jump", "label is 'jump'; expected one of slide_left"),
        ("shape", "hexagon", "shape is 'hexagon'; expected one of disc"),
        ("frames", 16, "frames is 16, but the camera's shake has 8 and the light's flicker 8; give all three"),
    ):
        with pytest.raises(ValueError, match=message):
            replace(spec, **{field: value})
    with pytest.raises(ValueError, match="pattern is 'plaid'; expected one of stripes, checks, dots"):
        replace(spec.surface, pattern="plaid")


# render


@pytest.mark.parametrize("config", [studio(), street()], ids=["studio", "street"])
def test_one_frame_gives_the_class_away_neither_by_place_nor_by_size(config):
    specs = sample_specs(replace(config, size=32), clips_per_class=40, seed=7)
    features = []
    for spec in specs:
        mask = render(spec).mask[spec.frames // 2]
        y, x = torch.nonzero(mask).float().mean(dim=0)
        features.append([x, y, 2 * mask.sum().sqrt()])
    features = np.array(features).reshape(8, 40, 3)
    centres = features[:, :20].mean(axis=1)
    distance = np.linalg.norm(features[:, 20:, None] - centres, axis=-1)
    accuracy = (distance.argmin(axis=-1) == np.arange(8)[:, None]).mean()
    assert accuracy < 0.22, f"chance is 0.125, found {accuracy}"


def test_the_sprite_stays_in_the_frame():
    for spec in sample_specs(studio(), clips_per_class=6, seed=8):
        area = render(spec).mask.float().sum(dim=(1, 2))
        scale = spec.motion.zoom ** (torch.arange(8) - 3.5)
        whole = torch.pi * (spec.motion.radius * scale) ** 2  # every outline has the disc's area
        assert (area > 0.6 * whole).all()
        assert (area < 1.05 * whole).all()


@pytest.mark.parametrize("shape", SHAPES)
def test_every_outline_covers_the_disc_s_area(shape):
    spec = still_sprite(shape)
    assert render(spec).mask[0].sum().item() == pytest.approx(np.pi * spec.motion.radius**2, rel=0.02)


def still_sprite(shape):
    """A still sprite in the middle of a large frame."""
    spec = sample_specs(replace(untied_studio(), size=128), clips_per_class=1, seed=0)[0]
    still = replace(spec.motion, centre=(0.3, 0.2), velocity=(0.0, 0.0), radius=30.0)
    return replace(spec, motion=still, shape=shape)


def test_motions_look_like_their_names():
    for spec in sample_specs(untied_studio(), clips_per_class=3, seed=9):
        clip = render(spec)
        flow, mask = clip.flow[:, 3], clip.mask[3]
        rows, columns = torch.nonzero(mask, as_tuple=True)
        x, y = columns - 31.5 - spec.motion.centre[0], rows - 31.5 - spec.motion.centre[1]
        dx, dy = flow[:, rows, columns]
        seen = {
            "slide_left": -dx.mean(),
            "slide_right": dx.mean(),
            "rise": -dy.mean(),
            "fall": dy.mean(),
            "spin_clockwise": (x * dy - y * dx).mean() / 10,  # right of the centre it goes down
            "spin_counterclockwise": (y * dx - x * dy).mean() / 10,
            "grow": (x * dx + y * dy).mean() / 10,
            "shrink": -(x * dx + y * dy).mean() / 10,
        }
        assert max(seen, key=seen.get) == spec.label
        assert (clip.flow[:, ~clip.mask[:-1]] == 0).all()  # the studio's camera is fixed


def test_flow_of_a_slide_is_the_shift_of_its_mask_and_of_a_zoom_the_growth():
    for spec in sample_specs(replace(untied_studio(), pan=0.1, shake=1.0), clips_per_class=2, seed=10):
        clip = render(spec)
        for i in (2, 3):
            mask, following = clip.mask[i], clip.mask[i + 1]
            shift = torch.nonzero(following).float().mean(dim=0) - torch.nonzero(mask).float().mean(dim=0)
            dx, dy = clip.flow[:, i, mask].mean(dim=1)
            torch.testing.assert_close(torch.stack([dy, dx]), shift, atol=0.35, rtol=0)
            growth = (following.sum() / mask.sum()).sqrt()
            assert growth.item() == pytest.approx(spec.motion.zoom, abs=0.04)


@pytest.mark.parametrize("label", CLASSES)
def test_exact_flow_warps_each_frame_onto_the_one_before(label):
    config = replace(untied_studio(), texture=1.0, pan=0.1, size=96)  # a pattern without gaps, a camera that moves
    spec = sample_specs(config, clips_per_class=1, seed=11)[CLASSES.index(label)]
    clip = render(replace(spec, noise_sd=0.0))
    frames, masks = clip.frames.float()[None] / 255, clip.mask.float()[None, None]
    flow = clip.flow[None]
    seen = (warp(masks[:, :, 1:], flow) - masks[:, :, :-1]).abs()[:, 0] < 0.01  # else covered or uncovered
    for place in (clip.mask[None, :-1], ~clip.mask[None, :-1]):
        error = photometric_error(frames[:, :, :-1], frames[:, :, 1:], flow)
        reverse = photometric_error(frames[:, :, :-1], frames[:, :, 1:], -flow)
        still = photometric_error(frames[:, :, :-1], frames[:, :, 1:], torch.zeros_like(flow))
        where = seen & place & ~error.isnan() & ~reverse.isnan()
        assert error[where].mean() < 0.02
        assert error[where].mean() < 0.5 * min(still[where].mean(), reverse[where].mean())


def test_pan_adds_its_step_to_the_flow_everywhere():
    still = sample_specs(untied_studio(), clips_per_class=1, seed=12)[4]
    moved = replace(still, camera=replace(still.camera, pan=(7.0, -14.0)))
    step = render(moved).flow - render(still).flow
    background = ~(render(moved).mask[:-1] | render(still).mask[:-1])
    torch.testing.assert_close(step[0][background], torch.full_like(step[0][background], 1.0))
    torch.testing.assert_close(step[1][background], torch.full_like(step[1][background], -2.0))


def test_light_noise_and_palette_act_as_their_numbers_say():
    spec = sample_specs(untied_studio(), clips_per_class=1, seed=13)[0]
    clean = render(replace(spec, noise_sd=0.0)).frames.float()
    noise = render(replace(spec, noise_sd=0.02)).frames.float() - clean
    inner = (clean > 30) & (clean < 225)
    assert noise[inner].std().item() / 255 == pytest.approx(0.02, rel=0.05)
    light = replace(spec.light, brightness=0.1, gradient=(0.0, 0.0))
    brighter = render(replace(spec, noise_sd=0.0, light=light)).frames.float() - clean
    assert brighter[clean < 200].median().item() == pytest.approx(25.5, abs=0.6)
    flicker = replace(spec.light, flicker=(0.5,) + (1.0,) * 7, gradient=(0.4, 0.0))
    dimmed = render(replace(spec, noise_sd=0.0, light=flicker)).frames.float() / clean
    assert dimmed[:, 0].mean().item() == pytest.approx(0.5, abs=0.02)
    assert dimmed[:, 0, :, 0].mean().item() == pytest.approx(0.5 * 0.6, abs=0.02)
    lower = render(replace(spec, noise_sd=0.0, light=replace(spec.light, contrast=0.5))).frames.float()
    torch.testing.assert_close(lower, (clean - 127.5) * 0.5 + 127.5, atol=1.0, rtol=0)
    assert len({s.surface.colours for s in sample_specs(untied_studio(), clips_per_class=20, seed=0)}) == 8
    assert len({s.surface.colours for s in sample_specs(street(), clips_per_class=20, seed=0)}) == 160


def test_equal_specs_give_equal_pixels_and_known_ones():
    first, again = (render(sample_specs(street(), clips_per_class=1, seed=14)[5]) for _ in range(2))
    assert torch.equal(first.frames, again.frames)
    assert torch.equal(first.flow, again.flow)
    assert first.frames.dtype == torch.uint8
    assert first.flow.dtype == torch.float32
    assert first.mask.dtype == torch.bool


# twin


@pytest.mark.parametrize("factor", FACTORS)
def test_a_twin_differs_in_its_factor_only(factor):
    spec, other = (sample_specs(street(), clips_per_class=1, seed=seed)[k] for seed, k in ((15, 0), (16, 5)))
    other = replace(other, crf=20, noise_sd=0.1)
    one = twin(spec, factor, other=other)
    fields = {"motion": {"motion", "label"}, "noise": {"noise_sd", "noise_seed"}, "compression": {"crf"}}
    assert {name.split(".")[0] for name in changed(asdict(spec), asdict(one))} == fields.get(factor, {factor})
    assert not changed(asdict(twin(one, factor, other=spec)), asdict(spec))  # and back again
    same_flow = torch.equal(render(one).flow, render(spec).flow)
    assert same_flow == (factor not in ("motion", "shape", "camera"))


def test_twins_refuse_unknown_factors_and_clips_of_other_sizes():
    spec = sample_specs(studio(), clips_per_class=1, seed=0)[0]
    with pytest.raises(ValueError, match="factor is 'colour'; expected one of motion, surface, shape, background"):
        twin(spec, "colour", other=spec)
    with pytest.raises(ValueError, match="8 frames of 64 px and 8 frames of 32 px; twins need two clips of one"):
        twin(spec, "light", other=replace(spec, size=32))


# write_synthetic_dataset, dataset_specs, load_exact


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    config = replace(street(), domain="a street")
    return write_synthetic_dataset(
        tmp_path_factory.mktemp("worlds") / "street", config=config, clips_per_class=2, seed=3
    )


def test_a_dataset_is_videos_labels_exact_flow_and_a_record(dataset):
    record = json.loads((dataset / "dataset.json").read_text())
    fields = asdict(replace(street(), domain="a street"))
    assert fields.pop("actors") == "sprites" and record["config"] == fields
    assert (record["schema"], record["clips_per_class"], record["seed"]) == (1, 2, 3)
    assert record["classes"] == list(CLASSES)
    with (dataset / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    specs = dataset_specs(dataset)
    assert [row["label"] for row in rows] == [spec.label for spec in specs]
    for row, spec in zip(rows, specs, strict=True):
        assert row["object_look"] == CLASSES[spec.surface.look]
        assert row["background_look"] == CLASSES[spec.background.look]
        assert float(row["pan_x_px"]) == pytest.approx(spec.camera.pan[0], abs=1e-3)
        assert (dataset / row["file"]).is_file()
    assert sorted(p.name for p in dataset.parent.iterdir()) == ["street"]  # nothing left of the making


def test_worlds_of_sprites_are_those_that_were_drawn_before_there_were_figures(tmp_path):
    """Same record and labels to the byte, same folders, same pixels: results of earlier versions go on counting."""
    config = replace(street(), size=32, motion_bias=0.5, appearance_bias=0.5)
    folder = write_synthetic_dataset(tmp_path / "set", config=config, clips_per_class=1, seed=3)
    digests = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("dataset.json", "labels.csv")
    }
    assert digests["dataset.json"].startswith("d2a5cc2f78a521d2")
    assert digests["labels.csv"].startswith("2a5745848b6eab8e")
    clip = render(dataset_specs(folder)[4])
    known = [[161, 171, 191, 87, 51, 87, 186], [145, 152, 163, 117, 57, 101, 160], [99, 109, 131, 186, 180, 177, 126]]
    assert (clip.frames[:, 3, 16, ::5].int() - torch.tensor(known)).abs().max() <= 1  # another processor's last digit
    known_flow = [[0.9257110, 0.1472141, -0.6312829, -1.4097799], [-1.3775003, -1.5352347, -1.6929691, -1.8507036]]
    torch.testing.assert_close(clip.flow[:, 3, 12:20:2, 16], torch.tensor(known_flow), atol=1e-5, rtol=0)
    assert clip.mask.sum(dim=(1, 2)).tolist() == [88, 90, 90, 90, 89, 88, 87, 91]
    root = tmp_path / "world"
    clips = {"train_per_class": 1, "validation_per_class": 1, "test_per_class": 1}
    synthetic_world(root, seed=0, **clips, frames=4, size=16, rendered_size=16)
    assert sorted(path.name for path in root.iterdir()) == [
        "street-93045c88fc7f", "studio-f338a1d3b359", "train-ad97255f6132", "untied-8a128d20ab55",
        "validation-c0ead4f4604e",
    ]  # fmt: skip


def test_files_read_back_as_rendered(dataset):
    spec = dataset_specs(dataset)[2]
    clip = render(spec)
    path = dataset / "videos" / "slide_right_0000.mp4"
    assert probe_video(path).fps == pytest.approx(8)
    back = read_clip(path, frames=8, size=None)
    assert back.shape == (3, 8, 64, 64)
    assert (back.float() - clip.frames.float()).abs().mean() < 12  # crf 30 and sensor noise
    small = read_clip(path, frames=8, size=(32, 32))
    pooled = torch.nn.functional.avg_pool2d(clip.frames.float(), 2)
    assert (small.float() - pooled).abs().mean() < 8
    exact = load_exact(dataset, "videos/slide_right_0000.mp4")
    assert torch.equal(exact.mask, clip.mask)
    torch.testing.assert_close(exact.flow, clip.flow, atol=4e-3, rtol=1e-3)
    assert resize_flow(exact.flow[None], (32, 32)).shape == (1, 2, 7, 32, 32)
    assert endpoint_error(exact.flow[None], clip.flow[None]).max() < 0.01


def test_compression_and_fps_are_seen_in_the_file(tmp_path):
    config = replace(untied_studio(), fps=12)
    fine = write_synthetic_dataset(tmp_path / "fine", config=config, clips_per_class=1, seed=0)
    coarse = write_synthetic_dataset(
        tmp_path / "coarse", config=replace(config, compression=1.0), clips_per_class=1, seed=0
    )
    sizes = [sum(p.stat().st_size for p in (f / "videos").iterdir()) for f in (fine, coarse)]
    assert sizes[1] < 0.8 * sizes[0]
    path = fine / "videos" / "grow_0000.mp4"
    assert probe_video(path).fps == pytest.approx(12)
    clip = render(dataset_specs(fine)[CLASSES.index("grow")])
    assert (read_clip(path, frames=8, size=None).float() - clip.frames.float()).abs().mean() < 5
    before = {p: p.stat().st_mtime_ns for p in fine.rglob("*")}
    again = write_synthetic_dataset(tmp_path / "again", config=config, clips_per_class=1, seed=0)
    for path in (p for p in before if p.suffix in {".json", ".csv", ".safetensors"}):
        assert (again / path.relative_to(fine)).read_bytes() == path.read_bytes()
    write_synthetic_dataset(fine, config=config, clips_per_class=1, seed=0)
    assert before == {p: p.stat().st_mtime_ns for p in fine.rglob("*")}


def test_a_folder_that_holds_something_else_is_left_alone(dataset, tmp_path):
    with pytest.raises(
        ValueError, match="holds another synthetic dataset, with other config and seed; take another folder"
    ):
        write_synthetic_dataset(dataset, config=studio(), clips_per_class=2, seed=4)
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"has no readable dataset\.json; it should be a folder made by"):
        write_synthetic_dataset(tmp_path, clips_per_class=1, seed=0)
    with pytest.raises(ValueError, match=r"has no readable dataset\.json"):
        dataset_specs(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_a_record_of_another_version_is_refused(dataset, tmp_path):
    record = json.loads((dataset / "dataset.json").read_text())
    for change in ({"schema": 99}, {"config": {"size": 64}}, {"seed": "0"}, {"clips_per_class": None}):
        (tmp_path / "dataset.json").write_text(json.dumps({**record, **change}))
        with pytest.raises(
            ValueError, match=r"dataset\.json was written by another version of the kit; write .* again"
        ):
            dataset_specs(tmp_path)


def test_exact_flow_that_is_missing_or_damaged_is_named(dataset, tmp_path):
    with pytest.raises(ValueError, match=r"moonwalk_0000\.safetensors does not exist; only the files in"):
        load_exact(dataset, "videos/moonwalk_0000.mp4")
    whole = (dataset / "exact" / "rise_0000.safetensors").read_bytes()
    (tmp_path / "exact").mkdir()
    (tmp_path / "exact" / "rise_0000.safetensors").write_bytes(whole[:1000])
    with pytest.raises(
        ValueError, match=r"rise_0000\.safetensors is damaged .*; delete the dataset and write it again"
    ):
        load_exact(tmp_path, "videos/rise_0000.mp4")


def test_nothing_is_left_when_writing_fails(tmp_path, monkeypatch):
    def full_disk(*_args, **_options):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(synthetic, "write_video", full_disk)
        write_synthetic_dataset(tmp_path / "world", clips_per_class=1, seed=0)
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(Path, "replace", full_disk)
        patch.setattr(synthetic, "write_video", lambda *_args, **_options: None)
        write_synthetic_dataset(tmp_path / "world", clips_per_class=1, seed=0)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_writer_left_is_removed_by_a_later_one(tmp_path):
    left = tmp_path / f".set.abc{DRAFT}"
    (left / "new" / "videos").mkdir(parents=True)
    for folder in (left / "new" / "videos", left / "new", left):
        os.utime(folder, (0, 0))
    write_synthetic_dataset(tmp_path / "set", config=SyntheticConfig(size=32, frames=4), clips_per_class=1, seed=0)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_a_writer_that_comes_second_keeps_the_first_one_s_folder(tmp_path, monkeypatch):
    fill = synthetic._fill

    def overtaken(*args, fps):
        monkeypatch.setattr(synthetic, "_fill", fill)
        write_synthetic_dataset(tmp_path / "world", clips_per_class=1, seed=first_seed)
        fill(*args, fps=fps)

    first_seed = 0
    monkeypatch.setattr(synthetic, "_fill", overtaken)
    assert write_synthetic_dataset(tmp_path / "world", clips_per_class=1, seed=0) == tmp_path / "world"
    shutil.rmtree(tmp_path / "world")
    first_seed = 1
    monkeypatch.setattr(synthetic, "_fill", overtaken)
    with pytest.raises(ValueError, match="holds another synthetic dataset, with other seed"):
        write_synthetic_dataset(tmp_path / "world", clips_per_class=1, seed=0)
    assert [p.name for p in tmp_path.iterdir()] == ["world"]
    monkeypatch.setattr(synthetic, "_fill", None)  # what is there already is not even made
    assert write_synthetic_dataset(tmp_path / "world", clips_per_class=1, seed=1) == tmp_path / "world"


def test_two_processes_may_write_one_folder_at_once(tmp_path):
    (tmp_path / "world").mkdir()  # an empty folder is as good as none
    code = (
        "import sys; from rev2net_lite.synthetic import write_synthetic_dataset; print('ready', flush=True); "
        "sys.stdin.readline(); print(write_synthetic_dataset(sys.argv[1], clips_per_class=2, seed=0))"
    )
    folder = tmp_path / "world"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code, str(folder)], text=True, **pipes) as other:
        assert other.stdout.readline() == "ready\n"
        other.stdin.write("go\n")
        other.stdin.flush()
        assert write_synthetic_dataset(folder, clips_per_class=2, seed=0) == folder
        assert other.communicate(timeout=60) == (f"{folder}\n", "")
    assert list(tmp_path.iterdir()) == [folder]
    assert len(list((folder / "videos").iterdir())) == len(dataset_specs(folder)) == 16
