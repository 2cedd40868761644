"""OAuth clients of organisations: registered, changed, given other secrets, revoked; and what they were granted."""

import json
from typing import Any

import pytest
from httpx2 import URL, AsyncClient

from application.identity import oauth_clients
from tests.entrypoints.http.conftest import NewOrganisation
from tests.entrypoints.http.oauth.conftest import NewProgram
from tests.entrypoints.http.oauth.people import People
from tests.entrypoints.http.oauth.stage import CALLBACK, PASSWORD, Member, Program, refused
from tests.entrypoints.http.tenant import Json, Tenant, blamed, document, problem

CLIENTS = "/v1/oauth-clients"
ASKED = {"name": "Expenses", "redirect_uris": [CALLBACK], "scopes": ["accounts:read"]}


async def test_a_secret_is_shown_once(tenant: Tenant) -> None:
    response = await tenant.client.post(CLIENTS, json=ASKED, headers={"Idempotency-Key": "k"})
    made = document(response, 201)
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["etag"] == '"1"'
    assert made.pop("client_secret").startswith(f"ptc_{tenant.organisation_id}_")
    assert made["client_id"] == f"{made['id']}.{tenant.organisation_id}"
    assert made["grant_types"] == ["authorization_code", "refresh_token"]
    again = await tenant.client.post(CLIENTS, json=ASKED, headers={"Idempotency-Key": "k"})
    assert document(again, 201) == made
    assert again.headers["idempotency-replayed"] == "true"
    assert document(await tenant.client.get(response.headers["location"])) == made
    assert document(await tenant.client.get(CLIENTS))["data"] == [made]


async def test_a_public_client_has_no_secret(tenant: Tenant) -> None:
    made = document(await tenant.client.post(CLIENTS, json=ASKED | {"confidential": False}), 201)
    assert "client_secret" not in made
    assert made["confidential"] is False
    problem(await tenant.client.post(f"{CLIENTS}/{made['id']}/rotate-secret", json={}), 422, "validation-failed")


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"name": " "}, "/name"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["everything"]}, "/scopes"),
        ({"grant_types": []}, "/grant_types"),
        ({"grant_types": ["password"]}, "/grant_types"),
        ({"grant_types": ["refresh_token", "client_credentials"], "redirect_uris": []}, "/grant_types"),
        ({"grant_types": ["authorization_code", "client_credentials"], "confidential": False}, "/grant_types"),
        ({"redirect_uris": []}, "/redirect_uris"),
        ({"grant_types": ["client_credentials"]}, "/redirect_uris"),
        ({"redirect_uris": [CALLBACK, "http://expenses.example/"]}, "/redirect_uris/1"),
        ({"ledgers": ["Main"]}, "/ledgers/0"),
        ({"ledgers": []}, "/ledgers"),
        ({"ledgers": ["main"] * 101}, "/ledgers"),
        ({"accounts": ["assets:bank", "a::b"]}, "/accounts/1"),
    ],
)
async def test_a_client_that_could_not_work_is_refused(tenant: Tenant, wrong: dict[str, Any], pointer: str) -> None:
    refusal = problem(await tenant.client.post(CLIENTS, json=ASKED | wrong), 422, "validation-failed")
    assert blamed(refusal) == [pointer]


async def test_a_scope_that_is_named_twice_is_one(tenant: Tenant) -> None:
    asked = ASKED | {"scopes": ["ledgers:read", "accounts:read", "ledgers:read"]}
    made = document(await tenant.client.post(CLIENTS, json=asked), 201)
    assert made["scopes"] == ["accounts:read", "ledgers:read"]


async def test_a_client_is_changed_as_it_was_read(program: Program) -> None:
    client, path = program.tenant.client, f"{CLIENTS}/{program.registered['id']}"
    change = {"name": "Travel", "scopes": ["accounts:read"], "ledgers": ["main"]}
    problem(await client.patch(path, json=change), 428, "precondition-required")
    problem(await client.patch(path, json=change, headers={"If-Match": '"2"'}), 412, "version-conflict")
    response = await client.patch(path, json=change, headers={"If-Match": '"1"'})
    changed = document(response)
    assert response.headers["etag"] == '"2"'
    before = {name: value for name, value in program.registered.items() if name != "client_secret"}
    assert changed == before | change | {"version": 2}
    same = await client.patch(path, json=change, headers={"If-Match": '"2"'})
    assert document(same) == changed
    unlimited = document(await client.patch(path, json={"ledgers": None}, headers={"If-Match": "*"}))
    assert unlimited["ledgers"] is None
    assert blamed(
        problem(
            await client.patch(path, json={"redirect_uris": []}, headers={"If-Match": "*"}), 422, "validation-failed"
        )
    ) == ["/redirect_uris"]


async def test_what_was_granted_beyond_narrower_scopes_ends(program: Program, member: Member) -> None:
    wide = await program.tokens(member, scope="ledgers:read accounts:read")
    narrow = await program.tokens(member, scope="ledgers:read")
    path = f"{CLIENTS}/{program.registered['id']}"
    document(await program.tenant.client.patch(path, json={"scopes": ["ledgers:read"]}, headers={"If-Match": "*"}))
    assert not await program.is_taken(wide["access_token"])
    assert await program.is_taken(narrow["access_token"])
    refused(await program.refresh(wide["refresh_token"]), "invalid_grant")
    document(await program.refresh(narrow["refresh_token"]))


async def test_another_secret_takes_the_place_of_the_one_before(new_program: NewProgram) -> None:
    program = await new_program(grant_types=["client_credentials"], redirect_uris=[])
    path = f"{CLIENTS}/{program.registered['id']}/rotate-secret"
    made = document(await program.tenant.client.post(path, headers={"Idempotency-Key": "r"}))
    assert made["version"] == 2
    again = document(await program.tenant.client.post(path, json={}, headers={"Idempotency-Key": "r"}))
    assert "client_secret" not in again
    form = {"grant_type": "client_credentials"}
    refused(await program.ask("/oauth/token", form), "invalid_client", 401)
    document(await program.ask("/oauth/token", form, auth=(program.client_id, made["client_secret"])))


async def test_a_client_is_revoked_for_good(program: Program) -> None:
    client, path = program.tenant.client, f"{CLIENTS}/{program.registered['id']}"
    problem(await client.delete(path), 428, "precondition-required")
    assert (await client.delete(path, headers={"If-Match": '"1"'})).status_code == 204
    assert document(await client.get(path))["revoked_at"] is not None
    for response in (
        await client.delete(path, headers={"If-Match": "*"}),
        await client.patch(path, json={"name": "x"}, headers={"If-Match": "*"}),
        await client.post(f"{path}/rotate-secret", json={}),
    ):
        problem(response, 404, "not-found")


async def test_clients_and_grants_are_listed_by_pages(new_program: NewProgram, member: Member) -> None:
    programs = [await new_program(name=name) for name in ("a", "b", "c")]
    for program in programs:
        await program.tokens(member)
    client, browser = programs[0].tenant.client, programs[0].browser
    own = await session(programs[0], member)
    assert [each["name"] for each in await paged(client, CLIENTS)] == ["a", "b", "c"]
    assert [each["name"] for each in await paged(client, f"{CLIENTS}?sort=-id")] == ["c", "b", "a"]
    assert [each["client_name"] for each in await paged(client, "/v1/oauth-grants")] == ["c", "b", "a"]
    assert [each["client_name"] for each in await paged(browser, "/v1/auth/grants", own)] == ["c", "b", "a"]
    revoked = await client.delete(f"{CLIENTS}/{programs[1].registered['id']}", headers={"If-Match": "*"})
    assert revoked.status_code == 204
    assert [each["client_name"] for each in await paged(client, "/v1/oauth-grants?sort=id")] == ["a", "c"]
    assert [each["revoked_at"] is None for each in await paged(client, CLIENTS)] == [True, False, True]


async def paged(client: AsyncClient, path: str, headers: dict[str, str] | None = None) -> list[Json]:
    """A whole list, read one item at a time."""
    items: list[Json] = []
    cursor = ""
    while True:
        extended = str(URL(path).copy_merge_params({"limit": "1"} | ({"cursor": cursor} if cursor else {})))
        page = document(await client.get(extended, headers=headers))
        assert len(page["data"]) == 1
        items += page["data"]
        if not page["has_more"]:
            return items
        cursor = page["next_cursor"]


async def test_clients_that_work_have_a_maximum(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oauth_clients, "CLIENTS_MAX", 2)
    keyed = {"Idempotency-Key": "k"}
    first = document(await tenant.client.post(CLIENTS, json=ASKED, headers=keyed), 201)
    document(await tenant.client.post(CLIENTS, json=ASKED), 201)
    told = problem(await tenant.client.post(CLIENTS, json=ASKED), 403, "quota-exceeded")
    assert (told["quota"], told["used"], told["limit"]) == ("oauth_clients", "2", "2")
    assert "revoke one" in told["detail"]
    # What was done before is still answered, and a revoked one makes room.
    assert document(await tenant.client.post(CLIENTS, json=ASKED, headers=keyed), 201)["id"] == first["id"]
    await tenant.client.delete(f"{CLIENTS}/{first['id']}", headers={"If-Match": "*"})
    document(await tenant.client.post(CLIENTS, json=ASKED), 201)


async def test_a_strangers_client_is_neither_seen_nor_touched(
    program: Program, member: Member, new_organisation: NewOrganisation
) -> None:
    await program.tokens(member)
    (grant,) = document(await program.tenant.client.get("/v1/oauth-grants"))["data"]
    stranger = (await new_organisation()).client
    path = f"{CLIENTS}/{program.registered['id']}"
    assert document(await stranger.get(CLIENTS))["data"] == []
    assert document(await stranger.get("/v1/oauth-grants"))["data"] == []
    for response in (
        await stranger.get(path),
        await stranger.patch(path, json={"name": "x"}, headers={"If-Match": "*"}),
        await stranger.delete(path, headers={"If-Match": "*"}),
        await stranger.post(f"{path}/rotate-secret", json={}),
        await stranger.delete(f"/v1/oauth-grants/{grant['id']}"),
    ):
        problem(response, 404, "not-found")


async def test_nobody_registers_a_client_that_may_more_than_themselves(
    new_program: NewProgram, people: People, tenant: Tenant
) -> None:
    program = await new_program(scopes=["admin"])
    admin = await people.member(tenant.organisation_id, "admin")
    bearer = {"Authorization": f"Bearer {(await program.tokens(admin, scope='admin'))['access_token']}"}
    refusal = problem(
        await program.browser.post(CLIENTS, json=ASKED | {"scopes": ["owner"]}, headers=bearer),
        403,
        "permission-denied",
    )
    assert refusal["permission"] == "owners:change"
    document(await program.browser.post(CLIENTS, json=ASKED | {"scopes": ["admin"]}, headers=bearer), 201)
    theirs = await new_program(scopes=["owner"])
    path = f"{CLIENTS}/{theirs.registered['id']}"
    for response in (
        await program.browser.post(f"{path}/rotate-secret", json={}, headers=bearer),
        await program.browser.patch(path, json={"name": "x"}, headers=bearer | {"If-Match": "*"}),
    ):
        problem(response, 403, "permission-denied")


async def test_who_has_less_than_a_client_is_allowed_cannot_make_it_less(
    new_program: NewProgram, tenant: Tenant
) -> None:
    asked = {"name": "Changes clients alone", "scopes": ["oauth-clients:change", "oauth-clients:read"]}
    key = document(await tenant.client.post("/v1/api-keys", json=asked), 201)["key"]
    theirs = await new_program(scopes=["owner"])
    path, bearer = f"{CLIENTS}/{theirs.registered['id']}", {"Authorization": f"Bearer {key}"}
    for response in (
        # Narrowed, it would be theirs to give another secret, for when it is widened again.
        await theirs.browser.patch(path, json={"scopes": ["oauth-clients:read"]}, headers=bearer | {"If-Match": "*"}),
        await theirs.browser.post(f"{path}/rotate-secret", json={}, headers=bearer),
    ):
        problem(response, 403, "permission-denied")
    assert document(await tenant.client.get(path))["scopes"] == ["owner"]


async def test_each_way_takes_its_permission(new_program: NewProgram, people: People, tenant: Tenant) -> None:
    program = await new_program(scopes=["owner"])
    operator = await people.member(tenant.organisation_id, "operator")
    bearer = {"Authorization": f"Bearer {(await program.tokens(operator, scope='owner'))['access_token']}"}
    path, browser = f"{CLIENTS}/{program.registered['id']}", program.browser
    (grant,) = document(await tenant.client.get("/v1/oauth-grants"))["data"]
    for permission, response in (
        ("oauth-clients:read", await browser.get(CLIENTS, headers=bearer)),
        ("oauth-clients:read", await browser.get(path, headers=bearer)),
        ("oauth-clients:read", await browser.get("/v1/oauth-grants", headers=bearer)),
        ("oauth-clients:change", await browser.post(CLIENTS, json=ASKED, headers=bearer)),
        ("oauth-clients:change", await browser.patch(path, json={}, headers=bearer | {"If-Match": "*"})),
        ("oauth-clients:change", await browser.post(f"{path}/rotate-secret", json={}, headers=bearer)),
        ("oauth-clients:change", await browser.delete(path, headers=bearer | {"If-Match": "*"})),
        ("oauth-clients:change", await browser.delete(f"/v1/oauth-grants/{grant['id']}", headers=bearer)),
    ):
        assert problem(response, 403, "permission-denied")["permission"] == permission


async def session(program: Program, member: Member) -> dict[str, str]:
    """The header of the member's own session."""
    asked = {"email": member.email, "password": PASSWORD, "organisation": str(program.tenant.organisation_id)}
    tokens = document(await program.browser.post("/v1/auth/login", json=asked))
    return {"Authorization": f"Bearer {tokens['access_token']}"}


async def test_members_see_and_take_back_what_they_have_granted(
    program: Program, member: Member, people: People
) -> None:
    tokens = await program.tokens(member)
    other = await people.member(program.tenant.organisation_id, "auditor")
    program.browser.cookies.clear()
    others = await program.tokens(other)
    own, of_other = await session(program, member), await session(program, other)
    (grant,) = document(await program.browser.get("/v1/auth/grants", headers=own))["data"]
    assert (grant["client_name"], grant["person"]) == ("Expenses", member.person_id)
    assert grant["scopes"] == ["accounts:read", "ledgers:read"]
    assert len(document(await program.tenant.client.get("/v1/oauth-grants"))["data"]) == 2
    problem(await program.browser.delete(f"/v1/auth/grants/{grant['id']}", headers=of_other), 404, "not-found")
    assert (await program.browser.delete(f"/v1/auth/grants/{grant['id']}", headers=own)).status_code == 204
    assert not await program.is_taken(tokens["access_token"])
    assert await program.is_taken(others["access_token"])
    problem(await program.tenant.client.delete(f"/v1/oauth-grants/{grant['id']}"), 404, "not-found")


async def test_what_a_person_has_granted_is_nothing_for_keys_and_programs(
    program: Program, member: Member, new_program: NewProgram
) -> None:
    tokens = await program.tokens(member)
    for_itself = await new_program(grant_types=["client_credentials"], redirect_uris=[])
    own = document(await for_itself.ask("/oauth/token", {"grant_type": "client_credentials"}))["access_token"]
    grants = document(await program.tenant.client.get("/v1/oauth-grants"))["data"]
    assert len(grants) == 2
    for token in (program.tenant.key, own, tokens["access_token"]):
        bearer = {"Authorization": f"Bearer {token}"}
        problem(await program.browser.get("/v1/auth/grants", headers=bearer), 403, "permission-denied")
        for grant in grants:
            path = f"/v1/auth/grants/{grant['id']}"
            problem(await program.browser.delete(path, headers=bearer), 403, "permission-denied")
    assert document(await program.tenant.client.get("/v1/oauth-grants"))["data"] == grants


async def test_all_of_it_stands_in_the_organisations_log(
    program: Program, member: Member, people: People, tenant: Tenant
) -> None:
    path = f"{CLIENTS}/{program.registered['id']}"
    code = await program.code(member)
    document(await program.exchange(code))
    refused(await program.exchange(code), "invalid_grant")
    document(await tenant.client.patch(path, json={"name": "Travel"}, headers={"If-Match": '"1"'}))
    secret = document(await tenant.client.post(f"{path}/rotate-secret", json={}))["client_secret"]
    await tenant.client.delete(path, headers={"If-Match": "*"})
    events = await people.events(tenant.organisation_id)
    ours = [event for event in events if event["type"].startswith("oauth_")]
    id = program.registered["id"]
    assert [(event["type"], event["actor"]) for event in ours] == [
        ("oauth_client.created", ours[0]["actor"]),
        ("oauth_grant.given", member.person_id),
        ("oauth_grant.revoked", id),
        ("oauth_client.changed", ours[0]["actor"]),
        ("oauth_client.secret_rotated", ours[0]["actor"]),
        ("oauth_client.revoked", ours[0]["actor"]),
    ]
    assert ours[0]["actor"].startswith("key_")
    assert ours[2]["data"]["reason"] == "code-replayed"
    assert ours[3]["data"] == {"id": id, "before": {"name": "Expenses"}, "after": {"name": "Travel"}}
    text = json.dumps(events)
    for unsaid in (secret, program.registered["client_secret"], member.email, code):
        assert unsaid not in text
