"""Callbacks of the page's buttons: each sends this tab's run a command, under the settings as they stand."""

import secrets
from pathlib import Path

from dashboard.session import own_data, server
from dashboard.session.datasets import ensure_prepared, show_config
from dashboard.session.run import START_WAIT, current_settings, deliver, fetch_report, new_run, reconcile
from dashboard.session.speeds import SPEEDS
from dashboard.session.state import current_run, move, serialized, stop_waiting, tab, value
from gan_core.config import GANConfig
from gan_core.data import DATASETS, OWN
from gan_core.data.own.samples import OWN_FILE, link
from gan_core.data.prepared import is_prepared
from gan_core.runs.protocol import Command, Play, Report, Sample, Speed, Stop
from gan_core.runs.run import CannotStart, RunEnded
from gan_core.runs.uploads import Upload, UploadError, read_upload
from gan_core.training.checkpoint import CheckpointError


@serialized
def send(command: Command) -> None:
    """Send the run a command; without a run, nothing happens."""
    tab().has_acted()
    run = current_run()
    if run is not None:
        deliver(run, command)


@serialized
def start() -> None:
    """Train on, with impossible settings under the run's own; where the page shows that the run has ended, begin a new one."""
    _train(fetch_report(), Play())


@serialized
def go_on() -> None:
    """Train on from the last save of a run whose process has failed, with the settings as they stand."""
    run = current_run()
    if run is None or fetch_report().state != "failed":
        return
    try:
        run.go_on()
    except (OSError, CheckpointError, CannotStart) as error:
        tab().trouble = str(error)
        return
    report = run.poll(START_WAIT)
    tab().failed, tab().trouble = False, ""
    if report.state != "failed":
        _train(report, Play())


@serialized
def run_until(stop: Stop) -> None:
    """Train on as ``start`` does, and pause where ``stop`` says; if that is not possible, the tab keeps the reason."""
    report = fetch_report()
    snapshot = None if report.state == "failed" else report.snapshot  # a failed run is followed by a new one
    try:
        stop.check(0 if snapshot is None else snapshot.iteration)
    except ValueError as problem:
        tab().stop_problem = str(problem)
        return
    _train(report, Play(stop))


def _train(report: Report, command: Play) -> None:
    tab().stop_problem = ""
    if report.state == "failed" and not tab().failed:
        return  # it has ended since the page was drawn, which is shown first
    config = current_settings(report).config
    if config is not None and report.state == "failed":
        new_run(config)
    elif config is not None:
        reconcile(config, report)
    send(command)


def speed_of(report: Report) -> Speed:
    """Return the speed that was chosen in this tab, else the run's."""
    return tab().speed or (report.snapshot.speed if report.snapshot else Speed())


@serialized
def choose_speed() -> None:
    """Train at the speed of the widget from now on."""
    set_speed(SPEEDS[value("speed")])


@serialized
def set_speed(speed: Speed) -> None:
    """Train at this speed from now on, also after a restart."""
    tab().speed = speed
    send(speed)


@serialized
def reconcile_and_send(command: Command) -> None:
    """Send a command after changed settings: the click may have interrupted the script run that takes them over."""
    report = fetch_report()
    config = current_settings(report).config
    if config is not None:
        reconcile(config, report)
    send(command)


@serialized
def reset(**changes: int) -> None:
    """Begin again at iteration 0 with the current settings and these changes to them, else with the same seed.

    Where the chosen dataset cannot be downloaded, the settings go back to those of the run.
    """
    tab().has_acted()
    config, run = current_settings(fetch_report()).config, current_run()
    if config is None and run is not None and value("dataset") in tab().failed_download:
        stop_waiting(tab())
        config = run.config
        show_config(config)
    if config is not None:
        for name, new in changes.items():
            move(name, new)
        if ensure_prepared(config):
            new_run(config.replace(**changes))


def new_seed() -> None:
    """Begin again at iteration 0 with another seed."""
    reset(seed=random_seed())


def random_seed() -> int:
    """Return a seed for another run."""
    return secrets.randbelow(1_000_000)


@serialized
def branch() -> None:
    """Begin a run from the kept moment that was chosen on the slider, paused, and move every widget to its settings."""
    chosen = value("time")
    iteration, run, here = getattr(chosen, "branch", None), current_run(), tab()
    if iteration is None or run is None:
        return
    here.has_acted()
    try:
        begun = server.registry().branch(run.id, int(iteration))
    except (OSError, CheckpointError, CannotStart, RunEnded) as error:
        here.trouble = f"No run can begin from iteration {iteration:,}: {error}"
        return
    here.refused, here.trouble, here.stop_problem = None, "", ""
    show_config(begun.config)


@serialized
def open_file() -> None:
    """Begin a run from the file that was uploaded, paused, and move every widget to its settings; the tab keeps why not."""
    here, file = tab(), value("upload_run")
    here.open_problem = ""
    if file is None:  # it was removed
        return
    here.has_acted()
    try:
        upload = read_upload(file.name, file.getvalue())
        _check_available(upload)
        if upload.state is upload.generator is upload.own is None:
            begin_with(upload.config)
        else:
            _begin_from(upload)
    except (UploadError, CannotStart, OSError) as error:
        here.open_problem = str(error)


def _check_available(upload: Upload) -> None:
    config = upload.config
    title = DATASETS[config.dataset].title
    if config.dataset in OWN and upload.own is None and not own_data.is_available(config):
        raise UploadError(f"It trains on the samples of {title!r}, which only the zip of the whole run holds.")
    if upload.state is not upload.generator and not is_prepared(config.dataset):
        raise UploadError(
            f"It trains on {title}, which is not here yet: choose that dataset, then open the file again."
        )


def _begin_from(upload: Upload) -> None:
    here, config = tab(), upload.config
    if upload.state is None:
        config = config.replace(device=value("device", config.device))
    if (run := current_run()) is None:
        new_run(GANConfig())
        run = current_run()
    if run is None:
        raise UploadError("No run can begin on this server now.")
    before = here.own.get(config.own_data, run.folder / OWN_FILE)

    def fill(folder: Path) -> None:
        upload.fill(folder)
        if config.own_data and upload.own is None:
            link(before, folder / OWN_FILE)

    begun = server.registry().begin_from(run.id, config, fill)
    stop_waiting(here)
    here.refused, here.trouble, here.stop_problem = None, "", ""
    show_config(begun.config)


@serialized
def discard_changes() -> None:
    """Move every widget back to what the run trains with: nothing waits for Reset any more."""
    run, here = current_run(), tab()
    if run is not None:
        stop_waiting(here)
        here.refused = None
        show_config(run.config)


@serialized
def fresh_noise() -> None:
    """Show what the generator makes of other noise; training is not affected."""
    snapshot = fetch_report().snapshot
    if snapshot is not None:
        send(Sample(snapshot.sample_seed + 1))


@serialized
def undo() -> None:
    """Bring back the run that the last restart replaced, paused, and move every widget to its settings."""
    here = tab()
    try:
        run = server.registry().undo(here.run_id)
    except (CannotStart, CheckpointError, OSError) as error:
        here.trouble = f"The run that was replaced cannot be brought back now: {error}"
        return
    if run is not None:
        here.refused, here.trouble, here.stop_problem = None, "", ""
        show_config(run.config)


@serialized
def begin_with(config: GANConfig) -> None:
    """Move every widget to ``config`` and begin a run under it; the device stays the learner's choice."""
    config = config.replace(device=value("device", config.device))
    show_config(config)
    tab().presets_used += 1
    if ensure_prepared(config):
        new_run(config)
