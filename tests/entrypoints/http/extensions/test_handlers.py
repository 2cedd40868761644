"""Handlers are told of every event, whatever becomes of others, of their own clocks, and of those who told them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import text

from adapters.memory import ManualClock
from adapters.postgres.extensions.cursors import PostgresHandlerCursors
from adapters.postgres.work import tenant_transaction
from adapters.system.clock import SystemClock
from application.extensions import handling as handling_module
from application.extensions.handling import LEASE, BoundHandler, EventHandling
from application.extensions.ports import Happened
from application.ledger.ports import LedgerAddress
from application.shared.extension_watch import ExtensionWatch
from entrypoints.container import Container
from tests.entrypoints.extending import sample
from tests.entrypoints.http.conftest import NewOrganisation
from tests.entrypoints.http.extensions.organisations import Only
from tests.entrypoints.http.tenant import Tenant, sale


def handler_of(name: str, handle: Callable[[Happened], Awaitable[None]], *types: str) -> BoundHandler:
    return BoundHandler(f"{name}:handler", ExtensionWatch(name), handle, frozenset(types))


def handling_of(
    container: Container, organisations: Only, *handlers: BoundHandler, seconds_max: float = 30
) -> EventHandling:
    cursors = PostgresHandlerCursors(container.service_engine())
    return EventHandling(
        handlers, organisations, cursors, container.ids(), container.wake_ups(), seconds_max=seconds_max
    )


async def passed(tenant: Tenant, container: Container, time: timedelta) -> None:
    """Let so much time pass for all that handlers wait for, by the clock of the database."""
    async with tenant_transaction(container.service_engine(), tenant.organisation_id) as connection:
        await connection.execute(
            text("UPDATE extension_cursors SET due_at = due_at - CAST(:time AS interval)"), {"time": time}
        )


async def test_handlers_are_told_of_each_event_once_and_in_order(guest: Tenant, extended: Container) -> None:
    for _ in range(3):
        await guest.posted(sale())
    handling = extended.event_handling()
    await handling.handle_due()
    await handling.handle_due()
    ours = [each[1:] for each in sample.told if each[0] == guest.organisation_id]
    head = await guest.head()
    assert [sequence for _, sequence, _ in ours] == list(range(1, head + 1))
    assert ours[0] == ("main", 1, "ledger.created")
    assert ours[-1] == ("main", head, "transaction.posted")


async def test_one_that_fails_is_told_again_later_and_nothing_is_left_out(
    guest: Tenant, extended: Container, caplog: pytest.LogCaptureFixture
) -> None:
    handling = extended.event_handling()
    sample.failing.add("account.opened")
    await guest.posted(sale())
    await handling.handle_due()
    ours = [each[2] for each in sample.told if each[0] == guest.organisation_id]
    assert ours == [1, 2]  # the ledger, an asset; then it fails
    assert "the extension sample failed in its handler sample:listener" in caplog.text
    sample.failing.clear()
    await handling.handle_due()  # too soon
    assert len([each for each in sample.told if each[0] == guest.organisation_id]) == 2
    await passed(guest, extended, timedelta(seconds=2))
    await handling.handle_due()
    ours = [each[2] for each in sample.told if each[0] == guest.organisation_id]
    assert ours == list(range(1, await guest.head() + 1))


async def test_handlers_are_told_without_being_asked(guest: Tenant, extended: Container) -> None:
    with extended.event_handling.reset():
        handling = extended.event_handling()
    handling.start()
    try:
        head = (await guest.posted(sale()))["sequence"]
        async with asyncio.timeout(30):
            while (guest.organisation_id, "main", head, "transaction.posted") not in sample.told:
                await sample.news.wait()
                sample.news.clear()
    finally:
        await handling.stop()


async def test_two_processes_tell_each_event_once(guest: Tenant, extended: Container) -> None:
    for _ in range(3):
        await guest.posted(sale())
    one = extended.event_handling()
    with extended.event_handling.reset():
        other = extended.event_handling()
    assert one is not other
    await asyncio.gather(one.handle_due(), other.handle_due())
    await one.handle_due()
    ours = [each[2] for each in sample.told if each[0] == guest.organisation_id]
    assert ours == list(range(1, await guest.head() + 1))


async def test_what_a_killed_process_was_about_is_told_by_the_next(guest: Tenant, extended: Container) -> None:
    await guest.posted(sale())
    handling = extended.event_handling()
    cursors = PostgresHandlerCursors(extended.service_engine())
    # It takes a ledger, and is never heard of again.
    claimed = await cursors.claim(guest.organisation_id, "sample:listener", extended.ids().new("lease"), LEASE)
    assert claimed is not None
    assert claimed.ledger.slug == "main"
    await handling.handle_due()
    assert not [each for each in sample.told if each[0] == guest.organisation_id]
    await passed(guest, extended, LEASE)
    await handling.handle_due()
    ours = [each[2] for each in sample.told if each[0] == guest.organisation_id]
    assert ours == list(range(1, await guest.head() + 1))
    # Who comes back from the dead keeps nothing.
    await cursors.leave(claimed, timedelta())
    await handling.handle_due()
    assert [each[2] for each in sample.told if each[0] == guest.organisation_id] == ours


async def test_clocks_of_servers_make_no_difference(guest: Tenant, extended: Container) -> None:
    """One whose clock is an hour slow leaves no ledger to itself, and one that is fast takes none from others."""
    hour = timedelta(hours=1)
    cursors = PostgresHandlerCursors(extended.service_engine())
    for skew in (-hour, hour):
        with extended.clock.override(ManualClock(SystemClock().now() + skew)), extended.event_handling.reset():
            handling = extended.event_handling()
        lease = extended.ids().new("lease")
        claimed = await cursors.claim(guest.organisation_id, "sample:listener", lease, LEASE)
        assert claimed is not None
        await handling.handle_due()
        assert not [each for each in sample.told if each[0] == guest.organisation_id]
        await cursors.leave(claimed, timedelta())


async def test_one_that_takes_too_long_is_broken_off_and_tried_again(
    guest: Tenant, extended: Container, caplog: pytest.LogCaptureFixture
) -> None:
    async def linger(_: Happened) -> None:
        await asyncio.sleep(60)

    lingering = handler_of("lingering", linger, "ledger.created")
    await handling_of(extended, Only(guest.organisation_id), lingering, seconds_max=0.05).handle_due()
    assert "the extension lingering failed in its handler lingering:handler" in caplog.text


async def test_one_that_hangs_holds_up_no_other(guest: Tenant, extended: Container) -> None:
    told: list[int] = []
    is_told, is_over = asyncio.Event(), asyncio.Event()

    async def hang(_: Happened) -> None:
        await is_over.wait()

    async def tell(event: Happened) -> None:
        told.append(event.sequence)
        is_told.set()

    handling = handling_of(
        extended,
        Only(guest.organisation_id),
        handler_of("hanging", hang, "ledger.created"),
        handler_of("telling", tell, "ledger.created"),
    )
    going = asyncio.create_task(handling.handle_due())
    try:
        async with asyncio.timeout(20):
            await is_told.wait()
        assert not going.done()
    finally:
        is_over.set()
        await going
    assert told == [1]


async def test_organisations_take_turns(
    guest: Tenant, extended: Container, new_guest: NewOrganisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handling_module, "ORGANISATIONS_AT_A_TIME", 1)
    monkeypatch.setattr(handling_module, "EVENTS_MAX", 1)
    other = await new_guest()
    for tenant in (guest, other):
        await tenant.posted(sale())
    told: list[tuple[int, int]] = []

    async def tell(event: Happened) -> None:
        told.append((event.ledger.organisation_id, event.sequence))

    first, second = sorted((guest.organisation_id, other.organisation_id))
    await handling_of(extended, Only(first, second), handler_of("telling", tell)).handle_due()
    assert told == [(each, number) for number in range(1, await guest.head() + 1) for each in (first, second)]


async def test_a_backlog_keeps_no_news_waiting(
    guest: Tenant, extended: Container, new_guest: NewOrganisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is heard of while others have much to be told of has the next turn but those."""
    monkeypatch.setattr(handling_module, "ORGANISATIONS_AT_A_TIME", 1)
    monkeypatch.setattr(handling_module, "EVENTS_MAX", 1)
    other = await new_guest()
    await guest.posted(sale())
    told: list[tuple[int, int]] = []
    are_told = asyncio.Event()

    async def tell(event: Happened) -> None:
        told.append((event.ledger.organisation_id, event.sequence))
        if len(told) == 1:
            handling.hear(LedgerAddress(other.organisation_id, "main"), 1)
        if event.sequence == last:
            are_told.set()

    last = await guest.head()
    handling = handling_of(extended, Only(guest.organisation_id), handler_of("telling", tell))
    handling.start()
    try:
        async with asyncio.timeout(20):
            await are_told.wait()
    finally:
        await handling.stop()
    assert told[:3] == [(guest.organisation_id, 1), (other.organisation_id, 1), (guest.organisation_id, 2)]


async def test_one_that_is_cancelled_from_within_has_failed(
    guest: Tenant, extended: Container, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[int] = []

    async def cancel(event: Happened) -> None:
        told.append(event.sequence)
        raise asyncio.CancelledError

    handling = handling_of(extended, Only(guest.organisation_id), handler_of("cancelling", cancel, "ledger.created"))
    await handling.handle_due()
    await handling.handle_due()  # too soon
    assert told == [1]
    assert "the extension cancelling failed in its handler cancelling:handler" in caplog.text


async def test_one_that_hangs_is_named_while_it_does(
    guest: Tenant, extended: Container, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(handling_module, "SLOW_SECONDS", 0.01)
    named: list[bool] = []

    async def hang(_: Happened) -> None:
        await asyncio.sleep(0.2)
        named.append("the extension hanging takes more than" in caplog.text)

    hanging = handler_of("hanging", hang, "ledger.created")
    await handling_of(extended, Only(guest.organisation_id), hanging).handle_due()
    assert named == [True]
