"""Exercises of notebook 02: flow as direction and speed, the brightness equation, and what one equation knows."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from rev2net_lite.exercises.questions import Mistake, Probe, Question

__all__ = ["QUESTIONS"]


def _direction_and_speed(flow: Tensor) -> Tensor:
    u, v = flow.unbind(1)
    degrees = torch.atan2(v, u) * (180 / math.pi)
    return torch.stack([torch.where(degrees < 0, degrees + 360, degrees), torch.hypot(u, v)], dim=1)


def _opposites_alike(flow: Tensor) -> Tensor:
    u, v = flow.unbind(1)
    return torch.stack([torch.atan(v / u).rad2deg() % 360, torch.hypot(u, v)], dim=1)


def _flows(generator: Generator) -> list[Probe]:
    def flow(*shape: int) -> Tensor:
        return 3 * torch.randn(shape, generator=generator)

    compass = torch.tensor([[2.0, 0.0, -2.0, 0.0], [0.0, 2.0, 0.0, -2.0]]).reshape(1, 2, 1, 4)
    still = flow(3, 2, 5, 4)
    still[:, :, 1:3] = 0
    return [
        Probe("motion to the right, down, to the left and up", {"flow": compass}),
        Probe("motion in all directions", {"flow": flow(4, 2, 6, 8)}),
        Probe("pixels that stand still", {"flow": still}),
    ]


def _slopes(generator: Generator, *shape: int) -> Tensor:
    """Derivatives `(b 3 h w)` whose slopes are not near 0, where a division would magnify rounding."""
    found = torch.rand(shape, generator=generator) + 0.2
    return found * (torch.randint(2, shape, generator=generator) * 2 - 1)


def _brightness_residual(derivatives: Tensor, flow: Tensor) -> Tensor:
    slope, change = derivatives[:, :2], derivatives[:, 2]
    return torch.einsum("bihw,bihw->bhw", slope, flow) + change


def _equations(generator: Generator) -> list[Probe]:
    def flow(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    here = _slopes(generator, 1, 3, 4, 6)
    return [
        Probe("a few frames", {"derivatives": _slopes(generator, 4, 3, 6, 8), "flow": flow(4, 2, 6, 8)}),
        Probe("one wide frame", {"derivatives": _slopes(generator, 1, 3, 5, 9), "flow": flow(1, 2, 5, 9)}, ("flow",)),
        Probe("no motion", {"derivatives": here, "flow": torch.zeros(1, 2, 4, 6)}),
    ]


def _normal_flow(derivatives: Tensor) -> Tensor:
    slope, change = derivatives[:, :2], derivatives[:, 2:]
    steepness = (slope**2).sum(1, keepdim=True)
    return torch.where(steepness > 0, -change * slope / steepness.clamp_min(1e-30), 0.0)


def _slope_not_squared(derivatives: Tensor) -> Tensor:
    slope, change = derivatives[:, :2], derivatives[:, 2:]
    return (-change * slope / slope.norm(dim=1, keepdim=True)).nan_to_num()


def _along_the_edge(derivatives: Tensor) -> Tensor:
    found = _normal_flow(derivatives)
    return torch.stack([-found[:, 1], found[:, 0]], dim=1)


def _frames(generator: Generator) -> list[Probe]:
    plain, across = _slopes(generator, 2, 3, 5, 4), _slopes(generator, 1, 3, 4, 6)
    plain[:, :2, 1:3] = 0
    across[:, 1] = 0
    return [
        Probe("a frame with texture everywhere", {"derivatives": _slopes(generator, 5, 3, 4, 7)}),
        Probe("an edge that runs straight down", {"derivatives": across}),
        Probe("a frame with a plain part, where both slopes are 0", {"derivatives": plain}),
    ]


QUESTIONS = (
    Question(
        key="02.1",
        title="Direction and speed",
        name="direction_and_speed",
        answer=_direction_and_speed,
        probes=_flows,
        returns="b 2 h w",
        # Degrees are large beside speeds, and an error is measured by the largest number.
        tolerance=1e-5,
        hints=(
            "The speed is the length of the vector. The direction is an angle, and y points down in this kit.",
            "torch.atan2 knows all four quadrants; torch.rad2deg gives degrees from -180 to 180.",
            "The direction is atan2(dy, dx) in degrees, modulo 360 (the operator %); the speed is hypot(dx, dy). "
            "Stack the two along axis 1.",
        ),
        difficulty="medium",
        minutes=10,
        mistakes=(
            Mistake(
                "up taken for down",
                "Up and down are exchanged. Channel 1 counts downwards, and 90 degrees should be down.",
                lambda flow: _direction_and_speed(torch.stack([flow[:, 0], -flow[:, 1]], dim=1)),
            ),
            Mistake(
                "negative angles",
                "Half of its directions are negative; they should run from 0 up to 360 degrees.",
                lambda f: torch.stack([torch.atan2(f[:, 1], f[:, 0]).rad2deg(), f.norm(dim=1)], dim=1),
            ),
            Mistake(
                "radians",
                "Its directions are in radians.",
                lambda f: torch.stack([torch.atan2(f[:, 1], f[:, 0]) % (2 * math.pi), f.norm(dim=1)], dim=1),
            ),
            Mistake(
                "measured from down",
                "It measures the angle from the downward direction: u and v stand in each other's place in the angle.",
                lambda flow: _direction_and_speed(flow.flip(1)),
            ),
            Mistake(
                "opposite directions alike",
                "Motions in opposite directions get one angle: a ratio dy / dx cannot tell them apart, nor can it say "
                "anything where dx is 0.",
                _opposites_alike,
            ),
            Mistake(
                "speed squared",
                "The directions are right; the speed is the square of what it should be.",
                lambda flow: (
                    _direction_and_speed(flow) * torch.stack([torch.ones_like(flow[:, 0]), flow.norm(dim=1)], 1)
                ),
            ),
        ),
    ),
    Question(
        key="02.2",
        title="What the equation leaves over",
        name="brightness_residual",
        answer=_brightness_residual,
        probes=_equations,
        returns="b h w",
        hints=(
            "Write the equation for one pixel first: three numbers from `derivatives`, two from `flow`.",
            "The left side of the equation is 0 for a flow that fits; what it is for the flow that was given is asked.",
            "Slope to the right times dx, plus slope down times dy, plus the change in time; channels are axis 1.",
        ),
        difficulty="easy",
        minutes=5,
        mistakes=(
            Mistake(
                "u and v swapped",
                "It multiplies the slope to the right with the motion down, and the other way round.",
                lambda derivatives, flow: _brightness_residual(derivatives, flow.flip(1)),
            ),
            Mistake(
                "change in time subtracted",
                "The change in time has the wrong sign beside the slopes.",
                lambda d, flow: (d[:, :2] * flow).sum(1) - d[:, 2],
            ),
            Mistake(
                "change in time left out",
                "The change in time is left out: without motion something else than 0 must remain.",
                lambda d, flow: (d[:, :2] * flow).sum(1),
            ),
        ),
    ),
    Question(
        key="02.3",
        title="The part of motion that is known",
        name="normal_flow",
        answer=_normal_flow,
        probes=_frames,
        returns="b 2 h w",
        hints=(
            "The answer points along the slope (or against it), so it is a number times the slope. Which number?",
            "Put s times the slope into the equation and solve for s. Then look where that divides by zero.",
            "s is minus the change in time over the sum of the two squared slopes; torch.where puts 0 where that sum "
            "is 0.",
        ),
        difficulty="hard",
        minutes=10,
        mistakes=(
            Mistake(
                "slope not squared",
                "It divides by the length of the slope once; put the answer into the equation and see what is missing.",
                _slope_not_squared,
            ),
            Mistake(
                "along the edge",
                "It points along the edge, the very direction of which nothing is known.",
                _along_the_edge,
            ),
            Mistake(
                "each axis by itself",
                "It solves the equation of one row for each axis, as if the other did not move. Both share one change "
                "in time.",
                lambda d: torch.stack([-d[:, 2] / d[:, 0], -d[:, 2] / d[:, 1]], dim=1),
            ),
        ),
    ),
)
