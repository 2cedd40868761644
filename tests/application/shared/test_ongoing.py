"""What goes on in the background is started once, and stopped whatever it is about."""

import asyncio
from contextlib import suppress

import pytest

from application.shared.ongoing import Ongoing


class Looking(Ongoing):
    """Looks, until it is stopped."""

    stop_seconds = 0.05

    def __init__(self, *, is_stubborn: bool = False) -> None:
        self.looks = 0
        self.may_end = asyncio.Event()
        self._is_stubborn = is_stubborn

    async def _go_on(self) -> None:
        self.looks += 1
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        if self._is_stubborn:
            await self.may_end.wait()


async def test_it_goes_on_from_start_to_stop_and_again() -> None:
    looking = Looking()
    await looking.stop()
    for times in (1, 2):
        looking.start()
        await asyncio.sleep(0)
        assert looking.looks == times
        await looking.stop()


async def test_it_is_not_started_twice() -> None:
    looking = Looking()
    looking.start()
    with pytest.raises(AssertionError):
        looking.start()
    await looking.stop()


async def test_what_does_not_end_is_waited_for_no_longer_than_it_says() -> None:
    looking = Looking(is_stubborn=True)
    looking.start()
    await asyncio.sleep(0)
    await asyncio.wait_for(looking.stop(), 5)
    looking.may_end.set()
    await asyncio.sleep(0)
