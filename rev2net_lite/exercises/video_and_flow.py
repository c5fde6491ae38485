"""Questions of assignment A1."""

from __future__ import annotations

from rev2net_lite.exercises.questions import Question

__all__ = ["QUESTIONS"]

QUESTIONS: tuple[Question, ...] = ()
