"""The dialogs in which a learner brings pictures or points of their own: upload, preview, train."""

import time
from typing import Any

import numpy as np
import streamlit as st

from dashboard import session
from dashboard.controls.widgets import field
from gan_core.data.own.upload import Kept, OwnKind
from gan_core.data.prepared import Progress
from gan_core.images import samples_png
from gan_core.runs.jobs import Job, JobDone, JobFailed

PREVIEW = 48  # pictures
LONGEST = 120.0  # seconds that reading may take: 20,000 pictures take about five
TYPES: dict[OwnKind, list[str]] = {"own_pictures": ["png", "jpg", "jpeg", "zip"], "own_points": ["csv", "tsv", "txt"]}
ASK: dict[OwnKind, str] = {
    "own_pictures": "16 to 20,000 pictures: PNG or JPEG files, or a zip of them, 50 MB together. Each is made grey and square"
    " (its middle is kept) and brought to the size below.",
    "own_points": "A CSV of two columns, x and y: 16 to 100,000 rows, 10 MB. One factor for both brings them into the plane,"
    " so shapes keep their proportions.",
}


@st.dialog("My own pictures", width="medium", on_dismiss="rerun")
def pictures() -> None:
    """Upload, choose the size, look, train."""
    _dialog("own_pictures")


@st.dialog("My own points", width="medium", on_dismiss="rerun")
def points() -> None:
    """Upload, look, train."""
    _dialog("own_points")


def _dialog(kind: OwnKind) -> None:
    st.caption(f"{ASK[kind]} Files stay on this server, and no longer than the run that uses them.")
    many: Any = kind == "own_pictures"  # Streamlit's overloads want the literal
    files = st.file_uploader(
        "Files", type=TYPES[kind], accept_multiple_files=many, key=f"upload_{kind}", label_visibility="collapsed"
    )
    if kind == "own_pictures":
        field("picture_size")
    chosen = files if isinstance(files, list) else [files] if files is not None else []
    if not chosen:
        return
    outcome = _read(kind, chosen)
    if isinstance(outcome, JobFailed):
        st.error(outcome.message, icon=":material/error:")
    elif outcome is not None:
        _offer(kind, outcome)


def _read(kind: OwnKind, files: list[Any]) -> Kept | JobFailed | None:
    """What the upload gives; read once, in a process of its own, while a bar shows how far it is."""
    size = session.picture_size()
    key = (kind, size, tuple(file.file_id for file in files))
    known = session.gathered(key)
    if known is not None:
        return known
    place = st.empty()
    preparation = session.gather(kind, [(file.name, file.getvalue()) for file in files], size)
    with place.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, text=":small[Reading …]")
        st.button(
            "Cancel", key="own_cancel", type="tertiary", on_click=session.remember_gathered, args=(key, CALLED_OFF)
        )
    outcome = _wait(preparation, bar)
    session.remember_gathered(key, outcome)
    place.empty()
    return outcome


CALLED_OFF = JobFailed("Called off. Remove the files, or upload them again.")


def _wait(preparation: Job, bar: Any) -> Kept | JobFailed:
    """Blocks this dialog alone; closing it or a click on Cancel ends this very loop, and with it the reading."""
    deadline = time.monotonic() + LONGEST
    try:
        while time.monotonic() < deadline:
            state = preparation.poll(0.2)
            if isinstance(state, JobDone):
                result: Kept = state.result
                return result
            if isinstance(state, JobFailed):
                return state
            bar.progress(_share(state), text=f":small[Reading: {state.done:,} of {state.total:,} files]")
        return JobFailed(
            f"Reading took longer than {LONGEST:.0f} seconds and was stopped: bring fewer or smaller files."
        )
    finally:
        preparation.cancel()


def _share(progress: Progress) -> float:
    return min(progress.done / progress.total, 1.0) if progress.total else 0.0


def _offer(kind: OwnKind, kept: Kept) -> None:
    """The preview, what was left out, and the button."""
    samples = np.load(kept.path, mmap_mode="r")
    if kind == "own_pictures":
        st.markdown(
            f"**{kept.count:,} pictures**, {samples.shape[1]}×{samples.shape[2]}. The first, as the GAN sees them:"
        )
        few = samples[:PREVIEW].astype(np.float32) / 127.5 - 1
        st.image(samples_png(few, columns=12, scale=2), width="stretch", alt="Preview of your pictures")
    else:
        st.markdown(f"**{kept.count:,} points.** As the GAN sees them:")
        st.image(samples_png(np.array(samples[:5000])), width=300, alt="Preview of your points")
    for note in kept.notes:
        st.caption(note)
    if kept.refusals:
        with st.expander(f"Left out: {len(kept.refusals)}", icon=":material/block:"):
            st.markdown("\n".join(f"- {_literally(sentence)}" for sentence in kept.refusals))
    if session.too_few_for_batch(kept.count):
        st.caption(f"Fewer than a batch: the batch size goes down to {session.batch_for(kept.count)}.")
    if st.button("Train on these", key="own_train", type="primary", icon=":material/check:"):
        session.use_own(kind, kept)
        st.rerun()


def _literally(text: str) -> str:
    """A stranger's file names as text, and not as markdown."""
    return "".join(f"\\{character}" if character in r"\`*_{}[]()#+-.!|<>~:$" else character for character in text)
