"""What runs show before they train, made by one process for all of them."""

import os
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, TimeoutError
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import parent_process
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock, Thread

from gan_core.config import GANConfig
from gan_core.data.own.samples import OWN_FILE, link
from gan_core.runs.process import lower_priority, worker_context
from gan_core.runs.protocol import Failure, Report

MOST = 32  # previews that are kept: a class opens few different settings


class Previews:
    """Reports of untrained runs by their settings. Safe to use from several threads."""

    def __init__(self, make_executor: Callable[[], Executor] | None = None) -> None:
        self._make_executor = make_executor or _process
        self._executor: Executor | None = None
        self._made: OrderedDict[GANConfig, Future[Report]] = OrderedDict()
        self._lock = Lock()

    def report(self, config: GANConfig, own: Path, wait: float) -> Report:
        """Return what a run of these settings reports before it trains; "starting" while that is not known yet.

        ``own``: the file of the learner's own data, if there is one. ``wait``: seconds. A failure is not kept: the disk that
        was full may have room the next time.
        """
        try:
            report = self._future(config, own).result(wait)
        except TimeoutError:
            return Report("starting")
        except BrokenProcessPool:  # it was killed, perhaps for its memory
            self._end_process()
            report = Report("failed", failure=Failure("The process that makes the first images was killed."))
        except Exception as error:
            report = Report("failed", failure=Failure.of(error))
        if report.state == "failed":
            with self._lock:
                self._made.pop(config, None)
        return report

    def _future(self, config: GANConfig, own: Path) -> Future[Report]:
        with self._lock:
            if config not in self._made:
                self._executor = self._executor or self._make_executor()
                self._made[config] = self._executor.submit(preview, config, own)
            self._made.move_to_end(config)
            if len(self._made) > MOST:
                self._made.popitem(last=False)
            return self._made[config]

    def close(self) -> None:
        self._end_process(cancel=True)

    def _end_process(self, cancel: bool = False) -> None:
        """End the shared process after what it was asked for, unless that is cancelled; what is asked next begins another."""
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=cancel)


def _process() -> Executor:
    return ProcessPoolExecutor(1, mp_context=worker_context(), initializer=_begin)


def _begin() -> None:
    """Give way to the page's process, and end with it: the executor does not end its own where that is killed."""
    lower_priority()
    Thread(target=_end_with_page, daemon=True).start()


def _end_with_page() -> None:
    page = parent_process()
    assert page is not None, "a process of the executor has a parent"
    page.join()
    os._exit(0)


def preview(config: GANConfig, own: Path) -> Report:
    """Return what a run of these settings reports before it trains."""
    from gan_core.runs.worker import Worker  # imports PyTorch, which the page's process never does

    with TemporaryDirectory(prefix="gan-preview-") as name:
        folder = Path(name)
        if own.exists():
            link(own, folder / OWN_FILE)
        worker = Worker("", config, folder)
        worker.start()
        return worker.report()
