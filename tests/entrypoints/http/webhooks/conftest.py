"""Receivers, dispatchers and webhooks of a test's own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from entrypoints.container import Container
from tests.entrypoints.http.tenant import Json, Tenant, document
from tests.entrypoints.http.webhooks.dispatchers import Dispatcher, dispatcher
from tests.entrypoints.http.webhooks.receiver import Receiver, receiver

NewDispatcher = Callable[..., Awaitable[Dispatcher]]
NewWebhook = Callable[..., Awaitable[Json]]


@pytest.fixture
async def there() -> AsyncIterator[Receiver]:
    """A receiver."""
    async with receiver() as made:
        yield made


@pytest.fixture
async def new_dispatcher(container: Container, tenant: Tenant) -> AsyncIterator[NewDispatcher]:
    """A way to make dispatchers."""
    async with AsyncExitStack() as stack:

        async def make(**given: Any) -> Dispatcher:
            return await stack.enter_async_context(dispatcher(container, tenant.organisation_id, **given))

        yield make


@pytest.fixture
async def dispatching(new_dispatcher: NewDispatcher) -> Dispatcher:
    """A dispatcher that goes by the real time."""
    return await new_dispatcher()


@pytest.fixture
def new_webhook(tenant: Tenant, there: Receiver) -> NewWebhook:
    """A way to make a webhook that leads to the receiver."""

    async def make(**given: Any) -> Json:
        made: Json = document(await tenant.client.post("/v1/webhooks", json={"url": there.url, **given}), 201)
        return made

    return make
