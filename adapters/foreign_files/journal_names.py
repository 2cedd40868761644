"""Names of accounts and commodities in journals, and what they are called here.

Most names of accounts can be paths as they are. What a path may not have becomes `-`, and the name is kept beside the
path. A commodity's symbol becomes its code. What becomes of a name follows from it alone, so that it is the same in
each file: where two come to one path or code, the later one is not understood.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from application.interchange.found import Found, FoundAccount, FoundAsset, Remark, Unreadable
from domain.ledger.account import AccountType
from domain.ledger.asset import SCALE_MAX, Asset, standard_asset
from domain.shared.errors import ValidationFailed
from domain.shared.paths import PATH_LENGTH_MAX, checked_path

_SYMBOLS: Final = {
    "$": "USD",
    "US$": "USD",
    "€": "EUR",
    "£": "GBP",
    "¥": "JPY",
    "₹": "INR",
    "₩": "KRW",
    "₽": "RUB",
    "₺": "TRY",
    "₴": "UAH",
    "₿": "BTC",
    "C$": "CAD",
    "A$": "AUD",
    "R$": "BRL",
    "": "UNITS",
}
# All of them are kept in memory while a file is read.
ACCOUNTS_MAX: Final = 100_000
_CODE: Final = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,31}")
_NOT_OF_CODES: Final = re.compile(r"[^A-Z0-9._-]")
_CODE_LENGTH_MAX: Final = 32
# What hledger takes for a type without being told, where the default chart has no such word.
_WORDS: Final = {
    "asset": AccountType.ASSET,
    "debt": AccountType.LIABILITY,
    "debts": AccountType.LIABILITY,
    "liability": AccountType.LIABILITY,
    "revenues": AccountType.INCOME,
    "expense": AccountType.EXPENSE,
}


class NoName(Exception):
    """A name cannot be one here: it is too long, or would be taken for another one of the file; says so."""


class JournalAccounts:
    """The accounts of a file: the path and the type of each, and which were not told of yet."""

    def __init__(self, types: Mapping[str, AccountType]) -> None:
        self._types = dict(types)
        self._paths: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._given: set[str] = set()
        self._own: set[str] = set()
        self._new: list[FoundAccount] = []
        self._remarks: list[Remark] = []

    def declare(self, name: str, of_type: AccountType | None, metadata: Mapping[str, str], place: str) -> None:
        """Take in a directive; accounts below it have its type, too, unless they say another. Raises `NoName`."""
        if len(name) > PATH_LENGTH_MAX:
            raise NoName(f"The name comes to {len(name):,} characters; at most {PATH_LENGTH_MAX} fit")
        if of_type is not None:
            self._types[name] = of_type
        self._add(name, place, metadata)

    def declare_type(self, name: str, of_type: AccountType) -> None:
        """Take in of which type the account is that has this name, and those below it."""
        self._types[name] = of_type

    def path(self, name: str, place: str) -> str:
        """Return the path of an account that is used at a place. Raises `NoName`."""
        return self._paths.get(name) or self._add(name, place, {})

    def given(self, name: str, path: str) -> None:
        """Take in that the file itself says by which path a name is meant."""
        if self._names.setdefault(path, name) == name:
            self._paths[name] = path
            self._given.add(name)

    def name(self, path: str) -> str:
        """Return what the file calls an account."""
        return self._names.get(path, path)

    def new(self) -> list[FoundAccount]:
        """Return the accounts that have come since this was asked last."""
        if not self._new:
            return self._new
        new, self._new = self._new, []
        return new

    def use_own(self, path: str, place: str) -> None:
        """Take in that an account of conversions or roundings is used, which no file declares."""
        if path not in self._own:
            self._own.add(path)
            self._new.append(FoundAccount(place, path, self._type(path) or AccountType.EQUITY))

    def remarks(self) -> list[Remark]:
        """Return what is to be said since this was asked last."""
        remarks, self._remarks = self._remarks, []
        return remarks

    def _add(self, name: str, place: str, metadata: Mapping[str, str]) -> str:
        known = self._paths.get(name)
        path = known or self._checked(_plain_path(name), name)
        self._paths[name] = path
        if path == name or name in self._given:
            self._new.append(FoundAccount(place, path, self._type(name), metadata))
            return path
        if known is None:
            self._remarks.append(Remark(place, f"The account {name!r} is {path} here."))
        self._new.append(FoundAccount(place, path, self._type(name), {"name": name[:1_000], **metadata}))
        return path

    def _checked(self, path: str, name: str) -> str:
        try:
            checked_path(path)
        except ValidationFailed as refusal:
            raise NoName(refusal.detail) from refusal
        if len(self._names) >= ACCOUNTS_MAX:
            raise NoName(f"a file has {ACCOUNTS_MAX:,} accounts at most")
        other = self._names.setdefault(path, name)
        if other != name:
            raise NoName(f"the accounts {other!r} and {name!r} would both be {path}: give one of them another name")
        return path

    def _type(self, name: str) -> AccountType | None:
        prefix = name
        while prefix:
            if prefix in self._types:
                return self._types[prefix]
            prefix = prefix.rpartition(":")[0]
        return _WORDS.get(name.partition(":")[0].lower())


class JournalCommodities:
    """The commodities of a file: the code of each, and how many digits after the point it takes."""

    def __init__(self) -> None:
        self._codes: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._declared: dict[str, int] = {}
        self._scales: dict[str, int] = {}
        self._places: dict[str, str] = {}
        self._remarks: list[Remark] = []

    def code(self, symbol: str, place: str) -> str:
        """Return the code of a commodity that is used at a place. Raises `NoName`."""
        code = self._codes.get(symbol)
        if code is None:
            code = _SYMBOLS.get(symbol) or _plain_code(symbol)
            other = self._names.setdefault(code, symbol)
            if other != symbol:
                raise NoName(f"the commodities {other!r} and {symbol!r} would both be {code}: write one of them only")
            self._know(symbol, code, standard_asset(code), place)
            if code != symbol:
                named = f"The commodity {symbol!r}" if symbol else "An amount without a commodity"
                self._remarks.append(Remark(place, f"{named} is the asset {code} here."))
        return code

    def symbol(self, code: str) -> str:
        """Return what the file calls a commodity."""
        return self._names.get(code, code)

    def given(self, symbol: str, code: str, place: str) -> None:
        """Take in that the file itself says by which code a symbol is meant."""
        if _CODE.fullmatch(code) and self._names.setdefault(code, symbol) == symbol:
            self._know(symbol, code, standard_asset(code), place)

    def declare(self, code: str, scale: int) -> None:
        """Take in how a directive writes it."""
        self._declared[code] = min(scale, SCALE_MAX)
        self._scales[code] = max(self._scales.get(code, 0), self._declared[code])

    def learn(self, code: str, number: Decimal, digits: int) -> None:
        """Take in an amount, and with how many digits after the point it is written."""
        if digits > self._scales[code]:
            # A currency takes more digits than it usually has only where they are not zeros.
            self._scales[code] = digits if standard_asset(code) is None else max(self._scales[code], _needed(number))

    def scale(self, code: str) -> int:
        """Return how many digits it takes, as far as has been seen."""
        return self._scales[code]

    def remarks(self) -> list[Remark]:
        """Return what is to be said since this was asked last."""
        if not self._remarks:
            return self._remarks
        remarks, self._remarks = self._remarks, []
        return remarks

    def found(self) -> Iterator[Found]:
        """Yield all of them, at the end."""
        for code, place in self._places.items():
            scale = self._scales[code]
            if scale > SCALE_MAX:
                yield Unreadable(place, f"{code} has amounts of {scale} digits after the point: {SCALE_MAX} at most.")
            else:
                yield FoundAsset(place, code, scale)

    def _know(self, symbol: str, code: str, standard: Asset | None, place: str) -> None:
        self._codes[symbol] = code
        self._scales[code] = 0 if standard is None else standard.scale
        self._places[code] = place


def _plain_path(name: str) -> str:
    """Return the name with `-` for what a path may not have, and `_` where a segment would be empty or dots alone."""
    segments = []
    for segment in unicodedata.normalize("NFC", name).split(":"):
        allowed = "".join([each if _is_allowed(each) else "-" for each in segment.strip()])
        segments.append(allowed if allowed.strip(".") else f"_{allowed}")
    return ":".join(segments)


def _needed(number: Decimal) -> int:
    decimals = f"{number:f}".partition(".")[2]
    return len(decimals.rstrip("0"))


def _is_allowed(character: str) -> bool:
    if character.isascii():
        return character.isalnum() or character in "_-."
    category = unicodedata.category(character)
    return category[0] == "L" or category == "Nd"


def _plain_code(symbol: str) -> str:
    """Return the symbol in capitals with `-` for what a code may not have; else the numbers of its characters."""
    code = _NOT_OF_CODES.sub("-", symbol.upper())[:_CODE_LENGTH_MAX]
    if _CODE.fullmatch(code) and any(each.isascii() and each.isalnum() for each in symbol):
        return code
    return "-".join(["U", *[f"{ord(each):X}" for each in symbol]])[:_CODE_LENGTH_MAX].rstrip("-")
