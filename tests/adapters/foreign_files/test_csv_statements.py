"""Tables of bank statements: how they are laid out is found out, and shown; what is wrong is told."""

from decimal import Decimal
from typing import Any

import pytest

from adapters.foreign_files.statement_formats import csv_file
from application.interchange.found import FailedCheck, FoundAsset, Remark, Unreadable
from domain.shared.errors import ValidationFailed
from tests.adapters.foreign_files.csv_tables import COLUMNS, amounts_of, rows_of, table
from tests.adapters.foreign_files.statement_samples import CSV, of_kind, options_of, read, transactions


def test_what_is_found_out_is_shown() -> None:
    (read_as, before) = of_kind(read("csv", CSV), Remark)
    assert read_as == (
        "the file",
        (
            "Read as utf-8, cells separated by ';', decimals behind a comma, dates as day, month, year "
            "(the first is 2026-10-01, the last 2026-10-05); date is 'Buchungstag', amount is 'Betrag', "
            "currency is 'Währung', counterparty is 'Empfänger', reference is 'Referenz', balance is 'Saldo', "
            "purpose/1 is 'Zweck'."
        ),
    )
    assert before == ("line 1", "The lines up to 3 stand before the table; they are left out.")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_cells_may_be_separated_in_different_ways(delimiter: str) -> None:
    name = f'"Shop{delimiter} ""Nord""\nHamburg"'
    rows = f"Date{delimiter}Name{delimiter}Amount\n2026-10-01{delimiter}{name}{delimiter}1.50\n"
    (only,) = transactions(table(rows))
    assert only.description == " ".join(f'Shop{delimiter} "Nord"\nHamburg'.split())


def test_columns_may_have_numbers_and_then_the_first_row_with_values_begins_the_table() -> None:
    before = "Account statement\nfrom 2026-10-01\n"
    rows = f"{before}2026-10-02,Rent,,850.00\n2026-10-03,Salary,2400.00,\n2026-10-04,Fee,,1.50\n"
    found = table(rows, columns={"date": 1, "purpose": [2], "money_in": 3, "money_out": 4})
    assert amounts_of(found) == [Decimal(-850), Decimal(2400), Decimal("-1.5")]
    assert ("line 1", "The lines up to 2 stand before the table; they are left out.") in of_kind(found, Remark)


def test_without_a_profile_the_columns_that_are_there_are_told() -> None:
    (only,) = read("csv", CSV, {})
    assert isinstance(only, Unreadable)
    assert only.place == "line 4"
    assert "'Buchungstag', 'Empfänger', 'Zweck', 'Betrag', 'Währung', 'Saldo', 'Referenz'" in only.detail


def test_a_column_that_is_not_there_is_told_with_those_that_are() -> None:
    (only,) = table("Date;Name;Sum\n2026-10-01;x;1.50\n")
    assert isinstance(only, Unreadable)
    assert only.detail == (
        "No row has all columns of the profile: 'Date', 'Amount', 'Name'. Separated by ';', there are here: "
        "'Date', 'Name', 'Sum'."
    )


def test_rows_that_are_no_lines_are_unreadable_and_blank_ones_are_nothing() -> None:
    found = table(rows_of("1.50") + ";;\n\nTotal;;1.50\n2026-10-01;x\n")
    assert amounts_of(found) == [Decimal("1.5")]
    assert [place for place, _ in of_kind(found, Unreadable)] == ["line 5", "line 6"]


def test_a_quote_that_is_cut_off_is_unreadable() -> None:
    found = table(rows_of("1.50") + '2026-10-01;"x;2.50\n')
    assert amounts_of(found) == [Decimal("1.5")]
    assert [place for place, _ in of_kind(found, Unreadable)] == ["line 3"]


@pytest.mark.parametrize("is_newest_first", [False, True])
def test_balances_are_checked_from_line_to_line_in_either_order(is_newest_first: bool) -> None:
    lines = ["2026-10-01;x;5.00;15.00", "2026-10-02;x;-3.00;12.00", "2026-10-03;x;1.00;13.00"]
    columns = COLUMNS | {"balance": "Balance"}

    def checked(lines: list[str]) -> list[str]:
        turned = lines[::-1] if is_newest_first else lines
        found = table("Date;Name;Amount;Balance\n" + "\n".join(turned), columns=columns)
        return [place for place, _ in of_kind(found, FailedCheck)]

    assert checked(lines) == []
    assert checked([*lines, "2026-10-04;x;1.00;15.00"]) == ["line 3" if is_newest_first else "line 5"]


def test_the_currency_is_what_the_line_says_or_else_the_profile() -> None:
    said = [("1.50", "usd"), ("CHF 1.50", ""), ("1.50", ""), ("£1.50", "EUR")]
    rows = "Date;Name;Amount;Currency\n" + "".join(f"2026-10-01;x;{amount};{code}\n" for amount, code in said)
    found = table(rows, columns=COLUMNS | {"currency": "Currency"})
    assert [each.entries[0].asset for each in transactions(found)] == ["USD", "CHF", "EUR"]
    assert [place for place, _ in of_kind(found, Unreadable)] == ["line 5"]
    assert of_kind(table(rows_of("1.50"), currency=None), Unreadable) == [
        ("line 2", "Nothing says one currency: neither a column, nor the amount, nor the profile.")
    ]


def test_an_asset_has_as_many_digits_as_are_written_or_its_currency_has() -> None:
    found = table(rows_of("JPY 5", "EUR 1", "XTS 1.2345", "XTS 1.23456"), currency=None)
    assert [(each.code, each.scale) for each in found if isinstance(each, FoundAsset)] == [
        ("JPY", 0),
        ("EUR", 2),
        ("XTS", 4),
        ("XTS", 5),
    ]


def test_a_column_may_say_which_bank_account_a_line_is_of() -> None:
    profile = {
        "bank_accounts": [{"names": ["111"], "account": "assets:one"}, {"names": ["222"], "account": "assets:two"}],
        "csv": {"columns": COLUMNS | {"bank_account": "Account"}, "currency": "EUR"},
    }
    rows = "Date;Name;Amount;Account\n2026-10-01;x;1.50;1 1 1\n2026-10-01;x;1.50;222\n2026-10-01;x;1.50;333\n"
    found = read("csv", rows, profile)
    assert [each.entries[0].account for each in transactions(found)] == ["assets:one", "assets:two"]
    assert [place for place, _ in of_kind(found, Unreadable)] == ["line 4"]


def test_a_bank_account_without_a_name_is_told_once_as_lines_of_two_may_be_taken_for_one() -> None:
    rows = rows_of("-1.50", "-2.50")
    told = [place for place, detail in of_kind(table(rows), Remark) if "Nothing names the bank account" in detail]
    assert told == ["line 2"]
    assert [detail for _, detail in of_kind(table(rows, bank_account="1"), Remark) if "Nothing names" in detail] == []
    # That is so: a fee that two banks ask for on one day is one without names, and two with them.
    files = [table(rows, bank_account=name) for name in (None, None, "1", "2")]
    assert len({transactions(found)[0].reference for found in files}) == 3


def test_an_encoding_that_is_said_is_used_or_refused() -> None:
    shape = {"columns": COLUMNS, "currency": "EUR"}
    czech = "Date;Name;Amount\n2026-10-01;Košice;1.50\n".encode("cp1250")
    for encoding, name in (("cp1250", "Košice"), ("windows-1252", "Košice"), ("cp852", "KoÜice")):
        (only,) = transactions(read("csv", czech, {"csv": shape | {"encoding": encoding}}))
        assert only.description == name
    for encoding in ("ascii", "rot13", "idna", "nothing", "utf-16"):
        assert "encoding" in of_kind(table(rows_of("1.50").replace("x", "é"), encoding=encoding), Unreadable)[0][1]
    marked = read(
        "csv", CSV.encode("utf-8-sig"), options_of("csv") | {"csv": options_of("csv")["csv"] | {"encoding": "utf-8"}}
    )
    assert len(transactions(marked)) == 4


@pytest.mark.parametrize(
    ("csv", "pointer"),
    [
        ([], ""),
        ({}, "/columns"),
        ({"columns": {"amount": 1}}, "/columns/date"),
        ({"columns": {"date": 1}}, "/columns"),
        ({"columns": {"date": 1, "amount": 2}, "money_out": "minus"}, "/money_out"),
        ({"columns": {"date": 1, "amount": 2, "money_in": 3}}, "/columns"),
        ({"columns": {"date": 0, "amount": 2}}, "/columns/date"),
        ({"columns": {"date": True, "amount": 2}}, "/columns/date"),
        ({"columns": {"date": 1, "amount": 2.5}}, "/columns/amount"),
        ({"columns": {"date": 1, "amount": 2, "purpose": 3}}, "/columns/purpose"),
        ({"columns": {"date": 1, "amount": 2, "text": 3}}, "/columns"),
        ({"columns": {"date": 1, "amount": 2}, "delimiter": "::"}, "/delimiter"),
        ({"columns": {"date": 1, "amount": 2}, "decimal": "'"}, "/decimal"),
        ({"columns": {"date": 1, "amount": 2}, "date_order": "ydm"}, "/date_order"),
        ({"columns": {"date": 1, "amount": 2}, "currency": "€"}, "/currency"),
        ({"columns": {"date": 1, "amount": 2}, "skip": 3}, ""),
    ],
)
def test_a_shape_that_is_not_understood_is_refused_with_the_place_in_it(csv: Any, pointer: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        csv_file({"csv": csv}, "UTC")
    assert refused.value.blames[0].pointer == f"/options/csv{pointer}"
