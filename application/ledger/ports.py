"""Ports of the write path: where a ledger's books are kept."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol

from application.shared.idempotency import IdempotencyKey
from domain.ledger.book import Book
from domain.ledger.effect import Effect, Line
from domain.ledger.events import Event
from domain.ledger.scope import Scope
from domain.shared.access import Permission
from domain.shared.chain import Author, Head, Recorded
from domain.shared.errors import DomainError, ErrorKind
from domain.shared.stable import stable

# Of holds and of transactions to reverse, which one group looks at.
LOADED_ENTRIES_MAX: Final = 50_000


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class LedgerAddress:
    """A ledger, by its organisation and its slug."""

    organisation_id: int
    slug: str


@stable(since="0.2.0")
class Command(Protocol):
    """A change to a ledger that someone asks for."""

    @property
    def permission(self) -> Permission:
        """Return what whoever asks for it must be allowed."""
        ...

    @property
    def size(self) -> int:
        """Return how many entries it brings, for the bounds of a group."""
        ...

    def scope(self) -> Scope:
        """Return what it must see to decide."""
        ...

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return what happens, or raise a `DomainError`. Pure: it changes nothing, and knows no clock but `now`."""
        ...


@dataclass(frozen=True, slots=True)
class Applied:
    """An event that was taken into the books, and what it added to what is kept.

    `recorded` is None in a dry run, where the event has no place in the chain.
    """

    event: Event
    effect: Effect
    recorded_at: datetime
    recorded: Recorded[Event] | None = None

    @property
    def lines(self) -> tuple[Line, ...]:
        """Return the lines that it added to accounts' histories."""
        return self.effect.lines


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class Outcome:
    """What an accepted command did: its events in order. `replayed` when the key had done it before.

    In a dry run, `book` is the state that the command would leave, as far as its scope reaches. `author` is
    whose it is, if it is to be written.
    """

    applied: tuple[Applied, ...]
    key: IdempotencyKey | None = None
    replayed: bool = False
    book: Book | None = None
    author: Author | None = None

    @property
    def sequence(self) -> int | None:
        """Return the ledger's sequence after it, or None if it changed nothing."""
        recorded = self.applied[-1].recorded if self.applied else None
        return recorded.sequence if recorded else None

    def again(self, key: IdempotencyKey) -> "Outcome":
        """Return what it is to a second use of its key. Raises `IdempotencyConflict` where that is another request."""
        assert self.key is not None
        key.require_same_request(self.key.fingerprint)
        return replace(self, replayed=True)


@dataclass(frozen=True, slots=True)
class KnownKey:
    """An idempotency key that has been used: for which request, and which events answered it."""

    fingerprint: bytes
    first_sequence: int
    last_sequence: int


@dataclass(frozen=True, slots=True)
class DueHolds:
    """Holds that have to expire, by their ids, and whether these are all of them."""

    ids: Sequence[str] = ()
    are_all: bool = True


class TooManyEntries(DomainError):
    """The holds and the transactions that are asked for have more entries together than one command takes on.

    Capture, release or reverse fewer of them at once.
    """

    code = "too-many-entries"
    kind = ErrorKind.REFUSED
    title = "Too many entries at once"


class Snapshot(Protocol):
    """A ledger as it was at one moment."""

    @property
    def head(self) -> Head:
        """Return the ledger's last event."""
        ...

    async def load(self, scope: Scope) -> Book:
        """Return a book that holds all that the scope names and the ledger has.

        Raises `TooManyEntries` where the holds and transactions it names have more than 50,000 entries together.
        """
        ...

    async def due_holds(self, now: datetime, *, entries_max: int) -> DueHolds:
        """Return open holds whose time is over (UTC), those first that expire first.

        They have at most so many entries together, unless the first has more by itself.
        """
        ...


class Group(Snapshot, Protocol):
    """A ledger whose head is held: nobody else appends to it until the group ends."""

    async def known_keys(self, keys: Sequence[str], *, used_after: datetime) -> Mapping[str, KnownKey]:
        """Return those of the keys that were used in this ledger after that time."""
        ...

    async def recall(self, known: Mapping[str, KnownKey]) -> Mapping[str, Outcome]:
        """Return the outcome that each key had when it was first used."""
        ...

    async def append(self, outcomes: Sequence[Outcome]) -> None:
        """Write the outcomes' events, their projections, their keys and where they came from.

        They are kept when the group ends well.
        """
        ...

    async def has_event(self, sequence: int, hash: bytes) -> bool:
        """Return whether the event at this sequence is the one with this hash."""
        ...


class Books(Protocol):
    """Where ledgers are kept."""

    def group(self, ledger: LedgerAddress) -> AbstractAsyncContextManager[Group]:
        """Hold the ledger's head; commit on a clean exit, keep nothing on an error.

        Raises `LedgerNotFound`; `StoreUnavailable` when nothing was kept; `CommitInDoubt` when that is unknown.
        """
        ...

    def snapshot(self, ledger: LedgerAddress) -> AbstractAsyncContextManager[Snapshot]:
        """Open the ledger for looking only, without a lock. Raises `LedgerNotFound`, `StoreUnavailable`."""
        ...
