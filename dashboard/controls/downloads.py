"""Downloads: the generator, the code that loads it, the metrics and the samples."""

import streamlit as st

from dashboard.charts.table import metrics_csv
from dashboard.session.state import current_run
from gan_core.export.snippet import LOAD_TORCH_FILE, generator_snippet
from gan_core.export.weights import GENERATOR_FILE, TORCH_FILE, as_torch_file
from gan_core.images import samples_png
from gan_core.runs.protocol import Report
from gan_core.snapshot import Snapshot


def menu(report: Report) -> None:
    """Draw the popover with the download buttons and the snippet; nothing before the run has a snapshot."""
    snapshot, run = report.snapshot, current_run()
    if snapshot is None or run is None:
        return

    def current() -> Snapshot:
        now = run.poll().snapshot
        assert now is not None, "a run that has been shown has a snapshot"
        return now

    with st.popover("Download", key="downloads", type="tertiary", icon=":material/download:"):
        st.caption("Each file is made from your run at the moment you click.")
        with st.container(horizontal=True):
            for label, name, key, make in (
                ("Generator", GENERATOR_FILE, "generator", run.generator_file),
                ("For torch.load", TORCH_FILE, "generator_pt", lambda: as_torch_file(run.generator_file())),
                ("Losses and scores", "metrics.csv", "metrics", lambda: metrics_csv(current())),
                ("Samples", "samples.png", "pictures", lambda: samples_png(current().fake, scale=3)),
                ("Settings", "config.json", "config", lambda: current().config.to_json().encode()),
            ):
                # "ignore", because drawing the page again would remove the file that the browser is about to fetch.
                st.download_button(
                    label, data=make, file_name=name, key=f"download_{key}", on_click="ignore",
                    icon=":material/download:", help=f"Download {name}",
                )  # fmt: skip
        with st.expander("Code that loads the generator and makes the fakes on this page", icon=":material/code:"):
            snippet = generator_snippet(snapshot.config, snapshot.shape, snapshot.sample_seed, len(snapshot.fake))
            st.code(snippet, language="python", wrap_lines=True)
            st.caption(
                "Needs PyTorch and safetensors. It draws the same noise as this page. With generator.pt, the line that loads"
                f" it is `{LOAD_TORCH_FILE}`."
            )
