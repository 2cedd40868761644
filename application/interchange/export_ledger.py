"""Export a ledger in one of the formats, up to one sequence, in constant memory and short views."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final, Protocol

from application.ledger.log import Asking, Progress, read_head, read_log
from application.ledger.readers import LedgerReads, StoredEvent
from application.ledger.report_reader import AccountBalance
from application.shared.ports import Work
from domain.ledger.asset import Asset
from domain.shared.access import Permission, Principal
from domain.shared.errors import ValidationFailed
from domain.shared.stable import stable

# About a millisecond of work between two waits, in which others are served.
_EVENTS_PER_TURN: Final = 100
_BALANCES_MAX: Final = 500


@stable(since="0.2.0")
class LedgerFormat(Protocol):
    """A format that one ledger is being written in, from its first event on; it may have no place for balances."""

    @property
    def proved_assets(self) -> Sequence[Asset]:
        """Return in which of the assets so far the file is to state the balances, for its reader to check."""
        return ()

    def events(self, events: Sequence[StoredEvent]) -> bytes:
        """Return what these events, the next ones in order, add to the file. Raises `ChainBroken` for what is none."""
        ...

    def balances(self, asset: Asset, balances: Sequence[AccountBalance]) -> bytes:
        """Return the statement that accounts hold so much of an asset, after the last event."""
        return b""

    def end(self) -> bytes:
        """Return how the file ends."""
        return b""


async def last_sequence(
    work: Work[LedgerReads, object], principal: Principal, slug: str, asked: int | None = None
) -> int:
    """Return up to which sequence to export: as asked, or the ledger's last.

    Raises `ValidationFailed` for one that is still to come, `PermissionDenied`, `LedgerNotFound`, `StoreUnavailable`.
    """
    last = (await read_head(work, principal, slug)).sequence
    if asked is None:
        return last
    if not 1 <= asked <= last:
        raise ValidationFailed(f"The ledger {slug} has the sequences 1 to {last}, and not {asked}.")
    return asked


async def export_ledger(
    work: Work[LedgerReads, object],
    asking: Asking,
    slug: str,
    written: LedgerFormat,
    *,
    until: int,
    progress: Progress | None = None,
) -> AsyncIterator[bytes]:
    """Yield the ledger as it was after the event of the sequence `until`, some at a time, for who is `asking` by then.

    Raises what `asking` does, `PermissionDenied`, `LedgerNotFound`, `StoreUnavailable`, and `ChainBroken` for a log
    that is not what was written.
    """
    async for chunk in read_log(work, asking, slug, until=until):
        for first in range(0, len(chunk), _EVENTS_PER_TURN):
            yield written.events(chunk[first : first + _EVENTS_PER_TURN])
            await asyncio.sleep(0)
        if progress is not None:
            progress(chunk[-1].sequence, until)
    for asset in written.proved_assets:
        async for balances in _balances(work, asking, slug, asset, until):
            yield written.balances(asset, balances)
    yield written.end()


async def _balances(
    work: Work[LedgerReads, object], asking: Asking, slug: str, asset: Asset, until: int
) -> AsyncIterator[Sequence[AccountBalance]]:
    after = 0
    while True:
        async with work.read(await asking(), Permission.EVENTS_READ, ledger=slug) as reads:
            balances = await reads.reports.balances_of_asset(
                slug, asset.code, sequence=until, after=after, limit=_BALANCES_MAX
            )
        if not balances:
            return
        yield balances
        after = balances[-1].number
