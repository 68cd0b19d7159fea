"""The teacher's page: the runs of this server, how much it has to do, and a link that opens the page for a class."""

import streamlit as st

from dashboard.charts.load import load_figure
from dashboard.components import copy_button
from dashboard.components.live import plot
from dashboard.session import class_link, overview
from dashboard.session.class_link import CONTROLS, MOST_TASK, TOKEN, ClassLink
from gan_core.plurals import counted
from gan_core.presets import PRESETS
from gan_core.runs.budget import server_budget, size

EVERY = 2.0  # seconds between two looks at the runs
HEIGHT = "190px"
URL_PATH, TITLE = "teacher", "Teacher"


def show() -> None:
    """Draw the page for whoever has the server's token; for anybody else, the field that takes it."""
    with st.container(key="page"):
        st.html("<h1>Teacher</h1>")
        if not class_link.teacher_token():
            st.info(f"This page opens with the token in {TOKEN}: set it where you start the server.")
            return
        given = st.text_input("Token", type="password", key="teacher_token", persist_state="session")
        if class_link.is_teacher(given):
            _server()
            _link()
        elif given:
            st.error("This is not the token that the server was started with.")


@st.fragment(run_every=EVERY)
def _server() -> None:
    """Draw the load as curves, and the runs as a table."""
    history, rows = overview.history(), overview.rows()
    history.append(now := overview.load(rows))
    kept, total = list(history), server_budget().total
    seconds = [one.at - now.at for one in kept]
    st.markdown(
        f"**{counted(now.runs, 'run')}**, {now.training} training, of which {now.waiting} waiting for a turn."
        f" **{size(now.memory)}** of {size(total)} set aside for runs. Load: {_share(now.processor)} of the cores."
    )
    runs, machine = st.columns(2)
    with runs:
        counts = {name: [getattr(one, name) for one in kept] for name in ("training", "waiting", "runs")}
        plot(load_figure(seconds, counts).payload(), "Runs", "load_runs", HEIGHT)
    with machine:
        shares = {"memory": [one.memory / total for one in kept], "cores": [one.processor or 0.0 for one in kept]}
        plot(load_figure(seconds, shares, shares=True).payload(), "Memory and cores", "load_machine", HEIGHT)
    st.dataframe(rows, hide_index=True)
    _pause_or_end([row["Run"] for row in rows])


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0%}"


def _pause_or_end(runs: list[str]) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Run", runs, key="teacher_run", help="A run's page has its name in the address.")
        for key, label, action, help in (
            ("teacher_pause", "Pause", overview.pause, "Its learner can start it again."),
            ("teacher_end", "End", overview.end, "It is saved, and its page says how to open it again."),
        ):
            st.button(label, key=key, on_click=action, args=(chosen,), disabled=chosen is None, help=help)


def _link() -> None:
    """Draw what a link for the class may say, and the button that copies it."""
    st.header("A link for the class", anchor=False)
    preset = st.selectbox(
        "Begins with", list(PRESETS), format_func=lambda name: PRESETS[name].title, key="lesson_preset"
    )
    task = st.text_area("Task", key="lesson_task", max_chars=MOST_TASK, help="Shown above the model, as plain text.")
    hidden = st.multiselect("Without", list(CONTROLS), format_func=CONTROLS.__getitem__, key="lesson_hidden")
    st.caption(
        "Whoever opens the link begins a run of their own. It is signed: the page of a learner who edits it says that it is"
        " not yours any more."
    )
    link = ClassLink(preset, task.strip(), tuple(hidden))
    copy_button(f"./?{class_link.query_of(link)}", "Copy link", "copy_class_link")
