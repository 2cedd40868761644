"""What is out of all proportion is told with its place, and takes neither memory nor time."""

from io import BytesIO
from time import thread_time

import pytest

from adapters.foreign_files import beancount_file, journal_names, totals
from adapters.foreign_files.journal_file import hledger_file
from application.interchange.read_foreign_file import read_foreign_file
from domain.shared.errors import ValidationFailed
from tests.adapters.foreign_files.found import gather

BREAD = '2026-01-02 * "Bread"\n  Expenses:Food  1.50 EUR\n  Assets:Cash  -1.50 EUR\n'


@pytest.mark.parametrize(
    "value", ["1e999999", "NaN", "sNaN", "Infinity", "-1", "1.5", "", "1" * 5_000, "0." + "1" * 5_000]
)
@pytest.mark.parametrize("option", ['"inferred_tolerance_multiplier" "{}"', '"inferred_tolerance_default" "EUR:{}"'])
def test_a_tolerance_is_a_number_up_to_one(option: str, value: str) -> None:
    found = gather(f"option {option.format(value)}\n\n{BREAD}", "beancount")
    assert found.places == ["line 1"]
    assert "no number from 0 to 1" in found.unreadable[0].detail
    assert len(found.transactions) == 1
    assert gather(f"option {option.format('0.005')}\n\n{BREAD}", "beancount").places == []


def test_the_tolerance_of_a_balance_is_not_below_zero() -> None:
    found = gather(f"{BREAD}\n2026-01-03 balance Assets:Cash  -1.50 ~ -1 EUR\n", "beancount")
    assert found.places == ["line 5"]


@pytest.mark.parametrize(("count", "is_read"), [(2_499, True), (2_500, False)])
def test_a_transaction_has_no_more_entries_than_the_ledger_takes(count: int, is_read: bool) -> None:
    """Each of these postings comes to two entries, with those of the conversion to four."""
    postings = "    a  1 X\n    b  -1 X\n" * count
    found = gather(f"2026-01-02 x\n{postings}    c  1 X\n    d\n\n2026-01-03 y\n    a  1 X\n    b\n")
    assert len(found.transactions) == 1 + is_read
    if not is_read:
        assert found.places == ["line 1"]
        assert "5,002 entries; a transaction has 5,000 at most" in found.unreadable[0].detail


def test_pads_take_no_longer_the_more_there_are() -> None:
    """With the square of their number, these would take minutes."""
    days = [f"{year}-{month:02}" for year in range(1000, 1500) for month in range(1, 13)]
    pads = [f"{day}-01 pad A:B E:O\n{day}-02 balance A:B {n + 1} X\n" for n, day in enumerate(days)]
    began = thread_time()
    found = gather("".join(pads), "beancount")
    assert thread_time() - began < 4.0
    assert (found.failed, found.unreadable) == ([], [])
    # Each adds one to what the one before it came to.
    assert found.balances == {("A:B", "X"): len(days), ("E:O", "X"): -len(days)}


async def test_how_much_of_a_file_is_read_is_told_on_the_way() -> None:
    content = b"2026-01-02 x\n  a  1 X\n  b\n\n" * 5_000
    told: list[tuple[int, int]] = []
    read = await read_foreign_file(
        hledger_file({}, "UTC"), BytesIO(content), BytesIO(), lambda *so_far: told.append(so_far)
    )
    assert read.transactions == 5_000
    assert {total for _, total in told} == {len(content)}
    done = [done for done, _ in told]
    assert done == sorted(done)
    assert len(set(done)) > 10
    assert done[-1] == len(content)


async def test_a_file_does_not_grow_beyond_proportion() -> None:
    prefix = "\U00010400" * 240
    content = f"apply account {prefix}\n\n" + "2026-01-02 x\n  a  1 X\n  b\n\n" * 5_000
    lines = BytesIO()
    with pytest.raises(ValidationFailed, match="16 times its own size"):
        await read_foreign_file(hledger_file({}, "UTC"), BytesIO(content.encode()), lines)
    assert len(lines.getvalue()) <= 16 * len(content.encode())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"apply account {'a' * 300}\n", "255 characters at most"),
        (f"alias a={'a' * 300}\n", "255 characters at most"),
        (f"account {'a' * 300}\n", "at most 255 fit"),
        (
            "alias a=a:" + "b" * 200 + "\nalias a=a:" + "b" * 200 + "\n\n2026-01-02 x\n  a  1 X\n  c\n",
            "at most 255 fit",
        ),
    ],
)
def test_names_do_not_grow_by_what_stands_before_them(text: str, says: str) -> None:
    (unreadable,) = gather(text).unreadable
    assert says in unreadable.detail


def test_accounts_sums_tags_and_balances_have_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_names, "ACCOUNTS_MAX", 2)
    more = "2026-01-02 x\n  a  1 X\n  b\n\n2026-01-03 x\n  a  1 X\n  c\n\n2026-01-04 x\n  a  1 X\n  b\n"
    found = gather(more)
    assert (found.places, len(found.transactions)) == (["line 7"], 2)
    monkeypatch.undo()

    monkeypatch.setattr(totals, "SUMS_MAX", 20)
    days = "".join(f"2026-01-{day:02} x\n  a  1 X\n  b  -1 X = -{day} X\n\n" for day in range(1, 29))
    (failed,) = gather(days).failed
    assert "Balances are not checked: that takes more than 20 sums" in failed.detail
    pads = "2026-01-01 pad Assets:Cash Equity:Opening\n2026-02-01 balance Assets:Cash 9 X\n"
    beancount = "".join(f'2026-01-{day:02} * "x"\n  Assets:Cash  1 X\n  Assets:B  -1 X\n\n' for day in range(1, 29))
    found = gather(beancount + pads, "beancount")
    assert (len(found.failed), len(found.transactions)) == (1, 28)

    monkeypatch.setattr(beancount_file, "_STATED_MAX", 1)
    assert gather(pads, "beancount").places == ["line 2"]
    pushed = "".join(f"pushtag #t{number}\n" for number in range(65))
    assert gather(f"{pushed}\n{BREAD}", "beancount").places == ["line 65"]
