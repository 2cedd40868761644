"""Bank statements as transactions: one rule for every format, so that what two files say of one line is the same."""

import re
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Context, Decimal
from hashlib import sha256
from typing import IO, Final

from application.interchange.found import (
    FailedCheck,
    Found,
    FoundAccount,
    FoundAsset,
    FoundEntry,
    FoundTransaction,
    Remark,
    Unreadable,
)
from application.interchange.statement_profile import OwnAccount, StatementProfile
from application.interchange.statements import (
    StatementClosing,
    StatementFile,
    StatementItem,
    StatementLine,
    StatementOpening,
    Tally,
)
from application.ledger.time_zones import beginning_of_day
from domain.ledger.asset import checked_asset_code, standard_asset
from domain.ledger.transaction import DESCRIPTION_LENGTH_MAX
from domain.shared.errors import ValidationFailed
from domain.shared.text import METADATA_VALUE_LENGTH_MAX

# Amounts have up to 18 digits before the point and 17 behind it; that is room for the sum of any file.
_EXACT: Final = Context(prec=100)
_UNNAMED: Final = (
    "Nothing names the bank account: a line of another one without a name that says the same counts as there already. "
    "Where you have two, name each before its first import, by `csv.bank_account` for a table."
)
# Bank accounts whose statements are checked by those before them; nobody has more in one file.
_BANK_ACCOUNTS_MAX: Final = 1_000
# There are some 180 in the world.
_CURRENCIES_MAX: Final = 1_000
_BLANK: Final = re.compile(r"[\s\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
# What banks write where a reference would stand.
_NO_REFERENCE: Final = re.compile(r"0*|NONREF|NOTPROVIDED|NOTAVAILABLE|UNKNOWN|NONE|N/?A", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class StatementTransactions:
    """Reads a file of statements as transactions of two entries: the bank account's, and one on the other side.

    A line is of the day, in the ledger's `time_zone`, on which it was booked. Money that comes in debits the bank
    account, be it an asset or a debt (of a credit card): the bank's own view of it, in which that is a credit, is the
    other way round.
    """

    statements: StatementFile
    profile: StatementProfile
    time_zone: str
    new_tally: Callable[[], Tally]

    def read(self, file: IO[bytes]) -> Iterator[Found]:
        """Yield what is found, as `ForeignFile` says."""
        with closing(self.new_tally()) as tally:
            reading = _Reading(self.profile, self.time_zone, tally)
            for item in self.statements.items(file):
                yield from reading.take(item)


class _Reading:
    def __init__(self, profile: StatementProfile, time_zone: str, tally: Tally) -> None:
        self._profile = profile
        self._time_zone = time_zone
        self._beginnings: dict[date, datetime] = {}
        self._tally = tally
        self._opening = StatementOpening("", "", "", None)
        self._total: Decimal | None = None
        self._is_left_out = self._is_unnamed_told = False
        self._closed: dict[bytes, tuple[Decimal, str]] = {}
        self._accounts: set[OwnAccount] = set()
        self._scales: dict[str, int] = {}

    def take(self, item: StatementItem) -> Iterator[Found]:
        match item:
            case StatementOpening():
                yield from self._open(replace(item, bank_account=_plain(item.bank_account)))
            case StatementLine() | StatementClosing() if self._is_left_out:
                return
            case StatementLine():
                yield from self._line(item)
            case StatementClosing():
                yield from self._closing(item)
            case _:
                yield item

    def _open(self, opening: StatementOpening) -> Iterator[Found]:
        """Take the beginning of a statement: it follows on the one before it, and stands in the file once."""
        self._opening, self._total, self._is_left_out = opening, opening.balance, False
        if not opening.name and opening.balance is None:
            return
        account = self._account()
        balance, place = self._closed.get(account, (None, ""))
        if opening.name and self._was_before(account, opening.name):
            self._is_left_out = True
            yield Unreadable(opening.place, "The same statement stands in the file before; here, it is left out.")
        elif balance is None and len(self._closed) == _BANK_ACCOUNTS_MAX:
            self._is_left_out = True
            yield Unreadable(opening.place, f"There are more than {_BANK_ACCOUNTS_MAX:,} bank accounts in the file.")
        elif balance is not None and opening.balance is not None and opening.balance != balance:
            yield FailedCheck(
                opening.place,
                f"The statement opens with {opening.balance:f} {opening.currency}; the one before it closed with "
                f"{balance:f} ({place}). One is missing between them, or they have lines in common.",
            )

    def _account(self) -> bytes:
        """Return what tells the bank account of the statement, and its currency, from others."""
        return _digest(self._profile.identity(self._opening.bank_account), self._opening.currency)

    def _was_before(self, account: bytes, name: str) -> bool:
        return self._tally.before(account + _digest(name)) > 0

    def _line(self, line: StatementLine) -> Iterator[Found]:
        if self._total is not None:
            # A sum over two currencies is none.
            self._total = _EXACT.add(self._total, line.amount) if line.currency == self._opening.currency else None
        name = self._opening.bank_account
        own = self._profile.own_account(name)
        if own is None:
            yield Unreadable(line.place, f"The profile has no account for the bank account {name or 'without a name'}.")
        elif not line.amount:
            yield Remark(line.place, "Nothing came in or went out by this line; it is left out.")
        elif wrong := self._wrong_with(line.currency):
            yield Unreadable(line.place, wrong)
        elif self._is_repeated(line):
            yield Unreadable(
                line.place,
                f"The bank's reference {line.bank_reference[:60]!r} is in the file before, and it is of one line only.",
            )
        elif (begins := self._beginning(line.booked_on)) is None:
            yield Unreadable(line.place, f"The day {line.booked_on} is before all time.")
        else:
            if not name and not self._is_unnamed_told:
                self._is_unnamed_told = True
                yield Remark(line.place, _UNNAMED)
            other = self._profile.other_side(f"{line.counterparty} {line.purpose}")
            yield from self._declared(line, own, other)
            yield self._transaction(line, own, other, begins)

    def _is_repeated(self, line: StatementLine) -> bool:
        reference = _bank_reference(line)
        return line.is_reference_unique and bool(reference) and self._was_before(self._account(), reference)

    def _wrong_with(self, currency: str) -> str | None:
        if currency in self._scales:
            return None
        if len(self._scales) == _CURRENCIES_MAX:
            return f"There are more than {_CURRENCIES_MAX:,} currencies in the file, {currency[:40]!a} among them."
        try:
            checked_asset_code(currency)
        except ValidationFailed as refusal:
            return refusal.detail
        return None

    def _beginning(self, day: date) -> datetime | None:
        if day not in self._beginnings:
            # Lines come day by day.
            self._beginnings.clear()
            with suppress(ValidationFailed):
                self._beginnings[day] = beginning_of_day(day, self._time_zone)
        return self._beginnings.get(day)

    def _declared(self, line: StatementLine, own: OwnAccount, other: OwnAccount) -> Iterator[Found]:
        """Yield the asset and the accounts of a line that were not found before."""
        written = max(-int(_EXACT.normalize(line.amount).as_tuple().exponent), 0)
        standard = standard_asset(line.currency)
        scale = written if standard is None else max(written, standard.scale)
        if scale > self._scales.get(line.currency, -1):
            self._scales[line.currency] = scale
            if standard is not None and scale > standard.scale:
                yield Remark(
                    line.place,
                    f"{line.amount:f} has {scale} digits after the point, and {line.currency} has {standard.scale}: "
                    "look whether they are decimals.",
                )
            yield FoundAsset(line.place, line.currency, scale)
        for account in (own, other):
            if account not in self._accounts:
                self._accounts.add(account)
                yield FoundAccount(line.place, account.path, account.type)

    def _transaction(
        self, line: StatementLine, own: OwnAccount, other: OwnAccount, begins: datetime
    ) -> FoundTransaction:
        counterparty, purpose = _plain(line.counterparty), _plain(line.purpose)
        bank_reference = _bank_reference(line)
        metadata = {
            "bank_account": self._opening.bank_account,
            "bank_reference": bank_reference,
            "counterparty": counterparty,
            "value_date": "" if line.value_on is None else line.value_on.isoformat(),
            **line.details,
        }
        return FoundTransaction(
            line.place,
            self._reference(line, bank_reference, f"{counterparty} {purpose}"),
            begins,
            " | ".join(filter(None, (counterparty, purpose)))[:DESCRIPTION_LENGTH_MAX],
            (
                FoundEntry(own.path, line.amount, line.currency),
                FoundEntry(other.path, line.amount.copy_negate(), line.currency),
            ),
            {key: text for key, value in metadata.items() if (text := _plain(value)[:METADATA_VALUE_LENGTH_MAX])},
        )

    def _reference(self, line: StatementLine, bank_reference: str, texts: str) -> str:
        """Return what the line is called here: by its bank where that has a reference, else by what it says.

        Banks give one reference to a transfer and its fee, so it does not stand alone; and lines that are alike in all
        of it are numbered within their day. So files that begin with whole days give each line the same reference.
        """
        amount = _EXACT.normalize(line.amount)
        parts = [self._profile.identity(self._opening.bank_account), line.currency, f"{amount:f}"]
        if bank_reference:
            parts += ["reference", bank_reference]
        else:
            parts += ["texts", str(line.value_on or ""), texts.casefold()]
        day = line.booked_on.isoformat()
        digest = sha256("\0".join([day, *parts]).encode()).hexdigest()[:32]
        # The day first: statements are in the order of days, and so what is counted next lies near.
        before = self._tally.before(f"{day} {digest}".encode())
        return f"bank-{day}-{digest}" + (f"-{before + 1}" if before else "")

    def _closing(self, closing: StatementClosing) -> Iterator[Found]:
        opened, total = self._opening, self._total
        if closing.balance is not None and total is None:
            yield Remark(
                closing.place,
                f"The closing balance {closing.balance:f} {opened.currency} is not checked: what was there at the "
                "beginning, in one currency, is not known.",
            )
        elif closing.balance is None and total is not None:
            yield Remark(closing.place, "The statement has no closing balance to check its lines by.")
        elif closing.balance is not None and closing.balance != total:
            yield FailedCheck(
                closing.place,
                f"The statement closes with {closing.balance:f} {opened.currency}; its opening balance and its lines "
                f"come to {total:f}.",
            )
        self._total = None
        if closing.balance is None:
            self._closed.pop(self._account(), None)
        elif (account := self._account()) in self._closed or len(self._closed) < _BANK_ACCOUNTS_MAX:
            self._closed[account] = closing.balance, closing.place


def _bank_reference(line: StatementLine) -> str:
    reference = _plain(line.bank_reference)
    return "" if _NO_REFERENCE.fullmatch(reference) else reference


def _digest(*texts: str) -> bytes:
    return sha256("\0".join(texts).encode("utf-8", "surrogatepass")).digest()


def _plain(text: str) -> str:
    return _BLANK.sub(" ", text).strip()
