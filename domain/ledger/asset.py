"""Assets, and the one place where an amount's text and its integer of minor units meet."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from domain.ledger.iso_4217 import MINOR_UNITS
from domain.shared.errors import DomainError, ErrorKind, ValidationFailed
from domain.shared.stable import stable

SCALE_MAX: Final = 30
AMOUNT_MAX: Final = 10**30  # minor units

_CODE = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,31}")
_AMOUNT = re.compile(r"([0-9]{1,64})(?:\.([0-9]{1,64}))?", re.ASCII)


class UnknownAsset(DomainError):
    """The asset is neither registered in this ledger nor a currency of ISO 4217.

    Register it, with its scale: `PUT /v1/ledgers/{ledger}/assets/{code}` `{"scale": 2}`.
    """

    code = "unknown-asset"
    kind = ErrorKind.REFUSED
    title = "Unknown asset"


class TooManyDecimals(DomainError):
    """The amount has more digits after the point than its asset has. Nothing is ever rounded for you."""

    code = "too-many-decimals"
    kind = ErrorKind.REFUSED
    title = "Too many decimals"


class ScaleFixed(DomainError):
    """The scale of an asset cannot change once an entry, a hold or a limit of the ledger has been in it.

    Every amount would change its meaning. A limit counts even where it was lifted again: the log still has it.
    """

    code = "scale-fixed"
    kind = ErrorKind.CONFLICT
    title = "The scale is fixed"


@stable(since="0.2.0")
@dataclass(frozen=True, slots=True)
class Asset:
    """What is counted: its code, its scale (digits after the point), and how often its settings were changed."""

    code: str
    scale: int
    version: int = 1


def checked_asset_code(code: str, *, pointer: str | None = None) -> str:
    """Return `code` if it can name an asset; else raise `ValidationFailed`."""
    if not _CODE.fullmatch(code):
        raise ValidationFailed(
            f"{code!r} cannot name an asset: 1 to 32 of A-Z, 0-9, '.', '_' and '-', a letter or digit first.",
            pointer=pointer,
        )
    return code


def checked_scale(scale: int) -> int:
    """Return `scale` if it is from 0 to 30 digits; else raise `ValidationFailed`."""
    if not 0 <= scale <= SCALE_MAX:
        raise ValidationFailed(f"A scale is from 0 to {SCALE_MAX} digits, not {scale}.", pointer="/scale")
    return scale


def standard_asset(code: str) -> Asset | None:
    """Return the currency of that code with the scale of ISO 4217, or None if there is no such currency."""
    scale = MINOR_UNITS.get(code)
    return None if scale is None else Asset(code, scale)


@stable(since="0.2.0")
def parse_amount(text: str, asset: Asset, *, pointer: str | None = None) -> int:
    """Return the minor units of a positive amount in major units: `"12.50"` EUR is 1250.

    Raises `ValidationFailed` for anything but ASCII digits with at most one point between them, for nothing, and
    for more than 10^30 minor units; `TooManyDecimals` where the asset has fewer digits after the point.
    """
    minor = _minor_units(text, asset, pointer)
    if minor == 0:
        raise ValidationFailed("An amount is more than nothing.", pointer=pointer)
    return minor


def parse_signed_amount(text: str, asset: Asset, *, pointer: str | None = None) -> int:
    """Return the minor units of a balance in major units, which may be zero or, with a `-` before it, less.

    Raises what `parse_amount` does.
    """
    digits = text.removeprefix("-")
    minor = _minor_units(digits, asset, pointer)
    return minor if digits == text else -minor


def _minor_units(text: str, asset: Asset, pointer: str | None) -> int:
    match = _AMOUNT.fullmatch(text)
    if match is None:
        shown = text if len(text) <= 40 else text[:40] + "…"
        raise ValidationFailed(
            f'{shown!r} is not an amount: write digits with at most one point, such as "12.50", without sign, '
            "exponent or separators.",
            pointer=pointer,
        )
    whole, decimals = match.group(1), match.group(2) or ""
    if len(decimals) > asset.scale:
        raise TooManyDecimals(
            f"{text} {asset.code} has {len(decimals)} digits after the point; {asset.code} has {asset.scale}.",
            pointer=pointer,
        )
    minor = int(whole + decimals.ljust(asset.scale, "0"))
    if minor > AMOUNT_MAX:
        raise ValidationFailed(f"An amount is at most 10^30 minor units of {asset.code}.", pointer=pointer)
    return minor


def amounts_of(minor: int) -> Iterator[int]:
    """Yield amounts that add up to so many minor units: as few as there can be, as one is at most 10^30."""
    while minor > 0:
        yield min(minor, AMOUNT_MAX)
        minor -= AMOUNT_MAX


@stable(since="0.2.0")
def format_amount(minor: int, scale: int) -> str:
    """Return minor units as text in major units with all its digits: 1250 at scale 2 is `"12.50"`, -5 is `"-0.05"`."""
    if scale == 0:
        return str(minor)
    sign, digits = ("-", str(-minor)) if minor < 0 else ("", str(minor))
    digits = digits.rjust(scale + 1, "0")
    return f"{sign}{digits[:-scale]}.{digits[-scale:]}"
