"""Statements that overlap: whatever two files say of one list of lines, each line is posted once."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.interchange.found import Found, FoundTransaction
from tests.adapters.foreign_files.statement_samples import (
    ACCOUNT,
    IBAN,
    camt,
    camt_entry,
    read,
    transactions,
)

FIRST_DAY = date(2026, 12, 28)  # over the end of a year


@dataclass(frozen=True)
class Line:
    """What happened at a bank."""

    day: int
    amount: Decimal
    text: str
    reference: str

    @property
    def on(self) -> date:
        return FIRST_DAY + timedelta(days=self.day)


# Few of each, so that many lines are alike in all, or in all but one thing.
LINES = st.lists(
    st.builds(
        Line,
        day=st.integers(0, 5),
        amount=st.sampled_from([Decimal("-3.20"), Decimal("3.20"), Decimal("-15.00")]),
        text=st.sampled_from(["rolls", "bread"]),
        reference=st.sampled_from(["", "", "NONREF", "R1", "R2"]),
    ),
    max_size=12,
).map(lambda lines: sorted(lines, key=lambda line: line.day))


def as_csv(lines: Sequence[Line]) -> list[Found]:
    """Write the lines as a table, and read that."""
    rows = "".join(f"{line.on};{line.text};{line.amount};{line.reference}\n" for line in lines)
    columns = {"date": "Day", "amount": "Amount", "purpose": ["Text"], "reference": "Reference"}
    shape = {"bank_account": IBAN, "currency": "EUR", "columns": columns, "delimiter": ";", "decimal": "."}
    return read("csv", f"Day;Text;Amount;Reference\n{rows}", ACCOUNT | {"csv": shape})


def as_mt940(lines: Sequence[Line]) -> list[Found]:
    """Write the lines as MT940, and read that."""
    fields = "".join(
        f":61:{line.on:%y%m%d%m%d}{'D' if line.amount < 0 else 'C'}{str(abs(line.amount)).replace('.', ',')}NMSCNONREF"
        f"{f'//{line.reference}' if line.reference else ''}\n:86:106?00X?20{line.text}\n"
        for line in lines
    )
    total = sum((line.amount for line in lines), Decimal())
    closing = f"{'D' if total < 0 else 'C'}261231EUR{str(abs(total)).replace('.', ',')}"
    closing += "" if "," in closing else ","
    head = ":20:X\n:25:37040044/0532013000\n:60F:C261228EUR0,00\n"
    return read("mt940", f"{head}{fields}:62F:{closing}\n", ACCOUNT)


def as_camt(lines: Sequence[Line]) -> list[Found]:
    """Write the lines as CAMT.053, and read that."""
    return read(
        "camt053",
        camt(
            "".join(
                camt_entry(
                    amount=str(abs(line.amount)),
                    mark="DBIT" if line.amount < 0 else "CRDT",
                    day=line.on.isoformat(),
                    reference=line.reference,
                    party="",
                    purpose=line.text,
                )
                for line in lines
            )
        ),
        ACCOUNT,
    )


WRITERS = {"csv": as_csv, "mt940": as_mt940, "camt053": as_camt}
Window = tuple[int, int]


def window(lines: Sequence[Line], first_day: int, length: int) -> list[Line]:
    """Return the lines from the beginning of a day on; a statement may end within a day, but not begin there."""
    return [line for line in lines if line.day >= first_day][:length]


def posted(*files: list[Found]) -> dict[str, FoundTransaction]:
    """Post the files one after the other: what has a reference that is there already is left out."""
    books: dict[str, FoundTransaction] = {}
    for found in files:
        for each in transactions(found):
            books.setdefault(each.reference, each)
    return books


def said(books: dict[str, FoundTransaction]) -> Counter[tuple[date, Decimal]]:
    """Return what came in and went out on which day, and how often."""
    return Counter((each.effective_at.date(), each.entries[0].amount) for each in books.values())


def happened(lines: Sequence[Line]) -> Counter[tuple[date, Decimal]]:
    """Return the same of what did happen."""
    return Counter((line.on, line.amount) for line in lines)


@pytest.mark.parametrize("name", sorted(WRITERS))
@settings(max_examples=60, deadline=None)
@given(
    lines=LINES,
    first=st.tuples(st.integers(0, 5), st.integers(0, 12)),
    then=st.tuples(st.integers(0, 5), st.integers(0, 12)),
    is_turned=st.booleans(),
)
def test_two_windows_of_one_list_of_lines_are_posted_as_their_union(
    name: str, lines: list[Line], first: Window, then: Window, is_turned: bool
) -> None:
    write = WRITERS[name]
    one, other = window(lines, *first), window(lines, *then)
    books = posted(write(one), write(other[::-1] if is_turned else other))
    # Lines are told apart by their place in the list: two that are alike are two.
    places = {place for each in (first, then) for place in range(len(lines))[_slice(lines, each)]}
    assert said(books) == happened([lines[place] for place in sorted(places)])


def _slice(lines: Sequence[Line], each: Window) -> slice:
    start = sum(line.day < each[0] for line in lines)
    return slice(start, start + each[1])


@pytest.mark.parametrize("name", sorted(WRITERS))
@settings(max_examples=30, deadline=None)
@given(lines=LINES)
def test_the_same_statement_twice_posts_nothing_twice(name: str, lines: list[Line]) -> None:
    write = WRITERS[name]
    once = posted(write(lines))
    assert posted(write(lines), write(lines)) == once
    assert len(once) == len(lines)


@settings(max_examples=60, deadline=None)
@given(
    lines=LINES.map(lambda lines: [line for line in lines if line.reference.startswith("R")]),
    first=st.tuples(st.integers(0, 5), st.integers(0, 12)),
    writers=st.permutations([as_csv, as_mt940, as_camt]),
)
def test_files_in_other_formats_post_only_what_is_new_where_the_bank_has_references(
    lines: list[Line], first: Window, writers: list[Callable[[Sequence[Line]], list[Found]]]
) -> None:
    books = posted(writers[0](window(lines, *first)), writers[1](lines), writers[2](lines))
    assert said(books) == happened(lines)


def test_equal_lines_of_one_day_are_as_many_as_the_fuller_file_has() -> None:
    roll = Line(2, Decimal("-3.20"), "rolls", "")
    assert said(posted(as_csv([roll, roll]), as_csv([roll, roll, roll]))) == {(roll.on, roll.amount): 3}


def test_a_fee_with_the_reference_of_its_transfer_is_a_line_of_its_own_in_any_window() -> None:
    transfer = Line(1, Decimal("-15.00"), "bread", "R1")
    fee = Line(2, Decimal("-3.20"), "bread", "R1")
    assert len(posted(as_camt([fee]), as_camt([transfer, fee]))) == 2


def test_lines_that_are_alike_in_two_bank_accounts_are_two() -> None:
    head, line = ":20:X\n:25:{}\n:60F:C261228EUR9,00\n", ":61:2612281228D3,20NMSCNONREF\n:62F:C261228EUR5,80\n"
    files = [read("mt940", head.format(account) + line, {}) for account in ("111/1", "111/2")]
    assert len(posted(*files)) == 2


def test_an_account_that_gets_an_entry_in_the_profile_later_keeps_its_references() -> None:
    lines = [Line(1, Decimal("-15.00"), "bread", "R1"), Line(1, Decimal("3.20"), "rolls", "")]
    head = ":20:X\n:25:37040044/0532013000\n:60F:C261228EUR0,00\n:61:2612291229D15,00NMSCNONREF\n:62F:D261229EUR15,00\n"
    named = {"bank_accounts": [{"names": ["37040044/0532013000", IBAN], "account": "assets:bank:nord"}]}
    assert list(posted(read("mt940", head, {}))) == list(posted(read("mt940", head, named)))
    assert len(posted(as_csv(lines))) == 2
