"""What runs show before they train, and their untrained networks as files, made by one process for all of them."""

import os
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, TimeoutError
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import parent_process
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock, Thread
from typing import TYPE_CHECKING, TypeVar

from gan_core.config import GANConfig
from gan_core.data.own.samples import OWN_FILE, link
from gan_core.export.weights import DISCRIMINATOR_FILE, GENERATOR_FILE, write_whole
from gan_core.memory import estimate
from gan_core.runs.budget import PREVIEWS, Budget
from gan_core.runs.process import lower_priority, worker_context
from gan_core.runs.protocol import Failure, Report
from gan_core.runs.run import CannotStart

if TYPE_CHECKING:
    from gan_core.runs.worker import Worker

R = TypeVar("R")

MOST = 32  # previews that are kept: a class opens few different settings
KEPT = estimate(GANConfig()).run  # bytes that the process keeps set aside: a class opens the lecture's GAN
FILES = (GENERATOR_FILE, DISCRIMINATOR_FILE)


class Previews:
    """Reports of untrained runs by their settings. Safe to use from several threads.

    ``budget``: where the process sets aside what it takes. It builds one run after another, which takes no more than training.
    """

    def __init__(self, make_executor: Callable[[], Executor] | None = None, budget: Budget | None = None) -> None:
        self._make_executor = make_executor or _process
        self._budget = budget or Budget(sys.maxsize, sys.maxsize)
        self._executor: Executor | None = None
        self._made: OrderedDict[GANConfig, Future[Report]] = OrderedDict()
        self._needed: dict[object, int] = {}  # bytes, of what it has yet to finish
        self._asking, self._lock = Lock(), Lock()

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
        except CannotStart as error:
            report = Report("failed", failure=Failure(str(error), refusal=error.refusal))
        except Exception as error:
            report = Report("failed", failure=Failure.of(error))
        if report.state == "failed":
            with self._lock:
                self._made.pop(config, None)
        return report

    def save(self, config: GANConfig, folder: Path, wait: float) -> bool:
        """Write both untrained networks to ``folder``; False if they could not be made, or the disk did not take them.

        OverBudget if there is no memory to make them.
        """
        try:
            files = self._submit(networks, config, folder / OWN_FILE).result(wait)
            for name, data in files.items():
                write_whole(folder / name, data)
        except CannotStart:
            raise
        except Exception:  # as any other save: the caller learns no more than that it has failed
            return False
        return True

    def _future(self, config: GANConfig, own: Path) -> Future[Report]:
        with self._asking:  # a class that opens the page at once makes one preview
            with self._lock:
                known = self._made.get(config)
            future = known or self._submit(preview, config, own)
            with self._lock:
                self._made[config] = future
                self._made.move_to_end(config)
                if len(self._made) > MOST:
                    self._made.popitem(last=False)
            return future

    def _asked(self, action: Callable[[GANConfig, Path], R], config: GANConfig, own: Path) -> Future[R]:
        """Ask the process, or a new one where it was killed while it had nothing to do."""
        with self._lock:
            self._executor = self._executor or self._make_executor()
            try:
                return self._executor.submit(action, config, own)
            except BrokenProcessPool:
                self._executor = self._make_executor()
                return self._executor.submit(action, config, own)

    def _submit(self, action: Callable[[GANConfig, Path], R], config: GANConfig, own: Path) -> Future[R]:
        """Have the process do this, within the budget: OverBudget if there is no memory for it."""
        key = object()
        with self._lock:
            self._needed[key] = estimate(config, own).run
            needed = max(self._needed.values())
        try:
            self._budget.reserve(PREVIEWS, needed, "An untrained run")
            future = self._asked(action, config, own)
        except BaseException:
            self._finished(key)
            raise
        future.add_done_callback(lambda _: self._finished(key))
        return future

    def _finished(self, key: object) -> None:
        with self._lock:
            self._needed.pop(key, None)
            needed = max([KEPT, *self._needed.values()])
        self._budget.shrink(PREVIEWS, needed)

    def close(self) -> None:
        self._end_process(cancel=True)

    def _end_process(self, cancel: bool = False) -> None:
        """End the shared process after what it was asked for, unless that is cancelled; what is asked next begins another."""
        with self._lock:
            executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=cancel)
            self._budget.release(PREVIEWS)


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
    with _untrained(config, own) as (worker, _):
        return worker.report()


def networks(config: GANConfig, own: Path) -> dict[str, bytes]:
    """Return the files of both networks, as a run of these settings saves them before it trains."""
    with _untrained(config, own) as (_, folder):
        return {name: (folder / name).read_bytes() for name in FILES}


@contextmanager
def _untrained(config: GANConfig, own: Path) -> Iterator[tuple["Worker", Path]]:
    """Begin a run that does not train, in a folder of its own."""
    from gan_core.runs.worker import Worker  # imports PyTorch, which the page's process never does

    with TemporaryDirectory(prefix="gan-preview-") as name:
        folder = Path(name)
        if own.exists():
            link(own, folder / OWN_FILE)
        worker = Worker("", config, folder)
        worker.start()
        yield worker, folder
