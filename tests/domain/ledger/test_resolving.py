"""Amounts that the books decide, transfers, and conditions."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger.account import AccountType, EntryAccountNotFound
from domain.ledger.asset import TooManyDecimals
from domain.ledger.book import Book
from domain.ledger.events import AccountOpened, AssetRegistered, TransactionPosted
from domain.ledger.posting import post
from domain.ledger.transaction import (
    AmbiguousTransfer,
    BalanceCondition,
    ConditionFailed,
    Direction,
    EntryDraft,
    NothingToMove,
    TransactionDraft,
    TransferDraft,
    UnbalancedTransaction,
)
from domain.shared.errors import DomainError, ValidationFailed
from tests.builders import JPY, NOW, credit, credited, debit, debited, draft, transaction_id

ANA, BEN, BANK = "users:ana", "users:ben", "assets:bank"


def books(**wallets: int) -> Book:
    """Books with a bank and two wallets, in which this much was paid in, in cents."""
    book = Book()
    book.apply(AssetRegistered("EUR", 2))
    book.apply(AccountOpened(BANK, AccountType.ASSET))
    book.apply(AccountOpened("assets:till", AccountType.ASSET))
    book.apply(AccountOpened(ANA, AccountType.LIABILITY))
    book.apply(AccountOpened(BEN, AccountType.LIABILITY))
    for name, cents in wallets.items():
        entries = (debited(BANK, cents), credited(f"users:{name}", cents))
        if cents < 0:
            entries = (credited(BANK, -cents), debited(f"users:{name}", -cents))
        book.apply(TransactionPosted(transaction_id(), entries, NOW))
    return book


def entries_of(book: Book, asked: TransactionDraft) -> tuple[Any, ...]:
    posted = post(book, asked, NOW)[-1]
    assert isinstance(posted, TransactionPosted)
    return posted.entries


def transfer(giver: str, taker: str, amount: str = "5.00", up_to: str | None = None) -> TransactionDraft:
    return TransactionDraft(transaction_id(), (), transfer=TransferDraft(giver, taker, amount, "EUR", up_to))


def taking(up_to: str | None = None) -> TransactionDraft:
    """All of Ana's, or at most so much, paid out of the bank."""
    return draft(EntryDraft(ANA, Direction.DEBIT, "all", "EUR", up_to), credit(BANK, "rest"))


def asserting(**condition: Any) -> TransactionDraft:
    """A payment of one euro by Ana, if the condition on her balance holds."""
    asked = EntryDraft(ANA, Direction.DEBIT, "1.00", "EUR", condition=BalanceCondition(**condition))
    return draft(asked, credit(BANK, "1.00"))


def test_all_is_what_is_available_and_rest_what_the_others_leave_open() -> None:
    assert entries_of(books(ana=1_234), taking()) == (debited(ANA, 1_234), credited(BANK, 1_234))


@pytest.mark.parametrize(("up_to", "moved"), [("5.00", 500), ("12.34", 1_234), ("100.00", 1_234)])
def test_up_to_is_at_most_so_much_of_all(up_to: str, moved: int) -> None:
    assert entries_of(books(ana=1_234), taking(up_to)) == (debited(ANA, moved), credited(BANK, moved))


def test_a_rest_is_of_its_own_asset_and_may_be_among_several_entries() -> None:
    book = books(ana=1_000)
    book.apply(AssetRegistered("JPY", 0))
    asked = draft(
        debit(ANA, "all"),
        credit("income:fees", "0.30"),
        credit(BANK, "rest"),
        debit(BANK, "rest", "JPY"),
        credit(ANA, "7", "JPY"),
    )
    assert entries_of(book, asked) == (
        debited(ANA, 1_000),
        credited("income:fees", 30),
        credited(BANK, 970),
        debited(BANK, 7, JPY),
        credited(ANA, 7, JPY),
    )


@pytest.mark.parametrize("cents", [0, -500])
def test_nothing_or_less_than_nothing_is_not_moved(cents: int) -> None:
    book = books(ana=cents) if cents else books()
    with pytest.raises(NothingToMove) as refused:
        post(book, taking(), NOW)
    shown = {0: "0.00", -500: "-5.00"}[cents]
    assert refused.value.facts == {"account": ANA, "asset": "EUR", "available": shown}
    assert refused.value.blames[0].pointer == "/entries/0/amount"


def test_all_of_an_account_that_is_not_open_yet_is_nothing() -> None:
    with pytest.raises(NothingToMove):
        post(books(), draft(credit("assets:new", "all"), debit(BANK, "rest")), NOW)


@pytest.mark.parametrize(
    "entries",
    [
        (debit(ANA, "5.00"), credit(BANK, "5.00"), credit(BEN, "rest")),
        (debit(ANA, "5.00"), debit(BEN, "rest")),
        (debit(ANA, "5.00"), credit(BANK, "6.00"), credit(BEN, "rest")),
    ],
    ids=["none is left", "the same side", "too much"],
)
def test_a_rest_that_is_nothing_or_less_is_not_moved(entries: tuple[EntryDraft, ...]) -> None:
    with pytest.raises(NothingToMove):
        post(books(ana=1_000), draft(*entries), NOW)


@pytest.mark.parametrize(
    ("entries", "pointer"),
    [
        ((debit(ANA, "all"), debit(ANA, "1.00"), credit(BANK, "rest")), "/entries/0/amount"),
        ((credit(ANA, "all"), debit(BANK, "rest")), "/entries/0/amount"),
        ((debit(ANA, "10.00"), credit(BANK, "rest"), credit(BEN, "rest")), "/entries/1/amount"),
        ((EntryDraft(ANA, Direction.DEBIT, "all", "EUR", "ten"), credit(BANK, "rest")), "/entries/0/up_to"),
    ],
    ids=["not the only one", "adds to the account", "two rests", "up to a word"],
)
def test_an_amount_that_the_books_cannot_decide_is_no_valid_one(entries: tuple[EntryDraft, ...], pointer: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        post(books(ana=1_000), draft(*entries), NOW)
    assert [blame.pointer for blame in refused.value.blames] == [pointer]


def test_all_without_a_rest_has_to_balance_by_itself() -> None:
    with pytest.raises(UnbalancedTransaction):
        post(books(ana=1_000), draft(debit(ANA, "all"), credit(BANK, "9.99")), NOW)


@given(st.integers(1, 10**12), st.integers(1, 10**12))
def test_what_is_taken_is_never_more_than_there_is_or_was_asked(there: int, asked: int) -> None:
    up_to = f"{asked // 100}.{asked % 100:02}"
    taken, _ = entries_of(books(ana=there), taking(up_to))
    assert taken.amount == min(there, asked)


def test_a_transfer_between_liabilities_debits_the_giver() -> None:
    assert entries_of(books(ana=1_000), transfer(ANA, BEN)) == (debited(ANA, 500), credited(BEN, 500))


def test_a_transfer_between_assets_credits_the_giver() -> None:
    assert entries_of(books(ana=1_000), transfer(BANK, "assets:till")) == (
        credited(BANK, 500),
        debited("assets:till", 500),
    )


def test_a_transfer_opens_accounts_as_entries_do() -> None:
    opened, posted = post(books(ana=1_000), transfer(BANK, "assets:safe"), NOW)
    assert opened == AccountOpened("assets:safe", AccountType.ASSET)
    assert isinstance(posted, TransactionPosted)
    with pytest.raises(EntryAccountNotFound) as refused:
        post(books(ana=1_000), transfer(ANA, "nobody:knows"), NOW)
    assert refused.value.blames[0].pointer == "/to"


def test_a_transfer_of_all_empties_the_giver() -> None:
    assert entries_of(books(ana=700), transfer(ANA, BEN, "all")) == (debited(ANA, 700), credited(BEN, 700))
    assert entries_of(books(ana=700), transfer(ANA, BEN, "all", "2.00")) == (debited(ANA, 200), credited(BEN, 200))


def test_a_transfer_between_different_sides_is_refused_with_both_readings() -> None:
    with pytest.raises(AmbiguousTransfer) as refused:
        post(books(ana=1_000), transfer(ANA, BANK), NOW)
    assert f"debit {ANA} and credit {BANK}, or credit {ANA} and debit {BANK}" in refused.value.detail


def test_a_transfer_to_oneself_is_refused() -> None:
    with pytest.raises(ValidationFailed):
        post(books(ana=1_000), transfer(ANA, ANA), NOW)


@pytest.mark.parametrize(
    "condition",
    [
        {"at_least": "10.00"},
        {"at_least": "-1.00"},
        {"at_most": "10.00"},
        {"exactly": "10.00"},
        {"balance_version": 1},
        {"at_least": "9.99", "at_most": "10.01", "balance_version": 1},
    ],
    ids=repr,
)
def test_a_condition_that_is_met_lets_the_transaction_pass(condition: dict[str, Any]) -> None:
    assert entries_of(books(ana=1_000), asserting(**condition)) == (debited(ANA, 100), credited(BANK, 100))


@pytest.mark.parametrize(
    ("condition", "pointer", "says"),
    [
        ({"at_least": "10.01"}, "balance_at_least", "has a balance of 10.00 EUR; balance_at_least asks for 10.01"),
        ({"at_most": "9.99"}, "balance_at_most", "has a balance of 10.00 EUR; balance_at_most asks for 9.99"),
        ({"exactly": "-10.00"}, "balance_exactly", "has a balance of 10.00 EUR; balance_exactly asks for -10.00"),
        ({"balance_version": 2}, "balance_version", "is at version 1, not 2"),
    ],
)
def test_a_condition_that_is_not_met_says_which_and_how(condition: dict[str, Any], pointer: str, says: str) -> None:
    with pytest.raises(ConditionFailed) as refused:
        post(books(ana=1_000), asserting(**condition), NOW)
    assert says in refused.value.detail
    assert refused.value.blames[0].pointer == f"/entries/0/{pointer}"
    assert refused.value.facts["account"] == ANA


def test_an_account_that_the_transaction_opens_has_nothing_yet() -> None:
    asked = EntryDraft("assets:new", Direction.DEBIT, "1.00", "EUR", condition=BalanceCondition(exactly="0.00"))
    assert len(post(books(ana=1_000), draft(asked, credit(BANK, "1.00")), NOW)) == 2


def test_conditions_of_two_entries_are_both_judged_before_the_transaction() -> None:
    first = EntryDraft(ANA, Direction.DEBIT, "4.00", "EUR", condition=BalanceCondition(exactly="10.00"))
    second = EntryDraft(ANA, Direction.DEBIT, "6.00", "EUR", condition=BalanceCondition(exactly="10.00"))
    assert len(entries_of(books(ana=1_000), draft(first, second, credit(BANK, "10.00")))) == 3


def test_a_condition_has_no_more_decimals_than_its_asset() -> None:
    with pytest.raises(TooManyDecimals):
        post(books(ana=1_000), asserting(at_least="0.000"), NOW)


def based_on(sequence: int) -> TransactionDraft:
    return TransactionDraft(transaction_id(), (debit(ANA, "1.00"), credit(BEN, "1.00")), based_on=sequence)


def test_a_transaction_passes_if_what_it_touches_has_not_changed_since() -> None:
    book = books(ana=1_000)
    seen = book.sequence
    book.apply(TransactionPosted(transaction_id(), (debited(BANK, 1), credited("assets:till", 1)), NOW))
    assert entries_of(book, based_on(seen))


def test_a_transaction_is_refused_if_what_it_touches_has_changed_since() -> None:
    book = books(ana=1_000)
    seen = book.sequence
    book.apply(TransactionPosted(transaction_id(), (debited(BANK, 1), credited(BEN, 1)), NOW))
    with pytest.raises(ConditionFailed) as refused:
        post(book, based_on(seen), NOW)
    assert f"{BEN} in EUR changed at sequence {seen + 1}, after {seen}" in refused.value.detail


def test_a_transaction_cannot_be_based_on_what_has_not_happened() -> None:
    book = books(ana=1_000)
    with pytest.raises(ConditionFailed):
        post(book, based_on(book.sequence + 1), NOW)


def test_whatever_is_refused_changes_nothing() -> None:
    book = books(ana=1_000)
    before = (book.sequence, dict(book.balances))
    for asked in (transfer(ANA, BANK), based_on(99), asserting(exactly="1.00"), draft(debit(BEN, "all"))):
        with pytest.raises(DomainError):
            post(book, asked, NOW)
    assert (book.sequence, book.balances) == before
