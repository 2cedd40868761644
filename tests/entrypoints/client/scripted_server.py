"""A server of the protocol that does what a test wants: it breaks off, refuses, and remembers what it was sent."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from websockets import Headers, Request, Response, Subprotocol
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

Json = dict[str, Any]


def event(sequence: int) -> Json:
    """An event as the server tells it."""
    return {
        "sequence": sequence,
        "type": "transaction.posted",
        "id": f"evt_{sequence}",
        "recorded_at": "2026-11-25T10:00:00.000000Z",
        "actor": "key:tests",
        "request_id": "req_1",
        "data": {"reference": f"order-{sequence}"},
        "previous_hash": "0" * 64,
        "hash": "1" * 64,
    }


def balance(account: str, posted: str, version: int = 1) -> Json:
    """A balance as the server tells it."""
    names = ("posted", "available", "posted_debits")
    others = ("posted_credits", "held_debits", "held_credits")
    amounts = dict.fromkeys(names, posted) | dict.fromkeys(others, "0.00")
    return {"account": account, "asset": "EUR", "balance_version": version, **amounts}


class ScriptedServer:
    """A log of one ledger, sent in batches to whoever subscribes; and what clients said."""

    def __init__(self) -> None:
        self.log: list[Json] = []
        self.balances: list[Json] = []
        self.batch = 3
        self.said: list[Json] = []
        self.tokens: list[str] = []
        self.connections: set[ServerConnection] = set()
        self.refusals: list[tuple[int, Json]] = []  # handshakes are answered with these, first
        self.problems: dict[str, Json] = {}  # of a ledger, instead of a subscription
        self.on_sent: Callable[[ServerConnection], None] = lambda connection: None
        self.unacknowledged: Counter[str] = Counter()
        self._news = asyncio.Condition()
        self.url = ""

    async def publish(self, count: int = 1) -> None:
        """Add events to the log."""
        for _ in range(count):
            self.log.append(event(len(self.log) + 1))
        async with self._news:
            self._news.notify_all()

    async def tell_balances(self, *changed: Json) -> None:
        """Tell all connections of balances."""
        self.balances = list(changed)
        for connection in self.connections:
            await self._send_balances(connection, "1")

    def says(self, kind: str) -> list[Json]:
        """What clients said of a kind."""
        return [each for each in self.said if each["type"] == kind]

    async def close(self, code: int, problem: Json | None = None) -> None:
        """Close all connections."""
        for connection in list(self.connections):
            if problem is not None:
                await connection.send(json.dumps({"type": "closing", "problem": problem, "resume": {}}))
            await connection.close(code)

    def cut(self) -> None:
        """Break all connections off, as a lost network does."""
        for connection in self.connections:
            connection.transport.abort()

    @asynccontextmanager
    async def served(self, port: int = 0) -> AsyncIterator[None]:
        """Serve on a port of this machine."""
        server = await serve(
            self._talk,
            "127.0.0.1",
            port,
            subprotocols=[Subprotocol("partita.v1")],
            process_request=self._admit,
            close_timeout=1,
        )
        self.url = f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        try:
            yield
        finally:
            server.close()
            await server.wait_closed()

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        assert request.path == "/v1/realtime"
        self.tokens.append(request.headers["Authorization"].removeprefix("Bearer "))
        if not self.refusals:
            return None
        status, problem = self.refusals.pop(0)
        headers = Headers({"Content-Type": "application/problem+json", "Connection": "close"})
        return Response(status, HTTPStatus(status).phrase, headers, json.dumps(problem).encode())

    async def _talk(self, connection: ServerConnection) -> None:
        self.connections.add(connection)
        sending: dict[str, asyncio.Task[None]] = {}
        try:
            await connection.send('{"type":"welcome","protocol":"partita.v1","heartbeat_seconds":15}')
            async for text in connection:
                message = json.loads(text)
                self.said.append(message)
                match message["type"]:
                    case "subscribe" if message["ledger"] in self.problems:
                        problem = self.problems[message["ledger"]]
                        await connection.send(json.dumps({"type": "problem", "id": message["id"], "problem": problem}))
                    case "subscribe" if message["channel"] == "balances":
                        await self._send_balances(connection, message["id"])
                    case "subscribe":
                        sending[message["id"]] = asyncio.create_task(self._send_events(connection, message))
                    case "unsubscribe":
                        sending.pop(message["id"]).cancel()
                        await connection.send(json.dumps({"type": "unsubscribed", "id": message["id"]}))
                    case "acknowledge":
                        async with self._news:
                            self.unacknowledged[message["id"]] = 0
                            self._news.notify_all()
        finally:
            self.connections.discard(connection)
            for task in sending.values():
                task.cancel()

    async def _send_balances(self, connection: ServerConnection, id: str) -> None:
        message = {"type": "balances", "id": id, "sequence": len(self.log), "data": self.balances}
        await connection.send(json.dumps(message))

    async def _send_events(self, connection: ServerConnection, message: Json) -> None:
        id, at = message["id"], message.get("after", len(self.log))
        self.unacknowledged[id] = 0
        try:
            await connection.send(json.dumps({"type": "subscribed", "id": id, "sequence": at}))
            while True:
                room = message["acknowledge"] - self.unacknowledged[id]
                batch = self.log[at : at + min(self.batch, room)]
                if not batch:
                    async with self._news:
                        await self._news.wait()
                    continue
                at += len(batch)
                self.unacknowledged[id] += len(batch)
                await connection.send(json.dumps({"type": "events", "id": id, "data": batch, "through": at}))
                self.on_sent(connection)
        except ConnectionClosed:
            pass
