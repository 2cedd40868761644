"""The rules again, in the simplest way that can be right: with fractions and plain loops, to judge the real ones by."""

from fractions import Fraction


def fits(pattern: list[str], path: list[str]) -> bool:
    """Match a pattern's segments with a path's."""
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(fits(pattern[1:], path[skipped:]) for skipped in range(len(path) + 1))
    return bool(path) and pattern[0] in ("*", path[0]) and fits(pattern[1:], path[1:])


def number(text: str) -> Fraction | None:
    """Return what an amount says, or None if it says nothing."""
    whole, point, decimals = text.partition(".")
    if not whole or bool(point) != bool(decimals):
        return None
    if any(character not in "0123456789" for character in whole + decimals):
        return None
    return Fraction(text)


def decimals(text: str) -> int:
    """Return how many digits an amount has after the point."""
    return len(text.partition(".")[2])
