"""Files of beancount."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import IO, Any, Final

from adapters.foreign_files.balancing import Posting, balance
from adapters.foreign_files.beancount_amounts import Balance, read_balance, read_tolerance
from adapters.foreign_files.beancount_transactions import (
    METADATA,
    STRING,
    BeancountState,
    plain_amount,
    posted,
    read_beancount_transaction,
    read_string,
    read_value,
)
from adapters.foreign_files.blocks import Block, read_blocks
from adapters.foreign_files.dates import NoDate, begins_at, read_date
from adapters.foreign_files.exact import NOTHING, add, negative
from adapters.foreign_files.journal_amounts import AmountStyle, NoAmount
from adapters.foreign_files.journal_comments import bounded
from adapters.foreign_files.journal_names import JournalAccounts, NoName
from adapters.foreign_files.journal_state import JournalState
from adapters.foreign_files.text_lines import detect_encoding, encoding_remarks, read_lines
from adapters.foreign_files.totals import Totals, failed_balance
from application.interchange.found import Found, Unreadable
from application.interchange.journal_options import JournalOptions
from domain.ledger.account import AccountType

# Beancount takes no notice of lines that begin so: titles of outlines, for example.
_COMMENT_MARKS: Final = ";*:#!&?%"
_DATED: Final = re.compile(r"([0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2})[ \t]+(.*)")
_OPTION: Final = re.compile(rf"option[ \t]++({STRING})[ \t]++({STRING})[ \t]*+(?:;.*)?")
_BOOKING: Final = re.compile(r'"([A-Z_]+)"')
# Each transaction goes through all of them.
_TOLERANCES_MAX: Final = 500
_TAGS_MAX: Final = 64
_TAG_LENGTH_MAX: Final = 255
# They wait for the end of the file.
_STATED_MAX: Final = 200_000
_ROOTS: Final = {
    "name_assets": AccountType.ASSET,
    "name_liabilities": AccountType.LIABILITY,
    "name_equity": AccountType.EQUITY,
    "name_income": AccountType.INCOME,
    "name_expenses": AccountType.EXPENSE,
}
_LEFT_OUT: Final = {
    "close": "Accounts stay open, though the file closes some.",
    "note": "Notes on accounts are left out.",
    "document": "Links to documents are left out.",
    "event": "Events are left out.",
    "query": "Queries are left out.",
    "price": "Prices of the market are left out: a ledger has none.",
    "custom": "Directives of other programs (custom) are left out.",
}


@dataclass(frozen=True, slots=True)
class _Stated:
    """A balance that the file states, or a pad that fills up to the next one."""

    place: str
    day: date
    account: str
    balance: Balance | None = None
    code: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class BeancountFile:
    """A file of beancount; no file that it includes, and no plugin."""

    options: JournalOptions
    time_zone: str

    def read(self, file: IO[bytes]) -> Iterator[Found]:
        """Yield what is found, as `ForeignFile` says."""
        encoding = detect_encoding(file)
        yield from encoding_remarks(encoding)
        types = {
            "Assets": AccountType.ASSET,
            "Liabilities": AccountType.LIABILITY,
            "Equity": AccountType.EQUITY,
            "Income": AccountType.INCOME,
            "Expenses": AccountType.EXPENSE,
            **self.options.types,
        }
        journal = JournalState(self.options, self.time_zone, AmountStyle(), JournalAccounts(types), Totals())
        state, stated = BeancountState(journal), list[_Stated]()
        try:
            lines = read_lines(file, encoding)
            for block in read_blocks(lines, comment_marks=_COMMENT_MARKS, comment_words={}):
                if isinstance(block, Unreadable):
                    yield block
                    continue
                try:
                    yield from _block(block, state, stated)
                except (NoAmount, NoDate, NoName) as error:
                    yield Unreadable(block.place, f"{_shown(block.head)}: {str(error).rstrip('.')}.")
            yield from _checked(stated, state)
            yield from state.journal.totals_given_up()
            yield from journal.news()
            yield from journal.commodities.found()
        finally:
            journal.occurrences.close()


def _block(block: Block, state: BeancountState, stated: list[_Stated]) -> Iterator[Found]:
    dated = _DATED.fullmatch(block.head)
    if dated is None:
        yield from _undated(block, state)
        return
    day, rest = read_date(dated[1], None), dated[2]
    word, _, arguments = rest.partition(" ")
    arguments = arguments.partition(";")[0].strip() if word not in ("note", "query", "custom") else arguments
    if word in ("balance", "pad") and len(stated) >= _STATED_MAX:
        raise NoAmount(f"{_STATED_MAX:,} balances and pads are checked, and no more")
    match word:
        case "open":
            _open(block, arguments, state)
            yield from state.journal.news()
        case "commodity":
            _commodity(block, arguments, state)
        case "balance":
            account, _, amount = arguments.replace("\t", " ").partition(" ")
            asserted = read_balance(amount.strip())
            code = state.journal.commodities.code(asserted.amount.symbol, block.place)
            stated.append(_Stated(block.place, day, account, asserted, code))
        case "pad":
            padded, source = _two(arguments)
            # Whatever is wrong with it is told here, where it stands.
            begins_at(day, state.journal.time_zone)
            for name in (padded, source):
                state.journal.account(name, block.place)
            stated.append(_Stated(block.place, day, padded, source=source))
        case _ if word in _LEFT_OUT:
            yield from state.journal.once(block.place, _LEFT_OUT[word])
        case _:
            yield from read_beancount_transaction(block, rest, day, state)


def _undated(block: Block, state: BeancountState) -> Iterator[Found]:
    word, _, rest = block.head.partition(" ")
    match word:
        case "option":
            option = _OPTION.fullmatch(block.head)
            if option is None:
                raise NoAmount("it is not understood")
            _option(read_string(option[1]), read_string(option[2]), state)
        case "pushtag":
            tag = rest.strip().removeprefix("#")
            if len(state.tags) >= _TAGS_MAX or len(tag) > _TAG_LENGTH_MAX:
                raise NoAmount(f"{_TAGS_MAX} tags of {_TAG_LENGTH_MAX} characters are pushed at a time, and no more")
            state.tags.append(tag)
        case "poptag" if (tag := rest.strip().removeprefix("#")) in state.tags:
            state.tags.remove(tag)
        case "plugin":
            yield from state.journal.once(block.place, f"The plugin {rest.strip()[:80]} is not run.")
        case "include":
            raise NoAmount("no other file is read; import it by itself")
        case _:
            raise NoAmount("there is no such directive here")


def _option(name: str, value: str, state: BeancountState) -> None:
    if name in _ROOTS:
        state.journal.accounts.declare_type(value, _ROOTS[name])
    elif name == "inferred_tolerance_multiplier":
        state.multiplier = read_tolerance(value)
    elif name == "inferred_tolerance_default":
        currency, _, tolerance = value.partition(":")
        if currency == "*":
            return
        if len(state.default_tolerances) >= _TOLERANCES_MAX:
            raise NoAmount(f"{_TOLERANCES_MAX} tolerances are followed, and no more")
        code = state.journal.commodities.code(currency, "line 1")
        state.default_tolerances[code] = read_tolerance(tolerance)


def _open(block: Block, arguments: str, state: BeancountState) -> None:
    account, _, rest = arguments.partition(" ")
    metadata = _metadata(block)
    path = metadata.pop("path", None)
    if "sequence" in metadata and "opened_at" in metadata:
        # Partita wrote it.
        del metadata["sequence"], metadata["opened_at"]
        if path is not None:
            state.journal.accounts.given(account, path)
    elif path is not None:
        metadata["path"] = path
    if booking := _BOOKING.search(rest):
        state.lots.bookings[account] = booking[1]
    state.journal.accounts.declare(account, None, bounded(metadata)[0], block.place)


def _commodity(block: Block, arguments: str, state: BeancountState) -> None:
    symbol = arguments.strip()
    code = _metadata(block).get("code")
    if code is not None:
        state.journal.commodities.given(symbol, code, block.place)
    state.journal.commodities.code(symbol, block.place)


def _metadata(block: Block) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in block.body:
        if match := METADATA.fullmatch(line.text or ""):
            found[match[1]] = read_value(match[2])
    return found


def _two(arguments: str) -> tuple[str, str]:
    names = arguments.split()
    if len(names) != 2:
        raise NoAmount("it names two accounts")
    return names[0], names[1]


def _checked(stated: list[_Stated], state: BeancountState) -> Iterator[Found]:
    """Yield the transactions of pads, and balances that do not hold, now that all amounts are known."""
    journal = state.journal
    totals = journal.totals
    assert totals is not None, "beancount always asserts"
    if totals.given_up is not None:
        return
    pads: dict[str, _Stated] = {}
    padded: dict[str, set[str]] = {}
    # What pads have added, each before the day of all that is checked after it.
    filled_up: dict[tuple[str, str], Decimal] = {}
    # A day begins with its balances.
    for each in sorted(stated, key=lambda each: (each.day, each.balance is None)):
        if each.balance is None:
            pads[each.account] = each
            padded.pop(each.account, None)
            continue
        expected = each.balance.amount.number
        before = totals.before(each.account, each.code, each.day.isoformat())
        actual = add(before, filled_up.get((each.account, each.code), NOTHING))
        surplus = add(expected, negative(actual))
        tolerance = each.balance.tolerance
        allowed = plain_amount(each.balance.amount) if tolerance is None else tolerance
        pad, done = pads.get(each.account), padded.setdefault(each.account, set())
        if surplus.copy_abs() <= allowed:
            pass
        elif pad is None or each.code in done:
            yield failed_balance(each.place, each.account, expected, actual, each.code)
        else:
            padded_path, source_path = (journal.account(name, pad.place) for name in (pad.account, pad.source))
            postings = [Posting(padded_path, surplus, each.code), Posting(source_path, negative(surplus), each.code)]
            journal.commodities.learn(each.code, surplus, each.balance.amount.digits)
            filled = balance(postings, journal.commodities, journal.options, implies_prices=False)
            for name, amount in ((pad.account, surplus), (pad.source, negative(surplus))):
                _fill_up(filled_up, name, each.code, amount)
            yield from posted(pad.place, pad.day, f"Padding up to the balance of {each.day}", {}, filled, journal)
        done.add(each.code)


def _fill_up(sums: dict[tuple[str, str], Decimal], account: str, code: str, amount: Decimal) -> None:
    while account:
        sums[account, code] = add(sums.get((account, code), NOTHING), amount)
        account = account.rpartition(":")[0]


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:80] + "…")


def beancount_file(options: Mapping[str, Any], time_zone: str) -> BeancountFile:
    """Return a reader of beancount's files. Raises `ValidationFailed`."""
    return BeancountFile(JournalOptions.of(options), time_zone)
