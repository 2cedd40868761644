"""Sizes: how many entries commands bring, and how many of holds and transactions a group looks at."""

from collections.abc import Sequence
from typing import Final

from application.ledger.ports import LOADED_ENTRIES_MAX, DueHolds, TooManyEntries

# A capture or a reversal that names no entries posts what is left, however much that is.
ENTRIES_EXPECTED: Final = 2


def within_entries(due: Sequence[tuple[str, int]], entries_max: int) -> DueHolds:
    """Return the first of the due holds, each an id and how many entries it has, as `Snapshot.due_holds` promises."""
    ids: list[str] = []
    entries = 0
    for id, of_hold in due:
        entries += of_hold
        if ids and entries > entries_max:
            return DueHolds(tuple(ids), are_all=False)
        ids.append(id)
    return DueHolds(tuple(ids))


def require_loadable(entries: int) -> None:
    """Return if so many entries of holds and transactions can be looked at at once; else raise `TooManyEntries`."""
    if entries > LOADED_ENTRIES_MAX:
        raise TooManyEntries(
            f"The holds and transactions have {entries:,} entries together; a command takes on {LOADED_ENTRIES_MAX:,} "
            "at the most: ask for fewer at once."
        )
