"""Posted transactions, and what may still be reversed of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from domain.ledger.transaction import Entry, EntryDraft, Side, TransactionKind, sides_of
from domain.shared.errors import DomainError, ErrorKind


class ReversalExceeded(DomainError):
    """More would be reversed than is left: of the transaction, or of one that it reverses itself."""

    code = "reversal-exceeded"
    kind = ErrorKind.REFUSED
    title = "More than is left to reverse"


@dataclass(frozen=True, slots=True)
class PostedTransaction:
    """What may still change about a transaction, or forbids that it is posted again.

    `number` is the sequence of the event that posted it; `left` is what may still be reversed, per account, direction
    and asset, in minor units.
    """

    number: int
    id: str
    reference: str | None
    metadata: Mapping[str, str]
    entries: tuple[Entry, ...]
    effective_at: datetime
    kind: TransactionKind = TransactionKind.ORDINARY
    reverses: str | None = None
    reduced: Mapping[Side, int] | None = None
    version: int = 1

    @property
    def left(self) -> Mapping[Side, int]:
        """Return what may still be reversed."""
        return sides_of(self.entries) if self.reduced is None else self.reduced


@dataclass(frozen=True, slots=True)
class ReversalDraft:
    """A reversal as it was asked for, with the id drawn for its transaction (`txn_…`).

    `entries` say what of the transaction is to be reversed, as it has them; without any, it is all that is left.
    """

    id: str
    transaction: str
    entries: tuple[EntryDraft, ...] = ()
    is_at_original_time: bool = False
    reference: str | None = None
    description: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


def undone(lineage: Sequence[PostedTransaction], reversal: Sequence[Entry]) -> list[PostedTransaction]:
    """Return the transactions of a lineage as a reversal leaves them: the one reversed, the one that reversed, and on.

    What is taken from the first may be reversed again in the second, whose own may then not be in the third. Raises
    `ReversalExceeded` where less than nothing would be left.
    """
    changed = []
    sign = -1
    for generation, transaction in enumerate(lineage):
        left = dict(transaction.left)
        for entry in reversal:
            direction = entry.direction.opposite if generation % 2 == 0 else entry.direction
            side = (entry.account, direction, entry.asset.code)
            left[side] = left.get(side, 0) + sign * entry.amount
        changed.append(replace(transaction, reduced=left))
        sign = -sign
    return changed
