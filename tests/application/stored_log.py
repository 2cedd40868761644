"""A ledger's log as a store holds it, for tests to tamper with."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Context, Decimal
from typing import Any

from adapters.memory import CountedIds
from application.ledger.attachment_reader import AttachmentReader
from application.ledger.audit_reader import AuditReader
from application.ledger.batch_reader import BatchReader
from application.ledger.hold_reader import HoldReader
from application.ledger.ledger_reader import LedgerReader, LedgerView
from application.ledger.period_reader import PeriodReader
from application.ledger.readers import AccountReader, EventReader, LedgerReads, StoredEvent, TransactionReader
from application.ledger.report_reader import AccountBalance, ReportReader, TrialBalance, TrialBalanceLine
from application.ledger.spans import AsOf
from application.shared.pagination import Page, PageRequest
from application.shared.ports import Seen
from domain.ledger.account import AccountType
from domain.ledger.asset import Asset
from domain.ledger.chart import Chart
from domain.ledger.events import AccountOpened, Event, LedgerCreated
from domain.ledger.ledger import LedgerNotFound
from domain.shared.access import Permission, Principal
from domain.shared.chain import Head, record
from tests.builders import AUTHOR, NOW

SLUG = "main"
EXACTLY = Context(prec=100)


def chained(count: int, *, name: str = "Main") -> list[StoredEvent]:
    """A log of so many events: a ledger is created, and accounts are opened."""
    ids = CountedIds()
    head = Head()
    stored = []
    for number in range(count):
        event: Event = (
            AccountOpened(f"assets:kasse-ß-{number}", AccountType.ASSET) if number else LedgerCreated(name, "UTC")
        )
        recorded_at = NOW + timedelta(seconds=number)
        recorded = record(event, head, id=ids.new("evt"), author=AUTHOR, recorded_at=recorded_at)
        stored.append(
            StoredEvent(recorded.sequence, recorded.content, recorded.previous_hash, recorded.hash, recorded_at)
        )
        head = recorded.head
    return stored


class StoredLog:
    """A `Work` over one ledger, `main`, of which only the log can be read."""

    def __init__(self, events: Sequence[StoredEvent]) -> None:
        self.rows = {event.sequence: event for event in events}
        self.views = 0

    def change(self, sequence: int, **columns: Any) -> None:
        """Write over a row."""
        self.rows[sequence] = replace(self.rows[sequence], **columns)

    def swap(self, first: int, second: int) -> None:
        """Exchange two rows, hashes and all."""
        one, other = self.rows[first], self.rows[second]
        self.rows[first] = replace(other, sequence=first)
        self.rows[second] = replace(one, sequence=second)

    @asynccontextmanager
    async def read(
        self,
        principal: Principal,
        permission: Permission,
        *,
        ledger: str | None = None,
        account: str | None = None,
        concerning: Callable[[LedgerReads], Awaitable[Iterable[str]]] | None = None,
        seen: Seen | None = None,
    ) -> AsyncIterator[LedgerReads]:
        principal.require(permission, ledger=ledger, account=account)
        self.views += 1
        yield _Reads(self)

    def begin(
        self, principal: Principal, permission: Permission, *, ledger: str | None = None, takes_away: bool = False
    ) -> AbstractAsyncContextManager[object]:
        raise NotImplementedError


class _Reads:
    def __init__(self, log: StoredLog) -> None:
        self._log = log

    @property
    def ledgers(self) -> LedgerReader:
        return _Ledgers(self._log)

    @property
    def events(self) -> EventReader:
        return _Events(self._log)

    @property
    def accounts(self) -> AccountReader:
        raise NotImplementedError

    @property
    def transactions(self) -> TransactionReader:
        raise NotImplementedError

    @property
    def holds(self) -> HoldReader:
        raise NotImplementedError

    @property
    def periods(self) -> PeriodReader:
        raise NotImplementedError

    @property
    def attachments(self) -> AttachmentReader:
        raise NotImplementedError

    @property
    def reports(self) -> ReportReader:
        return _Reports(self._log)

    @property
    def audit(self) -> AuditReader:
        raise NotImplementedError

    @property
    def batches(self) -> BatchReader:
        raise NotImplementedError


class _Ledgers:
    def __init__(self, log: StoredLog) -> None:
        self._log = log

    async def head(self, slug: str, *, up_to: int | None = None) -> Head:
        assert up_to is None
        if slug != SLUG:
            raise LedgerNotFound(f"There is no ledger {slug!r}.")
        last = max(self._log.rows)
        return Head(last, self._log.rows[last].hash, NOW)

    async def ledger(self, slug: str) -> LedgerView:
        raise NotImplementedError

    async def ledgers(self, page: PageRequest, *, status: Sequence[str] = ()) -> Page[LedgerView]:
        raise NotImplementedError

    async def require_another(self) -> None:
        raise NotImplementedError

    async def chart(self, slug: str) -> Chart:
        raise NotImplementedError

    async def assets(self, slug: str) -> Sequence[Asset]:
        raise NotImplementedError


class _Events:
    def __init__(self, log: StoredLog) -> None:
        self._log = log

    async def events(self, slug: str, *, after: int, limit: int) -> Sequence[StoredEvent]:
        following = sorted(sequence for sequence in self._log.rows if sequence > after)
        return [self._log.rows[sequence] for sequence in following[:limit]]

    async def ledgers(self) -> Sequence[str]:
        return [SLUG]

    async def last_before(self, slug: str, moment: datetime) -> int:
        raise NotImplementedError

    async def organisation_head(self) -> Head:
        return await _Ledgers(self._log).head(SLUG)

    async def organisation_events(self, *, after: int, limit: int) -> Sequence[StoredEvent]:
        return await self.events(SLUG, after=after, limit=limit)


class _Reports:
    """Adds up what the events say, one by one."""

    def __init__(self, log: StoredLog) -> None:
        self._log = log

    async def balances_of_asset(
        self, slug: str, asset: str, *, sequence: int, after: int, limit: int
    ) -> Sequence[AccountBalance]:
        numbers: dict[str, int] = {}
        balances: dict[str, Decimal] = {}
        scale = 0
        for number, event in sorted(self._log.rows.items())[:sequence]:
            document = json.loads(event.content)
            data = document["data"]
            if document["type"] == "account.opened":
                numbers[data["account"]] = number
            if document["type"] == "asset.registered" and data["code"] == asset:
                scale = data["scale"]
            for entry in data.get("entries", ()) if document["type"] == "transaction.posted" else ():
                if entry["asset"] == asset:
                    sign = 1 if entry["direction"] == "debit" else -1
                    path = entry["account"]
                    balances[path] = EXACTLY.add(balances.get(path, Decimal(0)), sign * Decimal(entry["amount"]))
        found = [
            AccountBalance(numbers[path], path, int(balance.scaleb(scale, EXACTLY)))
            for path, balance in balances.items()
        ]
        return sorted((each for each in found if each.number > after), key=lambda each: each.number)[:limit]

    async def trial_balance(self, slug: str, *, as_of: AsOf) -> TrialBalance:
        raise NotImplementedError

    async def closings(self, slug: str, *, since: datetime | None, as_of: AsOf) -> Sequence[TrialBalanceLine]:
        raise NotImplementedError
