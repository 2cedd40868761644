"""What tests of deliveries look at, and have happen."""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.memory import ManualClock
from adapters.postgres.access_tables import members
from adapters.postgres.person_tables import persons
from tests.entrypoints.http.tenant import Json, Tenant, document, sale

ANY: Mapping[str, str] = {"If-Match": "*"}


def now_on() -> ManualClock:
    """A clock that shows the real time, and stands still there."""
    return ManualClock(datetime.now(UTC))


async def listed(tenant: Tenant, query: str = "") -> list[Json]:
    """The events of the ledger, as its route lists them."""
    found: list[Json] = document(await tenant.get(f"/events?after=0&limit=500{query}"))["data"]
    return found


async def deliveries(tenant: Tenant, hook: Json, query: str = "") -> list[Json]:
    """What was sent to a webhook and is to be, newest first."""
    found: list[Json] = document(await tenant.client.get(f"/v1/webhooks/{hook['id']}/deliveries{query}"))["data"]
    return found


async def shown(tenant: Tenant, hook: Json) -> Json:
    """A webhook as it is now."""
    found: Json = document(await tenant.client.get(f"/v1/webhooks/{hook['id']}"))
    return found


async def posts(tenant: Tenant, count: int) -> None:
    """Post so many sales, in one bulk."""
    document(await tenant.bulk([sale() for _ in range(count)]), 200)


async def joined(owner: AsyncEngine, tenant: Tenant, role: str) -> str:
    """Have a person join the organisation in a role, and return its address."""
    person, email = uuid.uuid4(), f"{role}-{tenant.organisation_id}@partita.test"
    member = {
        "organisation_id": tenant.organisation_id,
        "person_id": person,
        "assignments": [{"role": role, "ledgers": None, "accounts": None}],
        "joined_at": datetime.now(UTC),
        "version": 1,
    }
    async with owner.begin() as connection:
        await connection.execute(insert(persons).values(id=person, email=email, created_at=datetime.now(UTC)))
        await connection.execute(insert(members).values(**member))
    return email
