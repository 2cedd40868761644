"""Create a ledger."""

from collections.abc import Mapping

from application.ledger.readers import LedgerChanges, LedgerReads
from application.shared.idempotency import KEYS_LIVE, IdempotencyKey
from application.shared.ports import Clock, Ids, Work
from domain.ledger.events import Event, LedgerCreated
from domain.ledger.ledger import LedgerAdded, LedgerExists, LedgerNotFound, create
from domain.shared.access import Permission, Principal
from domain.shared.chain import Author, Head, record


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
    key: IdempotencyKey | None = None,
) -> bool:
    """Create a ledger in the principal's organisation; return False where `key` has done so before.

    Raises `PermissionDenied`, `LedgerExists`, `ValidationFailed`, `IdempotencyConflict`.
    """
    event: Event = create(slug=slug, name=name, metadata=metadata)
    author = Author(principal.actor, request_id)
    now = clock.now()
    first = record(event, Head(), id=ids.new("evt"), author=author, recorded_at=now)
    async with work.begin(principal, Permission.LEDGERS_CREATE) as changes:
        if key and await changes.log.answered(key, used_after=now - KEYS_LIVE) is not None:
            return False
        await changes.create_ledger(slug, first)
        await changes.log.record(LedgerAdded(slug), id=ids.new("evt"), author=author, now=now, key=key)
    return True


async def try_creation(
    work: Work[LedgerReads, object], principal: Principal, *, slug: str, name: str, metadata: Mapping[str, str]
) -> LedgerCreated:
    """Return the first event that the ledger would have, without creating it. Raises what `create_ledger` would."""
    event = create(slug=slug, name=name, metadata=metadata)
    async with work.read(principal, Permission.LEDGERS_CREATE) as reads:
        try:
            await reads.ledgers.head(slug)
        except LedgerNotFound:
            return event
    raise LedgerExists(f"Your organisation has a ledger {slug!r} already.", pointer="/slug")
