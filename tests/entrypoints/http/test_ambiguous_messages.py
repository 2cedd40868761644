"""Messages over which a proxy and a server could disagree where they end, and methods that echo them."""

import asyncio
from urllib.parse import urlsplit

import pytest

from tests.entrypoints.http.conftest import NewServer

POST = b"POST /v1/ledgers HTTP/1.1\r\nHost: partita.test\r\n"
SMUGGLED = b"0\r\n\r\nGET /health/live HTTP/1.1\r\nHost: partita.test\r\n\r\n"


@pytest.fixture(scope="module")
async def url(new_server: NewServer) -> str:
    return await new_server()


async def answered(url: str, message: bytes) -> bytes:
    """All that the server says until it closes the connection."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(message)
    said = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return said


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + SMUGGLED, id="two ways"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n" + SMUGGLED, id="the same two"),
        pytest.param(POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n" + SMUGGLED, id="two lengths"),
        pytest.param(POST + b"Transfer-Encoding: xchunked\r\n\r\n" + SMUGGLED, id="an unknown coding"),
        pytest.param(POST + b"Transfer-Encoding : chunked\r\n\r\n" + SMUGGLED, id="a space before the colon"),
        pytest.param(POST + b"Content-Length: +4\r\n\r\n" + SMUGGLED, id="a sign"),
        pytest.param(POST.replace(b"\r\n", b"\n") + b"\n" + SMUGGLED, id="bare line feeds"),
    ],
)
async def test_a_message_whose_end_is_ambiguous_is_refused_and_what_follows_is_not_read(
    url: str, message: bytes
) -> None:
    said = await answered(url, message)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert said.count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("path", [b"/", b"/docs", b"/swagger/", b"/v1/ledgers", b"/v1/ledgers/main/transactions"])
async def test_no_path_answers_trace(url: str, path: bytes) -> None:
    head = b"TRACE " + path + b" HTTP/1.1\r\nHost: partita.test\r\nConnection: close\r\nX-Token: confidential\r\n\r\n"
    said = await answered(url, head)
    assert said.startswith(b"HTTP/1.1 405 ")
    assert b"confidential" not in said
