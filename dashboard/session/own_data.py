"""The learner's own data: reading an upload, and choosing it as the dataset."""

from pathlib import Path

from dashboard.session.state import current_run, serialized, set_value, tab, value
from gan_core.config import GANConfig
from gan_core.data.own.upload import Kept, OwnKind, UploadedFiles, gather
from gan_core.runs.jobs import Job, JobFailed


def picture_size() -> int:
    """Return height and width that own pictures are scaled to, in pixels."""
    size: int = value("picture_size", GANConfig().picture_size)
    return size


def read_upload(kind: OwnKind, files: UploadedFiles, size: int) -> Job:
    """Read an upload in a process of its own; its samples are kept for as long as this tab is open."""
    return Job(gather, kind, files, size, tab().folder())


def outcome_of(key: object) -> Kept | JobFailed | None:
    """Return the outcome of the upload with this key, if it is the last one that was read."""
    last = tab().upload
    return last[1] if last is not None and last[0] == key else None


def remember_outcome(key: object, outcome: Kept | JobFailed) -> None:
    """Keep the outcome, so that the upload is read once while the dialog is open."""
    tab().upload = (key, outcome)


@serialized
def use_upload(kind: OwnKind, kept: Kept) -> None:
    """Choose this upload as the dataset, at the next full script run: a dialog cannot move widgets behind it."""
    here = tab()
    here.own[kept.own_data] = kept.path
    if too_few_for_batch(kept.count):
        here.postponed["batch_size"] = batch_for(kept.count)
    here.postponed["dataset"] = kind
    set_value("own_data", kept.own_data)


def too_few_for_batch(count: int) -> bool:
    """Return whether a batch is larger than this many samples."""
    return bool(value("batch_size", GANConfig().batch_size) > count)


def batch_for(count: int) -> int:
    """Return the largest power of two that is not above ``count``."""
    return 1 << (count.bit_length() - 1)


def file_of(config: GANConfig) -> Path | None:
    """Return the file of the own data that ``config`` names, if this tab has it."""
    return tab().own.get(config.own_data)


def is_available(config: GANConfig) -> bool:
    """Return whether this tab or its run has the own data that ``config`` names."""
    run = current_run()
    return bool(config.own_data) and (
        file_of(config) is not None or (run is not None and run.config.own_data == config.own_data)
    )


def opens_dialog() -> bool:
    """Return whether the dialog for own data opens now; true once after own data was chosen as the dataset."""
    here = tab()
    opens, here.opens_own_data = here.opens_own_data, False
    return opens
