"""The client beside a server that breaks off, refuses and comes back: each event is handed over once, in order."""

import asyncio
import base64
import json
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

import pytest
from websockets.asyncio.server import ServerConnection

from entrypoints.client import Balances, Event, Realtime, Refused, subscriptions
from tests.entrypoints.client.scripted_server import Json, ScriptedServer, balance, event
from tests.redis_server import until

Item = TypeVar("Item")
DENIED: Json = {"type": "/problems/permission-denied", "status": 403, "code": "permission-denied", "detail": "No."}
AWAY: Json = {"type": "/problems/unavailable", "status": 503, "code": "unavailable", "detail": "Not now."}


@asynccontextmanager
async def started(iterator: AsyncIterator[Item]) -> AsyncIterator[Callable[[], Awaitable[Item]]]:
    """Read on and on; what is returned gives the next one."""
    found: asyncio.Queue[Item] = asyncio.Queue()

    async def read() -> None:
        async for item in iterator:
            found.put_nowait(item)

    async def take() -> Item:
        taking = asyncio.create_task(found.get())
        async with asyncio.timeout(5):
            await asyncio.wait((taking, reading), return_when=asyncio.FIRST_COMPLETED)
        if not taking.done():
            taking.cancel()
            reading.result()
        return taking.result()

    reading = asyncio.create_task(read())
    try:
        yield take
    finally:
        reading.cancel()
        await asyncio.wait((reading,))


async def sequences(take: Callable[[], Awaitable[Event]], count: int) -> list[int]:
    return [(await take()).sequence for _ in range(count)]


async def test_what_there_is_comes_first_and_then_what_happens(server: ScriptedServer) -> None:
    await server.publish(7)
    async with Realtime(server.url, token="ptk_1") as realtime:
        followed = realtime.events("shop", after=2, event_types=["transaction.posted"], account="users:*")
        async with started(aiter(followed)) as take:
            first = await take()
            assert first == Event(
                3,
                "transaction.posted",
                "evt_3",
                datetime(2026, 11, 25, 10, tzinfo=UTC),
                "key:tests",
                "req_1",
                {"reference": "order-3"},
                "0" * 64,
                "1" * 64,
            )
            assert await sequences(take, 4) == [4, 5, 6, 7]
            await server.publish()
            assert await sequences(take, 1) == [8]
    assert server.tokens == ["ptk_1"]
    assert server.says("subscribe") == [
        {
            "type": "subscribe",
            "id": "1",
            "channel": "events",
            "ledger": "shop",
            "after": 2,
            "event_types": ["transaction.posted"],
            "account": "users:*",
            "acknowledge": 1_000,
        }
    ]


@pytest.mark.parametrize("code", [None, 1001, 1011, 1012, 4401, 4408])
async def test_after_a_break_it_goes_on_after_the_last(server: ScriptedServer, code: int | None) -> None:
    async with (
        Realtime(server.url, token="ptk_1") as realtime,
        started(aiter(realtime.events("shop", after=0))) as take,
    ):
        for turn in range(3):
            await server.publish(2)
            assert await sequences(take, 2) == [2 * turn + 1, 2 * turn + 2]
            if code is None:
                server.cut()
            else:
                await server.close(code)
    assert [each["after"] for each in server.says("subscribe")][:3] == [0, 2, 4]


async def test_a_server_that_is_away_for_a_while_is_found_again(server: ScriptedServer) -> None:
    other = ScriptedServer()
    await other.publish()
    async with other.served():
        realtime = Realtime(other.url, token="ptk_1")
        await realtime.__aenter__()
        followed = aiter(realtime.events("shop", after=0))
        assert (await anext(followed)).sequence == 1
    await other.publish()
    taking = asyncio.create_task(_next(followed))
    await asyncio.sleep(0.1)
    async with other.served(int(other.url.rpartition(":")[2])):
        assert (await asyncio.wait_for(taking, 5)).sequence == 2
        await realtime.__aexit__(None, None, None)


async def _next(iterator: AsyncIterator[Item]) -> Item:
    return await anext(iterator)


async def test_from_now_on_begins_where_the_first_connection_did(server: ScriptedServer) -> None:
    await server.publish(3)
    async with Realtime(server.url, token="ptk_1") as realtime:
        followed = realtime.events("shop")
        assert followed.through is None
        async with started(aiter(followed)) as take:
            await until(lambda: followed.through == 3)
            server.cut()
            await server.publish(2)
            assert await sequences(take, 2) == [4, 5]
        assert followed.through == 5


async def test_what_was_left_goes_on_where_it_was_left(server: ScriptedServer) -> None:
    await server.publish(9)
    async with Realtime(server.url, token="ptk_1") as realtime:
        followed = realtime.events("shop", after=0)
        for begin, end in ((1, 4), (5, 9)):
            seen = []
            async with aclosing(aiter(followed)) as events:
                async for each in events:
                    seen.append(each.sequence)
                    if each.sequence == end:
                        break
            assert (seen, followed.through) == (list(range(begin, end + 1)), end)
        await until(lambda: len(server.says("unsubscribe")) == 2)


async def test_a_break_while_an_event_is_dealt_with_doubles_nothing(server: ScriptedServer) -> None:
    await server.publish(9)
    seen = []
    async with Realtime(server.url, token="ptk_1") as realtime:
        async for each in realtime.events("shop", after=0):
            seen.append(each.sequence)
            if each.sequence in (2, 5, 7):
                count = len(server.says("subscribe"))
                server.cut()
                await until(lambda count=count: len(server.says("subscribe")) > count)  # type: ignore[misc] # bound at once
            if each.sequence == 9:
                break
    assert seen == list(range(1, 10))


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_breaks_when_all_subscriptions_see_all_in_order(server: ScriptedServer, seed: int) -> None:
    chance = random.Random(seed)
    server.batch = 5

    def break_off(connection: ServerConnection) -> None:
        if chance.random() < 0.1:
            connection.transport.abort()

    async def follow(realtime: Realtime, after: int) -> list[int]:
        seen = []
        async for each in realtime.events("shop", after=after):
            seen.append(each.sequence)
            if chance.random() < 0.2:
                await asyncio.sleep(0)
            if each.sequence == 200:
                break
        return seen

    async def publish() -> None:
        while len(server.log) < 200:
            await server.publish(min(chance.randint(1, 20), 200 - len(server.log)))
            await asyncio.sleep(0.005)

    server.on_sent = break_off
    async with Realtime(server.url, token="ptk_1") as realtime, asyncio.timeout(20):
        *seen, _ = await asyncio.gather(*(follow(realtime, after) for after in (0, 50, 0, 199)), publish())
    assert seen == [list(range(after + 1, 201)) for after in (0, 50, 0, 199)]
    assert len(server.tokens) > 3


async def test_a_slow_reader_is_sent_no_more_than_it_takes(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "EVENTS_AHEAD_MAX", 10)
    await server.publish(100)
    seen = 0
    async with Realtime(server.url, token="ptk_1") as realtime:
        async for each in realtime.events("shop", after=0):
            seen += 1
            assert each.sequence == seen
            if seen == 1:
                await asyncio.sleep(0.05)
                assert server.unacknowledged["1"] == 10
            if seen == 100:
                break


@pytest.mark.parametrize(
    ("status", "told", "code"),
    [(401, {"code": "not-authenticated"}, "not-authenticated"), (404, {}, ""), (403, DENIED, "permission-denied")],
)
async def test_who_is_refused_for_good_is_told(server: ScriptedServer, status: int, told: Json, code: str) -> None:
    server.refusals = [(status, told)]
    async with Realtime(server.url, token="ptk_wrong") as realtime:
        for _ in range(2):
            with pytest.raises(Refused) as refused:
                await anext(aiter(realtime.events("shop")))
            assert (refused.value.status, refused.value.code) == (status, code)
    assert len(server.tokens) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_who_is_refused_for_now_tries_again(server: ScriptedServer, status: int) -> None:
    server.refusals = [(status, {})] * 2
    await server.publish()
    async with (
        Realtime(server.url, token="ptk_1") as realtime,
        started(aiter(realtime.events("shop", after=0))) as take,
    ):
        assert await sequences(take, 1) == [1]
    assert len(server.tokens) == 3


async def test_a_subscription_that_is_refused_leaves_the_others_alone(server: ScriptedServer) -> None:
    server.problems["nowhere"] = DENIED
    async with (
        Realtime(server.url, token="ptk_1") as realtime,
        started(aiter(realtime.events("shop", after=0))) as take,
    ):
        with pytest.raises(Refused, match=r"No\. \(403 permission-denied\)"):
            await anext(aiter(realtime.events("nowhere")))
        await server.publish()
        assert await sequences(take, 1) == [1]
    assert len(server.tokens) == 1


async def test_a_subscription_that_is_refused_for_now_is_tried_again(server: ScriptedServer) -> None:
    server.problems["shop"] = AWAY
    await server.publish()
    async with (
        Realtime(server.url, token="ptk_1") as realtime,
        started(aiter(realtime.events("shop", after=0))) as take,
    ):
        await until(lambda: len(server.tokens) >= 2)
        server.problems.clear()
        assert await sequences(take, 1) == [1]


async def test_who_sends_what_is_no_message_is_told(server: ScriptedServer) -> None:
    problem = {"status": 400, "code": "validation-failed", "detail": "That is no message."}
    async with (
        Realtime(server.url, token="ptk_1") as realtime,
        started(aiter(realtime.events("shop", after=0))) as take,
    ):
        await until(lambda: bool(server.says("subscribe")))
        await server.close(4400, problem)
        with pytest.raises(Refused, match="That is no message"):
            await take()


async def test_who_did_not_enter_or_has_left_is_told(server: ScriptedServer) -> None:
    realtime = Realtime(server.url, token="ptk_1")
    with pytest.raises(RuntimeError, match="not entered"):
        await anext(aiter(realtime.events("shop")))
    async with realtime:
        waiting = asyncio.create_task(_next(aiter(realtime.events("shop"))))
        await until(lambda: bool(server.says("subscribe")))
    with pytest.raises(RuntimeError, match="was left"):
        await waiting


@pytest.mark.parametrize("url", ["ledger.example", "ftp://ledger.example", "https://"])
def test_what_is_no_url_of_a_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="is not the URL"):
        Realtime(url, token="ptk_1")


def _token(seconds: float, number: int) -> str:
    claims = {"exp": int(time.time() + seconds), "number": number}
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.AA"


async def test_a_token_that_expires_is_renewed_before(server: ScriptedServer) -> None:
    made: list[str] = []

    async def token() -> str:
        if len(made) == 1:
            made.append("")
            raise ConnectionError("passing")
        made.append(_token(3 if len(made) < 2 else 600, len(made)))
        return made[-1]

    async with Realtime(server.url, token=token):
        await until(lambda: bool(server.says("authenticate")))
    first, failed, second = made
    assert not failed
    assert server.tokens == [first]
    assert server.says("authenticate") == [{"type": "authenticate", "token": second}]


async def test_each_connection_asks_for_a_token(server: ScriptedServer) -> None:
    tokens = iter(["one", "two"])

    async def token() -> str:
        try:
            return next(tokens)
        except StopIteration:
            raise Refused(401, "not-authenticated", "Logged out.") from None

    async with Realtime(server.url, token=token) as realtime, started(aiter(realtime.events("shop", after=0))) as take:
        for number in range(2):
            await server.publish()
            assert await sequences(take, 1) == [number + 1]
            await server.close(4401)
        with pytest.raises(Refused, match="Logged out"):
            await take()
    assert server.tokens == ["one", "two"]


async def test_balances_come_as_they_are_and_then_as_they_change(server: ScriptedServer) -> None:
    server.balances = [balance("users:1", "5.00"), balance("users:2", "0.50")]
    async with (
        Realtime(server.url, token="ptk_1") as realtime,
        started(aiter(realtime.balances("shop", ["users:1", "users:2"]))) as take,
    ):
        first = await take()
        assert [(each.account, each.posted, each.asset) for each in first.changed] == [
            ("users:1", Decimal("5.00"), "EUR"),
            ("users:2", Decimal("0.50"), "EUR"),
        ]
        await server.publish()
        await server.tell_balances(balance("users:2", "1.50", 2))
        assert _posted(await take()) == (1, {"users:2": "1.50"})
        server.balances = [balance("users:1", "4.00", 2), balance("users:2", "1.50", 2)]
        server.cut()
        # All come again, and one of them is new.
        assert _posted(await take()) == (1, {"users:1": "4.00"})
    assert server.says("subscribe")[-1] == {
        "type": "subscribe",
        "id": "1",
        "channel": "balances",
        "ledger": "shop",
        "accounts": ["users:1", "users:2"],
    }


async def test_who_is_slow_gets_balances_as_they_are_then(server: ScriptedServer) -> None:
    async with Realtime(server.url, token="ptk_1") as realtime:
        balances = aiter(realtime.balances("shop", ["users:1", "users:2"]))
        assert _posted(await anext(balances)) == (0, {})
        await server.publish()
        await server.tell_balances(balance("users:1", "1.00"))
        await server.publish()
        await server.tell_balances(balance("users:1", "2.00", 2), balance("users:2", "3.00"))
        await asyncio.sleep(0.05)
        assert _posted(await anext(balances)) == (2, {"users:1": "2.00", "users:2": "3.00"})
        await balances.aclose()


def _posted(balances: Balances) -> tuple[int, dict[str, str]]:
    return balances.sequence, {each.account: str(each.posted) for each in balances.changed}


async def test_a_filter_moves_on_past_what_it_leaves_out(server: ScriptedServer) -> None:
    async with Realtime(server.url, token="ptk_1") as realtime:
        followed = realtime.events("shop", after=0)
        async with started(aiter(followed)) as take:
            await until(lambda: bool(server.says("subscribe")))
            (connection,) = server.connections
            for through, data in ((4, []), (6, [event(5)]), (9, [])):
                message = {"type": "events", "id": "1", "data": data, "through": through}
                await connection.send(json.dumps(message))
            assert await sequences(take, 1) == [5]
            await until(lambda: followed.through == 9)
            server.cut()
            await until(lambda: len(server.says("subscribe")) == 2)
    assert server.says("subscribe")[-1]["after"] == 9
