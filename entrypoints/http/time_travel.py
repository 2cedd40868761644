"""From where a ledger is looked at: the parameters `at`, `known_at` and `as_of_sequence`, shared by several routes."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import Depends, Query

from application.ledger.readers import LedgerReads
from application.ledger.spans import AsOf
from domain.shared.errors import ValidationFailed
from entrypoints.schemas.forms import SEQUENCE_MAX
from entrypoints.schemas.moments import AskedInterval, end_of, is_day, read_moment

AS_OF_DESCRIPTION: Final = "As it was after the event of this sequence; now, if left out."
_MOMENT: Final = (
    "A time of RFC 3339, which is included, or a date, which is included to its end in the ledger's time zone."
)
AT_DESCRIPTION: Final = f"Only what was effective by then. {_MOMENT}"
KNOWN_AT_DESCRIPTION: Final = f"Only what the ledger had recorded by then; not beside `as_of_sequence`. {_MOMENT}"
_EXAMPLES: Final[Any] = {
    "date": {"summary": "A day", "value": "2026-03-31"},
    "time": {"summary": "A time", "value": "2026-03-31T12:00:00Z"},
}


async def zone_of(reads: LedgerReads, slug: str) -> ZoneInfo:
    """Return the ledger's time zone, which never changes. Raises `LedgerNotFound`."""
    return ZoneInfo((await reads.ledgers.ledger(slug)).settings.time_zone)


async def zone_for(reads: LedgerReads, slug: str, *moments: datetime | date | None) -> ZoneInfo:
    """Return the zone that these begin and end in: the ledger's for days; UTC, without reading it, for times.

    Raises `LedgerNotFound`.
    """
    return await zone_of(reads, slug) if any(map(is_day, moments)) else ZoneInfo("UTC")


AsOfSequence = Annotated[int | None, Query(ge=1, le=SEQUENCE_MAX, description=AS_OF_DESCRIPTION)]


@dataclass(frozen=True, slots=True)
class PointOfView:
    """From where a client wants to look; what is None does not restrict. Times are UTC, and dates are the ledger's."""

    at: datetime | date | None = None
    known_at: datetime | date | None = None
    sequence: int | None = None

    async def as_of(self, reads: LedgerReads, slug: str) -> AsOf:
        """Return what readers take, for which days are times and recorded times are sequences. Raises `LedgerNotFound`.

        Nothing is read where no day and no recorded time was asked for.
        """
        zone = await zone_for(reads, slug, self.at, self.known_at)
        sequence = self.sequence
        if self.known_at is not None:
            sequence = await reads.events.last_before(slug, end_of(self.known_at, zone))
        return AsOf(None if self.at is None else end_of(self.at, zone), sequence)


def _point_of_view(
    at: Annotated[str | None, Query(description=AT_DESCRIPTION, openapi_examples=_EXAMPLES)] = None,
    known_at: Annotated[str | None, Query(description=KNOWN_AT_DESCRIPTION, openapi_examples=_EXAMPLES)] = None,
    as_of_sequence: AsOfSequence = None,
) -> PointOfView:
    return point_of_view(at, known_at, as_of_sequence)


def point_of_view(at: str | None, known_at: str | None, as_of_sequence: int | None) -> PointOfView:
    """Return from where a client wants to look, as its parameters say. Raises `ValidationFailed`."""
    if known_at is not None and as_of_sequence is not None:
        raise ValidationFailed("known_at and as_of_sequence both say what the ledger knew: send one of them.")
    return PointOfView(read_moment("at", at), read_moment("known_at", known_at), as_of_sequence)


PointOfViewDependency = Annotated[PointOfView, Depends(_point_of_view)]


def _knowledge(
    known_at: Annotated[str | None, Query(description=KNOWN_AT_DESCRIPTION, openapi_examples=_EXAMPLES)] = None,
    as_of_sequence: AsOfSequence = None,
) -> PointOfView:
    return point_of_view(None, known_at, as_of_sequence)


# For routes that say by themselves which effective times they look at.
KnowledgeDependency = Annotated[PointOfView, Depends(_knowledge)]


_START: Final = "A time of RFC 3339, or a date, which is where it begins in the ledger's time zone"
FROM_DESCRIPTION: Final = f"Only what is effective from then on. {_START}."
TO_DESCRIPTION: Final = f"Only what is effective before then. {_START}: so it is the day after the last one."


def _interval(
    start: Annotated[str | None, Query(alias="from", description=FROM_DESCRIPTION, openapi_examples=_EXAMPLES)] = None,
    end: Annotated[str | None, Query(alias="to", description=TO_DESCRIPTION, openapi_examples=_EXAMPLES)] = None,
) -> AskedInterval:
    return AskedInterval(("from", "to"), read_moment("from", start), read_moment("to", end))


IntervalDependency = Annotated[AskedInterval, Depends(_interval)]


def _compared_interval(
    compare_from: Annotated[str | None, Query(description="As `from`, for the span to compare with.")] = None,
    compare_to: Annotated[str | None, Query(description="As `to`, for the span to compare with.")] = None,
) -> AskedInterval:
    names = ("compare_from", "compare_to")
    return AskedInterval(names, read_moment(names[0], compare_from), read_moment(names[1], compare_to))


ComparedIntervalDependency = Annotated[AskedInterval, Depends(_compared_interval)]
