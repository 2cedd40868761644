"""From every revision that servers in use may be at, the way up and down again keeps what is there."""

from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.engine import journal_engine, service_engine
from adapters.postgres.identity.organisations import PostgresOrganisations
from adapters.postgres.ledger.books import PostgresBooks
from adapters.postgres.ledger.creation import PostgresLedgerChanges
from adapters.postgres.ledger.readers import PostgresLedgerReads
from adapters.postgres.schema import _config, newest_revision, upgrade
from adapters.postgres.work import PostgresWork
from application.ledger.ports import LedgerAddress
from tests.adapters.postgres.populated import populated
from tests.adapters.postgres.reading import add_ledger
from tests.adapters.postgres.test_schema import KEY, do, downgrade, revision
from tests.architecture.migration_rules import FIRST_RELEASE
from tests.builders import AUTHOR, NOW

RELEASED = [
    each.revision
    for each in ScriptDirectory.from_config(_config()).walk_revisions()
    if FIRST_RELEASE <= each.revision < newest_revision()
]

# What is in use in any installation; whatever else there is stays, too.
FILLED = {"organisations", "api_keys", "ledgers", "event_log", "accounts", "transactions", "entries", "assets"}


async def rows(engine: AsyncEngine) -> dict[str, list[Any]]:
    """All that is in all tables, but for which revision it is."""
    async with engine.connect() as connection:
        names = await connection.run_sync(lambda held: inspect(held).get_table_names())
        found = {}
        for name in sorted({*names} - {"alembic_version"}):
            lines = await connection.execute(text(f"SELECT to_jsonb({name})::text FROM {name}"))  # noqa: S608 # one of ours
            found[name] = sorted(lines.scalars())
        return found


@pytest.mark.parametrize("released", RELEASED)
async def test_what_is_there_is_kept_on_the_way_down_to_a_released_revision_and_up_again(
    empty: AsyncEngine, released: str
) -> None:
    await upgrade(empty)
    url = empty.url.render_as_string(hide_password=False)
    service, journal = service_engine(url, pool_size=2), journal_engine(url, pool_size=1)
    organisation_id = await PostgresOrganisations(service).create("Old", event_id="evt_1", author=AUTHOR, now=NOW)
    address = LedgerAddress(organisation_id, "main")
    work = PostgresWork(service, reads=PostgresLedgerReads, changes=PostgresLedgerChanges)
    await add_ledger(work, address, event_id="evt_2")
    await populated(PostgresBooks(journal), address, seed=5, transactions=60)
    await do(empty, KEY.format(", scopes", "key") + "sha256('key'), 'ptk_', now(), ARRAY['owner']")
    before = await rows(empty)
    assert {name for name, held in before.items() if held} >= FILLED
    await downgrade(empty, released)
    assert await revision(empty) == released
    at_release = await rows(empty)
    assert at_release == {name: before[name] for name in at_release}
    await upgrade(empty)
    assert await rows(empty) == before
    await service.dispose()
    await journal.dispose()


def test_there_are_released_revisions() -> None:
    assert RELEASED[-1] == FIRST_RELEASE
