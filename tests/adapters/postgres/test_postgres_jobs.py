"""Jobs on PostgreSQL, run by several runners: whatever happens to one, a job ends once and comes to the same."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.memory import CountedIds, ManualClock
from adapters.postgres.engine import service_engine
from adapters.postgres.ids import stored_id
from adapters.postgres.job_tables import due_jobs, job_inputs, job_results, jobs
from adapters.postgres.jobs.jobs import PostgresJobs
from adapters.postgres.jobs.leases import PostgresJobLeases
from adapters.postgres.jobs.parts import PostgresJobParts
from adapters.postgres.ledger.books import PostgresBooks
from adapters.postgres.roster import PostgresRoster
from adapters.postgres.tables import idempotency_keys
from adapters.postgres.used_keys import PostgresUsedKeys
from adapters.postgres.work import tenant_transaction, tenant_view
from application.jobs.desk import Desk
from application.jobs.duties import Duties, Duty, remove_old_jobs
from application.jobs.ports import JobPart, LeaseLost
from application.jobs.runner import JobRunner
from application.ledger.ports import LedgerAddress
from application.shared.ports import StoreUnavailable
from application.shared.used_keys import remove_old_keys
from domain.jobs.job import ATTEMPTS_MAX, Job, JobAuthor, JobKind, JobRef, JobState, Progress
from domain.shared.access import Permission, Principal
from domain.shared.errors import QuotaExceeded, ValidationFailed
from entrypoints.schemas.kept_problems import kept_problem
from tests.adapters.ledger.by_hand import OPENINGS, NewLedger, sale, write
from tests.builders import NOW, key

Do = Callable[[Desk], Awaitable[str]]
LEASE = timedelta(minutes=1)
# No test takes so long, whatever else the machine does.
SLACK = timedelta(seconds=30)


class Anyone:
    """An authority that lets everybody do everything."""

    async def principal(self, organisation_id: int, actor: str, *_: object, **__: object) -> Principal:
        return Principal(organisation_id, actor)


@dataclass
class Doing:
    """A job of any kind, which does what a test says."""

    do: Do

    async def run(self, desk: Desk) -> str:
        return await self.do(desk)


class Site:
    """Jobs in the tests' database, and as many runners over it as a test wants."""

    def __init__(self, engine: AsyncEngine, owner_engine: AsyncEngine, ids: CountedIds) -> None:
        self.engine = engine
        self.owner_engine = owner_engine
        self.clock = ManualClock()
        self.ids = ids
        self.jobs = PostgresJobs(engine, bytes_max=10_000)
        self.parts = PostgresJobParts(engine)
        self.leases = PostgresJobLeases(engine)

    def runner(
        self, do: Do, *, lease_seconds: float = LEASE.total_seconds(), clock: ManualClock | None = None
    ) -> JobRunner:
        work = {kind: Doing(do) for kind in JobKind}
        stores = (self.jobs, self.parts, self.leases, Anyone())
        return JobRunner(*stores, work, kept_problem, clock or self.clock, self.ids, lease_seconds=lease_seconds)

    async def queued(self, address: LedgerAddress, *contents: bytes) -> JobRef:
        author = JobAuthor("key_x", "key_x", frozenset({Permission.TRANSACTIONS_POST}))
        now, progress = self.clock.now(), Progress(0, len(contents), "parts")
        id = self.ids.new("job")
        job = Job(address.organisation_id, id, JobKind.IMPORT, "main", {}, author, "req_x", progress, now)
        await self.jobs.add(job, [JobPart(number, number, each) for number, each in enumerate(contents)], None)
        return JobRef(address.organisation_id, id)

    async def passes(self, time: timedelta) -> None:
        """Have so much time passed for what is queued or leased, which goes by the clock of the database."""
        async with self.owner_engine.begin() as connection:
            for table, is_waiting in ((jobs, jobs.c.due_at.is_not(None)), (due_jobs, ~due_jobs.c.is_over)):
                await connection.execute(update(table).where(is_waiting).values(due_at=table.c.due_at - time))

    async def job(self, ref: JobRef) -> Job:
        job = await self.jobs.job(ref)
        assert job is not None
        return job


IDS = CountedIds(start=5_000_000)


@pytest.fixture(scope="module")
async def engine(migrated_url: str) -> AsyncIterator[AsyncEngine]:
    """Connections of this module's own: other tests count those that they share."""
    engine = service_engine(migrated_url, pool_size=8)
    yield engine
    await engine.dispose()


@pytest.fixture
async def site(engine: AsyncEngine, owner_engine: AsyncEngine) -> Site:
    # What tests before this one have left is not to be run here.
    async with owner_engine.begin() as connection:
        await connection.execute(text("TRUNCATE due_jobs"))
    return Site(engine, owner_engine, IDS)


@pytest.fixture
async def address(new_ledger: NewLedger) -> LedgerAddress:
    return await new_ledger()


async def copies(desk: Desk) -> str:
    """Work that makes each part of its input a part of its result."""
    while (part := await desk.input(desk.job.parts_done)) is not None:
        await desk.advance(part.number, part.content.upper(), done=part.number + 1)
    return "text/plain"


async def made(site: Site, ref: JobRef) -> list[bytes]:
    parts = [await site.parts.result(ref, number) for number in range((await site.job(ref)).parts_done)]
    return [part for part in parts if part is not None]


async def test_a_job_is_done_part_by_part_and_what_it_worked_on_is_forgotten(
    site: Site, address: LedgerAddress
) -> None:
    ref = await site.queued(address, b"a", b"bc")
    assert (await site.job(ref)).kept_bytes == 3
    assert await site.runner(copies).run_due() == 1
    job = await site.job(ref)
    assert (job.state, job.progress, job.result_type) == (JobState.DONE, Progress(2, 2, "parts"), "text/plain")
    assert (job.lease, job.finished_at) == (None, site.clock.now())
    assert await made(site, ref) == [b"A", b"BC"]
    assert job.kept_bytes == 3
    assert await site.parts.input(ref, 0) is None
    assert await site.runner(copies).run_due() == 0


async def test_two_runners_at_once_run_a_job_once(site: Site, address: LedgerAddress) -> None:
    begun = 0

    async def counts(desk: Desk) -> str:
        nonlocal begun
        begun += 1
        await asyncio.sleep(0.05)
        return await copies(desk)

    await site.queued(address, b"a")
    await asyncio.gather(*[site.runner(counts).run_due() for _ in range(4)])
    assert begun == 1


async def test_an_organisation_with_many_jobs_keeps_no_other_waiting(site: Site, new_ledger: NewLedger) -> None:
    first, second = await new_ledger(), await new_ledger()
    order: list[int] = []

    async def notes(desk: Desk) -> str:
        order.append(desk.job.organisation_id)
        return await copies(desk)

    for _ in range(5):
        await site.queued(first, b"a")
    await site.queued(second, b"a")
    runner = site.runner(notes)
    while await runner.run_due():
        pass
    assert order.index(second.organisation_id) <= 2
    assert sorted(order) == [first.organisation_id] * 5 + [second.organisation_id]


async def test_organisations_take_turns_whichever_runner_looks(site: Site, new_ledger: NewLedger) -> None:
    order: list[int] = []

    async def notes(desk: Desk) -> str:
        order.append(desk.job.organisation_id)
        return await copies(desk)

    names = [await new_ledger() for _ in range(4)]
    one, two, three, four = [address.organisation_id for address in names]
    # Two have many that have waited for long; the others ask for theirs later.
    for address in (*names[:2] * 4, *names[2:] * 2):
        await site.queued(address, b"a")
    while await site.runner(notes).run_due():
        pass
    turns = [set(order[start : start + 2]) for start in range(0, len(order), 2)]
    assert turns == [{one, two}, {three, four}, {one, two}, {three, four}, {one, two}, {one, two}]


async def test_what_fails_by_our_mistake_is_tried_again_after_longer_and_longer_and_dies(
    site: Site, address: LedgerAddress, caplog: pytest.LogCaptureFixture
) -> None:
    async def poison(desk: Desk) -> str:
        raise RuntimeError("a bug")

    ref, runner = await site.queued(address, b"a"), site.runner(poison)
    pauses = [2, 8, 32, 128]
    for attempt, pause in enumerate(pauses, 1):
        assert await runner.run_due() == 1
        job = await site.job(ref)
        assert (job.state, job.attempts) == (JobState.QUEUED, attempt)
        assert job.problem is not None
        assert job.problem["code"] == "internal-error"
        if pause > SLACK.total_seconds():
            await site.passes(timedelta(seconds=pause) - SLACK)
            assert await runner.run_due() == 0
            await site.passes(SLACK)
        else:
            await site.passes(timedelta(seconds=pause))
    assert await runner.run_due() == 1
    assert (await site.job(ref)).state is JobState.DEAD
    await site.passes(timedelta(days=1))
    assert await runner.run_due() == 0
    assert "a bug" in caplog.text
    assert "a bug" not in str((await site.job(ref)).problem)

    # From the dead list, it goes on where it came to.
    dead = await site.job(ref)
    again = dead.tried_again(dead.author, "req_y", site.clock.now())
    assert await site.jobs.change(again, was=dead)
    assert await site.runner(copies).run_due() == 1
    assert await made(site, ref) == [b"A"]


async def test_what_a_rule_refuses_fails_at_once(site: Site, address: LedgerAddress) -> None:
    async def refuses(desk: Desk) -> str:
        raise ValidationFailed("It cannot be done.")

    ref = await site.queued(address, b"a")
    await site.runner(refuses).run_due()
    job = await site.job(ref)
    assert (job.state, job.problem) == (
        JobState.FAILED,
        {
            "type": "/problems/validation-failed",
            "title": "The request is not valid",
            "code": "validation-failed",
            "detail": "It cannot be done.",
        },
    )


async def test_a_store_that_was_away_is_tried_again(site: Site, address: LedgerAddress) -> None:
    ref = await site.queued(address, b"a")

    async def away(desk: Desk) -> str:
        raise StoreUnavailable("gone")

    await site.runner(away).run_due()
    job = await site.job(ref)
    assert job.state is JobState.QUEUED
    assert job.problem is not None
    assert job.problem["code"] == "unavailable"


async def killed_in(site: Site, ref: JobRef, *, after_parts: int = 0) -> Job:
    """The job as a runner leaves it that is killed in the middle of it."""
    job = await site.leases.claim(ref, site.ids.new("lease"), site.clock.now(), LEASE)
    assert job is not None
    desk = Desk(job, site.parts, Anyone())
    for number in range(after_parts):
        part = await desk.input(number)
        assert part is not None
        await desk.advance(number, part.content.upper(), done=number + 1)
    return desk.job


async def test_a_job_whose_runner_was_killed_is_taken_up_once_its_lease_ends_where_it_came_to(
    site: Site, address: LedgerAddress
) -> None:
    ref = await site.queued(address, b"a", b"b", b"c")
    await killed_in(site, ref, after_parts=2)
    seen: list[int] = []

    async def watched(desk: Desk) -> str:
        seen.append(desk.job.parts_done)
        return await copies(desk)

    runner = site.runner(watched)
    await site.passes(LEASE - SLACK)
    assert await runner.run_due() == 0
    await site.passes(SLACK)
    assert await runner.run_due() == 1
    assert (seen, await made(site, ref)) == ([2], [b"A", b"B", b"C"])


async def test_a_job_that_kills_whoever_runs_it_dies(site: Site, address: LedgerAddress) -> None:
    ref = await site.queued(address, b"a")
    for _ in range(ATTEMPTS_MAX):
        await killed_in(site, ref)
        await site.passes(LEASE)
    await site.runner(copies).run_due()
    job = await site.job(ref)
    assert job.state is JobState.DEAD
    assert job.problem is not None
    assert job.problem["code"] == "job-worn-out"


async def test_who_comes_back_after_its_lease_can_keep_nothing(site: Site, address: LedgerAddress) -> None:
    ref = await site.queued(address, b"a", b"b")
    late = await killed_in(site, ref, after_parts=1)
    await site.passes(LEASE)
    await site.runner(copies).run_due()
    with pytest.raises(LeaseLost):
        await site.parts.advance(late, 1, b"late", 2)
    assert not await site.leases.renew(late, LEASE)
    assert not await site.jobs.change(late.ended(JobState.FAILED, site.clock.now()), was=late)
    assert await made(site, ref) == [b"A", b"B"]
    assert (await site.job(ref)).state is JobState.DONE


async def test_a_runner_that_works_keeps_its_lease(site: Site, address: LedgerAddress) -> None:
    ref = await site.queued(address, b"a")
    begun, done = asyncio.Event(), asyncio.Event()

    async def long(desk: Desk) -> str:
        begun.set()
        await done.wait()
        return await copies(desk)

    working = asyncio.create_task(site.runner(long, lease_seconds=3).run_due())
    await asyncio.wait_for(begun.wait(), 5)
    first = await leased_until(site, ref)
    others = site.runner(copies)
    while await leased_until(site, ref) < first + timedelta(seconds=1.5):
        assert await others.run_due() == 0
        await asyncio.sleep(0.05)
    done.set()
    assert await working == 1
    assert (await site.job(ref)).state is JobState.DONE


async def test_a_job_that_is_cancelled_while_it_runs_is_left(site: Site, address: LedgerAddress) -> None:
    ref = await site.queued(address, b"a")
    begun, left = asyncio.Event(), asyncio.Event()

    async def endless(desk: Desk) -> str:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
        return ""

    working = asyncio.create_task(site.runner(endless, lease_seconds=0.15).run_due())
    await begun.wait()
    job = await site.job(ref)
    assert await site.jobs.change(job.ended(JobState.CANCELLED, site.clock.now()), was=job)
    await asyncio.wait_for(left.wait(), 5)
    await working
    assert (await site.job(ref)).state is JobState.CANCELLED


async def test_who_stops_gives_back_what_it_is_at(site: Site, address: LedgerAddress) -> None:
    ref = await site.queued(address, b"a")
    begun = asyncio.Event()

    async def endless(desk: Desk) -> str:
        begun.set()
        await asyncio.Event().wait()
        return ""

    stopping = site.runner(endless)
    stopping.start()
    await asyncio.wait_for(begun.wait(), 5)
    await stopping.stop()
    job = await site.job(ref)
    assert (job.state, job.attempts, job.lease) == (JobState.QUEUED, 0, None)
    assert await site.runner(copies).run_due() == 1
    assert await made(site, ref) == [b"A"]


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(days=400)])
async def test_a_clock_that_jumps_neither_steals_a_job_nor_loses_one(
    site: Site, address: LedgerAddress, new_ledger: NewLedger, jump: timedelta
) -> None:
    begun, done = asyncio.Event(), asyncio.Event()

    async def long(desk: Desk) -> str:
        begun.set()
        await done.wait()
        return await copies(desk)

    held = await site.queued(address, b"a")
    clock = ManualClock()
    working = asyncio.create_task(site.runner(long, lease_seconds=3, clock=clock).run_due())
    await asyncio.wait_for(begun.wait(), 5)
    killed, waiting = await site.queued(await new_ledger(), b"b"), await site.queued(await new_ledger(), b"c")
    await killed_in(site, killed)
    # Neither whoever looks nor whoever holds a lease gains or loses by what its own clock shows.
    site.clock.advance(jump)
    others = site.runner(copies)
    assert await others.run_due() == 1
    assert [(await site.job(ref)).state for ref in (held, killed, waiting)] == [
        JobState.RUNNING,
        JobState.RUNNING,
        JobState.DONE,
    ]
    clock.advance(-2 * jump)
    until = await leased_until(site, held)
    while await leased_until(site, held) == until:
        assert await others.run_due() == 0
        await asyncio.sleep(0.05)
    done.set()
    assert await working == 1
    await site.passes(LEASE)
    assert await others.run_due() == 1
    assert {(await site.job(ref)).state for ref in (held, killed)} == {JobState.DONE}


async def leased_until(site: Site, ref: JobRef) -> datetime:
    """When the lease of a job is over, by the clock of the database."""
    async with tenant_view(site.engine, ref.organisation_id) as connection:
        query = select(jobs.c.due_at).where(jobs.c.id == stored_id("job", ref.id))
        until: datetime = (await connection.execute(query)).scalar_one()
    return until


async def test_what_is_due_too_far_ahead_was_queued_by_another_clock_of_the_database(
    site: Site, address: LedgerAddress
) -> None:
    await site.queued(address, b"a")
    await site.passes(-timedelta(hours=1))
    assert await site.runner(copies).run_due() == 1


async def test_a_second_result_takes_the_place_of_a_longer_one(site: Site, address: LedgerAddress) -> None:
    ref = await site.queued(address)
    job = await site.leases.claim(ref, site.ids.new("lease"), site.clock.now(), LEASE)
    assert job is not None
    for number in range(3):
        job = await site.parts.advance(job, number, b"first", 0)
    job = await site.parts.advance(job, 0, b"again", 1)
    assert await made(site, ref) == [b"again"]
    assert (await site.job(ref)).kept_bytes == 5
    assert await site.parts.result(ref, 1) is None


async def test_parts_are_bounded_for_an_organisation(site: Site, address: LedgerAddress, new_ledger: NewLedger) -> None:
    await site.queued(address, b"x" * 6_000)
    with pytest.raises(QuotaExceeded):
        await site.queued(address, b"x" * 3_000, b"x" * 3_000)
    await site.queued(address, b"x" * 4_000)
    with pytest.raises(QuotaExceeded):
        await site.queued(address)
    await site.queued(await new_ledger(), b"x" * 6_000)
    async with tenant_view(site.engine, address.organisation_id) as connection:
        assert await connection.scalar(select(func.count()).select_from(jobs)) == 2


async def test_an_organisation_has_a_hundred_unfinished_jobs_at_most(site: Site, address: LedgerAddress) -> None:
    refs = [await site.queued(address) for _ in range(100)]
    with pytest.raises(QuotaExceeded) as refused:
        await site.queued(address)
    assert refused.value.facts == {"quota": "jobs", "used": "100", "limit": "100"}
    job = await site.job(refs[0])
    cancelled = job.ended(JobState.CANCELLED, site.clock.now())
    assert await site.jobs.change(cancelled, was=job)
    await site.queued(address)
    # One that is tried again counts, too.
    again = cancelled.tried_again(cancelled.author, "req_y", site.clock.now())
    with pytest.raises(QuotaExceeded):
        await site.jobs.change(again, was=cancelled)


async def test_the_bounds_of_an_organisation_hold_for_jobs_that_are_added_at_once(
    site: Site, address: LedgerAddress
) -> None:
    added = [site.queued(address, b"x" * 4_000) for _ in range(6)]
    answers = await asyncio.gather(*added, return_exceptions=True)
    assert [type(answer) for answer in answers].count(QuotaExceeded) == 4


async def test_jobs_are_forgotten_thirty_days_after_they_ended(site: Site, address: LedgerAddress) -> None:
    ref, waiting = await site.queued(address, b"a"), await site.queued(address, b"b")
    job = await site.job(waiting)
    await site.runner(copies).run_due()
    site.clock.advance(timedelta(days=30) - timedelta(seconds=1))
    assert await remove_old_jobs(site.jobs, site.leases, site.clock) == 0
    site.clock.advance(timedelta(seconds=1))
    assert await remove_old_jobs(site.jobs, site.leases, site.clock) == 1
    assert await remove_old_jobs(site.jobs, site.leases, site.clock) == 0
    assert await site.jobs.job(ref) is None
    assert await site.job(waiting) == replace(job, kept_bytes=1)
    async with tenant_view(site.engine, address.organisation_id) as connection:
        for table, count in ((job_results, 0), (job_inputs, 1), (jobs, 1)):
            assert await connection.scalar(select(func.count()).select_from(table)) == count
        rows = await connection.scalars(select(due_jobs.c.job_id))
        assert len(rows.all()) == 1


async def test_a_duty_is_done_by_one_of_many_once_in_its_period(site: Site, owner_engine: AsyncEngine) -> None:
    done: list[str] = []

    async def do() -> None:
        done.append("sweep")

    def server() -> Duties:
        duty = Duty(f"sweep {id(done)}", timedelta(hours=1), do)
        return Duties(PostgresRoster(site.engine), [duty], site.clock)

    for jump, times in ((0, 1), (3_599, 1), (1, 2), (1, 2), (-86_400, 3), (10, 3), (86_400, 4)):
        site.clock.advance(timedelta(seconds=jump))
        await asyncio.gather(*[server().do_due() for _ in range(10)])
        assert len(done) == times, jump


async def test_one_duty_that_fails_keeps_no_other_from_being_done(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    async def fail() -> None:
        raise RuntimeError("a bug")

    async def do() -> None:
        done.append("done")

    duties = [Duty(f"{name} {id(done)}", timedelta(hours=1), work) for name, work in (("a", fail), ("b", do))]
    await Duties(PostgresRoster(site.engine), duties, site.clock).do_due()
    assert done == ["done"]
    assert "a bug" in caplog.text


async def test_idempotency_keys_are_forgotten_once_they_are_good_for_nothing(
    site: Site, new_ledger: NewLedger, books: PostgresBooks
) -> None:
    addresses = [await new_ledger(), await new_ledger()]
    for address in addresses:
        await write(books, address, *OPENINGS, sale(1), key=key("used"))
        async with tenant_transaction(site.engine, address.organisation_id) as connection:
            used = (await connection.execute(select(idempotency_keys))).mappings().one()
            for age in (32, 30):
                old = {**used, "key": f"{age} days", "used_at": NOW - timedelta(days=age)}
                await connection.execute(insert(idempotency_keys).values(old))
    site.clock.set(NOW)
    keys = PostgresUsedKeys(site.engine)
    assert await remove_old_keys(keys, site.clock) >= 2
    assert await remove_old_keys(keys, site.clock) == 0
    for address in addresses:
        async with tenant_view(site.engine, address.organisation_id) as connection:
            left = await connection.scalars(select(idempotency_keys.c.key))
            assert set(left) == {"used", "30 days"}


async def test_a_key_that_is_used_again_at_the_moment_it_would_be_forgotten_stays(
    site: Site, address: LedgerAddress, books: PostgresBooks
) -> None:
    await write(books, address, *OPENINGS, sale(1), key=key("k"))
    used_at = idempotency_keys.c.used_at
    site.clock.set(NOW)
    async with tenant_transaction(site.engine, address.organisation_id) as connection:
        await connection.execute(idempotency_keys.update().values(used_at=NOW - timedelta(days=40)))
    async with tenant_transaction(site.engine, address.organisation_id) as connection:
        await connection.execute(idempotency_keys.update().values(used_at=NOW))
        removing = asyncio.create_task(remove_old_keys(PostgresUsedKeys(site.engine), site.clock))
        await asyncio.sleep(0.1)
        assert not removing.done()
    await removing
    async with tenant_view(site.engine, address.organisation_id) as connection:
        assert (await connection.scalars(select(used_at))).all() == [NOW]
