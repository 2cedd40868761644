"""Export a ledger's log."""

from collections.abc import AsyncIterator

from application.ledger.event_lines import event_line
from application.ledger.log import Progress, read_log
from application.ledger.readers import LedgerReads
from application.shared.ports import Work
from domain.shared.access import Principal


async def export_log(
    work: Work[LedgerReads, object],
    principal: Principal,
    slug: str,
    *,
    until: int,
    progress: Progress | None = None,
) -> AsyncIterator[bytes]:
    """Yield the log up to the sequence `until` as lines of JSON, some at a time, in constant memory.

    Raises `PermissionDenied`, `LedgerNotFound`, `StoreUnavailable`.
    """
    async for chunk in read_log(work, principal, slug, until=until):
        yield b"".join([event_line(event) + b"\n" for event in chunk])
        if progress is not None:
            progress(chunk[-1].sequence, until)
