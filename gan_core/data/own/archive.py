"""A zip of the learner's: its files, read one by one in memory and never written anywhere.

Nothing that the archive says of itself is trusted: bytes are counted while they are unpacked.
"""

import io
import re
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import IO

from gan_core.data.errors import DataError
from gan_core.data.own.samples import MIB, FileRejected, megabytes

MAX_ENTRIES = 25_000  # of all zips together: 20,000 pictures, and folders
MAX_UNPACKED = 500 * MIB  # bytes, of all zips together: pictures hardly get smaller by packing
MAX_FILE = 50 * MIB  # bytes of one file unpacked
MAX_RATIO = 200  # unpacked to packed bytes, beyond the first ``FREE`` ones; a picture has about 1
FREE = MIB  # bytes
PIECE = 2**16  # bytes unpacked at once

STARTS = (b"PK\x03\x04", b"PK\x05\x06")  # of a zip, and of an empty one
DIRECTORY_ENTRY = b"PK\x01\x02"
PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others unpack without any limit at one call
ENCRYPTED = 0x1  # the flag's bit


@dataclass(frozen=True)
class Entry:
    """A file of an upload. ``read`` gives its content or raises FileRejected; DataError if nothing more can be read."""

    name: str
    read: Callable[[], bytes]


class Allowance:
    """Entries that may still be listed, and bytes that may still be unpacked, over all zips of an upload."""

    def __init__(self) -> None:
        self.entries = MAX_ENTRIES
        self.bytes = MAX_UNPACKED

    def enter(self, count: int) -> None:
        self.entries -= count
        if self.entries < 0:
            raise DataError(
                f"The zip holds more than {MAX_ENTRIES:,} files and folders, which is the most that is read."
            )

    def unpack(self, count: int) -> None:
        self.bytes -= count
        if self.bytes < 0:
            raise DataError(
                f"The zip unpacks to more than {megabytes(MAX_UNPACKED)}, which is the most that is read. "
                "Make the pictures smaller: they are brought to at most 64×64 pixels anyway."
            )


def is_zip(name: str, content: bytes) -> bool:
    """Whether a file is a zip, or is meant to be one."""
    return content.startswith(STARTS) or name.lower().endswith(".zip")


def zip_entries(content: bytes, allowance: Allowance) -> list[Entry]:
    """The files in a zip, without folders and what systems hide beside them.

    Raises FileRejected if it is broken, DataError if it holds more than may be listed.
    """
    # Each entry of the directory begins so; counted before zipfile makes objects of millions of them.
    allowance.enter(content.count(DIRECTORY_ENTRY))
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except Exception as error:  # zipfile raises whatever its parsing of a broken file comes upon
        raise FileRejected("is no zip, or a broken one") from error
    return list(_entries(archive, allowance))


def _entries(archive: zipfile.ZipFile, allowance: Allowance) -> Iterator[Entry]:
    for info in archive.infolist():
        if not (info.is_dir() or hidden(info.filename)):
            yield Entry(info.filename, partial(_read, archive, info, allowance))


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, allowance: Allowance) -> bytes:
    if reason := _suspicion(info):
        raise FileRejected(reason)
    most = min(MAX_FILE, FREE + MAX_RATIO * info.compress_size)
    try:
        with archive.open(info) as file:
            content = _unpacked(file, most, allowance)
    except DataError:
        raise
    except Exception as error:  # as above: checksums, offsets, the packed bytes themselves
        raise FileRejected("is broken inside the zip") from error
    if len(content) > most:
        raise FileRejected(f"unpacks to more than {megabytes(most)}, which no picture of its packed size does")
    if content.startswith(STARTS):
        raise FileRejected("is a zip inside a zip, which is not opened")
    return content


def _unpacked(file: IO[bytes], most: int, allowance: Allowance) -> bytes:
    """The file, or a little more than its first ``most`` bytes. Counted piece by piece: an entry that turns out to be
    broken at its end has cost as much as a good one."""
    content = bytearray()
    while len(content) <= most and (piece := file.read(PIECE)):
        allowance.unpack(len(piece))
        content += piece
    return bytes(content)


def hidden(name: str) -> bool:
    """Whether a file is one that systems put beside a person's: a dotfile, or in a folder of a Mac's making."""
    return any(part == "__MACOSX" or (part.startswith(".") and part != "..") for part in _parts(name))


def _parts(name: str) -> list[str]:
    return re.split(r"[/\\]", name)


def _suspicion(info: zipfile.ZipInfo) -> str:
    """Why an entry is not even read; empty if it may be."""
    if _leads_out(info.filename):
        return "has a name that leads out of the zip"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "is a link to another file"
    if info.flag_bits & ENCRYPTED:
        return "is encrypted"
    if info.filename.lower().endswith(".zip"):
        return "is a zip inside a zip, which is not opened"
    if info.compress_type not in PLAIN:
        return "is packed in an unusual way; make an ordinary zip (deflate)"
    return ""


def _leads_out(name: str) -> bool:
    """Whether a name is absolute, has a drive's letter or climbs. Harmless here, as nothing is written; but no
    ordinary zip has such names."""
    parts = _parts(name)
    return parts[0] == "" or ".." in parts or bool(re.match(r"[A-Za-z]:", name))
