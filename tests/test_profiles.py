from __future__ import annotations

import dataclasses

import pytest

from rev2net_lite.profiles import PROFILES, get_profile


def test_profiles_are_found_by_their_own_name() -> None:
    assert {name: get_profile(name).name for name in PROFILES} == {name: name for name in PROFILES}
    assert list(PROFILES) == ["smoke", "laptop", "gpu", "study"]


def test_an_unknown_profile_lists_those_that_exist() -> None:
    with pytest.raises(ValueError, match="no profile 'lap'; choose one of smoke, laptop, gpu, study"):
        get_profile("lap")


def test_the_study_has_a_thousand_test_clips_of_eight_classes() -> None:
    assert 8 * get_profile("study").test_per_class >= 1000


@pytest.mark.parametrize(
    "field",
    ["train_per_class", "validation_per_class", "test_per_class", "frames", "size", "epochs", "batch_size", "threads"],
)
def test_counts_below_one_are_refused(field: str) -> None:
    with pytest.raises(ValueError, match=f"profile 'smoke' has {field} = 0; it should be at least 1"):
        dataclasses.replace(get_profile("smoke"), **{field: 0})


def test_clips_larger_than_they_are_drawn_are_refused() -> None:
    with pytest.raises(ValueError, match="draws clips at 16 px and reads them at 32 px"):
        dataclasses.replace(get_profile("smoke"), rendered_size=16)


def test_unknown_model_size_and_precision_are_refused() -> None:
    with pytest.raises(ValueError, match="model_size is 'huge'; it should be tiny, small or base"):
        dataclasses.replace(get_profile("smoke"), model_size="huge")
    with pytest.raises(ValueError, match="precision is 'fp16'; it should be fp32 or bf16"):
        dataclasses.replace(get_profile("smoke"), precision="fp16")
