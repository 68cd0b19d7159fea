"""The learner's own data: what reading it gives, and the file that keeps it for the runs.

Free of PyTorch: a process without it reads what was uploaded.
"""

import hashlib
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_core.data.errors import DataError
from gan_core.data.folder import save_whole

OWN_FILE = "own.npy"  # its name in a run's folder
FEWEST = 16  # samples, as few as a small batch
MIB = 2**20  # bytes
MAX_UPLOAD = 50 * MIB  # bytes of all files together; the page's maxUploadSize says the same of one
KEPT_REFUSALS = 50  # sentences; a zip of the wrong kind of file would bring thousands
TOLD_REFUSALS = 5  # sentences inside an error

ReportFiles = Callable[[int, int], None]  # files looked at, files in all


@dataclass(frozen=True)
class Gathered:
    """What was read of the learner's files.

    ``array``: uint8 ``[n, side, side]``, 0 black to 255 white, or points as float32 ``[n, 2]`` in [-0.9, 0.9].
    ``refusals``: a sentence for each file or line that was left out, the first ``KEPT_REFUSALS`` of them and one
    that counts the rest. ``notes``: sentences about what was done with the good ones.
    """

    array: NDArray[Any]
    refusals: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class FileRejected(Exception):
    """One file cannot be used; the message is a sentence's end, such as "is encrypted"."""


class Refusals:
    """Sentences about what was left out; as many as somebody may read, and a count of the others."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[str] = []

    def add(self, subject: str, reason: object) -> None:
        """``subject`` is a file's name, which comes from a stranger, or words for a line."""
        self.count += 1
        if len(self._first) < KEPT_REFUSALS:
            self._first.append(f"{shown(subject)} {reason}.")

    def sentences(self, most: int = KEPT_REFUSALS) -> tuple[str, ...]:
        """The first ``most`` sentences and, if there are more, how many more."""
        told = self._first[:most]
        rest = self.count - len(told)
        return (*told, f"And {rest:,} more.") if rest else tuple(told)

    def check_enough(self, count: int, kind: str, most: int) -> None:
        """DataError, with the first reasons, if fewer than ``FEWEST`` samples are left."""
        if count < FEWEST:
            needed = f"{count} {kind} could be read; it should be {FEWEST} to {most:,}."
            raise DataError(" ".join((needed, *self.sentences(TOLD_REFUSALS))))


def shown(text: str, most: int = 80) -> str:
    """A stranger's text as a page or a terminal may show it: one line, not long, no control characters."""
    clean = "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text[: most + 1]
    )
    return clean if len(clean) <= most else clean[: most - 1] + "…"


def megabytes(count: int) -> str:
    """Bytes as a person reads them."""
    return f"{count / MIB:.0f} MB"


def check_upload(count: int) -> None:
    """DataError if the files together have more than ``MAX_UPLOAD`` bytes."""
    if count > MAX_UPLOAD:
        raise DataError(f"The files have more than {megabytes(MAX_UPLOAD)} together, which is the most that is read.")


def fingerprint(array: NDArray[Any]) -> str:
    """16 hexadecimal digits that differ for other samples, another shape or another type of number."""
    whole = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
    whole.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return whole.hexdigest()[:16]


def keep(array: NDArray[Any], path: Path) -> str:
    """Write ``array`` as a .npy file, whole or not at all, and give its fingerprint for ``GANConfig.own_data``.

    A file of this name that a run reads stays as it is for that run. OSError if the disk does not take it.
    """
    save_whole(path, array)
    return fingerprint(array)


def link(path: Path, other: Path) -> None:
    """Give the file ``path`` a second name ``other``; a copy where the disk has no such names or is another one.

    Nothing happens if there is no such file any more: whoever loads it says so.
    """
    with suppress(FileNotFoundError):
        try:
            os.link(path, other)
        except OSError:
            shutil.copyfile(path, other)
