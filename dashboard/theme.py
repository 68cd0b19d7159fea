"""The colours of the charts, legible on light and on dark."""

GENERATOR = "#15a09b"
DISCRIMINATOR = "#8b62d6"
REAL = "#3b82e0"
MOMENT = "#d97706"  # the moment that the page shows
QUIET = "#8a93a3"


def faint(colour: str, alpha: float = 0.3) -> str:
    """Return the colour as translucent rgba, for raw values behind smoothed ones."""
    red, green, blue = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"
