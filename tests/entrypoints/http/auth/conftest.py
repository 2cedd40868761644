"""A server where everyone can register, whose mail and clock are the tests' own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from time import monotonic

import pytest
from dependency_injector import providers

from adapters.embedded import ServerUrls
from adapters.memory import ManualClock, MemoryMailbox
from adapters.postgres.engine import owner_engine
from adapters.security.passwords import Argon2Passwords
from entrypoints.container import Services, opened
from entrypoints.http.app import create_app
from entrypoints.settings import Settings
from tests.entrypoints.http.auth.people import CountedPasswords, Office
from tests.entrypoints.http.conftest import connected

NewOffice = Callable[..., Awaitable[Office]]


@pytest.fixture(scope="module")
async def new_office(
    postgres_url: str, redis_url: str, settings: Settings, services: Services
) -> AsyncIterator[NewOffice]:
    """A way to make one more server of the same database, with a clock, and another for what it remembers."""
    is_open = settings.model_copy(update={"registration": "open"})
    owner = owner_engine(postgres_url)
    async with AsyncExitStack() as offices:

        async def make(clock: ManualClock, seconds: Callable[[], float] = monotonic) -> Office:
            mailbox = MemoryMailbox()
            container = await offices.enter_async_context(opened(is_open, ServerUrls(postgres_url, redis_url)))
            container.authenticate.add_kwargs(seconds=seconds)
            container.clock.override(providers.Object(clock))
            container.mailer.override(providers.Object(mailbox))
            passwords = CountedPasswords(Argon2Passwords(passes=1, memory_kibibytes=8, lanes=1))
            container.passwords.override(providers.Object(passwords))
            made = container.services()
            offices.push_async_callback(made.persons.letters.settle)
            offices.push_async_callback(made.persons.afterwards.settle)
            app = create_app(made)
            client = await offices.enter_async_context(connected(app))
            return Office(app, made, client, mailbox, clock, owner, passwords)

        yield make
    await owner.dispose()


@pytest.fixture(scope="module")
async def office(new_office: NewOffice) -> Office:
    return await new_office(ManualClock(datetime.now(UTC)))
