"""Rows of a table, wherever it begins and however its cells are separated."""

import csv
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import IO, Final

from adapters.foreign_files.csv_values import looks_like_a_date, money
from adapters.foreign_files.text_lines import Encoding, TextLine, read_lines
from application.interchange.statement_profile import Column, CsvColumns

DELIMITERS: Final = (";", ",", "\t", "|")
# Within so many rows the table begins.
_PREAMBLE_ROWS_MAX: Final = 200
# A quoted text may have breaks; one that is never closed would take all the rest.
_LINES_PER_ROW_MAX: Final = 100
_CHARACTERS_PER_ROW_MAX: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Row:
    """A row, and the line that it begins in; `wrong` says why it has no cells that could be read."""

    line: int
    cells: list[str]
    wrong: str | None = None

    def cell(self, place: int | None) -> str:
        """Return a cell, empty where there is none."""
        return self.cells[place].strip() if place is not None and place < len(self.cells) else ""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the table is laid out: where its first row is, and where each column that is asked for is."""

    delimiter: str
    first_line: int
    places: Mapping[str, int]
    header: Mapping[str, str]


class _Feed:
    """Lines for `csv.reader`, which asks for more of them only within a row."""

    def __init__(self, lines: Iterator[TextLine]) -> None:
        self._lines = lines
        self.number = 0
        self._row_begins = 1
        self._characters = 0

    def begin_row(self) -> int:
        """Return the number of the line that a row begins in, which is the next one."""
        self._row_begins, self._characters = self.number + 1, 0
        return self._row_begins

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number = line.number
        if line.text is None:
            raise csv.Error("the line is too long")
        self._characters += len(line.text)
        if self.number - self._row_begins >= _LINES_PER_ROW_MAX or self._characters > _CHARACTERS_PER_ROW_MAX:
            raise csv.Error(f"a quoted text goes on for {self.number - self._row_begins} lines; its end may be missing")
        return f"{line.text}\n"


def rows(file: IO[bytes], encoding: Encoding, delimiter: str) -> Generator[Row]:
    """Yield the rows that are not blank, from the beginning of the file."""
    file.seek(0)
    with closing(read_lines(file, encoding)) as lines:
        feed = _Feed(lines)
        reader = csv.reader(feed, delimiter=delimiter, strict=True)
        while True:
            begins = feed.begin_row()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as wrong:
                yield Row(begins, [], f"The row cannot be read: {wrong}.")
            else:
                if any(map(str.strip, cells)):
                    yield Row(begins, cells)


def _first_rows(file: IO[bytes], encoding: Encoding, delimiter: str) -> Iterator[Row]:
    """Yield the rows among which the table begins."""
    with closing(rows(file, encoding, delimiter)) as first:
        yield from islice(first, _PREAMBLE_ROWS_MAX)


def layout(file: IO[bytes], encoding: Encoding, columns: CsvColumns, delimiter: str | None) -> Layout | None:
    """Return how the table is laid out, None where there is none with all these columns.

    Columns with names stand in a header; if all have numbers only, the first row with a date and an amount begins it.
    """
    wanted = columns.all()
    for each in DELIMITERS if delimiter is None else (delimiter,):
        for row in _first_rows(file, encoding, each):
            places = _places(row, wanted)
            if places is None:
                continue
            if any(isinstance(column, str) for column in wanted.values()):
                header = {name: row.cell(place) for name, place in places.items()}
                return Layout(each, row.line + 1 + sum(cell.count("\n") for cell in row.cells), places, header)
            if _is_data(row, places):
                return Layout(each, row.line, places, {})
    return None


def widest(file: IO[bytes], encoding: Encoding, delimiter: str | None) -> tuple[str, Row] | None:
    """Return the first of the widest rows, and what separates its cells: the header, if there is one."""
    found = (
        (each, row)
        for each in (DELIMITERS if delimiter is None else (delimiter,))
        for row in _first_rows(file, encoding, each)
    )
    return max(found, key=lambda pair: len(pair[1].cells), default=None)


def _places(row: Row, wanted: Mapping[str, Column]) -> dict[str, int] | None:
    names: dict[str, int] = {}
    for place, cell in enumerate(row.cells):
        names.setdefault(_folded(cell), place)
    places: dict[str, int] = {}
    for name, column in wanted.items():
        place = column - 1 if isinstance(column, int) else names.get(_folded(column), len(row.cells))
        if place >= len(row.cells):
            return None
        places[name] = place
    return places


def _is_data(row: Row, places: Mapping[str, int]) -> bool:
    amounts = [row.cell(places.get(name)) for name in ("amount", "money_in", "money_out")]
    return looks_like_a_date(row.cell(places["date"])) and any(money(each) for each in amounts)


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
