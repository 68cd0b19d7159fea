"""The files in a learner's zip or folder, by one rule, read one by one into memory and never written to disk.

All files at any depth are listed, whatever their names end in. The sizes that a zip states are not trusted: bytes are
counted while they are unpacked.
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

MAX_ENTRIES = 25_000  # in all zips together, or in a folder: 20,000 pictures, and folders
MAX_UNPACKED = 500 * MIB  # bytes, of all zips together, or of a folder: zipping hardly makes pictures smaller
MAX_FILE = 50 * MIB  # bytes of one file, unpacked
MAX_RATIO = 200  # unpacked to packed bytes, beyond the first ``FREE``; about 1 for photos
FREE = 12 * MIB  # bytes: a BMP of 2,000×2,000 pixels, which may be mostly white
PIECE = 2**16  # bytes unpacked at once

STARTS = (b"PK\x03\x04", b"PK\x05\x06")  # of a zip, and of an empty one
DIRECTORY_ENTRY = b"PK\x01\x02"
SUPPORTED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # Python unpacks the others without limit in one call
# Of macOS, Windows and a network drive, which keeps small copies of each picture.
SYSTEM_FILES = ("__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "@eadir")
ENCRYPTED = 0x1  # bit of ZipInfo.flag_bits


@dataclass(frozen=True)
class Entry:
    """A file of an upload. ``read`` returns its content or raises FileRejected, or DataError if a limit is exceeded."""

    name: str
    read: Callable[[], bytes]


class Allowance:
    """Numbers of entries and of bytes that may still be read from the zips of an upload, or from a folder.

    ``largest``: the most bytes of one file in a zip.
    """

    def __init__(self, source: str = "zip", holds: str = "unpacks to", largest: int = MAX_FILE) -> None:
        self.source, self.holds = source, holds
        self.entries = MAX_ENTRIES
        self.bytes = MAX_UNPACKED
        self.largest = largest

    def enter(self, count: int) -> None:
        self.entries -= count
        if self.entries < 0:
            raise DataError(
                f"The {self.source} contains more than {MAX_ENTRIES:,} files and folders, which is the limit."
            )

    def unpack(self, count: int) -> None:
        self.check(count)
        self.bytes -= count

    def check(self, count: int) -> None:
        if count > self.bytes:
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
        if not info.filename.endswith(("/", "\\"))  # a folder, as other systems and Windows write it
    ]


def folder_entries(folder: Path, allowance: Allowance) -> list[Entry]:
    """Return the files in a folder at any depth, as from a zip of it. Hidden folders are not entered.

    Raises DataError if there are too many or if they are too large together, OSError if the folder cannot be listed.
    """
    entries = []

    def add(path: Path, read: Callable[[], bytes]) -> None:
        entries.append(Entry(path.relative_to(folder).as_posix(), read))

    def report(error: OSError) -> None:
        if Path(error.filename) == folder:
            raise error
        add(Path(error.filename), partial(_refuse, f"cannot be listed: {error.strerror}"))

    together = 0
    for here, folders, files in os.walk(folder, onerror=report):
        allowance.enter(len(folders) + len(files))
        unopened = [name for name in folders if hidden_part(name) or os.path.islink(os.path.join(here, name))]
        folders[:] = set(folders).difference(unopened)
        for name in (*files, *unopened):
            path = Path(here, name)
            add(path, partial(_read_file, path, allowance))
            if not hidden_part(name) and os.path.isfile(path) and (size := path.stat().st_size) <= MAX_FILE:
                together += size
    allowance.check(together)
    return entries


def _read_file(path: Path, allowance: Allowance) -> bytes:
    if os.path.isdir(path):
        raise FileRejected("is a link to a folder, which is not followed")
    if not os.path.isfile(path):
        raise FileRejected("is not a file that can be read")
    if path.stat().st_size > MAX_FILE:
        raise FileRejected(f"is larger than {megabytes(MAX_FILE)}, too large for a picture")
    try:
        with path.open("rb") as file:
            content = _unpacked(file, MAX_FILE, allowance)
    except OSError as error:
        raise FileRejected(f"cannot be read: {error.strerror}") from error
    if is_zip(path.name, content):
        raise FileRejected("is a zip inside a folder, which is not opened")
    return content


def _refuse(reason: str) -> bytes:
    raise FileRejected(reason)


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, allowance: Allowance) -> bytes:
    if reason := _suspicion(info):
        raise FileRejected(reason)
    most = min(allowance.largest, FREE + MAX_RATIO * info.compress_size)
    try:
        with archive.open(info) as file:
            content = _unpacked(file, most, allowance)
    except (DataError, FileRejected):
        raise
    except Exception as error:  # many kinds, as above
        raise FileRejected("is damaged inside the zip") from error
    if content.startswith(STARTS):
        raise FileRejected("is a zip inside a zip, which is not opened")
    return content


def _unpacked(file: IO[bytes], most: int, allowance: Allowance) -> bytes:
    """Return the file's content; FileRejected if it is longer than ``most`` bytes.

    Each piece is counted at once, as an entry that turns out to be damaged at its end has cost the same time.
    """
    content = bytearray()
    while len(content) <= most and (piece := file.read(PIECE)):
        allowance.unpack(len(piece))
        content += piece
    if len(content) > most:
        raise FileRejected(f"unpacks to more than {megabytes(most)}, too much for a picture of its compressed size")
    return bytes(content)


def hidden_part(name: str) -> str:
    """Return a path up to its first part that systems add to a person's files, a dotfile or one of ``SYSTEM_FILES``.

    It is empty if no part is of that kind.
    """
    parts = _parts(name)
    for index, part in enumerate(parts, 1):
        if part.casefold() in SYSTEM_FILES or (part.startswith(".") and part not in (".", "..")):
            return "/".join(parts[:index])
    return ""


def _plain_name(name: str) -> str:
    """Return a path in a zip as a folder would have it: "./a.png", which "zip -r x.zip ./" writes, is "a.png"."""
    return name if _leads_out(name) else "/".join(part for part in _parts(name) if part not in ("", "."))


def _leads_out(name: str) -> bool:
    parts = _parts(name)
    return parts[0] == "" or ".." in parts or re.match(r"[A-Za-z]:", name) is not None


def _parts(name: str) -> list[str]:
    return re.split(r"[/\\]", name)


def _suspicion(info: zipfile.ZipInfo) -> str:
    """Return why an entry must not be read; empty if it may be."""
    if _leads_out(info.filename):
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
