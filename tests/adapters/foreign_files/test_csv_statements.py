"""Tables of bank statements: how they are written is found out, shown, or asked; never guessed."""

from decimal import Decimal
from typing import Any

import pytest

from adapters.foreign_files.statement_formats import csv_file
from application.interchange.found import FailedCheck, FoundAsset, Remark, Unreadable
from domain.shared.errors import ValidationFailed
from tests.adapters.foreign_files.statement_samples import CSV, of_kind, options_of, read, transactions

COLUMNS = {"date": "Date", "amount": "Amount", "counterparty": "Name"}


def table(rows: str, *, columns: dict[str, Any] | None = None, **shape: Any) -> list[Any]:
    """Read rows of date, name and amount, whose cells have semicolons between, in EUR if nothing else is said."""
    shape = {"columns": columns or COLUMNS, "currency": "EUR"} | shape
    return read("csv", rows, {"csv": {key: value for key, value in shape.items() if value is not None}})


def rows_of(*amounts: str, day: str = "2026-10-01") -> str:
    """Write a line for each amount."""
    return "Date;Name;Amount\n" + "".join(f"{day};x;{amount}\n" for amount in amounts)


def amounts_of(found: list[Any]) -> list[Decimal]:
    """Return what came in."""
    return [each.entries[0].amount for each in transactions(found)]


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        ("1.234,56", "1234.56"),
        ("1,234.56", "1234.56"),
        ("(12.00)", "-12"),
        ("(1.234,50)", "-1234.5"),
        ("−5", "-5"),
        ("–5,00", "-5"),
        ("5-", "-5"),
        ("5,25-", "-5.25"),
        ("+5", "5"),
        ("CHF 1'234.50", "1234.5"),
        ("1’234.50 CHF", "1234.5"),
        ("-€5.00", "-5"),
        ("€ -5.00", "-5"),
        ("$ (5.00)", "-5"),
        ("1 234,56", "1234.56"),
        ("1\u00a0234,56", "1234.56"),
        ("12,34,567.00", "1234567"),
        ("1.234.567", "1234567"),
        ("0,125", "0.125"),
        (".50", "0.5"),
    ],
)
def test_amounts_are_read_as_banks_write_them(written: str, amount: str) -> None:
    assert amounts_of(table(rows_of(written), currency=None if "CHF" in written or "€" in written else "EUR")) == [
        Decimal(amount)
    ]


@pytest.mark.parametrize(
    "written", ["", "x", "--5", "(-5)", "1.23.4", "1,2,3.00", "5 EUR USD", "1e5", "٣", "9" * 19, "NaN"]
)
def test_what_is_no_amount_is_unreadable_and_the_rest_goes_on(written: str) -> None:
    found = table(rows_of("1.50", written, "2.50"))
    assert amounts_of(found) == [Decimal("1.5"), Decimal("2.5")]
    assert [place for place, _ in of_kind(found, Unreadable)] == ["line 3"]


def test_one_amount_decides_how_all_of_the_column_are_read() -> None:
    assert amounts_of(table(rows_of("1.234", "5", "2,50"))) == [Decimal(1234), Decimal(5), Decimal("2.5")]
    assert amounts_of(table(rows_of("1.234", "5", "2.50"))) == [Decimal("1.234"), Decimal(5), Decimal("2.5")]


def test_amounts_that_may_be_either_are_asked_and_nothing_is_read() -> None:
    (only,) = table(rows_of("1.234", "5"))
    assert isinstance(only, Unreadable)
    assert only.detail == (
        "No amount tells whether a point or a comma is before decimals: '1.234' in line 2 may be either. "
        "Say it by `csv.decimal` in the profile."
    )
    assert amounts_of(table(rows_of("1.234", "5"), decimal=",")) == [Decimal(1234), Decimal(5)]
    assert amounts_of(table(rows_of("1.234", "5"), decimal=".")) == [Decimal("1.234"), Decimal(5)]


def test_amounts_of_two_styles_are_asked_and_once_said_the_other_ones_are_unreadable() -> None:
    (only,) = table(rows_of("1.50", "2,50"))
    assert isinstance(only, Unreadable)
    assert "'1.50' in line 2, '2,50' in line 3" in only.detail
    found = table(rows_of("1.50", "2,50"), decimal=".")
    assert amounts_of(found) == [Decimal("1.5")]
    assert [place for place, _ in of_kind(found, Unreadable)] == ["line 3"]


@pytest.mark.parametrize(
    ("days", "read_as"),
    [
        (["2026-10-02", "2026/10/03"], ["2026-10-02", "2026-10-03"]),
        (["20261002"], ["2026-10-02"]),
        (["03/04/2026", "14/04/2026"], ["2026-04-03", "2026-04-14"]),
        (["03/04/2026", "04/14/2026"], ["2026-03-04", "2026-04-14"]),
        (["3-4-26", "14-4-26"], ["2026-04-03", "2026-04-14"]),
        (["01.02.2026", "3.4.26"], ["2026-02-01", "2026-04-03"]),
        # No day is the 32nd, and no year has one digit.
        (["26-01-05", "32-01-05"], ["2026-01-05", "2032-01-05"]),
        (["26-01-05", "7-1-05"], ["2005-01-26", "2005-01-07"]),
        (["26/01/05", "14/04/32"], ["2005-01-26", "2032-04-14"]),
        (["2026-10-02T14:05:00Z", "2026-10-02 14:05"], ["2026-10-02", "2026-10-02"]),
    ],
)
def test_the_order_of_dates_is_decided_by_all_of_the_column(days: list[str], read_as: list[str]) -> None:
    found = table("Date;Name;Amount\n" + "".join(f"{day};x;1.50\n" for day in days))
    assert [f"{each.effective_at:%Y-%m-%d}" for each in transactions(found)] == read_as


def test_dates_that_may_be_either_are_asked_and_nothing_is_read() -> None:
    (only,) = table(rows_of("1.50", day="03/04/2026"))
    assert isinstance(only, Unreadable)
    assert only.detail == (
        "No date tells whether the day or the month is first: '03/04/2026' in line 2 may be either. "
        "Say it by `csv.date_order` in the profile."
    )
    for order, day in (("dmy", "2026-04-03"), ("mdy", "2026-03-04")):
        (said,) = transactions(table(rows_of("1.50", day="03/04/2026"), date_order=order))
        assert f"{said.effective_at:%Y-%m-%d}" == day
    (short,) = transactions(table(rows_of("1.50", day="03-04-26"), date_order="ymd"))
    assert f"{short.effective_at:%Y-%m-%d}" == "2003-04-26"


@pytest.mark.parametrize(
    ("days", "may_be"),
    [
        (["26-01-05", "26-01-07", "26-02-11"], "the day or the year"),
        (["26/01/05", "26-02-30"], "the day or the year"),  # banks have value dates of 30 February
        (["03-04-05"], "the day or the month or the year"),
    ],
)
def test_years_of_two_digits_that_may_be_days_are_asked(days: list[str], may_be: str) -> None:
    rows = "Date;Name;Amount\n" + "".join(f"{day};x;1.50\n" for day in days)
    (only,) = table(rows)
    assert isinstance(only, Unreadable)
    assert f"whether {may_be} is first: '{days[0]}' in line 2" in only.detail
    said = table(rows, date_order="ymd")
    assert f"{transactions(said)[0].effective_at:%y-%m-%d}" == days[0].replace("/", "-")
    if days[-1] == "26-02-11":
        assert "(the first is 2026-01-05, the last 2026-02-11)" in of_kind(said, Remark)[0][1]


OUT = {"date": "Date", "money_out": "Amount", "counterparty": "Name"}


@pytest.mark.parametrize(
    ("written", "amounts"),
    [(["100.00", "20.00"], ["-100", "-20"]), (["-100.00", "(20.00)", "0.00"], ["-100", "-20"])],
)
def test_the_column_decides_whether_what_went_out_has_a_minus(written: list[str], amounts: list[str]) -> None:
    assert amounts_of(table(rows_of(*written), columns=OUT)) == [Decimal(amount) for amount in amounts]


def test_what_went_out_with_a_minus_and_without_one_is_asked_as_some_of_it_came_back() -> None:
    rows = rows_of("100.00", "20.00", "-20.00")
    (only,) = table(rows, columns=OUT)
    assert isinstance(only, Unreadable)
    assert only.detail == (
        "What went out is above zero and below it: '100.00' in line 2, '-20.00' in line 4. "
        "Say by `csv.money_out` in the profile how it is meant."
    )
    assert amounts_of(table(rows, columns=OUT, money_out="unsigned")) == [Decimal(-100), Decimal(-20), Decimal(20)]
    assert amounts_of(table(rows, columns=OUT, money_out="signed")) == [Decimal(100), Decimal(20), Decimal(-20)]


def test_no_digit_of_an_amount_or_of_a_balance_is_rounded_away() -> None:
    longest = "999999999999999999.99999999999999999"  # 18 digits before the point and 17 behind it
    rows = f"Date;Name;Amount;Balance\n2026-10-01;x;-{longest};0\n2026-10-02;x;{longest};{longest}\n"
    found = table(rows, columns=COLUMNS | {"balance": "Balance"})
    assert amounts_of(found) == [Decimal(f"-{longest}"), Decimal(longest)]
    assert all(each.entries[0].amount == each.entries[1].amount.copy_negate() for each in transactions(found))
    assert [each.scale for each in found if isinstance(each, FoundAsset)] == [17]
    assert of_kind(found, FailedCheck) == []
    wrong = table(rows.replace(f"{longest};{longest}", f"{longest};{longest[:-1]}8"), columns=COLUMNS | {"balance": 4})
    assert [place for place, _ in of_kind(wrong, FailedCheck)] == ["line 3"]


def test_dates_in_two_orders_are_asked() -> None:
    (only,) = table("Date;Name;Amount\n14/04/2026;x;1.50\n04/15/2026;x;1.50\n")
    assert isinstance(only, Unreadable)
    assert "'14/04/2026' in line 2, '04/15/2026' in line 3" in only.detail


def test_what_is_found_out_is_shown() -> None:
    (read_as, before) = of_kind(read("csv", CSV), Remark)
    assert read_as == (
        "the file",
        (
            "Read as utf-8, cells separated by ';', decimals behind a comma, dates as day, month, year "
            "(the first is 2026-10-01, the last 2026-10-05); date is 'Buchungstag', amount is 'Betrag', "
            "currency is 'Währung', counterparty is 'Empfänger', reference is 'Referenz', balance is 'Saldo', purpose/1 is 'Zweck'."
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
