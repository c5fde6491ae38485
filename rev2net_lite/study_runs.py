"""The runs of the study: executing notebook 09 once per seed, and publishing the records that they leave.

Runs are processes of this machine, or calls on the workers of a dask scheduler (`cluster`). Either way a seed's folder
is written by one run at a time, and a seed whose record is there is not run again.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import re
import secrets
import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from jupyter_core.utils import ensure_event_loop

from rev2net_lite.bundled import notebooks_folder
from rev2net_lite.cluster import run_on_workers
from rev2net_lite.execution import (
    NotebookError,
    budget_minutes,
    end_kernels,
    end_runs,
    execute_notebook,
    read_notebook,
)
from rev2net_lite.files import hold_folder, write_atomically, write_text_atomically
from rev2net_lite.profiles import Profile
from rev2net_lite.runs import RecordError, read_record
from rev2net_lite.study import (
    NOTEBOOK,
    chosen_systems,
    collate_study,
    kind_of_world,
    seed_of_tests,
    study_records,
    study_systems,
    systems_of,
)

__all__ = ["group_folder", "publish", "run_study"]

# The run of a worker that lost its scheduler ends within seconds, and holds its seed's folder until then.
_PATIENCE_S = 30.0

# Parameters that older records do not name, with what they stood at.
_BEFORE: dict[str, object] = {"test_seed": 0, "kind": "sprites", "shifts": ""}


def run_study(
    profile: Profile,
    *,
    seeds: Sequence[int],
    folder: Path,
    jobs: int,
    systems: str = "",
    test_seed: int = 0,
    kind: str = "sprites",
    scheduler: str | None = None,
    results: Path | None = None,
    report: Callable[[str], None] = print,
) -> dict[int, str]:
    """Why runs failed, by seed; empty when every seed has its record.

    Each seed is one run of notebook 09 in a folder of its own. A seed whose record is there is not run again; a failed
    run does not stop the others.

    Args:
        profile: of every run.
        seeds: of training data and initialisation.
        folder: receives `seed_<n>/` with executed notebook and record; with a scheduler, on a file system that all its
            workers share.
        jobs: runs at the same time on this machine; where a scheduler was named by its address, its workers decide.
        systems: what each run trains, with commas between; empty takes `study_systems` of the profile.
        test_seed: of the test clips, the same for all runs; see `synthetic_world`.
        kind: of the world; see `experiment.read_kind`.
        scheduler: `"local"` for workers on this machine, or the address of a dask scheduler; None needs no dask. A run
            whose worker died is begun again on another one, and goes on from the last finished epoch.
        results: file of the findings over all seeds; None is `results.json` in the folder.
        report: called with one line for each run that ends.

    Raises:
        ValueError: another study is writing to the folder, or a worker does not see it.
        ClusterError: the scheduler cannot be used; see `run_on_workers`.
    """
    systems = systems or ",".join(study_systems(profile))
    notebook = notebooks_folder() / f"{NOTEBOOK}.ipynb"
    limit_s = 3 * 60 * budget_minutes(read_notebook(notebook), profile=profile.name, name=NOTEBOOK)
    # Every system takes longer than the budget of the profile's own choice.
    limit_s *= max(1.0, len(chosen_systems(systems, profile=profile)) / len(systems_of(profile)))
    parameters: dict[str, object] = {
        "profile": profile.name,
        "systems": systems,
        "test_seed": test_seed,
        "kind": kind,
        # Each shift needs videos of its own, for which a quick study has no time.
        "shifts": "all" if profile.name == "study" else "",
    }
    failed: dict[int, str] = {}
    lock = hold_folder(folder)
    try:
        with _source(notebook, folder) as source:
            plans = [
                _Plan(source, folder / f"seed_{seed}", seed, parameters | {"seed": seed}, profile, limit_s)
                for seed in seeds
            ]
            for plan in plans:
                plan.folder.mkdir(exist_ok=True)
            outcomes = (
                _in_threads(plans, jobs=jobs)
                if scheduler is None
                else _on_workers(plans, scheduler=scheduler, jobs=jobs, report=report)
            )
            with contextlib.closing(outcomes):
                for outcome in outcomes:
                    report(f"seed {outcome.seed}: {outcome.said}")
                    if outcome.failed:
                        failed[outcome.seed] = outcome.said
    finally:
        lock.release()
    records = [
        record
        for record in study_records([folder])
        if (record.profile, seed_of_tests(record), kind_of_world(record)) == (profile.name, test_seed, kind)
        and record.seed in set(seeds)
    ]
    write_text_atomically(
        results or folder / "results.json", json.dumps(collate_study(records), indent=1, allow_nan=False) + "\n"
    )
    return failed


def publish(folder: Path, *, into: Path) -> list[Path]:
    """Files of the records below `folder`, copied into the records that the kit carries, named by what they are of."""
    into.mkdir(parents=True, exist_ok=True)
    written = []
    for path in sorted(folder.glob("seed_*/results.json")):
        record = read_record(path)
        # Where the run's files lay says nothing to others.
        content = asdict(replace(record, parameters=record.parameters | {"output": ""}))
        written.append(
            into
            / f"{group_folder(record.profile, seed_of_tests(record), kind_of_world(record))}-seed_{record.seed}.json"
        )
        write_text_atomically(written[-1], json.dumps(content, separators=(",", ":")) + "\n")
    return written


def group_folder(profile: str, test_seed: int, kind: str) -> str:
    """Name of the folder of runs that can be paired, as other test clips and other worlds are another study.

    >>> group_folder("study", 1, "sprites motion_bias=0.5")
    'study-tests_1-motion_bias_0_5'
    """
    parts = [profile, *([f"tests_{test_seed}"] if test_seed else [])]
    words = re.sub(r"[^\w]+", "_", kind.removeprefix("sprites")).strip("_")
    return "-".join([*parts, *([words] if words else [])])


@dataclass(frozen=True)
class _Plan:
    """One run, as plain data that a worker elsewhere can be sent.

    Args:
        notebook: a copy in the study's folder, so that all workers execute the same one; it shows that they see it.
        folder: of this seed.
        seed: of the run.
        parameters: of the notebook, without its output.
        profile: of the run.
        limit_s: seconds that it may take.
    """

    notebook: Path
    folder: Path
    seed: int
    parameters: dict[str, object]
    profile: Profile
    limit_s: float


@dataclass(frozen=True)
class _Outcome:
    """How the run of a seed ended, and the line that says so."""

    seed: int
    said: str
    failed: bool = False


@contextlib.contextmanager
def _source(notebook: Path, folder: Path) -> Iterator[Path]:
    """A copy of the notebook in a hidden folder of a study that is held, under a name that was never used before."""
    for left in folder.glob(".source-*"):
        shutil.rmtree(left)
    copy = folder / f".source-{secrets.token_hex(8)}" / notebook.name
    copy.parent.mkdir()
    write_atomically(copy, notebook.read_bytes())
    try:
        yield copy
    finally:
        shutil.rmtree(copy.parent, ignore_errors=True)


def _in_threads(plans: Sequence[_Plan], *, jobs: int) -> Generator[_Outcome]:
    """The runs as they end, so many at once; each has a process of its own, its kernel."""
    groups: set[int] = set()
    pool = ThreadPoolExecutor(max_workers=jobs)
    futures = [pool.submit(_run_seed, plan, groups) for plan in plans]
    try:
        for future in as_completed(futures):
            yield future.result()
    except BaseException:
        end_runs(pool, futures, groups)
        raise
    finally:
        pool.shutdown()


def _on_workers(
    plans: Sequence[_Plan], *, scheduler: str, jobs: int, report: Callable[[str], None]
) -> Generator[_Outcome]:
    """The runs as they end on the workers of a scheduler."""
    # Names that no other study on this scheduler has.
    named = {f"rev2net-{plan.folder.name}-{plan.notebook.parent.name[-16:]}": plan for plan in plans}
    ended = run_on_workers(
        _run_on_worker, named, scheduler=scheduler, jobs=jobs, stop=_EndRuns(plans[0].notebook), report=report
    )
    with contextlib.closing(ended):
        for name, outcome in ended:
            yield outcome if isinstance(outcome, _Outcome) else _Outcome(named[name].seed, outcome, failed=True)


# Kernels of the runs of this process, by the notebook that they execute; a worker may serve several studies.
_KERNELS: dict[Path, list[set[int]]] = {}


def _run_on_worker(plan: _Plan) -> _Outcome:
    """`_run_seed` where `_EndRuns` finds it."""
    # dask has its workers give memory back at once, which makes a kernel that inherits this train a quarter slower.
    os.environ.pop("MALLOC_TRIM_THRESHOLD_", None)
    groups: set[int] = set()
    running = _KERNELS.setdefault(plan.notebook, [])
    running.append(groups)
    try:
        return _run_seed(plan, groups)
    finally:
        running.remove(groups)


@dataclass(frozen=True)
class _EndRuns:
    """Ends a study's runs in the process that calls it: the number of those that were still running."""

    notebook: Path

    def __call__(self) -> int:
        running = list(_KERNELS.get(self.notebook, []))
        for groups in running:
            end_kernels(groups)
        return len(running)


def _run_seed(plan: _Plan, groups: set[int]) -> _Outcome:
    """How the run went; `groups` holds its kernel while it runs."""
    if not plan.notebook.is_file():
        raise ValueError(
            f"{plan.folder.parent} is not the same folder on the worker at {platform.node()} as where the study "
            "was started; put the study on a file system that all workers share (--build), at the same path"
        )
    try:
        lock = hold_folder(plan.folder, lock=".seed.lock", wait_s=_PATIENCE_S)
    except ValueError as error:
        return _Outcome(plan.seed, str(error), failed=True)
    try:
        if _finished(plan):
            return _Outcome(plan.seed, "finished before")
        seconds = execute_notebook(
            plan.notebook,
            plan.folder / plan.notebook.name,
            parameters=plan.parameters | {"output": str(plan.folder)},
            cell_timeout_s=plan.limit_s,
            total_timeout_s=plan.limit_s,
            threads=plan.profile.threads,
            groups=groups,
        )
    except NotebookError as error:
        return _Outcome(plan.seed, str(error), failed=True)
    finally:
        lock.release()
        # The event loop that nbclient opened for this thread.
        ensure_event_loop().close()
    return _Outcome(plan.seed, f"completed in {seconds / 60:.1f} min")


def _finished(plan: _Plan) -> bool:
    """Whether the record of this very run is there; another profile's, or a broken one, is not it."""
    path = plan.folder / "results.json"
    if not path.is_file():
        return False
    try:
        record = read_record(path)
    except RecordError:
        return False
    settings = {key: value for key, value in asdict(plan.profile).items() if key != "name"}
    given = _BEFORE | record.parameters
    return (record.notebook, record.profile, record.seed, record.settings) == (
        NOTEBOOK,
        plan.profile.name,
        plan.seed,
        settings,
    ) and all(given.get(name) == value for name, value in plan.parameters.items())
