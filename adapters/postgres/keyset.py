"""Walking a list in the order of an index, with a bound on the rows that one page reads.

Rows come in windows, each of which an index gives in the list's order, and are judged by the filters that the index
does not know. A page ends when it is full, when nothing is left, or when it has read its 10,000 rows; the next one
goes on after the last row that was examined, whether or not that was shown.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, DateTime, UnaryExpression, literal, true, tuple_

from application.shared.pagination import ROWS_READ_MAX, Page, PageRequest, Position
from domain.shared.chain import format_time, parse_time

# A page that few rows match reads windows that grow by this, so that it takes few steps to its bound.
_GROWTH: Final = 8


class Candidate(NamedTuple):
    """A row that may belong in a list: where it stands in the list's order, and the number that it is found by."""

    position: Position
    number: int


@dataclass(frozen=True, slots=True)
class Keyset:
    """The order of a list: columns of an index whose values together name one row."""

    columns: tuple[ColumnElement[Any], ...]
    is_descending: bool

    def order(self) -> list[UnaryExpression[Any]]:
        """Return what to order by."""
        return [column.desc() if self.is_descending else column.asc() for column in self.columns]

    def beyond(self, after: Position | None) -> ColumnElement[bool]:
        """Return the condition that a row comes after the position, in terms that an index understands."""
        if after is None:
            return true()
        values = [_stored(column, value) for column, value in zip(self.columns, after, strict=True)]
        if len(values) == 1:
            return self.columns[0] < values[0] if self.is_descending else self.columns[0] > values[0]
        row, bound = tuple_(*self.columns), tuple_(*values)
        return row < bound if self.is_descending else row > bound

    def sorted(self, candidates: Sequence[Candidate], after: Position | None) -> list[Candidate]:
        """Return those of the candidates that come after the position, in order."""
        in_order = sorted(candidates, reverse=self.is_descending)
        if after is None:
            return in_order
        return [each for each in in_order if (each.position < after if self.is_descending else each.position > after)]


def _stored(column: ColumnElement[Any], value: str | int) -> ColumnElement[Any]:
    if isinstance(column.type, DateTime):
        assert isinstance(value, str)
        return literal(parse_time(value), column.type)
    return literal(value, column.type)


def position(*values: Any) -> Position:
    """Return a row's position from the values of its keyset's columns. Such times sort as texts do."""
    return tuple([format_time(value) if isinstance(value, datetime) else value for value in values])


class Budget:
    """How many rows a page may still read.

    Up to `few` of them may go into sets that a filter leaves; what that and a page's first window leave is more than
    a transaction can have entries. With less than `least` left, a page ends.
    """

    def __init__(self, rows: int = ROWS_READ_MAX) -> None:
        self.rows = rows
        self.few = rows * 3 // 10
        self.least = rows // 20

    def spend(self, rows: int) -> None:
        """Count rows that were read."""
        self.rows -= rows
        assert self.rows >= 0, "a page reads no more than its budget"


@dataclass(frozen=True, slots=True)
class Window:
    """Some rows of a list, in order; `is_last` when none come after them."""

    candidates: Sequence[Candidate]
    is_last: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """Which of a window's rows belong in the list, and how many of its rows, from its first on, were examined."""

    matches: Sequence[Candidate]
    examined: int


# Returns the rows after a position, and counts what it reads; at most the budget, and no more than about `size`.
Source = Callable[[Position | None, int, Budget], Awaitable[Window]]
# Judges a window's rows, and counts what it reads beside them. It may stop early if the budget does not suffice.
Judge = Callable[[Sequence[Candidate], Budget], Awaitable[Verdict]]


async def accept(candidates: Sequence[Candidate], budget: Budget) -> Verdict:
    """Judge where there is nothing to filter by."""
    return Verdict(candidates, len(candidates))


def given(candidates: Sequence[Candidate], keyset: Keyset) -> Source:
    """Return a source of rows that have been read, and counted, already."""

    async def source(after: Position | None, size: int, budget: Budget) -> Window:
        rest = keyset.sorted(candidates, after)
        return Window(rest[:size], len(rest) <= size)

    return source


View = TypeVar("View")


def page_of(views: Sequence[View], found: Page[Candidate]) -> Page[View]:
    """Return the page of the rows that were found, as they are seen; there may be room for the first of them only."""
    positions = [candidate.position for candidate in found.items[: len(views)]]
    return Page(views, found.next_after if len(views) == len(found.items) else positions[-1], positions)


async def walk(page: PageRequest, budget: Budget, source: Source, judge: Judge, rows_each: int = 1) -> Page[Candidate]:
    """Return the page of the rows that the source gives and the judge lets pass.

    `rows_each` is how many rows it takes, most of the time, to get one row and to judge it.
    """
    found: list[Candidate] = []
    after = page.after
    size = page.limit + 1
    while True:
        window = await source(after, min(size, max(1, budget.rows // rows_each)), budget)
        verdict = await judge(window.candidates, budget)
        found.extend(verdict.matches)
        if len(found) > page.limit:
            return Page(found[: page.limit], found[page.limit - 1].position)
        is_complete = verdict.examined == len(window.candidates)
        if is_complete and window.is_last:
            return Page(found, None)
        if verdict.examined:
            after = window.candidates[verdict.examined - 1].position
        if not is_complete or len(found) == page.limit or budget.rows <= budget.least:
            assert after != page.after, "every page comes further"
            return Page(found, after)
        size *= _GROWTH
