"""This tab's run: beginning it, keeping it in step with the settings, and the report that a page is drawn from."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from dashboard.session import datasets, server
from dashboard.session.settings import Settings, settings_from_widgets, show_setting
from dashboard.session.speeds import SPEEDS, recommended_speed
from dashboard.session.state import current_run, serialized, tab, value
from gan_core.config import GANConfig
from gan_core.data import DATASETS
from gan_core.runs.moments import Moment, read_moment
from gan_core.runs.protocol import Command, Failure, Reconfigure, Replay, Report
from gan_core.runs.run import CannotStart, Run, RunEnded
from gan_core.snapshot import Snapshot
from gan_core.training.checkpoint import CheckpointError

GONE = "This run has ended: it had not trained yet, or it was removed to make room for newer ones."
PUT_AWAY = (
    "The teacher has ended this run. It is saved: a reload of the page opens it again, Start again begins a new one."
)
ELSEWHERE = "This run is now open in another tab of this browser."
Made = TypeVar("Made")

START_WAIT = 1.5  # seconds; a run starts in a quarter of one once the server is warm


@dataclass(frozen=True)
class PageState:
    """What a page is drawn from, fetched once for each script run.

    ``waiting``: changed settings that wait for Reset, all of them while another dataset does. ``preparing``: the tab waits
    for its dataset. ``training``: the settings that the run trains with; None without a run. ``can_train``: Start, Step, D
    step and G step do something. ``can_reset``: a run can begin with the settings. ``can_undo``: the run that the last
    restart replaced can be brought back. ``saved_iteration``: where a run that has failed can go on.
    """

    report: Report
    settings: Settings
    waiting: tuple[str, ...] = ()
    preparing: bool = False
    training: GANConfig | None = None
    can_train: bool = True
    can_reset: bool = True
    can_undo: bool = False
    saved_iteration: int | None = None

    @property
    def config(self) -> GANConfig:
        """The settings to show: the widgets', or the run's where the widgets' are impossible."""
        snapshot = self.report.snapshot
        return self.settings.config or (GANConfig() if snapshot is None else snapshot.config)


@serialized
def refresh(needs_run: bool = False) -> PageState:
    """Bring the run to the settings, and return what the page is drawn from.

    The run is polled once, and once more where it was changed. ``needs_run``: with impossible settings and no run, begin
    a run with the default settings.
    """
    _reopen()
    report = fetch_report()
    settings = current_settings(report)
    waiting: tuple[str, ...] = ()
    if settings.config is not None:
        waiting, report = reconcile(settings.config, report)
        settings = current_settings(report)  # which of them are refused is known only after trying
    elif needs_run and current_run() is None and not tab().run_id:
        report = new_run(GANConfig())
    tab().failed = report.state == "failed"
    run, possible = current_run(), settings.config is not None
    if run is not None and not possible and (refused := settings_from_widgets().config) is not None:
        waiting = run.config.differences(refused)
    preparing = datasets.download_progress() is not None or (tab().waiting_for is not None and possible)
    can_begin = possible and not preparing
    can_train = can_begin if report.state == "failed" else possible or _goes_on(report)
    # A dataset that cannot be downloaded does not keep the run from beginning again with its own settings.
    can_reset = can_begin or (run is not None and value("dataset") in tab().failed_download and not preparing)
    training = None if run is None else run.config
    can_undo = server.registry().can_undo(tab().run_id)
    saved = run.saved_iteration if run is not None and report.state == "failed" else None
    return PageState(report, settings, waiting, preparing, training, can_train, can_reset, can_undo, saved)


def _reopen() -> None:
    """Open this tab's run again if its process was ended while the tab had no connection."""
    here, registry = tab(), server.registry()
    if here.run_id and registry.get(here.run_id) is None:
        here.trouble = PUT_AWAY if registry.is_put_away(here.run_id) else ""
        if here.trouble:
            return
        try:
            registry.adopt(here.run_id, here.page, server.browser_secret())
        except CheckpointError:
            return  # the page says that it has ended
        except CannotStart as error:
            here.trouble = f"{error} Your run is saved: reload this page to try again."


def _goes_on(report: Report) -> bool:
    """Return whether the run trains on under its own settings where the widgets' are impossible.

    A run that has not trained yet takes the widgets' settings, and so waits for possible ones, or for a dataset that can
    be downloaded.
    """
    snapshot = report.snapshot
    return snapshot is not None and (snapshot.trained or value("dataset") in tab().failed_download)


def deliver(run: Run, command: Command) -> CannotStart | None:
    """Send ``run`` a command; where the server has no memory for it, the tab keeps why, which is returned."""
    try:
        run.send(command)
    except CannotStart as error:
        tab().trouble = str(error)
        return error
    tab().trouble = ""
    return None


def explaining(file: str, make: Callable[[], Made]) -> Callable[[], Made]:
    """Return what makes a file for a download and, where that fails, leaves the reason to this tab's page.

    Streamlit itself only says that it has failed.
    """
    here = tab()

    def made() -> Made:
        try:
            return make()
        except (CannotStart, RunEnded, OSError, CheckpointError) as error:
            here.trouble = f"{file} cannot be made: {error}"
            raise

    return made


def fetch_report() -> Report:
    """Poll this tab's run; without a run, return why there is none."""
    run, here = current_run(), tab()
    if run is not None:
        report = run.poll()
        _follow_recipe(run)
        return report
    if here.waiting_for is not None:
        return Report("starting")
    missing = "There is no run yet."
    if here.run_id:
        missing = (here.trouble or GONE) if server.registry().get(here.run_id) is None else ELSEWHERE
    return Report("failed", None, Failure(here.refused[1] if here.refused else missing))


def _follow_recipe(run: Run) -> None:
    """Move the widgets along with the changes that the run makes by itself while it repeats a recipe."""
    here = tab()
    if here.followed is None:
        return
    for name in here.followed.differences(run.config):
        show_setting(GANConfig.setting(name), run.config)
        here.shown = None  # the learner has not acted
    here.followed = run.config if run.rebuilding else None


def report_of(feed: str) -> Report:
    """Poll a run for the live channel, where it is known by another name than in the address."""
    run = server.registry().fed_by(feed)
    return Report("failed") if run is None else run.poll(0.3)


def moment_of(feed: str, iteration: int) -> tuple[Snapshot, Moment] | None:
    """Return a run as it is, and a kept moment of it, for the live channel; None if that is not kept, or not any more."""
    run = server.registry().fed_by(feed)
    snapshot = None if run is None else run.poll(0.3).snapshot
    if run is None or snapshot is None:
        return None
    with suppress(OSError, CheckpointError):
        moment = read_moment(run.folder, iteration)
        return (snapshot, moment) if moment.fake.shape[1:] == snapshot.shape else None
    return None


def current_settings(report: Report) -> Settings:
    """Return the widgets' settings, or why this tab, this machine or the run refuses them."""
    settings = settings_from_widgets()
    config = settings.config
    if config is None:
        return settings
    problems = datasets.dataset_problems(config)
    if not problems and current_run() is not None:
        problems = _device_problems(config, report)
        refused = tab().refused
        if refused is not None and refused[0] == config:
            problems.append(refused[1])
    return Settings(None, tuple(problems)) if problems else settings


def _device_problems(config: GANConfig, report: Report) -> list[str]:
    """Explain that this machine lacks the device: the run has listed those that there are."""
    snapshot = report.snapshot
    kind = config.device.partition(":")[0]
    if snapshot is None or kind in ("auto", *snapshot.devices):
        return []
    names = GANConfig.setting("device").names
    there = ", ".join(names.get(name, name) for name in ("auto", *snapshot.devices))
    return [f"Device = {names.get(kind, kind)} is not on this machine; it should be one of {there}."]


@serialized
def new_run(config: GANConfig) -> Report:
    """Begin this tab's run anew under ``config``, not training yet; return the report of the run that there is then.

    It goes at the speed that was chosen in this tab, else at that of the run before or, on another kind of data, at the
    recommended one. The current run stays if the server is full or these settings cannot start.
    """
    old, here, registry = current_run(), tab(), server.registry()
    own = here.own.get(config.own_data)
    try:
        if old is None:
            run = registry.create(config, own, here.page, server.browser_secret())
        else:
            run = registry.restart(old.id, config, own)
    except CannotStart as error:
        if old is not None and not error.refusal:
            here.trouble = f"{error} Your run is kept as it was: the next click on Reset tries again."
        else:
            here.refused = (config, str(error))
        return fetch_report()
    here.refused, here.trouble, here.run_id, here.stop_problem, here.adapted = None, "", run.id, "", set()
    other_kind = old is None or DATASETS[old.config.dataset].kind != DATASETS[config.dataset].kind
    if here.speed is not None:
        deliver(run, here.speed)
    elif other_kind:
        deliver(run, SPEEDS[recommended_speed(config)])
    here.followed = None
    if here.recipe is not None and not set(here.recipe[0].differences(config)) - {"device"}:
        deliver(run, Replay(here.recipe[1]))
        here.followed = config
    here.recipe = None
    return run.poll(START_WAIT)  # the page goes from the old images to the new, with nothing in between


@serialized
def reconcile(config: GANConfig, report: Report) -> tuple[tuple[str, ...], Report]:
    """Bring the run, whose newest report is ``report``, to ``config`` as far as it goes while training.

    Returns the names of the fields that wait for Reset, and the newest report. A run that has not trained yet takes every
    field: it is begun anew. One that has ended is shown first: nothing takes its place by itself. Until the dataset is
    prepared, the run stays as it is. What the choice of another dataset sets is applied together: while that choice waits,
    every other field waits too.
    """
    run = current_run()
    different = () if run is None else run.config.differences(config)
    if not datasets.ensure_prepared(config):
        return different, report if run is not None else fetch_report()
    if run is None:
        return (), report if tab().run_id else new_run(config)
    together = "dataset" in different
    waiting = tuple(name for name in different if together or not GANConfig.setting(name).live)
    snapshot = report.snapshot
    untrained = snapshot is None or (report.state == "paused" and not snapshot.trained)
    if waiting and untrained:
        return (), new_run(config)
    live = {name: getattr(config, name) for name in different if name not in waiting}
    if live:
        error = deliver(run, Reconfigure(run.config.replace(**live)))
        if error is not None and error.refusal:
            tab().refused, tab().trouble = (config, str(error)), ""
        report = run.poll()
    return waiting, report
