"""Contestants in short turns, one after the other and round again: what slows the machine slows all of them."""

import statistics
import time
from collections.abc import Callable, Mapping

Contestant = Callable[[], object]  # one iteration
Rates = dict[str, list[float]]  # iterations a second, one number for each round

WARM_UP = 3  # iterations


def alternate(contestants: Mapping[str, Contestant], seconds: float, rounds: int) -> Rates:
    """Iterations a second of each contestant in each of ``rounds`` rounds, in turns of about ``seconds``."""
    for iterate in contestants.values():
        for _ in range(WARM_UP):
            iterate()
    rates: Rates = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, iterate in contestants.items():
            rates[name].append(rate(iterate, seconds))
    return rates


def rate(iterate: Contestant, seconds: float) -> float:
    """Iterations a second over about ``seconds``."""
    count, began = 0, time.perf_counter()
    while True:
        iterate()
        count += 1
        passed = time.perf_counter() - began
        if passed >= seconds:
            return count / passed


def ratio(rates: Rates, name: str, peer: str) -> float:
    """Median over the rounds of one contestant's rate by its peer's in the same round."""
    return statistics.median(mine / theirs for mine, theirs in zip(rates[name], rates[peer], strict=True))
