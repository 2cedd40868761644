"""The chart: a ledger's rules by path pattern."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from domain.ledger.account import PATH_LENGTH_MAX, AccountType, checked_path
from domain.shared.errors import ValidationFailed

RULES_MAX: Final = 1_000
# Each further one multiplies the ways a regular expression may try a path.
DOUBLE_WILDCARDS_MAX: Final = 2

_DEFAULT_CHART: Final = {
    "assets": AccountType.ASSET,
    "liabilities": AccountType.LIABILITY,
    "equity": AccountType.EQUITY,
    "income": AccountType.INCOME,
    "revenue": AccountType.INCOME,
    "expenses": AccountType.EXPENSE,
}


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern of account paths: `*` stands for one segment, `**` for any number of them, none included."""

    text: str

    def __post_init__(self) -> None:
        """Raise `ValidationFailed` for what no path could ever match."""
        if len(self.text) > PATH_LENGTH_MAX:
            raise ValidationFailed(f"A pattern has at most {PATH_LENGTH_MAX} characters.")
        if self.text.count("**") > DOUBLE_WILDCARDS_MAX:
            raise ValidationFailed(f"A pattern has at most {DOUBLE_WILDCARDS_MAX} '**': {self.text!r} has more.")
        for segment in self.text.split(":"):
            if segment not in ("*", "**"):
                try:
                    checked_path(segment)
                except ValidationFailed as error:
                    raise ValidationFailed(
                        f"{self.text!r} is not a pattern: segments are names, '*' or '**', joined by ':'."
                    ) from error

    @property
    def regex(self) -> str:
        """A regular expression for the whole of `":" + path`, in the dialect that Python and PostgreSQL share."""
        return _regex(self.text)

    @property
    def prefix(self) -> str:
        """What every matching path begins with."""
        wildcard = self.text.find("*")
        if wildcard < 0:
            return self.text
        # `a:**` also matches `a`, so the colon before a double wildcard is not in every path.
        return self.text[: max(0, wildcard - 1)] if self.text.startswith("**", wildcard) else self.text[:wildcard]

    @property
    def is_exact(self) -> bool:
        """Whether it matches one path only."""
        return "*" not in self.text

    def matches(self, path: str) -> bool:
        """Whether the whole path fits."""
        return _compiled(self.text).fullmatch(":" + path) is not None


@lru_cache(maxsize=4_096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(_regex(pattern))


def _regex(pattern: str) -> str:
    # Each segment is written as ":segment", so that a `**` may vanish with its colon; paths are matched likewise.
    parts = []
    for segment in pattern.split(":"):
        if segment == "**":
            parts.append("(?::[^:]+)*")
        elif segment == "*":
            parts.append(":[^:]+")
        else:
            parts.append(":" + segment.replace(".", r"\."))
    return "".join(parts)


@dataclass(frozen=True, slots=True)
class Rule:
    """Accounts whose path fits the pattern are opened with this type."""

    pattern: Pattern
    type: AccountType


@dataclass(frozen=True, slots=True)
class Chart:
    """A ledger's rules, in order: the first that matches wins, and the default chart comes last."""

    rules: tuple[Rule, ...] = ()
    version: int = 1

    def __post_init__(self) -> None:
        """Raise `ValidationFailed` for more than 1,000 rules."""
        if len(self.rules) > RULES_MAX:
            raise ValidationFailed(f"A chart has at most {RULES_MAX:,} rules.", pointer="/rules")

    def type_for(self, path: str) -> AccountType | None:
        """Return the type that an account of this path is opened with, or None where no rule gives one."""
        for rule in self.rules:
            if rule.pattern.matches(path):
                return rule.type
        # Not casefold(), which would take `aßets` for `assets`.
        return _DEFAULT_CHART.get(path.partition(":")[0].lower())
