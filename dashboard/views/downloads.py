"""What a learner takes along: the generator, the code that uses it, the numbers and the pictures."""

import streamlit as st

from dashboard.charts.images import metrics_csv
from dashboard.session.state import current_run
from gan_core.export.weights import as_torch_file, generator_snippet
from gan_core.images import samples_png
from gan_core.runs.protocol import Report
from gan_core.snapshot import Snapshot


def section(report: Report) -> None:
    """Downloads and the snippet; nothing before there is a run."""
    snapshot = report.snapshot
    if snapshot is None:
        return
    with st.container(border=True):
        st.markdown("**Take it home**")
        st.caption(
            "The files are made when you click, from the run as it stands then; settings and iteration are inside."
        )
        _buttons()
        with st.expander("Code that loads the generator and makes these very pictures", icon=":material/code:"):
            st.code(
                generator_snippet(snapshot.config, snapshot.shape, snapshot.sample_seed, len(snapshot.fake)),
                language="python",
            )
            st.caption("Needs PyTorch and safetensors. The noise is the one of the pictures on this page.")


def _buttons() -> None:
    run = current_run()
    if run is None:
        return

    def snapshot() -> Snapshot:
        now = run.poll().snapshot
        assert now is not None, "a run that has been shown has a snapshot"
        return now

    with st.container(horizontal=True):
        for label, name, key, make in (
            ("Generator", "generator.safetensors", "download_generator", run.generator_file),
            ("For torch.load", "generator.pt", "download_generator_pt", lambda: as_torch_file(run.generator_file())),
            ("Losses and scores", "metrics.csv", "download_metrics", lambda: metrics_csv(snapshot())),
            ("Pictures", "samples.png", "download_pictures", lambda: samples_png(snapshot().fake, scale=3)),
            ("Settings", "config.json", "download_config", lambda: snapshot().config.to_json().encode()),
        ):
            st.download_button(
                label, data=make, file_name=name, key=key, on_click="ignore", icon=":material/download:",
                help=f"Download {name}",
            )  # fmt: skip
