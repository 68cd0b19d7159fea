"""A text of numbers in columns: its separator, decimal mark, headings and columns, judged from many of its lines."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise, product

JUDGED = 200  # lines from which the layout is judged
SEPARATORS = {
    "tabs": "\t",
    "semicolons": ";",
    "commas": ",",
    "vertical bars": "|",
    "blanks": "",
}  # "": any run of blanks
DECIMAL_MARKS = (".", ",")
COMMENTS = ("#", "%")  # of numpy's and Matlab's texts
MINUS_SIGNS = dict.fromkeys(map(ord, "−–‒﹣－"), "-")  # what word processors and web pages write for "-"
COUNTING_TITLES = ("", "#", "i", "id", "index", "no", "no.", "nr", "nr.", "row", "unnamed: 0")
NUMERIC_SHARE = 0.5  # of its cells that are numbers, at least, in a column of numbers


@dataclass(frozen=True)
class Line:
    """A line of the text that has something to read, with its number in the file."""

    number: int
    text: str


@dataclass(frozen=True)
class Column:
    """A column of numbers: its index from 0, and its heading, which may be empty. ``counts``: it numbers the rows."""

    index: int
    title: str
    counts: bool = False


@dataclass(frozen=True)
class Layout:
    """How a table is written. ``above``: its lines before the numbers. ``columns``: those of numbers."""

    separator: str = "commas"
    decimal_mark: str = "."
    above: tuple[Line, ...] = ()
    columns: tuple[Column, ...] = ()

    def cells(self, line: Line) -> list[str]:
        """Return the cells of one line, stripped. Lines are split one by one, so a stray quotation mark harms only its own."""
        return _split(line.text, self.separator)

    def number(self, cell: str) -> float | None:
        """Return the number in a cell; None if it is none."""
        return _number(cell, self.decimal_mark)

    def choice(self) -> tuple[int, int] | None:
        """Return the indices of the columns to take for x and y: those of these names, else the first two that do not count."""
        by_title = {column.title.casefold(): column.index for column in reversed(self.columns)}
        if "x" in by_title and "y" in by_title:
            return by_title["x"], by_title["y"]
        candidates = [column.index for column in self.columns if not column.counts or len(self.columns) < 3]
        return (candidates[0], candidates[1]) if len(candidates) > 1 else None


def lines_of(text: str) -> Iterator[Line]:
    """Return the lines that hold something; not empty ones, nor comments."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith(COMMENTS):
            yield Line(number, line)


def judge(lines: Iterator[Line]) -> Layout:
    """Return the layout in which most of the first lines hold two numbers; one without columns if none holds two."""
    judged = list(islice(lines, JUDGED))
    best, most = Layout(), (0, 0)
    for separator, mark in product(SEPARATORS, DECIMAL_MARKS):
        if SEPARATORS[separator] == mark:
            continue
        rows = [_split(line.text, separator) for line in judged]
        numbers = [[_number(cell, mark) for cell in row] for row in rows]
        good = sum(sum(value is not None for value in row) > 1 for row in numbers)
        texts = sum(bool(cell) and value is None for row, values in zip(rows, numbers, strict=True)
                    for cell, value in zip(row, values, strict=True))  # fmt: skip
        if (good, -texts) > most and good:
            best, most = _layout(judged, rows, numbers, separator, mark), (good, -texts)
    return best


def _layout(
    lines: Sequence[Line], rows: Sequence[list[str]], numbers: Sequence[list[float | None]], separator: str, mark: str
) -> Layout:
    begin = next(i for i, row in enumerate(numbers) if sum(value is not None for value in row) > 1)
    width = max(map(len, numbers[begin:]))
    headings = rows[begin - 1] if begin and len(rows[begin - 1]) >= len(rows[begin]) - 1 else []
    shift = len(rows[begin]) - len(headings) if headings and len(rows[begin]) == len(headings) + 1 else 0
    columns = []
    for index in range(width):
        values = [row[index] for row in numbers[begin:] if index < len(row)]
        found = [value for value in values if value is not None]
        if len(found) >= max(1, NUMERIC_SHARE * len(values)):
            at = index - shift  # R leaves out the heading of the column that counts
            title = headings[at].strip("\"' ") if 0 <= at < len(headings) else ""
            columns.append(Column(index, title, _counts(found, title, bool(headings), index)))
    return Layout(separator, mark, tuple(lines[:begin]), tuple(columns))


def _counts(values: Sequence[float], title: str, has_headings: bool, index: int) -> bool:
    """Return whether a column numbers the rows: it is the first, and its heading says so or its numbers go up by one."""
    if index:
        return False
    by_one = len(values) > 2 and all(after - before == 1 for before, after in pairwise(values))
    return by_one or (has_headings and title.casefold() in COUNTING_TITLES)


def _split(text: str, separator: str) -> list[str]:
    sign = SEPARATORS[separator]
    if not sign:
        return text.split()
    try:
        cells = [cell.strip() for cell in next(csv.reader([text.strip("\r\n")], delimiter=sign, skipinitialspace=True))]
    except (csv.Error, StopIteration):  # a cell has more than 131,072 characters
        return [text]
    while len(cells) > 1 and not cells[-1]:  # a separator at the end of the line
        cells.pop()
    return cells


def _number(cell: str, decimal_mark: str) -> float | None:
    text = cell.strip("\"' \N{NO-BREAK SPACE}").translate(MINUS_SIGNS)
    if decimal_mark == ",":
        if "." in text:
            return None
        text = text.replace(",", ".")
    try:
        return float(text)
    except ValueError:
        return None
