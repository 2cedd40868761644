"""Scopes: what commands must see."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

from domain.shared.stable import stable

AccountAsset = tuple[str, str]  # an account's path and an asset's code


@dataclass(frozen=True, slots=True)
class Looked:
    """Where a store has looked for balances, whether or not there were any: those of whole accounts in any asset."""

    balances: Set[AccountAsset] = frozenset()
    whole_accounts: Set[str] = frozenset()

    def __contains__(self, key: AccountAsset) -> bool:
        """Return whether what the books know of the account in the asset is all that there is."""
        return key in self.balances or key[0] in self.whole_accounts


class ScopeTooNarrow(Exception):
    """Something would be entered where the books were not looked at: what is there is not known to be nothing.

    Whoever decided on it has not named it. A store that keeps running balances would keep wrong ones.
    """


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class Scope:
    """What a command must see before it can decide. Whatever it does not name, it cannot look at.

    `balances` are what was posted and what is held there; `asset_uses` the assets of which it must know whether their
    scale is fixed. `holds` come with their accounts and those balances, `reversals` too, and with the transactions that
    each one reverses in its turn. `whole_accounts` come with the balances of all assets; `results` are times (UTC)
    before which the balances of all income and expense accounts are wanted.
    """

    accounts: Iterable[str] = ()
    balances: Iterable[AccountAsset] = ()
    assets: Iterable[str] = ()
    asset_uses: Iterable[str] = ()
    references: Iterable[str] = ()
    transactions: Iterable[str] = ()
    holds: Iterable[str] = ()
    reversals: Iterable[str] = ()
    whole_accounts: Iterable[str] = ()
    periods: Iterable[str] = ()
    attachments: Iterable[str] = ()
    results: Iterable[datetime] = ()
    unsettled: bool = False  # any balances that are not zero, and where anything is held: some, if there are many

    @staticmethod
    def of_entries(touched: Sequence[AccountAsset], reference: str | None) -> "Scope":
        """Return the scope of what has entries: their accounts, their balances, their assets, and its reference."""
        return Scope(
            accounts=[account for account, _ in touched],
            balances=touched,
            assets=[asset for _, asset in touched],
            references=() if reference is None else (reference,),
        )

    @staticmethod
    def union(scopes: Iterable["Scope"]) -> "Scope":
        """Return the scope that sees what any of these sees, each thing once."""
        parts: list[set[Any]] = [set() for _ in _NAMED]
        unsettled = False
        for scope in scopes:
            for part, named in zip(parts, _named(scope), strict=True):
                if named:
                    part.update(named)
            unsettled = unsettled or scope.unsettled
        return Scope(**dict(zip(_NAMED, parts, strict=True)), unsettled=unsettled)


_NAMED: Final = tuple(field.name for field in fields(Scope) if field.name != "unsettled")
_named: Final = attrgetter(*_NAMED)
