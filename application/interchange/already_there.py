"""Whether what a file has is what the ledger has under the same reference."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from application.ledger.ports import Books, Command, LedgerAddress, Outcome, Snapshot, TooManyEntries
from application.ledger.post_transaction import PostTransaction
from domain.ledger.asset import format_amount
from domain.ledger.policy import PolicyInForce
from domain.ledger.posted import PostedTransaction
from domain.ledger.scope import Scope
from domain.ledger.transaction import DuplicateReference, TransactionDraft
from domain.shared.errors import DomainError


@dataclass(frozen=True, slots=True)
class AlreadyThere:
    """Nothing was posted: the ledger has the transaction, under this id."""

    id: str


async def with_already_there(
    books: Books,
    address: LedgerAddress,
    asked: Sequence[Command | DomainError | None],
    outcomes: Sequence[Outcome | BaseException],
    policies: Sequence[PolicyInForce],
) -> list[Outcome | AlreadyThere | BaseException]:
    """Return what became of each command, where a reference is taken: whether by the same transaction, or by another.

    The policies are those that may have added entries. Raises `StoreUnavailable`.
    """
    said: list[Outcome | AlreadyThere | BaseException] = list(outcomes)
    drafts = {
        index: command.draft
        for index, (command, outcome) in enumerate(zip(asked, outcomes, strict=True))
        if isinstance(outcome, DuplicateReference) and isinstance(command, PostTransaction)
    }
    if not drafts:
        return said
    async with books.snapshot(address) as snapshot:
        references = [draft.reference for draft in drafts.values() if draft.reference is not None]
        taken = (await snapshot.load(Scope(references=references))).references
        there = await stored(snapshot, [taken[name] for name in references if name in taken])
    for index, draft in drafts.items():
        posted = there.get(taken.get(draft.reference or "", ""))
        if posted is not None:
            said[index] = AlreadyThere(posted.id) if is_same(draft, posted, policies) else another_has(draft)
    return said


async def stored(snapshot: Snapshot, ids: Sequence[str]) -> Mapping[str, PostedTransaction]:
    """Return transactions with their entries; all at once, unless these are too many. Ids of holds are left out."""
    ids = [id for id in ids if not id.startswith("hold_")]
    if not ids:
        return {}
    try:
        return (await snapshot.load(Scope(reversals=ids))).transactions
    except TooManyEntries:
        one_by_one = [await snapshot.load(Scope(reversals=(id,))) for id in ids]
        return {id: book.transactions[id] for id, book in zip(ids, one_by_one, strict=True)}


def is_same(draft: TransactionDraft, there: PostedTransaction, policies: Sequence[PolicyInForce]) -> bool:
    """Whether both have the same entries, in any order, at the same time. What they say beside that may change.

    What policies have added stands after the entries that were asked for, and is not compared: they might add something
    else by now.
    """
    asked = Counter((entry.account, entry.direction, entry.asset, _digits(entry.amount)) for entry in draft.entries)
    posted = Counter(
        (entry.account, entry.direction, entry.asset.code, _digits(format_amount(entry.amount, entry.asset.scale)))
        for entry in (there.entries[: len(draft.entries)] if policies else there.entries)
    )
    return asked == posted and draft.effective_at == there.effective_at


def another_has(draft: TransactionDraft) -> DuplicateReference:
    """Return the refusal of what has the reference of another transaction."""
    return DuplicateReference(
        f"The reference {draft.reference!r} belongs to another transaction of this ledger: its time or its entries "
        "differ.",
        pointer="/reference",
        facts={"taken_by": "transaction"},
    )


def _digits(amount: str) -> str:
    return amount.rstrip("0").rstrip(".") if "." in amount else amount
