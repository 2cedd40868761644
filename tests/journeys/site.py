"""A PostgreSQL and a Redis of a test module's own, which may be killed, and servers over them."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import asyncpg

from adapters.embedded import EmbeddedServers, ServerUrls
from application.identity.create_organisation import create_organisation
from application.ledger.create_ledger import create_ledger
from domain.identity.api_key import FULL_RIGHTS
from domain.shared.chain import Author
from entrypoints.container import Container, opened
from entrypoints.settings import Settings
from tests.journeys.clients import LedgerOfTests, Told, check_books
from tests.server_process import ServerProcess

Result = TypeVar("Result")
_END_CONNECTIONS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


class Site:
    """A PostgreSQL and a Redis of this module's own, which may be killed, and the servers over them."""

    def __init__(self, folder: Path, embedded: EmbeddedServers) -> None:
        self.folder = folder
        self.embedded = embedded
        self.urls: ServerUrls = embedded.urls

    def maintain(self, work: Callable[[Container], Awaitable[Result]]) -> Result:
        """Do something with the database itself, beside the servers."""

        async def run() -> Result:
            async with opened(Settings(data_dir=self.folder), self.urls) as container:
                return await work(container)

        return asyncio.run(run())

    def new_ledger(self) -> LedgerOfTests:
        """Return a new ledger of a new organisation, with a key."""

        async def make(container: Container) -> LedgerOfTests:
            services = container.services()
            clock, ids = services.clock, services.ids
            by = Author("system:tests", "req_tests")
            principal = await create_organisation(services.organisations, clock, ids, "Tests", author=by)
            await create_ledger(
                services.ledgers, clock, ids, principal, slug="main", name="Main", metadata={}, request_id="req_tests"
            )
            _, key = await services.api_keys.create(principal, "tests", FULL_RIGHTS, request_id="req_tests")
            assert key is not None
            return LedgerOfTests(principal.organisation_id, "main", key)

        return self.maintain(make)

    def check(self, ledger: LedgerOfTests, told: Told, *, others: int = 0) -> None:
        """See that the books are right."""
        self.maintain(lambda container: check_books(container, ledger, told, others=others))

    def server(self, **settings: str) -> ServerProcess:
        """A server over it, to be started."""
        return ServerProcess(self.urls.database_url, self.urls.redis_url, self.folder, settings)

    def kill_postgres(self) -> None:
        """Kill PostgreSQL without warning."""
        os.kill(self.embedded.postgres_pid, signal.SIGKILL)

    def end_connections(self) -> int:
        """Have PostgreSQL end all connections that there are, and return how many those were."""

        async def end() -> int:
            connection = await asyncpg.connect(self.urls.database_url)
            try:
                count: int = await connection.fetchval(_END_CONNECTIONS)
            finally:
                await connection.close()
            return count

        return asyncio.run(end())


@contextmanager
def site_in(folder: Path) -> Iterator[Site]:
    """Start everything in a folder, and migrate."""
    with EmbeddedServers(folder / "servers") as embedded:
        site = Site(folder, embedded)

        async def migrate(container: Container) -> None:
            await container.maintenance().migrate()

        site.maintain(migrate)
        yield site
