from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from rev2net_lite.bias import (
    TIED_FACTORS,
    _object_places,
    clip_specs,
    conflict,
    factor_level,
    factor_levels,
    frame_giveaway,
    hit_rate,
    pick_donors,
    probabilities,
    recorded_clips,
    tie,
    twin_effect,
    twin_specs,
)
from rev2net_lite.datasets import ClipDataset, Example, Sampling, SyntheticWorld
from rev2net_lite.evaluation import accuracy, evaluate, paired_interval
from rev2net_lite.figures import BUILDS, FIGURE_CLASSES
from rev2net_lite.models import build_model
from rev2net_lite.shapes import ShapeError
from rev2net_lite.synthetic import (
    CLASSES,
    FACTORS,
    SHAPES,
    Camera,
    ClipSpec,
    SyntheticConfig,
    dataset_specs,
    sample_specs,
    street,
    studio,
    untied_studio,
)


def clips_of(config: SyntheticConfig, count: int = 2, seed: int = 0) -> list[ClipSpec]:
    return sample_specs(replace(config, size=16, frames=4), clips_per_class=count, seed=seed)


# --- specs of a split ---


def test_specs_stand_in_the_order_of_the_split(world: SyntheticWorld) -> None:
    part = world.street.subset([9, 2, 5])
    specs = clip_specs(part)
    assert [CLASSES.index(spec.label) for spec in specs] == part.labels.tolist()
    whole = dataset_specs(world.street.examples[0].path.parent.parent)
    assert specs == [whole[9], whole[2], whole[5]]


def test_a_split_that_is_not_synthetic_has_no_specs(tmp_path: Path) -> None:
    split = ClipDataset("own", ("rise",), [Example(tmp_path / "rise" / "a.mp4", 0)], Sampling(), tmp_path)
    with pytest.raises(ValueError, match=r"has no readable dataset\.json"):
        clip_specs(split)


# --- levels ---


@pytest.mark.parametrize("factor", TIED_FACTORS)
def test_every_level_that_occurs_is_among_the_levels(factor: str) -> None:
    levels = factor_levels(factor)
    assert len(set(levels)) == len(levels)
    wild = replace(street(), speed=2.0)
    assert {factor_level(spec, factor) for spec in clips_of(wild, 5)} <= set(levels)


def test_levels_of_one_clip() -> None:
    spec = clips_of(studio())[0]
    spec = replace(spec, surface=replace(spec.surface, look=3), background=replace(spec.background, look=5))
    assert factor_level(spec, "surface") == CLASSES[3] and factor_level(spec, "background") == CLASSES[5]
    assert factor_level(replace(spec, shape="heart"), "shape") == "heart"
    assert factor_level(spec, "pan") == "still"


@pytest.mark.parametrize(
    ("pan", "octant"),
    [((1, 0), 0), ((1, 1), 1), ((0, 1), 2), ((-1, 1), 3), ((-1, 0), 4), ((0, -1), 6), ((1, -1e-20), 0)],
)
def test_a_pan_is_told_by_its_direction_clockwise_from_the_right(pan: tuple[float, float], octant: int) -> None:
    spec = clips_of(studio())[0]
    moved = replace(spec, camera=Camera(pan=pan, shake=spec.camera.shake))
    assert factor_level(moved, "pan") == f"{45 * octant} to {45 * (octant + 1)} degrees"


@pytest.mark.parametrize(("pace", "step"), [(0.5, 0), (0.99, 7), (1.0, 8), (1.95, 15), (2.0, 15), (2.8, 15), (0.3, 0)])
def test_a_pace_is_told_on_a_scale_from_half_to_twice(pace: float, step: int) -> None:
    spec = clips_of(studio())[0]
    paced = replace(spec, motion=replace(spec.motion, pace=pace))
    assert factor_level(paced, "pace") == factor_levels("pace")[step]


def test_an_unknown_factor_is_refused() -> None:
    message = "factor is 'colour'; expected one of surface, shape, background, pace, pan"
    with pytest.raises(ValueError, match=message):
        factor_levels("colour")
    with pytest.raises(ValueError, match=message):
        factor_level(clips_of(studio())[0], "colour")


# --- ties ---


def test_a_hit_rate_is_an_accuracy() -> None:
    logits, labels = torch.eye(3)[[0, 1, 2, 2, 0]], torch.tensor([0, 1, 2, 0, 0])
    assert hit_rate(logits.argmax(-1) == labels) == accuracy(logits, labels)
    with pytest.raises(ValueError, match=r"hits have dtype torch\.int64; expected bool: compare predictions with"):
        hit_rate(torch.tensor([0, 1]))
    with pytest.raises(ShapeError, match="hits has"):
        hit_rate(torch.zeros(2, 2, dtype=torch.bool))


@pytest.mark.parametrize(
    ("config", "tied"),
    [
        (SyntheticConfig(appearance_bias=1.0), {"surface", "shape", "background"}),
        (SyntheticConfig(appearance_bias=0.0, motion_bias=1.0), {"pace"}),
        (replace(street(), motion_bias=1.0), {"pace", "pan"}),
    ],
)
def test_a_full_tie_gives_the_label_away_and_no_tie_does_not(config: SyntheticConfig, tied: set[str]) -> None:
    learned_from, specs = clips_of(config, 60), clips_of(config, 40, seed=1)
    for factor in TIED_FACTORS:
        found = tie(specs, factor, learned_from=learned_from)
        if factor in tied:
            assert found.information == pytest.approx(1) and found.guess.value == 1
        else:
            assert abs(found.information - found.by_chance) < 0.03
            assert abs(found.guess.value - 1 / 8) < 0.06  # three standard errors
        assert found.counts.shape == (len(found.levels), 8) and found.counts.sum(0).tolist() == [40] * 8


def test_information_equals_the_sum_over_cells() -> None:
    specs = clips_of(studio(), 30)
    found = tie(specs, "background")
    joint = found.counts.double() / found.counts.sum()
    expected = sum(
        joint[i, j].item() * math.log(joint[i, j].item() / (joint[i].sum().item() * joint[:, j].sum().item()))
        for i in range(8)
        for j in range(8)
        if joint[i, j] > 0
    )
    assert found.information == pytest.approx(expected / math.log(8))
    # Eight looks, eight classes, 240 clips.
    assert found.by_chance == pytest.approx(49 / (2 * 240) / math.log(8))
    for row, level in zip(found.counts, found.levels, strict=True):
        for count, label in zip(row.tolist(), CLASSES, strict=True):
            assert count == sum(s.label == label and CLASSES[s.background.look] == level for s in specs)


def test_the_guess_is_right_as_often_as_the_bias_says() -> None:
    found = tie(clips_of(studio(), 100, seed=3), "surface", learned_from=clips_of(studio(), 100, seed=4))
    assert found.guess.n == 800
    assert found.guess.low < 0.8 + 0.2 / 8 < found.guess.high  # type: ignore[operator]


def test_the_guesser_knows_only_what_it_learned_from() -> None:
    tied = clips_of(SyntheticConfig(appearance_bias=1.0))
    shifted = [replace(spec, label=CLASSES[(CLASSES.index(spec.label) + 1) % 8]) for spec in tied]
    assert tie(tied, "surface", learned_from=shifted).guess.value == 0


@pytest.mark.parametrize("specs", [[], clips_of(studio(), 3)[:3]])
def test_a_tie_needs_two_classes(specs: list[ClipSpec]) -> None:
    with pytest.raises(ValueError, match=rf"the {len(specs)} clips are of one class or none; a tie needs"):
        tie(specs, "surface")


# --- twins ---


def test_donors_are_of_the_other_classes_in_turn() -> None:
    specs, pool = clips_of(studio(), 7), clips_of(street(), 3)
    donors = pick_donors(specs, pool)
    for k, label in enumerate(CLASSES):
        chosen = donors[7 * k : 7 * (k + 1)]
        assert sorted(donor.label for donor in chosen) == sorted(set(CLASSES) - {label})
    assert all(donor in pool for donor in donors)
    two = [spec for spec in pool if spec.label in CLASSES[:2]]
    assert {d.label for d in pick_donors(specs[:7], two)} == {CLASSES[1]}


def test_a_pool_of_the_clips_own_class_is_refused() -> None:
    specs = clips_of(studio())
    with pytest.raises(ValueError, match="the pool of 2 clips has none of another class than slide_left; a twin takes"):
        pick_donors(specs, specs[:2])


@pytest.mark.parametrize("factor", FACTORS)
def test_a_twin_takes_that_factor_and_no_other(factor: str) -> None:
    specs = clips_of(untied_studio())
    donors = pick_donors(specs, clips_of(street(), seed=5))
    fields = {"noise": ("noise_sd", "noise_seed"), "compression": ("crf",), "motion": ("motion", "label")}
    own = fields.get(factor, (factor,))
    for spec, donor, changed in zip(specs, donors, twin_specs(specs, factor, donors=donors), strict=True):
        assert replace(spec, **{name: getattr(donor, name) for name in own}) == changed


def test_several_factors_change_at_once() -> None:
    specs = clips_of(untied_studio())
    donors = pick_donors(specs, clips_of(untied_studio(), seed=5))
    changed = twin_specs(specs, ("surface", "shape", "background"), donors=donors)
    for spec, donor, new in zip(specs, donors, changed, strict=True):
        assert new == replace(spec, surface=donor.surface, shape=donor.shape, background=donor.background)


def test_twins_that_cannot_be_made_are_refused() -> None:
    specs = clips_of(studio())
    with pytest.raises(ValueError, match="there are 1 donors for 16 clips; give each clip one"):
        twin_specs(specs, "shape", donors=specs[:1])
    with pytest.raises(ValueError, match="factors is empty; name at least one factor to change"):
        twin_specs(specs, (), donors=specs)
    with pytest.raises(ValueError, match="factor is 'colour'; expected one of motion"):
        twin_specs(specs, "colour", donors=specs)


def test_a_recorded_clip_is_the_one_that_a_dataset_reads(world: SyntheticWorld) -> None:
    specs = dataset_specs(world.untied.examples[0].path.parent.parent)
    clips = recorded_clips(specs[:3], sampling=world.untied.sampling)
    for index in range(3):
        assert torch.equal(clips[index], world.untied.clip(index))


def test_compression_reaches_the_recorded_clip() -> None:
    spec = sample_specs(replace(street(), size=32, frames=4), clips_per_class=1, seed=0)[0]
    sampling = Sampling(frames=4, size=(32, 32))
    fine, coarse = recorded_clips([replace(spec, crf=1), replace(spec, crf=45)], sampling=sampling).float()
    assert (fine - coarse).abs().mean() > 2


def test_no_clips_cannot_be_recorded() -> None:
    with pytest.raises(ValueError, match="specs is empty; pass at least one clip to record"):
        recorded_clips([], sampling=Sampling())


# --- predictions ---


def test_probabilities_are_those_of_evaluate_and_leave_the_model_in_its_mode(world: SyntheticWorld) -> None:
    model = build_model("rgb", classes=world.untied.classes, seed=0)
    clips = torch.stack([world.untied.clip(i) for i in range(len(world.untied))])
    model.train()
    found = probabilities(model, clips, batch_size=5)
    assert model.training
    torch.testing.assert_close(found, evaluate(model, world.untied).logits.softmax(-1), rtol=0, atol=1e-5)


def test_clips_that_are_not_uint8_and_models_that_take_flow_are_refused() -> None:
    clips = torch.zeros(2, 3, 4, 16, 16)
    with pytest.raises(ValueError, match=r"clips have dtype torch\.float32; expected uint8, as read_clip"):
        probabilities(build_model("rgb", classes=4), clips)
    with pytest.raises(ValueError, match="flow takes flow, but the clips were loaded without"):
        probabilities(build_model("flow", classes=4), clips.byte())
    with pytest.raises(ShapeError, match="clips has"):
        probabilities(build_model("rgb", classes=4), clips[0])


def test_the_effect_of_known_predictions() -> None:
    before = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6], [0.4, 0.5, 0.1]])
    after = torch.tensor([[0.1, 0.2, 0.7], [0.1, 0.8, 0.1], [0.5, 0.3, 0.2], [0.4, 0.1, 0.5]])
    labels, donors = torch.tensor([0, 1, 2, 0]), torch.tensor([2, 0, 1, 1])
    found = twin_effect(before, after, labels=labels, donor_labels=donors)
    assert (found.flips.value, found.flips.n) == (0.75, 4)
    assert (found.follows.value, found.follows_before.value) == (0.25, 0.25)
    torch.testing.assert_close(found.changes, torch.tensor([-0.6, 0, -0.4, 0]).double())
    expected = paired_interval([0.1, 0.8, 0.2, 0.4], [0.7, 0.8, 0.6, 0.4])
    assert found.change.value == pytest.approx(-0.25) and found.change.low == pytest.approx(expected.low)


def test_predictions_that_do_not_go_together_are_refused() -> None:
    p, labels = torch.full((3, 2), 0.5), torch.zeros(3, dtype=torch.long)
    with pytest.raises(ShapeError, match="before has"):
        twin_effect(p[0], p, labels=labels, donor_labels=labels)
    with pytest.raises(ShapeError, match="after has"):
        twin_effect(p, p[:2], labels=labels, donor_labels=labels)
    with pytest.raises(ShapeError, match="labels has"):
        twin_effect(p, p, labels=labels[:1], donor_labels=labels)
    with pytest.raises(ShapeError, match="donor_labels has"):
        twin_effect(p, p, labels=labels, donor_labels=labels[:1])


def test_conflict_counts_only_clips_whose_look_is_of_another_class() -> None:
    first = clips_of(studio())[0]  # slide_left, class 0
    looks = (0, 3, 3, 3, 5)
    specs = [replace(first, background=replace(first.background, look=look)) for look in looks]
    predicted = torch.tensor([0, 0, 3, 3, 1])
    found = conflict(specs, torch.eye(8)[predicted], "background")
    assert (found.label.value, found.look.value, found.look.n) == (0.25, 0.5, 4)
    assert found.each_other == pytest.approx(0.25 / 6)


def test_conflicts_that_cannot_be_are_refused() -> None:
    tied = clips_of(SyntheticConfig(appearance_bias=1.0))
    logits = torch.zeros(16, 8)
    with pytest.raises(ValueError, match="motion and surface agree in all 16 clips; take clips of a split with loose"):
        conflict(tied, logits, "surface")
    with pytest.raises(ValueError, match="factor is 'shape'; expected surface or background, whose looks are named"):
        conflict(tied, logits, "shape")
    with pytest.raises(ShapeError, match="logits has"):
        conflict(tied, logits[:3], "surface")


def test_shapes_are_the_levels_of_shape() -> None:
    assert factor_levels("shape") == SHAPES
    assert factor_levels("shape", actors="figures") == tuple(BUILDS)


def test_figures_are_counted_by_their_own_classes() -> None:
    tied = sample_specs(SyntheticConfig(appearance_bias=1.0, actors="figures"), clips_per_class=2, seed=0)
    for factor in ("surface", "shape", "background"):
        found = tie(tied, factor)
        assert (found.guess.value, found.classes) == (1.0, FIGURE_CLASSES)
        assert found.levels == (tuple(BUILDS) if factor == "shape" else FIGURE_CLASSES)
    assert tie(tied, "pace", learned_from=tied).classes == FIGURE_CLASSES
    assert factor_level(tied[2], "background") == "run" and factor_level(tied[2], "shape") == tuple(BUILDS)[1]
    donors = pick_donors(tied, tied)
    assert all(donor.label != spec.label for donor, spec in zip(donors, tied, strict=True))
    assert {spec.label for spec in twin_specs(tied, ["background", "shape"], donors=donors)} == set(FIGURE_CLASSES)
    loose = sample_specs(SyntheticConfig(appearance_bias=0.0, actors="figures"), clips_per_class=2, seed=0)
    right = torch.eye(8)[[FIGURE_CLASSES.index(spec.label) for spec in loose]]
    assert conflict(loose, right, "surface").label.value == 1.0
    sprites = clips_of(studio(), 1)
    for mixed in (lambda: tie(sprites, "pan", learned_from=tied), lambda: conflict(sprites + tied, right, "surface")):
        with pytest.raises(ValueError, match="the clips are of figures and of sprites; their classes differ, so count"):
            mixed()


# What a single frame gives away


class Drawn:
    """Clips of two frames of 20x40 px with a square of known place and size: what `frame_giveaway` asks a split for."""

    classes = ("left", "right")

    def __init__(self, centres: list[tuple[int | None, ...]], labels: list[int]) -> None:
        self.centres, self.labels = centres, torch.tensor(labels)

    def __len__(self) -> int:
        return len(self.centres)

    def exact(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        mask = torch.zeros(2, 20, 40, dtype=torch.bool)
        for frame, x in enumerate(self.centres[index]):
            if x is not None:
                mask[frame, 8:12, x - 2 : x + 2] = True
        return torch.zeros(2, 1, 20, 40), mask


def test_a_frame_gives_away_what_places_tell_and_no_more() -> None:
    # In the first frame everything is in the middle, in the last the classes are apart.
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 2, (200,), generator=generator).tolist()
    clips = Drawn([(20, 10 + 20 * k + i % 5) for i, k in enumerate(labels)], labels)
    asked = Drawn(clips.centres[:100], labels[:100])
    found = frame_giveaway(clips, asked, frames=(0, 1))  # type: ignore[arg-type]
    assert found[1].value == 1.0 and found[1].n == 100
    # All neighbours are as near: the vote is that of any, the same for every clip.
    assert found[0].low < 0.5 < found[0].high


def test_places_are_in_frame_sizes_and_an_empty_frame_is_the_middle() -> None:
    places = _object_places(Drawn([(10, None)], [0]))  # type: ignore[arg-type]
    assert places[0, 0].tolist() == pytest.approx([9.5 / 39, 9.5 / 19, (16 / 800) ** 0.5])
    assert places[0, 1].tolist() == [0.5, 0.5, 0.0]


def test_the_giveaway_of_the_world_is_measured_on_three_frames(world: SyntheticWorld) -> None:
    found = frame_giveaway(world.train, world.untied, neighbours=500)
    assert list(found) == [0, 4, 7]
    assert all(interval.n == len(world.untied) for interval in found.values())
