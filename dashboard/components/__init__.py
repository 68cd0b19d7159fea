"""The page's components: live charts and pictures that change in place, an editable network, a loop with lit lines."""

import base64
import json
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import plotly
import streamlit as st

HERE = Path(__file__).parent
STATIC = HERE.parent / "static"


@cache
def _plot_component() -> Any:
    """Registered once. What draws is served as static files: inside the component it would travel at every tick."""
    _serve_plotly()
    return st.components.v2.component(
        "live_plot", html='<div class="plot"></div>', css=_read("plot.css"), js=_read("plot.js"), isolate_styles=False
    )


@cache
def _picture_component() -> Any:
    return st.components.v2.component("live_picture", html="<img>", css=_read("picture.css"), js=_read("picture.js"))


@cache
def _gallery_component() -> Any:
    return st.components.v2.component("gallery", css=_read("gallery.css"), js=_read("gallery.js"))


@cache
def _listing_component() -> Any:
    return st.components.v2.component("lit_listing", css=_read("listing.css"), js=_read("listing.js"))


@cache
def _network_component() -> Any:
    return st.components.v2.component("network_picture", css=_read("network.css"), js=_read("network.js"))


@cache
def _canvas_component() -> Any:
    return st.components.v2.component("drawing_canvas", css=_read("canvas.css"), js=_read("canvas.js"))


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


def _serve_plotly() -> None:
    """Put the installed plotly's own plotly.js, and the module that uses it, where Streamlit serves files from."""
    _serve(Path(plotly.__file__).parent / "package_data" / "plotly.min.js")
    _serve(HERE / "plot_module.js")


def _serve(source: Path) -> None:
    target = STATIC / source.name
    if not target.exists() or target.stat().st_size != source.stat().st_size or _newer(source, target):
        STATIC.mkdir(exist_ok=True)
        partial = target.with_suffix(".partial")
        shutil.copyfile(source, partial)
        partial.replace(target)


def _newer(source: Path, target: Path) -> bool:
    return source.stat().st_mtime > target.stat().st_mtime


def plot(figure_json: str, name: str, key: str, height: int, square: bool = False) -> None:
    """Draw a figure, or change the drawn one in place: one mount, zoom and legend kept.

    ``name`` is the file name of the chart's PNG export, and its label for a screen reader. ``height`` in pixels; a
    ``square`` one is lower where it has less width.
    """
    head = json.dumps({"name": name, "square": square})
    # Bytes and no text: a figure inside a JSON string would have each of its quotation marks escaped.
    data = f'{head[:-1]}, "figure": {figure_json}}}'.encode()
    _plot_component()(data=data, key=key, height="content" if square else height)


def picture(png: bytes, alt: str, key: str) -> None:
    """Show a picture, or put another in its place. ``alt`` says it in words.

    Both travel as plain bytes, the words first and their length before them: base64 would add a third at every tick.
    """
    words = alt.encode()
    _picture_component()(data=len(words).to_bytes(2, "big") + words + png, key=key)


def gallery(pngs: Sequence[bytes], captions: Sequence[str], alt: str, key: str) -> None:
    """Small pictures in a row that wraps, each over its caption."""
    items = [{"source": _address(png), "caption": text} for png, text in zip(pngs, captions, strict=True)]
    _gallery_component()(data={"items": items, "alt": alt}, key=key)


def listing(lines: Sequence[tuple[str, bool]], colour: str, key: str) -> None:
    """A piece of code, line by line; the lit ones stand out in ``colour``."""
    shown = [{"text": text, "lit": lit} for text, lit in lines]
    _listing_component()(data={"lines": shown, "colour": colour}, key=key)


def _address(png: bytes) -> str:
    """A picture inside an address: nothing is fetched."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


def network_picture(
    sizes: tuple[int, ...], colour: str, label: str, limits: tuple[int, int, int], key: str, on_sizes: Any
) -> Any:
    """Draw a network whose hidden layers can be widened, added and removed in the picture.

    ``sizes``: input, hidden layers, output. ``limits``: least and most units of a layer, most layers.
    ``on_sizes`` is called when the learner has changed the hidden sizes; the value is the result's ``sizes``.
    """
    least, most, layers = limits
    data = {"sizes": list(sizes), "colour": colour, "label": label, "least": least, "most": most, "layers": layers}
    return _network_component()(data=data, key=key, on_sizes_change=on_sizes)


def canvas(drawing: str, side: int, colour: str, key: str, on_drawing: Any) -> Any:
    """A square of ``side``² cells to draw on, with brush, eraser and clear.

    ``drawing``: the painted cells as ``gan_core.data.drawing.pack`` writes them, or nothing. ``on_drawing`` is called
    after each stroke; the value is the result's ``drawing["cells"]``.
    """
    data = {"drawing": drawing, "side": side, "colour": colour}
    return _canvas_component()(data=data, key=key, on_drawing_change=on_drawing)
