"""Jobs as their clients see them: imports and reports in the background."""

import asyncio
import json

import pytest
from httpx2 import AsyncClient

from adapters.postgres.identity import pages
from entrypoints.container import Container
from tests.entrypoints.http.conftest import NewOrganisation, NewServer
from tests.entrypoints.http.jobs_run import asked_import, ended, lines, results, sales
from tests.entrypoints.http.realtime_client import ticket_of
from tests.entrypoints.http.tenant import NDJSON, Tenant, document, problem, sale


async def test_an_import_posts_each_line_and_tells_what_became_of_it(container: Container, tenant: Tenant) -> None:
    unbalanced = sale("1.00")
    unbalanced["entries"][0]["amount"] = "2.00"
    content = lines(sale("1.00", reference="a")) + b"\n" + lines(unbalanced) + b"no JSON\n" + lines(sale("3.00"))
    response = await tenant.client.post(tenant.path("/imports"), content=content, headers={"Content-Type": NDJSON})
    queued = document(response, 202)
    assert response.headers["location"] == f"/v1/jobs/{queued['id']}"
    assert (queued["state"], queued["kind"], queued["ledger"]) == ("queued", "import", "main")
    assert queued["progress"] == {"done": 0, "total": 4, "unit": "transactions"}
    assert queued["result"] is None

    job = await ended(container, tenant, queued["id"])
    assert (job["state"], job["problem"]) == ("done", None)
    assert job["progress"] == {"done": 4, "total": 4, "unit": "transactions"}
    told = await results(tenant, job["id"])
    assert [each["index"] for each in told] == [0, 1, 2, 3]
    assert [each.get("problem", {}).get("code") for each in told] == [
        None,
        "unbalanced-transaction",
        "malformed-json",
        None,
    ]
    posted = document(await tenant.client.get(tenant.path(f"/transactions/{told[0]['transaction']}")))
    assert (posted["reference"], posted["sequence"]) == ("a", told[0]["sequence"])
    assert len(document(await tenant.client.get(tenant.path("/transactions")))["data"]) == 2


async def test_an_import_of_several_parts_is_told_as_one(container: Container, tenant: Tenant) -> None:
    queued = await asked_import(tenant, sales(1_201))
    job = await ended(container, tenant, queued["id"])
    assert job["progress"] == {"done": 1_201, "total": 1_201, "unit": "transactions"}
    told = await results(tenant, job["id"])
    assert [each["index"] for each in told] == list(range(1_201))
    assert len({each["transaction"] for each in told}) == 1_201
    balances = document(await tenant.client.get(tenant.path("/reports/trial-balance")))
    assert balances["totals"] == [{"asset": "EUR", "debits": "1201.00", "credits": "1201.00"}]


async def test_the_same_key_asks_for_an_import_once(container: Container, tenant: Tenant) -> None:
    first = await asked_import(tenant, sales(2), Idempotency_Key="k")
    headers = {"Content-Type": NDJSON, "Idempotency-Key": "k"}
    again = await tenant.client.post(tenant.path("/imports"), content=sales(2), headers=headers)
    assert document(again, 202)["id"] == first["id"]
    assert again.headers["idempotency-replayed"] == "true"
    other = await tenant.client.post(tenant.path("/imports"), content=sales(3), headers=headers)
    problem(other, 409, "idempotency-conflict")
    await ended(container, tenant, first["id"])
    assert len(document(await tenant.client.get(tenant.path("/transactions")))["data"]) == 2


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b"\n \n", NDJSON, 422, "validation-failed"),
        (b"{}", "application/json", 415, "unsupported-media-type"),
        (b"x" * (4 * 1024 * 1024 + 1), NDJSON, 413, "payload-too-large"),
    ],
)
async def test_what_is_no_import_is_refused_at_once(
    tenant: Tenant, content: bytes, content_type: str, status: int, code: str
) -> None:
    headers = {"Content-Type": content_type}
    problem(await tenant.client.post(tenant.path("/imports"), content=content, headers=headers), status, code)
    assert document(await tenant.client.get("/v1/jobs"))["data"] == []


async def test_an_import_into_no_ledger_is_refused_before_it_is_read(tenant: Tenant) -> None:
    response = await tenant.client.post("/v1/ledgers/none/imports", content=b"x")
    problem(response, 404, "ledger-not-found")


@pytest.mark.parametrize("form", ["json", "csv"])
@pytest.mark.parametrize(
    ("report", "query"),
    [
        ("trial-balance", {"depth": "1"}),
        ("trial-balance", {"at": "2030-01-01"}),
        ("balance-sheet", {"compare_at": "2020-01-01"}),
        ("income-statement", {"from": "2020-01-01", "to": "2030-01-01", "compare_to": "2020-01-01"}),
    ],
)
async def test_a_report_as_a_job_is_the_report(
    container: Container, tenant: Tenant, report: str, query: dict[str, str], form: str
) -> None:
    await tenant.posted(sale("12.50"))
    path = tenant.path(f"/reports/{report}")
    accept = {"json": "application/json", "csv": "text/csv"}[form]
    expected = await tenant.client.get(path, params=query, headers={"Accept": accept})
    asked = await tenant.client.post(f"{path}/jobs", params={**query, "format": form})
    # It is of the time at which it is asked for, whenever it is made.
    await tenant.posted(sale("99.00"))
    job = await ended(container, tenant, document(asked, 202)["id"])
    assert job["state"] == "done", job
    result = await tenant.client.get(job["result"])
    assert result.content == expected.content
    assert result.headers["content-type"] == expected.headers["content-type"]
    assert "12.50" in result.text


async def test_a_report_that_makes_no_sense_is_refused_at_once(tenant: Tenant) -> None:
    path = tenant.path("/reports/income-statement/jobs?from=2026-02-01&to=2026-01-01")
    problem(await tenant.client.post(path), 422, "validation-failed")
    problem(await tenant.client.post(tenant.path("/reports/trial-balance/jobs?format=xml")), 422, "validation-failed")
    problem(await tenant.client.post(tenant.path("/reports/trial-balance/jobs?dept=1")), 400, "unknown-parameter")


async def test_jobs_are_listed_by_state_kind_and_ledger(container: Container, tenant: Tenant) -> None:
    done = await asked_import(tenant, sales(1))
    await ended(container, tenant, done["id"])
    report = document(await tenant.client.post(tenant.path("/reports/trial-balance/jobs")), 202)

    async def listed(query: str) -> list[str]:
        return [each["id"] for each in document(await tenant.client.get(f"/v1/jobs?{query}"))["data"]]

    assert await listed("") == [report["id"], done["id"]]
    assert await listed("sort=created_at") == [done["id"], report["id"]]
    assert await listed("state=done") == [done["id"]]
    assert await listed("state[in]=queued,running") == [report["id"]]
    assert await listed("kind=report") == [report["id"]]
    assert await listed("ledger=main") == [report["id"], done["id"]]
    assert await listed("ledger=other") == []
    first = document(await tenant.client.get("/v1/jobs?limit=1"))
    assert await listed(f"limit=1&cursor={first['next_cursor']}") == [done["id"]]
    problem(await tenant.client.get("/v1/jobs?state=asleep"), 422, "validation-failed")


async def test_a_list_of_jobs_looks_at_a_bounded_number_of_them_and_goes_on_from_there(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "ROWS_READ_MAX", 3)
    wanted = [(await asked_import(tenant, sales(1)))["id"]]
    for _ in range(7):
        document(await tenant.client.post(tenant.path("/reports/trial-balance/jobs")), 202)
    found, lengths, cursor = [], [], ""
    while True:
        page = document(await tenant.client.get(f"/v1/jobs?kind=import{cursor}"))
        found += [each["id"] for each in page["data"]]
        lengths.append(len(page["data"]))
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert found == wanted
    # The newest first: three and three reports, then the last one and the import.
    assert lengths == [0, 0, 1]


async def test_a_job_that_waits_can_be_cancelled_and_tried_again(container: Container, tenant: Tenant) -> None:
    id = (await asked_import(tenant, sales(3)))["id"]
    assert (await tenant.client.delete(f"/v1/jobs/{id}")).status_code == 204
    await container.job_runner().run_due()
    cancelled = document(await tenant.client.get(f"/v1/jobs/{id}"))
    assert (cancelled["state"], cancelled["progress"]["done"]) == ("cancelled", 0)
    problem(await tenant.client.get(f"/v1/jobs/{id}/result"), 404, "not-found")

    again = await tenant.client.post(f"/v1/jobs/{id}/retry", headers={"Idempotency-Key": "again"})
    assert document(again)["state"] == "queued"
    assert (await ended(container, tenant, id))["state"] == "done"
    problem(await tenant.client.post(f"/v1/jobs/{id}/retry"), 409, "job-not-retryable")
    # The same key asks for nothing anew.
    same = await tenant.client.post(f"/v1/jobs/{id}/retry", headers={"Idempotency-Key": "again"})
    assert (document(same)["state"], same.headers["idempotency-replayed"]) == ("done", "true")


async def test_a_job_that_has_ended_can_be_removed_with_its_result(container: Container, tenant: Tenant) -> None:
    id = (await asked_import(tenant, sales(1)))["id"]
    problem(await tenant.client.get(f"/v1/jobs/{id}/result"), 409, "job-unfinished")
    await ended(container, tenant, id)
    assert (await tenant.client.delete(f"/v1/jobs/{id}")).status_code == 204
    for response in (await tenant.client.get(f"/v1/jobs/{id}"), await tenant.client.delete(f"/v1/jobs/{id}")):
        problem(response, 404, "not-found")


async def test_a_job_is_followed_until_it_ends(container: Container, tenant: Tenant, new_server: NewServer) -> None:
    url = await new_server()
    id = (await asked_import(tenant, sales(1)))["id"]
    headers = {**tenant.authorization, "Accept": "text/event-stream"}
    async with AsyncClient() as client, client.stream("GET", f"{url}/v1/jobs/{id}", headers=headers) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = response.aiter_lines()
        async with asyncio.timeout(20):
            assert [await anext(lines) for _ in range(3)][2] == "event: job"
            seen = [await anext(lines)]
            await ended(container, tenant, id)
            seen += [line async for line in lines if line.startswith("data:")]
    states = [json.loads(line.removeprefix("data: "))["state"] for line in seen]
    assert (states[0], states[-1]) == ("queued", "done")


async def test_a_ticket_follows_a_job_once_and_serves_nothing_else(
    container: Container, tenant: Tenant, client: AsyncClient
) -> None:
    id = (await asked_import(tenant, sales(1)))["id"]
    await ended(container, tenant, id)
    path, stream = f"/v1/jobs/{id}?ticket={await ticket_of(tenant)}", {"Accept": "text/event-stream"}
    problem(await client.get(path), 422, "validation-failed")
    response = await client.get(path, headers=stream)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert '"state":"done"' in response.text
    problem(await client.get(path, headers=stream), 401, "not-authenticated")
    problem(await client.get(f"/v1/jobs/{id}/result?ticket={await ticket_of(tenant)}"), 400, "unknown-parameter")


async def test_another_organisation_sees_no_job(
    container: Container, tenant: Tenant, new_organisation: NewOrganisation
) -> None:
    other = await new_organisation()
    id = (await asked_import(tenant, sales(1)))["id"]
    await ended(container, tenant, id)
    for method, path in (("GET", ""), ("GET", "/result"), ("POST", "/retry"), ("DELETE", "")):
        problem(await other.client.request(method, f"/v1/jobs/{id}{path}"), 404, "not-found")
    assert document(await other.client.get("/v1/jobs"))["data"] == []
    assert document(await tenant.client.get(f"/v1/jobs/{id}"))["state"] == "done"


async def test_a_key_of_one_ledger_sees_its_own_jobs_and_those_of_its_ledger(
    container: Container, tenant: Tenant, client: AsyncClient
) -> None:
    theirs = (await asked_import(tenant, sales(1)))["id"]
    document(await tenant.client.post("/v1/ledgers", json={"slug": "side"}), 201)

    async def key(**rights: object) -> dict[str, str]:
        made = document(await tenant.client.post("/v1/api-keys", json={"name": "k", **rights}), 201)
        return {"Authorization": f"Bearer {made['key']}"}

    of_main, of_side = await key(ledgers=["main"]), await key(ledgers=["side"])
    of_accounts = await key(accounts=["assets:**", "income:**"])
    blind = await key(scopes=["transactions:post"])
    content = {"Content-Type": NDJSON}
    own = {}
    for name, headers in (("main", of_main), ("accounts", of_accounts)):
        response = await client.post("/v1/ledgers/main/imports", content=sales(1), headers=headers | content)
        own[name] = document(response, 202)["id"]
        await ended(container, tenant, own[name])
    problem(await client.post("/v1/ledgers/main/imports", content=b"", headers=of_side), 403, "permission-denied")

    assert document(await client.get(f"/v1/jobs/{theirs}", headers=of_main))["id"] == theirs
    problem(await client.get(f"/v1/jobs/{theirs}", headers=of_side), 403, "permission-denied")
    problem(await client.get(f"/v1/jobs/{theirs}", headers=of_accounts), 403, "permission-denied")
    problem(await client.get(f"/v1/jobs/{theirs}/result", headers=of_accounts), 403, "permission-denied")
    assert (await client.get(f"/v1/jobs/{own['accounts']}/result", headers=of_accounts)).status_code == 200
    for headers, query, ids in (
        (of_main, "", [own["main"]]),
        (of_main, "?ledger=main", [own["accounts"], own["main"], theirs]),
        (of_side, "", []),
        (of_side, "?ledger=main", []),
        (of_accounts, "", [own["accounts"]]),
    ):
        found = document(await client.get(f"/v1/jobs{query}", headers=headers))["data"]
        assert [each["id"] for each in found] == ids
    problem(await client.get("/v1/jobs", headers=blind), 403, "permission-denied")
    problem(await client.delete(f"/v1/jobs/{theirs}", headers=await key(scopes=["auditor"])), 403, "permission-denied")
