"""Organisations as their members see them, and what they may have."""

import asyncio
from typing import Any

import pytest
from fastapi import FastAPI

from adapters.postgres.identity.quotas import PostgresQuotas
from application.identity.allowances import Allowances
from entrypoints.container import Services
from tests.entrypoints.http.conftest import connected
from tests.entrypoints.http.team.office import ANY, Company, Office, assigned, invitation, told_permission
from tests.entrypoints.http.tenant import Json, document, problem, sale


async def status(company: Company) -> Json:
    shown: Json = document(await company.client.get(f"/v1/organisations/{company.id}"))
    return shown


async def test_a_person_makes_an_organisation_and_is_its_owner(office: Office) -> None:
    ada = await office.human()
    client = await ada.at(None)
    made = await client.post("/v1/organisations", json={"name": "Ada's books"})
    shown = document(made, 201)
    assert made.headers["location"] == f"/v1/organisations/{shown['id']}"
    assert shown["usage"] == {"ledgers": 0, "api_keys": 0, "members": 1, "storage_bytes": None}
    assert shown["quotas"] == dict.fromkeys(("ledgers", "api_keys", "requests_per_minute", "storage_bytes"))
    owner = await ada.at(int(shown["id"]))
    document(await owner.post("/v1/ledgers", json={"slug": "main"}), 201)
    assert [event["type"] for event in await office.log(int(shown["id"]))] == [
        "organisation.created",
        "member.joined",
        "ledger.added",
    ]
    problem(await owner.delete("/v1/members/me"), 409, "last-owner")
    problem(await client.post("/v1/organisations", json={"name": " "}), 422, "validation-failed")
    key = document(await owner.post("/v1/api-keys", json={"name": "a", "scopes": ["owner"]}), 201)["key"]
    by_key = await office.client(key)
    problem(await by_key.post("/v1/organisations", json={"name": "a"}), 403, "permission-denied")


async def test_where_persons_are_invited_whoever_runs_the_server_makes_organisations(
    office: Office, app: FastAPI, services: Services
) -> None:
    ada = await office.human()
    token = (await ada.at(None)).headers["authorization"].removeprefix("Bearer ")
    assert not services.settings.is_registration_open
    async with connected(app, token) as client:
        problem(await client.post("/v1/organisations", json={"name": "a"}), 403, "founding-closed")


async def test_what_a_person_makes_begins_with_the_quotas_of_the_server(office: Office) -> None:
    settings = office.services.settings.model_copy(
        update={"quota_ledgers": 1, "quota_keys": 2, "quota_requests_per_minute": 600, "quota_storage_bytes": 10**6}
    )
    (client,) = await office.clients_elsewhere(await (await office.human()).at(None), settings=settings)
    shown = document(await client.post("/v1/organisations", json={"name": "a"}), 201)
    quotas = {"ledgers": 1, "api_keys": 2, "requests_per_minute": 600, "storage_bytes": 10**6}
    assert shown["quotas"] == quotas
    event = (await office.log(int(shown["id"])))[-1]
    assert (event["type"], event["data"]["after"]) == ("organisation.quotas_set", quotas)
    assert event["actor"] == "system:founding"


async def test_a_person_sees_its_own_organisations_and_a_key_its_one(office: Office) -> None:
    companies = [await office.company() for _ in range(3)]
    ada = await office.human()
    for company in companies[:2]:
        await office.invited_in(company, ada, {"role": "operator", "accounts": ["users:*"]})
    client = await ada.at(None)
    listed = document(await client.get("/v1/organisations"))
    assert [each["id"] for each in listed["data"]] == [str(company.id) for company in companies[:2]]
    page = document(await client.get("/v1/organisations?limit=1"))
    assert [each["id"] for each in page["data"]] == [str(companies[0].id)]
    rest = document(await client.get(f"/v1/organisations?limit=1&cursor={page['next_cursor']}"))
    assert ([each["id"] for each in rest["data"]], rest["has_more"]) == ([str(companies[1].id)], False)
    own = document(await companies[2].client.get("/v1/organisations"))["data"]
    assert [each["id"] for each in own] == [str(companies[2].id)]
    blind = document(
        await companies[2].client.post("/v1/api-keys", json={"name": "a", "scopes": ["reports:read"]}), 201
    )
    refused = await (await office.client(blind["key"])).get("/v1/organisations")
    assert told_permission(refused) == "organisation:read"
    for other in (companies[1].id, 10**17, "x", "1" * 30):
        problem(await companies[2].client.get(f"/v1/organisations/{other}"), 404, "not-found")
        renaming = await companies[2].client.patch(f"/v1/organisations/{other}", json={"name": "b"}, headers=ANY)
        problem(renaming, 404, "not-found")
    problem(await (await office.client("x")).get("/v1/organisations"), 401, "not-authenticated")


async def test_an_organisation_is_renamed(office: Office) -> None:
    company = await office.company()
    path = f"/v1/organisations/{company.id}"
    problem(await company.client.patch(path, json={"name": "Other"}), 428, "precondition-required")
    renamed = await company.client.patch(path, json={"name": "Other"}, headers={"If-Match": '"1"'})
    assert (document(renamed)["name"], renamed.headers["etag"]) == ("Other", '"2"')
    problem(await company.client.patch(path, json={"name": "A"}, headers={"If-Match": '"1"'}), 412, "version-conflict")
    event = (await office.log(company.id))[-1]
    assert (event["type"], event["data"]) == (
        "organisation.changed",
        {"before": {"name": "Tests"}, "after": {"name": "Other"}},
    )
    accountant = await (await office.member(company, "accountant")).at(company.id)
    assert told_permission(await accountant.patch(path, json={"name": "B"}, headers=ANY)) == "organisation:change"


async def test_quotas_are_set_by_whoever_runs_the_server_and_shown(office: Office) -> None:
    company = await office.company()
    await office.set_quotas(company, ledgers=2, requests_per_minute=600)
    shown = await status(company)
    assert shown["quotas"] == {"ledgers": 2, "api_keys": None, "requests_per_minute": 600, "storage_bytes": None}
    assert shown["usage"] == {"ledgers": 1, "api_keys": 1, "members": 0, "storage_bytes": None}
    event = (await office.log(company.id))[-1]
    assert event["type"] == "organisation.quotas_set"
    assert (event["data"]["before"]["ledgers"], event["data"]["after"]["ledgers"]) == (None, 2)


async def test_the_last_place_of_a_quota_of_ledgers_is_taken_once(office: Office, app: FastAPI) -> None:
    company = await office.company()
    await office.set_quotas(company, ledgers=2)
    key = company.client.headers["authorization"].removeprefix("Bearer ")
    async with connected(app, key) as elsewhere:  # another server of the same database
        answers = await asyncio.gather(
            *[
                client.post("/v1/ledgers", json={"slug": f"ledger-{number}"})
                for number, client in enumerate([company.client, elsewhere] * 2)
            ]
        )
    assert sorted(answer.status_code for answer in answers) == [201, 403, 403, 403]
    refused = problem(await company.client.post("/v1/ledgers", json={"slug": "b"}), 403, "quota-exceeded")
    assert (refused["quota"], refused["used"], refused["limit"]) == ("ledgers", "2", "2")
    problem(await company.client.post("/v1/ledgers?dry_run=true", json={"slug": "b"}), 403, "quota-exceeded")
    await office.set_quotas(company)
    document(await company.client.post("/v1/ledgers", json={"slug": "b"}), 201)


async def test_more_requests_than_the_quota_of_the_organisation_are_told_to_come_later(office: Office) -> None:
    company, other = await office.company(), await office.company()
    document(await company.client.get("/v1/ledgers"))
    await office.set_quotas(company, requests_per_minute=3)
    # On a server that has not met the organisation, and by all who act for it together.
    by_key = await office.elsewhere(company)
    key = document(await company.client.post("/v1/api-keys", json={"name": "second"}), 201)["key"]
    others_key = other.client.headers["authorization"]
    for text, left in ((None, 2), (f"Bearer {key}", 1), (None, 0)):
        response = await by_key.get("/v1/ledgers", headers={} if text is None else {"Authorization": text})
        document(response)
        assert '"organisation";q=3;w=60' in response.headers["ratelimit-policy"]
        assert f'"organisation";r={left};t=' in response.headers["ratelimit"]
    for headers in ({}, {"Authorization": f"Bearer {key}"}):
        response = await by_key.post("/v1/ledgers", json={"slug": "late"}, headers=headers)
        told = problem(response, 429, "rate-limited")
        assert told["policy"] == "organisation"
        assert "At most 3 requests a minute of one organisation." in told["detail"]
        assert 0 < int(response.headers["retry-after"]) <= 60
        assert response.headers["ratelimit"].startswith('"organisation";r=0;t=')
        unaffected = await by_key.get("/v1/ledgers", headers={"Authorization": others_key})
        document(unaffected)
        assert '"organisation";q=3' not in unaffected.headers["ratelimit-policy"]


async def test_the_look_up_of_a_key_or_a_token_tells_the_quota_of_requests(office: Office) -> None:
    company = await office.company()
    await office.set_quotas(company, requests_per_minute=120)
    office.services.authenticate.forget()
    ada = await office.member(company, "auditor")
    key = document(await company.client.post("/v1/api-keys", json={"name": "a"}), 201)["key"]
    token = (await ada.at(company.id)).headers["authorization"].removeprefix("Bearer ")
    for credential in (key, token):
        assert (await office.fresh_bearer(credential)).requests_per_minute == 120


@pytest.fixture
async def full(office: Office) -> Company:
    """An organisation whose logs have grown as long as they may."""
    company = await office.company()
    document(await company.client.post("/v1/ledgers/main/transactions", json=sale()), 201)
    await office.set_quotas(company, storage_bytes=1)
    return Company(company.id, await office.elsewhere(company))


async def test_who_has_used_up_its_storage_reads_and_writes_no_more(office: Office, full: Company) -> None:
    shown = await status(full)
    logged = await office.log_bytes(full.id)
    assert shown["usage"]["storage_bytes"] == logged
    document(await full.client.get("/v1/ledgers/main/reports/trial-balance"))
    post = "/v1/ledgers/main/transactions"
    for path, body in ((post, sale()), (f"{post}?dry_run=true", sale()), ("/v1/ledgers", {"slug": "b"})):
        told = problem(await full.client.post(path, json=body), 403, "quota-exceeded")
        assert (told["quota"], told["used"], told["limit"]) == ("storage_bytes", str(logged), "1")
        assert f"hold {logged:,} bytes, and its quota is 1:" in told["detail"]
    bulk = await full.client.post(f"{post}/bulk", json={"transactions": [sale()]})
    assert document(bulk)["results"][0]["problem"]["code"] == "quota-exceeded"


async def test_what_protects_is_never_refused_and_what_gives_more_is(office: Office) -> None:
    company = await office.company()
    document(await company.client.post("/v1/ledgers/main/transactions", json=sale()), 201)

    async def made(path: str, **fields: Any) -> str:
        id: str = document(await company.client.post(path, json={"name": "a", **fields}), 201)["id"]
        return f"{path}/{id}"

    key = await made("/v1/api-keys")
    asked: Json = {"redirect_uris": ["https://a.example/"], "scopes": ["accounts:read", "reports:read"]}
    oauth_client, to_revoke = [await made("/v1/oauth-clients", **asked) for _ in range(2)]
    reader: Json = {"permissions": ["accounts:read", "reports:read"]}
    for role in ("reader", "unused"):
        document(await company.client.put(f"/v1/roles/{role}", json=reader))
    member = await office.member(company, "admin")
    invited = document(await company.client.post("/v1/invitations", json=invitation("a@example.com", "reader")), 201)
    joining = await office.human()
    token = await office.invited(company.client, joining.email, "reader")
    await office.set_quotas(company, storage_bytes=1)
    full, joining_there = await office.clients_elsewhere(company.client, await joining.at(None))
    person = f"/v1/members/{member.id}"
    for refused in (
        await full.post("/v1/api-keys", json={"name": "a"}),
        await full.post(f"{key}/rotate", json={}),
        await full.post("/v1/oauth-clients", json={"name": "a", **asked}),
        await full.post(f"{oauth_client}/rotate-secret", json={}),
        await full.patch(oauth_client, json={"name": "b"}, headers=ANY),
        await full.put("/v1/roles/another", json=reader),
        await full.put("/v1/roles/reader", json={"permissions": ["accounts:read", "holds:read"]}, headers=ANY),
        await full.post("/v1/invitations", json=invitation("b@example.com", "reader")),
        await full.patch(person, json=assigned("owner"), headers=ANY),
        await full.patch(f"/v1/organisations/{company.id}", json={"name": "b"}, headers=ANY),
        await joining_there.post("/v1/invitations/accept", json={"token": token}),
    ):
        assert problem(refused, 403, "quota-exceeded")["quota"] == "storage_bytes"
    why = {"reason": "Fraud"}
    for done in (
        await full.post("/v1/ledgers/main/freeze", json=why),
        await full.post("/v1/ledgers/main/accounts/assets:bank/freeze", json=why),
        await full.patch(oauth_client, json={"scopes": ["accounts:read"]}, headers=ANY),
        await full.delete(to_revoke, headers=ANY),
        await full.put("/v1/roles/reader", json={"permissions": ["accounts:read"]}, headers=ANY),
        await full.delete("/v1/roles/unused", headers=ANY),
        await full.delete(f"/v1/invitations/{invited['id']}"),
        await full.patch(person, json=assigned("operator"), headers=ANY),
        await full.delete(person, headers=ANY),
        await full.delete(key),
    ):
        assert done.status_code in (200, 204), done.text


async def test_logs_are_metered_bit_by_bit_and_each_event_once(office: Office) -> None:
    company = await office.company()
    for _ in range(5):
        document(await company.client.post("/v1/ledgers/main/transactions", json=sale()), 201)
    await office.set_quotas(company, storage_bytes=10**9)
    logged = await office.log_bytes(company.id)
    little_by_little = PostgresQuotas(office.engine, events_max=2, streams_max=1)
    seen = [await little_by_little.meter(company.id) for _ in range(12)]
    assert seen == sorted(seen)
    assert 0 < seen[0] < seen[1] < seen[-1] == logged
    assert (await status(company))["usage"]["storage_bytes"] == logged
    document(await company.client.post("/v1/ledgers/main/transactions", json=sale()), 201)
    at_once = await asyncio.gather(*[PostgresQuotas(office.engine).meter(company.id) for _ in range(2)])
    longer = await office.log_bytes(company.id)
    assert longer > logged
    assert at_once == [longer, longer]


async def test_what_an_organisation_may_do_is_remembered_for_less_than_five_seconds(office: Office) -> None:
    company = await office.company()
    passed = [0.0]
    allowances = Allowances(PostgresQuotas(office.engine), seconds=lambda: passed[0])
    assert (await allowances.of(company.id)).requests_per_minute is None
    await office.set_quotas(company, requests_per_minute=5, storage_bytes=1)
    passed[0] = 4.4
    assert (await allowances.of(company.id)).requests_per_minute is None
    passed[0] = 4.5
    first, second = await asyncio.gather(allowances.of(company.id), allowances.of(company.id))
    assert first == second
    assert first.requests_per_minute == 5
    assert first.writes_refused is not None
