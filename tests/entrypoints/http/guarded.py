"""Servers with limits and proxies of their own, and clients that come from wherever they like."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

from adapters.embedded import ServerUrls
from entrypoints.container import Services, opened
from entrypoints.http.app import create_app
from entrypoints.settings import Settings
from tests.entrypoints.http.conftest import made_organisation


class Guarded:
    """One server, and an organisation with a key and a ledger `main`."""

    def __init__(self, app: FastAPI, services: Services, organisation_id: int, key: str) -> None:
        self.app = app
        self.services = services
        self.organisation_id = organisation_id
        self.key = key

    def client(
        self, address: str | None = None, *, key: str | None = None, headers: Mapping[str, str] | None = None
    ) -> AsyncClient:
        """A client at this address, or at one of its own, with this key or the organisation's."""
        return AsyncClient(
            transport=ASGITransport(self.app, client=(address or any_address(), 40_000)),
            base_url="http://partita.test",
            headers={"Authorization": f"Bearer {key or self.key}", **(headers or {})},
        )


def any_address() -> str:
    """An address that nobody else has, so that nobody else's requests count."""
    return "10." + ".".join(str(byte) for byte in secrets.token_bytes(3))


@asynccontextmanager
async def guarded(settings: Settings, database_url: str, redis_url: str, **changes: Any) -> AsyncIterator[Guarded]:
    """Open a server with these settings."""
    async with opened(settings.model_copy(update=changes), ServerUrls(database_url, redis_url)) as container:
        services = container.services()
        app = create_app(services)
        async with app.router.lifespan_context(app):
            await container.expiry().stop()
            organisation_id, key = await made_organisation(services)
            yield Guarded(app, services, organisation_id, key)
