"""The live panels of a page: its run draws them once, and the page's script updates them while the run is busy."""

import time
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard import feed, payloads, session
from dashboard.charts import images, lines
from dashboard.charts import points as plane_chart
from dashboard.charts.rich_text import bold, icon, rich_text
from dashboard.components.live import image, plot, status, text
from dashboard.controls import data
from gan_core.config import GANConfig
from gan_core.images import samples_png
from gan_core.runs.protocol import Report
from gan_core.snapshot import Snapshot

STRIP = 6  # samples in the small rows on the model's card


@dataclass(frozen=True)
class Placeholders:
    """Containers that the Train page has made for its live panels."""

    samples: Any
    scores_now: Any
    panels: dict[str, Any]


@dataclass(frozen=True)
class Notices:
    """What the page shows instead of a hint on what to do next."""

    waiting: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    preparing: bool = False


def bar(report: Report, watch: feed.Watch, notices: Notices, message: Any, place: Any) -> None:
    """Draw the message into ``message`` and the status into ``place``; the page's script follows the run from now on.

    To be called before ``panels``: the script then drops an answer that is older than what they are drawn from.
    """
    made = _dated(payloads.bar(report, feed.HINTS[watch.page]))
    with place, st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="xsmall"):
        run = session.current_run()
        follow = feed.follow(run.id, watch) if run is not None else None
        status(made[payloads.STATUS], follow, payloads.STATUS)
        if report.snapshot is not None:
            st.markdown("", width="content", help=report.snapshot.computing)
    with message:
        _message(report, notices, made[payloads.MESSAGE])


def panels(report: Report, placeholders: Placeholders, options: payloads.ViewOptions) -> None:
    """Draw everything else on the Train page that a report changes."""
    snapshot = report.snapshot
    if snapshot is None:
        _skeletons(placeholders)
        return
    made = _dated(payloads.panels(snapshot, options))
    with placeholders.scores_now:
        text(made[payloads.SCORES_NOW], payloads.SCORES_NOW)
    with placeholders.panels["losses"]:
        plot(made[payloads.LOSSES], "Losses", payloads.LOSSES, lines.HEIGHT)
    with placeholders.panels["scores"]:
        plot(made[payloads.SCORES], "Scores", payloads.SCORES, lines.HEIGHT)
    if "plane" in placeholders.panels:
        with placeholders.panels["plane"]:
            plot(made[payloads.PLANE], "The plane", payloads.PLANE, plane_chart.HEIGHT, square=True)
        with placeholders.panels["measures"]:
            text(made[payloads.MEASURES], payloads.MEASURES, small=True)
    else:
        with placeholders.panels["fakes"]:
            image(made[payloads.FAKES], payloads.FAKES)
        with placeholders.panels["reals"]:
            alt = f"{len(snapshot.real)} real samples of {snapshot.dataset_title}"
            image(images.image(samples_png(snapshot.real), alt), "picture_reals")
    if placeholders.samples is not None:
        _strips(snapshot, made, placeholders.samples)


def _dated(made: payloads.Payloads) -> payloads.Payloads:
    """Add to each payload when the page was drawn.

    Streamlit's frontend calls no component whose data equals its last data. After a reset a panel's payload can equal the
    one that the page was last drawn with, while the panel shows a newer one from the page's script.
    """
    now = time.time_ns()
    return {name: {**payload, "drawn": now} for name, payload in made.items()}


def _strips(snapshot: Snapshot, made: payloads.Payloads, place: Any) -> None:
    """Draw a few fakes and real samples on the model's card."""
    points = snapshot.shape == (2,)
    with place:  # points need less width than a row of images, so both fit side by side
        row = st.grid(2, min_column_width=60, wrap=False, gap="small") if points else None
        fake, real = (row.cell() if row else st.container(gap="xxsmall") for _ in range(2))
    with fake:
        st.markdown(":small[:primary[Fake, G(z)]]")
        if points:
            image(made[payloads.STRIP], payloads.STRIP)
        else:  # the upper row of the fakes' own panel
            image(made[payloads.FAKES], payloads.STRIP, source=payloads.FAKES, rows=snapshot.shape[0])
    with real:
        st.markdown(":small[:blue[Real, x]]")
        few = snapshot.real if points else snapshot.real[:STRIP]
        payload = images.image(samples_png(few, columns=len(few)), f"{len(few)} real samples")
        image(payload, "picture_real_strip")


def _skeletons(placeholders: Placeholders) -> None:
    heights = {"losses": lines.HEIGHT, "scores": lines.HEIGHT, "fakes": 200, "reals": 200, "plane": plane_chart.HEIGHT}
    for name, height in heights.items():
        if name in placeholders.panels:
            placeholders.panels[name].skeleton(height)
    for place in (placeholders.samples, placeholders.scores_now):
        if place is not None:
            place.skeleton(40)


@st.fragment(run_every=feed.TICK)
def preparing() -> None:
    """Draw how far the dataset is prepared; the whole page runs again once that has ended."""
    if session.progress() is None:
        st.rerun()
    data.progress_bar()


def _message(report: Report, notices: Notices, hint: payloads.Payload) -> None:
    """Draw what to do next, in one or two lines."""
    if notices.problems:
        st.error("  \n".join(notices.problems), icon=":material/edit:")
    elif report.failure is not None:
        _failure(report)
    elif notices.preparing:
        _preparing(report)
    elif notices.waiting:
        _waiting(notices.waiting)
    else:
        text(hint, payloads.MESSAGE, small=True)


def _preparing(report: Report) -> None:
    said = " The data set is being made ready; that is done once."
    if report.snapshot is not None:
        said += " Until then this run is as it was: train on, or cancel."
    text(rich_text(icon("download"), said), "text_preparing", small=True)


def _waiting(changed: tuple[str, ...]) -> None:
    labels = [bold(GANConfig.setting(name).label) for name in changed]
    listed = [part for label in labels for part in (", ", label)][1:]
    ends = ". It applies from ", bold("Reset"), " on; this run keeps what it began with."
    text(rich_text(icon("restart_alt"), " Changed: ", *listed, *ends), "text_waiting", small=True)


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
