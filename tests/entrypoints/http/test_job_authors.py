"""In whose name jobs run: what its author may do is looked at when a job runs, not when it was asked for."""

import json
from decimal import Decimal

import pytest
from fastapi import FastAPI
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.work import tenant_transaction
from application.interchange.found import FoundAccount, FoundAsset, FoundEntry, FoundTransaction
from application.interchange.found_lines import account_line, asset_line, transaction_line
from application.jobs.desk import Desk
from application.jobs.ports import JobPart
from application.shared.ports import StoreUnavailable
from domain.jobs.job import Job, JobAuthor, JobKind, JobRef, Progress
from domain.ledger.account import AccountType
from domain.shared.access import FULL_ACCESS, Permission, Principal
from entrypoints.container import Container
from tests.builders import NOW
from tests.entrypoints.http.conftest import connected
from tests.entrypoints.http.credentials import KINDS, Limits, Maker
from tests.entrypoints.http.jobs_run import asked_import, ended, lines, results
from tests.entrypoints.http.tenant import Json, Tenant, document, problem, sale

# How each kind of credential ends.
ENDINGS = {
    "API key": "UPDATE api_keys SET revoked_at = now() WHERE organisation_id = :organisation AND name = 'key'",
    "session": "UPDATE sessions SET revoked_at = now() WHERE person_id IN"
    " (SELECT person_id FROM members WHERE organisation_id = :organisation)",
    "OAuth client": "UPDATE oauth_grants SET revoked_at = now() WHERE organisation_id = :organisation",
    "OAuth consent": "DELETE FROM members WHERE organisation_id = :organisation",
}


async def asked_by(app: FastAPI, tenant: Tenant, credential: str) -> str:
    """An import that someone else of the organisation asks for."""
    async with connected(app, credential) as client:
        job = await asked_import(Tenant(tenant.organisation_id, credential, "main", client), lines(sale(), sale()))
    id: str = job["id"]
    return id


async def change(owner: AsyncEngine, tenant: Tenant, statement: str) -> None:
    async with tenant_transaction(owner, tenant.organisation_id) as connection:
        changed = await connection.execute(text(statement), {"organisation": tenant.organisation_id})
        assert changed.rowcount >= 1


@pytest.mark.parametrize("kind", KINDS)
async def test_a_job_of_whoever_may_do_nothing_any_more_fails_and_can_be_taken_over(
    app: FastAPI, container: Container, owner: AsyncEngine, tenant: Tenant, kind: str
) -> None:
    credential = await KINDS[kind](Maker(container.services(), owner, tenant.organisation_id), Limits("operator"))
    good = await asked_by(app, tenant, credential)
    assert (await ended(container, tenant, good))["state"] == "done"

    id = await asked_by(app, tenant, credential)
    await change(owner, tenant, ENDINGS[kind])
    job = await ended(container, tenant, id)
    assert (job["state"], job["problem"]["code"], job["progress"]["done"]) == ("failed", "not-authenticated", 0)

    again = await tenant.client.post(f"/v1/jobs/{id}/retry")
    assert document(again)["created_by"].startswith("key_")
    assert (await ended(container, tenant, id))["state"] == "done"
    last = document(await tenant.get("/events", params={"after": 1, "limit": 500}))["data"]
    actors = {event["actor"] for event in last if event["type"] == "transaction.posted"}
    assert actors == {document(again)["created_by"]} | {
        document(await tenant.client.get(f"/v1/jobs/{good}"))["created_by"]
    }


async def test_a_job_goes_on_after_the_session_of_its_author_has_expired(
    app: FastAPI, container: Container, owner: AsyncEngine, tenant: Tenant
) -> None:
    maker = Maker(container.services(), owner, tenant.organisation_id)
    id = await asked_by(app, tenant, await KINDS["session"](maker, Limits("operator")))
    # It was good when the job was asked for, by a moment.
    await change(
        owner,
        tenant,
        "UPDATE sessions SET expires_at = (SELECT created_at + interval '1 ms' FROM jobs"
        " WHERE organisation_id = :organisation) WHERE person_id IN"
        " (SELECT person_id FROM members WHERE organisation_id = :organisation)",
    )
    assert (await ended(container, tenant, id))["state"] == "done"


async def test_a_member_whose_role_was_lowered_has_nothing_posted_any_more(
    app: FastAPI, container: Container, owner: AsyncEngine, tenant: Tenant
) -> None:
    id = await asked_by(
        app, tenant, await KINDS["session"](Maker(container.services(), owner, tenant.organisation_id), Limits("owner"))
    )
    lowered = """UPDATE members SET assignments = '[{"role": "auditor"}]' WHERE organisation_id = :organisation"""
    await change(owner, tenant, lowered)
    job = await ended(container, tenant, id)
    assert (job["state"], job["problem"]["code"]) == ("failed", "permission-denied")
    assert job["problem"]["permission"] == "transactions:post"


async def test_a_job_may_do_no_more_than_the_client_was_let_do_that_asked_for_it(
    app: FastAPI, container: Container, owner: AsyncEngine, tenant: Tenant
) -> None:
    credential = await KINDS["OAuth consent"](
        Maker(container.services(), owner, tenant.organisation_id), Limits("transactions:post")
    )
    id = await asked_by(app, tenant, credential)
    job = await ended(container, tenant, id)
    # The person is an owner; the client was let post, and open no account.
    assert job["state"] == "done"
    kept = await container.services().jobs.jobs.job(JobRef(tenant.organisation_id, id))
    assert kept is not None
    assert kept.author.permissions == {Permission.TRANSACTIONS_POST}


async def test_each_line_keeps_within_the_accounts_of_a_limited_key(
    app: FastAPI, container: Container, owner: AsyncEngine, tenant: Tenant
) -> None:
    limits = Limits("operator", accounts=("assets:**", "income:sales"))
    credential = await KINDS["API key"](Maker(container.services(), owner, tenant.organisation_id), limits)
    elsewhere = sale("1.00")
    elsewhere["entries"][1]["account"] = "income:other"
    async with connected(app, credential) as client:
        theirs = Tenant(tenant.organisation_id, credential, "main", client)
        job = await ended(container, tenant, (await asked_import(theirs, lines(sale("1.00"), elsewhere)))["id"])
        told = await results(theirs, job["id"])
    assert job["state"] == "done"
    assert [each.get("problem", {}).get("code") for each in told] == [None, "permission-denied"]


async def test_nobody_comes_by_the_result_of_another_by_trying_its_job_again(
    app: FastAPI, container: Container, owner: AsyncEngine, tenant: Tenant
) -> None:
    secret = sale(None)
    secret["entries"] = [{**each, "account": "assets:vault"} for each in secret["entries"]]
    id = (await asked_import(tenant, lines(sale(), secret)))["id"]
    assert (await ended(container, tenant, id))["state"] == "done"
    # As if it had been cancelled after its first part.
    await change(owner, tenant, "UPDATE jobs SET state = 'cancelled' WHERE organisation_id = :organisation")
    keeper = {"description": "Keeps jobs", "permissions": ["jobs:read", "jobs:manage"]}
    assert (await tenant.client.put("/v1/roles/job-keeper", json=keeper)).status_code in (200, 201)
    limits = Limits("operator", accounts=("users:**",))
    credential = await KINDS["session"](Maker(container.services(), owner, tenant.organisation_id), limits)
    await change(
        owner,
        tenant,
        'UPDATE members SET assignments = assignments || \'[{"role": "job-keeper"}]\'::jsonb'
        " WHERE organisation_id = :organisation",
    )
    before = document(await tenant.client.get(f"/v1/jobs/{id}"))
    async with connected(app, credential) as client:
        for path, method in ((f"/v1/jobs/{id}/result", "GET"), (f"/v1/jobs/{id}/retry", "POST")):
            told = problem(await client.request(method, path), 403, "permission-denied")
            assert told["permission"] == "transactions:post"
        assert document(await client.get(f"/v1/jobs/{id}")) == before
        # Its own it may have tried again, and read.
        theirs = Tenant(tenant.organisation_id, credential, "main", client)
        own = (await asked_import(theirs, lines(sale())))["id"]
        assert (await client.delete(f"/v1/jobs/{own}")).status_code == 204
        document(await client.post(f"/v1/jobs/{own}/retry"))
        assert (await ended(container, tenant, own))["state"] == "done"
        assert [each["problem"]["code"] for each in await results(theirs, own)] == ["permission-denied"]


class Anyone:
    """An authority that lets everybody do everything."""

    async def principal(self, organisation_id: int, actor: str, *_: object, **__: object) -> Principal:
        return Principal(organisation_id, actor, FULL_ACCESS)


class Paper:
    """Parts of a job on paper, where the first result does not get to: whoever keeps it is killed before."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.kept: list[bytes] = []
        self.is_first = True

    async def input(self, ref: JobRef, number: int) -> JobPart | None:
        return JobPart(0, 0, self.content) if number == 0 else None

    async def result(self, ref: JobRef, number: int) -> bytes | None:
        return self.kept[number]

    async def advance(self, job: Job, number: int, content: bytes, done: int) -> Job:
        if self.is_first:
            self.is_first = False
            raise StoreUnavailable("killed")
        self.kept.append(content)
        raise StoreUnavailable("killed again")


async def test_an_import_that_is_run_again_posts_nothing_twice_and_tells_the_same(
    container: Container, tenant: Tenant
) -> None:
    paper = Paper(lines(sale("1.00"), sale("2.00"), sale(None), sale("3.00", reference="r")))
    author = JobAuthor("key_x", "key_x", frozenset(Permission))
    id, progress = container.ids().new("job"), Progress(0, 4, "transactions")
    job = Job(tenant.organisation_id, id, JobKind.IMPORT, "main", {}, author, "req_x", progress, NOW)
    work = container.import_job()
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await work.run(Desk(job, paper, Anyone()))
    posted: list[Json] = document(await tenant.get("/transactions", params={"sort": "sequence"}))["data"]
    assert [each["entries"][0]["amount"] for each in posted] == ["1.00", "2.00", "3.00"]
    assert paper.kept[0] == paper.kept[1]
    for each in posted:
        assert each["id"].encode() in paper.kept[0]


async def test_an_import_of_a_file_that_is_run_again_does_nothing_twice_and_tells_the_same(
    container: Container, tenant: Tenant
) -> None:
    entries = (FoundEntry("users:1", Decimal(2), "POINTS"), FoundEntry("equity:points", Decimal(-2), "POINTS"))
    others = (FoundEntry("users:1", Decimal(3), "POINTS"), FoundEntry("equity:points", Decimal(-3), "POINTS"))
    found = (
        asset_line(FoundAsset("line 1", "POINTS", 0)),
        account_line(FoundAccount("line 2", "users:1", AccountType.LIABILITY)),
        transaction_line(FoundTransaction("line 3", "r", NOW, "Points", entries)),
        transaction_line(FoundTransaction("line 4", "r", NOW, "The same reference and entries", entries)),
        transaction_line(FoundTransaction("line 5", "r", NOW, "The same reference", others)),
    )
    paper = Paper(b"".join(found))
    author = JobAuthor("key_x", "key_x", frozenset(Permission))
    id, progress = container.ids().new("job"), Progress(0, 5, "lines")
    of_file = {"format": "hledger"}
    job = Job(tenant.organisation_id, id, JobKind.IMPORT, "main", of_file, author, "req_x", progress, NOW)
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await container.import_job().run(Desk(job, paper, Anyone()))
    assert paper.kept[0] == paper.kept[1]
    told = [json.loads(line) for line in paper.kept[0].splitlines()]
    assert [(each["place"], *sorted(each.keys() - {"place", "index", "sequence"})) for each in told] == [
        ("line 1", "asset"),
        ("line 2", "account"),
        ("line 3", "transaction"),
        ("line 4", "already_there", "transaction"),
        ("line 5", "problem"),
    ]
    assert len(document(await tenant.get("/transactions"))["data"]) == 1


@pytest.mark.parametrize("form", ["json", "csv"])
async def test_a_report_that_is_made_again_is_the_same(container: Container, tenant: Tenant, form: str) -> None:
    await tenant.posted(sale("12.50"))
    asked = await tenant.client.post(tenant.path(f"/reports/trial-balance/jobs?format={form}"))
    ref = JobRef(tenant.organisation_id, document(asked, 202)["id"])
    job = await container.services().jobs.jobs.job(ref)
    assert job is not None
    paper = Paper(b"")
    for _ in range(3):
        with pytest.raises(StoreUnavailable):
            await container.report_job().run(Desk(job, paper, Anyone()))
        await tenant.posted(sale("99.00"))
    assert paper.kept[0] == paper.kept[1]
    assert b"12.50" in paper.kept[0]
    assert b"99.00" not in paper.kept[0]


async def test_duties_that_are_done_again_remove_nothing_more(
    container: Container, owner: AsyncEngine, tenant: Tenant
) -> None:
    id = (await asked_import(tenant, lines(sale("1.00")), Idempotency_Key="once"))["id"]
    await ended(container, tenant, id)
    await tenant.posted(sale("2.00"))

    ours = {"id": tenant.organisation_id}
    tables = ("jobs", "job_results", "idempotency_keys", "event_log", "api_keys", "members")

    async def rows() -> list[int]:
        async with tenant_transaction(owner, tenant.organisation_id) as connection:
            return [
                await connection.scalar(text(f"SELECT count(*) FROM {table} WHERE organisation_id = :id"), ours) or 0  # noqa: S608 # one of these
                for table in tables
            ]

    before = await rows()
    assert before[0] >= 1
    for duty in container.duties()._duties:
        for _ in range(2):
            await duty.do()
        # Nothing of this was old enough to go, and none of it does, however often it is looked at.
        assert await rows() == before, duty.name
