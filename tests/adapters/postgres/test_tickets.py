"""Tickets in PostgreSQL: each is taken once, by its own organisation, in its time."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from adapters.postgres.engine import service_engine
from adapters.postgres.identity.tickets import PostgresTickets
from tests.builders import NOW

LATER = NOW + timedelta(seconds=30)
OWN, OTHER = 7_000_001, 7_000_002


@pytest.fixture
async def store(migrated_url: str) -> AsyncIterator[PostgresTickets]:
    """A store, of which nothing stays."""
    engine = service_engine(migrated_url, pool_size=8)
    made = PostgresTickets(engine)
    yield made
    for organisation_id in (OWN, OTHER):
        await made.remove_expired(organisation_id, LATER + timedelta(days=1))
    await engine.dispose()


def digest() -> bytes:
    return secrets.token_bytes(32)


async def test_of_several_who_take_the_same_one_gets_it(store: PostgresTickets) -> None:
    name = digest()
    await store.add(OWN, name, b"sealed", LATER)
    taken = await asyncio.gather(*[store.take(OWN, name, NOW) for _ in range(8)])
    assert (taken.count(b"sealed"), taken.count(None)) == (1, 7)


async def test_one_whose_time_is_over_is_not_had(store: PostgresTickets) -> None:
    first, second = digest(), digest()
    for name in (first, second):
        await store.add(OWN, name, b"sealed", LATER)
    assert await store.take(OWN, first, LATER) is None
    assert await store.take(OWN, second, LATER - timedelta(microseconds=1)) == b"sealed"


async def test_one_of_another_organisation_is_not_had(store: PostgresTickets) -> None:
    name = digest()
    await store.add(OWN, name, b"sealed", LATER)
    assert await store.take(OTHER, name, NOW) is None
    assert await store.take(OWN, name, NOW) == b"sealed"


async def test_those_that_have_expired_are_removed_and_the_others_counted(store: PostgresTickets) -> None:
    for expires_at in (NOW, NOW, LATER):
        await store.add(OWN, digest(), b"sealed", expires_at)
    await store.add(OTHER, digest(), b"sealed", NOW)
    assert await store.remove_expired(OWN, NOW) == 1
    assert await store.remove_expired(OWN, LATER) == 0
    assert await store.remove_expired(OTHER, NOW - timedelta(seconds=1)) == 1
