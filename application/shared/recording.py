"""How events of an organisation get into its log."""

from datetime import datetime

from application.shared.idempotency import IdempotencyKey
from application.shared.ports import Ids, OrganisationLog
from domain.shared.chain import Author, Fact


async def record_event(
    log: OrganisationLog, ids: Ids, event: Fact, author: Author, now: datetime, key: IdempotencyKey | None = None
) -> None:
    """Append an event under a new id, with the idempotency key that asked for it."""
    await log.record(event, id=ids.new("evt"), author=author, now=now, key=key)
