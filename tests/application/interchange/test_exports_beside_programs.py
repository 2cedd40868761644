"""Random books, exported and read by the programs that they are exported for."""

from collections.abc import Sequence

import pytest
from hypothesis import Phase, given, settings

from application.interchange.beancount_file import BeancountFile
from application.interchange.hledger_journal import HledgerJournal
from domain.ledger.events import Event
from tests.application.interchange.books import BOOKS, balances_of
from tests.application.interchange.written import written
from tests.books.other_programs import BALANCES_BY, require


@pytest.mark.parametrize("program", BALANCES_BY)
@settings(max_examples=5, phases=[Phase.generate])  # to make a failure small would take minutes of their time
@given(events=BOOKS)
async def test_a_program_finds_the_balances_that_the_ledger_has(program: str, events: Sequence[Event]) -> None:
    require(program)
    text = await written(events, BeancountFile() if program == "bean-check" else HledgerJournal())
    assert BALANCES_BY[program](text) == balances_of(events)
