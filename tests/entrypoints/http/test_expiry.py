"""Holds expire by themselves while a server runs: nobody writes to their ledger, and nobody asks for it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import FastAPI

from application.ledger.place_hold import PlaceHold
from domain.ledger.hold import HoldDraft
from domain.shared.chain import format_time
from entrypoints.container import Container, Services
from tests.builders import credit, debit
from tests.entrypoints.http.tenant import Json, Tenant, document, problem
from tests.entrypoints.http.wallets import ANA, BEN, available, open_wallets, place


@pytest.fixture(scope="module", autouse=True)
async def running(app: FastAPI, container: Container) -> AsyncIterator[None]:
    """An application that lets holds expire, as it does from the beginning of its lifespan to the end."""
    container.expiry().start()
    yield
    await container.expiry().stop()


@pytest.fixture(autouse=True)
async def wallets(tenant: Tenant, services: Services) -> None:
    await open_wallets(tenant, services)


async def expiries(tenant: Tenant, after: int) -> list[Json]:
    """The expiries among the events after a sequence. Looking at the log writes nothing."""
    found: list[Json] = []
    while True:
        events = document(await tenant.get("/events", params={"after": after, "limit": 500}))["data"]
        if not events:
            return [event for event in found if event["type"] == "hold.expired"]
        found += events
        after = events[-1]["sequence"]


async def test_a_hold_expires_within_about_two_seconds_and_frees_what_it_held(tenant: Tenant) -> None:
    expires_at = datetime.now(UTC) + timedelta(seconds=1)
    hold = await place(tenant, "60.00", expires_at=format_time(expires_at))
    seen = hold
    assert hold["status"] == "open"
    while (now := datetime.now(UTC)) < expires_at + timedelta(seconds=3):
        seen = document(await tenant.get(f"/holds/{hold['id']}"))
        if seen["status"] != "open":
            break
        await asyncio.sleep(0.05)
    assert (seen["status"], [each["left"] for each in seen["entries"]]) == ("expired", ["60.00", "60.00"])
    assert expires_at <= datetime.fromisoformat(seen["closed_at"]) <= now
    (event,) = await expiries(tenant, hold["sequence"])
    assert (event["actor"], event["data"]) == ("system:expiry", {"id": hold["id"]})
    assert event["recorded_at"] == seen["closed_at"]
    assert await available(tenant) == "100.00"
    path = tenant.path(f"/holds/{hold['id']}")
    for rest in ("capture", "release"):
        told = problem(await tenant.client.post(f"{path}/{rest}", json={}), 409, "hold-not-open")
        assert told["hold_status"] == "expired"
    assert [each["id"] for each in document(await tenant.get("/holds?status=expired"))["data"]] == [hold["id"]]


async def test_more_than_a_thousand_holds_that_are_due_at_once_all_expire(tenant: Tenant, services: Services) -> None:
    expires_at = datetime.now(UTC) + timedelta(seconds=4)
    before = await tenant.head()
    entries = (debit(BEN, "0.01"), credit(ANA, "0.01"))
    commands = [PlaceHold(HoldDraft(services.ids.new("hold"), entries, expires_at)) for _ in range(1_200)]
    placing = [
        services.journal.submit(tenant.principal, "main", command, request_id="req_tests") for command in commands
    ]
    await asyncio.gather(*placing)
    expired: list[Json] = []
    for _ in range(100):
        expired = await expiries(tenant, before)
        if len(expired) == 1_200:
            break
        await asyncio.sleep(0.2)
    assert {event["data"]["id"] for event in expired} == {command.draft.id for command in commands}
    assert {event["actor"] for event in expired} == {"system:expiry"}
    verified = document(await tenant.client.post(tenant.path("/verification"), json={}))
    assert verified["valid"] is True
