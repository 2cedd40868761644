"""API keys with rights of their own: scopes, limits, networks, expiry, last use, rotation."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from httpx2 import ASGITransport, AsyncClient

from domain.shared.chain import format_time
from tests.entrypoints.http.team.office import Office, told_permission
from tests.entrypoints.http.tenant import Json, document, problem, sale


@asynccontextmanager
async def coming_from(office: Office, key: str, address: str) -> AsyncIterator[AsyncClient]:
    """A client at that IP address."""
    transport = ASGITransport(office.app, client=(address, 50_000))
    headers = {"Authorization": f"Bearer {key}"}
    async with AsyncClient(transport=transport, base_url="http://partita.test", headers=headers) as client:
        yield client


async def made(by: AsyncClient, **fields: Any) -> Json:
    """A new key."""
    key: Json = document(await by.post("/v1/api-keys", json={"name": "a", **fields}), 201)
    return key


async def test_without_scopes_a_key_is_an_operators(office: Office) -> None:
    company = await office.company()
    key = await made(company.client)
    assert key["scopes"] == ["operator"]
    assert [key[limit] for limit in ("ledgers", "accounts", "networks", "expires_at", "replaced_by")] == [None] * 5
    client = await office.client(key["key"])
    document(await client.post("/v1/ledgers/main/transactions", json=sale()), 201)
    assert told_permission(await client.post("/v1/ledgers", json={"slug": "b"})) == "ledgers:create"
    assert told_permission(await client.post("/v1/api-keys", json={"name": "b"})) == "api-keys:create"


async def test_scopes_and_patterns_limit_a_key(office: Office) -> None:
    company = await office.company()
    document(await company.client.post("/v1/ledgers", json={"slug": "eu-1"}), 201)
    key = await made(
        company.client,
        scopes=["transactions:post", "accounts:read"],
        ledgers=["eu-*"],
        accounts=["assets:*", "income:**"],
    )
    client = await office.client(key["key"])
    document(await client.post("/v1/ledgers/eu-1/transactions", json=sale()), 201)
    document(await client.get("/v1/ledgers/eu-1/accounts/assets:bank/balances"))
    assert told_permission(await client.get("/v1/ledgers/eu-1/accounts")) == "accounts:read"
    assert told_permission(await client.post("/v1/ledgers/main/transactions", json=sale())) == "transactions:post"
    assert told_permission(await client.get("/v1/ledgers/eu-1/transactions")) == "transactions:read"
    event = (await office.log(company.id))[-1]
    assert event["type"] == "api_key.created"
    assert event["data"] == {
        "id": key["id"],
        "name": "a",
        "scopes": ["transactions:post", "accounts:read"],
        "ledgers": ["eu-*"],
        "accounts": ["assets:*", "income:**"],
        "expires_at": None,
        "networks": None,
    }


async def test_nobody_makes_or_rotates_a_key_that_may_more_than_they(office: Office) -> None:
    company = await office.company()
    admin = await office.member(company, "admin")
    client = await admin.at(company.id)
    refused = await client.post("/v1/api-keys", json={"name": "a", "scopes": ["owner"]})
    assert told_permission(refused) == "owners:change"
    owners = await made(company.client, scopes=["owner"])
    assert told_permission(await client.post(f"/v1/api-keys/{owners['id']}/rotate", json={})) == "owners:change"
    await made(client, scopes=["admin"])
    limited = await made(company.client, scopes=["api-keys:create", "reports:read"])
    maker = await office.client(limited["key"])
    await made(maker, scopes=["reports:read"], ledgers=["main"])
    assert told_permission(await maker.post("/v1/api-keys", json={"name": "b"})).count(":") == 1


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["king"]}, "/scopes"),
        ({"scopes": ["auditor"] * 101}, "/scopes"),
        ({"ledgers": []}, "/ledgers"),
        ({"ledgers": ["main", "Main"]}, "/ledgers/1"),
        ({"accounts": ["a::b"]}, "/accounts/0"),
        ({"networks": []}, "/networks"),
        ({"networks": ["10.0.0.0/8", "10.0.0.0/33"]}, "/networks/1"),
        ({"networks": ["localhost"]}, "/networks/0"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"name": ""}, "/name"),
    ],
)
async def test_rights_that_make_no_sense_are_refused(office: Office, fields: Json, pointer: str) -> None:
    company = await office.company()
    refused = await company.client.post("/v1/api-keys", json={"name": "a", **fields})
    assert pointer in [blame["pointer"] for blame in problem(refused, 422, "validation-failed")["errors"]]


async def test_a_key_works_from_its_networks_only(office: Office) -> None:
    company = await office.company()
    key = await made(company.client, networks=["192.0.2.77/24", "2001:db8::1", "192.0.2.0/24", "203.0.113.5"])
    # In canonical form, each once.
    assert key["networks"] == ["192.0.2.0/24", "2001:db8::1/128", "203.0.113.5/32"]
    for address, is_good in (
        ("192.0.2.9", True),
        ("::ffff:192.0.2.9", True),
        ("2001:db8::1", True),
        ("203.0.113.6", False),
        ("2001:db8::2", False),
        ("testclient", False),
    ):
        async with coming_from(office, key["key"], address) as client:
            answer = await client.get("/v1/ledgers")
            if is_good:
                document(answer)
            else:
                assert address in problem(answer, 401, "not-authenticated")["detail"]
    assert (await office.log(company.id))[-1]["data"]["networks"] == 3  # no addresses in the log


async def test_a_key_stops_when_its_time_is_over(office: Office) -> None:
    company = await office.company()
    key = await made(company.client, expires_at=format_time(office.clock.now() + timedelta(hours=1)))
    client = await office.client(key["key"])
    document(await client.get("/v1/ledgers"))
    office.clock.advance(timedelta(hours=1))
    office.services.authenticate.forget(key["id"])  # what a look-up before the last second remembers for no longer
    assert "expired" in problem(await client.get("/v1/ledgers"), 401, "not-authenticated")["detail"]


async def test_the_last_use_is_kept_once_a_minute(office: Office) -> None:
    company = await office.company()
    key = await made(company.client)
    path = f"/v1/api-keys/{key['id']}"
    assert document(await company.client.get(path))["last_used_at"] is None
    client = await office.client(key["key"])
    used_at = format_time(office.clock.now())
    await asyncio.gather(*[client.get("/v1/ledgers") for _ in range(3)])
    await office.services.key_uses.settle()
    assert document(await company.client.get(path))["last_used_at"] == used_at
    office.clock.advance(timedelta(seconds=59))
    office.services.authenticate.forget(key["id"])
    await client.get("/v1/ledgers")
    await office.services.key_uses.settle()
    assert document(await company.client.get(path))["last_used_at"] == used_at


async def test_an_attempt_from_elsewhere_is_no_use(office: Office) -> None:
    company = await office.company()
    key = await made(company.client, networks=["192.0.2.0/24"])
    async with coming_from(office, key["key"], "203.0.113.6") as client:
        problem(await client.get("/v1/ledgers"), 401, "not-authenticated")
    await office.services.key_uses.settle()
    assert document(await company.client.get(f"/v1/api-keys/{key['id']}"))["last_used_at"] is None


async def test_a_rotated_key_works_on_for_the_overlap(office: Office) -> None:
    company = await office.company()
    lives: Json = {"expires_at": format_time(office.clock.now() + timedelta(days=30)), "networks": ["0.0.0.0/0"]}
    old = await made(company.client, scopes=["auditor"], ledgers=["main"], accounts=["users:**"], **lives)
    office.clock.advance(timedelta(days=10))
    now = office.clock.now()
    asked: Json = {"json": {"overlap_seconds": 3600}, "headers": {"Idempotency-Key": "k"}}
    rotated = await company.client.post(f"/v1/api-keys/{old['id']}/rotate", **asked)
    new = document(rotated, 201)
    assert rotated.headers["cache-control"] == "no-store"
    assert rotated.headers["location"] == f"/v1/api-keys/{new['id']}"
    assert {field: new[field] for field in ("name", "scopes", "ledgers", "accounts", "networks")} == {
        "name": "a",
        "scopes": ["auditor"],
        "ledgers": ["main"],
        "accounts": ["users:**"],
        "networks": ["0.0.0.0/0"],
    }
    assert new["expires_at"] == format_time(now + timedelta(days=30))  # as long as the old one was made to live
    shown = document(await company.client.get(f"/v1/api-keys/{old['id']}"))
    assert shown["expires_at"] == format_time(now + timedelta(hours=1))
    assert shown["replaced_by"] == new["id"]
    created, ended = (await office.log(company.id))[-2:]
    assert (created["type"], created["data"]["id"]) == ("api_key.created", new["id"])
    assert ended["type"] == "api_key.rotated"
    assert ended["data"] == {
        "id": old["id"],
        "replaced_by": new["id"],
        "before": {"expires_at": lives["expires_at"]},
        "after": {"expires_at": shown["expires_at"]},
    }
    again = await company.client.post(f"/v1/api-keys/{old['id']}/rotate", **asked)
    new.pop("key")
    assert document(again, 201) == new
    second = await company.client.post(f"/v1/api-keys/{old['id']}/rotate", json={})
    assert new["id"] in problem(second, 409, "key-replaced")["detail"]


async def test_without_an_overlap_the_old_key_stops_at_once(office: Office) -> None:
    company = await office.company()
    old = await made(company.client)
    client = await office.client(old["key"])
    document(await client.get("/v1/ledgers"))
    new = document(await company.client.post(f"/v1/api-keys/{old['id']}/rotate", json={"overlap_seconds": 0}), 201)
    problem(await client.get("/v1/ledgers"), 401, "not-authenticated")
    document(await (await office.client(new["key"])).get("/v1/ledgers"))
    assert (await company.client.delete(f"/v1/api-keys/{new['id']}")).status_code == 204
    gone = await company.client.post(f"/v1/api-keys/{new['id']}/rotate", json={})
    problem(gone, 422, "validation-failed")
    problem(await company.client.post("/v1/api-keys/key_x/rotate", json={}), 404, "not-found")
    for overlap in (-1, 90 * 86_400 + 1):
        refused = await company.client.post(f"/v1/api-keys/{new['id']}/rotate", json={"overlap_seconds": overlap})
        problem(refused, 422, "validation-failed")


async def test_of_two_rotations_at_the_same_time_one_replaces(office: Office) -> None:
    company = await office.company()
    old = await made(company.client)
    answers = await asyncio.gather(
        *[company.client.post(f"/v1/api-keys/{old['id']}/rotate", json={}) for _ in range(2)]
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]


async def test_the_list_of_keys_is_paged(office: Office) -> None:
    company = await office.company()
    ids = [(await made(company.client))["id"] for _ in range(3)]
    first = await company.client.get("/v1/api-keys?limit=2")
    page = document(first)
    assert (len(page["data"]), page["has_more"]) == (2, True)
    rest = document(await company.client.get(f"/v1/api-keys?limit=2&cursor={page['next_cursor']}"))
    assert 'rel="next"' in first.headers["link"]
    assert [each["id"] for each in (*page["data"], *rest["data"])][1:] == ids
    backwards = document(await company.client.get("/v1/api-keys?sort=-id&limit=3"))
    assert [each["id"] for each in backwards["data"]] == ids[::-1]


async def test_the_quota_of_keys_counts_those_that_work(office: Office) -> None:
    company = await office.company()
    await office.set_quotas(company, api_keys=3)
    first = await made(company.client)
    expiring = await made(company.client, expires_at=format_time(office.clock.now() + timedelta(hours=1)))
    refused = problem(await company.client.post("/v1/api-keys", json={"name": "b"}), 403, "quota-exceeded")
    assert (refused["quota"], refused["used"], refused["limit"]) == ("api_keys", "3", "3")
    # A rotation makes no more of them.
    document(await company.client.post(f"/v1/api-keys/{first['id']}/rotate", json={}), 201)
    problem(await company.client.post("/v1/api-keys", json={"name": "b"}), 403, "quota-exceeded")
    office.clock.advance(timedelta(hours=1))
    third = await made(company.client)
    assert (await company.client.delete(f"/v1/api-keys/{third['id']}")).status_code == 204
    await made(company.client)
    assert expiring["id"] != third["id"]


async def test_the_last_place_of_a_quota_of_keys_is_taken_once(office: Office) -> None:
    company = await office.company()
    await office.set_quotas(company, api_keys=2)
    answers = await asyncio.gather(*[company.client.post("/v1/api-keys", json={"name": "a"}) for _ in range(4)])
    assert sorted(answer.status_code for answer in answers) == [201, 403, 403, 403]


async def test_the_predecessors_of_a_key_count_but_for_the_last(office: Office) -> None:
    company = await office.company()
    await office.set_quotas(company, api_keys=2)
    first = await made(company.client)

    async def rotated(key: Json) -> Json:
        new: Json = document(await company.client.post(f"/v1/api-keys/{key['id']}/rotate", json={}), 201)
        return new

    async def ended(key: Json) -> None:
        assert (await company.client.delete(f"/v1/api-keys/{key['id']}")).status_code == 204

    # The company's own is one; the second stands for the first.
    second = await rotated(first)
    # The third stands for the second, so that the first would count beside both.
    refused = problem(await company.client.post(f"/v1/api-keys/{second['id']}/rotate", json={}), 403, "quota-exceeded")
    assert (refused["quota"], refused["used"], refused["limit"]) == ("api_keys", "2", "2")
    await ended(first)
    third = await rotated(second)
    # Where what replaced it works no more, a key counts again.
    await ended(third)
    problem(await company.client.post("/v1/api-keys", json={"name": "b"}), 403, "quota-exceeded")
    await ended(second)
    await made(company.client)
