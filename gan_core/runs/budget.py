"""How much memory the runs of this server may take together, and one of them alone."""

import os
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache, reduce
from pathlib import Path
from typing import Literal

from gan_core.architecture import halved_hidden, hidden_sizes
from gan_core.changes import settings_over_time
from gan_core.config import GANConfig
from gan_core.data import DATASETS
from gan_core.data.own.samples import OWN_FILE
from gan_core.memory import Memory, estimate
from gan_core.runs.protocol import Command, Reconfigure, Replay, Report, Runner, Speed, Try, Walk
from gan_core.runs.run import CannotStart

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
UNKNOWN = 4 * 10**9  # bytes that are taken as free where the system does not say
MIN_BATCH = 2  # down to which a refusal looks for what would fit
PREVIEWS = "previews"  # the key of the process that shows untrained runs

Extra = Literal["walk", "laboratory"]  # fields of Memory


class OverBudget(CannotStart):
    """A run does not fit; ``full``: only because of the other runs of this server."""

    def __init__(self, message: str, full: bool) -> None:
        super().__init__(message, refusal=not full)
        self.full = full


class Budget:
    """The memory of all runs by their process. Safe to use from several threads.

    ``total`` and ``per_run``: bytes. ``make_room``: ends the process of a run that nobody watches; False if there is none.
    """

    def __init__(self, total: int, per_run: int) -> None:
        self.total, self.per_run = total, per_run
        self.make_room: Callable[[], bool] = lambda: False
        self._held: dict[object, int] = {}
        self._lock = threading.Lock()

    @property
    def held(self) -> int:
        """Bytes that are set aside now."""
        with self._lock:
            return sum(self._held.values())

    def check(self, config: GANConfig, own: Path | None = None) -> None:
        """Raise OverBudget, with what would fit, if no such run fits even alone."""
        needed = _needed(config, own).run
        if needed > self._most:
            raise OverBudget(
                f"This run would take {size(needed)} of memory, and a run may take {size(self._most)} here."
                f"{self._smaller(config, own)}",
                full=False,
            )

    def reserve(self, key: object, needed: int, what: str = "This run") -> None:
        """Set ``needed`` bytes aside for the run of this ``key``, in all. Raise OverBudget if they are not free, or too many.

        ``what`` begins the sentence that says so.
        """
        most = self.per_run if key == PREVIEWS else self._most
        if needed > most:
            raise OverBudget(
                f"{what} would take {size(needed)} of memory, and a run may take {size(most)} here."
                " Smaller hidden sizes or a smaller batch size need less.",
                full=False,
            )
        while not self._take(key, needed):
            if not self.make_room():
                free = max(0, self.total - self.held)
                raise OverBudget(
                    f"{what} would take {size(needed)} of memory, and {size(free)} of this server's {size(self.total)} are"
                    " free: try again when another run has ended.",
                    full=True,
                )

    def shrink(self, key: object, needed: int) -> None:
        """Leave no more than ``needed`` bytes set aside for this ``key``."""
        with self._lock:
            if key in self._held:
                self._held[key] = min(self._held[key], needed)

    def release(self, key: object) -> None:
        """Give back what this run has."""
        with self._lock:
            self._held.pop(key, None)

    @property
    def _most(self) -> int:
        """The bytes that a run may take where it is alone."""
        with self._lock:
            return max(0, min(self.total - self._held.get(PREVIEWS, 0), self.per_run))

    def _take(self, key: object, needed: int) -> bool:
        with self._lock:
            before = self._held.get(key, 0)
            if sum(self._held.values()) - before + needed > self.total and needed > before:
                return False
            self._held[key] = max(before, needed)
            return True

    def _smaller(self, config: GANConfig, own: Path | None) -> str:
        """Return what would fit as a sentence: a smaller batch or, where none is small enough, halved hidden sizes."""
        batch = config.batch_size
        while batch > MIN_BATCH:
            batch //= 2
            if estimate(config.replace(batch_size=batch), own).run <= self._most:
                return f" A batch size of {batch} would fit."
        smaller = config
        while (halved := halved_hidden(smaller)) != smaller:
            smaller = halved
            if estimate(smaller, own).run <= self._most:
                g, d = (", ".join(map(str, sizes)) for sizes in hidden_sizes(smaller))
                return f" Hidden sizes of {g} for G and {d} for D would fit."
        return " It holds no run at all: GAN_MEMORY and GAN_MEMORY_PER_RUN set how much there is."


def _needed(config: GANConfig, own: Path | None) -> Memory:
    """Return the estimate; nothing for an unknown dataset, which the run itself reports."""
    return estimate(config, own) if config.dataset in DATASETS else Memory(0, 0, 0)


class Budgeted:
    """A runner that sets memory aside while it lives, and more of it for a command that takes more.

    ``config`` and ``own``, the file of the learner's own data, are what ``make`` begins it with. OverBudget if that does
    not fit.
    """

    def __init__(self, make: Callable[[], Runner], budget: Budget, config: GANConfig, own: Path) -> None:
        self._budget, self._config, self._own = budget, config, own
        self._needed = _needed(config, own)
        self._extra: tuple[Extra, ...] = ()
        self._closed = False
        budget.reserve(self, self._needed.run)
        try:
            self._runner = make()
        except BaseException:
            budget.release(self)
            raise

    def send(self, command: Command) -> None:
        """Have ``command`` carried out. OverBudget, and nothing changes, if that takes more memory than there is."""
        if self._closed:
            return
        match command:
            case Walk() | Speed(slow_motion=True):
                self._reserve("A stage of this run, with the run itself,", self._needed, "walk")
            case Try(switches) if switches is not None:
                self._reserve("The laboratory's copy of this run, with the run itself,", self._needed, "laboratory")
            case Reconfigure(config):
                self._reconfigure([config], "This run with the changed settings")
            case Replay(recipe):
                later = settings_over_time(self._config, recipe.changes)
                self._reconfigure([config for _, config in later], "This run with its recipe's changes")
        self._runner.send(command)

    def _reconfigure(self, configs: list[GANConfig], what: str) -> None:
        """Set aside what the largest of these settings and the former ones takes."""
        self._reserve(what, reduce(Memory.larger, (_needed(config, self._own) for config in configs), self._needed))
        self._config = configs[-1] if configs else self._config

    def _reserve(self, what: str, needed: Memory, *more: Extra) -> None:
        extra = tuple({*self._extra, *more})
        self._budget.reserve(self, needed.run + sum(getattr(needed, name) for name in extra), what)
        self._needed, self._extra = needed, extra

    def poll(self, wait: float = 0.3) -> Report:
        return self._runner.poll(wait)

    def save(self, wait: float = 10.0) -> bool:
        return self._runner.save(wait)

    def close(self) -> None:
        self._closed = True
        self._runner.close()
        self._budget.release(self)


def within(budget: Budget, begin: Callable[[str, GANConfig, Path], Runner]) -> Callable[[str, GANConfig, Path], Runner]:
    """Return ``begin`` for runs that fit into ``budget``; OverBudget for others."""

    def begun(run_id: str, config: GANConfig, folder: Path) -> Runner:
        own = folder / OWN_FILE
        budget.check(config, own)
        return Budgeted(lambda: begin(run_id, config, folder), budget, config, own)

    return begun


def size(count: float) -> str:
    """Return a number of bytes as "340 MB" or "2.87 GB"."""
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def read_size(text: str) -> int:
    """Return the bytes of a text such as "6 GB", "500MB" or "2.5g"; ValueError if it is none."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?\s*", text.lower())
    if found is None or not float(found[1]):
        raise ValueError(f"{text!r} is no size of memory; it should be such as '6 GB' or '500 MB'.")
    return int(float(found[1]) * UNITS[found[2]])


@cache
def server_budget() -> Budget:
    """Return the budget that GAN_MEMORY and GAN_MEMORY_PER_RUN set.

    Without them it is three quarters of what is free, and a quarter of that or, on a small machine, what the lecture's GAN
    takes with its laboratory.
    """
    total = _from_environment("GAN_MEMORY") or int(0.75 * free_memory())
    return Budget(total, _from_environment("GAN_MEMORY_PER_RUN") or max(total // 4, estimate(GANConfig()).most))


def _from_environment(name: str) -> int | None:
    text = os.environ.get(name, "")
    try:
        return read_size(text) if text.strip() else None
    except ValueError as error:
        raise ValueError(f"{name} = {error}") from error


def free_memory(root: Path = Path("/")) -> int:
    """Return the bytes that this program may still take: of the machine, and of its container if it is in one."""
    found = [limit - used for limit, used in (_cgroup(root, *names) for names in CGROUPS) if limit is not None]
    with suppress(OSError, StopIteration, ValueError):
        lines = (root / "proc/meminfo").read_text().splitlines()
        found.append(next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")))
    return max(0, min(found, default=UNKNOWN))


CGROUPS = (  # limit and use, of the second version and of the first
    ("memory.max", "memory.current"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
)


def _cgroup(root: Path, limit: str, used: str) -> tuple[int | None, int]:
    folder = root / "sys/fs/cgroup"
    try:
        return int((folder / limit).read_text()), int((folder / used).read_text())
    except (OSError, ValueError):  # "max" where there is no limit
        return None, 0
