"""Profiles of bank statements, as callers write them: the options of these formats."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from application.interchange.statement_profile import (
    BankAccount,
    Column,
    CsvColumns,
    CsvShape,
    DateOrder,
    MoneyOut,
    OwnAccount,
    StatementProfile,
    TextRule,
    plain_name,
)
from domain.ledger.account import AccountType
from domain.ledger.asset import checked_asset_code
from domain.shared.errors import ValidationFailed
from domain.shared.paths import checked_path
from domain.shared.text import checked_name

_ITEMS_MAX: Final = 1_000
_TEXT_LENGTH_MAX: Final = 255
_COLUMNS_MAX: Final = 1_000
_AMOUNT_COLUMNS: Final = ("amount", "money_in", "money_out")
_SINGLE_COLUMNS: Final = (
    *_AMOUNT_COLUMNS,
    *("value_date", "currency", "counterparty", "reference", "balance", "bank_account"),
)

_T = TypeVar("_T")
_Types = dict[str, AccountType]


def statement_profile(options: Mapping[str, Any], *, is_table: bool) -> StatementProfile:
    """Return the profile that the options say; without any, everything goes to `assets:bank` and back.

    Only a table has `csv`. Raises `ValidationFailed`, with a pointer into `/options`.
    """
    profile = _Object(options, "/options")
    standard = StatementProfile()
    types: _Types = {}
    bank_accounts = _bank_accounts(profile, types) or standard.bank_accounts
    given = profile.inner("unassigned")
    unassigned = standard.unassigned if given is None else _own_account(given, types)
    # What the profile leaves out has its type all the same.
    types |= {own.path: own.type for own in (*(each.own for each in bank_accounts), unassigned) if own.type is not None}
    rules = tuple(_rule(each, types) for each in profile.items("rules"))
    csv = profile.inner("csv") if is_table else None
    profile.finish()
    return StatementProfile(
        bank_accounts=bank_accounts,
        rules=rules,
        unassigned=unassigned,
        csv=None if csv is None else _csv(csv),
    )


class _Object:
    """A JSON object of which everything has to be known."""

    def __init__(self, value: object, pointer: str) -> None:
        if not isinstance(value, Mapping):
            raise ValidationFailed("This is an object.", pointer=pointer)
        self._left = dict(value)
        self.pointer = pointer

    def taken(self, name: str) -> Any:
        """Return what stands there, None where nothing does."""
        return self._left.pop(name, None)

    def text(self, name: str) -> str | None:
        value = self.taken(name)
        return None if value is None else _text(value, f"{self.pointer}/{name}")

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise ValidationFailed(f"{name} is missing.", pointer=f"{self.pointer}/{name}")
        return value

    def choice(self, name: str, known: Mapping[str, _T]) -> _T | None:
        value = self.text(name)
        if value is not None and value not in known:
            raise ValidationFailed(f"{name} is one of {', '.join(map(repr, known))}.", pointer=f"{self.pointer}/{name}")
        return None if value is None else known[value]

    def inner(self, name: str) -> "_Object | None":
        value = self.taken(name)
        return None if value is None else _Object(value, f"{self.pointer}/{name}")

    def array(self, name: str) -> list[tuple[object, str]]:
        """Return what is in an array, each with its pointer."""
        value, pointer = self.taken(name), f"{self.pointer}/{name}"
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > _ITEMS_MAX:
            raise ValidationFailed(f"{name} is an array of up to {_ITEMS_MAX:,} items.", pointer=pointer)
        return [(each, f"{pointer}/{place}") for place, each in enumerate(value)]

    def items(self, name: str) -> "list[_Object]":
        return [_Object(each, pointer) for each, pointer in self.array(name)]

    def finish(self) -> None:
        """Refuse what nobody asked for."""
        for name in self._left:
            raise ValidationFailed(f"{name[:40]!a} is not known here.", pointer=self.pointer)


def _text(value: object, pointer: str) -> str:
    if not isinstance(value, str):
        raise ValidationFailed("This is a text.", pointer=pointer)
    return checked_name(value, what="The text", length_max=_TEXT_LENGTH_MAX, pointer=pointer)


def _own_account(given: _Object, types: _Types) -> OwnAccount:
    """Return the account that is given; `types` are those of the accounts before it, which it may not contradict."""
    path = checked_path(given.required("account"), f"{given.pointer}/account")
    account = OwnAccount(path, given.choice("type", {each.value: each for each in AccountType}))
    given.finish()
    if account.type is not None and (known := types.setdefault(path, account.type)) is not account.type:
        raise ValidationFailed(
            f"{path} is of the type {known.value} elsewhere in the profile: an account has one type.",
            pointer=f"{given.pointer}/type",
        )
    return account


def _bank_accounts(profile: _Object, types: _Types) -> tuple[BankAccount, ...]:
    accounts, known = [], set()
    for given in profile.items("bank_accounts"):
        names = tuple(_text(each, pointer) for each, pointer in given.array("names"))
        for name in map(plain_name, names or ("",)):
            if name in known:
                what = f"Two of them have the name {name!a}." if name else "Two of them have no names."
                raise ValidationFailed(what, pointer=given.pointer)
            known.add(name)
        accounts.append(BankAccount(_own_account(given, types), names))
    return tuple(accounts)


def _rule(given: _Object, types: _Types) -> TextRule:
    return TextRule(given.required("contains"), _own_account(given, types))


def _csv(given: _Object) -> CsvShape:
    columns = given.inner("columns")
    if columns is None:
        raise ValidationFailed("columns is missing.", pointer=f"{given.pointer}/columns")
    currency = given.text("currency")
    shape = CsvShape(
        columns=_columns(columns),
        delimiter=given.choice("delimiter", {";": ";", ",": ",", "tab": "\t", "|": "|"}),
        encoding=given.text("encoding"),
        decimal=given.choice("decimal", {".": ".", ",": ","}),
        date_order=given.choice("date_order", {each.value: each for each in DateOrder}),
        money_out=given.choice("money_out", {each.value: each for each in MoneyOut}),
        currency=None if currency is None else checked_asset_code(currency, pointer=f"{given.pointer}/currency"),
        bank_account=given.text("bank_account") or "",
    )
    given.finish()
    return shape


def _columns(given: _Object) -> CsvColumns:
    date = _column(given.taken("date"), f"{given.pointer}/date")
    single = {
        name: _column(value, f"{given.pointer}/{name}")
        for name in _SINGLE_COLUMNS
        if (value := given.taken(name)) is not None
    }
    columns = CsvColumns(date, **single, purpose=tuple(_column(*each) for each in given.array("purpose")))
    given.finish()
    if columns.amount is None and columns.money_in is None and columns.money_out is None:
        raise ValidationFailed("There is `amount`, or `money_in` or `money_out` or both.", pointer=given.pointer)
    if columns.amount is not None and (columns.money_in is not None or columns.money_out is not None):
        raise ValidationFailed("With `amount`, there is neither `money_in` nor `money_out`.", pointer=given.pointer)
    return columns


def _column(value: object, pointer: str) -> Column:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _COLUMNS_MAX:
        return value
    if isinstance(value, str):
        return _text(value, pointer)
    raise ValidationFailed(
        f"A column is what its header says, or its number from 1 to {_COLUMNS_MAX:,}.", pointer=pointer
    )
