"""The page's cost and response times, measured by visitors without a browser."""

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
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from benchmarks.figures import Figure
from benchmarks.visitor import PATIENCE, Seen, Visitor
from gan_core.config import GANConfig
from gan_core.presets import PRESETS

ROOT = Path(__file__).parents[1]
WARM_UP = 1.0  # seconds of training before a measurement: a run's first iterations and charts take longer
CONCURRENT = 8  # runs at once
SMALL = PRESETS["ring"].config
CHECK_EVERY = 0.05  # seconds between two checks whether it is a visitor's turn
TIMEOUT = 1800.0  # seconds until a run must have reached the iteration where measuring begins
PROXIES = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")  # prevents downloads during a measurement


def figures() -> list[Figure]:
    """Measure all figures of the page, in about a minute and a half."""
    small = query_of(SMALL)
    with served() as server, ThreadPoolExecutor(1, initializer=_lower_priority) as remote:
        cold = start_to_image(server.first)
        server.first.close()
        warm = median_start_to_image(server.address)
        early = remote.submit(watched, server.address, rounds=28, seconds=1.0).result()
        size = ticks(server.address, 5.0).size
        late = remote.submit(watched, server.address, small, iteration=100_000, rounds=12, seconds=1.0).result()
        clicks = click_latency(server.address, CONCURRENT)
    runs = f"{CONCURRENT} runs of the lecture's GAN at once"
    return [
        Figure("streamlit run → usable page", "", server.seconds, "s"),
        Figure("Click on Start → first new picture, cold", "", cold, "s", 4.0, at_most=True),
        Figure("… warm", "", warm, "s", 1.0, at_most=True),
        Figure("Lecture's GAN, watched", _unwatched(early), early.ratio, "%", 0.97),
        Figure("Small networks, watched", _unwatched(late), late.ratio, "%", 0.97),
        Figure("Sent to the page at each update", "", size / 1000, "KB", 60, at_most=True),
        Figure("Click on Pause → paused", runs, 1000 * statistics.median(clicks), "ms", 300, at_most=True),
    ]


def _lower_priority() -> None:
    """Give this thread the lowest priority: a real visitor's work is done on another machine."""
    if hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)


def _unwatched(result: "Watched") -> str:
    first, last = result.iteration
    return f"the same run unwatched, {result.unwatched:,.0f} it/s, iterations {first:,} to {last:,}"


@dataclass(frozen=True)
class Server:
    """A server started for the benchmark.

    ``first``: a visitor with an open page who has pressed nothing. ``seconds``: from the server's start until this
    visitor could press Start.
    """

    address: str
    process: subprocess.Popen[bytes]
    first: Visitor
    seconds: float


class Ticks(NamedTuple):
    """Median bytes of a tick, ticks per second, and median seconds from the request of a tick to its answer."""

    size: float
    per_second: float
    seconds: float


class Watched(NamedTuple):
    """Median ratio of the speeds watched and unwatched, and both speeds' medians in iterations per second.

    ``iteration``: the first and the last one of the measurement.
    """

    ratio: float
    watched: float
    unwatched: float
    iteration: tuple[int, int]


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
            yield Server(address, process, first, time.perf_counter() - began)
    finally:
        process.terminate()
        process.wait(20)


def _wait_until_up(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).close()
            return
        except OSError:
            if process.poll() is not None:
                raise RuntimeError(f"The server ended with exit code {process.returncode}.") from None
            time.sleep(0.02)  # a starting server gives no other sign
    raise TimeoutError(f"The server did not answer within {PATIENCE:g} seconds.")


def ticks(address: str, seconds: float, query: str = "") -> Ticks:
    """Measure a page watched for ``seconds`` while its run trains; ``query``: its settings, by default the lecture's."""
    with _training(address, query) as visitor:
        visitor.stay(WARM_UP)
        came = visitor.stay(seconds)
    size, took = statistics.median(one.size for one in came), statistics.median(one.seconds for one in came)
    return Ticks(size, len(came) / seconds, took)


def watched(
    address: str, query: str = "", iteration: int = 100, rounds: int = 5, seconds: float = 2.0, timeout: float = TIMEOUT
) -> Watched:
    """Measure a run's speed watched and unwatched by a page, from ``iteration`` on, in turns of ``seconds``.

    The same run takes its turns in the order w u, u w, w u …, so that a slowdown over time affects both equally. Each
    turn begins and ends with a poll, so an unwatched turn also includes about one tick: less so if turns are longer.
    Before ``iteration`` the page polls once a second. TimeoutError if that takes longer than ``timeout`` seconds.
    """
    rates: dict[bool, list[float]] = {True: [], False: []}
    with _training(address, query) as visitor:
        first = last = _reach(visitor, iteration, timeout)
        for number in range(rounds):
            for is_watched in (True, False) if number % 2 == 0 else (False, True):
                before = visitor.look()
                (visitor.stay if is_watched else visitor.ignore)(seconds)
                last = visitor.look()
                rates[is_watched].append((last.iteration - before.iteration) / (last.at - before.at))
    ratio = statistics.median(mine / alone for mine, alone in zip(rates[True], rates[False], strict=True))
    return Watched(
        ratio, statistics.median(rates[True]), statistics.median(rates[False]), (first.iteration, last.iteration)
    )


def _reach(visitor: Visitor, iteration: int, timeout: float) -> Seen:
    deadline = time.monotonic() + timeout
    while (seen := visitor.look()).iteration < iteration:
        if time.monotonic() > deadline:
            raise TimeoutError(f"Iteration {seen.iteration} after {timeout:g} seconds.")
        visitor.ignore(1.0)
    return seen


def median_start_to_image(address: str, visits: int = 5, query: str = "") -> float:
    """Return the median seconds from a click on Start to the first new image, over ``visits`` newly opened pages.

    For a server on which a run has trained before; ``start_to_image`` measures the first run of a new server.
    """
    took = []
    for _ in range(visits):
        with Visitor(address, query) as visitor:
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


def click_latency(address: str, runs: int, times: int = 3, query: str = "") -> list[float]:
    """Return seconds from a click on Pause until the page shows the run as paused, while ``runs`` runs train.

    There are ``times`` values of each visitor, one click at a time: the paused run trains again before the next click.
    All visitors stay on their pages until the last click. The server must have room for all runs.
    """
    group = _VisitorGroup(runs)
    with ThreadPoolExecutor(runs) as pool:
        visits = [pool.submit(group.visit, address, query, times) for _ in range(runs)]
        return [one for visit in visits for one in visit.result()]


class _VisitorGroup:
    """Visitors whose runs all train; one visitor at a time clicks on Pause."""

    def __init__(self, count: int) -> None:
        self._all_train = threading.Barrier(count, timeout=PATIENCE)
        self._turn = threading.Lock()
        self._clicking = count
        self._count = threading.Lock()

    def visit(self, address: str, query: str, times: int) -> list[float]:
        """Visit in a separate thread; return the seconds of each click on Pause."""
        with _training(address, query) as visitor:
            try:
                self._all_train.wait()
                took = [self._pause_in_turn(visitor) for _ in range(times)]
            finally:  # also after an error, or the others would wait forever
                with self._count:
                    self._clicking -= 1
            while self._clicking:
                visitor.stay(CHECK_EVERY)
        return took

    def _pause_in_turn(self, visitor: Visitor) -> float:
        visitor.stay(WARM_UP)
        while not self._turn.acquire(blocking=False):
            visitor.stay(CHECK_EVERY)
        try:
            took = _pause(visitor)
            _start(visitor)
        finally:
            self._turn.release()
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
    plain = GANConfig()
    return urlencode({name: _text(getattr(config, name)) for name in plain.differences(config)})


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
