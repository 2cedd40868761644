"""Clients that send slowly, or never end what they send: they are cut off, and nobody else notices."""

import json
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from domain.shared.errors import DomainError
from entrypoints.container import Services
from entrypoints.http.problems import (
    PROBLEM_TYPE,
    HeadTooLarge,
    HeadTooSlow,
    NotHttp,
    problem_document,
    status_of,
)
from entrypoints.settings import Settings
from tests.entrypoints.http.tenant import Tenant
from tests.server_process import ServerProcess

LIVE = b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(scope="module")
def server(postgres_url: str, redis_url: str, settings: Settings, services: Services) -> Iterator[ServerProcess]:
    """A server that waits for a second, and keeps idle connections for two."""
    seconds = {
        "PARTITA_HEAD_SECONDS_MAX": "1",
        "PARTITA_BODY_IDLE_SECONDS_MAX": "1",
        "PARTITA_KEEP_ALIVE_SECONDS": "2",
    }
    process = ServerProcess(postgres_url, redis_url, settings.data_dir, seconds)
    yield process.start()
    process.stop()


def connected(server: ServerProcess) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def rest(connection: socket.socket) -> bytes:
    """All that still comes, until the server closes the connection."""
    received = b""
    while data := connection.recv(65_536):
        received += data
    return received


def answer(connection: socket.socket) -> bytes:
    """An answer with a body of known length."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65_536)
    return received


def assert_told(answer: bytes, refusal: type[DomainError]) -> None:
    """The answer is a problem, written as the application would write it, but for the id of a request."""
    head, _, body = answer.decode().partition("\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status_of(refusal)} ")
    assert f"content-type: {PROBLEM_TYPE}\r\n" in head
    assert f"content-length: {len(body)}\r\n" in head
    for header in (
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "content-security-policy: default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        "cache-control: no-store",
        "connection: close",
    ):
        assert head.split("\r\n").count(header) == 1, head
    told = json.loads(body)
    expected = problem_document(refusal(told["detail"]), "none")
    assert {**told, "request_id": "none"} == expected


def test_a_head_that_trickles_in_is_cut_off(server: ServerProcess) -> None:
    with connected(server) as slow, connected(server) as silent, connected(server) as good:
        began = time.monotonic()
        slow.sendall(b"GET /health/live HTTP/1.1\r\nX-Slow: ")
        for _ in range(8):
            time.sleep(0.1)
            slow.sendall(b"a")
            good.sendall(LIVE)
            assert b" 200 " in answer(good)
        assert_told(rest(slow), HeadTooSlow)
        assert rest(silent) == b"", "who sends nothing is told nothing"
        assert 0.9 < time.monotonic() - began < 3


async def test_a_body_that_stops_is_cut_off_and_one_that_goes_on_is_not(server: ServerProcess, tenant: Tenant) -> None:
    head = f"POST /v1/ledgers/main/transactions/bulk HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {tenant.key}\r\n"
    head += "Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connected(server) as stopping, connected(server) as going_on, connected(server) as idle:
        began = time.monotonic()
        for connection in (stopping, going_on):
            connection.sendall(head.encode() + b"1\r\n{\r\n")
        idle.sendall(LIVE)
        answer(idle)
        for _ in range(12):
            time.sleep(0.12)
            going_on.sendall(b"1\r\n{\r\n")
        going_on.sendall(b"0\r\n\r\n")
        assert b"malformed-json" in rest(going_on)
        assert b"malformed-json" not in rest(stopping), "a line that was cut off is no line"
        assert rest(idle) == b"", "an idle connection is not kept for ever"
        assert 1.9 < time.monotonic() - began < 5


def test_a_head_may_be_long_and_not_endless(server: ServerProcess) -> None:
    with connected(server) as long:
        long.sendall(LIVE[:-2] + b"X-Long: " + b"a" * 60_000 + b"\r\n\r\n")
        assert b" 200 " in answer(long)
    for endless in (b"X-Endless: " + b"a" * 70_000, b"X: y\r\n" * 12_000):
        with connected(server) as connection:
            connection.sendall(LIVE[:-2] + endless)
            assert_told(rest(connection), HeadTooLarge)
    with connected(server) as connection:
        connection.sendall(b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n")
        assert_told(rest(connection), HeadTooLarge)


def test_what_is_no_http_is_told_so(server: ServerProcess) -> None:
    for nonsense in (b"hello\r\n\r\n", b"GET / HTTP/1.1\r\nBad Header: x\r\n\r\n", b"\x16\x03\x01\x02\x00"):
        with connected(server) as connection:
            connection.sendall(nonsense)
            assert_told(rest(connection), NotHttp)


def test_a_big_body_and_the_requests_after_it_are_no_head(server: ServerProcess) -> None:
    head = b"POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
    with connected(server) as connection:
        for _ in range(3):
            connection.sendall(head + b"a" * 1_000_000)
            assert b" 404 " in answer(connection)
        # The head is cut in its very end, and the body comes with the rest of it.
        for cut in (1, 2, 3):
            connection.sendall(head[:-cut])
            time.sleep(0.02)
            connection.sendall(head[-cut:] + b"a" * 1_000_000)
            assert b" 404 " in answer(connection)
        # Two at once, and the beginning of a third.
        connection.sendall(LIVE + LIVE + LIVE[:10])
        received = b""
        while received.count(b" 200 ") < 2:
            received += connection.recv(65_536)
        connection.sendall(LIVE[10:])
        assert b" 200 " in answer(connection)
