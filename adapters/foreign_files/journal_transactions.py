"""A transaction of a journal of hledger or ledger: its first line, its postings, and what they come to."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from adapters.foreign_files.balancing import Balanced, Unbalanced
from adapters.foreign_files.blocks import Block
from adapters.foreign_files.dates import NoDate, begins_at, read_date
from adapters.foreign_files.journal_comments import bounded, posting_date, read_tags
from adapters.foreign_files.journal_names import NoName
from adapters.foreign_files.journal_postings import PostingLine, UnclearLine, balanced_lines, posting_line
from adapters.foreign_files.journal_state import JournalState
from application.interchange.found import Found, FoundTransaction, Remark, Unreadable
from domain.ledger.transaction import DESCRIPTION_LENGTH_MAX
from domain.shared.chain import parse_time

_HEAD: Final = re.compile(
    r"([0-9][0-9/.\-]*)(?:=([0-9][0-9/.\-]*))?(?:[ \t]+|$)(?:([*!])[ \t]*)?(?:\(([^)]*)\)[ \t]*)?([^;]*)(?:;(.*))?"
)
_POSTING: Final = re.compile(
    r"[ \t]+(?:([*!])[ \t]*)?(\S+(?: \S+)*)(?:[ \t]*\t[ \t]*|[ \t]{2,}|[ \t]*$)([^;]*)(?:;(.*))?"
)
_STATUS: Final = {"*": "cleared", "!": "pending"}
# Tags of journals that Partita wrote, which the transaction says by itself once it is posted.
_OURS: Final = ("id", "sequence", "effective_at", "recorded_at")


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
    except (NoDate, NoName, Unbalanced) as error:
        yield Unreadable(block.place, f"The transaction is left out: {str(error).rstrip('.')}.")
    except UnclearLine as error:
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
    balanced = balanced_lines(lines, state)
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
    own = metadata.get("uuid")
    if metadata.get("id", "").startswith("txn_") and "sequence" in metadata:
        # Partita wrote it.
        own = code or metadata["id"]
        with suppress(KeyError, ValueError):
            effective_at = parse_time(metadata["effective_at"])
        for name in _OURS:
            metadata.pop(name, None)
    reference = state.reference(own, code, day, description, balanced)
    state.use(balanced, place)
    if code and reference != code:
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


def _lines(block: Block, state: JournalState, day: str, notes: _Notes) -> list[PostingLine]:
    lines: list[PostingLine] = []
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
            raise UnclearLine(each.number, "the line is not understood")
        _, account, stated_text, comment = match.groups()
        lines.append(posting_line(each.number, account, stated_text, state, day))
        if comment:
            notes.of_posting(len(lines), comment)
            _move(lines[-1], comment, state, notes)
    return lines


def _move(line: PostingLine, comment: str, state: JournalState, notes: _Notes) -> None:
    """Take in the date of its own that a posting may have: a ledger has one for a transaction."""
    written = posting_date(comment)
    if written is None:
        return
    try:
        line.day = read_date(written, int(line.day[:4])).isoformat()
    except NoDate as error:
        raise UnclearLine(line.number, str(error)) from error
    notes.remarks.append(
        Remark(f"line {line.number}", f"A posting has no date of its own here: {written} is left out.")
    )
