"""The learner's own data: reading an upload, and choosing it as the dataset."""

from dashboard.session.state import current_run, serialized, set_value, tab, value
from dashboard.session.tab import Columns, UploadKey
from gan_core.config import GANConfig
from gan_core.data import smaller_batch
from gan_core.data.own.upload import Kept, OwnKind, UploadedFiles, gather
from gan_core.runs.jobs import Job, JobFailed


def read_upload(kind: OwnKind, files: UploadedFiles, size: int, columns: Columns | None) -> Job:
    """Read an upload in a process of its own; its samples are kept for as long as this tab is open."""
    return Job(gather, kind, files, size, columns, tab().folder())


def remember_outcome(key: UploadKey, outcome: Kept | JobFailed) -> None:
    """Keep the outcome beside those of the same upload, so that it is read once while the dialog is open."""
    here = tab()
    here.upload = {known: read for known, read in here.upload.items() if known.files == key.files} | {key: outcome}


@serialized
def use_upload(kind: OwnKind, kept: Kept) -> None:
    """Choose this upload as the dataset, at the next full script run: a dialog cannot move widgets behind it."""
    here = tab()
    here.own[kept.own_data] = kept.path
    if batch := smaller_batch_for(kept):
        here.postponed["batch_size"] = batch
    here.postponed["dataset"] = kind
    set_value("own_data", kept.own_data)


def smaller_batch_for(kept: Kept) -> int | None:
    """Return the batch size that an upload of few samples needs; None if that of the settings will do."""
    return smaller_batch(value("batch_size", GANConfig().batch_size), kept.count)


def is_available(config: GANConfig) -> bool:
    """Return whether this tab or its run has the own data that ``config`` names."""
    run = current_run()
    return config.own_data in tab().own or (run is not None and run.config.own_data == config.own_data != "")
