"""A receiver of webhooks on this machine, which answers as it is told to and remembers all that came."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from tests.entrypoints.http.tenant import Json
from tests.redis_server import until


@dataclass(frozen=True)
class Got:
    """A request that came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> Json:
        """The event of CloudEvents that it holds."""
        found: Json = json.loads(self.body)
        return found

    @property
    def sequence(self) -> int:
        """The place of the event in its ledger's log."""
        return int(self.event["data"]["sequence"])


Answering = Callable[[Got], Awaitable[bytes]]


def answer(status: int = 204, headers: str = "", body: bytes = b"") -> bytes:
    """An answer of HTTP."""
    return b"HTTP/1.1 %d Said\r\n%bContent-Length: %d\r\n\r\n%b" % (status, headers.encode(), len(body), body)


@dataclass
class Receiver:
    """What came, and what is answered; an answer that is empty is none, and closes the connection."""

    url: str = ""
    got: list[Got] = field(default_factory=list)
    answers: Answering | None = None
    status: int = 204
    connections: int = 0

    @property
    def events(self) -> list[Json]:
        """The events that came, as the events route gives them, each as often as it came."""
        return [got.event["data"] for got in self.got]

    @property
    def sequences(self) -> list[int]:
        """Their places in the log."""
        return [got.sequence for got in self.got]

    async def until(self, count: int, seconds: float = 60) -> None:
        """Wait until so many requests have come."""
        await until(lambda: len(self.got) >= count, seconds)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer all requests of a connection."""
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                first, *lines = head.strip().split("\r\n")
                headers = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines}
                body = await reader.readexactly(int(headers["content-length"]))
                got = Got(first.split()[1], headers, body)
                if "webhook-id" not in headers:
                    # It is none: whoever had this port before may be asked for at it still, as by tests beside this.
                    said = answer(404)
                else:
                    self.got.append(got)
                    said = answer(self.status) if self.answers is None else await self.answers(got)
                if not said:
                    break
                writer.write(said)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver on a port of its own."""
    made = Receiver()
    connections: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(writer)
        try:
            await made.serve(reader, writer)
        finally:
            connections.discard(writer)
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        for writer in connections:
            writer.transport.abort()
        await until(lambda: not connections)
