"""What is peculiar to CAMT.053 and MT940; amounts and sums are worked out by hand."""

from decimal import Decimal

import pytest

from application.interchange.found import FailedCheck, Remark, Unreadable
from tests.adapters.foreign_files.statement_samples import (
    CAMT,
    MT940,
    camt,
    camt_balance,
    camt_entry,
    of_kind,
    read,
    transactions,
)

ENTRY = camt_entry(amount="50.00", mark="DBIT", day="2026-10-01", reference="B-1", party="Max", purpose="Rent")


def test_a_sum_that_does_not_fit_the_balances_is_named_with_both() -> None:
    found = read("camt053", camt(camt_balance("OPBD", "100.00") + camt_balance("CLBD", "49.99") + ENTRY))
    assert of_kind(found, FailedCheck) == [
        ("line 15", "The statement closes with 49.99 EUR; its opening balance and its lines come to 50.00.")
    ]
    assert of_kind(read("mt940", MT940.replace("2543,60", "2543,06")), FailedCheck) == [
        ("line 15", "The statement closes with 2543.06 EUR; its opening balance and its lines come to 2543.60.")
    ]


def test_sums_of_many_digits_are_not_rounded() -> None:
    longest = "999999999999999999.99999999999999999"  # 18 digits before the point and 17 behind it
    entry = ENTRY.replace("50.00", longest)
    balances = camt_balance("OPBD", longest) + camt_balance("CLBD", longest, "DBIT")
    found = read("camt053", camt(balances + entry + entry))
    assert of_kind(found, FailedCheck) == []
    assert transactions(found)[0].entries[1].amount == Decimal(longest)
    wrong = read("camt053", camt(balances + entry))
    assert "come to 0.00000000000000000." in of_kind(wrong, FailedCheck)[0][1]
    batch = _batch(("0.00000000000000001", "Anna"), ("999999999999999999.00000000000000001", "Ben"))
    whole = batch.replace("50.00", "999999999999999999.00000000000000002")
    assert [each.description for each in transactions(read("camt053", camt(whole)))] == ["Anna", "Ben"]


def test_a_balance_that_was_overdrawn_is_below_zero() -> None:
    opening, closing = camt_balance("OPBD", "10.00", "DBIT"), camt_balance("CLBD", "60.00", "DBIT")
    found = read("camt053", camt(opening + closing + ENTRY))
    assert of_kind(found, FailedCheck) == []
    assert of_kind(found, Remark) == []


@pytest.mark.parametrize(
    ("balances", "said"),
    [
        (camt_balance("CLBD", "50.00"), "is not checked"),
        (camt_balance("OPBD", "100.00"), "no closing balance"),
    ],
)
def test_missing_balances_are_told(balances: str, said: str) -> None:
    (remark,) = of_kind(read("camt053", camt(balances + ENTRY)), Remark)
    assert said in remark[1]


def test_the_balance_of_the_statement_before_opens_one_that_has_no_other() -> None:
    found = read("camt053", camt(camt_balance("PRCD", "100.00") + camt_balance("CLBD", "50.00") + ENTRY))
    assert of_kind(found, Remark) == of_kind(found, FailedCheck) == []


def test_what_is_not_booked_is_left_out_and_told() -> None:
    for status in ("PDNG", "INFO", "FUTR"):
        new = ENTRY.replace("BOOK", status)
        old = new.replace(f"<Sts><Cd>{status}</Cd></Sts>", f"<Sts>{status}</Sts>")
        for entry in (new, old):
            found = read("camt053", camt(entry))
            assert transactions(found) == []
            assert status in of_kind(found, Remark)[0][1]


def test_an_entry_of_a_status_that_is_not_known_is_unreadable() -> None:
    for status in ("<Cd>XXXX</Cd>", "<Prtry>Draft</Prtry>", ""):
        found = read("camt053", camt(ENTRY.replace("<Cd>BOOK</Cd>", status)))
        assert transactions(found) == []
        assert "is booked is not known" in of_kind(found, Unreadable)[0][1]
    assert len(transactions(read("camt053", camt(ENTRY.replace("<Sts><Cd>BOOK</Cd></Sts>", ""))))) == 1


def test_version_2_names_parties_without_a_party_around_them() -> None:
    old = camt(
        ENTRY.replace("<Pty>", "").replace("</Pty>", "").replace("<Sts><Cd>BOOK</Cd></Sts>", "<Sts>BOOK</Sts>"),
        version="02",
    )
    assert transactions(read("camt053", old))[0].description == "Max | Rent"


def test_a_namespace_with_a_prefix_is_the_same() -> None:
    prefixed = CAMT.replace("<", "<c:").replace("<c:/", "</c:").replace("<c:?", "<?").replace("xmlns=", "xmlns:c=")
    assert transactions(read("camt053", prefixed)) == transactions(read("camt053", CAMT))


def _batch(*payments: tuple[str, str]) -> str:
    details = "".join(
        f"<TxDtls><Amt Ccy='EUR'>{amount}</Amt><CdtDbtInd>DBIT</CdtDbtInd>"
        f"<RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls>"
        for amount, text in payments
    )
    before, _, after = ENTRY.partition("<TxDtls>")
    return before + details + after.partition("</TxDtls>")[2]


def test_a_batch_that_tells_its_payments_is_posted_payment_by_payment() -> None:
    found = transactions(read("camt053", camt(_batch(("20.00", "Anna"), ("15.00", "Ben"), ("15.00", "Ben")))))
    assert [(each.place, each.entries[0].amount, each.description) for each in found] == [
        ("line 5, payment 1", Decimal(-20), "Anna"),
        ("line 5, payment 2", Decimal(-15), "Ben"),
        ("line 5, payment 3", Decimal(-15), "Ben"),
    ]
    assert len({each.reference for each in found}) == 3


def test_a_batch_whose_payments_do_not_come_to_the_whole_is_posted_as_one() -> None:
    found = transactions(read("camt053", camt(_batch(("20.00", "Anna"), ("15.00", "Ben")))))
    assert [each.entries[0].amount for each in found] == [Decimal(-50)]


def test_reversals_go_the_way_that_the_bank_says_and_are_marked() -> None:
    entry = ENTRY.replace("DBIT", "CRDT", 1).replace("<Sts>", "<RvslInd>true</RvslInd><Sts>", 1)
    (back,) = transactions(read("camt053", camt(entry)))
    assert back.entries[0].amount == Decimal(50)
    assert back.metadata["reversal"] == "yes"
    assert back.description == "Max | Rent"

    marks = ["RC5,00", "RD7,00"]
    lines = "".join(f":61:2610011001{mark}NMSCNONREF\n" for mark in marks)
    head = ":20:X\n:25:1/2\n:60F:C260930EUR0,00\n"
    found = read("mt940", f"{head}{lines}:62F:C261001EUR2,00\n")
    assert [
        each.entries[0].amount for each in transactions(read("mt940", f"{head}{lines}:62F:C261001EUR2,00\n", {}))
    ] == [
        Decimal(-5),
        Decimal(7),
    ]
    assert of_kind(found, FailedCheck) == []


def test_reports_of_days_that_are_not_over_are_no_statements() -> None:
    found = read("camt053", CAMT.replace("BkToCstmrStmt", "BkToCstmrAcctRpt").replace("Stmt>", "Rpt>"))
    assert [detail for _, detail in of_kind(found, Unreadable)] == [
        "This is a report of a day that is not over (camt.052); import the statement (camt.053)."
    ]
    assert len(found) == 1


def test_several_statements_of_mt940_are_checked_each_by_itself() -> None:
    pages = (
        ":20:A\n:25:1/2\n:60F:C260930EUR10,00\n:61:2610011001C5,00NMSCNONREF\n:62M:C261001EUR15,00\n"
        ":20:A\n:25:1/2\n:60M:C261001EUR15,00\n:61:2610011001C5,00NMSCNONREF\n:62F:C261001EUR20,00\n-\n"
        ":20:B\n:25:3/4\n:60F:D260930USD1,00\n:61:2610011001C5,00NMSCNONREF\n:62F:C261001USD5,00\n"
    )
    found = read("mt940", pages, {})
    assert of_kind(found, FailedCheck) == [
        ("line 16", "The statement closes with 5.00 USD; its opening balance and its lines come to 4.00.")
    ]
    assert [each.entries[0].asset for each in transactions(found)] == ["EUR", "EUR", "USD"]
    # The two lines of one day and account are alike, and are two.
    assert len({each.reference for each in transactions(found)}) == 3


def test_the_entry_date_of_mt940_is_in_the_year_next_to_its_value_date() -> None:
    head = ":20:A\n:25:1/2\n:60F:C261230EUR10,00\n"
    found = read(
        "mt940", head + ":61:2612310102C5,00NMSCNONREF\n:61:2701021231C5,00NMSCNONREF\n:62F:C270102EUR20,00\n", {}
    )
    days = [(f"{each.effective_at:%Y-%m-%d}", each.metadata["value_date"]) for each in transactions(found)]
    assert days == [("2027-01-02", "2026-12-31"), ("2026-12-31", "2027-01-02")]


@pytest.mark.parametrize(
    ("broken", "place"),
    [
        (MT940.replace(":28C:10/1", ":29X:10/1"), "line 4"),
        (MT940.replace(":60F:C260930EUR1000,00\n", ""), "line 5"),
        (MT940.replace("EUR1000,00", "EUR1.000,00"), "line 5"),
        (MT940.replace("DR850,00", "DR1.850,00"), "line 6"),
        (MT940.replace("2610011001DR", "2602301001DR"), "line 6"),
        (MT940.replace("-}\n", "-}\nGuten Tag\n"), "line 17"),
    ],
)
def test_what_is_unknown_or_wrong_in_mt940_is_named_with_its_line(broken: str, place: str) -> None:
    assert place in [where for where, _ in of_kind(read("mt940", broken), Unreadable)]


def test_details_of_mt940_may_have_any_sign_before_their_numbers_or_be_free() -> None:
    head, tail = ":20:A\n:25:1/2\n:60F:C260930EUR0,00\n:61:2610011001C5,00NMSCNONREF\n", ":62F:C261001EUR5,00\n"
    for details in ("105>00GUTSCHRIFT>20Miete>32Max", "105?00GUTSCHRIFT?20SVWZ+Miete?32Max"):
        assert transactions(read("mt940", f"{head}:86:{details}\n{tail}", {}))[0].description == "Max | Miete"
    assert transactions(read("mt940", f"{head}:86:Miete von\nMax\n{tail}", {}))[0].description == "Miete von Max"
    assert transactions(read("mt940", head + tail, {}))[0].description == ""


@pytest.mark.parametrize(("amount", "remarks"), [("50.000", 0), ("50.001", 1)])
def test_more_digits_than_a_currency_has_are_told(amount: str, remarks: int) -> None:
    found = read("camt053", camt(ENTRY.replace("50.00", amount) * 2), {})
    told = [detail for _, detail in of_kind(found, Remark) if "digits" in detail]
    assert told == ["-50.001 has 3 digits after the point, and EUR has 2: look whether they are decimals."] * remarks


def test_lines_without_money_are_left_out_and_told() -> None:
    found = read("camt053", camt(ENTRY.replace("50.00", "0.00")), {})
    assert transactions(found) == []
    assert "Nothing came in or went out" in of_kind(found, Remark)[0][1]
