"""A preview lets others have their turn."""

import asyncio
import json
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO

from adapters.memory import CountedIds, ManualClock, MemoryBooks
from application.interchange.foreign_formats import ForeignFormats
from application.interchange.found import FoundEntry, FoundTransaction
from application.interchange.found_lines import transaction_line
from application.interchange.importing import Importing, Prepared
from application.interchange.read_foreign_file import ReadFile
from application.ledger.journal import Journal
from domain.ledger.events import LedgerCreated
from tests.application.interchange.test_import_transactions import MAIN
from tests.builders import AUTHOR, principal

DAY = datetime(2026, 1, 1, tzinfo=UTC)


async def test_others_have_their_turn_within_large_transactions() -> None:
    clock, ids = ManualClock(), CountedIds()
    books = MemoryBooks(clock, ids)
    books.create(MAIN, LedgerCreated("Main", "UTC"), AUTHOR)
    importing = Importing(ForeignFormats(()), books, Journal(books, clock, ids), clock, ids, json.loads)
    pair = (FoundEntry("assets:bank", Decimal(1), "EUR"), FoundEntry("equity:opening", Decimal(-1), "EUR"))
    lines = [transaction_line(FoundTransaction("line 1", f"r-{n}", DAY, "", pair * 1_000)) for n in range(20)]
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    waiting = asyncio.create_task(others())
    expected = await importing.preview(
        principal(), "main", Prepared(ReadFile(transactions=len(lines)), (), BytesIO(b"".join(lines)))
    )
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting
    assert expected.refused.total + expected.posted == 20
    # After reading and after trying each of them, at least.
    assert turns >= 2 * len(lines)
