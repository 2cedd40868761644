"""Ports of the read side: frozen views, and bounded pages of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from application.ledger.attachment_reader import AttachmentReader
from application.ledger.audit_reader import AuditReader
from application.ledger.batch_reader import BatchReader
from application.ledger.hold_reader import HoldReader
from application.ledger.ledger_reader import LedgerReader
from application.ledger.period_reader import PeriodReader
from application.ledger.report_reader import ReportReader
from application.ledger.spans import OPEN_SPAN, AsOf, Span
from application.ledger.views import AccountView as AccountView  # noqa: PLC0414 # given from here
from application.ledger.views import AssetBalance as AssetBalance  # noqa: PLC0414 # given from here
from application.ledger.views import TransactionView as TransactionView  # noqa: PLC0414 # given from here
from application.shared.pagination import Page, PageRequest
from application.shared.ports import OrganisationLog
from domain.ledger.account import Account
from domain.ledger.effect import Line
from domain.ledger.events import Event
from domain.shared.chain import Author, Head, Recorded
from domain.shared.patterns import Pattern
from domain.shared.stable import stable


@dataclass(frozen=True, slots=True)
class AccountEntryView:
    """A line of an account's history, and the transaction that it belongs to; `position` is its place in there."""

    line: Line
    position: int
    sequence: int
    transaction_id: str
    reference: str | None
    description: str
    effective_at: datetime
    recorded_at: datetime


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as the log holds it; `recorded_at` is what stands beside it, which the event says, too."""

    sequence: int
    content: bytes
    previous_hash: bytes
    hash: bytes
    recorded_at: datetime


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class AccountFilter:
    """Which accounts to list; what is None or empty does not restrict."""

    path: Pattern | None = None
    type: Sequence[str] = ()
    status: Sequence[str] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    opened_at: Span = OPEN_SPAN


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class TransactionFilter:
    """Which transactions to list; what is None or empty does not restrict."""

    account: Pattern | None = None
    asset: str | None = None
    reference: Sequence[str] = ()
    reference_prefix: str | None = None
    has_reference: bool | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    effective_at: Span = OPEN_SPAN
    recorded_at: Span = OPEN_SPAN
    sequence: Span = OPEN_SPAN
    hold: str | None = None
    reverses: str | None = None


@stable(since="0.2.0")
class AccountReader(Protocol):
    """Reads accounts, what they hold and how they came to hold it."""

    async def account(self, slug: str, path: str) -> AccountView:
        """Return the account, or raise `AccountNotFound`."""
        ...

    async def accounts(self, slug: str, where: AccountFilter, page: PageRequest) -> Page[AccountView]:
        """Return accounts by `path` or `opened_at`."""
        ...

    async def balances(self, slug: str, path: str, *, as_of: AsOf) -> tuple[Account, Sequence[AssetBalance]]:
        """Return the account and its balances by asset, as seen from there, without those that nothing was posted to.

        With a bound in time they are totals alone, whose version and sequence are 0. Raises `AccountNotFound`, also for
        an account that was opened after that sequence; in time, an account is as old as the ledger.
        """
        ...

    async def entries(
        self, slug: str, path: str, *, asset: str | None, page: PageRequest, as_of_sequence: int | None = None
    ) -> Page[AccountEntryView]:
        """Return the account's history by `sequence`, all of it or up to the event of that sequence.

        Raises `AccountNotFound`, also for an account that was opened later.
        """
        ...

    async def entries_within(
        self, slug: str, path: str, *, asset: str | None, since: datetime | None, as_of: AsOf, limit: int
    ) -> Sequence[AccountEntryView] | None:
        """Return the entries as seen from there that are effective from `since` on (UTC); None if more than `limit`.

        They come by effective time, sequence and position. Raises `AccountNotFound`, as `entries` does.
        """
        ...


@stable(since="0.2.0")
class TransactionReader(Protocol):
    """Reads transactions."""

    async def transaction(self, slug: str, id: str) -> TransactionView:
        """Return the transaction, or raise `NotFound`."""
        ...

    async def transactions(self, slug: str, where: TransactionFilter, page: PageRequest) -> Page[TransactionView]:
        """Return transactions by `sequence`, `recorded_at` or `effective_at`."""
        ...


@stable(since="0.2.0")
class EventReader(Protocol):
    """Reads logs: that of a ledger, and the organisation's own."""

    async def events(self, slug: str, *, after: int, limit: int) -> Sequence[StoredEvent]:
        """Return up to `limit` events after the sequence, in order; fewer where they are long, but at least one."""
        ...

    async def ledgers(self) -> Sequence[str]:
        """Return which ledgers have a log, by slug, whatever else is left of them."""
        ...

    async def last_before(self, slug: str, moment: datetime) -> int:
        """Return the sequence of the last event that was recorded before a time (UTC); 0 where there is none."""
        ...

    async def organisation_head(self) -> Head:
        """Return the last event of the organisation's own log."""
        ...

    async def organisation_events(self, *, after: int, limit: int) -> Sequence[StoredEvent]:
        """Return events of the organisation's own log, as `events` does."""
        ...


@stable(since="0.2.0")
class LedgerReads(Protocol):
    """All that can be read of an organisation's ledgers, in one consistent view."""

    @property
    def ledgers(self) -> LedgerReader:
        """Return the reader of ledgers and settings."""
        ...

    @property
    def accounts(self) -> AccountReader:
        """Return the reader of accounts."""
        ...

    @property
    def transactions(self) -> TransactionReader:
        """Return the reader of transactions."""
        ...

    @property
    def batches(self) -> BatchReader:
        """Return the reader of many things at once."""
        ...

    @property
    def holds(self) -> HoldReader:
        """Return the reader of holds."""
        ...

    @property
    def periods(self) -> PeriodReader:
        """Return the reader of closed periods."""
        ...

    @property
    def attachments(self) -> AttachmentReader:
        """Return the reader of attachments."""
        ...

    @property
    def events(self) -> EventReader:
        """Return the reader of the log."""
        ...

    @property
    def audit(self) -> AuditReader:
        """Return the reader of all logs as one."""
        ...

    @property
    def reports(self) -> ReportReader:
        """Return the reader of reports."""
        ...


class LedgerChanges(Protocol):
    """One transaction that changes which ledgers an organisation has."""

    @property
    def log(self) -> OrganisationLog:
        """Return the organisation's log."""
        ...

    async def create_ledger(self, slug: str, first: Recorded[Event], author: Author) -> None:
        """Create the ledger with the first event of its log, which is the author's.

        Raises `LedgerExists`, `QuotaExceeded`.
        """
        ...

    async def import_log(self, slug: str, batches: Iterable[Sequence[StoredEvent]]) -> Head:
        """Create the ledger with all of a log's events, as they are, and with what follows from them; return its head.

        The organisation's log is held from the end of that on. Raises `LedgerExists`, `QuotaExceeded`, and
        `ChainBroken` for what is no whole log of a ledger.
        """
        ...
