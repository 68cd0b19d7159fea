"""The condition on which a running training pauses by itself."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from gan_core.metrics import COLUMNS, TITLES


@dataclass(frozen=True)
class Stop:
    """Pause after this iteration, or after the first one whose ``metric`` is above, or below, ``value``.

    ``metric``: a name in ``COLUMNS``.
    """

    iteration: int | None = None
    metric: str = ""
    above: bool = True
    value: float = 0.0

    def check(self, iteration: int) -> None:
        """Raise ValueError, fit for a page, if a run at ``iteration`` cannot stop here."""
        if (self.iteration is None) == (not self.metric):
            raise ValueError(
                f"iteration = {self.iteration} with metric = {self.metric!r} is not possible; it should be one of the two."
            )
        if self.iteration is not None and self.iteration <= iteration:
            raise ValueError(
                f"Iteration {self.iteration:,} has passed; it should be above {iteration:,}, where the run is now."
            )
        if self.metric and self.metric not in COLUMNS:
            raise ValueError(f"metric = {self.metric!r} is not known; it should be one of {', '.join(COLUMNS)}.")
        if not math.isfinite(self.value):
            raise ValueError(f"Value = {self.value} is not possible; it should be a finite number.")

    @property
    def goal(self) -> str:
        """Where the run will pause, such as "iteration 5,000" or "D loss above 0.5"."""
        if self.iteration is not None:
            return f"iteration {self.iteration:,}"
        return f"{TITLES[self.metric]} {'above' if self.above else 'below'} {self.value:.9g}"

    def reason(self, iteration: int, metrics: Mapping[str, float]) -> str:
        """Return why a run with these metrics of ``iteration`` stops here, as a sentence; "" if it goes on."""
        if self.iteration is not None:
            return f"Stopped at iteration {iteration:,}, as you asked." if iteration >= self.iteration else ""
        measured = metrics[self.metric]
        if not (measured > self.value if self.above else measured < self.value):
            return ""
        side = "above" if self.above else "below"
        shown = _distinct(measured, self.value)
        return f"Stopped at iteration {iteration:,}: its {TITLES[self.metric]}, {shown}, is {side} {self.value:.9g}."


def _distinct(measured: float, value: float) -> str:
    """Return ``measured`` with as many digits, from three, as show on which side of ``value`` it is."""
    for digits in range(3, 17):
        text = f"{measured:.{digits}g}"
        if (float(text) > value) == (measured > value) and float(text) != value:
            return text
    return repr(measured)
