import math
import struct

import pytest
import torch
import torch.nn.functional as F
from einops import rearrange

from rev2net_lite.flow import (
    endpoint_error,
    flow_to_rgb,
    inside_frame,
    photometric_error,
    pixel_grid,
    read_flo,
    resize_flow,
    warp,
    write_flo,
)
from rev2net_lite.shapes import ShapeError


def random_flow(*shape: int, scale: float = 2.0, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return scale * torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def constant_flow(dx: float, dy: float, height: int, width: int) -> torch.Tensor:
    return torch.tensor([float(dx), float(dy)]).view(1, 2, 1, 1).expand(1, 2, height, width)


# pixel_grid


def test_grid_holds_x_then_y():
    grid = pixel_grid(3, 5, dtype=torch.float64)
    assert grid.shape == (2, 3, 5)
    assert grid.dtype == torch.float64
    assert grid[:, 2, 4].tolist() == [4, 2]


@pytest.mark.parametrize("size", [(0, 3), (3, 0), (2.5, 3)])
def test_grid_refuses_impossible_sizes(size):
    with pytest.raises(ValueError, match=r"size is \(.*\); it should be \(height, width\), two whole numbers of px"):
        pixel_grid(*size)


# warp


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_warp_agrees_with_grid_sample(dtype):
    image = torch.rand(2, 3, 9, 7, dtype=dtype)
    flow = random_flow(2, 2, 9, 7, dtype=dtype)
    target = rearrange(flow + pixel_grid(9, 7, dtype=dtype), "b c h w -> b h w c")
    normalised = 2 * target / torch.tensor([6, 8], dtype=dtype) - 1
    expected = F.grid_sample(image, normalised, padding_mode="border", align_corners=True)
    assert warp(image, flow).dtype == dtype
    torch.testing.assert_close(warp(image, flow), expected, rtol=0, atol=1e-5)


def test_whole_pixels_are_copied_exactly():
    image = torch.rand(1, 3, 8, 8)
    assert torch.equal(warp(image, torch.zeros(1, 2, 8, 8)), image)
    moved = warp(image, constant_flow(2, -1, 8, 8))
    assert torch.equal(moved[..., 1:, :-2], image[..., :-1, 2:])
    assert torch.equal(moved[..., 0, -1], image[..., 0, -1])


def test_warp_of_a_clip_is_the_warp_of_each_frame():
    clip, flow = torch.rand(2, 3, 4, 6, 5), random_flow(2, 2, 4, 6, 5)
    warped = warp(clip, flow)
    for step in range(4):
        assert torch.equal(warped[:, :, step], warp(clip[:, :, step], flow[:, :, step]))


def test_warp_has_the_right_gradients():
    image = torch.rand(1, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    flow = (random_flow(1, 2, 5, 6, scale=0.3, dtype=torch.float64) + 0.41).requires_grad_()
    assert torch.autograd.gradcheck(warp, (image, flow))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_kept_and_computed_in_single(dtype):
    image = torch.rand(1, 1, 4, 300).to(dtype)
    assert torch.equal(warp(image, torch.zeros(1, 2, 4, 300, dtype=dtype)), image)
    # At column 299 bfloat16 has a resolution of 2 px.
    assert inside_frame(constant_flow(1, 0, 4, 300).to(dtype))[0, 0].sum() == 299


def test_warp_of_one_pixel_and_of_nan():
    assert torch.equal(warp(torch.ones(1, 1, 1, 1), torch.full((1, 2, 1, 1), 3.0)), torch.ones(1, 1, 1, 1))
    assert warp(torch.ones(1, 1, 2, 2), torch.full((1, 2, 2, 2), math.nan)).isnan().all()
    assert warp(torch.ones(1, 1, 2, 2), torch.full((1, 2, 2, 2), math.inf)).eq(1).all()


def test_warp_edits_neither_argument():
    image, flow = torch.rand(1, 3, 4, 4), random_flow(1, 2, 4, 4)
    copies = image.clone(), flow.clone()
    warp(image, flow)
    assert torch.equal(image, copies[0])
    assert torch.equal(flow, copies[1])


def test_warp_messages():
    with pytest.raises(ShapeError, match=r"flow has shape \(1, 3, 4, 4\); axis '2' of 'b 2 h w' should be 2, not 3"):
        warp(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4))
    with pytest.raises(ShapeError, match=r"image has shape \(1, 3, 4, 5\); axis 'w' of 'b c h w' should be 4, not 5"):
        warp(torch.zeros(1, 3, 4, 5), torch.zeros(1, 2, 4, 4))
    with pytest.raises(ShapeError, match=r"image has shape \(1, 3, 4, 4\) with 4 axes; 'b c t h w' has 5"):
        warp(torch.zeros(1, 3, 4, 4), torch.zeros(1, 2, 7, 4, 4))
    with pytest.raises(ValueError, match=r"image has dtype torch\.uint8; it should be floating point: .*\.float\(\)"):
        warp(torch.zeros(1, 3, 4, 4, dtype=torch.uint8), torch.zeros(1, 2, 4, 4))
    with pytest.raises(ValueError, match=r"flow has dtype torch\.int64; it should be floating point"):
        warp(torch.zeros(1, 3, 4, 4), torch.zeros(1, 2, 4, 4, dtype=torch.int64))


# inside_frame


def test_the_border_is_inside_and_nan_is_not():
    inside = inside_frame(constant_flow(1, -2, 4, 3))[0]
    assert inside.tolist() == [[False] * 3, [False] * 3, [True, True, False], [True, True, False]]
    assert not inside_frame(torch.full((1, 2, 3, 2, 2), math.nan)).any()
    assert inside_frame(torch.zeros(1, 2, 3, 2, 2)).shape == (1, 3, 2, 2)


# resize_flow


@pytest.mark.parametrize("size", [(8, 12), (32, 48), (16, 24)])
def test_a_resized_zoom_is_the_zoom_of_the_new_size(size):
    def zoom(height, width):
        grid = pixel_grid(height, width)
        centre = torch.tensor([width - 1, height - 1]).view(2, 1, 1) / 2
        return (0.1 * (grid - centre))[None]

    resized = resize_flow(zoom(16, 24), size)
    torch.testing.assert_close(resized[..., 2:-2, 2:-2], zoom(*size)[..., 2:-2, 2:-2], rtol=0, atol=1e-5)


def test_resizing_scales_each_axis_by_its_own_factor():
    clip = constant_flow(3, 1, 4, 8)[:, :, None].expand(1, 2, 5, 4, 8)
    assert resize_flow(clip, (8, 4)).shape == (1, 2, 5, 8, 4)
    torch.testing.assert_close(resize_flow(clip, (8, 4))[0, :, 4, 3, 2], torch.tensor([1.5, 2.0]))


@pytest.mark.parametrize("size", [(0, 4), 8, (4, 4, 4)])
def test_resize_refuses_a_size_that_is_none(size):
    with pytest.raises(ValueError, match=r"size is .*; it should be \(height, width\)"):
        resize_flow(torch.zeros(1, 2, 4, 4), size)


# endpoint_error


def test_endpoint_error_is_a_length_over_the_channel_axis():
    flow, target = random_flow(2, 2, 3, 4, 5), random_flow(2, 2, 3, 4, 5, seed=1)
    error = endpoint_error(flow, target)
    torch.testing.assert_close(error, torch.hypot(*(flow - target).unbind(1)))
    assert endpoint_error(constant_flow(3, 4, 2, 2), torch.zeros(1, 2, 2, 2)).mean() == 5


def test_endpoint_error_has_finite_gradients_where_the_flow_is_right():
    flow = torch.zeros(1, 2, 2, 2, requires_grad=True)
    endpoint_error(flow, torch.zeros(1, 2, 2, 2)).mean().backward()
    assert flow.grad is not None
    assert flow.grad.isfinite().all()


def test_endpoint_error_refuses_another_shape():
    with pytest.raises(ShapeError, match=r"flow has shape .*; axis 'h' of 'b 2 t h w' should be 32, not 16"):
        endpoint_error(torch.zeros(2, 2, 7, 16, 20), torch.zeros(2, 2, 7, 32, 20))


# photometric_error


def test_photometric_error_of_a_known_shift():
    texture = torch.rand(1, 3, 10, 12)
    first, second = texture[..., 2:], texture[..., :-2]  # the second shows everything two columns further right
    error = photometric_error(first, second, constant_flow(2, 0, 10, 10))
    assert error.shape == (1, 10, 10)
    assert error[..., :8].abs().max() == 0
    assert error[..., 8:].isnan().all()
    unmoved = photometric_error(first, second, torch.zeros(1, 2, 10, 10))
    torch.testing.assert_close(unmoved, (first - second).abs().mean(1))


def test_photometric_error_of_a_clip():
    clip, flow = torch.rand(2, 3, 4, 6, 6), random_flow(2, 2, 3, 6, 6)
    error = photometric_error(clip[:, :, :-1], clip[:, :, 1:], flow)
    alone = photometric_error(clip[:, :, 1], clip[:, :, 2], flow[:, :, 1])
    torch.testing.assert_close(error[:, 1], alone, equal_nan=True)


def test_photometric_error_messages():
    with pytest.raises(ShapeError, match=r"second has shape .*; axis 'c' of 'b c h w' should be 3, not 1"):
        photometric_error(torch.zeros(1, 3, 4, 4), torch.zeros(1, 1, 4, 4), torch.zeros(1, 2, 4, 4))
    with pytest.raises(ValueError, match=r"first has dtype torch.uint8"):
        photometric_error(torch.zeros(1, 3, 4, 4).byte(), torch.zeros(1, 3, 4, 4), torch.zeros(1, 2, 4, 4))


# flow_to_rgb


@pytest.mark.parametrize(
    ("motion", "colour"),
    [((1, 0), (255, 0, 0)), ((-1, 0), (0, 209, 255)), ((0, 1), (255, 229, 0)), ((0, -1), (88, 0, 255))],
)
def test_colours_are_those_of_the_middlebury_code(motion, colour):
    # Right red, left cyan-blue, down yellow, up violet; values worked out by hand from the wheel's 15-6-4-11-13-6 arcs.
    pixel = flow_to_rgb(torch.tensor(motion, dtype=torch.float32).view(2, 1, 1)).flatten().tolist()
    assert max(abs(a - b) for a, b in zip(pixel, colour, strict=True)) <= 1


def test_speed_is_saturation():
    flow = torch.tensor([[0.0, 1.0, 2.0, 4.0, math.nan], [0.0] * 5]).view(2, 1, 5)
    assert flow_to_rgb(flow, max_px=2)[:, 0].T.tolist() == [
        [255, 255, 255],
        [255, 127, 127],
        [255, 0, 0],
        [191, 0, 0],
        [0, 0, 0],
    ]


def test_one_scale_for_all_frames_and_white_where_nothing_moves():
    frames = torch.stack([torch.zeros(2, 3, 4), torch.full((2, 3, 4), 0.5), torch.full((2, 3, 4), -1.0)])
    colours = flow_to_rgb(frames)
    assert colours.dtype == torch.uint8
    assert colours.shape == (3, 3, 3, 4)
    assert torch.equal(colours, flow_to_rgb(frames, max_px=math.sqrt(2)))
    assert (flow_to_rgb(torch.zeros(2, 3, 4)) == 255).all()
    assert flow_to_rgb(torch.zeros(0, 2, 3, 4)).shape == (0, 3, 3, 4)


@pytest.mark.parametrize("max_px", [0, -1.0, math.nan, math.inf])
def test_colour_scale_must_be_positive(max_px):
    with pytest.raises(ValueError, match=r"max_px is .*; it should be a positive speed in px, or None"):
        flow_to_rgb(torch.zeros(2, 3, 4), max_px=max_px)


def test_colours_want_the_channels_before_the_pixels():
    with pytest.raises(
        ShapeError, match=r"flow has shape \(1, 2, 7, 4, 4\); axis '2' of '\.\.\. 2 h w' should be 2, not 7"
    ):
        flow_to_rgb(torch.zeros(1, 2, 7, 4, 4))
    with pytest.raises(ValueError, match=r"flow has dtype torch.int32"):
        flow_to_rgb(torch.zeros(2, 4, 4, dtype=torch.int32))


# read_flo, write_flo


def test_flo_files_keep_every_bit(tmp_path):
    flow = random_flow(2, 5, 7)
    write_flo(tmp_path / "a.flo", torch.zeros(2, 9, 9))
    write_flo(tmp_path / "a.flo", flow)
    assert torch.equal(read_flo(tmp_path / "a.flo"), flow)
    assert [path.name for path in tmp_path.iterdir()] == ["a.flo"]


def test_flo_layout_is_row_by_row_with_dx_and_dy_together(tmp_path):
    path = tmp_path / "a.flo"
    path.write_bytes(b"PIEH" + struct.pack("<ii12f", 3, 2, *range(12)))
    assert read_flo(path).tolist() == [[[0, 2, 4], [6, 8, 10]], [[1, 3, 5], [7, 9, 11]]]
    write_flo(tmp_path / "b.flo", read_flo(path))
    assert (tmp_path / "b.flo").read_bytes() == path.read_bytes()


def test_flo_of_flyingchairs(clips_folder):
    flow = read_flo(clips_folder / "flow_gt/flyingchairs/0000000_flow01.flo")
    assert flow.shape == (2, 384, 512)
    assert flow.isfinite().all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has 0 bytes; a .flo file starts with a header of 12"),
        (b"PIEH" + struct.pack("<i", 3), "has 8 bytes; a .flo file starts with a header of 12"),
        (b"RIFF" + struct.pack("<ii", 1, 1) + bytes(8), "starts with b'RIFF'; a .flo file starts with b'PIEH'"),
        (b"PIEH" + struct.pack("<ii", 0, 4), "claims 0 x 4 px; sides are 1 to 99999 px"),
        (b"PIEH" + struct.pack("<ii", 4, -1), "claims 4 x -1 px; sides are 1 to 99999 px"),
        (b"PIEH" + struct.pack("<ii", 2**31 - 1, 2**31 - 1), "claims 2147483647 x 2147483647 px"),
        (b"PIEH" + struct.pack("<ii", 99_999, 99_999), "has 12 bytes; 99999 x 99999 px of flow take 79998400020"),
        (b"PIEH" + struct.pack("<ii", 2, 2) + bytes(31), "has 43 bytes; 2 x 2 px of flow take 44: copy the file again"),
        (b"PIEH" + struct.pack("<ii", 2, 2) + bytes(33), "has 45 bytes; 2 x 2 px of flow take 44: copy the file again"),
    ],
)
def test_damaged_flo_files_are_refused_by_name(tmp_path, content, message):
    path = tmp_path / "damaged.flo"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"damaged.flo {message}"):
        read_flo(path)


def test_write_flo_messages(tmp_path):
    with pytest.raises(ShapeError, match=r"flow has shape \(1, 2, 4, 4\) with 4 axes; '2 h w' has 3"):
        write_flo(tmp_path / "a.flo", torch.zeros(1, 2, 4, 4))
    with pytest.raises(ValueError, match=r"flow has dtype torch.int64"):
        write_flo(tmp_path / "a.flo", torch.zeros(2, 4, 4, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"flow has 0 x 4 px; a .flo file holds sides of 1 to 99999 px"):
        write_flo(tmp_path / "a.flo", torch.zeros(2, 4, 0))
    with pytest.raises(ValueError, match=r"flow has 100000 x 1 px"):
        write_flo(tmp_path / "a.flo", torch.zeros(2, 1, 100_000))
    assert not list(tmp_path.iterdir())
