"""The Book: the part of a ledger's state that a group of commands decides on, kept true event by event."""

from collections.abc import Mapping, MutableMapping, MutableSet, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from domain.ledger import changes
from domain.ledger.account import Account, AccountNotFound
from domain.ledger.asset import Asset
from domain.ledger.attachment import Attachment
from domain.ledger.balance import NOTHING, Balance
from domain.ledger.chart import Chart
from domain.ledger.effect import NO_EFFECT, Effect, HeldLine, LeftLine, Line
from domain.ledger.events import (
    AccountArchived,
    AccountChanged,
    AccountFrozen,
    AccountOpened,
    AccountRestored,
    AccountUnfrozen,
    AssetRegistered,
    AttachmentAdded,
    AttachmentRemoved,
    ChartSet,
    Event,
    HoldExpired,
    HoldPlaced,
    HoldReleased,
    PeriodClosed,
    PeriodReopened,
    TransactionChanged,
    TransactionPosted,
)
from domain.ledger.held import NOTHING_HELD, Held
from domain.ledger.hold import Hold, HoldStatus
from domain.ledger.limit import Limit
from domain.ledger.overlay import Overlay, OverlaySet
from domain.ledger.period import Period
from domain.ledger.policy import PolicyInForce
from domain.ledger.posted import PostedTransaction, undone
from domain.ledger.scope import AccountAsset, Looked, ScopeTooNarrow
from domain.ledger.settings import LedgerSettings
from domain.ledger.transaction import Side, sides_of
from domain.shared.errors import NotFound

_MAPPINGS = ["assets", "accounts", "balances", "held", "references", "transactions", "holds", "periods", "attachments"]
Nothing = TypeVar("Nothing")


@dataclass(slots=True)
class Book:
    """The state of a ledger after the event `sequence`, as far as a scope reaches.

    Commands read it; `apply` alone changes it. What is in scope and missing here does not exist. `chart_limits` are
    what the chart gives by path, kept because matching patterns takes long; books of the same chart share them.
    `policies` are those of whoever runs the server, and no part of the ledger. `seen` is where a store has looked for
    balances, whether or not there were any; None is everywhere.
    """

    sequence: int = 0
    settings: LedgerSettings = field(default_factory=LedgerSettings)
    chart: Chart = field(default_factory=Chart)
    assets: MutableMapping[str, Asset] = field(default_factory=dict)
    used_assets: MutableSet[str] = field(default_factory=set)
    accounts: MutableMapping[str, Account] = field(default_factory=dict)
    balances: MutableMapping[AccountAsset, Balance] = field(default_factory=dict)
    held: MutableMapping[AccountAsset, Held] = field(default_factory=dict)
    references: MutableMapping[str, str] = field(default_factory=dict)
    transactions: MutableMapping[str, PostedTransaction] = field(default_factory=dict)
    holds: MutableMapping[str, Hold] = field(default_factory=dict)
    periods: MutableMapping[str, Period] = field(default_factory=dict)
    attachments: MutableMapping[str, Attachment] = field(default_factory=dict)
    results: MutableMapping[datetime, changes.Results] = field(default_factory=dict)
    chart_limits: MutableMapping[str, Mapping[str, Limit]] = field(default_factory=dict)
    policies: Sequence[PolicyInForce] = ()
    seen: Looked | None = field(default=None, compare=False, repr=False)

    def account(self, path: str) -> Account:
        """Return the account of that path, or raise `AccountNotFound`."""
        account = self.accounts.get(path)
        if account is None:
            raise AccountNotFound(f"There is no account {path!r} in this ledger.")
        return account

    def balance(self, path: str, code: str) -> Balance:
        """Return what was posted to the account in the asset."""
        return self.balances.get((path, code), NOTHING)

    def held_on(self, path: str, code: str) -> Held:
        """Return what is held on the account in the asset."""
        return self.held.get((path, code), NOTHING_HELD)

    def available(self, account: Account, code: str) -> int:
        """Return what is available on the account: what is posted, less what holds may take."""
        held = self.held_on(account.path, code)
        return self.balance(account.path, code).posted(account.type) - held.decreases(account.type)

    def limit(self, path: str, code: str) -> Limit | None:
        """Return the limit of the account in the asset: its own, or else the one that the chart gives now."""
        account = self.accounts.get(path)
        if account is not None and code in account.limits:
            return account.limits[code]
        if not self.chart.has_limits:
            return None
        of_chart = self.chart_limits.get(path)
        if of_chart is None:
            of_chart = self.chart_limits[path] = self.chart.limits_for(path)
        return of_chart.get(code)

    def transaction(self, id: str) -> PostedTransaction:
        """Return the transaction of that id, or raise `NotFound`."""
        transaction = self.transactions.get(id)
        if transaction is None:
            raise NotFound(f"There is no transaction {id!r} in this ledger.")
        return transaction

    def lineage(self, id: str) -> list[PostedTransaction]:
        """Return the transaction of that id, the one that it reverses, and so on. Raises `NotFound`."""
        lineage = [self.transaction(id)]
        while (reversed_id := lineage[-1].reverses) is not None:
            lineage.append(self.transactions[reversed_id])
        return lineage

    def hold(self, id: str) -> Hold:
        """Return the hold of that id, or raise `NotFound`."""
        hold = self.holds.get(id)
        if hold is None:
            raise NotFound(f"There is no hold {id!r} in this ledger.")
        return hold

    def period(self, id: str) -> Period:
        """Return the period of that id, or raise `NotFound`."""
        period = self.periods.get(id)
        if period is None:
            raise NotFound(f"There is no period {id!r} in this ledger.")
        return period

    def attachment(self, id: str) -> Attachment:
        """Return the attachment of that id, or raise `NotFound`."""
        attachment = self.attachments.get(id)
        if attachment is None:
            raise NotFound(f"There is no attachment {id!r} in this ledger.")
        return attachment

    def forget_named(self) -> None:
        """Forget what is looked up by name, and what was true of the whole ledger: each group asks for it anew."""
        for named in (self.references, self.transactions, self.holds, self.periods, self.attachments, self.results):
            named.clear()
        if self.seen is not None:
            self.seen = Looked()

    def fork(self) -> "Book":
        """Return a copy, which goes its own way; it takes as long as there is much in this book."""
        of_things: dict[str, Any] = {name: dict(getattr(self, name)) for name in _MAPPINGS}
        of_things["results"] = {before: dict(results) for before, results in self.results.items()}
        return replace(self, used_assets=set(self.used_assets), **of_things)

    def trial(self) -> "Book":
        """Return a book that starts out the same and leaves this one alone, at once, however much is in this one.

        This one must stay as it is for as long as the trial is used.
        """
        return replace(
            self,
            assets=Overlay(self.assets),
            used_assets=OverlaySet(self.used_assets),
            accounts=Overlay(self.accounts),
            balances=Overlay(self.balances),
            held=Overlay(self.held),
            references=Overlay(self.references),
            transactions=Overlay(self.transactions),
            holds=Overlay(self.holds),
            periods=Overlay(self.periods),
            attachments=Overlay(self.attachments),
            results={before: Overlay(results) for before, results in self.results.items()},
        )

    def apply(self, event: Event) -> Effect:
        """Take the next event in, and return what it adds to what is kept. Raises `ScopeTooNarrow`."""
        self.sequence += 1
        match event:
            case TransactionPosted():
                return self._post(event)
            case AccountOpened():
                limits = {limit.asset.code: limit for limit in event.limits}
                self.used_assets |= set(limits)
                self.accounts[event.account] = Account(
                    self.sequence, event.account, event.account_type, metadata=event.metadata, limits=limits
                )
            case HoldPlaced():
                return self._place(event)
            case HoldReleased(id):
                return self._close(self.holds[id], HoldStatus.RELEASED)
            case HoldExpired(id):
                return self._close(self.holds[id], HoldStatus.EXPIRED)
            case AccountChanged() | AccountFrozen() | AccountUnfrozen() | AccountArchived() | AccountRestored():
                if isinstance(event, AccountChanged):
                    self.used_assets |= {limit.asset.code for limit in event.limits}
                self.accounts[event.account] = changes.changed_account(self.accounts[event.account], event)
            case AssetRegistered():
                version = before.version + 1 if (before := self.assets.get(event.code)) else 1
                self.assets[event.code] = Asset(event.code, event.scale, version)
            case ChartSet():
                self.chart = Chart(event.rules, self.chart.version + 1)
                self.used_assets |= {limit.asset.code for rule in event.rules for limit in rule.limits}
                self.chart_limits = {}
            case TransactionChanged():
                posted = self.transactions[event.id]
                self.transactions[event.id] = replace(posted, metadata=event.metadata, version=posted.version + 1)
            case PeriodClosed():
                self.periods[event.id] = changes.closed_period(event)
                self.settings = replace(self.settings, closed_until=event.ends_at, closed_until_day=event.ends_on)
            case PeriodReopened(id):
                period = self.periods[id]
                self.periods[id] = replace(period, is_closed=False)
                self.settings = replace(self.settings, closed_until=period.starts_at, closed_until_day=period.starts_on)
            case AttachmentAdded(attachment):
                self.attachments[attachment.id] = attachment
            case AttachmentRemoved(id):
                self.attachments[id] = replace(self.attachments[id], is_removed=True)
            case _:
                self.settings = changes.changed_settings(self.settings, event)
        return NO_EFFECT

    def _post(self, event: TransactionPosted) -> Effect:
        lines = []
        for entry in event.entries:
            key = (entry.account, entry.asset.code)
            balance = (self.balances.get(key) or self._untouched(key, NOTHING)).after(
                entry.direction, entry.amount, sequence=self.sequence, effective_at=event.effective_at
            )
            self.balances[key] = balance
            self.used_assets.add(entry.asset.code)
            lines.append(Line(entry, self.accounts[entry.account], balance))
        if event.reference is not None:
            self.references[event.reference] = event.id
        self.transactions[event.id] = PostedTransaction(
            self.sequence,
            event.id,
            event.reference,
            event.metadata,
            event.entries,
            event.effective_at,
            event.kind,
            event.reverses,
        )
        if self.results:
            changes.keep_results(self.results, self.accounts, event)
        if event.hold is not None:
            return replace(self._capture(self.holds[event.hold], event), lines=tuple(lines))
        return Effect(tuple(lines), left=() if event.reverses is None else self._undo(event.reverses, event))

    def _place(self, event: HoldPlaced) -> Effect:
        hold = changes.placed_hold(self.sequence, event)
        self.holds[hold.id] = hold
        if hold.reference is not None:
            self.references[hold.reference] = hold.id
        self.used_assets |= {entry.asset.code for entry in event.entries}
        return Effect(held=self._hold_back(hold.left, 1))

    def _capture(self, hold: Hold, event: TransactionPosted) -> Effect:
        taken = sides_of(event.entries)
        left = {side: amount - taken.get(side, 0) for side, amount in hold.left.items()}
        is_open = any(left.values()) and not event.is_final
        status = HoldStatus.OPEN if is_open else HoldStatus.CAPTURED
        self.holds[hold.id] = replace(hold, left=left, status=status)
        held = self._hold_back(taken if is_open else hold.left, -1)
        changed = changes.changed_sides(self.accounts, hold.number, hold.left, left)
        return Effect(held=held, left=changed, closes=not is_open)

    def _close(self, hold: Hold, status: HoldStatus) -> Effect:
        self.holds[hold.id] = replace(hold, status=status)
        return Effect(held=self._hold_back(hold.left, -1), closes=True)

    def _hold_back(self, amounts: Mapping[Side, int], sign: int) -> tuple[HeldLine, ...]:
        """Hold more (or, with the sign -1, less) back, and return what is then held wherever that changed."""
        changed: dict[AccountAsset, Held] = {}
        for (path, direction, code), amount in amounts.items():
            if amount:
                before = self.held.get((path, code)) or self._untouched((path, code), NOTHING_HELD)
                held = before.after(direction, sign * amount, sequence=self.sequence)
                self.held[path, code] = changed[path, code] = held
        return tuple(HeldLine(self.accounts[path], code, held) for (path, code), held in changed.items())

    def _undo(self, id: str, event: TransactionPosted) -> tuple[LeftLine, ...]:
        lines: list[LeftLine] = []
        for transaction in undone(self.lineage(id), event.entries):
            before = self.transactions[transaction.id].left
            lines += changes.changed_sides(self.accounts, transaction.number, before, transaction.left)
            self.transactions[transaction.id] = transaction
        return tuple(lines)

    def _untouched(self, key: AccountAsset, nothing: Nothing) -> Nothing:
        """Return nothing, where the book does not just know of nothing: somebody has looked."""
        if self.seen is not None and key not in self.seen:
            raise ScopeTooNarrow(f"{key[0]} was not looked at in {key[1]}")
        return nothing
