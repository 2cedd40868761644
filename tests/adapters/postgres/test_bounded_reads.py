"""How much a page reads, as the database counts it, of a ledger with 60,000 transactions.

Counted are the rows that scans find and the blocks that they look into, a look-up among the leaves of an index being
four or five. The tables were never analysed: what is right here has not been chosen for its statistics.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import BigInteger, BindParameter, DateTime, LargeBinary, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.postgres.ledger.metadata_rows import metadata_digest
from adapters.postgres.ledger.readers import PostgresLedgerReads
from adapters.postgres.tables import ledgers, metadata
from adapters.postgres.work import tenant_transaction, tenant_view
from application.ledger.ports import LedgerAddress
from application.ledger.readers import AccountFilter, LedgerReads, TransactionFilter
from application.ledger.spans import AsOf, Span
from application.shared.pagination import ROWS_READ_MAX, Page, PageRequest, Position
from domain.shared.patterns import Pattern
from tests.adapters.ledger.by_hand import NewLedger
from tests.builders import NOW

# Which transactions have which metadata: all, every other one, and those that are rare.
COMMON, EVEN, RARE = {"all": "1"}, {"even": "1"}, {"rare": "1"}
RARE_SEQUENCES = [10_000, 20_000, 30_000, 40_000, 50_000, 60_000]
HEAD = 62_001

_READ = text(
    "SELECT sum(pg_stat_get_xact_tuples_returned(oid) + pg_stat_get_xact_blocks_fetched(oid))::bigint"
    " FROM pg_class WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace"
)

_FORGET_STATISTICS = (
    "SET LOCAL allow_system_table_mods = on",
    "DELETE FROM pg_statistic USING pg_class WHERE pg_class.oid = starelid AND relnamespace = 'public'::regnamespace",
    "UPDATE pg_class SET relpages = 0, reltuples = -1 WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
)


@pytest.fixture(scope="module")
async def filled(owner_engine: AsyncEngine, service_engine: AsyncEngine, new_ledger: NewLedger) -> LedgerAddress:
    address = await new_ledger()
    async with tenant_transaction(owner_engine, address.organisation_id) as connection:
        # Nor are they while this runs, however much was written to them before.
        for table in metadata.tables:
            await connection.execute(text(f"ALTER TABLE {table} SET (autovacuum_enabled = off)"))
        # Other tests of this database may have had them analysed, when there was little in them.
        for forget in _FORGET_STATISTICS:
            await connection.execute(text(forget))
        ledger_id = await connection.scalar(
            select(ledgers.c.id).where(ledgers.c.organisation_id == address.organisation_id)
        )
        values: list[BindParameter[Any]] = [
            bindparam("organisation", address.organisation_id, BigInteger()),
            bindparam("ledger", ledger_id, BigInteger()),
            bindparam("beginning", NOW, DateTime(timezone=True)),
            *(bindparam(f"digest_{key}", metadata_digest(key, "1"), LargeBinary()) for key in ("all", "even", "rare")),
        ]
        for statement in Path(__file__).with_name("fill.sql").read_text(encoding="utf-8").split(";\n"):
            bound = [value for value in values if f":{value.key}" in statement]
            if bound:
                await connection.execute(text(statement).bindparams(*bound))
    return address


async def read_so_far(connection: AsyncConnection) -> int:
    """How many rows and blocks the connection has read, of tables and of indexes."""
    read: int | None = await connection.scalar(_READ)
    return read or 0


async def counted(
    engine: AsyncEngine, address: LedgerAddress, read: Callable[[LedgerReads], Awaitable[Page[object]]]
) -> tuple[Page[object], int]:
    """Return a page, and how much it read."""
    async with tenant_view(engine, address.organisation_id) as connection:
        before = await read_so_far(connection)
        page = await read(PostgresLedgerReads(connection, address.organisation_id))
        return page, await read_so_far(connection) - before


def transactions(
    where: TransactionFilter, sort: str, after: Position | None = None
) -> Callable[[LedgerReads], Awaitable[Page[object]]]:
    return lambda reads: reads.transactions.transactions("main", where, PageRequest(sort, 50, after))


def accounts(where: AccountFilter, sort: str) -> Callable[[LedgerReads], Awaitable[Page[object]]]:
    return lambda reads: reads.accounts.accounts("main", where, PageRequest(sort, 50))


RARITIES = {
    "metadata": TransactionFilter(metadata=RARE),
    "an account": TransactionFilter(account=Pattern("equity:rare")),
    "an account in a common asset": TransactionFilter(account=Pattern("equity:rare"), asset="RARE"),
    "a pattern that few accounts begin like": TransactionFilter(account=Pattern("equity:**")),
    "an asset": TransactionFilter(asset="RARE"),
    "an asset on a common account": TransactionFilter(account=Pattern("assets:bank"), asset="RARE"),
    "a reference's beginning": TransactionFilter(reference_prefix="rare-"),
    "references": TransactionFilter(reference=[f"rare-{sequence}" for sequence in RARE_SEQUENCES]),
}


@pytest.mark.parametrize("sort", ["sequence", "-sequence", "effective_at", "-effective_at"])
@pytest.mark.parametrize("rarity", RARITIES)
async def test_what_is_rare_is_found_at_once(
    service_engine: AsyncEngine, filled: LedgerAddress, rarity: str, sort: str
) -> None:
    page, read = await counted(service_engine, filled, transactions(RARITIES[rarity], sort))
    # The later one is recorded, the longer ago it was effective.
    expected = RARE_SEQUENCES if sort in ("sequence", "-effective_at") else RARE_SEQUENCES[::-1]
    assert [getattr(item, "sequence", None) for item in page.items] == expected
    assert page.next_after is None
    assert read < 600


@pytest.mark.parametrize("sort", ["sequence", "-sequence", "effective_at", "-effective_at"])
@pytest.mark.parametrize(
    "where",
    [
        TransactionFilter(sequence=Span(gt=30_000, lte=30_010)),
        TransactionFilter(recorded_at=Span(gt=NOW + timedelta(seconds=30_000), lte=NOW + timedelta(seconds=30_010))),
        TransactionFilter(effective_at=Span(gte=NOW - timedelta(seconds=30_010), lt=NOW - timedelta(seconds=30_000))),
    ],
    ids=["sequence", "recorded_at", "effective_at"],
)
async def test_a_short_span_is_found_at_once_whatever_the_order(
    service_engine: AsyncEngine, filled: LedgerAddress, where: TransactionFilter, sort: str
) -> None:
    page, read = await counted(service_engine, filled, transactions(where, sort))
    expected = list(range(30_001, 30_011))
    if sort in ("-sequence", "effective_at"):
        expected.reverse()
    assert [getattr(item, "sequence", None) for item in page.items] == expected
    assert page.next_after is None
    assert read < 2_500


COMMONPLACES = {
    "everything": TransactionFilter(),
    "metadata": TransactionFilter(metadata=COMMON),
    "metadata of every other": TransactionFilter(metadata=EVEN),
    "an account": TransactionFilter(account=Pattern("assets:bank")),
    "an account in an asset": TransactionFilter(account=Pattern("assets:bank"), asset="EUR"),
    "a pattern": TransactionFilter(account=Pattern("users:*:wallet")),
    "an asset": TransactionFilter(asset="EUR"),
    "a reference's beginning": TransactionFilter(reference_prefix="order-"),
    "a reference": TransactionFilter(has_reference=True),
    "no reference": TransactionFilter(has_reference=False),
    "a long span": TransactionFilter(recorded_at=Span(gte=NOW + timedelta(seconds=2_100))),
}


@pytest.mark.parametrize("sort", ["sequence", "-sequence", "effective_at", "-effective_at"])
@pytest.mark.parametrize("commonplace", COMMONPLACES)
async def test_a_full_page_of_what_is_common_reads_little_more_than_the_page(
    service_engine: AsyncEngine, filled: LedgerAddress, commonplace: str, sort: str
) -> None:
    page, read = await counted(service_engine, filled, transactions(COMMONPLACES[commonplace], sort))
    assert len(page.items) == 50
    assert page.next_after is not None
    # It may have tried to find few, up to three tenths of the budget.
    assert read < 2 * 3_000 + 6_000


NOWHERE = {
    "metadata of every other, without what all those have": TransactionFilter(metadata=EVEN, has_reference=False),
    "a pattern that many accounts begin like": TransactionFilter(account=Pattern("users:*:vault")),
    "a pattern that begins with any": TransactionFilter(account=Pattern("**:vault")),
    "a pattern in a rare asset": TransactionFilter(account=Pattern("users:*:wallet"), asset="RARE", metadata=EVEN),
    "a common account with what all of it lacks": TransactionFilter(
        account=Pattern("assets:bank"), metadata=EVEN, has_reference=False
    ),
}


@pytest.mark.parametrize("sort", ["-sequence", "effective_at"])
@pytest.mark.parametrize("nowhere", NOWHERE)
async def test_a_page_that_finds_nothing_ends_at_its_bound_and_the_last_one_is_reached(
    service_engine: AsyncEngine, filled: LedgerAddress, nowhere: str, sort: str
) -> None:
    after: Position | None = None
    for _ in range(60):
        page, read = await counted(service_engine, filled, transactions(NOWHERE[nowhere], sort, after))
        assert list(page.items) == []
        assert read <= 8 * ROWS_READ_MAX
        after = page.next_after
        if after is None:
            return
    pytest.fail("there was always another page")


@pytest.mark.parametrize("sort", ["path", "-path", "opened_at", "-opened_at"])
@pytest.mark.parametrize(
    ("where", "count"),
    [
        (AccountFilter(metadata=RARE), 4),
        (AccountFilter(path=Pattern("equity:**")), 1),
        (AccountFilter(path=Pattern("users:77:wallet")), 1),
        (AccountFilter(opened_at=Span(gt=NOW + timedelta(seconds=500), lte=NOW + timedelta(seconds=510))), 10),
        (AccountFilter(path=Pattern("users:500:*"), metadata=COMMON), 1),
    ],
)
async def test_rare_accounts_are_found_at_once(
    service_engine: AsyncEngine, filled: LedgerAddress, where: AccountFilter, count: int, sort: str
) -> None:
    page, read = await counted(service_engine, filled, accounts(where, sort))
    assert (len(page.items), page.next_after) == (count, None)
    assert read < 600


async def test_a_balance_is_one_look_up_for_each_asset_however_long_the_history(
    service_engine: AsyncEngine, filled: LedgerAddress
) -> None:
    for sequence, eur, rare in ((None, 59_994, 6), (30_000, 27_996, 3), (2_002, 1, None)):
        async with tenant_view(service_engine, filled.organisation_id) as connection:
            before = await read_so_far(connection)
            reads = PostgresLedgerReads(connection, filled.organisation_id)
            _, held = await reads.accounts.balances("main", "assets:bank", as_of=AsOf(sequence=sequence))
            assert await read_so_far(connection) - before < 60
        assert {each.asset.code: each.balance.version for each in held} == {
            code: count for code, count in (("EUR", eur), ("RARE", rare)) if count is not None
        }


async def test_many_accounts_and_transactions_are_a_few_look_ups_each(
    service_engine: AsyncEngine, filled: LedgerAddress
) -> None:
    async with tenant_view(service_engine, filled.organisation_id) as connection:
        reads = PostgresLedgerReads(connection, filled.organisation_id)
        page = await reads.accounts.accounts("main", AccountFilter(), PageRequest("path", 100))
        paths = [*(view.account.path for view in page.items), "assets:bank", "no:such"]
        listed = await reads.transactions.transactions("main", TransactionFilter(), PageRequest("-sequence", 100))
        before = await read_so_far(connection)
        balances = await reads.batches.balances("main", paths, as_of=AsOf())
        accounts = await reads.batches.accounts("main", paths)
        below = await reads.batches.below("main", ["assets", "income"], limit=20)
        found = await reads.batches.transactions("main", [view.id for view in listed.items])
        assert await read_so_far(connection) - before < 5_000
    assert set(balances) == set(accounts) == {path for path in paths if path != "no:such"}
    _, (euros, rare) = balances["assets:bank"]
    assert (euros.balance.version, rare.balance.version) == (59_994, 6)
    assert [view.account.path for view in below["assets"]][:1] == ["assets:bank"]
    assert found == {view.id: view for view in listed.items}


@pytest.mark.parametrize("sort", ["sequence", "-sequence"])
async def test_the_entries_of_a_long_history_are_read_a_page_at_a_time(
    service_engine: AsyncEngine, filled: LedgerAddress, sort: str
) -> None:
    page, read = await counted(
        service_engine,
        filled,
        lambda reads: reads.accounts.entries("main", "assets:bank", asset=None, page=PageRequest(sort, 50)),
    )
    first, last = (2_002, 2_051) if sort == "sequence" else (HEAD, HEAD - 49)
    assert [getattr(item, "sequence", None) for item in page.items][:: len(page.items) - 1] == [first, last]
    assert page.next_after == (last, 0)
    assert read < 1_000


async def test_a_trial_balance_reads_a_few_rows_for_each_line_and_not_the_history(
    service_engine: AsyncEngine, filled: LedgerAddress
) -> None:
    async with tenant_view(service_engine, filled.organisation_id) as connection:
        before = await read_so_far(connection)
        reads = PostgresLedgerReads(connection, filled.organisation_id)
        report = await reads.reports.trial_balance("main", as_of=AsOf(sequence=40_000))
        read = await read_so_far(connection) - before
    assert len(report.lines) == 2_001  # every account, and the bank twice
    assert sum(line.balance.posted_debits - line.balance.posted_credits for line in report.lines) == 0
    assert read < 20 * len(report.lines)


@pytest.mark.parametrize("sequence", [40_000, 10_000])
async def test_a_page_of_balances_reads_a_few_rows_for_each_wherever_it_is(
    service_engine: AsyncEngine, filled: LedgerAddress, sequence: int
) -> None:
    async with tenant_view(service_engine, filled.organisation_id) as connection:
        reads = PostgresLedgerReads(connection, filled.organisation_id)
        after, balances = 0, 0
        while True:
            before = await read_so_far(connection)
            page = await reads.reports.balances_of_asset("main", "EUR", sequence=sequence, after=after, limit=500)
            if not page:
                break
            assert await read_so_far(connection) - before < 20 * 500
            after, balances = page[-1].number, balances + sum(each.debit_balance or 0 for each in page)
    assert after > 1_500
    assert balances == 0


@pytest.mark.parametrize("sort", ["-sequence", "-effective_at"])
async def test_what_is_rare_is_found_at_once_among_what_is_common(
    service_engine: AsyncEngine, filled: LedgerAddress, sort: str
) -> None:
    where = TransactionFilter(metadata={**COMMON, **EVEN, **RARE}, account=Pattern("**"), has_reference=True)
    page, read = await counted(service_engine, filled, transactions(where, sort))
    assert sorted(getattr(item, "sequence", 0) for item in page.items) == RARE_SEQUENCES
    assert page.next_after is None
    # Up to three tenths of the budget went into finding out which of it is rare.
    assert read < 2 * 3_000 + 600
