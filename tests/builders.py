"""Short ways to say what a test is about; everything that a test does not mention has a dull default."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime

from adapters.memory import CountedIds
from application.shared.idempotency import IdempotencyKey
from domain.ledger.asset import Asset
from domain.ledger.transaction import Direction, Entry, EntryDraft, TransactionDraft
from domain.shared.access import Grant, Permission, Principal
from domain.shared.chain import Author

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
AUTHOR = Author("key_of_the_tests", "req_1")

EUR = Asset("EUR", 2)
JPY = Asset("JPY", 0)
POINTS = Asset("POINTS", 3)

_ids = CountedIds()


def transaction_id() -> str:
    """An id for one more transaction."""
    return _ids.new("txn")


def hold_id() -> str:
    """An id for one more hold."""
    return _ids.new("hold")


def period_id() -> str:
    """An id for one more period."""
    return _ids.new("prd")


def debit(account: str, amount: str, asset: str = "EUR") -> EntryDraft:
    """A debit as it is asked for: the amount in major units, as text."""
    return EntryDraft(account, Direction.DEBIT, amount, asset)


def credit(account: str, amount: str, asset: str = "EUR") -> EntryDraft:
    """A credit as it is asked for: the amount in major units, as text."""
    return EntryDraft(account, Direction.CREDIT, amount, asset)


def debited(account: str, minor: int, asset: Asset = EUR) -> Entry:
    """A debit as it is posted: the amount in minor units."""
    return Entry(account, Direction.DEBIT, minor, asset)


def credited(account: str, minor: int, asset: Asset = EUR) -> Entry:
    """A credit as it is posted: the amount in minor units."""
    return Entry(account, Direction.CREDIT, minor, asset)


def draft(
    *entries: EntryDraft,
    id: str | None = None,
    reference: str | None = None,
    description: str = "",
    effective_at: datetime | None = None,
    metadata: Mapping[str, str] | None = None,
) -> TransactionDraft:
    """A transaction as it is asked for, with an id of its own."""
    return TransactionDraft(id or transaction_id(), entries, reference, description, effective_at, metadata or {})


def payment(
    amount: str = "12.50",
    *,
    debit_to: str = "assets:bank",
    credit_to: str = "income:sales",
    asset: str = "EUR",
    id: str | None = None,
    reference: str | None = None,
) -> TransactionDraft:
    """A transaction of two entries, on accounts that the default chart opens."""
    return draft(debit(debit_to, amount, asset), credit(credit_to, amount, asset), id=id, reference=reference)


def principal(*permissions: Permission, organisation_id: int = 1) -> Principal:
    """Someone who has these permissions; with none named, every one."""
    return Principal(organisation_id, AUTHOR.actor, (Grant(frozenset(permissions or Permission)),))


def key(name: str, request: str = "the request") -> IdempotencyKey:
    """An idempotency key, for a request that this text stands for."""
    return IdempotencyKey(name, hashlib.sha256(request.encode()).digest())
