from datetime import datetime

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.ledger.agenda import PostgresAgenda
from adapters.postgres.ledger.books import PostgresBooks
from application.ledger.ports import LedgerAddress
from domain.ledger.events import HoldPlaced
from tests.adapters.ledger.agenda_contract import AgendaContract, Put
from tests.adapters.ledger.by_hand import BANK, OPENINGS, SALES, NewLedger, write
from tests.builders import credited, debited, hold_id


class TestPostgresAgenda(AgendaContract):
    @pytest.fixture
    def agenda(self, service_engine: AsyncEngine) -> PostgresAgenda:
        return PostgresAgenda(service_engine)

    @pytest.fixture
    def put(self, books: PostgresBooks) -> Put:
        opened: set[LedgerAddress] = set()

        async def place(address: LedgerAddress, expires_at: datetime) -> None:
            hold = HoldPlaced(hold_id(), (debited(BANK, 1), credited(SALES, 1)), expires_at)
            await write(books, address, *(() if address in opened else OPENINGS), hold)
            opened.add(address)

        return place

    @pytest.fixture
    def new_ledger(self, new_ledger: NewLedger) -> NewLedger:
        return new_ledger
