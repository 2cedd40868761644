"""Statements as tables (CSV), read by what a profile says of their columns."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import IO

from adapters.foreign_files.beginnings import is_in, refused
from adapters.foreign_files.csv_rows import Layout, Row, layout, rows, widest
from adapters.foreign_files.csv_values import (
    Money,
    OrderEvidence,
    PointEvidence,
    Question,
    SignEvidence,
    day,
    looks_like_a_date,
    money,
)
from adapters.foreign_files.exact import add, negative, summed
from adapters.foreign_files.text_lines import Encoding, detect_encoding
from application.interchange.found import FailedCheck, Remark, Unreadable
from application.interchange.statement_profile import CsvShape, DateOrder, MoneyOut
from application.interchange.statements import StatementItem, StatementLine, StatementOpening

_AMOUNTS = ("amount", "money_in", "money_out", "balance")
_DATES = ("date", "value_date")
_ORDERS = {
    DateOrder.YEAR_MONTH_DAY: "year, month, day",
    DateOrder.DAY_MONTH_YEAR: "day, month, year",
    DateOrder.MONTH_DAY_YEAR: "month, day, year",
}


@dataclass(frozen=True, slots=True)
class CsvStatements:
    """Reads a table twice: once to find out how its amounts and dates are written, then line by line.

    What cannot be found out is not guessed: nothing is read, and the question stands in what is unreadable.
    """

    shape: CsvShape | None

    def items(self, file: IO[bytes]) -> Iterator[StatementItem]:
        if why := refused(file):
            yield Unreadable("the file", why)
            return
        encoding = self._encoding(file)
        if encoding is None:
            yield Unreadable(
                "the file", "The file is not in the encoding that the profile says, or there is none of that name."
            )
            return
        found = None
        if self.shape is not None:
            found = layout(file, encoding, self.shape.columns, self.shape.delimiter)
        if self.shape is None or found is None:
            yield _no_table(file, encoding, self.shape)
            return
        try:
            table = _Table(self.shape, found, _styles(file, encoding, found, self.shape))
        except Question as question:
            yield Unreadable("the file", str(question))
            return
        yield Remark("the file", table.shown(encoding))
        if found.first_line > 2 or (found.first_line == 2 and not found.header):
            last = found.first_line - (2 if found.header else 1)
            yield Remark("line 1", f"The lines up to {last} stand before the table; they are left out.")
        for row in rows(file, encoding, found.delimiter):
            if row.line >= found.first_line:
                yield from table.take(row)

    def _encoding(self, file: IO[bytes]) -> Encoding | None:
        found = detect_encoding(file)
        said = None if self.shape is None else self.shape.encoding
        if said is None or found.name.startswith(said.lower()):
            # With a byte order mark or without, it is the same encoding.
            return found
        return Encoding(said, is_guessed=False) if is_in(file, said) else None


def _no_table(file: IO[bytes], encoding: Encoding, shape: CsvShape | None) -> Unreadable:
    missing = "A table needs a profile that says what is in its columns."
    if shape is not None:
        wanted = ", ".join(repr(column) for column in shape.columns.all().values())
        missing = f"No row has all columns of the profile: {wanted}."
    best = widest(file, encoding, None if shape is None else shape.delimiter)
    if best is None:
        return Unreadable("the file", missing)
    delimiter, row = best
    cells = ", ".join(repr(cell.strip()[:40]) for cell in row.cells[:40])
    return Unreadable(f"line {row.line}", f"{missing} Separated by {delimiter!r}, there are here: {cells}.")


@dataclass(slots=True)
class _Styles:
    """How the columns of a table are written, and its first date and its last one as they are written there."""

    point: str
    order: DateOrder
    money_out: MoneyOut
    dates: tuple[str, str]


def _styles(file: IO[bytes], encoding: Encoding, found: Layout, shape: CsvShape) -> _Styles:
    """Return how the table is written. Raises `Question`."""
    points, orders, signs = PointEvidence(), OrderEvidence(), SignEvidence()
    first = last = ""
    for row in rows(file, encoding, found.delimiter):
        if row.line < found.first_line:
            continue
        for name in _AMOUNTS:
            points.add(row.line, row.cell(found.places.get(name)))
        for name in _DATES:
            orders.add(row.line, row.cell(found.places.get(name)))
        signs.add(row.line, row.cell(found.places.get("money_out")))
        if looks_like_a_date(day_written := row.cell(found.places["date"])):
            first, last = first or day_written, day_written
    return _Styles(
        shape.decimal or points.verdict(),
        shape.date_order or orders.verdict(),
        shape.money_out or signs.verdict(),
        (first, last),
    )


@dataclass(slots=True)
class _Balance:
    line: int
    amount: Decimal
    balance: Decimal


class _Table:
    def __init__(self, shape: CsvShape, found: Layout, styles: _Styles) -> None:
        self._shape = shape
        self._places = found.places
        self._found = found
        self._styles = styles
        self._opened: tuple[str, str] | None = None
        self._before: _Balance | None = None
        self._is_oldest_first: bool | None = None

    def shown(self, encoding: Encoding) -> str:
        """Return what was found out about the file."""
        columns = ", ".join(f"{name} is {said!r}" for name, said in self._found.header.items())
        point = "a comma" if self._styles.point == "," else "a point"
        days = [each.isoformat() for text in self._styles.dates if (each := day(text, self._styles.order))]
        shown = f" (the first is {days[0]}, the last {days[-1]})" if days else ""
        return (
            f"Read as {encoding.name}, cells separated by {self._found.delimiter!r}, decimals behind {point}, dates as "
            f"{_ORDERS[self._styles.order]}{shown}{'; ' if columns else ''}{columns}."
        )

    def take(self, row: Row) -> Iterator[StatementItem]:
        line, currency = self._line(row)
        if isinstance(line, Unreadable):
            self._before = None
            yield line
            return
        opened = (row.cell(self._places.get("bank_account")) or self._shape.bank_account, currency)
        if opened != self._opened:
            self._opened, self._before = opened, None
            yield StatementOpening(line.place, *opened, None)
        yield line
        yield from self._checked(row, line.amount)

    def _line(self, row: Row) -> tuple[StatementLine | Unreadable, str]:
        place = f"line {row.line}"
        wrong = row.wrong
        booked_on = self._day(row, "date")
        value_on = self._day(row, "value_date")
        amount, currency = self._amount(row), self._currency(row)
        if wrong is None and booked_on is None:
            wrong = f"{row.cell(self._places['date'])[:40]!r} is no date."
        if wrong is None and value_on is None and (written := row.cell(self._places.get("value_date"))):
            wrong = f"{written[:40]!r} is no date."
        if wrong is None and amount is None:
            wrong = "There is no amount, or none that can be read."
        if wrong is None and not currency:
            wrong = "Nothing says one currency: neither a column, nor the amount, nor the profile."
        if wrong is not None or booked_on is None or amount is None:
            return Unreadable(place, wrong or ""), ""
        purpose = [row.cell(each) for name, each in self._places.items() if name.startswith("purpose/")]
        return (
            StatementLine(
                place=place,
                booked_on=booked_on,
                value_on=value_on,
                amount=amount,
                currency=currency,
                bank_reference=row.cell(self._places.get("reference")),
                counterparty=row.cell(self._places.get("counterparty")),
                purpose=" ".join(filter(None, purpose)),
            ),
            currency,
        )

    def _day(self, row: Row, name: str) -> date | None:
        return day(row.cell(self._places.get(name)), self._styles.order)

    def _amount(self, row: Row) -> Decimal | None:
        """Return what came in, less what went out."""
        if "amount" in self._places:
            return self._read(row, "amount")
        sides = [name for name in ("money_in", "money_out") if row.cell(self._places.get(name))]
        amounts = [self._read(row, name) for name in sides]
        known = [each for each in amounts if each is not None]
        if not sides or len(known) < len(amounts):
            return None
        turned = "money_out" if self._styles.money_out is MoneyOut.UNSIGNED else ""
        return summed(negative(each) if name == turned else each for name, each in zip(sides, known, strict=True))

    def _read(self, row: Row, name: str) -> Decimal | None:
        written = money(row.cell(self._places.get(name)))
        return None if written is None else written.read(self._styles.point)

    def _currency(self, row: Row) -> str:
        """Return the currency, nothing where there are two."""
        cells = [money(row.cell(self._places.get(name))) for name in ("amount", "money_in", "money_out")]
        said = {each.currency for each in cells if isinstance(each, Money) and each.currency}
        if column := row.cell(self._places.get("currency")).upper():
            said.add(column)
        return said.pop() if len(said) == 1 else "" if said else self._shape.currency or ""

    def _checked(self, row: Row, amount: Decimal) -> Iterator[StatementItem]:
        """Check the balance behind a line by the one before it, be the oldest line first or the newest."""
        written = row.cell(self._places.get("balance"))
        if not written:
            return
        balance = self._read(row, "balance")
        if balance is None:
            yield Unreadable(f"line {row.line}", f"{written[:40]!r} is no balance.")
            self._before = None
            return
        now, before = _Balance(row.line, amount, balance), self._before
        self._before = now
        if before is None:
            return
        fits = {True: add(before.balance, amount) == balance, False: add(balance, before.amount) == before.balance}
        if self._is_oldest_first is None and fits[True] != fits[False]:
            self._is_oldest_first = fits[True]
        is_right = any(fits.values()) if self._is_oldest_first is None else fits[self._is_oldest_first]
        if not is_right:
            yield FailedCheck(
                f"line {row.line}",
                f"The balance {balance:f} does not follow from that in line {before.line}, {before.balance:f}.",
            )
