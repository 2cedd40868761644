"""Work that many want at once: done once, whoever goes away, and tried again where it failed."""

import asyncio

import pytest

from application.shared.single_flight import SingleFlight


class Work:
    """Work that goes on when `gate` opens, and counts how often it was begun."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.begun = 0
        self.failure: Exception | None = None

    async def __call__(self) -> int:
        self.begun += 1
        result = self.begun
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return result


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_many_who_want_the_same_share_it_and_others_do_not() -> None:
    flight, work, other = SingleFlight[str, int](), Work(), Work()
    waiting = [asyncio.create_task(flight.once("a", work)) for _ in range(100)]
    apart = asyncio.create_task(flight.once("b", other))
    await settled()
    work.gate.set()
    other.gate.set()
    assert await asyncio.gather(*waiting) == [1] * 100
    assert await apart == 1
    assert (work.begun, other.begun) == (1, 1)
    assert await flight.once("a", work) == 2, "what is done is not kept"


async def test_who_goes_away_stops_it_for_nobody_else() -> None:
    flight, work = SingleFlight[str, int](), Work()
    first, second = [asyncio.create_task(flight.once("a", work)) for _ in range(2)]
    await settled()
    first.cancel()
    await settled()
    assert first.cancelled()
    third = asyncio.create_task(flight.once("a", work))
    await settled()
    work.gate.set()
    assert (await second, await third) == (1, 1)
    assert work.begun == 1


async def test_a_failure_is_of_those_who_waited_for_it() -> None:
    flight, work = SingleFlight[str, int](), Work()
    work.failure = ValueError("no")
    waiting = [asyncio.create_task(flight.once("a", work)) for _ in range(3)]
    await settled()
    work.gate.set()
    assert [str(each) for each in await asyncio.gather(*waiting, return_exceptions=True)] == ["no"] * 3
    work.failure = None
    assert await flight.once("a", work) == 2


async def test_a_failure_that_nobody_waits_for_any_more_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    flight, work = SingleFlight[str, int](), Work()
    work.failure = ValueError("no")
    only = asyncio.create_task(flight.once("a", work))
    await settled()
    only.cancel()
    await settled()
    work.gate.set()
    await settled()
    assert work.begun == 1
    assert not caplog.records


async def test_what_is_left_behind_answers_nobody_who_comes_later() -> None:
    flight, work = SingleFlight[str, int](), Work()
    early = asyncio.create_task(flight.once("a", work))
    await settled()
    flight.leave_behind()
    late = asyncio.create_task(flight.once("a", work))
    await settled()
    work.gate.set()
    assert (await early, await late) == (1, 2)
    # The end of the first did not end the sharing of the second.
    assert await flight.once("a", work) == 3
