"""Limits as they are shown."""

from collections.abc import Iterable

from typing_extensions import TypedDict

from domain.ledger.asset import format_amount
from domain.ledger.limit import Limit


class LimitDocument(TypedDict):
    """A floor and a ceiling in one asset, on the account's normal side; null is without a bound."""

    asset: str
    minimum: str | None
    maximum: str | None


def limit_documents(limits: Iterable[Limit]) -> list[LimitDocument]:
    """Return limits as they are shown, by asset."""
    return [
        {
            "asset": limit.asset.code,
            "minimum": _shown(limit.minimum, limit.asset.scale),
            "maximum": _shown(limit.maximum, limit.asset.scale),
        }
        for limit in limits
    ]


def _shown(bound: int | None, scale: int) -> str | None:
    return None if bound is None else format_amount(bound, scale)
