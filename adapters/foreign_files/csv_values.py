"""Amounts and dates as banks write them in tables, and which of their styles a whole column is in."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from adapters.foreign_files.exact import negative
from application.interchange.statement_profile import DateOrder, MoneyOut

_MINUS: Final = str.maketrans(
    dict.fromkeys("−–‒—﹣－", "-") | dict.fromkeys("\u00a0\u202f\u2009\u2007", " ") | {"’": "'"}
)
_MONEY: Final = re.compile(
    r"(?P<code_first>[A-Z]{3}|[€$£¥])? ?(?P<sign_first>[+-])? ?(?P<code_then>[A-Z]{3}|[€$£¥])? ?"
    r"(?P<number>[0-9.,][0-9.,' ]{0,40}?) ?(?P<sign_last>[+-])? ?(?P<code_last>[A-Z]{3}|[€$£¥])?"
)
_SYMBOLS: Final = {"€": "EUR", "£": "GBP", "¥": "JPY"}
_WHOLE: Final = {
    point: re.compile(rf"[0-9]{{0,18}}|[0-9]{{1,3}}(?P<group>[{group}' ])(?:[0-9]{{2,3}}(?P=group)){{0,5}}[0-9]{{3}}")
    for point, group in ((".", ","), (",", "."))
}
_SAY_POINT: Final = "Say it by `csv.decimal` in the profile."
_SAY_ORDER: Final = "Say it by `csv.date_order` in the profile."
_SAY_SIGN: Final = "Say by `csv.money_out` in the profile how it is meant."
_FIRST: Final = {
    DateOrder.DAY_MONTH_YEAR: "the day",
    DateOrder.MONTH_DAY_YEAR: "the month",
    DateOrder.YEAR_MONTH_DAY: "the year",
}
_DECIMALS: Final = re.compile(r"[0-9]{0,17}")
_DATE: Final = re.compile(r"(\d{1,4})([./-])(\d{1,2})\2(\d{1,4})(?:[T ].{0,20})?", re.ASCII)
_DIGITS: Final = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Money:
    """An amount as it is written: its digits and separators, whether it is below zero, and its currency if it says."""

    number: str
    is_negative: bool
    currency: str

    def read(self, point: str) -> Decimal | None:
        """Return the amount if the decimals stand behind this `point`, None if it is none then."""
        whole, _, decimals = self.number.partition(point)
        if not _WHOLE[point].fullmatch(whole) or not _DECIMALS.fullmatch(decimals) or not (whole or decimals):
            return None
        amount = Decimal(f"{re.sub('[^0-9]', '', whole) or '0'}.{decimals or '0'}")
        return negative(amount) if self.is_negative else amount


def money(text: str) -> Money | None:
    """Return the parts of an amount: `1.234,56`, `(12.00)`, `−5`, `5-`, `CHF 1'234.50`; None if it is none."""
    plain = text.translate(_MINUS).strip()
    is_bracketed = plain.endswith(")") and plain.count("(") == plain.count(")") == 1
    if is_bracketed:
        plain = plain.replace("(", "").replace(")", "").strip()
    match = _MONEY.fullmatch(plain)
    if match is None:
        return None
    signs = [sign for sign in (match["sign_first"], match["sign_last"]) if sign]
    codes = {code for code in (match["code_first"], match["code_then"], match["code_last"]) if code}
    if len(signs) + is_bracketed > 1 or len(codes) > 1:
        return None
    code = codes.pop() if codes else ""
    return Money(match["number"], is_bracketed or signs == ["-"], _SYMBOLS.get(code, "" if code == "$" else code))


@dataclass(slots=True)
class Evidence:
    """Where something was seen that decides: the first line, and how it is written there."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.text[:40]!r} in line {self.line}"


class Question(ValueError):
    """The column may be read in two ways, and only a person can tell in which."""


class PointEvidence:
    """Finds out whether decimals stand behind a point or a comma."""

    def __init__(self) -> None:
        self._seen: dict[str, Evidence] = {}
        self._open: Evidence | None = None

    def add(self, line: int, text: str) -> None:
        """Look at an amount of the column."""
        written = money(text)
        if written is None:
            return
        point = _point_of(written.number)
        if point is not None and written.read(point) is not None:
            self._seen.setdefault(point, Evidence(line, text))
        elif point is None and self._open is None and re.search("[.,]", written.number):
            self._open = Evidence(line, text)

    def verdict(self) -> str:
        """Return the sign before the decimals. Raises `Question`."""
        if len(self._seen) == 2:
            first, second = self._seen.values()
            raise Question(f"Decimals stand behind a point and behind a comma: {first}, {second}. {_SAY_POINT}")
        if self._seen:
            return next(iter(self._seen))
        if self._open is not None:
            raise Question(
                f"No amount tells whether a point or a comma is before decimals: {self._open} may be either. "
                f"{_SAY_POINT}"
            )
        return "."


def _point_of(number: str) -> str | None:
    """Return what must be the sign before the decimals of a number, None if it may be either."""
    points, commas = number.count("."), number.count(",")
    if points and commas:
        return "." if number.rindex(".") > number.rindex(",") else ","
    sign, times = (".", points) if points else (",", commas)
    if times > 1:
        return "," if sign == "." else "."
    whole, _, behind = number.partition(sign)
    if times == 1 and (len(behind) != 3 or not 1 <= len(whole) <= 3 or whole.startswith("0")):
        return sign
    return None


class SignEvidence:
    """Finds out whether a column of what went out has it below zero, or as it was paid."""

    def __init__(self) -> None:
        self._seen: dict[MoneyOut, Evidence] = {}

    def add(self, line: int, text: str) -> None:
        """Look at an amount of the column."""
        written = money(text)
        if written is not None and re.search("[1-9]", written.number):
            sign = MoneyOut.SIGNED if written.is_negative else MoneyOut.UNSIGNED
            self._seen.setdefault(sign, Evidence(line, text))

    def verdict(self) -> MoneyOut:
        """Return how the column is written. Raises `Question`: what is of the other sign came back."""
        if len(self._seen) == 2:
            first, second = self._seen.values()
            raise Question(f"What went out is above zero and below it: {first}, {second}. {_SAY_SIGN}")
        return next(iter(self._seen), MoneyOut.UNSIGNED)


class OrderEvidence:
    """Finds out in which order dates are that do not begin with a year of four digits: each date rules orders out."""

    def __init__(self) -> None:
        self._ruled_out: dict[DateOrder, Evidence] = {}
        self._first: Evidence | None = None
        self._has_points_only = True

    def add(self, line: int, text: str) -> None:
        """Look at a date of the column."""
        match = _DATE.fullmatch(text.strip())
        if match is None or len(match[1]) > 2:
            return
        possible = {order for order in DateOrder if _may_be(order, match[1], match[3], match[4])}
        if not possible:
            return
        seen = Evidence(line, text)
        for order in DateOrder:
            if order not in possible:
                self._ruled_out.setdefault(order, seen)
        self._first = self._first or seen
        self._has_points_only = self._has_points_only and match[2] == "."

    def verdict(self) -> DateOrder:
        """Return the order. Raises `Question`. With points between, the day is first: nobody has it otherwise."""
        if self._first is None:
            return DateOrder.YEAR_MONTH_DAY
        left = [order for order in DateOrder if order not in self._ruled_out]
        if not left:
            seen = sorted(self._ruled_out.values(), key=lambda each: each.line)
            raise Question(f"Dates are in different orders: {', '.join(dict.fromkeys(map(str, seen)))}. {_SAY_ORDER}")
        if len(left) == 1:
            return left[0]
        if self._has_points_only and DateOrder.DAY_MONTH_YEAR in left:
            return DateOrder.DAY_MONTH_YEAR
        first = " or ".join(name for order, name in _FIRST.items() if order in left)
        raise Question(f"No date tells whether {first} is first: {self._first} may be either. {_SAY_ORDER}")


def _may_be(order: DateOrder, first: str, second: str, third: str) -> bool:
    """Return whether there may be a date of these parts in an order; 30 February is one, to banks that count so."""
    year, month, day_of_month = _in_order(order, first, second, third)
    is_year = len(year) in (2, 4) and (order is not DateOrder.YEAR_MONTH_DAY or len(day_of_month) == 2)
    return is_year and len(day_of_month) <= 2 and 1 <= int(month) <= 12 and 1 <= int(day_of_month) <= 31


def _in_order(order: DateOrder, first: str, second: str, third: str) -> tuple[str, str, str]:
    """Return the parts of a date as year, month and day."""
    match order:
        case DateOrder.YEAR_MONTH_DAY:
            return first, second, third
        case DateOrder.DAY_MONTH_YEAR:
            return third, second, first
        case DateOrder.MONTH_DAY_YEAR:
            return third, first, second


def looks_like_a_date(text: str) -> bool:
    """Return whether the text may be a date in any order."""
    return _DATE.fullmatch(text.strip()) is not None or _DIGITS.fullmatch(text.strip()) is not None


def day(text: str, order: DateOrder) -> date | None:
    """Return the date in this order, None if it is none then; a year of four digits in front is one in any order."""
    text = text.strip()
    if digits := _DIGITS.fullmatch(text):
        year, month, day_of_month = digits.groups()
    elif match := _DATE.fullmatch(text):
        first, _, second, third = match.groups()
        if len(first) == 4:
            order = DateOrder.YEAR_MONTH_DAY
        elif not _may_be(order, first, second, third):
            return None
        year, month, day_of_month = _in_order(order, first, second, third)
    else:
        return None
    try:
        return date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day_of_month))
    except ValueError:
        return None
