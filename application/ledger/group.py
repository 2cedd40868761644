"""What is waiting to be written to one ledger, and which of it makes up the next group."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from application.ledger.ports import Command, Outcome
from application.shared.idempotency import IdempotencyKey
from application.shared.ports import StoreBusy, StoreUnavailable
from application.shared.telling import Telling
from domain.ledger.book import Book
from domain.ledger.events import Event
from domain.ledger.policy import PolicyFailed
from domain.ledger.settings import ArchivedLedger
from domain.shared.access import EVERYWHERE, Permission, Reach
from domain.shared.chain import Author, Head
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


def execute(command: Command, book: Book, now: datetime) -> Sequence[Event]:
    """Return what happens, or raise what the command refuses with; in an archived ledger, nothing but its restoring."""
    if book.settings.is_archived and command.permission is not Permission.LEDGERS_ARCHIVE:
        raise ArchivedLedger("The ledger is archived: nothing in it changes until it is restored.")
    try:
        return command.execute(book, now)
    except PolicyFailed as failure:
        _policies.tell(failure)
        raise


def group_time(head: Head, now: datetime) -> datetime:
    """Return the group's time: recorded time never goes back, whatever the clock does (rule 8)."""
    if head.recorded_at - now > CLOCK_AHEAD_ALERT:
        _log.error("a ledger's last event was recorded at %s, ahead of the clock: %s", head.recorded_at, now)
    return max(now, head.recorded_at)


def not_written(error: StoreUnavailable) -> DomainError:
    """Return what the callers of a group are told that the store has not taken."""
    if isinstance(error, StoreBusy):
        return Overloaded("Others had all connections to the database, or a lock, for too long. Try again.")
    return Unavailable("The database cannot be reached. Nothing was changed; try again.")
