"""A class on one server: forty learners who all press Start."""

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TypeVar

from benchmarks.figures import Figure
from benchmarks.page import Server, _open, _pause, _start, served
from benchmarks.visitor import Visitor

LEARNERS = 40
CLICKING = 4  # of these pause and start again all the time, so their runs are not compared
SECONDS = 120.0  # of training
AFTER = 120.0  # seconds after they have left
IMAGE_TIMEOUT = 300.0  # seconds

Result = TypeVar("Result")


def classroom_figures(seconds: float = SECONDS) -> list[Figure]:
    """Open ``LEARNERS`` pages, train in all of them for so long, and close them."""
    with served() as server, ThreadPoolExecutor(LEARNERS) as pool, ExitStack() as stack:
        before = _memory(server.pid)
        visitors = [stack.enter_context(Visitor(server.address)) for _ in range(LEARNERS)]
        began = time.perf_counter()
        _each(pool, _open, visitors)
        opened, idle = time.perf_counter() - began, _memory(server.pid)
        images = _each(pool, _first_image, visitors)
        watching, clicking = visitors[CLICKING:], visitors[:CLICKING]
        over = threading.Event()
        clicks = [pool.submit(_click, visitor, over) for visitor in clicking]
        starts = _each(pool, lambda visitor: visitor.poll().iteration, watching)
        following = [pool.submit(visitor.until, over.is_set, 2 * seconds) for visitor in watching]
        page, whole = _watch_memory(server, seconds)
        over.set()
        for one in following:
            one.result()
        ends = _each(pool, lambda visitor: visitor.poll().iteration, watching)
        took = sorted(1000 * second for click in clicks for second in click.result())
        trained = [end - start for start, end in zip(starts, ends, strict=True)]
        for visitor in visitors:
            visitor.close()
        server.first.close()
        time.sleep(AFTER)  # the memory is measured so long after they left
        after = _memory(server.pid)
    class_ = f"{LEARNERS} learners with the lecture's GAN"
    median, first = f"median {statistics.median(images):.1f} s", f"at the start, {before / 1e6:,.0f} MB"
    slowest = f"the fastest, {max(trained):,} iterations in {seconds:.0f} s"
    return [
        Figure("All pages opened", class_, opened, "s"),
        Figure("… memory of all processes, none has trained", "", idle / 1e6, "MB"),
        Figure("Start → first new image, slowest", median, max(images), "s", 10, at_most=True),
        Figure("Pause → paused, median", f"{len(took)} clicks", statistics.median(took), "ms", 300, at_most=True),
        Figure("… 95th percentile", "", took[int(0.95 * len(took))], "ms", 1000, at_most=True),
        Figure("Slowest run", slowest, min(trained) / max(1, max(trained)), "%", 0.7),
        Figure("Memory of the page's process, most", "", page / 1e6, "MB", 600, at_most=True),
        Figure("Memory of all processes, most", "", whole / 1e6, "MB"),
        Figure(f"… {AFTER:.0f} s after they left", first, after / before, "%", 1.1, at_most=True),
    ]  # fmt: skip


def _each(pool: ThreadPoolExecutor, action: Callable[[Visitor], Result], visitors: Sequence[Visitor]) -> list[Result]:
    """Have all visitors do this at the same time."""
    return list(pool.map(action, visitors))


def _first_image(visitor: Visitor) -> float:
    clicked = visitor.click("Start")
    visitor.until(lambda: visitor.picture is not None and visitor.picture.iteration > 0, IMAGE_TIMEOUT)
    assert visitor.picture is not None
    return visitor.picture.at - clicked


def _click(visitor: Visitor, over: threading.Event) -> list[float]:
    took = []
    while not over.is_set():
        visitor.stay(2.0)
        took.append(_pause(visitor))
        _start(visitor)
    return took


def _watch_memory(server: Server, seconds: float) -> tuple[float, float]:
    """Return the most memory, in bytes, of the page's process and of all of the server's during ``seconds``."""
    end, page, whole = time.monotonic() + seconds, 0.0, 0.0
    while time.monotonic() < end:
        page, whole = max(page, _own(server.pid)), max(whole, _memory(server.pid))
        time.sleep(2)  # what is measured changes slowly, and reading it costs the processes time
    return page, whole


def _memory(pid: int) -> float:
    """Return the bytes of a process and all that it has started, memory that they share counted once."""
    return _own(pid) + sum(_memory(child) for child in _children(pid))


def _children(pid: int) -> list[int]:
    found = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(child) for child in path.read_text().split()]
    return found


def _own(pid: int) -> float:
    """Return the bytes of one process, of shared memory its share; 0 if it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return 1024.0 * int(line.split()[1])
    return 0.0
