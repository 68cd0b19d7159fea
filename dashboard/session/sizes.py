"""Hidden sizes ↔ text."""

from collections.abc import Iterable


def parse_sizes(text: str) -> tuple[int, ...]:
    """Read "256, 512" as (256, 512). ValueError if a size is no whole number; GANConfig checks the ranges."""
    return tuple(int(part) for part in text.replace(";", ",").split(","))


def show_sizes(sizes: Iterable[int]) -> str:
    """Write (256, 512) as "256, 512"."""
    return ", ".join(str(size) for size in sizes)
