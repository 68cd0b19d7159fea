"""Live panels: a run of the page mounts each once, then the page's script draws newer payloads into it.

The scripts that draw are files of the server: inside a component they would travel with each of its changes.
"""

import time
from functools import cache
from typing import Any

import streamlit as st

from dashboard.components import HERE, read
from dashboard.panels.base import Payload

MODULES = HERE / "live_modules"


def dated(payload: Payload) -> Payload:
    """Add to a payload when the page was drawn.

    Streamlit's frontend calls no component whose data equals its last data. After a reset a panel's payload can equal the
    one that the page was last drawn with, while the panel shows a newer one from the page's script.
    """
    return {**payload, "drawn": time.time_ns()}


def plot(payload: Payload, name: str, key: str, height: str, square: bool = False) -> None:
    """Draw a figure, or change the drawn one in place: its zoom and hidden traces stay.

    ``payload``: plotly.js's "data" and "layout". ``name`` is the file name of the chart's PNG export and its label for a
    screen reader. ``height`` as CSS; a ``square`` plot is lower where it has less width.
    """
    data = {"panel": key, "name": name, "height": height, "square": square, "payload": payload}
    _component("plot")(data=data, key=key, height="content")


def image(payload: Payload, key: str, source: str = "", rows: int = 0) -> None:
    """Draw an image, or replace the drawn one without flicker. ``payload``: "alt" and "src".

    ``source``: the panel whose payloads it shows, if not its own. ``rows``: show this many pixel rows from the top; 0 shows
    all.
    """
    _component("image")(data={"panel": source or key, "rows": rows, "payload": payload}, key=key)


def text(payload: Payload, key: str, small: bool = False) -> None:
    """Draw text as ``dashboard.charts.rich_text`` makes it."""
    _component("text")(data={"panel": key, "small": small, "payload": payload}, key=key)


def cells(payload: Payload, key: str) -> None:
    """Light the cells of the model that ``payload`` names, with "backward" against the flow of data."""
    _component("cells")(data={"panel": key, "payload": payload}, key=key)


def time_slider(payload: Payload, key: str, on_branch: Any) -> Any:
    """Draw the slider over the kept moments; ``on_branch`` is called once the result's ``branch`` is an iteration."""
    return _component("time")(data={"panel": key, "payload": payload}, key=key, on_branch_change=on_branch)


def status(payload: Payload, follow: dict[str, Any] | None, key: str) -> None:
    """Draw small text at the right, and have the page's script ask for updates from now on.

    ``follow``: what ``dashboard.live.watch.follow`` returns; None if there is no run. The whole page runs again when
    answers say that its layout is out of date.
    """
    data = {"panel": key, "small": True, "right": True, "follow": follow, "payload": payload}
    _component("text")(data=data, key=key, on_redraw_change=lambda: None)  # a trigger needs a callback


@cache
def _component(name: str) -> Any:
    """Register a component once. Its inline script only imports the module of this name."""
    script = (
        f'const source = new URL("modules/{name}.js", document.baseURI).href;\n'
        "export default (component) => { import(source).then((module) => module.default(component)); };"
    )
    return st.components.v2.component(
        f"live_{name}", html=f'<div class="live {name}"></div>', css=read("live.css"), js=script, isolate_styles=False
    )
