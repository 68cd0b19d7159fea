"""The one file that touches ``st.session_state`` and the registry of runs."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import streamlit as st
from pydantic import ValidationError

from dashboard.controls.parse import parse_sizes, show_sizes
from dashboard.session.tab import Tab
from gan_core.config import GANConfig, Setting, explain
from gan_core.data import DATASETS, OWN, RECOMMENDED_SETTINGS, with_recommended_settings
from gan_core.data.drawing import drawn
from gan_core.data.folder import data_folder
from gan_core.data.own.upload import Kept, OwnKind, UploadedFiles
from gan_core.data.own.upload import gather as read_upload
from gan_core.data.prepared import Progress, is_prepared, prepare_dataset
from gan_core.options import option_value
from gan_core.runs.jobs import Job, JobFailed, Jobs
from gan_core.runs.process import warm_up
from gan_core.runs.protocol import Command, Failure, Report
from gan_core.runs.registry import CannotStart, Registry, Run, TooManyRuns

START_WAIT = 1.5  # seconds; a run starts in a quarter of one once the server is warm
RUN = "run"  # the run's id: in the session, and in the address so that a reload finds it again
ARRIVED = "arrived"
REFUSED = "refused"  # the settings under which no run could begin, and why
UNPREPARED = "unprepared"  # the data set that could not be made ready, and why
CHOSEN = "chosen_dataset"  # the data set that the settings were last made to suit


LATER = "later"  # widgets' values that wait for the next full run: a drawn widget cannot be moved
PRESETS_USED = "presets_used"  # how often one was chosen
OPEN_OWN = "open_own"  # the dialog for own data is to open by itself

P = ParamSpec("P")
R = TypeVar("R")


@st.cache_resource(show_spinner=False)
def registry() -> Registry:
    """The runs of this server, one registry for all sessions."""
    warm_up()
    made = Registry()
    made.keep_swept()
    return made


@st.cache_resource(show_spinner=False)
def preparations() -> Jobs:
    """What is being made ready on this server, for all sessions."""
    return Jobs()


def _left(tab: Tab) -> None:
    if tab.waiting_for is not None:
        preparations().leave(tab.waiting_for, tab.name)
    tab.close()
    run = registry().get(tab.run_id) if tab.run_id else None
    if run is not None:
        run.left()


@st.cache_resource(scope="session", on_release=_left, show_spinner=False)
def _tab() -> Tab:
    return Tab()


def alone(action: Callable[P, R]) -> Callable[P, R]:
    """Let ``action`` run when no other such action of this tab does.

    Streamlit starts a second script for a click that comes while the first one's callback still works: without this,
    Start, clicked while Reset was building the new run, went to the old one.
    """

    @wraps(action)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        with _tab().lock:
            return action(*args, **kwargs)

    return guarded


# Settings ----------------------------------------------------------------------------------------------------


def value(key: str, default: Any = None) -> Any:
    """What the widget of this key stands at."""
    return st.session_state.get(key, default)


def set_value(key: str, new: Any) -> None:
    """Move a widget; only from a callback, before the widget is drawn."""
    st.session_state[key] = new


def set_later(key: str, new: Any) -> None:
    """Move a widget that is drawn already, as from a dialog: at the start of the next full run."""
    set_value(LATER, {**value(LATER, {}), key: new})


def _move_what_waited() -> None:
    waiting: dict[str, Any] = value(LATER, {})
    set_value(LATER, {})
    for key, new in waiting.items():
        set_value(key, new)
    if "dataset" in waiting:
        choose_dataset()


@dataclass(frozen=True)
class Settings:
    """The widgets' values as a config, or the sentences that say why they make none."""

    config: GANConfig | None
    problems: tuple[str, ...] = ()


def settings() -> Settings:
    """The config that the widgets stand at now."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for setting in GANConfig.settings():
        current = value(setting.name, setting.default)
        if setting.kind == "sizes" and isinstance(current, str):
            try:
                current = parse_sizes(current)
            except ValueError:
                problems.append(f"{setting.name} = {current!r} is not possible; it should be {setting.expected()}.")
                continue
        if setting.kind == "classes" and not DATASETS[value("dataset", GANConfig().dataset)].classes:
            continue
        values[setting.name] = setting.default if current is None and setting.kind == "choice" else current
    try:
        config = GANConfig(**values)
    except ValidationError as error:
        return Settings(None, (*problems, *explain(error)))
    if not problems:
        problems += _not_at_hand(config)
    if not problems and current_run() is not None:
        problems += _not_here(config)
        if refused := _refusal(config):
            problems.append(refused)
    return Settings(None, tuple(problems)) if problems else Settings(config)


def _not_here(config: GANConfig) -> list[str]:
    """What this machine cannot do, known before a run is given up for it: the present run has looked."""
    run = current_run()
    snapshot = run.poll(0).snapshot if run is not None else None
    kind = config.device.partition(":")[0]
    if snapshot is None or kind in ("auto", *snapshot.devices):
        return []
    return [
        f"device = {config.device!r} is not on this machine; it should be one of auto, {', '.join(snapshot.devices)}."
    ]


def edit_sizes(field: str, picture_key: str) -> None:
    """The learner changed hidden sizes in the network's picture: move the text field that holds them."""
    sizes = st.session_state[picture_key].sizes
    if sizes:
        set_value(field, show_sizes(sizes))


def edit_drawing(canvas_key: str) -> None:
    """The learner has drawn a stroke, erased one or cleared the canvas."""
    set_value("drawing", st.session_state[canvas_key].drawing["cells"])


# The data set -------------------------------------------------------------------------------------------------


def choose_dataset() -> None:
    """The learner chose another data set: where it is of another kind, the settings go to what suits that."""
    chosen = value("dataset")
    before = GANConfig(dataset=value(CHOSEN) or GANConfig().dataset, drawing=value("drawing", ""))
    now = with_recommended_settings(before, chosen)
    other_kind = DATASETS[before.dataset].kind != DATASETS[chosen].kind
    set_value(CHOSEN, chosen)
    set_value(OPEN_OWN, chosen in OWN and not _tab().own)
    for name in ("classes", "drawing", *(RECOMMENDED_SETTINGS[DATASETS[chosen].kind] if other_kind else ())):
        _set_from_config(GANConfig.setting(name), now)


def opens_own() -> bool:
    """Whether the dialog for own data is to open now; true once after such a set was chosen."""
    opens = bool(value(OPEN_OWN))
    set_value(OPEN_OWN, False)
    return opens


def _not_at_hand(config: GANConfig) -> list[str]:
    """Why the data set cannot be had, if it was tried; or that it is still to be made by the learner."""
    if config.dataset == "drawn" and not drawn(config.drawing):
        return ["drawing is empty, so there is nothing to learn; it should be a shape: paint it on the data card."]
    if config.dataset in OWN and not _own_there(config):
        what = "pictures" if config.dataset == "own_pictures" else "points"
        return [f"own_data: there are no {what} of yours here yet; bring them with Choose {what} on the data card."]
    failed: tuple[str, str] | None = value(UNPREPARED)
    return [failed[1]] if failed is not None and failed[0] == config.dataset else []


@alone
def at_hand(config: GANConfig) -> bool:
    """Whether the data set can be had at once; if not, it is being made ready from now on."""
    tab = _tab()
    if tab.waiting_for not in (None, config.dataset):
        _stop_waiting()
    if is_prepared(config.dataset):
        _stop_waiting()
        return True
    if tab.waiting_for is None:
        tab.waiting_for = config.dataset
        arguments = (config.dataset, data_folder())
        tab.preparation = preparations().want(config.dataset, tab.name, prepare_dataset, *arguments)
    state = None if tab.preparation is None else tab.preparation.poll()
    if isinstance(state, Progress):
        return False
    if isinstance(state, JobFailed):
        set_value(UNPREPARED, (config.dataset, state.message))
    _stop_waiting()
    return is_prepared(config.dataset)


def _stop_waiting() -> None:
    tab = _tab()
    if tab.waiting_for is not None:
        preparations().leave(tab.waiting_for, tab.name)
        tab.waiting_for = tab.preparation = None


def progress() -> Progress | None:
    """How far the data set is that this tab waits for; None if it waits for none or the work has ended."""
    preparation = _tab().preparation
    state = None if preparation is None else preparation.poll()
    return state if isinstance(state, Progress) else None


def preparing() -> bool:
    """Whether this tab waits for a data set. The end of the work counts too until a run of the page has taken it in."""
    return progress() is not None or (_tab().waiting_for is not None and settings().config is not None)


@alone
def call_off() -> None:
    """Wait no more for the data set; choose the one of the run that there is, or the bundled one."""
    _stop_waiting()
    run = current_run()
    set_value("dataset", GANConfig().dataset if run is None else run.config.dataset)
    choose_dataset()


def unprepared() -> bool:
    """Whether the chosen data set was tried and could not be had."""
    failed: tuple[str, str] | None = value(UNPREPARED)
    return failed is not None and failed[0] == value("dataset")


def try_again() -> None:
    """Make the data set ready once more."""
    set_value(UNPREPARED, None)


# The learner's own data ---------------------------------------------------------------------------------------


def picture_size() -> int:
    """What own pictures are brought to."""
    size: int = value("picture_size", GANConfig().picture_size)
    return size


def gather(kind: OwnKind, files: UploadedFiles, size: int) -> Job:
    """Read an upload in a process of its own; its samples are kept for as long as this tab is open."""
    return Job(read_upload, kind, files, size, _tab().folder())


def gathered(key: object) -> Kept | JobFailed | None:
    """What the upload of this key gave, if it is the last one that was read."""
    last = _tab().gathered
    return last[1] if last is not None and last[0] == key else None


def remember_gathered(key: object, outcome: Kept | JobFailed) -> None:
    """So that it is not read again while the dialog is open."""
    _tab().gathered = (key, outcome)


@alone
def use_own(kind: OwnKind, kept: Kept) -> None:
    """Choose this upload as the data set."""
    _tab().own[kept.own_data] = kept.path
    if too_few_for_batch(kept.count):
        set_later("batch_size", batch_for(kept.count))
    set_later("dataset", kind)
    set_value("own_data", kept.own_data)


def too_few_for_batch(count: int) -> bool:
    """Whether the batch is larger than this many samples."""
    return bool(value("batch_size", GANConfig().batch_size) > count)


def batch_for(count: int) -> int:
    """The largest power of two that so many samples give."""
    return 1 << (count.bit_length() - 1)


def _own_file(config: GANConfig) -> Path | None:
    return _tab().own.get(config.own_data)


def _own_there(config: GANConfig) -> bool:
    run = current_run()
    return bool(config.own_data) and (
        _own_file(config) is not None or (run is not None and run.config.own_data == config.own_data)
    )


# The run -----------------------------------------------------------------------------------------------------


def arrive() -> None:
    """First thing on every page, before its widgets: settings that only the address holds, and a reloaded run.

    The address names the run, but a link may be sent to somebody else: so a run is taken over only once its page was
    closed, as it is by a reload. The other person begins a run of their own with the same settings.
    """
    _move_what_waited()
    if value(ARRIVED):
        return
    set_value(ARRIVED, True)
    run = registry().get(st.query_params.get(RUN, ""))
    adopted = run.config if run is not None and run.left_at is not None else None
    if run is not None and adopted is not None:
        set_value(RUN, run.id)
    for setting in GANConfig.settings():
        if setting.name in st.query_params:
            _set_from_address(setting, st.query_params[setting.name])
        elif adopted is not None:
            _set_from_config(setting, adopted)


def _set_from_address(setting: Setting, text: str) -> None:
    """Take a setting out of the address if it is one that a run can have; Streamlit removes the others."""
    try:
        config = GANConfig(**{setting.name: option_value(setting, text)})
    except ValidationError:
        return
    _set_from_config(setting, config)


def _set_from_config(setting: Setting, config: GANConfig) -> None:
    new = getattr(config, setting.name)
    set_value(setting.name, show_sizes(new) if setting.kind == "sizes" else new)


def current_run() -> Run | None:
    """This session's run, if it has not ended."""
    run_id = value(RUN)
    run = registry().get(run_id) if run_id else None
    _tab().run_id = run.id if run is not None else None
    return run


@alone
def new_run(config: GANConfig) -> Run | None:
    """Begin this session's run anew under ``config``, not training yet.

    None, and the run that there is stays, if the server is full or these settings cannot start.
    """
    old = current_run()
    try:
        own = _own_file(config)
        run = registry().create(config, own) if old is None else registry().restart(old.id, config, own)
    except (TooManyRuns, CannotStart) as refusal:
        set_value(REFUSED, (config, str(refusal)))
        return None
    set_value(REFUSED, None)
    set_value(RUN, run.id)
    run.poll(START_WAIT)  # so that the page goes from the old pictures to the new, with nothing between
    return run


@alone
def begin_with(config: GANConfig) -> None:
    """Move every widget to ``config`` and begin a run under it; where it computes stays the learner's choice."""
    config = config.replace(device=value("device", config.device))
    for setting in GANConfig.settings():
        _set_from_config(setting, config)
    set_value(CHOSEN, config.dataset)
    set_value(PRESETS_USED, value(PRESETS_USED, 0) + 1)
    if at_hand(config):
        new_run(config)


def _refusal(config: GANConfig | None = None) -> str | None:
    """Why no run could begin, under ``config`` if one is given."""
    refused: tuple[GANConfig, str] | None = value(REFUSED)
    return refused[1] if refused is not None and config in (None, refused[0]) else None


def report() -> Report:
    """How the run stands."""
    run = current_run()
    if run is None and _tab().waiting_for is not None:
        return Report("starting")
    if run is None:
        return Report("failed", None, Failure(_refusal() or "This run has ended: nobody looked at it for a while."))
    return run.poll()


def report_of(run_id: str) -> Report:
    """How a run stands, for somebody who only looks: the run goes on as if nobody had."""
    run = registry().get(run_id)
    return Report("failed") if run is None else run.look()


@alone
def send(command: Command) -> None:
    """Send the run a command; without a run, nothing happens."""
    run = current_run()
    if run is not None:
        run.send(command)


@alone
def reconcile(config: GANConfig) -> tuple[str, ...]:
    """Bring the run to ``config`` as far as it goes while training; the names of the fields that must wait.

    A run that has not trained yet takes every field: it is simply made again. Until the data set is at hand, the run
    stays as it is.
    """
    if not at_hand(config):
        return ()
    run = current_run()
    if run is None:
        new_run(config)
        return ()
    different = run.config.differences(config)
    if not different:
        return ()
    waiting = tuple(name for name in different if not GANConfig.setting(name).live)
    if waiting and untrained(run.poll()):
        new_run(config)
        return ()
    live = {name: getattr(config, name) for name in different if name not in waiting}
    if live:
        run.reconfigure(run.config.replace(**live))
    return waiting


def untrained(report: Report) -> bool:
    """Nothing has been trained, so nothing can be lost."""
    snapshot = report.snapshot
    if snapshot is None:  # still starting, or failed before it had anything
        return True
    return report.state == "paused" and snapshot.updates_d == 0 and snapshot.updates_g == 0


def new_seed() -> int:
    """A seed for another run."""
    return secrets.randbelow(1_000_000)


def remember_in_address() -> None:
    """Name the run in the address, so that a reload of the page comes back to it, and the settings without a widget."""
    held = {RUN: value(RUN), **{setting.name: value(setting.name) for setting in GANConfig.settings() if setting.data}}
    for name, text in held.items():
        if text and st.query_params.get(name) != text:
            st.query_params[name] = text
        elif not text and name in st.query_params:
            del st.query_params[name]
