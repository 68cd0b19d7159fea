"""Downloads: the generator, the code that loads it, the run as a script, the metrics, charts and samples."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from dashboard.charts.document import charts_document
from dashboard.charts.table import metrics_csv, metrics_parquet
from dashboard.controls.widgets import escaped
from dashboard.panels.losses import losses
from dashboard.panels.scores import scores
from dashboard.session import commands
from dashboard.session.run import explaining
from dashboard.session.state import current_run, tab
from gan_core.config_file import CONFIG_FILE
from gan_core.data.code import needs_data_file
from gan_core.data.own.refusals import MIB, megabytes
from gan_core.data.own.samples import OWN_FILE
from gan_core.data.registry import OWN
from gan_core.export.animation import Format, animation
from gan_core.export.notebook import NOTEBOOK_FILE, training_notebook
from gan_core.export.script import SCRIPT_FILE, training_script, with_data
from gan_core.export.snippet import LOAD_TORCH_FILE, generator_snippet
from gan_core.export.weights import GENERATOR_FILE, TORCH_FILE, as_torch_file
from gan_core.images import samples_png
from gan_core.plurals import counted
from gan_core.runs.moments import read_all
from gan_core.runs.protocol import Report
from gan_core.runs.uploads import MAX_RUN, trained_size
from gan_core.snapshot import Snapshot


class Download(NamedTuple):
    """A button that makes a file when it is clicked; ``help`` goes before the file's name."""

    key: str
    label: str
    file: str
    make: Callable[[], bytes | str]
    help: str = ""


def menu(report: Report) -> None:
    """Draw the popover with the download buttons and the snippet; nothing before the run has a snapshot."""
    snapshot, run = report.snapshot, current_run()
    if snapshot is None or run is None:
        return

    def current() -> Snapshot:
        now = run.poll().snapshot
        assert now is not None, "a run that has been shown has a snapshot"
        return now

    own = (run.folder / OWN_FILE).read_bytes if needs_data_file(snapshot.config) else None
    # No script can repeat a run whose generator comes from a file.
    code = _code(own, current) if snapshot.repeatable and snapshot.generator_from is None else ()
    with st.popover("Download", key="downloads", type="tertiary", icon=":material/download:"):
        st.caption("Each file is made from your run at the moment you click.")
        with st.container(horizontal=True):
            for download in (
                *_whole(run.whole_file, snapshot, run.folder / OWN_FILE), *_networks(run.generator_file, current), *code,
                *_results(current), *_animations(run.folder, snapshot),
            ):  # fmt: skip
                # "ignore", because drawing the page again would remove the file that the browser is about to fetch.
                st.download_button(
                    download.label, data=explaining(download.file, download.make), file_name=download.file,
                    key=f"download_{download.key}", on_click="ignore", icon=":material/download:",
                    help=f"{download.help} Download {download.file}".strip(),
                )  # fmt: skip
        with st.expander("Code that loads the generator and makes the fakes on this page", icon=":material/code:"):
            snippet = generator_snippet(snapshot.config, snapshot.shape, snapshot.sample_seed, len(snapshot.fake))
            st.code(snippet, language="python", wrap_lines=True)
            st.caption(
                "Needs PyTorch and safetensors. It draws the same noise as this page. With generator.pt, the line that loads"
                f" it is `{LOAD_TORCH_FILE}`."
            )
        st.file_uploader(
            "Open a file: a whole run, a generator or settings", type=["zip", "safetensors", "json"],
            key="upload_run", on_change=commands.open_file, max_upload_size=MAX_RUN // MIB,
            help="A run begins from what is in the file, paused; Undo brings yours back. A generator gets a new discriminator.",
        )  # fmt: skip
        if problem := tab().open_problem:
            st.error(escaped(problem), icon=":material/error:")


def _whole(make: Callable[[], bytes], snapshot: Snapshot, own: Path) -> tuple[Download, ...]:
    """Return the whole run as one file: its state, with its settings and metrics, and the learner's data in ``own``."""
    help = "All that this run is, to train on elsewhere."
    if snapshot.config.dataset in OWN:
        help += " It holds your own data too."
    size = trained_size(snapshot.config, own.stat().st_size if own.exists() else 0)
    if size > MAX_RUN:
        help += (
            f" It has about {megabytes(size)} once it has trained, and no page opens a file above {megabytes(MAX_RUN)}."
        )
    return (Download("run", "Whole run", "run.zip", make, help),)


def _animations(folder: Path, snapshot: Snapshot) -> tuple[Download, ...]:
    """Return the fakes of all kept moments as one moving picture, where there are two or more."""
    if len(snapshot.moments) < 2:
        return ()

    def make(format: Format) -> bytes:
        return animation([(moment.iteration, moment.fake) for moment in read_all(folder)], format)

    formats: tuple[tuple[Format, str], ...] = (("gif", "Animation"), ("webp", "As WebP"))
    return tuple(
        Download(format, label, f"run.{format}", partial(make, format), "The run's fakes as they changed.")
        for format, label in formats
    )


def _networks(generator: Callable[[], bytes], current: Callable[[], Snapshot]) -> tuple[Download, ...]:
    return (
        Download("generator", "Generator", GENERATOR_FILE, generator),
        Download("generator_pt", "For torch.load", TORCH_FILE, lambda: as_torch_file(generator())),
        Download("config", "Settings", CONFIG_FILE, lambda: current().config.to_json()),
    )


def _code(own: Callable[[], bytes] | None, current: Callable[[], Snapshot]) -> tuple[Download, ...]:
    """Return the run as a script and as a notebook; with your ``own`` data, each is in a zip beside them."""

    def make(training: Callable[..., str], file: str) -> bytes:
        now = current()
        text = training(now.initial, max(now.iteration, 1), now.changes, math.prod(now.shape))
        return text.encode() if own is None else with_data(file, text, own())

    help = "Plain PyTorch that repeats this run, your changes included."
    script, notebook = (SCRIPT_FILE, NOTEBOOK_FILE) if own is None else ("script.zip", "notebook.zip")
    return (
        Download("script", "Script", script, partial(make, training_script, SCRIPT_FILE), help),
        Download("notebook", "Notebook", notebook, partial(make, training_notebook, NOTEBOOK_FILE), help),
    )


def _results(current: Callable[[], Snapshot]) -> tuple[Download, ...]:
    def charts() -> bytes:
        now = current()
        title = f"{now.dataset_title}: {counted(now.iteration, 'iteration')}"
        return charts_document(title, {"Losses": losses(now), "Scores": scores(now)})

    return (
        Download("metrics", "Losses and scores", "metrics.csv", lambda: metrics_csv(current())),
        Download("parquet", "As Parquet", "metrics.parquet", lambda: metrics_parquet(current())),
        Download(
            "charts", "Charts", "charts.html", charts, "Losses and scores as charts that zoom, without a network."
        ),
        Download("pictures", "Samples", "samples.png", lambda: samples_png(current().fake, scale=3)),
    )
