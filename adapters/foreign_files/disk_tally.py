"""Counts of more keys than memory holds."""

import sqlite3
from typing import Final

_TABLE: Final = "CREATE TABLE tally (key BLOB PRIMARY KEY, times INTEGER NOT NULL) WITHOUT ROWID"
_COUNT: Final = "INSERT INTO tally VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET times = times + 1 RETURNING times"


class DiskTally:
    """Counts in a database of SQLite that has no name, and moves to the disk when it outgrows its cache of 2 MB.

    Keys that are near each other in order are quick. May be used by one thread after another.
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        # Nothing is to outlast a crash, so nothing need be undone either.
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA cache_size = -2048")
        self._database.execute(_TABLE)
        self._database.execute("BEGIN")

    def count(self, key: bytes) -> int:
        ((times,),) = self._database.execute(_COUNT, (key,)).fetchall()
        return int(times)

    def close(self) -> None:
        self._database.close()
