"""What is peculiar to OFX; amounts are worked out by hand."""

from decimal import Decimal

import pytest

from application.interchange.found import FoundAsset, Remark, Unreadable
from tests.adapters.foreign_files.statement_samples import ACCOUNT, OFX, of_kind, read, transactions


def test_ofx_2_is_read_by_the_same_tags() -> None:
    body = OFX[OFX.index("<OFX>") :]
    ends = []
    for line in body.split("\n"):
        tag, _, value = line[1:].partition(">")
        ends.append(f"{line}</{tag}>" if value and "<" not in value else line)
    xml = "<?xml version='1.0' encoding='UTF-8'?>\n<?OFX OFXHEADER='200' VERSION='211'?>\n" + "\n".join(ends)
    assert "</FITID>" in xml
    assert [each.entries for each in transactions(read("ofx", xml))] == [
        each.entries for each in transactions(read("ofx", OFX.encode("cp1252")))
    ]


def test_a_file_of_quicken_is_read_as_ofx_whatever_it_says_of_the_bank() -> None:
    quicken = OFX.replace("</SONRS>", "<FI><ORG>B1<FID>10898</FI><INTU.BID>10898<INTU.USERID>ann</SONRS>")
    assert "<INTU.BID>" in quicken
    assert read("ofx", quicken.encode("cp1252")) == read("ofx", OFX.encode("cp1252"))


def test_values_of_ofx_may_hold_signs_of_markup() -> None:
    named = OFX.replace("Werft GmbH", "Tom &amp; Ann &#8364; &lt;3").replace(
        "Gehalt 10.2026", "<![CDATA[a < b & c]]></MEMO>"
    )
    assert transactions(read("ofx", named))[-1].description == "Tom & Ann € <3 | a < b & c"


def test_the_balance_of_ofx_cannot_be_checked_and_that_is_told() -> None:
    (remark,) = of_kind(read("ofx", OFX.encode("cp1252")), Remark)
    assert remark[1].startswith("The closing balance 2543.60 EUR is not checked")


def test_a_card_is_a_debt_that_its_charges_credit() -> None:
    card = OFX.replace("STMTRS", "CCSTMTRS").replace("BANKACCTFROM", "CCACCTFROM").replace("<BANKID>37040044", "")
    profile = {"bank_accounts": [{"names": ["0532013000"], "account": "liabilities:card", "type": "liability"}]}
    rent = transactions(read("ofx", card, profile))[0]
    assert (rent.entries[0].account, rent.entries[0].amount) == ("liabilities:card", Decimal(-850))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<FITID>B-1002", "<FITID>B-9<CORRECTFITID>B-1001<CORRECTACTION>REPLACE", "corrects its transaction 'B-1001'"),
        ("<TRNAMT>-3.20", "<TRNAMT>", "no amount ''"),
        ("<DTPOSTED>20261002", "<DTPOSTED>20261302", "no date"),
        ("<SEVERITY>INFO</STATUS>\n", "<SEVERITY>ERROR<MESSAGE>No such account</STATUS>\n", "No such account"),
        ("<BALAMT>2543.60", "<BALAMT>much", "The balance has no amount"),
        ("<BANKMSGSRSV1>", "<INVSTMTRS></INVSTMTRS><BANKMSGSRSV1>", "investments"),
        ("</STMTTRN>\n<STMTTRN>\n<TRNTYPE>POS", "\n<STMTTRN>\n<TRNTYPE>POS", "does not end"),
    ],
)
def test_what_is_not_understood_in_ofx_is_named(old: str, new: str, said: str) -> None:
    assert old in OFX
    details = [detail for _, detail in of_kind(read("ofx", OFX.replace(old, new, 1)), Unreadable)]
    assert len(details) == 1
    assert said in details[0]


@pytest.mark.parametrize(
    ("written", "currency", "amount"),
    [
        ("1,234,567", "EUR", "1234567"),
        ("-1.234.567", "EUR", "-1234567"),
        ("1,234,567.89", "EUR", "1234567.89"),
        ("1.234.567,8", "EUR", "1234567.8"),
        ("+1,234.50", "EUR", "1234.5"),
        ("-12.3400", "EUR", "-12.34"),
        ("1,234,567", "JPY", "1234567"),
        ("1.234", "KWD", "1.234"),
        ("1,234", "EUR", None),
        ("10.000", "EUR", None),
        ("1,234.567", "EUR", None),
        ("12.345", "JPY", None),
        ("12.34.567", "EUR", None),
        ("1,234,56", "EUR", None),
        ("1,234,567,89", "EUR", None),
        ("1.5", "JPY", None),
    ],
)
def test_a_separator_of_ofx_is_before_decimals_only_where_it_cannot_part_thousands(
    written: str, currency: str, amount: str | None
) -> None:
    found = read("ofx", OFX.replace("-850.00", written).replace("<CURDEF>EUR", f"<CURDEF>{currency}"))
    first = [each.entries[0].amount for each in transactions(found) if each.metadata["bank_reference"] == "B-1001"]
    assert first == ([] if amount is None else [Decimal(amount)])
    said = [detail for _, detail in of_kind(found, Unreadable) if f"{written!r}" in detail]
    assert said == ([] if amount else [f"The transaction has no amount {written!r} in {currency} that can be read."])


def test_what_is_pending_in_ofx_is_left_out_and_told() -> None:
    pending = "<BANKTRANLISTP><STMTTRNP><TRNAMT>-1.00<NAME>x</STMTTRNP></BANKTRANLISTP></STMTRS>"
    found = read("ofx", OFX.replace("</STMTRS>", pending))
    assert len(transactions(found)) == 4
    assert any("pending" in detail for _, detail in of_kind(found, Remark))


def test_an_amount_of_ofx_in_another_currency_is_in_that() -> None:
    found = read(
        "ofx", OFX.replace("<FITID>B-1001", "<FITID>B-1001<CURRENCY><CURRATE>1.1<CURSYM>USD</CURRENCY>"), ACCOUNT
    )
    assert [each.entries[0].asset for each in transactions(found)] == ["USD", "EUR", "EUR", "EUR"]
    assert [each.code for each in found if isinstance(each, FoundAsset)] == ["USD", "EUR"]
