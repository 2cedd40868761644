"""Keys that keys make: none is used from more networks, or lasts longer, than the one that made it."""

from datetime import timedelta

from domain.shared.chain import format_time
from tests.entrypoints.http.team.office import Office, told_permission
from tests.entrypoints.http.team.test_keys import coming_from, made
from tests.entrypoints.http.tenant import Json, document

_SCOPES = ["api-keys:create", "ledgers:read"]
_NETWORKS = ["10.0.0.0/9", "10.128.0.0/9", "2001:db8::/32"]


def _in(office: Office, **time: int) -> str:
    return format_time(office.clock.now() + timedelta(**time))


async def test_a_key_makes_none_that_is_wider(office: Office) -> None:
    company = await office.company()
    maker = await made(company.client, scopes=_SCOPES, networks=_NETWORKS, expires_at=_in(office, hours=1))
    async with coming_from(office, maker["key"], "10.1.1.1") as client:
        for networks, minutes in ((["10.0.0.0/8", "2001:db8:1::/48"], 60), (["10.1.2.3"], 5)):
            asked: Json = {"name": "b", "scopes": _SCOPES, "networks": networks}
            document(await client.post("/v1/api-keys", json=asked | {"expires_at": _in(office, minutes=minutes)}), 201)
        for wider in (
            {"networks": None},
            {"networks": ["10.1.2.3", "192.0.2.1"]},
            {"networks": ["0.0.0.0/0"]},
            {"networks": ["2001:db9::/32"]},
            {"expires_at": None},
            {"expires_at": _in(office, minutes=61)},
        ):
            good: Json = {"name": "b", "scopes": _SCOPES, "networks": _NETWORKS, "expires_at": _in(office, hours=1)}
            refused = await client.post("/v1/api-keys", json=good | wider)
            assert told_permission(refused) == "api-keys:create"
            assert maker["id"] in refused.json()["detail"]


async def test_a_key_replaces_none_that_is_wider_and_itself_for_no_longer(office: Office) -> None:
    company = await office.company()
    bounds: Json = {"networks": ["10.0.0.0/8"], "expires_at": _in(office, hours=1)}
    maker = await made(company.client, scopes=_SCOPES, **bounds)
    everywhere = await made(company.client, scopes=["ledgers:read"], expires_at=bounds["expires_at"])
    for_ever = await made(company.client, scopes=["ledgers:read"], networks=["10.1.0.0/16"])
    office.clock.advance(timedelta(minutes=10))
    async with coming_from(office, maker["key"], "10.1.1.1") as client:
        for other in (everywhere, for_ever):
            # Not even for an hour: the one that works for ever would end.
            asked = {"expires_at": _in(office, minutes=5)}
            assert told_permission(await client.post(f"/v1/api-keys/{other['id']}/rotate", json=asked)) == _SCOPES[0]
        path = f"/v1/api-keys/{maker['id']}/rotate"
        longer = await client.post(path, json={"expires_at": "2099-01-01T00:00:00Z"})
        assert told_permission(longer) == "api-keys:create"
        new = document(await client.post(path, json={}), 201)
    assert {name: new[name] for name in bounds} == bounds


async def test_a_person_is_bound_by_no_key(office: Office) -> None:
    company = await office.company()
    client = await (await office.member(company, "admin")).at(company.id)
    key = await made(client, scopes=_SCOPES)
    assert (key["networks"], key["expires_at"]) == (None, None)
