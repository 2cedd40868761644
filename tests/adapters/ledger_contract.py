"""What every `Books` promises (application/ledger/ports.py).

An adapter shows that it keeps the contract by subclassing `BooksContract` and giving its two fixtures. Only the ports
are used, and each test makes ledgers of its own, so that all of them can share one store.
"""

import pytest

from application.ledger.ports import Books, LedgerAddress
from tests.adapters.ledger.accounting_contract import AccountingContract
from tests.adapters.ledger.attachment_contract import AttachmentContract
from tests.adapters.ledger.balance_contract import BalanceContract
from tests.adapters.ledger.by_hand import NewLedger
from tests.adapters.ledger.group_contract import GroupContract
from tests.adapters.ledger.hold_contract import HoldContract
from tests.adapters.ledger.key_contract import KeyContract
from tests.adapters.ledger.state_contract import StateContract


class BooksContract(
    StateContract, BalanceContract, HoldContract, AccountingContract, AttachmentContract, KeyContract, GroupContract
):
    """All the tests. A subclass whose name begins with `Test` gives `books` and `new_ledger`."""

    @pytest.fixture
    def books(self) -> Books:
        """The store under test."""
        raise NotImplementedError

    @pytest.fixture
    def other_books(self, books: Books) -> Books:
        """The same store as another process has it; give one that shares nothing in this process, where there is."""
        return books

    @pytest.fixture
    def new_ledger(self) -> NewLedger:
        """A way to make a ledger that only its first event is in."""
        raise NotImplementedError

    @pytest.fixture
    async def ledger(self, new_ledger: NewLedger) -> LedgerAddress:
        return await new_ledger()
