"""Components that Streamlit lacks: an editable network, a canvas, a code listing, a gallery, a button that copies."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.charts.images import data_url

HERE = Path(__file__).parent


@cache
def _component(name: str) -> Any:
    """Register a component once, from its three files in this folder."""
    return st.components.v2.component(name, html=read(f"{name}.html"), css=read(f"{name}.css"), js=read(f"{name}.js"))


def read(name: str) -> str:
    """Return the text of a file in this folder."""
    return (HERE / name).read_text(encoding="utf-8")


def gallery(pngs: Sequence[bytes], captions: Sequence[str], alt: str, key: str) -> None:
    """Draw small pictures in a row that wraps, each above its caption."""
    items = [{"source": data_url(png), "caption": text} for png, text in zip(pngs, captions, strict=True)]
    _component("gallery")(data={"items": items, "alt": alt}, key=key)


def listing(lines: Sequence[tuple[str, bool]], colour: str, key: str) -> None:
    """Draw lines of code; the lit ones stand out in ``colour``."""
    shown = [{"text": text, "lit": lit} for text, lit in lines]
    _component("listing")(data={"lines": shown, "colour": colour}, key=key)


def network_picture(
    training: tuple[int, ...],
    sizes: tuple[int, ...],
    colour: str,
    label: str,
    limits: tuple[int, int, int],
    key: str,
    on_sizes: Any,
    text: str,
) -> Any:
    """Draw a network, with fields below it in which its hidden layers can be resized, added and removed.

    ``training``: input, hidden layers and output of the network that trains; ``sizes``: the same of the settings, which
    are marked where they differ. ``limits``: least and most units of a layer, most layers. ``on_sizes`` is called after
    the learner has changed the hidden sizes; the value is the result's ``sizes``. ``text``: the hidden sizes as they were
    typed; the fields are drawn anew, without what was refused, whenever it changes.
    """
    least, most, layers = limits
    data = {
        "training": training, "sizes": sizes, "pending": training != sizes, "colour": colour, "label": label,
        "least": least, "most": most, "layers": layers, "text": text,
    }  # fmt: skip
    return _component("network")(data=data, key=key, on_sizes_change=on_sizes)


def copy_button(text: str, label: str, key: str) -> None:
    """Draw a button that copies ``text``; an address that begins with "?" is completed by that of the page."""
    _component("copy_button")(data={"text": text, "label": label}, key=key)


def canvas(drawing: str, side: int, colour: str, key: str, on_drawing: Any) -> Any:
    """Draw a canvas of ``side``² cells with brush, eraser and clear.

    ``drawing``: the painted cells as ``gan_core.data.drawing.pack`` encodes them, or an empty string. ``on_drawing`` is
    called after each stroke; the value is the result's ``drawing["cells"]``.
    """
    data = {"drawing": drawing, "side": side, "colour": colour}
    return _component("canvas")(data=data, key=key, on_drawing_change=on_drawing)
