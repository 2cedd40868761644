"""Replicas: copies of the database that stream its changes, how far behind they are, and which one to read from.

Every quarter of a second the database is asked for the position of its log. As often each replica is asked for the
position that it has got to, whatever the others do, and then the database once more. A replica that has got to a
position has all that was answered before the database was asked for it, by this machine's clock: so its lag depends on
no other clock, and does not grow where nothing is written.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import takewhile
from math import inf
from time import monotonic
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import QueuePool

from adapters.postgres.failures import is_undone
from adapters.postgres.log_ins import power_of_log_in
from application.ledger.ports import Applied, LedgerAddress
from application.shared.ongoing import Ongoing
from application.shared.ports import StoreBusy, StoreUnavailable
from application.shared.telling import Telling

POLL_SECONDS: Final = 0.25
ANSWER_SECONDS: Final = 2.0
# A replica that is further behind is not read from, whatever the client has seen.
LAG_SECONDS_MAX: Final = 5.0
# For how long positions are remembered: a replica that is further behind than this is known to be, and no more.
REMEMBERED_SECONDS: Final = 600.0
KNOWN_HEADS_MAX: Final = 100_000
# For how long a replica that a reader has lost is done without, whatever it says of itself; twice as long each time.
AWAY_SECONDS: Final = 2.0
AWAY_SECONDS_MAX: Final = 30.0

# Which database it is, of which server, and, of the primary, on which timeline: a fail-over begins another one.
_WHICH: Final = "(SELECT system_identifier FROM pg_control_system()), \
(SELECT oid::bigint FROM pg_database WHERE datname = current_database())"
_WRITTEN: Final = text(
    f"SELECT {_WHICH}, left(pg_walfile_name(pg_current_wal_lsn()), 8), (pg_current_wal_lsn() - '0/0'::pg_lsn)::bigint"
)
_REPLAYED: Final = text(f"SELECT {_WHICH}, pg_is_in_recovery(), (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint")

_log = logging.getLogger("partita.replicas")


class Replica:
    """A copy of the database. `engine` is what is read from, `watch` the connection that asks how far it is.

    With `must_be_bound`, it is not read from if its user could do more than the role that servers become.
    """

    def __init__(self, name: str, engine: AsyncEngine, watch: AsyncEngine, *, must_be_bound: bool = False) -> None:
        self.name = name
        self.engine = engine
        self.watch = watch
        self._must_be_bound = must_be_bound
        self.trouble: str | None = "has not been asked yet"
        # Until when, by this machine's clock, it is known to have all that was answered.
        self.fresh_until: float | None = None
        # Where it is not trusted, and why: whatever it follows there, it is not the database.
        self._stuck: tuple[int, str] | None = None
        self._has_to_move = False
        self._away_until = -inf
        self._away_seconds = AWAY_SECONDS

    def lag_seconds(self, now: float) -> float | None:
        """Return how far it is behind at the most; None where nothing is known of it."""
        return None if self.fresh_until is None else max(0.0, now - self.fresh_until)

    def is_fit(self, now: float, lag_seconds_max: float) -> bool:
        """Return whether it can be read from, and is no further behind than that."""
        lag = self.lag_seconds(now)
        return self.trouble is None and lag is not None and lag <= lag_seconds_max

    @property
    def has_room(self) -> bool:
        """Return whether a connection is free, or can be made: nobody waits for one."""
        pool = self.engine.pool
        return not isinstance(pool, QueuePool) or pool.checkedout() < pool.size()

    def lose(self, error: BaseException) -> None:
        """Do without it for some seconds, and until it answers: whoever read from it has waited in vain."""
        now = monotonic()
        if now >= self._away_until:
            # One that was well for a while is not held its past against.
            is_again = now < self._away_until + AWAY_SECONDS_MAX
            self._away_seconds = min(2 * self._away_seconds, AWAY_SECONDS_MAX) if is_again else AWAY_SECONDS
            self._away_until = now + self._away_seconds
        self._miss(error)

    def doubt(self) -> None:
        """Trust it again when it moves, or is where the database is: which has failed over, or is another one."""
        self.fresh_until = None
        self._has_to_move = True

    @contextmanager
    def read_from(self) -> Iterator[None]:
        """Lose it if it goes away, or falls silent, while something is read from it."""
        try:
            yield
        except StoreBusy:
            raise
        except StoreUnavailable as error:
            # A read that it has cancelled is none of its troubles.
            if error.__cause__ is None or not is_undone(error.__cause__):
                self.lose(error)
            raise

    async def ask(self, which: tuple[int, int]) -> int | None:
        """Return the position that it has got to, or None where it does not say, or is no copy of that database."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS), self.watch.connect() as connection:
                *is_of, is_copy, position = (await connection.execute(_REPLAYED)).one()
                # Each time: it may be another server by now, or have other users.
                power = await power_of_log_in(connection) if self._must_be_bound else None
        except Exception as error:  # whatever it is, it can be done without
            self._miss(error)
            return None
        if tuple(is_of) != which:
            self._tell("is of another database")
        elif not is_copy:
            self._tell("is no replica any more: it takes changes itself")
        elif power is not None:
            self._tell(f"is logged in to as {power[0]}, who {power[1]}")
        else:
            return int(position)
        return None

    def judge(self, position: int, now: float, written: Iterator[tuple[float, int]], last: int) -> None:
        """Take in where it was, given when the database was where, the latest first, and where it has been since."""
        # It has what the database never had, or has lost in a fail-over; until it moves, it follows something else.
        if position > last:
            self._stuck = position, "has events that the database has not: make it anew, or rewind it"
        elif self._has_to_move and position != last:
            self._stuck = position, "has not followed the fail-over"
        self._has_to_move = False
        if self._stuck is not None and self._stuck[0] == position:
            self._tell(self._stuck[1])
            return
        self._stuck = None
        reached = next((at for at, was in written if was <= position), None)
        self.fresh_until = reached if reached is not None else self.fresh_until
        if now < self._away_until:
            return
        lag = self.lag_seconds(now)
        self._tell(None if lag is not None and lag <= LAG_SECONDS_MAX else "is too far behind")

    def _miss(self, error: BaseException) -> None:
        _log.debug("the replica %s: %r", self.name, error)
        self._tell("does not answer")

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
        # The server, the number of the database there, and the timeline.
        self._source: tuple[int, int, str] | None = None
        self._known: dict[LedgerAddress, tuple[int, float]] = {}
        # Until when this process may have forgotten what was written lately.
        self._forgetful_until = -inf
        self._turn = 0

    def fit(self, seen: int) -> list[Replica]:
        """Return those that someone who has seen so much can read from; each time it is another one's turn first."""
        now = monotonic()
        if not seen and now < self._forgetful_until:
            return []
        lag_seconds_max = LAG_SECONDS_MAX if seen else self._staleness_seconds
        fit = [each for each in self.all if each.is_fit(now, lag_seconds_max) and each.has_room]
        self._turn += 1
        first = self._turn % len(fit) if fit else 0
        return fit[first:] + fit[:first]

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
        now = monotonic()
        self._known[ledger] = (max(sequence, before), now)
        if len(self._known) > KNOWN_HEADS_MAX:
            del self._known[next(iter(self._known))]
            self._forgetful_until = now + LAG_SECONDS_MAX

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
        async with asyncio.TaskGroup() as group:
            group.create_task(_again_and_again(partial(self._look, self._database)))
            for replica in self.all:
                group.create_task(_again_and_again(partial(self._judge, replica, self._database)))

    async def _look(self, database: AsyncEngine) -> None:
        """Remember where the database is, and forget what nobody needs to remember any more."""
        asked_at = monotonic()
        position = await self._position(database)
        if position is not None:
            self._written.append((asked_at, position))
        # Those heard of first are at the front.
        old = takewhile(lambda known: known[1][1] + LAG_SECONDS_MAX < asked_at, self._known.items())
        for ledger in [ledger for ledger, _ in old]:
            del self._known[ledger]

    async def _judge(self, replica: Replica, database: AsyncEngine) -> None:
        source = self._source
        position = None if source is None else await replica.ask(source[:2])
        if position is None:
            return
        last = await self._position(database)
        if last is not None and self._source == source:
            replica.judge(position, monotonic(), reversed(self._written), last)

    async def _position(self, database: AsyncEngine) -> int | None:
        """Return the position of the database's log; None where it is away, which those who write will tell of.

        Of a database that has failed over, or is another one, what was known before does not count.
        """
        try:
            async with asyncio.timeout(ANSWER_SECONDS), database.connect() as connection:
                server, number, timeline, position = (await connection.execute(_WRITTEN)).one()
        except Exception as error:  # none of it is a reason to stop asking
            _log.debug("the database does not say how far it is: %r", error)
            return None
        before, self._source = self._source, (server, number, timeline)
        if before not in (None, self._source):
            self._written.clear()
            for replica in self.all:
                replica.doubt()
        return int(position)


async def _again_and_again(ask: Callable[[], Awaitable[None]]) -> None:
    fault = "how far replicas are cannot be found out"
    telling = Telling(_log, fault, fault)
    while True:
        try:
            await ask()
        except Exception as error:
            telling.tell(error)
        await asyncio.sleep(POLL_SECONDS)
