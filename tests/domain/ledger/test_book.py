import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger.account import Account, AccountNotFound, AccountType
from domain.ledger.asset import Asset
from domain.ledger.balance import Balance
from domain.ledger.book import Book
from domain.ledger.chart import Chart, Rule
from domain.ledger.effect import Effect, Line
from domain.ledger.events import (
    AccountChanged,
    AccountOpened,
    AssetRegistered,
    ChartSet,
    LedgerChanged,
    LedgerCreated,
    TransactionChanged,
    TransactionPosted,
)
from domain.ledger.posted import PostedTransaction
from domain.ledger.scope import Scope
from domain.ledger.settings import LedgerSettings
from domain.shared.errors import NotFound
from domain.shared.patterns import Pattern
from tests.builders import EUR, NOW, credited, debited

POSTED = TransactionPosted(
    "txn_1",
    (debited("bank", 5), credited("sales", 3), credited("sales", 2)),
    NOW,
    reference="r",
    metadata={"a": "1"},
)


def opened() -> Book:
    book = Book()
    book.apply(LedgerCreated("Main", "UTC", {"m": "1"}))
    book.apply(AssetRegistered("EUR", 2))
    book.apply(AccountOpened("bank", AccountType.ASSET, {"iban": "DE1"}))
    book.apply(AccountOpened("sales", AccountType.INCOME))
    return book


def test_each_event_takes_the_next_sequence() -> None:
    book = opened()
    assert book.sequence == 4
    book.apply(ChartSet(()))
    assert book.sequence == 5


def test_an_opened_account_has_the_sequence_of_its_event_for_a_number() -> None:
    assert opened().account("bank") == Account(3, "bank", AccountType.ASSET, metadata={"iban": "DE1"}, version=1)


def test_a_changed_account_has_new_metadata_and_the_next_version() -> None:
    book = opened()
    assert book.apply(AccountChanged("bank", {"iban": "DE2"})) == Effect()
    assert book.account("bank") == Account(3, "bank", AccountType.ASSET, metadata={"iban": "DE2"}, version=2)


def test_a_posting_leaves_a_line_for_each_entry_with_the_balance_after_it() -> None:
    book = opened()
    bank, sales = book.account("bank"), book.account("sales")
    debit, first, second = POSTED.entries
    assert book.apply(POSTED).lines == (
        Line(debit, bank, Balance(5, 0, 1)),
        Line(first, sales, Balance(0, 3, 1)),
        Line(second, sales, Balance(0, 5, 2)),
    )
    assert book.balances == {("bank", "EUR"): Balance(5, 0, 1), ("sales", "EUR"): Balance(0, 5, 2)}
    assert book.used_assets == {"EUR"}


def test_a_posting_is_known_by_its_id_and_its_reference() -> None:
    book = opened()
    book.apply(POSTED)
    assert book.references == {"r": "txn_1"}
    assert book.transaction("txn_1") == PostedTransaction(
        5, "txn_1", "r", {"a": "1"}, POSTED.entries, POSTED.effective_at
    )


def test_a_changed_transaction_has_new_metadata_and_keeps_its_reference() -> None:
    book = opened()
    book.apply(POSTED)
    book.apply(TransactionChanged("txn_1", {}))
    assert book.transaction("txn_1") == PostedTransaction(
        5, "txn_1", "r", {}, POSTED.entries, POSTED.effective_at, version=2
    )


def test_an_asset_registered_again_has_the_new_scale_and_the_next_version() -> None:
    book = opened()
    book.apply(AssetRegistered("EUR", 3))
    assert book.assets == {"EUR": Asset("EUR", 3, 2)}


def test_the_chart_is_the_last_one_set() -> None:
    book = opened()
    rule = Rule(Pattern("**"), AccountType.EQUITY)
    book.apply(ChartSet((rule,)))
    assert book.chart == Chart((rule,), 2)


def test_settings_are_the_last_ones_given_and_the_time_zone_stays() -> None:
    book = Book()
    book.apply(LedgerCreated("Main", "UTC", {"m": "1"}))
    assert book.settings == LedgerSettings("Main", "UTC", {"m": "1"}, 1)
    book.apply(LedgerChanged("Other", {}))
    assert book.settings == LedgerSettings("Other", "UTC", {}, 2)


def test_what_is_not_there_is_not_found() -> None:
    with pytest.raises(AccountNotFound, match="nowhere"):
        Book().account("nowhere")
    with pytest.raises(NotFound, match="txn_9"):
        Book().transaction("txn_9")


@pytest.mark.parametrize("start", [Book.fork, Book.trial])
def test_a_fork_or_a_trial_leaves_the_book_alone(start: Callable[[Book], Book]) -> None:
    book, untouched = opened(), opened()
    fork = start(book)
    assert fork == book
    for event in (
        POSTED,
        TransactionChanged("txn_1", {}),
        AccountOpened("other", AccountType.EQUITY),
        AccountChanged("bank", {}),
        AssetRegistered("JPY", 0),
        ChartSet((Rule(Pattern("**"), AccountType.EQUITY),)),
        LedgerChanged("Other", {}),
    ):
        fork.apply(event)
    assert book == untouched
    assert fork.sequence == 11


def with_accounts(count: int) -> Book:
    book = Book()
    book.apply(AssetRegistered("EUR", 2))
    for number in range(count):
        book.apply(AccountOpened(f"a:{number}", AccountType.ASSET))
    return book


def memory_of_trial(book: Book) -> int:
    tracemalloc.start()
    trial = book.trial()
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert trial == book
    return taken


def test_a_trial_takes_no_more_of_a_large_book_than_of_a_small_one() -> None:
    assert memory_of_trial(with_accounts(10_000)) < 2 * memory_of_trial(with_accounts(1))


def test_applying_to_a_book_leaves_its_forks_alone() -> None:
    book = opened()
    fork = book.fork()
    book.apply(POSTED)
    assert fork == opened()


NAMES = st.lists(st.sampled_from("abcdef"), max_size=4)
SCOPES = st.builds(
    Scope,
    accounts=NAMES,
    balances=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("XYZ"))),
    assets=NAMES,
    asset_uses=NAMES,
    references=NAMES,
    transactions=NAMES,
    holds=NAMES,
    reversals=NAMES,
    whole_accounts=NAMES,
    periods=NAMES,
    results=st.lists(st.sampled_from([NOW, NOW.replace(year=2027)])),
    unsettled=st.booleans(),
)
PARTS = tuple(part for part in Scope.__slots__ if part != "unsettled")


@given(st.lists(SCOPES, max_size=4))
def test_a_union_of_scopes_sees_what_any_of_them_sees_each_thing_once(scopes: list[Scope]) -> None:
    union = Scope.union(scopes)
    for part in PARTS:
        seen = list(getattr(union, part))
        assert sorted(seen) == sorted({name for scope in scopes for name in getattr(scope, part)})
    assert union.unsettled == any(scope.unsettled for scope in scopes)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc"), st.integers(1, 10**30)), max_size=30))
def test_over_all_accounts_debits_equal_credits(transfers: list[tuple[str, str, int]]) -> None:
    book = Book()
    for name in "abc":
        book.apply(AccountOpened(name, AccountType.ASSET))
    for number, (to, source, amount) in enumerate(transfers):
        book.apply(TransactionPosted(str(number), (debited(to, amount, EUR), credited(source, amount, EUR)), NOW))
    debits = sum(balance.posted_debits for balance in book.balances.values())
    credits = sum(balance.posted_credits for balance in book.balances.values())
    assert debits == credits == sum(amount for _, _, amount in transfers)
