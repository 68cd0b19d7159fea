"""How fast a running training goes: the learner's choice, the schedule that keeps it, and the speed that is measured."""

import math
import time
from collections import deque
from dataclasses import dataclass

STAGE_SECONDS = 1.2  # how long slow motion shows each stage of an iteration: its sentence is read meanwhile
CATCH_UP = 0.1  # seconds of delay, such as by a snapshot, that are made up for; a longer stall is left behind


@dataclass(frozen=True)
class Speed:
    """How fast a running training goes; as a command, go that fast from the next iteration on.

    ``iterations_per_second``: at most that many, evenly spaced; None is as fast as possible. ``slow_motion``: one stage of
    the iteration every ``STAGE_SECONDS`` instead. ValueError if the number is not finite and positive.
    """

    iterations_per_second: float | None = None
    slow_motion: bool = False

    def __post_init__(self) -> None:
        number = self.iterations_per_second
        if number is not None and not 0 < number < math.inf:
            raise ValueError(
                f"iterations_per_second = {number} is not possible; it should be a number above 0, or None for as fast as"
                " possible."
            )

    @property
    def interval(self) -> float:
        """Seconds from one iteration, or stage, to the next; 0 without a limit."""
        if self.slow_motion:
            return STAGE_SECONDS
        return 0.0 if self.iterations_per_second is None else 1 / self.iterations_per_second


class Schedule:
    """When the next iteration, or stage, is due, by the clock: waiting a little too long each time does not add up."""

    def __init__(self) -> None:
        self.interval = 0.0
        self._due = 0.0

    def begin(self, interval: float) -> None:
        """Go on every ``interval`` seconds from now; 0 is always due."""
        now = time.monotonic()
        self.interval = interval
        self._due = min(max(self._due, now), now + interval)

    @property
    def wait(self) -> float:
        """Seconds until the next one is due."""
        return max(0.0, self._due - time.monotonic()) if self.interval else 0.0

    def advance(self) -> None:
        """Plan the one after the present one."""
        self._due += self.interval
        now = time.monotonic()
        if self._due < now - CATCH_UP:
            self._due = now + self.interval


class Rate:
    """Iterations per second of a clock: over its last second, or between the last two times where that is longer."""

    def __init__(self) -> None:
        self._recent: deque[tuple[float, int]] = deque()  # (seconds, iteration)

    def restart(self) -> None:
        """Forget what was measured, as after a pause."""
        self._recent.clear()

    def add(self, at: float, iteration: int) -> None:
        """Take note that ``iteration`` ended ``at`` this second; stages within the iteration do not count."""
        if self._recent and self._recent[-1][1] == iteration:
            return
        self._recent.append((at, iteration))
        while len(self._recent) > 2 and self._recent[0][0] < at - 1:
            self._recent.popleft()

    @property
    def per_second(self) -> float:
        if len(self._recent) < 2:
            return 0.0
        (first_time, first), (last_time, last) = self._recent[0], self._recent[-1]
        return (last - first) / max(last_time - first_time, 1e-9)


class Speedometer:
    """``seconds``: total time spent training. ``computed``: the rate in that time. ``real``: the rate by the wall clock."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.computed = Rate()
        self.real = Rate()

    def restart(self) -> None:
        """Measure both rates anew, as after a pause."""
        self.computed.restart()
        self.real.restart()

    def add(self, seconds: float, iteration: int) -> None:
        """Add ``seconds`` of training that ended just now at ``iteration``."""
        self.seconds += seconds
        self.computed.add(self.seconds, iteration)
        self.real.add(time.monotonic(), iteration)
