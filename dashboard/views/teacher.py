"""The teacher's page: the runs of this server, how much it has to do, and a link that opens the page for a class."""

import streamlit as st

from dashboard.components import copy_button
from dashboard.session import class_link, overview
from dashboard.session.class_link import CONTROLS, MOST_TASK, TOKEN, ClassLink
from gan_core.presets import PRESETS
from gan_core.runs.budget import server_budget, size

EVERY = 2.0  # seconds between two looks at the runs
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
    history.append(now := overview.load())
    kept, total = list(history), server_budget().total
    with st.container(horizontal=True):
        for title, value, curve in (
            ("Runs", f"{now.runs}", [one.runs for one in kept]),
            ("Training now", f"{now.training}", [one.training for one in kept]),
            ("Waiting for a turn", f"{now.waiting}", [one.waiting for one in kept]),
            (f"Memory, of {size(total)}", size(now.memory), [one.memory / total for one in kept]),
            ("Load of a core", _share(now.processor), [one.processor or 0.0 for one in kept]),
        ):
            st.metric(title, value, chart_data=curve, chart_type="area", border=True)
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
