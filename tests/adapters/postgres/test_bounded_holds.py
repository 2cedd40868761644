"""How much is read of a ledger with 60,000 holds, one of which was captured 30,000 times; see test_bounded_reads."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import BigInteger, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.hold_tables import holds
from adapters.postgres.ids import outward_id
from adapters.postgres.ledger.books import PostgresBooks
from adapters.postgres.ledger.readers import PostgresLedgerReads
from adapters.postgres.tables import ledgers, transactions
from adapters.postgres.work import tenant_transaction, tenant_view
from application.ledger.hold_reader import HoldFilter
from application.ledger.ports import LedgerAddress
from application.ledger.readers import LedgerReads, TransactionFilter
from application.ledger.spans import Span
from application.shared.pagination import ROWS_READ_MAX, Page, PageRequest, Position
from domain.ledger.events import HoldPlaced, TransactionPosted
from domain.shared.patterns import Pattern
from tests.adapters.ledger.by_hand import OPENINGS, NewLedger, sale, write
from tests.adapters.postgres.test_bounded_reads import RARE_SEQUENCES, counted, filled, read_so_far
from tests.builders import NOW, hold_id, transaction_id

__all__ = ["filled"]  # the ledger that holds are added to

CAPTURING_RARELY = [10_001, 20_001, 30_001, 40_001, 50_001, 60_001]
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
async def held(
    owner_engine: AsyncEngine, journal_engine: AsyncEngine, new_ledger: NewLedger, filled: LedgerAddress
) -> LedgerAddress:
    """The ledger with its holds, of which statistics know as little as of any new one: they have seen another's."""
    hold = HoldPlaced(hold_id(), sale(100).entries)
    captured = TransactionPosted(transaction_id(), hold.entries, NOW, hold=hold.id)
    await write(PostgresBooks(journal_engine), await new_ledger(), *OPENINGS, hold, captured)
    async with tenant_transaction(owner_engine, filled.organisation_id) as connection:
        await connection.execute(text("ANALYZE holds, hold_entries, remainders"))
    async with tenant_transaction(owner_engine, filled.organisation_id) as connection:
        query = select(ledgers.c.id).where(ledgers.c.organisation_id == filled.organisation_id)
        ledger = bindparam("ledger", await connection.scalar(query), BigInteger())
        for statement in Path(__file__).with_name("fill_holds.sql").read_text(encoding="utf-8").split(";\n"):
            if ":ledger" in statement:
                await connection.execute(text(statement).bindparams(ledger))
    return filled


def listed(
    where: HoldFilter, sort: str, after: Position | None = None
) -> Callable[[LedgerReads], Awaitable[Page[object]]]:
    return lambda reads: reads.holds.holds("main", where, PageRequest(sort, 50, after))


def numbers(page: Page[object]) -> list[int]:
    return [getattr(getattr(item, "hold", None), "number", 0) for item in page.items]


RARITIES = {
    "a status": HoldFilter(status=["open"]),
    "an account": HoldFilter(account=Pattern("equity:rare")),
    "an account with a common status": HoldFilter(account=Pattern("equity:rare"), status=["open", "released"]),
    "a common account with a rare status": HoldFilter(account=Pattern("assets:bank"), status=["open"]),
    "a pattern that few accounts begin like": HoldFilter(account=Pattern("equity:**")),
    "references": HoldFilter(reference=[f"hold-{sequence}" for sequence in RARE_SEQUENCES]),
    "open ones that expire": HoldFilter(status=["open"], expires_at=Span(gt=NOW)),
}


@pytest.mark.parametrize("sort", ["sequence", "-placed_at"])
@pytest.mark.parametrize("rarity", RARITIES)
async def test_holds_that_are_rare_are_found_at_once(
    service_engine: AsyncEngine, held: LedgerAddress, rarity: str, sort: str
) -> None:
    page, read = await counted(service_engine, held, listed(RARITIES[rarity], sort))
    assert numbers(page) == (RARE_SEQUENCES if sort == "sequence" else RARE_SEQUENCES[::-1])
    assert page.next_after is None
    # Up to three tenths of the budget go into finding out which of two filters leaves few.
    assert read < (2 * 3_000 + 600 if rarity.startswith("a common account") else 1_000)


async def test_the_open_holds_that_expire_in_a_span_are_found_at_once(
    service_engine: AsyncEngine, held: LedgerAddress
) -> None:
    due = NOW + timedelta(seconds=30_000) + HOUR
    where = HoldFilter(status=["open"], expires_at=Span(gte=due, lte=due))
    page, read = await counted(service_engine, held, listed(where, "sequence"))
    assert numbers(page) == [30_000]
    assert read < 300


COMMONPLACES = {
    "everything": HoldFilter(),
    "a status": HoldFilter(status=["released"]),
    "several statuses": HoldFilter(status=["released", "captured"]),
    "an account": HoldFilter(account=Pattern("assets:bank")),
    "an account and a status": HoldFilter(account=Pattern("assets:bank"), status=["released"]),
    "a pattern": HoldFilter(account=Pattern("users:*:wallet")),
    "a long span": HoldFilter(placed_at=Span(gte=NOW + timedelta(seconds=2_100))),
    "an expiry": HoldFilter(expires_at=Span(gte=NOW)),
}


@pytest.mark.parametrize("sort", ["sequence", "-sequence"])
@pytest.mark.parametrize("commonplace", COMMONPLACES)
async def test_a_full_page_of_common_holds_reads_little_more_than_the_page(
    service_engine: AsyncEngine, held: LedgerAddress, commonplace: str, sort: str
) -> None:
    page, read = await counted(service_engine, held, listed(COMMONPLACES[commonplace], sort))
    assert len(page.items) == 50
    assert page.next_after is not None
    assert read < 2 * 3_000 + 6_000


NOWHERE = {
    "a common account with a status that none has": HoldFilter(account=Pattern("assets:bank"), status=["expired"]),
    "a pattern that many accounts begin like": HoldFilter(account=Pattern("users:*:vault")),
    "a pattern that begins with any": HoldFilter(account=Pattern("**:vault")),
    "an expiry at which none is": HoldFilter(expires_at=Span(lt=NOW)),
}


@pytest.mark.parametrize("nowhere", NOWHERE)
async def test_a_page_that_finds_no_holds_ends_at_its_bound_and_the_last_one_is_reached(
    service_engine: AsyncEngine, held: LedgerAddress, nowhere: str
) -> None:
    after: Position | None = None
    for _ in range(60):
        page, read = await counted(service_engine, held, listed(NOWHERE[nowhere], "-sequence", after))
        assert list(page.items) == []
        assert read <= 8 * ROWS_READ_MAX
        after = page.next_after
        if after is None:
            return
    pytest.fail("there was always another page")


async def test_a_hold_that_was_captured_often_is_shown_by_a_few_look_ups(
    service_engine: AsyncEngine, held: LedgerAddress
) -> None:
    async with tenant_view(service_engine, held.organisation_id) as connection:
        stored = (await connection.scalars(select(holds.c.id).where(holds.c.sequence == 10_000))).one()
        before = await read_so_far(connection)
        reads = PostgresLedgerReads(connection, held.organisation_id)
        view = await reads.holds.hold("main", outward_id("hold", stored))
        assert await read_so_far(connection) - before < 300
    assert len(view.captures) == 20
    assert list(view.hold.left.values()) == [50, 50]


@pytest.mark.parametrize("sort", ["sequence", "-sequence", "effective_at", "-effective_at"])
@pytest.mark.parametrize("link", ["hold", "reverses"])
async def test_what_captured_or_reversed_is_found_at_once_where_it_is_rare_and_page_by_page_where_it_is_not(
    service_engine: AsyncEngine, held: LedgerAddress, link: str, sort: str
) -> None:
    table, prefix = (holds, "hold") if link == "hold" else (transactions, "txn")
    async with tenant_view(service_engine, held.organisation_id) as connection:
        query = select(table.c.sequence, table.c.id).where(table.c.sequence.in_([10_000, 20_000]))
        ids = {sequence: outward_id(prefix, id) for sequence, id in await connection.execute(query)}

    def of(id: str) -> Callable[[LedgerReads], Awaitable[Page[object]]]:
        where = TransactionFilter(hold=id) if link == "hold" else TransactionFilter(reverses=id)
        return lambda reads: reads.transactions.transactions("main", where, PageRequest(sort, 50))

    page, read = await counted(service_engine, held, of(ids[20_000]))
    found = [getattr(item, "sequence", 0) for item in page.items]
    # The later one is recorded, the longer ago it was effective.
    assert found == (CAPTURING_RARELY if sort in ("sequence", "-effective_at") else CAPTURING_RARELY[::-1])
    assert page.next_after is None
    assert read < 1_000

    page, read = await counted(service_engine, held, of(ids[10_000]))
    assert len(page.items) == 50
    assert read < 2 * 3_000 + 6_000
