"""The loss-weight explorer: what a weight for flow and one for frames did to one training run.

Nothing is trained here: the runs are the trials that the kit carries (`rev2net trials weights`), one seed each.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rev2net_lite.plots import Picture, weight_maps
from rev2net_lite.trials import TrialResult, read_trials
from rev2net_lite.widgets.shell import Choice, Explorer

__all__ = ["WeightsState", "render_weights", "weights_explorer"]

_FLOW = ("0", "0.5", "2", "8")
_FRAME = ("0", "1", "4", "16")
_SPLITS = ("studio", "untied", "street")
# Measures of a test, and of the curves: name with unit, key in the record, factor.
_TESTS = (("accuracy (%)", "accuracy", 100), ("EPE (px)", "flow_error_px", 1), ("PSNR (dB)", "psnr_db", 1))
_CURVES = (
    ("validation accuracy (%)", "validation_accuracy", 100),
    ("validation EPE (px)", "validation_flow_error_px", 1),
    ("validation PSNR (dB)", "validation_psnr_db", 1),
)


@dataclass(frozen=True)
class WeightsState:
    """What the explorer shows.

    Args:
        flow_weight: `"0"`, `"0.5"`, `"2"` or `"8"`.
        frame_weight: `"0"`, `"1"`, `"4"` or `"16"`.
        split: the test that the maps show: `"studio"`, `"untied"` or `"street"`.

    Raises:
        ValueError: a field has none of these values.
    """

    flow_weight: str = "2"
    frame_weight: str = "4"
    split: str = "studio"

    def __post_init__(self) -> None:
        for name, value, choices in (
            ("flow_weight", self.flow_weight, _FLOW),
            ("frame_weight", self.frame_weight, _FRAME),
            ("split", self.split, _SPLITS),
        ):
            if value not in choices:
                raise ValueError(f"{name} is {value!r}; expected one of {', '.join(choices)}")


def render_weights(state: WeightsState) -> Picture:
    """The tests of all trials as maps, and the curves of the chosen one beside its neighbours'.

    A neighbour has the next smaller or larger weight of one task and the same of the other.
    """
    row, column = _FLOW.index(state.flow_weight), _FRAME.index(state.frame_weight)
    around = [(row, column), (row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
    shown = {
        f"flow {_FLOW[i]}, frame {_FRAME[j]}": _trials()[_FLOW[i], _FRAME[j]]
        for i, j in around
        if 0 <= i < len(_FLOW) and 0 <= j < len(_FRAME)
    }
    zero_px = _trials()[state.flow_weight, state.frame_weight].tests[state.split]["zero_flow_error_px"]
    return weight_maps(
        {f"{name} in {state.split}": values for (name, _, _), values in zip(_TESTS, _maps(state.split), strict=True)},
        flow_weights=[float(weight) for weight in _FLOW],
        frame_weights=[float(weight) for weight in _FRAME],
        chosen=(row, column),
        curves={
            name: {trial: [factor * value for value in result.curves[key]] for trial, result in shown.items()}
            for name, key, factor in _CURVES
        },
        limits={f"{name} in {state.split}": ends for name, ends in _test_limits().items()} | _curve_limits(),
        title=f"Loss weights and what they gave, one seed; zero flow in {state.split} has an EPE of {zero_px:.2f} px",
    )


def weights_explorer(state: WeightsState = WeightsState()) -> Explorer[WeightsState]:
    """Controls over `render_weights`."""
    return Explorer(
        render_weights,
        state,
        (
            Choice("flow_weight", "flow weight", _FLOW),
            Choice("frame_weight", "frame weight", _FRAME),
            Choice("split", "test of the maps", _SPLITS),
        ),
        name="weights",
    )


@lru_cache(maxsize=1)
def _trials() -> dict[tuple[str, str], TrialResult]:
    """The trials by flow weight and frame weight."""
    return {
        (f"{result.trial.losses.flow_weight:g}", f"{result.trial.losses.frame_weight:g}"): result
        for result in read_trials("weights")[0]
    }


def _maps(split: str) -> list[np.ndarray]:
    """One map per measure: a row per flow weight, a column per frame weight."""
    return [
        np.array([[factor * _trials()[flow, frame].tests[split][key] for frame in _FRAME] for flow in _FLOW])
        for _, key, factor in _TESTS
    ]


@lru_cache(maxsize=1)
def _test_limits() -> dict[str, tuple[float, float]]:
    """Ends of each measure over all trials and splits."""
    every = [np.stack(values) for values in zip(*(_maps(split) for split in _SPLITS), strict=True)]
    return {name: (float(v.min()), float(v.max())) for (name, _, _), v in zip(_TESTS, every, strict=True)}


@lru_cache(maxsize=1)
def _curve_limits() -> dict[str, tuple[float, float]]:
    """Ends of each curve's scale over all trials, with a little room."""
    limits = {}
    for name, key, factor in _CURVES:
        values = factor * np.array([result.curves[key] for result in _trials().values()])
        room = 0.05 * (values.max() - values.min())
        limits[name] = (float(values.min() - room), float(values.max() + room))
    return limits
