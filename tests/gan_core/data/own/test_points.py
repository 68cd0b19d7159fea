"""Uploaded points: how a table is read and scaled, and what is refused."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_core.data.errors import DataError
from gan_core.data.own import points as own_points
from gan_core.data.own.points import MAX_CSV, read_points
from gan_core.data.own.refusals import KEPT_REFUSALS

SQUARES = [(x, x * x) for x in range(-9, 11)]  # 20 points; x from -9 to 10, y from 0 to 100
SCALED = np.array([((x - 0.5) * 0.9 / 50, (y - 50) * 0.9 / 50) for x, y in SQUARES])


def table(points: list[tuple[float, float]], separator: str = ",", end: str = "\n") -> str:
    return "".join(f"{x}{separator}{y}{end}" for x, y in points)


def read(text: str, encoding: str = "utf-8") -> np.ndarray:
    gathered = read_points("points.csv", text.encode(encoding))
    assert gathered.refusals == ()
    return gathered.array


@pytest.mark.parametrize("separator", [",", ";", "\t", ", ", " ; "])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n"])
@pytest.mark.parametrize("heading", ["", "x{}y", '"x"{}"y"', "\n  \nWeg{}größe"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_tables_in_all_common_formats_are_read(separator: str, end: str, heading: str, encoding: str) -> None:
    points = read((heading + end).format(separator) + table(SQUARES, separator, end).rstrip("\r\n"), encoding)
    assert points.dtype == np.float32
    np.testing.assert_allclose(points, SCALED, atol=1e-6)


def test_numbers_in_common_notations_are_read() -> None:
    notations = ["-3", "+2.5", ".5", "1e-3", "2E2", '"7"', " 8 "]
    points = read("".join(f"{notation},0\n" for notation in notations * 3))
    values = np.array([-3, 2.5, 0.5, 0.001, 200, 7, 8] * 3)
    np.testing.assert_allclose(points[:, 0], (values - 98.5) / 101.5 * 0.9, atol=1e-6)


def test_both_axes_are_scaled_by_one_number_which_a_note_states() -> None:
    gathered = read_points("points.csv", table(SQUARES).encode())
    assert gathered.notes[1:] == (
        "Scaled to fit: x is shifted by -0.5 and y by -50, then both are divided by 55.5556.",
    )
    np.testing.assert_allclose(gathered.array, (np.array(SQUARES) - [0.5, 50]) / 55.5556, atol=1e-5)
    assert np.abs(gathered.array).max() == np.float32(0.9)


@pytest.mark.parametrize(
    "points",
    [
        [(index, 3) for index in range(16)],
        [(1e100 * (-1) ** index, 1e100) for index in range(16)],
        [(5e-324 * index, 0) for index in range(16)],
        [(1e15 + index, -1e15) for index in range(16)],
        [(1 + 2.2e-16 * index, 1) for index in range(16)],
    ],
)
def test_extreme_points_are_scaled_into_the_range(points: list[tuple[float, float]]) -> None:
    scaled = read(table(points))
    assert np.abs(scaled).max() == np.float32(0.9)
    assert np.isfinite(scaled).all()


def test_bad_lines_are_refused_by_number_and_the_good_ones_are_read() -> None:
    lines = table(SQUARES).splitlines()
    lines[3:3] = [
        "nan,1",
        "1,inf",
        "1e101,0",
        "1,2,3",
        "1",
        "a,b",
        "1;2",
        '"1,2',
        "1,",
        "0x1,2",
        "=cmd|' /C calc'!A0,1",
    ]
    gathered = read_points("points.csv", "\n".join(lines).encode())
    np.testing.assert_allclose(gathered.array, SCALED, atol=1e-6)
    assert gathered.refusals == (
        "Line 4 (nan,1) is not two finite numbers of at most 1e+100.",
        "Line 5 (1,inf) is not two finite numbers of at most 1e+100.",
        "Line 6 (1e101,0) is not two finite numbers of at most 1e+100.",
        "Line 7 (1,2,3) has more numbers than the 2 columns of the others.",
        "Line 8 (1) does not have two columns.",
        "Line 9 (a,b) has no number in column 1.",
        "Line 10 (1;2) does not have two columns.",
        'Line 11 ("1,2) does not have two columns.',
        "Line 12 (1,) has no number in column 2.",
        "Line 13 (0x1,2) has no number in column 1.",
        "Line 14 (=cmd|' /C calc'!A0,1) has no number in column 1.",
    )


def test_the_number_of_refusals_is_limited() -> None:
    gathered = read_points("points.csv", (table(SQUARES) + "1,x\n" * 1000).encode())
    assert len(gathered.refusals) == KEPT_REFUSALS + 1
    assert gathered.refusals[-2:] == ("Line 70 (1,x) has no number in column 2.", "And 950 more.")


def test_a_refusal_quotes_only_the_beginning_of_a_long_line() -> None:
    gathered = read_points("points.csv", (table(SQUARES) + "\x1b[31m" + "9" * 200_000).encode())
    (refusal,) = gathered.refusals
    assert refusal.startswith("Line 21 (�[31m999")
    assert len(refusal) < 100


def test_at_least_sixteen_points_are_needed() -> None:
    assert len(read(table(SQUARES[:16]))) == 16
    sentence = r"^15 points could be read; there should be 16 to 100,000\. Line 16 \(\?\) does not have two columns\.$"
    with pytest.raises(DataError, match=sentence):
        read(table(SQUARES[:15]) + "?\n")


def test_a_heading_without_numbers_below_is_refused() -> None:
    sentence = r"^0 points could be read; .* Line 1 \(x,y\) has no number in column 1\.$"
    with pytest.raises(DataError, match=sentence):
        read("x,y\n")


@pytest.mark.parametrize("text", ["", "\n\n", "# x,y\n", "\ufeff"])
def test_a_table_without_points_is_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"^0 points could be read; there should be 16 to 100,000\.$"):
        read(text)


def test_points_beyond_the_limit_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_points, "MOST_POINTS", 1000)
    text = table(SQUARES) * 50
    assert not any(note.startswith("Only") for note in read_points("points.csv", text.encode()).notes)
    gathered = read_points("points.csv", (text + "1000,1000\n").encode())
    assert gathered.array.shape == (1000, 2)
    assert gathered.notes[1] == "Only the first 1,000 points are used, which is the limit."
    np.testing.assert_allclose(gathered.array[-20:], SCALED, atol=1e-6)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bytes(MAX_CSV + 1), r"^points\.csv is larger than 10 MB, which is the limit\.$"),
        (b"gr\xf6\xdfe,1", r"^points\.csv is not a text in UTF-8 or UTF-16: save the table as CSV in UTF-8\.$"),
        (b"3,4\n" * 20, r"^All 20 points are at the same place, \(3, 4\): there is no shape to learn\.$"),
        (
            b"a,b,c\n" * 10_002,
            r"^This is not a table of two columns of numbers\. Line 1 \(a,b,c\) has no number in column 1\.",
        ),
    ],
)
def test_a_file_that_is_not_a_table_of_points_is_refused(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_points("points.csv", content)


def test_points_around_0_are_shifted_by_0_and_not_by_minus_0() -> None:
    gathered = read_points("points.csv", b"-1,-1\n1,1\n" * 8)
    assert "Scaled to fit: x is shifted by 0 and y by 0, then both are divided by 1.11111." in gathered.notes


CELLS = st.one_of(st.floats().map(str), st.integers().map(str), st.text(max_size=5))
LINES = st.lists(st.lists(CELLS, max_size=3).map(",".join), max_size=40).map("\n".join)


@given(
    st.one_of(
        st.binary(max_size=300),
        LINES.map(str.encode),
        st.text('0123456789.,;\t-+e"\n\r x', max_size=300).map(str.encode),
    )
)
@settings(max_examples=200)
def test_any_bytes_give_points_or_a_data_error(content: bytes) -> None:
    try:
        gathered = read_points("points.csv", b"0,0\n1,1\n" * 8 + content)
    except DataError as error:
        message: tuple[str, ...] = (str(error),)
    else:
        message = gathered.refusals
        assert gathered.array.dtype == np.float32
        assert gathered.array.shape == (len(gathered.array), 2)
        assert math.isclose(np.abs(gathered.array).max(), 0.9, rel_tol=1e-6)
    assert all(sentence.isprintable() for sentence in message)
