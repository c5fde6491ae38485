"""Explorers: the figures of `rev2net_lite.plots` with controls, and forms that ask for a prediction first.

In a notebook the figure of an explorer's first state stands in a cell of its own, because sliders need a kernel and a
page does not have one: `widgets.render_flow(widgets.FlowState())`, then `widgets.flow_explorer()`.
"""

from rev2net_lite.widgets.discrepancy import DiscrepancyState, discrepancy_explorer, render_discrepancy
from rev2net_lite.widgets.predict import PredictionForm, predict_choice, predict_range, reveal
from rev2net_lite.widgets.shell import Choice, Explorer, Slider, Steps, Switch, Words

__all__ = [
    "Choice",
    "DiscrepancyState",
    "Explorer",
    "PredictionForm",
    "Slider",
    "Steps",
    "Switch",
    "Words",
    "discrepancy_explorer",
    "predict_choice",
    "predict_range",
    "render_discrepancy",
    "reveal",
]
