from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.ledger.account import AccountType
from domain.ledger.balance import NOTHING, Balance
from domain.ledger.transaction import Direction

NOON = datetime(2026, 3, 31, 12, tzinfo=UTC)


def test_a_debit_and_a_credit_each_go_to_their_side() -> None:
    assert NOTHING.after(Direction.DEBIT, 5, sequence=3, effective_at=NOON) == Balance(5, 0, 1)
    assert Balance(5, 0, 1).after(Direction.CREDIT, 7, sequence=3, effective_at=NOON) == Balance(5, 7, 2)


def test_a_balance_knows_the_last_event_that_changed_it() -> None:
    assert NOTHING.sequence == 0
    first = NOTHING.after(Direction.DEBIT, 5, sequence=3, effective_at=NOON)
    assert first.after(Direction.CREDIT, 5, sequence=8, effective_at=NOON).sequence == 8


def test_an_entry_that_comes_after_a_later_one_is_late_and_moves_no_time_back() -> None:
    balance = NOTHING
    lateness = []
    for minute in (0, 5, 5, 4, 6, 1):
        balance = balance.after(Direction.DEBIT, 1, sequence=2, effective_at=NOON + timedelta(minutes=minute))
        lateness.append((balance.latest_effective_at - NOON, balance.late))
    assert lateness == [
        (timedelta(minutes=latest), late) for latest, late in ((0, 0), (5, 0), (5, 0), (5, 1), (6, 1), (6, 2))
    ]


def test_the_posted_balance_is_the_normal_side_minus_the_other() -> None:
    balance = Balance(posted_debits=30, posted_credits=100)
    assert {account_type: balance.posted(account_type) for account_type in AccountType} == {
        AccountType.ASSET: -70,
        AccountType.EXPENSE: -70,
        AccountType.LIABILITY: 70,
        AccountType.EQUITY: 70,
        AccountType.INCOME: 70,
    }


@given(st.lists(st.integers(0, 9)), st.integers(0, 10), st.integers(0, 50))
def test_what_was_effective_before_a_time_is_all_up_to_a_line_and_late_entries_after_it(
    minutes: list[int], before: int, known: int
) -> None:
    entries = [(NOON + timedelta(minutes=minute), 2**number) for number, minute in enumerate(minutes[:known])]
    bound = NOON + timedelta(minutes=before)
    balance, counted, late = NOTHING, NOTHING, 0
    for effective_at, amount in entries:
        following = balance.after(Direction.DEBIT, amount, sequence=2, effective_at=effective_at)
        if following.latest_effective_at < bound:
            counted = following
        elif following.late > balance.late and effective_at < bound:
            late += amount
        balance = following
    assert counted.posted_debits + late == sum(amount for effective_at, amount in entries if effective_at < bound)


@given(st.lists(st.tuples(st.sampled_from(Direction), st.integers(1, 10**30))))
def test_a_balance_is_the_sum_of_its_entries(entries: list[tuple[Direction, int]]) -> None:
    balance = NOTHING
    for direction, amount in entries:
        balance = balance.after(direction, amount, sequence=2, effective_at=NOON)
    assert balance.posted_debits == sum(amount for direction, amount in entries if direction is Direction.DEBIT)
    assert balance.posted_credits == sum(amount for direction, amount in entries if direction is Direction.CREDIT)
    assert balance.version == len(entries)
