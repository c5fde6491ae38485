"""A browser and a JupyterLab of the tests' own, on this machine only, ended with everything they started."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

if os.environ.get("CI") != "true":
    pytest.importorskip("selenium", reason="selenium is not installed: nothing is opened in a browser")
from selenium.webdriver import Chrome, ChromeOptions, ChromeService

T = TypeVar("T")
_SETTINGS = {
    # Cells out of sight stay in the page, and nobody asks about news.
    "@jupyterlab/notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension/notification.jupyterlab-settings": {"fetchNews": "false", "checkForUpdates": False},
}


@contextlib.contextmanager
def open_browser(*, width: int = 1200, height: int = 1400) -> Iterator[Chrome]:
    """A headless Chromium; the test is skipped by name without one, and fails in continuous integration."""
    paths = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    missing = [name for name, path in paths.items() if path is None]
    if missing and os.environ.get("CI") == "true":
        pytest.fail(f"{' and '.join(missing)} is not installed, and CI may not go without; see .ci/run")
    if missing:
        pytest.skip(f"{' and '.join(missing)} is not installed: nothing is opened in a browser")
    options = ChromeOptions()
    options.binary_location = str(paths["chromium"])
    options.unhandled_prompt_behavior = "accept"
    for switch in (
        "headless=new",
        "no-sandbox",
        "disable-gpu",
        "disable-quic",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
        "disable-dev-shm-usage",
        f"window-size={width},{height}",
    ):
        options.add_argument(f"--{switch}")
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    # With its path given, selenium does not look for a driver in the network.
    driver = Chrome(options=options, service=ChromeService(paths["chromedriver"]))
    try:
        yield driver
    finally:
        driver.quit()


def asked_addresses(browser: Chrome) -> list[str]:
    """Where the browser sent requests to since this was last called."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab.

    Args:
        address: of the server, without a slash at its end.
        token: what lets a browser in.
        root: folder of its notebooks.
    """

    address: str
    token: str
    root: Path

    def page(self, notebook: str) -> str:
        """Address at which a notebook opens, in a workspace of its own."""
        workspace = Path(notebook).stem
        return f"{self.address}/lab/workspaces/{workspace}/tree/{notebook}?token={self.token}"


@contextlib.contextmanager
def open_lab(folder: Path, *, environment: dict[str, str]) -> Iterator[Lab]:
    """A JupyterLab on the loopback device; server and kernels are gone afterwards.

    Args:
        folder: for its notebooks, settings and everything else that it writes.
        environment: further variables for it and its kernels.
    """
    root = folder / "notebooks"
    root.mkdir(parents=True, exist_ok=True)
    for name, content in _SETTINGS.items():
        file = folder / "settings" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    token = secrets.token_hex(16)
    places = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"),
        *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *(f"--ServerApp.root_dir={root}", f"--IdentityProvider.token={token}"),
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        # Should the tests be killed, nothing of this is left for long.
        *("--MappingKernelManager.cull_idle_timeout=120", "--MappingKernelManager.cull_interval=30"),
        "--ServerApp.shutdown_no_activity_timeout=120",
    ]
    variables = os.environ | {name: str(folder / place) for name, place in places.items()} | environment
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            command, env=variables | {"JUPYTER_PREFER_ENV_PATH": "1"}, stdout=log, stderr=log, start_new_session=True
        )
    lab = Lab(f"http://127.0.0.1:{port}", token, root)
    try:

        def answers() -> bool:
            assert server.poll() is None, (folder / "server.log").read_text()
            with contextlib.suppress(urllib.error.URLError, ConnectionError):
                urllib.request.urlopen(f"{lab.address}/api?token={token}", timeout=5).close()
                return True
            return False

        wait_for(answers, "JupyterLab to answer", seconds=60)
        yield lab
    finally:
        children = psutil.Process(server.pid).children(recursive=True) if server.poll() is None else []
        # It ends its kernels itself; what is left after that is killed.
        server.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(15)
        if server.poll() is None:
            server.kill()
            server.wait()
        for child in psutil.wait_procs(children, timeout=5)[1]:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()


def wait_for(check: Callable[[], T], what: str, *, seconds: float = 60.0) -> T:
    """The first true value of `check`."""
    end = time.monotonic() + seconds
    while not (found := check()):
        if time.monotonic() > end:
            pytest.fail(f"waited {seconds:g} s for {what}")
        time.sleep(0.05)
    return found
