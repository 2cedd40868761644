"""Statements that stand in one file twice, or do not follow on each other, are told."""

import re

import pytest

from application.interchange.found import FailedCheck, Unreadable
from tests.adapters.foreign_files.statement_samples import (
    CAMT,
    MT940,
    OFX,
    camt,
    camt_balance,
    camt_entry,
    of_kind,
    read,
    transactions,
)

_CAMT_STATEMENT = CAMT[CAMT.index("<Stmt>") : CAMT.index("</BkToCstmrStmt>")]
_OFX_STATEMENT = OFX[OFX.index("<STMTTRNRS>") : OFX.index("</STMTTRNRS>") + len("</STMTTRNRS>")]
# The two sums of the month are 1000.00 and 2543.60.
_BREAK = "The statement opens with 1000.00 EUR; the one before it closed with 2543.60 ({}). "
_BREAK += "One is missing between them, or they have lines in common."


def page(number: str, day: str, opening: str, amount: str, closing: str, *, account: str = "1/2") -> str:
    """Write a statement of MT940 with one line."""
    head = f":20:A\n:25:{account}\n:28C:{number}\n:60F:C{day}EUR{opening}\n" if number else ""
    head = head or f":20:A\n:25:{account}\n:60F:C{day}EUR{opening}\n"
    return f"{head}:61:{day}{day[2:]}{amount}NMSCNONREF\n:62F:C{day}EUR{closing}\n"


@pytest.mark.parametrize(
    ("name", "twice", "place"),
    [
        ("mt940", MT940 + MT940, "line 21"),
        ("camt053", CAMT.replace(_CAMT_STATEMENT, _CAMT_STATEMENT * 2), "line 38"),
    ],
)
def test_a_statement_that_stands_in_the_file_twice_is_read_once_and_told(name: str, twice: str, place: str) -> None:
    found = read(name, twice)
    assert [each.reference for each in transactions(found)] == [
        each.reference for each in transactions(read(name, {"mt940": MT940, "camt053": CAMT}[name]))
    ]
    assert of_kind(found, Unreadable) == [
        (place, "The same statement stands in the file before; here, it is left out.")
    ]
    assert of_kind(found, FailedCheck) == []


def test_a_transaction_of_ofx_whose_fitid_stands_in_the_file_before_is_unreadable() -> None:
    found = read("ofx", OFX.replace(_OFX_STATEMENT, _OFX_STATEMENT * 2).encode("cp1252"))
    assert len(transactions(found)) == 4
    assert [detail for _, detail in of_kind(found, Unreadable)] == [
        f"The bank's reference 'B-100{number}' is in the file before, and it is of one line only."
        for number in range(1, 5)
    ]
    # Another amount makes no other transaction of it; a bank that has no references makes no claim.
    assert len(of_kind(read("ofx", OFX.replace("B-1003", "B-1001")), Unreadable)) == 1
    assert of_kind(read("ofx", re.sub(r"B-100.", "0", OFX)), Unreadable) == []


def test_the_same_fitid_in_two_bank_accounts_is_of_two_transactions() -> None:
    other = _OFX_STATEMENT.replace("0532013000", "0532013001")
    found = read("ofx", OFX.replace(_OFX_STATEMENT, _OFX_STATEMENT + other), {})
    assert len(transactions(found)) == 8
    assert of_kind(found, Unreadable) == []


@pytest.mark.parametrize(
    ("name", "file", "place", "before"),
    [
        ("mt940", re.sub(":28C:.*\n", "", MT940 + MT940), "line 19", "line 14"),
        (
            "camt053",
            CAMT.replace(_CAMT_STATEMENT, _CAMT_STATEMENT * 2).replace("<Id>S1</Id>", ""),
            "line 38",
            "line 33",
        ),
        (
            "camt053",
            CAMT.replace(_CAMT_STATEMENT, _CAMT_STATEMENT + _CAMT_STATEMENT.replace("<Id>S1</Id>", "<Id>S2</Id>")),
            "line 38",
            "line 33",
        ),
    ],
)
def test_a_statement_that_does_not_follow_on_the_one_before_it_fails_a_check(
    name: str, file: str, place: str, before: str
) -> None:
    assert of_kind(read(name, file), FailedCheck) == [(place, _BREAK.format(before))]


def test_statements_that_follow_on_each_other_are_clear_whatever_their_numbers_are() -> None:
    first = page("0", "261001", "10,00", "C5,00", "15,00")
    back = page("0", "261002", "15,00", "D5,00", "10,00")
    other = page("0", "261001", "10,00", "C5,00", "15,00", account="3/4")
    again = page("0", "261003", "10,00", "C5,00", "15,00")
    found = read("mt940", first + other + back + again, {})
    assert len(transactions(found)) == 4
    assert of_kind(found, Unreadable) == of_kind(found, FailedCheck) == []


def test_pages_of_one_statement_are_told_apart_by_their_numbers() -> None:
    entry = camt_entry(amount="5.00", mark="CRDT", day="2026-10-01", reference="B", party="", purpose="x")
    pages = [
        camt(f"<StmtPgntn><PgNb>{number}</PgNb></StmtPgntn>{balance}{entry}")
        for number, balance in ((1, camt_balance("OPBD", "1.00")), (2, camt_balance("CLBD", "11.00")), (3, ""))
    ]
    inner = "".join(each[each.index("<Stmt>") : each.index("</BkToCstmrStmt>")] for each in pages)
    found = read("camt053", CAMT.replace(_CAMT_STATEMENT, inner))
    assert len(transactions(found)) == 3
    assert of_kind(found, Unreadable) == of_kind(found, FailedCheck) == []


def test_a_statement_without_a_closing_balance_is_no_measure_for_the_next() -> None:
    first = page("1", "261001", "10,00", "C5,00", "15,00")
    cut_off = page("2", "261002", "15,00", "C5,00", "20,00").replace(":62F:C261002EUR20,00\n", "")
    found = read("mt940", first + cut_off + page("3", "261003", "20,00", "C5,00", "25,00"), {})
    assert of_kind(found, FailedCheck) == []
    assert ["has no closing balance" in detail for _, detail in of_kind(found, Unreadable)] == [True]


def test_more_bank_accounts_than_anyone_has_are_given_up() -> None:
    pages = "".join(page("1", "261001", "1,00", "C1,00", "2,00", account=str(number)) for number in range(1_002))
    found = read("mt940", pages, {})
    assert len(transactions(found)) == 1_000
    assert [place for place, _ in of_kind(found, Unreadable)] == ["line 6004", "line 6010"]
