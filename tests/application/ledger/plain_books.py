"""Books as a plain list of entries, which every report is a loop over."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from application.ledger.readers import AccountEntryView, AssetBalance
from application.ledger.report_reader import AccountBalance, TrialBalance, TrialBalanceLine
from application.ledger.spans import AsOf
from domain.ledger.account import Account, AccountNotFound, AccountType
from domain.ledger.asset import Asset
from domain.ledger.balance import Balance
from domain.ledger.effect import Line
from domain.ledger.transaction import Direction, Entry, TransactionKind
from domain.shared.chain import Head
from tests.builders import EUR

OF_FIRST = {
    "assets": AccountType.ASSET,
    "liabilities": AccountType.LIABILITY,
    "equity": AccountType.EQUITY,
    "income": AccountType.INCOME,
    "expenses": AccountType.EXPENSE,
}


def day(number: int) -> datetime:
    """A day of January 2026."""
    return datetime(2026, 1, number, tzinfo=UTC)


@dataclass
class PlainBooks:
    """A ledger for the readers of reports and accounts; amounts are debit-positive minor units."""

    types: dict[str, AccountType] = field(default_factory=dict)
    entries: list[tuple[int, int, datetime, TransactionKind, str, Asset, int]] = field(default_factory=list)
    sequence: int = 1

    def post(
        self,
        effective_at: datetime,
        *entries: tuple[str, int] | tuple[str, int, Asset],
        kind: TransactionKind = TransactionKind.ORDINARY,
    ) -> None:
        """Post entries of an account, an amount and, if it is not in euro, its asset."""
        self.sequence += 1
        assert sum(entry[1] for entry in entries if len(entry) == 2) == 0
        for position, (path, amount, *others) in enumerate(entries):
            asset = others[0] if others else EUR
            assert isinstance(asset, Asset)
            self.entries.append((self.sequence, position, effective_at, kind, path, asset, amount))

    def type_of(self, path: str) -> AccountType:
        """Return the type that the test gave it, or that of its first segment."""
        return self.types.get(path) or OF_FIRST[path.partition(":")[0]]

    def _lines(self, as_of: AsOf, since: datetime | None, kinds: Sequence[TransactionKind]) -> list[TrialBalanceLine]:
        sums: dict[tuple[str, Asset], Balance] = {}
        for sequence, _, at, kind, path, asset, amount in self.entries:
            is_seen = as_of.sequence is None or sequence <= as_of.sequence
            is_within = (since is None or at >= since) and (as_of.before is None or at < as_of.before)
            if is_seen and is_within and kind in kinds:
                before = sums.get((path, asset), Balance())
                sums[path, asset] = Balance(
                    before.posted_debits + max(amount, 0), before.posted_credits + max(-amount, 0)
                )
        ordered = sorted(sums.items(), key=lambda item: (item[0][0], item[0][1].code))
        return [TrialBalanceLine(path, self.type_of(path), asset, balance) for (path, asset), balance in ordered]

    async def trial_balance(self, slug: str, *, as_of: AsOf) -> TrialBalance:
        sequence = self.sequence if as_of.sequence is None else min(as_of.sequence, self.sequence)
        return TrialBalance(sequence, self._lines(as_of, None, list(TransactionKind)))

    async def balances_of_asset(
        self, slug: str, asset: str, *, sequence: int, after: int, limit: int
    ) -> Sequence[AccountBalance]:
        raise NotImplementedError

    async def closings(self, slug: str, *, since: datetime | None, as_of: AsOf) -> list[TrialBalanceLine]:
        return self._lines(as_of, since, [TransactionKind.CLOSING])

    async def head(self, slug: str, *, up_to: int | None = None) -> Head:
        assert up_to is None
        return Head(self.sequence)

    async def balances(self, slug: str, path: str, *, as_of: AsOf) -> tuple[Account, list[AssetBalance]]:
        if not any(entry[4] == path for entry in self.entries):
            raise AccountNotFound(path)
        lines = self._lines(as_of, None, list(TransactionKind))
        held = [AssetBalance(line.asset, line.balance) for line in lines if line.path == path]
        return Account(1, path, self.type_of(path)), held

    async def entries_within(
        self, slug: str, path: str, *, asset: str | None, since: datetime | None, as_of: AsOf, limit: int
    ) -> list[AccountEntryView] | None:
        account = Account(1, path, self.type_of(path))
        found = [
            AccountEntryView(
                Line(
                    Entry(path, Direction.DEBIT if amount > 0 else Direction.CREDIT, abs(amount), of),
                    account,
                    Balance(),
                ),
                position,
                sequence,
                f"txn_{sequence}",
                None,
                "",
                at,
                at,
            )
            for sequence, position, at, _, of_path, of, amount in self.entries
            if of_path == path
            and asset in (None, of.code)
            and (as_of.sequence is None or sequence <= as_of.sequence)
            and (since is None or at >= since)
            and (as_of.before is None or at < as_of.before)
        ]
        if len(found) > limit:
            return None
        return sorted(found, key=lambda view: (view.effective_at, view.sequence, view.position))

    @property
    def reads(self) -> Any:
        """All readers, which these books are."""
        return _Reads(self, self, self)


@dataclass(frozen=True)
class _Reads:
    ledgers: PlainBooks
    accounts: PlainBooks
    reports: PlainBooks
