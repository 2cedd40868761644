"""What all formats of bank statements have in common."""

import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from adapters.foreign_files.statement_formats import camt053_file
from application.interchange.found import FailedCheck, FoundAccount, FoundAsset, FoundTransaction, Remark, Unreadable
from application.interchange.read_foreign_file import ReadFile
from domain.ledger.account import AccountType
from domain.shared.errors import ValidationFailed
from tests.adapters.foreign_files.statement_samples import (
    ACCOUNT,
    CAMT,
    FILES,
    MT940,
    OFX,
    of_kind,
    options_of,
    read,
    transactions,
)

NAMES = sorted(FILES)
# By hand, from what the bank says in the samples.
LINES = [
    ("2026-10-01", "-850.00", "Hausverwaltung Nord | Miete Oktober"),
    ("2026-10-02", "-3.20", "Bäckerei Müller | Brötchen"),
    ("2026-10-02", "-3.20", "Bäckerei Müller | Brötchen"),
    ("2026-10-05", "2400.00", "Werft GmbH | Gehalt 10.2026"),
]


@pytest.mark.parametrize("name", NAMES)
def test_each_format_says_the_same_of_one_month(name: str) -> None:
    found = read(name, FILES[name])
    said = [
        (f"{each.effective_at:%Y-%m-%d}", f"{each.entries[0].amount:.2f}", each.description)
        for each in transactions(found)
    ]
    assert said == LINES
    assert [each for each in found if isinstance(each, FailedCheck | Unreadable)] == []


@pytest.mark.parametrize("name", NAMES)
def test_money_that_comes_in_debits_the_bank_account_and_credits_the_other_side(name: str) -> None:
    salary = transactions(read(name, FILES[name]))[-1]
    assert [(each.account, each.amount, each.asset) for each in salary.entries] == [
        ("assets:bank:nord", Decimal(2400), "EUR"),
        ("imports:unassigned", Decimal(-2400), "EUR"),
    ]


@pytest.mark.parametrize("name", NAMES)
def test_accounts_and_assets_stand_before_what_uses_them_with_their_types(name: str) -> None:
    found = [each for each in read(name, FILES[name]) if not isinstance(each, Remark)]
    declared = [each for each in found[:3] if not isinstance(each, FoundTransaction)]
    assert [(each.path, each.type) for each in declared if isinstance(each, FoundAccount)] == [
        ("assets:bank:nord", AccountType.ASSET),
        ("imports:unassigned", AccountType.EQUITY),
    ]
    assert [(each.code, each.scale) for each in declared if isinstance(each, FoundAsset)] == [("EUR", 2)]
    assert sum(isinstance(each, FoundAccount | FoundAsset) for each in found) == 3


def test_every_format_gives_a_line_the_same_reference_where_the_bank_has_one_for_it() -> None:
    references = {name: [each.reference for each in transactions(read(name, FILES[name]))] for name in NAMES}
    assert len(set(references["camt053"])) == 4
    assert all(each == references["camt053"] for each in references.values())


def test_days_begin_in_the_time_zone_of_the_ledger_and_references_do_not_change_with_it() -> None:
    here, there = read("camt053", CAMT), read("camt053", CAMT, zone="Europe/Berlin")
    assert transactions(there)[0].effective_at == datetime(2026, 9, 30, 22, tzinfo=UTC)
    assert [each.reference for each in transactions(here)] == [each.reference for each in transactions(there)]


def test_what_the_bank_tells_besides_is_kept_as_metadata() -> None:
    rent = transactions(read("mt940", MT940))[0]
    assert rent.metadata == {
        "bank_account": "37040044/0532013000",
        "bank_reference": "B-1001",
        "counterparty": "Hausverwaltung Nord",
        "counterparty_account": "DE02120300000000202051",
        "end_to_end": "E-77",
        "kind": "LASTSCHRIFT",
        "mandate": "M-7",
        "value_date": "2026-10-01",
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("beginning", "kind"),
    [(b"PK\x03\x04", "ZIP"), (b"\x1f\x8b\x08", "gzip"), (b"BZh9", "bzip2"), (b"%PDF-1.7", "PDF"), (b"", "empty")],
)
def test_compressed_and_other_files_are_refused_by_their_first_bytes(name: str, beginning: bytes, kind: str) -> None:
    (only,) = read(name, beginning and beginning + FILES[name])
    assert isinstance(only, Unreadable)
    assert kind in only.detail


@pytest.mark.parametrize("name", ["camt053", "mt940", "ofx"])
def test_a_file_that_is_cut_off_anywhere_never_passes_for_a_whole_one(name: str) -> None:
    # Beyond the last balance nothing is said any more.
    whole = {"camt053": CAMT.index("</Document>"), "mt940": MT940.index("2543,60"), "ofx": OFX.index("</OFX>")}[name]
    file = FILES[name]
    for end in range(1, whole, 7):
        found = read(name, file[:end])
        assert any(isinstance(each, Unreadable | FailedCheck) for each in found), f"cut off at {end}"


@pytest.mark.parametrize("name", NAMES)
def test_other_encodings_are_found_out_and_shown(name: str) -> None:
    text = FILES[name].decode("cp1252" if name == "ofx" else "utf-8").replace("−", "-")
    text = text.replace('encoding="UTF-8"', 'encoding="windows-1252"').replace("CHARSET:1252", "CHARSET:NONE")
    found = read(name, text.encode("cp1252"))
    assert transactions(found)[1].description == "Bäckerei Müller | Brötchen"
    if name != "camt053":  # XML says what it is in
        assert any("cp1252" in detail for _, detail in of_kind(found, Remark))


@pytest.mark.parametrize("name", NAMES)
def test_byte_order_marks_are_no_part_of_the_text(name: str) -> None:
    text = FILES[name].decode("cp1252" if name == "ofx" else "utf-8").replace('encoding="UTF-8"', 'encoding="UTF-16"')
    for encoding in ("utf-16",) if name == "camt053" else ("utf-8-sig", "utf-16"):
        found = read(name, text.encode(encoding))
        assert [each.description for each in transactions(found)] == [line[2] for line in LINES], encoding


@pytest.mark.parametrize("name", NAMES)
def test_an_account_that_no_profile_names_is_unreadable_and_nothing_is_posted(name: str) -> None:
    other = {"bank_accounts": [{"names": ["NL91ABNA0417164300"], "account": "assets:other"}]}
    found = read(name, FILES[name], options_of(name) | other)
    assert transactions(found) == []
    assert len(of_kind(found, Unreadable)) == 4


def test_without_a_profile_the_bank_account_is_opened_as_an_asset() -> None:
    found = read("camt053", CAMT, {})
    assert {each.account for each in transactions(found)[0].entries} == {"assets:bank", "imports:unassigned"}


def test_rules_decide_over_the_other_side_by_what_texts_contain() -> None:
    rules = [
        {"contains": "MÜLLER", "account": "expenses:food", "type": "expense"},
        {"contains": "brötchen", "account": "expenses:never"},
        {"contains": "gehalt", "account": "income:salary"},
    ]
    found = read("camt053", CAMT, ACCOUNT | {"rules": rules})
    assert [each.entries[1].account for each in transactions(found)] == [
        "imports:unassigned",
        "expenses:food",
        "expenses:food",
        "income:salary",
    ]
    assert {each.path: each.type for each in found if isinstance(each, FoundAccount)} == {
        "assets:bank:nord": AccountType.ASSET,
        "imports:unassigned": AccountType.EQUITY,
        "expenses:food": AccountType.EXPENSE,
        "income:salary": None,
    }


@pytest.mark.parametrize("is_first", [True, False])
def test_a_type_that_one_rule_says_is_that_of_the_account_whichever_comes_first(is_first: bool) -> None:
    typed = {"contains": "Brötchen", "account": "expenses:all", "type": "expense"}
    untyped = {"contains": "Miete", "account": "expenses:all"}
    if is_first:  # in the file, which has the rent before the rolls
        typed["contains"], untyped["contains"] = untyped["contains"], typed["contains"]
    read_file = ReadFile()
    for each in read("camt053", CAMT, ACCOUNT | {"rules": [untyped, typed]}):
        read_file.take(each)
    assert read_file.accounts["expenses:all"].type is AccountType.EXPENSE


def test_the_file_is_left_open_for_whom_it_belongs_to() -> None:
    for name, content in FILES.items():
        file = io.BytesIO(content)
        read(name, content)
        reading = camt053_file({}, "UTC").read(file)
        next(reading)
        del reading
        assert not file.closed


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ({"acounts": []}, "/options"),
        ({"csv": {"columns": {"date": 1, "amount": 2}}}, "/options"),
        ({"bank_accounts": {}}, "/options/bank_accounts"),
        ({"bank_accounts": [{"names": ["x"]}]}, "/options/bank_accounts/0/account"),
        ({"bank_accounts": [{"account": "a::b"}]}, "/options/bank_accounts/0/account"),
        ({"bank_accounts": [{"account": "a", "type": "bank"}]}, "/options/bank_accounts/0/type"),
        ({"bank_accounts": [{"account": "a"}, {"account": "b"}]}, "/options/bank_accounts/1"),
        (
            {"bank_accounts": [{"account": "a", "names": ["D E 1"]}, {"account": "b", "names": ["de1"]}]},
            "/options/bank_accounts/1",
        ),
        ({"bank_accounts": [{"account": "a", "names": [7]}]}, "/options/bank_accounts/0/names/0"),
        ({"rules": [{"contains": " ", "account": "a"}]}, "/options/rules/0/contains"),
        ({"rules": [[]]}, "/options/rules/0"),
        ({"rules": [{"contains": "x", "account": "a", "then": 1}]}, "/options/rules/0"),
        ({"unassigned": "a"}, "/options/unassigned"),
        (
            {
                "rules": [
                    {"contains": "x", "account": "a", "type": "expense"},
                    {"contains": "y", "account": "a"},
                    {"contains": "z", "account": "a", "type": "asset"},
                ]
            },
            "/options/rules/2/type",
        ),
        ({"rules": [{"contains": "x", "account": "assets:bank", "type": "expense"}]}, "/options/rules/0/type"),
        (
            {"bank_accounts": [{"account": "a", "type": "asset"}], "unassigned": {"account": "a", "type": "equity"}},
            "/options/unassigned/type",
        ),
    ],
)
def test_a_profile_that_is_not_understood_is_refused_with_the_place_in_it(options: dict, pointer: str) -> None:  # type: ignore[type-arg] # any JSON
    with pytest.raises(ValidationFailed) as refused:
        camt053_file(options, "UTC")
    assert refused.value.blames[0].pointer == pointer
