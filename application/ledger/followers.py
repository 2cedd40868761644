"""Who follows a ledger, and which of its events concern whom."""

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from application.ledger.event_lines import event_line
from application.ledger.readers import StoredEvent
from domain.shared.patterns import Pattern

# Of one follower who does not take them as they come. All share the events, so these are mostly references.
WAITING_EVENTS_MAX: Final = 5_000
WAITING_BYTES_MAX: Final = 16 * 1024 * 1024


Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events: those of these types, if there are any, that name an account which fits."""

    types: frozenset[str] = frozenset()
    account: Pattern | None = None

    def wants(self, event: "RelayedEvent") -> bool:
        """Return whether it is one of them."""
        return (not self.types or event.type in self.types) and (
            self.account is None or any(self.account.matches(path) for path in event.accounts)
        )


@dataclass(frozen=True, slots=True)
class BalanceFilter:
    """Which events: those that may change a balance of these accounts.

    Those of a hold may, whichever its accounts: an event does not always name them.
    """

    accounts: frozenset[str]

    def wants(self, event: "RelayedEvent") -> bool:
        """Return whether it is one of them."""
        return event.hold is not None or not self.accounts.isdisjoint(event.accounts)


Wanted = EventFilter | BalanceFilter
EVERY_EVENT: Final = EventFilter()


@dataclass(frozen=True, slots=True)
class RelayedEvent:
    """An event of a log, what followers are found by, and its line of JSON, which is written once for all of them.

    `hold` is the one that it is about, if any: its accounts may be others than those that the event names.
    """

    stored: StoredEvent
    type: str
    accounts: frozenset[str]
    hold: str | None
    line: bytes

    @property
    def sequence(self) -> int:
        """Return its sequence in the log."""
        return self.stored.sequence

    @staticmethod
    def of(stored: StoredEvent) -> "RelayedEvent":
        """Return a stored event with what followers are found by."""
        document = json.loads(stored.content)
        name, data = document["type"], document["data"]
        hold = data["id"] if name.startswith("hold.") else data.get("hold")
        return RelayedEvent(stored, name, named_accounts(data), hold, event_line(stored))


def named_accounts(data: dict[str, Any]) -> frozenset[str]:
    """Return the accounts that an event's data name: its own, and those of its entries."""
    entries = [entry["account"] for entry in data.get("entries", ())]
    return frozenset(entries if "account" not in data else [data["account"], *entries])


@dataclass(eq=False, slots=True)
class Follower:
    """One who follows a ledger, what waits for it, and how it is called when something does."""

    wanted: Wanted
    call: Callable[[], None]
    waiting: deque[RelayedEvent] = field(default_factory=deque)
    waiting_bytes: int = 0
    is_behind: bool = False

    def give(self, event: RelayedEvent) -> None:
        """Let the event wait, or else know that some are missing."""
        if self.is_behind or len(self.waiting) >= WAITING_EVENTS_MAX or self.waiting_bytes >= WAITING_BYTES_MAX:
            self.is_behind = True
        else:
            self.waiting.append(event)
            self.waiting_bytes += len(event.line)
        self.call()

    def take(self) -> RelayedEvent:
        """Return what has waited longest."""
        event = self.waiting.popleft()
        self.waiting_bytes -= len(event.line)
        return event


class Followers:
    """Who follows a ledger, so that finding whom an event concerns is a look-up where accounts are named."""

    def __init__(self) -> None:
        self._of_account: dict[str, set[Follower]] = {}
        self._of_holds: set[Follower] = set()
        self._of_filter: dict[Wanted, set[Follower]] = {}

    def add(self, follower: Follower) -> None:
        """Tell this one from now on."""
        match follower.wanted:
            case BalanceFilter(accounts):
                self._of_holds.add(follower)
                for account in accounts:
                    self._of_account.setdefault(account, set()).add(follower)
            case EventFilter(account=account) if account is not None and account.is_exact:
                self._of_account.setdefault(account.text, set()).add(follower)
            case wanted:
                self._of_filter.setdefault(wanted, set()).add(follower)

    def remove(self, follower: Follower) -> None:
        """Tell this one no more."""
        match follower.wanted:
            case BalanceFilter(accounts):
                self._of_holds.discard(follower)
                for account in accounts:
                    _take_out(self._of_account, account, follower)
            case EventFilter(account=account) if account is not None and account.is_exact:
                _take_out(self._of_account, account.text, follower)
            case wanted:
                _take_out(self._of_filter, wanted, follower)

    def call_all(self) -> None:
        """Have all of them look around."""
        for there in (*self._of_account.values(), *self._of_filter.values()):
            for follower in there:
                follower.call()

    def tell(self, event: RelayedEvent) -> None:
        """Give the event to all whom it concerns."""
        for wanted, followers in self._of_filter.items():
            if wanted.wants(event):
                for follower in followers:
                    follower.give(event)
        concerned: set[Follower] = set() if event.hold is None else set(self._of_holds)
        for account in event.accounts:
            if there := self._of_account.get(account):
                concerned |= there
        for follower in concerned:
            if follower.wanted.wants(event):
                follower.give(event)


def _take_out(places: dict[Key, set[Follower]], key: Key, follower: Follower) -> None:
    there = places[key]
    there.discard(follower)
    if not there:
        del places[key]
