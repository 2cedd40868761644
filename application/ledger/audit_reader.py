"""Who did what: the port that reads the logs of an organisation and of its ledgers as one, newest first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

from application.ledger.spans import OPEN_SPAN, Span
from application.shared.pagination import Page, PageRequest

AUDIT_SORT: Final = "-at"
# What an event is about, rather than how that is set.
_SUBJECTS: Final = ("account", "before", "code", "id")


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries to list; what is None or empty does not restrict.

    `ledger` names ledgers by their slugs; `of_ledger` says whether entries are of any ledger, or of none, which are
    those of the organisation's own log.
    """

    actor: Sequence[str] = ()
    type: Sequence[str] = ()
    type_prefix: str | None = None
    ledger: Sequence[str] = ()
    of_ledger: bool | None = None
    request_id: str | None = None
    at: Span = OPEN_SPAN


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An event, in which log it stands (`ledger` is None for the organisation's own), and where it came from.

    `at` is UTC. Credential, address and user agent are None where that is not known, or erased.
    """

    at: datetime
    ledger: str | None
    sequence: int
    id: str
    type: str
    actor: str
    request_id: str
    data: Mapping[str, Any]
    credential: str | None = None
    address: str | None = None
    user_agent: str | None = None

    @property
    def before(self) -> Any:
        """Return what a change replaced, or None where the event tells of none."""
        return self.data.get("before")

    @property
    def after(self) -> Any:
        """Return what a change replaced it by, in the same form, or None where the event tells of no change."""
        if "after" in self.data or self.before is None:
            return self.data.get("after")
        return {name: value for name, value in self.data.items() if name not in _SUBJECTS} or None


class AuditReader(Protocol):
    """Reads the audit log."""

    async def entries(self, where: AuditFilter, page: PageRequest) -> Page[AuditEntry]:
        """Return entries, the newest first, and those of one time by their logs.

        A page looks at a bounded number of events, beside one for each ledger and some twenty for each ledger that
        was written to since the page's time. Raises `ValidationFailed` where those are more than 5,000 ledgers.
        """
        ...
