"""Executing notebooks with papermill: one, or the whole series with its site."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty
from typing import Any

import nbformat
import papermill
import torch
from jupyter_client.asynchronous import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from traitlets import Type, default

from rev2net_lite.bundled import glossary_file
from rev2net_lite.files import hold_folder, write_text_atomically
from rev2net_lite.glossary import Glossary
from rev2net_lite.minutes import SERIES_NAME, Timing, series_record
from rev2net_lite.pages import Page, Site, glossary_page, index_page, notebook_page, numbered_title
from rev2net_lite.parameters import check_parameters, declared_literals
from rev2net_lite.profiles import Profile
from rev2net_lite.runs import RecordError, read_record

__all__ = [
    "NotebookError",
    "Outcome",
    "budget_minutes",
    "end_kernels",
    "end_runs",
    "execute_notebook",
    "notebook_parameters",
    "read_notebook",
    "run_series",
]

# A notebook that takes three times what it should is broken, or its budget is.
_LIMIT_OVER_BUDGET = 3

_KERNEL_LOG = "stderr.txt"

# papermill and nbclient log what is raised to us anyway.
logging.getLogger("papermill").addHandler(logging.NullHandler())


class NotebookError(RuntimeError):
    """A notebook failed; `output` is its executed copy as far as it came, `reason` says why in one line."""

    def __init__(self, notebook: str, reason: str, output: Path) -> None:
        super().__init__(f"notebook {notebook} failed: {reason}; its executed copy is {output}")
        self.reason = reason
        self.output = output


@dataclass(frozen=True)
class Outcome:
    """How one notebook of a series went.

    Args:
        notebook: its name without the ending.
        output: its executed copy.
        seconds: how long it took.
        error: why it failed, or None.
    """

    notebook: str
    output: Path
    seconds: float
    error: str | None


def read_notebook(path: str | os.PathLike[str]) -> NotebookNode:
    """The notebook in a file.

    Raises:
        ValueError: the file cannot be read or is no notebook.
    """
    try:
        return nbformat.read(path, as_version=4)
    except OSError as error:
        raise ValueError(f"notebook {path} cannot be read: {error.strerror}") from error
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, UnicodeDecodeError, AttributeError) as error:
        raise ValueError(f"file {path} is not a notebook; expected one that Jupyter saved") from error


def notebook_parameters(notebook: NotebookNode) -> dict[str, object]:
    """Names and default values that the cell tagged `parameters` declares; none without such a cell."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and "parameters" in cell.metadata.get("tags", []):
            return declared_literals(cell.source)
    return {}


def budget_minutes(notebook: NotebookNode, *, profile: str, name: str) -> float:
    """Minutes that a notebook may take at a profile, as its metadata say under `rev2net`.

    Raises:
        ValueError: the notebook has no budget for the profile.
    """
    budgets = notebook.metadata.get("rev2net", {}).get("budget_minutes", {})
    minutes = budgets.get(profile)
    if isinstance(minutes, bool) or not isinstance(minutes, int | float) or not minutes > 0:
        raise ValueError(
            f"notebook {name} has no budget for profile {profile}; put the minutes that it may take into its metadata "
            f'as {{"rev2net": {{"budget_minutes": {{"{profile}": 2}}}}}}'
        )
    return float(minutes)


def execute_notebook(
    notebook: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    parameters: Mapping[str, object],
    cell_timeout_s: float,
    total_timeout_s: float,
    threads: int = 1,
    groups: set[int] | None = None,
) -> float:
    """Seconds that a notebook took, executed with papermill in a kernel of this very Python.

    Args:
        notebook: the notebook's file.
        output: where its executed copy goes. It appears whole when the run ends, up to the cell that failed if one
            did; what lay there before is gone from the start. A run that is killed leaves none.
        parameters: values for declared parameters; checked before a kernel starts.
        cell_timeout_s: limit for one cell.
        total_timeout_s: limit for all cells together.
        threads: processor threads of the kernel.
        groups: holds the process group of the kernel while it runs, for `end_runs` in another thread.

    Raises:
        ValueError: the file is no notebook, or a parameter is not declared or of another type than its default.
        NotebookError: a cell or the callback of a widget raised, a limit was passed, or the kernel died.
    """
    path = Path(notebook)
    check_parameters(parameters, notebook_parameters(read_notebook(path)), notebook=path.stem)
    limits = _Limits(cell_timeout_s, total_timeout_s)
    groups = set() if groups is None else groups
    return _execute(path, Path(output), parameters=parameters, limits=limits, threads=threads, groups=groups)


def end_kernels(groups: Iterable[int]) -> None:
    """Nothing; the processes of these groups are killed: kernels, and what their cells started."""
    for group in list(groups):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


def end_runs(pool: ThreadPoolExecutor, futures: Iterable[Future[Any]], groups: set[int]) -> None:
    """Nothing; every run of the pool has ended: those that wait are cancelled, the kernels of the others are killed.

    Ctrl-C reaches the main thread only, so a pool would otherwise go on until all its notebooks are through.
    """
    pool.shutdown(wait=False, cancel_futures=True)
    while not all(future.done() for future in futures):
        end_kernels(groups)
        time.sleep(0.1)


def run_series(
    notebooks: Sequence[Path],
    *,
    profile: Profile,
    seed: int,
    build: Path,
    jobs: int | None = None,
    report: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """How each notebook went, in the order given; a failed one does not stop the others.

    Below `build`, the folder of the profile receives the executed copies, their pages and a folder for the files of
    each run; `build/index.html` leads to them. A series of which none failed leaves its times there as `series.json`.

    Args:
        notebooks: files of the notebooks.
        profile: size of the experiments.
        seed: seed of every notebook.
        build: folder for everything that is made.
        jobs: how many at once; None stands for two where there are processor cores for them and no GPU to share.
        report: called with each outcome as soon as it is known.

    Raises:
        ValueError: a notebook has no budget for the profile, or does not declare profile, seed and output; or another
            series is being built there.
    """
    build = build.expanduser().absolute()
    folder = build / profile.name
    plans: dict[Path, tuple[float, dict[str, object]]] = {}
    for path in notebooks:
        content = read_notebook(path)
        parameters: dict[str, object] = {"profile": profile.name, "seed": seed, "output": str(folder / path.stem)}
        check_parameters(parameters, notebook_parameters(content), notebook=path.stem)
        plans[path] = budget_minutes(content, profile=profile.name, name=path.stem), parameters
    lock = hold_folder(folder)
    (folder / SERIES_NAME).unlink(missing_ok=True)
    groups: set[int] = set()
    pool = ThreadPoolExecutor(max_workers=jobs or _jobs(profile))
    futures: dict[Future[Outcome], Path] = {}
    outcomes: dict[Path, Outcome] = {}
    try:
        # The longest first, so that none runs alone at the end.
        for path, (minutes, parameters) in sorted(plans.items(), key=lambda plan: -plan[1][0]):
            limit_s = 60 * _LIMIT_OVER_BUDGET * minutes
            future = pool.submit(_run_one, path, folder, parameters, limit_s, profile.threads, groups)
            futures[future] = path
        for future in as_completed(futures):
            outcomes[futures[future]] = future.result()
            if report is not None:
                report(outcomes[futures[future]])
    except BaseException:
        end_runs(pool, futures, groups)
        raise
    finally:
        pool.shutdown()
        lock.release()
    in_order = [outcomes[path] for path in notebooks]
    if not any(outcome.error for outcome in in_order):
        records = [read_record(folder / path.stem / "results.json") for path in notebooks]
        timings = [Timing(path.stem, round(outcomes[path].seconds, 1), plans[path][0]) for path in notebooks]
        today = datetime.now(UTC).date().isoformat()
        record = series_record(records, timings, date=today, cores=_cores(), jobs=jobs or _jobs(profile))
        write_text_atomically(folder / SERIES_NAME, record.json())
    _write_site(notebooks, in_order, [plans[path][0] for path in notebooks], profile=profile, seed=seed, build=build)
    return in_order


def _write_site(
    notebooks: Sequence[Path],
    outcomes: Sequence[Outcome],
    budgets: Sequence[float],
    *,
    profile: Profile,
    seed: int,
    build: Path,
) -> None:
    """Writes index page, glossary and the page of each notebook."""
    # Where a run ended before there was a copy, the notebook itself is shown.
    copies = [
        read_notebook(outcome.output if outcome.output.exists() else path)
        for path, outcome in zip(notebooks, outcomes, strict=True)
    ]
    titles = {path.stem: numbered_title(copy, name=path.stem) for path, copy in zip(notebooks, copies, strict=True)}
    site = Site(profile.name, titles, Glossary(glossary_file().read_text("utf-8")))
    pages = []
    for path, outcome, budget, copy in zip(notebooks, outcomes, budgets, copies, strict=True):
        href = f"{profile.name}/{path.stem}.html"
        text = notebook_page(copy, name=path.stem, site=site, folder=path.parent, error=outcome.error)
        write_text_atomically(build / href, text)
        minutes = outcome.seconds / 60
        pages.append(Page.of(copy, href=href, minutes=minutes, budget_minutes=budget, error=outcome.error))
    write_text_atomically(build / "glossary.html", glossary_page(site))
    write_text_atomically(build / "index.html", index_page(pages, profile=profile.name, seed=seed))


@dataclass(frozen=True)
class _Limits:
    """Seconds for one cell and for all together."""

    cell_s: float
    total_s: float


def _run_one(
    path: Path, folder: Path, parameters: Mapping[str, object], limit_s: float, threads: int, groups: set[int]
) -> Outcome:
    output = folder / path.name
    started = time.monotonic()
    error: str | None = None
    try:
        limits = _Limits(limit_s, limit_s)
        _execute(path, output, parameters=parameters, limits=limits, threads=threads, groups=groups)
        read_record(folder / path.stem / "results.json")
    except (NotebookError, RecordError) as failure:
        error = failure.reason if isinstance(failure, NotebookError) else str(failure)
    finally:
        # The event loop that nbclient opened for this thread.
        ensure_event_loop().close()
    return Outcome(path.stem, output, time.monotonic() - started, error)


def _execute(
    path: Path,
    output: Path,
    *,
    parameters: Mapping[str, object],
    limits: _Limits,
    threads: int,
    groups: set[int],
) -> float:
    """`execute_notebook` after its checks; `groups` holds the process group of the kernel while it runs."""
    name = path.stem
    output.parent.mkdir(parents=True, exist_ok=True)
    # What lies there is of an earlier run, and would pass for this one's.
    if not (output.exists() and output.samefile(path)):
        output.unlink(missing_ok=True)
    started = time.monotonic()

    def limit(_: NotebookNode) -> float:
        # nbclient reads 0 as "no limit".
        return max(0.01, min(limits.cell_s, started + limits.total_s - time.monotonic()))

    own: set[int] = set()
    own_folder = tempfile.TemporaryDirectory(prefix="rev2net-", ignore_cleanup_errors=True)
    # papermill writes after every cell and not atomically.
    draft = Path(own_folder.name, path.name)
    try:
        executed = papermill.execute_notebook(
            str(path),
            str(draft),
            parameters=dict(parameters),
            kernel_name="python3",
            progress_bar=False,
            start_timeout=120,
            kernel_manager_class=_kernel_class(Path(own_folder.name), threads, (own, groups)),
            timeout_func=limit,
            iopub_timeout=60,
        )
    except PapermillExecutionError as error:
        reason = _one_line(f"{error.ename} in cell [{error.exec_count}]: {error.evalue}")
        raise NotebookError(name, reason, output) from error
    except CellTimeoutError as error:
        if time.monotonic() - started >= limits.total_s:
            raise NotebookError(name, f"it took longer than {limits.total_s:g} s", output) from error
        raise NotebookError(name, f"a cell took longer than {limits.cell_s:g} s", output) from error
    except DeadKernelError as error:
        reason = "its kernel died, as it does when memory runs out"
        raise NotebookError(name, reason + _last_words(Path(own_folder.name)), output) from error
    except RuntimeError as error:
        raise NotebookError(name, _one_line(f"its kernel did not start: {error}"), output) from error
    except OSError as error:
        raise NotebookError(name, _no_copy(error), output) from error
    finally:
        # What the cells started may outlive the kernel.
        end_kernels(own)
        groups -= own
        try:
            _keep_copy(draft, output)
        except OSError as error:
            raise NotebookError(name, _no_copy(error), output) from error
        finally:
            own_folder.cleanup()
    if errors := _widget_errors(executed):
        raise NotebookError(name, _one_line(errors[0]), output)
    return time.monotonic() - started


def _keep_copy(draft: Path, output: Path) -> None:
    """Nothing; the draft lies at `output`, if there is a whole one: a full disk leaves half of it, or none."""
    try:
        executed = read_notebook(draft)
    except ValueError:
        return
    executed.metadata.papermill.output_path = str(output)
    write_text_atomically(output, nbformat.writes(executed) + "\n")


def _no_copy(error: OSError) -> str:
    words = f"its executed copy cannot be written: {error.strerror or error}; make room, or choose another folder"
    return _one_line(words)


class _ShellChannel(AsyncZMQSocketChannel):
    """The channel that replies come by, which looks for them at least once a second.

    While a widget's output is shown, nbclient sends messages by the same socket, and sending can swallow the wake-up
    for a reply that arrives meanwhile: the client would wait until its time limit for what is there.
    """

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:
        deadline = math.inf if timeout is None else time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            try:
                return await super().get_msg(timeout=max(0.0, min(1.0, left)))
            except Empty:
                if left <= 1.0:
                    raise


class _Client(AsyncKernelClient):
    shell_channel_class = Type(_ShellChannel)


def _kernel_class(folder: Path, threads: int, groups: tuple[set[int], ...]) -> type[AsyncKernelManager]:
    """A manager that starts kernels of this very Python, whatever kernels the user has installed under that name."""

    class ThisPython(AsyncKernelManager):
        @property
        def kernel_spec(self) -> KernelSpec:
            number = str(threads)
            # What a reader predicted in Jupyter is not for an executed copy to judge.
            predictions = os.environ.get("REV2NET_PREDICTIONS") or str(folder / "predictions.json")
            return KernelSpec(
                argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
                language="python",
                display_name="Python 3",
                env=dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), number)
                | {"REV2NET_PREDICTIONS": predictions},
            )

        @default("client_factory")
        def _client_factory(self) -> type[AsyncKernelClient]:
            return _Client

        @default("connection_file")
        def _connection_file(self) -> str:
            # Sockets are named after this file; without one of its own, kernels share them in the current folder.
            return str(folder / "kernel.json")

        @default("transport")
        def _transport(self) -> str:
            # Sockets in the file system are the user's own, where the system has them and takes so long a path.
            return "ipc" if os.name == "posix" and len(os.fsencode(folder / "kernel-ipc-5")) < 100 else "tcp"

        async def start_kernel(self, **options: object) -> None:  # the library's own signature
            # What the kernel's process says beside its outputs is of interest only when it dies.
            with (folder / _KERNEL_LOG).open("wb") as log:
                await super().start_kernel(**options, stderr=log)
            if self.provisioner is not None and self.provisioner.pgid:
                for known in groups:
                    known.add(self.provisioner.pgid)

    return ThisPython


def _last_words(folder: Path) -> str:
    lines = (folder / _KERNEL_LOG).read_text(errors="replace").strip().splitlines()
    return f"; its last words: {_one_line(lines[-1])}" if lines else ""


def _widget_errors(notebook: NotebookNode) -> list[str]:
    """Errors that callbacks of widgets left in the saved state, where papermill does not look."""
    widgets = notebook.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {})
    errors = []
    for state in (model["state"] for model in widgets.get("state", {}).values()):
        # The Output in which an explorer keeps its errors has the explorer's name as its class.
        names = [name.removeprefix("rev2net-") for name in state.get("_dom_classes", []) if name.startswith("rev2net-")]
        who = f"explorer {names[0]}" if names else "the callback of a widget"
        outputs = [output for output in state.get("outputs", []) if output.get("output_type") == "error"]
        errors += [f"{who} raised {output['ename']}: {output['evalue']}" for output in outputs]
    return errors


def _jobs(profile: Profile) -> int:
    if torch.cuda.is_available():
        return 1
    return max(1, min(2, _cores() // profile.threads))


def _cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 500 else line[:500] + "..."
