from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.engine import journal_engine as make_journal_engine
from adapters.postgres.ledger.books import PostgresBooks
from tests.adapters.ledger.by_hand import NewLedger
from tests.adapters.ledger_contract import BooksContract


@pytest.fixture(scope="session")
async def other_journal_engine(migrated_url: str) -> AsyncIterator[AsyncEngine]:
    engine = make_journal_engine(migrated_url, pool_size=16)
    yield engine
    await engine.dispose()


class TestPostgresBooks(BooksContract):
    @pytest.fixture
    def books(self, journal_engine: AsyncEngine) -> PostgresBooks:
        return PostgresBooks(journal_engine)

    @pytest.fixture
    def other_books(self, other_journal_engine: AsyncEngine) -> PostgresBooks:
        return PostgresBooks(other_journal_engine)

    @pytest.fixture
    def new_ledger(self, new_ledger: NewLedger) -> NewLedger:
        return new_ledger
