from datetime import UTC, date, datetime, timedelta

from application.ledger.close_period import ClosePeriod, ReopenPeriod
from application.ledger.open_account import OpenAccount
from application.ledger.post_transaction import PostTransaction
from application.ledger.register_asset import RegisterAsset
from domain.ledger.account import AccountType
from domain.ledger.balance import Balance
from domain.ledger.closing import ClosingDraft
from domain.ledger.events import PeriodClosed
from domain.ledger.period import InClosedPeriod
from tests.application.ledger.office import Office, refused
from tests.builders import credit, debit, draft, principal

RESULT = "equity:result"


def closing(office: Office, day: date, result_to: str | None = RESULT) -> ClosePeriod:
    ids = office.ids
    until = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return ClosePeriod(
        ClosingDraft(ids.new("prd"), day, until, "", result_to, (ids.new("txn"), ids.new("txn"), ids.new("txn")))
    )


def sale(amount: str, day: date, asset: str = "EUR") -> PostTransaction:
    at = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return PostTransaction(
        draft(debit("assets:bank", amount, asset), credit("income:sales", amount, asset), effective_at=at)
    )


async def test_results_are_closed_to_an_account_that_has_some_already(office: Office) -> None:
    await office.submit(sale("9.00", date(2026, 9, 30)))
    await office.submit(closing(office, date(2026, 10, 1)))
    await office.submit(sale("0.70", date(2026, 10, 31)))
    outcome = await office.submit(closing(office, date(2026, 11, 1)))
    assert [applied.event.type for applied in outcome.applied] == ["transaction.posted", "period.closed"]
    assert await office.balance(RESULT) == Balance(0, 970, 2)
    assert await office.balance("income:sales") == Balance(970, 970, 4)


async def test_results_in_several_assets_are_closed_together(office: Office) -> None:
    await office.submit(RegisterAsset("POINTS", 3))
    for asset in ("EUR", "JPY", "POINTS"):
        await office.submit(sale("5", date(2026, 10, 1), asset))
    await office.submit(OpenAccount("profits", AccountType.EQUITY))
    await office.submit(closing(office, date(2026, 11, 1), "profits"))
    assert [(await office.balance("profits", code)).posted_credits for code in ("EUR", "JPY", "POINTS")] == [
        500,
        5,
        5000,
    ]


async def test_what_is_posted_beside_a_closing_is_closed_with_it_or_refused(office: Office) -> None:
    before, close, after = await office.submit_together(
        sale("1.00", date(2026, 10, 1)),
        closing(office, date(2026, 11, 1)),
        sale("2.00", date(2026, 10, 1)),
    )
    refused(after, InClosedPeriod)
    assert not isinstance(before, BaseException)
    assert not isinstance(close, BaseException)
    assert await office.balance(RESULT) == Balance(0, 100, 1)
    assert office.group_sizes() == [2]


async def test_after_reopening_only_what_came_since_is_moved_again(office: Office) -> None:
    await office.submit(sale("9.00", date(2026, 9, 30)))
    outcome = await office.submit(closing(office, date(2026, 10, 1)))
    closed = outcome.applied[-1].event
    assert isinstance(closed, PeriodClosed)
    await office.submit(ReopenPeriod(closed.id, "an invoice was late"))
    await office.submit(sale("0.30", date(2026, 9, 30)))
    await office.submit(closing(office, date(2026, 10, 1)))
    assert await office.balance(RESULT) == Balance(0, 930, 2)


async def test_a_closing_can_be_tried_out(office: Office) -> None:
    await office.submit(sale("9.00", office.clock.now().date() - timedelta(days=60)))
    outcome = await office.journal.try_out(principal(), "main", closing(office, date(2026, 11, 1)))
    assert [applied.event.type for applied in outcome.applied] == [
        "account.opened",
        "transaction.posted",
        "period.closed",
    ]
    assert await office.balance(RESULT) == Balance()
