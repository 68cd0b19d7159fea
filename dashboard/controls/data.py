"""What goes with the data set on its card: the classes of a labelled set, the canvas, the learner's own files."""

from functools import partial
from typing import Any

import streamlit as st

from dashboard import own_data, session, theme
from dashboard.components import canvas
from dashboard.controls.widgets import field
from gan_core.config import GANConfig
from gan_core.data import DATASETS, OWN, Source
from gan_core.data.drawing import SIDE
from gan_core.snapshot import Snapshot


def chosen() -> Source:
    """The source of the data set that is chosen."""
    return DATASETS[session.value("dataset", GANConfig().dataset)]


def card() -> Any:
    """The data set and what belongs to it; gives back the place for how far its preparing is."""
    field("dataset", on_change=session.choose_dataset)
    progress = st.container(gap="xxsmall")
    if session.value("dataset") in OWN:
        _own()
    if chosen().classes:
        with st.popover(_classes_words(), icon=":material/filter_alt:", width="stretch"):
            field("classes")
            st.caption("The generator then learns these alone. The samples themselves stay as they are.")
    return progress


def samples() -> Any:
    """The place for a few samples; None where the learner paints the real ones there."""
    if session.value("dataset") != "drawn":
        return st.container(gap="xxsmall")
    st.markdown(":small[:blue[Real, x]: paint it here]")
    canvas(
        drawing=session.value("drawing", ""), side=SIDE, colour=theme.REAL, key="canvas",
        on_drawing=partial(session.edit_drawing, "canvas"),
    )  # fmt: skip
    return None


def _own() -> None:
    """The button that opens the dialog; it opens by itself the first time."""
    of_pictures = session.value("dataset") == "own_pictures"
    clicked = st.button(
        "Choose pictures" if of_pictures else "Choose points", key="own_choose", icon=":material/upload:",
        width="stretch",
    )  # fmt: skip
    if session.opens_own() or clicked:
        (own_data.pictures if of_pictures else own_data.points)()


def _classes_words() -> str:
    names, picked = chosen().classes, session.value("classes") or ()
    if not picked:
        return f"All {len(names)} classes"
    words = ", ".join(names[number] for number in sorted(picked))
    return f"Only {words}" if len(words) <= 14 else f"{len(picked)} of {len(names)} classes"


def filter_words(snapshot: Snapshot | None) -> None:
    """How many samples a filter on classes has left."""
    if snapshot is not None and snapshot.config.classes:
        st.caption(f"The run trains on {snapshot.dataset_count:,} of its samples.")


def progress_controls() -> None:
    """Below the bar: call the preparing off or, where it failed, try it again."""
    if session.progress() is not None:
        st.button("Cancel", key="call_off", icon=":material/close:", type="tertiary", on_click=session.call_off)
    elif session.unprepared():
        st.button("Try again", key="try_again", icon=":material/refresh:", type="tertiary", on_click=session.try_again)


def progress_bar() -> None:
    """How far the preparing is; nothing where it has just ended."""
    progress = session.progress()
    if progress is None:
        st.empty()
        return
    share = progress.done / progress.total if progress.total else 0.0
    amount = f": {_amount(progress.done)} of {_amount(progress.total)}" if progress.total else " …"
    st.progress(min(share, 1.0), text=f":small[{progress.words}{amount}]")


def _amount(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
