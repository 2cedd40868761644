"""A ledger in the simplest way that can be right: dictionaries and fractions, no scope, no group, no chain.

It knows the words of the commands and none of the code that carries them out.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from application.ledger.change_account import ChangeAccount
from application.ledger.change_ledger import ChangeLedger
from application.ledger.change_transaction import ChangeTransaction
from application.ledger.open_account import OpenAccount
from application.ledger.ports import Command
from application.ledger.post_atomically import PostAtomically
from application.ledger.post_transaction import PostTransaction
from application.ledger.register_asset import RegisterAsset
from application.ledger.set_chart import SetChart
from domain.ledger.transaction import BalanceCondition, Direction, EntryDraft, TransactionDraft
from tests.naive import decimals, fits, number

BAD_PATHS = frozenset({"", "bad path", "a::b", "..", "\U0001f600"})
BAD_CODES = frozenset({"eur", "€", ""})
STANDARD_SCALES = {"EUR": 2, "JPY": 0, "KWD": 3}
DEFAULT_TYPES = {
    "assets": "asset",
    "liabilities": "liability",
    "equity": "equity",
    "income": "income",
    "revenue": "income",
    "expenses": "expense",
}

Line = tuple[str, str, str, Fraction, Fraction, Fraction, int]  # account, asset, side, amount; debits, credits, version
Happened = tuple[str, list[Line]]  # an event's type, and its lines


class Refused(Exception):
    """The codes of all that is wrong with a command; the real refusal has to be one of them."""

    def __init__(self, *codes: str) -> None:
        super().__init__(*codes)
        self.codes = set(codes)


@dataclass
class Model:
    """What a ledger should be. Amounts are in major units."""

    sequence: int = 1
    name: str = "Main"
    metadata: dict[str, str] = field(default_factory=dict)
    version: int = 1
    rules: list[tuple[str, str]] = field(default_factory=list)
    chart_version: int = 1
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    assets: dict[str, dict[str, int]] = field(default_factory=dict)
    balances: dict[tuple[str, str], tuple[Fraction, Fraction, int]] = field(default_factory=dict)
    changed: dict[tuple[str, str], int] = field(default_factory=dict)  # when each balance was, by sequence
    references: dict[str, str] = field(default_factory=dict)
    transactions: dict[str, dict[str, Any]] = field(default_factory=dict)

    def copy(self) -> "Model":
        """Return a ledger that is the same and goes its own way."""
        return copy.deepcopy(self)

    def do(self, command: Command) -> list[Happened]:
        """Do the command wholly, or change nothing and raise `Refused`."""
        trial = copy.deepcopy(self)
        happened = trial._carry_out(command)
        self.__dict__.update(trial.__dict__)
        self.sequence += len(happened)
        return happened

    def _carry_out(self, command: Command) -> list[Happened]:
        match command:
            case PostTransaction():
                return self._post(command.draft)
            case PostAtomically():
                return self._post_all(command)
            case OpenAccount():
                return self._open(command)
            case RegisterAsset():
                return self._register(command)
            case SetChart():
                rules = [(rule.pattern.text, rule.type.value) for rule in command.rules]
                _require(self.chart_version, command.expected_version)
                if rules == self.rules:
                    return []
                self.rules, self.chart_version = rules, self.chart_version + 1
                return [("chart.set", [])]
            case ChangeAccount():
                return self._change(self.accounts, command.path, command, "account")
            case ChangeTransaction():
                return self._change(self.transactions, command.id, command, "transaction")
            case ChangeLedger():
                _require(self.version, command.expected_version)
                name, metadata = command.name or self.name, _laid_over(self.metadata, command.metadata)
                if (name, metadata) == (self.name, self.metadata):
                    return []
                self.name, self.metadata, self.version = name, metadata, self.version + 1
                return [("ledger.changed", [])]
        raise AssertionError(f"no such command: {command}")

    def _post(self, draft: TransactionDraft, opened: int = 0) -> list[Happened]:
        faults = set()
        sums: dict[str, Fraction] = {}
        new_assets, new_accounts = [], []
        if draft.reference in self.references:
            faults.add("duplicate-reference")
        entries = self._decided(draft, faults)
        if len(entries) < 2:
            faults.add("validation-failed")
        for entry in entries:
            code, path = entry.asset, entry.account
            scale = self.assets[code]["scale"] if code in self.assets else STANDARD_SCALES.get(code)
            amount = number(entry.amount)
            if code in BAD_CODES or path in BAD_PATHS:
                faults.add("validation-failed")
            elif path not in self.accounts and self.type_of(path) is None:
                faults.add("account-not-found")
            if scale is None:
                faults.add("validation-failed" if code in BAD_CODES else "unknown-asset")
            elif amount is None or not 0 < amount * 10**scale <= 10**30:
                faults.add("validation-failed")
            if scale is not None and decimals(entry.amount) > scale:
                faults.add("too-many-decimals")
            sign = 1 if entry.direction.value == "debit" else -1
            sums[code] = sums.get(code, Fraction()) + sign * (amount or 0)
            if code not in self.assets and code not in new_assets:
                new_assets.append(code)
            if path not in self.accounts and path not in new_accounts:
                new_accounts.append(path)
        if any(sums.values()):
            faults.add("unbalanced-transaction")
        if faults:
            raise Refused(*faults)
        happened: list[Happened] = []
        for code in new_assets:
            self.assets[code] = {"scale": STANDARD_SCALES[code], "version": 1}
            happened.append(("asset.registered", []))
        for path in new_accounts:
            happened.append(("account.opened", []))
            self._put_account(path, str(self.type_of(path)), {}, self.sequence + opened + len(happened))
        lines = [self._enter(entry.account, entry.asset, entry.direction.value, entry.amount) for entry in entries]
        for entry in entries:
            self.changed[entry.account, entry.asset] = self.sequence + opened + len(happened) + 1
        if draft.reference is not None:
            self.references[draft.reference] = draft.id
        self.transactions[draft.id] = {
            "reference": draft.reference,
            "metadata": dict(draft.metadata),
            "version": 1,
        }
        return [*happened, ("transaction.posted", lines)]

    def _decided(self, draft: TransactionDraft, faults: set[str]) -> list[EntryDraft]:
        """Return the entries with amounts in the places of words, as far as there are any; judge the conditions."""
        entries = list(draft.entries)
        if draft.transfer is not None:
            giver, taker = draft.transfer.from_account, draft.transfer.to_account
            shrinks = [self._side_that_shrinks(path) for path in (giver, taker)]
            if None in shrinks:
                for path in (giver, taker):
                    if self._side_that_shrinks(path) is None:
                        faults.add("validation-failed" if path in BAD_PATHS else "account-not-found")
                return []
            if shrinks[0] != shrinks[1]:
                faults.add("ambiguous-transfer")
            of_taker = "rest" if draft.transfer.amount == "all" else draft.transfer.amount
            code, up_to = draft.transfer.asset, draft.transfer.up_to
            down, up = (Direction.DEBIT, Direction.CREDIT)[:: 1 if shrinks[0] == "debit" else -1]
            entries = [
                EntryDraft(giver, down, draft.transfer.amount, code, up_to),
                EntryDraft(taker, up, of_taker, code),
            ]
            if giver == taker:
                faults.add("validation-failed")
        if draft.based_on is not None:
            newest = max([self.changed.get((entry.account, entry.asset), 0) for entry in entries], default=0)
            if draft.based_on > self._seen() or newest > draft.based_on:
                faults.add("condition-failed")
        for entry in entries:
            if entry.condition is not None:
                self._judge(entry, entry.condition, faults)
        for word in ("all", "rest"):
            for index, entry in enumerate(entries):
                if entry.amount == word:
                    entries[index] = self._with_amount(entry, entries, faults)
        return entries

    def _seen(self) -> int:
        return max([self.sequence, *self.changed.values()])

    def _side_that_shrinks(self, path: str) -> str | None:
        kind = self.accounts[path]["type"] if path in self.accounts else self.type_of(path)
        if path in BAD_PATHS or kind is None:
            return None
        return "credit" if kind in ("asset", "expense") else "debit"

    def _normal(self, path: str, code: str) -> Fraction:
        """What the account holds, on the side on which it grows."""
        debits, credits, _ = self.balances.get((path, code), (Fraction(), Fraction(), 0))
        return debits - credits if self._side_that_shrinks(path) == "credit" else credits - debits

    def _judge(self, entry: EntryDraft, condition: BalanceCondition, faults: set[str]) -> None:
        posted = self._normal(entry.account, entry.asset)
        version = self.balances.get((entry.account, entry.asset), (0, 0, 0))[2]
        if (
            (condition.at_least is not None and posted < Fraction(condition.at_least))
            or (condition.at_most is not None and posted > Fraction(condition.at_most))
            or (condition.exactly is not None and posted != Fraction(condition.exactly))
            or condition.balance_version not in (None, version)
        ):
            faults.add("condition-failed")

    def _with_amount(self, entry: EntryDraft, entries: list[EntryDraft], faults: set[str]) -> EntryDraft:
        code = entry.asset
        scale = self.assets[code]["scale"] if code in self.assets else STANDARD_SCALES.get(code, 0)
        if entry.amount == "all":
            amount = self._normal(entry.account, code)
            if entry.up_to is not None:
                amount = min(amount, Fraction(entry.up_to))
            others = [each for each in entries if (each.account, each.asset) == (entry.account, code)]
            if len(others) > 1 or entry.direction.value != self._side_that_shrinks(entry.account):
                faults.add("validation-failed")
        else:
            if sum(each.amount == "rest" and each.asset == code for each in entries) > 1:
                faults.add("validation-failed")
            amount = Fraction()
            for each in entries:
                if each.asset == code and each.amount not in ("all", "rest"):
                    amount += (number(each.amount) or 0) * (1 if each.direction is not entry.direction else -1)
        if amount <= 0:
            faults.add("nothing-to-move")
            amount = Fraction(1, 10**scale)
        digits = str(int(amount * 10**scale)).rjust(scale + 1, "0")
        text = f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits
        return replace(entry, amount=text)

    def _post_all(self, command: PostAtomically) -> list[Happened]:
        happened: list[Happened] = []
        first: Refused | None = None
        for draft in command.drafts:
            trial = copy.deepcopy(self)
            try:
                happened += trial._post(draft, opened=len(happened))
            except Refused as refusal:
                first = first or refusal
            else:
                self.__dict__.update(trial.__dict__)
        if first:
            raise first
        return happened

    def _enter(self, path: str, code: str, side: str, text: str) -> Line:
        amount = Fraction(text)
        debits, credits, version = self.balances.get((path, code), (Fraction(), Fraction(), 0))
        if side == "debit":
            debits += amount
        else:
            credits += amount
        self.balances[path, code] = (debits, credits, version + 1)
        return (path, code, side, amount, debits, credits, version + 1)

    def _open(self, command: OpenAccount) -> list[Happened]:
        if command.path in BAD_PATHS:
            raise Refused("validation-failed")
        if command.path in self.accounts:
            raise Refused("account-exists")
        account_type = command.type.value if command.type else self.type_of(command.path)
        if account_type is None:
            raise Refused("validation-failed")
        self._put_account(command.path, account_type, command.metadata, self.sequence + 1)
        return [("account.opened", [])]

    def _put_account(self, path: str, account_type: str, metadata: Mapping[str, str], number: int) -> None:
        self.accounts[path] = {"number": number, "type": account_type, "metadata": dict(metadata), "version": 1}

    def _register(self, command: RegisterAsset) -> list[Happened]:
        if command.code in BAD_CODES or not 0 <= command.scale <= 30:
            raise Refused("validation-failed")
        asset = self.assets.get(command.code)
        if asset is None:
            if command.replaces:
                raise Refused("version-conflict")
            self.assets[command.code] = {"scale": command.scale, "version": 1}
            return [("asset.registered", [])]
        _require(asset["version"], command.expected_version)
        if asset["scale"] == command.scale:
            return []
        if command.code in self.used_assets():
            raise Refused("scale-fixed")
        if not command.replaces:
            raise Refused("precondition-required")
        self.assets[command.code] = {"scale": command.scale, "version": asset["version"] + 1}
        return [("asset.registered", [])]

    def _change(
        self, kept: dict[str, dict[str, Any]], name: str, command: ChangeAccount | ChangeTransaction, noun: str
    ) -> list[Happened]:
        if name not in kept:
            raise Refused("account-not-found" if noun == "account" else "not-found")
        thing = kept[name]
        _require(thing["version"], command.expected_version)
        metadata = _laid_over(thing["metadata"], command.metadata)
        if metadata == thing["metadata"]:
            return []
        thing["metadata"], thing["version"] = metadata, thing["version"] + 1
        return [(f"{noun}.changed", [])]

    def type_of(self, path: str) -> str | None:
        """The type that the chart gives."""
        for pattern, account_type in self.rules:
            if fits(pattern.split(":"), path.split(":")):
                return account_type
        return DEFAULT_TYPES.get(path.split(":", maxsplit=1)[0].lower())

    def used_assets(self) -> set[str]:
        """The assets that anything was posted in."""
        return {code for _, code in self.balances}


def _require(version: int, expected: int | None) -> None:
    if expected is not None and version != expected:
        raise Refused("version-conflict")


def _laid_over(current: dict[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    result = dict(current)
    for name, value in changes.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = value
    return result
