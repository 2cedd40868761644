"""A transaction of a journal of hledger or ledger: its first line, its postings, and what they come to."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from adapters.foreign_files.balancing import Balanced, Posting, Unbalanced, balance
from adapters.foreign_files.blocks import Block
from adapters.foreign_files.dates import NoDate, begins_at, read_date
from adapters.foreign_files.exact import NOTHING, add, multiply, negative
from adapters.foreign_files.journal_amounts import NOTHING_STATED, Assertion, NoAmount, Price, Stated, read_stated
from adapters.foreign_files.journal_comments import bounded, posting_date, read_tags
from adapters.foreign_files.journal_names import PathTooLong
from adapters.foreign_files.journal_state import JournalState
from adapters.foreign_files.totals import NO_DAY, Asserted
from application.interchange.found import Found, FoundTransaction, Remark, Unreadable
from domain.ledger.transaction import DESCRIPTION_LENGTH_MAX
from domain.shared.chain import parse_time

_HEAD: Final = re.compile(
    r"([0-9][0-9/.\-]*)(?:=([0-9][0-9/.\-]*))?(?:[ \t]+|$)(?:([*!])[ \t]*)?(?:\(([^)]*)\)[ \t]*)?([^;]*)(?:;(.*))?"
)
_POSTING: Final = re.compile(
    r"[ \t]+(?:([*!])[ \t]*)?(\S+(?: \S+)*)(?:[ \t]*\t[ \t]*|[ \t]{2,}|[ \t]*$)([^;]*)(?:;(.*))?"
)
_REAL, _VIRTUAL = "", "virtual"
_STATUS: Final = {"*": "cleared", "!": "pending"}
# Tags of journals that Partita wrote, which the transaction says by itself once it is posted.
_OURS: Final = ("id", "sequence", "effective_at", "recorded_at")


class _Unclear(Exception):
    """A line is not understood; says why, in a clause."""

    def __init__(self, number: int, detail: str) -> None:
        super().__init__(detail)
        self.place = f"line {number}"
        self.detail = detail


@dataclass(slots=True)
class _Line:
    """A posting's line."""

    number: int
    account: str
    group: str | None
    stated: Stated
    day: str


@dataclass(slots=True)
class _Notes:
    """What a transaction says beside its amounts."""

    metadata: dict[str, str] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    def of_transaction(self, comment: str) -> None:
        tags, text = read_tags(comment.strip())
        self.metadata.update(tags)
        if text:
            self.comments.append(text)

    def of_posting(self, position: int, comment: str) -> None:
        key = f"comment-{position}"
        said = self.metadata.get(key)
        self.metadata[key] = f"{said}\n{comment.strip()}" if said else comment.strip()


def read_transaction(block: Block, state: JournalState) -> Iterator[Found]:
    """Yield what a transaction comes to, or why it is not understood."""
    try:
        found = list(_read(block, state))
    except (NoDate, PathTooLong, Unbalanced) as error:
        yield Unreadable(block.place, f"The transaction is left out: {str(error).rstrip('.')}.")
    except _Unclear as error:
        yield Unreadable(error.place, f"The transaction is left out: {error.detail}.")
    else:
        yield from state.news()
        yield from found


def _read(block: Block, state: JournalState) -> Iterator[Found]:
    head = _HEAD.fullmatch(block.head)
    if head is None:
        raise NoDate("its first line is not understood")
    written, second, status, code, description, comment = head.groups()
    day = read_date(written, state.year)
    iso = day.isoformat()
    notes = _Notes()
    if second:
        notes.metadata["date2"] = read_date(second, day.year).isoformat()
    if status:
        notes.metadata["status"] = _STATUS[status]
    if comment:
        notes.of_transaction(comment)
    lines = _lines(block, state, iso, notes)
    balanced = _balanced(lines, state)
    for line in lines:
        if line.group is None:
            yield Unreadable(
                f"line {line.number}",
                f"A posting in parentheses balances with nothing: {line.account} is left out, and the rest of the "
                "transaction stands.",
            )
    if not balanced.entries:
        return
    yield from _transaction(block, state, iso, description.strip(), code, balanced, notes)


def _transaction(
    block: Block, state: JournalState, day: str, description: str, code: str | None, balanced: Balanced, notes: _Notes
) -> Iterator[Found]:
    place, metadata = block.place, notes.metadata
    effective_at = begins_at(read_date(day, None), state.time_zone)
    own = metadata.get("uuid") or metadata.get("reference") or code
    if metadata.get("id", "").startswith("txn_") and "sequence" in metadata:
        # Partita wrote it.
        own = code or metadata["id"]
        with suppress(KeyError, ValueError):
            effective_at = parse_time(metadata["effective_at"])
        for name in _OURS:
            metadata.pop(name, None)
    reference, is_own = state.reference(own, day, description, balanced)
    if own and not is_own:
        yield Remark(place, f"{own[:80]!r} names another transaction before: this one is named by what it says.")
    if code and not (is_own and own == code):
        metadata["code"] = code
    if notes.comments:
        metadata["comment"] = "\n".join(notes.comments)
    kept, is_all = bounded(metadata)
    if not is_all or len(description) > DESCRIPTION_LENGTH_MAX:
        yield Remark(place, "It says more than fits into a description of 1,000 characters and 64 metadata.")
    yield from notes.remarks
    for said in balanced.remarks(state.options):
        yield Remark(place, said)
    yield FoundTransaction(place, reference, effective_at, description[:DESCRIPTION_LENGTH_MAX], balanced.entries, kept)


def _lines(block: Block, state: JournalState, day: str, notes: _Notes) -> list[_Line]:
    lines: list[_Line] = []
    for each in block.body:
        text = each.text or ""
        stripped = text.lstrip()
        if stripped[0] == ";":
            if lines:
                notes.of_posting(len(lines), stripped[1:])
                _move(lines[-1], stripped, state, notes)
            else:
                notes.of_transaction(stripped[1:])
            continue
        match = _POSTING.fullmatch(text)
        if match is None:
            raise _Unclear(each.number, "the line is not understood")
        _, account, stated_text, comment = match.groups()
        lines.append(_line(each.number, account, stated_text, state, day))
        if comment:
            notes.of_posting(len(lines), comment)
            _move(lines[-1], comment, state, notes)
    return lines


def _line(number: int, account: str, stated_text: str, state: JournalState, day: str) -> _Line:
    group: str | None = _REAL
    if account[0] == "[" and account[-1] == "]":
        account, group = account[1:-1].strip(), _VIRTUAL
    elif account[0] == "(" and account[-1] == ")":
        account, group = account[1:-1].strip(), None
    if not account:
        raise _Unclear(number, "a posting has no account")
    try:
        stated = read_stated(stated_text.strip(), state.style) if stated_text else NOTHING_STATED
        return _Line(number, state.account(account, f"line {number}"), group, stated, day)
    except NoAmount as error:
        raise _Unclear(number, str(error)) from error
    except PathTooLong as error:
        raise _Unclear(number, str(error).rstrip(".")) from error


def _move(line: _Line, comment: str, state: JournalState, notes: _Notes) -> None:
    """Take in the date of its own that a posting may have: a ledger has one for a transaction."""
    written = posting_date(comment)
    if written is None:
        return
    try:
        line.day = read_date(written, int(line.day[:4])).isoformat()
    except NoDate as error:
        raise _Unclear(line.number, str(error)) from error
    notes.remarks.append(
        Remark(f"line {line.number}", f"A posting has no date of its own here: {written} is left out.")
    )


def _balanced(lines: list[_Line], state: JournalState) -> Balanced:
    """Return what the lines come to, and count it. What an assertion says of one before another one, counts for it."""
    postings: list[Posting] = []
    if state.totals is None or not any(each.stated.assertion for each in lines):
        postings = [_posting(line, state) for line in lines]
    else:
        postings = _assigned(lines, state)
    balanced = balance(
        [each for line, each in zip(lines, postings, strict=True) if line.group is not None],
        state.commodities,
        state.options,
        implies_prices=True,
    )
    if state.totals is not None:
        _count(lines, postings, balanced, state)
    return balanced


def _posting(line: _Line, state: JournalState) -> Posting:
    stated, place = line.stated, f"line {line.number}"
    group = line.group or ""
    if stated.amount is None:
        return Posting(line.account, None, group=group)
    amount = stated.amount.number
    code = state.code(stated.amount, place)
    price = _price(stated, state)
    if price is None:
        return Posting(line.account, amount, code, group=group)
    other = state.commodities.code(price.amount.symbol, place)
    if other == code:
        raise _Unclear(line.number, f"{code} has a price in {code}")
    weight = price.amount.number if price.is_total else multiply(price.amount.number, amount)
    if price.is_total:
        weight = negative(weight.copy_abs()) if amount < 0 else weight.copy_abs()
        state.commodities.learn(other, price.amount.number, price.amount.digits)
    return Posting(line.account, amount, code, weight, other, group)


def _price(stated: Stated, state: JournalState) -> Price | None:
    """Return what counts: for ledger, what a lot has cost; for hledger, which only notes that, the price."""
    if state.style.is_ledger and stated.lot is not None:
        return stated.lot
    return stated.price


def _assigned(lines: list[_Line], state: JournalState) -> list[Posting]:
    """Return postings in which amounts follow from the balances that are assigned."""
    assert state.totals is not None, "who asserts something has totals"
    postings: list[Posting] = []
    so_far: dict[tuple[str, str], Decimal] = {}
    for line in lines:
        posting = _posting(line, state)
        assertion = line.stated.assertion
        if posting.amount is None and assertion is not None:
            code = state.code(assertion.amount, f"line {line.number}")
            held = state.totals.running(line.account, code, _day(line, state))
            if held is None or assertion.is_deep:
                raise _Unclear(
                    line.number,
                    "the amount follows from a balance that is not known here, as dates go back before it or it counts "
                    "accounts below",
                )
            before = add(held, so_far.get((line.account, code), NOTHING))
            assigned = add(assertion.amount.number, negative(before))
            posting = Posting(line.account, assigned, code, group=line.group or "")
        if posting.amount is not None:
            key = (line.account, posting.code)
            so_far[key] = add(so_far.get(key, NOTHING), posting.amount)
        postings.append(posting)
    return postings


def _count(lines: list[_Line], postings: list[Posting], balanced: Balanced, state: JournalState) -> None:
    totals = state.totals
    assert totals is not None, "only where the file asserts something"
    given = {id(posting) for posting in postings}
    # Of each group, one amount at most was left out; it may be several, in as many assets.
    inferred: dict[str, list[Posting]] = {}
    for each in balanced.postings:
        if each.account and id(each) not in given:
            inferred.setdefault(each.group, []).append(each)
    for line, posting in zip(lines, postings, strict=True):
        day = _day(line, state)
        is_known = posting.amount is not None or line.group is None
        known = [posting] if is_known else inferred.get(posting.group, [])
        for each in known:
            if each.amount is not None:
                totals.add(line.account, each.code, day, each.amount)
        if line.stated.assertion is not None:
            totals.check(_asserted(line, line.stated.assertion, day, state))


def _asserted(line: _Line, assertion: Assertion, day: str, state: JournalState) -> Asserted:
    place = f"line {line.number}"
    code = state.commodities.code(assertion.amount.symbol, place)
    amount = assertion.amount.number
    return Asserted(place, line.account, code, amount, day, assertion.is_sole, assertion.is_deep)


def _day(line: _Line, state: JournalState) -> str:
    """Return the day by which balances are counted; ledger goes by the order of the file."""
    return NO_DAY if state.style.is_ledger else line.day
