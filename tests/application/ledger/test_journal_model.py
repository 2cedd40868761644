import asyncio
from collections.abc import Coroutine, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.memory import CountedIds, ManualClock, MemoryBooks
from adapters.memory.clock import START
from application.ledger.archive_account import ArchiveAccount, RestoreAccount
from application.ledger.change_account import ChangeAccount
from application.ledger.close_period import ClosePeriod
from application.ledger.freeze_account import FreezeAccount
from application.ledger.freeze_ledger import FreezeLedger
from application.ledger.ports import Command, LedgerAddress
from application.ledger.post_transaction import PostTransaction
from domain.ledger.closing import ClosingDraft
from domain.ledger.ledger import create
from domain.ledger.limit import LimitDraft
from domain.ledger.transaction import Direction
from tests.application.ledger.journal_machine import JournalMachine, play
from tests.builders import AUTHOR, credit, debit, draft

Result = TypeVar("Result")


class MemoryStage:
    def __init__(self, clock: ManualClock, ids: CountedIds) -> None:
        self.books = MemoryBooks(clock, ids)
        self._runner = asyncio.Runner()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self._runner.run(work)

    async def new_ledger(self) -> LedgerAddress:
        address = LedgerAddress(1, "main")
        self.books.create(address, create(slug=address.slug, name="Main", metadata={}), AUTHOR)
        return address

    async def log(self, ledger: LedgerAddress) -> Sequence[tuple[bytes, bytes]]:
        return self.books.log(ledger)

    def close(self) -> None:
        self._runner.close()


@pytest.mark.soak
def test_the_journal_does_as_the_model_does() -> None:
    play(MemoryStage)


_RESULTS = st.sampled_from(["income:sales", "expenses:é", "equity:result"])
_BOUNDS = st.sampled_from([None, "-3", "0", "3", "20"])
# What may keep a closing from moving results, and what empties an account of expenses so that it can be archived.
_BARS: st.SearchStrategy[Any] = st.one_of(
    st.builds(FreezeAccount, _RESULTS, st.just("why"), st.frozensets(st.sampled_from(Direction), min_size=1)),
    st.builds(
        ChangeAccount,
        _RESULTS,
        st.none(),
        st.just({}),
        st.builds(LimitDraft, st.just("EUR"), _BOUNDS, _BOUNDS).map(lambda limit: (limit,)),
    ),
    st.just(PostTransaction(draft(debit("assets:bank", "3"), credit("expenses:é", "3")))),
    st.just(ArchiveAccount("expenses:é", None, "why")),
    st.just(ArchiveAccount("equity:result", None, "why")),
    st.just(RestoreAccount("expenses:é", "why")),
    st.just(FreezeLedger("why")),
)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(bars=st.lists(_BARS, max_size=4), days=st.integers(-3, 0))
def test_a_closing_does_as_the_model_does_whatever_bars_the_accounts(bars: list[Command], days: int) -> None:
    until = (START + timedelta(days=days)).replace(hour=0)
    closing = ClosePeriod(ClosingDraft("an id to be drawn", until.date(), until, "", "equity:result"))
    machine = JournalMachine(MemoryStage)
    try:
        machine.begin(is_in_use=True)
        machine.ask_together([(bar, None) for bar in bars])
        machine.ask_together([(closing, None)])
        machine.the_log_goes_on_without_gaps()
        machine.the_state_is_the_models_and_what_the_log_says()
    finally:
        machine.teardown()
