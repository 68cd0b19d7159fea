"""Live places: mounted once by a run of the page, then only told what is new, by the page's script.

What draws is served as static files: inside a component it would travel with each of its changes.
"""

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import plotly
import streamlit as st

from dashboard.components import HERE, read

STATIC = HERE.parent / "static"
MODULES = ("live.js", "plot.js", "picture.js", "words.js")


def plot(part: bytes, name: str, key: str, height: int, square: bool = False) -> None:
    """Draw a figure, plotly.js's JSON, or change the drawn one in place: one mount, zoom and legend kept.

    ``name`` is the file name of the chart's PNG export, and its label for a screen reader. ``height`` in pixels; a
    ``square`` one is lower where it has less width.
    """
    data = _envelope({"follows": key, "name": name, "square": square}, part)
    _component("plot")(data=data, key=key, height="content" if square else height)


def picture(part: bytes, key: str, follows: str = "", rows: int = 0) -> None:
    """Show a picture, or put another in its place. ``part``: as ``dashboard.parts.picture_part`` makes it.

    ``follows``: the live part that it shows, if that is another than its own. ``rows``: how many pixel rows of it, from
    above; 0 is all.
    """
    _component("picture")(data=_envelope({"follows": follows or key, "rows": rows}, part), key=key)


def words(part: bytes, key: str, small: bool = False) -> None:
    """Text: **bold**, :material/icon:, :blue[colour], and two blanks at the end of a line."""
    _component("words")(data=_envelope({"follows": key, "small": small}, part), key=key)


def status_words(part: bytes, follow: dict[str, Any] | None, key: str) -> None:
    """Small text at the right, and with it what the page's script is to follow from now on; None: nothing.

    ``follow``: "address", below the page's own; "every", seconds between two questions, None for as long as nothing
    changes. When an answer says so, the whole page runs again.
    """
    settings = {"follows": key, "small": True, "right": True, "follow": follow}
    _component("words")(data=_envelope(settings, part), key=key, on_again_change=_nothing)


def _nothing() -> None:
    """A trigger needs a callback; that the page runs again is all that is wanted."""


def _envelope(settings: dict[str, Any], part: bytes) -> bytes:
    """Plain bytes, the settings first and their length before them: inside JSON a part would be a third longer."""
    head = json.dumps(settings).encode()
    return len(head).to_bytes(4, "big") + head + part


@cache
def _component(name: str) -> Any:
    """Registered once. Its own script only calls for the module of this name."""
    _serve_files()
    script = (
        f'const source = new URL("app/static/{name}.js", document.baseURI).href;\n'
        "export default (component) => { import(source).then((module) => module.default(component)); };"
    )
    return st.components.v2.component(
        f"live_{name}", html=f'<div class="live {name}"></div>', css=read("live.css"), js=script, isolate_styles=False
    )


@cache
def _serve_files() -> None:
    """Put the installed plotly's own plotly.js, and the modules, where Streamlit serves files from."""
    _serve(Path(plotly.__file__).parent / "package_data" / "plotly.min.js")
    for name in MODULES:
        _serve(HERE / "live_modules" / name)


def _serve(source: Path) -> None:
    target = STATIC / source.name
    if not target.exists() or target.stat().st_size != source.stat().st_size or _newer(source, target):
        STATIC.mkdir(exist_ok=True)
        partial = target.with_suffix(".partial")
        shutil.copyfile(source, partial)
        partial.replace(target)


def _newer(source: Path, target: Path) -> bool:
    return source.stat().st_mtime > target.stat().st_mtime
