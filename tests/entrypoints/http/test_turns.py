"""What takes long is done in turns with whatever else is served, a few at a time, and for somebody who waits."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson
from httpx2 import AsyncClient

from application.ledger.readers import TrialBalance, TrialBalanceLine
from domain.ledger.account import AccountType
from domain.ledger.asset import Asset
from domain.ledger.balance import Balance
from entrypoints.http.v1.formats import json_bytes
from entrypoints.http.v1.report_documents import trial_balance_document
from tests.entrypoints.http.conftest import NewServer
from tests.entrypoints.http.tenant import Tenant, document, problem


async def test_a_long_trial_balance_is_written_in_turns() -> None:
    lines = [
        TrialBalanceLine(f"users:{n}", AccountType.ASSET, Asset("EUR", 2), Balance(100, 0, 1)) for n in range(10_000)
    ]
    turns = 0

    async def serve_others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    others = asyncio.create_task(serve_others())
    written = orjson.loads(await json_bytes(trial_balance_document("main", TrialBalance(7, lines))))
    others.cancel()
    assert turns >= 20
    assert (written["ledger"], written["sequence"], len(written["data"])) == ("main", 7, 10_000)
    assert written["totals"] == [{"asset": "EUR", "debits": "10000.00", "credits": "0.00"}]


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
