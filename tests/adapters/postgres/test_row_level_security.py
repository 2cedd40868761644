"""Whatever a query forgets, the database shows nobody anything of another organisation's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import asyncpg
import pytest
from sqlalchemy import Executable, Table, delete, insert, select, text, update
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from adapters.postgres.engine import SERVICE_ROLE
from adapters.postgres.ledger.books import PostgresBooks
from adapters.postgres.tables import metadata
from adapters.postgres.work import tenant_transaction, tenant_view
from application.ledger.ports import LedgerAddress
from domain.ledger.events import Event, HoldPlaced, PeriodClosed
from tests.adapters.ledger.by_hand import OPENINGS, NewLedger, sale, write
from tests.adapters.postgres.tenant_tables import GLOBAL_TABLES, TABLES, fill, made_up_row, member_of, organisation_of
from tests.builders import NOW, hold_id, key, period_id, transaction_id

of_every_table = pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)

# The policies of a table, beside that of the tenant.
MORE_POLICIES = {
    "members": {"own"},
    "invitations": {"own", "erased", "expired", "tidied"},
    "tickets": {"expired", "tidied"},
    "request_origins": {"own", "erased"},
    "files": {"due"},
    "loose_contents": {"due"},
    "idempotency_keys": {"old", "tidied"},
    "organisations": {"every"},
}
# What is written once: not even the organisation that it is of can change it.
WRITTEN_ONCE = ("event_log", "entries", "late_entries", "late_blocks")


@pytest.fixture(scope="module")
async def two_ledgers(
    owner_engine: AsyncEngine, journal_engine: AsyncEngine, new_ledger: NewLedger
) -> tuple[LedgerAddress, LedgerAddress]:
    """Ledgers of two organisations, with at least one row each in every table."""
    first, second = await new_ledger(), await new_ledger()
    for address in (first, second):
        posted = sale(100, reference="r", metadata={"k": "v"})
        # So many that a block of them is full.
        late = [sale(1, effective_at=NOW - timedelta(days=1)) for _ in range(32)]
        hold = HoldPlaced(hold_id(), posted.entries)
        captured = replace(posted, id=transaction_id(), reference=None, hold=hold.id)
        closed = PeriodClosed(period_id(), None, None, date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC))
        events: tuple[Event, ...] = (*OPENINGS, posted, *late, hold, captured, closed)
        await write(PostgresBooks(journal_engine), address, *events, key=key("k"))
        await fill(owner_engine, address.organisation_id)
    return first, second


@asynccontextmanager
async def without_tenant(engine: AsyncEngine, setting: str | None = None) -> AsyncIterator[AsyncConnection]:
    async with engine.connect() as connection:
        if setting is not None:
            await connection.execute(text("SELECT set_config('app.organisation_id', :it, true)"), {"it": setting})
        yield connection


async def test_every_table_of_the_database_is_one_of_ours(service_engine: AsyncEngine) -> None:
    async with service_engine.connect() as connection:
        found = await connection.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        assert set(found) == {table.name for table in TABLES} | set(GLOBAL_TABLES)
        of_organisations = await connection.scalars(
            text(
                "SELECT table_name FROM information_schema.columns"
                " WHERE table_schema = 'public' AND column_name = 'organisation_id'"
            )
        )
        due = {"agenda", "due_jobs", "job_turns", "webhook_agenda"}
        assert set(of_organisations) == {table.name for table in TABLES} - {"organisations"} | due


@of_every_table
async def test_security_is_enabled_and_forced(service_engine: AsyncEngine, table: Table) -> None:
    query = text(
        "SELECT relrowsecurity, relforcerowsecurity,"
        " ARRAY(SELECT polname::text FROM pg_policy WHERE polrelid = pg_class.oid),"
        " pg_get_userbyid(relowner) FROM pg_class WHERE oid = to_regclass(:name)"
    )
    async with service_engine.connect() as connection:
        enabled, forced, policies, owner = (await connection.execute(query, {"name": table.name})).one()
    assert (enabled, forced, set(policies)) == (True, True, {"tenant"} | MORE_POLICIES.get(table.name, set()))
    assert owner != SERVICE_ROLE


@of_every_table
@pytest.mark.parametrize("setting", [None, ""])
async def test_without_an_organisation_nothing_is_seen(
    service_engine: AsyncEngine, table: Table, setting: str | None
) -> None:
    async with without_tenant(service_engine, setting) as connection:
        assert (await connection.execute(select(table))).all() == []


@of_every_table
async def test_an_organisation_sees_its_own_rows_and_no_others(
    service_engine: AsyncEngine, table: Table, two_ledgers: tuple[LedgerAddress, LedgerAddress]
) -> None:
    for address in two_ledgers:
        async with tenant_view(service_engine, address.organisation_id) as connection:
            rows = (await connection.execute(select(table.c[organisation_of(table)]))).scalars().all()
        assert set(rows) == {address.organisation_id}


@of_every_table
async def test_the_next_use_of_a_connection_does_not_see_what_the_last_one_saw(
    service_engine: AsyncEngine, table: Table, two_ledgers: tuple[LedgerAddress, LedgerAddress]
) -> None:
    async with service_engine.connect() as connection:
        pid = await connection.scalar(text("SELECT pg_backend_pid()"))
    async with tenant_view(service_engine, two_ledgers[0].organisation_id) as seen:
        assert await seen.scalar(text("SELECT pg_backend_pid()")) == pid
        assert (await seen.execute(select(table))).first() is not None
    async with service_engine.connect() as connection:
        assert await connection.scalar(text("SELECT pg_backend_pid()")) == pid
        assert (await connection.execute(select(table))).first() is None


@of_every_table
async def test_nothing_can_be_inserted_for_another_organisation(
    service_engine: AsyncEngine, table: Table, two_ledgers: tuple[LedgerAddress, LedgerAddress]
) -> None:
    mine, theirs = two_ledgers
    async with tenant_view(service_engine, theirs.organisation_id) as connection:
        row = (await connection.execute(select(table).limit(1))).mappings().one()
    with pytest.raises(ProgrammingError, match="row-level security"):
        async with tenant_transaction(service_engine, mine.organisation_id) as connection:
            await connection.execute(insert(table).values(**row))


@of_every_table
async def test_rows_of_another_organisation_cannot_be_changed_or_deleted(
    service_engine: AsyncEngine, table: Table, two_ledgers: tuple[LedgerAddress, LedgerAddress]
) -> None:
    mine, theirs = two_ledgers
    own = table.c[organisation_of(table)]
    for statement in (
        update(table).values({own.name: own}).where(own == theirs.organisation_id),
        delete(table).where(own == theirs.organisation_id),
        update(table).values({own.name: theirs.organisation_id}).where(own == mine.organisation_id),
    ):
        assert await outcome(service_engine, mine, statement) in ("0 rows", "permission denied", "row-level security")


async def outcome(engine: AsyncEngine, address: LedgerAddress, statement: Executable) -> str:
    """Say how many rows the statement changed, or what refused it."""
    try:
        async with tenant_transaction(engine, address.organisation_id) as connection:
            return f"{(await connection.execute(statement)).rowcount} rows"
    except ProgrammingError as error:
        return next(each for each in ("permission denied", "row-level security") if each in str(error))


@pytest.mark.parametrize("table", WRITTEN_ONCE)
@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET organisation_id = organisation_id", "DELETE FROM {}", "TRUNCATE {}"]
)
async def test_events_and_entries_cannot_be_changed_even_by_who_owns_them(
    service_engine: AsyncEngine, two_ledgers: tuple[LedgerAddress, LedgerAddress], table: str, statement: str
) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with tenant_transaction(service_engine, two_ledgers[0].organisation_id) as connection:
            await connection.execute(text(statement.format(table)))


@pytest.mark.parametrize("privilege", ["UPDATE", "DELETE", "TRUNCATE", "TRIGGER", "REFERENCES"])
async def test_the_service_has_no_privilege_that_would_change_what_is_written_once(
    service_engine: AsyncEngine, privilege: str
) -> None:
    columns = " OR has_any_column_privilege(:table, 'UPDATE')" if privilege == "UPDATE" else ""
    query = text(f"SELECT has_table_privilege(:table, '{privilege}'){columns}")
    async with service_engine.connect() as connection:
        for table in WRITTEN_ONCE:
            assert await connection.scalar(query, {"table": table}) is False
        # Nor by a function that acts for someone else.
        definers = "SELECT count(*) FROM pg_proc WHERE prosecdef AND has_function_privilege(oid, 'EXECUTE')"
        assert await connection.scalar(text(definers)) == 0


async def test_where_things_came_from_can_be_erased_and_never_be_changed(
    service_engine: AsyncEngine, two_ledgers: tuple[LedgerAddress, LedgerAddress]
) -> None:
    changing = text("UPDATE request_origins SET address = '192.0.2.1'")
    assert await outcome(service_engine, two_ledgers[0], changing) == "permission denied"
    async with without_tenant(service_engine) as connection:
        privileges = [
            await connection.scalar(text(f"SELECT has_table_privilege('request_origins', '{each}')"))
            for each in ("SELECT", "INSERT", "DELETE", "UPDATE", "TRUNCATE")
        ]
    assert privileges == [True, True, True, False, False]


async def test_a_person_sees_its_own_memberships_and_changes_none(
    service_engine: AsyncEngine, two_ledgers: tuple[LedgerAddress, LedgerAddress]
) -> None:
    first, second = two_ledgers
    member = str(member_of(first.organisation_id))
    setting = text("SELECT set_config('app.person_id', :person, true)")
    members = metadata.tables["members"]
    async with without_tenant(service_engine) as connection:
        await connection.execute(setting, {"person": member})
        seen = (await connection.scalars(select(members.c.organisation_id))).all()
        assert seen == [first.organisation_id]
        for table in TABLES:
            if table.name != "members":
                assert (await connection.execute(select(table))).first() is None, table.name
        for statement in (update(members).values(version=2), delete(members)):
            assert (await connection.execute(statement)).rowcount == 0
        with pytest.raises(ProgrammingError, match="row-level security"):
            await connection.execute(insert(members).values(**made_up_row(members, second.organisation_id)))
    async with without_tenant(service_engine) as connection:
        await connection.execute(setting, {"person": ""})
        assert (await connection.execute(select(members))).all() == []


@of_every_table
async def test_no_table_can_be_emptied_or_altered(service_engine: AsyncEngine, table: Table) -> None:
    for statement, refusal in (
        (f"TRUNCATE {table.name}", "permission denied"),
        (f"ALTER TABLE {table.name} DISABLE ROW LEVEL SECURITY", "must be owner"),
        (f"DROP POLICY tenant ON {table.name}", "must be owner"),
        (f"CREATE POLICY all_of_it ON {table.name} USING (true)", "must be owner"),
    ):
        with pytest.raises(ProgrammingError, match=refusal):
            async with without_tenant(service_engine) as connection:
                await connection.execute(text(statement))


async def test_the_service_can_neither_bypass_security_nor_become_anyone(service_engine: AsyncEngine) -> None:
    role = text(
        "SELECT rolname, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolcanlogin"
        " FROM pg_roles WHERE rolname = current_user"
    )
    memberships = text("SELECT count(*) FROM pg_auth_members WHERE member = current_user::regrole")
    async with service_engine.connect() as connection:
        assert tuple((await connection.execute(role)).one()) == (SERVICE_ROLE, False, False, False, False, False)
        assert await connection.scalar(memberships) == 0


async def test_turning_security_off_is_answered_with_an_error_and_not_with_rows(
    service_engine: AsyncEngine, two_ledgers: tuple[LedgerAddress, LedgerAddress]
) -> None:
    async with tenant_view(service_engine, two_ledgers[0].organisation_id) as connection:
        await connection.execute(text("SET LOCAL row_security = off"))
        with pytest.raises(ProgrammingError, match="row-level security"):
            await connection.execute(text("SELECT * FROM event_log"))


async def test_the_journals_connections_are_bound_as_well(
    journal_engine: AsyncEngine, two_ledgers: tuple[LedgerAddress, LedgerAddress]
) -> None:
    async with journal_engine.connect() as connection:
        assert await connection.scalar(text("SELECT current_user")) == SERVICE_ROLE
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        assert await driver.fetch("SELECT * FROM entries") == []
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await driver.execute("DELETE FROM entries")
