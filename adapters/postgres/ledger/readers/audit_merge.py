"""Merging logs that are each in the order of their times into one list, the newest first, within a bound of rows."""

import heapq
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

# As many logs are read at a time, and as many rows in all at first.
_STREAMS_EACH: Final = 64
_ROWS_AT_FIRST: Final = 1_024
_GROWTH: Final = 4


@dataclass(slots=True)
class Stream:
    """A log that is read backwards: `sequence` is what is read next, and is of the time `at` or of an earlier one."""

    id: int
    slug: str | None
    sequence: int
    at: datetime
    window: int = 0
    rows: deque["Row"] = field(default_factory=deque)


@dataclass(frozen=True, slots=True)
class Row:
    """An event in its log, with how its bytes begin and end."""

    stream: Stream
    sequence: int
    at: datetime
    beginning: bytes
    ending: bytes


ReadRows = Callable[[Sequence[Stream], int], Awaitable[Iterable[tuple[int, Row]]]]
"""Returns so many rows of each log, from its `sequence` on backwards."""


@dataclass(order=True, slots=True)
class _Next:
    """A log in the heap, that with the latest event first; ids are compared where times are the same."""

    earlier: int
    lower: int
    stream: Stream = field(compare=False)


class Merge:
    """One page of the logs, which looks at `rows_max` rows at most, or as many more as it takes to find the first."""

    def __init__(self, streams: Iterable[Stream], read: ReadRows, *, rows_max: int, limit: int) -> None:
        self._heap = [_next(stream) for stream in streams]
        heapq.heapify(self._heap)
        self._read = read
        self._budget = rows_max
        self._limit = limit

    async def page(
        self, belongs: Callable[[Row], bool], *, not_before: tuple[datetime, bool] | None
    ) -> tuple[list[Row], Row | None]:
        """Return the rows that belong there, and the last one looked at if others may come after it.

        Nothing belongs there that is earlier than `not_before`, or of that very time where it says false.
        """
        found: list[Row] = []
        last: Row | None = None
        while self._heap:
            stream = self._heap[0].stream
            if not_before is not None and (stream.at < not_before[0] or (stream.at, False) == not_before):
                return found, None
            if not stream.rows:
                if self._budget <= 0 and last is not None:  # every page comes further
                    return found, last
                await self._fill()
                continue
            row = stream.rows.popleft()
            self._advance(stream, row)
            if belongs(row):
                if len(found) == self._limit:
                    return found, found[-1]
                found.append(row)
            last = row
        return found, None

    def _advance(self, stream: Stream, row: Row) -> None:
        stream.sequence = row.sequence - 1
        stream.at = stream.rows[0].at if stream.rows else row.at
        if stream.sequence == 0:
            heapq.heappop(self._heap)
        else:
            heapq.heapreplace(self._heap, _next(stream))

    async def _fill(self) -> None:
        """Read more of the logs at the top that have nothing read."""
        budget = max(1, self._budget)
        streams: list[Stream] = []
        while self._heap and not self._heap[0].stream.rows and len(streams) < min(_STREAMS_EACH, budget):
            streams.append(heapq.heappop(self._heap).stream)
        window = streams[0].window or min(self._limit + 1, _ROWS_AT_FIRST // len(streams))
        each = max(1, min(window, budget // len(streams)))
        for _, row in await self._read(streams, each):
            row.stream.rows.append(row)
            self._budget -= 1
        for stream in streams:
            stream.window = window * _GROWTH
            stream.at = stream.rows[0].at
            heapq.heappush(self._heap, _next(stream))


def _next(stream: Stream) -> _Next:
    return _Next(-_microseconds(stream.at), -stream.id, stream)


def _microseconds(moment: datetime) -> int:
    whole = moment.toordinal() * 86_400 + moment.hour * 3_600 + moment.minute * 60 + moment.second
    return whole * 1_000_000 + moment.microsecond
