"""The dialogs in which a learner uploads their own pictures or points: choose files, preview, train."""

import time
from typing import Any

import numpy as np
import streamlit as st

from dashboard.controls.widgets import escaped, field
from dashboard.session import own_data
from dashboard.session.state import tab, value
from dashboard.session.tab import Columns, UploadKey
from gan_core.config import GANConfig
from gan_core.data import DATASETS
from gan_core.data.own.images import EXTENSIONS, MOST_PICTURES, READABLE
from gan_core.data.own.points import MAX_CSV, MOST_POINTS, column_name
from gan_core.data.own.refusals import FEWEST, MAX_UPLOAD, MIB, megabytes
from gan_core.data.own.upload import Kept, OwnKind
from gan_core.images import samples_png
from gan_core.plurals import counted
from gan_core.runs.jobs import Job, JobDone, JobFailed

PREVIEWED, PREVIEWED_POINTS = 48, 5000
LEFT_OUT: dict[OwnKind, str] = {"own_pictures": "file", "own_points": "line"}
DEADLINE = 120.0  # seconds that reading may take: 20,000 pictures take about five
CANCELLED = JobFailed("Cancelled. Remove the files, or upload them again.")
TYPES: dict[OwnKind, list[str]] = {"own_pictures": [*EXTENSIONS, "zip"], "own_points": ["csv", "tsv", "txt", "dat"]}
LIMITS: dict[OwnKind, int] = {"own_pictures": MAX_UPLOAD, "own_points": MAX_CSV}  # bytes
INSTRUCTIONS: dict[OwnKind, str] = {
    "own_pictures": f"Upload {FEWEST} to {MOST_PICTURES:,} pictures ({READABLE}), or a zip of them, at most"
    f" {megabytes(MAX_UPLOAD)} together. Each is converted to grey, cropped to its central square and scaled to the size"
    " below.",
    "own_points": f"Upload a CSV, TSV or TXT file with a column for x and one for y: {FEWEST} to {MOST_POINTS:,} rows, at"
    f" most {megabytes(MAX_CSV)}. Both columns are scaled by the same factor, so shapes keep their proportions.",
}
# Streamlit's line gives the limit of a single file; the instructions give the one that holds.
STYLE = '<style>[data-testid="stFileUploaderDropzoneInstructions"] {display: none}</style>'


def open_dialog(kind: OwnKind) -> None:
    """Open the dialog for own pictures or points."""
    st.dialog(DATASETS[kind].title, width="medium", on_dismiss="rerun")(_dialog)(kind)


def _dialog(kind: OwnKind) -> None:
    st.html(STYLE)
    st.caption(INSTRUCTIONS[kind])
    many: Any = kind == "own_pictures"  # Streamlit's overloads want the literal
    files = st.file_uploader(
        "Files", type=TYPES[kind], accept_multiple_files=many, key=f"upload_{kind}", label_visibility="collapsed",
        max_upload_size=LIMITS[kind] // MIB,
    )  # fmt: skip
    st.caption(
        "Your files stay on this server and are deleted with the run that trains on them. Until one does, a reload of the"
        " page loses them."
    )
    if kind == "own_pictures":
        field("picture_size")
    chosen = files if isinstance(files, list) else [files] if files is not None else []
    if not chosen:
        return
    outcome = _read(kind, chosen)
    if isinstance(outcome, Kept) and len(outcome.columns) > 2:
        outcome = _read(kind, chosen, _choose_columns(outcome, chosen[0].file_id))
    if isinstance(outcome, JobFailed):
        st.error(outcome.message, icon=":material/error:")
    else:
        _preview(kind, outcome)


def _read(kind: OwnKind, files: list[Any], columns: Columns | None = None) -> Kept | JobFailed:
    """Read the upload once, in a process of its own, under a progress bar; return its outcome."""
    size = value("picture_size", GANConfig().picture_size)
    key = UploadKey(tuple(file.file_id for file in files), kind, size, columns)
    if key in (known := tab().upload):
        return known[key]
    placeholder = st.empty()
    job = own_data.read_upload(kind, [(file.name, file.getvalue()) for file in files], size, columns)
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
            if state.total:
                files = counted(state.total, "file")
                bar.progress(min(state.done / state.total, 1.0), text=f":small[Reading: {state.done:,} of {files}]")
        return JobFailed(
            f"Reading took longer than {DEADLINE:.0f} seconds and was stopped. Upload fewer or smaller files."
        )
    finally:
        job.cancel()


def _preview(kind: OwnKind, kept: Kept) -> None:
    """Draw the first samples, what was left out, and the button that chooses them."""
    samples = np.load(kept.path, mmap_mode="r")
    if kind == "own_pictures":
        shown = "The first" if kept.count > PREVIEWED else "All of them"
        size = f"{samples.shape[1]}×{samples.shape[2]}"
        st.markdown(f"**{kept.count:,} pictures**, {size}. {shown}, as the GAN sees them:")
        few = samples[:PREVIEWED].astype(np.float32) / 127.5 - 1
        st.image(samples_png(few, columns=12, scale=2), width="stretch", alt="Preview of your pictures")
        _describe(kept)
    else:
        shown = "The first, as" if kept.count > PREVIEWED_POINTS else "As"
        st.markdown(f"**{kept.count:,} points.** {shown} the GAN sees them:")
        image, description = st.columns(2)
        image.image(samples_png(np.array(samples[:PREVIEWED_POINTS])), width=300, alt="Preview of your points")
        with description:
            _describe(kept)
    if kept.refusals:
        with st.expander(f"Left out: {counted(kept.refused, LEFT_OUT[kind])}", icon=":material/block:"):
            st.markdown("\n".join(f"- {escaped(sentence)}" for sentence in kept.refusals))
    if batch := own_data.smaller_batch_for(kept):
        st.caption(f"There are fewer samples than a batch has: the batch size becomes {batch}.")
    if st.button("Train on these", key="own_train", type="primary", icon=":material/check:"):
        own_data.use_upload(kind, kept)
        st.rerun()


def _describe(kept: Kept) -> None:
    for warning in kept.warnings:
        st.warning(escaped(warning), icon=":material/warning:")
    for note in kept.notes:
        st.caption(escaped(note))


def _choose_columns(kept: Kept, file_id: str) -> Columns | None:
    """Draw the choice of the columns for x and y; None if they are those that were taken without it."""
    names = {column.index: column_name(column) for column in kept.columns}
    indices = list(names)
    x, y = (
        place.selectbox(
            f"Column for {axis}", indices, indices.index(taken), names.__getitem__, key=f"column_{axis}_{file_id}"
        )
        for place, axis, taken in zip(st.columns(2), "xy", kept.chosen, strict=True)
    )
    return None if (x, y) == kept.chosen else (x, y)
