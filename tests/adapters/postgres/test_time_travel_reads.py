"""How many rows are read for a balance at a time, as the database counts them, however long the history is.

A row that an index finds counts once. The plans are the same whether the tables were never analysed,
early (when small ledgers were there, as autovacuum leaves it before the first large one), or late.
"""

from collections.abc import AsyncIterator
from itertools import count

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.postgres.engine import owner_engine as make_owner_engine
from adapters.postgres.engine import service_engine as make_service_engine
from adapters.postgres.ledger.readers import PostgresLedgerReads
from adapters.postgres.schema import upgrade
from adapters.postgres.work import tenant_view
from application.ledger.ports import LedgerAddress
from application.ledger.spans import AsOf
from tests.adapters.postgres.reading import NewDatabase
from tests.histories import HOT, History, minute

SHORT, LONG = History(20_000, 100), History(200_000, 100)
ALL_LATE = History(50_000, 100, is_all_late=True)
WIDE = History(20_000, 2_003)
Ledgers = dict[History, LedgerAddress]
Database = tuple[AsyncEngine, Ledgers]

_READ = text(
    "SELECT sum(pg_stat_get_xact_tuples_returned(oid))::bigint FROM pg_class"
    " WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace"
)


@pytest.fixture(scope="module", params=["never", "early", "late"])
async def database(request: pytest.FixtureRequest, new_database: NewDatabase) -> AsyncIterator[Database]:
    """The service's connections to a database of its own, in which each history is a ledger of its own organisation."""
    url = await new_database()
    owner = make_owner_engine(url)
    await upgrade(owner)
    await owner.dispose()
    superuser = await asyncpg.connect(url)
    made: Ledgers = {}
    small = [History(100 * entries, 10) for entries in range(1, 40)]
    for number, history in zip(count(1, 2), (*small, SHORT, LONG, ALL_LATE, WIDE), strict=False):
        if history is SHORT and request.param == "early":
            await superuser.execute("ANALYZE")
        await superuser.execute("INSERT INTO organisations VALUES ($1, 'One', now())", number)
        await superuser.execute("INSERT INTO ledgers VALUES ($1, $2, 'main')", number, number + 1)
        await history.write(superuser, number, number + 1)
        made[history] = LedgerAddress(number, "main")
    if request.param == "late":
        await superuser.execute("ANALYZE")
    await superuser.close()
    engine = make_service_engine(url, pool_size=1)
    yield engine, made
    await engine.dispose()


async def read_so_far(connection: AsyncConnection) -> int:
    """How many rows of tables and of indexes the connection has read."""
    read: int | None = await connection.scalar(_READ)
    return read or 0


async def counted(database: Database, history: History, axis: str) -> list[int]:
    """How many rows are read for the hot account's balance, from points of view all over the history.

    Each answer is checked. A point of view is at a share of the history, as known when half of the rest was there.
    """
    engine, ledgers = database
    address = ledgers[history]
    told = []
    for share in range(2, 100, 7):
        number = history.transactions * share // 100
        before = number if axis in ("time", "both") else None
        known = number if axis == "sequence" else (history.transactions + number) // 2
        sequence = history.sequence_of(known) if axis in ("sequence", "both") else None
        async with tenant_view(engine, address.organisation_id) as connection:
            reads = PostgresLedgerReads(connection, address.organisation_id)
            start = await read_so_far(connection)
            as_of = AsOf(None if before is None else minute(before), sequence)
            _, held = await reads.accounts.balances("main", HOT, as_of=as_of)
            told.append(await read_so_far(connection) - start)
        assert sum(each.balance.posted_debits for each in held) == history.hot_debits(before, sequence)
    return told


@pytest.mark.parametrize("axis", ["now", "time", "sequence", "both"])
async def test_a_balance_on_any_axis_reads_as_many_rows_of_a_long_history_as_of_a_short_one(
    database: Database, axis: str
) -> None:
    short = await counted(database, SHORT, axis)
    long = await counted(database, LONG, axis)
    assert sum(long) <= 1.2 * sum(short)
    assert max(long) < 150


@pytest.mark.parametrize("axis", ["now", "time", "sequence", "both"])
async def test_where_all_entries_are_late_a_balance_reads_a_few_rows_of_each_block(
    database: Database, axis: str
) -> None:
    # There are 5,000 late entries on the account: at most four blocks of 1,024, 31 of 32, and 31 others.
    assert max(await counted(database, ALL_LATE, axis)) < 150


async def test_a_trial_balance_at_a_time_reads_so_much_for_each_line_and_not_the_history(database: Database) -> None:
    engine, ledgers = database
    read = {}
    for history, lines in ((SHORT, 91), (LONG, 91), (ALL_LATE, 91), (WIDE, 2_004)):
        address = ledgers[history]
        before, known = history.transactions // 2, history.transactions * 3 // 4
        async with tenant_view(engine, address.organisation_id) as connection:
            start = await read_so_far(connection)
            reads = PostgresLedgerReads(connection, address.organisation_id)
            report = await reads.reports.trial_balance("main", as_of=AsOf(minute(before), history.sequence_of(known)))
            read[history] = await read_so_far(connection) - start
        # Of a hundred cold accounts, ten are never used.
        assert len(report.lines) == lines
        assert read[history] < 150 * lines
        assert sum(line.balance.posted_debits - line.balance.posted_credits for line in report.lines) == 0
    assert read[LONG] <= 1.2 * read[SHORT]
