"""What a section is measured on: servers of its own, an organisation, and ledgers whose books must be right."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import asyncpg

from adapters.embedded import EmbeddedServers, ServerUrls
from application.identity.create_organisation import create_organisation
from application.ledger.create_ledger import create_ledger
from domain.identity.api_key import FULL_RIGHTS
from domain.shared.access import Principal
from domain.shared.chain import Author
from entrypoints.container import Container, Services, opened
from entrypoints.settings import Settings
from tests.bench.failures import BenchFailed
from tests.bench.workload import AMOUNT_MINOR_UNITS

# All of it from the stored rows, each in another way. Read by the superuser, whom row-level security does not bind.
_STORED = """
SELECT
    (SELECT count(*) FROM transactions WHERE ledger_id = $1) AS transactions,
    log.events,
    log.last,
    moved.debits,
    moved.credits,
    balances.debits AS balance_debits,
    balances.credits AS balance_credits
FROM
    (SELECT count(*) AS events, max(sequence) AS last FROM event_log WHERE stream_id = $1) AS log,
    (
        SELECT sum(amount) FILTER (WHERE is_debit) AS debits, sum(amount) FILTER (WHERE NOT is_debit) AS credits
        FROM entries WHERE ledger_id = $1
    ) AS moved,
    (
        SELECT sum(last.posted_debits) AS debits, sum(last.posted_credits) AS credits
        FROM accounts
        CROSS JOIN LATERAL (
            SELECT posted_debits, posted_credits FROM entries
            WHERE ledger_id = $1 AND account_number = accounts.number AND asset = 'EUR'
            ORDER BY sequence DESC, position DESC LIMIT 1
        ) AS last
        WHERE accounts.ledger_id = $1
    ) AS balances
"""
_LEDGER_ID = "SELECT id FROM ledgers WHERE organisation_id = $1 AND slug = $2"


@dataclass(slots=True)
class Books:
    """A ledger, over how many accounts transactions are posted in it, and how many were answered as posted."""

    slug: str
    accounts: int
    posted: int = 0


@dataclass(frozen=True, slots=True)
class Stage:
    """Servers that one section has for itself, and an organisation there."""

    folder: Path
    urls: ServerUrls
    container: Container
    services: Services
    principal: Principal
    api_key: str

    async def new_books(self, slug: str, accounts: int) -> Books:
        """Create a ledger. Its accounts are opened by the transactions that are posted to warm up."""
        services = self.services
        await create_ledger(
            services.ledgers,
            services.clock,
            services.ids,
            self.principal,
            slug=slug,
            name=slug,
            metadata={},
            request_id="req_bench",
        )
        return Books(slug, accounts)

    async def ledger_id(self, connection: Any, books: Books) -> int:
        """Return the internal number of a ledger."""
        found: int = await connection.fetchval(_LEDGER_ID, self.principal.organisation_id, books.slug)
        return found

    async def checkpoint(self) -> None:
        """Make the database one that has run for a while: its log files are used again, not made anew.

        A new cluster makes a file of 16 MB whenever the last one is full, once a second under a bulk, and fills it with
        zeros: every COMMIT at that moment waits for 50 ms.
        """
        connection = await asyncpg.connect(self.urls.database_url)
        try:
            await connection.execute("CHECKPOINT")
        finally:
            await connection.close()

    async def check(self, books: Books) -> None:
        """Return if every transaction that was answered is stored, once, and the trial balance says the same.

        Raises `BenchFailed`: a wrong answer is not worth a figure, however fast it came.
        """
        connection = await asyncpg.connect(self.urls.database_url)
        try:
            stored = await connection.fetchrow(_STORED, await self.ledger_id(connection, books))
        finally:
            await connection.close()
        total = books.posted * AMOUNT_MINOR_UNITS
        sums = [stored[name] for name in ("debits", "credits", "balance_debits", "balance_credits")]
        if stored["transactions"] != books.posted:
            raise BenchFailed(
                f"{books.posted:,} transactions were answered in {books.slug}; {stored['transactions']:,} are stored."
            )
        if stored["events"] != stored["last"]:
            raise BenchFailed(f"The log of {books.slug} has {stored['events']:,} events up to {stored['last']:,}.")
        if sums != [total] * 4:
            raise BenchFailed(f"The books of {books.slug} are wrong: {total} went through them, and they say {sums}.")


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """Start servers in a folder, with an organisation and its key; stop them afterwards."""
    with EmbeddedServers(folder) as embedded:
        # Receivers of webhooks are on this machine.
        here = (ip_network("127.0.0.0/8"),)
        settings = Settings(data_dir=folder, webhook_http=True, webhook_allowed_networks=here)
        async with opened(settings, embedded.urls) as container:
            await container.maintenance().migrate()
            services = container.services()
            principal = await create_organisation(
                services.organisations,
                services.clock,
                services.ids,
                "Bench",
                author=Author("system:bench", "req_bench"),
            )
            _, api_key = await services.api_keys.create(principal, "bench", FULL_RIGHTS, request_id="req_bench")
            assert api_key is not None
            yield Stage(folder, embedded.urls, container, services, principal, api_key)


async def postgresql_version(urls: ServerUrls) -> str:
    """Return the version of a server."""
    connection = await asyncpg.connect(urls.database_url)
    try:
        version: str = await connection.fetchval("SHOW server_version")
    finally:
        await connection.close()
    return version
