"""OFX (and QFX, which is OFX): statements of bank accounts and cards."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import IO, Final

from adapters.foreign_files.beginnings import encoding_of, refused
from adapters.foreign_files.ofx_tags import NotOfx, Tag, tags
from adapters.foreign_files.text_lines import Encoding, encoding_remarks
from application.interchange.found import Remark, Unreadable
from application.interchange.statements import StatementClosing, StatementItem, StatementLine, StatementOpening
from domain.ledger.asset import standard_asset

_HEADER_BYTES: Final = 2_048
_XML_ENCODING: Final = re.compile(r"""<\?xml[^>]{0,200}encoding=["']([A-Za-z0-9._-]{1,40})""")
_SGML_ENCODING: Final = re.compile(r"ENCODING:\s*(\S{1,20})\s*CHARSET:\s*(\S{1,20})")
# One separator is before the decimals. Where one stands twice, or before the other one, it parts thousands.
_AMOUNT: Final = re.compile(r"([+-]?)(\d{1,18})(?:[.,](\d{1,9}))?", re.ASCII)
_GROUPED: Final = re.compile(r"([+-]?)(\d{1,3}([.,])\d{3}(?:\3\d{3}){0,4})(?:(?!\3)[.,](\d{1,9}))?", re.ASCII)
_VALUES_MAX: Final = 100
# Those that have values of their own; the values of all others are of the one around them.
_PARTS: Final = frozenset(
    (
        *("STMTRS", "CCSTMTRS", "INVSTMTRS", "BANKACCTFROM", "CCACCTFROM", "BANKTRANLIST", "BANKTRANLISTP", "STATUS"),
        *(
            "STMTTRN",
            "STMTTRNP",
            "PAYEE",
            "CURRENCY",
            "ORIGCURRENCY",
            "BANKACCTTO",
            "CCACCTTO",
            "LEDGERBAL",
            "AVAILBAL",
        ),
        *("BALLIST", "BAL", "SONRS"),
    )
)
_DETAILS: Final = {"kind": "TRNTYPE", "check": "CHECKNUM", "reference_number": "REFNUM"}


class OfxStatements:
    """Reads OFX 1 (SGML) and 2 (XML) by the same tags, in constant memory: only one transaction is held at a time."""

    def items(self, file: IO[bytes]) -> Iterator[StatementItem]:
        if why := refused(file):
            yield Unreadable("the file", why)
            return
        encoding = _encoding(file)
        yield from encoding_remarks(encoding)
        reading = _Reading()
        try:
            for tag in tags(file, encoding.name):
                yield from reading.take(tag)
        except NotOfx as wrong:
            yield Unreadable(wrong.place, wrong.detail)
            yield from reading.end(is_broken=True)
        else:
            yield from reading.end(is_broken=False)


def _encoding(file: IO[bytes]) -> Encoding:
    header = file.read(_HEADER_BYTES).decode("latin-1")
    said: str | None = None
    if xml := _XML_ENCODING.search(header):
        said = xml[1]
    elif sgml := _SGML_ENCODING.search(header):
        named, charset = sgml[1].upper(), sgml[2].upper()
        said = "utf-8" if named in ("UTF-8", "UNICODE") else f"cp{charset}" if charset.isdecimal() else charset
    return encoding_of(file, said)


@dataclass(slots=True)
class _Part:
    name: str
    line: int
    values: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        return f"line {self.line}"


class _Reading:
    def __init__(self) -> None:
        self._open: list[_Part] = []
        self._is_ofx = self._is_whole = False
        self._last = ""
        self._account = ""
        self._statement: _Part | None = None
        self._balance: Decimal | None = None

    def take(self, tag: Tag) -> Iterator[StatementItem]:
        name = tag.name
        self._is_ofx = self._is_ofx or name == "OFX"
        self._is_whole = self._is_whole or name == "/OFX"
        if name in _PARTS:
            yield from self._begin(_Part(name, tag.line))
        elif name.startswith("/"):
            yield from self._end(name[1:])
        elif self._open and tag.text:
            values = self._open[-1].values
            if name:
                self._last = name
            if len(values) < _VALUES_MAX:
                values[self._last] = tag.text
        elif name:
            self._last = name

    def end(self, *, is_broken: bool) -> Iterator[StatementItem]:
        if self._statement is not None:
            yield StatementClosing("the end of the file", None)
        if is_broken or self._is_whole:
            return
        if not self._is_ofx:
            yield Unreadable("the file", "There is no <OFX> in it.")
        else:
            part = f" The <{self._open[-1].name}> of {self._open[-1].place} does not end." if self._open else ""
            yield Unreadable("the end of the file", f"There is no </OFX>; the file may be cut off.{part}")

    def _begin(self, part: _Part) -> Iterator[StatementItem]:
        if part.name in ("STMTTRN", "STMTRS", "CCSTMTRS"):
            # What did not end before it was forgotten in the file, or was lost.
            while any(each.name == part.name for each in self._open):
                lost = self._open.pop()
                yield Unreadable(lost.place, f"The <{lost.name}> that begins here does not end.")
        if len(self._open) >= _VALUES_MAX:
            raise NotOfx(part.place, "There are more parts within parts than any statement has.")
        if part.name in ("STMTRS", "CCSTMTRS"):
            self._account, self._balance, self._statement = "", None, None
        elif part.name == "INVSTMTRS":
            yield Unreadable(part.place, "Statements of investments are not read.")
        elif part.name == "BANKTRANLISTP":
            yield Remark(part.place, "What is pending, and not booked yet, is left out.")
        self._open.append(part)
        if part.name in ("BANKTRANLIST", "LEDGERBAL"):
            yield from self._opened(part)

    def _opened(self, part: _Part) -> Iterator[StatementItem]:
        around = next((each for each in self._open if each.name in ("STMTRS", "CCSTMTRS")), None)
        if self._statement is None and around is not None:
            self._statement = around
            yield StatementOpening(part.place, self._account, around.values.get("CURDEF", "").upper(), None)

    def _end(self, name: str) -> Iterator[StatementItem]:
        if name not in _PARTS or not any(part.name == name for part in self._open):
            return
        while True:
            part = self._open.pop()
            if part.name == name:
                break
            yield Unreadable(part.place, f"The <{part.name}> that begins here does not end.")
        around = self._open[-1] if self._open else None
        match name:
            case "BANKACCTFROM" | "CCACCTFROM" if around is not None and around.name in ("STMTRS", "CCSTMTRS"):
                self._account = "/".join(filter(None, map(part.values.get, ("BANKID", "ACCTID"))))
            case "PAYEE" | "CURRENCY" | "BANKACCTTO" | "CCACCTTO" if around is not None:
                around.values |= {f"{name}/{key}": text for key, text in part.values.items()}
            case "STATUS" if part.values.get("SEVERITY", "").upper() == "ERROR":
                said = part.values.get("MESSAGE", part.values.get("CODE", ""))
                yield Unreadable(part.place, f"The bank answered with an error: {said[:200]!r}.")
            case "STMTTRN":
                yield self._line(part)
            case "LEDGERBAL":
                currency = "" if self._statement is None else self._statement.values.get("CURDEF", "")
                self._balance = _amount(part.values.get("BALAMT", ""), currency.upper())
                if self._balance is None:
                    yield Unreadable(part.place, "The balance has no amount that can be read.")
            case "STMTRS" | "CCSTMTRS" if self._statement is not None:
                yield StatementClosing(part.place, self._balance)
                self._statement = None

    def _line(self, part: _Part) -> StatementItem:
        values = part.values
        if self._statement is None:
            return Unreadable(part.place, "The transaction is in no list of a statement.")
        if "CORRECTFITID" in values:
            return Unreadable(
                part.place,
                f"The bank corrects its transaction {values['CORRECTFITID'][:60]!r} by this one: reverse that by hand.",
            )
        currency = values.get("CURRENCY/CURSYM", self._statement.values.get("CURDEF", "")).upper()
        amount, booked_on = _amount(values.get("TRNAMT", ""), currency), _day(values.get("DTPOSTED", ""))
        if amount is None or booked_on is None:
            wrong = f"amount {values.get('TRNAMT', '')[:40]!r} in {currency[:40]}" if amount is None else "date"
            return Unreadable(part.place, f"The transaction has no {wrong} that can be read.")
        details = {key: values.get(theirs, "") for key, theirs in _DETAILS.items()}
        details["counterparty_account"] = values.get("BANKACCTTO/ACCTID", values.get("CCACCTTO/ACCTID", ""))
        return StatementLine(
            place=part.place,
            booked_on=booked_on,
            value_on=_day(values.get("DTAVAIL", "")),
            amount=amount,
            currency=currency,
            bank_reference=values.get("FITID", ""),
            counterparty=values.get("NAME", values.get("PAYEE/NAME", "")),
            purpose=values.get("MEMO", ""),
            details={key: text for key, text in details.items() if text},
            is_reference_unique=True,
        )


def _amount(text: str, currency: str) -> Decimal | None:
    """Return the amount, None if it is none, or has more decimals than the currency has: they may be thousands."""
    if match := _AMOUNT.fullmatch(text):
        sign, whole, decimals = match.groups(default="")
    elif match := _GROUPED.fullmatch(text):
        sign, whole, _, decimals = match.groups(default="")
    else:
        return None
    standard = standard_asset(currency)
    # Zeros behind are no more than that, unless there are three of them.
    significant = decimals if len(decimals) == 3 else decimals.rstrip("0")
    if standard is not None and len(significant) > standard.scale:
        return None
    return Decimal(f"{sign}{re.sub('[.,]', '', whole)}.{decimals or '0'}")


def _day(text: str) -> date | None:
    """Return the day as the bank has it: the time behind it, and its zone, only say when on that day."""
    digits = text[:8]
    try:
        return date.fromisoformat(digits) if digits.isdecimal() else None
    except ValueError:
        return None
