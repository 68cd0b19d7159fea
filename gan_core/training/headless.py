"""Training without a page: a progress bar, a table of metrics and the trained networks in a folder."""

import threading
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from gan_core.changes import CHANGES_FILE
from gan_core.config_file import CONFIG_FILE
from gan_core.export.weights import DISCRIMINATOR_FILE, GENERATOR_FILE, save_networks, write_whole
from gan_core.images import drawable, samples_png
from gan_core.metrics import COLUMNS
from gan_core.sampling import generate, sample_noise
from gan_core.snapshot import samples_shown
from gan_core.training.divergence import Diverged, broken_weights, healthy_rows
from gan_core.training.metrics_buffer import MetricsBuffer
from gan_core.training.threads import thread_count, use_threads
from gan_core.training.trainer import Trainer

METRICS_FILE = "metrics.csv"
SAMPLES_FILE = "samples.png"
RESULT_FILES = (CONFIG_FILE, CHANGES_FILE, METRICS_FILE, GENERATOR_FILE, DISCRIMINATOR_FILE, SAMPLES_FILE)
BLOCK = 50  # iterations between two readings of the metrics: each waits for the device


def results_in(folder: Path) -> list[str]:
    """Return the names of the files of an earlier run in ``folder``."""
    return [name for name in RESULT_FILES if (folder / name).exists()]


def train_into(folder: Path, trainer: Trainer, iterations: int, stop: threading.Event) -> Diverged | None:
    """Train until ``iterations`` are done or ``stop`` is set, and write the results into ``folder``.

    Those of an earlier run are removed first, so that the folder never holds files of two.
    Returns the error if the training diverges; the table then ends before that iteration, and the trainer and the saved
    networks are those of the last healthy block.
    """
    for name in results_in(folder):
        (folder / name).unlink()
    write_whole(folder / CONFIG_FILE, trainer.config.to_json().encode())
    threads = thread_count(trainer.config, trainer.dataset.features, trainer.device.type)
    with (
        use_threads(threads),
        (folder / METRICS_FILE).open("w", newline="", encoding="utf-8") as table,
        tqdm(total=iterations, unit="it", dynamic_ncols=True) as bar,
    ):
        table.write(",".join(("iteration", *COLUMNS)) + "\n")
        diverged = _train(trainer, iterations, stop, table, bar)
    save_networks(folder, trainer)
    if drawable(trainer.dataset.shape):
        noise = sample_noise(0, samples_shown(trainer.dataset.shape), trainer.config)
        write_whole(folder / SAMPLES_FILE, samples_png(generate(trainer, noise)))
    return diverged


def _train(trainer: Trainer, iterations: int, stop: threading.Event, table: TextIO, bar: Any) -> Diverged | None:
    buffer = MetricsBuffer(trainer.device, BLOCK)
    healthy = trainer.state_dict()
    while trainer.iteration < iterations and not stop.is_set():
        first = trainer.iteration + 1
        while buffer.room and not (trainer.iteration == iterations or stop.is_set()):
            buffer.record(trainer.step_into)
            bar.update()
        rows, diverged = healthy_rows(buffer.take(), first)
        # str() is the shortest text that reads back as the same number.
        table.writelines(f"{iteration},{','.join(map(str, row))}\n" for iteration, row in enumerate(rows, first))
        table.flush()
        diverged = diverged or broken_weights(trainer)
        if diverged:
            trainer.load_state_dict(healthy)
            return diverged
        healthy = trainer.state_dict()
        losses = {name: f"{rows[-1, COLUMNS.index(name)]:.3f}" for name in ("loss_d", "loss_g")}
        bar.set_postfix(losses, refresh=False)
    return None
