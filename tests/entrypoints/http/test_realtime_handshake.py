"""Who may open a WebSocket, by what credential, and how all others are told that they may not."""

import logging
import re
from datetime import UTC, datetime, timedelta

import pytest
from httpx2 import AsyncClient
from websockets.typing import Subprotocol

from entrypoints.container import Services
from tests.entrypoints.http.conftest import NewOrganisation, NewServer
from tests.entrypoints.http.realtime_client import V1, kept_out, post, realtime, refusal, ticket_of
from tests.entrypoints.http.tenant import Tenant, document, problem


@pytest.fixture(scope="module")
async def url(new_server: NewServer) -> str:
    return await new_server(cors_origins=("https://app.example.com",))


async def test_the_sub_protocol_is_agreed_on_or_taken_for_granted(url: str, tenant: Tenant) -> None:
    async with realtime(url, tenant.key, subprotocols=(Subprotocol("partita.v9"), V1)) as client:
        assert client.socket.subprotocol == "partita.v1"
    async with realtime(url, tenant.key, subprotocols=()) as client:
        assert client.socket.subprotocol is None
    await kept_out(url, tenant.key, 400, "unknown-sub-protocol", subprotocols=(Subprotocol("partita.v9"),))


async def test_the_welcome_says_what_is_spoken_and_the_answer_has_its_id(url: str, tenant: Tenant) -> None:
    async with realtime(url, tenant.key, headers={"X-Request-Id": "mine-1"}) as client:
        assert client.socket.response is not None
        assert client.socket.response.headers["x-request-id"] == "mine-1"
        assert client.socket.response.headers["partita-version"] == "1"
        assert client.welcome == {"type": "welcome", "protocol": "partita.v1", "heartbeat_seconds": 15}


async def test_a_header_asks_for_the_version_as_on_every_route(url: str, tenant: Tenant) -> None:
    async with realtime(url, tenant.key, path="/realtime", headers={"Partita-Version": "1"}) as client:
        assert await client.answer(type="ping") == {"type": "pong"}
    await kept_out(url, tenant.key, 400, "unsupported-version", headers={"Partita-Version": "2"})


@pytest.mark.parametrize("key", [None, "nonsense", "ptk_1_cut"])
async def test_without_a_good_credential_the_handshake_is_refused(url: str, key: str | None) -> None:
    headers = await kept_out(url, key, 401, "not-authenticated")
    assert headers["www-authenticate"] == "Bearer"


async def test_a_revoked_key_is_refused(url: str, tenant: Tenant) -> None:
    made = document(await tenant.client.post("/v1/api-keys", json={"name": "leaked"}), 201)
    ticket = await ticket_of(tenant, made["key"])
    assert (await tenant.client.delete(f"/v1/api-keys/{made['id']}")).status_code == 204
    await kept_out(url, made["key"], 401, "not-authenticated")
    await kept_out(url, None, 401, "not-authenticated", path=f"/v1/realtime?ticket={ticket}")


async def test_a_ticket_opens_one_connection(url: str, tenant: Tenant) -> None:
    answer = await tenant.client.post("/v1/realtime/tickets")
    made = document(answer, 201)
    assert set(made) == {"ticket", "expires_at"}
    assert re.fullmatch(rf"ptt_{tenant.organisation_id}_[0-9A-Za-z]{{38}}", made["ticket"])
    left = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(seconds=20) < left <= timedelta(seconds=30)
    path = f"/v1/realtime?ticket={made['ticket']}"
    async with realtime(url, None, path=path) as client:
        await client.subscribe("a", channel="events")
        await post(url, tenant)
        assert len(await client.events(4)) == 4
    await kept_out(url, None, 401, "not-authenticated", path=path)


async def test_a_ticket_serves_a_stream_of_events_too_and_nothing_else(url: str, tenant: Tenant) -> None:
    ticket = await ticket_of(tenant)
    async with AsyncClient(base_url=url) as client:
        path = f"{tenant.path('/events')}?ticket={ticket}"
        problem(await client.get(path), 422, "validation-failed")
        async with client.stream("GET", path, headers={"Accept": "text/event-stream"}) as stream:
            assert stream.status_code == 200
        problem(await client.get(path, headers={"Accept": "text/event-stream"}), 401, "not-authenticated")
        problem(await client.get(f"/v1/ledgers?ticket={await ticket_of(tenant)}"), 401, "not-authenticated")


@pytest.mark.parametrize("ticket", ["", "x", "ptt_1_" + "0" * 38, "ptt_999999999999999999_" + "0" * 38])
async def test_what_is_no_ticket_is_refused(url: str, ticket: str) -> None:
    await kept_out(url, None, 401, "not-authenticated", path=f"/v1/realtime?ticket={ticket}")


async def test_a_ticket_of_one_organisation_is_not_one_of_another(
    url: str, tenant: Tenant, new_organisation: NewOrganisation
) -> None:
    other = await new_organisation()
    ticket = await ticket_of(tenant)
    _, number, secret = ticket.split("_")
    await kept_out(
        url, None, 401, "not-authenticated", path=f"/v1/realtime?ticket=ptt_{other.organisation_id}_{secret}"
    )
    async with realtime(url, None, path=f"/v1/realtime?ticket={ticket}") as client:
        await client.subscribe("a", channel="events", after=0)
        (first,) = await client.events(1)
        assert first["type"] == "ledger.created"
    assert number == str(tenant.organisation_id)


async def test_a_ticket_takes_a_credential(client: AsyncClient) -> None:
    problem(await client.post("/v1/realtime/tickets"), 401, "not-authenticated")


async def test_what_the_query_has_beside_a_ticket_is_not_ignored(url: str, tenant: Tenant) -> None:
    await kept_out(url, tenant.key, 400, "unknown-parameter", path="/v1/realtime?after=5")


@pytest.mark.parametrize(("method", "status"), [("GET", 426), ("POST", 405)])
async def test_who_asks_without_upgrading_is_told_how(tenant: Tenant, method: str, status: int) -> None:
    answer = await tenant.client.request(method, "/v1/realtime")
    assert answer.status_code == status
    if status == 426:
        assert answer.headers["upgrade"] == "websocket"
    if method == "GET":
        problem(answer, 426, "upgrade-required")


@pytest.mark.parametrize("origin", ["https://evil.example.com", "null", "http://["])
async def test_pages_of_other_sites_are_kept_out(url: str, tenant: Tenant, origin: str) -> None:
    await kept_out(url, tenant.key, 403, "origin-not-allowed", headers={"Origin": origin})


async def test_own_pages_and_those_that_may_are_let_in(url: str, tenant: Tenant) -> None:
    for origin in (url, url.replace("http", "https"), "https://app.example.com"):
        async with realtime(url, tenant.key, headers={"Origin": origin}):
            pass


async def test_handshakes_count_as_requests_of_the_address_and_of_the_caller(
    new_server: NewServer, tenant: Tenant
) -> None:
    for policy in ("address", "caller"):
        guarded = await new_server(**{f"rate_limit_{policy}": 2})
        unknown = (Subprotocol("x"),)
        statuses = [(await refusal(guarded, tenant.key, subprotocols=unknown)).status_code for _ in range(2)]
        assert statuses == [400, 400]
        more = [(await refusal(guarded, tenant.key, subprotocols=unknown)).status_code for _ in range(3)]
        assert 429 in more  # as a minute may end meanwhile
        headers = await kept_out(guarded, tenant.key, 429, "rate-limited", subprotocols=unknown)
        assert 1 <= int(headers["retry-after"]) <= 60
        assert headers.get_all("ratelimit")[0].startswith(f'"{policy}";r=0')


async def test_refusals_are_logged_and_no_secret_is(
    new_server: NewServer, tenant: Tenant, caplog: pytest.LogCaptureFixture
) -> None:
    url = await new_server()  # whose log was told of nobody yet
    caplog.set_level(logging.DEBUG)
    for name in ("uvicorn", "uvicorn.error", "websockets", "partita"):
        caplog.set_level(logging.DEBUG, name)
    caplog.set_level(logging.WARNING, "websockets.client")  # our own, which says what it sends
    ticket = await ticket_of(tenant)
    path = f"/v1/realtime?ticket={ticket}"
    async with realtime(url, None, path=path) as client:
        await client.answer(type="authenticate", token=tenant.key)
    async with realtime(url, tenant.key):
        pass
    await kept_out(url, None, 401, "not-authenticated", path=path)
    for text in (ticket, tenant.key):
        assert text[-20:] not in caplog.text
    refused = [record.getMessage() for record in caplog.records if record.getMessage().startswith("refused ")]
    assert len(refused) == 1
    assert refused[0].startswith("refused not-authenticated what='WebSocket /v1/realtime' ")
    assert "address=127.0.0.1" in refused[0]


async def test_a_server_that_has_all_its_connections_takes_no_more(
    url: str, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entrypoints.http.realtime.endpoint.CONNECTIONS_MAX", 1)
    async with realtime(url, tenant.key):
        headers = await kept_out(url, tenant.key, 503, "overloaded")
        assert headers["retry-after"] == "1"


async def test_tickets_of_an_organisation_are_bounded(
    tenant: Tenant, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("application.identity.tickets.TICKETS_MAX", 2)
    first = await ticket_of(tenant)
    await ticket_of(tenant)
    problem(await tenant.client.post("/v1/realtime/tickets"), 503, "overloaded")
    assert await services.tickets.redeem(first) == tenant.key
    await ticket_of(tenant)
