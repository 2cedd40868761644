"""What Partita writes for hledger and beancount reads back as the books that it was."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings

from application.interchange.beancount_file import BeancountFile
from application.interchange.hledger_journal import HledgerJournal
from domain.ledger.events import AccountOpened, Event, TransactionPosted
from tests.adapters.foreign_files.found import gather
from tests.application.interchange.books import BOOKS, balances_of
from tests.application.interchange.written import written


@pytest.mark.parametrize("read_as", ["hledger", "ledger", "beancount"])
@settings(max_examples=10)
@given(events=BOOKS)
async def test_an_export_reads_back_with_the_same_balances(read_as: str, events: Sequence[Event]) -> None:
    text = await written(events, BeancountFile() if read_as == "beancount" else HledgerJournal())
    found = gather(text, read_as)
    assert (found.unreadable, found.failed) == ([], [])
    assert found.balances == balances_of(events)
    assert {asset for _, asset in found.balances} <= found.assets.keys()
    # Each is named by what it was named by, and happens when it did.
    posted = {event.id: event for event in events if isinstance(event, TransactionPosted)}
    assert len(found.transactions) == len(posted)
    for transaction, event in zip(found.transactions, posted.values(), strict=True):
        assert transaction.effective_at == event.effective_at
        assert not transaction.metadata.keys() & {"id", "sequence", "recorded_at"}
    opened = {event.account: event for event in events if isinstance(event, AccountOpened)}
    assert {path: found.accounts[path].type for path in opened} == {
        path: event.account_type for path, event in opened.items()
    }
