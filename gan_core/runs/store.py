"""Where runs are kept on disk, and to whom each of them belongs."""

import hashlib
import json
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

import platformdirs
from filelock import FileLock, Timeout

from gan_core.data.folder import PROGRAM, is_writable
from gan_core.export.weights import write_whole
from gan_core.runs.saved import ACCESS_FILE, RUN_FILE

LIMIT = 2 * 2**30  # bytes that all runs together may take on disk
LOCK_FILE = "lock"  # held by the server that has the run in memory, until it dies
LONGEST_SWEEP = 2.0  # seconds for which another server's sweep may hold a folder that it leaves as it is
TAB = "tab-"  # how the names of folders begin that last no longer than a browser's tab


def runs_folder() -> Path:
    """Return the folder that GAN_RUNS_DIR names, or one in the user's data; a temporary one where neither can be written."""
    if named := os.environ.get("GAN_RUNS_DIR"):
        return Path(os.path.expanduser(named))
    with suppress(RuntimeError):  # neither HOME nor an entry for this user
        folder = platformdirs.user_data_path(PROGRAM) / "runs"
        if is_writable(folder):
            return folder
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return Path(tempfile.gettempdir()) / f"{PROGRAM}-runs-{user}"


def digest(secret: str) -> str:
    """Return what is kept of a secret: enough to recognise it, not to use it."""
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass
class Access:
    """Who may open a run.

    ``id``: the digest of the run's id, which everybody knows who has its address. ``key``: the secret of the private link.
    ``owners``: digests of the secrets of browsers.
    """

    id: str
    key: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    owners: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return the access to the run in ``folder``; None if there is none."""
        try:
            held = json.loads((folder / ACCESS_FILE).read_text(encoding="utf-8"))
            return cls(str(held["id"]), str(held["key"]), [str(owner) for owner in held["owners"]])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, folder: Path) -> None:
        """Make ``folder`` the one that the run is opened from. OSError if the disk does not take it."""
        write_whole(folder / ACCESS_FILE, json.dumps(asdict(self)).encode())

    @property
    def feed(self) -> str:
        """The name under which the page's script asks for updates, which no address and no file holds."""
        return digest(f"feed {self.key}")[:32]

    def admit(self, owner: str, key: str = "") -> bool:
        """Return whether the browser with the secret ``owner``, or a link with ``key``, may open the run.

        The right key makes the browser an owner.
        """
        if owner and digest(owner) in self.owners:
            return True
        admitted = bool(key) and secrets.compare_digest(key.encode(), self.key.encode())
        if admitted and owner:
            self.owners.append(digest(owner))
        return admitted


class Store:
    """The folders of runs below ``root``. Several servers may share it: a run that one of them has open is left alone."""

    def __init__(self, root: Path | None = None, limit: int = LIMIT) -> None:
        self.root = root or runs_folder()
        self._limit = limit
        self._locks: dict[Path, FileLock] = {}
        self._sweeping = threading.Lock()  # by folder: nobody here takes one that this server's sweep looks into

    def make_folder(self, kind: str = "") -> Path:
        """Return a new folder that only this user can read, held until ``release``. OSError if the disk does not take it."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = self.root / f"{kind}{secrets.token_hex(8)}"
        with self._sweeping:
            folder.mkdir(mode=0o700)
            held = self._lock(folder, LONGEST_SWEEP)
        if not held:
            shutil.rmtree(folder, ignore_errors=True)
            raise OSError(f"{folder} cannot be locked")
        return folder

    def hold(self, folder: Path) -> bool:
        """Keep other servers and ``sweep`` from touching ``folder``; False if another server holds it."""
        with self._sweeping:
            return self._lock(folder, LONGEST_SWEEP)

    def _lock(self, folder: Path, wait: float) -> bool:
        lock = FileLock(folder / LOCK_FILE, timeout=wait, thread_local=False)
        try:
            lock.acquire()
        except NotImplementedError:  # a file system without locks: the run is used, and ``sweep`` leaves it alone
            return True
        except (Timeout, OSError):  # another server has it, or the disk does not take the file
            return False
        self._locks[folder] = lock
        return True

    def release(self, folder: Path) -> None:
        """Let go of ``folder``: it stays if a run is saved there that somebody may open, and is removed otherwise."""
        keep = (folder / RUN_FILE).exists() and (folder / ACCESS_FILE).exists()
        if keep:
            with suppress(OSError):
                os.utime(folder)  # used last now
        else:
            shutil.rmtree(folder, ignore_errors=True)
        if (lock := self._locks.pop(folder, None)) is not None:
            with suppress(OSError):
                lock.release()
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)

    def find(self, run_id: str) -> tuple[Path, Access] | None:
        """Return the folder and the access of the saved run with this id; None if there is none."""
        wanted = digest(run_id)
        for folder in self._folders():
            access = Access.read(folder)
            if access is not None and access.id == wanted and (folder / RUN_FILE).exists():
                return folder, access
        return None

    def sweep(self) -> None:
        """Remove what a server that died has left and nobody can open, then the runs unused longest, down to the limit."""
        closed = []
        for folder in self._folders():
            with self._unused(folder) as unused:
                if unused and not ((folder / RUN_FILE).exists() and (folder / ACCESS_FILE).exists()):
                    shutil.rmtree(folder, ignore_errors=True)
                elif unused:
                    closed.append(folder)
        self._make_room(closed)

    def _make_room(self, closed: Iterable[Path]) -> None:
        total = sum(map(_size, self._folders()))
        for folder in sorted(closed, key=_used_at):
            if total <= self._limit:
                return
            with self._unused(folder) as unused:
                if unused:
                    total -= _size(folder)
                    shutil.rmtree(folder, ignore_errors=True)

    @contextmanager
    def _unused(self, folder: Path) -> Iterator[bool]:
        """Hold ``folder`` meanwhile; the value is False if somebody else holds it, or this server."""
        with self._sweeping:
            if folder in self._locks or not self._lock(folder, 0) or folder not in self._locks:
                yield False
                return
            try:
                yield True
            finally:
                self._locks.pop(folder).release()

    def _folders(self) -> list[Path]:
        try:
            return [folder for folder in self.root.iterdir() if folder.is_dir()]
        except OSError:
            return []


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.stat().st_size
    return total


def _used_at(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0
