"""A Redis (Valkey) for one test module, which can be killed, halted and started again where it was."""

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import redis

from adapters.embedded.valkey import _binary

_START_SECONDS = 20


class RedisServer:
    """A Valkey on a port of its own, without a password and without files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, empty, and return when it answers."""
        self._process = subprocess.Popen(
            [_binary(), "--port", str(self._port), "--bind", "127.0.0.1", "--save", "", "--dir", self._folder],
            stdout=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_SECONDS
        with redis.Redis.from_url(self.url) as client:
            while True:
                try:
                    client.ping()
                    return
                except redis.RedisError:
                    assert time.monotonic() < deadline
                    time.sleep(0.01)

    def kill(self) -> None:
        """End it at once; whoever asks is refused."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def halt(self) -> None:
        """Have it hang: connections are taken, and nothing is answered."""
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it go on after `halt`."""
        self._send(signal.SIGCONT)

    def ensure(self) -> None:
        """See that it runs, and is empty."""
        if self._process is None or self._process.poll() is not None:
            self.start()
        self.go_on()
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def subscribers(self, channel: str) -> int:
        """How many listen to a channel."""
        with redis.Redis.from_url(self.url) as client:
            return int(client.pubsub_numsub(channel)[0][1])

    def _send(self, order: signal.Signals) -> None:
        assert self._process is not None
        os.kill(self._process.pid, order)


async def until(happens: Callable[[], bool], seconds: float = 5) -> None:
    """Wait for what happens in a moment."""
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
