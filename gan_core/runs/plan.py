"""When a run trains: how fast, up to where, and which recipe it repeats meanwhile."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gan_core.runs.speed import Schedule, Speed, Speedometer
from gan_core.runs.stop import Stop
from gan_core.snapshot import Change, Recipe


class Plan:
    """``speed``: the learner's. ``until``: the condition that ends training; ``stopped`` is then the reason.

    ``rebuilding``: what is left of the recipe that training repeats. ``speedometer``: how fast it really goes.
    """

    def __init__(self) -> None:
        self.speed = Speed()
        self.until: Stop | None = None
        self.stopped = ""
        self.rebuilding: Recipe | None = None
        self.speedometer = Speedometer()
        self._schedule = Schedule()
        self._paced = 0.0

    def play(self, until: Stop | None, iteration: int) -> None:
        """Measure the speed anew after a pause, and stop where ``until`` says; ValueError if that is not possible."""
        if until is not None:
            until.check(iteration)
        self.until, self.stopped = until, ""
        self.set_speed(self.speed)

    def set_speed(self, speed: Speed) -> None:
        """Go on at this speed, which is measured anew."""
        self.speed = speed
        self._schedule.begin(self.pace.interval)
        self.speedometer.restart()

    @property
    def pace(self) -> Speed:
        """The speed, which does not slow a recipe down."""
        return self.speed if self.rebuilding is None else Speed()

    @property
    def wait(self) -> float:
        """Seconds until training has something to do."""
        return self._schedule.wait

    @property
    def busy(self) -> float:
        """The share of the time that training at this speed computes, as far as it is known; 1 at full speed."""
        interval, rate = self.pace.interval, self.speedometer.computed.per_second
        return 1.0 if not interval or not rate else min(1.0, 1 / (rate * interval))

    def advance(self) -> None:
        """Plan the iteration, or stage, after the present one."""
        self._paced += self._schedule.interval
        self._schedule.advance()

    @property
    def time(self) -> float:
        """Seconds of training, and those between its iterations at a limited speed, in which there is time for other things."""
        return self.speedometer.seconds + self._paced

    def replay(self, recipe: Recipe, iteration: int) -> None:
        """Repeat ``recipe``, beginning with its changes at the present iteration."""
        self.rebuilding = recipe
        self.play(None, iteration)

    def end_replay(self, iteration: int) -> None:
        """Leave out the rest of the recipe."""
        if self.rebuilding is not None:
            self.stopped = f"Rebuilding ended at iteration {iteration:,} of {self.rebuilding.iterations:,}."
            self.rebuilding = None

    def next_change(self, iteration: int) -> Change | None:
        """Take the recipe's next change if it is due; without one, stop after the recipe's last iteration."""
        recipe = self.rebuilding
        if recipe is not None and recipe.changes and recipe.changes[0].iteration <= iteration:
            self.rebuilding = replace(recipe, changes=recipe.changes[1:])
            return recipe.changes[0]
        if recipe is not None and iteration >= recipe.iterations:
            self.rebuilding, self.stopped = None, f"Rebuilt up to iteration {iteration:,}."
        return None

    def iterations_in(self, seconds: float, iteration: int) -> int:
        """Return how many iterations may follow at once: about ``seconds`` of them, none after ``until`` or the next change."""
        until, recipe = self.until, self.rebuilding
        if self.pace.interval or (until is not None and until.iteration is None):
            return 1
        count = max(1, int(seconds * self.speedometer.computed.per_second))
        ends = [until.iteration] if until is not None and until.iteration is not None else []
        if recipe is not None:
            ends += [recipe.iterations, *(change.iteration for change in recipe.changes[:1])]
        return min([count, *(end - iteration for end in ends)])

    def stop_if_met(self, iteration: int, metrics: Mapping[str, float]) -> None:
        """Stop if ``until`` is met by the last ``metrics``."""
        if self.until is not None and (reason := self.until.reason(iteration, metrics)):
            self.until, self.stopped = None, reason

    def shown(self) -> dict[str, Any]:
        """Return its fields of a snapshot."""
        rate = self.speedometer.real if self.pace.interval else self.speedometer.computed
        return {
            "seconds": self.speedometer.seconds,
            "iterations_per_second": rate.per_second,
            "speed": self.speed,
            "until": self.until,
            "stopped": self.stopped,
            "rebuilding": self.rebuilding,
        }
