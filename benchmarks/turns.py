"""Measure speeds in short alternating turns: whatever slows the machine slows all candidates."""

import statistics
import time
from collections.abc import Callable, Mapping

Candidate = Callable[[], object]  # one iteration
Rates = dict[str, list[float]]  # iterations per second, one number for each round

WARM_UP = 3  # iterations


def alternate(candidates: Mapping[str, Candidate], seconds: float, rounds: int) -> Rates:
    """Return each candidate's iterations per second in each of ``rounds`` rounds, in turns of about ``seconds``."""
    for iterate in candidates.values():
        for _ in range(WARM_UP):
            iterate()
    rates: Rates = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, iterate in candidates.items():
            rates[name].append(rate(iterate, seconds))
    return rates


def rate(iterate: Candidate, seconds: float) -> float:
    """Return iterations per second over about ``seconds``."""
    count, began = 0, time.perf_counter()
    while True:
        iterate()
        count += 1
        passed = time.perf_counter() - began
        if passed >= seconds:
            return count / passed


def ratio(rates: Rates, name: str, peer: str) -> float:
    """Return the median over the rounds of a candidate's rate divided by its peer's in the same round."""
    return statistics.median(mine / theirs for mine, theirs in zip(rates[name], rates[peer], strict=True))
