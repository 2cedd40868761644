"""A migrated database, and Partita's ways to it; every test makes an organisation and a ledger of its own."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.memory import CountedIds
from adapters.postgres.engine import journal_engine as make_journal_engine
from adapters.postgres.engine import owner_engine as make_owner_engine
from adapters.postgres.engine import service_engine as make_service_engine
from adapters.postgres.identity.organisations import PostgresOrganisations
from adapters.postgres.ledger.books import PostgresBooks
from adapters.postgres.ledger.creation import PostgresLedgerChanges
from adapters.postgres.ledger.readers import PostgresLedgerReads
from adapters.postgres.ledger.rebuild import PostgresRebuilding
from adapters.postgres.schema import upgrade
from adapters.postgres.work import PostgresWork
from application.identity.create_organisation import create_organisation
from application.ledger.create_ledger import create_ledger
from application.ledger.ports import LedgerAddress
from application.ledger.readers import LedgerChanges, LedgerReads
from application.shared.ports import Work
from tests.adapters.ledger.by_hand import NewLedger
from tests.adapters.postgres.reading import LedgerWork, NewDatabase, add_ledger
from tests.adapters.postgres.used_ledger import CLOCK, IDS, Office, use
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


@pytest.fixture(scope="module")
async def new_database(postgres_url: str) -> AsyncIterator[NewDatabase]:
    """A way to make an empty database beside the tests' own."""
    cluster = make_owner_engine(postgres_url)
    made: list[str] = []

    async def execute(statement: str) -> None:
        async with cluster.connect() as opened:
            connection = await opened.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(text(statement))

    async def create() -> str:
        name = f"partita_schema_{secrets.token_hex(6)}"
        await execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
        made.append(name)
        return urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))

    yield create
    for name in made:
        await execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await cluster.dispose()


@pytest.fixture
async def empty(new_database: NewDatabase) -> AsyncIterator[AsyncEngine]:
    """The owner's connections to a database with nothing in it."""
    engine = make_owner_engine(await new_database())
    yield engine
    await engine.dispose()


@pytest.fixture(scope="module")
async def new_office(
    migrated_url: str,
    owner_engine: AsyncEngine,
    service_engine: AsyncEngine,
    journal_engine: AsyncEngine,
    work: Work[LedgerReads, LedgerChanges],
) -> AsyncIterator[Callable[[], Awaitable[Office]]]:
    """A way to make an organisation with two ledgers, `main` and `untouched`, that nothing has happened in."""
    superuser = await asyncpg.connect(migrated_url)
    organisations = PostgresOrganisations(service_engine)

    async def make() -> Office:
        someone = await create_organisation(organisations, CLOCK, IDS, "Rebuilders", author=AUTHOR)
        for slug in ("main", "untouched"):
            await create_ledger(work, CLOCK, IDS, someone, slug=slug, name="R", metadata={}, request_id="req_1")
        return Office(someone, "main", journal_engine, PostgresRebuilding(owner_engine), superuser)

    yield make
    await superuser.close()


@pytest.fixture
async def bare(new_office: Callable[[], Awaitable[Office]]) -> Office:
    return await new_office()


@pytest.fixture
async def office(bare: Office) -> Office:
    await use(bare)
    return bare
