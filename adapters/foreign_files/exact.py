"""Numbers as files write them, and arithmetic that rounds nothing away."""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

# Amounts have up to 64 digits on either side of the point, and a price times an amount up to twice as many.
DIGITS_MAX: Final = 64
_EXACT: Final = Context(prec=600, Emax=10_000, Emin=-10_000)
NOTHING: Final = Decimal(0)


def add(first: Decimal, second: Decimal) -> Decimal:
    """Return the sum with all its digits."""
    return _EXACT.add(first, second)


def multiply(first: Decimal, second: Decimal) -> Decimal:
    """Return the product with all its digits."""
    return _EXACT.multiply(first, second)


def divide(first: Decimal, second: Decimal) -> Decimal:
    """Return the quotient with 60 digits after those before the point."""
    return Context(prec=60 + max(0, first.adjusted())).divide(first, second)


def negative(number: Decimal) -> Decimal:
    """Return its opposite with all its digits."""
    return number.copy_negate() if number else NOTHING


def rounded(number: Decimal, scale: int) -> Decimal:
    """Return it with so many digits after the point at most, half to even, as the programs do."""
    exponent = number.as_tuple().exponent
    if isinstance(exponent, int) and -exponent <= scale:
        return number
    return number.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_EVEN, _EXACT)


def summed(numbers: Iterable[Decimal]) -> Decimal:
    """Return the sum with all its digits."""
    total = NOTHING
    for number in numbers:
        total = _EXACT.add(total, number)
    return total
