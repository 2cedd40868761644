"""Long files, up and down: how many bytes a core of the server moves, and whether it stays small."""

import asyncio
import hashlib
import http.client
import os
import time
from collections.abc import Callable, Iterator
from typing import Final

from tests.bench.bench import Bench
from tests.bench.failures import BenchFailed
from tests.bench.figures import Figure, Target
from tests.bench.measure_bulk import warm_up
from tests.bench.measure_import import memory_watched
from tests.bench.processes import Server, server
from tests.bench.stage import Stage
from tests.bench.workload import path_of

SECTION: Final = "attachments"
# A file of a gigabyte, where a phase is of 20 seconds.
_BYTES_PER_SECOND: Final = 50_000_000
_BLOCK_BYTES: Final = 1024 * 1024
_TIMES: Final = 3
_MB_PER_CORE_MIN: Final = 300
_GROWTH_MB_MAX: Final = 64
_ACCOUNTS: Final = 2


async def measure_attachments(bench: Bench) -> None:
    """Measure the section."""
    size = int(_BYTES_PER_SECOND * bench.plan.phase_seconds)
    async with bench.stage("attachments") as stage, server(stage.urls, stage.folder) as serving:
        books = await stage.new_books("files", _ACCOUNTS)
        await warm_up(stage, serving, books)
        client = _Client(serving, stage, size)
        # The first time, what is only once taken is taken.
        await asyncio.to_thread(client.upload, 0)
        await asyncio.to_thread(client.download)
        before = serving.resident_bytes()
        async with memory_watched(serving) as samples:
            await _time(bench, serving, "upload", size, client.upload)
            await _time(bench, serving, "download", size, lambda _: client.download())
    growth = max(megabytes for _, megabytes in samples) - before / 1e6
    bench.record(
        Figure(SECTION, "memory beyond what it was", None, max(growth, 0.0), "MB", Target.AT_MOST, _GROWTH_MB_MAX)
    )


async def _time(bench: Bench, serving: Server, what: str, size: int, move: Callable[[int], None]) -> None:
    """Move files one after the other; how fast that is in all is told beside what a core of the server moves."""
    megabytes = _TIMES * size / 1e6
    with bench.phase(f"{SECTION}: {what}", count=_TIMES) as done:
        began, cpu_began = time.perf_counter(), serving.cpu_seconds()
        for number in range(1, _TIMES + 1):
            await asyncio.to_thread(move, number)
            done(number)
        seconds, cpu = time.perf_counter() - began, serving.cpu_seconds() - cpu_began
    facts = {"megabytes": megabytes, "seconds": seconds, "cpu_seconds": cpu}
    bench.record(
        Figure(
            SECTION, f"{what}, for each core", None, megabytes / cpu, "MB/s", Target.AT_LEAST, _MB_PER_CORE_MIN, facts
        ),
        Figure(SECTION, f"{what}, one client", None, megabytes / seconds, "MB/s", facts=facts),
    )


class _Client:
    """A client that moves files over one connection, in a thread of its own."""

    def __init__(self, serving: Server, stage: Stage, size: int) -> None:
        self._port = serving.port
        self._headers = {"Authorization": f"Bearer {stage.api_key}"}
        self._size = size
        self._block = os.urandom(_BLOCK_BYTES)
        self._last = ""
        self._sha256 = ""

    def upload(self, number: int) -> None:
        """Attach a file that no other is the same as."""
        path = f"/v1/ledgers/files/accounts/{path_of(0)}/attachments"
        headers = {**self._headers, "Content-Length": str(self._size)}
        answer = self._ask("POST", path, headers, self._content(number))
        if answer.status != 201:
            raise BenchFailed(f"An upload was answered by {answer.status}: {answer.read()[:500]!r}")
        self._last = str(answer.headers["location"])
        answer.read()

    def download(self) -> None:
        """Fetch the file that was attached last."""
        answer = self._ask("GET", f"{self._last}/content", self._headers, None)
        buffer, length, digest = bytearray(_BLOCK_BYTES), 0, hashlib.sha256()
        while count := answer.readinto(buffer):
            length += count
            digest.update(memoryview(buffer)[:count])
        if length != self._size or answer.headers["etag"] != f'"sha256-{digest.hexdigest()}"':
            raise BenchFailed(f"A download had {length:,} bytes of {self._size:,}, or others.")

    def _content(self, number: int) -> Iterator[bytes]:
        yield number.to_bytes(8, "big")
        left = self._size - 8
        while left:
            yield self._block[: min(left, _BLOCK_BYTES)]
            left -= min(left, _BLOCK_BYTES)

    def _ask(
        self, method: str, path: str, headers: dict[str, str], content: Iterator[bytes] | None
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        connection.request(method, path, content, headers)
        return connection.getresponse()
