"""The exercises of notebooks 01 to 07: their cells, their solutions, and their references against oracles."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from functools import cache
from itertools import pairwise

import pytest
import torch
from einops import rearrange, reduce
from exercise_cells import Exercise, exercises_of
from nbformat import NotebookNode
from torch import Tensor
from torch.nn import functional

from rev2net_lite.bias import hit_rate, twin_effect
from rev2net_lite.bundled import notebooks_folder
from rev2net_lite.classic_flow import brightness_derivatives, moving_texture
from rev2net_lite.evaluation import gradient_magnitude, psnr
from rev2net_lite.execution import read_notebook
from rev2net_lite.exercises import find_question, public_seed, question_keys
from rev2net_lite.exercises.judging import Verdict, judge, probes_of
from rev2net_lite.exercises.observing import observe_all
from rev2net_lite.flow import endpoint_error
from rev2net_lite.gradients import gradient_cosines
from rev2net_lite.losses import decoding_discrepancy
from rev2net_lite.video import VideoError, sampled_frames

PARTS = [f"{number:02d}" for number in range(1, 8)]
KEYS = [key for part in PARTS for key in question_keys(part)]
part = pytest.mark.parametrize("part", PARTS)


@cache
def notebook_of(part: str) -> NotebookNode:
    (path,) = notebooks_folder().glob(f"{part}_*.ipynb")
    return read_notebook(path)


def exercise(key: str) -> Exercise:
    return next(one for one in exercises_of(notebook_of(key[:2])) if one.key == key)


def reference(key: str) -> Callable[..., object]:
    return find_question(key).answer


def verdict(key: str, answer: object, *, seed: int) -> Verdict:
    probes = probes_of(find_question(key), seed=seed)
    return judge(find_question(key), probes, observe_all(answer, probes))


def head(source: str) -> str:
    """The function without its body but for the docstring."""
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    function.body = function.body[:1]
    return ast.unparse(function)


@part
def test_each_exercise_has_four_cells_that_say_what_its_question_says(part: str) -> None:
    found = exercises_of(notebook_of(part))
    assert 2 <= len(found) <= 4
    assert [one.key for one in found] == question_keys(part)
    for one in found:
        question = find_question(one.key)
        assert one.title == question.title
        assert f"(About {question.minutes} minutes.)" in one.task.source and 5 <= question.minutes <= 10
        assert one.stub.metadata.tags == ["exercise"] and one.folded.metadata.tags == ["solution"]
        assert one.check.source == f'check("{one.key}", {question.name})\n# hint("{one.key}", step=1)'
        (function,) = ast.parse(one.stub.source).body
        assert isinstance(function, ast.FunctionDef) and function.name == question.name
        names = [argument.arg for argument in function.args.args]
        for probe in probes_of(question, seed=1):
            assert list(probe.arguments) == names
        assert ast.unparse(function.body[1:]) == "raise NotImplementedError()"
        assert head(one.stub.source) == head(one.solution)
        assert max(map(len, one.solution.splitlines())) <= 120


@part
def test_nothing_else_of_the_notebook_goes_by_the_name_of_an_answer(part: str) -> None:
    own = {find_question(key).name for key in question_keys(part)}
    notebook = notebook_of(part)
    answers = {one.at + 1 for one in exercises_of(notebook)}
    for at, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and at not in answers:
            for node in ast.walk(ast.parse(cell.source)):
                assert not (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node.id in own), node.id
                assert not (isinstance(node, ast.alias) and (node.asname or node.name) in own), node.name


def test_the_other_notebooks_have_none() -> None:
    others = [path for path in notebooks_folder().glob("[0-9][0-9]_*.ipynb") if path.stem[:2] not in PARTS]
    assert len(others) == 4
    assert [path.stem for path in others if exercises_of(read_notebook(path))] == []


def written(key: str, source: str) -> object:
    """The function of that source, with what the notebook has imported from elsewhere at hand."""
    space: dict[str, object] = {}
    for cell in notebook_of(key[:2]).cells:
        if cell.cell_type == "code":
            for node in ast.parse(cell.source).body:
                module = node.module if isinstance(node, ast.ImportFrom) else ""
                if isinstance(node, ast.Import) or (module and not module.startswith("rev2net_lite")):
                    exec(ast.unparse(node), space)
    exec(source, space)
    return space[find_question(key).name]


@pytest.mark.parametrize("key", KEYS)
def test_its_stub_is_not_attempted_and_its_solution_is_right(key: str) -> None:
    one = exercise(key)
    for seed in (public_seed(key), 1, 2):
        assert verdict(key, written(key, one.stub.source), seed=seed).state == "not attempted"
        seen = verdict(key, written(key, one.solution), seed=seed)
        assert seen.state == "right", seen


def by_counting(start_s: float, duration_s: float, fps: int) -> tuple[int, int]:
    shown = [i for i in range(1000) if i < (start_s + duration_s) * fps and i + 1 > start_s * fps]
    return shown[0], shown[-1]


def by_narrow(clip: Tensor) -> Tensor:
    for axis in (2, 3):
        side = min(clip.shape[2:])
        clip = clip.narrow(axis, (clip.shape[axis] - side) // 2, side)
    return clip


def by_autograd(values: Tensor, guess: float) -> Tensor:
    at = torch.tensor(guess, requires_grad=True)
    return torch.autograd.grad((values - at).abs().mean(), at)[0]


def by_diff(made: Tensor, clips: Tensor) -> Tensor:
    steps = [torch.stack([x.diff(dim=-1)[..., :-1, :], x.diff(dim=-2)[..., :-1]]) for x in (made, clips)]
    return steps[0].norm(dim=0).mean() / steps[1].norm(dim=0).mean()


def by_products(flow: list[Tensor], frame: list[Tensor]) -> Tensor:
    pairs = zip(flow, frame, strict=True)
    return torch.stack([((x * y).sum(1) / (x.norm(dim=1) * y.norm(dim=1)).clamp_min(1e-12)).mean() for x, y in pairs])


# Other right ways than the notebook's.
RIGHT: tuple[tuple[str, Callable[..., object]], ...] = (
    ("01.1", lambda start, length, fps: (int(start * fps), int(-(-(start + length) * fps // 1)) - 1)),
    ("01.1", by_counting),
    ("01.2", by_narrow),
    ("01.3", lambda stamps: stamps.isnan()[1:] | stamps.isnan()[:-1] | (stamps[1:] <= stamps[:-1])),
    ("01.3", lambda stamps: torch.tensor([not bool(b > a) for a, b in pairwise(stamps)])),
    (
        "02.1",
        lambda f: torch.stack([torch.angle(torch.complex(*f.unbind(1))).rad2deg() % 360, f.square().sum(1).sqrt()], 1),
    ),
    ("02.2", lambda d, flow: (d * torch.cat([flow, torch.ones_like(flow[:, :1])], dim=1)).sum(1)),
    ("02.3", lambda d: (-d[:, 2:] * d[:, :2] / d[:, :2].square().sum(1, keepdim=True)).nan_to_num(0, 0, 0)),
    ("03.1", lambda clip, kernel, at: functional.conv3d(clip[None], kernel[None], padding=1)[0, 0][at]),
    (
        "03.2",
        lambda clip, w: functional.conv3d(
            functional.pad(clip[:, None], (0, 0, 0, 0, len(w) - 1, 0)), w.reshape(1, 1, -1, 1, 1)
        )[:, 0],
    ),
    ("03.3", lambda kernel, time: functional.pad(kernel[:, :, None], (0, 0, 0, 0, time // 2, time // 2))),
    ("04.1", lambda a, half: next(n for n in range(1, 10**6) if 1.96 * math.sqrt(a * (1 - a) / n) <= half)),
    ("04.1", lambda a, half: float(math.ceil(1.96**2 * (a - a * a) / half**2))),
    ("04.2", lambda clips, orders: clips[torch.arange(len(clips))[:, None], :, orders].movedim(2, 1)),
    ("04.2", lambda clips, orders: clips.gather(2, orders[:, None, :, None, None].expand_as(clips))),
    ("04.3", lambda before, after, labels: (after - before).gather(1, labels[:, None]).mean()),
    (
        "05.1",
        lambda flow, target, mask: (
            ((flow - target).square().sum(1).sqrt() * mask).sum() / (target.square().sum(1).sqrt() * mask).sum()
        ),
    ),
    ("05.2", lambda batches: torch.cat([batch.flatten() for batch in batches]).pow(2).mean().pow(0.5)),
    ("05.3", lambda values, guess: (values < guess).float().mean() - (values > guess).float().mean()),
    ("05.3", by_autograd),
    ("06.1", lambda made, clips: 10 * torch.log10(1 / reduce((made - clips) ** 2, "b c t h w -> b", "mean"))),
    ("06.2", by_diff),
    (
        "06.3",
        lambda first, second: functional.cosine_similarity(
            *(torch.cat([part.reshape(-1) for part in parts]) for parts in (first, second)), dim=0
        ),
    ),
    ("07.1", by_products),
    ("07.2", lambda x: 2 - 2 * x.mean() ** 2 / x.square().mean()),
    ("07.3", lambda teacher, student, keep: teacher.clone().lerp_(student.detach(), 1 - keep)),
)


@pytest.mark.parametrize(("key", "answer"), RIGHT)
def test_another_right_way_passes(key: str, answer: object) -> None:
    for seed in (public_seed(key), 1, 2, 3):
        seen = verdict(key, answer, seed=seed)
        assert seen.state == "right", seen


def in_place(teacher: Tensor, student: Tensor, keep: float) -> Tensor:
    return teacher.mul_(keep).add_((1 - keep) * student.detach())


# Slips that no question lists, and what they are called.
WRONG: tuple[tuple[str, str, Callable[..., object]], ...] = (
    ("01.1", "wrong type", lambda start, _, fps: start * fps),
    ("01.2", "wrong dtype", lambda clip: reference("01.2")(clip).float()),
    ("01.2", "axes permuted", lambda clip: reference("01.2")(clip).transpose(0, 1)),
    ("01.3", "one too many or too few", lambda stamps: functional.pad(~(stamps.diff() > 0), (1, 0))),
    ("02.1", "u and v swapped", lambda flow: reference("02.1")(flow).flip(1)),
    ("02.2", "sign flipped", lambda d, flow: -reference("02.2")(d, flow)),
    ("02.2", "an axis too many", lambda d, flow: (d[:, :2] * flow).sum(1, keepdim=True) + d[:, 2:]),
    ("02.3", "sign flipped", lambda d: -reference("02.3")(d)),
    ("02.3", "not finite", lambda d: -d[:, 2:] * d[:, :2] / d[:, :2].square().sum(1, keepdim=True)),
    ("03.1", "not a tensor", lambda *given: reference("03.1")(*given).item()),
    ("03.1", "raised an error", lambda clip, kernel, at: (clip[:, : at[0] + 1] * kernel).sum()),
    ("03.2", "one too many or too few", lambda clip, w: reference("03.2")(clip, w)[:, 1:]),
    ("03.3", "axes permuted", lambda kernel, time: reference("03.3")(kernel, time).movedim(2, 0)),
    ("03.3", "wrong dtype", lambda kernel, time: reference("03.3")(kernel, time).float()),
    ("04.1", "off by one", lambda accuracy, half: reference("04.1")(accuracy, half) + 1),
    ("04.2", "axes permuted", lambda clips, orders: clips[torch.arange(len(clips))[:, None], :, orders]),
    ("04.3", "sign flipped", lambda before, after, labels: -reference("04.3")(before, after, labels)),
    ("04.3", "sum for mean", lambda before, after, labels: (after - before).gather(1, labels[:, None]).sum()),
    ("05.1", "wrong value", lambda flow, target, mask: 100 * reference("05.1")(flow, target, mask)),
    ("05.2", "missing square root", lambda batches: torch.cat(list(batches)).square().mean()),
    ("05.3", "sign flipped", lambda values, guess: (values - guess).sign().mean()),
    ("05.3", "sum for mean", lambda values, guess: (guess - values).sign().sum()),
    ("06.1", "sign flipped", lambda made, clips: -reference("06.1")(made, clips)),
    ("06.1", "wrong shape", lambda made, clips: reference("06.1")(made, clips).mean()),
    ("06.2", "not a tensor", lambda made, clips: float(reference("06.2")(made, clips))),
    ("06.3", "sign flipped", lambda first, second: -reference("06.3")(first, second)),
    ("07.1", "wrong shape", lambda flow, frame: reference("07.1")(flow, frame).sum()),
    ("07.2", "no gradient", lambda x: reference("07.2")(x).detach()),
    ("07.3", "missing detach", lambda teacher, student, keep: keep * teacher + (1 - keep) * student),
    ("07.3", "input edited in place", in_place),
)


@pytest.mark.parametrize(("key", "mistake", "answer"), WRONG)
def test_a_usual_slip_is_rejected_by_its_name(key: str, mistake: str, answer: object) -> None:
    for seed in (public_seed(key), 1, 2, 3):
        seen = verdict(key, answer, seed=seed)
        assert (seen.state, seen.mistake) == ("wrong", mistake), seen


def arguments(key: str) -> list[dict[str, object]]:
    return [dict(probe.arguments) for probe in probes_of(find_question(key), seed=4) if not probe.meta]


def agrees(key: str, oracle: Callable[..., object]) -> None:
    """Reference and oracle give the same for every call of the question."""
    for given in arguments(key):
        seen, expected = (torch.as_tensor(function(*given.values())) for function in (reference(key), oracle))
        torch.testing.assert_close(seen, expected, rtol=1e-4, atol=1e-5, check_dtype=False)


def test_as_many_frames_are_shown_as_the_reader_finds() -> None:
    for given in arguments("01.1"):
        start, length, fps = given.values()
        edges = torch.arange(40, dtype=torch.float64) / fps
        first, last = reference("01.1")(start, length, fps)
        # Where it refuses one more, it says how many there are.
        assert len(sampled_frames(edges, frames=last - first + 1, start_s=start, duration_s=length)) == last - first + 1
        with pytest.raises(VideoError, match=f"{last - first + 1} shown"):
            sampled_frames(edges, frames=last - first + 2, start_s=start, duration_s=length)


def test_direction_and_speed_lead_back_to_the_flow() -> None:
    for given in arguments("02.1"):
        direction, speed = reference("02.1")(given["flow"]).deg2rad().unbind(1)[0], given["flow"].norm(dim=1)
        back = torch.stack([speed * direction.cos(), speed * direction.sin()], dim=1)
        torch.testing.assert_close(back, given["flow"], rtol=1e-4, atol=1e-4)
        assert (direction >= 0).all() and (direction < 2 * math.pi).all()


def test_a_small_true_motion_leaves_little_over_and_its_normal_part_nothing() -> None:
    first, second, flow = moving_texture((1, 0), seed=0)
    derivatives = brightness_derivatives(first[None], second[None])
    still = reference("02.2")(derivatives, torch.zeros_like(flow)[None]).abs().mean()
    assert reference("02.2")(derivatives, flow[None]).abs().mean() < 0.3 * still
    across = reference("02.3")(derivatives)
    assert reference("02.2")(derivatives, across).abs().max() < 1e-5
    # It lies along the slope, and no vector that leaves nothing over is shorter.
    assert (across[:, 0] * derivatives[:, 1] - across[:, 1] * derivatives[:, 0]).abs().max() < 1e-5


def test_answers_in_space_and_time_are_those_of_convolutions() -> None:
    agrees("03.1", lambda clip, kernel, at: functional.conv3d(clip[None], kernel[None], padding=1)[0, 0][at])
    agrees(
        "03.2",
        lambda clip, weights: (
            functional.conv1d(rearrange(clip, "c t h w -> (c h w) 1 t"), weights[None, None], padding=len(weights) - 1)[
                ..., : clip.shape[1]
            ]
            .squeeze(1)
            .unflatten(0, (clip.shape[0], *clip.shape[2:]))
            .movedim(-1, 1)
        ),
    )


def test_a_frozen_clip_gets_the_2d_answers_from_an_inflated_middle_at_its_ends_too() -> None:
    kernel, frame = torch.randn(2, 3, 3, 3), torch.randn(1, 3, 6, 8)
    solid = reference("03.3")(kernel, 5)
    answers = functional.conv3d(frame[:, :, None].expand(-1, -1, 4, -1, -1), solid, padding=(2, 1, 1))
    expected = functional.conv2d(frame, kernel, padding=1)[:, :, None].expand_as(answers)
    torch.testing.assert_close(answers, expected, rtol=1e-4, atol=1e-5)


def test_that_many_clips_give_wilsons_interval_about_the_width() -> None:
    for accuracy, half_width in ((0.5, 0.03), (0.8, 0.02)):
        n = reference("04.1")(accuracy, half_width)
        found = hit_rate(torch.arange(n) < round(accuracy * n))
        assert (found.high - found.low) / 2 == pytest.approx(half_width, rel=0.01)


def test_one_order_for_all_reverses_or_freezes_a_batch() -> None:
    clips = torch.rand(2, 3, 7, 4, 5)
    backwards = torch.arange(7).flip(0).expand(2, 7)
    assert torch.equal(reference("04.2")(clips, backwards), clips.flip(2))
    assert torch.equal(reference("04.2")(clips, torch.full((2, 7), 3)), clips[:, :, 3:4].expand_as(clips))


def test_the_rest_agrees_with_the_library() -> None:
    agrees(
        "04.3",
        lambda before, after, labels: twin_effect(before, after, labels=labels, donor_labels=labels).change.value,
    )
    agrees(
        "05.1",
        lambda flow, target, mask: (
            endpoint_error(flow, target)[mask].mean() / endpoint_error(torch.zeros_like(target), target)[mask].mean()
        ),
    )
    agrees("05.3", by_autograd)
    agrees("06.1", psnr)
    agrees("06.2", lambda made, clips: gradient_magnitude(made).mean() / gradient_magnitude(clips).mean())
    agrees(
        "06.3",
        lambda first, second: gradient_cosines(
            {name: torch.cat([g.flatten() for g in parts]) for name, parts in (("a", first), ("b", second))}
        )[0, 1],
    )


def test_cosines_of_directions_give_the_penalty_on_them() -> None:
    for flow, frame in ([*given.values()] for given in arguments("07.1")[:2]):
        for x, y, cosine in zip(flow, frame, reference("07.1")(flow, frame), strict=True):
            penalty = decoding_discrepancy([x], [y], normalise="channel")
            torch.testing.assert_close((2 - 2 * cosine) / x.shape[1], penalty, rtol=1e-4, atol=1e-6)


def test_unrelated_features_of_one_mean_and_spread_score_what_is_said() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = 1.5 + torch.randn(2, 4, 8, 8, 16, 16, generator=generator)
    assert decoding_discrepancy([x], [y]).item() == pytest.approx(reference("07.2")(x).item(), rel=0.02)
