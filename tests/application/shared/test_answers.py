"""Answers that are kept: for their own question alone, and only what is right about it."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.memory.cache import MemoryCache
from adapters.security.sealing import ChaChaSealing
from application.ledger.spans import AsOf
from application.shared.answers import Answers
from application.shared.ports import CACHED_BYTES_MAX

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def answers(cache: MemoryCache, *, release: str = "1") -> Answers:
    return Answers(cache, ChaChaSealing(bytes(32)), b"secret", release)


def work(text: bytes, done: list[bytes]) -> Callable[[], Coroutine[Any, Any, bytes]]:
    async def worked_out() -> bytes:
        done.append(text)
        await asyncio.sleep(0)
        return text

    return worked_out


async def test_an_answer_is_worked_out_once_and_then_kept_also_for_other_servers() -> None:
    cache, done = MemoryCache(), list[bytes]()
    one, other = answers(cache), answers(cache)
    name = one.name(1, "main", 7)
    assert await asyncio.gather(*[one.get(name, work(b"seven", done)) for _ in range(100)]) == [b"seven"] * 100
    assert await one.get(name, work(b"again", done)) == b"seven"
    assert await other.get(other.name(1, "main", 7), work(b"again", done)) == b"seven"
    assert done == [b"seven"]


@pytest.mark.parametrize(
    "other",
    [
        (2, "main", 7, AsOf(NOON, 7)),
        (1, "main2", 7, AsOf(NOON, 7)),
        (1, "main", 8, AsOf(NOON, 7)),
        (1, "main", 7, AsOf(None, 7)),
        (1, "main", 7, AsOf(NOON, None)),
        (1, "main", "7", AsOf(NOON, 7)),
        (1, "main", 7),
        (1, "mai", "n", 7, AsOf(NOON, 7)),
    ],
)
async def test_another_question_has_another_name(other: tuple[object, ...]) -> None:
    asking = answers(MemoryCache())
    name = asking.name(1, "main", 7, AsOf(NOON, 7))
    assert name == asking.name(1, "main", 7, AsOf(datetime(2026, 11, 25, 12, tzinfo=UTC), 7))
    assert len(name) == 32
    assert asking.name(*other) != name


async def test_another_release_does_not_read_what_this_one_wrote() -> None:
    assert answers(MemoryCache(), release="1").name("a") != answers(MemoryCache(), release="2").name("a")


async def test_what_was_not_written_for_this_question_is_no_answer() -> None:
    cache, done = MemoryCache(), list[bytes]()
    asking = answers(cache)
    name, other = asking.name("a"), asking.name("b")
    await asking.get(name, work(b"of a", done))
    await asking.get(other, work(b"of b", done))
    sealed = cache.values[name]
    assert b"of a" not in sealed
    forged = (
        cache.values[other],
        sealed[:-1],
        sealed + b"x",
        sealed[:14] + bytes([sealed[14] ^ 1]) + sealed[15:],
        b"of a",
        b"x" * 12,
        ChaChaSealing(b"k" * 32).seal(b"of a", name),
    )
    for value in forged:
        cache.values[name] = value
        assert await asking.get(name, work(b"anew", done)) == b"anew"
        assert await asking.get(name, work(b"not again", done)) == b"anew"


async def test_a_failure_is_not_kept() -> None:
    async def fail() -> bytes:
        raise ValueError("no")

    cache, done = MemoryCache(), list[bytes]()
    asking = answers(cache)
    with pytest.raises(ValueError, match="no"):
        await asking.get(asking.name("a"), fail)
    assert not cache.values
    assert await asking.get(asking.name("a"), work(b"yes", done)) == b"yes"


async def test_a_long_answer_is_given_and_not_kept() -> None:
    cache, done = MemoryCache(), list[bytes]()
    asking = answers(cache)
    assert len(await asking.get(asking.name("a"), work(bytes(CACHED_BYTES_MAX), done))) == CACHED_BYTES_MAX
    assert not cache.values
