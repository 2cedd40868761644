"""A transaction of beancount: its first line, its metadata, its postings, and what they come to."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from adapters.foreign_files.balancing import Balanced, Posting, Unbalanced, balance
from adapters.foreign_files.beancount_amounts import Lot, Units, read_units
from adapters.foreign_files.beancount_lots import Lots, NoLot
from adapters.foreign_files.blocks import Block
from adapters.foreign_files.dates import NoDate, begins_at
from adapters.foreign_files.exact import add, divide, multiply, negative
from adapters.foreign_files.journal_amounts import Amount, NoAmount
from adapters.foreign_files.journal_comments import bounded
from adapters.foreign_files.journal_names import NoName
from adapters.foreign_files.journal_state import JournalState
from application.interchange.found import Found, FoundTransaction, Remark, Unreadable
from domain.ledger.transaction import DESCRIPTION_LENGTH_MAX
from domain.shared.chain import parse_time

# Lines come from anybody: quantifiers give nothing back (`++`), or a line that almost matches would take minutes. Of
# groups, atomic ones do so: `(…)++` is wrong in Python before 3.11.5.
STRING: Final = r'"(?>(?:[^"\\]|\\.)*)"'
METADATA: Final = re.compile(r"[ \t]++([a-z][a-zA-Z0-9_\-]*+):(.*)")
_STRING: Final = re.compile(STRING)
_HEAD: Final = re.compile(
    rf"[ \t]*+(txn|[*!&#?%PSTCURM])[ \t]*+(?>({STRING})?)[ \t]*+(?>({STRING})?)"
    r"(?>((?:[ \t]*+[#^][A-Za-z0-9_/.\-]++)*))[ \t]*+(?:;.*)?"
)
_POSTING: Final = re.compile(
    r"[ \t]++(?>(?:([*!&#?%PSTCURM])[ \t]++)?)(?>([^\s:;\"]++(?::[^\s:;\"]++)+))[ \t]*+"
    r"(?>((?:\"[^\"]*+\"|[^;\"]++)*))(?:;.*)?"
)
_MARKS: Final = re.compile(r"[ \t]++(?>((?:[#^][A-Za-z0-9_/.\-]++[ \t]*+)+))")
_TAG: Final = re.compile(r"#([^\s#^]++)")
_LINK: Final = re.compile(r"\^([^\s#^]++)")
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_OURS: Final = ("id", "sequence", "effective_at", "recorded_at", "reference")
_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "b": "\b"}


@dataclass(slots=True)
class BeancountState:
    """What is known besides: lots, tags that are pushed, and by how much transactions may be off."""

    journal: JournalState
    lots: Lots = field(default_factory=Lots)
    tags: list[str] = field(default_factory=list)
    multiplier: Decimal = Decimal("0.5")
    default_tolerances: dict[str, Decimal] = field(default_factory=dict)


def read_string(written: str) -> str:
    """Return what a text between quotes is."""
    return _ESCAPED.sub(lambda match: _ESCAPES.get(match[1], match[1]), written[1:-1])


def read_value(written: str) -> str:
    """Return a value of metadata as text."""
    written = written.strip(" \t")
    return read_string(written) if _STRING.fullmatch(written) else written.partition(";")[0].strip()


def read_beancount_transaction(block: Block, rest: str, day: date, state: BeancountState) -> Iterator[Found]:
    """Yield what a transaction comes to, or why it is not understood."""
    try:
        found = list(_read(block, rest, day, state))
    except (NoDate, NoAmount, NoLot, NoName, Unbalanced) as error:
        yield Unreadable(block.place, f"The transaction is left out: {str(error).rstrip('.')}.")
    else:
        yield from state.journal.news()
        yield from found


def _read(block: Block, rest: str, day: date, state: BeancountState) -> Iterator[Found]:
    head = _HEAD.fullmatch(rest)
    if head is None:
        raise NoAmount("its first line is not understood")
    flag, first, second, marks = head.groups()
    metadata: dict[str, str] = {}
    if second is not None:
        metadata["payee"] = read_string(first)
    narration = read_string(second if second is not None else first) if first is not None else ""
    if flag not in ("*", "txn"):
        metadata["status" if flag == "!" else "flag"] = "pending" if flag == "!" else flag
    _mark(metadata, marks, state)
    postings = _postings(block, day, state, metadata)
    balanced = balance(
        postings,
        state.journal.commodities,
        state.journal.options,
        implies_prices=False,
        tolerances=_tolerances(postings, state),
    )
    count(balanced, day, state.journal)
    if balanced.entries:
        yield from posted(block.place, day, narration, metadata, balanced, state.journal)


def count(balanced: Balanced, day: date, state: JournalState) -> None:
    """Count the postings where balances are checked, by what the file calls the accounts: it decides what is below."""
    assert state.totals is not None, "beancount always asserts"
    for each in balanced.postings:
        assert each.amount is not None, "it was worked out"
        state.totals.add(state.accounts.name(each.account), each.code, day.isoformat(), each.amount)


def posted(
    place: str, day: date, narration: str, metadata: dict[str, str], balanced: Balanced, state: JournalState
) -> Iterator[Found]:
    """Yield a transaction, and what is to be said of it."""
    effective_at = begins_at(day, state.time_zone)
    own, code = metadata.get("uuid"), metadata.get("reference")
    if metadata.get("id", "").startswith("txn_") and "sequence" in metadata:
        # Partita wrote it.
        own = code or metadata["id"]
        with suppress(KeyError, ValueError):
            effective_at = parse_time(metadata["effective_at"])
        for name in _OURS:
            metadata.pop(name, None)
    reference = state.reference(own, code, day.isoformat(), narration, balanced)
    state.use(balanced, place)
    kept, is_all = bounded(metadata)
    if not is_all or len(narration) > DESCRIPTION_LENGTH_MAX:
        yield Remark(place, "It says more than fits into a description of 1,000 characters and 64 metadata.")
    for said in balanced.remarks(state.options):
        yield Remark(place, said)
    yield FoundTransaction(place, reference, effective_at, narration[:DESCRIPTION_LENGTH_MAX], balanced.entries, kept)


def _mark(metadata: dict[str, str], marks: str, state: BeancountState) -> None:
    tags = [*state.tags, *_TAG.findall(marks)]
    links = _LINK.findall(marks)
    if tags:
        metadata["tags"] = " ".join(dict.fromkeys(tags))
    if links:
        metadata["links"] = " ".join(links)


def _postings(block: Block, day: date, state: BeancountState, metadata: dict[str, str]) -> list[Posting]:
    postings: list[Posting] = []
    for line in block.body:
        text = line.text or ""
        if text.lstrip()[0] == ";":
            continue
        if match := METADATA.fullmatch(text):
            key = match[1] if not postings else f"{match[1]}-{len(postings)}"
            metadata[key] = read_value(match[2])
            continue
        if marks := _MARKS.fullmatch(text):
            _mark(metadata, marks[1], state)
            continue
        posting = _POSTING.fullmatch(text)
        if posting is None:
            raise NoAmount(f"line {line.number} is not understood")
        _, account, stated = posting.groups()
        try:
            units = read_units(stated.strip())
        except NoAmount as error:
            raise NoAmount(f"line {line.number}: {error}") from error
        postings.append(_posting(account, units, f"line {line.number}", day, state))
    return postings


def _posting(account: str, units: Units, place: str, day: date, state: BeancountState) -> Posting:
    journal = state.journal
    path = journal.account(account, place)
    if units.amount is None:
        return Posting(path, None)
    amount, code = units.amount.number, journal.code(units.amount, place)
    if units.lot is not None:
        weight, other = _cost(account, amount, code, units.lot, place, day, state)
    elif units.price is not None:
        price = units.price.amount
        other = journal.commodities.code(price.symbol, place)
        weight = _in_all(price.number, amount, is_total=units.price.is_total)
    else:
        return Posting(path, amount, code)
    if other == code:
        raise NoAmount(f"{place}: {code} has a price in {code}")
    return Posting(path, amount, code, weight, other)


def _cost(
    account: str, amount: Decimal, code: str, lot: Lot, place: str, day: date, state: BeancountState
) -> tuple[Decimal, str]:
    if lot.cost is None:
        return state.lots.given_away(account, code, amount, lot)
    if not amount:
        return amount, state.journal.commodities.code(lot.cost.symbol, place)
    other = state.journal.commodities.code(lot.cost.symbol, place)
    weight = _in_all(lot.cost.number, amount, is_total=lot.is_total)
    weight = add(weight, lot.fee if amount > 0 else negative(lot.fee))
    each = lot.cost.number if not lot.is_total and not lot.fee else divide(weight, amount)
    state.lots.take_in(account, code, amount, each, other, lot, day)
    return weight, other


def _in_all(number: Decimal, amount: Decimal, *, is_total: bool) -> Decimal:
    if not is_total:
        return multiply(number, amount)
    return negative(number.copy_abs()) if amount < 0 else number.copy_abs()


def _tolerances(postings: Sequence[Posting], state: BeancountState) -> dict[str, Decimal]:
    """Return by how much each asset may be off: half of the last digit of its least exact amount."""
    tolerances = dict(state.default_tolerances)
    for each in postings:
        if each.amount is None:
            continue
        exponent = each.amount.as_tuple().exponent
        if isinstance(exponent, int) and exponent < 0:
            allowed = multiply(state.multiplier, Decimal(1).scaleb(exponent))
            tolerances[each.code] = max(tolerances.get(each.code, allowed), allowed)
    return tolerances


def plain_amount(amount: Amount) -> Decimal:
    """Return by how much a balance of so many digits may be off: its last digit."""
    return Decimal(1).scaleb(-amount.digits) if amount.digits else Decimal(0)
