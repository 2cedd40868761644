"""A PostgreSQL that neither answers nor goes away: paused, or behind a route that was lost."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.embedded import EmbeddedServers
from adapters.memory import CountedIds
from adapters.postgres import engine as engine_module
from adapters.postgres import health as health_module
from adapters.postgres.engine import journal_engine, owner_engine, service_engine
from adapters.postgres.health import PostgresHealth
from adapters.postgres.identity.organisations import PostgresOrganisations
from adapters.postgres.ledger.books import PostgresBooks
from adapters.postgres.ledger.creation import PostgresLedgerChanges
from adapters.postgres.ledger.readers import PostgresLedgerReads
from adapters.postgres.schema import upgrade
from adapters.postgres.work import PostgresWork
from adapters.system.clock import SystemClock
from adapters.system.ids import TypeIds
from application.identity.create_organisation import create_organisation
from application.ledger.create_ledger import create_ledger
from application.ledger.journal import Journal
from application.ledger.open_account import OpenAccount
from domain.shared.access import Principal
from domain.shared.errors import Unavailable
from tests.builders import AUTHOR


class Stage:
    """A ledger on a PostgreSQL of its own, which can be paused."""

    def __init__(self, servers: EmbeddedServers) -> None:
        self._servers = servers
        url = servers.urls.database_url
        self.engines = [owner_engine(url), service_engine(url, pool_size=2), journal_engine(url, pool_size=2)]
        self.journal = Journal(
            PostgresBooks(self.engines[2]), SystemClock(), TypeIds(), retry_delays_seconds=(0.05, 0.05)
        )
        self.health = PostgresHealth(self.engines[1])

    async def prepare(self) -> Principal:
        await upgrade(self.engines[0])
        clock, ids = SystemClock(), CountedIds()
        organisations = PostgresOrganisations(self.engines[1])
        principal = await create_organisation(organisations, clock, ids, "Silent", author=AUTHOR)
        work = PostgresWork(self.engines[1], reads=PostgresLedgerReads, changes=PostgresLedgerChanges)
        await create_ledger(work, clock, ids, principal, slug="main", name="Main", metadata={}, request_id="req_1")
        return principal

    def signal_postgres(self, order: signal.Signals) -> None:
        parent = self._servers.postgres_pid
        found = subprocess.run(["pgrep", "-P", str(parent)], capture_output=True, text=True, check=False).stdout
        for pid in (parent, *map(int, found.split())):
            os.kill(pid, order)


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(engine_module, "JOURNAL_STATEMENT_SECONDS", 0.5)
    monkeypatch.setattr(engine_module, "CONNECT_SECONDS", 0.5)
    monkeypatch.setattr(health_module, "TIMEOUT_SECONDS", 0.5)
    with EmbeddedServers(tmp_path / "servers") as servers:
        stage = Stage(servers)
        try:
            yield stage
        finally:
            stage.signal_postgres(signal.SIGCONT)
            for engine in stage.engines:
                await engine.dispose()


async def test_a_command_is_refused_while_the_database_is_silent_and_done_once_when_it_speaks_again(
    stage: Stage,
) -> None:
    principal = await stage.prepare()
    await stage.journal.submit(principal, "main", OpenAccount("assets:before"), request_id="req_2")
    assert await stage.health.trouble() is None
    stage.signal_postgres(signal.SIGSTOP)
    async with asyncio.timeout(20):
        with pytest.raises(Unavailable):
            await stage.journal.submit(principal, "main", OpenAccount("assets:bank"), request_id="req_3")
        assert await stage.health.trouble() == "The database does not answer."
    stage.signal_postgres(signal.SIGCONT)
    outcome = await stage.journal.submit(principal, "main", OpenAccount("assets:bank"), request_id="req_4")
    assert outcome.sequence == 3
    assert await stage.health.trouble() is None
