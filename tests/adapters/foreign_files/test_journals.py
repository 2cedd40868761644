"""Journals of hledger and ledger: what is understood of them, what is not, and what no input does."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.ledger.account import AccountType
from tests.adapters.foreign_files.found import READERS, gather
from tests.adapters.foreign_files.programs_say import FILES

GOES_BACK = """\
2026-01-01 x
    a:b  1 EUR
    c:d
2026-02-01 y
    a:b  = 3 EUR
    c:d
2026-01-01
    a:b  = 0 EUR
    c:d
"""
PLAIN = "2026-01-02 Sale\n    assets:bank  {amount}\n    income:sales\n"


@pytest.mark.parametrize(
    ("written", "amount", "asset"),
    [
        ("12.50 EUR", "12.50", "EUR"),
        ("1,234.56 EUR", "1234.56", "EUR"),
        ("1.234,56 EUR", "1234.56", "EUR"),
        ("1 234,56 EUR", "1234.56", "EUR"),
        ("1 234 567.89 EUR", "1234567.89", "EUR"),
        ("1.234.567 EUR", "1234567", "EUR"),
        ("12,5 EUR", "12.5", "EUR"),
        ("-5 EUR", "-5", "EUR"),
        ("−5 EUR", "-5", "EUR"),
        ("+5EUR", "5", "EUR"),
        ("$5.25", "5.25", "USD"),
        ("$-5", "-5", "USD"),
        ("-$5", "-5", "USD"),
        ("€ 5,25", "5.25", "EUR"),
        ('5 "green apples"', "5", "GREEN-APPLES"),
        ('"green apples" 5', "5", "GREEN-APPLES"),
        ("5", "5", "UNITS"),
        ("5 h", "5", "H"),
        ("1E3 EUR", "1000", "EUR"),
        ("5 EUR  ; a note", "5", "EUR"),
    ],
)
def test_an_amount_is_read_however_it_is_written(written: str, amount: str, asset: str) -> None:
    found = gather(PLAIN.format(amount=written))
    assert found.unreadable == []
    assert found.balances == {
        ("assets:bank", asset): Decimal(amount),
        ("income:sales", asset): -Decimal(amount),
    }


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("(12.00) EUR", "is not understood"),
        ("12.00.00,5,0 EUR", "two decimal marks"),
        ("5 EUR 5 EUR", "is not understood"),
        ("--5 EUR", "is not understood"),
        ("5 EUR @", "is not understood"),
        ("5 EUR @ 2 EUR", "has a price in EUR"),
        ("5 EUR {", "is not understood"),
        ("9" * 100 + " EUR", "more than 64 digits"),
        ("1e99 EUR", "exponent beyond"),
        ("@ " * 9_000, "is not understood"),
    ],
)
def test_what_is_no_amount_is_told_with_its_line(written: str, says: str) -> None:
    found = gather(f"; a title\n\n{PLAIN.format(amount=written)}\n{PLAIN.format(amount='1 EUR')}")
    assert found.places == ["line 4"]
    assert says in found.unreadable[0].detail
    assert len(found.transactions) == 1


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("include other.journal\n", "line 1", "no other file is read"),
        ("~ monthly\n    a:b  1 EUR\n    c:d\n", "line 1", "rules"),
        ("= expenses\n    (budget)  *-1\n", "line 1", "rules"),
        ("alias /^(.*)+$/ = x\n", "line 1", "regular expressions"),
        ("i 2026/01/02 09:00:00 work\n", "line 1", "time clock"),
        ("!\n", "line 1", "no such directive"),
        ("frobnicate 7\n", "line 1", "no such directive"),
        ("decimal-mark ;\n", "line 1", "no decimal mark"),
        ("end apply account\n", "line 1", "nothing was begun"),
        ("account assets:x  ; type: Z\n", "line 1", "no type of account"),
        ("2026-13-01 x\n    a:b  1 EUR\n    c:d\n", "line 1", "in the calendar"),
        ("2026-01-01x\n", "line 1", "first line"),
        ("01-31 x\n    a:b  1 EUR\n    c:d\n", "line 1", "no year"),
        ("2026-01-01 x\n    a:b  1 EUR\n    c:d\n    e:f\n", "line 1", "more than one amount"),
        ("2026-01-01 x\n    a:b  1 EUR\n    c:d  -2 EUR\n", "line 1", "off by -1 EUR"),
        ("2026-01-01 x\n    a:b  1 EUR\n    c:d  -1 USD\n    e:f  -1 CHF\n", "line 1", "off by"),
        ("2026-01-01 x\n    (a:b)  1 EUR\n", "line 2", "balances with nothing"),
        ("    a:b  1 EUR\n    c:d\n", "line 1", "belongs to nothing"),
        ("2026-01-01 x\n    a:b  1 EUR\0\n    c:d\n", "line 2", "NUL"),
        (f"2026-01-01 x\n    a:b  1 EUR ; {'x' * 70_000}\n    c:d\n", "line 2", "longer"),
        (f"2026-01-01 x\n    {'a' * 300}  1 EUR\n    c:d\n", "line 2", "at most 255 fit"),
        (GOES_BACK, "line 8", "dates go back"),
    ],
)
def test_what_is_not_understood_is_named_with_its_line_and_the_rest_goes_on(text: str, place: str, says: str) -> None:
    found = gather(f"{text}\n{PLAIN.format(amount='7 CHF')}")
    assert found.places == [place], found.unreadable
    assert says in found.unreadable[0].detail
    assert found.balances["income:sales", "CHF"] == -7


def test_a_posting_in_parentheses_is_left_out_and_the_rest_of_its_transaction_stands() -> None:
    found = gather("2026-01-01 x\n    a:b  1 EUR\n    (budget)  -1 EUR = -1 EUR\n    c:d\n")
    assert found.places == ["line 3"]
    assert found.failed == []
    assert found.balances == {("a:b", "EUR"): 1, ("c:d", "EUR"): -1}


def test_assertions_go_by_dates_for_hledger_and_by_the_file_for_ledger() -> None:
    text = "2026-01-02 later\n    a:b  1 EUR = 3 EUR\n    c:d\n\n2026-01-01 earlier\n    a:b  2 EUR = 2 EUR\n    c:d\n"
    assert gather(text, "hledger").failed == []
    assert [each.place for each in gather(text, "ledger").failed] == ["line 2", "line 6"]


@pytest.mark.parametrize(
    ("asserted", "holds"),
    [
        ("a:b  0 EUR = 2 EUR", True),
        ("a:b  0 EUR == 2 EUR", False),  # it has dollars as well
        ("a  0 EUR =* 2 EUR", True),
        ("a  0 EUR = 0 EUR", True),
        ("a  0 EUR = 2 EUR", False),
        ("a  0 EUR ==* 2 EUR", False),
        ("a:b  0 EUR = 2.01 EUR", False),
        ("a:b  0 EUR = 9999999999999999999999999999999999 EUR", False),
    ],
)
def test_each_kind_of_assertion_is_checked(asserted: str, holds: bool) -> None:
    text = f"2026-01-01 x\n    a:b  2 EUR\n    a:b  3 USD\n    c:d\n\n2026-01-02 y\n    {asserted}\n"
    assert [each.place for each in gather(text).failed] == ([] if holds else ["line 7"])


def test_what_a_transaction_says_is_kept() -> None:
    found = gather(
        "2026-01-05=2026-01-07 ! (42) Shop | Bread  ; order: 7, seen\n    ; by hand\n"
        "    assets:bank  -1 EUR  ; [2026-01-06]\n    expenses:food\n"
    )
    (transaction,) = found.transactions
    assert transaction.reference.startswith("journal-")
    assert transaction.description == "Shop | Bread"
    assert transaction.effective_at == datetime(2026, 1, 5, tzinfo=UTC)
    assert transaction.metadata == {
        "date2": "2026-01-07",
        "status": "pending",
        "code": "42",
        "order": "7",
        "comment": "order: 7, seen\nby hand",
        "comment-1": "[2026-01-06]",
    }
    assert "2026-01-06 is left out" in found.remarks[0].detail


def test_the_same_transaction_has_the_same_reference_wherever_it_is_found() -> None:
    bread = "2026-01-05 Bread\n    expenses:food  1.50 EUR\n    assets:cash\n\n"
    milk = "2026-01-05 Milk\n    expenses:food  1.50 EUR\n    assets:cash\n\n"
    first = [each.reference for each in gather(bread + milk + bread).transactions]
    assert first[2] == f"{first[0]}-2"
    changed = bread.replace("Bread", "* Bread  ; from the market").replace("1.50", "1.5")
    assert [each.reference for each in gather(milk + changed).transactions] == [first[1], first[0]]
    other = bread.replace("1.50", "1.51")
    assert gather(other).transactions[0].reference not in first


@pytest.mark.parametrize("read_as", ["hledger", "beancount"])
def test_a_code_tells_transactions_apart_and_names_none(read_as: str) -> None:
    texts = {
        "hledger": "2026-01-{day} (ATM) Cash\n    A:b  1 EUR\n    C:d\n\n",
        "beancount": '2026-01-{day} * "Cash"\n  reference: "ATM"\n  A:b  1 EUR\n  C:d\n\n',
    }
    january, later = (texts[read_as].format(day=day) for day in ("05", "06"))
    first = gather(january, read_as).transactions[0]
    # Newest first, as it is next month.
    newest, oldest = gather(later + january, read_as).transactions
    assert (oldest.reference, oldest.metadata) == (first.reference, first.metadata)
    assert "ATM" in first.metadata.values()
    assert newest.reference != first.reference
    (other,) = gather(january.replace("ATM", "101"), read_as).transactions
    assert other.reference != first.reference


def test_a_uuid_names_one_transaction_of_a_file() -> None:
    text = "2026-01-05 Cash  ; uuid: 7f\n    a:b  1 EUR\n    c:d\n\n"
    found = gather(text + text)
    assert [each.reference for each in found.transactions] == ["7f"]
    assert (found.places, "names another transaction" in found.unreadable[0].detail) == (["line 5"], True)


def test_names_that_come_to_one_path_or_code_are_not_taken_for_one_another() -> None:
    one = "2026-01-05 x\n    my cash  1 EUR\n    other\n\n"
    found = gather(one + one.replace("my cash", "my-cash") + one.replace("EUR", "€"))
    assert {path: each.metadata for path, each in found.accounts.items()} == {
        "my-cash": {"name": "my cash"},
        "other": {},
    }
    assert [each.detail for each in found.remarks] == ["The account 'my cash' is my-cash here."]
    assert found.assets == {"EUR": 2}
    assert found.places == ["line 6", "line 9"]
    assert "'my cash' and 'my-cash' would both be my-cash" in found.unreadable[0].detail
    assert "'EUR' and '€' would both be EUR" in found.unreadable[1].detail


def test_what_is_derived_changes_no_reference() -> None:
    """Neither where conversions go, nor how many digits an asset has so far."""
    priced = "2026-01-05 x\n    a:b  3 X @ 0.335 USD\n    c:d\n\n"
    finer = "2026-01-04 y\n    a:b  0.005 USD\n    c:d\n\n"
    (first,) = gather(priced).transactions
    (other,) = gather(priced, conversion="Umtausch", rounding="Cents").transactions
    assert [each.account for each in first.entries] != [each.account for each in other.entries]
    second = gather(finer + priced).transactions[1]
    assert [each.amount for each in first.entries] != [each.amount for each in second.entries]
    assert first.reference == other.reference == second.reference


def test_accounts_of_conversions_and_roundings_are_declared() -> None:
    text = "2026-01-01 x\n    a:b  3 X @ 0.335 USD\n    c:d  -1.00 USD\n"
    accounts = gather(text, conversion="Umtausch", rounding="Cents").accounts
    own = {path: each.type for path, each in accounts.items() if path[0] in "UC"}
    assert own == dict.fromkeys(("Umtausch:USD-X:X", "Umtausch:USD-X:USD"), AccountType.EQUITY)
    implied = "2026-01-01 x\n    a:b  3 X\n    c:d  -1.00 USD\n"
    accounts = gather(implied, conversion="Umtausch", types={"Umtausch": "asset"}).accounts
    assert accounts["Umtausch:USD-X:X"].type is AccountType.ASSET
    lots = "".join(f"    a:b  1 {code} @ 0.33{digit} EUR\n" for code, digit in (("X", 3), ("Y", 3), ("Z", 4)))
    accounts = gather(f"2026-01-01 x\n{lots}    c:d  -1.00 EUR\n", rounding="Cents").accounts
    assert accounts["Cents"].type is AccountType.EQUITY


def test_types_come_from_directives_from_accounts_above_and_from_options() -> None:
    text = "account Geld  ; type: A\n" + PLAIN.format(amount="1 EUR").replace("assets:bank", "Geld:Bank")
    accounts = gather(text, types={"income": "equity"}).accounts
    assert accounts["Geld:Bank"].type is AccountType.ASSET
    assert accounts["income:sales"].type is AccountType.EQUITY


def test_roundings_go_to_an_account_of_their_own_and_are_told() -> None:
    text = "2026-01-01 x\n    a:b  3 X @ 0.335 EUR\n    a:b  1 Y @ 0.335 EUR\n    c:d  -1.34 EUR\n"
    found = gather(text, rounding="equity:cents")
    # 1.005 and 0.335 come to 1.00 and 0.34 by rounding half to even: together they are what is paid.
    assert ("equity:cents", "EUR") not in found.balances
    other = gather(text.replace("-1.34", "-1.33"), rounding="equity:cents")
    assert other.places == ["line 1"]  # 1.340 against 1.33 is off by a cent, as hledger says
    lots = [f"    a:b  1 {code} @ 0.33{digit} EUR\n" for code, digit in (("X", 3), ("Y", 3), ("Z", 4))]
    three = f"2026-01-01 x\n{''.join(lots)}    c:d  -1.00 EUR\n"
    found = gather(three, rounding="equity:cents")
    assert found.balances["equity:cents", "EUR"] == Decimal("0.01")
    assert "0.01 EUR are left over by rounding" in found.remarks[0].detail


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252"])
def test_a_file_may_be_encoded_otherwise(encoding: str) -> None:
    head = "2026-01-02 Bäckerei Müller, Brötchen für die Küche\n"
    postings = "    Vermögen:Geldbörse  -3,50 EUR\n    Ausgaben:Frühstück\n\n"
    found = gather(((head + postings) * 30).encode(encoding))
    assert found.balances["Vermögen:Geldbörse", "EUR"] == -105
    is_told = encoding in ("utf-16-le", "latin-1", "cp1252")
    assert any("how it is encoded" in each.detail for each in found.remarks) == is_told


def test_other_line_breaks_are_line_breaks() -> None:
    found = gather(PLAIN.format(amount="1 EUR").replace("\n", "\r\n"))
    assert found.balances["assets:bank", "EUR"] == 1


EXAMPLES = {
    read_as: (FILES / name).read_bytes()
    for read_as, name in (
        ("hledger", "household.journal"),
        ("ledger", "ledger_style.journal"),
        ("beancount", "beancount_style.beancount"),
    )
}


@pytest.mark.parametrize("read_as", READERS)
@settings(max_examples=25)
@given(data=st.data())
def test_nothing_that_is_cut_or_changed_raises(read_as: str, data: st.DataObject) -> None:
    content = bytearray(EXAMPLES[read_as])
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content)))
        until = min(len(content), at + data.draw(st.integers(0, 40)))
        content[at:until] = data.draw(
            st.binary(max_size=6)
            | st.text(st.sampled_from("=@{}[]()\"'\\;#*!~^,.-−+/0123456789 \t\n$€EA"), max_size=10).map(str.encode)
        )
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    gather(bytes(content), read_as)


@pytest.mark.parametrize("read_as", READERS)
@settings(max_examples=15)
@given(content=st.binary(max_size=300))
def test_nothing_that_is_no_journal_raises(read_as: str, content: bytes) -> None:
    gather(content, read_as)
