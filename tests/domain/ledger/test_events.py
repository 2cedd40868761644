import json
from datetime import UTC, date, datetime, timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger.account import AccountType
from domain.ledger.asset import Asset
from domain.ledger.attachment import Attachment, Subject, SubjectKind
from domain.ledger.chart import Rule
from domain.ledger.events import (
    AccountArchived,
    AccountChanged,
    AccountFrozen,
    AccountOpened,
    AccountRestored,
    AccountUnfrozen,
    AssetRegistered,
    AttachmentAdded,
    AttachmentRemoved,
    ChartSet,
    Event,
    HoldExpired,
    HoldPlaced,
    HoldReleased,
    LedgerArchived,
    LedgerChanged,
    LedgerCreated,
    LedgerFrozen,
    LedgerRestored,
    LedgerUnfrozen,
    PeriodClosed,
    PeriodReopened,
    TransactionChanged,
    TransactionPosted,
)
from domain.ledger.events.parsing import parse_event
from domain.ledger.limit import Limit
from domain.ledger.transaction import Direction, Entry, TransactionKind
from domain.shared.chain import Head, canonical_json, follow, record
from domain.shared.patterns import Pattern
from tests.builders import AUTHOR, EUR, JPY, NOW, credited, debited
from tests.strategies import EVENTS


def stored(event: Event) -> Event:
    """The event as it comes back from its stored bytes."""
    of: tuple[Entry | Limit, ...] = ()
    match event:
        case TransactionPosted() | HoldPlaced():
            of = event.entries
        case AccountOpened() | AccountChanged():
            of = event.limits
        case ChartSet():
            of = tuple(limit for rule in event.rules for limit in rule.limits)
    known: dict[str, Asset] = {each.asset.code: each.asset for each in of}
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
    # Those above are of versions that did not tell what was before.
    (
        TransactionChanged("txn_1", {"b": "2"}, {"metadata": {"a": "1"}}),
        '{"before":{"metadata":{"a":"1"}},"id":"txn_1","metadata":{"b":"2"}}',
    ),
    (
        LedgerChanged("Other", {}, {"metadata": {}, "name": "Main"}),
        '{"before":{"metadata":{},"name":"Main"},"metadata":{},"name":"Other"}',
    ),
    (AssetRegistered("BTC", 8, {"scale": 6}), '{"before":{"scale":6},"code":"BTC","scale":8}'),
    (
        ChartSet((), {"rules": [{"pattern": "**", "type": "equity"}]}),
        '{"before":{"rules":[{"pattern":"**","type":"equity"}]},"rules":[]}',
    ),
    (
        AccountChanged("users:1", {"a": "1"}, (), {"metadata": {}}),
        '{"account":"users:1","before":{"metadata":{}},"metadata":{"a":"1"}}',
    ),
    (
        ChartSet((Rule(Pattern("users:*"), AccountType.LIABILITY, (Limit(EUR, 0), Limit(JPY, None, -70))),)),
        (
            '{"rules":[{"limits":[{"asset":"EUR","maximum":null,"minimum":"0.00"},'
            '{"asset":"JPY","maximum":"-70","minimum":null}],"pattern":"users:*","type":"liability"}]}'
        ),
    ),
    (
        AccountOpened("users:1", AccountType.LIABILITY, {}, (Limit(EUR, -5, 1_250),)),
        (
            '{"account":"users:1","limits":[{"asset":"EUR","maximum":"12.50","minimum":"-0.05"}],'
            '"metadata":{},"type":"liability"}'
        ),
    ),
    (
        AccountChanged("users:1", {"a": "1"}, (Limit(EUR),)),
        ('{"account":"users:1","limits":[{"asset":"EUR","maximum":null,"minimum":null}],"metadata":{"a":"1"}}'),
    ),
    (
        AccountFrozen("users:1", frozenset(Direction), "Court order"),
        '{"account":"users:1","directions":["credit","debit"],"reason":"Court order"}',
    ),
    (
        AccountUnfrozen("users:1", frozenset([Direction.DEBIT]), "Lifted"),
        '{"account":"users:1","directions":["debit"],"reason":"Lifted"}',
    ),
    (AccountArchived("users:1", "Left"), '{"account":"users:1","reason":"Left"}'),
    (AccountRestored("users:1", "Back"), '{"account":"users:1","reason":"Back"}'),
    (LedgerFrozen("Audit"), '{"reason":"Audit"}'),
    (LedgerUnfrozen("Done"), '{"reason":"Done"}'),
    (LedgerArchived("Closed"), '{"reason":"Closed"}'),
    (LedgerRestored("Back"), '{"reason":"Back"}'),
    (
        PeriodClosed("prd_1", None, None, date(2026, 11, 1), datetime(2026, 10, 31, 23, tzinfo=UTC), "October"),
        (
            '{"ends_at":"2026-10-31T23:00:00.000000Z","ends_on":"2026-11-01","id":"prd_1","reason":"October",'
            '"starts_at":null,"starts_on":null}'
        ),
    ),
    (
        PeriodClosed("prd_2", date(2026, 11, 1), datetime(2026, 11, 1, tzinfo=UTC), NOW.date(), NOW),
        (
            '{"ends_at":"2026-11-24T10:00:00.000000Z","ends_on":"2026-11-24","id":"prd_2","reason":"",'
            '"starts_at":"2026-11-01T00:00:00.000000Z","starts_on":"2026-11-01"}'
        ),
    ),
    (PeriodReopened("prd_1", "Late"), '{"id":"prd_1","reason":"Late"}'),
    (
        HoldPlaced("hold_1", (debited("a", 5), credited("b", 5)), NOW, "order-1", "Order 1", {"a": "1"}),
        (
            '{"description":"Order 1","entries":[{"account":"a","amount":"0.05","asset":"EUR","direction":"debit"},'
            '{"account":"b","amount":"0.05","asset":"EUR","direction":"credit"}],'
            '"expires_at":"2026-11-24T10:00:00.000000Z","id":"hold_1","metadata":{"a":"1"},"reference":"order-1"}'
        ),
    ),
    (
        HoldPlaced("hold_1", (debited("a", 5), credited("b", 5))),
        (
            '{"description":"","entries":[{"account":"a","amount":"0.05","asset":"EUR","direction":"debit"},'
            '{"account":"b","amount":"0.05","asset":"EUR","direction":"credit"}],'
            '"expires_at":null,"id":"hold_1","metadata":{},"reference":null}'
        ),
    ),
    (HoldReleased("hold_1", "Cancelled"), '{"id":"hold_1","reason":"Cancelled"}'),
    (HoldExpired("hold_1"), '{"id":"hold_1"}'),
    (
        AttachmentAdded(
            Attachment("att_1", Subject(SubjectKind.HOLD, "hold_1"), "März.pdf", "application/pdf", 3, bytes(32))
        ),
        (
            '{"hold":"hold_1","id":"att_1","media_type":"application/pdf","name":"März.pdf",'
            '"sha256":"0000000000000000000000000000000000000000000000000000000000000000","size":3}'
        ),
    ),
    (
        AttachmentRemoved("att_1", Subject(SubjectKind.ACCOUNT, "a"), b"\xff" * 32, "Wrong one"),
        (
            '{"account":"a","id":"att_1","reason":"Wrong one",'
            '"sha256":"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"}'
        ),
    ),
    (
        TransactionPosted("txn_2", (debited("a", 5), credited("b", 5)), NOW, hold="hold_1", is_final=True),
        (
            '{"description":"","effective_at":"2026-11-24T10:00:00.000000Z","entries":['
            '{"account":"a","amount":"0.05","asset":"EUR","direction":"debit"},'
            '{"account":"b","amount":"0.05","asset":"EUR","direction":"credit"}],'
            '"final":true,"hold":"hold_1","id":"txn_2","kind":"ordinary","metadata":{},"reference":null}'
        ),
    ),
    (
        TransactionPosted(
            "txn_3", (debited("b", 5), credited("a", 5)), NOW, kind=TransactionKind.CLOSING, reverses="txn_2"
        ),
        (
            '{"description":"","effective_at":"2026-11-24T10:00:00.000000Z","entries":['
            '{"account":"b","amount":"0.05","asset":"EUR","direction":"debit"},'
            '{"account":"a","amount":"0.05","asset":"EUR","direction":"credit"}],'
            '"id":"txn_3","kind":"closing","metadata":{},"reference":null,"reverses":"txn_2"}'
        ),
    ),
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
