"""Measure time spent training and iterations per second."""

from collections import deque


class Speedometer:
    """``seconds``: total time spent training. ``per_second``: iterations per second over the last second of it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._recent: deque[tuple[float, int]] = deque()  # (seconds, iteration)

    def restart(self) -> None:
        """Forget the last second, as after a pause."""
        self._recent.clear()

    def add(self, seconds: float, iteration: int) -> None:
        """Add ``seconds`` of training that ended at ``iteration``."""
        self.seconds += seconds
        self._recent.append((self.seconds, iteration))
        while self._recent[0][0] < self.seconds - 1:
            self._recent.popleft()

    @property
    def per_second(self) -> float:
        if len(self._recent) < 2:
            return 0.0
        (first_time, first), (last_time, last) = self._recent[0], self._recent[-1]
        return (last - first) / max(last_time - first_time, 1e-9)
