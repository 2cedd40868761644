"""How a part of the server is, for however many ask."""

import asyncio

from application.shared.remembered_health import RememberedHealth
from tests.application.seconds import Seconds


class Part:
    """A part of the server that counts how often it is asked."""

    def __init__(self) -> None:
        self.wrong: str | None = None
        self.asked = 0

    async def trouble(self) -> str | None:
        self.asked += 1
        await asyncio.sleep(0)
        return self.wrong


async def test_a_part_is_asked_once_a_second_however_many_want_to_know() -> None:
    part, seconds = Part(), Seconds()
    health = RememberedHealth(part, seconds=seconds)
    assert await asyncio.gather(*[health.trouble() for _ in range(20)]) == [None] * 20
    part.wrong = "It is away."
    seconds.passed += 0.9
    assert await health.trouble() is None
    assert part.asked == 1
    seconds.passed += 0.1
    assert await asyncio.gather(*[health.trouble() for _ in range(20)]) == ["It is away."] * 20
    assert part.asked == 2
