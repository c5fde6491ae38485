"""The discrepancy explorer: what the penalty's form, weight, levels and teacher did to one training run.

Nothing is trained here: the runs are the trials that the kit carries (`rev2net trials discrepancy`), one seed each.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from rev2net_lite.losses import LossConfig
from rev2net_lite.plots import AccuracyRow, PenaltyCurves, Picture, penalty_over_training
from rev2net_lite.trials import TrialResult, read_trials
from rev2net_lite.widgets.shell import Choice, Explorer, Steps

__all__ = ["DiscrepancyState", "discrepancy_explorer", "render_discrepancy"]

_FORMS = {
    "relative L2": ("l2", "energy"),
    "directions": ("l2", "channel"),
    "raw L2": ("l2", "none"),
    "relative L1": ("l1", "energy"),
}
_WEIGHTS = ("0.1", "1", "10")
_LEVELS = {"both stages": None, "coarse stage only": (0,)}
_TEACHERS = {"flow decoder": "flow", "no teacher": "none"}
_LAST = 12


@dataclass(frozen=True)
class DiscrepancyState:
    """What the explorer shows.

    Args:
        form: `"relative L2"`, `"directions"`, `"raw L2"` or `"relative L1"`.
        weight: `"0.1"`, `"1"` or `"10"`.
        levels: `"both stages"` or `"coarse stage only"`.
        teacher: `"flow decoder"` (its features get no gradient from the penalty) or `"no teacher"`.
        epoch: from 0, before training, to 12.

    Raises:
        ValueError: a field has none of these values.
    """

    form: str = "relative L2"
    weight: str = "0.1"
    levels: str = "both stages"
    teacher: str = "flow decoder"
    epoch: int = _LAST

    def __post_init__(self) -> None:
        for name, value, choices in (
            ("form", self.form, tuple(_FORMS)),
            ("weight", self.weight, _WEIGHTS),
            ("levels", self.levels, tuple(_LEVELS)),
            ("teacher", self.teacher, tuple(_TEACHERS)),
        ):
            if value not in choices:
                raise ValueError(f"{name} is {value!r}; expected one of {', '.join(choices)}")
        if not 0 <= self.epoch <= _LAST:
            raise ValueError(f"epoch is {self.epoch}; expected 0, before training, to {_LAST}")


def render_discrepancy(state: DiscrepancyState) -> Picture:
    """The trial of that setting up to that epoch, the run without the penalty beside it.

    The discrepancy without a penalty is the relative L2 of both stages; other forms have another scale.

    Raises:
        ValueError: no trial was run with this setting.
    """
    trials = _trials()
    found = trials.get(_key(state))
    if found is None:
        raise ValueError(
            f"no trial was run with {state.form}, {state.levels}, {state.teacher}; the coarse stage alone was tried "
            "with relative L2 and the flow decoder as teacher: choose these, or both stages"
        )
    reference = trials[None]
    rows = [
        AccuracyRow(model=model, split=split, mean=test["accuracy"], low=test["low"], high=test["high"], n=test["n"])
        for model, result in (("this run", found), ("no penalty", reference))
        for split, test in result.tests.items()
    ]
    return penalty_over_training(
        _curves(found),
        reference=_curves(reference),
        epoch=state.epoch,
        zero_flow_error_px=reference.curves["validation_zero_flow_error_px"][-1],
        tests=rows,
        among=[_curves(result) for result in trials.values()],
        title=f"{state.form}, weight {state.weight}, {state.levels}, {state.teacher}: epoch {state.epoch}, one seed",
    )


def discrepancy_explorer(state: DiscrepancyState = DiscrepancyState()) -> Explorer[DiscrepancyState]:
    """Controls over `render_discrepancy`."""
    return Explorer(
        render_discrepancy,
        state,
        (
            Choice("form", "form of the penalty", tuple(_FORMS)),
            Choice("weight", "weight", _WEIGHTS),
            Choice("levels", "stages compared", tuple(_LEVELS)),
            Choice("teacher", "teacher", tuple(_TEACHERS)),
            Steps("epoch", "epoch", _LAST),
        ),
        name="discrepancy",
    )


_Key = tuple[str, str, float, tuple[int, ...] | None, str]


def _key(state: DiscrepancyState) -> _Key:
    form, normalise = _FORMS[state.form]
    return form, normalise, float(state.weight), _LEVELS[state.levels], _TEACHERS[state.teacher]


@lru_cache(maxsize=1)
def _trials() -> dict[_Key | None, TrialResult]:
    """The trials by setting; None is the one without the penalty."""

    def key(losses: LossConfig) -> _Key | None:
        if losses.discrepancy_weight == 0:
            return None
        return (
            losses.discrepancy_form,
            losses.discrepancy_normalise,
            losses.discrepancy_weight,
            losses.discrepancy_levels,
            losses.discrepancy_detach,
        )

    return {key(result.trial.losses): result for result in read_trials("discrepancy")[0]}


def _curves(result: TrialResult) -> PenaltyCurves:
    curves = result.curves
    return PenaltyCurves(
        discrepancy=curves["discrepancy"],
        cka=[curves[f"validation_cka_{stage}"] for stage in range(2)],
        flow_error_px=curves["validation_flow_error_px"],
        psnr_db=curves["validation_psnr_db"],
        accuracy=curves["validation_accuracy"],
    )
