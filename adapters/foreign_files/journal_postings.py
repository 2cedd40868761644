"""The postings of a journal's transaction: what each line states, and what all of them come to."""

from dataclasses import dataclass
from decimal import Decimal

from adapters.foreign_files.balancing import Balanced, Posting, balance
from adapters.foreign_files.exact import NOTHING, add, multiply, negative
from adapters.foreign_files.journal_amounts import NOTHING_STATED, Assertion, NoAmount, Price, Stated, read_stated
from adapters.foreign_files.journal_names import NoName
from adapters.foreign_files.journal_state import JournalState
from adapters.foreign_files.totals import NO_DAY, Asserted

_REAL, _VIRTUAL = "", "virtual"


class UnclearLine(Exception):
    """A line is not understood; says where it is, and why, in a clause."""

    def __init__(self, number: int, detail: str) -> None:
        super().__init__(detail)
        self.place = f"line {number}"
        self.detail = detail


@dataclass(slots=True)
class PostingLine:
    """A posting's line; `group` is what it balances with, None where that is nothing; `day` is as 2026-01-31."""

    number: int
    account: str
    group: str | None
    stated: Stated
    day: str


def posting_line(number: int, account: str, stated_text: str, state: JournalState, day: str) -> PostingLine:
    """Return what a line says of an account. Raises `UnclearLine`."""
    group: str | None = _REAL
    if account[0] == "[" and account[-1] == "]":
        account, group = account[1:-1].strip(), _VIRTUAL
    elif account[0] == "(" and account[-1] == ")":
        account, group = account[1:-1].strip(), None
    if not account:
        raise UnclearLine(number, "a posting has no account")
    try:
        stated = read_stated(stated_text.strip(), state.style) if stated_text else NOTHING_STATED
        return PostingLine(number, state.account(account, f"line {number}"), group, stated, day)
    except NoAmount as error:
        raise UnclearLine(number, str(error)) from error
    except NoName as error:
        raise UnclearLine(number, str(error).rstrip(".")) from error


def balanced_lines(lines: list[PostingLine], state: JournalState) -> Balanced:
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


def _posting(line: PostingLine, state: JournalState) -> Posting:
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
        raise UnclearLine(line.number, f"{code} has a price in {code}")
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


def _assigned(lines: list[PostingLine], state: JournalState) -> list[Posting]:
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
                raise UnclearLine(
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


def _count(lines: list[PostingLine], postings: list[Posting], balanced: Balanced, state: JournalState) -> None:
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


def _asserted(line: PostingLine, assertion: Assertion, day: str, state: JournalState) -> Asserted:
    place = f"line {line.number}"
    code = state.commodities.code(assertion.amount.symbol, place)
    amount = assertion.amount.number
    return Asserted(place, line.account, code, amount, day, assertion.is_sole, assertion.is_deep)


def _day(line: PostingLine, state: JournalState) -> str:
    """Return the day by which balances are counted; ledger goes by the order of the file."""
    return NO_DAY if state.style.is_ledger else line.day
