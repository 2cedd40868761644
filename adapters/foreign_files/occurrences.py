"""How often something was there before, in memory that does not grow with that."""

import sqlite3
from typing import Final

# Beyond it, they wait in a file that is removed by itself.
_MEMORY_KIB: Final = 4_096


class Occurrences:
    """Counts by key, kept in memory up to a few megabytes and beyond it on the disk, for as long as this lives."""

    def __init__(self) -> None:
        # Threads take turns in reading a file. Without a name, the database is removed when it is closed.
        self._rows = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._rows.execute(f"PRAGMA cache_size = -{_MEMORY_KIB}")
        self._rows.execute("PRAGMA journal_mode = OFF")
        self._rows.execute("PRAGMA synchronous = OFF")
        self._rows.execute("CREATE TABLE occurrence (key BLOB PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID")
        self._rows.execute("BEGIN")

    def before(self, key: bytes) -> int:
        """Return how often the key was asked for before, and count it."""
        found = self._rows.execute(
            "INSERT INTO occurrence VALUES (?, 0) ON CONFLICT (key) DO UPDATE SET count = count + 1 RETURNING count",
            (key,),
        ).fetchone()
        return int(found[0])

    def close(self) -> None:
        """Forget them."""
        self._rows.close()
