"""What the page costs and how fast it answers, measured by visitors without a browser."""

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
SETTLE = 1.0  # seconds of training before anything is measured: a run's first iterations and charts take longer
MANY = 8  # runs at once
SMALL = PRESETS["ring"].config
TURN = 0.05  # seconds between two looks whether it is a visitor's turn
LONG = 1800.0  # seconds that a run may take to reach the iteration where measuring begins
PROXIES = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")  # nothing is fetched during a measurement


def figures() -> list[Figure]:
    """A page's cost and its answers, in about a minute and a half."""
    small = query_of(SMALL)
    with served() as server, ThreadPoolExecutor(1, initializer=_give_way) as remote:
        cold = first_picture(server.first)
        server.first.close()
        warm = start_to_picture(server.address)
        early = remote.submit(watched, server.address, rounds=28, seconds=1.0).result()
        size = ticks(server.address, 5.0).size
        late = remote.submit(watched, server.address, small, iteration=100_000, rounds=12, seconds=1.0).result()
        clicks = click_latency(server.address, MANY)
    runs = f"{MANY} runs of the lecture's GAN at once"
    return [
        Figure("streamlit run → usable page", "", server.seconds, "s"),
        Figure("Click on Start → first new picture, cold", "", cold, "s", 4.0, at_most=True),
        Figure("… warm", "", warm, "s", 1.0, at_most=True),
        Figure("Lecture's GAN, watched", _unwatched(early), early.ratio, "%", 0.97),
        Figure("Small networks, watched", _unwatched(late), late.ratio, "%", 0.97),
        Figure("Sent to the page at each update", "", size / 1000, "KB", 60, at_most=True),
        Figure("Click on Pause → paused", runs, 1000 * statistics.median(clicks), "ms", 300, at_most=True),
    ]


def _give_way() -> None:
    """A visitor in this thread has the lowest priority: its own work would be done on another machine."""
    if hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)


def _unwatched(result: "Watched") -> str:
    first, last = result.iteration
    return f"the same run unwatched, {result.unwatched:,.0f} it/s, iterations {first:,} to {last:,}"


@dataclass(frozen=True)
class Server:
    """A server of our own. ``seconds`` from its start until ``first``, the visitor that came at once, could press Start.

    ``first`` is still on its page and has pressed nothing.
    """

    address: str
    process: subprocess.Popen[bytes]
    first: Visitor
    seconds: float


class Ticks(NamedTuple):
    """Median bytes of a tick, ticks a second, and the median of seconds from asking for a tick to its answer."""

    size: float
    a_second: float
    seconds: float


class Watched(NamedTuple):
    """Median over the rounds of the speed watched by that unwatched, and both speeds' medians in iterations a second.

    ``iteration``: the first and the last one of the measurement.
    """

    ratio: float
    watched: float
    unwatched: float
    iteration: tuple[int, int]


@contextmanager
def served() -> Iterator[Server]:
    """The README's command, on a free port, until its page can be used; the server ends with this."""
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
            _arrive(first)
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
            time.sleep(0.02)  # a server being started gives no other sign
    raise TimeoutError(f"The server did not answer within {PATIENCE:g} seconds.")


def ticks(address: str, seconds: float, query: str = "") -> Ticks:
    """What a page costs that is watched for so long while the run of these settings trains; the lecture's GAN by default."""
    with _training(address, query) as visitor:
        visitor.stay(SETTLE)
        came = visitor.stay(seconds)
    size, took = statistics.median(one.size for one in came), statistics.median(one.seconds for one in came)
    return Ticks(size, len(came) / seconds, took)


def watched(
    address: str, query: str = "", iteration: int = 100, rounds: int = 5, seconds: float = 2.0, patience: float = LONG
) -> Watched:
    """How fast a run is with a page that looks at it and with none, from ``iteration`` on, in turns of ``seconds``.

    The same run takes its turns in the order w u, u w, w u …: what becomes slower with time takes from both alike.
    Each turn begins and ends with a look, so an unwatched one holds about one tick's work too: longer turns hold less.
    Before ``iteration`` there is a look each second only. TimeoutError if it takes longer than ``patience`` seconds.
    """
    rates: dict[bool, list[float]] = {True: [], False: []}
    with _training(address, query) as visitor:
        first = last = _reach(visitor, iteration, patience)
        for number in range(rounds):
            for looked_at in (True, False) if number % 2 == 0 else (False, True):
                before = visitor.look()
                (visitor.stay if looked_at else visitor.ignore)(seconds)
                last = visitor.look()
                rates[looked_at].append((last.iteration - before.iteration) / (last.at - before.at))
    ratio = statistics.median(mine / alone for mine, alone in zip(rates[True], rates[False], strict=True))
    return Watched(
        ratio, statistics.median(rates[True]), statistics.median(rates[False]), (first.iteration, last.iteration)
    )


def _reach(visitor: Visitor, iteration: int, patience: float) -> Seen:
    deadline = time.monotonic() + patience
    while (seen := visitor.look()).iteration < iteration:
        if time.monotonic() > deadline:
            raise TimeoutError(f"Iteration {seen.iteration} after {patience:g} seconds.")
        visitor.ignore(1.0)
    return seen


def start_to_picture(address: str, visits: int = 5, query: str = "") -> float:
    """Seconds from a click on Start to the first new picture, each on a page newly opened; the median of the visits.

    Where somebody has trained before, that is; for a server that has just been started there is ``first_picture``.
    """
    took = []
    for _ in range(visits):
        with Visitor(address, query) as visitor:
            _arrive(visitor)
            took.append(first_picture(visitor))
    return statistics.median(took)


def first_picture(visitor: Visitor) -> float:
    """Seconds from a click on Start to the first picture of a newer iteration; the run is paused then.

    With ``served().first``: what the first learner waits for. The visitor has to be on a page where nothing trains.
    """
    before = visitor.picture.iteration if visitor.picture is not None else 0
    clicked = visitor.click("Start")
    visitor.until(lambda: visitor.picture is not None and visitor.picture.iteration > before)
    assert visitor.picture is not None
    took = visitor.picture.at - clicked
    _pause(visitor)
    return took


def click_latency(address: str, runs: int, times: int = 3, query: str = "") -> list[float]:
    """Seconds from a click on Pause until the page says that the run is paused, while ``runs`` runs train.

    ``times`` values of each visitor, one click at a time: the run that was paused trains again before the next click.
    All visitors stay on their pages until the last click. The server must have room for so many runs.
    """
    crowd = _Crowd(runs)
    with ThreadPoolExecutor(runs) as pool:
        visits = [pool.submit(crowd.visit, address, query, times) for _ in range(runs)]
        return [one for visit in visits for one in visit.result()]


class _Crowd:
    """Visitors who all train, and of whom one at a time clicks on Pause."""

    def __init__(self, count: int) -> None:
        self._all_train = threading.Barrier(count, timeout=PATIENCE)
        self._turn = threading.Lock()
        self._left = count
        self._count = threading.Lock()

    def visit(self, address: str, query: str, times: int) -> list[float]:
        """One visitor's stay, in a thread of its own; the seconds of each of its clicks on Pause."""
        with _training(address, query) as visitor:
            try:
                self._all_train.wait()
                took = [self._pause_in_turn(visitor) for _ in range(times)]
            finally:  # whatever happened here: nobody is to wait for it
                with self._count:
                    self._left -= 1
            while self._left:
                visitor.stay(TURN)
        return took

    def _pause_in_turn(self, visitor: Visitor) -> float:
        visitor.stay(SETTLE)
        while not self._turn.acquire(blocking=False):
            visitor.stay(TURN)
        try:
            took = _pause(visitor)
            _start(visitor)
        finally:
            self._turn.release()
        return took


@contextmanager
def _training(address: str, query: str = "") -> Iterator[Visitor]:
    """A visitor whose run trains; at the end it is paused and the page closed."""
    with Visitor(address, query) as visitor:
        _arrive(visitor)
        _start(visitor)
        yield visitor
        _pause(visitor)


def _arrive(visitor: Visitor) -> None:
    """Open the page and wait until it can be used: its first run has ended and Start can be pressed."""
    visitor.open()
    visitor.until(lambda: visitor.can("Start"))


def _start(visitor: Visitor) -> None:
    visitor.click("Start")
    visitor.until(lambda: visitor.can("Pause"))


def _pause(visitor: Visitor) -> float:
    """Seconds from the click until the button reads Start: the page draws it once the run has said that it is paused."""
    visitor.until(lambda: visitor.can("Pause"))
    clicked = visitor.click("Pause")
    visitor.until(lambda: visitor.can("Start"))
    return time.perf_counter() - clicked


def query_of(config: GANConfig) -> str:
    """What an address has after its "?" for a page with these settings: those that are not the lecture's."""
    plain = GANConfig()
    return urlencode({name: _text(getattr(config, name)) for name in plain.differences(config)})


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
