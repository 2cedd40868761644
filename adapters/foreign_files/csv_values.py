"""Amounts and dates as banks write them in tables, and which of their styles a whole column is in."""

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from application.interchange.statement_profile import DateOrder

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
        return -amount if self.is_negative else amount


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


class OrderEvidence:
    """Finds out in which order dates are that do not begin with the year."""

    def __init__(self) -> None:
        self._seen: dict[DateOrder, Evidence] = {}
        self._open: Evidence | None = None
        self._has_points_only = True

    def add(self, line: int, text: str) -> None:
        """Look at a date of the column."""
        match = _DATE.fullmatch(text.strip())
        if match is None or len(match[1]) > 2:
            return
        first, second = int(match[1]), int(match[3])
        if first > 12:
            self._seen.setdefault(DateOrder.DAY_MONTH_YEAR, Evidence(line, text))
        elif second > 12:
            self._seen.setdefault(DateOrder.MONTH_DAY_YEAR, Evidence(line, text))
        elif self._open is None:
            self._open = Evidence(line, text)
        self._has_points_only = self._has_points_only and match[2] == "."

    def verdict(self) -> DateOrder:
        """Return the order. Raises `Question`. With points between, the day is first: nobody has it otherwise."""
        if len(self._seen) == 2:
            first, second = self._seen.values()
            raise Question(f"Days stand before months and behind them: {first}, {second}. {_SAY_ORDER}")
        if self._seen:
            return next(iter(self._seen))
        if self._open is None:
            return DateOrder.YEAR_MONTH_DAY
        if self._has_points_only:
            return DateOrder.DAY_MONTH_YEAR
        raise Question(f"No date tells whether the day or the month is first: {self._open} may be either. {_SAY_ORDER}")


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
        if len(first) == 4 or (order is DateOrder.YEAR_MONTH_DAY and len(first) == len(third) == 2):
            year, month, day_of_month = first, second, third
        elif order is DateOrder.DAY_MONTH_YEAR:
            day_of_month, month, year = first, second, third
        elif order is DateOrder.MONTH_DAY_YEAR:
            month, day_of_month, year = first, second, third
        else:
            return None
    else:
        return None
    if len(year) not in (2, 4) or len(day_of_month) > 2:
        return None
    try:
        return date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day_of_month))
    except ValueError:
        return None
