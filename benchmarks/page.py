"""The page's cost and response times, measured by visitors without a browser."""

import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from benchmarks.figures import Figure
from benchmarks.visitor import TIMEOUT, Seen, Visitor
from gan_core.config import GANConfig
from gan_core.presets import PRESETS

ROOT = Path(__file__).parents[1]
WARM_UP = 1.0  # seconds of training before a measurement: a run's first iterations and charts take longer
CONCURRENT = 8  # runs at once
SMALL = PRESETS["ring"].config
REACH_TIMEOUT = 1800.0  # seconds until a run must have reached the iteration where measuring begins
PROXIES = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")  # prevents downloads during a measurement


def figures() -> list[Figure]:
    """Measure all figures of the page, in about four minutes."""
    with served() as server, ThreadPoolExecutor(1, initializer=_lower_priority) as remote:
        cold = start_to_image(server.first)
        server.first.close()
        warm = median_start_to_image(server.address)
        early = remote.submit(watched, "Lecture's GAN", server.address, rounds=40).result()
        size = update_size(server.address, 5.0)
        late = remote.submit(
            watched, "Small networks", server.address, 12, f"{query_of(SMALL)}&speed=max", 100_000
        ).result()
        clicks = click_latency(server.address, CONCURRENT)
    runs = f"{CONCURRENT} runs of the lecture's GAN at once"
    return [
        Figure("streamlit run → usable page", "", server.seconds, "s"),
        Figure("Click on Start → first new picture, cold", "", cold, "s", 4.0, at_most=True),
        Figure("… warm", "", warm, "s", 1.0, at_most=True),
        early,
        late,
        Figure("Sent to the page at each update", "", size / 1000, "KB", 60, at_most=True),
        Figure("Click on Pause → paused", runs, 1000 * statistics.median(clicks), "ms", 300, at_most=True),
    ]


def _lower_priority() -> None:
    """Give this thread the lowest priority: a real visitor's work is done on another machine."""
    if hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)


@dataclass(frozen=True)
class Server:
    """A server started for the benchmark.

    ``first``: a visitor with an open page who has pressed nothing. ``seconds``: from the server's start until this
    visitor could press Start. ``pid``: of the page's process.
    """

    address: str
    pid: int
    first: Visitor
    seconds: float


@contextmanager
def served() -> Iterator[Server]:
    """Run the README's command on a free port and wait for its page; end the server after the context."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "dashboard/app.py", "--server.headless=true"]
    address, began = f"http://127.0.0.1:{port}", time.perf_counter()
    process = subprocess.Popen(
        [*command, f"--server.port={port}"],
        cwd=ROOT,
        env={**os.environ, **PROXIES},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_until_up(address, process)
        with Visitor(address) as first:
            _open(first)
            yield Server(address, process.pid, first, time.perf_counter() - began)
    finally:
        process.terminate()
        process.wait(20)


def _wait_until_up(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + TIMEOUT
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).close()
            return
        except OSError:
            if process.poll() is not None:
                raise RuntimeError(f"The server ended with exit code {process.returncode}.") from None
            time.sleep(0.02)  # a starting server gives no other sign
    raise TimeoutError(f"The server did not answer within {TIMEOUT:g} seconds.")


def update_size(address: str, seconds: float) -> float:
    """Return the median bytes of an update of a page watched for ``seconds`` while the lecture's GAN trains."""
    with _training(address) as visitor:
        visitor.stay(WARM_UP)
        return statistics.median(visitor.stay(seconds))


def watched(name: str, address: str, rounds: int, query: str = "", iteration: int = 100) -> Figure:
    """Compare a run's speed watched and unwatched by a page, from ``iteration`` on, in turns of a second.

    The same run takes its turns in the order w u, u w, w u …, so that a slowdown over time affects both equally. Each
    turn begins and ends with a poll, so an unwatched turn also includes about one tick.
    """
    rates: dict[bool, list[float]] = {True: [], False: []}
    with _training(address, query) as visitor:
        first = last = _reach(visitor, iteration)
        for number in range(rounds):
            for is_watched in (True, False) if number % 2 == 0 else (False, True):
                before = visitor.poll()
                (visitor.stay if is_watched else visitor.ignore)(1.0)
                last = visitor.poll()
                rates[is_watched].append((last.iteration - before.iteration) / (last.at - before.at))
    ratio = statistics.median(mine / alone for mine, alone in zip(rates[True], rates[False], strict=True))
    unwatched = f"the same run unwatched, {statistics.median(rates[False]):,.0f} it/s"
    peer = f"{unwatched}, iterations {first.iteration:,} to {last.iteration:,}"
    return Figure(f"{name}, watched", peer, ratio, "%", 0.97)


def _reach(visitor: Visitor, iteration: int) -> Seen:
    """Poll once a second until ``iteration``; TimeoutError if that takes longer than ``REACH_TIMEOUT`` seconds."""
    deadline = time.monotonic() + REACH_TIMEOUT
    while (seen := visitor.poll()).iteration < iteration:
        if time.monotonic() > deadline:
            raise TimeoutError(f"Iteration {seen.iteration} after {REACH_TIMEOUT:g} seconds.")
        visitor.ignore(1.0)
    return seen


def median_start_to_image(address: str, visits: int = 5) -> float:
    """Return the median seconds from a click on Start to the first new image, over ``visits`` newly opened pages.

    For a server on which a run has trained before; ``start_to_image`` measures the first run of a new server.
    """
    took = []
    for _ in range(visits):
        with Visitor(address) as visitor:
            _open(visitor)
            took.append(start_to_image(visitor))
    return statistics.median(took)


def start_to_image(visitor: Visitor) -> float:
    """Return the seconds from a click on Start to the first image of a newer iteration, then pause the run.

    The visitor must be on a page whose run does not train. With ``served().first``, this is the first learner's wait.
    """
    before = visitor.picture.iteration if visitor.picture is not None else 0
    clicked = visitor.click("Start")
    visitor.until(lambda: visitor.picture is not None and visitor.picture.iteration > before)
    assert visitor.picture is not None
    took = visitor.picture.at - clicked
    _pause(visitor)
    return took


def click_latency(address: str, runs: int, times: int = 3) -> list[float]:
    """Return seconds from a click on Pause until the page shows the run as paused, while ``runs`` runs train.

    There are ``times`` values of each visitor, one click at a time: the paused run trains again before the next click.
    All other visitors watch their runs meanwhile. The server must have room for all runs.
    """
    took = []
    with ExitStack() as stack, ThreadPoolExecutor(runs) as pool:
        visitors = [stack.enter_context(_training(address)) for _ in range(runs)]
        for clicking in visitors * times:
            clicked = threading.Event()
            others = [pool.submit(visitor.until, clicked.is_set) for visitor in visitors if visitor is not clicking]
            clicking.stay(WARM_UP)
            took.append(_pause(clicking))
            _start(clicking)
            clicked.set()
            for other in others:
                other.result()
    return took


@contextmanager
def _training(address: str, query: str = "") -> Iterator[Visitor]:
    """Open a page whose run trains; pause the run and close the page after the context."""
    with Visitor(address, query) as visitor:
        _open(visitor)
        _start(visitor)
        yield visitor
        _pause(visitor)


def _open(visitor: Visitor) -> None:
    """Open the page and wait until Start can be pressed."""
    visitor.open()
    visitor.until(lambda: visitor.can("Start"))


def _start(visitor: Visitor) -> None:
    visitor.click("Start")
    visitor.until(lambda: visitor.can("Pause"))


def _pause(visitor: Visitor) -> float:
    """Return the seconds from the click until the button reads Start, which shows that the run is paused."""
    visitor.until(lambda: visitor.can("Pause"))
    clicked = visitor.click("Pause")
    visitor.until(lambda: visitor.can("Start"))
    return time.perf_counter() - clicked


def query_of(config: GANConfig) -> str:
    """Return the query of a page's address with these settings: those that differ from the defaults."""
    values = {name: json.dumps(getattr(config, name)) for name in GANConfig().differences(config)}
    return urlencode({name: text.strip('[]"') for name, text in values.items()})
