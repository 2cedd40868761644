"""How tables write amounts and dates is found out from all of a column, or asked; never guessed."""

from decimal import Decimal

import pytest

from application.interchange.found import FailedCheck, FoundAsset, Remark, Unreadable
from tests.adapters.foreign_files.csv_tables import COLUMNS, amounts_of, rows_of, table
from tests.adapters.foreign_files.statement_samples import of_kind, transactions


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
