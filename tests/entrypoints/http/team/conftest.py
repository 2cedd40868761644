"""A server where all may make organisations, whose mail and clock are the tests' own, and people known to it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime

import pytest
from dependency_injector import providers

from adapters.embedded import ServerUrls
from adapters.memory import ManualClock, MemoryMailbox
from adapters.postgres.engine import service_engine
from entrypoints.container import Services, opened
from entrypoints.http.app import create_app
from entrypoints.settings import Settings
from tests.entrypoints.http.team.office import Office


@pytest.fixture(scope="module")
async def office(postgres_url: str, redis_url: str, settings: Settings, services: Services) -> AsyncIterator[Office]:
    clock = ManualClock(datetime.now(UTC))
    mailbox = MemoryMailbox()
    async with AsyncExitStack() as stack:
        is_open = settings.model_copy(update={"registration": "open"})
        container = await stack.enter_async_context(opened(is_open, ServerUrls(postgres_url, redis_url)))
        container.clock.override(providers.Object(clock))
        container.mailer.override(providers.Object(mailbox))
        made = container.services()
        app = create_app(made)
        stack.push_async_callback(made.persons.letters.settle)
        stack.push_async_callback(made.persons.afterwards.settle)
        stack.push_async_callback(made.key_uses.settle)
        engine = service_engine(postgres_url, pool_size=2)
        stack.push_async_callback(engine.dispose)
        office = Office(app, made, mailbox, clock, engine, stack, ServerUrls(postgres_url, redis_url))
        yield office
