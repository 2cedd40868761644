"""What was removed is erased when its time is over, and only if nothing else has it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.embedded import ServerUrls
from adapters.obstore.contents import path_of
from adapters.postgres.work import tenant_transaction
from adapters.system.clock import SystemClock
from application.attachments.tidying import FileTidying
from entrypoints.container import opened
from entrypoints.settings import Settings
from tests.entrypoints.http.attachments.test_attachments import attach, kept, remove
from tests.entrypoints.http.attachments.test_cut_off import loose
from tests.entrypoints.http.tenant import Tenant, document, sale

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


class Later:
    """A clock that is ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return SystemClock().now() + self.ahead


@dataclass(frozen=True)
class Sweep:
    """What erases, at any time to come."""

    clock: Later
    tidying: FileTidying

    async def after(self, ahead: timedelta) -> None:
        """Erase what is due then; twice, as all that is done by the clock may be."""
        self.clock.ahead = ahead
        await self.tidying.tidy()
        await self.tidying.tidy()


@pytest.fixture
async def sweep(postgres_url: str, redis_url: str, settings: Settings) -> AsyncIterator[Sweep]:
    async with opened(settings, ServerUrls(postgres_url, redis_url)) as container:
        clock = Later()
        container.clock.override(clock)
        yield Sweep(clock, container.file_tidying())


async def test_a_removed_file_is_erased_after_30_days(tenant: Tenant, sweep: Sweep, settings: Settings) -> None:
    await tenant.posted(sale())
    before = kept(settings)
    await remove(tenant, (await attach(tenant, b"to be erased"))["id"])
    for days in (0, 1, 29):
        await sweep.after(days * DAY)
        assert len(kept(settings) - before) == 1
    await sweep.after(30 * DAY + MINUTE)
    assert not kept(settings) - before


async def test_a_file_is_kept_as_long_as_anything_has_it(tenant: Tenant, sweep: Sweep, settings: Settings) -> None:
    await tenant.posted(sale())
    before = kept(settings)
    first, second = [await attach(tenant, b"attached twice") for _ in range(2)]
    await remove(tenant, first["id"])
    await sweep.after(31 * DAY)
    assert (await tenant.get(f"/attachments/{second['id']}/content")).content == b"attached twice"
    await remove(tenant, second["id"])
    await sweep.after(31 * DAY)
    assert not kept(settings) - before


async def test_what_is_attached_again_before_it_is_erased_stays(
    tenant: Tenant, sweep: Sweep, settings: Settings
) -> None:
    await tenant.posted(sale())
    await remove(tenant, (await attach(tenant, b"once more"))["id"])
    await sweep.after(20 * DAY)
    again = await attach(tenant, b"once more")
    await sweep.after(60 * DAY)
    assert (await tenant.get(f"/attachments/{again['id']}/content")).content == b"once more"


async def test_what_was_erased_can_be_attached_again(tenant: Tenant, sweep: Sweep) -> None:
    await tenant.posted(sale())
    await remove(tenant, (await attach(tenant, b"gone and back"))["id"])
    await sweep.after(31 * DAY)
    again = await attach(tenant, b"gone and back")
    assert (await tenant.get(f"/attachments/{again['id']}/content")).content == b"gone and back"


async def test_a_file_that_nobody_attached_after_all_is_erased(
    tenant: Tenant, sweep: Sweep, settings: Settings
) -> None:
    await tenant.posted(sale())
    before = kept(settings)
    key = {"Idempotency-Key": "the same"}
    path = tenant.path("/accounts/assets:bank/attachments")
    document(await tenant.client.post(path, content=b"first", headers=key), 201)
    # The journal refuses it, when its content is kept already.
    assert (await tenant.client.post(path, content=b"second", headers=key)).status_code == 409
    assert len(kept(settings) - before) == 2
    await sweep.after(61 * MINUTE)
    assert len(kept(settings) - before) == 1


async def test_what_a_killed_server_left_is_erased_after_a_day(
    tenant: Tenant, sweep: Sweep, owner: AsyncEngine, settings: Settings
) -> None:
    before = kept(settings)
    place = f"fil_{tenant.organisation_id}"
    draft = settings.files_folder / f"{path_of(place)}#1"
    draft.parent.mkdir(parents=True, exist_ok=True)
    draft.write_bytes(b"half of a file")
    async with tenant_transaction(owner, tenant.organisation_id) as connection:
        row = {"id": tenant.organisation_id, "place": place, "due": SystemClock().now() + DAY}
        await connection.execute(text("INSERT INTO loose_contents VALUES (:id, :place, :due)"), row)
    await sweep.after(timedelta(hours=23))
    assert kept(settings) != before
    await sweep.after(DAY + MINUTE)
    assert not kept(settings) - before
    assert await loose(owner, tenant) == 0
