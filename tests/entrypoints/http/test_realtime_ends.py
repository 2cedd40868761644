"""How a WebSocket ends: by what is no message, by a credential that holds no more, by a server that stops."""

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from application.identity.token_ports import AccessClaims
from entrypoints.cli import server as cli_server
from entrypoints.container import Services
from entrypoints.http.realtime import endpoint, outgoing
from entrypoints.settings import Settings
from tests.entrypoints.http.access_tokens import issued
from tests.entrypoints.http.conftest import NewOrganisation
from tests.entrypoints.http.credentials import Limits, Maker, session_token
from tests.entrypoints.http.realtime_client import RealtimeClient, post, realtime
from tests.entrypoints.http.realtime_server import OwnServer, own_server, raw_connection, until
from tests.entrypoints.http.tenant import Json, Tenant, document
from tests.server_process import ServerProcess


@pytest.fixture(scope="module")
async def server(settings: Settings, services: Services, postgres_url: str, redis_url: str) -> AsyncIterator[OwnServer]:
    changes = {"body_idle_seconds_max": 1, "keep_alive_seconds": 1}
    async with own_server(settings, postgres_url, redis_url, **changes) as made:
        yield made


@pytest.fixture
async def client(server: OwnServer, tenant: Tenant) -> AsyncIterator[RealtimeClient]:
    async with realtime(server.url, tenant.key) as made:
        yield made


@pytest.fixture
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the server look after its connections more often; it is asked who they are each time."""
    monkeypatch.setattr(endpoint, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(outgoing, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(outgoing, "CERTAIN_SECONDS", 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        '{"type":"ping"',
        '{"type":"ping","type":"ping"}',
        '{"type":NaN}',
        '{"type":"ping","id":"\\u0000"}',
        '{"type":"ping","id":"\\ud800"}',
        "[" * 60_000,
        '{"type":' + "[" * 65 + "]" * 65 + "}",
        "9" * 60_000,
        b'{"type":"ping"}',
        b"\x00\xff",
    ],
    ids=range(12),
)
async def test_what_is_no_json_ends_it(client: RealtimeClient, text: str | bytes) -> None:
    await client.subscribe("a", channel="events", after=0)
    await client.events(1)
    await client.socket.send(text)
    told = await client.farewell(4400)
    assert (told["problem"]["status"], told["resume"]) == (400 if isinstance(text, str) else 422, {"a": 1})


async def test_a_message_has_64_kib_at_most(server: OwnServer, tenant: Tenant, client: RealtimeClient) -> None:
    message = '{"type":"ping"}'
    await client.socket.send(message + " " * (64 * 1024 - len(message)))
    assert await client.next() == {"type": "pong"}
    await client.socket.send(message + " " * (64 * 1024 + 1 - len(message)))
    assert await client.close_code() == 1009
    async with realtime(server.url, tenant.key) as other:
        await other.socket.send(["x" * 60_000, "y" * 60_000])  # in fragments
        assert await other.close_code() == 1009
    async with realtime(server.url, tenant.key) as other:
        await other.socket.send(b"\xff", text=True)
        assert await other.close_code() == 1007


async def test_a_revoked_key_is_let_go_and_hears_nothing_more(
    server: OwnServer, tenant: Tenant, quick_looks: None
) -> None:
    made = document(await tenant.client.post("/v1/api-keys", json={"name": "leaked"}), 201)
    async with realtime(server.url, made["key"]) as busy, realtime(server.url, made["key"]) as idle:
        await busy.subscribe("a", channel="events")
        assert (await tenant.client.delete(f"/v1/api-keys/{made['id']}")).status_code == 204
        server.services.authenticate.forget(made["id"])  # as it hears over Redis, which may take a moment
        await post(server.url, tenant)
        for client, resume in ((busy, {"a": 1}), (idle, {})):
            told = await client.farewell(4401)
            assert (told["problem"]["code"], told["resume"]) == ("not-authenticated", resume)


@dataclass(frozen=True)
class ShortLived(Maker):
    """Makes tokens that live for two seconds or so."""

    async def token(self, subject: str, credential: str, *scopes: str) -> str:
        now = datetime.now(UTC)
        claims = AccessClaims(
            subject, credential, self.organisation_id, scopes or None, now, now + timedelta(seconds=2.5)
        )
        return await issued(self.services, claims)


async def test_an_expired_token_is_let_go_unless_a_newer_one_was_shown(
    server: OwnServer, tenant: Tenant, owner: AsyncEngine, quick_looks: None
) -> None:
    limits = Limits("owner")
    short = await session_token(ShortLived(server.services, owner, tenant.organisation_id), limits)
    longer = await session_token(Maker(server.services, owner, tenant.organisation_id), limits)
    async with realtime(server.url, short) as renewed, realtime(server.url, short) as forgetful:
        await forgetful.subscribe("a", channel="events")
        await renewed.subscribe("a", channel="events")
        assert await renewed.answer(type="authenticate", token=longer) == {"type": "authenticated"}
        told = await forgetful.farewell(4401, 20)
        assert told["resume"] == {"a": 1}
        assert (await renewed.answer(type="ping"))["type"] == "pong"
        await post(server.url, tenant)
        assert len(await renewed.events(4)) == 4


async def test_whom_a_newer_credential_may_be_of(
    server: OwnServer, client: RealtimeClient, new_organisation: NewOrganisation
) -> None:
    stranger = await new_organisation()
    await client.refused(422, "validation-failed", type="authenticate", token=stranger.key)
    assert (await client.answer(type="ping"))["type"] == "pong", "it is who it was"
    await client.refused(422, "validation-failed", type="authenticate", token="")
    await client.tell(type="authenticate", token="ptk_1_nonsense")
    told = await client.farewell(4401)
    assert "nonsense" not in json.dumps(told)


async def test_signs_of_life_say_how_far_all_is_told(
    server: OwnServer, tenant: Tenant, client: RealtimeClient, quick_looks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entrypoints.http.realtime.subscriptions.HEARTBEAT_SECONDS", 0.05)
    await client.subscribe("a", channel="events", event_types=["ledger.changed"])
    await client.subscribe("b", channel="balances", accounts=["assets:nobody"])
    await post(server.url, tenant)
    last: dict[str, Json] = {}
    async with asyncio.timeout(5):
        while [last.get(name, {}).get(of) for name, of in (("a", "through"), ("b", "sequence"))] != [5, 5]:
            message = json.loads(await client.socket.recv())
            assert message["data"] == []
            last[message["id"]] = message


async def test_what_goes_on_for_long_without_a_word_is_not_cut_off(client: RealtimeClient) -> None:
    await asyncio.sleep(1.3)  # longer than a body may pause, or a connection may rest between two requests
    assert (await client.answer(type="ping"))["type"] == "pong"


async def test_a_server_that_stops_says_where_to_go_on(
    settings: Settings, postgres_url: str, redis_url: str, services: Services, tenant: Tenant
) -> None:
    async with own_server(settings, postgres_url, redis_url) as server, realtime(server.url, tenant.key) as client:
        await client.subscribe("a", channel="events", after=0)
        await client.events(1)
        await client.subscribe("b", channel="events")
        await client.subscribe("c", channel="balances", accounts=["assets:bank"])
        assert (await client.next())["type"] == "balances"
        server.services.relay.end()
        told = await client.farewell(1001)
        assert (told["problem"]["code"], told["resume"]) == ("server-stops", {"a": 1, "b": 1})
        async with realtime(server.url, tenant.key) as late:
            assert (await late.farewell(1001))["resume"] == {}


async def test_a_process_that_stops_says_so_to_everyone(server_process: ServerProcess, tenant: Tenant) -> None:
    clients = [realtime(server_process.url, tenant.key) for _ in range(30)]
    opened = [await client.__aenter__() for client in clients]
    for client in opened:
        await client.subscribe("a", channel="events", after=0)
        await client.events(1)
    await asyncio.to_thread(server_process.stop)
    for client in opened:
        assert (await client.farewell(1001))["resume"] == {"a": 1}
    assert "Traceback" not in server_process.said()
    for made in clients:
        await made.__aexit__(None, None, None)


async def test_who_vanishes_is_noticed(
    settings: Settings,
    postgres_url: str,
    redis_url: str,
    services: Services,
    tenant: Tenant,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cli_server, "PING_SECONDS", 0.1)
    async with own_server(settings, postgres_url, redis_url) as server:
        reader, writer = await raw_connection(server.url, tenant.key)
        await until(lambda: server.connections == 1)
        await until(lambda: server.connections == 0)
        async with realtime(server.url, tenant.key) as client:
            await asyncio.sleep(0.5)  # whoever answers stays
            assert (await client.answer(type="ping"))["type"] == "pong"
        assert await reader.read(), "what was sent is there, as it was not read"
        writer.close()


async def test_many_that_come_and_go_leave_nothing_behind(server: OwnServer, tenant: Tenant) -> None:
    async def come_and_go(number: int) -> None:
        async with realtime(server.url, tenant.key, ping_interval=None) as client:
            await client.subscribe("a", channel="events", after=0)
            await client.tell(type="subscribe", id="b", channel="balances", ledger="main", accounts=["assets:bank"])
            if number % 2:
                client.socket.transport.abort()

    await come_and_go(0)
    await until(lambda: server.connections == 0)
    gc.collect()
    before = len(asyncio.all_tasks())
    for _ in range(4):
        await asyncio.gather(*[come_and_go(number) for number in range(50)])
    await until(lambda: (server.connections, server.followed) == (0, 0))
    await until(lambda: len(asyncio.all_tasks()) <= before)
    gc.collect()
    assert len(server.app.state.realtime._principals) <= 1
