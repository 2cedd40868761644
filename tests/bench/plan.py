"""How long each phase is, and how much is posted in it."""

from dataclasses import dataclass
from typing import Final

COLD_ACCOUNTS: Final = 10_000
HOT_ACCOUNTS: Final = 10
BOTH: Final = (COLD_ACCOUNTS, HOT_ACCOUNTS)


@dataclass(frozen=True, slots=True)
class Plan:
    """The size of a run. A phase ends after its seconds, and has an end even where nothing answers."""

    phase_seconds: float
    export_seconds: float
    import_count: int
    journal_count: int
    copied_transactions_max: int
    history_entries: int

    @property
    def slice_count(self) -> int:
        """How many transactions the first and the last part of the import have."""
        return max(1, min(100_000, self.import_count // 10))


def plan(
    *, is_quick: bool, phase_seconds: float | None, import_count: int | None, history_entries: int | None = None
) -> Plan:
    """Return the plan of the options; what is None is chosen by `is_quick`."""
    usual = (
        Plan(4.0, 8.0, 50_000, 20_000, 20_000, 200_000)
        if is_quick
        else Plan(20.0, 60.0, 1_000_000, 100_000, 200_000, 10_000_000)
    )
    return Plan(
        phase_seconds or usual.phase_seconds,
        usual.export_seconds if phase_seconds is None else 3 * phase_seconds,
        import_count or usual.import_count,
        usual.journal_count,
        usual.copied_transactions_max,
        history_entries or usual.history_entries,
    )
