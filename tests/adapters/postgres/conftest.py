"""A migrated database, and Partita's ways to it; every test makes an organisation and a ledger of its own."""

from collections.abc import AsyncIterator
from itertools import count

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.memory import CountedIds
from adapters.postgres.engine import journal_engine as make_journal_engine
from adapters.postgres.engine import owner_engine as make_owner_engine
from adapters.postgres.engine import service_engine as make_service_engine
from adapters.postgres.identity.organisations import PostgresOrganisations
from adapters.postgres.ledger.books import PostgresBooks
from adapters.postgres.ledger.creation import PostgresLedgerChanges
from adapters.postgres.ledger.readers import PostgresLedgerReads
from adapters.postgres.schema import upgrade
from adapters.postgres.work import PostgresWork
from application.ledger.ports import LedgerAddress
from tests.adapters.ledger.by_hand import NewLedger
from tests.adapters.postgres.reading import LedgerWork, add_ledger
from tests.builders import AUTHOR, NOW


@pytest.fixture(scope="session")
async def owner_engine(postgres_url: str) -> AsyncIterator[AsyncEngine]:
    engine = make_owner_engine(postgres_url)
    yield engine
    await engine.dispose()


@pytest.fixture(scope="session")
async def migrated_url(postgres_url: str, owner_engine: AsyncEngine) -> str:
    await upgrade(owner_engine)
    return postgres_url


@pytest.fixture(scope="session")
async def journal_engine(migrated_url: str) -> AsyncIterator[AsyncEngine]:
    engine = make_journal_engine(migrated_url, pool_size=16)
    yield engine
    await engine.dispose()


@pytest.fixture(scope="session")
async def service_engine(migrated_url: str) -> AsyncIterator[AsyncEngine]:
    engine = make_service_engine(migrated_url, pool_size=4)
    yield engine
    await engine.dispose()


@pytest.fixture
def books(journal_engine: AsyncEngine) -> PostgresBooks:
    return PostgresBooks(journal_engine)


@pytest.fixture(scope="session")
def work(service_engine: AsyncEngine) -> LedgerWork:
    return PostgresWork(service_engine, reads=PostgresLedgerReads, changes=PostgresLedgerChanges)


@pytest.fixture(scope="session")
def new_ledger(service_engine: AsyncEngine, work: LedgerWork) -> NewLedger:
    """A way to make an organisation with one ledger, `main`, that only its first event is in."""
    organisations = PostgresOrganisations(service_engine)
    ids = CountedIds(start=2_000_000)
    numbers = count(1)

    async def create() -> LedgerAddress:
        name = f"Organisation {next(numbers)}"
        organisation_id = await organisations.create(name, event_id=ids.new("evt"), author=AUTHOR, now=NOW)
        address = LedgerAddress(organisation_id, "main")
        await add_ledger(work, address, event_id=ids.new("evt"))
        return address

    return create
