"""A client of server-sent events, as the HTML standard says one reads them."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from httpx2 import AsyncClient, Response

from tests.entrypoints.http.tenant import Json


@dataclass(frozen=True)
class Sent:
    """An event as a client gets it: its type, its data, and the id that it would go on after."""

    type: str
    data: Json
    id: str


class EventSource:
    """One answer that goes on, and what has come of it."""

    def __init__(self, response: Response) -> None:
        self.response = response
        self.last_id = ""
        self.retry_milliseconds: int | None = None
        self._events = self._read()

    async def next(self, seconds: float = 5) -> Sent:
        """The next event."""
        async with asyncio.timeout(seconds):
            return await anext(self._events)

    async def take(self, count: int, seconds: float = 5) -> list[Sent]:
        """So many events."""
        return [await self.next(seconds) for _ in range(count)]

    async def rest(self, seconds: float = 5) -> list[Sent]:
        """All that comes until the server ends it."""
        async with asyncio.timeout(seconds):
            return [event async for event in self._events]

    async def _read(self) -> AsyncIterator[Sent]:
        fields: dict[str, str] = {}
        async for line in self.response.aiter_lines():
            name, _, value = line.partition(":")
            if name:
                fields[name] = value.removeprefix(" ")
                continue
            self.last_id = fields.get("id", self.last_id)
            if "retry" in fields:
                self.retry_milliseconds = int(fields["retry"])
            if fields.get("data"):
                yield Sent(fields.get("event", "message"), json.loads(fields["data"]), self.last_id)
            fields = {}


@asynccontextmanager
async def event_source(url: str, key: str, **parameters: Any) -> AsyncIterator[EventSource]:
    """Follow a ledger at a URL; `last` is sent as `Last-Event-ID`."""
    headers = {"Authorization": f"Bearer {key}", "Accept": "text/event-stream"}
    if "last" in parameters:
        headers["Last-Event-ID"] = str(parameters.pop("last"))
    async with (
        AsyncClient(timeout=30) as client,
        client.stream("GET", f"{url}/v1/ledgers/main/events", params=parameters, headers=headers) as response,
    ):
        yield EventSource(response)
