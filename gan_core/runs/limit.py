"""The last line of a run's memory: the system refuses what goes far beyond the estimate, before the machine is full."""

import re
from contextlib import suppress
from pathlib import Path

from gan_core.config import GANConfig
from gan_core.memory import most_while_training

SLACK = 512 * 2**20  # bytes: the stacks of threads, which count in full, and datasets that are mapped to be changed


def limit_memory(config: GANConfig, own: Path | None = None) -> None:
    """Let this process allocate twice what a run of these settings takes at most; then PyTorch raises, which is reported.

    RLIMIT_DATA counts the memory that may be written, as the estimate does: here a run's grew by 0.6 to 1.0 of its estimate.
    RLIMIT_AS would count PyTorch's libraries and the address space that allocators only set aside, too. Nothing happens
    where the system has neither the limit nor /proc, or to a run on a GPU, whose driver maps far more than it uses.
    """
    with suppress(ImportError, OSError, ValueError):  # ValueError: no such device or dataset, which the run reports
        import resource

        allocated = re.search(r"VmData:\s+(\d+) kB", Path("/proc/self/status").read_text())
        if allocated is None or not _on_cpu(config):
            return
        limit = int(allocated[1]) * 1024 + 2 * most_while_training(config, own) + SLACK
        soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
        if soft == resource.RLIM_INFINITY or limit < soft:
            resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def _on_cpu(config: GANConfig) -> bool:
    from gan_core.device import resolve_device  # imports PyTorch, which the page's process never does

    return resolve_device(config.device).type == "cpu"
