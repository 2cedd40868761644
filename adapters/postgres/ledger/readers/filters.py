"""Filters as conditions that reach an index beside a policy, and the sets of rows that are small under one of them."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from adapters.postgres.keyset import Budget
from adapters.postgres.ledger.metadata_rows import metadata_digest
from adapters.postgres.tables import metadata_values
from application.ledger.spans import Span
from domain.shared.patterns import Pattern

SETS_MAX: Final = 4

# Returns the numbers of all rows that one filter leaves, or None if there are more than so many.
SmallSet = Callable[[int, Budget], Awaitable[Sequence[int] | None]]


def within(of: ColumnElement[Any], span: Span) -> list[ColumnElement[bool]]:
    """Return the conditions that a column's value lies in the span."""
    bounds: list[tuple[object, Callable[[ColumnElement[Any]], ColumnElement[bool]]]] = [
        (span.gt, of.__gt__),
        (span.gte, of.__ge__),
        (span.lt, of.__lt__),
        (span.lte, of.__le__),
    ]
    assert all(bound is None or isinstance(bound, datetime) for bound, _ in bounds)
    return [compare(literal(bound, of.type)) for bound, compare in bounds if bound is not None]


def equals(of: ColumnElement[Any], value: Any) -> list[ColumnElement[bool]]:
    """Return the conditions that a column has the value, for a query that is ordered by it.

    Written as a range, the column still counts in that order, which names the index to go by: where statistics know
    nothing of a ledger, any index that begins with its number looks as good, and one of them reads all of it.
    """
    return [of >= value, of <= value]


def under(
    leading: ColumnElement[Any], value: object, number: ColumnElement[int], lowest: int, highest: int
) -> list[ColumnElement[bool]]:
    """Return the conditions that a column has the value, and that a number lies between two, both included.

    They are compared as rows; ordered by both columns, only the index that has them in this order will do.
    """
    row, value_of_row = tuple_(leading, number), literal(value, leading.type)
    return [
        leading.is_not(None),
        row >= tuple_(value_of_row, literal(lowest, number.type)),
        row <= tuple_(value_of_row, literal(highest, number.type)),
    ]


def fits(path: ColumnElement[str], pattern: Pattern) -> list[ColumnElement[bool]]:
    """Return the conditions that a path fits the pattern, the first in terms that an index understands."""
    if pattern.is_exact:
        return [path == pattern.text]
    return [begins_with(path, pattern.prefix), (literal(":") + path).regexp_match(f"^(?:{pattern.regex})$")]


def begins_with(of: ColumnElement[str], prefix: str) -> ColumnElement[bool]:
    """Return the condition that a text begins so: the operator, unlike LIKE, reaches an index beside a policy."""
    return of.bool_op("^@")(prefix)


def has_metadata(subject: str, ledger_id: int, number: ColumnElement[int], key: str, value: str) -> ColumnElement[bool]:
    """Return the condition that the account or transaction has this value: a look-up for each row, never a join."""
    filed = metadata_values.c
    return (
        of_metadata(subject, ledger_id, key, value).where(filed.sequence == number).limit(1).scalar_subquery()
    ).is_not(None)


def of_metadata(subject: str, ledger_id: int, key: str, value: str) -> Select[int]:
    """Select the numbers of all accounts, or the sequences of all transactions, that have this value."""
    filed = metadata_values.c
    return select(filed.sequence).where(
        filed.ledger_id == ledger_id, filed.subject == subject, filed.digest == metadata_digest(key, value)
    )


def small_set(connection: AsyncConnection, query: Select[int]) -> SmallSet:
    """Return the set that the query selects; it must filter by nothing but an index, and name that by its order."""

    async def found(rows_max: int, budget: Budget) -> Sequence[int] | None:
        numbers = (await connection.scalars(query.limit(rows_max + 1))).all()
        budget.spend(len(numbers))
        return numbers if len(numbers) <= rows_max else None

    return found


async def smallest(sets: Sequence[SmallSet], budget: Budget) -> Sequence[int] | None:
    """Return the first of the sets that is small, or None."""
    tried = sets[:SETS_MAX]
    for each in tried:
        numbers = await each(budget.few // len(tried) - 1, budget)
        if numbers is not None:
            return sorted(set(numbers))
    return None
