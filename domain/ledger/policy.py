"""Posting policies: rules of one's own, which are asked before entries are accepted."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Protocol, runtime_checkable

from domain.ledger.account import Account
from domain.ledger.asset import Asset
from domain.ledger.balance import Balance
from domain.ledger.held import Held
from domain.ledger.scope import AccountAsset, Scope
from domain.ledger.transaction import Entry, EntryDraft
from domain.shared.access import EVERYWHERE, Reach
from domain.shared.errors import DomainError, ErrorKind
from domain.shared.stable import stable


class PolicyFailed(DomainError):
    """A rule that whoever runs this server has added could not be asked, so nothing is posted that it might forbid.

    The member `extension` names it, and the server's log says why. Try again later, or tell whoever runs the server.
    """

    code = "extension-failed"
    kind = ErrorKind.UNAVAILABLE
    title = "An extension failed"


@stable(since="0.2.0")
class Way(Enum):
    """How entries come into the books."""

    POSTING = "posting"
    HOLD = "hold"
    CAPTURE = "capture"
    REVERSAL = "reversal"
    CLOSING = "closing"


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class Proposal:
    """A transaction or a hold that the books would take: its entries come to what they will, in minor units.

    `recorded_at` is now; times are UTC. `of` is the hold that is captured, or the transaction that is reversed.
    """

    way: Way
    id: str
    entries: tuple[Entry, ...]
    effective_at: datetime
    recorded_at: datetime
    reference: str | None = None
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    of: str | None = None


@stable(since="0.2.0")
class BooksSeen(Protocol):
    """The books as they stand before the proposal, as far as its own scope and that of the policy reach."""

    @property
    def accounts(self) -> Mapping[str, Account]:
        """Return accounts by path."""
        ...

    @property
    def assets(self) -> Mapping[str, Asset]:
        """Return assets by code."""
        ...

    def balance(self, path: str, code: str) -> Balance:
        """Return what was posted to an account in an asset."""
        ...

    def held_on(self, path: str, code: str) -> Held:
        """Return what is held on an account in an asset."""
        ...

    def available(self, account: Account, code: str) -> int:
        """Return what is available on an account, in minor units: what is posted, less what holds may take."""
        ...


@stable(since="0.2.0")
@runtime_checkable
class PostingPolicy(Protocol):
    """A rule for all postings, holds, captures, reversals and closings of all ledgers, whichever way they come.

    It is pure and quick: it knows no more than it is given, waits for nothing, and says the same again of the same.
    Subclass it, and write what is needed of the three.
    """

    def scope(self, touched: Collection[AccountAsset]) -> Scope:
        """Return what it has to see besides what is touched, which is known, to judge entries there.

        Where it may add entries, it names the balances. Those that policies before it have named are touched, too.
        """
        return Scope()

    def added(self, proposal: Proposal, books: BooksSeen) -> Sequence[EntryDraft]:
        """Return entries that are to come with those of a posting or a hold; they balance by themselves.

        It is not asked of what is captured, reversed or closed, which is what was there before.
        Of several policies, each sees what those before it have added. All of it goes through the rules of the ledger
        as one transaction, and is refused or accepted as one.
        """
        return ()

    def check(self, proposal: Proposal, books: BooksSeen) -> None:
        """Return if the entries, all that were added among them, are acceptable; else raise a `DomainError` of its own.

        It is the last to be asked.
        """
        return


@dataclass(frozen=True, slots=True)
class PolicyInForce:
    """A policy, the extension that it is of, and the accounts on which it may add entries for whoever posts."""

    name: str
    policy: PostingPolicy
    reach: Reach = EVERYWHERE
