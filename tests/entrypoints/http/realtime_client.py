"""A client of the realtime interface that knows nothing but JSON."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from httpx2 import AsyncClient
from websockets.asyncio.client import ClientConnection, connect
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.http11 import Response
from websockets.typing import Subprotocol

from tests.entrypoints.http.asyncapi import DESCRIBED
from tests.entrypoints.http.tenant import Json, Tenant, checked_problem, document, sale

V1 = Subprotocol("partita.v1")


class RealtimeClient:
    """One connection, and what comes over it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.welcome: Json = {}

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

    async def refused(self, status: int, code: str, **message: Any) -> Json:
        """Send a message that is refused, and return the problem; the connection goes on."""
        told = await self.answer(**message)
        assert told["type"] == "problem", told
        assert told.get("id") == message.get("id")
        return checked_problem(told["problem"], status, code)

    async def subscribe(self, name: str, **message: Any) -> Json:
        """Subscribe in the ledger `main`, and return what is told."""
        told = await self.answer(**{"type": "subscribe", "id": name, "ledger": "main", **message})
        assert (told["type"], told["id"]) == ("subscribed", name), told
        return told

    async def farewell(self, code: int, seconds: float = 5) -> Json:
        """The last message of the server, which then closes with this code."""
        told = await self.next(seconds)
        assert told["type"] == "closing", told
        assert await self.close_code(seconds) == code
        return told

    async def close_code(self, seconds: float = 5) -> int | None:
        """Wait for the server to close the connection."""
        async with asyncio.timeout(seconds):
            await self.socket.wait_closed()
        return self.socket.close_code


@asynccontextmanager
async def realtime(
    url: str,
    key: str | None,
    *,
    path: str = "/v1/realtime",
    subprotocols: Sequence[Subprotocol] = (V1,),
    headers: Mapping[str, str] | None = None,
    **options: Any,
) -> AsyncIterator[RealtimeClient]:
    """Connect to a server, and be welcomed."""
    shown = {} if key is None else {"Authorization": f"Bearer {key}"}
    where = f"{url.replace('http', 'ws', 1)}{path}"
    async with connect(
        where,
        additional_headers={**shown, **(headers or {})},
        subprotocols=subprotocols or None,
        proxy=None,
        **options,
    ) as socket:
        client = RealtimeClient(socket)
        client.welcome = await client.next()
        assert client.welcome["type"] == "welcome"
        yield client


async def refusal(url: str, key: str | None, **options: Any) -> Response:
    """What the server answers in place of a handshake."""
    with pytest.raises(InvalidStatus) as caught:
        async with realtime(url, key, **options):
            pass
    return caught.value.response


async def kept_out(url: str, key: str | None, status: int, code: str, **options: Any) -> Headers:
    """Be refused before the handshake by a problem; return the headers of the answer."""
    answer = await refusal(url, key, **options)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    told = checked_problem(json.loads(answer.body or b""), status, code)
    assert told["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["partita-version"] == "1"
    assert answer.headers["x-content-type-options"] == "nosniff"
    return answer.headers


async def post(url: str, tenant: Tenant, count: int = 1, **others: Any) -> None:
    """Post sales at a server."""
    async with AsyncClient(headers=tenant.authorization) as client:
        for _ in range(count):
            document(await client.post(f"{url}{tenant.path('/transactions')}", json=sale(**others)), 201)


async def listed(tenant: Tenant, query: str = "") -> list[Json]:
    """The events that the list has."""
    found: list[Json] = document(await tenant.get(f"/events?limit=500{query}"))["data"]
    return found


async def ticket_of(tenant: Tenant, key: str | None = None) -> str:
    """A ticket for a key."""
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    ticket: str = document(await tenant.client.post("/v1/realtime/tickets", headers=headers), 201)["ticket"]
    return ticket
