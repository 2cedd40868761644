"""A refusal points at parts that the request has, and at no entries where it has none."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from domain.ledger.account import BOTH
from domain.ledger.book import Book
from domain.ledger.closing import ClosingDraft, close
from domain.ledger.events import AccountFrozen, PeriodClosed
from domain.ledger.hold import CaptureDraft, HoldDraft
from domain.ledger.holding import capture, place
from domain.ledger.posted import ReversalDraft
from domain.ledger.posting import post
from domain.ledger.reversing import reverse
from domain.ledger.transaction import EntryDraft, TransactionDraft, TransferDraft
from domain.shared.errors import DomainError
from tests.accounting import ANA, BANK, BEN, RESULT, SALES, books, euros, hold, limit_account, move, pay
from tests.builders import NOW

NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)


def where(ask: Callable[[], object]) -> list[str]:
    """The places that the refusal blames."""
    with pytest.raises(DomainError) as refused:
        ask()
    return [blame.pointer for blame in refused.value.blames]


def freeze(book: Book, path: str) -> None:
    book.apply(AccountFrozen(path, BOTH, "audit"))


def transfer(
    giver: str = ANA, taker: str = BEN, amount: str = "1.00", asset: str = "EUR", up_to: str | None = None
) -> TransferDraft:
    return TransferDraft(giver, taker, amount, asset, up_to)


@pytest.mark.parametrize(
    ("frozen", "asked", "pointer"),
    [
        (ANA, transfer(), "/from"),
        (BEN, transfer(), "/to"),
        (None, transfer("nowhere"), "/from"),
        (None, transfer(taker="nowhere"), "/to"),
        (None, transfer(taker=BANK), "/to"),
        (None, transfer(amount="1.001"), "/amount"),
        (None, transfer(amount="10.01"), "/amount"),
        (None, transfer(BEN, ANA, "all"), "/amount"),
        (None, transfer(BEN, ANA, "5.01"), "/amount"),
        (None, transfer(asset="GOLD"), "/asset"),
        (None, transfer(amount="all", up_to="1.001"), "/up_to"),
    ],
)
def test_what_is_wrong_with_a_transfer_is_one_of_its_own_fields(
    frozen: str | None, asked: TransferDraft, pointer: str
) -> None:
    book = books(ana=1_000)
    limit_account(book, ANA, euros(minimum=0))
    limit_account(book, BEN, euros(minimum=0))
    if frozen is not None:
        freeze(book, frozen)
    assert where(lambda: post(book, TransactionDraft("txn_1", (), transfer=asked), NOW)) == [pointer]
    assert where(lambda: place(book, HoldDraft("hold_1", (), transfer=asked), NOW)) == [pointer]


@pytest.mark.parametrize(
    ("entries", "pointers"), [((), []), (move(ANA, BEN, 50), ["/entries/0/account"])], ids=["all", "a part"]
)
def test_what_is_captured_or_reversed_is_blamed_only_where_the_request_tells_it(
    entries: tuple[EntryDraft, ...], pointers: list[str]
) -> None:
    book = books(ana=1_000)
    pay(book, *move(ANA, BEN, 100), id="txn_1")
    hold(book, *move(ANA, BEN, 100))
    freeze(book, ANA)
    assert where(lambda: capture(book, CaptureDraft("txn_2", "hold_1", entries), NOW)) == pointers
    assert where(lambda: reverse(book, ReversalDraft("txn_2", "txn_1", entries), NOW)) == pointers


def test_a_reversal_of_all_that_is_left_blames_no_entry_for_a_limit() -> None:
    book = books(ana=1_000)
    pay(book, *move(ANA, BEN, 100), id="txn_1")
    limit_account(book, BEN, euros(minimum=100))
    assert where(lambda: reverse(book, ReversalDraft("txn_2", "txn_1"), NOW)) == []
    part = ReversalDraft("txn_2", "txn_1", move(ANA, BEN, 50))
    assert where(lambda: reverse(book, part, NOW)) == ["/entries/1/amount"]


def test_a_reversal_at_the_original_time_is_blamed_for_choosing_it() -> None:
    book = books(ana=1_000)
    pay(book, *move(ANA, BEN, 100), id="txn_1", at=datetime(2026, 10, 1, tzinfo=UTC))
    book.apply(PeriodClosed("prd_1", None, None, NOVEMBER.date(), NOVEMBER))
    reversal = ReversalDraft("txn_2", "txn_1", is_at_original_time=True)
    assert where(lambda: reverse(book, reversal, NOW)) == ["/effective"]


def test_the_closing_of_a_period_blames_none_of_the_entries_that_it_finds() -> None:
    book = books()
    book.results[NOVEMBER] = {(SALES, "EUR"): -100}
    freeze(book, RESULT)
    draft = ClosingDraft("prd_1", date(2026, 11, 1), NOVEMBER, result_to=RESULT, transaction_ids=["txn_1"])
    assert where(lambda: close(book, draft, NOW)) == []
