"""Reversals: whole, in part, and of reversals."""

from collections.abc import Mapping
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger.asset import AMOUNT_MAX
from domain.ledger.book import Book
from domain.ledger.effect import LeftLine
from domain.ledger.events import AssetRegistered, PeriodClosed, TransactionPosted
from domain.ledger.limit import InsufficientFunds, LimitExceeded
from domain.ledger.period import InClosedPeriod
from domain.ledger.posted import ReversalDraft, ReversalExceeded
from domain.ledger.reversing import GENERATIONS_MAX, reverse
from domain.ledger.transaction import (
    Direction,
    DuplicateReference,
    EntryDraft,
    Side,
    TransactionKind,
    UnbalancedTransaction,
)
from domain.shared.errors import DomainError, NotFound, ValidationFailed
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
    reversed_entries,
)
from tests.builders import JPY, NOW, credit, credited, debit, debited

DEBIT, CREDIT = Direction.DEBIT, Direction.CREDIT
BEFORE = NOW - timedelta(days=3)


def sold(cents: int = 1_000) -> Book:
    """Books in which one sale was made, three days ago: txn_sale."""
    book = books()
    pay(book, *move(BANK, SALES, cents), id="txn_sale", at=BEFORE)
    return book


def left(book: Book, id: str = "txn_sale") -> Mapping[Side, int]:
    return book.transaction(id).left


def of_sale(debits: int, credits: int | None = None) -> dict[Side, int]:
    """What is left of the sale, in cents."""
    return {(BANK, DEBIT, "EUR"): debits, (SALES, CREDIT, "EUR"): debits if credits is None else credits}


def reversal(book: Book, asked: ReversalDraft, *, is_forced: bool = False) -> TransactionPosted:
    (posted,) = reverse(book, asked, NOW, is_forced=is_forced)
    assert isinstance(posted, TransactionPosted)
    return posted


def test_a_reversal_of_the_whole_turns_each_side_round_and_is_linked() -> None:
    assert reversal(sold(), ReversalDraft("txn_back", "txn_sale")) == TransactionPosted(
        "txn_back",
        (credited(BANK, 1_000), debited(SALES, 1_000)),
        NOW,
        description="Reversal of txn_sale",
        reverses="txn_sale",
    )


def test_a_reversal_undoes_what_was_posted_and_leaves_nothing_to_reverse() -> None:
    book = sold()
    assert left(book) == of_sale(1_000)
    reversed_entries(book, "txn_sale", id="txn_back")
    assert posted_cents(book, BANK) == posted_cents(book, SALES) == 0
    assert left(book) == of_sale(0)
    assert left(book, "txn_back") == {(BANK, CREDIT, "EUR"): 1_000, (SALES, DEBIT, "EUR"): 1_000}
    with pytest.raises(ReversalExceeded) as refused:
        reverse(book, ReversalDraft("txn_again", "txn_sale"), NOW)
    assert refused.value.facts == {"transaction": "txn_sale"}


def test_a_reversal_may_have_words_of_its_own() -> None:
    asked = ReversalDraft("txn_back", "txn_sale", reference="r", description="Returned", metadata={"a": "1"})
    posted = reversal(sold(), asked)
    assert (posted.reference, posted.description, posted.metadata) == ("r", "Returned", {"a": "1"})


def test_parts_are_given_as_the_transaction_has_them_and_may_go_on_until_nothing_is_left() -> None:
    book = sold()
    assert reversed_entries(book, "txn_sale", *move(BANK, SALES, 300)) == (credited(BANK, 300), debited(SALES, 300))
    assert left(book) == of_sale(700)
    reversed_entries(book, "txn_sale", *move(BANK, SALES, 600))
    assert posted_cents(book, BANK) == 100
    assert reversed_entries(book, "txn_sale") == (credited(BANK, 100), debited(SALES, 100))
    assert left(book) == of_sale(0)


def test_part_of_some_accounts_may_be_reversed() -> None:
    book = books()
    pay(book, debit(BANK, "10.00"), credit(SALES, "7.00"), credit(ANA, "3.00"), id="txn_sale")
    reversed_entries(book, "txn_sale", debit(BANK, "3.00"), credit(ANA, "3.00"))
    assert left(book) == {(BANK, DEBIT, "EUR"): 700, (SALES, CREDIT, "EUR"): 700, (ANA, CREDIT, "EUR"): 0}
    assert reversed_entries(book, "txn_sale") == (credited(BANK, 700), debited(SALES, 700))


@pytest.mark.parametrize(
    ("entries", "refusal"),
    [
        (move(BANK, SALES, 1_001), ReversalExceeded),
        ((debit(BANK, "5.00"), debit(BANK, "5.01"), credit(SALES, "10.01")), ReversalExceeded),
        (move(SALES, BANK, 1), ReversalExceeded),  # as the reversal will have it, not the transaction
        (move(BANK, ANA, 1), ReversalExceeded),
        ((debit(BANK, "5.00"), credit(SALES, "4.99")), UnbalancedTransaction),
        ((debit(BANK, "5.00"),), ValidationFailed),
        ((debit(BANK, "5", "JPY"), credit(SALES, "5", "JPY")), ValidationFailed),
    ],
)
def test_no_more_is_reversed_than_is_left(entries: tuple[EntryDraft, ...], refusal: type[DomainError]) -> None:
    with pytest.raises(refusal) as refused:
        reverse(sold(), ReversalDraft("txn_back", "txn_sale", entries), NOW)
    assert type(refused.value) is refusal


def test_an_exceeding_side_is_named_with_what_is_left_of_it() -> None:
    book = sold()
    reversed_entries(book, "txn_sale", *move(BANK, SALES, 300))
    with pytest.raises(ReversalExceeded) as refused:
        reverse(book, ReversalDraft("txn_back", "txn_sale", move(BANK, SALES, 701)), NOW)
    assert refused.value.facts == {
        "transaction": "txn_sale",
        "account": BANK,
        "asset": "EUR",
        "left": "7.00",
        "asked": "7.01",
    }


def test_a_reversal_leaves_a_line_for_each_side_that_it_takes_from() -> None:
    book = books()
    pay(book, debit(BANK, "5.00"), credit(BANK, "2.00"), credit(SALES, "3.00"), id="txn_sale")
    number, bank, sales = book.transaction("txn_sale").number, book.account(BANK), book.account(SALES)
    effect = book.apply(reversal(book, ReversalDraft("txn_back", "txn_sale", move(BANK, SALES, 100))))
    assert effect.left == (LeftLine(number, bank, DEBIT, "EUR", 400), LeftLine(number, sales, CREDIT, "EUR", 200))


def test_assets_are_reversed_each_by_itself() -> None:
    book = books()
    book.apply(AssetRegistered("JPY", 0))
    in_yen = (debit(BANK, "70", "JPY"), credit(SALES, "70", "JPY"))
    pay(book, *move(BANK, SALES, 500), *in_yen, id="txn_sale")
    assert reversed_entries(book, "txn_sale", *in_yen) == (credited(BANK, 70, JPY), debited(SALES, 70, JPY))
    assert reversed_entries(book, "txn_sale") == (credited(BANK, 500), debited(SALES, 500))


def test_a_whole_reversal_of_amounts_that_add_up_beyond_the_largest_one_is_written_in_several_entries() -> None:
    book = books()
    most = "1" + "0" * 28  # euros: 10^30 cents
    pay(book, debit(BANK, most), debit(BANK, most), credit(SALES, most), credit(SALES, most), id="txn_sale")
    entries = reversed_entries(book, "txn_sale")
    assert entries == (*[credited(BANK, AMOUNT_MAX)] * 2, *[debited(SALES, AMOUNT_MAX)] * 2)
    assert posted_cents(book, BANK) == 0


# When it takes effect.


def test_a_reversal_takes_effect_now_or_at_the_original_time() -> None:
    assert reversal(sold(), ReversalDraft("txn_back", "txn_sale")).effective_at == NOW
    assert reversal(sold(), ReversalDraft("txn_back", "txn_sale", is_at_original_time=True)).effective_at == BEFORE


def test_a_closed_period_takes_no_reversal_at_the_original_time() -> None:
    book = sold()
    book.apply(PeriodClosed("prd_1", None, None, NOW.date(), NOW.replace(hour=0)))
    with pytest.raises(InClosedPeriod):
        reverse(book, ReversalDraft("txn_back", "txn_sale", is_at_original_time=True), NOW)
    assert reversal(book, ReversalDraft("txn_back", "txn_sale")).effective_at == NOW


# Reversals of reversals.


def test_reversing_a_reversal_makes_its_amount_reversible_again() -> None:
    book = sold()
    reversed_entries(book, "txn_sale", id="txn_back")
    assert reversed_entries(book, "txn_back", id="txn_forth") == (debited(BANK, 1_000), credited(SALES, 1_000))
    assert posted_cents(book, SALES) == 1_000
    assert left(book) == of_sale(1_000)
    assert left(book, "txn_back") == {(BANK, CREDIT, "EUR"): 0, (SALES, DEBIT, "EUR"): 0}
    reversed_entries(book, "txn_sale", *move(BANK, SALES, 1_000))
    assert left(book) == of_sale(0)


def test_a_part_of_a_reversal_makes_only_that_part_reversible_again() -> None:
    book = sold()
    reversed_entries(book, "txn_sale", *move(BANK, SALES, 600), id="txn_back")
    reversed_entries(book, "txn_back", debit(SALES, "2.00"), credit(BANK, "2.00"), id="txn_forth")
    assert left(book) == of_sale(1_000 - 600 + 200)
    assert left(book, "txn_back") == {(BANK, CREDIT, "EUR"): 400, (SALES, DEBIT, "EUR"): 400}
    with pytest.raises(ReversalExceeded):
        reverse(book, ReversalDraft("txn_back_2", "txn_sale", move(BANK, SALES, 601)), NOW)


def test_along_a_chain_what_is_left_goes_down_and_up_in_turns() -> None:
    book = sold()
    reversed_entries(book, "txn_sale", id="txn_2")
    reversed_entries(book, "txn_2", id="txn_3")
    reversed_entries(book, "txn_3", *move(BANK, SALES, 400), id="txn_4")
    # The third is undone by 4.00: so the second may be by as much again, and the first by as much less.
    assert left(book, "txn_4") == {(BANK, CREDIT, "EUR"): 400, (SALES, DEBIT, "EUR"): 400}
    assert left(book, "txn_3") == of_sale(600)
    assert left(book, "txn_2") == {(BANK, CREDIT, "EUR"): 400, (SALES, DEBIT, "EUR"): 400}
    assert left(book) == of_sale(600)
    assert posted_cents(book, SALES) == 600


def test_a_reversal_is_refused_once_its_undoing_would_reverse_an_ancestor_twice() -> None:
    book = sold()
    reversed_entries(book, "txn_sale", id="txn_2")
    reversed_entries(book, "txn_2", id="txn_3")  # the sale stands again
    reversed_entries(book, "txn_sale", id="txn_back")  # and is reversed anew
    with pytest.raises(ReversalExceeded, match="txn_sale was reversed again since txn_2 reversed it") as refused:
        reverse(book, ReversalDraft("txn_4", "txn_3"), NOW)
    assert refused.value.facts == {"transaction": "txn_sale"}
    assert posted_cents(book, SALES) == 0
    # What remains possible is to undo the newer one first.
    reversed_entries(book, "txn_back", id="txn_undone")
    reversed_entries(book, "txn_3", id="txn_4")
    assert left(book) == of_sale(0)


def test_a_chain_of_reversals_ends_somewhere() -> None:
    book = sold()
    last = "txn_sale"
    for generation in range(1, GENERATIONS_MAX):
        reversed_entries(book, last, id=f"txn_{generation}")
        last = f"txn_{generation}"
    with pytest.raises(ReversalExceeded, match="post what you mean"):
        reverse(book, ReversalDraft("txn_last", last), NOW)


def test_a_reversal_has_the_kind_of_what_it_reverses() -> None:
    book = books()
    entries = (debited(SALES, 5), credited("equity:result", 5))
    book.apply(TransactionPosted("txn_closing", entries, NOW, kind=TransactionKind.CLOSING))
    assert reversal(book, ReversalDraft("txn_back", "txn_closing")).kind is TransactionKind.CLOSING
    assert reversal(sold(), ReversalDraft("txn_back", "txn_sale")).kind is TransactionKind.ORDINARY


def test_a_capture_can_be_reversed_and_its_hold_stays_as_it_is() -> None:
    book = books(ana=1_000)
    hold(book, *move(ANA, BEN, 600))
    captured(book, *move(ANA, BEN, 200), id="txn_part")
    assert reversed_entries(book, "txn_part") == (credited(ANA, 200), debited(BEN, 200))
    assert book.hold("hold_1").left[ANA, DEBIT, "EUR"] == 400
    assert (posted_cents(book, ANA), available_cents(book, ANA)) == (1_000, 600)


# Limits.


def test_limits_apply_to_a_reversal_unless_it_is_forced() -> None:
    book = books()
    pay(book, *move(BANK, ANA, 1_000), id="txn_in")
    pay(book, *move(ANA, BANK, 700), id="txn_out")
    limit_account(book, ANA, euros(minimum=0))
    with pytest.raises(InsufficientFunds):
        reverse(book, ReversalDraft("txn_back", "txn_in"), NOW)
    reversed_entries(book, "txn_in", *move(BANK, ANA, 300), id="txn_some")
    assert posted_cents(book, ANA) == 0
    reversed_entries(book, "txn_in", is_forced=True)
    assert posted_cents(book, ANA) == -700


def test_a_ceiling_applies_too() -> None:
    book = books()
    pay(book, *move(ANA, BANK, 700), id="txn_out")
    limit_account(book, ANA, euros(maximum=-100))
    with pytest.raises(LimitExceeded):
        reverse(book, ReversalDraft("txn_back", "txn_out"), NOW)
    assert reversal(book, ReversalDraft("txn_back", "txn_out"), is_forced=True).entries == (
        credited(ANA, 700),
        debited(BANK, 700),
    )


def test_what_is_held_cannot_be_taken_by_a_reversal() -> None:
    book = books()
    pay(book, *move(BANK, ANA, 1_000), id="txn_in")
    limit_account(book, ANA, euros(minimum=0))
    hold(book, *move(ANA, BEN, 400))
    with pytest.raises(InsufficientFunds) as refused:
        reverse(book, ReversalDraft("txn_back", "txn_in"), NOW)
    assert refused.value.facts["available"] == "6.00"
    reversed_entries(book, "txn_in", *move(BANK, ANA, 600))


# What else is refused.


def test_what_is_not_there_is_not_reversed() -> None:
    with pytest.raises(NotFound):
        reverse(books(), ReversalDraft("txn_back", "txn_9"), NOW)


def test_the_reference_of_a_reversal_is_its_own() -> None:
    book = sold()
    hold(book, *move(ANA, BEN, 1), reference="taken")
    with pytest.raises(DuplicateReference):
        reverse(book, ReversalDraft("txn_back", "txn_sale", reference="taken"), NOW)


STEPS = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 150)), max_size=15)


@given(STEPS)
def test_never_more_is_reversed_than_was_posted(steps: list[tuple[int, int]]) -> None:
    """Whatever is reversed, and reversed again: the sale counts from nothing to its whole, never less, never more."""
    book = sold(100)
    chain = {"txn_sale": True}  # whether it goes the way of the sale
    for number, (which, cents) in enumerate(steps):
        of = list(chain)[which % len(chain)]
        entries: tuple[EntryDraft, ...] = ()
        if cents < 100:
            back = (credit(BANK, f"0.{cents:02}"), debit(SALES, f"0.{cents:02}"))
            entries = move(BANK, SALES, cents) if chain[of] else back
        id = f"txn_{number}"
        try:
            reversed_entries(book, of, *entries, id=id)
        except ReversalExceeded:
            continue
        chain[id] = not chain[of]
        assert 0 <= posted_cents(book, SALES) <= 100
        assert left(book)[BANK, DEBIT, "EUR"] == posted_cents(book, SALES)
        for each in chain:
            assert all(0 <= amount <= 100 for amount in left(book, each).values())
