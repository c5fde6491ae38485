"""The runs of the study: executing notebook 09 once per seed, and publishing the records that they leave."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, replace
from pathlib import Path

from jupyter_core.utils import ensure_event_loop

from rev2net_lite.bundled import notebooks_folder
from rev2net_lite.execution import NotebookError, budget_minutes, end_runs, execute_notebook, read_notebook
from rev2net_lite.files import hold_folder, write_text_atomically
from rev2net_lite.profiles import Profile
from rev2net_lite.runs import RecordError, read_record
from rev2net_lite.study import (
    NOTEBOOK,
    STUDY_SYSTEMS,
    chosen_systems,
    collate_study,
    seed_of_tests,
    study_records,
    systems_of,
)

__all__ = ["publish", "run_study"]


def run_study(
    profile: Profile,
    *,
    seeds: Sequence[int],
    folder: Path,
    jobs: int,
    systems: str = ",".join(STUDY_SYSTEMS),
    test_seed: int = 0,
    results: Path | None = None,
    report: Callable[[str], None] = print,
) -> dict[int, str]:
    """Why runs failed, by seed; empty when every seed has its record.

    Each seed is one run of notebook 09 in a folder of its own. A seed whose record is there is not run again; a failed
    run does not stop the others.

    Args:
        profile: of every run.
        seeds: of training data and initialisation.
        folder: receives `seed_<n>/` with executed notebook and record.
        jobs: runs at the same time.
        systems: what each run trains, with commas between.
        test_seed: of the test clips, the same for all runs; see `synthetic_world`.
        results: file of the findings over all seeds; None is `results.json` in the folder.
        report: called with one line for each run that ends.

    Raises:
        ValueError: another study is writing to the folder.
    """
    notebook = notebooks_folder() / f"{NOTEBOOK}.ipynb"
    limit_s = 3 * 60 * budget_minutes(read_notebook(notebook), profile=profile.name, name=NOTEBOOK)
    # Every system takes longer than the budget of the profile's own choice.
    limit_s *= max(1.0, len(chosen_systems(systems, profile=profile)) / len(systems_of(profile)))
    failed: dict[int, str] = {}
    groups: set[int] = set()

    def run(seed: int) -> str:
        own = folder / f"seed_{seed}"
        if _finished(own / "results.json", profile, seed, systems, test_seed):
            return f"seed {seed}: finished before"
        try:
            seconds = execute_notebook(
                notebook,
                own / f"{NOTEBOOK}.ipynb",
                parameters={
                    "profile": profile.name,
                    "seed": seed,
                    "output": str(own),
                    "systems": systems,
                    "test_seed": test_seed,
                },
                cell_timeout_s=limit_s,
                total_timeout_s=limit_s,
                threads=profile.threads,
                groups=groups,
            )
        finally:
            # The event loop that nbclient opened for this thread.
            ensure_event_loop().close()
        return f"seed {seed}: completed in {seconds / 60:.1f} min"

    lock = hold_folder(folder)
    pool = ThreadPoolExecutor(max_workers=jobs)
    futures = {}
    try:
        for seed in seeds:
            (folder / f"seed_{seed}").mkdir(exist_ok=True)
            futures[pool.submit(run, seed)] = seed
        for future in as_completed(futures):
            seed = futures[future]
            try:
                report(future.result())
            except NotebookError as error:
                failed[seed] = str(error)
                report(f"seed {seed}: {error}")
    except BaseException:
        end_runs(pool, futures, groups)
        raise
    finally:
        pool.shutdown()
        lock.release()
    records = [
        record
        for record in study_records([folder])
        if (record.profile, seed_of_tests(record)) == (profile.name, test_seed) and record.seed in set(seeds)
    ]
    write_text_atomically(
        results or folder / "results.json", json.dumps(collate_study(records), indent=1, allow_nan=False) + "\n"
    )
    return failed


def publish(folder: Path, *, into: Path) -> list[Path]:
    """Files of the records below `folder`, copied as `<profile>-seed_<n>.json`: the records that the kit carries."""
    into.mkdir(parents=True, exist_ok=True)
    written = []
    for path in sorted(folder.glob("seed_*/results.json")):
        record = read_record(path)
        # Where the run's files lay says nothing to others.
        content = asdict(replace(record, parameters=record.parameters | {"output": ""}))
        written.append(into / f"{record.profile}-seed_{record.seed}.json")
        write_text_atomically(written[-1], json.dumps(content, separators=(",", ":")) + "\n")
    return written


def _finished(path: Path, profile: Profile, seed: int, systems: str, test_seed: int) -> bool:
    """Whether the record of this very run is there; another profile's, or a broken one, is not it."""
    if not path.is_file():
        return False
    try:
        record = read_record(path)
        tests = seed_of_tests(record)
    except RecordError:
        return False
    wanted = {key: value for key, value in asdict(profile).items() if key != "name"}
    found = (record.notebook, record.profile, record.seed, record.settings, record.parameters.get("systems"), tests)
    return found == (NOTEBOOK, profile.name, seed, wanted, systems, test_seed)
