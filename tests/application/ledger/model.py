"""A ledger in the simplest way that can be right: dictionaries and fractions, no scope, no group, no chain.

It knows the words of the commands and none of the code that carries them out.
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction
from functools import partial
from typing import Any

from application.ledger.archive_account import ArchiveAccount, RestoreAccount
from application.ledger.archive_ledger import ArchiveLedger, RestoreLedger
from application.ledger.change_account import ChangeAccount
from application.ledger.change_ledger import ChangeLedger
from application.ledger.change_transaction import ChangeTransaction
from application.ledger.close_period import ClosePeriod, ReopenPeriod
from application.ledger.expire_holds import ExpireHolds
from application.ledger.freeze_account import FreezeAccount, UnfreezeAccount
from application.ledger.freeze_ledger import FreezeLedger, UnfreezeLedger
from application.ledger.open_account import OpenAccount
from application.ledger.place_hold import PlaceHold
from application.ledger.ports import Command
from application.ledger.post_atomically import PostAtomically
from application.ledger.post_transaction import PostTransaction
from application.ledger.register_asset import RegisterAsset
from application.ledger.resolve_holds import CaptureHold, ReleaseHold, ResolveHolds
from application.ledger.reverse_transactions import ReverseAtomically, ReverseTransaction
from application.ledger.set_chart import SetChart
from domain.ledger.closing import ClosingDraft
from domain.ledger.hold import CaptureDraft, HoldDraft, ReleaseDraft
from domain.ledger.limit import LimitDraft
from domain.ledger.posted import ReversalDraft
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
Side = tuple[str, str, str]  # account, debit or credit, asset
Bounds = tuple[Fraction | None, Fraction | None]  # the least and the most
OTHER = {"debit": "credit", "credit": "debit"}
LARGEST = 10**30  # minor units


class Refused(Exception):
    """The codes of all that is wrong with a command; the real refusal has to be one of them."""

    def __init__(self, *codes: str) -> None:
        super().__init__(*codes)
        self.codes = set(codes)


@dataclass
class Model:
    """What a ledger should be. Amounts are in major units, times UTC; `recorded` is when the last event was."""

    recorded: datetime
    sequence: int = 1
    name: str = "Main"
    metadata: dict[str, str] = field(default_factory=dict)
    version: int = 1
    is_frozen: bool = False
    is_archived: bool = False
    rules: list[tuple[str, str, dict[str, Bounds]]] = field(default_factory=list)
    chart_version: int = 1
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    assets: dict[str, dict[str, int]] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)  # the assets whose scale is fixed
    balances: dict[tuple[str, str], tuple[Fraction, Fraction, int]] = field(default_factory=dict)
    changed: dict[tuple[str, str], int] = field(default_factory=dict)  # when posted or held was, by sequence
    entries: list[tuple[str, str, Fraction, datetime]] = field(default_factory=list)  # a credit is below zero
    references: dict[str, str] = field(default_factory=dict)
    transactions: dict[str, dict[str, Any]] = field(default_factory=dict)
    holds: dict[str, dict[str, Any]] = field(default_factory=dict)
    periods: dict[str, dict[str, Any]] = field(default_factory=dict)

    def copy(self) -> "Model":
        """Return a ledger that is the same and goes its own way."""
        return copy.deepcopy(self)

    def expire(self, now: datetime) -> list[Happened]:
        """Let all holds expire that are due."""
        due = [
            (hold["expires_at"], hold["number"], id)
            for id, hold in self.holds.items()
            if hold["status"] == "open" and hold["expires_at"] is not None and hold["expires_at"] <= now
        ]
        return [self._let_go(id, "expired", "hold.expired", now) for _, _, id in sorted(due)]

    def do(self, command: Command, now: datetime) -> list[Happened]:
        """Do the command wholly, or change nothing and raise `Refused`. Holds that are due have expired before."""
        trial = copy.deepcopy(self)
        happened = trial._carry_out(command, now)
        self.__dict__.update(trial.__dict__)
        return happened

    def _happens(self, what: str, now: datetime, lines: list[Line] | None = None) -> Happened:
        self.sequence += 1
        self.recorded = now
        return (what, lines or [])

    def _carry_out(self, command: Command, now: datetime) -> list[Happened]:
        if self.is_archived and not isinstance(command, ArchiveLedger | RestoreLedger):
            raise Refused("ledger-archived")
        match command:
            case PostTransaction(draft):
                return self._post(draft, now)
            case PostAtomically(drafts):
                return self._all([partial(Model._post, draft=draft, now=now) for draft in drafts])
            case PlaceHold(hold):
                return self._place(hold, now)
            case CaptureHold() | ReleaseHold():
                return self._resolve(command.draft, now)
            case ResolveHolds(resolutions):
                return self._all([partial(Model._resolve, draft=each, now=now) for each in resolutions])
            case ReverseTransaction(reversal, is_forced):
                return self._reverse(reversal, now, is_forced)
            case ReverseAtomically(reversals, is_forced):
                steps = [partial(Model._reverse, draft=each, now=now, is_forced=is_forced) for each in reversals]
                return self._all(steps)
            case ClosePeriod(closing):
                return self._close(closing, now)
            case ReopenPeriod(id):
                return self._reopen(id, now)
            case ExpireHolds():
                return []
            case _:
                return self._set_up(command, now)

    def _set_up(self, command: Command, now: datetime) -> list[Happened]:
        match command:
            case OpenAccount():
                return self._open(command, now)
            case ChangeAccount():
                return self._change_account(command, now)
            case FreezeAccount() | UnfreezeAccount():
                return self._freeze(command, now)
            case ArchiveAccount() | RestoreAccount():
                return self._archive(command, now)
            case RegisterAsset():
                return self._register(command, now)
            case SetChart():
                return self._set_chart(command, now)
            case ChangeTransaction():
                thing = self.transactions.get(command.id)
                if thing is None:
                    raise Refused("not-found")
                _require(thing["version"], command.expected_version)
                metadata = _laid_over(thing["metadata"], command.metadata)
                if metadata == thing["metadata"]:
                    return []
                thing["metadata"], thing["version"] = metadata, thing["version"] + 1
                return [self._happens("transaction.changed", now)]
        return self._change_ledger(command, now)

    def _all(self, steps: Sequence[Callable[["Model"], list[Happened]]]) -> list[Happened]:
        happened: list[Happened] = []
        first: Refused | None = None
        for step in steps:
            trial = copy.deepcopy(self)
            try:
                happened += step(trial)
            except Refused as refusal:
                first = first or refusal
            else:
                self.__dict__.update(trial.__dict__)
        if first:
            raise first
        return happened

    # Transactions and holds.

    def _post(self, draft: TransactionDraft, now: datetime, kind: str = "ordinary") -> list[Happened]:
        faults: set[str] = set()
        entries, new_assets, new_accounts = self._asked(draft, faults)
        effective_at = self._effective(draft.effective_at, now, faults)
        judged = entries
        if kind == "closing":
            # Neither limits nor freezing keep income and expense accounts from giving up what was; archiving does.
            past = [each.account for each in entries if self._has_results(each.account)]
            judged = [each for each in entries if each.account not in past]
            if any(self.accounts[path]["status"] == "archived" for path in past):
                faults.add("account-archived")
        self._judge_entries([(each.account, each.direction.value) for each in judged], faults)
        self._judge_limits([_amount(each) for each in judged], faults, is_hold=False)
        if faults:
            raise Refused(*faults)
        happened = self._first(new_assets, new_accounts, now)
        lines = [_amount(each) for each in entries]
        reference, metadata = draft.reference, draft.metadata
        return [*happened, self._put(draft.id, lines, effective_at, now, reference, metadata, kind)]

    def _place(self, draft: HoldDraft, now: datetime) -> list[Happened]:
        faults: set[str] = set()
        entries, new_assets, new_accounts = self._asked(draft, faults)
        if draft.expires_at is not None and draft.expires_at <= now:
            faults.add("validation-failed")
        self._judge_entries([(each.account, each.direction.value) for each in entries], faults)
        self._judge_limits([_amount(each) for each in entries], faults, is_hold=True)
        if faults:
            raise Refused(*faults)
        happened = [*self._first(new_assets, new_accounts, now), self._happens("hold.placed", now)]
        sides: dict[Side, Fraction] = {}
        for path, side, code, amount in [_amount(each) for each in entries]:
            sides[path, side, code] = sides.get((path, side, code), Fraction()) + amount
            self.changed[path, code] = self.sequence
            self.used.add(code)
        if draft.reference is not None:
            self.references[draft.reference] = draft.id
        self.holds[draft.id] = {
            "number": self.sequence,
            "left": sides,
            "status": "open",
            "expires_at": draft.expires_at,
        }
        return happened

    def _resolve(self, draft: CaptureDraft | ReleaseDraft, now: datetime) -> list[Happened]:
        hold = self.holds.get(draft.hold)
        if hold is None:
            raise Refused("not-found")
        if hold["status"] != "open":
            raise Refused("hold-not-open")
        if isinstance(draft, ReleaseDraft):
            return [self._let_go(draft.hold, "released", "hold.released", now)]
        faults: set[str] = set()
        if draft.reference in self.references:
            faults.add("duplicate-reference")
        left: dict[Side, Fraction] = hold["left"]
        part = self._part(draft.entries, left, "hold-exceeded", faults)
        effective_at = self._effective(draft.effective_at, now, faults)
        self._judge_entries([(path, side) for path, side, _, _ in part], faults)
        if faults:
            raise Refused(*faults)
        happened = self._put(draft.id, part, effective_at, now, draft.reference, draft.metadata)
        for path, side, code, amount in part:
            left[path, side, code] -= amount
        if draft.is_final or not any(left.values()):
            hold["status"] = "captured"
            for path, _, code in [side for side, rest in left.items() if rest]:
                self.changed[path, code] = self.sequence
        return [happened]

    def _let_go(self, id: str, status: str, what: str, now: datetime) -> Happened:
        happened = self._happens(what, now)
        self.holds[id]["status"] = status
        for path, _, code in [side for side, rest in self.holds[id]["left"].items() if rest]:
            self.changed[path, code] = self.sequence
        return happened

    def _reverse(self, draft: ReversalDraft, now: datetime, is_forced: bool) -> list[Happened]:
        reversed_one = self.transactions.get(draft.transaction)
        if reversed_one is None:
            raise Refused("not-found")
        faults: set[str] = set()
        ancestors = [draft.transaction]
        while (parent := self.transactions[ancestors[-1]]["reverses"]) is not None:
            ancestors.append(parent)
        if len(ancestors) > 15:
            faults.add("reversal-exceeded")
        if draft.reference in self.references:
            faults.add("duplicate-reference")
        standing = self.standing(draft.transaction)
        part = self._part(draft.entries, standing, "reversal-exceeded", faults)
        if not any(standing.values()):
            faults.add("reversal-exceeded")
        back = [(path, OTHER[side], code, amount) for path, side, code, amount in part]
        effective_at = reversed_one["effective_at"] if draft.is_at_original_time else now
        self._effective(effective_at, now, faults)
        self._judge_entries([(path, side) for path, side, _, _ in back], faults)
        if not is_forced:
            self._judge_limits(back, faults, is_hold=False)
        if faults:
            raise Refused(*faults)
        happened = self._put(
            draft.id, back, effective_at, now, draft.reference, draft.metadata, reversed_one["kind"], draft.transaction
        )
        for id in ancestors:
            if min(self.standing(id).values()) < 0:
                raise Refused("reversal-exceeded")
        return [happened]

    def standing(self, id: str) -> dict[Side, Fraction]:
        """What stands of a transaction: what it posted, less what stands of those that reverse it."""
        standing: dict[Side, Fraction] = dict(self.transactions[id]["sides"])
        for other, transaction in self.transactions.items():
            if transaction["reverses"] == id:
                for (path, side, code), amount in self.standing(other).items():
                    standing[path, OTHER[side], code] -= amount
        return standing

    def _part(
        self, asked: Sequence[EntryDraft], left: Mapping[Side, Fraction], exceeded: str, faults: set[str]
    ) -> list[tuple[str, str, str, Fraction]]:
        """Return what is asked for of what is left, or all of it, in entries as large as one can be."""
        part: list[tuple[str, str, str, Fraction]] = []
        if not asked:
            for (path, side, code), amount in left.items():
                part += [(path, side, code, piece) for piece in self._pieces(amount, code)]
            return part
        sums: dict[str, Fraction] = {}
        taken: dict[Side, Fraction] = {}
        if len(asked) < 2:
            faults.add("validation-failed")
        for entry in asked:
            code, side = entry.asset, entry.direction.value
            if code not in {of for _, _, of in left}:
                faults.add("validation-failed")
                continue
            amount = self._number(entry.amount, code, faults)
            sums[code] = sums.get(code, Fraction()) + (amount if side == "debit" else -amount)
            taken[entry.account, side, code] = taken.get((entry.account, side, code), Fraction()) + amount
            part.append((entry.account, side, code, amount))
        if any(sums.values()):
            faults.add("unbalanced-transaction")
        if any(amount > left.get(side, 0) for side, amount in taken.items()):
            faults.add(exceeded)
        return part

    def _pieces(self, amount: Fraction, code: str) -> list[Fraction]:
        most = Fraction(LARGEST, 10 ** self.assets[code]["scale"])
        pieces = []
        while amount > 0:
            pieces.append(min(amount, most))
            amount -= most
        return pieces

    def _put(
        self,
        id: str,
        entries: Sequence[tuple[str, str, str, Fraction]],
        effective_at: datetime,
        now: datetime,
        reference: str | None,
        metadata: Mapping[str, str],
        kind: str = "ordinary",
        reverses: str | None = None,
    ) -> Happened:
        """Post, whatever it is."""
        happened = self._happens("transaction.posted", now, [])
        sides: dict[Side, Fraction] = {}
        for path, side, code, amount in entries:
            debits, credits, version = self.balances.get((path, code), (Fraction(), Fraction(), 0))
            if side == "debit":
                debits += amount
            else:
                credits += amount
            self.balances[path, code] = (debits, credits, version + 1)
            self.changed[path, code] = self.sequence
            self.used.add(code)
            self.entries.append((path, code, amount if side == "debit" else -amount, effective_at))
            sides[path, side, code] = sides.get((path, side, code), Fraction()) + amount
            happened[1].append((path, code, side, amount, debits, credits, version + 1))
        if reference is not None:
            self.references[reference] = id
        self.transactions[id] = {
            "reference": reference,
            "metadata": dict(metadata),
            "version": 1,
            "sides": sides,
            "effective_at": effective_at,
            "kind": kind,
            "reverses": reverses,
        }
        return happened

    def _first(self, new_assets: Sequence[str], new_accounts: Sequence[str], now: datetime) -> list[Happened]:
        happened = [self._put_asset(code, STANDARD_SCALES[code], now) for code in new_assets]
        happened += [self._put_account(path, str(self.type_of(path)), {}, {}, now) for path in new_accounts]
        return happened

    def _asked(
        self, draft: TransactionDraft | HoldDraft, faults: set[str]
    ) -> tuple[list[EntryDraft], list[str], list[str]]:
        """Return the entries, and which assets and accounts they need first."""
        sums: dict[str, Fraction] = {}
        new_assets: list[str] = []
        new_accounts: list[str] = []
        if draft.reference in self.references:
            faults.add("duplicate-reference")
        entries = self._decided(draft, faults)
        if len(entries) < 2:
            faults.add("validation-failed")
        for entry in entries:
            code, path = entry.asset, entry.account
            if path in BAD_PATHS:
                faults.add("validation-failed")
            elif path not in self.accounts and self.type_of(path) is None:
                faults.add("account-not-found")
            amount = self._number(entry.amount, code, faults)
            sign = 1 if entry.direction.value == "debit" else -1
            sums[code] = sums.get(code, Fraction()) + sign * amount
            if code not in self.assets and code not in new_assets:
                new_assets.append(code)
            if path not in self.accounts and path not in new_accounts:
                new_accounts.append(path)
        if any(sums.values()):
            faults.add("unbalanced-transaction")
        return entries, new_assets, new_accounts

    def _scale(self, code: str, faults: set[str]) -> int | None:
        scale = self.assets[code]["scale"] if code in self.assets else STANDARD_SCALES.get(code)
        if scale is None:
            faults.add("validation-failed" if code in BAD_CODES else "unknown-asset")
        return scale

    def _number(self, text: str, code: str, faults: set[str]) -> Fraction:
        """Return what an amount says, as far as it says anything."""
        scale, amount = self._scale(code, faults), number(text)
        if scale is not None:
            if amount is None or not 0 < amount * 10**scale <= LARGEST:
                faults.add("validation-failed")
            if decimals(text) > scale:
                faults.add("too-many-decimals")
        return amount or Fraction()

    def _effective(self, asked: datetime | None, now: datetime, faults: set[str]) -> datetime:
        effective_at = now if asked is None or now < asked <= now + timedelta(minutes=1) else asked
        if effective_at > now:
            faults.add("effective-in-future")
        closed_until = self.closed_until()
        if closed_until is not None and effective_at < closed_until:
            faults.add("period-closed")
        return effective_at

    def _judge_entries(self, sides: Sequence[tuple[str, str]], faults: set[str]) -> None:
        if self.is_frozen:
            faults.add("ledger-frozen")
        for path, side in sides:
            account = self.accounts.get(path)
            if account and account["status"] == "archived":
                faults.add("account-archived")
            elif account and side in account["frozen"]:
                faults.add("account-frozen")

    def _judge_limits(
        self, entries: Sequence[tuple[str, str, str, Fraction]], faults: set[str], *, is_hold: bool
    ) -> None:
        if faults:
            return  # there is no telling what was meant
        falls: dict[tuple[str, str], Fraction] = {}
        rises: dict[tuple[str, str], Fraction] = {}
        for path, side, code, amount in entries:
            changes = falls if side == self._side_that_shrinks(path) else rises
            changes[path, code] = changes.get((path, code), Fraction()) + amount
        for key in {*falls, *rises}:
            fall, rise = falls.get(key, Fraction()), rises.get(key, Fraction())
            if not is_hold:
                fall, rise = max(fall - rise, Fraction()), max(rise - fall, Fraction())
            least, most = self.bounds(*key)
            taken, brought = self.held(*key)
            if least is not None and fall and self._normal(*key) - taken - fall < least:
                faults.add("insufficient-funds")
            if most is not None and rise and self._normal(*key) + brought + rise > most:
                faults.add("limit-exceeded")

    def bounds(self, path: str, code: str) -> Bounds:
        """The limits of an account in an asset."""
        if path in self.accounts and code in self.accounts[path]["limits"]:
            own: Bounds = self.accounts[path]["limits"][code]
            return own
        for pattern, _, limits in self.rules:
            if fits(pattern.split(":"), path.split(":")):
                return limits.get(code, (None, None))
        return (None, None)

    def held(self, path: str, code: str) -> tuple[Fraction, Fraction]:
        """How much holds may take from an account, and how much they may bring."""
        amounts = {"debit": Fraction(), "credit": Fraction()}
        for hold in self.holds.values():
            if hold["status"] == "open":
                for side in amounts:
                    amounts[side] += hold["left"].get((path, side, code), 0)
        shrinks = self._side_that_shrinks(path) or "debit"
        return amounts[shrinks], amounts[OTHER[shrinks]]

    # Periods.

    def closed_until(self) -> datetime | None:
        """The moment before which nothing may become effective."""
        return max((each["ends_at"] for each in self.periods.values() if each["is_closed"]), default=None)

    def results(self, before: datetime) -> dict[tuple[str, str], Fraction]:
        """The net debits, where there are any, of income and expense accounts."""
        results: dict[tuple[str, str], Fraction] = {}
        for path, code, signed, effective_at in self.entries:
            if effective_at < before and self.accounts[path]["type"] in ("income", "expense"):
                results[path, code] = results.get((path, code), Fraction()) + signed
        return {key: net for key, net in sorted(results.items()) if net}

    def _close(self, draft: ClosingDraft, now: datetime) -> list[Happened]:
        closed_until = self.closed_until()
        if closed_until is not None and draft.ends_at <= closed_until:
            raise Refused("period-out-of-order")
        if draft.ends_at > now:
            raise Refused("period-not-over")
        happened = [] if draft.result_to is None else self._move_results(draft, draft.result_to, now)
        self.periods[draft.id] = {"starts_at": closed_until, "ends_at": draft.ends_at, "is_closed": True}
        return [*happened, self._happens("period.closed", now)]

    def _move_results(self, draft: ClosingDraft, to: str, now: datetime) -> list[Happened]:
        kind = self.accounts[to]["type"] if to in self.accounts else self.type_of(to)
        if to in BAD_PATHS or kind != "equity":
            raise Refused("validation-failed" if to in BAD_PATHS or kind is not None else "account-not-found")
        by_asset: dict[str, list[tuple[str, Fraction]]] = {}
        for (path, code), net in self.results(draft.ends_at).items():
            by_asset.setdefault(code, []).append((path, net))
        happened: list[Happened] = []
        for index, (code, nets) in enumerate(by_asset.items()):
            if index == len(draft.transaction_ids):
                raise Refused("too-many-results")
            entries: list[EntryDraft] = []
            for path, net in [*nets, (to, Fraction(-sum(net for _, net in nets)))]:
                direction = Direction.CREDIT if net > 0 else Direction.DEBIT
                pieces = [self._text(piece, code) for piece in self._pieces(abs(net), code)]
                entries += [EntryDraft(path, direction, piece, code) for piece in pieces]
            moment = draft.ends_at - timedelta(microseconds=1)
            closing = TransactionDraft(draft.transaction_ids[index], tuple(entries), effective_at=moment)
            happened += self._post(closing, now, "closing")
        return happened

    def _has_results(self, path: str) -> bool:
        return path in self.accounts and self.accounts[path]["type"] in ("income", "expense")

    def _reopen(self, id: str, now: datetime) -> list[Happened]:
        period = self.periods.get(id)
        if period is None:
            raise Refused("not-found")
        if not period["is_closed"] or period["ends_at"] != self.closed_until():
            raise Refused("period-out-of-order")
        period["is_closed"] = False
        return [self._happens("period.reopened", now)]

    # Amounts that the books decide, and conditions.

    def _decided(self, draft: TransactionDraft | HoldDraft, faults: set[str]) -> list[EntryDraft]:
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
            if draft.based_on > self.sequence or newest > draft.based_on:
                faults.add("condition-failed")
        for entry in entries:
            if entry.condition is not None:
                self._judge(entry, entry.condition, faults)
        for word in ("all", "rest"):
            for index, entry in enumerate(entries):
                if entry.amount == word:
                    entries[index] = self._with_amount(entry, entries, faults)
        return entries

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
            amount = self._normal(entry.account, code) - self.held(entry.account, code)[0]
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
        return replace(entry, amount=self._text(amount, code))

    def _text(self, amount: Fraction, code: str) -> str:
        scale = self.assets[code]["scale"] if code in self.assets else STANDARD_SCALES.get(code, 0)
        digits = str(int(amount * 10**scale)).rjust(scale + 1, "0")
        return f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits

    # Accounts, assets, the chart, the ledger itself.

    def _open(self, command: OpenAccount, now: datetime) -> list[Happened]:
        if command.path in BAD_PATHS:
            raise Refused("validation-failed")
        if command.path in self.accounts:
            raise Refused("account-exists")
        account_type = command.type.value if command.type else self.type_of(command.path)
        if account_type is None:
            raise Refused("validation-failed")
        happened, limits = self._limits(command.limits, now)
        return [*happened, self._put_account(command.path, account_type, command.metadata, limits, now)]

    def _put_account(
        self, path: str, account_type: str, metadata: Mapping[str, str], limits: dict[str, Bounds], now: datetime
    ) -> Happened:
        happened = self._happens("account.opened", now)
        self.used |= set(limits)
        self.accounts[path] = {
            "number": self.sequence,
            "type": account_type,
            "metadata": dict(metadata),
            "version": 1,
            "limits": limits,
            "frozen": set(),
            "status": "open",
        }
        return happened

    def _limits(self, drafts: Sequence[LimitDraft], now: datetime) -> tuple[list[Happened], dict[str, Bounds]]:
        """Return limits that are asked for, once the assets are there that they need."""
        faults: set[str] = set()
        limits: dict[str, Bounds] = {}
        new = []
        for draft in drafts:
            scale = self._scale(draft.asset, faults)
            if draft.asset in limits:
                faults.add("validation-failed")
            least, most = [None if text is None else Fraction(text) for text in (draft.minimum, draft.maximum)]
            if any(decimals(text or "") > (scale or 0) for text in (draft.minimum, draft.maximum)):
                faults.add("too-many-decimals")
            if least is not None and most is not None and least > most:
                faults.add("validation-failed")
            limits[draft.asset] = (least, most)
            if draft.asset not in self.assets and draft.asset not in new:
                new.append(draft.asset)
        if faults:
            raise Refused(*faults)
        return self._first(new, [], now), limits

    def _account(self, path: str) -> dict[str, Any]:
        if path not in self.accounts:
            raise Refused("account-not-found")
        return self.accounts[path]

    def _change_account(self, command: ChangeAccount, now: datetime) -> list[Happened]:
        account = self._account(command.path)
        _require(account["version"], command.expected_version)
        if account["status"] == "archived":
            raise Refused("account-archived")
        metadata, limits = _laid_over(account["metadata"], command.metadata), account["limits"]
        happened: list[Happened] = []
        trial = copy.deepcopy(self)
        if command.limits is not None:
            happened, limits = trial._limits(command.limits, now)
        if (metadata, limits) == (account["metadata"], account["limits"]):
            return []
        self.__dict__.update(trial.__dict__)
        account = self.accounts[command.path]
        account["metadata"], account["limits"], account["version"] = metadata, limits, account["version"] + 1
        self.used |= set(limits)
        return [*happened, self._happens("account.changed", now)]

    def _freeze(self, command: FreezeAccount | UnfreezeAccount, now: datetime) -> list[Happened]:
        account, before = self._account(command.path), set(self.accounts.get(command.path, {}).get("frozen", ()))
        directions = {direction.value for direction in command.directions}
        if isinstance(command, FreezeAccount):
            if account["status"] == "archived":
                raise Refused("account-archived")
            account["frozen"] |= directions
        else:
            account["frozen"] -= directions
        if account["frozen"] == before:
            return []
        account["version"] += 1
        return [self._happens("account.frozen" if isinstance(command, FreezeAccount) else "account.unfrozen", now)]

    def _archive(self, command: ArchiveAccount | RestoreAccount, now: datetime) -> list[Happened]:
        account = self._account(command.path)
        what, status = "account.restored", "open"
        if isinstance(command, ArchiveAccount):
            what, status = "account.archived", "archived"
            _require(account["version"], command.expected_version)
            if account["status"] == "open" and any(path == command.path for path, _ in self.unsettled()):
                raise Refused("account-not-empty")
        if account["status"] == status:
            return []
        account["status"], account["version"] = status, account["version"] + 1
        return [self._happens(what, now)]

    def unsettled(self) -> set[tuple[str, str]]:
        """Where something is posted or held."""
        posted = {key for key, (debits, credits, _) in self.balances.items() if debits != credits}
        return posted | {key for key in self.changed if any(self.held(*key))}

    def _register(self, command: RegisterAsset, now: datetime) -> list[Happened]:
        if command.code in BAD_CODES or not 0 <= command.scale <= 30:
            raise Refused("validation-failed")
        asset = self.assets.get(command.code)
        if asset is None:
            if command.replaces:
                raise Refused("version-conflict")
            return [self._put_asset(command.code, command.scale, now)]
        _require(asset["version"], command.expected_version)
        if asset["scale"] == command.scale:
            return []
        if command.code in self.used:
            raise Refused("scale-fixed")
        if not command.replaces:
            raise Refused("precondition-required")
        return [self._put_asset(command.code, command.scale, now)]

    def _put_asset(self, code: str, scale: int, now: datetime) -> Happened:
        version = self.assets[code]["version"] + 1 if code in self.assets else 1
        self.assets[code] = {"scale": scale, "version": version}
        return self._happens("asset.registered", now)

    def _set_chart(self, command: SetChart, now: datetime) -> list[Happened]:
        _require(self.chart_version, command.expected_version)
        trial = copy.deepcopy(self)
        happened: list[Happened] = []
        rules = []
        for rule in command.rules:
            first, limits = trial._limits(rule.limits, now)
            happened += first
            rules.append((rule.pattern.text, rule.type.value, limits))
        if rules == self.rules:
            return []
        self.__dict__.update(trial.__dict__)
        self.rules, self.chart_version = rules, self.chart_version + 1
        self.used |= {code for _, _, limits in rules for code in limits}
        return [*happened, self._happens("chart.set", now)]

    def _change_ledger(self, command: Command, now: datetime) -> list[Happened]:
        before = (self.name, self.metadata, self.is_frozen, self.is_archived)
        match command:
            case ChangeLedger():
                _require(self.version, command.expected_version)
                self.name, self.metadata = command.name or self.name, _laid_over(self.metadata, command.metadata)
                what = "ledger.changed"
            case FreezeLedger():
                self.is_frozen, what = True, "ledger.frozen"
            case UnfreezeLedger():
                self.is_frozen, what = False, "ledger.unfrozen"
            case ArchiveLedger():
                _require(self.version, command.expected_version)
                if not self.is_archived and self.unsettled():
                    raise Refused("ledger-not-empty")
                self.is_archived, what = True, "ledger.archived"
            case RestoreLedger():
                self.is_archived, what = False, "ledger.restored"
            case _:
                raise AssertionError(f"no such command: {command}")
        if (self.name, self.metadata, self.is_frozen, self.is_archived) == before:
            return []
        self.version += 1
        return [self._happens(what, now)]

    def type_of(self, path: str) -> str | None:
        """The type that the chart gives."""
        for pattern, account_type, _ in self.rules:
            if fits(pattern.split(":"), path.split(":")):
                return account_type
        return DEFAULT_TYPES.get(path.split(":", maxsplit=1)[0].lower())


def _amount(entry: EntryDraft) -> tuple[str, str, str, Fraction]:
    return entry.account, entry.direction.value, entry.asset, number(entry.amount) or Fraction()


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
