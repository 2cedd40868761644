from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger.transaction import (
    EffectiveInFuture,
    Entry,
    UnbalancedTransaction,
    check_balanced,
    effective_time,
)
from domain.shared.errors import ValidationFailed
from tests.builders import EUR, JPY, NOW, POINTS, credited, debited

MINUTE = timedelta(minutes=1)
INSTANT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    "entries",
    [
        [debited("a", 100), credited("b", 100)],
        [debited("a", 100), credited("a", 100)],
        [debited("a", 100), credited("b", 84), credited("c", 16)],
        [debited("a", 1), credited("b", 1), debited("a", 7, JPY), credited("b", 7, JPY)],
        [credited("b", 10**30), debited("a", 10**30)],
        [debited("a", 1), credited("b", 1)] * 2_500,
    ],
    ids=len,
)
def test_debits_that_equal_credits_balance(entries: list[Entry]) -> None:
    check_balanced(entries)


def test_debits_and_credits_that_differ_do_not_balance_and_the_refusal_says_by_how_much() -> None:
    with pytest.raises(UnbalancedTransaction) as refused:
        check_balanced([debited("a", 10_000), credited("b", 8_403), credited("c", 1_596)])
    assert refused.value.detail == "In EUR, debits are 100.00 and credits 99.99: they differ by 0.01."
    assert [blame.pointer for blame in refused.value.blames] == ["/entries"]


def test_each_asset_has_to_balance_by_itself() -> None:
    with pytest.raises(UnbalancedTransaction) as refused:
        check_balanced([debited("a", 5, EUR), credited("b", 5, EUR), debited("a", 1, JPY), credited("b", 1, POINTS)])
    assert refused.value.detail == "In JPY, debits are 1 and credits 0: they differ by 1."


def test_entries_on_one_side_alone_do_not_balance() -> None:
    with pytest.raises(UnbalancedTransaction):
        check_balanced([debited("a", 5), debited("b", 5)])


@pytest.mark.parametrize("count", [0, 1, 5_001, 5_002])
def test_a_transaction_has_from_two_to_five_thousand_entries(count: int) -> None:
    with pytest.raises(ValidationFailed) as refused:
        check_balanced(([debited("a", 1), credited("b", 1)] * 2_501)[:count])
    assert [blame.pointer for blame in refused.value.blames] == ["/entries"]


@given(st.lists(st.integers(1, 10**30), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_mirrored_amounts_balance_in_any_order_and_not_with_one_unit_more(amounts: list[int], random: Random) -> None:
    entries = [debited("a", amount) for amount in amounts] + [credited("b", sum(amounts))]
    random.shuffle(entries)
    check_balanced(entries)
    with pytest.raises(UnbalancedTransaction):
        check_balanced([*entries, debited("c", 1)])


@pytest.mark.parametrize(
    ("asked", "effective"),
    [
        (None, NOW),
        (NOW, NOW),
        (NOW - INSTANT, NOW - INSTANT),
        (NOW - timedelta(days=20_000), NOW - timedelta(days=20_000)),
        (NOW + INSTANT, NOW),
        (NOW + MINUTE, NOW),
    ],
    ids=["not said", "now", "just before", "long ago", "just ahead", "a minute ahead"],
)
def test_what_is_effective_within_a_minute_is_effective_now(asked: datetime | None, effective: datetime) -> None:
    assert effective_time(asked, NOW) == effective


@pytest.mark.parametrize("ahead", [MINUTE + INSTANT, timedelta(days=1), timedelta(days=300_000)])
def test_what_would_be_effective_later_is_refused(ahead: timedelta) -> None:
    with pytest.raises(EffectiveInFuture) as refused:
        effective_time(NOW + ahead, NOW)
    assert [blame.pointer for blame in refused.value.blames] == ["/effective_at"]
