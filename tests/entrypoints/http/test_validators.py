"""What a client has already is not sent again: 304 by `If-None-Match`, exactly as long as the answer is the same."""

import pytest
from fastapi import FastAPI
from httpx2 import Response

from tests.entrypoints.http.conftest import NewOrganisation, connected
from tests.entrypoints.http.tenant import Tenant, document, problem, sale

LISTS = ("/accounts", "/transactions", "/events", "/accounts/assets:bank/entries", "/accounts/assets:bank/balances")
REPORTS = (
    "/reports/trial-balance",
    "/reports/balance-sheet?at=2026-03-31",
    "/reports/income-statement?from=2026-01-01",
    "/accounts/assets:bank/statement",
)
RESOURCES = ("", "/chart", "/assets/EUR", "/accounts/assets:bank")
ALL = (*LISTS, *REPORTS, *RESOURCES)


async def known(tenant: Tenant, path: str, tags: str) -> Response:
    return await tenant.get(path, headers={"If-None-Match": tags})


def assert_not_modified(response: Response, first: Response) -> None:
    assert response.status_code == 304, response.text
    assert response.content == b""
    for name in ("etag", "cache-control", "vary"):
        assert response.headers.get(name) == first.headers.get(name)
    assert "content-type" not in response.headers
    assert response.headers["x-request-id"]
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ALL)
async def test_what_is_known_is_not_sent_again_and_what_is_new_is(tenant: Tenant, path: str) -> None:
    await tenant.posted(sale())
    first = await tenant.get(path)
    tag = first.headers["etag"]
    assert tag.startswith('"'), "it is strong: the same tag is the same bytes"
    for tags in (tag, f"W/{tag}", f'"other", {tag}', f'"a,b" ,W/"c",{tag} , "d"', "*"):
        assert_not_modified(await known(tenant, path, tags), first)
    for tags in ('"other"', tag.strip('"'), f'"{tag}', '"1"', "", "W/*", '"*"'):
        again = await known(tenant, path, tags)
        assert again.status_code == 200
        assert (again.content, again.headers["etag"]) == (first.content, tag)


@pytest.mark.parametrize("path", [*LISTS, *REPORTS, ""])
async def test_an_event_makes_it_new(tenant: Tenant, path: str) -> None:
    await tenant.posted(sale())
    first = await tenant.get(path)
    another = sale("1.00")
    another["entries"][1]["account"] = "income:fees"
    await tenant.posted(another)
    second = await known(tenant, path, first.headers["etag"])
    assert second.status_code == 200
    assert second.content != first.content
    assert second.headers["etag"] != first.headers["etag"]


async def test_a_report_as_of_an_event_is_never_new(tenant: Tenant) -> None:
    sequence = (await tenant.posted(sale()))["sequence"]
    path = f"/reports/trial-balance?as_of_sequence={sequence}"
    now = await tenant.get("/reports/trial-balance")
    first = await tenant.get(path)
    assert (first.content, first.headers["etag"]) == (now.content, now.headers["etag"])
    await tenant.posted(sale("1.00", effective_at="2020-01-01T00:00:00Z"))
    assert_not_modified(await known(tenant, path, first.headers["etag"]), first)
    assert (await tenant.get(path)).content == first.content


async def test_a_resource_is_new_whenever_its_answer_is_also_where_its_version_is_the_same(tenant: Tenant) -> None:
    posted = await tenant.posted(sale())
    path = f"/transactions/{posted['id']}"
    transaction, account = await tenant.get(path), await tenant.get("/accounts/assets:bank")
    await tenant.client.post(tenant.path(f"{path}/reverse"), json={})
    reversed_ = await known(tenant, path, transaction.headers["etag"])
    assert document(reversed_)["version"] == 1
    assert document(reversed_)["reversed_by"]
    # The account's limits in force come from the chart.
    rules = [{"pattern": "assets:**", "type": "asset", "limits": [{"asset": "EUR", "minimum": "0"}]}]
    chart = {"rules": [*rules, {"pattern": "**", "type": "income"}]}
    document(await tenant.client.put(tenant.path("/chart"), json=chart, headers={"If-Match": "*"}))
    limited = document(await known(tenant, "/accounts/assets:bank", account.headers["etag"]))
    assert limited["limits_in_force"]
    assert limited["version"] == 1


async def test_a_change_goes_by_the_version_alone(tenant: Tenant) -> None:
    await tenant.posted(sale())
    path = tenant.path("/accounts/assets:bank")
    tag = (await tenant.client.get(path)).headers["etag"]
    changed = await tenant.client.patch(path, json={"metadata": {"a": "1"}}, headers={"If-Match": tag})
    assert document(changed)["version"] == 2
    problem(
        await tenant.client.patch(path, json={"metadata": {"a": "2"}}, headers={"If-Match": tag}),
        412,
        "version-conflict",
    )
    # That of the answer to the change will do, and so does the version by itself.
    changed = await tenant.client.patch(
        path, json={"metadata": {"a": "3"}}, headers={"If-Match": changed.headers["etag"]}
    )
    document(await tenant.client.patch(path, json={"metadata": {"a": "4"}}, headers={"If-Match": '"3"'}))
    for tag in ('"4.x"', '"4."', '"4.00.00"', 'W/"4"'):
        response = await tenant.client.patch(path, json={"metadata": {}}, headers={"If-Match": tag})
        problem(response, 412, "version-conflict")


async def test_formats_and_organisations_have_tags_of_their_own(
    tenant: Tenant, new_organisation: NewOrganisation
) -> None:
    other = await new_organisation()
    tags = set()
    for each in (tenant, other):
        for path in REPORTS[:3]:
            for accept in ("application/json", "text/csv", "text/html"):
                response = await each.get(path, headers={"Accept": accept})
                tags.add(response.headers["etag"])
                assert response.headers["vary"] == "Accept"
    assert len(tags) == 18
    page = await tenant.get(REPORTS[0], headers={"Accept": "text/html"})
    again = {"Accept": "text/html", "If-None-Match": page.headers["etag"]}
    assert_not_modified(await tenant.get(REPORTS[0], headers=again), page)
    csv = {"Accept": "text/csv", "If-None-Match": page.headers["etag"]}
    assert (await tenant.get(REPORTS[0], headers=csv)).status_code == 200


@pytest.mark.parametrize("path", ALL)
async def test_who_may_not_have_it_is_not_told_that_it_is_the_same(tenant: Tenant, app: FastAPI, path: str) -> None:
    await tenant.posted(sale())
    tag = (await tenant.get(path)).headers["etag"]
    rights = {"name": "may little", "scopes": ["holds:read"]}
    key = document(await tenant.client.post("/v1/api-keys", json=rights), 201)["key"]
    async with connected(app, key) as stranger:
        for tags in (tag, "*"):
            response = await stranger.get(tenant.path(path), headers={"If-None-Match": tags})
            problem(response, 403, "permission-denied")
    async with connected(app) as nobody:
        response = await nobody.get(tenant.path(path), headers={"If-None-Match": "*"})
        problem(response, 401, "not-authenticated")


async def test_what_is_not_there_is_not_known_either(tenant: Tenant) -> None:
    for rest in ("", "/balances", "/entries", "/statement"):
        problem(await known(tenant, f"/accounts/assets:none{rest}", "*"), 404, "account-not-found")
    response = await tenant.client.get("/v1/ledgers/none/transactions", headers={"If-None-Match": "*"})
    problem(response, 404, "ledger-not-found")
