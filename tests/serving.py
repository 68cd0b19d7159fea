"""A server of the page in a process of its own, without a browser."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.visitor import Visitor

ROOT = Path(__file__).parents[1]
STREAMLIT = (sys.executable, "-m", "streamlit", "run", str(ROOT / "dashboard" / "app.py"), "--server.headless=true")


class Server(NamedTuple):
    process: "subprocess.Popen[bytes]"
    address: str


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    folder: Path,
    command: Sequence[str] = STREAMLIT,
    prefix: str = "",
    environment: dict[str, str] | None = None,
    **options: Any,
) -> Iterator[Server]:
    """Start a server that keeps runs and data below ``folder``, wait until it is healthy, and kill it at the end."""
    port = free_port()
    address = f"http://127.0.0.1:{port}{prefix}"
    folders = {"GAN_RUNS_DIR": str(folder / "runs"), "GAN_DATA_DIR": str(folder / "data")}
    process = subprocess.Popen(
        [*command, f"--server.port={port}"],
        env={**os.environ, **folders, **(environment or {})},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        **options,
    )
    try:
        wait_until_healthy(f"{address}/_stcore/health", process)
        yield Server(process, address)
    finally:
        process.kill()
        process.wait()


def wait_until_healthy(address: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(address, timeout=1) as answer:
                assert answer.read() == b"ok"
            return
        except OSError:
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server did not answer"
            time.sleep(0.1)  # nothing signals that the server is ready


def train(visitor: Visitor) -> None:
    """Open the page, press Start and wait until it shows that its run trains."""
    visitor.open()
    visitor.until(lambda: visitor.can("Start"))
    visitor.click("Start")
    visitor.until(lambda: visitor.status is not None and visitor.status.iteration > 0)


def wait_until_gone(group: int) -> None:
    """Wait until all processes of a server have ended: its runs end after it."""
    deadline = time.monotonic() + 20
    while processes_of(group):
        assert time.monotonic() < deadline, "a process outlives its server"
        time.sleep(0.05)  # they give no sign


def processes_of(group: int) -> int:
    """Return how many processes of this group are alive; nobody waits for a dead server's children in a container."""
    alive = 0
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of = status.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # it has just ended
            continue
        alive += int(of) == group and state != "Z"
    return alive
