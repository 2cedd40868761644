"""CSV that any program reads, and no spreadsheet runs."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from application.interchange.csv_lines import csv_lines, safe_cell


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("+49 30 1234", "'+49 30 1234"),
        ("-cmd", "'-cmd"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("--1", "'--1"),
        ("-1+1", "'-1+1"),
        ("-1.", "'-1."),
        ("-١", "'-١"),
        ("-12.50", "-12.50"),
        ("-0.05", "-0.05"),
        ("-5", "-5"),
        ("12.50", "12.50"),
        ("rent", "rent"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_a_cell_that_would_be_a_formula_gets_an_apostrophe_and_an_amount_does_not(cell: str, safe: str) -> None:
    assert safe_cell(cell) == safe


def test_lines_are_those_of_rfc_4180() -> None:
    rows = [("a", "b"), ('say "hi"', "x,y"), ("two\nlines", ""), ("café", "日本")]
    assert "".join(csv_lines(rows)) == 'a,b\r\n"say ""hi""","x,y"\r\n"two\nlines",\r\ncafé,日本\r\n'


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=2)))
def test_what_is_read_again_is_what_was_written(rows: list[list[str]]) -> None:
    text = "".join(csv_lines(rows))
    again = list(csv.reader(io.StringIO(text, newline="")))
    assert again == [[safe_cell(cell) for cell in row] for row in rows]
    assert all(not cell.startswith(("=", "+", "@")) for row in again for cell in row)
