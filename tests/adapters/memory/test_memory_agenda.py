from datetime import datetime
from itertools import count

import pytest

from adapters.memory import MemoryAgenda
from application.ledger.ports import LedgerAddress
from tests.adapters.ledger.agenda_contract import AgendaContract, Put
from tests.adapters.ledger.by_hand import NewLedger


class TestMemoryAgenda(AgendaContract):
    @pytest.fixture
    def agenda(self) -> MemoryAgenda:
        return MemoryAgenda()

    @pytest.fixture
    def put(self, agenda: MemoryAgenda) -> Put:
        async def put(address: LedgerAddress, expires_at: datetime) -> None:
            agenda.put(address, expires_at)

        return put

    @pytest.fixture
    def new_ledger(self) -> NewLedger:
        numbers = count(1)

        async def create() -> LedgerAddress:
            return LedgerAddress(next(numbers), "main")

        return create
