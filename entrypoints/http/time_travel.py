"""From where a ledger is looked at: the parameters `at`, `known_at` and `as_of_sequence`, shared by several routes."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import Depends, Query

from application.ledger.readers import AsOf, LedgerReads
from domain.shared.errors import ValidationFailed
from entrypoints.http.pagination import SEQUENCE_MAX
from entrypoints.schemas.forms import parse_date, parse_time

AS_OF_DESCRIPTION: Final = "As it was after the event of this sequence; now, if left out."
_MOMENT: Final = (
    "A time of RFC 3339, which is included, or a date, which is included to its end in the ledger's time zone."
)
AT_DESCRIPTION: Final = f"Only what was effective by then. {_MOMENT}"
KNOWN_AT_DESCRIPTION: Final = f"Only what the ledger had recorded by then; not beside `as_of_sequence`. {_MOMENT}"
_EXAMPLES: Final[Any] = {
    "date": {"summary": "The end of a day", "value": "2026-03-31"},
    "time": {"summary": "A time", "value": "2026-03-31T12:00:00Z"},
}
# The smallest step of time there is: what is effective at a time is effective before the next one.
_STEP: Final = timedelta(microseconds=1)

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
        zone = ZoneInfo("UTC")
        if any(isinstance(each, date) and not isinstance(each, datetime) for each in (self.at, self.known_at)):
            zone = ZoneInfo((await reads.ledgers.ledger(slug)).settings.time_zone)
        sequence = self.sequence
        if self.known_at is not None:
            sequence = await reads.events.last_before(slug, end_of(self.known_at, zone))
        return AsOf(None if self.at is None else end_of(self.at, zone), sequence)


def end_of(moment: datetime | date, zone: ZoneInfo) -> datetime:
    """Return the first time (UTC) after a time, or after a day in the zone. Raises `ValidationFailed` after 9999."""
    try:
        if isinstance(moment, datetime):
            return moment + _STEP
        return datetime.combine(moment + timedelta(days=1), time(), zone).astimezone(UTC)
    except OverflowError:
        raise ValidationFailed(f"There is no time after {moment.isoformat()}.") from None


def _moment(parameter: str, text: str | None) -> datetime | date | None:
    if text is None:
        return None
    try:
        return parse_time(text) if "T" in text.upper() else parse_date(text)
    except ValueError as error:
        raise ValidationFailed(f"{parameter} {error}.") from None


def _point_of_view(
    at: Annotated[str | None, Query(description=AT_DESCRIPTION, openapi_examples=_EXAMPLES)] = None,
    known_at: Annotated[str | None, Query(description=KNOWN_AT_DESCRIPTION, openapi_examples=_EXAMPLES)] = None,
    as_of_sequence: AsOfSequence = None,
) -> PointOfView:
    if known_at is not None and as_of_sequence is not None:
        raise ValidationFailed("known_at and as_of_sequence both say what the ledger knew: send one of them.")
    return PointOfView(_moment("at", at), _moment("known_at", known_at), as_of_sequence)


PointOfViewDependency = Annotated[PointOfView, Depends(_point_of_view)]
