"""Short ways to a ledger that is to be read."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from application.ledger.ports import LedgerAddress
from application.ledger.readers import LedgerChanges, LedgerReads
from application.shared.ports import Work
from domain.ledger.events import Event, LedgerCreated
from domain.shared.access import Permission
from domain.shared.chain import Head, record
from tests.builders import AUTHOR, NOW, principal

NewDatabase = Callable[[], Awaitable[str]]
LedgerWork = Work[LedgerReads, LedgerChanges]


@asynccontextmanager
async def reading(work: LedgerWork, address: LedgerAddress) -> AsyncIterator[LedgerReads]:
    """Open a view of the ledger's organisation."""
    someone = principal(organisation_id=address.organisation_id)
    async with work.read(someone, Permission.LEDGERS_READ) as reads:
        yield reads


async def add_ledger(work: LedgerWork, address: LedgerAddress, *, event_id: str) -> None:
    """Give the organisation one more ledger."""
    created: Event = LedgerCreated(address.slug.title(), "UTC", {})
    first = record(created, Head(), id=event_id, author=AUTHOR, recorded_at=NOW)
    someone = principal(organisation_id=address.organisation_id)
    async with work.begin(someone, Permission.LEDGERS_CREATE) as changes:
        await changes.create_ledger(address.slug, first, AUTHOR)
