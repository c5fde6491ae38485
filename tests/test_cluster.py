"""Calls on the workers of a dask scheduler: what dask does where they die, and what is said where it cannot."""

from __future__ import annotations

import importlib.metadata
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cluster_calls
import psutil
import pytest

from rev2net_lite import cluster
from rev2net_lite.cluster import LOCAL, ClusterError, dask_is_there, run_on_workers

pytestmark = pytest.mark.skipif(not dask_is_there(), reason="dask is not installed; requirements-cluster.txt names it")


@pytest.fixture(scope="module")
def workers() -> Iterator[Any]:
    """A scheduler with two workers, each a process that is started again when it dies."""
    import dask
    from distributed import LocalCluster

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50) as made,
    ):
        yield made


@pytest.fixture
def address(workers: Any) -> str:
    """Of the scheduler, once both workers are there."""
    workers.wait_for_workers(2)
    return workers.scheduler_address


def listening() -> set[str]:
    """Addresses that this process and those below it listen at."""
    own = psutil.Process()
    sockets = [each for process in (own, *own.children(recursive=True)) for each in process.net_connections()]
    return {each.laddr.ip for each in sockets if each.status == psutil.CONN_LISTEN}


def test_a_local_cluster_takes_calls_to_processes_that_nobody_else_can_reach(tmp_path: Path) -> None:
    said: list[str] = []
    plans = {f"local-{n}": tmp_path for n in range(4)}
    ran = run_on_workers(
        cluster_calls.process_of, plans, scheduler=LOCAL, jobs=2, stop=cluster_calls.end_all, report=said.append
    )
    with closing(ran):
        found = [next(ran)]
        assert listening() == {"127.0.0.1"}
        found += ran
    assert {name for name, _ in found} == set(plans) and len(found) == 4
    assert os.getpid() not in {process for _, process in found}
    # With certificates: whoever has none of this cluster's is not let in.
    assert len(said) == 1 and said[0].startswith("dask: 2 worker(s) at tls://127.0.0.1:")
    assert not any(psutil.pid_exists(int(str(process))) for _, process in found), "its processes are gone"


def test_a_call_whose_worker_is_killed_is_made_again(address: str, tmp_path: Path) -> None:
    plans = {"once": tmp_path / "once"}
    ran = run_on_workers(cluster_calls.die_once, plans, scheduler=address, jobs=1, stop=cluster_calls.end_all)
    assert list(ran) == [("once", "lived")]


def test_a_call_that_kills_every_worker_is_given_up_with_a_sentence(address: str, tmp_path: Path) -> None:
    ran = run_on_workers(cluster_calls.die, {"dies": tmp_path}, scheduler=address, jobs=1, stop=cluster_calls.end_all)
    [(name, said)] = list(ran)
    assert name == "dies" and str(said).startswith("the 2 workers that it was given to died, the last one at tcp://")


def test_an_error_ends_all_calls_and_is_raised_here(address: str, tmp_path: Path) -> None:
    plans = {name: tmp_path / name for name in ("waits", "errs", "queued-1", "queued-2")}
    with pytest.raises(ValueError, match="is refused"):
        list(run_on_workers(cluster_calls.refuse, plans, scheduler=address, jobs=2, stop=cluster_calls.end_all))
    assert not (tmp_path / "waits").exists(), "told to end, and waited for"


def test_calls_are_ended_when_the_caller_stops(address: str, tmp_path: Path) -> None:
    marks = [tmp_path / name for name in ("first", "second", "queued")]
    plans = {mark.name: mark for mark in marks}
    ran = run_on_workers(cluster_calls.wait_for_end, plans, scheduler=address, jobs=2, stop=cluster_calls.end_all)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 2.0)
        with pytest.raises(KeyboardInterrupt):
            list(ran)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert not any(mark.exists() for mark in marks)


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Address and process of a scheduler without workers, started as one is on a cluster."""
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
    command += ["--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as process:
        assert process.stderr is not None
        try:
            yield next(line for line in process.stderr if "Scheduler at:" in line).split()[-1], process
        finally:
            process.kill()


def test_a_scheduler_that_goes_away_is_said(scheduler: tuple[str, subprocess.Popen[str]]) -> None:
    address, process = scheduler
    said: list[str] = []

    def kill(line: str) -> None:
        said.append(line)
        process.kill()

    ran = run_on_workers(abs, {"a": 1}, scheduler=address, jobs=1, stop=cluster_calls.end_all, report=kill)
    with pytest.raises(ClusterError, match=f"the scheduler at {address} went away; what is finished is kept"):
        list(ran)
    assert said == [f"dask: 0 worker(s) at {address}; runs begin as soon as one joins"]


def test_workers_with_another_version_are_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = run_on_workers(abs, {"a": 1}, scheduler=address, jobs=1, stop=cluster_calls.end_all)
    monkeypatch.setattr(importlib.metadata, "distribution", lambda _: SimpleNamespace(version="9.9"))
    with pytest.raises(ClusterError, match=r"the worker at tcp:.* has rev2net-lite .* and this command 9.9; install"):
        list(ran)
    monkeypatch.undo()
    ran = run_on_workers(abs, {"a": -1}, scheduler=address, jobs=1, stop=cluster_calls.end_all)
    assert list(ran) == [("a", 1)]


def test_without_a_scheduler_at_the_address_or_without_dask_a_sentence_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster, "_CONNECT_S", 0.5)
    for address in ("tcp://127.0.0.1:1", "no address"):
        ran = run_on_workers(abs, {"a": 1}, scheduler=address, jobs=1, stop=cluster_calls.end_all)
        with pytest.raises(ClusterError, match=f"no scheduler answers at {address} .*start one with `dask scheduler`"):
            list(ran)
    assert dask_is_there()
    monkeypatch.setattr(cluster.importlib.util, "find_spec", lambda _: None)
    ran = run_on_workers(abs, {"a": 1}, scheduler=LOCAL, jobs=1, stop=cluster_calls.end_all)
    with pytest.raises(ClusterError, match=r"dask is not installed; pip install 'rev2net-lite\[cluster\]'"):
        list(ran)
