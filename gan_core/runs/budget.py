"""How much memory the runs of this server may take together, and one of them alone."""

import os
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from gan_core.architecture import halved_hidden, hidden_sizes
from gan_core.config import GANConfig
from gan_core.data import DATASETS
from gan_core.data.own.samples import OWN_FILE
from gan_core.memory import Memory, estimate
from gan_core.runs.protocol import Command, Report, Runner, Speed, Try, Walk
from gan_core.runs.run import CannotStart

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
UNKNOWN = 4 * 10**9  # bytes that are taken as free where the system does not say
MIN_BATCH = 2  # down to which a refusal looks for what would fit


class OverBudget(CannotStart):
    """A run does not fit; ``full``: only because of the other runs of this server."""

    def __init__(self, message: str, full: bool) -> None:
        super().__init__(message, refusal=not full)
        self.full = full


class Budget:
    """The memory of all runs by their process. Safe to use from several threads.

    ``total`` and ``per_run``: bytes. ``make_room``: ends a run that nobody watches; False if there is none.
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
        """Set ``needed`` bytes aside for the run of this ``key``, in all. Raise OverBudget if they are not free, or too many."""
        if needed > self._most:
            raise OverBudget(
                f"{what} would take {size(needed)} of memory, and a run may take {size(self._most)} here."
                " Smaller hidden sizes or a smaller batch size need less.",
                full=False,
            )
        while not self._take(key, needed):
            if not self.make_room():
                free = max(0, self.total - self.held)
                raise OverBudget(
                    f"{what} would take {size(needed)} of memory, and the runs of others leave {size(free)} of this"
                    f" server's {size(self.total)}: try again when another run has ended.",
                    full=True,
                )

    def release(self, key: object) -> None:
        """Give back what this run has."""
        with self._lock:
            self._held.pop(key, None)

    @property
    def _most(self) -> int:
        return min(self.total, self.per_run)

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
    """A runner that sets memory aside while it lives, and more of it for a command that takes more."""

    def __init__(self, make: Callable[[], Runner], budget: Budget, needed: Memory) -> None:
        self._budget, self._needed = budget, needed
        self._extra: dict[str, int] = {}
        budget.reserve(self, needed.run)
        try:
            self._runner = make()
        except BaseException:
            budget.release(self)
            raise

    def send(self, command: Command) -> None:
        match command:
            case Walk() | Speed(slow_motion=True):
                self._reserve("walk", self._needed.walk, "A stage of this run")
            case Try(switches) if switches is not None:
                self._reserve("laboratory", self._needed.laboratory, "The laboratory's copy of this run")
        self._runner.send(command)

    def _reserve(self, name: str, more: int, what: str) -> None:
        extra = {**self._extra, name: more}
        self._budget.reserve(self, self._needed.run + sum(extra.values()), f"{what}, with the run itself,")
        self._extra = extra

    def poll(self, wait: float = 0.3) -> Report:
        return self._runner.poll(wait)

    def save(self, wait: float = 10.0) -> bool:
        return self._runner.save(wait)

    def close(self) -> None:
        self._runner.close()
        self._budget.release(self)


def within(budget: Budget, begin: Callable[[str, GANConfig, Path], Runner]) -> Callable[[str, GANConfig, Path], Runner]:
    """Return ``begin`` for runs that fit into ``budget``; OverBudget for others."""

    def begun(run_id: str, config: GANConfig, folder: Path) -> Runner:
        own = folder / OWN_FILE
        budget.check(config, own)
        return Budgeted(lambda: begin(run_id, config, folder), budget, _needed(config, own))

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
    """Return the budget that GAN_MEMORY and GAN_MEMORY_PER_RUN set; without them three quarters of what is free, and a
    quarter of that."""
    total = _from_environment("GAN_MEMORY") or int(0.75 * free_memory())
    return Budget(total, _from_environment("GAN_MEMORY_PER_RUN") or total // 4)


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
