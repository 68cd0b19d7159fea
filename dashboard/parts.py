"""Snapshot → the live parts of a page: bytes by the name of their place, no streamlit.

The page is drawn from them, and what a browser asks for while a run trains (``dashboard.feed``) is made of the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dashboard.charts import lines
from dashboard.charts.explain import clock, finite_or_dash, latest, reading
from dashboard.charts.points import SHOWN_FIRST, measures, plane
from gan_core.images import samples_png
from gan_core.runs.protocol import Report
from gan_core.snapshot import Snapshot

MESSAGE, STATUS, SCORES_NOW, MEASURES = "words_message", "words_status", "words_scores", "words_measures"
LOSSES, SCORES, PLANE = "plot_losses", "plot_scores", "plot_plane"
FAKES, STRIP = "picture_fakes", "picture_fake_strip"
CHARTS = (LOSSES, SCORES)

Parts = dict[str, bytes]


@dataclass(frozen=True)
class Look:
    """How the learner wants to see it: the charts' axes, and the plane's layers."""

    axes: lines.Axes = field(default_factory=lines.Axes)
    layers: tuple[str, ...] = SHOWN_FIRST


def bar(report: Report, hint: Callable[[Report], str]) -> Parts:
    """What the transport says: what to do next, and where the run stands."""
    status = "Starting …" if report.snapshot is None else status_line(report.snapshot)
    return {MESSAGE: hint(report).encode(), STATUS: status.encode()}


def panels(snapshot: Snapshot, look: Look, charts: Sequence[str] = CHARTS) -> Parts:
    """The pictures of the Train page, and these of its ``CHARTS``."""
    made = {SCORES_NOW: scores_now(snapshot).encode()}
    if LOSSES in charts:
        made[LOSSES] = lines.losses(snapshot, look.axes).to_json()
    if SCORES in charts:
        made[SCORES] = lines.scores(snapshot, look.axes).to_json()
    if snapshot.shape == (2,):
        made[PLANE] = plane(snapshot, look.layers).to_json()
        made[MEASURES] = measures(snapshot).encode()
        made[STRIP] = samples_picture(snapshot, f"{len(snapshot.fake)} fake samples")
    else:
        words = f"{len(snapshot.fake)} fakes by the generator after {snapshot.pictures_iteration:,} iterations"
        made[FAKES] = samples_picture(snapshot, words)
    return made


def samples_picture(snapshot: Snapshot, alt: str) -> bytes:
    """The fakes as a picture's part."""
    return picture_part(samples_png(snapshot.fake), alt)


def picture_part(png: bytes, alt: str) -> bytes:
    """A picture and what says it in words: their length in two bytes, the words, the PNG."""
    words = alt.encode()
    return len(words).to_bytes(2, "big") + words + png


def status_line(snapshot: Snapshot) -> str:
    """Where the run stands, in one line."""
    config = snapshot.config
    return (
        f"Iteration **{snapshot.iteration:,}** · epoch **{snapshot.epoch:,}** · "
        f"**{snapshot.iterations_per_second:.0f}** it/s · **{clock(snapshot.seconds)}** · "
        f"{snapshot.device}, {snapshot.precision} · seed **{config.seed}**"
    )


def scores_now(snapshot: Snapshot) -> str:
    """What D said in the last iteration."""
    now = latest(snapshot, 1)
    return (
        f":blue[Real] scored D(x) **{finite_or_dash(now.get('d_real'))}**  \n"
        f":primary[Fake] scored D(G(z)) **{finite_or_dash(now.get('d_fake'))}**"
    )


def train_hint(report: Report) -> str:
    """The Train page: the state of the run in plain words, and what can be done."""
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


def walk_hint(report: Report) -> str:
    """The Walk page: what can be done there."""
    if report.snapshot is None:
        return ":material/hourglass_top: Building the networks and loading the data …"
    if report.state == "running":
        return ":material/insights: Training runs on. **Pause** it to walk through its next iteration."
    if report.snapshot.walk is None:
        return (
            ":material/directions_walk: **Next stage** begins an iteration of your run and stops after its first stage."
        )
    return (
        ":material/directions_walk: This is the run itself: what you walk is trained, and walking changes nothing else."
        " **Run on** finishes the iteration and goes on."
    )
