"""Replicas: copies of the database that stream its changes, how far behind they are, and which one to read from.

Every quarter of a second the database is asked for the position of its log, each replica for the position that it has
got to, and the database once more. A replica that has got to a position has all that was answered before the database
was asked for it, by this machine's clock: so its lag depends on no other clock, and does not grow where nothing is
written.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from time import monotonic
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from application.ledger.ports import Applied, LedgerAddress
from application.shared.ongoing import Ongoing

POLL_SECONDS: Final = 0.25
ANSWER_SECONDS: Final = 2.0
# A replica that is further behind is not read from, whatever the client has seen.
LAG_SECONDS_MAX: Final = 5.0
# For how long positions are remembered: a replica that is further behind than this is known to be, and no more.
REMEMBERED_SECONDS: Final = 600.0
KNOWN_HEADS_MAX: Final = 100_000

_WRITTEN: Final = text("SELECT (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint")
_REPLAYED: Final = text("SELECT pg_is_in_recovery(), (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint")

_log = logging.getLogger("partita.replicas")


class Replica:
    """A copy of the database. `engine` is what is read from, `watch` the connection that asks how far it is."""

    def __init__(self, name: str, engine: AsyncEngine, watch: AsyncEngine) -> None:
        self.name = name
        self.engine = engine
        self.watch = watch
        self.trouble: str | None = "has not been asked yet"
        # Until when, by this machine's clock, it is known to have all that was answered.
        self.fresh_until: float | None = None
        self._ahead_at: int | None = None

    def lag_seconds(self, now: float) -> float | None:
        """Return how far it is behind at the most; None where nothing is known of it."""
        return None if self.fresh_until is None else max(0.0, now - self.fresh_until)

    def is_fit(self, now: float, lag_seconds_max: float) -> bool:
        """Return whether it can be read from, and is no further behind than that."""
        lag = self.lag_seconds(now)
        return self.trouble is None and lag is not None and lag <= lag_seconds_max

    def lose(self, error: BaseException) -> None:
        """Do without it until it answers again."""
        _log.debug("the replica %s: %r", self.name, error)
        self._tell("does not answer")

    async def ask(self) -> int | None:
        """Return the position that it has got to, or None where it does not say, or is no copy any more."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS), self.watch.connect() as connection:
                is_copy, position = (await connection.execute(_REPLAYED)).one()
        except Exception as error:  # whatever it is, it can be done without
            self.lose(error)
            return None
        if not is_copy:
            self._tell("is no replica any more: it takes changes itself")
            return None
        return int(position)

    def judge(self, position: int, now: float, written: Iterator[tuple[float, int]], last: int) -> None:
        """Take in where it was, given when the database was where, the latest first, and where it has been since."""
        # It has what the database never had, or has lost in a fail-over; until it moves, it follows something else.
        if position > last:
            self._ahead_at = position
        if position == self._ahead_at:
            self._tell("has events that the database has not: make it anew, or rewind it")
            return
        self._ahead_at = None
        reached = next((at for at, was in written if was <= position), None)
        self.fresh_until = reached if reached is not None else self.fresh_until
        lag = self.lag_seconds(now)
        self._tell(None if lag is not None and lag <= LAG_SECONDS_MAX else "is too far behind")

    def _tell(self, trouble: str | None) -> None:
        if trouble != self.trouble:
            if trouble is not None:
                _log.warning("the replica %s is not read from: it %s", self.name, trouble)
            elif self.trouble is not None:
                _log.info("the replica %s is read from", self.name)
        self.trouble = trouble


class Replicas(Ongoing):
    """The replicas of a database, and what this process knows to have been written to it lately."""

    def __init__(self, replicas: Sequence[Replica], database: AsyncEngine | None, *, staleness_seconds: float) -> None:
        """`database` is the connection that asks how far the database is, if there are replicas.

        Those who do not say what they have seen may be shown what is so many seconds old.
        """
        self.all: Final = tuple(replicas)
        self._database = database
        self._staleness_seconds = staleness_seconds
        self._written: deque[tuple[float, int]] = deque(maxlen=int(REMEMBERED_SECONDS / POLL_SECONDS))
        self._known: dict[LedgerAddress, tuple[int, float]] = {}
        self._turn = 0

    def choose(self, seen: int) -> Replica | None:
        """Return the replica whose turn it is to be read from by someone who has seen so much, if any is fit."""
        now = monotonic()
        lag_seconds_max = LAG_SECONDS_MAX if seen else self._staleness_seconds
        fit = [each for each in self.all if each.is_fit(now, lag_seconds_max)]
        if not fit:
            return None
        self._turn += 1
        return fit[self._turn % len(fit)]

    def known_head(self, ledger: LedgerAddress) -> int:
        """Return up to where a ledger is known to have been written lately; 0 where nothing is known."""
        return self._known.get(ledger, (0, 0.0))[0]

    def committed(self, ledger: LedgerAddress, applied: Sequence[Applied]) -> None:
        """Hear what this process has written."""
        recorded = applied[-1].recorded if applied else None
        if recorded is not None:
            self.heard(ledger, recorded.sequence)

    def heard(self, ledger: LedgerAddress, sequence: int) -> None:
        """Hear up to where someone has written to a ledger."""
        if not (self.all and self._staleness_seconds):
            return
        # Those heard of last are at the end.
        before = self._known.pop(ledger, (0, 0.0))[0]
        self._known[ledger] = (max(sequence, before), monotonic())
        if len(self._known) > KNOWN_HEADS_MAX:
            del self._known[next(iter(self._known))]

    def lags(self) -> Mapping[str, tuple[float | None, bool]]:
        """Return of each replica, by its name, how many seconds it lags, and whether it can be read from."""
        now = monotonic()
        return {each.name: (each.lag_seconds(now), each.is_fit(now, LAG_SECONDS_MAX)) for each in self.all}

    async def trouble(self) -> str | None:
        """Return how many of them are not read from, or None where all are. Names are for the log and the figures."""
        now = monotonic()
        unfit = sum(not each.is_fit(now, LAG_SECONDS_MAX) for each in self.all)
        if not unfit:
            return None
        return f"{unfit} of {len(self.all)} replicas cannot be read from: behind, or without an answer."

    def start(self) -> None:
        """Begin to ask, on the running loop, if there is anyone to be asked."""
        if self.all:
            super().start()

    async def close(self) -> None:
        """Close all connections."""
        engines = [engine for each in self.all for engine in (each.engine, each.watch)]
        for engine in [*engines, *([] if self._database is None else [self._database])]:
            await engine.dispose()

    async def _go_on(self) -> None:
        assert self._database is not None, "there are replicas of some database"
        while True:
            try:
                await self._ask(self._database)
            except Exception:
                _log.exception("how far replicas are cannot be found out")
            await asyncio.sleep(POLL_SECONDS)

    async def _ask(self, database: AsyncEngine) -> None:
        asked_at = monotonic()
        written = await _written(database)
        if written is not None:
            # Where the database has gone back, it has failed over: what it had since does not count.
            while self._written and self._written[-1][1] > written:
                self._written.pop()
            self._written.append((asked_at, written))
        positions = await asyncio.gather(*[each.ask() for each in self.all])
        last = await _written(database)
        now = monotonic()
        for replica, position in zip(self.all, positions, strict=True):
            if position is not None and last is not None:
                replica.judge(position, now, reversed(self._written), last)
        for ledger in [each for each, (_, at) in self._known.items() if at + LAG_SECONDS_MAX < now]:
            del self._known[ledger]


async def _written(database: AsyncEngine) -> int | None:
    """Return the position of the database's log; None where it is away, which those who write will tell of."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS), database.connect() as connection:
            return int(await connection.scalar(_WRITTEN))
    except Exception as error:  # none of it is a reason to stop asking
        _log.debug("the database does not say how far it is: %r", error)
        return None
