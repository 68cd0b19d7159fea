"""A text of numbers in columns: its separator, decimal mark, headings and columns, judged from many of its lines."""

import csv
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, pairwise, product

JUDGED = 1000  # lines from which the layout is judged
MOST_COLUMNS = 100  # further ones are not offered: a page could not show them
LONGEST_LINE = 200_000  # characters; a longer one holds no columns
SEPARATORS = {"tabs": "\t", "semicolons": ";", "commas": ",", "vertical bars": "|", "spaces": ""}
WORDS = re.compile(r'"[^"]*"|\S+')  # between spaces
DECIMAL_MARKS = (".", ",")
GROUPED = {  # numbers such as 1,234.5 by their decimal mark; 1,234 alone may be either
    ".": re.compile(r"[+-]?\d{1,3}(,\d{3})+\.\d+"),
    ",": re.compile(r"[+-]?\d{1,3}(\.\d{3})+,\d+"),
}
COMMENTS = ("#", "%")  # of numpy's and Matlab's texts
NUMBERS_WITH_COMMENT = re.compile(r"([\W\deE]*?)\s#")  # a heading may hold "#" too, but begins with a word
MINUS_SIGNS = dict.fromkeys(map(ord, "−–‐‑‒—﹣－"), "-")  # what word processors and web pages write for "-"
THOUSANDS = re.compile(r"(?<=\d)[\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}'’](?=\d{3}(?!\d))")
MISSING = ("", "na", "n/a", "nan", "null", "none", "-", "?", ".")
INVISIBLE = "\N{ZERO WIDTH NO-BREAK SPACE}\N{ZERO WIDTH SPACE}\N{NO-BREAK SPACE}"  # the first is a byte order mark
COUNTING_TITLES = ("", "#", "i", "id", "idx", "index", "n", "no", "no.", "nr", "nr.", "row", "unnamed: 0")
NUMERIC_SHARE = 0.5  # of the lines that have a number in a column of numbers, at least


@dataclass(frozen=True)
class Line:
    """A line of the text that has something to read: its number in the file, and the comment directly above it."""

    number: int
    text: str
    comment: str = ""


@dataclass(frozen=True)
class Column:
    """A column of numbers: its index from 0, and its heading, which may be empty.

    ``idle``: it numbers the rows or has one number only, so it is not taken where there are others.
    """

    index: int
    title: str = ""
    idle: bool = False


@dataclass(frozen=True)
class Layout:
    """How a table is written. ``width``: its columns. ``above``: lines before the numbers. ``columns``: those of numbers."""

    separator: str = "commas"
    decimal_mark: str = "."
    width: int = 2
    above: tuple[Line, ...] = ()
    columns: tuple[Column, ...] = ()

    def cells(self, line: Line) -> list[str]:
        """Return the cells of one line, stripped. Lines are split one by one, so a stray quotation mark harms only its own."""
        return _split(line.text, self.separator)

    def number(self, cell: str) -> float | None:
        """Return the number in a cell; None if it is none."""
        return _number(cell, self.decimal_mark)

    def choice(self) -> tuple[int, int]:
        """Return the indices of the columns to take for x and y: those of these names, else the first two that are not idle."""
        names = {re.split(r"[\s\[(/]", column.title.casefold())[0]: column.index for column in reversed(self.columns)}
        if "x" in names and "y" in names:
            return names["x"], names["y"]
        found = sorted(column.index for column in sorted(self.columns, key=lambda column: column.idle)[:2])
        return (found[0], found[1]) if len(found) > 1 else (0, 1)

    def find(self, name: str) -> int | None:
        """Return the index of the column of numbers with this heading or, counted from 1, this number; None if there is none."""
        by_name = {str(column.index + 1): column.index for column in self.columns}
        by_name |= {column.title.casefold(): column.index for column in reversed(self.columns)}
        return by_name.get(name.casefold())


def lines_of(text: str) -> Iterator[Line]:
    """Return the lines that hold something; not empty ones, nor comments."""
    comment = ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith(COMMENTS):
            comment = line.strip().lstrip("".join(COMMENTS)).strip()
        elif line.strip():
            commented = NUMBERS_WITH_COMMENT.match(line)
            yield Line(number, commented[1] if commented else line, comment)
            comment = ""


def judge(lines: Iterator[Line]) -> Layout:
    """Return the layout in which most of the first lines hold two numbers; one without columns if none holds two."""
    judged = list(islice(lines, JUDGED))
    best, most = Layout(), (0, 0)
    split = {separator: [_filled(_split(line.text, separator)) for line in judged] for separator in SEPARATORS}
    for (separator, rows), mark in product(split.items(), DECIMAL_MARKS):
        numbers = [[_number(cell, mark) for cell in row] for row in rows]
        good = sum(_has_two(row) for row in numbers)
        texts = sum(map(bool, chain(*rows))) - sum(value is not None for value in chain(*numbers))
        if SEPARATORS[separator] == mark:  # numbers in quotation marks, and not one stray mark
            texts = sys.maxsize
        if good and (good, -texts) > most:
            best, most = _layout(judged, rows, numbers, separator, mark), (good, -texts)
    return best


def _layout(
    lines: Sequence[Line], rows: Sequence[list[str]], numbers: Sequence[list[float | None]], separator: str, mark: str
) -> Layout:
    width = Counter(len(row) for row in numbers if _has_two(row)).most_common(1)[0][0]
    begin = _first_row(numbers, width)
    while begin and _lacks_some(_split(lines[begin - 1].text, separator), width, mark):
        begin -= 1
    # Above an index, pandas calls columns 0, 1 and so on.
    begin += rows[begin] == ["", *map(str, range(width - 1))] and any(row[:1] != [""] for row in rows[begin + 1 :])
    values = [[row[index] for row in numbers[begin:] if index < len(row)] for index in range(width)]
    found = [[value for value in column if value is not None] for column in values]
    titles = _titles([_split(lines[begin].comment, separator), *reversed(rows[:begin])], found)
    columns = (
        Column(index, title, len(set(column)) == 1 or (index == 0 and _counts(column, title, any(titles))))
        for index, (column, title) in enumerate(zip(found, titles, strict=True))
        if len(column) > NUMERIC_SHARE * (len(rows) - begin)
    )
    return Layout(separator, mark, width, tuple(lines[:begin]), tuple(columns))


def _first_row(rows: Sequence[list[float | None]], width: int) -> int:
    """Return the index of the first line that has its numbers."""
    return next(
        index for index, row in enumerate(rows) if _has_two(row) and (len(row) == width or None not in row[:width])
    )


def _lacks_some(cells: Sequence[str], width: int, mark: str) -> bool:
    """Return whether these are the cells of a line of numbers of which some, but not all, are missing."""
    known = [cell for cell in cells if cell.casefold() not in MISSING]
    return len(cells) >= width > len(known) > 0 and all(_number(cell, mark) is not None for cell in known)


def _titles(above: Sequence[list[str]], columns: Sequence[list[float]]) -> list[str]:
    """Return the columns' headings: of the lines above, the nearest that has as many cells, and begins one like a word.

    R leaves out the heading of its first column, which names the rows.
    """
    for row in above:
        if any(re.match(r"\w", cell) for cell in row):
            titles = [cell.strip("\"' ") for cell in row]
            if len(row) == len(columns):
                return titles
            if len(row) == len(columns) - 1 > 1 and (not columns[0] or _by_one(columns[0])):
                return ["", *titles]
    return [""] * len(columns)


def _counts(values: Sequence[float], title: str, has_titles: bool) -> bool:
    return title.casefold() in COUNTING_TITLES if has_titles else _by_one(values)


def _by_one(values: Sequence[float]) -> bool:
    return len(values) > 2 and values[0].is_integer() and all(after - before == 1 for before, after in pairwise(values))


def _has_two(values: Sequence[float | None]) -> bool:
    return sum(value is not None for value in values) > 1


def _split(text: str, separator: str) -> list[str]:
    if len(text) > LONGEST_LINE:
        return [text]
    sign = SEPARATORS[separator]
    if not sign:
        return [word.strip('"') for word in WORDS.findall(text)[:MOST_COLUMNS]]
    if sign == "|" and text.strip().startswith(sign):  # which frames the line
        text = text.strip()[1:].removesuffix(sign)
    try:
        cells = [cell.strip() for cell in next(csv.reader([text.strip("\r\n")], delimiter=sign, skipinitialspace=True))]
    except (csv.Error, StopIteration):  # a cell of more than 131,072 characters, or no cell
        return [text]
    return cells[:MOST_COLUMNS]


def _filled(cells: list[str]) -> list[str]:
    """Return the cells without empty ones at the end, where some programs write a separator too many."""
    count = next((index for index in range(len(cells), 1, -1) if cells[index - 1]), 1)
    return cells[:count]


def _number(cell: str, mark: str) -> float | None:
    text = THOUSANDS.sub("", cell.strip("\"' " + INVISIBLE).translate(MINUS_SIGNS))
    other = "," if mark == "." else "."
    if GROUPED[mark].fullmatch(text):
        text = text.replace(other, "")
    if other in text or "_" in text:
        return None
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return None
