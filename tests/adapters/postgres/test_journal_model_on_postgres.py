"""The journal beside its model, over PostgreSQL; and PostgreSQL beside memory, after the same history."""

import asyncio
from collections.abc import Coroutine, Iterator, Sequence
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from adapters.memory import CountedIds, ManualClock
from adapters.postgres.engine import journal_engine, owner_engine, service_engine
from adapters.postgres.identity.organisations import PostgresOrganisations
from adapters.postgres.ledger.books import PostgresBooks
from adapters.postgres.ledger.creation import PostgresLedgerChanges
from adapters.postgres.ledger.readers import PostgresLedgerReads
from adapters.postgres.ledger.rebuild import PostgresRebuilding
from adapters.postgres.schema import upgrade
from adapters.postgres.tables import event_log, ledgers
from adapters.postgres.work import PostgresWork, tenant_view
from application.identity.create_organisation import create_organisation
from application.ledger.create_ledger import create_ledger
from application.ledger.ports import LedgerAddress
from domain.ledger.book import Book
from tests.adapters.ledger.by_hand import within
from tests.application.ledger.asks import ASKS, UNIVERSE, Ask
from tests.application.ledger.journal_machine import IS_LONG, JournalMachine, play
from tests.application.ledger.test_journal_model import MemoryStage
from tests.builders import AUTHOR

Result = TypeVar("Result")

EXAMPLES, STEPS = (500, 60) if IS_LONG else (12, 15)
HISTORIES = 500 if IS_LONG else 15


class PostgresSite:
    """A database, and an event loop for all stages on it."""

    def __init__(self, url: str) -> None:
        self.runner = asyncio.Runner()
        self._journal_engine = journal_engine(url, pool_size=2)
        self._service_engine = service_engine(url, pool_size=2)
        self._owner_engine = owner_engine(url)
        self.runner.run(upgrade(self._owner_engine))

    def stage(self, clock: ManualClock, ids: CountedIds) -> "PostgresStage":
        """Return a stage."""
        return PostgresStage(self, clock, ids)

    def books(self) -> PostgresBooks:
        """Return the store as another process finds it."""
        return PostgresBooks(self._journal_engine)

    async def new_ledger(self, clock: ManualClock) -> LedgerAddress:
        """Return a new ledger; the ids of what makes it are none of the stage's."""
        ids = CountedIds(start=3_000_000)
        organisations = PostgresOrganisations(self._service_engine)
        principal = await create_organisation(organisations, clock, ids, "Stage", author=AUTHOR)
        work = PostgresWork(self._service_engine, reads=PostgresLedgerReads, changes=PostgresLedgerChanges)
        await create_ledger(
            work, clock, ids, principal, slug="main", name="Main", metadata={}, request_id=AUTHOR.request_id
        )
        return LedgerAddress(principal.organisation_id, "main")

    async def log(self, ledger: LedgerAddress) -> Sequence[tuple[bytes, bytes]]:
        """Return the stored bytes and hash of each event."""
        query = (
            select(event_log.c.content, event_log.c.hash)
            .join(ledgers, ledgers.c.id == event_log.c.stream_id)
            .where(ledgers.c.organisation_id == ledger.organisation_id)
            .order_by(event_log.c.sequence)
        )
        async with tenant_view(self._service_engine, ledger.organisation_id) as connection:
            return [(bytes(row.content), bytes(row.hash)) for row in await connection.execute(query)]

    async def check_projections(self, ledger: LedgerAddress) -> None:
        """See that a replay of the log makes the very rows that there are."""
        rebuilt = await PostgresRebuilding(self._owner_engine).rebuild(ledger)
        assert rebuilt.differences == ()

    def close(self) -> None:
        """Let go of the database."""
        for engine in (self._journal_engine, self._service_engine, self._owner_engine):
            self.runner.run(engine.dispose())
        self.runner.close()


class PostgresStage:
    """A stage on PostgreSQL."""

    def __init__(self, site: PostgresSite, clock: ManualClock, ids: CountedIds) -> None:
        self.books = site.books()
        self._site = site
        self._clock = clock
        self._ids = ids
        self._ledger: LedgerAddress | None = None

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self._site.runner.run(work)

    async def new_ledger(self) -> LedgerAddress:
        self._ids.new("evt")  # as the one that begins a ledger in memory, so that both draw the same ones afterwards
        self._ledger = await self._site.new_ledger(self._clock)
        return self._ledger

    async def log(self, ledger: LedgerAddress) -> Sequence[tuple[bytes, bytes]]:
        return await self._site.log(ledger)

    def close(self) -> None:
        assert self._ledger is not None
        self.run(self._site.check_projections(self._ledger))


@pytest.fixture(scope="module")
def site(postgres_url: str) -> Iterator[PostgresSite]:
    made = PostgresSite(postgres_url)
    yield made
    made.close()


@pytest.mark.soak
def test_the_journal_on_postgres_does_as_the_model_does(site: PostgresSite) -> None:
    play(site.stage, examples=EXAMPLES, steps=STEPS)


@pytest.mark.soak
@settings(max_examples=HISTORIES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(history=st.lists(st.lists(ASKS, min_size=1, max_size=6), min_size=1, max_size=8))
def test_postgres_and_memory_keep_the_same_after_the_same_history(site: PostgresSite, history: list[list[Ask]]) -> None:
    on_postgres, in_memory = machines = JournalMachine(site.stage), JournalMachine(MemoryStage)
    try:
        for asked in history:
            for machine in machines:
                machine.ask_together(asked)
        assert events(on_postgres) == events(in_memory)
        assert state(on_postgres) == state(in_memory)
    finally:
        for machine in machines:
            machine.teardown()


def events(machine: JournalMachine) -> list[bytes]:
    """The bytes of all that happened, but for how the ledger began."""
    return [content for content, _ in machine.stage.run(machine.stage.log(machine.ledger))][1:]


def state(machine: JournalMachine) -> Book:
    """What is kept of all that the history can be about."""
    return within(UNIVERSE, machine.stage.run(machine.load(UNIVERSE)))
