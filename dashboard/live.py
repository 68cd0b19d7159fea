"""The live places of a page: drawn once in its run, followed by the page's script while the run is busy."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard import feed, parts
from dashboard.charts import lines
from dashboard.charts import points as plane_chart
from dashboard.components.live import picture, plot, status_words, words
from dashboard.session.state import current_run
from gan_core.config import GANConfig
from gan_core.images import samples_png
from gan_core.runs.protocol import Report

STRIP = 6  # samples in the small rows on the model's picture


@dataclass(frozen=True)
class Places:
    """Where the live things of the Train page go: containers that the page has made."""

    samples: Any
    scores_now: Any
    panels: dict[str, Any]


@dataclass(frozen=True)
class Notices:
    """What the page has to say before anything else."""

    waiting: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    preparing: bool = False


def bar(report: Report, watch: feed.Watch, notices: Notices, message: Any, status: Any) -> None:
    """Draw what the transport says, and have the page's script follow the run from now on.

    Before the panels: the script then lets go of an answer that is older than what they are drawn from.
    """
    made = parts.bar(report, feed.HINTS[watch.page])
    with status, st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="xsmall"):
        run = current_run()
        follow = feed.follow(run.id, watch) if run is not None else None
        status_words(made[parts.STATUS], follow, parts.STATUS)
        if report.snapshot is not None:
            st.markdown("", width="content", help=report.snapshot.computing)
    with message:
        _message(report, notices, made[parts.MESSAGE])


def panels(report: Report, places: Places, look: parts.Look) -> None:
    """Draw everything else on the Train page that a report changes."""
    snapshot = report.snapshot
    if snapshot is None:
        _skeletons(places)
        return
    made = parts.panels(snapshot, look)
    with places.scores_now:
        words(made[parts.SCORES_NOW], parts.SCORES_NOW)
    with places.panels["losses"]:
        plot(made[parts.LOSSES], "Losses", parts.LOSSES, lines.HEIGHT)
    with places.panels["scores"]:
        plot(made[parts.SCORES], "Scores", parts.SCORES, lines.HEIGHT)
    if "plane" in places.panels:
        with places.panels["plane"]:
            plot(made[parts.PLANE], "The plane", parts.PLANE, plane_chart.HEIGHT, square=True)
        with places.panels["measures"]:
            words(made[parts.MEASURES], parts.MEASURES, small=True)
    else:
        with places.panels["fakes"]:
            picture(made[parts.FAKES], parts.FAKES)
        with places.panels["reals"]:
            alt = f"{len(snapshot.real)} real samples of {snapshot.dataset_title}"
            picture(parts.picture_part(samples_png(snapshot.real), alt), "picture_reals")
    if places.samples is not None:
        _strips(report, made, places.samples)


def _strips(report: Report, made: parts.Parts, place: Any) -> None:
    """A few fakes and real samples on the model's card."""
    snapshot = report.snapshot
    assert snapshot is not None
    points = snapshot.shape == (2,)
    with place:  # points need less width than a row of pictures: one beside the other
        row = st.grid(2, min_column_width=60, wrap=False, gap="small") if points else None
        fake, real = (row.cell() if row else st.container(gap="xxsmall") for _ in range(2))
    with fake:
        st.markdown(":small[:primary[Fake, G(z)]]")
        if points:
            picture(made[parts.STRIP], parts.STRIP)
        else:  # the upper row of the same picture
            picture(made[parts.FAKES], parts.STRIP, follows=parts.FAKES, rows=snapshot.shape[0])
    with real:
        st.markdown(":small[:blue[Real, x]]")
        few = snapshot.real if points else snapshot.real[:STRIP]
        part = parts.picture_part(samples_png(few, columns=len(few)), f"{len(few)} real samples")
        picture(part, "picture_real_strip")


def _skeletons(places: Places) -> None:
    heights = {"losses": lines.HEIGHT, "scores": lines.HEIGHT, "fakes": 200, "reals": 200, "plane": plane_chart.HEIGHT}
    for name, height in heights.items():
        if name in places.panels:
            places.panels[name].skeleton(height)
    for place in (places.samples, places.scores_now):
        if place is not None:
            place.skeleton(40)


def _message(report: Report, notices: Notices, hint: bytes) -> None:
    """What to do next, in one or two lines."""
    if notices.problems:
        st.error("  \n".join(notices.problems), icon=":material/edit:")
    elif report.failure is not None:
        _failure(report)
    elif notices.preparing:
        words(f":material/download: {_preparing_words(report)}".encode(), "words_preparing", small=True)
    elif notices.waiting:
        labels = ", ".join(f"**{GANConfig.setting(name).label}**" for name in notices.waiting)
        text = f"Changed: {labels}. It applies from **Reset** on; this run keeps what it began with."
        words(f":material/restart_alt: {text}".encode(), "words_waiting", small=True)
    else:
        words(hint, parts.MESSAGE, small=True)


def _preparing_words(report: Report) -> str:
    text = "The data set is being made ready; that is done once."
    return text if report.snapshot is None else f"{text} Until then this run is as it was: train on, or cancel."


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
