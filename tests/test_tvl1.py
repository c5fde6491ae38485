import math
from dataclasses import asdict, fields, replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from rev2net_lite import tvl1
from rev2net_lite.flow import endpoint_error, inside_frame, pixel_grid, read_flo, resize_flow
from rev2net_lite.shapes import ShapeError
from rev2net_lite.tvl1 import ACCURATE, FAST, CoupledTVL1Config, TVL1Config, clip_flow, tvl1_flow

DEFAULT = TVL1Config()
GREY = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)


def texture(x: Tensor, y: Tensor, *, seed: int) -> Tensor:
    """A sum of waves of 5 to 80 px in every direction, evaluated anywhere without interpolation; in [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    angle, phase = (2 * math.pi * torch.rand(2, 60, generator=generator)).double()
    frequency = (80 * 16.0 ** -torch.rand(60, generator=generator).double()).reciprocal()
    amplitude = frequency**-0.6
    amplitude *= 0.16 * math.sqrt(2) / amplitude.norm()
    wave = x[..., None] * frequency * angle.cos() + y[..., None] * frequency * angle.sin()
    return ((2 * math.pi * wave + phase).cos() * amplitude).sum(-1).add(0.5).clamp(0, 1)


def moved_by_matrix(matrix: list[list[float]], size: int = 64) -> tuple[Tensor, Tensor, Tensor]:
    """Two frames of a texture that turns or grows around the centre, and the exact flow."""
    grid = pixel_grid(size, size, dtype=torch.float64) - (size - 1) / 2
    forward = torch.tensor(matrix, dtype=torch.float64)
    back = torch.einsum("ij,jhw->ihw", forward.inverse(), grid)
    flow = torch.einsum("ij,jhw->ihw", forward, grid) - grid
    return texture(*grid, seed=1), texture(*back, seed=1), flow


def shifted(dx: float, dy: float, size: int = 64, seed: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    x, y = pixel_grid(size, size, dtype=torch.float64)
    flow = torch.tensor([dx, dy], dtype=torch.float64).view(2, 1, 1).expand(2, size, size)
    return texture(x, y, seed=seed), texture(x - dx, y - dy, seed=seed), flow


def two_layers(dx: float, dy: float, size: int = 64) -> tuple[Tensor, Tensor, Tensor]:
    """A textured disc that moves by (dx, dy) over a textured ground that moves half as far the other way."""
    x, y = pixel_grid(size, size, dtype=torch.float64)

    def disc(x, y):
        return (x - size / 2) ** 2 + (y - size / 2) ** 2 < (size / 4) ** 2

    first = torch.where(disc(x, y), texture(x, y, seed=3), texture(x, y, seed=4))
    front, ground = texture(x - dx, y - dy, seed=3), texture(x + dx / 2, y + dy / 2, seed=4)
    second = torch.where(disc(x - dx, y - dy), front, ground)
    motion = torch.tensor([dx, dy], dtype=torch.float64).view(2, 1, 1)
    return first, second, torch.where(disc(x, y), motion, -motion / 2)


def solve(frames: tuple[Tensor, Tensor, Tensor], config: TVL1Config = DEFAULT) -> tuple[Tensor, Tensor]:
    """Flow and endpoint error of one pair, rounded to 8 bits as a video's frames are."""
    first, second, target = frames
    rounded = [((frame * 255).round() / 255).float()[None] for frame in (first, second)]
    flow = tvl1_flow(*rounded, config=config)
    return flow, endpoint_error(flow, target[None].float())


@pytest.fixture(scope="module")
def noise_clip() -> Tensor:
    """(2 3 4 24 30): smooth noise without any true motion, on which every step of the solver has something to do."""
    noise = torch.rand(24, 1, 24, 30, generator=torch.Generator().manual_seed(0))
    return F.avg_pool2d(F.pad(noise, (1, 1, 1, 1), mode="replicate"), 3, stride=1).view(2, 3, 4, 24, 30)


# TVL1Config


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("lambda_", 0, "lambda_ is 0; it should be a positive number"),
        ("lambda_", math.nan, "lambda_ is nan; it should be a positive number"),
        ("theta", -0.3, "theta is -0.3; it should be a positive number"),
        ("tau", math.inf, "tau is inf; it should be a positive number"),
        ("tau", 0.3, "tau is 0.3; the dual steps diverge above 0.25"),
        ("sigma", -1, r"sigma is -1; it should be 0 \(no smoothing\) to 10 px"),
        ("sigma", math.nan, "sigma is nan; it should be 0"),
        ("warps", 0, "warps is 0; it should be a whole number from 1 up"),
        ("iterations", 2.5, r"iterations is 2\.5; it should be a whole number from 1 up"),
        ("coarsest_px", -3, "coarsest_px is -3; it should be a whole number from 1 up"),
    ],
)
def test_settings_out_of_range_are_refused(field, value, message):
    with pytest.raises(ValueError, match=message):
        replace(TVL1Config(), **{field: value})


def test_every_setting_changes_the_flow(noise_clip):
    first, second = noise_clip[:, 0, 0], noise_clip[:, 0, 1]
    default = tvl1_flow(first, second)
    changes = {
        "lambda_": 0.2,
        "theta": 0.2,
        "tau": 0.1,
        "sigma": 0.0,
        "warps": 2,
        "iterations": 5,
        "coarsest_px": 10,
        "median": False,
    }
    assert set(changes) == {field.name for field in fields(TVL1Config)}
    for name, value in changes.items():
        flow = tvl1_flow(first, second, config=replace(TVL1Config(), **{name: value}))
        assert (flow - default).abs().max() > 1e-3, name


def test_components_may_share_their_jumps(noise_clip):
    first, second = noise_clip[:, 0, 0], noise_clip[:, 0, 1]
    default = tvl1_flow(first, second)
    assert torch.equal(tvl1_flow(first, second, config=CoupledTVL1Config(coupled=False)), default)
    assert (tvl1_flow(first, second, config=CoupledTVL1Config()) - default).abs().max() > 1e-3
    # What is stored under settings is found by their fields: those of the default are not to change, and others differ.
    names = ["lambda_", "theta", "tau", "sigma", "warps", "iterations", "coarsest_px", "median"]
    assert list(asdict(TVL1Config())) == names
    assert list(asdict(CoupledTVL1Config())) == [*names, "coupled"]


def test_sharing_jumps_helps_where_both_components_jump():
    errors = {}
    for name, config in {"one": FAST, "two": replace(FAST, coupled=False)}.items():
        errors[name] = solve(two_layers(2.0, -2.0), config)[1].mean().item()
    assert errors["one"] < errors["two"]


# tvl1_flow: against exact motion. Zero flow has an error of 0.5 to 6 px on the shifts.


@pytest.mark.parametrize(("dx", "dy"), [(0.5, 0.0), (-0.7, 0.7), (0.0, -2.0), (3.0, 1.0), (-4.5, 4.0)])
@pytest.mark.parametrize("config", [TVL1Config(), ACCURATE, FAST], ids=["default", "accurate", "fast"])
def test_shift(dx, dy, config):
    flow, error = solve(shifted(dx, dy), config)
    assert error.mean() < 0.035
    # The sign and the order of the axes, spelled out.
    assert flow[0].mean((1, 2)).tolist() == pytest.approx([dx, dy], abs=0.05)


@pytest.mark.parametrize(
    ("matrix", "bound"),
    [
        ([[math.cos(0.04), -math.sin(0.04)], [math.sin(0.04), math.cos(0.04)]], 0.1),
        ([[1.04, 0.0], [0.0, 1.04]], 0.1),
        ([[0.95, 0.0], [0.0, 0.95]], 0.1),
    ],
    ids=["rotation", "zoom in", "zoom out"],
)
def test_rotation_and_zoom(matrix, bound):
    frames = moved_by_matrix(matrix)
    _, error = solve(frames)
    inside = inside_frame(frames[2][None])
    assert error[inside].mean() < bound
    assert error[:, 12:-12, 12:-12].mean() < 0.05


def test_two_layers():
    frames = two_layers(2.0, -1.0)
    flow, error = solve(frames)
    assert error.mean() < 0.25
    assert error.median() < 0.05
    assert flow[0, :, 32, 32].tolist() == pytest.approx([2.0, -1.0], abs=0.1)
    assert flow[0, :, 4, 60].tolist() == pytest.approx([-1.0, 0.5], abs=0.1)


def test_pixels_that_leave_the_frame_do_not_spoil_the_flow():
    # Without the mask of the data term the border's repeated pixels pull the flow to zero.
    frames = shifted(5.0, 0.0)
    _, error = solve(frames)
    assert error[~inside_frame(frames[2][None])].mean() < 0.1


@pytest.mark.parametrize("size", [32, 48])
@pytest.mark.parametrize("speed", [1.0, 2.0])
def test_small_frames_of_the_synthetic_world(size, speed):
    _, error = solve(two_layers(speed, speed / 2, size))
    assert error.mean() < 0.35 * speed
    _, error = solve(shifted(-speed, speed, size))
    assert error.mean() < 0.05


@pytest.mark.parametrize("config", [TVL1Config(), ACCURATE, FAST], ids=["default", "accurate", "fast"])
def test_flyingchairs(clips_folder, config):
    from PIL import Image  # comes with matplotlib

    folder = clips_folder / "flow_gt/flyingchairs"
    frames, targets = [], []
    for path in sorted(folder.glob("*_flow01.flo")):
        for number in (0, 1):
            name = path.name.replace("flow01.flo", f"img{number}.png")
            with Image.open(folder / name) as image:
                width, height = image.size
                values = torch.frombuffer(bytearray(image.convert("RGB").tobytes()), dtype=torch.uint8)
            colour = values.view(height, width, 3).permute(2, 0, 1).float() / 255
            small = F.interpolate(colour[None], size=(96, 128), mode="bilinear", antialias=True)[0]
            frames.append((small * GREY).sum(0))
        targets.append(read_flo(path))
    assert len(targets) == 6
    error = endpoint_error(
        tvl1_flow(torch.stack(frames[::2]), torch.stack(frames[1::2]), config=config),
        resize_flow(torch.stack(targets), (96, 128)),
    )
    # OpenCV's DualTVL1 with its defaults has a mean of 0.98 px on these.
    assert error.mean() < 0.95
    assert error.median() < (0.09 if config == ACCURATE else 0.16)


# tvl1_flow: invariances


def test_equal_frames_have_exactly_no_motion(noise_clip):
    frames = noise_clip[:, 0, 0]
    assert torch.equal(tvl1_flow(frames, frames.clone()), torch.zeros(2, 2, 24, 30))
    black = torch.zeros(1, 20, 20)
    assert torch.equal(tvl1_flow(black, black), torch.zeros(1, 2, 20, 20))


def test_pairs_of_a_batch_are_independent(monkeypatch):
    first = torch.stack([shifted(1.0, 0.5, 40, seed)[0] for seed in range(5)]).float()
    second = torch.stack([shifted(1.0, 0.5, 40, seed)[1] for seed in range(5)]).float()
    together = tvl1_flow(first, second)
    for i in range(5):
        torch.testing.assert_close(tvl1_flow(first[i : i + 1], second[i : i + 1])[0], together[i], rtol=0, atol=1e-5)
    # Nor does it matter how many are solved at a time: two pairs, and one at the finest level.
    monkeypatch.setattr(tvl1, "_CPU_GROUP_PX", 2 * 20 * 20)
    torch.testing.assert_close(tvl1_flow(first, second), together, rtol=0, atol=1e-5)


@pytest.mark.parametrize("config", [TVL1Config(), FAST], ids=["default", "fast"])
def test_transposed_frames_have_the_transposed_flow(noise_clip, config):
    first, second = noise_clip[:, 0, 0].double(), noise_clip[:, 0, 1].double()
    flow = tvl1_flow(first, second, config=config)
    transposed = tvl1_flow(first.mT, second.mT, config=config)
    torch.testing.assert_close(transposed.mT.flip(1), flow, rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (8, 8), (2, 3), (15, 29), (31, 57)])
def test_any_size_works(size):
    generator = torch.Generator().manual_seed(0)
    first, second = torch.rand(2, 2, *size, generator=generator)
    flow = tvl1_flow(first, second, config=TVL1Config(coarsest_px=1))
    assert flow.shape == (2, 2, *size)
    assert flow.isfinite().all()


def test_single_precision_agrees_with_double():
    frames = shifted(1.3, -0.4)
    single = tvl1_flow(frames[0][None].float(), frames[1][None].float())
    double = tvl1_flow(frames[0][None], frames[1][None])
    assert single.dtype == torch.float32
    assert double.dtype == torch.float64
    torch.testing.assert_close(single.double(), double, rtol=0, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_solved_in_single_and_returned_in_half(noise_clip, dtype):
    first, second = noise_clip[:, 0, 0].to(dtype), noise_clip[:, 0, 1].to(dtype)
    flow = tvl1_flow(first, second)
    assert flow.dtype == dtype
    assert torch.equal(flow, tvl1_flow(first.float(), second.float()).to(dtype))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_agrees_with_cpu(noise_clip):
    flow = clip_flow(noise_clip.cuda())
    assert flow.device.type == "cuda"
    torch.testing.assert_close(flow.cpu(), clip_flow(noise_clip), rtol=0, atol=1e-3)


def test_frames_are_not_edited_and_need_not_be_contiguous(noise_clip):
    clip = noise_clip.clone()
    flow = tvl1_flow(clip[:, 0, 0], clip[:, 0, 1])
    clip_flow(clip)
    assert torch.equal(clip, noise_clip)
    assert flow.is_contiguous()
    assert torch.equal(tvl1_flow(clip[:, 0, 0].contiguous(), clip[:, 0, 1].contiguous()), flow)


def test_the_flow_can_be_used_where_gradients_are_needed(noise_clip):
    with torch.inference_mode():
        flow = clip_flow(noise_clip.clone())
    assert not flow.is_inference()
    weight = torch.ones(1, requires_grad=True)
    (clip_flow(noise_clip.clone().requires_grad_()) * flow * weight).sum().backward()
    assert weight.grad is not None
    with torch.no_grad():
        assert torch.equal(clip_flow(noise_clip), flow)


def test_mixed_precision_of_the_caller_changes_nothing(noise_clip):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        flow = clip_flow(noise_clip)
    assert torch.equal(flow, clip_flow(noise_clip))


# clip_flow


@pytest.mark.parametrize("config", [TVL1Config(), TVL1Config(sigma=0, median=False)], ids=["default", "other"])
def test_a_clip_is_its_pairs(noise_clip, config):
    flow = clip_flow(noise_clip, config=config)
    assert flow.shape == (2, 2, 3, 24, 30)
    assert flow.is_contiguous()
    grey = (noise_clip * GREY[:, None]).sum(1)
    for step in range(3):
        pair = tvl1_flow(grey[:, step], grey[:, step + 1], config=config)
        torch.testing.assert_close(flow[:, :, step], pair, rtol=0, atol=1e-4)


# Messages


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (
            torch.zeros(16, 16),
            torch.zeros(16, 16),
            r"first has shape \(16, 16\) with 2 axes; 'b h w' has 3; .*tensor\[None\]",
        ),
        (
            torch.zeros(1, 16, 16),
            torch.zeros(1, 16, 20),
            r"second has shape \(1, 16, 20\); axis 'w' of 'b h w' should be 16",
        ),
        (
            torch.zeros(1, 16, 16).byte(),
            torch.zeros(1, 16, 16),
            r"first has dtype torch\.uint8; .* first\.float\(\) / 255",
        ),
        (
            torch.zeros(1, 16, 16),
            torch.zeros(1, 16, 16).long(),
            r"second has dtype torch\.int64; it should be floating",
        ),
        (
            torch.zeros(0, 16, 16),
            torch.zeros(0, 16, 16),
            r"first has shape \(0, 16, 16\), nothing to compute a flow from",
        ),
        (torch.full((1, 9, 9), math.nan), torch.zeros(1, 9, 9), "first holds values that are nan or infinite"),
        (torch.zeros(1, 9, 9), torch.full((1, 9, 9), math.inf), "second holds values that are nan or infinite"),
        (torch.zeros(1, 9, 9), torch.full((1, 9, 9), 255.0), r"second has values from 255 to 255; .* divide by 255"),
        (
            torch.zeros(1, 9, 9),
            torch.zeros(1, 9, 9).double(),
            r"first is torch\.float32 on cpu, second torch\.float64 on cpu",
        ),
    ],
)
def test_pairs_that_cannot_be_solved(first, second, message):
    with pytest.raises(ValueError, match=message):
        tvl1_flow(first, second)


@pytest.mark.parametrize(
    ("clip", "message"),
    [
        (torch.zeros(3, 4, 9, 9), r"clip has shape \(3, 4, 9, 9\) with 4 axes; 'b 3 t h w' has 5; .*tensor\[None\]"),
        (torch.zeros(1, 4, 3, 9, 9), "axis '3' of 'b 3 t h w' should be 3, not 4"),
        (torch.zeros(1, 3, 1, 9, 9), r"clip has shape \(1, 3, 1, 9, 9\): 1 frame; flow needs at least 2 frames"),
        (torch.zeros(1, 3, 0, 9, 9), r"clip has shape \(1, 3, 0, 9, 9\), nothing to compute a flow from"),
        (torch.zeros(0, 3, 4, 9, 9), r"clip has shape \(0, 3, 4, 9, 9\), nothing to compute a flow from"),
        (torch.zeros(1, 3, 4, 9, 9).byte(), r"clip has dtype torch\.uint8; .* use clip\.float\(\) / 255"),
        (torch.full((1, 3, 4, 9, 9), math.nan), "clip holds values that are nan or infinite"),
        (torch.full((1, 3, 4, 9, 9), -2.0), "clip has values from -2 to -2; they should be in"),
    ],
)
def test_clips_that_cannot_be_solved(clip, message):
    with pytest.raises(ValueError, match=message):
        clip_flow(clip)


def test_a_clip_in_the_wrong_order_is_a_shape_error():
    with pytest.raises(ShapeError, match=r"axis '3' of 'b 3 t h w' should be 3, not 8"):
        clip_flow(torch.zeros(1, 8, 3, 16, 16))
