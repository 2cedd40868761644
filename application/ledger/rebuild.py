"""Rebuilding: what a ledger's events say, compared with the projections that are kept."""

from dataclasses import dataclass
from typing import Protocol

from application.ledger.log import Progress
from application.ledger.ports import LedgerAddress
from domain.shared.chain import Head


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows of one table that are not what the events say: those that lack, that nothing justifies, that say otherwise.

    `examples` name a few of them by their keys.
    """

    table: str
    missing: int
    unexpected: int
    changed: int
    examples: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Return how many rows differ."""
        return self.missing + self.unexpected + self.changed


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How the projections of a ledger differed from its log as it stood at `head`, and whether they were put right."""

    head: Head
    differences: tuple[Difference, ...]
    replaced: bool


class Rebuilding(Protocol):
    """Replays a ledger's log beside the projections that are kept."""

    async def rebuild(
        self, ledger: LedgerAddress, *, replace: bool = False, progress: Progress | None = None
    ) -> Rebuilt:
        """Compare; with `replace`, put right what differs, in one transaction that holds the ledger's head.

        Raises `LedgerNotFound`, `StoreUnavailable`, and `ChainBroken` for a log that is not what was written: from
        such a one, nothing is replaced.
        """
        ...
