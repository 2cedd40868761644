"""A server over a database of its own that is full, and what the database did for each request to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import asyncpg
from dependency_injector import providers
from fastapi import FastAPI
from httpx2 import AsyncClient, Response
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.embedded import ServerUrls
from adapters.memory import MemoryMailbox
from adapters.postgres.engine import owner_engine
from adapters.security.passwords import Argon2Passwords
from entrypoints.container import Container, opened
from entrypoints.http.app import create_app
from entrypoints.settings import Settings
from tests.entrypoints.http.conftest import connected, made_organisation
from tests.entrypoints.http.planted import Planted, plant
from tests.entrypoints.http.queries.filling import fill
from tests.entrypoints.http.queries.plans import SETTINGS, Plan, Watch
from tests.entrypoints.http.tenant import Tenant, document, sale

Done = TypeVar("Done")

POSTINGS = 1_500
HOLDS = 120


@dataclass
class Stage:
    """The server, its organisation, and what has been asked of the database."""

    container: Container
    app: FastAPI
    planted: Planted
    owner: AsyncEngine
    database: asyncpg.Connection
    mailbox: MemoryMailbox
    watch: Watch
    first_columns: dict[str, str]
    done: dict[str, list[list[Plan]]] = field(default_factory=dict)
    answered: set[str] = field(default_factory=set)

    @property
    def books(self) -> Tenant:
        """The ledger that is full."""
        tenant = self.planted.tenant
        return Tenant(tenant.organisation_id, tenant.key, self.planted.slug, tenant.client)

    async def ask(self, what: str, client: AsyncClient, method: str, path: str, **given: Any) -> Response:
        """Send a request, and file what the database did for it under what it is."""
        return await self.watched(what, client.request(method, path, **given))

    async def watched(self, what: str, done: Awaitable[Done]) -> Done:
        """Have something done, and file what the database did for it under what it is."""
        await self.watch.take()
        result = await done
        plans = await self.watch.take()
        if isinstance(result, Response) and result.status_code < 300:
            self.answered.add(what)
        self.done.setdefault(what, []).append(plans)
        return result


@asynccontextmanager
async def staged(settings: Settings, database_url: str, redis_url: str) -> AsyncIterator[Stage]:
    """Open a server over the empty database, which is filled."""
    watch, mailbox = Watch(), MemoryMailbox()
    async with AsyncExitStack() as stack:
        owner = owner_engine(database_url)
        stack.push_async_callback(owner.dispose)
        database = await asyncpg.connect(database_url)
        stack.push_async_callback(database.close)
        container = await stack.enter_async_context(opened(settings, ServerUrls(database_url, redis_url)))
        await container.maintenance().migrate()
        name = await database.fetchval("SELECT current_database()")
        for setting, value in SETTINGS.items():
            await database.execute(f"ALTER DATABASE \"{name}\" SET {setting} = '{value}'")
        for engine in (container.journal_engine(), container.service_engine(), container.patient_engine()):
            watch.follow(engine)
        container.mailer.override(providers.Object(mailbox))
        container.passwords.override(providers.Object(Argon2Passwords(passes=1, memory_kibibytes=8, lanes=1)))
        services = container.services()
        app = create_app(services)
        async with app.router.lifespan_context(app):
            await container.expiry().stop()
            organisation_id, key = await made_organisation(services)
            async with connected(app, key) as client:
                planted = await plant(Tenant(organisation_id, key, "main", client), owner, container)
                stage = Stage(container, app, planted, owner, database, mailbox, watch, {})
                await _write(stage)
                await fill(database, organisation_id)
                stage.first_columns = await first_columns(database)
                await watch.take()
                yield stage


async def _write(stage: Stage) -> None:
    """Have the application write a ledger full: transactions, late ones among them, holds, captures and reversals."""
    now = stage.container.clock().now()
    books = stage.books
    for first in range(0, POSTINGS, 500):
        many = [
            _transfer(number, effective_at=(now - timedelta(minutes=number)).isoformat() if number % 10 == 0 else None)
            for number in range(first, first + 500)
        ]
        document(await books.bulk(many), 200)
    held = await asyncio.gather(*[_hold(books, number) for number in range(HOLDS)])
    for each in held[: HOLDS // 2]:
        captured = f"/holds/{document(each, 201)['id']}/capture"
        document(await books.client.post(books.path(captured), json={}), 201)


def _transfer(number: int, **others: Any) -> dict[str, Any]:
    entries = [
        {"account": f"assets:wallets:{number % 300}", "direction": "debit", "amount": "1.00", "asset": "EUR"},
        {"account": "income:sales", "direction": "credit", "amount": "1.00", "asset": "EUR"},
    ]
    return sale(entries=entries, reference=f"transfer-{number}", metadata={"batch": str(number % 7)}, **others)


async def _hold(books: Tenant, number: int) -> Response:
    body = _transfer(number) | {"reference": f"hold-{number}", "expires_at": "2099-01-01T00:00:00Z"}
    return await books.client.post(books.path("/holds"), json=body)


async def first_columns(database: asyncpg.Connection) -> dict[str, str]:
    """The column that each index begins with."""
    rows = await database.fetch(
        "SELECT indexrelid::regclass::text AS index, attname FROM pg_index"
        " JOIN pg_class ON pg_class.oid = indrelid JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]"
        " WHERE relnamespace = 'public'::regnamespace"
    )
    return {row["index"]: row["attname"] for row in rows}
