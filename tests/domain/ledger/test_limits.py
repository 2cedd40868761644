"""Floors and ceilings (rule 10)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger.account import AccountType
from domain.ledger.asset import Asset, TooManyDecimals, UnknownAsset
from domain.ledger.book import Book
from domain.ledger.chart import Rule
from domain.ledger.events import AccountChanged, AccountOpened, AssetRegistered, ChartSet, TransactionPosted
from domain.ledger.hold import HoldDraft
from domain.ledger.holding import place
from domain.ledger.limit import InsufficientFunds, Limit, LimitDraft, LimitExceeded
from domain.ledger.limiting import drafted_limits
from domain.ledger.posting import post
from domain.ledger.transaction import EntryDraft
from domain.shared.errors import Blame, DomainError, ValidationFailed
from domain.shared.patterns import Pattern
from tests.accounting import (
    ANA,
    BANK,
    BEN,
    SALES,
    available_cents,
    books,
    captured,
    euros,
    hold,
    limit_account,
    move,
    pay,
    posted_cents,
)
from tests.builders import EUR, JPY, NOW, credit, debit, draft


def of_users(*limits: Limit) -> ChartSet:
    return ChartSet((Rule(Pattern("users:*"), AccountType.LIABILITY, limits),))


def refused(book: Book, *entries: EntryDraft, is_hold: bool = False) -> DomainError | None:
    """The refusal of a posting or a hold of these entries, if it is refused."""
    try:
        if is_hold:
            place(book, HoldDraft("hold_9", entries), NOW)
        else:
            post(book, draft(*entries), NOW)
    except DomainError as refusal:
        return refusal
    return None


def pays_out(book: Book, cents: int) -> type[DomainError] | None:
    """Why Ana cannot be paid out so much, if she can't."""
    refusal = refused(book, *move(ANA, BANK, cents))
    return None if refusal is None else type(refusal)


def pays_in(book: Book, cents: int) -> type[DomainError] | None:
    """Why Ana cannot pay in so much, if she can't."""
    refusal = refused(book, *move(BANK, ANA, cents))
    return None if refusal is None else type(refusal)


def test_without_a_limit_an_account_may_go_anywhere() -> None:
    assert pays_out(books(), 1_000_000) is None


@pytest.mark.parametrize("minimum", [0, 300, -300])
def test_an_account_may_fall_to_its_floor_and_not_below(minimum: int) -> None:
    book = books(ana=1_000)
    limit_account(book, ANA, euros(minimum=minimum))
    assert pays_out(book, 1_000 - minimum) is None
    assert pays_out(book, 1_000 - minimum + 1) is InsufficientFunds


@pytest.mark.parametrize("maximum", [1_000, 1_500])
def test_an_account_may_rise_to_its_ceiling_and_not_above(maximum: int) -> None:
    book = books(ana=500)
    limit_account(book, ANA, euros(maximum=maximum))
    assert pays_in(book, maximum - 500) is None
    assert pays_in(book, maximum - 500 + 1) is LimitExceeded


def test_an_account_that_grows_by_debits_falls_by_credits() -> None:
    book = books(ana=1_000)  # so the bank has a thousand, too
    limit_account(book, BANK, euros(minimum=0, maximum=1_200))
    assert refused(book, *move(ANA, BANK, 1_000)) is None
    assert isinstance(refused(book, *move(ANA, BANK, 1_001)), InsufficientFunds)
    assert refused(book, *move(BANK, ANA, 200)) is None
    assert isinstance(refused(book, *move(BANK, ANA, 201)), LimitExceeded)


def test_a_limit_is_of_its_own_asset() -> None:
    book = books(ana=1_000)
    book.apply(AssetRegistered("JPY", 0))
    limit_account(book, ANA, euros(minimum=0))
    assert refused(book, debit(ANA, "5", "JPY"), credit(BANK, "5", "JPY")) is None
    limit_account(book, ANA, euros(minimum=0, asset=JPY))
    assert isinstance(refused(book, debit(ANA, "5", "JPY"), credit(BANK, "5", "JPY")), InsufficientFunds)
    assert pays_out(book, 5_000) is None


# Whose limit it is.


def test_the_chart_limits_an_account_that_sets_no_limit_of_its_own() -> None:
    book = books(ana=1_000)
    book.apply(of_users(euros(minimum=0)))
    assert pays_out(book, 1_001) is InsufficientFunds


def test_an_accounts_own_limit_comes_before_the_charts() -> None:
    book = books(ana=1_000)
    book.apply(of_users(euros(minimum=0, maximum=1_000)))
    limit_account(book, ANA, euros(minimum=-200))
    assert pays_out(book, 1_200) is None
    assert pays_out(book, 1_201) is InsufficientFunds
    assert pays_in(book, 1) is None  # the own limit stands in the place of the chart's as a whole


def test_an_own_limit_in_one_asset_leaves_the_charts_in_others() -> None:
    book = books(ana=1_000)
    book.apply(AssetRegistered("JPY", 0))
    book.apply(of_users(euros(minimum=0), euros(minimum=0, asset=JPY)))
    limit_account(book, ANA, euros(minimum=-200))
    assert isinstance(refused(book, debit(ANA, "1", "JPY"), credit(BANK, "1", "JPY")), InsufficientFunds)


def test_a_limit_without_bounds_lifts_the_charts() -> None:
    book = books(ana=1_000)
    book.apply(of_users(euros(minimum=0)))
    limit_account(book, ANA, euros())
    assert pays_out(book, 5_000) is None
    assert refused(book, *move(BEN, BANK, 1)) is not None


def test_a_changed_chart_applies_at_once_to_accounts_that_are_open() -> None:
    book = books(ana=1_000)
    book.apply(of_users(euros(minimum=0)))
    assert pays_out(book, 1_001) is InsufficientFunds
    book.apply(of_users(euros(minimum=-100)))
    assert pays_out(book, 1_001) is None
    book.apply(of_users(euros(minimum=900)))
    assert pays_out(book, 101) is InsufficientFunds
    book.apply(ChartSet(()))
    assert pays_out(book, 5_000) is None


def test_the_first_rule_that_fits_gives_the_limits() -> None:
    book = books(ana=1_000)
    first = Rule(Pattern(ANA), AccountType.LIABILITY)
    book.apply(ChartSet((first, Rule(Pattern("users:*"), AccountType.LIABILITY, (euros(minimum=0),)))))
    assert pays_out(book, 2_000) is None
    assert isinstance(refused(book, *move(BEN, BANK, 1)), InsufficientFunds)


def test_an_account_that_a_posting_opens_has_the_charts_limits_from_the_start() -> None:
    book = books()
    book.apply(of_users(euros(minimum=0, maximum=700)))
    assert isinstance(refused(book, *move("users:new", BANK, 1)), InsufficientFunds)
    assert isinstance(refused(book, *move(BANK, "users:new", 701)), LimitExceeded)
    assert refused(book, *move(BANK, "users:new", 700)) is None


def test_the_type_of_an_account_that_a_posting_opens_says_which_way_it_falls() -> None:
    book = books()
    rule = Rule(Pattern("tills:*"), AccountType.ASSET, (euros(minimum=0),))
    book.apply(ChartSet((rule,)))
    assert refused(book, *move("tills:1", SALES, 5)) is None
    assert isinstance(refused(book, *move(SALES, "tills:1", 5)), InsufficientFunds)


# A limit that is broken already.


def test_an_account_below_its_floor_takes_whatever_does_not_make_that_worse() -> None:
    book = books(ana=500, ben=100)
    limit_account(book, ANA, euros(minimum=1_000))
    assert pays_in(book, 1) is None  # better, though still below
    assert refused(book, *move(ANA, BANK, 100), *move(BEN, ANA, 100)) is None  # the same
    assert refused(book, *move(ANA, BANK, 99), *move(BEN, ANA, 100)) is None
    assert pays_out(book, 1) is InsufficientFunds
    assert isinstance(refused(book, *move(ANA, BANK, 100), *move(BEN, ANA, 99)), InsufficientFunds)


def test_an_account_above_its_ceiling_takes_whatever_does_not_make_that_worse() -> None:
    book = books(ana=500)
    limit_account(book, ANA, euros(maximum=300))
    assert pays_out(book, 1) is None
    assert refused(book, *move(ANA, BANK, 100), *move(BANK, ANA, 100)) is None
    assert pays_in(book, 1) is LimitExceeded


def test_a_floor_that_is_raised_above_the_balance_changes_nothing_by_itself() -> None:
    book = books(ana=500)
    limit_account(book, ANA, euros(minimum=0))
    limit_account(book, ANA, euros(minimum=600))
    assert posted_cents(book, ANA) == 500
    assert pays_in(book, 50) is None
    assert pays_out(book, 1) is InsufficientFunds


# Net and gross.


def test_a_posting_is_judged_net_per_account() -> None:
    book = books(ana=500)
    limit_account(book, ANA, euros(minimum=0, maximum=500))
    assert refused(book, *move(ANA, BANK, 800), *move(BANK, ANA, 300)) is None
    assert isinstance(refused(book, *move(ANA, BANK, 800), *move(BANK, ANA, 299)), InsufficientFunds)
    assert refused(book, *move(BANK, ANA, 800), *move(ANA, BANK, 800)) is None
    assert isinstance(refused(book, *move(BANK, ANA, 800), *move(ANA, BANK, 799)), LimitExceeded)


def test_a_hold_is_judged_gross_as_captures_may_take_it_apart() -> None:
    book = books(ana=500)
    limit_account(book, ANA, euros(minimum=0))
    assert isinstance(refused(book, *move(ANA, BANK, 800), *move(BANK, ANA, 800), is_hold=True), InsufficientFunds)
    assert refused(book, *move(ANA, BANK, 500), *move(BANK, ANA, 900), is_hold=True) is None
    limit_account(book, ANA, euros(maximum=1_000))
    assert isinstance(refused(book, *move(ANA, BANK, 501), *move(BANK, ANA, 501), is_hold=True), LimitExceeded)
    assert refused(book, *move(ANA, BANK, 500), *move(BANK, ANA, 500), is_hold=True) is None


# Holds count.


def test_what_is_held_for_taking_is_not_available() -> None:
    book = books(ana=1_000)
    limit_account(book, ANA, euros(minimum=0))
    hold(book, *move(ANA, BANK, 600))
    assert (posted_cents(book, ANA), available_cents(book, ANA)) == (1_000, 400)
    assert pays_out(book, 400) is None
    assert pays_out(book, 401) is InsufficientFunds
    assert refused(book, *move(ANA, BANK, 400), is_hold=True) is None
    assert isinstance(refused(book, *move(ANA, BANK, 401), is_hold=True), InsufficientFunds)


def test_what_is_held_for_bringing_cannot_be_spent_and_counts_towards_the_ceiling() -> None:
    book = books(ana=400)
    limit_account(book, ANA, euros(minimum=0, maximum=1_000))
    hold(book, *move(BANK, ANA, 500))
    assert available_cents(book, ANA) == 400
    assert pays_out(book, 401) is InsufficientFunds
    assert pays_in(book, 100) is None
    assert pays_in(book, 101) is LimitExceeded
    assert isinstance(refused(book, *move(BANK, ANA, 101), is_hold=True), LimitExceeded)


def test_a_capture_is_within_the_limits_that_its_hold_was_placed_in() -> None:
    book = books(ana=1_000)
    limit_account(book, ANA, euros(minimum=0))
    hold(book, *move(ANA, BANK, 600))
    limit_account(book, ANA, euros(minimum=2_000))  # raised since: what was reserved stays reserved
    captured(book)
    assert posted_cents(book, ANA) == available_cents(book, ANA) == 400


# What a refusal says.


def test_a_broken_floor_says_which_account_what_limit_what_is_available_and_what_was_asked() -> None:
    book = books(ana=1_000)
    limit_account(book, ANA, euros(minimum=-50))
    hold(book, *move(ANA, BANK, 300))
    refusal = refused(book, debit(ANA, "4.00"), debit(BEN, "1.00"), debit(ANA, "3.51"), credit(BANK, "8.51"))
    assert isinstance(refusal, InsufficientFunds)
    assert refusal.facts == {
        "account": ANA,
        "asset": "EUR",
        "limit": "-0.50",
        "available": "7.00",
        "asked": "7.51",
    }
    # Of the two entries, one is enough.
    assert refusal.blames == (Blame("/entries/0/amount", refusal.detail),)


def test_the_entry_to_blame_is_one_that_makes_it_worse() -> None:
    book = books(ana=100)
    limit_account(book, ANA, euros(minimum=0, maximum=500))
    there_and_back = refused(book, *move(BANK, ANA, 10), *move(ANA, BANK, 111))
    assert isinstance(there_and_back, InsufficientFunds)
    assert [blame.pointer for blame in there_and_back.blames] == ["/entries/2/amount"]
    up = refused(book, *move(ANA, BANK, 10), *move(BANK, ANA, 411), *move(BANK, ANA, 1))
    assert isinstance(up, LimitExceeded)
    assert [blame.pointer for blame in up.blames] == ["/entries/3/amount"]


def test_a_broken_ceiling_says_the_same() -> None:
    book = books(ana=100)
    limit_account(book, ANA, euros(maximum=200))
    hold(book, *move(ANA, BEN, 30), *move(BANK, ANA, 60))
    refusal = refused(book, *move(BANK, ANA, 41))
    assert isinstance(refusal, LimitExceeded)
    assert refusal.facts == {
        "account": ANA,
        "asset": "EUR",
        "limit": "2.00",
        "available": "0.70",
        "asked": "0.41",
    }
    assert refusal.blames == (Blame("/entries/1/amount", refusal.detail),)


# Limits as they are asked for.


def test_limits_are_read_in_the_scale_of_their_asset_and_ordered_by_it() -> None:
    new: dict[str, Asset] = {}
    asked = [LimitDraft("JPY", None, "5"), LimitDraft("EUR", "-1.5", "2.00")]
    assert drafted_limits(books(), asked, new, pointer="/limits") == (Limit(EUR, -150, 200), Limit(JPY, None, 5))
    assert new == {"JPY": JPY}


@pytest.mark.parametrize(
    ("asked", "refusal", "pointer"),
    [
        ([LimitDraft("EUR", "1.00", "0.99")], ValidationFailed, "/limits/0/minimum"),
        ([LimitDraft("EUR", "1.000")], TooManyDecimals, "/limits/0/minimum"),
        ([LimitDraft("EUR", maximum="1e3")], ValidationFailed, "/limits/0/maximum"),
        ([LimitDraft("EUR", "0"), LimitDraft("BTC", "0")], UnknownAsset, "/limits/1/asset"),
        ([LimitDraft("eur", "0")], ValidationFailed, "/limits/0/asset"),
        ([LimitDraft("EUR", "0"), LimitDraft("EUR", "1")], ValidationFailed, "/limits/1/asset"),
        ([LimitDraft("EUR", "0")] * 101, ValidationFailed, "/limits"),
    ],
)
def test_limits_that_make_no_sense_are_refused_with_the_part_to_blame(
    asked: list[LimitDraft], refusal: type[DomainError], pointer: str
) -> None:
    with pytest.raises(refusal) as no:
        drafted_limits(books(), asked, {}, pointer="/limits")
    assert type(no.value) is refusal
    assert [blame.pointer for blame in no.value.blames] == [pointer]


def test_equal_bounds_pin_a_balance() -> None:
    assert drafted_limits(books(), [LimitDraft("EUR", "1", "1")], {}, pointer="") == (Limit(EUR, 100, 100),)


def test_a_limit_fixes_the_scale_of_its_asset() -> None:
    book = Book()
    book.apply(AssetRegistered("EUR", 2))
    assert book.used_assets == set()
    book.apply(AccountOpened("a", AccountType.ASSET, {}, (euros(0),)))
    assert book.used_assets == {"EUR"}


@pytest.mark.parametrize("event", [of_users(euros(0)), AccountChanged(ANA, {}, (euros(0),))], ids=["chart", "account"])
def test_a_limit_given_later_fixes_it_too(event: ChartSet | AccountChanged) -> None:
    book = books()
    assert book.used_assets == set()
    book.apply(event)
    assert book.used_assets == {"EUR"}


MOVES = st.lists(st.tuples(st.booleans(), st.integers(1, 2_000)), max_size=20)


@given(MOVES, st.integers(-500, 500), st.integers(500, 1_500))
def test_no_posting_ever_breaks_a_limit(moves: list[tuple[bool, int]], minimum: int, maximum: int) -> None:
    book = books(ana=500)
    limit_account(book, ANA, euros(minimum, maximum))
    for is_in, cents in moves:
        giver, taker = (BANK, ANA) if is_in else (ANA, BANK)
        before = posted_cents(book, ANA)
        refusal = refused(book, *move(giver, taker, cents))
        after = before + (cents if is_in else -cents)
        assert (refusal is None) == (minimum <= after <= maximum)
        if refusal is None:
            assert isinstance(pay(book, *move(giver, taker, cents)), TransactionPosted)
        assert minimum <= posted_cents(book, ANA) <= maximum
