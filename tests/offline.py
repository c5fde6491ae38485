"""A Python process that cannot reach the network, and tells when it tried."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

# Python imports a module of this name when it starts. Sockets of C libraries are beyond an audit hook, so a kernel
# still talks to its client; whatever asks Python for a socket or an address is seen.
_SITECUSTOMIZE = """
import sys
from pathlib import Path

NEAR = ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "", None)


def refuse(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0].decode() if isinstance(arguments[0], bytes) else arguments[0]
    else:
        return
    if host not in NEAR:
        with Path(__file__).with_name("attempts.txt").open("a") as attempts:
            attempts.write(f"{event} {host}\\n")
        raise OSError(f"there is no network here: {event} {host}")


sys.addaudithook(refuse)
"""


@contextmanager
def offline(folder: Path) -> Iterator[None]:
    """Python processes that start meanwhile have no network; that one of them tried fails the test at the end."""
    (folder / "sitecustomize.py").write_text(_SITECUSTOMIZE)
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(paths))
        yield
    attempts = folder / "attempts.txt"
    assert not attempts.exists(), f"something asked for the network: {attempts.read_text()}"
