"""The dialogs in which a learner uploads their own pictures or points: choose files, preview, train."""

import time
from typing import Any

import numpy as np
import streamlit as st

from dashboard.controls.widgets import field
from dashboard.session import own_data
from dashboard.session.state import tab, value
from gan_core.config import GANConfig
from gan_core.data.own.upload import Kept, OwnKind
from gan_core.images import samples_png
from gan_core.runs.jobs import Job, JobDone, JobFailed

PREVIEWED = 48  # pictures
DEADLINE = 120.0  # seconds that reading may take: 20,000 pictures take about five
CANCELLED = JobFailed("Cancelled. Remove the files, or upload them again.")
TYPES: dict[OwnKind, list[str]] = {"own_pictures": ["png", "jpg", "jpeg", "zip"], "own_points": ["csv", "tsv", "txt"]}
INSTRUCTIONS: dict[OwnKind, str] = {
    "own_pictures": "Upload 16 to 20,000 PNG or JPEG files, or a zip of them, 50 MB in all. Each is converted to grey, cropped"
    " to its central square and scaled to the size below.",
    "own_points": "Upload a CSV with two columns, x and y: 16 to 100,000 rows, 10 MB. Both columns are scaled by the same"
    " factor, so shapes keep their proportions.",
}


def open_dialog(kind: OwnKind) -> None:
    """Open the dialog for own pictures or points."""
    title = "My own pictures" if kind == "own_pictures" else "My own points"
    st.dialog(title, width="medium", on_dismiss="rerun")(_dialog)(kind)


def _dialog(kind: OwnKind) -> None:
    st.caption(
        f"{INSTRUCTIONS[kind]} Your files stay on this server. They are deleted once you close"
        " the page and its run ends."
    )
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
        _preview(kind, outcome)


def _read(kind: OwnKind, files: list[Any]) -> Kept | JobFailed | None:
    """Read the upload once, in a process of its own, under a progress bar; return its outcome."""
    size = value("picture_size", GANConfig().picture_size)
    key = (kind, size, tuple(file.file_id for file in files))
    if key in (known := tab().upload):
        return known[key]
    placeholder = st.empty()
    job = own_data.read_upload(kind, [(file.name, file.getvalue()) for file in files], size)
    with placeholder.container(horizontal=True, vertical_alignment="center"):
        bar = st.progress(0.0, text=":small[Reading …]")
        st.button(
            "Cancel", key="own_cancel", type="tertiary", on_click=own_data.remember_outcome, args=(key, CANCELLED)
        )
    outcome = _wait(job, bar)
    own_data.remember_outcome(key, outcome)
    placeholder.empty()
    return outcome


def _wait(job: Job, bar: Any) -> Kept | JobFailed:
    """Wait for the job. Closing the dialog or a click on Cancel ends this loop, and with it the job."""
    deadline = time.monotonic() + DEADLINE
    try:
        while time.monotonic() < deadline:
            state = job.poll(0.2)
            if isinstance(state, JobDone):
                result: Kept = state.result
                return result
            if isinstance(state, JobFailed):
                return state
            share = min(state.done / state.total, 1.0) if state.total else 0.0
            bar.progress(share, text=f":small[Reading: {state.done:,} of {state.total:,} files]")
        return JobFailed(
            f"Reading took longer than {DEADLINE:.0f} seconds and was stopped. Upload fewer or smaller files."
        )
    finally:
        job.cancel()


def _preview(kind: OwnKind, kept: Kept) -> None:
    """Draw the first samples, what was left out, and the button that chooses them."""
    samples = np.load(kept.path, mmap_mode="r")
    if kind == "own_pictures":
        st.markdown(
            f"**{kept.count:,} pictures**, {samples.shape[1]}×{samples.shape[2]}. The first, as the GAN sees them:"
        )
        few = samples[:PREVIEWED].astype(np.float32) / 127.5 - 1
        st.image(samples_png(few, columns=12, scale=2), width="stretch", alt="Preview of your pictures")
    else:
        st.markdown(f"**{kept.count:,} points.** As the GAN sees them:")
        st.image(samples_png(np.array(samples[:5000])), width=300, alt="Preview of your points")
    for note in kept.notes:
        st.caption(note)
    if kept.refusals:
        with st.expander(f"Left out: {len(kept.refusals)}", icon=":material/block:"):
            st.markdown("\n".join(f"- {_escaped(sentence)}" for sentence in kept.refusals))
    if batch := own_data.smaller_batch(kept.count):
        st.caption(f"Fewer than a batch: the batch size goes down to {batch}.")
    if st.button("Train on these", key="own_train", type="primary", icon=":material/check:"):
        own_data.use_upload(kind, kept)
        st.rerun()


def _escaped(text: str) -> str:
    """Escape markdown: file names come from strangers."""
    return "".join(f"\\{character}" if character in r"\`*_{}[]()#+-.!|<>~:$" else character for character in text)
