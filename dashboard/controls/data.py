"""The data card: the dataset, its classes, the drawing canvas, the learner's own files."""

from functools import partial

import streamlit as st

from dashboard import theme
from dashboard.components import canvas
from dashboard.controls.own_data_dialog import open_dialog
from dashboard.controls.widgets import field
from dashboard.live.watch import TICK
from dashboard.session import datasets
from dashboard.session.run import PageState
from dashboard.session.settings import edit_drawing
from dashboard.session.state import tab, value
from gan_core.config import GANConfig
from gan_core.data import DATASETS, OWN
from gan_core.data.drawing import SIDE
from gan_core.snapshot import Snapshot


def card(state: PageState) -> None:
    """Draw the dataset's widget, beside it the button for the learner's own files where they are the dataset."""
    with st.container(horizontal=True, wrap=False, gap="xxsmall"):
        field("dataset", on_change=datasets.choose_dataset, hidden=True)
        if value("dataset") in OWN:
            _own_data()


def classes(snapshot: Snapshot | None) -> None:
    """Draw the choice of classes, for a dataset that has some, and how many samples the run trains on."""
    if DATASETS[value("dataset", GANConfig().dataset)].classes:
        field("classes")
        if snapshot is not None:
            st.caption(f"This run trains on {snapshot.dataset_count:,} samples.")


def drawing_canvas() -> None:
    """Draw the canvas on which the learner paints the real samples, for the dataset that has one."""
    if value("dataset") != "drawn":
        return
    canvas(
        drawing=value("drawing", ""), side=SIDE, colour=theme.REAL, key="canvas",
        on_drawing=partial(edit_drawing, "canvas"),
    )  # fmt: skip


def _own_data() -> None:
    """Draw the button that opens the dialog, which opens by itself the first time; the stylesheet hides its label."""
    label = _choose_label()
    clicked = st.button(label, key="own_choose", icon=":material/upload:", help=label)
    here, kind = tab(), value("dataset")
    opens, here.opens_own_data = here.opens_own_data, False
    if opens or clicked:
        open_dialog(kind)


def choose_own() -> None:
    """Draw the button that opens the dialog, beside the sentence that there are no files yet."""
    if value("dataset") in OWN and not value("own_data"):
        label, here = _choose_label(), tab()
        open_it = partial(setattr, here, "opens_own_data", True)
        st.button(label, key="own_choose_first", icon=":material/upload:", type="tertiary", on_click=open_it)


def _choose_label() -> str:
    return "Choose pictures" if value("dataset") == "own_pictures" else "Choose points"


def cancel_download() -> None:
    """Draw the button that cancels the download."""
    st.button(
        "Cancel", key="cancel_download", icon=":material/close:", type="tertiary", on_click=datasets.cancel_download
    )


def try_again() -> None:
    """Draw the button that tries a failed download again, where there is one."""
    if value("dataset") in (failed := tab().failed_download):
        st.button("Try again", key="try_again", icon=":material/refresh:", type="tertiary", on_click=failed.clear)


@st.fragment(run_every=TICK)
def download_progress() -> None:
    """Draw how far the dataset's download is, and run the whole page again when it has ended."""
    progress = datasets.download_progress()
    if progress is None:
        st.rerun()
    else:
        done, total = progress.done / 1e6, progress.total / 1e6
        share, amount = (done / total, f": {done:.1f} MB of {total:.1f} MB") if total else (0.0, " …")
        st.progress(min(share, 1.0), text=f":small[{progress.description}{amount}]")
