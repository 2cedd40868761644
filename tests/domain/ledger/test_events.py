import json
from datetime import timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger.account import AccountType
from domain.ledger.asset import Asset
from domain.ledger.chart import Pattern, Rule
from domain.ledger.events import (
    AccountChanged,
    AccountOpened,
    AssetRegistered,
    ChartSet,
    Event,
    LedgerChanged,
    LedgerCreated,
    TransactionChanged,
    TransactionPosted,
)
from domain.ledger.events.parsing import parse_event
from domain.shared.chain import Head, canonical_json, follow, record
from tests.builders import AUTHOR, EUR, JPY, NOW, credited, debited
from tests.strategies import EVENTS


def stored(event: Event) -> Event:
    """The event as it comes back from its stored bytes."""
    known: dict[str, Asset] = {}
    if isinstance(event, TransactionPosted):
        known = {entry.asset.code: entry.asset for entry in event.entries}
    return parse_event(event.type, json.loads(canonical_json(event.data())), known.__getitem__)


@given(EVENTS)
def test_an_event_comes_back_from_its_bytes_as_it_was(event: Event) -> None:
    assert stored(event) == event


@given(st.lists(EVENTS, max_size=5))
def test_a_log_of_any_events_can_be_followed(events: list[Event]) -> None:
    head = followed = Head()
    for number, event in enumerate(events):
        recorded = record(event, head, id=f"evt_{number}", author=AUTHOR, recorded_at=NOW + timedelta(days=number))
        head = recorded.head
        followed = follow(followed, recorded.content, recorded.hash)
    assert followed == head


# What other programs and later versions read: written out by hand, once and for all.
WRITTEN: list[tuple[Event, str]] = [
    (LedgerCreated("Main", "UTC", {"a": "1"}), '{"metadata":{"a":"1"},"name":"Main","time_zone":"UTC"}'),
    (LedgerChanged("Other", {}), '{"metadata":{},"name":"Other"}'),
    (AssetRegistered("BTC", 8), '{"code":"BTC","scale":8}'),
    (
        ChartSet((Rule(Pattern("users:*"), AccountType.LIABILITY), Rule(Pattern("**"), AccountType.EQUITY))),
        '{"rules":[{"pattern":"users:*","type":"liability"},{"pattern":"**","type":"equity"}]}',
    ),
    (
        AccountOpened("assets:bank", AccountType.ASSET, {"iban": "DE1"}),
        '{"account":"assets:bank","metadata":{"iban":"DE1"},"type":"asset"}',
    ),
    (AccountChanged("assets:bank", {}), '{"account":"assets:bank","metadata":{}}'),
    (
        TransactionPosted(
            "txn_1",
            (debited("a", 1_250), credited("b", 1_250), debited("a", 7, JPY), credited("b", 7, JPY)),
            NOW,
            reference="order-1",
            description="Order 1",
            metadata={"a": "1"},
        ),
        (
            '{"description":"Order 1","effective_at":"2026-11-24T10:00:00.000000Z","entries":['
            '{"account":"a","amount":"12.50","asset":"EUR","direction":"debit"},'
            '{"account":"b","amount":"12.50","asset":"EUR","direction":"credit"},'
            '{"account":"a","amount":"7","asset":"JPY","direction":"debit"},'
            '{"account":"b","amount":"7","asset":"JPY","direction":"credit"}],'
            '"id":"txn_1","kind":"ordinary","metadata":{"a":"1"},"reference":"order-1"}'
        ),
    ),
    (TransactionChanged("txn_1", {"b": "2"}), '{"id":"txn_1","metadata":{"b":"2"}}'),
]


@pytest.mark.parametrize(("event", "written"), WRITTEN, ids=lambda value: getattr(value, "type", ""))
def test_an_event_is_written_in_its_one_form(event: Event, written: str) -> None:
    assert canonical_json(event.data()) == written.encode()
    assert stored(event) == event


def test_there_is_a_written_form_of_every_event_and_types_differ() -> None:
    kinds = {type(event) for event, _ in WRITTEN}
    assert kinds == set(get_args(Event))
    assert len({kind.type for kind in kinds}) == len(kinds)


def test_a_transaction_without_a_reference_says_so() -> None:
    event = TransactionPosted("txn_1", (debited("a", 1), credited("b", 1)), NOW)
    assert event.data()["reference"] is None
    assert event.data()["description"] == ""


@pytest.mark.parametrize(
    ("event_type", "data"),
    [
        ("ledger.destroyed", {}),
        ("account.opened", {"account": "a"}),
        ("account.opened", {"account": "a", "type": "wallet", "metadata": {}}),
        ("chart.set", {"rules": [{"pattern": "a", "type": "none"}]}),
    ],
)
def test_what_no_version_wrote_is_not_parsed(event_type: str, data: dict[str, object]) -> None:
    with pytest.raises((KeyError, ValueError)):
        parse_event(event_type, data, {"EUR": EUR}.__getitem__)
