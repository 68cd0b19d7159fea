"""The fragment: poll → Snapshot → panels. The one thing on the page that runs by a timer."""

from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitInvalidLayoutContextError

from dashboard import session
from dashboard.charts import lines
from dashboard.charts.pictures import grid_png
from dashboard.charts.reading import clock, finite_or_dash, latest, reading
from dashboard.components import picture, plot
from dashboard.controls import data
from gan_core.config import GANConfig
from gan_core.runs.protocol import Report, State
from gan_core.snapshot import Snapshot

TICK = 0.35  # seconds between two looks at a running training: about three pictures a second
STRIP = 6  # samples in the small rows on the model's picture


@dataclass(frozen=True)
class Places:
    """Where the live things go: containers that the page has made."""

    message: Any
    status: Any
    samples: Any
    progress: Any
    scores_now: Any
    losses: Any
    scores: Any
    fakes: Any
    reals: Any


@dataclass(frozen=True)
class Shown:
    """What the page around the fragment was drawn for."""

    state: State
    settled: bool
    waiting: tuple[str, ...]
    problems: tuple[str, ...]
    preparing: bool

    @classmethod
    def of(
        cls,
        report: Report,
        waiting: tuple[str, ...] = (),
        problems: tuple[str, ...] = (),
        preparing: bool = False,
    ) -> "Shown":
        """For a page drawn from ``report``. A running training is watched anyway: there nothing need settle."""
        return cls(report.state, report.settled or report.state == "running", waiting, problems, preparing)


def watch(shown: Shown, draw: Callable[[Report], None]) -> None:
    """Draw what is live now and, while the run is busy, again at every tick.

    Where the run's state is no longer the one that the page was drawn for, the whole page is drawn again: the
    buttons depend on it.
    """
    busy = shown.state in ("running", "starting") or not shown.settled or shown.preparing

    by_timer = False

    @st.fragment(run_every=TICK if busy else None)
    def tick() -> None:
        nonlocal by_timer
        # A click may have cut the full run short before it drew anything: then a tick has no place to write to, and the
        # full run that the click began draws all. In a full run the same error is a mistake of ours, and is shown.
        with suppress(StreamlitInvalidLayoutContextError) if by_timer else nullcontext():
            by_timer = True
            look()

    def look() -> None:
        report = session.report()
        prepared = shown.preparing and session.progress() is None
        if report.state != shown.state or (report.settled and not shown.settled) or prepared:
            st.rerun()
        draw(report)

    tick()


def draw_bar(report: Report, shown: Shown, message: Any, status: Any, hint: Callable[[Report], str]) -> None:
    """What the transport says: what to do next, ``hint`` if all is well, and where the run stands."""
    with message:
        _message(report, shown, hint)
    with status:  # always: a fragment may write later only where it has written in the full run
        line = status_line(report.snapshot) if report.snapshot is not None else "Starting …"
        st.markdown(f":small[{line}]", text_alignment="right")


def draw(report: Report, places: Places, shown: Shown, axes: lines.Axes) -> None:
    """Everything on the Train page that a report changes."""
    draw_bar(report, shown, places.message, places.status, train_hint)
    with places.progress:
        data.progress_bar()
    snapshot = report.snapshot
    if snapshot is None:
        _skeletons(places)
        return
    with places.samples:
        _strip(":primary[Fake, G(z)]", "fake", snapshot.fake)
        _strip(":blue[Real, x]", "real", snapshot.real)
    with places.scores_now:
        now = latest(snapshot, 1)
        st.markdown(
            f":blue[Real] scored D(x) **{finite_or_dash(now.get('d_real'))}**  \n"
            f":primary[Fake] scored D(G(z)) **{finite_or_dash(now.get('d_fake'))}**"
        )
    with places.losses:
        plot(lines.losses(snapshot, axes).to_json(), "Losses", "plot_losses", lines.HEIGHT)
    with places.scores:
        plot(lines.scores(snapshot, axes).to_json(), "Scores", "plot_scores", lines.HEIGHT)
    with places.fakes:
        alt = f"{len(snapshot.fake)} fakes by the generator after {snapshot.pictures_iteration:,} iterations"
        picture(grid_png(snapshot.fake), alt, "picture_fakes")
    with places.reals:
        picture(
            grid_png(snapshot.real), f"{len(snapshot.real)} real samples of {snapshot.dataset_title}", "picture_reals"
        )


def _strip(title: str, name: str, samples: Any) -> None:
    st.markdown(f":small[{title}]")
    picture(grid_png(samples[:STRIP]), f"{STRIP} {name} samples", f"picture_{name}_strip")


def _skeletons(places: Places) -> None:
    for place in (places.losses, places.scores):
        place.skeleton(lines.HEIGHT)
    for place in (places.fakes, places.reals):
        place.skeleton(200)
    for place in (places.samples, places.scores_now):
        place.skeleton(40)


def status_line(snapshot: Snapshot) -> str:
    """Where the run stands, in one line."""
    config = snapshot.config
    return (
        f"Iteration **{snapshot.iteration:,}** · epoch **{snapshot.epoch:,}** · "
        f"**{snapshot.iterations_per_second:.0f}** it/s · **{clock(snapshot.seconds)}** · "
        f"{snapshot.device}, {config.precision} · seed **{config.seed}**"
    )


def _message(report: Report, shown: Shown, hint: Callable[[Report], str]) -> None:
    """What to do next, in one or two lines."""
    if shown.problems:
        st.error("  \n".join(shown.problems), icon=":material/edit:")
    elif report.failure is not None:
        _failure(report)
    elif shown.preparing:
        st.markdown(f":small[:material/download: {_preparing_words(report)}]")
    elif shown.waiting:
        labels = ", ".join(f"**{GANConfig.setting(name).label}**" for name in shown.waiting)
        st.markdown(
            f":small[:material/restart_alt: Changed: {labels}. It applies from **Reset** on; this run keeps what it"
            " began with.]"
        )
    else:
        st.markdown(f":small[{hint(report)}]")


def _preparing_words(report: Report) -> str:
    words = "The data set is being made ready; that is done once."
    return words if report.snapshot is None else f"{words} Until then this run is as it was: train on, or cancel."


def _failure(report: Report) -> None:
    assert report.failure is not None
    kept = ""
    if report.snapshot is not None:
        kept = (
            f" The Train page keeps the charts and the generator of iteration {report.snapshot.pictures_iteration:,}."
            " **Again** begins at iteration 0."
        )
    st.error(report.failure.message + kept, icon=":material/error:")
    if report.failure.details:
        with st.popover("Details", icon=":material/code:", type="tertiary"):
            st.code(report.failure.details, language=None)


def train_hint(report: Report) -> str:
    """The state of the run in plain words, and what can be done."""
    snapshot = report.snapshot
    if report.state == "starting" or snapshot is None:
        return (
            ":material/hourglass_top: Building the networks and loading the data …"
        )
    if report.state == "running":
        return f":material/insights: {reading(snapshot) or 'Training. Change a setting and watch what it does.'}"
    if snapshot.walk is not None and snapshot.walk.iteration > snapshot.iteration:
        return (
            f":material/directions_walk: Paused inside iteration {snapshot.walk.iteration:,}, which the **Walk** page has"
            " begun. Every button here finishes that iteration first."
        )
    if snapshot.iteration == 0 and not snapshot.singles:
        return (
            ":material/play_circle: Press **Start**. The fakes are what an untrained generator makes of noise; in a few"
            " seconds they change."
        )
    return (
        f":material/pause_circle: Paused. **Start** goes on, **Step** does one iteration, **D step** and **G step** train"
        f" one network alone ({snapshot.updates_d:,} D and {snapshot.updates_g:,} G updates so far)."
    )
