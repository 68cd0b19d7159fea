"""Text with bold, coloured and icon spans as plain data: the browser maps each span to an element and parses nothing."""

from typing import Any

from gan_core.plurals import counted
from gan_core.runs.protocol import Place

Span = dict[str, str | bool | float]


def rich_text(*spans: str | Span) -> dict[str, Any]:
    """Return the payload of one line of text; a plain string is a span without any style."""
    return {"lines": [[{"text": span} if isinstance(span, str) else span for span in spans]]}


def stacked(*texts: dict[str, Any]) -> dict[str, Any]:
    """Return the payload of several texts, one below the other."""
    return {"lines": [line for text in texts for line in text["lines"]]}


def bold(text: str) -> Span:
    return {"text": text, "bold": True}


def emphasised(text: str, tone: str = "") -> list[Span]:
    """Return spans of a text in which "**" encloses what is bold."""
    style: Span = {"tone": tone} if tone else {}
    return [
        {"text": part, **style, **({"bold": True} if number % 2 else {})}
        for number, part in enumerate(text.split("**"))
        if part
    ]


def toned(text: str, tone: str) -> Span:
    """Return a coloured span; ``tone`` is one that live.css names: "blue", "primary", "red" or "orange"."""
    return {"text": text, "tone": tone}


def icon(name: str) -> Span:
    """Return an icon by its Material Symbols name; screen readers skip it."""
    return {"icon": name}


def progress(share: float) -> Span:
    """Return a bar that is filled up to ``share``, from 0 to 1."""
    return {"progress": share}


def why(text: str) -> Span:
    """Return a longer explanation, which opens on a click."""
    return {"why": text}


def building() -> dict[str, Any]:
    """Return the hint for a run that has no snapshot yet."""
    return rich_text(icon("hourglass_top"), " Building the networks and loading the data …")


def pausing(iterations_per_second: float) -> dict[str, Any]:
    """Return that the run pauses once its present iteration ends, with how long one takes where that is long."""
    seconds = 1 / iterations_per_second if iterations_per_second else 0.0
    takes = f" An iteration takes about {seconds:.0f} s." if seconds >= 2 else ""
    return rich_text(icon("pause_circle"), f" Pauses as soon as the present iteration ends.{takes}")


def queued(place: Place) -> dict[str, Any]:
    """Return how long a run waits that has not had its first turn."""
    return rich_text(
        icon("hourglass_top"), f" Waiting for its turn: {counted(place.ahead, 'run')} ahead, about "
        f"{counted(max(1, round(place.seconds)), 'second')}. {in_turns(place)}"
    )  # fmt: skip


def in_turns(place: Place) -> str:
    """Return that runs share the server: each of them is slower than alone."""
    return f"{counted(place.runs, 'run')} train in turns here, {place.at_once} at once."


def rebuilding(iteration: int, iterations: int) -> dict[str, Any]:
    """Return how far a run is that repeats a recipe."""
    return rich_text(
        icon("replay"), f" Rebuilding the run: {iteration:,} of {iterations:,} iterations. ",
        progress(iteration / max(iterations, 1)), " ", bold("Pause"), " stops it there.",
    )  # fmt: skip


def no_run() -> dict[str, Any]:
    """Return the hint for a page without a run, whose notice says why."""
    return rich_text(icon("info"), " There is no run on this page. ", bold("Start again"), " begins one.")
