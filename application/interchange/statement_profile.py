"""Profiles: what the statements of banks are in one's own books."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from domain.ledger.account import AccountType

_SEPARATORS: Final = re.compile(r"[\s.-]+")


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """An account of ours, and the type that it is opened with if it is not there; None leaves that to the chart."""

    path: str
    type: AccountType | None = None


@dataclass(frozen=True, slots=True)
class BankAccount:
    """Which account of ours a bank account is, and the names that files have for it: its IBAN, its number.

    The first name tells its lines from those of others, so it stays. One without names stands for all that have none.
    """

    own: OwnAccount
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TextRule:
    """Lines whose counterparty or purpose contains a text, in whatever case, are of this account."""

    contains: str
    own: OwnAccount


class DateOrder(Enum):
    """In which order a date has its year, month and day."""

    YEAR_MONTH_DAY = "ymd"
    DAY_MONTH_YEAR = "dmy"
    MONTH_DAY_YEAR = "mdy"


class MoneyOut(Enum):
    """How a column of what went out is written: below zero, or as it was paid; what is the other way came back."""

    SIGNED = "signed"
    UNSIGNED = "unsigned"


Column = str | int
"""A column of a table, by what its header says or by its number, from 1."""


@dataclass(frozen=True, slots=True)
class CsvColumns:
    """Where a table has what. There is an `amount`, or `money_in` or `money_out` or both; texts are joined."""

    date: Column
    amount: Column | None = None
    money_in: Column | None = None
    money_out: Column | None = None
    value_date: Column | None = None
    currency: Column | None = None
    counterparty: Column | None = None
    purpose: tuple[Column, ...] = ()
    reference: Column | None = None
    balance: Column | None = None
    bank_account: Column | None = None

    def all(self) -> dict[str, Column]:
        """Return the columns that are there by what they are for."""
        single = {
            name: column for name in self.__slots__ if name != "purpose" and (column := getattr(self, name)) is not None
        }
        return single | {f"purpose/{number}": column for number, column in enumerate(self.purpose, 1)}


@dataclass(frozen=True, slots=True)
class CsvShape:
    """How a table is written. What is None is found out from the file, and shown.

    `currency` and `bank_account` stand for columns that are not there.
    """

    columns: CsvColumns
    delimiter: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    date_order: DateOrder | None = None
    money_out: MoneyOut | None = None
    currency: str | None = None
    bank_account: str = ""


UNASSIGNED: Final = OwnAccount("imports:unassigned", AccountType.EQUITY)
_ANY_BANK_ACCOUNT: Final = BankAccount(OwnAccount("assets:bank", AccountType.ASSET))


@dataclass(frozen=True, slots=True)
class StatementProfile:
    """Which accounts the lines of statements are posted to. The first rule that fits decides over the other side."""

    bank_accounts: tuple[BankAccount, ...] = (_ANY_BANK_ACCOUNT,)
    rules: tuple[TextRule, ...] = ()
    unassigned: OwnAccount = UNASSIGNED
    csv: CsvShape | None = None
    _by_name: Mapping[str, BankAccount] = field(init=False, repr=False, compare=False)
    _folded_rules: Sequence[tuple[str, OwnAccount]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_name = {plain_name(name): each for each in self.bank_accounts for name in each.names or ("",)}
        object.__setattr__(self, "_by_name", by_name)
        object.__setattr__(self, "_folded_rules", [(rule.contains.casefold(), rule.own) for rule in self.rules])

    def own_account(self, name: str) -> OwnAccount | None:
        """Return which account of ours the bank account of this name is, None if no one says."""
        found = self._found(name)
        return None if found is None else found.own

    def identity(self, name: str) -> str:
        """Return the same text for all names of one bank account, and another one for each other."""
        found = self._found(name)
        if found is not None and found.names:
            return plain_name(found.names[0])
        return plain_name(name)

    def other_side(self, texts: str) -> OwnAccount:
        """Return the account of a line with these texts."""
        folded = texts.casefold()
        return next((own for contains, own in self._folded_rules if contains in folded), self.unassigned)

    def _found(self, name: str) -> BankAccount | None:
        return self._by_name.get(plain_name(name)) or self._by_name.get("")


def plain_name(name: str) -> str:
    """Return the name of a bank account without what may be left out of it: spaces, points and dashes."""
    return _SEPARATORS.sub("", name).upper()
