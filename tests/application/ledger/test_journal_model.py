import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import pytest

from adapters.memory import CountedIds, ManualClock, MemoryBooks
from application.ledger.ports import LedgerAddress
from domain.ledger.ledger import create
from tests.application.ledger.journal_machine import play
from tests.builders import AUTHOR

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
