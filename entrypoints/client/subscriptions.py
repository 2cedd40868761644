"""Subscriptions: what has come of each and waits to be taken, and where it goes on from after a break."""

from collections import deque
from collections.abc import AsyncGenerator, Sequence
from typing import Final

from entrypoints.client.documents import Balance, Balances, Event, Json, read_balance, read_event
from entrypoints.client.line import Feed, Line

# So many events are sent ahead of the program that takes them, and no more: however slow it is, and whatever else goes
# over the same connection.
EVENTS_AHEAD_MAX: Final = 1_000


class EventSubscription(Feed):
    """Events of a ledger in order, none missing and none twice, whatever becomes of servers and connections.

    Iterate over it, in one task at a time; a later iteration goes on where the one before was left. `through` is the
    sequence up to which all events were handed over: begin with it as `after` in another program, once what was handed
    over is dealt with. It is None until it is known where "from now on" begins.
    """

    def __init__(self, line: Line, request: Json, after: int | None) -> None:
        super().__init__()
        self._line = line
        self._request = request
        self.through = after
        self._batches: deque[tuple[Sequence[Event], int]] = deque()
        self._breaks = 0

    def request(self) -> Json:
        """Return what asks for it: after what was handed over, as what was sent besides comes again."""
        self._batches.clear()
        self._breaks += 1
        place = {} if self.through is None else {"after": self.through}
        return {**self._request, **place, "acknowledge": EVENTS_AHEAD_MAX}

    def take(self, message: Json) -> None:
        """Take what the server says of it."""
        if message["type"] == "subscribed":
            if self.through is None:
                self.through = message["sequence"]
            return
        events = tuple(map(read_event, message["data"]))
        if not events and self._batches:
            # A sign of life needs no place of its own.
            last, _ = self._batches.pop()
            events = tuple(last)
        self._batches.append((events, message["through"]))
        self._has_come.set()

    async def __aiter__(self) -> AsyncGenerator[Event]:
        """Yield events as they come. Raises `Refused`, and `RuntimeError` once the client was left."""
        id = await self._line.open(self)
        try:
            while True:
                await self._wait()
                while self._batches:
                    events, through = self._batches.popleft()
                    breaks = self._breaks
                    for event in events:
                        # While one is dealt with, the connection may break, and the rest of them come again.
                        if event.sequence > (self.through or 0):
                            self.through = event.sequence
                            yield event
                    self.through = max(self.through or 0, through)
                    # A new connection knows nothing of what came over the one before.
                    if events and breaks == self._breaks and self._end is None:
                        await self._line.send({"type": "acknowledge", "id": id, "sequence": events[-1].sequence})
        finally:
            await self._line.close(id)


class BalanceSubscription(Feed):
    """The balances of some accounts: first all of them, then those that changed.

    Iterate over it, in one task at a time. Who is slow gets each balance as it is then, and not all that it was before.
    """

    def __init__(self, line: Line, request: Json) -> None:
        super().__init__()
        self._line = line
        self._request = request
        self._sequence = 0
        self._waiting: dict[tuple[str, str], Balance] = {}
        self._given: dict[tuple[str, str], Balance] | None = None

    def request(self) -> Json:
        """Return what asks for it: whole, as what was sent before says nothing any more."""
        self._waiting.clear()
        return self._request

    def take(self, message: Json) -> None:
        """Take what the server says of it."""
        if message["type"] == "subscribed":
            return
        self._sequence = message["sequence"]
        for balance in map(read_balance, message["data"]):
            self._waiting[balance.account, balance.asset] = balance
        self._has_come.set()

    async def __aiter__(self) -> AsyncGenerator[Balances]:
        """Yield balances as they come. Raises `Refused`, and `RuntimeError` once the client was left."""
        id = await self._line.open(self)
        self._given = None
        try:
            while True:
                await self._wait()
                given: dict[tuple[str, str], Balance] = self._given or {}
                # After a break all of them come again.
                changed = {key: each for key, each in self._waiting.items() if given.get(key) != each}
                self._waiting.clear()
                if changed or self._given is None:
                    self._given = given | changed
                    yield Balances(self._sequence, tuple(changed.values()))
        finally:
            await self._line.close(id)
