"""An agenda in memory, which whoever places a hold fills in."""

from collections.abc import Sequence
from datetime import datetime

from application.ledger.expiry import Due
from application.ledger.ports import LedgerAddress


class MemoryAgenda:
    """An `Agenda`: what was put on it, until it is struck out."""

    def __init__(self) -> None:
        self._addresses: list[LedgerAddress] = []
        self._due: set[Due] = set()

    def put(self, address: LedgerAddress, due_at: datetime) -> None:
        """Note that a hold of the ledger expires at that time (UTC)."""
        if address not in self._addresses:
            self._addresses.append(address)
        self._due.add(Due(due_at, address.organisation_id, self._addresses.index(address)))

    async def due_expiries(self, now: datetime, *, after: Due | None, limit: int) -> Sequence[Due]:
        due = sorted((each for each in self._due if each.due_at <= now), key=_place)
        return [each for each in due if after is None or _place(each) > _place(after)][:limit]

    async def address(self, due: Due) -> LedgerAddress | None:
        known = dict(enumerate(self._addresses))
        address = known.get(due.ledger_id)
        return address if address is not None and address.organisation_id == due.organisation_id else None

    async def strike(self, due: Due, until: datetime) -> None:
        self._due = {each for each in self._due if each.of != due.of or each.due_at > until}


def _place(due: Due) -> tuple[datetime, int, int]:
    return due.due_at, due.organisation_id, due.ledger_id
