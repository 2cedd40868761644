"""Journals of hledger and ledger."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import IO, Any, Final

from adapters.foreign_files.blocks import Block, read_blocks
from adapters.foreign_files.journal_amounts import AmountStyle, NoAmount, decimal_mark, read_amount
from adapters.foreign_files.journal_comments import bounded, read_tags
from adapters.foreign_files.journal_names import JournalAccounts, NoName
from adapters.foreign_files.journal_state import JournalState
from adapters.foreign_files.journal_transactions import read_transaction
from adapters.foreign_files.text_lines import detect_encoding, encoding_remarks, read_lines
from adapters.foreign_files.totals import Totals
from application.interchange.found import Found, Unreadable
from application.interchange.journal_options import JournalOptions
from domain.ledger.account import AccountType
from domain.shared.paths import PATH_LENGTH_MAX

_COMMENT_MARKS: Final = ";#*%|"
_COMMENT_WORDS: Final = {"comment": "end comment", "test": "end test"}
_TYPES: Final = {
    **dict.fromkeys(("a", "asset", "c", "cash"), AccountType.ASSET),
    **dict.fromkeys(("l", "liability"), AccountType.LIABILITY),
    **dict.fromkeys(("e", "equity", "v", "conversion"), AccountType.EQUITY),
    **dict.fromkeys(("r", "revenue", "income"), AccountType.INCOME),
    **dict.fromkeys(("x", "expense"), AccountType.EXPENSE),
}
_CHUNK_BYTES: Final = 1024 * 1024
# Each account is looked up among all of them.
_ALIASES_MAX: Final = 500
_NESTING_MAX: Final = 64
_YEAR: Final = re.compile(r"(?:apply )?(?:year|Y)[ \t]*([0-9]{4,5})")
_ACCOUNT: Final = re.compile(r"(\S+(?: \S+)*)[ \t]*(?:;(.*))?")
_WITHOUT_EFFECT: Final = frozenset({"payee", "tag", "N", "end tag"})


@dataclass(frozen=True, slots=True)
class JournalFile:
    """A journal of hledger; or with `is_ledger` of ledger, which reads some things in another way."""

    options: JournalOptions
    time_zone: str
    is_ledger: bool = False

    def read(self, file: IO[bytes]) -> Iterator[Found]:
        """Yield what is found, as `ForeignFile` says."""
        encoding = detect_encoding(file)
        yield from encoding_remarks(encoding)
        totals = Totals() if _has_equals_sign(file) else None
        accounts = JournalAccounts(self.options.types)
        state = JournalState(self.options, self.time_zone, AmountStyle(self.is_ledger), accounts, totals)
        try:
            lines = read_lines(file, encoding)
            for block in read_blocks(lines, comment_marks=_COMMENT_MARKS, comment_words=_COMMENT_WORDS):
                if isinstance(block, Unreadable):
                    yield block
                elif block.head[0] in "0123456789":
                    yield from read_transaction(block, state)
                else:
                    yield from _directive(block, state)
            yield from state.news()
            yield from state.commodities.found()
            if state.totals is not None:
                yield from state.totals.failed()
                yield from state.totals_given_up()
        finally:
            state.occurrences.close()


def _has_equals_sign(file: IO[bytes]) -> bool:
    """Whether the file may assert something, and go back to its beginning."""
    found = False
    while not found and (chunk := file.read(_CHUNK_BYTES)):
        found = b"=" in chunk
    file.seek(0)
    return found


def _directive(block: Block, state: JournalState) -> Iterator[Found]:
    head = block.head.lstrip("!@")
    text = head.partition(";")[0].rstrip()
    if match := _YEAR.fullmatch(text):
        state.year = int(match[1])
        return
    word, _, rest = text.partition(" ") if " " in text else text.partition("\t")
    rest = rest.strip()
    try:
        match word:
            case "account":
                _account(block, head, state)
                yield from state.news()
            case "commodity" | "D":
                _commodity(block, word, rest, state)
            case "decimal-mark":
                if rest not in (".", ","):
                    raise NoAmount(f"{rest!r} is no decimal mark")
                state.style.mark = rest
            case "alias":
                _alias(rest, state)
            case "apply" if rest.startswith("account "):
                if len(state.prefixes) >= _NESTING_MAX:
                    raise NoAmount(f"it is inside of {_NESTING_MAX} others")
                state.prefixes.append(_name_part(rest.removeprefix("account ").strip()))
                state.names.clear()
            case "end":
                _end(rest, state)
            case "P":
                yield from state.once(block.place, "Prices of the market, as here, are left out: a ledger has none.")
            case _ if word in _WITHOUT_EFFECT:
                pass
            case _:
                raise NoAmount(_reason(word))
    except (NoAmount, NoName) as error:
        yield Unreadable(block.place, f"{_shown(block.head)}: {str(error).rstrip('.')}.")


def _reason(word: str) -> str:
    if word in ("include", "!include"):
        return "no other file is read; import it by itself"
    if word[:1] in ("~", "="):
        return "rules for transactions are not followed"
    if word in ("i", "I", "o", "O", "h", "b"):
        return "entries of a time clock are not read"
    return "there is no such directive here"


def _account(block: Block, head: str, state: JournalState) -> None:
    written, comment = _parted(head.partition("account")[2].strip())
    tags = read_tags(comment)[0]
    for line in block.body:
        text = (line.text or "").strip()
        if text[0] == ";":
            tags.update(read_tags(text[1:].strip())[0])
        elif text.startswith("alias "):
            _alias(f"{text.removeprefix('alias ').strip()}={written}", state)
        elif text.startswith("note "):
            tags.setdefault("note", text.removeprefix("note ").strip())
    said = tags.pop("type", None)
    of_type = None if said is None else _TYPES.get(said.lower())
    if said is not None and of_type is None:
        raise NoAmount(f"{said!r} is no type of account")
    if "sequence" in tags and "opened_at" in tags:
        # Partita wrote it.
        del tags["sequence"], tags["opened_at"]
    name = ":".join([*state.prefixes, written])
    state.accounts.declare(name, of_type, bounded(tags)[0], block.place)


def _parted(text: str) -> tuple[str, str]:
    """Return an account's name, which ends at two blanks, and the comment behind it."""
    match = _ACCOUNT.match(text)
    if match is None:
        raise NoAmount("it names no account")
    name = match[1]
    if " ;" in name:
        name, _, comment = name.partition(" ;")
        return name, comment + text[match.end() :]
    return name, (match[2] or "").strip()


def _commodity(block: Block, word: str, rest: str, state: JournalState) -> None:
    formats = [rest] if any(each.isdigit() for each in rest.partition('"')[0] + rest.rpartition('"')[2]) else []
    for line in block.body:
        text = (line.text or "").strip()
        if text.startswith("format "):
            formats.append(text.removeprefix("format ").partition(";")[0].strip())
    for each in formats:
        mark = decimal_mark(each)
        amount = read_amount(each, AmountStyle(mark=mark or state.style.mark, bare=""))
        if mark is not None:
            state.style.marks[amount.symbol] = mark
        state.commodities.declare(state.commodities.code(amount.symbol, block.place), amount.digits)
        if word == "D":
            state.style.bare = amount.symbol
    if not formats:
        state.commodities.code(rest.strip('"'), block.place)


def _alias(rest: str, state: JournalState) -> None:
    old, equals, new = rest.partition("=")
    if not equals or old.lstrip().startswith("/"):
        raise NoAmount("aliases by regular expressions are not followed")
    if len(state.aliases) >= _ALIASES_MAX:
        raise NoAmount(f"{_ALIASES_MAX} aliases are followed, and no more")
    state.aliases.append((_name_part(old.strip()), _name_part(new.strip())))
    state.names.clear()


def _name_part(text: str) -> str:
    if len(text) > PATH_LENGTH_MAX:
        raise NoAmount(f"a name has {PATH_LENGTH_MAX} characters at most")
    return text


def _end(rest: str, state: JournalState) -> None:
    state.names.clear()
    if rest == "aliases":
        state.aliases.clear()
    elif rest in ("apply account", "apply", "account", ""):
        if not state.prefixes:
            raise NoAmount("nothing was begun that it could end")
        state.prefixes.pop()
    elif rest not in ("apply year", "apply tag"):
        raise NoAmount("nothing was begun that it could end")


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:80] + "…")


def hledger_file(options: Mapping[str, Any], time_zone: str) -> JournalFile:
    """Return a reader of hledger's journals. Raises `ValidationFailed`."""
    return JournalFile(JournalOptions.of(options), time_zone)


def ledger_file(options: Mapping[str, Any], time_zone: str) -> JournalFile:
    """Return a reader of ledger's journals. Raises `ValidationFailed`."""
    return JournalFile(JournalOptions.of(options), time_zone, is_ledger=True)
