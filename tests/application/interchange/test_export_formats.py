"""Ledgers as journals, as files of beancount and as CSV: each written by hand once, and read by plain parsers."""

import csv
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO

import pytest
from hypothesis import given, settings

from application.interchange.beancount_file import BeancountFile
from application.interchange.beancount_names import AccountNames, asset_name
from application.interchange.entries_csv import EntriesCsv
from application.interchange.export_ledger import last_sequence
from application.interchange.hledger_journal import HledgerJournal
from domain.ledger.account import AccountType
from domain.ledger.asset import Asset
from domain.ledger.events import (
    AccountOpened,
    AssetRegistered,
    Event,
    HoldPlaced,
    LedgerCreated,
    TransactionChanged,
    TransactionPosted,
)
from domain.ledger.limit import Limit
from domain.ledger.transaction import TransactionKind
from domain.shared.errors import ValidationFailed
from tests.application.interchange.books import BOOKS, balances_of
from tests.application.interchange.written import read_comments, read_csv, read_journal, stored, written
from tests.application.stored_log import SLUG, StoredLog
from tests.builders import EUR, credited, debited, principal

# 23:30 in the evening of the day before, in New York.
AT = datetime(2026, 3, 1, 4, 30, tzinfo=UTC)
SALE = (debited("assets:bank", 1250, EUR), credited("income:sales", 1250, EUR))

SHOP: Sequence[Event] = (
    LedgerCreated("Shop", "America/New_York", {"k": "v"}),
    AssetRegistered("EUR", 2),
    AccountOpened("assets:bank", AccountType.ASSET, {"iban": "DE1", "a b": "c"}, (Limit(EUR, 0, None),)),
    AccountOpened("income:sales", AccountType.INCOME),
    TransactionPosted("txn_1", SALE, AT, "order-1", "Two books", metadata={"order": "1", "note": "x, y"}),
    HoldPlaced("hold_1", SALE, None, "h", "Held", {}),
    TransactionPosted("txn_2", SALE, AT, None, "x;\n[2020-01-01]", hold="hold_1", is_final=True),
    TransactionPosted("txn_3", SALE, AT, "a(b)", "", TransactionKind.CLOSING, reverses="txn_1"),
    TransactionChanged("txn_1", {"order": "2"}),
)
JOURNAL = """
; 1 2026-11-24T10:00:00.000000Z ledger.created {"metadata":{"k":"v"},"name":"Shop","time_zone":"America/New_York"}

; 2 2026-11-24T10:00:00.000000Z asset.registered {"code":"EUR","scale":2}
commodity "EUR"

; 3 2026-11-24T10:00:00.000000Z account.opened {"account":"assets:bank","limits":[{"asset":"EUR","maximum":null,\
"minimum":"0.00"}],"metadata":{"a b":"c"}}
account assets:bank
    ; type: A
    ; sequence: 3
    ; opened_at: 2026-11-24T10:00:00.000000Z
    ; iban: DE1

account income:sales
    ; type: R
    ; sequence: 4
    ; opened_at: 2026-11-24T10:00:00.000000Z

; 5 2026-11-24T10:00:00.000000Z transaction.posted {"metadata":{"note":"x, y"}}
2026-02-28 (order-1) Two books
    ; id: txn_1
    ; sequence: 5
    ; effective_at: 2026-03-01T04:30:00.000000Z
    ; recorded_at: 2026-11-24T10:00:00.000000Z
    ; order: 1
    assets:bank  12.50 "EUR"
    income:sales  -12.50 "EUR"

; 6 2026-11-24T10:00:00.000000Z hold.placed {"description":"Held","entries":[{"account":"assets:bank","amount":"12.50",\
"asset":"EUR","direction":"debit"},{"account":"income:sales","amount":"12.50","asset":"EUR","direction":"credit"}],\
"expires_at":null,"id":"hold_1","metadata":{},"reference":"h"}

; 7 2026-11-24T10:00:00.000000Z transaction.posted {"description":"x;\\n[2020-01-01]"}
2026-02-28 x [2020-01-01]
    ; id: txn_2
    ; sequence: 7
    ; effective_at: 2026-03-01T04:30:00.000000Z
    ; recorded_at: 2026-11-24T10:00:00.000000Z
    ; hold: hold_1
    ; final: true
    assets:bank  12.50 "EUR"
    income:sales  -12.50 "EUR"

; 8 2026-11-24T10:00:00.000000Z transaction.posted {"reference":"a(b)"}
2026-02-28
    ; id: txn_3
    ; sequence: 8
    ; effective_at: 2026-03-01T04:30:00.000000Z
    ; recorded_at: 2026-11-24T10:00:00.000000Z
    ; kind: closing
    ; reverses: txn_1
    assets:bank  12.50 "EUR"
    income:sales  -12.50 "EUR"

; 9 2026-11-24T10:00:00.000000Z transaction.changed {"id":"txn_1","metadata":{"order":"2"}}

2026-02-28 Balances
    ; balances: 9
    assets:bank  0 "EUR" = 37.50 "EUR"
    income:sales  0 "EUR" = -37.50 "EUR"

; This was the ledger after the event of sequence 9, hash HASH.
"""
BEANCOUNT = """\
; 1 2026-11-24T10:00:00.000000Z ledger.created {"metadata":{},"name":"Shop \\"1\\"","time_zone":"UTC"}
option "title" "Shop \\"1\\""

; 2 2026-11-24T10:00:00.000000Z asset.registered {"code":"1INCH","scale":0}
1700-01-01 commodity ASSET.2
  code: "1INCH"

1700-01-01 open Liabilities:Users:42:Wallet
  path: "users:42:wallet"
  sequence: 3
  opened_at: "2026-11-24T10:00:00.000000Z"

1700-01-01 open Assets:Bank
  path: "assets:bank"
  sequence: 4
  opened_at: "2026-11-24T10:00:00.000000Z"

; 5 2026-11-24T10:00:00.000000Z transaction.posted {"metadata":{"Key":"v"}}
2026-03-01 * "A \\\\ \\"b\\"\\nc"
  id: "txn_1"
  sequence: 5
  effective_at: "2026-03-01T04:30:00.000000Z"
  recorded_at: "2026-11-24T10:00:00.000000Z"
  reference: "r"
  order: "1"
  Assets:Bank  7 ASSET.2
  Liabilities:Users:42:Wallet  -7 ASSET.2
2026-03-02 balance Liabilities:Users:42:Wallet  -7 ~ 0 ASSET.2
2026-03-02 balance Assets:Bank  7 ~ 0 ASSET.2

; This was the ledger after the event of sequence 5, hash HASH.
"""


def hash_of(events: Sequence[Event]) -> str:
    return stored(events)[-1].hash.hex()


async def test_a_journal_keeps_what_it_can_and_says_the_rest_in_comments() -> None:
    assert await written(SHOP, HledgerJournal()) == JOURNAL.replace("HASH", hash_of(SHOP))


async def test_a_file_of_beancount_has_names_that_beancount_allows() -> None:
    coin = Asset("1INCH", 0)
    events = (
        LedgerCreated('Shop "1"', "UTC"),
        AssetRegistered("1INCH", 0),
        AccountOpened("users:42:wallet", AccountType.LIABILITY),
        AccountOpened("assets:bank", AccountType.ASSET),
        TransactionPosted(
            "txn_1",
            (debited("assets:bank", 7, coin), credited("users:42:wallet", 7, coin)),
            AT,
            "r",
            'A \\ "b"\nc',
            metadata={"order": "1", "Key": "v"},
        ),
    )
    assert await written(events, BeancountFile()) == BEANCOUNT.replace("HASH", hash_of(events))


async def test_csv_has_a_line_for_each_entry_that_no_spreadsheet_calculates() -> None:
    events = [
        *SHOP[:4],
        AccountOpened("-a", AccountType.ASSET),
        TransactionPosted("txn_1", (debited("-a", 5, EUR), SALE[1]), AT, "=1+1", "@a\r\n,b", metadata={"k": "=v"}),
    ]
    text = await written(events, EntriesCsv())
    assert text.count("\r\n") == 5  # two of them in descriptions
    first, second = csv.DictReader(StringIO(text, newline=""))
    assert first == {
        "effective_at": "2026-03-01T04:30:00.000000Z",
        "recorded_at": "2026-11-24T10:00:00.000000Z",
        "sequence": "6",
        "transaction": "txn_1",
        "kind": "ordinary",
        "reference": "'=1+1",
        "description": "'@a\r\n,b",
        "account": "'-a",
        "asset": "EUR",
        "debit": "0.05",
        "credit": "",
        "hold": "",
        "reverses": "",
        "metadata": '{"k":"=v"}',
    }
    assert (second["account"], second["debit"], second["credit"]) == ("income:sales", "", "12.50")


async def test_an_export_ends_with_the_sequence_that_is_asked_for() -> None:
    text = await written(SHOP, HledgerJournal(), until=5)
    assert "txn_2" not in text
    assert '    assets:bank  0 "EUR" = 12.50 "EUR"\n' in text
    assert read_journal(text) == {
        ("assets:bank", "EUR"): Decimal("12.50"),
        ("income:sales", "EUR"): Decimal("-12.50"),
    }


@pytest.mark.parametrize("sequence", [0, -1, 10])
async def test_a_sequence_that_is_not_there_is_refused(sequence: int) -> None:
    with pytest.raises(ValidationFailed, match="has the sequences 1 to 9"):
        await last_sequence(StoredLog(stored(SHOP)), principal(), SLUG, sequence)


async def test_a_line_is_never_longer_than_ledger_reads() -> None:
    long = {f"key {number}": "ü" * 1_000 for number in range(3)}
    metadata = {**long, "key": "文" * 1_000, "fits": "文" * 500}
    events = [*SHOP[:4], TransactionPosted("txn_1", SALE, AT, "文" * 255, "文" * 1_000, metadata=metadata)]
    text = await written(events, HledgerJournal())
    assert max(len(line.encode()) for line in text.split("\n")) < 4_096
    assert f"    ; fits: {'文' * 500}\n" in text
    (_, _, said) = list(read_comments(text))[-1]
    assert said == {"description": "文" * 1_000, "metadata": {**long, "key": "文" * 1_000}}


async def test_what_has_others_below_it_is_asserted_with_them_as_beancount_counts() -> None:
    below = "assets:bank:savings"
    events = [
        *SHOP[:4],
        AccountOpened(below, AccountType.ASSET),
        TransactionPosted("txn_1", (debited("assets:bank", 500, EUR), debited(below, 750, EUR), SALE[1]), AT),
    ]
    text = await written(events, BeancountFile())
    assert "balance Assets:Bank  12.50 ~ 0 EUR\n" in text
    assert "balance Assets:Bank:Savings  7.50 ~ 0 EUR\n" in text


async def test_what_beancount_would_round_is_asserted_in_a_comment() -> None:
    amount = 10**28
    entries = (debited("assets:bank", amount, EUR), credited("income:sales", amount, EUR))
    text = await written([*SHOP[:4], TransactionPosted("txn_1", entries, AT)], BeancountFile())
    assert f"; 2026-03-01 balance Assets:Bank  1{'0' * 26}.00 ~ 0 EUR\n" in text


def test_two_accounts_never_have_one_name() -> None:
    names = AccountNames()
    given_names = [
        names.add(path, AccountType.ASSET)
        for path in ("assets:bank", "Assets:bank", "bank", "assets:Bank", "assets", "中", "_x.y", "assets:bank-2")
    ]
    assert given_names == [
        *(
            "Assets:Bank",
            "Assets:Bank-2",
            "Assets:Bank-3",
            "Assets:Bank-4",
            "Assets:Assets",
            "Assets:X中",
            "Assets:X-x-y",
        ),
        "Assets:Bank-2-2",
    ]
    assert names.of("assets:Bank") == "Assets:Bank-4"


@pytest.mark.parametrize(
    ("code", "name"),
    [
        *(("EUR", "EUR"), ("A", "ASSET.7"), ("A.B-C_9", "A.B-C_9"), ("A.", "ASSET.7"), ("A" * 25, "ASSET.7")),
        *(("ASSET.7", "ASSET.7"), ("ASSET.8", "ASSET.7"), ("1INCH", "ASSET.7")),
    ],
)
def test_an_asset_that_beancount_cannot_name_is_named_by_its_sequence(code: str, name: str) -> None:
    assert asset_name(code, 7) == name


@settings(max_examples=40)
@given(BOOKS)
async def test_of_random_books_the_balances_are_right_and_no_event_is_lost(events: Sequence[Event]) -> None:
    journal, beancount = await written(events, HledgerJournal()), await written(events, BeancountFile())
    balances = balances_of(events)
    assert read_journal(journal) == balances
    assert read_csv(await written(events, EntriesCsv())) == balances
    for text in (journal, beancount):
        said = {sequence: (of_type, data) for sequence, of_type, data in read_comments(text)}
        for sequence, event in enumerate(events, 1):
            if not isinstance(event, TransactionPosted | AccountOpened):
                assert said[sequence] == (event.type, event.data())
