"""Runs in their own processes, as on the page: speed of many at once, and memory of one."""

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import torch

from benchmarks.core import LECTURE, POINTS
from benchmarks.figures import Figure
from gan_core.config import GANConfig
from gan_core.data.own.samples import OWN_FILE, keep
from gan_core.runs.process import ProcessRunner, start_fork_server
from gan_core.runs.protocol import Pause, Play
from gan_core.snapshot import Snapshot

MNIST = (60_000, 28, 28)
MEGABYTE = 1e6
WARM_UP = 1.0  # seconds of training before a speed is measured: first iterations take longer


def concurrency_figures(count: int = 8, seconds: float = 4.5, rounds: int = 3) -> list[Figure]:
    """Compare ``count`` runs of the lecture's GAN at once with one of them alone, in turn on the same cores."""
    totals, alone, slowest = [], [], []
    with ExitStack() as stack:
        runs = [stack.enter_context(started(LECTURE.replace(seed=seed))) for seed in range(count)]
        for _ in range(rounds):
            alone.append(sum(speeds(runs[:1], seconds)))
            each = speeds(runs, seconds * 2)
            totals.append(sum(each))
            slowest.append(min(each) / max(each))
    one = f"one run alone, {statistics.median(alone):.1f} it/s"
    ratio = statistics.median(total / one for total, one in zip(totals, alone, strict=True))
    return [
        Figure(f"{count} runs at once, {torch.get_num_threads()} cores: total", one, ratio, "%", 0.95),
        Figure("… the slowest", "the fastest of them", statistics.median(slowest), "%", 0.70),
    ]


@contextmanager
def started(config: GANConfig, own: np.ndarray | None = None) -> Iterator[ProcessRunner]:
    """Start a paused run. ``own``: images uint8 ``[n, side, side]`` instead of a named dataset."""
    start_fork_server()
    with tempfile.TemporaryDirectory() as folder:
        if own is not None:
            own_data = keep(own, Path(folder) / OWN_FILE)
            config = config.replace(dataset="own_pictures", own_data=own_data, picture_size=own.shape[1])
        run = ProcessRunner("benchmark", config, Path(folder))
        try:
            latest_snapshot(run)
            yield run
        finally:
            run.close()


def latest_snapshot(run: ProcessRunner) -> Snapshot:
    """Wait for the newest snapshot and return it."""
    while True:
        report = run.poll(10)
        if report.failure is not None:
            raise RuntimeError(report.failure.message)
        if report.snapshot is not None and report.settled and report.state != "starting":
            return report.snapshot


def speeds(runs: list[ProcessRunner], seconds: float) -> list[float]:
    """Return each run's iterations per second while all train, measured after ``WARM_UP``."""
    for run in runs:
        run.send(Play())
    time.sleep(WARM_UP)  # the first iterations are slower than the others
    before = [(time.perf_counter(), latest_snapshot(run).iteration) for run in runs]
    time.sleep(seconds)  # the measured time itself
    after = [(time.perf_counter(), latest_snapshot(run).iteration) for run in runs]
    for run in runs:
        run.send(Pause())
        latest_snapshot(run)
    return [(last - first) / (end - start) for (start, first), (end, last) in zip(before, after, strict=True)]


def memory_figures(seconds: float = 8.0, iterations: int = 100_000) -> list[Figure]:
    """Measure the private memory of a run."""
    images = np.random.default_rng(0).integers(0, 256, MNIST, dtype=np.uint8)
    with started(LECTURE, images) as run:
        run.send(Play())
        time.sleep(seconds)  # its memory grows while it trains
        trained, large = latest_snapshot(run).iteration, own_memory(run)
    with started(POINTS) as run:
        run.send(Play())
        early = _memory_at(run, iterations // 10)
        late = _memory_at(run, iterations)
    peer = f"the same run at iteration {iterations // 10:,}"
    return [
        Figure(f"Own memory, 60,000 images, iteration {trained:,}", "", large, "MB", 250, at_most=True),
        Figure(f"Own memory at iteration {iterations:,}, small networks", peer, late / early, bar=1.05, at_most=True),
    ]


def _memory_at(run: ProcessRunner, iteration: int) -> float:
    while latest_snapshot(run).iteration < iteration:
        time.sleep(0.25)  # asking more often would slow the run down
    return own_memory(run)


def own_memory(run: ProcessRunner) -> float:
    """Return the private memory of the run's process in megabytes."""
    lines = Path(f"/proc/{run.pid}/smaps_rollup").read_text().splitlines()
    kilobytes = [int(line.split()[1]) for line in lines if line.startswith("Private_")]
    return sum(kilobytes) * 1024 / MEGABYTE
