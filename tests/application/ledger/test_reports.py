"""Balance sheet, income statement and rolled-up trial balance, by hand."""

import asyncio

import pytest

from application.ledger.report_reader import TrialBalanceLine
from application.ledger.reports import (
    Figure,
    Figures,
    Interval,
    ReportLine,
    Section,
    balance_sheet,
    income_statement,
    rolled_up,
    trial_balance,
)
from application.ledger.spans import AsOf
from domain.ledger.account import AccountType
from domain.ledger.transaction import TransactionKind
from tests.application.ledger.plain_books import PlainBooks, day
from tests.builders import EUR, JPY


def shop() -> PlainBooks:
    """Ten days of a shop: a sale and its cost, a purchase on account, yen, and the closing of the first five days."""
    books = PlainBooks()
    books.post(day(1), ("assets:bank", 100_00), ("equity:capital", -100_00))  # event 2
    books.post(day(2), ("assets:bank", 30_00), ("income:sales:shop", -30_00))
    books.post(day(3), ("expenses:rent", 12_00), ("liabilities:landlord", -12_00))
    books.post(day(6), ("assets:bank", 5_00), ("income:sales:web", -5_00))
    books.post(day(6), ("assets:till", 700, JPY), ("income:sales:web", -700, JPY))
    books.post(
        day(5),
        ("income:sales:shop", 30_00),
        ("expenses:rent", -12_00),
        ("equity:retained", -18_00),
        kind=TransactionKind.CLOSING,
    )  # event 7
    return books


def euros(amount: int, compared: int | None = None) -> Figures:
    return {EUR: Figure(amount, compared)}


async def test_a_balance_sheet_has_each_section_on_its_own_side_and_what_is_not_closed_in_equity() -> None:
    sheet = await balance_sheet(shop(), "main", as_of=AsOf())
    assert sheet.sequence == 7
    assert sheet.assets == Section(
        [ReportLine("assets:bank", euros(135_00)), ReportLine("assets:till", {JPY: Figure(700)})],
        {EUR: Figure(135_00), JPY: Figure(700)},
    )
    assert sheet.liabilities == Section([ReportLine("liabilities:landlord", euros(12_00))], euros(12_00))
    assert sheet.equity == Section(
        [
            ReportLine("equity:capital", euros(100_00)),
            ReportLine("equity:retained", euros(18_00)),
            ReportLine(None, {EUR: Figure(5_00), JPY: Figure(700)}),
        ],
        {EUR: Figure(123_00), JPY: Figure(700)},
    )


async def test_before_it_is_closed_the_whole_result_stands_in_equity_and_after_it_nothing() -> None:
    before = await balance_sheet(shop(), "main", as_of=AsOf(day(5)))
    assert before.equity.lines[-1] == ReportLine(None, euros(18_00))
    after = await balance_sheet(shop(), "main", as_of=AsOf(day(6)))
    assert [line.path for line in after.equity.lines] == ["equity:capital", "equity:retained"]
    assert before.equity.totals == after.equity.totals == euros(118_00)


async def test_a_balance_sheet_stands_beside_an_earlier_one() -> None:
    sheet = await balance_sheet(shop(), "main", as_of=AsOf(day(6)), compare_before=day(2))
    assert (sheet.before, sheet.compare_before) == (day(6), day(2))
    assert sheet.assets == Section([ReportLine("assets:bank", euros(130_00, 100_00))], euros(130_00, 100_00))
    assert sheet.liabilities.totals == euros(12_00, 0)
    assert sheet.equity.lines == [
        ReportLine("equity:capital", euros(100_00, 100_00)),
        ReportLine("equity:retained", euros(18_00, 0)),
    ]


async def test_what_is_only_in_the_earlier_column_is_shown() -> None:
    books = PlainBooks()
    books.post(day(1), ("assets:till", 1_00), ("equity:capital", -1_00))
    books.post(day(2), ("assets:bank", 1_00), ("assets:till", -1_00))
    sheet = await balance_sheet(books, "main", as_of=AsOf(), compare_before=day(2))
    assert sheet.assets.lines == [
        ReportLine("assets:bank", euros(1_00, 0)),
        ReportLine("assets:till", euros(0, 1_00)),
    ]
    alone = await balance_sheet(books, "main", as_of=AsOf())
    assert [line.path for line in alone.assets.lines] == ["assets:bank"]


async def test_an_income_statement_leaves_closing_transactions_out() -> None:
    for interval in (Interval(day(1), day(6)), Interval(None, day(6)), Interval(day(2), day(4))):
        statement = await income_statement(shop(), "main", interval=interval)
        assert statement.income == Section([ReportLine("income:sales:shop", euros(30_00))], euros(30_00))
        assert statement.expenses == Section([ReportLine("expenses:rent", euros(12_00))], euros(12_00))
        assert statement.net == euros(18_00)


async def test_an_income_statement_has_what_is_effective_from_its_beginning_and_before_its_end() -> None:
    for since, before, expected in ((2, 3, 30_00), (3, 6, None), (6, 7, 5_00), (1, 2, None), (5, 6, None)):
        statement = await income_statement(shop(), "main", interval=Interval(day(since), day(before)))
        assert statement.income.totals.get(EUR) == (None if expected is None else Figure(expected))


async def test_an_income_statement_stands_beside_another_span() -> None:
    statement = await income_statement(
        shop(), "main", interval=Interval(day(6)), compare=Interval(day(1), day(6)), depth=2
    )
    assert statement.income.lines == [ReportLine("income:sales", {EUR: Figure(5_00, 30_00), JPY: Figure(700, 0)})]
    assert statement.expenses.lines == [ReportLine("expenses:rent", euros(0, 12_00))]
    assert statement.net == {EUR: Figure(5_00, 18_00), JPY: Figure(700, 0)}


async def test_a_loss_is_below_zero() -> None:
    statement = await income_statement(shop(), "main", interval=Interval(day(3), day(4)))
    assert statement.net == euros(-12_00)
    books = PlainBooks()
    books.post(day(1), ("expenses:rent", 3_00), ("assets:bank", -3_00))
    sheet = await balance_sheet(books, "main", as_of=AsOf())
    assert sheet.equity.lines == [ReportLine(None, euros(-3_00))]


async def test_reports_are_as_of_a_sequence() -> None:
    sheet = await balance_sheet(shop(), "main", as_of=AsOf(sequence=3))
    assert (sheet.sequence, sheet.assets.totals) == (3, euros(130_00))
    statement = await income_statement(shop(), "main", interval=Interval(), sequence=5)
    assert (statement.sequence, statement.net) == (5, euros(23_00))
    # The closing is not known yet, and takes nothing away.
    assert statement.income.totals == euros(35_00)


@pytest.mark.parametrize(
    ("path", "depth", "expected"),
    [
        ("a:b:c", None, "a:b:c"),
        ("a:b:c", 1, "a"),
        ("a:b:c", 2, "a:b"),
        ("a:b:c", 3, "a:b:c"),
        ("a:b:c", 9, "a:b:c"),
        ("a", 1, "a"),
        ("a:b.c:d", 2, "a:b.c"),
    ],
)
def test_a_path_is_rolled_up_to_its_first_segments(path: str, depth: int | None, expected: str) -> None:
    assert rolled_up(path, depth) == expected


async def test_a_trial_balance_is_rolled_up_by_path_and_type() -> None:
    books = PlainBooks({"users:1:wallet": AccountType.LIABILITY, "users:1:loan": AccountType.ASSET})
    books.types["users:2:wallet"] = AccountType.LIABILITY
    books.post(day(1), ("assets:bank", 8_00), ("users:1:wallet", -5_00), ("users:2:wallet", -3_00))
    books.post(day(2), ("users:1:loan", 2_00), ("assets:bank", -2_00))
    report = await trial_balance(books, "main", as_of=AsOf(), depth=1)
    assert [shown(line) for line in report.lines] == [
        ("assets", AccountType.ASSET, 8_00, 2_00),
        ("users", AccountType.ASSET, 2_00, 0),
        ("users", AccountType.LIABILITY, 0, 8_00),
    ]
    assert (await trial_balance(books, "main", as_of=AsOf())).lines == (
        await books.trial_balance("main", as_of=AsOf())
    ).lines


def shown(line: TrialBalanceLine) -> tuple[str, AccountType, int, int]:
    return line.path, line.type, line.balance.posted_debits, line.balance.posted_credits


async def test_long_reports_are_added_up_in_turns() -> None:
    books = PlainBooks()
    for number in range(3_000):
        books.post(day(1), (f"assets:{number}", 1), ("equity:capital", -1))
    turns = 0

    async def serve_others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    others = asyncio.create_task(serve_others())
    sheet = await balance_sheet(books, "main", as_of=AsOf())
    others.cancel()
    assert len(sheet.assets.lines) == 3_000
    assert turns >= 10
