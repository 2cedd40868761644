"""Import a ledger's log: move a ledger to another organisation, or another database."""

import json
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from application.interchange.log_lines import LINE_BYTES_MAX, read_event_line
from application.interchange.verify_file import Lines, verify_file
from application.ledger.checkpoint import Checkpoint
from application.ledger.log import Progress
from application.ledger.readers import LedgerChanges, LedgerReads, StoredEvent
from application.shared.ports import Clock, Ids, Work
from application.shared.recording import record_event
from domain.ledger.ledger import LedgerImported, checked_slug
from domain.ledger.transaction import CLOCK_TOLERANCE
from domain.shared.access import Permission, Principal
from domain.shared.chain import ChainBroken, Head, format_time, parse_time

_BATCH_EVENTS: Final = 1_000
_BATCH_BYTES: Final = 2 * 1024 * 1024


class LogFile(Lines, Protocol):
    """An exported log that can be read more than once."""

    def seek(self, offset: int, /) -> int:
        """Go to a place, which 0 is the beginning of."""
        ...


async def import_log(
    work: Work[LedgerReads, LedgerChanges],
    clock: Clock,
    ids: Ids,
    principal: Principal,
    file: LogFile,
    *,
    slug: str,
    request_id: str,
    checkpoint: Checkpoint | None = None,
    progress: Progress | None = None,
) -> Head:
    """Make a ledger of an exported log, event by event as it is, and return its head: the same sequence and hash.

    The file is verified first. Then everything is written in one transaction, in constant memory: nothing of the ledger
    is there before all of it is. Idempotency keys, and where requests came from, stand in no log, and are left behind.

    Raises `ChainBroken` for a file that is no whole log of a ledger, or not what the checkpoint was signed for, and for
    events from the future; `PermissionDenied`, `LedgerExists`, `QuotaExceeded`, `ValidationFailed`, `StoreUnavailable`.
    """
    checked_slug(slug)
    principal.require(Permission.LEDGERS_CREATE, ledger=slug)
    verified = _verified(file, checkpoint)
    now = clock.now()
    if verified.recorded_at > now + CLOCK_TOLERANCE:
        at = format_time(verified.recorded_at)
        raise ChainBroken(verified.sequence, f"the event was recorded at {at}, and it is not that late yet")
    file.seek(0)
    async with work.begin(principal, Permission.LEDGERS_CREATE, ledger=slug) as changes:
        head = await changes.import_log(slug, _batches(file, verified.sequence, progress))
        if head != verified:
            raise ChainBroken(head.sequence, "the file was changed while it was read")
        imported = LedgerImported(slug, head.sequence, head.hash.hex())
        await record_event(changes.log, ids, imported, principal.author(request_id), now)
    return head


def _verified(file: Lines, checkpoint: Checkpoint | None) -> Head:
    found = verify_file(file, checkpoint=checkpoint)
    verification = found.verification
    if verification.first_bad_sequence is not None:
        raise ChainBroken(verification.first_bad_sequence, f"{verification.reason} (line {found.first_bad_line})")
    return verification.head


def _batches(file: Lines, until: int, progress: Progress | None) -> Iterator[Sequence[StoredEvent]]:
    batch: list[StoredEvent] = []
    size = 0
    for event in _events(file):
        batch.append(event)
        size += len(event.content)
        if len(batch) >= _BATCH_EVENTS or size >= _BATCH_BYTES:
            yield batch
            if progress is not None:
                progress(event.sequence, until)
            batch, size = [], 0
    if batch:
        yield batch
    if progress is not None:
        progress(until, until)


def _events(file: Lines) -> Iterator[StoredEvent]:
    while line := file.readline(LINE_BYTES_MAX):
        if line.isspace():
            continue
        read = read_event_line(line)
        recorded_at = parse_time(json.loads(read.content)["recorded_at"])
        yield StoredEvent(read.sequence, read.content, read.previous_hash, read.hash, recorded_at)
