"""Sessions of persons: how long one lasts, and what is shown to go on with it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from domain.identity.secret_text import SecretKind
from domain.shared.chain import Origin

IDLE_MAX: Final = timedelta(days=30)
AGE_MAX: Final = timedelta(days=90)
SESSIONS_MAX: Final = 100

# What goes on with a session, and what is sent by mail to who has none: they are persons', and of no organisation.
SESSION_TOKEN: Final = SecretKind("pts", "refresh token", has_organisation=False)
MAILED_TOKEN: Final = SecretKind("ptm", "token of the mail", has_organisation=False)


@dataclass(frozen=True, slots=True)
class Session:
    """That a person has logged in somewhere, by its outward id `ses_…`. Times are UTC.

    It ends 30 days after it was last used, 90 days after it began, or when it is revoked.
    """

    id: str
    person_id: str
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    origin: Origin
    revoked_at: datetime | None = None

    @staticmethod
    def begun(id: str, person_id: str, now: datetime, origin: Origin) -> "Session":
        """Return a new one."""
        return Session(id, person_id, now, now, now + IDLE_MAX, origin)

    def lasts(self, now: datetime) -> bool:
        """Whether it has not ended."""
        return self.revoked_at is None and now < self.expires_at

    def used(self, now: datetime, origin: Origin) -> "Session":
        """Return it as it is after it was used from there."""
        ends = min(now + IDLE_MAX, self.created_at + AGE_MAX)
        return replace(self, last_used_at=now, expires_at=ends, origin=origin)
