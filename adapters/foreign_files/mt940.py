"""MT940: statements as SWIFT has them, field by field."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import IO, Any, Final

import mt940
from mt940.processors import transaction_details_post_processor

from adapters.foreign_files.beginnings import refused
from adapters.foreign_files.text_lines import TextLine, detect_encoding, encoding_remarks, read_lines
from application.interchange.found import Unreadable
from application.interchange.statements import StatementClosing, StatementItem, StatementLine, StatementOpening

# Banks write more than the six lines of 65 characters that SWIFT allows.
_FIELD_LENGTH_MAX: Final = 16 * 1024
_TAG: Final = re.compile(r"(?:\{.*\{4:)?\s*:([0-9]{2}[A-Z]?|NS):")
_OPTIONS: Final = mt940.Options.all()
_LINE: Final = mt940.tags.StatementGLS()
_BALANCE: Final = mt940.tags.FinalClosingBalance()
# Fields of which nothing is posted: limits, what is available, totals.
_PASSED_OVER: Final = frozenset(("13", "13D", "21", "34", "34F", "64", "65", "90", "90C", "90D", "NS"))

# Structured details are German, with any sign before the number of each part, or have a word between slashes.
_NUMBERED: Final = re.compile(r"\d{3}([^\w\s])\d{2}")
_WORDS: Final = re.compile(r"/([A-Z]{3,5})/")
_NUMBERED_DETAILS: Final = {
    "kind": "posting_text",
    "end_to_end": "end_to_end_reference",
    "mandate": "additional_position_reference",
    "creditor": "applicant_creditor_id",
    "counterparty_account": "applicant_iban",
}
_WORD_DETAILS: Final = {
    "kind": "TRTP",
    "end_to_end": "EREF",
    "mandate": "MARF",
    "creditor": "CSID",
    "counterparty_account": "IBAN",
}


class Mt940Statements:
    """Reads statements of MT940, with or without the blocks around them. The package mt-940 reads what is in a field.

    It is given single fields, not files: a statement of any length then takes no more memory than one line of it.
    """

    def items(self, file: IO[bytes]) -> Iterator[StatementItem]:
        if why := refused(file):
            yield Unreadable("the file", why)
            return
        encoding = detect_encoding(file)
        yield from encoding_remarks(encoding)
        reading = _Reading()
        for each in _fields(read_lines(file, encoding)):
            yield from reading.take(each)
        yield from reading.end()


@dataclass(slots=True)
class _Field:
    place: str
    tag: str
    lines: list[str]
    length: int = 0


def _fields(lines: Iterator[TextLine]) -> Iterator[_Field]:
    """Yield the fields of the file; one without a tag for what stands outside of messages."""
    field = _Field("line 1", "", [])
    for line in lines:
        text = line.text
        if text is not None and (start := _TAG.match(text)):
            yield field
            field = _Field(f"line {line.number}", start[1], [text[start.end() :]])
        elif text is not None and (text.startswith(("-}", "{")) or text == "-"):
            yield field
            field = _Field(f"line {line.number}", "", [])
        else:
            if not (field.tag or field.lines):
                field.place = f"line {line.number}"
            field.length += _FIELD_LENGTH_MAX + 1 if text is None else len(text)
            if field.length <= _FIELD_LENGTH_MAX and text is not None:
                field.lines.append(text)
    yield field


class _Reading:
    def __init__(self) -> None:
        self._account = self._number = ""
        self._currency: str | None = None
        self._line: StatementLine | None = None
        self._context = mt940.models.Transactions(options=_OPTIONS)
        self._is_of_mt940 = self._is_begun = False

    def take(self, field: _Field) -> Iterator[StatementItem]:
        if field.tag == "86":
            # It belongs to the line before it; behind balances, it is of the statement.
            if self._line is not None:
                yield from self._detailed(self._line, field)
                self._line = None
            return
        if self._line is not None:
            yield self._line
            self._line = None
        if field.length > _FIELD_LENGTH_MAX:
            yield Unreadable(field.place, "The field is longer than any field is.")
        elif not field.tag:
            yield from self._outside(field)
        else:
            self._is_of_mt940 = True
            yield from self._field(field)

    def end(self) -> Iterator[StatementItem]:
        if self._line is not None:
            yield self._line
        if not self._is_of_mt940:
            yield Unreadable("the file", "There is no field of MT940 in it, such as :20: or :61:.")
        elif self._is_begun:
            yield Unreadable(
                "the end of the file", "The last statement has no closing balance; the file may be cut off."
            )
            yield StatementClosing("the end of the file", None)

    def _outside(self, field: _Field) -> Iterator[StatementItem]:
        if self._is_of_mt940 and any(map(str.strip, field.lines)):
            yield Unreadable(field.place, "This stands in no field.")

    def _field(self, field: _Field) -> Iterator[StatementItem]:
        match field.tag:
            case "20":
                if self._is_begun:
                    yield Unreadable(field.place, "The statement before this one has no closing balance.")
                    yield StatementClosing(field.place, None)
                self._account, self._number, self._currency, self._is_begun = "", "", None, True
            case "25" | "25P":
                self._account = field.lines[0].strip()
            case "28" | "28C":
                self._number = field.lines[0].strip()
            case "60" | "60F" | "60M":
                yield from self._opened(field)
            case "61":
                yield from self._lined(field)
            case "62" | "62F" | "62M":
                yield from self._closed(field)
            case tag if tag not in _PASSED_OVER:
                yield Unreadable(field.place, f"The field :{tag}: is not known.")

    def _opened(self, field: _Field) -> Iterator[StatementItem]:
        balance = _balance(field)
        if balance is None:
            yield Unreadable(field.place, f"{_shown(field)} is no balance.")
            return
        amount, self._currency = balance
        self._is_begun = True
        # Numbers begin anew each year, and are always the same at some banks: the day and the balance are with them.
        name = f"{self._number} {field.lines[0].strip()}" if self._number else ""
        yield StatementOpening(field.place, self._account, self._currency, amount, name)

    def _closed(self, field: _Field) -> Iterator[StatementItem]:
        balance = _balance(field)
        if balance is None:
            yield Unreadable(field.place, f"{_shown(field)} is no balance.")
        elif balance[1] != self._currency:
            yield Unreadable(field.place, "The balance is in another currency than the one before, or there is none.")
            balance = None
        yield StatementClosing(field.place, None if balance is None else balance[0])
        self._currency, self._is_begun = None, False

    def _lined(self, field: _Field) -> Iterator[StatementItem]:
        if self._currency is None:
            yield Unreadable(
                field.place, "The line is in no statement: no opening balance says what currency it is in."
            )
            return
        # The first line holds the fields, the second one the bank's remarks.
        said = _said_by(_LINE, "\n".join(field.lines[:2]).strip(), self._context)
        # Without the kind behind it, an amount may go on: `1.000,00` would be one.
        if said is None or said["id"] is None:
            yield Unreadable(field.place, f"{_shown(field)} is no line of a statement.")
            return
        details = {
            "kind": said["id"],
            "customer_reference": said["customer_reference"] or "",
            "reversal": "yes" if said["status"].upper().startswith("R") else "",
        }
        self._line = StatementLine(
            place=field.place,
            booked_on=_plain_date(said.get("entry_date") or said["date"]),
            value_on=_plain_date(said["date"]),
            amount=said["amount"].amount,
            currency=self._currency,
            bank_reference=said["bank_reference"] or "",
            counterparty="",
            purpose=" ".join((said["extra_details"] or "", *field.lines[2:])),
            details={key: value for key, value in details.items() if value.strip() and value != "NONREF"},
        )

    def _detailed(self, line: StatementLine, field: _Field) -> Iterator[StatementItem]:
        if field.length > _FIELD_LENGTH_MAX:
            yield Unreadable(field.place, "The details are longer than any field is; their line is left out.")
            return
        text = "".join(field.lines)
        if numbered := _NUMBERED.match(text):
            counterparty, purpose, details = self._numbered(text, numbered[1])
        elif _WORDS.match(text):
            counterparty, purpose, details = _worded(text)
        else:
            counterparty, purpose, details = "", " ".join(field.lines), {}
        details = {key: value for key, value in details.items() if value and value != "NOTPROVIDED"}
        yield StatementLine(
            line.place,
            line.booked_on,
            line.value_on,
            line.amount,
            line.currency,
            line.bank_reference,
            counterparty,
            purpose or line.purpose,
            {**line.details, **details},
        )

    def _numbered(self, text: str, sign: str) -> tuple[str, str, dict[str, str]]:
        if sign != "?":
            text = text.replace("?", " ").replace(sign, "?")
        said: dict[str, Any] = {"transaction_details": text}
        transaction_details_post_processor(self._context, _LINE, dict(said), said)
        purpose = f"{said.get('purpose') or ''}{said.get('additional_purpose') or ''}"
        details = {key: said.get(theirs) or "" for key, theirs in _NUMBERED_DETAILS.items()}
        return said.get("applicant_name") or "", purpose, details


def _worded(text: str) -> tuple[str, str, dict[str, str]]:
    parts = _WORDS.split(text)[1:]
    said = dict(zip(parts[::2], parts[1::2], strict=True))
    details = {key: said.get(word, "").strip("/ ") for key, word in _WORD_DETAILS.items()}
    return said.get("NAME", ""), said.get("REMI", "").removeprefix("USTD//").strip("/ "), details


def _balance(field: _Field) -> tuple[Decimal, str] | None:
    said = _said_by(_BALANCE, field.lines[0].strip(), mt940.models.Transactions(options=_OPTIONS))
    if said is None:
        return None
    amount = said[_BALANCE.slug].amount
    return amount.amount, amount.currency.upper()


def _said_by(tag: mt940.tags.Tag, value: str, context: mt940.models.Transactions) -> dict[str, Any] | None:
    """Return what a field says, None if it is wrong. The tag's own `parse` would write statements to the log."""
    match = tag.re.fullmatch(value)
    if match is None:
        return None
    try:
        return tag(context, match.groupdict())
    except (ValueError, ArithmeticError):
        return None


def _plain_date(day: date) -> date:
    return date(day.year, day.month, day.day)


def _shown(field: _Field) -> str:
    return repr(f":{field.tag}:{field.lines[0]}"[:60])
