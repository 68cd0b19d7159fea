"""The files in a learner's zip or folder, by one rule, read one by one into memory and never written to disk.

All files at any depth are listed, whatever their names end in; hidden ones, which systems add by themselves, are counted
only. The sizes that a zip states are not trusted: bytes are counted while they are unpacked.
"""

import io
import os
import re
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from gan_core.data.errors import DataError
from gan_core.data.own.refusals import MIB, FileRejected, megabytes

MAX_ENTRIES = 25_000  # in all zips together: 20,000 pictures, and folders
MAX_UNPACKED = 500 * MIB  # bytes, of all zips together: zipping hardly makes pictures smaller
MAX_FILE = 50 * MIB  # bytes of one file, unpacked
MAX_RATIO = 200  # unpacked to packed bytes, beyond the first ``FREE``; about 1 for pictures
FREE = MIB  # bytes
PIECE = 2**16  # bytes unpacked at once

STARTS = (b"PK\x03\x04", b"PK\x05\x06")  # of a zip, and of an empty one
DIRECTORY_ENTRY = b"PK\x01\x02"
SUPPORTED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # Python unpacks the others without limit in one call
SYSTEM_FILES = ("__MACOSX", "Thumbs.db", "ehthumbs.db", "desktop.ini")  # of macOS and Windows
ENCRYPTED = 0x1  # bit of ZipInfo.flag_bits


@dataclass(frozen=True)
class Entry:
    """A file of an upload. ``read`` returns its content or raises FileRejected, or DataError if a limit is exceeded."""

    name: str
    read: Callable[[], bytes]


class Allowance:
    """Numbers of entries and of bytes that may still be read from the zips of an upload, or from a folder."""

    def __init__(self, source: str = "zip", holds: str = "unpacks to") -> None:
        self.source, self.holds = source, holds
        self.entries = MAX_ENTRIES
        self.bytes = MAX_UNPACKED

    def enter(self, count: int) -> None:
        self.entries -= count
        if self.entries < 0:
            raise DataError(
                f"The {self.source} contains more than {MAX_ENTRIES:,} files and folders, which is the limit."
            )

    def unpack(self, count: int) -> None:
        self.bytes -= count
        if self.bytes < 0:
            raise DataError(
                f"The {self.source} {self.holds} more than {megabytes(MAX_UNPACKED)}, which is the limit. "
                "Make the pictures smaller: they are scaled to at most 64×64 pixels anyway."
            )


def is_zip(name: str, content: bytes) -> bool:
    """Return whether a file is a zip by its content or its name."""
    return content.startswith(STARTS) or name.lower().endswith(".zip")


def zip_entries(content: bytes, allowance: Allowance) -> list[Entry]:
    """Return the files in a zip, without folders.

    Raises FileRejected if the zip is damaged, DataError if it exceeds the limit of entries.
    """
    # Counted in the bytes, before zipfile makes an object of each entry, of which there may be millions.
    allowance.enter(content.count(DIRECTORY_ENTRY))
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except Exception as error:  # zipfile raises many kinds on a damaged file
        raise FileRejected("is not a zip, or is damaged") from error
    return [
        Entry(_plain_name(info.filename), partial(_read, archive, info, allowance))
        for info in archive.infolist()
        if not info.is_dir()
    ]


def folder_entries(folder: Path, allowance: Allowance) -> list[Entry]:
    """Return the files in a folder at any depth, as from a zip of it; DataError if there are too many.

    OSError if the folder itself cannot be listed.
    """
    os.listdir(folder)
    entries = []
    for path, folders, files in os.walk(folder):
        allowance.enter(len(folders) + len(files))
        here = Path(path)
        links = [name for name in folders if (here / name).is_symlink()]
        for name in (*files, *links):
            entries.append(
                Entry((here / name).relative_to(folder).as_posix(), partial(_read_file, here / name, allowance))
            )
    return entries


def _read_file(path: Path, allowance: Allowance) -> bytes:
    if path.is_dir():
        raise FileRejected("is a link to a folder, which is not followed")
    if not path.is_file():
        raise FileRejected("is not a file that can be read")
    try:
        with path.open("rb") as file:
            content = _unpacked(file, MAX_FILE, allowance)
    except OSError as error:
        raise FileRejected(f"cannot be read: {error.strerror}") from error
    if len(content) > MAX_FILE:
        raise FileRejected(f"is larger than {megabytes(MAX_FILE)}, too large for a picture")
    if is_zip(path.name, content):
        raise FileRejected("is a zip inside a folder, which is not opened")
    return content


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, allowance: Allowance) -> bytes:
    if reason := _suspicion(info):
        raise FileRejected(reason)
    most = min(MAX_FILE, FREE + MAX_RATIO * info.compress_size)
    try:
        with archive.open(info) as file:
            content = _unpacked(file, most, allowance)
    except DataError:
        raise
    except Exception as error:  # many kinds, as above
        raise FileRejected("is damaged inside the zip") from error
    if len(content) > most:
        raise FileRejected(f"unpacks to more than {megabytes(most)}, too much for a picture of its compressed size")
    if content.startswith(STARTS):
        raise FileRejected("is a zip inside a zip, which is not opened")
    return content


def _unpacked(file: IO[bytes], most: int, allowance: Allowance) -> bytes:
    """Return the file's content, or slightly more than its first ``most`` bytes if it is longer.

    Each piece is counted at once, as an entry that turns out to be damaged at its end has cost the same time.
    """
    content = bytearray()
    while len(content) <= most and (piece := file.read(PIECE)):
        allowance.unpack(len(piece))
        content += piece
    return bytes(content)


def hidden(name: str) -> bool:
    """Return whether a path is one that systems add to a person's files: a dotfile, or one of ``SYSTEM_FILES``."""
    return any(part in SYSTEM_FILES or (part.startswith(".") and part not in (".", "..")) for part in _parts(name))


def _plain_name(name: str) -> str:
    """Return a path without parts that mean nothing: "./a.png", which \"zip -r x.zip ./\" writes, is "a.png"."""
    return "/".join(part for part in _parts(name) if part not in ("", "."))


def _parts(name: str) -> list[str]:
    return re.split(r"[/\\]", name)


def _suspicion(info: zipfile.ZipInfo) -> str:
    """Return why an entry must not be read; empty if it may be."""
    parts = _parts(info.filename)
    if parts[0] == "" or ".." in parts or re.match(r"[A-Za-z]:", info.filename):
        return "has a name that leads out of the zip"  # harmless, as nothing is written, but in no ordinary zip
    if stat.S_ISLNK(info.external_attr >> 16):
        return "is a link to another file"
    if info.flag_bits & ENCRYPTED:
        return "is encrypted"
    if info.filename.lower().endswith(".zip"):
        return "is a zip inside a zip, which is not opened"
    if info.compress_type not in SUPPORTED:
        return "is compressed in an unusual way; make an ordinary zip (deflate)"
    return ""
