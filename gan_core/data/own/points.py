"""The learner's own points: a CSV of two columns → 2-D points, scaled to the generator's range."""

import csv
import io
from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from gan_core.data.errors import DataError
from gan_core.data.own.refusals import MIB, REFUSALS_IN_ERROR, FileRejected, Gathered, Refusals, megabytes, printable

MOST_POINTS = 100_000
MAX_CSV = 10 * MIB  # bytes
MAX_REFUSED = 10_000  # lines; a file with more is not a table of points
LARGEST = 1e100  # larger numbers could overflow when scaled
REACH = 0.9  # of the farthest points from 0: Tanh reaches 1 only at infinity
DELIMITERS = ("\t", ";", ",")  # the first of these that occurs in the first line

Point = tuple[float, float]


def read_points(name: str, content: bytes) -> Gathered:
    """Read a file of two columns as points float32 ``[n, 2]`` in [-0.9, 0.9], in the order of its lines.

    The file is UTF-8, its columns are separated by a comma, semicolon or tab, its numbers have a decimal point, and it
    may begin with a line of headings. Both axes are divided by the same number, so shapes keep their proportions. A line
    that is not two finite numbers is refused and the others are read. DataError if fewer than 16 remain, if all points
    are equal, or if the file is not such a text.
    """
    check_table(name, len(content))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{printable(name)} is not a text in UTF-8: save the table as CSV in UTF-8.") from error
    refusals, notes = Refusals(), []
    found = _points(text, refusals)
    points = list(islice(found, MOST_POINTS))
    if next(found, None) is not None:
        notes.append(f"Only the first {MOST_POINTS:,} points are used, which is the limit.")
    refusals.check_enough(len(points), "point", MOST_POINTS)
    return _scaled(np.array(points), refusals, notes)


def check_table(name: str, count: int) -> None:
    """Raise DataError if the file of this name has more than ``MAX_CSV`` bytes."""
    if count > MAX_CSV:
        raise DataError(f"{printable(name)} is larger than {megabytes(MAX_CSV)}, which is the limit.")


def _points(text: str, refusals: Refusals) -> Iterator[Point]:
    delimiter = ""
    for number, line in enumerate(io.StringIO(text, newline=None), 1):  # universal newlines
        line = line.strip("\n")
        if not line.strip():
            continue
        first = not delimiter
        delimiter = delimiter or next((mark for mark in DELIMITERS if mark in line), ",")
        cells = _cells(line, delimiter)
        if first and all(_number(cell) is None for cell in cells):
            continue  # headings
        try:
            yield _point(cells)
        except FileRejected as reason:
            refusals.add(f"Line {number} ({printable(line, 40)})", reason)
        if refusals.count > MAX_REFUSED:
            reasons = " ".join(refusals.sentences(REFUSALS_IN_ERROR))
            raise DataError(f"This is not a table of two columns of numbers. {reasons}")


def _cells(line: str, delimiter: str) -> list[str]:
    """Split one line. Each line is parsed separately, so a stray quotation mark does not affect the following lines."""
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
    except csv.Error:  # a cell has more than 131,072 characters
        return [line]


def _point(cells: list[str]) -> Point:
    if len(cells) != 2:
        raise FileRejected("does not have two columns")
    x, y = map(_number, cells)
    if x is None or y is None:
        raise FileRejected("is not two numbers, with a decimal point")
    if not (abs(x) <= LARGEST and abs(y) <= LARGEST):  # NaN too
        raise FileRejected(f"is not two finite numbers of at most {LARGEST:g}")
    return x, y


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _scaled(points: NDArray[np.float64], refusals: Refusals, notes: list[str]) -> Gathered:
    low, high = points.min(0), points.max(0)
    middle = low + (high - low) / 2
    x, y = middle.tolist()
    reach = float((high - low).max()) / 2
    if reach == 0:
        raise DataError(
            f"All {len(points):,} points are at the same place, ({x:.6g}, {y:.6g}): there is no shape to learn."
        )
    # Clipped because rounding may change the last digit.
    scaled = ((points - middle) / reach * REACH).clip(-REACH, REACH)
    notes.append(  # 0.0 - x is never the -0.0 that -x may be
        f"Scaled to fit: x is shifted by {0.0 - x:.6g} and y by {0.0 - y:.6g}, then both are divided by {reach / REACH:.6g}."
    )
    return Gathered(scaled.astype(np.float32), refusals.sentences(), tuple(notes), refusals.count)
