"""Verification: showing that a log is what was written, or where it is not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from application.ledger.checkpoint import Checkpoint
from application.ledger.log import Progress, always, read_head, read_log, read_organisation_head, read_organisation_log
from application.ledger.readers import LedgerReads, StoredEvent
from application.shared.ports import Work
from domain.shared.access import Principal
from domain.shared.chain import ChainBroken, Head, follow
from domain.shared.errors import Overloaded

# About a millisecond: whoever else is served by this event loop does not notice.
EVENTS_PER_TURN: Final = 100
# Each holds a connection of the pool and some of a core, for minutes where a log is long.
RUNNING_MAX: Final = 2


@dataclass(frozen=True, slots=True)
class Verification:
    """Up to where a log is right (`checked` events, the last of them `head`), and what is wrong after that, if any."""

    checked: int
    head: Head
    first_bad_sequence: int | None = None
    reason: str | None = None

    @property
    def valid(self) -> bool:
        """Return whether all of the log is right."""
        return self.first_bad_sequence is None


class ChainFollower:
    """Follows a log from its beginning, event by event, and past the checkpoint that it is compared with, if any."""

    def __init__(self, checkpoint: Checkpoint | None = None) -> None:
        self._checkpoint = checkpoint
        self.head = Head()

    def take(self, sequence: int, content: bytes, hash: bytes, recorded_at: datetime | None = None) -> None:
        """Go on to the next event, stored under this sequence, and beside this time if any. Raises `ChainBroken`."""
        expected = self.head.sequence + 1
        if sequence != expected:
            raise ChainBroken(expected, f"the event is missing: after sequence {expected - 1} comes {sequence}")
        head = follow(self.head, content, hash, recorded_at)
        if self._checkpoint is not None and self._checkpoint.sequence == sequence and self._checkpoint.hash != hash:
            raise ChainBroken(sequence, "the hash is not the one that the checkpoint was signed for")
        self.head = head

    def end(self, sequence: int = 0) -> None:
        """Raise `ChainBroken` if the log should have gone on, to `sequence` or to the checkpoint."""
        ended = self.head.sequence
        if ended < sequence:
            raise ChainBroken(ended + 1, f"the event is missing, and all after it up to sequence {sequence}")
        if self._checkpoint is not None and ended < self._checkpoint.sequence:
            raise ChainBroken(
                ended + 1,
                f"the log ends before it, but a checkpoint was signed for sequence {self._checkpoint.sequence}",
            )

    def result(self, broken: ChainBroken | None = None) -> Verification:
        """Return what was found."""
        if broken is None:
            return Verification(self.head.sequence, self.head)
        return Verification(self.head.sequence, self.head, broken.sequence, broken.reason)


async def verify_ledger(
    work: Work[LedgerReads, object],
    principal: Principal,
    slug: str,
    *,
    checkpoint: Checkpoint | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Verify the ledger's log as it stands now, in constant memory; with a checkpoint, also that it is still held.

    Raises `PermissionDenied`, `LedgerNotFound`, `StoreUnavailable`.
    """
    head = read_head(work, principal, slug)
    return await _verify(head, lambda until: read_log(work, always(principal), slug, until=until), checkpoint, progress)


async def verify_organisation(
    work: Work[LedgerReads, object], principal: Principal, *, progress: Progress | None = None
) -> Verification:
    """Verify the organisation's own log, which tells of its keys and ledgers.

    Raises `PermissionDenied`, `StoreUnavailable`.
    """
    head = read_organisation_head(work, principal)
    return await _verify(head, lambda until: read_organisation_log(work, principal, until=until), None, progress)


class Verifications:
    """Verifies ledgers for whoever asks over the network: few at a time, as each reads a log of any length."""

    def __init__(self, work: Work[LedgerReads, object]) -> None:
        self._work = work
        self._running = 0

    async def verify(self, principal: Principal, slug: str) -> Verification:
        """Do as `verify_ledger` does. Raises also `Overloaded`."""
        if self._running >= RUNNING_MAX:
            raise Overloaded(f"{RUNNING_MAX} verifications are running on this server already.")
        self._running += 1
        try:
            return await verify_ledger(self._work, principal, slug)
        finally:
            self._running -= 1


async def _verify(
    head: Awaitable[Head],
    log: Callable[[int], AsyncIterator[Sequence[StoredEvent]]],
    checkpoint: Checkpoint | None,
    progress: Progress | None,
) -> Verification:
    follower = ChainFollower(checkpoint)
    try:
        until = (await head).sequence
        async for chunk in log(until):
            for index, event in enumerate(chunk, 1):
                follower.take(event.sequence, event.content, event.hash, event.recorded_at)
                if index % EVENTS_PER_TURN == 0:
                    await asyncio.sleep(0)
            if progress is not None:
                progress(follower.head.sequence, until)
        follower.end(until)
    except ChainBroken as broken:
        return follower.result(broken)
    return follower.result()
