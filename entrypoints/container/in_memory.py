"""A ledger in memory, for trying on it what is pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from adapters.memory import CountedIds, ManualClock, MemoryBooks
from application.ledger.journal import Journal
from application.ledger.ports import LedgerAddress
from application.ledger.readers import StoredEvent
from domain.ledger.events import LedgerCreated
from domain.ledger.policy import PolicyInForce
from domain.shared.access import Grant, Permission, Principal
from domain.shared.chain import Author, Head, follow

SLUG = "main"


@dataclass(slots=True)
class LedgerInMemory:
    """A ledger `main`, and someone who may do everything in it. A command sees what its scope names, and no more."""

    clock: ManualClock = field(default_factory=ManualClock)
    ids: CountedIds = field(default_factory=CountedIds)
    principal: Principal = field(default=Principal(1, "system:trial", (Grant(frozenset(Permission)),)))
    books: MemoryBooks = field(init=False)
    address: LedgerAddress = field(init=False, default=LedgerAddress(1, SLUG))

    def __post_init__(self) -> None:
        """Create the ledger."""
        self.books = MemoryBooks(self.clock, self.ids)
        self.books.create(self.address, LedgerCreated("Main", "UTC"), Author("system:trial", "req_trial"))

    def journal(self, policies: Sequence[PolicyInForce] = ()) -> Journal:
        """Return a journal that writes to it, and asks these policies."""
        return Journal(self.books, self.clock, self.ids, policies=policies)

    def log(self) -> list[StoredEvent]:
        """Return all of its events, whose chain is verified."""
        head, found = Head(), []
        for content, hash in self.books.log(self.address):
            previous, head = head, follow(head, content, hash)
            found.append(StoredEvent(head.sequence, content, previous.hash, hash, head.recorded_at))
        return found
