"""Endpoints of webhooks as rows."""

from typing import Any

from sqlalchemy import RowMapping

from adapters.postgres.ids import outward_id
from domain.shared.access import LedgerPattern
from domain.shared.patterns import Pattern
from domain.webhooks.endpoint import Endpoint, Pause, PauseReason, Sealed, Wanted


def endpoint_of(row: RowMapping) -> Endpoint:
    """Return the endpoint that a row is."""
    return Endpoint(
        id=outward_id("whk", row["id"]),
        wanted=Wanted(
            url=row["url"],
            description=row["description"],
            ledgers=None if row["ledgers"] is None else tuple(map(LedgerPattern, row["ledgers"])),
            types=tuple(row["types"]),
            account=None if row["account"] is None else Pattern(row["account"]),
            ordered=row["is_ordered"],
        ),
        sealed=Sealed(row["sealed"], row["sealed_before"], row["before_until"]),
        created_at=row["created_at"],
        version=row["version"],
        pause=None if row["paused_at"] is None else Pause(row["paused_at"], PauseReason(row["pause_reason"])),
        failing_since=row["failing_since"],
        deleted_at=row["deleted_at"],
    )


def values_of(endpoint: Endpoint) -> dict[str, Any]:
    """Return what is stored of an endpoint besides its key; of a deleted one, no secret."""
    wanted, sealed, pause = endpoint.wanted, endpoint.sealed, endpoint.pause
    is_deleted = endpoint.deleted_at is not None
    return {
        "url": wanted.url,
        "description": wanted.description,
        "ledgers": None if wanted.ledgers is None else [pattern.text for pattern in wanted.ledgers],
        "types": list(wanted.types),
        "account": None if wanted.account is None else wanted.account.text,
        "is_ordered": wanted.ordered,
        "sealed": b"" if is_deleted else sealed.current,
        "sealed_before": None if is_deleted else sealed.before,
        "before_until": sealed.before_until,
        "created_at": endpoint.created_at,
        "version": endpoint.version,
        "paused_at": None if pause is None else pause.since,
        "pause_reason": None if pause is None else pause.reason.value,
        "failing_since": endpoint.failing_since,
        "deleted_at": endpoint.deleted_at,
    }
