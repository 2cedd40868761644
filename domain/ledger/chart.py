"""The chart: a ledger's rules by path pattern."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from domain.ledger.account import AccountType
from domain.ledger.limit import Limit
from domain.shared.errors import ValidationFailed
from domain.shared.patterns import Pattern, Segments

RULES_MAX: Final = 1_000

_DEFAULT_CHART: Final = {
    "assets": AccountType.ASSET,
    "liabilities": AccountType.LIABILITY,
    "equity": AccountType.EQUITY,
    "income": AccountType.INCOME,
    "revenue": AccountType.INCOME,
    "expenses": AccountType.EXPENSE,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """Accounts whose path fits the pattern are opened with this type, and have these limits where they set none."""

    pattern: Pattern
    type: AccountType
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """A ledger's rules, in order: the first that matches wins, and the default chart comes last."""

    rules: tuple[Rule, ...] = ()
    version: int = 1
    has_limits: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Raise `ValidationFailed` for more than 1,000 rules."""
        object.__setattr__(self, "has_limits", any(rule.limits for rule in self.rules))
        if len(self.rules) > RULES_MAX:
            raise ValidationFailed(f"A chart has at most {RULES_MAX:,} rules.", pointer="/rules")

    def type_for(self, path: str) -> AccountType | None:
        """Return the type that an account of this path is opened with, or None where no rule gives one."""
        rule = self._rule_for(path)
        if rule is not None:
            return rule.type
        # Not casefold(), which would take `aßets` for `assets`.
        return _DEFAULT_CHART.get(path.partition(":")[0].lower())

    def limits_for(self, path: str) -> Mapping[str, Limit]:
        """Return the limits, by asset, of an account of this path that sets none of its own."""
        rule = self._rule_for(path)
        return {} if rule is None else {limit.asset.code: limit for limit in rule.limits}

    def _rule_for(self, path: str) -> Rule | None:
        if not self.rules:
            return None
        segments = Segments.of(path)
        return next((rule for rule in self.rules if rule.pattern.fits(segments)), None)
