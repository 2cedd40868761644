"""Files of a great many lines: taken in bounded memory, or refused with what is allowed."""

import json
import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from httpx2 import AsyncClient, Response

from tests.entrypoints.http.conftest import NewServer
from tests.entrypoints.http.jobs_run import sales
from tests.entrypoints.http.tenant import NDJSON, Tenant, document, problem
from tests.server_process import ServerProcess

IS_LONG = os.environ.get("PARTITA_SOAK") == "long"
LINES = 1_000_000 if IS_LONG else 12_000
# What is kept of a file is as good as nothing; what a process keeps of memory that it once had is more.
GROWTH_BYTES_MAX = 48 * 1024 * 1024
CSV = {"csv": {"currency": "EUR", "columns": {"date": "Date", "amount": "Amount", "purpose": ["Text"]}}}


def journal(transactions: int) -> Iterator[str]:
    """Four lines for each, over a hundred accounts."""
    for number in range(transactions):
        yield (
            f"2026-01-{number * 31 // transactions + 1:02} * (c-{number}) Shop {number % 500}\n"
            f"    expenses:shop:{number % 100}    1.00 EUR\n    assets:bank\n\n"
        )


def table(transactions: int) -> Iterator[str]:
    """A line for each, after the names of the columns."""
    yield "Date;Amount;Text\n"
    for number in range(transactions):
        yield f"2026-01-{number * 31 // transactions + 1:02};-1.00;order {number}\n"


async def pieces(lines: Iterator[str]) -> AsyncIterator[bytes]:
    """Send lines as they are made: no more than some of them are ever kept."""
    waiting: list[str] = []
    for line in lines:
        waiting.append(line)
        if len(waiting) == 1_000:
            yield "".join(waiting).encode()
            waiting.clear()
    yield "".join(waiting).encode()


async def previewed(client: AsyncClient, tenant: Tenant, media_type: str, lines: Iterator[str]) -> Any:
    options = {"options": json.dumps(CSV)} if media_type == "text/csv" else {}
    path = tenant.path("/imports/preview")
    answer = await client.post(path, params=options, content=pieces(lines), headers={"Content-Type": media_type})
    return document(answer)


@pytest.mark.soak
@pytest.mark.parametrize(
    ("media_type", "written", "count"), [("text/x-hledger", journal, LINES // 4), ("text/csv", table, LINES // 4)]
)
async def test_a_file_of_many_lines_is_shown_and_taken_in_without_more_memory(
    tenant: Tenant, server_process: ServerProcess, media_type: str, written: Any, count: int
) -> None:
    """`make soak` sends a million lines, and a quarter of one as a table; `make test` a hundredth of that."""
    headers = {**tenant.client.headers, "Content-Type": media_type}
    async with AsyncClient(base_url=server_process.url, headers=headers, timeout=1800) as client:
        # By then it has what any file takes.
        await previewed(client, tenant, media_type, written(1_000))
        before = server_process.resident_bytes()
        shown = await previewed(client, tenant, media_type, written(count))
        assert shown["clear"], shown
        assert shown["transactions"] == {"found": count, "posted": count, "already_there": 0}
        options = {"options": json.dumps(CSV)} if media_type == "text/csv" else {}
        taken = await client.post(tenant.path("/imports"), params=options, content=pieces(written(count)))
        job = document(taken, 202)
        assert job["progress"]["total"] >= count
        assert (await client.delete(f"/v1/jobs/{job['id']}")).status_code == 204
    assert server_process.resident_bytes() - before < GROWTH_BYTES_MAX


async def test_what_there_is_no_room_for_is_refused_and_says_how_much_there_is(
    tenant: Tenant, new_server: NewServer
) -> None:
    url = await new_server(job_bytes_max=200_000)
    async with AsyncClient(base_url=url, headers=dict(tenant.client.headers)) as client:

        async def imported(count: int) -> Response:
            content = sales(count)
            return await client.post(tenant.path("/imports"), content=content, headers={"Content-Type": NDJSON})

        size = len(sales(500))  # of which one fits, and two do not
        assert 100_000 < size < 200_000
        document(await imported(500), 202)
        for count, others in ((500, size), (2_000, size)):
            told = problem(await imported(count), 403, "quota-exceeded")
            assert (told["quota"], told["used"], told["limit"]) == ("job_bytes", str(others), "200000")
            assert f"takes {others:,} of 200,000 bytes, and there is no room for this one" in told["detail"]
        assert len(document(await client.get("/v1/jobs"))["data"]) == 1


@pytest.mark.parametrize("is_length_told", [True, False])
async def test_what_is_longer_than_allowed_is_refused_and_nothing_of_it_is_kept(
    tenant: Tenant, new_server: NewServer, is_length_told: bool
) -> None:
    allowed = 1_000_000
    line = json.dumps({"reference": "r", "entries": []}) + "\n"
    sent = {
        "/imports/preview": ("text/x-hledger", "".join(journal(13_000))),
        "/imports": (NDJSON, line * (allowed // len(line) + 1)),
    }
    url = await new_server(import_bytes_max=allowed)
    async with AsyncClient(base_url=url, headers=dict(tenant.client.headers)) as client:
        for path, (media_type, text) in sent.items():
            assert len(text) > allowed
            content = text.encode() if is_length_told else pieces(iter([text]))
            answer = await client.post(tenant.path(path), content=content, headers={"Content-Type": media_type})
            assert problem(answer, 413, "payload-too-large")["detail"] == "The body is longer than 1,000,000 bytes."
        assert document(await client.get("/v1/jobs"))["data"] == []
