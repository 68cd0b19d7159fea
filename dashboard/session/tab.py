"""What a browser tab holds beside its widgets. Streamlit lets go of it when the tab is closed or reloaded."""

import secrets
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from gan_core.data.own.upload import Kept
from gan_core.runs.jobs import Job, JobFailed


class Tab:
    """One tab of one browser.

    ``run_id``: of the run that it shows. ``lock``: its actions take turns. ``waiting_for``: the data set that
    ``preparation`` makes ready for it. ``own``: files of the learner's own data, by fingerprint; they go with the tab,
    runs keep their own.
    """

    def __init__(self) -> None:
        self.name = secrets.token_hex(8)
        self.run_id: str | None = None
        self.lock = threading.RLock()
        self.waiting_for: str | None = None
        self.preparation: Job | None = None
        self.own: dict[str, Path] = {}
        self.gathered: tuple[object, Kept | JobFailed] | None = None  # what the last upload gave, and which one it was
        self._folder: TemporaryDirectory[str] | None = None

    def folder(self) -> Path:
        """A folder of this tab's own, for as long as it is open."""
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="gan-own-data-", ignore_cleanup_errors=True)
        return Path(self._folder.name)

    def close(self) -> None:
        """Remove what it kept on disk. Closing twice is fine."""
        self.own.clear()
        self.gathered = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
