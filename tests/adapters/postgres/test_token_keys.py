"""The keys of access tokens in PostgreSQL: several servers that start at the same time make one between them."""

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.memory import ManualClock
from adapters.postgres.engine import service_engine
from adapters.postgres.identity.token_keys import PostgresTokenKeys
from adapters.security.key_sealing import ChaChaKeySealing
from application.identity.token_keys import TokenKeyring


@pytest.fixture
async def store(migrated_url: str, owner_engine: AsyncEngine) -> AsyncIterator[PostgresTokenKeys]:
    """A store, of which nothing stays that a test puts there; what others put there is not trusted."""
    engine = service_engine(migrated_url, pool_size=8)
    made = PostgresTokenKeys(engine)
    before = [key.id for key in await made.all()]
    yield made
    await engine.dispose()
    async with owner_engine.begin() as connection:
        await connection.execute(text("DELETE FROM token_keys WHERE id <> ALL(:before)"), {"before": before})


@pytest.fixture
def secret() -> bytes:
    return secrets.token_bytes(32)


def keyring(store: PostgresTokenKeys, secret: bytes) -> TokenKeyring:
    return TokenKeyring(store, ChaChaKeySealing(secret), ManualClock())


async def test_servers_that_start_together_make_one_key(store: PostgresTokenKeys, secret: bytes) -> None:
    kept = len(await store.all())
    signing = await asyncio.gather(*[keyring(store, secret).signing() for _ in range(8)])
    assert len({key.id for key in signing}) == 1
    assert signing[0] in await store.all()
    assert len(await store.all()) == kept + 1


async def test_keys_are_kept_as_they_are(store: PostgresTokenKeys, secret: bytes) -> None:
    keys = keyring(store, secret)
    before = await keys.signing()
    made = await keys.rotate()
    kept = {key.id: key for key in await store.all()}
    assert kept[made.id] == made
    assert kept[before.id].verifies_until is not None
    await keys.revoke(before.id)
    assert before.id not in [key.id for key in await store.all()]
    assert (await keys.signing()).id not in (before.id, made.id), "the one that waits does not sign yet"
