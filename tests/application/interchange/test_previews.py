"""A preview goes by the posting policies, as posting will, and lets others have their turn."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO

import pytest

from adapters.memory import CountedIds, ManualClock, MemoryBooks
from application.interchange.foreign_formats import ForeignFormats
from application.interchange.found import FoundEntry, FoundTransaction
from application.interchange.found_lines import transaction_line
from application.interchange.importing import Importing, Prepared
from application.interchange.read_foreign_file import ReadFile
from application.ledger.journal import Journal
from application.ledger.open_account import OpenAccount
from application.ledger.register_asset import RegisterAsset
from domain.ledger.events import LedgerCreated
from domain.ledger.limit import LimitDraft
from domain.ledger.policy import PolicyInForce
from tests.application.interchange.test_import_transactions import MAIN
from tests.application.ledger.office import Office
from tests.application.ledger.policed import AtMostHundred, Fee, Raising, bug, in_force, under
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


async def test_what_policies_add_counts_and_what_they_refuse_is_refused_in_its_place() -> None:
    """A wallet that may not go below zero pays 0.30 for each transaction; above 100.00 nothing is posted."""
    rules = Fee(), AtMostHundred()
    office = under(Office(), *rules)
    wallet = OpenAccount("liabilities:wallet", limits=(LimitDraft("EUR", minimum="0"),))
    await office.submit(RegisterAsset("EUR", 2))
    await office.submit(wallet)
    lines = [
        _transfer(1, "liabilities:wallet", "100.01"),
        # In all, 300 times 0.70 are left of these, which is 210.00: more than one look at the books.
        *[_transfer(number, "liabilities:wallet", "1.00") for number in range(2, 302)],
        _transfer(302, "assets:bank", "100.00"),  # 109.70 is left
        _transfer(303, "assets:bank", "99.50"),  # 9.90 is left
        _transfer(304, "assets:bank", "9.61"),  # with the fee, 0.01 too much
        _transfer(305, "assets:bank", "9.60"),
    ]
    prepared = Prepared(ReadFile(transactions=len(lines)), (), BytesIO(b"".join(lines)))
    importing = _importing(office, in_force(*rules))
    told: list[tuple[int, int]] = []
    shown = await importing.preview(principal(), "main", prepared, lambda *so_far: told.append(so_far))
    assert told == [(250, 305), (305, 305)]
    assert [(each.place, each.code) for each in shown.refused.first] == [
        ("line 1", "too-much-for-the-tests"),
        ("line 304", "insufficient-funds"),
    ]
    assert (shown.posted, shown.already_there.total) == (303, 0)
    assert [each.account for each in shown.opened.first] == ["assets:bank", "income:fees"]

    posted = await importing.post(principal(), "main", prepared, request_id="req_1", progress=lambda *_: None)
    assert (posted.posted, posted.refused.first) == (shown.posted, shown.refused.first)
    # They have two entries more by now.
    again = await importing.preview(principal(), "main", prepared)
    assert (again.posted, again.already_there.total) == (0, 303)
    assert [each.place for each in again.already_there.first] == [f"line {number}" for number in range(2, 102)]
    twice = await importing.post(principal(), "main", prepared, request_id="req_1", progress=lambda *_: None)
    assert (twice.posted, twice.already_there) == (0, 303)


async def test_where_no_policy_is_in_force_more_entries_make_another_transaction() -> None:
    office = under(Office(), Fee())
    await office.submit(OpenAccount("liabilities:wallet"))
    lines = _transfer(1, "liabilities:wallet", "1.00")
    prepared = Prepared(ReadFile(transactions=1), (), BytesIO(lines))
    await _importing(office, in_force(Fee())).post(
        principal(), "main", prepared, request_id="req_1", progress=lambda *_: None
    )
    shown = await _importing(office, ()).preview(principal(), "main", prepared)
    assert [each.code for each in shown.refused.first] == ["duplicate-reference"]


@pytest.mark.parametrize("method", ["scope", "added", "check"])
async def test_what_a_policy_that_fails_would_be_asked_about_is_refused(method: str) -> None:
    rules = in_force(Raising(method, bug))
    lines = [_transfer(number, "liabilities:wallet", "1.00") for number in (1, 2)]
    prepared = Prepared(ReadFile(transactions=2), (), BytesIO(b"".join(lines)))
    shown = await _importing(Office(), rules).preview(principal(), "main", prepared)
    assert [(each.place, each.code) for each in shown.refused.first] == [
        ("line 1", "extension-failed"),
        ("line 2", "extension-failed"),
    ]
    assert shown.posted == 0


def _importing(office: Office, policies: Sequence[PolicyInForce]) -> Importing:
    kept = (office.books, office.journal, office.clock, office.ids)
    return Importing(ForeignFormats(()), *kept, json.loads, policies)


def _transfer(number: int, to: str, amount: str) -> bytes:
    """An amount from the bank to the wallet, or back."""
    sign = -1 if to == "assets:bank" else 1
    pair = (
        FoundEntry("assets:bank", sign * Decimal(amount), "EUR"),
        FoundEntry("liabilities:wallet", -sign * Decimal(amount), "EUR"),
    )
    return transaction_line(FoundTransaction(f"line {number}", f"r-{number}", DAY, "", pair))
