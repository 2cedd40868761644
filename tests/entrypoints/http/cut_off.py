"""An answer that comes in parts, and what happens in the midst of it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from fastapi import FastAPI
from starlette.types import Message


async def parts_until_cut_off(
    app: FastAPI, path: str, credential: str, after_second: Callable[[], Awaitable[None]]
) -> list[bytes]:
    """Get what comes in parts; do something after the second; return those that came before the answer broke off."""
    parts: list[bytes] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.body" and message["body"]:
            parts.append(message["body"])
            assert message["more_body"], "it looks whole"
            if len(parts) == 2:
                await after_second()

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("nobody asks any more")

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"authorization", f"Bearer {credential}".encode()), (b"host", b"partita.test")],
        "client": ("127.0.0.1", 50_000),
        "server": ("partita.test", 80),
    }
    with pytest.raises(Exception, match="response already started"):
        await app(scope, receive, send)
    return parts
