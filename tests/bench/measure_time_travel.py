"""Balances at any time and sequence: as quick in a long history as in a short one?"""

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from application.ledger.spans import AsOf
from domain.shared.access import Permission
from tests.bench.bench import Bench, Done
from tests.bench.failures import BenchFailed
from tests.bench.figures import Figure, Target
from tests.bench.stage import Stage
from tests.histories import HOT, HOT_EVERY, History, minute

SECTION: Final = "time travel"
_SHORT_ENTRIES: Final = 10_000
_RATIO_MAX: Final = 1.2
_ACCOUNTS: Final = 1_000
_WARM_UP: Final = 50
# As many answers as this are also worked out one by one, in the short history.
_CHECKED: Final = 20

PointOfView = Callable[[History, random.Random], AsOf]


def _now(history: History, dice: random.Random) -> AsOf:
    return AsOf()


def _at(history: History, dice: random.Random) -> AsOf:
    return AsOf(minute(dice.randrange(history.transactions)))


def _known(history: History, dice: random.Random) -> AsOf:
    return AsOf(sequence=history.sequence_of(dice.randrange(history.transactions)))


def _at_and_known(history: History, dice: random.Random) -> AsOf:
    effective, known = sorted(dice.randrange(history.transactions) for _ in range(2))
    return AsOf(minute(effective), history.sequence_of(known))


_AXES: Final[dict[str, PointOfView]] = {
    "now": _now,
    "as of a time": _at,
    "as of a sequence": _known,
    "as of both": _at_and_known,
}


@dataclass(slots=True)
class _Ledger:
    """A ledger with a history, and how long each reading of its hot account took."""

    slug: str
    history: History
    dice: random.Random = field(default_factory=lambda: random.Random("time travel"))
    milliseconds: dict[str, list[float]] = field(default_factory=lambda: {axis: [] for axis in _AXES})


async def measure_time_travel(bench: Bench) -> None:
    """Measure the section: two long histories beside short ones that are like them, one in a hundred late, and all."""
    for lateness, is_all_late in (("1% late", False), ("100% late", True)):
        async with bench.stage(f"time-travel-{lateness.partition('%')[0]}") as stage:
            short = _Ledger("short", History(_SHORT_ENTRIES, _ACCOUNTS, is_all_late))
            long = _Ledger("long", History(bench.plan.history_entries, _ACCOUNTS, is_all_late))
            for ledger in (short, long):
                with bench.phase(f"{SECTION}: writing {ledger.history.entries:,} entries, {lateness}"):
                    await _fill(stage, ledger)
            await _check(stage, short)
            with bench.phase(f"{SECTION}: reading, {lateness}", seconds=bench.plan.phase_seconds) as done:
                await _read_by_turns(stage, [short, long], bench.plan.phase_seconds, done)
            _record(bench, short, long, lateness, None if is_all_late else _RATIO_MAX)


async def _fill(stage: Stage, ledger: _Ledger) -> None:
    books = await stage.new_books(ledger.slug, _ACCOUNTS)
    connection = await asyncpg.connect(stage.urls.database_url)
    try:
        ledger_id = await stage.ledger_id(connection, books)
        await ledger.history.write(connection, stage.principal.organisation_id, ledger_id)
        # As autovacuum would within minutes; otherwise it comes in the middle of the readings.
        await connection.execute("VACUUM ANALYZE entries, late_entries, late_blocks")
    finally:
        await connection.close()


async def _check(stage: Stage, ledger: _Ledger) -> None:
    """Return if answers are right. Raises `BenchFailed`."""
    history = ledger.history
    for _ in range(_CHECKED):
        effective, known = (ledger.dice.randrange(history.transactions) for _ in range(2))
        sequence = history.sequence_of(known)
        found = await _read(stage, ledger, AsOf(minute(effective), sequence))
        expected = history.hot_debits(effective, sequence)
        if found != expected:
            raise BenchFailed(f"{HOT} held {expected} at minute {effective} as of {sequence}, and {found} was read.")


async def _read(stage: Stage, ledger: _Ledger, as_of: AsOf) -> int:
    async with stage.services.ledgers.read(stage.principal, Permission.ACCOUNTS_READ) as reads:
        _, held = await reads.accounts.balances(ledger.slug, HOT, as_of=as_of)
    return sum(each.balance.posted_debits for each in held)


async def _read_by_turns(stage: Stage, ledgers: list[_Ledger], seconds: float, done: Done) -> None:
    """Read each ledger on each axis in turn, so that whatever else the machine does falls on all of them alike."""
    turn, ends = 0, float("inf")
    while time.monotonic() < ends or turn < 2 * _WARM_UP:
        for axis, point_of_view in _AXES.items():
            for ledger in ledgers:
                as_of = point_of_view(ledger.history, ledger.dice)
                began = time.perf_counter()
                await _read(stage, ledger, as_of)
                if turn >= _WARM_UP:
                    ledger.milliseconds[axis].append((time.perf_counter() - began) * 1e3)
        turn += 1
        if turn == _WARM_UP:
            ends = time.monotonic() + seconds
        done(turn)


def _record(bench: Bench, short: _Ledger, long: _Ledger, lateness: str, ratio_max: float | None) -> None:
    for axis in _AXES:
        medians = [statistics.median(ledger.milliseconds[axis]) for ledger in (short, long)]
        for ledger, median in zip((short, long), medians, strict=True):
            entries = ledger.history.entries
            facts = {"readings": len(ledger.milliseconds[axis]), "entries_on_account": entries // HOT_EVERY}
            name = f"{lateness}, {axis}: {entries:,} entries"
            bench.record(Figure(SECTION, name, None, median, "ms", facts=facts))
        target = None if ratio_max is None else Target.AT_MOST
        bench.record(
            Figure(
                SECTION, f"{lateness}, {axis}: long to short", None, medians[1] / medians[0], "ratio", target, ratio_max
            )
        )
