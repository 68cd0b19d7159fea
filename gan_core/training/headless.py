"""Training without a page: a progress bar, and the files of ``Results``."""

import threading
import time
from typing import Any

from tqdm import tqdm

from gan_core.metrics import COLUMNS
from gan_core.training.divergence import Diverged, broken_weights, healthy_rows
from gan_core.training.metrics_buffer import MetricsBuffer
from gan_core.training.results import Results
from gan_core.training.threads import thread_count, use_threads
from gan_core.training.trainer import Trainer

BLOCK = 50  # iterations between two readings of the metrics: each waits for the device


def train_into(results: Results, trainer: Trainer, stop: threading.Event, save_every: float) -> Diverged | None:
    """Train until the iterations of the plan are done or ``stop`` is set, saving every ``save_every`` seconds and at the end.

    Returns the error if the training diverges; the table then ends before that iteration, and the trainer and the saved
    networks are those of the last healthy block.
    """
    with use_threads(thread_count(trainer.config, trainer.dataset.features, trainer.device.type)):
        total = results.plan.iterations
        results.keep_moment(trainer)
        with tqdm(total=total, initial=trainer.iteration, unit="it", dynamic_ncols=True) as bar:
            diverged = _train(results, trainer, stop, save_every, bar)
        results.keep_moment(trainer, at_once=True)
        results.save(trainer)
    return diverged


def _train(results: Results, trainer: Trainer, stop: threading.Event, save_every: float, bar: Any) -> Diverged | None:
    buffer = MetricsBuffer(trainer.device, BLOCK)
    healthy = trainer.state_dict()
    due = time.monotonic() + save_every
    while trainer.iteration < results.plan.iterations and not stop.is_set():
        first = trainer.iteration + 1
        last = min(results.plan.iterations, trainer.iteration + BLOCK)
        while True:
            buffer.record(trainer.step_into)
            bar.update()
            if trainer.iteration == last or stop.is_set() or time.monotonic() >= due:
                break
        rows, diverged = healthy_rows(buffer.take(), first)
        results.add_rows(rows, first)
        diverged = diverged or broken_weights(trainer)
        if diverged:
            trainer.load_state_dict(healthy)
            return diverged
        healthy = trainer.state_dict()
        losses = {name: f"{rows[-1, COLUMNS.index(name)]:.3f}" for name in ("loss_d", "loss_g")}
        bar.set_postfix(losses, refresh=False)
        results.keep_moment(trainer)
        if (now := time.monotonic()) >= due:
            results.save(trainer)
            due = now + save_every
        results.announce()
    return None
