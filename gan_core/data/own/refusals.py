"""What was read of a learner's files, with a sentence for each file or line that was refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from gan_core.data.errors import DataError
from gan_core.data.own.table import Column
from gan_core.plurals import counted

FEWEST = 16  # samples, as few as a small batch
MIB = 2**20  # bytes
MAX_UPLOAD = 50 * MIB  # bytes of all files together
KEPT_REFUSALS = 50  # sentences; a zip of the wrong kind of file would give thousands
REFUSALS_IN_ERROR = 5  # sentences


@dataclass(frozen=True)
class Gathered:
    """The samples in a learner's files.

    ``array``: pictures as uint8 ``[n, side, side]``, 0 black to 255 white, or points as float32 ``[n, 2]`` in [-0.9, 0.9].
    ``refusals``: a sentence for each refused file or line, the first ``KEPT_REFUSALS`` of them and one that counts the
    rest. ``notes``: sentences about what was done with the others. ``refused``: how many files or lines were refused.
    ``warnings``: sentences about what a GAN can learn little from. ``columns``: a table's columns of numbers; ``chosen``:
    the indices of those taken for x and y.
    """

    array: NDArray[Any]
    refusals: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    refused: int = 0
    warnings: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    chosen: tuple[int, int] = (0, 1)


class FileRejected(Exception):
    """One file cannot be used; the message completes a sentence that begins with its name, such as "is encrypted"."""


class Refusals:
    """Sentences about refused files or lines: as many as a person may read, and the number of the others."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[str] = []

    def add(self, subject: str, reason: object) -> None:
        """Add "``subject`` ``reason``."; the subject is a file's name, which may contain anything, or names a line."""
        self.count += 1
        if len(self._first) < KEPT_REFUSALS:
            self._first.append(f"{printable(subject)} {reason}.")

    def sentences(self, most: int = KEPT_REFUSALS) -> tuple[str, ...]:
        """Return the first ``most`` sentences and, if there are more, one that counts the rest."""
        first = self._first[:most]
        rest = self.count - len(first)
        return (*first, f"And {rest:,} more.") if rest else tuple(first)

    def check_enough(self, count: int, noun: str, most: int, notes: Sequence[str] = ()) -> None:
        """Raise DataError, with the first sentences and ``notes``, if ``count`` is less than ``FEWEST`` samples."""
        if count < FEWEST:
            needed = f"{counted(count, noun)} could be read; there should be {FEWEST} to {most:,}."
            raise DataError(" ".join((needed, *self.sentences(REFUSALS_IN_ERROR), *notes)))


def printable(text: str, most: int = 80) -> str:
    """Return an untrusted text as one short line, with spaces for tabs and the like, and without control characters."""
    spaced = (" " if sign.isspace() else sign for sign in text[: most + 1])
    clean = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in spaced)
    return clean if len(clean) <= most else clean[: most - 1] + "…"


def first_names(names: Sequence[str], most: int = 5) -> str:
    """Return the first ``most`` of untrusted names as an enumeration, which counts the others."""
    shown = ", ".join(printable(name, 40) for name in names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown


def megabytes(count: int) -> str:
    """Return a number of bytes in megabytes, with the unit."""
    return f"{count / MIB:.0f} MB"


def check_upload(count: int) -> None:
    """Raise DataError if the files have more than ``MAX_UPLOAD`` bytes together."""
    if count > MAX_UPLOAD:
        raise DataError(f"The files are larger than {megabytes(MAX_UPLOAD)} together, which is the limit.")
