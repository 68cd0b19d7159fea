"""Tables as programs write them: separators, decimal marks, headings, comments and index columns are found, and said."""

import time
import tracemalloc
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_core.data.errors import DataError
from gan_core.data.own.points import read_points

POINTS = [(1.5 * step - 7.25, step * step / 4 - 3.5) for step in range(20)]
BOTH = "x is column 1, y is column 2."
TITLED = "x is column 1 (x), y is column 2 (y)."


def scaled(points: list[tuple[float, float]]) -> np.ndarray:
    array = np.array(points)
    low, high = array.min(0), array.max(0)
    return (array - (low + high) / 2) / (high - low).max() * 2 * 0.9


def rows(separator: str, before: str = "", after: str = "", form: str = ".4f") -> str:
    """Return the points, one a line, between ``before`` and ``after``."""
    return "".join(f"{before}{x:{form}}{separator}{y:{form}}{after}\n" for x, y in POINTS)


def numbered(separator: str, form: str = "{}", step: int = 1) -> str:
    """Return the points with the number of the row, from 0 in ``step``s, before each."""
    return "".join(
        f"{form.format(row * step)}{separator}{x:.4f}{separator}{y:.4f}\n" for row, (x, y) in enumerate(POINTS)
    )


def commas(text: str) -> str:
    """Return the text with decimal commas."""
    return text.replace(".", ",")


def quoted(text: str) -> str:
    return "".join('"' + '","'.join(line.split(";")) + '"\n' for line in text.splitlines())


TABLES = {  # how a table is written: its text, and what is said of it
    # Separators and decimal marks
    "spaces": (rows(" "), f"separated by spaces. {BOTH}"),
    "aligned with spaces": (rows("   ", "  ", "  "), f"separated by spaces. {BOTH}"),
    "numpy.savetxt": (rows(" ", form=".18e"), f"separated by spaces. {BOTH}"),
    "numpy.savetxt with a header": ("# x y\n" + rows(" "), f"separated by spaces. {TITLED}"),
    "commas and spaces": ("x, y\n" + rows(", "), f"separated by commas. {TITLED}"),
    "decimal commas, semicolons": (commas("x;y\n" + rows(";")), f"separated by semicolons, with decimal commas. {TITLED}"),
    "decimal commas, tabs": (commas(rows("\t")), f"separated by tabs, with decimal commas. {BOTH}"),
    "decimal commas, spaces": (commas(rows("  ")), f"separated by spaces, with decimal commas. {BOTH}"),
    "decimal commas, quoted": (quoted(commas("x;y\n" + rows(";"))), f"separated by commas, with decimal commas. {TITLED}"),
    "vertical bars": (rows("|"), f"separated by vertical bars. {BOTH}"),
    "Markdown": ("| x | y |\n|---|---|\n" + rows(" | ", "| ", " |"), f"separated by vertical bars. {TITLED}"),
    "PostgreSQL": (" x | y\n---+---\n" + rows(" | ", " "), f"separated by vertical bars. {TITLED}"),
    "separators at the end": ("x;y;\n" + rows(";", "", ";"), f"separated by semicolons. {TITLED}"),
    # Headings, titles and comments
    "a separator inside a heading": (
        "x;1,y;2\n" + rows(","), "separated by commas. x is column 1 (x;1), y is column 2 (y;2).",
    ),
    "title lines": ("Measured on 12 May, 2024\nby me\n\nx;y\n" + rows(";"), f"separated by semicolons. {TITLED}"),
    "a title with numbers": ("Run 3 of 2024\nx y\n" + rows(" "), f"separated by spaces. {TITLED}"),
    "Excel's sep=": ("sep=;\nx;y\n" + rows(";"), f"separated by semicolons. {TITLED}"),
    "Excel's sep= alone": ("sep=;\n" + rows(";"), f"separated by semicolons. {BOTH}"),
    "a line of units": ("x\ty\n[m]\t[s]\n" + rows("\t"), f"separated by tabs. {TITLED}"),
    "comments between": (
        "# by a program, 1, 2\n" + rows(",").replace("\n", "\n\n# 7, 8, more\n", 3), f"separated by commas. {BOTH}",
    ),
    "Matlab's comments": ("% x y\n" + rows("  "), f"separated by spaces. {TITLED}"),
    "comments behind": (rows(",").replace("\n", "  # doubtful, 3\n", 4), f"separated by commas. {BOTH}"),
    "a table below 300 comments": ("# 1, 2, 3\n" * 300 + rows(","), f"separated by commas. {BOTH}"),
    "a file in the file, with its mark": (rows(",").replace("\n", "\n\ufeff", 1), f"separated by commas. {BOTH}"),
    "a remark behind the first line": (rows(",").replace("\n", ",approved\n", 1), f"separated by commas. {BOTH}"),
    # Index columns, and columns of other things
    "pandas' index and numbers as headings": (
        ",0,1\n" + numbered(","), "separated by commas. x is column 2 (0), y is column 3 (1).",
    ),
    "pandas' index": (",x,y\n" + numbered(","), "separated by commas. x is column 2 (x), y is column 3 (y)."),
    "pandas' index after a filter": (
        ",a,b\n" + numbered(",", step=3), "separated by commas. x is column 2 (a), y is column 3 (b).",
    ),
    "pandas' index, read and written again": (
        "Unnamed: 0,a,b\n" + numbered(","), "separated by commas. x is column 2 (a), y is column 3 (b).",
    ),
    "an index without a heading": (numbered(" "), "separated by spaces. x is column 2, y is column 3."),
    "R's write.csv": ('"","a","b"\n' + numbered(",", '"{}"'), "commas. x is column 2 (a), y is column 3 (b)."),
    "R's write.table": ('"a" "b"\n' + numbered(" ", '"{}"'), "spaces. x is column 2 (a), y is column 3 (b)."),
    "R's names of rows": ('"a" "b"\n' + numbered(" ", '"Car {}"'), "spaces. x is column 2 (a), y is column 3 (b)."),
    "names of rows": ("name,x,y\n" + numbered(",", "point {}"), "commas. x is column 2 (x), y is column 3 (y)."),
    "times of day": (numbered(",", "2024-05-12 12:30:{:02}"), "commas. x is column 2, y is column 3."),
    # Signs
    "typographic minus signs": (rows(",").replace("-", "−"), f"separated by commas. {BOTH}"),
    "en dashes": (rows(";").replace("-", "–"), f"separated by semicolons. {BOTH}"),
    "hyphens": (rows("\t").replace("-", "‐"), f"separated by tabs. {BOTH}"),
    "typographic minus signs in exponents": (rows(" ", form=".4e").replace("-", "−"), f"separated by spaces. {BOTH}"),
    "no-break spaces": (rows(",", "\N{NO-BREAK SPACE}"), f"separated by commas. {BOTH}"),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_read_as_its_program_wrote_it_and_the_note_says_how(name: str) -> None:
    text, note = TABLES[name]
    gathered = read_points("points.csv", text.encode())
    assert gathered.refusals == ()
    np.testing.assert_allclose(gathered.array, scaled(POINTS), atol=1e-4)
    assert gathered.notes[0].startswith("The columns are separated by ")
    assert gathered.notes[0].endswith(note)


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_table_is_read_in_every_encoding_of_unicode(encoding: str, end: str) -> None:
    text = ("Größe;y\n" + rows(";")).replace("\n", end)
    gathered = read_points("points.csv", text.encode(encoding))
    np.testing.assert_allclose(gathered.array, scaled(POINTS), atol=1e-4)
    assert "x is column 1 (Größe), y is column 2 (y)." in gathered.notes[0]


@pytest.mark.parametrize(
    "number",
    ["1,0{:02}.5", "1.0{:02},5", "1'0{:02}.5", "1’0{:02}.5", "1\u202f0{:02},5", "1\u00a00{:02},5", "1\u202f0{:02}.5"],
)
def test_groups_of_thousands_are_read_where_the_decimal_mark_is_clear(number: str) -> None:
    text = "".join(f"{number.format(row)};{25 * row}\n" for row in range(20))
    right = scaled([(1000 + row + 0.5, 25 * row) for row in range(20)])
    np.testing.assert_allclose(read_points("", text.encode()).array, right, atol=1e-4)


def test_a_decimal_comma_with_three_digits_is_no_group_of_thousands() -> None:
    text = "".join(f"{row},125;{row * row},500\n" for row in range(20))
    right = scaled([(row + 0.125, row * row + 0.5) for row in range(20)])
    np.testing.assert_allclose(read_points("", text.encode()).array, right, atol=1e-4)


@pytest.mark.parametrize("line", ["7,NA", ",7", "7,NaN", "7,null", "7,-", "?,7", "7,", "7,,", '7,""'])
def test_a_first_line_without_one_of_its_numbers_is_no_heading(line: str) -> None:
    gathered = read_points("points.csv", (f"{line}\n" + rows(",")).encode())
    assert gathered.refusals[0].startswith(f"Line 1 ({line}) ")
    assert len(gathered.refusals) == 1
    assert not any("heading" in note for note in gathered.notes)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", " | "])
def test_a_number_and_an_empty_field_at_the_top_are_no_heading(separator: str) -> None:
    first = f"7{separator}".rstrip(" ")
    assert notes(f"{first}\n" + rows(separator))[0] == notes(rows(separator))[0]
    titled = read_points("points.csv", (f"a{separator}b\n{first}\n" + rows(separator)).encode())
    assert titled.notes[0].endswith("x is column 1 (a), y is column 2 (b).")
    assert titled.refusals == (f"Line 2 ({first.strip()}) has no number in column 2.",)


@pytest.mark.parametrize("above", ["2024;;", "2024", "20;;\nMeasured by me"])
def test_a_year_above_the_headings_is_a_title(above: str) -> None:
    text = f"{above}\nx;y;z\n" + rows(";", after=";3")
    assert notes(text)[0].endswith("x is column 1 (x), y is column 2 (y).")


def test_a_first_line_without_its_index_is_a_point() -> None:
    gathered = read_points("points.csv", (",0,1\n" + rows(",", ",")).encode())
    assert len(gathered.array) == len(POINTS) + 1


def test_the_metrics_of_a_run_are_no_points() -> None:
    text = "iteration,loss_d,loss_g\n" + numbered(",")
    with pytest.raises(DataError, match=r"^metrics\.csv was made by this program: it holds the metrics of a run"):
        read_points("metrics.csv", text.encode())


# What the notes say --------------------------------------------------------------------------------------------


def notes(text: str) -> tuple[str, ...]:
    return read_points("points.csv", text.encode()).notes


def test_unused_columns_and_headings_are_named_where_there_are_some() -> None:
    assert notes(",x,y\n" + numbered(","))[1:3] == (
        "Columns of numbers that are not used: column 1.",
        "Line 1 is taken for a heading: ,x,y",
    )
    assert notes("A table\n\nx,y\n" + rows(","))[1] == "Lines 1 to 3 are taken for a heading: x,y"
    assert notes("x\ty\n" + rows("\t"))[1] == "Line 1 is taken for a heading: x y"
    (_, scaling) = notes(rows(","))
    assert scaling.startswith("Scaled to fit")


def test_the_names_of_unused_columns_are_few() -> None:
    text = "".join(",".join(str(row * column) for column in range(2, 32)) + "\n" for row in range(20))
    assert notes(text)[1] == (
        "Columns of numbers that are not used: column 3, column 4, column 5, column 6, column 7 and 23 more."
    )


@pytest.mark.parametrize("first", [0, 1, 17])
def test_a_column_that_goes_up_by_one_is_x_where_there_are_only_two_or_where_it_has_a_name(first: int) -> None:
    two = "".join(f"{first + row},{row * row}\n" for row in range(20))
    named = "time,height,weight\n" + "".join(f"{first + row},{row * row},7\n" for row in range(20))
    assert notes(two)[0].endswith("x is column 1, y is column 2.")
    assert notes(named)[0].endswith("x is column 1 (time), y is column 2 (height).")


def test_columns_named_x_and_y_are_taken_wherever_they_are() -> None:
    text = "t [s],Y (m),weight,X (m)\n" + "".join(f"{row},{y:.4f},5,{x:.4f}\n" for row, (x, y) in enumerate(POINTS))
    gathered = read_points("points.csv", text.encode())
    np.testing.assert_allclose(gathered.array, scaled(POINTS), atol=1e-4)
    assert gathered.notes[0].endswith("x is column 4 (X (m)), y is column 2 (Y (m)).")


# Chosen columns ------------------------------------------------------------------------------------------------

FOUR = "t;a;b;a\n" + "".join(f"{row % 3};{x:.4f};{y:.4f};{row}\n" for row, (x, y) in enumerate(POINTS))


@pytest.mark.parametrize("columns", [(1, 2), ("a", "b"), ("2", "3"), ("A", "3")])
def test_columns_are_chosen_by_index_heading_or_number(columns: tuple[int | str, int | str]) -> None:
    gathered = read_points("points.csv", FOUR.encode(), columns)
    np.testing.assert_allclose(gathered.array, scaled(POINTS), atol=1e-4)
    assert gathered.chosen == (1, 2)
    assert [column.title for column in gathered.columns] == ["t", "a", "b", "a"]
    assert gathered.notes[0].endswith("x is column 2 (a), y is column 3 (b).")


@pytest.mark.parametrize("columns", [("a", "c"), ("5", "a"), ("0", "a"), ("-1", "a"), ("c", "d")])
def test_a_column_that_is_not_there_is_refused_with_those_that_are(columns: tuple[str, str]) -> None:
    with pytest.raises(DataError) as caught:
        read_points("points.csv", FOUR.encode(), columns)
    missing = next(name for name in columns if name != "a")
    assert str(caught.value) == (
        f"There is no column '{missing}'. Choose among those of numbers: column 1 (t), column 2 (a), column 3 (b),"
        " column 4 (a)."
    )


def test_a_column_of_texts_cannot_be_chosen() -> None:
    with pytest.raises(
        DataError, match=r"^There is no column 'name'\. Choose among those of numbers: column 2 \(x\), c"
    ):
        read_points("points.csv", TABLES["names of rows"][0].encode(), ("name", "y"))


# Degenerate points ---------------------------------------------------------------------------------------------


def warned(text: str) -> tuple[str, ...]:
    return read_points("points.csv", text.encode()).warnings


def test_few_different_points_are_reported() -> None:
    few = warned("1,2\n3,4\n5,1\n" * 10)
    assert few[-1] == "The 30 points are copies of 3, and G learns no more than that: add others."
    assert not any("copies" in warning for warning in warned(rows(",")))
    assert not any("copies" in warning for warning in warned(rows(",") * 5)), "20 different points are enough"


@pytest.mark.parametrize("far", [1, 9])
def test_points_far_from_all_others_are_reported(far: int) -> None:
    assert warned(rows(",") * 3 + "-9999,-9999\n" * far)[-1] == (
        "Most points lie within 10% of the range, because others are far away: if those are wrong, such as -999 for a"
        " missing number, remove their lines."
    )
    two_groups = "".join(f"{row % 2 * 100 + row / 10},{row / 10}\n" for row in range(40))
    for text in (rows(","), two_groups):
        assert not any("far away" in warning for warning in warned(text))


LINE = (
    "The points lie almost on a straight line: if one column has much larger numbers than the other, choose other columns,"
    " or bring both to a similar range."
)


@pytest.mark.parametrize(("wide", "high"), [(1000, 1), (1, 1000)])
def test_columns_of_very_different_ranges_are_reported(wide: int, high: int) -> None:
    assert warned("".join(f"{wide * x},{high * y}\n" for x, y in POINTS)) == (LINE,)


def test_one_column_for_both_is_reported_and_a_thin_shape_is_not() -> None:
    assert read_points("points.csv", FOUR.encode(), ("b", "b")).warnings == (LINE,)
    assert warned("".join(f"{x},{y / 30}\n" for x, y in POINTS)) == ()


# Limits, and anything else -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "piece",
    ["1,", "1 ", '"', "#\n", "\n", "1,2\n", "a,b;c d|e\n", "1," * 90_000 + "\n"],
    ids=lambda piece: repr(piece[:9]),
)
def test_large_files_are_read_or_refused_in_bounded_time_and_memory(piece: str) -> None:
    content = (piece * (2**16 // len(piece) + 1)).encode()
    began = time.process_time()
    tracemalloc.start()
    with suppress(DataError):
        assert len(read_points("points.csv", content).columns) <= 100
    assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    tracemalloc.stop()
    assert time.process_time() - began < 5


MARKS = st.sampled_from([",", ";", "\t", "|", " ", "  ", ", "])
NUMBERS = st.floats(-1e6, 1e6).map(lambda number: round(number, 3))


@given(
    st.lists(st.tuples(NUMBERS, NUMBERS), min_size=16, max_size=40, unique=True),
    MARKS,
    st.booleans(),
    st.booleans(),
    st.sampled_from(["", "x{}y\n", "# x{}y\n", "A table\n\nx{}y\n"]),
    st.sampled_from(ENCODINGS),
)
@settings(max_examples=100, deadline=None)
def test_any_points_in_any_of_the_notations_are_read(
    points: list[tuple[float, float]], mark: str, comma: bool, minus: bool, heading: str, encoding: str
) -> None:
    text = "".join(f"{x:.3f}{mark}{y:.3f}\n" for x, y in points)
    if comma and "," not in mark:
        text = commas(text)
    text = heading.format(mark) + (text.replace("-", "−") if minus else text)
    gathered = read_points("points.csv", text.encode(encoding))
    assert gathered.refusals == ()
    np.testing.assert_allclose(gathered.array, scaled(points), atol=2e-6)
    assert gathered.chosen == (0, 1)


PIECES = st.sampled_from(
    ["1", "2,5", "-3.5", "−4", "x", "y", ",", ";", "\t", " ", "|", "#", "%", '"', "\n", "\ufeff", "nan", ""]
)


@given(st.lists(PIECES, max_size=60).map("".join), st.sampled_from([None, (0, 1), (3, 3), ("x", "y"), ("1", "2")]))
@settings(max_examples=200, deadline=None)
def test_any_text_gives_points_or_a_sentence(text: str, columns: tuple[int | str, int | str] | None) -> None:
    try:
        gathered = read_points("points.csv", ("1,2,3,4\n4,5,6,8\n" * 8 + text).encode(), columns)
    except DataError as error:
        said: tuple[str, ...] = (str(error),)
    else:
        said = (*gathered.refusals, *gathered.notes, *gathered.warnings)
        assert gathered.array.shape == (len(gathered.array), 2)
    assert all(sentence.isprintable() for sentence in said)
