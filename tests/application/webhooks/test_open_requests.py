"""How many requests are open at a time, and whose."""

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

from application.webhooks.open_requests import OPEN_KEPT, OPEN_MAX, OpenRequests
from application.webhooks.outbox import Parcel
from domain.webhooks.endpoint import Endpoint, Sealed, Wanted


def parcel(organisation_id: int, number: int) -> Parcel:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    endpoint = Endpoint(f"whk_{number}", Wanted("https://a.example/"), Sealed(b""), now)
    return Parcel(organisation_id, endpoint, "main", 1, uuid4(), ())


async def test_those_whose_receivers_are_slow_leave_a_place_for_everybody_else() -> None:
    requests, goes_on, open_of = OpenRequests(), asyncio.Event(), list[int]()

    async def slow(organisation_id: int, number: int) -> None:
        async with requests.one_more(parcel(organisation_id, number)):
            open_of.append(organisation_id)
            await goes_on.wait()

    many = [asyncio.create_task(slow(each % 8, each // 64)) for each in range(512)]
    for _ in range(20):
        await asyncio.sleep(0)
    # One each, and what is left to all.
    assert len(open_of) == 8 + OPEN_MAX - OPEN_KEPT
    others = [asyncio.create_task(slow(100 + each, 0)) for each in range(OPEN_KEPT - 8)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(set(open_of)) == 8 + OPEN_KEPT - 8
    goes_on.set()
    await asyncio.gather(*many, *others)
    assert len(open_of) == 512 + OPEN_KEPT - 8
