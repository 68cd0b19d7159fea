"""How many threads a run on the CPU computes with: fixed for its life by its layers and the machine.

The number of threads decides the order of sums and with it their last bits. A number that changed with the machine's
load would break "one seed, one run", and trying out some products cannot prove that it does not. Against load,
``yield_while_waiting`` lets idle threads sleep, so that runs share a busy machine fairly.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from gan_core.architecture import MIN_WORK_FOR_THREADS, mean_multiplications
from gan_core.config import GANConfig

MAX_THREADS = 4  # the lecture's products are too small for more


def available_cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def thread_count(config: GANConfig, features: int, device: str) -> int:
    """Return how many threads a run with samples of ``features`` values uses on this device ("cpu", "cuda", "mps").

    One if layers are small or the device is not the CPU; else all cores but one for the page, or both of two.
    """
    cores = available_cores()
    if device != "cpu" or mean_multiplications(config, features) < MIN_WORK_FOR_THREADS:
        return 1
    return max(min(2, cores), min(MAX_THREADS, cores - 1))


def describe_threads(count: int) -> str:
    """Describe the number of threads in a sentence for the page."""
    if count == 1:
        return "One thread computes them."
    return f"{count} threads compute them in every iteration, so that the same seed gives the same run."


@contextmanager
def use_threads(count: int) -> Iterator[None]:
    """Let PyTorch use ``count`` threads within the context, and restore the previous number after it."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def yield_while_waiting() -> None:
    """Let idle threads of processes started from now on release their core soon.

    Otherwise OpenMP's threads spin for milliseconds: eight runs with two threads each on two cores then train at a sixth
    of the speed. This sets GNU's OpenMP, which PyTorch uses on Linux, unless the user has set it.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
