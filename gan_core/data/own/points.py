"""The learner's own points: a CSV of two columns → points of the plane that fit into the generator's range."""

import csv
import io
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gan_core.data.errors import DataError
from gan_core.data.own.samples import MIB, TOLD_REFUSALS, FileRejected, Gathered, Refusals, megabytes, shown

MOST_POINTS = 100_000
MAX_CSV = 10 * MIB  # bytes
MAX_REFUSED = 10_000  # lines; a file with more of them is something else
LARGEST = 1e100  # beyond it the arithmetic of the scale would overflow
REACH = 0.9  # the farthest points lie here: Tanh reaches 1 only at infinity
DELIMITERS = ("\t", ";", ",")  # the first of them that the first line has

Point = tuple[float, float]


def read_points(name: str, content: bytes) -> Gathered:
    """A file of two columns → points float32 ``[n, 2]`` in [-0.9, 0.9], in the order of their lines.

    Comma, semicolon or tab between the columns, a decimal point, UTF-8, a line of headings or none. Both axes are
    divided by one number, so that shapes keep their proportions. A line that is no two finite numbers is refused and
    the others are read. DataError if fewer than 16 are left, if all lie in one place, or if the file is no such text.
    """
    if len(content) > MAX_CSV:
        raise DataError(f"{shown(name)} has more than {megabytes(MAX_CSV)}, which is the most that is read.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{shown(name)} is no text in UTF-8: save the table as CSV in UTF-8.") from error
    refusals, notes = Refusals(), []
    points: list[Point] = []
    for point in _points(text, refusals):
        if len(points) == MOST_POINTS:
            notes.append(f"The first {MOST_POINTS:,} points are used: that is the most.")
            break
        points.append(point)
    refusals.check_enough(len(points), "points", MOST_POINTS)
    return _scaled(np.array(points), refusals, notes)


def _points(text: str, refusals: Refusals) -> Iterator[Point]:
    delimiter = ""
    for number, line in enumerate(io.StringIO(text, newline=None), 1):  # every system's line ends
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
            refusals.add(f"Line {number} ({shown(line, 40)})", reason)
        if refusals.count > MAX_REFUSED:
            first_ones = " ".join(refusals.sentences(TOLD_REFUSALS))
            raise DataError(f"This is no table of two columns of numbers. {first_ones}")


def _cells(line: str, delimiter: str) -> list[str]:
    """One line's cells; each line is read for itself, so that a stray quotation mark swallows none of the others."""
    try:
        return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
    except csv.Error:  # a cell of more than 131,072 characters
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
            f"All {len(points):,} points lie in one place, at ({x:.6g}, {y:.6g}): there is no shape to learn."
        )
    # Clipped for the last digit alone, which rounding may move.
    scaled = ((points - middle) / reach * REACH).clip(-REACH, REACH)
    notes.append(
        f"Scaled to fit: x is shifted by {-x:.6g} and y by {-y:.6g}, then both are divided by {reach / REACH:.6g}."
    )
    return Gathered(scaled.astype(np.float32), refusals.sentences(), tuple(notes))
