"""Accounts: places where value sits, named by a path."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from domain.ledger.limit import Limit
from domain.ledger.transaction import Direction
from domain.shared.errors import DomainError, ErrorKind
from domain.shared.stable import stable


class AccountNotFound(DomainError):
    """There is no account with this path in the ledger.

    An account is opened by its first entry where the ledger's chart gives its type; otherwise open it beforehand:
    `POST /v1/ledgers/{ledger}/accounts` `{"path": "users:42:wallet", "type": "liability"}`.
    """

    code = "account-not-found"
    kind = ErrorKind.NOT_FOUND
    title = "No such account"


class EntryAccountNotFound(AccountNotFound):
    """An entry names an account that is not there, and that the ledger's chart gives no type to open with."""

    kind = ErrorKind.REFUSED  # the request reached the ledger; only what it says cannot be done


class AccountExists(DomainError):
    """An account with this path is open already. A path names one account of its ledger for ever."""

    code = "account-exists"
    kind = ErrorKind.CONFLICT
    title = "The account exists"


class FrozenAccount(DomainError):
    """The account is frozen for debits, for credits or for both. Unfreeze it first, or use another one."""

    code = "account-frozen"
    kind = ErrorKind.REFUSED
    title = "The account is frozen"


class ArchivedAccount(DomainError):
    """The account is archived: its history stays, its path is its own, and it takes nothing until it is restored."""

    code = "account-archived"
    kind = ErrorKind.REFUSED
    title = "The account is archived"


class AccountNotEmpty(DomainError):
    """An account is archived when its balance is zero in every asset, and nothing is held on it."""

    code = "account-not-empty"
    kind = ErrorKind.CONFLICT
    title = "The account is not empty"


@stable(since="0.2.0")
class AccountType(Enum):
    """The five kinds of account; each has a normal side, on which it grows."""

    ASSET = "asset"
    EXPENSE = "expense"
    LIABILITY = "liability"
    EQUITY = "equity"
    INCOME = "income"

    @property
    def is_debit_normal(self) -> bool:
        """Whether a debit makes an account of this type grow (assets, expenses)."""
        return self in (AccountType.ASSET, AccountType.EXPENSE)

    @property
    def has_results(self) -> bool:
        """Whether what is on an account of this type is a period's result, which a closing moves to equity."""
        return self in (AccountType.INCOME, AccountType.EXPENSE)


class AccountStatus(Enum):
    """Whether an account is in use."""

    OPEN = "open"
    ARCHIVED = "archived"


NEITHER: Final[frozenset[Direction]] = frozenset()
BOTH: Final = frozenset(Direction)


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class Account:
    """An account as its ledger's events have it.

    `number` is the sequence of the event that opened it, and names it inside the ledger; `version` counts changes of
    its settings, not its entries. `limits` are its own, by asset; `frozen` is what it takes none of.
    """

    number: int
    path: str
    type: AccountType
    status: AccountStatus = AccountStatus.OPEN
    metadata: Mapping[str, str] = field(default_factory=dict)
    version: int = 1
    limits: Mapping[str, Limit] = field(default_factory=dict)
    frozen: frozenset[Direction] = NEITHER

    @property
    def is_restricted(self) -> bool:
        """Return whether there are entries that it does not take."""
        return bool(self.frozen) or self.status is AccountStatus.ARCHIVED
