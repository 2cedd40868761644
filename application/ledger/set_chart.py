"""Set a ledger's chart."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from application.ledger.expected_version import require_version
from domain.ledger.book import Book, Scope
from domain.ledger.chart import Chart, Rule
from domain.ledger.events import ChartSet, Event
from domain.shared.access import Permission


@dataclass(frozen=True, slots=True)
class SetChart:
    """Replace the ledger's rules; accounts that are open keep their types.

    Refuses with `VersionConflict` if the chart is not at the version expected, and with `ValidationFailed`.
    """

    permission: ClassVar = Permission.CHART_SET
    size: ClassVar = 0
    rules: tuple[Rule, ...]
    expected_version: int | None = None

    def scope(self) -> Scope:
        """Return nothing: every book knows its ledger's chart."""
        return Scope()

    def execute(self, book: Book, now: datetime) -> Sequence[Event]:
        """Return the new chart, nothing if it is the one in force, or refuse."""
        require_version("The chart", book.chart.version, self.expected_version)
        chart = Chart(self.rules)
        return [] if chart.rules == book.chart.rules else [ChartSet(chart.rules)]
