"""A client of the realtime interface that knows nothing but JSON."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.entrypoints.http.asyncapi import DESCRIBED
from tests.entrypoints.http.tenant import Json

V1 = Subprotocol("partita.v1")


class RealtimeClient:
    """One connection, and what comes over it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def tell(self, **message: Any) -> None:
        """Send a message."""
        await self.socket.send(json.dumps(message))

    async def next(self, seconds: float = 5) -> Json:
        """The next message, but for signs of life; it is one that the AsyncAPI document describes."""
        async with asyncio.timeout(seconds):
            while True:
                message: Json = json.loads(await self.socket.recv())
                DESCRIBED.check("send", message)
                if message["type"] != "events" or message["data"]:
                    return message

    async def answer(self, **message: Any) -> Json:
        """Send a message, and return the next that comes."""
        await self.tell(**message)
        return await self.next()

    async def events(self, count: int, seconds: float = 5) -> list[Json]:
        """So many events, however many come at once."""
        found: list[Json] = []
        while len(found) < count:
            message = await self.next(seconds)
            assert message["type"] == "events", message
            found += message["data"]
            assert message["through"] >= found[-1]["sequence"]
        assert len(found) == count
        return found

    async def close_code(self, seconds: float = 5) -> int | None:
        """Wait for the server to close the connection."""
        async with asyncio.timeout(seconds):
            await self.socket.wait_closed()
        return self.socket.close_code


@asynccontextmanager
async def realtime(
    url: str, key: str | None, *, query: str = "", subprotocols: Sequence[Subprotocol] = (V1,)
) -> AsyncIterator[RealtimeClient]:
    """Connect to a server, and be welcomed."""
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    where = f"{url.replace('http', 'ws', 1)}/v1/realtime{query}"
    async with connect(where, additional_headers=headers, subprotocols=subprotocols, proxy=None) as socket:
        client = RealtimeClient(socket)
        assert (await client.next())["type"] == "welcome"
        yield client
