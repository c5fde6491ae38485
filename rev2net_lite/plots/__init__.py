"""Every figure of the kit, as a `Picture`: a matplotlib figure together with the text that says what it shows.

Plots take arrays (torch tensors, numpy arrays, nested lists) and numbers, never loaders or models. No figure touches
pyplot's global state, follows a user's matplotlib settings, or outlives its `Picture`. Models and lines are told apart
by marker and line style as well as by colour (Okabe and Ito's set), flow by arrows as well as by the colour wheel.
"""

from rev2net_lite.plots.bias import (
    bias_lab,
    level_matrices,
    probe_bars,
    resampled_accuracy,
    twin_effects,
    twin_rows,
)
from rev2net_lite.plots.calibration import CalibrationRow, calibration
from rev2net_lite.plots.clips import (
    clip_rows,
    clip_strip,
    colour_wheel,
    error_map,
    flow_comparison,
    flow_strip,
    moving_picture,
    reconstruction,
)
from rev2net_lite.plots.curves import discrepancy_curves, loss_curves
from rev2net_lite.plots.discrepancy import (
    PenaltyCurves,
    PriceRow,
    curves_over,
    feature_pairs,
    penalty_over_training,
    penalty_price,
)
from rev2net_lite.plots.networks import architecture, kernel_slices, seen_part
from rev2net_lite.plots.picture import MovingPicture, Picture
from rev2net_lite.plots.planted import run_curves
from rev2net_lite.plots.results import (
    AccuracyRow,
    DifferenceRow,
    accuracy_intervals,
    confusion_matrix,
    paired_differences,
    prediction_bars,
)
from rev2net_lite.plots.scrubber import Scrubber, scrubber
from rev2net_lite.plots.signal import (
    brightness_row,
    constraint_lines,
    flow_cases,
    image_row,
    packet_sizes,
    sampling,
    time_stamps,
)
from rev2net_lite.plots.study import Cards, dial_curves, finding_cards
from rev2net_lite.plots.tasks import cosine_matrix, error_curves, flow_progress, loss_shapes, weight_maps
from rev2net_lite.plots.views import frame_view, model_view

__all__ = [
    "AccuracyRow",
    "CalibrationRow",
    "Cards",
    "DifferenceRow",
    "MovingPicture",
    "PenaltyCurves",
    "Picture",
    "PriceRow",
    "Scrubber",
    "accuracy_intervals",
    "architecture",
    "bias_lab",
    "brightness_row",
    "calibration",
    "clip_rows",
    "clip_strip",
    "colour_wheel",
    "confusion_matrix",
    "constraint_lines",
    "cosine_matrix",
    "curves_over",
    "dial_curves",
    "discrepancy_curves",
    "error_curves",
    "error_map",
    "feature_pairs",
    "finding_cards",
    "flow_cases",
    "flow_comparison",
    "flow_progress",
    "flow_strip",
    "frame_view",
    "image_row",
    "kernel_slices",
    "level_matrices",
    "loss_curves",
    "loss_shapes",
    "model_view",
    "moving_picture",
    "packet_sizes",
    "paired_differences",
    "penalty_over_training",
    "penalty_price",
    "prediction_bars",
    "probe_bars",
    "reconstruction",
    "resampled_accuracy",
    "run_curves",
    "sampling",
    "scrubber",
    "seen_part",
    "time_stamps",
    "twin_effects",
    "twin_rows",
    "weight_maps",
]
