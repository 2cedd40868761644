"""How events of an organisation get into its log."""

from datetime import datetime
from typing import Any

from application.shared.idempotency import KEYS_LIVE, IdempotencyKey
from application.shared.ports import Ids, OrganisationLog
from domain.shared.chain import Author, Fact


async def answered_before(log: OrganisationLog, key: IdempotencyKey | None, now: datetime) -> dict[str, Any] | None:
    """Return the data of the event that the same request was answered with before; None where it is asked anew.

    Raises `IdempotencyConflict`.
    """
    return None if key is None else await log.answered(key, used_after=now - KEYS_LIVE)


async def record_event(
    log: OrganisationLog, ids: Ids, event: Fact, author: Author, now: datetime, key: IdempotencyKey | None = None
) -> None:
    """Append an event under a new id, with the idempotency key that asked for it."""
    await log.record(event, id=ids.new("evt"), author=author, now=now, key=key)
