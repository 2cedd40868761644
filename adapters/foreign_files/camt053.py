"""CAMT.053: statements as ISO 20022 has them, of any of its versions."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import IO, Final
from xml.etree.ElementTree import Element

from adapters.foreign_files.beginnings import refused
from adapters.foreign_files.exact import negative, summed
from adapters.foreign_files.xml_parts import NotXml, XmlParts
from application.interchange.found import Remark, Unreadable
from application.interchange.statements import StatementClosing, StatementItem, StatementLine, StatementOpening

_DOCUMENT: Final = "BkToCstmrStmt"
# What is sent in the same form and is no statement: it changes, or was in one already.
_OTHERS: Final = {
    "BkToCstmrAcctRpt": "This is a report of a day that is not over (camt.052); import the statement (camt.053).",
    "BkToCstmrDbtCdtNtfctn": "This is a notification (camt.054); import the statement (camt.053).",
}
_AMOUNT: Final = re.compile(r"\d{1,18}(?:\.\d{0,17})?", re.ASCII)
_OPENING: Final = ("OPBD", "PRCD")
_CLOSING: Final = ("CLBD",)
_NOT_BOOKED: Final = ("PDNG", "INFO", "FUTR")


class Camt053Statements:
    """Reads statements by the names of their elements, which all versions share, one entry at a time."""

    def items(self, file: IO[bytes]) -> Iterator[StatementItem]:
        if why := refused(file):
            yield Unreadable("the file", why)
            return
        reading = _Reading()
        parts = XmlParts(frozenset(("Document", _DOCUMENT, "Stmt", *_OTHERS)))
        try:
            for line, name, part in parts.read(file):
                yield from reading.take(f"line {line}", name, part)
        except NotXml as wrong:
            yield Unreadable(wrong.place, wrong.detail)
            yield from reading.end(is_broken=True)
        else:
            yield from reading.end(is_broken=False)


class _Reading:
    def __init__(self) -> None:
        self._is_statement = self._is_other = False
        self._in_statement = self._is_opened = False
        self._account, self._currency = "", ""
        self._opening: Decimal | None = None
        self._closing: Decimal | None = None
        self._opened_by = self._opened_on = ""
        self._id = self._page = ""

    def take(self, place: str, name: str, part: Element | None) -> Iterator[StatementItem]:
        if part is None:
            yield from self._around(place, name)
        elif not self._in_statement:
            return
        elif name == "Id":
            self._id = (part.text or "").strip()
        elif name == "StmtPgntn":
            self._page = _text(part, "PgNb")
        elif name == "Acct":
            self._account = _text(part, "Id/IBAN") or _text(part, "Id/Othr/Id")
            self._currency = _text(part, "Ccy")
        elif name == "Bal":
            yield from self._balance(place, part)
        elif name == "Ntry":
            yield from self._open(place)
            yield from _entry(place, part)

    def end(self, *, is_broken: bool) -> Iterator[StatementItem]:
        if self._in_statement:
            yield from self._open("the end of the file")
            yield StatementClosing("the end of the file", None)
        if not (is_broken or self._is_statement or self._is_other):
            yield Unreadable("the file", f"There is no <{_DOCUMENT}> in it.")

    def _around(self, place: str, name: str) -> Iterator[StatementItem]:
        if name in _OTHERS:
            self._is_other = True
            yield Unreadable(place, _OTHERS[name])
        elif name == _DOCUMENT:
            self._is_statement = True
        elif name == "Stmt" and self._is_statement:
            self._in_statement, self._is_opened = True, False
            self._account = self._currency = self._opened_by = self._opened_on = self._id = self._page = ""
            self._opening = self._closing = None
        elif name == "/Stmt" and self._in_statement:
            yield from self._open(place)
            yield StatementClosing(place, self._closing)
            self._in_statement = False

    def _open(self, place: str) -> Iterator[StatementItem]:
        """Yield the beginning of the statement before its first entry, as its balances stand before that."""
        if not self._is_opened:
            self._is_opened = True
            # Some banks give all statements one id: the day and the balance are with it.
            name = f"{self._id} {self._page} {self._opened_on} {self._opening}" if self._id else ""
            yield StatementOpening(place, self._account, self._currency, self._opening, name)

    def _balance(self, place: str, part: Element) -> Iterator[StatementItem]:
        kind = _text(part, "Tp/CdOrPrtry/Cd")
        if kind not in (*_OPENING, *_CLOSING):
            return
        amount, currency = _signed(part), _currency(part)
        if amount is None or not currency:
            yield Unreadable(place, "The balance has no amount with a currency that can be read.")
        elif kind in _CLOSING:
            self._closing = amount
        elif self._opened_by != "OPBD":
            self._opening, self._opened_by = amount, kind
            self._opened_on = _text(part, "Dt/Dt") or _text(part, "Dt/DtTm")
        self._currency = self._currency or currency


def _entry(place: str, entry: Element) -> Iterator[StatementItem]:
    """Yield the line of an entry; of a batch that tells the amounts of its payments, a line for each of them."""
    said = entry.find("Sts")
    status = "BOOK" if said is None else "".join(said.itertext()).strip()
    if status in _NOT_BOOKED:
        yield Remark(place, f"The entry is not booked ({status}); it is left out.")
        return
    if status != "BOOK":
        yield Unreadable(place, f"Whether an entry that is {status[:40]!r} is booked is not known.")
        return
    amount, currency = _signed(entry), _currency(entry)
    booked_on = _day(entry, "BookgDt") or _day(entry, "ValDt")
    if amount is None or not currency or booked_on is None:
        missing = "date" if amount is not None and currency else "amount with a currency"
        yield Unreadable(place, f"The entry has no {missing} that can be read.")
        return
    payments = entry.findall("NtryDtls/TxDtls")
    amounts = _amounts(payments, amount, currency)
    if amounts is None:
        # The batch as a whole; if it is one payment, what is said of that.
        payments, amounts = payments[:1] if len(payments) == 1 else [], [amount]
    reference = _text(entry, "AcctSvcrRef") or _text(entry, "NtryRef")
    for number, each in enumerate(amounts, 1):
        payment = payments[number - 1] if payments else None
        counterparty, purpose, details = _said(entry, payment, amount > 0)
        yield StatementLine(
            place=place if len(amounts) == 1 else f"{place}, payment {number}",
            booked_on=booked_on,
            value_on=_day(entry, "ValDt"),
            amount=each,
            currency=currency,
            bank_reference=(payment is not None and _text(payment, "Refs/AcctSvcrRef")) or reference,
            counterparty=counterparty,
            purpose=purpose,
            details=details,
        )


def _amounts(payments: list[Element], total: Decimal, currency: str) -> list[Decimal] | None:
    """Return the amounts of the payments of a batch, if each has one and they come to the whole of it."""
    if len(payments) < 2:
        return None
    amounts = []
    for payment in payments:
        of = payment if payment.find("Amt") is not None else payment.find("AmtDtls/TxAmt")
        amount = None if of is None else _amount(of)
        if of is None or amount is None or _currency(of) != currency:
            return None
        mark = _text(payment, "CdtDbtInd")
        amounts.append(negative(amount) if (mark == "DBIT" if mark else total < 0) else amount)
    return amounts if summed(amounts) == total else None


def _said(entry: Element, payment: Element | None, is_credit: bool) -> tuple[str, str, dict[str, str]]:
    """Return the counterparty, the purpose and what else is told of a payment."""
    details = {"kind": _text(entry, "BkTxCd/Prtry/Cd") or _domain(entry)}
    if _text(entry, "RvslInd") in ("true", "1"):
        details["reversal"] = "yes"
    counterparty, purpose = "", ""
    if payment is not None:
        # A reversal gives money back to whom it came from: their roles stay those of the payment.
        is_paid_to_us = is_credit != ("reversal" in details)
        role = "Dbtr" if is_paid_to_us else "Cdtr"
        related = f"RltdPties/{role}"
        counterparty = _text(payment, f"{related}/Nm") or _text(payment, f"{related}/Pty/Nm")
        purpose = " ".join(filter(None, ((each.text or "").strip() for each in payment.findall("RmtInf/Ustrd"))))
        purpose = purpose or _text(payment, "RmtInf/Strd/CdtrRefInf/Ref") or _text(payment, "AddtlTxInf")
        details |= {
            "end_to_end": _text(payment, "Refs/EndToEndId"),
            "mandate": _text(payment, "Refs/MndtId"),
            "counterparty_account": _text(payment, f"RltdPties/{role}Acct/Id/IBAN")
            or _text(payment, f"RltdPties/{role}Acct/Id/Othr/Id"),
        }
    purpose = purpose or _text(entry, "AddtlNtryInf")
    return counterparty, purpose, {key: text for key, text in details.items() if text and text != "NOTPROVIDED"}


def _domain(entry: Element) -> str:
    code = [_text(entry, f"BkTxCd/Domn/{path}") for path in ("Cd", "Fmly/Cd", "Fmly/SubFmlyCd")]
    return "-".join(filter(None, code))


def _text(element: Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _currency(element: Element) -> str:
    amount = element.find("Amt")
    return "" if amount is None else amount.get("Ccy", "").strip()


def _amount(element: Element) -> Decimal | None:
    text = _text(element, "Amt")
    return Decimal(text) if _AMOUNT.fullmatch(text) else None


def _signed(element: Element) -> Decimal | None:
    """Return an amount, below zero for a debit; what is reversed is marked the other way round already."""
    amount, mark = _amount(element), _text(element, "CdtDbtInd")
    if amount is None or mark not in ("CRDT", "DBIT"):
        return None
    return amount if mark == "CRDT" else negative(amount)


def _day(element: Element, name: str) -> date | None:
    """Return the day as the bank has it: a time behind it only says when on that day."""
    text = _text(element, f"{name}/Dt") or _text(element, f"{name}/DtTm")
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None
