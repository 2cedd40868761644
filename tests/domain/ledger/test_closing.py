"""Periods: closed one after the other, with or without a closing transaction, and opened again from the last."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import pytest

from domain.ledger.account import AccountType, ArchivedAccount, EntryAccountNotFound, FrozenAccount
from domain.ledger.asset import AMOUNT_MAX
from domain.ledger.book import Book
from domain.ledger.changes import Results
from domain.ledger.closing import ClosingDraft, TooManyResults, close, reopen
from domain.ledger.events import (
    AccountArchived,
    AccountFrozen,
    AccountOpened,
    AccountRestored,
    AssetRegistered,
    Event,
    LedgerFrozen,
    PeriodClosed,
    PeriodReopened,
    TransactionPosted,
)
from domain.ledger.limit import Limit, LimitExceeded
from domain.ledger.period import InClosedPeriod, PeriodNotOver, PeriodOutOfOrder
from domain.ledger.posting import post
from domain.ledger.settings import FrozenLedger
from domain.ledger.transaction import Direction, TransactionKind
from domain.shared.errors import DomainError, NotFound, ValidationFailed
from tests.accounting import ANA, BANK, COSTS, RESULT, SALES, books, euros, limit_account, move, posted_cents, take
from tests.builders import EUR, JPY, NOW, credited, debited, draft, transaction_id

MOMENT = timedelta(microseconds=1)
OCTOBER, NOVEMBER, TODAY = date(2026, 10, 1), date(2026, 11, 1), NOW.date()


def start(day: date) -> datetime:
    """The beginning of the day, where the ledger's time zone is UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def closing(
    day: date, id: str = "prd_1", *, result_to: str | None = None, reason: str = "", transactions: int = 3
) -> ClosingDraft:
    ids = tuple(f"txn_{id}_{number}" for number in range(transactions))
    return ClosingDraft(id, day, start(day), reason, result_to, ids)


def closed_up_to(day: date) -> Book:
    book = books(ana=1_000)
    take(book, close(book, closing(day), NOW))
    return book


def sell(book: Book, cents: int, at: datetime) -> None:
    """Sell, or, below zero, buy."""
    entries = (
        (debited(BANK, cents), credited(SALES, cents))
        if cents > 0
        else (debited(COSTS, -cents), credited(BANK, -cents))
    )
    book.apply(TransactionPosted(transaction_id(), entries, at))


def know_results(book: Book, day: date, results: Mapping[tuple[str, str], int]) -> None:
    """Let the book know what a store would have told it: debits less credits, in minor units."""
    known: Results = dict(results)
    book.results[start(day)] = known


def is_taken(book: Book, at: datetime) -> bool:
    """Whether a posting that is effective then is taken."""
    try:
        post(book, draft(*move(BANK, ANA, 1), effective_at=at), NOW)
    except InClosedPeriod:
        return False
    return True


# Closing.


def test_the_first_period_begins_with_the_beginning() -> None:
    assert close(books(), closing(NOVEMBER, reason="October is done"), NOW) == [
        PeriodClosed("prd_1", None, None, NOVEMBER, start(NOVEMBER), "October is done")
    ]


def test_the_next_period_begins_where_the_last_one_ended() -> None:
    assert close(closed_up_to(OCTOBER), closing(NOVEMBER, "prd_2"), NOW) == [
        PeriodClosed("prd_2", OCTOBER, start(OCTOBER), NOVEMBER, start(NOVEMBER))
    ]


def test_nothing_becomes_effective_in_a_closed_period_and_anything_after_it() -> None:
    book = closed_up_to(NOVEMBER)
    assert not is_taken(book, start(NOVEMBER) - MOMENT)
    assert not is_taken(book, datetime(1999, 1, 1, tzinfo=UTC))
    assert is_taken(book, start(NOVEMBER))
    assert is_taken(book, NOW)


def test_a_refused_posting_is_told_up_to_when_the_books_are_closed() -> None:
    with pytest.raises(InClosedPeriod) as refused:
        post(closed_up_to(NOVEMBER), draft(*move(BANK, ANA, 1), effective_at=start(OCTOBER)), NOW)
    assert refused.value.facts == {"closed_until": "2026-11-01T00:00:00.000000Z"}
    assert [blame.pointer for blame in refused.value.blames] == ["/effective_at"]


@pytest.mark.parametrize("day", [OCTOBER, NOVEMBER])
def test_a_period_ends_later_than_the_one_before(day: date) -> None:
    with pytest.raises(PeriodOutOfOrder):
        close(closed_up_to(NOVEMBER), closing(day, "prd_2"), NOW)


def test_a_period_is_closed_when_its_last_day_is_over() -> None:
    tomorrow = TODAY + timedelta(days=1)
    with pytest.raises(PeriodNotOver):
        close(books(), closing(tomorrow), start(tomorrow) - MOMENT)
    assert close(books(), closing(tomorrow), start(tomorrow))
    assert close(books(), closing(TODAY), NOW)  # all of yesterday


def test_the_day_begins_where_the_ledger_is() -> None:
    in_berlin = datetime(2026, 10, 31, 23, tzinfo=UTC)
    book = books()
    take(book, close(book, ClosingDraft("prd_1", NOVEMBER, in_berlin), NOW))
    assert not is_taken(book, in_berlin - MOMENT)
    assert is_taken(book, in_berlin)


# Reopening.


def test_the_last_period_is_reopened_first_and_then_the_one_before() -> None:
    book = closed_up_to(OCTOBER)
    take(book, close(book, closing(NOVEMBER, "prd_2"), NOW))
    with pytest.raises(PeriodOutOfOrder, match="closed up to 2026-11-01"):
        reopen(book, "prd_1", "too soon")
    assert take(book, reopen(book, "prd_2", "an invoice was late")) == PeriodReopened("prd_2", "an invoice was late")
    assert is_taken(book, start(OCTOBER))
    assert not is_taken(book, start(OCTOBER) - MOMENT)
    take(book, reopen(book, "prd_1", "another one"))
    assert book.settings.closed_until is None
    assert is_taken(book, datetime(1999, 1, 1, tzinfo=UTC))


def test_what_is_open_again_is_not_reopened_though_the_same_day_is_closed_anew() -> None:
    book = closed_up_to(OCTOBER)
    take(book, reopen(book, "prd_1", "why"))
    with pytest.raises(PeriodOutOfOrder, match="open again already"):
        reopen(book, "prd_1", "why")
    take(book, close(book, closing(OCTOBER, "prd_2"), NOW))
    with pytest.raises(PeriodOutOfOrder, match="open again already"):
        reopen(book, "prd_1", "why")
    take(book, reopen(book, "prd_2", "why"))


def test_reopening_says_why() -> None:
    with pytest.raises(ValidationFailed):
        reopen(closed_up_to(OCTOBER), "prd_1", " ")


def test_a_period_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFound):
        reopen(closed_up_to(OCTOBER), "prd_9", "why")


# The closing transaction.


def test_closing_moves_income_and_expenses_to_equity_at_the_last_moment() -> None:
    book = books(ana=1_000)
    sell(book, 900, start(OCTOBER))
    sell(book, -250, start(OCTOBER))
    sell(book, 77, NOW)  # after the period
    know_results(book, NOVEMBER, {(SALES, "EUR"): -900, (COSTS, "EUR"): 250})
    *transactions, period = close(book, closing(NOVEMBER, result_to=RESULT), NOW)
    assert transactions == [
        TransactionPosted(
            "txn_prd_1_0",
            (credited(COSTS, 250), debited(SALES, 900), credited(RESULT, 650)),
            start(NOVEMBER) - MOMENT,
            description="Closing of EUR up to 2026-11-01",
            kind=TransactionKind.CLOSING,
        )
    ]
    assert isinstance(period, PeriodClosed)
    take(book, [*transactions, period])
    assert [posted_cents(book, path) for path in (SALES, COSTS, RESULT)] == [77, 0, 650]
    assert set(book.results[start(NOVEMBER)].values()) == {0}


def test_a_loss_is_taken_from_equity() -> None:
    book = books()
    know_results(book, NOVEMBER, {(SALES, "EUR"): -100, (COSTS, "EUR"): 250})
    posted, _ = close(book, closing(NOVEMBER, result_to=RESULT), NOW)
    assert isinstance(posted, TransactionPosted)
    assert posted.entries == (credited(COSTS, 250), debited(SALES, 100), debited(RESULT, 150))


def test_a_result_of_nothing_needs_no_entry_on_equity() -> None:
    book = books()
    know_results(book, NOVEMBER, {(SALES, "EUR"): -250, (COSTS, "EUR"): 250})
    posted, _ = close(book, closing(NOVEMBER, result_to=RESULT), NOW)
    assert isinstance(posted, TransactionPosted)
    assert posted.entries == (credited(COSTS, 250), debited(SALES, 250))


def test_each_asset_is_closed_by_a_transaction_of_its_own() -> None:
    book = books()
    book.apply(AssetRegistered("JPY", 0))
    know_results(book, NOVEMBER, {(SALES, "JPY"): -70, (SALES, "EUR"): -5, (COSTS, "EUR"): 0})
    first, second, _ = close(book, closing(NOVEMBER, result_to=RESULT), NOW)
    assert isinstance(first, TransactionPosted)
    assert isinstance(second, TransactionPosted)
    assert first.entries == (debited(SALES, 5), credited(RESULT, 5))
    assert second.entries == (debited(SALES, 70, JPY), credited(RESULT, 70, JPY))
    assert (first.id, second.id) == ("txn_prd_1_0", "txn_prd_1_1")


def test_assets_are_closed_in_the_order_of_the_accounts_that_have_results_in_them() -> None:
    book = books()
    book.apply(AssetRegistered("JPY", 0))
    know_results(book, NOVEMBER, {(COSTS, "JPY"): 0, (SALES, "EUR"): -5, (SALES, "JPY"): -70})
    first, second, _ = close(book, closing(NOVEMBER, result_to=RESULT), NOW)
    assert isinstance(first, TransactionPosted)
    assert isinstance(second, TransactionPosted)
    # Costs in yen come to nothing, and so do not put the yen first.
    assert [each.entries[0].asset for each in (first, second)] == [EUR, JPY]


def test_a_second_closing_moves_what_the_first_one_left() -> None:
    book = books()
    sell(book, 900, start(OCTOBER) - MOMENT)
    know_results(book, OCTOBER, {(SALES, "EUR"): -900})
    take(book, close(book, closing(OCTOBER, result_to=RESULT), NOW))
    sell(book, 30, start(OCTOBER))
    know_results(book, NOVEMBER, {(SALES, "EUR"): -30})  # 900 and 30 sold, 900 moved
    take(book, close(book, closing(NOVEMBER, "prd_2", result_to=RESULT), NOW))
    assert [posted_cents(book, path) for path in (SALES, RESULT)] == [0, 930]


def test_without_results_only_the_period_is_closed() -> None:
    book = books()
    know_results(book, NOVEMBER, {(SALES, "EUR"): 0})
    (event,) = close(book, closing(NOVEMBER, result_to=RESULT), NOW)
    assert isinstance(event, PeriodClosed)


def test_the_account_of_results_is_opened_where_the_chart_gives_its_type() -> None:
    book = books()
    know_results(book, NOVEMBER, {(SALES, "EUR"): -5})
    opened, posted, _ = close(book, closing(NOVEMBER, result_to="equity:2026"), NOW)
    assert opened == AccountOpened("equity:2026", AccountType.EQUITY)
    assert isinstance(posted, TransactionPosted)


def test_amounts_beyond_the_largest_one_are_closed_in_several_entries() -> None:
    book = books()
    know_results(book, NOVEMBER, {(SALES, "EUR"): -2 * AMOUNT_MAX - 1})
    posted, _ = close(book, closing(NOVEMBER, result_to=RESULT), NOW)
    assert isinstance(posted, TransactionPosted)
    amounts = [AMOUNT_MAX, AMOUNT_MAX, 1]
    assert posted.entries == (
        *[debited(SALES, amount) for amount in amounts],
        *[credited(RESULT, amount) for amount in amounts],
    )


@pytest.mark.parametrize(
    ("result_to", "refusal"),
    [(BANK, ValidationFailed), (SALES, ValidationFailed), ("users:new", EntryAccountNotFound), ("", ValidationFailed)],
)
def test_results_go_to_an_equity_account(result_to: str, refusal: type[DomainError]) -> None:
    book = books()
    know_results(book, NOVEMBER, {(SALES, "EUR"): -5})
    with pytest.raises(refusal) as refused:
        close(book, closing(NOVEMBER, result_to=result_to), NOW)
    assert [blame.pointer for blame in refused.value.blames] == ["/result_to"]


def test_more_results_than_one_command_closes_are_refused() -> None:
    book = books()
    results = {}
    for number in range(5_000):
        book.apply(AccountOpened(f"income:{number}", AccountType.INCOME))
        results[f"income:{number}", "EUR"] = -1
    know_results(book, NOVEMBER, results)
    with pytest.raises(TooManyResults):
        close(book, closing(NOVEMBER, result_to=RESULT, transactions=1), NOW)
    first, second, _ = close(book, closing(NOVEMBER, result_to=RESULT, transactions=2), NOW)
    assert isinstance(first, TransactionPosted)
    assert isinstance(second, TransactionPosted)
    assert (len(first.entries), len(second.entries)) == (5_000, 2)


def with_results(**limits: Limit) -> Book:
    """Books in which five cents were earned, and three spent, in October."""
    book = books()
    for name, limit in limits.items():
        limit_account(book, {"sales": SALES, "costs": COSTS, "result": RESULT}[name], limit)
    know_results(book, NOVEMBER, {(SALES, "EUR"): -5, (COSTS, "EUR"): 3})
    return book


def is_closed(book: Book) -> bool:
    """Whether the results of October are moved; without that, the period can be closed in any case."""
    assert len(close(book, closing(NOVEMBER), NOW)) == 1
    posted, _ = close(book, closing(NOVEMBER, result_to=RESULT), NOW)
    assert isinstance(posted, TransactionPosted)
    return posted.entries == (credited(COSTS, 3), debited(SALES, 5), credited(RESULT, 2))


@pytest.mark.parametrize("directions", [[Direction.DEBIT], [Direction.CREDIT], [*Direction]])
def test_frozen_accounts_of_income_and_expenses_give_up_their_results(directions: list[Direction]) -> None:
    for path in (SALES, COSTS):
        book = with_results()
        book.apply(AccountFrozen(path, frozenset(directions), "why"))
        assert is_closed(book)


def test_limits_on_what_may_be_earned_and_spent_do_not_keep_results_back() -> None:
    # Sales and costs are nothing now: taking the result of October from them leaves less than nothing.
    assert is_closed(with_results(sales=euros(minimum=0), costs=euros(minimum=0)))
    assert is_closed(with_results(sales=euros(minimum=100), costs=euros(minimum=100)))
    loss = books()
    limit_account(loss, SALES, euros(maximum=0))
    know_results(loss, NOVEMBER, {(SALES, "EUR"): 5})
    posted, _ = close(loss, closing(NOVEMBER, result_to=RESULT), NOW)
    assert isinstance(posted, TransactionPosted)
    assert posted.entries == (credited(SALES, 5), debited(RESULT, 5))


def test_an_account_that_was_emptied_and_archived_since_is_restored_before_its_result_is_moved() -> None:
    for path in (SALES, COSTS):
        book = with_results()
        book.apply(AccountArchived(path, "why"))
        with pytest.raises(ArchivedAccount, match="restore the account first") as refused:
            close(book, closing(NOVEMBER, result_to=RESULT), NOW)
        assert refused.value.facts == {"account": path}
        assert path in refused.value.detail
        book.apply(AccountRestored(path, "why"))
        assert is_closed(book)


def test_nothing_is_moved_in_a_frozen_ledger() -> None:
    book = with_results()
    book.apply(LedgerFrozen("why"))
    with pytest.raises(FrozenLedger):
        is_closed(book)
    # Where income and expenses come to the same, nothing goes to equity, and yet something is moved.
    know_results(book, NOVEMBER, {(SALES, "EUR"): -5, (COSTS, "EUR"): 5})
    with pytest.raises(FrozenLedger):
        is_closed(book)


def test_the_account_of_results_takes_them_as_any_posting() -> None:
    in_the_way: dict[type[DomainError], Event] = {
        FrozenAccount: AccountFrozen(RESULT, frozenset([Direction.CREDIT]), "why"),
        ArchivedAccount: AccountArchived(RESULT, "why"),
    }
    for refusal, event in in_the_way.items():
        book = with_results()
        book.apply(event)
        with pytest.raises(refusal):
            is_closed(book)
    with pytest.raises(LimitExceeded):
        is_closed(with_results(result=euros(maximum=1)))
    assert is_closed(with_results(result=euros(maximum=2)))
