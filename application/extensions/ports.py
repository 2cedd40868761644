"""Ports of extensions: which organisations there are, and how far extensions have come in their ledgers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from application.ledger.ports import LedgerAddress
from application.ledger.readers import StoredEvent
from domain.shared.stable import stable


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class Happened:
    """An event of a ledger, as those who follow it get it: `data` are the facts, amounts as text in major units.

    `recorded_at` is UTC. `id` names it for good: by it, whoever is told twice knows.
    """

    ledger: LedgerAddress
    sequence: int
    id: str
    type: str
    data: Mapping[str, Any]
    actor: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Place:
    """How far a handler has come in a ledger, which is ours for a while: up to `sequence`.

    `attempts` counts those in vain at the next event.
    """

    handler: str
    ledger: LedgerAddress
    ledger_id: int
    lease: str
    sequence: int
    attempts: int


class Organisations(Protocol):
    """All organisations, of which nothing is told but that they are there."""

    async def numbers(self, *, after: int, limit: int) -> Sequence[int]:
        """Return the next organisations by number. Raises `StoreUnavailable`."""
        ...


class HandlerCursors(Protocol):
    """How far handlers have come. A ledger that a handler knows nothing of is followed from its first event on.

    What is due, the clock of the store alone says: those of servers may differ.
    """

    async def claim(self, organisation_id: int, handler: str, lease: str, length: timedelta) -> Place | None:
        """Return a ledger of the organisation that has events for the handler; it is ours for that long from now on.

        None where there is none that is due and free. Raises `StoreUnavailable`, `CommitInDoubt`.
        """
        ...

    async def events(self, place: Place, *, after: int, limit: int) -> Sequence[StoredEvent]:
        """Return the next events of the ledger in order. Raises `StoreUnavailable`."""
        ...

    async def leave(self, place: Place, pause: timedelta) -> None:
        """Keep how far the handler has come, if the ledger still is ours; it is due again after the pause.

        Raises `StoreUnavailable`, `CommitInDoubt`.
        """
        ...
