"""Who follows a ledger, and which of its events concern whom."""

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import accumulate, takewhile
from typing import Any, Final, TypeVar

from application.ledger.event_lines import event_line
from application.ledger.readers import StoredEvent
from domain.ledger.events import HoldPlaced
from domain.shared.errors import Overloaded
from domain.shared.patterns import Pattern

# Of one follower who does not take them as they come. All share the events, so these are mostly references.
WAITING_EVENTS_MAX: Final = 5_000
WAITING_BYTES_MAX: Final = 16 * 1024 * 1024
# Of a ledger, beside those of one account: each that may fit is tried on an event.
FILTERS_MAX: Final = 1_000


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
    """Which events: those that may change a balance of these accounts."""

    accounts: frozenset[str]

    def wants(self, event: "RelayedEvent") -> bool:
        """Return whether it is one of them."""
        return event.touched is None or not self.accounts.isdisjoint(event.touched)


Filter = EventFilter | BalanceFilter
EVERY_EVENT: Final = EventFilter()
HOLD_PLACED: Final = HoldPlaced.type


@dataclass(frozen=True, slots=True)
class RelayedEvent:
    """An event of a log, what followers are found by, and its line of JSON, which is written once for all of them.

    `accounts` are those that it names. `touched` are those whose balances it may change: where it is about a hold, that
    takes knowing the `hold`, and is None where that is not known.
    """

    stored: StoredEvent
    type: str
    accounts: frozenset[str]
    hold: str | None
    touched: frozenset[str] | None
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
        accounts = named_accounts(data)
        # What is placed names all of them.
        touched = accounts if hold is None or name == HOLD_PLACED else None
        return RelayedEvent(stored, name, accounts, hold, touched, event_line(stored))

    def touching(self, accounts: frozenset[str]) -> "RelayedEvent":
        """Return it with the accounts of its hold."""
        return replace(self, touched=self.accounts | accounts)


def named_accounts(data: dict[str, Any]) -> frozenset[str]:
    """Return the accounts that an event's data name: its own, and those of its entries."""
    entries = [entry["account"] for entry in data.get("entries", ())]
    return frozenset(entries if "account" not in data else [data["account"], *entries])


@dataclass(eq=False, slots=True)
class Follower:
    """One who follows a ledger, what waits for it, and how it is called when something does."""

    wanted: Filter
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
        self.of_balances: set[Follower] = set()
        # By what every path that fits begins with, "" where that is nothing.
        self._of_filter: dict[str, dict[EventFilter, set[Follower]]] = {}
        self._filters = 0

    def add(self, follower: Follower) -> None:
        """Tell this one from now on. Raises `Overloaded` where there are 1,000 other filters already."""
        match follower.wanted:
            case BalanceFilter(accounts):
                self.of_balances.add(follower)
                for account in accounts:
                    self._of_account.setdefault(account, set()).add(follower)
            case EventFilter(account=account) if account is not None and account.is_exact:
                self._of_account.setdefault(account.text, set()).add(follower)
            case EventFilter() as wanted:
                alike = self._of_filter.get(_beginning(wanted), {})
                if wanted not in alike and self._filters >= FILTERS_MAX:
                    raise Overloaded(
                        f"{FILTERS_MAX:,} different filters of the ledger are followed. Follow an account."
                    )
                self._filters += wanted not in alike
                self._of_filter.setdefault(_beginning(wanted), alike).setdefault(wanted, set()).add(follower)

    def remove(self, follower: Follower) -> None:
        """Tell this one no more."""
        match follower.wanted:
            case BalanceFilter(accounts):
                self.of_balances.discard(follower)
                for account in accounts:
                    _take_out(self._of_account, account, follower)
            case EventFilter(account=account) if account is not None and account.is_exact:
                _take_out(self._of_account, account.text, follower)
            case EventFilter() as wanted:
                alike = self._of_filter[_beginning(wanted)]
                _take_out(alike, wanted, follower)
                self._filters -= wanted not in alike
                if not alike:
                    del self._of_filter[_beginning(wanted)]

    def call_all(self) -> None:
        """Have all of them look around."""
        of_filters = [there for alike in self._of_filter.values() for there in alike.values()]
        for there in (*self._of_account.values(), *of_filters):
            for follower in there:
                follower.call()

    def tell(self, event: RelayedEvent) -> None:
        """Give the event to all whom it concerns."""
        beginnings = {""}.union(*map(_beginnings, event.accounts)) if self._of_filter else ()
        for beginning in beginnings:
            for wanted, followers in self._of_filter.get(beginning, {}).items():
                if wanted.wants(event):
                    for follower in followers:
                        follower.give(event)
        concerned: set[Follower] = set(self.of_balances) if event.touched is None else set()
        for account in event.accounts if event.touched is None else event.accounts | event.touched:
            if there := self._of_account.get(account):
                concerned |= there
        for follower in concerned:
            if follower.wanted.wants(event):
                follower.give(event)


def _beginning(wanted: EventFilter) -> str:
    """Return the segments that come before the first wildcard: the more there are, the fewer filters are tried."""
    if wanted.account is None:
        return ""
    named = takewhile(lambda segment: "*" not in segment, wanted.account.text.split(":"))
    return ":".join(named)


def _beginnings(path: str) -> list[str]:
    """Return all that a path begins with, segment by segment."""
    return list(accumulate(path.split(":"), lambda before, segment: f"{before}:{segment}"))


def _take_out(places: dict[Key, set[Follower]], key: Key, follower: Follower) -> None:
    there = places[key]
    there.discard(follower)
    if not there:
        del places[key]
