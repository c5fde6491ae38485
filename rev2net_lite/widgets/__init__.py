"""Explorers: the figures of `rev2net_lite.plots` with controls, and forms that ask for a prediction first.

In a notebook the figure of an explorer's first state stands in a cell of its own, because sliders need a kernel and a
page does not have one: `widgets.render_flow(widgets.FlowState())`, then `widgets.flow_explorer()`.
"""

from rev2net_lite.widgets.architecture import ArchitectureState, architecture_explorer, render_architecture
from rev2net_lite.widgets.bias import BiasState, bias_explorer, render_bias
from rev2net_lite.widgets.clips import ClipsState, bundled_videos, clip_explorer, render_clip
from rev2net_lite.widgets.discrepancy import DiscrepancyState, discrepancy_explorer, render_discrepancy
from rev2net_lite.widgets.flow import FLOW_EXAMPLES, FlowState, flow_explorer, render_flow
from rev2net_lite.widgets.own_video import OwnVideoState, own_video_explorer, prediction_explorer, render_own_video
from rev2net_lite.widgets.predict import PredictionForm, predict_choice, predict_range, reveal
from rev2net_lite.widgets.shell import Choice, Control, Explorer, Slider, Steps, Switch, Words
from rev2net_lite.widgets.weights import WeightsState, render_weights, weights_explorer

__all__ = [
    "FLOW_EXAMPLES",
    "ArchitectureState",
    "BiasState",
    "Choice",
    "ClipsState",
    "Control",
    "DiscrepancyState",
    "Explorer",
    "FlowState",
    "OwnVideoState",
    "PredictionForm",
    "Slider",
    "Steps",
    "Switch",
    "WeightsState",
    "Words",
    "architecture_explorer",
    "bias_explorer",
    "bundled_videos",
    "clip_explorer",
    "discrepancy_explorer",
    "flow_explorer",
    "own_video_explorer",
    "predict_choice",
    "predict_range",
    "prediction_explorer",
    "render_architecture",
    "render_bias",
    "render_clip",
    "render_discrepancy",
    "render_flow",
    "render_own_video",
    "render_weights",
    "reveal",
    "weights_explorer",
]
