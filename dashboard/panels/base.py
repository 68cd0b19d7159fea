"""What a live panel is. No streamlit here: a browser's request for updates is answered with the same payloads."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from dashboard.charts.lines import Axes
from dashboard.charts.points import SHOWN_FIRST
from gan_core.config import GANConfig
from gan_core.snapshot import Snapshot

Payload = dict[str, Any]
Shape = tuple[int, ...]
Kind = Literal["plot", "image", "text", "cells", "time"]
Place = Literal["strip", "data cell", "discriminator cell", "wide charts", "charts", "samples", "below"]

SHAPE: Shape = (28, 28)  # of a sample, until the run reports its own


@dataclass(frozen=True)
class ViewOptions:
    """How the learner wants to see a run: the charts' axes, and the layers of 2-D data."""

    axes: Axes = field(default_factory=Axes)
    layers: tuple[str, ...] = SHOWN_FIRST


def for_points(shape: Shape) -> bool:
    """Return whether samples are points of 2-D data."""
    return shape == (2,)


def for_images(shape: Shape) -> bool:
    """Return whether samples are images."""
    return len(shape) == 2


@dataclass(frozen=True)
class Panel:
    """One live panel of the Train page: drawn by a script run, and updated while the run trains.

    ``key``: of the component, and of the payload in an answer. ``title``: markdown, for a plot also the name of its PNG
    export. ``place``: where on the page. ``payload``: what the browser draws. ``shown``: for which shape of samples.
    ``caption``: how to read it, under these settings. ``height``: of a plot, and of any skeleton, in pixels, at least;
    ``share``: of the room that page.css leaves to charts and samples, where that is more. A ``square`` plot is as high as
    it is wide, if that fits. ``takes_turns``: each answer updates only one of these panels, because drawing
    them is the most expensive thing that a browser does. ``updated``: False if its payload stays the same for a
    run's life.
    ``source``: the key of the panel whose payloads it shows, of which only the top row.
    """

    key: str
    title: str
    kind: Kind
    place: Place
    payload: Callable[[Snapshot, ViewOptions], Payload]
    shown: Callable[[Shape], bool] = lambda shape: True
    caption: Callable[[GANConfig], str] = lambda config: ""
    height: int = 200
    share: float = 1.0
    square: bool = False
    small: bool = False
    takes_turns: bool = False
    updated: bool = True
    source: str = ""

    @property
    def css_height(self) -> str:
        """The height of a plot, as CSS."""
        return f"max({self.height}px, calc(var(--room) * {self.share:g}))"
