"""Last uses of keys are kept in the background, once a minute, and quietly let go."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import pytest

from application.identity.key_uses import KeyUseMarks
from application.shared.ports import StoreUnavailable

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


class StillClock:
    """A clock that stands."""

    def now(self) -> datetime:
        return NOW


class SlowUses:
    """Where uses are kept when `gate` opens, or refused."""

    def __init__(self) -> None:
        self.kept: list[tuple[int, str, datetime, datetime]] = []
        self.gate = asyncio.Event()
        self.refusal: Exception | None = None

    async def mark(self, organisation_id: int, id: str, now: datetime, *, unless_after: datetime) -> None:
        await self.gate.wait()
        if self.refusal is not None:
            raise self.refusal
        self.kept.append((organisation_id, id, now, unless_after))


async def test_nobody_waits_and_each_key_is_kept_once_a_minute() -> None:
    uses = SlowUses()
    marks = KeyUseMarks(uses, StillClock())
    for _ in range(3):
        marks.note(7, "key_1")
    marks.note(8, "key_2")
    await asyncio.sleep(0)
    assert uses.kept == []
    uses.gate.set()
    await marks.settle()
    before = NOW - timedelta(minutes=1)
    assert uses.kept == [(7, "key_1", NOW, before), (8, "key_2", NOW, before)]


async def test_what_is_lost_while_the_store_is_away_is_let_go_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    uses = SlowUses()
    uses.gate.set()
    uses.refusal = StoreUnavailable("gone")
    marks = KeyUseMarks(uses, StillClock())
    with caplog.at_level(logging.INFO):
        marks.note(7, "key_1")
        await marks.settle()
    assert caplog.records == []
    uses.refusal = ValueError("a bug")
    marks.note(7, "key_2")
    await marks.settle()
    assert [record.levelname for record in caplog.records] == ["ERROR"]
