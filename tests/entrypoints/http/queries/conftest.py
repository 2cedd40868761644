"""A database that is full, and a server over it that tells what is asked of the database."""

import secrets
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from entrypoints.settings import Settings
from tests.entrypoints.http.queries.stage import Stage, staged


@pytest.fixture(scope="package")
async def stage(postgres_url: str, redis_url: str, settings: Settings) -> AsyncIterator[Stage]:
    """The server, over a database of its own, whose connections tell of every plan."""
    cluster = await asyncpg.connect(postgres_url)
    if not await cluster.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        pytest.skip("only a superuser of the database can have auto_explain loaded")
    name = f"partita_queries_{secrets.token_hex(6)}"
    await cluster.execute(f'CREATE DATABASE "{name}" TEMPLATE template0')
    url = urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
    try:
        async with staged(settings.model_copy(update={"registration": "open"}), url, redis_url) as made:
            yield made
    finally:
        await cluster.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await cluster.close()
