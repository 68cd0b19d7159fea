"""How many threads a run on the CPU computes with: fixed for its life by its layers and the machine.

Sums that several threads share are made in another order, so another number of threads gives other last bits. A number
that changed with the machine's load would break "one seed, one run"; trying out some products cannot prove that it does
not. So load is answered otherwise: ``yield_while_waiting`` has idle threads sleep, and a busy machine is shared fairly.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from gan_core.architecture import mean_multiplications
from gan_core.config import GANConfig

MOST_THREADS = 4  # the lecture's products are too small for more
WIDE = 2_000_000  # multiplications in a run's mean product from which on a second thread pays


def available_cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def thread_count(config: GANConfig, features: int, device: str) -> int:
    """Threads for a run with samples of ``features`` values on a device of this type ("cpu", "cuda", "mps").

    All cores but one, which is the page's; both of two; one where layers are small or another device computes.
    """
    cores = available_cores()
    if device != "cpu" or mean_multiplications(config, features) < WIDE:
        return 1
    return max(min(2, cores), min(MOST_THREADS, cores - 1))


def describe_threads(count: int) -> str:
    """A sentence for the page."""
    if count == 1:
        return "One thread computes them."
    return (
        f"{count} threads compute them, as many from the first iteration to the last: the same seed gives the same run."
    )


@contextmanager
def use_threads(count: int) -> Iterator[None]:
    """Within it PyTorch computes with ``count`` threads; afterwards with as many as before."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def yield_while_waiting() -> None:
    """Let processes started from now on give their core away soon after a thread has nothing to do.

    OpenMP's threads else spin for milliseconds: eight runs with two threads each on two cores then train at a sixth of
    the speed. Only for GNU's OpenMP, which PyTorch has on Linux; what the user has set stays.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
