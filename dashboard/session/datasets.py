"""Choosing a dataset, and preparing one that has to be downloaded."""

from dashboard.session import own_data, server
from dashboard.session.settings import show_setting
from dashboard.session.state import current_run, serialized, set_value, stop_waiting, tab, value
from gan_core.config import GANConfig
from gan_core.data import DATASETS, OWN, RECOMMENDED_SETTINGS, with_recommended_settings
from gan_core.data.drawing import drawn
from gan_core.data.folder import data_folder
from gan_core.data.prepared import Progress, is_prepared, prepare_dataset
from gan_core.runs.jobs import JobFailed


@serialized
def choose_dataset() -> None:
    """Adapt the settings to the dataset in the widget: to the recommended ones where it is of another kind.

    The run's own dataset gets back the settings that the choice of another one had changed.
    """
    chosen = value("dataset")
    here, run = tab(), current_run()
    if chosen == here.chosen_dataset:  # a late click has brought back the old one for a moment
        return
    before = GANConfig(dataset=here.chosen_dataset, drawing=value("drawing", ""))
    now = with_recommended_settings(before, chosen)
    other_kind = DATASETS[before.dataset].kind != DATASETS[chosen].kind
    here.chosen_dataset = chosen
    here.opens_own_data = chosen in OWN and not here.own
    adapted = {"classes", "drawing", *(RECOMMENDED_SETTINGS[DATASETS[chosen].kind] if other_kind else ())}
    here.adapted |= adapted
    if run is not None and chosen == run.config.dataset:
        now, adapted, here.adapted = run.config, here.adapted, set()
    for name in adapted:
        show_setting(GANConfig.setting(name), now)


def show_config(config: GANConfig) -> None:
    """Move every widget to ``config``."""
    for setting in GANConfig.settings():
        show_setting(setting, config)
    here = tab()
    here.chosen_dataset, here.opens_own_data = config.dataset, False
    here.adapted = set()


def dataset_problems(config: GANConfig) -> list[str]:
    """Explain why this tab cannot have the dataset: its download failed, or the learner has yet to make it."""
    if config.dataset == "drawn" and not drawn(config.drawing):
        return ["Your drawing is empty. Paint a shape for the generator to learn."]
    if config.dataset in OWN and not own_data.is_available(config):
        what = "pictures" if config.dataset == "own_pictures" else "points"
        if config.own_data:
            missing = f"The {what} of these settings are not here: a reload loses those on which no run trains."
        else:
            missing = f"There are no {what} yet."
        return [f"{missing} Upload your own with **Choose {what}**, or choose another dataset."]
    return [message for dataset, message in tab().failed_download.items() if dataset == config.dataset]


@serialized
def ensure_prepared(config: GANConfig) -> bool:
    """Return whether the dataset is available at once; if not, begin or follow the job that prepares it."""
    here = tab()
    prepared = is_prepared(config.dataset)
    if prepared or here.waiting_for != config.dataset:
        stop_waiting(here)
    if prepared:
        return True
    if here.job is None:
        here.waiting_for = config.dataset
        arguments = (config.dataset, data_folder())
        here.job = server.download_jobs().want(config.dataset, here.name, prepare_dataset, *arguments)
    state = here.job.poll()
    if isinstance(state, Progress):
        return False
    if isinstance(state, JobFailed):
        here.failed_download = {config.dataset: state.message}
    stop_waiting(here)
    return is_prepared(config.dataset)


def download_progress() -> Progress | None:
    """Return how far the dataset is that this tab waits for; None if it waits for none or the job has ended."""
    job = tab().job
    state = None if job is None else job.poll()
    return state if isinstance(state, Progress) else None


@serialized
def cancel_download() -> None:
    """Wait no more for the dataset; choose the one of the current run, or the bundled one."""
    stop_waiting(tab())
    run = current_run()
    set_value("dataset", GANConfig().dataset if run is None else run.config.dataset)
    choose_dataset()
