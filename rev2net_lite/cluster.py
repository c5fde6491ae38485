"""Calls of a function on the workers of a dask scheduler: processes of this machine, or wherever workers have joined.

Queueing, placing, and calling again where a worker died are dask's (https://distributed.dask.org). It is an extra:
`pip install 'rev2net-lite[cluster]'`.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import logging
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["LOCAL", "ClusterError", "dask_is_there", "run_on_workers"]

LOCAL = "local"
"""Instead of a scheduler's address: workers on this machine, for as long as the calls take."""

# A scheduler that is there answers at once; one that is being started may take some seconds.
_CONNECT_S = 20

_PACKAGE = "rev2net-lite"

Plan = TypeVar("Plan")
Result = TypeVar("Result")


class ClusterError(ValueError):
    """A scheduler or its workers cannot be used."""


def dask_is_there() -> bool:
    """Whether the extra `cluster` is installed."""
    return importlib.util.find_spec("distributed") is not None


def run_on_workers(
    function: Callable[[Plan], Result],
    plans: Mapping[str, Plan],
    *,
    scheduler: str,
    jobs: int,
    stop: Callable[[], int],
    report: Callable[[str], None] = print,
) -> Generator[tuple[str, Result | str]]:
    """Each plan's name with what the function made of it, as they end; or a sentence, where its workers died.

    A call whose worker died is made again on another one, up to the scheduler's `allowed-failures` (3) times. When the
    iterator is closed before its end, no call is left running.

    Args:
        function: of an importable module; an error that it raises ends all calls and is raised here.
        plans: by a name that no other client of the scheduler uses.
        scheduler: `"local"`, or an address such as `"tcp://host:8786"`.
        jobs: workers of a local cluster, one process each.
        stop: called on every worker, again and again until it says that no call is running there.
        report: called with a line that says what the calls run on.

    Raises:
        ClusterError: dask is not installed, no scheduler answers at the address, it went away, or a worker has
            another version of the kit.
    """
    with _connected(scheduler, jobs=jobs) as client:
        from distributed import KilledWorker, as_completed

        workers = _check_workers(client)
        waiting = "" if workers else "; runs begin as soon as one joins"
        address = client.scheduler_info(n_workers=0)["address"]
        report(f"dask: {workers} worker(s) at {address}{waiting}")
        futures = {client.submit(function, plan, key=name, pure=False): name for name, plan in plans.items()}
        try:
            for future in as_completed(futures, loop=client.loop):
                try:
                    yield futures[future], future.result()
                except KilledWorker as error:
                    yield (
                        futures[future],
                        f"the {error.allowed_failures + 1} workers that it was given to died, the last one at "
                        f"{error.last_worker.address}; look for what ended them, the system's memory first",
                    )
        except CancelledError as error:
            raise ClusterError(
                f"the scheduler at {scheduler} went away; what is finished is kept: start it again, and call again"
            ) from error
        finally:
            _end(client, list(futures), stop)


def _check_workers(client: Client) -> int:
    """The number of workers, each of which has this version of the kit; one without would wait for ever."""
    wanted = importlib.metadata.distribution(_PACKAGE).version
    found = client.run(importlib.metadata.version, _PACKAGE, on_error="return")
    for worker, version in found.items():
        if version != wanted:
            raise ClusterError(
                f"the worker at {worker} has {_PACKAGE} {version if isinstance(version, str) else 'not installed'} and "
                f"this command {wanted}; install the same on every worker, with its requirements"
            )
    return len(found)


def _end(client: Client, futures: list[object], stop: Callable[[], int]) -> None:
    """No call is waiting or running; a worker cannot interrupt one, so `stop` ends what it waits for."""
    if all(future.done() for future in futures) or client.status != "running":  # type: ignore[attr-defined]
        return
    client.cancel(futures)
    while any(client.run(stop, on_error="ignore").values()):
        time.sleep(0.1)


@contextlib.contextmanager
def _connected(scheduler: str, *, jobs: int) -> Iterator[Client]:
    if not dask_is_there():
        raise ClusterError(
            "a scheduler was named, and dask is not installed; pip install 'rev2net-lite[cluster]', or leave it out"
        )
    from distributed import Client, LocalCluster, Security

    if scheduler != LOCAL:
        try:
            client = Client(scheduler, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ClusterError(
                f"no scheduler answers at {scheduler} ({_root(error)}); start one with `dask scheduler`, and give the "
                "address that it says, such as tcp://host:8786"
            ) from error
        with client:
            yield client
        return
    # Who may connect may run code, and on a shared machine every user may connect to its ports: so with certificates.
    security = Security.temporary()
    with (
        tempfile.TemporaryDirectory(prefix="rev2net-", ignore_cleanup_errors=True) as scratch,
        LocalCluster(
            n_workers=jobs,
            threads_per_worker=1,
            # What takes memory is what the calls start, which dask neither sees nor should pause.
            memory_limit=0,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            local_directory=scratch,
            security=security,
            silence_logs=logging.ERROR,
        ) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


def _root(error: BaseException) -> str:
    """The innermost cause in one line: dask wraps it."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
