"""What PostgreSQL did for each statement, as it says itself, and what is wrong with that.

`auto_explain` sends the plan of each statement that was executed to who sent it, with how many rows each step found:
of the very statement, with its values, its role and its policies, those inside of foreign keys included.
"""

import asyncio
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import asyncpg
from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine

# What connections that are made to the database from now on do.
SETTINGS: Final = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_timing": "off",
    "auto_explain.log_nested_statements": "on",
    "auto_explain.log_format": "json",
    "auto_explain.log_level": "notice",
}
_SCANS: Final = ("Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan", "Bitmap Index Scan", "Tid Scan")


@dataclass(frozen=True, slots=True)
class Scan:
    """One step that reads a table or an index, and how many rows it looked at, all its rounds together."""

    table: str
    kind: str
    rows: int
    index: str | None
    condition: str

    @property
    def words(self) -> str:
        """The step in words."""
        by = f" by {self.index} ({self.condition or 'without a condition'})" if self.index else ""
        return f"{self.kind} of {self.table}{by}: {self.rows} rows"


@dataclass(frozen=True, slots=True)
class Plan:
    """A statement that was executed."""

    statement: str
    scans: Sequence[Scan]

    @property
    def words(self) -> str:
        """The statement on one line."""
        return " ".join(self.statement.split())


@dataclass(slots=True)
class Watch:
    """The plans of all that is executed on the connections of some engines."""

    plans: list[Plan] = field(default_factory=list)

    def follow(self, engine: AsyncEngine) -> None:
        """Hear of what is executed on connections that the engine makes from now on."""

        @event.listens_for(engine.sync_engine, "connect")
        def listen(connection: Any, _record: object) -> None:
            connection.driver_connection.add_log_listener(self._hear)

        @event.listens_for(engine.sync_engine, "rollback")
        def close_cursors(connection: Connection) -> None:
            # What was read through a cursor is told of when that is closed, and never when it is rolled back.
            opened: Any = connection.connection
            with suppress(asyncpg.InFailedSQLTransactionError):
                opened.run_async(lambda driver: driver.execute("CLOSE ALL"))

    def _hear(self, _connection: object, message: asyncpg.PostgresLogMessage) -> None:
        _, is_plan, written = message.message.partition("plan:\n")
        if is_plan:
            self.plans.append(plan_of(json.loads(written)))

    async def take(self) -> list[Plan]:
        """Return the plans that were heard of since the last time."""
        # The driver calls listeners in the next turn of the loop.
        await asyncio.sleep(0)
        taken, self.plans = self.plans, []
        return taken


def plan_of(written: dict[str, Any]) -> Plan:
    """Read a plan as PostgreSQL writes it in JSON."""
    return Plan(written["Query Text"], list(_scans(written["Plan"], table=None)))


def _scans(node: dict[str, Any], table: str | None) -> Iterator[Scan]:
    table = node.get("Relation Name", table)
    if node["Node Type"] in _SCANS and table is not None and node["Actual Loops"]:
        found = node["Actual Rows"] + sum(node.get(f"Rows Removed by {why}", 0) for why in ("Filter", "Index Recheck"))
        condition = node.get("Index Cond", "")
        yield Scan(table, node["Node Type"], round(found * node["Actual Loops"]), node.get("Index Name"), condition)
    for below in node.get("Plans", ()):
        yield from _scans(below, table)


def wrong_with(
    plans: Sequence[Plan],
    first_columns: Mapping[str, str],
    *,
    growing: Collection[str],
    allowed: Callable[[Scan], int | None],
) -> list[str]:
    """Return what is wrong with the plans, as sentences: what each would cost more of, the more there is.

    `first_columns` has the column that each index begins with, `growing` the tables that may have many rows, and
    `allowed` says up to how many rows a step may look at.
    """
    wrong = []
    for plan in plans:
        for scan in plan.scans:
            rows_max = allowed(scan)
            if scan.table not in growing:
                continue
            if scan.kind == "Seq Scan":
                why = "reads the whole table"
            elif rows_max is not None and scan.rows > rows_max:
                why = f"looks at more than {rows_max}"
            elif scan.condition and scan.index and not _bounds(first_columns[scan.index], scan.condition):
                why = f"reads the whole index, which begins with {first_columns[scan.index]}"
            else:
                continue
            wrong.append(f"{scan.words} {why}: {plan.words}")
    return wrong


def _bounds(column: str, condition: str) -> bool:
    return re.search(rf"\b{re.escape(column)}\b", condition) is not None
