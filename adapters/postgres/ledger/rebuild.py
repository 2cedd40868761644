"""Rebuilding: a replay, compared with the real projections table by table, and put in their place where they differ."""

from typing import Any, Final

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.postgres.engine import JOURNAL_PLANS
from adapters.postgres.ledger.replay import Replay
from adapters.postgres.tables import PROJECTIONS
from adapters.postgres.work import DriverConnection, owner_session, session_transaction
from application.ledger.log import Progress
from application.ledger.ports import LedgerAddress
from application.ledger.rebuild import Difference, Rebuilt
from domain.ledger.ledger import LedgerNotFound

_EXAMPLES: Final = 3
_SESSION: Final = JOURNAL_PLANS | {"temp_buffers": "32MB"}
# Comparing reads whole tables, once: what is right for the journal is wrong here.
_COMPARING: Final = dict.fromkeys((name for name in JOURNAL_PLANS if name.startswith("enable")), "on") | {
    "plan_cache_mode": "force_custom_plan",
    "work_mem": "32MB",
}

_FIND = "SELECT id FROM ledgers WHERE organisation_id = $1 AND slug = $2"
# Whoever writes to the ledger waits from here on. The count tells servers to forget what they remember of its state.
_LOCK = "UPDATE ledgers SET rebuilds = rebuilds + 1 WHERE organisation_id = $1 AND id = $2"

# In a full join, a side without a row has nulls alone; no `ledger_id` is null otherwise.
_DIFFERENT = """
(SELECT * FROM {schema}.{table} WHERE ledger_id = $1) AS kept
FULL JOIN (SELECT * FROM pg_temp.{table}) AS rebuilt ON {same_key}
WHERE kept IS DISTINCT FROM rebuilt
"""
_COUNT = """
SELECT count(*) FILTER (WHERE kept.ledger_id IS NULL) AS missing,
       count(*) FILTER (WHERE rebuilt.ledger_id IS NULL) AS unexpected,
       count(*) FILTER (WHERE kept.ledger_id IS NOT NULL AND rebuilt.ledger_id IS NOT NULL) AS changed
FROM {different}
"""
_SHOW = """
SELECT kept.ledger_id IS NULL AS missing, rebuilt.ledger_id IS NULL AS unexpected, {key}
FROM {different} LIMIT {examples}
"""
_REMOVE = """
DELETE FROM {schema}.{table} WHERE ledger_id = $1 AND ({columns}) IN (
    SELECT {kept} FROM {different} AND kept.ledger_id IS NOT NULL
)
"""
_INSERT = """
INSERT INTO {schema}.{table} SELECT rebuilt.* FROM {different} AND kept.ledger_id IS NULL
"""


class PostgresRebuilding:
    """Rebuilds projections. `engine` connects as the owner of the schema."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def rebuild(
        self, ledger: LedgerAddress, *, replace: bool = False, progress: Progress | None = None
    ) -> Rebuilt:
        organisation_id = ledger.organisation_id
        async with owner_session(self._engine, organisation_id, _SESSION) as connection:
            ledger_id = await connection.fetchval(_FIND, organisation_id, ledger.slug)
            if ledger_id is None:
                raise LedgerNotFound(f"The organisation {organisation_id} has no ledger {ledger.slug!r}.")
            schema = await connection.fetchval("SELECT quote_ident(current_schema())")
            replay = Replay(connection, organisation_id, ledger_id)
            await replay.begin()
            await replay.catch_up(progress)
            for table in PROJECTIONS:
                await connection.execute(f"ANALYZE pg_temp.{table.name}")
            async with session_transaction(connection, is_snapshot=True):
                await replay.catch_up(progress)
                comparison = _Comparison(connection, ledger_id, schema)
                differences = await comparison.differences(PROJECTIONS)
            if not (differences and replace):
                return Rebuilt(replay.head, differences, replaced=False)
            async with session_transaction(connection):
                await connection.execute(_LOCK, organisation_id, ledger_id)
                await replay.catch_up(progress)
                await comparison.repair(PROJECTIONS)
            return Rebuilt(replay.head, differences, replaced=True)


class _Comparison:
    """Compares the kept rows of a ledger with the rebuilt ones, inside a transaction."""

    def __init__(self, connection: DriverConnection, ledger_id: int, schema: str) -> None:
        self._connection = connection
        self._ledger_id = ledger_id
        self._schema = schema

    async def differences(self, tables: tuple[Table, ...]) -> tuple[Difference, ...]:
        """Return what differs, table by table."""
        await self._prepare()
        found = [await self._difference(table) for table in tables]
        return tuple(difference for difference in found if difference.rows)

    async def repair(self, tables: tuple[Table, ...]) -> None:
        """Put the rebuilt rows in the place of the kept ones that differ."""
        await self._prepare()
        for table in tables:
            columns = _key(table)
            names = {
                "columns": ", ".join(columns),
                "kept": ", ".join(f"kept.{column}" for column in columns),
            }
            await self._connection.execute(self._statement(_REMOVE, table, **names), self._ledger_id)
            await self._connection.execute(self._statement(_INSERT, table), self._ledger_id)

    async def _prepare(self) -> None:
        for name, value in _COMPARING.items():
            await self._connection.fetchval("SELECT set_config($1, $2, true)", name, value)

    async def _difference(self, table: Table) -> Difference:
        row = await self._connection.fetchrow(self._statement(_COUNT, table), self._ledger_id)
        examples = []
        if any(row.values()):
            columns = _key(table)[1:]
            shown = ", ".join(f"coalesce(kept.{column}, rebuilt.{column}) AS {column}" for column in columns)
            # The settings of a ledger have no key but the ledger's.
            show = self._statement(_SHOW, table, key=shown or "1 AS ledger", examples=str(_EXAMPLES))
            examples = [_described(each) for each in await self._connection.fetch(show, self._ledger_id)]
        return Difference(table.name, row["missing"], row["unexpected"], row["changed"], tuple(examples))

    def _statement(self, template: str, table: Table, **names: str) -> str:
        same_key = " AND ".join(f"kept.{column} = rebuilt.{column}" for column in _key(table))
        different = _DIFFERENT.format(schema=self._schema, table=table.name, same_key=same_key)
        return template.format(schema=self._schema, table=table.name, different=different, **names)


def _key(table: Table) -> list[str]:
    return [column.name for column in table.primary_key.columns]


def _described(row: Any) -> str:
    key = ", ".join(f"{name} {value}" for name, value in list(row.items())[2:])
    what = "missing" if row["missing"] else "unexpected" if row["unexpected"] else "changed"
    return f"{key} ({what})"
