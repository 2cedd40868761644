"""What is seen: ledgers, accounts, transactions and holds as REST shows them, and the links between them."""

from typing import Annotated, Any, Final

import strawberry

from domain.shared.errors import ValidationFailed
from entrypoints.http.graphql.asking import Below, Held, Info, Named
from entrypoints.http.graphql.connections import connection_of
from entrypoints.http.graphql.documents import LEDGER, field_of, shown, within
from entrypoints.http.graphql.scalars import Long
from entrypoints.http.pagination import LIMIT_DEFAULT, LIMIT_MAX
from entrypoints.http.time_travel import AS_OF_DESCRIPTION, AT_DESCRIPTION, KNOWN_AT_DESCRIPTION, point_of_view
from entrypoints.http.v1.account_documents import AccountDocument, AccountEntryDocument, BalanceDocument
from entrypoints.http.v1.hold_documents import HeldEntryDocument, HoldDocument
from entrypoints.http.v1.transaction_documents import EntryDocument, TransactionDocument

At = Annotated[str | None, strawberry.argument(description=AT_DESCRIPTION)]
KnownAt = Annotated[str | None, strawberry.argument(description=KNOWN_AT_DESCRIPTION)]
AsOfSequence = Annotated[Long | None, strawberry.argument(description=AS_OF_DESCRIPTION)]
First = Annotated[int | None, strawberry.argument(description=f"How many: {LIMIT_DEFAULT}, or up to {LIMIT_MAX}.")]

_LAZILY: Final = strawberry.lazy(__name__)
_LAZY_ACCOUNT: Final[Any] = Annotated["Account", _LAZILY] | None
_LAZY_ACCOUNTS: Final[Any] = list[Annotated["Account", _LAZILY]] | None
_LAZY_TRANSACTION: Final[Any] = Annotated["Transaction", _LAZILY] | None
_LAZY_TRANSACTIONS: Final[Any] = list[Annotated["Transaction", _LAZILY]] | None
_LAZY_HOLD: Final[Any] = Annotated["Hold", _LAZILY] | None


@shown(BalanceDocument)
class Balance:
    """What an account holds of an asset, on the account's normal side; the four totals are what it follows from.

    `available` is what is posted, less what open holds may take; what they may bring is not available. At a time, only
    what was posted is known: the other fields are null.
    """


@shown(AccountDocument)
class Account:
    """An account; `version` counts changes of its settings, not its entries. `status` is `open` or `archived`.

    It takes no entries in the directions that are `frozen`. `limits` are its own; `limitsInForce` are those and, in
    assets in which it sets none, the ones that the chart gives: they are known where an account was asked for by its
    path, or was changed.
    """

    @field_of(list[Balance] | None)
    async def balances(
        self: Any, info: Info, at: At = None, known_at: KnownAt = None, as_of_sequence: AsOfSequence = None
    ) -> Any:
        """What it holds: now, as of a sequence, or at a time."""
        view = point_of_view(at, known_at, as_of_sequence)
        return await info.context.balances.load(Held(self[LEDGER], self["path"], view)) or []

    @field_of(_LAZY_ACCOUNT)
    async def parent(self: Any, info: Info) -> Any:
        """The account whose path is this one's without its last segment, if there is such an account."""
        above, _, _ = self["path"].rpartition(":")
        return await info.context.accounts.load(Named(self[LEDGER], above)) if above else None

    @field_of(_LAZY_ACCOUNTS)
    async def descendants(self: Any, info: Info, first: First = None) -> Any:
        """The first accounts by path that lie below this one, archived ones too. `accounts` lists them all, a page
        at a time, by the pattern `path:**`.
        """
        return await below(info, self[LEDGER], self["path"], first)


async def below(info: Info, ledger: str, path: str, first: int | None) -> Any:
    """Return the first accounts below a path. Raises `ValidationFailed`, and what reading accounts raises."""
    limit = LIMIT_DEFAULT if first is None else first
    if not 1 <= limit <= LIMIT_MAX:
        raise ValidationFailed(f"first is from 1 to {LIMIT_MAX}, not {limit}.")
    return await info.context.below.load(Below(ledger, path, limit)) or []


async def _account(root: Any, info: Info) -> Any:
    return await info.context.accounts.load(Named(root[LEDGER], root["account"]))


def account_link() -> Any:
    """Return the field that leads from where an account is named to the account."""
    return strawberry.field(resolver=_account, graphql_type=Account | None, description="The account, as it is now.")


@shown(EntryDocument, account="account_path")
class Entry:
    """An entry, and the balance that it left on its account, on the account's normal side."""

    account = account_link()


@shown(HeldEntryDocument, account="account_path")
class HeldEntry:
    """An entry of a hold, and what is left of it to capture; once the hold is closed, what was not captured."""

    account = account_link()


@shown(TransactionDocument, hold="hold_id", reverses="reverses_id", reversed_by="reversed_by_ids")
class Transaction:
    """A transaction; `id` and `sequence` are null in a dry run.

    `hold` is what it captured from. `reversedBy` are the first 20 that reverse it.
    """

    @field_of(list[Entry])
    def entries(self: Any) -> Any:
        """Its entries in order."""
        return [within(self[LEDGER], entry) for entry in self["entries"]]

    @field_of(_LAZY_HOLD)
    async def hold(self: Any, info: Info) -> Any:
        """The hold that it captured from."""
        return None if self["hold"] is None else await info.context.holds.load(Named(self[LEDGER], self["hold"]))

    @field_of(_LAZY_TRANSACTION)
    async def reverses(self: Any, info: Info) -> Any:
        """The transaction that it reverses."""
        of, id = self[LEDGER], self["reverses"]
        return None if id is None else await info.context.transactions.load(Named(of, id))

    @field_of(_LAZY_TRANSACTIONS)
    async def reversed_by(self: Any, info: Info) -> Any:
        """The first 20 that reverse it."""
        return await info.context.transactions.load_many([Named(self[LEDGER], id) for id in self["reversed_by"]])


@shown(HoldDocument, captures="capture_ids")
class Hold:
    """A hold; `id` and `sequence` are null in a dry run. `captures` are the first 20 transactions that captured it."""

    @field_of(list[HeldEntry])
    def entries(self: Any) -> Any:
        """Its entries in order."""
        return [within(self[LEDGER], entry) for entry in self["entries"]]

    @field_of(list[Transaction] | None)
    async def captures(self: Any, info: Info) -> Any:
        """The first 20 transactions that captured it."""
        return await info.context.transactions.load_many([Named(self[LEDGER], id) for id in self["captures"]])


@shown(AccountEntryDocument, transaction="transaction_id")
class AccountEntry:
    """A line of an account's history."""

    @field_of(Transaction | None)
    async def transaction(self: Any, info: Info) -> Any:
        """The transaction that it belongs to."""
        return await info.context.transactions.load(Named(self[LEDGER], self["transaction"]))


AccountConnection: Final = connection_of(Account, "Account")
AccountEntryConnection: Final = connection_of(AccountEntry, "AccountEntry")
HoldConnection: Final = connection_of(Hold, "Hold")
TransactionConnection: Final = connection_of(Transaction, "Transaction")
