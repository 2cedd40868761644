"""The keys of access tokens in PostgreSQL: several servers that start at the same time make one between them."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.memory import ManualClock
from adapters.postgres.identity.token_keys import PostgresTokenKeys
from adapters.security.key_sealing import ChaChaKeySealing
from application.identity.token_keys import TokenKeyring

SECRET = bytes(range(32))


@pytest.fixture
async def store(service_engine: AsyncEngine, owner_engine: AsyncEngine) -> AsyncIterator[PostgresTokenKeys]:
    """An empty store; the keys are the whole database's, so nothing of it stays."""

    async def empty() -> None:
        async with owner_engine.begin() as connection:
            await connection.execute(text("DELETE FROM token_keys"))

    await empty()
    yield PostgresTokenKeys(service_engine)
    await empty()


def keyring(store: PostgresTokenKeys) -> TokenKeyring:
    return TokenKeyring(store, ChaChaKeySealing(SECRET), ManualClock())


async def test_servers_that_start_together_make_one_key(store: PostgresTokenKeys) -> None:
    signing = await asyncio.gather(*[keyring(store).signing() for _ in range(8)])
    assert len({key.id for key in signing}) == 1
    assert list(await store.all()) == [signing[0]]


async def test_keys_are_kept_as_they_are(store: PostgresTokenKeys) -> None:
    keys = keyring(store)
    before = await keys.signing()
    made = await keys.rotate()
    kept = {key.id: key for key in await store.all()}
    assert kept[made.id] == made
    assert kept[before.id].verifies_until is not None
    await keys.revoke(before.id)
    assert [key.id for key in await store.all()] == [made.id, (await keys.signing()).id]
