from datetime import timedelta

import pytest

from domain.ledger.account import AccountType, EntryAccountNotFound
from domain.ledger.asset import TooManyDecimals, UnknownAsset
from domain.ledger.book import Book
from domain.ledger.chart import Rule
from domain.ledger.events import AccountOpened, AssetRegistered, ChartSet, TransactionPosted
from domain.ledger.posting import post
from domain.ledger.transaction import (
    DuplicateReference,
    EffectiveInFuture,
    TransactionDraft,
    TransactionKind,
    UnbalancedTransaction,
)
from domain.shared.errors import DomainError, ErrorKind, ValidationFailed
from domain.shared.patterns import Pattern
from tests.builders import EUR, JPY, NOW, credit, credited, debit, debited, draft, payment


def book_of_a_shop() -> Book:
    book = Book()
    book.apply(AssetRegistered("EUR", 2))
    book.apply(AssetRegistered("POINTS", 3))
    book.apply(AccountOpened("assets:bank", AccountType.ASSET))
    book.apply(AccountOpened("income:sales", AccountType.INCOME))
    book.apply(AccountOpened("users:42", AccountType.LIABILITY))
    return book


def test_a_posting_on_open_accounts_in_a_known_asset_is_one_event() -> None:
    asked = draft(
        debit("assets:bank", "100.00"),
        credit("income:sales", "84.03"),
        credit("users:42", "15.97"),
        id="txn_1",
        reference="order-1",
        description="Order 1",
        effective_at=NOW - timedelta(days=3),
        metadata={"order": "1"},
    )
    assert post(book_of_a_shop(), asked, NOW) == [
        TransactionPosted(
            id="txn_1",
            entries=(debited("assets:bank", 10_000), credited("income:sales", 8_403), credited("users:42", 1_597)),
            effective_at=NOW - timedelta(days=3),
            reference="order-1",
            description="Order 1",
            kind=TransactionKind.ORDINARY,
            metadata={"order": "1"},
        )
    ]


def test_a_posting_that_says_no_time_is_effective_now() -> None:
    *_, posted = post(book_of_a_shop(), payment(), NOW)
    assert isinstance(posted, TransactionPosted)
    assert posted.effective_at == NOW


def test_posting_changes_nothing_in_the_book() -> None:
    book, same = book_of_a_shop(), book_of_a_shop()
    post(book, payment(debit_to="expenses:new", asset="JPY", amount="5"), NOW)
    assert book == same


def test_an_account_is_opened_by_its_first_entry_where_the_chart_gives_its_type() -> None:
    book = book_of_a_shop()
    book.apply(ChartSet((Rule(Pattern("users:*:wallet"), AccountType.LIABILITY),)))
    events = post(book, payment(debit_to="expenses:fees", credit_to="users:7:wallet"), NOW)
    assert events[:-1] == [
        AccountOpened("expenses:fees", AccountType.EXPENSE),
        AccountOpened("users:7:wallet", AccountType.LIABILITY),
    ]
    assert isinstance(events[-1], TransactionPosted)


def test_two_entries_on_the_same_new_account_open_it_once() -> None:
    asked = draft(debit("assets:new", "1.00"), debit("assets:new", "2.00"), credit("assets:new", "3.00"))
    events = post(book_of_a_shop(), asked, NOW)
    assert [type(event) for event in events] == [AccountOpened, TransactionPosted]


def test_a_currency_is_registered_at_its_first_use_with_its_standard_scale() -> None:
    asked = draft(
        debit("assets:bank", "500", "JPY"),
        credit("income:sales", "500", "JPY"),
        debit("assets:bank", "1.234", "KWD"),
        credit("income:sales", "1.234", "KWD"),
    )
    events = post(book_of_a_shop(), asked, NOW)
    assert events[:-1] == [AssetRegistered("JPY", 0), AssetRegistered("KWD", 3)]
    assert isinstance(events[-1], TransactionPosted)
    assert events[-1].entries[0] == debited("assets:bank", 500, JPY)
    assert events[-1].entries[2].amount == 1_234


def test_a_registered_scale_comes_before_the_standard_one() -> None:
    book = book_of_a_shop()
    book.apply(AssetRegistered("JPY", 2))
    *_, posted = post(book, payment("0.05", asset="JPY"), NOW)
    assert isinstance(posted, TransactionPosted)
    assert posted.entries[0].amount == 5
    assert posted.entries[0].asset.scale == 2


def test_assets_are_registered_and_accounts_opened_before_the_transaction() -> None:
    events = post(Book(), payment(), NOW)
    assert [event.type for event in events] == [
        "asset.registered",
        "account.opened",
        "account.opened",
        "transaction.posted",
    ]
    book = Book()
    for event in events:
        book.apply(event)
    assert book.assets["EUR"] == EUR


BAD_SECOND = [debit("assets:bank", "1.00")]


@pytest.mark.parametrize(
    ("asked", "refusal", "pointer"),
    [
        (draft(*BAD_SECOND, credit("users:43", "1.00")), EntryAccountNotFound, "/entries/1/account"),
        (draft(*BAD_SECOND, credit("income: sales", "1.00")), ValidationFailed, "/entries/1/account"),
        (draft(*BAD_SECOND, credit("", "1.00")), ValidationFailed, "/entries/1/account"),
        (draft(*BAD_SECOND, credit("income:\ud800", "1.00")), ValidationFailed, "/entries/1/account"),
        (draft(*BAD_SECOND, credit("income:sales", "1.00", "BTC")), UnknownAsset, "/entries/1/asset"),
        (draft(*BAD_SECOND, credit("income:sales", "1.00", "eur")), ValidationFailed, "/entries/1/asset"),
        (draft(*BAD_SECOND, credit("income:sales", "1.00", "")), ValidationFailed, "/entries/1/asset"),
        (draft(*BAD_SECOND, credit("income:sales", "1.000")), TooManyDecimals, "/entries/1/amount"),
        (draft(*BAD_SECOND, credit("income:sales", "-1.00")), ValidationFailed, "/entries/1/amount"),
        (draft(*BAD_SECOND, credit("income:sales", "0")), ValidationFailed, "/entries/1/amount"),
        (draft(*BAD_SECOND, credit("income:sales", "1e3")), ValidationFailed, "/entries/1/amount"),
        (draft(*BAD_SECOND, credit("income:sales", "1.01")), UnbalancedTransaction, "/entries"),
        (draft(*BAD_SECOND, credit("income:sales", "1.000", "POINTS")), UnbalancedTransaction, "/entries"),
        (draft(), ValidationFailed, "/entries"),
        (draft(*BAD_SECOND), ValidationFailed, "/entries"),
        (draft(*[debit("assets:bank", "1"), credit("users:42", "1")] * 2_501), ValidationFailed, "/entries"),
        (payment(reference="taken"), DuplicateReference, "/reference"),
        (payment(reference=""), ValidationFailed, "/reference"),
        (payment(reference="a\nb"), ValidationFailed, "/reference"),
        (payment(reference="r" * 256), ValidationFailed, "/reference"),
        (draft(*payment().entries, description="d" * 1_001), ValidationFailed, "/description"),
        (draft(*payment().entries, description="\x00"), ValidationFailed, "/description"),
        (draft(*payment().entries, metadata={"k": "v" * 1_001}), ValidationFailed, "/metadata/k"),
        (draft(*payment().entries, effective_at=NOW + timedelta(hours=1)), EffectiveInFuture, "/effective_at"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_posting_that_breaks_a_rule_is_refused_with_the_part_to_blame(
    asked: TransactionDraft, refusal: type[DomainError], pointer: str
) -> None:
    book = book_of_a_shop()
    for event in post(book, payment(reference="taken", id="txn_first"), NOW):
        book.apply(event)
    with pytest.raises(refusal) as refused:
        post(book, asked, NOW)
    assert type(refused.value) is refusal
    assert [blame.pointer for blame in refused.value.blames] == [pointer]


def test_a_taken_reference_is_refused_with_the_transaction_that_has_it() -> None:
    book = book_of_a_shop()
    for event in post(book, payment(reference="taken", id="txn_first"), NOW):
        book.apply(event)
    with pytest.raises(DuplicateReference, match="txn_first"):
        post(book, payment(reference="taken"), NOW)


def test_an_account_that_a_posting_lacks_is_no_missing_page() -> None:
    with pytest.raises(EntryAccountNotFound) as refused:
        post(book_of_a_shop(), payment(credit_to="users:43"), NOW)
    assert refused.value.kind is ErrorKind.REFUSED
    assert refused.value.code == "account-not-found"


def test_a_posting_may_take_five_thousand_entries() -> None:
    asked = draft(*[debit("assets:bank", "1"), credit("users:42", "1")] * 2_500)
    *_, posted = post(book_of_a_shop(), asked, NOW)
    assert isinstance(posted, TransactionPosted)
    assert len(posted.entries) == 5_000
