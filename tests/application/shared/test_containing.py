"""What others raise ends nothing but itself; what ends this task or this process does."""

import asyncio
from collections.abc import Generator

import pytest

from application.shared.containing import contained
from application.shared.extension_watch import ExtensionWatch
from tests.application.ledger.policed import Panic


@pytest.mark.parametrize("error", [Panic("of theirs"), SystemExit(3), asyncio.CancelledError()], ids=repr)
def test_what_is_no_exception_becomes_one_and_is_named(error: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RuntimeError) as told, ExtensionWatch("theirs").doing("a thing", slow_seconds=1):
        raise error
    assert told.value.__cause__ is error
    assert "the extension theirs failed in a thing" in caplog.text
    assert type(error).__name__ in caplog.text


async def test_a_cancellation_that_nobody_asked_for_is_one_too() -> None:
    with pytest.raises(RuntimeError), contained():
        raise asyncio.CancelledError


async def test_a_task_can_be_cancelled_and_timed_out() -> None:
    async def wait() -> None:
        with contained():
            await asyncio.sleep(60)

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await wait()


def test_the_process_can_be_interrupted_and_what_is_left_early_is_left() -> None:
    with pytest.raises(KeyboardInterrupt), contained():
        raise KeyboardInterrupt

    def some() -> Generator[int, None, None]:
        with contained():
            yield 1

    found = some()
    assert next(found) == 1
    found.close()
