"""Create a ledger."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from application.ledger.readers import LedgerChanges, LedgerReads
from application.ledger.time_zones import checked_time_zone
from application.shared.idempotency import IdempotencyKey
from application.shared.ports import Clock, Ids, Work
from application.shared.recording import answered_before, record_event
from domain.ledger.events import Event, LedgerCreated
from domain.ledger.ledger import LedgerAdded, LedgerExists, LedgerNotFound, create
from domain.shared.access import Permission, Principal
from domain.shared.chain import Head, record


@dataclass(frozen=True, slots=True)
class CreatedLedger:
    """A ledger as it was when it was created (UTC), and whether that was on an earlier request with the same key."""

    event: LedgerCreated
    created_at: datetime
    replayed: bool = False


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
    time_zone: str = "UTC",
) -> CreatedLedger:
    """Create a ledger in the principal's organisation, or return the one that `key` has created before, as it was.

    Its time zone, by its name in the IANA database, is that in which days begin; it stays what it is.

    Raises `PermissionDenied`, `LedgerExists`, `QuotaExceeded`, `ValidationFailed`, `IdempotencyConflict`.
    """
    created = create(slug=slug, name=name, metadata=metadata, time_zone=checked_time_zone(time_zone))
    author = principal.author(request_id)
    now = clock.now()
    event: Event = created
    first = record(event, Head(), id=ids.new("evt"), author=author, recorded_at=now)
    async with work.begin(principal, Permission.LEDGERS_CREATE, ledger=slug) as changes:
        is_known = await answered_before(changes.log, key, now) is not None
        if not is_known:
            await changes.create_ledger(slug, first, author)
            await record_event(changes.log, ids, LedgerAdded(slug), author, now, key)
    if not is_known:
        return CreatedLedger(created, first.recorded_at)
    async with work.read(principal, Permission.LEDGERS_CREATE, ledger=slug) as reads:
        view = await reads.ledgers.ledger(slug)
    # The key stands for this very request, so that the name and the metadata were the same.
    return CreatedLedger(created, view.created_at, replayed=True)


async def try_creation(
    work: Work[LedgerReads, object],
    principal: Principal,
    *,
    slug: str,
    name: str,
    metadata: Mapping[str, str],
    time_zone: str = "UTC",
) -> LedgerCreated:
    """Return the first event that the ledger would have, without creating it. Raises what `create_ledger` would."""
    event = create(slug=slug, name=name, metadata=metadata, time_zone=checked_time_zone(time_zone))
    async with work.read(principal, Permission.LEDGERS_CREATE, ledger=slug) as reads:
        try:
            await reads.ledgers.head(slug)
        except LedgerNotFound:
            await reads.ledgers.require_another()
            return event
    raise LedgerExists(f"Your organisation has a ledger {slug!r} already.", pointer="/slug")
