"""What stands behind an account in a journal of hledger or ledger: an amount, its price, and what is asserted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from lark import Lark, Token, Transformer
from lark.exceptions import LarkError

from adapters.foreign_files.exact import DIGITS_MAX, negative

# The symbols of commodities that need no quotes.
_SYMBOL: Final = r"[^\s0-9\-+−.,@*;\"{}=()\[\]<>]+"
_NUMBER: Final = r"(?:[0-9]+(?:[.,\x20\u00a0\u2009\u202f][0-9]+)*[.,]?|[.,][0-9]+)(?:[eE][+\-−]?[0-9]{1,3})?(?![0-9])"
_GRAMMAR: Final = rf"""
start: amount? lot* (price lot*)? assertion?
amount: SIGN? symbol SIGN? NUMBER | SIGN? NUMBER symbol?
symbol: SYMBOL | QUOTED
price: UNIT_PRICE amount | TOTAL_PRICE amount
lot: "{{" "="? amount "}}"    -> unit_lot
   | "{{{{" amount "}}}}"     -> total_lot
   | LOT_DATE | LOT_NOTE
assertion: EQUALS amount lot* price?
UNIT_PRICE: "@" | "(@)"
TOTAL_PRICE: "@@" | "(@@)"
EQUALS: /==?\*?/
LOT_DATE: /\[[0-9\/.\-]+\]/
LOT_NOTE: /\((?!@)[^()]*\)/
SIGN: /[+\-−]/
NUMBER: /{_NUMBER}/
SYMBOL: /{_SYMBOL}/
QUOTED: /"[^"]*"/
%ignore /[ \t\u00a0]+/
"""
# Most amounts; the grammar takes ten times as long.
_PLAIN: Final = re.compile(rf'([+\-]?)([0-9]+(?:[.,][0-9]+)*) ?({_SYMBOL}|"[^"]*")?[ \t]*')
_PLAIN_LEFT: Final = re.compile(rf"({_SYMBOL})([+\-]?)([0-9]+(?:[.,][0-9]+)*)[ \t]*")
_MARK: Final = re.compile(r"(?<=[0-9])[.,]")
_GROUPED: Final = re.compile(r"[0-9]{1,3},[0-9]{3}")
_SPACES: Final = re.compile(r"[\x20\u00a0\u2009\u202f]")


class NoAmount(Exception):
    """A text is no amount; says why."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of a commodity, and with how many digits after the point it was written."""

    number: Decimal
    symbol: str
    digits: int


@dataclass(frozen=True, slots=True)
class Price:
    """What one unit is worth, or all of it together."""

    amount: Amount
    is_total: bool


@dataclass(frozen=True, slots=True)
class Assertion:
    """What an account holds then: in this asset, or with `is_sole` in all; `is_deep` counts those below it, too."""

    amount: Amount
    is_sole: bool
    is_deep: bool


@dataclass(frozen=True, slots=True)
class Stated:
    """All that a posting states; without an amount, what it is follows from the others or from the assertion."""

    amount: Amount | None = None
    price: Price | None = None
    lot: Price | None = None
    assertion: Assertion | None = None


NOTHING_STATED: Final = Stated()


@dataclass(slots=True)
class AmountStyle:
    """How the file writes amounts: its decimal mark, that of single commodities, and the commodity of bare numbers.

    With `is_ledger`, a comma before three digits groups them, as ledger has it; hledger takes it for a decimal mark.
    """

    is_ledger: bool = False
    mark: str | None = None
    marks: dict[str, str] = field(default_factory=dict)
    bare: str = ""

    def number(self, text: str, symbol: str) -> tuple[Decimal, int]:
        """Return a number and its digits after the point. Raises `NoAmount`."""
        return _number(text, self.mark or self.marks.get(symbol), self.is_ledger)


def read_stated(text: str, style: AmountStyle) -> Stated:
    """Return what a text behind an account states; it has no comment. Raises `NoAmount`."""
    match = _PLAIN.fullmatch(text)
    if match is not None:
        sign, number, symbol = match.groups()
        symbol = style.bare if symbol is None else symbol.strip('"')
        return Stated(_plain(sign, number, symbol, style))
    match = _PLAIN_LEFT.fullmatch(text)
    if match is not None:
        symbol, sign, number = match.groups()
        return Stated(_plain(sign, number, symbol, style))
    try:
        tree = _PARSER.parse(text)
        return _AsStated(style).transform(tree)  # type: ignore[no-any-return] # the transformer's `start` makes one
    except LarkError as error:
        if isinstance(cause := error.__context__, NoAmount):
            raise cause from error
        raise NoAmount(f"{_shown(text)} is not understood") from error


def _plain(sign: str, text: str, symbol: str, style: AmountStyle) -> Amount:
    if text.isdigit() and len(text) <= DIGITS_MAX:
        return Amount(Decimal(sign + text), symbol, 0)
    number, digits = style.number(text, symbol)
    return Amount(negative(number) if sign == "-" else number, symbol, digits)


def read_amount(text: str, style: AmountStyle) -> Amount:
    """Return an amount that stands alone. Raises `NoAmount`."""
    stated = read_stated(text.strip(), style)
    if stated.amount is None or stated != Stated(stated.amount):
        raise NoAmount(f"{_shown(text)} is no amount")
    return stated.amount


def decimal_mark(text: str) -> str | None:
    """Return the decimal mark that an amount shows, as a directive writes one: the last of two, or the only one."""
    marks = _MARK.findall(text)
    return marks[-1] if marks and marks.count(marks[-1]) == 1 else None


def _number(text: str, mark: str | None, is_ledger: bool) -> tuple[Decimal, int]:
    if mark is None and text.count(".") == 1 and len(text) <= DIGITS_MAX and text.replace(".", "", 1).isdigit():
        return Decimal(text), len(text) - text.index(".") - 1
    digits, _, exponent = text.replace("−", "-").lower().partition("e")
    digits = _SPACES.sub("", digits)
    if mark is None:
        mark = _mark_of(digits, is_ledger)
    grouping = "," if mark == "." else "."
    whole, _, decimals = digits.replace(grouping, "").partition(mark)
    if "." in decimals or "," in decimals:
        raise NoAmount(f"{_shown(text)} has two decimal marks")
    if len(whole) > DIGITS_MAX or len(decimals) > DIGITS_MAX:
        raise NoAmount(f"{_shown(text)} has more than {DIGITS_MAX} digits")
    power = int(exponent or 0)
    if abs(power) > DIGITS_MAX:
        raise NoAmount(f"{_shown(text)} has an exponent beyond {DIGITS_MAX}")
    return Decimal(f"{whole or 0}.{decimals or 0}e{power}" if power else f"{whole or 0}.{decimals}"), max(
        0, len(decimals) - power
    )


def _mark_of(digits: str, is_ledger: bool) -> str:
    """Return the decimal mark of a number that shows it by itself, or would in either reading be one of the two."""
    points, commas = digits.count("."), digits.count(",")
    if points and commas:
        return "." if digits.rindex(".") > digits.rindex(",") else ","
    if commas == 1 and not (is_ledger and _GROUPED.fullmatch(digits)):
        return ","
    return "," if points > 1 else "."


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else text[:80] + "…")


class _AsStated(Transformer[Token, Any]):
    """Makes of a tree what it states."""

    def __init__(self, style: AmountStyle) -> None:
        super().__init__()
        self._style = style

    def symbol(self, children: list[Token]) -> str:
        return str(children[0]).strip('"')

    def amount(self, children: list[Any]) -> Amount:
        sign, symbol, text = "", None, ""
        for each in children:
            if isinstance(each, Token) and each.type == "SIGN":
                if sign:
                    raise NoAmount("there are two signs before a number")
                sign = "+" if each == "+" else "-"
            elif isinstance(each, Token):
                text = str(each)
            else:
                symbol = each
        named = self._style.bare if symbol is None else symbol
        number, digits = self._style.number(text, named)
        return Amount(negative(number) if sign == "-" else number, named, digits)

    def price(self, children: list[Any]) -> Price:
        return Price(children[1], is_total=children[0].type == "TOTAL_PRICE")

    def unit_lot(self, children: list[Any]) -> Mapping[str, Price]:
        return {"lot": Price(children[0], is_total=False)}

    def total_lot(self, children: list[Any]) -> Mapping[str, Price]:
        return {"lot": Price(children[0], is_total=True)}

    def lot(self, children: list[Any]) -> Mapping[str, Price]:
        return {}

    def assertion(self, children: list[Any]) -> Assertion:
        sign = str(children[0])
        return Assertion(children[1], is_sole=sign.startswith("=="), is_deep=sign.endswith("*"))

    def start(self, children: list[Any]) -> Stated:
        found: dict[str, Any] = {}
        for each in children:
            match each:
                case Amount():
                    found["amount"] = each
                case Price():
                    found["price"] = each
                case Assertion():
                    found["assertion"] = each
                case _:
                    found.update(each)
        return Stated(**found)


_PARSER: Final = Lark(_GRAMMAR, parser="lalr", lexer="contextual")
