"""What takes long is done in turns with whatever else is served, a few at a time, and for somebody who waits."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg
import orjson
import pytest
from httpx2 import AsyncClient

from application.interchange.report_rows import trial_balance_rows
from application.interchange.report_tables import trial_balance_tables
from application.ledger.report_reader import TrialBalance, TrialBalanceLine
from domain.ledger.account import AccountType
from domain.ledger.asset import Asset
from domain.ledger.balance import Balance
from entrypoints.http.v1.formats import Format, Shown, written
from entrypoints.http.v1.printed_page import Page
from entrypoints.schemas.report_documents import trial_balance_document
from entrypoints.schemas.turns import json_bytes
from tests.entrypoints.http.conftest import NewServer
from tests.entrypoints.http.tenant import Tenant, document, problem


async def test_a_long_trial_balance_is_written_in_turns() -> None:
    lines = [
        TrialBalanceLine(f"users:{n}", AccountType.ASSET, Asset("EUR", 2), Balance(100, 0, 1)) for n in range(10_000)
    ]
    with others_served() as turns:
        written = orjson.loads(await json_bytes(trial_balance_document("main", TrialBalance(7, lines))))
    assert turns() >= 20
    assert (written["ledger"], written["sequence"], len(written["data"])) == ("main", 7, 10_000)
    assert written["totals"] == [{"asset": "EUR", "debits": "10000.00", "credits": "0.00"}]


@pytest.mark.parametrize("chosen", Format)
async def test_a_long_report_is_written_in_turns_in_every_format(chosen: Format) -> None:
    lines = [
        TrialBalanceLine(f"users:{n}", AccountType.ASSET, Asset("EUR", 2), Balance(100, 0, 1)) for n in range(10_000)
    ]
    report = TrialBalance(7, lines)
    with others_served() as turns:
        body = await written(
            chosen,
            Shown(
                trial_balance_document("main", report),
                trial_balance_rows(report),
                Page("Trial balance", [], trial_balance_tables(report)),
            ),
        )
    assert turns() >= 20
    assert body.count(b"users:") == 10_000


@contextmanager
def others_served() -> Iterator[Callable[[], int]]:
    """While it is open, count how often something else had its turn."""
    turns = 0

    async def serve_others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    others = asyncio.create_task(serve_others())
    try:
        yield lambda: turns
    finally:
        others.cancel()


async def test_verifications_are_few_and_end_when_nobody_waits(
    tenant: Tenant, new_server: NewServer, postgres_url: str
) -> None:
    url = await new_server()
    async with log_is_held(postgres_url) as release:
        left = [asyncio.create_task(verification(url, tenant)) for _ in range(2)]
        await asyncio.sleep(0.5)
        async with client_of(url, tenant) as client:
            refused = await client.post(tenant.path("/verification"))
        problem(refused, 503, "overloaded")
        assert refused.headers["retry-after"] == "1"
        for each in left:
            each.cancel()
        await asyncio.sleep(2.5)
        now = asyncio.create_task(verification(url, tenant))
        await asyncio.sleep(0.5)
        await release()
        assert (await now)["valid"] is True


def client_of(url: str, tenant: Tenant) -> AsyncClient:
    return AsyncClient(base_url=url, headers={"Authorization": f"Bearer {tenant.key}"}, timeout=30)


async def verification(url: str, tenant: Tenant) -> Any:
    async with client_of(url, tenant) as client:
        return document(await client.post(tenant.path("/verification")))


@asynccontextmanager
async def log_is_held(postgres_url: str) -> AsyncIterator[Callable[[], Awaitable[object]]]:
    """Nothing can be read of the log, until it is released."""
    database = await asyncpg.connect(postgres_url)
    try:
        await database.execute("BEGIN; LOCK TABLE event_log IN ACCESS EXCLUSIVE MODE")
        yield lambda: database.execute("ROLLBACK")
    finally:
        await database.close()
