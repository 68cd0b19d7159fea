"""Start, Pause, Step … → Command. Pinned to the window's lower edge, so that it is always in sight."""

from typing import Any

import streamlit as st

from dashboard import session
from gan_core.presets import PRESETS
from gan_core.runs.protocol import Command, Pause, Play, Report, Sample, Step, Update, Walk

WIDTH = 108  # pixels of the buttons whose words change: nothing beside them may move
STATUS_WIDTH = 520  # pixels; on a narrower window the status takes a line of its own


def bar(report: Report, settings: session.Settings, waiting: tuple[str, ...]) -> tuple[Any, Any]:
    """Draw the transport; give back the places for the message line and for the status."""
    ready = settings.config is not None and session.current_run() is not None
    still = ready and report.state == "paused"
    with st.bottom:
        message = st.container(gap="xxsmall")
        with st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="xsmall"
        ):
            with st.container(horizontal=True, width="content", gap="xsmall"):
                if report.state == "running":
                    st.button(
                        "Pause", key="pause", icon=":material/pause:", type="primary", on_click=pause, width=WIDTH
                    )
                else:
                    _start(report, settings)
                _button("step", "Step", step, still, "Exactly one iteration: the D and G updates of the order above.")
                _button("step_d", "D step", step_d, still, "One update of the discriminator alone.")
                _button("step_g", "G step", step_g, still, "One update of the generator alone.")
                st.button(
                    "Reset", key="reset", type="primary" if waiting else "secondary", on_click=reset,
                    disabled=settings.config is None,
                    help="Start again from the same seed, with every setting as it stands.",
                )  # fmt: skip
                _presets()
            status = st.container(width=STATUS_WIDTH)
    return message, status


def _presets() -> None:
    # Another key after each choice: it closes then, and does not hide what it has begun.
    with st.popover(
        "Presets",
        key=f"presets_{session.value(session.PRESETS_USED, 0)}",
        icon=":material/experiment:",
        type="tertiary",
    ):
        st.caption("Each sets the controls and begins a new run.")
        for name, preset in PRESETS.items():
            st.button(
                preset.title, key=f"preset_{name}", on_click=session.begin_with, args=(preset.config,), width="stretch"
            )
            st.caption(preset.sentence)


def walk_bar(report: Report) -> tuple[Any, Any]:
    """The Walk page's transport: the same places, other steps."""
    still = report.state == "paused"
    with st.bottom:
        message = st.container(gap="xxsmall")
        with st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="xsmall"
        ):
            with st.container(horizontal=True, width="content", gap="xsmall"):
                st.button(
                    "Next stage", key="walk_stage", type="primary", on_click=walk_stage, disabled=not still,
                    help="Execute the next stage of this update, or the first of the next one.",
                )  # fmt: skip
                _button("walk_turn", "Finish update", walk_turn, still, "Execute what is left of this update.")
                _button(
                    "step", "Finish iteration", step, still, "Execute what is left of this iteration, or a whole one."
                )
                if report.state == "running":
                    st.button("Pause", key="pause", icon=":material/pause:", on_click=pause, width=WIDTH)
                else:
                    st.button(
                        "Again" if report.state == "failed" else "Run on", key="start", icon=":material/play_arrow:",
                        on_click=start, disabled=report.state == "starting",
                    )  # fmt: skip
            status = st.container(width=STATUS_WIDTH)
    return message, status


def _start(report: Report, settings: session.Settings) -> None:
    st.button(
        "Again" if report.state == "failed" else "Start",
        key="start",
        width=WIDTH,
        icon=":material/play_arrow:",
        type="primary",
        on_click=start,
        disabled=settings.config is None or report.state == "starting",
    )


def _button(key: str, label: str, action: Any, enabled: bool, help: str) -> None:
    st.button(label, key=key, on_click=action, disabled=not enabled, help=help)


@session.alone
def start() -> None:
    """Train on; where the run has failed or ended, begin again under the settings as they stand."""
    config = session.settings().config
    if config is None:
        return
    run = session.current_run()
    if run is None or run.poll().state == "failed":
        session.new_run(config)
    _send(Play())


@session.alone
def _send(command: Command) -> None:
    """ReportProgress the run something, under the settings as they stand: the click may have cut the page short that would
    have taken a change of them over."""
    config = session.settings().config
    if config is not None:
        session.reconcile(config)
    session.send(command)


def walk_stage() -> None:
    session.send(Walk("stage"))


def walk_turn() -> None:
    session.send(Walk("turn"))


def pause() -> None:
    session.send(Pause())


def step() -> None:
    _send(Step(1))


def step_d() -> None:
    _send(Update("D"))


def step_g() -> None:
    _send(Update("G"))


@session.alone
def reset() -> None:
    """The same seed and settings from iteration 0."""
    config = session.settings().config
    if config is not None:
        session.new_run(config)


def new_seed_button() -> None:
    """Draw it; it stands beside the seed."""
    st.button(
        "New seed", key="new_seed", icon=":material/casino:", type="tertiary", on_click=new_seed,
        help="Start again from another seed: other weights, other noise, another order of the data.",
    )  # fmt: skip


@session.alone
def new_seed() -> None:
    """Another seed, from iteration 0."""
    config = session.settings().config
    if config is not None:
        seed = session.new_seed()
        session.set_value("seed", seed)
        session.new_run(config.replace(seed=seed))


def fresh_noise() -> None:
    """Show what the generator makes of other noise; training does not notice."""
    snapshot = session.report().snapshot
    if snapshot is not None:
        session.send(Sample(snapshot.sample_seed + 1))
