"""Hidden sizes as a person writes them."""

from collections.abc import Iterable


def parse_sizes(text: str) -> tuple[int, ...]:
    """ "256, 512" → (256, 512). ValueError if a part is no whole number; ranges are GANConfig's to check."""
    return tuple(int(part) for part in text.replace(";", ",").split(","))


def show_sizes(sizes: Iterable[int]) -> str:
    """(256, 512) → "256, 512"."""
    return ", ".join(str(size) for size in sizes)
