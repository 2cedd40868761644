"""What extensions add works as if it had always been there, and what goes wrong in them stays theirs."""

import asyncio
import logging
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fastapi import FastAPI
from httpx2 import AsyncClient, ReadTimeout, Timeout

from application.extensions import scheduling
from application.extensions.scheduling import ExtensionJobs
from application.shared.extension_watch import ExtensionWatch
from entrypoints.container import Container
from tests.entrypoints.extending import sample
from tests.entrypoints.http.conftest import NewOrganisation, connected, served
from tests.entrypoints.http.extensions.organisations import Only
from tests.entrypoints.http.jobs_run import ended, results
from tests.entrypoints.http.tenant import Tenant, document, problem, sale


async def graphql(guest: Tenant, query: str) -> Any:
    return (await guest.client.post("/graphql", json={"query": query})).json()


async def test_a_command_is_asked_for_by_a_route_with_keys_and_dry_runs(guest: Tenant) -> None:
    path = guest.path("/x/sample/gifts")
    tried = await guest.client.post(path, params={"dry_run": "true"}, json={"amount": "2.00"})
    assert document(tried, 201) == {"sequence": None}
    first = await guest.client.post(path, headers={"Idempotency-Key": "k"}, json={"amount": "2.00"})
    again = await guest.client.post(path, headers={"Idempotency-Key": "k"}, json={"amount": "2.00"})
    assert document(again, 201) == document(first, 201)
    assert again.headers["idempotency-replayed"] == "true"
    assert await guest.balance("income:gifts") == "2.00"


async def test_routes_are_as_strict_as_all_others(guest: Tenant) -> None:
    path = guest.path("/x/sample/gifts")
    problem(await guest.client.post(path, json={"amount": "2.00", "amuont": "3"}), 422, "validation-failed")
    problem(await guest.client.get(guest.path("/x/sample/entries?limit=1")), 400, "unknown-parameter")
    problem(
        await guest.client.post(path, content=b"{", headers={"Content-Type": "application/json"}), 400, "malformed-json"
    )


async def test_who_is_nobody_or_may_not_is_told_so(guest: Tenant, extended_app: FastAPI) -> None:
    async with connected(extended_app) as nobody:
        for path in ("/x/sample/entries", "/x/sample/bug", "/x/sample/gifts"):
            method = "POST" if path.endswith("gifts") else "GET"
            problem(await nobody.request(method, guest.path(path), json={"amount": "1"}), 401, "not-authenticated")
    made = document(await guest.client.post("/v1/api-keys", json={"name": "reader", "scopes": ["ledgers:read"]}), 201)
    async with connected(extended_app, made["key"]) as reader:
        told = problem(await reader.post(guest.path("/x/sample/gifts"), json={"amount": "1"}), 403, "permission-denied")
        assert told["permission"] == "transactions:post"
        problem(await reader.get(guest.path("/x/sample/entries")), 403, "permission-denied")


async def test_no_organisation_reaches_another_by_it(
    guest: Tenant, extended_app: FastAPI, new_guest: NewOrganisation
) -> None:
    await guest.posted(sale())
    other = await new_guest()
    made = document(await guest.client.post("/v1/ledgers", json={"slug": "mine", "name": "Mine"}), 201)
    async with connected(extended_app, other.key) as client:
        assert document(await client.get(other.path("/x/sample/entries"))) == {"entries": 0}
        missing = await client.post(f"/v1/ledgers/{made['slug']}/x/sample/gifts", json={"amount": "1"})
        problem(missing, 404, "ledger-not-found")
    assert document(await guest.get("/x/sample/entries")) == {"entries": 2}


async def test_its_policy_holds_whichever_door_is_taken(guest: Tenant) -> None:
    bad = sale(description="bad")
    assert problem(await guest.post(bad), 422, "sample-not-today")["detail"] == "The sample has seen through it."
    problem(await guest.post(bad, params={"dry_run": "true"}), 422, "sample-not-today")
    problem(await guest.bulk([sale(), bad], atomic=True), 422, "sample-not-today")
    items = document(await guest.bulk([sale(), bad]))["results"]
    assert [each.get("problem", {}).get("code") for each in items] == [None, "sample-not-today"]
    problem(await guest.client.post(guest.path("/holds"), json=bad), 422, "sample-not-today")
    mutation = (
        'mutation { postTransaction(ledger: "main", input: {from: "assets:bank", to: "assets:till", amount: "1",'
        ' asset: "EUR", description: "bad"}) { sequence } }'
    )
    assert (await graphql(guest, mutation))["errors"][0]["extensions"]["code"] == "sample-not-today"
    page = await guest.client.get("/problems/sample-not-today")
    assert "The sample does not want it today, whatever it is: try tomorrow." in page.text


async def test_what_its_policy_adds_is_in_the_answer_and_in_the_event(guest: Tenant) -> None:
    posted = await guest.posted(sale(description="dear"))
    assert [(each["account"], each["amount"]) for each in posted["entries"]] == [
        ("assets:bank", "12.50"),
        ("income:sales", "12.50"),
        ("assets:bank", "0.10"),
        ("income:fees", "0.10"),
    ]
    assert await guest.balance("assets:bank") == "12.60"
    event = document(await guest.get("/events", params={"type": "transaction.posted"}))["data"][0]
    assert [each["amount"] for each in event["data"]["entries"]] == ["12.50", "12.50", "0.10", "0.10"]
    told = document(await guest.client.post(guest.path("/verification")))
    assert told["valid"], told


async def test_a_preview_asks_its_policy_as_the_import_does(guest: Tenant, extended: Container) -> None:
    journal = "".join(
        f"2026-01-0{day} {said}\n    assets:bank  1.00 EUR\n    income:sales\n\n"
        for day, said in enumerate(("dear", "bad", "fine"), 1)
    )
    headers = {"Content-Type": "text/x-hledger"}

    async def previewed() -> Any:
        path = guest.path("/imports/preview")
        return document(await guest.client.post(path, content=journal.encode(), headers=headers))

    refused = [("line 5", "sample-not-today")]
    shown = await previewed()
    assert shown["transactions"] == {"found": 3, "posted": 2, "already_there": 0}
    assert [(each["place"], each["code"]) for each in shown["refused"]["first"]] == refused
    assert "income:fees" in [each["path"] for each in shown["accounts"]["first"]]
    assert document(await guest.get("/transactions"))["data"] == []

    for there in (False, True):
        asked = await guest.client.post(guest.path("/imports"), content=journal.encode(), headers=headers)
        told = await results(guest, (await ended(extended, guest, document(asked, 202)["id"]))["id"])
        assert [(each["place"], each["problem"]["code"]) for each in told if "problem" in each] == refused
        assert [each["place"] for each in told if each.get("already_there")] == (["line 1", "line 9"] if there else [])
    assert await guest.balance("income:fees") == "0.10"
    shown = await previewed()
    assert shown["transactions"] == {"found": 3, "posted": 0, "already_there": 2}
    assert [each["place"] for each in shown["already_there"]["first"]] == ["line 1", "line 9"]


async def test_a_policy_that_fails_refuses_and_is_named(guest: Tenant, caplog: pytest.LogCaptureFixture) -> None:
    told = problem(await guest.post(sale(description="buggy")), 503, "extension-failed")
    assert told["extension"] == "sample"
    assert "bug" not in told["detail"]
    assert "the extension sample failed in its posting policy" in caplog.text
    await guest.posted(sale())


async def test_a_bug_in_a_route_is_a_problem_and_named(guest: Tenant, caplog: pytest.LogCaptureFixture) -> None:
    told = problem(await guest.get("/x/sample/bug"), 500, "internal-error")
    assert "bug" not in told["detail"]
    assert "the extension sample failed in a request" in caplog.text


async def test_its_fields_stand_beside_the_others(guest: Tenant, caplog: pytest.LogCaptureFixture) -> None:
    await guest.posted(sale())
    given = await graphql(guest, 'mutation { giveGift(ledger: "main", amount: "3.00") }')
    assert given == {"data": {"giveGift": await guest.head()}}
    asked = await graphql(guest, '{ sampleEntries(ledger: "main") ledger(slug: "main") { sequence } }')
    assert asked["data"]["sampleEntries"] == asked["data"]["ledger"]["sequence"]
    failed = await graphql(guest, "{ sampleBug }")
    assert failed["errors"][0]["extensions"]["code"] == "internal-error"
    assert "the extension sample failed in a field of GraphQL" in caplog.text


async def test_its_format_is_one_more(guest: Tenant) -> None:
    await guest.posted(sale())
    export = await guest.get("/export", params={"format": "count"})
    assert export.text == f"{await guest.head()} events\n"
    assert export.headers["content-disposition"].endswith('.txt"')
    told = problem(await guest.get("/export", params={"format": "xml"}), 422, "validation-failed")
    assert told["detail"].endswith("there are: ndjson, hledger, beancount, csv, count.")


async def test_a_file_of_its_format_is_shown_and_imported(
    guest: Tenant, extended: Container, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"Content-Type": "text/x-sample"}
    previews, imports = guest.path("/imports/preview"), guest.path("/imports")
    shown = document(await guest.client.post(previews, content=b"a gift", headers=headers))
    assert shown["transactions"] == {"found": 1, "posted": 1, "already_there": 0}
    assert shown["remarks"]["first"] == [{"place": "line 1", "detail": "it begins"}]
    asked = await guest.client.post(f"{imports}?format=sample", content=b"a gift")
    told = await results(guest, (await ended(extended, guest, document(asked, 202)["id"]))["id"])
    assert [each["place"] for each in told] == ["line 2"]
    assert await guest.balance("income:gifts") == "5.00"
    # What goes wrong in it is a problem of this one request.
    wrong = problem(await guest.client.post(previews, content=b"a bug", headers=headers), 500, "internal-error")
    assert "bug" not in wrong["detail"]
    assert "the extension sample failed in its format sample" in caplog.text
    assert (await guest.client.post(previews, content=b"a gift", headers=headers)).status_code == 200


@pytest.mark.parametrize("path", ["/imports", "/imports/preview"])
async def test_a_reading_ends_when_nobody_waits_for_it_any_more(
    guest: Tenant, extended_app: FastAPI, path: str
) -> None:
    sample.left.clear()
    async with served(extended_app) as url, AsyncClient(base_url=url, headers=dict(guest.client.headers)) as client:
        with pytest.raises(ReadTimeout):
            await client.post(guest.path(f"{path}?format=sample"), content=b"endless", timeout=Timeout(30, read=1))
        assert not sample.left.is_set()
        assert await asyncio.to_thread(sample.left.wait, 20)
    assert document(await guest.client.get("/v1/jobs"))["data"] == []


async def test_its_job_is_done_once_in_each_ledger_and_period(guest: Tenant, extended: Container) -> None:
    (job,) = extended.bound_jobs()
    for _ in range(2):
        await extended.scheduling().schedule(job)
    (made,) = document(await guest.client.get("/v1/jobs", params={"kind": "extension"}))["data"]
    assert made["arguments"]["extension"] == "sample"
    assert made["created_by"] == "system:x:sample"
    finished = await ended(extended, guest, made["id"])
    assert (finished["state"], finished["progress"]["done"]) == ("done", 1)
    today = extended.clock().now().replace(hour=0, minute=0, second=0, microsecond=0)
    assert ("system:x:sample", "main", today) in sample.done
    assert await guest.balance("income:gifts") == "0.01"


async def test_a_job_that_hangs_is_named_stopped_and_tried_again(
    guest: Tenant, extended: Container, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (job,) = extended.bound_jobs()
    # Of the same thing, it tells once a minute, and other tests have it fail, too.
    quick = ExtensionJobs([replace(job, watch=ExtensionWatch("sample"), time_max=timedelta(seconds=0.2))])
    monkeypatch.setattr(extended.extension_jobs(), "_jobs", quick._jobs)
    monkeypatch.setattr(scheduling, "SLOW_SECONDS", 0.01)
    sample.failing.add("hang")
    await replace(extended.scheduling(), organisations=Only(guest.organisation_id)).schedule(job)
    (made,) = document(await guest.client.get("/v1/jobs", params={"kind": "extension"}))["data"]
    while f"the job {made['id']} failed" not in caplog.text:
        assert await extended.job_runner().run_due()
    assert "the extension sample takes more than 0 s in its job giving" in caplog.text
    assert "the extension sample failed in its job giving" in caplog.text
    assert document(await guest.client.get(f"/v1/jobs/{made['id']}"))["state"] == "queued"


async def test_something_wrong_is_told_by_readiness_and_the_rest_works(
    guest: Tenant, extended: Container, extended_app: FastAPI
) -> None:
    told = document(await guest.client.get("/health/ready"))
    assert told["status"] == "degraded"
    assert told["extensions"] == "Something is wrong with broken, crooked; the log says what."
    assert (
        "no StrictRoute" in extended.extensions().failed["crooked"]
        or "Query.ledger" in (extended.extensions().failed["crooked"])
    )
    problem(await guest.get("/x/crooked/fine"), 404, "not-found")
    await guest.posted(sale())


async def test_where_one_is_required_that_is_not_there_nothing_is_posted(
    guest: Tenant, extended: Container, extended_app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    policies = extended.extensions().policies(("sample", "limits"))
    assert "the extension limits is required and not there: nothing is posted" in caplog.text
    journal = extended.journal()
    before, journal._policies = journal._policies, policies
    try:
        told = problem(await guest.post(sale()), 503, "extension-failed")
        assert told["extension"] == "limits"
        document(await guest.client.get(guest.path()))
    finally:
        journal._policies = before


async def test_a_slow_policy_is_named_and_waited_for(
    guest: Tenant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def check(*_: object) -> None:
        time.sleep(0.03)

    monkeypatch.setattr(sample.SamplePolicy, "check", check)
    with caplog.at_level(logging.WARNING):
        await guest.posted(sale())
    assert "the extension sample took" in caplog.text


async def test_other_servers_know_nothing_of_it(tenant: Tenant, client: AsyncClient) -> None:
    problem(await tenant.get("/x/sample/entries"), 404, "not-found")
    await tenant.posted(sale(description="bad"))
