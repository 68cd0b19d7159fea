"""A figure beside its bar, as a row of the table."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A measured value in ``unit`` beside its peer. ``bar``: the least allowed value, or with ``at_most`` the largest."""

    what: str
    peer: str
    value: float
    unit: str = "×"
    bar: float | None = None
    at_most: bool = False

    @property
    def holds(self) -> bool:
        if self.bar is None:
            return True
        return self.value <= self.bar if self.at_most else self.value >= self.bar


def table(figures: Sequence[Figure]) -> str:
    """Return a Markdown table."""
    head = ["| What | Figure | Bar | | Peer |", "|---|---:|---:|---|---|"]
    return "\n".join([*head, *map(_row, figures)])


def _row(figure: Figure) -> str:
    bar, verdict = "", ""
    if figure.bar is not None:
        bar = f"{'at most' if figure.at_most else 'at least'} {_number(figure.bar, figure.unit)}"
        verdict = "holds" if figure.holds else "**missed**"
    return f"| {figure.what} | {_number(figure.value, figure.unit)} | {bar} | {verdict} | {figure.peer} |"


def _number(value: float, unit: str) -> str:
    if unit == "%":
        return f"{value:.1%}"
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:,.{digits}f} {unit}"
