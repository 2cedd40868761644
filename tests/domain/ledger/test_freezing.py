"""Frozen and archived accounts and ledgers."""

from collections.abc import Callable

import pytest

from domain.ledger.account import BOTH, Account, AccountStatus, ArchivedAccount, FrozenAccount
from domain.ledger.book import Book
from domain.ledger.emptiness import nonzero, shown_remainder
from domain.ledger.events import (
    AccountArchived,
    AccountChanged,
    AccountFrozen,
    AccountRestored,
    AccountUnfrozen,
    Event,
    LedgerArchived,
    LedgerFrozen,
    LedgerRestored,
    LedgerUnfrozen,
)
from domain.ledger.hold import CaptureDraft, HoldDraft, ReleaseDraft
from domain.ledger.holding import capture, expire, place, release
from domain.ledger.posted import ReversalDraft
from domain.ledger.posting import post
from domain.ledger.reversing import reverse
from domain.ledger.settings import FrozenLedger
from domain.ledger.transaction import Direction
from domain.shared.errors import DomainError
from tests.accounting import ANA, BANK, BEN, books, hold, move, pay, reversed_entries, take
from tests.builders import NOW, draft

DEBITS, CREDITS = frozenset([Direction.DEBIT]), frozenset([Direction.CREDIT])
Ask = Callable[[Book], list[Event]]


def in_use() -> Book:
    """Books with a payment from Ana to Ben, txn_1, and a hold of as much, hold_1."""
    book = books(ana=1_000)
    pay(book, *move(ANA, BEN, 100), id="txn_1")
    hold(book, *move(ANA, BEN, 100))
    return book


# Each debits Ana and credits Ben, but for the reversal, which does the opposite.
ASKS: dict[str, Ask] = {
    "post": lambda book: post(book, draft(*move(ANA, BEN, 5)), NOW),
    "place": lambda book: place(book, HoldDraft("hold_2", move(ANA, BEN, 5)), NOW),
    "capture": lambda book: capture(book, CaptureDraft("txn_2", "hold_1"), NOW),
    "reverse": lambda book: reverse(book, ReversalDraft("txn_2", "txn_1"), NOW),
}


def refusal(book: Book, ask: Ask) -> type[DomainError] | None:
    try:
        ask(book)
    except DomainError as refused:
        return type(refused)
    return None


@pytest.mark.parametrize(
    ("path", "directions", "refused"),
    [
        (ANA, DEBITS, {"post", "place", "capture"}),
        (ANA, CREDITS, {"reverse"}),
        (ANA, BOTH, {"post", "place", "capture", "reverse"}),
        (BEN, DEBITS, {"reverse"}),
        (BEN, CREDITS, {"post", "place", "capture"}),
        (BANK, BOTH, set()),
    ],
)
def test_an_account_takes_no_entry_in_a_frozen_direction(
    path: str, directions: frozenset[Direction], refused: set[str]
) -> None:
    book = in_use()
    book.apply(AccountFrozen(path, directions, "why"))
    expected = {name: FrozenAccount if name in refused else None for name in ASKS}
    assert {name: refusal(book, ask) for name, ask in ASKS.items()} == expected


def test_a_refusal_names_the_account_and_the_entry() -> None:
    book = in_use()
    book.apply(AccountFrozen(BEN, CREDITS, "why"))
    with pytest.raises(FrozenAccount, match="frozen for credits") as refused:
        post(book, draft(*move(ANA, BEN, 5)), NOW)
    assert refused.value.facts == {"account": BEN}
    assert [blame.pointer for blame in refused.value.blames] == ["/entries/1/account"]


def test_freezing_adds_directions_and_unfreezing_takes_them_away() -> None:
    book = books()
    frozen = []
    for event in (
        AccountFrozen(ANA, DEBITS, "why"),
        AccountFrozen(ANA, CREDITS, "why"),
        AccountUnfrozen(ANA, DEBITS, "why"),
        AccountChanged(ANA, {"a": "1"}),
        AccountUnfrozen(ANA, CREDITS, "why"),
    ):
        book.apply(event)
        frozen.append(book.account(ANA).frozen)
    assert frozen == [DEBITS, BOTH, CREDITS, CREDITS, frozenset()]
    assert book.account(ANA).version == 6


def test_what_is_held_on_a_frozen_account_can_be_let_go() -> None:
    book = in_use()
    book.apply(AccountFrozen(ANA, BOTH, "why"))
    book.apply(LedgerFrozen("why"))
    assert release(book, ReleaseDraft("hold_1"))
    assert expire(book, ["hold_1"], NOW) == []


@pytest.mark.parametrize("path", [ANA, BEN])
def test_an_archived_account_takes_no_entry_at_all(path: str) -> None:
    book = in_use()
    book.apply(AccountArchived(path, "why"))
    assert {refusal(book, ask) for ask in ASKS.values()} == {ArchivedAccount}
    book.apply(AccountRestored(path, "why"))
    assert {refusal(book, ask) for ask in ASKS.values()} == {None}


def test_an_archived_account_keeps_what_it_was_and_its_path() -> None:
    book = books()
    book.apply(AccountChanged(ANA, {"a": "1"}))
    before = book.account(ANA)
    book.apply(AccountArchived(ANA, "why"))
    assert book.account(ANA) == Account(
        before.number, ANA, before.type, AccountStatus.ARCHIVED, metadata={"a": "1"}, version=3
    )
    with pytest.raises(ArchivedAccount):
        post(book, draft(*move(BANK, ANA, 5)), NOW)  # and so does not open another one there


def test_a_frozen_ledger_takes_nothing_until_it_is_unfrozen() -> None:
    book = in_use()
    book.apply(LedgerFrozen("why"))
    assert {refusal(book, ask) for ask in ASKS.values()} == {FrozenLedger}
    book.apply(LedgerUnfrozen("why"))
    assert {refusal(book, ask) for ask in ASKS.values()} == {None}


def test_each_change_of_a_ledger_counts_as_a_version() -> None:
    book = books()
    book.settings = type(book.settings)("Main", version=1)
    for event in (LedgerFrozen("a"), LedgerArchived("b"), LedgerRestored("c"), LedgerUnfrozen("d")):
        book.apply(event)
    assert (book.settings.is_frozen, book.settings.is_archived, book.settings.version) == (False, False, 5)


# Whether anything is left.


def test_what_is_posted_or_held_is_not_empty() -> None:
    book = books()
    assert nonzero(book) == []
    pay(book, *move(ANA, BEN, 100), id="txn_1")
    assert sorted(nonzero(book)) == [(ANA, "EUR"), (BEN, "EUR")]
    reversed_entries(book, "txn_1")
    assert nonzero(book) == []
    hold(book, *move(ANA, BEN, 100))
    assert sorted(nonzero(book)) == [(ANA, "EUR"), (BEN, "EUR")]
    take(book, release(book, ReleaseDraft("hold_1")))
    assert nonzero(book) == []


def test_what_is_left_is_told_in_figures() -> None:
    detail, facts = shown_remainder(in_use(), (ANA, "EUR"))
    assert facts == {
        "account": ANA,
        "asset": "EUR",
        "balance": "9.00",
        "held_debits": "1.00",
        "held_credits": "0.00",
    }
    assert "9.00 EUR" in detail
