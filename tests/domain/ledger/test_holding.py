"""Holds: placed, captured, released, expired."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger.asset import AMOUNT_MAX, TooManyDecimals
from domain.ledger.book import Book
from domain.ledger.effect import LeftLine
from domain.ledger.events import AssetRegistered, HoldExpired, HoldPlaced, HoldReleased, PeriodClosed, TransactionPosted
from domain.ledger.held import Held
from domain.ledger.hold import CaptureDraft, HoldDraft, HoldExceeded, HoldNotOpen, HoldStatus, ReleaseDraft
from domain.ledger.holding import capture, expire, place, release
from domain.ledger.period import InClosedPeriod
from domain.ledger.posting import post
from domain.ledger.transaction import (
    ConditionFailed,
    Direction,
    DuplicateReference,
    EffectiveInFuture,
    EntryDraft,
    TransferDraft,
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
    hold,
    move,
    posted_cents,
    take,
    types_of,
)
from tests.builders import EUR, JPY, NOW, POINTS, credit, credited, debit, debited, draft, payment

DEBIT, CREDIT = Direction.DEBIT, Direction.CREDIT
SECOND = timedelta(seconds=1)


def with_hold(cents: int = 1_000) -> Book:
    """Books in which Ana has 10.00, of which so much is held for Ben."""
    book = books(ana=1_000)
    hold(book, *move(ANA, BEN, cents))
    return book


def status(book: Book, id: str = "hold_1") -> HoldStatus:
    return book.hold(id).status


# Placing.


def test_a_hold_is_one_event_with_its_entries_and_what_was_said_of_it() -> None:
    asked = HoldDraft("hold_1", move(ANA, BEN, 500), NOW + SECOND, "order-1", "Order 1", {"a": "1"})
    assert place(books(), asked, NOW) == [
        HoldPlaced("hold_1", (debited(ANA, 500), credited(BEN, 500)), NOW + SECOND, "order-1", "Order 1", {"a": "1"})
    ]


def test_a_hold_posts_nothing_and_holds_back_what_it_may_take() -> None:
    book = with_hold(300)
    assert posted_cents(book, ANA) == 1_000
    assert available_cents(book, ANA) == 700
    assert book.held_on(ANA, "EUR") == Held(debits=300)
    assert book.held_on(BEN, "EUR") == Held(credits=300)
    assert (posted_cents(book, BEN), available_cents(book, BEN)) == (0, 0)
    assert status(book) is HoldStatus.OPEN


def test_holds_add_up() -> None:
    book = with_hold(300)
    hold(book, *move(ANA, BANK, 200), *move(BEN, ANA, 50), id="hold_2")
    assert book.held_on(ANA, "EUR") == Held(debits=500, credits=50)
    assert available_cents(book, ANA) == 500
    assert book.held_on(BEN, "EUR") == Held(debits=50, credits=300)


def test_a_hold_opens_accounts_and_registers_assets_as_a_posting_does() -> None:
    asked = HoldDraft("hold_1", (debit("assets:new", "5", "JPY"), credit(SALES, "5", "JPY")))
    assert types_of(place(books(), asked, NOW)) == ["asset.registered", "account.opened", "hold.placed"]


def test_a_hold_may_leave_amounts_to_the_books_and_be_told_as_a_transfer() -> None:
    book = books(ana=1_000)
    hold(book, *move(ANA, BANK, 100))
    asked = HoldDraft("hold_2", (), transfer=TransferDraft(ANA, BEN, "all", "EUR"))
    assert take(book, place(book, asked, NOW)) == HoldPlaced("hold_2", (debited(ANA, 900), credited(BEN, 900)))


def test_all_that_is_available_is_less_what_is_held() -> None:
    book = with_hold(300)
    *_, posted = post(book, draft(EntryDraft(ANA, DEBIT, "all", "EUR"), credit(BANK, "rest")), NOW)
    assert isinstance(posted, TransactionPosted)
    assert posted.entries == (debited(ANA, 700), credited(BANK, 700))


@pytest.mark.parametrize("expires_at", [NOW, NOW - SECOND])
def test_a_hold_expires_in_the_future(expires_at: datetime) -> None:
    with pytest.raises(ValidationFailed) as refused:
        place(books(), HoldDraft("hold_1", move(ANA, BEN, 1), expires_at), NOW)
    assert [blame.pointer for blame in refused.value.blames] == ["/expires_at"]


def test_a_hold_balances() -> None:
    with pytest.raises(UnbalancedTransaction):
        place(books(), HoldDraft("hold_1", (debit(ANA, "1.00"), credit(BEN, "1.01"))), NOW)


def test_a_hold_whose_balance_was_held_since_is_not_based_on_what_was_seen() -> None:
    book = books(ana=1_000)
    seen = book.sequence
    hold(book, *move(ANA, BEN, 1))
    with pytest.raises(ConditionFailed):
        place(book, HoldDraft("hold_2", move(ANA, BANK, 1), based_on=seen), NOW)
    assert place(book, HoldDraft("hold_2", move(ANA, BANK, 1), based_on=seen + 1), NOW)


def test_transactions_and_holds_share_their_references() -> None:
    book = books()
    hold(book, *move(ANA, BEN, 1), reference="of-a-hold")
    take(book, post(book, payment(reference="of-a-posting"), NOW))
    with pytest.raises(DuplicateReference, match="the hold hold_1"):
        post(book, payment(reference="of-a-hold"), NOW)
    with pytest.raises(DuplicateReference, match="the hold hold_1"):
        place(book, HoldDraft("hold_2", move(ANA, BEN, 1), reference="of-a-hold"), NOW)
    with pytest.raises(DuplicateReference, match="the transaction txn_"):
        place(book, HoldDraft("hold_2", move(ANA, BEN, 1), reference="of-a-posting"), NOW)
    with pytest.raises(DuplicateReference):
        capture(book, CaptureDraft("txn_1", "hold_1", reference="of-a-posting"), NOW)


def test_a_hold_fixes_the_scale_of_its_assets() -> None:
    assert with_hold().used_assets == {"EUR"}
    book = books()
    hold(book, *move(ANA, BEN, 1))
    assert book.used_assets == {"EUR"}


# Capturing.


def test_a_capture_without_entries_takes_all_that_is_left() -> None:
    book = with_hold(600)
    assert captured(book) == (debited(ANA, 600), credited(BEN, 600))
    assert status(book) is HoldStatus.CAPTURED
    assert book.held_on(ANA, "EUR") == book.held_on(BEN, "EUR") == Held()
    assert posted_cents(book, ANA) == available_cents(book, ANA) == 400


def test_a_hold_may_be_captured_in_parts_until_nothing_is_left() -> None:
    book = with_hold(600)
    captured(book, *move(ANA, BEN, 100))
    assert (status(book), available_cents(book, ANA), posted_cents(book, ANA)) == (HoldStatus.OPEN, 400, 900)
    assert book.held_on(ANA, "EUR") == Held(debits=500)
    captured(book, *move(ANA, BEN, 200))
    assert book.hold("hold_1").left == {(ANA, DEBIT, "EUR"): 300, (BEN, CREDIT, "EUR"): 300}
    assert captured(book) == (debited(ANA, 300), credited(BEN, 300))
    assert (status(book), posted_cents(book, ANA)) == (HoldStatus.CAPTURED, 400)


def test_the_last_part_closes_the_hold_by_itself() -> None:
    book = with_hold(600)
    captured(book, *move(ANA, BEN, 600))
    assert status(book) is HoldStatus.CAPTURED


def test_a_capture_leaves_a_line_for_each_side_that_it_takes_from_and_says_whether_it_closes_the_hold() -> None:
    book = books(ana=1_000, ben=1_000)
    hold(book, debit(ANA, "1.00"), debit(BEN, "2.00"), credit(BANK, "3.00"))
    number = book.hold("hold_1").number
    ana, ben, bank = book.account(ANA), book.account(BEN), book.account(BANK)
    (of_ana,) = capture(book, CaptureDraft("txn_1", "hold_1", move(ANA, BANK, 100)), NOW)
    effect = book.apply(of_ana)
    assert effect.left == (LeftLine(number, ana, DEBIT, "EUR", 0), LeftLine(number, bank, CREDIT, "EUR", 200))
    assert not effect.closes
    (of_ben,) = capture(book, CaptureDraft("txn_2", "hold_1", move(BEN, BANK, 200)), NOW)
    effect = book.apply(of_ben)
    assert effect.left == (LeftLine(number, ben, DEBIT, "EUR", 0), LeftLine(number, bank, CREDIT, "EUR", 0))
    assert effect.closes


def test_a_final_capture_closes_its_hold_as_a_release_and_an_expiry_do() -> None:
    assert (
        with_hold()
        .apply(TransactionPosted("txn_1", (debited(ANA, 1), credited(BEN, 1)), NOW, hold="hold_1", is_final=True))
        .closes
    )
    assert with_hold().apply(HoldReleased("hold_1", "")).closes
    assert with_hold().apply(HoldExpired("hold_1")).closes


def test_a_final_capture_releases_what_it_leaves() -> None:
    book = with_hold(600)
    captured(book, *move(ANA, BEN, 250), is_final=True)
    assert status(book) is HoldStatus.CAPTURED
    assert book.held_on(ANA, "EUR") == Held()
    assert (posted_cents(book, ANA), available_cents(book, ANA)) == (750, 750)
    assert book.hold("hold_1").left == {(ANA, DEBIT, "EUR"): 350, (BEN, CREDIT, "EUR"): 350}


def test_a_capture_says_its_hold_and_takes_its_description_unless_it_has_its_own() -> None:
    book = books(ana=1_000)
    asked = HoldDraft("hold_1", move(ANA, BEN, 500), description="Order 1", metadata={"a": "1"})
    take(book, place(book, asked, NOW))
    (posted,) = capture(book, CaptureDraft("txn_1", "hold_1", reference="r", metadata={"b": "2"}), NOW)
    assert posted == TransactionPosted(
        "txn_1", (debited(ANA, 500), credited(BEN, 500)), NOW, "r", "Order 1", metadata={"b": "2"}, hold="hold_1"
    )
    (posted,) = capture(book, CaptureDraft("txn_1", "hold_1", description=""), NOW)
    assert isinstance(posted, TransactionPosted)
    assert posted.description == ""


def test_entries_of_one_side_are_counted_together() -> None:
    book = books(ana=1_000)
    hold(book, debit(ANA, "1.00"), debit(ANA, "2.00"), credit(BEN, "3.00"))
    captured(book, debit(ANA, "2.50"), credit(BEN, "1.00"), credit(BEN, "1.50"))
    assert captured(book) == (debited(ANA, 50), credited(BEN, 50))


def test_a_hold_in_several_assets_is_captured_asset_by_asset() -> None:
    book = books(ana=1_000)
    book.apply(AssetRegistered("JPY", 0))
    hold(book, *move(ANA, BEN, 500), debit(BEN, "70", "JPY"), credit(ANA, "70", "JPY"))
    captured(book, debit(BEN, "70", "JPY"), credit(ANA, "70", "JPY"))
    assert book.held_on(ANA, "JPY") == Held()
    assert book.held_on(ANA, "EUR") == Held(debits=500)
    assert captured(book) == (debited(ANA, 500), credited(BEN, 500))


def test_what_is_left_may_take_apart_a_hold_that_goes_both_ways() -> None:
    book = books(ana=1_000)
    hold(book, *move(ANA, BEN, 500), *move(BEN, ANA, 200))
    captured(book, *move(BEN, ANA, 200))
    assert (posted_cents(book, ANA), available_cents(book, ANA)) == (1_200, 700)
    captured(book, *move(ANA, BEN, 500))
    assert (posted_cents(book, ANA), status(book)) == (700, HoldStatus.CAPTURED)


@pytest.mark.parametrize(
    ("entries", "refusal"),
    [
        (move(ANA, BEN, 601), HoldExceeded),
        ((debit(ANA, "3.00"), debit(ANA, "3.01"), credit(BEN, "6.01")), HoldExceeded),
        (move(BEN, ANA, 100), HoldExceeded),  # the other way round
        (move(ANA, BANK, 100), HoldExceeded),  # another account
        (move("users:nobody", BEN, 100), HoldExceeded),
        ((debit(ANA, "1.00"), credit(BEN, "0.99")), UnbalancedTransaction),
        ((debit(ANA, "1.00"),), ValidationFailed),
        ((debit(ANA, "1.000"), credit(BEN, "1.000")), TooManyDecimals),
        ((debit(ANA, "all"), credit(BEN, "rest")), ValidationFailed),
        ((debit(ANA, "1", "JPY"), credit(BEN, "1", "JPY")), ValidationFailed),
    ],
)
def test_a_capture_fits_what_is_left_of_its_hold(entries: tuple[EntryDraft, ...], refusal: type[DomainError]) -> None:
    book = with_hold(600)
    with pytest.raises(refusal) as refused:
        capture(book, CaptureDraft("txn_1", "hold_1", entries), NOW)
    assert type(refused.value) is refusal


def test_an_exceeding_side_is_named_with_what_is_left_of_it() -> None:
    book = with_hold(600)
    captured(book, *move(ANA, BEN, 250))
    with pytest.raises(HoldExceeded) as refused:
        capture(book, CaptureDraft("txn_1", "hold_1", move(ANA, BEN, 400)), NOW)
    assert refused.value.facts == {
        "hold": "hold_1",
        "account": ANA,
        "asset": "EUR",
        "left": "3.50",
        "asked": "4.00",
    }
    assert [blame.pointer for blame in refused.value.blames] == ["/entries"]


def test_a_capture_takes_effect_when_it_is_made_unless_it_names_a_time() -> None:
    book = with_hold(600)
    (posted,) = capture(book, CaptureDraft("txn_1", "hold_1"), NOW + timedelta(days=2))
    assert isinstance(posted, TransactionPosted)
    assert posted.effective_at == NOW + timedelta(days=2)
    (posted,) = capture(book, CaptureDraft("txn_1", "hold_1", effective_at=NOW - timedelta(days=9)), NOW)
    assert isinstance(posted, TransactionPosted)
    assert posted.effective_at == NOW - timedelta(days=9)
    with pytest.raises(EffectiveInFuture):
        capture(book, CaptureDraft("txn_1", "hold_1", effective_at=NOW + timedelta(hours=1)), NOW)


def test_a_closed_period_takes_no_capture() -> None:
    book = with_hold(600)
    book.apply(PeriodClosed("prd_1", None, None, NOW.date(), NOW.replace(hour=0)))
    with pytest.raises(InClosedPeriod):
        capture(book, CaptureDraft("txn_1", "hold_1", effective_at=NOW.replace(hour=0) - SECOND), NOW)
    assert capture(book, CaptureDraft("txn_1", "hold_1", effective_at=NOW.replace(hour=0)), NOW)


def test_a_whole_capture_of_amounts_that_add_up_beyond_the_largest_one_is_written_in_several_entries() -> None:
    book = books()
    most = "1" + "0" * 28  # euros: 10^30 cents
    hold(
        book,
        debit(ANA, most),
        debit(ANA, most),
        debit(ANA, "0.05"),
        credit(BEN, most),
        credit(BEN, most),
        credit(BEN, "0.05"),
    )
    entries = captured(book)
    assert max(entry.amount for entry in entries) == AMOUNT_MAX
    assert posted_cents(book, BEN) == 2 * 10**30 + 5
    assert book.held_on(BEN, "EUR") == Held()


# Releasing and expiring.


def test_a_release_frees_what_is_left() -> None:
    book = with_hold(600)
    captured(book, *move(ANA, BEN, 100))
    assert take(book, release(book, ReleaseDraft("hold_1", "cancelled"))) == HoldReleased("hold_1", "cancelled")
    assert status(book) is HoldStatus.RELEASED
    assert book.held_on(ANA, "EUR") == Held()
    assert available_cents(book, ANA) == posted_cents(book, ANA) == 900


def test_a_release_needs_no_reason() -> None:
    assert release(with_hold(), ReleaseDraft("hold_1")) == [HoldReleased("hold_1", "")]
    with pytest.raises(ValidationFailed):
        release(with_hold(), ReleaseDraft("hold_1", "r" * 1_001))


def test_what_is_due_expires_and_nothing_else_does() -> None:
    book = books(ana=1_000)
    for number, seconds in enumerate([1, 2, 3]):
        hold(book, *move(ANA, BEN, 100), id=f"hold_{number}", expires_at=NOW + seconds * SECOND)
    hold(book, *move(ANA, BEN, 100), id="hold_ever")
    names = ["hold_0", "hold_1", "hold_2", "hold_ever"]
    assert expire(book, names, NOW) == []
    assert expire(book, names, NOW + 2 * SECOND - timedelta(microseconds=1)) == [HoldExpired("hold_0")]
    events = expire(book, names, NOW + 2 * SECOND)
    assert events == [HoldExpired("hold_0"), HoldExpired("hold_1")]
    take(book, events)
    assert status(book, "hold_1") is HoldStatus.EXPIRED
    assert available_cents(book, ANA) == 800
    assert expire(book, names, NOW + 2 * SECOND) == []


def closed_books(how: str) -> Book:
    book = books(ana=1_000)
    hold(book, *move(ANA, BEN, 600), expires_at=NOW + SECOND)
    if how == "captured":
        captured(book)
    elif how == "captured finally":
        captured(book, *move(ANA, BEN, 1), is_final=True)
    elif how == "released":
        take(book, release(book, ReleaseDraft("hold_1")))
    else:
        take(book, expire(book, ["hold_1"], NOW + SECOND))
    return book


@pytest.mark.parametrize(
    ("how", "said"),
    [("captured", "captured"), ("captured finally", "captured"), ("released", "released"), ("expired", "expired")],
)
def test_a_hold_that_is_closed_stays_closed(how: str, said: str) -> None:
    book = closed_books(how)
    with pytest.raises(HoldNotOpen) as refused:
        capture(book, CaptureDraft("txn_1", "hold_1"), NOW)
    assert refused.value.facts == {"hold": "hold_1", "hold_status": said}
    with pytest.raises(HoldNotOpen):
        release(book, ReleaseDraft("hold_1"))
    assert expire(book, ["hold_1"], NOW + timedelta(days=1)) == []


def test_a_hold_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound):
        capture(books(), CaptureDraft("txn_1", "hold_9"), NOW)
    with pytest.raises(NotFound):
        release(books(), ReleaseDraft("hold_9"))


PARTS = st.lists(st.tuples(st.integers(1, 400), st.booleans()), max_size=10)


@given(PARTS)
def test_never_more_is_captured_than_was_held(parts: list[tuple[int, bool]]) -> None:
    book = with_hold(1_000)
    taken, is_open = 0, True
    for cents, is_final in parts:
        try:
            captured(book, *move(ANA, BEN, cents), is_final=is_final)
        except HoldExceeded:
            assert is_open
            assert taken + cents > 1_000
        except HoldNotOpen:
            assert not is_open
        else:
            assert is_open
            taken += cents
            is_open = taken < 1_000 and not is_final
        assert taken <= 1_000
        assert posted_cents(book, BEN) == taken
        assert book.held_on(ANA, "EUR") == Held(debits=1_000 - taken if is_open else 0)
        assert available_cents(book, ANA) <= posted_cents(book, ANA)


def test_debits_held_equal_credits_held_per_asset() -> None:
    book = with_hold(600)
    book.apply(AssetRegistered("POINTS", 3))
    hold(book, debit(ANA, "1.5", "POINTS"), credit(BEN, "0.5", "POINTS"), credit(BANK, "1", "POINTS"), id="hold_2")
    captured(book, *move(ANA, BEN, 200))
    for asset in (EUR, POINTS, JPY):
        held = [each for (_, code), each in book.held.items() if code == asset.code]
        assert sum(each.debits for each in held) == sum(each.credits for each in held)
