"""The program of the process in which an answer runs: `python -I child.py`, with its job on standard input.

It holds no reference and no check. What it sends back is judged elsewhere. The limits and closed doors below stop
accidents and the attempts of a curious student; they are no sandbox.
"""

from __future__ import annotations

import ast
import contextlib
import math
import os
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, FrameType, ModuleType

# The kit need not be installed: the folder that it was imported from by whoever started this comes as an argument.
if __name__ == "__main__":
    sys.path.append(sys.argv[1])

import torch

from rev2net_lite.exercises.observing import Observation, observe, observe_value
from rev2net_lite.exercises.questions import Probe
from rev2net_lite.exercises.wire import Frame, decode_probes, encode_observation, read_frame, write_frame

__all__ = ["main"]

_KIT = "rev2net_lite"
_EXERCISES = "rev2net_lite.exercises"
_MOST_ATTEMPTS = 20
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

# Events of Python's own auditing that no answer needs: other processes, and the network.
_FORBIDDEN = (
    *("socket.", "subprocess.", "pty.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system"),
    *("os.startfile", "os.kill", "os.killpg", "ctypes.dlopen", "webbrowser."),
)
_PATHS_CHANGED = (
    *("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod"),
    *("os.chown", "shutil."),
)
_PATHS_READ = ("os.listdir", "os.scandir")


def main() -> None:
    """Nothing; the answer of the job on standard input was run and what it did has gone to standard output."""
    channel = os.fdopen(os.dup(1), "wb")
    _hide_output()
    job, calls = read_frame(sys.stdin.buffer), read_frame(sys.stdin.buffer)
    assert job is not None and calls is not None
    probes = decode_probes(calls)
    content = job.content
    allowed: list[str] = content["allowed"]  # type: ignore[assignment]
    cells: list[tuple[str, str, bool]] = content["cells"]  # type: ignore[assignment]
    limits: dict[str, int] = content["limits"]  # type: ignore[assignment]
    closed: list[str] = content["closed"]  # type: ignore[assignment]
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def send(**message: object) -> None:
        write_frame(channel, Frame(message))

    attempts: list[str] = []

    def report(attempt: str) -> None:
        if len(attempts) < _MOST_ATTEMPTS and attempt not in attempts:
            attempts.append(attempt)
            send(attempt=attempt[:300])

    space = ModuleType("__main__")
    called = _close_kit(allowed, report)
    sys.modules["__main__"] = space
    vars(space).update(display=_nothing, get_ipython=_Shell)
    if any(probe.meta for probe in probes):
        # The first operation there imports for a second or two.
        _ = torch.empty(1, device="meta") * 1
    send(ready=True)
    _limit(limits)
    _close_doors([Path(path) for path in closed], Path.cwd(), report)
    for index, (name, source, given) in enumerate(cells):
        send(cell=index)
        error = _run_given(source, space) if given else _run_cell(name, source, space)
        if error:
            send(raised=error[:2000], at=index)
    name = str(content["name"])
    if name not in vars(space):
        send(missing=True)
    else:
        send(calls=True)
        for seen in _observe(vars(space)[name], probes, called):
            write_frame(channel, encode_observation(seen))
    send(done=True)
    # Threads and exit handlers that an answer left behind have nothing more to say.
    os._exit(0)


def _observe(answer: object, probes: Sequence[Probe], called: set[str]) -> Sequence[Observation]:
    """The observations, made one by one as they are asked for."""

    def one(probe: Probe) -> Observation:
        called.clear()
        if not callable(answer):
            return observe_value(answer)
        try:
            seen = observe(answer, probe)
        except BaseException as error:
            return Observation(error=type(error).__name__)
        return replace(seen, library=tuple(sorted({*seen.library, *called})))

    return map(one, probes)  # type: ignore[return-value]


def _run_cell(name: str, source: str, space: ModuleType) -> str:
    """What the cell raised; empty if nothing. The next cell runs all the same, as it would in a notebook."""
    try:
        code: CodeType = compile(source, f"<{name}>", "exec", dont_inherit=True)
        exec(code, vars(space))
    except SyntaxError as error:
        return f"{type(error).__name__}: {error.msg} (line {error.lineno})"
    except BaseException as error:
        text = str(error).strip().splitlines()
        return type(error).__name__ + (f": {text[0]}" if text else "")
    return ""


def _run_given(source: str, space: ModuleType) -> str:
    """The same for a cell of the release, of which each statement is tried: some show what is closed here."""
    for statement in ast.parse(source).body:
        code = compile(ast.Module([statement], []), "<given>", "exec", dont_inherit=True)
        with contextlib.suppress(Exception):
            exec(code, vars(space))
    return ""


def _hide_output() -> None:
    """Nothing goes to the channel but frames; what is printed is of no use to anybody."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def _end_with_parent() -> None:
    """Ends this process when the one that started it closes its end of standard input, by ending for example."""
    while os.read(0, 1024):
        pass
    os._exit(1)


def _nothing(*_arguments: object, **_options: object) -> None:
    """What `display` and the kit's `check` and `hint` are here."""


class _Shell:
    """What `get_ipython` returns here: magics do nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return _nothing


class _Refusal:
    """A name out of a module of the kit that the question does not allow: it can be imported, not used."""

    def __init__(self, module: str, name: str, called: set[str]) -> None:
        self._module, self._name, self._called = module, name, called

    def __call__(self, *_arguments: object, **_options: object) -> object:
        self._called.add(self._module)
        raise RuntimeError(f"{self._name} of {self._module} is closed: this question asks for your own code")

    __getitem__ = __iter__ = __call__

    def __getattr__(self, name: str) -> _Refusal:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Refusal(self._module, f"{self._name}.{name}", self._called)

    def __or__(self, _other: object) -> _Refusal:
        return self

    __ror__ = __or__


class _Closed(ModuleType):
    """A module of the kit that the question does not allow."""

    def __init__(self, name: str, called: set[str]) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        self._called = called

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Refusal(self.__name__, name, self._called)


class _Doorkeeper(MetaPathFinder, Loader):
    """Answers every import of a module of the kit that is not there yet with one that is closed."""

    def __init__(self, called: set[str], report: Callable[[str], None]) -> None:
        self.called, self.report = called, report

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> ModuleSpec | None:
        if not name.startswith(f"{_KIT}."):
            return None
        if name.startswith(f"{_EXERCISES}."):
            self.report(f"import {name}")
        return ModuleSpec(name, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Closed(spec.name, self.called)

    def exec_module(self, module: ModuleType) -> None:
        pass


def _close_kit(allowed: Sequence[str], report: Callable[[str], None]) -> set[str]:
    """Modules of closed names that are called from now on; those allowed have been imported, all others are closed."""
    for name in allowed:
        __import__(name)
    called: set[str] = set()
    for name in [name for name in sys.modules if name.startswith(f"{_KIT}.") and name not in allowed]:
        if name.startswith(f"{_EXERCISES}."):
            del sys.modules[name]
            continue
        shut = _Closed(name, called)
        if name == _EXERCISES:
            vars(shut).update(check=_nothing, grade=_nothing, hint=_nothing)
        sys.modules[name] = shut
        above, _, last = name.rpartition(".")
        setattr(sys.modules[above], last, shut)
    sys.meta_path.insert(0, _Doorkeeper(called, report))
    return called


def _limit(limits: dict[str, int]) -> None:
    """Bounds what this process may use from now on, as far as the platform can."""
    try:
        import resource
    except ImportError:  # Windows: there is the limit of time on the clock, kept from outside
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    # Whole seconds only: rounded up, so that an answer never gets less than it was promised.
    seconds = math.ceil(used.ru_utime + used.ru_stime) + limits["cpu_s"]
    bounds = {
        resource.RLIMIT_CPU: (seconds, seconds + 1),
        resource.RLIMIT_FSIZE: (limits["file_bytes"], limits["file_bytes"]),
        resource.RLIMIT_CORE: (0, 0),
    }
    statm = Path("/proc/self/statm")
    if statm.exists():
        # What libraries have mapped differs by gigabytes between builds of torch; the answer's own share counts.
        space = int(statm.read_text().split()[0]) * resource.getpagesize() + limits["memory_bytes"]
        bounds[resource.RLIMIT_AS] = (space, space)
    for bound, values in bounds.items():
        resource.setrlimit(bound, values)


def _close_doors(closed: Sequence[Path], own: Path, report: Callable[[str], None]) -> None:
    """Refuses other processes, the network, changes outside the process's own folder, and reads where it is closed."""
    shut = tuple(os.path.realpath(path) for path in closed)
    mine = os.path.realpath(own)
    kit = os.path.realpath(Path(__file__).parent.parent)
    installed = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path} - {"", str(Path(kit).parent)}
    libraries = tuple(os.path.realpath(path) for path in installed)
    # Tracebacks and warnings read the lines of what runs here, which is no secret.
    running = tuple(os.path.realpath(path) for path in _files(Path(__file__).parent))
    within, real, decode, get_frame = _is_within, os.path.realpath, os.fsdecode, sys._getframe

    def may_read(where: str) -> bool:
        if within(where, (kit,)):
            return where in running
        if within(where, (mine, *libraries)):
            return True
        return not within(where, shut) and not _other_process(where)

    def refuse(what: str) -> None:
        # A library tries what an answer's author never heard of; that is refused too, and no news.
        frame: FrameType | None = get_frame(2)
        while frame is not None and not frame.f_code.co_filename.startswith("<"):
            if "site-packages" in frame.f_code.co_filename:
                break
            frame = frame.f_back
        else:
            report(what)
        raise PermissionError(f"{what} is closed while an answer is graded")

    def look(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            if not isinstance(path, str | bytes):
                return
            where = real(decode(path))
            if isinstance(flags, int) and flags & _WRITING:
                if not within(where, (mine, os.devnull)):
                    refuse(f"write {path!r}")
            elif not may_read(where):
                refuse(f"read {path!r}")
        elif event.startswith(_FORBIDDEN):
            refuse(event)
        elif event.startswith(_PATHS_CHANGED):
            for path in arguments:
                if isinstance(path, str | bytes) and not within(real(decode(path)), (mine,)):
                    refuse(f"{event} {path!r}")
        elif event in _PATHS_READ:
            path = arguments[0]
            if isinstance(path, str | bytes) and not may_read(real(decode(path))):
                refuse(f"list {path!r}")

    sys.addaudithook(look)


def _files(folder: Path) -> list[Path]:
    """Source of the modules of that folder that take part in running an answer."""
    return [folder / f"{name}.py" for name in ("child", "observing", "objects", "questions", "wire")]


def _is_within(path: str, folders: Sequence[str]) -> bool:
    return any(path == folder or path.startswith(folder + os.sep) for folder in folders)


def _other_process(path: str) -> bool:
    folder = path.removeprefix("/proc/").partition("/")[0]
    return path.startswith("/proc/") and folder.isdigit() and folder != str(os.getpid())


if __name__ == "__main__":
    main()
