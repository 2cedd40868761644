"""Removing what is of no use any more, and tells of persons."""

from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

# What happened to log-ins, and sessions that have ended.
SECURITY_LOG_KEPT: Final = timedelta(days=90)
# Whoever registers has a day to verify the address, and can ask for another mail.
REGISTRATIONS_KEPT: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Removed:
    """How much of each kind was removed."""

    security_events: int = 0
    sessions: int = 0
    mailed_tokens: int = 0
    registrations: int = 0
    invitations: int = 0
    tickets: int = 0

    def __add__(self, other: "Removed") -> "Removed":
        """Return both together."""
        return Removed(*(mine + others for mine, others in zip(astuple(self), astuple(other), strict=True)))

    def is_all(self, limit: int) -> bool:
        """Return whether there was less of every kind than could be removed at once."""
        return all(count < limit for count in astuple(self))


class Leftovers(Protocol):
    """What is of no use any more, in a unit of work."""

    async def remove(self, now: datetime, limit: int, *, with_those_of_organisations: bool) -> Removed:
        """Remove at most so much of each kind; what someone else is at stays until the next time.

        That is what happened to log-ins, and sessions that ended, 90 days ago; tokens of mails whose time is over, and
        where asked for invitations and tickets, too, of all organisations; and registrations of seven days ago whose
        address was never verified.
        """
        ...
