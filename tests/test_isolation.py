"""Answers in processes of their own: each ends bounded, and nothing that one does changes how it is judged."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tiny_course import QUESTIONS, SETUP

from rev2net_lite import exercises
from rev2net_lite.exercises import grade, isolation
from rev2net_lite.exercises.isolation import Cell, IsolationError, Judged, Limits, judge_apart
from rev2net_lite.exercises.wire import Frame, write_frame

TWICE = QUESTIONS[0]
QUICK = Limits(cpu_s=1, wall_s=300, start_s=300)


def judged(source: str, *, before: str = "", limits: Limits = QUICK, closed: tuple[Path, ...] = ()) -> Judged:
    cells = [Cell("setup", SETUP, given=True), Cell("own", before), Cell("answer", source)]
    return judge_apart(TWICE, cells, answer=2, seed=3, limits=limits, closed=closed)


def test_a_right_answer_with_everything_that_a_notebook_may_hold_around_it() -> None:
    before = """
import sys, warnings
from dataclasses import dataclass
from rev2net_lite.plots import show
from rev2net_lite import VideoInfo
def label(info: VideoInfo | None): ...
@dataclass
class Factor:
    value: int
get_ipython().run_line_magic("matplotlib", "inline")
display(Factor(2))
raise RuntimeError("an own experiment")
"""
    answer = """
def twice(flow):
    warnings.warn("careful")
    print("a progress bar", file=sys.stderr)
    print("and a word")
    return Factor(2).value * flow
check("A9.1", twice)
show(twice)
"""
    seen = judged(answer, before=before)
    assert seen.verdict.state == "right", seen
    assert seen.raised == {
        1: "RuntimeError: an own experiment",
        2: "RuntimeError: show of rev2net_lite.plots is closed: this question asks for your own code",
    }
    assert seen.attempts == () and seen.ended_in is None


def test_the_setup_is_run_statement_by_statement_since_some_show_what_is_closed() -> None:
    cells = [
        Cell("setup", "from rev2net_lite import read_clip\nclip = read_clip('x')\nfactor = 2", given=True),
        Cell("answer", "def twice(flow):\n    return factor * flow"),
    ]
    assert judge_apart(TWICE, cells, answer=1, seed=3, limits=QUICK).verdict.state == "right"


@pytest.mark.parametrize(
    "answer, mistake, says",
    [
        (
            "def twice(flow):\n    while True: pass",
            "does not end",
            "It does not come to an end for the sizes of the ex",
        ),
        ("def twice(flow): ...\nwhile True: pass", "does not end", "The cell of the answer does not come to an end."),
        ("import os\ndef twice(flow):\n    os._exit(0)", "ended its process", "It ended its process without a result"),
        ("import os\ndef twice(flow):\n    os.abort()", "crashed", "It crashed its process (SIGABRT)"),
        ("def twice(flow):\n    raise KeyboardInterrupt", "raised an error", "It raises KeyboardInterrupt for"),
        ("def twice(flow:", "raised an error", "The cell of the answer raises SyntaxError: '(' was never closed (line"),
        ("def thrice(flow): ...", "no answer of that name", "No cell defines twice."),
        (
            "from rev2net_lite.exercises.video_and_flow import QUESTIONS\n"
            "def twice(flow):\n    return QUESTIONS[0].answer(flow)",
            "library called",
            "It calls rev2net_lite.exercises.video_and_flow of the kit",
        ),
        (
            "import os\nfor number in range(3, 10):\n    try:\n        os.write(number, b'right' * 9)\n"
            "    except OSError: pass\ndef twice(flow): ...",
            "forged output",
            "The cell of the answer sent what is no result.",
        ),
    ],
)
def test_an_answer_that_goes_astray_is_bounded_and_wrong(answer: str, mistake: str, says: str) -> None:
    seen = judged(answer)
    assert (seen.verdict.state, seen.verdict.mistake) == ("wrong", mistake), seen
    assert seen.verdict.says.startswith(says)


def test_a_wait_ends_with_the_time_on_the_clock_and_a_stub_without_a_name_is_not_attempted() -> None:
    seen = judged("import time\ndef twice(flow):\n    time.sleep(1000)", limits=Limits(wall_s=1))
    assert seen.verdict.mistake == "does not end"
    seen = judged("raise NotImplementedError()")
    assert seen.verdict.state == "not attempted", seen


def test_a_cell_before_the_answer_that_does_not_end_is_named() -> None:
    seen = judged("def twice(flow):\n    return 2 * flow", before="while True: pass")
    assert seen.ended_in == 1
    assert seen.verdict.says == "A cell before it does not come to an end."


def test_closed_doors_stay_shut_are_reported_and_cost_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "secret"
    secret.write_text("17")
    monkeypatch.setenv("REV2NET_COURSE_SECRET", "17")
    outside = tmp_path / "outside.txt"
    before = f"""
import os, pathlib, socket, subprocess, sys
import rev2net_lite.exercises
found = []
def attempt(act):
    try:
        found.append(str(act()))
    except (OSError, RuntimeError) as error:
        found.append(type(error).__name__)
here = pathlib.Path(rev2net_lite.__file__).parent
attempt(lambda: open({str(secret)!r}).read())
attempt(lambda: os.listdir({str(tmp_path)!r}))
attempt(lambda: here.joinpath("exercises", "video_and_flow.py").read_text())
attempt(lambda: here.joinpath("exercises", "judging.py").write_text("def judge(*_): ..."))
attempt(lambda: open({str(tmp_path.parent / "outside.txt")!r}, "w"))
attempt(lambda: os.remove({str(outside)!r}))
attempt(lambda: subprocess.run(["ls"]))
attempt(lambda: os.kill(os.getppid(), 0))
attempt(lambda: socket.create_connection(("localhost", 80)))
attempt(lambda: open(f"/proc/{{os.getppid()}}/environ").read())
attempt(lambda: __import__("rev2net_lite.exercises.encoder_decoders").exercises.encoder_decoders.QUESTIONS())
attempt(lambda: os.environ["REV2NET_COURSE_SECRET"] if "REV2NET_COURSE_SECRET" in os.environ else "unset")
attempt(lambda: pathlib.Path("own.txt").write_text("mine"))
"""
    answer = "def twice(flow):\n    raise ValueError(' '.join(found))"
    outside.touch()
    seen = judged(answer, before=before, closed=(tmp_path,))
    told = seen.verdict.says.split()
    assert "17" not in told and told.count("PermissionError") == 10 and "unset" in told, seen
    assert outside.exists() and "RuntimeError" in told
    refused = judged(f"open({str(secret)!r})", closed=(tmp_path,)).verdict.says
    assert refused.endswith("is closed while an answer is graded.")
    asked = "\n".join(seen.attempts)
    for what in ("secret", "video_and_flow.py", "write", "subprocess.Popen", "os.kill", "import rev2net_lite.exer"):
        assert what in asked
    assert judged("def twice(flow):\n    return 2 * flow", before=before, closed=(tmp_path,)).verdict.state == "right"


def test_allowed_modules_are_there_and_others_closed() -> None:
    question = replace(TWICE, allowed=("rev2net_lite.shapes",))
    source = "from rev2net_lite.shapes import check_shape\ndef twice(flow):\n    check_shape('flow', flow, 'b 2 h w')\n"
    cells = [Cell("answer", source + "    return 2 * flow")]
    assert judge_apart(question, cells, answer=0, seed=3, limits=QUICK).verdict.state == "right"


def test_a_process_that_does_not_start_is_not_the_answers_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(isolation, "__file__", str(tmp_path / "isolation.py"))
    (tmp_path / "child.py").write_text("raise SystemExit('no torch here')")
    with pytest.raises(IsolationError, match=r"answer to A9.1 did not start: no torch here"):
        judged("")
    (tmp_path / "child.py").write_text("import time\ntime.sleep(60)")
    with pytest.raises(IsolationError, match=r"did not start: it was not ready after 0.5 s"):
        judged("", limits=Limits(start_s=0.5))


def test_limits_are_above_zero() -> None:
    with pytest.raises(ValueError, match=r"limits .*cpu_s=0.* should be above 0"):
        Limits(cpu_s=0)


def test_results_that_were_not_asked_for_are_no_results(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def ended(messages: list[dict[str, object]]) -> Judged:
        sent = io.BytesIO()
        for message in messages:
            write_frame(sent, Frame(message))
        (tmp_path / "child.py").write_text(f"import sys\nsys.stdout.buffer.write({sent.getvalue()!r})")
        monkeypatch.setattr(isolation, "__file__", str(tmp_path / "isolation.py"))
        return judged("")

    ready: dict[str, object] = {"ready": True}
    assert ended([ready, {"done": True}]).verdict.says.startswith("It sent other results than it was asked for")
    assert ended([ready, {"seen": 1}]).verdict.mistake == "forged output"
    assert ended([ready, ready]).verdict.mistake == "forged output"
    monkeypatch.setattr(isolation, "_MOST_FRAMES", 3)
    flood = ended([ready] + [{"attempt": str(number)} for number in range(5)])
    assert flood.verdict.says.startswith("It sent more than it was asked for")


def test_grade_is_silent_for_a_right_answer_and_raises_what_check_would_say(monkeypatch: pytest.MonkeyPatch) -> None:
    def stub(flow: torch.Tensor) -> torch.Tensor:
        raise NotImplementedError()

    monkeypatch.setattr(exercises, "find_question", lambda _: TWICE)
    assert grade("A9.1", lambda flow: flow * 2) is None
    with pytest.raises(AssertionError, match=r"A9.1: not yet right \(sign flipped\). Every value has the wrong sign."):
        grade("A9.1", lambda flow: flow * -2)
    with pytest.raises(AssertionError, match=r"A9.1: not attempted."):
        grade("A9.1", stub)


def test_the_process_ends_with_the_one_that_started_it() -> None:
    # Its standard input is closed by the end of whoever held it, whatever the answer does meanwhile.
    code = (
        "import os, sys, threading\n"
        "from rev2net_lite.exercises.child import _end_with_parent\n"
        "threading.Thread(target=_end_with_parent).start()\n"
    )
    reading, writing = os.pipe()
    with subprocess.Popen([sys.executable, "-c", code], stdin=reading) as process:
        os.close(reading)
        os.close(writing)
        assert process.wait(60) == 1
