import pytest
import torch

from rev2net_lite.augmentation import pan_clips, random_pans
from rev2net_lite.flow import warp
from rev2net_lite.shapes import ShapeError
from rev2net_lite.tvl1 import clip_flow


def textured(seed=0, size=48):
    noise = torch.randn(1, 3, size // 4, size // 4, generator=torch.Generator().manual_seed(seed))
    picture = torch.nn.functional.interpolate(noise, size=(size, size), mode="bicubic")
    return (0.5 + 0.15 * picture).clamp(0, 1)


def test_the_flow_leads_from_each_panned_frame_to_the_next():
    # A still clip: all that moves is the pan, one of them downwards by a fraction of a pixel.
    clip = textured()[:, :, None].expand(-1, -1, 6, -1, -1)
    pans = torch.tensor([[0.5, -1.25]])
    panned, flow = pan_clips(clip, torch.zeros(1, 2, 5, 48, 48), pans=pans)
    assert torch.equal(flow, pans.view(1, 2, 1, 1, 1).expand(1, 2, 5, 48, 48))
    inner = (..., slice(8, -8), slice(8, -8))
    error = (warp(panned[:, :, 1:], flow) - panned[:, :, :-1])[inner].abs().mean()
    still = (panned[:, :, 1:] - panned[:, :, :-1])[inner].abs().mean()
    assert error < 0.2 * still
    # What an outsider's estimate makes of it.
    estimated = clip_flow(panned)[inner].mean((2, 3, 4))
    assert torch.allclose(estimated, pans, atol=0.1)


def test_flow_moves_with_the_picture():
    clip, flow = torch.zeros(1, 3, 3, 8, 8), torch.zeros(1, 2, 2, 8, 8)
    clip[:, :, :, 4, 4] = 1
    flow[:, 0, :, 4, 4] = 3.0
    panned, moved = pan_clips(clip, flow, pans=torch.tensor([[0.0, 2.0]]))
    for i, row in enumerate((2, 4)):
        assert panned[0, 0, i, row, 4] == 1
        assert moved[0, :, i, row, 4].tolist() == [3.0, 2.0]
        assert moved[0, :, i].sum() == 3.0 + 2.0 * 64


def test_no_pan_changes_no_bit_and_no_flow_is_none():
    clip = torch.rand(2, 3, 4, 8, 10)
    panned, flow = pan_clips(clip, None, pans=torch.zeros(2, 2))
    assert torch.equal(panned, clip)
    assert flow is None


def test_each_clip_has_a_pan_of_its_own():
    clip = torch.arange(9.0).expand(2, 3, 3, 5, 9)
    panned, _ = pan_clips(clip, None, pans=torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))
    assert panned[0, 0, 2, 0, 4] == 3
    assert panned[1, 0, 2, 0, 4] == 5


def test_random_pans_have_the_spread_of_the_world():
    draw = {"frames": 9, "size": (20, 40)}
    pans = random_pans(20_000, sd=0.1, **draw, generator=torch.Generator().manual_seed(3))
    # 0.1 of 40 px over eight steps.
    assert pans.std(0).tolist() == pytest.approx([0.5, 0.5], rel=0.03)
    assert pans.mean(0).tolist() == pytest.approx([0, 0], abs=0.02)
    again = random_pans(20_000, sd=0.1, **draw, generator=torch.Generator().manual_seed(3))
    assert torch.equal(pans, again)


def test_shapes_that_do_not_fit_are_refused():
    clip = torch.zeros(2, 3, 4, 8, 8)
    with pytest.raises(ShapeError, match="pans"):
        pan_clips(clip, None, pans=torch.zeros(3, 2))
    with pytest.raises(ShapeError, match="flow"):
        pan_clips(clip, torch.zeros(2, 2, 4, 8, 8), pans=torch.zeros(2, 2))
