"""The fragment: poll → Snapshot → panels. The one thing on the page that runs by a timer."""

from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitInvalidLayoutContextError

from dashboard import session
from dashboard.charts import lines
from dashboard.charts import plane as plane_chart
from dashboard.charts.plane import measures, plane
from dashboard.charts.reading import clock, finite_or_dash, latest, reading
from dashboard.components import picture, plot
from dashboard.controls import data
from gan_core.config import GANConfig
from gan_core.pictures import samples_png
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
    panels: dict[str, Any]


@dataclass(frozen=True)
class Look:
    """How the learner wants to see it: the charts' axes, and the plane's layers."""

    axes: lines.Axes
    layers: tuple[str, ...]


@dataclass(frozen=True)
class Shown:
    """What the page around the fragment was drawn for."""

    state: State
    settled: bool
    waiting: tuple[str, ...]
    problems: tuple[str, ...]
    preparing: bool
    shape: tuple[int, ...] | None

    @classmethod
    def of(
        cls,
        report: Report,
        waiting: tuple[str, ...] = (),
        problems: tuple[str, ...] = (),
        preparing: bool = False,
    ) -> "Shown":
        """For a page drawn from ``report``. A running training is watched anyway: there nothing need settle."""
        settled = report.settled or report.state == "running"
        return cls(report.state, settled, waiting, problems, preparing, _shape(report))


def _shape(report: Report) -> tuple[int, ...] | None:
    return None if report.snapshot is None else report.snapshot.shape


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
        if _another_page(report, shown):
            st.rerun()
        draw(report)

    tick()


def _another_page(report: Report, shown: Shown) -> bool:
    """Whether the page was drawn for something else than what there is now."""
    prepared = shown.preparing and session.progress() is None
    settled = report.settled and not shown.settled
    return prepared or settled or report.state != shown.state or _shape(report) != shown.shape


def draw_bar(report: Report, shown: Shown, message: Any, status: Any, hint: Callable[[Report], str]) -> None:
    """What the transport says: what to do next, ``hint`` if all is well, and where the run stands."""
    with message:
        _message(report, shown, hint)
    with status:  # always: a fragment may write later only where it has written in the full run
        snapshot = report.snapshot
        line = status_line(snapshot) if snapshot is not None else "Starting …"
        how = snapshot.computing if snapshot is not None else None
        st.markdown(f":small[{line}]", text_alignment="right", help=how)


def draw(report: Report, places: Places, shown: Shown, look: Look) -> None:
    """Everything on the Train page that a report changes."""
    draw_bar(report, shown, places.message, places.status, train_hint)
    # Preparing begins and ends with a run of the whole page; an element costs each tick a millisecond or two.
    if shown.preparing:
        with places.progress:
            data.progress_bar()
    snapshot = report.snapshot
    if snapshot is None:
        _skeletons(places)
        return
    if places.samples is not None:
        with places.samples:
            _strip("fake", snapshot.fake)
    with places.scores_now:
        now = latest(snapshot, 1)
        st.markdown(
            f":blue[Real] scored D(x) **{finite_or_dash(now.get('d_real'))}**  \n"
            f":primary[Fake] scored D(G(z)) **{finite_or_dash(now.get('d_fake'))}**"
        )
    panels = places.panels
    with panels["losses"]:
        plot(lines.losses(snapshot, look.axes).to_json(), "Losses", "plot_losses", lines.HEIGHT)
    with panels["scores"]:
        plot(lines.scores(snapshot, look.axes).to_json(), "Scores", "plot_scores", lines.HEIGHT)
    if "plane" in panels:
        _plane(snapshot, panels, look.layers)
    else:
        _pictures(snapshot, panels)


def _pictures(snapshot: Snapshot, panels: dict[str, Any]) -> None:
    with panels["fakes"]:
        alt = f"{len(snapshot.fake)} fakes by the generator after {snapshot.pictures_iteration:,} iterations"
        picture(samples_png(snapshot.fake), alt, "picture_fakes")


def _plane(snapshot: Snapshot, panels: dict[str, Any], layers: tuple[str, ...]) -> None:
    with panels["plane"]:
        plot(plane(snapshot, layers).to_json(), "The plane", "plot_plane", plane_chart.HEIGHT, square=True)
    with panels["measures"]:
        st.markdown(f":small[{measures(snapshot)}]")


def still(report: Report, samples: Any, panels: dict[str, Any]) -> Any:
    """Draw what training does not change, the real samples: a tick need not send them. Gives the fake strip's place."""
    snapshot = report.snapshot
    if snapshot is not None and "reals" in panels:
        with panels["reals"]:
            alt = f"{len(snapshot.real)} real samples of {snapshot.dataset_title}"
            picture(samples_png(snapshot.real), alt, "picture_reals")
    if samples is None:
        return None
    points = snapshot is not None and snapshot.shape == (2,)
    with samples:  # points need less width than a row of pictures: one beside the other
        row = st.grid(2, min_column_width=60, wrap=False, gap="small") if points else None
        fake, real = (row.cell() if row else st.container(gap="xxsmall") for _ in range(2))
    with fake:
        st.markdown(":small[:primary[Fake, G(z)]]")
        place = st.container()
    if snapshot is not None:
        with real:
            st.markdown(":small[:blue[Real, x]]")
            _strip("real", snapshot.real)
    return place


def _strip(name: str, samples: Any) -> None:
    few = samples if samples.shape[1:] == (2,) else samples[:STRIP]
    picture(samples_png(few, columns=len(few)), f"{len(few)} {name} samples", f"picture_{name}_strip")


def _skeletons(places: Places) -> None:
    heights = {"losses": lines.HEIGHT, "scores": lines.HEIGHT, "fakes": 200, "reals": 200, "plane": plane_chart.HEIGHT}
    for name, height in heights.items():
        if name in places.panels:
            places.panels[name].skeleton(height)
    for place in (places.samples, places.scores_now):
        if place is not None:
            place.skeleton(40)


def status_line(snapshot: Snapshot) -> str:
    """Where the run stands, in one line."""
    config = snapshot.config
    return (
        f"Iteration **{snapshot.iteration:,}** · epoch **{snapshot.epoch:,}** · "
        f"**{snapshot.iterations_per_second:.0f}** it/s · **{clock(snapshot.seconds)}** · "
        f"{snapshot.device}, {snapshot.precision} · seed **{config.seed}**"
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
        return ":material/hourglass_top: Building the networks and loading the data …"
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
