"""The schema can be spread over machines, and its large tables over partitions, as docs/scaling.md says."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.memory import CountedIds
from adapters.postgres.engine import journal_engine, owner_engine, service_engine
from adapters.postgres.identity.organisations import PostgresOrganisations
from adapters.postgres.ledger.books import PostgresBooks
from adapters.postgres.ledger.creation import PostgresLedgerChanges
from adapters.postgres.ledger.readers import PostgresLedgerReads
from adapters.postgres.schema import upgrade
from adapters.postgres.work import PostgresWork, tenant_view
from application.ledger.ports import LedgerAddress
from application.ledger.readers import TransactionFilter
from application.ledger.spans import AsOf
from application.shared.pagination import PageRequest
from domain.ledger.events import AccountChanged, TransactionChanged
from tests.adapters.ledger.by_hand import OPENINGS, sale, write
from tests.adapters.postgres.reading import LedgerWork, NewDatabase, add_ledger, reading
from tests.adapters.postgres.tenant_tables import GLOBAL_TABLES
from tests.builders import AUTHOR, NOW, transaction_id
from tests.docs.pages import ROOT

# By any of these, rows of an organisation can be kept together: a ledger's number is of one organisation.
DISTRIBUTION = {"organisation_id", "ledger_id", "stream_id"}
_KEYS = text(
    "SELECT relname AS table, index.indexrelid::regclass::text AS key, array_agg(attname::text) AS columns"
    " FROM pg_index AS index JOIN pg_class ON pg_class.oid = indrelid"
    " JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey)"
    " WHERE indisunique AND relnamespace = 'public'::regnamespace GROUP BY 1, 2"
)


async def keys_that_span_organisations(engine: AsyncEngine) -> set[str]:
    """The unique keys that could only be kept by asking all machines, of tables that belong to organisations."""
    async with engine.connect() as connection:
        keys = (await connection.execute(_KEYS)).mappings().all()
    assert len(keys) > 50
    return {
        str(key["key"])
        for key in keys
        if not DISTRIBUTION & set(key["columns"])
        and key["table"] != "organisations"  # whose own number it is
        and key["table"] not in GLOBAL_TABLES
    }


async def test_every_unique_key_has_the_column_in_it_that_rows_can_be_distributed_by(
    migrated_url: str, owner_engine: AsyncEngine
) -> None:
    assert await keys_that_span_organisations(owner_engine) == set()


async def test_a_key_that_spans_organisations_is_found(empty: AsyncEngine) -> None:
    await upgrade(empty)
    async with empty.begin() as connection:
        await connection.execute(text("CREATE UNIQUE INDEX taken ON api_keys (digest)"))
    assert await keys_that_span_organisations(empty) == {"taken"}


@dataclass
class Spread:
    """A database of its own, with two organisations in it, and Partita's ways to it."""

    database: Any
    journal: AsyncEngine
    service: AsyncEngine
    work: LedgerWork
    addresses: list[LedgerAddress]

    async def described(self) -> dict[str, Any]:
        """All rows of the two large tables, and what there is around them."""
        queries = {
            "event_log": "SELECT t::text FROM event_log AS t ORDER BY 1",
            "entries": "SELECT t::text FROM entries AS t ORDER BY 1",
            "columns": "SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default"
            " FROM information_schema.columns WHERE table_name IN ('event_log', 'entries')",
            "checks": "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid IN ('event_log'::regclass, 'entries'::regclass) AND contype <> 'n'",
            "indexes": "SELECT replace(indexdef, ' ON ONLY ', ' ON ') FROM pg_indexes"
            " WHERE tablename IN ('event_log', 'entries')",
            "policies": "SELECT tablename, policyname, permissive, roles::text, cmd, qual, with_check FROM pg_policies"
            " WHERE tablename IN ('event_log', 'entries')",
            "privileges": "SELECT relname, relacl::text, relrowsecurity, relforcerowsecurity FROM pg_class"
            " WHERE oid IN ('event_log'::regclass, 'entries'::regclass)",
        }
        return {name: sorted(map(tuple, await self.database.fetch(query)), key=repr) for name, query in queries.items()}

    async def post(self, address: LedgerAddress, reference: str) -> str:
        """Post a sale of 1.00, and change it and one of its accounts, as a process does that was just started."""
        id = transaction_id()
        posted = sale(100, id=id, reference=reference, metadata={"of": reference})
        changes = (AccountChanged("assets:bank", {"last": reference}), TransactionChanged(id, {"now": reference}))
        await write(PostgresBooks(self.journal), address, posted, *changes)
        return id

    async def bank(self, address: LedgerAddress) -> int:
        """What the bank holds."""
        async with reading(self.work, address) as reads:
            _, (held,) = await reads.accounts.balances("main", "assets:bank", as_of=AsOf())
        return held.balance.posted_debits

    async def found(self, address: LedgerAddress, **metadata: str) -> list[str]:
        """The transactions with these metadata."""
        async with reading(self.work, address) as reads:
            where = TransactionFilter(metadata=metadata)
            page = await reads.transactions.transactions("main", where, PageRequest("sequence", 50))
        return [view.id for view in page.items]


@pytest.fixture
async def spread(new_database: NewDatabase) -> AsyncIterator[Spread]:
    url = await new_database()
    owner = owner_engine(url)
    await upgrade(owner)
    await owner.dispose()
    journal, service = journal_engine(url, pool_size=2), service_engine(url, pool_size=2)
    work: LedgerWork = PostgresWork(service, reads=PostgresLedgerReads, changes=PostgresLedgerChanges)
    database = await asyncpg.connect(url)
    ids = CountedIds(start=3_000_000)
    made = Spread(database, journal, service, work, [])
    for name in ("One", "Two"):
        number = await PostgresOrganisations(service).create(name, event_id=ids.new("evt"), author=AUTHOR, now=NOW)
        made.addresses.append(LedgerAddress(number, "main"))
        await add_ledger(work, made.addresses[-1], event_id=ids.new("evt"))
        await write(PostgresBooks(journal), made.addresses[-1], *OPENINGS)
    yield made
    await database.close()
    await journal.dispose()
    await service.dispose()


async def test_large_tables_can_be_partitioned_by_the_recipe_and_nobody_notices(spread: Spread) -> None:
    first, second = spread.addresses
    ids = [await spread.post(first, f"before-{number}") for number in range(20)]
    await spread.post(second, "other")
    before = await spread.described()
    page = (ROOT / "docs" / "scaling.md").read_text("utf-8")
    (recipe,) = re.findall(
        r"<!-- run by tests/adapters/postgres/test_scaling.py -->\n```sql\n(.*?)```", page, re.DOTALL
    )

    await spread.database.execute(recipe)

    assert await spread.described() == before
    assert len(before["entries"]) == 42
    assert len(before["policies"]) == 2
    parts = await spread.database.fetchval(
        "SELECT count(*) FROM pg_inherits WHERE inhparent IN ('event_log'::regclass, 'entries'::regclass)"
    )
    assert parts == 32
    ids.append(await spread.post(first, "after"))
    assert (await spread.bank(first), await spread.bank(second)) == (2_100, 100)
    assert await spread.found(first, now="after") == ids[-1:]
    assert await spread.found(first, now="before-3") == [ids[3]]
    # What was filed of it before is forgotten.
    assert await spread.found(first, of="after") == []


async def test_one_partition_is_looked_into_and_none_by_its_own_name(spread: Spread) -> None:
    first, second = spread.addresses
    page = (ROOT / "docs" / "scaling.md").read_text("utf-8")
    (recipe,) = re.findall(
        r"<!-- run by tests/adapters/postgres/test_scaling.py -->\n```sql\n(.*?)```", page, re.DOTALL
    )
    await spread.database.execute(recipe)
    for address in (first, second):
        await spread.post(address, "r")
    async with tenant_view(spread.service, first.organisation_id) as connection:
        assert {each.organisation_id for each in await connection.execute(text("SELECT * FROM entries"))} == {
            first.organisation_id
        }
        plan = await connection.scalars(text("EXPLAIN SELECT * FROM event_log WHERE stream_id = 2 AND sequence = 1"))
        assert len(set(re.findall(r"event_log_\d+\b", "\n".join(plan)))) == 1
        for part in ("event_log_0", "entries_15"):
            query = text("SELECT has_table_privilege(:part, 'SELECT') OR has_table_privilege(:part, 'INSERT')")
            assert not await connection.scalar(query, {"part": part})
