"""Exercises of notebooks 01 to 07: a few lines of code each, right where the text has come to them."""

from __future__ import annotations

from rev2net_lite.exercises.questions import Question
from rev2net_lite.exercises.series import decoders, discrepancy, encoder, flow, labels, video

__all__ = ["QUESTIONS"]

QUESTIONS: tuple[Question, ...] = (
    *video.QUESTIONS,
    *flow.QUESTIONS,
    *encoder.QUESTIONS,
    *labels.QUESTIONS,
    *decoders.QUESTIONS,
    *discrepancy.QUESTIONS,
)
