"""Create a ledger."""

from collections.abc import Mapping

from application.ledger.readers import LedgerChanges, LedgerReads
from application.shared.ports import Clock, Ids, Work
from domain.ledger.events import Event
from domain.ledger.ledger import create
from domain.shared.access import Permission, Principal
from domain.shared.chain import Author, Head, Recorded, record


async def create_ledger(
    work: Work[LedgerReads, LedgerChanges],
    clock: Clock,
    ids: Ids,
    principal: Principal,
    *,
    slug: str,
    name: str,
    metadata: Mapping[str, str],
    request_id: str,
) -> Recorded[Event]:
    """Create a ledger in the principal's organisation; return the first event of its log.

    Raises `PermissionDenied`, `LedgerExists`, `ValidationFailed`.
    """
    event: Event = create(slug=slug, name=name, metadata=metadata)
    author = Author(principal.actor, request_id)
    recorded = record(event, Head(), id=ids.new("evt"), author=author, recorded_at=clock.now())
    async with work.begin(principal, Permission.LEDGERS_CREATE) as changes:
        await changes.create_ledger(slug, recorded)
    return recorded
