"""The learner's own points: two columns of numbers in a text → 2-D points, scaled to the generator's range."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from gan_core.data.errors import DataError
from gan_core.data.own.degenerate import describe_points
from gan_core.data.own.refusals import (
    MIB,
    REFUSALS_IN_ERROR,
    FileRejected,
    Gathered,
    Refusals,
    first_names,
    megabytes,
    printable,
)  # fmt: skip
from gan_core.data.own.table import Column, Layout, Line, judge, lines_of
from gan_core.texts import decode_text

MOST_POINTS = 100_000
MAX_CSV = 10 * MIB  # bytes
MAX_REFUSED = 10_000  # lines; a file with more is not a table of points
OWN_METRICS = "iteration,loss_d,"  # how this program's metrics.csv begins
LARGEST = 1e100  # larger numbers could overflow when scaled
REACH = 0.9  # of the farthest points from 0: Tanh reaches 1 only at infinity

EXTENSIONS = ("csv", "tsv", "txt", "dat")

Point = tuple[float, float]
ChosenColumns = tuple[int | str, int | str]


def read_points(name: str, content: bytes, columns: ChosenColumns | None = None) -> Gathered:
    """Read a text of columns as points float32 ``[n, 2]`` in [-0.9, 0.9], in the order of its lines.

    ``columns``: x and y, each as its index from 0, or as a text, its heading or its number from 1; None takes the columns
    with these headings, else the first two of numbers that neither count the rows nor are constant. Both axes are divided by
    the same number, so shapes keep their proportions. A line that does not have two finite numbers there is refused and the
    others are read. DataError if fewer than 16 remain, if all points are equal, or if the file is not such a text.
    """
    check_table(name, len(content))
    try:
        text = decode_text(content)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{printable(name)} is not a text in UTF-8 or UTF-16: save the table as CSV in UTF-8."
        ) from error
    if text.startswith(OWN_METRICS):
        raise DataError(f"{printable(name)} was made by this program: it holds the metrics of a run, and no points.")
    refusals, layout = Refusals(), judge(lines_of(text))
    chosen = _chosen(layout, columns) if columns else layout.choice()
    found = _points(text, layout, chosen, refusals)
    points = list(islice(found, MOST_POINTS))
    notes = _layout_notes(layout, chosen)
    if next(found, None) is not None:
        notes.append(f"Only the first {MOST_POINTS:,} points are used, which is the limit.")
    refusals.check_enough(len(points), "point", MOST_POINTS)
    scaled, note = _scaled(np.array(points))
    return Gathered(
        scaled, refusals.sentences(), (*notes, note), refusals.count, describe_points(scaled), layout.columns, chosen
    )


def check_table(name: str, count: int) -> None:
    """Raise DataError if the file of this name has more than ``MAX_CSV`` bytes."""
    if count > MAX_CSV:
        raise DataError(f"{printable(name)} is larger than {megabytes(MAX_CSV)}, which is the limit.")


def _chosen(layout: Layout, columns: ChosenColumns) -> tuple[int, int]:
    x, y = (column if isinstance(column, int) else layout.find(column) for column in columns)
    if x is None or y is None:
        missing = columns[0] if x is None else columns[1]
        names = ", ".join(map(column_name, layout.columns)) or "none"
        raise DataError(f"There is no column {missing!r}. Choose among those of numbers: {names}.")
    return x, y


def _points(text: str, layout: Layout, columns: tuple[int, int], refusals: Refusals) -> Iterator[Point]:
    first = layout.above[-1].number + 1 if layout.above else 1
    for line in lines_of(text):
        if line.number < first:
            continue
        try:
            yield _point(layout, columns, line)
        except FileRejected as reason:
            refusals.add(f"Line {line.number} ({printable(line.text.strip(), 40)})", reason)
        if refusals.count > MAX_REFUSED:
            reasons = " ".join(refusals.sentences(REFUSALS_IN_ERROR))
            raise DataError(f"This is not a table of two columns of numbers. {reasons}")


def _point(layout: Layout, columns: tuple[int, int], line: Line) -> Point:
    cells = layout.cells(line)
    if len(cells) <= max(columns):
        raise FileRejected(f"has no column {max(columns) + 1}" if len(cells) > 1 else "does not have two columns")
    x, y = (layout.number(cells[index]) for index in columns)
    if x is None or y is None:
        mark = " with a decimal comma" if layout.decimal_mark == "," else ""
        raise FileRejected(f"has no number{mark} in column {columns[x is not None] + 1}")
    if any(layout.number(cell) is not None for cell in cells[layout.width :]):
        raise FileRejected(f"has more numbers than the {layout.width} columns of the others")
    if not (abs(x) <= LARGEST and abs(y) <= LARGEST):  # NaN too
        raise FileRejected(f"is not two finite numbers of at most {LARGEST:g}")
    return x, y


def _layout_notes(layout: Layout, chosen: tuple[int, int]) -> list[str]:
    """Return what the table was taken for: separator, columns, headings, and what is left out."""
    if not layout.columns:
        return []
    named = {column.index: column for column in layout.columns}
    x, y = (column_name(named.get(index, Column(index))) for index in chosen)
    mark = ", with decimal commas" if layout.decimal_mark == "," else ""
    notes = [f"The columns are separated by {layout.separator}{mark}. x is {x}, y is {y}."]
    if others := [column_name(column) for column in layout.columns if column.index not in chosen]:
        notes.append(f"Columns of numbers that are not used: {first_names(others)}.")
    if layout.above:
        first, last = layout.above[0], layout.above[-1]
        which = f"Line {first.number} is" if first is last else f"Lines {first.number} to {last.number} are"
        notes.append(f"{which} taken for a heading: {printable(last.text.strip(), 40)}")
    return notes


def column_name(column: Column) -> str:
    """Return how sentences call a column: its number and, if it has one, its heading."""
    return f"column {column.index + 1}" + (f" ({printable(column.title, 30)})" if column.title else "")


def _scaled(points: NDArray[np.float64]) -> tuple[NDArray[np.float32], str]:
    """Return the points in the generator's range, and a sentence that says how they came there."""
    low, high = points.min(0), points.max(0)
    middle = low + (high - low) / 2
    x, y = middle.tolist()
    reach = float((high - low).max()) / 2
    if reach == 0:
        raise DataError(
            f"All {len(points):,} points are at the same place, ({x:.6g}, {y:.6g}): there is no shape to learn."
        )
    # Clipped because rounding may change the last digit.
    scaled = ((points - middle) / reach * REACH).clip(-REACH, REACH).astype(np.float32)
    shift = f"x is shifted by {0.0 - x:.6g} and y by {0.0 - y:.6g}"  # 0.0 - x is never the -0.0 that -x may be
    return scaled, f"Scaled to fit: {shift}, then both are divided by {reach / REACH:.6g}."
