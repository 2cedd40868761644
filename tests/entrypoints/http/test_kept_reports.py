"""Reports that are kept in Redis: never out of date, shared by servers, and by nobody else."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import pytest
import redis as redis_client
from httpx2 import AsyncClient, Response

from adapters.redis.cache import PREFIX
from application.ledger.report_reader import TrialBalance
from application.ledger.reports import trial_balance
from application.shared import answers
from entrypoints.container import Services
from entrypoints.http.v1 import reports
from entrypoints.settings import Settings
from tests.entrypoints.http.conftest import NewOrganisation
from tests.entrypoints.http.guarded import guarded
from tests.entrypoints.http.tenant import Json, Tenant, document, problem, sale
from tests.redis_server import RedisServer
from tests.server_process import ServerProcess

IS_LONG = os.environ.get("PARTITA_SOAK") == "long"
REPORT: Final = "/reports/trial-balance"
NO_REDIS: Final = "redis://127.0.0.1:1/0"
ACCOUNTS: Final = ("assets:bank", "assets:cash", "income:sales", "expenses:rent", "liabilities:loan", "equity:capital")


@pytest.fixture(scope="module")
def redis_of_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.go_on()
    server.kill()


@pytest.fixture
def own_redis(redis_of_module: RedisServer) -> RedisServer:
    """A Redis that runs, and is empty."""
    redis_of_module.ensure()
    return redis_of_module


class Servers:
    """Servers of one database, each with a client of the organisation."""

    def __init__(self, stack: AsyncExitStack, settings: Settings, postgres_url: str, tenant: Tenant) -> None:
        self._stack = stack
        self._settings = settings
        self._postgres_url = postgres_url
        self._tenant = tenant

    async def open(self, redis_url: str) -> AsyncClient:
        """A client of one more server, which uses this Redis."""
        server = await self._stack.enter_async_context(guarded(self._settings, self._postgres_url, redis_url))
        return await self._stack.enter_async_context(server.client(key=self._tenant.key))


@pytest.fixture
async def servers(settings: Settings, services: Services, postgres_url: str, tenant: Tenant) -> AsyncIterator[Servers]:
    async with AsyncExitStack() as stack:
        yield Servers(stack, settings, postgres_url, tenant)


class Worked:
    """How often a trial balance was worked out in this process; it takes a moment."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        monkeypatch.setattr(reports, "trial_balance", self._work)

    async def _work(self, *given: Any, **named: Any) -> TrialBalance:
        self.count += 1
        await asyncio.sleep(0.1)
        return await trial_balance(*given, **named)


@pytest.fixture
def worked(monkeypatch: pytest.MonkeyPatch) -> Worked:
    return Worked(monkeypatch)


def kept(redis: RedisServer) -> dict[bytes, bytes]:
    """What is in the cache."""
    with redis_client.Redis.from_url(redis.url) as client:
        return {key: client.get(key) for key in client.scan_iter(PREFIX + b"*")}


# What is asked at random, and never out of date


def some_transaction(chance: Random) -> Json:
    """A transaction of now or of the past, on two accounts."""
    debit, credit = chance.sample(ACCOUNTS, 2)
    amount, asset = f"{chance.randint(1, 9)}.00", chance.choice(("EUR", "USD"))
    transaction: Json = {
        "entries": [
            {"account": debit, "direction": "debit", "amount": amount, "asset": asset},
            {"account": credit, "direction": "credit", "amount": amount, "asset": asset},
        ]
    }
    if chance.random() < 0.5:
        transaction["effective_at"] = some_time(chance)
    return transaction


def some_time(chance: Random) -> str:
    moment = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(hours=chance.randint(0, 72))
    return moment.isoformat().replace("+00:00", "Z")


def some_moment(chance: Random) -> str:
    time = some_time(chance)
    return time if chance.random() < 0.5 else time.partition("T")[0]


def some_query(chance: Random, head: int) -> tuple[str, dict[str, str]]:
    """A path below the ledger, and its headers."""
    parameters = {}
    path = chance.choice(
        [
            *(f"/reports/{name}" for name in ("trial-balance", "balance-sheet", "income-statement") * 2),
            *(
                f"/accounts/{chance.choice(ACCOUNTS)}/{name}"
                for name in ("statement", "statement", "balances", "entries")
            ),
            "/accounts",
            "/transactions",
            "/events",
            f"/accounts/{chance.choice(ACCOUNTS)}",
            "",
        ]
    )
    if path.endswith(("trial-balance", "balance-sheet", "balances")) and chance.random() < 0.4:
        parameters["at"] = some_moment(chance)
    if path.endswith(("income-statement", "/statement")) and chance.random() < 0.6:
        parameters[chance.choice(("from", "to"))] = some_moment(chance)
    if path.startswith("/reports/") and chance.random() < 0.3:
        parameters["depth"] = "1"
    if path.endswith("balance-sheet") and chance.random() < 0.3:
        parameters["compare_at"] = some_moment(chance)
    if path.endswith(("balances", "/statement")) or path.startswith("/reports/"):
        drawn = chance.random()
        if drawn < 0.3:
            parameters["as_of_sequence"] = str(chance.randint(1, head + 2))
        elif drawn < 0.5:
            # Of now: what it means changes while the ledger grows, and then no more.
            known = datetime.now(UTC) + timedelta(seconds=chance.choice((-1, -0.01, 0.05, 86_400)))
            parameters["known_at"] = known.isoformat().replace("+00:00", "Z")
    if path == "/events":
        parameters["after"] = str(chance.randint(0, head))
    accept = chance.choice(("application/json", "text/csv", "text/html"))
    headers = {"Accept": accept} if path.startswith("/reports/") or path.endswith("/statement") else {}
    query = "&".join(f"{name}={value}" for name, value in parameters.items())
    return f"{path}?{query}" if query else path, headers


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(30 if IS_LONG else 1))
async def test_what_is_kept_is_what_would_be_worked_out_now_whatever_is_posted_and_asked(
    servers: Servers, tenant: Tenant, own_redis: RedisServer, seed: int
) -> None:
    chance = Random(seed)
    cached = [await servers.open(own_redis.url) for _ in range(2)]
    plain = await servers.open(NO_REDIS)
    head, hits, not_modified = 1, 0, 0
    asked: list[tuple[str, dict[str, str]]] = []
    have: dict[tuple[str, str], Response] = {}
    for _ in range(500 if IS_LONG else 80):
        drawn = chance.random()
        if drawn < 0.2:
            posted = await chance.choice(cached).post(tenant.path("/transactions"), json=some_transaction(chance))
            head = document(posted, 201)["sequence"]
            continue
        if drawn < 0.25 and head > 1:
            # What changes no figure changes what is shown of it.
            change = {"metadata": {"note": str(chance.random())}}
            path = tenant.path(chance.choice(("", f"/accounts/{chance.choice(ACCOUNTS)}")))
            await chance.choice(cached).patch(path, json=change, headers={"If-Match": "*"})
            continue
        if not asked or chance.random() < 0.3:
            asked.append(some_query(chance, head))
        path, headers = chance.choice(asked[-4:])
        now = await plain.get(tenant.path(path), headers=headers)
        before, own = set(kept(own_redis)), (path, headers.get("Accept", ""))
        conditional = {"If-None-Match": have[own].headers["etag"]} if own in have and chance.random() < 0.5 else {}
        given = await chance.choice(cached).get(tenant.path(path), headers={**headers, **conditional})
        if given.status_code == 304:
            not_modified += 1
            assert (have[own].content, have[own].headers["etag"]) == (now.content, now.headers["etag"]), path
            continue
        hits += given.status_code == 200 and "Accept" in headers and before == set(kept(own_redis))
        assert given.status_code == now.status_code, path
        if given.status_code == 200:
            assert (given.content, given.headers["etag"]) == (now.content, now.headers["etag"]), path
            have[own] = given
    assert hits
    assert not_modified


# What is shared, and with whom


async def test_however_many_ask_at_once_it_is_worked_out_once(
    servers: Servers, tenant: Tenant, own_redis: RedisServer, worked: Worked
) -> None:
    await tenant.posted(sale())
    client = await servers.open(own_redis.url)
    responses = await asyncio.gather(*[client.get(tenant.path(REPORT)) for _ in range(100)])
    assert {response.content for response in responses} == {(await tenant.get(REPORT)).content}
    # And once for the organisation's other server, which has a Redis of its own.
    assert worked.count == 2
    assert len(kept(own_redis)) == 1


async def test_another_server_gives_what_one_has_worked_out_until_something_is_posted(
    servers: Servers, tenant: Tenant, own_redis: RedisServer, worked: Worked
) -> None:
    await tenant.posted(sale())
    one, other = await servers.open(own_redis.url), await servers.open(own_redis.url)
    first = await one.get(tenant.path(REPORT))
    second = await other.get(tenant.path(REPORT))
    assert (second.content, second.headers["etag"]) == (first.content, first.headers["etag"])
    assert worked.count == 1
    await tenant.posted(sale("1.00"))
    assert document(await other.get(tenant.path(REPORT)))["totals"][0]["debits"] == "13.50"
    assert worked.count == 2


async def test_processes_share_it(
    tenant: Tenant, servers: Servers, server_process: ServerProcess, redis_url: str, worked: Worked
) -> None:
    await tenant.posted(sale())
    async with AsyncClient(base_url=server_process.url, headers=tenant.authorization) as client:
        there = await client.get(tenant.path(REPORT))
    here = await (await servers.open(redis_url)).get(tenant.path(REPORT))
    assert (here.content, here.headers["etag"]) == (there.content, there.headers["etag"])
    assert worked.count == 0


async def test_organisations_do_not_get_each_others_even_where_someone_moves_it_about(
    servers: Servers, tenant: Tenant, new_organisation: NewOrganisation, own_redis: RedisServer
) -> None:
    other = await new_organisation()
    client = await servers.open(own_redis.url)
    await tenant.posted(sale("1.00"))
    await other.posted(sale("2.00"))

    async def total(of: Tenant) -> str:
        response = await client.get(of.path(REPORT), headers=of.authorization)
        return str(document(response)["totals"][0]["debits"])

    assert [await total(of) for of in (tenant, other)] == ["1.00", "2.00"]
    with redis_client.Redis.from_url(own_redis.url) as connection:
        one, two = connection.scan_iter(PREFIX + b"*")
        first, second = connection.get(one), connection.get(two)
        assert b"assets:bank" not in first + second, "who reads Redis learns nothing of it"
        connection.mset({one: second, two: first})
    assert [await total(of) for of in (tenant, other)] == ["1.00", "2.00"]


async def test_who_may_not_read_reports_is_refused_what_is_kept(
    servers: Servers, tenant: Tenant, own_redis: RedisServer, worked: Worked
) -> None:
    await tenant.posted(sale())
    client = await servers.open(own_redis.url)
    document(await client.get(tenant.path(REPORT)))
    rights = {"name": "one account", "scopes": ["reports:read", "accounts:read"], "accounts": ["assets:bank"]}
    limited = document(await tenant.client.post("/v1/api-keys", json=rights), 201)["key"]
    headers = {"Authorization": f"Bearer {limited}"}
    problem(await client.get(tenant.path(REPORT), headers=headers), 403, "permission-denied")
    statement = tenant.path("/accounts/{}/statement")
    full = await client.get(statement.format("assets:bank"))
    assert (await client.get(statement.format("assets:bank"), headers=headers)).content == full.content
    document(await client.get(statement.format("income:sales")))
    problem(await client.get(statement.format("income:sales"), headers=headers), 403, "permission-denied")


# A Redis that is not as it should be


@pytest.mark.parametrize("harm", [RedisServer.kill, RedisServer.halt])
async def test_without_redis_everything_is_answered_and_hardly_later(
    servers: Servers, tenant: Tenant, own_redis: RedisServer, harm: Callable[[RedisServer], None]
) -> None:
    await tenant.posted(sale())
    client = await servers.open(own_redis.url)
    first = await client.get(tenant.path(REPORT))
    harm(own_redis)
    began = asyncio.get_running_loop().time()
    for _ in range(20):
        assert (await client.get(tenant.path(REPORT))).content == first.content
    # The cache, and what counts requests, wait for it a quarter of a second each, and once a second at most.
    assert asyncio.get_running_loop().time() < began + 3
    await tenant.posted(sale("1.00"))
    assert document(await client.get(tenant.path(REPORT)))["totals"][0]["debits"] == "13.50"


async def test_a_full_redis_one_that_was_emptied_and_one_with_nonsense_in_it_change_no_answer(
    servers: Servers, tenant: Tenant, own_redis: RedisServer, worked: Worked
) -> None:
    await tenant.posted(sale())
    client = await servers.open(own_redis.url)
    with redis_client.Redis.from_url(own_redis.url) as connection:
        connection.config_set("maxmemory", "1")
        try:
            first = await client.get(tenant.path(REPORT))
            assert first.status_code == 200
            assert not kept(own_redis)
        finally:
            connection.config_set("maxmemory", "0")
        assert (await client.get(tenant.path(REPORT))).content == first.content
        ((name, value),) = kept(own_redis).items()
        for nonsense in (b"nonsense", b"", value[:-1], b"\x00" * len(value)):
            connection.set(name, nonsense)
            assert (await client.get(tenant.path(REPORT))).content == first.content
        connection.flushall()
        assert (await client.get(tenant.path(REPORT))).content == first.content
        assert 0 < int(connection.ttl(name)) <= answers.KEPT_SECONDS
    assert worked.count == 7


async def test_a_report_that_is_too_long_is_worked_out_each_time(
    servers: Servers, tenant: Tenant, own_redis: RedisServer, worked: Worked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "CACHED_BYTES_MAX", 100)
    await tenant.posted(sale())
    client = await servers.open(own_redis.url)
    for _ in range(2):
        assert len((await client.get(tenant.path(REPORT))).content) > 100
    assert worked.count == 2
    assert not kept(own_redis)
