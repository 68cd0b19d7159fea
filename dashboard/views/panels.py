"""The lower half of the Train page: charts beside pictures, or beside the plane where samples are points."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from dashboard.charts.points import LAYERS, SHOWN_FIRST
from dashboard.session import commands
from gan_core.config import GANConfig
from gan_core.losses import LOSSES

SCORES_NOTE = "What D says on average{kind}: of real samples, and of fakes before and after G's step."
PLANE_NOTE = (
    "Ground: :blue[blue] where D says real, :primary[teal] where it says fake. G's sheet is a lattice of noise as G bends it;"
    " :violet[arrows] show where D's gradient sends each fake."
)

Panels = dict[str, Any]


def draw(points: bool, larger: Callable[[], None]) -> Panels:
    """Make the panels; gives back the places in them by name, to be filled live."""
    return _around_the_plane() if points else _beside_pictures(larger)


def _beside_pictures(larger: Callable[[], None]) -> Panels:
    grid = st.grid(3, min_column_width=300, gap="small")
    made: Panels = {}
    with grid.cell(column_span=2):
        for column, name in zip(st.columns(2), ("losses", "scores"), strict=True):
            with column:
                _chart(made, name)
    with grid.cell(), st.container(border=True, gap="xxsmall", height="stretch"):
        with _head("Pictures"):
            _fresh_noise()
            if st.button("Larger", key="larger", type="tertiary", icon=":material/open_in_full:"):
                larger()
        for column, name, title in zip(
            st.columns(2), ("fakes", "reals"), (":primary[Fakes], same noise", ":blue[Real]"), strict=True
        ):
            with column:
                st.markdown(f":small[{title}]")
                made[name] = st.container()
        st.caption(
            "Each place keeps its noise, so you watch one picture grow. BatchNorm uses its running statistics here."
        )
    return made


def _around_the_plane() -> Panels:
    grid = st.grid(2, min_column_width=300, gap="small")
    made: Panels = {}
    with grid.cell(), st.container(border=True, gap="xxsmall", height="stretch"):
        with _head("The plane"):
            _fresh_noise()
        st.pills(
            "Layers", list(LAYERS), selection_mode="multi", default=SHOWN_FIRST, format_func=LAYERS.__getitem__,
            key="layers", label_visibility="collapsed", persist_state="session",
        )  # fmt: skip
        made["plane"], made["measures"] = st.container(), st.container()
        st.caption(PLANE_NOTE)
    with grid.cell(), st.container(gap="small"):
        for name in ("losses", "scores"):
            _chart(made, name)
    return made


def _head(title: str) -> Any:
    row = st.container(horizontal=True, vertical_alignment="center")
    row.markdown(f"**{title}**")
    return row


def _fresh_noise() -> None:
    st.button(
        "Fresh noise", key="fresh_noise", on_click=commands.fresh_noise, type="tertiary", icon=":material/refresh:"
    )


def _chart(made: Panels, name: str) -> None:
    with st.container(border=True, gap="xxsmall", height="stretch"):
        with _head(name.capitalize()):
            if name == "losses":
                _axes()
        made[f"{name}_note"], made[name] = st.container(), st.container()


def _axes() -> None:
    st.segmented_control(
        "Axes", ("log x", "log y"), selection_mode="multi", key="axes", label_visibility="collapsed",
        help="Logarithmic axes; both off is linear. log x is for both charts, log y for the losses.",
    )  # fmt: skip


def notes(panels: Panels, config: GANConfig) -> None:
    """One line under each chart's title that says how to read it under this loss."""
    loss = LOSSES[config.loss]
    panels["losses_note"].caption(loss.reading)
    kind = ", as a probability" if loss.is_probability else ", as its raw output"
    panels["scores_note"].caption(SCORES_NOTE.format(kind=kind))
