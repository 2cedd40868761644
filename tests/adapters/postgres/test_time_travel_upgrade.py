"""What the second migration makes of a ledger that was in use before it."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.engine import journal_engine, service_engine
from adapters.postgres.identity.organisations import PostgresOrganisations
from adapters.postgres.ledger.books import PostgresBooks
from adapters.postgres.ledger.creation import PostgresLedgerChanges
from adapters.postgres.ledger.readers import PostgresLedgerReads
from adapters.postgres.schema import upgrade
from adapters.postgres.work import PostgresWork
from application.ledger.ports import LedgerAddress
from tests.adapters.postgres.reading import add_ledger
from tests.adapters.postgres.test_time_travel import written
from tests.builders import AUTHOR, NOW


async def test_an_upgrade_fills_in_what_late_entries_were_there_already(empty: AsyncEngine) -> None:
    tables = ("entries", "late_entries", "late_blocks")

    def migrate(held: Connection, revision: str) -> None:
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parents[3] / "migrations"))
        config.attributes["connection"] = held
        (command.downgrade if revision == "0001" else command.upgrade)(config, revision)

    async def rows() -> dict[str, list[Any]]:
        async with empty.connect() as connection:
            return {
                name: sorted(tuple(row) for row in await connection.execute(text(f"SELECT * FROM {name}")))  # noqa: S608 # one of ours
                for name in tables
            }

    await upgrade(empty)
    service = service_engine(empty.url.render_as_string(hide_password=False), pool_size=2)
    journal = journal_engine(empty.url.render_as_string(hide_password=False), pool_size=1)
    organisation_id = await PostgresOrganisations(service).create("Old", event_id="evt_1", author=AUTHOR, now=NOW)
    address = LedgerAddress(organisation_id, "main")
    work = PostgresWork(service, reads=PostgresLedgerReads, changes=PostgresLedgerChanges)
    await add_ledger(work, address, event_id="evt_2")
    await written(PostgresBooks(journal), address, 7, count=3_000, lateness=0.8, group=1_000)
    before = await rows()
    assert {row[4] for row in before["late_blocks"]} == {32, 1024}
    async with empty.begin() as connection:
        await connection.run_sync(migrate, "0001")
    # Some migrations commit on their way, so that there is no transaction around all of them.
    async with empty.connect() as connection:
        await connection.run_sync(migrate, "head")
    assert await rows() == before
    await service.dispose()
    await journal.dispose()
