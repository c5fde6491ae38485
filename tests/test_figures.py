import csv
import itertools
import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from einops import rearrange

from rev2net_lite.datasets import DatasetError, synthetic_world
from rev2net_lite.figures import BUILDS, FIGURE_CLASSES, PARTS, FigureMotion, limbs, phase_rates, skeleton
from rev2net_lite.flow import photometric_error, warp
from rev2net_lite.synthetic import (
    CLASSES,
    FACTORS,
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
from rev2net_lite.video import read_clip

STILL = (0.0,) * 8
CAMERA = np.zeros((8, 2))
GENERATOR = np.random.Generator(np.random.PCG64(0))


def figure(label="walk", *, frames=8, config=None, seed=0, index=0):
    config = replace(config or untied_studio(actors="figures"), frames=frames)
    specs = sample_specs(config, clips_per_class=index + 1, seed=seed)
    return specs[FIGURE_CLASSES.index(label) * (index + 1) + index]


def top_parts(spec):
    """Index of the part that is seen at each pixel `(t h w)`, -1 for the background."""
    time = np.arange(spec.frames)[:, None] / (spec.frames - 1) - 0.5
    camera = time * np.array(spec.camera.pan) + np.array(spec.camera.shake)
    drawn = limbs(spec.motion, spec.shape, size=spec.size, camera=camera)
    top = np.full((spec.frames, spec.size, spec.size), -1)
    inside = drawn.coverage >= 0.5
    for part in range(len(PARTS)):
        own = inside & (drawn.part == part)
        top[drawn.frame[own], drawn.row[own], drawn.column[own]] = part
    return top


# skeleton


def test_bones_keep_their_length_in_every_pose_and_both_feet_can_be_reached():
    start, end = skeleton(GENERATOR.uniform(0, 2 * np.pi, (20_000, 8)))
    assert start.shape == end.shape == (20_000, len(PARTS), 2)
    length = np.linalg.norm(end - start, axis=-1)
    np.testing.assert_allclose(length, np.broadcast_to(length[0], length.shape), atol=1e-9)
    part = PARTS.index
    for side in ("near", "far"):
        np.testing.assert_array_equal(end[:, part(f"{side} thigh")], start[:, part(f"{side} shin")])
        np.testing.assert_array_equal(end[:, part(f"{side} shin")], start[:, part(f"{side} foot")])
        np.testing.assert_array_equal(end[:, part(f"{side} upper arm")], start[:, part(f"{side} forearm")])


MOVES = {  # parts that move, and which way: right, down
    "walk": (("thigh", "shin", "foot"), (True, True)),
    "run": (PARTS, (True, True)),
    "jump": (PARTS, (False, True)),
    "wave": (("near upper arm", "near forearm", "near hand"), (True, True)),
    "clap": (("arm", "hand"), (True, True)),
    "squat": ([part for part in PARTS if "foot" not in part], (True, True)),
    "bend": (("trunk", "head", "arm", "hand"), (True, True)),
    "sidestep": (PARTS, (True, False)),
}


@pytest.mark.parametrize("label", FIGURE_CLASSES)
def test_an_action_moves_its_own_parts_its_own_way(label):
    where = np.tile([0.7, 2.5, 0.4, 0.5, 0.8, 0.9, 0.3, 0.6], (40, 1))
    where += np.linspace(0, 2 * np.pi, 40)[:, None] * (np.array(phase_rates(label, pace=1.0, frames=8)) > 0)
    spread = np.ptp(skeleton(where), axis=1)  # start or end, parts, right or up
    parts, axes = MOVES[label]
    for name, moved in zip(PARTS, spread.max(axis=(0, 2)) > 1e-9, strict=True):
        assert moved == any(part in name for part in parts), f"{name} moved: {moved}"
    assert tuple(spread.max(axis=(0, 1)) > 1e-9) == axes
    assert spread.max() > 0.2, "too small to be seen"
    if label in ("jump", "sidestep"):
        assert np.ptp(spread, axis=(0, 1)).max() < 1e-9  # as a whole


def test_no_two_actions_move_the_joints_alike():
    phases = GENERATOR.uniform(0, 2 * np.pi, (500, 8))
    ways = []
    for label in FIGURE_CLASSES:
        nearby = phases + 1e-6 * (np.array(phase_rates(label, pace=1.0, frames=8)) > 0)
        ways.append(rearrange(skeleton(nearby) - skeleton(phases), "ends n parts xy -> n (ends parts xy)") / 1e-6)
    ways = np.stack(ways)
    cosine = np.einsum("knd,lnd->kln", ways, ways)
    norm = np.sqrt(np.einsum("kkn->kn", cosine))
    cosine = np.abs(cosine / (norm[:, None] * norm + 1e-9)).mean(axis=-1)
    # Nearest are jump and squat, which differ in the feet and knees only.
    assert cosine[~np.eye(8, dtype=bool)].max() < 0.85


def test_a_pace_is_cycles_per_clip():
    plain, quick = (phase_rates("bend", pace=pace, frames=frames)[6] for pace, frames in ((1.0, 8), (2.0, 15)))
    assert quick == pytest.approx(plain)  # twice as often in a clip of twice as many steps
    assert 0.5 < plain * 7 / (2 * np.pi) < 0.6


# limbs


def test_motions_refuse_what_is_no_figure_s():
    motion = figure().motion
    with pytest.raises(ValueError, match="phases has 3 numbers; a figure needs one for each of walk, run, jump"):
        replace(motion, phases=(0.0, 1.0, 2.0))
    with pytest.raises(ValueError, match="rates has 9 numbers; a figure needs one for each of walk, run, jump"):
        replace(motion, rates=(0.0,) * 9)
    with pytest.raises(ValueError, match="facing is 0; expected 1 for a figure that faces right, -1 for left"):
        replace(motion, facing=0)


@pytest.mark.parametrize("build", BUILDS)
def test_flesh_is_as_wide_as_the_build_says(build):
    motion = replace(figure().motion, centre=(0.0, 0.0), height=112.0, rates=STILL, phases=STILL)
    drawn = limbs(motion, build, size=160, camera=np.zeros((2, 2)))
    own = BUILDS[build]
    sizes = {"head": (own.head, 0.02), "trunk": (own.trunk, 0.19), "near forearm": (0.92 * own.arm, 0.22)}
    sizes |= {"far hand": (own.hand, 0.02), "near thigh": (own.leg, 0.242), "far shin": (0.9 * own.leg, 0.242)}
    for name, (width, bone) in sizes.items():
        area = drawn.coverage[(drawn.part == PARTS.index(name)) & (drawn.frame == 0)].sum()
        assert area == pytest.approx((np.pi * width**2 + 2 * width * bone) * 112**2, rel=0.01), name


def test_limbs_are_told_apart_by_their_brightness():
    spec = figure()
    plain = replace(spec.surface, colours=((0.8, 0.8, 0.8), (0.8, 0.8, 0.8)))
    spec = replace(spec, surface=plain, noise_sd=0.0, light=replace(spec.light, contrast=1.0, brightness=0.0))
    clip, top = render(spec), top_parts(spec)
    inner = torch.nn.functional.avg_pool2d(clip.mask.float(), 3, stride=1, padding=1) > 0.99
    for part, name in enumerate(PARTS):
        own = torch.from_numpy(top == part) & inner
        alike = torch.nn.functional.avg_pool2d(own.float(), 3, stride=1, padding=1) > 0.99
        if alike.any():
            grey = clip.frames[:, alike].float().mean() / 255
            side, _, limb = name.partition(" ")
            shade = {"trunk": 0.85, "head": 1.0}.get(name) or {
                ("near", True): 0.5, ("far", True): 0.3, ("near", False): 1.0, ("far", False): 0.66
            }[side, limb in ("thigh", "shin", "foot")]  # fmt: skip
            assert grey.item() == pytest.approx(0.8 * shade, abs=0.01), name


@pytest.mark.parametrize("label", FIGURE_CLASSES)
def test_the_flow_of_a_bone_is_what_its_joints_do(label):
    """At the places of the joints, between four pixels, the flow is the finite difference of the skeleton."""
    spec = figure(label, frames=9, config=replace(untied_studio(actors="figures"), size=128))
    phases = (0.7, 2.5, 0.4, 0.5, 0.8, 0.9, 0.3, 0.6)
    motion = replace(spec.motion, centre=(1.2, 2.3), height=80.0, facing=1, phases=phases)
    drawn = limbs(motion, "even", size=128, camera=np.zeros((9, 2)))
    joints = skeleton(np.array(motion.phases) + (np.arange(9) - 4)[:, None] * np.array(motion.rates))
    place = joints * [1, -1] * motion.height + motion.centre + [63.5, 63.5 + 0.64 * motion.height]  # column, row
    way = np.diff(place, axis=1)
    for part, i, end in itertools.product(range(len(PARTS)), (1, 4, 6), (0, 1)):
        own = (drawn.part == part) & (drawn.frame == i)
        off = np.stack([drawn.column[own], drawn.row[own]]) - place[end, i, part][:, None]
        weight = np.prod(np.maximum(1 - np.abs(off), 0), axis=0)
        assert weight.sum() == pytest.approx(1)
        np.testing.assert_allclose(drawn.step[:, own] @ weight, way[end, i, part], atol=1e-6)


@pytest.mark.parametrize("label", FIGURE_CLASSES)
def test_surface_points_keep_their_place_on_the_surface(label):
    """A pixel's point in the next frame has the same coordinates on the limb."""
    spec = figure(label, config=replace(untied_studio(actors="figures"), size=96))
    drawn = limbs(spec.motion, "stout", size=96, camera=np.array([[3.0 * i, -i] for i in range(8)]))
    # Coordinates on a limb are linear in the frame: the plane through its pixels tells them everywhere.
    pixels = np.stack([drawn.column, drawn.row, np.ones_like(drawn.row)]).astype(float)
    moved = pixels + np.concatenate([drawn.step, np.zeros((1, len(drawn.part)))])
    for part, i in itertools.product(range(len(PARTS)), (0, 3, 6)):
        now, then = ((drawn.part == part) & (drawn.frame == j) for j in (i, i + 1))
        if min(now.sum(), then.sum()) > 10:  # in sight
            for surface in (drawn.across, drawn.along):
                plane = np.linalg.lstsq(pixels[:, then].T, surface[then], rcond=None)[0]
                np.testing.assert_allclose(plane @ moved[:, now], surface[now], atol=1e-6)


# sample_specs, render


def test_worlds_of_figures_have_the_figures_classes_and_builds():
    for config in (studio(actors="figures"), replace(studio(), actors="figures"), street(actors="figures")):
        assert config.actors == "figures" and config.classes == FIGURE_CLASSES
        specs = sample_specs(config, clips_per_class=2, seed=0)
        assert [spec.label for spec in specs] == [label for label in FIGURE_CLASSES for _ in range(2)]
        assert all(spec.shape in BUILDS and isinstance(spec.motion, FigureMotion) for spec in specs)
        assert all(spec.actors == "figures" and "np." not in repr(spec) for spec in specs)
        for spec in specs:
            assert spec.motion.rates == phase_rates(spec.label, pace=spec.motion.pace, frames=8)
    assert untied_studio(actors="figures") == replace(untied_studio(), actors="figures")
    for wrong in ("puppets", ["figures"]):
        with pytest.raises(ValueError, match=r"actors is .*; expected one of sprites, figures"):
            SyntheticConfig(actors=wrong)
    sprite = sample_specs(studio(), clips_per_class=1, seed=0)[0]
    with pytest.raises(ValueError, match="label is 'rise'; expected one of walk, run"):
        replace(specs[0], label="rise")
    with pytest.raises(ValueError, match="shape is 'walk'; expected one of even, slim"):
        replace(specs[0], shape="walk")
    with pytest.raises(ValueError, match="label is 'slide_left'; expected one of walk, run"):
        replace(sprite, motion=specs[0].motion)


def test_the_frame_in_the_middle_is_the_same_whatever_the_action():
    """One frame says nothing about the class: a pose is drawn first, and the class only says which phase runs on."""
    spec = figure("squat", frames=9, config=street(actors="figures"))
    first = render(spec)
    for label in FIGURE_CLASSES:
        other = figure(label, frames=9).motion
        moved = render(replace(spec, label=label, motion=replace(spec.motion, rates=other.rates)))
        assert torch.equal(moved.frames[:, 4], first.frames[:, 4])
        assert torch.equal(moved.mask[4], first.mask[4])
        assert label == "squat" or not torch.equal(moved.frames, first.frames)


@pytest.mark.parametrize("config", [studio(actors="figures"), street(actors="figures")], ids=["studio", "street"])
def test_poses_places_and_sizes_are_distributed_alike_for_all_classes_in_every_frame(config):
    specs = sample_specs(config, clips_per_class=120, seed=6)
    for time in (-3.5, 0.0, 3.5):
        phase = np.array([np.add(s.motion.phases, time * np.array(s.motion.rates)) for s in specs])
        drawn = np.concatenate(
            [
                np.cos(phase),
                np.sin(phase),
                [[*s.motion.centre, np.log(s.motion.height), s.motion.facing] for s in specs],
            ],
            axis=1,
        ).reshape(8, 120, 20)
        spread = drawn.std(axis=(0, 1))
        assert (np.abs(drawn.mean(axis=1) - drawn.mean(axis=(0, 1))) < 4 * spread / np.sqrt(120)).all()
        assert (np.abs(drawn.std(axis=1) / spread - 1) < 0.25).all()
    paces = [s.motion.pace for s in specs]
    low, high = (2 ** (sign * (0.5 + 0.5 * config.speed)) for sign in (-1, 1))
    assert low <= min(paces) < low * 1.02 and high / 1.02 < max(paces) <= high


@pytest.mark.parametrize("bias", [0.0, 0.6, 1.0])
def test_build_look_and_background_go_with_the_class_as_often_as_the_bias_says(bias):
    specs = sample_specs(replace(studio(actors="figures"), appearance_bias=bias), clips_per_class=90, seed=1)
    expected = bias + (1 - bias) / 8
    margin = 3.5 * np.sqrt(expected * (1 - expected) / len(specs))
    for part in ("surface", "background"):
        own = np.mean([FIGURE_CLASSES[getattr(spec, part).look] == spec.label for spec in specs])
        assert abs(own - expected) <= margin
    assert all(spec.shape == tuple(BUILDS)[spec.surface.look] for spec in specs)


@pytest.mark.parametrize("bias", [0.0, 0.6, 1.0])
def test_camera_and_pace_go_with_the_action_as_often_as_the_motion_bias_says(bias):
    config = replace(untied_studio(actors="figures"), motion_bias=bias, pan=0.1)
    specs = sample_specs(config, clips_per_class=60, seed=2)
    turn = 2 * np.pi * (np.array([FIGURE_CLASSES.index(spec.label) for spec in specs]) + 0.5) / 8
    own = 0.1 * 64 * np.sqrt(2) * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    tied = np.isclose([spec.camera.pan for spec in specs], own).all(axis=1)
    assert abs(tied.mean() - bias) <= 3.5 * np.sqrt(bias * (1 - bias) / len(specs))
    for label in FIGURE_CLASSES:  # all tied clips of a class share one pace
        of_class = [t for t, s in zip(tied, specs, strict=True) if s.label == label]
        paces = {round(s.motion.pace, 9) for s in specs if s.label == label}
        assert len(paces) == 60 - sum(of_class) + (bias > 0)


@pytest.mark.parametrize(
    ("dial", "value", "fields"),
    [
        ("palette", 0.3, {"surface.colours", "background.colours"}),
        ("texture", 0.7, {"surface.roughness", "background.roughness"}),
        ("light", 0.4, {"light.brightness", "light.contrast", "light.gradient", "light.flicker"}),
        ("noise", 0.7, {"noise_sd"}),
        ("pan", 0.12, {"camera.pan"}),
        ("shake", 0.5, {"camera.shake"}),
        ("speed", 0.7, {"motion.rates", "motion.pace"}),
        ("scale", 0.7, {"motion.height"}),
        ("compression", 1.0, {"crf"}),
        ("motion_bias", 1.0, {"motion.rates", "motion.pace"}),
    ],
)
def test_each_dial_changes_its_own_factor_of_a_figure_s_clip_and_nothing_else(dial, value, fields):
    plain, dialled = (
        sample_specs(config, clips_per_class=1, seed=4)
        for config in (untied_studio(actors="figures"), replace(untied_studio(actors="figures"), **{dial: value}))
    )
    for one, other in zip(plain, dialled, strict=True):
        first, second = (flat(asdict(spec)) for spec in (one, other))
        assert {name for name in first if first[name] != second[name]} == fields


def flat(values, prefix=""):
    found = {}
    for name, value in values.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found


@pytest.mark.parametrize("config", [studio(actors="figures"), street(actors="figures")], ids=["studio", "street"])
def test_figures_stay_in_the_frame(config):
    inside = []
    for spec in sample_specs(config, clips_per_class=3, seed=8):
        areas = [(limbs(spec.motion, spec.shape, size=size, camera=CAMERA).coverage >= 0.5).sum() for size in (64, 100)]
        inside.append(areas[0] / areas[1])
    assert min(inside) > 0.7 and np.mean(inside) > 0.95


@pytest.mark.parametrize("label", FIGURE_CLASSES)
def test_exact_flow_warps_each_frame_of_a_figure_onto_the_one_before(label):
    config = replace(untied_studio(actors="figures"), texture=1.0, pan=0.1, shake=1.0, size=128)
    spec = figure(label, frames=16, config=config, seed=11)
    clip = render(replace(spec, noise_sd=0.0))
    frames, flow = clip.frames.float()[None] / 255, clip.flow[None]
    # Seen again: the part that is on top now is on top where its point goes to.
    top = torch.from_numpy(top_parts(spec))
    assert torch.equal(top >= 0, clip.mask)
    shown = torch.stack([top == part for part in range(-1, len(PARTS))]).float()[None]
    seen = ((warp(shown[:, :, 1:], flow) > 0.999) & (shown[:, :, :-1] > 0)).any(dim=1)
    assert seen.float().mean() > 0.9
    error, reverse, still = (
        photometric_error(frames[:, :, :-1], frames[:, :, 1:], way) for way in (flow, -flow, 0 * flow)
    )
    for place in (clip.mask[None, :-1], ~clip.mask[None, :-1]):
        where = seen & place & ~error.isnan() & ~reverse.isnan()
        assert error[where].mean() < 0.015
        assert error[where].mean() < 0.5 * min(still[where].mean(), reverse[where].mean())


def test_a_mirrored_figure_moves_the_mirrored_way():
    spec = figure("walk", config=street(actors="figures"))
    motion, pan = spec.motion, spec.camera.pan
    mirrored = replace(
        spec,
        motion=replace(motion, centre=(-motion.centre[0], motion.centre[1]), facing=-motion.facing),
        camera=replace(spec.camera, pan=(-pan[0], pan[1]), shake=tuple((-x, y) for x, y in spec.camera.shake)),
    )
    one, other = render(spec), render(mirrored)
    assert torch.equal(one.mask.flip(-1), other.mask)
    sign = torch.tensor([-1.0, 1.0])[:, None, None, None]
    assert (one.flow.flip(-1) * sign - other.flow).abs().max() < 1e-4


def test_a_jump_rises_up_the_screen_and_falls_down_it_and_a_sidestep_goes_where_the_figure_faces():
    spec = figure("jump", frames=9)
    phases = (0.7, 0.0, np.pi, 0.5, 0.8, 0.9, 0.3, 0.0)
    motion = replace(spec.motion, facing=1, phases=phases, rates=(0.0, 0.0, 0.2, *STILL[3:]))
    clip = render(replace(spec, motion=motion))
    right, down = clip.flow
    assert right.abs().max() < 1e-5
    assert (down[:4][clip.mask[:4]] < 0).all() and (down[4:][clip.mask[4:8]] > 0).all()
    height = 0.16 * motion.height * np.cos(0.2 * (np.arange(9) - 4))
    for i in range(8):
        assert down[i][clip.mask[i]].mean().item() == pytest.approx(height[i] - height[i + 1], abs=1e-4)
    for facing in (1, -1):
        clip = render(replace(spec, motion=replace(motion, facing=facing, rates=(*STILL[:7], 0.2))))
        right, down = clip.flow
        assert down.abs().max() < 1e-5 and (facing * right[clip.mask[:-1]] > 0).all()


def test_flow_of_a_still_figure_is_the_camera_s():
    spec = figure("wave", config=street(actors="figures"))
    still = replace(spec, motion=replace(spec.motion, rates=STILL))
    step = np.diff(np.linspace(-0.5, 0.5, 8)[:, None] * spec.camera.pan + np.array(spec.camera.shake), axis=0)
    expected = torch.from_numpy(step.T).float()[:, :, None, None].expand(2, 7, 64, 64)
    torch.testing.assert_close(render(still).flow, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("frames", "size"), [(4, 32), (16, 112)])
def test_figures_of_other_sizes_and_frames_show_the_same_action(frames, size):
    config = untied_studio(actors="figures")
    plain = figure("clap", config=config)
    other = figure("clap", frames=frames, config=replace(config, size=size))
    assert other.motion.height == pytest.approx(plain.motion.height * size / 64)
    assert other.motion.rates[4] * (frames - 1) == pytest.approx(plain.motion.rates[4] * 7)
    assert other.motion.phases == plain.motion.phases
    clip = render(other)
    assert clip.frames.shape == (3, frames, size, size)
    assert clip.flow.shape == (2, frames - 1, size, size)
    # Start and end of the clip are the same poses.
    first, last = (render(plain).mask[i].float()[None, None] for i in (0, -1))
    for mask, known in ((clip.mask[0], first), (clip.mask[-1], last)):
        known = torch.nn.functional.interpolate(known, size=(size, size), mode="area")[0, 0]
        assert (mask.float() - known).abs().mean() < 0.03


def test_equal_specs_give_equal_figures():
    first, again = (render(figure("run", config=street(actors="figures"), seed=14)) for _ in range(2))
    assert torch.equal(first.frames, again.frames) and torch.equal(first.flow, again.flow)
    assert (first.frames.dtype, first.flow.dtype, first.mask.dtype) == (torch.uint8, torch.float32, torch.bool)
    assert not torch.equal(first.frames, render(figure("run", config=street(actors="figures"), seed=15)).frames)


# twin


@pytest.mark.parametrize("factor", FACTORS)
def test_a_figure_s_twin_differs_in_its_factor_only(factor):
    spec, other = (
        figure(label, config=street(actors="figures"), seed=seed) for label, seed in (("walk", 15), ("squat", 16))
    )
    other = replace(other, crf=20, noise_sd=0.1)
    one = twin(spec, factor, other=other)
    fields = {"motion": {"motion", "label"}, "noise": {"noise_sd", "noise_seed"}, "compression": {"crf"}}
    before, after = flat(asdict(spec)), flat(asdict(one))
    assert {name.split(".")[0] for name in before if before[name] != after[name]} == fields.get(factor, {factor})
    assert twin(one, factor, other=spec) == spec
    same_flow = torch.equal(render(one).flow, render(spec).flow)
    assert same_flow == (factor not in ("motion", "shape", "camera"))


def test_a_figure_is_no_twin_of_a_sprite():
    sprite = sample_specs(studio(), clips_per_class=1, seed=0)[0]
    with pytest.raises(ValueError, match="the clips are of sprites and of figures; twins need two clips of one kind"):
        twin(sprite, "light", other=figure())


# write_synthetic_dataset, dataset_specs


def test_a_dataset_of_figures_is_written_and_read_back(tmp_path):
    config = replace(street(actors="figures"), size=32)
    folder = write_synthetic_dataset(tmp_path / "figures", config=config, clips_per_class=1, seed=3)
    record = json.loads((folder / "dataset.json").read_text())
    assert record["config"] == asdict(config) and record["config"]["actors"] == "figures"
    assert record["classes"] == list(FIGURE_CLASSES)
    specs = dataset_specs(folder)
    assert specs == sample_specs(config, clips_per_class=1, seed=3)
    with (folder / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row, spec in zip(rows, specs, strict=True):
        assert (row["file"], row["label"]) == (f"videos/{spec.label}_0000.mp4", spec.label)
        assert row["object_look"] == FIGURE_CLASSES[spec.surface.look]
        assert float(row["height_px"]) == pytest.approx(spec.motion.height, abs=1e-3)
    clip = render(specs[4])
    back = read_clip(folder / rows[4]["file"], frames=8, size=None)
    assert (back.float() - clip.frames.float()).abs().mean() < 14  # crf 30 and sensor noise
    assert torch.equal(load_exact(folder, rows[4]["file"]).mask, clip.mask)
    for change in ({"actors": "ponies"}, {"actors": ["figures"]}):
        (folder / "dataset.json").write_text(json.dumps({**record, "config": record["config"] | change}))
        with pytest.raises(ValueError, match=r"describes no world: actors is .*; expected one of sprites, figures"):
            dataset_specs(folder)
    with pytest.raises(ValueError, match="holds another synthetic dataset, with other config and classes"):
        write_synthetic_dataset(folder, config=replace(street(), size=32), clips_per_class=1, seed=3)


# synthetic_world


def test_a_world_of_figures_lies_beside_that_of_sprites(tmp_path):
    def world(**options):
        clips = {"train_per_class": 1, "validation_per_class": 1, "test_per_class": 1}
        return synthetic_world(tmp_path, seed=0, **clips, frames=4, size=16, rendered_size=16, **options)

    sprites, figures = world(), world(actors="figures")
    assert len(list(tmp_path.iterdir())) == 10
    for split in (figures.train, figures.validation, *figures.tests.values()):
        assert split.classes == FIGURE_CLASSES
        assert [spec.label for spec in dataset_specs(split.examples[0].path.parents[1])] == list(FIGURE_CLASSES)
    assert sprites.train.classes == CLASSES
    same = world(source=studio(actors="figures"), target=street(actors="figures"))
    dialled = world(target=replace(street(), pan=0.05), actors="figures")
    assert same.street.examples == figures.street.examples == world(actors="figures").street.examples
    assert dialled.train.examples == figures.train.examples and dialled.street.examples != figures.street.examples
    assert world(source=studio(actors="figures"), actors="sprites").train.examples == sprites.train.examples
    exact, mask = figures.street.exact(0)
    assert exact.shape == (2, 3, 16, 16) and mask.any()
    with pytest.raises(DatasetError, match="the source has figures and the target sprites; a class must mean the same"):
        world(source=studio(actors="figures"))
