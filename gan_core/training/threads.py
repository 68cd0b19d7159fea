"""How many threads a run on the CPU computes with: as many as pay at the moment.

A browser, the page, other runs and this one share the machine. Two threads of one product wait for each other: on two
free cores they train up to twice as fast as one, on busy ones at a fifth of its speed. So a run tries, and keeps what
is faster. It may where its numbers are the same with any number of threads, which is tried out first; else it keeps to
one number from beginning to end.
"""

import os
import time
from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor

from gan_core.config import GANConfig
from gan_core.training.arithmetic import Arithmetic, choose
from gan_core.training.engines.passes import patience

MOST = 4  # the lecture's products are too small for more
WINDOW = 0.15  # seconds of training that a speed is measured over, and at least
ITERATIONS = 3  # so many
WORTH = 0.003  # seconds: shorter iterations gain nothing by more threads
GAIN = 0.95  # of the time that one thread takes: more threads have to stay below it
SLOW = 2.0  # times one thread's time: an iteration that lasts longer ends with one thread
OWN = 0.9  # of a core: a run that gets less shares it with others, and tries nothing
FIRST, LAST = 0.2, 32.0  # seconds between two trials, doubled after each that failed


def cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def most_threads() -> int:
    """All cores but one, which is the page's; of two both, while nobody else wants one."""
    return max(min(2, cores()), min(MOST, cores() - 1))


def fixed_threads() -> int:
    """For a run that has to keep to one number."""
    return min(MOST, max(1, cores() - 1))


def steady(config: GANConfig, features: int, threads: int) -> bool:
    """Whether trials of all of a run's matrix products give the same bits with one thread and with ``threads``."""
    before = torch.get_num_threads()
    arithmetic = choose(config, features, torch.device("cpu"))
    try:
        for rows, inputs, outputs in set(_layers(config, features)):
            random = torch.Generator().manual_seed(0)
            sizes = ((rows, inputs), (outputs, inputs), (outputs,), (rows, outputs))
            made = [torch.randn(size, generator=random) for size in sizes]
            torch.set_num_threads(1)
            alone = _three_products(arithmetic, made)
            torch.set_num_threads(threads)
            if not all(map(torch.equal, alone, _three_products(arithmetic, made))):
                return False
    finally:
        torch.set_num_threads(before)
    return True


def _layers(config: GANConfig, features: int) -> Iterator[tuple[int, int, int]]:
    """Rows, inputs and outputs of every Linear, as often as it is met with another number of rows."""
    batch = config.batch_size
    for inputs, outputs in pairwise((config.latent_dim, *config.generator_hidden, features)):
        yield batch, inputs, outputs
    for inputs, outputs in pairwise((features, *config.discriminator_hidden, 1)):
        yield batch, inputs, outputs
        yield 2 * batch, inputs, outputs


def _three_products(arithmetic: Arithmetic, made: list[Tensor]) -> tuple[Tensor, ...]:
    """Forward, back to the inputs, and to the weights."""
    x, weight, bias, gradient = made
    with torch.no_grad(), arithmetic.forward():
        y = torch.nn.functional.linear(x, weight, bias)
    x, weight, gradient = (tensor.to(y.dtype) for tensor in (x, weight, gradient))
    with torch.no_grad(), arithmetic.products():
        return y, gradient @ weight, gradient.t() @ x


class Pace:
    """Watches how long iterations take, and sets PyTorch's number of threads.

    ReportProgress it of each stretch of training: ``begin`` before, ``end`` behind. ``threads``: how many there are now.
    """

    def __init__(self, config: GANConfig, features: int, device: torch.device) -> None:
        self._most = most_threads()
        self._may = device.type == "cpu" and self._most > 1 and steady(config, features, self._most)
        self._wait = FIRST
        self._alone = 0.0  # seconds that an iteration takes with one thread
        self._begin(1 if self._may or device.type != "cpu" else fixed_threads())

    def again(self) -> None:
        """Iterations may take another time from now on."""
        self._wait = FIRST
        if self._may:
            self._begin(1)

    def _begin(self, threads: int) -> None:
        self.threads = threads
        torch.set_num_threads(threads)
        self._fresh = True  # the first iteration with so many is no measure
        self._began = time.monotonic()
        self._forget()

    def _forget(self) -> None:
        self._iterations, self._seconds = 0, 0.0
        self._clocks = time.process_time(), time.monotonic()

    @property
    def words(self) -> str:
        """A sentence for a page: how many threads there are, and why. It stays the same while a run trains on."""
        if self._may:
            return (
                f"One thread or up to {self._most}, as many as are fastest at the moment: it depends on what else runs."
            )
        return "One thread does the work." if self.threads == 1 else f"{self.threads} threads share the work."

    def begin(self, iterations: int) -> None:
        """So many iterations, one at least, begin now; if several threads are very slow, they end with one."""
        self._count, self._at = iterations, time.perf_counter()
        if self.threads > 1 and self._may:
            patience.until = self._at + SLOW * self._alone * iterations

    def end(self) -> None:
        """They are done."""
        seconds = time.perf_counter() - self._at
        if patience.lost:
            torch.set_num_threads(self.threads)
        patience.renew()
        if not self._may:
            return
        if self._fresh:
            self._fresh = False
            self._forget()
            return
        self._iterations += self._count
        self._seconds += seconds
        if self._seconds < WINDOW or self._iterations < ITERATIONS:
            return
        if self.threads > 1:
            self._judge()
        else:
            self._think()
        self._forget()

    def _judge(self) -> None:
        """With several threads: back to one, if they are slower."""
        if self._seconds / self._iterations > GAIN * self._alone:
            self._wait = min(2 * self._wait, LAST)
            self._begin(1)
        else:
            self._wait = FIRST

    def _think(self) -> None:
        """With one thread: try several, if a core may be free."""
        self._alone = self._seconds / self._iterations
        cpu, wall = (
            now - then for now, then in zip((time.process_time(), time.monotonic()), self._clocks, strict=True)
        )
        waits = self._wait > FIRST and time.monotonic() - self._began < self._wait
        if self._alone >= WORTH and cpu >= OWN * wall and not waits:
            self._begin(self._most)
