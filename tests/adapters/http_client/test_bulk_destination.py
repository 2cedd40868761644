"""What becomes of an import when the server is not what it should be. (A real one is in tests/journeys.)"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from adapters.http_client.bulk_destination import BulkDestination
from application.interchange.import_transactions import Destination, Refusal, TransactionLine

LINES = [TransactionLine(number, {}, b'{"number": %d}' % number) for number in (1, 2, 3)]
POSTED = {"status": 201, "transaction": {}}


def refused(status: int, code: str, **facts: str) -> dict[str, object]:
    return {"status": status, "problem": {"code": code, "detail": f"It is {code}."} | facts}


@asynccontextmanager
async def server(status: str, body: bytes, *, promised: int | None = None) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that gives this answer to every request, and notes the requests."""
    requests: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        requests.append(head + await reader.readexactly(length))
        length = len(body) if promised is None else promised
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    listening = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}", requests


async def post(url: str) -> Sequence[Refusal | None]:
    destination = BulkDestination(url, "main", "ptk_1_x")
    try:
        port: Destination = destination
        return await port.post(LINES)
    finally:
        await destination.close()


def ndjson(*results: object) -> bytes:
    return b"".join(json.dumps(result).encode() + b"\n" for result in results)


async def test_lines_go_to_the_bulk_route_and_each_gets_its_answer() -> None:
    answers = ndjson(POSTED, refused(409, "duplicate-reference"), refused(422, "unbalanced-transaction"))
    async with server("200 OK", answers) as (url, requests):
        assert await post(f"{url}/") == [
            None,
            Refusal("duplicate-reference", "It is duplicate-reference."),
            Refusal("unbalanced-transaction", "It is unbalanced-transaction."),
        ]
    (request,) = requests
    assert request.startswith(b"POST /v1/ledgers/main/transactions/bulk HTTP/1.1\r\n")
    assert b"Authorization: Bearer ptk_1_x\r\n" in request
    assert b"Content-Type: application/x-ndjson\r\n" in request
    assert request.endswith(b'\r\n\r\n{"number": 1}\n{"number": 2}\n{"number": 3}')


async def test_an_answer_says_whether_a_transaction_or_a_hold_has_the_reference() -> None:
    by_hold, by_transaction = (
        refused(409, "duplicate-reference", taken_by=taken_by) for taken_by in ("hold", "transaction")
    )
    # A server of an older version does not say it; it is taken for a transaction, as it always was.
    older = refused(409, "duplicate-reference")
    async with server("200 OK", ndjson(by_hold, by_transaction, older)) as (url, _):
        answers = await post(url)
    assert [answer is not None and answer.is_already_there for answer in answers] == [False, True, True]


@pytest.mark.parametrize(
    ("status", "code"), [(503, "overloaded"), (404, "ledger-not-found"), (401, "not-authenticated")]
)
async def test_an_answer_that_will_not_change_for_the_next_line_stops(status: int, code: str) -> None:
    async with server("200 OK", ndjson(POSTED, refused(status, code), POSTED)) as (url, _):
        first, second, _third = await post(url)
    assert first is None
    assert second is not None
    assert second.stops


async def test_a_request_that_is_refused_as_a_whole_stops() -> None:
    problem = json.dumps({"code": "not-authenticated", "detail": "The API key is unknown."}).encode()
    async with server("401 Unauthorized", problem) as (url, _):
        (answer,) = await post(url)
    assert answer == Refusal(
        "not-authenticated", "The server refuses (401 not-authenticated): The API key is unknown.", stops=True
    )


@pytest.mark.parametrize(
    ("status", "body"),
    [("404 Not Found", b"<html>"), ("200 OK", b"<html>\n"), ("200 OK", b"[]\n"), ("500 Oops", b"{}")],
)
async def test_what_is_no_partita_server_stops(status: str, body: bytes) -> None:
    async with server(status, body) as (url, _):
        (answer,) = await post(url)
    assert answer == Refusal("unavailable", f"What answers at {url} is not a Partita server.", stops=True)


async def test_answers_that_were_given_before_the_server_broke_off_are_kept() -> None:
    async with server("200 OK", ndjson(POSTED, POSTED)) as (url, _):
        first, second, third = await post(url)
    assert (first, second) == (None, None)
    assert third is not None
    assert third.stops
    assert third.detail == f"The server at {url} broke off its answer."


async def test_answers_that_were_given_before_the_connection_was_lost_are_kept() -> None:
    async with server("200 OK", ndjson(POSTED), promised=1_000) as (url, _):
        first, second = await post(url)
    assert first is None
    assert second is not None
    assert second.stops
    assert second.detail.startswith(f"The server at {url} cannot be reached: ")


async def test_a_server_that_is_not_there_stops() -> None:
    (answer,) = await post("http://127.0.0.1:1")
    assert answer is not None
    assert answer.stops
