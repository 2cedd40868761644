"""Account statements, by hand."""

from itertools import pairwise

import pytest

from application.ledger.reports import Interval
from application.ledger.statement import StatementTooLong, account_statement
from domain.ledger.account import AccountNotFound
from domain.ledger.transaction import Direction
from tests.application.ledger.plain_books import PlainBooks, day
from tests.builders import EUR, JPY


def books() -> PlainBooks:
    """A supplier's account: what is recorded last is effective first."""
    made = PlainBooks()
    made.post(day(1), ("expenses:goods", 10_00), ("liabilities:supplier", -10_00))  # event 2
    made.post(day(5), ("liabilities:supplier", 4_00), ("assets:bank", -4_00))
    made.post(day(5), ("expenses:goods", 1_00), ("liabilities:supplier", -1_00))
    made.post(day(3), ("expenses:goods", 7_00), ("liabilities:supplier", -7_00))
    made.post(day(9), ("expenses:goods", 50, JPY), ("liabilities:supplier", -50, JPY))
    return made


async def test_a_statement_runs_from_its_opening_to_its_closing_balance_by_effective_time() -> None:
    statement = await account_statement(
        books().reads, "main", "liabilities:supplier", interval=Interval(day(2), day(6))
    )
    assert (statement.account.path, statement.sequence) == ("liabilities:supplier", 6)
    (euros,) = statement.assets
    assert (euros.asset, euros.opening, euros.closing) == (EUR, 10_00, 14_00)
    assert (euros.debits, euros.credits) == (4_00, 8_00)
    assert [
        (line.entry.sequence, line.entry.line.entry.direction, line.entry.line.entry.amount, line.balance)
        for line in euros.lines
    ] == [
        (5, Direction.CREDIT, 7_00, 17_00),
        (3, Direction.DEBIT, 4_00, 13_00),
        (4, Direction.CREDIT, 1_00, 14_00),
    ]


async def test_the_closing_balance_of_one_span_opens_the_next() -> None:
    bounds = [None, day(2), day(5), day(6), day(10), None]
    closed: dict[str, int] = {}
    for since, before in pairwise(bounds):
        statement = await account_statement(
            books().reads, "main", "liabilities:supplier", interval=Interval(since, before)
        )
        for each in statement.assets:
            assert each.opening == closed.get(each.asset.code, 0)
            closed[each.asset.code] = each.closing
    assert closed == {"EUR": 14_00, "JPY": 50}


async def test_an_asset_without_entries_is_shown_if_it_was_held_and_a_later_one_is_not() -> None:
    statement = await account_statement(
        books().reads, "main", "liabilities:supplier", interval=Interval(day(6), day(7))
    )
    (euros,) = statement.assets
    assert (euros.opening, euros.lines, euros.closing) == (14_00, [], 14_00)


async def test_one_asset_can_be_asked_for() -> None:
    for code, expected in (("JPY", [JPY]), ("EUR", [EUR]), ("USD", [])):
        statement = await account_statement(
            books().reads, "main", "liabilities:supplier", interval=Interval(day(1), None), asset=code
        )
        assert [each.asset for each in statement.assets] == expected


async def test_a_statement_is_as_of_a_sequence() -> None:
    statement = await account_statement(
        books().reads, "main", "liabilities:supplier", interval=Interval(day(2)), sequence=4
    )
    assert statement.sequence == 4
    (euros,) = statement.assets
    assert (euros.opening, euros.closing) == (10_00, 7_00)


async def test_more_entries_than_fit_are_refused() -> None:
    reads = books().reads
    statement = await account_statement(
        reads, "main", "liabilities:supplier", interval=Interval(), asset="EUR", entries_max=4
    )
    assert len(statement.assets[0].lines) == 4
    with pytest.raises(StatementTooLong, match="more than 4 entries"):
        await account_statement(reads, "main", "liabilities:supplier", interval=Interval(), entries_max=4)


async def test_an_account_that_is_not_there_has_no_statement() -> None:
    with pytest.raises(AccountNotFound):
        await account_statement(books().reads, "main", "liabilities:nobody", interval=Interval())
