"""Names of accounts and assets as beancount has them.

There, an account begins with one of five words, which say its type, and each further segment with a capital or a digit:
`users:42:wallet`, a liability, is `Liabilities:Users:42:Wallet`. Two accounts may come to the same name; the one that
was opened later then has a number behind it. The way back is in the file: each name is told together with its path.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from domain.ledger.account import AccountType

_ROOTS: Final = {
    AccountType.ASSET: "Assets",
    AccountType.LIABILITY: "Liabilities",
    AccountType.EQUITY: "Equity",
    AccountType.INCOME: "Income",
    AccountType.EXPENSE: "Expenses",
}
# First segments that say the type already.
_WORDS: Final = {
    AccountType.ASSET: ("assets", "asset"),
    AccountType.LIABILITY: ("liabilities", "liability"),
    AccountType.EQUITY: ("equity",),
    AccountType.INCOME: ("income", "revenue", "revenues"),
    AccountType.EXPENSE: ("expenses", "expense"),
}
_ASSET: Final = re.compile(r"[A-Z][A-Z0-9._-]{0,22}[A-Z0-9]")
_ASSET_RENAMED: Final = "ASSET."


def asset_name(code: str, sequence: int) -> str:
    """Return the name of the asset that the event of this sequence registered: its code, if beancount allows that."""
    allowed = _ASSET.fullmatch(code) is not None and not code.startswith(_ASSET_RENAMED)
    return code if allowed else f"{_ASSET_RENAMED}{sequence}"


class AccountNames:
    """The names that accounts have been given so far."""

    def __init__(self) -> None:
        self._by_path: dict[str, str] = {}
        self._used: set[str] = set()
        self._parents: set[str] = set()

    def add(self, path: str, of_type: AccountType) -> str:
        """Give an account a name that no other one has."""
        plain = name = _plain_name(path, of_type)
        number = 1
        while name in self._used:
            number += 1
            name = f"{plain}-{number}"
        self._used.add(name)
        self._by_path[path] = name
        self._parents.update(_prefixes(name))
        return name

    def of(self, path: str) -> str:
        """Return the name of an account."""
        return self._by_path[path]

    def has_others_below(self, name: str) -> bool:
        """Whether there are accounts whose names go on after this one: beancount adds them to it."""
        return name in self._parents

    def above(self, name: str) -> Iterator[str]:
        """Yield the accounts that beancount adds this one to, itself among them where it has others below it."""
        for prefix in (*_prefixes(name), name):
            if prefix in self._used and prefix in self._parents:
                yield prefix


def _prefixes(name: str) -> Iterator[str]:
    at = name.find(":")
    while at >= 0:
        yield name[:at]
        at = name.find(":", at + 1)


def _plain_name(path: str, of_type: AccountType) -> str:
    first, *rest = path.split(":")
    segments = rest if rest and first.lower() in _WORDS[of_type] else [first, *rest]
    return ":".join([_ROOTS[of_type], *map(_segment, segments)])


def _segment(segment: str) -> str:
    """Return a segment with a dash for `_` and `.`, and a capital at its beginning, which an X is where it has none."""
    allowed = segment.replace("_", "-").replace(".", "-")
    first = allowed[0]
    capital = first.upper()
    if unicodedata.category(first) == "Nd":
        return allowed
    if len(capital) == 1 and unicodedata.category(capital) == "Lu":
        return capital + allowed[1:]
    return f"X{allowed}"
