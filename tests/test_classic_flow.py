"""Two methods of 1981 on textures that move by a known part of a pixel, and where one equation is not enough."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from rev2net_lite.classic_flow import brightness_derivatives, horn_schunck, lucas_kanade, moving_texture
from rev2net_lite.flow import endpoint_error, inside_frame, pixel_grid, warp
from rev2net_lite.shapes import ShapeError

MOTION = (0.6, -0.4)


def waves(*directions: tuple[float, float], motion: tuple[float, float] = MOTION) -> tuple[Tensor, Tensor]:
    """Two frames (1 h w) of waves of the given directions, moved by `motion`, evaluated and not resampled."""
    grid = pixel_grid(40, 48)
    frames = []
    for step in (0, 1):
        x, y = (grid[i] - step * motion[i] for i in (0, 1))
        frames.append(0.5 + sum(torch.sin(a * x + b * y) for a, b in directions) / (3 * len(directions)))
    return frames[0][None], frames[1][None]


TEXTURE = ((0.5, 0.1), (-0.2, 0.45), (0.3, -0.35))


def error_px(flow: Tensor, motion: tuple[float, float] = MOTION) -> float:
    truth = torch.tensor(motion)[None, :, None, None].expand_as(flow)
    return endpoint_error(flow, truth)[..., 6:-6, 6:-6].mean().item()


def test_derivatives_of_waves() -> None:
    first, second = waves((0.3, 0.2), motion=(0.0, 0.0))
    dx, dy, dt = brightness_derivatives(first, second).unbind(1)
    x, y = pixel_grid(40, 48)
    slope = torch.cos(0.3 * x + 0.2 * y) / 3
    inner = (slice(None), slice(1, -1), slice(1, -1))
    torch.testing.assert_close(dx[inner], math.sin(0.3) * slope[None][inner], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(dy[inner], math.sin(0.2) * slope[None][inner], atol=1e-5, rtol=1e-4)
    assert (dt == 0).all()
    assert torch.equal(brightness_derivatives(first, second + 0.25)[:, 2], (second + 0.25) - first)


def test_both_find_a_small_motion_of_a_texture() -> None:
    first, second = waves(*TEXTURE)
    # Central differences find the slope of these waves some 4 % too small, and the motion as much too large.
    assert error_px(lucas_kanade(first, second).flow) < 0.05
    assert error_px(horn_schunck(first, second, iterations=400)) < 0.05
    wrong = error_px(torch.zeros(1, 2, 40, 48))
    assert wrong == pytest.approx(math.hypot(*MOTION))


def test_of_an_edge_only_the_motion_across_it_is_known() -> None:
    first, second = waves((0.3, 0.3))
    local = lucas_kanade(first, second)
    across = sum(MOTION) / 2
    assert error_px(local.flow, (across, across)) < 0.02
    small, large = local.strengths[0]
    assert small[6:-6, 6:-6].max() < 1e-5 < 1e-3 < large[6:-6, 6:-6].min()
    corner = lucas_kanade(*waves(*TEXTURE)).strengths[0, 0, 6:-6, 6:-6]
    assert corner.mean() > 5e-4


def test_where_nothing_is_seen_nothing_is_found_unless_neighbours_tell() -> None:
    grid = pixel_grid(40, 48)
    pair = []
    for step, frame in enumerate(waves(*TEXTURE)):
        distance = torch.hypot(grid[0] - 24 - step * MOTION[0], grid[1] - 20 - step * MOTION[1])
        pair.append(0.5 + (frame - 0.5) * (distance > 6))  # a plain disc that moves along
    first, second = pair
    local = lucas_kanade(first, second, window=3).flow[0, :, 18:22, 22:26]
    assert (local == 0).all()
    filled = horn_schunck(first, second, iterations=600)[0, :, 18:22, 22:26]
    assert filled[0].min() > 0.2 and filled[1].max() < -0.1


def test_a_ramp_has_closed_forms_up_to_the_border() -> None:
    first = torch.arange(24.0).expand(1, 24, 24) / 40
    second = first - 0.02
    strengths = lucas_kanade(first, second, window=5).strengths[0, 1, :, 12]
    torch.testing.assert_close(strengths, torch.full((24,), 0.025**2))
    one = horn_schunck(first, second, smoothness=0.1, iterations=1)[0, 0, :, 12]
    torch.testing.assert_close(one, torch.full((24,), 0.025 * 0.02 / (0.1**2 + 0.025**2)))


def test_knobs_change_the_result() -> None:
    first, second = waves(*TEXTURE)
    noisy = second + 0.05 * torch.randn(second.shape, generator=torch.Generator().manual_seed(0))
    assert error_px(lucas_kanade(first, noisy, window=15).flow) < error_px(lucas_kanade(first, noisy, window=3).flow)
    assert (lucas_kanade(first, second, least=1.0).flow == 0).all()
    one, many = (horn_schunck(first, second, iterations=count) for count in (1, 200))
    assert error_px(many) < error_px(one)
    rough, smooth = (horn_schunck(first, noisy, smoothness=alpha).diff(dim=-1).abs().mean() for alpha in (0.01, 0.2))
    assert smooth < rough


def test_what_is_no_pair_of_frames_is_refused() -> None:
    first, second = waves(*TEXTURE)
    with pytest.raises(ShapeError, match="second"):
        brightness_derivatives(first, second[..., 1:])
    with pytest.raises(ValueError, match=r"second has dtype torch.uint8; it should be floating: use second.float\(\)"):
        brightness_derivatives(first, second.to(torch.uint8))


@pytest.mark.parametrize("window", [0, 4, -1])
def test_windows_without_a_middle_are_refused(window: int) -> None:
    with pytest.raises(ValueError, match=f"window is {window}; it should be an odd number of px from 1 up"):
        lucas_kanade(*waves(*TEXTURE), window=window)


def test_knobs_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="smoothness is 0; it should be a positive number"):
        horn_schunck(*waves(*TEXTURE), smoothness=0)
    with pytest.raises(ValueError, match="iterations is 0; it should be at least 1"):
        horn_schunck(*waves(*TEXTURE), iterations=0)


@pytest.mark.parametrize("square", [None, 20])
@pytest.mark.parametrize("motion", [(0, 0), (3, -2), (-7, 5)])
def test_a_moving_texture_is_where_its_flow_says(motion: tuple[int, int], square: int | None) -> None:
    first, second, flow = moving_texture(motion, size=32, square=square, seed=3)
    assert first.shape == second.shape == (32, 32) and flow.shape == (2, 32, 32)
    back = warp(second[None, None], flow[None])[0, 0]
    seen, expected = inside_frame(flow[None])[0], torch.tensor(motion)[:, None]
    if square is None:
        assert torch.equal(back[seen], first[seen]) and flow.flatten(1).sub(expected).abs().max() == 0
        return
    moves = torch.zeros(32, 32, dtype=torch.bool)
    moves[6:26, 6:26] = True
    assert torch.equal(back[moves & seen], first[moves & seen])
    assert flow[:, moves].sub(expected).abs().max() == 0 and (flow[:, ~moves] == 0).all()
    covered = moves | moves.roll((motion[1], motion[0]), (0, 1))
    assert torch.equal(first[~covered], second[~covered])


def test_textures_differ_by_seed_and_fill_the_range() -> None:
    first, other = moving_texture((0, 0))[0], moving_texture((0, 0), seed=1)[0]
    assert not torch.equal(first, other)
    assert 0 <= first.min() < 0.15 and 0.85 < first.max() <= 1


@pytest.mark.parametrize(
    ("motion", "square", "message"),
    [
        ((0.5, 0), None, r"motion is \(0.5, 0\); it should be whole numbers of px, each at most 64 either way"),
        ((0, -65), None, "it should be whole numbers of px, each at most 64 either way"),
        ((0, 0), 65, "square is 65; it should be from 1 to 64 px, or None to move everything"),
        ((0, 0), 0, "square is 0; it should be from 1 to 64 px, or None to move everything"),
    ],
)
def test_textures_that_cannot_move_so_are_refused(motion: tuple[int, int], square: int | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        moving_texture(motion, square=square)
