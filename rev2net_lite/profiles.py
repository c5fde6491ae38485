"""How large an experiment is: one profile per kind of machine, picked by name."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["PROFILES", "Profile", "get_profile"]


@dataclass(frozen=True)
class Profile:
    """Sizes of data, model and training that belong together.

    Args:
        name: what the user types.
        train_per_class: clips of each class that a model is trained on.
        validation_per_class: clips of each class, from the source domain, that settings are chosen with.
        test_per_class: clips of each class in each test split.
        frames: frames of a clip.
        size: height and width in px of the clips that a model sees.
        rendered_size: height and width in px at which the synthetic world is drawn and encoded.
        epochs: passes over the training clips.
        batch_size: clips of one training step.
        model_size: "tiny", "small" or "base".
        precision: "fp32" or "bf16" (autocast).
        threads: processor threads of one notebook; fixed, because their number changes the last digits of a loss.

    Raises:
        ValueError: a number is below 1, clips are larger than they are drawn, or a name is not one of those listed.
    """

    name: str
    train_per_class: int
    validation_per_class: int
    test_per_class: int
    frames: int
    size: int
    rendered_size: int
    epochs: int
    batch_size: int
    model_size: str
    precision: Literal["fp32", "bf16"]
    threads: int

    def __post_init__(self) -> None:
        counts = {
            "train_per_class": self.train_per_class,
            "validation_per_class": self.validation_per_class,
            "test_per_class": self.test_per_class,
            "frames": self.frames,
            "size": self.size,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "threads": self.threads,
        }
        for field, count in counts.items():
            if count < 1:
                raise ValueError(f"profile '{self.name}' has {field} = {count}; it should be at least 1")
        if self.rendered_size < self.size:
            raise ValueError(
                f"profile '{self.name}' draws clips at {self.rendered_size} px and reads them at {self.size} px; "
                "rendered_size should not be below size"
            )
        if self.model_size not in ("tiny", "small", "base"):
            raise ValueError(f"model_size is '{self.model_size}'; it should be tiny, small or base")
        if self.precision not in ("fp32", "bf16"):
            raise ValueError(f"precision is '{self.precision}'; it should be fp32 or bf16")


# Minutes on two processor cores, one notebook on each.
_LAPTOP = Profile(
    name="laptop",
    train_per_class=100,
    validation_per_class=10,
    test_per_class=40,
    frames=8,
    size=32,
    rendered_size=64,
    epochs=12,
    batch_size=8,
    model_size="tiny",
    precision="fp32",
    threads=1,
)

PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (
        # Seconds: shows that every line runs; the numbers mean nothing.
        Profile(
            name="smoke",
            train_per_class=6,
            validation_per_class=2,
            test_per_class=4,
            frames=8,
            size=32,
            rendered_size=64,
            epochs=2,
            batch_size=16,
            model_size="tiny",
            precision="fp32",
            threads=1,
        ),
        _LAPTOP,
        # Minutes on one data-centre GPU.
        Profile(
            name="gpu",
            train_per_class=125,
            validation_per_class=12,
            test_per_class=60,
            frames=16,
            size=112,
            rendered_size=112,
            epochs=20,
            batch_size=64,
            model_size="base",
            precision="bf16",
            threads=8,
        ),
        # At least 1,000 clips in each test split: fewer do not tell the models apart.
        replace(_LAPTOP, name="study", test_per_class=160),
    )
}


def get_profile(name: str) -> Profile:
    """The profile of that name.

    Raises:
        ValueError: there is none; the message lists them.

    >>> get_profile("laptop").epochs
    12
    """
    if name not in PROFILES:
        raise ValueError(f"there is no profile '{name}'; choose one of {', '.join(PROFILES)}")
    return PROFILES[name]
