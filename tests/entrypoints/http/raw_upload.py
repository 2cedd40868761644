"""A client of the stream that decides by itself when to send, when to read and when to vanish."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from tests.entrypoints.http.tenant import NDJSON


class RawUpload:
    """One POST of lines over a socket of its own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.status = 0
        self.headers: dict[str, str] = {}
        self._rest = b""
        self._is_over = False

    async def send(self, data: bytes) -> None:
        """Send some bytes of the body, as a chunk of their own, and wait until they are on their way."""
        self.writer.write(b"%x\r\n%b\r\n" % (len(data), data))
        await self.writer.drain()

    async def send_lines(self, *documents: Any) -> None:
        """Send documents, each as a line."""
        await self.send(b"".join(json.dumps(document).encode() + b"\n" for document in documents))

    async def end(self) -> None:
        """Say that this was all."""
        self.writer.write(b"0\r\n\r\n")
        await self.writer.drain()

    async def answer(self, seconds: float = 10) -> Any:
        """Return the next answer; None after the last."""
        while b"\n" not in self._rest:
            chunk = await asyncio.wait_for(self._chunk(), seconds)
            if not chunk:
                assert not self._rest, "an answer was cut off"
                return None
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)

    async def answers(self) -> AsyncIterator[Any]:
        """Yield all answers to come."""
        while (answer := await self.answer()) is not None:
            yield answer

    async def _chunk(self) -> bytes:
        if not self.status:
            await self._head()
        if self._is_over:
            return b""
        length = int(await self.reader.readline(), 16)
        data = await self.reader.readexactly(length)
        await self.reader.readexactly(2)
        self._is_over = length == 0
        return data

    async def _head(self) -> None:
        self.status = int((await self.reader.readline()).split()[1])
        while line := (await self.reader.readline()).strip():
            name, _, value = line.decode().partition(":")
            self.headers[name.lower()] = value.strip()

    def vanish(self) -> None:
        """Be gone, without a word."""
        self.writer.transport.abort()


@asynccontextmanager
async def uploading(url: str, path: str, key: str, **headers: str) -> AsyncIterator[RawUpload]:
    """Begin an upload to a path of the server. What is not read soon stays with the server."""
    parts = urlsplit(url)
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, (parts.hostname, parts.port))
    reader, writer = await asyncio.open_connection(sock=connection, limit=64 * 1024)
    given = {
        "Host": parts.netloc,
        "Authorization": f"Bearer {key}",
        "Content-Type": NDJSON,
        "Transfer-Encoding": "chunked",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    writer.write(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode())
    await writer.drain()
    try:
        yield RawUpload(reader, writer)
    finally:
        writer.close()
