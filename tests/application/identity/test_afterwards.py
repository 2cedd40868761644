"""What is done after the answer."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from application.identity.afterwards import Afterwards
from application.shared.ports import StoreUnavailable


def noting(done: list[str], name: str, *, fails: list[Exception] | None = None) -> Callable[[], Awaitable[None]]:
    """Work that notes its name when it is done, and raises each of these first."""

    async def work() -> None:
        await asyncio.sleep(0)
        if fails:
            raise fails.pop(0)
        done.append(name)

    return work


async def test_nothing_is_done_before_whoever_asks_goes_on_and_then_all_in_order() -> None:
    afterwards, done = Afterwards(retry_seconds=0.01), list[str]()
    afterwards.begin(noting(done, "first", fails=[StoreUnavailable("away")]))
    afterwards.begin(noting(done, "second"))
    assert done == []
    await afterwards.settle()
    assert done == ["first", "second"]


async def test_what_fails_is_told_of_and_hinders_nothing(caplog: pytest.LogCaptureFixture) -> None:
    afterwards, done = Afterwards(retry_seconds=0.01), list[str]()
    afterwards.begin(noting(done, "away", fails=[StoreUnavailable("away"), StoreUnavailable("away")]))
    afterwards.begin(noting(done, "wrong", fails=[ValueError("a bug")]))
    afterwards.begin(noting(done, "right"))
    await afterwards.settle()
    assert done == ["right"]
    assert caplog.text.count("was not done") == 2


async def test_only_so_much_waits(caplog: pytest.LogCaptureFixture) -> None:
    afterwards, done = Afterwards(waiting_max=2), list[str]()
    for name in ("first", "second", "third"):
        afterwards.begin(noting(done, name))
    await afterwards.settle()
    assert done == ["first", "second"]
    assert "2 wait already" in caplog.text
