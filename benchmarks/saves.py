"""What a run pays for being saved and for the moments that it keeps."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.core import LECTURE
from benchmarks.figures import Figure
from benchmarks.page import SMALL
from gan_core.config import GANConfig
from gan_core.runs.active_run import ActiveRun
from gan_core.runs.saved import RUN_FILE
from gan_core.runs.saving import SAVE_STATE_EVERY
from gan_core.training.threads import use_threads

SECONDS = 2.5 * SAVE_STATE_EVERY


def saves_figures() -> list[Figure]:
    """Train the lecture's GAN and small networks for a little over two saves each."""
    return [*_figures("Lecture's GAN", LECTURE), *_figures("Small networks", SMALL)]


def _figures(name: str, config: GANConfig) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        run = ActiveRun(config, Path(folder))
        spent = {"checkpoint": 0.0, "_keep_moment": 0.0}
        for method in spent:
            setattr(run, method, _timed(getattr(run, method), method, spent))
        run.play(None)
        began = time.perf_counter()
        with use_threads(run.threads):
            while time.perf_counter() - began < SECONDS:
                run.train(0.01)
        seconds = time.perf_counter() - began
        saves, moments = (part / seconds for part in spent.values())
        size = (Path(folder) / RUN_FILE).stat().st_size
        kept = len(list((Path(folder) / "moments").glob("*.view")))
        began = time.perf_counter()
        run.checkpoint(whole=True)
        once = time.perf_counter() - began
    training = f"its training, {run.trainer.iteration:,} iterations in {seconds:.0f} s"
    return [
        Figure(f"{name}: saves, share of the time", training, saves, "%", 0.01, at_most=True),
        Figure("… moments, share of the time", f"{kept} moments", moments, "%", 0.01, at_most=True),
        Figure("… one save", f"{size / 1e6:.1f} MB", 1000 * once, "ms"),
    ]


def _timed(method: Callable[..., Any], name: str, spent: dict[str, float]) -> Callable[..., Any]:
    def timed(*arguments: Any, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return method(*arguments, **options)
        finally:
            spent[name] += time.perf_counter() - began

    return timed
