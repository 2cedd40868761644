"""Set a ledger's chart."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from application.shared.expected_version import require_version
from domain.ledger.account import AccountType
from domain.ledger.asset import Asset
from domain.ledger.book import Book
from domain.ledger.chart import Chart, Rule
from domain.ledger.events import ChartSet, Event
from domain.ledger.events.ledger import rules_data
from domain.ledger.first_use import registrations
from domain.ledger.limit import LimitDraft
from domain.ledger.limiting import drafted_limits
from domain.ledger.scope import Scope
from domain.shared.access import Permission
from domain.shared.patterns import Pattern


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """A rule as it was asked for."""

    pattern: Pattern
    type: AccountType
    limits: tuple[LimitDraft, ...] = ()


@dataclass(frozen=True, slots=True)
class SetChart:
    """Replace the ledger's rules; accounts that are open keep their types, and have the new limits at once.

    Refuses with `VersionConflict` if the chart is not at the version expected, with `ValidationFailed`, and as
    `drafted_limits` does.
    """

    permission: ClassVar = Permission.CHART_SET
    size: ClassVar = 0
    rules: tuple[RuleDraft, ...]
    expected_version: int | None = None

    def scope(self) -> Scope:
        """Return the assets of the limits: every book knows its ledger's chart."""
        return Scope(assets=[limit.asset for rule in self.rules for limit in rule.limits])

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the new chart, nothing if it is the one in force, or refuse."""
        require_version("The chart", book.chart.version, self.expected_version)
        new_assets: dict[str, Asset] = {}
        rules = tuple(
            Rule(
                rule.pattern,
                rule.type,
                drafted_limits(book, rule.limits, new_assets, pointer=f"/rules/{index}/limits"),
            )
            for index, rule in enumerate(self.rules)
        )
        chart = Chart(rules)
        if chart.rules == book.chart.rules:
            return []
        return [*registrations(new_assets), ChartSet(chart.rules, rules_data(book.chart.rules))]
