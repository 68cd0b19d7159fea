"""Snapshot → payloads: by the name of its live panel, the JSON-able dictionary that the browser draws. No streamlit.

The page is drawn from them, and so are the updates that a browser asks for while a run trains (``dashboard.feed``).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from dashboard.charts import lines
from dashboard.charts.explain import clock, finite_or_dash, latest, reading
from dashboard.charts.images import image
from dashboard.charts.points import SHOWN_FIRST, measures, plane
from dashboard.charts.rich_text import bold, icon, rich_text, stacked, toned
from gan_core.images import samples_png
from gan_core.runs.protocol import Report
from gan_core.snapshot import Snapshot

MESSAGE, STATUS, SCORES_NOW, MEASURES = "text_message", "status", "text_scores", "text_measures"
LOSSES, SCORES, PLANE = "plot_losses", "plot_scores", "plot_plane"
FAKES, STRIP = "picture_fakes", "picture_fake_strip"
CHARTS = (LOSSES, SCORES)

Payload = dict[str, Any]
Payloads = dict[str, Payload]


@dataclass(frozen=True)
class ViewOptions:
    """How the learner wants to see a run: the charts' axes, and the layers of 2-D data."""

    axes: lines.Axes = field(default_factory=lines.Axes)
    layers: tuple[str, ...] = SHOWN_FIRST


def bar(report: Report, hint: Callable[[Report], Payload]) -> Payloads:
    """Return what the transport shows: what to do next, and where the run stands."""
    snapshot = report.snapshot
    status = rich_text("Starting …") if snapshot is None else status_line(snapshot)
    return {MESSAGE: hint(report), STATUS: status}


def panels(snapshot: Snapshot, options: ViewOptions, charts: Sequence[str] = CHARTS) -> Payloads:
    """Return the images and texts of the Train page, and those of its ``CHARTS`` that ``charts`` names."""
    made = {SCORES_NOW: scores_now(snapshot)}
    if LOSSES in charts:
        made[LOSSES] = lines.losses(snapshot, options.axes).payload()
    if SCORES in charts:
        made[SCORES] = lines.scores(snapshot, options.axes).payload()
    if snapshot.shape == (2,):
        made[PLANE] = plane(snapshot, options.layers).payload()
        made[MEASURES] = measures(snapshot)
        made[STRIP] = image(samples_png(snapshot.fake), f"{len(snapshot.fake)} fake samples")
    else:
        alt = f"{len(snapshot.fake)} fakes by the generator after {snapshot.pictures_iteration:,} iterations"
        made[FAKES] = image(samples_png(snapshot.fake), alt)
    return made


def status_line(snapshot: Snapshot) -> Payload:
    """Return where the run stands, in one line."""
    return rich_text(
        "Iteration ", bold(f"{snapshot.iteration:,}"), " · epoch ", bold(f"{snapshot.epoch:,}"),
        " · ", bold(f"{snapshot.iterations_per_second:.0f}"), " it/s · ", bold(clock(snapshot.seconds)),
        f" · {snapshot.device}, {snapshot.precision} · seed ", bold(f"{snapshot.config.seed}"),
    )  # fmt: skip


def scores_now(snapshot: Snapshot) -> Payload:
    """Return D's mean scores in the last iteration."""
    now = latest(snapshot, 1)
    return stacked(
        rich_text(toned("Real", "blue"), " scored D(x) ", bold(finite_or_dash(now.get("d_real")))),
        rich_text(toned("Fake", "primary"), " scored D(G(z)) ", bold(finite_or_dash(now.get("d_fake")))),
    )


def train_hint(report: Report) -> Payload:
    """Return the state of the run in plain English and what can be done next, for the Train page."""
    snapshot = report.snapshot
    if report.state == "starting" or snapshot is None:
        return _building()
    if report.state == "running":
        said = reading(snapshot) or "Training. Change a setting and watch what it does."
        return rich_text(icon("insights"), f" {said}")
    if snapshot.walk is not None and snapshot.walk.iteration > snapshot.iteration:
        return rich_text(
            icon("directions_walk"), f" Paused inside iteration {snapshot.walk.iteration:,}, which the ", bold("Walk"),
            " page has begun. Every button here finishes that iteration first.",
        )  # fmt: skip
    if snapshot.iteration == 0 and not snapshot.singles:
        return rich_text(
            icon("play_circle"), " Press ", bold("Start"),
            ". The fakes are what an untrained generator makes of noise; in a few seconds they change.",
        )  # fmt: skip
    return rich_text(
        icon("pause_circle"), " Paused. ", bold("Start"), " goes on, ", bold("Step"), " does one iteration, ",
        bold("D step"), " and ", bold("G step"), " train one network alone"
        f" ({snapshot.updates_d:,} D and {snapshot.updates_g:,} G updates so far).",
    )  # fmt: skip


def walk_hint(report: Report) -> Payload:
    """Return what can be done next on the Walk page."""
    if report.snapshot is None:
        return _building()
    if report.state == "running":
        return rich_text(
            icon("insights"), " Training runs on. ", bold("Pause"), " it to walk through its next iteration."
        )
    if report.snapshot.walk is None:
        return rich_text(
            icon("directions_walk"), " ", bold("Next stage"),
            " begins an iteration of your run and stops after its first stage.",
        )  # fmt: skip
    return rich_text(
        icon("directions_walk"),
        " This is the run itself: what you walk is trained, and walking changes nothing else. ", bold("Run on"),
        " finishes the iteration and goes on.",
    )  # fmt: skip


def _building() -> Payload:
    return rich_text(icon("hourglass_top"), " Building the networks and loading the data …")
