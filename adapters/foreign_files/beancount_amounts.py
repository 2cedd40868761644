"""What stands behind an account in a file of beancount: units, what they have cost, and what they are worth."""

import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from lark import Lark, Token, Transformer
from lark.exceptions import LarkError

from adapters.foreign_files.dates import NoDate, read_date
from adapters.foreign_files.exact import DIGITS_MAX, NOTHING, add, divide, multiply, negative, rounded
from adapters.foreign_files.journal_amounts import Amount, NoAmount

CURRENCY: Final = r"[A-Z](?:[A-Z0-9'._\-]{0,22}[A-Z0-9])?"
_GRAMMAR: Final = rf"""
start: posting | "=" balance
posting: amount lot? price? | lot? price?
amount: sum CURRENCY
balance: sum ("~" sum)? CURRENCY
?sum: product | sum "+" product -> plus | sum "-" product -> minus
?product: unary | product "*" unary -> times | product "/" unary -> over
?unary: NUMBER -> number | "-" unary -> minus_sign | "+" unary | "(" sum ")"
lot: "{{" "{{" spec? "}}" "}}" -> total_lot | "{{" spec? "}}" -> unit_lot
spec: part ("," part)*
part: amount -> lot_amount | sum "#" sum CURRENCY -> lot_compound | DATE -> lot_date | STRING -> lot_label
price: "@" "@" amount -> total_price | "@" amount -> unit_price
DATE.3: /[0-9]{{4}}[-\/][0-9]{{1,2}}[-\/][0-9]{{1,2}}/
NUMBER.2: /[0-9]{{1,3}}(?:,[0-9]{{3}})+(?:\.[0-9]*)?|[0-9]+(?:\.[0-9]*)?/
STRING: /"[^"]*"/
CURRENCY: /{CURRENCY}/
%ignore /[ \t]+/
"""
_PLAIN: Final = re.compile(rf"([+-]?)([0-9]+(?:\.([0-9]+))?)[ \t]+({CURRENCY})[ \t]*")
_TOLERANCE: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{0,30})?|\.[0-9]{1,30}")
# Beancount divides with so many digits.
_QUOTIENT_DIGITS: Final = 28


@dataclass(frozen=True, slots=True)
class Lot:
    """What units have cost: in all where `is_total`; what is None is not said, and is looked up among what is held."""

    cost: Amount | None = None
    is_total: bool = False
    fee: Decimal = NOTHING
    day: date | None = None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Worth:
    """What a unit is worth, or all of them."""

    amount: Amount
    is_total: bool


@dataclass(frozen=True, slots=True)
class Units:
    """All that a posting states; without an amount, that follows from the others."""

    amount: Amount | None = None
    lot: Lot | None = None
    price: Worth | None = None


@dataclass(frozen=True, slots=True)
class Balance:
    """What is asserted of an account, and by how much it may be off; None is by what its digits allow."""

    amount: Amount
    tolerance: Decimal | None


NO_UNITS: Final = Units()


def read_units(text: str) -> Units:
    """Return what a text behind an account states; it has no comment. Raises `NoAmount`."""
    match = _PLAIN.fullmatch(text)
    if match is not None and len(match[2]) <= DIGITS_MAX:
        sign, number, decimals, currency = match.groups()
        return Units(Amount(Decimal(sign + number), currency, 0 if decimals is None else len(decimals)))
    if not text:
        return NO_UNITS
    units = _parsed(text)
    assert isinstance(units, Units), "without an equals sign it is no balance"
    return units


def read_balance(text: str) -> Balance:
    """Return what the directive `balance` asserts. Raises `NoAmount`."""
    asserted = _parsed(f"={text}")
    assert isinstance(asserted, Balance), "with an equals sign it is one"
    return asserted


def read_tolerance(text: str) -> Decimal:
    """Return a number that an option gives as a text, from 0 to 1. Raises `NoAmount`."""
    if not _TOLERANCE.fullmatch(text) or (number := Decimal(text)) > 1:
        raise NoAmount(f"{text[:80]!r} is no number from 0 to 1")
    return number


@dataclass(frozen=True, slots=True)
class _Number:
    """A number, and with how many digits after the point it is written; a quotient has as many as there are."""

    value: Decimal
    digits: int

    @staticmethod
    def of(value: Decimal, *parts: "_Number") -> "_Number":
        return _Number(value, max(part.digits for part in parts))


@dataclass(slots=True)
class _Spec:
    found: dict[str, Any] = field(default_factory=dict)


class _AsUnits(Transformer[Token, Any]):
    """Makes of each rule, while it is parsed, what it states."""

    def number(self, children: list[Token]) -> _Number:
        text = children[0].replace(",", "")
        if len(text) > DIGITS_MAX:
            raise NoAmount(f"a number has more than {DIGITS_MAX} digits")
        return _Number(Decimal(text), len(text.partition(".")[2]))

    def minus_sign(self, children: list[_Number]) -> _Number:
        return _Number(negative(children[0].value), children[0].digits)

    def plus(self, children: list[_Number]) -> _Number:
        return _Number.of(add(children[0].value, children[1].value), *children)

    def minus(self, children: list[_Number]) -> _Number:
        return _Number.of(add(children[0].value, negative(children[1].value)), *children)

    def times(self, children: list[_Number]) -> _Number:
        product = multiply(children[0].value, children[1].value)
        digits = children[0].digits + children[1].digits
        if digits > DIGITS_MAX or product.adjusted() > DIGITS_MAX:
            raise NoAmount(f"a number has more than {DIGITS_MAX} digits")
        return _Number(product, digits)

    def over(self, children: list[_Number]) -> _Number:
        if not children[1].value:
            raise NoAmount("a number is divided by nothing")
        quotient = rounded(divide(children[0].value, children[1].value), _QUOTIENT_DIGITS)
        if multiply(quotient, children[1].value) != children[0].value:
            return _Number.of(quotient, *children)
        return _Number(quotient, max(children[0].digits, len(f"{quotient:f}".partition(".")[2].rstrip("0"))))

    def unary(self, children: list[_Number]) -> _Number:
        return children[0]

    def amount(self, children: list[Any]) -> Amount:
        return Amount(children[0].value, str(children[1]), children[0].digits)

    def balance(self, children: list[Any]) -> Balance:
        tolerance = children[1].value if len(children) == 3 else None
        if tolerance is not None and tolerance < 0:
            raise NoAmount("a tolerance is below zero")
        return Balance(Amount(children[0].value, str(children[-1]), children[0].digits), tolerance)

    def lot_amount(self, children: list[Any]) -> dict[str, Any]:
        return {"cost": children[0]}

    def lot_compound(self, children: list[Any]) -> dict[str, Any]:
        unit, fee, currency = children
        return {"cost": Amount(unit.value, str(currency), unit.digits), "fee": fee.value}

    def lot_date(self, children: list[Token]) -> dict[str, Any]:
        try:
            return {"day": read_date(str(children[0]), None)}
        except NoDate as error:
            raise NoAmount(str(error)) from error

    def lot_label(self, children: list[Token]) -> dict[str, Any]:
        return {"label": str(children[0])[1:-1]}

    def spec(self, children: list[dict[str, Any]]) -> _Spec:
        found: dict[str, Any] = {}
        for each in children:
            found.update(each)
        return _Spec(found)

    def unit_lot(self, children: list[_Spec]) -> Lot:
        return Lot(**(children[0].found if children else {}))

    def total_lot(self, children: list[_Spec]) -> Lot:
        return Lot(**(children[0].found if children else {}), is_total=True)

    def unit_price(self, children: list[Amount]) -> Worth:
        return Worth(children[0], is_total=False)

    def total_price(self, children: list[Amount]) -> Worth:
        return Worth(children[0], is_total=True)

    def posting(self, children: list[Any]) -> Units:
        amount = next((each for each in children if isinstance(each, Amount)), None)
        if amount is None and children:
            raise NoAmount("a price without an amount is not read")
        lot = next((each for each in children if isinstance(each, Lot)), None)
        return Units(amount, lot, next((each for each in children if isinstance(each, Worth)), None))

    def start(self, children: list[Any]) -> Any:
        return children[0]


_PARSER: Final = Lark(_GRAMMAR, parser="lalr", lexer="contextual", transformer=_AsUnits())


def _parsed(text: str) -> Any:
    try:
        return _PARSER.parse(text)
    except LarkError as error:
        if isinstance(cause := error.__context__, NoAmount):
            raise cause from error
        shown = repr(text if len(text) <= 80 else text[:80] + "…")
        raise NoAmount(f"{shown} is not understood") from error
