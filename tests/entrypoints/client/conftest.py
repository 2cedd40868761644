"""A server that does what a test wants, and a client that does not wait for long."""

from collections.abc import AsyncIterator

import pytest

from entrypoints.client import line
from tests.entrypoints.client.scripted_server import ScriptedServer


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ScriptedServer]:
    monkeypatch.setattr(line, "FIRST_WAIT_SECONDS", 0.02)
    monkeypatch.setattr(line, "LAST_WAIT_SECONDS", 0.1)
    made = ScriptedServer()
    async with made.served():
        yield made
