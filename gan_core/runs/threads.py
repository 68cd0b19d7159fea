"""How many threads a run computes with, and how they wait for each other.

A browser, the page and a training share the machine. Threads that wait by spinning then wait for one that has no
core: on two busy cores two such threads trained at a twentieth of one thread's speed. So they sleep instead, and one
core is left to the page. Every runner uses the same number: sums over other threads differ in their last bits.
"""

import os

MOST = 4  # the lecture's products are too small for more


def sleep_while_waiting() -> None:
    """For processes started from here on, unless the user's environment says otherwise. Before PyTorch's import."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def run_threads() -> int:
    """All cores that this process may use but one, at most ``MOST``."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(MOST, max(1, cores - 1))


def use_run_threads() -> None:
    """Compute with ``run_threads`` threads in this process."""
    import torch

    torch.set_num_threads(run_threads())
