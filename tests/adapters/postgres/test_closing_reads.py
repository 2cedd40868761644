"""How many rows are read for the results of a period, as the database counts them, however many wallets there are.

The plans are the same whether the tables were never analysed, early (when small ledgers were there), or late.
"""

from collections.abc import AsyncIterator
from itertools import count

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.engine import owner_engine as make_owner_engine
from adapters.postgres.engine import service_engine as make_service_engine
from adapters.postgres.ledger.loading_whole import results_before
from adapters.postgres.schema import upgrade
from adapters.postgres.work import tenant_view
from domain.ledger.changes import Results
from tests.adapters.postgres.reading import NewDatabase
from tests.histories import History, minute

FEW, MANY = History(20_000, 103), History(20_000, 2_003)
RESULT_ACCOUNTS = range(10, 15)
Database = tuple[AsyncEngine, dict[History, int]]

_READ = (
    "SELECT coalesce(sum(pg_stat_get_xact_tuples_returned(oid)), 0)::bigint FROM pg_class"
    " WHERE relkind IN ('r', 'i') AND relnamespace = 'public'::regnamespace"
)
# Costs are the first two of the accounts of results, and sales the others.
_TYPED = """
UPDATE accounts SET type = CASE WHEN number < $2 + 2 THEN 'expense' ELSE 'income' END
WHERE ledger_id = $1 AND number BETWEEN $2 AND $3
"""


@pytest.fixture(scope="module", params=["never", "early", "late"])
async def database(request: pytest.FixtureRequest, new_database: NewDatabase) -> AsyncIterator[Database]:
    """The service's connections to a database of its own, and the organisation of each history; its ledger is next."""
    url = await new_database()
    owner = make_owner_engine(url)
    await upgrade(owner)
    await owner.dispose()
    superuser = await asyncpg.connect(url)
    made: dict[History, int] = {}
    small = [History(100 * entries, 30) for entries in range(1, 20)]
    for number, history in zip(count(1, 2), (*small, FEW, MANY), strict=False):
        if history is FEW and request.param == "early":
            await superuser.execute("ANALYZE")
        await superuser.execute("INSERT INTO organisations VALUES ($1, 'One', now())", number)
        await superuser.execute("INSERT INTO ledgers VALUES ($1, $2, 'main')", number, number + 1)
        await history.write(superuser, number, number + 1)
        await superuser.execute(_TYPED, number + 1, RESULT_ACCOUNTS.start, RESULT_ACCOUNTS.stop - 1)
        made[history] = number
    if request.param == "late":
        await superuser.execute("ANALYZE")
    await superuser.close()
    engine = make_service_engine(url, pool_size=1)
    yield engine, made
    await engine.dispose()


def expected(history: History, before: int) -> Results:
    """The net debits of the accounts of results, summed one by one."""
    net: Results = {}
    for transaction in range(history.transactions):
        if history.minute_of(transaction) >= before:
            continue
        cold = [3 + (2 * transaction + place) * 7_919 % history.accounts for place in (0, 1)]
        for account, sign in ((2 if transaction % 5 == 0 else cold[0], 1), (cold[1], -1)):
            if account in RESULT_ACCOUNTS:
                key = (f"assets:cold:{account}", "EUR")
                net[key] = net.get(key, 0) + sign
    return {key: debits for key, debits in net.items() if debits}


async def test_the_results_of_a_period_are_read_from_the_accounts_that_have_some_alone(database: Database) -> None:
    engine, organisations = database
    for history in (FEW, MANY):
        organisation = organisations[history]
        before = history.transactions * 2 // 3
        async with tenant_view(engine, organisation) as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            start = await driver.fetchval(_READ)
            results = await results_before(driver, organisation + 1, minute(before))
            read = await driver.fetchval(_READ) - start
        assert results == expected(history, before)
        assert results
        # Each line of a trial balance at a time costs as much.
        assert read < 150 * len(RESULT_ACCOUNTS), (history, read)
