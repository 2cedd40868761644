"""What is waiting to be written to one ledger, and which of it makes up the next group."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from application.ledger.ports import Applied, Command, Outcome
from application.shared.idempotency import IdempotencyKey
from application.shared.ports import Ids, StoreBusy, StoreUnavailable
from application.shared.telling import Telling
from domain.ledger.book import Book
from domain.ledger.events import Event
from domain.ledger.policy import PolicyFailed
from domain.ledger.settings import ArchivedLedger
from domain.ledger.soundness import require_sound
from domain.shared.access import EVERYWHERE, Permission, Reach
from domain.shared.chain import Author, Head, record
from domain.shared.errors import DomainError, Overloaded, Unavailable

COMMANDS_MAX: Final = 1_000
ENTRIES_MAX: Final = 10_000
# A bulk fills a group only so far: whoever posts beside it waits for the group before and for its own, no longer. And
# however many post beside it, it has some place in every group.
BULK_COMMANDS_MAX: Final = 125
BULK_COMMANDS_MIN: Final = 25
WAITING_MAX: Final = 20_000
CLOCK_AHEAD_ALERT: Final = timedelta(seconds=5)

_log = logging.getLogger("partita.journal")
_policies = Telling(_log, "postings are refused", "postings are refused, as an extension cannot be asked")


@dataclass(frozen=True, slots=True)
class Submission:
    """A command that waits for its group, and where its answer goes."""

    command: Command
    author: Author
    key: IdempotencyKey | None
    answer: asyncio.Future[Outcome]
    reach: Reach = EVERYWHERE

    def give(self, answer: Outcome | Exception) -> None:
        """Answer the caller, if it is still there."""
        if self.answer.done():
            return
        if isinstance(answer, Outcome):
            self.answer.set_result(answer)
        else:
            self.answer.set_exception(answer)


Answer = tuple[Submission, Outcome | Exception]


@dataclass(slots=True)
class Decided:
    """What a group comes to: what is written, in order, which answers to keys, and what everyone is told.

    `is_expiry_only` says that its commands were not looked at, as more holds are due than go into one group.
    """

    answers: list[Answer] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    done: dict[str, Outcome] = field(default_factory=dict)
    is_expiry_only: bool = False


class GroupQueue:
    """Commands in the order in which they came, single ones before those of a bulk."""

    def __init__(self) -> None:
        self._singles: deque[Submission] = deque()
        self._bulk: deque[Submission] = deque()

    def add(self, submission: Submission, *, is_bulk: bool) -> None:
        """Let it wait. Raises `Overloaded` when 20,000 are waiting already."""
        if len(self._singles) + len(self._bulk) >= WAITING_MAX:
            raise Overloaded(f"{WAITING_MAX:,} commands are waiting to be written to this ledger.")
        (self._bulk if is_bulk else self._singles).append(submission)

    def take(self) -> list[Submission]:
        """Return the next group, empty when nothing waits: at most 1,000 commands and about 10,000 entries.

        A command alone may have more entries than that. Those whose callers have gone are left out.
        """
        group: list[Submission] = []
        entries = 0
        singles_max = COMMANDS_MAX - min(len(self._bulk), BULK_COMMANDS_MIN)
        bulk_max = max(BULK_COMMANDS_MAX, min(len(self._singles), singles_max) + BULK_COMMANDS_MIN)
        for waiting, commands_max in ((self._singles, singles_max), (self._bulk, bulk_max)):
            while waiting and len(group) < commands_max:
                size = waiting[0].command.size
                if group and entries + size > ENTRIES_MAX:
                    return group
                submission = waiting.popleft()
                if not submission.answer.done():
                    group.append(submission)
                    entries += size
        return group

    def leave(self) -> list[Submission]:
        """Return all that waits, and let nothing wait any more."""
        waiting = [*self._singles, *self._bulk]
        self._singles.clear()
        self._bulk.clear()
        return waiting


class UnsoundEvents(Exception):
    """A command of an extension made what is none, such as a transaction that does not balance."""


def execute(command: Command, book: Book, now: datetime, reach: Reach = EVERYWHERE) -> Sequence[Event]:
    """Return what happens, or raise what the command refuses with; in an archived ledger, nothing but its restoring.

    What policies add to it is within the reach. Raises `UnsoundEvents`.
    """
    if book.settings.is_archived and command.permission is not Permission.LEDGERS_ARCHIVE:
        raise ArchivedLedger("The ledger is archived: nothing in it changes until it is restored.")
    if reach.is_limited and book.policies:
        # It shares everything else with the book, which commands leave as it is.
        book = replace(book, policies=[replace(each, reach=reach) for each in book.policies])
    try:
        events = command.execute(book, now)
    except PolicyFailed as failure:
        _policies.tell(failure)
        raise
    # Those of ours make them by rules that see to it.
    return events if type(command).__module__.startswith("application.") else _sound(command, events)


def _sound(command: Command, events: Sequence[Event]) -> Sequence[Event]:
    events = tuple(events)
    try:
        for event in events:
            require_sound(event)
    except DomainError as error:  # for which whoever asked is not to blame
        raise UnsoundEvents(f"{type(command).__name__}: {error}") from error
    return events


def group_time(head: Head, now: datetime) -> datetime:
    """Return the group's time: recorded time never goes back, whatever the clock does (rule 8)."""
    if head.recorded_at - now > CLOCK_AHEAD_ALERT:
        _log.error("a ledger's last event was recorded at %s, ahead of the clock: %s", head.recorded_at, now)
    return max(now, head.recorded_at)


def take_in(
    events: Sequence[Event], author: Author, book: Book, head: Head, now: datetime, ids: Ids
) -> tuple[tuple[Applied, ...], Head]:
    """Chain the events to the head and apply them to the book; return them, and the head that they leave."""
    applied = []
    for event in events:
        recorded = record(event, head, id=ids.new("evt"), author=author, recorded_at=now)
        applied.append(Applied(event, book.apply(event), now, recorded))
        head = recorded.head
    return tuple(applied), head


def in_doubt() -> DomainError:
    """Return what the callers of a group are told of which it cannot be known whether it was kept."""
    return Unavailable(
        "The database was lost while it committed, so this may have been done or not. Try again with the "
        "same idempotency key or reference: it will not be done twice."
    )


def given_up() -> DomainError:
    """Return what the callers are told whose ledger is written to no longer, whatever has ended that."""
    return Unavailable(
        "The server stopped writing before this was answered, so it may have been done or not. Try again with the "
        "same idempotency key or reference: it will not be done twice."
    )


def not_written(error: StoreUnavailable) -> DomainError:
    """Return what the callers of a group are told that the store has not taken."""
    if isinstance(error, StoreBusy):
        return Overloaded("Others had all connections to the database, or a lock, for too long. Try again.")
    return Unavailable("The database cannot be reached. Nothing was changed; try again.")
