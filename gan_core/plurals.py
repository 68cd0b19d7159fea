"""Numbers with their nouns."""


def counted(count: int, noun: str) -> str:
    """Return a number with its noun: "1 image", "1,500 iterations"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
