"""What a browser tab holds beside its widgets."""

import secrets
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from dashboard.session import server
from dashboard.session.class_link import ClassLink
from gan_core.config import GANConfig
from gan_core.data.own.upload import Kept, OwnKind
from gan_core.runs.jobs import Job, JobFailed
from gan_core.runs.protocol import Speed
from gan_core.runs.store import TAB
from gan_core.snapshot import Recipe

Columns = tuple[int, int]  # indices of a table's x and y


class UploadKey(NamedTuple):
    """What an upload's outcome depends on: Streamlit's names of the files, their kind, and the choices in the dialog."""

    files: tuple[str, ...]
    kind: OwnKind
    size: int
    columns: Columns | None


class Moved(NamedTuple):
    """What stood in a widget and what the page has moved it to, in which of its script runs."""

    old: Any
    new: Any
    script_runs: int


@dataclass
class Tab:
    """One tab of one browser, from its first script run until its session ends.

    ``name``: what the download jobs know it by. ``page``: what the server knows its connection by. ``lock``: its actions
    take turns.

    ``run_id``: of the run that it shows; the run may be gone. ``failed``: the page was last drawn with a run that had
    failed, or with none. ``arrived``: the address has been read. ``not_opened``: why the run in the address was not opened;
    ``link_problems``: sentences about what no run can have of it. Both stand until the learner acts. ``shown``: the
    settings that the page was last drawn with. ``recipe``: of the link, with the settings that it begins with; the next run
    repeats it if it has these. ``followed``: the settings of a run that repeats a recipe, to which the widgets were moved
    last. ``refused``: the settings under which no run could begin, and why.
    ``trouble``: why none could begin though the settings are right, as on a full disk; the next click tries again.
    ``speed``: the one chosen in this tab, if any. ``stop_problem``: why the run cannot pause by itself where the learner
    last asked for it. ``open_problem``: why no run could begin from the file that was opened last.

    ``chosen_dataset``: the dataset that the settings were last adapted to. ``adapted``: the fields that choices of a
    dataset have set since the run began. ``waiting_for``: the dataset that ``job`` prepares for it. ``failed_download``:
    the dataset that could not be prepared, and why.

    ``own``: files of the learner's own data, by fingerprint; they go with the tab, runs keep their own. ``upload``: the
    outcomes of the last upload that was read. ``opens_own_data``: the dialog for own data opens by itself.

    ``moved``: widgets that the page has moved, by key; until ``moved_until`` the browser may not have drawn them.
    ``popovers``: the key of the popover that a widget is in. ``script_runs``: how many there were.

    ``lesson``: what a teacher's link has set for this tab; ``signed_lesson``: as it stands in the address, "" without one.

    ``postponed``: values of widgets that move at the next full script run. ``presets_used``: how often one was chosen.
    """

    name: str = field(default_factory=lambda: secrets.token_hex(8))
    page: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock)
    run_id: str = ""
    failed: bool = True
    arrived: bool = False
    not_opened: str = ""
    link_problems: tuple[str, ...] = ()
    shown: GANConfig | None = None
    recipe: tuple[GANConfig, Recipe] | None = None
    followed: GANConfig | None = None
    refused: tuple[GANConfig, str] | None = None
    trouble: str = ""
    speed: Speed | None = None
    lesson: ClassLink = field(default_factory=ClassLink)
    signed_lesson: str = ""
    stop_problem: str = ""
    open_problem: str = ""
    chosen_dataset: str = GANConfig().dataset
    adapted: set[str] = field(default_factory=set)
    waiting_for: str | None = None
    job: Job | None = None
    failed_download: dict[str, str] = field(default_factory=dict)
    own: dict[str, Path] = field(default_factory=dict)
    upload: dict[UploadKey, Kept | JobFailed] = field(default_factory=dict)
    opens_own_data: bool = False
    moved: dict[str, Moved] = field(default_factory=dict)
    moved_until: float = 0.0
    popovers: dict[str, str] = field(default_factory=dict)
    script_runs: int = 0
    postponed: dict[str, Any] = field(default_factory=dict)
    presets_used: int = 0
    _folder: Path | None = None

    def folder(self) -> Path:
        """Return this tab's own folder, which is removed by ``close``."""
        if self._folder is None:
            self._folder = server.registry().store.make_folder(TAB)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._folder

    def close(self) -> None:
        """Remove what it keeps on disk. Closing twice is fine."""
        self.own.clear()
        self.upload.clear()
        if self._folder is not None:
            server.registry().store.release(self._folder)
            self._folder = None

    def has_acted(self) -> None:
        """Drop what the page says about its address."""
        self.not_opened, self.link_problems = "", ()
